"""What each phone shows in general, whoever speaks, in torch; see `phonolips.model.phone_shapes`."""

import torch
from torch import Tensor, nn

from phonolips.model.phone_shapes import SHAPING_REACH_FRAMES, SHAPING_SIGMA_FRAMES
from phonolips.phones.inventory import NUM_PHONES
from phonolips.timebase import STEPS_PER_FRAME


class PhoneShapes(nn.Module):
    """A table of the phones' shapes, smoothed over time.

    Args:
        outputs: of the lip decoder.
        ahead_frames: how far a frame looks ahead, 0 to SHAPING_REACH_FRAMES.
    """

    def __init__(self, outputs: int, ahead_frames: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(NUM_PHONES, outputs))
        self.ahead_frames = ahead_frames

    def forward(self, posteriors: Tensor) -> Tensor:
        """Map posteriors (batch, steps, phones), steps a multiple of 4, to outputs (batch, frames, outputs)."""
        reach, ahead = SHAPING_REACH_FRAMES, self.ahead_frames
        frames = posteriors.reshape(len(posteriors), -1, STEPS_PER_FRAME, NUM_PHONES).mean(2) @ self.weight
        away = torch.arange(-reach, reach + 1, dtype=frames.dtype, device=frames.device)
        gaussian = torch.exp(-0.5 * (away / SHAPING_SIGMA_FRAMES) ** 2)
        gaussian = gaussian / gaussian.sum()
        kept = gaussian[: reach + ahead + 1].clone()
        kept[-1] = gaussian[reach + ahead :].sum()  # the last frame that may be seen stands for those after it
        padded = nn.functional.pad(frames.transpose(1, 2), (reach, ahead), mode="replicate")
        smooth: Tensor = padded.unfold(2, len(kept), 1) @ kept
        return smooth.transpose(1, 2)
