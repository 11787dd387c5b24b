"""Whether words are what is said in a sound: how well an alignment of them fits the encoder's posteriors.

An aligner finds any words in any sound. How far they are the right ones is seen where the encoder, which does not know
them, prefers other phones. The measure is the logarithm of the posterior that each step gives the phone which the
alignment has there, less that of the step's likeliest phone: 0 where the encoder would have said the same. Its mean
over the steps of a phone, then over the phones, tells wrong words from right ones in noise better than the posteriors
themselves, which fall in noise whatever the words are (tools/bench/text_fit.py; docs/alignment.md has the table).
"""

from typing import NamedTuple

import numpy as np

from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONE_IDS, SILENCE_ID, UNKNOWN
from phonolips.phones.sounds import nearest_phone
from phonolips.speech.words import words_with_phones
from phonolips.timebase import seconds_to_steps, steps_to_seconds

SMALLEST_POSTERIOR = 1e-8  # below this a posterior counts as this; keeps every path possible


class WordFit(NamedTuple):
    """How well one word fits the sound at its place.

    Args:
        word: with its time.
        phones: how many it has.
        fit: 0 to 1; the geometric mean over its phones of their posterior over that of the likeliest phone.
        confidence: 0 to 1; the mean posterior of its phones.
        phone_seconds: the mean length of its phones, without what is silent.
    """

    word: Interval
    phones: int
    fit: float
    confidence: float
    phone_seconds: float


class TextFit(NamedTuple):
    """How well the words of an alignment fit the sound.

    Args:
        fit: 0 to 1, over all phones of all words; see `WordFit`. 0 where there are none.
        words: each word's.
    """

    fit: float
    words: tuple[WordFit, ...]


def log_posteriors(posteriors: np.ndarray) -> np.ndarray:
    """Return the logarithm, float32, of posteriors no smaller than SMALLEST_POSTERIOR."""
    logs: np.ndarray = np.log(np.maximum(posteriors, SMALLEST_POSTERIOR)).astype(np.float32)
    return logs


def _column(phone: Interval) -> int:
    """Return the column of a phone's posteriors; of an IPA sound, that of its nearest phone."""
    return PHONE_IDS[nearest_phone(phone.label)]


def confidence(phone: Interval, posteriors: np.ndarray) -> float:
    """Average the posterior of a phone over its interval, 0 to 1; that of `spn` is 0."""
    if phone.label == UNKNOWN:
        return 0.0
    return float(np.clip(posteriors[_steps_of(phone, len(posteriors)), _column(phone)].mean(), 0, 1))


def measure_fit(posteriors: np.ndarray, alignment: Alignment) -> TextFit:
    """Measure how well the words of an alignment fit the encoder's posteriors.

    Steps of a phone in which silence is likeliest do not count, unless there are no others: a stop is silent in part.

    Args:
        posteriors: float (steps, NUM_PHONES), rows sum to 1.
        alignment: of words with the same sound, by whatever aligner; `spn` does not count.
    """
    best = posteriors.argmax(1)
    logs = log_posteriors(posteriors)
    words, every = [], []
    for word, phones in words_with_phones(alignment):
        ratios = [_log_ratio(phone, logs, best) for phone in phones if phone.label != UNKNOWN]
        if not ratios:
            continue
        every += ratios
        sure = np.mean([confidence(phone, posteriors) for phone in phones])
        heard = sum(int((best[_steps_of(phone, len(best))] != SILENCE_ID).sum()) for phone in phones)
        seconds = steps_to_seconds(heard) / len(phones)
        words.append(WordFit(word, len(ratios), float(np.exp(np.mean(ratios))), float(sure), seconds))
    return TextFit(float(np.exp(np.mean(every))) if every else 0.0, tuple(words))


def _log_ratio(phone: Interval, logs: np.ndarray, best: np.ndarray) -> float:
    """Average over a phone's steps how far its log posterior lies below the likeliest phone's; 0 or less."""
    steps = np.arange(len(logs))[_steps_of(phone, len(logs))]
    heard = steps[best[steps] != SILENCE_ID]
    steps = heard if len(heard) else steps
    return float(np.mean(logs[steps, _column(phone)] - logs[steps, best[steps]]))


def _steps_of(phone: Interval, steps: int) -> slice:
    """Return the steps of a phone, at least one, within those that there are."""
    first = min(seconds_to_steps(phone.start), steps - 1)
    return slice(first, max(min(seconds_to_steps(phone.end), steps), first + 1))
