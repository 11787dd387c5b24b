"""Other speeds, vocal tracts, rooms, noise, level, channels and masks, put straight onto log-mel.

Sound powers add, so noise and reverberation are added to mel *power*; level is a factor on power; a longer
vocal tract moves the frequency axis (Jaitly and Hinton 2013). That costs nothing beside the convolutions and
needs no waveform, so the prepared features serve every epoch anew. Masks: SpecAugment (Park et al. 2019). All of it
is done for a whole batch at once, where its tensors and the generator are: on a CPU or a GPU.
"""

import math

import numpy as np
import torch
from torch import Tensor

from phonolips.speech.mel import (
    FLOOR,
    HIGHEST_HZ,
    LOWEST_HZ,
    MEL_CORNER_HZ,
    MEL_FACTOR,
    NUM_MELS,
    hertz_to_mel,
    mel_to_hertz,
)
from phonolips.timebase import STEPS_PER_SECOND

LEVEL_DB = (-30.0, 12.0)  # gain range
NOISE_DB = (0.0, 30.0)  # signal-to-noise ratio range
TELEPHONE_HZ = (300.0, 3400.0)
TELEPHONE_SHARE = 0.2
TELEPHONE_LEAK = (-8.0, -3.0)  # power of ten of what remains outside the band
TILT_DB = 12.0  # largest tilt of the spectrum from end to end, either way
FREQUENCY_MASK, TIME_MASK = 12, 12  # mels, steps
NATS_PER_DB = math.log(10.0) / 10.0
REVERB_SECONDS = (0.2, 0.8)  # time in which the sound of the room falls by 60 dB
REVERB_DB = (-12.0, 3.0)  # sound of the room over direct sound
REVERB_STEPS = 60  # so much of the room's sound is kept
EQUALISER_POINTS = 8  # of a channel's response, evenly spread over the mels, straight lines between them
LOW_CUT_HZ, HIGH_CUT_HZ = (40.0, 450.0), (2800.0, 7600.0)  # where a channel's band begins and ends
CODING_DB = (10.0, 35.0)  # speech over the noise that a codec or an overdriven input adds to it


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)


def mel_centres() -> np.ndarray:
    """Return the mel values of the centres of the mel bands, (mels,)."""
    return np.linspace(float(hertz_to_mel(LOWEST_HZ)), float(hertz_to_mel(HIGHEST_HZ)), NUM_MELS + 2)[1:-1]


def steps_at_speed(steps: int, speed: float) -> int:
    """Count the steps that `steps` become when spoken `speed` times as fast."""
    return max(1, round(steps / speed))


def change_speed(mel: np.ndarray, labels: np.ndarray, speed: float) -> tuple[np.ndarray, np.ndarray]:
    """Speak faster or slower.

    Args:
        mel: float (steps, mels).
        labels: (steps, ...), what belongs to each step.
        speed: 1.1 makes 10 % fewer steps of it.

    Returns:
        log-mel and labels of `steps_at_speed` steps; step t is read at t * steps / new steps.
    """
    steps = steps_at_speed(len(mel), speed)
    at = np.clip((np.arange(steps) + 0.5) * len(mel) / steps - 0.5, 0, len(mel) - 1)
    low = at.astype(np.int64)
    high = np.minimum(low + 1, len(mel) - 1)
    part = (at - low)[:, None].astype(mel.dtype)
    return mel[low] * (1 - part) + mel[high] * part, labels[np.round(at).astype(np.int64)]


def change_tract(mel: Tensor, factors: Tensor) -> Tensor:
    """Scale the frequency axis of every clip of a batch.

    Args:
        mel: log-mel (batch, steps, mels).
        factors: (batch,); 1.1 moves what is at 1000 Hz to 1100 Hz.

    Returns:
        log-mel of the same shape; what lies beyond the last band is the last band's.
    """
    centres = mel_centres()
    hertz = torch.from_numpy(mel_to_hertz(centres)).to(mel)
    moved = MEL_FACTOR * torch.log10(1 + hertz / factors[:, None].to(mel) / MEL_CORNER_HZ)  # `hertz_to_mel`
    positions = ((moved - centres[0]) / (centres[1] - centres[0])).clamp(0, NUM_MELS - 1)
    low = positions.long().clamp(0, NUM_MELS - 2)
    part = positions - low
    weights = torch.zeros(len(mel), NUM_MELS, NUM_MELS, dtype=mel.dtype, device=mel.device)
    weights.scatter_(1, low[:, None], (1 - part)[:, None])
    weights.scatter_add_(1, low[:, None] + 1, part[:, None])
    return mel @ weights


