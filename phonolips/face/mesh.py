"""Find the face and follow its points through a video, with mediapipe's refined face mesh."""

import contextlib
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from phonolips.extras import has_extra, need
from phonolips.lips.points import MEDIAPIPE_ANCHORS, MEDIAPIPE_LIPS
from phonolips.quiet import silent

LARGEST_NUMBER_OF_FACES = 4
MESH_POINTS = 478  # of the refined mesh: 468 and five for each iris
KEPT_POINTS = MEDIAPIPE_LIPS + MEDIAPIPE_ANCHORS  # 40 lip points, then 8 anchors
FAR_IN_FACE_WIDTHS = 1.0  # a face whose centre jumps further than this between frames is another one


def is_available() -> bool:
    """Return whether what finds and draws faces is installed: mediapipe and OpenCV."""
    return has_extra("face")


def face_boxes(faces: list[np.ndarray]) -> np.ndarray:
    """Measure where faces, each (points, 2 or more) in pixels, are: float64 (faces, 3), centre x and y, and width."""
    boxes = [(*((face[:, :2].min(0) + face[:, :2].max(0)) / 2), np.ptp(face[:, 0])) for face in faces]
    return np.array(boxes, np.float64).reshape(-1, 3)


class FaceFollower:
    """Choose one face a frame: first the largest, then the one nearest to where it was before.

    Where the followed face is lost, the frame counts as not detected; after half a second without it,
    the largest face is taken anew.

    Args:
        fps: frames per second.
        centred: begin with the face nearest to the picture's centre instead of the largest.
    """

    def __init__(self, fps: float, centred: bool = False) -> None:
        self._centred = centred
        self._patience = max(1, round(fps / 2))
        self._last: np.ndarray | None = None  # centre x, centre y, width
        self._lost = 0

    def choose(self, faces: list[np.ndarray], size: tuple[int, int] = (0, 0)) -> np.ndarray | None:
        """Pick from the faces of one frame; None where ours is not there.

        Args:
            faces: each (points, 2 or more) in pixels.
            size: width and height of the picture, pixels; used where faces shall be centred.
        """
        if not faces:
            self._lost += 1
            return None
        boxes = face_boxes(faces)
        if self._last is None or self._lost >= self._patience:
            off_centre = np.hypot(*(boxes[:, :2] - np.array(size) / 2).T)
            best = int(np.argmin(off_centre) if self._centred else np.argmax(boxes[:, 2]))
        else:
            distances = [float(np.hypot(*(box[:2] - self._last[:2]))) for box in boxes]
            best = int(np.argmin(distances))
            if distances[best] > FAR_IN_FACE_WIDTHS * self._last[2]:
                self._lost += 1
                return None
        self._last, self._lost = boxes[best], 0
        return faces[best]


class Mesh(NamedTuple):
    """One face followed through pictures.

    Args:
        points_px: float32 (frames, 478, 2), every point of mediapipe's refined mesh in pixels, y down, NaN where
            no face was found.
        detected: bool (frames,).
        faces: int64 (frames,), how many faces were in the picture, counted up to LARGEST_NUMBER_OF_FACES.
    """

    points_px: np.ndarray
    detected: np.ndarray
    faces: np.ndarray


class Followed(NamedTuple):
    """Some points of one face followed through pictures, with their depth, and the other faces there.

    Args:
        points_px: float64 (frames, points, 3), x right, y down, z away from the camera in the scale of x, pixels, NaN
            where no face was found.
        detected: bool (frames,).
        box_px: float64 (frames, 3), centre x, centre y and width of the face; NaN where none was found.
        others: for every frame, float64 (faces, 3), the same of the other faces.
    """

    points_px: np.ndarray
    detected: np.ndarray
    box_px: np.ndarray
    others: list[np.ndarray]


