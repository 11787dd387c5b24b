// The phones, their classes, and what a label shows; follows phonolips/phones/inventory.py and sounds.py.

import { InputError } from './errors.js';
import { PHONES, SILENCE_SPELLINGS, SOUNDS, UNKNOWN_SPELLINGS, VISEMES, VOWELS } from './tables.js';

export { PHONES, VISEMES, VOWELS };
export const SILENCE = 'sil';
export const UNKNOWN = 'spn'; // a word whose phones nobody knows
export const NUM_PHONES = PHONES.length;
export const SILENCE_ID = 0;
export const IGNORED_ID = -1;
export const BILABIALS = ['B', 'M', 'P'];
export const LABIODENTALS = ['F', 'V'];
export const PHONE_IDS = Object.assign(Object.create(null), Object.fromEntries(PHONES.map((phone, id) => [phone, id])));
export const VISEME_OF = Object.fromEntries(
  Object.entries(VISEMES).flatMap(([viseme, phones]) => phones.map((phone) => [phone, viseme])),
);
const silences = new Set(SILENCE_SPELLINGS);
const unknowns = new Set(UNKNOWN_SPELLINGS);

/** Return whether a label is an IPA sound in brackets, such as `[y]`; silences are written so, too. */
export const isSound = (label) =>
  label.length > 2 && label[0] === '[' && label.endsWith(']') && !silences.has(label.toLowerCase()) && !unknowns.has(label.toLowerCase());

/** Convert any spelling of dictionaries and aligners to an inventory phone, an IPA sound, `sil` or `spn`. */
export function normalisePhone(label) {
  if (label in PHONE_IDS) return label;
  const text = label.trim();
  if (silences.has(text.toLowerCase())) return SILENCE;
  if (unknowns.has(text.toLowerCase())) return UNKNOWN;
  if (isSound(text) && Object.hasOwn(SOUNDS, text.slice(1, -1))) return text;
  const phone = text.toUpperCase().replace(/[012]+$/, '');
  if (!(phone in PHONE_IDS)) {
    throw new InputError(`phone '${label}' is not in the inventory; expected one of: ${PHONES.join(' ')}`);
  }
  return phone;
}

/** Return the inventory's phone for a label: the largest part of a sound's mixture; others as they are. */
export function nearestPhone(label) {
  if (!isSound(label)) return label;
  return Object.entries(SOUNDS[label.slice(1, -1)]).reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

/** Return the posteriors of one step of a label, (40,); `spn` is at rest. */
export function labelRow(label) {
  const row = new Float32Array(NUM_PHONES);
  const parts = isSound(label) ? SOUNDS[label.slice(1, -1)] : { [label === UNKNOWN ? SILENCE : label]: 1 };
  for (const [phone, weight] of Object.entries(parts)) row[PHONE_IDS[phone]] = weight;
  return row;
}

/** Return a label's inventory id; IGNORED_ID for `spn`. */
export function labelId(label) {
  const phone = nearestPhone(label);
  return phone === UNKNOWN ? IGNORED_ID : PHONE_IDS[phone];
}

export const shutsLips = (label) => BILABIALS.includes(nearestPhone(label));
