"""Lips on a face: a photo or a video of one person gets the lips of a run.

    from phonolips.files import read_run
    from phonolips.film.face import render_face
    render_face(read_run(Path("demo")), Path("portrait.jpg"), Path("demo/face.mp4"))

The movement is the run's and the lips at rest are the person's, so a smile stays a smile that speaks.
The picture's own lips, chin and cheeks are moved (`video.face_warp`), and what is seen between open lips comes from a
picture of that person in which the mouth is open, or is drawn (`video.mouth_cavity`).
"""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.timebase import MODEL_FPS
from phonolips.video import io
from phonolips.video.face_warp import Skin, add_rim, frontality, open_into_lips, warp
from phonolips.video.lips import (
    INNER_RING,
    MEDIAPIPE_ANCHORS,
    MEDIAPIPE_INNER,
    MEDIAPIPE_LIPS,
    MouthSpace,
    fill_missing,
    fit_mouth_space,
    neutral_centre,
    resample_lips,
    width,
)
from phonolips.video.mouth_cavity import Cavity, shows_teeth, smooth_step, white_of_eyes
from phonolips.video.transfer import rest_lips, transfer

if TYPE_CHECKING:
    from phonolips.files import Run

PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
LONGEST_PHOTO_SIDE = 1920  # pixels; a larger photo is reduced, as a video of it would be too large to play
PHOTO_REPEATS = 5  # times that a photo is shown to the face tracker, which settles on it as on a video
FACE_ROOM = 0.5  # share of a face's box that is left around it where its mesh is looked for
LOOKED_AT = 3  # pictures at a video's start that decide how it is turned
LEAST_MOUTH_PX = 12.0  # pixels of the picture; a narrower mouth has too few pixels to be moved
LEAST_FRONTALITY, GOOD_FRONTALITY = 0.12, 0.40  # see `face_warp.frontality`
SHAPES = 200  # pictures over which a face's shape is averaged
OPEN = 0.06  # units; a mouth that is open at least so far shows its inside
MOST_KEPT_BYTES = 256 << 20  # of pictures held in memory, to play them backwards
SHUT_ROOM = 0.4  # share of the lips' thickness that goes when an open mouth is shut, so that no teeth stay on the lips
LINE_DARKNESS = np.array([0.42, 0.55, 0.55], np.float32)  # share of red, green and blue that is lost between shut lips


@dataclass(frozen=True)
class Face:
    """A photo or a video of one person, ready to be given lips.

    Args:
        path: the photo or video.
        photo: the picture, uint8 (height, width, 3), where it is a photo; None for a video.
        points_px: float32 (pictures, 478, 2), mediapipe's refined mesh in pixels, y down.
        detected: bool (pictures,), False where no face was found and the points were filled in.
        space: mouth space in every picture, the origin at the closed mouth's centre.
        fps: pictures per second; of a photo, the model's.
        size: width and height in pixels.
        turn: quarter turns, anticlockwise, after which the face is upright.
    """

    path: Path
    photo: np.ndarray | None = field(repr=False)
    points_px: np.ndarray = field(repr=False)
    detected: np.ndarray = field(repr=False)
    space: MouthSpace = field(repr=False)
    fps: Fraction
    size: tuple[int, int]
    turn: int = 0

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.points_px)

    @property
    def lips(self) -> np.ndarray:
        """The person's own lips, float64 (pictures, 40, 2), mouth space."""
        return self.space.forward(self.points_px[:, list(MEDIAPIPE_LIPS)].astype(np.float64))

    @property
    def rest(self) -> np.ndarray:
        """The person's lips at rest, shut, float64 (40, 2), mouth space."""
        return rest_lips(self.lips)

    @property
    def most_kept(self) -> int:
        """How many pictures are held in memory at most."""
        return max(2, MOST_KEPT_BYTES // (3 * self.size[0] * self.size[1]))

    def pictures(self, indices: Iterable[int]) -> Iterator[np.ndarray]:
        """Yield pictures by number, uint8 (height, width, 3), in any order.

        A video is decoded as it goes. The last `most_kept` pictures are at hand; what lies further back makes it
        start anew.
        """
        if self.photo is not None:
            for _ in indices:
                yield self.photo
            return
        kept: deque[np.ndarray] = deque(maxlen=self.most_kept)
        frames, decoded = io.read_frames(self.path), 0
        for index in indices:
            if index < decoded - len(kept):
                kept.clear()
                frames, decoded = io.read_frames(self.path), 0
            while decoded <= index:
                kept.append(next(frames))
                decoded += 1
            yield kept[index - decoded]


def _read_photo(path: Path) -> np.ndarray:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file).convert("RGB")
            picture.thumbnail((LONGEST_PHOTO_SIDE, LONGEST_PHOTO_SIDE), Image.Resampling.LANCZOS)
            return np.array(picture)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path}: not a readable picture ({type(error).__name__}); expected a photo such as .jpg or .png"
        ) from error


