// Receives OSC or VMC with npm `osc`: node osc_receiver.mjs PORT SECONDS; writes what came, a JSON line a packet:
// {"at": milliseconds, "messages": [{"address", "args"}]}. Ends SECONDS after it began.
import { writeSync } from "node:fs";
import osc from "osc";

const [port, seconds] = process.argv.slice(2).map(Number);
const lines = [];
const udp = new osc.UDPPort({ localAddress: "127.0.0.1", localPort: port });
udp.on("bundle", ({ packets }) => lines.push(JSON.stringify({ at: performance.now(), messages: packets })));
udp.on("error", (error) => lines.push(JSON.stringify({ error: String(error) })));
udp.on("ready", () => console.error("ready"));
udp.open();
setTimeout(() => {
  udp.close();
  for (const line of lines) writeSync(1, line + "\n");
  process.exit(0);
}, seconds * 1000);
