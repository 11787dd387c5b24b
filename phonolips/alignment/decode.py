"""Read phones with times off posteriors, without knowing the text.

The costs and the weight had the least phone errors on validation clips. Neither a least duration of 2 or 3
steps nor posteriors divided by the phones' frequencies lowered them further.
"""

import numpy as np

SWITCH_COST = 2.5  # nats that a change of phone must earn, where all phones may follow each other alike
BIGRAM_SWITCH_COST = 0.8  # nats, likewise, beside the bigram
BIGRAM_WEIGHT = 0.6
LEAST_POSTERIOR = 1e-6
BLOCK_STEPS = 4096  # steps whose logarithms are held at once


def best_path(
    posteriors: np.ndarray,
    switch_cost: float | None = None,
    *,
    phone_bigram: np.ndarray | None = None,
    bigram_weight: float = BIGRAM_WEIGHT,
) -> np.ndarray:
    """Find the likeliest phone of every step where each change of phone has a cost (Viterbi 1967).

    That is the path with the greatest sum of log posteriors, less `switch_cost` and plus `bigram_weight` *
    `phone_bigram` at each change. Needs one byte for each step and phone, and some seconds for an hour.

    Args:
        posteriors: float (steps, phones), rows sum to 1; at most 128 phones.
        switch_cost: nats; 0 without a bigram gives the best phone of every step by itself. None = SWITCH_COST,
            or BIGRAM_SWITCH_COST with a bigram.
        phone_bigram: float (phones, phones), log probability of a phone (column) after another (row).
        bigram_weight: of `phone_bigram`.

    Returns:
        int64 (steps,), phone ids.
    """
    steps, phones = posteriors.shape
    if switch_cost is None:
        switch_cost = SWITCH_COST if phone_bigram is None else BIGRAM_SWITCH_COST
    change = np.full((phones, phones), -float(switch_cost))  # row: to, column: from
    if phone_bigram is not None:
        change += bigram_weight * np.asarray(phone_bigram, np.float64).T
    np.fill_diagonal(change, 0.0)
    rows = np.arange(phones) * phones
    came_from = np.empty((steps, phones), np.int8)
    total = np.zeros(phones)  # of the best path that ends in each phone
    for first in range(0, steps, BLOCK_STEPS):
        scores = np.log(np.maximum(posteriors[first : first + BLOCK_STEPS], LEAST_POSTERIOR), dtype=np.float64)
        for step, score in enumerate(scores, start=first):
            through = change + total
            best = through.argmax(1)
            came_from[step] = best
            total = through.ravel()[rows + best] + score
    path = np.empty(steps, np.int64)
    phone = int(total.argmax())
    for step in range(steps - 1, -1, -1):
        path[step] = phone
        phone = int(came_from[step, phone])
    return path
