// Measures, the closed mouth, and lips brought together; follows phonolips/lips/{points,measures,shapes}.py.
//
// Lips are Float32Array (frames * 80): x, y of 40 points. A shape is one frame of them.

import { SHAPING } from '../tables.js';
import { median, quantile } from '../timebase.js';

export const LIP_POINTS = 40;
export const LIP_NUMBERS = 80;
export const { outer: OUTER, inner: INNER } = SHAPING; // {left, right, upper, lower}: from left to right
export const LOWER_LIP_SHARE = 0.75; // of an opening
const LEAST_OPEN_SHARE = 0.2; // of a clip's frames; they show the mouth at rest
const PAIRS = INNER.upper.length;
const MIDDLE = PAIRS >> 1;
const f32 = Math.fround;

/** The inner-lip height in the middle of each frame: Float32Array (frames,). */
export function opening(lips) {
  const frames = lips.length / LIP_NUMBERS;
  const [up, low] = [2 * INNER.upper[MIDDLE] + 1, 2 * INNER.lower[MIDDLE] + 1];
  return Float32Array.from({ length: frames }, (_, i) => lips[i * LIP_NUMBERS + up] - lips[i * LIP_NUMBERS + low]);
}

/** The mouth's width between the outer corners. */
export function width(lips) {
  const frames = lips.length / LIP_NUMBERS;
  const [left, right] = [2 * OUTER.left, 2 * OUTER.right];
  return Float32Array.from({ length: frames }, (_, i) => {
    const at = i * LIP_NUMBERS;
    return Math.hypot(lips[at + right] - lips[at + left], lips[at + right + 1] - lips[at + left + 1]);
  });
}

/** The heights between facing inner points of one frame; negative where they have crossed. */
export function innerGaps(lips, at = 0) {
  return Float64Array.from({ length: PAIRS }, (_, k) => lips[at + 2 * INNER.upper[k] + 1] - lips[at + 2 * INNER.lower[k] + 1]);
}

/** Shut a mouth (80,): the lips keep their thickness, the lower one comes up most of the way; Float64Array. */
export function closeLips(shape, { lowerLipShare = LOWER_LIP_SHARE, partOuter = true } = {}) {
  const result = Float64Array.from(shape);
  const gaps = innerGaps(shape);
  for (const ring of [INNER, OUTER]) {
    for (let k = 0; k < PAIRS; k++) {
      const by = partOuter || ring === INNER ? gaps[k] : Math.max(gaps[k], 0);
      result[2 * ring.lower[k] + 1] += lowerLipShare * by;
      result[2 * ring.upper[k] + 1] -= (1 - lowerLipShare) * by;
    }
  }
  return result;
}

/** Bring inner points that have passed each other to their common middle, in place. */
export function uncross(lips) {
  for (let at = 0; at < lips.length; at += LIP_NUMBERS) {
    for (let k = 0; k < PAIRS; k++) {
      const [up, low] = [at + 2 * INNER.upper[k] + 1, at + 2 * INNER.lower[k] + 1];
      const half = f32(lips[up] - lips[low]) / 2;
      if (half < 0) {
        lips[up] -= half;
        lips[low] += half;
      }
    }
  }
  return lips;
}

/** Bring one frame's lips together by `by` in the middle, less towards the corners, in place. */
export function narrow(lips, at, by, lowerLipShare) {
  const gaps = innerGaps(lips, at);
  const share = by / Math.max(gaps[MIDDLE], 1e-6);
  for (const ring of [INNER, OUTER]) {
    for (let k = 0; k < PAIRS; k++) {
      const gap = share * Math.max(gaps[k], 0);
      lips[at + 2 * ring.upper[k] + 1] -= gap * (1 - lowerLipShare);
      lips[at + 2 * ring.lower[k] + 1] += gap * lowerLipShare;
    }
  }
}

/** Find the closed mouth of a clip (80,): the median of its least open frames, closed; `silent` as in Python. */
export function closedMouth(lips, { silent = null, lowerLipShare = LOWER_LIP_SHARE, partOuter = true } = {}) {
  const openings = opening(lips);
  const limit = quantile(openings, LEAST_OPEN_SHARE);
  let least = Array.from(openings.keys()).filter((i) => openings[i] <= limit);
  if (silent) {
    const both = least.filter((i) => silent[i]);
    if (both.length) least = both;
  }
  const shape = Float64Array.from({ length: LIP_NUMBERS }, (_, number) => median(least.map((i) => lips[i * LIP_NUMBERS + number])));
  return closeLips(shape, { lowerLipShare, partOuter });
}

/** The closed mouth that blendshapes start from: the lower lip is raised until it meets the upper one. */
export const neutralMouth = (lips, silent = null) => closedMouth(lips, { silent, lowerLipShare: 1, partOuter: false });

/** The width of the mouth at rest: the median over the least open fifth. */
export function restWidth(openings, widths) {
  const limit = quantile(openings, LEAST_OPEN_SHARE);
  return median(Array.from(widths).filter((_, i) => openings[i] <= limit));
}

/** The average of all frames (80,). */
export function meanShape(lips) {
  const mean = new Float64Array(LIP_NUMBERS);
  const frames = lips.length / LIP_NUMBERS;
  for (let i = 0; i < lips.length; i++) mean[i % LIP_NUMBERS] += lips[i] / frames;
  return mean;
}
