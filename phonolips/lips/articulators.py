"""What lips, teeth and tongue do beside the 40 lip points, from the phones: five curves for whatever draws a mouth.

Lips are points seen from the front, so how far they stand forward, whether the lower one is at the teeth, and where the
tongue is are the phones' word alone. Their features (`phonolips.phones.features`) say what each phone wants and how
much it minds, and neighbours share the time between two phones accordingly: a T between two UW stays round, as T does
not mind, while IY does. This is Cohen and Massaro's dominance ("Modeling coarticulation in synthetic visual speech",
in: Models and Techniques in Computer Animation, 1993) with Gaussians in the place of their exponentials.
"""

from typing import TYPE_CHECKING

import numpy as np

from phonolips.lips.smoothing import smooth_gaussian
from phonolips.phones.features import LETTERS, SHUT, Sound
from phonolips.phones.inventory import NUM_PHONES, PHONE_IDS, SILENCE, VOWELS
from phonolips.phones.sounds import PHONE_LETTERS
from phonolips.timebase import STEPS_PER_SECOND, frame_centres, step_centres

if TYPE_CHECKING:
    from phonolips.phones.intervals import Alignment

# The curves, each from 0 to 1, in their order: how far the lips stand forward; how near the lower lip is to the upper
# teeth; the tip of the tongue between the teeth; the tip behind the upper teeth, where it is seen through open lips;
# upper and lower teeth together.
ARTICULATORS = ("protrusion", "biting", "tongue_between", "tongue_up", "teeth_together")
PROTRUSION, BITING, TONGUE_BETWEEN, TONGUE_UP, TEETH_TOGETHER = range(len(ARTICULATORS))

# Standard deviations of the Gaussians, seconds: lips come forward and go back over about half a syllable, while bites
# and tips of tongues are quick; both by eye, on films of sentences.
SMOOTHING_SECONDS = (0.04, 0.02, 0.02, 0.02, 0.02)
REACH_SECONDS = 0.16  # four of the longest: as far as a curve looks back and ahead
POSTALVEOLAR_PROTRUSION = 0.7  # of SH, ZH, CH and JH, whose lips come forward more than they round (feature: 0.4)
TAP_SHARE = 0.6  # how much of the tongue T, D and N show, where L shows all of it
# How much a phone minds, beside what minds fully: for the lips' protrusion vowels, round consonants and silence.
TRANSPARENT, AT_REST = 0.05, 0.25
MINDS_ELSEWHERE = 0.4  # a phone that neither bites nor shows its tongue, about others that do
SHUT_MINDS = 3.0  # b, m and p about everything that would part the lips
# Phones that move, each by the sounds at its beginning and its end.
MOVING = {"AW": ("a", "ʊ"), "AY": ("a", "ɪ"), "EY": ("e", "ɪ"), "OW": ("o", "ʊ"), "OY": ("ɔ", "ɪ")}
LEAST_POSTERIOR = 0.05  # from which a phone that moves counts as being said
# English rounds less than the chart's letters say (see `phones.sounds`).
ENGLISH_PROTRUSION = {"UW": 0.85, "R": 0.6, "ER": 0.4, "UH": 0.6, "AO": 0.6, "OW": 0.75}
ENGLISH_ENDS = {"AW": (0.1, 0.6), "OY": (0.6, 0.1), "OW": (0.7, 0.8)}


def _wanted(sound: Sound) -> list[float]:
    """Read the five values off a sound's features."""
    rounding, sibilant, dental = (sound.value(name) for name in ("rounding", "sibilant", "dental"))
    protrusion = max(rounding, POSTALVEOLAR_PROTRUSION) if sibilant and rounding else rounding
    at_ridge = sound.value("tongue") < 0.25 and sound.value("stricture") >= 0.5 and sound.value("biting") == 0
    up = (1.0 if sound.value("lateral") else TAP_SHARE) if at_ridge and not (sibilant or dental) else 0.0
    return [protrusion, sound.value("biting"), dental, up, sibilant]


