"""Smooth closed curves through the points of the lips."""

import numpy as np

from phonolips.lips.points import LAYOUTS, layout_of
from phonolips.show.shading import curve_heights

POINTS_PER_SPAN = 6  # drawn points between two neighbours of a ring


def smoothing(ring: np.ndarray) -> np.ndarray:
    """Build the closed centripetal Catmull-Rom curve as a matrix (points * POINTS_PER_SPAN, points).

    The knots come from `ring` (points, 2), such as a clip's mean; the matrix then serves every frame.
    Source: Yuksel, Schaefer and Keyser, "Parameterization and applications of Catmull-Rom curves", 2011.
    """
    points = len(ring)
    after = np.roll(np.eye(points), -1, axis=0)  # after @ ring is the next point of each
    spans = np.sqrt(np.linalg.norm(after @ ring - ring, axis=-1))[:, None]
    spans = np.maximum(spans, max(0.05 * float(spans.max()), 1e-9))
    spans_before = after.T @ spans
    slope = (after - np.eye(points)) / spans
    tangent = ((after.T @ slope) * spans + slope * spans_before) / (spans_before + spans)
    part = (np.arange(POINTS_PER_SPAN) / POINTS_PER_SPAN)[:, None]
    curve = (
        (2 * part**3 - 3 * part**2 + 1) * np.eye(points)[:, None]
        + (part**3 - 2 * part**2 + part) * (tangent * spans)[:, None]
        + (3 * part**2 - 2 * part**3) * after[:, None]
        + (part**3 - part**2) * (after @ tangent * spans)[:, None]
    )
    matrix: np.ndarray = curve.reshape(-1, points)
    return matrix


class LipCurves:
    """Smooth curves through the rings of one layout, always from the left corner on, upper lip first.

    `outer_corner` and `inner_corner` are the positions of the right corners in the curves.
    """

    def __init__(self, shape: np.ndarray) -> None:
        """Take knots and order from `shape` (points, 2), y up, such as the mean of a clip."""
        layout = LAYOUTS[layout_of(shape)]
        self._outer_points = len(layout.outer.points)
        outer, inner = self._outer_points // 2, len(layout.inner.points) // 2
        self._backwards = bool(shape[1:outer, 1].mean() < shape[outer + 1 : 2 * outer, 1].mean())
        self._smooth_outer = smoothing(shape[: self._outer_points])
        self._smooth_inner = smoothing(shape[self._outer_points :])
        self.outer_corner, self.inner_corner = outer * POINTS_PER_SPAN, inner * POINTS_PER_SPAN

    def rings(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw both rings; (points, 2) -> two closed curves (drawn points + 1, 2)."""
        order = slice(None, None, -1) if self._backwards else slice(None)
        outer = self._smooth_outer @ points[: self._outer_points]
        inner = self._smooth_inner @ points[self._outer_points :]
        return np.concatenate([outer, outer[:1]])[order], np.concatenate([inner, inner[:1]])[order]


class Geometry:
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
