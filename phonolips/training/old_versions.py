"""Trainings that version 0.1 began: what they called their parts, folders and tensors, so that they can go on."""

import logging
import warnings
from pathlib import Path
from typing import Any

from torch import nn

from phonolips.errors import PhonolipsWarning
from phonolips.training.old_formats import from_disk
from phonolips.training.ranks import is_main, wait_for_all

log = logging.getLogger("phonolips.training")
PARTS = {"ears": "encoder"}
FOLDERS = (("ears", "encoder"), ("lips/hearings", "lips/encoder_outputs"))  # below a training's folder


def part_now(part: str) -> str:
    """Return what a part is called now; warn where that is something else."""
    if part not in PARTS:
        return part
    warnings.warn(
        f"part {part!r} is now called {PARTS[part]!r}; the old name goes in the next release",
        PhonolipsWarning,
        stacklevel=3,
    )
    return PARTS[part]


def rename_folders(out: Path) -> None:
    """Give the folders of a training their names of today, where only the old ones are there."""
    if is_main():
        for old, new in FOLDERS:
            if (out / old).is_dir() and not (out / new).exists():
                log.info("%s is now called %s", out / old, out / new)
                (out / old).rename(out / new)
    wait_for_all()


def accept_old_names(modules: nn.ModuleDict) -> None:
    """Let a set of modules, and copies of it, be loaded from a checkpoint whose lip parameters are called gestures."""

    def rename(_: nn.Module, state: dict[str, Any], prefix: str, *__: object) -> None:
        for name in [name for name in state if name.startswith(prefix)]:
            state[prefix + from_disk(name.removeprefix(prefix))] = state.pop(name)

    modules.register_load_state_dict_pre_hook(rename)  # type: ignore[no-untyped-call]
