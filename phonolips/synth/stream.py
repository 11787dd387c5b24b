"""Lips while somebody speaks: push samples, get frames.

    stream = phonolips.Stream(speaker="s1", sample_rate=48_000)
    for samples in microphone:         # any number of samples, at the microphone's rate
        frames = stream.push(samples)  # those that can be known by now
        show(frames.times, frames.lips)
    show(*stream.close()[:2])          # the rest

`from_audio` is this stream, pushed to its end, with a longer look ahead where that makes a difference.
"""

import math
from typing import TYPE_CHECKING, NamedTuple, Unpack

import numpy as np

from phonolips.checks import check_number, shown
from phonolips.errors import InputError
from phonolips.lips.articulation import articulate
from phonolips.lips.closures import closing_beliefs
from phonolips.lips.liveliness import EXAGGERATION_REACH_FRAMES
from phonolips.lips.rest import REST_REACH_FRAMES, REST_REACH_STEPS, SHUT, rest_by
from phonolips.lips.shapes import close_lips
from phonolips.media.audio import Resampler, check_block, check_sample_rate
from phonolips.model.anticipation import AnticipateStage
from phonolips.model.motion import (
    NO_LIPS,
    ClosureStage,
    ExaggerateStage,
    QuickClosureStage,
    ResampleStage,
    RestStage,
)
from phonolips.model.speakers import LipSpeaker
from phonolips.model.stream import CHUNK_FRAMES, DecodeStage, PredictStage, SoundStage, looks_ahead_seconds, pieces_of
from phonolips.model.window import InStep
from phonolips.phones.intervals import Interval
from phonolips.phones.live import LivePhones, PhoneTier
from phonolips.phones.posteriors import check_posteriors
from phonolips.synth.arguments import LipOptions, check_made, choose_movement, choose_rest, load_checked, with_shape
from phonolips.timebase import (
    MODEL_FPS,
    SAMPLE_RATE,
    STEPS_PER_FRAME,
    frames_to_samples,
    frames_to_steps,
    samples_to_seconds,
    seconds_to_steps,
    steps_to_seconds,
)

if TYPE_CHECKING:
    from phonolips.model.network import Network

LIVE_AHEAD_FRAMES = 2  # of exaggeration; costs 2 % of the lips' spread (docs/streaming.md), and six frames less delay
LOW_DELAY_SECONDS = 0.5  # networks that look less far ahead are made for that; those for whole files look 2 s ahead
WITH_LIPS = -1  # a lag of phones: as long as the lips take anyway
MOST_LAG_SECONDS = 60.0  # of phones; what is held grows with it


class Part(NamedTuple):
    """What a piece of sound brings to light: lips, the posteriors and lip parameters they were made of, and phones.

    lips float32 (frames, 40, 2) at the wanted rate; posteriors float32 (4 * model frames, phones) and lip_parameters
    (model frames, parameters), in step with each other; labels int64 (steps,), the phones of the steps decided now.
    """

    lips: np.ndarray
    posteriors: np.ndarray
    lip_parameters: np.ndarray
    labels: np.ndarray


