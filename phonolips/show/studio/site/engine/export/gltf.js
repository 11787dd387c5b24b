// Lips as an animated mesh in glTF 2.0; follows phonolips/export/{gltf,lip_mesh,targets}.py, with principal shapes.

import { INNER, LIP_NUMBERS, LIP_POINTS, OUTER } from '../lips/shapes.js';
import { MATERIALS, MESH } from '../tables.js';
import { searchSorted } from '../timebase.js';
import { arkitWeightsOf, solver } from './arkit.js';

const MOST_SHAPES = 8;
const ENOUGH_VARIANCE = 0.9995;
const [CAMERA_DISTANCE, CAMERA_ANGLE] = [2.4, 0.6];
const [FLOAT, UNSIGNED_SHORT, ARRAY_BUFFER, ELEMENT_BUFFER] = [5126, 5123, 34962, 34963];
const JACOBI_SWEEPS = 30;
const { SAMPLES } = MESH;

/** Eigenvalues and vectors (rows) of a symmetric matrix, largest first (Jacobi's rotations). */
export function eigen(matrix) {
  const size = matrix.length;
  const a = matrix.map((row) => Float64Array.from(row));
  const v = a.map((_, i) => Float64Array.from({ length: size }, (__, k) => (i === k ? 1 : 0)));
  for (let sweep = 0; sweep < JACOBI_SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) off += a[p][q] ** 2;
    if (off < 1e-24) break;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        if (Math.abs(a[p][q]) < 1e-300) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < size; k++) {
          const [x, y] = [a[k][p], a[k][q]];
          a[k][p] = c * x - s * y;
          a[k][q] = s * x + c * y;
        }
        for (let k = 0; k < size; k++) {
          const [x, y] = [a[p][k], a[q][k]];
          a[p][k] = c * x - s * y;
          a[q][k] = s * x + c * y;
          const [z, w] = [v[p][k], v[q][k]];
          v[p][k] = c * z - s * w;
          v[q][k] = s * z + c * w;
        }
      }
    }
  }
  const order = a.map((_, i) => i).sort((i, k) => a[k][k] - a[i][i]);
  return { values: order.map((i) => Math.max(a[i][i], 0)), vectors: order.map((i) => v[i]) };
}

/** Find the shapes that the movement of lips is made of: {names, base, moves, weights, rest}, as Python's Targets. */
export function principalTargets(lips, rest) {
  const frames = lips.length / LIP_NUMBERS;
  const mean = new Float64Array(LIP_NUMBERS);
  for (let i = 0; i < lips.length; i++) mean[i % LIP_NUMBERS] += (lips[i] - rest[i % LIP_NUMBERS]) / frames;
  const square = Array.from({ length: LIP_NUMBERS }, () => new Float64Array(LIP_NUMBERS));
  const away = new Float64Array(LIP_NUMBERS);
  for (let frame = 0; frame < frames; frame++) {
    for (let k = 0; k < LIP_NUMBERS; k++) away[k] = lips[frame * LIP_NUMBERS + k] - rest[k] - mean[k];
    for (let row = 0; row < LIP_NUMBERS; row++) for (let k = 0; k < LIP_NUMBERS; k++) square[row][k] += away[row] * away[k];
  }
  const { values, vectors } = eigen(square);
  const all = Math.max(values.reduce((sum, value) => sum + value, 0), 1e-12);
  let [count, explained] = [0, 0];
  do explained += values[count++] / all;
  while (explained < ENOUGH_VARIANCE && count < MOST_SHAPES);
  const shapes = vectors.slice(0, count);
  const raw = shapes.map((shape) => {
    const row = new Float64Array(frames);
    for (let frame = 0; frame < frames; frame++) for (let k = 0; k < LIP_NUMBERS; k++) row[frame] += (lips[frame * LIP_NUMBERS + k] - rest[k] - mean[k]) * shape[k];
    return row;
  });
  const closed = shapes.map((shape) => -shape.reduce((sum, value, k) => sum + value * mean[k], 0));
  const low = raw.map((row, s) => row.reduce((least, value) => Math.min(least, value), closed[s]));
  const span = raw.map((row, s) => Math.max(row.reduce((most, value) => Math.max(most, value), closed[s]) - low[s], 1e-9));
  const clip = (value) => Math.min(Math.max(value, 0), 1);
  const weights = new Float32Array(frames * count);
  raw.forEach((row, s) => row.forEach((value, frame) => (weights[frame * count + s] = clip((value - low[s]) / span[s]))));
  return {
    names: shapes.map((_, s) => `shape${s + 1}`),
    base: Float64Array.from(rest, (value, k) => value + mean[k] + shapes.reduce((sum, shape, s) => sum + low[s] * shape[k], 0)),
    moves: shapes.map((shape, s) => shape.map((value) => value * span[s])),
    weights,
    rest: closed.map((value, s) => clip((value - low[s]) / span[s])),
  };
}

