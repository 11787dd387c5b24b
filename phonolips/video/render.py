"""Draw lips: as a video of their own, or as contours over the pictures that they were tracked in."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.video.io import write_video
from phonolips.video.lips import layout_of

if TYPE_CHECKING:
    from PIL import Image, ImageFont

Colour = tuple[int, int, int]

SKIN: Colour = (233, 203, 184)
UPPER_LIP: Colour = (170, 86, 84)
LOWER_LIP: Colour = (192, 104, 100)
LIP_EDGE: Colour = (138, 66, 66)
MOUTH: Colour = (58, 20, 24)
TEETH: Colour = (232, 224, 212)
INK: Colour = (70, 52, 46)
FOUND: Colour = (64, 224, 208)
FILLED_IN: Colour = (255, 120, 60)

SUPERSAMPLING = 4  # pixels drawn for every pixel shown, each way
POINTS_PER_SPAN = 6  # drawn points between two neighbours of a ring
MOUTH_SHARE = 0.72  # of the picture's width or height, at most
TEETH_SAG = 0.04  # mouth-space units by which they are shorter at the corners of the mouth
TEETH_DEPTH = 0.05  # mouth-space units that the upper teeth hang below their gum line


@dataclass(frozen=True)
class View:
    """How mouth space is laid onto a picture: the same for all frames, and for clips to be compared.

    Args:
        centre: the point (x, y) of mouth space in the middle of the picture.
        scale: pixels per unit.
        teeth: height y under which the upper teeth end.
    """

    centre: tuple[float, float]
    scale: float
    teeth: float


def _outer_points(layout: str) -> int:
    """Count the points of the outer ring; the rest of the layout is the inner one."""
    return 12 if layout == "ibug20" else 20


def _check_lips(lips: np.ndarray) -> str:
    """Name the layout of lips that can be drawn; raise InputError or ValueError for others."""
    layout = layout_of(lips)
    if lips.ndim != 3 or not len(lips):
        raise ValueError(f"lips have shape {lips.shape}; expected (frames, points, 2) with a frame at least")
    if not np.isfinite(lips).all():
        raise ValueError("lips hold values that are not finite; fill the missing frames first")
    return layout


def fit_view(lips: np.ndarray, size: tuple[int, int] = (360, 360)) -> View:
    """Choose one view for a whole clip, from percentiles, so that a wild frame does not shrink the rest.

    Args:
        lips: (frames, points, 2), mouth-space units.
        size: width and height of the picture in pixels.
    """
    layout = _check_lips(lips)
    outer = _outer_points(layout)
    low, high = np.percentile(lips.min(1), 3, axis=0), np.percentile(lips.max(1), 97, axis=0)
    extent = np.maximum(high - low, 1e-3)
    scale = float(min(size[0] / extent[0], size[1] / extent[1]) * MOUTH_SHARE)
    gum = float(np.percentile(lips[:, outer:, 1].max(1), 40))
    centre = (low + high) / 2
    return View((float(centre[0]), float(centre[1])), scale, gum - TEETH_DEPTH)


def _smoothing(ring: np.ndarray) -> np.ndarray:
    """Build the closed centripetal Catmull-Rom curve as a matrix (points * POINTS_PER_SPAN, points).

    The knots come from `ring` (points, 2), such as a clip's mean; the matrix then serves every frame.
    Source: Yuksel, Schaefer and Keyser, "Parameterization and applications of Catmull-Rom curves", 2011.
    """
    points = len(ring)
    after = np.roll(np.eye(points), -1, axis=0)  # after @ ring is the next point of each
    spans = np.sqrt(np.linalg.norm(after @ ring - ring, axis=-1))[:, None]
    spans = np.maximum(spans, max(0.05 * float(spans.max()), 1e-9))
    spans_before = after.T @ spans
    slope = (after - np.eye(points)) / spans
    tangent = ((after.T @ slope) * spans + slope * spans_before) / (spans_before + spans)
    part = (np.arange(POINTS_PER_SPAN) / POINTS_PER_SPAN)[:, None]
    curve = (
        (2 * part**3 - 3 * part**2 + 1) * np.eye(points)[:, None]
        + (part**3 - 2 * part**2 + part) * (tangent * spans)[:, None]
        + (3 * part**2 - 2 * part**3) * after[:, None]
        + (part**3 - part**2) * (after @ tangent * spans)[:, None]
    )
    matrix: np.ndarray = curve.reshape(-1, points)
    return matrix


class _Curves:
    """Smooth curves through the rings of one layout, always from the left corner on, upper lip first."""

    def __init__(self, shape: np.ndarray) -> None:
        """Take knots and order from `shape` (points, 2), y up, such as the mean of a clip."""
        self._outer_points = _outer_points(layout_of(shape))
        outer, inner = self._outer_points // 2, (len(shape) - self._outer_points) // 2
        self._backwards = bool(shape[1:outer, 1].mean() < shape[outer + 1 : 2 * outer, 1].mean())
        self._smooth_outer = _smoothing(shape[: self._outer_points])
        self._smooth_inner = _smoothing(shape[self._outer_points :])
        self.outer_corner, self.inner_corner = outer * POINTS_PER_SPAN, inner * POINTS_PER_SPAN

    def rings(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw both rings; (points, 2) -> two closed curves (drawn points + 1, 2)."""
        order = slice(None, None, -1) if self._backwards else slice(None)
        outer = self._smooth_outer @ points[: self._outer_points]
        inner = self._smooth_inner @ points[self._outer_points :]
        return np.concatenate([outer, outer[:1]])[order], np.concatenate([inner, inner[:1]])[order]


