"""Sound to posteriors to lips, chunk by chunk, in bounded memory, with the same result as in one piece.

Each stage needs a fixed margin: log-mel 120 samples, the encoder `reach_steps`, the lip-parameter heads and voice
activity `reach_frames`, what is made of the latter `activity.REACH_FRAMES`, the decoder's context `back_frames` and
`ahead_frames`; the decoder's cell carries its state. A chunk is computed with its true margins and cropped, so where
the cuts fall changes nothing but rounding.

Whatever calls a network goes through these functions.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.model.activity import REACH_FRAMES, rest_where_silent, speech_weights
from phonolips.model.speakers import LipSpeaker
from phonolips.model.stages import EncoderOutput, VoiceActivity
from phonolips.moved import old_names
from phonolips.phones.inventory import SILENCE_ID
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.speech.mel import FLOOR, LOOK_AHEAD_SAMPLES, LOOK_BACK_SAMPLES, log_mel, log_mel_padded
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


class Chunk(NamedTuple):
    """Rows that are computed at once: `own` rows after `back` rows of margin, then more margin."""

    rows: np.ndarray
    back: int
    own: int


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


def _with_margins(pieces: Iterator[np.ndarray], back: int, ahead: int) -> Iterator[Chunk]:
    """Add up to `back` rows before and `ahead` rows after each piece.

    The margins hold real neighbours; at the two ends of the whole they are simply shorter.
    """
    past: np.ndarray | None = None  # the rows before the first one that waits
    waiting: list[np.ndarray] = []  # pieces, the first of which comes next

    def next_chunk() -> Chunk:
        nonlocal past
        own = waiting.pop(0)
        before = own[:0] if past is None else past
        after = np.concatenate(waiting)[:ahead] if waiting else own[:0]
        so_far = np.concatenate([before, own])
        past = so_far[max(0, len(so_far) - back) :]
        return Chunk(np.concatenate([before, own, after]), len(before), len(own))

    for piece in pieces:
        waiting.append(piece)
        while len(waiting) > 1 and sum(map(len, waiting[1:])) >= ahead:
            yield next_chunk()
    while waiting:
        yield next_chunk()


def _own_steps(chunk: Chunk) -> slice:
    """Return where a chunk's own steps lie in it."""
    return slice(chunk.back, chunk.back + chunk.own)


