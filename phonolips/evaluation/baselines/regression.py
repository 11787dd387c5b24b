"""Reference rows that are linear in what they are given: the sound, or the truth itself."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from phonolips.errors import InputError
from phonolips.evaluation.baselines.contract import require_clips
from phonolips.evaluation.clips import Clip
from phonolips.timebase import STEPS_PER_FRAME


class PcaFloor:
    """The truth itself through a few principal components: the error that no model on them can undercut."""

    def __init__(self, components: int = 12) -> None:
        self.components = components
        self.name = f"truth through PCA-{components}"

    def fit(self, clips: Sequence[Clip]) -> None:
        """Find the components of the deviation from the mean shape."""
        from sklearn.decomposition import PCA

        require_clips(clips)
        deviations = np.concatenate([clip.deviation[clip.detected] for clip in clips])
        if len(deviations) < self.components:
            raise InputError(f"{len(deviations)} detected frames for {self.components} components; too few")
        self._pca: Any = PCA(self.components, svd_solver="covariance_eigh").fit(deviations)

    def predict(self, clip: Clip) -> np.ndarray:
        """Project the clip's true lips."""
        return clip.lips_from(self._pca.inverse_transform(self._pca.transform(clip.deviation)))


class MelRidge:
    """Ridge regression from log-mel around the frame: what a linear encoder without phones is worth.

    Features are the log-mel of every third step within 12 steps around the frame's centre, standardised;
    the penalty is the best of `penalties` on every eighth training clip.

    Args:
        context_steps: how far the features reach in either direction.
        stride_steps: the distance between the steps that are used.
        penalties: ridge penalties to choose from.
    """

    name = "ridge from log-mel"

    def __init__(
        self,
        context_steps: int = 12,
        stride_steps: int = 3,
        penalties: Sequence[float] = (1e2, 1e3, 1e4, 1e5),
    ) -> None:
        self.offsets = np.arange(-context_steps, context_steps + 1, stride_steps)
        self.penalties = tuple(penalties)

    def fit(self, clips: Sequence[Clip]) -> None:
        """Choose the penalty on held-out training clips, then fit on all of them."""
        from sklearn.linear_model import Ridge

        require_clips(clips)
        features = np.concatenate([self._features(clip)[clip.detected] for clip in clips])
        targets = np.concatenate([clip.deviation[clip.detected] for clip in clips])
        self._mean, self._scale = features.mean(0), features.std(0) + np.float32(1e-6)
        features -= self._mean
        features /= self._scale
        held = np.repeat(np.arange(len(clips)) % 8 == 7, [int(clip.detected.sum()) for clip in clips])
        self.penalty = self.penalties[0]
        if held.any():
            errors = []
            for penalty in self.penalties:
                model = Ridge(penalty, solver="cholesky").fit(features[~held], targets[~held])
                errors.append(float(np.mean((model.predict(features[held]) - targets[held]) ** 2)))
            self.penalty = self.penalties[int(np.argmin(errors))]
        self._model: Any = Ridge(self.penalty, solver="cholesky").fit(features, targets)

    def predict(self, clip: Clip) -> np.ndarray:
        """Predict the deviation from the sound alone."""
        return clip.lips_from(self._model.predict((self._features(clip) - self._mean) / self._scale))

    def _features(self, clip: Clip) -> np.ndarray:
        """Gather the log-mel around every frame's centre; float32 (frames, offsets * mels)."""
        steps = len(clip.mel)
        centres = np.arange(STEPS_PER_FRAME // 2, steps, STEPS_PER_FRAME)
        places = np.clip(centres[:, None] + self.offsets, 0, steps - 1)
        features: np.ndarray = np.asarray(clip.mel, dtype=np.float32)[places].reshape(len(centres), -1)
        return features
