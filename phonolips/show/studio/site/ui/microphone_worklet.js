// Runs where sound is taken: hands the first channel on, 1024 samples at a time.

const SIZE = 1024;

registerProcessor(
  'microphone',
  class extends AudioWorkletProcessor {
    piece = new Float32Array(SIZE);

    filled = 0;

    process([[channel]]) {
      if (!channel) return true;
      for (const sample of channel) {
        this.piece[this.filled++] = sample;
        if (this.filled === SIZE) {
          this.port.postMessage(this.piece);
          this.filled = 0;
        }
      }
      return true;
    }
  },
);
