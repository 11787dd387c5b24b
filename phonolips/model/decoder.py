"""The lip decoder: latent and speaker to lips, autoregressive, with a fixed look-ahead.

Convolutions at the frame rate gather what is said around a frame (coarticulation works in both
directions); a recurrent cell then makes one frame after the other, hearing its own last frame. What a
frame needs from the future is a fixed number of frames, and what it needs from the past is the cell's
state, so chunks with that state carried over give the same lips as the whole.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from phonolips.config import DecoderSettings
from phonolips.timebase import STEPS_PER_FRAME


class DecoderState(NamedTuple):
    """What the decoder remembers between frames: hidden (batch, hidden), last output (batch, components)."""

    hidden: Tensor
    last: Tensor


class LipDecoder(nn.Module):
    """Latent at steps to PCA coefficients of the lips at frames.

    Coefficients are in units of `coefficient_scale`, one number for all components, so that squared error
    of coefficients is squared error of points.
    """

    def __init__(self, settings: DecoderSettings) -> None:
        super().__init__()
        self.settings = settings
        channels = settings.channels
        self.to_frames = nn.Conv1d(settings.latent, channels, STEPS_PER_FRAME, stride=STEPS_PER_FRAME)
        self.speaker = nn.Linear(settings.speaker, channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(
                    channels,
                    channels,
                    settings.kernel,
                    padding=dilation * (settings.kernel - 1) // 2,
                    dilation=dilation,
                ),
                nn.GELU(),
                nn.Conv1d(channels, channels, 1),
                nn.Dropout(settings.dropout),
            )
            for dilation in settings.dilations
        )
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in settings.dilations)
        self.cell = nn.GRUCell(channels + settings.components, settings.hidden)
        self.head = nn.Sequential(
            nn.Linear(settings.hidden + channels, settings.hidden),
            nn.GELU(),
            nn.Linear(settings.hidden, settings.components),
        )

    @property
    def reach_frames(self) -> int:
        """Count the frames of latent that a frame depends on to each side, apart from the carried state."""
        return sum(self.settings.dilations) * (self.settings.kernel - 1) // 2

    def context(self, latent: Tensor, speaker: Tensor, mask: Tensor | None = None) -> Tensor:
        """Gather what is said around each frame.

        Args:
            latent: (batch, steps, latent), steps a multiple of 4.
            speaker: embeddings (batch, dim).
            mask: bool (batch, frames), True where data is real.

        Returns:
            (batch, frames, channels).
        """
        hidden = self.to_frames(latent.transpose(1, 2)).transpose(1, 2) + self.speaker(speaker)[:, None]
        keep = 1.0 if mask is None else mask[..., None].to(hidden.dtype)
        for block, norm in zip(self.blocks, self.norms, strict=True):
            hidden = hidden + block((norm(hidden) * keep).transpose(1, 2)).transpose(1, 2)
        return hidden

    def start(self, batch: int, device: torch.device | None = None) -> DecoderState:
        """Give the state before the first frame: nothing heard, the mean lip last."""
        return DecoderState(
            torch.zeros(batch, self.settings.hidden, device=device),
            torch.zeros(batch, self.settings.components, device=device),
        )

    def forward(
        self,
        context: Tensor,
        state: DecoderState,
        truth: Tensor | None = None,
        use_truth: Tensor | None = None,
    ) -> tuple[Tensor, DecoderState]:
        """Make one frame after the other.

        Args:
            context: (batch, frames, channels), from `context`.
            state: where to go on.
            truth: true coefficients (batch, frames, components), for teacher forcing.
            use_truth: bool (batch, frames), True where the next frame hears the truth of this one instead
                of the output; scheduled sampling (Bengio et al. 2015) draws it ever more rarely.

        Returns:
            coefficients (batch, frames, components) and the state after the last frame.
        """
        hidden, last = state
        frames = []
        for index in range(context.shape[1]):
            now = context[:, index]
            hidden = self.cell(torch.cat([now, last], -1), hidden)
            last = self.head(torch.cat([hidden, now], -1))
            frames.append(last)
            if truth is not None and use_truth is not None:
                last = torch.where(use_truth[:, index, None], truth[:, index], last)
        return torch.stack(frames, 1), DecoderState(hidden, last)
