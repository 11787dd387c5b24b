"""Put decoded pieces of sound where their time stamps say: silence in gaps, overlaps cut, jitter left alone."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from phonolips.errors import PhonolipsWarning
from phonolips.media.container import MOST_GAP_SECONDS

# Stamps may be off by so much before a piece is moved: mkv, flv and avi round them to 1 ms, while the shortest packet
# that is commonly lost is 20 ms (Opus, AMR; AAC 21 ms, MP3 24 ms). It is also one step of ours.
STEADY_SECONDS = 0.010
# A piece is moved only if all that follows within this time is off as well, so that one bad stamp moves nothing. Also
# the sound over which a clock that runs away is made good: 10 ms in 0.5 s, a third of a semitone for half a second.
LOOK_AHEAD_SECONDS = 0.5
LEAST_STRETCHED = 10  # times the correction: a shorter rest at the end of a file is not stretched
LONGEST_OVERLAP_SECONDS = 1.0  # stamps that go back further start anew: files that were joined, a recorder's restart
# A jump forwards that is a break and no gap, in formats whose stamps may start anew anywhere (MPEG transport and
# programme streams): FFmpeg's own limit, its -dts_delta_threshold.
LONGEST_STREAM_JUMP_SECONDS = 10.0
SILENT_BLOCK_SECONDS = 1.0  # a long gap is yielded by this much, in flat memory

Piece = tuple[float | None, np.ndarray]  # seconds on the file's clock, or None; float32 (samples, channels)


class _Placer:
    """The pieces that wait to be placed, and how far the sound has come."""

    def __init__(self, rate: int, name: str, breaks: bool) -> None:
        self.waiting: deque[Piece] = deque()
        self.held = 0  # samples that wait
        self._rate, self._name = rate, name
        self._steady = STEADY_SECONDS * rate
        self._longest_gap = LONGEST_STREAM_JUMP_SECONDS if breaks else MOST_GAP_SECONDS
        self._silence = MOST_GAP_SECONDS * rate  # samples of it that may still be put in
        self._position = 0  # samples placed
        self._shift = 0.0  # samples that are taken off all stamps, after a break
        self._last = 0.0  # how far off the last piece's stamp was, in samples
        self._begun = False

    def push(self, piece: Piece) -> None:
        self.waiting.append(piece)
        self.held += len(piece[1])

    def _pop(self) -> np.ndarray:
        _, sound = self.waiting.popleft()
        self.held -= len(sound)
        return sound

    def _off(self, seconds: float, ahead: int = 0) -> float:
        """Return by how many samples a piece is late against the sound before it; negative where it is early."""
        return seconds * self._rate - self._shift - self._position - ahead

    def _lasting_off(self, first: float) -> float | None:
        """Return by how much what waits is late or early, where all of it is by more than jitter; else None.

        The median of those that are as far off as the first: stamps in milliseconds are right on average only.
        """
        ahead = 0
        found = []
        for seconds, sound in self.waiting:
            if seconds is not None:
                found.append(self._off(seconds, ahead))
            ahead += len(sound)
        if min(found) <= self._steady and max(found) >= -self._steady:
            return None
        return float(np.median([off for off in found if abs(off - first) <= self._steady]))

    def place(self) -> Iterator[np.ndarray]:
        """Yield the first piece that waits, after what belongs before it."""
        seconds = self.waiting[0][0]
        off = self._last if seconds is None else self._off(seconds)
        if not self._begun:
            self._begun = True
            yield from self._jump(off)
        elif seconds is not None and abs(off) > self._steady:
            lasting = self._lasting_off(off)
            if lasting is not None and abs(off - self._last) <= self._steady:
                self._stretch(round(lasting))
            elif lasting is not None:
                yield from self._jump(lasting)
            off = off if lasting is None else off - lasting
        self._last = off
        if self.waiting:
            sound = self._pop()
            self._position += len(sound)
            yield sound

    def _jump(self, off: float) -> Iterator[np.ndarray]:
        """Make good a gap with silence, and an overlap by leaving out what was heard already."""
        count = round(abs(off))
        if off < 0 and self._position and count > LONGEST_OVERLAP_SECONDS * self._rate:
            self._shift += off
        elif off < 0:
            while count and self.waiting:
                seconds, sound = self.waiting[0]
                self._pop()
                if len(sound) > count:
                    self.waiting.appendleft((seconds, sound[count:]))
                    self.held += len(sound) - count
                count -= min(count, len(sound))
        elif count > min(self._longest_gap * self._rate, self._silence):
            self._shift += off
            warnings.warn(
                f"{self._name}: the sound's time stamps jump by {off / self._rate:.0f} s; what follows is taken to "
                "follow at once",
                PhonolipsWarning,
                stacklevel=2,
            )
        else:
            self._silence -= count
            self._position += count
            channels = self.waiting[0][1].shape[1]
            block = max(1, int(SILENT_BLOCK_SECONDS * self._rate))
            for start in range(0, count, block):
                yield np.zeros((min(block, count - start), channels), np.float32)

    def _stretch(self, count: int) -> None:
        """Lengthen what waits by `count` samples, or shorten it: a clock that ran away bit by bit."""
        if self.held < LEAST_STRETCHED * abs(count):
            return
        whole = np.concatenate([sound for _, sound in self.waiting])
        at = np.linspace(0, len(whole) - 1, len(whole) + count)
        channels = [np.interp(at, np.arange(len(whole)), channel) for channel in whole.T]
        self.waiting.clear()
        self.held = 0
        self.push((None, np.stack(channels, axis=1).astype(np.float32)))


def place(pieces: Iterable[Piece], rate: int, name: str, *, breaks: bool = False) -> Iterator[np.ndarray]:
    """Yield sound on the file's clock, from 0 s on without a hole.

    Args:
        pieces: (seconds, float32 (samples, channels)) as they are decoded; seconds on the file's clock, or None.
        rate: samples per second.
        name: of the file, for messages.
        breaks: whether the format's stamps may start anew in the middle (MPEG transport and programme streams).

    Yields:
        float32 (samples, channels), of whatever length.
    """
    placer = _Placer(rate, name, breaks)
    ahead = LOOK_AHEAD_SECONDS * rate
    for piece in pieces:
        if not len(piece[1]):
            continue
        placer.push(piece)
        while placer.held > ahead:
            yield from placer.place()
    while placer.waiting:
        yield from placer.place()
