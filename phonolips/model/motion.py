"""What is done to lips as they come: movements exaggerated, rest, another frame rate, closures.

The functions are those of `lips.liveliness`, `lips.rest`, `lips.curve` and `lips.closures`; these stages hand them as
much as they look at (see `model.window`). All lips are float32 (frames, 40, 2), mouth space.
"""

import math
from fractions import Fraction

import numpy as np

from phonolips.lips.closures import (
    CLOSING_SECONDS,
    CLOSURES,
    LONGEST_STEPS,
    close_by,
    closing_heights,
    heard_closures,
    quick_heights,
)
from phonolips.lips.curve import BLOCK_FRAMES, NEIGHBOURS, LipCurve, check_fps
from phonolips.lips.liveliness import EXAGGERATION_REACH_FRAMES, exaggerate
from phonolips.lips.measures import opening
from phonolips.lips.points import LIP_POINTS
from phonolips.lips.rest import REST_REACH_FRAMES, rest_weights
from phonolips.model.window import Window
from phonolips.phones.live import PhoneTier
from phonolips.timebase import (
    MODEL_FPS,
    STEP_SECONDS,
    STEPS_PER_FRAME,
    FrameRate,
    exact_fps,
    frames_in,
    frames_to_steps,
    steps_to_seconds,
)

NO_LIPS = np.zeros((0, LIP_POINTS, 2), np.float32)


