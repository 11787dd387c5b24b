"""Lip parameters: opening, width and height of the mouth."""

from collections.abc import Sequence

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.points import LAYOUTS, layout_of

LIP_PARAMETERS = ("opening", "width", "height")


def measure_lip_parameters(lips: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Measure lip parameters, in mouth-space units, not yet scaled to the speaker.

    Args:
        lips: float (..., points, 2), mouth space.
        names: which ones, out of LIP_PARAMETERS.

    Returns:
        float (..., names).

    Raises:
        InputError: a name that is none of LIP_PARAMETERS.
    """
    measures = {"opening": opening, "width": width, "height": height}
    unknown = [name for name in names if name not in measures]
    if unknown:
        raise InputError(f"lip parameter {unknown[0]!r} is not known; expected some of {', '.join(LIP_PARAMETERS)}")
    return np.stack([measures[name](lips) for name in names], -1) if names else np.zeros((*lips.shape[:-2], 0))


def opening(lips: np.ndarray) -> np.ndarray:
    """Measure the inner-lip height in the middle; (..., points, 2) -> (...), in units."""
    upper, lower = LAYOUTS[layout_of(lips)].inner_middle
    apart: np.ndarray = lips[..., upper, 1] - lips[..., lower, 1]
    return apart


def inner_gaps(lips: np.ndarray) -> np.ndarray:
    """Measure the heights between facing points of the inner lips; (..., points, 2) -> (..., pairs), in units.

    From left to right in the picture, without the corners; negative where upper and lower lip have crossed.
    """
    inner = LAYOUTS[layout_of(lips)].inner
    gaps: np.ndarray = lips[..., inner.upper, 1] - lips[..., inner.lower, 1]
    return gaps


def width(lips: np.ndarray) -> np.ndarray:
    """Measure the mouth width between the outer corners; (..., points, 2) -> (...), in units."""
    left, right = LAYOUTS[layout_of(lips)].corners
    wide: np.ndarray = np.linalg.norm(lips[..., right, :] - lips[..., left, :], axis=-1)
    return wide


def height(lips: np.ndarray) -> np.ndarray:
    """Measure how high the mouth lies in the face, the mean of its points; (..., points, 2) -> (...), in units."""
    mean: np.ndarray = lips[..., 1].mean(-1)
    return mean