def _turn_back(points_px: np.ndarray, turn: int, size: tuple[int, int]) -> np.ndarray:
    """Map points of a picture that was turned by np.rot90(picture, turn) back to the picture of this size."""
    x, y = points_px[..., 0], points_px[..., 1]
    wide, tall = size
    turned = {0: (x, y), 1: (wide - y, x), 2: (wide - x, tall - y), 3: (y, tall - x)}[turn]
    return np.stack(turned, axis=-1)


def _find_in_photo(path: Path, photo: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Find the largest face of a photo: points_px (1, 478, 2), quarter turns, and how many faces there are."""
    from phonolips.video.facemesh import find_mesh, sight_faces

    sightings = sight_faces(photo, closely=True)
    if not sightings:
        raise InputError(f"{path}: no face found; use a picture in which one face is seen from the front")
    best = sightings[0]
    turned = np.rot90(photo, best.turn)
    low, high = best.boxes[0, :2], best.boxes[0, 2:]
    room = FACE_ROOM * (high - low).max()
    left, top = np.maximum(low - room, 0).astype(int)
    right, bottom = np.minimum(high + room, turned.shape[1::-1]).astype(int)
    mesh = find_mesh([turned[top:bottom, left:right]] * PHOTO_REPEATS, MODEL_FPS)
    if not mesh.detected[-1]:
        raise InputError(f"{path}: no face found; use a picture in which one face is seen from the front")
    points_px = mesh.points_px[-1:] + np.array((left, top), np.float32)
    return points_px, best.turn, len(best.boxes)


def _upright_turn(pictures: Iterable[np.ndarray]) -> int:
    """Find the quarter turns after which a face is upright; 0 where none is found in any picture."""
    from phonolips.video.facemesh import sight_faces

    scores = np.zeros(4)
    for picture in pictures:
        for sighting in sight_faces(picture):
            scores[sighting.turn] += sighting.score
    return int(np.argmax(scores))


def _check_face(path: Path, face: Face, faces: int) -> None:
    """Refuse a mouth of too few pixels and a profile; warn of a face turned away and of several faces."""
    mouth_px = float(np.median(width(face.points_px[:, list(MEDIAPIPE_LIPS)])))
    if mouth_px < LEAST_MOUTH_PX:
        raise InputError(
            f"{path}: the mouth is {mouth_px:.0f} pixels wide; expected at least {LEAST_MOUTH_PX:.0f}: "
            "cut the picture to the face, or use a larger one"
        )
    front = float(np.median(frontality(face.points_px)))
    if front < LEAST_FRONTALITY:
        raise InputError(f"{path}: the face is seen from the side; use a picture in which it looks at the camera")
    if front < GOOD_FRONTALITY:
        warnings.warn(
            f"{path}: the face is turned away; lips look best on one that looks at the camera",
            PhonolipsWarning,
            stacklevel=4,
        )
    if faces > 1:
        warnings.warn(f"{path}: {faces} faces; the largest gets the lips", PhonolipsWarning, stacklevel=4)
    missing = int((~face.detected).sum())
    if missing:
        warnings.warn(
            f"{path}: no face in {missing} of {len(face)} pictures; its place was filled in from their neighbours",
            PhonolipsWarning,
            stacklevel=4,
        )


def read_face(path: Path) -> Face:
    """Read a photo or a video of one person and find the face in every picture.

    Of several faces it takes the largest, with a warning. A face may be tilted; one that lies on its side or stands on
    its head is found in the turned picture, and the picture stays as it is. Memory grows by 4 kB a picture.

    Args:
        path: a photo (.jpg, .png, .webp, .bmp, .tif; its EXIF orientation is obeyed; one of more than 1920 pixels is
            reduced to that), or a video.

    Raises:
        InputError: no such file, not a picture or video, no face in it (or in more than half of the pictures), a
            mouth of less than 12 pixels, a profile. MissingToolError: mediapipe is not installed.
    """
    from phonolips.video.facemesh import find_mesh

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a photo or a video of a face")
    photo = _read_photo(path) if path.suffix.lower() in PHOTO_SUFFIXES else None
    if photo is not None:
        fps, size = Fraction(MODEL_FPS), (photo.shape[1], photo.shape[0])
        points_px, turn, faces = _find_in_photo(path, photo)
        detected = np.ones(1, bool)
    else:
        info = io.probe(path)
        fps, size = info.fps, (info.width, info.height)
        turn = _upright_turn(islice(io.read_frames(path), LOOKED_AT))
        mesh = find_mesh((np.rot90(frame, turn) for frame in io.read_frames(path)), float(fps))
        detected = mesh.detected
        faces = int(np.median(mesh.faces[detected])) if detected.any() else 0
        try:
            points_px = fill_missing(mesh.points_px, detected).astype(np.float32)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    points_px = _turn_back(points_px, turn, size)
    space = fit_mouth_space(points_px[:, list(MEDIAPIPE_ANCHORS)].astype(np.float64), float(fps))
    lips = space.forward(points_px[:, list(MEDIAPIPE_LIPS)].astype(np.float64))
    space = space.shifted(neutral_centre(lips, detected))
    face = Face(path, photo, points_px, detected, space, fps, size, turn)
    _check_face(path, face, faces)
    return face


def play_along(face: Face, frames: int, fps: float) -> np.ndarray:
    """Choose a source picture for every output frame: the video at its own pace, to its end, then to and fro.

    To and fro goes over the whole video, or as much of its end as is held in memory (`Face.most_kept`).

    Returns:
        int64 (frames,).
    """
    if face.photo is not None:
        return np.zeros(frames, np.int64)
    last = len(face) - 1
    at = np.floor((np.arange(frames) + 0.5) / float(io.exact_fps(fps)) * float(face.fps)).astype(np.int64)
    back = min(last, face.most_kept - 1)  # how far it goes back
    if back < 1:
        return np.minimum(at, last)
    over = (at - last) % (2 * back)
    there = np.minimum(over, 2 * back - over)  # how far back from the last picture
    return np.where(at <= last, at, last - there)


def _find_cavity(face: Face) -> Cavity:
    """Take the inside of the mouth from where it is most open; draw it where it is never open."""
    lips = face.lips
    inner = lips[:, list(INNER_RING)]
    gaps = np.where(face.detected, _gaps(inner).max(1), -1.0)
    best = int(np.argmax(np.where(gaps <= np.quantile(gaps, 0.98), gaps, -1.0))) if len(face) > 1 else 0
    picture = next(face.pictures([best]))
    origin, axis = complex(face.space.origin[best]), complex(face.space.axis[best])
    white = white_of_eyes(picture, face.points_px[best])
    if gaps[best] >= OPEN and shows_teeth(picture, face.points_px[best, list(MEDIAPIPE_INNER)], white):
        return Cavity.from_picture(picture, lips[best], origin, axis)
    return Cavity.drawn(face.rest, white, abs(axis))


def _gaps(inner: np.ndarray) -> np.ndarray:
    """Measure the heights between the inner lips; (..., 20, 2) -> (..., 9), mouth-space units."""
    gaps: np.ndarray = inner[..., :10:-1, 1] - inner[..., 1:10, 1]
    return gaps


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
    face: Face, lips: np.ndarray, fps: float, *, source_frames: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Give a face lips, picture by picture; head and eyes stay as they are.

    The lips are this person's: see `transfer` for those of another mouth. Pictures are made one at a time.

    Args:
        face: from `read_face`.
        lips: float (frames, 40, 2), mouth space.
        fps: frames per second of `lips`, by which a video's pictures are chosen.
        source_frames: int (frames,), the number of the picture that each frame is made from; `play_along` unless
            given.

    Yields:
        uint8 (height, width, 3), RGB.

    Raises:
        InputError: the lips are of another layout or not finite, or there is no such source picture.
    """
    rest_lips(lips)  # only for its checks
    chosen = play_along(face, len(lips), fps) if source_frames is None else np.asarray(source_frames)
    if chosen.shape != (len(lips),) or chosen.min() < 0 or chosen.max() >= len(face):
        raise InputError(
            f"source_frames of shape {chosen.shape}; expected {len(lips)} numbers from 0 to {len(face) - 1}, one for "
            "each frame of the lips"
        )
    return _draw(face, lips, chosen)


def _draw(face: Face, lips: np.ndarray, chosen: np.ndarray) -> Iterator[np.ndarray]:
    own = face.lips
    some = np.unique(np.linspace(0, len(face) - 1, SHAPES).astype(int))
    shapes = MouthSpace(face.space.origin[some], face.space.axis[some]).forward(face.points_px[some].astype(np.float64))
    skin, cavity = Skin.fit(shapes.mean(0)), _find_cavity(face)
    for picture, at, target in zip(face.pictures(chosen.tolist()), chosen, lips, strict=True):
        origin, axis = complex(face.space.origin[at]), complex(face.space.axis[at])
        yield _move_mouth(picture, face.points_px[at].astype(np.float64), own[at], target, origin, axis, skin, cavity)


def _move_mouth(
    picture: np.ndarray,
    points_px: np.ndarray,
    own: np.ndarray,
    target: np.ndarray,
    origin: complex,
    axis: complex,
    skin: Skin,
    cavity: Cavity,
) -> np.ndarray:
    """Give one picture other lips."""
    inner = list(INNER_RING)
    gaps, own_gaps = _gaps(target[inner]), _gaps(own[inner])
    closing = float(smooth_step(own_gaps.max() - gaps.max(), 0.01, 0.05))
    change = float(smooth_step(np.abs(target[inner] - own[inner]).max(), 0.006, 0.04))
    room = SHUT_ROOM * closing
    source_px = add_rim(points_px)
    target_px = skin.move(source_px, target - own, axis)
    result = warp(picture, open_into_lips(source_px, room) if room else source_px, target_px)
    cavity.paint(result, target, origin, axis, change)
    line = closing * float(1 - smooth_step(gaps.max(), 0.01, 0.045))
    if line:
        ring_px = target_px[list(MEDIAPIPE_INNER)]
        middle = np.concatenate([ring_px[:1], (ring_px[1:10] + ring_px[:10:-1]) / 2, ring_px[10:11]])
        _shut_line(result, middle, abs(axis), line)
    return result


def render_face(
    run: "Run", face: Path | Face, out: Path, *, fps: float | None = None, sound: Path | None = None
) -> Path:
    """Write a video of a person who speaks a run: a photo that talks, or a video with other lips.

    Args:
        run: lips, of whatever mouth (see `transfer`), from `files.read_run`.
        face: a photo or a video of one person, or what `read_face` found in it. A video keeps its head motion; where
            the lips last longer it goes to and fro.
        out: the file to write: .mp4, .m4v, .mov or .mkv.
        fps: frames per second; None = the video's own, or for a photo those of the run.
        sound: the sound to write; None = the run's own, where it has any.

    Returns:
        `out`.

    Raises:
        InputError: as for `read_face` and `write_video`; lips not in layout mediapipe40.
    """
    from tqdm import tqdm

    from phonolips.audio import read

    out = Path(out)
    if out.suffix.lower() not in io.OUTPUT_FORMATS:
        raise InputError(f"{out}: unknown kind of video; expected one of {', '.join(io.OUTPUT_FORMATS)}")
    rest_lips(run.lips)  # refuse what cannot be drawn before the face is looked for
    heard = sound or run.sound
    waveform = read(heard) if heard is not None else None
    person = face if isinstance(face, Face) else read_face(face)
    rate = io.exact_fps(fps) if fps is not None else (io.exact_fps(run.fps) if person.photo is not None else person.fps)
    lips = transfer(run.lips, person.rest)
    if rate != io.exact_fps(run.fps):
        lips = resample_lips(lips, float(rate), run.seconds, source_fps=run.fps)
    out.parent.mkdir(parents=True, exist_ok=True)
    frames = tqdm(draw_on_face(person, lips, float(rate)), "face", len(lips), unit="frame", disable=None, delay=2)
    io.write_video(out, frames, rate, waveform=waveform)
    return out
