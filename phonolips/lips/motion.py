"""What is done to movements: quick ones exaggerated, emphasised words enlarged, silences shut, b, m and p closed.

Every function says how far it looks back and ahead of a frame, 25 a second; whoever makes lips in pieces needs that
much around each.
"""

from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np

from phonolips.checks import check_text, shown
from phonolips.errors import InputError
from phonolips.lips.measures import inner_gaps, opening
from phonolips.lips.points import MEDIAPIPE40
from phonolips.lips.smoothing import smooth_gaussian
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE
from phonolips.phones.sounds import shuts_lips
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


NEAR_SECONDS, FAR_SECONDS = 0.08, 0.2  # from speech: nearer the lips are left alone, further away they are shut
SILENCE_REACH_FRAMES = 5  # FAR_SECONDS at 25 frames a second


def seconds_from_speech(alignment: Alignment, frames: int) -> np.ndarray:
    """Measure how far every frame's centre is from the nearest phone; float64 (frames,), seconds, 0 in speech."""
    times = frame_centres(frames)
    spoken = [phone for phone in alignment.phones if phone.label != SILENCE]
    starts = np.array([*(phone.start for phone in spoken), np.inf])
    ends = np.array([-np.inf, *(phone.end for phone in spoken)])
    following = np.searchsorted(starts, times, side="right")
    distance: np.ndarray = np.clip(np.minimum(times - ends[following], starts[following] - times), 0, None)
    return distance


def silence_weights(alignment: Alignment, frames: int) -> np.ndarray:
    """Compute how far the mouth is shut at every frame because nothing is said; float32 (frames,), 0 in speech, to 1.

    Looks 0.2 s, 5 frames, back and ahead.
    """
    part = np.clip((seconds_from_speech(alignment, frames) - NEAR_SECONDS) / (FAR_SECONDS - NEAR_SECONDS), 0, 1)
    weights: np.ndarray = (part * part * (3 - 2 * part)).astype(np.float32)
    return weights


def shut_by(lips: np.ndarray, weights: np.ndarray, shut: np.ndarray) -> np.ndarray:
    """Bring lips to a shut mouth by as much as `silence_weights` say; other arguments as for `shut_in_silence`.

    Looks at no other frame.
    """
    closed = shut.astype(np.float32)
    mixed = np.empty_like(lips)
    for first in range(0, len(lips), BLOCK_FRAMES):
        some = slice(first, first + BLOCK_FRAMES)
        mixed[some] = lips[some] + weights[some, None, None] * (closed - lips[some])
    return mixed


def shut_in_silence(lips: np.ndarray, alignment: Alignment, shut: np.ndarray) -> np.ndarray:
    """Bring lips to a shut mouth wherever nothing is said, and let them open in time for what follows.

    Looks 0.2 s, 5 frames, back and ahead in the alignment, at no other frame of the lips.

    Args:
        lips: float (frames, 40, 2), mouth space, 25 frames a second.
        alignment: when something is said.
        shut: float (40, 2), the speaker's mouth when it is shut.

    Returns:
        float, the same shape.
    """
    return shut_by(lips, silence_weights(alignment, len(lips)), shut)


CLOSING_SECONDS = 0.06  # what a closure takes on either side
CLOSED_OPENING = 0.008  # mouth-space units, half a millimetre; below 0.019 a mouth of GRID's s1 counts as closed


def fade_around(distances: np.ndarray, reach: float) -> np.ndarray:
    """Compute a weight that falls from 1 at distance 0 to 0 at `reach`, along a cosine; float (frames,)."""
    weights: np.ndarray = 0.5 * (1 + np.cos(np.pi * np.minimum(np.abs(distances) / reach, 1.0)))
    return weights


