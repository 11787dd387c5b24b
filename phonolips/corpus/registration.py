"""Where the lips of a clip lie in the face and in time, which neither tracker nor camera settles for good.

**In the face.** A clip's track has its origin at its own neutral mouth centre, the middle of its least open frames.
Three seconds settle that to about 0.01 eye distances at best (a sixth to a third of how far the mouth's points move
when people speak), less where a moustache hides the lips, and a nod of the head between two clips shifts the mouth
against eyes and nose as much. Nothing in sound or text can tell such an offset. So all clips of a speaker are laid onto
one place: their mean mouth centres onto each other, and the origin at the mean of their neutral centres.

**In time.** Sound and picture of a filmed clip may be apart; in GRID's by half a frame (standard deviation over s1's
clips), and by up to two frames. The sync expert finds that to a quarter of a frame where it is sure.
"""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.lips.space import mean_centre
from phonolips.timebase import MODEL_FPS

LEAST_SYNC_CONFIDENCE = 0.33  # of the sync expert, whose every sure offset is then within half a frame of the lips' own
LEAST_SHIFT_FRAMES = 0.05  # less is left alone
MOST_SHIFT_FRAMES = 5.0  # more is left alone: rather a clip with something else wrong


def speaker_centres(tracked: Store, clips: Iterable[tuple[str, str]]) -> dict[str, list[float]]:
    """Find where each named speaker's mouth is on average.

    Args:
        tracked: a prepared corpus's lips, every clip's origin at its own neutral centre.
        clips: ids and speakers; "" where nobody knows who speaks.

    Returns:
        Speaker -> the mean over the speaker's clips of their mean mouth centre, x and y, mouth-space units.
    """
    from tqdm import tqdm

    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for clip, speaker in tqdm(clips, desc="mouth centres", unit="clip", dynamic_ncols=True, disable=None):
        if speaker:
            detected = tracked.get(clip, "detected")
            if detected.any():
                found[speaker].append(mean_centre(tracked.get(clip, "lips"), detected))
    return {speaker: np.mean(centres, axis=0).round(6).tolist() for speaker, centres in found.items()}


class Timed(NamedTuple):
    """Lips float32 (frames, 40, 2) moved in time; detected bool (frames,); by how much they were late, ms."""

    lips: np.ndarray
    detected: np.ndarray
    late_ms: float


def bring_into_sync(lips: np.ndarray, detected: np.ndarray, mel: np.ndarray) -> Timed:
    """Move lips in time to where the sync expert finds their sound, if it is sure.

    Lips between frames are read off a cubic spline through them; frames that were not filmed (at one end) are filled
    with the nearest one and count as not detected.

    Args:
        lips: float32 (frames, 40, 2), mouth space, 25 a second.
        detected: bool (frames,).
        mel: log-mel (steps, 80) of the same time.

    Raises:
        CheckpointError: no sync expert in the package.
    """
    from phonolips.lips.curve import shift_frames
    from phonolips.model.sync import offset

    as_filmed = Timed(lips, detected, 0.0)
    try:
        found = offset(lips, mel.astype(np.float32))
    except InputError:  # too short to tell
        return as_filmed
    frames = found.offset_ms * MODEL_FPS / 1000
    if found.confidence < LEAST_SYNC_CONFIDENCE or not LEAST_SHIFT_FRAMES <= abs(frames) <= MOST_SHIFT_FRAMES:
        return as_filmed
    moved = shift_frames(lips, -frames)
    places = np.arange(len(detected))
    near = np.interp(places + frames, places, detected.astype(np.float64)) > 0.99
    beyond = math.ceil(abs(frames))
    near[len(near) - beyond if frames > 0 else 0 : None if frames > 0 else beyond] = False
    return Timed(moved, near, round(found.offset_ms, 1))
