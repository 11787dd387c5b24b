"""Where a recording lies: written down beside what was made of it, and found again when it has moved or changed.

A folder and its recording may move together, or one of them alone; so the place is written down twice, absolute and as
seen from the folder, with the file's size and a checksum of its beginning.
"""

import os
import stat
import warnings
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.media.audio import read_blocks
from phonolips.media.pipes import is_pipe
from phonolips.timebase import samples_to_seconds

CHECKED_BYTES = 1 << 20  # of a file's beginning: tells clips of one length apart, and takes a millisecond
# Sound of a changed file that is so much longer or shorter than the lips is other sound. A recording is less than a
# frame longer than its lips, and the sound of GRID's videos is 0.02 s shorter than their pictures.
MOST_UNEQUAL_SECONDS = 0.25
PLACE, RELATIVE, SIZE, SUM = "recording", "recording_relative", "recording_bytes", "recording_crc32"
KEYS = (PLACE, RELATIVE, SIZE, SUM)


class Found(NamedTuple):
    """A recording that was looked for: its place, or None, and what is to be said of it before it is used, or ""."""

    path: Path | None
    note: str = ""


def is_lasting(path: Path) -> bool:
    """Return whether this is a file that can be read again, and not a pipe, a terminal or a device."""
    return os.path.isfile(path)


def lasting_place(path: Path) -> Path:
    """Return the absolute place of a file; of one that is only open here (/dev/stdin, /dev/fd/3), that of the file."""
    place = Path(os.path.abspath(path))
    return place.resolve() if place.parts[1:2] in (("dev",), ("proc",)) else place.parent.resolve() / place.name


def describe_recording(recording: Path, folder: Path) -> dict[str, Any]:
    """Return what `find_recording` needs, as arrays for an NPZ file in `folder`; nothing for a pipe or a lost file.

    Keys: `recording`, the absolute path; `recording_relative`, the path from `folder` ("" where there is none);
    `recording_bytes` and `recording_crc32`, size and CRC-32 of the first MiB.
    """
    if is_pipe(recording):
        return {}
    place = lasting_place(recording)
    try:
        size, checksum = _fingerprint(place)
    except OSError:
        return {}
    try:
        relative = Path(os.path.relpath(place, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        relative = ""
    return {PLACE: str(place), RELATIVE: relative, SIZE: np.int64(size), SUM: np.uint32(checksum)}


def find_recording(arrays: Mapping[str, np.ndarray], folder: Path, seconds: float) -> Found:
    """Look for a recording where it was, where it lies as seen from `folder`, in `folder`, and beside it.

    A file of another size or beginning is taken only from its two places, and only if its sound lasts `seconds`.

    Args:
        arrays: with what `describe_recording` returns, or without.
        folder: of the file that they were read from.
        seconds: length of what was made of the recording.

    Raises:
        InputError: the arrays are not what `describe_recording` returns.
    """
    if PLACE not in arrays:
        return Found(None)
    try:
        place, relative = str(arrays[PLACE]), str(arrays.get(RELATIVE, ""))
        expected = int(arrays[SIZE]), int(arrays[SUM])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("the place of its recording cannot be read") from error
    absolute, here = Path(place), folder.resolve()
    if not place or "\0" in place + relative or not absolute.is_absolute():
        return Found(None, f"its recording {place!r} is no place of a file")
    named = [Path(os.path.normpath(here / relative))] if relative else []
    named.append(absolute)
    for path in (*named, here / absolute.name, here.parent / absolute.name):
        if _fingerprint_or_none(path) == expected:
            return Found(path)
    changed = next((path for path in named if is_lasting(path)), None)
    if changed is None:
        return Found(None, f"its recording {place} is not there any more")
    length = _seconds_of(changed)
    if length is None:
        return Found(None, f"its recording {changed} has changed, and cannot be read")
    if abs(length - seconds) > MOST_UNEQUAL_SECONDS:
        return Found(None, f"its recording {changed} has changed: it lasts {length:.2f} s, the lips {seconds:.2f} s")
    return Found(changed, f"its recording {changed} has changed since; it is used, since it is as long as the lips")


def _fingerprint(path: Path) -> tuple[int, int]:
    """Return size and CRC-32 of the beginning of a file; raise OSError where it is none, or a pipe."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path}: not a file")
    with open(path, "rb") as file:
        return os.fstat(file.fileno()).st_size, zlib.crc32(file.read(CHECKED_BYTES))


def _fingerprint_or_none(path: Path) -> tuple[int, int] | None:
    try:
        return _fingerprint(path)
    except (OSError, ValueError):
        return None


def _seconds_of(path: Path) -> float | None:
    """Measure how long a file's sound is; None where it has none that can be read."""
    try:
        return samples_to_seconds(sum(map(len, quiet_blocks(path))))
    except (InputError, OSError):
        return None


def quiet_blocks(path: Path, stream: int | None = None) -> Iterator[np.ndarray]:
    """Read a file's sound again block by block, as `media.audio.read_blocks`, without its warnings."""
    blocks = read_blocks(path, stream=stream)
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PhonolipsWarning)
            block = next(blocks, None)
        if block is None:
            return
        yield block
