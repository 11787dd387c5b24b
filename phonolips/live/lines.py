"""Frames as JSON: a line each, in a file or on standard output; the WebSocket server sends the same objects."""

import json
import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from phonolips.export.visemes import OCULUS
from phonolips.lips.measures import opening, width
from phonolips.lips.points import LIP_LAYOUT
from phonolips.live.frame import LiveFrame
from phonolips.model.speakers import LipSpeaker
from phonolips.phones.inventory import PHONES

FORMAT = "phonolips-live"
VERSION = 1  # of the objects below; the number goes up where a reader of the one before would go wrong
DIGITS = 5  # after the point, of lips; the last stands for 0.6 micrometres of a face
FEW_DIGITS = 4  # of probabilities and lip parameters


def header(speaker: LipSpeaker, fps: float, delay_seconds: float | None = None) -> dict[str, Any]:
    """Return the object that comes first: what the frames are, and how late (null where nobody said)."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "fps": fps,
        "speaker": speaker.name,
        "lip_layout": LIP_LAYOUT,
        "mean_lip": _rounded(speaker.mean_lip, DIGITS),
        "phone_names": list(PHONES),
        "delay_seconds": delay_seconds if delay_seconds is None else round(delay_seconds, DIGITS),
    }


def current_phone(frame: LiveFrame) -> str | None:
    """Return the likeliest phone of a frame's steps; None where it has no step of its own."""
    return PHONES[int(frame.posteriors.mean(axis=0).argmax())] if len(frame.posteriors) else None


def frame_object(frame: LiveFrame) -> dict[str, Any]:
    """Return one frame as plain values; docs/live.md says what each is."""
    visemes = None
    if len(frame.posteriors):
        weights = frame.posteriors.mean(axis=0) @ OCULUS.from_phones
        visemes = dict(zip(OCULUS.names, _rounded(weights, FEW_DIGITS), strict=True))
    return {
        "frame": frame.index,
        "time": round(frame.time, DIGITS),
        "phone": current_phone(frame),
        "opening": round(float(opening(frame.lips)), DIGITS),
        "width": round(float(width(frame.lips)), DIGITS),
        "phones": [{"phone": each.label, "start": each.start, "end": each.end} for each in frame.phones],
        "visemes": visemes,
        "lip_parameters": _rounded(frame.lip_parameters, FEW_DIGITS),
        "lips": _rounded(frame.lips, DIGITS),
        "posteriors": _rounded(frame.posteriors, FEW_DIGITS),
    }


def _rounded(array: np.ndarray, digits: int) -> list[Any]:
    """Return an array as lists of numbers with so many digits after the point."""
    values: list[Any] = np.round(np.asarray(array, np.float64), digits).tolist()
    return values


def as_line(value: dict[str, Any]) -> str:
    """Write an object on one line, with as few characters as JSON allows."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


class Lines:
    """A file that grows by a line with each frame; each line is whole once it is there.

    Args:
        file: open for writing text.
        first: goes into the first line.
        owned: whether the file is ours to close.
    """

    def __init__(self, file: TextIO, first: dict[str, Any], *, owned: bool) -> None:
        self._file, self._owned = file, owned
        self._write(first)

    def send(self, frame: LiveFrame) -> None:
        """Write a frame; raise OSError where the system refuses."""
        self._write(frame_object(frame))

    def close(self) -> None:
        """Close the file, but never standard output."""
        if self._owned:
            self._file.close()

    def _write(self, value: dict[str, Any]) -> None:
        self._file.write(as_line(value) + "\n")
        self._file.flush()


def open_lines(
    address: str, *, speaker: LipSpeaker, fps: float, delay_seconds: float | None = None, **_: object
) -> Lines:
    """Open a file to write frames to, or take standard output where none is named.

    Raises:
        OSError: the file cannot be opened.
    """
    first = header(speaker, fps, delay_seconds)
    if not address:
        return Lines(sys.stdout, first, owned=False)
    return Lines(Path(address).open("w", encoding="utf-8"), first, owned=True)
