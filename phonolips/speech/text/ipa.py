"""From IPA, as espeak writes it, to the phone inventory, by the table of `phonolips.phones.ipa`.

The glottal stop is silent outside English. A letter that is not in the table is an error.
"""

import unicodedata

from phonolips.errors import InputError
from phonolips.phones.ipa import ENGLISH_READINGS, IPA_TO_ARPABET

_LONGEST = max(map(len, IPA_TO_ARPABET))


def _segment_to_phones(segment: str, *, english: bool) -> list[str]:
    """Convert one espeak phoneme; a vowel that it writes twice (`aa`) is one long vowel."""
    phones: list[str] = []
    position = 0
    while position < len(segment):
        for length in range(min(_LONGEST, len(segment) - position), 0, -1):
            symbol = segment[position : position + length]
            if symbol in IPA_TO_ARPABET:
                found = ENGLISH_READINGS.get(symbol) if english else None
                found = IPA_TO_ARPABET[symbol] if found is None else found
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


def ipa_to_phones(ipa: str, *, english: bool = True) -> tuple[str, ...]:
    """Convert the IPA of one word to inventory phones.

    Args:
        ipa: IPA with or without `|` or spaces between its phonemes, such as `f|oʊ|n`.
        english: read the four symbols of ENGLISH_READINGS as espeak's English voices mean them.

    Raises:
        InputError: a letter is no IPA symbol of the table. Marks that are not letters are skipped.
    """
    text = unicodedata.normalize("NFD", ipa).replace("c\u0327", "\u00e7").replace("a\u0308", "\u00e4")
    phones: list[str] = []
    for segment in text.replace("|", " ").split():
        found = _segment_to_phones(segment, english=english)
        if english and found[:1] == ["R"] and phones[-1:] == ["ER"]:
            found = found[1:]  # espeak writes `ɚɹ` where ARPAbet has ER alone: camera
        phones.extend(found)
    return tuple(phones)
