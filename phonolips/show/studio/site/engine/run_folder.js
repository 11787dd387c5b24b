// A run as a zip, written and read: the files that the command line writes and reads; follows phonolips/synth/folder.py.

import { zipSync } from '../vendor/fflate.js';
import { InputError } from './errors.js';
import { readTextGrid, writeTextGrid } from './export/textgrid.js';
import { NUM_PHONES, PHONES } from './inventory.js';
import { LIP_NUMBERS, LIP_POINTS } from './lips/shapes.js';
import { checksum, readArrays, scalar, strFromU8, strToU8, unzip, writeArrays } from './npz.js';
import { resampleSound } from './resampling.js';
import { exactFps, SAMPLE_RATE, STEPS_PER_FRAME } from './timebase.js';

const [LIPS, POSTERIORS, TEXTGRID, SPEECH] = ['lips.npz', 'posteriors.npz', 'phones.TextGrid', 'speech.wav'];
const VERSION = 2;
const READ = [1, 2];
const MOST_UNITS = 1000;

/** Write mono samples at 16 kHz as a WAV of 16 bits. */
export function writeWav(samples, rate = SAMPLE_RATE) {
  const bytes = new Uint8Array(44 + 2 * samples.length);
  const view = new DataView(bytes.buffer);
  bytes.set(strToU8('RIFF....WAVEfmt ', true));
  view.setUint32(4, 36 + 2 * samples.length, true);
  [[16, 16, 4], [20, 1, 2], [22, 1, 2], [24, rate, 4], [28, 2 * rate, 4], [32, 2, 2], [34, 16, 2]].forEach(([at, value, size]) => (size === 4 ? view.setUint32(at, value, true) : view.setUint16(at, value, true)));
  bytes.set(strToU8('data', true), 36);
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, Math.round(sample * 32768))), true));
  return bytes;
}

/** Read a WAV of 16 bits or floats: mono samples at 16 kHz; null for another kind. */
export function readWav(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 44 || strFromU8(bytes.subarray(0, 4), true) !== 'RIFF') return null;
  let format = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [name, size] = [strFromU8(bytes.subarray(at, at + 4), true), view.getUint32(at + 4, true)];
    if (name === 'fmt ') format = { kind: view.getUint16(at + 8, true), channels: view.getUint16(at + 10, true), rate: view.getUint32(at + 12, true), bits: view.getUint16(at + 22, true) };
    if (name === 'data' && format) {
      const { channels, rate, bits } = format;
      const read = bits === 16 ? (place) => view.getInt16(place, true) / 32768 : bits === 32 && format.kind === 3 ? (place) => view.getFloat32(place, true) : null;
      if (!read) return null;
      const width = bits / 8;
      const count = Math.floor(Math.min(size, bytes.length - at - 8) / (width * channels));
      const samples = new Float32Array(count);
      for (let i = 0; i < count; i++) for (let channel = 0; channel < channels; channel++) samples[i] += read(at + 8 + (i * channels + channel) * width) / channels;
      return resampleSound(samples, rate);
    }
    at += 8 + size + (size % 2);
  }
  return null;
}

/** Pack a result as a zip of a run folder, which `phonolips plot`, `render` and `export` read once it is unpacked. */
export function saveRun(result, { sound = true, folder = '' } = {}) {
  const files = {};
  if (result.posteriors) {
    const names = result.lipParameterNames;
    files[POSTERIORS] = writeArrays('posteriors', VERSION, {
      posteriors: { data: result.posteriors, shape: [result.posteriors.length / NUM_PHONES, NUM_PHONES] },
      phones: { data: PHONES, shape: [NUM_PHONES] },
      step_seconds: { data: Float64Array.of(0.01), shape: [] },
      ...(result.lipParameters && {
        lip_parameters: { data: result.lipParameters, shape: [result.lipParameters.length / names.length, names.length] },
        lip_parameter_names: { data: names, shape: [names.length] },
      }),
    });
  }
  if (result.alignment) files[TEXTGRID] = strToU8(writeTextGrid(result.alignment));
  if (sound && result.samples) files[SPEECH] = writeWav(result.samples);
  const listed = Object.keys(files);
  files[LIPS] = writeArrays('lips', VERSION, {
    lips: { data: result.lips, shape: [result.frames, LIP_POINTS, 2] },
    fps: { data: Float64Array.of(result.fps), shape: [] },
    layout: { data: ['mediapipe40'], shape: [] },
    speaker: { data: [result.speaker], shape: [] },
    timing: { data: [result.timing], shape: [] },
    ...(listed.length && {
      files: { data: listed, shape: [listed.length] },
      files_crc32: { data: Uint32Array.from(listed, (name) => checksum(files[name])), shape: [listed.length] },
    }),
  });
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, bytes]) => [folder + name, [bytes, { level: name.endsWith('.npz') ? 0 : 6 }]])));
}

