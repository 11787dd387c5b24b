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
BLOCK_HISTORIES = 2048  # whose probabilities are worked out at once: in float64 they stay within the cache


class PhoneNgram(NamedTuple):
    """Log probabilities of a phone after a history; a history is the number whose last digit, base 40, is nearest.

    A row stands for each history that was seen, the shorter ones first; the very first row knows nothing. Of the
    longest histories, of which few were seen, the numbers are kept in order and searched for; a table of all the others
    is small.

    Attributes:
        order: phones of an n-gram, one more than those of a history; 2 at least.
        rows: float32 (rows, phones).
        row_of: int64 (phones ** (order - 2),), the row of each history of order - 2 phones, or of its longest
            part that was seen.
        longest: int64 (histories,), ascending: those of order - 1 phones that were seen; the last rows are theirs.
        log_prior: float32 (phones,), of the phones' shares of the steps.
    """

    order: int
    rows: np.ndarray
    row_of: np.ndarray
    longest: np.ndarray
    log_prior: np.ndarray

    def find(self, histories: np.ndarray) -> np.ndarray:
        """Return the row of each history of order - 1 phones, or of its longest part that was seen: int64, alike."""
        rows: np.ndarray = self.row_of[histories % len(self.row_of)]
        if len(self.longest):
            at = np.searchsorted(self.longest, histories)
            seen = (self.longest.take(at, mode="clip") == histories).nonzero()[0]
            rows[seen] = len(self.rows) - len(self.longest) + at[seen]
        return rows


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
    known_histories = [np.unique(codes.astype(np.int64) // NUM_PHONES, return_index=True) for codes, _ in levels]
    rows = np.empty((1 + sum(len(histories) for histories, _ in known_histories), NUM_PHONES), np.float32)
    # What the next longer histories build on; at first that of no phones at all, of which nothing is known.
    below, lower, row_of = np.zeros(1, np.int64), np.full((1, NUM_PHONES), 1.0 / NUM_PHONES), np.zeros(1, np.int64)
    rows[0], row = np.log(lower[0]), 1
    for size in range(order):  # phones in a history
        (codes, seen), (histories, starts) = levels[order - 1 - size], known_histories[order - 1 - size]
        if size < order - 1:
            row_of = np.tile(row_of, NUM_PHONES) if size else row_of
            row_of[histories] = row + np.arange(len(histories))
        mixed: list[np.ndarray] = []
        discounts, ends = _discounts(seen), np.append(starts, len(codes))
        for first in range(0, len(histories), BLOCK_HISTORIES):
            own = histories[first : first + BLOCK_HISTORIES]
            some = slice(ends[first], ends[first + len(own)])
            known = np.zeros((len(own), NUM_PHONES))
            known[np.searchsorted(own, codes[some] // NUM_PHONES), codes[some] % NUM_PHONES] = seen[some]
            discount = discounts[np.minimum(known, 3).astype(np.int8)]
            place = np.searchsorted(below, own % NUM_PHONES ** max(size - 1, 0))
            block = (known - discount + discount.sum(1, keepdims=True) * lower[place]) / known.sum(1, keepdims=True)
            rows[row : row + len(own)] = np.log(block)
            row += len(own)
            mixed += [block] if size < order - 1 else []
        below, lower = histories, np.concatenate(mixed) if mixed else lower[:0]
    log_prior = np.log(np.maximum(prior, 1e-5)).astype(np.float32)
    return PhoneNgram(order, rows, row_of, below, log_prior)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Return the discounts of n-grams that were seen 0, 1, 2, and 3 or more times, float64 (4,)."""
    ones, twos, threes, fours = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (ones and twos and threes):
        return np.array([0.0, 0.5, 0.5, 0.5])
    share = ones / (ones + 2 * twos)
    estimate = [1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes]
    return np.array([0.0, *np.clip(estimate, 0.05, MOST_DISCOUNT)])
