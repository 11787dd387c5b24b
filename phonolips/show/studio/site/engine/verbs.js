// From text, sound, phones or posteriors to lips; follows phonolips/synth/verbs.py, arguments.py and stream.py.

import { alignmentToLabels, alignmentToPosteriors, checkAlignment, pathToAlignment, scaleAlignment, speechWords } from './alignment.js';
import { bestPath, LivePhones } from './decode.js';
import { CancelledError, InputError } from './errors.js';
import { NUM_PHONES, PHONES, SILENCE_ID, UNKNOWN } from './inventory.js';
import { resample } from './lips/curve.js';
import * as motion from './lips/motion.js';
import { closeLips, LIP_NUMBERS } from './lips/shapes.js';
import { InStep, Rows } from './rows.js';
import * as stages from './stages.js';
import { exactFps, FRAME_SAMPLES, MODEL_FPS, SAMPLE_RATE, samplesToSteps, STEPS_PER_FRAME, STEPS_PER_SECOND } from './timebase.js';
import { checkRate, predictAlignment } from './timing.js';

const SHUT = 'shut';
const RESTS = [SHUT, 'natural'];
const ROW_SUM_TOLERANCE = 0.01;
const MOST_SECONDS = 24 * 3600;
const SILENCE_LEVEL = 10 ** (-70 / 20);
export const LIVE_AHEAD_FRAMES = 2; // of exaggeration
export const WITH_LIPS = -1; // a lag of phones: as long as the lips take anyway

/** Check the options that all verbs share; return who speaks and how they move. Throws InputError. */
export function checkOptions(model, options = {}) {
  const who = model.speaker(options.speaker ?? null);
  const known = model.isKnown(who);
  const { lips } = model.settings;
  const { liveliness = null, rest = SHUT } = options;
  if (liveliness !== null && !(liveliness >= 0 && liveliness <= motion.MOST_LIVELINESS)) {
    throw new InputError(`liveliness is ${liveliness}; expected 0 (as the decoder says) to ${motion.MOST_LIVELINESS}`);
  }
  if (!RESTS.includes(rest)) throw new InputError(`rest is '${rest}'; expected ${RESTS.join(' or ')}`);
  const gains = motion.checkArticulation(options.articulation ?? 1);
  if (!known) gains.width *= lips.width_of_others;
  return {
    who,
    gains,
    liveliness: liveliness ?? (known ? lips.liveliness : lips.liveliness_of_others),
    isShut: rest === SHUT,
    fps: exactFps(options.fps ?? MODEL_FPS),
    shut: closeLips(who.meanLip),
  };
}

/** Fill up posteriors with silence to a whole number of frames. */
function padToFrames(posteriors) {
  const unit = NUM_PHONES * STEPS_PER_FRAME;
  const missing = (unit - (posteriors.length % unit)) % unit;
  if (!missing) return posteriors;
  const padded = new Float32Array(posteriors.length + missing);
  padded.set(posteriors);
  for (let at = posteriors.length + SILENCE_ID; at < padded.length; at += NUM_PHONES) padded[at] = 1;
  return padded;
}

/** Check a user's posteriors: probabilities whose rows sum to 1 within 1 %; return them normalised. */
export function checkPosteriors(posteriors) {
  if (!posteriors.length || posteriors.length % NUM_PHONES) throw new InputError(`posteriors of ${posteriors.length} numbers; expected ${NUM_PHONES} for each step`);
  const result = Float32Array.from(posteriors);
  for (let at = 0; at < result.length; at += NUM_PHONES) {
    let sum = 0;
    for (let phone = 0; phone < NUM_PHONES; phone++) {
      if (!(result[at + phone] >= 0)) throw new InputError('posteriors hold negative numbers, or none; expected probabilities');
      sum = Math.fround(sum + result[at + phone]);
    }
    if (Math.abs(sum - 1) > ROW_SUM_TOLERANCE) throw new InputError(`posteriors of step ${at / NUM_PHONES} sum to ${sum.toFixed(3)}; expected 1 in every row`);
    for (let phone = 0; phone < NUM_PHONES; phone++) result[at + phone] /= sum;
  }
  return result;
}

