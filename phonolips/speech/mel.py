"""Log-mel features at 100 steps a second.

Step `t` covers 25 ms of sound around its centre (10 t + 5 ms), so features, phone labels and lips share
one clock. Nothing is normalised over an utterance: what a step looks like depends on 25 ms alone, which
is what lets an hour be cut into chunks without changing anything. Mel scale: O'Shaughnessy (1987), as in
HTK and torchaudio's default, with which the tests compare.
"""

from functools import lru_cache

import numpy as np

from phonolips.timebase import SAMPLE_RATE, STEP_SAMPLES

NUM_MELS = 80
WINDOW_SAMPLES = 400  # 25 ms
FFT_SAMPLES = 512
LOWEST_HZ, HIGHEST_HZ = 20.0, 7600.0
MEL_FACTOR, MEL_CORNER_HZ = 2595.0, 700.0  # of `hertz_to_mel`
FLOOR = 1e-7  # added to mel power before the logarithm; about 20 dB below one bit of 16-bit sound
BLOCK_STEPS = 1000  # 10 s computed at once: some megabytes, however long the sound is
# Samples that a step needs before its own first sample, and after its own last one.
LOOK_BACK_SAMPLES = WINDOW_SAMPLES // 2 - STEP_SAMPLES // 2
LOOK_AHEAD_SAMPLES = WINDOW_SAMPLES // 2 - STEP_SAMPLES // 2


def hertz_to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """Convert frequency to mel, 2595 log10(1 + f / 700)."""
    return MEL_FACTOR * np.log10(1.0 + np.asarray(hertz) / MEL_CORNER_HZ)


def mel_to_hertz(mel: np.ndarray | float) -> np.ndarray:
    """Convert mel to frequency; the inverse of `hertz_to_mel`."""
    return MEL_CORNER_HZ * (10.0 ** (np.asarray(mel) / MEL_FACTOR) - 1.0)


@lru_cache(maxsize=1)
def mel_filters() -> np.ndarray:
    """Make the triangular filters, float32 (FFT_SAMPLES / 2 + 1, NUM_MELS), peak 1."""
    corners = mel_to_hertz(np.linspace(hertz_to_mel(LOWEST_HZ), hertz_to_mel(HIGHEST_HZ), NUM_MELS + 2))
    bins = np.linspace(0.0, SAMPLE_RATE / 2, FFT_SAMPLES // 2 + 1)
    rising = (bins[:, None] - corners[None, :-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[None, 2:] - bins[:, None]) / (corners[2:] - corners[1:-1])
    filters: np.ndarray = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    return filters


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    """Make Hann's window, float32 (WINDOW_SAMPLES,); periodic, as is usual for spectra."""
    window: np.ndarray = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)).astype(np.float32)
    return window


def log_mel_padded(samples: np.ndarray) -> np.ndarray:
    """Compute log-mel from samples that already hold the look-back and look-ahead.

    Args:
        samples: float32 (LOOK_BACK_SAMPLES + steps * STEP_SAMPLES + LOOK_AHEAD_SAMPLES,).

    Returns:
        float32 (steps, NUM_MELS), natural logarithm of mel power.
    """
    pieces = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::STEP_SAMPLES]
    mel = np.empty((len(pieces), NUM_MELS), np.float32)
    for first in range(0, len(pieces), BLOCK_STEPS):
        spectrum = np.fft.rfft(pieces[first : first + BLOCK_STEPS] * _window(), n=FFT_SAMPLES)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)
        mel[first : first + BLOCK_STEPS] = np.log(power @ mel_filters() + FLOOR)
    return mel


def log_mel(waveform: np.ndarray) -> np.ndarray:
    """Compute log-mel of a whole waveform.

    Args:
        waveform: float32 (samples,), 16 kHz.

    Returns:
        float32 (steps, NUM_MELS); steps = ceil(samples / 160), the edges padded with zeros.
    """
    rest = -len(waveform) % STEP_SAMPLES
    return log_mel_padded(np.pad(waveform, (LOOK_BACK_SAMPLES, LOOK_AHEAD_SAMPLES + rest)))
