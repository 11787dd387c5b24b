"""Measure `phonolips live`: its delay on a free and on a loaded core, and an hour of sound.

    OMP_NUM_THREADS=1 python tools/bench/live.py --clips data/librispeech/test_clean [--seconds 60] [--model NAME]
    OMP_NUM_THREADS=1 python tools/bench/live.py --clips data/librispeech/test_clean --hour

Prints the tables of docs/live.md. Delay is taken from the arrival of the last sample of a frame's own time to the
return of `send`, as `--stats` has it. `--loaded N` is the number of processes that compute all the time on the core
on which everything runs; the load of the machine is printed, since other programs count, too.
"""

import argparse
import multiprocessing
import os
import resource
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from phonolips.errors import MissingToolError
from phonolips.live.delivery import Delivery
from phonolips.live.engine import Engine, warm_up
from phonolips.live.frame import LiveFrame
from phonolips.live.lines import as_line, frame_object
from phonolips.live.run import LiveRequest, process_settings, stream_maker
from phonolips.live.sources import BLOCK_SECONDS, Block
from phonolips.live.statistics import Statistics
from phonolips.live.websocket import WebSocketServer
from phonolips.media.audio import read
from phonolips.synth.batch import SOUND_SUFFIXES
from phonolips.synth.stream import Stream
from phonolips.timebase import SAMPLE_RATE

HOUR_SECONDS = 3600
COLUMNS = (
    "sink",
    "beside it on the core (load)",
    "looks ahead, ms",
    "p50",
    "p99",
    "most",
    "p50 - ahead",
    "p99 - ahead",
    "dropped",
    "blocks skipped",
    "CPU",
)
REPORT_SECONDS = 600  # of sound, between two looks at the memory


class Played:
    """A sound over and over, in blocks, at its pace or as fast as it is taken."""

    def __init__(self, sound: np.ndarray, seconds: float, *, paced: bool) -> None:
        self._sound, self._seconds, self.can_wait = sound, seconds, not paced

    def blocks(self) -> Iterator[Block]:
        size, began, at = round(BLOCK_SECONDS * SAMPLE_RATE), time.monotonic(), 0
        while at < self._seconds * SAMPLE_RATE:
            first = at % (len(self._sound) - size)
            at += size
            due = began + at / SAMPLE_RATE
            if not self.can_wait and (early := due - time.monotonic()) > 0:
                time.sleep(early)
            yield Block(self._sound[first : first + size], SAMPLE_RATE, time.monotonic() if self.can_wait else due)

    def overflows(self) -> int:
        return 0


class Packets:
    """Frames as JSON in UDP packets that nobody reads: what leaving costs without a receiver."""

    def __init__(self) -> None:
        self._receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._receiver.bind(("127.0.0.1", 0))
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, frame: LiveFrame) -> None:
        self._socket.sendto(as_line(frame_object(frame)).encode(), self._receiver.getsockname())

    def close(self) -> None:
        self._socket.close()
        self._receiver.close()


class Watch:
    """A sink that looks at the memory now and then, and whether all frames came."""

    def __init__(self) -> None:
        self.last, self.missing, self._reported = -1, 0, 0.0
        self._began = time.monotonic()

    def send(self, frame: LiveFrame) -> None:
        self.missing += frame.index - self.last - 1
        self.last = frame.index
        if frame.time >= self._reported:
            self._reported += REPORT_SECONDS
            took = time.monotonic() - self._began
            print(f"| {frame.time:.0f} | {frame.index} | {memory_megabytes():.1f} | {took:.0f} |", flush=True)

    def close(self) -> None:
        print(f"\nlast frame {self.last}, missing {self.missing}")


