// TypeScript holds a rhubarb.json against the types of the npm build of Rhubarb Lip Sync:
// node rhubarb_types.mjs FILE
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const file = process.argv[2];
const types = fileURLToPath(import.meta.resolve("rhubarb-lip-sync-wasm")).replace("index.js", "types.js");
const text = `import type { LipSyncResult } from ${JSON.stringify(types)};
const metadata: { soundFile: string; duration: number } = data.metadata;
const result: LipSyncResult = { mouthCues: data.mouthCues };`;
const program = `const data = ${readFileSync(file, "utf8")};\n${text}\nexport { metadata, result };`;
const host = ts.createCompilerHost({});
const read = host.getSourceFile.bind(host);
host.getSourceFile = (name, ...rest) =>
  name === "cues.ts" ? ts.createSourceFile(name, program, ts.ScriptTarget.ES2022) : read(name, ...rest);
const compiled = ts.createProgram(
  ["cues.ts"],
  { strict: true, noEmit: true, module: ts.ModuleKind.NodeNext, skipLibCheck: true, types: [] },
  host,
);
const complaints = ts.getPreEmitDiagnostics(compiled).map((d) => ts.flattenDiagnosticMessageText(d.messageText, "\n"));
if (complaints.length) throw new Error(complaints.join("\n"));
console.log(`TypeScript: ${file} is a LipSyncResult of rhubarb-lip-sync-wasm`);
