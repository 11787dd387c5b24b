// What an edit does to a document: pure functions, each returns a new document and leaves the old one as it is.
//
// A document is {alignment, words, posteriors, steps, lipParameters, kept, names, samples, duration, timing, options, origin}. `alignment`
// is null where the phones are to be read from painted posteriors. `kept` says for each model frame whether its lip
// parameters stand (heard or drawn: 1), or are predicted from the posteriors anew (0). `origin` is the result that it began with.

import { labelRow, normalisePhone, NUM_PHONES, SILENCE_ID } from '../engine/inventory.js';
import { MODEL_FPS, STEPS_PER_FRAME, STEPS_PER_SECOND } from '../engine/timebase.js';

export const LEAST_SECONDS = 0.01; // an interval is one step at least
const SAME_SECONDS = 1e-4; // boundaries of words and phones that are one
const AROUND_FRAMES = 3; // beside an edit of phones, whose lip parameters are predicted, too
const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** Make the document of a result; null where nothing is known of its phones, so that nothing can be edited. */
export function documentOf(result, options = {}) {
  const { posteriors, steps, lipParameters, lipParameterNames, alignment } = result;
  if (!posteriors || !alignment) return null;
  const frames = Math.ceil(steps / STEPS_PER_FRAME);
  const isHeard = result.timing === 'audio' || (result.timing !== 'predicted durations' && result.timing !== 'given durations' && lipParameters !== null);
  return {
    alignment,
    words: alignment.words,
    posteriors,
    steps,
    lipParameters: lipParameters ?? new Float32Array(frames * 3),
    kept: new Uint8Array(frames).fill(isHeard && lipParameters ? 1 : 0),
    names: lipParameterNames.length ? lipParameterNames : ['opening', 'width', 'height'],
    samples: result.samples,
    duration: alignment.duration,
    timing: result.timing,
    options,
    origin: result,
  };
}

const labelAt = (tier, time) => tier.find(({ end }) => time < end)?.label ?? tier.at(-1).label;

/** Take a new phone tier: steps whose phone is another one now get that phone's posteriors, all others stay. */
function withPhones(document, before, phones, words, from, to) {
  const posteriors = document.posteriors.slice();
  const kept = document.kept.slice();
  const first = clip(Math.floor(from * STEPS_PER_SECOND), 0, document.steps);
  const last = clip(Math.ceil(to * STEPS_PER_SECOND), 0, document.steps);
  for (let step = first; step < last; step++) {
    const time = (step + 0.5) / STEPS_PER_SECOND;
    const label = labelAt(phones, time);
    if (label === labelAt(before.phones, time)) continue;
    posteriors.set(labelRow(label), step * NUM_PHONES);
    predictAround(kept, step, step + 1);
  }
  const alignment = { words, phones, duration: before.duration, confidences: null };
  return { ...document, alignment, words, posteriors, kept };
}

function predictAround(kept, firstStep, lastStep) {
  kept.fill(0, Math.max(0, Math.floor(firstStep / STEPS_PER_FRAME) - AROUND_FRAMES), Math.ceil(lastStep / STEPS_PER_FRAME) + AROUND_FRAMES);
}

function moveEdge(tier, index, time) {
  return tier.map((one, i) => (i === index - 1 ? { ...one, end: time } : i === index ? { ...one, start: time } : one));
}

const edgeAt = (tier, time) => tier.findIndex(({ start }, i) => i > 0 && Math.abs(start - time) < SAME_SECONDS);

/** How far the boundary before interval `index` may go. */
const room = (tier, index) => [tier[index - 1].start + LEAST_SECONDS, tier[index].end - LEAST_SECONDS];

/** Move the boundary before an interval; the other tier's boundary at the same time goes with it. */
export function moveBoundary(document, before, tier, index, to) {
  const other = tier === 'phones' ? 'words' : 'phones';
  if (!(index > 0 && index < before[tier].length)) return document;
  const at = before[tier][index].start;
  const pair = edgeAt(before[other], at);
  let [low, high] = room(before[tier], index);
  if (pair > 0) {
    const [otherLow, otherHigh] = room(before[other], pair);
    [low, high] = [Math.max(low, otherLow), Math.min(high, otherHigh)];
  }
  const time = clip(Math.round(to * STEPS_PER_SECOND) / STEPS_PER_SECOND, low, high);
  if (low > high || Math.abs(time - at) < SAME_SECONDS) return document;
  const tiers = { ...before, [tier]: moveEdge(before[tier], index, time) };
  if (pair > 0) tiers[other] = moveEdge(before[other], pair, time);
  return withPhones(document, before, tiers.phones, tiers.words, Math.min(at, time), Math.max(at, time));
}

/** Name an interval anew; throws InputError for a phone that is none. */
export function rename(document, before, tier, index, label) {
  const named = tier === 'phones' ? normalisePhone(label) : label.trim();
  const one = before[tier][index];
  if (!one || one.label === named) return document;
  const tiers = { ...before, [tier]: before[tier].map((interval, i) => (i === index ? { ...interval, label: named } : interval)) };
  return withPhones(document, before, tiers.phones, tiers.words, one.start, one.end);
}

