"""Words that the dictionary lacks, said by their parts: a word that it has, and a beginning or an ending.

Only such beginnings and endings are here as come nearer to the dictionary than espeak does, measured on words that it
does have (tools/studies/unknown_words.py). Compounds of two words and endings such as -ly and -y do not: espeak knows
where their stress and vowels move.
"""

from phonolips.speech.text.lexicon import Phones
from phonolips.speech.text.usual_words import usual_pronunciation

_SHORTEST_STEM = 4  # letters of the word behind a beginning or before an ending
_BEGINNINGS: dict[str, Phones] = {
    "un": ("AH", "N"),
    "re": ("R", "IY"),
    "non": ("N", "AA", "N"),
    "pre": ("P", "R", "IY"),
    "sub": ("S", "AH", "B"),
    "anti": ("AE", "N", "T", "IY"),
    "over": ("OW", "V", "ER"),
    "under": ("AH", "N", "D", "ER"),
    "super": ("S", "UW", "P", "ER"),
}
_ENDINGS: dict[str, Phones] = {
    "ness": ("N", "AH", "S"),
    "less": ("L", "AH", "S"),
    "like": ("L", "AY", "K"),
}
_SIBILANTS = frozenset(("S", "Z", "SH", "ZH", "CH", "JH"))
_VOICELESS = frozenset(("F", "K", "P", "S", "SH", "CH", "T", "TH"))


def with_s(phones: Phones) -> Phones:
    """Add the ending of a possessive or plural, as English sounds demand: cats, dogs, foxes."""
    if phones[-1] in _SIBILANTS:
        return (*phones, "IH", "Z")
    return (*phones, "S" if phones[-1] in _VOICELESS else "Z")


def _with_ed(phones: Phones) -> Phones:
    """Add the ending of the past: needed, walked, played."""
    if phones[-1] in ("T", "D"):
        return (*phones, "IH", "D")
    return (*phones, "T" if phones[-1] in _VOICELESS else "D")


def _stem(*spellings: str) -> Phones:
    """Return the phones of the first spelling that is a word; () where none is."""
    for spelling in spellings:
        if len(spelling) > 2 and (found := usual_pronunciation(spelling)):
            return found
    return ()


def _undoubled(stem: str) -> str:
    """Write `vlogg` as `vlog`; "" for a stem that ends otherwise."""
    return stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else ""


def _inflected(word: str) -> Phones:
    """Say a plural, past or -ing form."""
    if word.endswith("ies"):
        return with_s(stem) if (stem := _stem(word[:-3] + "y", word[:-1])) else ()
    if word.endswith("s") and not word.endswith("ss"):
        stem = _stem(word[:-1]) or (_stem(word[:-2]) if word.endswith("es") else ())
        return with_s(stem) if stem else ()
    if word.endswith("ied"):
        return _with_ed(stem) if (stem := _stem(word[:-3] + "y", word[:-1])) else ()
    if word.endswith("ed"):
        return _with_ed(stem) if (stem := _stem(word[:-1], word[:-2], _undoubled(word[:-2]))) else ()
    if word.endswith("ing"):
        stem = _stem(word[:-3], word[:-3] + "e", _undoubled(word[:-3]))
        return (*stem, "IH", "NG") if stem else ()
    return ()


def say_by_parts(word: str) -> Phones:
    """Return the phones of a word with an English beginning or ending; () where its stem is no word.

    Args:
        word: in small letters, without an apostrophe.
    """
    if found := _inflected(word):
        return found
    for ending, phones in _ENDINGS.items():
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _SHORTEST_STEM:
            spellings = (stem, stem[:-1] + "y") if stem.endswith("i") else (stem,)
            if found := _stem(*spellings):
                return (*found, *phones)
    for beginning, phones in _BEGINNINGS.items():
        stem = word.removeprefix(beginning)
        if stem != word and len(stem) >= _SHORTEST_STEM and (found := _stem(stem) or _inflected(stem)):
            return (*phones, *found)
    return ()
