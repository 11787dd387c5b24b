"""From espeak-ng's events to phones with times.

Where its events are not the edges of sounds:

* The event of a voiceless stop, and of a voiced one that begins a word, comes after its closure, 35 to 53 ms of exact
  silence. Closed lips are part of a p, so it begins where the silence does. (tools/bench/speech.py: aligners place
  p, t and k 27 to 35 ms before the event, and 5 to 8 ms after the start of the silence.)
* An l, or sometimes an r, after a vowel has no sound of its own; its event has no length. It gets the vowel's end.
* A voice that hands a word to another one says so in an event without sound, `(en)`.
* A vowel after a vowel may be parted from it by a pause event, in which the first one fades; it is no silence.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from phonolips.phones.inventory import VOWELS
from phonolips.phones.sounds import nearest_phone
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.tts.espeak.library import EVENT_WORD, Mark

MERGED_SECONDS = 0.02  # the longest event of an l or r that has no sound of its own: l has no length, r a little
MERGED_SHARE = 0.4  # share of the vowel before it that counts as such an l or r
LONGEST_CLOSURE_SECONDS = 0.12  # at the slowest
SHORTEST_PAUSE_SECONDS = 0.05  # less silence only parts two vowels
SILENT_SAMPLE = 60  # of 32768: below it there is no sound; espeak-ng's voiced sounds are above 700
LANGUAGE_SWITCH = "("  # of an event such as `(en)`: what follows is said by another voice; it is no sound
PALATALISATION = "ʲ"
STOPS = ("p", "b", "t", "d", "k", "ɡ", "g")  # and affricates, which begin with one


class SpokenPhone(NamedTuple):
    """One phone as espeak-ng named it: IPA, start and end in seconds, and the word it belongs to (0, 1, ...)."""

    ipa: str
    start: float
    end: float
    word: int


def _silence_before(sound: np.ndarray, sample: int, earliest: int) -> int:
    """Find where the silence that ends at `sample` begins, not before `earliest`."""
    loud = np.flatnonzero(np.abs(sound[earliest:sample].astype(np.int32)) >= SILENT_SAMPLE)
    return earliest + (int(loud[-1]) + 1 if len(loud) else 0)


def read_marks(marks: Sequence[Mark], sound: np.ndarray, rate: int) -> tuple[list[SpokenPhone], list[int]]:
    """Convert events to phones, edge on edge except at pauses, and list each word's place in the text.

    A phone ends where the next one, or a pause, begins; see the top of this module for stops, l and short pauses.
    """
    places = [mark.place for mark in marks if mark.kind == EVENT_WORD]
    items: list[tuple[str, int, int]] = []  # IPA ("" = pause), first sample, word
    word, earliest = -1, 0
    for kind, sample, _, name in marks:
        if kind == EVENT_WORD:
            word += 1
            paused = not items or not items[-1][0]
            earliest = sample if paused else earliest
            continue
        if name.startswith(LANGUAGE_SWITCH):
            continue
        ipa = name.strip("ˈˌ_: ")
        start = sample
        if ipa.startswith(STOPS):
            start = _silence_before(sound, sample, max(earliest, sample - round(LONGEST_CLOSURE_SECONDS * rate)))
        items.append((ipa, start, word))
        earliest = sample
    phones: list[SpokenPhone] = []
    for index, (ipa, start, word) in enumerate(items):
        end = items[index + 1][1] if index + 1 < len(items) else start
        begin, stop = start / rate, end / rate
        if not ipa:
            following = next((item[1] for item in items[index:] if item[0]), len(sound))
            silent = np.count_nonzero(np.abs(sound[start:following].astype(np.int32)) < SILENT_SAMPLE)
            if phones and phones[-1].end == begin and silent < SHORTEST_PAUSE_SECONDS * rate:
                phones[-1] = phones[-1]._replace(end=stop)
            continue
        if ipa in ("l", "ɫ", "ɹ") and stop - begin < MERGED_SECONDS and phones and phones[-1].end >= begin:
            vowel = phones.pop()
            begin = vowel.end - MERGED_SHARE * (vowel.end - vowel.start)
            phones.append(vowel._replace(end=begin))
        if stop > begin:
            phones.append(SpokenPhone(ipa, begin, stop, word))
    return phones, places


def split_phones(spoken: Sequence[SpokenPhone], *, english: bool = True, language: str = "") -> list[SpokenPhone]:
    """Rename IPA to labels, cutting symbols of several phones into equal parts; raise InputError.

    A mark that has an event of its own, as Russian palatalisation does, belongs to the phone before it.
    `english` and `language` are those of `ipa_to_phones`.
    """
    joined: list[SpokenPhone] = []
    for phone in spoken:
        before = joined[-1] if joined else None
        if before and before.word == phone.word and before.end == phone.start and phone.ipa == PALATALISATION:
            joined[-1] = before._replace(ipa=before.ipa + phone.ipa, end=phone.end)
        else:
            joined.append(phone)
    phones = []
    for phone in joined:
        names = ipa_to_phones(phone.ipa, english=english, language=language)
        edges = np.linspace(phone.start, phone.end, len(names) + 1).tolist()
        phones += [
            SpokenPhone(name, start, end, phone.word)
            for name, start, end in zip(names, edges[:-1], edges[1:], strict=True)
        ]
    return phones


def match_phones(asked: Sequence[str], spoken: Sequence[SpokenPhone]) -> list[SpokenPhone]:
    """Name the events of one English word by the phones that were requested.

    An event is renamed where it stands for a requested phone (an accent's vowel, a flapped t); what the voice
    inserts keeps its own name, except for an r that links ER to a vowel, which is part of ER; what it leaves out is
    left out. The cheapest pairing is chosen, by the distances of `_difference`.
    """
    names = [ipa_to_phones(phone.ipa) for phone in spoken]
    rows, columns = len(asked) + 1, len(spoken) + 1
    cost = np.zeros((rows, columns))
    cost[:, 0], cost[0, :] = np.arange(rows), np.arange(columns)
    for row in range(1, rows):
        for column in range(1, columns):
            paired = cost[row - 1, column - 1] + _difference(asked[row - 1], names[column - 1])
            cost[row, column] = min(paired, cost[row - 1, column] + 1, cost[row, column - 1] + 1)
    found: list[SpokenPhone] = []
    row, column = rows - 1, columns - 1
    while column:
        phone = spoken[column - 1]
        if row and cost[row, column] == cost[row - 1, column - 1] + _difference(asked[row - 1], names[column - 1]):
            found.append(phone._replace(ipa=asked[row - 1]))
            row, column = row - 1, column - 1
        elif row and cost[row, column] == cost[row - 1, column] + 1:
            row -= 1
        else:
            found += reversed(split_phones([phone]))
            column -= 1
    found.reverse()
    for index in range(len(found) - 1, 0, -1):
        if found[index].ipa == "R" and found[index - 1].ipa == "ER" and len(found) > len(asked):
            found[index - 1 : index + 1] = [found[index - 1]._replace(end=found[index].end)]
    return found


def _difference(asked: str, found: Sequence[str]) -> float:
    """Return how far a spoken phone is from the requested one; 2 keeps a vowel and a consonant apart."""
    asked = nearest_phone(asked)  # of an IPA sound, which an English voice says so
    if tuple(found) == (asked,):
        return 0.0
    if asked in found:
        return 0.25
    return 0.75 if (asked in VOWELS) == any(name in VOWELS for name in found) else 2.0
