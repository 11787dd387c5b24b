"""What a face does of itself while it speaks: when it blinks, and how its head sways and nods. All seeded."""

import numpy as np

from phonolips.lips.smoothing import smooth_gaussian

# People who talk blink 26 times a minute, at rest 17 times (Bentivoglio et al., "Analysis of blink rate patterns in
# normal subjects", Movement Disorders 12, 1997); somewhat fewer are taken for a face on a screen.
BLINKS_PER_MINUTE = 20.0
LEAST_BETWEEN_SECONDS = 1.2  # from one blink's beginning to the next one's
CLOSING_SECONDS, SHUT_SECONDS, OPENING_SECONDS = 0.07, 0.04, 0.11  # lids fall faster than they rise; 0.22 s in all
LENGTHS = (0.75, 1.1)  # of blinks, as a share of that: 0.165 to 0.242 s
# Heads: standard deviations at `amount` 1. Angles in degrees, shifts in mouth-space units (1 = the distance between the
# eye centres); by eye, on portraits.
ROLL_DEGREES, TURN_UNITS, SHIFT_UNITS = 0.9, 0.035, 0.02
NOD_UNITS = 0.03  # down, where the mouth is open as far as it gets
SWAY_SECONDS, NOD_SECONDS = 0.45, 0.12  # standard deviations of the Gaussians that smooth both
WIDE_OPEN = 0.95  # quantile of the openings that counts as such


def blink_curve(frames: int, fps: float, seed: int = 0) -> np.ndarray:
    """Compute how far both eyes are shut.

    The times between blinks are exponential, from LEAST_BETWEEN_SECONDS on; the first comes after half of one at most,
    so that a short film has one too. The same arguments give the same curve.

    Args:
        frames, fps: the frames, read at their centres.
        seed: another one, other blinks.

    Returns:
        float32 (frames,), 0 open, 1 shut.
    """
    generator = np.random.default_rng((seed, frames))
    seconds = frames / fps
    times = (np.arange(frames) + 0.5) / fps
    curve = np.zeros(frames)
    mean_free = 60 / BLINKS_PER_MINUTE - LEAST_BETWEEN_SECONDS
    start = generator.uniform(0.2, 0.5) * 60 / BLINKS_PER_MINUTE
    while start < seconds:
        length = generator.uniform(*LENGTHS)
        since = (times - start) / length
        falling = np.clip(since / CLOSING_SECONDS, 0, 1)
        rising = np.clip((since - CLOSING_SECONDS - SHUT_SECONDS) / OPENING_SECONDS, 0, 1)
        closed = falling * falling * (3 - 2 * falling) - rising * rising * (3 - 2 * rising)
        curve = np.maximum(curve, closed)
        start += LEAST_BETWEEN_SECONDS + generator.exponential(mean_free)
    return curve.astype(np.float32)


def head_curves(openings: np.ndarray, fps: float, amount: float, seed: int = 0) -> np.ndarray:
    """Compute how a head moves: slow smooth noise, and a nod where the mouth opens wide.

    Args:
        openings: float (frames,), of the lips.
        fps: frames per second.
        amount: 0 to 1.
        seed: another one, another way.

    Returns:
        float64 (frames, 4): roll in degrees, anticlockwise; turn and shift to the right, shift up, in mouth-space
        units.
    """
    frames = len(openings)
    generator = np.random.default_rng((seed, frames, 1))
    sigma = SWAY_SECONDS * fps
    ends = int(4 * sigma) + 1  # beyond which smoothing would see the ends
    noise = smooth_gaussian(generator.standard_normal((frames + 2 * ends, 4)), sigma)[ends : ends + frames]
    # A smoothed white noise has this standard deviation: the square root of the sum of the Gaussian's squares.
    noise /= (2 * np.sqrt(np.pi) * sigma) ** -0.5
    curves = noise * (ROLL_DEGREES, TURN_UNITS, SHIFT_UNITS, SHIFT_UNITS / 2)
    wide = max(float(np.quantile(openings, WIDE_OPEN)), 1e-6)
    curves[:, 3] -= NOD_UNITS * smooth_gaussian(np.clip(openings / wide, 0, 1).astype(np.float64), NOD_SECONDS * fps)
    result: np.ndarray = amount * curves
    return result
