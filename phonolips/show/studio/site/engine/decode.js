// Phones read off posteriors; follows phonolips/phones/decode.py and live.py (Viterbi, with a beam of histories).

import { NUM_PHONES, PHONES } from './inventory.js';
import { STEPS_PER_SECOND } from './timebase.js';

const SWITCH_COST = 2.5; // nats that a change of phone must earn, without an n-gram
const NGRAM_SWITCH_COST = 0.5;
const PRIOR_WEIGHT = 0.3;
const LEAST_POSTERIOR = 1e-6;
const BEAM = 9; // nats
const MOST_STATES = 512;
const MOST_PHONES = 128;
const BLOCK_STEPS = 4096;
const f32 = Math.fround;

const logarithm = (posterior) => f32(Math.log(Math.max(posterior, f32(LEAST_POSTERIOR))));

/** The best paths that end in each of some states, followed step by step. */
class PathSearch {
  // Of every step that is held and each of its states: the number of the state before * MOST_PHONES + its phone.
  steps = [];

  get length() {
    return this.steps.length;
  }

  /** Follow the paths through the next steps, (steps * 40). */
  push(posteriors) {
    for (let at = 0; at < posteriors.length; at += NUM_PHONES) this.steps.push(this.follow(posteriors.subarray(at, at + NUM_PHONES)));
  }

  best() {
    return this.trace(this.steps.length, this.bestState());
  }

  forget(steps) {
    this.steps.splice(0, steps);
  }

  /** Let go of the beginning that all paths share; return its phones. */
  settle() {
    if (!this.steps.length) return new Int32Array(0);
    let alive = new Set(this.steps[this.steps.length - 1].keys());
    for (let step = this.steps.length - 1; step >= 0; step--) {
      const before = new Set();
      for (const state of alive) before.add(this.steps[step][state] >> 7);
      alive = before;
      if (alive.size === 1) {
        const path = this.trace(step, [...alive][0]);
        this.forget(step);
        return path;
      }
    }
    return new Int32Array(0);
  }

  trace(steps, state) {
    const path = new Int32Array(steps);
    let now = state;
    for (let step = steps - 1; step >= 0; step--) {
      const entry = this.steps[step][now];
      path[step] = entry % MOST_PHONES;
      now = entry >> 7;
    }
    return path;
  }
}

/** Every phone may follow every other one alike; a state is a phone. */
class AloneSearch extends PathSearch {
  total = new Float64Array(NUM_PHONES);

  follow(posteriors) {
    const best = this.bestState();
    const moved = this.total[best] - SWITCH_COST;
    const entry = new Uint16Array(NUM_PHONES);
    const total = new Float64Array(NUM_PHONES);
    for (let phone = 0; phone < NUM_PHONES; phone++) {
      const stays = this.total[phone] >= moved;
      total[phone] = (stays ? this.total[phone] : moved) + logarithm(posteriors[phone]);
      entry[phone] = (stays ? phone : best) * MOST_PHONES + phone;
    }
    this.total = total;
    return entry;
  }

  bestState() {
    return this.total.reduce((best, value, phone) => (value > this.total[best] ? phone : best), 0);
  }
}

/** Histories within the beam; a state is one of them. */
class NgramSearch extends PathSearch {
  constructor(ngram) {
    super();
    this.ngram = ngram;
    this.prior = ngram.logPrior.map((value) => f32(PRIOR_WEIGHT) * value);
    this.history = [0]; // silences
    this.row = [ngram.find(0)];
    this.total = [0];
  }

  bestState() {
    return this.total.reduce((best, value, state) => (value > this.total[best] ? state : best), 0);
  }

