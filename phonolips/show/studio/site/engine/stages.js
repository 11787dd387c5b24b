// Sound to posteriors to lips, piece by piece with true margins; follows phonolips/model/{stream,activity,anticipation,
// personal,motion}.py. A stage takes the next rows and returns those that have what they need; where they are cut
// changes nothing but rounding.

import { NUM_PHONES, SILENCE_ID } from './inventory.js';
import { PhoneTier } from './decode.js';
import { readCurve } from './lips/curve.js';
import * as motion from './lips/motion.js';
import { LIP_NUMBERS, opening } from './lips/shapes.js';
import { LOOK_SAMPLES, logMelPadded, NUM_MELS, SILENT_MEL } from './mel.js';
import { Rows, Window } from './rows.js';
import { exactFps, FRAME_SAMPLES, framesIn, interpolate, MODEL_FPS, SAMPLE_RATE, STEP_SAMPLES, STEPS_PER_FRAME, STEPS_PER_SECOND } from './timebase.js';

export const CHUNK_FRAMES = 250; // 10 s
const f32 = Math.fround;
const noLips = () => Rows.none(LIP_NUMBERS);

/** Fill up rows with the last one, so that there are a multiple of `unit`. */
function padEdge(rows, unit) {
  const missing = (unit - (rows.count % unit)) % unit;
  return missing ? Rows.join([rows, ...Array(missing).fill(rows.part(rows.count - 1))]) : rows;
}

/** Sound to log-mel; the last frame of four steps is completed with silence. */
class MelStage {
  window = new Window(STEP_SAMPLES, LOOK_SAMPLES, STEP_SAMPLES);

  samples = 0;

  push(samples, last = false) {
    this.samples += samples.length;
    let given = samples;
    const missing = last ? (FRAME_SAMPLES - (this.samples % FRAME_SAMPLES)) % FRAME_SAMPLES : 0;
    if (missing) {
      given = new Float32Array(samples.length + missing);
      given.set(samples);
    }
    const { rows, back, own } = this.window.push(new Rows(given, 1), last);
    if (!own) return Rows.none(NUM_MELS);
    const padded = new Float32Array(rows.count + 2 * STEP_SAMPLES);
    padded.set(rows.data, STEP_SAMPLES);
    const first = STEP_SAMPLES + back - LOOK_SAMPLES;
    return new Rows(logMelPadded(padded.subarray(first, STEP_SAMPLES + back + own + LOOK_SAMPLES)), NUM_MELS);
  }
}

const [NO_SPEECH_LOGIT, SPEECH_LOGIT, KEPT_FRAMES, PHONES_FRAMES, FEW_PHONES, MANY_PHONES, SMOOTH_FRAMES] = [-1, 1, 6, 8, 0.2, 0.4, 2];
const ACTIVITY_REACH_FRAMES = Math.max(KEPT_FRAMES, PHONES_FRAMES) + 2 * SMOOTH_FRAMES + 1;
const between = (value, low, high) => Math.min(Math.max((value - low) / (high - low), 0), 1);

/** Look so many frames to each side, the ends repeated, and make one number of what is there. */
function around(values, frames, combine) {
  const last = values.length - 1;
  return Float64Array.from(values, (_, i) => {
    const seen = [];
    for (let k = i - frames; k <= i + frames; k++) seen.push(values[Math.min(Math.max(k, 0), last)]);
    return combine(seen);
  });
}

const most = (seen) => Math.max(...seen);
const least = (seen) => Math.min(...seen);
const mean = (seen) => seen.reduce((sum, value) => sum + value, 0) / seen.length;

/** Compute how much of the encoder's output is to be believed: 1 is speech, 0 sound that nobody speaks in. */
function speechWeights(logits, posteriors) {
  const speech = around(logits, KEPT_FRAMES, most).map((value) => between(value, NO_SPEECH_LOGIT, SPEECH_LOGIT));
  const found = Float64Array.from(logits, (_, frame) => {
    let value = -Infinity;
    for (let step = frame * STEPS_PER_FRAME; step < (frame + 1) * STEPS_PER_FRAME; step++) value = Math.max(value, 1 - posteriors[step * NUM_PHONES + SILENCE_ID]);
    return value;
  });
  const phones = around(found, PHONES_FRAMES, most).map((value) => between(value, FEW_PHONES, MANY_PHONES));
  const certain = around(speech.map((value, i) => (1 - value) * phones[i]), SMOOTH_FRAMES, least);
  return around(certain, SMOOTH_FRAMES, mean).map((value) => 1 - value);
}