def _polygon(points: np.ndarray) -> list[float]:
    """Flatten points (n, 2) to what ImageDraw takes."""
    flat: list[float] = points.ravel().tolist()
    return flat


@functools.cache
def _font(height: int) -> "ImageFont.ImageFont | ImageFont.FreeTypeFont":
    """Load the font that Pillow brings along."""
    from PIL import ImageFont

    return ImageFont.load_default(height)


def _teeth(inner: np.ndarray, corner: int, edge_y: float, sag: float) -> np.ndarray:
    """Cut the upper teeth out of the inner curve (drawn points, 2), y down; may come out empty.

    The teeth hang from the upper lip to the height `edge_y`, less at the sides by up to `sag`.
    """
    upper, lower = inner[: corner + 1], inner[:corner:-1]
    middle, half = (inner[0, 0] + inner[corner, 0]) / 2, max(abs(inner[corner, 0] - inner[0, 0]) / 2, 1.0)

    def edge(x: np.ndarray) -> np.ndarray:
        bottom: np.ndarray = edge_y - sag * ((x - middle) / half) ** 2
        return np.minimum(bottom, np.interp(x, np.maximum.accumulate(lower[:, 0]), lower[:, 1]))

    shown = upper[upper[:, 1] < edge(upper[:, 0])]
    if len(shown) < 3:
        return np.zeros((0, 2))
    x = np.linspace(shown[-1, 0], shown[0, 0], 40)
    return np.concatenate([shown, np.column_stack([x, edge(x)])])


def _paint(
    picture: "Image.Image", curves: _Curves, points: np.ndarray, teeth_y: float, sag: float, line: float
) -> None:
    """Paint one mouth, given in pixels with y down, into the part of the picture where it is."""
    from PIL import Image, ImageDraw

    low = np.maximum(np.floor(points.min(0)) - 6, 0).astype(int)
    high = np.minimum(np.ceil(points.max(0)) + 6, picture.size).astype(int)
    if (high <= low).any():
        return
    outer, inner = curves.rings((points - low) * SUPERSAMPLING)
    upper_lip = np.concatenate([outer[: curves.outer_corner + 1], inner[curves.inner_corner :: -1]])
    teeth = _teeth(inner, curves.inner_corner, (teeth_y - low[1]) * SUPERSAMPLING, sag * SUPERSAMPLING)
    size = (int(high[0] - low[0]) * SUPERSAMPLING, int(high[1] - low[1]) * SUPERSAMPLING)
    canvas = Image.new("RGB", size, SKIN)
    draw = ImageDraw.Draw(canvas)
    width = max(1, round(line * SUPERSAMPLING))
    draw.polygon(_polygon(outer), fill=LOWER_LIP)
    draw.polygon(_polygon(upper_lip), fill=UPPER_LIP)
    draw.polygon(_polygon(inner), fill=MOUTH)
    if len(teeth):
        draw.polygon(_polygon(teeth), fill=TEETH)
    draw.line(_polygon(outer), fill=LIP_EDGE, width=width)
    draw.line(_polygon(inner), fill=MOUTH, width=width)
    picture.paste(canvas.reduce(SUPERSAMPLING), (int(low[0]), int(low[1])))


