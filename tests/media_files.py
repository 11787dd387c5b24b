"""Small sound and video files as cameras, phones and editors write them: with time stamps of their own."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 48_000
LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")  # of 1, 2, ... channels


def tone(seconds: float, hertz: float = 300.0, rate: int = RATE) -> np.ndarray:
    """Make a tone, float32 (samples,)."""
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def grey(number: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Make a picture whose brightness tells its number (0 to 55)."""
    return np.full((height, width, 3), 20 + 4 * number, np.uint8)


def number_of(picture: np.ndarray) -> int:
    """Return the number of a grey picture."""
    return round((float(picture.mean()) - 20) / 4)


def write_media(
    path: Path,
    *,
    sounds: Sequence[np.ndarray] = (),
    sound_codec: str = "aac",
    sound_start: float = 0.0,
    lost: tuple[float, float] | None = None,
    picture_times: Sequence[float] = (),
    picture_codec: str = "libx264",
    aspect: Fraction | None = None,
    shift: float = 0.0,
    rate: int = RATE,
    fps: Fraction = Fraction(25),
    options: dict[str, str] | None = None,
    prepare: Callable[[Any], None] = lambda container: None,
) -> Path:
    """Write a file.

    Args:
        path: of any format that FFmpeg guesses from its name.
        sounds: float (samples,) or (samples, channels) at `rate`; one stream each.
        sound_codec, picture_codec: FFmpeg's names.
        sound_start: seconds by which the sound starts late.
        lost: seconds from and to which packets of sound are missing.
        picture_times: seconds at which the grey pictures 0, 1, ... are shown.
        aspect: of a pixel, width to height.
        shift: seconds that are added to every stamp.
        rate: samples per second.
        fps: pictures per second that the header states.
        options: of the container.
        prepare: is called with the container when the streams are there.
    """
    with av.open(str(path), "w", options=options or {}) as container:
        video: Any = None
        if len(picture_times):
            video = container.add_stream(picture_codec, rate=fps)
            video.width, video.height = 64, 48
            video.pix_fmt = "yuvj420p" if picture_codec == "mjpeg" else "yuv420p"
            video.codec_context.time_base = Fraction(1, 90_000) if picture_codec == "libx264" else 1 / fps
            if aspect is not None:
                video.codec_context.sample_aspect_ratio = aspect
        streams = [_add_sound(container, sound_codec, sound, rate) for sound in sounds]
        prepare(container)
        packets = [_pictures(video, picture_times)] if video is not None else []
        packets += [
            _sound(stream, sound, rate, sound_start, lost) for stream, sound in zip(streams, sounds, strict=True)
        ]
        ordered = sorted(
            (packet for some in packets for packet in some), key=lambda packet: packet.dts * packet.time_base
        )
        for packet in ordered:
            packet.pts += round(shift / packet.time_base)
            packet.dts += round(shift / packet.time_base)
            container.mux(packet)
    return path


def _add_sound(container: Any, codec: str, sound: np.ndarray, rate: int) -> Any:
    channels = 1 if sound.ndim == 1 else sound.shape[1]
    return container.add_stream(codec, rate=rate, layout=LAYOUTS[channels - 1])


def _pictures(stream: Any, times: Sequence[float]) -> list[Any]:
    packets = []
    for number, time in enumerate(times):
        frame = av.VideoFrame.from_ndarray(grey(number), format="rgb24")
        frame.time_base = stream.codec_context.time_base
        frame.pts = round(time / frame.time_base)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _sound(stream: Any, sound: np.ndarray, rate: int, start: float, lost: tuple[float, float] | None) -> list[Any]:
    resampler = av.AudioResampler(
        format=stream.codec_context.format,
        layout=stream.layout,
        rate=rate,
        frame_size=stream.codec_context.frame_size or 960,
    )
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(np.asarray(sound, np.float32).reshape(1, -1)), format="flt", layout=stream.layout
    )
    frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
    packets = []
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        packets += stream.encode(part)
    packets += stream.encode(None)
    for packet in packets:
        packet.pts += round(start / packet.time_base)
        packet.dts += round(start / packet.time_base)
    kept = [p for p in packets if lost is None or not lost[0] <= p.pts * p.time_base < lost[1]]
    return kept
