"""The closed mouth of some lips, by one family of rules; and lips carried over to another mouth.

**What a closed mouth is.** People stay ajar in pauses, and trackers rarely bring the lips quite together, so the
closed mouth of a clip is found in two steps: its *least open* frames (`least_open`, a fifth of them) show the mouth at
rest, and the median over these is *closed* (`close_lips`). `closed_mouth` does both. Everything else here, and
everything in other rooms that asks how a mouth looks or how far it is open when it is shut, is one of these two steps
with its numbers named:

| asks for | function | least open | closing |
|---|---|---|---|
| a face's own mouth at rest | `rest_lips` | a fifth | the lower lip does 0.75 of it |
| the neutral mouth of blendshapes | `neutral_mouth` | a fifth, its silent part | the lower lip does it all |
| the origin of mouth space | `neutral_centre` | a fifth of the detected frames | none: a centre |
| the width at rest, for mouth cues | `rest_width` | a fifth | none: a width |
| the opening that counts as shut | `closed_opening` | 0.1 in cues, 0.05 in edits | none: an opening |
| one frame that shows the mouth at rest | `rest_frame` | silence; one frame where there is none | none: a frame |

The numbers differ where the uses do: a drawn face moves both lips as people do; blendshapes have one shape, the lowered
jaw, that opens a mouth, so what is left of an opening at rest has to be its; an edit compares with closures in speech,
which are tighter than rest.
"""

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.measures import inner_gaps, opening, width
from phonolips.lips.points import MEDIAPIPE40, layout_of

LEAST_OPEN_SHARE = 0.2  # of a clip's frames; they show the mouth at rest
LOWER_LIP_SHARE = 0.75  # of an opening; the mean of 6 GRID speakers (0.39 to 0.95), the upper lip does the rest
SILENT_POSTERIOR = 0.5  # where silence is nowhere in a clip more probable, the clip has no silence
SURELY_SILENT = 0.9  # share of a clip's highest posterior of silence from which a frame counts as silent
WIDTH_RATIOS = (0.75, 1.33)  # limits of how much sideways movement is scaled


def least_open(openings: np.ndarray, share: float = LEAST_OPEN_SHARE) -> np.ndarray:
    """Mark the least open frames of a clip; openings float (frames,) -> bool (frames,), `share` of them or more."""
    least: np.ndarray = openings <= np.quantile(openings, share)
    return least


def closed_opening(openings: np.ndarray, share: float) -> float:
    """Find the opening that counts as shut in a clip: `share` of its frames, float (frames,), are open no further."""
    return float(np.quantile(openings, share))


def close_lips(lips: np.ndarray, *, lower_lip_share: float = LOWER_LIP_SHARE, part_outer: bool = True) -> np.ndarray:
    """Shut a mouth: the lips keep their thickness, the lower one comes up most of the way.

    Args:
        lips: float (..., 40, 2), mouth space, layout mediapipe40.
        lower_lip_share: how much of the opening the lower lip closes, 0 to 1; the upper one does the rest.
        part_outer: whether lips that have crossed, and are parted until they touch, take their outer edges along;
            False makes them thinner there.

    Returns:
        float64, the same shape; upper and lower inner lip touch.
    """
    result = np.array(lips, np.float64)
    gaps = inner_gaps(lips)
    for ring in (MEDIAPIPE40.inner, MEDIAPIPE40.outer):
        by = gaps if part_outer or ring is MEDIAPIPE40.inner else np.maximum(gaps, 0)
        result[..., ring.lower, 1] += lower_lip_share * by
        result[..., ring.upper, 1] -= (1 - lower_lip_share) * by
    return result


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


def narrow(lips: np.ndarray, by: np.ndarray, lower_lip_share: float = 0.5) -> np.ndarray:
    """Bring upper and lower lip together by `by` (frames,) in the middle, and by less towards the corners.

    Args:
        lips: float (frames, 40, 2), mouth space, layout mediapipe40.
        by: float (frames,), mouth-space units.
        lower_lip_share: how much of it the lower lip does, 0 to 1.

    Returns:
        the same shape; the lips keep their thickness.
    """
    share = by / np.maximum(opening(lips), 1e-6)
    gap = np.maximum(inner_gaps(lips), 0)
    result = lips.copy()
    for ring in (MEDIAPIPE40.inner, MEDIAPIPE40.outer):
        result[:, ring.upper, 1] -= share[:, None] * gap * (1 - lower_lip_share)
        result[:, ring.lower, 1] += share[:, None] * gap * lower_lip_share
    return result


