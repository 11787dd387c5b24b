"""Frames on their way to a sink: a thread for each, so that one that is slow or hangs holds up nobody."""

import threading
from collections import deque

from phonolips.errors import PhonolipsError
from phonolips.live.frame import LiveFrame
from phonolips.live.sinks import Sink
from phonolips.live.statistics import Statistics

# Frames that wait for a sink, in seconds; older ones give way. A hiccup of half a second loses nothing, and what a slow
# receiver sees is never older.
MOST_WAITING_SECONDS = 0.5
PATIENCE_SECONDS = 1.0  # that sound which can wait is held up for a sink; also for what is waiting at the end


class Delivery:
    """A sink, its thread, and the frames that wait for it.

    Args:
        name: of the sink, for statistics.
        sink: its `send` and `close` are called by the thread alone.
        fps: frames per second.
        statistics: gets the counts and delays.
    """

    def __init__(self, name: str, sink: Sink, fps: float, statistics: Statistics) -> None:
        self.name, self._sink = name, sink
        self._clock, self._statistics = statistics.clock, statistics.sink(name)
        self._most = max(1, round(MOST_WAITING_SECONDS * fps))
        self._waiting: deque[tuple[LiveFrame, float]] = deque()
        self._changed = threading.Condition()
        self._is_ending = self._is_slow = False
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=f"to {name}", daemon=True)
        self._thread.start()

    def put(self, frame: LiveFrame, arrived: float, *, can_wait: bool = False) -> None:
        """Hand over a frame; where too many wait, the oldest one is dropped.

        Args:
            frame: the next one.
            arrived: when its last sample came.
            can_wait: wait for room first, but not again for a sink that once had none within PATIENCE_SECONDS, until it
                has caught up.
        """
        with self._changed:
            if self.failure is not None:
                return
            if can_wait and not self._is_slow:
                has_room = self._changed.wait_for(self._has_room, PATIENCE_SECONDS)
                self._is_slow = not has_room
            if not self._has_room():
                self._waiting.popleft()
                self._statistics.dropped += 1
            self._waiting.append((frame, arrived))
            self._changed.notify_all()

    def close(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Let the thread send what waits, and close the sink.

        A thread that hangs is left behind, and what waits for it is counted as dropped.
        """
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        self._thread.join(patience_seconds)
        self._give_up()

    def _has_room(self) -> bool:
        return len(self._waiting) < self._most

    def _work(self) -> None:
        """Send until the end, or until nothing can be sent any more."""
        try:
            try:
                while (item := self._next()) is not None:
                    self._send(*item)
            finally:
                self._sink.close()
        except Exception as error:  # whatever it is, the engine raises it in the thread of the command
            self.failure = error
            self._give_up()

    def _give_up(self) -> None:
        """Count what waits still as dropped."""
        with self._changed:
            self._statistics.dropped += len(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()

    def _next(self) -> tuple[LiveFrame, float] | None:
        """Wait for a frame; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_ending)
            if not self._waiting:
                return None
            item = self._waiting.popleft()
            self._is_slow = self._is_slow and bool(self._waiting)
            self._changed.notify_all()
            return item

    def _send(self, frame: LiveFrame, arrived: float) -> None:
        """Send one frame; count what became of it."""
        try:
            self._sink.send(frame)
        except (BrokenPipeError, PhonolipsError):
            self._statistics.dropped += 1
            raise
        except OSError as error:
            self._statistics.dropped += 1
            self._statistics.last_error = error.strerror or str(error)
        else:
            self._statistics.sent += 1
            self._statistics.delay.add(self._clock() - arrived)
