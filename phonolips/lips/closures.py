"""Closures by construction: a b, m or p closes the lips, an f or v nearly, whatever the decoder says.

The phones are known, or were heard with a posterior, so a closure is not left to a decoder that has to have learnt it
for every mouth and neighbour. Lips that are closed already are left as they are.

1. `closure_beliefs`: how surely the lips are to be closed at every step of 10 ms: the middle of the phone, and all of
   a long one but 60 ms at its ends. What is said for certain counts fully, what was heard by its posterior.
2. `closure_weights`: the same at the times of frames, with fades of 60 ms, and held for a frame at least, so that a
   closure falls between no two frames.
3. `close_by`: what is left of the opening.

`ClosureStage` of `model.motion` does all three on a stream.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from phonolips.lips.measures import opening
from phonolips.lips.shapes import LOWER_LIP_SHARE, narrow
from phonolips.phones.decode import label_runs
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import BILABIALS, LABIODENTALS, PHONE_IDS, SILENCE_ID
from phonolips.phones.sounds import phones_to_ids
from phonolips.timebase import STEP_SECONDS, steps_to_seconds

CLOSING_SECONDS = 0.06  # what a closure takes on either side
# Mouth-space units, half a millimetre. True lips of GRID's s1 are open by 0.005 in the middle half of a b, m or p
# (median of 1,239); below 0.019 a mouth of s1 counts as closed.
CLOSED_OPENING = 0.008
EDGE_STEPS = 6  # of 10 ms, at either end of a long phone, in which the lips may be closing or opening


class Closure(NamedTuple):
    """One way in which lips close.

    Args:
        phones: inventory ids of the phones that do.
        opening: of the inner lips that is left, mouth-space units.
        lower_lip_share: how much of it the lower lip does.
    """

    phones: tuple[int, ...]
    opening: float
    lower_lip_share: float


def _ids(phones: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted(PHONE_IDS[phone] for phone in phones))


# An f is open by 0.027 at its least in s1 (median of 213), a v by 0.066, most of these shorter than two frames. The
# lower lip goes to the teeth, which do not move.
CLOSURES = (
    Closure(_ids(LABIODENTALS), 0.045, 1.0),
    Closure(_ids(BILABIALS), CLOSED_OPENING, LOWER_LIP_SHARE),
)
# A phone that was heard is believed fully from this posterior on, the highest of the phone's, less below in proportion.
# Of 155 b, m, p read in 40 clips of LibriSpeech test_clean 97 % have it (docs/findings.md).
BELIEVED = 0.4


def fade_around(distances: np.ndarray, reach: float) -> np.ndarray:
    """Compute a weight that falls from 1 at distance 0 to 0 at `reach`, along a cosine; float (frames,)."""
    weights: np.ndarray = 0.5 * (1 + np.cos(np.pi * np.minimum(np.abs(distances) / reach, 1.0)))
    return weights


def spoken_labels(phones: Iterable[Interval], steps: int) -> np.ndarray:
    """Sample phones at steps, each at one step at least, however short it is.

    Args:
        phones: in their order; sounds that the inventory lacks count as their nearest phone.
        steps: how many.

    Returns:
        int64 (steps,), inventory ids; what is unknown counts as silence.
    """
    labels = np.full(steps, SILENCE_ID)
    for phone in phones:
        first = min(int(phone.start / STEP_SECONDS + 0.5), steps - 1)
        last = max(int(phone.end / STEP_SECONDS + 0.5), first + 1)
        labels[first:last] = max(SILENCE_ID, *phones_to_ids([phone.label]))
    return labels


def closing_beliefs(posteriors: np.ndarray) -> np.ndarray:
    """Compute how sure each closure is at every step, by itself; (steps, phones) -> float32 (steps, closures)."""
    sums = [posteriors[:, closure.phones].sum(1) for closure in CLOSURES]
    return np.stack(sums, 1).astype(np.float32)


def closure_beliefs(labels: np.ndarray, beliefs: np.ndarray) -> np.ndarray:
    """Compute how surely the lips are to be closed at every step.

    Looks at the whole of a phone of up to 0.12 s, at 0.06 s on either side in a longer one.

    Args:
        labels: int (steps,), the phones that are said or were heard.
        beliefs: float (steps, closures), as `closing_beliefs` returns them; ones for what is certain.

    Returns:
        float32 (steps, closures): 0 to 1 in the middle of a phone that closes, 0 elsewhere.
    """
    closes = np.stack([np.isin(labels, closure.phones) for closure in CLOSURES], 1)
    held = np.zeros(closes.shape, np.bool_)
    before = [(-1, 0)] * len(CLOSURES)  # of each kind, the end of the phone before, and of what was held of it
    for label, first, last in label_runs(labels):
        for kind, closure in enumerate(CLOSURES):
            if label not in closure.phones:
                continue
            edge = min(EDGE_STEPS, (last - first - 1) // 2)
            start, end = first + edge, max(first + edge + 1, last - EDGE_STEPS)
            ended, held_until = before[kind]
            held[held_until if ended == first else start : end, kind] = True  # of two in a row, also between them
            before[kind] = last, end
    padded = np.pad(np.where(closes, beliefs, 0), ((EDGE_STEPS, EDGE_STEPS), (0, 0)))
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * EDGE_STEPS + 1, axis=0)
    surest: np.ndarray = held * np.minimum(around.max(-1) / np.float32(BELIEVED), 1)
    return surest.astype(np.float32)


def hold_seconds(fps: float) -> float:
    """Return how long before and after a step the lips stay closed, so that a frame comes upon it: half a frame."""
    return 0.5 / fps


def closure_weights(believed: np.ndarray, times: np.ndarray, fps: float, first_step: int = 0) -> np.ndarray:
    """Compute how far the lips are closed at the times of frames.

    Looks 0.06 s and half a frame back and ahead.

    Args:
        believed: float32 (steps, closures), as `closure_beliefs` returns them.
        times: float64 (frames,), seconds.
        fps: frames per second of these.
        first_step: the number of the first one of `believed`, where these are a part of the whole.

    Returns:
        float32 (frames, closures), 0 to 1.
    """
    hold = hold_seconds(fps)
    reach = int(np.ceil((CLOSING_SECONDS + hold) / STEP_SECONDS))
    middles = np.floor(times / STEP_SECONDS).astype(np.int64)
    weights = np.zeros((len(times), len(CLOSURES)), np.float32)
    if not believed.any():
        return weights
    for offset in range(-reach, reach + 1):
        steps = middles + offset
        place = steps - first_step
        inside = (place >= 0) & (place < len(believed))
        away = np.maximum(np.abs(times - steps_to_seconds(steps + 0.5)) - hold, 0.0)
        fade = (fade_around(away, CLOSING_SECONDS) * inside).astype(np.float32)
        weights = np.maximum(weights, believed[np.clip(place, 0, len(believed) - 1)] * fade[:, None])
    return weights


def close_by(lips: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Close lips that are open by more than a closure leaves, by as much as `closure_weights` say.

    Looks at no other frame.

    Args:
        lips: float (frames, 40, 2), mouth space.
        weights: float32 (frames, closures).

    Returns:
        float, the same shape; only the height of the opening changes, and only where the lips were too open. `lips`
        themselves where nothing closes.
    """
    some = np.flatnonzero(weights.any(1))
    if not len(some):
        return lips
    closed = lips[some]
    for kind, closure in enumerate(CLOSURES):
        excess = np.maximum(opening(closed) - closure.opening, 0)
        closed = narrow(closed, weights[some, kind] * excess, closure.lower_lip_share)
    result = lips.copy()
    result[some] = closed
    return result


