// The studio's page without a page: edits, state, hands and words.

import assert from 'node:assert/strict';
import test from 'node:test';

const ui = (module) => import(new URL(`../../phonolips/show/studio/site/ui/${module}`, import.meta.url));
const engine = (module) => import(new URL(`../../phonolips/show/studio/site/engine/${module}`, import.meta.url));
const edits = await ui('edits.js');
const { alignmentOf, createStore, initialState, lipParametersOf, reduce, shownState } = await ui('state.js');
const { actionOfKey, boundaryNear, listenToPointers, selectionEdits } = await ui('timeline.js');
const { layOut, toTime, toX } = await ui('axis.js');
const { decode, Follower } = await ui('follow.js');
const { chooseLanguage, KEYS, LANGUAGES, say } = await ui('strings.js');
const { filmKinds } = await ui('film.js');
const { kindOf, mixDown } = await ui('files.js');
const { alignmentToPosteriors } = await engine('alignment.js');
const { PHONE_IDS, PHONES } = await engine('inventory.js');

const near = (one, two) => assert.ok(Math.abs(one - two) < 1e-6, `${one} is not ${two}`);

/** A result of 0.4 s: silence, B from 0.1, AA from 0.2 to 0.4 s; one word from 0.1 s. */
function resultOf(timing = 'audio') {
  const phones = [['sil', 0, 0.1], ['B', 0.1, 0.2], ['AA', 0.2, 0.4]].map(([label, start, end]) => ({ label, start, end }));
  const words = [{ label: '', start: 0, end: 0.1 }, { label: 'bah', start: 0.1, end: 0.4 }];
  const alignment = { words, phones, duration: 0.4, confidences: null };
  const lipParameters = Float32Array.from({ length: 30 }, (_, i) => i / 10);
  return { lips: new Float32Array(800), frames: 10, fps: 25, posteriors: alignmentToPosteriors(alignment, 40), steps: 40, lipParameters, lipParameterNames: ['opening', 'width', 'height'], alignment, speaker: 'mean', timing, samples: null, warnings: [] };
}
const madeState = (timing) => reduce(initialState, { type: 'made', result: resultOf(timing), options: {} });
const said = (document, step) => PHONES[document.posteriors.subarray(step * 40, step * 40 + 40).indexOf(1)];
const sums = (document) => Array.from({ length: document.steps }, (_, step) => document.posteriors.subarray(step * 40, step * 40 + 40).reduce((a, b) => a + b));

