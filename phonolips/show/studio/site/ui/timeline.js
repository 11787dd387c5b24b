// Hands and keys on the timeline: what a pointer or key there means, as actions.

import * as edits from './edits.js';
import { laneAt, parameterLimits, toTime, toX } from './axis.js';
import { alignmentOf, lipParametersOf, selectedInterval } from './state.js';
import { PHONE_IDS } from '../engine/inventory.js';
import { MODEL_FPS, STEPS_PER_SECOND } from '../engine/timebase.js';

const NEAR_PIXELS = { mouse: 6, pen: 10, touch: 16 };
const NUDGE_SECONDS = 0.01;
const RAISE = 0.25; // standard deviations, by a key
const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** The boundary near a place of a tier: the index of the interval after it, or 0. */
export function boundaryNear(tier, layout, view, x, pixels) {
  let [found, nearest] = [0, pixels];
  tier.forEach(({ start }, index) => {
    const away = Math.abs(toX(layout, view, start) - x);
    if (index > 0 && away <= nearest) [found, nearest] = [index, away];
  });
  return found;
}

/** The value of a lip parameter at a height in its lane. */
export function valueAt(lane, [low, high], y) {
  return clip(high - ((y - lane.top) / lane.height) * (high - low), low, high);
}

/** Paint or erase with the brush around a time. */
export function brushAt(state, document, phone, time, strength = state.tool === 'erase' ? -state.brush.strength : state.brush.strength) {
  const half = state.brush.seconds / 2;
  return edits.paint(document, phone, Math.round((time - half) * STEPS_PER_SECOND), Math.max(Math.round((time - half) * STEPS_PER_SECOND) + 1, Math.round((time + half) * STEPS_PER_SECOND)), strength);
}

/** Start a drag at a place: returns {move(x, y), cursor} or null; `store` gets the actions. */
function beginDrag(store, layout, x, y, kind, gesture) {
  const { state } = store;
  const lane = laneAt(layout, y);
  const timeOf = (at) => toTime(layout, store.state.view, clip(at, layout.gutter, layout.gutter + layout.plotWidth));
  const seek = { move: (at) => store.dispatch({ type: 'seek', time: timeOf(at) }) };
  const { document } = state;
  if (!lane || !document) return seek;
  if (lane.name === 'words' || lane.name === 'phones') {
    const tiers = alignmentOf(state);
    const index = boundaryNear(tiers[lane.name], layout, state.view, x, NEAR_PIXELS[kind] ?? NEAR_PIXELS.mouse);
    if (index) {
      store.dispatch({ type: 'select', tier: lane.name, index });
      return { move: (at) => store.dispatch({ type: 'edited', gesture, document: edits.moveBoundary(document, tiers, lane.name, index, timeOf(at)) }) };
    }
    store.dispatch({ type: 'selectAt', tier: lane.name, time: timeOf(x) });
    return seek;
  }
  if (lane.name === 'posteriors' && (state.tool === 'paint' || state.tool === 'erase')) {
    const row = layout.rows[clip(Math.floor(((y - lane.top) / lane.height) * layout.rows.length), 0, layout.rows.length - 1)];
    store.dispatch({ type: 'brush', brush: { phone: row.name } });
    return { move: (at) => store.dispatch({ type: 'edited', gesture, document: brushAt(store.state, store.state.document, row.id, timeOf(at)) }) };
  }
  if (lane.name === 'parameters' && state.tool === 'draw') {
    const bounds = parameterLimits(lipParametersOf(state));
    let last = null;
    return {
      move(at, height) {
        const here = [timeOf(at), valueAt(lane, bounds, height)];
        const now = store.state;
        store.dispatch({ type: 'edited', gesture, document: edits.draw(now.document, lipParametersOf(now), now.parameter, last ?? here, here) });
        last = here;
      },
    };
  }
  return seek;
}

/** What the pointer would do at a place, as a cursor. */
export function cursorAt(state, layout, x, y) {
  const lane = laneAt(layout, y);
  if (!lane || !state.document) return 'crosshair';
  if ((lane.name === 'words' || lane.name === 'phones') && boundaryNear(alignmentOf(state)[lane.name], layout, state.view, x, NEAR_PIXELS.mouse)) return 'ew-resize';
  const drawn = { posteriors: ['paint', 'erase'], parameters: ['draw'] }[lane.name];
  return drawn?.includes(state.tool) ? 'cell' : 'crosshair';
}

