// The WebSocket server of npm `ws` in the place of VTube Studio: node vts_server.mjs PORT SECONDS. Answers what the API's
// specification says, and writes every InjectParameterDataRequest as a JSON line.
import { writeSync } from "node:fs";
import { WebSocketServer } from "ws";

const [port, seconds] = process.argv.slice(2).map(Number);
const NAMES = ["MouthOpen", "MouthSmile", "MouthX", "VoiceVolumePlusMouthOpen", "VoiceFrequencyPlusMouthSmile",
  "VoiceA", "VoiceI", "VoiceU", "VoiceE", "VoiceO", "VoiceSilence", "FaceAngleX"];
const lines = [];
const answers = {
  AuthenticationTokenRequest: () => ({ authenticationToken: "a-token" }),
  AuthenticationRequest: ({ authenticationToken }) => ({ authenticated: authenticationToken === "a-token", reason: "" }),
  InputParameterListRequest: () => ({
    modelLoaded: false, modelName: "", modelID: "", customParameters: [],
    defaultParameters: NAMES.map((name) => ({ name, addedBy: "VTube Studio", value: 0, min: 0, max: 1, defaultValue: 0 })),
  }),
  InjectParameterDataRequest: () => ({}),
};
const server = new WebSocketServer({ host: "127.0.0.1", port });
server.on("listening", () => console.error("ready"));
server.on("connection", (socket) => socket.on("message", (bytes) => {
  const asked = JSON.parse(bytes);
  if (asked.messageType === "InjectParameterDataRequest") lines.push(JSON.stringify({ at: performance.now(), ...asked }));
  const data = answers[asked.messageType](asked.data);
  const messageType = asked.messageType.replace("Request", "Response");
  socket.send(JSON.stringify({ ...asked, timestamp: Date.now(), messageType, data }));
}));
setTimeout(() => {
  for (const line of lines) writeSync(1, line + "\n");
  process.exit(0);
}, seconds * 1000);
