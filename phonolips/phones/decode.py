"""Decode posteriors: read phones with times off them, without knowing the text.

The costs and weights had the least phone errors on validation clips. A least duration of 2 steps and the evidence of
CTC's blank would take off some tenths of a point more.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

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
MOST_PHONES = 128  # and so many phones to a state: together they fit into 16 bits
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
    search = make_search(ngram, switch_cost, ngram_weight=ngram_weight, prior_weight=prior_weight)
    settled = []
    for first in range(0, len(posteriors), BLOCK_STEPS):
        search.push(posteriors[first : first + BLOCK_STEPS])
        settled.append(search.settle())
    return np.concatenate([*settled, search.best()])


def make_search(
    ngram: PhoneNgram | None,
    switch_cost: float | None = None,
    *,
    ngram_weight: float = NGRAM_WEIGHT,
    prior_weight: float = PRIOR_WEIGHT,
) -> "PathSearch":
    """Return a search for the best path, which steps are pushed into; arguments as for `best_path`."""
    if ngram is None:
        return _AloneSearch(SWITCH_COST if switch_cost is None else switch_cost)
    cost = NGRAM_SWITCH_COST if switch_cost is None else switch_cost
    return _NgramSearch(ngram, cost, ngram_weight, prior_weight)


def _logarithms(posteriors: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.log(np.maximum(posteriors, LEAST_POSTERIOR), dtype=np.float32)
    return result


class PathSearch(ABC):
    """The best paths that end in each of some states, followed step by step."""

    def __init__(self) -> None:
        # Of every step that is held, and each of its states: the number of the state before * MOST_PHONES + its phone.
        self._steps: list[np.ndarray] = []

    def __len__(self) -> int:
        """Count the steps that are held."""
        return len(self._steps)

    def push(self, posteriors: np.ndarray) -> None:
        """Follow the paths through the next steps, float (steps, phones)."""
        self._steps.extend(self._follow(_logarithms(posteriors)))

    @abstractmethod
    def _follow(self, scores: np.ndarray) -> Iterator[np.ndarray]:
        """Yield, for each row of log posteriors float32 (steps, phones), what `_steps` holds of it."""

    @abstractmethod
    def _best_state(self) -> int:
        """Return the state in which the best path of all ends."""

    def best(self) -> np.ndarray:
        """Return the phones of the steps that are held on the best path of all, int64 (steps,)."""
        return self._trace(len(self._steps), self._best_state())

    def forget(self, steps: int) -> None:
        """Let go of the first steps that are held."""
        del self._steps[:steps]

    def settle(self) -> np.ndarray:
        """Let go of the beginning that all paths share; return its phones, int64 (steps,)."""
        if not self._steps:
            return np.zeros(0, np.int64)
        alive = np.arange(len(self._steps[-1]))
        for step in range(len(self._steps) - 1, -1, -1):
            alive = np.unique(self._steps[step][alive] // MOST_PHONES)
            if len(alive) == 1:
                path = self._trace(step, int(alive[0]))
                self.forget(step)
                return path
        return np.zeros(0, np.int64)

    def _trace(self, steps: int, state: int) -> np.ndarray:
        """Follow a state after so many steps back to the first one that is held; return the phones on the way."""
        path = np.empty(steps, np.int64)
        for step in range(steps - 1, -1, -1):
            state, path[step] = divmod(int(self._steps[step][state]), MOST_PHONES)
        return path


class _AloneSearch(PathSearch):
    """Every phone may follow every other one alike; a state is a phone."""

    def __init__(self, switch_cost: float) -> None:
        super().__init__()
        self._switch_cost = switch_cost
        self._total = np.zeros(0)  # of the best path that ends in each phone

    def _follow(self, scores: np.ndarray) -> Iterator[np.ndarray]:
        own = np.arange(scores.shape[1])
        total = self._total if len(self._total) else np.zeros(len(own))
        for score in scores:
            best = int(total.argmax())
            stays = total >= total[best] - self._switch_cost
            total = np.where(stays, total, total[best] - self._switch_cost) + score
            yield (np.where(stays, own, best) * MOST_PHONES + own).astype(np.uint16)
        self._total = total

    def _best_state(self) -> int:
        return int(self._total.argmax()) if len(self._total) else 0


class _NgramSearch(PathSearch):
    """Histories within the beam; a state is one of them."""

    def __init__(self, ngram: PhoneNgram, cost: float, weight: float, prior_weight: float) -> None:
        super().__init__()
        self._ngram, self._cost, self._weight = ngram, np.float32(cost), np.float32(weight)
        self._prior = np.float32(prior_weight) * ngram.log_prior
        self._history = np.zeros(1, np.int64)  # silences
        self._row = ngram.find(self._history)
        self._total = np.zeros(1, np.float32)

    def _best_state(self) -> int:
        return int(self._total.argmax())

    def _follow(self, scores: np.ndarray) -> Iterator[np.ndarray]:
        ngram, cost, weight = self._ngram, self._cost, self._weight
        history, row, total = self._history, self._row, self._total
        kept = NUM_PHONES ** (ngram.order - 2)  # of a history's number, once its oldest phone is dropped
        for score in scores - self._prior:
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
            yield (parent * MOST_PHONES + history % NUM_PHONES).astype(np.uint16)
        self._history, self._row, self._total = history, row, total


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
    return path_to_alignment(best_path(posteriors, ngram=ngram), posteriors)


def path_to_alignment(path: np.ndarray, posteriors: np.ndarray) -> Alignment:
    """Make an alignment without words of the phones of steps; int (steps,), and the posteriors that say how sure."""
    runs = label_runs(path)
    phones = [Interval(PHONES[phone], steps_to_seconds(first), steps_to_seconds(last)) for phone, first, last in runs]
    confidences = [float(posteriors[first:last, phone].mean()) for phone, first, last in runs]
    return Alignment.build((), phones, steps_to_seconds(len(posteriors)), np.clip(confidences, 0, 1).tolist())
