"""What is fitted once the ears are trained: a temperature for the posteriors, and which phone follows which."""

import logging
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from phonolips.phones import IGNORED_ID, NUM_PHONES

log = logging.getLogger("phonolips.training")
TEMPERATURES = (0.2, 5.0)  # where the search looks
STRETCH = 3  # phones on each side that make a pair's context; the same pair in the same context counts once


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Find the temperature under which logits give the labels the greatest probability (Guo et al. 2017).

    It changes how sure the posteriors are, never which phone is the best.

    Args:
        logits: float (steps, phones), of clips that were not trained on.
        labels: int64 (steps,); steps with IGNORED_ID do not count.

    Returns:
        what to divide the logits by, within TEMPERATURES; 1 where no step is labelled.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    known = labels != IGNORED_ID
    if not known.any():
        return 1.0
    kept = np.asarray(logits, np.float64)[known]
    right = kept[np.arange(len(kept)), labels[known]].mean()

    def loss(log_temperature: float) -> float:
        inverse = np.exp(-log_temperature)
        return float(logsumexp(kept * inverse, axis=1).mean() - right * inverse)

    bounds = tuple(np.log(TEMPERATURES).tolist())
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-5})
    temperature = float(np.exp(found.x))
    log.info("temperature %.3f on %d steps: cross-entropy %.4f, was %.4f", temperature, len(kept), found.fun, loss(0.0))
    return temperature


def fit_phone_bigram(sequences: Iterable[Sequence[int] | np.ndarray]) -> np.ndarray:
    """Learn which phone follows which.

    Runs of a phone count as one. A pair counts once for each context of STRETCH phones to both sides, so a
    corpus that says a few words in one order again and again (GRID) does not drown the others. Smoothed by
    absolute discounting, interpolated with the phones' own frequencies (Ney et al. 1994).

    Args:
        sequences: phone ids of each clip in order, silence included; no pair is made with IGNORED_ID.

    Returns:
        float32 (phones, phones), log probability of the phone of the column after that of the row.
    """
    seen: set[tuple[int, ...]] = set()
    counts = np.zeros((NUM_PHONES, NUM_PHONES))
    for sequence in sequences:
        ids = np.asarray(sequence, np.int64)
        merged = ids[np.diff(ids, prepend=IGNORED_ID - 1) != 0].tolist()
        for index, (first, second) in enumerate(pairwise(merged)):
            context = (min(index, STRETCH), *merged[max(0, index - STRETCH) : index + 2 + STRETCH])
            if IGNORED_ID in (first, second) or context in seen:
                continue
            seen.add(context)
            counts[first, second] += 1
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = once / (once + 2 * twice) if once else 0.5
    single = (counts.sum(0) + 1) / (counts.sum() + NUM_PHONES)
    total = counts.sum(1, keepdims=True)
    spared = discount * (counts > 0).sum(1, keepdims=True)
    pairs = (np.maximum(counts - discount, 0) + spared * single) / np.maximum(total, 1)
    bigram = np.log(np.where(total > 0, pairs, single))
    perplexity = float(np.exp(-(counts * bigram).sum() / max(1.0, counts.sum())))
    log.info("phone bigram from %d pairs, perplexity %.1f on them", counts.sum(), perplexity)
    return bigram.astype(np.float32)
