// Visemes as weights for every frame and as cues; follows phonolips/export/visemes.py.

import { alignmentToPosteriors, speechWords } from '../alignment.js';
import { NUM_PHONES, PHONE_IDS, SILENCE_ID } from '../inventory.js';
import { smoothGaussian } from '../lips/motion.js';
import { TALKING_HEAD_NAMES, VISEME_SETS } from '../tables.js';
import { exactFps, frameCentres, framesIn, interpolate, roundEven, secondsToSteps, stepCentres, STEPS_PER_SECOND } from '../timebase.js';
import { divide } from './cues.js';

const SMOOTHING_SECONDS = 0.02;
const WEIGHT_PARTS = 1000;
const LEAST_CUE_SECONDS = 0.05;
const CHANGE_COST = 1.5;

function readSet(name, { silence, visemes }) {
  const names = Object.keys(visemes);
  const classOf = new Int32Array(NUM_PHONES).fill(names.indexOf(silence));
  names.forEach((viseme, column) => visemes[viseme].forEach((phone) => (classOf[PHONE_IDS[phone]] = column)));
  return { name, silence, names, classOf };
}

export const OCULUS = readSet('oculus', VISEME_SETS.oculus);
export const OURS = readSet('phonolips', VISEME_SETS.phonolips);

/** What is spoken at each step as visemes, (steps * visemes). */
function bySteps({ frames, fps, posteriors, alignment }, set, preferPosteriors) {
  const steps = Math.max(1, secondsToSteps(frames / fps));
  const found = posteriors && (preferPosteriors || !alignment) ? posteriors : alignmentToPosteriors(alignment, steps);
  const count = set.names.length;
  const sums = new Float64Array(steps * count);
  const known = Math.min(steps, found.length / NUM_PHONES);
  for (let step = 0; step < steps; step++) {
    if (step >= known) sums[step * count + set.classOf[SILENCE_ID]] = 1;
    else for (let phone = 0; phone < NUM_PHONES; phone++) sums[step * count + set.classOf[phone]] += found[step * NUM_PHONES + phone];
  }
  return sums;
}

/** Weigh the visemes of every frame: {weights (frames * visemes), frames}; rows sum to 1. */
export function visemeWeights(result, set, fps) {
  const rate = exactFps(fps);
  const count = set.names.length;
  const smooth = smoothGaussian(bySteps(result, set, true), count, SMOOTHING_SECONDS * STEPS_PER_SECOND);
  const frames = framesIn(result.frames / result.fps, rate);
  const [times, centres] = [frameCentres(frames, rate), stepCentres(smooth.length / count)];
  const weights = new Float64Array(frames * count);
  for (let column = 0; column < count; column++) interpolate(times, centres, smooth, count, column).forEach((value, i) => (weights[i * count + column] = value));
  for (let at = 0; at < weights.length; at += count) {
    const sum = weights.subarray(at, at + count).reduce((total, value) => total + value, 0);
    for (let column = 0; column < count; column++) weights[at + column] /= sum;
  }
  return { weights, frames };
}

/** Name one viseme at a time: [{value, start, end}]. */
export function visemeCues(result, set) {
  const price = bySteps(result, set, false).map((weight) => 1 - weight);
  const least = set.names.map(() => secondsToSteps(LEAST_CUE_SECONDS));
  return divide(price, set.names.length, least, CHANGE_COST).map(([kind, first, last]) => ({ value: set.names[kind], start: first / STEPS_PER_SECOND, end: last / STEPS_PER_SECOND }));
}

/** Round a row to thousandths that still add up: what is missing goes to those that lost most. */
function inParts(row) {
  const exact = Array.from(row, (weight) => weight * WEIGHT_PARTS);
  const whole = exact.map(Math.floor);
  const missing = roundEven(WEIGHT_PARTS - whole.reduce((sum, value) => sum + value, 0));
  const order = whole.map((_, i) => i).sort((a, b) => whole[a] - exact[a] - (whole[b] - exact[b]) || a - b);
  order.slice(0, missing).forEach((i) => whole[i]++);
  return whole.map((value) => value / WEIGHT_PARTS);
}

function speakAudio(result, cues) {
  const shown = cues.filter((cue) => cue.value !== OCULUS.silence);
  const words = result.alignment ? speechWords(result.alignment) : [];
  const milliseconds = (seconds) => roundEven(1000 * seconds);
  return {
    words: words.map((word) => word.label),
    wtimes: words.map((word) => milliseconds(word.start)),
    wdurations: words.map((word) => milliseconds(word.end - word.start)),
    visemes: shown.map((cue) => TALKING_HEAD_NAMES[cue.value] ?? cue.value),
    vtimes: shown.map((cue) => milliseconds(cue.start)),
    vdurations: shown.map((cue) => milliseconds(cue.end - cue.start)),
  };
}

function write(result, set, fps, more) {
  const rate = exactFps(fps ?? result.fps);
  const { weights, frames } = visemeWeights(result, set, rate);
  const count = set.names.length;
  const cues = visemeCues(result, set);
  const blocks = {
    format: 'phonolips visemes 1',
    set: set.name,
    fps: rate,
    frames,
    duration: Number((result.frames / result.fps).toFixed(6)),
    visemes: set.names,
    ...more(cues),
  };
  const lines = Object.entries(blocks).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  const named = cues.map(({ value, start, end }) => `    ${JSON.stringify({ start, end, value })}`);
  const rows = Array.from({ length: frames }, (_, i) => `    ${JSON.stringify(inParts(weights.subarray(i * count, (i + 1) * count)))}`);
  return `{\n${lines.join(',\n')},\n  "cues": [\n${named.join(',\n')}\n  ],\n  "weights": [\n${rows.join(',\n')}\n  ]\n}\n`;
}

export const oculus = (result, { fps = null } = {}) => write(result, OCULUS, fps, (cues) => ({ speakAudio: speakAudio(result, cues) }));
export const visemes = (result, { fps = null } = {}) => write(result, OURS, fps, () => ({}));
