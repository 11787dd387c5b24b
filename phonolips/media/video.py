"""Video files with PyAV: read pictures, write pictures and sound, in bounded memory.

Reading and writing stay in one file of two sections: media/ is the only room that knows PyAV, one file for sound and
one for video.
"""

import contextlib
import warnings
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.media.container import (
    Damage,
    decoded,
    default_sound,
    file_url,
    frame_time,
    open_input,
    picture_stream,
)
from phonolips.media.pipes import readable
from phonolips.media.timing import VIDEO_WORDS, Timing, picture_timing
from phonolips.storage import atomic_file
from phonolips.timebase import exact_fps

if TYPE_CHECKING:
    import av
    import av.container

WRITTEN_SAMPLE_RATE = 48_000  # samples per second of the sound in written videos; every player knows it
SOUND_BIT_RATE = 128_000  # bits per second of a channel
CHANNEL_LAYOUTS = (
    "mono",
    "stereo",
    "3.0",
    "quad",
    "5.0",
    "5.1",
    "6.1",
    "7.1",
)  # of 1, 2, ... channels; AAC and Opus know them
OUTPUT_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
PICTURE_CODECS = {"webm": ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "7"})}
USUAL_PICTURE_CODEC = ("libx264", {"crf": "18", "preset": "superfast"})
SOUND_CODECS = {"webm": "libopus"}
USUAL_SOUND_CODEC = "aac"
CODEC_RATES = {  # samples per second that the codec knows, and players with it
    "aac": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000),
    "libopus": (8_000, 12_000, 16_000, 24_000, 48_000),
}
MOST_ASPECT = 4  # of a pixel, width to height or height to width; film and television stay below 2, more is damage
GIF_TICKS_PER_SECOND = 100  # a GIF's clock
GIF_MOST_FPS = 50  # viewers slow down what is shown for less than two ticks
GIF_COLOURS = 256


# ---------------------------------------------------------------- reading


@dataclass(frozen=True)
class VideoInfo:
    """A video file's header; what it states is not counted.

    Args:
        frames: number of frames that the header states, or that there are once uneven pictures are laid out evenly;
            None where the header does not state it (MPEG-1/2 never does).
        fps: frame rate, exact; of a variable one, that of the even frames.
        width: pixels, upright (after the rotation that the file asks for) and square.
        height: pixels, upright.
        video_seconds: length of the picture, or None where the header does not state it.
        has_audio: whether there is a sound track.
        audio_seconds: length of the sound, or None where there is none or the header does not state it.
    """

    frames: int | None
    fps: Fraction
    width: int
    height: int
    video_seconds: float | None
    has_audio: bool
    audio_seconds: float | None


def _timing(path: Path) -> Timing:
    """Return how a video's pictures lie in time. Raise InputError where it is none."""
    file = readable(path)
    if not file.exists():
        raise InputError(f"{path}: no such file")
    if not file.is_file():
        raise InputError(f"{path}: not a file; expected a video such as clip.mp4")
    if file.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty (0 bytes); expected a video")
    timing = picture_timing(path)
    if timing is None:
        raise InputError(f"{path}: no video stream in this file (is it only sound?); expected pictures")
    return timing


def _decode(path: Path, damage: Damage) -> "Generator[tuple[av.VideoFrame, tuple[int, int]], None, None]":
    """Yield every picture that can be decoded, and the size in square pixels that all are to have, unturned."""
    with open_input(path, str(path), *VIDEO_WORDS) as container:
        stream = picture_stream(container)
        if stream is None:
            return
        stream.thread_type = "AUTO"
        aspect = stream.sample_aspect_ratio or Fraction(1)
        size: tuple[int, int] | None = None
        for _, frame in decoded(container, [stream], damage):
            size = size or (_square_width(frame.width, aspect), frame.height)
            yield frame, size


def _square_width(width: int, aspect: Fraction) -> int:
    """Return the width of a picture whose pixels are `aspect` times as wide as high, once they are square."""
    return max(1, round(width * aspect)) if 1 / MOST_ASPECT <= aspect <= MOST_ASPECT else width


