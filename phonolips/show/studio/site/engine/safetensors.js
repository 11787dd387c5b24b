// Tensors of a safetensors file; follows phonolips/model/bundle.read_weights.

import { InputError } from './errors.js';

const MOST_HEADER_BYTES = 100_000_000;
const PLAIN = { F32: Float32Array, F64: Float64Array, I8: Int8Array, U8: Uint8Array, I16: Int16Array, U16: Uint16Array, I32: Int32Array, U32: Uint32Array };

function halfToFloat(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Return a function name -> {data, shape}, floats and scaled int8 as float32, or null where there is no such tensor. */
export function readSafetensors(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.byteLength > 8 ? Number(view.getBigUint64(0, true)) : 0;
  if (!(length > 1 && length < MOST_HEADER_BYTES && 8 + length <= bytes.byteLength)) {
    throw new InputError('model.safetensors is damaged or cut short');
  }
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const tensor = (name) => {
    const entry = header[name];
    if (!entry) return null;
    const [first, end] = entry.data_offsets;
    const own = bytes.slice(8 + length + first, 8 + length + end); // a copy, so that it is aligned
    if (entry.dtype === 'F16') return { data: Float32Array.from(new Uint16Array(own.buffer), halfToFloat), shape: entry.shape };
    if (!(entry.dtype in PLAIN)) throw new InputError(`model.safetensors: ${name} is ${entry.dtype}, which is not read here`);
    const data = new PLAIN[entry.dtype](own.buffer);
    const scales = entry.dtype === 'I8' ? tensor(`${name}.scale`)?.data : null; // one for each output, the first axis
    if (entry.dtype === 'I8' && scales?.length !== entry.shape[0]) throw new InputError(`model.safetensors: ${name} is I8 without its scales`);
    const row = data.length / (scales?.length || 1);
    return { data: scales ? Float32Array.from(data, (value, i) => value * scales[Math.floor(i / row)]) : data, shape: entry.shape };
  };
  return tensor;
}
