"""Words said with emphasis: they last longer, and the lips go further from rest."""

from collections.abc import Mapping, Sequence

import numpy as np

from phonolips.alignment.tiers import Alignment
from phonolips.errors import InputError
from phonolips.timebase import frame_centres

DEFAULT_EMPHASIS = 1.3
LEAST_EMPHASIS, MOST_EMPHASIS = 0.3, 3.0  # below 1 a word is mumbled
FADE_SECONDS = 0.1  # from one word's size to the next one's


def parse_emphasis(words: Sequence[str]) -> dict[str, float]:
    """Read what a user writes, `blue` or `blue=1.5`; raise InputError.

    Returns:
        word in lower case -> factor; 1.3 where none is given.
    """
    found: dict[str, float] = {}
    for text in words:
        word, _, factor = text.partition("=")
        try:
            value = float(factor) if factor else DEFAULT_EMPHASIS
        except ValueError:
            value = float("nan")
        if not word.strip() or not LEAST_EMPHASIS <= value <= MOST_EMPHASIS:
            raise InputError(
                f"--emphasis {text!r}; expected a word, or WORD=FACTOR with a factor from {LEAST_EMPHASIS} to "
                f"{MOST_EMPHASIS:.0f}, such as blue=1.5"
            )
        found[word.strip().lower()] = value
    return found


def check_emphasis(emphasis: Mapping[str, float], words: Sequence[str]) -> None:
    """Raise InputError where an emphasised word is not among `words`."""
    spoken = [word for word in dict.fromkeys(word.lower() for word in words) if word]
    for word in emphasis:
        if word.lower() not in spoken:
            known = ", ".join(spoken) if spoken else "no words are known here; give them with --text or --textgrid"
            raise InputError(f"--emphasis {word}: not one of the words spoken ({known})")


def word_factor(word: str, emphasis: Mapping[str, float]) -> float:
    """Look up the factor of a word; 1 where it has none."""
    return emphasis.get(word.lower(), 1.0)


def emphasis_curve(alignment: Alignment, emphasis: Mapping[str, float], frames: int) -> np.ndarray:
    """Say at every frame how far the lips go.

    Args:
        alignment: when the words are said.
        emphasis: word -> factor.
        frames: how many, 25 a second.

    Returns:
        float32 (frames,), 1 outside the emphasised words, with fades of 0.1 s around them.
    """
    times = frame_centres(frames)
    curve = np.ones(frames)
    for word in alignment.speech_words():
        factor = word_factor(word.label, emphasis)
        outside = np.maximum(np.maximum(word.start - times, times - word.end), 0.0)
        curve += (factor - 1.0) * 0.5 * (1 + np.cos(np.pi * np.minimum(outside / FADE_SECONDS, 1.0)))
    return np.clip(curve, LEAST_EMPHASIS, MOST_EMPHASIS).astype(np.float32)
