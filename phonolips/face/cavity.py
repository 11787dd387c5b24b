"""What is seen between open lips: teeth and the dark behind them, from a person's own picture or drawn.

Two layers in mouth space lie over a dark ground. The upper one holds the upper teeth and stays with the skull, the
lower one holds lower teeth and tongue and goes with the lower lip; the lips decide how much of both is seen. So one
picture of an open mouth serves every opening, and teeth neither stretch nor swim.
"""

import functools
from dataclasses import dataclass

import numpy as np

from phonolips.lips.articulators import ARTICULATORS, BITING, TONGUE_BETWEEN, TONGUE_UP
from phonolips.lips.measures import inner_gaps
from phonolips.lips.points import INNER_RING, MEDIAPIPE40

LEFT, RIGHT, BOTTOM, TOP = -0.65, 0.65, -0.6, 0.3  # mouth-space units; what the layers cover
LEAST_DETAIL, MOST_DETAIL = 60.0, 400.0  # pixels per unit of the layers
LOWER_MIDDLE = MEDIAPIPE40.inner.lower[3:6]
EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))  # mesh points around each eye
FINE = 4  # pixels drawn for every pixel of a mask, each way
DIGITS = 4  # binary digits after the point of the coordinates of polygons
SPANS = 4  # drawn points from one point of the inner lips to the next
DARKEST = 5  # percentile of a real mouth's brightness that the dark behind the teeth is taken from
LEAST_TEETH_BRIGHTNESS = 0.7  # share of the eyes' brightness from which light pixels in a mouth count as teeth
LEAST_LIGHT = 0.3  # share of the light that reaches the teeth through lips that are all but shut
WARMTH = np.array([1.0, 1.1, 1.15], np.float32)  # how much faster green and blue than red go where light is lost
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Widths of the upper teeth from the middle outwards as they are seen from the front, in units (one unit, the distance
# between the eyes, is some 63 mm; crowns after Wheeler's Dental Anatomy, turned away more and more).
TEETH_WIDTHS = (0.135, 0.10, 0.085, 0.06, 0.05)
INCISORS_BELOW_LIP_LINE = 0.032  # units; the edge of the upper incisors stands a little under the closed lips' line
TONGUE = (0.55, 0.29, 0.27)  # its colour in the mouth's shade, as a share of something white
LIT_TONGUE = (0.80, 0.45, 0.43)  # likewise, of its tip in the light
TIP_HALF_WIDTH, RAISED_HALF_WIDTH = 0.17, 0.24  # units; of the tip between the teeth, and of one behind them
TIP_SHARE = 0.55  # of the gap between the lips, from below, that a tip between the teeth fills
LEAST_TIP = 0.02  # of a tongue's tip; less is not drawn
DARK_UNDER_TEETH = 0.02  # units; half the dark between a pictured mouth's upper and lower teeth
MOST_TEETH_SHIFT = 0.08  # units by which the upper teeth may come down to a lower lip that is said to touch them
BITE_LIGHT = 0.8  # share of the light that reaches them there, and of the lips' shadow that does not
ARCH = 0.5  # units per unit squared: how the row of upper teeth rises towards the corners of the mouth
NO_ARTICULATORS = np.zeros(len(ARTICULATORS), np.float32)


def shows_teeth(picture: np.ndarray, ring_px: np.ndarray, white: np.ndarray) -> bool:
    """Return whether something as light as teeth is seen inside of a ring of pixels.

    Args:
        picture: uint8 (height, width, 3).
        ring_px: (points, 2), the inner lips.
        white: (3,), the white of the eyes.
    """
    inside = picture[fill_ring(ring_px, (picture.shape[1], picture.shape[0])) > 0.99].astype(np.float32) @ LUMA
    return bool(len(inside) and np.percentile(inside, 90) > LEAST_TEETH_BRIGHTNESS * float(white @ LUMA))


def smooth_step(values: np.ndarray | float, low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
    """Go from 0 at `low` to 1 at `high` without corners."""
    share = np.clip((np.asarray(values) - low) / (high - low), 0, 1)
    result: np.ndarray = share * share * (3 - 2 * share)
    return result


def fill_ring(ring_px: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Fill a closed ring, with soft edges; (points, 2) pixels -> float32 (height, width) in [0, 1]."""
    import cv2

    mask = np.zeros((size[1] * FINE, size[0] * FINE), np.uint8)
    # Pixel centres lie at whole numbers.
    points = np.round(((ring_px + 0.5) * FINE - 0.5) * (1 << DIGITS)).astype(np.int32)
    cv2.fillPoly(mask, [points], 255, shift=DIGITS)
    return cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


@functools.cache
def _half_ring() -> np.ndarray:
    """Build the natural cubic spline through the 11 points of half a ring, as a matrix (SPANS * 10, 11)."""
    from scipy.interpolate import CubicSpline

    curve = CubicSpline(np.arange(11), np.eye(11), bc_type="natural")
    matrix: np.ndarray = curve(np.arange(10 * SPANS) / SPANS)
    return matrix


def smooth_ring(ring: np.ndarray) -> np.ndarray:
    """Draw a ring of inner lips as two smooth curves that meet in the corners; (20, 2) -> (80, 2)."""
    closed = np.concatenate([ring, ring[:1]])
    return np.concatenate([_half_ring() @ closed[:11], _half_ring() @ closed[10:]])


def white_of_eyes(picture: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """Measure the light on a face by the white of its eyes; float32 (3,), RGB in 0 to 255.

    Args:
        picture: uint8 (height, width, 3).
        points_px: (478, 2), its mesh.
    """
    colours = []
    for eye in EYES:
        ring = points_px[list(eye)]
        low = np.maximum(np.floor(ring.min(0)).astype(int), 0)
        high = np.minimum(np.ceil(ring.max(0)).astype(int) + 1, picture.shape[1::-1])
        if (high <= low).any():
            continue
        mask = fill_ring(ring - low, (int(high[0] - low[0]), int(high[1] - low[1]))) > 0.5
        colours.append(picture[low[1] : high[1], low[0] : high[0]][mask])
    inside = np.concatenate(colours).astype(np.float32) if colours else np.zeros((0, 3), np.float32)
    if not len(inside):
        return np.full(3, 200, np.float32)
    brightness = inside @ LUMA
    brightest: np.ndarray = np.median(inside[brightness >= np.percentile(brightness, 85)], axis=0)
    return brightest.astype(np.float32)


def _place(axis: complex, origin: complex, detail: float, shift: tuple[float, float]) -> np.ndarray:
    """Build the 2x3 matrix from pixels of a layer to those of a picture."""
    scale = axis / detail
    corner = origin + axis * ((LEFT + shift[0]) - 1j * (TOP + shift[1]))
    return np.array([[scale.real, -scale.imag, corner.real], [scale.imag, scale.real, corner.imag]])


def _heights(across: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Read the height of a line through points (n, 2), in any order, at every place across."""
    order = np.argsort(points[:, 0])
    heights: np.ndarray = np.interp(across, points[order, 0], points[order, 1])
    return heights


def _tongue(light: np.ndarray, line: float, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw a tongue in the dark: colour (rows, columns, 3) and cover (rows, columns).

    Args:
        light: (3,), the colour of something white.
        line: height at which the lower lip stands.
        x, y: (1, columns) and (rows, 1), where the pixels are, x from the mouth's middle.
    """
    depth = line - y
    hump = 0.36 * x**2 - 0.10
    cover = 0.8 * smooth_step(depth, hump - 0.04, hump + 0.06) * smooth_step(0.36 - np.abs(x), 0, 0.16)
    furrow = 1 - 0.15 * np.exp(-((x / 0.03) ** 2))
    colour = light * np.array(TONGUE, np.float32) * (furrow * np.ones_like(y))[..., None]
    return colour, cover


@dataclass(frozen=True)
class Cavity:
    """The inside of one person's mouth.

    Args:
        upper: float32 (rows, columns, 4), colour times cover, and cover; what stays with the skull.
        lower: the same for what goes with the lower lip.
        dark: float32 (3,), the ground's colour, RGB in 0 to 255.
        detail: pixels per mouth-space unit of the layers.
        lip_height: height y of the middle of the inner lower lip at which the lower layer stands as it is.
        shade: how much darker it gets along the lips: 0 where that is in the picture already.
        edge: height y at which the upper teeth end, in the middle.
        tongue: float32 (3,), the colour of a tongue in the light.
    """

    upper: np.ndarray
    lower: np.ndarray
    dark: np.ndarray
    detail: float
    lip_height: float
    shade: float
    edge: float
    tongue: np.ndarray

    @classmethod
    def from_picture(cls, picture: np.ndarray, lips: np.ndarray, origin: complex, axis: complex) -> "Cavity":
        """Take the inside of the mouth from a picture in which it is open.

        Args:
            picture: uint8 (height, width, 3).
            lips: (40, 2), its lips in mouth space.
            origin, axis: its mouth space (see `MouthSpace`).
        """
        import cv2
        from scipy.ndimage import distance_transform_edt, gaussian_filter1d

        detail = float(np.clip(1.5 * abs(axis), LEAST_DETAIL, MOST_DETAIL))
        columns, rows = round((RIGHT - LEFT) * detail), round((TOP - BOTTOM) * detail)
        place = _place(axis, origin, detail, (0, 0))
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        canvas = cv2.warpAffine(picture, place, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        colour = canvas.astype(np.float32)
        points = (lips - (LEFT, TOP)) * (detail, -detail)
        ring = points[list(INNER_RING)]
        known = fill_ring(ring, (columns, rows)) > 0.99
        edge = max(1, round(0.7 * detail / abs(axis)))  # the picture's own edge pixels hold some lip
        thinner = cv2.erode(known.astype(np.uint8), np.ones((2 * edge + 1, 1), np.uint8)) > 0
        known = thinner if thinner.sum() > 0.3 * known.sum() else known

        brightness = colour @ LUMA
        inside = brightness[known]
        dark = colour[known & (brightness <= np.percentile(inside, DARKEST))].mean(0)
        # The line between upper and lower teeth: the darkest height, counted from the upper lip to the lower one.
        across = np.arange(columns)
        top_of = _heights(across, points[list(MEDIAPIPE40.inner.upper)])
        bottom_of = _heights(across, points[list(MEDIAPIPE40.inner.lower)])
        height = (np.arange(rows)[:, None] - top_of) / np.maximum(bottom_of - top_of, 1e-3)
        half_width = 0.3 * np.ptp(ring[:, 0])
        middle = known & (np.abs(across - ring[:, 0].mean()) < half_width)
        bins = np.clip((height[middle] * 20).astype(int), 0, 19)
        profile = np.bincount(bins, brightness[middle], 20) / np.maximum(np.bincount(bins, minlength=20), 1)
        profile = gaussian_filter1d(np.where(np.bincount(bins, minlength=20) > 0, profile, profile.max()), 1.0)
        split = (5 + int(np.argmin(profile[5:18])) + 0.5) / 20

        # Beyond what the picture shows, the nearest colour goes over into the dark.
        far, (row_of, column_of) = distance_transform_edt(~known, return_indices=True)
        spread = cv2.GaussianBlur(colour[row_of, column_of], (0, 0), 0.02 * detail)
        spread += smooth_step(far / detail, 0.0, 0.10)[..., None] * (0.6 * dark - spread)
        colour = np.where(known[..., None], colour, spread)
        upper = 1 - smooth_step((height - split) * (bottom_of - top_of) / detail, -0.012, 0.012)
        cover = np.stack([upper, 1 - upper])[..., None].astype(np.float32)
        layers = np.concatenate([colour * cover, cover], axis=-1).astype(np.float32)
        lip_height = float(lips[list(LOWER_MIDDLE), 1].mean())
        white = colour[known & (brightness >= np.percentile(inside, 90))].mean(0)
        x = LEFT + (across[None, :] + 0.5) / detail - float(lips[list(INNER_RING), 0].mean())
        y = TOP - (np.arange(rows)[:, None] + 0.5) / detail
        tongue, tongue_cover = _tongue(white, lip_height, x, y)
        under = (1 - layers[1][..., 3:]) * tongue_cover[..., None]
        lower = layers[1] + under * np.concatenate([tongue, np.ones((rows, columns, 1))], axis=-1)
        at = int(np.clip(round(float(ring[:, 0].mean())), 0, columns - 1))
        edge_height = TOP - (top_of[at] + split * (bottom_of[at] - top_of[at])) / detail + DARK_UNDER_TEETH
        lit_tongue = white * np.array(LIT_TONGUE, np.float32)
        return cls(
            layers[0], lower.astype(np.float32), dark * 0.8, detail, lip_height, 0.2, float(edge_height), lit_tongue
        )

    @classmethod
    def drawn(cls, rest: np.ndarray, white: np.ndarray, pixels_per_unit: float) -> "Cavity":
        """Draw the inside of a mouth that no picture shows.

        Args:
            rest: (40, 2), the closed lips in mouth space.
            white: (3,), the white of the eyes, which teeth are tinted after.
            pixels_per_unit: of the picture that it is for.
        """
        import cv2

        detail = float(np.clip(1.5 * pixels_per_unit, LEAST_DETAIL, MOST_DETAIL))
        columns, rows = round((RIGHT - LEFT) * detail), round((TOP - BOTTOM) * detail)
        inner = MEDIAPIPE40.inner
        line = float(rest[list(MEDIAPIPE40.inner_middle), 1].mean())
        middle_x = float((rest[inner.left, 0] + rest[inner.right, 0]) / 2)
        x = LEFT + (np.arange(columns) + 0.5)[None, :] / detail - middle_x
        y = TOP - (np.arange(rows) + 0.5)[:, None] / detail
        light = np.clip(white, 90, 235).astype(np.float32)
        tooth = light * np.array([0.98, 0.94, 0.86], np.float32)
        soft = max(0.012, 0.8 / detail)

        edges = np.concatenate([[0], np.cumsum(TEETH_WIDTHS)])
        which = np.clip(np.searchsorted(edges, np.abs(x)) - 1, 0, len(TEETH_WIDTHS) - 1)
        within = (np.abs(x) - edges[which]) / np.array(TEETH_WIDTHS)[which]  # 0 to 1 across a tooth
        tip = line - INCISORS_BELOW_LIP_LINE + ARCH * x**2
        tip = tip + 0.006 * (2 * within - 1) ** 4 + np.where(which == 1, 0.006, 0.0)
        gap = 1 - 0.14 * np.exp(-(((np.minimum(within, 1 - within)) * np.array(TEETH_WIDTHS)[which] / 0.008) ** 2))
        around = np.clip(1 - (x / 0.42) ** 2, 0.12, 1)  # the row of teeth bends back into the dark
        round_tooth = 1 - 0.10 * (2 * within - 1) ** 2
        below_gum = 1 - 0.18 * smooth_step(y - tip, 0.05, 0.16)
        cover = smooth_step(y - tip, -soft, soft) * smooth_step(0.44 - np.abs(x), 0, 0.05)
        upper_colour = tooth * (1.02 * gap * around * round_tooth * below_gum)[..., None]

        lower_colour, tongue_cover = _tongue(light, line, x, y)

        def layer(colour: np.ndarray, covered: np.ndarray) -> np.ndarray:
            stacked = np.concatenate([colour * covered[..., None], covered[..., None]], axis=-1)
            return cv2.GaussianBlur(stacked.astype(np.float32), (0, 0), max(0.3, 0.004 * detail))

        dark = light * np.array([0.27, 0.115, 0.105], np.float32)
        layers = layer(upper_colour, cover), layer(lower_colour, tongue_cover)
        lit_tongue = light * np.array(LIT_TONGUE, np.float32)
        return cls(*layers, dark, detail, line, 0.45, line - INCISORS_BELOW_LIP_LINE, lit_tongue)

    def paint(
        self,
        picture: np.ndarray,
        lips: np.ndarray,
        origin: complex,
        axis: complex,
        strength: float,
        articulators: np.ndarray = NO_ARTICULATORS,
    ) -> None:
        """Paint the inside of the mouth between the lips, into the picture itself.

        Args:
            picture: uint8 (height, width, 3); changed.
            lips: (40, 2), where the lips are, in mouth space.
            origin, axis: the picture's mouth space.
            strength: 1 covers what is there, 0 leaves it.
            articulators: float (5,), see `lips.articulators`: the upper teeth stand on a lower lip that bites, and the
                tongue's tip is seen between or behind the teeth.
        """
        import cv2

        biting, between, up = (float(articulators[at]) for at in (BITING, TONGUE_BETWEEN, TONGUE_UP))

        smooth = smooth_ring(lips[list(INNER_RING)])
        ring = smooth[:, 0] - 1j * smooth[:, 1]
        ring_px = np.stack([(origin + axis * ring).real, (origin + axis * ring).imag], axis=-1)
        limits = np.array([picture.shape[1], picture.shape[0]])
        margin = 3 + round(0.03 * abs(axis))
        low = np.clip(np.floor(ring_px.min(0)).astype(int) - margin, 0, limits)
        high = np.clip(np.ceil(ring_px.max(0)).astype(int) + margin, 0, limits)
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        if min(size) <= 0 or strength <= 0:
            return
        # A ring that is all but shut has no inside, though its line covers some pixels.
        tallest = float(inner_gaps(lips).max())
        strength *= float(smooth_step(tallest * abs(axis), 0.3, 2.0))
        entering = LEAST_LIGHT + (1 - LEAST_LIGHT) * float(smooth_step(tallest, 0.01, 0.10))
        mask = fill_ring(ring_px - low, size)
        if strength <= 0 or not mask.any():
            return
        corner = complex(float(low[0]), float(low[1]))
        lip_height = float(lips[list(LOWER_MIDDLE), 1].mean())
        drop = lip_height - self.lip_height
        teeth_shift = biting * float(np.clip(lip_height - self.edge - 0.01, -MOST_TEETH_SHIFT, 0))
        entering += biting * max(BITE_LIGHT - entering, 0)
        upper, lower = (
            cv2.warpAffine(
                layer,
                _place(axis, origin - corner, self.detail, shift),
                size,
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            for layer, shift in ((self.upper, (0.0, teeth_shift)), (self.lower, (0.0, drop)))
        )
        inside = lower[..., :3] + (1 - lower[..., 3:]) * self.dark
        if up > LEAST_TIP:
            self._put_tip(inside, lips, origin - corner, axis, up * (1 - between), RAISED_HALF_WIDTH, 0.7, 0.65)
        inside = upper[..., :3] + (1 - upper[..., 3:]) * inside
        if between > LEAST_TIP:
            self._put_tip(inside, lips, origin - corner, axis, between, TIP_HALF_WIDTH, TIP_SHARE, 1.0)
        # The lips shade what lies behind them, the upper one most.
        shadow = cv2.GaussianBlur(mask, (0, 0), max(1.0, 0.025 * abs(axis)))
        lit = (1 - self.shade * (1 - BITE_LIGHT * biting) * (1 - smooth_step(shadow, 0.3, 0.95))) * entering
        inside = self.dark + lit[..., None] ** WARMTH * (inside - self.dark)
        cover = cv2.GaussianBlur(mask, (0, 0), max(0.45, 0.004 * abs(axis))) * strength
        place = picture[low[1] : high[1], low[0] : high[0]]
        mixed = place + cover[..., None] * (inside - place)
        place[:] = np.clip(np.round(mixed), 0, 255).astype(np.uint8)

    def _put_tip(
        self,
        inside: np.ndarray,
        lips: np.ndarray,
        origin: complex,
        axis: complex,
        amount: float,
        half_width: float,
        share: float,
        bright: float,
    ) -> None:
        """Paint the tip of a tongue that rises from the lower lip into a picture of the inside, float32; changed.

        `share` is that of the gap which it fills in the middle, `bright` that of the light which falls on it.
        """
        rows, columns = inside.shape[:2]
        place = np.arange(columns)[None, :] + 1j * np.arange(rows)[:, None]
        point = (place - origin) / axis
        x, y = point.real, -point.imag
        inner = MEDIAPIPE40.inner
        top = _heights(x.ravel(), lips[[inner.left, *inner.upper, inner.right]]).reshape(x.shape)
        bottom = _heights(x.ravel(), lips[[inner.left, *inner.lower, inner.right]]).reshape(x.shape)
        beside = (x - float(lips[[inner.left, inner.right], 0].mean())) / half_width
        rounded = np.sqrt(np.maximum(1 - beside**2, 0))
        height = share * rounded * np.maximum(top - bottom, 0)
        soft = max(0.008, 0.7 / abs(axis))
        cover = amount * smooth_step(bottom + height - y, -soft, soft) * smooth_step(rounded, 0.0, 0.3)
        turned_away = smooth_step(bottom + height - y, 0.0, 0.03)  # its upper edge bends back into the shade
        furrow = 1 - 0.15 * np.exp(-((beside * half_width / 0.02) ** 2))
        lit = self.tongue * (bright * (0.7 + 0.3 * turned_away) * furrow)[..., None]
        inside += cover[..., None] * (lit - inside)
