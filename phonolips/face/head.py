"""A still head that moves a little: the picture is bent around the face, and stays where it is at its edges."""

import numpy as np

from phonolips.face.warp import NOSE_TIP, face_outline

CHIN = 152
# Elliptical distance from the face's middle, 1 at its outline: up to the first all goes along (hair), from the second
# on nothing moves.
WITH_FACE, STILL = 1.25, 2.4
NECK = 0.9  # heights of the face's half below the chin where body begins, which stays
STEP = 8  # pixels between the points at which the movement is worked out
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
        rows, columns = (-(-side // STEP) + 1 for side in (size[1], size[0]))
        across, down = np.meshgrid(
            np.arange(columns, dtype=np.float32) * STEP, np.arange(rows, dtype=np.float32) * STEP
        )
        place = (across + 1j * down) / turned - middle
        weight = 1 - smooth_step(np.hypot(place.real / wide, place.imag / tall), WITH_FACE, STILL)
        chin = complex(*points_px[CHIN]) / turned - middle
        weight = weight * (1 - smooth_step(place.imag, chin.imag, chin.imag + NECK * tall))
        edge = np.minimum(np.minimum(across, size[0] - 1 - across), np.minimum(down, size[1] - 1 - down))
        self._weight = (weight * smooth_step(edge, 0, EDGE * min(size))).astype(np.float32)
        nose = complex(*points_px[NOSE_TIP]) / turned - middle
        near = np.maximum(1 - np.hypot((place.real - nose.real) / wide, (place.imag - nose.imag) / tall) ** 2, 0)
        self._near = (near * self._weight).astype(np.float32)
        pivot = (middle + chin + 0.5j * tall) * turned
        self._from_pivot = across - np.float32(pivot.real), down - np.float32(pivot.imag)
        self._axis = axis
        moving = [np.flatnonzero(self._weight.any(way)) for way in (1, 0)]
        low = [max((each[0] - 1) * STEP, 0) if len(each) else 0 for each in moving]
        high = [
            min((each[-1] + 2) * STEP, side) if len(each) else 0 for each, side in zip(moving, size[::-1], strict=True)
        ]
        self._part = slice(low[0], high[0]), slice(low[1], high[1])
        self._x = np.arange(low[1], high[1], dtype=np.float32)[None, :]
        self._y = np.arange(low[0], high[0], dtype=np.float32)[:, None]

    def bend(self, picture: np.ndarray, curves: np.ndarray) -> np.ndarray:
        """Move the head of a picture, uint8 (height, width, 3), by one row of `head_curves`; a new picture."""
        import cv2

        if not np.abs(curves).max() > 0 or not self._x.size or not self._y.size:
            return picture
        roll, turn, right, up = (float(value) for value in curves)
        angle = np.float32(-np.radians(roll))  # y is down
        shift, turning = self._axis * complex(right, -up), self._axis * turn
        from_x, from_y = self._from_pivot
        by = np.stack(
            [
                self._weight * (np.float32(shift.real) - angle * from_y) + np.float32(turning.real) * self._near,
                self._weight * (np.float32(shift.imag) + angle * from_x) + np.float32(turning.imag) * self._near,
            ],
            axis=-1,
        )
        # The field is soft: it is read between its points, whose first stands on the first pixel.
        fine = np.array([[1 / STEP, 0, self._part[1].start / STEP], [0, 1 / STEP, self._part[0].start / STEP]])
        size = (self._x.size, self._y.size)
        read = cv2.warpAffine(by, fine, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        result = picture.copy()
        result[self._part] = cv2.remap(
            picture, self._x - read[..., 0], self._y - read[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return result
