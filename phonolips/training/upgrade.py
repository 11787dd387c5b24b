"""Make a model folder of an earlier format one of today's: the same weights, and graphs beside them."""

from pathlib import Path

from phonolips.model.bundle import DESCRIPTION_FILE, INT8, read_heads
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
        network, stored = read_trainable(folder), {head.dtype for head in read_heads(folder).values()}
        network.save(out, half="F16" in stored, int8=INT8 in stored)
    return out
