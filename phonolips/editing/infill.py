"""Lips for the zones of an edited clip: spoken by the decoder, and joined smoothly to the recorded ones.

1. The speaker's mean lip is moved to where the recorded mouth stands in the face, as tracked in this clip.
2. The decoder speaks the whole edited sentence, so that the new words are coloured by their neighbours and the other
   way round; where the clip is kept, the lip parameters that it is given are those of the recorded lips.
3. What is left of the difference at both ends of a zone, in position and in velocity, fades out along a cubic Hermite
   curve. Only new frames are touched.
4. The mouth closes for b, m and p, as far as this speaker's does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from phonolips.editing.timeline import Timeline, Zone
from phonolips.lips.closures import CLOSING_SECONDS, fade_around
from phonolips.lips.curve import resample_lips
from phonolips.lips.liveliness import exaggerate
from phonolips.lips.measures import opening
from phonolips.lips.shapes import closed_opening, narrow, uncross
from phonolips.phones.sounds import shuts_lips
from phonolips.timebase import MODEL_FPS, STEPS_PER_FRAME, frame_centres

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker
    from phonolips.phones.intervals import Interval

CLOSED_SHARE = 0.05  # of a clip's recorded frames, the least open: how far this mouth closes, as it is tracked


@dataclass(frozen=True)
class InfillSettings:
    """How new lips are made and joined; the defaults were chosen on validation clips of GRID's s1.

    Args:
        reach_seconds: how far the lips are made anew beyond the new words, where the old ones still colour them.
        blend_seconds: how long a difference at a seam takes to fade.
        place_frames: how many recorded frames weigh as much as where the speaker's mean lip stands in the face.
        liveliness: as for `lips.liveliness.exaggerate`; less than synthesis has by itself, as joined lips move enough.
    """

    reach_seconds: float = 0.12
    blend_seconds: float = 0.12
    place_frames: float = 5.0
    liveliness: float = 0.25


def decode_around(
    network: "Network",
    speaker: "LipSpeaker",
    posteriors: np.ndarray,
    recorded: np.ndarray,
    kept: np.ndarray,
    *,
    place_frames: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Let the decoder speak a whole edited clip at 25 frames a second, its mouth where the recorded one is.

    Args:
        network: the model.
        speaker: whose lips.
        posteriors: float32 (4 * frames, phones).
        recorded: float32 (frames, 40, 2), recorded lips; in the zones anything finite.
        kept: bool (frames,).
        place_frames: see `InfillSettings`.

    Returns:
        lips float32 (frames, 40, 2), and lip parameters float32 (frames, parameters): measured where kept,
        predicted elsewhere.
    """
    from phonolips.model.network import lip_parameters_of
    from phonolips.model.stream import decode_lips, predict_lip_parameters

    predicted = predict_lip_parameters(network, posteriors)
    lips = np.concatenate(list(decode_lips(network, posteriors, predicted, speaker)))
    place = (recorded - lips)[kept].sum((0, 1)) / lips.shape[1] / (kept.sum() + place_frames)
    here = replace(speaker, mean_lip=(speaker.mean_lip + place).astype(np.float32))
    lip_parameters = np.where(kept[:, None], lip_parameters_of(network, recorded, here.mean_lip), predicted).astype(
        np.float32
    )
    return np.concatenate(list(decode_lips(network, posteriors, lip_parameters, here))), lip_parameters


