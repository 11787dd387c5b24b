"""A mouth as a triangle mesh whose animated points are linear in the 40 lip points.

The lips are a band between a smooth curve through the outer and one through the inner ring, rounded forward; around
them lies a patch of skin that fades into a still rim, below them hang the lower teeth, which follow the chin. Behind
them, still, are the upper teeth and the dark of the mouth. Depth is made up: lips seen from the front have none.

Units are those of mouth space, x right in the picture, y up, z towards the viewer, as glTF has its axes.
"""

from typing import NamedTuple

import numpy as np

from phonolips.lips.points import MEDIAPIPE40, Ring

SAMPLES = 28  # mesh points from one corner of the mouth to the other
LIP_ROWS = 9  # of mesh points from the outer ring to the inner one
BULGE = 0.07  # units by which the middle of a lip stands forward
INSIDE_DEPTHS = (0.04, 0.09)  # units behind the inner ring where the lips turn inward
SKIN_ROWS = (0.0, 0.1, 0.22, 0.38, 0.57, 0.78, 1.0)  # from the outer ring to the rim
SKIN_WIDTH, SKIN_HEIGHT = 0.85, 0.6  # half the size of the rim, an ellipse, units
SKIN_BELOW = 0.1  # units by which its middle lies under that of the lips: the jaw needs room
ARCH = 0.32  # how fast the face recedes towards the cheeks: depth = ARCH * x^2
CHIN_POINT = MEDIAPIPE40.outer.lower[4]  # the lowest of the outer ring, which the lower teeth follow
CHIN_SHARE = 0.85
TEETH_WIDTH, TEETH_HEIGHT = 0.82, 0.13  # as a share of the lips' inner width; units
UPPER_TEETH_BELOW, LOWER_TEETH_BELOW = 0.028, 0.045  # units below the seam of the lips where their edges are
UPPER_TEETH_DEPTH, LOWER_TEETH_DEPTH = 0.1, 0.12
CAVITY_FRONT, CAVITY_DEPTH = 0.16, 0.34
CAVITY_WIDTH, CAVITY_HEIGHT = 1.25, 0.4  # half its size: as a share of half the mouth, and in units

LIPS, SKIN, TEETH, CAVITY = "lips", "skin", "teeth", "mouth"  # the materials


class Part(NamedTuple):
    """Some triangles of one material.

    Args:
        name: of the part.
        material: LIPS, SKIN, TEETH or CAVITY.
        points: float64 (vertices, 3), the closed mouth.
        follow: float64 (vertices, 40), how much each vertex follows the displacement of each lip point; zeros where
            the part is still.
        triangles: int (triangles, 3), counter-clockwise as seen from the front.
    """

    name: str
    material: str
    points: np.ndarray
    follow: np.ndarray
    triangles: np.ndarray

    def displaced(self, moves: np.ndarray) -> np.ndarray:
        """Move the vertices along with lip points: (..., 40, 2) displacements to (..., vertices, 3) displacements."""
        flat = np.einsum("vp,...pc->...vc", self.follow, moves)
        return np.concatenate([flat, np.zeros_like(flat[..., :1])], axis=-1)


