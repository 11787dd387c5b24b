"""A trained model, ready to be used: its graphs, its tables, and what its folder says about it.

model.safetensors    weights, PCA basis, mean lips, input normalisation, counted n-grams of phones
NAME.onnx            a graph for each trained part, whose weights are those of model.safetensors
model.json           format, settings, phone list, lip layout, speakers, notes on the training, checksums
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from phonolips.checks import shown
from phonolips.errors import CheckpointError, InputError, did_you_mean
from phonolips.lips.measures import measure_lip_parameters
from phonolips.lips.points import LIP_LAYOUT, LIP_POINTS
from phonolips.model import onnx_graph
from phonolips.model.bundle import (
    NOT_FINITE,
    PACKAGED_MODEL,
    WEIGHTS_FILE,
    bundle_errors,
    check_files,
    check_scales,
    find_model,
    packaged_models,
    read_bundle,
    read_names,
    read_weights,
)
from phonolips.model.graph import Graph
from phonolips.model.onnx_graph import GRAPH_SUFFIX, OnnxGraph
from phonolips.model.settings import NetworkSettings, check_odd, settings_from_dict
from phonolips.model.speakers import MEAN_SPEAKER, MEAN_SPEAKER_ROW, LipSpeaker, check_speaker
from phonolips.model.stages import (
    SOURCES,
    AudioEncoder,
    DurationPredictor,
    LipDecoder,
    LipParameterPredictor,
    SpeakerEncoder,
    VoiceActivity,
    check_decoder,
    check_lip_parameters,
    check_sources,
    count_outputs,
    describe_voice,
    signatures,
)
from phonolips.phones.inventory import NUM_PHONES, PHONES
from phonolips.phones.ngram import ORDER, PhoneNgram, fit_ngram

FORMAT = 4
INT8_FORMAT = 5  # as FORMAT, with weights that are stored as int8, which readers of FORMAT do not know
OLD_FORMATS = (2, 3)  # without graphs; `phonolips upgrade-model` reads them
MOST_THREADS = 1024  # more than any computer of today has cores
NUMPY, AUTO = "numpy", "auto"  # what computes, beside ONNX Runtime's providers; auto = ONNX Runtime if it is installed
# Of the weights, what is used outside the graphs.
TABLES = (
    "lip_mean",
    "lip_basis",
    "lip_scale",
    "speakers.embedding.weight",
    "lip_parameters.scale",
    "audio_encoder.phone_ngrams",
    "audio_encoder.phone_ngram_counts",
    "audio_encoder.phone_prior",
)
PHONE_OFFSETS = "phone_offsets.weight"  # models made before it was there have none


@dataclass
class Description:
    """What a model folder says about its network.

    Args:
        settings: sizes of the network.
        speakers: names of the rows of the speaker table; row 0 is the mean speaker.
        notes: free JSON: data, figures, command of the training.
    """

    settings: NetworkSettings = field(default_factory=NetworkSettings)
    speakers: list[str] = field(default_factory=lambda: [MEAN_SPEAKER])
    notes: dict[str, Any] = field(default_factory=dict)


class Network:
    """Audio encoder, durations, lip parameters, lip decoder, and voice activity and speaker encoder where it has them.

    Args:
        description: sizes and speakers.
        graphs: by the names of `stages.signatures`.
        tables: the weights in TABLES, by name.
        computed_by: what computes the graphs, for people.

    Attributes:
        lip_mean: float32 (speakers, 40, 2), the mean lip of every speaker; row 0 is the mean speaker's.
        lip_basis: float32 (outputs, 40, 2), orthonormal directions of the deviation from the mean lip: those of the
            PCA, or with heatmaps the coordinates themselves.
        lip_scale: mouth-space units per unit of the decoder's outputs.
        embeddings: float32 (speakers, dim), of the speakers in the table.
        phone_offsets: float32 (phones, outputs), what the lips of people whom the model does not know do while a phone
            sounds, over what the decoder makes of it, in units of its outputs; zeros where nothing is known.

    Raises:
        InputError: tables of other shapes, or damaged; settings that no network can have.
    """

    def __init__(
        self,
        description: Description,
        graphs: Mapping[str, Graph],
        tables: Mapping[str, np.ndarray],
        *,
        computed_by: str = "",
    ) -> None:
        settings, speakers = description.settings, len(description.speakers)
        check_settings(settings)
        self.description, self.computed_by = description, computed_by
        outputs, names = count_outputs(settings.lips), len(settings.lip_parameters.names)
        self.lip_mean = _table(tables, "lip_mean", (speakers, LIP_POINTS, 2))
        self.lip_basis = _table(tables, "lip_basis", (outputs, LIP_POINTS, 2))
        self.lip_scale = float(_table(tables, "lip_scale", ()))
        self.embeddings = _table(tables, "speakers.embedding.weight", (speakers, settings.decoder.speaker))
        scale = _table(tables, "lip_parameters.scale", (names,))
        self.phone_offsets = np.zeros((NUM_PHONES, outputs), np.float32)
        if PHONE_OFFSETS in tables:
            self.phone_offsets = _table(tables, PHONE_OFFSETS, (NUM_PHONES, outputs))
        self._counted = tuple(tables.get(name) for name in TABLES[-3:])
        self._phone_ngram: PhoneNgram | None = None
        self.audio_encoder = AudioEncoder(graphs["encoder"], settings.audio_encoder)
        self.durations = DurationPredictor(graphs["durations"])
        self.lip_parameters = LipParameterPredictor(graphs.get("lip_parameters"), settings.lip_parameters, scale)
        self.decoder = LipDecoder(graphs["decoder"], settings.decoder, settings.lips)
        self.voice_activity: VoiceActivity | None = None
        if "voice_activity" in graphs:
            self.voice_activity = VoiceActivity(graphs["voice_activity"], settings.voice_activity)
        self.speaker_encoder: SpeakerEncoder | None = None
        if "speaker_encoder" in graphs:
            self.speaker_encoder = SpeakerEncoder(graphs["speaker_encoder"], settings.speaker_from)
        self._check_counts()

    def _check_counts(self) -> None:
        """Raise InputError unless the n-grams are of phones in the inventory, ascending, each counted once or more."""
        kinds, counts, prior = self._counted
        right = (
            kinds is not None
            and counts is not None
            and prior is not None
            and kinds.ndim == 1
            and kinds.shape == counts.shape
            and prior.shape == (NUM_PHONES,)
            and bool((np.diff(kinds) > 0).all())
            and bool((counts > 0).all())
            and (not len(kinds) or (int(kinds[0]) >= 0 and int(kinds[-1]) < NUM_PHONES**ORDER))
        )
        if not right:
            raise InputError("its counted n-grams of phones are damaged; train the encoder again, or take another copy")

    def phone_ngram(self) -> PhoneNgram | None:
        """Return the n-gram model that helps to decode phones; None where nothing was counted."""
        kinds, counts, prior = self._counted
        if self._phone_ngram is None and kinds is not None and counts is not None and prior is not None and len(kinds):
            self._phone_ngram = fit_ngram(kinds, counts, prior)
        return self._phone_ngram

    def speaker_row(self, speaker: str | None) -> int:
        """Return a speaker's row of the table; None is the mean speaker.

        Raises:
            InputError: no name, or one that is not in the table.
        """
        names = self.description.speakers
        if not isinstance(speaker, str | None):
            raise InputError(
                f"speaker is {type(speaker).__name__}; expected a name, or a LipSpeaker such as `adapt(...).speaker`"
            )
        name = speaker or MEAN_SPEAKER
        if name not in names:
            file = "; read a file with `model.speakers.read_speaker`" if name.endswith(".json") else ""
            near = file or did_you_mean(name, names)
            raise InputError(f"speaker {name!r} is not in this model; it knows: {', '.join(names)}{near}")
        return names.index(name)

    def lip_speaker(self, speaker: "str | LipSpeaker | None") -> LipSpeaker:
        """Return a speaker by name, None being the mean speaker; or one from elsewhere, checked.

        Raises:
            InputError: a name not in the table, or an embedding made for another model.
        """
        if not isinstance(speaker, LipSpeaker):
            row = self.speaker_row(speaker)
            name, offsets = self.description.speakers[row], self._general_offsets if row == MEAN_SPEAKER_ROW else None
            return LipSpeaker(name, self.embeddings[row], self.lip_mean[row], phone_offsets=offsets)
        speaker = check_speaker(speaker)
        dim = self.description.settings.decoder.speaker
        if speaker.embedding.shape != (dim,):
            raise InputError(
                f"speaker {speaker.name!r} has an embedding of {len(speaker.embedding)} numbers, this model's have "
                f"{dim}; adapt the speaker to this model again"
            )
        if speaker.mixing is not None and len(speaker.mixing) != self.decoder.outputs:
            raise InputError(
                f"speaker {speaker.name!r} mixes {len(speaker.mixing)} outputs, this model's decoder has "
                f"{self.decoder.outputs}; adapt the speaker to this model again"
            )
        if speaker.phone_offsets is not None and speaker.phone_offsets.shape[1] != self.decoder.outputs:
            raise InputError(
                f"speaker {speaker.name!r} has phone_offsets for {speaker.phone_offsets.shape[1]} outputs, this "
                f"model's decoder has {self.decoder.outputs}; adapt the speaker to this model again"
            )
        return speaker

    @property
    def _general_offsets(self) -> np.ndarray | None:
        return self.phone_offsets if self.phone_offsets.any() else None

    def unnamed_speaker(self, mean_lip: np.ndarray, mel: np.ndarray | None = None, *, name: str = "") -> LipSpeaker:
        """Make a speaker of a lip shape, and of a voice where the model is conditioned on voices.

        Args:
            mean_lip: float32 (40, 2), mouth space.
            mel: float32 (steps, mels), log-mel of some speech.
            name: for people.

        Returns:
            a speaker of that shape, with the embedding that the model makes of it; the mean speaker's if it makes none,
            or needs a voice and is given none.
        """
        encoder = self.speaker_encoder
        if encoder is None or (mel is None and "voice" in encoder.sources):
            return replace(self.lip_speaker(None), name=name, mean_lip=mean_lip)
        voice = describe_voice(mel) if mel is not None else np.zeros(SOURCES["voice"], np.float32)
        return LipSpeaker(name, encoder.embed(mean_lip, voice), mean_lip, phone_offsets=self._general_offsets)

    def outputs_to_lips(self, outputs: np.ndarray, mean_lip: np.ndarray) -> np.ndarray:
        """Map the decoder's outputs float32 (frames, outputs) to lips (frames, 40, 2) around a mean lip (40, 2)."""
        scaled = outputs * np.float32(self.lip_scale)
        deviation = scaled @ self.lip_basis.reshape(len(self.lip_basis), -1)
        return np.asarray(mean_lip + deviation.reshape(-1, LIP_POINTS, 2))

    def posteriors(self, waveform: np.ndarray, *, voice_activity: bool = False) -> np.ndarray:
        """Encode a sound.

        Args:
            waveform: float32 (samples,) at 16 kHz.
            voice_activity: let sound that is not speech become silence; else these are the encoder's own.

        Returns:
            posteriors float32 (steps, phones).
        """
        from phonolips.model.stream import encode

        parts = encode(self, iter([waveform]), voice_activity=voice_activity)
        return np.concatenate([part.posteriors for part in parts])


