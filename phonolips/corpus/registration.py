"""Where the lips of a clip lie in the face and in time, which neither tracker nor camera settles for good.

**In the face.** A clip's track has its origin at its own neutral mouth centre, the middle of its least open frames.
Three seconds settle that to about 0.01 eye distances at best (a sixth to a third of how far the mouth's points move
when people speak), less where a moustache hides the lips, and a nod of the head between two clips shifts the mouth
against eyes and nose as much. Nothing in sound or text can tell such an offset. So all clips of a speaker are laid onto
one place: their mean mouth centres onto each other, and the origin at the mean of their neutral centres.

**In time.** Sound and picture of a filmed clip may be apart; in GRID's by half a frame (standard deviation over s1's
clips), and by up to two frames. The sync expert finds that to a quarter of a frame where it is sure. Videos from the
web may be apart by four frames and more, each by its own amount, which drifts where two clocks were used (`find_lags`).
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.lips.space import mean_centre
from phonolips.model.lag import FURTHEST_LAG_FRAMES, LEAST_SHIFT_FRAMES, Timed, is_sure, move_in_time
from phonolips.timebase import MODEL_FPS

if TYPE_CHECKING:
    from phonolips.model.sync import SyncResult

LEAST_SYNC_CONFIDENCE = 0.33  # of the sync expert, whose every sure offset is then within half a frame of the lips' own
MOST_SHIFT_FRAMES = 5.0  # more is left alone: rather a clip with something else wrong
DRIFT_MS = 80.0  # a clip's own lag counts only so near to that of its whole video; one of them drifts by 48 ms in 30 s


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


def bring_into_sync(lips: np.ndarray, detected: np.ndarray, mel: np.ndarray) -> Timed:
    """Move lips in time to where the sync expert finds their sound, if it is sure; see `model.lag.move_in_time`.

    Args:
        lips: float32 (frames, 40, 2), mouth space, 25 a second.
        detected: bool (frames,).
        mel: log-mel (steps, 80) of the same time.

    Raises:
        CheckpointError: no sync expert in the package.
    """
    from phonolips.model.sync import offset

    as_filmed = Timed(lips, detected, 0.0)
    try:
        found = offset(lips, mel.astype(np.float32))
    except InputError:  # too short to tell
        return as_filmed
    frames = found.offset_ms * MODEL_FPS / 1000
    if found.confidence < LEAST_SYNC_CONFIDENCE or not LEAST_SHIFT_FRAMES <= abs(frames) <= MOST_SHIFT_FRAMES:
        return as_filmed
    return move_in_time(lips, detected, found.offset_ms)


class Lag(NamedTuple):
    """By how many ms the lips of a clip are late, how sure the expert is (0 to 2), by what: clip, video, nothing."""

    late_ms: float
    confidence: float
    source: str


class _Distances:
    """Mean distances of lips and sound at every offset, added up over clips; see `model.sync`."""

    def __init__(self) -> None:
        self._total = np.zeros(2 * FURTHEST_LAG_FRAMES + 1)
        self._weight = np.zeros_like(self._total)
        self.frames = 0

    def add(self, found: "SyncResult", frames: int) -> None:
        """Add what was found in one clip, each distance less the clip's median."""
        at = found.offsets + FURTHEST_LAG_FRAMES
        self._total[at] += frames * (found.distances - np.median(found.distances))
        self._weight[at] += frames
        self.frames += frames

    def best(self) -> tuple[float, float, bool]:
        """Return the best offset in ms, the confidence, and whether that is sure."""
        from phonolips.model.sync import summarise_distances

        searched = np.flatnonzero(self._weight)
        if not len(searched):
            return 0.0, 0.0, False
        found = summarise_distances(searched - FURTHEST_LAG_FRAMES, self._total[searched] / self._weight[searched])
        return round(found.offset_ms, 1), round(found.confidence, 3), is_sure(found.confidence, self.frames)


def find_lags(clips: Iterable[tuple[str, np.ndarray, np.ndarray]]) -> dict[str, Lag]:
    """Find by how much the lips of the clips of one video are late, up to 400 ms to either side.

    A clip's own lag counts where the sync expert is sure of it and it lies near that of all clips together; else that
    of all counts where it is sure; else the clip stays as it is.

    Args:
        clips: id, lips float32 (frames, 40, 2), mouth space, 25 a second, and log-mel (4 * frames, 80).

    Raises:
        CheckpointError: no sync expert in the package.
    """
    from phonolips.model.sync import offset

    together, own = _Distances(), {}
    for clip, lips, mel in clips:
        own[clip] = _Distances()
        try:
            found = offset(lips, mel.astype(np.float32), furthest=FURTHEST_LAG_FRAMES)
        except InputError:  # too short to tell
            continue
        for distances in (own[clip], together):
            distances.add(found, len(lips))
    video_ms, video_confidence, video_sure = together.best()
    lags = {}
    for clip, distances in own.items():
        late_ms, confidence, sure = distances.best()
        if sure and (not video_sure or abs(late_ms - video_ms) <= DRIFT_MS):
            lags[clip] = Lag(late_ms, confidence, "clip")
        elif video_sure:
            lags[clip] = Lag(video_ms, video_confidence, "video")
        else:
            lags[clip] = Lag(0.0, confidence, "nothing")
    return lags