  follow(posteriors) {
    const { ngram, history, row, total } = this;
    const kept = NUM_PHONES ** (ngram.order - 2);
    const score = Float32Array.from(posteriors, (value, phone) => logarithm(value) - this.prior[phone]);
    const states = history.length;
    const stayed = new Float32Array(states);
    const moved = new Float32Array(states * NUM_PHONES);
    let best = -Infinity;
    for (let state = 0; state < states; state++) {
      const own = history[state] % NUM_PHONES;
      stayed[state] = total[state] + score[own];
      best = Math.max(best, stayed[state]);
      const after = row[state];
      for (let phone = 0; phone < NUM_PHONES; phone++) {
        const value = phone === own ? -Infinity : f32(f32(f32(after[phone] + total[state]) - NGRAM_SWITCH_COST) + score[phone]);
        moved[state * NUM_PHONES + phone] = value;
        if (value > best) best = value;
      }
    }
    const found = [];
    for (let state = 0; state < states; state++) {
      if (stayed[state] > best - BEAM) found.push({ parent: state, total: f32(stayed[state] - f32(best)), history: history[state], row: row[state] });
    }
    const still = found.length;
    for (let state = 0; state < states; state++) {
      const base = state * NUM_PHONES;
      for (let phone = 0; phone < NUM_PHONES; phone++) {
        const value = moved[base + phone];
        if (value > best - BEAM) {
          found.push({ parent: state, total: f32(value - f32(best)), history: (history[state] % kept) * NUM_PHONES + phone, row: null });
        }
      }
    }
    let chosen = found;
    if (found.length > still) {
      // Of paths that end in the same history only the best is followed.
      const order = found.map((_, i) => i).sort((a, b) => found[b].total - found[a].total || a - b).slice(0, MOST_STATES);
      const byHistory = new Map();
      for (const i of order) if (!byHistory.has(found[i].history)) byHistory.set(found[i].history, found[i]);
      chosen = [...byHistory.values()].sort((a, b) => a.history - b.history);
    }
    this.history = chosen.map((state) => state.history);
    this.total = chosen.map((state) => state.total);
    this.row = chosen.map((state) => state.row ?? ngram.find(state.history));
    return Uint16Array.from(chosen, (state) => state.parent * MOST_PHONES + (state.history % NUM_PHONES));
  }
}

export const makeSearch = (ngram) => (ngram ? new NgramSearch(ngram) : new AloneSearch());

/** Find the likeliest phone of every step: Int32Array (steps,). */
export function bestPath(posteriors, ngram) {
  const search = makeSearch(ngram);
  const settled = [];
  for (let first = 0; first < posteriors.length; first += BLOCK_STEPS * NUM_PHONES) {
    search.push(posteriors.subarray(first, first + BLOCK_STEPS * NUM_PHONES));
    settled.push(...search.settle());
  }
  return Int32Array.from([...settled, ...search.best()]);
}

/** The likeliest phone of every step, decided while posteriors are coming; lag null = as the whole has it. */
export class LivePhones {
  constructor(ngram, lagSteps) {
    this.search = makeSearch(ngram);
    this.lag = lagSteps;
  }

  push(posteriors, last = false) {
    this.search.push(posteriors);
    if (last) return this.search.best();
    if (this.lag === null) return this.search.settle();
    const decided = Math.max(0, this.search.length - this.lag);
    if (!decided) return new Int32Array(0);
    const labels = this.search.best().slice(0, decided);
    this.search.forget(decided);
    return labels;
  }
}

/** Phones with times, made of the phones of steps as these come. */
export class PhoneTier {
  phone = -1;

  first = 0;

  steps = 0;

  push(labels, last = false) {
    const ended = [];
    for (const label of labels) {
      if (label !== this.phone) {
        this.end(ended);
        this.phone = label;
        this.first = this.steps;
      }
      this.steps++;
    }
    if (last) this.end(ended);
    return ended;
  }

  end(ended) {
    if (this.first < this.steps) {
      ended.push({ label: PHONES[this.phone], start: this.first / STEPS_PER_SECOND, end: this.steps / STEPS_PER_SECOND });
    }
  }
}