def _follow(
    frames: Iterable[np.ndarray], fps: float, centred: bool = False
) -> Iterator[tuple[np.ndarray | None, list[np.ndarray]]]:
    """Yield, for every picture, the followed face (478, 3) in pixels or None, and the other faces.

    Every video gets a graph of its own, so what was tracked before in this process changes nothing. To keep one
    graph and reset it would save 8 ms a video: its first picture takes just as long (24 against 27 ms).
    """
    check_available()
    from mediapipe.python.solutions.face_mesh import FaceMesh

    follower = FaceFollower(fps, centred)
    starting = contextlib.ExitStack()
    starting.enter_context(silent())
    with (
        starting,
        FaceMesh(
            static_image_mode=False,
            max_num_faces=LARGEST_NUMBER_OF_FACES,
            refine_landmarks=True,
            min_detection_confidence=0.5,
            min_tracking_confidence=0.5,
        ) as mesh,
    ):
        for frame in frames:
            found = mesh.process(np.ascontiguousarray(frame)).multi_face_landmarks or []
            starting.close()
            wide, tall = frame.shape[1], frame.shape[0]
            scale = (wide, tall, wide)
            faces = [np.array([(mark.x, mark.y, mark.z) for mark in face.landmark]) * scale for face in found]
            chosen = follower.choose(faces, (wide, tall))
            yield chosen, [face for face in faces if face is not chosen]


def find_points(frames: Iterable[np.ndarray], fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Follow one face's lips and anchors through a video.

    Args:
        frames: uint8 (height, width, 3) RGB pictures.
        fps: frames per second.

    Returns:
        points_px float64 (frames, 48, 2), 40 lip points and 8 anchors in pixels, y down, NaN where no face
        was found; and detected bool (frames,).

    Raises:
        MissingToolError: mediapipe is not installed.
    """
    followed = follow_face(frames, fps, KEPT_POINTS)
    return followed.points_px[..., :2], followed.detected


def follow_face(frames: Iterable[np.ndarray], fps: float, points: Sequence[int], *, centred: bool = False) -> Followed:
    """Follow some points of one face's mesh through a video.

    Args:
        frames: uint8 (height, width, 3) RGB pictures.
        fps: frames per second.
        points: their numbers in the mesh.
        centred: begin with the face nearest to the picture's centre instead of the largest.

    Raises:
        MissingToolError: mediapipe is not installed.
    """
    nothing = np.full((len(points), 3), np.nan)
    found, boxes, others = [], [], []
    for face, rest in _follow(frames, fps, centred):
        found.append(nothing if face is None else face[list(points)])
        boxes.append(np.full(3, np.nan) if face is None else face_boxes([face])[0])
        others.append(face_boxes(rest))
    stacked = np.stack(found) if found else np.zeros((0, len(points), 3))
    return Followed(stacked, np.isfinite(stacked[:, 0, 0]), np.reshape(boxes, (-1, 3)), others)


def find_mesh(frames: Iterable[np.ndarray], fps: float) -> Mesh:
    """Follow one face through a video, with every point of its mesh; arguments and errors as for `find_points`."""
    nothing = np.full((MESH_POINTS, 2), np.nan, np.float32)
    points, faces = [], []
    for face, others in _follow(frames, fps):
        points.append(nothing if face is None else face[:, :2].astype(np.float32))
        faces.append(len(others) + (face is not None))
    stacked = np.stack(points) if points else np.zeros((0, MESH_POINTS, 2), np.float32)
    return Mesh(stacked, np.isfinite(stacked[:, 0, 0]), np.array(faces, np.int64))


def check_available() -> None:
    """Raise MissingToolError where mediapipe is not installed; keep its log quiet where it is."""
    need("face", "finding faces")
    _quieten_mediapipe()


def _quieten_mediapipe() -> None:
    """Keep mediapipe's log off the terminal; its C++ part reads these variables when it is first imported."""
    warnings.filterwarnings("ignore", "SymbolDatabase.GetPrototype", UserWarning)  # mediapipe's use of protobuf
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
