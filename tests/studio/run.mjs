// Reads a zipped run, writes it again and exports it: node run.mjs RUN.zip OUT FPS

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { engine } from './open.mjs';

const [run, out, fps] = process.argv.slice(2);
const { canExport, exportResult, FORMATS, readRun, saveRun } = await engine('index.js');
const result = readRun(new Uint8Array(await readFile(run)));
await mkdir(out, { recursive: true });
await writeFile(join(out, 'run.zip'), saveRun(result));
for (const { name } of FORMATS.filter((format) => canExport(result, format.name))) {
  const { file, bytes } = exportResult(result, name, { fps: Number(fps) || null });
  await writeFile(join(out, file), bytes);
}