/** Mix silence and rest into an encoder's output, in place; what has weight 1 stays as it is. */
function restWhereSilent({ posteriors, lipParameters }, weights, rest) {
  if (weights.every((weight) => weight === 1)) return;
  const frames = weights.length;
  const places = Float64Array.from({ length: frames }, (_, i) => i);
  const times = Float64Array.from({ length: frames * STEPS_PER_FRAME }, (_, i) => (i + 0.5) / STEPS_PER_FRAME - 0.5);
  interpolate(times, places, weights).forEach((exact, step) => {
    const weight = f32(exact);
    if (weight === 1) return;
    for (let phone = 0; phone < NUM_PHONES; phone++) {
      const at = step * NUM_PHONES + phone;
      posteriors[at] = weight * posteriors[at] + (phone === SILENCE_ID ? 1 - weight : 0);
    }
  });
  const names = rest.length;
  weights.forEach((exact, frame) => {
    const weight = f32(exact);
    if (weight === 1) return;
    for (let k = 0; k < names; k++) lipParameters[frame * names + k] = weight * lipParameters[frame * names + k] + (1 - weight) * rest[k];
  });
}

/** Return the lip parameters of a mouth at rest: in the middle of a long silence. */
async function restLipParameters(model) {
  if (!model.rest) {
    const { back, ahead } = model.movesReach;
    const silence = new Float32Array((back + 1 + ahead) * STEPS_PER_FRAME * NUM_PHONES);
    for (let at = SILENCE_ID; at < silence.length; at += NUM_PHONES) silence[at] = 1;
    const names = model.lipParameterNames.length;
    model.rest = (await model.predictMoves(silence)).slice(back * names, (back + 1) * names);
  }
  return model.rest;
}

/** How far a frame's encoder output looks to each side: {back frames, ahead steps}. */
function soundReach(model, voiceActivity) {
  const { back, ahead } = model.encoderReach;
  let wholeBack = back + model.movesReach.back;
  let wholeAhead = ahead + STEPS_PER_FRAME * model.movesReach.ahead;
  if (voiceActivity && model.graphs.voice_activity) {
    const active = model.activityReach;
    wholeBack = Math.max(wholeBack, Math.max(back, active) + ACTIVITY_REACH_FRAMES);
    wholeAhead = Math.max(wholeAhead, Math.max(ahead, STEPS_PER_FRAME * active) + STEPS_PER_FRAME * ACTIVITY_REACH_FRAMES);
  }
  return { back: wholeBack, ahead: wholeAhead };
}

const encoderRows = (model, posteriors, lipParameters) => ({
  posteriors: new Rows(posteriors, NUM_PHONES),
  lipParameters: new Rows(lipParameters, model.lipParameterNames.length || 1),
});
const nothing = (model) => encoderRows(model, new Float32Array(0), new Float32Array(0));

/** Sound to encoder output: {posteriors, lipParameters} as Rows. */
export class SoundStage {
  constructor(model, { voiceActivity = true } = {}) {
    this.model = model;
    this.voiceActivity = voiceActivity && Boolean(model.graphs.voice_activity);
    this.mel = new MelStage();
    const reach = soundReach(model, voiceActivity);
    this.window = new Window(STEPS_PER_FRAME * reach.back, reach.ahead, STEPS_PER_FRAME);
    this.aheadSeconds = LOOK_SAMPLES / SAMPLE_RATE + reach.ahead / STEPS_PER_SECOND;
  }

