// Lips of a sound by a model folder: node lips.mjs MODEL SOUND.f32 OUT.f32 [LIVE.f32]; prints the delay of live lips in seconds.
// LIVE.f32 gets those of the sound pushed 40 ms at a time.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { engine, openModel } from './open.mjs';

const [folder, sound, out, live] = process.argv.slice(2);
const model = await openModel((file) => readFile(join(folder, file)).then((bytes) => new Uint8Array(bytes)));
const { fromAudio } = await engine('verbs.js');
const { LiveStream } = await engine('live.js');
const samples = new Float32Array(new Uint8Array(await readFile(sound)).buffer);
const { lips } = await fromAudio(model, samples, { speaker: 's1' });
await writeFile(out, new Uint8Array(lips.buffer, lips.byteOffset, lips.byteLength));
const stream = new LiveStream(model, { speaker: 's1' });
console.log(stream.delaySeconds);
if (live) {
  const parts = [];
  for (let first = 0; first < samples.length; first += 640) parts.push((await stream.push(samples.subarray(first, first + 640))).lips);
  parts.push((await stream.close()).lips);
  await writeFile(live, Buffer.concat(parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength))));
}
