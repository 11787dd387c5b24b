"use strict";
// What phonolips/lips/shaping.py does to lips that are drawn; `numbers` are its `shaping_numbers`. Points are [x, y],
// y up; `row` holds the five articulators of one moment. Returns new points.
function shapeLips(points, row, numbers) {
  const {outer, inner, beside, biteGap, upperShare} = numbers, forward = row[numbers.protrusion], biting = row[numbers.biting];
  const shape = points.map((point) => point.slice()), clip = (value, low, high) => Math.min(Math.max(value, low), high);
  const middle = (shape[outer.left][0] + shape[outer.right][0]) / 2;
  const half = Math.max((shape[outer.right][0] - shape[outer.left][0]) / 2, 1e-6);
  const across = shape.map(([x]) => clip((x - middle) / half, -1, 1));
  const arch = across.map((place) => Math.sqrt(1 - place * place));
  const narrower = 1 - forward * (1 - Math.min(numbers.roundWidth / (2 * half), 1));
  shape.forEach((point, i) => {
    point[0] = middle + (point[0] - middle) * narrower;
    point[1] -= forward * numbers.smileLift * across[i] ** 2;
  });
  for (const [side, rolled] of [["upper", 0], ["lower", numbers.rolled]]) {
    const edge = [inner.left, ...inner[side], inner.right].map((i) => shape[i][1]);
    outer[side].forEach((i, place) => {
      const at = beside[place].reduce((sum, weight, k) => sum + weight * edge[k], 0);
      shape[i][1] += (numbers.fuller * forward - rolled * biting) * (shape[i][1] - at);
    });
  }
  const least = Math.max(...Object.entries(numbers.leastGaps).map(([which, gap]) => row[which] * gap));
  const bites = [], parts = [], apart = inner.upper.map((i, k) => {
    const gap = shape[i][1] - shape[inner.lower[k]][1], profile = arch[i];
    bites.push(biting * (biteGap * profile - gap));
    parts.push((1 - biting) * Math.max(least * profile - gap, 0));
    return gap + bites[k] + parts[k];
  });
  const [low, high] = numbers.shutGaps, open = clip((Math.max(...apart) - low) / (high - low), 0, 1);
  const share = 1 - open * open * (3 - 2 * open);
  const shut = apart.map((gap) => (gap < 0 ? gap : gap * share));
  const raised = bites.map((bite, k) => Math.max(bite, 0) + upperShare * parts[k] - shut[k] / 2);
  const lowered = bites.map((bite, k) => Math.min(bite, 0) + (1 - upperShare) * parts[k] - shut[k] / 2);
  const spread = (values, place) => beside[place].slice(1, -1).reduce((sum, weight, k) => sum + weight * values[k], 0);
  inner.upper.forEach((i, k) => { shape[i][1] += raised[k]; });
  inner.lower.forEach((i, k) => { shape[i][1] -= lowered[k]; });
  outer.upper.forEach((i, place) => { shape[i][1] += spread(raised, place); });
  outer.lower.forEach((i, place) => { shape[i][1] -= spread(lowered, place); });
  return shape;
}
