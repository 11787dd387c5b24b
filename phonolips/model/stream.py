"""Sound to posteriors to lips, piece by piece, in bounded memory, with the same result as in one piece.

Each stage needs a fixed margin: log-mel 120 samples, the encoder its `reach`, the lip-parameter heads `back_frames`
and `ahead_frames`, voice activity `reach_frames`, what is made of it `activity.REACH_FRAMES`, the decoder's context
its own; the decoder's cell carries its state. A chunk is computed with its true margins and cropped, so where
the cuts fall changes nothing but rounding (`model.window`). No graph keeps anything: a short piece costs the margins
around it once more.

Whatever calls a network goes through these stages, or the functions that push a whole through them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from phonolips.lips.points import LIP_POINTS
from phonolips.model.activity import REACH_FRAMES, rest_where_silent, speech_weights
from phonolips.model.anticipation import AnticipateStage
from phonolips.model.personal import PHONE_REACH_FRAMES, personal_outputs, phone_ahead_frames
from phonolips.model.speakers import LipSpeaker
from phonolips.model.stages import EncoderOutput, Reach, VoiceActivity
from phonolips.model.window import Chunk, Window
from phonolips.moved import old_names
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.speech.mel import FLOOR, LOOK_AHEAD_SAMPLES, LOOK_BACK_SAMPLES, NUM_MELS, log_mel, log_mel_padded
from phonolips.timebase import (
    FRAME_SAMPLES,
    MODEL_FPS,
    STEP_SAMPLES,
    STEPS_PER_FRAME,
    frames_to_samples,
    frames_to_steps,
    samples_to_frames,
    samples_to_seconds,
    samples_to_steps,
    steps_to_seconds,
)

if TYPE_CHECKING:
    from phonolips.model.network import Network


CHUNK_FRAMES = 250  # 10 s


class MelStage:
    """Sound, float32 (samples,) at 16 kHz, to log-mel (steps, mels).

    The last frame of four steps is completed with silence. Looks 7.5 ms back and ahead.
    """

    ahead_samples = LOOK_AHEAD_SAMPLES

    def __init__(self) -> None:
        self._window = Window(STEP_SAMPLES, self.ahead_samples, STEP_SAMPLES)
        self._samples = 0

    def push(self, samples: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Take the next samples; return the log-mel of those that have what they need."""
        self._samples += len(samples)
        if last:
            samples = np.pad(samples, (0, -self._samples % FRAME_SAMPLES))
        rows, back, own = self._window.push(samples, last=last)
        if not own:
            return np.zeros((0, NUM_MELS), np.float32)
        padded = np.pad(rows, STEP_SAMPLES)
        first = STEP_SAMPLES + back - LOOK_BACK_SAMPLES
        return log_mel_padded(padded[first : STEP_SAMPLES + back + own + LOOK_AHEAD_SAMPLES])


class EncodeStage:
    """Log-mel to encoder output.

    Looks as far as `sound_reach` says.

    Args:
        network: for its encoder, and its voice activity if it has one.
        voice_activity: let sound that is not speech become silence and rest; False = the encoder's own output.
    """

    def __init__(self, network: "Network", *, voice_activity: bool = True) -> None:
        self._network = network
        self._voice_activity = network.voice_activity if voice_activity else None
        self._rest = rest_lip_parameters(network) if self._voice_activity is not None else np.zeros(0, np.float32)
        reach = sound_reach(network, voice_activity=voice_activity)
        self.ahead_steps = reach.ahead_steps
        self._window = Window(frames_to_steps(reach.back_frames), self.ahead_steps, STEPS_PER_FRAME)

    def push(self, mel: np.ndarray, *, last: bool = False) -> EncoderOutput:
        """Take the next steps; return the encoder output of those that have what they need."""
        chunk = self._window.push(mel, last=last)
        if not chunk.own:
            return no_output(self._network)
        rows = np.pad(chunk.rows, ((0, -len(chunk.rows) % STEPS_PER_FRAME), (0, 0)), mode="edge")  # beyond what is seen
        posteriors, lip_parameters = encode_mel(self._network, rows)
        if self._voice_activity is not None:
            weights = speech_weights(_speech_logits(self._voice_activity, rows), posteriors)
            posteriors, lip_parameters = rest_where_silent(posteriors, lip_parameters, weights, self._rest)
        return EncoderOutput(posteriors[_own_steps(chunk)], lip_parameters[_own_frames(chunk)])


