"""A model on disk: a folder with its weights and, beside them, a description in plain JSON.

Networks, sync experts and lip readers are all kept like this. What they have in common is here: the names of the two
files, writing them atomically, reading them with one set of errors, and where the package keeps its own.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor

from phonolips.errors import CheckpointError, PhonolipsError
from phonolips.storage import write_bytes, write_text

WEIGHTS_FILE, DESCRIPTION_FILE = "model.safetensors", "model.json"
PACKAGED = Path(__file__).resolve().parents[1] / "weights"
PACKAGED_MODEL, PACKAGED_SYNC_EXPERT = PACKAGED / "default", PACKAGED / "sync"
# Format 2 writes `gestures` where this version says lip parameters: (name here, name on disk); the first prefix that
# fits counts.
DISK_NAMES = (
    ("lip_parameters.sound_head.", "gestures.heard."),
    ("lip_parameters.posterior_head.", "gestures.guessed."),
    ("lip_parameters.", "gestures."),
    ("decoder.lip_parameters.", "decoder.gestures."),
)


def write_bundle(folder: Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write weights and description into `folder`, each atomically, the description last."""
    from safetensors.torch import save

    content = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    write_bytes(folder / WEIGHTS_FILE, content)
    write_text(folder / DESCRIPTION_FILE, json.dumps(description, indent=1) + "\n")


def read_bundle(
    folder: Path, *, what: str, made_by: str, expected: Mapping[str, object]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the description and the weights of a folder.

    Args:
        folder: as written by `write_bundle`.
        what: the kind of thing that should be there, such as "model"; for the message.
        made_by: what writes such folders; for the message.
        expected: entries that the description must hold, such as the format, exactly so.

    Returns:
        the description, and the tensors by their names on disk.

    Raises:
        CheckpointError: a file is missing or unreadable, or an entry is not as expected.
    """
    for name in (DESCRIPTION_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder}: no {name} here; expected a folder made by {made_by}")
    from safetensors.torch import load_file

    with bundle_errors(folder, what):
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        for name, wanted in expected.items():
            if description.get(name) != wanted:
                raise CheckpointError(f"{folder}: {name} is {description.get(name)!r}; this version reads {wanted!r}")
        return description, load_file(str(folder / WEIGHTS_FILE))


@contextmanager
def bundle_errors(folder: Path, what: str) -> Iterator[None]:
    """Turn whatever the contents of a folder may raise while they are read into a CheckpointError of one line.

    Args:
        folder: being read.
        what: the kind of thing that should be there, such as "model".
    """
    try:
        yield
    except CheckpointError:
        raise
    except PhonolipsError as error:
        raise CheckpointError(f"{folder}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError, OSError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{folder}: not a readable {what} ({first_line})") from error


def to_disk(name: str) -> str:
    """Return the name that a tensor has in format 2."""
    for here, there in DISK_NAMES:
        if name.startswith(here):
            return there + name.removeprefix(here)
    return name


def from_disk(name: str) -> str:
    """Return the name here of a tensor of format 2; the inverse of `to_disk`."""
    for here, there in DISK_NAMES:
        if name.startswith(there):
            return here + name.removeprefix(there)
    return name


def settings_to_disk(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a network under the names of format 2."""
    return {"gestures" if name == "lip_parameters" else name: value for name, value in settings.items()}


def settings_from_disk(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of format 2 under their names here; the inverse of `settings_to_disk`."""
    return {"lip_parameters" if name == "gestures" else name: value for name, value in settings.items()}
