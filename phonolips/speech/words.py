"""Words with their phones, before they have times: what a text becomes, what an aligner is given to find."""

from collections.abc import Sequence
from typing import NamedTuple

from phonolips.errors import InputError
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import PHONE_IDS, SILENCE, parse_phones


def speech_only(words: "Sequence[SpokenWord]") -> "list[SpokenWord]":
    """Leave out the pauses: an aligner finds silence by listening.

    Raises:
        InputError: nothing is left, or a word has a phone that is not in the inventory.
    """
    spoken = [item for item in words if any(phone != SILENCE for phone in item.phones)]
    if not spoken:
        raise InputError("the text holds no words to say; alignment needs what is said in the sound")
    for item in spoken:
        for phone in item.phones:
            if phone not in PHONE_IDS or phone == SILENCE:
                raise InputError(f"word {item.word!r} has phone {phone!r}; expected inventory phones without stress")
    return spoken


def phones_to_words(phones: str | Sequence[str]) -> "tuple[SpokenWord, ...]":
    """Make words of ARPAbet phones, one for each stretch between pauses (`sil`); raise InputError for others."""

    names = parse_phones(phones if isinstance(phones, str) else " ".join(phones))
    words: list[SpokenWord] = []
    spoken: list[str] = []
    for name in [*names, SILENCE]:
        if name == SILENCE:
            if spoken:
                words.append(SpokenWord(" ".join(spoken), tuple(spoken)))
                spoken = []
            words.append(SpokenWord("", (SILENCE,), 0.2))
        else:
            spoken.append(name)
    return tuple(words[:-1])


def spoken(words: "Sequence[SpokenWord]") -> "list[SpokenWord]":
    """Leave out the pauses."""
    return [word for word in words if any(phone != SILENCE for phone in word.phones)]


def spoken_words(alignment: Alignment) -> "tuple[SpokenWord, ...]":
    """Read words with their phones off an alignment; silences become pauses of their own length."""

    words: list[SpokenWord] = []
    starts = {round(word.start, 4) for word in alignment.words}
    spoken: list[str] = []
    for phone in alignment.phones:
        if spoken and (phone.label == SILENCE or round(phone.start, 4) in starts):
            words.append(SpokenWord(" ".join(spoken), tuple(spoken)))
            spoken = []
        if phone.label == SILENCE:
            words.append(SpokenWord("", (SILENCE,), phone.duration))
        else:
            spoken.append(phone.label)
    if spoken:
        words.append(SpokenWord(" ".join(spoken), tuple(spoken)))
    while words and not words[0].word:
        words.pop(0)
    while words and not words[-1].word:
        words.pop()
    return tuple(words)


class SpokenWord(NamedTuple):
    """One word and its phones, or a pause: word "", phones ("sil",), and its length in seconds."""

    word: str
    phones: tuple[str, ...]
    pause_seconds: float = 0.0
