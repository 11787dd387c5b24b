"""What avatars are driven by, frame by frame: ARKit weights, the five vowels, and how far the mouth is open.

Everything here is made of this frame and of those before it; nothing looks ahead. That is where it differs from the
exported files: `export.blendshapes.arkit_weights` smooths phones over 0.16 s on each side and may look for the closed
mouth in all frames, here the closed mouth is that of the speaker's mean lip and phones fade in with a time constant.
"""

import math
from typing import NamedTuple

import numpy as np

from phonolips.export.blendshapes import ARKIT_NAMES, PHONE_SMOOTHING_SECONDS, WeightFit
from phonolips.export.visemes import OCULUS
from phonolips.lips.measures import opening
from phonolips.lips.shapes import neutral_mouth
from phonolips.live.frame import LiveFrame
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID

# The viseme that each vowel of VRM and Live2D stands for, and how far the lips are open in its middle: the mean of
# 708 frames of five sentences by the speakers mean and s1, where its posterior is above 0.9; eye distances.
VOWELS: dict[str, tuple[str, float]] = {
    "A": ("aa", 0.15), "I": ("ih", 0.12), "U": ("ou", 0.04), "E": ("E", 0.18), "O": ("oh", 0.09),
}  # fmt: skip
EVERY_VOWEL = 0.02  # of each vowel's share, so that lips that are open on a consonant do not stay shut
WIDE_OPENING = 0.2  # eye distances, shown as fully open; the 97th percentile of those sentences is 0.19
MOST_STEPS = 40  # of the descent; two or three are usual
SLOPE_LEFT = 1e-7  # of the best weights, in squares of POINT_NOISE


class Weights(NamedTuple):
    """What one frame drives.

    arkit: the 28 weights of ARKIT_NAMES, in that order, float64 in [0, 1].
    vowels: A, I, U, E, O, in that order, float64 in [0, 1]; all 0 where the lips are shut.
    visemes: the 15 Oculus visemes, in the order of `OCULUS.names`; float64, they sum to 1.
    open: 0 where the lips are shut, 1 from WIDE_OPENING on.
    """

    arkit: np.ndarray
    vowels: np.ndarray
    visemes: np.ndarray
    open: float


class LiveWeights:
    """Makes weights of frames that come one after the other; remembers the phones and the weights of the last one.

    Args:
        mean_lip: float (40, 2), the speaker's, mouth space.
        fps: frames per second.
    """

    def __init__(self, mean_lip: np.ndarray, fps: float) -> None:
        self._fit = WeightFit(neutral_mouth(np.asarray(mean_lip, np.float64)[None]))
        self._kept = math.exp(-1 / (fps * PHONE_SMOOTHING_SECONDS))
        self._shares = np.zeros(NUM_PHONES)
        self._shares[SILENCE_ID] = 1.0
        self._last = np.zeros(len(self._fit.spreads))

    def weigh(self, frame: LiveFrame) -> Weights:
        """Make the weights of the next frame; one without steps of its own has the phones of the last."""
        if len(frame.posteriors):
            now = frame.posteriors.mean(axis=0, dtype=np.float64)
            self._shares = self._kept * self._shares + (1 - self._kept) * now
        lips = np.asarray(frame.lips, np.float64)
        targets, expected = self._fit.targets(lips[None], self._shares[None])
        self._last = bounded_weights(
            self._fit.square, (targets @ self._fit.basis.T + expected * self._fit.spreads**-2.0)[0], self._last
        )
        found = self._fit.named(self._last[None], lips[None], self._shares[None])
        visemes = self._shares @ OCULUS.from_phones.astype(np.float64)
        apart = max(float(opening(lips)), 0.0)
        return Weights(
            np.array([found[name][0] for name in ARKIT_NAMES]),
            vowel_weights(visemes, apart),
            visemes,
            min(apart / WIDE_OPENING, 1.0),
        )


def vowel_weights(visemes: np.ndarray, apart: float) -> np.ndarray:
    """Weigh A, I, U, E and O: which one, by the phones; how much, by the lips.

    Args:
        visemes: float (15,), the Oculus visemes of a frame.
        apart: opening of the lips, eye distances.

    Returns:
        float64 (5,), each the vowel's share of all vowels times how far the lips are open for it, at most 1.
    """
    shares = np.array([visemes[OCULUS.names.index(viseme)] for viseme, _ in VOWELS.values()]) + EVERY_VOWEL
    openings = np.array([typical for _, typical in VOWELS.values()])
    weights: np.ndarray = shares / shares.sum() * np.minimum(apart / openings, 1.0)
    return weights


def bounded_weights(square: np.ndarray, pull: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Minimise w @ square @ w / 2 - pull @ w with w in [0, 1], for one frame.

    Projected Newton steps (Bertsekas, SIAM J. Control Optim. 20, 1982, 221-246) from the weights of the frame before;
    the same minimum as the coordinate descent over many frames in `export.blendshapes`, which is strictly convex.

    Args:
        square: float64 (n, n), positive definite.
        pull: float64 (n,).
        start: float64 (n,), in [0, 1].

    Returns:
        float64 (n,).
    """
    weights = start
    for _ in range(MOST_STEPS):
        slope = pull - square @ weights
        held = ((weights <= 0) & (slope <= 0)) | ((weights >= 1) & (slope >= 0))
        free = np.flatnonzero(~held)
        if not len(free) or np.abs(slope[free]).max() < SLOPE_LEFT * (1 + np.abs(pull).max()):
            break
        step = np.zeros(len(weights))
        step[free] = np.linalg.solve(square[np.ix_(free, free)], slope[free])
        length, next_weights = 1.0, weights
        while length > 1e-6:
            next_weights = np.clip(weights + length * step, 0, 1)
            move = next_weights - weights
            # what is gained, at least a ten-thousandth of what the slope promises (Armijo's rule)
            if slope @ move - move @ square @ move / 2 >= 1e-4 * (slope @ move):
                break
            length /= 2
        weights = next_weights
    return weights
