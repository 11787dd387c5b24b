"""A model on disk: a folder with its weights and, beside them, what it is."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from phonolips.storage import atomic_file

WEIGHTS_FILE, DESCRIPTION_FILE = "model.safetensors", "model.json"
# Format 2 says `gestures` where this version says lip parameters: (name here, name on disk), the first that fits counts.
DISK_NAMES = (
    ("lip_parameters.sound_head.", "gestures.heard."),
    ("lip_parameters.posterior_head.", "gestures.guessed."),
    ("lip_parameters.", "gestures."),
    ("decoder.lip_parameters.", "decoder.gestures."),
)
PACKAGED = Path(__file__).resolve().parents[1] / "weights"
PACKAGED_MODEL, PACKAGED_SYNC_EXPERT = PACKAGED / "default", PACKAGED / "sync"


def write_model(folder: Path, tensors: dict[str, Tensor], description: dict[str, Any]) -> None:
    """Write weights and description into `folder`, each whole or not at all, the description last."""
    from safetensors.torch import save_file

    with atomic_file(folder / WEIGHTS_FILE) as weights:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, str(weights))
        weights.chmod(0o644)
    with atomic_file(folder / DESCRIPTION_FILE) as file:
        file.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def to_disk(name: str) -> str:
    """Return the name that a tensor has in format 2."""
    for here, there in DISK_NAMES:
        if name.startswith(here):
            return there + name.removeprefix(here)
    return name


def from_disk(name: str) -> str:
    """Return the name that a tensor of format 2 has here; undoes `to_disk`."""
    for here, there in DISK_NAMES:
        if name.startswith(there):
            return here + name.removeprefix(there)
    return name
