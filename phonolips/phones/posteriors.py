"""Phone posteriors: checks of given ones, and those of known phones."""

import numpy as np

from phonolips.checks import check_array
from phonolips.errors import InputError
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID

ROW_SUM_TOLERANCE = 0.01  # a user's rows may be rounded to two decimals


def labels_to_posteriors(labels: np.ndarray) -> np.ndarray:
    """Spread known phones: int (steps,) -> float32 (steps, phones) with a single 1 in every row.

    A step whose phone is unknown (IGNORED_ID) counts as silence.
    """
    posteriors = np.zeros((len(labels), NUM_PHONES), np.float32)
    posteriors[np.arange(len(labels)), np.where(labels < 0, SILENCE_ID, labels)] = 1.0
    return posteriors


def check_shape(posteriors: np.ndarray) -> np.ndarray:
    """Return posteriors as an array, unchanged; raise InputError unless finite and of shape (steps, NUM_PHONES)."""
    expected = f"finite probabilities (steps, {NUM_PHONES}), steps of 10 ms"
    check_array(posteriors, "posteriors", expected, shape=(None, NUM_PHONES))
    return np.asarray(posteriors)


def check_posteriors(posteriors: np.ndarray) -> np.ndarray:
    """Check a user's posteriors and return them as float32 (steps, phones), rows summing to exactly 1.

    Raises:
        InputError: as `check_shape`; no steps, a negative number, or rows that do not sum to 1 within 1 %.
    """
    array = check_shape(posteriors).astype(np.float32, copy=False)
    if len(array) == 0:
        raise InputError(f"posteriors of shape {array.shape}; expected at least one step")
    if array.min() < 0:
        raise InputError("posteriors hold negative numbers; expected probabilities")
    sums = array.sum(1, keepdims=True)
    worst = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[worst, 0] - 1) > ROW_SUM_TOLERANCE:
        raise InputError(f"posteriors of step {worst} sum to {sums[worst, 0]:.3f}; expected 1 in every row")
    normalised: np.ndarray = array / sums
    return normalised
