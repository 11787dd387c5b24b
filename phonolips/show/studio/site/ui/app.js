// The page of `phonolips studio`: engine, state, pictures and controls put together.

import { openEngine } from '../engine/client.js';
import { CancelledError, InputError } from '../engine/errors.js';
import { resampleSound } from '../engine/resampling.js';
import { attachControls, byId } from './controls.js';
import * as edits from './edits.js';
import { download, joined, readFile, UnreadableSound } from './files.js';
import { recordFilm } from './film.js';
import { Follower } from './follow.js';
import { openMicrophone, PIECE_SAMPLES } from './microphone.js';
import { drawMouth } from './mouth.js';
import { attachPictures, paintFace } from './pictures.js';
import { Player } from './player.js';
import { alignmentOf, createStore, initialState, secondsOf, selectedInterval } from './state.js';
import { chooseLanguage, say } from './strings.js';
import { actionOfKey, listenToPointers, selectionEdits } from './timeline.js';

const UNREADABLE = /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u;
const FACE_GROUND = '#eef0f2';
const DEFAULT_MODEL = 'default';
const LIVE_MODEL = 'low-delay';
const MOST_LIVE_SECONDS = 600; // of live sound that can be edited afterwards

const store = createStore({ ...initialState, language: chooseLanguage(navigator.languages) });
const { dispatch } = store;
const words = (key, values) => say(store.state.language, key, values);
const tell = (key, values) => dispatch({ type: 'notice', text: words(key, values) });
const complain = (text) => dispatch({ type: 'notice', text, bad: true });

let engine = null;
let liveEngine = null; // of LIVE_MODEL, once it is needed
let microphone = null;
let ownSpeaker = null; // of a file that was opened

function trouble(error) {
  if (error instanceof CancelledError) return;
  if (error instanceof InputError) complain(error.message);
  else if (error instanceof UnreadableSound) complain(words('error.noSound', { file: error.file }));
  else {
    console.error(error);
    complain(words('error.other', { reason: error.message ?? error }));
  }
}

/** Do something that may take a while; errors become a line on the page. */
async function attempt(act) {
  try {
    await act();
  } catch (error) {
    trouble(error);
  } finally {
    dispatch({ type: 'busy', busy: null });
  }
}

const working = ({ done, total }) => dispatch({ type: 'busy', busy: { what: 'say.working', done: done / total } });
const loading = ({ loaded, total }) => dispatch({ type: 'busy', busy: { what: 'say.loading', done: loaded / total } });

// ---- results ---------------------------------------------------------------------------------------------------

const follower = new Follower({
  current: () => store.state.document,
  made: (document, result) => {
    if (document.origin === store.state.document?.origin) dispatch({ type: 'decoded', result });
  },
  failed: trouble,
});
const player = new Player({
  onTime: (time) => dispatch({ type: 'seek', time }),
  onEnd: () => dispatch({ type: 'playing', on: false }),
});

function settings() {
  const chosen = byId('speaker').value;
  return { speaker: ownSpeaker?.name === chosen ? ownSpeaker : chosen || null, articulation: Number(byId('articulation').value) };
}

function take(result, options, title) {
  dispatch({ type: 'made', result, options, title });
  follower.remember(store.state.document, result);
  const seconds = (result.frames / result.fps).toFixed(2);
  const made = words('say.made', { seconds, frames: result.frames });
  dispatch({ type: 'notice', text: [made, ...result.warnings].join(' · ') });
}

const speakText = (text) =>
  attempt(async () => {
    await closeMicrophone();
    const strange = UNREADABLE.exec(text);
    if (!text.trim()) return complain(words('error.empty'));
    if (strange) return complain(words('error.script', { sign: strange[0] }));
    const options = settings();
    const said = await engine.pronounce(text);
    take(await engine.fromText(text, options, working), options, text);
    const byRules = said.filter(({ source }) => source === 'rules' || source === 'letters').map(({ word }) => word);
    if (byRules.length) tell('say.rules', { words: byRules.join(', ') });
  });

