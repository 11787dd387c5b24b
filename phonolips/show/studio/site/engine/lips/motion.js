// What is done to movements: liveliness, articulation, emphasis, rest, closures; follows phonolips/lips/{smoothing,
// liveliness,articulation,emphasis,rest,closures}.py. Lips are Float32Array (frames * 80) at 25 frames a second unless
// an fps is given; every function returns new lips, or the same where nothing changes.

import { InputError } from '../errors.js';
import { labelRuns, speechWords } from '../alignment.js';
import { labelId, nearestPhone, NUM_PHONES, PHONE_IDS, shutsLips, SILENCE, UNKNOWN } from '../inventory.js';
import { MODEL_FPS, searchSorted, secondsToSteps, STEPS_PER_SECOND } from '../timebase.js';
import { LIP_NUMBERS, LIP_POINTS, LOWER_LIP_SHARE, narrow, opening, uncross, width } from './shapes.js';

const f32 = Math.fround;
const REACH_SIGMAS = 4;

/** Smooth rows by a Gaussian over time; beyond the ends the nearest row holds. Same type and size. */
export function smoothGaussian(values, rowWidth, sigma, aheadRows = null) {
  const rows = values.length / rowWidth;
  const reach = Math.floor(REACH_SIGMAS * sigma + 0.5);
  const weights = Array.from({ length: reach + 1 }, (_, away) => Math.exp((-0.5 / sigma ** 2) * away ** 2));
  const total = weights[0] + 2 * weights.slice(1).reduce((sum, weight) => sum + weight, 0);
  const ahead = aheadRows ?? reach;
  const result = new values.constructor(values.length);
  for (let row = 0; row < rows; row++) {
    for (let number = 0; number < rowWidth; number++) {
      let sum = (weights[0] / total) * values[row * rowWidth + number];
      for (let away = reach; away > 0; away--) {
        const before = Math.max(row - away, 0);
        const after = Math.min(row + Math.min(away, ahead), rows - 1);
        sum += (weights[away] / total) * (values[before * rowWidth + number] + values[after * rowWidth + number]);
      }
      result[row * rowWidth + number] = sum;
    }
  }
  return result;
}

export const EXAGGERATION_REACH_FRAMES = 8;
const EXAGGERATION_SIGMA_FRAMES = 2; // 80 ms
export const MOST_LIVELINESS = 2;

/** Exaggerate movements faster than about a syllable; 0 leaves everything as it is. */
export function exaggerate(lips, liveliness, aheadFrames = EXAGGERATION_REACH_FRAMES) {
  if (!liveliness) return lips;
  const smooth = smoothGaussian(lips, LIP_NUMBERS, EXAGGERATION_SIGMA_FRAMES, aheadFrames);
  const more = f32(liveliness);
  return uncross(lips.map((value, i) => value + f32(more * f32(value - smooth[i]))));
}

const MOST_GAIN = 3;
const LEAST_WIDTH = 0.1; // mouth-space units
const GAIN_NAMES = ['opening', 'width', 'height'];

/** Return {opening, width, height}, gains that a caller asks for: a number for all, or some by name. */
export function checkArticulation(articulation = 1) {
  const given = typeof articulation === 'number' ? Object.fromEntries(GAIN_NAMES.map((name) => [name, articulation])) : articulation;
  const gains = { opening: 1, width: 1, height: 1 };
  for (const [name, gain] of Object.entries(given ?? {})) {
    if (!GAIN_NAMES.includes(name)) throw new InputError(`articulation of '${name}'; expected some of ${GAIN_NAMES.join(', ')}`);
    if (!(gain >= 0 && gain <= MOST_GAIN)) throw new InputError(`articulation of ${name} is ${gain}; expected 0 to ${MOST_GAIN}, 1 being as the model says`);
    gains[name] = gain;
  }
  return gains;
}

