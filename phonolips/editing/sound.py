"""The sound of an edited clip: the recorded one where it is kept, new words from elsewhere, crossfaded.

It is made twice: at the model's rate for what is drawn and measured, and as the recording has it, at its own rate and
with all its channels, for what is listened to.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.editing.timeline import Cut
from phonolips.media.audio import read_mono, resample
from phonolips.media.wav import new_wav
from phonolips.timebase import SAMPLE_RATE, seconds_to_samples

if TYPE_CHECKING:
    from phonolips.phones.intervals import Alignment

CROSSFADE_SECONDS = 0.02
BLOCK_SAMPLES = 1 << 18  # of each channel, converted and written at once
MOST_GAIN = 10.0  # up or down, to make a voice as loud as the recording


class Voice(NamedTuple):
    """Somebody, or something, saying the whole new sentence: float32 (samples,) at 16 kHz, and its words and phones.

    `recording` is the file that it was read from, if any, which may hold more than these samples do.
    """

    waveform: np.ndarray
    alignment: "Alignment"
    recording: Path | None = None

    def at_rate(self, rate: int) -> np.ndarray:
        """Return the sound at another rate, float32 (samples,)."""
        if rate != SAMPLE_RATE and self.recording is not None:
            return read_mono(self.recording, rate)
        return resample(self.waveform, SAMPLE_RATE, rate)


class Piece(NamedTuple):
    """Samples `start` up to but not including `end` of a sound, from sample `source` on of `waveform`.

    `waveform` is float (samples,) or (samples, channels).
    """

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


def crossfade(pieces: Sequence[Piece], samples: int, *, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Lay pieces end to end, fading from one to the next over 20 ms by raised cosines that add up to 1.

    Args:
        pieces: in order, without gaps; beyond the ends of their waveforms there is silence.
        samples: how many are wanted.
        rate: samples per second.

    Returns:
        float32 (samples,), or (samples, channels) as the pieces are; beyond the fades every sample is one of a piece.
    """
    half = round(CROSSFADE_SECONDS * rate) // 2
    channels = pieces[0].waveform.shape[1:] if pieces else ()
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(2 * half) + 0.5) / (2 * half))
    ramp = ramp.reshape(-1, *(1 for _ in channels))
    result = np.zeros((samples + 2 * half, *channels))
    for index, piece in enumerate(pieces):
        length, first = piece.end - piece.start + 2 * half, piece.source - half
        low, high = max(first, 0), min(first + length, len(piece.waveform))
        part = np.zeros((length, *channels))
        if low < high:
            part[low - first : high - first] = piece.waveform[low:high]
        if index:
            part[: 2 * half] *= ramp
        if index + 1 < len(pieces):
            part[-2 * half :] *= ramp[::-1]
        result[piece.start : piece.start + length] += part
    return result[half : half + samples].astype(np.float32)


class SoundPlan(NamedTuple):
    """How an edited clip's sound is put together.

    Args:
        cuts: from the timeline.
        voice: who says the new words; None = they are silent.
        voice_starts: where in the voice's sound the new words of each cut begin, seconds.
        gain: factor on the voice, to be as loud as the recording.
        seconds: how long the result is.
    """

    cuts: Sequence[Cut]
    voice: Voice | None
    voice_starts: Sequence[float]
    gain: float
    seconds: float

    def join(self, recorded: np.ndarray, rate: int = SAMPLE_RATE) -> np.ndarray:
        """Join the kept parts of a recorded sound and the new words, on all channels alike.

        Args:
            recorded: float32 (samples,) or (samples, channels) at `rate`.
            rate: samples per second.

        Returns:
            float32, of as many channels at the same rate.
        """
        new_words = np.zeros(0, np.float32)
        if self.voice is not None:
            new_words = self.voice.at_rate(rate) * np.float32(self.gain)
        if recorded.ndim == 2:
            new_words = np.repeat(new_words[:, None], recorded.shape[1], axis=1)

        def sample(seconds: float) -> int:
            return round(seconds * rate)

        samples = sample(self.seconds)
        pieces: list[Piece] = []
        at, source = 0, 0
        for cut, voice_start in zip(self.cuts, self.voice_starts, strict=True):
            start, end = sample(cut.new_start), sample(cut.new_end)
            if start > at:
                pieces.append(Piece(at, start, recorded, source))
            if end > start:
                pieces.append(Piece(start, end, new_words, sample(voice_start)))
            at, source = max(end, start), sample(cut.old_end)
        if samples > at:
            pieces.append(Piece(at, samples, recorded, source))
        return crossfade(pieces, samples, rate=rate)


def plan_sound(
    recorded: np.ndarray,
    recorded_alignment: "Alignment",
    cuts: Sequence[Cut],
    voice: Voice | None,
    voice_starts: Sequence[float],
    seconds: float,
) -> SoundPlan:
    """Plan the sound of an edited clip.

    Args:
        recorded: float32 (samples,) at 16 kHz.
        recorded_alignment: when its words are said, to compare the loudness.
        cuts, voice, voice_starts, seconds: as for `SoundPlan`.
    """
    gain = 1.0
    if voice is not None:
        level, wanted = speech_level(voice.waveform, voice.alignment), speech_level(recorded, recorded_alignment)
        gain = float(np.clip(wanted / level, 1 / MOST_GAIN, MOST_GAIN)) if level > 0 and wanted > 0 else 1.0
    return SoundPlan(cuts, voice, voice_starts, gain, seconds)


# Seven parameters: those of `plan_sound`, whose plan is carried out at once.
def join_sound(
    recorded: np.ndarray,
    recorded_alignment: "Alignment",
    cuts: Sequence[Cut],
    voice: Voice | None,
    voice_starts: Sequence[float],
    seconds: float,
) -> np.ndarray:
    """Join the kept parts of a recorded sound and the new words, float32 (samples,) at 16 kHz; see `plan_sound`."""
    plan = plan_sound(recorded, recorded_alignment, cuts, voice, voice_starts, seconds)
    joined: np.ndarray = np.clip(plan.join(recorded), -1, 1)
    return joined


def write_exact(path: Path, sound: np.ndarray, rate: int, recorded: np.ndarray) -> None:
    """Write a WAV whose samples are to the bit those of a recording, where they are taken from it.

    Its samples have 16 or 24 bits if all of the recorded ones have no more, else it holds floats.

    Args:
        path: the file.
        sound: float32 (samples, channels).
        rate: samples per second.
        recorded: float32 (samples, channels), the recording that the sound is made of.
    """
    for bits, kind in ((16, np.int16), (24, np.int32)):
        full = np.float32(1 << (bits - 1))
        if all(_is_whole(part * full, full) for part in _in_blocks(recorded)):
            unused = np.iinfo(kind).bits - bits  # soundfile takes 24 bits as the upper ones of 32
            with new_wav(path, rate, sound.shape[1], f"PCM_{bits}") as file:
                for part in _in_blocks(sound):
                    whole = np.clip(np.rint(part.astype(np.float64) * full), -full, full - 1)
                    file.write((whole.astype(np.int32) << unused).astype(kind))
            return
    with new_wav(path, rate, sound.shape[1], "FLOAT") as file:
        for part in _in_blocks(sound):
            file.write(part)


def _in_blocks(sound: np.ndarray) -> Iterator[np.ndarray]:
    return (sound[first : first + BLOCK_SAMPLES] for first in range(0, len(sound), BLOCK_SAMPLES))


def _is_whole(scaled: np.ndarray, full: np.float32) -> bool:
    return bool((np.rint(scaled) == scaled).all() and (scaled >= -full).all() and (scaled < full).all())
