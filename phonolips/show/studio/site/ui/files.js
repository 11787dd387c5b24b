// Files in and out of the page.

import { InputError, readSpeaker, readTextGrid, resampleSound } from '../engine/index.js';

const endingOf = ({ name }) => name.toLowerCase().match(/\.[^.]+$/)?.[0] ?? '';
const KINDS = { '.zip': 'run', '.npz': 'run', '.textgrid': 'alignment', '.json': 'speaker' };

/** What a file is for the studio, by its name: run, alignment, speaker or sound. */
export const kindOf = (file) => KINDS[endingOf(file)] ?? 'sound';

/** Mix the channels of a sound to one: Float32Array. */
export function mixDown(channels) {
  const mono = new Float32Array(channels[0].length);
  for (const channel of channels) for (let i = 0; i < mono.length; i++) mono[i] += channel[i] / channels.length;
  return mono;
}

/** Join pieces of sound. */
export function joined(pieces) {
  const all = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Decode a sound file to samples at 16 kHz; throws what the browser throws where it cannot. */
export async function readSound(file) {
  const context = new OfflineAudioContext(1, 1, 48000);
  const buffer = await context.decodeAudioData(await file.arrayBuffer());
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i));
  return resampleSound(mixDown(channels), buffer.sampleRate);
}

/** Read a file for the studio: {kind, value}; throws InputError, or UnreadableSound with the file's name. */
export async function readFile(file, engine) {
  const kind = kindOf(file);
  if (kind === 'run') return { kind, value: await engine.readRun(new Uint8Array(await file.arrayBuffer())) };
  if (kind === 'alignment') return { kind, value: readTextGrid(await file.text()) };
  if (kind === 'speaker') return { kind, value: readSpeaker(await file.text()) };
  try {
    return { kind, value: await readSound(file) };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new UnreadableSound(file.name);
  }
}

export class UnreadableSound extends Error {
  constructor(file) {
    super(file);
    this.file = file;
  }
}

/** Hand a file to the person. */
export function download(name, mime, bytes) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(bytes instanceof Blob ? bytes : new Blob([bytes], { type: mime }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
