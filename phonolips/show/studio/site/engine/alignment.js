// Words and phones with times; follows phonolips/phones/intervals.py and decode.path_to_alignment.

import { InputError } from './errors.js';
import { labelId, labelRow, normalisePhone, NUM_PHONES, PHONES, SILENCE, SILENCE_ID } from './inventory.js';
import { SILENT_WORD_SPELLINGS } from './tables.js';
import { searchSorted, stepCentres, STEPS_PER_SECOND } from './timebase.js';

const EDGE_TOLERANCE_SECONDS = 1e-5;
const silentWords = new Set(SILENT_WORD_SPELLINGS);

/** Cover [0, duration] with intervals: silence in the gaps, hairline cracks and overlaps closed. */
function fillTier(tier, duration, silence, name) {
  const filled = [];
  let edge = 0;
  for (const item of tier) {
    if (!Number.isFinite(item.start) || !Number.isFinite(item.end) || item.end <= item.start) {
      throw new InputError(`${name} tier: '${item.label}' runs from ${item.start} to ${item.end} s; expected a time`);
    }
    if (item.start < edge - EDGE_TOLERANCE_SECONDS) {
      throw new InputError(`${name} tier: '${item.label}' starts at ${item.start} s, before ${edge} s, where the one before it ends`);
    }
    let start = item.start;
    if (start - edge > EDGE_TOLERANCE_SECONDS) filled.push({ label: silence, start: edge, end: start });
    else start = edge;
    let end = item.end;
    if (Math.abs(end - duration) <= EDGE_TOLERANCE_SECONDS) end = duration;
    if (end > duration) throw new InputError(`${name} tier: '${item.label}' ends at ${end} s, but the alignment lasts ${duration} s`);
    filled.push({ label: item.label, start, end });
    edge = end;
  }
  if (edge < duration) filled.push({ label: silence, start: edge, end: duration });
  return filled;
}

/** Make an alignment: labels normalised, gaps filled with silence. Throws InputError. */
export function buildAlignment(words, phones, duration, confidences = null) {
  if (!(Number.isFinite(duration) && duration > 0)) throw new InputError(`an alignment of ${duration} s; expected a length above 0`);
  const named = words.map((word) => {
    const text = word.label.trim();
    return { ...word, label: silentWords.has(text.toLowerCase()) ? '' : text };
  });
  const full = fillTier(phones.map((phone) => ({ ...phone, label: normalisePhone(phone.label) })), duration, SILENCE, 'phones');
  return {
    words: fillTier(named, duration, '', 'words'),
    phones: full,
    duration,
    confidences: confidences && confidences.length === full.length ? [...confidences] : null,
  };
}

/** Check what somebody edited: fill gaps, normalise labels; throws InputError. */
export const checkAlignment = (alignment) =>
  buildAlignment(alignment.words ?? [], alignment.phones ?? [], alignment.duration, alignment.confidences ?? null);

function* places(alignment, steps) {
  const ends = alignment.phones.map((phone) => phone.end);
  for (const time of stepCentres(steps)) yield searchSorted(ends, time, true);
}

/** Spread the phones over steps of 10 ms: Float32Array (steps * 40); beyond the end is silence. */
export function alignmentToPosteriors(alignment, steps) {
  const rows = [...alignment.phones.map((phone) => labelRow(phone.label)), labelRow(SILENCE)];
  const posteriors = new Float32Array(steps * NUM_PHONES);
  let step = 0;
  for (const place of places(alignment, steps)) posteriors.set(rows[place], step++ * NUM_PHONES);
  return posteriors;
}

/** Sample the phone tier at step centres: Int32Array (steps,); -1 where nobody knows. */
export function alignmentToLabels(alignment, steps) {
  const ids = [...alignment.phones.map((phone) => labelId(phone.label)), SILENCE_ID];
  return Int32Array.from(places(alignment, steps), (place) => ids[place]);
}

/** List runs of equal labels as [label, first, last). */
export function labelRuns(labels) {
  const runs = [];
  for (let first = 0, i = 1; i <= labels.length; i++) {
    if (i === labels.length || labels[i] !== labels[first]) {
      if (i > first) runs.push([labels[first], first, i]);
      first = i;
    }
  }
  return runs;
}

/** Make an alignment without words of the phones of steps, with the mean posterior of each phone as its confidence. */
export function pathToAlignment(path, posteriors) {
  const steps = posteriors.length / NUM_PHONES;
  const runs = labelRuns(path);
  const confidences = runs.map(([phone, first, last]) => {
    let sum = 0;
    for (let step = first; step < last; step++) sum += posteriors[step * NUM_PHONES + phone];
    return Math.min(1, Math.max(0, sum / (last - first)));
  });
  const phones = runs.map(([phone, first, last]) => ({
    label: PHONES[phone],
    start: first / STEPS_PER_SECOND,
    end: last / STEPS_PER_SECOND,
  }));
  return buildAlignment([], phones, steps / STEPS_PER_SECOND, confidences);
}

/** Stretch all times. */
export function scaleAlignment(alignment, factor) {
  if (factor === 1) return alignment;
  const stretched = (tier) => tier.map(({ label, start, end }) => ({ label, start: start * factor, end: end * factor }));
  return { ...alignment, words: stretched(alignment.words), phones: stretched(alignment.phones), duration: alignment.duration * factor };
}

export const speechWords = (alignment) => alignment.words.filter((word) => word.label !== '');