def memory_megabytes() -> float:
    """Return what this process has in memory now (peak where the system does not say)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def compute_for_ever() -> None:
    """Load a core."""
    while True:
        sum(range(100_000))


def receive(address: str) -> None:
    """Be a receiver of a WebSocket server, in a process of its own."""
    from websockets.sync.client import connect

    with connect(address) as connection:
        for _ in connection:
            pass


def play(
    make_stream: Callable[[int], Stream], source: Played, sinks: Sequence[tuple[str, object]], statistics: Statistics
) -> None:
    """Run the engine to the end of the source, set up as the command is."""
    fps = make_stream(SAMPLE_RATE).fps
    warm_up(make_stream, SAMPLE_RATE)
    deliveries = [Delivery(name, sink, fps, statistics) for name, sink in sinks]  # type: ignore[arg-type]
    with process_settings():
        Engine(make_stream, deliveries, statistics).run(source)


def print_delay(sound: np.ndarray, request: LiveRequest, seconds: float, loaded: int) -> None:
    """Print a row for each sink: delay, what of it is not looking ahead, and losses."""
    make_stream = stream_maker(request)
    stream, statistics = make_stream(SAMPLE_RATE), Statistics()
    context = multiprocessing.get_context("spawn")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # children inherit it
    others = [context.Process(target=compute_for_ever, daemon=True) for _ in range(loaded)]
    sinks: list[tuple[str, object]] = [("JSON in UDP packets", Packets())]
    try:
        server = WebSocketServer("127.0.0.1", 0, {})
        sinks.append(("WebSocket, one receiver", server))
        others.append(context.Process(target=receive, args=(f"ws://127.0.0.1:{server.port}",), daemon=True))
    except MissingToolError as error:
        print(f"without a WebSocket server: {error}", file=sys.stderr)
    for other in others:
        other.start()
    time.sleep(2.0)  # until all of them run
    before, began = time.process_time(), time.monotonic()
    load = os.getloadavg()[0]
    play(make_stream, Played(sound, seconds, paced=True), sinks, statistics)
    share = (time.process_time() - before) / (time.monotonic() - began)
    for other in others:
        other.kill()
    ahead = 1000 * stream.delay_seconds
    for name, _ in sinks:
        found = statistics.sinks[name]
        p50, p99 = found.delay.quantile(0.5) or 0, found.delay.quantile(0.99) or 0
        most = found.delay.as_dict()["most_ms"] or 0
        delays = f"{ahead:.0f} | {p50:.0f} | {p99:.0f} | {most:.0f} | {p50 - ahead:.0f} | {p99 - ahead:.0f}"
        losses = f"{found.dropped} of {statistics.frames} | {statistics.skipped_blocks}"
        print(f"| {name} | {loaded} ({load:.1f}) | {delays} | {losses} | {share:.0%} |", flush=True)
    push = statistics.push.as_dict()
    print(f"\npush: p50 {push['p50_ms']} ms, p99 {push['p99_ms']} ms, most {push['most_ms']} ms\n")


def print_hour(sound: np.ndarray, request: LiveRequest, seconds: float) -> None:
    """Print memory while an hour of sound goes through as fast as it can."""
    statistics = Statistics()
    print("| sound, s | frame | memory, MB | took, s |\n|---|---|---|---|")
    play(stream_maker(request), Played(sound, seconds, paced=False), [("watch", Watch())], statistics)
    expected = seconds * 25
    print(f"{statistics.sound_seconds:.2f} s of sound, {statistics.frames} frames, expected {expected:.0f}")
    print(f"threads at the end: {threading.active_count()}")


def main() -> None:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips")
    parser.add_argument("--count", type=int, default=12, help="of clips, evenly from all")
    parser.add_argument("--seconds", type=float, help="of sound; 60, or an hour")
    parser.add_argument("--model", help="a folder, or a name in the package")
    parser.add_argument("--rest", default="shut")
    parser.add_argument("--loaded", type=int, nargs="*", default=[0, 1, 2], help="processes that share the core")
    parser.add_argument("--hour", action="store_true", help="an hour of sound as fast as it goes, instead of delays")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    clips = sorted(path for path in arguments.clips.rglob("*") if path.suffix in SOUND_SUFFIXES)
    sound = np.concatenate([read(clip) for clip in clips[:: max(1, len(clips) // arguments.count)][: arguments.count]])
    request = LiveRequest(model=arguments.model, rest=arguments.rest)
    if arguments.hour:
        print_hour(sound, request, arguments.seconds or HOUR_SECONDS)
        return
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for loaded in arguments.loaded:
        print_delay(sound, request, arguments.seconds or 60.0, loaded)


if __name__ == "__main__":
    main()
