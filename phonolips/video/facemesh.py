"""Find the face and follow its points through a video, with mediapipe's refined face mesh."""

from collections.abc import Iterable

import numpy as np

from phonolips.errors import MissingToolError
from phonolips.video.lips import MEDIAPIPE_ANCHORS, MEDIAPIPE_LIPS

LARGEST_NUMBER_OF_FACES = 4
KEPT_POINTS = MEDIAPIPE_LIPS + MEDIAPIPE_ANCHORS  # 40 lip points, then 8 anchors
FAR_IN_FACE_WIDTHS = 1.0  # a face whose centre jumps further than this between frames is another one


def is_available() -> bool:
    """Say whether mediapipe can be imported."""
    import importlib.util

    return importlib.util.find_spec("mediapipe") is not None


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


def find_points(frames: Iterable[np.ndarray], fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Follow one face through a video.

    Args:
        frames: uint8 (height, width, 3) RGB pictures.
        fps: frames per second.

    Returns:
        points_px float64 (frames, 48, 2), 40 lip points and 8 anchors in pixels, y down, NaN where no face
        was found; and detected bool (frames,).

    Raises:
        MissingToolError: mediapipe is not installed.
    """
    if not is_available():
        raise MissingToolError("finding faces needs mediapipe; install it with: pip install 'phonolips[train]'")
    _quieten_mediapipe()
    from mediapipe.python.solutions.face_mesh import FaceMesh

    follower = FaceFollower(fps)
    points, detected = [], []
    with FaceMesh(
        static_image_mode=False,
        max_num_faces=LARGEST_NUMBER_OF_FACES,
        refine_landmarks=True,
        min_detection_confidence=0.5,
        min_tracking_confidence=0.5,
    ) as mesh:
        for frame in frames:
            found = mesh.process(np.ascontiguousarray(frame)).multi_face_landmarks or []
            size = (frame.shape[1], frame.shape[0])
            faces = [np.array([(mark.x, mark.y) for mark in face.landmark]) * size for face in found]
            face = follower.choose(faces)
            detected.append(face is not None)
            points.append(np.full((len(KEPT_POINTS), 2), np.nan) if face is None else face[list(KEPT_POINTS)])
    if not points:
        return np.zeros((0, len(KEPT_POINTS), 2)), np.zeros(0, bool)
    return np.stack(points), np.array(detected)


def _quieten_mediapipe() -> None:
    """Keep mediapipe's C++ log off the terminal; it reads these variables when it is first imported."""
    import os

    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
