// A model folder, ready to be used: its graphs in ONNX Runtime, its tables, and what its description says; follows
// phonolips/model/{network,stages,bundle,personal}.py. `openRuntime` must come first, once.

import { InputError } from './errors.js';
import { NUM_PHONES, PHONES } from './inventory.js';
import { LIP_NUMBERS } from './lips/shapes.js';
import { NUM_MELS } from './mel.js';
import { PhoneNgram } from './ngram.js';
import { readSafetensors } from './safetensors.js';
import { STEPS_PER_FRAME } from './timebase.js';

const FORMATS = [4, 5]; // 5: with weights stored as int8
const WEIGHTS_FILE = 'model.safetensors';
const [FINE_STEPS, STRIDE, STEM_KERNEL, MOST_AHEAD] = [2, 4, 6, 1e6];
const DEFAULTS = {
  audio_encoder: { kernel: 3, dilations: [1, 2], coarse_dilations: [1, 2, 4, 1, 2, 4, 1, 2, 4, 1], look_ahead: -1 },
  lip_parameters: { names: ['opening', 'width', 'height'], kernel: 7, layers: 5, look_ahead: -1 },
  decoder: { kernel: 5, dilations: [1, 2, 3], hidden: 128, speaker: 16, look_ahead: -1 },
  lips: { representation: 'pca', components: 12, liveliness: 0.3, liveliness_of_others: 0, width_of_others: 2 },
  voice_activity: { kernel: 3, dilations: [] },
};

let runtime = null;

// A graph that does nothing, with which the runtime starts while a model is still on its way.
const NOTHING = 'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQEg==';

/**
 * Start ONNX Runtime: its module of JavaScript, the address of its .mjs, and the bytes of its .wasm, or what a page has
 * compiled of them. Browsers keep what pages have compiled, and hand it to their Workers; what Workers compile they do
 * not keep, and it takes seconds until it is fast.
 */
