"""Who speaks: embeddings and lip shapes of the speakers of the training, and of others, from a file.

Row 0 of the table is the mean speaker, for everybody unknown. A person who was not in the training can bring
the lip shape of one frame, or a few clips from which embedding and shape are fitted (`phonolips.adapt`);
either is a `LipSpeaker`, which a small JSON file keeps.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from phonolips.atomic import whole_file
from phonolips.errors import InputError

MEAN_SPEAKER = "mean"
MEAN_SPEAKER_ROW = 0
FORMAT = "phonolips speaker 1"


class SpeakerTable(nn.Module):
    """Speaker rows to embeddings, (speakers, dim); row 0 is learnt from clips whose speaker is hidden."""

    def __init__(self, speakers: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(speakers, dim)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, speaker: Tensor) -> Tensor:
        """Look up int64 (batch,) -> (batch, dim)."""
        return self.embedding(speaker)


def hide_speakers(speaker: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Replace a random share of int64 (batch,) rows by the mean speaker's."""
    hidden = torch.rand(len(speaker), generator=generator) < share
    return torch.where(hidden.to(speaker.device), MEAN_SPEAKER_ROW, speaker)


@dataclass(frozen=True)
class LipSpeaker:
    """How one person moves the lips.

    Args:
        name: for people.
        embedding: float32 (dim,), of the model that it was made for.
        mean_lip: float32 (40, 2), mouth space: the shape that is moved.
        gain: factor on the deviation from the mean lip.
        notes: free JSON: how it was made.
    """

    name: str
    embedding: np.ndarray
    mean_lip: np.ndarray
    gain: float = 1.0
    notes: dict[str, Any] = field(default_factory=dict)


def save_speaker(speaker: LipSpeaker, path: Path) -> None:
    """Write a speaker as JSON, atomically."""
    values = {
        "format": FORMAT,
        "name": speaker.name,
        "embedding": np.asarray(speaker.embedding, np.float64).round(6).tolist(),
        "mean_lip": np.asarray(speaker.mean_lip, np.float64).round(6).tolist(),
        "gain": round(float(speaker.gain), 6),
        "notes": speaker.notes,
    }
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def read_speaker(path: Path) -> LipSpeaker:
    """Read a speaker's JSON file; raise InputError where it is none of ours."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a speaker made by 'phonolips adapt'")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = values["format"]
        embedding = np.array(values["embedding"], np.float32)
        mean_lip = np.array(values["mean_lip"], np.float32)
        speaker = LipSpeaker(str(values["name"]), embedding, mean_lip, float(values["gain"]), dict(values["notes"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a speaker made by 'phonolips adapt' ({error})") from error
    if found != FORMAT:
        raise InputError(f"{path}: format is {found!r}; this version reads {FORMAT!r}")
    if embedding.ndim != 1 or not np.isfinite(embedding).all() or not np.isfinite(speaker.gain):
        raise InputError(f"{path}: embedding of shape {embedding.shape}; expected finite numbers in a row")
    if mean_lip.shape != (40, 2) or not np.isfinite(mean_lip).all():
        raise InputError(f"{path}: mean_lip of shape {mean_lip.shape}; expected 40 finite points (40, 2)")
    return speaker
