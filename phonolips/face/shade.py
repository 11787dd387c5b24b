"""Light on lips that stand forward: more on the middle of the lower one, a shadow under it, and dark corners."""

import numpy as np

from phonolips.lips.points import MEDIAPIPE40

# Shares of the light that are added or lost where lips are fully forward; small, for the picture has its own light.
HIGHLIGHT, SHADOW, CORNERS = 0.16, 0.14, 0.18
UNDER = 0.05  # units below the lower lip where its shadow is deepest
CORNER_SIZE = 0.06  # units


def shade_protrusion(picture: np.ndarray, lips: np.ndarray, origin: complex, axis: complex, forward: float) -> None:
    """Shade a picture's lips as if they stood forward.

    Args:
        picture: uint8 (height, width, 3); changed.
        lips: (40, 2), where the lips are, mouth space.
        origin, axis: the picture's mouth space.
        forward: 0 to 1.
    """
    outer, inner = MEDIAPIPE40.outer, MEDIAPIPE40.inner
    low, high = lips.min(0) - 0.2, lips.max(0) + 0.1
    corners = [origin + axis * complex(x, -y) for x in (low[0], high[0]) for y in (low[1], high[1])]
    limits = np.array([picture.shape[1], picture.shape[0]])
    first = np.clip(np.floor([min(c.real for c in corners), min(c.imag for c in corners)]).astype(int), 0, limits)
    last = np.clip(np.ceil([max(c.real for c in corners), max(c.imag for c in corners)]).astype(int) + 1, 0, limits)
    if (last <= first).any():
        return
    across, down = np.arange(first[0], last[0]), np.arange(first[1], last[1])
    point = (across[None, :] + 1j * down[:, None] - origin) / axis
    x, y = point.real.astype(np.float32), -point.imag.astype(np.float32)

    def around(place: np.ndarray, wide: float, tall: float) -> np.ndarray:
        blob: np.ndarray = np.exp(-(((x - place[0]) / wide) ** 2) - ((y - place[1]) / tall) ** 2)
        return blob

    lip_bottom, lip_top = lips[outer.lower[4]], lips[inner.lower[4]]
    thick = max(float(lip_top[1] - lip_bottom[1]), 0.02)
    half = float(lips[outer.right, 0] - lips[outer.left, 0]) / 2
    light = HIGHLIGHT * around(0.45 * lip_bottom + 0.55 * lip_top, 0.5 * half, 0.4 * thick)
    light -= SHADOW * around(lip_bottom - (0, UNDER), 0.6 * half, 0.05)
    for corner in (outer.left, outer.right):
        light -= CORNERS * around(lips[corner], CORNER_SIZE, CORNER_SIZE)
    part = picture[first[1] : last[1], first[0] : last[0]]
    part[:] = np.clip(np.rint(part * (1 + np.float32(forward) * light)[..., None]), 0, 255).astype(np.uint8)
