"""The trained parts of a model: what each takes, what it returns, and how far it sees.

Every part is a graph (`model.graph`) with what its settings say about it. Arrays are NumPy's, (batch, time, channels).
What a row of an output depends on is a fixed stretch of input around it, so cutting a recording into chunks with that
much margin changes nothing; only the decoder carries a state from frame to frame.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from phonolips.checks import shown
from phonolips.errors import CheckpointError, InputError
from phonolips.lips.measures import LIP_PARAMETERS
from phonolips.lips.points import LIP_POINTS
from phonolips.model.graph import Graph, Port, Signature
from phonolips.model.settings import (
    AudioEncoderSettings,
    DecoderSettings,
    LipParameterSettings,
    LipsSettings,
    NetworkSettings,
    VoiceActivitySettings,
    check_odd,
)
from phonolips.phones.inventory import NUM_PHONES
from phonolips.speech.mel import NUM_MELS
from phonolips.timebase import STEPS_PER_FRAME, check_rate, exact_div, steps_to_seconds

# The encoder works at 20 ms, where edges are sharp, and at 40 ms, where context is cheap.
FINE_STEPS = 2  # steps per fine position
COARSE_FINES = 2  # fine positions per coarse position
STRIDE = FINE_STEPS * COARSE_FINES  # steps: the length of the input is a multiple of it
MOST_AHEAD = 1_000_000  # more than any layer wants
STEM_KERNEL = 6  # steps; two steps beyond the position's own two on each side
FINES_PER_FRAME = exact_div(STEPS_PER_FRAME, FINE_STEPS)
ACTIVITY_STEM_KERNEL = 2 * STEPS_PER_FRAME  # steps; the frame's own and half a frame more on each side

POSITION_FEATURES = 2  # of a phone: first of its word, last of its word
LONGEST_STEPS = 100.0  # one second; no spoken phone is longer

KINDS = ("recurrent", "convolution", "attention")
REPRESENTATIONS = ("pca", "heatmap", "displacement")
LIP_COORDINATES = 2 * LIP_POINTS  # x and y
HEATMAP_BINS = 32
HEATMAP_REACH = 4.0  # units of `Network.lip_scale` that a heatmap spans to each side of the mean lip
HEADS = 4  # of the attention

SOURCES = {"shape": 2 * LIP_POINTS, "voice": 2 * NUM_MELS}  # what a speaker's embedding can be made of -> its size


class EncoderOutput(NamedTuple):
    """What crosses from the encoder or the text to the lips.

    posteriors float32 (steps, phones), a multiple of 4 steps; lip_parameters float32 (steps / 4, parameters). In a
    batch, both have that axis before.
    """

    posteriors: np.ndarray
    lip_parameters: np.ndarray


class DecoderState(NamedTuple):
    """What the decoder carries from frame to frame: float32 hidden (batch, hidden), last output (batch, outputs)."""

    hidden: np.ndarray
    last: np.ndarray


class Reach(NamedTuple):
    """How far a frame's output looks to each side: frames before it, and steps of 10 ms after its end."""

    back_frames: int
    ahead_steps: int


def count_outputs(lips: LipsSettings) -> int:
    """Return how many numbers stand for one frame's lips."""
    return LIP_COORDINATES if lips.representation == "heatmap" else lips.components


def signatures(settings: NetworkSettings) -> dict[str, Signature]:
    """Return the signatures of a network's graphs by their names; a part that it does not have is left out."""
    names, outputs = len(settings.lip_parameters.names), count_outputs(settings.lips)
    posteriors = Port("posteriors", ("batch", "steps", NUM_PHONES))
    moves = (Port("lip_parameters", ("batch", "frames", names)),) if names else ()
    state = (Port("hidden", ("batch", settings.decoder.hidden)), Port("last", ("batch", outputs)))
    made = [
        Signature("encoder", (Port("mel", ("batch", "steps", NUM_MELS)),), (posteriors, *moves)),
        Signature(
            "durations",
            (
                Port("phones", ("batch", "phones"), "int64"),
                Port("position", ("batch", "phones", POSITION_FEATURES)),
                Port("speaker", ("batch",), "int64"),
            ),
            (Port("log_steps", ("batch", "phones")),),
        ),
        Signature(
            "decoder",
            (
                posteriors,
                *moves,
                Port("embedding", ("batch", settings.decoder.speaker)),
                *state,
                Port("first", (1,), "int64"),
                Port("stop", (1,), "int64"),
            ),
            (Port("outputs", ("batch", "own_frames", outputs)), *(Port(f"{p.name}_out", p.axes) for p in state)),
        ),
    ]
    if names:
        made.append(Signature("lip_parameters", (posteriors,), moves))
    if settings.voice_activity.dilations:
        mel = Port("mel", ("batch", "steps", NUM_MELS))
        made.append(Signature("voice_activity", (mel,), (Port("log_odds", ("batch", "frames")),)))
    if settings.speaker_from:
        given = tuple(Port(source, ("batch", SOURCES[source])) for source in settings.speaker_from)
        embedding = Port("embedding", ("batch", settings.decoder.speaker))
        made.append(Signature("speaker_encoder", given, (embedding,)))
    return {signature.name: signature for signature in made}


