// Rhubarb Lip Sync's own cues: reads JSON lines {"pcm": file with 16-bit mono sound at 16 kHz, "text": transcript or ""}
// from standard input, writes a JSON line with the cues of each to standard output.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Rhubarb } from "rhubarb-lip-sync-wasm";

for await (const line of createInterface({ input: process.stdin })) {
  const { pcm, text } = JSON.parse(line);
  const log = console.log;
  console.log = console.error; // the program's own messages
  const { mouthCues } = await Rhubarb.getLipSync(readFileSync(pcm), text ? { dialogText: text } : {});
  console.log = log;
  console.log(JSON.stringify(mouthCues));
}
