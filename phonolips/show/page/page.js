"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);

  // ---- numbers ----------------------------------------------------------------------------------------------

  function bytesOf(text) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return bytes;
  }
  function unpack(packed) {
    const view = new DataView(bytesOf(packed.int16).buffer), values = new Float32Array(view.byteLength / 2);
    for (let i = 0; i < values.length; i++) values[i] = view.getInt16(2 * i, true) * packed.unit;
    return values;
  }
  const total = data.seconds, fps = data.fps;
  const lips = unpack(data.lips), [frames, points] = data.lips.shape;
  const posteriors = data.posteriors && bytesOf(data.posteriors.uint8);
  const steps = posteriors ? data.posteriors.shape[0] : 0, phoneCount = data.phoneNames.length;
  const rows = posteriors ? data.posteriors.groups.flatMap(([, names]) => names) : [];
  const rowIds = rows.map((name) => data.phoneNames.indexOf(name));
  const lipParameters = data.lip_parameters && unpack(data.lip_parameters);
  const wave = data.wave && new Int8Array(bytesOf(data.wave.int8).buffer);
  const bilabials = data.phones.filter(([label]) => data.bilabials.includes(label));
  const unit = data.unit, paint = data.mouth;

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const frameAt = (time) => clamp(Math.floor(time * fps + 1e-6), 0, frames - 1);
  const frameCentre = (frame) => Math.min((frame + 0.5) / fps, total);

  // Lips between two frame centres are their linear mix; at a centre they are that frame.
  function lipsAt(time) {
    const place = clamp(time * fps - 0.5, 0, frames - 1), first = Math.floor(place), share = place - first;
    const start = first * points * 2, next = Math.min(first + 1, frames - 1) * points * 2;
    const shape = new Array(points);
    for (let i = 0; i < points; i++)
      shape[i] = [0, 1].map((k) => lips[start + 2 * i + k] * (1 - share) + lips[next + 2 * i + k] * share);
    return shape;
  }
  // What the phones add to the lips, mixed likewise; nothing where they are not known.
  const added = data.articulators && bytesOf(data.articulators.uint8);
  const addedAt = (time) => {
    const count = data.articulatorNames.length, place = clamp(time * fps - 0.5, 0, frames - 1), first = Math.floor(place);
    const next = Math.min(first + 1, frames - 1), share = place - first;
    return data.articulatorNames.map((_, k) =>
      added ? (added[first * count + k] * (1 - share) + added[next * count + k] * share) / data.articulators.levels : 0);
  };
  const openingOf = (shape) => shape[data.innerMiddle[0]][1] - shape[data.innerMiddle[1]][1];
  const widthOf = (shape) => Math.hypot(...[0, 1].map((k) => shape[data.corners[1]][k] - shape[data.corners[0]][k]));
  const openings = new Float32Array(frames), widths = new Float32Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    const shape = lipsAt((frame + 0.5) / fps);
    openings[frame] = openingOf(shape);
    widths[frame] = widthOf(shape);
  }

  function intervalAt(tier, time) {
    let low = 0, high = tier.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, [, start, end] = tier[middle];
      if (time < start) high = middle - 1;
      else if (time >= end) low = middle + 1;
      else return tier[middle];
    }
    return null;
  }
  const stepAt = (time) => clamp(Math.floor(time * data.posteriors.stepsPerSecond), 0, steps - 1);
  const posterior = (step, phone) => posteriors[step * phoneCount + phone] / data.posteriors.levels;
  function best(time, count) {
    const step = stepAt(time), order = rowIds.slice().sort((a, b) => posterior(step, b) - posterior(step, a));
    return order.slice(0, count).map((id) => [data.phoneNames[id], posterior(step, id)]);
  }

  // ---- time: the sound is the clock where there is one ---------------------------------------------------------

  let time = 0, playing = false, speed = 1, lastTick = 0;
  let audio = null;
  if (data.sound) {
    audio = new Audio(URL.createObjectURL(new Blob([bytesOf(data.sound.base64)], {type: data.sound.type})));
    audio.preload = "auto";
    audio.addEventListener("error", () => {
      audio = null;
      notice("This browser cannot play the embedded sound (AAC); the page plays by the clock.");
    });
  }
  function notice(text) { byId("notice").textContent = text; }

  function seek(to, {follow = true} = {}) {
    time = clamp(to, 0, total);
    if (audio) audio.currentTime = Math.min(time, audio.duration || time);
    if (follow) keepInView();
    showNow();
  }
  function play() {
    if (time >= total - 1e-3) seek(0);
    playing = true;
    lastTick = performance.now();
    if (audio) {
      audio.playbackRate = speed;
      audio.play().catch((reason) => {
        // A pause that overtakes the start is no fault of the sound.
        if (reason.name === "AbortError") return;
        audio = null;
        notice(`The sound cannot be played (${reason.name}); the page plays by the clock.`);
      });
    }
    showButtons();
    requestAnimationFrame(tick);
  }
  function pause() {
    playing = false;
    if (audio) audio.pause();
    showButtons();
    showNow();
  }
  function tick(now) {
    if (!playing) return;
    if (audio && !audio.ended) time = clamp(audio.currentTime, 0, total);
    else time = Math.min(total, time + (now - lastTick) / 1000 * speed);
    lastTick = now;
    if (time >= total - 1e-3 || (audio && audio.ended)) {
      time = total;
      pause();
    }
    keepInView();
    showNow();
    requestAnimationFrame(tick);
  }
  function stepFrames(count) {
    if (playing) pause();
    seek(frameCentre(clamp(frameAt(time) + count, 0, frames - 1)));
  }
  function setSpeed(to) {
    speed = to;
    if (audio) audio.playbackRate = speed;
    for (const button of document.querySelectorAll(".speed"))
      button.setAttribute("aria-pressed", String(Number(button.dataset.speed) === speed));
  }

  // ---- the mouth ------------------------------------------------------------------------------------------------

  const colours = {};
  function readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["ground", "ink", "faint", "rule", "raised", "edge", "posterior", "wave", "bilabial", "head",
      "curve0", "curve1", "curve2", "curve3"]) colours[name] = style.getPropertyValue(`--${name}`).trim();
  }
  function fitCanvas(canvas, height) {
    const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth || canvas.parentElement.clientWidth;
    if (height) canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round((height || canvas.clientHeight) * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return [context, width, height || canvas.clientHeight];
  }
  // One view for the whole run; percentiles, so that an odd frame does not shrink the rest.
  const view = (() => {
    const low = [[], []], high = [[], []], stride = Math.max(1, Math.floor(frames / 4000));
    for (let frame = 0; frame < frames; frame += stride)
      for (const k of [0, 1]) {
        let least = Infinity, most = -Infinity;
        for (let i = 0; i < points; i++) {
          const value = lips[(frame * points + i) * 2 + k];
          least = Math.min(least, value);
          most = Math.max(most, value);
        }
        low[k].push(least);
        high[k].push(most);
      }
    const at = (values, share) => values.sort((a, b) => a - b)[Math.round(share * (values.length - 1))];
    const [least, most] = paint.percentiles.map((percentile) => percentile / 100);
    const left = at(low[0], least), right = at(high[0], most), bottom = at(low[1], least), top = at(high[1], most);
    return {x: (left + right) / 2, y: (bottom + top) / 2, extent: Math.max(right - left, top - bottom, 0.01)};
  })();

  // A half ring from corner to corner as Bezier spans (Catmull-Rom); corners stay sharp.
  function trace(context, half) {
    for (let i = 0; i < half.length - 1; i++) {
      const [a, b] = [half[i], half[i + 1]], before = half[i - 1] || a, after = half[i + 2] || b;
      context.bezierCurveTo(a[0] + (b[0] - before[0]) / 6, a[1] + (b[1] - before[1]) / 6,
        b[0] - (after[0] - a[0]) / 6, b[1] - (after[1] - a[1]) / 6, b[0], b[1]);
    }
  }
  function halves(ring) {
    const middle = ring.length / 2, first = ring.slice(0, middle + 1), second = [...ring.slice(middle), ring[0]];
    return data.upperLipFirst ? {upper: first, lower: second} : {upper: second.reverse(), lower: first.reverse()};
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
  function drawMouth() {
    const [context, width, height] = fitCanvas(byId("mouth"));
    const scale = Math.min(width, height) * paint.share / view.extent;
    const toPixel = ([x, y]) => [width / 2 + (x - view.x) * scale, height / 2 - (y - view.y) * scale];
    const row = addedAt(time), amount = (name) => row[data.articulatorNames.indexOf(name)];
    const shape = shapeLips(lipsAt(time), row, data.shaping).map(toPixel);
    const outer = halves(shape.slice(0, data.outerPoints)), inner = halves(shape.slice(data.outerPoints));
    context.fillStyle = gradient(context, 0, height, paint.skin);
    context.fillRect(0, 0, width, height);
    const bottom = Math.max(...outer.lower.map((p) => p[1])), lipTop = Math.min(...outer.upper.map((p) => p[1]));
    path(context, outer.upper, outer.lower);
    context.fillStyle = gradient(context, lipTop, bottom, paint.lips);
    context.fill();
    context.strokeStyle = paint.edge;
    context.lineWidth = paint.edgeWidth;
    context.stroke();
    path(context, outer.upper, [...inner.upper].reverse());
    context.fillStyle = paint.upperShade;
    context.fill();
    path(context, inner.upper, inner.lower);
    context.save();
    context.clip();
    context.fillStyle = paint.inside;
    context.fillRect(0, 0, width, height);
    const sag = paint.teethSag * scale, [left, right] = [inner.upper[0][0], inner.upper.at(-1)[0]];
    const top = Math.min(...inner.upper.map((p) => p[1])), floor = Math.max(...inner.lower.map((p) => p[1]));
    const tip = (name, halfWidth, share) => {
      if (!amount(name)) return;
      context.globalAlpha = amount(name);
      context.fillStyle = paint.tongue;
      context.beginPath();
      context.ellipse((left + right) / 2, floor, halfWidth * scale, share * (floor - top), 0, 0, 2 * Math.PI);
      context.fill();
      context.globalAlpha = 1;
    };
    tip("tongue_up", paint.raisedHalfWidth, paint.raisedShare);
    // The upper teeth are higher where a tongue lies under them.
    const edge = Math.min(toPixel([0, data.teeth])[1], floor - amount("tongue_between") * paint.tipShare * (floor - top));
    context.fillStyle = paint.teeth;
    context.beginPath();
    context.moveTo(left, 0);
    context.lineTo(right, 0);
    context.lineTo(right, edge - sag);
    context.quadraticCurveTo((left + right) / 2, edge + sag, left, edge - sag);
    context.fill();
    // Teeth on the lower lip, or together, fill the gap.
    context.globalAlpha = Math.max(amount("biting"), amount("teeth_together"));
    context.fillRect(left, 0, right - left, height);
    context.globalAlpha = amount("teeth_together");
    context.strokeStyle = paint.inside;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(left, edge - sag);
    context.quadraticCurveTo((left + right) / 2, edge + sag, right, edge - sag);
    context.stroke();
    context.globalAlpha = 1;
    tip("tongue_between", paint.tipHalfWidth, paint.tipShare);
    context.restore();
    path(context, inner.upper, inner.lower);
    context.strokeStyle = paint.inside;
    context.lineWidth = paint.seamWidth;
    context.stroke();
  }

  // ---- the timeline -----------------------------------------------------------------------------------------------

  const gutter = 74, edgeRight = 84, shortest = 0.2;
  let from = 0, to = total, lanes = [], plotWidth = 1;
  const toX = (seconds) => gutter + (seconds - from) / (to - from) * plotWidth;
  const toTime = (x) => from + (x - gutter) / plotWidth * (to - from);

  function setView(start, length) {
    const span = clamp(length, Math.min(shortest, total), total);
    from = clamp(start, 0, total - span);
    to = from + span;
    drawLanes();
    drawOverview();
    showNow();
  }
  const zoom = (factor, about = time) => setView(about - (about - from) / factor, (to - from) / factor);
  function keepInView() {
    const span = to - from;
    if (time < from || time > to) setView(time < from ? time - 0.7 * span : time - 0.1 * span, span);
  }
  const inView = (tier) => tier.filter(([, start, end]) => end > from && start < to);

  function layOut() {
    lanes = [];
    let top = 14;
    const add = (name, height) => { lanes.push({name, top, height}); top += height + 8; };
    if (wave) add("waveform", 54);
    if (data.words.length) { add("words", 34); top -= 8; }
    if (data.phones.length) add("phones", 29);
    if (rows.length) add("posteriors", rows.length * 13);
    if (lipParameters) add("lip parameters", 74);
    add("opening", 84);
    add("width", 58);
    return top + 22;
  }
  const dashes = [[], [6, 3], [2, 2.5], [8, 3, 2, 3]];

  function drawLanes() {
    const height = layOut(), [context, width] = fitCanvas(byId("lanes"), height);
    plotWidth = Math.max(50, width - gutter - edgeRight);
    context.clearRect(0, 0, width, height);
    context.textBaseline = "middle";
    const bottom = lanes.at(-1).top + lanes.at(-1).height;
    drawAxis(context, bottom);
    for (const lane of lanes) {
      ({waveform: drawWave, words: drawTier, phones: drawTier, posteriors: drawPosteriors, "lip parameters": drawLipParameters,
        opening: drawCurve, width: drawCurve})[lane.name](context, lane);
      if (lane.name === "posteriors") continue;
      label(context, lane.name, gutter - 8, lane.top + (lane.name === "waveform" || lane.height < 40
        ? lane.height / 2 : 8), colours.ink, "right", 12);
    }
  }
  function label(context, text, x, y, colour, align = "center", size = 11, weight = "") {
    context.font = `${weight} ${size}px system-ui, sans-serif`;
    context.fillStyle = colour;
    context.textAlign = align;
    context.fillText(text, x, y);
  }
  function drawAxis(context, bottom) {
    const spans = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600];
    const every = spans.find((span) => span / (to - from) * plotWidth > 55) || 1800;
    context.strokeStyle = colours.rule;
    context.lineWidth = 1;
    const digits = every < 0.1 ? 2 : every < 1 ? 1 : 0;
    for (let mark = Math.ceil(from / every - 1e-6); mark * every <= to + 1e-9; mark++) {
      const x = toX(mark * every);
      context.beginPath();
      context.moveTo(x, bottom);
      context.lineTo(x, bottom + 5);
      context.stroke();
      label(context, (mark * every).toFixed(digits), x, bottom + 14, colours.faint);
    }
    label(context, "seconds", gutter + plotWidth + 12, bottom + 14, colours.faint, "left");
  }
  function clipped(context, lane, draw) {
    context.save();
    context.beginPath();
    context.rect(gutter, lane.top - 1, plotWidth, lane.height + 2);
    context.clip();
    draw();
    context.restore();
  }
  function drawWave(context, lane) {
    const middle = lane.top + lane.height / 2, half = lane.height / 2 - 1, pairs = wave.length / 2;
    context.fillStyle = colours.wave;
    for (let x = 0; x < plotWidth; x++) {
      const first = Math.floor(toTime(gutter + x) * data.wave.rate);
      const last = Math.max(first + 1, Math.floor(toTime(gutter + x + 1) * data.wave.rate));
      let low = 127, high = -127;
      for (let i = Math.max(first, 0); i < Math.min(last, pairs); i++) {
        low = Math.min(low, wave[2 * i]);
        high = Math.max(high, wave[2 * i + 1]);
      }
      if (high >= low) context.fillRect(gutter + x, middle - high / 127 * half, 1, Math.max(1, (high - low) / 127 * half));
    }
  }
  function drawTier(context, lane) {
    const tier = lane.name === "words" ? data.words : data.phones, size = lane.name === "words" ? 13 : 11;
    const free = [-Infinity, -Infinity];
    clipped(context, lane, () => {
      context.strokeStyle = colours.edge;
      const shown = inView(tier), ground = (text) =>
        lane.name === "phones" && data.bilabials.includes(text) ? colours.bilabial : colours.ground;
      context.beginPath();
      for (const [text, start, end] of shown) {
        const [left, right] = [toX(start), toX(end)];
        context.fillStyle = ground(text);
        context.fillRect(left, lane.top + 1, right - left, lane.height - 2);
        for (const x of [left, right]) { context.moveTo(x, lane.top); context.lineTo(x, lane.top + lane.height); }
      }
      context.stroke();
      // A label stays readable while any of its interval is in view; what fits on neither line is left out.
      context.font = `${size}px system-ui, sans-serif`;
      const placed = [];
      for (const [text, start, end] of shown) {
        const middle = (Math.max(toX(start), gutter) + Math.min(toX(end), gutter + plotWidth)) / 2;
        const half = context.measureText(text).width / 2 + 1, line = free.findIndex((place) => middle - half >= place);
        if (line < 0) continue;
        free[line] = middle + half;
        placed.push({text, middle, line});
      }
      const lines = 1 + Math.max(0, ...placed.map(({line}) => line));
      for (const {text, middle, line} of placed) {
        const y = lane.top + lane.height * (line + 0.5) / lines + 0.5;
        // A halo lifts the label off the boundaries that it crosses.
        context.textAlign = "center";
        context.strokeStyle = ground(text);
        context.lineWidth = 3;
        context.lineJoin = "round";
        context.strokeText(text, middle, y);
        context.lineWidth = 1;
        label(context, text, middle, y, text === data.silence ? colours.faint : colours.ink, "center", size);
      }
      context.strokeStyle = colours.edge;
      context.strokeRect(gutter, lane.top + 0.5, plotWidth, lane.height - 1);
    });
  }
  function drawPosteriors(context, lane) {
    const ratio = window.devicePixelRatio || 1, columns = Math.max(1, Math.round(plotWidth * ratio));
    const picture = new ImageData(columns, rows.length), [red, green, blue] = colours.posterior.split(",").map(Number);
    const rate = data.posteriors.stepsPerSecond;
    for (let x = 0; x < columns; x++) {
      const first = Math.floor((from + (x + 0.5) / columns * (to - from)) * rate);
      const last = Math.max(first + 1, Math.floor((from + (x + 1.5) / columns * (to - from)) * rate));
      for (let row = 0; row < rows.length; row++) {
        let most = 0;
        for (let step = Math.max(0, first); step < Math.min(last, steps); step++)
          most = Math.max(most, posteriors[step * phoneCount + rowIds[row]]);
        picture.data.set([red, green, blue, most * 255 / data.posteriors.levels], (row * columns + x) * 4);
      }
    }
    const buffer = document.createElement("canvas");
    buffer.width = columns;
    buffer.height = rows.length;
    buffer.getContext("2d").putImageData(picture, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(buffer, gutter, lane.top, plotWidth, lane.height);
    const rowHeight = lane.height / rows.length;
    context.strokeStyle = colours.rule;
    context.lineWidth = 0.7;
    context.beginPath();
    const boundaries = inView(data.phones);
    if (boundaries.length < plotWidth / 6)
      for (const [, start, end] of boundaries)
        for (const edge of [start, end])
          if (edge >= from && edge <= to) { context.moveTo(toX(edge), lane.top); context.lineTo(toX(edge), lane.top + lane.height); }
    let row = 0;
    for (const [viseme, names] of data.posteriors.groups) {
      const y = lane.top + row * rowHeight;
      context.moveTo(gutter, y);
      context.lineTo(gutter + plotWidth, y);
      label(context, viseme, gutter + plotWidth + 6, y + names.length * rowHeight / 2, colours.faint, "left", 11);
      names.forEach((name, i) => label(context, name, gutter - 8, y + (i + 0.5) * rowHeight, colours.ink, "right", 11));
      row += names.length;
    }
    context.stroke();
    context.lineWidth = 1;
    context.strokeStyle = colours.edge;
    context.strokeRect(gutter, lane.top, plotWidth, lane.height);
  }
  function drawLine(context, lane, values, stride, offset, rate, [low, high], colour, dash) {
    const y = (value) => lane.top + lane.height - (value - low) / (high - low) * lane.height;
    const count = values.length / stride;
    const first = Math.max(0, Math.floor(from * rate - 1)), last = Math.min(count, Math.ceil(to * rate + 1));
    const every = Math.max(1, Math.floor((last - first) / plotWidth / 2));
    context.beginPath();
    for (let i = first; i < last; i += every) {
      const x = toX((i + 0.5) / rate);
      if (i === first) context.moveTo(x, y(values[i * stride + offset]));
      else context.lineTo(x, y(values[i * stride + offset]));
    }
    context.strokeStyle = colour;
    context.lineWidth = 1.6;
    context.setLineDash(dash);
    context.stroke();
    context.setLineDash([]);
  }
  function limits(values, least, floor) {
    let low = Infinity, high = -Infinity;
    for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
    if (floor !== undefined) low = Math.min(low, floor);
    const spare = Math.max(0, least - (high - low)) / 2 + 0.05 * (high - low);
    return [low - (floor === undefined ? spare : 0.03 * (high - low)), high + spare];
  }
  const ranges = {
    opening: limits(openings, 0.05, 0), width: limits(widths, 0.1),
    lipParameters: lipParameters && limits(lipParameters, 2),
  };
  function drawFrame(context, lane, [low, high], digits) {
    context.strokeStyle = colours.rule;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(gutter, lane.top);
    context.lineTo(gutter, lane.top + lane.height);
    context.lineTo(gutter + plotWidth, lane.top + lane.height);
    if (low < 0 && high > 0) {
      const zero = lane.top + lane.height * high / (high - low);
      context.moveTo(gutter, zero);
      context.lineTo(gutter + plotWidth, zero);
    }
    context.stroke();
    const spans = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5], every = spans.find((span) => span / (high - low) * lane.height > 16) || 5;
    for (let mark = Math.ceil(low / every); mark * every <= high; mark++) {
      const y = lane.top + lane.height * (high - mark * every) / (high - low);
      if (y > lane.top + 20) label(context, (mark * every).toFixed(digits).replace("-", "−"), gutter - 8, y, colours.faint, "right", 10);
    }
  }
  function drawLipParameters(context, lane) {
    drawFrame(context, lane, ranges.lipParameters, 0);
    const count = data.lip_parameters.names.length, lineHeight = Math.min(15, lane.height / count);
    clipped(context, lane, () => data.lip_parameters.names.forEach((_, i) =>
      drawLine(context, lane, lipParameters, count, i, data.lip_parameters.fps, ranges.lipParameters, colours[`curve${i % 3 + 1}`], dashes[i % 4])));
    data.lip_parameters.names.forEach((name, i) => {
      const y = lane.top + lane.height / 2 + (i - (count - 1) / 2) * lineHeight;
      context.beginPath();
      context.moveTo(gutter + plotWidth + 6, y);
      context.lineTo(gutter + plotWidth + 28, y);
      context.strokeStyle = colours[`curve${i % 3 + 1}`];
      context.lineWidth = 1.6;
      context.setLineDash(dashes[i % 4]);
      context.stroke();
      context.setLineDash([]);
      label(context, name, gutter + plotWidth + 32, y, colours.ink, "left", 11);
    });
  }
  function drawCurve(context, lane) {
    clipped(context, lane, () => {
      context.fillStyle = colours.bilabial;
      for (const [, start, end] of inView(bilabials)) context.fillRect(toX(start), lane.top, toX(end) - toX(start), lane.height);
    });
    drawFrame(context, lane, ranges[lane.name], 2);
    clipped(context, lane, () =>
      drawLine(context, lane, lane.name === "opening" ? openings : widths, 1, 0, fps, ranges[lane.name], colours.curve0, []));
  }
  function drawOverview() {
    const [context, width, height] = fitCanvas(byId("overview"));
    context.clearRect(0, 0, width, height);
    context.fillStyle = colours.raised;
    context.fillRect(gutter, 0, plotWidth, height);
    context.fillStyle = colours.wave;
    const peak = Math.max(...ranges.opening, 1e-3);
    for (let x = 0; x < plotWidth; x++) {
      const first = Math.floor(x / plotWidth * frames), last = Math.max(first + 1, Math.floor((x + 1) / plotWidth * frames));
      let most = 0;
      for (let i = first; i < Math.min(last, frames); i++) most = Math.max(most, openings[i]);
      context.fillRect(gutter + x, height - most / peak * height, 1, most / peak * height);
    }
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.5;
    context.strokeRect(gutter + from / total * plotWidth, 1, Math.max(3, (to - from) / total * plotWidth), height - 2);
    context.fillStyle = colours.head;
    context.fillRect(gutter + time / total * plotWidth - 0.75, 0, 1.5, height);
    label(context, "whole run", gutter - 8, height / 2, colours.ink, "right", 12);
  }

  // ---- what is said about now -----------------------------------------------------------------------------------------

  const pair = (seconds) => total >= 60
    ? `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}` : `${seconds.toFixed(2)} s`;
  function showNow() {
    const x = toX(time), inside = x >= gutter - 1 && x <= gutter + plotWidth + 1;
    byId("head").style.left = `${x}px`;
    byId("head").hidden = !inside;
    byId("clock").textContent = `${pair(time)} of ${pair(total)} · frame ${frameAt(time) + 1}/${frames}`;
    const phone = intervalAt(data.phones, time), word = intervalAt(data.words, time), shape = lipsAt(time);
    const name = phone ? phone[0] : "–";
    byId("phone").textContent = name;
    byId("viseme").textContent = phone && data.visemes[name] !== "silence" ? data.visemes[name] || "" : phone ? "silence" : "";
    byId("word").textContent = word ? word[0] : "–";
    byId("opening").textContent = `${openingOf(shape).toFixed(3)} ${unit}`;
    byId("width").textContent = `${widthOf(shape).toFixed(3)} ${unit}`;
    const list = byId("best");
    if (posteriors) best(time, data.bars).forEach(([candidate, value], i) => {
      const item = list.children[i] || list.appendChild(document.createElement("li"));
      if (!item.children.length) item.innerHTML = "<b></b><i class=bar></i><span></span>";
      item.style.visibility = value < data.leastShown ? "hidden" : "visible";
      item.children[0].textContent = candidate;
      item.children[1].style.width = `${100 * value}%`;
      item.children[2].textContent = ` ${value.toFixed(2)}`;
    });
    const slider = byId("timeline");
    slider.setAttribute("aria-valuemax", total.toFixed(2));
    slider.setAttribute("aria-valuenow", time.toFixed(2));
    slider.setAttribute("aria-valuetext", `${time.toFixed(2)} seconds, phone ${name}${word ? `, word ${word[0]}` : ""}`);
    byId("mouth").setAttribute("aria-label", `Lips, opening ${openingOf(shape).toFixed(2)} ${unit}`);
    drawMouth();
    drawOverview();
  }
  function showButtons() { byId("play").textContent = playing ? "❚❚ Pause" : "▶ Play"; }

  function hover(event) {
    const box = byId("timeline").getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const tip = byId("tip"), at = toTime(x);
    tip.hidden = x < gutter || x > gutter + plotWidth || at < 0 || at > total;
    if (tip.hidden) return;
    const phone = intervalAt(data.phones, at), word = intervalAt(data.words, at), lines = [pair(at)];
    if (word) lines[0] += `   ${word[0]}`;
    if (phone) {
      const sure = phone[3] === null ? "" : `, confidence ${phone[3].toFixed(2)}`;
      lines.push(`phone ${phone[0]} (${Math.round(1000 * (phone[2] - phone[1]))} ms${sure})`);
    }
    const lane = lanes.find((item) => y >= item.top && y < item.top + item.height);
    if (lane && lane.name === "posteriors") {
      const row = clamp(Math.floor((y - lane.top) / lane.height * rows.length), 0, rows.length - 1);
      lines.push(`posterior of ${rows[row]}: ${posterior(stepAt(at), rowIds[row]).toFixed(2)}`);
    } else if (lane && lane.name === "lip parameters") {
      const count = data.lip_parameters.names.length, frame = clamp(Math.floor(at * data.lip_parameters.fps), 0, lipParameters.length / count - 1);
      data.lip_parameters.names.forEach((name, i) => lines.push(`${name} ${lipParameters[frame * count + i].toFixed(2)} s.d.`));
    } else if (lane && (lane.name === "opening" || lane.name === "width")) {
      const values = lane.name === "opening" ? openings : widths;
      lines.push(`${lane.name} ${values[frameAt(at)].toFixed(3)} ${unit}`);
    } else if (phone && posteriors && rowIds.length) {
      const id = data.phoneNames.indexOf(phone[0]);
      if (id >= 0) lines.push(`posterior ${posterior(stepAt(at), id).toFixed(2)}`);
    }
    tip.textContent = lines.join("\n");
    tip.style.left = `${clamp(x + 14, 0, box.width - tip.offsetWidth)}px`;
    tip.style.top = `${clamp(y + 16, 0, Math.max(0, box.height - tip.offsetHeight))}px`;
  }

  // ---- hands ------------------------------------------------------------------------------------------------------------

  const timeline = byId("timeline"), overview = byId("overview");
  let dragging = false;
  const xOf = (event) => event.clientX - timeline.getBoundingClientRect().left;
  timeline.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    dragging = true;
    timeline.setPointerCapture(event.pointerId);
    seek(clamp(toTime(xOf(event)), from, to));
  });
  timeline.addEventListener("pointermove", (event) => {
    if (dragging) seek(clamp(toTime(xOf(event)), from, to));
    hover(event);
  });
  for (const name of ["pointerup", "pointercancel"]) timeline.addEventListener(name, () => { dragging = false; });
  timeline.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
  timeline.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey) zoom(Math.exp(-clamp(event.deltaY, -100, 100) / 250), clamp(toTime(xOf(event)), from, to));
    else if (sideways) setView(from + sideways / plotWidth * (to - from), to - from);
    else return;
    event.preventDefault();
  }, {passive: false});
  const moveView = (event) => {
    if (event.type === "pointermove" && !(event.buttons & 1)) return;
    overview.setPointerCapture(event.pointerId);
    const at = (event.clientX - overview.getBoundingClientRect().left - gutter) / plotWidth * total;
    if (to - from < total - 1e-6) setView(at - (to - from) / 2, to - from);
    else seek(at);
  };
  overview.addEventListener("pointerdown", moveView);
  overview.addEventListener("pointermove", moveView);
  byId("play").addEventListener("click", () => (playing ? pause() : play()));
  byId("back").addEventListener("click", () => stepFrames(-1));
  byId("forward").addEventListener("click", () => stepFrames(1));
  byId("in").addEventListener("click", () => zoom(1.6));
  byId("out").addEventListener("click", () => zoom(1 / 1.6));
  byId("fit").addEventListener("click", () => setView(0, total));
  for (const button of document.querySelectorAll(".speed"))
    button.addEventListener("click", () => setSpeed(Number(button.dataset.speed)));
  const keys = {
    " ": () => (playing ? pause() : play()),
    ArrowLeft: (event) => stepFrames(event.shiftKey ? -10 : -1),
    ArrowRight: (event) => stepFrames(event.shiftKey ? 10 : 1),
    Home: () => seek(0), End: () => seek(total),
    "+": () => zoom(1.6), "=": () => zoom(1.6), "-": () => zoom(1 / 1.6), 0: () => setView(0, total),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    if (event.key === " " && event.repeat) return;
    keys[event.key](event);
  });
  // Space on a focused button would press it again when it is let go.
  document.addEventListener("keyup", (event) => { if (event.key === " ") event.preventDefault(); });

  // ---- begin --------------------------------------------------------------------------------------------------------------

  function redraw() { readColours(); drawLanes(); showNow(); }
  const kept = [`${total.toFixed(2)} s`, `${frames} frames at ${Number(fps.toFixed(2))} a second`, `${data.layout}`];
  kept.push(data.sound ? "with sound" : "no sound");
  byId("facts").textContent = kept.join(" · ");
  const swatch = (style, text) => {
    const item = document.createElement("span"), mark = document.createElement("i");
    mark.style.cssText = `display:inline-block;width:22px;height:12px;${style}`;
    item.append(mark, text);
    byId("legend").append(item);
  };
  if (posteriors) swatch("background:linear-gradient(90deg,transparent,rgb(var(--posterior)));border:1px solid var(--edge)", "posterior 0 to 1");
  if (bilabials.length) swatch("background:var(--bilabial)", `${data.bilabialName}: lips should be shut`);
  swatch("height:0;border-top:2px solid var(--curve0)", `opening, width (${unit})`);
  if (lipParameters) swatch("height:0;border-top:2px dashed var(--curve1)", "lip parameters (standard deviations)");
  if (!posteriors) byId("best").hidden = true;
  new ResizeObserver(redraw).observe(byId("right"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  redraw();

  // What a script outside, such as a test, may read.
  window.phonolips = {
    get time() { return time; }, get playing() { return playing; }, get frame() { return frameAt(time); },
    get opening() { return openingOf(lipsAt(time)); }, get view() { return [from, to]; },
    get hasSound() { return audio !== null; }, get speed() { return speed; }, toX, lanes: () => lanes, audio: () => audio,
  };
})();
