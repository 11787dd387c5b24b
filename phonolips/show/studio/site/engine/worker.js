// The engine in a Worker: answers the calls of client.js in order; see README.md.

import * as ort from '../vendor/ort.wasm.min.mjs';
import { CancelledError, InputError } from './errors.js';
import { LiveStream } from './live.js';
import { loadModel, openRuntime } from './model.js';
import { exportResult } from './export/formats.js';
import { arkitWeightsOf } from './export/arkit.js';
import { resampleSound } from './resampling.js';
import { readRun, saveRun } from './run_folder.js';
import { openDictionary, pronounce } from './text/pronounce.js';
import { parsePhones } from './text/words.js';
import { MODEL_FPS, SAMPLE_RATE } from './timebase.js';
import * as verbs from './verbs.js';

const site = new URL('../', import.meta.url);
let sendCompiled;
const compiled = new Promise((resolve) => (sendCompiled = resolve));
const state = { compiled, listing: null, started: null, model: null, live: null };
const PIECE_SHARE = 0.1;
const cancelled = new Set();
let queue = Promise.resolve();

/** Let messages that have arrived be seen. */
const breathe = () =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/** Fetch a file of the site; `seen(bytes)` is told of each piece. */
async function fetchBytes(path, seen = () => {}) {
  const answer = await fetch(new URL(path, site));
  if (!answer.ok) throw new InputError(`${path}: the server answers ${answer.status}; expected a file of the studio`);
  const pieces = [];
  let length = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    length += value.length;
    seen(value.length);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

const readJson = async (path) => JSON.parse(new TextDecoder().decode(await fetchBytes(path)));

async function open({ model = null }, report) {
  if (!state.listing) {
    const mjs = new URL('vendor/ort-wasm-simd-threaded.mjs', site).href;
    const started = state.compiled.then((compiled) => openRuntime({ ort, mjs, compiled }));
    state.listing = await readJson('models/index.json');
    state.started = started.catch((error) => {
      throw new InputError(`WebAssembly cannot be started here (${error.message}); use a current browser`);
    });
    state.started.catch(() => {});
  }
  const { models } = state.listing;
  const found = model ? models.find(({ name }) => name === model) : models[0];
  if (!found) throw new InputError(`no model '${model}' here; expected one of ${models.map(({ name }) => name).join(', ')}`);
  const total = Object.values(found.files).reduce((sum, bytes) => sum + bytes, 0);
  let loaded = 0;
  const read = (file) =>
    fetchBytes(`models/${found.name}/${file}`, (bytes) => {
      loaded += bytes;
      report({ loaded, total, file });
    });
  state.model = await loadModel(read, found.name);
  await state.started;
  queue = queue.then(breathe).then(() => state.model.warm()).catch(() => {}); // what fails is told when it is used
  return describe(total);
}

function describe(bytes) {
  const { model, listing } = state;
  const live = new LiveStream(model, {});
  return {
    name: model.name,
    phones: model.description.phones,
    speakers: model.speakers,
    lipParameterNames: model.lipParameterNames,
    lookAheadSeconds: live.chain.sound.aheadSeconds,
    liveDelaySeconds: live.delaySeconds + livePiece(live) - 1 / MODEL_FPS,
    bytes,
    notes: model.description.notes,
    models: listing.models.map(({ name }) => name),
  };
}

let dictionary = null;
const openWords = () => {
  dictionary ??= fetchBytes('engine/data/dictionary.bin').then(openDictionary);
  return dictionary;
};

const calls = {
  open,
  fromText: async ({ text, options }, report, watch) => verbs.fromWords(state.model, pronounce(await openWords(), text), { ...options, watch }),
  fromPhones: ({ phones, options }, report, watch) => verbs.fromWords(state.model, parsePhones(phones), { ...options, watch }),
  fromAudio: ({ samples, options }, report, watch) => verbs.fromAudio(state.model, samples, { ...options, watch }),
  fromAlignment: ({ alignment, options }, report, watch) => verbs.fromAlignment(state.model, alignment, { ...options, watch }),
  fromPosteriors: ({ posteriors, options }, report, watch) => verbs.fromPosteriors(state.model, posteriors, { ...options, watch }),
  readPhones: ({ posteriors }) => verbs.readPhones(state.model, verbs.checkPosteriors(posteriors)),
  predictLipParameters: ({ posteriors }) => verbs.predictLipParameters(state.model, verbs.checkPosteriors(posteriors)),
  exportResult: ({ result, name, options }) => exportResult(result, name, options),
  arkitWeightsOf: ({ result, fps }) => arkitWeightsOf(result, fps),
  saveRun: ({ result, options }) => saveRun(result, options),
  readRun: ({ bytes }) => readRun(bytes),
  resampleSound: ({ samples, fromRate }) => resampleSound(samples, fromRate),
  pronounce: async ({ text }) => pronounce(await openWords(), text),
  openLive: ({ options }) => {
    const live = new LiveStream(state.model, options);
    const sampleRate = options.sampleRate ?? SAMPLE_RATE;
    const pieceSeconds = livePiece(live);
    state.live = { stream: live, pending: [], waiting: 0, isQueued: false, piece: pieceSeconds * sampleRate, sampleRate, seen: 0 };
    return { fps: live.fps, delaySeconds: live.delaySeconds, pieceSeconds };
  },
  closeLive: async () => {
    await pushLive();
    const { live } = state;
    state.live = null;
    sendFrames(live, await live.stream.close());
    return null;
  },
};

/** How much live sound is taken at a time: a tenth of the delay, a frame at least, as each piece costs its margins anew. */
const livePiece = (live) => Math.max(1 / MODEL_FPS, live.delaySeconds * PIECE_SHARE);

function sendFrames(live, frames) {
  const behindSeconds = live.waiting / live.sampleRate;
  if (frames.frames || frames.phones.length || frames.steps) self.postMessage({ live: { ...frames, samplesSeen: live.seen, behindSeconds } });
}

/** Push all samples that have come by now at once, so that a page that was late catches up. */
async function pushLive() {
  const { live } = state;
  if (!live?.pending.length) return;
  const pieces = live.pending.splice(0);
  live.waiting = 0;
  live.isQueued = false;
  const joined = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  live.seen += joined.length;
  sendFrames(live, await live.stream.push(joined));
}

async function answer({ id, call, args }) {
  const stopIfCancelled = () => {
    if (cancelled.delete(id)) throw new CancelledError();
  };
  try {
    await breathe();
    stopIfCancelled();
    const report = (progress) => self.postMessage({ id, progress });
    const watch = async (done) => {
      report({ done, total: 1 });
      await breathe();
      stopIfCancelled();
    };
    self.postMessage({ id, value: await calls[call](args, report, watch) });
  } catch (error) {
    cancelled.delete(id);
    self.postMessage({ id, error: { name: error.name, message: error.message, stack: error.stack } });
  }
}

self.onmessage = ({ data }) => {
  if (data.compiled) sendCompiled(data.compiled);
  else if (data.cancel !== undefined) cancelled.add(data.cancel);
  else if (data.live) {
    const { live } = state;
    if (!live) return;
    live.pending.push(data.live);
    live.waiting += data.live.length;
    if (live.waiting >= live.piece - 1 && !live.isQueued) {
      live.isQueued = true;
      queue = queue.then(breathe).then(pushLive).catch((error) => self.postMessage({ liveError: { name: error.name, message: error.message } }));
    }
  } else queue = queue.then(() => answer(data));
};
