"""How a video's pictures lie in time: evenly, or by stamps that an even clock has to be laid over."""

import contextlib
import math
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.media.container import MOST_GAP_SECONDS, clock_start, file_key, open_input, packets, picture_stream
from phonolips.timebase import MAX_FPS, MODEL_FPS, NTSC_RATES

if TYPE_CHECKING:
    import av
    import av.container

# Pictures are even where each lies within this many picture lengths of an even grid, from the earliest to the latest:
# one picture that is missing makes it 1.0, stamps rounded to 1 ms make it 0.06 at 60 a second, and a webcam's jitter of
# a third of a picture either way 0.67.
EVEN_SPREAD = 0.75
# A picture that starts later than the sound by less than this is not held before its start, nor is the rest of a longer
# delay made good: it is one picture at 25 a second, and less than the 45 ms by which ITU-R BT.1359 says that viewers
# begin to notice sound that comes early. Files put the sound's priming there, 21 to 24 ms of it.
LEAST_DELAY_SECONDS = 0.040
# The first one alone may lie up to a picture early: FFmpeg writes .avi files with an empty picture after the first.
# The last few may have holes among them: where a file is cut off, pictures that are stored after a later one are lost.
LAST_PICTURES = 4
MOST_REORDERED = 16  # of a file that is known to be cut off: as many as H.264 lets wait for each other
VIDEO_WORDS = ("a readable video", ".mp4, .mpg or the like")  # what messages say a file is not, and was expected to be
# Of uneven pictures the quickest quarter of intervals sets the even clock, so that their quick part loses none.
QUICK_SHARE = 0.25
MOST_UNEVEN_FPS = 60  # of such a clock: two stamps that lie a hair apart must not make thousands of pictures
USUAL_RATES = (*map(Fraction, (10, 12, 15, 20, 24, 25, 30, 48, 50, 60)), *NTSC_RATES)  # pictures per second
NEAR_RATE = 0.02  # relative; a measured rate so near to a usual one is that one: phones' clocks, stamps in 1 ms
FIELD_TOLERANCE = 0.01  # relative; packets twice as many as pictures hold a field of an interlaced picture each


@dataclass(frozen=True)
class Timing:
    """How a video's pictures lie in time.

    Args:
        fps: pictures per second of the even clock.
        even: True where the pictures are even already, and each is to be shown once.
        period: seconds from one picture to the next, where they are even.
        start: seconds, in the file's own count, that are nought of the file's clock; None without stamps.
        delay: seconds from there to the first picture.
        seconds: from nought of the clock to the last picture's end.
        pictures: how many the file holds, by its packets.
        times: float64 (pictures,), ascending, seconds on the file's clock, of uneven pictures; none of even ones.
        nonsense: whether there are stamps that cannot be true; the pictures are then taken to be even.
        cut_short: pictures that the header promises, where they are not all there; else 0.
    """

    fps: Fraction
    even: bool
    period: float
    start: Fraction | None
    delay: float
    seconds: float
    pictures: int
    times: np.ndarray = field(repr=False, compare=False)
    nonsense: bool
    cut_short: int

    @property
    def held(self) -> int:
        """How many even frames the first picture is shown for before it starts, where pictures are even."""
        return round(self.delay * self.fps) if self.delay >= max(LEAST_DELAY_SECONDS, self.period) else 0

    @property
    def frames(self) -> int:
        """How many even frames there are."""
        return self.pictures + self.held if self.even else max(1, round(self.seconds * self.fps))

    @property
    def slowest(self) -> float:
        """Pictures per second where uneven ones are fewest."""
        return float(1 / np.diff(self.times).max())

    def first_frame(self, time: Fraction | float) -> int:
        """Return the even frame from which on a picture of this time (file's clock) is shown: whose centre it is at."""
        return math.ceil(time * self.fps - Fraction(1, 2))

    def new_frames(self) -> np.ndarray:
        """Return the even frames that begin a picture, int64, ascending, where pictures are uneven."""
        begins = [self.first_frame(float(time)) for time in self.times]
        return np.unique(np.clip(begins, 0, self.frames - 1))


def usual_rate(rate: float) -> Fraction:
    """Return the usual frame rate that is nearest, or where none is near the rate itself."""
    nearest = min(USUAL_RATES, key=lambda usual: abs(float(usual) - rate))
    if abs(float(nearest) - rate) <= NEAR_RATE * rate:
        return nearest
    return Fraction(rate).limit_denominator(1001)


def _even_period(times: np.ndarray) -> float | None:
    """Return the seconds from picture to picture where each lies near its place on an even grid, else None."""
    period = float(times[-1] - times[0]) / (len(times) - 1)
    off = times - times[0] - period * np.arange(len(times))
    return period if off.max() - off.min() <= EVEN_SPREAD * period else None


def even_period(times: np.ndarray, last: int = LAST_PICTURES) -> float | None:
    """Return the seconds from picture to picture where they come evenly, all but the first and the last few, else None.

    Args:
        times: float64 (pictures,), presentation times in seconds, ascending, at least two, not all the same.
        last: how many at the end may have holes among them, at most as many again.
    """
    period = _even_period(times)
    if period is None and len(times) > 2:
        rest = _even_period(times[1:])
        period = rest if rest is not None and times[1] - times[0] < 2.5 * rest else None
    if period is None and len(times) > last + 2:
        rest = _even_period(times[:-last])
        period = rest if rest is not None and times[-1] - times[-1 - last] <= 2 * last * rest else None
    return period


