"""Mouth cues: which of a few drawn mouths to show, and from when to when.

The nine mouths are those of Rhubarb Lip Sync, after Hanna-Barbera's and Preston Blair's: A shut with pressure
(P, B, M), B slightly open with clenched teeth (most consonants, EE), C open, D wide open, E slightly rounded,
F puckered, G teeth on the lower lip (F, V), H the tongue behind the upper teeth (L), X at rest.

The rule. Every 10 ms each mouth has a price: how far its opening and width are from those of the lips, and how ill
it suits the phone. Of all ways to divide the time into cues the cheapest is taken, where a change of mouth costs
too and no cue is shorter than the eye follows. So the phone says which mouths may stand for it, the lips choose
between B, C and D and between E and F and say when, and what lasts too short to be seen is left out. What the eye
misses first is never left out: A where the lips shut for P, B, M, and G for F, V. Silences of 0.2 s and more
are X, unless the lips open in them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.measures import opening, width
from phonolips.lips.shapes import closed_opening, rest_width
from phonolips.phones.inventory import BILABIALS, LABIODENTALS, SILENCE, UNKNOWN
from phonolips.phones.sounds import nearest_phone
from phonolips.timebase import STEPS_PER_SECOND, frame_centres, seconds_to_steps, step_centres, steps_to_seconds

if TYPE_CHECKING:
    from phonolips.phones.intervals import Alignment, Interval

MOUTHS = "ABCDEFGHX"
SHUT, BITE, TONGUE = (MOUTHS.index(mouth) for mouth in "AGH")
# Opening as a share of the widest and width against rest in eye distances, from what the phones that these mouths
# stand for do on GRID's training clips; widths of E and F between those and the half more by which other people round
OPENINGS = np.array([0.0, 0.35, 0.65, 1.0, 0.5, 0.25, 0.2, 0.55, 0.0])
WIDTHS = np.array([-0.02, 0.0, 0.0, 0.0, -0.05, -0.08, -0.015, -0.005, 0.0])
OPENING_SPREAD, WIDTH_SPREAD = 0.25, 0.04  # a mouth that is so far off costs 1
WIDEST_QUANTILE, LEAST_WIDEST, MOST_WIDEST = 0.97, 0.12, 0.4  # of the opening; eye distances
SHUT_SHARE = 0.1  # of the frames, the least open, show lips that are shut; see `lips.shapes`
CHANGE_COST = 6.0  # as much as 60 ms of a mouth that is one spread off
LEAST_CUE_SECONDS = 0.07
LEAST_FAST_SECONDS = 0.05  # of A, G and H, which are short and must be seen
LEAST_PAUSE_SECONDS = 0.2
IMPOSSIBLE = 1000.0  # more than any mouth that suits ill costs in the shortest cue
OPEN_ALL_THE_SAME = 0.6  # share of the widest above which lips did not shut, whatever the phone

# How ill each mouth suits a phone, in the order of MOUTHS: 0 = made for it
_PRICES: dict[str, tuple[float, ...]] = {
    # A    B    C    D    E    F    G    H    X
    "sil": (0.7, 1.8, 2.0, 2.5, 2.0, 2.0, 4.0, 4.0, 0.0),
    "short silence": (0.0, 0.2, 0.5, 1.5, 0.5, 0.5, 4.0, 4.0, 0.5),
    "spn": (0.5, 0.0, 0.0, 0.0, 0.5, 0.5, 4.0, 4.0, 0.5),
    "B M P": (0.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0),
    "F V": (3.0, 2.0, 3.0, 3.0, 3.0, 3.0, 0.0, 3.0, 4.0),
    "L": (3.5, 2.0, 2.0, 2.5, 2.5, 2.5, 4.0, 0.0, 4.0),
    "D DH G HH K N NG S T TH Y Z": (2.0, 0.0, 0.2, 1.5, 0.5, 0.6, 4.0, 2.0, 4.0),
    "CH JH SH ZH": (3.0, 0.0, 0.5, 1.5, 0.3, 0.3, 4.0, 3.0, 4.0),
    "R": (3.0, 0.3, 0.5, 1.5, 0.0, 0.1, 4.0, 3.0, 4.0),
    "W": (2.0, 1.5, 2.0, 3.0, 0.5, 0.0, 4.0, 4.0, 4.0),
    "AA AE AH AY": (4.0, 0.4, 0.0, 0.0, 0.7, 2.0, 4.0, 2.0, 4.0),
    "AW": (4.0, 0.6, 0.0, 0.0, 0.2, 0.5, 4.0, 3.0, 4.0),
    "EH EY": (4.0, 0.3, 0.0, 0.2, 1.0, 2.0, 4.0, 2.0, 4.0),
    "IH IY": (4.0, 0.0, 0.1, 0.8, 1.5, 2.0, 4.0, 2.0, 4.0),
    "ER": (4.0, 0.4, 0.5, 1.5, 0.0, 0.7, 4.0, 2.0, 4.0),
    "AO OY": (4.0, 1.0, 0.5, 0.5, 0.0, 0.5, 4.0, 3.0, 4.0),
    "OW": (4.0, 1.2, 1.0, 1.0, 0.0, 0.1, 4.0, 3.0, 4.0),
    "UH UW": (4.0, 0.7, 1.5, 3.0, 0.4, 0.0, 4.0, 3.0, 4.0),
}  # fmt: skip
_PRICE_OF = {phone: np.array(prices) for phones, prices in _PRICES.items() for phone in phones.split()}
_SHORT_SILENCE = np.array(_PRICES["short silence"])


class Cue(NamedTuple):
    """A mouth or viseme over [start, end), in seconds."""

    value: str
    start: float
    end: float


def mouth_cues(lips: np.ndarray, fps: float, alignment: "Alignment | None", *, least_seconds: float = 0.0) -> list[Cue]:
    """Choose Rhubarb's mouths A to H and X for lips and what they say.

    Needs the whole: the widest and the least open frames set the scale, and all cues together cost least.

    Args:
        lips: float (frames, points, 2), mouth space.
        fps: frames per second of `lips`.
        alignment: their phones; None = only the lips decide, and then there is no G and no H.
        least_seconds: no cue is shorter, such as a frame of the program that shows them.

    Returns:
        cues without gaps from 0 to the end of the lips, no two neighbours alike, edges on hundredths of a second.
    """
    steps = max(1, seconds_to_steps(len(lips) / fps))
    times, frames = step_centres(steps), frame_centres(len(lips), fps)
    apart, wide = _movement(lips)
    apart, wide = np.interp(times, frames, apart), np.interp(times, frames, wide)
    price = ((apart[:, None] - OPENINGS) / OPENING_SPREAD) ** 2 + ((wide[:, None] - WIDTHS) / WIDTH_SPREAD) ** 2
    if alignment is None:
        price += np.where(np.isin(np.arange(len(MOUTHS)), (BITE, TONGUE)), IMPOSSIBLE, 0.0)
        price[:, SHUT] += 0.3  # a mouth that stays shut is at rest
    else:
        for phone in alignment.phones:
            first, last = (min(seconds_to_steps(time), steps) for time in (phone.start, phone.end))
            if last > first:
                price[first:last] += _suits(phone)
                _keep(price, phone, first, last, apart)
        end = min(seconds_to_steps(alignment.duration), steps)
        price[end:] += _PRICE_OF[SILENCE]
    shortest = [LEAST_FAST_SECONDS if mouth in "AGH" else LEAST_CUE_SECONDS for mouth in MOUTHS]
    least = [int(np.ceil(max(seconds, least_seconds) * STEPS_PER_SECOND - 1e-6)) for seconds in shortest]
    return [
        Cue(MOUTHS[mouth], steps_to_seconds(first), steps_to_seconds(last))
        for mouth, first, last in divide(price, least, CHANGE_COST)
    ]


def divide(price: np.ndarray, least: Sequence[int], change_cost: float) -> list[tuple[int, int, int]]:
    """Divide time into the results of classes that cost least in all, none shorter than allowed.

    The exact optimum by dynamic programming over segments: Viterbi (1967) with a least duration for each class.

    Args:
        price: float (steps, classes), of each class at each step.
        least: shortest run of each class, steps; all of `price` where that is shorter.
        change_cost: of every change of class.

    Returns:
        runs (class, first step, step after the last), from 0 to the end; neighbours differ.
    """
    steps, classes = price.shape
    if not steps:
        raise InputError("nothing to divide into cues: there are no lips")
    shortest = np.minimum(np.asarray(least), steps)
    total = np.zeros((steps + 1, classes))
    np.cumsum(price, axis=0, out=total[1:])
    each = np.arange(classes)
    change = np.full((classes, classes), float(change_cost))  # row: to, column: from
    np.fill_diagonal(change, np.inf)
    enter = np.full((steps + 1, classes), np.inf)  # least cost of all before a result that starts here
    came_from = np.zeros((steps + 1, classes), np.int32)
    began = np.zeros((steps + 1, classes), np.int32)
    enter[0] = 0.0
    inside = np.full(classes, np.inf)  # least cost up to here, in a result that is long enough to end
    for step in range(1, steps + 1):
        start = step - shortest
        fits = start >= 0
        start = np.maximum(start, 0)
        fresh = np.where(fits, enter[start, each] + total[step] - total[start, each], np.inf)
        longer = inside + price[step - 1]
        begins = fresh < longer
        inside = np.where(begins, fresh, longer)
        began[step] = np.where(begins, start, began[step - 1])
        through = change + inside
        best = through.argmin(1)
        came_from[step] = best
        enter[step] = through[each, best]
    runs = []
    end, kind = steps, int(inside.argmin())
    while end > 0:
        first = int(began[end, kind])
        runs.append((kind, first, end))
        end, kind = first, int(came_from[first, kind])
    return runs[::-1]


def _movement(lips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure opening as a share of these lips' widest, and width against rest in eye distances; (frames,) each."""
    apart, wide = opening(lips), width(lips)
    apart = apart - closed_opening(apart, SHUT_SHARE)
    widest = np.clip(np.quantile(apart, WIDEST_QUANTILE), LEAST_WIDEST, MOST_WIDEST)
    return np.maximum(apart, 0) / widest, wide - rest_width(apart, wide)


def _suits(phone: "Interval") -> np.ndarray:
    if phone.label == SILENCE and phone.duration < LEAST_PAUSE_SECONDS:
        return _SHORT_SILENCE
    return _PRICE_OF.get(nearest_phone(phone.label), _PRICE_OF[UNKNOWN])


def _keep(price: np.ndarray, phone: "Interval", first: int, last: int, apart: np.ndarray) -> None:
    """Leave no choice at the tightest moment of a phone that shuts the lips or bites them."""
    label = nearest_phone(phone.label)
    mouth = SHUT if label in BILABIALS else BITE if label in LABIODENTALS else None
    if mouth is None:
        return
    tightest = first + int(apart[first:last].argmin())
    if apart[tightest] < OPEN_ALL_THE_SAME:
        price[tightest, np.arange(len(MOUTHS)) != mouth] += IMPOSSIBLE
