"""Which phone follows which others: an n-gram of phones, which helps to read phones off posteriors.

A model keeps the counts, about a megabyte; probabilities are computed from them when needed.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES, SILENCE_ID

ORDER = 5
STRETCH = 3  # phones on each side that make a context; an n-gram in the same context counts once
MOST_DISCOUNT = 2.9


class PhoneNgram(NamedTuple):
    """Log probabilities of a phone after a history; a history is the number whose last digit, base 40, is nearest.

    rows: float32 (rows, phones). row_of: int32 (phones ** (order - 1),), the row of each history, or of its longest
    part that was seen. log_prior: float32 (phones,), of the phones' shares of the steps.
    """

    rows: np.ndarray
    row_of: np.ndarray
    log_prior: np.ndarray


def count_ngrams(sequences: Iterable[Sequence[int] | np.ndarray], order: int = ORDER) -> tuple[np.ndarray, np.ndarray]:
    """Count n-grams; runs of a phone are one, silence comes before a clip, nothing is counted across IGNORED_ID.

    An n-gram between the same STRETCH phones on both sides counts once, so a corpus that repeats a few words in one
    order (GRID) does not outweigh the rest.

    Args:
        sequences: phone ids of each clip in order, silence included.
        order: phones in an n-gram.

    Returns:
        int64 (kinds,), the n-grams as numbers of base 40, ascending; and int64 (kinds,), how often each occurs.
    """
    seen: set[tuple[int, ...]] = set()
    found: list[int] = []
    place = NUM_PHONES ** np.arange(order - 1, -1, -1)
    for sequence in sequences:
        ids = np.asarray(sequence, np.int64)
        ids = ids[np.diff(ids, prepend=IGNORED_ID - 1) != 0]
        ids = np.concatenate([np.full(order - 1, SILENCE_ID), ids[1:] if ids[:1].tolist() == [SILENCE_ID] else ids])
        listed = ids.tolist()
        for end in range(order, len(listed) + 1):
            first = max(0, end - order - STRETCH)
            context = (min(end - order, STRETCH), *listed[first : end + STRETCH])
            if context in seen or IGNORED_ID in listed[end - order : end]:
                continue
            seen.add(context)
            found.append(int(ids[end - order : end] @ place))
    kinds, counts = np.unique(np.array(found, np.int64), return_counts=True)
    return kinds, counts


def fit_ngram(kinds: np.ndarray, counts: np.ndarray, prior: np.ndarray, order: int = ORDER) -> PhoneNgram:
    """Smooth counts by interpolated modified Kneser-Ney (Chen and Goodman 1999); lower orders are derived.

    Args:
        kinds: int64 (kinds,), from `count_ngrams`.
        counts: int (kinds,).
        prior: float (phones,), the phones' shares of the steps.
        order: phones in an n-gram.
    """
    levels = [(kinds, counts)]
    for shorter in range(order - 1, 0, -1):
        levels.append(np.unique(levels[-1][0] % NUM_PHONES**shorter, return_counts=True))
    row_of, rows, total = np.zeros(1, np.int32), [np.full((1, NUM_PHONES), 1.0 / NUM_PHONES)], 1
    for size, (codes, seen) in enumerate(reversed(levels), start=1):
        histories, place = np.unique(codes // NUM_PHONES, return_inverse=True)
        if size > 1:
            row_of = np.tile(row_of, NUM_PHONES)
        known = np.zeros((len(histories), NUM_PHONES))
        known[place, codes % NUM_PHONES] = seen
        discount = _discounts(seen)[np.minimum(known, 3).astype(int)]
        lower = np.concatenate(rows)[row_of[histories]]
        rows.append((known - discount + discount.sum(1, keepdims=True) * lower) / known.sum(1, keepdims=True))
        row_of[histories] = total + np.arange(len(histories), dtype=np.int32)
        total += len(histories)
    log_prior = np.log(np.maximum(prior, 1e-5)).astype(np.float32)
    return PhoneNgram(np.log(np.concatenate(rows)).astype(np.float32), row_of, log_prior)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Return the discounts of n-grams that were seen 0, 1, 2, and 3 or more times, float64 (4,)."""
    ones, twos, threes, fours = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (ones and twos and threes):
        return np.array([0.0, 0.5, 0.5, 0.5])
    share = ones / (ones + 2 * twos)
    estimate = [1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes]
    return np.array([0.0, *np.clip(estimate, 0.05, MOST_DISCOUNT)])