def _to_upright(frame: "av.VideoFrame", width: int, height: int) -> np.ndarray:
    """Convert to uint8 RGB of `width` x `height`, then turn it upright as the file asks."""
    picture = frame.to_ndarray(format="rgb24", width=width, height=height)
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, quarter_turns)) if quarter_turns else picture


def probe(path: Path) -> VideoInfo:
    """Read a video's header, its pictures' times and its first picture.

    Raises InputError where the file is missing, empty, not a video, or has no picture that can be decoded.
    """
    path = Path(path)
    timing = _timing(path)
    damage = Damage()
    with contextlib.closing(_decode(path, damage)) as frames:
        frame, size = next(frames, (None, (0, 0)))
    if frame is None:
        raise _nothing_decoded(path, damage)
    height, width = _to_upright(frame, *size).shape[:2]
    with open_input(path, str(path), *VIDEO_WORDS) as container:
        stream, sound = picture_stream(container), default_sound(container)

        def seconds(stream: Any) -> float | None:
            return None if stream is None or stream.duration is None else float(stream.duration * stream.time_base)

        stated = stream.frames if stream is not None else 0
        frames_known = timing.cut_short or timing.frames if stated or not timing.even or timing.held else None
        return VideoInfo(
            frames_known, timing.fps, width, height, seconds(stream), bool(container.streams.audio), seconds(sound)
        )


def _nothing_decoded(path: Path, damage: Damage) -> InputError:
    return InputError(f"{path}: not one frame of it could be decoded ({damage.reason or 'no pictures inside'})")


def _warn_of_times(path: Path, timing: Timing) -> None:
    """Warn where pictures come unevenly, or at times that cannot be true."""
    if timing.nonsense:
        message = "its pictures' time stamps make no sense; they are taken to come evenly"
    elif not timing.even:
        message = (
            f"a variable frame rate ({timing.pictures} pictures, at times {timing.slowest:.3g} a second); laid out "
            "evenly by their time stamps"
        )
    else:
        return
    warnings.warn(f"{path}: {message}, at {float(timing.fps):.5g} a second", PhonolipsWarning, stacklevel=2)


def _warn_of_damage(path: Path, timing: Timing, damage: Damage, read: int) -> None:
    trouble = f"{damage.packets} damaged packet(s) skipped ({damage.reason})" if damage.packets else ""
    if not trouble and timing.cut_short:
        trouble = f"the file is cut short: its header promises {timing.cut_short} frames"
    if trouble:
        warnings.warn(f"{path}: {trouble}; {read} frames were read", PhonolipsWarning, stacklevel=2)


def _scheduled(path: Path, timing: Timing, damage: Damage) -> Iterator[tuple[np.ndarray, int]]:
    """Yield every picture, and the even frame from which on it is shown: the first at whose centre it is seen."""
    first: Fraction | None = None
    for number, (frame, size) in enumerate(_decode(path, damage)):
        time = frame_time(frame)
        first = first if number else time
        begins = number
        if timing.even:
            if damage.packets and time is not None and first is not None:  # what is lost keeps its place
                at = round(float(time - first) / timing.period)
                begins = max(number, min(at, timing.pictures - 1))
            begins += timing.held
        elif time is not None and timing.start is not None:
            begins = timing.first_frame(time - timing.start)
        yield _to_upright(frame, *size), begins if timing.even else min(begins, timing.frames)


