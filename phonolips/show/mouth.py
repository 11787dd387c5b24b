"""The picture of one mouth: lips, teeth and tongue with light and shadow, in the colours of a palette.

Edges are polygons drawn at four times the size; light and shadow are soft functions of where a pixel lies
between the lip's curves, column by column.
"""

from typing import TYPE_CHECKING

import numpy as np

from phonolips.lips.articulators import PROTRUSION
from phonolips.lips.shaping import Mouth, shape_lips, upper_lip_above
from phonolips.show.inside import NO_ARTICULATORS, inside_tones
from phonolips.show.outline import POINTS_PER_SPAN, Geometry, LipCurves
from phonolips.show.palette import WARM, Palette, mix
from phonolips.show.shading import bump, colour_tones, cover_mask, pixel_centres, tone_table
from phonolips.show.view import View, check_lips, fit_view

if TYPE_CHECKING:
    from PIL import Image

SHADED_LINES = 70  # lines over which light and shadow are worked out, at least; soft, they bear enlarging
SUPERSAMPLING = 4  # pixels drawn for every pixel shown, each way


# Lengths in mouth-space units (1 = the distance between the eye centres, about 63 mm).
MARGINS = (0.08, 0.29, 0.08, 0.19)  # left, above, right and below the lips, as far as they shade the skin
SEAM = 0.009  # the line between closed lips, half a millimetre


def flatten(points: np.ndarray) -> list[float]:
    """Flatten points (n, 2) to what Pillow's ImageDraw takes."""
    flat: list[float] = points.ravel().tolist()
    return flat


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
        mean = lips.mean(0)
        self._order = upper_lip_above(mean)
        self._curves = LipCurves(mean[self._order])
        self._mouth = Mouth.of(mean[self._order])
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
        self._inside = tone_table(
            (0, mix(palette.mouth, black, 0.5)),
            (0.25, palette.mouth),
            (0.9, palette.tongue),
            (1, mix(palette.tongue, palette.teeth, 0.3)),
        )
        self._teeth = tone_table((0, palette.mouth), (0.5, mix(palette.teeth, palette.edge, 0.45)), (1, palette.teeth))

    def paint(self, points: np.ndarray, articulators: np.ndarray | None = None) -> "Image.Image":
        """Paint one frame's lips; an RGB picture of the painter's size.

        Args:
            points: (points, 2), mouth-space units.
            articulators: float (5,), what the phones add, a row of `lips.articulators.articulate`; None where they are
                not known.
        """
        from PIL import Image

        added = NO_ARTICULATORS if articulators is None else articulators
        points = shape_lips(points[None, self._order], added[None], self._mouth)[0]
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
            tone = self._skin_tone(Geometry(outer, inner, self._curves, x), y, float(added[PROTRUSION]))
            picture.paste(colour_tones(self._skin, tone, step, size), place)
        self._paint_lips(picture, place, size, outer, inner, float(added[PROTRUSION]))
        teeth_y = float(middle[1] - (self.view.teeth - self.view.centre[1]) * scale - low[1])
        self._paint_inside(picture, place, size, outer, inner, teeth_y, added)
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

    def _skin_tone(self, shape: Geometry, y: np.ndarray, forward: float) -> np.ndarray:
        """Shade the skin: a shadow under the lower lip, more of it under one that stands forward; the groove above."""
        scale = np.float32(self.view.scale)
        below = (y - shape.bottom) / scale
        shadow = bump((below - 0.03) / 0.15) * ((0.26 + 0.12 * forward) * bump(shape.across * 0.95))
        above = (shape.top - y) / scale
        sideways = (shape.x - shape.middle) / scale
        ridges = 0.09 * bump((np.abs(sideways) - 0.085) / 0.085) - 0.11 * bump(sideways / 0.085)
        groove = bump((above - 0.10) / 0.19) * ridges
        rim = 0.10 * bump((above - 0.012) / 0.03) * bump(shape.across)
        corners = 0.14 * bump((np.abs(shape.across) - 1.02) / 0.16) * bump((y - shape.inner_top) / (0.09 * scale))
        tone: np.ndarray = np.float32(0.5) - shadow + groove + rim - corners
        return tone

    def _lip_tone(self, shape: Geometry, y: np.ndarray, forward: float) -> np.ndarray:
        """Shade both lips: light from above, rounded, more so forward; dark where they meet and in the corners."""
        scale = np.float32(self.view.scale)
        across = shape.across
        upper = np.clip((y - shape.top) / np.maximum(shape.inner_top - shape.top, 1), 0, 1)
        lower = np.clip((y - shape.inner_bottom) / np.maximum(shape.bottom - shape.inner_bottom, 1), 0, 1)
        corner = (0.10 + 0.14 * forward) * across**4
        tubercle = 0.09 * bump(across / 0.22)
        upper_tone = (0.44 - corner) + upper * (tubercle - 0.06) - 0.26 * upper**3
        gloss = 0.27 * (bump((across - 0.16) / 0.42) + bump((across + 0.16) / 0.42)) + 0.04
        gloss = gloss * (1 + 0.5 * forward)
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
        forward: float,
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
            tone = self._lip_tone(Geometry(outer, inner, self._curves, x), y[:, None], forward)
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
        articulators: np.ndarray,
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
        shape = Geometry(outer, inner, self._curves, x)
        tone, teeth, cover = inside_tones(shape, y, teeth_y, scale, articulators)
        if self.palette.shaded:
            layer, white = colour_tones(self._inside, tone), colour_tones(self._teeth, teeth)
        else:
            layer = Image.new("RGB", mask.size, self.palette.mouth)
            white = Image.new("RGB", mask.size, self.palette.teeth)
            layer.paste(self.palette.tongue, (0, 0), cover_mask(np.clip((tone - 0.45) * 8, 0, 1)))
        layer.paste(white, (0, 0), cover_mask(cover))
        picture.paste(layer, (place[0] + int(low[0]), place[1] + int(low[1])), mask)
