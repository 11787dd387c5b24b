"""Where nobody speaks, the layer in between says silence and the lip parameters say rest.

The audio encoder has learnt from speech alone, and finds phones in a tone, a drum or a breath. Voice activity says how
likely it is that somebody speaks; what is here makes a weight for each frame of it, and mixes silence in with it.

Only what needs it is touched: where the encoder says silence by itself, or voice activity is not sure, the weight is
exactly 1 and the encoder's output stays as it is to the bit, so that lips open before a word and rest ajar in a pause
as they have learnt to. All windows are of fixed length: a frame's weight depends on `REACH_FRAMES` frames to each side
of the two inputs and on nothing else, so where a recording is cut into chunks changes nothing.
"""

import numpy as np

from phonolips.phones.inventory import SILENCE_ID
from phonolips.timebase import STEPS_PER_FRAME

# docs/voice-activity.md has the measurements behind these.
# Log odds, 27 % and 73 %: up to the one nobody speaks, from the other on nothing is touched.
NO_SPEECH_LOGIT, SPEECH_LOGIT = -1.0, 1.0
KEPT_FRAMES = 6  # around speech; 0.24 s, in which lips open for a word and close after it
PHONES_FRAMES = 8  # around phones that the encoder finds, the lips have moved for them; 0.32 s
FEW_PHONES, MANY_PHONES = 0.2, 0.4  # probability of anything but silence: nothing to be mended, and to be mended
SMOOTH_FRAMES = 2  # to each side, 0.1 s from full weight to none: about as long as a mouth takes to shut
REACH_FRAMES = max(KEPT_FRAMES, PHONES_FRAMES) + 2 * SMOOTH_FRAMES + 1  # one more to go over from frames to steps


def _around(values: np.ndarray, frames: int) -> np.ndarray:
    """Look so many frames to each side: (frames,) to a view (frames, 2 * frames + 1); the ends are repeated."""
    padded = np.pad(values, frames, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * frames + 1)


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map `low` and less to 0, `high` and more to 1, straight in between."""
    ramped: np.ndarray = np.clip((values - low) / (high - low), 0.0, 1.0)
    return ramped


def speech_weights(logits: np.ndarray, posteriors: np.ndarray) -> np.ndarray:
    """Compute how much of the encoder's output is to be believed.

    Args:
        logits: float (frames,), the log odds of speech.
        posteriors: float32 (4 * frames, phones), as the encoder found them.

    Returns:
        float64 (frames,): 1 is speech, or silence already; 0 is sound that nobody speaks in.
    """
    speech = _ramp(_around(logits.astype(np.float64), KEPT_FRAMES).max(1), NO_SPEECH_LOGIT, SPEECH_LOGIT)
    found = (1.0 - posteriors[:, SILENCE_ID].astype(np.float64)).reshape(-1, STEPS_PER_FRAME).max(1)
    phones = _ramp(_around(found, PHONES_FRAMES).max(1), FEW_PHONES, MANY_PHONES)
    # First the least around, then the mean around: smooth, and nowhere more than before.
    certain = _around((1.0 - speech) * phones, SMOOTH_FRAMES).min(1)
    weights: np.ndarray = 1.0 - _around(certain, SMOOTH_FRAMES).mean(1)
    return weights


def frames_to_step_weights(weights: np.ndarray) -> np.ndarray:
    """Lay weights (frames,) on the steps, straight between the frames' centres: (4 * frames,)."""
    steps = (np.arange(STEPS_PER_FRAME * len(weights)) + 0.5) / STEPS_PER_FRAME - 0.5
    laid: np.ndarray = np.interp(steps, np.arange(len(weights)), weights)
    return laid


def rest_where_silent(
    posteriors: np.ndarray, lip_parameters: np.ndarray, weights: np.ndarray, rest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mix silence and rest into an encoder's output; what has weight 1 stays as it is to the bit.

    Args:
        posteriors: float32 (4 * frames, phones).
        lip_parameters: float32 (frames, parameters).
        weights: float (frames,), from `speech_weights`.
        rest: float32 (parameters,), the lip parameters of a mouth in the middle of a silence.

    Returns:
        posteriors and lip parameters of the same shapes, float32.
    """
    if (weights == 1.0).all():
        return posteriors, lip_parameters
    steps = frames_to_step_weights(weights)[:, None].astype(np.float32)
    frames = weights[:, None].astype(np.float32)
    silence = np.zeros(posteriors.shape[1], np.float32)
    silence[SILENCE_ID] = 1.0
    return (
        np.where(steps == 1.0, posteriors, steps * posteriors + (1 - steps) * silence),
        np.where(frames == 1.0, lip_parameters, frames * lip_parameters + (1 - frames) * rest),
    )
