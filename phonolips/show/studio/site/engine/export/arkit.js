// ARKit blendshape weights for lips, and the files that hold them; follows phonolips/export/{blendshapes,arkit}.py.

import { alignmentToLabels, alignmentToPosteriors } from '../alignment.js';
import { IGNORED_ID, NUM_PHONES, PHONE_IDS, SILENCE_ID } from '../inventory.js';
import { smoothGaussian } from '../lips/motion.js';
import { INNER, innerGaps, LIP_NUMBERS, LIP_POINTS, neutralMouth, opening, OUTER } from '../lips/shapes.js';
import { ARKIT, LIVE_LINK_NAMES } from '../tables.js';
import { frameCentres, interpolate, stepCentres, STEPS_PER_SECOND } from '../timebase.js';
import { lipsAt } from './tables.js';

export const ARKIT_NAMES = ARKIT.names;
const { sizes: SIZES, spreads: SPREADS } = ARKIT;
const POINT_NOISE = 0.015;
const SEPARATION_WEIGHT = 2;
const PHONE_SMOOTHING_SECONDS = 0.04;
const TONGUE_OPENING = 0.02;
const [LEAST_STEP, MOST_SWEEPS] = [1e-5, 500];
const [SEAM_DROP, CORNER_DROP, CLOSED_STRETCH] = [0.45, 0.3, 0.12];
const LIVE_LINK_FPS = 60;
const isIn = (points) => Array.from({ length: LIP_POINTS }, (_, point) => (points.includes(point) ? 1 : 0));
const UPPER = isIn([...OUTER.upper, ...INNER.upper]);
const LOWER = isIn([...OUTER.lower, ...INNER.lower]);
const ON_OUTER = isIn(Array.from({ length: LIP_POINTS / 2 }, (_, point) => point));
const clip = (value, low, high) => Math.min(Math.max(value, low), high);
const pairName = (name, side) => ({ mouthSide: `mouth${side}`, jawSide: `jaw${side}` })[name] ?? name + side;

/** Compute where each shape at weight 1 moves the points of a closed mouth (80,): name -> Float64Array (80,). */
export function shapeDisplacements(rest) {
  const across = new Float64Array(LIP_POINTS);
  [OUTER, INNER].forEach((ring, half) => {
    const [low, high] = [rest[2 * ring.left], rest[2 * ring.right]];
    for (let point = 20 * half; point < 20 * (half + 1); point++) {
      across[point] = clip((rest[2 * point] - (low + high) / 2) / Math.max((high - low) / 2, 1e-6), -1, 1);
    }
  });
  const middle = across.map((a) => 1 - a * a);
  const broad = middle.map(Math.sqrt);
  const corner = across.map((a) => a * a);
  const move = (x, y) => {
    const made = new Float64Array(LIP_NUMBERS);
    for (let i = 0; i < LIP_POINTS; i++) {
      made[2 * i] = x(i);
      made[2 * i + 1] = y(i);
    }
    return made;
  };
  const scaled = (size, made) => made.map((value) => size * value);
  const none = () => 0;
  const bowed = middle.map((m) => m ** 0.7);
  const jaw = (i) => -(UPPER[i] ? CORNER_DROP * (1 - bowed[i]) : CORNER_DROP + (1 - CORNER_DROP) * bowed[i]);
  const seam = (i) => -(CORNER_DROP + (SEAM_DROP - CORNER_DROP) * middle[i]);
  const units = {
    mouthFunnel: move((i) => -1.1 * across[i] * (0.4 + 0.6 * Math.abs(across[i])), (i) => middle[i] * (0.85 * UPPER[i] - LOWER[i])),
    mouthPucker: move((i) => -across[i] * (0.3 + 0.7 * Math.abs(across[i])), (i) => ON_OUTER[i] * middle[i] * (0.2 * UPPER[i] - 0.4 * LOWER[i])),
    mouthRollLower: move(none, (i) => ON_OUTER[i] * LOWER[i] * broad[i]),
    mouthRollUpper: move(none, (i) => -ON_OUTER[i] * UPPER[i] * broad[i]),
    mouthShrug: move(none, (i) => CORNER_DROP + (1 - CORNER_DROP) * broad[i]),
  };
  const shapes = Object.fromEntries(Object.entries(units).map(([name, unit]) => [name, scaled(SIZES[name], unit)]));
  shapes.jawOpen = move(none, (i) => SIZES.jawOpen * jaw(i));
  shapes.mouthClose = move(none, (i) => SIZES.jawOpen * seam(i) - (LOWER[i] && ON_OUTER[i] ? CLOSED_STRETCH * middle[i] : 0)).map((value, k) => value - shapes.jawOpen[k]);
  for (const [side, sign] of [['Left', 1], ['Right', -1]]) {
    const half = across.map((a) => {
      const h = clip(0.5 + 1.5 * sign * a, 0, 1);
      return h * h * (3 - 2 * h);
    });
    const sides = {
      mouthSide: move(() => sign, none),
      jawSide: move((i) => sign * LOWER[i] * middle[i], none),
      mouthSmile: move((i) => sign * 0.6 * corner[i] * half[i], (i) => 0.8 * corner[i] * half[i]),
      mouthFrown: move(none, (i) => -corner[i] * half[i]),
      mouthDimple: move((i) => sign * 0.97 * corner[i] * half[i], (i) => 0.2 * corner[i] * half[i]),
      mouthStretch: move((i) => sign * Math.abs(across[i]) * half[i], (i) => half[i] * (0.1 * ON_OUTER[i] * middle[i] * (LOWER[i] - UPPER[i]) - 0.2 * corner[i])),
      mouthPress: move(none, (i) => half[i] * broad[i] * ON_OUTER[i] * (LOWER[i] - 0.8 * UPPER[i])),
      mouthLowerDown: move(none, (i) => -half[i] * broad[i] * LOWER[i]),
      mouthUpperUp: move(none, (i) => half[i] * broad[i] * UPPER[i]),
    };
    for (const [name, unit] of Object.entries(sides)) shapes[pairName(name, side)] = scaled(SIZES[name], unit);
  }
  const both = shapes.mouthShrug;
  delete shapes.mouthShrug;
  shapes.mouthShrugLower = both.map((value, k) => value * (LOWER[k >> 1] + 0.5 * (LOWER[k >> 1] || UPPER[k >> 1] ? 0 : 1)));
  shapes.mouthShrugUpper = both.map((value, k) => value - shapes.mouthShrugLower[k]);
  return shapes;
}

