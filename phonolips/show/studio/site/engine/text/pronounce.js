// English text to words with their phones, and pauses; follows phonolips/speech/text/{normalise,english_words,letters,
// word_parts}.py in what is short. Not here: mark-up, other languages, and what is rarer in numbers and abbreviations;
// unknown words are said by rules learnt from the dictionary instead of by espeak.

import { InputError } from '../errors.js';
import { PHONES } from '../inventory.js';
import { writeOut } from './numbers.js';
import { sayByRules } from './rules.js';
import { chooseSense } from './senses.js';
import { pause } from './words.js';

const [COMMA_SECONDS, STOP_SECONDS] = [0.2, 0.4];
const [LONGEST_TEXT, LONGEST_WORD] = [200_000, 100];
const SPELLED = '\x01';
const SIBILANTS = ['S', 'Z', 'SH', 'ZH', 'CH', 'JH'];
const VOICELESS = ['F', 'K', 'P', 'S', 'SH', 'CH', 'T', 'TH'];
const SHORTEST_STEM = 4;
const LONGEST_SHORT = 3;

const phonesOf = (signs) => Array.from(signs, (sign) => PHONES[sign.charCodeAt(0) - 48]);

/** Unpack the dictionary's file: gzip, unless a server has unpacked it on the way. */
export async function openDictionary(bytes) {
  let plain = bytes;
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    plain = new Uint8Array(await new Response(stream).arrayBuffer());
  }
  const data = JSON.parse(new TextDecoder().decode(plain));
  if (data.phones.join(' ') !== PHONES.join(' ')) throw new InputError('the dictionary has other phones; copy the studio again');
  const words = new Map();
  let last = '';
  for (const line of data.words.split('\n')) {
    const tab = line.indexOf('\t');
    last = last.slice(0, line.charCodeAt(0) - 97) + line.slice(1, tab);
    words.set(last, line.slice(tab + 1));
  }
  const sets = Object.fromEntries(['usual', 'commonWords', 'saidAsWords', 'saidAsLetters', 'onsets', 'codas'].map((name) => [name, new Set(data[name])]));
  // Without a prototype: `constructor` is a word like any other.
  const tables = Object.fromEntries(['interjections', 'senses', 'names', 'rules'].map((name) => [name, Object.assign(Object.create(null), data[name])]));
  return { ...data, ...sets, ...tables, words };
}

