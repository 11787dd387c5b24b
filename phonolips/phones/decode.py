"""Decode posteriors: read phones with times off them, without knowing the text.

The costs and weights had the least phone errors on validation clips. A least duration of 2 steps and the evidence of
CTC's blank would take off some tenths of a point more.
"""

import numpy as np

from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import NUM_PHONES, PHONES
from phonolips.phones.ngram import PhoneNgram
from phonolips.timebase import steps_to_seconds

SWITCH_COST = 2.5  # nats that a change of phone must earn, where all phones may follow each other alike
NGRAM_SWITCH_COST = 0.5  # nats, likewise, beside the n-gram
NGRAM_WEIGHT = 1.0
PRIOR_WEIGHT = 0.3  # beside the n-gram, posteriors are divided by the phones' shares of the steps to this power
LEAST_POSTERIOR = 1e-6
BEAM = 9.0  # nats; histories that are further behind the best are not followed
MOST_STATES = 512  # histories followed at a time
BLOCK_STEPS = 4096  # steps whose logarithms are held at once


def best_path(
    posteriors: np.ndarray,
    switch_cost: float | None = None,
    *,
    ngram: PhoneNgram | None = None,
    ngram_weight: float = NGRAM_WEIGHT,
    prior_weight: float = PRIOR_WEIGHT,
) -> np.ndarray:
    """Find the likeliest phone of every step where each change of phone has a cost (Viterbi 1967).

    That is the path with the greatest sum of log posteriors, less `switch_cost` at each change; with an n-gram, also
    plus `ngram_weight` times its log probability at each change, and less `prior_weight` times the phone's log prior
    at each step. With an n-gram the search follows a beam of histories, takes about a hundredth of the recording's
    time, and begins after silence.

    Args:
        posteriors: float (steps, phones), rows sum to 1; at most 128 phones, 40 with an n-gram.
        switch_cost: nats; 0 without an n-gram gives the best phone of every step by itself. None = SWITCH_COST,
            or NGRAM_SWITCH_COST with an n-gram.
        ngram: which phone follows which others.
        ngram_weight: of the n-gram's log probabilities.
        prior_weight: of the phones' log prior.

    Returns:
        int64 (steps,), phone ids.
    """
    if ngram is None:
        return _best_alone(posteriors, SWITCH_COST if switch_cost is None else switch_cost)
    cost = NGRAM_SWITCH_COST if switch_cost is None else switch_cost
    return _best_with_ngram(posteriors, ngram, np.float32(cost), np.float32(ngram_weight), np.float32(prior_weight))


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


def _best_with_ngram(
    posteriors: np.ndarray, ngram: PhoneNgram, cost: np.float32, weight: np.float32, prior_weight: np.float32
) -> np.ndarray:
    """Find the best path among histories within the beam; what all of them have in common is settled on the way."""
    kept = NUM_PHONES ** (ngram.order - 2)  # of a history's number, once its oldest phone is dropped
    history = np.zeros(1, np.int64)  # silences
    row = ngram.find(history)
    total = np.zeros(1, np.float32)
    path = np.empty(len(posteriors), np.int64)
    settled = 0
    # From there on, of each state: the number of the state before * NUM_PHONES + its phone.
    steps: list[np.ndarray] = []
    for first in range(0, len(posteriors), BLOCK_STEPS):
        for score in _logarithms(posteriors[first : first + BLOCK_STEPS]) - prior_weight * ngram.log_prior:
            phone = history % NUM_PHONES
            moved = ngram.rows[row]
            moved *= weight
            moved += total[:, None]
            moved -= cost
            moved += score
            moved[np.arange(len(history)), phone] = -np.inf
            stayed = total + score[phone]
            best = max(float(stayed.max()), float(moved.max()))
            before, to = (moved > best - BEAM).nonzero()
            still = (stayed > best - BEAM).nonzero()[0]
            if len(before):  # of paths that end in the same history only the best is followed
                parent = np.concatenate([still, before])
                total = np.concatenate([stayed[still], moved[before, to]]) - np.float32(best)
                history = np.concatenate([history[still], history[before] % kept * NUM_PHONES + to])
                row = np.concatenate([row[still], -np.ones_like(before)])  # of the new ones not found yet
                order = np.argsort(-total, kind="stable")[:MOST_STATES]
                order = order[np.argsort(history[order], kind="stable")]
                ends_alike = history[order]
                is_best = np.ones(len(order), np.bool_)
                is_best[1:] = ends_alike[1:] != ends_alike[:-1]
                chosen = order[is_best]
                parent, total, history, row = parent[chosen], total[chosen], history[chosen], row[chosen]
                new = (row < 0).nonzero()[0]
                row[new] = ngram.find(history[new])
            else:
                parent, total, history, row = still, stayed[still] - np.float32(best), history[still], row[still]
            steps.append((parent * NUM_PHONES + history % NUM_PHONES).astype(np.int16))
        settled += _settle(steps, len(total), path[settled:])
    _trace(steps, int(total.argmax()), path[settled:])
    return path


def _settle(steps: list[np.ndarray], states: int, path: np.ndarray) -> int:
    """Write the beginning that the paths to all states share into `path`, and forget it; return its length."""
    alive = np.arange(states)
    for step in range(len(steps) - 1, -1, -1):
        alive = np.unique(steps[step][alive] // NUM_PHONES)
        if len(alive) == 1:
            _trace(steps[:step], int(alive[0]), path)
            del steps[:step]
            return step
    return 0


def _trace(steps: list[np.ndarray], state: int, path: np.ndarray) -> None:
    """Follow a state back to the first step, and write the phones on the way into `path`."""
    for step in range(len(steps) - 1, -1, -1):
        state, path[step] = divmod(int(steps[step][state]), NUM_PHONES)


def label_runs(labels: np.ndarray) -> list[tuple[int, int, int]]:
    """List the runs of equal labels as (label, first step, step after the last)."""
    edges = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(labels)]
    return [(int(labels[start]), start, end) for start, end in zip(starts, ends, strict=True) if end > start]


def read_phones(posteriors: np.ndarray, ngram: PhoneNgram | None = None) -> Alignment:
    """Read phones with times off posteriors, without their text.

    Args:
        posteriors: float (steps, phones), rows sum to 1, at least one step.
        ngram: which phone follows which others; a network has one, `network.phone_ngram()`.
            None = all alike.

    Returns:
        an alignment without words; confidences are the mean posterior of each phone.
    """
    runs = label_runs(best_path(posteriors, ngram=ngram))
    phones = [Interval(PHONES[phone], steps_to_seconds(first), steps_to_seconds(last)) for phone, first, last in runs]
    confidences = [float(posteriors[first:last, phone].mean()) for phone, first, last in runs]
    return Alignment.build((), phones, steps_to_seconds(len(posteriors)), np.clip(confidences, 0, 1).tolist())
