"""Words with their phones, before they have times: what a text becomes, and what an aligner is given to find."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from phonolips.checks import shown
from phonolips.errors import InputError
from phonolips.phones.intervals import SILENT_WORD, Alignment, Interval
from phonolips.phones.inventory import PHONE_IDS, SILENCE, parse_phones
from phonolips.phones.sounds import nearest_phone

BREAK, CUE = "break", "cue"  # sources of a pause: an instruction, or the time of a subtitle
PAUSE_SECONDS = 0.2  # of a `sil` in a line of phones, until durations are predicted; as of a comma in a text


class SpokenWord(NamedTuple):
    """One word and its phones, or a pause: word "", phones ("sil",), and its length in seconds.

    Args:
        word: as it is said, or "" for a pause.
        phones: of the inventory, without stress.
        pause_seconds: how long a pause is.
        source: where the phones of a text's word came from, such as "dictionary"; of a pause that somebody asked for,
            BREAK or CUE: it lasts exactly as long. "" where nobody asked.
        rate: 2.0 is said twice as fast as the others.
        emphasis: factor of how far the lips go.
        at: of a pause, when it ends, in seconds from the start of all; None = when its length is over.
        language: of the word, as espeak names it; "" = that of the text.
    """

    word: str
    phones: tuple[str, ...]
    pause_seconds: float = 0.0
    source: str = ""
    rate: float = 1.0
    emphasis: float = 1.0
    at: float | None = None
    language: str = ""

    @property
    def is_asked(self) -> bool:
        """Whether it is a pause that somebody asked for, and not one of punctuation."""
        return not self.word and self.source in (BREAK, CUE)


def without_pauses(words: Sequence[SpokenWord]) -> list[SpokenWord]:
    """Return the words that have phones other than silence."""
    return [word for word in words if any(phone != SILENCE for phone in word.phones)]


def words_to_align(words: Sequence[SpokenWord]) -> list[SpokenWord]:
    """Return what an aligner looks for: the words without pauses, as it finds silence in the sound itself.

    Raises:
        InputError: nothing is left, or a word has a phone that is not in the inventory.
    """
    spoken = without_pauses(words)
    if not spoken:
        raise InputError("the text holds no words to say; alignment needs what is said in the sound")
    for item in spoken:
        for phone in item.phones:
            if nearest_phone(phone) not in PHONE_IDS or phone == SILENCE:
                raise InputError(f"word {item.word!r} has phone {phone!r}; expected inventory phones without stress")
    return spoken


def check_words(words: Sequence[SpokenWord]) -> Sequence[SpokenWord]:
    """Return a caller's words; raise InputError where they are no SpokenWords."""
    if not isinstance(words, Sequence) or not all(isinstance(word, SpokenWord) for word in words):
        raise InputError(f"words is {shown(words)}; expected a text, or a list of SpokenWords")
    return words


def phones_to_words(phones: str | Sequence[str]) -> tuple[SpokenWord, ...]:
    """Make words of ARPAbet phones, one for each stretch between silences (`sil`), named by its phones.

    Every `sil` becomes a pause of PAUSE_SECONDS. Raises InputError as `parse_phones` does.
    """
    words: list[SpokenWord] = []
    if not isinstance(phones, str):
        several = isinstance(phones, Sequence) or (isinstance(phones, np.ndarray) and phones.ndim == 1)
        listed = several and all(isinstance(phone, str) for phone in phones)
        if not listed:
            raise InputError(f"phones is {shown(phones)}; expected ARPAbet phones such as 'B IH1 N', or a list of them")
        phones = " ".join(phones)
    names = parse_phones(phones)
    for silent, run in groupby(names, key=lambda name: name == SILENCE):
        stretch = tuple(run)
        words += [_pause(PAUSE_SECONDS) for _ in stretch] if silent else [_named_by_phones(stretch)]
    return tuple(words)


def words_with_phones(alignment: Alignment) -> list[tuple[Interval, list[Interval]]]:
    """Group the phones by the words that hold their centres; silence and words without phones are left out."""
    phones = [phone for phone in alignment.phones if phone.label != SILENCE]
    places = _word_places(alignment, phones)
    grouped = [
        (alignment.words[place], [phone for phone, _ in run])
        for place, run in groupby(zip(phones, places, strict=True), key=lambda pair: pair[1])
    ]
    return [(word, inside) for word, inside in grouped if word.label != SILENT_WORD]


def alignment_to_words(alignment: Alignment) -> tuple[SpokenWord, ...]:
    """Read words off an alignment, named by their phones; silences become pauses of their own length.

    Silence inside a word splits it, phones outside all words make words too, and no pause is at the start or end.
    """
    words: list[SpokenWord] = []
    marked = zip(alignment.phones, _word_places(alignment, alignment.phones), strict=True)
    for (_, silent), run in groupby(marked, key=lambda pair: (pair[1], pair[0].label == SILENCE)):
        phones = [phone for phone, _ in run]
        if silent:
            words += [_pause(phone.duration) for phone in phones]
        else:
            words.append(_named_by_phones(tuple(phone.label for phone in phones)))
    while words and not words[0].word:
        words.pop(0)
    while words and not words[-1].word:
        words.pop()
    return tuple(words)


def _word_places(alignment: Alignment, phones: Sequence[Interval]) -> list[int]:
    """Return the place in the word tier of the word that holds each phone's centre."""
    ends = np.array([word.end for word in alignment.words[:-1]])
    return [int(place) for place in np.searchsorted(ends, [(p.start + p.end) / 2 for p in phones], side="right")]


def _named_by_phones(phones: tuple[str, ...]) -> SpokenWord:
    return SpokenWord(" ".join(phones), phones)


def _pause(seconds: float) -> SpokenWord:
    return SpokenWord("", (SILENCE,), seconds)
