"""IPA of any language, cut into sounds: inventory phones where English has the sound, IPA in brackets where not.

Long sounds are as short ones; nasality, tones and stress are dropped; so are the glottal stop, which leaves the lips
alone, and an h behind a stop of the same segment, its aspiration. A diphthong that English has is its phone, any other
is its two vowels. A stop and the release that belong together are one sound, as in [t͡ɕ], but ts and pf are two.
"""

import re
import unicodedata
from collections.abc import Mapping

from phonolips.errors import InputError
from phonolips.phones.features import LETTERS, TIE, TIES, VOWEL_LETTERS, canonical, decompose
from phonolips.phones.inventory import sound_label
from phonolips.phones.ipa import ENGLISH_SYMBOLS, IPA_TO_ARPABET
from phonolips.phones.sounds import exact_phone, mix_sound

# What is written for letters of the chart: espeak's capitals (X-SAMPA, which some of its voices keep), Greek letters,
# its marks behind a letter (retroflex `s.`, dental `d[`, central `u"`), and the old letters of affricates.
_SPELLINGS: Mapping[str, str] = {
    "ε": "ɛ", "Φ": "ɸ", "φ": "ɸ", "A": "ɑ", "E": "ɛ", "I": "ɪ", "O": "ɔ", "U": "ʊ", "N": "ŋ", "S": "ʃ", "Z": "ʒ",
    "K": "ɬ", "X": "χ", "?": "ʔ", "s.": "ʂ", "z.": "ʐ", 'u"': "ʉ", "ʧ": f"t{TIE}ʃ", "ʤ": f"d{TIE}ʒ", "ʨ": f"t{TIE}ɕ",
    "ʥ": f"d{TIE}ʑ", "ʦ": f"t{TIE}s", "ʣ": f"d{TIE}z",
}  # fmt: skip
_SPELLING = re.compile("|".join(sorted(map(re.escape, _SPELLINGS), key=len, reverse=True)))
_VOWELS = "".join(VOWEL_LETTERS)
# A syllable's end as espeak writes it in languages of tones: vowels, perhaps a nasal or r, and the tone, whose digit 3
# comes out as the vowel ɜ; ŋ is written nɡ there.
_TONED = re.compile(rf"([{_VOWELS}][{_VOWELS}ː\u0300-\u036f]*(?:nɡ|[nŋmr])?)[1-9ɜ]")
# Two letters without a tie that are one sound all the same.
_PAIRS = frozenset(("tʃ", "dʒ", "tɕ", "dʑ", "tʂ", "ʈʂ", "dʐ", "ɖʐ"))
_DIPHTHONGS = {
    symbol: phones
    for symbol, phones in IPA_TO_ARPABET.items()
    if symbol in ENGLISH_SYMBOLS and len(symbol) == 2 and set(symbol) <= VOWEL_LETTERS
}
_LONG = re.compile(rf"([{''.join(LETTERS)}])\1")  # a letter twice is long, as in `aa` or `tt`
_SYLLABIC_MARKS = "\u0329\u030d"
_SYLLABIC_R = "ɹ"  # with the mark of a syllable it is English ER
_ASPIRATION = "h"
_UNSPOKEN = "ʔ"
_LETTER_CATEGORIES = ("Ll", "Lu", "Lo")


def split_sounds(segment: str) -> list[tuple[str, ...]]:
    """Cut IPA into symbols, each with its labels: phones, or one sound in brackets; none for a glottal stop.

    Args:
        segment: one phoneme as espeak writes it, a label of a tier, or a whole word.

    Raises:
        InputError: a letter is no IPA. Marks that are no letters are skipped.
    """
    text = _SPELLING.sub(lambda found: _SPELLINGS[found[0]], decompose(segment))
    toned = _TONED.fullmatch(text)
    if toned:
        text = toned[1].replace("nɡ", "ŋ")
    symbols = _symbols(_LONG.sub(r"\1ː", text), segment)
    if len(symbols) > 1 and symbols[-1] == _ASPIRATION and all(_is_stop(symbol) for symbol in symbols[:-1]):
        symbols.pop()
    found: list[tuple[str, ...]] = []
    place = 0
    while place < len(symbols):
        pair = "".join(canonical(symbol) for symbol in symbols[place : place + 2])
        if pair in _DIPHTHONGS:
            labels, width = _DIPHTHONGS[pair], 2
        elif pair in _PAIRS:
            labels, width = _label(pair[0] + TIE + pair[1]), 2
        else:
            labels, width = _read_symbol(symbols[place]), 1
        if not found or labels != found[-1]:  # a sound that is written twice is long
            found.append(labels)
        place += width
    return found


def _symbols(text: str, segment: str) -> list[str]:
    """Cut IPA into letters with the marks behind them; letters that a tie joins stay together."""
    symbols: list[str] = []
    for character in text:
        if character in LETTERS and not (symbols and symbols[-1][-1] in TIES):
            symbols.append(character)
        elif character not in LETTERS and unicodedata.category(character) in _LETTER_CATEGORIES:
            raise InputError(
                f"{character!r} (U+{ord(character):04X}) in {segment!r} is no letter of the IPA; "
                "write the word's phones yourself"
            )
        elif symbols:
            symbols[-1] += character
    return symbols


def _is_stop(symbol: str) -> bool:
    return all(LETTERS[letter].value("stricture") > 0.6 for letter in symbol if letter in LETTERS)


def _read_symbol(symbol: str) -> tuple[str, ...]:
    """Return the labels of one letter, or several that ties join, with their marks."""
    letters = [letter for letter in symbol if letter in LETTERS]
    if letters == [_UNSPOKEN]:
        return ()
    if len(letters) > 1 and not _is_one_sound(letters, symbol):
        return tuple(label for letter in re.split(f"[{TIES}]", symbol) for label in _read_symbol(letter))
    labels = _label(symbol)
    if any(mark in symbol for mark in _SYLLABIC_MARKS) and letters[0] not in VOWEL_LETTERS:
        return ("ER",) if letters[0] == _SYLLABIC_R else ("AH", *labels)
    return labels


def _is_one_sound(letters: list[str], symbol: str) -> bool:
    """Return whether joined letters look like one sound: both shut (k͡p), or an affricate that no two phones make."""
    sounds = [LETTERS[letter] for letter in letters]
    if len(letters) > 2:
        return False
    if all(sound.value("stricture") == 1 for sound in sounds) or exact_phone(symbol):
        return True
    return sounds[0].lips == sounds[1].lips and not all(exact_phone(letter) for letter in letters)


def _label(symbol: str) -> tuple[str, ...]:
    """Return the label of one sound: a phone where it looks the same, as ɓ does as B; IPA in brackets where not."""
    mixture = mix_sound(canonical(symbol))
    return (mixture.nearest if mixture.distance == 0 else sound_label(symbol),)