def fade(frames: int, blend: int, error: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Let a difference fade out: the cubic Hermite curve from (`error`, `slope`) at 0 to zero and rest at `blend`.

    Args:
        frames: how many frames after the seam are wanted.
        blend: frames that the fading takes.
        error: float (...), the difference at the last recorded frame.
        slope: float (...), how it changes there in a frame.

    Returns:
        float (frames, ...), the difference at 1, 2, ... frames after the seam.
    """
    share = np.minimum(np.arange(1, frames + 1) / blend, 1.0).reshape(-1, *[1] * error.ndim)
    fading: np.ndarray = (2 * share**3 - 3 * share**2 + 1) * error
    fading = fading + (share**3 - 2 * share**2 + share) * blend * slope
    return fading


def _slope(difference: np.ndarray, kept: np.ndarray, at: int, before: int) -> np.ndarray:
    """Measure the change a frame of a difference towards frame `at`, from the one `before` frames ahead of it."""
    other = at - before
    if not (0 <= other < len(kept) and kept[min(at, other) : max(at, other) + 1].all()):
        return np.zeros_like(difference[at])
    change: np.ndarray = (difference[at] - difference[other]) / abs(before)
    return change


def join(
    made: np.ndarray, recorded: np.ndarray, kept: np.ndarray, zone: Zone, fps: float, seconds: float
) -> np.ndarray:
    """Bend the made lips of a zone so that position and velocity go over into the recorded ones at both ends.

    Args:
        made: float (frames, points, 2), made lips of the whole clip.
        recorded: the same shape, recorded lips.
        kept: bool (frames,).
        zone: which frames are wanted.
        fps: frames per second.
        seconds: how long a difference takes to fade; in a shorter zone, all of that.

    Returns:
        float64 (frames of the zone, points, 2).
    """
    first, last = zone
    frames = last - first
    bent = made[first:last].astype(np.float64)
    difference = recorded.astype(np.float64) - made
    blend = min(max(2, round(seconds * fps)), frames + 1)
    step = max(1, round(fps / MODEL_FPS))  # a velocity is measured over 40 ms: the tracker trembles
    if first > 0:
        bent += fade(frames, blend, difference[first - 1], _slope(difference, kept, first - 1, step))
    if last < len(made):
        bent += fade(frames, blend, difference[last], _slope(difference, kept, last, -step))[::-1]
    return bent


def close(
    lips: np.ndarray, zone: Zone, phones: "Sequence[Interval]", fps: float, closed: float, *, seam: tuple[bool, bool]
) -> np.ndarray:
    """Close the mouth in every b, m and p of a zone.

    Args:
        lips: float (frames of the zone, 40, 2).
        zone: which frames these are.
        phones: of the edited clip.
        fps: frames per second.
        closed: opening at which this mouth counts as closed, mouth-space units.
        seam: whether recorded lips follow before and after the zone, which closing must not tear off.

    Returns:
        the same shape; only the height of the opening changes, and only around a closure that was too open.
    """
    times = frame_centres(zone.last, fps)[zone.first :]
    places = np.arange(len(lips))
    to_edge = np.minimum(places + 1 if seam[0] else len(lips), len(lips) - places if seam[1] else len(lips))
    by = np.zeros(len(lips))
    heights = opening(lips)
    for phone in phones:
        inside = np.flatnonzero((times >= phone.start) & (times < phone.end))
        if not shuts_lips(phone.label) or not len(inside):
            continue
        at = int(inside[heights[inside].argmin()])
        reach = min(CLOSING_SECONDS * fps + 1, max(float(to_edge[at]), 1.0))
        bump = fade_around(places - at, reach)
        by = np.maximum(by, bump * max(0.0, float(heights[at]) - closed))
    return narrow(lips, np.minimum(by, np.maximum(heights, 0))) if by.any() else lips


def infill(
    network: "Network",
    speaker: "LipSpeaker",
    posteriors: np.ndarray,
    recorded: np.ndarray,
    timeline: Timeline,
    fps: float,
    settings: InfillSettings | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Make the lips of the zones of an edited clip; everything else is left as it is, bit by bit.

    Args:
        network: the model.
        speaker: whose lips.
        posteriors: float32 (steps, phones) of the edited clip, 100 steps a second, steps a multiple of 4, at least as
            long as the lips.
        recorded: float32 (frames, 40, 2) at `fps`, mouth space: the recorded lips in their new places; in the zones
            anything finite.
        timeline: which frames are kept, which are to be made, and the phones of the edited clip.
        fps: frames per second.
        settings: how.

    Returns:
        lips float32 (frames, 40, 2), and the lip parameters that the decoder was given, float32 (steps / 4,
        parameters).
    """
    settings = settings or InfillSettings()
    kept = timeline.kept
    frames = len(posteriors) // STEPS_PER_FRAME
    at_model = resample_lips(recorded, MODEL_FPS, frames / MODEL_FPS, source_fps=fps)
    at_model = np.pad(at_model, ((0, frames - len(at_model)), (0, 0), (0, 0)), mode="edge")
    share = np.interp(frame_centres(frames), frame_centres(len(kept), fps), kept.astype(float))
    spoken, lip_parameters = decode_around(
        network, speaker, posteriors, at_model, share > 0.99, place_frames=settings.place_frames
    )
    spoken = exaggerate(spoken, settings.liveliness)
    made = resample_lips(spoken, fps, len(recorded) / fps)[: len(recorded)]
    closed = closed_opening(opening(recorded[kept]), CLOSED_SHARE)
    result = np.array(recorded, np.float32)
    for zone in timeline.zones:
        bent = join(made, recorded, kept, zone, fps, settings.blend_seconds)
        seam = (zone.first > 0, zone.last < len(kept))
        result[zone.first : zone.last] = uncross(close(bent, zone, timeline.alignment.phones, fps, closed, seam=seam))
    return result, lip_parameters