class ExaggerateStage:
    """Exaggerate movements, see `lips.liveliness.exaggerate`: looks 8 frames back, and `ahead_frames` ahead.

    Args:
        liveliness: 0 or more; with 0 lips pass by at once.
        ahead_frames: 0 to 8.
    """

    def __init__(self, liveliness: float, ahead_frames: int = EXAGGERATION_REACH_FRAMES) -> None:
        self._liveliness = liveliness
        self.ahead_frames = ahead_frames if liveliness else 0
        self._window = Window(EXAGGERATION_REACH_FRAMES, self.ahead_frames)

    def push(self, lips: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Take the next lips; return those that have what they need."""
        rows, back, own = self._window.push(lips, last=last)
        return exaggerate(rows, self._liveliness, self.ahead_frames)[back : back + own] if own else NO_LIPS


class RestStage:
    """How far the mouth is at rest because nothing opens it, from the phones of steps; see `lips.rest.rest_weights`.

    Looks 3 frames back, and `ahead_frames` ahead. Beyond those, silence is thought to go on: the less is seen, the
    later a mouth leaves its rest.

    Args:
        ahead_frames: 0 to 3.
    """

    def __init__(self, ahead_frames: int = REST_REACH_FRAMES) -> None:
        self.ahead_frames = ahead_frames
        self._window = Window(frames_to_steps(REST_REACH_FRAMES), frames_to_steps(ahead_frames), STEPS_PER_FRAME)

    def push(self, labels: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Take the phones int (steps,) of the next steps; return the weights float32 (frames,) that can be known."""
        rows, back, own = self._window.push(labels, last=last)
        if not own:
            return np.zeros(0, np.float32)
        seen = (self.ahead_frames + 0.5) / MODEL_FPS
        weights = rest_weights(PhoneTier().push(rows, last=True), len(rows) // STEPS_PER_FRAME, seen)
        return weights[back // STEPS_PER_FRAME : (back + own) // STEPS_PER_FRAME]


class ResampleStage:
    """Read the continuous lip curve at another frame rate, as `lips.curve.resample_lips` does with the whole.

    Looks two frames ahead and one back of a moment between two frames; at 25 frames a second lips pass by at once.

    Args:
        fps: the wanted rate.

    Raises:
        InputError: no usable rate.
    """

    def __init__(self, fps: FrameRate) -> None:
        self.fps = exact_fps(check_fps(fps))
        self._held, self._first = NO_LIPS, 0  # the latest frames, and which of all the first of them is
        self._read = 0

    @property
    def ahead_seconds(self) -> float:
        """How much later than the lips of the model a frame is there at most, each counted from its own end.

        A frame whose centre comes just before that of the model's frame i + 1 needs frame i + 2, so its centre lies
        1.5 frames before the end of that one, and one more frame is what it may just have missed.
        """
        passes_by = self.fps == MODEL_FPS
        return 0.0 if passes_by else 2.5 / MODEL_FPS - 0.5 / float(self.fps)

    def push(self, lips: np.ndarray, *, seconds: float | None = None) -> np.ndarray:
        """Take the next lips at 25 frames a second; return those at `fps` that can be read by now.

        Args:
            lips: any number of frames, none included.
            seconds: the length of the whole, where these were the last ones.
        """
        self._held = np.concatenate([self._held, lips])
        frames = self._first + len(self._held)
        if seconds is not None:
            end = frames_in(seconds, float(self.fps)) if frames else 0
        elif self.fps == MODEL_FPS:
            end = frames
        else:
            end = max(self._read, math.ceil((frames - Fraction(3, 2)) * self.fps / MODEL_FPS - Fraction(1, 2)))
        made = self._read_until(end) if end > self._read else NO_LIPS
        self._read = end
        return made

    def _read_until(self, end: int) -> np.ndarray:
        """Return the frames from `_read` on to `end`, and let go of what those after them do not need."""
        if self.fps == MODEL_FPS:
            made = self._held[: end - self._read]
            self._held, self._first = NO_LIPS, self._first + len(self._held)
            return made
        times = (np.arange(self._read, end) + 0.5) / float(self.fps)
        curve = LipCurve(self._held, MODEL_FPS)
        made = np.concatenate(
            [
                curve.at(times[first : first + BLOCK_FRAMES] - self._first / MODEL_FPS)
                for first in range(0, len(times), BLOCK_FRAMES)
            ]
        )
        next_place = int((end + Fraction(1, 2)) * MODEL_FPS / self.fps - Fraction(1, 2))
        # the last frames stay in any case: they are what stands still after the end
        spare = max(0, min(next_place - self._first, len(self._held)) - NEIGHBOURS)
        self._held, self._first = self._held[spare:].copy(), self._first + spare
        return made


class ClosureStage:
    """Close the lips in phones that close them, as `lips.closures.close_heard` does with the whole.

    A frame needs the lips, and the phones, of the closures that begin up to 0.06 s after it.

    Args:
        fps: frames per second of the lips that are pushed.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        longest = steps_to_seconds(LONGEST_STEPS)
        # A closure that falls between two frames is made in the nearer one, up to half a frame from its middle.
        self._lips_seconds = CLOSING_SECONDS + max(longest, longest / 2 + 0.5 / fps)
        self._phones_steps = math.ceil(self._lips_seconds / STEP_SECONDS - 1e-9) + 1
        self._lips, self._frame = NO_LIPS, 0  # those that are held, and which of all the first of them is
        self._made = 0  # how many of all have been returned
        self._labels, self._beliefs = np.zeros(0, np.int64), np.zeros((0, len(CLOSURES)), np.float32)
        self._step = 0  # which of all steps the first one held is

    @property
    def ahead_frames(self) -> int:
        """Frames after a frame that it needs."""
        return max(0, math.ceil(self._lips_seconds * self._fps - 1e-9) - 1)

    @property
    def phones_seconds(self) -> float:
        """How long after the end of a frame the phones have to be known."""
        return steps_to_seconds(self._phones_steps) - 0.5 / self._fps

    def push(self, lips: np.ndarray, labels: np.ndarray, beliefs: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Take the next lips, and the phones of the next steps; return the lips that have what they need, closed.

        Args:
            lips: float32 (frames, 40, 2).
            labels: int (steps,).
            beliefs: float32 (steps, kinds), see `lips.closures.closing_beliefs`.
            last: whether these were the last ones.
        """
        self._lips = np.concatenate([self._lips, lips])
        self._labels = np.concatenate([self._labels, labels])
        self._beliefs = np.concatenate([self._beliefs, beliefs])
        end = self._frame + len(self._lips)
        if not last:
            known = steps_to_seconds(self._step + len(self._labels) - self._phones_steps)
            end = max(self._made, min(end - self.ahead_frames, math.floor(known * self._fps + 0.5 + 1e-9)))
        if end == self._made:
            return NO_LIPS
        found = heard_closures(self._labels, self._beliefs, self._step)
        heights = closing_heights(opening(self._lips), found, self._fps, self._frame, ended=last)
        own = slice(self._made - self._frame, end - self._frame)
        closed = close_by(self._lips[own].copy(), heights[own])  # whoever keeps them keeps no more
        self._made = end
        self._let_go()
        return closed

    def _let_go(self) -> None:
        """Let go of what the frames that come next do not need."""
        frames = min(max(0, self._made - self.ahead_frames - 1 - self._frame), len(self._lips))
        self._lips, self._frame = self._lips[frames:].copy(), self._frame + frames
        first = math.floor((self._made + 0.5) / self._fps / STEP_SECONDS) - self._phones_steps - LONGEST_STEPS
        steps = min(max(0, first - self._step), len(self._labels))
        self._labels, self._beliefs = self._labels[steps:].copy(), self._beliefs[steps:].copy()
        self._step += steps


class QuickClosureStage:
    """Close the lips in phones that close them without waiting for their ends, see `lips.closures.quick_heights`.

    A frame needs phones up to 0.06 s after its middle, or as far as they may be waited for, and no other lips.

    Args:
        fps: frames per second of the lips that are pushed.
        phones_ahead_seconds: how long after the end of a frame phones may be waited for.
    """

    ahead_frames = 0

    def __init__(self, fps: float, phones_ahead_seconds: float) -> None:
        self._fps = fps
        ahead = min(CLOSING_SECONDS, phones_ahead_seconds + 0.5 / fps)
        self._ahead_steps = math.floor(ahead / STEP_SECONDS + 1e-9)
        self._back_steps = math.ceil(CLOSING_SECONDS / STEP_SECONDS)
        self._lips, self._made = NO_LIPS, 0
        self._labels, self._beliefs = np.zeros(0, np.int64), np.zeros((0, len(CLOSURES)), np.float32)
        self._step = 0  # which of all steps the first one held is

    @property
    def phones_seconds(self) -> float:
        """How long after the end of a frame the phones have to be known."""
        return max(0.0, steps_to_seconds(self._ahead_steps) - 0.5 / self._fps)

    def push(self, lips: np.ndarray, labels: np.ndarray, beliefs: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Take the next lips and phones; return the lips that have what they need, closed; as `ClosureStage.push`."""
        self._lips = np.concatenate([self._lips, lips])
        self._labels = np.concatenate([self._labels, labels])
        self._beliefs = np.concatenate([self._beliefs, beliefs])
        frames = len(self._lips)
        if not last:
            known = steps_to_seconds(self._step + len(self._labels) - self._ahead_steps)
            frames = min(frames, max(0, math.floor(known * self._fps + 0.5 + 1e-9) - self._made))
        if not frames:
            return NO_LIPS
        own, self._lips = self._lips[:frames], self._lips[frames:]
        times = (np.arange(self._made, self._made + frames) + 0.5) / self._fps
        heights = quick_heights(opening(own), times, self._labels, self._beliefs, self._step, self._ahead_steps)
        closed = close_by(own, heights)
        self._made += frames
        first = math.floor((self._made + 0.5) / self._fps / STEP_SECONDS) - self._back_steps - 1
        spare = min(max(0, first - self._step), len(self._labels))
        self._labels, self._beliefs = self._labels[spare:].copy(), self._beliefs[spare:].copy()
        self._step += spare
        return closed.copy()
