// All that the page shows, as one immutable value, and what each action makes of it. Nothing here touches the page.

import { documentOf } from './edits.js';

const MOST_STATES = 200; // to undo
const MOST_BYTES = 2e8; // of their posteriors together
const LIVE_SECONDS = 8; // that are shown
const LEAST_VIEW_SECONDS = 0.1;

export const initialState = {
  engine: null, // its `info` once it is there
  result: null, // what is shown
  document: null, // what is edited; null where nothing can be
  past: [],
  future: [],
  gesture: null, // the drag that the newest state came from
  before: null, // a result to compare with
  comparing: false,
  time: 0,
  playing: false,
  speed: 1,
  view: [0, 1],
  tool: 'select', // paint, erase, draw
  selected: { tier: 'phones', index: 0 },
  brush: { phone: 'AA', strength: 1, seconds: 0.05 },
  parameter: 0,
  title: '',
  live: null,
  busy: null, // {what, done}
  notice: null, // {text, bad}
  language: 'en',
  theme: 'auto',
};

const clip = (value, low, high) => Math.min(Math.max(value, low), high);
export const secondsOf = ({ result }) => (result ? result.frames / result.fps : 0);

/** The tiers as they are now: those of the edited document, or those read from painted posteriors. */
export function alignmentOf({ document, result }) {
  if (document?.alignment) return document.alignment;
  return result?.alignment ?? null;
}

/** The newest posteriors: painted ones show before their lips are there. */
export const posteriorsOf = ({ document, result }) => document?.posteriors ?? result?.posteriors ?? null;

/** The lip parameters to show: the result's, with those drawn since. */
export function lipParametersOf({ document, result }) {
  const values = result?.lipParameters ?? null;
  if (!document || !values || values.length !== document.lipParameters.length) return values;
  const count = document.names.length;
  const shown = values.slice();
  document.kept.forEach((kept, frame) => {
    if (kept) shown.set(document.lipParameters.subarray(frame * count, (frame + 1) * count), frame * count);
  });
  return shown;
}

/** What is drawn: the state itself, or the last seconds while somebody speaks, as a state of its own. */
export function shownState(state) {
  const { live } = state;
  if (!live?.result) return state;
  const { duration } = live.result;
  const phones = live.phones
    .map(({ label, start, end }) => ({ label, start: Math.max(start - live.from, 0), end: Math.min(end - live.from, duration) }))
    .filter(({ start, end }) => end > start);
  const alignment = { words: [], phones, duration, confidences: null };
  return { ...state, result: { ...live.result, alignment }, document: null, comparing: false, view: [0, Math.max(duration, 1)], time: duration, selected: { tier: 'phones', index: -1 }, tool: 'select' };
}

export const selectedInterval = (state) => alignmentOf(state)?.[state.selected.tier][state.selected.index] ?? null;

function intervalAt(tier, time) {
  const found = tier.findIndex(({ end }) => time < end);
  return found < 0 ? tier.length - 1 : found;
}

function withSelection(state) {
  const tier = alignmentOf(state)?.[state.selected.tier];
  if (!tier) return state;
  const index = clip(state.selected.index, 0, tier.length - 1);
  return index === state.selected.index ? state : { ...state, selected: { ...state.selected, index } };
}

const statesKept = (document) => clip(Math.floor(MOST_BYTES / (document.posteriors.byteLength + 1)), 5, MOST_STATES);

