// Mouth cues: which of nine drawn mouths to show, and from when to when; follows phonolips/export/cues.py.

import { BILABIALS, LABIODENTALS, nearestPhone, SILENCE, UNKNOWN } from '../inventory.js';
import { opening, restWidth, width } from '../lips/shapes.js';
import { CUES } from '../tables.js';
import { frameCentres, interpolate, quantile, secondsToSteps, stepCentres, STEPS_PER_SECOND } from '../timebase.js';

const MOUTHS = CUES.mouths;
const CLASSES = MOUTHS.length;
const [SHUT, BITE, TONGUE] = ['A', 'G', 'H'].map((mouth) => MOUTHS.indexOf(mouth));
const [OPENING_SPREAD, WIDTH_SPREAD] = [0.25, 0.04];
const [WIDEST_QUANTILE, LEAST_WIDEST, MOST_WIDEST] = [0.97, 0.12, 0.4];
const SHUT_SHARE = 0.1;
const CHANGE_COST = 6;
const [LEAST_CUE_SECONDS, LEAST_FAST_SECONDS, LEAST_PAUSE_SECONDS] = [0.07, 0.05, 0.2];
const IMPOSSIBLE = 1000;
const OPEN_ALL_THE_SAME = 0.6;

/**
 * Divide time into the results of classes that cost least in all, none shorter than allowed.
 * `price` (steps * classes); returns runs [class, first step, step after the last].
 */
export function divide(price, classes, least, changeCost) {
  const steps = price.length / classes;
  const shortest = least.map((run) => Math.min(run, steps));
  const total = new Float64Array((steps + 1) * classes);
  for (let i = 0; i < price.length; i++) total[i + classes] = total[i] + price[i];
  const enter = new Float64Array((steps + 1) * classes).fill(Infinity);
  enter.fill(0, 0, classes);
  const cameFrom = new Int32Array((steps + 1) * classes);
  const began = new Int32Array((steps + 1) * classes);
  const inside = new Float64Array(classes).fill(Infinity);
  for (let step = 1; step <= steps; step++) {
    for (let kind = 0; kind < classes; kind++) {
      const start = step - shortest[kind];
      const at = Math.max(start, 0) * classes + kind;
      const fresh = start >= 0 ? enter[at] + total[step * classes + kind] - total[at] : Infinity;
      const longer = inside[kind] + price[(step - 1) * classes + kind];
      const begins = fresh < longer;
      inside[kind] = begins ? fresh : longer;
      began[step * classes + kind] = begins ? Math.max(start, 0) : began[(step - 1) * classes + kind];
    }
    for (let kind = 0; kind < classes; kind++) {
      let best = kind === 0 ? 1 % classes : 0;
      for (let other = 0; other < classes; other++) if (other !== kind && inside[other] < inside[best]) best = other;
      cameFrom[step * classes + kind] = best;
      enter[step * classes + kind] = best === kind ? Infinity : changeCost + inside[best];
    }
  }
  const runs = [];
  let end = steps;
  let kind = inside.indexOf(Math.min(...inside));
  while (end > 0) {
    const first = began[end * classes + kind];
    runs.push([kind, first, end]);
    [end, kind] = [first, cameFrom[first * classes + kind]];
  }
  return runs.reverse();
}

/** Opening as a share of these lips' widest, and width against rest in eye distances. */
function movement(lips) {
  const [apart, wide] = [opening(lips), width(lips)];
  const shut = quantile(apart, SHUT_SHARE);
  const shown = apart.map((value) => value - shut);
  const widest = Math.min(Math.max(quantile(shown, WIDEST_QUANTILE), LEAST_WIDEST), MOST_WIDEST);
  const rest = restWidth(shown, wide);
  return [shown.map((value) => Math.max(value, 0) / widest), wide.map((value) => value - rest)];
}

function suits(phone) {
  if (phone.label === SILENCE && phone.end - phone.start < LEAST_PAUSE_SECONDS) return CUES.shortSilence;
  return CUES.prices[nearestPhone(phone.label)] ?? CUES.prices[UNKNOWN];
}

/** Choose Rhubarb's mouths A to H and X for lips and what they say: [{value, start, end}]. */
export function mouthCues({ lips, frames, fps, alignment }, leastSeconds = 0) {
  const steps = Math.max(1, secondsToSteps(frames / fps));
  const times = stepCentres(steps);
  const centres = frameCentres(frames, fps);
  const [apart, wide] = movement(lips).map((values) => interpolate(times, centres, values));
  const price = new Float64Array(steps * CLASSES);
  for (let step = 0; step < steps; step++) {
    for (let kind = 0; kind < CLASSES; kind++) {
      price[step * CLASSES + kind] = ((apart[step] - CUES.openings[kind]) / OPENING_SPREAD) ** 2 + ((wide[step] - CUES.widths[kind]) / WIDTH_SPREAD) ** 2;
      if (!alignment) price[step * CLASSES + kind] += kind === BITE || kind === TONGUE ? IMPOSSIBLE : kind === SHUT ? 0.3 : 0;
    }
  }
  const add = (first, last, row) => {
    for (let step = first; step < last; step++) for (let kind = 0; kind < CLASSES; kind++) price[step * CLASSES + kind] += row[kind];
  };
  if (alignment) {
    for (const phone of alignment.phones) {
      const [first, last] = [phone.start, phone.end].map((time) => Math.min(secondsToSteps(time), steps));
      if (last <= first) continue;
      add(first, last, suits(phone));
      const label = nearestPhone(phone.label);
      const mouth = BILABIALS.includes(label) ? SHUT : LABIODENTALS.includes(label) ? BITE : null;
      if (mouth === null) continue;
      let tightest = first;
      for (let step = first; step < last; step++) if (apart[step] < apart[tightest]) tightest = step;
      if (apart[tightest] < OPEN_ALL_THE_SAME) add(tightest, tightest + 1, Array.from(MOUTHS, (_, kind) => (kind === mouth ? 0 : IMPOSSIBLE)));
    }
    add(Math.min(secondsToSteps(alignment.duration), steps), steps, CUES.prices[SILENCE]);
  }
  const least = Array.from(MOUTHS, (mouth) => Math.ceil(Math.max('AGH'.includes(mouth) ? LEAST_FAST_SECONDS : LEAST_CUE_SECONDS, leastSeconds) * STEPS_PER_SECOND - 1e-6));
  return divide(price, CLASSES, least, CHANGE_COST).map(([kind, first, last]) => ({ value: MOUTHS[kind], start: first / STEPS_PER_SECOND, end: last / STEPS_PER_SECOND }));
}
