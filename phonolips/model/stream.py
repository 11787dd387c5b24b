"""Sound to posteriors to lips, chunk by chunk, in bounded memory, with the same result as in one piece.

Each stage needs a fixed margin: log-mel 120 samples, the ears `reach_steps`, the decoder's convolutions
`reach_frames`; the decoder's cell carries its state. A chunk is computed with its true margins and
cropped, so where the cuts fall changes nothing but rounding.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from phonolips.model.speakers import LipSpeaker
from phonolips.speech.mel import LOOK_AHEAD_SAMPLES, LOOK_BACK_SAMPLES, log_mel_padded
from phonolips.timebase import (
    FRAME_SAMPLES,
    STEP_SAMPLES,
    STEPS_PER_FRAME,
    frames_to_samples,
    frames_to_steps,
    samples_to_frames,
    samples_to_steps,
)

if TYPE_CHECKING:
    from phonolips.model.network import Network


CHUNK_FRAMES = 250  # 10 s


class EncoderOutput(NamedTuple):
    """What crosses from ears or text to the lips: posteriors (steps, phones) and gestures (steps / 4, gestures)."""

    posteriors: np.ndarray
    lip_parameters: np.ndarray


def _rechunk(blocks: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Regroup arrays along the first axis into pieces of `size` rows; the last may be shorter."""
    held: list[np.ndarray] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        while count >= size:
            joined = np.concatenate(held)
            yield joined[:size]
            held, count = [joined[size:]], count - size
    if count:
        yield np.concatenate(held)


def _with_margins(chunks: Iterator[np.ndarray], back: int, ahead: int) -> Iterator[tuple[np.ndarray, int, int]]:
    """Yield (rows with margins, rows of look-back in it, own rows) for every chunk.

    The margins hold real neighbours; at the two ends of the whole they are simply shorter.
    """
    before: np.ndarray | None = None
    waiting: list[np.ndarray] = []

    def emit() -> tuple[np.ndarray, int, int]:
        nonlocal before
        own = waiting.pop(0)
        after = np.concatenate(waiting)[:ahead] if waiting else own[:0]
        past = own[:0] if before is None else before
        result = np.concatenate([past, own, after])
        joined = np.concatenate([past, own])
        before = joined[max(0, len(joined) - back) :]
        return result, len(past), len(own)

    for chunk in chunks:
        waiting.append(chunk)
        while len(waiting) > 1 and sum(map(len, waiting[1:])) >= ahead:
            yield emit()
    while waiting:
        yield emit()


