"""Words written as espeak-ng's phonemes: English ones from our phones, with the stress of the written word."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from phonolips.errors import InputError
from phonolips.phones.inventory import SILENCE, VOWELS
from phonolips.phones.sounds import nearest_phone
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.tts.espeak.library import PHONEMES_AS_IPA, PHONEMES_AS_MNEMONICS, Library, open_library

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

USUAL_RATE = 160  # words per minute
# Characters of a word's phonemes, each of which may be a code of its own. espeak-ng 1.52 keeps 200 codes of a word, and
# writes beyond them: with 205 it says nothing, with 210 it ends the process.
MOST_CODES = 150
PHONEMES_WITH_BARS = PHONEMES_AS_MNEMONICS | ord("|") << 8
AS_WRITTEN = "\x02"  # before a word that is given to espeak-ng in letters
LONGEST_CLAUSE = 600  # characters of phonemes; espeak-ng breaks a clause of 800 wherever it is

# The inventory as espeak-ng's English voices write it: unstressed, stressed.
MNEMONICS: dict[str, tuple[str, str]] = {
    "AA": ("A:", "A:"), "AE": ("a", "a"), "AH": ("@", "V"), "AO": ("O:", "O:"), "AW": ("aU", "aU"),
    "AY": ("aI", "aI"), "EH": ("E", "E"), "ER": ("3", "3:"), "EY": ("eI", "eI"), "IH": ("I", "I"),
    "IY": ("i", "i:"), "OW": ("oU", "oU"), "OY": ("OI", "OI"), "UH": ("U", "U"), "UW": ("u:", "u:"),
    **{phone: (phone.lower(),) * 2 for phone in "BDFGKLMNPRSTVWZ"},
    "CH": ("tS", "tS"), "DH": ("D", "D"), "HH": ("h", "h"), "JH": ("dZ", "dZ"), "NG": ("N", "N"), "SH": ("S", "S"),
    "TH": ("T", "T"), "Y": ("j", "j"), "ZH": ("Z", "Z"),
}  # fmt: skip
FINAL_R = "r-"  # after a vowel and before none; the voices say no plain r there
STRESS_MARKS = {0: "", 1: "'", 2: ","}


def _is_phones(word: "SpokenWord") -> bool:
    """Return whether a word is named by its phones, as those of `phones_to_words` are."""
    return word.word == " ".join(word.phones)


def _stresses(phones: Sequence[str], ipa: str) -> list[int]:
    """Return the stress of each vowel of a word: 0 none, 1 primary, 2 secondary.

    Args:
        phones: inventory phones of the word.
        ipa: the written word as espeak-ng says it, with stress marks; "" where unknown.
    """
    vowels = [phone for phone in phones if phone in VOWELS]
    levels: list[int] = []
    for mark, part in re.findall(r"([ˈˌ]?)([^ˈˌ]*)", ipa):
        count = sum(phone in VOWELS for phone in ipa_to_phones(part))
        levels += [{"": 0, "ˈ": 1, "ˌ": 2}[mark], *[0] * (count - 1)][:count]
    if len(levels) == len(vowels):
        return levels
    if not vowels:
        return []
    if 1 in levels:  # other vowels than the dictionary's: at about the same place
        first = min(len(vowels) - 1, round(levels.index(1) * len(vowels) / len(levels)))
    else:
        first = next((place for place, vowel in enumerate(vowels) if vowel not in ("AH", "IH", "ER")), 0)
    return [int(place == first) for place in range(len(vowels))]


def stressed_phones(words: "Sequence[SpokenWord]") -> list[list[tuple[str, int]]]:
    """Find the stress of each phone of English words, as espeak-ng stresses the written word.

    Returns:
        For each word (inventory phone, stress): 0 none, 1 primary, 2 secondary; consonants have none. An IPA sound is
        its nearest phone.
    """
    with open_library() as library:
        library.set_voice("en-us", USUAL_RATE)
        return [_stress_word(word, library) for word in words]


def _stress_word(word: "SpokenWord", library: Library) -> list[tuple[str, int]]:
    """Find the stress of each phone of one word, as `stressed_phones` does."""
    word = word._replace(phones=tuple(nearest_phone(phone) for phone in word.phones))
    plain = not _is_phones(word) and SILENCE not in word.phones
    try:
        levels = _stresses(word.phones, library.phonemes(word.word, PHONEMES_AS_IPA) if plain else "")
    except InputError:  # a foreign letter's name, say
        levels = _stresses(word.phones, "")
    if len(word.word) == 1:  # the article is not stressed, a letter's name is
        levels = [0] if word.phones == ("AH",) else _stresses(word.phones, "")
    left = iter(levels)
    return [(phone, next(left) if phone in VOWELS else 0) for phone in word.phones]


def write_word(word: "SpokenWord", library: Library, english: bool) -> str:
    """Write a word as espeak-ng's phonemes; AS_WRITTEN and its letters where the voice would hand it to another one.

    A voice cannot say the phonemes of another one: of `parking` a French one says nothing.
    """
    if not english:
        if library.switches_language(word.word):
            return AS_WRITTEN + word.word
        usual = library.phonemes(word.word, PHONEMES_AS_MNEMONICS)
        return usual if len(usual) <= MOST_CODES else library.phonemes(word.word, PHONEMES_WITH_BARS)
    stressed = _stress_word(word, library)
    written = []
    for index, (phone, stress) in enumerate(stressed):
        mnemonic = MNEMONICS[phone][stress > 0]
        before, after = (word.phones[i] if 0 <= i < len(stressed) else "" for i in (index - 1, index + 1))
        if phone == "R" and before in VOWELS and after not in VOWELS:
            mnemonic = FINAL_R
        written.append(STRESS_MARKS[stress] + mnemonic)
    return "|".join(written)


def cut_word(phonemes: str) -> list[str]:
    """Cut a word that espeak-ng could not hold, written with a bar between its phonemes; a usual one stays whole."""
    if len(phonemes.replace("|", "")) <= MOST_CODES:
        return [phonemes]
    pieces = [""]
    for phoneme in phonemes.split("|"):
        if len(pieces[-1]) + len(phoneme) > MOST_CODES:
            pieces.append("")
        pieces[-1] += f"{'|' * bool(pieces[-1])}{phoneme}"
    return pieces


def write_sentence(sentence: "Sequence[SpokenWord]", written: Sequence[str]) -> tuple[str, list[int]]:
    """Write a sentence for espeak-ng from its words as phonemes; return it and the place of each word in it."""
    text, places, clause = "", [], 0
    for index, (word, phonemes) in enumerate(zip(sentence, written, strict=True)):
        last = index + 1 == len(sentence) or not any(item.word for item in sentence[index + 1 :])
        if not word.word:
            text, clause = text + ("" if last else ","), 0
            continue
        as_written = phonemes.startswith(AS_WRITTEN)
        for number, piece in enumerate([phonemes.removeprefix(AS_WRITTEN)] if as_written else cut_word(phonemes)):
            if clause + len(piece) > LONGEST_CLAUSE:
                text, clause = text + ",", 0
            text += " " * bool(text)
            if not number:
                places.append(len(text))
            text += piece if as_written else f"[[{piece}]]"
            clause += len(piece) + 5
        if last:
            text += "."
    return text, places
