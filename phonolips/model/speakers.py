"""Who speaks: a speaker's embedding and lip shape, of the training or of a file.

Row 0 of the model's speaker table is the mean speaker, for everybody unknown. Somebody who was not in the training can
bring the lip shape of one frame, or a few clips to which embedding and shape are fitted (`phonolips.model.adapt`);
either is a `LipSpeaker`, which a small JSON file keeps. Where a corpus does not say who speaks (LRW), a
`SpeakerEncoder` makes the embedding from the clip's own lip shape, or its voice.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.points import LIP_POINTS
from phonolips.storage import atomic_file

FORMAT = "phonolips speaker 2"
READABLE = ("phonolips speaker 1", FORMAT)  # format 1 has no `mixing`


@dataclass(frozen=True)
class LipSpeaker:
    """How one person moves the lips.

    Args:
        name: for people.
        embedding: float32 (dim,), of the model that it was made for.
        mean_lip: float32 (40, 2), mouth space: the shape that is moved.
        gain: factor on the deviation from the mean lip.
        notes: free JSON: how it was made.
        mixing: float32 (outputs, outputs), what this person moves besides: entry (row, column) is how much of the
            decoder's output `column` comes with its output `row`. None = nothing.
    """

    name: str
    embedding: np.ndarray
    mean_lip: np.ndarray
    gain: float = 1.0
    notes: dict[str, Any] = field(default_factory=dict)
    mixing: np.ndarray | None = None


def save_speaker(speaker: LipSpeaker, path: Path) -> None:
    """Write a speaker as JSON, atomically."""
    values = {
        "format": FORMAT,
        "name": speaker.name,
        "embedding": np.asarray(speaker.embedding, np.float64).round(6).tolist(),
        "mean_lip": np.asarray(speaker.mean_lip, np.float64).round(6).tolist(),
        "gain": round(float(speaker.gain), 6),
        "mixing": None if speaker.mixing is None else np.asarray(speaker.mixing, np.float64).round(6).tolist(),
        "notes": speaker.notes,
    }
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def read_speaker(path: Path) -> LipSpeaker:
    """Read a speaker's JSON file.

    Raises:
        InputError: no such file, or not a speaker of a format that this version reads.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a speaker made by 'phonolips adapt'")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = values["format"]
        if found not in READABLE:
            raise InputError(
                f"{path}: format is {found!r}; this version of phonolips reads {' and '.join(map(repr, READABLE))}: "
                "update phonolips, or make the speaker again with 'phonolips adapt'"
            )
        embedding = np.array(values["embedding"], np.float32)
        mean_lip = np.array(values["mean_lip"], np.float32)
        mixing = None if values.get("mixing") is None else np.array(values["mixing"], np.float32)
        name, gain, notes = str(values["name"]), float(values["gain"]), dict(values["notes"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a speaker made by 'phonolips adapt' ({error})") from error
    if embedding.ndim != 1 or not np.isfinite(embedding).all() or not np.isfinite(gain):
        raise InputError(f"{path}: embedding of shape {embedding.shape}; expected finite numbers in a row")
    if mean_lip.shape != (LIP_POINTS, 2) or not np.isfinite(mean_lip).all():
        raise InputError(f"{path}: mean_lip of shape {mean_lip.shape}; expected 40 finite points (40, 2)")
    if mixing is not None and (mixing.ndim != 2 or len(set(mixing.shape)) != 1 or not np.isfinite(mixing).all()):
        raise InputError(f"{path}: mixing of shape {mixing.shape}; expected a square of finite numbers")
    return LipSpeaker(name, embedding, mean_lip, gain, notes, mixing)
