// The drawn mouth: the paint of `phonolips/show/page/page.py` (MOUTH) on a canvas.

import { shapeLips } from '../engine/shape_lips.js';
import { ARTICULATORS, SHAPING } from '../engine/tables.js';
import { articulatorsAt, lipsAt, mouthView, shaping } from './derived.js';

// Equal to MOUTH of phonolips/show/page/page.py; tests/test_studio_ui.py compares them.
export const PAINT = {
  "share": 0.74,
  "percentiles": [3, 97],
  "skin": [[0, "#eccfbd"], [1, "#dcb7a1"]],
  "lips": [[0, "#a85452"], [0.5, "#b9605d"], [0.8, "#d07f79"], [1, "#b7625e"]],
  "edge": "#8a4a48",
  "edgeWidth": 1,
  "upperShade": "rgba(110, 40, 42, .28)",
  "inside": "#3a1418",
  "seamWidth": 1.6,
  "teeth": "#e8e0d4",
  "teethSag": 0.04,
  "tongue": "#c9787c",
  "tipHalfWidth": 0.17,
  "tipShare": 0.62,
  "raisedHalfWidth": 0.24,
  "raisedShare": 0.7
};

/** Continue a path along points as Bezier spans (Catmull-Rom), so that the corners of the mouth stay sharp. */
function trace(context, half) {
  for (let i = 0; i < half.length - 1; i++) {
    const [a, b] = [half[i], half[i + 1]];
    const [before, after] = [half[i - 1] ?? a, half[i + 2] ?? b];
    context.bezierCurveTo(a[0] + (b[0] - before[0]) / 6, a[1] + (b[1] - before[1]) / 6, b[0] - (after[0] - a[0]) / 6, b[1] - (after[1] - a[1]) / 6, b[0], b[1]);
  }
}

function path(context, ...parts) {
  context.beginPath();
  context.moveTo(...parts[0][0]);
  for (const part of parts) trace(context, part);
  context.closePath();
}

function gradient(context, top, bottom, stops) {
  const made = context.createLinearGradient(0, top, 0, bottom);
  for (const [place, colour] of stops) made.addColorStop(place, colour);
  return made;
}

/** From left to right along the upper lip, and back along the lower one. */
function ringHalves(shape, { left, right, upper, lower }) {
  const along = (points) => [left, ...points, right].map((point) => shape[point]);
  return { upper: along(upper), lower: along(lower).reverse() };
}

function projection(view, width, height) {
  const scale = (Math.min(width, height) * PAINT.share) / view.extent;
  return { scale, teeth: view.teeth, toPixel: ([x, y]) => [width / 2 + (x - view.x) * scale, height / 2 - (y - view.y) * scale] };
}

/** Draw the mouth of a result at a time; `view` is where the mouth stands. */
export function drawMouth(context, width, height, result, time, view = mouthView(result)) {
  const { scale, teeth, toPixel } = projection(view, width, height);
  const row = articulatorsAt(result, time);
  const amount = (name) => row[ARTICULATORS.indexOf(name)];
  const shape = shapeLips(lipsAt(result, time), row, shaping(result)).map(toPixel);
  const [outer, inner] = [ringHalves(shape, SHAPING.outer), ringHalves(shape, SHAPING.inner)];
  context.fillStyle = gradient(context, 0, height, PAINT.skin);
  context.fillRect(0, 0, width, height);
  const bottom = Math.max(...outer.lower.map(([, y]) => y));
  const lipTop = Math.min(...outer.upper.map(([, y]) => y));
  path(context, outer.upper, outer.lower);
  context.fillStyle = gradient(context, lipTop, bottom, PAINT.lips);
  context.fill();
  context.strokeStyle = PAINT.edge;
  context.lineWidth = PAINT.edgeWidth;
  context.stroke();
  path(context, outer.upper, [...inner.upper].reverse());
  context.fillStyle = PAINT.upperShade;
  context.fill();
  path(context, inner.upper, inner.lower);
  context.save();
  context.clip();
  context.fillStyle = PAINT.inside;
  context.fillRect(0, 0, width, height);
  drawInside(context, { scale, inner, amount, height, edge: toPixel([0, teeth])[1] });
  context.restore();
  path(context, inner.upper, inner.lower);
  context.strokeStyle = PAINT.inside;
  context.lineWidth = PAINT.seamWidth;
  context.stroke();
}

function drawInside(context, { scale, inner, amount, height, edge: gumLine }) {
  const sag = PAINT.teethSag * scale;
  const [left, right] = [inner.upper[0][0], inner.upper.at(-1)[0]];
  const top = Math.min(...inner.upper.map(([, y]) => y));
  const floor = Math.max(...inner.lower.map(([, y]) => y));
  const tip = (name, halfWidth, share) => {
    if (!amount(name) || floor <= top) return;
    context.globalAlpha = amount(name);
    context.fillStyle = PAINT.tongue;
    context.beginPath();
    context.ellipse((left + right) / 2, floor, halfWidth * scale, share * (floor - top), 0, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 1;
  };
  tip('tongue_up', PAINT.raisedHalfWidth, PAINT.raisedShare);
  // The upper teeth are higher where a tongue lies under them.
  const edge = Math.min(gumLine, floor - amount('tongue_between') * PAINT.tipShare * (floor - top));
  context.fillStyle = PAINT.teeth;
  context.beginPath();
  context.moveTo(left, 0);
  context.lineTo(right, 0);
  context.lineTo(right, edge - sag);
  context.quadraticCurveTo((left + right) / 2, edge + sag, left, edge - sag);
  context.fill();
  // Teeth on the lower lip, or together, fill the gap.
  context.globalAlpha = Math.max(amount('biting'), amount('teeth_together'));
  context.fillRect(left, 0, right - left, height);
  context.globalAlpha = amount('teeth_together');
  context.strokeStyle = PAINT.inside;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(left, edge - sag);
  context.quadraticCurveTo((left + right) / 2, edge + sag, right, edge - sag);
  context.stroke();
  context.globalAlpha = 1;
  tip('tongue_between', PAINT.tipHalfWidth, PAINT.tipShare);
}

/** Draw the outlines of another result's mouth over it, in the view of the first. */
export function drawGhost(context, width, height, result, other, time) {
  const { toPixel } = projection(mouthView(result), width, height);
  const shape = shapeLips(lipsAt(other, time), articulatorsAt(other, time), shaping(other)).map(toPixel);
  context.save();
  context.strokeStyle = '#0b3d6b';
  context.setLineDash([6, 4]);
  context.lineWidth = 2;
  for (const ring of [SHAPING.outer, SHAPING.inner]) {
    const { upper, lower } = ringHalves(shape, ring);
    path(context, upper, lower);
    context.stroke();
  }
  context.restore();
}
