"""Where a phone occurs in a prepared corpus, and what the lips do there.

An occurrence is one phone of one clip. Its lips are read at the same places of every occurrence, so that they can be
laid over one another and averaged: time runs relative to the phone's duration inside it, and in seconds before and
after it. Lips between two frames are linear; what would need a frame without a detected face, or lies outside the
clip, is NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.phones.inventory import PHONE_IDS, PHONES
from phonolips.timebase import MODEL_FPS, STEPS_PER_SECOND

INSIDE_PLACES = 17  # evenly from the phone's start to its end, both included
CONTEXT_PLACES = 5  # on either side
CONTEXT_SECONDS = 0.1  # how far they reach
PLACES = INSIDE_PLACES + 2 * CONTEXT_PLACES
MIDDLE_PLACE = PLACES // 2  # the phone's middle
INSIDE = slice(CONTEXT_PLACES, CONTEXT_PLACES + INSIDE_PLACES)


def place_times(start: float, end: float) -> np.ndarray:
    """List the times of a phone's places, float64 (PLACES,), seconds; the phone lasts from start to end."""
    reach = CONTEXT_SECONDS * np.arange(CONTEXT_PLACES, 0, -1) / CONTEXT_PLACES
    return np.concatenate([start - reach, np.linspace(start, end, INSIDE_PLACES), end + reach[::-1]])


@dataclass(frozen=True)
class Occurrences:
    """The drawn occurrences of one phone.

    Args:
        phone: such as `AA`.
        total: how many there are to draw from.
        clips: the clip of each occurrence drawn.
        seconds: float64 (occurrences,), the phone's durations.
        lips: float32 (occurrences, PLACES, 40, 2), mouth space, at `place_times`; NaN in the context where
            nothing was detected, never inside the phone.
    """

    phone: str
    total: int
    clips: tuple[str, ...]
    seconds: np.ndarray
    lips: np.ndarray

    def __len__(self) -> int:
        return len(self.clips)


def draw_occurrences(
    store: Store, clips: Sequence[str], *, phones: Sequence[str] = PHONES, most: int = 128, seed: int = 1
) -> dict[str, Occurrences]:
    """Draw up to `most` occurrences of every phone at random, without replacement.

    An occurrence counts if the face was detected from the frame before its start to the frame after its end. What is
    drawn of a phone depends on the clips, `most` and the seed, not on the other phones or on the order of the clips.

    Args:
        store: the `features` of a prepared corpus.
        clips: ids of clips with lips.
        phones: which phones.
        most: how many of each.
        seed: of the draw.

    Returns:
        Phone -> Occurrences, in the order of `phones`; empty ones for phones that never occur.

    Raises:
        InputError: `most` is below 1, or a phone is not in the inventory.
    """
    if most < 1:
        raise InputError(f"{most} samples of a phone; expected at least 1")
    found: dict[int, list[tuple[str, float, float]]] = {}
    for name in phones:
        if name not in PHONE_IDS:
            raise InputError(f"{name}: no such phone; expected one of {' '.join(PHONES)}")
        found[PHONE_IDS[name]] = []
    for clip in sorted(clips):
        detected = store.get(clip, "detected")
        for phone, first, last in store.get(clip, "phones").tolist():
            if phone in found and _is_seen(first / STEPS_PER_SECOND, last / STEPS_PER_SECOND, detected):
                found[phone].append((clip, first / STEPS_PER_SECOND, last / STEPS_PER_SECOND))
    drawn = {}
    for phone, occurrences in found.items():
        generator = np.random.default_rng([seed, phone])
        count = min(most, len(occurrences))
        chosen = [occurrences[i] for i in sorted(generator.choice(len(occurrences), count, replace=False))]
        lips = np.empty((count, PLACES, 40, 2), np.float32)
        for row, (clip, start, end) in zip(lips, chosen, strict=True):
            row[:] = lips_at(place_times(start, end), store.get(clip, "lips"), store.get(clip, "detected"))
        drawn[PHONES[phone]] = Occurrences(
            PHONES[phone],
            len(occurrences),
            tuple(clip for clip, _, _ in chosen),
            np.array([end - start for _, start, end in chosen], np.float64),
            lips,
        )
    return drawn


def _is_seen(start: float, end: float, detected: np.ndarray) -> bool:
    """Return whether the clip reaches from start to end (seconds) and every frame needed there is detected."""
    if not len(detected):
        return False
    before, after, share = _weights(np.array([start, end]), detected)
    return bool(np.isfinite(share).all() and detected[before[0] : after[1] + 1].all())


def _weights(times: np.ndarray, detected: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the frames before and after each time, and the share of the later; NaN outside of the clip.

    The first half of the first frame and the last half of the last one hold.
    """
    frames = len(detected)
    places = np.clip(times * MODEL_FPS - 0.5, 0, frames - 1)
    before = np.floor(places + 1e-9).astype(int)
    share = np.maximum(places - before, 0.0)
    after = np.where(share > 1e-6, np.minimum(before + 1, frames - 1), before)
    outside = (times < -1e-9) | (times > frames / MODEL_FPS + 1e-9)
    return before, after, np.where(outside, np.nan, share)


def lips_at(times: np.ndarray, lips: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Read lips (frames, points, 2) at `times` (seconds), linearly between frames; NaN where nothing was detected."""
    before, after, share = _weights(times, detected)
    share = np.where(detected[before] & detected[after], share, np.nan)[:, None, None]
    return np.asarray((1 - share) * lips[before] + share * lips[after], np.float32)
