"""Sound files: read any that PyAV opens as 16 kHz, mono, float32 in [-1, 1]; resample; encode AAC.

Reading is by blocks, so that an hour costs no more memory than a minute; `read` joins the blocks.
"""

import contextlib
import io
import warnings
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from phonolips.checks import shown
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.media.container import (
    Damage,
    Source,
    clock_start,
    decoded,
    frame_time,
    open_input,
    picture_stream,
    sound_stream,
)
from phonolips.media.pipes import copy_to_temporary, readable
from phonolips.media.placing import place
from phonolips.timebase import SAMPLE_RATE

if TYPE_CHECKING:
    import av
    import av.container

BLOCK_SAMPLES = 10 * SAMPLE_RATE  # 10 s
SILENCE_LEVEL = 10 ** (-70 / 20)  # a peak below -70 dB of full scale counts as silence
CLIPPED_LEVEL = 0.999
CLIPPED_SHARE = 0.001  # more samples than this at full scale: warn that the sound is clipped
# Streams without a container: FFmpeg counts their stamps itself, at the first frame's rate, so they tell nothing.
UNSTAMPED_FORMATS = ("aac", "ac3", "eac3", "dts", "loas", "mp3")
LOWEST_RATE, HIGHEST_RATE = 1_000, 1_000_000  # samples per second of a caller's array, or of a file
MOST_PLANES = 7  # of a planar frame that PyAV 18 reads: its loop over eight pointers runs on into what lies behind them
MOST_FILTERED = 64  # channels that FFmpeg's resampler takes (its SWR_CH_MAX)
# Channels that have nothing to do with each other keep the energy sum(energies) / channels ** 2 when they are averaged.
# Below a quarter of that they cancel: of two equally loud ones, a correlation below -0.75, which no pair of microphones
# in one room gives over seconds; a silent channel beside a speaking one gives exactly that energy.
LEAST_OF_UNRELATED = 0.25
MIX_SECONDS = 10.0  # sound over which that is decided, of up to seven channels; 13 MB at 48 kHz
SHORTEST_SECONDS = 0.05
RESAMPLER_TAPS = 34  # samples at the lower rate that FFmpeg's resampler holds back at most: its 32 taps, and two more
AAC_SAMPLE_RATE = 48_000  # samples per second; every browser plays it
AAC_BIT_RATE = 56_000  # bits per second of AAC: speech sounds clean, a minute takes 0.4 MB


def check_sound_file(path: Path) -> None:
    """Raise InputError unless there is a file with something in it; what comes through a pipe is read for that."""
    file = readable(path)
    if not file.exists():
        raise InputError(f"{path}: no such file; give a sound or video file")
    if file.is_dir():
        raise InputError(f"{path}: is a folder; give one sound or video file")
    if not file.is_file():
        raise InputError(f"{path}: is a device; give a sound or video file")
    if file.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); give a sound or video file")


