"""A model on disk: a folder with its weights and, beside them, what it is."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from phonolips.storage import whole_file

WEIGHTS_FILE, DESCRIPTION_FILE = "model.safetensors", "model.json"
PACKAGED = Path(__file__).resolve().parents[1] / "weights"
PACKAGED_MODEL, PACKAGED_SYNC_EXPERT = PACKAGED / "default", PACKAGED / "sync"


def write_model(folder: Path, tensors: dict[str, Tensor], description: dict[str, Any]) -> None:
    """Write weights and description into `folder`, each whole or not at all, the description last."""
    from safetensors.torch import save_file

    with whole_file(folder / WEIGHTS_FILE) as weights:
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, str(weights))
        weights.chmod(0o644)
    with whole_file(folder / DESCRIPTION_FILE) as file:
        file.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