function tokensOf(text) {
  const cleaned = writeOut(text);
  const shouted = !/\p{Ll}/u.test(cleaned) && cleaned.split(/\s+/).filter(Boolean).length > 1;
  const letter = "[\\p{L}\\p{M}]";
  const pattern = new RegExp(`(?<word>${SPELLED}?'?${letter}+(?:['-]${letter}+)*'?)|(?<stop>[.!?]|\\n\\s*\\n)|(?<comma>[,;:()–—]|--|(?<=\\s)-(?=\\s))`, 'gu');
  const tokens = [];
  for (const { groups } of cleaned.matchAll(pattern)) {
    if (groups.word) {
      const spelled = groups.word.startsWith(SPELLED);
      let written = groups.word.replaceAll(SPELLED, '');
      if (written.startsWith("'") && !/^'(?:bout|cause|em|n|round|til|tis|twas)'?$/i.test(written)) written = written.slice(1);
      if (written.endsWith("'") && !/in'$/i.test(written)) written = written.slice(0, -1);
      if (!written) continue;
      if (written.length > LONGEST_WORD) throw new InputError(`the word '${written.slice(0, 20)}'... has ${written.length} characters; expected at most ${LONGEST_WORD}; put spaces between the words`);
      const capitals = shouted ? 0 : (/^([A-Z]{2,})(?:'?s)?$/.exec(written)?.[1].length ?? 0);
      tokens.push({ word: written.toLowerCase(), spelled, capitals, capitalised: !shouted && /^\p{Lu}/u.test(written) });
    } else {
      const seconds = groups.stop ? STOP_SECONDS : COMMA_SECONDS;
      const last = tokens.at(-1);
      if (last && !last.word) last.pauseSeconds = Math.max(last.pauseSeconds, seconds);
      else if (last) tokens.push({ word: '', pauseSeconds: seconds });
    }
  }
  while (tokens.length && !tokens.at(-1).word) tokens.pop();
  return tokens;
}

/** Add the ending of a possessive or plural: cats, dogs, foxes. */
function addS(phones) {
  if (SIBILANTS.includes(phones.at(-1))) return [...phones, 'IH', 'Z'];
  return [...phones, VOICELESS.includes(phones.at(-1)) ? 'S' : 'Z'];
}

function addEd(phones) {
  if (['T', 'D'].includes(phones.at(-1))) return [...phones, 'IH', 'D'];
  return [...phones, VOICELESS.includes(phones.at(-1)) ? 'T' : 'D'];
}

/** Says words; made once for a dictionary. */
class Speaker {
  constructor(dictionary) {
    this.data = dictionary;
  }

  lookUp(word) {
    const { interjections, words, usual } = this.data;
    if (word in interjections) return { phones: phonesOf(interjections[word]), source: 'interjections' };
    if (words.has(word)) return { phones: phonesOf(words.get(word)), source: usual.has(word) ? 'usual words' : 'dictionary' };
    return null;
  }

  spell(letters) {
    const names = Array.from(letters, (letter) => this.data.names[letter]);
    return names.length && names.every(Boolean) ? names.flatMap(phonesOf) : null;
  }

  stem(...spellings) {
    for (const spelling of spellings) if (spelling.length > 2 && this.data.words.has(spelling)) return phonesOf(this.data.words.get(spelling));
    return null;
  }

  inflected(word) {
    const undoubled = (stem) => (stem.length > 2 && stem.at(-1) === stem.at(-2) ? stem.slice(0, -1) : '');
    const add = (phones, ending) => (phones ? ending(phones) : null);
    if (word.endsWith('ies')) return add(this.stem(`${word.slice(0, -3)}y`, word.slice(0, -1)), addS);
    if (word.endsWith('s') && !word.endsWith('ss')) return add(this.stem(word.slice(0, -1), ...(word.endsWith('es') ? [word.slice(0, -2)] : [])), addS);
    if (word.endsWith('ied')) return add(this.stem(`${word.slice(0, -3)}y`, word.slice(0, -1)), addEd);
    if (word.endsWith('ed')) return add(this.stem(word.slice(0, -1), word.slice(0, -2), undoubled(word.slice(0, -2))), addEd);
    if (word.endsWith('ing')) return add(this.stem(word.slice(0, -3), `${word.slice(0, -3)}e`, undoubled(word.slice(0, -3))), (phones) => [...phones, 'IH', 'NG']);
    return null;
  }

  byParts(word) {
    const found = this.inflected(word);
    if (found) return found;
    for (const [ending, signs] of Object.entries(this.data.endings)) {
      const stem = word.endsWith(ending) ? word.slice(0, -ending.length) : word;
      if (stem === word || stem.length < SHORTEST_STEM) continue;
      const phones = this.stem(...(stem.endsWith('i') ? [stem, `${stem.slice(0, -1)}y`] : [stem]));
      if (phones) return [...phones, ...phonesOf(signs)];
    }
    for (const [beginning, signs] of Object.entries(this.data.beginnings)) {
      const stem = word.startsWith(beginning) ? word.slice(beginning.length) : word;
      if (stem === word || stem.length < SHORTEST_STEM) continue;
      const phones = this.stem(stem) ?? this.inflected(stem);
      if (phones) return [...phonesOf(signs), ...phones];
    }
    return null;
  }

  /** A word whose drawn-out letters are as in the dictionary: sooo is so. */
  shortened(word) {
    if (!/([a-z])\1{2,}/.test(word)) return null;
    const spellings = ['$1', '$1$1'].map((run) => word.replace(/([a-z])\1{2,}/g, run));
    return spellings.find((spelling) => spelling in this.data.interjections) ?? spellings.find((spelling) => this.data.words.has(spelling)) ?? null;
  }

  canBePronounced(letters) {
    const groups = letters.match(/[aeiouy]+|[^aeiouy]+/g) ?? [];
    if (!/[aeiou]/.test(letters) || groups.length < 2) return false;
    const isVowels = (group) => 'aeiouy'.includes(group[0]);
    if (!isVowels(groups[0]) && groups[0].length > 1 && !this.data.onsets.has(groups[0])) return false;
    const last = groups.at(-1);
    if (!isVowels(last) && last.length > 1 && !this.data.codas.has(last)) return false;
    return groups.slice(1, -1).every((group) => group.length <= 2) && Math.max(...groups.map((group) => group.length)) <= 3;
  }

  /** Whether capitals are said letter by letter. */
  isInitialism(letters) {
    const { saidAsWords, saidAsLetters, commonWords, words } = this.data;
    if (saidAsWords.has(letters)) return false;
    if (saidAsLetters.has(letters)) return true;
    if (letters.length <= LONGEST_SHORT) return !commonWords.has(letters);
    return !words.has(letters) && !this.canBePronounced(letters);
  }

  say(token) {
    const { word } = token;
    const plain = word.normalize('NFD').replace(/\p{M}/gu, '');
    if (token.spelled) {
      const names = this.spell(plain.replaceAll("'", ''));
      if (names) return { phones: names, source: 'letters' };
    }
    if (/^[b-z]$/.test(plain)) return { phones: this.spell(plain), source: 'letters' };
    const letters = token.capitals ? plain.slice(0, token.capitals) : plain;
    if (token.capitals && this.isInitialism(letters)) {
      const names = this.spell(letters);
      if (names) return { phones: plain.length > letters.length ? addS(names) : names, source: 'letters' };
    }
    for (const stem of [plain, plain.replace(/'s$/, ''), plain.replace(/s$/, '')]) {
      if (token.capitals || !this.data.saidAsLetters.has(stem)) continue;
      if (!['ai', 'id', 'lol'].includes(stem) && this.data.words.has(stem)) continue;
      const names = this.spell(stem);
      if (names) return { phones: stem === plain ? names : addS(names), source: 'letters' };
    }
    for (const form of [word, plain, plain.replace(/'+$/, '')]) {
      const found = this.lookUp(form);
      if (found) return found;
    }
    if (word.includes('-')) {
      const parts = word.split('-').filter(Boolean).map((part) => this.say({ word: part, spelled: part.length === 1, capitals: 0 }));
      return { phones: parts.flatMap((part) => part.phones), source: 'parts of the word' };
    }
    if (plain.endsWith("'s")) {
      const stem = this.say({ word: plain.slice(0, -2), capitals: 0 });
      return { phones: addS(stem.phones), source: stem.source === 'rules' ? 'rules' : 'parts of the word' };
    }
    if (plain.endsWith("'ve")) return { phones: [...this.say({ word: plain.slice(0, -3), capitals: 0 }).phones, 'AH', 'V'], source: 'parts of the word' };
    if (/^[a-z]{2,}$/.test(plain) && !/[aeiouy]/.test(plain)) return { phones: this.spell(plain), source: 'letters' };
    const parts = this.byParts(plain);
    if (parts) return { phones: parts, source: 'parts of the word' };
    return { phones: phonesOf(sayByRules(plain, this.data)), source: 'rules' };
  }
}

const GRID_WORDS = [
  ['bin', 'lay', 'place', 'set'],
  ['blue', 'green', 'red', 'white'],
  ['at', 'by', 'in', 'with'],
  [...'abcdefghijklmnopqrstuvxyz'],
  ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'],
  ['again', 'now', 'please', 'soon'],
];
const BETWEEN_LETTERS = ['and', 'or', 'to', 'through', 'plus', 'minus', 'versus', 'by'];

/** Whether the `a` of a text is the letter and not the article: in GRID's sentences, at an end, as a capital, from A to Z. */
function isLetterA(tokens, index) {
  const words = tokens.filter((token) => token.word).map((token) => token.word);
  if (words.length === GRID_WORDS.length && words.every((word, place) => GRID_WORDS[place].includes(word))) return true;
  const [before, after, next] = [tokens[index - 1], tokens[index + 1], tokens[index + 2]];
  if (!after?.word) return true;
  if (after.word === 'b' || (BETWEEN_LETTERS.includes(after.word) && ['b', 'z'].includes(next?.word))) return true;
  const title = before?.word && before.capitalised && after.capitalised;
  return Boolean(tokens[index].capitalised && before?.word && !title);
}

/** How a word of several senses is said in its sentence; null for others, and for initialisms. */
function bySense(tokens, index, dictionary) {
  const token = tokens[index];
  if (token.spelled || token.capitals || !dictionary.senses[token.word]) return null;
  const isEnd = (one) => !one.word && one.pauseSeconds >= STOP_SECONDS;
  const start = tokens.findLastIndex((one, i) => i < index && isEnd(one)) + 1;
  const end = tokens.findIndex((one, i) => i > index && isEnd(one));
  const sentence = tokens.slice(start, end < 0 ? tokens.length : end).filter((one) => one.word);
  return { phones: phonesOf(chooseSense(sentence.map((one) => one.word), sentence.indexOf(token), dictionary)), source: 'dictionary' };
}

/**
 * Convert an English text to words with their phones: [{word, phones, pauseSeconds, source}]; pauses have word ''.
 * Throws InputError where nothing in it can be said.
 */
export function pronounce(dictionary, text) {
  if (text.length > LONGEST_TEXT) throw new InputError(`the text has ${text.length} characters; expected at most ${LONGEST_TEXT}: give it in parts`);
  const speaker = new Speaker(dictionary);
  const tokens = tokensOf(text);
  const words = tokens.map((token, index) => {
    if (!token.word) return pause(token.pauseSeconds);
    token.word = speaker.shortened(token.word) ?? token.word;
    const said = token.word === 'a' && isLetterA(tokens, index) ? { phones: ['EY'], source: 'letters' } : (bySense(tokens, index, dictionary) ?? speaker.say(token));
    return { word: token.word, phones: said.phones, pauseSeconds: 0, source: said.source };
  });
  const said = words.filter((word) => word.phones.length);
  if (!said.some((word) => word.word)) throw new InputError(`the text '${text.slice(0, 40)}' has no words that English letters say; expected at least one word or number`);
  return said;
}
