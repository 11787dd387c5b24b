"""The sound of an edited clip: the recorded one where it is kept, new words from elsewhere, crossfaded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.editing.timeline import Cut
from phonolips.timebase import SAMPLE_RATE, seconds_to_samples

if TYPE_CHECKING:
    from phonolips.phones.intervals import Alignment

CROSSFADE_SECONDS = 0.02
MOST_GAIN = 10.0  # up or down, to make a voice as loud as the recording


class Voice(NamedTuple):
    """Somebody, or something, saying the whole new sentence: float32 (samples,) at 16 kHz, and its words and phones."""

    waveform: np.ndarray
    alignment: "Alignment"


class Piece(NamedTuple):
    """Samples `start` up to but not including `end` of a sound, from sample `source` on of `waveform`."""

    start: int
    end: int
    waveform: np.ndarray
    source: int


def speech_level(waveform: np.ndarray, alignment: "Alignment") -> float:
    """Measure the root mean square of the samples within words; 0 where there are none."""
    parts = [
        waveform[seconds_to_samples(word.start) : seconds_to_samples(word.end)] for word in alignment.speech_words()
    ]
    samples = np.concatenate(parts) if parts else np.zeros(0)
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def crossfade(pieces: Sequence[Piece], samples: int) -> np.ndarray:
    """Lay pieces end to end, fading from one to the next over 20 ms by raised cosines that add up to 1.

    Args:
        pieces: in order, without gaps; beyond the ends of their waveforms there is silence.
        samples: how many are wanted.

    Returns:
        float32 (samples,).
    """
    half = seconds_to_samples(CROSSFADE_SECONDS) // 2
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(2 * half) + 0.5) / (2 * half))
    result = np.zeros(samples + 2 * half)
    for index, piece in enumerate(pieces):
        length = piece.end - piece.start + 2 * half
        wanted = np.arange(piece.source - half, piece.source - half + length)
        inside = (wanted >= 0) & (wanted < len(piece.waveform))
        part = np.zeros(length)
        part[inside] = piece.waveform[wanted[inside]]
        if index:
            part[: 2 * half] *= ramp
        if index + 1 < len(pieces):
            part[-2 * half :] *= ramp[::-1]
        result[piece.start : piece.start + length] += part
    return np.clip(result[half : half + samples], -1, 1).astype(np.float32)


def join_sound(
    recorded: np.ndarray,
    recorded_alignment: "Alignment",
    cuts: Sequence[Cut],
    voice: Voice | None,
    voice_starts: Sequence[float],
    seconds: float,
) -> np.ndarray:
    """Join the kept parts of a recorded sound and the new words.

    Args:
        recorded: float32 (samples,) at 16 kHz.
        recorded_alignment: when its words are said, to compare the loudness.
        cuts: from the timeline.
        voice: who says the new words; None = they are silent.
        voice_starts: where in the voice's sound the new words of each cut begin, seconds.
        seconds: how long the result is.

    Returns:
        float32 (samples,) at 16 kHz.
    """
    new_words = np.zeros(0, np.float32)
    if voice is not None:
        level, wanted = (
            speech_level(voice.waveform, voice.alignment),
            speech_level(recorded, recorded_alignment),
        )
        gain = np.clip(wanted / level, 1 / MOST_GAIN, MOST_GAIN) if level > 0 and wanted > 0 else 1.0
        new_words = voice.waveform * np.float32(gain)
    samples = round(seconds * SAMPLE_RATE)
    pieces: list[Piece] = []
    at, source = 0, 0
    for cut, voice_start in zip(cuts, voice_starts, strict=True):
        start, end = seconds_to_samples(cut.new_start), seconds_to_samples(cut.new_end)
        if start > at:
            pieces.append(Piece(at, start, recorded, source))
        if end > start:
            pieces.append(Piece(start, end, new_words, seconds_to_samples(voice_start)))
        at, source = max(end, start), seconds_to_samples(cut.old_end)
    if samples > at:
        pieces.append(Piece(at, samples, recorded, source))
    return crossfade(pieces, samples)
