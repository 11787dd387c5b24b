// Runs, TextGrids, speakers and sound: there and back, and what is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engine, largest } from './open.mjs';

const { checkAlignment, exportResult, FORMATS, readRun, readSpeaker, readTextGrid, resampleSound, saveRun, writeTextGrid } = await engine('index.js');

const alignment = checkAlignment({ words: [{ label: 'say "ma"', start: 0.1, end: 0.4 }], phones: [{ label: 'M', start: 0.1, end: 0.2 }, { label: 'aa1', start: 0.2, end: 0.4 }], duration: 0.5 });
const lips = Float32Array.from({ length: 10 * 80 }, (_, i) => Math.sin(i) / 3);
const result = { lips, frames: 10, fps: 20, posteriors: null, steps: 0, lipParameters: null, lipParameterNames: [], alignment, speaker: 'ich & du', timing: 'given durations', samples: null, warnings: [] };

test('a run without posteriors and sound', () => {
  const back = readRun(saveRun(result, { folder: 'demo/' }));
  assert.deepEqual(back, { ...result, lips });
});

test('an alignment is filled up and its labels are normalised', () => {
  assert.deepEqual(alignment.phones.map(({ label }) => label), ['sil', 'M', 'AA', 'sil']);
  assert.deepEqual(alignment.words.map(({ label }) => label), ['', 'say "ma"', '']);
  assert.throws(() => checkAlignment({ words: [], phones: [{ label: 'constructor', start: 0.1, end: 0.2 }], duration: 1 }), { name: 'InputError' });
  assert.throws(() => checkAlignment({ words: [], phones: [{ label: 'M', start: 0.2, end: 0.1 }], duration: 1 }), { name: 'InputError' });
  assert.throws(() => checkAlignment({ words: [], phones: [{ label: 'M', start: 0.2, end: 1.1 }], duration: 1 }), { name: 'InputError' });
});

test('a TextGrid with quotes, and a short one', () => {
  assert.deepEqual(readTextGrid(writeTextGrid(alignment)), alignment);
  const short = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n0.5\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n0.5\n2\n0\n0.1\n""\n0.1\n0.5\n"M"\n';
  assert.deepEqual(readTextGrid(short).phones, [{ label: 'sil', start: 0, end: 0.1 }, { label: 'M', start: 0.1, end: 0.5 }]);
  for (const damaged of ['', 'x', short.slice(0, 120), short.replace('phones', 'tones')]) assert.throws(() => readTextGrid(damaged), { name: 'InputError' });
});

test('what is no run is refused in one line', () => {
  const whole = saveRun(result);
  for (const damaged of [new Uint8Array(0), whole.slice(0, 200), new TextEncoder().encode('PK..')]) assert.throws(() => readRun(damaged), { name: 'InputError' });
});

test('what a result lacks is not exported', () => {
  const bare = { ...result, alignment: null };
  for (const { name, needs } of FORMATS) {
    if (needs) assert.throws(() => exportResult(bare, name), { name: 'InputError' });
    else assert.ok(exportResult(bare, name).bytes.length > 0);
  }
  assert.throws(() => exportResult(bare, 'mp3'), { name: 'InputError', message: /'mp3' is not known/ });
  assert.throws(() => exportResult(result, 'csv', { fps: 0 }), { name: 'InputError' });
});

test('a speaker of phonolips adapt', () => {
  const values = { format: 'phonolips speaker 3', name: 'I', embedding: [0, 1], mean_lip: Array.from({ length: 40 }, (_, i) => [i, -i]), gain: 1.1, mixing: null, phone_offsets: null, notes: {} };
  const speaker = readSpeaker(JSON.stringify(values));
  assert.deepEqual([...speaker.embedding], [0, 1]);
  assert.equal(speaker.meanLip[79], -39);
  for (const damaged of ['{', '{}', JSON.stringify({ ...values, mean_lip: [1] }), JSON.stringify({ ...values, gain: null, embedding: ['x'] })]) {
    assert.throws(() => readSpeaker(damaged), { name: 'InputError' });
  }
});

test('resampling keeps speech, takes away what would fold, and is equal wherever it is cut', async () => {
  const { Resampler } = await engine('resampling.js');
  for (const rate of [8000, 22050, 44100, 48000]) {
    const tone = (hertz, at, count) => Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / at));
    const made = resampleSound(tone(1000, rate, rate), rate);
    assert.equal(made.length, 16000);
    assert.ok(largest(made.slice(400, -400), tone(1000, 16000, 16000).slice(400, -400)) < 1e-3, `${rate}`);
    if (rate > 22050) assert.ok(largest(resampleSound(tone(9000, rate, rate), rate).slice(400, -400), new Float32Array(15200)) < 1e-3);
    const stream = new Resampler(rate);
    const noise = Float32Array.from({ length: rate }, (_, i) => Math.sin(i * i));
    const parts = [];
    for (let at = 0, turn = 0; at < noise.length; turn++) {
      const size = [1, 128, 999, 0, 4096][turn % 5];
      parts.push(...stream.push(noise.subarray(at, at + size)));
      at += size;
    }
    parts.push(...stream.push(new Float32Array(0), true));
    assert.ok(largest(parts, resampleSound(noise, rate)) < 1e-6);
  }
});
