"""A still head that moves a little: the picture is bent around the face, and stays where it is at its edges."""

import numpy as np

from phonolips.face.warp import NOSE_TIP, face_outline

CHIN = 152
# Elliptical distance from the face's middle, 1 at its outline: up to the first all goes along (hair), from the second
# on nothing moves.
WITH_FACE, STILL = 1.25, 2.4
NECK = 0.9  # heights of the face's half below the chin where body begins, which stays
EDGE = 0.12  # share of the picture's shorter side, along its edges, in which movement dies away


class HeadBend:
    """Bend one picture as its head moves; see `lips.idle.head_curves`."""

    def __init__(self, points_px: np.ndarray, axis: complex, size: tuple[int, int]) -> None:
        """Take the face's mesh (478, 2), pixels; the pixels of one unit to the right; width and height in pixels."""
        from phonolips.face.cavity import smooth_step

        outline = points_px[list(face_outline())].astype(np.float64)
        turned = axis / abs(axis)
        flat = (outline[:, 0] + 1j * outline[:, 1]) / turned
        middle = complex((flat.real.min() + flat.real.max()) / 2, (flat.imag.min() + flat.imag.max()) / 2)
        wide, tall = np.ptp(flat.real) / 2, np.ptp(flat.imag) / 2
        across, down = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
        place = (across + 1j * down) / turned - middle
        distance = np.hypot(place.real / wide, place.imag / tall)
        weight = 1 - smooth_step(distance, WITH_FACE, STILL)
        chin = complex(*points_px[CHIN]) / turned - middle
        weight = weight * (1 - smooth_step(place.imag, chin.imag, chin.imag + NECK * tall))
        edge = np.minimum(np.minimum(across, size[0] - 1 - across), np.minimum(down, size[1] - 1 - down))
        weight = weight * smooth_step(edge, 0, EDGE * min(size))
        nose = complex(*points_px[NOSE_TIP]) / turned - middle
        near = np.maximum(1 - np.hypot((place.real - nose.real) / wide, (place.imag - nose.imag) / tall) ** 2, 0)
        rows, columns = np.flatnonzero(weight.any(1)), np.flatnonzero(weight.any(0))
        self._part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else None
        if self._part is None:
            return
        self._x, self._y = across[self._part], down[self._part]
        self._weight = weight[self._part].astype(np.float32)
        self._near = (near * weight)[self._part].astype(np.float32)
        pivot = (middle + chin + 0.5j * tall) * turned
        self._from_pivot_x, self._from_pivot_y = self._x - np.float32(pivot.real), self._y - np.float32(pivot.imag)
        self._axis = axis

    def bend(self, picture: np.ndarray, curves: np.ndarray) -> np.ndarray:
        """Move the head of a picture, uint8 (height, width, 3), by one row of `head_curves`; a new picture."""
        import cv2

        if self._part is None or not np.abs(curves).max() > 0:
            return picture
        roll, turn, right, up = (float(value) for value in curves)
        angle = np.float32(-np.radians(roll))  # y is down
        shift, turning = self._axis * complex(right, -up), self._axis * turn
        by_x = (
            self._weight * (np.float32(shift.real) - angle * self._from_pivot_y) + np.float32(turning.real) * self._near
        )
        by_y = (
            self._weight * (np.float32(shift.imag) + angle * self._from_pivot_x) + np.float32(turning.imag) * self._near
        )
        result = picture.copy()
        result[self._part] = cv2.remap(
            picture, self._x - by_x, self._y - by_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return result
