// The engine's functions that need no model; README.md describes them. Being written: those below throw until they are.

const later = (name) => () => {
  throw new Error(`${name} is not there yet`);
};

export const STEPS_PER_SECOND = 100;
export const MODEL_FPS = 25;
export const SAMPLE_RATE = 16000;
export const PHONES = ('sil AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH').split(' ');
export { InputError, CancelledError } from './errors.js';
export const articulatorsOf = later('articulatorsOf');
export const shapeNumbers = later('shapeNumbers');
export const alignmentToPosteriors = later('alignmentToPosteriors');
export const checkAlignment = later('checkAlignment');
export const resampleSound = later('resampleSound');
export const FORMATS = [];
export const exportResult = later('exportResult');
export const saveRun = later('saveRun');
export const readRun = later('readRun');
export const readTextGrid = later('readTextGrid');
export const writeTextGrid = later('writeTextGrid');
export const readSpeaker = later('readSpeaker');
