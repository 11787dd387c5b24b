// Which phone follows which others; follows phonolips/phones/ngram.py (interpolated modified Kneser-Ney). Python works
// all rows out at once; here each is when a search first asks for it, so that a model is ready at once.

import { NUM_PHONES } from './inventory.js';
import { searchSorted } from './timebase.js';

const ORDER = 5;
const MOST_DISCOUNT = 2.9;

function discountsOf(counts) {
  const times = [0, 0, 0, 0, 0];
  for (const count of counts) if (count <= 4) times[count]++;
  const [, ones, twos, threes, fours] = times;
  if (!(ones && twos && threes)) return [0, 0.5, 0.5, 0.5];
  const share = ones / (ones + 2 * twos);
  const estimate = [1 - (2 * share * twos) / ones, 2 - (3 * share * threes) / twos, 3 - (4 * share * fours) / threes];
  return [0, ...estimate.map((value) => Math.min(Math.max(value, 0.05), MOST_DISCOUNT))];
}

/** Derive the n-grams of one phone less: each kind once, with how many longer ones end in it. */
function shorter(codes, length) {
  const ends = new Int32Array(codes.length);
  const most = NUM_PHONES ** length;
  for (let i = 0; i < ends.length; i++) ends[i] = codes[i] % most;
  ends.sort();
  const counts = new Int32Array(ends.length);
  let kinds = 0;
  for (let i = 0; i < ends.length; i++) {
    if (!i || ends[i] !== ends[kinds - 1]) ends[kinds++] = ends[i];
    counts[kinds - 1]++;
  }
  return { codes: ends.subarray(0, kinds), counts: counts.subarray(0, kinds) };
}

/** Log probabilities of a phone after a history, which is a number whose last digit, base 40, is nearest. */
export class PhoneNgram {
  /** Take counted n-grams of five phones, ascending, how often each occurs, and the phones' shares of the steps. */
  constructor(kinds, counts, prior) {
    this.order = ORDER;
    this.logPrior = Float32Array.from(prior, (share) => Math.log(Math.max(share, 1e-5)));
    const levels = [{ codes: kinds, counts }];
    for (let length = ORDER - 1; length > 0; length--) levels.push(shorter(levels[levels.length - 1].codes, length));
    this.levels = levels.reverse().map((level) => ({ ...level, discounts: discountsOf(level.counts), known: new Map() }));
    this.found = new Map();
  }

  /** The probabilities after a history of `size` phones, or null where it was not seen: {shares, logs}. */
  row(size, history) {
    const level = this.levels[size];
    let row = level.known.get(history);
    if (row !== undefined) return row;
    const first = searchSorted(level.codes, history * NUM_PHONES);
    const end = searchSorted(level.codes, (history + 1) * NUM_PHONES);
    row = first < end ? this.mix(level, size, history, first, end) : null;
    level.known.set(history, row);
    return row;
  }

  mix({ codes, counts, discounts }, size, history, first, end) {
    const lower = size ? this.row(size - 1, history % NUM_PHONES ** (size - 1)).shares : new Float64Array(NUM_PHONES).fill(1 / NUM_PHONES);
    const shares = new Float64Array(NUM_PHONES);
    let [sum, spare] = [0, 0];
    for (let at = first; at < end; at++) {
      const discount = discounts[Math.min(counts[at], 3)];
      shares[codes[at] % NUM_PHONES] = counts[at] - discount;
      sum += counts[at];
      spare += discount;
    }
    for (let phone = 0; phone < NUM_PHONES; phone++) shares[phone] = (shares[phone] + spare * lower[phone]) / sum;
    return { shares, logs: Float32Array.from(shares, Math.log) };
  }

  /** Return the log probabilities (40,) after a history of four phones, or after its longest part that was seen. */
  find(history) {
    let logs = this.found.get(history);
    if (logs) return logs;
    for (let size = ORDER - 1; size >= 0 && !logs; size--) logs = this.row(size, history % NUM_PHONES ** size)?.logs;
    this.found.set(history, logs);
    return logs;
  }
}