/** The matrix (places, knots) that reads the natural cubic spline through values at knots. */
function naturalSpline(knots, places) {
  const count = knots.length;
  const step = Array.from({ length: count - 1 }, (_, i) => knots[i + 1] - knots[i]);
  const inner = count - 2;
  const system = Array.from({ length: inner }, (_, i) => Float64Array.from({ length: inner }, (__, k) => (i === k ? 2 * (step[i] + step[i + 1]) : k === i + 1 ? step[i + 1] : k === i - 1 ? step[i] : 0)));
  const solve = solver(system);
  const unit = (knot, i) => (knot === i ? 1 : 0);
  const second = Array.from({ length: count }, (_, knot) => {
    const bends = Array.from({ length: inner }, (__, i) => 6 * ((unit(knot, i + 2) - unit(knot, i + 1)) / step[i + 1] - (unit(knot, i + 1) - unit(knot, i)) / step[i]));
    return [0, ...solve(bends), 0];
  });
  return Array.from(places, (place) => {
    const part = Math.min(Math.max(searchSorted(knots, place, true) - 1, 0), count - 2);
    const width = step[part];
    const [before, after] = [place - knots[part], knots[part + 1] - place];
    return Float64Array.from({ length: count }, (_, knot) => {
      const straight = (after * unit(knot, part) + before * unit(knot, part + 1)) / width;
      return straight + (after * (after ** 2 / width - width) * second[knot][part] + before * (before ** 2 / width - width) * second[knot][part + 1]) / 6;
    });
  });
}

/** A smooth closed curve through a ring as rows of 40 weights; lower lip first, both corners sharp. */
function ringMatrix(rest, ring) {
  const arcs = [[ring.left, ...ring.lower, ring.right], [ring.right, ...[...ring.upper].reverse(), ring.left]];
  return arcs.flatMap((points) => {
    const knots = [0];
    for (let i = 1; i < points.length; i++) knots.push(knots[i - 1] + Math.hypot(rest[2 * points[i]] - rest[2 * points[i - 1]], rest[2 * points[i] + 1] - rest[2 * points[i - 1] + 1]));
    const places = Array.from({ length: SAMPLES }, (_, i) => (knots.at(-1) * i) / SAMPLES);
    return naturalSpline(knots, places).map((weights) => {
      const row = new Float64Array(LIP_POINTS);
      weights.forEach((weight, column) => (row[points[column]] += weight));
      return row;
    });
  });
}

/** Triangles between neighbouring rows of vertices. */
function band(rows, columns, closed) {
  const triangles = [];
  for (let row = 0; row < rows - 1; row++) {
    for (let column = 0; column < (closed ? columns : columns - 1); column++) {
      const after = (column + 1) % columns;
      const [a, b] = [row * columns + column, row * columns + after];
      triangles.push([a, b, b + columns], [a, b + columns, a + columns]);
    }
  }
  return triangles;
}

const receding = (x) => -MESH.ARCH * x * x;
const apply = (row, shape) => [0, 1].map((axis) => row.reduce((sum, weight, point) => sum + weight * shape[2 * point + axis], 0));
const scale = (row, by) => row.map((value) => value * by);

