"""Sounds that are not speech, made from nothing but a random generator: what voice activity learns to leave alone.

Every family is a kind of sound, drawn anew at each call: pitch, timbre, rhythm, envelope and band differ. They are no
imitations of particular recordings; they are wide on purpose, so that what lies between them is learnt with them.
"""

from collections.abc import Callable

import numpy as np

from phonolips.timebase import SAMPLE_RATE

NYQUIST_HZ = SAMPLE_RATE / 2
HIGHEST_PARTIAL_HZ = 7_800.0  # a little below the Nyquist frequency, where the log-mel ends
TABLE_SAMPLES = 2_048  # of one period; 40 harmonics with room for straight lines between the samples
Family = Callable[[np.random.Generator, int], np.ndarray]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _times(samples: int) -> np.ndarray:
    return np.arange(samples) / SAMPLE_RATE


def _curve(rng: np.random.Generator, samples: int, seconds: float, low: float, high: float) -> np.ndarray:
    """Draw a smooth random curve with a new value between `low` and `high` about every `seconds`."""
    knots = max(2, int(samples / SAMPLE_RATE / seconds) + 2)
    at = np.linspace(0, samples - 1, knots)
    curve: np.ndarray = np.interp(np.arange(samples), at, rng.uniform(low, high, knots))
    return curve


def coloured_noise(rng: np.random.Generator, samples: int, slope: float) -> np.ndarray:
    """Make noise whose power falls as frequency to the power of `slope`: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.normal(size=samples))
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    return np.fft.irfft(spectrum * np.maximum(hertz, 20.0) ** (-slope / 2), samples)


def _shaped_noise(rng: np.random.Generator, samples: int, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Make noise whose spectrum is `gain` of frequency in hertz."""
    spectrum = np.fft.rfft(rng.normal(size=samples))
    return np.fft.irfft(spectrum * gain(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)), samples)


def _bumps(rng: np.random.Generator, low: float, high: float, most: int) -> Callable[[np.ndarray], np.ndarray]:
    """Draw a spectrum between two frequencies with some resonances in it, and soft edges."""
    centres = [_log_uniform(rng, low, high) for _ in range(int(rng.integers(1, most + 1)))]
    widths, heights = rng.uniform(60, 900, len(centres)), rng.uniform(0.3, 1.0, len(centres))
    floor, edge = 10 ** rng.uniform(-2.0, -0.3), rng.uniform(0.05, 0.5)

    def gain(hertz: np.ndarray) -> np.ndarray:
        total = np.full_like(hertz, floor)
        for centre, width, height in zip(centres, widths, heights, strict=True):
            total += height / (1 + ((hertz - centre) / width) ** 2)
        octaves = np.log2(np.maximum(hertz, 1.0))
        rise = 0.5 + 0.5 * np.tanh((octaves - np.log2(low)) / edge)
        total *= rise * (0.5 + 0.5 * np.tanh((np.log2(high) - octaves) / edge))
        return total

    return gain


