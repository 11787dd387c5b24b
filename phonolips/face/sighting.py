"""Look for faces in a picture, near and far, upright or turned, with mediapipe's two face detectors."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from phonolips.face.mesh import check_available
from phonolips.quiet import silent

LEAST_WINDOW = 64  # pixels; the side of the smallest window in which a face is looked for
WINDOW_SHARE = 1.25  # how much longer than a window a picture must be to be looked at through windows
LEAST_SCORE = 0.5  # of a face that a detector reports


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
    check_available()
    from mediapipe.python.solutions.face_detection import FaceDetection

    side = min(picture.shape[:2])
    with (
        silent(),
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
    places: list[int] = np.linspace(0, length - side, count).astype(int).tolist()
    return places


def _distinct(boxes: list[np.ndarray]) -> np.ndarray:
    """Keep one of the boxes whose centres lie within each other, the larger one; the largest first."""
    kept: list[np.ndarray] = []
    for box in sorted(boxes, key=lambda box: box[0] - box[2]):
        centre = (box[:2] + box[2:]) / 2
        if not any((other[:2] < centre).all() and (centre < other[2:]).all() for other in kept):
            kept.append(box)
    return np.array(kept)