  async push(samples, last = false) {
    const { model } = this;
    const chunk = this.window.push(this.mel.push(samples, last), last);
    if (!chunk.own) return nothing(model);
    const mel = padEdge(chunk.rows, STEPS_PER_FRAME).data;
    const made = await model.encodeMel(mel);
    if (this.voiceActivity) {
      const reach = model.activityReach;
      const margin = reach * STEPS_PER_FRAME * NUM_MELS;
      const padded = new Float32Array(mel.length + 2 * margin).fill(SILENT_MEL);
      padded.set(mel, margin);
      const odds = await model.logOdds(padded);
      const weights = speechWeights(odds.subarray(reach, odds.length - reach), made.posteriors);
      restWhereSilent(made, weights, await restLipParameters(model));
    }
    const rows = encoderRows(model, made.posteriors, made.lipParameters);
    const [first, end] = [chunk.back, chunk.back + chunk.own];
    return {
      posteriors: rows.posteriors.copy(first, end),
      lipParameters: rows.lipParameters.copy(first / STEPS_PER_FRAME, end / STEPS_PER_FRAME),
    };
  }
}

/** Posteriors to lip parameters, where there is no sound to encode them from. */
export class PredictStage {
  constructor(model) {
    this.model = model;
    this.aheadFrames = model.movesReach.ahead;
    this.window = new Window(STEPS_PER_FRAME * model.movesReach.back, STEPS_PER_FRAME * this.aheadFrames);
  }

  async push(posteriors, last = false) {
    const chunk = this.window.push(posteriors, last);
    if (!chunk.own) return nothing(this.model);
    const rows = encoderRows(this.model, chunk.rows.data, await this.model.predictMoves(chunk.rows.data));
    const [first, end] = [chunk.back, chunk.back + chunk.own];
    return {
      posteriors: rows.posteriors.copy(first, end),
      lipParameters: rows.lipParameters.copy(first / STEPS_PER_FRAME, end / STEPS_PER_FRAME),
    };
  }
}

const ANTICIPATION_STEPS = 12;
const SHARES = Array.from({ length: ANTICIPATION_STEPS }, (_, i) => f32(0.5 * (1 + Math.cos((Math.PI * (i + 1)) / (ANTICIPATION_STEPS + 1)))));

/** Fade silence into the speech that follows within 0.12 s. */
function anticipate(posteriors, lipParameters) {
  const steps = posteriors.count;
  const [phones, names] = [NUM_PHONES, lipParameters.width];
  const size = phones + names;
  const values = new Float32Array(steps * size);
  const silence = new Float32Array(steps);
  for (let step = 0; step < steps; step++) {
    values.set(posteriors.data.subarray(step * phones, (step + 1) * phones), step * size);
    const frame = Math.floor(step / STEPS_PER_FRAME);
    if (lipParameters.count) values.set(lipParameters.data.subarray(frame * names, (frame + 1) * names), step * size + phones);
    silence[step] = posteriors.data[step * phones + SILENCE_ID];
  }
  const faded = new Float32Array(values.length);
  const kept = new Float32Array(steps).fill(1);
  const still = silence.slice();
  for (let ahead = 1; ahead <= ANTICIPATION_STEPS && ahead < steps; ahead++) {
    for (let step = 0; step < steps - ahead; step++) {
      const weight = f32(f32(SHARES[ahead - 1] * still[step]) * f32(1 - silence[step + ahead]));
      if (weight) for (let k = 0; k < size; k++) faded[step * size + k] += f32(weight * values[(step + ahead) * size + k]);
      kept[step] -= weight;
      still[step] *= silence[step + ahead];
    }
  }
  const mixed = new Float32Array(steps * phones);
  const moves = new Float32Array(lipParameters.data.length);
  for (let step = 0; step < steps; step++) {
    for (let k = 0; k < size; k++) {
      const value = f32(f32(kept[step] * values[step * size + k]) + faded[step * size + k]);
      if (k < phones) mixed[step * phones + k] = value;
      else if (moves.length) moves[Math.floor(step / STEPS_PER_FRAME) * names + k - phones] += value / STEPS_PER_FRAME;
    }
  }
  return [new Rows(mixed, phones), new Rows(moves, names)];
}

export class AnticipateStage {
  aheadFrames = ANTICIPATION_STEPS / STEPS_PER_FRAME;

  posteriors = new Window(0, ANTICIPATION_STEPS, STEPS_PER_FRAME);

  lipParameters = new Window(0, this.aheadFrames);

