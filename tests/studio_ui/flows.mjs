// What people do in the studio, with real mouse and keys: node flows.mjs ADDRESS NODE_MODULES CHROMIUM CLIP.wav RUN.zip OUT

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [address, modules, executablePath, clip, run, out] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, 'x.js'))('playwright-core');
const fake = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${clip}`];
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', ...fake] });
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, permissions: ['microphone'], locale: 'en-GB' });
  const page = await context.newPage();
  const faults = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => !request.url().startsWith(address) && !/^(blob|data):/.test(request.url()) && faults.push(`fetched ${request.url()}`));
  await page.goto(address);
  await page.waitForFunction(() => window.studio?.state.engine);
  const look = (body, argument) => page.evaluate(body, argument);
  const settled = () => page.waitForFunction(() => !window.studio.isFollowing && !window.studio.state.busy);
  const labels = () => look(() => window.studio.state.document.alignment.phones.map(({ label }) => label));

  // a speaker of one's own, before there is anything to edit
  await page.setInputFiles('#file', join(out, 'ada.json'));
  await page.waitForFunction(() => document.querySelector('#notice').textContent.includes('ada'));
  await page.fill('#text', 'My boat.');
  await page.click('#speak');
  await page.waitForFunction(() => window.studio.state.result?.speaker === 'ada');
  await page.selectOption('#speaker', 'mean');
  await page.waitForFunction(() => window.studio.state.result.speaker === 'mean');
  await page.fill('#text', 'Maybe Bob will move.');
  await page.click('#speak');
  await page.waitForFunction(() => window.studio.state.title === 'Maybe Bob will move.');
  await settled();
  await context.setOffline(true);

  // a boundary is dragged, undone, done again
  const edge = await look(() => {
    const { state } = window.studio;
    const layout = window.studio.layout();
    const lane = layout.lanes.find(({ name }) => name === 'phones');
    const perSecond = layout.plotWidth / (state.view[1] - state.view[0]);
    window.first = state.result.lips;
    return { start: state.document.alignment.phones[4].start, x: layout.gutter + state.document.alignment.phones[4].start * perSecond, y: lane.top + lane.height / 2, perSecond };
  });
  const start = () => look(() => window.studio.state.document.alignment.phones[4].start);
  const moved = () => look(() => Math.max(...window.first.map((value, i) => Math.abs(value - window.studio.state.result.lips[i]))));
  let box = await page.locator('#timeline').boundingBox();
  await page.mouse.move(box.x + edge.x, box.y + edge.y);
  await page.mouse.down();
  await page.mouse.move(box.x + edge.x + 0.05 * edge.perSecond, box.y + edge.y, { steps: 6 });
  await page.mouse.up();
  await settled();
  assert.ok(Math.abs((await start()) - edge.start - 0.05) < 0.011);
  assert.ok((await moved()) > 0.005);
  await page.keyboard.press('Control+z');
  await settled();
  assert.equal(await start(), edge.start);
  assert.equal(await moved(), 0);

  // a phone is renamed, inserted and deleted by keys; one that is none is told
  await page.focus('#timeline');
  await page.keyboard.press('PageUp');
  await page.keyboard.press('Enter');
  await page.keyboard.type('UW');
  await page.keyboard.press('Enter');
  await settled();
  assert.ok((await labels()).includes('UW'));
  const count = (await labels()).length;
  await page.keyboard.press('i');
  await settled();
  assert.equal((await labels()).length, count + 1);
  await page.keyboard.press('Delete');
  await settled();
  assert.equal((await labels()).length, count);
  await page.keyboard.press('Enter');
  await page.fill('#label', 'QQ');
  await page.keyboard.press('Enter');
  assert.match(await page.textContent('#error'), /phone 'QQ' is not in the inventory/);

  // out: a run, an export, a film
  const saved = async (click, name) => {
    const [file] = await Promise.all([page.waitForEvent('download'), click()]);
    await file.saveAs(join(out, name));
    return file.suggestedFilename();
  };
  await saved(() => page.click('#save'), 'saved.zip');
  await page.click('#export');
  assert.equal(await saved(() => page.click('#formats button:has-text("arkit.json")'), 'arkit.json'), 'arkit.json');
  assert.match(await saved(() => page.click('#films button >> nth=0'), 'mouth.film'), /^mouth\.(mp4|webm)$/);

  // posteriors are painted
  await page.focus('#timeline');
  await page.keyboard.press('2');
  await page.waitForTimeout(200);
  const stroke = await look(() => {
    const layout = window.studio.layout();
    const lane = layout.lanes.find(({ name }) => name === 'posteriors');
    const row = layout.rows.findIndex(({ name }) => name === 'M');
    return { y: lane.top + ((row + 0.5) * lane.height) / layout.rows.length, from: layout.gutter + layout.plotWidth * 0.5, to: layout.gutter + layout.plotWidth * 0.56 };
  });
  box = await page.locator('#timeline').boundingBox();
  await page.mouse.move(box.x + stroke.from, box.y + stroke.y);
  await page.mouse.down();
  await page.mouse.move(box.x + stroke.to, box.y + stroke.y, { steps: 10 });
  await page.mouse.up();
  await settled();
  assert.equal(await look(() => window.studio.state.document.alignment), null);
  assert.equal(await look(() => window.studio.state.brush.phone), 'M');

  // in: a run of the command line, a sound, what is none, a script that cannot be read, the microphone
  await page.setInputFiles('#file', run);
  await page.waitForFunction(() => window.studio.state.title === 'run.zip');
  assert.equal(await look(() => window.studio.state.result.speaker), 's1');
  await page.setInputFiles('#file', clip);
  await page.waitForFunction(() => window.studio.state.title === 'clip.wav');
  assert.equal(await look(() => window.studio.state.result.frames), 50);
  await page.setInputFiles('#file', { name: 'notes.wav', mimeType: 'audio/wav', buffer: Buffer.from('no sound') });
  await page.waitForFunction(() => document.querySelector('#error').textContent.startsWith('notes.wav: no sound'));
  await page.fill('#text', 'Привет');
  await page.click('#speak');
  await page.waitForFunction(() => document.querySelector('#error').textContent.includes('“П”'));
  await context.setOffline(false); // the worklet comes with the first use of the microphone
  await page.click('#live');
  await page.waitForFunction(() => window.studio.state.live?.frames > 0, null, { timeout: 60_000 });
  await page.click('#live');
  await page.waitForFunction(() => window.studio.state.title === 'Microphone' && window.studio.state.result.samples);
  await settled();

  await page.selectOption('#language', 'de');
  assert.match(await page.textContent('#play'), /Abspielen/);
  await page.selectOption('#theme', 'dark');
  assert.equal(await look(() => getComputedStyle(document.body).backgroundColor), 'rgb(22, 25, 29)');
  await page.setViewportSize({ width: 390, height: 800 });
  assert.ok(await look(() => document.documentElement.scrollWidth <= window.innerWidth));
  assert.deepEqual(faults, []);
} finally {
  await browser.close();
}