def draw_lips(
    lips: np.ndarray,
    *,
    size: tuple[int, int] = (360, 360),
    view: View | None = None,
    captions: Sequence[str] | None = None,
) -> Iterator[np.ndarray]:
    """Draw lips as filled shapes on a plain ground, at one fixed scale for the whole clip.

    Args:
        lips: (frames, points, 2), mouth-space units, y up, in layout mediapipe40 or ibug20.
        size: width and height of the pictures in pixels.
        view: where the mouth stands in the picture; `fit_view(lips, size)` unless given.
        captions: a short text for the corner of every frame, such as its phone.

    Yields:
        uint8, shape (height, width, 3), RGB.

    Raises:
        InputError: the lips are in neither layout.
        ValueError: not finite, no frames, or another number of captions than of frames.
    """
    from PIL import Image, ImageDraw

    _check_lips(lips)
    if captions is not None and len(captions) != len(lips):
        raise ValueError(f"{len(captions)} captions for {len(lips)} frames; expected one for each")
    view = view or fit_view(lips, size)
    curves = _Curves(lips.mean(0))
    middle = np.array(size) / 2
    teeth_y = float(middle[1] - (view.teeth - view.centre[1]) * view.scale)

    for index, points in enumerate(lips):
        picture = Image.new("RGB", size, SKIN)
        points_px = (points - view.centre) * (view.scale, -view.scale) + middle
        _paint(picture, curves, points_px, teeth_y, TEETH_SAG * view.scale, line=size[0] / 200)
        if captions is not None and captions[index]:
            height = max(10, size[1] // 16)
            place = (height // 2, size[1] - height // 2)
            ImageDraw.Draw(picture).text(place, captions[index], fill=INK, font=_font(height), anchor="ls")
        yield np.asarray(picture)


def _draw_contours(picture: "Image.Image", curves: _Curves, points: np.ndarray, colour: Colour) -> None:
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
        draw.line(_polygon(ring), fill=255, width=SUPERSAMPLING * 3 // 2)
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
        curves = _Curves(points_px * (1, -1))
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
        font = _font(max(11, large[1] // 28))
        draw = ImageDraw.Draw(canvas)
        draw.text((8, 6), text, fill=(255, 255, 255), font=font, stroke_width=2, stroke_fill=(0, 0, 0))
    return np.asarray(canvas)


def render_lips_video(
    path: Path,
    lips: np.ndarray,
    fps: Fraction | float,
    waveform: np.ndarray | None = None,
    sample_rate: int = 16_000,
    captions: Sequence[str] | None = None,
    *,
    size: tuple[int, int] = (360, 360),
    view: View | None = None,
) -> None:
    """Write lips as a video, with sound if there is any and a caption (the phone) in the corner.

    Args:
        path: the file to write, such as `lips.mp4`.
        lips: (frames, points, 2), mouth-space units, in layout mediapipe40 or ibug20.
        fps: frames per second.
        waveform: float (samples,) in [-1, 1], or None.
        sample_rate: samples per second of `waveform`.
        captions: one short text for every frame, or None.
        size: width and height in pixels.
        view: where the mouth stands in the picture; fitted to the clip unless given.

    Raises:
        InputError: the lips are in neither layout, or the file cannot be written.
        ValueError: as for `draw_lips`.
    """
    frames = draw_lips(lips, size=size, view=view, captions=captions)
    write_video(Path(path), frames, fps, waveform=waveform, sample_rate=sample_rate)
