"""What is counted and measured while lips are live, in memory that does not grow."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

MOST_MILLISECONDS = 20_000  # of a delay that is told from longer ones; a 2.4 s network on a stalled machine stays below


class Durations:
    """How long something took, again and again: counts by the millisecond, which do not grow."""

    def __init__(self) -> None:
        self._counts = np.zeros(MOST_MILLISECONDS + 1, np.int64)
        self._most = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self._counts[min(max(int(1000 * seconds), 0), MOST_MILLISECONDS)] += 1
        self._most = max(self._most, seconds)

    def __len__(self) -> int:
        """Return how many were counted."""
        return int(self._counts.sum())

    def quantile(self, share: float) -> float | None:
        """Return the milliseconds, rounded up, within which so large a share of them lay; None where there are none."""
        counted = np.cumsum(self._counts)
        if not counted[-1]:
            return None
        return float(np.searchsorted(counted, share * counted[-1] - 1e-9) + 1)

    def as_dict(self) -> dict[str, float | None]:
        """Return the quantiles that are reported, and the longest, in milliseconds."""
        return {
            "p50_ms": self.quantile(0.5),
            "p99_ms": self.quantile(0.99),
            "most_ms": round(1000 * self._most, 1) if len(self) else None,
        }


class SinkStatistics:
    """What became of the frames for one sink.

    sent: left.
    dropped: gave way to newer ones, since the sink was slow, or could not be sent.
    delay: from the arrival of the last sample of a frame's own time to the return of `send`.
    """

    def __init__(self) -> None:
        self.sent = self.dropped = 0
        self.delay = Durations()
        self.last_error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        counts = {"sent": self.sent, "dropped": self.dropped, "last_error": self.last_error}
        return {**counts, "delay": self.delay.as_dict()}


class Statistics:
    """What became of the sound, and of the frames for each sink.

    Args:
        clock: seconds, as of `time.monotonic`; delays and the wall time are taken from it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._began = clock()
        self.sound_seconds = self.skipped_seconds = 0.0
        self.frames = self.skipped_blocks = self.overflows = self.interruptions = 0
        self.push = Durations()
        self.sinks: dict[str, SinkStatistics] = {}

    def sink(self, name: str) -> SinkStatistics:
        """Return the statistics of one more sink, under a name of its own."""
        unique = name if name not in self.sinks else f"{name}#{sum(each.startswith(name) for each in self.sinks) + 1}"
        return self.sinks.setdefault(unique, SinkStatistics())

    def quantile(self, share: float) -> float | None:
        """Return the delay in milliseconds within which this share of frames left, at the slowest sink."""
        found = [sink.delay.quantile(share) for sink in self.sinks.values()]
        return max((each for each in found if each is not None), default=None)

    @property
    def dropped(self) -> int:
        """How many frames were dropped, at all sinks together."""
        return sum(sink.dropped for sink in self.sinks.values())

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, as `--stats` writes it."""
        return {
            "wall_seconds": round(self.clock() - self._began, 3),
            "sound_seconds": round(self.sound_seconds, 3),
            "frames": self.frames,
            "skipped_blocks": self.skipped_blocks,
            "skipped_seconds": round(self.skipped_seconds, 3),
            "overflows": self.overflows,
            "interruptions": self.interruptions,
            "push": self.push.as_dict(),
            "sinks": {name: sink.as_dict() for name, sink in self.sinks.items()},
        }

    def line(self) -> str:
        """Return the essentials in one line."""
        delay = self.quantile(0.5), self.quantile(0.99)
        late = "" if delay[0] is None else f", delay p50 {delay[0]:.0f} ms, p99 {delay[1]:.0f} ms"
        skipped = f", {self.skipped_seconds:.2f} s of it skipped" if self.skipped_blocks else ""
        return f"{self.sound_seconds:.1f} s of sound{skipped}, {self.frames} frames, {self.dropped} dropped{late}"
