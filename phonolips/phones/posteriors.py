"""Phone posteriors: checks of a user's, and those of known phones."""

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID


def labels_to_posteriors(labels: np.ndarray) -> np.ndarray:
    """Spread known phones: int (steps,) -> float32 (steps, phones) with a single 1 in every row.

    A step whose phone is unknown (IGNORED_ID) counts as silence.
    """
    posteriors = np.zeros((len(labels), NUM_PHONES), np.float32)
    posteriors[np.arange(len(labels)), np.where(labels < 0, SILENCE_ID, labels)] = 1.0
    return posteriors


def check_posteriors(posteriors: np.ndarray) -> np.ndarray:
    """Check a user's posteriors and return them as float32 (steps, phones), rows summing to exactly 1.

    Raises:
        InputError: another shape, not finite, negative, or rows that do not sum to 1 within 1 %.
    """
    array = np.asarray(posteriors, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != NUM_PHONES or len(array) == 0:
        raise InputError(f"posteriors of shape {array.shape}; expected (steps, {NUM_PHONES}), steps of 10 ms")
    if not np.isfinite(array).all() or array.min() < 0:
        raise InputError("posteriors hold NaN, infinity or negative numbers; expected probabilities")
    sums = array.sum(1, keepdims=True)
    worst = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[worst, 0] - 1) > 0.01:
        raise InputError(f"posteriors of step {worst} sum to {sums[worst, 0]:.3f}; expected 1 in every row")
    return array / sums
