"""Measure what the limits of `phonolips.face.limits` rest on: turned heads, small faces, cuts, and time.

    python tools/bench/pose.py --grid GRID [--clips 1] [--frames 25]

Every picture of a GRID clip is turned by known angles: the face's mesh, with mediapipe's depth, is turned about the
head's middle and the picture carried along triangle by triangle, the nearer ones over the farther. The face is then
found anew, and its lips are compared with those of the clip as it was filmed: as they are found, with their height
multiplied by the cosine of the yaw (which shortens mouth and eye distance alike), and turned to the front by the pose
found. The depth of the mouth is mediapipe's own on both ways, so this says what turning does to what mediapipe sees,
not how true its depth is.
"""

import argparse
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from phonolips.face import mesh as facemesh
from phonolips.face import pose
from phonolips.face import warp as face_warp
from phonolips.face.limits import FaceLimits, Likeness, eye_distances
from phonolips.face.track import TRACKED_POINTS, track_video
from phonolips.lips.measures import opening, width
from phonolips.lips.points import MEDIAPIPE_LIPS
from phonolips.lips.shapes import neutral_centre
from phonolips.lips.space import SMOOTHING_SECONDS, fill_missing, fit_mouth_space
from phonolips.media import video as io

FPS = 25.0
FIRST_FRAME = 12  # of a clip that is used; before it nobody speaks
TURNS = ((0, 0), (10, 0), (20, 0), (30, 0), (40, 0), (50, 0), (0, 15), (0, -15), (0, 30), (0, -30))  # yaw, pitch
WAYS = ("as found", "lower", "front")
EYES_PX = (48, 32, 24, 16, 12, 8)
RIM = 0.35  # of the way from the nose to the face's outline, outside of it
RIM_BEHIND = 0.5  # eye-corner distances that the rim lies behind the outline
SUBPIXEL = 5  # binary digits after the point of the coordinates that are drawn
LRW_FRAMES, LRW_SIDE = 29, 256


def triangles() -> np.ndarray:
    """List the triangles of a face with its eyes and rim; (triangles, 3)."""
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_LEFT_EYE, FACEMESH_RIGHT_EYE

    eyes = [(*edge, iris) for edges, iris in ((FACEMESH_RIGHT_EYE, 468), (FACEMESH_LEFT_EYE, 473)) for edge in edges]
    return np.concatenate([face_warp.triangles(), np.array(sorted(eyes))])


def turn_picture(picture: np.ndarray, mesh: np.ndarray, angles: Sequence[float]) -> np.ndarray:
    """Turn the face in a picture by yaw, pitch and roll in degrees, and blur the rest; mesh (478, 3) in pixels."""
    outline = mesh[list(face_warp.face_outline())]
    rim = outline + RIM * (outline - mesh[face_warp.NOSE_TIP])
    rim[:, 2] = outline[:, 2] + RIM_BEHIND * np.ptp(mesh[list(face_warp.EYE_CORNERS), 0])
    whole = np.concatenate([mesh, rim])
    centre = mesh[list(face_warp.CHEEKS)].mean(0)
    turned = ((whole - centre) * pose.UPRIGHT) @ pose.angles_to_rotations(np.array(angles)).T * pose.UPRIGHT + centre

    corners = triangles()
    corners = corners[np.argsort(-turned[corners, 2].mean(1), kind="stable")]
    onto = np.concatenate([turned[corners][..., :2], np.ones((len(corners), 3, 1))], -1)
    seen = np.abs(np.linalg.det(onto)) > 1e-3
    corners, onto = corners[seen], onto[seen]
    affine = np.linalg.solve(onto, whole[corners][..., :2])
    tall, wide = picture.shape[:2]
    owner = np.full((tall, wide), len(corners), np.int32)
    for index, polygon in enumerate(np.round(onto[..., :2] * (1 << SUBPIXEL)).astype(np.int32)):
        cv2.fillConvexPoly(owner, polygon, index, shift=SUBPIXEL)
    at = np.concatenate([affine, [[[1, 0], [0, 1], [0, 0]]]])[owner].astype(np.float32)
    y, x = np.mgrid[:tall, :wide].astype(np.float32)[..., None]
    place = at[..., 0, :] * x + at[..., 1, :] * y + at[..., 2, :]
    face = cv2.remap(picture, *map(np.ascontiguousarray, np.moveaxis(place, -1, 0)), cv2.INTER_CUBIC)
    around = cv2.GaussianBlur(picture, (0, 0), LRW_SIDE / 16)
    return np.where((owner == len(corners))[..., None], around, face)


