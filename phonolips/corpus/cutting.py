"""Cut videos of any length into clips of some seconds, at pauses, and keep the clips with speech.

Sound alone decides, and is read block by block, twice: once to find speech with the encoder and its voice activity, and
once to write the sound of every clip. So an hour costs no more memory than a minute, but for a number each 10 ms. The
pictures are looked at later, clip by clip.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.media.audio import read_blocks
from phonolips.media.timing import Timing, picture_timing
from phonolips.media.video import probe
from phonolips.media.wav import new_wav
from phonolips.model.network import load_network
from phonolips.model.stream import encode
from phonolips.phones.inventory import SILENCE_ID
from phonolips.storage import write_text
from phonolips.timebase import SAMPLE_RATE, STEPS_PER_SECOND, seconds_to_samples

MOST_SECONDS = 10.0  # of a clip: whole sentences, and a batch of them fits into memory
LEAST_SECONDS = 4.0  # of a piece that is cut off a longer video, so that two pauses in a row make no crumbs
PAUSE_STEPS = 15  # a cut lies in the middle of the quietest 0.15 s: a stop's closure is shorter
LEAST_SPEECH = 0.2  # share of a clip; below it a clip teaches what a mouth does when somebody else, or nobody, speaks
LEAST_FPS = 20.0  # pictures per second; a closure of 60 ms is between two pictures of 15 a second as often as in one
SILENT_LEVEL = 10 ** (-60 / 20)  # a peak below -60 dB of full scale: a muted track, with its dither
CUT_FORMAT = 1


@dataclass(frozen=True)
class Cut:
    """What became of one video.

    Args:
        pieces: (number, start, end), seconds on the video's clock; both 0 where the video is one clip as it is.
        dropped: (number, reason) of pieces that are left out; number 0 is the whole video.
        size, modified: of the file in bytes and ns; another file of that name is cut anew.
    """

    pieces: tuple[tuple[int, float, float], ...]
    dropped: tuple[tuple[int, str], ...]
    size: int
    modified: int

    @property
    def is_whole(self) -> bool:
        """Whether the video was not cut."""
        return all(number == 0 for number, *_ in (*self.pieces, *self.dropped))

    def is_of(self, video: Path) -> bool:
        """Return whether a video is still the file that was cut."""
        return (self.size, self.modified) == _stamp(video)

    def write(self, path: Path) -> None:
        """Write it as JSON, atomically."""
        write_text(path, json.dumps({"format": CUT_FORMAT, **asdict(self)}) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Cut":
        """Read what `write` wrote; of another format, a cut of no file."""
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("format", None) != CUT_FORMAT:
            return cls((), (), -1, -1)
        pieces, dropped = (tuple(tuple(item) for item in values.pop(name)) for name in ("pieces", "dropped"))
        return cls(pieces, dropped, **values)


def _stamp(video: Path) -> tuple[int, int]:
    try:
        stat = video.stat()
    except OSError:  # a link to nothing
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def cut_video(video: Path, sound: Path, name: str, *, encoder: Path | None = None) -> Cut:
    """Find the clips of a video and write their sound as `sound/NAME.wav`, or `sound/NAME/0001.wav` and so on.

    Args:
        video: any file.
        sound: a folder.
        name: of the video, a relative path.
        encoder: the model that finds speech; None = the one in the package.
    """
    size, modified = _stamp(video)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PhonolipsWarning)  # what is odd is said where the clip is looked at
            timing = _check_pictures(video)
            speech = find_speech(video, encoder)
    except InputError as error:
        return Cut((), ((0, str(error)),), size, modified)
    seconds = len(speech) / STEPS_PER_SECOND
    picture_seconds = float(timing.frames / timing.fps)
    if max(seconds, picture_seconds) <= MOST_SECONDS:
        spans = [(0.0, 0.0)]
    else:
        spans = _on_frames(find_cuts(speech[: int(picture_seconds * STEPS_PER_SECOND)]), float(timing.fps))
    is_one = len(spans) == 1
    pieces, dropped = [], []
    for index, (start, end) in enumerate(spans, start=1):
        part = speech if end == 0 else speech[int(start * STEPS_PER_SECOND) : int(end * STEPS_PER_SECOND)]
        number = 0 if is_one else index
        share = float((part > 0.5).mean()) if len(part) else 0.0
        if share < LEAST_SPEECH:
            dropped.append((number, f"no speech: in {share:.0%} of {len(part) / STEPS_PER_SECOND:.1f} s of sound; "
                                    f"expected {LEAST_SPEECH:.0%} or more"))  # fmt: skip
        else:
            pieces.append((number, start, end))
    paths = [sound / (f"{name}.wav" if number == 0 else f"{name}/{number:04d}.wav") for number, *_ in pieces]
    _write_sounds(video, [(start, end) for _, start, end in pieces], paths)
    return Cut(tuple(pieces), tuple(dropped), size, modified)


def _check_pictures(video: Path) -> Timing:
    """Return how a video's pictures lie in time; raise InputError where it cannot be used, by kind."""
    try:
        info = probe(video)
        timing = picture_timing(video)
    except InputError as error:
        raise InputError(f"unreadable: {error}") from error
    assert timing is not None  # `probe` has seen pictures
    if timing.fps < LEAST_FPS:
        raise InputError(f"frame rate: {float(timing.fps):.3g} pictures a second; expected {LEAST_FPS:.0f} or more")
    if not info.has_audio:
        raise InputError("no sound: the file has no sound track")
    return timing


