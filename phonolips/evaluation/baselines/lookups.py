"""Reference rows that look up mean deviations by the phone at each frame."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from phonolips.evaluation.baselines.contract import require_clips, smooth, viseme_of
from phonolips.evaluation.clips import Clip
from phonolips.phones.decode import label_runs
from phonolips.phones.inventory import IGNORED_ID
from phonolips.timebase import STEPS_PER_FRAME


def _centre_labels(labels: np.ndarray) -> np.ndarray:
    """Pick the phone at each frame's centre; (steps,) -> (frames,). A centre on an edge takes the later."""
    return labels[STEPS_PER_FRAME // 2 :: STEPS_PER_FRAME]


class _Lookup:
    """A table of mean deviations under ever coarser keys; the finest key with enough frames answers.

    Subclasses have a name, and `keys(labels)`: for every frame its keys, finest first.
    """

    def __init__(self, least_frames: int, smoothing_frames: float) -> None:
        self.least_frames = least_frames
        self.smoothing_frames = smoothing_frames

    def keys(self, labels: np.ndarray) -> list[list[Hashable]]:
        """Name the keys of every frame, finest first."""
        raise NotImplementedError

    def fit(self, clips: Sequence[Clip]) -> None:
        """Average the deviation under every key."""
        require_clips(clips)
        sums: dict[Hashable, np.ndarray] = {}
        counts: dict[Hashable, int] = defaultdict(int)
        for clip in clips:
            deviation = clip.deviation
            for frame, keys in enumerate(self.keys(clip.labels)):
                if not clip.detected[frame]:
                    continue
                for key in keys:
                    counts[key] += 1
                    if key in sums:
                        sums[key] += deviation[frame]
                    else:
                        sums[key] = deviation[frame].astype(np.float64)
        self._table = {key: total / counts[key] for key, total in sums.items() if counts[key] >= self.least_frames}

    def predict(self, clip: Clip) -> np.ndarray:
        """Look every frame up; a frame whose phone was never seen gets the mean shape; smooth over time."""
        rest = np.zeros(clip.deviation.shape[1])
        rows = [next((self._table[key] for key in keys if key in self._table), rest) for keys in self.keys(clip.labels)]
        return clip.lips_from(smooth(np.stack(rows), self.smoothing_frames))


class PhoneMean(_Lookup):
    """The mean lips of the phone at the frame's centre."""

    name = "phone mean"

    def __init__(self, least_frames: int = 1, smoothing_frames: float = 0.0) -> None:
        super().__init__(least_frames, smoothing_frames)

    def keys(self, labels: np.ndarray) -> list[list[Hashable]]:
        """One key a frame: its phone."""
        return [[] if label == IGNORED_ID else [int(label)] for label in _centre_labels(labels)]


class VisemeMean(_Lookup):
    """The mean lips of the viseme class at the frame's centre: one picture a viseme."""

    name = "viseme mean"

    def __init__(self, least_frames: int = 1, smoothing_frames: float = 0.0) -> None:
        super().__init__(least_frames, smoothing_frames)

    def keys(self, labels: np.ndarray) -> list[list[Hashable]]:
        """One key a frame: its viseme class."""
        return [[] if label == IGNORED_ID else [viseme_of(int(label))] for label in _centre_labels(labels)]


class PhoneInContext(_Lookup):
    """The mean lips of the phone between its neighbours and of the third of it that the frame lies in.

    Falls back from (previous, phone, next) to (previous, phone), (phone, next) and the phone, always
    within the same third; at last to the phone alone.

    Args:
        least_frames: a key with fewer training frames falls back to a coarser one.
        smoothing_frames: standard deviation of the Gaussian over the looked-up lips; more than about half a
            frame opens the bilabials.
    """

    name = "phone in context"

    def __init__(self, least_frames: int = 2, smoothing_frames: float = 0.5) -> None:
        super().__init__(least_frames, smoothing_frames)

    def keys(self, labels: np.ndarray) -> list[list[Hashable]]:
        """Five keys a frame, none where the phone is unknown."""
        runs = label_runs(labels)
        names = [None, *(run[0] for run in runs), None]
        run_of_step = np.repeat(np.arange(len(runs)), [end - start for _, start, end in runs])
        keys: list[list[Hashable]] = []
        for frame in range(len(labels) // STEPS_PER_FRAME):
            centre = frame * STEPS_PER_FRAME + STEPS_PER_FRAME // 2
            run = run_of_step[centre]
            label, start, end = runs[run]
            third = 3 * (centre - start) // (end - start)
            before, after = names[run], names[run + 2]
            keys.append(
                []
                if label == IGNORED_ID
                else [
                    ("both", before, label, after, third),
                    ("before", before, label, third),
                    ("after", label, after, third),
                    ("third", label, third),
                    ("phone", label),
                ]
            )
        return keys