def read_frames(path: Path) -> Iterator[np.ndarray]:
    """Decode a video, picture by picture, to the very last one, as an even sequence at `probe(path).fps`.

    The first frame is what is seen at nought of the file's clock (see `container`). Pictures that come evenly are
    yielded once each; others for as long as they are shown, with a warning. Damaged packets are skipped, and the
    picture before them stays; one PhonolipsWarning at the end states how many, or that the file is cut short.

    Yields:
        uint8, shape (height, width, 3), RGB, upright, square pixels; all of the first picture's size.

    Raises:
        InputError: the file is missing, empty, not a video, or no picture can be decoded.
    """
    path = Path(path)
    timing, damage = _timing(path), Damage()
    _warn_of_times(path, timing)
    seen: np.ndarray | None = None
    yielded = read = 0
    for picture, begins in _scheduled(path, timing, damage):
        if seen is not None:
            yield from _repeated(seen, begins - yielded)
            yielded = max(yielded, begins)
        seen = picture
        read += 1
    if seen is None:
        raise _nothing_decoded(path, damage)
    end = timing.frames if damage.packets or not timing.even else 0
    yield from _repeated(seen, max(end - yielded, int(timing.even)))
    _warn_of_damage(path, timing, damage, read)


class FrameReader:
    """Read stretches of videos; of those that follow one another in one video, each frame is decoded once."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._frames: Iterator[np.ndarray] = iter(())
        self._at = 0

    def read(self, path: Path, first: int, count: int) -> Iterator[np.ndarray]:
        """Yield the frames `first` to `first + count` of `read_frames`, fewer where the video ends before."""
        if path != self._path or first < self._at:
            self._path, self._frames, self._at = path, read_frames(path), 0
        for frame in self._frames:
            self._at += 1
            if self._at > first:
                yield frame
            if self._at >= first + count:
                return


def new_frames(path: Path) -> np.ndarray | None:
    """Return which frames of `read_frames` show a new picture, int64, ascending; None where all do.

    Raises InputError as for `probe`.
    """
    timing = _timing(Path(path))
    return None if timing.even else timing.new_frames()


def _repeated(picture: np.ndarray, times: int) -> Iterator[np.ndarray]:
    for number in range(times):
        yield picture.copy() if number else picture  # whoever draws on one draws on that one alone


# ---------------------------------------------------------------- writing


def _check_frame(frame: np.ndarray, shape: tuple[int, ...] | None) -> None:
    """Raise ValueError for a picture that is not uint8 (height, width, 3) or unlike the first one."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(f"a frame is {frame.dtype} {frame.shape}; expected uint8 (height, width, 3)")
    if shape is not None and frame.shape != shape:
        raise ValueError(f"a frame has shape {frame.shape}, but the first one {shape}; all must be alike")


class _SoundWriter:
    """Encode sound piece by piece, so that sound and picture are interleaved in the file.

    One row of samples becomes a mono stream of 48 kHz; channels stay as they are, at their own rate where the codec
    knows it.
    """

    def __init__(
        self,
        container: "av.container.OutputContainer",
        blocks: Iterable[np.ndarray],
        sample_rate: int,
        codec: str,
    ) -> None:
        self._container, self._codec = container, codec
        self._blocks = iter(blocks)
        first = next(self._blocks, np.zeros(0, np.float32))
        self._shape = np.asarray(first).shape[1:]  # of one moment: () or (channels,)
        self._rest = self._checked(first)  # read and not yet written
        self._sample_rate = sample_rate
        self._add_stream(self._rest.shape[1])
        self._written = 0

    def _add_stream(self, channels: int) -> None:
        import av

        kept = bool(self._shape) and self._sample_rate in CODEC_RATES[self._codec]
        rate = self._sample_rate if kept else WRITTEN_SAMPLE_RATE
        self._layout = CHANNEL_LAYOUTS[channels - 1]
        self._stream = cast(Any, self._container.add_stream(self._codec, rate=rate, layout=self._layout))
        self._stream.bit_rate = SOUND_BIT_RATE * channels
        kind, samples = ("fltp", 1024) if self._codec == USUAL_SOUND_CODEC else ("flt", 960)  # Opus goes by 20 ms
        self._resampler = av.AudioResampler(kind, self._layout, rate, frame_size=samples)

    def _checked(self, block: np.ndarray) -> np.ndarray:
        """Return a block as (samples, channels)."""
        array, most = np.asarray(block), len(CHANNEL_LAYOUTS)
        counted = array.ndim == 1 or (array.ndim == 2 and 1 <= array.shape[1] <= most)
        if not counted or array.shape[1:] != self._shape:
            raise ValueError(
                f"the waveform has shape {array.shape}; expected (samples,), or (samples, channels) of up to {most}"
            )
        return array[:, None] if array.ndim == 1 else array

    def write_until(self, seconds: float | None) -> None:
        """Encode up to `seconds`; None is the end."""
        end = None if seconds is None else round(seconds * self._sample_rate)
        while end is None or self._written < end:
            if not len(self._rest):
                block = next(self._blocks, None)
                if block is None:
                    break
                self._rest = self._checked(block)
            count = len(self._rest) if end is None else min(len(self._rest), end - self._written)
            self._write(self._rest[:count])
            self._rest = self._rest[count:]
        if seconds is None:
            if self._written:
                for part in self._resampler.resample(None):
                    self._container.mux(self._stream.encode(part))
            self._container.mux(self._stream.encode(None))

    def _write(self, piece: np.ndarray) -> None:
        import av

        if not len(piece):
            return
        samples = np.clip(np.asarray(piece, dtype=np.float32), -1.0, 1.0).reshape(
            1, -1
        )  # packed: any number of channels
        frame = av.AudioFrame.from_ndarray(samples, format="flt", layout=self._layout)
        frame.sample_rate = self._sample_rate
        frame.time_base = Fraction(1, self._sample_rate)
        frame.pts = self._written
        for part in self._resampler.resample(frame):
            self._container.mux(self._stream.encode(part))
        self._written += len(piece)


