"""The picture of one mouth: lips, teeth and tongue with light and shadow, in the colours of a palette.

Edges are polygons drawn at four times the size; light and shadow are soft functions of where a pixel lies
between the lip's curves, column by column.
"""

from typing import TYPE_CHECKING

import numpy as np

from phonolips.show.outline import POINTS_PER_SPAN, LipCurves
from phonolips.show.palette import WARM, Palette, mix
from phonolips.show.shading import bump, colour_tones, cover_mask, curve_heights, pixel_centres, tone_table
from phonolips.show.view import View, check_lips, fit_view

if TYPE_CHECKING:
    from PIL import Image

SHADED_LINES = 70  # lines over which light and shadow are worked out, at least; soft, they bear enlarging
SUPERSAMPLING = 4  # pixels drawn for every pixel shown, each way


# Lengths in mouth-space units (1 = the distance between the eye centres, about 63 mm).
MARGINS = (0.08, 0.29, 0.08, 0.19)  # left, above, right and below the lips, as far as they shade the skin
SEAM = 0.014  # the line between closed lips
TEETH_SAG = 0.05  # by which they are shorter at the corners of the mouth
TOOTH_EDGES = (0.0, 0.125, 0.225, 0.335, 0.44)  # from the middle: incisors, canine, first premolar
TOOTH_GAP = 0.007
LOWER_TEETH_FROM = 0.13  # mouths less open than this show no lower teeth
TONGUE_FROM = 0.06  # and less open than this, no tongue


def flatten(points: np.ndarray) -> list[float]:
    """Flatten points (n, 2) to what Pillow's ImageDraw takes."""
    flat: list[float] = points.ravel().tolist()
    return flat


class _Geometry:
    """Where the curves of one mouth pass in every column of its box; pixels, y down, float32 (width,)."""

    def __init__(self, outer: np.ndarray, inner: np.ndarray, curves: LipCurves, x: np.ndarray) -> None:
        upper, lower = outer[: curves.outer_corner + 1], outer[: curves.outer_corner - 1 : -1]
        inner_upper, inner_lower = inner[: curves.inner_corner + 1], inner[: curves.inner_corner - 1 : -1]
        ends = outer[:1], outer[curves.outer_corner : curves.outer_corner + 1]
        self.x = x
        self.top, self.bottom = curve_heights(self.x, upper), curve_heights(self.x, lower)
        self.inner_top = curve_heights(self.x, np.concatenate([ends[0], inner_upper, ends[1]]))
        self.inner_bottom = curve_heights(self.x, np.concatenate([ends[0], inner_lower, ends[1]]))
        self.left, self.right = float(inner_upper[0, 0]), float(inner_upper[-1, 0])
        self.middle = float(upper[0, 0] + upper[-1, 0]) / 2
        self.half = max(float(upper[-1, 0] - upper[0, 0]) / 2, 1.0)
        self.across = (self.x - self.middle) / self.half  # -1 and 1 at the corners
        self.opening = float(np.max(self.inner_bottom - self.inner_top, initial=0))