def _natural_spline(knots: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Read the natural cubic spline through values at knots: a matrix (places, knots) that turns values into readings.

    Its second derivatives are 0 at both ends, and between them those that make the first derivative continuous.

    Args:
        knots: float64 (knots,), rising, three at least.
        places: float64 (places,), within the knots.
    """
    count, step = len(knots), np.diff(knots)
    values = np.eye(count)
    bends = np.diff(np.diff(values, axis=0) / step[:, None], axis=0)
    system = np.diag(2 * (step[:-1] + step[1:])) + np.diag(step[1:-1], 1) + np.diag(step[1:-1], -1)
    second = np.zeros((count, count))  # second derivatives at the knots, a column for each value
    second[1:-1] = np.linalg.solve(system, 6 * bends)
    part = np.clip(np.searchsorted(knots, places, side="right") - 1, 0, count - 2)
    width = step[part, None]
    before, after = places[:, None] - knots[part, None], knots[part + 1, None] - places[:, None]
    straight = (after * values[part] + before * values[part + 1]) / width
    bowed = after * (after**2 / width - width) * second[part] + before * (before**2 / width - width) * second[part + 1]
    read: np.ndarray = straight + bowed / 6
    return read


def _ring(rest: np.ndarray, ring: Ring) -> np.ndarray:
    """Build a smooth closed curve through a ring as a matrix (2 * SAMPLES, 40); lower lip first, both corners sharp."""
    matrix = np.zeros((2 * SAMPLES, 40))
    arcs = ((ring.left, *ring.lower, ring.right), (ring.right, *reversed(ring.upper), ring.left))
    for arc, indices in enumerate(arcs):
        knots = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(rest[list(indices)], axis=0), axis=1))])
        places = np.linspace(0, knots[-1], SAMPLES + 1)[:-1]
        curve = _natural_spline(knots, places)
        for column, index in enumerate(indices):
            matrix[arc * SAMPLES : (arc + 1) * SAMPLES, index] += curve[:, column]
    return matrix


def _band(rows: int, columns: int, *, closed: bool) -> np.ndarray:
    """List the triangles between neighbouring rows of vertices, rows from outside in, columns counter-clockwise."""
    triangles = []
    for row in range(rows - 1):
        for column in range(columns if closed else columns - 1):
            after = (column + 1) % columns
            a, b = row * columns + column, row * columns + after
            c, d = a + columns, b + columns
            triangles += [(a, b, d), (a, d, c)]
    return np.array(triangles)


def _receding(x: np.ndarray) -> np.ndarray:
    return -ARCH * x**2


def _teeth(name: str, edge: float, far: float, centre: float, half: float, depth: float, follow: np.ndarray) -> Part:
    """Make a row of teeth: a curved strip between the heights `edge` and `far`."""
    across = np.linspace(-half, half, 25)
    arch = 1 - (across / half) ** 2
    heights = [far + np.zeros_like(across), edge + (far - edge) * 0.35 * (1 - arch)]
    rows = sorted(heights, key=lambda row: float(row.mean()))  # lower row first: counter-clockwise from the front
    points = np.concatenate([np.column_stack([across + centre, row, _receding(across) * 1.6 - depth]) for row in rows])
    return Part(name, TEETH, points, np.tile(follow, (len(points), 1)), _band(2, len(across), closed=False))


def mouth_mesh(rest: np.ndarray) -> tuple[list[Part], list[Part]]:
    """Build the mesh for a closed mouth.

    Args:
        rest: float (40, 2), mouth space.

    Returns:
        the parts that move with the lips (lips, skin, lower teeth) and those that stay (upper teeth, dark).
    """
    outer, inner = _ring(rest, MEDIAPIPE40.outer), _ring(rest, MEDIAPIPE40.inner)
    middle = rest[list(MEDIAPIPE40.inner.points)].mean(0)
    thickness = np.linalg.norm((outer - inner) @ rest, axis=1)
    thickness /= thickness.max()

    shares = np.linspace(0, 1, LIP_ROWS)
    follow = [(1 - share) * outer + share * inner for share in shares]
    forward = [BULGE * np.sin(np.pi * (0.05 + 0.75 * share)) * np.sqrt(thickness) for share in shares]
    for depth in INSIDE_DEPTHS:
        follow.append(inner)
        forward.append(forward[LIP_ROWS - 1] - depth)
    lips = _part("lips", LIPS, rest, follow, forward)

    start = outer @ rest
    angle = np.arctan2((start - middle)[:, 1] / SKIN_HEIGHT, (start - middle)[:, 0] / SKIN_WIDTH)
    rim = middle + np.column_stack([SKIN_WIDTH * np.cos(angle), SKIN_HEIGHT * np.sin(angle) - SKIN_BELOW])
    rows, depths, shifts = [], [], []
    for share in reversed(SKIN_ROWS):
        rows.append((1 - share) ** 2 * outer)
        depths.append(forward[0] * (1 - share) - 0.02 * share)
        shifts.append((1 - share) * start + share * rim - rows[-1] @ rest)
    skin = _part("skin", SKIN, rest, rows, depths, shifts)

    chin = np.zeros(40)
    chin[CHIN_POINT] = CHIN_SHARE
    low_edge, high_edge = middle[1] - LOWER_TEETH_BELOW, middle[1] - UPPER_TEETH_BELOW
    centre = float(middle[0])
    half = TEETH_WIDTH * float(rest[MEDIAPIPE40.inner.right, 0] - rest[MEDIAPIPE40.inner.left, 0]) / 2
    lower = _teeth("lower teeth", low_edge, low_edge - TEETH_HEIGHT, centre, half, LOWER_TEETH_DEPTH, chin)
    upper = _teeth("upper teeth", high_edge, high_edge + TEETH_HEIGHT, centre, half, UPPER_TEETH_DEPTH, np.zeros(40))
    return [lips, skin, lower], [upper, _cavity(rest, middle)]


def _part(
    name: str,
    material: str,
    rest: np.ndarray,
    rows: list[np.ndarray],
    forward: list[np.ndarray],
    shifts: list[np.ndarray] | None = None,
) -> Part:
    """Make a part of closed rows: matrices onto the lip points, depths, and what the points have beside that."""
    follow = np.concatenate(rows)
    flat = follow @ rest
    if shifts is not None:
        flat = flat + np.concatenate(shifts)
    depth = np.concatenate(forward) + _receding(flat[:, 0] - rest[:, 0].mean())
    points = np.column_stack([flat, depth])
    return Part(name, material, points, follow, _band(len(rows), 2 * SAMPLES, closed=True))


def _cavity(rest: np.ndarray, middle: np.ndarray) -> Part:
    """Make the dark bowl behind the lips: half an ellipsoid, open to the front, large enough for any speech."""
    left, right = MEDIAPIPE40.corners
    half = (rest[right, 0] - rest[left, 0]) / 2
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False) - np.pi
    rows = []
    for bend in np.linspace(0, np.pi / 2, 6)[:-1]:
        width, height = CAVITY_WIDTH * half * np.cos(bend), CAVITY_HEIGHT * np.cos(bend)
        depth = -CAVITY_FRONT - CAVITY_DEPTH * np.sin(bend)
        rows.append(
            np.column_stack(
                [
                    middle[0] + width * np.cos(around),
                    middle[1] - 0.14 + height * np.sin(around),
                    depth + _receding(width * np.cos(around)),
                ]
            )
        )
    points = np.concatenate([*rows, [[middle[0], middle[1] - 0.14, -CAVITY_FRONT - CAVITY_DEPTH]]])
    band = _band(len(rows), len(around), closed=True)
    last, tip = (len(rows) - 1) * len(around), len(points) - 1
    fan = np.array([(last + i, last + (i + 1) % len(around), tip) for i in range(len(around))])
    triangles = np.concatenate([band, fan])
    return Part("mouth", CAVITY, points, np.zeros((len(points), 40)), triangles)


def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Average the normals of the triangles around every vertex, by area; float64 (vertices, 3), of length 1."""
    corners = points[triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(points)
    for column in range(3):
        np.add.at(normals, triangles[:, column], faces)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(lengths > 1e-12, normals / np.maximum(lengths, 1e-12), [[0.0, 0.0, 1.0]])