class SoundToLips:
    """All stages from sound at 16 kHz to lips, one after the other.

    Args:
        network: a loaded model.
        options: checked.
        phones_only: let nothing but phones through.
        voice_activity: rest where the sound is not speech.
        exaggeration_ahead_frames: how far exaggeration looks ahead.
        phone_lag_steps: how far the decision on a phone looks ahead; None = as far as it takes to be that of the whole,
            WITH_LIPS = as far as delays no lips.
        low_delay: let nothing wait for more than the encoder and the decoder look ahead.
    """

    def __init__(
        self,
        network: "Network",
        options: LipOptions,
        *,
        phones_only: bool,
        voice_activity: bool,
        exaggeration_ahead_frames: int = EXAGGERATION_REACH_FRAMES,
        phone_lag_steps: int | None = None,
        low_delay: bool = False,
    ) -> None:
        self.speaker = with_shape(network.lip_speaker(options.get("speaker")), options.get("mean_lip"))
        liveliness, self._gains = choose_movement(network, self.speaker, options)
        is_shut = choose_rest(options) == SHUT
        self._samples = self._steps = 0
        self._sound = SoundStage(network, voice_activity=voice_activity)
        self._predict = PredictStage(network) if phones_only else None
        self._anticipate = AnticipateStage() if is_shut and not low_delay else None
        self._decode = DecodeStage(network, self.speaker)
        self._exaggerate = ExaggerateStage(liveliness, exaggeration_ahead_frames)
        self._shut = close_lips(self.speaker.mean_lip)
        self._resample = ResampleStage(options.get("fps", MODEL_FPS))
        fps, ahead = float(self._resample.fps), self._lips_ahead_frames
        self._close = QuickClosureStage(fps, ahead / MODEL_FPS) if low_delay else ClosureStage(fps)
        self._lag = phone_lag_steps
        if phone_lag_steps == WITH_LIPS:
            self._lag = max(0, frames_to_steps(ahead) - (0 if low_delay else REST_REACH_STEPS))
        self._low_delay = low_delay
        self._phones = LivePhones(network.phone_ngram(), self._lag)
        self._labels_beliefs = InStep(1, 1)
        rest_ahead = min(REST_REACH_FRAMES, ahead) if low_delay else REST_REACH_FRAMES
        self._rest = RestStage(rest_ahead) if is_shut else None
        self._with_weights = InStep(1, 1)
        self._with_lips = InStep(1, STEPS_PER_FRAME, 1)
        self._with_closed = InStep(STEPS_PER_FRAME, 1, 1)
        self._made = self._ended = 0  # frames returned, and those of the model that have ended by then

    @property
    def fps(self) -> float:
        """Frames per second of the lips."""
        return float(self._resample.fps)

    @property
    def _lips_ahead_frames(self) -> int:
        """How many frames after a frame its lips need, when these are encoded."""
        stages = (self._predict, self._anticipate, self._decode, self._exaggerate)
        return sum(stage.ahead_frames for stage in stages if stage is not None)

    @property
    def delay_seconds(self) -> float:
        """How much sound after the end of a frame is needed for it."""
        if self._lag is None:
            return math.inf
        frames, lag = self._lips_ahead_frames, 0 if self._low_delay else self._lag
        if self._rest is not None:
            frames = max(frames, math.ceil(lag / STEPS_PER_FRAME) + self._rest.ahead_frames)
        lips = frames / MODEL_FPS + self._resample.ahead_seconds + self._close.ahead_frames / self.fps
        # Phones come by whole frames of the model, in whose middle a frame at another rate may end.
        phones = math.ceil((steps_to_seconds(lag) + self._close.phones_seconds) * MODEL_FPS - 1e-9) / MODEL_FPS
        late = 0.0 if self.fps == MODEL_FPS else 1 / MODEL_FPS
        return self._sound.ahead_seconds + max(lips, phones + late)

    def push(self, samples: np.ndarray, *, last: bool = False) -> Part:
        """Take the next samples, float32 (samples,) at 16 kHz; return what can be known by now, with `last` the rest.

        Raises:
            CheckpointError: the model makes NaN or infinity.
        """
        self._samples += len(samples)
        encoded = self._sound.push(samples, last=last)
        if len(encoded.posteriors):
            check_posteriors(check_made(encoded.posteriors, "encoder"))
        elif not last:
            return Part(NO_LIPS, *encoded, np.zeros(0, np.int64))
        self._steps += len(encoded.posteriors)
        labels = self._phones.push(encoded.posteriors, last=last)
        # with low delay rest and closures go by the likeliest phone of each step, which waits for nothing
        moving, beliefs = (
            (encoded.posteriors.argmax(1), closing_beliefs(encoded.posteriors))
            if self._low_delay
            else self._labels_beliefs.push(labels, closing_beliefs(encoded.posteriors))
        )
        if self._predict is not None:
            encoded = self._predict.push(encoded.posteriors, last=last)
        spoken = encoded if self._anticipate is None else self._anticipate.push(encoded, last=last)
        lips = check_made(self._decode.push(spoken, last=last), "decoder")
        lips = self._exaggerate.push(lips, last=last)
        lips = articulate(lips, self._gains, self._shut)
        if self._rest is not None:
            lips, weights = self._with_weights.push(lips, self._rest.push(moving, last=last))
            lips = rest_by(lips, weights, self._shut)
        lips, posteriors, lip_parameters = self._with_lips.push(lips, *encoded)
        seconds = min(steps_to_seconds(self._steps), samples_to_seconds(self._samples)) if last else None
        lips = self._close.push(self._resample.push(lips, seconds=seconds), moving, beliefs, last=last)
        self._made += len(lips)
        ended = self._steps // STEPS_PER_FRAME if last else int(self._made * MODEL_FPS / self._resample.fps)
        ticks, self._ended = np.zeros(ended - self._ended), ended
        posteriors, lip_parameters, _ = self._with_closed.push(posteriors, lip_parameters, ticks)
        return Part(lips, posteriors, lip_parameters, labels)


class Frames(NamedTuple):
    """What a push has brought to light, perhaps nothing; all those of a stream one after the other are the whole.

    times: float64 (frames,), seconds, the centres of the frames.
    lips: float32 (frames, 40, 2), mouth space, at the stream's `fps`.
    posteriors: float32 (steps, 40), rows sum to 1, 100 steps a second.
    lip_parameters: float32 (model frames, lip parameters), 25 a second.
    phones: those that have ended, with their times, silence included.
    """

    times: np.ndarray
    lips: np.ndarray
    posteriors: np.ndarray
    lip_parameters: np.ndarray
    phones: tuple[Interval, ...]


