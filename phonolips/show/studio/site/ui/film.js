// A film of the mouth or face: MediaRecorder takes a canvas while the sound plays.

const KINDS = [
  ['mp4', 'video/mp4;codecs=avc1.42E01F,opus'],
  ['mp4', 'video/mp4;codecs=avc1.42E01F,mp4a.40.2'],
  ['webm', 'video/webm;codecs=vp9,opus'],
  ['webm', 'video/webm;codecs=vp8,opus'],
  ['webm', 'video/webm'],
];
const BITS_PER_SECOND = 4e6;
const RATE = 30;
const SIZE = 512;
const AFTER_SECONDS = 0.15; // so that the last frames are taken

/** List the kinds of film that this browser records: [[ending, type], ...], the first of each ending. */
export function filmKinds(isSupported = (type) => typeof MediaRecorder !== 'undefined' && MediaRecorder.isTypeSupported(type)) {
  const found = new Map();
  for (const [ending, type] of KINDS) if (!found.has(ending) && isSupported(type)) found.set(ending, type);
  return [...found];
}

/** Record a result as it plays: `paint(context, width, height, time)` draws a moment. Returns a Blob. */
export async function recordFilm({ type, seconds, samples, sampleRate = 16000, paint, onProgress = () => {} }) {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [SIZE, SIZE];
  const context = canvas.getContext('2d');
  paint(context, SIZE, SIZE, 0);
  const tracks = canvas.captureStream(RATE).getVideoTracks();
  const audio = new AudioContext();
  await audio.resume();
  let source = null;
  if (samples) {
    const buffer = audio.createBuffer(1, samples.length, sampleRate);
    buffer.copyToChannel(samples, 0);
    source = audio.createBufferSource();
    source.buffer = buffer;
    const out = audio.createMediaStreamDestination();
    source.connect(out);
    tracks.push(...out.stream.getAudioTracks());
  }
  const recorder = new MediaRecorder(new MediaStream(tracks), { mimeType: type, videoBitsPerSecond: BITS_PER_SECOND });
  const pieces = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  const stopped = new Promise((resolve, reject) => {
    recorder.onstop = resolve;
    recorder.onerror = ({ error }) => reject(error);
  });
  recorder.start(1000);
  const began = audio.currentTime;
  source?.start();
  const draw = () => {
    const time = audio.currentTime - began;
    paint(context, SIZE, SIZE, Math.min(time, seconds));
    onProgress(Math.min(time / seconds, 1));
    if (time < seconds + AFTER_SECONDS) requestAnimationFrame(draw);
    else recorder.stop();
  };
  requestAnimationFrame(draw);
  await stopped;
  for (const track of tracks) track.stop();
  await audio.close();
  return new Blob(pieces, { type });
}