def _encode(
    container: "av.container.OutputContainer",
    frames: Iterable[np.ndarray],
    fps: Fraction,
    waveform: np.ndarray | Iterable[np.ndarray] | None,
    sample_rate: int,
) -> int:
    """Encode everything into an open container; return how many pictures there were."""
    import av

    picture_stream: Any = None  # PyAV's types do not state which kind of stream a codec makes
    sound, shape, count = None, None, 0
    codec, codec_options = PICTURE_CODECS.get(container.format.name, USUAL_PICTURE_CODEC)
    for count, picture in enumerate(frames, start=1):
        _check_frame(picture, shape)
        if picture_stream is None:
            shape = picture.shape
            picture_stream = container.add_stream(codec, rate=fps, options=dict(codec_options))
            picture_stream.height, picture_stream.width = (side + side % 2 for side in shape[:2])
            picture_stream.pix_fmt = "yuv420p"
            picture_stream.codec_context.time_base = 1 / fps
            if waveform is not None:
                blocks = [waveform] if isinstance(waveform, np.ndarray) else waveform
                sound = _SoundWriter(
                    container, blocks, sample_rate, SOUND_CODECS.get(container.format.name, USUAL_SOUND_CODEC)
                )
        if picture.shape[0] % 2 or picture.shape[1] % 2:
            pad = ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0))
            picture = np.pad(picture, pad, mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = count - 1, 1 / fps
        container.mux(picture_stream.encode(frame))
        if sound is not None:
            sound.write_until(float(count / fps))
    if picture_stream is not None:
        container.mux(picture_stream.encode(None))
    if sound is not None:
        sound.write_until(None)
    return count


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")


def write_video(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: Fraction | float,
    *,
    waveform: np.ndarray | Iterable[np.ndarray] | None = None,
    sample_rate: int = 16_000,
) -> None:
    """Write pictures, and sound if there is any, as H.264 and AAC that every browser plays; .webm as VP9 and Opus.

    The file appears under its name only when it is complete. Pictures are taken one at a time.

    Args:
        path: the file to write: .mp4, .m4v, .mov, .mkv or .webm.
        frames: uint8 (height, width, 3) RGB, all of one shape; an odd side is padded by one pixel.
        fps: frames per second; 23.98, 29.97 and 59.94 stand for the exact NTSC rates.
        waveform: float (samples,) or (samples, channels) in [-1, 1], from the time of the first picture on, whole
            or as blocks that follow each other (read as they are needed), or None. All of it is written, even where
            it lasts longer than the pictures. One row is written at 48 kHz; one to eight channels (in FFmpeg's order)
            at `sample_rate`, or at 48 kHz where the codec does not know that.
        sample_rate: samples per second of `waveform`.

    Raises:
        InputError: the suffix is none of these, the folder is missing, or there is no picture at all.
        ValueError: a picture or the waveform has the wrong shape or dtype.
    """
    import av

    path = Path(path)
    if path.suffix.lower() not in OUTPUT_FORMATS:
        raise InputError(f"{path}: unknown kind of video; expected one of {', '.join(OUTPUT_FORMATS)}")
    _check_folder(path)
    rate = exact_fps(fps)
    file_format = OUTPUT_FORMATS[path.suffix.lower()]
    options = {"movflags": "+faststart"} if file_format in ("mp4", "mov") else {}
    with atomic_file(path) as temporary:
        with av.open(file_url(temporary), "w", format=file_format, options=options) as container:
            count = _encode(container, frames, rate, waveform, sample_rate)
        if not count:
            raise InputError(f"{path}: there is not one frame to write; expected at least one")


def write_gif(path: Path, frames: Iterable[np.ndarray], fps: Fraction | float, samples: Iterable[np.ndarray]) -> None:
    """Write pictures as a GIF that repeats for ever; one colour table for all, and no drift.

    A GIF's clock ticks in hundredths of a second: each picture comes at the tick nearest to its time, so that at 30
    pictures a second some stay for 30 ms and some for 40, and the whole lasts as long as it should.

    Args:
        path: the file to write; it appears under its name only when it is complete.
        frames: uint8 (height, width, 3) RGB, all of one shape, taken one at a time.
        fps: frames per second, up to 50.
        samples: a few pictures like those to come, for the colours.

    Raises:
        InputError: more than 50 frames a second, a missing folder, or no picture at all.
        ValueError: a picture has the wrong shape or dtype.
    """
    import av
    from PIL import Image

    path = Path(path)
    _check_folder(path)
    rate = exact_fps(fps)
    if rate > GIF_MOST_FPS:
        raise InputError(f"{path}: {float(rate):g} frames per second; a GIF shows at most {GIF_MOST_FPS}")
    table = Image.fromarray(np.concatenate(list(samples))).quantize(GIF_COLOURS, dither=Image.Dither.NONE)
    colours = np.full((GIF_COLOURS, 4), 255, np.uint8)
    used = np.array(table.getpalette(), np.uint8).reshape(-1, 3)
    colours[: len(used), 1:] = used  # alpha, red, green, blue

    def tick(frame: int) -> int:
        return round(frame * GIF_TICKS_PER_SECOND / rate)

    with atomic_file(path) as temporary:
        # The last picture's delay is not in its packet; this option states it.
        options = {"loop": "0", "final_delay": str(tick(1))}
        with av.open(file_url(temporary), "w", format="gif", options=options) as container:
            stream: Any = None
            shape, count = None, 0
            for count, picture in enumerate(frames, start=1):
                _check_frame(picture, shape)
                if stream is None:
                    shape = picture.shape
                    stream = container.add_stream("gif", rate=GIF_TICKS_PER_SECOND)
                    stream.height, stream.width = shape[:2]
                    stream.pix_fmt = "pal8"
                    stream.codec_context.time_base = Fraction(1, GIF_TICKS_PER_SECOND)
                index = np.asarray(Image.fromarray(picture).quantize(palette=table, dither=Image.Dither.NONE))
                frame = av.VideoFrame.from_ndarray((index, colours), format="pal8")  # type: ignore[arg-type]
                frame.pts, frame.time_base = tick(count - 1), Fraction(1, GIF_TICKS_PER_SECOND)
                container.mux(stream.encode(frame))
            if stream is not None:
                container.mux(stream.encode(None))
        if not count:
            raise InputError(f"{path}: there is not one frame to write; expected at least one")
