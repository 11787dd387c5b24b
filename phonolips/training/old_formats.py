"""Model folders of earlier versions: what they called settings and tensors."""

from collections.abc import Mapping
from typing import Any

# They wrote `gestures` where this version says lip parameters: (name here, name there); the first prefix that fits
# counts.
DISK_NAMES = (
    ("lip_parameters.sound_head.", "gestures.heard."),
    ("lip_parameters.posterior_head.", "gestures.guessed."),
    ("lip_parameters.", "gestures."),
    ("decoder.lip_parameters.", "decoder.gestures."),
)
OLD_COUNTS = ("audio_encoder.phone_bigram", "audio_encoder.phone_trigram")  # what earlier versions counted


def from_disk(name: str) -> str:
    """Return the name here of a tensor of formats 2 and 3."""
    for here, there in DISK_NAMES:
        if name.startswith(there):
            return here + name.removeprefix(there)
    return name


def settings_from_disk(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of formats 2 and 3 under their names here."""
    return {"lip_parameters" if name == "gestures" else name: value for name, value in settings.items()}