class _ToFloat:
    """Turn decoded frames of any format into float32 (samples, channels), all at one rate and in one layout."""

    def __init__(self, first: "av.AudioFrame") -> None:
        self.rate, self._layout = first.sample_rate, first.layout
        self._resampler: av.AudioResampler | None = None
        self._setup: tuple[str, str, int] | None = None

    def _packed(self, frame: "av.AudioFrame") -> np.ndarray:
        """Return a frame's samples (samples, channels). Packed, as PyAV reads past the end of eight planes or more."""
        return frame.to_ndarray().reshape(-1, frame.layout.nb_channels)

    def __call__(self, frame: "av.AudioFrame") -> Iterator[np.ndarray]:
        """Yield a frame's samples; where the layout or the rate has changed, resampled to the first frame's."""
        import av

        channels = frame.layout.nb_channels
        same = frame.sample_rate == self.rate and frame.layout.name == self._layout.name
        if same and frame.format.name == "fltp" and channels <= MOST_PLANES:
            yield frame.to_ndarray().T
            return
        if same and channels > MOST_FILTERED:
            yield _scaled(self._packed(frame), frame.format.name)
            return
        setup = (frame.format.name, frame.layout.name, frame.sample_rate)
        if setup != self._setup:
            yield from self.flush()
            self._resampler = av.AudioResampler(format="flt", layout=self._layout, rate=self.rate)
            self._setup = setup
        assert self._resampler is not None
        frame.pts = None  # the filter would stretch the sound after it
        for part in self._resampler.resample(frame):
            yield self._packed(part)

    def flush(self) -> Iterator[np.ndarray]:
        """Yield what a resampler still holds."""
        from av.error import FFmpegError

        resampler, self._resampler, self._setup = self._resampler, None, None
        parts: list[av.AudioFrame | None] = []
        with contextlib.suppress(FFmpegError):  # it could not be set up, which was said
            parts = list(resampler.resample(None)) if resampler is not None else []
        for part in parts:
            if part is not None:
                yield self._packed(part)


