"""Align known words with phone posteriors: the network's own encoder decides when each phone is said.

The search is CTC forced alignment (Graves et al. 2006) with silence as the
blank, so that silence may stand between any two phones but need not.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONE_IDS, SILENCE_ID
from phonolips.phones.posteriors import check_shape
from phonolips.speech.words import words_to_align
from phonolips.timebase import samples_to_seconds, seconds_to_steps, steps_to_seconds

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

SMALLEST_POSTERIOR = 1e-8  # below this a posterior counts as this; keeps every path possible


class PhoneEncoder(Protocol):
    """Whatever converts sound to phone posteriors."""

    def posteriors(self, waveform: np.ndarray) -> np.ndarray:
        """Encode float32 (samples,) at 16 kHz; return float32 (steps, NUM_PHONES)."""
        ...


def align_waveform(waveform: np.ndarray, words: "Sequence[SpokenWord]", network: PhoneEncoder) -> Alignment:
    """Encode a sound, then align its posteriors.

    Args:
        waveform: float32 (samples,), 16 kHz, [-1, 1].
        words: what is said; pauses among them are ignored.
        network: whose encoder makes the posteriors.

    Raises:
        InputError: as `align_posteriors` does.
    """
    posteriors = network.posteriors(waveform)
    return align_posteriors(posteriors, words, duration=samples_to_seconds(len(waveform)))


def align_posteriors(
    posteriors: np.ndarray, words: "Sequence[SpokenWord]", *, duration: float | None = None
) -> Alignment:
    """Find the words and phones that the posteriors agree with best.

    Silence found inside a word goes to the phone before it; so does the single step that CTC puts between
    two equal phones. A phone's confidence is the mean of its posterior over its interval.

    Args:
        posteriors: float (steps, NUM_PHONES), rows sum to 1, one row for each 10 ms.
        words: what is said; pauses among them are ignored.
        duration: seconds, where the sound ends inside the last step; None means whole steps.

    Returns:
        An alignment with confidences.

    Raises:
        InputError: no words, posteriors of another shape or not finite, or fewer steps than phones.
    """
    spoken = words_to_align(words)
    posteriors = check_shape(posteriors)
    tokens = np.array([PHONE_IDS[phone] for item in spoken for phone in item.phones])
    steps = len(posteriors)
    needed = steps_needed(tokens)
    if steps < needed:
        raise InputError(
            f"{len(tokens)} phones do not fit into {steps} steps ({steps_to_seconds(steps):.2f} s); "
            f"they need at least {needed} steps"
        )
    starts, ends, _ = search(log_posteriors(posteriors), tokens)
    seconds = steps_to_seconds(steps) if duration is None else duration

    phones: list[Interval] = []
    words_found: list[Interval] = []
    for item in spoken:
        first, last = len(phones), len(phones) + len(item.phones) - 1
        ends[first:last] = starts[first + 1 : last + 1]
        for token, phone in enumerate(item.phones, start=first):
            start, end = steps_to_seconds(int(starts[token])), steps_to_seconds(int(ends[token]))
            phones.append(Interval(phone, start, min(end, seconds)))
        words_found.append(Interval(item.word, phones[first].start, phones[last].end))
    alignment = Alignment.build(words_found, phones, seconds)
    confidences = tuple(confidence(phone, posteriors) for phone in alignment.phones)
    return replace(alignment, confidences=confidences)


def steps_needed(tokens: np.ndarray) -> int:
    """Return the fewest steps of a path through the tokens: one each, and one between two equal ones."""
    return len(tokens) + int((tokens[1:] == tokens[:-1]).sum())


def log_posteriors(posteriors: np.ndarray) -> np.ndarray:
    """Return the logarithm, float32, of posteriors no smaller than SMALLEST_POSTERIOR."""
    logs: np.ndarray = np.log(np.maximum(posteriors, SMALLEST_POSTERIOR)).astype(np.float32)
    return logs


def search(logs: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Find the best path through all tokens in their order, silence allowed between any two.

    Args:
        logs: float32 (steps, classes), log probabilities or costs; column SILENCE_ID is silence.
        tokens: int64 (tokens,), columns of `logs`, none of them silence; they fit into the steps.

    Returns:
        the first step of each token and the step after its last, int64 (tokens,), and the path's sum.

    Source: the CTC topology of Graves et al. (2006) with the recursion of Viterbi (1967).
    """
    states = np.full(2 * len(tokens) + 1, SILENCE_ID)  # silence, token, silence, token, ..., silence
    states[1::2] = tokens
    may_skip = np.zeros(len(states), bool)  # the silence between two unlike tokens
    may_skip[3::2] = tokens[1:] != tokens[:-1]
    total = np.full(len(states), -np.inf, np.float32)  # of the best path that ends in each state
    total[:2] = logs[0, states[:2]]
    moves = np.zeros((len(logs), len(states)), np.int8)  # how many states each path moved on
    for step in range(1, len(logs)):
        one = np.append(np.float32(-np.inf), total[:-1])
        two = np.where(may_skip, np.append(np.full(2, -np.inf, np.float32), total[:-2]), np.float32(-np.inf))
        moves[step] = np.where((two > one) & (two > total), 2, np.where(one > total, 1, 0))
        total = np.choose(moves[step], (total, one, two)) + logs[step, states]
    state = len(states) - (1 if total[-1] > total[-2] else 2)
    score = float(total[state])
    labels = np.empty(len(logs), np.int64)
    for step in range(len(logs) - 1, -1, -1):
        labels[step] = states[state]
        state -= int(moves[step, state])
    starts = np.flatnonzero((labels != SILENCE_ID) & (np.diff(labels, prepend=SILENCE_ID) != 0))
    ends = 1 + np.flatnonzero((labels != SILENCE_ID) & (np.diff(labels, append=SILENCE_ID) != 0))
    forced = (tokens[1:] == tokens[:-1]) & (starts[1:] - ends[:-1] == 1)
    ends[:-1][forced] += 1
    return starts, ends, score


def confidence(phone: Interval, posteriors: np.ndarray) -> float:
    """Average the posterior of a phone over its interval."""
    start = min(seconds_to_steps(phone.start), len(posteriors) - 1)
    stop = max(seconds_to_steps(phone.end), start + 1)
    return float(np.clip(posteriors[start:stop, PHONE_IDS[phone.label]].mean(), 0, 1))
