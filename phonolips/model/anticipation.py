"""Lips that open in time: silence before speech fades into what follows, before the decoder.

A decoder that was trained on clips which all begin with a b, l, p or s has learnt when a mouth opens after silence, and
opens it late for any vowel. The latent is linear in the posteriors, so what the decoder is to prepare for can be mixed
in where it only hears silence: the lips then move as they do within speech. Posteriors that people see stay as they
are.
"""

import numpy as np

from phonolips.lips.rest import LEAVE_SECONDS
from phonolips.model.stages import EncoderOutput
from phonolips.model.window import Window
from phonolips.phones.inventory import SILENCE_ID
from phonolips.timebase import STEP_SECONDS, STEPS_PER_FRAME

ANTICIPATION_STEPS = round(LEAVE_SECONDS / STEP_SECONDS)  # when a mouth that rests shut is left
# How much of the silence gives way to what comes so many steps later, 1 to ANTICIPATION_STEPS: all of it at once before
# speech, none of it a step beyond.
_SHARES = 0.5 * (1 + np.cos(np.pi * np.arange(1, ANTICIPATION_STEPS + 1) / (ANTICIPATION_STEPS + 1)))


def anticipate(part: EncoderOutput) -> EncoderOutput:
    """Fade silence into the speech that follows within 0.12 s.

    A step's silence gives way to the first step after it that is not silent, whichever that is: the mean over all of
    them, each weighted by the probability that it is the first. Lip parameters are mixed with the same weights. Looks
    12 steps, 3 frames, ahead.

    Args:
        part: posteriors float32 (4 * frames, phones), and lip parameters (frames, parameters).

    Returns:
        the same shapes; rows of posteriors sum to 1.
    """
    posteriors = part.posteriors
    silence = posteriors[:, SILENCE_ID]
    values = np.concatenate([posteriors, np.repeat(part.lip_parameters, STEPS_PER_FRAME, axis=0)], 1)
    faded, kept = np.zeros_like(values), np.ones_like(silence)
    still = silence.copy()  # the probability that all steps from this one to the one looked at are silent
    for ahead, share in enumerate(_SHARES.astype(np.float32), start=1):
        after = len(silence) - ahead
        if after <= 0:
            break
        weight = share * still[:after] * (1 - silence[ahead:])
        faded[:after] += weight[:, None] * values[ahead:]
        kept[:after] -= weight
        still[:after] *= silence[ahead:]
    mixed = kept[:, None] * values + faded
    phones = posteriors.shape[1]
    moves = mixed[:, phones:].reshape(-1, STEPS_PER_FRAME, values.shape[1] - phones).mean(1)
    return EncoderOutput(mixed[:, :phones], moves)


class AnticipateStage:
    """Fade silence into the speech that follows, see `anticipate`: looks 3 frames ahead."""

    ahead_frames = -(-ANTICIPATION_STEPS // STEPS_PER_FRAME)

    def __init__(self) -> None:
        self._posteriors = Window(0, ANTICIPATION_STEPS, STEPS_PER_FRAME)
        self._lip_parameters = Window(0, self.ahead_frames)

    def push(self, part: EncoderOutput, *, last: bool = False) -> EncoderOutput:
        """Take the next frames; return those that have what they need."""
        steps = self._posteriors.push(part.posteriors, last=last)
        frames = self._lip_parameters.push(part.lip_parameters, last=last)
        if not frames.own:
            return EncoderOutput(part.posteriors[:0], part.lip_parameters[:0])
        made = anticipate(EncoderOutput(steps.rows, frames.rows))
        return EncoderOutput(made.posteriors[: steps.own], made.lip_parameters[: frames.own])
