"""Lips on a face: a photo or a video of one person gets the lips of a result.

    from phonolips.synth.folder import read_result
    from phonolips.face.render import render_face
    render_face(read_result(Path("demo")), Path("portrait.jpg"), Path("demo/face.mp4"))

The movement is the result's and the lips at rest are the person's, so a smile stays a smile that speaks.
The picture's own lips, chin and cheeks are moved (`face.warp`), and what is seen between open lips comes from a
picture of that person in which the mouth is open, or is drawn (`face.cavity`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips import timebase
from phonolips.checks import check_number
from phonolips.errors import InputError
from phonolips.face.cavity import NO_ARTICULATORS, Cavity, shows_teeth, smooth_step, white_of_eyes
from phonolips.face.eyes import close_eyes, eyes_are_open
from phonolips.face.head import HeadBend
from phonolips.face.person import Face, read_face
from phonolips.face.shade import shade_protrusion
from phonolips.face.warp import Skin, add_rim, open_into_lips, warp
from phonolips.lips.articulators import PROTRUSION, articulate
from phonolips.lips.curve import resample_lips
from phonolips.lips.idle import blink_curve, head_curves
from phonolips.lips.measures import inner_gaps, opening
from phonolips.lips.points import INNER_RING, MEDIAPIPE40, MEDIAPIPE_INNER, MEDIAPIPE_LIPS
from phonolips.lips.shapes import check_lips_of_face, transfer
from phonolips.lips.shaping import Mouth, shape_lips
from phonolips.lips.space import MouthSpace
from phonolips.media import video

if TYPE_CHECKING:
    from phonolips.synth.result import Result

SHAPES = 200  # pictures over which a face's shape is averaged
OPEN = 0.06  # units; a mouth that is open at least so far shows its inside
THINNEST_PX = 0.2  # see `warp.warp`; lips alone, as an edit has them, are carried as they always were
LEAST_PROTRUSION = 0.02  # less is not shaded
SHUT_ROOM = 0.4  # share of the lips' thickness that goes when an open mouth is shut, so that no teeth stay on the lips
LINE_DARKNESS = np.array([0.42, 0.55, 0.55], np.float32)  # share of red, green and blue that is lost between shut lips


def play_along(face: Face, frames: int, fps: float) -> np.ndarray:
    """Choose a source picture for every output frame: the video at its own pace, to its end, then to and fro.

    To and fro goes over the whole video, or as much of its end as is held in memory (`Face.most_kept`).

    Returns:
        int64 (frames,).
    """
    if face.photo is not None:
        return np.zeros(frames, np.int64)
    last = len(face) - 1
    at = np.floor((np.arange(frames) + 0.5) / float(timebase.exact_fps(fps)) * float(face.fps)).astype(np.int64)
    back = min(last, face.most_kept - 1)  # how far it goes back
    if back < 1:
        return np.asarray(np.minimum(at, last))
    over = (at - last) % (2 * back)
    there = np.minimum(over, 2 * back - over)  # how far back from the last picture
    return np.asarray(np.where(at <= last, at, last - there))


def _find_cavity(face: Face) -> Cavity:
    """Take the inside of the mouth from where it is most open; draw it where it is never open."""
    lips = face.lips
    gaps = np.where(face.detected, inner_gaps(lips).max(1), -1.0)
    best = int(np.argmax(np.where(gaps <= np.quantile(gaps, 0.98), gaps, -1.0))) if len(face) > 1 else 0
    picture = next(face.pictures([best]))
    origin, axis = complex(face.space.origin[best]), complex(face.space.axis[best])
    white = white_of_eyes(picture, face.points_px[best])
    if gaps[best] >= OPEN and shows_teeth(picture, face.points_px[best, list(MEDIAPIPE_INNER)], white):
        return Cavity.from_picture(picture, lips[best], origin, axis)
    return Cavity.drawn(face.rest, white, abs(axis))


def _middle_line(lips_px: np.ndarray) -> np.ndarray:
    """Draw the line midway between the inner lips, from corner to corner; (40, 2) -> (11, 2)."""
    ring = MEDIAPIPE40.inner
    between = (lips_px[list(ring.lower)] + lips_px[list(ring.upper)]) / 2
    return np.concatenate([lips_px[[ring.left]], between, lips_px[[ring.right]]])


def _shut_line(picture: np.ndarray, line_px: np.ndarray, unit_px: float, strength: float) -> None:
    """Draw the soft, dark line between shut lips into a picture, and blur what is left of the mouth's inside.

    Args:
        picture: uint8 (height, width, 3); changed.
        line_px: (points, 2), the line, from corner to corner, pixels.
        unit_px: pixels of one mouth-space unit.
        strength: 0 to 1.
    """
    import cv2

    soft = max(0.6, 0.008 * unit_px)
    limits = np.array([picture.shape[1], picture.shape[0]])
    low = np.clip(np.floor(line_px.min(0) - 6 * soft - 2).astype(int), 0, limits)
    high = np.clip(np.ceil(line_px.max(0) + 6 * soft + 3).astype(int), 0, limits)
    if (high <= low).any():
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    points = np.round((line_px - low) * 16).astype(np.int32)
    thick = max(1, round(0.012 * unit_px))
    cv2.polylines(mask, [points], False, 255, thick, cv2.LINE_AA, shift=4)
    cover = strength * cv2.GaussianBlur(mask, (0, 0), soft)[..., None].astype(np.float32) / 255
    near = np.minimum(strength, 3 * cv2.GaussianBlur(mask, (0, 0), 2 * soft)[..., None].astype(np.float32) / 255)
    place = picture[low[1] : high[1], low[0] : high[0]]
    blurred = cv2.GaussianBlur(place, (0, 0), 2 * soft).astype(np.float32)
    mixed = (place + near * (blurred - place)) * (1 - cover * LINE_DARKNESS)
    place[:] = np.round(mixed).astype(np.uint8)


def draw_on_face(
    face: Face,
    lips: np.ndarray,
    fps: float,
    *,
    source_frames: np.ndarray | None = None,
    articulators: np.ndarray | None = None,
    blinks: np.ndarray | None = None,
    head: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Draw lips onto a face, picture by picture; head and eyes stay as they are unless they are given movements.

    The lips are this person's: see `transfer` for those of another mouth. Pictures are made one at a time.

    Args:
        face: from `read_face`.
        lips: float (frames, 40, 2), mouth space.
        fps: frames per second of `lips`, by which a video's pictures are chosen.
        source_frames: int (frames,), the number of the picture that each frame is made from; `play_along` unless
            given.
        articulators: float (frames, 5), what the phones add (see `lips.articulators.articulate`): lips stand forward,
            teeth bite, a tongue is seen; None = the lips alone.
        blinks: float (frames,), how far the eyes are shut, as from `lips.idle.blink_curve`; eyes that are hardly open
            are left alone.
        head: float (frames, 4), how the head moves, as from `lips.idle.head_curves`; of a photo only.

    Yields:
        uint8 (height, width, 3), RGB.

    Raises:
        InputError: the lips are of another layout or not finite, there is no such source picture, or there are not as
            many rows of a movement as lips.
    """
    check_lips_of_face(lips)
    chosen = play_along(face, len(lips), fps) if source_frames is None else np.asarray(source_frames)
    if chosen.shape != (len(lips),) or chosen.min() < 0 or chosen.max() >= len(face):
        raise InputError(
            f"source_frames of shape {chosen.shape}; expected {len(lips)} numbers from 0 to {len(face) - 1}, one for "
            "each frame of the lips"
        )
    for name, given in (("articulators", articulators), ("blinks", blinks), ("head", head)):
        if given is not None and len(given) != len(lips):
            raise InputError(f"{name} of {len(given)} frames; expected {len(lips)}, one for each frame of the lips")
    if articulators is not None:
        lips = shape_lips(lips, articulators, Mouth.of(face.rest))
    return _draw(face, lips, chosen, articulators, blinks, head)


