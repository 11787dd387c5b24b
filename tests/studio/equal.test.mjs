// The studio's engine makes what Python makes: tests/vectors/studio.v1.json, within 1e-5.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { engine, largest, openModel, readAlignment, readVectors, unpack } from './open.mjs';

const NEAR = 1e-5;
const MEL_NEAR = 2e-3; // a logarithm near its floor, where Python's spectrum has single precision
const TIME_NEAR = 1e-9;
let model;
let vectors;
let verbs;

before(async () => {
  [model, vectors, verbs] = await Promise.all([openModel(), readVectors(), engine('verbs.js')]);
});

const samples = () => unpack(vectors.samples);

function near(t, name, found, wanted, tolerance = NEAR) {
  const off = largest(found, wanted);
  t.diagnostic(`${name}: ${off.toExponential(1)}`);
  assert.ok(off <= tolerance, `${name}: ${off} off; expected at most ${tolerance}`);
}

function sameTier(found, wanted) {
  assert.deepEqual(found.map((item) => item.label), wanted.map((item) => item.label));
  for (const [i, item] of found.entries()) {
    assert.ok(Math.abs(item.start - wanted[i].start) < TIME_NEAR && Math.abs(item.end - wanted[i].end) < TIME_NEAR);
  }
}

async function sameResult(t, name, result) {
  const wanted = vectors.cases[name];
  const alignment = readAlignment(wanted.alignment);
  sameTier(result.alignment.phones, alignment.phones);
  sameTier(result.alignment.words, alignment.words);
  if (alignment.confidences) near(t, 'confidences', result.alignment.confidences, alignment.confidences);
  near(t, 'lip parameters', result.lipParameters, unpack(wanted.lip_parameters), 3 * NEAR);
  near(t, 'lips', result.lips, unpack(wanted.lips));
  assert.ok(Math.abs(result.fps - wanted.fps) < TIME_NEAR);
  const { articulatorsOf } = await engine('lips/articulators.js');
  near(t, 'articulators', articulatorsOf(result), unpack(wanted.articulators), 3 * NEAR);
  const cues = await engine('export/cues.js');
  assert.deepEqual(cues.mouthCues(result).map((cue) => [cue.value, cue.start, cue.end]), wanted.cues);
  const visemes = await engine('export/visemes.js');
  assert.deepEqual(visemes.visemeCues(result, visemes.OCULUS).map((cue) => [cue.value, cue.start, cue.end]), wanted.visemes);
  if (wanted.subtitles.length) {
    const { subtitles } = await engine('export/subtitles.js');
    assert.deepEqual(subtitles(result).map((shown) => [shown.text, shown.start, shown.end]), wanted.subtitles);
  }
}

test('log-mel', async (t) => {
  const { logMelPadded, LOOK_SAMPLES } = await engine('mel.js');
  const sound = samples();
  const padded = new Float32Array(LOOK_SAMPLES + Math.ceil(sound.length / 160) * 160 + LOOK_SAMPLES);
  padded.set(sound, LOOK_SAMPLES);
  near(t, 'mel', logMelPadded(padded), unpack(vectors.mel), MEL_NEAR);
});

test('posteriors and lip parameters of a sound, with noise in it that nobody speaks in', async (t) => {
  const found = await verbs.encode(model, samples());
  near(t, 'posteriors', found.posteriors, unpack(vectors.encoded.posteriors));
  near(t, 'lip parameters', found.lipParameters, unpack(vectors.encoded.lip_parameters), 3 * NEAR);
});

test('sound to lips', async (t) => sameResult(t, 'audio', await verbs.fromAudio(model, samples())));

test('sound to lips of a speaker of the model, ajar, at 30 frames a second', async (t) => {
  await sameResult(t, 'audio_s1_natural_30', await verbs.fromAudio(model, samples(), { speaker: 's1', rest: 'natural', fps: 30 }));
});

test('phones alone, without voice activity, livelier', async (t) => {
  const options = { phonesOnly: true, voiceActivity: false, liveliness: 0.5 };
  await sameResult(t, 'audio_phones_only', await verbs.fromAudio(model, samples(), options));
});

test('words to lips, with predicted durations', async (t) => sameResult(t, 'text', await verbs.fromWords(model, vectors.words)));

test('words to lips: another speaker, rate, emphasis, frame rate and articulation', async (t) => {
  const options = { speaker: 's4', rate: 1.3, emphasis: { blue: 1.5 }, fps: 29.97, articulation: { opening: 1.2, height: 0.5 } };
  await sameResult(t, 'text_s4_emphasis', await verbs.fromWords(model, vectors.words, options));
});

test('posteriors to lips', async (t) => {
  await sameResult(t, 'posteriors', await verbs.fromPosteriors(model, unpack(vectors.soft_posteriors)));
});

test('an alignment with a sound that English lacks to lips', async (t) => {
  await sameResult(t, 'alignment_natural', await verbs.fromAlignment(model, readAlignment(vectors.given), { rest: 'natural' }));
});

test('a stream equals that of Python, wherever it is cut', async (t) => {
  const { LiveStream } = await engine('live.js');
  const sound = samples();
  const stream = new LiveStream(model, { speaker: 's1' });
  const lips = [];
  for (let at = 0, turn = 0; at < sound.length; turn++) {
    const size = vectors.pieces[turn % vectors.pieces.length];
    lips.push(...(await stream.push(sound.subarray(at, at + size))).lips);
    at += size;
  }
  lips.push(...(await stream.close()).lips);
  near(t, 'lips', lips, unpack(vectors.streamed));
});

test('chunks change nothing', async (t) => {
  const { SoundToLips } = verbs;
  const sound = samples();
  const whole = await verbs.fromAudio(model, sound, { fps: 60 });
  const chain = new SoundToLips(model, { fps: 60 });
  const lips = [];
  for (let at = 0; at < sound.length; at += 7777) {
    lips.push(...(await chain.push(sound.subarray(at, at + 7777), at + 7777 >= sound.length)).lips.data);
  }
  near(t, 'lips', lips, whole.lips);
});
