"""What is seen between drawn lips, as tones: the dark, the tongue, and both rows of teeth."""

from typing import NamedTuple

import numpy as np

from phonolips.lips.articulators import ARTICULATORS, BITING, TEETH_TOGETHER, TONGUE_BETWEEN, TONGUE_UP
from phonolips.show.outline import Geometry
from phonolips.show.shading import bump

# Lengths in mouth-space units (1 = the distance between the eye centres, about 63 mm).
TEETH_SAG = 0.05  # by which they are shorter at the corners of the mouth
TOOTH_EDGES = (0.0, 0.125, 0.225, 0.335, 0.44)  # from the middle: incisors, canine, first premolar
TOOTH_GAP = 0.007
LOWER_TEETH_FROM = 0.13  # mouths less open than this show no lower teeth, unless both rows are together
TONGUE_FROM = 0.06  # and less open than this, no tongue, unless its tip is at the teeth
TIP_HALF_WIDTH = 0.17  # of the tongue's tip between the teeth
TIP_SHARE = 0.62  # of the gap between the lips, from below, that it fills there; the upper teeth have the rest
RAISED_HALF_WIDTH = 0.24  # of the tip behind the upper teeth
LEAST_SHOWN = 0.02  # of an articulator; less is not drawn
MEETING = 0.005  # the dark line between teeth that are together
NO_ARTICULATORS = np.zeros(len(ARTICULATORS), np.float32)


class Inside(NamedTuple):
    """Tones (rows, columns), 0 to 1: of dark and tongue, of the teeth, and what of it the teeth cover."""

    tone: np.ndarray
    teeth: np.ndarray
    cover: np.ndarray


def inside_tones(shape: Geometry, y: np.ndarray, teeth_y: float, scale_px: float, articulators: np.ndarray) -> Inside:
    """Shade the inside of a mouth.

    Args:
        shape: where its lips are, pixels.
        y: float32 (rows, 1), where the rows are, pixels.
        teeth_y: where its upper teeth end.
        scale_px: pixels of one mouth-space unit.
        articulators: float (5,), see `lips.articulators`; NO_ARTICULATORS where they are not known.
    """
    scale = np.float32(scale_px)
    opening = shape.opening / scale_px
    half = max((shape.right - shape.left) / 2, 1.0)
    centre = (shape.left + shape.right) / 2
    across = (shape.x - centre) / half
    sideways = np.abs(shape.x - centre) / scale
    biting, together = float(articulators[BITING]), float(articulators[TEETH_TOGETHER])
    between, up = float(articulators[TONGUE_BETWEEN]), float(articulators[TONGUE_UP])
    gap = shape.inner_bottom - shape.inner_top

    # The upper teeth: rounded at their corners; above the lower lip, but for a bite, in which they stand on it, and
    # higher where the tongue's tip lies under them.
    edge = teeth_y - TEETH_SAG * scale * across**2
    nearest = np.abs(sideways[:, None] - np.array(TOOTH_EDGES, dtype=np.float32)).min(1)
    edge -= 0.007 * scale * bump(nearest / 0.03)
    edge = np.minimum(edge, shape.inner_bottom - 0.02 * scale)
    edge += biting * (shape.inner_bottom + 0.01 * scale - edge)
    edge += between * (np.minimum(edge, shape.inner_top + (1 - TIP_SHARE) * gap) - edge)
    edge += up * (np.minimum(edge, shape.inner_top + 0.5 * gap) - edge)

    tongue_height = float(np.clip(0.62 * (opening - TONGUE_FROM), 0, 0.22)) * scale_px * (1 - biting)
    tongue_top = shape.inner_bottom.max(initial=0) - tongue_height * (1 - 0.55 * across**2)
    into = (y - tongue_top) / (0.055 * scale)
    tongue = np.clip(into, 0, 1) if tongue_height > 0.5 else np.zeros_like(into)
    groove = 0.20 * bump(sideways / 0.03)
    light = 0.78 - groove - 0.35 * across**2
    tone = 0.16 + 0.10 * np.clip((y - shape.inner_top) / (0.2 * scale), 0, 1) + tongue * (light - 0.2)
    tip = np.zeros((1, 1), np.float32)
    # Behind the teeth the tip is in their shadow and its underside is seen; between them it is in full light.
    for amount, wide, bright in ((up, RAISED_HALF_WIDTH, 0.8), (between, TIP_HALF_WIDTH, 1.0)):
        if amount < LEAST_SHOWN:
            continue
        rounded = np.sqrt(np.maximum(1 - (sideways / np.float32(wide)) ** 2, 0))
        top = shape.inner_bottom - rounded * (shape.inner_bottom - edge)
        shown = amount * np.clip((y - top) / max(0.01 * scale_px, 1.0) + 0.5, 0, 1) * np.clip(rounded * 6, 0, 1)
        low = bump((shape.inner_bottom - y) / (0.016 * scale))  # its own shadow on the lower lip
        lit = bright - 0.10 * bump(sideways / 0.02) - 0.25 * bump((y - top) / (0.015 * scale)) - 0.3 * low
        tone += shown * (lit - tone)
        tip = np.maximum(tip, shown)

    gaps = bump(nearest / max(TOOTH_GAP, 0.9 / scale_px))
    sides = 1 - 0.50 * np.clip(np.abs(across), 0, 1.2) ** 2.5
    depth = (y - shape.inner_top) / scale
    lip_shadow = 0.55 + 0.45 * np.clip(depth / 0.06, 0, 1)
    lip_shadow += biting * np.maximum(0.85 - lip_shadow, 0)
    narrow = float(np.clip(half / scale_px / 0.25, 0.6, 1))
    bright_teeth = sides * (1 - 0.22 * gaps) * narrow
    teeth = lip_shadow * bright_teeth
    cover = np.clip(edge - y + 0.5, 0, 1)

    rise = float(np.clip(0.45 * (opening - LOWER_TEETH_FROM), 0, 0.06)) * scale_px * (1 - biting)
    if rise > 0.5 or together >= LEAST_SHOWN:
        lower_edge = shape.inner_bottom.max(initial=0) - rise * (1.0 - 0.3 * across**2)
        lower_edge = lower_edge + together * (np.minimum(edge + MEETING * scale, lower_edge) - lower_edge)
        lower_cover = np.clip(y - lower_edge + 0.5, 0, 1) * np.clip(1.6 - 2 * np.abs(across), 0, 1)
        lower_cover = lower_cover * (1 - tip)
        teeth = np.where(lower_cover > cover, 0.72 * bright_teeth, teeth)
        cover = np.maximum(cover, lower_cover)
    return Inside(tone, teeth, cover)