def _draw(
    face: Face,
    lips: np.ndarray,
    chosen: np.ndarray,
    articulators: np.ndarray | None,
    blinks: np.ndarray | None,
    head: np.ndarray | None,
) -> Iterator[np.ndarray]:
    own = face.lips
    some = np.unique(np.linspace(0, len(face) - 1, SHAPES).astype(int))
    shapes = MouthSpace(face.space.origin[some], face.space.axis[some]).forward(face.points_px[some].astype(np.float64))
    skin, cavity = Skin.fit(shapes.mean(0)), _find_cavity(face)
    blinking = blinks is not None and eyes_are_open(face.points_px[0])
    bend = HeadBend(face.points_px[0], complex(face.space.axis[0]), face.size) if head is not None else None
    for frame, (picture, at, target) in enumerate(zip(face.pictures(chosen.tolist()), chosen, lips, strict=True)):
        origin, axis = complex(face.space.origin[at]), complex(face.space.axis[at])
        points_px = face.points_px[at].astype(np.float64)
        added = None if articulators is None else articulators[frame]
        moved = _move_mouth(picture, points_px, own[at], target, origin, axis, skin, cavity, added)
        if blinking and blinks is not None:
            moved = close_eyes(moved, add_rim(points_px), float(blinks[frame]))
        yield moved if bend is None or head is None else bend.bend(moved, head[frame])


