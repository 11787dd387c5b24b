// Where things lie on the timeline: lanes from top to bottom, and time from left to right.

import { PHONES, VISEMES } from '../engine/inventory.js';
import { posteriorsOf, alignmentOf, lipParametersOf } from './state.js';

const SHOWN_POSTERIOR = 0.1; // a phone that never gets this far has no row
const ROW = 11;
const cache = new WeakMap();

function peaksOf(posteriors) {
  if (!cache.has(posteriors)) {
    const peaks = new Float32Array(PHONES.length);
    for (let i = 0; i < posteriors.length; i++) if (posteriors[i] > peaks[i % PHONES.length]) peaks[i % PHONES.length] = posteriors[i];
    cache.set(posteriors, peaks);
  }
  return cache.get(posteriors);
}

/** The phones that have a row, by viseme: all of them where one may be painted. */
export function phoneRows(state) {
  const posteriors = posteriorsOf(state);
  if (!posteriors) return [];
  const peaks = peaksOf(posteriors);
  const said = new Set(alignmentOf(state)?.phones.map(({ label }) => label));
  const all = state.tool === 'paint' || state.tool === 'erase';
  return Object.values(VISEMES)
    .flat()
    .map((name) => ({ name, id: PHONES.indexOf(name) }))
    .filter(({ name, id }) => all || peaks[id] >= SHOWN_POSTERIOR || said.has(name));
}

/** Lay out the lanes of a state: {gutter, plotWidth, height, rows, lanes: [{name, top, height}]}. */
export function layOut(state, width) {
  const gutter = width < 560 ? 46 : 84;
  const rows = phoneRows(state);
  const has = [
    ['axis', 20, true],
    ['sound', 40, Boolean(state.result?.samples)],
    ['words', 30, Boolean(alignmentOf(state)?.words.some(({ label }) => label))],
    ['phones', 34, Boolean(alignmentOf(state))],
    ['posteriors', rows.length * ROW, rows.length > 0],
    ['parameters', 96, lipParametersOf(state) !== null],
    ['opening', 62, Boolean(state.result)],
    ['width', 52, Boolean(state.result)],
  ];
  let top = 0;
  const lanes = [];
  for (const [name, height, shown] of has) {
    if (!shown) continue;
    lanes.push({ name, top, height });
    top += height + 6;
  }
  return { gutter, plotWidth: Math.max(50, width - gutter - 8), height: top, rows, lanes };
}

export const toX = ({ gutter, plotWidth }, [from, to], time) => gutter + ((time - from) / (to - from)) * plotWidth;
export const toTime = ({ gutter, plotWidth }, [from, to], x) => from + ((x - gutter) / plotWidth) * (to - from);
export const laneAt = ({ lanes }, y) => lanes.find(({ top, height }) => y >= top && y < top + height) ?? null;

/** The bounds of a curve: some least range, and a little room. */
export function limits(values, least, low = Infinity) {
  let high = -Infinity;
  let bottom = low;
  for (const value of values) {
    if (value < bottom) bottom = value;
    if (value > high) high = value;
  }
  const spare = Math.max(0, least - (high - bottom)) / 2 + 0.05 * (high - bottom);
  return [bottom - (low === Infinity ? spare : 0), high + spare];
}

/** The bounds of the lip parameters: whole standard deviations, three at least, so that drawing has room. */
export const parameterLimits = (values) => {
  const [low, high] = limits(values, 2);
  return [Math.min(-3, Math.floor(low)), Math.max(3, Math.ceil(high))];
};

/** The time between marks on the axis: as close as leaves them readable. */
export const markEvery = (span, plotWidth) =>
  [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600].find((every) => (every / span) * plotWidth > 50) ?? 1800;
