"""A recurrent encoder of whole crops, which teaches the encoder that is shipped and is itself not shipped.

Two convolutions to 20 ms, then bidirectional LSTMs (Graves and Schmidhuber 2005) over everything that it is given: it
hears better than convolutions of a fixed reach do, but knows nothing before the end, so nobody can stream it.
"""

from typing import cast

import torch
from torch import Tensor, nn

from phonolips.model.stages import FINE_STEPS
from phonolips.phones.inventory import NUM_PHONES
from phonolips.speech.mel import NUM_MELS
from phonolips.training.settings import ListenerSettings

WIDTH = 5  # steps, then positions, that the two convolutions see


class Listener(nn.Module):
    """The network from log-mel to phone logits and a CTC blank logit, as `networks.encoder.AudioEncoder` has them.

    Args:
        settings: sizes.

    Buffers:
        mel_mean: (mels,), and mel_scale: (mels,), normalise the input; set from the training data.
    """

    mel_mean: Tensor
    mel_scale: Tensor

    def __init__(self, settings: ListenerSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("mel_mean", torch.zeros(NUM_MELS))
        self.register_buffer("mel_scale", torch.ones(NUM_MELS))
        channels = settings.channels
        self.stem = nn.Sequential(
            nn.Conv1d(NUM_MELS, channels, WIDTH, padding=WIDTH // 2),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Conv1d(channels, channels, WIDTH + 1, stride=FINE_STEPS, padding=WIDTH // 2),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
        )
        self.layers = nn.LSTM(
            channels,
            settings.hidden,
            settings.layers,
            batch_first=True,
            bidirectional=True,
            dropout=settings.dropout,
        )
        self.drop = nn.Dropout(settings.dropout)
        self.head = nn.Linear(2 * settings.hidden, FINE_STEPS * (NUM_PHONES + 1))

    def forward(self, mel: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute logits.

        Args:
            mel: float (batch, steps, mels); the number of steps is even.
            mask: bool (batch, steps), True where data is real; padding is zeroed after normalisation.

        Returns:
            phone logits (batch, steps, phones) and blank logits (batch, steps, 1).
        """
        hidden = (mel - self.mel_mean) / self.mel_scale
        if mask is not None:
            hidden = hidden * mask[..., None]
        hidden = self.stem(hidden.transpose(1, 2)).transpose(1, 2)
        hidden, _ = self.layers(hidden)
        out = cast(Tensor, self.head(self.drop(hidden))).reshape(len(mel), -1, NUM_PHONES + 1)
        return out[..., :NUM_PHONES], out[..., NUM_PHONES:]
