"""The whole network in torch, to be trained; and its folder, which alone rebuilds it."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from phonolips.lips.points import LIP_LAYOUT, LIP_POINTS
from phonolips.model.bundle import (
    WEIGHTS_FILE,
    bundle_errors,
    check_files,
    read_bundle,
    read_names,
    write_bundle,
)
from phonolips.model.network import FORMAT, INT8_FORMAT, OLD_FORMATS, PHONE_OFFSETS, Description
from phonolips.model.onnx_graph import GRAPH_SUFFIX
from phonolips.model.personal import phone_ahead_frames
from phonolips.model.settings import NetworkSettings, VoiceActivitySettings, settings_from_dict, settings_to_dict
from phonolips.model.stages import count_outputs, signatures
from phonolips.phones.inventory import PHONES
from phonolips.training.modules import build_module, weights_content
from phonolips.training.networks.activity import VoiceActivity
from phonolips.training.networks.bottleneck import PhoneBottleneck
from phonolips.training.networks.decoder import LipDecoder
from phonolips.training.networks.durations import DurationPredictor
from phonolips.training.networks.encoder import COUNTED, AudioEncoder
from phonolips.training.networks.lip_parameters import LipParameterHeads
from phonolips.training.networks.phone_offsets import PhoneOffsets
from phonolips.training.networks.speakers import SpeakerEncoder, SpeakerTable
from phonolips.training.old_formats import OLD_COUNTS, from_disk, settings_from_disk
from phonolips.training.to_onnx import stored_tensors, write_graphs


class TrainableNetwork(nn.Module):
    """Encoder, durations, bottleneck, lip parameters, speakers, decoder, phone offsets; voice activity if trained.

    `training.torch_graph.network_of` lets it be used as any other model.

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
        self.phone_offsets = PhoneOffsets(len(self.lip_basis), phone_ahead_frames(self.decoder.ahead_frames))

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

    def decode(self, posteriors: Tensor, embedding: Tensor, lip_parameters: Tensor | None = None) -> Tensor:
        """Decode whole utterances to what stands for the lips.

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

    def save(self, folder: Path, *, half: bool = False, int8: bool = False) -> None:
        """Write weights, graphs and description into `folder`; see `bundle.write_bundle`.

        Args:
            folder: made if it is not there.
            half: store large tensors as float16, so that the file has half the size; they are used as float32.
            int8: store the large weights of layers as int8; see `modules.weights_content`.
        """
        settings, content = self.description.settings, weights_content(self, half=half, int8=int8)
        graphs = write_graphs(settings, signatures(settings), stored_tensors(content), WEIGHTS_FILE)
        description = {
            "format": INT8_FORMAT if int8 else FORMAT,
            "phones": list(PHONES),
            "lip_layout": LIP_LAYOUT,
            "speakers": self.description.speakers,
            "settings": settings_to_dict(settings),
            "notes": self.description.notes,
        }
        files = {WEIGHTS_FILE: content} | {name + GRAPH_SUFFIX: graph for name, graph in graphs.items()}
        write_bundle(folder, files, description)


def read_trainable(folder: Path) -> TrainableNetwork:
    """Rebuild the torch modules of a model folder of this format or one before, in evaluation mode, on the CPU.

    Raises:
        CheckpointError: files missing or unreadable, another format, phone list or lip layout.
    """
    folder, what = Path(folder), "model"
    expected = {"format": (*OLD_FORMATS, FORMAT, INT8_FORMAT), "phones": list(PHONES), "lip_layout": LIP_LAYOUT}
    values = read_bundle(folder, what=what, made_by="'phonolips train'", expected=expected)
    with bundle_errors(folder, what):
        settings = settings_from_dict(NetworkSettings, settings_from_disk(values["settings"]))
        if values["format"] not in OLD_FORMATS:
            check_files(folder, values, [WEIGHTS_FILE])
        description = Description(settings, read_names(values, "speakers"), values["notes"])
        counted = [f"audio_encoder.{name}" for name in COUNTED]
        return build_module(
            folder,
            lambda: TrainableNetwork(description),
            rename=from_disk,
            any_length=counted,
            may_lack=(PHONE_OFFSETS,),
            replaced=dict.fromkeys(OLD_COUNTS, (*counted, "audio_encoder.phone_prior")),
        )
