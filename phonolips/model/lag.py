"""By how much the lips of a video are late against its sound, where the sync expert is sure of it.

Sound and picture of a film may be apart, web videos by 200 ms and more, each by its own amount. Who fits lips to sound
with such a lag in it fits the lag.
"""

import math
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.timebase import MODEL_FPS

FURTHEST_LAG_FRAMES = 10  # 400 ms; beyond lies rather something else that is wrong
LEAST_LAG_FRAMES = 0.05  # less is left alone
# An offset is sure from a confidence of LAG_CONFIDENCE_FRAMES / frames on, and of many frames from LEAST_LAG_CONFIDENCE
# on: more than lips of one clip have beside the sound of another (a tenth of such windows of 113 s of three presidents
# have 0.22, 0.15, 0.10 and 0.06 or more, of 40, 75, 100 and 200 frames). Lips beside their own sound have 0.17 to 0.3
# there; but for one of the twelve clips, the offsets are within 0.4 frames of where the model's openings fit best.
LAG_CONFIDENCE_FRAMES, LEAST_LAG_CONFIDENCE = 13.0, 0.07


class Timed(NamedTuple):
    """Lips float32 (frames, 40, 2) moved in time; detected bool (frames,); by how much they were late, ms."""

    lips: np.ndarray
    detected: np.ndarray
    late_ms: float


def take_lag_out(lips: np.ndarray, detected: np.ndarray, mel: np.ndarray) -> Timed:
    """Move the lips of a video in time to where the sync expert finds their sound, if it is sure.

    Frames that were not filmed (at one end) are filled with the nearest one and count as not detected.

    Args:
        lips: float32 (frames, 40, 2), mouth space, 25 a second.
        detected: bool (frames,).
        mel: log-mel (steps, 80) of the same time.

    Raises:
        CheckpointError: no sync expert in the package.
    """
    from phonolips.lips.curve import shift_frames
    from phonolips.model.sync import offset

    try:
        found = offset(lips, mel, furthest=FURTHEST_LAG_FRAMES)
    except InputError:  # too short to tell
        return Timed(lips, detected, 0.0)
    late = found.offset_ms * MODEL_FPS / 1000
    sure = found.confidence >= max(LEAST_LAG_CONFIDENCE, LAG_CONFIDENCE_FRAMES / len(lips))
    if not sure or not LEAST_LAG_FRAMES <= abs(late) < FURTHEST_LAG_FRAMES:
        return Timed(lips, detected, 0.0)
    places = np.arange(len(detected))
    there = np.interp(places + late, places, detected.astype(np.float64)) > 0.99
    beyond = math.ceil(abs(late))
    there[len(there) - beyond if late > 0 else 0 : None if late > 0 else beyond] = False
    return Timed(shift_frames(lips, -late), there, round(found.offset_ms, 1))
