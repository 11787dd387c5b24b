"""Find one known word in running speech that nobody transcribed, and label the rest by the encoder's posteriors.

The word's phones are found by forced alignment near the window in which a corpus says that it lies; on both sides
stands a *wildcard*, a class that may be anything (the star of Pratap, Hannun, Synnaeve and Collobert 2022). Its cost
decides which of the two gets the steps at the edges. Posteriors that name one phone for every step have no blank to
set it, so it is measured from the likeliest phone of each step: a step of the word may be so much less likely than
that, and no more. All constants were chosen on validation clips of GRID and LibriSpeech, in windows that were up to
0.16 s wrong at each edge.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.intervals import EDGE_TOLERANCE_SECONDS, Alignment, Interval
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES, SILENCE_ID, UNKNOWN
from phonolips.phones.posteriors import check_shape
from phonolips.phones.sounds import phones_to_ids
from phonolips.speech.align.fit import confidence, log_posteriors
from phonolips.speech.align.search import search, steps_needed
from phonolips.speech.words import SpokenWord, words_to_align
from phonolips.timebase import step_centres, steps_to_seconds

SLACK_SECONDS = 0.16  # four frames: how wrong a window may be at each edge
WILDCARD_COST = 1.0  # nats by which the wildcard is less likely than a step's likeliest phone
WINDOW_TILT = 0.5  # nats by which it is yet less likely inside the window, and more likely outside
LEAST_WORD_CONFIDENCE = 0.2  # keeps 98 % of the true words and 16 % of wrong ones in the same window (LibriSpeech)
LEAST_SOFT_CONFIDENCE = 0.5  # steps above it: 77 %, 81 % of them right; below it: 39 % right (LibriSpeech)
WILDCARD_ID = NUM_PHONES
IMPOSSIBLE = -1e4  # log probability; finite, so that sums stay numbers
MISFIT = "misfit"  # the kind of every refusal


class _Found(NamedTuple):
    """A word where it was found: the edges of its phones in steps, int64 (phones + 1,), and the path's sum."""

    word: SpokenWord
    edges: np.ndarray
    score: float


def align_word(
    posteriors: np.ndarray,
    word: SpokenWord | Sequence[SpokenWord],
    window: tuple[float, float],
    *,
    duration: float,
    slack: float = SLACK_SECONDS,
    least_confidence: float = LEAST_WORD_CONFIDENCE,
) -> Alignment:
    """Find the phones of one word near its window, with anything around it.

    The word begins and ends within `slack` of the window's edges; where it is silent there, it may be shorter.
    Silence inside the word goes to the phone before. All that is not the word is `spn` in both tiers, silence too:
    see `soft_labels`.

    Args:
        posteriors: float (steps, NUM_PHONES), rows sum to 1, one row for each 10 ms.
        word: the word with its phones, or several pronunciations of it, of which the likeliest is taken.
        window: start and end of the word in seconds, about.
        duration: seconds; the alignment's length, no more than the steps.
        slack: seconds by which each edge of the window may be wrong.
        least_confidence: of the word, the mean over its phones; 0 takes whatever there is.

    Returns:
        an alignment with confidences: the mean posterior of each of the word's phones, 0 for `spn`.

    Raises:
        InputError: "misfit: ..." where the word cannot be there: no window inside the sound, too few steps, or
            posteriors that disagree; no words, or posteriors of another shape.
    """
    posteriors = check_shape(posteriors)
    choices = words_to_align([word] if isinstance(word, SpokenWord) else list(word))
    if not 0 < duration <= steps_to_seconds(len(posteriors)) + 1e-9:
        raise InputError(f"a clip of {duration:g} s; expected one that {len(posteriors)} steps of posteriors cover")
    name, (start, end) = choices[0].word, check_window(window, duration, choices[0].word)
    logs = _with_wildcard(posteriors, start, end, slack)
    near = int((logs[:, SILENCE_ID + 1 : NUM_PHONES].max(1) > IMPOSSIBLE).sum())
    tokens = [np.array(phones_to_ids(choice.phones)) for choice in choices]
    fitting = [(choice, ids) for choice, ids in zip(choices, tokens, strict=True) if steps_needed(ids) <= near]
    if not fitting:
        raise InputError(
            f"{MISFIT}: {name!r} has {min(map(len, tokens))} phones, but its window of {end - start:.2f} s with "
            f"{slack:g} s on both sides has {near} steps; check the word's times"
        )
    found = max((_find(logs, choice, ids) for choice, ids in fitting), key=lambda result: result.score)
    alignment = _build(found, duration)
    confidences = tuple(0.0 if p.label == UNKNOWN else confidence(p, posteriors) for p in alignment.phones)
    certainty = float(np.mean([c for c, p in zip(confidences, alignment.phones, strict=True) if p.label != UNKNOWN]))
    if certainty < least_confidence:
        raise InputError(
            f"{MISFIT}: {name!r} is not found from {start:.2f} to {end:.2f} s: its phones have a confidence of "
            f"{certainty:.2f}; expected at least {least_confidence:g}"
        )
    return replace(alignment, confidences=confidences)