export async function openRuntime({ ort, mjs, bytes = null, compiled = null }) {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmPaths = { mjs };
  ort.env.wasm.wasmBinary = bytes ?? new Uint8Array(1); // the runtime wants some; see below
  ort.env.logLevel = 'error';
  runtime = ort;
  const { instantiate } = WebAssembly;
  // The runtime has no way of its own to be given a compiled module: its one call is answered with it.
  if (compiled) WebAssembly.instantiate = async (_, imports) => ({ module: compiled, instance: await instantiate(compiled, imports) });
  try {
    await ort.InferenceSession.create(Uint8Array.from(atob(NOTHING), (letter) => letter.charCodeAt(0)), { executionProviders: ['wasm'] });
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Give layers, one after the other, the positions ahead that they want, of `unit` each, while some are left. */
function spendAhead(wanted, left, unit) {
  let spare = left;
  const given = wanted.map((most) => {
    const own = Math.min(most, Math.floor(spare / unit));
    spare -= unit * own;
    return own;
  });
  return [given, spare];
}

/** How far a frame looks to each side in the encoder: {back frames, ahead steps}. */
function encoderReach({ kernel, dilations, coarse_dilations: coarse, look_ahead: lookAhead }) {
  const half = (kernel - 1) / 2;
  const start = lookAhead >= 0 ? lookAhead : MOST_AHEAD;
  const stem = Math.min((STEM_KERNEL - FINE_STEPS) / 2, start);
  const [fineAheads, left] = spendAhead(dilations.map((dilation) => half * dilation), start - stem, FINE_STEPS);
  const [coarseAheads] = spendAhead(coarse.map((dilation) => half * dilation), left, STRIDE);
  const fine = stem + FINE_STEPS * sum(fineAheads);
  const allFine = STEM_KERNEL - FINE_STEPS + FINE_STEPS * (kernel - 1) * sum(dilations);
  const ahead = sum(coarseAheads);
  return {
    back: (kernel - 1) * sum(coarse) - ahead + Math.ceil((allFine - fine) / STRIDE),
    ahead: STRIDE * ahead + (lookAhead >= 0 ? fine : Math.ceil(fine / STRIDE) * STRIDE),
  };
}

/** One trained part, computed by ONNX Runtime; its session opens when it is first used. */
class Graph {
  constructor(name, bytes, weights) {
    Object.assign(this, { name, bytes, weights, session: null });
  }

  open() {
    this.session ??= runtime.InferenceSession.create(this.bytes, {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3, // errors
      externalData: [{ path: WEIGHTS_FILE, data: this.weights }],
    });
    return this.session;
  }

  /** Compute: {name: [data, shape]} to {name: data}. */
  async run(inputs) {
    const session = await this.open();
    const feeds = {};
    for (const [name, [data, shape]] of Object.entries(inputs)) {
      feeds[name] = new runtime.Tensor(data instanceof BigInt64Array ? 'int64' : 'float32', data, shape);
    }
    const outputs = await session.run(feeds);
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
  }
}

const whole = (value) => BigInt64Array.from([].concat(value), BigInt);

/** A trained model. Made by `loadModel`. */
export class Model {
  constructor(name, description, tensor, graphs) {
    this.name = name;
    this.description = description;
    this.settings = Object.fromEntries(
      Object.entries(DEFAULTS).map(([part, values]) => [part, { ...values, ...(description.settings[part] ?? {}) }]),
    );
    this.speakers = description.speakers;
    this.graphs = graphs;
    const table = (key) => {
      const found = tensor(key);
      if (!found) throw new InputError(`${name}: ${WEIGHTS_FILE} has no ${key}; copy the model again`);
      return found.data;
    };
    this.lipMean = table('lip_mean');
    this.lipBasis = table('lip_basis');
    this.lipScale = table('lip_scale')[0];
    this.embeddings = table('speakers.embedding.weight');
    this.outputs = this.lipBasis.length / LIP_NUMBERS;
    this.phoneOffsets = tensor('phone_offsets.weight')?.data ?? null;
    if (this.phoneOffsets && !this.phoneOffsets.some((value) => value)) this.phoneOffsets = null;
    this.counted = ['audio_encoder.phone_ngrams', 'audio_encoder.phone_ngram_counts', 'audio_encoder.phone_prior'].map(table);
    const { lip_parameters: moves, decoder, voice_activity: activity } = this.settings;
    this.lipParameterNames = moves.names;
    this.encoderReach = encoderReach(this.settings.audio_encoder);
    const movesAhead = spendAhead(Array(moves.layers).fill((moves.kernel - 1) / 2), moves.look_ahead >= 0 ? moves.look_ahead : MOST_AHEAD, 1)[0];
    this.movesReach = { ahead: sum(movesAhead), back: moves.layers * (moves.kernel - 1) - sum(movesAhead) };
    const context = sum(decoder.dilations) * (decoder.kernel - 1);
    const ahead = decoder.look_ahead < 0 ? Math.floor(context / 2) : decoder.look_ahead;
    this.decoderReach = { ahead, back: context - ahead };
    this.activityReach = activity.dilations.length ? ((activity.kernel - 1) / 2) * sum(activity.dilations) + 1 : null;
    this.rest = null; // lip parameters of a mouth at rest, once they are known
  }

  /** The n-gram model that helps to decode phones; null where nothing was counted. */
  get ngram() {
    if (this.fitted === undefined) this.fitted = this.counted[0].length ? new PhoneNgram(...this.counted) : null;
    return this.fitted;
  }

  /** Open all graphs, so that the first sound does not wait for it. */
  async warm() {
    for (const graph of Object.values(this.graphs)) await graph.open();
  }

  /** Return a speaker by name (null: the mean speaker), or one of a file of `phonolips adapt`, checked. */
  speaker(given) {
    if (given && typeof given === 'object') {
      const outputs = this.outputs;
      const offsets = given.phoneOffsets ?? null;
      if (given.embedding.length !== this.settings.decoder.speaker || (given.mixing && given.mixing.length !== outputs ** 2) || (offsets && offsets.length !== NUM_PHONES * outputs)) {
        throw new InputError(`speaker '${given.name}' was made for another model; adapt the speaker to this model again`);
      }
      return { gain: 1, mixing: null, phoneOffsets: offsets, ...given };
    }
    const row = this.speakers.indexOf(given || 'mean');
    if (row < 0) throw new InputError(`speaker '${given}' is not in this model; it knows: ${this.speakers.join(', ')}`);
    const dim = this.settings.decoder.speaker;
    return {
      name: this.speakers[row],
      row,
      embedding: this.embeddings.slice(row * dim, (row + 1) * dim),
      meanLip: this.lipMean.slice(row * LIP_NUMBERS, (row + 1) * LIP_NUMBERS),
      gain: 1,
      mixing: null,
      phoneOffsets: row === 0 ? this.phoneOffsets : null,
    };
  }

  /** Whether the model, or a fit, knows the size and speed of somebody. */
  isKnown(speaker) {
    return Boolean(speaker.mixing) || speaker.gain !== 1 || speaker.embedding.some((value, i) => value !== this.embeddings[i]);
  }

  /** Log-mel (4 * frames * 80) to {posteriors, lipParameters}. */
  async encodeMel(mel) {
    const steps = mel.length / NUM_MELS;
    const made = await this.graphs.encoder.run({ mel: [mel, [1, steps, NUM_MELS]] });
    return { posteriors: made.posteriors, lipParameters: made.lip_parameters ?? new Float32Array(0) };
  }

  /** Log-mel to the log odds of speech, one a frame. */
  async logOdds(mel) {
    return (await this.graphs.voice_activity.run({ mel: [mel, [1, mel.length / NUM_MELS, NUM_MELS]] })).log_odds;
  }

  /** Posteriors (4 * frames * 40) to lip parameters. */
  async predictMoves(posteriors) {
    if (!this.graphs.lip_parameters) return new Float32Array(0);
    return (await this.graphs.lip_parameters.run({ posteriors: [posteriors, [1, posteriors.length / NUM_PHONES, NUM_PHONES]] })).lip_parameters;
  }

  /** The state of the decoder before the first frame. */
  startState() {
    return { hidden: new Float32Array(this.settings.decoder.hidden), last: new Float32Array(this.outputs) };
  }

  /** Decode frames [first, stop) of some: {outputs (own * outputs), state}. */
  async decodeFrames(posteriors, lipParameters, embedding, state, first, stop) {
    const steps = posteriors.length / NUM_PHONES;
    const names = this.lipParameterNames.length;
    const made = await this.graphs.decoder.run({
      posteriors: [posteriors, [1, steps, NUM_PHONES]],
      ...(names ? { lip_parameters: [lipParameters, [1, steps / STEPS_PER_FRAME, names]] } : {}),
      embedding: [embedding, [1, embedding.length]],
      hidden: [state.hidden, [1, state.hidden.length]],
      last: [state.last, [1, state.last.length]],
      first: [whole(first), [1]],
      stop: [whole(stop), [1]],
    });
    return { outputs: made.outputs, state: { hidden: made.hidden_out.slice(), last: made.last_out.slice() } };
  }

  /** Predict log steps of phones: ids, position (2 a phone), and a row of the speaker table. */
  async predictLogSteps(ids, position, row) {
    const made = await this.graphs.durations.run({
      phones: [whole(ids), [1, ids.length]],
      position: [position, [1, ids.length, 2]],
      speaker: [whole(row), [1]],
    });
    return made.log_steps;
  }

  /** Map the decoder's outputs (frames * outputs) to lips around a mean lip (80,). */
  outputsToLips(outputs, meanLip) {
    const frames = outputs.length / this.outputs;
    const lips = new Float32Array(frames * LIP_NUMBERS);
    for (let frame = 0; frame < frames; frame++) {
      for (let number = 0; number < LIP_NUMBERS; number++) {
        let value = 0;
        for (let k = 0; k < this.outputs; k++) value += Math.fround(outputs[frame * this.outputs + k] * this.lipScale) * this.lipBasis[k * LIP_NUMBERS + number];
        lips[frame * LIP_NUMBERS + number] = meanLip[number] + value;
      }
    }
    return lips;
  }
}

/**
 * Load a model folder.
 *
 * `read(file)` returns a promise of the bytes of one of its files; `name` is for people. Throws InputError for a folder
 * of another format, or with a part that is not computed here.
 */
export async function loadModel(read, name = 'default') {
  const description = JSON.parse(new TextDecoder().decode(await read('model.json')));
  if (!FORMATS.includes(description.format) || description.phones.join(' ') !== PHONES.join(' ') || description.lip_layout !== 'mediapipe40') {
    throw new InputError(`${name}: a model of format ${description.format}; expected ${FORMATS.join(' or ')}, with this version's phones and lips`);
  }
  if (description.settings.lip_parameters?.names?.length === 0) {
    throw new InputError(`${name}: a model without lip parameters, which the studio does not compute; train one with them`);
  }
  const weights = await read(WEIGHTS_FILE);
  const names = ['encoder', 'durations', 'decoder', 'lip_parameters', 'voice_activity'].filter((part) => `${part}.onnx` in description.checksums);
  const files = await Promise.all(names.map((part) => read(`${part}.onnx`)));
  const graphs = Object.fromEntries(names.map((part, i) => [part, new Graph(part, files[i], weights)]));
  return new Model(name, description, readSafetensors(weights), graphs);
}