def _whole_frames(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Pad the end of the sound with zeros to a whole number of 40 ms frames."""
    total = 0
    for block in blocks:
        total += len(block)
        yield block
    if total % FRAME_SAMPLES:
        yield np.zeros(-total % FRAME_SAMPLES, np.float32)


@torch.inference_mode()
def encode(
    network: "Network", blocks: Iterator[np.ndarray], chunk_frames: int = CHUNK_FRAMES
) -> Iterator[EncoderOutput]:
    """Turn sound into posteriors and gestures.

    Args:
        network: for its ears.
        blocks: float32 (samples,) at 16 kHz, of any lengths.
        chunk_frames: 40 ms frames that are computed at once.

    Yields:
        posteriors float32 (steps, phones) and gestures float32 (frames, gestures), 4 steps a frame.
    """
    samples = _rechunk(_whole_frames(blocks), chunk_frames * FRAME_SAMPLES)
    mels = _mel_chunks(samples)
    beyond = frames_to_steps(network.lip_parameters.reach_frames)
    reach = network.audio_encoder.reach_steps + beyond
    for mel, back, own in _with_margins(mels, reach, reach):
        posteriors, hidden = network.audio_encoder.encode(torch.from_numpy(mel)[None])
        lip_parameters = network.lip_parameters.from_sound(hidden)
        frames = slice(back // STEPS_PER_FRAME, (back + own) // STEPS_PER_FRAME)
        yield EncoderOutput(posteriors[0, back : back + own].numpy(), lip_parameters[0, frames].numpy())


@torch.inference_mode()
def predict_lip_parameters(network: "Network", posteriors: np.ndarray, chunk_frames: int = CHUNK_FRAMES) -> np.ndarray:
    """Guess gestures float32 (frames, gestures) from posteriors float32 (steps, phones), 4 steps a frame."""
    reach = frames_to_steps(network.lip_parameters.reach_frames)
    chunks = _rechunk(iter([posteriors]), frames_to_steps(chunk_frames))
    parts = []
    for rows, back, own in _with_margins(chunks, reach, reach):
        frames = slice(back // STEPS_PER_FRAME, (back + own) // STEPS_PER_FRAME)
        parts.append(network.lip_parameters.from_posteriors(torch.from_numpy(rows)[None])[0, frames].numpy())
    return np.concatenate(parts)


def _mel_chunks(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for samples, back, own in _with_margins(chunks, STEP_SAMPLES, STEP_SAMPLES):
        padded = np.pad(samples, STEP_SAMPLES)
        first = STEP_SAMPLES + back - LOOK_BACK_SAMPLES
        yield log_mel_padded(padded[first : STEP_SAMPLES + back + own + LOOK_AHEAD_SAMPLES])


@torch.inference_mode()
def decode_lips(
    network: "Network",
    posteriors: np.ndarray,
    lip_parameters: np.ndarray,
    speaker: LipSpeaker,
    chunk_frames: int = CHUNK_FRAMES,
) -> Iterator[np.ndarray]:
    """Turn posteriors and gestures into lips.

    Args:
        network: for its bottleneck and decoder.
        posteriors: float32 (steps, phones), a multiple of 4 steps.
        gestures: float32 (steps / 4, gestures).
        speaker: whose manner and lip shape.
        chunk_frames: frames that are computed at once.

    Yields:
        lips float32 (frames, 40, 2) at 25 frames a second.
    """
    decoder = network.decoder
    shape = torch.from_numpy(np.asarray(speaker.mean_lip, np.float32))
    embedding = torch.from_numpy(np.asarray(speaker.embedding, np.float32))[None]
    state = decoder.start(1)
    frames = len(lip_parameters)
    for first in range(0, frames, chunk_frames):
        last = min(first + chunk_frames, frames)
        start, stop = max(0, first - decoder.back_frames), min(frames, last + decoder.ahead_frames)
        rows = torch.from_numpy(posteriors[frames_to_steps(start) : frames_to_steps(stop)])[None]
        moves = torch.from_numpy(lip_parameters[start:stop])[None]
        context = decoder.context(network.bottleneck(rows), embedding, moves)
        outputs, state = decoder(context[:, first - start : last - start], state)
        yield network.coefficients_to_lips(speaker.move(outputs[0]), shape).numpy()


def encode_clips(waveforms: Sequence[np.ndarray], network: "Network") -> Iterator[tuple[int, np.ndarray]]:
    """Listen to short clips, those of one length together, which is faster than one by one.

    Args:
        waveforms: float32 (samples,), 16 kHz.
        network: its ears listen.

    Yields:
        the place in `waveforms` and posteriors float32 (steps, phones), as many steps as cover the clip.
    """
    import torch

    from phonolips.speech.mel import log_mel

    by_length: dict[int, list[int]] = {}
    for place, waveform in enumerate(waveforms):
        by_length.setdefault(frames_to_samples(samples_to_frames(len(waveform))), []).append(place)
    for samples, places in by_length.items():
        mel = np.stack([log_mel(np.pad(waveforms[place], (0, samples - len(waveforms[place])))) for place in places])
        with torch.inference_mode():
            posteriors = network.audio_encoder.posteriors(torch.from_numpy(mel)).numpy()
        for place, rows in zip(places, posteriors, strict=True):
            yield place, rows[: samples_to_steps(len(waveforms[place]))]
