"""Who speaks: a speaker's embedding and lip shape, of the training or of a file.

Row 0 of the model's speaker table is the mean speaker, for everybody unknown. Somebody who was not in the training can
bring the lip shape of one frame, or a few clips to which embedding and shape are fitted (`phonolips.model.adapt`);
either is a `LipSpeaker`, which a small JSON file keeps. Where a corpus does not say who speaks (LRW), a
`SpeakerEncoder` makes the embedding from the clip's own lip shape, or its voice.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from phonolips.checks import check_array, check_number, shown
from phonolips.errors import InputError
from phonolips.lips.points import LIP_POINTS
from phonolips.phones.inventory import NUM_PHONES
from phonolips.reading import read_json
from phonolips.storage import atomic_file

MEAN_SPEAKER, MEAN_SPEAKER_ROW = "mean", 0  # of a model's speaker table
FORMAT = "phonolips speaker 3"
# Format 1 has no `mixing`, neither has `phone_offsets`.
READABLE = ("phonolips speaker 1", "phonolips speaker 2", FORMAT)
MOST_GAIN = 100.0  # on the deviation from the mean lip; a fit keeps within 0.5 to 2


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
        phone_offsets: float32 (phones, outputs), what this person moves while a phone sounds, over what the decoder
            makes of it, in units of its outputs; see `model.personal`. None = nothing.
    """

    name: str
    embedding: np.ndarray
    mean_lip: np.ndarray
    gain: float = 1.0
    notes: dict[str, Any] = field(default_factory=dict)
    mixing: np.ndarray | None = None
    phone_offsets: np.ndarray | None = None


def save_speaker(speaker: LipSpeaker, path: Path) -> None:
    """Write a speaker as JSON, atomically."""

    def listed(array: np.ndarray | None) -> list[Any] | None:
        return None if array is None else np.asarray(array, np.float64).round(6).tolist()

    values = {
        "format": FORMAT,
        "name": speaker.name,
        "embedding": listed(speaker.embedding),
        "mean_lip": listed(speaker.mean_lip),
        "gain": round(float(speaker.gain), 6),
        "mixing": listed(speaker.mixing),
        "phone_offsets": listed(speaker.phone_offsets),
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
        values = read_json(path)
        found = values.get("format")
        if found is None:
            raise InputError("no 'format' in it")
        if found in READABLE:
            return _speaker_of(values)
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise InputError(f"{path}: not a speaker made by 'phonolips adapt' ({reason})") from error
    raise InputError(
        f"{path}: format is {shown(found)}; this version of phonolips reads {' and '.join(map(repr, READABLE))}: "
        "update phonolips, or make the speaker again with 'phonolips adapt'"
    )


def _speaker_of(values: Mapping[str, Any]) -> LipSpeaker:
    """Make a speaker of what its JSON file holds; raise InputError."""
    missing = [name for name in ("name", "embedding", "mean_lip", "gain", "notes") if name not in values]
    if missing:
        raise InputError(f"no {missing[0]!r} in it")
    name, notes = values["name"], values["notes"]
    if not isinstance(name, str) or not isinstance(notes, dict):
        raise InputError(f"its name is {shown(name)}, its notes {shown(notes)}; expected a text, and a JSON object")
    return check_speaker(
        LipSpeaker(
            name,
            values["embedding"],
            values["mean_lip"],
            values["gain"],
            notes,
            values.get("mixing"),
            values.get("phone_offsets"),
        )
    )


def check_speaker(speaker: LipSpeaker) -> LipSpeaker:
    """Return a speaker whose parts are as `LipSpeaker` says, in its dtypes; raise InputError for another one."""
    square = "a square of finite numbers"
    mixing = speaker.mixing
    if mixing is not None:
        mixing = check_array(mixing, "mixing", square, shape=(None, None))
        if len(set(mixing.shape)) != 1:
            raise InputError(f"mixing of shape {mixing.shape}; expected {square}")
    offsets = speaker.phone_offsets
    if offsets is not None:
        what = f"finite numbers ({NUM_PHONES}, outputs)"
        offsets = check_array(offsets, "phone_offsets", what, shape=(NUM_PHONES, None))
    parts = {
        "embedding": check_array(speaker.embedding, "embedding", "finite numbers in a row", shape=(None,)),
        "mean_lip": check_array(speaker.mean_lip, "mean_lip", "40 finite points (40, 2)", shape=(LIP_POINTS, 2)),
        "gain": check_number(speaker.gain, "gain", f"a finite factor from 0 to {MOST_GAIN:.0f}", 0, MOST_GAIN),
        "mixing": mixing,
        "phone_offsets": offsets,
    }
    same = all(getattr(speaker, name) is part for name, part in parts.items())
    return speaker if same else replace(speaker, **parts)  # type: ignore[arg-type]