/** Enlarge or lessen movements about the shut mouth (80,), each kind by its own gain. */
export function articulate(lips, gains, shut) {
  if (GAIN_NAMES.every((name) => gains[name] === 1)) return lips;
  const rest = Float32Array.from(shut);
  const atRest = width(rest)[0];
  const widths = width(lips);
  const result = new Float32Array(lips.length);
  for (let frame = 0, at = 0; at < lips.length; frame++, at += LIP_NUMBERS) {
    const factor = f32((atRest + f32(gains.width) * (widths[frame] - atRest)) / Math.max(widths[frame], LEAST_WIDTH));
    let [middle, raised] = [0, 0];
    for (let point = 0; point < LIP_POINTS; point++) {
      middle += lips[at + 2 * point] / LIP_POINTS;
      raised += (lips[at + 2 * point + 1] - rest[2 * point + 1]) / LIP_POINTS;
    }
    for (let point = 0; point < LIP_POINTS; point++) {
      const [x, y] = [at + 2 * point, at + 2 * point + 1];
      result[x] = middle + factor * (lips[x] - middle);
      const away = lips[y] - rest[2 * point + 1];
      result[y] = rest[2 * point + 1] + gains.opening * (away - raised) + gains.height * raised;
    }
  }
  return uncross(result);
}

const LEAST_EMPHASIS = 0.3;
const MOST_EMPHASIS = 3;
const FADE_SECONDS = 0.1;

/** Check which words are emphasised: word or place -> factor, of some words spoken. */
export function checkEmphasis(emphasis, words) {
  const said = words.map((word) => word.toLowerCase());
  for (const [word, factor] of Object.entries(emphasis)) {
    const known = /^\d+$/.test(word) ? Number(word) < said.length : said.includes(word.toLowerCase());
    if (!known) throw new InputError(`emphasis ${word}: not one of the words spoken${said.length ? ` (${said.slice(0, 12).join(', ')})` : ''}`);
    if (!(factor >= LEAST_EMPHASIS && factor <= MOST_EMPHASIS)) {
      throw new InputError(`emphasis ${word}: ${factor}; expected a factor from ${LEAST_EMPHASIS} to ${MOST_EMPHASIS}`);
    }
  }
}

export function wordFactor(word, place, emphasis) {
  const known = [String(place), word.toLowerCase()].find((key) => Object.hasOwn(emphasis, key));
  return known === undefined ? 1 : emphasis[known];
}

/** Compute how far the lips go at every frame: 1 outside the emphasised words. */
export function emphasisCurve(alignment, emphasis, frames) {
  const [larger, smaller] = [new Float64Array(frames), new Float64Array(frames)];
  speechWords(alignment).forEach((word, place) => {
    const factor = wordFactor(word.label, place, emphasis);
    for (let i = 0; i < frames; i++) {
      const time = (i + 0.5) / MODEL_FPS;
      const outside = Math.max(word.start - time, time - word.end, 0);
      const change = (factor - 1) * 0.5 * (1 + Math.cos(Math.PI * Math.min(outside / FADE_SECONDS, 1)));
      larger[i] = Math.max(larger[i], change);
      smaller[i] = Math.min(smaller[i], change);
    }
  });
  return Float32Array.from(larger, (more, i) => Math.min(Math.max(1 + more + smaller[i], LEAST_EMPHASIS), MOST_EMPHASIS));
}

/** Move the lips further from rest (80,) by a factor a frame. */
export function enlarge(lips, factor, rest) {
  const from = Float32Array.from(rest);
  return uncross(lips.map((value, i) => from[i % LIP_NUMBERS] + factor[Math.floor(i / LIP_NUMBERS)] * (value - from[i % LIP_NUMBERS])));
}

const SHUT_SECONDS = 0.08;
export const LEAVE_SECONDS = 0.12;
const OPEN_SECONDS = 0.06;
export const REST_REACH_FRAMES = 3;
export const REST_REACH_STEPS = 12;
const SAME_SECONDS = 1e-6; // two times that are no further apart are one

const opensLips = (label) => label !== SILENCE && label !== UNKNOWN && !shutsLips(label);
const ramp = (part) => {
  const within = Math.min(Math.max(part, 0), 1);
  return within * within * (3 - 2 * within);
};

