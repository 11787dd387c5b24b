// Draws mouth, avatar and lanes whenever the state has changed, once a screen frame at most.

import { layOut, toX } from './axis.js';
import { arkitAt, mouthView, openings, settleView, widths } from './derived.js';
import { drawFace } from './face.js';
import { drawLanes, readColours } from './lanes.js';
import { drawGhost, drawMouth } from './mouth.js';
import { alignmentOf, shownState } from './state.js';
import { say } from './strings.js';

const WHAT_LANES_SHOW = ['result', 'document', 'view', 'tool', 'selected', 'brush', 'parameter', 'before', 'comparing', 'language', 'theme', 'live'];

function fit(canvas, height = canvas.clientHeight) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  canvas.style.height = canvas.id === 'lanes' ? `${height}px` : '';
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) Object.assign(canvas, { width: across, height: down });
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height };
}

const frameAt = ({ frames, fps }, time) => Math.min(Math.max(Math.floor(time * fps + 1e-6), 0), frames - 1);

/** Paint the face of a result at a time. */
export const paintFace = (context, width, height, result, time, ground) => drawFace(context, width, height, arkitAt(result, frameAt(result, time)), time, ground);

/** Keep the pictures as the state is; `elements` by their ids. Returns {layoutOf}. */
export function attachPictures(elements, store) {
  const { mouth, face, lanes, timeline, head, phone, word, numbers } = elements;
  let layout = layOut(store.state, 600);
  let drawn = null;
  let waits = false;
  let liveView = null;

  function drawMouths(state, colours) {
    const { result, time, language } = state;
    liveView = state.live ? settleView(liveView, result) : null;
    const paper = fit(mouth);
    drawMouth(paper.context, paper.width, paper.height, result, time, liveView ?? mouthView(result));
    if (state.comparing && state.before) drawGhost(paper.context, paper.width, paper.height, result, state.before, time);
    const other = fit(face);
    paintFace(other.context, other.width, other.height, result, time, colours.raised);
    const at = (tier) => alignmentOf(state)?.[tier].find(({ start, end }) => time >= start && time < end)?.label ?? '';
    const frame = frameAt(result, time);
    const opening = Math.max(openings(result)[frame], 0).toFixed(3);
    phone.textContent = at('phones') || '–';
    word.textContent = at('words');
    numbers.textContent = `${say(language, 'opening')} ${opening} · ${say(language, 'width')} ${widths(result)[frame].toFixed(3)}`;
    if (!state.playing && !state.live) mouth.setAttribute('aria-label', say(language, 'mouth.label', { phone: at('phones'), opening }));
  }

  function draw() {
    waits = false;
    const now = store.state;
    const state = shownState(now);
    const colours = readColours(document.documentElement);
    if (!drawn || WHAT_LANES_SHOW.some((name) => now[name] !== drawn[name])) {
      layout = layOut(state, lanes.clientWidth);
      const { context, width } = fit(lanes, state.result ? layout.height : 120);
      if (state.result) drawLanes({ context, width, layout, colours, say: (key) => say(state.language, key) }, state);
    }
    head.hidden = !state.result;
    if (state.result) {
      const x = toX(layout, state.view, state.time);
      head.hidden = x < layout.gutter - 1 || x > layout.gutter + layout.plotWidth + 1;
      head.style.transform = `translateX(${x}px)`;
      drawMouths(state, colours);
    } else mouth.setAttribute('aria-label', say(state.language, 'mouth.empty'));
    drawn = now;
  }

  const redraw = () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(draw);
  };
  const redrawAll = () => {
    drawn = null;
    redraw();
  };
  store.subscribe(redraw);
  new ResizeObserver(redrawAll).observe(timeline);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redrawAll);
  redraw();
  return { layoutOf: () => layout };
}
