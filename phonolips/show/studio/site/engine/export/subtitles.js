// Subtitles (SubRip); follows phonolips/export/subtitles.py.

import { speechWords } from '../alignment.js';
import { InputError } from '../errors.js';
import { roundEven } from '../timebase.js';

const LINE_LETTERS = 42;
const MOST_SECONDS = 6;
const LEAST_SECONDS = 1;
const PAUSE_SECONDS = 0.5;
const LINGER_SECONDS = 0.3;
const PAUSE_WORTH = 2;

function wordsOf({ alignment }) {
  const words = alignment ? speechWords(alignment) : [];
  if (!words.length) throw new InputError('the words are not known; type the text, or find their times with phonolips align');
  return words;
}

/** The item for which `cost` is least, the first of equals. */
const least = (items, cost) => items.reduce((best, item) => (cost(item) < cost(best) ? item : best));

function lines(labels) {
  const text = labels.join(' ');
  if (text.length <= LINE_LETTERS || labels.length === 1) return text;
  const pairs = labels.slice(1).map((_, i) => [labels.slice(0, i + 1).join(' '), labels.slice(i + 1).join(' ')]);
  return least(pairs, (pair) => Math.max(...pair.map((line) => line.length))).join('\n');
}

const fits = (words) => Math.max(...lines(words.map((word) => word.label)).split('\n').map((line) => line.length)) <= LINE_LETTERS;

function halve(words) {
  if (words.length === 1 || (fits(words) && words.at(-1).end - words[0].start <= MOST_SECONDS)) return [words];
  const letters = (some) => some.reduce((sum, word) => sum + word.label.length + 1, 0);
  const whole = letters(words);
  const badness = (split) => Math.abs(2 * letters(words.slice(0, split)) - whole) / whole - PAUSE_WORTH * (words[split].start - words[split - 1].end);
  const split = least(Array.from({ length: words.length - 1 }, (_, i) => i + 1), badness);
  return [...halve(words.slice(0, split)), ...halve(words.slice(split))];
}

/** Group words into subtitles of one or two lines: [{text, start, end}]. */
export function subtitles(result) {
  const groups = [];
  for (const word of wordsOf(result)) {
    const last = groups.at(-1);
    if (last && word.start - last.at(-1).end < PAUSE_SECONDS) last.push(word);
    else groups.push([word]);
  }
  const parts = groups.flatMap(halve);
  return parts.map((part, i) => ({
    text: lines(part.map((word) => word.label)),
    start: part[0].start,
    end: Math.min(parts[i + 1]?.[0].start ?? Infinity, Math.max(part.at(-1).end + LINGER_SECONDS, part[0].start + LEAST_SECONDS)),
  }));
}

function clock(seconds) {
  const milliseconds = roundEven(seconds * 1000);
  const pad = (value, digits = 2) => String(value).padStart(digits, '0');
  const minutes = Math.floor(milliseconds / 60000);
  return `${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}:${pad(Math.floor((milliseconds % 60000) / 1000))},${pad(milliseconds % 1000, 3)}`;
}

const write = (shown) => shown.map((item, i) => `${i + 1}\n${clock(item.start)} --> ${clock(item.end)}\n${item.text}\n\n`).join('');

export const srt = (result) => write(subtitles(result));
export const srtWords = (result) => write(wordsOf(result).map(({ label, start, end }) => ({ text: label, start, end })));