class AudioEncoder:
    """Log-mel to phone posteriors, and to lip parameters beside them.

    Args:
        graph: `encoder`.
        settings: of the encoder.
    """

    def __init__(self, graph: Graph, settings: AudioEncoderSettings) -> None:
        self.graph, self.settings = graph, settings

    @property
    def reach(self) -> Reach:
        """How far the posteriors of a frame's four steps look to each side (an upper bound)."""
        return encoder_reach(self.settings)

    def encode(self, mel: np.ndarray) -> EncoderOutput:
        """Encode log-mel float32 (batch, steps, mels), steps a multiple of 4; the output has the batch axis, too."""
        posteriors, *moves = self.graph.run(mel)
        frames = posteriors.shape[1] // STEPS_PER_FRAME
        return EncoderOutput(posteriors, moves[0] if moves else np.zeros((len(mel), frames, 0), np.float32))


class EncoderPadding(NamedTuple):
    """By how many positions each convolution of the encoder looks ahead: stem in steps, blocks on their own clocks."""

    stem: int
    fine: list[int]
    coarse: list[int]


def encoder_padding(settings: AudioEncoderSettings) -> EncoderPadding:
    """Return how far each convolution looks ahead.

    As far as it looks back, unless `look_ahead` says less: that is then spent from the sound on, since the first
    layers need what follows an edge to find it, and the last ones only see further into the word.
    """
    half = (settings.kernel - 1) // 2
    stem = exact_div(STEM_KERNEL - FINE_STEPS, 2)
    left = settings.look_ahead if settings.look_ahead >= 0 else MOST_AHEAD
    stem, left = min(stem, left), left - min(stem, left)
    fine, left = spend_ahead([half * dilation for dilation in settings.dilations], left, FINE_STEPS)
    coarse, _ = spend_ahead([half * dilation for dilation in settings.coarse_dilations], left, STRIDE)
    return EncoderPadding(stem, fine, coarse)