  push(part, last = false) {
    const steps = this.posteriors.push(part.posteriors, last);
    const frames = this.lipParameters.push(part.lipParameters, last);
    if (!steps.own) return { posteriors: part.posteriors.part(0, 0), lipParameters: part.lipParameters.part(0, 0) };
    const [posteriors, lipParameters] = anticipate(steps.rows, frames.rows);
    return { posteriors: posteriors.copy(0, steps.own), lipParameters: lipParameters.copy(0, frames.own) };
  }
}

const PHONE_REACH_FRAMES = 3;
const SPREAD = Array.from({ length: 2 * PHONE_REACH_FRAMES + 1 }, (_, i) => f32(Math.exp(-0.5 * (i - PHONE_REACH_FRAMES) ** 2)));

/** Measure how much each phone sounds around a frame, 40 numbers a frame, of frames [first, stop). */
function soundingPhones(posteriors, aheadFrames, first, stop) {
  const count = posteriors.length / (NUM_PHONES * STEPS_PER_FRAME);
  const frames = new Float32Array(count * NUM_PHONES);
  for (let i = 0; i < posteriors.length; i++) {
    const frame = Math.floor(i / (NUM_PHONES * STEPS_PER_FRAME));
    frames[frame * NUM_PHONES + (i % NUM_PHONES)] += posteriors[i] / STEPS_PER_FRAME;
  }
  const result = new Float32Array((stop - first) * NUM_PHONES);
  for (let frame = first; frame < stop; frame++) {
    let total = 0;
    for (let k = 0; k < PHONE_REACH_FRAMES + 1 + aheadFrames; k++) {
      const other = frame + k - PHONE_REACH_FRAMES;
      if (other < 0 || other >= count) continue;
      total += SPREAD[k];
      for (let phone = 0; phone < NUM_PHONES; phone++) result[(frame - first) * NUM_PHONES + phone] += SPREAD[k] * frames[other * NUM_PHONES + phone];
    }
    for (let phone = 0; phone < NUM_PHONES; phone++) result[(frame - first) * NUM_PHONES + phone] /= total;
  }
  return result;
}

/** Make the decoder's outputs a speaker's own: a gain, a mixing, and something at every phone. */
function personalOutputs(model, outputs, speaker, posteriors, first, stop, aheadFrames) {
  const count = model.outputs;
  const made = outputs.map((value) => value * f32(speaker.gain));
  const sounding = speaker.phoneOffsets ? soundingPhones(posteriors, aheadFrames, first, stop) : null;
  for (let frame = 0; frame < stop - first; frame++) {
    for (let k = 0; k < count; k++) {
      let more = 0;
      if (speaker.mixing) for (let j = 0; j < count; j++) more += outputs[frame * count + j] * speaker.mixing[j * count + k];
      if (sounding) for (let phone = 0; phone < NUM_PHONES; phone++) more += sounding[frame * NUM_PHONES + phone] * speaker.phoneOffsets[phone * count + k];
      made[frame * count + k] += more;
    }
  }
  return made;
}

/** Posteriors and lip parameters to a speaker's lips, Rows of 80, at 25 frames a second. */
export class DecodeStage {
  constructor(model, speaker) {
    Object.assign(this, { model, speaker, state: model.startState() });
    this.aheadFrames = model.decoderReach.ahead;
    const back = Math.max(model.decoderReach.back, PHONE_REACH_FRAMES);
    this.posteriors = new Window(STEPS_PER_FRAME * back, STEPS_PER_FRAME * this.aheadFrames);
    this.lipParameters = new Window(back, this.aheadFrames);
    this.phonesAhead = Math.min(PHONE_REACH_FRAMES, this.aheadFrames);
  }

  async push(part, last = false) {
    const steps = this.posteriors.push(part.posteriors, last);
    const frames = this.lipParameters.push(part.lipParameters, last);
    if (!steps.own) return noLips();
    const { model, speaker } = this;
    const first = steps.back / STEPS_PER_FRAME;
    const stop = first + steps.own / STEPS_PER_FRAME;
    const { outputs, state } = await model.decodeFrames(steps.rows.data, frames.rows.data, Float32Array.from(speaker.embedding), this.state, first, stop);
    this.state = state;
    const personal = personalOutputs(model, outputs, speaker, steps.rows.data, first, stop, this.phonesAhead);
    return new Rows(model.outputsToLips(personal, speaker.meanLip), LIP_NUMBERS);
  }
}