/** Predict lip parameters where there is no sound to encode them from: (steps / 4 * names). */
export async function predictLipParameters(model, posteriors, chunkFrames = stages.CHUNK_FRAMES) {
  const stage = new stages.PredictStage(model);
  const rows = new Rows(padToFrames(posteriors), NUM_PHONES);
  const parts = [];
  const size = chunkFrames * STEPS_PER_FRAME;
  for (let first = 0; first < rows.count; first += size) {
    const end = Math.min(first + size, rows.count);
    parts.push((await stage.push(rows.part(first, end), end === rows.count)).lipParameters);
  }
  return Rows.join(parts).data;
}

/** Decode posteriors and lip parameters to a speaker's lips at 25 frames a second, before anything is done to them. */
export async function decodeLips(model, posteriors, lipParameters, who, { anticipates = false, watch = null } = {}) {
  const anticipate = anticipates ? new stages.AnticipateStage() : null;
  const decode = new stages.DecodeStage(model, who);
  const steps = new Rows(posteriors, NUM_PHONES);
  const frames = new Rows(lipParameters, model.lipParameterNames.length);
  const parts = [];
  for (let first = 0; first < frames.count; first += stages.CHUNK_FRAMES) {
    const end = Math.min(first + stages.CHUNK_FRAMES, frames.count);
    const last = end === frames.count;
    let part = { posteriors: steps.part(first * STEPS_PER_FRAME, end * STEPS_PER_FRAME), lipParameters: frames.part(first, end) };
    if (anticipate) part = anticipate.push(part, last);
    parts.push(await decode.push(part, last));
    await watch?.(end / frames.count);
  }
  return Rows.join(parts).data;
}

async function decodeAll(model, posteriors, { lipParameters, alignment, timing, samples, options, watch }) {
  const { who, gains, liveliness, isShut, fps, shut } = checkOptions(model, options);
  const padded = padToFrames(posteriors);
  const names = model.lipParameterNames.length;
  const frames = padded.length / (NUM_PHONES * STEPS_PER_FRAME);
  if (lipParameters && (lipParameters.length !== frames * names || !lipParameters.every(Number.isFinite))) {
    throw new InputError(`lipParameters of ${lipParameters.length} numbers; expected ${frames * names}: ${model.lipParameterNames.join(', ')} at ${MODEL_FPS} frames a second`);
  }
  const moves = lipParameters ? Float32Array.from(lipParameters) : await predictLipParameters(model, padded);
  const steps = posteriors.length / NUM_PHONES;
  let seconds = steps / STEPS_PER_SECOND;
  if (samples) seconds = Math.min(seconds, samples.length / SAMPLE_RATE);
  const spoken = alignment ?? pathToAlignment(bestPath(posteriors, model.ngram), posteriors);
  const emphasis = options.emphasis ?? {};
  motion.checkEmphasis(emphasis, speechWords(spoken).map((word) => word.label));
  const decoded = await decodeLips(model, padded, moves, who, { anticipates: isShut, watch });
  let lips = motion.articulate(motion.exaggerate(decoded, liveliness), gains, shut);
  const count = lips.length / LIP_NUMBERS;
  if (Object.keys(emphasis).length) lips = motion.enlarge(lips, motion.emphasisCurve(spoken, emphasis, count), shut);
  if (isShut) lips = motion.restBy(lips, motion.restWeights(spoken.phones, count), shut);
  lips = resample(lips, LIP_NUMBERS, { fps, seconds });
  lips = alignment
    ? motion.closePhones(lips, spoken.phones, fps)
    : motion.closeHeard(lips, alignmentToLabels(spoken, steps), motion.closingBeliefs(posteriors), fps);
  return makeResult(model, lips.slice(), fps, { posteriors, lipParameters: moves, alignment: spoken, speaker: who.name, timing, samples });
}