/**
 * Compute how far the mouth is at rest in every frame because nothing opens it: Float32Array (frames,). A phone that
 * begins later than `seenSeconds` after a frame's middle is not yet known of.
 */
export function restWeights(phones, frames, seenSeconds = Infinity) {
  const spoken = phones.filter((phone) => opensLips(phone.label));
  const starts = [...spoken.map((phone) => phone.start), Infinity];
  const ends = [-Infinity, ...spoken.map((phone) => phone.end)];
  return Float32Array.from({ length: frames }, (_, i) => {
    const time = (i + 0.5) / MODEL_FPS;
    const following = searchSorted(starts, time, true);
    const since = Math.max(time - ends[following], 0);
    const next = since > 0 ? starts[following] - time : 0;
    const until = next > seenSeconds - SAME_SECONDS ? Infinity : next;
    return ramp(since / SHUT_SECONDS) * ramp((until - OPEN_SECONDS) / (LEAVE_SECONDS - OPEN_SECONDS));
  });
}

/** Bring lips to a shut mouth (80,) by weights (frames,). */
export function restBy(lips, weights, shut) {
  const closed = Float32Array.from(shut);
  return lips.map((value, i) => value + f32(weights[Math.floor(i / LIP_NUMBERS)] * f32(closed[i % LIP_NUMBERS] - value)));
}

export const CLOSING_SECONDS = 0.06;
export const LONGEST_STEPS = 12; // of 10 ms
const BELIEVED = 0.4;
export const CLOSURES = [
  { phones: ['F', 'V'].map((phone) => PHONE_IDS[phone]), opening: 0.06, lowerLipShare: 1 },
  { phones: ['B', 'M', 'P'].map((phone) => PHONE_IDS[phone]), opening: 0.008, lowerLipShare: LOWER_LIP_SHARE },
];

/** Compute how sure each closure is at every step: Float32Array (steps * 2). */
export function closingBeliefs(posteriors) {
  const steps = posteriors.length / NUM_PHONES;
  const beliefs = new Float32Array(steps * CLOSURES.length);
  for (let step = 0; step < steps; step++) {
    CLOSURES.forEach(({ phones }, kind) => {
      let sum = 0;
      for (const phone of phones) sum = f32(sum + posteriors[step * NUM_PHONES + phone]);
      beliefs[step * CLOSURES.length + kind] = sum;
    });
  }
  return beliefs;
}

/** Find when lips have to be closed for phones said at known times: for each kind a list of [start, end, belief]. */
export function findClosures(phones) {
  const found = CLOSURES.map(() => []);
  const longest = LONGEST_STEPS / STEPS_PER_SECOND;
  for (const phone of phones) {
    const id = labelId(nearestPhone(phone.label));
    CLOSURES.forEach((closure, kind) => {
      if (!closure.phones.includes(id)) return;
      const spare = Math.max(0, secondsToSteps(phone.end - phone.start) - LONGEST_STEPS);
      const length = Math.min(phone.end - phone.start, longest);
      for (let i = 0; i <= spare; i++) {
        const start = spare ? phone.start + ((phone.end - length - phone.start) * i) / spare : phone.start;
        found[kind].push([start, start + length, 1]);
      }
    });
  }
  return found;
}

/** Find when lips have to be closed for phones that were heard: labels (steps,), beliefs (steps * 2). */
export function heardClosures(labels, beliefs, firstStep = 0) {
  const found = CLOSURES.map(() => []);
  for (const [label, first, last] of labelRuns(labels)) {
    CLOSURES.forEach((closure, kind) => {
      if (!closure.phones.includes(label)) return;
      const length = Math.min(last - first, LONGEST_STEPS);
      for (let start = first; start <= last - length; start++) {
        let most = 0;
        for (let step = start; step < start + length; step++) most = Math.max(most, beliefs[step * CLOSURES.length + kind]);
        found[kind].push([(firstStep + start) / STEPS_PER_SECOND, (firstStep + start + length) / STEPS_PER_SECOND, Math.min(most / BELIEVED, 1)]);
      }
    });
  }
  return found;
}

