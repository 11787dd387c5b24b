"""Lips: the mouth points, their layouts, and mouth space with its exact inverse.

Mouth space is a similarity transform fixed to the *face*, not to the mouth, so that the drop of the jaw
is kept: x right, y up, the eye line horizontal, 1 unit = the distance between the eye centres, origin at
the neutral (closed) mouth's centre. The transform of every frame is a pair of complex numbers, which
makes the inverse exact: pixel = origin + axis * conj(lip).
"""

from dataclasses import dataclass

import numpy as np

from phonolips.errors import InputError
from phonolips.timebase import MODEL_FPS, frame_centres, frames_in
from phonolips.video.io import exact_fps

LAYOUTS = {"mediapipe40": 40, "ibug20": 20}  # layout -> number of points

# Indices into mediapipe's face mesh. Rings start at the corner on the left of the picture and run along
# the lower lip to the other corner and back along the upper lip; outer ring first, then inner ring.
MEDIAPIPE_OUTER = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
MEDIAPIPE_INNER = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
MEDIAPIPE_LIPS = MEDIAPIPE_OUTER + MEDIAPIPE_INNER
# What holds mouth space to the face: eye corners (left of the picture, then right), then nose bridge.
MEDIAPIPE_ANCHORS = (33, 133, 362, 263, 168, 6, 197, 195)
OUTER_RING = tuple(range(20))  # positions in the mediapipe40 layout
INNER_RING = tuple(range(20, 40))
# Points 48..67 of the 68-point scheme as positions in mediapipe40: outer ring from the left corner along
# the upper lip (48..54) and back along the lower one (55..59); inner ring likewise (60..64, 65..67).
IBUG20_FROM_MEDIAPIPE40 = (0, 18, 16, 15, 14, 12, 10, 8, 6, 5, 4, 2, 20, 37, 35, 33, 30, 27, 25, 23)
IBUG20_OUTER_RING = tuple(range(12))
IBUG20_INNER_RING = tuple(range(12, 20))
# The middle of the inner contour (upper, lower), and the two outer corners.
INNER_MIDDLE = {"mediapipe40": (35, 25), "ibug20": (14, 18)}
CORNERS = {"mediapipe40": (0, 10), "ibug20": (0, 6)}

LIVELY_SIGMA_FRAMES = 2.0  # 80 ms at 25 frames a second
SMOOTHING_SECONDS = 0.08  # standard deviation of the Gaussian that smooths the face's motion
LEAST_FPS, MOST_FPS = 1.0, 240.0
LEAST_DETECTED_SHARE = 0.5  # a clip with fewer found faces is refused


def layout_of(lips: np.ndarray) -> str:
    """Name the lip layout of an array (..., points, 2); raise InputError where there is none such."""
    for name, points in LAYOUTS.items():
        if lips.ndim >= 2 and lips.shape[-2:] == (points, 2):
            return name
    raise InputError(f"lips of shape {lips.shape}; expected (frames, 40, 2) or (frames, 20, 2)")


def to_ibug20(lips: np.ndarray) -> np.ndarray:
    """Pick the 20 points 48..67 of the 68-point scheme; (frames, 40, 2) -> (frames, 20, 2)."""
    return lips if layout_of(lips) == "ibug20" else lips[..., IBUG20_FROM_MEDIAPIPE40, :]


def opening(lips: np.ndarray) -> np.ndarray:
    """Measure the inner-lip height in the middle; (..., points, 2) -> (...), in units."""
    upper, lower = INNER_MIDDLE[layout_of(lips)]
    return lips[..., upper, 1] - lips[..., lower, 1]


def width(lips: np.ndarray) -> np.ndarray:
    """Measure the mouth width between the outer corners; (..., points, 2) -> (...), in units."""
    left, right = CORNERS[layout_of(lips)]
    return np.linalg.norm(lips[..., right, :] - lips[..., left, :], axis=-1)


def uncross(lips: np.ndarray) -> np.ndarray:
    """Bring inner-lip points that have passed each other to their common middle.

    Args:
        lips: float (..., 40, 2), mouth space, layout mediapipe40.

    Returns:
        the same shape; upper and lower inner lip touch where they would have crossed.
    """
    lower, upper = list(INNER_RING[1:10]), list(INNER_RING[:10:-1])
    apart = lips[..., upper, 1] - lips[..., lower, 1]
    half = np.minimum(apart, 0) / 2
    result = lips.copy()
    result[..., upper, 1] -= half
    result[..., lower, 1] += half
    return result