const openFile = (file) =>
  attempt(async () => {
    await closeMicrophone();
    const { kind, value } = await readFile(file, engine);
    const options = settings();
    if (kind === 'run') {
      byId('articulation').value = 1;
      const speaker = engine.info.speakers.includes(value.speaker) ? value.speaker : options.speaker;
      take(value, { speaker, fps: value.fps }, file.name);
    } else if (kind === 'alignment') take(await engine.fromAlignment(value, options, working), options, file.name);
    else if (kind === 'sound') take(await engine.fromAudio(value, options, working), options, file.name);
    else useSpeaker(value);
  });

function useSpeaker(speaker) {
  ownSpeaker = speaker;
  byId('speaker').append(new Option(speaker.name, speaker.name, true, true));
  const { document } = store.state;
  if (document) dispatch({ type: 'edited', document: { ...document, options: { ...document.options, speaker } } });
  tell('say.speaker', { name: speaker.name });
}

/** Settings of the speaker are an edit like any other: lips follow, and they can be undone. */
function settingsChanged() {
  const { document } = store.state;
  if (document) dispatch({ type: 'edited', document: { ...document, options: { ...document.options, ...settings() } }, gesture: 'settings' });
}

// ---- live ------------------------------------------------------------------------------------------------------

/** The small model that looks less far ahead, where the page has it and the speaker is one of its own; else the chosen one. */
async function engineForLive() {
  const isNamed = typeof (settings().speaker ?? '') === 'string'; // a speaker from a file belongs to the chosen model
  const suits = isNamed && engine.info.name === DEFAULT_MODEL && engine.info.models.includes(LIVE_MODEL);
  if (!suits) return engine;
  try {
    liveEngine ??= await openEngine({ model: LIVE_MODEL, onProgress: loading });
  } catch {
    return engine; // offline, say: later, but as good
  }
  return liveEngine;
}

async function startLive() {
  try {
    microphone = await openMicrophone({ ended: () => stopLive() });
  } catch (error) {
    return complain(words('error.microphone', { reason: error.message }));
  }
  return attempt(async () => {
    dispatch({ type: 'playing', on: false });
    const listening = await engineForLive();
    const live = await listening.openLive({ ...settings(), sampleRate: microphone.sampleRate });
    dispatch({ type: 'liveStarted', fps: live.fps, delaySeconds: live.delaySeconds, names: listening.info.lipParameterNames });
    const delay = (live.delaySeconds + live.pieceSeconds).toFixed(2);
    tell('say.live', { delay });
    live.onframes = (message) => {
      dispatch({ type: 'liveFrames', message });
      if (message.behindSeconds > 1) tell('say.late', { delay, late: message.behindSeconds.toFixed(1) });
    };
    live.onerror = trouble;
    const pieces = [];
    const most = (MOST_LIVE_SECONDS * microphone.sampleRate) / PIECE_SAMPLES;
    microphone.start((samples) => {
      if (pieces.length < most) pieces.push(samples);
      live.push(samples);
    });
    Object.assign(microphone, { live, pieces });
  });
}

/** Listen no longer; return the sound that came, at 16 kHz, or null. */
async function closeMicrophone() {
  const open = microphone;
  microphone = null;
  if (!open) return null;
  await open.stop();
  await open.live?.close();
  dispatch({ type: 'liveStopped' });
  return open.pieces?.length ? resampleSound(joined(open.pieces), open.sampleRate) : null;
}

/** Stop to listen; what was said becomes a result to edit. */
const stopLive = () =>
  attempt(async () => {
    const samples = await closeMicrophone();
    const options = settings();
    if (samples?.length) take(await engine.fromAudio(samples, options, working), options, words('live'));
  });

// ---- out -------------------------------------------------------------------------------------------------------

const save = () =>
  attempt(async () => {
    await follower.follow(engine);
    download('run.zip', 'application/zip', await engine.saveRun(store.state.result));
    tell('say.saved', { file: 'run.zip' });
  });

