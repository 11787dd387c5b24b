"""A passage of sound without a break, and its frames, on the clock of all the sound.

The clock goes on where sound is skipped: a frame's time is that of the sound that it shows, wherever that came in.
The pieces around what was skipped are joined as in a cut tape, which costs nothing just when time is short; silence in
its place would have to be computed like any sound, and would shut a mouth that is speaking.
"""

import math
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.live.frame import LiveFrame
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import NUM_PHONES
from phonolips.timebase import STEPS_PER_FRAME, steps_to_seconds

if TYPE_CHECKING:
    from phonolips.synth.stream import Frames, Stream

REMEMBERED_SECONDS = 120.0  # of where sound was skipped; a phone that began before it starts as if nothing had been
CLOSE = 1e-6  # seconds; a sample at 192 kHz takes 5e-6


class Made(NamedTuple):
    """A frame, and when the last sample of its own time had come in (seconds, of the clock of arrivals)."""

    frame: LiveFrame
    arrived: float


class SoundClock:
    """Where on the clock of all sound the samples of a stream lie, and when they came.

    Args:
        origin_seconds: where the stream begins.
    """

    def __init__(self, origin_seconds: float) -> None:
        self._before = origin_seconds
        self._skips: deque[tuple[float, float]] = deque()  # (seconds of the stream, all that lies before them)
        self._total = origin_seconds
        self._arrivals: deque[tuple[float, float]] = deque()
        self._last_arrival = 0.0
        self.pushed_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Where the sound is now."""
        return self._total + self.pushed_seconds

    def push(self, seconds: float, arrived: float) -> None:
        """Count sound that was pushed, and when it came."""
        self.pushed_seconds += seconds
        self._arrivals.append((self.pushed_seconds, arrived))

    def skip(self, seconds: float) -> None:
        """Go on without pushing."""
        self._total += seconds
        self._skips.append((self.pushed_seconds, self._total))
        while self._skips[0][0] < self.pushed_seconds - REMEMBERED_SECONDS:
            self._before = self._skips.popleft()[1]

    def place(self, seconds: float, *, is_end: bool = False) -> float:
        """Return where a time of the stream lies; where sound was skipped just there, an end lies before it."""
        before = self._before
        for first, total in self._skips:
            if first > seconds + (-CLOSE if is_end else CLOSE):
                break
            before = total
        return before + seconds

    def arrival(self, seconds: float) -> float:
        """Return when the sound before this time of the stream had come in; times must not go back."""
        while self._arrivals and self._arrivals[0][0] < seconds - CLOSE:
            self._last_arrival = self._arrivals.popleft()[1]
        return self._arrivals[0][1] if self._arrivals else self._last_arrival


class Passage:
    """Sound without a break, at one sample rate, to frames.

    Args:
        stream: new; it is closed with the passage.
        sample_rate: of the stream.
        origin_seconds: where on the clock of all sound it begins.
    """

    def __init__(self, stream: "Stream", sample_rate: int, origin_seconds: float = 0.0) -> None:
        self._stream, self.sample_rate = stream, sample_rate
        self.clock = SoundClock(origin_seconds)
        self._count = 0
        self._phones: deque[Interval] = deque()
        self._rows: deque[tuple[np.ndarray, np.ndarray]] = deque()  # posteriors of 40 ms, and their lip parameters
        self._row_count = 0
        self._lip_parameters = np.zeros(0, np.float32)

    def push(self, blocks: list[tuple[np.ndarray, float]]) -> list[Made]:
        """Take blocks, each float32 (samples,) and when it came; return the frames that can be known by now.

        Raises:
            InputError: samples that are not finite.
        """
        if not blocks:
            return []
        samples = np.concatenate([block for block, _ in blocks])
        for block, arrived in blocks:
            self.clock.push(len(block) / self.sample_rate, arrived)
        return self._made(self._stream.push(samples))

    def skip(self, seconds: float) -> None:
        """Leave out sound that came, so that the clock goes on."""
        self.clock.skip(seconds)

    def close(self) -> list[Made]:
        """End the passage; return the rest of its frames."""
        return self._made(self._stream.close(), last=True)

    def _made(self, frames: "Frames", *, last: bool = False) -> list[Made]:
        fps = self._stream.fps
        self._phones.extend(frames.phones)
        for first, parameters in enumerate(frames.lip_parameters):
            steps = slice(first * STEPS_PER_FRAME, (first + 1) * STEPS_PER_FRAME)
            self._rows.append((frames.posteriors[steps], parameters))
        made = []
        for index, (lips, centre) in enumerate(zip(frames.lips, frames.times.tolist(), strict=True), start=1):
            end, time = centre + 0.5 / fps, self.clock.place(centre)
            until = math.inf if last and index == len(frames.lips) else end
            phones, posteriors = self._phones_until(until), self._posteriors_until(until)
            frame = LiveFrame(int(time * fps), time, lips, fps, phones, posteriors, self._lip_parameters)
            made.append(Made(frame, self.clock.arrival(end)))
        return made

    def _phones_until(self, end: float) -> tuple[Interval, ...]:
        """Return the phones that ended by then and were not returned yet, on the clock of all sound."""
        ended = []
        while self._phones and self._phones[0].end <= end + CLOSE:
            phone = self._phones.popleft()
            ended.append(Interval(phone.label, self.clock.place(phone.start), self.clock.place(phone.end, is_end=True)))
        return tuple(ended)

    def _posteriors_until(self, end: float) -> np.ndarray:
        """Return the posteriors of the steps that ended by then and were not returned yet, a multiple of four."""
        rows = []
        while self._rows and steps_to_seconds(STEPS_PER_FRAME) * (self._row_count + 1) <= end + CLOSE:
            row, self._lip_parameters = self._rows.popleft()
            self._row_count += 1
            rows.append(row)
        return np.concatenate(rows) if rows else np.zeros((0, NUM_PHONES), np.float32)
