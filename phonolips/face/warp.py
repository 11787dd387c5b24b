"""Move a pictured mouth: a triangle mesh over the lower face, how its skin follows the lips, and the warp.

The mesh is mediapipe's, with a rim of fixed points around the face. The lip points go where the lips are; chin and
jaw follow the lower lip in the proportions JAW_SHARES; skin in between follows both by interpolation; all from the
base of the nose upwards, and the rim, stay where they are. So the warp ends without a seam.
"""

import functools
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from phonolips.face.mesh import MESH_POINTS
from phonolips.lips.points import (
    INNER_RING,
    MEDIAPIPE40,
    MEDIAPIPE_INNER,
    MEDIAPIPE_LIP_SKIN,
    MEDIAPIPE_LIPS,
    MEDIAPIPE_OUTER,
    OUTER_RING,
)

LIP_SKIN_SHARES = (1 / 3, 2 / 3)  # how far in the rings of MEDIAPIPE_LIP_SKIN lie
NO_TRIANGLES = {(49, 64, 129), (279, 294, 358)}  # three edges around a nostril, with a point between them
NOSE_TIP, NOSE_BASE, CHEEKS, EYE_CORNERS = 1, 2, (234, 454), (33, 263)
# How far points of chin and jaw move down with the middle of the outer lower lip, as a share of its way: least
# squares over 10 GRID clips of 6 speakers (r .94 below the lip, .77 at the chin, .6 at the jaw's sides), the
# two sides averaged, and led to zero where the jaw's line passes the height of the mouth.
JAW_SHARES = {
    18: 0.74, 200: 0.60, 199: 0.49, 175: 0.46, 152: 0.43,
    148: 0.41, 377: 0.41, 176: 0.35, 400: 0.35, 149: 0.29, 378: 0.29, 150: 0.25, 379: 0.25,
    194: 0.45, 418: 0.45, 204: 0.35, 424: 0.35,
    136: 0.22, 365: 0.22, 172: 0.15, 397: 0.15, 58: 0.06, 288: 0.06,
}  # fmt: skip
LOWER_LIP_MIDDLE = MEDIAPIPE40.outer.lower[3:6]
RIM_DISTANCE = 0.35  # of the way from the nose's tip to the face's outline, outside of it
STILL_PX = 0.02  # a mesh that moves less than this everywhere is left as it is
FINE = 5  # binary digits after the point of the coordinates that are drawn


def face_outline() -> tuple[int, ...]:
    """Name the 36 mesh points around the face, in order."""
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_FACE_OVAL

    after = dict(FACEMESH_FACE_OVAL)
    outline = [min(after)]
    while after[outline[-1]] != outline[0]:
        outline.append(after[outline[-1]])
    return tuple(outline)


@functools.cache
def triangles() -> np.ndarray:
    """List the triangles: the open mouth's first, then rim and skin, the lips' last; int64 (triangles, 3).

    Points from MESH_POINTS on are the rim's, in the order of `face_outline`.
    """
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    neighbours: dict[int, set[int]] = {}
    for a, b in FACEMESH_TESSELATION:
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
    skin = {
        tuple(sorted((a, b, c))) for a, others in neighbours.items() for b in others for c in others & neighbours[b]
    }
    skin -= NO_TRIANGLES
    inner = MEDIAPIPE40.inner
    lower, upper = (tuple(MEDIAPIPE_LIPS[point] for point in half) for half in (inner.lower, inner.upper))
    mouth = [(MEDIAPIPE_LIPS[inner.left], lower[0], upper[0]), (MEDIAPIPE_LIPS[inner.right], lower[-1], upper[-1])]
    for (low, next_low), (up, next_up) in zip(pairwise(lower), pairwise(upper), strict=True):
        mouth += [(low, next_low, up), (next_low, next_up, up)]
    outline = face_outline()
    rim = []
    for at, point in enumerate(outline):
        after = (at + 1) % len(outline)
        rim += [(point, outline[after], MESH_POINTS + at), (outline[after], MESH_POINTS + after, MESH_POINTS + at)]
    lips = set(MEDIAPIPE_LIPS).union(*MEDIAPIPE_LIP_SKIN)
    ordered = sorted(skin, key=lambda corners: (len(lips.intersection(corners)) == 3, corners))
    return np.array([*mouth, *rim, *ordered])


def add_rim(points_px: np.ndarray) -> np.ndarray:
    """Put a rim of points around a face; (478, 2) -> (514, 2)."""
    outline = points_px[list(face_outline())]
    return np.concatenate([points_px, outline + RIM_DISTANCE * (outline - points_px[NOSE_TIP])])


