"""Model folders of earlier versions: what they called settings and tensors."""

from collections.abc import Mapping
from typing import Any

FORMATS = (2, 3)  # of models without graphs; 2 has no voice activity
# They wrote `gestures` where this version says lip parameters: (name here, name there); the first prefix that fits
# counts.
DISK_NAMES = (
    ("lip_parameters.sound_head.", "gestures.heard."),
    ("lip_parameters.posterior_head.", "gestures.guessed."),
    ("lip_parameters.", "gestures."),
    ("decoder.lip_parameters.", "decoder.gestures."),
)
OLD_COUNTS = ("audio_encoder.phone_bigram", "audio_encoder.phone_trigram")  # what earlier versions counted


def to_disk(name: str) -> str:
    """Return the name that a tensor has in formats 2 and 3."""
    for here, there in DISK_NAMES:
        if name.startswith(here):
            return there + name.removeprefix(here)
    return name


def from_disk(name: str) -> str:
    """Return the name here of a tensor of formats 2 and 3; the inverse of `to_disk`."""
    for here, there in DISK_NAMES:
        if name.startswith(there):
            return here + name.removeprefix(there)
    return name


def settings_to_disk(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a network under the names of formats 2 and 3."""
    return {"gestures" if name == "lip_parameters" else name: value for name, value in settings.items()}


def settings_from_disk(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of formats 2 and 3 under their names here; the inverse of `settings_to_disk`."""
    return {"lip_parameters" if name == "gestures" else name: value for name, value in settings.items()}
