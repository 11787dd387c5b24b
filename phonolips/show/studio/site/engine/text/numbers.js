// Numbers, signs and a few abbreviations as words; follows phonolips/speech/text/english/ in what is common.

const ONES = 'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(' ');
const TENS = 'zero ten twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const SCALES = ['', 'thousand', 'million', 'billion', 'trillion'];
const ORDINALS = { one: 'first', two: 'second', three: 'third', five: 'fifth', eight: 'eighth', nine: 'ninth', twelve: 'twelfth' };
const LONGEST_NUMBER = 15; // digits
const SHORTEST_CODE = 7; // digits; from here on a number without commas that is not round is a code
const CURRENCIES = { $: ['dollar', 'cent'], '£': ['pound', 'penny'], '€': ['euro', 'cent'], '¥': ['yen', 'sen'] };
const UNCOUNTED = ['yen']; // without -s
const MAGNITUDES = { k: 'thousand', K: 'thousand', m: 'million', M: 'million', bn: 'billion', B: 'billion' };
const UNITS = {
  km: 'kilometers', cm: 'centimeters', mm: 'millimeters', kg: 'kilograms', mg: 'milligrams', ml: 'milliliters', mph: 'miles per hour',
  'km/h': 'kilometers per hour', hz: 'hertz', khz: 'kilohertz', gb: 'gigabytes', mb: 'megabytes', tb: 'terabytes', ms: 'milliseconds', min: 'minutes', sec: 'seconds', hrs: 'hours', ft: 'feet', lb: 'pounds', lbs: 'pounds', oz: 'ounces',
};
const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = { Mon: 'Monday', Tue: 'Tuesday', Tues: 'Tuesday', Wed: 'Wednesday', Thu: 'Thursday', Thurs: 'Thursday', Fri: 'Friday', Sat: 'Saturday' };
const ABBREVIATIONS = {
  'Mr.': 'mister', 'Mrs.': 'missus', 'Ms.': 'miz', 'Dr.': 'doctor', 'Prof.': 'professor', 'Ph.D.': '\x01phd', 'w/o': 'without', 'C#': 'c sharp', 'vs.': 'versus', 'etc.': 'et cetera.', 'e.g.': 'for example', 'i.e.': 'that is',
  'Jr.': 'junior', 'Sr.': 'senior', 'approx.': 'approximately',
};

function below1000(value) {
  const [hundreds, rest] = [Math.floor(value / 100), value % 100];
  const small = rest < 20 ? ONES[rest] : TENS[Math.floor(rest / 10)] + (rest % 10 ? ` ${ONES[rest % 10]}` : '');
  if (!hundreds) return small;
  return `${ONES[hundreds]} hundred${rest ? ` and ${small}` : ''}`;
}

/** Write a whole number of at most 15 digits in words, British and American alike: one hundred and two. */
export function numberWords(value) {
  if (value < 1000) return below1000(value);
  const parts = [];
  let rest = value;
  for (let scale = 0; rest; scale++, rest = Math.floor(rest / 1000)) {
    const group = rest % 1000;
    if (group) parts.unshift(scale ? `${below1000(group)} ${SCALES[scale]}` : group < 100 ? `and ${below1000(group)}` : below1000(group));
  }
  return parts.join(' ');
}

const digitWords = (digits) => Array.from(digits.replace(/\D/g, ''), (digit) => ONES[digit]).join(' ');

function wholeWords(digits) {
  const plain = digits.replaceAll(',', '');
  const isCode = plain.length >= SHORTEST_CODE && plain === digits && !plain.endsWith('00');
  if (isCode || plain.length > LONGEST_NUMBER || (plain.length > 1 && plain[0] === '0')) return digitWords(plain);
  return numberWords(Number(plain));
}

function decimalWords(number) {
  const [whole, rest] = number.split('.');
  const words = whole ? wholeWords(whole) : 'zero';
  return rest ? `${words} point ${digitWords(rest)}` : words;
}