def narrow(lips: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Bring upper and lower lip together by `by` (frames,) in the middle, and by less towards the corners.

    Looks at no other frame. Lips float (frames, 40, 2), mouth space; the same shape comes back.
    """
    share = by / np.maximum(opening(lips), 1e-6)
    gap = np.maximum(inner_gaps(lips), 0)
    result = lips.copy()
    for ring in (MEDIAPIPE40.inner, MEDIAPIPE40.outer):
        result[:, ring.upper, 1] -= share[:, None] * gap / 2
        result[:, ring.lower, 1] += share[:, None] * gap / 2
    return result


def close_bilabials(lips: np.ndarray, phones: Sequence[Interval], fps: float) -> np.ndarray:
    """Close the mouth in every b, m and p, and in what is made of them, that the decoder left open.

    Looks 0.06 s and a frame back and ahead. GRID's 51 words have no p before t or after s, no m between open vowels:
    of 182 in paragraphs of 23 languages 10 stayed open, and of those of a voice 25 (tools/bench/languages.py lips).

    Args:
        lips: float (frames, 40, 2), mouth space.
        phones: those that are said, with their times.
        fps: frames per second.

    Returns:
        the same shape; only the height of the opening changes, and only around a closure that was too open.
    """
    times = frame_centres(len(lips), fps)
    reach = CLOSING_SECONDS * fps + 1
    around = int(np.ceil(reach))
    by = np.zeros(len(lips), lips.dtype)
    for phone in phones:
        first, last = (int(place) for place in np.searchsorted(times, (phone.start, phone.end)))
        if not shuts_lips(phone.label) or first >= len(lips):
            continue
        if last <= first:  # shorter than a frame: the nearest one
            first = int(np.abs(times - (phone.start + phone.end) / 2).argmin())
            last = first + 1
        heights = opening(lips[first:last])
        at = first + int(heights.argmin())
        near = np.arange(max(0, at - around), min(len(lips), at + around + 1))
        excess = float(heights.min()) - CLOSED_OPENING
        by[near] = np.maximum(by[near], fade_around(near - at, reach) * max(0.0, excess))
    open_frames = np.flatnonzero(by)
    if not len(open_frames):
        return lips
    result = lips.copy()
    some = lips[open_frames]
    result[open_frames] = narrow(some, np.minimum(by[open_frames], np.maximum(opening(some), 0)))
    return result


EXAGGERATION_SIGMA_FRAMES = 2.0  # 80 ms at 25 frames a second
EXAGGERATION_REACH_FRAMES = 8  # four standard deviations, where `smooth_gaussian` ends
BLOCK_FRAMES = 4096  # moved at once: some megabytes of intermediate results instead of some times the whole


def uncross(lips: np.ndarray) -> np.ndarray:
    """Bring inner-lip points that have passed each other to their common middle.

    Looks at no other frame.

    Args:
        lips: float (..., 40, 2), mouth space, layout mediapipe40.

    Returns:
        the same shape; upper and lower inner lip touch where they would have crossed.
    """
    half = np.minimum(inner_gaps(lips), 0) / 2
    result = lips.copy()
    result[..., MEDIAPIPE40.inner.upper, 1] -= half
    result[..., MEDIAPIPE40.inner.lower, 1] += half
    return result


def exaggerate(lips: np.ndarray, liveliness: float, ahead_frames: int = EXAGGERATION_REACH_FRAMES) -> np.ndarray:
    """Exaggerate movements faster than about a syllable; 0 leaves everything as it is.

    Squared error makes a decoder hesitate: what it is unsure of comes out smaller. This gives quick movements
    back their size: lips + liveliness * (lips - lips smoothed by a Gaussian of 80 ms), and inner lips that
    would cross then touch. Looks 8 frames back, and `ahead_frames` ahead.

    Args:
        lips: float (frames, 40, 2), mouth space, 25 frames a second.
        liveliness: 0 or more.
        ahead_frames: 0 to 8; the last frame that may be seen stands for those after it.

    Returns:
        float, the same shape; `lips` themselves where `liveliness` is 0.
    """
    if not liveliness:
        return lips
    result = np.empty_like(lips)
    for first in range(0, len(lips), BLOCK_FRAMES):
        back = min(first, EXAGGERATION_REACH_FRAMES)
        part = lips[first - back : first + BLOCK_FRAMES + EXAGGERATION_REACH_FRAMES]
        smooth = smooth_gaussian(part, EXAGGERATION_SIGMA_FRAMES, ahead_frames)
        more = uncross(part + np.float32(liveliness) * (part - smooth))
        result[first : first + BLOCK_FRAMES] = more[back : back + BLOCK_FRAMES]
    return result


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