function readLips(bytes) {
  const arrays = readArrays(bytes, 'lips', READ);
  const { lips } = arrays;
  if (!lips || !arrays.fps) throw new InputError('lips.npz: no lips or no fps in it; expected one that phonolips wrote');
  if (lips.shape.length !== 3 || lips.shape[1] !== LIP_POINTS || !lips.shape[0]) throw new InputError(`lips.npz: lips of shape (${lips.shape}); expected (frames, 40, 2)`);
  const values = Float32Array.from(lips.data);
  if (!values.every((value) => Math.abs(value) <= MOST_UNITS)) throw new InputError('lips.npz: lips that are not finite; make them again');
  return {
    lips: values,
    frames: values.length / LIP_NUMBERS,
    fps: exactFps(Number(scalar(arrays.fps))),
    speaker: scalar(arrays.speaker) ?? '',
    timing: scalar(arrays.timing) ?? '',
    recording: scalar(arrays.recording) ?? '',
  };
}

function readLayer(bytes) {
  const arrays = readArrays(bytes, 'posteriors', READ);
  if (!arrays.posteriors || arrays.phones?.data.join(' ') !== PHONES.join(' ')) throw new InputError("posteriors.npz: its phones are not this version's; make it again");
  const posteriors = Float32Array.from(arrays.posteriors.data);
  const moves = arrays.lip_parameters ?? arrays.gestures;
  const names = (arrays.lip_parameter_names ?? arrays.gesture_names)?.data ?? [];
  const steps = posteriors.length / NUM_PHONES;
  const fits = moves && moves.data.length === Math.ceil(steps / STEPS_PER_FRAME) * names.length;
  return { posteriors, steps, lipParameters: fits ? Float32Array.from(moves.data) : null, lipParameterNames: fits ? names : [] };
}

/** Read a zip of a run folder, the command line's or ours, or one lips.npz; throws InputError. */
export function readRun(bytes) {
  const entries = unzip(bytes, 'the run');
  const nothing = { posteriors: null, steps: 0, lipParameters: null, lipParameterNames: [], alignment: null, samples: null, warnings: [] };
  if (entries['lips.npy']) return { ...nothing, ...readLips(bytes) };
  const place = Object.keys(entries).filter((name) => name === LIPS || name.endsWith(`/${LIPS}`)).sort((a, b) => a.length - b.length)[0];
  if (!place) throw new InputError('no lips.npz in this zip; expected a zipped folder that phonolips wrote');
  const beside = (name) => entries[place.slice(0, -LIPS.length) + name];
  const { recording, ...result } = { ...nothing, ...readLips(entries[place]) };
  if (beside(POSTERIORS)) Object.assign(result, readLayer(beside(POSTERIORS)));
  if (beside(TEXTGRID)) result.alignment = readTextGrid(new TextDecoder().decode(beside(TEXTGRID)));
  const speech = beside(SPEECH) ?? beside('edited.wav');
  if (speech) result.samples = readWav(speech);
  if (!result.samples && recording) result.warnings.push(`its sound lies in ${recording}, which a page cannot read; drop that file, too`);
  return result;
}
