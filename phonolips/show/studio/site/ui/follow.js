// Lips follow an edit: computes the newest document only, and remembers what a document gave.

/** Merge predicted lip parameters with those that stand. */
export function mergeParameters(document, predicted) {
  const count = document.names.length;
  const merged = predicted.slice();
  document.kept.forEach((kept, frame) => {
    if (kept) merged.set(document.lipParameters.subarray(frame * count, (frame + 1) * count), frame * count);
  });
  return merged;
}

/** Put the words of a document beside phones that were read from its posteriors, and end both where it ends. */
export function withWords({ words, duration }, alignment) {
  const phones = alignment.phones.filter(({ start }) => start < duration);
  const ended = phones.map((one, i) => (i === phones.length - 1 ? { ...one, end: duration } : one));
  return { words, phones: ended, duration, confidences: alignment.confidences?.slice(0, ended.length) ?? null };
}

/** Compute a document's result with the engine. */
export async function decode(engine, document) {
  const { posteriors, alignment, samples, timing, options } = document;
  const stands = document.kept.every((kept) => kept);
  const lipParameters = stands ? document.lipParameters : mergeParameters(document, await engine.predictLipParameters(posteriors));
  const result = await engine.fromPosteriors(posteriors, { ...options, lipParameters, alignment, samples, timing });
  return alignment ? result : { ...result, alignment: withWords(document, result.alignment) };
}

export class Follower {
  constructor({ current, made, failed }) {
    Object.assign(this, { current, made, failed, known: new WeakMap(), running: null });
  }

  /** Remember a result that is there already, such as that of an unedited sound. */
  remember(document, result) {
    if (document) this.known.set(document, result);
  }

  /** Bring the newest document's result; while one is computed, later calls wait for it. */
  follow(engine) {
    this.running ??= this.run(engine).finally(() => (this.running = null));
    return this.running;
  }

  async run(engine) {
    for (let done = null, document = this.current(); document && document !== done; document = this.current()) {
      try {
        if (!this.known.has(document)) this.known.set(document, await decode(engine, document));
        this.made(document, this.known.get(document));
      } catch (error) {
        this.failed(error);
      }
      done = document;
    }
  }
}
