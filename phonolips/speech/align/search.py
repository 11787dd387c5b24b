"""The search of CTC forced alignment: the best path through known phones, with silence and fillers between them."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np

from phonolips.phones.inventory import SILENCE_ID

NO_FILLER = -2
MOST_MOVES = 64 * 2**20  # held at once, a byte each: a minute of speech needs a tenth of them
_SILENT, _TOKEN, _FILLER = range(3)  # kinds of states


class Path(NamedTuple):
    """The best path through some tokens.

    Args:
        starts: int64 (tokens,), the first step of each token.
        ends: int64 (tokens,), the step after its last.
        score: the sum of the path's log probabilities, less the costs of its fillers.
        fillers: int64 (steps,), the token after which the step's filler stands (-1: before the first); NO_FILLER where
            there is none.
    """

    starts: np.ndarray
    ends: np.ndarray
    score: float
    fillers: np.ndarray


class _States(NamedTuple):
    """The states of a search in their order, all of shape (states,).

    A state of kind _TOKEN is that token; silence and fillers come after the token (-1: before the first).
    """

    kinds: np.ndarray
    tokens: np.ndarray
    columns: np.ndarray


def steps_needed(tokens: np.ndarray) -> int:
    """Return the fewest steps of a path through the tokens: one each, and one between two equal ones."""
    return len(tokens) + int((tokens[1:] == tokens[:-1]).sum())


def search(logs: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Find the best path through all tokens in their order, silence allowed between any two.

    Args:
        logs: float32 (steps, classes), log probabilities or costs; column SILENCE_ID is silence.
        tokens: int64 (tokens,), columns of `logs`, none of them silence; they fit into the steps.

    Returns:
        the first step of each token and the step after its last, int64 (tokens,), and the path's sum.

    Source: the CTC topology of Graves et al. (2006) with the recursion of Viterbi (1967).
    """
    starts, ends, score, _ = search_with_fillers(logs, tokens, {})
    return starts, ends, score


def search_with_fillers(
    logs: np.ndarray, tokens: np.ndarray, slots: Mapping[int, float], *, costs: np.ndarray | None = None
) -> Path:
    """Find the best path through all tokens in their order, silence allowed between any two, fillers in some places.

    Args:
        logs: as for `search`; where there are slots, the last column is the filler's.
        tokens: as for `search`.
        slots: the tokens after which a filler may stand, beside silence (-1: before the first), and what it costs there
            beside its column.
        costs: float (tokens,), what each token costs a step beside its column; None = nothing.
    """
    states = _make_states(tokens, slots, logs.shape[1] - 1)
    forward = _Forward(logs, states, _allowed_skips(states, tokens), slots, costs)
    total = np.full(len(states.kinds), -np.inf, np.float32)  # of the best path that ends in each state
    beginnings = (states.tokens < 0) | ((states.tokens == 0) & (states.kinds == _TOKEN))  # up to the first token
    total[beginnings] = (logs[0, states.columns] - forward.enter - forward.costs)[beginnings]
    block = max(1, MOST_MOVES // len(total))
    firsts = range(1, len(logs), block)
    before = []  # the totals before each block; its moves are found again on the way back
    for first in firsts:
        before.append(total)
        total, moves = forward(total, first, min(first + block, len(logs)))
    final = np.flatnonzero(states.tokens == len(tokens) - 1)  # the last token, and what may follow it
    state = int(final[np.argmax(total[final])])
    score = float(total[state])
    path = np.full(len(logs), state)
    for number, first in reversed(list(enumerate(firsts))):
        last = min(first + block, len(logs))
        if last < len(logs):
            _, moves = forward(before[number], first, last)
        for step in range(last - 1, first - 1, -1):
            path[step] = state
            state -= int(moves[step - first, state])
    path[0] = state
    return _to_path(states.kinds[path], states.tokens[path], tokens, score)


class _Forward:
    """The forward pass of a search."""

    def __init__(
        self,
        logs: np.ndarray,
        states: _States,
        skips: list[np.ndarray],
        slots: Mapping[int, float],
        costs: np.ndarray | None,
    ) -> None:
        self.logs, self.columns, self.skips = logs, states.columns, skips
        entered = zip(states.kinds, states.tokens.tolist(), strict=True)
        self.enter = np.array([slots[token] if kind == _FILLER else 0.0 for kind, token in entered], np.float32)
        self.costs = np.zeros(len(states.kinds), np.float32)
        if costs is not None:
            own = states.kinds == _TOKEN
            self.costs[own] = costs[states.tokens[own]]

    def __call__(self, total: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Go from the totals before step `first` to those of step `last - 1`.

        Returns:
            the totals, float32 (states,), and by how many states the best path to each moved on, int8 (steps, states).
        """
        moves = np.empty((last - first, len(total)), np.int8)
        came = np.full((2 + len(self.skips), len(total)), -np.inf, np.float32)
        every = np.arange(len(total))
        for row, step in enumerate(range(first, last)):
            came[0] = total
            came[1, 1:] = total[:-1] - self.enter[1:]
            for far, allowed in enumerate(self.skips, start=2):
                came[far, far:] = np.where(allowed[far:], total[:-far] - self.enter[far:], np.float32(-np.inf))
            moves[row] = came.argmax(0)
            total = came[moves[row], every] + (self.logs[step, self.columns] - self.costs)
        return total, moves


def _make_states(tokens: np.ndarray, slots: Collection[int], filler: int) -> _States:
    """List the states: silence, token, silence, token, ..., silence, and fillers after the silence of their slots."""
    rows = []
    for place in range(-1, len(tokens)):
        if place >= 0:
            rows.append((_TOKEN, place, int(tokens[place])))
        rows.append((_SILENT, place, SILENCE_ID))
        if place in slots:
            rows.append((_FILLER, place, filler))
    return _States(*np.array(rows, np.int64).T)


def _allowed_skips(states: _States, tokens: np.ndarray) -> list[np.ndarray]:
    """Return where a path may move on by two states, and by three where there are fillers; bool (states,) each.

    Fillers may be left out; so may silence, but not between two equal tokens.
    """
    unlike = np.ones(len(states.kinds), bool)
    own = np.flatnonzero(states.kinds == _TOKEN)
    unlike[own[1:]] = tokens[1:] != tokens[:-1]

    def kind_before(far: int) -> np.ndarray:
        return np.concatenate([np.full(far, -1), states.kinds[:-far]])

    is_token, after_filler = states.kinds == _TOKEN, kind_before(1) == _FILLER
    past_silence = is_token & ~after_filler & (kind_before(2) == _TOKEN) & unlike
    past_filler = is_token & after_filler
    into_filler = (states.kinds == _FILLER) & (kind_before(2) == _TOKEN)
    two = past_silence | past_filler | into_filler
    three = past_filler & (kind_before(3) == _TOKEN) & unlike
    return [two, three] if after_filler.any() else [two]


def _to_path(kinds: np.ndarray, places: np.ndarray, tokens: np.ndarray, score: float) -> Path:
    """Read the tokens' steps off the states of a path; one step of silence between equal tokens goes to the first."""
    steps = np.flatnonzero(kinds == _TOKEN)
    starts = steps[np.searchsorted(places[steps], np.arange(len(tokens)), side="left")]
    ends = steps[np.searchsorted(places[steps], np.arange(len(tokens)), side="right") - 1] + 1
    forced = (tokens[1:] == tokens[:-1]) & (starts[1:] - ends[:-1] == 1)
    ends[:-1][forced] += 1
    return Path(starts, ends, score, np.where(kinds == _FILLER, places, NO_FILLER))