/** Make a part of closed rows: weights of the lip points, depths, and what the points have beside that. */
function closedPart(name, material, rest, rows, forward, shifts = null) {
  const follow = rows.flat();
  let centre = 0;
  for (let point = 0; point < LIP_POINTS; point++) centre += rest[2 * point] / LIP_POINTS;
  const depths = forward.flat();
  const moved = shifts?.flat();
  const points = follow.map((row, i) => {
    const [x, y] = apply(row, rest).map((value, axis) => value + (moved ? moved[i][axis] : 0));
    return [x, y, depths[i] + receding(x - centre)];
  });
  return { name, material, points, follow, triangles: band(rows.length, 2 * SAMPLES, true) };
}

const still = () => new Float64Array(LIP_POINTS);

function teeth(name, edge, far, centre, half, depth, follow) {
  const across = Array.from({ length: 25 }, (_, i) => -half + (2 * half * i) / 24);
  const heights = [across.map(() => far), across.map((x) => edge + (far - edge) * 0.35 * (x / half) ** 2)];
  const mean = (row) => row.reduce((sum, value) => sum + value, 0);
  const rows = heights.sort((one, two) => mean(one) - mean(two));
  const points = rows.flatMap((row) => across.map((x, i) => [x + centre, row[i], receding(x) * 1.6 - depth]));
  return { name, material: 'teeth', points, follow: points.map(() => follow), triangles: band(2, across.length, false) };
}

function cavity(rest, middle) {
  const half = (rest[2 * OUTER.right] - rest[2 * OUTER.left]) / 2;
  const around = Array.from({ length: 24 }, (_, i) => (2 * Math.PI * i) / 24 - Math.PI);
  const points = [];
  for (let ring = 0; ring < 5; ring++) {
    const bend = (Math.PI / 2) * (ring / 5);
    const [wide, high] = [MESH.CAVITY_WIDTH * half * Math.cos(bend), MESH.CAVITY_HEIGHT * Math.cos(bend)];
    for (const angle of around) points.push([middle[0] + wide * Math.cos(angle), middle[1] - 0.14 + high * Math.sin(angle), -MESH.CAVITY_FRONT - MESH.CAVITY_DEPTH * Math.sin(bend) + receding(wide * Math.cos(angle))]);
  }
  points.push([middle[0], middle[1] - 0.14, -MESH.CAVITY_FRONT - MESH.CAVITY_DEPTH]);
  const last = 4 * around.length;
  const fan = around.map((_, i) => [last + i, last + ((i + 1) % around.length), points.length - 1]);
  return { name: 'mouth', material: 'mouth', points, follow: points.map(still), triangles: [...band(5, around.length, true), ...fan] };
}

