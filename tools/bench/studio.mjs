// The browser's part of tools/bench/studio.py, which starts it.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [address] = process.argv.slice(2);
const given = JSON.parse(readFileSync(0, 'utf8'));
const { chromium } = createRequire(join(given.modules, 'x.js'))('playwright-core');
const browser = await chromium.launch({ executablePath: given.chromium, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const show = (name, value) => console.log(`${name.padEnd(44)} ${value}`);
try {
  const context = await browser.newContext();
  const page = await context.newPage();
  const foreign = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(address) && !request.url().startsWith('blob:') && !request.url().startsWith('data:')) foreign.push(request.url());
  });
  page.on('console', (message) => {
    if (message.type() === 'error') console.log('  console:', message.text());
  });
  await page.goto(`${address}engine/README.md`);
  const run = (body, argument) => page.evaluate(body, argument);
  const opened = await run(async () => {
    const start = performance.now();
    const { openEngine } = await import('/engine/client.js');
    window.engine = await openEngine();
    return performance.now() - start;
  });
  show('load, first', `${opened.toFixed(0)} ms`);
  const first = await run(async ({ samples, lips }) => {
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
    window.sound = Float32Array.from(new Int16Array(bytes(samples)), (value) => value / 32768);
    const wanted = new Float32Array(bytes(lips));
    const clip = new Float32Array(48000);
    clip.set(window.sound.subarray(0, 48000));
    window.clip = clip;
    const times = [];
    for (let turn = 0; turn < 5; turn++) {
      const start = performance.now();
      await window.engine.fromAudio(clip);
      times.push(performance.now() - start);
    }
    const made = await window.engine.fromAudio(window.sound);
    let off = made.lips.length === wanted.length ? 0 : Infinity;
    made.lips.forEach((value, i) => (off = Math.max(off, Math.abs(value - wanted[i]))));
    return { times, off };
  }, given);
  show('a clip of 3 s, first', `${first.times[0].toFixed(0)} ms`);
  show('a clip of 3 s, then (median of 4)', `${first.times.slice(1).sort((a, b) => a - b)[1].toFixed(0)} ms`);
  show('lips from sound, off from Python by at most', first.off.toExponential(1));
  const text = await run(async () => {
    const times = [];
    for (let turn = 0; turn < 4; turn++) {
      const start = performance.now();
      await window.engine.fromText('Bin blue at F two now, please!');
      times.push(performance.now() - start);
    }
    return times;
  });
  show('a text, first (with the dictionary)', `${text[0].toFixed(0)} ms`);
  show('a text, then', `${text[3].toFixed(0)} ms`);
  const edit = await run(async () => {
    const result = await window.engine.fromText('Bin blue at F two now, please!');
    const times = [];
    for (let turn = 0; turn < 8; turn++) {
      const start = performance.now();
      await window.engine.fromAlignment(result.alignment);
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[4];
  });
  show('an edited phone of that text', `${edit.toFixed(0)} ms`);
  const visits = [];
  for (let visit = 0; visit < 5; visit++) {
    await page.waitForTimeout(1000); // in which the browser keeps what it has compiled
    await page.goto(`${address}engine/README.md`);
    visits.push(
      await run(async (samples) => {
        const start = performance.now();
        const { openEngine } = await import('/engine/client.js');
        window.engine = await openEngine();
        const there = performance.now() - start;
        const bytes = Uint8Array.from(atob(samples), (letter) => letter.charCodeAt(0)).buffer;
        window.sound = Float32Array.from(new Int16Array(bytes), (value) => value / 32768);
        await window.engine.fromAudio(window.sound.slice(0, 48000));
        return [there, performance.now() - start];
      }, given.samples),
    );
  }
  const [there, lips] = [0, 1].map((kind) => visits.map((visit) => visit[kind]).sort((a, b) => a - b));
  show('5 visits more: engine there, median and least', `${there[2].toFixed(0)} and ${there[0].toFixed(0)} ms`);
  show('first lips of 3 s, median and least', `${lips[2].toFixed(0)} and ${lips[0].toFixed(0)} ms`);
  const live = await run(async () => {
    const stream = await window.engine.openLive();
    const block = 640;
    const sent = [];
    const delays = [];
    let frames = 0;
    let last = 0;
    stream.onframes = (made) => {
      frames += made.frames;
      const newest = Math.ceil(made.samplesSeen / block) - 1;
      delays.push(performance.now() - sent[newest]);
      last = made.behindSeconds;
    };
    const start = performance.now();
    const count = Math.floor((30 * 16000) / block);
    await new Promise((resolve) => {
      let at = 0;
      const timer = setInterval(() => {
        while (at < count && performance.now() - start >= at * 40) {
          const from = (at * block) % (window.sound.length - block);
          sent[at++] = performance.now();
          stream.push(window.sound.subarray(from, from + block));
        }
        if (at === count) {
          clearInterval(timer);
          resolve();
        }
      }, 5);
    });
    await stream.close();
    delays.sort((a, b) => a - b);
    const at = (share) => delays[Math.floor(share * (delays.length - 1))];
    return { p50: at(0.5), p99: at(0.99), frames, last, piece: stream.pieceSeconds, delay: window.engine.info.liveDelaySeconds };
  });
  show('live, 30 s: computed after the newest sound in', `p50 ${live.p50.toFixed(0)} ms, p99 ${live.p99.toFixed(0)} ms`);
  show('live: frames, pieces, delay of this model', `${live.frames}, ${(1000 * live.piece).toFixed(0)} ms, ${live.delay.toFixed(2)} s`);
  const long = await run(async (minutes) => {
    const samples = new Float32Array(Math.round(minutes * 60 * 16000));
    for (let at = 0; at < samples.length; at += window.sound.length) samples.set(window.sound.subarray(0, Math.min(window.sound.length, samples.length - at)), at);
    let [longest, last, pictures] = [0, performance.now(), 0];
    let going = true;
    const watch = (now) => {
      longest = Math.max(longest, now - last);
      last = now;
      pictures++;
      if (going) requestAnimationFrame(watch);
    };
    requestAnimationFrame(watch);
    const start = performance.now();
    let told = 0;
    const made = await window.engine.fromAudio(samples, {}, () => told++);
    const seconds = (performance.now() - start) / 1000;
    going = false;
    const cancelled = window.engine.fromAudio(samples, {});
    const asked = performance.now();
    setTimeout(() => cancelled.cancel(), 300);
    const name = await cancelled.then(() => 'ended', (error) => error.name);
    return { seconds, longest, pictures, told, frames: made.frames, name, stopped: performance.now() - asked - 300 };
  }, given.minutes);
  show(`${given.minutes} minutes of sound`, `${long.seconds.toFixed(1)} s, ${(long.seconds / (60 * given.minutes)).toFixed(4)} of real time, ${long.frames} frames`);
  show('meanwhile: longest the page stood still', `${long.longest.toFixed(0)} ms, of ${long.pictures} pictures; told ${long.told} times`);
  show('cancelled after 300 ms', `${long.name}, ${long.stopped.toFixed(0)} ms later`);
  show('requests to other hosts', String(foreign.length));
} finally {
  await browser.close();
}
