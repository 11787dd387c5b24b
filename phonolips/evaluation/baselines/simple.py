"""Reference rows that do not look at what is said."""

from collections.abc import Sequence

import numpy as np

from phonolips.evaluation.baselines.contract import require_clips
from phonolips.evaluation.clips import Clip


class MeanShape:
    """The speaker's mean shape, in every frame: the zero of skill."""

    name = "mean lip"  # as in the tables since version 0.1

    def fit(self, clips: Sequence[Clip]) -> None:
        """Learn nothing: the mean shape comes with the clip."""

    def predict(self, clip: Clip) -> np.ndarray:
        """Repeat the mean shape."""
        return np.repeat(clip.mean_lip[None].astype(np.float32), len(clip.lips), axis=0)


class MeanCurve:
    """The mean over the training clips frame by frame: what the corpus' rhythm alone is worth.

    A speaker who was in training gets the own curve, another one that of all; frames beyond the longest
    training clip get the mean shape.
    """

    name = "mean curve"

    def fit(self, clips: Sequence[Clip]) -> None:
        """Average the deviation by frame index."""
        require_clips(clips)
        self._curves: dict[str | None, np.ndarray] = {}
        for speaker in (None, *sorted({clip.speaker for clip in clips})):
            chosen = [clip for clip in clips if speaker in (None, clip.speaker)]
            frames = max(len(clip.lips) for clip in chosen)
            total = np.zeros((frames, chosen[0].deviation.shape[1]))
            count = np.zeros((frames, 1))
            for clip in chosen:
                places = np.flatnonzero(clip.detected)
                total[places] += clip.deviation[places]
                count[places] += 1
            self._curves[speaker] = total / np.maximum(count, 1)

    def predict(self, clip: Clip) -> np.ndarray:
        """Play the curve, whatever is said."""
        curve = self._curves.get(clip.speaker, self._curves[None])
        deviation = np.zeros_like(clip.deviation, dtype=np.float64)
        deviation[: len(curve)] = curve[: len(deviation)]
        return clip.lips_from(deviation)
