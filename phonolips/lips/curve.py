"""The continuous lip curve, read at any time, and the few other ways of reading lips between frames.

`LipCurve` is how lips are resampled: films, exports, synthesis and edits all read it. The others have other uses and
say why they are not it: `resample_frames` and `shift_frames` prepare recordings, `between_frames` and
`resample_by_phones` stretch time.
"""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from phonolips.checks import check_number
from phonolips.errors import InputError
from phonolips.phones.compare import same_phones
from phonolips.timebase import MODEL_FPS, FrameRate, exact_fps, frame_centres, frames_in, read_fps

LEAST_FPS, MOST_FPS = 1.0, 240.0
BLOCK_FRAMES = 256  # frames that are read at once where they are asked for one by one
SPLINE_REACH = 29  # frames each side that a cubic spline depends on: what is beyond weighs 1e-16
NEIGHBOURS = 3  # frames each side on which the curve between two frames depends, and one to spare


def check_fps(fps: FrameRate) -> float:
    """Return `fps` as a number if it is a usable frame rate; raise InputError otherwise."""
    expected = f"{LEAST_FPS:.0f} to {MOST_FPS:.0f} frames per second"
    return check_number(float(read_fps(fps)), "fps", expected, LEAST_FPS, MOST_FPS)


class LipCurve:
    """The continuous curve through the centres of the frames of some lips.

    A shape-preserving cubic (PCHIP; Fritsch and Carlson, "Monotone piecewise cubic interpolation", 1980): it passes
    every frame and overshoots nowhere, so a shut mouth stays shut. Before the first centre and after the last one the
    lips stand still. The curve between two frames depends on their next neighbours alone, so a part of it is the same
    however much of it is read at once.
    """

    def __init__(self, lips: np.ndarray, fps: float | Fraction) -> None:
        """Take lips float (frames, points, 2), a frame at least, at `fps` frames per second."""
        self._lips, self._fps = lips, exact_fps(fps)

    def at(self, times: np.ndarray) -> np.ndarray:
        """Read the curve at times (any number of them, at least one) in seconds; float32 (times, points, 2)."""
        frames, rate = len(self._lips), float(self._fps)
        if frames == 1:
            return np.repeat(self._lips, len(times), axis=0).astype(np.float32)
        within = np.clip(times, 0.5 / rate, (frames - 0.5) / rate)
        low = max(int(within.min() * rate - 0.5) - NEIGHBOURS, 0)
        high = min(int(within.max() * rate - 0.5) + 2 + NEIGHBOURS, frames)
        low = max(min(low, high - 2), 0)
        centres = (np.arange(low, high) + 0.5) / rate
        return _read_pchip(centres, self._lips[low:high], within).astype(np.float32)

    def frames(self, fps: Fraction, count: int, *, start: float = 0.0) -> Iterator[np.ndarray]:
        """Read frames one by one, in memory that does not grow with their number.

        Args:
            fps: the wanted rate.
            count: how many frames.
            start: seconds at which the first one begins.

        Yields:
            float32 (points, 2); the given frames themselves where neither rate nor start moves them.
        """
        if self._fps == fps and start == 0:
            yield from (self._lips[min(index, len(self._lips) - 1)] for index in range(count))
            return
        for first in range(0, count, BLOCK_FRAMES):
            wanted = np.arange(first, min(first + BLOCK_FRAMES, count))
            yield from self.at(start + (wanted + 0.5) / float(fps))