export class ExaggerateStage {
  constructor(liveliness, aheadFrames = motion.EXAGGERATION_REACH_FRAMES) {
    this.liveliness = liveliness;
    this.aheadFrames = liveliness ? aheadFrames : 0;
    this.window = new Window(motion.EXAGGERATION_REACH_FRAMES, this.aheadFrames);
  }

  push(lips, last = false) {
    const { rows, back, own } = this.window.push(lips, last);
    if (!own) return noLips();
    return new Rows(motion.exaggerate(rows.data, this.liveliness, this.aheadFrames), LIP_NUMBERS).copy(back, back + own);
  }
}

/** How far the mouth is at rest, from the phones of steps; beyond `aheadFrames` silence is thought to go on. */
export class RestStage {
  constructor(aheadFrames = motion.REST_REACH_FRAMES) {
    this.aheadFrames = aheadFrames;
    this.window = new Window(STEPS_PER_FRAME * motion.REST_REACH_FRAMES, STEPS_PER_FRAME * aheadFrames, STEPS_PER_FRAME);
  }

  push(labels, last = false) {
    const { rows, back, own } = this.window.push(labels, last);
    if (!own) return Rows.none(1);
    const seen = (this.aheadFrames + 0.5) / MODEL_FPS;
    const weights = motion.restWeights(new PhoneTier().push(rows.data, true), Math.floor(rows.count / STEPS_PER_FRAME), seen);
    return new Rows(weights.slice(back / STEPS_PER_FRAME, Math.floor((back + own) / STEPS_PER_FRAME)), 1);
  }
}

const NEIGHBOURS = 3;

/** Read the continuous lip curve at another frame rate while it comes. */
export class ResampleStage {
  constructor(fps = MODEL_FPS) {
    this.fps = exactFps(fps);
    this.passes = this.fps === MODEL_FPS;
    this.held = noLips();
    this.first = 0;
    this.read = 0;
  }

  get aheadSeconds() {
    return this.passes ? 0 : 2.5 / MODEL_FPS - 0.5 / this.fps;
  }

  push(lips, seconds = null) {
    this.held = Rows.join([this.held, lips]);
    const frames = this.first + this.held.count;
    let end;
    if (seconds !== null) end = frames ? framesIn(seconds, this.fps) : 0;
    else if (this.passes) end = frames;
    else end = Math.max(this.read, Math.ceil(((frames - 1.5) * this.fps) / MODEL_FPS - 0.5 - 1e-9));
    const made = end > this.read ? this.readUntil(end) : noLips();
    this.read = end;
    return made;
  }

  readUntil(end) {
    if (this.passes) {
      const made = this.held.copy(0, Math.min(end - this.read, this.held.count));
      this.first += this.held.count;
      this.held = noLips();
      return made;
    }
    const times = Float64Array.from({ length: end - this.read }, (_, i) => (this.read + i + 0.5) / this.fps - this.first / MODEL_FPS);
    const made = new Rows(readCurve(this.held.data, LIP_NUMBERS, MODEL_FPS, times), LIP_NUMBERS);
    const nextPlace = Math.trunc(((end + 0.5) * MODEL_FPS) / this.fps - 0.5);
    const spare = Math.max(0, Math.min(nextPlace - this.first, this.held.count) - NEIGHBOURS);
    this.held = this.held.copy(spare);
    this.first += spare;
    return made;
  }
}

/** Close the lips in phones that close them, while they come. */
export class ClosureStage {
  constructor(fps) {
    this.fps = fps;
    const longest = motion.LONGEST_STEPS / STEPS_PER_SECOND;
    this.lipsSeconds = motion.CLOSING_SECONDS + Math.max(longest, longest / 2 + 0.5 / fps);
    this.phonesSteps = Math.ceil(this.lipsSeconds * STEPS_PER_SECOND - 1e-9) + 1;
    this.lips = noLips();
    this.frame = 0; // which of all the first one held is
    this.made = 0;
    this.labels = Rows.none(1, Int32Array);
    this.beliefs = Rows.none(motion.CLOSURES.length);
    this.step = 0;
  }

  get aheadFrames() {
    return Math.max(0, Math.ceil(this.lipsSeconds * this.fps - 1e-9) - 1);
  }