/** Write a year in words: 1999 is nineteen ninety nine, 2005 two thousand and five. */
function yearWords(value) {
  const [high, low] = [Math.floor(value / 100), value % 100];
  if (high % 10 === 0 && low < 10) return numberWords(value);
  if (!low) return `${below1000(high)} hundred`;
  return `${below1000(high)} ${low < 10 ? `oh ${ONES[low]}` : below1000(low)}`;
}

function ordinalWords(value) {
  const words = numberWords(value).split(' ');
  const last = words.pop();
  return [...words, ORDINALS[last] ?? (last.endsWith('y') ? `${last.slice(0, -1)}ieth` : last.endsWith('t') ? `${last}h` : `${last}th`)].join(' ');
}

function moneyWords(sign, amount, magnitude) {
  const [name, small] = CURRENCIES[sign];
  const many = UNCOUNTED.includes(name) ? name : `${name}s`;
  if (magnitude) return `${decimalWords(amount)} ${MAGNITUDES[magnitude] ?? magnitude} ${many}`;
  const [whole, part] = amount.split('.');
  const count = Number(whole.replaceAll(',', ''));
  const words = `${wholeWords(whole)} ${count === 1 ? name : many}`;
  if (!part || !Number(part)) return words;
  if (part.length !== 2) return `${decimalWords(amount)} ${many}`;
  const cents = Number(part);
  const plural = small === 'penny' ? 'pence' : `${small}s`;
  const less = `${numberWords(cents)} ${cents === 1 ? small : plural}`;
  return count ? `${words} and ${less}` : less;
}

function timeWords(hours, minutes) {
  const hour = numberWords(Number(hours));
  if (minutes === '00') return Number(hours) > 12 || hours === '00' ? `${hour} hundred` : `${hour} o'clock`;
  return `${hour} ${minutes[0] === '0' ? `oh ${ONES[Number(minutes)]}` : numberWords(Number(minutes))}`;
}

/** Return the month that a word names or shortens; undefined for others. */
const monthOf = (word) => MONTHS.find((month) => word.length > 2 && month.toLowerCase().startsWith(word.toLowerCase().replace('.', '')) && (word.length < 6 || word.length >= month.length));
const dayWords = (digits) => ordinalWords(Number(digits));
const yearAfter = (year) => (year ? ` ${yearWords(Number(year))}` : '');
const MONTH = `(?:${MONTHS.join('|')}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\\.?)`;

const NUMBER = '\\d{1,3}(?:,\\d{3})+(?:\\.\\d+)?|\\d+(?:\\.\\d+)?|\\.\\d+';
const escape = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
const spelled = (letters) => Array.from(letters.replace(/[^A-Za-z]/g, '')).join('');

