// When each phone of some words is said; follows phonolips/synth/timing.py (without subtitles' times).

import { InputError } from './errors.js';
import { buildAlignment } from './alignment.js';
import { labelId, SILENCE } from './inventory.js';
import { wordFactor } from './lips/motion.js';
import { secondsToSteps, STEPS_PER_SECOND } from './timebase.js';

const EDGE_SECONDS = 0.5; // silence around a spoken text
const LONGEST_STEPS = 100; // one second; no spoken phone is longer
const [LEAST_RATE, MOST_RATE] = [0.1, 10];

/** Return a usable speaking rate; throws InputError. */
export function checkRate(rate = 1) {
  if (!(rate >= LEAST_RATE && rate <= MOST_RATE)) {
    throw new InputError(`rate is ${rate}; expected a factor between ${LEAST_RATE} and ${MOST_RATE}, 1 = as it stands`);
  }
  return rate;
}

/** Predict how long each phone of some words lasts: for each word, seconds of its phones. */
async function predictLengths(model, words, row, rate) {
  const ids = words.flatMap((word) => word.phones.map(labelId));
  const position = Float32Array.from(words.flatMap(({ phones }) => phones.flatMap((_, i) => [i === 0 ? 1 : 0, i === phones.length - 1 ? 1 : 0])));
  const logSteps = await model.predictLogSteps(ids, position, row);
  let at = 0;
  return words.map(({ phones }) =>
    phones.map(() => Math.min(Math.max(Math.fround(Math.exp(logSteps[at++])), 1), LONGEST_STEPS) / rate / STEPS_PER_SECOND),
  );
}

/**
 * Predict a time for every phone of some words, with a little silence before and after.
 *
 * `words`: [{word, phones, pauseSeconds}]; a pause has word '' and the phone `sil`.
 */
export async function predictAlignment(model, words, row, { rate = 1, emphasis = {} } = {}) {
  const lengths = await predictLengths(model, words, row, rate);
  let seconds = EDGE_SECONDS;
  let edge = secondsToSteps(seconds);
  const [said, spoken] = [[], []];
  words.forEach((word, index) => {
    const isPause = word.phones.length === 1 && word.phones[0] === SILENCE;
    const factor = isPause ? 1 : wordFactor(word.word, said.length, emphasis);
    const start = edge;
    word.phones.forEach((phone, place) => {
      seconds += isPause ? word.pauseSeconds / rate : lengths[index][place] * factor;
      if (phone === SILENCE) {
        edge = Math.max(edge, secondsToSteps(seconds));
        return;
      }
      const first = edge;
      edge = Math.max(edge + 1, secondsToSteps(seconds));
      spoken.push({ label: phone, start: first / STEPS_PER_SECOND, end: edge / STEPS_PER_SECOND });
    });
    if (!isPause) said.push({ label: word.word, start: start / STEPS_PER_SECOND, end: edge / STEPS_PER_SECOND });
  });
  return buildAlignment(said, spoken, (edge + secondsToSteps(EDGE_SECONDS)) / STEPS_PER_SECOND);
}
