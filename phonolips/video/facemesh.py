"""Find the face and follow its points through a video, with mediapipe's refined face mesh."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from phonolips.errors import MissingToolError
from phonolips.video.lips import MEDIAPIPE_ANCHORS, MEDIAPIPE_LIPS

LARGEST_NUMBER_OF_FACES = 4
MESH_POINTS = 478  # of the refined mesh: 468 and five for each iris
KEPT_POINTS = MEDIAPIPE_LIPS + MEDIAPIPE_ANCHORS  # 40 lip points, then 8 anchors
LEAST_WINDOW = 64  # pixels; the side of the smallest window in which a face is looked for
WINDOW_SHARE = 1.25  # how much longer than a window a picture must be to be looked at through windows
LEAST_SCORE = 0.5  # of a face that a detector reports
FAR_IN_FACE_WIDTHS = 1.0  # a face whose centre jumps further than this between frames is another one


def is_available() -> bool:
    """Say whether mediapipe can be imported."""
    import importlib.util

    return importlib.util.find_spec("mediapipe") is not None


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep off the terminal what mediapipe's C++ code writes to it when a graph starts."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


class FaceFollower:
    """Choose one face a frame: first the largest, then the one nearest to where it was before.

    Where the followed face is lost, the frame counts as not detected; after half a second without it,
    the largest face is taken anew.
    """

    def __init__(self, fps: float) -> None:
        self._patience = max(1, round(fps / 2))
        self._last: np.ndarray | None = None  # centre x, centre y, width
        self._lost = 0

    def choose(self, faces: list[np.ndarray]) -> np.ndarray | None:
        """Pick from the faces of one frame, each (points, 2) in pixels; None where ours is not there."""
        if not faces:
            self._lost += 1
            return None
        boxes = [np.array([*((f.min(0) + f.max(0)) / 2), np.ptp(f[:, 0])]) for f in faces]
        if self._last is None or self._lost >= self._patience:
            best = int(np.argmax([box[2] for box in boxes]))
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


def _follow(frames: Iterable[np.ndarray], fps: float) -> Iterator[tuple[np.ndarray | None, int]]:
    """Yield, for every picture, the followed face (478, 2) in pixels or None, and how many faces there are."""
    _check_available()
    from mediapipe.python.solutions.face_mesh import FaceMesh

    follower = FaceFollower(fps)
    starting = contextlib.ExitStack()
    starting.enter_context(_silent())
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
            size = (frame.shape[1], frame.shape[0])
            faces = [np.array([(mark.x, mark.y) for mark in face.landmark]) * size for face in found]
            yield follower.choose(faces), len(faces)


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
    nothing = np.full((len(KEPT_POINTS), 2), np.nan)
    points = [nothing if face is None else face[list(KEPT_POINTS)] for face, _ in _follow(frames, fps)]
    if not points:
        return np.zeros((0, len(KEPT_POINTS), 2)), np.zeros(0, bool)
    stacked = np.stack(points)
    return stacked, np.isfinite(stacked[:, 0, 0])


def find_mesh(frames: Iterable[np.ndarray], fps: float) -> Mesh:
    """Follow one face through a video, with every point of its mesh; arguments and errors as for `find_points`."""
    nothing = np.full((MESH_POINTS, 2), np.nan, np.float32)
    points, faces = [], []
    for face, count in _follow(frames, fps):
        points.append(nothing if face is None else face.astype(np.float32))
        faces.append(count)
    stacked = np.stack(points) if points else np.zeros((0, MESH_POINTS, 2), np.float32)
    return Mesh(stacked, np.isfinite(stacked[:, 0, 0]), np.array(faces, np.int64))


class Sighting(NamedTuple):
    """Faces in a picture that was turned by np.rot90(picture, turn).

    Args:
        turn: quarter turns, anticlockwise.
        score: how sure the detector is of the surest face, 0 to 1; the highest where faces stand upright.
        boxes: float64 (faces, 4), left, top, right, bottom in pixels of the turned picture, the largest face first.
    """

    turn: int
    score: float
    boxes: np.ndarray


def sight_faces(picture: np.ndarray, closely: bool = False) -> list[Sighting]:
    """Look for faces near and far, upright, on their side and on their head; the surest turn first.

    Both of mediapipe's face detectors look, the one for near and the one for far faces.

    Args:
        picture: uint8 (height, width, 3), RGB.
        closely: look through square windows too, and where there is no face in any of them, through smaller ones.

    Returns:
        a Sighting for every quarter turn in which there is a face.

    Raises:
        MissingToolError: mediapipe is not installed.
    """
    _check_available()
    from mediapipe.python.solutions.face_detection import FaceDetection

    side = min(picture.shape[:2])
    with (
        _silent(),
        FaceDetection(LEAST_SCORE, model_selection=0) as near,
        FaceDetection(LEAST_SCORE, model_selection=1) as far,
    ):
        found: list[Sighting] = []
        for window in (side, side // 2) if closely else (0,):
            for turn in range(4):
                turned = np.rot90(picture, turn)
                scores: list[float] = []
                boxes: list[np.ndarray] = []
                for left, top, part in _windows(turned, window):
                    size = np.array([part.shape[1], part.shape[0]] * 2)
                    for face in [face for seen in (near, far) for face in seen.process(part).detections or []]:
                        box = face.location_data.relative_bounding_box
                        edges = np.array([box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height])
                        boxes.append(edges * size + (left, top, left, top))
                        scores.append(face.score[0])
                if boxes:
                    found.append(Sighting(turn, max(scores), _distinct(boxes)))
            if found:
                break
    return sorted(found, key=lambda sighting: -sighting.score)


def _windows(picture: np.ndarray, side: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield the whole picture, and square windows of a side that overlap by half; 0 for none. Left, top, picture."""
    yield 0, 0, np.ascontiguousarray(picture)
    height, width = picture.shape[:2]
    if side < LEAST_WINDOW or max(height, width) < WINDOW_SHARE * side:
        return
    for top in _steps(height, side):
        for left in _steps(width, side):
            yield left, top, np.ascontiguousarray(picture[top : top + side, left : left + side])


def _steps(length: int, side: int) -> list[int]:
    """Place windows of a side along a length, evenly, each over at least half of the next."""
    count = 1 + int(np.ceil(2 * (length - side) / side))
    return np.linspace(0, length - side, count).astype(int).tolist()


def _distinct(boxes: list[np.ndarray]) -> np.ndarray:
    """Keep one of the boxes whose centres lie within each other, the larger one; the largest first."""
    kept: list[np.ndarray] = []
    for box in sorted(boxes, key=lambda box: box[0] - box[2]):
        centre = (box[:2] + box[2:]) / 2
        if not any((other[:2] < centre).all() and (centre < other[2:]).all() for other in kept):
            kept.append(box)
    return np.array(kept)


def _check_available() -> None:
    if not is_available():
        raise MissingToolError("finding faces needs mediapipe; install it with: pip install 'phonolips[train]'")
    _quieten_mediapipe()


def _quieten_mediapipe() -> None:
    """Keep mediapipe's log off the terminal; its C++ part reads these variables when it is first imported."""
    import os
    import warnings

    warnings.filterwarnings("ignore", "SymbolDatabase.GetPrototype", UserWarning)  # mediapipe's use of protobuf
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
