"""Model folders as earlier versions wrote them, made of today's: for tests of what is still read."""

import json
from pathlib import Path

from safetensors.torch import load_file, save_file

from phonolips.training.old_formats import DISK_NAMES


def old_name(name: str) -> str:
    """Return the name that a tensor had in formats 2 and 3."""
    for now, then in DISK_NAMES:
        if name.startswith(now):
            return then + name.removeprefix(now)
    return name


def make_old(folder: Path) -> Path:
    """Turn a model folder of today's format into one of format 3, or 2 where it has no voice activity."""
    description = json.loads((folder / "model.json").read_text())
    del description["checksums"]
    settings = description["settings"]
    settings["gestures"] = settings.pop("lip_parameters")
    description["format"] = 3
    if not settings["voice_activity"]["dilations"]:
        description["format"] = 2
        del settings["voice_activity"]
    (folder / "model.json").write_text(json.dumps(description))
    tensors = load_file(folder / "model.safetensors")
    save_file({old_name(name): value for name, value in tensors.items()}, folder / "model.safetensors")
    for graph in folder.glob("*.onnx"):
        graph.unlink()
    return folder