def check_settings(settings: NetworkSettings) -> None:
    """Raise InputError for settings that no network can have."""
    check_odd(settings.audio_encoder.kernel, "audio_encoder.kernel")
    check_odd(settings.durations.kernel, "durations.kernel")
    check_odd(settings.voice_activity.kernel, "voice_activity.kernel")
    check_lip_parameters(settings.lip_parameters)
    check_sources(settings.speaker_from)
    check_decoder(settings.decoder, settings.lips)


def _table(tables: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a table; raise InputError where it is missing, of another shape or not finite."""
    found = tables.get(name)
    if found is None or found.shape != shape:
        what = "missing" if found is None else f"of shape {found.shape}"
        raise InputError(f"{WEIGHTS_FILE}: {name} is {what}; its settings ask for shape {shape}")
    if not np.isfinite(found).all():
        raise InputError(f"{WEIGHTS_FILE}: {name} {NOT_FINITE}")
    return found


def lip_parameters_of(network: Network, lips: np.ndarray, mean_shape: np.ndarray) -> np.ndarray:
    """Measure the lip parameters of given lips, as the network's heads predict them.

    Args:
        network: says which parameters, and holds their scale.
        lips: float32 (frames, 40, 2), mouth space.
        mean_shape: float32 (40, 2), mouth space, around which they are measured.

    Returns:
        float32 (frames, lip parameters), deviations from the mean shape's in units of their spread in training.
    """
    names, scale = network.lip_parameters.settings.names, network.lip_parameters.scale
    return scale_lip_parameters(lips, mean_shape, names, scale)


def scale_lip_parameters(lips: np.ndarray, mean_shape: np.ndarray, names: list[str], scale: np.ndarray) -> np.ndarray:
    """Measure named lip parameters of lips around a mean shape, in units of `scale`; see `lip_parameters_of`."""
    deviation = measure_lip_parameters(lips, names) - measure_lip_parameters(mean_shape, names)
    scaled: np.ndarray = (deviation / scale).astype(np.float32)
    return scaled


def read_network(folder: Path, *, provider: str = AUTO, threads: int = 1) -> Network:
    """Make a network of its folder.

    Args:
        folder: of the model.
        provider: what computes: `cpu` or another of `onnx_graph.PROVIDERS`, `numpy`, or `auto`, which is ONNX Runtime
            on the CPU, and NumPy where it is not installed.
        threads: of one computation in ONNX Runtime.

    Raises:
        CheckpointError: files missing or unreadable, another format, phone list or lip layout.
        InputError, MissingToolError: no such provider, or not here; a number of threads that is none.
    """
    folder, what = Path(folder), "model"
    computed_by = check_provider(provider)
    check_threads(threads)
    expected = {"format": (FORMAT, INT8_FORMAT), "phones": list(PHONES), "lip_layout": LIP_LAYOUT}
    values = read_bundle(folder, what=what, made_by="'phonolips train'", expected=expected, upgradable=OLD_FORMATS)
    with bundle_errors(folder, what):
        settings = settings_from_dict(NetworkSettings, values["settings"])
        check_settings(settings)
        description = Description(settings, read_names(values, "speakers"), values["notes"])
        made = signatures(settings)
        check_files(folder, values, [WEIGHTS_FILE, *(name + GRAPH_SUFFIX for name in made)])
        if values["format"] == INT8_FORMAT:
            check_scales(folder)
        graphs: dict[str, Graph]
        if computed_by == NUMPY:
            from phonolips.model.numpy_graph import numpy_graphs

            graphs = numpy_graphs(settings, read_weights(folder), made)
        else:
            graphs = {
                name: OnnxGraph(signature, folder / (name + GRAPH_SUFFIX), computed_by, threads)
                for name, signature in made.items()
            }
        tables = read_weights(folder, (*TABLES, PHONE_OFFSETS))
        return Network(description, graphs, tables, computed_by=computed_by)


def check_provider(provider: str) -> str:
    """Return what computes where `provider` is asked for; raise where it cannot."""
    if provider == AUTO:
        return onnx_graph.CPU if onnx_graph.is_available() else NUMPY
    if provider != NUMPY:
        onnx_graph.check_provider(provider)
    return provider


def check_threads(threads: int) -> int:
    """Return a number of threads; raise InputError for none, or what is no whole number."""
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= MOST_THREADS:
        raise InputError(f"threads is {shown(threads)}; expected a whole number from 1 to {MOST_THREADS}")
    return threads


@lru_cache(maxsize=4)
def _cached_network(folder: Path, provider: str, threads: int) -> Network:
    return read_network(folder, provider=provider, threads=threads)


def load_network(model: Path | str | None = None, *, provider: str = AUTO, threads: int = 1) -> Network:
    """Load a model once: a folder, the name of one in the package such as `low-delay`, or None, its default.

    Other arguments are as for `read_network`.

    Raises:
        CheckpointError: no readable model there.
    """
    found = find_model(model)
    folder = PACKAGED_MODEL if found is None else found.resolve()
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder}: no such model folder; train one with recipes/grid/run.sh, or name one in the package: "
            f"{', '.join(packaged_models())}"
        )
    return _cached_network(folder, check_provider(provider), check_threads(threads))