def _scaled(samples: np.ndarray, format_name: str) -> np.ndarray:
    """Turn packed integers into floats in [-1, 1], as FFmpeg's resampler does."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    middle = 128 if format_name == "u8" else 0
    full: int = 128 if format_name == "u8" else -int(np.iinfo(samples.dtype).min)
    result: np.ndarray = (samples.astype(np.float32) - middle) / np.float32(full)
    return result


def _check_rate(rate: int, name: str) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(f"{name}: {rate} samples per second; expected {LOWEST_RATE} to {HIGHEST_RATE}")


def _timed_pieces(
    container: "av.container.InputContainer",
    stream: "av.AudioStream",
    start: Fraction | None,
    damage: Damage,
    name: str,
) -> Iterator[tuple[float | None, np.ndarray, int]]:
    """Yield (seconds on the file's clock or None, float32 (samples, channels), rate) for all that is decoded."""
    from av.error import FFmpegError

    to_float: _ToFloat | None = None
    for _, frame in decoded(container, [stream], damage):
        _check_rate(frame.sample_rate, name)
        if frame.layout.nb_channels > MOST_FILTERED and frame.format.is_planar:
            raise InputError(
                f"{name}: {frame.layout.nb_channels} channels; expected at most {MOST_FILTERED}: mix it down first"
            )
        to_float = to_float or _ToFloat(frame)
        time = frame_time(frame) if container.format.name not in UNSTAMPED_FORMATS else None
        start = time if start is None else start
        seconds = float(time - start) if time is not None and start is not None else None
        try:
            sounds = list(to_float(frame))
        except FFmpegError as error:  # a layout in the middle that cannot be turned into the first one
            damage.add(error)
            continue
        for sound in sounds:
            yield seconds, sound, to_float.rate
            seconds = None
    if to_float is not None:
        for sound in to_float.flush():
            yield None, sound, to_float.rate


def _placed(source: Source, name: str, number: int | None) -> Iterator[tuple[np.ndarray, int]]:
    """Yield (float32 (samples, channels), rate) from nought of the file's clock on, at the file's own rate."""
    damage = Damage()
    # an open file has one position: its clock is looked for before, that of a named one beside the reading
    start = None if isinstance(source, Path) else clock_start(source, name)
    with open_input(source, name) as container:
        stream = sound_stream(container, number, name)
        _check_rate(stream.codec_context.sample_rate, name)
        if isinstance(source, Path) and (number is not None or picture_stream(container) is not None):
            start = clock_start(source, name)
        breaks = container.format.name.startswith("mpeg")
        pieces = _timed_pieces(container, stream, start, damage, name)
        first = next(pieces, None)
        if first is not None:
            rate = first[2]
            timed = ((seconds, sound) for seconds, sound, _ in chain((first,), pieces))
            for sound in place(timed, rate, name, breaks=breaks):
                yield sound, rate
    if damage.packets:
        warnings.warn(
            f"{name}: {damage.packets} damaged packet(s) in the sound were left out ({damage.reason})",
            PhonolipsWarning,
            stacklevel=2,
        )


class _Mixer:
    """Average the channels, except where they cancel each other: there the louder one is taken."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._chosen: int | None = None
        self._energy, self._mixed_energy = np.zeros(0), 0.0
        self._warned = False

    def mix(self, sound: np.ndarray) -> np.ndarray:
        """Return float32 (samples,) of float32 (samples, channels), a window of them."""
        if sound.shape[1] == 1:
            return sound[:, 0]
        planes = np.ascontiguousarray(sound.T)
        mean: np.ndarray = planes.mean(0, dtype=np.float32)
        energy = np.array([float(np.dot(plane, plane)) for plane in planes])
        if np.sqrt(energy.max() / max(len(mean), 1)) > SILENCE_LEVEL:
            self._chosen = self._cancelling(energy, float(np.dot(mean, mean)))
        return mean if self._chosen is None else planes[self._chosen]

    def _cancelling(self, energy: np.ndarray, mixed: float) -> int | None:
        """Return the channel to take where the channels cancel, or None."""
        if not mixed * len(energy) ** 2 < LEAST_OF_UNRELATED * energy.sum():
            return None
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{self._name}: its channels cancel each other (opposite phases); the louder one is read alone",
                PhonolipsWarning,
                stacklevel=3,
            )
        return int(energy.argmax()) if self._chosen is None else self._chosen


def _windows(pieces: Iterable[np.ndarray], channels: int, rate: int) -> Iterator[np.ndarray]:
    """Join pieces (samples, channels) to windows of some seconds; a short rest goes with the window before it."""
    seconds = MIX_SECONDS * min(1.0, MOST_PLANES / channels)
    size = max(1, int(seconds * rate))
    held: list[np.ndarray] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        while count >= 2 * size:
            joined = np.concatenate(held)
            yield joined[:size]
            held, count = [joined[size:]], count - size
    if held:
        yield np.concatenate(held)


def _decode(source: Source, name: str, number: int | None, to_rate: int = SAMPLE_RATE) -> Iterator[np.ndarray]:
    """Yield mono float32 pieces at 16 kHz, of whatever length, from nought of the file's clock on."""
    import av

    placed = _placed(source, name, number)
    first = next(placed, None)
    if first is None:
        return
    rate, channels = first[1], first[0].shape[1]
    mixer = _Mixer(name)
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=to_rate)
    sounds = (sound for sound, _ in chain((first,), placed))
    for window in _windows(sounds, channels, rate) if channels > 1 else sounds:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(mixer.mix(window)[None]), format="fltp", layout="mono")
        frame.sample_rate = rate
        for part in resampler.resample(frame):
            yield part.to_ndarray()[0]
    for part in resampler.resample(None):
        if part is not None:  # nothing was to be resampled
            yield part.to_ndarray()[0]


