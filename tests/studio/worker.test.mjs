// The Worker and the page's side of it, in one thread: calls, progress, errors, cancelling, live sound.

import assert from 'node:assert/strict';
import { readdir, readFile, stat } from 'node:fs/promises';
import { before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { engine, largest, readVectors, site, unpack, weights } from './open.mjs';

/** What the server answers for an address below the site. */
async function serve(url) {
  const path = url.href.slice(site.href.length);
  if (path === 'models/index.json') {
    const folder = new URL('default/', weights);
    const names = (await readdir(folder)).filter((name) => /^(model\.|\w+\.onnx)/.test(name));
    const sizes = await Promise.all(names.map(async (name) => [name, (await stat(new URL(name, folder))).size]));
    return JSON.stringify({ models: [{ name: 'default', files: Object.fromEntries(sizes) }], files: {} });
  }
  if (path.startsWith('models/')) return readFile(new URL(path.slice('models/'.length), weights));
  if (path.endsWith('.wasm')) return gunzipSync(await readFile(`${url.pathname}.gz`));
  return readFile(url);
}

let made;
let vectors;
let progress = 0;

before(async () => {
  globalThis.fetch = async (address) => {
    const url = new URL(address);
    return new Response(await serve(url), { headers: url.pathname.endsWith('.wasm') ? { 'Content-Type': 'application/wasm' } : {} });
  };
  let page;
  globalThis.self = { postMessage: (data) => setImmediate(() => page.onmessage({ data: structuredClone(data) })) };
  globalThis.Worker = class {
    constructor(url) {
      page = this;
      this.there = import(url);
    }

    postMessage(data) {
      const copy = structuredClone(data);
      this.there.then(() => globalThis.self.onmessage({ data: copy }));
    }

    terminate() {}
  };
  vectors = await readVectors();
  const { openEngine } = await engine('client.js');
  made = await openEngine({ onProgress: ({ loaded, total }) => (progress = loaded / total) });
});

test('an engine says what it is', () => {
  assert.equal(progress, 1);
  assert.equal(made.info.name, 'default');
  assert.deepEqual(made.info.models, ['default']);
  assert.ok(made.info.speakers.includes('mean'));
  assert.ok(made.info.liveDelaySeconds > made.info.lookAheadSeconds);
});

test('text, phones, alignments, posteriors and exports', async () => {
  const said = await made.fromText(vectors.text);
  assert.ok(largest(said.lips, unpack(vectors.cases.text.lips)) < 1e-5);
  const again = await made.fromAlignment(said.alignment);
  assert.ok(largest(again.lips, said.lips) < 1e-6);
  assert.equal((await made.fromPhones('B IH1 N')).alignment.phones.map((phone) => phone.label).join(' '), 'sil B IH N sil');
  const soft = unpack(vectors.soft_posteriors);
  const read = await made.fromPosteriors(soft, { lipParameters: await made.predictLipParameters(soft) });
  assert.ok(largest(read.lips, unpack(vectors.cases.posteriors.lips)) < 1e-5);
  assert.deepEqual((await made.readPhones(soft)).phones, read.alignment.phones);
  const exported = await made.exportResult(said, 'srt');
  assert.match(new TextDecoder().decode(exported.bytes), /^1\n00:00:00,500 --> /);
  assert.deepEqual((await made.readRun(await made.saveRun(said))).alignment.words, said.alignment.words);
  assert.equal((await made.resampleSound(new Float32Array(48000), 48000)).length, 16000);
});

test('what a user can mend comes back as an InputError, and the next call works', async () => {
  await assert.rejects(made.fromText('...'), { name: 'InputError', message: /has no words/ });
  await assert.rejects(made.fromPhones('QQ'), { name: 'InputError' });
  await assert.rejects(made.fromText('yes', { speaker: 'nobody' }), { name: 'InputError', message: /it knows: mean/ });
  await assert.rejects(made.setModel('huge'), { name: 'InputError', message: /no model 'huge'/ });
  assert.ok((await made.fromText('yes')).frames > 0);
});

test('a call is cancelled, waiting or at work', async () => {
  const long = new Float32Array(40 * 16000);
  let told = 0;
  const first = made.fromAudio(long, {}, () => {
    told += 1;
    first.cancel();
  });
  const second = made.fromAudio(long);
  const third = made.fromText('yes');
  second.cancel();
  await assert.rejects(first, { name: 'CancelledError' });
  await assert.rejects(second, { name: 'CancelledError' });
  assert.equal(told, 1);
  assert.ok((await third).frames > 0);
});

test('live sound, in blocks that a page gets, is what a stream makes of it', async () => {
  const sound = unpack(vectors.samples);
  const live = await made.openLive({ speaker: 's1' });
  const parts = [];
  live.onframes = (frames) => parts.push(frames);
  for (let at = 0; at < sound.length; at += 128) {
    live.push(sound.subarray(at, at + 128));
    if (at % 6400 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  await live.close();
  const lips = parts.flatMap((part) => Array.from(part.lips));
  assert.ok(largest(lips, unpack(vectors.streamed)) < 1e-5);
  assert.equal(parts.at(-1).samplesSeen, sound.length);
  const times = parts.flatMap((part) => Array.from(part.times));
  assert.ok(times.every((time, i) => Math.abs(time - (i + 0.5) / live.fps) < 1e-9));
  assert.ok(Math.abs(parts.flatMap((part) => part.phones).at(-1).end - Math.ceil(sound.length / 640) / 25) < 1e-9);
});

test('an engine that is closed rejects what waits', async () => {
  const waiting = made.fromText('yes');
  made.close();
  await assert.rejects(waiting, { name: 'CancelledError' });
});
