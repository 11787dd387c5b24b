"""The whole network and its folder: safetensors and plain JSON, which alone rebuild it.

model.safetensors    weights, PCA basis, mean lips, input normalisation
model.json           format, settings, phone list, lip layout, speakers, notes on the training
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from phonolips.errors import CheckpointError, InputError, did_you_mean
from phonolips.lips.measures import measure_lip_parameters
from phonolips.lips.points import LIP_LAYOUT, LIP_POINTS
from phonolips.model.bundle import (
    PACKAGED_MODEL,
    build_module,
    bundle_errors,
    from_disk,
    read_bundle,
    read_names,
    settings_from_disk,
    settings_to_disk,
    to_disk,
    write_bundle,
)
from phonolips.model.networks.activity import VoiceActivity
from phonolips.model.networks.bottleneck import PhoneBottleneck
from phonolips.model.networks.decoder import LipDecoder, count_outputs
from phonolips.model.networks.durations import DurationPredictor
from phonolips.model.networks.encoder import COUNTED, AudioEncoder
from phonolips.model.networks.lip_parameters import LipParameterHeads
from phonolips.model.networks.speakers import MEAN_SPEAKER, SOURCES, SpeakerEncoder, SpeakerTable, describe_voice
from phonolips.model.settings import NetworkSettings, VoiceActivitySettings, settings_from_dict, settings_to_dict
from phonolips.model.speakers import LipSpeaker, check_speaker
from phonolips.phones.inventory import PHONES

FORMAT = 3
FORMAT_WITHOUT_ACTIVITY = 2  # of a model without voice activity, which is all that the formats differ in
OLD_COUNTS = ("audio_encoder.phone_bigram", "audio_encoder.phone_trigram")  # what earlier versions counted
LARGE_TENSOR = 4096  # numbers from which storing a tensor as float16 is worth it


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


class Network(nn.Module):
    """Encoder, durations, bottleneck, lip parameters, speakers, lip decoder, and voice activity where it was trained.

    Args:
        description: sizes and speakers.

    Buffers:
        lip_mean: (speakers, 40, 2), the mean lip of every speaker; row 0 is the mean speaker's.
        lip_basis: (outputs, 40, 2), orthonormal directions of the deviation from the mean lip: those of the PCA, or
            with heatmaps the coordinates themselves.
        lip_scale: (), mouth-space units per unit of the decoder's outputs.
    """

    lip_mean: Tensor
    lip_basis: Tensor
    lip_scale: Tensor

    def __init__(self, description: Description) -> None:
        super().__init__()
        self.description = description
        settings, speakers = description.settings, len(description.speakers)
        self.audio_encoder = AudioEncoder(settings.audio_encoder)
        self.durations = DurationPredictor(settings.durations, speakers)
        self.bottleneck = PhoneBottleneck(settings.decoder.latent)
        self.speakers = SpeakerTable(speakers, settings.decoder.speaker)
        self.speaker_encoder: SpeakerEncoder | None = None
        if settings.speaker_from:
            self.speaker_encoder = SpeakerEncoder(settings.speaker_from, settings.decoder.speaker)
        self.lip_parameters = LipParameterHeads(settings.lip_parameters, settings.audio_encoder.channels)
        self.decoder = LipDecoder(settings.decoder, settings.lips, len(settings.lip_parameters.names))
        self.voice_activity: VoiceActivity | None = None
        if settings.voice_activity.dilations:
            self.voice_activity = VoiceActivity(settings.voice_activity)
        self.register_buffer("lip_mean", torch.zeros(speakers, LIP_POINTS, 2))
        self.register_buffer("lip_basis", torch.zeros(count_outputs(settings.lips), LIP_POINTS, 2))
        self.register_buffer("lip_scale", torch.ones(()))

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
            embedding = self.speakers.embedding.weight[row].detach().numpy()
            return LipSpeaker(self.description.speakers[row], embedding, self.lip_mean[row].numpy())
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
        return speaker

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
        with torch.inference_mode():
            embedding = encoder(torch.from_numpy(mean_lip.astype(np.float32))[None], torch.from_numpy(voice)[None])[0]
        return LipSpeaker(name, embedding.numpy(), mean_lip)

    def coefficients_to_lips(self, coefficients: Tensor, mean_lip: Tensor) -> Tensor:
        """Map (..., frames, outputs) to lips (..., frames, 40, 2) around mean_lip (..., 40, 2)."""
        deviation = torch.einsum("...fc,cpd->...fpd", coefficients * self.lip_scale, self.lip_basis)
        return mean_lip[..., None, :, :] + deviation

    def lips_to_coefficients(self, lips: Tensor, mean_lip: Tensor) -> Tensor:
        """Project lips (..., frames, 40, 2) onto the basis; the inverse of `coefficients_to_lips` within its span."""
        deviation = lips - mean_lip[..., None, :, :]
        return torch.einsum("...fpd,cpd->...fc", deviation, self.lip_basis) / self.lip_scale

    def add_voice_activity(self, settings: VoiceActivitySettings) -> VoiceActivity:
        """Give the network an untrained voice activity, in place of one that it has."""
        sizes = replace(self.description.settings, voice_activity=settings)
        self.description = replace(self.description, settings=sizes)
        self.voice_activity = VoiceActivity(settings)
        return self.voice_activity

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

    def decode(self, posteriors: Tensor, embedding: Tensor, lip_parameters: Tensor | None = None) -> Tensor:
        """Decode whole utterances to what stands for the lips; see `stream.decode_lips` for long ones.

        Args:
            posteriors: (batch, steps, phones), steps a multiple of 4; rows of padding are zero.
            embedding: of the speakers, (batch, dim).
            lip_parameters: (batch, frames, parameters); None = predicted from the posteriors.

        Returns:
            (batch, frames, outputs), for `coefficients_to_lips`.
        """
        if lip_parameters is None and self.lip_parameters.settings.names:
            lip_parameters = self.lip_parameters.from_posteriors(posteriors)
        context = self.decoder.context(self.bottleneck(posteriors), embedding, lip_parameters)
        outputs, _ = self.decoder(context, self.decoder.start(len(posteriors), posteriors.device))
        return cast(Tensor, outputs)

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Write weights and description into `folder`, each atomically, the description last.

        Args:
            folder: made if it is not there.
            half: store large tensors as float16, so that the file has half the size; they are read as float32.
        """
        tensors = self.state_dict()
        if half:
            large = [n for n, value in tensors.items() if value.numel() >= LARGE_TENSOR and value.is_floating_point()]
            tensors |= {name: tensors[name].half() for name in large}
        sizes = settings_to_disk(settings_to_dict(self.description.settings))
        if self.voice_activity is None:
            del sizes["voice_activity"]
        description = {
            "format": FORMAT if self.voice_activity is not None else FORMAT_WITHOUT_ACTIVITY,
            "phones": list(PHONES),
            "lip_layout": LIP_LAYOUT,
            "speakers": self.description.speakers,
            "settings": sizes,
            "notes": self.description.notes,
        }
        write_bundle(folder, {to_disk(name): value for name, value in tensors.items()}, description)


