"""The mouth in silence: shut on demand, where the model has learnt to breathe and to rest half open."""

import numpy as np

from phonolips.alignment.tiers import Alignment
from phonolips.phones import SILENCE
from phonolips.timebase import frame_centres

NEAR_SECONDS, FAR_SECONDS = 0.08, 0.2  # from speech: nearer the lips are left alone, further away they are shut


def seconds_from_speech(alignment: Alignment, frames: int) -> np.ndarray:
    """Say how far every frame's centre is from the nearest phone; float64 (frames,), 25 a second, 0 in speech."""
    times = frame_centres(frames)
    spoken = [phone for phone in alignment.phones if phone.label != SILENCE]
    starts = np.array([*(phone.start for phone in spoken), np.inf])
    ends = np.array([-np.inf, *(phone.end for phone in spoken)])
    following = np.searchsorted(starts, times, side="right")
    distance: np.ndarray = np.clip(np.minimum(times - ends[following], starts[following] - times), 0, None)
    return distance


def shut_in_silence(lips: np.ndarray, alignment: Alignment, shut: np.ndarray) -> np.ndarray:
    """Bring lips to a shut mouth wherever nothing is said, and let them open in time for what follows.

    Args:
        lips: float (frames, 40, 2), mouth space, 25 frames a second.
        alignment: when something is said.
        shut: float (40, 2), the speaker's mouth when it is shut.
    """
    part = np.clip((seconds_from_speech(alignment, len(lips)) - NEAR_SECONDS) / (FAR_SECONDS - NEAR_SECONDS), 0, 1)
    weight = (part * part * (3 - 2 * part)).astype(np.float32)
    return lips + weight[:, None, None] * (shut.astype(np.float32) - lips)
