"""How good phone posteriors are: steps that are right, phone errors, calibration, confusion."""

import numpy as np

from phonolips.errors import InputError
from phonolips.evaluation.metrics.statistics import mean_or_nan, ratio_or_nan
from phonolips.phones.compare import labels_to_phones, phone_errors, recognise_phones
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.phones.ngram import PhoneNgram

CALIBRATION_BINS = 15


def _known_steps(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the steps whose phone is known; raise InputError where the lengths differ."""
    if len(values) != len(labels):
        raise InputError(f"{len(values)} predicted steps against {len(labels)} labels; expected as many")
    known = labels != IGNORED_ID
    return values[known], labels[known]


def step_accuracy(posteriors: np.ndarray, labels: np.ndarray) -> float:
    """Compute the share of steps whose best phone is right.

    Args:
        posteriors: float (steps, phones).
        labels: int64 (steps,); steps with IGNORED_ID do not count.

    Raises:
        InputError: the lengths differ.
    """
    posteriors, labels = _known_steps(posteriors, labels)
    return mean_or_nan(posteriors.argmax(1) == labels)


def calibration_error(posteriors: np.ndarray, labels: np.ndarray, *, bins: int = CALIBRATION_BINS) -> float:
    """Compute the expected calibration error of the best phone (Naeini 2015; Guo et al. 2017).

    Steps are sorted into equal bins of the best phone's posterior; the error is the mean over steps of
    |share right - mean posterior| of their bin. Pool clips by concatenating their steps.

    Args:
        posteriors: float (steps, phones), rows sum to 1.
        labels: int64 (steps,); steps with IGNORED_ID do not count.
        bins: number of equal bins over [0, 1].

    Raises:
        InputError: the lengths differ.
    """
    posteriors, labels = _known_steps(posteriors, labels)
    if len(labels) == 0:
        return float("nan")
    confidence = posteriors.max(1).astype(np.float64)
    right = posteriors.argmax(1) == labels
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    surplus = np.bincount(places, weights=right - confidence, minlength=bins)
    return float(np.abs(surplus).sum() / len(labels))


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Count steps by true phone (row) and predicted phone (column).

    Args:
        labels: int64 (steps,), true ids; steps with IGNORED_ID do not count.
        predicted: int64 (steps,), predicted ids.

    Returns:
        int64 (NUM_PHONES, NUM_PHONES); matrices of clips add up.

    Raises:
        InputError: the lengths differ, or an id is not in the inventory.
    """
    predicted, labels = _known_steps(predicted, labels)
    both = np.concatenate([labels, predicted])
    if both.size and (both.min() < 0 or both.max() >= NUM_PHONES):
        raise InputError(f"phone ids from {both.min()} to {both.max()}; expected 0 to {NUM_PHONES - 1}")
    cells = np.bincount(labels.astype(np.int64) * NUM_PHONES + predicted, minlength=NUM_PHONES**2)
    return cells.reshape(NUM_PHONES, NUM_PHONES).astype(np.int64)


def encoder_scores(
    posteriors: np.ndarray, labels: np.ndarray, *, ngram: PhoneNgram | None = None, complete: bool = True
) -> dict[str, float]:
    """Score one clip's posteriors against the true phones.

    Args:
        posteriors: float (steps, phones).
        labels: int64 (steps,); steps with IGNORED_ID are left out on both sides.
        ngram: which phone follows which others; an encoder has one.
        complete: False where more is said than the labels tell, so that phones cannot be counted.

    Returns:
        step_accuracy, phone_error_rate, with the counts right_steps, known_steps, phone_errors, phone_total;
        and calibration_error of this clip.

    Raises:
        InputError: the lengths differ.
    """
    posteriors, labels = _known_steps(posteriors, labels)
    reference = labels_to_phones(labels) if complete else []
    errors = phone_errors(reference, recognise_phones(posteriors, ngram)) if complete else 0
    right = int((posteriors.argmax(1) == labels).sum())
    return {
        "right_steps": float(right),
        "known_steps": float(len(labels)),
        "step_accuracy": ratio_or_nan(right, len(labels)),
        "phone_errors": float(errors),
        "phone_total": float(len(reference)),
        "phone_error_rate": ratio_or_nan(errors, len(reference)),
        "calibration_error": calibration_error(posteriors, labels),
    }
