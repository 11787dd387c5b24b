"""Mouth space, with its exact inverse.

A similarity transform fixed to the *face*, not to the mouth, so that the drop of the jaw is kept: x right, y up, the
eye line horizontal, 1 unit = the distance between the eye centres, origin at the neutral (closed) mouth's centre. The
transform of every frame is a pair of complex numbers, which makes the inverse exact: pixel = origin + axis * conj(lip).
"""

from dataclasses import dataclass

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.smoothing import smooth_gaussian


def mean_centre(lips: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Average the mouth's centre over the detected frames of lips (frames, points, 2): float64 (2,), x and y."""
    centre: np.ndarray = lips[detected].mean((0, 1), dtype=np.float64)
    return centre


SMOOTHING_SECONDS = 0.08  # standard deviation of the Gaussian that smooths the face's motion
LEAST_DETECTED_SHARE = 0.5  # a clip with fewer found faces is refused


def _to_complex(points: np.ndarray) -> np.ndarray:
    return np.asarray(points[..., 0] + 1j * points[..., 1], dtype=np.complex128)


def _from_complex(values: np.ndarray) -> np.ndarray:
    return np.stack([values.real, values.imag], axis=-1)


@dataclass(frozen=True)
class MouthSpace:
    """The similarity transform between pixels and mouth space, one for every frame of a clip.

    Args:
        origin: complex128 (frames,), the pixel (x + iy, y down) where mouth space has its origin.
        axis: complex128 (frames,), the pixels that one unit to the right spans; its size is the distance
            between the eye centres in pixels, its angle the tilt of the eye line.
    """

    origin: np.ndarray
    axis: np.ndarray

    def forward(self, points_px: np.ndarray) -> np.ndarray:
        """Map pixels (frames, points, 2), y down, to mouth space, y up, float64."""
        relative = (_to_complex(points_px) - self.origin[:, None]) / self.axis[:, None]
        return _from_complex(relative.conj())

    def inverse(self, lips: np.ndarray) -> np.ndarray:
        """Map mouth space (frames, points, 2) back to pixels, y down, float64; undoes `forward` exactly."""
        return _from_complex(self.origin[:, None] + self.axis[:, None] * _to_complex(lips).conj())

    def shifted(self, offset: np.ndarray) -> "MouthSpace":
        """Move the origin to the point `offset` (x, y) of this mouth space."""
        return MouthSpace(self.origin + self.axis * np.conj(offset[0] + 1j * offset[1]), self.axis)


def fill_missing(points_px: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Fill frames without a face by linear interpolation in time, the ends by the nearest one found.

    Args:
        points_px: (frames, points, 2); what stands in frames that were not detected is ignored.
        detected: bool (frames,).

    Raises:
        InputError: fewer than half of the frames hold a face.
    """
    found = int(detected.sum())
    if len(detected) == 0 or found < LEAST_DETECTED_SHARE * len(detected):
        raise InputError(
            f"a face was found in {found} of {len(detected)} frames; expected at least "
            f"{LEAST_DETECTED_SHARE:.0%}: use a video in which one face is seen from the front"
        )
    if found == len(detected):
        return points_px
    times = np.arange(len(detected))
    flat = points_px.reshape(len(points_px), -1)
    filled = [np.interp(times, times[detected], column[detected]) for column in flat.T]
    return np.stack(filled, axis=1).reshape(points_px.shape)


def fit_mouth_space(anchors_px: np.ndarray, fps: float) -> MouthSpace:
    """Fit the transform to eye corners and nose bridge; the origin is then midway between the eyes.

    Every frame's anchors are matched by least squares to the clip's mean anchor shape, in which the eye
    centres lie at (-0.5, 0) and (0.5, 0); the result is smoothed over time by a Gaussian of 80 ms.

    Args:
        anchors_px: float (frames, 8, 2), pixels, the points MEDIAPIPE_ANCHORS; no gaps.
        fps: frames per second.
    """
    anchors = _to_complex(anchors_px)
    left, right = anchors[:, :2].mean(1), anchors[:, 2:4].mean(1)
    unit_shape = (anchors - ((left + right) / 2)[:, None]) / (right - left)[:, None]
    template = unit_shape.mean(0)
    centred = template - template.mean()
    axis = (anchors * centred.conj()).sum(1) / (np.abs(centred) ** 2).sum()
    origin = anchors.mean(1) - axis * template.mean()
    sigma = SMOOTHING_SECONDS * fps

    def smooth(values: np.ndarray) -> np.ndarray:
        real, imaginary = (smooth_gaussian(part, sigma) for part in (values.real, values.imag))
        smoothed: np.ndarray = real + 1j * imaginary
        return smoothed

    return MouthSpace(smooth(origin), smooth(axis))
