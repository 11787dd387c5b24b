"""Closures by construction: a b, m or p closes the lips, an f or v nearly, whatever the decoder says.

The phones are known, or were heard with a posterior, so a closure is not left to a decoder that has to have learnt it
for every mouth and neighbour. Lips that are closed already are left as they are.

1. `find_closures`, `heard_closures`: when lips have to be closed somewhere, and how surely: within a phone of up to
   0.12 s, and within every 0.12 s of a longer one. What is said for certain counts fully, what was heard by its
   posterior.
2. `closing_heights`: how far the lips have to come together then: as far as the least open frame of that time is too
   open, so that a decoder that closes them early or late in a phone keeps its own timing; with fades of 60 ms.
3. `close_by`: the lips, closed by so much.

`ClosureStage` of `model.motion` does all three on a stream.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from phonolips.lips.measures import opening
from phonolips.lips.shapes import LOWER_LIP_SHARE, narrow
from phonolips.phones.decode import label_runs
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import BILABIALS, LABIODENTALS, PHONE_IDS
from phonolips.phones.sounds import nearest_phone
from phonolips.timebase import SAME_SECONDS, seconds_to_steps, steps_to_seconds

CLOSING_SECONDS = 0.06  # what a closure takes on either side
# Mouth-space units, half a millimetre. True lips of GRID's s1 are open by 0.005 in the middle half of a b, m or p
# (median of 1,239); below 0.019 a mouth of s1 counts as closed.
CLOSED_OPENING = 0.008
LONGEST_STEPS = 12  # of 10 ms, in which lips that have to be closed may be closing or opening, too


class ClosureKind(NamedTuple):
    """One way in which lips close.

    Args:
        phones: inventory ids of the phones that do.
        opening: of the inner lips that is left, mouth-space units.
        lower_lip_share: how much of it the lower lip does.
    """

    phones: tuple[int, ...]
    opening: float
    lower_lip_share: float


class Closures(NamedTuple):
    """Times in which lips of one kind have to be closed somewhere.

    Args:
        starts: float64 (closures,), seconds.
        ends: likewise.
        beliefs: likewise, 0 to 1: how surely.
    """

    starts: np.ndarray
    ends: np.ndarray
    beliefs: np.ndarray


def _ids(phones: Iterable[str]) -> tuple[int, ...]:
    return tuple(sorted(PHONE_IDS[phone] for phone in phones))


# An f is open by 0.027 at its least in s1 (median of 213), a v by 0.066, most of these shorter than two frames. The
# lower lip goes to the teeth, which do not move.
CLOSURES = (
    ClosureKind(_ids(LABIODENTALS), 0.06, 1.0),
    ClosureKind(_ids(BILABIALS), CLOSED_OPENING, LOWER_LIP_SHARE),
)
# A phone that was heard is believed fully from this posterior on, the highest of the phone's, less below in proportion.
# Of 155 b, m, p read in 40 clips of LibriSpeech test_clean 97 % have it (docs/movement.md).
BELIEVED = 0.4


def fade_around(distances: np.ndarray, reach: float) -> np.ndarray:
    """Compute a weight that falls from 1 at distance 0 to 0 at `reach`, along a cosine; float (frames,)."""
    weights: np.ndarray = 0.5 * (1 + np.cos(np.pi * np.minimum(np.abs(distances) / reach, 1.0)))
    return weights


def closing_beliefs(posteriors: np.ndarray) -> np.ndarray:
    """Compute how sure each closure is at every step, by itself; (steps, phones) -> float32 (steps, kinds)."""
    sums = [posteriors[:, closure.phones].sum(1) for closure in CLOSURES]
    return np.stack(sums, 1).astype(np.float32)


def find_closures(phones: Iterable[Interval]) -> list[Closures]:
    """Find when lips have to be closed for phones that are said at known times; of each of CLOSURES."""
    found: list[list[tuple[float, float, float]]] = [[] for _ in CLOSURES]
    for phone in phones:
        number = PHONE_IDS.get(nearest_phone(phone.label))
        for kind, closure in enumerate(CLOSURES):
            if number in closure.phones:
                spare = max(0, seconds_to_steps(phone.end - phone.start) - LONGEST_STEPS)
                length = min(phone.end - phone.start, steps_to_seconds(LONGEST_STEPS))
                starts = np.linspace(phone.start, phone.end - length, spare + 1).tolist()
                found[kind] += [(start, start + length, 1.0) for start in starts]
    return [_closures(some) for some in found]


def heard_closures(labels: np.ndarray, beliefs: np.ndarray, first_step: int = 0) -> list[Closures]:
    """Find when lips have to be closed for phones that were heard.

    Looks at the whole of a phone of up to 0.12 s, and at every 0.12 s of a longer one.

    Args:
        labels: int (steps,), the phones that were read off posteriors.
        beliefs: float32 (steps, kinds), as `closing_beliefs` returns them.
        first_step: the number of the first one of these, where they are a part of the whole.

    Returns:
        of each of CLOSURES.
    """
    found: list[list[tuple[float, float, float]]] = [[] for _ in CLOSURES]
    for label, first, last in label_runs(labels):
        for kind, closure in enumerate(CLOSURES):
            if label not in closure.phones:
                continue
            length = min(last - first, LONGEST_STEPS)
            for start in range(first, last - length + 1):
                surely = min(float(beliefs[start : start + length, kind].max()) / BELIEVED, 1.0)
                edges = first_step + start, first_step + start + length
                found[kind].append((steps_to_seconds(edges[0]), steps_to_seconds(edges[1]), surely))
    return [_closures(some) for some in found]


def _closures(rows: list[tuple[float, float, float]]) -> Closures:
    return Closures(*np.array(rows, np.float64).reshape(-1, 3).T)


def closing_heights(
    openings: np.ndarray, closures: Sequence[Closures], fps: float, first_frame: int = 0, *, ended: bool = True
) -> np.ndarray:
    """Compute by how much lips have to come together in every frame, for each kind of closure.

    A closure that falls between two frames is made in the one that is nearer to its middle. Looks 0.06 s around a
    frame for closures, and at all frames of these.

    Args:
        openings: float32 (frames,), of the inner lips, mouth-space units.
        closures: as `find_closures` and `heard_closures` return them.
        fps: frames per second.
        first_frame: the number of the first frame, where these are a part of the whole.
        ended: whether the last of these is the last one of all.

    Returns:
        float32 (frames, kinds), mouth-space units, 0 to the opening.
    """
    times = (np.arange(first_frame, first_frame + len(openings)) + 0.5) / fps
    heights = np.zeros((len(openings), len(CLOSURES)), np.float32)
    if not len(times):
        return heights
    for kind, (closure, some) in enumerate(zip(CLOSURES, closures, strict=True)):
        for start, end, belief in zip(*(part.tolist() for part in some), strict=True):
            first, last = np.searchsorted(times, (start, end)).tolist()
            if first == last:
                nearest = max(math.ceil((start + end) / 2 * fps - 1), 0) - first_frame
                first = min(nearest, len(times) - 1) if ended else nearest
                if not 0 <= first < len(times):
                    continue
                last = first + 1
            excess = belief * float(openings[first:last].min() - closure.opening)
            if excess <= 0:
                continue
            start, end = min(start, times[first]), max(end, times[last - 1])
            near = slice(*np.searchsorted(times, (start - CLOSING_SECONDS, end + CLOSING_SECONDS)).tolist())
            away = np.maximum(np.maximum(start - times[near], times[near] - end), 0)
            heights[near, kind] = np.maximum(heights[near, kind], excess * fade_around(away, CLOSING_SECONDS))
    limited: np.ndarray = np.minimum(heights, np.maximum(openings, 0)[:, None])
    return limited


def quick_heights(
    openings: np.ndarray,
    times: np.ndarray,
    labels: np.ndarray,
    beliefs: np.ndarray,
    first_step: int = 0,
    seen_steps: float = np.inf,
) -> np.ndarray:
    """Compute by how much lips have to come together where nobody waits for a phone's end, for each kind of closure.

    Every frame is closed by the phones within 0.06 s around it, the nearer the more, whatever the decoder does in the
    rest of the phone; `closing_heights`, which knows that, leaves it its own timing.

    Args:
        openings: float32 (frames,), of the inner lips, mouth-space units.
        times: float64 (frames,), seconds, their middles.
        labels: int (steps,), the phones that were read off posteriors.
        beliefs: float32 (steps, kinds), what `closing_beliefs` makes of these posteriors.
        first_step: the number of the first one of these.
        seen_steps: how many steps after its middle a frame may look.

    Returns:
        float32 (frames, kinds), mouth-space units, 0 to the opening.
    """
    heights = np.zeros((len(openings), len(CLOSURES)), np.float32)
    centres = steps_to_seconds(first_step + np.arange(len(labels)) + 0.5)
    for kind, closure in enumerate(CLOSURES):
        chosen = np.isin(labels, closure.phones)
        if not chosen.any():
            continue
        surely = np.minimum(beliefs[chosen, kind] / BELIEVED, 1.0)
        after = centres[chosen] - times[:, None]
        near = fade_around(after, CLOSING_SECONDS) * (after <= steps_to_seconds(seen_steps - 0.5) + SAME_SECONDS)
        heights[:, kind] = (near * surely).max(1) * np.maximum(openings - closure.opening, 0)
    return heights


def close_by(lips: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Bring lips together by as much as `closing_heights` say.

    Looks at no other frame.

    Args:
        lips: float (frames, 40, 2), mouth space.
        heights: float32 (frames, kinds), mouth-space units.

    Returns:
        float, the same shape; only the height of the opening changes, and only where the lips were too open. `lips`
        themselves where nothing closes.
    """
    some = np.flatnonzero(heights.any(1))
    if not len(some):
        return lips
    closed, done = lips[some], np.zeros(len(some), heights.dtype)
    for kind, closure in enumerate(CLOSURES):
        further = np.maximum(heights[some, kind] - done, 0)
        closed, done = narrow(closed, further, closure.lower_lip_share), done + further
    result = lips.copy()
    result[some] = closed
    return result


def close_phones(lips: np.ndarray, phones: Iterable[Interval], fps: float) -> np.ndarray:
    """Close the lips in every phone that closes them, said at known times.

    Looks 0.18 s back and ahead.

    Args:
        lips: float (frames, 40, 2), mouth space.
        phones: those that are said, in their order.
        fps: frames per second.

    Returns:
        as `close_by`.
    """
    return close_by(lips, closing_heights(opening(lips), find_closures(phones), fps))


def close_heard(lips: np.ndarray, labels: np.ndarray, beliefs: np.ndarray, fps: float) -> np.ndarray:
    """Close the lips in every phone that closes them, as surely as it was heard.

    Looks 0.18 s back and ahead.

    Args:
        lips: float (frames, 40, 2), mouth space.
        labels: int (steps,), the phones that were read off posteriors.
        beliefs: float32 (steps, kinds), what `closing_beliefs` makes of these posteriors.
        fps: frames per second.

    Returns:
        as `close_by`.
    """
    return close_by(lips, closing_heights(opening(lips), heard_closures(labels, beliefs), fps))