def read_lips(followed: facemesh.Followed, way: str) -> tuple[np.ndarray, np.ndarray]:
    """Bring what was found into mouth space in one of WAYS; lips (frames, 40, 2) and angles (frames, 3)."""
    points = fill_missing(followed.points_px, followed.detected)
    rotations = pose.fit_rotations(points[:, len(facemesh.KEPT_POINTS) :])
    angles = pose.rotations_to_angles(rotations)
    count = len(MEDIAPIPE_LIPS)
    if way == "front":
        smooth = pose.smooth_rotations(rotations, SMOOTHING_SECONDS * FPS)
        points = pose.turn_to_front(points, smooth, points[:, :count].mean(1))
    space = fit_mouth_space(points[:, count : len(facemesh.KEPT_POINTS), :2], FPS)
    lips = space.forward(points[:, :count, :2])
    if way == "lower":
        lips = lips * (1, np.cos(np.radians(np.median(angles[:, 0]))))
    return lips - neutral_centre(lips, followed.detected), angles


def compare(lips: np.ndarray, true: np.ndarray) -> tuple[float, float, float]:
    """Compute r of the opening, r of the width, and the error as a share of the mean shape's (root mean squares)."""
    mean_error = np.sqrt(np.mean((true - true.mean(0)) ** 2))
    return (
        float(np.corrcoef(opening(lips), opening(true))[0, 1]),
        float(np.corrcoef(width(lips), width(true))[0, 1]),
        float(np.sqrt(np.mean((lips - true) ** 2)) / mean_error),
    )


def follow(pictures: list[np.ndarray], points: Sequence[int] = TRACKED_POINTS) -> facemesh.Followed:
    """Follow the face through pictures."""
    return facemesh.follow_face(pictures, FPS, points)


def measure_turns(clips: list[list[np.ndarray]]) -> None:
    """Print what turning does to the lips, by angle."""
    rows: dict[tuple[int, int], list[list[float]]] = {turn: [] for turn in TURNS}
    for number, pictures in enumerate(clips):
        meshes = follow(pictures, range(facemesh.MESH_POINTS))
        kept = facemesh.Followed(meshes.points_px[:, list(TRACKED_POINTS)], *meshes[1:])
        true, angles = read_lips(kept, "as found")
        for yaw, pitch in TURNS:
            signed = yaw * (-1) ** number
            turned = [
                turn_picture(picture, mesh, (signed, pitch, 0))
                for picture, mesh in zip(pictures, meshes.points_px, strict=True)
            ]
            found = follow(turned)
            if found.detected.mean() < FaceLimits.least_detected:
                rows[yaw, pitch].append([found.detected.mean()])
                continue
            scores = [score for way in WAYS for score in compare(read_lips(found, way)[0], true)]
            moved = np.median(read_lips(found, "as found")[1] - angles, axis=0)
            rows[yaw, pitch].append([found.detected.mean(), moved[0] * (-1) ** number, moved[1], *scores])
    print("turned by: found, yaw and pitch found beyond the clip's own; opening r, width r, error / mean shape's")
    print("| yaw | pitch | clips found | yaw found | pitch found | " + " | ".join(WAYS) + " |")
    for (yaw, pitch), values in rows.items():
        whole = np.array([value for value in values if len(value) > 1])
        if len(whole):
            means = whole.mean(0)
            cells = [" ".join(f"{value:.2f}" for value in means[at : at + 3]) for at in (3, 6, 9)]
            found_at = f"{means[1]:.0f} | {means[2]:.0f}"
            print(
                f"| {yaw} | {pitch} | {len(whole)}/{len(values)} | {found_at} | " + " | ".join(cells) + " |", flush=True
            )
        else:
            print(f"| {yaw} | {pitch} | 0/{len(values)} | | | | | |", flush=True)


