// Opens the studio's engine under Node: the packaged runtime and model, and the shared vectors.

import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';

const root = new URL('../../', import.meta.url);
export const site = new URL('phonolips/show/studio/site/', root);
export const weights = new URL('phonolips/weights/', root);

export const engine = (module) => import(new URL(`engine/${module}`, site));

/** Read a file of a packaged model. */
export const readModel = (name) => async (file) => new Uint8Array(await readFile(new URL(`${name}/${file}`, weights)));

/** Start the runtime and load a model, the packaged one unless another reader of files is given. */
export async function openModel(read = readModel('default')) {
  const { loadModel, openRuntime } = await engine('model.js');
  const vendor = new URL('vendor/', site);
  await openRuntime({
    ort: await import(new URL('ort.wasm.min.mjs', vendor)),
    bytes: gunzipSync(await readFile(new URL('ort-wasm-simd-threaded.wasm.gz', vendor))),
    mjs: new URL('ort-wasm-simd-threaded.mjs', vendor).href,
  });
  return loadModel(read);
}

/** Read an array of the vectors: float32, or int16 as sound. */
export function unpack({ float32, int16 }) {
  const bytes = Buffer.from(float32 ?? int16, 'base64');
  const own = new Uint8Array(bytes).buffer;
  return float32 ? new Float32Array(own) : Float32Array.from(new Int16Array(own), (value) => value / 32768);
}

export const readVectors = async () => JSON.parse(await readFile(new URL('tests/vectors/studio.v1.json', root), 'utf8'));

/** The largest difference of two arrays; infinity where they differ in length. */
export function largest(one, two) {
  if (one.length !== two.length) return Infinity;
  let most = 0;
  for (let i = 0; i < one.length; i++) most = Math.max(most, Math.abs(one[i] - two[i]));
  return most;
}

/** An alignment of the vectors in the engine's form. */
export const readAlignment = ({ words, phones, duration, confidences }) => {
  const tier = (rows) => rows.map(([label, start, end]) => ({ label, start, end }));
  return { words: tier(words), phones: tier(phones), duration, confidences };
};
