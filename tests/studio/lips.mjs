// Lips of a sound by a model folder: node lips.mjs MODEL SOUND.f32 OUT.f32; prints the delay of live lips in seconds.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { engine, openModel } from './open.mjs';

const [folder, sound, out] = process.argv.slice(2);
const model = await openModel((file) => readFile(join(folder, file)).then((bytes) => new Uint8Array(bytes)));
const { fromAudio } = await engine('verbs.js');
const { LiveStream } = await engine('live.js');
const samples = new Float32Array(new Uint8Array(await readFile(sound)).buffer);
const { lips } = await fromAudio(model, samples, { speaker: 's1' });
await writeFile(out, new Uint8Array(lips.buffer, lips.byteOffset, lips.byteLength));
console.log(new LiveStream(model, { speaker: 's1' }).delaySeconds);
