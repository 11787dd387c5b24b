// The TalkingHead avatar takes a visemes-oculus.json: node speak_audio.mjs FILE
// Its speakAudio and animFactory run on the file as they do in the browser, without the avatar and the sound.
import { readFileSync } from "node:fs";

const { TalkingHead } = await import("@met4citizen/talkinghead");
const source = readFileSync(new URL(import.meta.resolve("@met4citizen/talkinghead")), "utf8");
const known = [...source.match(/this\.visemeNames = \[([^\]]*)\]/)[1].matchAll(/'(\w+)'/g)].map((m) => m[1]);

const data = JSON.parse(readFileSync(process.argv[2], "utf8"));
const avatarName = { ih: "I", oh: "O", ou: "U" };
const head = Object.create(TalkingHead.prototype);
Object.assign(head, { avatar: {}, opt: {}, speechQueue: [], mtAvatar: {}, startSpeaking() {} });
head.speakAudio(
  {
    audio: "a sound",
    ...data.speakAudio,
    anim: {
      // smooth weights, instead of one viseme at a time
      name: "phonolips",
      dt: data.weights.map((_, i) => (i ? 1000 : 500) / data.fps),
      vs: Object.fromEntries(
        data.visemes.map((name, i) => ["viseme_" + (avatarName[name] ?? name), data.weights.map((row) => row[i])]),
      ),
    },
  },
  { isRaw: true },
  () => {},
);

const queued = head.speechQueue[0].anim;
const visemes = queued.filter((item) => item.template.name === "viseme");
const subtitles = queued.filter((item) => item.template.name === "subtitles");
const curves = queued.find((item) => item.template.name === "phonolips");
const names = new Set([...visemes, curves].flatMap((item) => Object.keys(item.vs)));
const unknown = [...names].filter((name) => !known.includes(name.replace("viseme_", "")));
const backwards = queued.filter((item) => item.ts.some((time, i) => i && time < item.ts[i - 1]));
if (unknown.length || backwards.length || visemes.length !== data.speakAudio.visemes.length)
  throw new Error(`unknown ${unknown}, ${backwards.length} backwards, ${visemes.length} visemes`);
console.log(
  `TalkingHead queued ${visemes.length} visemes, ${subtitles.length} words and curves of ` +
    `${Object.keys(curves.vs).length} visemes over ${(curves.ts.at(-1) / 1000).toFixed(2)} s; all names known to it`,
);
