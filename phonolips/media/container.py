"""Open sound and video files, choose their streams, and place them on one clock.

A file's clock is nought at the earliest presentation time of its default sound and its default moving picture, as
FFmpeg shows it: after edit lists, and without the samples that an encoder put in front. Whoever reads the sound and
whoever reads the pictures thereby mean the same moment by the same second.
"""

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from phonolips.errors import InputError
from phonolips.media.pipes import readable

if TYPE_CHECKING:
    import av
    import av.container

Source = Path | BinaryIO  # a file's path, or a file that is open for reading bytes

# What makes FFmpeg open other files than the one that is given (playlists, session descriptions, numbered pictures),
# and text drawn as a terminal would: none of it is a recording.
REFUSED_FORMATS = {
    *("applehttp", "avisynth", "concat", "dash", "hls", "image2", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp"),
    *("tty", "vapoursynth"),
}
# How such a file begins (or, of an old .concat, may begin), to say so instead of "invalid data".
PLAYLIST_MARKS = (b"#EXTM3U", b"ffconcat", b"<MPD", b"v=0", b"[playlist]", b"<smil", b"file '", b"<asx")
HEAD_BYTES = 512  # of a file that is looked at for such a mark
# Silence and held pictures that a file's gaps may come to; two hours of a muted call are real, more are broken stamps,
# and would fill the memory.
MOST_GAP_SECONDS = 7_200


def file_url(path: Path | str) -> str:
    """Return FFmpeg's name of a local file, so that no part of a file's name is taken for a protocol."""
    return f"file:{os.fspath(path)}"


@lru_cache(maxsize=1)
def _allowed_formats() -> str:
    import av

    return ",".join(sorted(av.formats_available - REFUSED_FORMATS))


def _is_playlist(source: Source) -> bool:
    if not isinstance(source, Path):
        return False
    with contextlib.suppress(OSError), readable(source).open("rb") as file:
        head = file.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
        return head.startswith(PLAYLIST_MARKS) or (head.startswith(b"<?xml") and b"<MPD" in head)
    return False


def open_input(
    source: Source,
    name: str,
    what: str = "a sound or video file that can be read",
    expected: str = "wav, flac, mp3, ogg, m4a, mp4 or the like",
) -> "av.container.InputContainer":
    """Open a sound or video file for reading; nothing that it names is opened, on this machine or elsewhere.

    Args:
        source: a file's path, or a file that is open for reading bytes and can seek.
        name: what messages call it.
        what: what they say that it is not.
        expected: what they say was expected.

    Raises:
        InputError: no sound or video file, or a playlist.
    """
    import av

    options = {"format_whitelist": _allowed_formats(), "protocol_whitelist": "file"}
    try:
        return av.open(
            file_url(readable(source)) if isinstance(source, Path) else source,
            "r",
            metadata_errors="replace",
            container_options=options,
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        if _is_playlist(source):
            raise InputError(f"{name}: is a playlist, which names other files; give one of those files") from error
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InputError(f"{name}: not {what} ({reason}); expected {expected}") from error


def _label(stream: "av.stream.Stream") -> str:
    """Name a stream's language and title, as far as the file does."""
    words = (stream.metadata.get(key, "") for key in ("language", "title"))
    return ", ".join(word for word in words if word not in ("", "und"))


def sound_stream(container: "av.container.InputContainer", number: int | None, name: str) -> "av.AudioStream":
    """Return the sound stream of this number, counted from 0 among the sounds; None = the default one.

    Raises:
        InputError: no sound in the file, no stream of this number, or one that cannot be decoded.
    """
    streams = container.streams.audio
    if not streams:
        raise InputError(f"{name}: there is no sound in this file; expected an audio stream")
    if number is None:
        stream = default_sound(container) or streams[0]
    elif 0 <= number < len(streams):
        stream = streams[number]
    else:
        found = "; ".join(f"{index}: {_label(each) or 'without a name'}" for index, each in enumerate(streams))
        raise InputError(f"{name}: `audio_stream` {number}; this file has {len(streams)} ({found})")
    if stream.codec_context is None:
        raise InputError(f"{name}: no decoder for the sound in this file; convert it to wav, flac or mp4 first")
    return stream


def default_sound(container: "av.container.InputContainer") -> "av.AudioStream | None":
    """Return the sound that FFmpeg takes by default, or None where there is none that it can decode."""
    best: Any = container.streams.best("audio")
    return best if best is not None and best.codec_context else None


def picture_stream(container: "av.container.InputContainer") -> "av.VideoStream | None":
    """Return the default moving picture, or None; a cover or a thumbnail does not move."""
    import av

    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    moving = [each for each in container.streams.video if not each.disposition & still and each.codec_context]
    best: Any = container.streams.best("video")
    marked = [each for each in moving if each.disposition & av.stream.Disposition.default]
    return best if best in moving else next(iter(marked or moving), None)


def frame_time(frame: Any) -> Fraction | None:
    """Return a decoded frame's presentation time in seconds, on the file's own count; None where it has none."""
    return None if frame.pts is None or frame.time_base is None else frame.pts * Fraction(frame.time_base)


class Damage:
    """Packets that could not be decoded: how many, and why the last one."""

    def __init__(self) -> None:
        self.packets, self.reason = 0, ""

    def add(self, error: Exception) -> None:
        """Count one more."""
        self.packets += 1
        self.reason = getattr(error, "strerror", None) or type(error).__name__


def packets(container: "av.container.InputContainer", streams: "list[Any]") -> Iterator[Any]:
    """Yield the packets of some streams, and an empty one each at the end."""
    # PyAV 18 trips over the end of a file in which further streams have appeared on the way, as in broadcasts
    with contextlib.suppress(IndexError):
        yield from container.demux(streams)


def decoded(
    container: "av.container.InputContainer", streams: "list[Any]", damage: Damage
) -> Iterator[tuple[Any, Any]]:
    """Yield (stream, frame) for everything that can be decoded; what cannot is counted in `damage`."""
    import av

    coming = packets(container, streams)
    while True:
        try:
            packet = next(coming)
        except StopIteration:
            break
        except (av.FFmpegError, OSError) as error:
            damage.add(error)
            break
        if not packet.size and packet.dts is not None:
            continue  # a packet of the file with nothing in it; the decoder would take it for the end
        try:
            frames: list[Any] = packet.decode()
        except av.FFmpegError as error:
            damage.add(error)
            continue
        for frame in frames:
            yield packet.stream, frame
    for stream in streams:
        with contextlib.suppress(av.FFmpegError):
            for frame in stream.codec_context.decode(None):
                yield stream, frame


def _find_start(container: "av.container.InputContainer") -> Fraction | None:
    import av

    streams = (default_sound(container), picture_stream(container))
    wanted: list[Any] = [stream for stream in streams if stream is not None]
    found: list[Fraction] = []
    with contextlib.suppress(av.FFmpegError, OSError):
        for packet in packets(container, list(wanted)):
            if packet.stream not in wanted:
                continue
            with contextlib.suppress(av.FFmpegError):
                frames: list[Any] = packet.decode()
                times = [time for time in map(frame_time, frames) if time is not None]
                if times:
                    found.append(times[0])
                    wanted.remove(packet.stream)
            if not wanted:
                break
    return min(found, default=None)


def file_key(path: Path) -> tuple[str, str, int, int]:
    """Return a file's place, what messages call it, its size and its time: what stays the same while it does."""
    place = readable(path)
    stat = place.stat()
    return os.fspath(place), str(path), stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=64)  # a command reads a file three or four times
def _start_of(path: str, name: str, size: int, modified: int) -> Fraction | None:
    with open_input(Path(path), name) as container:
        return _find_start(container)


def clock_start(source: Source, name: str) -> Fraction | None:
    """Return the presentation time, in seconds of the file's own count, that is nought of the file's clock.

    None where neither its sound nor its picture has time stamps. Decodes one frame of each.
    """
    if isinstance(source, Path):
        return _start_of(*file_key(source))
    at = source.tell()
    with open_input(source, name) as container:
        found = _find_start(container)
    source.seek(at)
    return found
