"""Lip parameters: opening, width and height of the mouth."""

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.points import CORNERS, INNER_MIDDLE, layout_of

LIP_PARAMETERS = ("opening", "width", "height")


def measure_lip_parameters(lips: np.ndarray, names: list[str]) -> np.ndarray:
    """Measure gestures of lips float (..., 40, 2), mouth space: float (..., gestures), in units, not yet scaled."""
    curves = {"opening": opening, "width": width, "height": lambda points: points[..., 1].mean(-1)}
    unknown = [name for name in names if name not in curves]
    if unknown:
        raise InputError(f"gestures.names holds {unknown[0]!r}; expected some of {', '.join(LIP_PARAMETERS)}")
    return np.stack([curves[name](lips) for name in names], -1) if names else np.zeros((*lips.shape[:-2], 0))


def opening(lips: np.ndarray) -> np.ndarray:
    """Measure the inner-lip height in the middle; (..., points, 2) -> (...), in units."""
    upper, lower = INNER_MIDDLE[layout_of(lips)]
    return lips[..., upper, 1] - lips[..., lower, 1]


def width(lips: np.ndarray) -> np.ndarray:
    """Measure the mouth width between the outer corners; (..., points, 2) -> (...), in units."""
    left, right = CORNERS[layout_of(lips)]
    return np.linalg.norm(lips[..., right, :] - lips[..., left, :], axis=-1)
