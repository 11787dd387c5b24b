"""How English words are said, as far as the dictionary, the names of letters and the parts of a word tell."""

import unicodedata
from typing import NamedTuple

from phonolips.speech.text.lexicon import ALPHABET, Phones, letter_name, pronunciations
from phonolips.speech.text.normalise import Token

# Where the phones of a word came from, as `phonolips say` names it.
DICTIONARY, LETTERS, PARTS = "dictionary", "letters", "parts of the word"


def _plain_letters(word: str) -> str:
    """Strip the accents of a word: café -> cafe."""
    parts = unicodedata.normalize("NFD", word)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _spell(letters: str, language: str) -> Phones:
    """Return the phones of the letters' names; () where a letter is not of the English alphabet."""
    plain = _plain_letters(letters)
    if not plain or any(letter not in ALPHABET for letter in plain):
        return ()
    return tuple(phone for letter in plain for phone in letter_name(letter, language))


def with_s(phones: Phones) -> Phones:
    """Add the ending of a possessive or plural, as English sounds demand: cats, dogs, foxes."""
    if phones[-1] in ("S", "Z", "SH", "ZH", "CH", "JH"):
        return (*phones, "IH", "Z")
    return (*phones, "S" if phones[-1] in ("F", "K", "P", "T", "TH") else "Z")


class Said(NamedTuple):
    """The phones of one word, () where they are not known, and where they came from."""

    phones: Phones
    source: str = ""


NOT_KNOWN = Said(())


def known_phones(token: Token, language: str) -> Said:
    """Find the phones of an English word without espeak: dictionary, letters, parts; NOT_KNOWN if that fails."""
    word = token.word
    if token.spelled and (names := _spell(word.replace("'", ""), language)):
        return Said(names, LETTERS)
    plain = _plain_letters(word)
    if plain in ALPHABET and len(plain) == 1 and plain != "a":
        return Said(letter_name(plain, language), LETTERS)
    for form in dict.fromkeys((word, plain, plain.rstrip("'"))):
        if found := pronunciations(form):
            return Said(found[0], DICTIONARY)
    if "-" in word:
        parts = [known_phones(Token(part, spelled=len(part) == 1), language).phones for part in word.split("-")]
        return Said(tuple(phone for part in parts for phone in part), PARTS) if all(parts) else NOT_KNOWN
    if token.capitals:
        letters, ending = plain[: token.capitals], plain[token.capitals :]
        if len(letters) <= 3 or not any(vowel in letters for vowel in "aeiouy"):
            names = _spell(letters, language)
            return Said(with_s(names) if ending else names, LETTERS)
    if plain.endswith("'s") and (found := pronunciations(plain.removesuffix("'s"))):
        return Said(with_s(found[0]), PARTS)
    return NOT_KNOWN
