"""Intervals, and the word and phone tiers of one utterance.

In memory silence is always explicit (`sil` among the phones, "" among the words) and both tiers cover
[0, duration] without gaps. On disk silence is the empty label in both tiers, as Praat and MFA have it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.inventory import (
    IGNORED_ID,
    PHONE_IDS,
    SILENCE,
    SILENCE_ID,
    SILENCE_SPELLINGS,
    normalise_phone,
)
from phonolips.phones.sounds import label_row, nearest_phone, phones_to_ids
from phonolips.timebase import seconds_to_steps, step_centres

WORD_TIER = "words"
PHONE_TIER = "phones"
CONFIDENCE_TIER = "confidence"
SILENT_WORD = ""
# Of the spellings of silence those that are no words: "pause", "noise" and "silence" can be said.
SILENT_WORD_SPELLINGS = frozenset({label for label in SILENCE_SPELLINGS if not label.isalpha()} | {"sil", "sp"})
EDGE_TOLERANCE_SECONDS = 1e-5  # edges closer than this are the same edge, written with another rounding


class Interval(NamedTuple):
    """A label over [start, end), in seconds."""

    label: str
    start: float
    end: float

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


@dataclass(frozen=True)
class Alignment:
    """The word and phone tiers of one utterance; both cover [0, duration] without gaps or overlaps.

    `Alignment.build` makes one from intervals with gaps and from any spelling of phones and silences.

    Args:
        words: written words; "" is silence.
        phones: inventory phones (`sil` is silence), IPA sounds that it lacks in brackets, such as `[y]`, or `spn`, a
            word whose phones are unknown.
        duration: seconds, above 0.
        confidences: one number in [0, 1] for each interval of `phones`, or None.

    Raises:
        InputError: a tier is out of order, overlaps, leaves a gap, holds an empty or negative interval or
            a time that is not a number, or a label is not in the inventory.
    """

    words: tuple[Interval, ...]
    phones: tuple[Interval, ...]
    duration: float
    confidences: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration) and self.duration > 0):
            raise InputError(f"an alignment of {self.duration} s; expected a length above 0")
        _check_tier(self.words, WORD_TIER, self.duration)
        _check_tier(self.phones, PHONE_TIER, self.duration)
        for phone in self.phones:
            if phone.label not in PHONE_IDS and normalise_phone(phone.label) != phone.label:
                raise InputError(
                    f"phone {phone.label!r} at {phone.start:.3f} s is not in the inventory; "
                    "build alignments with Alignment.build, which drops stress and names silence"
                )
        if self.confidences is not None:
            _check_confidences(self.confidences, len(self.phones))

    @classmethod
    def build(
        cls,
        words: Sequence[Interval],
        phones: Sequence[Interval],
        duration: float,
        confidences: Sequence[float] | None = None,
    ) -> "Alignment":
        """Make an alignment: normalise the labels, fill the gaps with silence, close hairline cracks.

        Args:
            words: in order; "" and `<eps>` are silence. Empty where only phones are known.
            phones: in order, ARPAbet with or without stress, IPA sounds in brackets; any spelling of silence; `spn`.
            duration: seconds, above 0.
            confidences: one number in [0, 1] for each of `phones`, which may then leave no gaps.

        Raises:
            InputError: as the class does; and for confidences of phones that leave gaps.
        """
        if not (math.isfinite(duration) and duration > 0):
            raise InputError(f"an alignment of {duration} s; expected a length above 0")
        named_words = [word._replace(label=_normalise_word(word.label)) for word in words]
        named_phones = [phone._replace(label=normalise_phone(phone.label)) for phone in phones]
        full_words = _fill_tier(named_words, duration, SILENT_WORD, WORD_TIER)
        full_phones = _fill_tier(named_phones, duration, SILENCE, PHONE_TIER)
        if confidences is not None:
            _check_confidences(confidences, len(phones))
            if len(full_phones) != len(phones):
                raise InputError("confidences were given for phones that leave gaps; name the silences too")
        kept = None if confidences is None else tuple(float(value) for value in confidences)
        return cls(full_words, full_phones, float(duration), kept)

    def labels(self, steps: int) -> np.ndarray:
        """Sample the phone tier at step centres.

        Returns:
            Phone ids, int64, shape (steps,); IGNORED_ID where the phone is `spn`, silence beyond the end. An IPA
            sound has the id of its nearest phone.
        """
        ids = phones_to_ids(phone.label for phone in self.phones)
        labels: np.ndarray = np.array([*ids, SILENCE_ID], dtype=np.int64)[self._places(steps)]
        return labels

    def posteriors(self, steps: int) -> np.ndarray:
        """Spread the phones over steps of 10 ms: float32 (steps, phones), rows summing to 1.

        A phone has a single 1, an IPA sound its mixture (`phonolips.phones.sounds`); `spn` and what is beyond the end
        are silence.
        """
        labels = [*(phone.label for phone in self.phones), SILENCE]
        rows = np.stack([label_row(label) for label in labels])
        spread: np.ndarray = rows[self._places(steps)]
        return spread

    def _places(self, steps: int) -> np.ndarray:
        """Return the place in the phone tier of each step's centre; one more than the last beyond the end."""
        ends = np.array([phone.end for phone in self.phones])
        places: np.ndarray = np.searchsorted(ends, step_centres(steps), side="right")
        return places

    def phone_rows(self, steps: int) -> np.ndarray:
        """List the phones as rows (id, first step, step after the last), int32, shape (phones, 3).

        Edges are rounded to steps and cut at `steps`; what has no step left is dropped; `spn` has IGNORED_ID.
        """
        rows = []
        for phone in self.phones:
            first, last = (min(seconds_to_steps(time), steps) for time in (phone.start, phone.end))
            if last > first:
                rows.append((PHONE_IDS.get(nearest_phone(phone.label), IGNORED_ID), first, last))
        return np.array(rows, np.int32).reshape(-1, 3)

    def scaled(self, factor: float) -> "Alignment":
        """Stretch all times; 2.0 lasts twice as long. Raises InputError for a factor that is not above 0."""
        if factor == 1.0:
            return self
        if not (math.isfinite(factor) and factor > 0):
            raise InputError(f"times stretched by {factor}; expected a factor above 0")

        def stretched(tier: tuple[Interval, ...]) -> tuple[Interval, ...]:
            return tuple(Interval(label, start * factor, end * factor) for label, start, end in tier)

        return Alignment(stretched(self.words), stretched(self.phones), self.duration * factor, self.confidences)

    def phone_sequence(self) -> list[str]:
        """List the phones in order, without silence."""
        return [phone.label for phone in self.phones if phone.label != SILENCE]

    def speech_words(self) -> list[Interval]:
        """List the words in order, without silence."""
        return [word for word in self.words if word.label != SILENT_WORD]


