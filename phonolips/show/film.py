"""A result's lips as a drawing: a video, a GIF, or a strip of pictures.

    from phonolips.synth.folder import read_result
    from phonolips.show.film import render
    render(read_result(Path("demo")), Path("demo.mp4"), size=(720, 720), fps=30, palette="dark", caption="posteriors")

Pictures and sound pass through in small blocks, so that an hour takes no more memory than a minute.
"""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.articulators import articulate
from phonolips.lips.curve import LipCurve, check_fps
from phonolips.media.video import GIF_MOST_FPS, OUTPUT_FORMATS, write_gif, write_video
from phonolips.phones.inventory import SILENCE
from phonolips.show.caption import Caption, captions_at, draw_caption, strip_height
from phonolips.show.drawing import text_font
from phonolips.show.mouth import MouthPainter
from phonolips.show.palette import Palette, read_palette
from phonolips.storage import write_bytes
from phonolips.timebase import SAMPLE_RATE, FrameRate, exact_fps, frames_in

if TYPE_CHECKING:
    from PIL import Image

    from phonolips.synth.result import Result

SUFFIXES = (*OUTPUT_FORMATS, ".gif", ".png")
LEAST_SIDE, MOST_SIDE = 16, 4096  # pixels
MOST_STRIP_PIXELS = 1 << 26
COLOUR_SAMPLES = 24  # pictures from which a GIF takes its colours
UNEQUAL_SECONDS = 0.5  # sound that is longer or shorter than the lips by more is worth a warning


def check_size(size: tuple[int, int], out: Path) -> tuple[int, int]:
    """Return a usable size (width, height) in pixels; raise InputError for others, and for odd ones in a video."""
    width, height = size
    if not (LEAST_SIDE <= width <= MOST_SIDE and LEAST_SIDE <= height <= MOST_SIDE):
        raise InputError(f"size {width}x{height}; expected {LEAST_SIDE} to {MOST_SIDE} pixels each way")
    if out.suffix.lower() in OUTPUT_FORMATS and (width % 2 or height % 2):
        raise InputError(
            f"size {width}x{height}: a video's sides must be even; try {width + width % 2}x{height + height % 2}"
        )
    return width, height


@dataclass(frozen=True)
class _Scene:
    """Everything about the pictures to draw: lips, painter, captions and the times they belong to."""

    result: "Result"
    painter: MouthPainter
    size: tuple[int, int]
    palette: Palette
    caption: Callable[[float], Caption] | None
    fps: Fraction
    start: float
    frames: int
    articulators: np.ndarray | None = None

    def seconds(self, frame: int) -> float:
        """Compute when a frame's centre is in the result, in seconds."""
        return self.start + float((frame + Fraction(1, 2)) / self.fps)

    def picture(self, points: np.ndarray, frame: int) -> "Image.Image":
        """Draw one frame, whole."""
        from PIL import Image

        mouth = self.painter.paint(points, None if self.articulators is None else self.articulators[frame])
        if self.caption is None:
            return mouth
        picture = Image.new("RGB", self.size, self.palette.skin)
        picture.paste(mouth, (0, 0))
        draw_caption(picture, self.caption(self.seconds(frame)), self.palette)
        return picture

    def pictures(self) -> Iterator[np.ndarray]:
        """Draw all frames, uint8 (height, width, 3), with a progress bar on a terminal if it takes long."""
        from tqdm import tqdm

        lips = LipCurve(self.result.lips, self.result.fps).frames(self.fps, self.frames, start=self.start)
        for frame, points in enumerate(tqdm(lips, "drawing", self.frames, unit="frame", disable=None, delay=2)):
            yield np.asarray(self.picture(points, frame))

    def some(self, frames: Iterable[int]) -> "Iterator[tuple[int, Image.Image]]":
        """Draw a few frames; (number, picture)."""
        for frame in frames:
            start = self.start + float(frame / self.fps)
            points = next(LipCurve(self.result.lips, self.result.fps).frames(self.fps, 1, start=start))
            yield frame, self.picture(points, frame)

    def colour_samples(self) -> Iterator[np.ndarray]:
        """Draw the few frames, evenly spread, that a GIF takes its colours from."""
        chosen = np.unique(np.linspace(0, self.frames - 1, COLOUR_SAMPLES).astype(int)).tolist()
        return (np.asarray(picture) for _, picture in self.some(chosen))