class MouthPainter:
    """Paint the mouths of one clip: one view, one palette, one set of curves."""

    def __init__(
        self, lips: np.ndarray, size: tuple[int, int], palette: Palette = WARM, view: View | None = None
    ) -> None:
        """Fit the view (unless given) and the curves to `lips` (frames, points, 2), in mouth-space units.

        Where lips are still coming, the speaker's mean lip alone, with `view.speaker_view` of it.
        """
        check_lips(lips)
        self.size, self.palette, self.view = size, palette, view or fit_view(lips, size)
        self._curves = LipCurves(lips.mean(0))
        white, black = (255, 255, 255), (0, 0, 0)
        self._skin = tone_table(
            (0, mix(palette.skin, palette.edge, 0.55)), (0.5, palette.skin), (1, mix(palette.skin, white, 0.3))
        )
        self._lips = tone_table(
            (0, palette.edge),
            (0.35, palette.upper_lip),
            (0.6, palette.lower_lip),
            (1, mix(palette.lower_lip, white, 0.55)),
        )
        self._inside = tone_table((0, mix(palette.mouth, black, 0.5)), (0.25, palette.mouth), (1, palette.tongue))
        self._teeth = tone_table((0, palette.mouth), (0.5, mix(palette.teeth, palette.edge, 0.45)), (1, palette.teeth))

    def paint(self, points: np.ndarray) -> "Image.Image":
        """Paint one frame's lips (points, 2), in mouth-space units; an RGB picture of the painter's size."""
        from PIL import Image

        picture = Image.new("RGB", self.size, self.palette.skin)
        scale = self.view.scale
        middle = np.array(self.size) / 2
        points_px = (points - self.view.centre) * (scale, -scale) + middle
        margins = np.maximum(np.array(MARGINS) * (scale if self.palette.shaded else 0), 6)
        low = np.maximum(np.floor(points_px.min(0) - margins[:2]), 0).astype(int)
        high = np.minimum(np.ceil(points_px.max(0) + margins[2:]), self.size).astype(int)
        if (high <= low).any():
            return picture
        outer, inner = self._curves.rings(points_px - low)
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        place = (int(low[0]), int(low[1]))
        if self.palette.shaded:
            step = max(1, min(size) // SHADED_LINES)
            x, y = pixel_centres(0, size[0], step), pixel_centres(0, size[1], step)[:, None]
            tone = self._skin_tone(_Geometry(outer, inner, self._curves, x), y)
            picture.paste(colour_tones(self._skin, tone, step, size), place)
        self._paint_lips(picture, place, size, outer, inner)
        teeth_y = float(middle[1] - (self.view.teeth - self.view.centre[1]) * scale - low[1])
        self._paint_inside(picture, place, size, outer, inner, teeth_y)
        if self.palette.outline:
            line = max(self.palette.outline * scale, 0.8)
            for ring in (outer, inner):
                edge = self._mask(np.zeros(2), np.array(size), ring, fill=False, line=line)
                picture.paste(self.palette.edge, (*place, place[0] + size[0], place[1] + size[1]), edge)
        return picture

    def _widen(self, inner: np.ndarray, by: float) -> np.ndarray:
        """Part upper and lower inner lip by `by` pixels each, less towards the corners: closed lips show a line."""
        corner = self._curves.inner_corner
        upper = np.sqrt(np.sin(np.pi * np.arange(corner + 1) / corner))
        lower = np.sqrt(np.sin(np.pi * np.arange(1, len(inner) - corner) / (len(inner) - 1 - corner)).clip(0))
        wider = inner.copy()
        wider[:, 1] += by * np.concatenate([-upper, lower])
        return wider

    def _mask(
        self, corner: np.ndarray, size: np.ndarray, ring: np.ndarray, fill: bool = True, line: float = 0.0
    ) -> "Image.Image":
        """Draw a ring, filled or with a line of `line` pixels, as an anti-aliased mask of the box at `corner`."""
        from PIL import Image, ImageDraw

        mask = Image.new("L", (int(size[0]) * SUPERSAMPLING, int(size[1]) * SUPERSAMPLING))
        draw = ImageDraw.Draw(mask)
        large = flatten((ring - corner) * SUPERSAMPLING)
        if fill:
            draw.polygon(large, fill=255)
        if line:
            wide = max(1, round(line * SUPERSAMPLING))
            draw.line(large, fill=255, width=wide)
            for x, y in ((ring - corner) * SUPERSAMPLING)[:: POINTS_PER_SPAN // 2]:  # round the joints
                draw.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), fill=255)
        return mask.reduce(SUPERSAMPLING)

    def _skin_tone(self, shape: _Geometry, y: np.ndarray) -> np.ndarray:
        """Shade the skin: a shadow under the lower lip, the groove above the upper one."""
        scale = np.float32(self.view.scale)
        below = (y - shape.bottom) / scale
        shadow = bump((below - 0.03) / 0.15) * (0.26 * bump(shape.across * 0.95))
        above = (shape.top - y) / scale
        sideways = (shape.x - shape.middle) / scale
        ridges = 0.09 * bump((np.abs(sideways) - 0.085) / 0.085) - 0.11 * bump(sideways / 0.085)
        groove = bump((above - 0.10) / 0.19) * ridges
        rim = 0.10 * bump((above - 0.012) / 0.03) * bump(shape.across)
        corners = 0.14 * bump((np.abs(shape.across) - 1.02) / 0.16) * bump((y - shape.inner_top) / (0.09 * scale))
        tone: np.ndarray = np.float32(0.5) - shadow + groove + rim - corners
        return tone

    def _lip_tone(self, shape: _Geometry, y: np.ndarray) -> np.ndarray:
        """Shade both lips: light from above, rounded, darker where they meet and in the corners."""
        scale = np.float32(self.view.scale)
        across = shape.across
        upper = np.clip((y - shape.top) / np.maximum(shape.inner_top - shape.top, 1), 0, 1)
        lower = np.clip((y - shape.inner_bottom) / np.maximum(shape.bottom - shape.inner_bottom, 1), 0, 1)
        corner = 0.10 * across**4
        tubercle = 0.09 * bump(across / 0.22)
        upper_tone = (0.44 - corner) + upper * (tubercle - 0.06) - 0.26 * upper**3
        gloss = 0.27 * (bump((across - 0.16) / 0.42) + bump((across + 0.16) / 0.42)) + 0.04
        lower_tone = (0.40 - corner) + (0.9 * lower) * (1 - lower) + gloss * bump((lower - 0.36) / 0.30) - 0.12 * lower
        seam = (shape.inner_top + shape.inner_bottom) / 2
        share = np.clip((y - seam) / (0.02 * scale) + 0.5, 0, 1)
        tone: np.ndarray = upper_tone + share * (lower_tone - upper_tone)
        beside = np.clip((np.abs(shape.x - (shape.left + shape.right) / 2) - (shape.right - shape.left) / 2) / 3, 0, 1)
        tone -= bump((y - seam) / (0.022 * scale)) * (0.34 * beside * bump(across * 0.9))
        return tone

    def _paint_lips(
        self,
        picture: "Image.Image",
        place: tuple[int, int],
        size: tuple[int, int],
        outer: np.ndarray,
        inner: np.ndarray,
    ) -> None:
        """Paint both lips, whole; what is seen between them comes on top."""
        from PIL import Image

        low = np.maximum(np.floor(outer.min(0)) - 1, 0).astype(int)
        high = np.minimum(np.ceil(outer.max(0)) + 1, size).astype(int)
        if (high <= low).any():
            return
        mask = self._mask(low, high - low, outer)
        if self.palette.shaded:
            step = max(1, min(size) // SHADED_LINES)
            x, y = (pixel_centres(int(low[axis]), int(high[axis]), step) for axis in (0, 1))
            tone = self._lip_tone(_Geometry(outer, inner, self._curves, x), y[:, None])
            layer = colour_tones(self._lips, tone, step, mask.size)
        else:
            upper_lip = np.concatenate([outer[: self._curves.outer_corner + 1], inner[self._curves.inner_corner :: -1]])
            layer = Image.new("RGB", mask.size, self.palette.lower_lip)
            layer.paste(self.palette.upper_lip, (0, 0), self._mask(low, high - low, upper_lip))
        picture.paste(layer, (place[0] + int(low[0]), place[1] + int(low[1])), mask)

    def _paint_inside(
        self,
        picture: "Image.Image",
        place: tuple[int, int],
        size: tuple[int, int],
        outer: np.ndarray,
        inner: np.ndarray,
        teeth_y: float,
    ) -> None:
        """Paint what is seen between the lips: darkness, tongue, teeth; or just the seam."""
        from PIL import Image

        scale = self.view.scale
        line = max(SEAM * scale, 0.8)
        low = np.maximum(np.floor(inner.min(0) - line), 0).astype(int)
        high = np.minimum(np.ceil(inner.max(0) + line) + 1, size).astype(int)
        if (high <= low).any():
            return
        x, y = pixel_centres(int(low[0]), int(high[0]), 1), pixel_centres(int(low[1]), int(high[1]), 1)[:, None]
        mask = self._mask(low, high - low, self._widen(inner, line / 2))
        tone, teeth, cover = self._inside_tones(_Geometry(outer, inner, self._curves, x), y, teeth_y)
        if self.palette.shaded:
            layer, white = colour_tones(self._inside, tone), colour_tones(self._teeth, teeth)
        else:
            layer = Image.new("RGB", mask.size, self.palette.mouth)
            white = Image.new("RGB", mask.size, self.palette.teeth)
            layer.paste(self.palette.tongue, (0, 0), cover_mask(np.clip((tone - 0.45) * 8, 0, 1)))
        layer.paste(white, (0, 0), cover_mask(cover))
        picture.paste(layer, (place[0] + int(low[0]), place[1] + int(low[1])), mask)

    def _inside_tones(
        self, shape: _Geometry, y: np.ndarray, teeth_y: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Shade the inside; tones of darkness and tongue, tones of the teeth, and what of it the teeth cover."""
        scale = np.float32(self.view.scale)
        opening = shape.opening / float(scale)
        half = max((shape.right - shape.left) / 2, 1.0)
        centre = (shape.left + shape.right) / 2
        across = (shape.x - centre) / half
        sideways = np.abs(shape.x - centre) / scale

        tongue_height = float(np.clip(0.62 * (opening - TONGUE_FROM), 0, 0.22)) * float(scale)
        tongue_top = shape.inner_bottom.max(initial=0) - tongue_height * (1 - 0.55 * across**2)
        into = (y - tongue_top) / (0.055 * scale)
        tongue = np.clip(into, 0, 1) if tongue_height > 0.5 else np.zeros_like(into)
        groove = 0.20 * bump(sideways / 0.03)
        light = 0.78 - groove - 0.35 * across**2
        tone = 0.16 + 0.10 * np.clip((y - shape.inner_top) / (0.2 * scale), 0, 1) + tongue * (light - 0.2)

        edge = teeth_y - TEETH_SAG * scale * across**2
        nearest = np.abs(sideways[:, None] - np.array(TOOTH_EDGES, dtype=np.float32)).min(1)
        edge -= 0.007 * scale * bump(nearest / 0.03)  # the teeth are rounded at their corners
        edge = np.minimum(edge, shape.inner_bottom - 0.02 * scale)
        gaps = bump(nearest / max(TOOTH_GAP, 0.9 / float(scale)))
        sides = 1 - 0.50 * np.clip(np.abs(across), 0, 1.2) ** 2.5
        depth = (y - shape.inner_top) / scale
        lip_shadow = 0.55 + 0.45 * np.clip(depth / 0.06, 0, 1)
        narrow = float(np.clip(half / float(scale) / 0.25, 0.6, 1))
        bright = sides * (1 - 0.22 * gaps) * narrow
        upper = lip_shadow * bright
        cover = np.clip(edge - y + 0.5, 0, 1)

        rise = float(np.clip(0.45 * (opening - LOWER_TEETH_FROM), 0, 0.06)) * float(scale)
        if rise > 0.5:
            lower_edge = shape.inner_bottom.max(initial=0) - rise * (1.0 - 0.3 * across**2)
            lower_cover = np.clip(y - lower_edge + 0.5, 0, 1) * np.clip(1.6 - 2 * np.abs(across), 0, 1)
            upper = np.where(lower_cover > cover, 0.72 * bright, upper)
            cover = np.maximum(cover, lower_cover)
        return tone, upper, cover
