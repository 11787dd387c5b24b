"""The lip points: which layouts there are, and where each point lies on its ring.

`LAYOUTS` is the one table of points and rings. Whatever needs a ring, its corners, the upper or the lower lip, or the
middle of the mouth reads it here; numbers of points and indices stand nowhere else.
"""

from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError


class Ring(NamedTuple):
    """One closed contour of a layout; positions on the points axis of lips.

    Args:
        points: the whole ring, from its left corner on and around the mouth.
        left: the corner on the left of the picture.
        right: the corner on the right of the picture.
        upper: the upper lip between the corners, from left to right.
        lower: the lower lip between the corners, from left to right; below the same place of `upper`.
    """

    points: tuple[int, ...]
    left: int
    right: int
    upper: tuple[int, ...]
    lower: tuple[int, ...]


class LipLayout(NamedTuple):
    """A choice of lip points and their order.

    Args:
        points: how many there are; the outer ring comes first, the inner one after it.
        outer: the outer contour of the lips.
        inner: the inner contour.
        upper_first: whether the rings run from the left corner along the upper lip (True) or the lower one (False).
    """

    points: int
    outer: Ring
    inner: Ring
    upper_first: bool

    @property
    def corners(self) -> tuple[int, int]:
        """The corners of the mouth, left and right in the picture."""
        return self.outer.left, self.outer.right

    @property
    def inner_middle(self) -> tuple[int, int]:
        """The middle of the inner contour, of the upper and of the lower lip."""
        return _middle(self.inner.upper), _middle(self.inner.lower)

    @property
    def upper(self) -> tuple[int, ...]:
        """The upper lip without the corners: outer ring, then inner ring, each from left to right."""
        return self.outer.upper + self.inner.upper

    @property
    def lower(self) -> tuple[int, ...]:
        """The lower lip without the corners: outer ring, then inner ring, each from left to right."""
        return self.outer.lower + self.inner.lower


def _middle(points: tuple[int, ...]) -> int:
    return points[len(points) // 2]


def _ring(first: int, points: int, upper_first: bool) -> Ring:
    """Build the ring of `points` points from position `first`, its left corner, on."""
    half = first + points // 2
    there, back = tuple(range(first + 1, half)), tuple(range(first + points - 1, half, -1))
    upper, lower = (there, back) if upper_first else (back, there)
    return Ring(tuple(range(first, first + points)), first, half, upper, lower)


def _layout(outer: int, inner: int, upper_first: bool) -> LipLayout:
    """Build a layout of an outer ring and, after it, an inner ring of so many points each."""
    return LipLayout(outer + inner, _ring(0, outer, upper_first), _ring(outer, inner, upper_first), upper_first)


MEDIAPIPE40 = _layout(20, 20, upper_first=False)
IBUG20 = _layout(12, 8, upper_first=True)  # points 48..67 of the 68-point scheme
LAYOUTS = {"mediapipe40": MEDIAPIPE40, "ibug20": IBUG20}
LIP_LAYOUT = "mediapipe40"  # the native one
LIP_POINTS = MEDIAPIPE40.points
OUTER_RING, INNER_RING = MEDIAPIPE40.outer.points, MEDIAPIPE40.inner.points  # of the native layout

# Indices into mediapipe's face mesh, in the order of the rings of mediapipe40.
MEDIAPIPE_OUTER = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
MEDIAPIPE_INNER = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
MEDIAPIPE_LIPS = MEDIAPIPE_OUTER + MEDIAPIPE_INNER
# Two rings of lip skin between those two, from outside in, which no layout has.
MEDIAPIPE_LIP_SKIN = (
    (76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 408, 304, 303, 302, 11, 72, 73, 74, 184),
    (62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 407, 272, 271, 268, 12, 38, 41, 42, 183),
)
# What holds mouth space to the face: eye corners (left of the picture, then right), then nose bridge.
MEDIAPIPE_ANCHORS = (33, 133, 362, 263, 168, 6, 197, 195)
# The points of ibug20 as positions in mediapipe40.
IBUG20_FROM_MEDIAPIPE40 = (0, 18, 16, 15, 14, 12, 10, 8, 6, 5, 4, 2, 20, 37, 35, 33, 30, 27, 25, 23)


def layout_of(lips: np.ndarray) -> str:
    """Name the lip layout of an array (..., points, 2); raise InputError where there is none such."""
    for name, layout in LAYOUTS.items():
        if lips.ndim >= 2 and lips.shape[-2:] == (layout.points, 2):
            return name
    raise InputError(f"lips of shape {lips.shape}; expected (frames, 40, 2) or (frames, 20, 2)")


def to_ibug20(lips: np.ndarray) -> np.ndarray:
    """Pick the 20 points 48..67 of the 68-point scheme; (frames, 40, 2) -> (frames, 20, 2)."""
    return lips if layout_of(lips) == "ibug20" else lips[..., IBUG20_FROM_MEDIAPIPE40, :]
