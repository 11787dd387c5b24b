"""Rows that come one after the other, let go as soon as what each of them needs around it is there.

A stage of a stream (`model.stream`, `model.motion`) is a class that says how many frames it looks back and ahead, and
whose `push` takes the next rows and returns those that it can compute by now; with `last` it computes the rest. Rows
may come in pieces of any length, none at all included: where they are cut changes nothing but rounding. What a stage
holds is as long as what it looks at, and the piece that was pushed last.
"""

from typing import NamedTuple

import numpy as np


class Chunk(NamedTuple):
    """Rows that are computed at once: `own` rows after `back` rows of margin, then more margin."""

    rows: np.ndarray
    back: int
    own: int


class Window:
    """The latest rows of a stream: those that wait for what follows them, and the margin before them.

    Args:
        back: rows that a row needs before it.
        ahead: rows that it needs after it.
        unit: rows are let go in whole multiples of it.
    """

    def __init__(self, back: int, ahead: int, unit: int = 1) -> None:
        self._back, self._ahead, self._unit = back, ahead, unit
        self._held: np.ndarray | None = None
        self._margin = 0  # rows held before those that wait

    def push(self, rows: np.ndarray, *, last: bool = False) -> Chunk:
        """Add rows; return those that have what they need, perhaps none, in their margins.

        The margins hold real neighbours; at the two ends of the whole they are simply shorter.
        """
        if not len(rows) and not last:
            return Chunk(rows, 0, 0)
        held = rows if self._held is None else np.concatenate([self._held, rows])
        ready = max(0, len(held) - self._margin - (0 if last else self._ahead))
        chunk = Chunk(held, self._margin, ready if last else ready - ready % self._unit)
        end = chunk.back + chunk.own
        self._margin = min(self._back, end)
        self._held = held[end - self._margin :].copy()  # what lies before is let go
        return chunk


class InStep:
    """Rows of several kinds, which come at different times and are let go together.

    Args:
        rows: of each kind in a frame.
    """

    def __init__(self, *rows: int) -> None:
        self._rows = rows
        self._held: list[np.ndarray] = []

    def push(self, *parts: np.ndarray) -> list[np.ndarray]:
        """Add rows of each kind; return as many frames as all of them have."""
        held = [np.concatenate(pair) for pair in zip(self._held, parts, strict=True)] if self._held else list(parts)
        frames = min(len(part) // rows for part, rows in zip(held, self._rows, strict=True))
        ends = [frames * rows for rows in self._rows]
        self._held = [part[end:].copy() for part, end in zip(held, ends, strict=True)]
        return [part[:end].copy() for part, end in zip(held, ends, strict=True)]  # whoever keeps them keeps no more