class Stream:
    """Turn speech into lips while it is spoken; memory does not grow.

    The frames are those of `from_audio`, wherever the sound is cut, but for two things that can do with less of what
    follows: exaggeration, and phones (docs/streaming.md has what that costs). A push of a short piece computes the
    margins around it once more, about 20 ms for 40 ms of sound, so longer pieces cost less.

    Args:
        sample_rate: of the sound that is pushed.
        phones_only: let nothing but phones through: lip parameters are predicted from them instead of from the sound.
        voice_activity: rest where the sound is not speech; False = move with all of it.
        exaggeration_ahead_frames: 0 to 8, of 40 ms, how far the exaggeration of movements looks ahead; None = 2, or 0
            with low delay.
        phone_lag_seconds: how far the decision on a phone looks ahead, on which rest and closures wait; None = as far
            as delays no lips, 0.36 s with the default model, and 0.48 s where the mouth rests shut. With low delay
            neither waits for it.
        low_delay: let nothing wait for more than the networks themselves look ahead: closures begin before the phone
            is known to its end, and a mouth at rest opens a little later; None = with networks that look ahead for
            less than 0.5 s, such as the model `low-delay`.
        options: see `LipOptions`; emphasis needs words, which are not known here.

    Raises:
        InputError: sample_rate, speaker, fps, mean_lip, emphasis or another option not as described.
    """

    def __init__(
        self,
        *,
        sample_rate: int = SAMPLE_RATE,
        phones_only: bool = False,
        voice_activity: bool = True,
        exaggeration_ahead_frames: int | None = None,
        phone_lag_seconds: float | None = None,
        low_delay: bool | None = None,
        **options: Unpack[LipOptions],
    ) -> None:
        self._resampler = Resampler(check_sample_rate(sample_rate))
        ahead, most = exaggeration_ahead_frames, EXAGGERATION_REACH_FRAMES
        if ahead is not None and (not isinstance(ahead, int) or not 0 <= ahead <= most):
            raise InputError(f"exaggeration_ahead_frames {shown(ahead)}; expected a whole number from 0 to {most}")
        lag_steps = WITH_LIPS
        if phone_lag_seconds is not None:
            expected = f"seconds from 0 to {MOST_LAG_SECONDS:.0f}, or None"
            lag = check_number(phone_lag_seconds, "phone_lag_seconds", expected, 0, MOST_LAG_SECONDS)
            lag_steps = seconds_to_steps(lag)
        network = load_checked(options)
        if low_delay is None:
            low_delay = looks_ahead_seconds(network) < LOW_DELAY_SECONDS
        if ahead is None:
            ahead = 0 if low_delay else LIVE_AHEAD_FRAMES
        if options.get("emphasis"):
            raise InputError("emphasis in a stream, where no words are known; expected none: use `from_alignment`")
        self._stages = SoundToLips(
            network,
            options,
            phones_only=phones_only,
            voice_activity=voice_activity,
            exaggeration_ahead_frames=ahead,
            phone_lag_steps=lag_steps,
            low_delay=low_delay,
        )
        self._phones = PhoneTier()
        self._frames = 0
        self._is_closed = False

    @property
    def fps(self) -> float:
        """Frames per second of the lips."""
        return self._stages.fps

    @property
    def speaker(self) -> LipSpeaker:
        """Whose lips they are; painters and exporters that cannot wait for the whole start from their `mean_lip`."""
        return self._stages.speaker

    @property
    def delay_seconds(self) -> float:
        """How late frames are: one is returned once so much sound after its end has been pushed, if not before."""
        return self._resampler.behind_seconds + self._stages.delay_seconds

    def push(self, samples: np.ndarray) -> Frames:
        """Take the next samples; return the frames that can be known by now.

        Args:
            samples: float (samples,) in [-1, 1], at the stream's sample rate; any number of them, none included.

        Raises:
            InputError: not one-dimensional, integers, or not finite (the stream then goes on without them); or the
                stream is closed.
        """
        self._check_open()
        return self._made(self._resampler.push(check_block(samples, "samples")))

    def close(self) -> Frames:
        """End the sound; return the rest of the frames, none where nothing was pushed.

        Raises:
            InputError: the stream is closed already.
        """
        self._check_open()
        self._is_closed = True
        return self._made(self._resampler.push(np.zeros(0, np.float32), last=True), last=True)

    def _check_open(self) -> None:
        if self._is_closed:
            raise InputError("the stream is closed; expected an open one: make another Stream for another sound")

    def _made(self, samples: np.ndarray, *, last: bool = False) -> Frames:
        """Push samples at 16 kHz through the stages, a long row of them piece by piece."""
        pieces = list(pieces_of([samples], frames_to_samples(CHUNK_FRAMES))) or [(samples, True)]
        parts = [self._stages.push(piece, last=last and is_last) for piece, is_last in pieces]
        lips, posteriors, lip_parameters, labels = (
            np.concatenate(kind) if len(kind) > 1 else kind[0] for kind in zip(*parts, strict=True)
        )
        times = (np.arange(self._frames, self._frames + len(lips)) + 0.5) / self.fps
        self._frames += len(lips)
        return Frames(times, lips, posteriors, lip_parameters, self._phones.push(labels, last=last))