/** How much of each phone is in each frame, smoothed over 40 ms: (frames * 40), or null. */
function phoneShares(frames, fps, alignment, posteriors) {
  if (!posteriors && !alignment) return null;
  const steps = Math.ceil((frames / fps) * STEPS_PER_SECOND) + 1;
  let shares = new Float32Array(steps * NUM_PHONES);
  if (posteriors) {
    shares.set(posteriors.subarray(0, shares.length));
    for (let at = Math.min(posteriors.length, shares.length) + SILENCE_ID; at < shares.length; at += NUM_PHONES) shares[at] = 1;
  } else {
    shares = alignmentToPosteriors(alignment, steps);
    alignmentToLabels(alignment, steps).forEach((label, step) => label === IGNORED_ID && shares.fill(0, step * NUM_PHONES, (step + 1) * NUM_PHONES));
  }
  const smooth = smoothGaussian(shares, NUM_PHONES, PHONE_SMOOTHING_SECONDS * STEPS_PER_SECOND);
  const [times, centres] = [frameCentres(frames, fps), stepCentres(steps)];
  const result = new Float64Array(frames * NUM_PHONES);
  for (let phone = 0; phone < NUM_PHONES; phone++) interpolate(times, centres, smooth, NUM_PHONES, phone).forEach((value, i) => (result[i * NUM_PHONES + phone] = value));
  return result;
}

/** Average the phones' weights of one shape over the phones in a frame. */
function expectedOf(name) {
  const table = ARKIT.phoneWeights.flatMap(([phones, weights]) => (weights[name] ? phones.map((phone) => [PHONE_IDS[phone], weights[name]]) : []));
  return (shares, frame) => (shares ? table.reduce((sum, [phone, weight]) => sum + shares[frame * NUM_PHONES + phone] * weight, 0) : 0);
}

/** Flatten a displacement and append the gaps between facing inner points, weighted. */
function withGaps(moves) {
  return Float64Array.from([...moves, ...innerGaps(moves).map((gap) => SEPARATION_WEIGHT * gap)], (value) => value / POINT_NOISE);
}

/** Solve a symmetric positive system by Cholesky's factors; returns a function right -> solution. */
export function solver(matrix) {
  const size = matrix.length;
  const low = matrix.map(() => new Float64Array(size));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row][column];
      for (let k = 0; k < column; k++) sum -= low[row][k] * low[column][k];
      low[row][column] = row === column ? Math.sqrt(sum) : sum / low[column][column];
    }
  }
  return (right) => {
    const found = Float64Array.from(right);
    for (let row = 0; row < size; row++) {
      for (let k = 0; k < row; k++) found[row] -= low[row][k] * found[k];
      found[row] /= low[row][row];
    }
    for (let row = size - 1; row >= 0; row--) {
      for (let k = row + 1; k < size; k++) found[row] -= low[k][row] * found[k];
      found[row] /= low[row][row];
    }
    return found;
  };
}