function makeResult(model, lips, fps, { posteriors, lipParameters, alignment, speaker, timing, samples, warnings = [] }) {
  return {
    lips,
    frames: lips.length / LIP_NUMBERS,
    fps,
    posteriors,
    steps: posteriors.length / NUM_PHONES,
    lipParameters,
    lipParameterNames: [...model.lipParameterNames],
    alignment,
    speaker,
    timing,
    samples: samples ?? null,
    warnings,
  };
}

/** Turn posteriors, edited as you like, into lips. */
export const fromPosteriors = (model, posteriors, { lipParameters = null, alignment = null, samples = null, timing = 'posteriors', watch = null, ...options } = {}) =>
  decodeAll(model, checkPosteriors(posteriors), {
    lipParameters,
    alignment: alignment && checkAlignment(alignment),
    timing,
    samples,
    options,
    watch,
  });

/** Speak phones at the times that an alignment gives them. */
export async function fromAlignment(model, alignment, { samples = null, rate = 1, timing = 'given durations', watch = null, ...options } = {}) {
  if (samples && checkRate(rate) !== 1) throw new InputError(`rate ${rate} with a sound of its own pace; leave out the rate or the sound`);
  const timed = scaleAlignment(checkAlignment(alignment), 1 / checkRate(rate));
  if (timed.duration > MOST_SECONDS) throw new InputError(`alignment of ${timed.duration} s; expected at most 24 hours; are its times seconds?`);
  let steps = Math.max(1, Math.ceil(timed.duration * STEPS_PER_SECOND - 1e-6));
  if (samples) steps = Math.max(steps, samplesToSteps(samples.length));
  const result = await decodeAll(model, alignmentToPosteriors(timed, steps), { lipParameters: null, alignment: timed, timing, samples, options, watch });
  const unknown = timed.phones.filter((phone) => phone.label === UNKNOWN);
  if (unknown.length) result.warnings.push(`${unknown.length} x ${UNKNOWN} (no phone known), first at ${unknown[0].start.toFixed(2)} s: shown at rest`);
  return result;
}

/** Speak words with their phones: [{word, phones, pauseSeconds}]. */
export async function fromWords(model, words, { rate = 1, watch = null, ...options } = {}) {
  const { who } = checkOptions(model, options);
  const emphasis = Object.fromEntries(Object.entries(options.emphasis ?? {}).map(([word, factor]) => [word.toLowerCase(), factor]));
  motion.checkEmphasis(emphasis, words.filter((word) => word.word).map((word) => word.word));
  const alignment = await predictAlignment(model, words, who.row ?? 0, { rate: checkRate(rate), emphasis });
  return fromAlignment(model, alignment, { timing: 'predicted durations', watch, ...options, emphasis });
}

/** The likeliest phone of each step, Rows of one number. */
function likeliest(posteriors) {
  const found = new Int32Array(posteriors.count);
  for (let step = 0; step < found.length; step++) {
    const row = posteriors.data.subarray(step * NUM_PHONES, (step + 1) * NUM_PHONES);
    let best = 0;
    for (let phone = 1; phone < NUM_PHONES; phone++) if (row[phone] > row[best]) best = phone;
    found[step] = best;
  }
  return new Rows(found, 1);
}

