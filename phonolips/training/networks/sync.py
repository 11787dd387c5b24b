"""The networks of the sync expert: windows of lips and of log-mel to unit vectors."""

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from phonolips.lips.points import LIP_LAYOUT, LIP_POINTS
from phonolips.model.bundle import WEIGHTS_FILE, bundle_errors, read_bundle, write_bundle
from phonolips.model.onnx_graph import GRAPH_SUFFIX
from phonolips.model.settings import SyncExpertSettings, settings_from_dict, settings_to_dict
from phonolips.model.sync import FORMAT, GRAPH, KIND, OLD_FORMATS, sync_signature
from phonolips.speech.mel import NUM_MELS
from phonolips.timebase import STEPS_PER_FRAME
from phonolips.training.modules import build_module, weights_content
from phonolips.training.to_onnx import stored_tensors, write_sync_graph


class WindowBlock(nn.Module):
    """A block that sees one frame more to each side, (batch, frames, channels) to (batch, frames - 2, channels)."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.wide = nn.Conv1d(channels, channels, 3)
        self.mix = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """Add a convolution over three frames to the middle one."""
        wide = self.wide(self.norm(hidden).transpose(1, 2)).transpose(1, 2)
        return cast(Tensor, hidden[:, 1:-1] + self.dropout(self.mix(nn.functional.gelu(wide))))


class WindowEncoder(nn.Module):
    """An encoder of windows, (batch, frames, inputs) to unit vectors (batch, frames - 2 * layers, embedding)."""

    def __init__(self, inputs: int, settings: SyncExpertSettings) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, settings.channels)
        self.blocks = nn.ModuleList(WindowBlock(settings.channels, settings.dropout) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(settings.channels)
        self.last = nn.Linear(settings.channels, settings.embedding)

    def forward(self, values: Tensor) -> Tensor:
        """Embed every window in a vector of length 1."""
        hidden = self.first(values)
        for block in self.blocks:
            hidden = block(hidden)
        return nn.functional.normalize(self.last(self.norm(hidden)), dim=-1)


class SyncExpert(nn.Module):
    """Encoders of lips and of sound, and the scales of their inputs.

    Buffers:
        lip_basis: (components, 40, 2), orthonormal PCA directions of the deviation from the mean lip.
        lip_scale: (components,), mouth-space units per unit of input.
        mel_mean, mel_scale: (80,), of the training clips.
    """

    lip_basis: Tensor
    lip_scale: Tensor
    mel_mean: Tensor
    mel_scale: Tensor

    def __init__(self, settings: SyncExpertSettings | None = None, notes: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.settings = settings or SyncExpertSettings()
        self.notes = notes or {}
        self.register_buffer("lip_basis", torch.zeros(self.settings.components, LIP_POINTS, 2))
        self.register_buffer("lip_scale", torch.ones(self.settings.components))
        self.register_buffer("mel_mean", torch.zeros(NUM_MELS))
        self.register_buffer("mel_scale", torch.ones(NUM_MELS))
        self.lip_encoder = WindowEncoder(self.settings.components, self.settings)
        self.mel_encoder = WindowEncoder(STEPS_PER_FRAME * NUM_MELS, self.settings)
        self.log_sharpness = nn.Parameter(torch.tensor(2.5))

    @property
    def window_frames(self) -> int:
        """The number of frames that one vector depends on."""
        return 1 + 2 * self.settings.layers

    def embed_lips(self, deviation: Tensor) -> Tensor:
        """Embed lips less the mean lip (batch, frames, 40, 2) in (batch, frames - window_frames + 1, embedding)."""
        coefficients = torch.einsum("bfpd,cpd->bfc", deviation, self.lip_basis) / self.lip_scale
        return cast(Tensor, self.lip_encoder(coefficients))

    def embed_mel(self, mel: Tensor) -> Tensor:
        """Embed log-mel (batch, 4 * frames, 80) in (batch, frames - window_frames + 1, embedding)."""
        scaled = (mel - self.mel_mean) / self.mel_scale
        return cast(Tensor, self.mel_encoder(scaled.reshape(len(mel), -1, STEPS_PER_FRAME * NUM_MELS)))

    def forward(self, deviation: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Embed both sides; vector i of either covers frames i to i + window_frames."""
        return self.embed_lips(deviation), self.embed_mel(mel)

    def save(self, folder: Path) -> None:
        """Write weights, graph and description into `folder`; see `bundle.write_bundle`."""
        content = weights_content(self)
        graph = write_sync_graph(self.settings, sync_signature(self.settings), stored_tensors(content), WEIGHTS_FILE)
        description = {
            "kind": KIND,
            "format": FORMAT,
            "lip_layout": LIP_LAYOUT,
            "settings": settings_to_dict(self.settings),
            "notes": self.notes,
        }
        write_bundle(folder, {WEIGHTS_FILE: content, GRAPH + GRAPH_SUFFIX: graph}, description)


def read_trainable_expert(folder: Path) -> SyncExpert:
    """Rebuild the torch module of a sync expert, of this format or the one before.

    Raises:
        CheckpointError: files missing or unreadable, or of another kind, format or lip layout.
    """
    what, expected = "sync expert", {"kind": KIND, "format": (*OLD_FORMATS, FORMAT), "lip_layout": LIP_LAYOUT}
    values = read_bundle(folder, what=what, made_by="'phonolips train sync'", expected=expected)
    with bundle_errors(folder, what):
        settings = settings_from_dict(SyncExpertSettings, values["settings"])
        return build_module(folder, lambda: SyncExpert(settings, values["notes"]))
