// Sound at any rate to 16 kHz: a windowed sinc (Kaiser), block by block. Python's is FFmpeg's, which differs by less
// than speech does from one microphone to another.

import { InputError } from './errors.js';
import { SAMPLE_RATE } from './timebase.js';

const [LOWEST_RATE, HIGHEST_RATE] = [1000, 1_000_000];
const ZERO_CROSSINGS = 24; // of the sinc, to each side, at the lower of both rates
const BETA = 9; // of Kaiser's window: what lies beyond half the rate is 90 dB down
const PASSED = 0.92; // of half the lower rate

const divisor = (one, two) => (two ? divisor(two, one % two) : one);

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
    if (!(Number.isInteger(fromRate) && fromRate >= LOWEST_RATE && fromRate <= HIGHEST_RATE)) {
      throw new InputError(`sampleRate is ${fromRate}; expected ${LOWEST_RATE} to ${HIGHEST_RATE} samples per second`);
    }
    const common = divisor(fromRate, toRate);
    [this.down, this.up] = [fromRate / common, toRate / common];
    this.passes = fromRate === toRate;
    const slower = Math.min(fromRate, toRate);
    this.reach = Math.ceil((ZERO_CROSSINGS * fromRate) / slower); // samples to each side
    this.cut = (PASSED * slower) / fromRate;
    this.behindSeconds = this.passes ? 0 : this.reach / fromRate;
    this.held = new Float32Array(this.reach); // silence before the first one
    this.first = -this.reach; // which of all the first one held is
    this.made = 0;
    this.kernels = []; // weights of the samples around, for each place between two of them that comes up
  }

  kernel(phase) {
    const { reach, cut } = this;
    this.kernels[phase] ??= Float64Array.from({ length: 2 * reach }, (_, i) => {
      const away = Math.abs(i - reach + 1 - phase / this.up);
      if (away >= reach) return 0;
      const sinc = away ? Math.sin(Math.PI * cut * away) / (Math.PI * cut * away) : 1;
      return (cut * sinc * bessel(BETA * Math.sqrt(1 - (away / reach) ** 2))) / bessel(BETA);
    });
    return this.kernels[phase];
  }

  push(samples, last = false) {
    if (this.passes) return samples;
    const { down, up, reach } = this;
    const known = this.first + this.held.length + samples.length; // one after the last sample that has come
    const held = new Float32Array(this.held.length + samples.length + (last ? reach + 1 : 0));
    held.set(this.held);
    held.set(samples, this.held.length);
    // Sample n stands at n * down / up, and needs `reach` samples after the one before it.
    const total = last ? Math.ceil((known * up) / down) : Math.max(this.made, Math.ceil(((known - reach) * up) / down));
    const result = new Float32Array(total - this.made);
    for (let i = 0; i < result.length; i++) {
      const place = (this.made + i) * down;
      const phase = place % up;
      const from = (place - phase) / up - reach + 1 - this.first;
      const weights = this.kernel(phase);
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * held[from + k];
      result[i] = sum;
    }
    this.made = total;
    const keep = Math.max(0, Math.min(Math.floor((this.made * down) / up) - reach + 1 - this.first, held.length));
    this.held = held.slice(keep);
    this.first += keep;
    return result;
  }
}

/** Bring a whole sound to 16 kHz. */
export function resampleSound(samples, fromRate) {
  return new Resampler(fromRate).push(samples, true);
}