/** All stages from sound at 16 kHz to lips, one after the other. */
export class SoundToLips {
  constructor(model, options, { phonesOnly = false, voiceActivity = true, exaggerationAheadFrames = motion.EXAGGERATION_REACH_FRAMES, phoneLagSteps = null, lowDelay = false } = {}) {
    const { who, gains, liveliness, isShut, fps, shut } = checkOptions(model, options);
    Object.assign(this, { model, speaker: who, gains, shut });
    this.samples = 0;
    this.steps = 0;
    this.sound = new stages.SoundStage(model, { voiceActivity });
    this.predict = phonesOnly ? new stages.PredictStage(model) : null;
    this.lowDelay = lowDelay; // nothing waits for more than the encoder and the decoder look ahead
    this.anticipate = isShut && !lowDelay ? new stages.AnticipateStage() : null;
    this.decode = new stages.DecodeStage(model, who);
    this.exaggerate = new stages.ExaggerateStage(liveliness, exaggerationAheadFrames);
    this.resample = new stages.ResampleStage(fps);
    const ahead = this.lipsAheadFrames;
    this.close = lowDelay ? new stages.QuickClosureStage(this.resample.fps, ahead / MODEL_FPS) : new stages.ClosureStage(this.resample.fps);
    this.lag = phoneLagSteps === WITH_LIPS ? Math.max(0, STEPS_PER_FRAME * ahead - (lowDelay ? 0 : motion.REST_REACH_STEPS)) : phoneLagSteps;
    this.phones = new LivePhones(model.ngram, this.lag);
    this.rest = isShut ? new stages.RestStage(lowDelay ? Math.min(motion.REST_REACH_FRAMES, ahead) : motion.REST_REACH_FRAMES) : null;
    this.labelsBeliefs = new InStep(1, 1);
    this.withWeights = new InStep(1, 1);
    this.withLips = new InStep(1, STEPS_PER_FRAME, 1);
    this.withClosed = new InStep(STEPS_PER_FRAME, 1, 1);
    this.made = 0;
    this.ended = 0;
  }

  get fps() {
    return this.resample.fps;
  }

  inStep(decided, heard) {
    const [labels, beliefs] = this.labelsBeliefs.push(decided, heard);
    return [labels, labels, beliefs];
  }

  get lipsAheadFrames() {
    return [this.predict, this.anticipate, this.decode, this.exaggerate].reduce((sum, stage) => sum + (stage?.aheadFrames ?? 0), 0);
  }

  /** How much sound after the end of a frame is needed for it. */
  get delaySeconds() {
    if (this.lag === null) return Infinity;
    let frames = this.lipsAheadFrames;
    const lag = this.lowDelay ? 0 : this.lag;
    if (this.rest) frames = Math.max(frames, Math.ceil(lag / STEPS_PER_FRAME) + this.rest.aheadFrames);
    const lips = frames / MODEL_FPS + this.resample.aheadSeconds + this.close.aheadFrames / this.fps;
    const phones = Math.ceil((lag / STEPS_PER_SECOND + this.close.phonesSeconds) * MODEL_FPS - 1e-9) / MODEL_FPS;
    return this.sound.aheadSeconds + Math.max(lips, phones + (this.fps === MODEL_FPS ? 0 : 1 / MODEL_FPS));
  }

  /** Take the next samples; return {lips, posteriors, lipParameters, labels} as Rows, what can be known by now. */
  async push(samples, last = false) {
    this.samples += samples.length;
    let encoded = await this.sound.push(samples, last);
    if (!encoded.posteriors.count && !last) return { lips: Rows.none(LIP_NUMBERS), ...encoded, labels: Rows.none(1, Int32Array) };
    this.steps += encoded.posteriors.count;
    const decided = new Rows(this.phones.push(encoded.posteriors.data, last), 1);
    const heard = new Rows(motion.closingBeliefs(encoded.posteriors.data), motion.CLOSURES.length);
    // with low delay rest and closures go by the likeliest phone of each step, which waits for nothing
    const [labels, moving, beliefs] = this.lowDelay ? [decided, likeliest(encoded.posteriors), heard] : this.inStep(decided, heard);
    if (this.predict) encoded = await this.predict.push(encoded.posteriors, last);
    const spoken = this.anticipate ? this.anticipate.push(encoded, last) : encoded;
    let lips = this.exaggerate.push(await this.decode.push(spoken, last), last);
    lips = new Rows(motion.articulate(lips.data, this.gains, this.shut), LIP_NUMBERS);
    if (this.rest) {
      const [own, weights] = this.withWeights.push(lips, this.rest.push(moving, last));
      lips = new Rows(motion.restBy(own.data, weights.data, this.shut), LIP_NUMBERS);
    }
    let posteriors;
    let lipParameters;
    [lips, posteriors, lipParameters] = this.withLips.push(lips, encoded.posteriors, encoded.lipParameters);
    const seconds = last ? Math.min(this.steps / STEPS_PER_SECOND, this.samples / SAMPLE_RATE) : null;
    lips = this.close.push(this.resample.push(lips, seconds), moving, beliefs, last);
    this.made += lips.count;
    const ended = last ? Math.floor(this.steps / STEPS_PER_FRAME) : Math.floor((this.made * MODEL_FPS) / this.fps + 1e-9);
    const ticks = new Rows(new Uint8Array(ended - this.ended), 1);
    this.ended = ended;
    [posteriors, lipParameters] = this.withClosed.push(posteriors, lipParameters, ticks);
    return { lips, posteriors, lipParameters, labels };
  }
}

