// The engine in a Worker, for the page; README.md describes it.

import { CancelledError, InputError } from './errors.js';

export { CancelledError, InputError };

const ERRORS = { InputError, CancelledError };

function errorOf({ name, message, stack }) {
  if (name === 'CancelledError') return new CancelledError();
  const error = new (ERRORS[name] ?? Error)(message);
  if (!(name in ERRORS)) error.workerStack = stack;
  return error;
}

/** Lips while somebody speaks; made by `Engine.openLive`. */
class Live {
  constructor(engine, { fps, delaySeconds, pieceSeconds }) {
    Object.assign(this, { engine, fps, delaySeconds, pieceSeconds, onframes: null, onerror: null });
  }

  push(samples) {
    const own = samples.slice();
    this.engine.worker.postMessage({ live: own }, [own.buffer]);
  }

  async close() {
    await this.engine.call('closeLive', {});
    this.engine.live = null;
  }
}

class Engine {
  constructor(worker) {
    Object.assign(this, { worker, info: null, live: null, last: 0, waiting: new Map() });
    worker.onmessage = ({ data }) => this.receive(data);
    worker.onerror = (event) => this.fail(new Error(event.message || 'the engine stopped'));
  }

  receive({ id, value, error, progress, live, liveError }) {
    if (live) this.live?.onframes?.(live);
    else if (liveError) this.live?.onerror?.(errorOf(liveError));
    else if (progress) this.waiting.get(id)?.onProgress?.(progress);
    else {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) waiting?.reject(errorOf(error));
      else waiting?.resolve(value);
    }
  }

  fail(error) {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }

  /** Ask the Worker; the promise has a method `cancel`. */
  call(call, args, onProgress = null) {
    const id = ++this.last;
    const promise = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject, onProgress }));
    this.worker.postMessage({ id, call, args });
    promise.cancel = () => this.worker.postMessage({ cancel: id });
    return promise;
  }

  fromText(text, options = {}, onProgress = null) {
    return this.call('fromText', { text, options }, onProgress);
  }

  fromPhones(phones, options = {}, onProgress = null) {
    return this.call('fromPhones', { phones, options }, onProgress);
  }

  fromAudio(samples, options = {}, onProgress = null) {
    return this.call('fromAudio', { samples, options }, onProgress);
  }

  fromAlignment(alignment, options = {}, onProgress = null) {
    return this.call('fromAlignment', { alignment, options }, onProgress);
  }

  fromPosteriors(posteriors, options = {}, onProgress = null) {
    return this.call('fromPosteriors', { posteriors, options }, onProgress);
  }

  readPhones(posteriors) {
    return this.call('readPhones', { posteriors });
  }

  predictLipParameters(posteriors) {
    return this.call('predictLipParameters', { posteriors });
  }

  /** As the functions of index.js of these names, which take seconds with long results. */
  exportResult(result, name, options = {}) {
    return this.call('exportResult', { result, name, options });
  }

  arkitWeightsOf(result, fps = null) {
    return this.call('arkitWeightsOf', { result, fps });
  }

  saveRun(result, options = {}) {
    return this.call('saveRun', { result, options });
  }

  readRun(bytes) {
    return this.call('readRun', { bytes });
  }

  resampleSound(samples, fromRate) {
    return this.call('resampleSound', { samples, fromRate });
  }

  pronounce(text) {
    return this.call('pronounce', { text });
  }

  async openLive(options = {}) {
    this.live = new Live(this, await this.call('openLive', { options }));
    return this.live;
  }

  async setModel(model, onProgress = null) {
    this.info = await this.call('open', { model }, onProgress);
    return this.info;
  }

  close() {
    this.worker.terminate();
    this.fail(new CancelledError());
  }
}

const WASM = new URL('../vendor/ort-wasm-simd-threaded.wasm', import.meta.url);

/** Compile the runtime here, where the browser keeps it for the next visit; the Worker gets it ready. */
async function compileRuntime() {
  const answer = await fetch(WASM);
  if (!answer.ok) throw new InputError(`${WASM.pathname}: the server answers ${answer.status}; expected a file of the studio`);
  if (answer.headers.get('Content-Type') === 'application/wasm') return WebAssembly.compileStreaming(answer);
  return WebAssembly.compile(await answer.arrayBuffer()); // a host that does not know the type
}

/** Start the Worker and load a model; null is the first one. `onProgress({loaded, total, file})`, in bytes. */
export async function openEngine({ model = null, onProgress = null } = {}) {
  const engine = new Engine(new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }));
  try {
    const compiled = compileRuntime().then((made) => engine.worker.postMessage({ compiled: made }));
    await Promise.race([compiled.then(() => new Promise(() => {})), engine.setModel(model, onProgress)]);
  } catch (error) {
    engine.close();
    throw error;
  }
  return engine;
}
