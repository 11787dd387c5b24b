"""Align known words with phone posteriors: the network's own encoder decides when each phone is said.

The search is CTC forced alignment (Graves et al. 2006) with silence as the
blank, so that silence may stand between any two phones but need not.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE_ID, UNKNOWN
from phonolips.phones.posteriors import check_shape
from phonolips.phones.sounds import phones_to_ids
from phonolips.speech.align.fit import TextFit, confidence, log_posteriors, measure_fit
from phonolips.speech.align.search import NO_FILLER, Path, search_with_fillers, steps_needed
from phonolips.speech.words import words_to_align
from phonolips.timebase import STEP_SECONDS, samples_to_seconds, steps_to_seconds

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

# A filler stands for speech that is none of the words. The constants were chosen on the tuning speakers of
# tools/bench/text_fit.py: it stood in none of 105 right texts and in 1 of 210 in noise of 10 dB; it was there in 209 of
# 210 texts that are half of what is said (with costs of 2 and 40: in 1 right one).
FILLER_COST = 3.0  # nats a step by which it is less likely than the step's likeliest phone
FILLER_ENTRY_COST = 30.0  # nats that each filler costs besides
INNER_COST = 10.0  # nats besides for one between words, so that a sentence said twice is found in one piece
LEAST_UNSAID_SECONDS = 0.2  # of speech that a filler is for: GRID's words are some 0.25 s long; 0.3 missed a fifth
SPEAKS = 0.5  # posterior of silence below which a step is speech
SHORTEST_PAUSE_SECONDS = 0.2  # silence that is shorter does not part what is unsaid; a comma's length
SHORTEST_SPEECH_SECONDS = 0.05  # what is shorter is a click, or the edge of the next word
LONGEST_PHONE_SECONDS = 0.8  # the longest of 88,593 phones that MFA found in LibriSpeech and GRID lasts 0.62 s
LONG_PHONE_COST = (
    2.5  # nats a step of a phone that would be longer; under a filler's, so that one held on purpose stays
)
# A word is lost where the encoder finds other phones (3 % of right words, 96 % of wrong ones), or no time for it.
# Speech beside lost words is theirs, said otherwise, unless it is longer than they could be: a phone lasts 0.08 s on
# average.
LOST_FIT = 0.08
LOST_PHONE_SECONDS = 0.02
SECONDS_OF_A_LOST_PHONE = 0.12
NEAREST_EDGE = 0.45  # steps that an edge may be off the middle between two steps, so that a phone lasts 1 ms at least


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
    posteriors: np.ndarray, words: "Sequence[SpokenWord]", *, duration: float | None = None, only_words: bool = False
) -> Alignment:
    """Find the words and phones that the posteriors agree with best.

    Silence found inside a word goes to the phone before it; so does the single step that CTC puts between
    two equal phones. Speech before, between and after the words that is none of them is `spn` among the phones and
    belongs to no word. A phone's confidence is the mean of its posterior over its interval, that of `spn` is 0.

    Args:
        posteriors: float (steps, NUM_PHONES), rows sum to 1, one row for each 10 ms.
        words: what is said; pauses among them are ignored.
        duration: seconds, where the sound ends inside the last step; None means whole steps.
        only_words: whether all speech must be theirs, so that there is no `spn`.

    Returns:
        An alignment with confidences.

    Raises:
        InputError: no words, posteriors of another shape or not finite, or fewer steps than phones.
    """
    spoken = words_to_align(words)
    posteriors = check_shape(posteriors)
    tokens = np.array([number for item in spoken for number in phones_to_ids(item.phones)])
    seconds = steps_to_seconds(len(posteriors)) if duration is None else duration
    posteriors = posteriors[: max(1, math.ceil(seconds / STEP_SECONDS - 1e-3))]  # none that begins after the end
    steps = len(posteriors)
    needed = steps_needed(tokens)
    if steps < needed:
        raise InputError(
            f"{len(tokens)} phones do not fit into {steps} steps ({steps_to_seconds(steps):.2f} s); "
            f"they need at least {needed} steps"
        )
    if only_words:
        path = search_with_fillers(log_posteriors(posteriors), tokens, {})
        alignment = _to_alignment(path, posteriors, tokens, spoken, [], seconds)
    else:
        alignment = _align_with_fillers(posteriors, tokens, spoken, seconds)
    confidences = tuple(confidence(phone, posteriors) for phone in alignment.phones)
    return replace(alignment, confidences=confidences)


def _align_with_fillers(
    posteriors: np.ndarray, tokens: np.ndarray, spoken: "Sequence[SpokenWord]", seconds: float
) -> Alignment:
    """Align tokens, the phones of all words, with fillers where they are needed.

    The search is done again without the fillers that turn out to be needless, and with a cost on phones that turn out
    too long to be true, until nothing changes.
    """
    last_tokens = np.cumsum([len(item.phones) for item in spoken]) - 1
    slots = dict.fromkeys(last_tokens.tolist(), FILLER_ENTRY_COST + INNER_COST)
    slots |= {-1: FILLER_ENTRY_COST, int(last_tokens[-1]): FILLER_ENTRY_COST}
    logs = _with_filler(posteriors)
    costs, left = np.zeros(len(tokens), np.float32), slots
    while True:
        path = search_with_fillers(logs, tokens, left, costs=costs)
        too_long = (steps_to_seconds(path.ends - path.starts) > LONGEST_PHONE_SECONDS) & (costs == 0)
        if too_long.any():
            costs[too_long], left = LONG_PHONE_COST, slots
            continue
        used = [slot for slot in np.unique(path.fillers).tolist() if slot != NO_FILLER]
        unsaid = {slot: _find_speech(posteriors, path.fillers == slot) for slot in used}
        runs = [run for found in unsaid.values() for run in found]
        alignment = _to_alignment(path, posteriors, tokens, spoken, runs, seconds)
        lost = _lost_phones(measure_fit(posteriors, alignment)) if unsaid else []
        needless = {
            slot
            for slot, runs in unsaid.items()
            if steps_to_seconds(sum(last - first for first, last in runs)) < _least_unsaid(lost, slot, last_tokens)
        }
        if not needless:
            return alignment
        left = {slot: cost for slot, cost in left.items() if slot not in needless}


def _with_filler(posteriors: np.ndarray) -> np.ndarray:
    """Return log posteriors with one more column, the filler's: silence, or the likeliest phone at a cost."""
    logs = log_posteriors(posteriors)
    filler = np.maximum(logs[:, SILENCE_ID], logs[:, SILENCE_ID + 1 :].max(1) - np.float32(FILLER_COST))
    return np.concatenate([logs, filler[:, None]], 1)


