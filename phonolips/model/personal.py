"""What one person moves besides what the decoder makes: a gain, a mixing, and something at every phone.

The decoder's outputs for a speaker's embedding become that speaker's own in three ways, all of them linear: `gain`
multiplies them; `mixing` adds what else moves with each of them; `phone_offsets` adds what the lips do while a phone
sounds, in the measure in which it does (`sounding_phones`). `model.fit` finds all three. Of whom the model knows
nothing, the offsets are `Network.phone_offsets`, what phones show whoever says them.
"""

import numpy as np

from phonolips.model.speakers import LipSpeaker
from phonolips.phones.inventory import NUM_PHONES
from phonolips.timebase import STEPS_PER_FRAME

# Lips do not jump where a phone begins. On tracked addresses, standard deviations of 1, 1.5, 2 and 2.5 frames gave
# opening r +.055, .053, .049 and .046 (mean of 10, 30 and 60 s of material, over r without it).
PHONE_SPREAD_FRAMES = 1.0
PHONE_REACH_FRAMES = 3  # to each side; beyond lies 0.3 % of the weight


def phone_ahead_frames(decoder_ahead_frames: int) -> int:
    """Return how far `sounding_phones` looks ahead beside a decoder: no further than that does."""
    return min(PHONE_REACH_FRAMES, decoder_ahead_frames)


def sounding_phones(posteriors: np.ndarray, ahead_frames: int = PHONE_REACH_FRAMES) -> np.ndarray:
    """Measure how much each phone sounds around every frame.

    A Gaussian over `PHONE_REACH_FRAMES` frames to each side, or `ahead_frames` ahead; at the two ends over those that
    there are.

    Args:
        posteriors: float32 (steps, phones), a multiple of 4 steps.
        ahead_frames: 0 to PHONE_REACH_FRAMES.

    Returns:
        float32 (steps / 4, phones); rows sum to 1 where the posteriors' do.
    """
    frames = posteriors.reshape(-1, STEPS_PER_FRAME, NUM_PHONES).mean(1)
    count, reach = len(frames), PHONE_REACH_FRAMES
    weights = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / PHONE_SPREAD_FRAMES)).astype(np.float32)
    padded = np.pad(frames, ((reach, reach), (0, 0)))
    there = np.pad(np.ones(count, np.float32), reach)
    summed, total = np.zeros_like(frames), np.zeros(count, np.float32)
    for first, weight in enumerate(weights[: reach + ahead_frames + 1]):
        summed += weight * padded[first : first + count]
        total += weight * there[first : first + count]
    return np.asarray(summed / total[:, None])


def personal_outputs(
    outputs: np.ndarray, speaker: LipSpeaker, posteriors: np.ndarray, own: slice, ahead_frames: int
) -> np.ndarray:
    """Make the decoder's outputs a speaker's own.

    Args:
        outputs: float32 (own frames, outputs), decoded for the speaker's embedding.
        speaker: whose gain, mixing and phone offsets.
        posteriors: float32 (steps, phones) that they were decoded from, margins included.
        own: which frames of the posteriors those of `outputs` are.
        ahead_frames: how far they look ahead for phones, see `phone_ahead_frames`.

    Returns:
        float32, the shape of `outputs`.
    """
    made = outputs * np.float32(speaker.gain)
    if speaker.mixing is not None:
        made += outputs @ np.asarray(speaker.mixing, np.float32)
    if speaker.phone_offsets is not None:
        made += sounding_phones(posteriors, ahead_frames)[own] @ np.asarray(speaker.phone_offsets, np.float32)
    return made
