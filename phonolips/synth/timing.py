"""When each phone of some words is said: predicted durations, or given times that must fit the words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.emphasis import Emphasis, word_factor
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE
from phonolips.phones.sounds import phones_to_ids
from phonolips.speech.cues import cue_groups, hurry, warn_of_late
from phonolips.speech.tts.spoken import EDGE_SECONDS
from phonolips.timebase import seconds_to_steps, steps_to_seconds

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.speech.words import SpokenWord


def check_durations(words: "Sequence[SpokenWord]", durations: Alignment) -> None:
    """Refuse times of other phones than those of the words; raise InputError."""
    wanted = [phone for word in words for phone in word.phones if phone != SILENCE]
    found = durations.phone_sequence()
    if wanted != found:
        at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), -1)
        where = f"phone {at + 1} is {found[at]}, not {wanted[at]}" if at >= 0 else "one of them ends early"
        raise InputError(
            f"`durations` holds {len(found)} phones and the text {len(wanted)}: {where}; "
            "give a TextGrid of this text, or speak the TextGrid's own phones with `textgrid`"
        )


def predict_alignment(
    network: "Network",
    words: "Sequence[SpokenWord]",
    speaker_row: int,
    rate: float = 1.0,
    emphasis: Emphasis | None = None,
) -> Alignment:
    """Predict a time for every phone of some words, with a little silence before and after.

    Pauses last as the words say, and emphasised words longer; phone edges fall on whole steps. Words after a pause that
    ends at a given time never begin before it, and go up to `cues.MOST_HURRY` times as fast where there is little time
    to the next one.

    Args:
        network: for its duration predictor.
        words: with their phones; pauses are words with the silence phone.
        speaker_row: of the network's speaker table.
        rate: 2.0 speaks twice as fast; pauses that somebody asked for stay as long.
        emphasis: word, or its place among those that are no pauses -> factor.
    """
    predicted = network.durations.predict([phones_to_ids(word.phones) for word in words], speaker_row, rate)
    lengths = iter(predicted)
    writer = _TierWriter(emphasis or {})
    groups = cue_groups(words)
    if groups[0].at is None:
        writer.rest_until(EDGE_SECONDS)
    late = []
    for group in groups:
        if group.at is not None:
            next(lengths)
            writer.rest_until(group.at)
            late += [writer.seconds - group.at] if group.words else []
        own = [next(lengths) for _ in group.words]
        start = writer.seconds
        seconds = writer.measure(group.words, own, rate)
        writer.write(group.words, own, rate, hurry(seconds, start, group.until))
    warn_of_late(late)
    return writer.finish(EDGE_SECONDS, groups[-1].at if not groups[-1].words else None)


class _TierWriter:
    """Write words and phones one after the other, on whole steps."""

    def __init__(self, emphasis: Emphasis) -> None:
        self._emphasis = emphasis
        self.seconds = 0.0  # the time so far, and the step edge that stands for it
        self._edge = 0
        self._spoken = 0  # the edge of the last phone
        self._words: list[Interval] = []
        self._phones: list[Interval] = []

    def rest_until(self, seconds: float) -> None:
        """Let nothing be said before a time."""
        self.seconds = max(self.seconds, seconds)
        self._edge = max(self._edge, seconds_to_steps(self.seconds))

    def _length(self, word: "SpokenWord", lengths: np.ndarray, place: int, rate: float) -> np.ndarray:
        """Compute how long each phone of a word lasts, or a pause."""
        if word.phones == (SILENCE,):
            return np.array([word.pause_seconds / (1.0 if word.is_asked else rate * word.rate)])
        return lengths * word_factor(word.word, place, self._emphasis) / word.rate

    def measure(self, words: "Sequence[SpokenWord]", lengths: Sequence[np.ndarray], rate: float) -> float:
        """Compute how many seconds words last."""
        place, total = len(self._words), 0.0
        for word, own in zip(words, lengths, strict=True):
            total += float(self._length(word, own, place, rate).sum())
            place += word.phones != (SILENCE,)
        return total

    def write(
        self, words: "Sequence[SpokenWord]", lengths: Sequence[np.ndarray], rate: float, faster: float = 1.0
    ) -> None:
        """Append words, each phone a step at least."""
        for word, own in zip(words, lengths, strict=True):
            start = self._edge
            for phone, length in zip(word.phones, self._length(word, own, len(self._words), rate), strict=True):
                self.seconds += length / faster
                if phone == SILENCE:
                    self._edge = max(self._edge, seconds_to_steps(self.seconds))
                    continue
                first, self._edge = self._edge, max(self._edge + 1, seconds_to_steps(self.seconds))
                self._phones.append(Interval(phone, steps_to_seconds(first), steps_to_seconds(self._edge)))
            if word.phones != (SILENCE,):
                self._words.append(Interval(word.word, steps_to_seconds(start), steps_to_seconds(self._edge)))
                self._spoken = self._edge

    def finish(self, edge_seconds: float, least: float | None) -> Alignment:
        """Return what was written, with silence at the end; it lasts `least` seconds at least, where that is given."""
        steps = self._edge + seconds_to_steps(edge_seconds)
        if least is not None:
            steps = max(self._spoken + seconds_to_steps(edge_seconds), seconds_to_steps(least))
        return Alignment.build(self._words, self._phones, steps_to_seconds(steps))
