"""Lip parameters: the named side channel beside the phones, a few numbers a frame.

Phones say what is spoken, not how: how far this speaker opens for this vowel, how much is swallowed. Lip parameters
do, as encoded from the sound or as predicted from the phones: `opening` (inner-lip height), `width` (between the
corners) and `height` (of the mouth's centre in the face), each as the deviation from the speaker's mean lip, in
standard deviations over the training frames. Both sources return the same parameters, the decoder cannot tell which
of them fed it, and with `names: []` there are none.
"""

from typing import cast

import torch
from torch import Tensor, nn

from phonolips.model.settings import LipParameterSettings
from phonolips.model.stages import FINES_PER_FRAME, check_lip_parameters, lip_parameter_aheads
from phonolips.phones.inventory import NUM_PHONES
from phonolips.timebase import STEPS_PER_FRAME
from phonolips.training.networks.encoder import ShiftedConv1d


class LipParameterHead(nn.Module):
    """A short stack of convolutions at the frame rate.

    Args:
        inputs: channels of the input.
        per_frame: rows of the input per frame.
        settings: sizes.
    """

    def __init__(self, inputs: int, per_frame: int, settings: LipParameterSettings) -> None:
        super().__init__()
        channels, kernel = settings.channels, settings.kernel
        self.to_frames = nn.Conv1d(inputs, channels, per_frame, stride=per_frame)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.GELU(),
                nn.Dropout(settings.dropout),
                ShiftedConv1d(channels, channels, kernel, ahead=ahead),
            )
            for ahead in lip_parameter_aheads(settings)
        )
        self.head = nn.Linear(channels, len(settings.names))

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, rows, inputs) to lip parameters (batch, frames, parameters)."""
        hidden: Tensor = self.to_frames(rows.transpose(1, 2))
        for layer in self.layers:
            hidden = hidden + layer(hidden)
        return cast(Tensor, self.head(hidden.transpose(1, 2)))


class LipParameterHeads(nn.Module):
    """Both sources of lip parameters.

    Args:
        settings: sizes and names.
        encoder_channels: of the audio encoder's `hidden`.

    Buffers:
        scale: (parameters,), mouth-space units per unit of lip parameter.
    """

    scale: Tensor

    def __init__(self, settings: LipParameterSettings, encoder_channels: int) -> None:
        super().__init__()
        self.settings = settings
        check_lip_parameters(settings)
        self.register_buffer("scale", torch.ones(len(settings.names)))
        self.sound_head = LipParameterHead(encoder_channels, FINES_PER_FRAME, settings)
        self.posterior_head = LipParameterHead(NUM_PHONES, STEPS_PER_FRAME, settings)

    def from_sound(self, hidden: Tensor) -> Tensor:
        """Map the encoder's `hidden` (batch, steps / 2, channels) to lip parameters (batch, frames, parameters)."""
        return cast(Tensor, self.sound_head(hidden))

    def from_posteriors(self, posteriors: Tensor) -> Tensor:
        """Predict lip parameters (batch, frames, parameters) from posteriors (batch, steps, phones)."""
        return cast(Tensor, self.posterior_head(posteriors))