const exportAs = (name) =>
  attempt(async () => {
    await follower.follow(engine);
    const { file, mime, bytes } = await engine.exportResult(store.state.result, name, { fps: byId('rate').value });
    download(file, mime, bytes);
    tell('say.saved', { file });
  });

const film = (what, ending, type) =>
  attempt(async () => {
    byId('exports').close();
    const { result } = store.state;
    const file = what === 'film' ? `mouth.${ending}` : `face.${ending}`;
    tell('say.recording', { file });
    const paint = (context, width, height, time) =>
      what === 'film' ? drawMouth(context, width, height, result, time) : paintFace(context, width, height, result, time, FACE_GROUND);
    download(file, type, await recordFilm({ type, seconds: secondsOf(store.state), samples: result.samples, paint }));
    tell('say.saved', { file });
  });

// ---- hands and keys ----------------------------------------------------------------------------------------------

const play = () => dispatch({ type: 'playing', on: !store.state.playing });

function perform(action) {
  if (!action) return;
  if (action.type === 'command') {
    if (action.command === 'play') play();
    else if (action.command === 'insert') insert();
    else {
      byId('label').focus();
      byId('label').select();
    }
    return;
  }
  if (action.type === 'seek') player.seek(action.time);
  dispatch(action);
  if (action.type === 'undo') tell('say.undone', { left: store.state.past.length });
  if (action.type === 'redo') tell('say.redone', { left: store.state.future.length });
  if (action.type === 'select' || action.type === 'selectAt') saySelected();
  if (action.type === 'tool') tell('say.painting', { tool: words(`tool.${action.tool}`) });
}

function saySelected() {
  const one = selectedInterval(store.state);
  if (one) tell('say.selected', { tier: words(store.state.selected.tier), label: one.label || '–', start: one.start.toFixed(2), end: one.end.toFixed(2) });
}

/** Edit what is selected by one of `selectionEdits`. */
function edit(name, ...values) {
  const { state } = store;
  if (!state.document || !selectedInterval(state)) return;
  try {
    dispatch({ type: 'edited', document: selectionEdits[name](state, ...values) });
    dispatch({ type: 'notice', text: '' });
    saySelected();
  } catch (error) {
    trouble(error);
  }
}

function insert() {
  const { tier } = store.state.selected;
  const starts = new Set(alignmentOf(store.state)?.[tier].map(({ start }) => start));
  edit('insert', byId('label').value || (tier === 'phones' ? 'AH' : '…'));
  const index = alignmentOf(store.state)?.[tier].findIndex(({ start }) => !starts.has(start)) ?? -1;
  if (index >= 0) perform({ type: 'select', tier, index });
}

const on = (id, kind, act) => byId(id).addEventListener(kind, act);
const press = (id, action) => on(id, 'click', () => perform(typeof action === 'function' ? action() : action));
const key = (name, more = {}) => actionOfKey(store.state, { key: name, ...more });

