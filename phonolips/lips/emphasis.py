"""Emphasised words go further: which factor a word has, when, and lips moved away from rest by it."""

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np

from phonolips.checks import check_text, shown
from phonolips.errors import InputError
from phonolips.lips.shapes import uncross
from phonolips.phones.intervals import Alignment
from phonolips.timebase import frame_centres

DEFAULT_EMPHASIS = 1.3
LEAST_EMPHASIS, MOST_EMPHASIS = 0.3, 3.0  # below 1 a word is mumbled
FADE_SECONDS = 0.1  # from one word's size to the next one's


def is_factor(value: object) -> bool:
    """Return whether a word can be emphasised by `value`."""
    return isinstance(value, Real) and LEAST_EMPHASIS <= float(value) <= MOST_EMPHASIS


Emphasis = Mapping[str | int, float]  # a word in small letters, or its place among those spoken, from 0 -> factor


def check_emphasis(emphasis: Emphasis, words: Sequence[str]) -> None:
    """Raise InputError where an emphasised word is not among `words`, or its factor is none.

    Args:
        emphasis: of some words.
        words: those spoken, in their order; pauses are empty.
    """
    if not isinstance(emphasis, Mapping):
        raise InputError(f"emphasis is {type(emphasis).__name__}; expected words and their factors, {{'blue': 1.5}}")
    said = [word.lower() for word in words if word]
    for word in emphasis:
        if isinstance(word, int):
            known = word in range(len(said))
        else:
            known = check_text(word, "emphasis of a word", "'blue'").lower() in said
        if not known:
            raise InputError(f"emphasis {word}: not one of the words spoken{_near(word, said)}")
        if not is_factor(emphasis[word]):
            raise InputError(
                f"emphasis {word}: {shown(emphasis[word])}; expected a factor from {LEAST_EMPHASIS} to "
                f"{MOST_EMPHASIS:.0f}"
            )


MOST_NAMED = 12  # words in a message; of a longer text only those that are like the one asked for


def _near(word: str | int, said: Sequence[str]) -> str:
    """Return for a message which words there are, or the nearest of many; "" where none is."""
    from difflib import get_close_matches

    if not said:
        return "; no words are known here: give the text, or an alignment with words"
    if isinstance(word, int):
        return f"; there are {len(said)}, counted from 0"
    names = list(dict.fromkeys(said))
    if len(names) > MOST_NAMED:
        names = get_close_matches(str(word).lower(), names, n=5, cutoff=0.4)
    return f" ({', '.join(names)})" if names else ""


def word_factor(word: str, place: int, emphasis: Emphasis) -> float:
    """Look up the factor of a word, or of its place among those spoken; 1 where it has none."""
    return emphasis.get(place, emphasis.get(word.lower(), 1.0))


def emphasis_curve(alignment: Alignment, emphasis: Emphasis, frames: int) -> np.ndarray:
    """Compute how far the lips go at every frame.

    Looks 0.1 s, 3 frames, back and ahead.

    Args:
        alignment: when the words are said.
        emphasis: word, or its place -> factor.
        frames: how many, 25 a second.

    Returns:
        float32 (frames,), 1 outside the emphasised words, with fades of 0.1 s around them.
    """
    times = frame_centres(frames)
    larger, smaller = np.zeros(frames), np.zeros(frames)  # neighbours that are both enlarged do not add up
    for place, word in enumerate(alignment.speech_words()):
        factor = word_factor(word.label, place, emphasis)
        outside = np.maximum(np.maximum(word.start - times, times - word.end), 0.0)
        change = (factor - 1.0) * 0.5 * (1 + np.cos(np.pi * np.minimum(outside / FADE_SECONDS, 1.0)))
        larger, smaller = np.maximum(larger, change), np.minimum(smaller, change)
    return np.clip(1.0 + larger + smaller, LEAST_EMPHASIS, MOST_EMPHASIS).astype(np.float32)


def enlarge(lips: np.ndarray, factor: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Move the lips further from rest; inner lips that would cross then touch.

    Looks at no other frame.

    Args:
        lips: float (frames, 40, 2), mouth space.
        factor: float (frames,), 1 leaves a frame as it is.
        rest: float (40, 2), the shape to move away from, such as the speaker's mouth when it is shut.

    Returns:
        float, the same shape.
    """
    rest = rest.astype(np.float32)
    return uncross(rest + factor[:, None, None].astype(np.float32) * (lips - rest))
