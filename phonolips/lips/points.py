"""Lips: the mouth points, their layouts, and mouth space with its exact inverse.

Mouth space is a similarity transform fixed to the *face*, not to the mouth, so that the drop of the jaw
is kept: x right, y up, the eye line horizontal, 1 unit = the distance between the eye centres, origin at
the neutral (closed) mouth's centre. The transform of every frame is a pair of complex numbers, which
makes the inverse exact: pixel = origin + axis * conj(lip).
"""

import numpy as np

from phonolips.errors import InputError

LIP_LAYOUT = "mediapipe40"
LIP_POINTS = 40


LAYOUTS = {"mediapipe40": 40, "ibug20": 20}  # layout -> number of points

# Indices into mediapipe's face mesh. Rings start at the corner on the left of the picture and run along
# the lower lip to the other corner and back along the upper lip; outer ring first, then inner ring.
MEDIAPIPE_OUTER = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
MEDIAPIPE_INNER = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
MEDIAPIPE_LIPS = MEDIAPIPE_OUTER + MEDIAPIPE_INNER
# What holds mouth space to the face: eye corners (left of the picture, then right), then nose bridge.
MEDIAPIPE_ANCHORS = (33, 133, 362, 263, 168, 6, 197, 195)
OUTER_RING = tuple(range(20))  # positions in the mediapipe40 layout
INNER_RING = tuple(range(20, 40))
# Points 48..67 of the 68-point scheme as positions in mediapipe40: outer ring from the left corner along
# the upper lip (48..54) and back along the lower one (55..59); inner ring likewise (60..64, 65..67).
IBUG20_FROM_MEDIAPIPE40 = (0, 18, 16, 15, 14, 12, 10, 8, 6, 5, 4, 2, 20, 37, 35, 33, 30, 27, 25, 23)
IBUG20_OUTER_RING = tuple(range(12))
IBUG20_INNER_RING = tuple(range(12, 20))
# The middle of the inner contour (upper, lower), and the two outer corners.
INNER_MIDDLE = {"mediapipe40": (35, 25), "ibug20": (14, 18)}
CORNERS = {"mediapipe40": (0, 10), "ibug20": (0, 6)}


def layout_of(lips: np.ndarray) -> str:
    """Name the lip layout of an array (..., points, 2); raise InputError where there is none such."""
    for name, points in LAYOUTS.items():
        if lips.ndim >= 2 and lips.shape[-2:] == (points, 2):
            return name
    raise InputError(f"lips of shape {lips.shape}; expected (frames, 40, 2) or (frames, 20, 2)")


def to_ibug20(lips: np.ndarray) -> np.ndarray:
    """Pick the 20 points 48..67 of the 68-point scheme; (frames, 40, 2) -> (frames, 20, 2)."""
    return lips if layout_of(lips) == "ibug20" else lips[..., IBUG20_FROM_MEDIAPIPE40, :]