function attachHands(layoutOf) {
  listenToPointers(byId('timeline'), { get state() { return store.state; }, dispatch: perform }, layoutOf);
  on('timeline', 'keydown', (event) => {
    const action = actionOfKey(store.state, event);
    if (!action || (event.key === ' ' && event.repeat)) return;
    event.preventDefault();
    perform(action);
  });
  document.addEventListener('keydown', (event) => {
    const isWriting = event.target.matches('input, textarea, select');
    if (event.defaultPrevented || isWriting || !(event.ctrlKey || event.metaKey)) return;
    const action = actionOfKey(store.state, event);
    if (!action) return;
    event.preventDefault();
    perform(action);
  });
  on('input', 'submit', (event) => {
    event.preventDefault();
    speakText(byId('text').value);
  });
  on('text', 'keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    if (engine) speakText(byId('text').value);
  });
  on('open', 'click', () => byId('file').click());
  on('file', 'change', () => {
    const [file] = byId('file').files;
    byId('file').value = '';
    if (file) openFile(file);
  });
  on('live', 'click', () => (store.state.live ? stopLive() : startLive()));
  on('save', 'click', save);
  on('export', 'click', () => byId('exports').showModal());
  on('play', 'click', play);
  press('back', () => key('ArrowLeft'));
  press('forward', () => key('ArrowRight'));
  press('undo', { type: 'undo' });
  press('redo', { type: 'redo' });
  press('compare', () => ({ type: 'comparing', on: !store.state.comparing }));
  press('compareWith', { type: 'compareWith' });
  press('zoomIn', { type: 'zoom', by: 1.6 });
  press('zoomOut', { type: 'zoom', by: 1 / 1.6 });
  press('fit', () => key('0'));
  press('previous', () => key('PageUp'));
  press('next', () => key('PageDown'));
  for (const button of document.querySelectorAll('[data-tool]')) button.addEventListener('click', () => perform({ type: 'tool', tool: button.dataset.tool }));
  on('speed', 'change', ({ target }) => dispatch({ type: 'speed', speed: Number(target.value) }));
  on('brush', 'change', ({ target }) => dispatch({ type: 'brush', brush: { phone: target.value } }));
  on('strength', 'input', ({ target }) => dispatch({ type: 'brush', brush: { strength: Number(target.value) } }));
  on('brushSeconds', 'input', ({ target }) => dispatch({ type: 'brush', brush: { seconds: Number(target.value) } }));
  on('parameter', 'change', ({ target }) => dispatch({ type: 'parameter', parameter: Number(target.value) }));
  on('predict', 'click', () => dispatch({ type: 'edited', document: edits.predictAgain(store.state.document) }));
  on('tier', 'change', ({ target }) => perform({ type: 'selectAt', tier: target.value, time: selectedInterval(store.state)?.start ?? 0 }));
  on('selection', 'submit', (event) => {
    event.preventDefault();
    edit('rename', byId('label').value);
    byId('timeline').focus();
  });
  on('start', 'change', ({ target }) => edit('moveStart', Number(target.value) - selectedInterval(store.state).start));
  on('end', 'change', ({ target }) => edit('moveEnd', Number(target.value) - selectedInterval(store.state).end));
  on('insert', 'click', insert);
  on('remove', 'click', () => edit('remove'));
  on('speaker', 'change', settingsChanged);
  on('articulation', 'input', settingsChanged);
  on('model', 'change', ({ target }) =>
    attempt(async () => {
      const info = await engine.setModel(target.value, loading);
      dispatch({ type: 'opened', info });
    }),
  );
  on('language', 'change', ({ target }) => dispatch({ type: 'language', language: target.value }));
  on('theme', 'change', ({ target }) => dispatch({ type: 'theme', theme: target.value }));
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  for (const kind of ['dragleave', 'drop']) document.addEventListener(kind, () => document.body.classList.remove('dropping'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file && engine) openFile(file);
  });
}

store.subscribe((state, last) => {
  if (state.result && (state.result !== last.result || state.live !== last.live)) player.load(state.result.samples, secondsOf(state));
  if (state.time !== last.time && Math.abs(state.time - player.time) > 1e-9) player.seek(state.time);
  if (state.speed !== last.speed) player.setSpeed(state.speed);
  if (state.playing !== last.playing) {
    if (state.playing) player.play();
    else player.pause();
  }
  if (state.document !== last.document && state.document && engine) follower.follow(engine);
});

attachControls(store, { onExport: exportAs, onFilm: film });
byId('text').value = words('text.first');
const { layoutOf } = attachPictures(Object.fromEntries(['mouth', 'face', 'lanes', 'timeline', 'head', 'phone', 'word', 'numbers'].map((id) => [id, byId(id)])), store);
attachHands(layoutOf);
await attempt(async () => {
  engine = await openEngine({ onProgress: loading });
  dispatch({ type: 'opened', info: engine.info });
});

// What a script outside, such as a test, may read.
window.studio = {
  get state() {
    return store.state;
  },
  get isFollowing() {
    return follower.running !== null;
  },
  layout: layoutOf,
};