def close_phones(lips: np.ndarray, phones: Iterable[Interval], fps: float) -> np.ndarray:
    """Close the lips in every phone that closes them, said at known times.

    Looks 0.06 s and half a frame back and ahead.

    Args:
        lips: float (frames, 40, 2), mouth space.
        phones: those that are said, in their order.
        fps: frames per second.

    Returns:
        as `close_by`.
    """
    steps = int(np.ceil(len(lips) / fps / STEP_SECONDS)) + 1
    labels = spoken_labels(phones, steps)
    return close_steps(lips, labels, np.ones((steps, len(CLOSURES)), np.float32), fps)


def close_heard(lips: np.ndarray, labels: np.ndarray, posteriors: np.ndarray, fps: float) -> np.ndarray:
    """Close the lips in every phone that closes them, as surely as it was heard; see `close_phones`.

    Args:
        lips: float (frames, 40, 2), mouth space.
        labels: int (steps,), the phones that were read off the posteriors.
        posteriors: float (steps, phones).
        fps: frames per second.
    """
    return close_steps(lips, labels, closing_beliefs(posteriors), fps)


def close_steps(lips: np.ndarray, labels: np.ndarray, beliefs: np.ndarray, fps: float) -> np.ndarray:
    """Close lips as `labels` (steps,) and `beliefs` (steps, closures) say, see `closure_beliefs`."""
    times = (np.arange(len(lips)) + 0.5) / fps
    return close_by(lips, closure_weights(closure_beliefs(labels, beliefs), times, fps))