@dataclass(frozen=True)
class Skin:
    """How every point of a face's mesh moves when its lips do.

    Args:
        follow: float64 (514, 40, 2), the share of every lip point's way, across and up, that a point goes.
    """

    follow: np.ndarray

    @classmethod
    def fit(cls, shape: np.ndarray) -> "Skin":
        """Work out how the skin of one face follows.

        Args:
            shape: (478, 2), the face's mean shape in mouth space.
        """
        from scipy.interpolate import RBFInterpolator

        shape = add_rim(np.asarray(shape, np.float64))
        height = shape[:, 1]
        iris = np.arange(MESH_POINTS - 10, MESH_POINTS)
        fixed = np.flatnonzero(height >= height[NOSE_BASE])
        fixed = np.union1d(fixed, np.arange(MESH_POINTS, len(shape)))
        lips = [*MEDIAPIPE_LIPS, *MEDIAPIPE_LIP_SKIN[0], *MEDIAPIPE_LIP_SKIN[1]]
        jaw = [point for point in JAW_SHARES if point not in fixed]
        given = [*MEDIAPIPE_OUTER, *jaw, *fixed[~np.isin(fixed, iris)]]
        free = np.setdiff1d(np.arange(len(shape)), [*given, *lips, *iris])

        follow = np.zeros((len(shape), len(MEDIAPIPE_LIPS), 2))
        follow[list(MEDIAPIPE_LIPS), range(len(MEDIAPIPE_LIPS))] = 1
        for point in jaw:
            follow[point, list(LOWER_LIP_MIDDLE), 1] = JAW_SHARES[point] / len(LOWER_LIP_MIDDLE)
        for ring, share in zip(MEDIAPIPE_LIP_SKIN, LIP_SKIN_SHARES, strict=True):
            follow[list(ring), OUTER_RING] = 1 - share
            follow[list(ring), INNER_RING] = share
        values = follow[given].reshape(len(given), -1)
        follow[free] = RBFInterpolator(shape[given], values, kernel="linear")(shape[free]).reshape(len(free), -1, 2)
        return cls(follow)

    def move(self, points_px: np.ndarray, by: np.ndarray, axis: complex) -> np.ndarray:
        """Move a face's points with its lips.

        Args:
            points_px: (514, 2), the face in the picture, with its rim.
            by: (40, 2), how far the lips move, mouth-space units, y up.
            axis: the pixels that one unit to the right spans (see `MouthSpace`).

        Returns:
            float64 (514, 2), pixels.
        """
        moved = np.einsum("plc,lc->pc", self.follow, by)
        turned = axis * (moved[:, 0] - 1j * moved[:, 1])
        target_px: np.ndarray = points_px + np.stack([turned.real, turned.imag], axis=-1)
        return target_px


def open_into_lips(points_px: np.ndarray, share: float) -> np.ndarray:
    """Move the inner lip line of a mesh into the lips, by a share of their thickness; (points, 2), pixels."""
    result = points_px.copy()
    for ring in (MEDIAPIPE_INNER, MEDIAPIPE_LIP_SKIN[1]):
        inner, outer = list(ring), list(MEDIAPIPE_OUTER)
        result[inner] += share * (points_px[outer] - points_px[inner])
    return result


def warp(picture: np.ndarray, source_px: np.ndarray, target_px: np.ndarray, thinnest_px: float = 0.0) -> np.ndarray:
    """Carry a picture's mesh to other places, piecewise affine; outside of it nothing changes.

    Args:
        picture: uint8 (height, width, 3).
        source_px: (514, 2), where the points of `triangles` are in the picture.
        target_px: (514, 2), where they shall be.
        thinnest_px: a triangle that becomes thinner is left to its neighbours: drawn with its edges, it would show what
            lies far beyond it, such as a dark dot beside the mouth.

    Returns:
        a new picture.
    """
    import cv2

    result = picture.copy()
    corners = triangles()
    moving = np.abs(target_px - source_px).max(1) > STILL_PX
    corners = corners[moving[corners].any(1)]
    if not len(corners):
        return result
    onto = np.concatenate([target_px[corners], np.ones((len(corners), 3, 1))], axis=-1)
    twice_area = np.abs(np.linalg.det(onto))
    flat = twice_area < 1e-6
    if thinnest_px:
        longest = np.linalg.norm(onto[..., :2] - np.roll(onto[..., :2], 1, axis=1), axis=-1).max(1)
        flat |= twice_area < thinnest_px * longest
    corners, onto = corners[~flat], onto[~flat]
    # Each triangle's map from result to source: [x y 1] @ affine.
    affine = np.linalg.solve(onto, source_px[corners]).astype(np.float32)

    used = onto[..., :2].reshape(-1, 2)
    size = np.array([picture.shape[1], picture.shape[0]])
    low = np.clip(np.floor(used.min(0)).astype(int) - 1, 0, size)
    high = np.clip(np.ceil(used.max(0)).astype(int) + 2, 0, size)
    wide, tall = high - low
    if wide <= 0 or tall <= 0:
        return result
    owner = np.full((tall, wide), len(corners), np.int32)
    polygons = np.round((onto[..., :2] - low) * (1 << FINE)).astype(np.int32)
    for index, polygon in enumerate(polygons):
        cv2.fillConvexPoly(owner, polygon, index, shift=FINE)
    still = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    at = np.concatenate([affine, still[None]])[owner]
    x = np.arange(low[0], high[0], dtype=np.float32)[None, :, None]
    y = np.arange(low[1], high[1], dtype=np.float32)[:, None, None]
    place = at[..., 0, :] * x + at[..., 1, :] * y + at[..., 2, :]
    across, down = np.ascontiguousarray(place[..., 0]), np.ascontiguousarray(place[..., 1])
    part = cv2.remap(picture, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    result[low[1] : high[1], low[0] : high[0]] = part
    return result


def frontality(points_px: np.ndarray) -> np.ndarray:
    """Measure how far a face looks at the camera: 1 from the front, 0 in profile; (..., 478, 2) -> (...).

    It is the nearer of the two distances, along the eye line, between the nose's tip and the face's edges, as a
    share of the farther one.
    """
    used = points_px[..., [*EYE_CORNERS, CHEEKS[0], NOSE_TIP, CHEEKS[1]], :].astype(np.float64)
    points = used[..., 0] + 1j * used[..., 1]
    line = points[..., 1] - points[..., 0]
    left, nose, right = ((points[..., at] / line).real for at in (2, 3, 4))
    before, after = nose - left, right - nose
    share: np.ndarray = np.clip(np.minimum(before, after) / np.maximum(np.maximum(before, after), 1e-9), 0, 1)
    return share
