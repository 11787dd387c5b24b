"""Track the lips of one video: frames to lips in mouth space, with a mask and the way back to pixels."""

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.face import mesh as facemesh
from phonolips.face import pose
from phonolips.face.limits import FaceLimits, Likeness, check_face, check_found
from phonolips.face.photo import PHOTO_REPEATS, is_photo, read_photo
from phonolips.lips.points import MEDIAPIPE_LIPS, to_ibug20
from phonolips.lips.shapes import neutral_centre
from phonolips.lips.space import SMOOTHING_SECONDS, MouthSpace, fill_missing, fit_mouth_space
from phonolips.media import video as io
from phonolips.media.recording import describe_recording
from phonolips.storage import FORMATS, write_arrays
from phonolips.timebase import MODEL_FPS

# Between the pictures of a variable frame rate the lips move on evenly, up to this long (8 pictures a second and a
# picture lost): a longer one stands still on the screen, as a frozen call does, and so do its lips.
LONGEST_HOLD_SECONDS = 0.25
TRACKED_POINTS = facemesh.KEPT_POINTS + pose.POSE_POINTS


class Part(NamedTuple):
    """Some frames of a video, from `first` on, and what reads them: for parts in turn, the same one."""

    first: int
    frames: int
    reader: io.FrameReader


@dataclass(frozen=True)
class Track:
    """The lips of one video.

    Args:
        lips: float32 (frames, points, 2) in mouth space, the origin at this clip's neutral mouth centre.
        detected: bool (frames,), False where the face was not found and the points were filled in.
        space: the transform between pixels and mouth space.
        fps: frames per second.
        seconds: how long the tracking took.
        pose: float32 (frames, 3), yaw, pitch and roll of the head in degrees (see `phonolips.face.pose`).
        frontalised: whether the lips are those of the face turned to the front. Then `space` leads to where they
            would lie in the picture if the face looked at the camera and its mouth stayed in place.
    """

    lips: np.ndarray
    detected: np.ndarray
    space: MouthSpace
    fps: float
    seconds: float
    pose: np.ndarray
    frontalised: bool = False

    @property
    def frames_per_second(self) -> float:
        """Speed of the tracking."""
        return len(self.lips) / max(self.seconds, 1e-9)


def track_video(
    video: Path, *, layout: str = "mediapipe40", limits: FaceLimits | None = None, part: Part | None = None
) -> Track:
    """Track the lips through a video file.

    Args:
        video: any video that PyAV opens, or a photo: a video of one frame.
        layout: `mediapipe40` or `ibug20`.
        limits: for videos that nobody set up for this, such as LRW's: follow the face that they say (the largest, or
            the one nearest to the picture's centre), refuse a clip that does not fulfil these limits, and turn a face
            that looks aside to the front. None: take what there is, as it is.
        part: some frames of the video; None = all.

    Raises:
        InputError: not a readable video, or a face is missing in most frames; with `limits`, the first of its limits
            that the clip does not fulfil, and the message begins with one of `limits.KINDS`.
        MissingToolError: mediapipe is not installed.
    """
    started = time.perf_counter()
    likeness = Likeness()
    try:
        fps, frames = _read_pictures(video, part)
        followed = facemesh.follow_face(
            frames if limits is None else likeness.watch(frames),
            fps,
            TRACKED_POINTS,
            centred=limits is not None and limits.centred,
        )
    except InputError as error:
        raise error if limits is None else InputError(f"unreadable: {error}") from error
    if limits is not None:
        check_found(followed, limits)
    photo = is_photo(video)
    points_px, detected = fill_missing(followed.points_px, followed.detected), followed.detected
    points_px = points_px if photo else _between_pictures(points_px, _new_frames(video, part), fps)
    rotations = pose.fit_rotations(points_px[:, len(facemesh.KEPT_POINTS) :])
    angles = pose.rotations_to_angles(rotations)
    if limits is not None:
        check_face(followed, angles, likeness, limits)
    if photo:  # what the tracker has settled on
        points_px, detected, rotations, angles = points_px[-1:], detected[-1:], rotations[-1:], angles[-1:]
    missing = int((~detected).sum())
    if missing:
        warnings.warn(
            f"{video}: no face in {missing} of {len(detected)} frames; filled in from their neighbours, "
            "and marked in 'detected'",
            PhonolipsWarning,
            stacklevel=2,
        )
    lip_points = len(MEDIAPIPE_LIPS)
    frontalised = limits is not None and abs(float(np.median(angles[detected, 0]))) > limits.front_yaw
    if frontalised:
        smooth = pose.smooth_rotations(rotations, SMOOTHING_SECONDS * fps)
        points_px = pose.turn_to_front(points_px, smooth, points_px[:, :lip_points].mean(1))
    points_px = points_px[:, : len(facemesh.KEPT_POINTS), :2]
    space = fit_mouth_space(points_px[:, lip_points:], fps)
    space = space.shifted(neutral_centre(space.forward(points_px[:, :lip_points]), detected))
    lips = space.forward(points_px[:, :lip_points]).astype(np.float32)
    if layout == "ibug20":
        lips = to_ibug20(lips)
    return Track(lips, detected, space, fps, time.perf_counter() - started, angles.astype(np.float32), frontalised)