def measure_sizes(clips: list[list[np.ndarray]]) -> None:
    """Print what a small picture does to the lips, by eye distance."""
    print("| eyes apart, px | clips found | opening r, width r, error / mean shape's |")
    trues = [follow(pictures) for pictures in clips]
    for eyes in EYES_PX:
        rows = []
        for pictures, true in zip(clips, trues, strict=True):
            share = eyes / float(np.median(eye_distances(true.points_px)))
            small = [
                cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) for picture in pictures
            ]
            found = follow(small if share < 1 else pictures)
            if found.detected.mean() >= FaceLimits.least_detected:
                rows.append(compare(read_lips(found, "as found")[0], read_lips(true, "as found")[0]))
        cells = " ".join(f"{value:.2f}" for value in np.mean(rows, axis=0)) if rows else ""
        print(f"| {eyes} | {len(rows)}/{len(clips)} | {cells} |", flush=True)


def measure_cuts(clips: list[list[np.ndarray]]) -> None:
    """Print how alike neighbouring pictures are in one shot, and at cuts from every clip to the next."""

    def least(pictures: list[np.ndarray]) -> float:
        watching = Likeness()
        list(watching.watch(pictures))
        return min(watching.values)

    inside = [least(pictures) for pictures in clips]
    cuts = [least([one[-1], other[0]]) for one, other in pairwise(clips)]
    print(f"likeness: least in one shot {min(inside):.4f}; at cuts {' '.join(f'{value:.2f}' for value in cuts)}")


def measure_speed(clips: list[list[np.ndarray]], folder: Path) -> None:
    """Print milliseconds of one core for a clip like LRW's, tracked as ever and strictly."""
    video = folder / "like_lrw.mp4"
    pictures = [picture[16 : 16 + LRW_SIDE, 52 : 52 + LRW_SIDE] for picture in clips[0]]
    pictures = (pictures * LRW_FRAMES)[:LRW_FRAMES]
    io.write_video(video, map(np.ascontiguousarray, pictures), 25)
    for name, limits in (("as ever", None), ("strictly", FaceLimits(least_likeness=-1, most_jump=np.inf))):
        times = []
        for _ in range(4):
            started = time.process_time()
            track_video(video, limits=limits)
            times.append(1000 * (time.process_time() - started))
        print(f"{name}: {min(times[1:]):.0f} ms of processor time for {LRW_FRAMES} frames of {LRW_SIDE}x{LRW_SIDE}")


def main() -> None:
    """Run the command."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", type=Path, required=True, help="a folder for every speaker, videos in it")
    parser.add_argument("--clips", type=int, default=1, help="of every speaker")
    parser.add_argument("--frames", type=int, default=25, help="of every clip")
    options = parser.parse_args()
    clips = []
    for speaker in sorted(options.grid.iterdir()):
        videos = sorted({video.stem: video for video in speaker.glob("*.mp*")}.values())
        for video in videos[: options.clips]:
            clips.append(list(io.read_frames(video))[FIRST_FRAME : FIRST_FRAME + options.frames])
            print(f"{speaker.name}/{video.name}")
    with tempfile.TemporaryDirectory() as folder:
        measure_speed(clips, Path(folder))
    measure_cuts(clips)
    measure_sizes(clips)
    measure_turns(clips)


if __name__ == "__main__":
    main()