def _normalise_word(label: str) -> str:
    """Convert any spelling of a silent word to ""; strip white space."""
    text = label.strip()
    return SILENT_WORD if text.lower() in SILENT_WORD_SPELLINGS else text


def _check_confidences(confidences: Sequence[float], phones: int) -> None:
    """Raise InputError unless there is one number in [0, 1] for each phone interval."""
    if len(confidences) != phones:
        raise InputError(f"{len(confidences)} confidences for {phones} phone intervals; expected as many")
    for value in confidences:
        if not 0 <= value <= 1:
            raise InputError(f"confidence {value}; expected numbers from 0 to 1")


def _check_order(tier: Sequence[Interval], name: str) -> None:
    """Raise InputError for a time that is not a number, an empty interval, or an overlap."""
    previous_end = 0.0
    for item in tier:
        if not (math.isfinite(item.start) and math.isfinite(item.end)):
            raise InputError(f"{name} tier: {item.label!r} runs from {item.start} to {item.end}; not a time")
        if item.end <= item.start:
            raise InputError(f"{name} tier: {item.label!r} runs from {item.start} to {item.end} s; nothing")
        if item.start < previous_end - EDGE_TOLERANCE_SECONDS:
            raise InputError(
                f"{name} tier: {item.label!r} starts at {item.start} s, before {previous_end} s, "
                "where the interval before it ends; intervals must be in order and not overlap"
            )
        previous_end = item.end


def _check_tier(tier: Sequence[Interval], name: str, duration: float) -> None:
    """Raise InputError unless the intervals cover [0, duration] in order, edge on edge."""
    _check_order(tier, name)
    edge = 0.0
    for item in tier:
        if abs(item.start - edge) > EDGE_TOLERANCE_SECONDS:
            raise InputError(f"{name} tier: a gap from {edge} to {item.start} s; use Alignment.build")
        edge = item.end
    if abs(edge - duration) > EDGE_TOLERANCE_SECONDS:
        raise InputError(f"{name} tier: ends at {edge} s, but the alignment lasts {duration} s")


def _fill_tier(tier: Sequence[Interval], duration: float, silence: str, name: str) -> tuple[Interval, ...]:
    """Cover [0, duration]: silence in the gaps, hairline cracks and overlaps closed."""
    _check_order(tier, name)
    filled: list[Interval] = []
    edge = 0.0
    for item in tier:
        start = float(item.start)
        if start - edge > EDGE_TOLERANCE_SECONDS:
            filled.append(Interval(silence, edge, start))
        else:
            start = edge
        end = float(item.end)
        if abs(end - duration) <= EDGE_TOLERANCE_SECONDS:
            end = float(duration)
        if end > duration:
            raise InputError(f"{name} tier: {item.label!r} ends at {end} s, but the alignment lasts {duration} s")
        filled.append(Interval(item.label, start, end))
        edge = end
    if edge < duration:
        filled.append(Interval(silence, edge, float(duration)))
    return tuple(filled)