def lip_parameters_of(network: Network, lips: np.ndarray, mean_shape: np.ndarray) -> np.ndarray:
    """Measure the lip parameters of given lips, as the network's heads predict them.

    Args:
        network: says which parameters, and holds their scale.
        lips: float32 (frames, 40, 2), mouth space.
        mean_shape: float32 (40, 2), mouth space, around which they are measured.

    Returns:
        float32 (frames, lip parameters), deviations from the mean shape's in units of their spread in training.
    """
    names = network.lip_parameters.settings.names
    deviation = measure_lip_parameters(lips, names) - measure_lip_parameters(mean_shape, names)
    scaled: np.ndarray = (deviation / network.lip_parameters.scale.numpy()).astype(np.float32)
    return scaled


def read_network(folder: Path) -> Network:
    """Rebuild a network from its folder, ready for inference on the CPU.

    Raises:
        CheckpointError: files missing or unreadable, another format, phone list or lip layout.
    """
    folder, what = Path(folder), "model"
    expected = {"format": (FORMAT_WITHOUT_ACTIVITY, FORMAT), "phones": list(PHONES), "lip_layout": LIP_LAYOUT}
    values = read_bundle(folder, what=what, made_by="'phonolips train'", expected=expected)
    with bundle_errors(folder, what):
        settings = settings_from_dict(NetworkSettings, settings_from_disk(values["settings"]))
        description = Description(settings, read_names(values, "speakers"), values["notes"])
        counted = [f"audio_encoder.{name}" for name in COUNTED]
        network = build_module(
            folder,
            lambda: Network(description),
            rename=from_disk,
            any_length=counted,
            replaced=dict.fromkeys(OLD_COUNTS, (*counted, "audio_encoder.phone_prior")),
        )
        network.audio_encoder.check_counts()
        return network


@lru_cache(maxsize=4)
def _cached_network(folder: Path) -> Network:
    return read_network(folder)


def load_network(model: Path | None = None) -> Network:
    """Load a model folder once; None is the model inside the package.

    Raises:
        CheckpointError: no readable model there.
    """
    folder = Path(model).resolve() if model is not None else PACKAGED_MODEL
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such model folder; train one with recipes/grid/run.sh")
    return _cached_network(folder)
