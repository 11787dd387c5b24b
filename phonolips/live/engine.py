"""The engine: sound is captured in one thread, becomes frames in another, and leaves in one for each sink.

Sound that waits is taken all at once: a push of a second costs twice that of 40 ms, so after a delay the next push has
caught up, and nothing is lost. Only what has waited for longer than MOST_BEHIND_SECONDS is skipped, in whole blocks,
and counted; the clock of the sound goes on over it (`passage`), so that lips never fall behind what is heard.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from phonolips.live.delivery import PATIENCE_SECONDS, Delivery
from phonolips.live.passage import Made, Passage
from phonolips.live.sources import Block, Source, SourceGoneError
from phonolips.live.statistics import Statistics

if TYPE_CHECKING:
    from phonolips.synth.stream import Stream

MOST_BEHIND_SECONDS = (
    1.0  # of sound that waits; nobody would take lips that come later than that for those of the sound
)
LOOK_SECONDS = 0.1  # between two looks for whether it is to end
RETURN_SECONDS = 1.0  # between two looks for whether a device is back

Arrival = Block | Exception | None  # sound; what went wrong, SourceGoneError where it may go on; None = the end


class Inbox:
    """What was captured and not taken yet.

    Args:
        most_seconds: of sound that may wait where the source can, too.
    """

    def __init__(self, most_seconds: float = MOST_BEHIND_SECONDS) -> None:
        self._most = most_seconds
        self._waiting: deque[Arrival] = deque()
        self._seconds = 0.0
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, item: Arrival, *, can_wait: bool = False) -> bool:
        """Add what came; with `can_wait` wait for room. Return whether anybody takes it still."""
        with self._changed:
            if can_wait:
                self._changed.wait_for(lambda: self._seconds < self._most or self._is_closed)
            self._waiting.append(item)
            if isinstance(item, Block):
                self._seconds += item.seconds
            self._changed.notify_all()
            return not self._is_closed

    def take(self, timeout_seconds: float) -> list[Arrival]:
        """Return all that waits, in its order; wait for something, but not for longer than that."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout_seconds)
            taken = list(self._waiting)
            self._waiting.clear()
            self._seconds = 0.0
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Take nothing any more; whoever waits goes on, and is told."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class Engine:
    """Turns the sound of a source into frames, and hands them to sinks.

    Args:
        make_stream: makes a stream for sound at so many samples per second; called when the sound begins, when its rate
            changes, and when a device has come back.
        deliveries: who gets the frames; closed at the end.
        statistics: gets the counts.
        most_behind_seconds: of sound that waits; what is older is skipped where the source cannot wait.
    """

    def __init__(
        self,
        make_stream: Callable[[int], "Stream"],
        deliveries: Sequence[Delivery],
        statistics: Statistics,
        *,
        most_behind_seconds: float = MOST_BEHIND_SECONDS,
    ) -> None:
        self._make_stream, self._deliveries, self._statistics = make_stream, deliveries, statistics
        self._most_behind = most_behind_seconds
        self._inbox = Inbox(most_behind_seconds)
        self._stop = threading.Event()
        self._passage: Passage | None = None
        self._delay_seconds = 0.0
        self._origin: float | None = 0.0  # of the next passage; None = as late as it comes
        self._began: float | None = None  # when the first sample came
        self._last_arrival = 0.0
        self._left: float | None = None  # seconds of sound still to be taken
        self._waits = False  # for a device that has gone

    def stop(self) -> None:
        """End soon; may be called from any thread, or by a signal."""
        self._stop.set()

    def run(
        self,
        source: Source,
        *,
        seconds: float | None = None,
        wait: bool = False,
        interrupted: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Work until the sound ends, `stop` is called, or something goes wrong.

        Args:
            source: of the sound.
            seconds: of sound, after which it ends.
            wait: for a device that has gone to come back; else its SourceGoneError is raised.
            interrupted: is told when it has gone.

        Raises:
            PhonolipsError: the source, or a sink, gives up.
            OSError: what a sink writes to is closed.
        """
        self._left, self._waits = seconds, wait
        capture = threading.Thread(target=self._capture, args=(source,), name="capture", daemon=True)
        capture.start()
        try:
            while self._take(source, interrupted) and not self._stop.is_set():
                pass
            self._end_passage(is_paced=not source.can_wait)
        finally:
            self._inbox.close()
            self._statistics.overflows = source.overflows()
            late = time.monotonic() + PATIENCE_SECONDS
            for delivery in self._deliveries:
                delivery.close(max(0.05, late - time.monotonic()))
            if not source.can_wait:  # a device that is still open at the end of the process can hang it for good
                capture.join(PATIENCE_SECONDS)
        self._raise_failures()

    def _capture(self, source: Source) -> None:
        """Put what comes into the inbox; runs in a thread of its own."""
        is_there = True
        try:
            while True:
                try:
                    for block in source.blocks():
                        is_there = True
                        if not self._inbox.put(block, can_wait=source.can_wait):
                            return
                    self._inbox.put(None)
                    return
                except SourceGoneError as gone:
                    if not self._waits:
                        raise
                    if is_there:
                        self._inbox.put(gone)
                    is_there = False
                    if self._stop.wait(RETURN_SECONDS):
                        return
        except Exception as error:
            self._inbox.put(error)

    def _take(self, source: Source, interrupted: Callable[[str], object]) -> bool:
        """Take what has come; return whether more may come."""
        items = self._inbox.take(LOOK_SECONDS)
        self._raise_failures()
        if not source.can_wait:
            items = self._skip(items)
        for rate, group in groupby(items, lambda item: item.sample_rate if isinstance(item, Block) else None):
            if rate is not None:
                self._push([item for item in group if isinstance(item, Block)], can_wait=source.can_wait)
                if self._left == 0:
                    return False
                continue
            for item in group:
                if item is None:
                    return False
                assert isinstance(item, Exception)
                if not (self._waits and isinstance(item, SourceGoneError)):
                    raise item
                self._statistics.interruptions += 1
                interrupted(str(item))
                self._end_passage(is_paced=True)
                self._origin = None
        return True

    def _skip(self, items: list[Arrival]) -> list[Arrival]:
        """Leave out the oldest blocks of what has waited too long; return the others."""
        behind = sum(item.seconds for item in items if isinstance(item, Block))
        kept: list[Arrival] = []
        for item in items:
            if not isinstance(item, Block) or behind <= self._most_behind + 1e-9:
                kept.append(item)
                continue
            behind -= item.seconds
            self._passage_for(item).skip(item.seconds)
            self._count(item)
            self._statistics.skipped_blocks += 1
            self._statistics.skipped_seconds += item.seconds
        return kept

    def _push(self, blocks: list[Block], *, can_wait: bool) -> None:
        """Push blocks of one rate, all at once, and hand over what comes of them."""
        passage, pieces = self._passage_for(blocks[0]), []
        for block in blocks:
            if self._left is not None:
                left = round(self._left * block.sample_rate)
                self._left = max(0.0, self._left - block.seconds)
                block = block._replace(samples=block.samples[:left])
            self._count(block)
            pieces.append((block.samples, block.arrived))
            if self._left == 0:
                break
        before = time.perf_counter()
        made = passage.push(pieces)
        if made:
            self._statistics.push.add(time.perf_counter() - before)
        self._hand_over(made, can_wait=can_wait)

    def _passage_for(self, block: Block) -> Passage:
        """Return the passage that a block belongs to; begin one where there is none, or at another rate."""
        if self._passage is not None and self._passage.sample_rate != block.sample_rate:
            self._end_passage(is_paced=False)
        if self._began is None:
            self._began = block.arrived - block.seconds
        if self._passage is None:
            if self._origin is None:
                self._origin = max(self._statistics.sound_seconds, block.arrived - block.seconds - self._began)
            stream = self._make_stream(block.sample_rate)
            self._delay_seconds = stream.delay_seconds
            self._passage = Passage(stream, block.sample_rate, self._origin)
        return self._passage

    def _count(self, block: Block) -> None:
        self._statistics.sound_seconds += block.seconds
        self._last_arrival = block.arrived

    def _end_passage(self, *, is_paced: bool) -> None:
        """Hand over the frames that are left, each when it would have come had the sound gone on, or all at once."""
        passage, self._passage = self._passage, None
        if passage is None:
            return
        self._origin = passage.clock.seconds
        for made in passage.close():
            frame = made.frame
            left = passage.clock.seconds - frame.time - 0.5 / frame.fps  # of sound after the frame
            due = self._last_arrival - left + self._delay_seconds
            if is_paced and (early := due - self._statistics.clock()) > 0:
                self._stop.wait(early)
            self._hand_over([made], can_wait=not is_paced or self._stop.is_set())

    def _hand_over(self, made: Sequence[Made], *, can_wait: bool) -> None:
        for frame, arrived in made:
            self._statistics.frames += 1
            for delivery in self._deliveries:
                delivery.put(frame, arrived, can_wait=can_wait)

    def _raise_failures(self) -> None:
        for delivery in self._deliveries:
            if delivery.failure is not None:
                raise delivery.failure


def warm_up(make_stream: Callable[[int], "Stream"], sample_rate: int) -> None:
    """Let everything be loaded and set up by a stream of silence that nobody sees."""
    stream = make_stream(sample_rate)
    block = np.zeros(sample_rate // 10, np.float32)
    for _ in range(3 + int(10 * stream.delay_seconds)):
        stream.push(block)
    stream.close()
