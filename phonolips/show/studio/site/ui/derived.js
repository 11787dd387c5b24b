// What is computed from a result once and drawn often: curves, articulators, the view of the mouth, ARKit weights.

import { arkitWeights } from '../engine/export/arkit.js';
import { articulatorsOf, opening, shapeNumbers, width } from '../engine/index.js';
import { INNER, LIP_NUMBERS, LIP_POINTS, meanShape, neutralMouth } from '../engine/lips/shapes.js';
import { quantile, STEPS_PER_SECOND } from '../engine/timebase.js';
import { NUM_PHONES } from '../engine/inventory.js';

const [LEAST, MOST] = [0.03, 0.97]; // quantiles of where the mouth's edges are
const [GUM, TEETH_DEPTH] = [0.4, 0.05]; // as phonolips/show/view.py has them
const SAMPLED = 4000; // frames at most that the view is found from
const BLOCK_FRAMES = 8; // of ARKit weights, which are computed as they are needed
const MARGIN_FRAMES = 2;
const cache = new WeakMap();

function once(result, name, make) {
  if (!cache.has(result)) cache.set(result, new Map());
  const known = cache.get(result);
  if (!known.has(name)) known.set(name, make());
  return known.get(name);
}

export const openings = (result) => once(result, 'opening', () => opening(result.lips));
export const widths = (result) => once(result, 'width', () => width(result.lips));
export const articulators = (result) => once(result, 'articulators', () => articulatorsOf(result));
export const shaping = (result) => once(result, 'shaping', () => shapeNumbers(result));

/** Where the mouth stands, and where its teeth end: {x, y, extent, teeth}, from quantiles of the whole. */
export const mouthView = (result) =>
  once(result, 'view', () => {
    const edges = [[], [], [], []];
    const tops = [];
    const every = Math.max(1, Math.floor(result.frames / SAMPLED));
    for (let frame = 0; frame < result.frames; frame += every) {
      const lips = result.lips.subarray(frame * LIP_NUMBERS, (frame + 1) * LIP_NUMBERS);
      let [left, right, bottom, top, inner] = [Infinity, -Infinity, Infinity, -Infinity, -Infinity];
      for (let point = 0; point < LIP_POINTS; point++) {
        const [x, y] = [lips[2 * point], lips[2 * point + 1]];
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [bottom, top] = [Math.min(bottom, y), Math.max(top, y)];
      }
      for (const point of [INNER.left, ...INNER.upper, INNER.right, ...INNER.lower]) inner = Math.max(inner, lips[2 * point + 1]);
      [left, right, bottom, top].forEach((value, i) => edges[i].push(value));
      tops.push(inner);
    }
    const [left, right, bottom, top] = edges.map((values, i) => quantile(values, i % 2 ? MOST : LEAST));
    return { x: (left + right) / 2, y: (bottom + top) / 2, extent: Math.max(right - left, top - bottom, 0.01), teeth: quantile(tops, GUM) - TEETH_DEPTH };
  });

const rest = (result) => once(result, 'rest', () => (result.frames ? neutralMouth(result.lips, null) : meanShape(result.lips)));

/** The lowest and highest sample of pieces of 5 ms: Float32Array of pairs, of a peak of 1. */
export const envelope = (result) =>
  once(result, 'envelope', () => {
    const { samples } = result;
    const pairs = new Float32Array(2 * Math.ceil(samples.length / 80));
    let peak = 1e-3;
    for (let i = 0; i < samples.length; i++) {
      const at = 2 * Math.floor(i / 80);
      pairs[at] = Math.min(pairs[at], samples[i]);
      pairs[at + 1] = Math.max(pairs[at + 1], samples[i]);
      peak = Math.max(peak, Math.abs(samples[i]));
    }
    return pairs.map((value) => value / peak);
  });

/** ARKit's weights of one frame, {name: 0 to 1}. A block of frames is computed at once, with a margin for smoothing. */
export function arkitAt(result, frame) {
  const block = Math.floor(frame / BLOCK_FRAMES);
  const { weights, first } = once(result, `arkit ${block}`, () => {
    const from = Math.max(0, block * BLOCK_FRAMES - MARGIN_FRAMES);
    const to = Math.min(result.frames, (block + 1) * BLOCK_FRAMES + MARGIN_FRAMES);
    const step = (time) => Math.round((time / result.fps) * STEPS_PER_SECOND) * NUM_PHONES;
    const posteriors = result.posteriors?.subarray(step(from), step(to)) ?? null;
    const lips = result.lips.subarray(from * LIP_NUMBERS, to * LIP_NUMBERS);
    return { first: from, weights: arkitWeights(lips, result.fps, { alignment: null, posteriors: posteriors?.length ? posteriors : null, rest: rest(result) }) };
  });
  return Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values[frame - first]]));
}

/** Lips at a time: the mix of two frames beside it, as [x, y] points. */
export function lipsAt({ lips, frames, fps }, time) {
  const place = Math.min(Math.max(time * fps - 0.5, 0), frames - 1);
  const first = Math.floor(place);
  const share = place - first;
  const next = Math.min(first + 1, frames - 1);
  const mix = (number) => lips[first * LIP_NUMBERS + number] * (1 - share) + lips[next * LIP_NUMBERS + number] * share;
  return Array.from({ length: LIP_POINTS }, (_, point) => [mix(2 * point), mix(2 * point + 1)]);
}

/** The five articulators at a time; zeros where nothing is known of phones. */
export function articulatorsAt(result, time) {
  const curves = articulators(result);
  if (!curves) return [0, 0, 0, 0, 0];
  const frame = Math.min(Math.max(Math.floor(time * result.fps), 0), result.frames - 1);
  return Array.from(curves.subarray(frame * 5, frame * 5 + 5));
}

const SETTLING = 0.1; // of the way to the newest view at each look

/** The view of a mouth while it comes: follows that of the last seconds slowly, so that the picture does not jump. */
export function settleView(last, result) {
  const next = mouthView(result);
  if (!last) return { ...next, extent: Math.max(next.extent, 0.5) };
  return Object.fromEntries(Object.keys(next).map((name) => [name, last[name] + SETTLING * ((name === 'extent' ? Math.max(next.extent, 0.5) : next[name]) - last[name])]));
}