/** Build the mesh for a closed mouth (80,): parts that move with the lips, and those that stay. */
export function mouthMesh(rest) {
  const [outer, inner] = [ringMatrix(rest, OUTER), ringMatrix(rest, INNER)];
  const middle = [0, 1].map((axis) => Array.from({ length: 20 }, (_, i) => rest[2 * (20 + i) + axis]).reduce((sum, value) => sum + value / 20, 0));
  const thick = outer.map((row, i) => Math.hypot(...apply(row.map((value, k) => value - inner[i][k]), rest)));
  const most = Math.max(...thick);
  const thickness = thick.map((value) => value / most);
  const shares = Array.from({ length: MESH.LIP_ROWS }, (_, i) => i / (MESH.LIP_ROWS - 1));
  const follow = shares.map((share) => outer.map((row, i) => row.map((value, k) => (1 - share) * value + share * inner[i][k])));
  const forward = shares.map((share) => thickness.map((value) => MESH.BULGE * Math.sin(Math.PI * (0.05 + 0.75 * share)) * Math.sqrt(value)));
  for (const depth of MESH.INSIDE_DEPTHS) {
    follow.push(inner);
    forward.push(forward[MESH.LIP_ROWS - 1].map((value) => value - depth));
  }
  const lips = closedPart('lips', 'lips', rest, follow, forward);
  const start = outer.map((row) => apply(row, rest));
  const rim = start.map(([x, y]) => {
    const angle = Math.atan2((y - middle[1]) / MESH.SKIN_HEIGHT, (x - middle[0]) / MESH.SKIN_WIDTH);
    return [middle[0] + MESH.SKIN_WIDTH * Math.cos(angle), middle[1] + MESH.SKIN_HEIGHT * Math.sin(angle) - MESH.SKIN_BELOW];
  });
  const [rows, depths, shifts] = [[], [], []];
  for (const share of [...MESH.SKIN_ROWS].reverse()) {
    const row = outer.map((weights) => scale(weights, (1 - share) ** 2));
    rows.push(row);
    depths.push(forward[0].map((value) => value * (1 - share) - 0.02 * share));
    shifts.push(start.map((point, i) => point.map((value, axis) => (1 - share) * value + share * rim[i][axis] - apply(row[i], rest)[axis])));
  }
  const skin = closedPart('skin', 'skin', rest, rows, depths, shifts);
  const chin = still();
  chin[MESH.CHIN_POINT] = MESH.CHIN_SHARE;
  const [low, high] = [middle[1] - MESH.LOWER_TEETH_BELOW, middle[1] - MESH.UPPER_TEETH_BELOW];
  const half = (MESH.TEETH_WIDTH * (rest[2 * INNER.right] - rest[2 * INNER.left])) / 2;
  return {
    moving: [lips, skin, teeth('lower teeth', low, low - MESH.TEETH_HEIGHT, middle[0], half, MESH.LOWER_TEETH_DEPTH, chin)],
    still: [teeth('upper teeth', high, high + MESH.TEETH_HEIGHT, middle[0], half, MESH.UPPER_TEETH_DEPTH, still()), cavity(rest, middle)],
  };
}

function vertexNormals(points, triangles) {
  const normals = points.map(() => [0, 0, 0]);
  const minus = (one, two) => one.map((value, axis) => value - two[axis]);
  for (const corners of triangles) {
    const [a, b] = [minus(points[corners[1]], points[corners[0]]), minus(points[corners[2]], points[corners[0]])];
    const face = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    for (const corner of corners) face.forEach((value, axis) => (normals[corner][axis] += value));
  }
  return normals.map((normal) => {
    const length = Math.hypot(...normal);
    return length > 1e-12 ? normal.map((value) => value / length) : [0, 0, 1];
  });
}

/** The bytes of a glTF file, with the accessors onto them. */
class Buffer {
  parts = [];

  length = 0;

  views = [];

  accessors = [];

  /** Append numbers, flat or as triples; return the accessor's number. */
  add(values, { target = null, bounds = false, Type = Float32Array } = {}) {
    const isTriple = Array.isArray(values[0]);
    const data = Type.from(isTriple ? values.flat() : values);
    const bytes = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    bytes.set(new Uint8Array(data.buffer));
    this.views.push({ buffer: 0, byteOffset: this.length, byteLength: data.byteLength, ...(target && { target }) });
    this.parts.push(bytes);
    this.length += bytes.length;
    const width = isTriple ? 3 : 1;
    const columns = Array.from({ length: width }, (_, axis) => data.filter((__, i) => i % width === axis));
    const extreme = (choose) => columns.map((column) => column.reduce((one, two) => choose(one, two)));
    this.accessors.push({
      bufferView: this.views.length - 1,
      componentType: Type === Float32Array ? FLOAT : UNSIGNED_SHORT,
      count: values.length,
      type: isTriple ? 'VEC3' : 'SCALAR',
      ...(bounds && { min: extreme(Math.min), max: extreme(Math.max) }),
    });
    return this.accessors.length - 1;
  }

