// Validate a glTF file, play it in three.js, and compare the moved mesh with the lips it was made from.
//   node check.mjs FILE LIPS.json      LIPS.json: {"fps": 25, "lips": [[[x, y], ... 40], ...], "samples": 28}
// Prints one JSON object. `distance` is that of each lip point from the mesh's curve through its ring, in eye
// distances, at every frame's centre.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import validator from "gltf-validator";
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

globalThis.self = globalThis;
globalThis.ProgressEvent ??= class extends Event {};

const [file, lipsFile] = process.argv.slice(2);
const bytes = new Uint8Array(readFileSync(file));
const { issues, info } = await validator.validateBytes(bytes, { uri: basename(file), maxIssues: 20 });

const data = file.endsWith(".glb") ? bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
  : readFileSync(file, "utf8");
const gltf = await new GLTFLoader().parseAsync(data, "");
const { fps, lips, samples } = JSON.parse(readFileSync(lipsFile, "utf8"));
const mixer = new THREE.AnimationMixer(gltf.scene);
const clip = gltf.animations[0];
mixer.clipAction(clip).setLoop(THREE.LoopOnce).play();
let mesh;
gltf.scene.traverse((node) => { if (node.isMesh && node.material.name === "lips") mesh = node; });

const ringSize = 2 * samples;
const innerStart = 8 * ringSize; // the ninth row of the lips
function distanceToCurve([x, y], first) {
  const a = new THREE.Vector3(), b = new THREE.Vector3();
  let best = Infinity;
  for (let index = 0; index < ringSize; index++) {
    mesh.getVertexPosition(first + index, a);
    mesh.getVertexPosition(first + (index + 1) % ringSize, b);
    const dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    const along = length ? Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / length)) : 0;
    best = Math.min(best, Math.hypot(x - a.x - along * dx, y - a.y - along * dy));
  }
  return best;
}
let squares = 0, count = 0, largest = 0, moved = 0;
lips.forEach((points, frame) => {
  mixer.setTime((frame + 0.5) / fps);
  points.forEach((point, index) => {
    const distance = distanceToCurve(point, index < 20 ? 0 : innerStart);
    squares += distance ** 2; count += 1; largest = Math.max(largest, distance);
    moved = Math.max(moved, Math.hypot(point[0] - lips[0][index][0], point[1] - lips[0][index][1]));
  });
});
console.log(JSON.stringify({
  file: basename(file), bytes: bytes.length, errors: issues.numErrors, warnings: issues.numWarnings,
  infos: issues.numInfos, hints: issues.numHints, messages: issues.messages.map((m) => `${m.code} ${m.pointer}`),
  triangles: info.totalTriangleCount, three: THREE.REVISION, targets: Object.keys(mesh.morphTargetDictionary),
  seconds: clip.duration, frames: lips.length, rms: Math.sqrt(squares / count), largest, moved,
}));
