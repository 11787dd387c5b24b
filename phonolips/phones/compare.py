"""Compare phones: sequences, error rates, and how far boundaries are apart."""

from collections.abc import Iterable, Sequence

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.decode import best_path
from phonolips.phones.inventory import (
    IGNORED_ID,
    PHONES,
    SILENCE,
    SILENCE_ID,
    normalise_phone,
)
from phonolips.phones.ngram import PhoneNgram

BOUNDARY_TOLERANCE_MS = 20.0


def mean_or_nan(values: np.ndarray) -> float:
    """Average values; NaN where there are none."""
    return float(np.mean(values)) if values.size else float("nan")


def ratio_or_nan(numerator: float, denominator: float) -> float:
    """Divide; NaN where the denominator is not positive."""
    return float(numerator / denominator) if denominator > 0 else float("nan")


# --------------------------------------------------------------------------------------------- ears


def label_runs(labels: np.ndarray) -> list[tuple[int, int, int]]:
    """List the runs of equal labels as (label, first step, step after the last)."""
    edges = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(labels)]
    return [(int(labels[start]), start, end) for start, end in zip(starts, ends, strict=True) if end > start]


def labels_to_phones(labels: np.ndarray) -> list[str]:
    """Read the phone sequence off labels, int (steps,): merge equal neighbours, drop silence and `spn`."""
    runs = label_runs(labels)
    return [PHONES[label] for label, _, _ in runs if label not in (SILENCE_ID, IGNORED_ID)]


def recognise_phones(posteriors: np.ndarray, ngram: PhoneNgram | None = None) -> list[str]:
    """Read the phone sequence off posteriors (steps, phones) by `phones.decode.best_path`."""
    return labels_to_phones(best_path(posteriors, ngram=ngram))


def phone_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Count insertions, deletions and substitutions between two phone sequences (Levenshtein distance)."""
    ids = {phone: number for number, phone in enumerate(dict.fromkeys((*reference, *hypothesis)))}
    wanted = np.array([ids[phone] for phone in hypothesis], np.int64)
    places = np.arange(len(wanted) + 1)
    row = places.copy()  # distance of the reference so far to every beginning of the hypothesis
    for phone in reference:
        least = np.append(row[0] + 1, np.minimum(row[1:] + 1, row[:-1] + (wanted != ids[phone])))
        row = np.minimum.accumulate(least - places) + places  # insertions: one more for each place to the right
    return int(row[-1])


def phone_error_rate(reference: Sequence[str], hypothesis: Sequence[str]) -> float:
    """Compute phone errors over the reference's length; may pass 1; NaN for an empty reference."""
    return ratio_or_nan(phone_errors(reference, hypothesis), len(reference))


# ---------------------------------------------------------------------------------------- boundaries


def _speech(intervals: Iterable[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
    """Normalise the labels and leave silence out."""
    named = [(normalise_phone(label), start, end) for label, start, end in intervals]
    return [interval for interval in named if interval[0] != SILENCE]


def _same_phones(
    first: Iterable[tuple[str, float, float]], second: Iterable[tuple[str, float, float]]
) -> tuple[list[tuple[str, float, float]], list[tuple[str, float, float]]]:
    """Leave silence out of two phone tiers; raise InputError unless the phones are then the same."""
    one, two = _speech(first), _speech(second)
    labels_one, labels_two = [item[0] for item in one], [item[0] for item in two]
    if labels_one != labels_two:
        shared = zip(labels_one, labels_two, strict=False)
        place = next((i for i, (a, b) in enumerate(shared) if a != b), min(len(one), len(two)))
        raise InputError(
            f"two alignments differ from phone {place + 1} on ({' '.join(labels_one[place:][:3]) or 'none'} "
            f"against {' '.join(labels_two[place:][:3]) or 'none'}); expected the same phones in both"
        )
    return one, two


def boundary_errors(found: Iterable[tuple[str, float, float]], truth: Iterable[tuple[str, float, float]]) -> np.ndarray:
    """Compute how far each phone's start is off.

    Args:
        found: (label, start, end) in seconds, in order; silences are left out and may differ.
        truth: likewise, with the same phones.

    Returns:
        float64 (phones,), absolute errors in ms.

    Raises:
        InputError: the phones differ.
    """
    one, two = _same_phones(found, truth)
    return np.array([1000.0 * abs(a[1] - b[1]) for a, b in zip(one, two, strict=True)])


def boundary_summary(errors: np.ndarray) -> dict[str, float]:
    """Sum up absolute boundary errors in ms (of any number of clips): median, and share within 20 ms."""
    if len(errors) == 0:
        return {"boundary_median_ms": float("nan"), "boundary_within_20_ms": float("nan")}
    close = errors <= BOUNDARY_TOLERANCE_MS + 1e-6
    return {"boundary_median_ms": float(np.median(errors)), "boundary_within_20_ms": float(np.mean(close))}