def _read_pchip(knots: np.ndarray, values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Read the shape-preserving cubic through `values` (knots, ...) at times within the knots; float64 (times, ...)."""
    flat = values.reshape(len(values), -1).astype(np.float64)
    step = np.diff(knots)[:, None]
    slope = np.diff(flat, axis=0) / step
    turn = _pchip_derivatives(step, slope)
    # Between two knots: a cubic in the time since the first one, from the values and derivatives at both.
    excess = (turn[:-1] + turn[1:] - 2 * slope) / step
    cubic, square = excess / step, (slope - turn[:-1]) / step - excess
    part = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(knots) - 2)
    since = (times - knots[part])[:, None]
    read = flat[part] + turn[part] * since + square[part] * (since * since) + cubic[part] * (since * since * since)
    shaped: np.ndarray = read.reshape(len(times), *values.shape[1:])
    return shaped


def _pchip_derivatives(step: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Choose derivatives at the knots that overshoot nowhere.

    Where slopes left and right have the same sign, their harmonic mean, weighted by the steps (Fritsch and Butland, "A
    method for constructing local monotone piecewise cubic interpolants", 1984); otherwise 0. At the ends a parabola
    through three knots, held back where it would overshoot (Moler, "Numerical computing with MATLAB", 2004, chapter 3).

    Args:
        step: float64 (knots - 1, 1), seconds between the knots.
        slope: float64 (knots - 1, columns), between them.

    Returns:
        float64 (knots, columns); the slope itself where there are two knots.
    """
    if len(slope) == 1:
        return np.repeat(slope, 2, axis=0)
    left, right = slope[:-1], slope[1:]
    left_weight, right_weight = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
    same = np.sign(left) * np.sign(right) > 0
    with np.errstate(divide="ignore", invalid="ignore"):  # what is divided by 0 there is not taken
        mean = (left_weight / left + right_weight / right) / (left_weight + right_weight)
        inner = np.where(same, 1.0 / mean, 0.0)

    def end(near: int, next_one: int) -> np.ndarray:
        derivative = ((2 * step[near] + step[next_one]) * slope[near] - step[near] * slope[next_one]) / (
            step[near] + step[next_one]
        )
        turns = np.sign(slope[near]) != np.sign(slope[next_one])
        held = np.where(turns & (np.abs(derivative) > 3 * np.abs(slope[near])), 3 * slope[near], derivative)
        result: np.ndarray = np.where(np.sign(derivative) != np.sign(slope[near]), 0.0, held)
        return result

    return np.concatenate([end(0, 1)[None], inner, end(-1, -2)[None]])


def resample_lips(lips: np.ndarray, fps: FrameRate, seconds: float, *, source_fps: float = MODEL_FPS) -> np.ndarray:
    """Read the continuous lip curve at another frame rate (see `LipCurve`).

    Args:
        lips: float32 (frames, points, 2) at `source_fps` frames a second.
        fps: the wanted rate.
        seconds: the length to cover.
        source_fps: frames per second of `lips`.

    Returns:
        float32 (ceil(seconds * fps), points, 2); `lips` themselves where the rate stays and there are enough of them.

    Raises:
        InputError: `fps` is not a usable rate.
    """
    rate, source = exact_fps(check_fps(fps)), exact_fps(source_fps)
    frames = frames_in(seconds, float(rate))
    if rate == source and frames <= len(lips):
        return lips[:frames]
    curve, times = LipCurve(lips, source), frame_centres(frames, float(rate))
    result = np.empty((frames, *lips.shape[1:]), np.float32)
    for first in range(0, frames, BLOCK_FRAMES):
        result[first : first + BLOCK_FRAMES] = curve.at(times[first : first + BLOCK_FRAMES])
    return result


def resample_frames(values: np.ndarray, fps: float, to_fps: float) -> np.ndarray:
    """Resample recorded frames to another rate, linearly between frame centres; (frames, ...) -> same.

    Linear, because it brings a recording with its gaps to the model's rate: `detected` goes the same way as the lips,
    so that a share of it says how much of a frame was filled in. Prepared corpora are made of it.
    """
    if fps == to_fps:
        return values
    frames = frames_in(len(values) / fps, to_fps)
    flat = values.reshape(len(values), -1)
    old, new = frame_centres(len(values), fps), frame_centres(frames, to_fps)
    columns = [np.interp(new, old, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(frames, *values.shape[1:]).astype(values.dtype)


def shift_frames(lips: np.ndarray, frames: float) -> np.ndarray:
    """Move recorded lips later by a part of a frame, or several; beyond the ends the nearest frame holds.

    A cubic spline: the rate stays, and PCHIP would flatten every peak that comes to lie between two frames.

    Args:
        lips: float32 (frames, points, 2).
        frames: by how much; negative is earlier.

    Returns:
        float32, the same shape.
    """
    whole = math.floor(frames)
    weights = _spline_weights(frames - whole)
    first = np.arange(len(lips)) - whole - SPLINE_REACH
    moved = np.zeros(lips.shape)
    for offset, weight in enumerate(weights):
        moved += weight * lips[np.clip(first + offset, 0, len(lips) - 1)]
    return moved.astype(np.float32)


def _spline_weights(part: float) -> np.ndarray:
    """Weigh the frames that a cubic spline through all of them depends on, read `part` of a frame before one of them.

    The spline is a sum of cubic B-splines, whose coefficients are the frames filtered by sqrt(3) (sqrt(3) - 2)^|k|
    (Unser, "Splines: a perfect fit for signal and image processing", 1999).

    Returns:
        float64 (2 * SPLINE_REACH + 1,), from SPLINE_REACH frames before that frame to as many after it; their sum is 1.
    """
    frames = np.arange(-SPLINE_REACH, SPLINE_REACH + 1)
    middles = np.arange(-2, 2)  # of the four B-splines that reach the place that is read, -part
    away = np.abs(middles + part)
    splines = np.where(away < 1, 2 / 3 - away**2 + away**3 / 2, (2 - away) ** 3 / 6)
    coefficients = math.sqrt(3) * (math.sqrt(3) - 2) ** np.abs(frames[:, None] - middles)
    weights: np.ndarray = coefficients @ splines
    return weights


def between_frames(lips: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Read lips (frames, points, 2) at places counted in frames, 0 the first; float32 (places, points, 2).

    Linear, because time itself is stretched here, by another amount in every phone or seam: a smooth curve of the
    frames would still have a corner in it at every boundary.
    """
    before = np.floor(places).astype(np.int64)
    after = np.minimum(before + 1, len(lips) - 1)
    share = (places - before)[:, None, None]
    mixed: np.ndarray = (1 - share) * lips[before] + share * lips[after]
    return mixed.astype(np.float32)


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
    return between_frames(lips, np.clip(times * fps - 0.5, 0, len(lips) - 1))
