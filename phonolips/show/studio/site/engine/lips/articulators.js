// Protrusion, bites, tongue and teeth, from the phones; follows phonolips/lips/articulators.py and shaping.py.

import { alignmentToPosteriors } from '../alignment.js';
import { NUM_PHONES, PHONE_IDS } from '../inventory.js';
import { ARTICULATION, ARTICULATORS, SHAPING, SHAPING_LIMITS } from '../tables.js';
import { frameCentres, interpolate, stepCentres, STEPS_PER_SECOND } from '../timebase.js';
import { INNER, meanShape, OUTER } from './shapes.js';
import { smoothGaussian } from './motion.js';

const KINDS = ARTICULATORS.length;

/** How far through a phone each step is: 0 to 1 over every run of steps in which it is said. */
function progress(posteriors, phone, steps) {
  const through = new Float32Array(steps);
  const at = (step) => posteriors[step * NUM_PHONES + phone];
  for (let start = 0; start < steps; start++) {
    if (at(start) < ARTICULATION.leastPosterior) continue;
    let end = start;
    let total = 0;
    while (end < steps && at(end) >= ARTICULATION.leastPosterior) total += at(end++);
    for (let step = start, before = 0; step < end; step++) {
      through[step] = (before + at(step) / 2) / total;
      before += at(step);
    }
    start = end;
  }
  return through;
}

/** Compute the five curves from posteriors: Float32Array (steps * 5), 0 to 1. */
export function articulatorsOfPosteriors(posteriors) {
  const steps = posteriors.length / NUM_PHONES;
  const { first, last, minds } = ARTICULATION;
  const both = ARTICULATORS.map(() => new Float32Array(steps * 2)); // what is wanted, and how much it is minded
  for (let step = 0; step < steps; step++) {
    for (let phone = 0; phone < NUM_PHONES; phone++) {
      const share = posteriors[step * NUM_PHONES + phone];
      if (!share) continue;
      for (let kind = 0; kind < KINDS; kind++) {
        both[kind][2 * step] += share * minds[phone][kind] * first[phone][kind];
        both[kind][2 * step + 1] += share * minds[phone][kind];
      }
    }
  }
  for (const name of ARTICULATION.moving) {
    const phone = PHONE_IDS[name];
    const through = progress(posteriors, phone, steps);
    for (let kind = 0; kind < KINDS; kind++) {
      const by = minds[phone][kind] * (last[phone][kind] - first[phone][kind]);
      if (by) for (let step = 0; step < steps; step++) both[kind][2 * step] += posteriors[step * NUM_PHONES + phone] * through[step] * by;
    }
  }
  const curves = new Float32Array(steps * KINDS);
  both.forEach((pair, kind) => {
    const smooth = smoothGaussian(pair, 2, ARTICULATION.smoothingSeconds[kind] * STEPS_PER_SECOND);
    for (let step = 0; step < steps; step++) {
      curves[step * KINDS + kind] = Math.min(Math.max(smooth[2 * step] / Math.max(smooth[2 * step + 1], 1e-9), 0), 1);
    }
  });
  return curves;
}

/** Compute the five curves for a result's frames: Float32Array (frames * 5); null where nothing is known of phones. */
export function articulatorsOf({ frames, fps, alignment, posteriors }) {
  if (!posteriors && !alignment) return null;
  const known = posteriors ?? alignmentToPosteriors(alignment, Math.ceil((frames / fps) * STEPS_PER_SECOND) + 1);
  const curves = articulatorsOfPosteriors(known);
  const steps = curves.length / KINDS;
  const times = frameCentres(frames, fps);
  const centres = stepCentres(steps);
  const result = new Float32Array(frames * KINDS);
  for (let kind = 0; kind < KINDS; kind++) {
    const read = interpolate(times, centres, curves, KINDS, kind);
    for (let i = 0; i < frames; i++) if (times[i] <= steps / STEPS_PER_SECOND) result[i * KINDS + kind] = read[i];
  }
  return result;
}

/** What `shapeLips` of the page's lips.js takes for a result's mouth. */
export function shapeNumbers({ lips }) {
  const rest = meanShape(lips);
  const mouthWidth = rest[2 * OUTER.right] - rest[2 * OUTER.left];
  const middle = INNER.upper.length >> 1;
  const line = (rest[2 * INNER.upper[middle] + 1] + rest[2 * INNER.lower[middle] + 1]) / 2;
  const lift = (rest[2 * OUTER.left + 1] + rest[2 * OUTER.right + 1]) / 2 - line;
  return {
    ...SHAPING,
    roundWidth: (1 - SHAPING_LIMITS.narrowing) * Math.min(mouthWidth, SHAPING_LIMITS.smileWidth),
    smileLift: Math.max(lift - SHAPING_LIMITS.smileLift, 0),
  };
}
