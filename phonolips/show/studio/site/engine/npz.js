// NumPy's .npz files, read and written; follows phonolips/storage.py.

import { strFromU8, strToU8, unzipSync, zipSync } from '../vendor/fflate.js';
import { InputError } from './errors.js';

const MAGIC = '\x93NUMPY\x01\x00';
const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u4: Uint32Array, i1: Int8Array, u1: Uint8Array, b1: Uint8Array, i2: Int16Array, u2: Uint16Array, i8: BigInt64Array, u8: BigUint64Array };
const MOST_BYTES = 2 ** 30;

/** Read a .npy: {data, shape}; data is a typed array, or a list of texts. */
function readNpy(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] !== 0x93 || strFromU8(bytes.subarray(1, 6)) !== 'NUMPY') throw new InputError('an array in it is damaged');
  const wide = bytes[6] > 1;
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = strFromU8(bytes.subarray(start, start + length));
  const found = /'descr':\s*'([<|=>])([a-zA-Z])(\d+)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\s]*)\)/.exec(header);
  if (!found || found[1] === '>') throw new InputError('an array in it is of a kind that is not read here');
  const [, , kind, size, fortran, listed] = found;
  const shape = listed.split(',').map((part) => part.trim()).filter(Boolean).map(Number);
  const count = shape.reduce((product, value) => product * value, 1);
  const body = bytes.slice(start + length);
  if (fortran === 'True' && shape.length > 1) throw new InputError('an array in it lies by columns; expected rows');
  if (kind === 'U') {
    const letters = new Uint32Array(body.buffer, 0, count * Number(size));
    const texts = Array.from({ length: count }, (_, i) => String.fromCodePoint(...letters.subarray(i * size, (i + 1) * size).filter((code) => code)));
    return { data: texts, shape };
  }
  const Type = TYPES[`${kind}${size}`];
  if (!Type || body.byteLength < count * Type.BYTES_PER_ELEMENT) throw new InputError('an array in it is cut short, or of a kind that is not read here');
  return { data: new Type(body.buffer, 0, count), shape };
}

function describe(data) {
  if (Array.isArray(data)) return `<U${Math.max(1, ...data.map((text) => [...text].length))}`;
  const name = Object.keys(TYPES).find((key) => key !== 'b1' && TYPES[key] === data.constructor);
  return `${name.endsWith('1') ? '|' : '<'}${name}`;
}

function writeNpy({ data, shape }) {
  const descr = describe(data);
  const listed = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${listed}, }`;
  header += `${' '.repeat((64 - ((MAGIC.length + 3 + header.length) % 64)) % 64)}\n`;
  let body = data;
  if (Array.isArray(data)) {
    const size = Number(descr.slice(2));
    body = new Uint32Array(data.length * size);
    data.forEach((text, i) => [...text].forEach((letter, k) => (body[i * size + k] = letter.codePointAt(0))));
  }
  const head = Uint8Array.from([...MAGIC, '\0', '\0', ...header], (letter) => letter.charCodeAt(0));
  new DataView(head.buffer).setUint16(MAGIC.length, header.length, true);
  const bytes = new Uint8Array(head.length + body.byteLength);
  bytes.set(head);
  bytes.set(new Uint8Array(body.buffer, body.byteOffset, body.byteLength), head.length);
  return bytes;
}

/** A single number or text of an array. */
export const scalar = (array) => (array ? array.data[0] : undefined);

/** Unpack a zip with bounds; throws InputError. */
export function unzip(bytes, what) {
  let total = 0;
  try {
    return unzipSync(bytes, {
      filter: ({ originalSize }) => {
        total += originalSize;
        if (total > MOST_BYTES) throw new InputError(`${what}: more than 1 GiB unpacked; expected a run of phonolips`);
        return true;
      },
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${what}: not a zip, or damaged; expected a run of phonolips`);
  }
}

/** Read the arrays of a .npz of a format: name -> {data, shape}; throws InputError. */
export function readArrays(bytes, format, versions) {
  const arrays = {};
  for (const [name, content] of Object.entries(unzip(bytes, `${format}.npz`))) if (name.endsWith('.npy')) arrays[name.slice(0, -4)] = readNpy(content);
  const found = scalar(arrays.format) ?? format;
  const version = Number(scalar(arrays.format_version) ?? 1);
  if (found !== format) throw new InputError(`${format}.npz: holds '${found}'; expected '${format}'`);
  if (!versions.includes(version)) throw new InputError(`${format}.npz: format version ${version}; the studio reads ${versions.join(', ')}: update phonolips`);
  return arrays;
}

/** Write arrays as a compressed .npz with a format name and number. */
export function writeArrays(format, version, arrays) {
  const all = { format: { data: [format], shape: [] }, format_version: { data: BigInt64Array.from([BigInt(version)]), shape: [] }, ...arrays };
  return zipSync(Object.fromEntries(Object.entries(all).map(([name, array]) => [`${name}.npy`, writeNpy(array)])));
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** The CRC-32 of some bytes. */
export function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = CRC_TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

export { strFromU8, strToU8 };