def soft_labels(
    posteriors: np.ndarray, labels: np.ndarray, *, least_confidence: float = LEAST_SOFT_CONFIDENCE
) -> np.ndarray:
    """Return the encoder's posteriors as labels where the phone is unknown and the encoder is confident enough.

    Args:
        posteriors: float (steps, NUM_PHONES), rows sum to 1.
        labels: int (steps,), phone ids; IGNORED_ID where unknown.
        least_confidence: the least greatest posterior of a step that is taken.

    Returns:
        float16 (steps, NUM_PHONES); zeros where the label is known, and where the encoder is not confident
        either.

    Raises:
        InputError: posteriors of another shape than the labels, or not finite.
    """
    posteriors = check_shape(posteriors)
    labels = np.asarray(labels)
    if labels.shape != posteriors.shape[:1]:
        raise InputError(f"labels of shape {labels.shape} for {len(posteriors)} steps; expected one a step")
    taken = (labels == IGNORED_ID) & (posteriors.max(1, initial=0.0) >= least_confidence)
    return np.where(taken[:, None], posteriors, 0.0).astype(np.float16)


def check_window(window: tuple[float, float], duration: float, word: str) -> tuple[float, float]:
    """Limit a window to the clip; raise InputError where nothing is left."""
    start, end = (float(time) for time in window)
    low, high = max(start, 0.0), min(end, duration)
    if not (math.isfinite(start) and math.isfinite(end) and low < high):
        raise InputError(
            f"{MISFIT}: {word!r} from {start:g} to {end:g} s in a clip of {duration:.2f} s; "
            "expected a start before the end, both in the clip"
        )
    return low, high


def _with_wildcard(posteriors: np.ndarray, start: float, end: float, slack: float) -> np.ndarray:
    """Add the wildcard as the last column, and one step of it at both ends; float32 (steps + 2, NUM_PHONES + 1).

    Far from the window no phone of the word is possible, deep inside it no wildcard.
    """
    logs = log_posteriors(posteriors)
    times = step_centres(len(logs))
    inside = (times >= start) & (times < end)
    wildcard = logs.max(1) - WILDCARD_COST + np.where(inside, -WINDOW_TILT, WINDOW_TILT)
    wildcard[(times >= start + slack) & (times < end - slack)] = IMPOSSIBLE
    logs[(times < start - slack) | (times >= end + slack), SILENCE_ID + 1 :] = IMPOSSIBLE
    edge = np.full((1, WILDCARD_ID + 1), IMPOSSIBLE)
    edge[0, WILDCARD_ID] = 0.0
    return np.concatenate([edge, np.c_[logs, wildcard], edge]).astype(np.float32)


def _find(logs: np.ndarray, word: SpokenWord, tokens: np.ndarray) -> _Found:
    """Find the best path wildcard, word, wildcard."""
    starts, ends, score = search(logs, np.array([WILDCARD_ID, *tokens, WILDCARD_ID]))
    return _Found(word, np.append(starts[1:-1], ends[-2]) - 1, score)


def _build(found: _Found, duration: float) -> Alignment:
    """Make the tiers: the word, and `spn` before and after it."""
    edges = [min(float(steps_to_seconds(int(edge))), duration) for edge in found.edges]
    phones = [Interval(*item) for item in zip(found.word.phones, edges[:-1], edges[1:], strict=True)]
    return surround([Interval(found.word.word, edges[0], edges[-1])], phones, duration)


def surround(words: Sequence[Interval], phones: Sequence[Interval], duration: float) -> Alignment:
    """Put `spn` before and after what is known."""
    before, after = Interval(UNKNOWN, 0.0, phones[0].start), Interval(UNKNOWN, phones[-1].end, duration)

    def whole(tier: Sequence[Interval]) -> list[Interval]:
        return [item for item in (before, *tier, after) if item.duration > EDGE_TOLERANCE_SECONDS]

    return Alignment.build(whole(words), whole(phones), duration)
