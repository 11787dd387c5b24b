// The microphone: sound to the engine's live stream.

export const PIECE_SAMPLES = 1024; // as microphone_worklet.js hands them on

/** Start the microphone; `push(samples)` gets its sound, `ended()` is told if the device goes away. Throws a DOMException without one. */
export async function openMicrophone({ ended }) {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException('this page is not served securely', 'NotSupportedError');
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL('./microphone_worklet.js', import.meta.url));
  await context.resume();
  const source = context.createMediaStreamSource(stream);
  const node = new AudioWorkletNode(context, 'microphone', { numberOfOutputs: 0 });
  for (const track of stream.getTracks()) track.onended = ended;
  return {
    sampleRate: context.sampleRate,
    start(push) {
      node.port.onmessage = ({ data }) => push(data);
      source.connect(node);
    },
    async stop() {
      node.port.onmessage = null;
      for (const track of stream.getTracks()) track.stop();
      await context.close();
    },
  };
}