def enliven(lips: np.ndarray, liveliness: float) -> np.ndarray:
    """Exaggerate movements faster than about a syllable; 0 leaves everything as it is.

    Squared error makes a decoder hesitate: what it is unsure of comes out smaller. This gives quick movements
    back their size: lips + liveliness * (lips - lips smoothed by a Gaussian of 80 ms), and inner lips that
    would cross then touch.

    Args:
        lips: float (frames, 40, 2), mouth space, 25 frames a second.
        liveliness: 0 or more.
    """
    if not liveliness:
        return lips
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(lips, LIVELY_SIGMA_FRAMES, axis=0, mode="nearest")
    return uncross(lips + np.float32(liveliness) * (lips - smooth))


def enlarge(lips: np.ndarray, factor: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Move the lips further from rest; inner lips that would cross then touch.

    Args:
        lips: float (frames, 40, 2), mouth space.
        factor: float (frames,), 1 leaves a frame as it is.
        rest: float (40, 2), the shape to move away from, such as the speaker's mouth when it is shut.
    """
    rest = rest.astype(np.float32)
    return uncross(rest + factor[:, None, None].astype(np.float32) * (lips - rest))


def check_fps(fps: float) -> float:
    """Return `fps` if it is a usable frame rate; raise InputError otherwise."""
    if not LEAST_FPS <= fps <= MOST_FPS:
        raise InputError(f"fps {fps}; expected {LEAST_FPS:.0f} to {MOST_FPS:.0f} frames per second")
    return float(fps)


def resample_lips(lips: np.ndarray, fps: float, seconds: float, *, source_fps: float = MODEL_FPS) -> np.ndarray:
    """Read the continuous lip curve at another frame rate.

    The curve through the frame centres is a shape-preserving cubic (PCHIP; Fritsch and Carlson 1980): it passes
    every frame and overshoots nowhere, so a shut mouth stays shut.

    Args:
        lips: float32 (frames, points, 2) at `source_fps` frames a second.
        fps: the wanted rate.
        seconds: the length to cover.
        source_fps: frames per second of `lips`.

    Returns:
        float32 (ceil(seconds * fps), points, 2).
    """
    rate, source = float(exact_fps(check_fps(fps))), float(exact_fps(source_fps))
    frames = frames_in(seconds, rate)
    if rate == source and frames <= len(lips):
        return lips[:frames]
    if len(lips) == 1:
        return np.repeat(lips, frames, axis=0)
    from scipy.interpolate import PchipInterpolator

    old = frame_centres(len(lips), source)
    times = np.clip(frame_centres(frames, rate), old[0], old[-1])
    return PchipInterpolator(old, lips, axis=0)(times).astype(np.float32)


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
    from scipy.ndimage import gaussian_filter1d

    anchors = _to_complex(anchors_px)
    left, right = anchors[:, :2].mean(1), anchors[:, 2:4].mean(1)
    unit_shape = (anchors - ((left + right) / 2)[:, None]) / (right - left)[:, None]
    template = unit_shape.mean(0)
    centred = template - template.mean()
    axis = (anchors * centred.conj()).sum(1) / (np.abs(centred) ** 2).sum()
    origin = anchors.mean(1) - axis * template.mean()
    sigma = SMOOTHING_SECONDS * fps

    def smooth(values: np.ndarray) -> np.ndarray:
        real = gaussian_filter1d(values.real, sigma, mode="nearest")
        return real + 1j * gaussian_filter1d(values.imag, sigma, mode="nearest")

    return MouthSpace(smooth(origin), smooth(axis))


def neutral_centre(lips: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Find the centre of the closed mouth: the median over the least open fifth of the frames.

    Returns float64 (2,), x and y in the mouth space that `lips` (frames, points, 2) is given in.
    """
    real = lips[detected]
    openings = opening(real)
    rest = real[openings <= np.quantile(openings, 0.2)]
    return np.median(rest.mean(1), axis=0)
