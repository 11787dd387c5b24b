// Which phone follows which others; follows phonolips/phones/ngram.py (interpolated modified Kneser-Ney).

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
  const ends = Float64Array.from(codes, (code) => code % NUM_PHONES ** length).sort();
  const [kinds, counts] = [[], []];
  for (const code of ends) {
    if (kinds[kinds.length - 1] === code) counts[counts.length - 1]++;
    else {
      kinds.push(code);
      counts.push(1);
    }
  }
  return { codes: kinds, counts };
}

/** Log probabilities of a phone after a history, which is a number whose last digit, base 40, is nearest. */
export class PhoneNgram {
  /** Take counted n-grams of five phones, ascending, how often each occurs, and the phones' shares of the steps. */
  constructor(kinds, counts, prior) {
    this.order = ORDER;
    this.logPrior = Float32Array.from(prior, (share) => Math.log(Math.max(share, 1e-5)));
    const levels = [{ codes: kinds, counts }];
    for (let length = ORDER - 1; length > 0; length--) levels.push(shorter(levels[levels.length - 1].codes, length));
    const known = levels.map(({ codes }) => {
      const [histories, starts] = [[], []];
      codes.forEach((code, i) => {
        const history = Math.floor(code / NUM_PHONES);
        if (histories[histories.length - 1] !== history) {
          histories.push(history);
          starts.push(i);
        }
      });
      return { histories, starts: [...starts, codes.length] };
    });
    const total = 1 + known.reduce((sum, { histories }) => sum + histories.length, 0);
    this.rows = new Float32Array(total * NUM_PHONES);
    this.rows.fill(Math.log(1 / NUM_PHONES), 0, NUM_PHONES);
    let lower = new Float64Array(NUM_PHONES).fill(1 / NUM_PHONES);
    let below = [0];
    let rowOf = new Int32Array(1);
    let row = 1;
    for (let size = 0; size < ORDER; size++) {
      const level = levels[ORDER - 1 - size];
      const { histories, starts } = known[ORDER - 1 - size];
      if (size < ORDER - 1) {
        if (size) {
          const wider = new Int32Array(NUM_PHONES ** size);
          for (let at = 0; at < wider.length; at += rowOf.length) wider.set(rowOf, at);
          rowOf = wider;
        }
        histories.forEach((history, i) => {
          rowOf[history] = row + i;
        });
      }
      const discounts = discountsOf(level.counts);
      const mixed = size < ORDER - 1 ? new Float64Array(histories.length * NUM_PHONES) : null;
      const seen = new Float64Array(NUM_PHONES);
      histories.forEach((history, i) => {
        seen.fill(0);
        let [sum, spare] = [0, 0];
        for (let at = starts[i]; at < starts[i + 1]; at++) {
          const count = level.counts[at];
          seen[level.codes[at] % NUM_PHONES] = count;
          sum += count;
          spare += discounts[Math.min(count, 3)];
        }
        const base = searchSorted(below, history % NUM_PHONES ** Math.max(size - 1, 0)) * NUM_PHONES;
        for (let phone = 0; phone < NUM_PHONES; phone++) {
          const share = (seen[phone] - discounts[Math.min(seen[phone], 3)] + spare * lower[base + phone]) / sum;
          this.rows[(row + i) * NUM_PHONES + phone] = Math.log(share);
          if (mixed) mixed[i * NUM_PHONES + phone] = share;
        }
      });
      row += histories.length;
      below = histories;
      lower = mixed;
    }
    this.rowOf = rowOf;
    this.longest = Float64Array.from(below);
    this.firstLongest = total - below.length;
  }

  /** Return the row of a history of four phones, or of its longest part that was seen. */
  find(history) {
    const at = searchSorted(this.longest, history);
    return this.longest[at] === history ? this.firstLongest + at : this.rowOf[history % this.rowOf.length];
  }
}