def _reverberate(power: Tensor, seconds: Tensor, ratio_db: Tensor) -> Tensor:
    """Add a room of its own, with an exponential decay, to the power of every clip (Lebart et al. 2001).

    Args:
        power: (batch, steps, mels).
        seconds: (batch,), in which the sound of the room falls by 60 dB.
        ratio_db: (batch,), sound of the room over direct sound.
    """
    ages = torch.arange(1, REVERB_STEPS + 1, device=power.device)
    decay = torch.exp(-6 * math.log(10.0) / (seconds[:, None] * STEPS_PER_SECOND) * ages)
    kernels = (decay / decay.sum(1, keepdim=True)).flip(1)[:, None]
    padded = torch.nn.functional.pad(power.permute(2, 0, 1), (REVERB_STEPS, 0))  # (mels, batch, steps)
    late = torch.nn.functional.conv1d(padded, kernels, groups=len(power))[..., : power.shape[1]]
    return power + torch.exp(ratio_db * NATS_PER_DB)[:, None, None] * late.permute(1, 2, 0)


def _equalise(batch: int, deviation_db: float, generator: torch.Generator) -> Tensor:
    """Draw responses of microphones and channels, (batch, 1, mels) in dB: EQUALISER_POINTS normal values, joined."""
    points = deviation_db * torch.randn(batch, 1, EQUALISER_POINTS, generator=generator, device=generator.device)
    return torch.nn.functional.interpolate(points, size=NUM_MELS, mode="linear", align_corners=True)


def _outside_band(share: float, batch: int, generator: torch.Generator) -> Tensor:
    """Draw for a share of the clips what lies outside a band of their own, bool (batch, 1, mels)."""
    hertz = torch.from_numpy(mel_to_hertz(mel_centres())).to(generator.device)
    low, high = (_uniform((batch, 1, 1), *span, generator) for span in (LOW_CUT_HZ, HIGH_CUT_HZ))
    narrow = _uniform((batch, 1, 1), 0.0, 1.0, generator) < share
    return narrow & ((hertz < low) | (hertz > high))


