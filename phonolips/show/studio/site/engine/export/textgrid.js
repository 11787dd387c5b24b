// TextGrids, long ones written, long and short ones read; follows phonolips/phones/textgrid.py.

import { buildAlignment } from '../alignment.js';
import { InputError } from '../errors.js';
import { SILENCE } from '../inventory.js';

const DECIMALS = 6;
const number = (seconds) => Number(seconds.toFixed(DECIMALS));

/** Write words, phones and confidences; `more` has further tiers, name -> intervals. */
export function writeTextGrid(alignment, more = {}) {
  const end = number(alignment.duration);
  const tiers = {
    words: alignment.words,
    phones: alignment.phones.map((phone) => ({ ...phone, label: phone.label === SILENCE ? '' : phone.label })),
  };
  if (alignment.confidences) tiers.confidence = alignment.phones.map((phone, i) => ({ ...phone, label: alignment.confidences[i].toFixed(3) }));
  for (const [name, tier] of Object.entries(more)) tiers[name] = tier.map((item) => ({ ...item, end: Math.min(item.end, end) })).filter((item) => item.end > item.start);
  const rows = ['File type = "ooTextFile"', 'Object class = "TextGrid"', '', 'xmin = 0.0 ', `xmax = ${end} `, 'tiers? <exists> ', `size = ${Object.keys(tiers).length} `, 'item []: '];
  Object.entries(tiers).forEach(([name, tier], i) => {
    rows.push(`    item [${i + 1}]:`, '        class = "IntervalTier" ', `        name = "${name}" `, '        xmin = 0.0 ', `        xmax = ${end} `, `        intervals: size = ${tier.length} `);
    tier.forEach((item, k) => {
      rows.push(`        intervals [${k + 1}]:`, `            xmin = ${number(item.start)} `, `            xmax = ${number(item.end)} `, `            text = "${item.label.replaceAll('"', '""')}" `);
    });
  });
  return `${rows.join('\n')}\n`;
}

/** Read words, phones and confidences of a TextGrid; throws InputError. */
export function readTextGrid(text) {
  const damaged = () => new InputError('not a TextGrid with a tier "phones"; expected one that phonolips, MFA or Praat wrote');
  const tokens = [...text.replace(/^\uFEFF/, '').matchAll(/"((?:[^"]|"")*)"|(?<!\S)(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?!\S)/g)].map((found) =>
    found[1] !== undefined ? found[1].replaceAll('""', '"') : Number(found[2]),
  );
  if (tokens[1] !== 'TextGrid') throw damaged();
  let at = 2;
  const next = (kind) => {
    if (typeof tokens[at] !== kind) throw damaged();
    return tokens[at++];
  };
  const [, duration, count] = [next('number'), next('number'), next('number')];
  const tiers = {};
  for (let tier = 0; tier < count; tier++) {
    const [kind, name] = [next('string'), next('string')];
    at += 2;
    const rows = [];
    for (let left = next('number'); left > 0; left--) {
      const start = next('number');
      const end = kind === 'IntervalTier' ? next('number') : start;
      rows.push({ label: next('string'), start, end });
    }
    if (kind === 'IntervalTier') tiers[name] ??= rows;
  }
  const phones = tiers.phones ?? Object.entries(tiers).find(([name]) => /phone/i.test(name))?.[1];
  if (!phones) throw damaged();
  const words = tiers.words ?? Object.entries(tiers).find(([name]) => /word/i.test(name))?.[1] ?? [];
  const confidences = tiers.confidence?.length === phones.length ? tiers.confidence.map((item) => Number(item.label)) : null;
  return buildAlignment(words, phones, duration, confidences?.every((value) => value >= 0 && value <= 1) ? confidences : null);
}
