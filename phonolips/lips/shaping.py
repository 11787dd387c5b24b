"""Lips as they are drawn: protruded, bitten, parted for a tongue, or shut to a line, as the articulators say.

The lips of a result stay what they are; whoever draws them calls `shape_lips` on the way to the picture. Every change
is bounded, and as smooth in time as the articulators and the lips are. `show/page/lips.js` does the same in a browser,
with the numbers of `shaping_numbers`.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from phonolips.lips.articulators import BITING, PROTRUSION, TEETH_TOGETHER, TONGUE_BETWEEN, TONGUE_UP
from phonolips.lips.points import LAYOUTS, layout_of

# Mouth-space units (1 = the distance between the eye centres, some 63 mm), where nothing else is said. The mouths at
# rest of 6 GRID speakers are 0.715 to 0.853 wide (mean 0.76, standard deviation 0.05), their corners 0.04 (0.03) above
# the line between the lips; beyond two standard deviations of both it is a smile.
SMILE_WIDTH, SMILE_LIFT = 0.86, 0.09
NARROWING = 0.18  # share of the width at rest by which lips that are fully forward are narrower, at least
FULLER = 0.16  # share of a lip's thickness that is added to it there: its inner side turns outward
SHUT_GAP, OPEN_GAP = 0.012, 0.032  # up to the first the lips are drawn shut (1 mm at most), from the second as they are
# Gaps between lips, in the middle: where teeth are seen in a bite; the least where a tongue or teeth show.
BITE_GAP, TIP_GAP, TONGUE_GAP, TEETH_GAP = 0.05, 0.08, 0.08, 0.045
ROLLED = 0.2  # share of the lower lip's thickness that is rolled in where it is at the teeth
UPPER_SHARE = 0.3  # of a parting that the upper lip does; in a bite it does it all


class Mouth(NamedTuple):
    """A mouth to compare with, in mouth-space units.

    Args:
        width: between the corners, at rest.
        lift: how far the corners are above the line between the lips, at rest.
    """

    width: float
    lift: float

    @classmethod
    def of(cls, rest: np.ndarray) -> "Mouth":
        """Measure a mouth at rest, (points, 2)."""
        layout = LAYOUTS[layout_of(rest)]
        left, right = layout.corners
        line = rest[list(layout.inner_middle), 1].mean()
        return cls(float(rest[right, 0] - rest[left, 0]), float(rest[[left, right], 1].mean() - line))


def upper_lip_above(shape: np.ndarray) -> np.ndarray:
    """Order the points of lips (points, 2), y up, as their layout has them, where their rings run the other way."""
    layout = LAYOUTS[layout_of(shape)]
    order = np.arange(layout.points)
    if shape[list(layout.outer.upper), 1].mean() < shape[list(layout.outer.lower), 1].mean():
        for ring in (layout.outer, layout.inner):
            order[list(ring.points[1:])] = ring.points[:0:-1]
    return order


def shut_share(gap: np.ndarray) -> np.ndarray:
    """Compute how far lips are drawn shut that stand `gap` apart: 1 up to SHUT_GAP, 0 from OPEN_GAP on."""
    share = np.clip((gap - SHUT_GAP) / (OPEN_GAP - SHUT_GAP), 0, 1)
    result: np.ndarray = 1 - share * share * (3 - 2 * share)
    return result


def shape_lips(lips: np.ndarray, articulators: np.ndarray, mouth: Mouth) -> np.ndarray:
    """Move lips as articulators say, for a picture of them.

    - *Protrusion* draws the corners in, to NARROWING of the width at rest if the lips do not do so by themselves, takes
      back what a smile has of width and lift, and makes both lips fuller.
    - *Biting* brings the gap to BITE_GAP: the lower lip rises and is rolled in, the upper one is raised.
    - A *tongue* between or behind the teeth, and *teeth* together, part lips that would hide them.
    - Lips that all but touch are shut.

    Looks at no other frame.

    Args:
        lips: float (frames, points, 2), mouth space, either layout.
        articulators: float (frames, 5), see `lips.articulators`.
        mouth: at rest.

    Returns:
        float64, the same shape.
    """
    layout = LAYOUTS[layout_of(lips)]
    left, right = layout.corners
    result = np.array(lips, np.float64)
    middle = (result[:, left, 0] + result[:, right, 0]) / 2
    half = np.maximum((result[:, right, 0] - result[:, left, 0]) / 2, 1e-6)
    across = np.clip((result[..., 0] - middle[:, None]) / half[:, None], -1, 1)  # -1 and 1 at the corners
    arch = np.sqrt(1 - across**2)
    forward = articulators[:, PROTRUSION].astype(np.float64)

    round_width = (1 - NARROWING) * min(mouth.width, SMILE_WIDTH)
    narrower = 1 - forward * (1 - np.minimum(round_width / (2 * half), 1))
    result[..., 0] = middle[:, None] + (result[..., 0] - middle[:, None]) * narrower[:, None]
    result[..., 1] -= (forward * max(mouth.lift - SMILE_LIFT, 0.0))[:, None] * across**2

    outer, inner = layout.outer, layout.inner
    biting = articulators[:, BITING, None].astype(np.float64)
    for on_outer, on_inner, rolled in ((outer.upper, inner.upper, 0.0), (outer.lower, inner.lower, ROLLED)):
        edge = result[:, (inner.left, *on_inner, inner.right), 1] @ _beside(len(on_outer), len(on_inner)).T
        result[:, on_outer, 1] += (FULLER * forward[:, None] - rolled * biting) * (result[:, on_outer, 1] - edge)

    gaps = result[:, inner.upper, 1] - result[:, inner.lower, 1]
    profile = arch[:, inner.upper]
    bite = biting * (BITE_GAP * profile - gaps)
    wanted = articulators[:, (TONGUE_BETWEEN, TONGUE_UP, TEETH_TOGETHER)] * (TIP_GAP, TONGUE_GAP, TEETH_GAP)
    part = (1 - biting) * np.maximum(wanted.max(1, keepdims=True) * profile - gaps, 0)
    apart = gaps + bite + part
    shut = np.where(apart < 0, apart, apart * shut_share(apart.max(1))[:, None])  # lips that have crossed touch
    raised = np.maximum(bite, 0) + UPPER_SHARE * part - shut / 2
    lowered = np.minimum(bite, 0) + (1 - UPPER_SHARE) * part - shut / 2
    for ring in (inner, outer):
        beside = _beside(len(ring.upper), len(inner.upper))[:, 1:-1].T
        result[:, ring.upper, 1] += raised @ beside
        result[:, ring.lower, 1] -= lowered @ beside
    return result


@functools.cache
def _beside(points: int, inner_points: int) -> np.ndarray:
    """Build the matrix that reads half an inner ring, with its corners, beside `points` points of another ring."""
    knots = np.arange(inner_points + 2) / (inner_points + 1)
    places = np.arange(1, points + 1) / (points + 1)
    return np.stack([np.interp(places, knots, row) for row in np.eye(inner_points + 2)], axis=1)


def shaping_numbers(layout_name: str, mouth: Mouth) -> dict[str, Any]:
    """List all that `show/page/lips.js` needs to shape lips of a layout as `shape_lips` does; plain values for JSON."""
    layout = LAYOUTS[layout_name]
    rings = [
        {"left": ring.left, "right": ring.right, "upper": ring.upper, "lower": ring.lower}
        for ring in (layout.outer, layout.inner)
    ]
    half = len(layout.inner.upper)
    return {
        "outer": rings[0],
        "inner": rings[1],
        "beside": _beside(len(layout.outer.upper), half).tolist(),
        "roundWidth": (1 - NARROWING) * min(mouth.width, SMILE_WIDTH),
        "smileLift": max(mouth.lift - SMILE_LIFT, 0.0),
        "fuller": FULLER,
        "rolled": ROLLED,
        "biteGap": BITE_GAP,
        "leastGaps": {TONGUE_BETWEEN: TIP_GAP, TONGUE_UP: TONGUE_GAP, TEETH_TOGETHER: TEETH_GAP},
        "upperShare": UPPER_SHARE,
        "shutGaps": [SHUT_GAP, OPEN_GAP],
        "protrusion": PROTRUSION,
        "biting": BITING,
    }
