"""The reference row that a researcher would train first: a plain recurrent network over whole clips."""

from collections.abc import Sequence

import numpy as np

from phonolips.errors import InputError
from phonolips.evaluation.clips import Clip
from phonolips.timebase import STEPS_PER_FRAME
from phonolips.training.plain_gru import GruSettings, fit_gru

COMPONENTS = 12  # of the PCA; they keep 99.9 % of the variance
LEAST_SPREAD = 1e-3  # of an input; one that varies less is left as it is


class PlainGru:
    """A two-layer bidirectional GRU of 128 units, from posteriors and log-mel to 12 components of the deviation.

    It sees whole clips, has no fixed look-ahead and no bottleneck, and knows nothing but the training clips, of which
    only those with posteriors count.

    Args:
        settings: None = the defaults.
    """

    name = "plain GRU from posteriors and log-mel"

    def __init__(self, settings: GruSettings | None = None) -> None:
        self.settings = settings

    def fit(self, clips: Sequence[Clip]) -> None:
        """Train; raise InputError where no clip has posteriors."""
        usable = [clip for clip in clips if clip.posteriors is not None and clip.detected.any()]
        if not usable:
            raise InputError("no training clip with posteriors for the plain GRU; expected at least one")
        deviations = np.concatenate([clip.deviation[clip.detected] for clip in usable])
        _, spread, basis = np.linalg.svd(deviations.T @ deviations / len(deviations))
        self._basis = basis[:COMPONENTS].astype(np.float32)
        self._scale = np.float32(np.sqrt(spread[0]))
        rows = np.concatenate([_rows(clip) for clip in usable])
        self._mean, self._spread = rows.mean(0), np.maximum(rows.std(0), np.float32(LEAST_SPREAD))
        self._network = fit_gru(
            [self._inputs(clip) for clip in usable],
            [(clip.deviation @ self._basis.T / self._scale).astype(np.float32) for clip in usable],
            [clip.detected.astype(np.float32) for clip in usable],
            self.settings,
        )

    def predict(self, clip: Clip) -> np.ndarray:
        """Predict a clip's lips; raise InputError for one without posteriors."""
        if clip.posteriors is None:
            raise InputError(f"clip {clip.id} has no posteriors for the plain GRU")
        return clip.lips_from(self._network.predict(self._inputs(clip)) @ self._basis * self._scale)

    def _inputs(self, clip: Clip) -> np.ndarray:
        inputs: np.ndarray = ((_rows(clip) - self._mean) / self._spread).astype(np.float32)
        return inputs


def _rows(clip: Clip) -> np.ndarray:
    """Lay the four steps of each frame side by side, posteriors and log-mel: float32 (frames, numbers)."""
    assert clip.posteriors is not None
    steps = np.concatenate([clip.posteriors, clip.mel], axis=1, dtype=np.float32)
    return steps.reshape(len(steps) // STEPS_PER_FRAME, -1)