/** Listen to pointers on the timeline; `layoutOf()` is the layout as it is drawn. */
export function listenToPointers(element, store, layoutOf) {
  let drag = null;
  let drags = 0;
  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  element.addEventListener('pointerdown', (event) => {
    if (event.button || store.state.live || !store.state.result) return;
    const layout = layoutOf();
    const [x, y] = place(event);
    drag = beginDrag(store, layout, x, y, event.pointerType, ++drags);
    element.setPointerCapture(event.pointerId);
    drag.move(x, y);
  });
  element.addEventListener('pointermove', (event) => {
    const [x, y] = place(event);
    if (drag) drag.move(x, y);
    else if (store.state.result) element.style.cursor = cursorAt(store.state, layoutOf(), x, y);
  });
  for (const name of ['pointerup', 'pointercancel']) element.addEventListener(name, () => (drag = null));
  element.addEventListener(
    'wheel',
    (event) => {
      const { view } = store.state;
      const [x] = place(event);
      const layout = layoutOf();
      if (event.ctrlKey || event.metaKey) store.dispatch({ type: 'zoom', by: Math.exp(-clip(event.deltaY, -100, 100) / 250), around: toTime(layout, view, x) });
      else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        store.dispatch({ type: 'view', from: view[0] + ((event.deltaX || event.deltaY) / layout.plotWidth) * (view[1] - view[0]), span: view[1] - view[0] });
      } else return;
      event.preventDefault();
    },
    { passive: false },
  );
}

/** Edits of the selected interval, for keys and buttons alike: each returns a document. */
export const selectionEdits = {
  moveStart: (state, by) => moveEdge(state, state.selected.index, by),
  moveEnd: (state, by) => moveEdge(state, state.selected.index + 1, by),
  rename: (state, label) => edits.rename(state.document, alignmentOf(state), state.selected.tier, state.selected.index, label),
  insert: (state, label) => edits.insert(state.document, alignmentOf(state), state.selected.tier, state.time, label),
  remove: (state) => edits.remove(state.document, alignmentOf(state), state.selected.tier, state.selected.index),
};

function moveEdge(state, index, by) {
  const tiers = alignmentOf(state);
  const one = tiers[state.selected.tier][index];
  return one ? edits.moveBoundary(state.document, tiers, state.selected.tier, index, one.start + by) : state.document;
}

/** What ↑ and ↓ do at the play head, by the tool: paint, or move a lip parameter. */
export function raise(state, sign) {
  const { document, time, tool, brush, parameter } = state;
  if (tool === 'draw') return edits.shift(document, lipParametersOf(state), parameter, time - brush.seconds, time + Math.max(brush.seconds, 1 / MODEL_FPS), sign * RAISE);
  return brushAt(state, document, PHONE_IDS[brush.phone], time, sign * brush.strength);
}

const TOOLS = ['select', 'paint', 'erase', 'draw'];

/** The action of a key on the timeline, or null; `command` is what needs the page: play, rename, insert. */
export function actionOfKey(state, { key, shiftKey = false, altKey = false, ctrlKey = false, metaKey = false }) {
  const control = ctrlKey || metaKey;
  const lower = key.length === 1 ? key.toLowerCase() : key;
  if (!state.result || state.live) return null;
  if (control && lower === 'z') return { type: shiftKey ? 'redo' : 'undo' };
  if (control && lower === 'y') return { type: 'redo' };
  if (control) return null;
  const edit = (document) => ({ type: 'edited', document });
  const { document, selected } = state;
  if (altKey) {
    const by = { ArrowLeft: -NUDGE_SECONDS, ArrowRight: NUDGE_SECONDS }[key];
    return by && document && selectedInterval(state) ? edit(selectionEdits[shiftKey ? 'moveEnd' : 'moveStart'](state, by)) : null;
  }
  const total = state.result.frames / state.result.fps;
  const frames = (count) => {
    const frame = clip(Math.floor(state.time * state.result.fps + 1e-6) + count, 0, state.result.frames - 1);
    return { type: 'seek', time: (frame + 0.5) / state.result.fps };
  };
  const isDrawing = document && state.tool !== 'select';
  const selectBy = (by) => {
    const tier = alignmentOf(state)?.[selected.tier];
    return tier ? { type: 'select', tier: selected.tier, index: clip(selected.index + by, 0, tier.length - 1) } : null;
  };
  const keys = {
    ' ': { type: 'command', command: 'play' },
    ArrowLeft: frames(shiftKey ? -10 : -1),
    ArrowRight: frames(shiftKey ? 10 : 1),
    Home: { type: 'seek', time: 0 },
    End: { type: 'seek', time: total },
    '+': { type: 'zoom', by: 1.6 },
    '=': { type: 'zoom', by: 1.6 },
    '-': { type: 'zoom', by: 1 / 1.6 },
    0: { type: 'view', from: 0, span: total },
    c: { type: 'comparing', on: !state.comparing },
    PageUp: selectBy(-1),
    PageDown: selectBy(1),
    t: { type: 'selectAt', tier: selected.tier === 'phones' ? 'words' : 'phones', time: selectedInterval(state)?.start ?? state.time },
    Enter: { type: 'command', command: 'rename' },
    Insert: document && { type: 'command', command: 'insert' },
    i: document && { type: 'command', command: 'insert' },
    Delete: document && selectedInterval(state) && edit(selectionEdits.remove(state)),
    ArrowUp: isDrawing && edit(raise(state, 1)),
    ArrowDown: isDrawing && edit(raise(state, -1)),
  };
  if (/^[1-4]$/.test(key)) return document ? { type: 'tool', tool: TOOLS[key - 1] } : null;
  return Object.hasOwn(keys, lower) ? keys[lower] || null : null;
}