def _check_out(out: Path) -> str:
    """Return the ending of a usable file name, small; raise InputError for others."""
    suffix = out.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{out}: unknown kind of picture; expected a name ending in one of {', '.join(SUFFIXES)}")
    if not out.parent.is_dir():
        raise InputError(f"{out}: the folder {out.parent} does not exist; make it first")
    return suffix


def _rate(result: "Result", fps: FrameRate | None, suffix: str) -> Fraction:
    """Choose the frame rate: the one asked for, or the result's own; of a GIF, 50 at most. Raises InputError."""
    rate = exact_fps(check_fps(result.fps if fps is None else fps))
    if suffix != ".gif" or rate <= GIF_MOST_FPS:
        return rate
    if fps is not None:
        raise InputError(f"fps {float(rate):g}; a GIF shows at most {GIF_MOST_FPS} frames per second")
    return Fraction(GIF_MOST_FPS)


def _check_run(result: "Result") -> None:
    """Raise InputError where the result's lips cannot be drawn."""
    if not len(result.lips):
        raise InputError(f"{result.name}: holds no frame; expected lips of shape (frames, points, 2)")
    bad = ~np.isfinite(result.lips).all((1, 2))
    if bad.any():
        raise InputError(
            f"{result.name}: {int(bad.sum())} of {len(bad)} frames hold values that are not finite, the first at frame "
            f"{int(np.argmax(bad))}; fill them in or track the video anew"
        )


def _check_seconds(result: "Result", seconds: tuple[float, float] | None) -> tuple[float, float]:
    """Return start and end of the part to draw; raise InputError where it is none."""
    if seconds is None:
        return 0.0, result.seconds
    start, end = seconds
    if not (0 <= start < end and start < result.seconds):
        raise InputError(f"seconds {start:g} to {end:g}; expected a part of 0 to {result.seconds:.2f}")
    return start, min(end, result.seconds)


