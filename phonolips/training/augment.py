"""Noise, level, telephone and masks, put straight onto log-mel.

Sound powers add, so noise is added to mel *power*; level is a factor on power. That costs nothing beside
the convolutions and needs no waveform, so the prepared features serve every epoch anew. Masks: SpecAugment
(Park et al. 2019).
"""

import math

import torch
from torch import Tensor

from phonolips.audio.features import FLOOR, HIGHEST_HZ, LOWEST_HZ, hertz_to_mel

LEVEL_DB = (-30.0, 12.0)  # gain range
NOISE_DB = (0.0, 30.0)  # signal-to-noise ratio range
TELEPHONE_HZ = (300.0, 3400.0)
TELEPHONE_SHARE = 0.1
TILT_DB = 12.0  # largest tilt of the spectrum from end to end, either way
FREQUENCY_MASK, TIME_MASK = 12, 12  # mels, steps
NATS_PER_DB = math.log(10.0) / 10.0


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _noise_power(power: Tensor, generator: torch.Generator) -> Tensor:
    """Make noise, mean power 1 a clip: either coloured and steady, or babble of other clips of the batch."""
    batch, steps, mels = power.shape
    slope = _uniform((batch, 1, 1), -6.0, 2.0, generator) * torch.linspace(0.0, 1.0, mels)
    bumps = torch.randn(batch, 1, 8, generator=generator)
    bumps = torch.nn.functional.interpolate(bumps, size=mels, mode="linear")
    flicker = 0.3 * torch.randn(batch, steps, mels, generator=generator)
    steady = torch.exp(slope + bumps + flicker)
    shifts = torch.randint(1, max(2, batch), (4,), generator=generator).tolist()
    babble = torch.stack([power.roll(shift, 0) for shift in shifts]).sum(0)
    is_babble = torch.rand(batch, 1, 1, generator=generator) < 0.4
    noise = torch.where(is_babble, babble, steady)
    return noise / noise.mean((1, 2), keepdim=True).clamp_min(1e-12)


def augment_mel(
    mel: Tensor, mask: Tensor, *, noise_share: float, masked_share: float, generator: torch.Generator
) -> Tensor:
    """Vary level, tilt and band, add noise, mask stripes.

    Args:
        mel: log-mel float (batch, steps, mels), on the CPU.
        mask: bool (batch, steps), True where real.
        noise_share: of the clips that get noise.
        masked_share: of the clips that get masks.
        generator: where the randomness comes from.

    Returns:
        log-mel of the same shape.
    """
    batch, steps, mels = mel.shape
    power = mel.exp() * mask[..., None]
    noise = _noise_power(power, generator)
    loud = power.sum((1, 2), keepdim=True) / (mask.sum(1)[:, None, None] * mels).clamp_min(1)
    ratio = _uniform((batch, 1, 1), *NOISE_DB, generator)
    wanted = torch.rand(batch, 1, 1, generator=generator) < noise_share
    power = power + wanted * noise * loud * torch.exp(-ratio * NATS_PER_DB)
    level = _uniform((batch, 1, 1), *LEVEL_DB, generator)
    tilt = _uniform((batch, 1, 1), -TILT_DB, TILT_DB, generator) * torch.linspace(-0.5, 0.5, mels)
    power = power * torch.exp((level + tilt) * NATS_PER_DB)
    centres = torch.linspace(float(hertz_to_mel(LOWEST_HZ)), float(hertz_to_mel(HIGHEST_HZ)), mels + 2)[1:-1]
    outside = (centres < float(hertz_to_mel(TELEPHONE_HZ[0]))) | (centres > float(hertz_to_mel(TELEPHONE_HZ[1])))
    telephone = torch.rand(batch, 1, 1, generator=generator) < TELEPHONE_SHARE
    power = torch.where(telephone & outside, power * 1e-4, power)
    out = torch.log(power + FLOOR)
    masked = torch.rand(batch, generator=generator) < masked_share
    mean = out.mean((1, 2))
    for index in torch.nonzero(masked)[:, 0].tolist():
        for axis, size, longest in ((1, mels, FREQUENCY_MASK), (0, steps, TIME_MASK)):
            for _ in range(2):
                span = int(torch.randint(0, longest + 1, (1,), generator=generator))
                first = int(torch.randint(0, max(1, size - span), (1,), generator=generator))
                out[index].narrow(axis, first, min(span, size - first)).fill_(float(mean[index]))
    return out
