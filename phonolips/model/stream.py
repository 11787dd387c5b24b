"""Sound to posteriors to lips, chunk by chunk, in bounded memory, with the same result as in one piece.

Each stage needs a fixed margin: log-mel 120 samples, the ears `reach_steps`, the decoder's convolutions
`reach_frames`; the decoder's cell carries its state. A chunk is computed with its true margins and
cropped, so where the cuts fall changes nothing but rounding.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from phonolips.audio.features import LOOK_AHEAD_SAMPLES, LOOK_BACK_SAMPLES, log_mel_padded
from phonolips.timebase import FRAME_SAMPLES, STEP_SAMPLES, STEPS_PER_FRAME, frames_to_steps

if TYPE_CHECKING:
    from phonolips.model.network import Network

CHUNK_FRAMES = 250  # 10 s


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
def listen(network: "Network", blocks: Iterator[np.ndarray], chunk_frames: int = CHUNK_FRAMES) -> Iterator[np.ndarray]:
    """Turn sound into posteriors.

    Args:
        network: for its ears.
        blocks: float32 (samples,) at 16 kHz, of any lengths.
        chunk_frames: 40 ms frames that are computed at once.

    Yields:
        posteriors float32 (steps, phones); the total is a multiple of 4 steps.
    """
    samples = _rechunk(_whole_frames(blocks), chunk_frames * FRAME_SAMPLES)
    mels = _mel_chunks(samples)
    reach = network.audio_encoder.reach_steps
    for mel, back, own in _with_margins(mels, reach, reach):
        logits, _ = network.audio_encoder(torch.from_numpy(mel)[None])
        yield logits[0, back : back + own].softmax(-1).numpy()


def _mel_chunks(chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for samples, back, own in _with_margins(chunks, STEP_SAMPLES, STEP_SAMPLES):
        padded = np.pad(samples, STEP_SAMPLES)
        first = STEP_SAMPLES + back - LOOK_BACK_SAMPLES
        yield log_mel_padded(padded[first : STEP_SAMPLES + back + own + LOOK_AHEAD_SAMPLES])


@torch.inference_mode()
def speak(
    network: "Network",
    posteriors: Iterator[np.ndarray],
    speaker_row: int,
    mean_lip: np.ndarray,
    chunk_frames: int = CHUNK_FRAMES,
) -> Iterator[np.ndarray]:
    """Turn posteriors into lips.

    Args:
        network: for its bottleneck, speakers and decoder.
        posteriors: float32 (steps, phones), of any lengths, a multiple of 4 steps in total.
        speaker_row: row of the speaker table.
        mean_lip: float32 (40, 2), the lip shape to move.
        chunk_frames: frames that are computed at once.

    Yields:
        lips float32 (frames, 40, 2) at 25 frames a second.
    """
    decoder = network.decoder
    steps = _rechunk(posteriors, frames_to_steps(chunk_frames))
    reach = frames_to_steps(decoder.reach_frames)
    embedding = network.speakers(torch.tensor([speaker_row]))
    shape = torch.from_numpy(np.asarray(mean_lip, np.float32))
    state = decoder.start(1)
    for part, back, own in _with_margins(steps, reach, reach):
        context = decoder.context(network.bottleneck(torch.from_numpy(part)[None]), embedding)
        first, last = back // STEPS_PER_FRAME, (back + own) // STEPS_PER_FRAME
        coefficients, state = decoder(context[:, first:last], state)
        yield network.coefficients_to_lips(coefficients[0], shape).numpy()
