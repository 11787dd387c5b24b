"""A line in the terminal that shows that something happens: how far the mouth is open, the phone, delay and losses."""

import sys
from typing import TextIO

from phonolips.lips.measures import opening
from phonolips.live.frame import LiveFrame
from phonolips.live.lines import current_phone
from phonolips.live.statistics import Statistics
from phonolips.model.speakers import LipSpeaker

BAR_CELLS = 24
# The opening that fills the bar, in units: a jaw that drops far. Of GRID's s1, 99 % of frames stay below 0.35.
WIDEST = 0.4
EIGHTHS = " ▏▎▍▌▋▊▉█"
REDRAW_SECONDS = 0.08  # of sound; eyes and terminals follow no more than a dozen lines a second


class Meter:
    """One line that is drawn again and again.

    Args:
        file: a terminal.
        statistics: for delay and losses; None = without.
    """

    def __init__(self, file: TextIO, statistics: Statistics | None = None) -> None:
        self._file, self._statistics = file, statistics
        self._drawn = -REDRAW_SECONDS
        self._phone = "sil"
        self._blocks = EIGHTHS if (getattr(file, "encoding", None) or "").lower().startswith("utf") else " #"

    def send(self, frame: LiveFrame) -> None:
        """Draw the line anew, if it is time; raise OSError where the terminal is gone."""
        self._phone = current_phone(frame) or self._phone
        if frame.time - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = frame.time
        self._file.write("\r" + self._line(frame) + "\x1b[K")  # CSI K: nothing is left of a longer line
        self._file.flush()

    def close(self) -> None:
        """Leave the last line as it is."""
        self._file.write("\n")
        self._file.flush()

    def _line(self, frame: LiveFrame) -> str:
        parts = [f"{frame.time:8.1f} s", f"|{self._bar(float(opening(frame.lips)))}|", f"{self._phone:3}"]
        if self._statistics is not None:
            p50, p99 = self._statistics.quantile(0.5), self._statistics.quantile(0.99)
            if p50 is not None and p99 is not None:
                parts.append(f"delay {p50:.0f} ms, p99 {p99:.0f}")
            parts.append(f"dropped {self._statistics.dropped}")
            if self._statistics.skipped_blocks:
                parts.append(f"skipped {self._statistics.skipped_seconds:.1f} s")
        return "  ".join(parts)

    def _bar(self, units: float) -> str:
        """Return a bar of BAR_CELLS characters that is as full as the mouth is open."""
        fine = len(self._blocks) - 1
        filled = round(min(max(units / WIDEST, 0.0), 1.0) * BAR_CELLS * fine)
        whole, part = divmod(filled, fine)
        return (self._blocks[-1] * whole + (self._blocks[part] if part else "")).ljust(BAR_CELLS)


def open_meter(
    address: str, *, speaker: LipSpeaker, fps: float, statistics: Statistics | None = None, **_: object
) -> Meter:
    """Draw on standard error, where nothing else is written; `address`, speaker and fps do not matter."""
    return Meter(sys.stderr, statistics)
