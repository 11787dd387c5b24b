// Phones, words and lips as tables: TextGrid, JSON and CSV; follows phonolips/export/tables.py.

import { speechWords } from '../alignment.js';
import { labelRow, nearestPhone, NUM_PHONES, SILENCE, UNKNOWN, VISEME_OF } from '../inventory.js';
import { resample } from '../lips/curve.js';
import { LIP_NUMBERS, LIP_POINTS, opening, width } from '../lips/shapes.js';
import { exactFps, frameCentres, searchSorted, secondsToSteps } from '../timebase.js';
import { mouthCues } from './cues.js';
import { writeTextGrid } from './textgrid.js';

const round = (value, decimals) => Number(value.toFixed(decimals));
const [SECOND_DECIMALS, LIP_DECIMALS, CONFIDENCE_DECIMALS] = [6, 5, 3];

/** The lips of a result at a frame rate: {lips, rate, frames}. */
export function lipsAt(result, fps) {
  const rate = exactFps(fps ?? result.fps);
  const lips = resample(result.lips, LIP_NUMBERS, { fps: rate, seconds: result.frames / result.fps, sourceFps: result.fps });
  return { lips, rate, frames: lips.length / LIP_NUMBERS };
}

/** The alignment with confidences, read off the posteriors where it has none. */
export function withConfidences({ alignment, posteriors }) {
  if (alignment.confidences || !posteriors) return alignment;
  const steps = posteriors.length / NUM_PHONES;
  const confidence = (phone) => {
    if (phone.label === UNKNOWN) return 0;
    const first = Math.min(secondsToSteps(phone.start), steps - 1);
    const last = Math.min(Math.max(secondsToSteps(phone.end), first + 1), steps);
    const row = labelRow(phone.label);
    let sum = 0;
    for (let step = first; step < last; step++) row.forEach((share, k) => (sum += share > 0 ? Math.min(posteriors[step * NUM_PHONES + k], share) : 0));
    return Math.min(Math.max(sum / (last - first), 0), 1);
  };
  return { ...alignment, confidences: alignment.phones.map(confidence) };
}

export function tiers(result) {
  const alignment = withConfidences(result);
  const mouth = mouthCues({ ...result, alignment }).map(({ value, start, end }) => ({ label: value, start, end }));
  return writeTextGrid(alignment, { mouth });
}

const rowsOf = (rows) => (rows.length ? `[\n${rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]` : '[]');

export function json(result, { fps = null } = {}) {
  const { lips, rate, frames } = lipsAt(result, fps);
  const timed = (name, item) => ({ [name]: item.label, start: round(item.start, SECOND_DECIMALS), end: round(item.end, SECOND_DECIMALS) });
  let [words, phones] = [[], []];
  if (result.alignment) {
    const alignment = withConfidences(result);
    words = speechWords(alignment).map((word) => timed('word', word));
    phones = alignment.phones.map((phone, i) => ({
      ...timed('phone', phone),
      confidence: alignment.confidences ? round(alignment.confidences[i], CONFIDENCE_DECIMALS) : null,
      viseme: phone.label === UNKNOWN ? null : VISEME_OF[nearestPhone(phone.label)],
    }));
  }
  const [times, apart, wide] = [frameCentres(frames, rate), opening(lips), width(lips)];
  const rows = Array.from({ length: frames }, (_, i) => {
    const points = Array.from({ length: LIP_POINTS }, (__, point) => [0, 1].map((axis) => round(lips[i * LIP_NUMBERS + 2 * point + axis], LIP_DECIMALS)));
    return `      ${JSON.stringify({ time: round(times[i], SECOND_DECIMALS), opening: round(apart[i], LIP_DECIMALS), width: round(wide[i], LIP_DECIMALS), points })}`;
  });
  const head = { format: 'phonolips 1', duration: round(result.frames / result.fps, SECOND_DECIMALS), sound: null };
  const lines = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
  const about = `    "fps": ${rate},\n    "layout": "mediapipe40",\n    "unit": "distance between the eye centres",\n`;
  return `{\n${lines.join('')}  "words": ${rowsOf(words)},\n  "phones": ${rowsOf(phones)},\n  "lips": {\n${about}    "frames": [\n${rows.join(',\n')}\n    ]\n  }\n}\n`;
}

export function csv(result, { fps = null } = {}) {
  const { lips, rate, frames } = lipsAt(result, fps);
  const [times, apart, wide] = [frameCentres(frames, rate), opening(lips), width(lips)];
  const ends = result.alignment?.phones.map((phone) => phone.end);
  const phoneAt = (time) => (ends ? (result.alignment.phones[searchSorted(ends, time, true)]?.label ?? SILENCE) : '');
  const names = Array.from({ length: LIP_POINTS }, (_, point) => [`x${point}`, `y${point}`]).flat();
  const rows = [['frame', 'time', 'opening', 'width', 'phone', ...names]];
  for (let i = 0; i < frames; i++) {
    const points = Array.from(lips.subarray(i * LIP_NUMBERS, (i + 1) * LIP_NUMBERS), (value) => value.toFixed(LIP_DECIMALS));
    rows.push([i, times[i].toFixed(SECOND_DECIMALS), apart[i].toFixed(LIP_DECIMALS), wide[i].toFixed(LIP_DECIMALS), phoneAt(times[i]), ...points]);
  }
  return rows.map((row) => `${row.join(',')}\n`).join('');
}