def _coding_noise(power: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Make noise as loud at each step as the speech there, less CODING_DB, for a share of the clips.

    Noise whose level follows the speech is how the modulated noise reference unit of ITU-T P.810 imitates speech
    codecs; overdriven inputs sound alike.
    """
    batch, steps, mels = power.shape
    loud = power.mean(2, keepdim=True)
    flicker = torch.exp(0.3 * torch.randn(batch, steps, mels, generator=generator, device=generator.device))
    ratio = _uniform((batch, 1, 1), *CODING_DB, generator)
    coded = _uniform((batch, 1, 1), 0.0, 1.0, generator) < share
    return coded * loud * flicker * torch.exp(-ratio * NATS_PER_DB)


def _noise_power(power: Tensor, generator: torch.Generator) -> Tensor:
    """Make noise, mean power 1 a clip: either coloured and steady, or babble of other clips of the batch."""
    batch, steps, mels = power.shape
    device = generator.device
    slope = _uniform((batch, 1, 1), -6.0, 2.0, generator) * torch.linspace(0.0, 1.0, mels, device=device)
    bumps = torch.randn(batch, 1, 8, generator=generator, device=device)
    bumps = torch.nn.functional.interpolate(bumps, size=mels, mode="linear")
    flicker = 0.3 * torch.randn(batch, steps, mels, generator=generator, device=device)
    steady = torch.exp(slope + bumps + flicker)
    shifts = torch.randint(1, max(2, batch), (4, 1), generator=generator, device=device)
    babble = power[(torch.arange(batch, device=device) - shifts) % batch].sum(0)
    is_babble = _uniform((batch, 1, 1), 0.0, 1.0, generator) < 0.4
    noise = torch.where(is_babble, babble, steady)
    return noise / noise.mean((1, 2), keepdim=True).clamp_min(1e-12)


def augment_mel(
    mel: Tensor,
    mask: Tensor,
    *,
    noise_share: float,
    masked_share: float,
    reverb_share: float = 0.0,
    tract_range: float = 0.0,
    equaliser_db: float = 0.0,
    band_share: float = 0.0,
    coding_share: float = 0.0,
    generator: torch.Generator,
) -> Tensor:
    """Vary vocal tract, room, level, channel and band, add noise, mask stripes.

    Args:
        mel: log-mel float (batch, steps, mels).
        mask: bool (batch, steps), True where real.
        noise_share: of the clips that get noise.
        masked_share: of the clips that get masks.
        reverb_share: of the clips that are put into a room.
        tract_range: largest change of the vocal tract's length, as a share.
        equaliser_db: standard deviation of the response of each clip's channel, beside its tilt.
        band_share: of the clips that get a band of their own, beside those that get a telephone's.
        coding_share: of the clips that get noise as loud as the speech is at each step, less CODING_DB.
        generator: where the randomness comes from, on the device of `mel` and `mask`.

    Returns:
        log-mel of the same shape.
    """
    batch, _, mels = mel.shape
    if tract_range:
        mel = change_tract(mel, 1 + _uniform((batch,), -tract_range, tract_range, generator))
    power = mel.exp() * mask[..., None]
    if reverb_share:
        rooms = _reverberate(power, *(_uniform((batch,), *span, generator) for span in (REVERB_SECONDS, REVERB_DB)))
        power = torch.where(_uniform((batch, 1, 1), 0.0, 1.0, generator) < reverb_share, rooms, power)
    if noise_share:
        noise = _noise_power(power, generator)
        loud = power.sum((1, 2), keepdim=True) / (mask.sum(1)[:, None, None] * mels).clamp_min(1)
        ratio = _uniform((batch, 1, 1), *NOISE_DB, generator)
        wanted = _uniform((batch, 1, 1), 0.0, 1.0, generator) < noise_share
        power = power + wanted * noise * loud * torch.exp(-ratio * NATS_PER_DB)
    if coding_share:
        power = power + _coding_noise(power, coding_share, generator)
    level = _uniform((batch, 1, 1), *LEVEL_DB, generator)
    slopes = torch.linspace(-0.5, 0.5, mels, device=generator.device)
    tilt = _uniform((batch, 1, 1), -TILT_DB, TILT_DB, generator) * slopes
    if equaliser_db:
        tilt = tilt + _equalise(batch, equaliser_db, generator)
    power = power * torch.exp((level + tilt) * NATS_PER_DB)
    centres = torch.from_numpy(mel_centres()).to(generator.device)
    outside = (centres < float(hertz_to_mel(TELEPHONE_HZ[0]))) | (centres > float(hertz_to_mel(TELEPHONE_HZ[1])))
    telephone = _uniform((batch, 1, 1), 0.0, 1.0, generator) < TELEPHONE_SHARE
    leak = 10.0 ** _uniform((batch, 1, 1), *TELEPHONE_LEAK, generator)
    cut = telephone & outside
    if band_share:
        cut = cut | _outside_band(band_share, batch, generator)
    power = torch.where(cut, power * leak, power)
    out = torch.log(power + FLOOR)
    if masked_share:
        masked = _uniform((batch, 1, 1), 0.0, 1.0, generator) < masked_share
        for axis, longest in ((2, FREQUENCY_MASK), (1, TIME_MASK)):
            for _ in range(2):
                stripes = _stripes(batch, out.shape[axis], longest, generator).unsqueeze(3 - axis)
                out = torch.where(masked & stripes, out.mean((1, 2), keepdim=True), out)
    return out


def _stripes(batch: int, size: int, longest: int, generator: torch.Generator) -> Tensor:
    """Draw a stripe of 0 to `longest` places for each clip, bool (batch, size)."""
    spans = torch.randint(0, longest + 1, (batch, 1), generator=generator, device=generator.device)
    firsts = (_uniform((batch, 1), 0.0, 1.0, generator) * (size - spans).clamp_min(1)).long()
    places = torch.arange(size, device=generator.device)
    return (places >= firsts) & (places < firsts + spans)
