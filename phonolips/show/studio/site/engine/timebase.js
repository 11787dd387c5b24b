// The clocks: samples, steps, frames, seconds; follows phonolips/timebase.py.

import { InputError } from './errors.js';

export const SAMPLE_RATE = 16000; // samples per second
export const STEP_SAMPLES = 160; // samples per step
export const STEPS_PER_SECOND = 100;
export const MODEL_FPS = 25; // frames per second of the lip decoder
export const STEPS_PER_FRAME = 4;
export const FRAME_SAMPLES = 640;
export const LEAST_FPS = 1;
export const MOST_FPS = 240;
const NTSC_RATES = [24000, 30000, 60000]; // over 1001

/** Round half to even, as Python does. */
export function roundEven(value) {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return Math.round(value);
  return down % 2 ? down + 1 : down;
}

export const samplesToSteps = (samples) => Math.ceil(samples / STEP_SAMPLES);
export const secondsToSteps = (seconds) => roundEven(seconds * STEPS_PER_SECOND);

/** Count the frames at `fps` that cover `seconds`; at least one. */
export const framesIn = (seconds, fps) => Math.max(1, Math.ceil(seconds * fps - 1e-6));

/** List the centres of frames in seconds. */
export function frameCentres(frames, fps = MODEL_FPS, first = 0) {
  return Float64Array.from({ length: frames }, (_, i) => (first + i + 0.5) / fps);
}

/** List the centres of steps in seconds. */
export const stepCentres = (steps) => frameCentres(steps, STEPS_PER_SECOND);

/**
 * Turn a frame rate as people write it into the exact one: 29.97 and '30000/1001' are the same.
 * Returns a number; throws InputError unless it is 1 to 240.
 */
export function exactFps(fps) {
  let rate = NaN;
  if (typeof fps === 'number') rate = fps;
  else if (typeof fps === 'string') {
    const found = /^\s*(\d{1,9}(?:\.\d{0,9})?)\s*(?:[/:]\s*(\d{1,9}(?:\.\d{0,9})?)\s*)?$/.exec(fps);
    if (found) rate = Number(found[1]) / Number(found[2] ?? 1);
  }
  if (!(rate >= LEAST_FPS && rate <= MOST_FPS)) {
    throw new InputError(`fps is ${JSON.stringify(fps)}; expected ${LEAST_FPS} to ${MOST_FPS} frames per second`);
  }
  for (const over of NTSC_RATES) if (Math.abs(rate - over / 1001) < 0.005) return over / 1001;
  return rate;
}

/** Read values at ascending places linearly at some times; beyond the ends the nearest holds (NumPy's interp). */
export function interpolate(times, places, values, stride = 1, offset = 0) {
  const last = places.length - 1;
  const result = new Float64Array(times.length);
  let at = 0;
  for (let i = 0; i < times.length; i++) {
    const time = times[i];
    if (time <= places[0]) result[i] = values[offset];
    else if (time >= places[last]) result[i] = values[last * stride + offset];
    else {
      if (places[at] > time) at = 0;
      while (places[at + 1] <= time) at++;
      const low = values[at * stride + offset];
      const high = values[(at + 1) * stride + offset];
      result[i] = ((high - low) / (places[at + 1] - places[at])) * (time - places[at]) + low;
    }
  }
  return result;
}

/** The first place at which `value` could be put into an ascending row, before equal ones or (right) after them. */
export function searchSorted(row, value, right = false) {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (right ? row[middle] <= value : row[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The quantile of some numbers, linear between them, as NumPy has it. */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = (sorted.length - 1) * share;
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  const part = place - low;
  const step = sorted[high] - sorted[low];
  return part >= 0.5 ? sorted[high] - step * (1 - part) : sorted[low] + step * part;
}

export const median = (values) => {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};