/** Encode speech and turn it into lips; samples Float32Array at 16 kHz. */
export async function fromAudio(model, samples, { phonesOnly = false, voiceActivity = true, watch = null, ...options } = {}) {
  if (!samples.length) throw new InputError('audio: holds no samples');
  if (options.emphasis && Object.keys(options.emphasis).length) throw new InputError('emphasis: of sound no words are known; expected none');
  let peak = 0;
  for (const sample of samples) {
    if (!Number.isFinite(sample)) throw new InputError('audio holds values that are not finite; expected numbers from -1 to 1');
    peak = Math.max(peak, Math.abs(sample));
  }
  const chain = new SoundToLips(model, options, { phonesOnly, voiceActivity });
  const parts = [];
  const size = stages.CHUNK_FRAMES * FRAME_SAMPLES;
  for (let first = 0; first < samples.length; first += size) {
    const end = Math.min(first + size, samples.length);
    parts.push(await chain.push(samples.subarray(first, end), end === samples.length));
    await watch?.(end / samples.length);
  }
  const [lips, posteriors, lipParameters, labels] = ['lips', 'posteriors', 'lipParameters', 'labels'].map((kind) => Rows.join(parts.map((part) => part[kind])).data.slice());
  const result = makeResult(model, lips, chain.fps, {
    posteriors,
    lipParameters,
    alignment: pathToAlignment(labels, posteriors),
    speaker: chain.speaker.name,
    timing: 'audio',
    samples,
  });
  const silent = result.alignment.phones.every((phone) => phone.label === PHONES[SILENCE_ID]);
  if (voiceActivity && silent && peak >= SILENCE_LEVEL) {
    result.warnings.push(`no speech was found in ${(result.steps / STEPS_PER_SECOND).toFixed(1)} s of sound, so the mouth rests; turn voice activity off to let every sound move it`);
  }
  return result;
}

/** Encode sound alone: {posteriors (steps * 40), lipParameters}. */
export async function encode(model, samples, { voiceActivity = true } = {}) {
  const stage = new stages.SoundStage(model, { voiceActivity });
  const parts = [];
  const size = stages.CHUNK_FRAMES * FRAME_SAMPLES;
  for (let first = 0; first < samples.length; first += size) {
    const end = Math.min(first + size, samples.length);
    parts.push(await stage.push(samples.subarray(first, end), end === samples.length));
  }
  return { posteriors: Rows.join(parts.map((part) => part.posteriors)).data, lipParameters: Rows.join(parts.map((part) => part.lipParameters)).data };
}

export const readPhones = (model, posteriors) => pathToAlignment(bestPath(posteriors, model.ngram), posteriors);

/** Raise CancelledError where a call was cancelled; for `watch`. */
export const stopIf = (isCancelled) => {
  if (isCancelled()) throw new CancelledError();
};