def spend_ahead(wanted: Sequence[int], left: int, unit: int) -> tuple[list[int], int]:
    """Give layers, one after the other, the positions ahead that they want, of `unit` each, while some are left.

    Returns:
        positions ahead of every layer, and what is left.
    """
    given = []
    for most in wanted:
        given.append(min(most, left // unit))
        left -= unit * given[-1]
    return given, left


def encoder_reach(settings: AudioEncoderSettings) -> Reach:
    """Return how far a frame looks to each side in an encoder of these sizes, an upper bound."""
    ahead, spread = encoder_padding(settings), settings.kernel - 1
    fine = ahead.stem + FINE_STEPS * sum(ahead.fine)
    all_fine = STEM_KERNEL - FINE_STEPS + FINE_STEPS * spread * sum(settings.dilations)
    coarse = sum(ahead.coarse)
    back = spread * sum(settings.coarse_dilations) - coarse + -(-(all_fine - fine) // STRIDE)
    steps = STRIDE * coarse + (fine if settings.look_ahead >= 0 else -(-fine // STRIDE) * STRIDE)
    return Reach(back, steps)


def check_lip_parameters(settings: LipParameterSettings) -> None:
    """Raise InputError for lip parameters that nobody knows, or named twice, and for kernels without a middle."""
    check_odd(settings.kernel, "lip_parameters.kernel")
    names = settings.names
    if any(name not in LIP_PARAMETERS for name in names) or len(set(names)) < len(names):
        known = ", ".join(LIP_PARAMETERS)
        raise InputError(f"lip_parameters.names are {shown(names)}; expected some of {known}, each once")


def lip_parameter_aheads(settings: LipParameterSettings) -> list[int]:
    """Return by how many frames each layer looks ahead; see `encoder_padding`."""
    left = settings.look_ahead if settings.look_ahead >= 0 else MOST_AHEAD
    return spend_ahead([(settings.kernel - 1) // 2] * settings.layers, left, 1)[0]


class LipParameterPredictor:
    """Posteriors to lip parameters, where there is no sound to encode them from.

    Args:
        graph: `lip_parameters`; None where the model has none.
        settings: names and sizes, which those of the encoder's head on sound are, too.
        scale: float32 (parameters,), mouth-space units per unit of lip parameter.
    """

    def __init__(self, graph: Graph | None, settings: LipParameterSettings, scale: np.ndarray) -> None:
        self.graph, self.settings, self.scale = graph, settings, scale

    @property
    def ahead_frames(self) -> int:
        """The number of frames after a frame that its lip parameters depend on."""
        return sum(lip_parameter_aheads(self.settings))

    @property
    def back_frames(self) -> int:
        """The number of frames before a frame that its lip parameters depend on."""
        return self.settings.layers * (self.settings.kernel - 1) - self.ahead_frames

    def predict(self, posteriors: np.ndarray) -> np.ndarray:
        """Predict float32 (batch, frames, parameters) from posteriors (batch, steps, phones), steps a multiple of 4."""
        if self.graph is None:
            return np.zeros((len(posteriors), posteriors.shape[1] // STEPS_PER_FRAME, 0), np.float32)
        return self.graph.run(posteriors)[0]


class DurationPredictor:
    """Phones in context to their expected durations.

    Args:
        graph: `durations`.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def predict(self, words: Sequence[Sequence[int]], speaker: int, rate: float = 1.0) -> list[np.ndarray]:
        """Predict the duration of every phone of every word; a pause is a word of the silence phone.

        Args:
            words: phone ids of each word.
            speaker: row of the speaker table.
            rate: 2.0 speaks twice as fast.

        Returns:
            float64 (phones,) for each word, seconds.

        Raises:
            InputError: rate is not between 0.1 and 10.
            CheckpointError: damaged weights.
        """
        check_rate(rate)
        phones, position = flatten_words(words)
        if not len(phones):
            return [np.zeros(0) for _ in words]
        (log_steps,) = self.graph.run(phones[None], position[None], np.array([speaker], np.int64))
        if not np.isfinite(log_steps).all():
            raise CheckpointError(
                "the model's durations are NaN or infinity; its weights are damaged: take another copy"
            )
        steps = np.clip(np.exp(log_steps[0]), 1.0, LONGEST_STEPS).astype(np.float64) / rate
        ends = np.cumsum([len(word) for word in words])[:-1]
        return [steps_to_seconds(part) for part in np.split(steps, ends)]


def flatten_words(words: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Lay words end to end.

    Returns:
        phone ids int64 (phones,), and position float32 (phones, 2): first of its word, last of its word.
    """
    phones = np.array([phone for word in words for phone in word], dtype=np.int64)
    position = np.array(
        [(i == 0, i == len(word) - 1) for word in words for i in range(len(word))], dtype=np.float32
    ).reshape(-1, POSITION_FEATURES)
    return phones, position


class LipDecoder:
    """Posteriors, lip parameters and a speaker's embedding to what stands for the lips, frame by frame.

    Its outputs are in units of `Network.lip_scale`, for `Network.outputs_to_lips`.

    Args:
        graph: `decoder`.
        settings: sizes and kind.
        lips: how lips are represented.

    Raises:
        InputError: an unknown kind or representation, or a look-ahead beyond what the context reaches.
    """

    def __init__(self, graph: Graph, settings: DecoderSettings, lips: LipsSettings) -> None:
        check_decoder(settings, lips)
        self.graph, self.settings, self.lips = graph, settings, lips
        self.outputs = count_outputs(lips)

    @property
    def back_frames(self) -> int:
        """The number of frames before a frame that its context depends on."""
        return decoder_reach_frames(self.settings) - self.ahead_frames

    @property
    def ahead_frames(self) -> int:
        """The number of frames after a frame that it depends on."""
        return decoder_ahead_frames(self.settings)

    def start(self, batch: int = 1) -> DecoderState:
        """Return the state before the first frame: an empty memory, and the mean lip as the last output."""
        hidden = np.zeros((batch, self.settings.hidden), np.float32)
        return DecoderState(hidden, np.zeros((batch, self.outputs), np.float32))

    def decode(
        self,
        posteriors: np.ndarray,
        lip_parameters: np.ndarray,
        embedding: np.ndarray,
        state: DecoderState,
        own: slice | None = None,
    ) -> tuple[np.ndarray, DecoderState]:
        """Decode some frames.

        Args:
            posteriors: float32 (batch, steps, phones), steps a multiple of 4; rows of padding are zero.
            lip_parameters: float32 (batch, frames, parameters); zero in padding.
            embedding: float32 (batch, dim), of the speakers.
            state: from `start`, or from the frames before `own`.
            own: which of the frames to decode, the others being their context; None = all.

        Returns:
            float32 (batch, own frames, outputs), and the state after the last of them.
        """
        first, stop, _ = (own or slice(None)).indices(lip_parameters.shape[1])
        moves = (lip_parameters,) if lip_parameters.shape[2] else ()
        bounds = (np.array([first], np.int64), np.array([stop], np.int64))
        outputs, hidden, last = self.graph.run(posteriors, *moves, embedding, *state, *bounds)
        return outputs, DecoderState(hidden, last)


def decoder_reach_frames(settings: DecoderSettings) -> int:
    """Return the number of frames that a decoder's context depends on beside the frame itself."""
    return sum(settings.dilations) * (settings.kernel - 1)


def decoder_ahead_frames(settings: DecoderSettings) -> int:
    """Return the number of frames after a frame that a decoder depends on."""
    return decoder_reach_frames(settings) // 2 if settings.look_ahead < 0 else settings.look_ahead


def check_decoder(settings: DecoderSettings, lips: LipsSettings) -> None:
    """Raise InputError for settings that no decoder can have."""
    if settings.kind not in KINDS:
        raise InputError(f"decoder.kind {settings.kind!r}; expected one of {', '.join(KINDS)}")
    if lips.representation not in REPRESENTATIONS:
        raise InputError(f"lips.representation {lips.representation!r}; expected {', '.join(REPRESENTATIONS)}")
    if settings.kind == "attention" and settings.channels % HEADS:
        raise InputError(f"decoder.channels {settings.channels}; attention has {HEADS} heads: expected a multiple")
    reach = decoder_reach_frames(settings)
    if settings.look_ahead > reach:
        raise InputError(
            f"decoder.look_ahead {settings.look_ahead}; expected at most the context's {reach} frames "
            "(sum of dilations * (kernel - 1)), or -1 for half of them"
        )


class VoiceActivity:
    """Log-mel to the log odds that somebody speaks; `model.activity` has what is made of them.

    Args:
        graph: `voice_activity`.
        settings: sizes.
    """

    def __init__(self, graph: Graph, settings: VoiceActivitySettings) -> None:
        self.graph, self.settings = graph, settings

    @property
    def reach_frames(self) -> int:
        """The number of frames to each side that a frame depends on (an upper bound, whole frames)."""
        return activity_reach_frames(self.settings)

    def log_odds(self, mel: np.ndarray) -> np.ndarray:
        """Compute the log odds of speech float32 (batch, frames) of log-mel (batch, 4 * frames, mels)."""
        return self.graph.run(mel)[0]


def activity_reach_frames(settings: VoiceActivitySettings) -> int:
    """Return the number of frames to each side that voice activity of these sizes depends on."""
    return (settings.kernel - 1) // 2 * sum(settings.dilations) + 1


class SpeakerEncoder:
    """The lip shape and the voice of somebody without a name to an embedding.

    Args:
        graph: `speaker_encoder`.
        sources: of SOURCES, what the embedding is made of.
    """

    def __init__(self, graph: Graph, sources: Sequence[str]) -> None:
        self.graph, self.sources = graph, tuple(sources)

    def embed(self, shape: np.ndarray, voice: np.ndarray) -> np.ndarray:
        """Map a mean lip (40, 2) and a voice (2 * mels,), from `describe_voice`, to an embedding float32 (dim,)."""
        given = {"shape": shape.ravel(), "voice": voice}
        embeddings = self.graph.run(*(given[source].astype(np.float32)[None] for source in self.sources))[0]
        return np.asarray(embeddings[0])


def check_sources(sources: Sequence[str]) -> None:
    """Raise InputError for something that no embedding can be made of."""
    for source in sources:
        if source not in SOURCES:
            raise InputError(f"network.speaker_from has {source!r}; expected some of {', '.join(SOURCES)}")


def describe_voice(mel: np.ndarray) -> np.ndarray:
    """Return mean and standard deviation over time of log-mel (steps, mels): float32 (2 * mels,)."""
    values = np.asarray(mel, np.float32)
    return np.concatenate([values.mean(0), values.std(0)])
