// The avatar: a plain face that knows ARKit's weights and nothing else.

const COLOURS = { skin: '#e9c3a2', shade: '#d3a582', hair: '#4b3a32', line: '#5a3b2e', lip: '#b65a5a', inside: '#3a1418', teeth: '#f4eee4', tongue: '#c9787c', white: '#ffffff', iris: '#3f6f8f' };
const both = (weights, name) => ((weights[`${name}Left`] ?? 0) + (weights[`${name}Right`] ?? 0)) / 2;

/** Where the mouth of the face is for some weights, in heads (1 is the head's height; y down, 0 the seam at rest). */
export function mouthOf(weights) {
  const of = (name) => weights[name] ?? 0;
  const round = of('mouthFunnel') + of('mouthPucker');
  const down = 0.2 * Math.max(of('jawOpen') - of('mouthClose'), 0);
  const halfWidth = 0.125 * Math.max(1 - 0.34 * of('mouthPucker') - 0.2 * of('mouthFunnel'), 0.4) + 0.03 * both(weights, 'mouthStretch') + 0.025 * (both(weights, 'mouthSmile') + both(weights, 'mouthDimple'));
  const upper = -0.02 * both(weights, 'mouthUpperUp') - 0.018 * of('mouthFunnel');
  const lower = down + 0.028 * both(weights, 'mouthLowerDown') + 0.02 * of('mouthFunnel') * Math.min(1, down * 30);
  const thick = 1 + 0.45 * Math.min(round, 1);
  return {
    x: 0.06 * (of('mouthLeft') - of('mouthRight')),
    halfWidth,
    upper: down + lower > 0.004 ? upper : 0,
    lower: Math.max(lower, 0),
    corner: -0.035 * both(weights, 'mouthSmile') + 0.03 * both(weights, 'mouthFrown') + 0.3 * down,
    upperLip: 0.024 * thick * (1 - 0.75 * of('mouthRollUpper')) * (1 - 0.35 * both(weights, 'mouthPress')),
    lowerLip: 0.032 * thick * (1 - 0.75 * of('mouthRollLower')) * (1 - 0.35 * both(weights, 'mouthPress')),
    raised: -0.02 * of('mouthShrugUpper'),
    chin: 0.11 * of('jawOpen'),
    jaw: 0.03 * (of('jawLeft') - of('jawRight')),
    tongue: of('tongueOut'),
  };
}

function ellipse(context, x, y, width, height, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.ellipse(x, y, width, height, 0, 0, 2 * Math.PI);
  context.fill();
}

/** Draw the face; it blinks by `time` alone, so that a moment always looks the same. */
export function drawFace(context, width, height, weights, time, ground) {
  const mouth = mouthOf(weights);
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  context.save();
  const size = Math.min(width, height) * 0.84;
  context.translate(width / 2, height * 0.47);
  context.scale(size, size);
  ellipse(context, 0, -0.13, 0.41, 0.42, COLOURS.hair);
  for (const side of [-1, 1]) ellipse(context, side * 0.365, 0, 0.05, 0.085, COLOURS.shade);
  context.fillStyle = COLOURS.skin; // skull, cheeks, and a chin that the jaw lowers
  const chin = 0.47 + mouth.chin;
  context.beginPath();
  context.moveTo(-0.36, -0.05);
  context.bezierCurveTo(-0.36, -0.62, 0.36, -0.62, 0.36, -0.05);
  context.bezierCurveTo(0.36, 0.22, 0.24 + mouth.jaw, chin, mouth.jaw, chin);
  context.bezierCurveTo(-0.24 + mouth.jaw, chin, -0.36, 0.22, -0.36, -0.05);
  context.fill();
  const shut = time % 3.7 > 3.55 ? 0.1 : 1;
  for (const side of [-1, 1]) {
    ellipse(context, side * 0.15, -0.06, 0.062, 0.04 * shut, COLOURS.white);
    ellipse(context, side * 0.15, -0.06, 0.03, 0.036 * shut, COLOURS.iris);
    ellipse(context, side * 0.15, -0.06, 0.014, 0.018 * shut, COLOURS.line);
    context.strokeStyle = COLOURS.hair;
    context.lineWidth = 0.022;
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(side * 0.08, -0.155);
    context.quadraticCurveTo(side * 0.15, -0.195, side * 0.225, -0.15);
    context.stroke();
  }
  context.strokeStyle = COLOURS.shade;
  context.lineWidth = 0.016;
  context.beginPath();
  context.moveTo(0.015, -0.03);
  context.quadraticCurveTo(0.06, 0.1, 0.045, 0.115);
  context.quadraticCurveTo(0, 0.14, -0.045, 0.115);
  context.stroke();
  drawLips(context, mouth);
  context.restore();
}

function drawLips(context, mouth) {
  context.save();
  context.translate(mouth.x + mouth.jaw / 2, 0.255 + mouth.raised);
  const { halfWidth: w, upper, lower, corner, upperLip, lowerLip } = mouth;
  const inner = () => {
    context.beginPath();
    context.moveTo(-w * 0.86, corner);
    context.bezierCurveTo(-w * 0.45, upper * 1.33 - corner / 3, w * 0.45, upper * 1.33 - corner / 3, w * 0.86, corner);
    context.bezierCurveTo(w * 0.5, lower * 1.33 - corner / 3, -w * 0.5, lower * 1.33 - corner / 3, -w * 0.86, corner);
    context.closePath();
  };
  context.fillStyle = COLOURS.lip;
  context.beginPath();
  context.moveTo(-w, corner);
  context.bezierCurveTo(-w * 0.5, (upper - upperLip) * 1.33 - corner / 3, -w * 0.12, (upper - upperLip) * 1.5, 0, upper - upperLip * 0.8);
  context.bezierCurveTo(w * 0.12, (upper - upperLip) * 1.5, w * 0.5, (upper - upperLip) * 1.33 - corner / 3, w, corner);
  context.bezierCurveTo(w * 0.55, (lower + lowerLip) * 1.33 - corner / 3, -w * 0.55, (lower + lowerLip) * 1.33 - corner / 3, -w, corner);
  context.fill();
  inner();
  context.save();
  context.clip();
  context.fillStyle = COLOURS.inside;
  context.fillRect(-0.5, -0.5, 1, 1);
  context.fillStyle = COLOURS.teeth;
  context.fillRect(-w * 0.7, -0.2, w * 1.4, 0.2 + upper + 0.026);
  ellipse(context, 0, lower + 0.035 - 0.045 * mouth.tongue, w * 0.55, 0.05, COLOURS.tongue);
  context.restore();
  inner();
  context.strokeStyle = COLOURS.inside;
  context.lineWidth = 0.007;
  context.stroke();
  context.restore();
}
