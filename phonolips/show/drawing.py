"""Draw lips: as a video of their own, or as contours over the pictures that they were tracked in."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.lips.points import layout_of
from phonolips.media.video import write_video
from phonolips.show.mouth import SUPERSAMPLING, MouthPainter, flatten
from phonolips.show.outline import LipCurves
from phonolips.show.palette import WARM, Colour, Palette
from phonolips.show.view import View, check_lips, fit_view

if TYPE_CHECKING:
    from PIL import Image, ImageFont

__all__ = ["View", "draw_lips", "draw_overlay", "fit_view", "render_lips_video", "text_font"]

FOUND: Colour = (64, 224, 208)
FILLED_IN: Colour = (255, 120, 60)


def text_font(height: int, text: str = "") -> "ImageFont.ImageFont | ImageFont.FreeTypeFont":
    """Load the font that Pillow brings along, or matplotlib's where a text is not ASCII; `height` in pixels.

    Pillow's lacks ø already; matplotlib's, DejaVu Sans, has Latin, IPA, Greek, Cyrillic, Hebrew, Arabic and more.
    """
    return _load_font(height, not text.isascii())


@functools.cache
def _load_font(height: int, wide: bool) -> "ImageFont.ImageFont | ImageFont.FreeTypeFont":
    from PIL import ImageFont

    if not wide:
        return ImageFont.load_default(height)
    import matplotlib

    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), height)


def draw_lips(
    lips: np.ndarray,
    *,
    size: tuple[int, int] = (360, 360),
    view: View | None = None,
    captions: Sequence[str] | None = None,
    palette: Palette = WARM,
    articulators: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Draw lips as a shaded mouth with teeth and tongue, at one fixed scale for the whole clip.

    Args:
        lips: (frames, points, 2), mouth-space units, y up, in layout mediapipe40 or ibug20.
        size: width and height of the pictures in pixels.
        view: where the mouth stands in the picture; `fit_view(lips, size)` unless given.
        captions: a short text for the corner of every frame, such as its phone.
        palette: the colours, such as one of `palette.PALETTES`.
        articulators: float (frames, 5), what the phones add (see `lips.articulators.articulate`), or None.

    Yields:
        uint8, shape (height, width, 3), RGB.

    Raises:
        InputError: the lips are in neither layout.
        ValueError: not finite, no frames, or another number of captions or articulators than of frames.
    """
    from PIL import ImageDraw

    check_lips(lips)
    if captions is not None and len(captions) != len(lips):
        raise ValueError(f"{len(captions)} captions for {len(lips)} frames; expected one for each")
    if articulators is not None and len(articulators) != len(lips):
        raise ValueError(f"{len(articulators)} rows of articulators for {len(lips)} frames; expected one for each")
    painter = MouthPainter(lips, size, palette, view)
    for index, points in enumerate(lips):
        picture = painter.paint(points, None if articulators is None else articulators[index])
        if captions is not None and captions[index]:
            height = max(10, size[1] // 16)
            place = (height // 2, size[1] - height // 2)
            ImageDraw.Draw(picture).text(place, captions[index], fill=palette.ink, font=text_font(height), anchor="ls")
        yield np.asarray(picture)


def _draw_contours(picture: "Image.Image", curves: LipCurves, points: np.ndarray, colour: Colour) -> None:
    """Draw both rings as thin, anti-aliased lines onto the part of the picture where the lips are."""
    from PIL import Image, ImageDraw

    low = np.maximum(np.floor(points.min(0)) - 3, 0).astype(int)
    high = np.minimum(np.ceil(points.max(0)) + 4, picture.size).astype(int)
    if (high <= low).any():
        return
    box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    mask = Image.new("L", ((box[2] - box[0]) * SUPERSAMPLING, (box[3] - box[1]) * SUPERSAMPLING))
    draw = ImageDraw.Draw(mask)
    for ring in curves.rings((points - low) * SUPERSAMPLING):
        draw.line(flatten(ring), fill=255, width=SUPERSAMPLING * 3 // 2)
    picture.paste(colour, box, mask.reduce(SUPERSAMPLING))


def draw_overlay(
    frame: np.ndarray,
    points_px: np.ndarray,
    detected: bool = True,
    caption: str = "",
    *,
    enlargement: int | None = None,
) -> np.ndarray:
    """Draw tracked lips over their picture, with the mouth once more as an inset at twice the scale.

    Args:
        frame: uint8 (height, width, 3), RGB.
        points_px: (points, 2), pixels of `frame`, y down, in layout mediapipe40 or ibug20.
        detected: False draws in the colour for points that were filled in, and says so.
        caption: a short text for the upper left corner.
        enlargement: whole factor by which the picture grows; 2 for pictures under 500 lines unless given.

    Returns:
        uint8 (height * enlargement, width * enlargement, 3), RGB.

    Raises:
        InputError: the points are in neither layout.
    """
    from PIL import Image, ImageDraw

    layout_of(points_px)
    height, width = frame.shape[:2]
    factor = enlargement or (2 if height < 500 else 1)
    colour = FOUND if detected else FILLED_IN
    source = Image.fromarray(frame)
    large = (width * factor, height * factor)
    canvas = source.resize(large, Image.Resampling.BILINEAR) if factor > 1 else source.copy()
    finite = bool(np.isfinite(points_px).all())

    if finite:
        inset = (large[0] * 2 // 5, large[1] * 3 // 10)
        curves = LipCurves(points_px * (1, -1))
        _draw_contours(canvas, curves, points_px * factor, colour)
        crop = (inset[0] / (2 * factor), inset[1] / (2 * factor))
        centre = (points_px.min(0) + points_px.max(0)) / 2
        corner = np.clip(centre - np.array(crop) / 2, 0, np.maximum(0, np.array([width, height]) - crop))
        box = (corner[0], corner[1], corner[0] + crop[0], corner[1] + crop[1])
        close = source.resize(inset, Image.Resampling.BICUBIC, box=box)
        _draw_contours(close, curves, (points_px - corner) * 2 * factor, colour)
        place = (large[0] - inset[0], large[1] - inset[1])
        canvas.paste(close, place)
        edge = (place[0] - 1, place[1] - 1, large[0], large[1])
        ImageDraw.Draw(canvas).rectangle(edge, outline=(255, 255, 255))
    text = caption if detected else " ".join([caption, "(filled in)"]).strip()
    if text:
        font = text_font(max(11, large[1] // 28))
        draw = ImageDraw.Draw(canvas)
        draw.text((8, 6), text, fill=(255, 255, 255), font=font, stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(canvas)


# Ten parameters: what is drawn (3), what sounds (2), and how it looks (5).
def render_lips_video(
    path: Path,
    lips: np.ndarray,
    fps: Fraction | float,
    waveform: np.ndarray | Iterable[np.ndarray] | None = None,
    sample_rate: int = 16_000,
    captions: Sequence[str] | None = None,
    *,
    size: tuple[int, int] = (360, 360),
    view: View | None = None,
    palette: Palette = WARM,
    articulators: np.ndarray | None = None,
) -> None:
    """Write lips as a video, with sound if there is any and a caption (the phone) in the corner.

    Args:
        path: the file to write, such as `lips.mp4`.
        lips: (frames, points, 2), mouth-space units, in layout mediapipe40 or ibug20.
        fps: frames per second.
        waveform: float (samples,) in [-1, 1], whole or as blocks that follow each other, or None.
        sample_rate: samples per second of `waveform`.
        captions: one short text for every frame, or None.
        size: width and height in pixels.
        view: where the mouth stands in the picture; fitted to the clip unless given.
        palette: the colours.
        articulators: float (frames, 5), what the phones add, or None.

    Raises:
        InputError: the lips are in neither layout, or the file cannot be written.
        ValueError: as for `draw_lips`.
    """
    from tqdm import tqdm

    drawn = draw_lips(lips, size=size, view=view, captions=captions, palette=palette, articulators=articulators)
    frames = tqdm(drawn, "drawing", len(lips), unit="frame", disable=None, delay=2)
    write_video(Path(path), frames, fps, waveform=waveform, sample_rate=sample_rate)
