"""What is fitted once the ears are trained: a temperature for the posteriors, and which phone follows which two."""

import logging
from collections.abc import Iterable, Sequence

import numpy as np

from phonolips.phones import IGNORED_ID, NUM_PHONES, SILENCE_ID

log = logging.getLogger("phonolips.training")
TEMPERATURES = (0.2, 5.0)  # where the search looks
MOST_DISCOUNT = 0.9  # where too little was seen to tell how much to take off
STRETCH = 3  # phones on each side that make a context; the same phones in the same context count once


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


def fit_phone_trigram(sequences: Iterable[Sequence[int] | np.ndarray]) -> np.ndarray:
    """Learn which phone follows which two.

    Runs of a phone count as one, and a clip begins after silence. Three phones count once for each context of STRETCH
    phones to both sides, so a corpus that says a few words in one order again and again (GRID) does not drown the
    others. Smoothed by absolute discounting, interpolated with pairs and those with single phones (Ney et al. 1994).

    Args:
        sequences: phone ids of each clip in order, silence included; nothing is counted across IGNORED_ID.

    Returns:
        float32 (phones, phones, phones), log probability of the phone of the last axis after the one of the middle
        axis after the one of the first.
    """
    seen: set[tuple[int, ...]] = set()
    counts = np.zeros((NUM_PHONES, NUM_PHONES, NUM_PHONES))
    for sequence in sequences:
        ids = np.asarray(sequence, np.int64)
        merged = [SILENCE_ID, *ids[np.diff(ids, prepend=IGNORED_ID - 1) != 0].tolist()]
        for index in range(len(merged) - 2):
            three = tuple(merged[index : index + 3])
            context = (min(index, STRETCH), *merged[max(0, index + 1 - STRETCH) : index + 3 + STRETCH])
            if IGNORED_ID in three or context in seen:
                continue
            seen.add(context)
            counts[three] += 1
    single = (counts.sum((0, 1)) + 1) / (counts.sum() + NUM_PHONES)
    pairs = _discount(counts.sum(0), single)
    trigram: np.ndarray = np.log(_discount(counts, pairs))
    perplexity = float(np.exp(-(counts * trigram).sum() / max(1.0, counts.sum())))
    log.info("phone trigram from %d triples, perplexity %.1f on them", counts.sum(), perplexity)
    return trigram.astype(np.float32)


def _discount(counts: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Turn counts (..., phones) into probabilities; what is taken off those seen is shared out like `lower`."""
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = min(once / (once + 2 * twice), MOST_DISCOUNT) if once else 0.5
    total = counts.sum(-1, keepdims=True)
    spared = discount * (counts > 0).sum(-1, keepdims=True)
    shares = (np.maximum(counts - discount, 0) + spared * lower) / np.maximum(total, 1)
    result: np.ndarray = np.where(total > 0, shares, lower)
    return result