test('a boundary takes the steps between, the word that begins there, and leaves the rest', () => {
  const { document } = madeState();
  const moved = edits.moveBoundary(document, document.alignment, 'phones', 1, 0.053);
  near(moved.alignment.phones[0].end, 0.05);
  near(moved.alignment.phones[1].start, 0.05);
  near(moved.alignment.words[1].start, 0.05);
  assert.deepEqual([3, 4, 5, 9, 10, 20].map((step) => said(moved, step)), ['sil', 'sil', 'B', 'B', 'B', 'AA']);
  assert.equal(said(document, 7), 'sil');
  assert.deepEqual([...moved.kept], [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
});

test('a boundary stops a step before its neighbours', () => {
  const { document } = madeState();
  near(edits.moveBoundary(document, document.alignment, 'phones', 2, 0).alignment.phones[2].start, 0.11);
  near(edits.moveBoundary(document, document.alignment, 'phones', 2, 9).alignment.phones[2].start, 0.39);
  assert.equal(edits.moveBoundary(document, document.alignment, 'phones', 0, 0.2), document);
});

test('phones are renamed, inserted and deleted', () => {
  const { document } = madeState();
  const renamed = edits.rename(document, document.alignment, 'phones', 1, 'p');
  assert.equal(said(renamed, 12), 'P');
  assert.throws(() => edits.rename(document, document.alignment, 'phones', 1, 'QQ'), /not in the inventory/);
  const inserted = edits.insert(document, document.alignment, 'phones', 0.3, 'M');
  assert.deepEqual(inserted.alignment.phones.map(({ label }) => label), ['sil', 'B', 'AA', 'M']);
  assert.deepEqual([said(inserted, 29), said(inserted, 30)], ['AA', 'M']);
  const removed = edits.remove(document, document.alignment, 'phones', 1);
  assert.deepEqual(removed.alignment.phones, [{ label: 'sil', start: 0, end: 0.2 }, { label: 'AA', start: 0.2, end: 0.4 }]);
  assert.equal(said(removed, 15), 'sil');
});

test('painted and erased rows still sum to 1', () => {
  const { document } = madeState();
  const painted = edits.paint(document, PHONE_IDS.M, 25, 30, 0.7);
  near(painted.posteriors[27 * 40 + PHONE_IDS.M], 0.7);
  near(painted.posteriors[27 * 40 + PHONE_IDS.AA], 0.3);
  assert.equal(painted.alignment, null);
  const erased = edits.paint(painted, PHONE_IDS.AA, 20, 30, -1);
  near(erased.posteriors[22 * 40 + PHONE_IDS.sil], 1);
  near(erased.posteriors[27 * 40 + PHONE_IDS.M], 1);
  for (const sum of [...sums(painted), ...sums(erased)]) near(sum, 1);
  assert.equal(document.posteriors[27 * 40 + PHONE_IDS.M], 0);
});

test('a lip parameter is drawn along a line, either way, and others stay', () => {
  const { document, result } = madeState();
  const drawn = edits.draw(document, result.lipParameters, 1, [0.3, 3], [0.1, 1]);
  assert.deepEqual(Array.from({ length: 10 }, (_, frame) => drawn.lipParameters[3 * frame + 1].toFixed(1)), ['0.1', '0.4', '1.0', '1.4', '1.8', '2.2', '2.6', '3.0', '2.5', '2.8']);
  for (let frame = 0; frame < 10; frame++) near(drawn.lipParameters[3 * frame], result.lipParameters[3 * frame]);
  near(edits.shift(document, result.lipParameters, 0, 0, 0.08, 0.5).lipParameters[3], 0.8);
});

test('what text predicted stands only where it is drawn', () => {
  const state = madeState('predicted durations');
  assert.ok(state.document.kept.every((kept) => !kept));
  const document = edits.draw(state.document, lipParametersOf(state), 0, [0.1, 7], [0.1, 7]);
  assert.deepEqual([...document.kept], [0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  assert.ok(edits.predictAgain(document).kept.every((kept) => !kept));
});

test('a drag is one state to undo, and undo and redo go all the way', () => {
  const store = createStore(madeState());
  const first = store.state.document;
  for (const to of [0.11, 0.12, 0.13]) store.dispatch({ type: 'edited', gesture: 1, document: edits.moveBoundary(first, first.alignment, 'phones', 1, to) });
  store.dispatch({ type: 'edited', document: edits.rename(store.state.document, alignmentOf(store.state), 'phones', 2, 'IY') });
  const last = store.state.document;
  assert.equal(store.state.past.length, 2);
  store.dispatch({ type: 'undo' });
  near(store.state.document.alignment.phones[1].start, 0.13);
  store.dispatch({ type: 'undo' });
  assert.equal(store.state.document, first);
  store.dispatch({ type: 'undo' });
  store.dispatch({ type: 'redo' });
  store.dispatch({ type: 'redo' });
  assert.equal(store.state.document, last);
  assert.equal(store.state.future.length, 0);
});

test('an edit after undo forgets what was undone', () => {
  let state = madeState();
  state = reduce(state, { type: 'edited', document: edits.remove(state.document, alignmentOf(state), 'phones', 1) });
  state = reduce(state, { type: 'undo' });
  state = reduce(state, { type: 'edited', document: edits.rename(state.document, alignmentOf(state), 'phones', 1, 'M') });
  assert.equal(state.future.length, 0);
  assert.equal(reduce(state, { type: 'redo' }), state);
});

test('the view stays within the result, and follows the play head', () => {
  let state = reduce(madeState(), { type: 'view', from: -1, span: 0.2 });
  assert.deepEqual(state.view, [0, 0.2]);
  state = reduce(state, { type: 'seek', time: 0.35 });
  assert.ok(state.view[0] <= 0.35 && state.view[1] >= 0.35 && state.view[1] <= 0.4);
  assert.deepEqual(reduce(state, { type: 'zoom', by: 1e-3 }).view, [0, 0.4]);
  assert.equal(reduce(state, { type: 'seek', time: 99 }).time, 0.4);
});

test('live frames keep the last seconds only', () => {
  let state = reduce(initialState, { type: 'liveStarted', fps: 25, delaySeconds: 1, names: ['opening', 'width', 'height'] });
  assert.equal(shownState(state), state);
  for (let second = 0; second < 12; second++) {
    const message = { lips: new Float32Array(25 * 80).fill(second), frames: 25, posteriors: new Float32Array(4000).fill(second), lipParameters: new Float32Array(75).fill(second), phones: [{ label: 'AA', start: second, end: second + 1 }], behindSeconds: 0 };
    state = reduce(state, { type: 'liveFrames', message });
  }
  const shown = shownState(state);
  assert.equal(shown.result.frames, 200);
  assert.deepEqual([shown.result.lips[0], shown.result.lips.at(-1), shown.result.posteriors[0]], [4, 11, 4]);
  assert.deepEqual(shown.result.alignment.phones[0], { label: 'AA', start: 0, end: 1 });
  assert.equal(shown.time, 8);
});

test('places and times on the axis are each other’s inverse', () => {
  const state = madeState();
  const layout = layOut(state, 800);
  for (const time of [0, 0.1, 0.37]) near(toTime(layout, state.view, toX(layout, state.view, time)), time);
  const { phones } = state.document.alignment;
  assert.equal(boundaryNear(phones, layout, state.view, toX(layout, state.view, 0.2) + 5, 6), 2);
  assert.equal(boundaryNear(phones, layout, state.view, toX(layout, state.view, 0.15), 6), 0);
  assert.equal(boundaryNear(phones, layout, state.view, toX(layout, state.view, 0), 6), 0);
});

test('a pointer drags a boundary, and paints with the row that it began on', () => {
  const store = createStore(madeState());
  const hands = {};
  const element = { style: {}, addEventListener: (kind, act) => (hands[kind] = act), getBoundingClientRect: () => ({ left: 10, top: 20 }), setPointerCapture() {} };
  listenToPointers(element, store, () => layOut(store.state, 800));
  const at = (name, time, share = 0.5) => {
    const layout = layOut(store.state, 800);
    const lane = layout.lanes.find((one) => one.name === name);
    return { button: 0, pointerId: 1, pointerType: 'mouse', clientX: 10 + toX(layout, store.state.view, time), clientY: 20 + lane.top + share * lane.height };
  };
  hands.pointerdown(at('phones', 0.2));
  for (const time of [0.22, 0.26, 0.25]) hands.pointermove(at('phones', time));
  hands.pointerup({});
  near(store.state.document.alignment.phones[2].start, 0.25);
  assert.equal(store.state.past.length, 1);
  store.dispatch({ type: 'tool', tool: 'paint' });
  const layout = layOut(store.state, 800);
  const row = layout.rows.findIndex(({ name }) => name === 'M');
  hands.pointerdown(at('posteriors', 0.3, (row + 0.5) / layout.rows.length));
  hands.pointermove(at('posteriors', 0.35, 0.99));
  hands.pointerup({});
  assert.equal(said(store.state.document, 31), 'M');
  assert.equal(said(store.state.document, 34), 'M');
  assert.equal(store.state.past.length, 2);
  store.dispatch({ type: 'tool', tool: 'draw' });
  hands.pointerdown(at('parameters', 0.1, 0));
  hands.pointerup({});
  assert.ok(store.state.document.lipParameters[6] >= 3);
});

test('every edit has a key', () => {
  const press = (state, key, more) => reduce(state, actionOfKey(state, { key, ...more }));
  const state = madeState();
  near(press(state, 'ArrowLeft', { altKey: true }).document.alignment.phones[1].start, 0.09);
  near(press(state, 'ArrowRight', { altKey: true, shiftKey: true }).document.alignment.phones[1].end, 0.21);
  assert.equal(press(state, 'Delete').document.alignment.phones.length, 2);
  assert.equal(press(state, 'PageDown').selected.index, 2);
  assert.equal(press(state, 't').selected.tier, 'words');
  const painting = press(state, '2');
  assert.equal(painting.tool, 'paint');
  near(press(painting, 'ArrowUp').document.posteriors[PHONE_IDS.AA], 1);
  near(press(press(state, '4'), 'ArrowUp').document.lipParameters[0], 0.25);
  assert.equal(press(press(state, 'Delete'), 'z', { ctrlKey: true }).document, state.document);
  near(press(state, 'ArrowRight').time, 0.06);
  assert.equal(press(state, 'C').comparing, true);
  for (const [key, command] of [[' ', 'play'], ['Enter', 'rename'], ['Insert', 'insert'], ['i', 'insert']]) assert.equal(actionOfKey(state, { key }).command, command);
  assert.equal(actionOfKey(state, { key: 'Tab' }), null);
  assert.equal(actionOfKey(state, { key: 'toString' }), null);
  assert.equal(actionOfKey(initialState, { key: ' ' }), null);
  assert.equal(selectionEdits.moveStart(reduce(state, { type: 'select', tier: 'phones', index: 0 }), 0.1), state.document);
});

/** An engine that predicts 9 everywhere and hands back what it was given. */
const mock = (calls) => ({
  predictLipParameters: async (posteriors) => new Float32Array((posteriors.length / 160) * 3).fill(9),
  async fromPosteriors(posteriors, options) {
    calls.push(options);
    return { lipParameters: options.lipParameters, alignment: options.alignment ?? { words: [], phones: [{ label: 'M', start: 0, end: 0.3 }, { label: 'AA', start: 0.3, end: 0.41 }], duration: 0.41, confidences: [1, 1] } };
  },
});

test('lip parameters that stand are mixed with those predicted anew', async () => {
  const { document } = madeState();
  const edited = edits.rename(document, document.alignment, 'phones', 1, 'M');
  const calls = [];
  const { lipParameters } = await decode(mock(calls), edited);
  edited.kept.forEach((kept, frame) => near(lipParameters[3 * frame], kept ? document.lipParameters[3 * frame] : 9));
  assert.ok(edited.kept.includes(0) && edited.kept.includes(1));
  assert.equal(calls[0].alignment, edited.alignment);
});

test('words stay beside phones that are read from painted posteriors', async () => {
  const { document } = madeState();
  const { alignment } = await decode(mock([]), edits.paint(document, PHONE_IDS.M, 0, 30, 1));
  assert.equal(alignment.words, document.words);
  near(alignment.phones.at(-1).end, 0.4);
});

test('only the newest document is decoded, and a known one never again', async () => {
  const first = madeState().document;
  const documents = [0.11, 0.12, 0.13].map((to) => edits.moveBoundary(first, first.alignment, 'phones', 1, to));
  const calls = [];
  const shown = [];
  let current = first;
  const follower = new Follower({ current: () => current, made: (document) => shown.push(document), failed: (error) => assert.fail(error) });
  follower.remember(first, {});
  current = documents[0];
  const done = follower.follow(mock(calls));
  for (const next of documents.slice(1)) {
    current = next;
    follower.follow(mock(calls));
  }
  await done;
  assert.deepEqual(shown, [documents[0], documents[2]]);
  current = first;
  await follower.follow(mock(calls));
  assert.equal(calls.length, 2);
  assert.equal(shown.at(-1), first);
});

test('every word is there in every language, with the same values', () => {
  const values = (text) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
  for (const key of KEYS) {
    const [one, ...others] = Object.keys(LANGUAGES).map((language) => say(language, key));
    for (const other of others) {
      assert.ok(other.length);
      assert.deepEqual(values(other), values(one), key);
    }
  }
  assert.throws(() => say('en', 'nothing'), /no words/);
  assert.equal(say('de', 'say.saved', { file: 'x.zip' }), 'x.zip gespeichert');
  assert.equal(chooseLanguage(['fr-FR', 'de-AT', 'en']), 'de');
  assert.equal(chooseLanguage(['fr']), 'en');
});

test('films are of the kinds that the browser has, one of each ending', () => {
  assert.deepEqual(filmKinds((type) => type.startsWith('video/webm')), [['webm', 'video/webm;codecs=vp9,opus']]);
  assert.deepEqual(filmKinds(() => true).map(([ending]) => ending), ['mp4', 'webm']);
  assert.deepEqual(filmKinds(() => false), []);
});

test('files are known by their names, and channels are mixed', () => {
  assert.deepEqual(['a.ZIP', 'lips.npz', 'x.TextGrid', 'me.json', 'a.mp3', 'noname'].map((name) => kindOf({ name })), ['run', 'run', 'alignment', 'speaker', 'sound', 'sound']);
  assert.deepEqual([...mixDown([Float32Array.of(1, 0), Float32Array.of(0, -1)])], [0.5, -0.5]);
});
