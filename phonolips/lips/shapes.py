"""Carry lips over to another mouth: the movement is kept, the shape at rest is the other's."""

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.measures import opening, width
from phonolips.lips.motion import uncross
from phonolips.lips.points import INNER_RING, OUTER_RING, layout_of

LOWER_LIP_SHARE = 0.75  # of an opening; the mean of 6 GRID speakers (0.39 to 0.95), the upper lip does the rest
LEAST_OPEN_SHARE = 0.2  # of a clip's frames; they show the mouth at rest, as in `neutral_centre`
WIDTH_RATIOS = (0.75, 1.33)  # limits of how much sideways movement is scaled


def close_lips(lips: np.ndarray) -> np.ndarray:
    """Shut a mouth: the lips keep their thickness, the lower one comes up most of the way.

    Args:
        lips: float (..., 40, 2), mouth space, layout mediapipe40.

    Returns:
        the same shape; upper and lower inner lip touch.
    """
    result = np.array(lips, np.float64)
    inner, outer = INNER_RING, OUTER_RING
    gap = lips[..., inner[:10:-1], 1] - lips[..., inner[1:10], 1]
    for ring in (inner, outer):
        result[..., ring[1:10], 1] += LOWER_LIP_SHARE * gap
        result[..., ring[:10:-1], 1] -= (1 - LOWER_LIP_SHARE) * gap
    return result


def rest_lips(lips: np.ndarray) -> np.ndarray:
    """Find the shut mouth of a clip: the median over its least open fifth, closed where it is not quite shut.

    Args:
        lips: float (frames, 40, 2), mouth space, a frame at least.

    Returns:
        float64 (40, 2).

    Raises:
        InputError: lips in another layout, or values that are not finite.
    """
    if layout_of(lips) != "mediapipe40" or lips.ndim != 3 or not len(lips):
        raise InputError(f"lips of shape {lips.shape}; a face needs (frames, 40, 2), the layout mediapipe40")
    if not np.isfinite(lips).all():
        raise InputError("lips hold values that are not finite; fill the missing frames first")
    openings = opening(lips)
    least_open = lips[openings <= np.quantile(openings, LEAST_OPEN_SHARE)]
    return close_lips(np.median(least_open, axis=0))


def transfer(lips: np.ndarray, rest: np.ndarray, own_rest: np.ndarray | None = None) -> np.ndarray:
    """Give lips to another mouth: its lips at rest, and the movement of the given ones.

    Openings stay as they are, so what is shut stays shut. Sideways movement is scaled by the widths of the two
    mouths. Where both rest alike, as with lips that were synthesised in that person's own shape, nothing changes.

    Args:
        lips: float (frames, 40, 2), mouth space.
        rest: (40, 2), the other mouth at rest, as `rest_lips` finds it.
        own_rest: (40, 2), the mouth at rest that `lips` belong to; found by `rest_lips` unless given.

    Returns:
        float64 (frames, 40, 2); inner lips never cross.

    Raises:
        InputError: as for `rest_lips`.
    """
    found = rest_lips(lips)
    start = found if own_rest is None else np.asarray(own_rest, np.float64)
    scale = np.clip(width(rest) / max(float(width(start)), 1e-6), *WIDTH_RATIOS)
    return uncross(rest + (lips - start) * (scale, 1.0))
