"""The contract of the reference rows, and what several of them share.

`fit(clips)` learns from training clips, `predict(clip)` returns lips float32 (frames, 40, 2) in mouth space. Each
predicts how the lips deviate from the speaker's mean shape and adds `clip.mean_lip`, so a speaker who was not in
training needs only a mean shape. Only detected frames are learnt from. `predict` never looks at `clip.lips`, but for
`PcaFloor`, which is a floor and not a predictor.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from phonolips.errors import InputError
from phonolips.evaluation.clips import Clip
from phonolips.lips.smoothing import smooth_gaussian
from phonolips.phones.inventory import PHONE_TO_VISEME, PHONES


class Baseline(Protocol):
    """The contract of a reference row; see the module."""

    name: str

    def fit(self, clips: Sequence[Clip]) -> None:
        """Learn from training clips; raise InputError where there are none."""

    def predict(self, clip: Clip) -> np.ndarray:
        """Predict lips, float32 (frames, 40, 2), for a clip of any speaker."""


def require_clips(clips: Sequence[Clip]) -> None:
    """Raise InputError where there are no training clips."""
    if not clips:
        raise InputError("no training clips for the reference rows; expected at least one")


def smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth (time, channels) over time by a Gaussian of `sigma` rows."""
    return smooth_gaussian(values, sigma) if sigma > 0 else values


def viseme_of(label: int) -> int:
    """Look up the viseme class of a phone id."""
    return PHONE_TO_VISEME[PHONES[label]]
