"""What lips do while a phone sounds, whoever says it, in torch; see `phonolips.model.personal`."""

import torch
from torch import Tensor, nn

from phonolips.model.personal import PHONE_REACH_FRAMES, PHONE_SPREAD_FRAMES
from phonolips.phones.inventory import NUM_PHONES
from phonolips.timebase import STEPS_PER_FRAME


class PhoneOffsets(nn.Module):
    """A table (phones, outputs), times how much each phone sounds.

    Args:
        outputs: of the lip decoder.
        ahead_frames: how far a frame looks ahead for phones, 0 to PHONE_REACH_FRAMES.
    """

    def __init__(self, outputs: int, ahead_frames: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(NUM_PHONES, outputs))
        self.ahead_frames = ahead_frames

    def forward(self, posteriors: Tensor) -> Tensor:
        """Map posteriors (batch, steps, phones), steps a multiple of 4, to outputs (batch, frames, outputs)."""
        frames = posteriors.reshape(len(posteriors), -1, STEPS_PER_FRAME, NUM_PHONES).mean(2) @ self.weight
        reach, ahead = PHONE_REACH_FRAMES, self.ahead_frames
        away = torch.arange(-reach, ahead + 1, dtype=frames.dtype, device=frames.device)
        weights = torch.exp(-0.5 * (away / PHONE_SPREAD_FRAMES) ** 2)
        padded = nn.functional.pad(frames.transpose(1, 2), (reach, ahead))
        there = nn.functional.pad(frames.new_ones(frames.shape[1]), (reach, ahead))
        summed, total = (values.unfold(-1, len(weights), 1) @ weights for values in (padded, there))
        made: Tensor = (summed / total).transpose(1, 2)
        return made
