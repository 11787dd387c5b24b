// Plays a result: its sound is the clock where there is one.

import { writeWav } from '../engine/index.js';

export class Player {
  constructor({ onTime, onEnd }) {
    Object.assign(this, { onTime, onEnd, audio: null, seconds: 0, time: 0, speed: 1, isPlaying: false, last: 0, samples: null });
  }

  /** Take another result's sound; the same one is kept. */
  load(samples, seconds) {
    this.seconds = seconds;
    if (samples === this.samples) return;
    this.pause();
    if (this.audio) URL.revokeObjectURL(this.audio.src);
    this.samples = samples;
    this.audio = samples ? new Audio(URL.createObjectURL(new Blob([writeWav(samples)], { type: 'audio/wav' }))) : null;
    if (this.audio) this.audio.preload = 'auto';
  }

  seek(time) {
    this.time = time;
    if (this.audio) this.audio.currentTime = Math.min(time, this.audio.duration || time);
  }

  setSpeed(speed) {
    this.speed = speed;
    if (this.audio) this.audio.playbackRate = speed;
  }

  async play() {
    if (this.time >= this.seconds - 1e-3) this.seek(0);
    this.isPlaying = true;
    this.last = performance.now();
    if (this.audio) {
      this.audio.playbackRate = this.speed;
      await this.audio.play().catch(() => {}); // where no sound can be played, the clock goes on
    }
    requestAnimationFrame((now) => this.tick(now));
  }

  pause() {
    this.isPlaying = false;
    this.audio?.pause();
  }

  tick(now) {
    if (!this.isPlaying) return;
    const byClock = this.time + ((now - this.last) / 1000) * this.speed;
    this.time = Math.min(this.seconds, this.audio && !this.audio.paused ? this.audio.currentTime : byClock);
    this.last = now;
    const ended = this.time >= this.seconds - 1e-3;
    this.onTime(this.time);
    if (ended) {
      this.pause();
      this.onEnd();
    } else requestAnimationFrame((next) => this.tick(next));
  }
}