class _Level:
    """The level of a sound that is read block by block: counts its samples, and those at full scale."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._peak, self._clipped = 0.0, 0
        self.samples = 0

    def check(self, block: np.ndarray) -> np.ndarray:
        """Return a block limited to [-1, 1]; raise InputError where it holds NaN or infinity."""
        if not np.isfinite(block).all():
            at = (self.samples + int(np.argmin(np.isfinite(block)))) / SAMPLE_RATE
            raise InputError(f"{self._name}: the sound holds NaN or infinity at {at:.2f} s; expected finite samples")
        size = np.abs(block)
        self._peak = max(self._peak, float(size.max(initial=0.0)))
        self._clipped += int((size >= CLIPPED_LEVEL).sum())
        self.samples += len(block)
        limited: np.ndarray = np.clip(block, -1.0, 1.0, dtype=np.float32)
        return limited

    def warn(self) -> None:
        """Warn where the sound was silent throughout, or clipped."""
        share = self._clipped / max(self.samples, 1)
        if self._peak < SILENCE_LEVEL:
            warnings.warn(f"{self._name}: the sound is silent throughout", PhonolipsWarning, stacklevel=3)
        elif share > CLIPPED_SHARE:
            warnings.warn(
                f"{self._name}: {share:.1%} of the samples are clipped at full scale; phones may be less certain",
                PhonolipsWarning,
                stacklevel=3,
            )


def read_blocks(
    source: Path | str | BinaryIO, block_samples: int = BLOCK_SAMPLES, *, stream: int | None = None
) -> Iterator[np.ndarray]:
    """Read sound block by block, on the file's clock: a late start and gaps are silence.

    Yields float32 (block_samples,) at 16 kHz in [-1, 1]; the last block may be shorter. Channels are averaged; where
    they cancel each other the louder one is taken, with a warning. Warns (PhonolipsWarning) once at the end if the
    sound was silent, clipped or beyond full scale.

    Args:
        source: a file's path, or a file that is open for reading bytes.
        block_samples: samples in a block.
        stream: which of the file's sounds, counted from 0; None = the default one.

    Raises:
        InputError: no file, not a sound, no audio stream, no samples, or samples that are not numbers.
    """
    if isinstance(source, str):
        source = Path(source)
    if isinstance(source, Path):
        check_sound_file(source)
    name = str(source) if isinstance(source, Path) else str(getattr(source, "name", "the sound"))
    if not isinstance(source, Path) and not getattr(source, "seekable", lambda: False)():
        source = copy_to_temporary(source)
    pieces: list[np.ndarray] = []
    held = 0
    level = _Level(name)
    for piece in _decode(source, name, stream):
        pieces.append(piece)
        held += len(piece)
        while held >= block_samples:
            joined = np.concatenate(pieces)
            yield level.check(joined[:block_samples])
            pieces, held = [joined[block_samples:]], held - block_samples
    rest = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if level.samples + len(rest) < SHORTEST_SECONDS * SAMPLE_RATE:
        raise InputError(
            f"{name}: holds {1000 * (level.samples + len(rest)) / SAMPLE_RATE:.0f} ms of sound; "
            f"expected at least {1000 * SHORTEST_SECONDS:.0f} ms"
        )
    if len(rest):
        yield level.check(rest)
    level.warn()


def read(path: Path, *, stream: int | None = None) -> np.ndarray:
    """Read all of a file's sound: float32 (samples,) at 16 kHz in [-1, 1]. Raises and warns as `read_blocks`."""
    return np.concatenate(list(read_blocks(path, stream=stream)))


def read_original(path: Path, *, stream: int | None = None) -> tuple[np.ndarray, int]:
    """Read all channels of a file's sound at its own rate, on the same clock as `read`.

    Args:
        path: a sound or video file.
        stream: which of the file's sounds, counted from 0; None = the default one.

    Returns:
        float32 (samples, channels), as they stand in the file, and the samples per second.

    Raises:
        InputError: as for `read_blocks`.
    """
    path = Path(path)
    check_sound_file(path)
    pieces = list(_placed(path, str(path), stream))
    if not pieces:
        raise InputError(f"{path}: holds no sound; expected at least {1000 * SHORTEST_SECONDS:.0f} ms")
    return np.concatenate([sound for sound, _ in pieces]), pieces[0][1]


def read_mono(path: Path, rate: int) -> np.ndarray:
    """Read all of a file's sound at another rate: float32 (samples,), else as `read`. Raises as that does."""
    check_sound_file(Path(path))
    return np.concatenate(list(_decode(Path(path), str(path), None, rate)))