def sound_blocks(
    sound: Path | np.ndarray | Iterable[np.ndarray], start: float, seconds: float, *, name: str = ""
) -> Iterator[np.ndarray]:
    """Read a part of a sound block by block, filled up with silence to its full length.

    Args:
        sound: any sound or video file, or samples, float32 at 16 kHz, whole or in blocks.
        start: seconds into the file.
        seconds: length of the part.
        name: of the sound, for a warning; that of the file unless given.

    Yields:
        float32 (samples,) at 16 kHz.

    Raises:
        InputError: the file is missing or holds no sound.
    """
    from phonolips.media.audio import read_blocks

    if isinstance(sound, Path):
        sound, name = read_blocks(sound), name or str(sound)
    skip, missing = round(start * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
    for block in [sound] if isinstance(sound, np.ndarray) else sound:
        part = block[skip : skip + missing]
        skip, missing = max(skip - len(block), 0), missing - len(part)
        if len(part):
            yield part
        if not missing:
            return
    if missing > UNEQUAL_SECONDS * SAMPLE_RATE:
        warnings.warn(
            f"{name and f'{name}: '}the sound ends {missing / SAMPLE_RATE:.2f} s before the lips; the rest is silent",
            PhonolipsWarning,
            stacklevel=2,
        )
    while missing:
        silence = np.zeros(min(missing, SAMPLE_RATE), np.float32)
        missing -= len(silence)
        yield silence


def begun(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Read the first block of a sound, so that a bad file is refused before anything is drawn; return all blocks."""
    first = next(blocks, None)
    return chain(() if first is None else (first,), blocks)


# Ten parameters: each of them is an option that the command line has too.
def render(
    result: "Result",
    out: Path,
    *,
    size: tuple[int, int] = (360, 360),
    fps: FrameRate | None = None,
    palette: str | Palette = "warm",
    caption: str = "none",
    sound: Path | None = None,
    silent: bool = False,
    seconds: tuple[float, float] | None = None,
    pictures: int = 8,
) -> Path:
    """Draw a result's lips as a film with its sound in step, as a GIF, or as a strip of pictures.

    The name's ending says which: .mp4, .m4v, .mov, .mkv or .webm; .gif; .png is the strip, with times and phones
    below. The file appears under its name only when it is whole.

    Args:
        result: what `read_result` returns.
        out: the file to write.
        size: width and height in pixels; of every picture in a strip.
        fps: frames per second; the result's own unless given (a GIF's at most 50).
        palette: a name of `show.palette.PALETTES`, such a name with colours to change (see `read_palette`), or one
            of your own.
        caption: "none"; "phone", the phone and its word; or "posteriors", the three most likely phones as bars too.
        sound: a sound or video file, in step with the lips; the result's own unless given. It is cut, or filled up with
            silence, to the length of the pictures.
        silent: leave the sound away.
        seconds: start and end of the part to draw; all of it unless given.
        pictures: how many a strip has.

    Returns:
        `out`.

    Raises:
        InputError: one of these cannot be used, or the result's lips are empty or not finite.
    """
    out, suffix = Path(out), _check_out(Path(out))
    width, height = check_size(size, out)
    colours = read_palette(palette) if isinstance(palette, str) else palette
    _check_run(result)
    start, end = _check_seconds(result, seconds)
    rate = _rate(result, fps, suffix)
    spoken = captions_at(result, caption)
    result.check_out(out, sound)
    played = None if silent or suffix not in OUTPUT_FORMATS else _played(result, sound)
    mouth_size = (width, height - strip_height((width, height))) if spoken else (width, height)
    painter = MouthPainter(result.lips, mouth_size, colours)
    frames = frames_in(end - start, float(rate))
    articulators = articulate(frames, float(rate), result.alignment, result.posteriors, start=start)
    scene = _Scene(result, painter, (width, height), colours, spoken, rate, start, frames, articulators)
    if suffix == ".png":
        _write_strip(scene, out, pictures)
    elif suffix == ".gif":
        write_gif(out, scene.pictures(), rate, scene.colour_samples())
    else:
        waveform = played and sound_blocks(played, start, float(frames / rate), name=str(sound or result.name))
        write_video(out, scene.pictures(), rate, waveform=waveform, sample_rate=SAMPLE_RATE)
    result.list_files([out])
    return out


def _played(result: "Result", sound: Path | None) -> Iterator[np.ndarray] | None:
    """Begin to read the sound of a film: the one that is given, or the result's own; None without any."""
    from phonolips.media.audio import read_blocks

    blocks = result.sound_blocks() if sound is None else read_blocks(sound)
    return None if blocks is None else begun(blocks)


def _write_strip(scene: _Scene, out: Path, pictures: int) -> None:
    """Write evenly spaced frames side by side, and below each its time and what is spoken."""
    from PIL import Image, ImageDraw

    width, height = scene.size
    count = min(pictures, scene.frames)
    if count < 1 or count * width * height > MOST_STRIP_PIXELS:
        raise InputError(
            f"{pictures} pictures of {width}x{height} in a strip; expected 1 to {MOST_STRIP_PIXELS // (width * height)}"
        )
    has_phones = scene.result.alignment is not None or scene.result.posteriors is not None
    spoken = captions_at(scene.result, "phone") if has_phones and scene.caption is None else None
    letters = max(10, min(width, height) // 14)
    below = round(letters * (2.9 if spoken else 1.7))
    gap = max(1, width // 120)
    strip = Image.new("RGB", (count * (width + gap) - gap, height + below), (255, 255, 255))
    draw = ImageDraw.Draw(strip)
    chosen = [int((index + 0.5) * scene.frames / count) for index in range(count)]
    for place, (frame, picture) in enumerate(scene.some(chosen)):
        left = place * (width + gap)
        strip.paste(picture, (left, 0))
        seconds, middle = scene.seconds(frame), left + width / 2
        lines = [f"{seconds:.2f} s"]
        if spoken:
            said = spoken(seconds)
            lines.insert(0, " ".join(part for part in (said.phone or SILENCE, said.word and f"({said.word})") if part))
        for row, line in enumerate(lines):
            at = (middle, height + letters * (0.9 + 1.2 * row))
            draw.text(at, line, fill=(40, 40, 40), font=text_font(letters), anchor="mm")
    content = io.BytesIO()
    strip.save(content, "PNG", optimize=True)
    write_bytes(out, content.getvalue())
