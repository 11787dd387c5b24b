"""Where sound comes from: what a source is, a file at its own pace, and raw samples through a pipe.

`microphone` has the third. Each yields blocks of one channel at its own sample rate, as soon as they are there.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from phonolips.errors import InputError, PhonolipsError
from phonolips.timebase import SAMPLE_RATE

# Of a block. A frame waits for the end of a block, on average half of it; a block that completes no frame costs 0.3 ms
# (tools/bench/live.py).
BLOCK_SECONDS = 0.01
SAMPLE_FORMATS: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}  # by FFmpeg's names
MOST_CHANNELS = 64


class Block(NamedTuple):
    """Sound that has come in: float32 (samples,) in [-1, 1], samples per second, and when its last sample came."""

    samples: np.ndarray
    sample_rate: int
    arrived: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.sample_rate


class SourceGoneError(PhonolipsError):
    """A source that gave sound gives none any more; it may come back."""


class Source(Protocol):
    """Sound as it comes.

    can_wait: whether it is held up where nobody takes its blocks, instead of going on; then nothing is skipped.
    """

    can_wait: bool

    def blocks(self) -> Iterator[Block]:
        """Yield blocks until the sound ends; once more where it is called again after SourceGoneError.

        Raises:
            InputError: there is no such sound, or it cannot be used.
            SourceGoneError: there is none any more.
        """

    def overflows(self) -> int:
        """Return how often the system lost sound before we got it."""


class FileSource:
    """A sound or video file, as if somebody played it now.

    Args:
        path: any file that `phonolips.media` reads.
        paced: False = as fast as it is taken.
        clock: seconds, of arrivals.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        path: Path,
        *,
        paced: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        from phonolips.media.audio import check_sound_file

        check_sound_file(path)
        self._path, self._clock, self._sleep = path, clock, sleep
        self.can_wait = not paced

    def blocks(self) -> Iterator[Block]:
        """Yield the file's sound, each block when its last sample would have been played."""
        from phonolips.media.audio import read_blocks

        began, samples = self._clock(), 0
        for block in read_blocks(self._path, round(BLOCK_SECONDS * SAMPLE_RATE)):
            samples += len(block)
            due = began + samples / SAMPLE_RATE
            if not self.can_wait and (early := due - self._clock()) > 0:
                self._sleep(early)
            # late by the scheduler or the disk: the sound was due all the same
            yield Block(block, SAMPLE_RATE, self._clock() if self.can_wait else due)

    def overflows(self) -> int:
        """Return 0: a file loses nothing."""
        return 0


class PipeSource:
    """Raw samples that come through an open file, such as the standard input.

    Args:
        number: the file descriptor; read, never closed.
        sample_rate: of what comes.
        sample_format: a name in SAMPLE_FORMATS.
        channels: that come interleaved; they are averaged.
        clock: seconds, of arrivals.

    Raises:
        InputError: no such rate, format or number of channels, or a terminal.
    """

    can_wait = True  # whoever writes into a full pipe waits

    def __init__(
        self,
        number: int = 0,
        *,
        sample_rate: int = SAMPLE_RATE,
        sample_format: str = "s16le",
        channels: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from phonolips.media.audio import check_sample_rate

        self._rate = check_sample_rate(sample_rate)
        if sample_format not in SAMPLE_FORMATS:
            raise InputError(f"sample_format {sample_format!r}; expected {' or '.join(SAMPLE_FORMATS)}")
        if not 1 <= channels <= MOST_CHANNELS:
            raise InputError(f"channels {channels}; expected 1 to {MOST_CHANNELS}")
        if os.isatty(number) or stat.S_ISDIR(os.fstat(number).st_mode):
            raise InputError("-: nothing comes through the standard input; pipe raw samples into it")
        self._number, self._type, self._channels, self._clock = number, SAMPLE_FORMATS[sample_format], channels, clock

    def blocks(self) -> Iterator[Block]:
        """Yield what comes, in blocks of BLOCK_SECONDS or less."""
        row = self._type.itemsize * self._channels
        size = max(1, round(BLOCK_SECONDS * self._rate)) * row
        held, is_first = b"", True
        while piece := os.read(self._number, size - len(held)):
            held += piece
            if is_first and len(held) >= 4:
                self._check_raw(held)
                is_first = False
            whole = len(held) - len(held) % row
            if whole:
                samples = np.frombuffer(held[:whole], self._type).reshape(-1, self._channels)
                held = held[whole:]
                yield Block(self._mixed(samples), self._rate, self._clock())

    def overflows(self) -> int:
        """Return 0: a pipe loses nothing."""
        return 0

    def _check_raw(self, beginning: bytes) -> None:
        """Raise InputError where a sound file comes instead of samples alone."""
        for mark in (b"RIFF", b"fLaC", b"OggS", b"ID3"):
            if beginning.startswith(mark):
                raise InputError(
                    f"-: a sound file begins ({mark.decode()}); expected raw samples: name the file, or pipe it "
                    f"through ffmpeg -i - -f s16le -ar {self._rate} -ac {self._channels} -"
                )

    def _mixed(self, samples: np.ndarray) -> np.ndarray:
        """Return samples (samples, channels) as float32 (samples,) in [-1, 1]."""
        mixed: np.ndarray = samples.mean(axis=1, dtype=np.float32)
        if self._type.kind == "i":
            return mixed / np.float32(32768)
        return mixed