// Each a pattern and the words for what it finds; an earlier one takes its part of the text away from the later ones.
const RULES = [
  [/(?<!\w)No\.(?=\s?\d)/g, () => ' number '],
  [/(?<!\w)Fig\.(?=\s?\d)/gi, () => ' figure '],
  [/(?<!\w)p\.(?=\s?\d)/g, () => ' page '],
  [/(?<!\w)pp\.(?=\s?\d)/g, () => ' pages '],
  [/(?<!\w)St\.(?=\s\p{Lu})/gu, () => ' saint '],
  [/(?<!\w)St\.?(?!\w)/g, () => ' street '],
  [/(?<!\w)Dr(?=\s\p{Lu})/gu, () => ' doctor '],
  [/\b(?:https?:\/\/)?(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|dev|app|de|fr|eu|uk|info|ai)\b/gi, (found) => found.replace(/^https?:\/\//, '').replaceAll('.', ' dot ')],
  [new RegExp(`(${MONTH})\\s(\\d{1,2})(?:st|nd|rd|th)?(?:(,?)\\s(\\d{4}))?(?![\\d:.,]\\d|\\d)`, 'g'), (_, month, day, comma, year) => ` ${monthOf(month)} ${dayWords(day)}${comma ?? ''}${yearAfter(year)} `],
  [new RegExp(`(?<![\\d.,])(?:the\\s)?(\\d{1,2})(?:st|nd|rd|th)?(?:\\sof)?\\s(${MONTH})(?!\\w)(?:,?\\s(\\d{4}))?(?!\\d)`, 'g'), (_, day, month, year) => ` the ${dayWords(day)} of ${monthOf(month)}${yearAfter(year)} `],
  [/(?<![\d/])(0?[1-9]|1[0-2])\/(0?[1-9]|[12]\d|3[01])\/(\d{4})(?![\d/])/g, (_, month, day, year) => ` ${MONTHS[Number(month) - 1]} ${dayWords(day)} ${yearWords(Number(year))} `],
  [new RegExp(`(?<!\\w)(${Object.keys(DAYS).join('|')})\\.(?!\\w)`, 'g'), (_, day) => ` ${DAYS[day]} `],
  [new RegExp(`(?<![\\w.])(?:${Object.keys(ABBREVIATIONS).map(escape).join('|')})(?!\\w)`, 'g'), (found) => ` ${ABBREVIATIONS[found]} `],
  [/(?<!\d)(\d{1,2}):(\d\d)(?!\d)(?:\s?([ap])\.?m\b\.?)?/gi, (found, hours, minutes, half) => {
    if (Number(hours) > 24 || Number(minutes) > 59) return found;
    return ` ${half && minutes === '00' ? numberWords(Number(hours)) : timeWords(hours, minutes)}${half ? ` \x01${half}m` : ''} `;
  }],
  [/(?<![\w.])(\d{1,2})\s?([ap])\.?m\b\.?/gi, (_, hours, half) => ` ${numberWords(Number(hours))} \x01${half}m `],
  [/(?<![\w.])(?:[A-Za-z]\.){2,}(?!\w)/g, (found) => ` \x01${spelled(found)} `],
  [/(?<![\w.])(\p{Lu})\.(?=\s\p{Lu})/gu, (_, letter) => ` \x01${letter} `],
  [/(?<![\d-])(\d{3})-(?:(\d{3})-)?(\d{4})(?![\d-])/g, (found) => ` ${found.split('-').map(digitWords).join(', ')} `],
  [/(?<![\d.])\d{1,3}(?:\.\d{1,3}){2,}(?![\d.]\d)/g, (found) => ` ${found.split('.').map((part) => wholeWords(part)).join(' point ')} `],
  [/(?<![\w.)])-(?=\.?\d)/g, () => ' minus '],
  [/(?<=\d)\s?[–-]\s?(?=\d)|(?<=\p{L})-(?=\d)/gu, (found, at, text) => (/\d/.test(text[at - 1]) ? ' to ' : ' ')],
  [new RegExp(`(${NUMBER})\\s?([€¥])`, 'g'), (_, amount, sign) => ` ${moneyWords(sign, amount)} `],
  [/(\d+)\s?¢/g, (_, amount) => ` ${wholeWords(amount)} ${amount === '1' ? 'cent' : 'cents'} `],
  [new RegExp(`([$£€¥])\\s?(${NUMBER})(?:\\s?(k|K|m|M|bn|B)\\b|\\s(thousand|million|billion|trillion)\\b)?`, 'g'), (_, sign, amount, short, long) => ` ${moneyWords(sign, amount, short ?? long)} `],
  [/(?<![\w.,])'?([2-9]0)'?s(?!\w)/g, (_, decade) => ` ${numberWords(Number(decade)).replace(/y$/, 'ie')}s `],
  [/(?<![\w.,])(1[1-9]\d0|20\d0)'?s(?!\w)/g, (_, year) => ` ${yearWords(Number(year)).replace(/y$/, 'ie')}s `],
  [/(?<![\d,])(\d{1,12})(?:st|nd|rd|th)\b/gi, (_, digits) => ` ${ordinalWords(Number(digits))} `],
  [new RegExp(`(${NUMBER})\\s?%`, 'g'), (_, number) => ` ${decimalWords(number)} percent `],
  [new RegExp(`(${NUMBER})\\s?°\\s?(C|F)?(?![A-Za-z])`, 'g'), (_, number, scale) => ` ${decimalWords(number)} degrees${scale ? ` ${scale === 'C' ? 'celsius' : 'fahrenheit'}` : ''} `],
  [new RegExp(`(?<![\\w.])(${NUMBER})\\s?(${Object.keys(UNITS).sort((a, b) => b.length - a.length).map(escape).join('|')})(?![\\w/])`, 'gi'), (_, number, unit) => {
    const name = UNITS[unit.toLowerCase()];
    return ` ${decimalWords(number)} ${number === '1' && name.endsWith('s') && !name.includes(' ') ? name.slice(0, -1) : name} `;
  }],
  [new RegExp(`(?<![\\w.,])(${NUMBER})(k|K|M|bn)(?!\\w)`, 'g'), (_, number, scale) => ` ${decimalWords(number)} ${MAGNITUDES[scale]} `],
  [/(?<![\d/])9\/11(?![\d/])/g, () => ' nine eleven '],
  [/(?<=\d)\s?x\s?(?=\d)/g, () => ' by '],
  [/(?<=\d)\s?:\s?(?=\d)/g, () => ' to '],
  [/(?<![\d/⁄])(?:(\d{1,3})\s)?(\d{1,3})[/⁄](\d{1,3})(?![\d/⁄])/g, (found, whole, top, bottom) => {
    const before = whole ? `${wholeWords(whole)} and ` : '';
    if (!(Number(top) > 0 && Number(top) < Number(bottom))) return ` ${before}${wholeWords(top)} ${wholeWords(bottom)} `;
    const name = { 2: 'half', 4: 'quarter' }[bottom] ?? ordinalWords(Number(bottom));
    return ` ${before}${wholeWords(top)} ${top === '1' ? name : name === 'half' ? 'halves' : `${name}s`} `;
  }],
  [/(?<=\b(?:in|since|by|until|before|after|around|year)\s)(10\d\d)(?![\w%-]|[.,]\d)/gi, (_, year) => ` ${yearWords(Number(year))} `],
  [/(?<![\w.,])(1[1-9]\d\d|20\d\d)(?![\w%]|[.,]\d)(?!\s[a-z]{3,}s\b)/g, (_, year) => ` ${yearWords(Number(year))} `],
  [new RegExp(NUMBER, 'g'), (found) => ` ${decimalWords(found)} `],
  [/&/g, () => ' and '],
  [/@/g, () => ' at '],
  [/\+/g, () => ' plus '],
  [/=/g, () => ' equals '],
  [/#(?=\s?\w)/g, () => ' number '],
];

/** Make quotes and dashes plain, and write numbers, money, times, signs and abbreviations out. */
export function writeOut(text) {
  let written = text.replaceAll('²', ' squared ').replaceAll('³', ' cubed ').replace(/(?<=\d)(?=[¼-¾⅐-⅞])/g, ' ').normalize('NFKC').replace(/[‘’‚‛ʻʼ`´]/g, "'").replace(/[“”„‟«»‹›¿¡"]/g, ' ').replace(/[‐‑−]/g, '-').replace(/[‒―]/g, '–');
  written = written.replace(/(?<=\p{Ll}{2})(?=\p{Lu}{2,}(?!\p{L}))/gu, ' '); // ChatGPT
  written = written.replace(/\p{Cc}/gu, (character) => (character === '\n' ? '\n' : ' '));
  for (const [pattern, words] of RULES) written = written.replace(pattern, words);
  return written.replace(/ {2,}/g, ' ').replace(/ (?=[,.;:!?])/g, '');
}