  get phonesSeconds() {
    return this.phonesSteps / STEPS_PER_SECOND - 0.5 / this.fps;
  }

  push(lips, labels, beliefs, last = false) {
    this.lips = Rows.join([this.lips, lips]);
    this.labels = Rows.join([this.labels, labels]);
    this.beliefs = Rows.join([this.beliefs, beliefs]);
    let end = this.frame + this.lips.count;
    if (!last) {
      const known = (this.step + this.labels.count - this.phonesSteps) / STEPS_PER_SECOND;
      end = Math.max(this.made, Math.min(end - this.aheadFrames, Math.floor(known * this.fps + 0.5 + 1e-9)));
    }
    if (end === this.made) return noLips();
    const found = motion.heardClosures(this.labels.data, this.beliefs.data, this.step);
    const heights = motion.closingHeights(opening(this.lips.data), found, this.fps, { firstFrame: this.frame, ended: last });
    const [from, to] = [this.made - this.frame, end - this.frame];
    const kinds = motion.CLOSURES.length;
    const closed = motion.closeBy(this.lips.copy(from, to).data, heights.subarray(from * kinds, to * kinds));
    this.made = end;
    this.letGo();
    return new Rows(closed, LIP_NUMBERS);
  }

  letGo() {
    const frames = Math.min(Math.max(0, this.made - this.aheadFrames - 1 - this.frame), this.lips.count);
    this.lips = this.lips.copy(frames);
    this.frame += frames;
    const first = Math.floor(((this.made + 0.5) / this.fps) * STEPS_PER_SECOND) - this.phonesSteps - motion.LONGEST_STEPS;
    const steps = Math.min(Math.max(0, first - this.step), this.labels.count);
    this.labels = this.labels.copy(steps);
    this.beliefs = this.beliefs.copy(steps);
    this.step += steps;
  }
}

/** Close the lips in phones that close them without waiting for their ends. */
export class QuickClosureStage {
  aheadFrames = 0;

  constructor(fps, phonesAheadSeconds) {
    this.fps = fps;
    const ahead = Math.min(motion.CLOSING_SECONDS, phonesAheadSeconds + 0.5 / fps);
    this.aheadSteps = Math.floor(ahead * STEPS_PER_SECOND + 1e-7);
    this.backSteps = Math.ceil(motion.CLOSING_SECONDS * STEPS_PER_SECOND);
    this.lips = noLips();
    this.made = 0;
    this.labels = Rows.none(1, Int32Array);
    this.beliefs = Rows.none(motion.CLOSURES.length);
    this.step = 0;
  }

  get phonesSeconds() {
    return Math.max(0, this.aheadSteps / STEPS_PER_SECOND - 0.5 / this.fps);
  }

  push(lips, labels, beliefs, last = false) {
    this.lips = Rows.join([this.lips, lips]);
    this.labels = Rows.join([this.labels, labels]);
    this.beliefs = Rows.join([this.beliefs, beliefs]);
    let frames = this.lips.count;
    if (!last) {
      const known = (this.step + this.labels.count - this.aheadSteps) / STEPS_PER_SECOND;
      frames = Math.min(frames, Math.max(0, Math.floor(known * this.fps + 0.5 + 1e-9) - this.made));
    }
    if (!frames) return noLips();
    const own = this.lips.copy(0, frames).data;
    this.lips = this.lips.copy(frames);
    const times = Float64Array.from({ length: frames }, (_, i) => (this.made + i + 0.5) / this.fps);
    const heights = motion.quickHeights(opening(own), times, this.labels.data, this.beliefs.data, this.step, this.aheadSteps);
    this.made += frames;
    const first = Math.floor(((this.made + 0.5) / this.fps) * STEPS_PER_SECOND) - this.backSteps - 1;
    const spare = Math.min(Math.max(0, first - this.step), this.labels.count);
    this.labels = this.labels.copy(spare);
    this.beliefs = this.beliefs.copy(spare);
    this.step += spare;
    return new Rows(motion.closeBy(own, heights), LIP_NUMBERS);
  }
}

/** How much sound after the end of a frame a model needs for its lips, voice activity included. */
export const looksAheadSeconds = (model) => new SoundStage(model).aheadSeconds + model.decoderReach.ahead / MODEL_FPS;
