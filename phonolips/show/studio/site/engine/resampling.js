// Sound at any rate to 16 kHz: a windowed sinc (Kaiser), block by block. Python's is FFmpeg's, which differs by less
// than speech does from one microphone to another.

import { InputError } from './errors.js';
import { SAMPLE_RATE } from './timebase.js';

const [LOWEST_RATE, HIGHEST_RATE] = [1000, 1_000_000];
const ZERO_CROSSINGS = 24; // of the sinc, to each side, at the lower of both rates
const BETA = 9; // of Kaiser's window: what lies beyond half the rate is 90 dB down
const PASSED = 0.92; // of half the lower rate
const PHASES = 512; // between two samples, read linearly

function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** Sound that comes in blocks, at another rate; equal wherever it is cut. */
export class Resampler {
  constructor(fromRate, toRate = SAMPLE_RATE) {
    if (!(fromRate >= LOWEST_RATE && fromRate <= HIGHEST_RATE)) {
      throw new InputError(`sampleRate is ${fromRate}; expected ${LOWEST_RATE} to ${HIGHEST_RATE} samples per second`);
    }
    this.ratio = fromRate / toRate;
    this.passes = fromRate === toRate;
    const slower = Math.min(fromRate, toRate);
    this.reach = Math.ceil((ZERO_CROSSINGS * fromRate) / slower); // samples to each side
    this.behindSeconds = this.passes ? 0 : this.reach / fromRate;
    this.held = new Float32Array(this.reach); // silence before the first one
    this.first = -this.reach; // which of all the first one held is
    this.made = 0;
    const cut = (PASSED * slower) / fromRate;
    this.table = Float64Array.from({ length: this.reach * PHASES + 2 }, (_, i) => {
      const at = i / PHASES;
      if (at >= this.reach) return 0;
      const sinc = at ? Math.sin(Math.PI * cut * at) / (Math.PI * cut * at) : 1;
      return (cut * sinc * bessel(BETA * Math.sqrt(1 - (at / this.reach) ** 2))) / bessel(BETA);
    });
  }

  push(samples, last = false) {
    if (this.passes) return samples;
    const tail = last ? this.reach : 0;
    const held = new Float32Array(this.held.length + samples.length + tail);
    held.set(this.held);
    held.set(samples, this.held.length);
    const there = this.first + held.length; // one after the last sample that is known
    const total = last ? Math.ceil((there - tail) / this.ratio) : Math.max(this.made, Math.floor((there - this.reach - 1) / this.ratio) + 1);
    const result = new Float32Array(Math.max(0, total - this.made));
    for (let i = 0; i < result.length; i++) {
      const at = (this.made + i) * this.ratio;
      const middle = Math.floor(at);
      let sum = 0;
      for (let k = Math.max(middle - this.reach + 1, this.first); k <= middle + this.reach && k < there; k++) {
        const place = Math.abs(at - k) * PHASES;
        const low = Math.floor(place);
        sum += held[k - this.first] * (this.table[low] + (place - low) * (this.table[low + 1] - this.table[low]));
      }
      result[i] = sum;
    }
    this.made = Math.max(total, this.made);
    const keep = Math.max(0, Math.min(Math.floor(this.made * this.ratio) - this.reach - this.first, held.length));
    this.held = held.slice(keep);
    this.first += keep;
    return result;
  }
}

/** Bring a whole sound to 16 kHz. */
export function resampleSound(samples, fromRate) {
  return new Resampler(fromRate).push(samples, true);
}