class SoundStage:
    """Sound to encoder output: `MelStage`, then `EncodeStage`, whose arguments these are."""

    def __init__(self, network: "Network", *, voice_activity: bool = True) -> None:
        self._mel, self._encode = MelStage(), EncodeStage(network, voice_activity=voice_activity)
        self.ahead_seconds = samples_to_seconds(self._mel.ahead_samples) + steps_to_seconds(self._encode.ahead_steps)

    def push(self, samples: np.ndarray, *, last: bool = False) -> EncoderOutput:
        """Take the next samples; return the encoder output of those that have what they need."""
        return self._encode.push(self._mel.push(samples, last=last), last=last)


class PredictStage:
    """Posteriors to lip parameters, where there is no sound to encode them from.

    Looks as far as the network's predictor does.

    Args:
        network: for its lip-parameter head on posteriors.
    """

    def __init__(self, network: "Network") -> None:
        self._network = network
        self.ahead_frames = network.lip_parameters.ahead_frames
        back = frames_to_steps(network.lip_parameters.back_frames)
        self._window = Window(back, frames_to_steps(self.ahead_frames))

    def push(self, posteriors: np.ndarray, *, last: bool = False) -> EncoderOutput:
        """Take the next steps, a multiple of 4; return those that have what they need, with their lip parameters."""
        chunk = self._window.push(posteriors, last=last)
        if not chunk.own:
            return no_output(self._network)
        predicted = self._network.lip_parameters.predict(chunk.rows[None])[0]
        return EncoderOutput(chunk.rows[_own_steps(chunk)], predicted[_own_frames(chunk)])


class DecodeStage:
    """Posteriors and lip parameters to a speaker's lips, float32 (frames, 40, 2), at 25 frames a second.

    Looks `back_frames` of the network's decoder back, and carries its state; looks `ahead_frames` ahead.

    Args:
        network: for its bottleneck and decoder.
        speaker: whose style and lip shape.
    """

    def __init__(self, network: "Network", speaker: LipSpeaker) -> None:
        self._network, self._speaker = network, speaker
        self._mean_lip = np.asarray(speaker.mean_lip, np.float32)
        self._embedding = np.asarray(speaker.embedding, np.float32)[None]
        self._state = network.decoder.start()
        back, self.ahead_frames = max(network.decoder.back_frames, PHONE_REACH_FRAMES), network.decoder.ahead_frames
        self._phones_ahead_frames = phone_ahead_frames(self.ahead_frames)
        self._posteriors = Window(frames_to_steps(back), frames_to_steps(self.ahead_frames))
        self._lip_parameters = Window(back, self.ahead_frames)

    def push(self, part: EncoderOutput, *, last: bool = False) -> np.ndarray:
        """Take the next frames; return the lips of those that have what they need."""
        steps = self._posteriors.push(part.posteriors, last=last)
        frames = self._lip_parameters.push(part.lip_parameters, last=last)
        if not frames.own:
            return np.zeros((0, LIP_POINTS, 2), np.float32)
        own = slice(frames.back, frames.back + frames.own)
        outputs, self._state = self._network.decoder.decode(
            steps.rows[None], frames.rows[None], self._embedding, self._state, own
        )
        personal = personal_outputs(outputs[0], self._speaker, steps.rows, own, self._phones_ahead_frames)
        return self._network.outputs_to_lips(personal, self._mean_lip)


def _own_steps(chunk: Chunk) -> slice:
    """Return where a chunk's own steps lie in it."""
    return slice(chunk.back, chunk.back + chunk.own)


