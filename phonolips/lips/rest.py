"""The mouth at rest where nothing is said: shut, or ajar as people keep it.

People stay ajar in pauses (`natural`: lips are left as the decoder makes them); users of animation want them shut.
`shut` brings them to the speaker's closed mouth, and opens them in time for what follows.
"""

from collections.abc import Iterable

import numpy as np

from phonolips.lips.smoothing import BLOCK_ROWS
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE, UNKNOWN
from phonolips.phones.sounds import shuts_lips
from phonolips.timebase import SAME_SECONDS, STEP_SECONDS, frame_centres

SHUT, NATURAL = "shut", "natural"
RESTS = (SHUT, NATURAL)
# How long it takes from the last open phone until the mouth is shut; what lies between two frames of 40 ms is shut by
# 120 ms then, at any frame rate.
SHUT_SECONDS = 0.08
# Before the next open phone: the lips leave rest, and move as for that phone. People are about as fast: lips of GRID's
# s1 open from 0.008 to 0.139 eye distances, of 0.168 in all, in 90 ms around the end of a p (medians of 491).
LEAVE_SECONDS, OPEN_SECONDS = 0.12, 0.06
REST_REACH_FRAMES = 3  # the longer one of these, at 25 frames a second
REST_REACH_STEPS = round(LEAVE_SECONDS / STEP_SECONDS)


def opens_lips(label: str) -> bool:
    """Return whether the lips are open, or may be, in what a label says: no silence, no b, m, p, no unknown word."""
    return label not in (SILENCE, UNKNOWN) and not shuts_lips(label)


def seconds_around_speech(phones: Iterable[Interval], times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure how long ago the last open phone ended at some times, and how soon the next one begins.

    Args:
        phones: in their order.
        times: float (times,), seconds.

    Returns:
        float64 (times,) each, seconds: 0 inside such a phone, infinity where there is none before or after.
    """
    spoken = [phone for phone in phones if opens_lips(phone.label)]
    starts = np.array([*(phone.start for phone in spoken), np.inf])
    ends = np.array([-np.inf, *(phone.end for phone in spoken)])
    following = np.searchsorted(starts, times, side="right")
    since: np.ndarray = np.maximum(times - ends[following], 0.0)
    until: np.ndarray = np.where(since > 0, starts[following] - times, 0.0)
    return since, until


def _ramp(part: np.ndarray) -> np.ndarray:
    """Rise smoothly from 0 at 0 to 1 at 1, along 3x² - 2x³."""
    part = np.clip(part, 0, 1)
    risen: np.ndarray = part * part * (3 - 2 * part)
    return risen


def rest_weights(phones: Iterable[Interval], frames: int, seen_seconds: float = np.inf) -> np.ndarray:
    """Compute how far the mouth is at rest in every frame because nothing opens it: in silence, and in b, m and p.

    After the last open phone the weight rises to 1 within 0.08 s, from 0.12 s before the next one on it falls to 0,
    which it reaches 0.06 s before that phone. So a pause of 0.2 s or more is shut in its middle; in a shorter one rest
    is not reached: half of the way in 0.16 s, an eighth of it in 0.12 s. Looks 0.12 s, 3 frames, back and ahead.

    Args:
        phones: in their order.
        frames: how many, 25 a second.
        seen_seconds: how long after its middle a frame may look; a phone that begins later is not yet known of.

    Returns:
        float32 (frames,), 0 in speech, to 1.
    """
    since, until = seconds_around_speech(phones, frame_centres(frames))
    until[until > seen_seconds - SAME_SECONDS] = np.inf
    weights: np.ndarray = _ramp(since / SHUT_SECONDS) * _ramp((until - OPEN_SECONDS) / (LEAVE_SECONDS - OPEN_SECONDS))
    return weights.astype(np.float32)


def rest_by(lips: np.ndarray, weights: np.ndarray, shut: np.ndarray) -> np.ndarray:
    """Bring lips to a shut mouth by as much as `rest_weights` say.

    Looks at no other frame.

    Args:
        lips: float (frames, 40, 2), mouth space.
        weights: float32 (frames,).
        shut: float (40, 2), the speaker's mouth when it is shut.

    Returns:
        float, the same shape.
    """
    closed = shut.astype(np.float32)
    mixed = np.empty_like(lips)
    for first in range(0, len(lips), BLOCK_ROWS):
        some = slice(first, first + BLOCK_ROWS)
        mixed[some] = lips[some] + weights[some, None, None] * (closed - lips[some])
    return mixed


def shut_in_silence(lips: np.ndarray, alignment: Alignment, shut: np.ndarray) -> np.ndarray:
    """Bring lips to a shut mouth wherever nothing opens it, and let them open in time for what follows.

    Looks 0.12 s, 3 frames, back and ahead in the alignment, at no other frame of the lips.

    Args:
        lips: float (frames, 40, 2), mouth space, 25 frames a second.
        alignment: when something is said.
        shut: float (40, 2), the speaker's mouth when it is shut.

    Returns:
        float, the same shape.
    """
    return rest_by(lips, rest_weights(alignment.phones, len(lips)), shut)
