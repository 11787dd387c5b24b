"""The ears: log-mel to phone posteriors.

A stack of dilated residual convolutions at 20 ms per position, so that a step sees a fixed stretch of
sound around it and nothing else; cutting a recording into chunks with that much margin changes nothing.
Every position gives two steps of 10 ms. A separate blank logit serves the CTC loss only: the posteriors
are a softmax over the phones, so CTC's liking for blanks cannot make them peaky.
"""

import torch
from torch import Tensor, nn

from phonolips.audio.features import NUM_MELS
from phonolips.config import AudioEncoderSettings
from phonolips.phones import NUM_PHONES

STRIDE = 2  # steps per position
STEM_KERNEL = 6  # steps; two steps beyond the position's own two on each side


class ResidualBlock(nn.Module):
    """Dilated convolution, batch norm, ReLU, 1x1 convolution, dropout, added to the input."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        self.layers = nn.Sequential(
            nn.Conv1d(channels, channels, kernel, padding=padding, dilation=dilation, bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1),
            nn.Dropout(dropout),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (batch, channels, positions) to the same shape."""
        return hidden + self.layers(hidden)


class AudioEncoder(nn.Module):
    """Log-mel to phone logits and a CTC blank logit.

    Args:
        settings: sizes.

    Buffers `mel_mean` and `mel_scale` (mels,) normalise the input and are set from the training data.
    """

    mel_mean: Tensor
    mel_scale: Tensor

    def __init__(self, settings: AudioEncoderSettings) -> None:
        super().__init__()
        self.settings = settings
        channels = settings.channels
        self.register_buffer("mel_mean", torch.zeros(NUM_MELS))
        self.register_buffer("mel_scale", torch.ones(NUM_MELS))
        self.stem = nn.Conv1d(NUM_MELS, channels, STEM_KERNEL, stride=STRIDE, padding=(STEM_KERNEL - STRIDE) // 2)
        self.blocks = nn.ModuleList(
            ResidualBlock(channels, settings.kernel, dilation, settings.dropout) for dilation in settings.dilations
        )
        self.norm = nn.BatchNorm1d(channels)
        self.head = nn.Conv1d(channels, STRIDE * (NUM_PHONES + 1), 1)

    @property
    def reach_steps(self) -> int:
        """Count the steps of sound that a step depends on, to each side (an upper bound, even)."""
        positions = sum(self.settings.dilations) * (self.settings.kernel - 1) // 2
        return STRIDE * (positions + 1) + STEM_KERNEL

    def forward(self, mel: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute logits.

        Args:
            mel: float (batch, steps, mels); an even number of steps.
            mask: bool (batch, steps), True where data is real; padding is zeroed after normalisation.

        Returns:
            phone logits (batch, steps, phones) and blank logits (batch, steps, 1).
        """
        batch, steps, _ = mel.shape
        hidden = (mel - self.mel_mean) / self.mel_scale
        if mask is not None:
            hidden = hidden * mask[..., None]
        hidden = self.stem(hidden.transpose(1, 2))
        for block in self.blocks:
            hidden = block(hidden)
        out = self.head(torch.relu(self.norm(hidden))).transpose(1, 2)
        out = out.reshape(batch, steps, NUM_PHONES + 1)
        return out[..., :NUM_PHONES], out[..., NUM_PHONES:]
