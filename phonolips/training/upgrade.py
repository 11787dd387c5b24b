"""Make a model folder of an earlier format one of today's: the same weights, and graphs beside them."""

from pathlib import Path

from phonolips.model.bundle import DESCRIPTION_FILE, WEIGHTS_FILE
from phonolips.model.sync import KIND
from phonolips.reading import read_json
from phonolips.training.networks.network import read_trainable
from phonolips.training.networks.sync import read_trainable_expert


def upgrade_model(folder: Path, out: Path | None = None) -> Path:
    """Write the folder of a model or of a sync expert in today's format; weights keep their precision.

    Args:
        folder: of this format or an earlier one.
        out: where to; None = in its place.

    Returns:
        the folder written.

    Raises:
        CheckpointError: no readable model there.
    """
    out = folder if out is None else out
    description = folder / DESCRIPTION_FILE
    if description.is_file() and read_json(description).get("kind") == KIND:
        read_trainable_expert(folder).save(out)
    else:
        read_trainable(folder).save(out, half=_is_half(folder))
    return out


def _is_half(folder: Path) -> bool:
    """Return whether a folder's large tensors are stored as float16."""
    from safetensors import safe_open

    with safe_open(str(folder / WEIGHTS_FILE), "np") as file:
        return any(file.get_slice(name).get_dtype() == "F16" for name in file.keys())  # noqa: SIM118
