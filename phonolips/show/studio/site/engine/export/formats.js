// What other programs read, one function a format; follows phonolips/export/formats.py.

import { speechWords } from '../alignment.js';
import { InputError } from '../errors.js';
import { arkitCsv, arkitJson } from './arkit.js';
import { gltf } from './gltf.js';
import * as rhubarb from './rhubarb.js';
import { srt, srtWords } from './subtitles.js';
import * as tables from './tables.js';
import { oculus, visemes } from './visemes.js';

const [PHONES, WORDS, EITHER] = ['phones', 'words', 'phones or posteriors'];
const format = (name, file, mime, title, write, needs = '', takesFps = false) => ({ name, file, mime, title, write, needs, takesFps });

export const FORMATS = [
  format('rhubarb-tsv', 'rhubarb.tsv', 'text/tab-separated-values', 'mouth cues A to H and X, as Rhubarb Lip Sync writes them', rhubarb.tsv),
  format('rhubarb-xml', 'rhubarb.xml', 'application/xml', 'the same cues as XML', rhubarb.xml),
  format('rhubarb-json', 'rhubarb.json', 'application/json', 'the same cues as JSON', rhubarb.json),
  format('rhubarb-dat', 'rhubarb.dat', 'text/plain', 'the same cues by frame, for Moho and OpenToonz', rhubarb.dat, '', true),
  format('visemes-oculus', 'visemes-oculus.json', 'application/json', 'weights of the 15 Oculus visemes a frame, and cues', oculus, EITHER, true),
  format('visemes', 'visemes.json', 'application/json', 'the same for our twelve visemes', visemes, EITHER, true),
  format('arkit', 'arkit.json', 'application/json', "ARKit's mouth and jaw blendshapes a frame", arkitJson, '', true),
  format('arkit-csv', 'arkit.csv', 'text/csv', 'the same as Live Link Face writes it', arkitCsv, '', true),
  format('gltf', 'lips.gltf', 'model/gltf+json', 'lips as an animated mesh with morph targets', gltf, '', true),
  format('textgrid', 'tiers.TextGrid', 'text/plain', 'words, phones, confidence and mouth cues, for Praat', tables.tiers, PHONES),
  format('json', 'phones.json', 'application/json', 'words, phones and lips', tables.json, '', true),
  format('csv', 'lips.csv', 'text/csv', 'a row a frame: opening, width, phone, points', tables.csv, '', true),
  format('srt', 'subtitles.srt', 'application/x-subrip', 'the words as subtitles', srt, WORDS),
  format('srt-words', 'words.srt', 'application/x-subrip', 'a subtitle a word', srtWords, WORDS),
];

/** Return whether a result has what a format needs. */
export function canExport(result, name) {
  const { needs } = FORMATS.find((known) => known.name === name);
  if (needs === WORDS) return Boolean(result.alignment && speechWords(result.alignment).length);
  if (needs === PHONES) return Boolean(result.alignment);
  return needs !== EITHER || Boolean(result.alignment || result.posteriors);
}

/** Write a result in a format: {file, mime, bytes}; throws InputError. */
export function exportResult(result, name, { fps = null } = {}) {
  const known = FORMATS.find((one) => one.name === name);
  if (!known) throw new InputError(`format '${name}' is not known; expected one of ${FORMATS.map((one) => one.name).join(', ')}`);
  if (!canExport(result, name)) throw new InputError(`${name} needs ${known.needs}, which are not known here`);
  const text = known.write(result, known.takesFps ? { fps } : {});
  return { file: known.file, mime: known.mime, bytes: new TextEncoder().encode(text) };
}
