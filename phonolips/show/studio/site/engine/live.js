// Lips while somebody speaks; follows phonolips/synth/stream.Stream.

import { PhoneTier } from './decode.js';
import { InputError } from './errors.js';
import { NUM_PHONES } from './inventory.js';
import { LIP_NUMBERS } from './lips/shapes.js';
import { Resampler } from './resampling.js';
import { Rows } from './rows.js';
import { CHUNK_FRAMES, looksAheadSeconds } from './stages.js';
import { FRAME_SAMPLES, SAMPLE_RATE, STEPS_PER_SECOND } from './timebase.js';
import { LIVE_AHEAD_FRAMES, SoundToLips, WITH_LIPS } from './verbs.js';

const LOW_DELAY_SECONDS = 0.5; // models that look less far ahead are made for that

/** Push samples, get frames; what is held does not grow. */
export class LiveStream {
  /**
   * Options are those of all verbs, `phonesOnly`, `voiceActivity`, `sampleRate` of what is pushed,
   * `exaggerationAheadFrames` (0 to 8; null: 2, or 0 with low delay), `phoneLagSeconds` (null: as far as delays no lips) and
   * `lowDelay` (null: with models that look ahead for less than 0.5 s). Throws InputError.
   */
  constructor(model, { sampleRate = SAMPLE_RATE, phonesOnly = false, voiceActivity = true, exaggerationAheadFrames = null, phoneLagSeconds = null, lowDelay = null, ...options } = {}) {
    const isQuick = lowDelay ?? looksAheadSeconds(model) < LOW_DELAY_SECONDS;
    const exaggerationAhead = exaggerationAheadFrames ?? (isQuick ? 0 : LIVE_AHEAD_FRAMES);
    this.resampler = new Resampler(sampleRate);
    const phoneLagSteps = phoneLagSeconds === null ? WITH_LIPS : Math.round(phoneLagSeconds * STEPS_PER_SECOND);
    this.chain = new SoundToLips(model, options, { phonesOnly, voiceActivity, exaggerationAheadFrames: exaggerationAhead, phoneLagSteps, lowDelay: isQuick });
    this.tier = new PhoneTier();
    this.frames = 0;
    this.isClosed = false;
  }

  get fps() {
    return this.chain.fps;
  }

  /** How late frames are: one is returned once so much sound after its end has been pushed. */
  get delaySeconds() {
    return this.resampler.behindSeconds + this.chain.delaySeconds;
  }

  /** Take the next samples, any number of them; return the frames that can be known by now. */
  async push(samples) {
    this.checkOpen();
    return this.make(this.resampler.push(samples), false);
  }

  /** End the sound; return the rest of the frames. */
  async close() {
    this.checkOpen();
    this.isClosed = true;
    return this.make(this.resampler.push(new Float32Array(0), true), true);
  }

  checkOpen() {
    if (this.isClosed) throw new InputError('the stream is closed; open another one for another sound');
  }

  async make(samples, last) {
    const parts = [];
    const size = CHUNK_FRAMES * FRAME_SAMPLES;
    let first = 0;
    do {
      const end = Math.min(first + size, samples.length);
      parts.push(await this.chain.push(samples.subarray(first, end), last && end === samples.length));
      first = end;
    } while (first < samples.length);
    const [lips, posteriors, lipParameters, labels] = ['lips', 'posteriors', 'lipParameters', 'labels'].map((kind) => Rows.join(parts.map((part) => part[kind])).data.slice());
    const count = lips.length / LIP_NUMBERS;
    const times = Float64Array.from({ length: count }, (_, i) => (this.frames + i + 0.5) / this.fps);
    this.frames += count;
    return { lips, frames: count, times, fps: this.fps, posteriors, steps: posteriors.length / NUM_PHONES, lipParameters, phones: this.tier.push(labels, last) };
  }
}