def _to_alignment(
    path: Path,
    posteriors: np.ndarray,
    tokens: np.ndarray,
    spoken: "Sequence[SpokenWord]",
    unsaid: Sequence[tuple[int, int]],
    seconds: float,
) -> Alignment:
    """Make the tiers of a path: words, their phones, `spn` for what is unsaid, and silence."""
    starts, ends = _edges(path, posteriors, tokens)
    phones: list[Interval] = []
    words: list[Interval] = []
    for item in spoken:
        first, last = len(phones), len(phones) + len(item.phones) - 1
        ends[first:last] = starts[first + 1 : last + 1]
        for token, phone in enumerate(item.phones, start=first):
            phones.append(Interval(phone, float(starts[token]), min(float(ends[token]), seconds)))
        words.append(Interval(item.word, phones[first].start, phones[last].end))
    phones += [Interval(UNKNOWN, steps_to_seconds(a), min(steps_to_seconds(b), seconds)) for a, b in unsaid]
    return Alignment.build(words, sorted(phones, key=lambda phone: phone.start), seconds)


def _edges(path: Path, posteriors: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find where each token starts and ends, float64 (tokens,) seconds, between the centres of two steps.

    Between the last step of one phone and the first of the next, the edge is where their posteriors cross, if the log
    of their ratio changes evenly; where they do not cross, or at a filler, it is half-way. So no step's centre changes
    its phone.
    """
    before = np.where(np.r_[True, path.ends[:-1] < path.starts[1:]], SILENCE_ID, np.r_[SILENCE_ID, tokens[:-1]])
    after = np.where(np.r_[path.ends[:-1] < path.starts[1:], True], SILENCE_ID, np.r_[tokens[1:], SILENCE_ID])
    logs = log_posteriors(posteriors)
    logs[path.fillers != NO_FILLER] = 0.0  # nothing crosses there
    starts = steps_to_seconds(path.starts) + STEP_SECONDS * _crossings(logs, path.starts, before, tokens)
    ends = steps_to_seconds(path.ends) + STEP_SECONDS * _crossings(logs, path.ends, tokens, after)
    return starts, ends


def _crossings(logs: np.ndarray, steps: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Compute where the likelier phone changes around the starts of some steps, in steps, -NEAREST_EDGE to as much."""
    inside = (steps > 0) & (steps < len(logs))
    at = np.where(inside, steps, 0)
    behind, ahead = (logs[at - back, after] - logs[at - back, before] for back in (1, 0))
    crosses = inside & (behind < 0) & (ahead > 0)
    share = -behind / np.where(crosses, ahead - behind, 1.0)
    return np.where(crosses, np.clip(share - 0.5, -NEAREST_EDGE, NEAREST_EDGE), 0.0)


def _find_speech(posteriors: np.ndarray, where: np.ndarray) -> list[tuple[int, int]]:
    """List the runs of speech among some steps, bool (steps,), as (first step, step after the last)."""
    changes = np.diff(np.r_[False, where & (posteriors[:, SILENCE_ID] < SPEAKS), False].astype(np.int8))
    runs: list[tuple[int, int]] = []
    for first, last in zip(np.flatnonzero(changes == 1), np.flatnonzero(changes == -1), strict=True):
        if runs and steps_to_seconds(int(first) - runs[-1][1]) < SHORTEST_PAUSE_SECONDS:
            runs[-1] = (runs[-1][0], int(last))
        else:
            runs.append((int(first), int(last)))
    return [(first, last) for first, last in runs if steps_to_seconds(last - first) >= SHORTEST_SPEECH_SECONDS]


def _lost_phones(fit: TextFit) -> list[int]:
    """Return for each word how many phones of it are lost: all of them, or none."""
    return [
        word.phones if word.fit < LOST_FIT or word.phone_seconds <= LOST_PHONE_SECONDS + 1e-9 else 0
        for word in fit.words
    ]


def _least_unsaid(lost: Sequence[int], slot: int, last_tokens: np.ndarray) -> float:
    """Return how many seconds of speech at a slot cannot be the lost words beside it, said otherwise."""
    before = int(np.searchsorted(last_tokens, slot, side="right"))
    beside = [*takewhile(bool, reversed(lost[:before])), *takewhile(bool, lost[before:])]
    return LEAST_UNSAID_SECONDS + SECONDS_OF_A_LOST_PHONE * sum(beside)
