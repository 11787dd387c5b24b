"""Voice activity: whether somebody speaks, from log-mel alone.

A few dilated residual convolutions at the frame rate. It does not depend on the audio encoder, so either can be trained
anew without the other, and it sees a fixed stretch of sound around a frame and nothing else, so chunks change nothing.
What is made of its answer is in `phonolips.model.activity`.
"""

from typing import cast

import torch
from torch import Tensor, nn

from phonolips.model.settings import VoiceActivitySettings, check_odd
from phonolips.model.stages import ACTIVITY_STEM_KERNEL, activity_reach_frames
from phonolips.speech.mel import NUM_MELS
from phonolips.timebase import STEPS_PER_FRAME, exact_div


class ActivityBlock(nn.Module):
    """Batch norm, ReLU, dilated convolution, ReLU, dropout, 1x1 convolution, added to the input."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        self.layers = nn.Sequential(
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, kernel, padding=padding, dilation=dilation),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (batch, channels, frames) to the same shape."""
        return cast(Tensor, hidden + self.layers(hidden))


class VoiceActivity(nn.Module):
    """The network from log-mel to the log odds of speech.

    Args:
        settings: sizes.

    Buffers:
        mel_mean: (mels,), and mel_scale: (), normalise the input; set from the training data.
    """

    mel_mean: Tensor
    mel_scale: Tensor

    def __init__(self, settings: VoiceActivitySettings) -> None:
        super().__init__()
        self.settings = settings
        channels = settings.channels
        check_odd(settings.kernel, "voice_activity.kernel")
        self.register_buffer("mel_mean", torch.zeros(NUM_MELS))
        self.register_buffer("mel_scale", torch.ones(()))
        padding = exact_div(ACTIVITY_STEM_KERNEL - STEPS_PER_FRAME, 2)
        self.stem = nn.Conv1d(NUM_MELS, channels, ACTIVITY_STEM_KERNEL, stride=STEPS_PER_FRAME, padding=padding)
        self.blocks = nn.Sequential(
            *(ActivityBlock(channels, settings.kernel, d, settings.dropout) for d in settings.dilations)
        )
        self.norm = nn.BatchNorm1d(channels)
        self.head = nn.Conv1d(channels, 1, 1)

    @property
    def reach_frames(self) -> int:
        """The number of frames to each side that a frame depends on (an upper bound, whole frames)."""
        return activity_reach_frames(self.settings)

    def forward(self, mel: Tensor) -> Tensor:
        """Compute the log odds that somebody speaks, (batch, frames), of log-mel (batch, 4 * frames, mels)."""
        hidden = (mel - self.mel_mean) / self.mel_scale
        hidden = self.blocks(self.stem(hidden.transpose(1, 2)))
        return cast(Tensor, self.head(torch.relu(self.norm(hidden)))[:, 0])
