"""The audio encoder: log-mel to phone posteriors.

Dilated residual convolutions on two clocks: a few at 20 ms, where edges are sharp, then wider ones at 40 ms,
where context is cheap; their sum gives four steps of 10 ms. A step sees a fixed stretch of sound around
it and nothing else; cutting a recording into chunks with that much margin changes nothing. A separate
blank logit serves the CTC loss only: the posteriors are a softmax over the phones, so CTC's preference for
blanks cannot make them peaky. One temperature, fitted on validation clips after the training, calibrates
the posteriors (Guo et al. 2017).
"""

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from phonolips.model.settings import AudioEncoderSettings, check_odd
from phonolips.model.stages import COARSE_FINES, FINE_STEPS, STEM_KERNEL, encoder_padding
from phonolips.phones.inventory import NUM_PHONES
from phonolips.speech.mel import NUM_MELS

COUNTED = ("phone_ngrams", "phone_ngram_counts")  # buffers whose length the training decides


class ShiftedConv1d(nn.Conv1d):
    """A convolution, as long as its input by its stride, that looks `ahead` positions ahead and for the rest back."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        ahead: int,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, dilation=dilation, bias=bias)
        self.ahead = ahead
        self.back = dilation * (kernel - 1) - (stride - 1) - ahead

    def forward(self, values: Tensor) -> Tensor:
        """Map (batch, inputs, positions) to (batch, outputs, positions / stride)."""
        return super().forward(nn.functional.pad(values, (self.back, self.ahead)))


class ResidualBlock(nn.Module):
    """Dilated convolution, batch norm, ReLU, 1x1 convolution, dropout, added to the input."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float, ahead: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ShiftedConv1d(channels, channels, kernel, dilation=dilation, bias=False, ahead=ahead),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1),
            nn.Dropout(dropout),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (batch, channels, positions) to the same shape."""
        return cast(Tensor, hidden + self.layers(hidden))

    def start_as_nothing(self) -> None:
        """Set the last convolution to zero, so that the block is the identity until it is trained."""
        last = self.layers[3]
        assert isinstance(last, nn.Conv1d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)


def _blocks(channels: int, settings: AudioEncoderSettings, dilations: list[int], aheads: list[int]) -> nn.Sequential:
    sizes = zip(dilations, aheads, strict=True)
    return nn.Sequential(*(ResidualBlock(channels, settings.kernel, d, settings.dropout, a) for d, a in sizes))


class AudioEncoder(nn.Module):
    """The network from log-mel to phone logits and a CTC blank logit.

    Args:
        settings: sizes.

    Buffers:
        mel_mean, mel_scale: (mels,), normalise the input; set from the training data.
        temperature: (), divides the logits on the way to posteriors.
        phone_ngrams, phone_ngram_counts: int32 and int16 (kinds,), counted in the training; they help to decode phones.
        phone_prior: (phones,), shares of the steps, counted in the training.
    """

    mel_mean: Tensor
    mel_scale: Tensor
    temperature: Tensor
    phone_ngrams: Tensor
    phone_ngram_counts: Tensor
    phone_prior: Tensor

    def __init__(self, settings: AudioEncoderSettings) -> None:
        super().__init__()
        self.settings = settings
        check_odd(settings.kernel, "audio_encoder.kernel")
        fine, coarse = settings.channels, settings.coarse_channels
        self.register_buffer("mel_mean", torch.zeros(NUM_MELS))
        self.register_buffer("mel_scale", torch.ones(NUM_MELS))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("phone_ngrams", torch.zeros(0, dtype=torch.int32))
        self.register_buffer("phone_ngram_counts", torch.zeros(0, dtype=torch.int16))
        self.register_buffer("phone_prior", torch.full((NUM_PHONES,), 1.0 / NUM_PHONES))
        ahead = encoder_padding(settings)
        self.stem = ShiftedConv1d(NUM_MELS, fine, STEM_KERNEL, stride=FINE_STEPS, ahead=ahead.stem)
        self.fine = _blocks(fine, settings, settings.dilations, ahead.fine)
        self.down = nn.Conv1d(fine, coarse, COARSE_FINES, stride=COARSE_FINES)
        self.coarse = _blocks(coarse, settings, settings.coarse_dilations, ahead.coarse)
        self.up = nn.Conv1d(coarse, COARSE_FINES * fine, 1)
        self.norm = nn.BatchNorm1d(fine)
        self.head = nn.Conv1d(fine, FINE_STEPS * (NUM_PHONES + 1), 1)

    def set_phone_ngrams(self, kinds: np.ndarray, counts: np.ndarray, prior: np.ndarray) -> None:
        """Keep counted n-grams of phones.

        Args:
            kinds: int (kinds,), from `count_ngrams`.
            counts: int (kinds,), from `count_ngrams`; no more than int16 holds is kept.
            prior: float (phones,), the phones' shares of the steps.
        """
        device = self.phone_prior.device
        self.phone_ngrams = torch.from_numpy(kinds.astype(np.int32)).to(device)
        few = np.minimum(counts, np.iinfo(np.int16).max).astype(np.int16)
        self.phone_ngram_counts = torch.from_numpy(few).to(device)
        self.phone_prior.copy_(torch.from_numpy(prior.astype(np.float32)))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Accept n-gram counts of any length."""
        for name in COUNTED:
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=self.phone_prior.device))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def hidden(self, mel: Tensor, mask: Tensor | None = None) -> Tensor:
        """Compute the layer below the logits; arguments as for `forward`.

        Returns:
            (batch, steps / 2, channels), not negative.
        """
        batch = len(mel)
        hidden = (mel - self.mel_mean) / self.mel_scale
        if mask is not None:
            hidden = hidden * mask[..., None]
        fine = self.fine(self.stem(hidden.transpose(1, 2)))
        coarse = self.up(self.coarse(self.down(fine)))
        coarse = coarse.reshape(batch, COARSE_FINES, -1, coarse.shape[-1]).permute(0, 2, 3, 1).flatten(2)
        return torch.relu(self.norm(fine + coarse)).transpose(1, 2)

    def logits(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Map `hidden` to phone logits (batch, steps, phones) and blank logits (batch, steps, 1)."""
        out = self.head(hidden.transpose(1, 2)).transpose(1, 2)
        out = out.reshape(len(hidden), FINE_STEPS * hidden.shape[1], NUM_PHONES + 1)
        return out[..., :NUM_PHONES], out[..., NUM_PHONES:]

    def forward(self, mel: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute logits.

        Args:
            mel: float (batch, steps, mels); the number of steps is a multiple of 4.
            mask: bool (batch, steps), True where data is real; padding is zeroed after normalisation.

        Returns:
            phone logits (batch, steps, phones) and blank logits (batch, steps, 1).
        """
        return self.logits(self.hidden(mel, mask))

    def encode(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Encode log-mel (batch, steps, mels), steps a multiple of 4.

        Returns:
            posteriors (batch, steps, phones), and `hidden` (batch, steps / 2, channels), which lip parameters are
            computed from.
        """
        hidden = self.hidden(mel)
        logits, _ = self.logits(hidden)
        return (logits / self.temperature).softmax(-1), hidden

    def posteriors(self, mel: Tensor) -> Tensor:
        """Return the posteriors (batch, steps, phones) of log-mel (batch, steps, mels), steps a multiple of 4."""
        return self.encode(mel)[0]
