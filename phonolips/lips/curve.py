"""The continuous lip curve, read at any frame rate or timing."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.compare import same_phones
from phonolips.timebase import MODEL_FPS, exact_fps, frame_centres, frames_in

if TYPE_CHECKING:
    pass


def resample_frames(values: np.ndarray, fps: float, to_fps: float) -> np.ndarray:
    """Resample a curve of frames to another rate, linearly between frame centres; (frames, ...) -> same."""
    if fps == to_fps:
        return values
    frames = frames_in(len(values) / fps, to_fps)
    flat = values.reshape(len(values), -1)
    old, new = frame_centres(len(values), fps), frame_centres(frames, to_fps)
    columns = [np.interp(new, old, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(frames, *values.shape[1:]).astype(values.dtype)


def resample_by_phones(
    lips: np.ndarray,
    from_intervals: Iterable[tuple[str, float, float]],
    to_intervals: Iterable[tuple[str, float, float]],
    frames: int,
    *,
    fps: float = MODEL_FPS,
) -> np.ndarray:
    """Warp lips from one timing of the same phones to another, piecewise linearly in time.

    Time runs linearly within every phone, between phones, and from the outer phones to the ends of the
    clips; so lips predicted with other durations can be scored frame by frame against the true ones.
    Where only `from_intervals` pauses between two phones, that pause is skipped.

    Args:
        lips: float (from_frames, points, 2).
        from_intervals: (label, start, end) in seconds, the timing that `lips` has; silences are left out.
        to_intervals: likewise, the wanted timing.
        frames: how many frames are wanted; they last frames / fps seconds.
        fps: frames per second of both.

    Returns:
        float32 (frames, points, 2), linear between the frames of `lips`.

    Raises:
        InputError: the phones differ, or a clip is empty.
    """
    if len(lips) == 0 or frames < 1:
        raise InputError(f"lips of {len(lips)} frames to warp to {frames}; expected at least one each")
    source, target = same_phones(from_intervals, to_intervals)
    source_times = [0.0, *(time for _, start, end in source for time in (start, end)), len(lips) / fps]
    target_times = [0.0, *(time for _, start, end in target for time in (start, end)), frames / fps]
    times = np.interp(
        frame_centres(frames, fps), np.maximum.accumulate(target_times), np.maximum.accumulate(source_times)
    )
    places = np.clip(times * fps - 0.5, 0, len(lips) - 1)
    before = np.floor(places).astype(int)
    after = np.minimum(before + 1, len(lips) - 1)
    share = (places - before)[:, None, None]
    return ((1 - share) * lips[before] + share * lips[after]).astype(np.float32)


LEAST_FPS, MOST_FPS = 1.0, 240.0


def check_fps(fps: float) -> float:
    """Return `fps` if it is a usable frame rate; raise InputError otherwise."""
    if not LEAST_FPS <= fps <= MOST_FPS:
        raise InputError(f"fps {fps}; expected {LEAST_FPS:.0f} to {MOST_FPS:.0f} frames per second")
    return float(fps)


def resample_lips(lips: np.ndarray, fps: float, seconds: float, *, source_fps: float = MODEL_FPS) -> np.ndarray:
    """Read the continuous lip curve at another frame rate.

    The curve through the frame centres is a shape-preserving cubic (PCHIP; Fritsch and Carlson 1980): it passes
    every frame and overshoots nowhere, so a shut mouth stays shut.

    Args:
        lips: float32 (frames, points, 2) at `source_fps` frames a second.
        fps: the wanted rate.
        seconds: the length to cover.
        source_fps: frames per second of `lips`.

    Returns:
        float32 (ceil(seconds * fps), points, 2).
    """
    rate, source = float(exact_fps(check_fps(fps))), float(exact_fps(source_fps))
    frames = frames_in(seconds, rate)
    if rate == source and frames <= len(lips):
        return lips[:frames]
    if len(lips) == 1:
        return np.repeat(lips, frames, axis=0)
    from scipy.interpolate import PchipInterpolator

    old = frame_centres(len(lips), source)
    times = np.clip(frame_centres(frames, rate), old[0], old[-1])
    return PchipInterpolator(old, lips, axis=0)(times).astype(np.float32)
