"""The lip decoder: latent, lip parameters and speaker to lips, frame by frame, with a fixed look-ahead.

First the *context* of every frame is gathered: what is said from some frames before it to `look_ahead` frames
after it (coarticulation works in both directions), by convolutions or by attention within a diagonal band.
Then frames come out in order: `recurrent` has a GRU cell there, the other kinds only a small network; an
autoregressive decoder is also given its own last output. What a frame needs from the future is a fixed number
of frames, and what it needs from the past is in the context's reach or in the carried state, so chunks
with that state give the same lips as the whole.
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from phonolips.model.settings import DecoderSettings, LipsSettings
from phonolips.model.stages import (
    HEADS,
    HEATMAP_BINS,
    HEATMAP_REACH,
    LIP_COORDINATES,
    check_decoder,
    count_outputs,
    decoder_ahead_frames,
    decoder_reach_frames,
)
from phonolips.timebase import STEPS_PER_FRAME


class DecoderState(NamedTuple):
    """What the decoder carries from frame to frame: hidden (batch, hidden), last output (batch, outputs)."""

    hidden: Tensor
    last: Tensor


class ConvolutionBlock(nn.Module):
    """A dilated convolution over the last `(kernel - 1) * dilation` frames and this one, added to the input."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.back = (kernel - 1) * dilation
        self.norm = nn.LayerNorm(channels)
        self.layers = nn.Sequential(
            nn.Conv1d(channels, channels, kernel, dilation=dilation),
            nn.GELU(),
            nn.Conv1d(channels, channels, 1),
            nn.Dropout(dropout),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (batch, frames, channels) to the same shape; what lies before the first frame is zero."""
        padded = nn.functional.pad(self.norm(hidden).transpose(1, 2), (self.back, 0))
        return cast(Tensor, hidden + self.layers(padded).transpose(1, 2))


class BandAttentionBlock(nn.Module):
    """Attention to the last `back` frames and this one, with a learnt weight for every distance (Shaw et al. 2018)."""

    def __init__(self, channels: int, back: int, dropout: float) -> None:
        super().__init__()
        self.back = back
        self.norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, channels)
        self.key_value = nn.Linear(channels, 2 * channels)
        self.distance = nn.Parameter(torch.zeros(HEADS, back + 1))
        self.out = nn.Sequential(nn.Linear(channels, channels), nn.Dropout(dropout))
        self.feed = nn.Sequential(
            nn.LayerNorm(channels),
            nn.Linear(channels, 2 * channels),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * channels, channels),
            nn.Dropout(dropout),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (batch, frames, channels) to the same shape; there is nothing to attend to before the first frame."""
        batch, frames, channels = hidden.shape
        normed = self.norm(hidden)
        query = self.query(normed).reshape(batch, frames, HEADS, -1)
        padded = nn.functional.pad(self.key_value(normed), (0, 0, self.back, 0))
        windows = padded.unfold(1, self.back + 1, 1)  # (batch, frames, 2 channels, band)
        key, value = windows.reshape(batch, frames, 2, HEADS, -1, self.back + 1).unbind(2)
        weights = torch.einsum("bfhc,bfhcw->bfhw", query, key) / (channels // HEADS) ** 0.5 + self.distance
        ages = torch.arange(self.back, -1, -1, device=hidden.device)
        outside = ages[None] > torch.arange(frames, device=hidden.device)[:, None]
        weights = weights.masked_fill(outside[None, :, None], float("-inf")).softmax(-1)
        gathered = torch.einsum("bfhw,bfhcw->bfhc", weights, value).reshape(batch, frames, channels)
        hidden = hidden + self.out(gathered)
        return cast(Tensor, hidden + self.feed(hidden))


class CoordinateHead(nn.Module):
    """The last layers, whose outputs stand for the lips: PCA coefficients, or coordinates read off heatmaps.

    A heatmap is a softmax over bins, one for x and one for y of each point (SimCC; Li et al. 2022); its mean
    is the coordinate (soft-argmax; Sun et al. 2018).
    """

    bins: Tensor

    def __init__(self, inputs: int, hidden: int, lips: LipsSettings) -> None:
        super().__init__()
        self.is_heatmap = lips.representation == "heatmap"
        outputs = LIP_COORDINATES * HEATMAP_BINS if self.is_heatmap else lips.components
        self.layers = nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))
        self.register_buffer("bins", torch.linspace(-HEATMAP_REACH, HEATMAP_REACH, HEATMAP_BINS), persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        out: Tensor = self.layers(hidden)
        if not self.is_heatmap:
            return out
        maps = out.reshape(*out.shape[:-1], LIP_COORDINATES, HEATMAP_BINS).softmax(-1)
        return maps @ self.bins


class LipDecoder(nn.Module):
    """The decoder from the latent at steps and lip parameters at frames to what stands for the lips at frames.

    Outputs are in units of `Network.lip_scale`, one number for all, so that squared error of outputs is
    squared error of points.

    Args:
        settings: sizes and kind.
        lips: how lips are represented.
        lip_parameters: how many come beside the latent.

    Raises:
        InputError: an unknown kind or representation.
    """

    def __init__(self, settings: DecoderSettings, lips: LipsSettings, lip_parameters: int = 0) -> None:
        super().__init__()
        check_decoder(settings, lips)
        self.settings, self.lips = settings, lips
        channels, self.outputs = settings.channels, count_outputs(lips)
        self.to_frames = nn.Conv1d(settings.latent, channels, STEPS_PER_FRAME, stride=STEPS_PER_FRAME)
        self.speaker = nn.Linear(settings.speaker, channels)
        self.lip_parameters = nn.Linear(lip_parameters, channels, bias=False) if lip_parameters else None
        backs = [dilation * (settings.kernel - 1) for dilation in settings.dilations]
        blocks: list[nn.Module] = (
            [BandAttentionBlock(channels, back, settings.dropout) for back in backs]
            if settings.kind == "attention"
            else [ConvolutionBlock(channels, settings.kernel, d, settings.dropout) for d in settings.dilations]
        )
        self.blocks = nn.Sequential(*blocks)
        fed_back = self.outputs if settings.autoregressive else 0
        self.cell: nn.GRU | None = None
        if settings.kind == "recurrent":
            self.cell = nn.GRU(channels + fed_back, settings.hidden, batch_first=True)
            self.head = CoordinateHead(settings.hidden + channels, settings.hidden, lips)
        else:
            self.head = CoordinateHead(channels + fed_back, settings.hidden, lips)

    @property
    def back_frames(self) -> int:
        """The number of frames before a frame that its context depends on."""
        return self.reach_frames - self.ahead_frames

    @property
    def reach_frames(self) -> int:
        """The number of frames that a context depends on beside the frame itself."""
        return decoder_reach_frames(self.settings)

    @property
    def ahead_frames(self) -> int:
        """The number of frames after a frame that it depends on."""
        return decoder_ahead_frames(self.settings)

    def context(self, latent: Tensor, speaker: Tensor, lip_parameters: Tensor | None = None) -> Tensor:
        """Compute the context of each frame: what is said around it.

        Args:
            latent: (batch, steps, latent), steps a multiple of 4; zero where there is no data.
            speaker: embeddings (batch, dim).
            lip_parameters: (batch, frames, parameters), zero where there is no data.

        Returns:
            (batch, frames, channels).
        """
        ahead = self.ahead_frames
        padded = nn.functional.pad(latent, (0, 0, 0, ahead * STEPS_PER_FRAME))
        hidden = self.to_frames(padded.transpose(1, 2)).transpose(1, 2) + self.speaker(speaker)[:, None]
        if self.lip_parameters is not None and lip_parameters is not None:
            hidden = hidden + self.lip_parameters(nn.functional.pad(lip_parameters, (0, 0, 0, ahead)))
        return cast(Tensor, self.blocks(hidden)[:, ahead:])

    def start(self, batch: int, device: torch.device | None = None) -> DecoderState:
        """Return the state before the first frame: an empty memory, and the mean lip as the last output."""
        return DecoderState(
            torch.zeros(batch, self.settings.hidden, device=device),
            torch.zeros(batch, self.outputs, device=device),
        )

    def forward(
        self,
        context: Tensor,
        state: DecoderState,
        truth: Tensor | None = None,
        use_truth: Tensor | None = None,
    ) -> tuple[Tensor, DecoderState]:
        """Decode frame by frame.

        Args:
            context: (batch, frames, channels), from `context`.
            state: from `start`, or from the frames before.
            truth: true outputs (batch, frames, outputs), for teacher forcing.
            use_truth: bool (batch, frames), True where the next frame is given the truth of this one instead
                of the output; scheduled sampling (Bengio et al. 2015) draws it ever more rarely.

        Returns:
            outputs (batch, frames, outputs) and the state after the last frame.
        """
        hidden, last = state
        is_displacement = self.lips.representation == "displacement"
        if not self.settings.autoregressive:
            if self.cell is not None:
                out, hidden = self.cell(context, hidden[None])
                context, hidden = torch.cat([out, context], -1), hidden[0]
            outputs = self.head(context)
            if is_displacement:
                outputs = last[:, None] + outputs.cumsum(1)
            return outputs, DecoderState(hidden, outputs[:, -1])
        frames = []
        for index in range(context.shape[1]):
            now = context[:, index]
            if self.cell is not None:
                hidden = torch.gru_cell(torch.cat([now, last], -1), hidden, *self.cell.all_weights[0])
                made = self.head(torch.cat([hidden, now], -1))
            else:
                made = self.head(torch.cat([now, last], -1))
            last = last + made if is_displacement else made
            frames.append(last)
            if truth is not None and use_truth is not None:
                last = torch.where(use_truth[:, index, None], truth[:, index], last)
        return torch.stack(frames, 1), DecoderState(hidden, last)