  bytes() {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

function primitive(buffer, part, base, moves) {
  const displaced = (shape) => part.follow.map((row) => [...apply(row, shape), 0]);
  const moved = displaced(base);
  const made = {
    attributes: {
      POSITION: buffer.add(part.points.map((point, i) => point.map((value, axis) => value + moved[i][axis])), { target: ARRAY_BUFFER, bounds: true }),
      NORMAL: buffer.add(vertexNormals(part.points, part.triangles), { target: ARRAY_BUFFER }),
    },
    indices: buffer.add(part.triangles.flat(), { target: ELEMENT_BUFFER, Type: Uint16Array }),
    material: Object.keys(MATERIALS).indexOf(part.material),
  };
  if (moves) made.targets = moves.map((move) => ({ POSITION: buffer.add(displaced(move), { target: ARRAY_BUFFER, bounds: true }) }));
  return made;
}

function errors(chosen, lips) {
  const count = chosen.moves.length;
  let [square, largest] = [0, 0];
  for (let frame = 0; frame < lips.length / LIP_NUMBERS; frame++) {
    for (let point = 0; point < LIP_POINTS; point++) {
      const off = [0, 1].map((axis) => {
        const k = 2 * point + axis;
        return chosen.moves.reduce((sum, move, s) => sum + chosen.weights[frame * count + s] * move[k], chosen.base[k]) - lips[frame * LIP_NUMBERS + k];
      });
      const distance = off[0] ** 2 + off[1] ** 2;
      square += distance;
      largest = Math.max(largest, distance);
    }
  }
  return { rms_error: Number(Math.sqrt(square / (lips.length / 2)).toFixed(6)), largest_error: Number(Math.sqrt(largest).toFixed(6)) };
}

/** Write a mouth that speaks, with its principal shapes as morph targets, as one .gltf text. */
export function gltf(result, { fps = null } = {}) {
  const { lips, rest, rate } = arkitWeightsOf(result, fps);
  const chosen = principalTargets(lips, rest);
  const buffer = new Buffer();
  const mesh = mouthMesh(rest);
  const base = chosen.base.map((value, k) => value - rest[k]);
  const meshes = [
    { name: 'lips', primitives: mesh.moving.map((part) => primitive(buffer, part, base, chosen.moves)), weights: chosen.rest, extras: { targetNames: chosen.names } },
    { name: 'mouth', primitives: mesh.still.map((part) => primitive(buffer, part, new Float64Array(LIP_NUMBERS), null)) },
  ];
  const frames = lips.length / LIP_NUMBERS;
  const count = chosen.names.length;
  const times = [0, ...Array.from({ length: frames }, (_, i) => (i + 0.5) / rate), frames / rate];
  const held = [...chosen.weights.subarray(0, count), ...chosen.weights, ...chosen.weights.subarray(-count)];
  const animation = {
    name: 'speech',
    channels: [{ sampler: 0, target: { node: 0, path: 'weights' } }],
    samplers: [{ input: buffer.add(times, { bounds: true }), output: buffer.add(held), interpolation: 'LINEAR' }],
  };
  const centre = [0, 1].map((axis) => Array.from({ length: LIP_POINTS }, (_, point) => rest[2 * point + axis]).reduce((sum, value) => sum + value / LIP_POINTS, 0));
  const bytes = buffer.bytes();
  let binary = '';
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  const document = {
    asset: { version: '2.0', generator: 'phonolips', extras: { fps: rate, ...errors(chosen, lips) } },
    scene: 0,
    scenes: [{ name: 'mouth', nodes: [0, 1, 2] }],
    nodes: [{ name: 'lips', mesh: 0 }, { name: 'mouth', mesh: 1 }, { name: 'camera', camera: 0, translation: [centre[0], centre[1] - 0.06, CAMERA_DISTANCE] }],
    cameras: [{ type: 'perspective', perspective: { aspectRatio: 1.25, yfov: CAMERA_ANGLE, znear: 0.1, zfar: 20 } }],
    meshes,
    materials: Object.entries(MATERIALS).map(([name, [colour, roughness, both]]) => ({
      name,
      pbrMetallicRoughness: { baseColorFactor: [...colour, 1], metallicFactor: 0, roughnessFactor: roughness },
      doubleSided: both,
    })),
    animations: [animation],
    accessors: buffer.accessors,
    bufferViews: buffer.views,
    buffers: [{ byteLength: bytes.length, uri: `data:application/octet-stream;base64,${btoa(binary)}` }],
  };
  return `${JSON.stringify(document, null, 1)}\n`;
}
