"""One person's photo or video: the face found in every picture, ready to be given lips."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.face.photo import PHOTO_REPEATS, is_photo, read_photo
from phonolips.face.warp import frontality
from phonolips.lips.measures import width
from phonolips.lips.points import MEDIAPIPE_ANCHORS, MEDIAPIPE_LIPS
from phonolips.lips.shapes import neutral_centre, rest_lips
from phonolips.lips.space import MouthSpace, fill_missing, fit_mouth_space
from phonolips.media import video as io
from phonolips.media.pipes import is_pipe
from phonolips.timebase import MODEL_FPS

FACE_ROOM = 0.5  # share of a face's box that is left around it where its mesh is looked for
LOOKED_AT = 3  # pictures at a video's start that decide how it is turned
LEAST_MOUTH_PX = 12.0  # pixels of the picture; a narrower mouth has too few pixels to be moved
LEAST_FRONTALITY, GOOD_FRONTALITY = 0.12, 0.40  # see `warp.frontality`
MOST_KEPT_BYTES = 256 << 20  # of pictures held in memory, to play them backwards


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


def _turn_back(points_px: np.ndarray, turn: int, size: tuple[int, int]) -> np.ndarray:
    """Map points of a picture that was turned by np.rot90(picture, turn) back to the picture of this size."""
    x, y = points_px[..., 0], points_px[..., 1]
    wide, tall = size
    turned = {0: (x, y), 1: (wide - y, x), 2: (wide - x, tall - y), 3: (y, tall - x)}[turn]
    return np.stack(turned, axis=-1)


def _find_in_photo(path: Path, photo: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Find the largest face of a photo: points_px (1, 478, 2), quarter turns, and how many faces there are."""
    from phonolips.face.mesh import find_mesh
    from phonolips.face.sighting import sight_faces

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
    from phonolips.face.sighting import sight_faces

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
        path: a photo (jpg, png, webp, avif, bmp, tiff, a gif of one picture, by its content; its EXIF orientation is
            obeyed; one of more than 1920 pixels is reduced to that), or a video.

    Raises:
        InputError: no such file, not a picture or video, no face in it (or in more than half of the pictures), a
            mouth of less than 12 pixels, a profile. MissingToolError: mediapipe is not installed.
    """
    from phonolips.face.mesh import find_mesh

    path = Path(path)
    if not path.is_file() and not is_pipe(path):
        raise InputError(f"{path}: no such file; expected a photo or a video of a face")
    photo = read_photo(path) if is_photo(path) else None
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