/** Compute by how much lips have to come together in every frame, for each kind: Float32Array (frames * 2). */
export function closingHeights(openings, closures, fps, { firstFrame = 0, ended = true } = {}) {
  const count = openings.length;
  const heights = new Float32Array(count * CLOSURES.length);
  if (!count) return heights;
  const times = Float64Array.from({ length: count }, (_, i) => (firstFrame + i + 0.5) / fps);
  CLOSURES.forEach((closure, kind) => {
    for (const [begin, finish, belief] of closures[kind]) {
      let [first, last] = [searchSorted(times, begin), searchSorted(times, finish)];
      if (first === last) {
        const nearest = Math.max(Math.ceil(((begin + finish) / 2) * fps - 1), 0) - firstFrame;
        first = ended ? Math.min(nearest, count - 1) : nearest;
        if (first < 0 || first >= count) continue;
        last = first + 1;
      }
      let least = Infinity;
      for (let i = first; i < last; i++) least = Math.min(least, openings[i]);
      const excess = belief * f32(least - f32(closure.opening));
      if (excess <= 0) continue;
      const [start, end] = [Math.min(begin, times[first]), Math.max(finish, times[last - 1])];
      const near = [searchSorted(times, start - CLOSING_SECONDS), searchSorted(times, end + CLOSING_SECONDS)];
      for (let i = near[0]; i < near[1]; i++) {
        const away = Math.max(start - times[i], times[i] - end, 0);
        const height = excess * 0.5 * (1 + Math.cos(Math.PI * Math.min(away / CLOSING_SECONDS, 1)));
        const place = i * CLOSURES.length + kind;
        heights[place] = Math.max(heights[place], height);
      }
    }
  });
  return heights.map((height, i) => Math.min(height, Math.max(openings[Math.floor(i / CLOSURES.length)], 0)));
}

/** The same where nobody waits for a phone's end: by the phones within 0.06 s around each frame; times (frames,), seconds. */
export function quickHeights(openings, times, labels, beliefs, firstStep, seenSteps) {
  const kinds = CLOSURES.length;
  const heights = new Float32Array(times.length * kinds);
  CLOSURES.forEach((closure, kind) => {
    for (let frame = 0; frame < times.length; frame++) {
      let most = 0;
      for (let step = 0; step < labels.length; step++) {
        const after = (firstStep + step + 0.5) / STEPS_PER_SECOND - times[frame];
        if (Math.abs(after) >= CLOSING_SECONDS || after > (seenSteps - 0.5) / STEPS_PER_SECOND + SAME_SECONDS) continue;
        if (!closure.phones.includes(labels[step])) continue;
        const near = 0.5 * (1 + Math.cos((Math.PI * Math.abs(after)) / CLOSING_SECONDS));
        most = Math.max(most, near * Math.min(beliefs[step * kinds + kind] / BELIEVED, 1));
      }
      heights[frame * kinds + kind] = most * Math.max(openings[frame] - f32(closure.opening), 0);
    }
  });
  return heights;
}

/** Bring lips together by as much as `closingHeights` say. */
export function closeBy(lips, heights) {
  if (!heights.some((height) => height)) return lips;
  const result = lips.slice();
  const frames = lips.length / LIP_NUMBERS;
  for (let frame = 0; frame < frames; frame++) {
    let done = 0;
    CLOSURES.forEach((closure, kind) => {
      const further = Math.max(heights[frame * CLOSURES.length + kind] - done, 0);
      if (further > 0) narrow(result, frame * LIP_NUMBERS, further, closure.lowerLipShare);
      done += further;
    });
  }
  return result;
}

export const closePhones = (lips, phones, fps) => closeBy(lips, closingHeights(opening(lips), findClosures(phones), fps));
export const closeHeard = (lips, labels, beliefs, fps) => closeBy(lips, closingHeights(opening(lips), heardClosures(labels, beliefs), fps));
