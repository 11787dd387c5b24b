"""The sound that a result carries along: short sound in memory, long sound in its file."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.media.audio import check_block, check_sound_file, read_blocks
from phonolips.media.pipes import is_pipe
from phonolips.synth.arguments import check_sound
from phonolips.timebase import SAMPLE_RATE, samples_to_seconds

MOST_HELD_SECONDS = 600.0  # 38 MB; a longer recording is read again where its sound is wanted, which takes 1 s a minute


class Unread:
    """What stands for the samples of a long recording that are not held in memory."""


UNREAD = Unread()


class Sound(NamedTuple):
    """A sound: its file, if any; its samples, float32 at 16 kHz; how many there are, if that is known.

    `stream` says which of the file's sounds it is, counted from 0; None = its default one.
    """

    recording: Path | None = None
    waveform: np.ndarray | Unread | None = None
    samples: int | None = None
    stream: int | None = None

    @property
    def seconds(self) -> float | None:
        """How long it is, if that is known."""
        return None if self.samples is None else samples_to_seconds(self.samples)


def lasting(recording: Path) -> Path:
    """Return a recording's place, whatever folder the process goes to; of a pipe what it is called."""
    return recording if is_pipe(recording) else Path(os.path.abspath(recording))


def given_sound(waveform: np.ndarray | None, recording: Path | None) -> Sound:
    """Return a caller's sound; raise InputError unless it is float (samples,), finite, with a sample at least."""
    checked = None if waveform is None else check_sound(waveform)
    return Sound(recording, checked, None if checked is None else len(checked))


class SoundKeeper:
    """Keep a sound that passes by in blocks, unless it is long and can be read again from its recording."""

    def __init__(self, recording: Path | None, stream: int | None = None) -> None:
        """Take the file of the sound, or None, and which of its sounds it is."""
        self._recording, self._stream = recording, stream
        self._most = None if recording is None else round(MOST_HELD_SECONDS * SAMPLE_RATE)
        self._held: list[np.ndarray] | None = []
        self._samples = 0

    def keep(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the blocks, checked; raise InputError for one that is not samples."""
        for block in blocks:
            checked = check_block(block)
            self._samples += len(checked)
            if self._most is not None and self._samples > self._most:
                self._held = None
            if self._held is not None:
                self._held.append(checked)
            yield checked

    def kept(self) -> Sound:
        """Return the sound that has passed, and let go of it."""
        waveform = UNREAD if self._held is None else join(self._held)
        return Sound(self._recording, waveform, self._samples, self._stream)


def read_sound(recording: Path, stream: int | None = None) -> Sound:
    """Read a recording, and hold its sound unless that is long; raises and warns as `media.audio.read_blocks`."""
    check_sound_file(recording)
    keeper = SoundKeeper(lasting(recording), stream)
    for _ in keeper.keep(read_blocks(recording, stream=stream)):
        pass
    return keeper.kept()


def join(parts: list[np.ndarray]) -> np.ndarray:
    """Join arrays along the first axis, at least one, and empty the list on the way: there is never all of it twice."""
    if len(parts) == 1:
        return parts.pop()
    first = parts[0]
    result = np.empty((sum(map(len, parts)), *first.shape[1:]), first.dtype)
    end = len(result)
    while parts:
        part = parts.pop()
        result[end - len(part) : end] = part
        end -= len(part)
    return result