def closed_mouth(
    lips: np.ndarray,
    silent: np.ndarray | None = None,
    *,
    lower_lip_share: float = LOWER_LIP_SHARE,
    part_outer: bool = True,
) -> np.ndarray:
    """Find the closed mouth of a clip: the median of its least open frames, closed where it is not quite shut.

    Needs the whole; where lips are still coming, the speaker's mean lip stands for it, (1, 40, 2).

    Args:
        lips: float (frames, 40, 2), mouth space, a frame at least.
        silent: bool (frames,), True where nobody speaks; where there are such frames among the least open fifth,
            only they count, so that pressed lips of b, m, p are not taken for rest. None: nobody knows.
        lower_lip_share, part_outer: see `close_lips`.

    Returns:
        float64 (40, 2); upper and lower inner lip touch.
    """
    least = least_open(opening(lips))
    if silent is not None and (least & silent).any():
        least &= silent
    return close_lips(np.median(lips[least], axis=0), lower_lip_share=lower_lip_share, part_outer=part_outer)


def rest_lips(lips: np.ndarray) -> np.ndarray:
    """Find the mouth at rest of a face, shut as people shut it (see `closed_mouth`).

    Args:
        lips: float (frames, 40, 2), mouth space, a frame at least.

    Returns:
        float64 (40, 2).

    Raises:
        InputError: lips in another layout, or values that are not finite.
    """
    check_lips_of_face(lips)
    return closed_mouth(lips)


def check_lips_of_face(lips: np.ndarray) -> None:
    """Raise InputError unless lips are finite, of layout mediapipe40, and a frame at least."""
    if layout_of(lips) != "mediapipe40" or lips.ndim != 3 or not len(lips):
        raise InputError(f"lips of shape {lips.shape}; a face needs (frames, 40, 2), the layout mediapipe40")
    if not np.isfinite(lips).all():
        raise InputError("lips hold values that are not finite; fill the missing frames first")


def neutral_mouth(lips: np.ndarray, silent: np.ndarray | None = None) -> np.ndarray:
    """Find the closed mouth that blendshapes start from: the lower lip is raised until it meets the upper one.

    Args:
        lips: float (frames, 40, 2), mouth space, a frame at least.
        silent: see `closed_mouth`.

    Returns:
        float64 (40, 2).
    """
    return closed_mouth(lips.astype(np.float64), silent, lower_lip_share=1.0, part_outer=False)


def neutral_centre(lips: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """Find the centre of the closed mouth: the median over the least open fifth of the detected frames.

    Args:
        lips: float (frames, points, 2), in any mouth space.
        detected: bool (frames,), with a True at least.

    Returns:
        float64 (2,), x and y in that mouth space.
    """
    real = lips[detected]
    centre: np.ndarray = np.median(real[least_open(opening(real))].mean(1), axis=0)
    return centre


def rest_width(openings: np.ndarray, widths: np.ndarray) -> float:
    """Find the width of the mouth at rest: the median over the least open fifth; float (frames,) each."""
    return float(np.median(widths[least_open(openings)]))


def rest_frame(lips: np.ndarray, detected: np.ndarray, silence: np.ndarray) -> int:
    """Find the frame that shows the mouth at rest: the most usual one of a clip's silence.

    Where nothing is silent, the least open frame.

    Args:
        lips: float (frames, 40, 2), mouth space.
        detected: bool (frames,).
        silence: float (frames,), the posterior of silence.

    Raises:
        InputError: no frame was detected.
    """
    if not detected.any():
        raise InputError("no frame of the clip shows a face; use another clip")
    surest = silence[detected].max()
    if surest < SILENT_POSTERIOR:
        return int(np.where(detected, opening(lips), np.inf).argmin())
    silent = detected & (silence >= SURELY_SILENT * surest)
    distance = np.square(lips - np.median(lips[silent], axis=0)).sum((1, 2))
    return int(np.where(silent, distance, np.inf).argmin())


def transfer(lips: np.ndarray, rest: np.ndarray, own_rest: np.ndarray | None = None) -> np.ndarray:
    """Carry lips over to another mouth: its lips at rest, and the movement of these.

    Openings stay as they are, so what is shut stays shut. Sideways movement is scaled by the widths of the two
    mouths. Where both rest alike, as with lips that were synthesised in that person's own shape, nothing changes.

    Args:
        lips: float (frames, 40, 2), mouth space.
        rest: (40, 2), the other mouth at rest, as `rest_lips` finds it.
        own_rest: (40, 2), the mouth at rest that `lips` belong to; found by `rest_lips` unless given.

    Returns:
        float64 (frames, 40, 2); inner lips never cross.

    Raises:
        InputError: as for `rest_lips`.
    """
    found = rest_lips(lips)
    start = found if own_rest is None else np.asarray(own_rest, np.float64)
    scale = np.clip(width(rest) / max(float(width(start)), 1e-6), *WIDTH_RATIOS)
    return uncross(rest + (lips - start) * (scale, 1.0))
