"""Track the lips of one video: frames to lips in mouth space, with a mask and the way back to pixels."""

import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phonolips.atomic import whole_file
from phonolips.errors import PhonolipsWarning
from phonolips.video import facemesh, io
from phonolips.video.lips import (
    MEDIAPIPE_LIPS,
    MouthSpace,
    fill_missing,
    fit_mouth_space,
    neutral_centre,
    to_ibug20,
)


@dataclass(frozen=True)
class Track:
    """The lips of one video.

    Args:
        lips: float32 (frames, points, 2) in mouth space, the origin at this clip's neutral mouth centre.
        detected: bool (frames,), False where the face was not found and the points were filled in.
        space: the transform between pixels and mouth space.
        fps: frames per second.
        seconds: how long the tracking took.
    """

    lips: np.ndarray
    detected: np.ndarray
    space: MouthSpace
    fps: float
    seconds: float

    @property
    def frames_per_second(self) -> float:
        """Speed of the tracking."""
        return len(self.lips) / max(self.seconds, 1e-9)


def track_video(video: Path, *, layout: str = "mediapipe40") -> Track:
    """Track the lips through a video file.

    Args:
        video: any video that PyAV opens.
        layout: `mediapipe40` or `ibug20`.

    Raises:
        InputError: not a readable video, or a face is missing in most frames.
        MissingToolError: mediapipe is not installed.
    """
    started = time.perf_counter()
    fps = float(io.probe(video).fps)
    points_px, detected = facemesh.find_points(io.read_frames(video), fps)
    points_px = fill_missing(points_px, detected)
    missing = int((~detected).sum())
    if missing:
        warnings.warn(
            f"{video}: no face in {missing} of {len(detected)} frames; filled in from their neighbours, "
            "and marked in 'detected'",
            PhonolipsWarning,
            stacklevel=2,
        )
    lip_points = len(MEDIAPIPE_LIPS)
    space = fit_mouth_space(points_px[:, lip_points:], fps)
    space = space.shifted(neutral_centre(space.forward(points_px[:, :lip_points]), detected))
    lips = space.forward(points_px[:, :lip_points]).astype(np.float32)
    if layout == "ibug20":
        lips = to_ibug20(lips)
    return Track(lips, detected, space, fps, time.perf_counter() - started)


def draw_track(video: Path, track: Track, out: Path) -> None:
    """Draw the tracked lips over the video, with its sound, for looking at; frames filled in are marked."""
    from phonolips.audio import read
    from phonolips.video.render import draw_overlay

    points_px = track.space.inverse(track.lips)
    info = io.probe(video)
    pictures = (
        draw_overlay(frame, points, bool(found))
        for frame, points, found in zip(io.read_frames(video), points_px, track.detected, strict=True)
    )
    io.write_video(out, pictures, info.fps, waveform=read(video) if info.has_audio else None)


def save_track(track: Track, out: Path) -> None:
    """Write a track as npz: lips, detected, fps, layout, and origin and axis of mouth space in pixels."""
    from phonolips.video.lips import layout_of

    with whole_file(out) as temporary:
        np.savez_compressed(
            temporary,
            lips=track.lips,
            detected=track.detected,
            fps=track.fps,
            layout=layout_of(track.lips),
            origin_px=track.space.origin,
            axis_px=track.space.axis,
        )
