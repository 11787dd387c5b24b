// The four files that Rhubarb Lip Sync writes; follows phonolips/export/rhubarb.py.

import { exactFps, secondsToSteps, STEPS_PER_SECOND } from '../timebase.js';
import { mouthCues } from './cues.js';

const DAT_FPS = 24; // Moho's and OpenToonz's own
const PRESTON_BLAIR = { A: 'MBP', B: 'etc', C: 'E', D: 'AI', E: 'O', F: 'U', G: 'FV', H: 'L', X: 'rest' };
const REST = 'X';
const fixed = (seconds) => seconds.toFixed(2);

export function tsv(result) {
  const cues = mouthCues(result);
  return [...cues.map((cue) => `${fixed(cue.start)}\t${cue.value}\n`), `${fixed(cues.at(-1).end)}\t${REST}\n`].join('');
}

export function xml(result) {
  const cues = mouthCues(result);
  const rows = cues.map((cue) => `    <mouthCue start="${fixed(cue.start)}" end="${fixed(cue.end)}">${cue.value}</mouthCue>\n`);
  const metadata = `  <metadata>\n    <soundFile></soundFile>\n    <duration>${fixed(cues.at(-1).end)}</duration>\n  </metadata>\n`;
  return `<?xml version="1.0" encoding="utf-8"?>\n<rhubarbResult>\n${metadata}  <mouthCues>\n${rows.join('')}  </mouthCues>\n</rhubarbResult>\n`;
}

export function json(result) {
  const cues = mouthCues(result);
  const rows = cues.map((cue) => `    { "start": ${fixed(cue.start)}, "end": ${fixed(cue.end)}, "value": "${cue.value}" }`);
  const metadata = `  "metadata": {\n    "soundFile": "",\n    "duration": ${fixed(cues.at(-1).end)}\n  },\n`;
  return `{\n${metadata}  "mouthCues": [\n${rows.join(',\n')}\n  ]\n}\n`;
}

/** Moho's switch data: no cue is shorter than a frame, so that none is lost. */
export function dat(result, { fps = null } = {}) {
  const rate = exactFps(fps ?? DAT_FPS);
  const cues = mouthCues(result, 1 / rate);
  const frame = (seconds) => 1 + Math.trunc((secondsToSteps(seconds) * rate) / STEPS_PER_SECOND + 1e-9);
  const rows = ['MohoSwitch1\n'];
  let last = 0;
  for (const cue of cues) {
    if (frame(cue.start) > last) {
      last = frame(cue.start);
      rows.push(`${last} ${PRESTON_BLAIR[cue.value]}\n`);
    }
  }
  rows.push(`${Math.max(frame(cues.at(-1).end), last + 1)} ${PRESTON_BLAIR[REST]}\n`);
  return rows.join('');
}
