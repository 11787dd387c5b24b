"""Sound files: read any that PyAV opens as 16 kHz, mono, float32 in [-1, 1]; resample; encode AAC.

Reading is by blocks, so that an hour costs no more memory than a minute; `read` joins the blocks.
"""

import io
import warnings
from collections.abc import Iterator
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from phonolips.checks import shown
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.timebase import SAMPLE_RATE

if TYPE_CHECKING:
    import av

BLOCK_SAMPLES = 10 * SAMPLE_RATE  # 10 s
SILENCE_LEVEL = 10 ** (-70 / 20)  # a peak below -70 dB of full scale counts as silence
CLIPPED_LEVEL = 0.999
CLIPPED_SHARE = 0.001  # more samples than this at full scale: warn that the sound is clipped
LOWEST_RATE, HIGHEST_RATE = 1_000, 1_000_000  # samples per second of a caller's array
SHORTEST_SECONDS = 0.05
AAC_SAMPLE_RATE = 48_000  # samples per second; every browser plays it
AAC_BIT_RATE = 56_000  # bits per second of AAC: speech sounds clean, a minute takes 0.4 MB


def check_sound_file(path: Path) -> None:
    """Raise InputError unless there is a file with something in it."""
    if not path.exists():
        raise InputError(f"{path}: no such file; give a sound or video file")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give one sound or video file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); give a sound or video file")


def _mix(frame: "av.AudioFrame") -> "av.AudioFrame":
    """Average the channels: serves any layout, also those that FFmpeg has no matrix for."""
    import av

    mean = frame.to_ndarray().mean(0, keepdims=True, dtype=np.float32)
    mono = av.AudioFrame.from_ndarray(np.ascontiguousarray(mean), format="fltp", layout="mono")
    mono.sample_rate = frame.sample_rate
    return mono


def _samples(frames: "list[av.AudioFrame]") -> Iterator[np.ndarray]:
    for frame in frames:
        yield frame.to_ndarray()[0]


def _decode(source: Path | BinaryIO, name: str) -> Iterator[np.ndarray]:
    """Yield mono float32 pieces at 16 kHz, of whatever length the decoder returns."""
    import av
    from av.error import FFmpegError

    try:
        container = av.open(str(source) if isinstance(source, Path) else source, "r", metadata_errors="ignore")
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{name}: not a sound or video file that can be read ({error}); expected wav, flac, mp3, ogg, "
            "m4a, mp4 or the like"
        ) from error
    with container:
        if not container.streams.audio:
            raise InputError(f"{name}: there is no sound in this file; expected an audio stream")
        stream = container.streams.audio[0]
        to_float = av.AudioResampler(format="fltp")
        to_rate = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
        damaged = 0

        try:
            for packet in container.demux(stream):
                try:
                    decoded = packet.decode()
                except FFmpegError:
                    damaged += 1
                    continue
                for frame in decoded:
                    frame.pts = None
                    for part in to_float.resample(frame):
                        yield from _samples(to_rate.resample(_mix(part)))
        except FFmpegError:
            damaged += 1
        yield from _samples(to_rate.resample(None))
    if damaged:
        warnings.warn(
            f"{name}: {damaged} damaged packet(s) in the sound were left out; times after them may be early",
            PhonolipsWarning,
            stacklevel=2,
        )


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


def read_blocks(source: Path | str | BinaryIO, block_samples: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
    """Read sound block by block.

    Yields float32 (block_samples,) at 16 kHz in [-1, 1]; the last block may be shorter. Warns
    (PhonolipsWarning) once at the end if the sound was silent, clipped or beyond full scale.

    Args:
        source: a file's path, or a file that is open for reading bytes.
        block_samples: samples in a block.

    Raises:
        InputError: no file, not a sound, no audio stream, no samples, or samples that are not numbers.
    """
    if isinstance(source, str):
        source = Path(source)
    if isinstance(source, Path):
        check_sound_file(source)
    name = str(source) if isinstance(source, Path) else str(getattr(source, "name", "the sound"))
    pieces: list[np.ndarray] = []
    held = 0
    level = _Level(name)
    for piece in _decode(source, name):
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


def read(path: Path) -> np.ndarray:
    """Read all of a file's sound: float32 (samples,) at 16 kHz in [-1, 1]. Raises and warns as `read_blocks`."""
    return np.concatenate(list(read_blocks(path)))


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
    if not isinstance(sample_rate, Real) or not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise InputError(
            f"sample_rate {shown(sample_rate)}; expected {LOWEST_RATE} to {HIGHEST_RATE} samples per second"
        )
    array = check_block(waveform, "waveform")
    if len(array) < SHORTEST_SECONDS * sample_rate:
        raise InputError(
            f"waveform: {len(array)} samples at {sample_rate} Hz; expected at least {1000 * SHORTEST_SECONDS:.0f} ms"
        )
    return resample(array, int(sample_rate))


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


def resample(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Resample float32 (samples,) from `sample_rate` to 16 kHz with FFmpeg's resampler."""
    if sample_rate == SAMPLE_RATE:
        return waveform
    import av

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(waveform[None]), format="fltp", layout="mono")
    frame.sample_rate = sample_rate
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
    pieces = [piece.to_ndarray()[0] for part in (frame, None) for piece in resampler.resample(part)]
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
