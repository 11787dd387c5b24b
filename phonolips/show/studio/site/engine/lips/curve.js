// The continuous lip curve, read at any time; follows phonolips/lips/curve.py (PCHIP: Fritsch and Carlson, 1980).

import { exactFps, framesIn, MODEL_FPS } from '../timebase.js';

/** The derivative at a knot between two slopes of equal steps: their harmonic mean, 0 where they turn. */
function inner(left, right) {
  return left * right > 0 ? 1 / ((3 / left + 3 / right) / 6) : 0;
}

/** The derivative at an end: a parabola through three knots, held back where it would overshoot. */
function end(near, next) {
  const derivative = (3 * near - next) / 2;
  if (Math.sign(derivative) !== Math.sign(near)) return 0;
  if (Math.sign(near) !== Math.sign(next) && Math.abs(derivative) > 3 * Math.abs(near)) return 3 * near;
  return derivative;
}

/**
 * Read the shape-preserving cubic through the centres of frames at some times.
 * `values` (frames * width) at `fps`; `times` in seconds, beyond the ends the lips stand still.
 */
export function readCurve(values, width, fps, times) {
  const frames = values.length / width;
  const result = new Float32Array(times.length * width);
  if (frames === 1) {
    for (let i = 0; i < times.length; i++) result.set(values, i * width);
    return result;
  }
  const slope = (knot, number) => (values[(knot + 1) * width + number] - values[knot * width + number]) * fps;
  const derivative = (knot, number) => {
    if (frames === 2) return slope(0, number);
    if (knot === 0) return end(slope(0, number), slope(1, number));
    if (knot === frames - 1) return end(slope(frames - 2, number), slope(frames - 3, number));
    return inner(slope(knot - 1, number), slope(knot, number));
  };
  for (let i = 0; i < times.length; i++) {
    const time = Math.min(Math.max(times[i], 0.5 / fps), (frames - 0.5) / fps);
    let knot = Math.min(Math.max(Math.floor(time * fps - 0.5), 0), frames - 2);
    if (time < (knot + 0.5) / fps && knot > 0) knot--;
    else if (knot < frames - 2 && time >= (knot + 1.5) / fps) knot++;
    const since = time - (knot + 0.5) / fps;
    for (let number = 0; number < width; number++) {
      const straight = slope(knot, number);
      const [one, two] = [derivative(knot, number), derivative(knot + 1, number)];
      const excess = (one + two - 2 * straight) * fps;
      const square = (straight - one) * fps - excess;
      result[i * width + number] = values[knot * width + number] + since * (one + since * (square + since * excess * fps));
    }
  }
  return result;
}

/** Read lips at another frame rate so that they cover `seconds`; themselves where the rate stays. */
export function resample(values, width, { fps, seconds, sourceFps = MODEL_FPS }) {
  const [rate, source] = [exactFps(fps), exactFps(sourceFps)];
  const frames = framesIn(seconds, rate);
  if (rate === source && frames * width <= values.length) return values.subarray(0, frames * width);
  return readCurve(values, width, source, Float64Array.from({ length: frames }, (_, i) => (i + 0.5) / rate));
}
