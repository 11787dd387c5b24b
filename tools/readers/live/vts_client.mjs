// The requests that npm `vtubestudio` makes, the second implementation of that API's client: standard input has
// {"plugin": {...}, "token": "...", "values": {...}}, standard output its four requests, a JSON line each.
import { readFileSync } from "node:fs";
import { ApiClient } from "vtubestudio";

const { plugin, token, values } = JSON.parse(readFileSync(0, "utf8"));
const answers = {
  APIStateRequest: { active: true, vTubeStudioVersion: "1.30.0", currentSessionAuthenticated: false },
  AuthenticationTokenRequest: { authenticationToken: token },
  AuthenticationRequest: { authenticated: true, reason: "" },
};
class Socket {
  readyState = 1;
  handlers = {};
  addEventListener(type, handler) {
    (this.handlers[type] ??= []).push(handler);
    if (type === "open") setTimeout(handler);
  }
  send(text) {
    const asked = JSON.parse(text);
    if (asked.messageType !== "APIStateRequest" && asked.messageType !== "StatisticsRequest") console.log(text);
    const messageType = asked.messageType.replace("Request", "Response");
    const answer = { ...asked, messageType, data: answers[asked.messageType] ?? {} };
    setTimeout(() => this.handlers.message?.forEach((handler) => handler({ data: JSON.stringify(answer) })));
  }
  close() {}
}
const client = new ApiClient({
  ...plugin,
  authTokenGetter: async () => null,
  authTokenSetter: async () => {},
  webSocketFactory: () => new Socket(),
});
client.on("error", (error) => console.error(error));
client.on("connect", async () => {
  await client.inputParameterList();
  const parameterValues = Object.entries(values).map(([id, value]) => ({ id, value }));
  await client.injectParameterData({ faceFound: true, mode: "set", parameterValues });
  process.exit(0);
});
