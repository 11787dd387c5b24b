"""Live lips, from what is asked for to the end: what the command line calls."""

import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from phonolips.checks import check_number
from phonolips.errors import InputError
from phonolips.live.delivery import Delivery
from phonolips.live.engine import Engine, warm_up
from phonolips.live.sinks import LOOPBACK, open_sink
from phonolips.live.sources import FileSource, PipeSource, Source
from phonolips.live.statistics import Statistics
from phonolips.media.pipes import STANDARD_INPUT
from phonolips.storage import atomic_file
from phonolips.synth.stream import Stream
from phonolips.timebase import SAMPLE_RATE

if TYPE_CHECKING:
    from phonolips.lips.articulation import Articulation

MICROPHONE = "mic"
DEFAULT_MODEL = "low-delay"  # the name of a model in the package
MOST_SECONDS = 1e9
# Seconds after which a thread that computes lets another one go on. Sinks are Python that waits for the computing one;
# Python's own 5 ms would go into the delay of each frame.
SWITCH_SECONDS = 0.001


@dataclass(frozen=True)
class LiveRequest:
    """What is asked for.

    Args:
        source: `mic`, a sound or video file, or `-`, raw samples through standard input.
        to: sinks, as `open_sink` takes them; none = a meter on a terminal, else JSON lines on standard output.
        device: of `mic`: a number or a part of a name; None = the default one.
        rate: samples per second: of `-`, 16,000 unless given; of `mic`, the device's own.
        sample_format, channels: of `-`; s16le and 1 unless given.
        paced: play a file at its pace; False = as fast as it is computed.
        wait: for a microphone that goes away to come back.
        seconds: of sound, after which it ends; None = when the sound does.
        host: for sinks whose address names none.
        origins: web pages that may connect to a server.
        token_file: keeps the token of VTube Studio.
        stats: a JSON file for what was counted and measured.
        model, provider, threads: what computes.
        speaker, fps, rest, liveliness, articulation, voice_activity: as for `Stream`.
    """

    source: str = MICROPHONE
    to: Sequence[str] = ()
    device: int | str | None = None
    rate: int | None = None
    sample_format: str | None = None
    channels: int | None = None
    paced: bool = True
    wait: bool = False
    seconds: float | None = None
    host: str | None = None
    origins: Sequence[str] = ()
    token_file: Path | None = None
    stats: Path | None = None
    model: Path | str | None = None
    provider: str = "auto"
    threads: int = 1
    speaker: str | None = None
    fps: str | float | None = None
    rest: str = "shut"
    liveliness: float | None = None
    articulation: "Articulation" = 1.0
    voice_activity: bool = True


class Live:
    """A request that is ready to run: its source, its sinks, and the engine between them.

    Args:
        request: what is asked for.

    Raises:
        InputError: something in it cannot be used.
        MissingToolError: a package is missing.
        CheckpointError: there is no such model.
    """

    def __init__(self, request: LiveRequest) -> None:
        self._request = request
        if request.seconds is not None:
            check_number(request.seconds, "seconds", f"0.04 to {MOST_SECONDS:.0g} of sound", 0.04, MOST_SECONDS)
        if request.stats is not None and not request.stats.absolute().parent.is_dir():
            raise InputError(f"`stats` {request.stats}: there is no folder {request.stats.parent}; make it first")
        self._source = open_source(request)
        make_stream = stream_maker(request)
        stream = make_stream(SAMPLE_RATE)  # refuses options that cannot be used before anything is opened
        warm_up(make_stream, SAMPLE_RATE)
        self.statistics = Statistics()
        self._deliveries: list[Delivery] = []
        try:
            for text in request.to or default_sinks():
                sink = open_sink(
                    text,
                    speaker=stream.speaker,
                    fps=stream.fps,
                    delay_seconds=stream.delay_seconds,
                    host=request.host or LOOPBACK,
                    origins=request.origins,
                    token_file=request.token_file,
                    statistics=self.statistics,
                )
                self._deliveries.append(Delivery(text, sink, stream.fps, self.statistics))
        except BaseException:
            for delivery in self._deliveries:
                delivery.close()
            raise
        self._engine = Engine(make_stream, self._deliveries, self.statistics)

    def stop(self) -> None:
        """End soon, with what was heard until now; may be called by a signal."""
        self._engine.stop()

    def run(self, interrupted: Callable[[str], object] = lambda _: None) -> Statistics:
        """Work until the sound ends or `stop` is called; write the statistics, whatever happens.

        Args:
            interrupted: is told, in one line, when a device has gone whose return is awaited.

        Raises:
            PhonolipsError: the source or a sink gives up.
            OSError: what a sink writes to is closed.
        """
        try:
            with process_settings():
                self._engine.run(
                    self._source, seconds=self._request.seconds, wait=self._request.wait, interrupted=interrupted
                )
        finally:
            if self._request.stats is not None:
                text = json.dumps(self.statistics.as_dict(), indent=1) + "\n"
                with atomic_file(self._request.stats) as path:
                    path.write_text(text, encoding="utf-8")
        return self.statistics


@contextmanager
def process_settings() -> Iterator[None]:
    """Set this process up for frames that leave in time: threads take turns sooner, and less garbage is looked for."""
    switch = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()  # the model and all modules: later collections have next to nothing to look through
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(switch)


def default_sinks() -> list[str]:
    """Return the sinks where none is asked for."""
    return ["meter"] if sys.stdout.isatty() else ["json"]


def stream_maker(request: LiveRequest) -> Callable[[int], Stream]:
    """Return what makes a stream, with the options of a request, for sound at so many samples per second."""
    from phonolips.model.network import load_network

    model = request.model if request.model is not None else DEFAULT_MODEL
    network = load_network(model, provider=request.provider, threads=request.threads)

    def make(sample_rate: int) -> Stream:
        options = {} if request.fps is None else {"fps": request.fps}
        return Stream(
            sample_rate=sample_rate,
            voice_activity=request.voice_activity,
            network=network,
            speaker=request.speaker,
            rest=request.rest,
            liveliness=request.liveliness,
            articulation=request.articulation,
            **options,  # type: ignore[arg-type]
        )

    return make


def open_source(request: LiveRequest) -> Source:
    """Return the source that a request names.

    Raises:
        InputError: there is none such, or an option that goes with another kind.
        MissingToolError: sounddevice is missing.
    """
    kind = request.source if request.source in (MICROPHONE, STANDARD_INPUT) else "a file"
    for name, given, kinds in (
        ("device", request.device is not None, (MICROPHONE,)),
        ("wait", request.wait, (MICROPHONE,)),
        ("rate", request.rate is not None, (MICROPHONE, STANDARD_INPUT)),
        ("sample_format", request.sample_format is not None, (STANDARD_INPUT,)),
        ("channels", request.channels is not None, (STANDARD_INPUT,)),
        ("paced", not request.paced, ("a file",)),
    ):
        if given and kind not in kinds:
            raise InputError(
                f"`{name}` goes with `source` {' or '.join(kinds)}, not with {request.source}; leave it out"
            )
    if kind == MICROPHONE:
        from phonolips.live.microphone import Microphone

        return Microphone(request.device, sample_rate=request.rate)
    if kind == STANDARD_INPUT:
        return PipeSource(
            sample_rate=request.rate or SAMPLE_RATE,
            sample_format=request.sample_format or "s16le",
            channels=request.channels or 1,
        )
    return FileSource(Path(request.source), paced=request.paced)
