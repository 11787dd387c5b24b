"""From IPA, as espeak writes it, to phones: English by the table of `phonolips.phones.ipa`, others by their sounds.

Sounds that English lacks are IPA in brackets, such as `[y]` (`phonolips.phones.segments`). The glottal stop is silent
outside English. A letter that is no IPA is an error.
"""

import unicodedata
from collections.abc import Mapping

from phonolips.errors import InputError
from phonolips.phones.ipa import ENGLISH_READINGS, IPA_TO_ARPABET
from phonolips.phones.segments import split_sounds

# What the voices of single languages write for letters of the chart: the Cantonese one has the letters of Jyutping, the
# Vietnamese ones write ư, which is not rounded, as y, and the Mandarin ones the r-coloured vowel with a trill.
VOICE_SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "yue": {"oe": "œ", "eo": "ɵ", "yu": "y"}, "vi": {"y": "ɨ"}, "cmn": {"ər": "ɚ"},
}  # fmt: skip

_LONGEST = max(map(len, IPA_TO_ARPABET))


def _segment_to_phones(segment: str) -> list[str]:
    """Convert one phoneme of an English voice; a vowel that it writes twice (`aa`) is one long vowel."""
    phones: list[str] = []
    position = 0
    while position < len(segment):
        for length in range(min(_LONGEST, len(segment) - position), 0, -1):
            symbol = segment[position : position + length]
            if symbol in IPA_TO_ARPABET:
                found = ENGLISH_READINGS.get(symbol, IPA_TO_ARPABET[symbol])
                if found != tuple(phones[-len(found) :]):
                    phones.extend(found)
                position += length
                break
        else:
            if unicodedata.category(segment[position]) in ("Ll", "Lu", "Lo"):
                symbol = segment[position]
                raise InputError(
                    f"the IPA symbol {symbol!r} (U+{ord(symbol):04X}) in {segment!r} has no entry in "
                    "phonolips.phones.ipa.IPA_TO_ARPABET; write the word's phones yourself or add the symbol"
                )
            position += 1
    return phones


def ipa_to_phones(ipa: str, *, english: bool = True, language: str = "") -> tuple[str, ...]:
    """Convert the IPA of one word to inventory phones, and sounds in brackets where English has none such.

    Args:
        ipa: IPA with or without `|` or spaces between its phonemes, such as `f|oʊ|n`.
        english: read symbols as espeak's English voices mean them; all sounds are then phones of the inventory.
        language: of the voice that wrote it, for spellings of its own.

    Raises:
        InputError: a letter is no IPA symbol. Marks that are not letters are skipped.
    """
    text = unicodedata.normalize("NFD", ipa).replace("c\u0327", "\u00e7").replace("a\u0308", "\u00e4")
    phones: list[str] = []
    for segment in text.replace("|", " ").split():
        if not english:
            phones.extend(_sounds_of(segment, VOICE_SPELLINGS.get(language.split("-")[0], {})))
            continue
        found = _segment_to_phones(segment)
        if found[:1] == ["R"] and phones[-1:] == ["ER"]:
            found = found[1:]  # espeak writes `ɚɹ` where ARPAbet has ER alone: camera
        phones.extend(found)
    return tuple(phones)


def _sounds_of(segment: str, spellings: Mapping[str, str]) -> list[str]:
    """Convert one phoneme of another language's voice."""
    for written, meant in spellings.items():
        segment = segment.replace(written, meant)
    return [label for labels in split_sounds(segment) for label in labels]
