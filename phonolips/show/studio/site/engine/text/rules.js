// Words that no dictionary has, by rules learnt from one: tools/release/write_studio_words.py has how.

const REACH = 4;
const EDGE = '#';

/** Say a word of small letters: a sign for each phone. Letters that English lacks say nothing. */
export function sayByRules(word, { rules, order }) {
  const plain = word.replace(/[^a-z]/g, '');
  const padded = EDGE.repeat(REACH) + plain + EDGE.repeat(REACH);
  let said = '';
  let part = '';
  for (let place = 0; place < plain.length; place++) {
    const before = part;
    let branch = rules[plain[place]] ?? '';
    for (let depth = 0; typeof branch !== 'string'; depth++) {
      const offset = order[depth]; // 0: what the letter before was said as
      branch = branch[1][offset ? padded[REACH + place + offset] : before] ?? branch[0];
    }
    part = branch;
    said += part;
  }
  return said;
}