def check_waveform(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Check a caller's array and resample it to 16 kHz.

    Args:
        waveform: float (samples,) in [-1, 1].
        sample_rate: its samples per second.

    Returns:
        float32 (samples,) at 16 kHz.

    Raises:
        InputError: not one-dimensional, integers, too short, or not finite; or no such rate.
    """
    rate = check_sample_rate(sample_rate)
    array = check_block(waveform, "waveform")
    if len(array) < SHORTEST_SECONDS * sample_rate:
        raise InputError(
            f"waveform: {len(array)} samples at {sample_rate} Hz; expected at least {1000 * SHORTEST_SECONDS:.0f} ms"
        )
    return resample(array, rate)


def check_sample_rate(sample_rate: float) -> int:
    """Return a caller's samples per second; raise InputError where there can be no such rate."""
    if not isinstance(sample_rate, Real) or not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise InputError(
            f"sample_rate {shown(sample_rate)}; expected {LOWEST_RATE} to {HIGHEST_RATE} samples per second"
        )
    return int(sample_rate)


def check_block(block: np.ndarray, name: str = "audio") -> np.ndarray:
    """Return samples of a caller's as float32 (samples,); raise InputError unless they are one row of finite floats.

    Args:
        block: float (samples,) in [-1, 1].
        name: of the argument, for messages.
    """
    try:
        array = np.asarray(block)
    except ValueError as error:  # lists of different lengths
        raise InputError(f"{name} is {shown(block)}; expected floats in [-1, 1] of shape (samples,)") from error
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.floating):
        raise InputError(
            f"{name}: {array.dtype} of shape {array.shape}; expected floats in [-1, 1] of shape (samples,): "
            "average the channels, and divide 16-bit integers by 32768"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{name}: holds NaN or infinity; expected finite samples")
    return array.astype(np.float32, copy=False)


def resample(waveform: np.ndarray, sample_rate: int, to_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Resample float32 (samples,) from `sample_rate` to 16 kHz, or `to_rate`, with FFmpeg's resampler."""
    if sample_rate == to_rate:
        return waveform
    return Resampler(sample_rate, to_rate).push(waveform, last=True)


class Resampler:
    """FFmpeg's resampler for sound that comes in blocks: equal to `resample` of the whole, wherever it is cut.

    Args:
        sample_rate: of the sound that comes.
        to_rate: of the sound that is made.
    """

    def __init__(self, sample_rate: int, to_rate: int = SAMPLE_RATE) -> None:
        self._rate, self._resampler = sample_rate, None
        self.behind_seconds = 0.0  # how much sound it holds back at most
        if sample_rate != to_rate:
            import av

            self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=to_rate)
            self.behind_seconds = RESAMPLER_TAPS / min(sample_rate, to_rate)

    def push(self, samples: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Take the next samples, float32 (samples,), perhaps none; return those that can be made, with `last` all."""
        if self._resampler is None:
            return samples
        import av

        frames: list[av.AudioFrame | None] = [None] if last else []
        if len(samples):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None]), format="fltp", layout="mono")
            frame.sample_rate = self._rate
            frames.insert(0, frame)
        made = [part for frame in frames for part in self._resampler.resample(frame)]
        pieces = [part.to_ndarray()[0] for part in made if part is not None]  # None: nothing was ever to be resampled
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def encode_aac(waveform: np.ndarray) -> bytes:
    """Encode float32 (samples,) at 16 kHz in [-1, 1] as AAC in an MP4 container, which names the encoder's delay."""
    import av

    def pieces() -> "Iterator[av.AudioFrame]":
        resampler = av.AudioResampler("fltp", "mono", AAC_SAMPLE_RATE, frame_size=1024)
        for start in range(0, len(waveform), SAMPLE_RATE):
            block = np.ascontiguousarray(waveform[None, start : start + SAMPLE_RATE], dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            yield from resampler.resample(frame)
        yield from resampler.resample(None)

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=AAC_SAMPLE_RATE, layout="mono")
        stream.bit_rate = AAC_BIT_RATE
        for frame in pieces():
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
