// Text to words with their phones, as Python reads it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { engine, readVectors } from './open.mjs';

let text;
let dictionary;
let bytes;
let vectors;

before(async () => {
  text = await engine('text/pronounce.js');
  bytes = new Uint8Array(await readFile(new URL('../../phonolips/show/studio/site/engine/data/dictionary.bin', import.meta.url)));
  dictionary = await text.openDictionary(bytes);
  vectors = await readVectors();
});

const listed = (words) => words.map(({ word, phones, pauseSeconds }) => [word, phones.join(' '), pauseSeconds]);

test('numbers, money, times, letters and parts of words are read as Python reads them', () => {
  for (const [written, wanted] of Object.entries(vectors.read)) assert.deepEqual(listed(text.pronounce(dictionary, written)), wanted, written);
});

test('words that no dictionary has are said by rules, and marked', () => {
  const words = text.pronounce(dictionary, 'Flimber the vexatron');
  assert.deepEqual(words.map((word) => word.source), ['rules', 'dictionary', 'rules']);
  assert.equal(words[0].phones.join(' '), 'F L IH M B ER');
  assert.equal(words[2].phones.join(' '), 'V EH K S EY T R AH N');
});

test('words that are written alike are told by their neighbours, in most of the sentences that Python is tested with', async () => {
  const table = await readFile(new URL('../text/heteronyms.tsv', import.meta.url), 'utf8');
  const rows = table.trim().split('\n').slice(1).map((row) => row.split('\t'));
  const isRight = ([, word, phones, sentence]) => {
    const said = text.pronounce(dictionary, sentence).find((one) => one.word === word);
    return phones.split('/').includes(said?.phones.join(' '));
  };
  assert.ok(rows.filter(isRight).length >= 700);
});

test('words that programs know as something else are words', () => {
  for (const word of ['constructor', 'hasownproperty', 'tostring']) assert.ok(text.pronounce(dictionary, word)[0].phones.length > 5);
});

test('a dictionary that a server has unpacked is read, too', async () => {
  const unpacked = await text.openDictionary(new Uint8Array(gunzipSync(bytes)));
  assert.equal(unpacked.words.size, dictionary.words.size);
});

test('a text without words is refused in one line', () => {
  assert.throws(() => text.pronounce(dictionary, '... !'), { name: 'InputError', message: /has no words/ });
  assert.throws(() => text.pronounce(dictionary, 'x'.repeat(101)), { name: 'InputError', message: /101 characters/ });
});

test('phones are parsed as people write them', async () => {
  const { parsePhones } = await engine('text/words.js');
  const words = parsePhones('B IH1 N sil b l uw1');
  assert.deepEqual(listed(words), [['B IH N', 'B IH N', 0], ['', 'sil', 0.2], ['B L UW', 'B L UW', 0]]);
  assert.throws(() => parsePhones('B QQ'), { name: 'InputError', message: /'QQ' is not in the inventory/ });
});
