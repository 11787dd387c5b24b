// Words with their phones, before they have times; follows phonolips/speech/words.py.

import { InputError } from '../errors.js';
import { normalisePhone, SILENCE, UNKNOWN } from '../inventory.js';

const PAUSE_SECONDS = 0.2; // of a `sil` in a line of phones

/** A pause: word '', the phone `sil`, and its length. */
export const pause = (pauseSeconds) => ({ word: '', phones: [SILENCE], pauseSeconds, source: '' });

/** Make words of ARPAbet phones, one for each stretch between silences; throws InputError. */
export function parsePhones(line) {
  const phones = line.replace(/[,|/]/g, ' ').split(/\s+/).filter(Boolean).map(normalisePhone);
  if (!phones.length) throw new InputError("phones is empty; expected ARPAbet phones such as 'B IH1 N B L UW1'");
  if (phones.includes(UNKNOWN)) throw new InputError('phones holds spn (an unknown word), which has no lip shape; write its phones');
  const words = [];
  let stretch = [];
  const end = () => {
    if (stretch.length) words.push({ word: stretch.join(' '), phones: stretch, pauseSeconds: 0, source: 'phones' });
    stretch = [];
  };
  for (const phone of phones) {
    if (phone === SILENCE) {
      end();
      words.push(pause(PAUSE_SECONDS));
    } else stretch.push(phone);
  }
  end();
  return words;
}