/** Put a phone or word at a time: it takes the rest of the interval that is there; half of it if the time is at its edge. */
export function insert(document, before, tier, time, label) {
  const named = tier === 'phones' ? normalisePhone(label) : label.trim();
  const found = before[tier].findIndex(({ end }) => time < end);
  const index = found < 0 ? before[tier].length - 1 : found;
  const { start, end, label: old } = before[tier][index];
  if (end - start < 2 * LEAST_SECONDS - SAME_SECONDS) return document;
  let at = Math.round(time * STEPS_PER_SECOND) / STEPS_PER_SECOND;
  if (at < start + LEAST_SECONDS || at > end - LEAST_SECONDS) at = Math.round(((start + end) / 2) * STEPS_PER_SECOND) / STEPS_PER_SECOND;
  at = clip(at, start + LEAST_SECONDS, end - LEAST_SECONDS);
  const halves = [{ label: old, start, end: at }, { label: named, start: at, end }];
  const tiers = { ...before, [tier]: before[tier].flatMap((one, i) => (i === index ? halves : [one])) };
  return withPhones(document, before, tiers.phones, tiers.words, at, end);
}

/** Take an interval away; the one before it lasts longer, or the next one starts earlier where there is none before. */
export function remove(document, before, tier, index) {
  const list = before[tier];
  if (list.length < 2 || !list[index]) return document;
  const gone = list[index];
  const rest = list.filter((_, i) => i !== index);
  const heir = Math.max(index - 1, 0);
  rest[heir] = index > 0 ? { ...rest[heir], end: gone.end } : { ...rest[heir], start: gone.start };
  const tiers = { ...before, [tier]: rest };
  return withPhones(document, before, tiers.phones, tiers.words, gone.start, gone.end);
}

/** Mix a phone into the posteriors of some steps (`strength` 0 to 1), or out of them (below 0); rows keep their sum of 1. */
export function paint(document, phone, first, last, strength) {
  const [from, to] = [clip(first, 0, document.steps), clip(last, 0, document.steps)];
  if (from >= to || !strength) return document;
  const posteriors = document.posteriors.slice();
  for (let step = from; step < to; step++) {
    const at = step * NUM_PHONES;
    const row = posteriors.subarray(at, at + NUM_PHONES);
    if (strength > 0) {
      for (let i = 0; i < NUM_PHONES; i++) row[i] *= 1 - strength;
      row[phone] += strength;
    } else {
      const taken = row[phone] * -strength;
      row[phone] -= taken;
      const others = row.reduce((sum, value, i) => sum + (i === phone ? 0 : value), 0);
      if (others > 1e-6) for (let i = 0; i < NUM_PHONES; i++) row[i] += i === phone ? 0 : (taken * row[i]) / others;
      else row[SILENCE_ID] += taken;
    }
  }
  const kept = document.kept.slice();
  predictAround(kept, from, to);
  return { ...document, alignment: null, posteriors, kept };
}

/** Draw one lip parameter along a line from one point to another; `shown` are the values of all frames as they are now. */
export function draw(document, shown, parameter, [fromTime, fromValue], [toTime, toValue]) {
  if (fromTime > toTime) return draw(document, shown, parameter, [toTime, toValue], [fromTime, fromValue]);
  const frames = document.kept.length;
  const count = document.names.length;
  const [first, last] = [fromTime, toTime].map((time) => clip(Math.floor(time * MODEL_FPS), 0, frames - 1));
  const lipParameters = document.lipParameters.slice();
  const kept = document.kept.slice();
  for (let frame = first; frame <= last; frame++) {
    if (!kept[frame]) lipParameters.set(shown.subarray(frame * count, (frame + 1) * count), frame * count);
    kept[frame] = 1;
    const share = last === first ? 1 : (frame - first) / (last - first);
    lipParameters[frame * count + parameter] = fromValue + share * (toValue - fromValue);
  }
  return { ...document, lipParameters, kept };
}

/** Shift one lip parameter over a span of time by an amount, for those who do not draw. */
export function shift(document, shown, parameter, from, to, by) {
  const count = document.names.length;
  const [first, last] = [from, to].map((time) => clip(Math.round(time * MODEL_FPS), 0, document.kept.length));
  if (first >= last || !by) return document;
  let result = document;
  for (let frame = first; frame < last; frame++) {
    const value = (document.kept[frame] ? document.lipParameters : shown)[frame * count + parameter] + by;
    const time = (frame + 0.5) / MODEL_FPS;
    result = draw(result, shown, parameter, [time, value], [time, value]);
  }
  return result;
}

/** Let all lip parameters be predicted from the phones again. */
export const predictAgain = (document) => ({ ...document, kept: new Uint8Array(document.kept.length) });
