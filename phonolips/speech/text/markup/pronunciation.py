"""Phones as people write them: ARPAbet, IPA, or X-SAMPA."""

import re

from phonolips.errors import InputError
from phonolips.phones.inventory import SILENCE, parse_phones
from phonolips.phones.labels import SAMPA_TO_IPA, read_arpabet
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.text.lexicon import Phones

# As SSML names the alphabets, and as cloud voices do.
ARPABET_NAMES = ("cmu-arpabet", "x-arpabet", "arpabet", "x-cmu", "cmu")
SAMPA_NAMES = ("x-sampa", "xsampa", "sampa")
ALPHABETS = ("ipa", *SAMPA_NAMES, *ARPABET_NAMES)

LONGEST_WRITTEN = 300  # characters; the longest word of CMUdict has 32 phones

_STRESS_AND_BREAKS = re.compile(r"[ˈˌ.ˑ'|‖‿]|\s+")
_SAMPA_SYMBOL = re.compile("|".join(re.escape(symbol) for symbol in sorted(SAMPA_TO_IPA, key=len, reverse=True)))
_SAMPA_SILENT = re.compile(r"[\"%.|\s]|_[\dHLTBFR^!]+")  # stress, syllables, tones


def read_pronunciation(written: str, alphabet: str, *, english: bool = True) -> Phones:
    """Read the phones of a word.

    Args:
        written: such as `HH AH0 L OW1`, `həˈloʊ`, `h@"l@U`.
        alphabet: one of ALPHABETS.
        english: read IPA as espeak's English voices mean it.

    Raises:
        InputError: a symbol that the alphabet does not have, or no phones.
    """
    if len(written) > LONGEST_WRITTEN:
        raise InputError(f"{written[:40]!r}... has {len(written)} characters; expected the phones of a word")
    if alphabet in ARPABET_NAMES:
        phones = read_arpabet_phones(re.split(r"[\s,.|/-]+", written.strip()))
    elif alphabet in SAMPA_NAMES:
        phones = ipa_to_phones(_sampa_to_ipa(written), english=english)
    else:
        phones = ipa_to_phones(_STRESS_AND_BREAKS.sub("", written).replace(":", "ː"), english=english)
    if not phones:
        raise InputError(f"{written[:40]!r} holds no phones; expected some, such as {_example(alphabet)}")
    return phones


def read_arpabet_phones(labels: list[str]) -> Phones:
    """Read ARPAbet phones with or without stress, in any case; raise InputError for another label."""
    phones: list[str] = []
    for label in labels:
        reading = read_arpabet(label) if label else None
        phones += reading.phones if reading is not None else parse_phones(label) if label else ()
    if SILENCE in phones:
        raise InputError(f"{' '.join(labels)[:40]!r} holds silence; expected phones that are said")
    return tuple(phones)


def _sampa_to_ipa(written: str) -> str:
    """Convert X-SAMPA of a word to IPA; raise InputError for a sign that it does not have."""
    text = _SAMPA_SILENT.sub("", written)
    ipa: list[str] = []
    position = 0
    while position < len(text):
        found = _SAMPA_SYMBOL.match(text, position)
        if found is None:
            raise InputError(f"{text[position]!r} in {written[:40]!r} is no X-SAMPA symbol; expected such as h@l@U")
        ipa.append(SAMPA_TO_IPA[found[0]])
        position = found.end()
    return "".join(ipa)


def _example(alphabet: str) -> str:
    if alphabet in ARPABET_NAMES:
        return "HH AH0 L OW1"
    return "h@l@U" if alphabet in SAMPA_NAMES else "həloʊ"
