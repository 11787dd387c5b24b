"""The clocks: samples, steps, frames, seconds, and every conversion between them.

A *step* is one acoustic hop (mel, posteriors, latent): 10 ms. A *frame* is one video frame (lips).
Step `t` covers [t, t + 1) hops and is sampled at its centre; frame `i` covers [i, i + 1) / fps and is
sampled at its centre. All ratios are exact: one that does not come out raises `ValueError`.
"""

import re
from fractions import Fraction
from typing import TypeVar

import numpy as np

from phonolips.checks import check_number, shown
from phonolips.errors import InputError

Number = TypeVar("Number", float, np.ndarray)


def exact_div(numerator: int, denominator: int) -> int:
    """Divide two integers that must divide evenly; raise ValueError otherwise."""
    quotient, rest = divmod(numerator, denominator)
    if rest:
        raise ValueError(f"{numerator} is not a whole multiple of {denominator}")
    return quotient


SAMPLE_RATE = 16_000  # samples per second
STEP_SAMPLES = 160  # samples per step
STEPS_PER_SECOND = exact_div(SAMPLE_RATE, STEP_SAMPLES)  # 100
STEP_SECONDS = STEP_SAMPLES / SAMPLE_RATE  # 0.01
SAME_SECONDS = 1e-6  # two times that are no further apart are one
MODEL_FPS = 25  # frames per second of the lip decoder (GRID and LRW)
STEPS_PER_FRAME = exact_div(STEPS_PER_SECOND, MODEL_FPS)  # 4
FRAME_SAMPLES = STEPS_PER_FRAME * STEP_SAMPLES  # 640
LEAST_RATE, MOST_RATE = 0.1, 10.0  # of speaking: 2.0 is twice as fast
GRID_ALIGN_UNITS_PER_SECOND = 25_000  # the unit of GRID's .align files; 1000 = one video frame


def samples_to_steps(samples: int) -> int:
    """Count the steps that cover `samples` samples at 16 kHz; the last one may be partly padding."""
    return -(-samples // STEP_SAMPLES)


def samples_to_frames(samples: int) -> int:
    """Count the 25 fps frames that cover `samples` samples at 16 kHz; the last may be partly padding."""
    return -(-samples // FRAME_SAMPLES)


def frames_to_steps(frames: int) -> int:
    """Convert a count of 25 fps frames to steps."""
    return frames * STEPS_PER_FRAME


def frames_to_samples(frames: int) -> int:
    """Convert a count of 25 fps frames to samples."""
    return frames * FRAME_SAMPLES


def samples_to_seconds(samples: int) -> float:
    """Convert a count of samples at 16 kHz to seconds."""
    return samples / SAMPLE_RATE


def seconds_to_samples(seconds: float) -> int:
    """Convert a time in seconds to the nearest sample at 16 kHz."""
    return round(seconds * SAMPLE_RATE)


def steps_to_seconds(steps: Number) -> Number:
    """Convert step edges (or counts) to seconds; a number or an array."""
    return steps / STEPS_PER_SECOND


def seconds_to_steps(seconds: float) -> int:
    """Convert a time in seconds to the nearest step edge."""
    return round(seconds * STEPS_PER_SECOND)


def align_units_to_seconds(units: int) -> float:
    """Convert a time of GRID's .align files (1/25000 s) to seconds."""
    return units / GRID_ALIGN_UNITS_PER_SECOND


def step_centres(steps: int) -> np.ndarray:
    """List the centre times of `steps` steps; shape (steps,), seconds, float64."""
    return (np.arange(steps) + 0.5) / STEPS_PER_SECOND


def frame_centres(frames: int, fps: float = MODEL_FPS) -> np.ndarray:
    """List the centre times of `frames` frames; shape (frames,), seconds, float64."""
    return (np.arange(frames) + 0.5) / fps


def frames_in(seconds: float, fps: float) -> int:
    """Count the frames at `fps` that cover `seconds`; at least one."""
    return max(1, int(np.ceil(seconds * fps - 1e-6)))


def check_rate(rate: float) -> float:
    """Return `rate` if it is a usable speaking rate; raise InputError otherwise."""
    expected = f"a factor between {LEAST_RATE} and {MOST_RATE:.0f}, 1 = as it stands"
    return check_number(rate, "rate", expected, LEAST_RATE, MOST_RATE)


NTSC_RATES = (Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001))  # frames per second
MAX_FPS = 1000  # frames per second; more than this is a damaged header or a slip of the pen


FrameRate = float | Fraction | str  # frames per second as people write them: 25, 29.97, "29.97", "30000/1001"
_DECIMAL = r"\d{1,9}(?:\.\d{0,9})?"  # nine digits: a rate of more is none, and 1e999999999 takes hours to be computed
_WRITTEN_RATE = re.compile(rf"\s*({_DECIMAL})\s*(?:[/:]\s*({_DECIMAL})\s*)?")


def read_fps(fps: FrameRate) -> Fraction | float:
    """Return a frame rate as a number; "30000/1001", as FFmpeg writes it, and "29.97" are read.

    Raises InputError for a text that is none, and for other types.
    """
    if isinstance(fps, str):
        found = _WRITTEN_RATE.fullmatch(fps)
        if found is None or not float(found[2] or 1):
            raise InputError(f"fps {shown(fps)}; expected frames per second such as 25, 29.97 or 30000/1001")
        return Fraction(found[1]) / Fraction(found[2]) if found[2] else float(found[1])
    number = check_number(fps, "fps", "frames per second such as 25, 29.97 or '30000/1001'")
    return fps if isinstance(fps, Fraction) else number


def exact_fps(fps: FrameRate) -> Fraction:
    """Turn a frame rate as people write it into the exact one: 29.97 -> 30000/1001.

    Raises InputError unless 0 < fps <= 1000.
    """
    fps = read_fps(fps)
    if not 0 < fps <= MAX_FPS:
        raise InputError(f"fps is {shown(fps)}; expected a number of frames per second above 0, such as 25 or 29.97")
    if isinstance(fps, Fraction):
        return fps
    for rate in NTSC_RATES:
        if abs(fps - rate) < 0.005:
            return rate
    return Fraction(fps).limit_denominator(1001)