def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make what phones want at their beginning and end, and how much they mind; float64 (phones, 5) each."""
    first, last = np.zeros((NUM_PHONES, 5)), np.zeros((NUM_PHONES, 5))
    minds = np.full((NUM_PHONES, 5), MINDS_ELSEWHERE)
    for phone, index in PHONE_IDS.items():
        if phone == SILENCE:
            minds[index, PROTRUSION] = AT_REST
            continue
        begins, ends = MOVING.get(phone, (PHONE_LETTERS.get(phone, "")[:1],) * 2)
        first[index], last[index] = _wanted(LETTERS[begins]), _wanted(LETTERS[ends])
        shown = ENGLISH_PROTRUSION.get(phone)
        low, high = ENGLISH_ENDS.get(phone, (shown, shown))
        if low is not None and high is not None:
            first[index, PROTRUSION], last[index, PROTRUSION] = low, high
        minds[index][np.maximum(first[index], last[index]) > 0] = 1.0
        rounds = max(first[index, PROTRUSION], last[index, PROTRUSION]) > 0 or phone in VOWELS or phone == "Y"
        minds[index, PROTRUSION] = 1.0 if rounds else TRANSPARENT
        if LETTERS[begins].lips == SHUT:
            minds[index, PROTRUSION + 1 :] = SHUT_MINDS
    return first, last, minds


_FIRST, _LAST, _MINDS = (table.astype(np.float32) for table in _tables())  # an hour of steps in float64 is 115 MB
_WANTED = _MINDS * _FIRST


def _progress(posterior: np.ndarray) -> np.ndarray:
    """Measure how far through a phone each step is: 0 to 1 over every run of steps in which it is said; (steps,)."""
    said = posterior >= LEAST_POSTERIOR
    part = np.where(said, posterior, 0.0)
    total = np.cumsum(part, dtype=np.float64)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], said, [False]]).astype(np.int8)))
    through = np.zeros(len(posterior), np.float32)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        before = total[start] - part[start]
        through[start:end] = (total[start:end] - part[start:end] / 2 - before) / (total[end - 1] - before)
    return through


def articulators_of_posteriors(posteriors: np.ndarray) -> np.ndarray:
    """Compute the five curves of ARTICULATORS from phone posteriors.

    Looks REACH_SECONDS back and ahead, and in AW, AY, EY, OW and OY as far as the phone lasts.

    Args:
        posteriors: float (steps, phones), rows sum to 1; rows of zeros are of unknown phones.

    Returns:
        float32 (steps, 5), 0 to 1.
    """
    wanted = posteriors @ _WANTED
    for phone in MOVING:
        index = PHONE_IDS[phone]
        by = _MINDS[index] * (_LAST[index] - _FIRST[index])
        if by.any() and posteriors[:, index].max(initial=0) >= LEAST_POSTERIOR:
            wanted += (posteriors[:, index] * _progress(posteriors[:, index]))[:, None] * by
    minded = posteriors @ _MINDS
    curves = np.empty_like(wanted)
    for column, seconds in enumerate(SMOOTHING_SECONDS):
        both = np.stack([wanted[:, column], minded[:, column]], axis=1)
        over, under = smooth_gaussian(both, seconds * STEPS_PER_SECOND).T
        curves[:, column] = over / np.maximum(under, 1e-9)
    clipped: np.ndarray = np.clip(curves, 0, 1)
    return clipped


def articulate(
    frames: int,
    fps: float,
    alignment: "Alignment | None" = None,
    posteriors: np.ndarray | None = None,
    *,
    start: float = 0.0,
) -> np.ndarray | None:
    """Compute the five curves of ARTICULATORS for the frames of some lips.

    Args:
        frames, fps: the frames; each is read at its centre.
        alignment: phones with times; used where there are no posteriors.
        posteriors: float (steps, phones).
        start: seconds at which the first frame begins.

    Returns:
        float32 (frames, 5), 0 to 1; None where nothing is known of the phones. Frames beyond the end are silent.
    """
    if posteriors is None:
        if alignment is None:
            return None
        posteriors = alignment.posteriors(int(np.ceil((start + frames / fps) * STEPS_PER_SECOND)) + 1)
    curves = articulators_of_posteriors(posteriors)
    times, centres = start + frame_centres(frames, fps), step_centres(len(curves))
    read = np.stack([np.interp(times, centres, column) for column in curves.T], axis=1)
    read *= (times <= len(curves) / STEPS_PER_SECOND)[:, None]
    return read.astype(np.float32)
