"""Read phones with times off posteriors, without knowing the text.

The costs and the weight had the least phone errors on validation clips. Neither a least duration of 2 or 3
steps nor posteriors divided by the phones' frequencies lowered them further.
"""

import numpy as np

from phonolips.phones import SILENCE_ID

SWITCH_COST = 2.5  # nats that a change of phone must earn, where all phones may follow each other alike
TRIGRAM_SWITCH_COST = 0.5  # nats, likewise, beside the trigram
TRIGRAM_WEIGHT = 0.7
LEAST_POSTERIOR = 1e-6
BLOCK_STEPS = 4096  # steps that are decided together
LAG_STEPS = 500  # steps beyond a block that have a say in it
BEAM = 12.0  # nats; pairs of phones that are further behind the best are not followed
NEVER = -1e9


def best_path(
    posteriors: np.ndarray,
    switch_cost: float | None = None,
    *,
    phone_trigram: np.ndarray | None = None,
    trigram_weight: float = TRIGRAM_WEIGHT,
) -> np.ndarray:
    """Find the likeliest phone of every step where each change of phone has a cost (Viterbi 1967).

    That is the path with the greatest sum of log posteriors, less `switch_cost` and plus `trigram_weight` *
    `phone_trigram` at each change. With a trigram, what comes more than 5 s after a block of 41 s does not change it.
    Takes about a hundredth of the recording's time.

    Args:
        posteriors: float (steps, phones), rows sum to 1; at most 128 phones.
        switch_cost: nats; 0 without a trigram gives the best phone of every step by itself. None = SWITCH_COST,
            or TRIGRAM_SWITCH_COST with a trigram.
        phone_trigram: float (phones, phones, phones), log probability of a phone (last axis) after two others, the
            nearer one on the middle axis. Before the first phone is silence.
        trigram_weight: of `phone_trigram`.

    Returns:
        int64 (steps,), phone ids.
    """
    if phone_trigram is None:
        return _best_alone(posteriors, SWITCH_COST if switch_cost is None else switch_cost)
    cost = TRIGRAM_SWITCH_COST if switch_cost is None else switch_cost
    change = trigram_weight * np.asarray(phone_trigram, np.float32) - np.float32(cost)
    phones = np.arange(posteriors.shape[1])
    change[:, phones, phones] = NEVER
    total = np.full(change.shape[:2], NEVER, np.float32)  # of the best path that ends in each pair of phones
    total[SILENCE_ID] = 0.0
    path = np.empty(len(posteriors), np.int64)
    for first in range(0, len(posteriors), BLOCK_STEPS):
        own = min(BLOCK_STEPS, len(posteriors) - first)
        path[first : first + own], total = _best_block(
            _logarithms(posteriors[first : first + own + LAG_STEPS]), change, total, own, is_start=first == 0
        )
    return path


def _logarithms(posteriors: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.log(np.maximum(posteriors, LEAST_POSTERIOR), dtype=np.float32)
    return result


def _best_alone(posteriors: np.ndarray, switch_cost: float) -> np.ndarray:
    """Find the best path where every phone may follow every other one alike."""
    steps, phones = posteriors.shape
    came_from = np.empty((steps, phones), np.int8)
    own = np.arange(phones, dtype=np.int8)
    total = np.zeros(phones)  # of the best path that ends in each phone
    for first in range(0, steps, BLOCK_STEPS):
        for step, score in enumerate(_logarithms(posteriors[first : first + BLOCK_STEPS]), start=first):
            best = int(total.argmax())
            stays = total >= total[best] - switch_cost
            came_from[step] = np.where(stays, own, best)
            total = np.where(stays, total, total[best] - switch_cost) + score
    path = np.empty(steps, np.int64)
    phone = int(total.argmax())
    for step in range(steps - 1, -1, -1):
        path[step] = phone
        phone = int(came_from[step, phone])
    return path


def _best_block(
    scores: np.ndarray, change: np.ndarray, total: np.ndarray, own: int, *, is_start: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Find the best path through a block with a trigram.

    Args:
        scores: float (steps, phones), log posteriors of the block and of what follows it.
        change: float (phones, phones, phones), what a change to the phone of the last axis earns.
        total: float (phones, phones), of the best path before the block that ends in each pair of phones.
        own: steps that are the block's own.
        is_start: nothing comes before; its first step is no change.

    Returns:
        int64 (own,), phones; and `total` for the next block, which follows the path found alone.
    """
    stay = -1
    came_from = np.full((len(scores), *total.shape), stay, np.int8)  # the phone before the pair, or `stay`
    for step, score in enumerate(scores):
        if step or not is_start:
            reached = total.max(0)
            followed = np.flatnonzero(reached > reached.max() - BEAM)
            through = total[:, followed, None] + change[:, followed]
            before = through.argmax(0)
            moved = np.take_along_axis(through, before[None], 0)[0]
            better = moved > total[followed]
            came_from[step, followed] = np.where(better, before, stay)
            total = total.copy()
            total[followed] = np.where(better, moved, total[followed])
        total = total + score
    path = np.empty(len(scores), np.int64)
    pair = divmod(int(total.argmax()), total.shape[1])
    end = pair
    for step in range(len(scores) - 1, -1, -1):
        if step == own - 1:
            end = pair
        path[step] = pair[1]
        earlier = int(came_from[step][pair])
        if earlier != stay:
            pair = (earlier, pair[0])
    left = np.full_like(total, NEVER)
    left[end] = 0.0
    return path[:own], left