def _own_frames(chunk: Chunk) -> slice:
    """Return where the own frames of a chunk of steps lie in it."""
    return slice(chunk.back // STEPS_PER_FRAME, (chunk.back + chunk.own) // STEPS_PER_FRAME)


def _whole_frames(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Pad the end of the sound with zeros to a whole number of 40 ms frames."""
    total = 0
    for block in blocks:
        total += len(block)
        yield block
    if total % FRAME_SAMPLES:
        yield np.zeros(-total % FRAME_SAMPLES, np.float32)


def _mel_chunks(pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Compute log-mel float32 (steps, mels) of pieces of sound, each a whole number of steps."""
    for samples, back, own in _with_margins(pieces, STEP_SAMPLES, STEP_SAMPLES):
        padded = np.pad(samples, STEP_SAMPLES)
        first = STEP_SAMPLES + back - LOOK_BACK_SAMPLES
        yield log_mel_padded(padded[first : STEP_SAMPLES + back + own + LOOK_AHEAD_SAMPLES])


def encode(
    network: "Network",
    blocks: Iterator[np.ndarray],
    chunk_frames: int = CHUNK_FRAMES,
    *,
    voice_activity: bool = True,
) -> Iterator[EncoderOutput]:
    """Encode sound of any length.

    Args:
        network: for its encoder, and its voice activity if it has one.
        blocks: float32 (samples,) at 16 kHz, of any lengths.
        chunk_frames: 40 ms frames that are computed at once.
        voice_activity: let sound that is not speech become silence and rest; False = the encoder's own output.

    Yields:
        encoder output of one chunk after the other; the last frame is completed with silence.
    """
    samples = _rechunk(_whole_frames(blocks), chunk_frames * FRAME_SAMPLES)
    decides = voice_activity and network.voice_activity is not None
    rest = rest_lip_parameters(network) if decides else None
    reach = reach_steps(network, voice_activity=decides)
    for chunk in _with_margins(_mel_chunks(samples), reach, reach):
        posteriors, lip_parameters = encode_mel(network, chunk.rows)
        if network.voice_activity is not None and rest is not None:
            weights = speech_weights(_speech_logits(network.voice_activity, chunk.rows), posteriors)
            posteriors, lip_parameters = rest_where_silent(posteriors, lip_parameters, weights, rest)
        yield EncoderOutput(posteriors[_own_steps(chunk)], lip_parameters[_own_frames(chunk)])


def _speech_logits(voice_activity: VoiceActivity, mel: np.ndarray) -> np.ndarray:
    """Compute log odds of speech float32 (frames,) of log-mel (4 * frames, mels), as if it stood in silence.

    Zeros, with which a convolution fills up, stand for the mean of speech; a short sound would drown in that. Where a
    chunk does not end with the sound, this reaches into its margin only.
    """
    reach = voice_activity.reach_frames
    steps = frames_to_steps(reach)
    padded = np.pad(mel, ((steps, steps), (0, 0)), constant_values=np.float32(np.log(FLOOR)))
    return np.asarray(voice_activity.log_odds(padded[None])[0, reach:-reach])


def reach_steps(network: "Network", *, voice_activity: bool = True) -> int:
    """Count the steps to each side of a frame that its encoder output depends on, with or without voice activity."""
    encoder = network.audio_encoder.reach_steps
    reach = encoder + frames_to_steps(network.lip_parameters.reach_frames)
    if not voice_activity or network.voice_activity is None:
        return reach
    decided = max(encoder, frames_to_steps(network.voice_activity.reach_frames))
    return max(reach, decided + frames_to_steps(REACH_FRAMES))


def rest_lip_parameters(network: "Network") -> np.ndarray:
    """Return the lip parameters float32 (parameters,) of a mouth at rest: in the middle of a long silence."""
    frames = 2 * network.lip_parameters.reach_frames + 1
    silence = labels_to_posteriors(np.full(frames_to_steps(frames), SILENCE_ID))
    rest: np.ndarray = predict_lip_parameters(network, silence)[frames // 2]
    return rest


def encode_mel(network: "Network", mel: np.ndarray) -> EncoderOutput:
    """Encode a whole log-mel at once, as a prepared clip has it: (steps, mels), steps a multiple of 4, any float."""
    encoded = network.audio_encoder.encode(np.asarray(mel, np.float32)[None])
    return EncoderOutput(encoded.posteriors[0], encoded.lip_parameters[0])


def encode_clips(waveforms: Sequence[np.ndarray], network: "Network") -> Iterator[tuple[int, np.ndarray]]:
    """Compute the posteriors of short clips, those of one length together, which is faster than one by one.

    Args:
        waveforms: float32 (samples,), 16 kHz.
        network: for its encoder.

    Yields:
        the index in `waveforms`, and posteriors float32 (steps, phones), as many steps as cover the clip.
    """
    by_length: dict[int, list[int]] = {}
    for index, waveform in enumerate(waveforms):
        by_length.setdefault(frames_to_samples(samples_to_frames(len(waveform))), []).append(index)
    for samples, indices in by_length.items():
        mel = np.stack([log_mel(np.pad(waveforms[index], (0, samples - len(waveforms[index])))) for index in indices])
        for index, rows in zip(indices, network.audio_encoder.encode(mel).posteriors, strict=True):
            yield index, rows[: samples_to_steps(len(waveforms[index]))]


def predict_lip_parameters(network: "Network", posteriors: np.ndarray, chunk_frames: int = CHUNK_FRAMES) -> np.ndarray:
    """Predict lip parameters where there is no sound to encode them from.

    Args:
        network: for its lip-parameter head on posteriors.
        posteriors: float32 (steps, phones), a multiple of 4 steps.
        chunk_frames: frames that are computed at once.

    Returns:
        float32 (steps / 4, parameters).
    """
    reach = frames_to_steps(network.lip_parameters.reach_frames)
    pieces = _rechunk(iter([posteriors]), frames_to_steps(chunk_frames))
    return np.concatenate(
        [
            network.lip_parameters.predict(chunk.rows[None])[0, _own_frames(chunk)]
            for chunk in _with_margins(pieces, reach, reach)
        ]
    )


def decode_lips(
    network: "Network",
    posteriors: np.ndarray,
    lip_parameters: np.ndarray,
    speaker: LipSpeaker,
    chunk_frames: int = CHUNK_FRAMES,
) -> Iterator[np.ndarray]:
    """Decode posteriors and lip parameters to a speaker's lips.

    Args:
        network: for its bottleneck and decoder.
        posteriors: float32 (steps, phones), a multiple of 4 steps.
        lip_parameters: float32 (steps / 4, parameters).
        speaker: whose style and lip shape.
        chunk_frames: frames that are computed at once.

    Yields:
        lips float32 (frames, 40, 2), mouth space, at 25 frames a second.
    """
    decoder = network.decoder
    mean_lip = np.asarray(speaker.mean_lip, np.float32)
    embedding = np.asarray(speaker.embedding, np.float32)[None]
    state = decoder.start()
    frames = len(lip_parameters)
    for first in range(0, frames, chunk_frames):
        last = min(first + chunk_frames, frames)
        start, stop = max(0, first - decoder.back_frames), min(frames, last + decoder.ahead_frames)
        around = posteriors[frames_to_steps(start) : frames_to_steps(stop)][None]
        own = slice(first - start, last - start)
        outputs, state = decoder.decode(around, lip_parameters[start:stop][None], embedding, state, own)
        yield network.outputs_to_lips(_personal(outputs[0], speaker), mean_lip)


def _personal(outputs: np.ndarray, speaker: LipSpeaker) -> np.ndarray:
    """Apply a speaker's gain and mixing to what the decoder makes for their embedding, (frames, outputs)."""
    if speaker.mixing is None:
        return outputs * np.float32(speaker.gain)
    return outputs * np.float32(speaker.gain) + outputs @ np.asarray(speaker.mixing, np.float32)


def decode_batch(
    network: "Network", posteriors: np.ndarray, embedding: np.ndarray, lip_parameters: np.ndarray
) -> np.ndarray:
    """Decode many short utterances at once.

    Args:
        network: for its bottleneck and decoder.
        posteriors: float32 (batch, steps, phones), a multiple of 4 steps; rows of padding are zero.
        embedding: float32 (batch, dim), of the speakers.
        lip_parameters: float32 (batch, steps / 4, parameters); zero in padding.

    Returns:
        float32 (batch, frames, outputs): what stands for the lips, before gain and mixing.
    """
    start = network.decoder.start(len(posteriors))
    return network.decoder.decode(posteriors, lip_parameters, embedding, start)[0]


if not TYPE_CHECKING:
    __getattr__ = old_names("model.stream", "model.stream")