def _move_mouth(
    picture: np.ndarray,
    points_px: np.ndarray,
    own: np.ndarray,
    target: np.ndarray,
    origin: complex,
    axis: complex,
    skin: Skin,
    cavity: Cavity,
    articulators: np.ndarray | None,
) -> np.ndarray:
    """Move the mouth of one picture to other lips."""
    inner = list(INNER_RING)
    gaps, own_gaps = inner_gaps(target), inner_gaps(own)
    closing = float(smooth_step(own_gaps.max() - gaps.max(), 0.01, 0.05))
    change = float(smooth_step(np.abs(target[inner] - own[inner]).max(), 0.006, 0.04))
    room = SHUT_ROOM * closing
    source_px = add_rim(points_px)
    target_px = skin.move(source_px, target - own, axis)
    opened_px = open_into_lips(source_px, room) if room else source_px
    result = warp(picture, opened_px, target_px, 0.0 if articulators is None else THINNEST_PX)
    cavity.paint(result, target, origin, axis, change, NO_ARTICULATORS if articulators is None else articulators)
    if articulators is not None and articulators[PROTRUSION] > LEAST_PROTRUSION:
        shade_protrusion(result, target, origin, axis, float(articulators[PROTRUSION]))
    line = closing * float(1 - smooth_step(gaps.max(), 0.01, 0.045))
    if line:
        _shut_line(result, _middle_line(target_px[list(MEDIAPIPE_LIPS)]), abs(axis), line)
    return result


def render_face(
    result: "Result",
    face: Path | Face,
    out: Path,
    *,
    fps: timebase.FrameRate | None = None,
    sound: Path | None = None,
    blink: bool | None = None,
    head_motion: float = 0.0,
    seed: int = 0,
) -> Path:
    """Write a video of a person who speaks a result: a photo that talks, or a video with other lips.

    Args:
        result: lips, of whatever mouth (see `transfer`), from `read_result`.
        face: a photo or a video of one person, or what `read_face` found in it. A video keeps its head motion; where
            the lips last longer it goes to and fro.
        out: the file to write: .mp4, .m4v, .mov or .mkv.
        fps: frames per second; None = the video's own, or for a photo those of the result.
        sound: the sound to write; None = the result's own, where it has any.
        blink: whether the eyes blink; None = those of a photo do.
        head_motion: how far the head of a photo sways and nods, 0 to 1.
        seed: of both; the same one gives the same film.

    Returns:
        `out`.

    Raises:
        InputError: as for `read_face` and `write_video`; lips not in layout mediapipe40; head_motion out of range, or
            more than 0 for a video.
    """
    from tqdm import tqdm

    from phonolips.media.audio import read_blocks
    from phonolips.show.film import begun

    out = Path(out)
    if out.suffix.lower() not in video.OUTPUT_FORMATS:
        raise InputError(f"{out}: unknown kind of video; expected one of {', '.join(video.OUTPUT_FORMATS)}")
    check_lips_of_face(result.lips)  # before the face is looked for
    check_number(head_motion, "head_motion", "0, still, to 1", 0.0, 1.0)
    result.check_out(out, sound, face.path if isinstance(face, Face) else face)
    blocks = read_blocks(sound) if sound is not None else result.sound_blocks()
    waveform = None if blocks is None else begun(blocks)
    person = face if isinstance(face, Face) else read_face(face)
    rate = (
        timebase.exact_fps(fps)
        if fps is not None
        else (timebase.exact_fps(result.fps) if person.photo is not None else person.fps)
    )
    lips = transfer(result.lips, person.rest)
    if rate != timebase.exact_fps(result.fps):
        lips = resample_lips(lips, float(rate), result.seconds, source_fps=result.fps)
    is_photo = person.photo is not None
    if head_motion and not is_photo:
        raise InputError(f"head_motion {head_motion:g}: the head of a video moves as it does; it is for a photo")
    drawn = draw_on_face(
        person,
        lips,
        float(rate),
        articulators=articulate(len(lips), float(rate), result.alignment, result.posteriors),
        blinks=blink_curve(len(lips), float(rate), seed) if (is_photo if blink is None else blink) else None,
        head=head_curves(opening(lips), float(rate), head_motion, seed) if head_motion else None,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    frames = tqdm(drawn, "face", len(lips), unit="frame", disable=None, delay=2)
    video.write_video(out, frames, rate, waveform=waveform)
    result.list_files([out])
    return out
