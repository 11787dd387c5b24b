// The engine's functions that need no model; README.md describes them.

import { InputError } from './errors.js';
import { LIP_NUMBERS } from './lips/shapes.js';
import { NUM_PHONES } from './inventory.js';

export { CancelledError, InputError } from './errors.js';
export { MODEL_FPS, SAMPLE_RATE, STEPS_PER_SECOND, exactFps } from './timebase.js';
export { BILABIALS, normalisePhone, PHONE_IDS, PHONES, SILENCE, UNKNOWN, VISEME_OF, VISEMES, VOWELS } from './inventory.js';
export { alignmentToLabels, alignmentToPosteriors, checkAlignment, speechWords } from './alignment.js';
export { articulatorsOf, articulatorsOfPosteriors, shapeNumbers } from './lips/articulators.js';
export { opening, width } from './lips/shapes.js';
export { resampleSound } from './resampling.js';
export { canExport, exportResult, FORMATS } from './export/formats.js';
export { readTextGrid, writeTextGrid } from './export/textgrid.js';
export { ARKIT_NAMES, arkitWeightsOf } from './export/arkit.js';
export { readRun, readWav, saveRun, writeWav } from './run_folder.js';
export { parsePhones } from './text/words.js';

const READABLE_SPEAKERS = ['phonolips speaker 1', 'phonolips speaker 2', 'phonolips speaker 3'];

/** Read a file of `phonolips adapt`, for the option `speaker`; throws InputError. */
export function readSpeaker(text) {
  const damaged = (why) => new InputError(`not a speaker made by 'phonolips adapt' (${why})`);
  let values;
  try {
    values = JSON.parse(text);
  } catch {
    throw damaged('no JSON');
  }
  if (!READABLE_SPEAKERS.includes(values?.format)) throw damaged(`format is ${values?.format}`);
  const flat = (value, name, unit) => {
    if (value === null || value === undefined) return null;
    const numbers = Float32Array.from([value].flat(Infinity));
    if (!numbers.every(Number.isFinite) || numbers.length % unit) throw damaged(`${name} of ${numbers.length} numbers`);
    return numbers;
  };
  const speaker = {
    name: String(values.name),
    embedding: flat(values.embedding, 'embedding', 1),
    meanLip: flat(values.mean_lip, 'mean_lip', LIP_NUMBERS),
    gain: Number(values.gain),
    mixing: flat(values.mixing, 'mixing', 1),
    phoneOffsets: flat(values.phone_offsets, 'phone_offsets', NUM_PHONES),
  };
  if (!speaker.embedding || speaker.meanLip?.length !== LIP_NUMBERS || !(speaker.gain >= 0 && speaker.gain <= 100)) throw damaged('parts are missing');
  return speaker;
}
