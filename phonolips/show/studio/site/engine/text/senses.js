// Words that are written alike and said differently: which one a sentence means; follows phonolips/speech/text/
// heteronyms.py, with the kind of word told by its neighbours instead of by a tagger.

const [KIND_WEIGHT, CUE_WEIGHT, MOST_NEAR] = [2, 1.5, 3];
const PEOPLE = new Set(['i', 'you', 'we', 'they', 'who', 'people', 'children', 'to', "don't", "didn't", "can't", "won't", "doesn't"]);
const ONE = new Set(['he', 'she', 'it']);
const BEEN = new Set(['have', 'has', 'had', 'been', 'was', 'were', 'be', 'is', 'are', "i've", "you've", "we've", "they've", 'being', 'having']);
const DEGREES = new Set(['very', 'so', 'too', 'really', 'quite', 'more', 'most', 'as']);
const PAST_TIMES = new Set(['yesterday', 'ago', 'already', 'once', 'never', 'when', 'earlier', 'before', 'was', 'were', 'had', 'did']);
const PRESENT_HELP = new Set(['to', 'will', 'can', 'could', 'would', 'should', 'must', 'may', 'might', 'do', 'does', 'did', "don't", "didn't", "can't", 'please', "let's"]);

/** The kinds of word that a word may be by its neighbours: N, V, D (past), A, R. */
function kindsAt(words, place, { modals, determiners, objects }) {
  const [last, next] = [words[place - 1] ?? '', words[place + 1] ?? ''];
  if (modals.includes(last) || PEOPLE.has(last)) return 'V';
  if (determiners.includes(last)) return next && !objects.includes(next) ? 'NA' : 'N';
  if (ONE.has(last)) return 'VD';
  if (BEEN.has(last)) return 'DA';
  if (DEGREES.has(last)) return 'AR';
  if (objects.includes(next)) return 'V';
  return place === 0 ? '' : 'NR';
}

/** Whether `read` is past, R EH D, by its sentence. */
function readInPast(words, place) {
  const before = words.slice(Math.max(0, place - 3), place);
  if (before.some((word) => BEEN.has(word) || /'(?:ve|d|s)$/.test(word))) return true;
  if (before.some((word) => PRESENT_HELP.has(word))) return false;
  if (ONE.has(words[place - 1])) return true;
  return words.some((word) => PAST_TIMES.has(word)) || (words.includes('last') && place > 0);
}

/** Choose how a word of a sentence is said: signs of phones, or null where it is said in one way only. */
export function chooseSense(words, place, data) {
  const several = data.senses[words[place]];
  if (!several) return null;
  if (words[place] === 'read') {
    const past = readInPast(words, place);
    return several.find(([, kinds]) => kinds.includes('D') === past)?.[0] ?? several[0][0];
  }
  const kinds = kindsAt(words, place, data);
  const others = new Set([...words.slice(0, place), ...words.slice(place + 1)]);
  const score = ([, known, before, after, near]) => {
    if (known.includes('^')) return -1; // a name
    const beside = (cues, first, second) => cues.includes(first) || cues.includes(second);
    return (
      KIND_WEIGHT * [...kinds].some((kind) => known.includes(kind)) +
      CUE_WEIGHT * beside(before, words[place - 1], `${words[place - 2]}_${words[place - 1]}`) +
      CUE_WEIGHT * beside(after, words[place + 1], `${words[place + 1]}_${words[place + 2]}`) +
      CUE_WEIGHT * Math.min(near.filter((word) => others.has(word)).length, MOST_NEAR)
    );
  };
  return several.reduce((best, sense) => (score(sense) > score(best) ? sense : best))[0];
}
