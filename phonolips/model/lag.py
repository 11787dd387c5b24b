"""By how much the lips of a video are late against its sound, where the sync expert is sure of it.

Sound and picture of a film may be apart, web videos by 200 ms and more, each by its own amount. Who fits lips to sound
with such a lag in it fits the lag.
"""

import math
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.timebase import MODEL_FPS

FURTHEST_LAG_FRAMES = 10  # 400 ms, of a video that nobody filmed for this; beyond lies rather something else
LEAST_SHIFT_FRAMES = 0.05  # less is left alone
# An offset is sure from a confidence of LAG_CONFIDENCE_FRAMES / frames on, and of many frames from LEAST_LAG_CONFIDENCE
# on. Lips of one clip beside the sound of another (113 s of three presidents) have 0.22, 0.18, 0.15, 0.10, 0.05, 0.06
# or more in a tenth of all windows of 40, 50, 75, 100, 150 and 200 frames; beside their own, half have 0.23 to 0.16.
# But for one of the twelve clips, the offsets are within 0.4 frames of where the model's openings fit best.
LAG_CONFIDENCE_FRAMES, LEAST_LAG_CONFIDENCE = 12.0, 0.07


class Timed(NamedTuple):
    """Lips float32 (frames, 40, 2) moved in time; detected bool (frames,); by how much they were late, ms."""

    lips: np.ndarray
    detected: np.ndarray
    late_ms: float


def is_sure(confidence: float, frames: int) -> bool:
    """Return whether a lag that the sync expert found in some frames counts, where nothing else is known of it."""
    return confidence >= max(LEAST_LAG_CONFIDENCE, LAG_CONFIDENCE_FRAMES / frames)


def move_in_time(lips: np.ndarray, detected: np.ndarray, late_ms: float) -> Timed:
    """Bring lips forward that are late, or back where `late_ms` is below 0.

    Lips between frames are read off a cubic spline through them; frames that were not filmed (at one end) are filled
    with the nearest one and count as not detected.

    Args:
        lips: float32 (frames, 40, 2), mouth space, 25 a second.
        detected: bool (frames,).
        late_ms: by how much they are late.
    """
    from phonolips.lips.curve import shift_frames

    frames = late_ms * MODEL_FPS / 1000
    if abs(frames) < LEAST_SHIFT_FRAMES:
        return Timed(lips, detected, 0.0)
    moved = shift_frames(lips, -frames)
    places = np.arange(len(detected))
    near = np.interp(places + frames, places, detected.astype(np.float64)) > 0.99
    beyond = math.ceil(abs(frames))
    near[len(near) - beyond if frames > 0 else 0 : None if frames > 0 else beyond] = False
    return Timed(moved, near, round(late_ms, 1))


def take_lag_out(lips: np.ndarray, detected: np.ndarray, mel: np.ndarray) -> Timed:
    """Move the lips of a video in time to where the sync expert finds their sound, if it is sure; see `move_in_time`.

    Args:
        lips: float32 (frames, 40, 2), mouth space, 25 a second.
        detected: bool (frames,).
        mel: log-mel (steps, 80) of the same time.

    Raises:
        CheckpointError: no sync expert in the package.
    """
    from phonolips.model.sync import offset

    try:
        found = offset(lips, mel, furthest=FURTHEST_LAG_FRAMES)
    except InputError:  # too short to tell
        return Timed(lips, detected, 0.0)
    is_inside = abs(found.offset_ms) * MODEL_FPS / 1000 < FURTHEST_LAG_FRAMES
    return move_in_time(lips, detected, found.offset_ms if is_inside and is_sure(found.confidence, len(lips)) else 0.0)