def _oscillate(frequency: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """Sum the harmonics of a frequency curve in hertz, those that the log-mel can see, by reading one period."""
    count = int(np.clip(HIGHEST_PARTIAL_HZ // frequency.max(), 1, len(amplitudes)))
    spectrum = np.zeros(TABLE_SAMPLES // 2 + 1, complex)
    spectrum[1 : count + 1] = -0.5j * TABLE_SAMPLES * amplitudes[:count]
    table = np.fft.irfft(spectrum, TABLE_SAMPLES)
    phase = np.cumsum(frequency) / SAMPLE_RATE % 1.0
    sound: np.ndarray = np.interp(phase * TABLE_SAMPLES, np.arange(TABLE_SAMPLES + 1), np.append(table, table[0]))
    return sound


def _timbre(rng: np.random.Generator) -> np.ndarray:
    """Draw the amplitudes of harmonics: a sine, square, sawtooth, triangle, or anything that falls."""
    numbers = np.arange(1.0, 41.0)
    odd = numbers % 2
    kind = rng.integers(6)
    if kind == 0:
        return np.ones(1)
    if kind == 1:
        return odd / numbers
    if kind == 2:
        return 1 / numbers
    if kind == 3:
        return odd / numbers**2
    return rng.uniform(0.1, 1.0, 40) * numbers ** -rng.uniform(0.3, 2.5)


def _held(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Draw an envelope that begins, lasts and ends, with soft or hard edges."""
    edge = max(1, min(samples // 2, int(_log_uniform(rng, 0.002, 0.4) * SAMPLE_RATE)))
    envelope = np.ones(samples)
    envelope[:edge] = np.linspace(0, 1, edge)
    envelope[-edge:] *= np.linspace(1, 0, edge)
    return envelope


def _struck(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Draw an envelope that begins at once and dies away."""
    rise = max(1, int(_log_uniform(rng, 0.0005, 0.02) * SAMPLE_RATE))
    envelope = np.exp(-_times(samples) / _log_uniform(rng, 0.05, 1.5))
    envelope[:rise] *= np.linspace(0, 1, rise)[: len(envelope)]
    return envelope


def _events(
    rng: np.random.Generator, samples: int, gap: tuple[float, float], length: tuple[float, float], make: Family
) -> np.ndarray:
    """Lay sounds of `make` one after the other, evenly or at random, `gap` seconds from start to start."""
    total = np.zeros(samples)
    beat, even = _log_uniform(rng, *gap), rng.random() < 0.6
    at = int(rng.uniform(0, min(beat * SAMPLE_RATE, samples / 2)))
    while at < samples:
        size = min(samples - at, max(80, int(_log_uniform(rng, *length) * SAMPLE_RATE)))
        total[at : at + size] += rng.uniform(0.3, 1.0) * make(rng, size)
        at += max(160, int((beat * rng.choice([0.5, 1, 1, 1, 2]) if even else _log_uniform(rng, *gap)) * SAMPLE_RATE))
    return total


def tone(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Make a steady tone: sine, square, sawtooth or other, now and then with tremolo or vibrato."""
    frequency = np.full(samples, _log_uniform(rng, 50, 6000))
    if rng.random() < 0.3:
        frequency *= 1 + rng.uniform(0.002, 0.03) * np.sin(2 * np.pi * rng.uniform(3, 9) * _times(samples))
    sound = _oscillate(frequency, _timbre(rng))
    if rng.random() < 0.3:
        sound *= 1 - rng.uniform(0, 1) * (0.5 + 0.5 * np.sin(2 * np.pi * _log_uniform(rng, 0.5, 30) * _times(samples)))
    sound *= _held(rng, samples)
    return sound


def beeps(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Make one tone over and over, with pauses."""
    frequency, amplitudes = _log_uniform(rng, 150, 4500), _timbre(rng)
    return _events(
        rng, samples, (0.15, 1.5), (0.04, 0.8),
        lambda rng, size: _oscillate(np.full(size, frequency), amplitudes) * _held(rng, size),
    )  # fmt: skip


def sweep(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Make a tone that glides, once or over and over."""

    def glide(rng: np.random.Generator, size: int) -> np.ndarray:
        low, high = np.log(_log_uniform(rng, 50, 7000)), np.log(_log_uniform(rng, 50, 7000))
        gliding = _oscillate(np.exp(np.linspace(low, high, size)), _timbre(rng))
        gliding *= _held(rng, size)
        return gliding

    return glide(rng, samples) if rng.random() < 0.6 else _events(rng, samples, (0.3, 2.0), (0.2, 2.0), glide)


def legato(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Play one voice without a pause: slurred steps of pitch, or a curve, with a breath of noise or none."""
    low = _log_uniform(rng, 80, 1500)
    high = min(4000.0, low * rng.uniform(1.2, 4.0))
    if rng.random() < 0.6:
        notes = rng.uniform(np.log(low), np.log(high), int(samples / SAMPLE_RATE / _log_uniform(rng, 0.12, 1.0)) + 1)
        pitch = np.repeat(notes, -(-samples // len(notes)))[:samples]
        slur = max(2, int(_log_uniform(rng, 0.005, 0.15) * SAMPLE_RATE))
        pitch = np.convolve(np.pad(pitch, slur, mode="edge"), np.ones(slur) / slur, "same")[slur : slur + samples]
    else:
        pitch = _curve(rng, samples, _log_uniform(rng, 0.1, 1.0), np.log(low), np.log(high))
    sound = _oscillate(np.exp(pitch), _timbre(rng) if rng.random() < 0.6 else np.ones(1))
    sound *= np.exp(_curve(rng, samples, 0.3, -rng.uniform(0, 2), 0))
    sound += rng.choice([0.0, _log_uniform(rng, 0.003, 0.2)]) * rng.normal(size=samples)
    return sound


def melody(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Play notes of one or several voices: held or struck, of a scale, with vibrato or without."""
    total = np.zeros(samples)
    for _ in range(int(rng.integers(1, 4))):
        base, amplitudes = _log_uniform(rng, 55, 900), _timbre(rng)
        scale = np.array(rng.choice([0, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12], 6, replace=False))
        struck = rng.random() < 0.5
        depth, rate, chord = rng.uniform(0, 0.015), rng.uniform(4, 8), int(rng.integers(1, 5))

        def note(rng: np.random.Generator, size: int) -> np.ndarray:
            sound = np.zeros(size)
            for step in rng.choice(scale, chord):  # noqa: B023  (called before the next voice is drawn)
                vibrato = 1 + depth * np.sin(2 * np.pi * rate * _times(size))  # noqa: B023
                sound += _oscillate(base * 2 ** (step / 12) * vibrato, amplitudes)  # noqa: B023
            sound *= _struck(rng, size) if struck else _held(rng, size)  # noqa: B023
            return sound

        total += rng.uniform(0.3, 1.0) * _events(rng, samples, (0.12, 1.2), (0.1, 2.5), note)
    return total


def instruments(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Bow, blow and pluck: harmonics through the resonances of a body, with the noise of bow, breath or finger."""
    amplitudes, base = _timbre(rng), _log_uniform(rng, 60, 800)
    body, noisy = _bumps(rng, 60, 7900, 6), _log_uniform(rng, 0.003, 0.5)
    held, depth, rate = rng.random() < 0.6, rng.uniform(0, 0.02), rng.uniform(3, 8)
    scale = np.array(rng.choice([0, 2, 3, 4, 5, 7, 9, 10, 11, 12], 5, replace=False))

    def note(rng: np.random.Generator, size: int) -> np.ndarray:
        times = _times(size)
        slide = 1 + rng.uniform(-0.1, 0.1) * np.exp(-times / 0.04)
        pitch = base * 2 ** (rng.choice(scale) / 12) * slide * (1 + depth * np.sin(2 * np.pi * rate * times))
        sound = _oscillate(pitch, amplitudes)
        sound += noisy * rng.normal(size=size) * (1 + rng.uniform(0, 8) * np.exp(-times / 0.03))
        sound *= _held(rng, size) * np.exp(_curve(rng, size, 0.3, -1.5, 0)) if held else _struck(rng, size)
        return sound

    sound = _events(rng, samples, (0.12, 1.5), (0.1, 2.5), note)
    return np.fft.irfft(np.fft.rfft(sound) * body(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)), samples)


def bells(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Strike things with partials in no simple ratio: bells, glasses, metal, wood."""
    ratios = np.sort(rng.uniform(0.5, 6.0, int(rng.integers(3, 9))))
    base = _log_uniform(rng, 80, 2500)
    decays = np.array([_log_uniform(rng, 0.03, 2.0) for _ in ratios])

    def strike(rng: np.random.Generator, size: int) -> np.ndarray:
        pitch, times = base * rng.choice([1, 1, 2 ** (3 / 12), 2 ** (7 / 12), 2]), _times(size)
        sound = np.zeros(size)
        for ratio, decay in zip(ratios, decays, strict=True):
            if ratio * pitch < HIGHEST_PARTIAL_HZ:
                sound += rng.uniform(0.2, 1) * np.sin(2 * np.pi * ratio * pitch * times) * np.exp(-times / decay)
        return sound

    return _events(rng, samples, (0.2, 2.5), (0.3, 3.0), strike)


def modulated(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Modulate a tone in frequency: sirens when slow, harsh timbres when fast."""
    rate = _log_uniform(rng, 0.2, 300)
    depth = _log_uniform(rng, 0.05, 0.6) if rate < 12 else rng.uniform(0.2, 6.0) * rate / 1000
    wave = np.sin(2 * np.pi * rate * _times(samples))
    if rng.random() < 0.3:
        wave = np.sign(wave)
    frequency = _log_uniform(rng, 150, 2500) * np.exp(np.clip(depth * wave, -1.2, 1.2))
    sound = _oscillate(frequency, _timbre(rng))
    sound *= _held(rng, samples)
    return sound


def drums(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Beat drums: thumps that fall in pitch, bursts of noise, and metal, in one rhythm or several."""

    def thump(rng: np.random.Generator, size: int) -> np.ndarray:
        times = _times(size)
        pitch = _log_uniform(rng, 40, 250) * (1 + rng.uniform(0, 3) * np.exp(-times / _log_uniform(rng, 0.01, 0.08)))
        return np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE) * np.exp(-times / _log_uniform(rng, 0.03, 0.4))

    def burst(rng: np.random.Generator, size: int) -> np.ndarray:
        low = _log_uniform(rng, 80, 4000)
        noise = _shaped_noise(rng, size, _bumps(rng, low, min(7900.0, low * rng.uniform(2, 20)), 3))
        noise *= np.exp(-_times(size) / _log_uniform(rng, 0.01, 0.25)) / max(1e-9, np.abs(noise).max())
        return noise

    total = np.zeros(samples)
    for _ in range(int(rng.integers(1, 4))):
        kind = thump if rng.random() < 0.4 else burst
        total += rng.uniform(0.3, 1) * _events(rng, samples, (0.1, 0.8), (0.1, 0.6), kind)
    return total


def noise(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Make noise of a colour or with resonances, steady or swelling: rain, wind, fans, hiss."""
    if rng.random() < 0.6:
        sound = coloured_noise(rng, samples, rng.uniform(-1.0, 2.5))
    else:
        low = _log_uniform(rng, 30, 2500)
        sound = _shaped_noise(rng, samples, _bumps(rng, low, min(7900.0, low * rng.uniform(1.5, 40)), 4))
    if rng.random() < 0.5:
        sound = sound * np.exp(_curve(rng, samples, _log_uniform(rng, 0.1, 2.0), -rng.uniform(0.5, 5), 0))
    return sound


def breaths(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Breathe in and out: noise with the resonances of an open tract that swells and dies away."""

    def breath(rng: np.random.Generator, size: int) -> np.ndarray:
        sound = np.zeros(size)
        drifts = int(rng.integers(1, 3))  # a breath out may sound otherwise at its end than at its start
        for part in range(drifts):
            gain = _bumps(rng, _log_uniform(rng, 100, 900), _log_uniform(rng, 2200, 7800), 6)
            ramp = np.linspace(1, 0, size) if part == 0 else np.linspace(0, 1, size)
            sound += _shaped_noise(rng, size, gain) * (ramp if drifts > 1 else 1)
        peak, sharp = rng.uniform(0.1, 0.9), rng.uniform(0.5, 3.0)
        places = np.linspace(0, 1, size)
        swell = np.where(places < peak, places / peak, (1 - places) / (1 - peak))
        sound *= swell**sharp * np.exp(_curve(rng, size, 0.08, -rng.uniform(0, 0.7), 0))
        sound /= max(1e-9, np.abs(sound).max())
        return sound

    return _events(rng, samples, (0.5, 3.0), (0.2, 1.8), breath)


def clicks(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Click, knock, clap, type: very short sounds with or without a room."""
    room = _log_uniform(rng, 0.002, 0.3)

    def click(rng: np.random.Generator, size: int) -> np.ndarray:
        band = _bumps(rng, _log_uniform(rng, 50, 2000), _log_uniform(rng, 2500, 7900), 4)
        sound = _shaped_noise(rng, size, band) * np.exp(-_times(size) / room)
        sound /= max(1e-9, np.abs(sound).max())
        sound[: max(1, int(rng.integers(1, 60)))] += rng.choice([-1, 1]) * rng.uniform(0.2, 2)
        return sound

    return _events(rng, samples, (0.06, 1.5), (0.05, 0.4), click)


def motor(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Run a machine: many harmonics of a low, slowly changing frequency, rough, with noise about them."""
    speed = _curve(rng, samples, _log_uniform(rng, 0.5, 5), 0, rng.uniform(0, 1))
    frequency = _log_uniform(rng, 15, 180) * np.exp(speed)
    sound = _oscillate(frequency, rng.uniform(0.05, 1, 40) * np.arange(1.0, 41.0) ** -rng.uniform(0, 1.5))
    sound /= max(1e-9, float(np.std(sound)))
    roughness = coloured_noise(rng, samples, rng.uniform(0, 2))
    return sound + rng.uniform(0, 1.5) * roughness / max(1e-9, float(np.std(roughness)))


FAMILIES: dict[str, Family] = {
    "tone": tone,
    "beeps": beeps,
    "sweep": sweep,
    "legato": legato,
    "melody": melody,
    "instruments": instruments,
    "bells": bells,
    "modulated": modulated,
    "drums": drums,
    "noise": noise,
    "breaths": breaths,
    "clicks": clicks,
    "motor": motor,
}