const actions = {
  opened: (state, { info }) => ({ ...state, engine: info }),
  /** A result of text, sound or a file: everything starts anew. */
  made: (state, { result, options, title = '' }) => ({
    ...state,
    result,
    document: documentOf(result, options),
    past: [],
    future: [],
    gesture: null,
    before: result,
    time: 0,
    playing: false,
    view: [0, result.frames / result.fps],
    selected: { tier: 'phones', index: Math.min(1, (result.alignment?.phones.length ?? 1) - 1) },
    live: null,
    title,
  }),
  /** An edit; those of one drag are one state to undo. */
  edited: (state, { document, gesture = null }) => {
    if (!document || document === state.document) return state;
    const goesOn = gesture !== null && gesture === state.gesture;
    const past = goesOn ? state.past : [...state.past, state.document].slice(-statesKept(document));
    return withSelection({ ...state, document, past, future: [], gesture });
  },
  /** The lips of a document have come. Those of an older one are shown, too, while its edit goes on. */
  decoded: (state, { result }) => withSelection({ ...state, result }),
  undo: (state) => {
    if (!state.past.length) return state;
    const past = state.past.slice(0, -1);
    return withSelection({ ...state, document: state.past.at(-1), past, future: [state.document, ...state.future], gesture: null });
  },
  redo: (state) => {
    if (!state.future.length) return state;
    const [document, ...future] = state.future;
    return withSelection({ ...state, document, past: [...state.past, state.document], future, gesture: null });
  },
  comparing: (state, { on }) => ({ ...state, comparing: on }),
  /** From now on, comparisons are with what is shown. */
  compareWith: (state) => ({ ...state, before: state.result }),
  seek: (state, { time }) => {
    const total = secondsOf(state);
    const at = clip(time, 0, total);
    const [from, to] = state.view;
    if (at >= from && at <= to) return { ...state, time: at };
    const start = clip(at - (to - from) * 0.1, 0, Math.max(0, total - (to - from)));
    return { ...state, time: at, view: [start, start + (to - from)] };
  },
  playing: (state, { on }) => ({ ...state, playing: on }),
  speed: (state, { speed }) => ({ ...state, speed }),
  /** Show other times: `from` in seconds, and how long. */
  view: (state, { from, span }) => {
    const total = secondsOf(state);
    const length = clip(span, Math.min(LEAST_VIEW_SECONDS, total), total);
    const start = clip(from, 0, total - length);
    return { ...state, view: [start, start + length] };
  },
  zoom: (state, { by, around = state.time }) => {
    const [from, to] = state.view;
    const middle = clip(around, from, to);
    return actions.view(state, { from: middle - (middle - from) / by, span: (to - from) / by });
  },
  tool: (state, { tool }) => ({ ...state, tool }),
  select: (state, { tier, index }) => withSelection({ ...state, selected: { tier, index } }),
  selectAt: (state, { tier, time }) => {
    const alignment = alignmentOf(state);
    return alignment ? { ...state, selected: { tier, index: intervalAt(alignment[tier], time) } } : state;
  },
  brush: (state, { brush }) => ({ ...state, brush: { ...state.brush, ...brush } }),
  parameter: (state, { parameter }) => ({ ...state, parameter }),
  busy: (state, { busy }) => ({ ...state, busy }),
  notice: (state, { text, bad = false }) => ({ ...state, notice: text ? { text, bad } : null }),
  language: (state, { language }) => ({ ...state, language }),
  theme: (state, { theme }) => ({ ...state, theme }),
  liveStarted: (state, { fps, delaySeconds, names }) => ({
    ...state,
    playing: false,
    live: { fps, delaySeconds, names, result: null, phones: [], from: 0, frames: 0, behindSeconds: 0 },
  }),
  liveFrames: (state, { message }) => (state.live ? { ...state, live: withFrames(state.live, message) } : state),
  liveStopped: (state) => ({ ...state, live: null }),
};

const newest = (old, more, most) => {
  const joined = new Float32Array(Math.min(old.length + more.length, most));
  const kept = joined.length - Math.min(more.length, most);
  joined.set(old.subarray(old.length - kept));
  joined.set(more.subarray(more.length - (joined.length - kept)), kept);
  return joined;
};

/** Add frames that have come; what is older than some seconds goes. Times within the result start at `from`. */
export function withFrames(live, message) {
  const none = new Float32Array(0);
  const old = live.result ?? { lips: none, posteriors: none, lipParameters: none };
  const frames = live.frames + message.frames;
  const most = Math.round(LIVE_SECONDS * live.fps);
  const lips = newest(old.lips, message.lips, most * 80);
  const posteriors = newest(old.posteriors, message.posteriors, LIVE_SECONDS * 100 * 40);
  const lipParameters = newest(old.lipParameters, message.lipParameters, LIVE_SECONDS * 25 * live.names.length);
  const count = lips.length / 80;
  const from = (frames - count) / live.fps;
  const duration = Math.max(count / live.fps, 0.01);
  const phones = [...live.phones, ...message.phones].filter(({ end }) => end > from);
  const result = count
    ? { lips, frames: count, fps: live.fps, posteriors, steps: posteriors.length / 40, lipParameters, lipParameterNames: live.names, alignment: null, speaker: '', timing: 'audio', samples: null, warnings: [], duration }
    : null;
  return { ...live, result, phones, from, frames, behindSeconds: message.behindSeconds };
}

export const reduce = (state, action) => actions[action.type](state, action);

/** Hold the state; listeners are told of each new one. */
export function createStore(state = initialState) {
  const listeners = new Set();
  return {
    get state() {
      return state;
    },
    dispatch(action) {
      const next = reduce(state, action);
      if (next === state) return;
      const last = state;
      state = next;
      for (const listen of listeners) listen(state, last);
    },
    subscribe: (listen) => listeners.add(listen),
  };
}