def _read_pictures(video: Path, part: Part | None) -> tuple[float, Iterator[np.ndarray]]:
    """Return frames per second and the frames of a video; of a photo, as often as the tracker needs to settle on it."""
    if is_photo(video):
        return float(MODEL_FPS), iter([read_photo(video)] * PHOTO_REPEATS)
    frames = io.read_frames(video) if part is None else part.reader.read(video, part.first, part.frames)
    return float(io.probe(video).fps), frames


def _new_frames(video: Path, part: Part | None) -> np.ndarray | None:
    """Return which frames, counted from the part's first, show a new picture; None where all do."""
    new = io.new_frames(video)
    if new is None or part is None:
        return new
    return np.unique(np.append(new[(new >= part.first) & (new < part.first + part.frames)] - part.first, 0))


def _between_pictures(points_px: np.ndarray, new: np.ndarray | None, fps: float) -> np.ndarray:
    """Let points (frames, points, 3) move on between the frames that show a new picture; None = all do."""
    if new is None:
        return points_px
    result = points_px.copy()
    for begin, end in pairwise(new):
        if 1 < end - begin <= LONGEST_HOLD_SECONDS * fps:
            share = np.linspace(0, 1, end - begin + 1)[:-1, None, None]
            result[begin:end] = (1 - share) * points_px[begin] + share * points_px[end]
    return result


def draw_track(video: Path, track: Track, out: Path, *, audio_stream: int | None = None) -> None:
    """Draw the tracked lips over the video, with its sound, for looking at; frames filled in are marked.

    Args:
        video: the one that was tracked.
        track: what was found in it.
        out: the video to write.
        audio_stream: which of its sounds, counted from 0; None = the default one.
    """
    from phonolips.media.audio import read
    from phonolips.show.drawing import draw_overlay

    points_px = track.space.inverse(track.lips)
    if is_photo(video):
        fps, frames, waveform = Fraction(MODEL_FPS), iter([read_photo(video)]), None
    else:
        info = io.probe(video)
        fps, frames = info.fps, io.read_frames(video)
        waveform = read(video, stream=audio_stream) if info.has_audio else None
    pictures = (
        draw_overlay(frame, points, bool(found))
        for frame, points, found in zip(frames, points_px, track.detected, strict=True)
    )
    io.write_video(out, pictures, fps, waveform=waveform)


def save_track(track: Track, out: Path, video: Path | None = None) -> None:
    """Write a track as lips.npz: lips, detected, fps, layout, pose, and origin and axis of mouth space in pixels.

    With the video it also says where that lies, so that what is drawn of the lips has its sound.
    """
    from phonolips.lips.points import layout_of

    write_arrays(
        out,
        "lips",
        FORMATS["lips"],
        lips=track.lips,
        detected=track.detected,
        fps=track.fps,
        layout=layout_of(track.lips),
        pose=track.pose,
        origin_px=track.space.origin,
        axis_px=track.space.axis,
        **(describe_recording(video, out.parent) if video is not None else {}),
    )