def find_speech(recording: Path, encoder: Path | None = None) -> np.ndarray:
    """Find where somebody speaks.

    Args:
        recording: a sound or video file, read in bounded memory.
        encoder: the model whose encoder and voice activity say so; None = the one in the package.

    Returns:
        float32 (steps,): the probability of anything but silence, each 10 ms.

    Raises:
        InputError: "no sound: ...", of no sound that can be read, or none that can be heard.
    """
    peak = 0.0

    def heard() -> Iterator[np.ndarray]:
        nonlocal peak
        for block in read_blocks(recording):
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            yield block

    try:
        parts = [1 - part.posteriors[:, SILENCE_ID] for part in encode(load_network(encoder), heard())]
    except InputError as error:
        raise InputError(f"no sound: {error}") from error
    if peak < SILENT_LEVEL:
        raise InputError(f"no sound: its peak is {20 * np.log10(max(peak, 1e-10)):.0f} dB of full scale")
    return np.concatenate(parts)


def find_cuts(
    speech: np.ndarray, *, most: float = MOST_SECONDS, least: float = LEAST_SECONDS
) -> list[tuple[float, float]]:
    """Cut a recording into parts one after the other, where least is said.

    Args:
        speech: (steps,), from `find_speech`.
        most: seconds of a part.
        least: seconds of a part, but of a recording that is shorter; at most half of `most`.

    Returns:
        start and end in seconds; the last one ends with the recording.
    """
    window = np.ones(PAUSE_STEPS) / PAUSE_STEPS
    around = np.convolve(np.pad(speech.astype(np.float64), PAUSE_STEPS // 2, mode="edge"), window, mode="valid")
    longest, shortest = round(most * STEPS_PER_SECOND), round(least * STEPS_PER_SECOND)
    edges = [0]
    while (rest := len(speech) - edges[-1]) > longest:
        first, last = edges[-1] + shortest, edges[-1] + min(longest, rest - shortest)
        quiet = around[first : last + 1]
        lowest = np.flatnonzero(quiet <= quiet.min() + 0.02)  # of equally quiet places the last one
        edges.append(first + int(lowest[-1]))
    edges.append(len(speech))
    return [(a / STEPS_PER_SECOND, b / STEPS_PER_SECOND) for a, b in pairwise(edges)]


def _on_frames(spans: Sequence[tuple[float, float]], fps: float) -> list[tuple[float, float]]:
    """Move cuts onto the pictures' edges, so that a clip's first picture and its sound begin together."""
    return [(round(start * fps) / fps, round(end * fps) / fps) for start, end in spans]


def _write_sounds(video: Path, spans: Sequence[tuple[float, float]], paths: Sequence[Path]) -> None:
    """Write the sound of some parts of a video, in their order, one file each; (0, 0) is all of it."""
    blocks = _Blocks(video)
    for (start, end), path in zip(spans, paths, strict=True):
        first, last = seconds_to_samples(start), seconds_to_samples(end) if end else None
        with new_wav(path, SAMPLE_RATE) as file:
            for block in blocks.between(first, last):
                file.write(block)


class _Blocks:
    """The sound of a video, read once from its beginning to its end, part by part."""

    def __init__(self, video: Path) -> None:
        self._blocks = read_blocks(video)
        self._held = np.zeros(0, np.float32)
        self._at = 0  # sample of the recording at which `_held` begins

    def between(self, first: int, last: int | None) -> Iterator[np.ndarray]:
        """Yield what lies between two samples, at or after what was asked for before; None = the end."""
        while last is None or self._at < last:
            if not len(self._held):
                block = next(self._blocks, None)
                if block is None:
                    return
                self._held = block
            stop = len(self._held) if last is None else min(len(self._held), last - self._at)
            skipped = min(max(0, first - self._at), stop)
            if stop > skipped:
                yield self._held[skipped:stop]
            self._held, self._at = self._held[stop:], self._at + stop