def even_rate(times: np.ndarray, period: float | None, stated: Fraction | None) -> Fraction:
    """Choose the pictures per second of an even clock.

    Args:
        times: float64 (pictures,), presentation times in seconds, ascending, at least two, not all the same.
        period: seconds from picture to picture where they are even, else None.
        stated: pictures per second that the file states, or None.
    """
    if period is None:
        steps = np.diff(times)
        quick = float(np.quantile(steps[steps > 0], QUICK_SHARE))
        return usual_rate(min(1 / quick, MOST_UNEVEN_FPS))
    if stated is not None and abs(period * float(stated) - 1) * len(times) <= EVEN_SPREAD:
        return stated
    return usual_rate(min(1 / period, MAX_FPS))


@dataclass(frozen=True)
class _Packets:
    times: np.ndarray  # float64, seconds in the file's own count, of the pictures that are shown
    last_seconds: float  # how long the last one is shown, by its packet; 0 where nobody says
    missing: bool  # whether some have no stamp
    shown: int  # with and without a stamp
    count: int  # with those that an edit list leaves out


def _scan(container: "av.container.InputContainer", stream: "av.VideoStream") -> _Packets:
    """Read the time stamps of all pictures without decoding them."""
    import av

    stamps: list[int] = []
    count, shown, last = 0, 0, (-1, 0)
    with contextlib.suppress(av.FFmpegError, OSError):
        for packet in packets(container, [stream]):
            if not packet.size:
                continue
            count += 1
            shown += not packet.is_discard
            if packet.pts is not None and not packet.is_discard:
                stamps.append(packet.pts)
                last = max(last, (packet.pts, packet.duration or 0))
    unit = float(stream.time_base or 1)
    times = np.sort(np.array(stamps, np.float64)) * unit
    return _Packets(times, last[1] * unit, len(stamps) < shown, shown, count)


def _cut_short(container: "av.container.InputContainer", stream: "av.VideoStream", found: _Packets) -> int:
    """Return how many pictures a header promises, where the file ends before them; else 0.

    What an edit list leaves out is not missing: FFmpeg's index of an .mp4 holds what is left. In an .avi a picture that
    repeats the one before is no packet, so there the last stamp counts.
    """
    promised, there = stream.frames, found.count
    if "mp4" in container.format.name:
        promised = min(promised, len(stream.index_entries) or promised)
    elif len(found.times) > 1 and stream.average_rate:
        there = max(there, round((found.times[-1] - found.times[0]) * float(stream.average_rate)) + 1)
    return promised if there < promised else 0


def _place(found: _Packets, stated: Fraction | None, start: Fraction | None, short: int) -> Timing:
    """Lay an even clock over the pictures of a file; `start` is nought of the file's clock."""
    times, fps, pictures = found.times, stated or Fraction(MODEL_FPS), found.shown
    span = float(times[-1] - times[0]) if len(times) > 1 and not found.missing else 0.0
    if stated is not None and abs(2 * span * float(stated) - len(times) + 1) < FIELD_TOLERANCE * len(times):
        times, pictures = times[::2], (pictures + 1) // 2
    delay = float(times[0]) - float(start) if len(times) and start is not None and not found.missing else 0.0
    nonsense = max(span - len(times) / float(fps), delay) > MOST_GAP_SECONDS or (
        len(times) > 1 and not found.missing and span <= 0
    )
    period: float | None = float(1 / fps)
    if span > 0 and len(times) > 1 and not nonsense:
        period = even_period(times, MOST_REORDERED if short else LAST_PICTURES)
        fps = even_rate(times, period, stated)
    delay = 0.0 if nonsense else max(0.0, delay)
    if period is not None:
        return Timing(fps, True, period, start, delay, delay + pictures * period, pictures, times[:0], nonsense, short)
    lasts = span + (found.last_seconds or float(np.median(np.diff(times))))
    since = times - (float(start) if start is not None else times[0])
    return Timing(fps, False, float(1 / fps), start, delay, delay + lasts, pictures, since, nonsense, short)


def _make_timing(container: "av.container.InputContainer", start: Fraction | None) -> Timing | None:
    stream = picture_stream(container)
    if stream is None:
        return None
    rate: Any = stream.average_rate or stream.guessed_rate or stream.base_rate
    stated = Fraction(rate) if rate and 0 < rate <= MAX_FPS else None
    found = _scan(container, stream)
    return _place(found, stated, start, _cut_short(container, stream, found))


@lru_cache(maxsize=64)  # a command reads a video three or four times
def _timing_of(path: str, name: str, size: int, modified: int) -> Timing | None:
    with open_input(Path(path), name, *VIDEO_WORDS) as container:
        return _make_timing(container, clock_start(Path(path), name))


def picture_timing(path: Path) -> Timing | None:
    """Return how a video's pictures lie in time, or None where it has none that move; reads the file once through."""
    return _timing_of(*file_key(path))