/** Turn lips into ARKit's mouth and jaw weights: name -> Float32Array (frames,), 0 to 1. */
export function arkitWeights(lips, fps, { alignment, posteriors, rest }) {
  const frames = lips.length / LIP_NUMBERS;
  const shares = phoneShares(frames, fps, alignment, posteriors);
  const shapes = shapeDisplacements(rest);
  shapes.mouthClose = shapes.mouthClose.map((value, k) => value + shapes.jawOpen[k]); // solved as: shut over a lowered jaw
  shapes.mouthShrug = shapes.mouthShrugLower.map((value, k) => value + shapes.mouthShrugUpper[k]);
  delete shapes.mouthShrugLower;
  delete shapes.mouthShrugUpper;
  const names = Object.keys(shapes);
  const bases = Object.fromEntries(Object.keys(SPREADS).flatMap((name) => ['Left', 'Right'].map((side) => [pairName(name, side), name])));
  const baseOf = names.map((name) => bases[name] ?? name);
  const expected = baseOf.map(expectedOf);
  const tightness = baseOf.map((name) => SPREADS[name] ** -2);
  const basis = names.map((name) => withGaps(shapes[name]));
  const dot = (one, two) => one.reduce((sum, value, k) => sum + value * two[k], 0);
  const square = basis.map((one, row) => Float64Array.from(basis, (two, column) => dot(one, two) + (row === column ? tightness[row] : 0)));
  const solve = solver(square);
  const solved = Object.fromEntries(names.map((name) => [name, new Float64Array(frames)]));
  for (let frame = 0; frame < frames; frame++) {
    const target = withGaps(Float64Array.from(rest, (value, k) => lips[frame * LIP_NUMBERS + k] - value));
    const pull = Float64Array.from(names, (_, k) => dot(basis[k], target) + expected[k](shares, frame) * tightness[k]);
    const weights = solve(pull).map((value) => clip(value, 0, 1));
    const slope = pull.map((value, k) => value - dot(square[k], weights));
    for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
      let largest = 0;
      for (let k = 0; k < names.length; k++) {
        const step = clip(weights[k] + slope[k] / square[k][k], 0, 1) - weights[k];
        if (!step) continue;
        weights[k] += step;
        for (let other = 0; other < names.length; other++) slope[other] -= square[k][other] * step;
        largest = Math.max(largest, Math.abs(step));
      }
      if (largest < LEAST_STEP) break;
    }
    names.forEach((name, k) => (solved[name][frame] = weights[k]));
  }
  solved.jawOpen = solved.jawOpen.map((value, i) => Math.min(value + solved.mouthClose[i], 1));
  solved.mouthShrugLower = solved.mouthShrug;
  solved.mouthShrugUpper = solved.mouthShrug;
  const [forward, tongue, apart] = [expectedOf('jawForward'), expectedOf('tongueOut'), opening(lips)];
  solved.jawForward = Float64Array.from(apart, (_, i) => forward(shares, i));
  solved.tongueOut = Float64Array.from(apart, (value, i) => tongue(shares, i) * clip(value / TONGUE_OPENING, 0, 1));
  return Object.fromEntries(ARKIT_NAMES.map((name) => [name, Float32Array.from(solved[name])]));
}

/** The weights of a result at a frame rate: {weights, lips, rest, rate}. */
export function arkitWeightsOf(result, fps = null) {
  const { lips, rate } = lipsAt(result, fps);
  const shares = phoneShares(result.frames, result.fps, result.alignment, result.posteriors);
  const silent = shares && Array.from({ length: result.frames }, (_, i) => shares[i * NUM_PHONES + SILENCE_ID] > 0.5);
  const rest = neutralMouth(result.lips, silent);
  return { weights: arkitWeights(lips, rate, { alignment: result.alignment, posteriors: result.posteriors, rest }), lips, rest, rate };
}

/** JSON in the layout of NVIDIA Audio2Face's export. */
export function arkitJson(result, { fps = null } = {}) {
  const { weights, rate } = arkitWeightsOf(result, fps);
  const names = Object.keys(weights);
  const frames = weights[names[0]].length;
  const rows = Array.from({ length: frames }, (_, i) => `  [${names.map((name) => Number(weights[name][i].toPrecision(4))).join(', ')}]`);
  const head = { exportFps: rate, trackPath: '', numPoses: names.length, numFrames: frames, facsNames: names };
  return `${JSON.stringify(head, null, 1).slice(0, -2)},\n "weightMat": [\n${rows.join(',\n')}\n ]\n}\n`;
}

function timecode(frame, perSecond) {
  const seconds = Math.floor(frame / perSecond);
  const pad = (value) => String(value).padStart(2, '0');
  return `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}:${pad(frame % perSecond)}.000`;
}

/** CSV as the app Live Link Face records it. */
export function arkitCsv(result, { fps = null } = {}) {
  const { weights, rate } = arkitWeightsOf(result, fps ?? LIVE_LINK_FPS);
  const columns = LIVE_LINK_NAMES.map((name) => weights[name[0].toLowerCase() + name.slice(1)] ?? null);
  const counted = Math.ceil(rate);
  const rows = [['Timecode', 'BlendShapeCount', ...LIVE_LINK_NAMES]];
  for (let i = 0; i < weights.jawOpen.length; i++) rows.push([timecode(i, counted), LIVE_LINK_NAMES.length, ...columns.map((values) => (values ? values[i] : 0).toFixed(10))]);
  return rows.map((row) => `${row.join(',')}\n`).join('');
}
