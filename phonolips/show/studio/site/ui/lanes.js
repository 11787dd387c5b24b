// Draws the timeline's lanes from the state alone.

import { BILABIALS, NUM_PHONES } from '../engine/inventory.js';
import { MODEL_FPS, STEPS_PER_SECOND } from '../engine/timebase.js';
import { limits, markEvery, parameterLimits, toTime, toX } from './axis.js';
import { envelope, openings, widths } from './derived.js';
import { alignmentOf, lipParametersOf, posteriorsOf, selectedInterval } from './state.js';

const FONT = 'system-ui, sans-serif';
const DASHES = [[], [6, 3], [2, 3]];

/** Read the page's colours, which the theme sets. */
export function readColours(element) {
  const style = getComputedStyle(element);
  const names = ['ground', 'ink', 'faint', 'rule', 'raised', 'edge', 'posterior', 'wave', 'bilabial', 'head', 'chosen', 'curve0', 'curve1', 'curve2', 'curve3'];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function label(context, text, x, y, colour, { align = 'center', size = 11 } = {}) {
  context.font = `${size}px ${FONT}`;
  context.fillStyle = colour;
  context.textAlign = align;
  context.textBaseline = 'middle';
  context.fillText(text, x, y);
}

/** Draw everything; `paper` is {context, width, colours, layout, say}, `say` gives a lane's name to people. */
export function drawLanes(paper, state) {
  const { context, width, layout } = paper;
  context.clearRect(0, 0, width, layout.height);
  for (const lane of layout.lanes) {
    DRAWERS[lane.name](paper, state, lane);
    if (lane.name === 'posteriors' || lane.name === 'axis') continue;
    const name = paper.say(lane.name);
    const small = layout.gutter < 60;
    label(context, small ? name.slice(0, 7) : name, layout.gutter - 6, lane.top + (lane.height > 45 ? 8 : lane.height / 2), paper.colours.ink, { align: 'right', size: small ? 10 : 11.5 });
  }
}

function clipped({ context, layout }, lane, draw) {
  context.save();
  context.beginPath();
  context.rect(layout.gutter, lane.top - 1, layout.plotWidth, lane.height + 2);
  context.clip();
  draw();
  context.restore();
}

function drawAxis({ context, layout, colours }, { view }, lane) {
  const every = markEvery(view[1] - view[0], layout.plotWidth);
  const digits = every < 0.1 ? 2 : every < 1 ? 1 : 0;
  context.strokeStyle = colours.rule;
  context.lineWidth = 1;
  for (let mark = Math.ceil(view[0] / every - 1e-6); mark * every <= view[1] + 1e-9; mark++) {
    const x = toX(layout, view, mark * every);
    context.beginPath();
    context.moveTo(x, lane.top + lane.height - 4);
    context.lineTo(x, lane.top + lane.height);
    context.stroke();
    label(context, (mark * every).toFixed(digits), x, lane.top + 7, colours.faint);
  }
  label(context, 's', layout.gutter - 18, lane.top + 7, colours.faint, { align: 'right' });
}

function drawSound({ context, layout, colours }, { view, result }, lane) {
  const pairs = envelope(result);
  const [middle, half] = [lane.top + lane.height / 2, lane.height / 2 - 1];
  context.fillStyle = colours.wave;
  for (let x = 0; x < layout.plotWidth; x++) {
    const first = Math.floor(toTime(layout, view, layout.gutter + x) * 200);
    const last = Math.max(first + 1, Math.floor(toTime(layout, view, layout.gutter + x + 1) * 200));
    let [low, high] = [0, 0];
    for (let i = Math.max(first, 0); i < Math.min(last, pairs.length / 2); i++) {
      low = Math.min(low, pairs[2 * i]);
      high = Math.max(high, pairs[2 * i + 1]);
    }
    context.fillRect(layout.gutter + x, middle - high * half, 1, Math.max(1, (high - low) * half));
  }
}

const inView = (tier, [from, to]) => tier.filter(({ start, end }) => end > from && start < to);

function drawTier(paper, state, lane) {
  const { context, layout, colours } = paper;
  const chosen = state.selected.tier === lane.name ? selectedInterval(state) : null;
  const shown = inView(alignmentOf(state)[lane.name], state.view);
  clipped(paper, lane, () => {
    for (const one of shown) {
      const [left, right] = [toX(layout, state.view, one.start), toX(layout, state.view, one.end)];
      context.fillStyle = one === chosen ? colours.chosen : lane.name === 'phones' && BILABIALS.includes(one.label) ? colours.bilabial : colours.raised;
      context.fillRect(left, lane.top, right - left, lane.height);
      context.strokeStyle = colours.edge;
      context.lineWidth = 1;
      context.strokeRect(Math.round(left) + 0.5, lane.top + 0.5, Math.round(right - left), lane.height - 1);
      const middle = (Math.max(left, layout.gutter) + Math.min(right, layout.gutter + layout.plotWidth)) / 2;
      context.font = `12px ${FONT}`;
      if (context.measureText(one.label).width < right - left + 2) label(context, one.label, middle, lane.top + lane.height / 2, one.label === 'sil' ? colours.faint : colours.ink, { size: 12 });
    }
  });
}

function drawPosteriors(paper, state, lane) {
  const { context, layout, colours } = paper;
  const { rows } = layout;
  const posteriors = posteriorsOf(state);
  const steps = posteriors.length / NUM_PHONES;
  const columns = Math.max(1, Math.round(layout.plotWidth));
  const picture = new ImageData(columns, rows.length);
  const rgb = colours.posterior.split(',').map(Number);
  for (let x = 0; x < columns; x++) {
    const first = Math.max(0, Math.floor(toTime(layout, state.view, layout.gutter + x + 0.5) * STEPS_PER_SECOND));
    const last = Math.min(steps, Math.max(first + 1, Math.floor(toTime(layout, state.view, layout.gutter + x + 1.5) * STEPS_PER_SECOND)));
    rows.forEach(({ id }, row) => {
      let most = 0;
      for (let step = first; step < last; step++) most = Math.max(most, posteriors[step * NUM_PHONES + id]);
      picture.data.set([...rgb, most * 255], (row * columns + x) * 4);
    });
  }
  const buffer = new OffscreenCanvas(columns, rows.length);
  buffer.getContext('2d').putImageData(picture, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(buffer, layout.gutter, lane.top, layout.plotWidth, lane.height);
  const height = lane.height / rows.length;
  rows.forEach(({ name }, row) => {
    const isBrush = (state.tool === 'paint' || state.tool === 'erase') && name === state.brush.phone;
    label(context, name, layout.gutter - 6, lane.top + (row + 0.5) * height, isBrush ? colours.head : colours.ink, { align: 'right', size: 9.5 });
  });
  context.strokeStyle = colours.edge;
  context.lineWidth = 1;
  context.strokeRect(layout.gutter + 0.5, lane.top + 0.5, layout.plotWidth - 1, lane.height - 1);
}

function drawLine({ context, layout }, view, lane, values, { stride = 1, offset = 0, rate, bounds: [low, high], colour, dash = [], width = 1.6 }) {
  const count = values.length / stride;
  const first = Math.max(0, Math.floor(view[0] * rate - 1));
  const last = Math.min(count, Math.ceil(view[1] * rate + 1));
  const every = Math.max(1, Math.floor((last - first) / layout.plotWidth / 2));
  context.beginPath();
  for (let i = first; i < last; i += every) {
    const y = lane.top + lane.height - ((values[i * stride + offset] - low) / (high - low)) * lane.height;
    context[i === first ? 'moveTo' : 'lineTo'](toX(layout, view, (i + 0.5) / rate), y);
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}

function drawFrame({ context, layout, colours }, lane, [low, high], digits) {
  context.strokeStyle = colours.rule;
  context.lineWidth = 1;
  context.strokeRect(layout.gutter + 0.5, lane.top + 0.5, layout.plotWidth - 1, lane.height - 1);
  const every = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5].find((span) => (span / (high - low)) * lane.height > 16) ?? 5;
  for (let mark = Math.ceil(low / every); mark * every <= high; mark++) {
    const y = lane.top + (lane.height * (high - mark * every)) / (high - low);
    if (mark === 0) context.strokeRect(layout.gutter, y, layout.plotWidth, 0);
    if (y > lane.top + 22 && y < lane.top + lane.height - 2) label(context, (mark * every).toFixed(digits).replace('-', '−'), layout.gutter - 6, y, colours.faint, { align: 'right', size: 9.5 });
  }
}

function drawParameters(paper, state, lane) {
  const values = lipParametersOf(state);
  const names = state.result.lipParameterNames;
  const bounds = parameterLimits(values);
  drawFrame(paper, lane, bounds, 0);
  clipped(paper, lane, () => {
    const line = (array, i, more) =>
      drawLine(paper, state.view, lane, array, { stride: names.length, offset: i, rate: MODEL_FPS, bounds, dash: DASHES[i % 3], ...more });
    const old = state.comparing ? state.before?.lipParameters : null;
    names.forEach((name, i) => {
      if (old) line(old, i, { colour: paper.colours.faint, width: 1 });
      line(values, i, { colour: paper.colours[`curve${(i % 3) + 1}`], width: i === state.parameter && state.tool === 'draw' ? 3 : 1.5 });
    });
    let x = paper.layout.gutter + 6;
    names.forEach((name, i) => {
      const text = paper.say(`parameter.${name}`);
      label(paper.context, text, x, lane.top + 9, paper.colours[`curve${(i % 3) + 1}`], { align: 'left' });
      x += paper.context.measureText(text).width + 12;
    });
  });
}

function drawCurve(paper, state, lane) {
  const { context, layout, colours } = paper;
  const curve = lane.name === 'opening' ? openings : widths;
  const values = curve(state.result);
  const old = state.comparing && state.before ? curve(state.before) : null;
  const all = old ? [...values, ...old] : values;
  const bounds = lane.name === 'opening' ? limits(all, 0.05, 0) : limits(all, 0.1);
  clipped(paper, lane, () => {
    context.fillStyle = colours.bilabial;
    for (const one of inView(alignmentOf(state)?.phones ?? [], state.view)) {
      if (BILABIALS.includes(one.label)) context.fillRect(toX(layout, state.view, one.start), lane.top, toX(layout, state.view, one.end) - toX(layout, state.view, one.start), lane.height);
    }
  });
  drawFrame(paper, lane, bounds, 2);
  clipped(paper, lane, () => {
    if (old) drawLine(paper, state.view, lane, old, { rate: state.before.fps, bounds, colour: colours.ink, dash: [4, 3], width: 1.2 });
    drawLine(paper, state.view, lane, values, { rate: state.result.fps, bounds, colour: colours.curve0 });
  });
}

const DRAWERS = {
  axis: drawAxis,
  sound: drawSound,
  words: drawTier,
  phones: drawTier,
  posteriors: drawPosteriors,
  parameters: drawParameters,
  opening: drawCurve,
  width: drawCurve,
};
