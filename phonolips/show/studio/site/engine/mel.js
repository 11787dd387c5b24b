// Log-mel features at 100 steps a second; follows phonolips/speech/mel.py.

import { MEL } from './tables.js';
import { SAMPLE_RATE, STEP_SAMPLES } from './timebase.js';

export const NUM_MELS = MEL.mels;
const SIZE = MEL.fft;
const BINS = SIZE / 2 + 1;
export const LOOK_SAMPLES = MEL.window / 2 - STEP_SAMPLES / 2; // before a step's first sample, and after its last one
export const SILENT_MEL = Math.fround(Math.log(MEL.floor));

const hertzToMel = (hertz) => 2595 * Math.log10(1 + hertz / 700);
const melToHertz = (mel) => 700 * (10 ** (mel / 2595) - 1);

/** The triangular filters, each as {first, weights}; peak 1. */
function makeFilters() {
  const [low, high] = [hertzToMel(MEL.lowestHz), hertzToMel(MEL.highestHz)];
  const corners = Array.from({ length: NUM_MELS + 2 }, (_, i) => melToHertz(low + ((high - low) * i) / (NUM_MELS + 1)));
  return Array.from({ length: NUM_MELS }, (_, band) => {
    const [left, top, right] = corners.slice(band, band + 3);
    const weights = Array.from({ length: BINS }, (_, bin) => {
      const hertz = (bin * SAMPLE_RATE) / SIZE;
      return Math.fround(Math.max(0, Math.min((hertz - left) / (top - left), (right - hertz) / (right - top))));
    });
    const first = Math.max(0, weights.findIndex((weight) => weight > 0));
    const last = weights.findLastIndex((weight) => weight > 0);
    return { first, weights: Float64Array.from(weights.slice(first, last + 1)) };
  });
}

const filters = makeFilters();
const window = Float32Array.from({ length: MEL.window }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / MEL.window));
const cosines = Float64Array.from({ length: SIZE / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / SIZE));
const sines = Float64Array.from({ length: SIZE / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / SIZE));
const reversed = Uint16Array.from({ length: SIZE }, (_, i) => {
  let result = 0;
  for (let bit = 1, rest = i; bit < SIZE; bit <<= 1, rest >>= 1) result = (result << 1) | (rest & 1);
  return result;
});

/** Transform in place (Cooley and Tukey, 1965): two real rows at once, one as real and one as imaginary part. */
function transform(real, imaginary) {
  for (let i = 0; i < SIZE; i++) {
    const j = reversed[i];
    if (j > i) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let half = 1; half < SIZE; half *= 2) {
    const stride = SIZE / (2 * half);
    for (let start = 0; start < SIZE; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const [c, s] = [cosines[k * stride], sines[k * stride]];
        const [a, b] = [start + k, start + k + half];
        const re = real[b] * c - imaginary[b] * s;
        const im = real[b] * s + imaginary[b] * c;
        real[b] = real[a] - re;
        imaginary[b] = imaginary[a] - im;
        real[a] += re;
        imaginary[a] += im;
      }
    }
  }
}

/**
 * Compute log-mel from samples that already hold 120 samples before and after.
 * Returns Float32Array (steps * 80).
 */
export function logMelPadded(samples) {
  const steps = Math.floor((samples.length - MEL.window) / STEP_SAMPLES) + 1;
  const result = new Float32Array(Math.max(steps, 0) * NUM_MELS);
  const [real, imaginary] = [new Float64Array(SIZE), new Float64Array(SIZE)];
  const [one, two] = [new Float64Array(BINS), new Float64Array(BINS)];
  for (let step = 0; step < steps; step += 2) {
    const [first, second] = [step * STEP_SAMPLES, (step + 1) * STEP_SAMPLES];
    const paired = step + 1 < steps;
    real.fill(0);
    imaginary.fill(0);
    for (let i = 0; i < MEL.window; i++) {
      real[i] = Math.fround(samples[first + i] * window[i]);
      if (paired) imaginary[i] = Math.fround(samples[second + i] * window[i]);
    }
    transform(real, imaginary);
    for (let bin = 0; bin < BINS; bin++) {
      const mirror = (SIZE - bin) % SIZE; // the spectrum of the real part is even there, that of the imaginary odd
      const evenRe = (real[bin] + real[mirror]) / 2;
      const evenIm = (imaginary[bin] - imaginary[mirror]) / 2;
      const oddRe = (imaginary[bin] + imaginary[mirror]) / 2;
      const oddIm = (real[mirror] - real[bin]) / 2;
      one[bin] = Math.fround(evenRe * evenRe + evenIm * evenIm);
      two[bin] = Math.fround(oddRe * oddRe + oddIm * oddIm);
    }
    for (let half = 0; half < (paired ? 2 : 1); half++) {
      const power = half ? two : one;
      for (let band = 0; band < NUM_MELS; band++) {
        const { first: at, weights } = filters[band];
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * power[at + k];
        result[(step + half) * NUM_MELS + band] = Math.log(sum + MEL.floor);
      }
    }
  }
  return result;
}