def _own_frames(chunk: Chunk) -> slice:
    """Return where the own frames of a chunk of steps lie in it."""
    return slice(chunk.back // STEPS_PER_FRAME, (chunk.back + chunk.own) // STEPS_PER_FRAME)


def no_output(network: "Network") -> EncoderOutput:
    """Return the encoder output of no frame at all."""
    names = len(network.lip_parameters.settings.names)
    return EncoderOutput(np.zeros((0, NUM_PHONES), np.float32), np.zeros((0, names), np.float32))


def pieces_of(blocks: Iterable[np.ndarray], size: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Regroup arrays along the first axis into pieces of `size` rows; yield each, and whether it is the last one.

    The last piece may be shorter; of no rows at all there is no piece.
    """
    before: np.ndarray | None = None
    for piece in _rechunk(blocks, size):
        if before is not None:
            yield before, False
        before = piece
    if before is not None:
        yield before, True


def _rechunk(blocks: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count < size:
            continue
        joined = np.concatenate(held) if len(held) > 1 else block
        whole = count - count % size
        yield from (joined[first : first + size] for first in range(0, whole, size))
        held, count = [joined[whole:].copy()], count - whole
    if count:
        yield np.concatenate(held)


def encode(
    network: "Network",
    blocks: Iterable[np.ndarray],
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
    stage = SoundStage(network, voice_activity=voice_activity)
    for samples, last in pieces_of(blocks, frames_to_samples(chunk_frames)):
        part = stage.push(samples, last=last)
        if len(part.posteriors):
            yield part


def _speech_logits(voice_activity: VoiceActivity, mel: np.ndarray) -> np.ndarray:
    """Compute log odds of speech float32 (frames,) of log-mel (4 * frames, mels), as if it stood in silence.

    Zeros, with which a convolution fills up, stand for the mean of speech; a short sound would drown in that. Where a
    chunk does not end with the sound, this reaches into its margin only.
    """
    reach = voice_activity.reach_frames
    steps = frames_to_steps(reach)
    padded = np.pad(mel, ((steps, steps), (0, 0)), constant_values=np.float32(np.log(FLOOR)))
    return np.asarray(voice_activity.log_odds(padded[None])[0, reach:-reach])


def sound_reach(network: "Network", *, voice_activity: bool = True) -> Reach:
    """Return how far a frame's encoder output looks to each side, with or without voice activity."""
    back, ahead = network.audio_encoder.reach
    moves = network.lip_parameters
    whole_back, whole_ahead = back + moves.back_frames, ahead + frames_to_steps(moves.ahead_frames)
    if voice_activity and network.voice_activity is not None:
        active = network.voice_activity.reach_frames
        whole_back = max(whole_back, max(back, active) + REACH_FRAMES)
        whole_ahead = max(whole_ahead, max(ahead, frames_to_steps(active)) + frames_to_steps(REACH_FRAMES))
    return Reach(whole_back, whole_ahead)


def looks_ahead_seconds(network: "Network") -> float:
    """Return how much sound after the end of a frame a network needs for its lips, voice activity included."""
    sound = samples_to_seconds(LOOK_AHEAD_SAMPLES) + steps_to_seconds(sound_reach(network).ahead_steps)
    return sound + network.decoder.ahead_frames / MODEL_FPS


def rest_lip_parameters(network: "Network") -> np.ndarray:
    """Return the lip parameters float32 (parameters,) of a mouth at rest: in the middle of a long silence."""
    back, ahead = network.lip_parameters.back_frames, network.lip_parameters.ahead_frames
    silence = labels_to_posteriors(np.full(frames_to_steps(back + 1 + ahead), SILENCE_ID))
    rest: np.ndarray = predict_lip_parameters(network, silence)[back]
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
    stage, size = PredictStage(network), frames_to_steps(chunk_frames)
    pieces = pieces_of([posteriors], size)
    return np.concatenate([stage.push(piece, last=last).lip_parameters for piece, last in pieces])


def decode_lips(
    network: "Network",
    posteriors: np.ndarray,
    lip_parameters: np.ndarray,
    speaker: LipSpeaker,
    chunk_frames: int = CHUNK_FRAMES,
    *,
    anticipates: bool = False,
) -> Iterator[np.ndarray]:
    """Decode posteriors and lip parameters to a speaker's lips.

    Args:
        network: for its bottleneck and decoder.
        posteriors: float32 (steps, phones), a multiple of 4 steps.
        lip_parameters: float32 (steps / 4, parameters).
        speaker: whose style and lip shape.
        chunk_frames: frames that are computed at once.
        anticipates: let silence fade into the speech that follows, see `model.anticipation`.

    Yields:
        lips float32 (frames, 40, 2), mouth space, at 25 frames a second.
    """
    anticipate = AnticipateStage() if anticipates else None
    stage, frames = DecodeStage(network, speaker), len(lip_parameters)
    for first in range(0, frames, chunk_frames):
        last = min(first + chunk_frames, frames)
        steps = slice(frames_to_steps(first), frames_to_steps(last))
        part = EncoderOutput(posteriors[steps], lip_parameters[first:last])
        if anticipate is not None:
            part = anticipate.push(part, last=last == frames)
        lips = stage.push(part, last=last == frames)
        if len(lips):
            yield lips


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
        float32 (batch, frames, outputs): what stands for the lips, before `model.personal`.
    """
    start = network.decoder.start(len(posteriors))
    return network.decoder.decode(posteriors, lip_parameters, embedding, start)[0]


if not TYPE_CHECKING:
    __getattr__ = old_names("model.stream", "model.stream")
