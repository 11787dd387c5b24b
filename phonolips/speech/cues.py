"""Words that are to be said at given times, as those of subtitles are: how much faster they go where time is short."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from phonolips.errors import PhonolipsWarning
from phonolips.speech.words import SpokenWord

MOST_HURRY = 2.0  # times as fast as otherwise: some 320 words a minute; readers of the news speak 180
LATE_SECONDS = 0.1  # a cue that begins later than this after its time is late: people notice that of lips


class CueGroup(NamedTuple):
    """The words between two times.

    Args:
        at: when they may begin at the earliest, in seconds from the start of all; None = when what is before is over.
        words: in their order, with the pauses among them.
        until: when the next ones may begin; None where nothing says so.
    """

    at: float | None
    words: Sequence[SpokenWord]
    until: float | None


def cue_groups(words: Sequence[SpokenWord]) -> list[CueGroup]:
    """Cut words at the pauses that end at a given time; the last group of subtitles has no words, but their end."""
    inside: list[list[SpokenWord]] = [[]]
    times: list[float | None] = [None]
    for word in words:
        if word.at is None:
            inside[-1].append(word)
        else:
            times.append(word.at)
            inside.append([])
    groups = [CueGroup(*group) for group in zip(times, inside, [*times[1:], None], strict=True)]
    return groups if groups[0].words or len(groups) == 1 else groups[1:]


def hurry(seconds: float, start: float, until: float | None) -> float:
    """Compute how many times faster words are said that would last beyond the time of what comes next.

    Args:
        seconds: how long they last otherwise.
        start: when they begin.
        until: when they are to be over; None = there is time.
    """
    if until is None or start + seconds <= until:
        return 1.0
    return MOST_HURRY if until <= start else min(MOST_HURRY, seconds / (until - start))


def warn_of_late(late: Sequence[float]) -> None:
    """Warn once where words begin late.

    Args:
        late: by how many seconds, for each group of words that has a time.
    """
    count = sum(seconds > LATE_SECONDS for seconds in late)
    if count:
        warnings.warn(
            f"{count} of {len(late)} subtitles begin late, by up to {max(late):.1f} s: "
            f"the words before take longer, even {MOST_HURRY:.0f} times as fast",
            PhonolipsWarning,
            stacklevel=3,
        )
