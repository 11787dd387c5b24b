"""Phones as they are said: the best path through posteriors that are still coming, with a fixed lag.

`decode.best_path` decides at the end of a recording. Here each step is decided as the best path has it a fixed number
of steps later, whatever turns out afterwards; so the phones may differ from those of the whole, the less the longer the
lag is (docs/streaming.md has how much). A lag of None waits until all paths that are still followed agree, which is the
path of the whole exactly, after a time that nobody knows before.
"""

import numpy as np

from phonolips.phones.decode import make_search
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import PHONES
from phonolips.phones.ngram import PhoneNgram
from phonolips.timebase import steps_to_seconds


class LivePhones:
    """The likeliest phone of every step, decided while posteriors are coming.

    Args:
        ngram: which phone follows which others; None = all alike.
        lag_steps: how far a decision looks ahead; None = as far as it takes to be that of the whole.
    """

    def __init__(self, ngram: PhoneNgram | None, lag_steps: int | None) -> None:
        self._search, self._lag = make_search(ngram), lag_steps

    def push(self, posteriors: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Take the next steps.

        Args:
            posteriors: float (steps, phones), rows sum to 1; any number of steps, none included.
            last: whether these were the last ones.

        Returns:
            int64 (steps,), the phones of the steps that are decided now, in their order.
        """
        self._search.push(posteriors)
        if last:
            return self._search.best()
        if self._lag is None:
            return self._search.settle()
        decided = max(0, len(self._search) - self._lag)
        if not decided:
            return np.zeros(0, np.int64)
        labels = self._search.best()[:decided]
        self._search.forget(decided)
        return labels


class PhoneTier:
    """Phones with times, made of the phones of steps as these come: a phone is there once the next one has begun."""

    def __init__(self) -> None:
        self._phone, self._first, self._steps = -1, 0, 0

    def push(self, labels: np.ndarray, *, last: bool = False) -> tuple[Interval, ...]:
        """Take the phones of the next steps, int (steps,); return those that have ended by now."""
        ended = []
        for label in labels.tolist():
            if label != self._phone:
                ended += self._end()
                self._phone, self._first = label, self._steps
            self._steps += 1
        return (*ended, *(self._end() if last else ()))

    def _end(self) -> list[Interval]:
        """Return the phone that lasts until now, if there is one."""
        if self._first == self._steps:
            return []
        return [Interval(PHONES[self._phone], steps_to_seconds(self._first), steps_to_seconds(self._steps))]
