"""A model on disk: a folder with its weights and, beside them, a description in plain JSON.

Networks, sync experts and lip readers are all kept like this. What they have in common is here: the names of the two
files, writing them atomically, reading them with one set of errors, and where the package keeps its own.
"""

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from phonolips.checks import shown
from phonolips.errors import CheckpointError, InputError, PhonolipsError
from phonolips.reading import read_json
from phonolips.storage import write_bytes, write_text

WEIGHTS_FILE, DESCRIPTION_FILE = "model.safetensors", "model.json"
FLOATS, INTEGERS = ("F16", "BF16", "F32", "F64"), ("I16", "I32", "I64")  # safetensors' names of dtypes that we read
MOST_NAMES = 100_000  # of speakers or words; LRW has 1,000 and 500
OTHER = "the weights are those of another model; copy both files again"
PACKAGED = Path(__file__).resolve().parents[1] / "weights"
PACKAGED_MODEL, PACKAGED_SYNC_EXPERT = PACKAGED / "default", PACKAGED / "sync"
# Formats 2 and 3 write `gestures` where this version says lip parameters: (name here, name on disk); the first prefix
# that fits counts.
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


def read_bundle(folder: Path, *, what: str, made_by: str, expected: Mapping[str, object]) -> dict[str, Any]:
    """Read the description of a folder; `build_module` reads the weights.

    Args:
        folder: as written by `write_bundle`.
        what: the kind of thing that should be there, such as "model"; for the message.
        made_by: what writes such folders; for the message.
        expected: entries that the description must hold, exactly so; of a tuple, such as of formats, one of them.

    Returns:
        the description; `settings` and `notes` in it are JSON objects.

    Raises:
        CheckpointError: a file is missing, the description is unreadable, or an entry is not as expected.
    """
    for name in (DESCRIPTION_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder}: no {name} here; expected a folder made by {made_by}")
    with bundle_errors(folder, what):
        description = read_json(folder / DESCRIPTION_FILE)
        for name, wanted in expected.items():
            choices = wanted if isinstance(wanted, tuple) else (wanted,)
            if name not in description or description[name] not in choices:
                found, reads = shown(description.get(name)), ", ".join(map(repr, choices))
                raise CheckpointError(f"{folder}: {name} is {found}; this version reads {reads}")
        for name, kind in (("settings", dict), ("notes", dict)):
            if not isinstance(description.setdefault(name, {}), kind):
                raise CheckpointError(f"{folder}: {name} is {shown(description[name])}; expected names and values")
        return description


def read_names(description: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of names in a description; raise InputError unless they are texts, at least one, each once."""
    names = description.get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f"{key} is {shown(names)}; expected names")
    if not 0 < len(set(names)) == len(names) <= MOST_NAMES:
        raise InputError(f"{key} is {shown(names)}; expected names, each once")
    if any("${" in name or not name.isprintable() for name in names):
        raise InputError(f"{key} holds names that are none; expected plain words")
    return list(names)


Module = TypeVar("Module", bound=nn.Module)


class _Head(NamedTuple):
    """What the head of a safetensors file says of a tensor."""

    dtype: str
    shape: tuple[int, ...]


class _WithoutFirstValues(TorchFunctionMode):
    """Draw no first values: for those of sizes without numbers torch imports its compiler, for a second."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Skip the functions of torch.nn.init; do all others."""
        given = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)


def build_module(
    folder: Path,
    make: Callable[[], Module],
    *,
    rename: Callable[[str], str] = str,
    any_length: Collection[str] = (),
    replaced: Mapping[str, Collection[str]] | None = None,
) -> Module:
    """Build a module as its description says, with the weights of its folder.

    What the description asks for is compared with the head of the weights' file before any memory is taken for it, so a
    wrong or malicious one costs nothing.

    Args:
        folder: with the weights, as written by `write_bundle`.
        make: makes the module.
        rename: from a tensor's name on disk to its name in the module.
        any_length: one-dimensional tensors of whole numbers that may have any length.
        replaced: tensors that earlier versions wrote, which are left out -> those that may be missing beside them.

    Returns:
        the module in evaluation mode, ready for inference on the CPU.

    Raises:
        InputError: the weights are not those of the module, of other sizes, or not finite.
        SafetensorError: they cannot be read.
    """
    from safetensors.torch import load_file

    path = folder / WEIGHTS_FILE
    with torch.device("meta"), _WithoutFirstValues():  # sizes without numbers
        wanted = make().state_dict()
    heads = _read_heads(path, rename)
    old = [name for name in replaced or {} if heads.pop(name, None) is not None]
    missing = {name for one in old for name in (replaced or {})[one]} - set(heads)
    _compare_heads({name: value for name, value in wanted.items() if name not in missing}, heads, any_length)
    tensors = {rename(name): value for name, value in load_file(str(path)).items()}
    for name, value in tensors.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise InputError(f"{WEIGHTS_FILE}: {name} holds NaN or infinity; train it again, or take another copy")
    module = make()
    own = module.state_dict()
    module.load_state_dict(
        {name: own[name] for name in missing} | {name: tensors[name] for name in tensors if name not in old}
    )
    return module.eval().requires_grad_(False)


def _compare_heads(wanted: Mapping[str, Tensor], found: Mapping[str, _Head], any_length: Collection[str]) -> None:
    """Raise InputError where the tensors of a file are not those of a module."""
    odd = min(set(wanted) ^ set(found), default=None)
    if odd is not None:
        raise InputError(f"{WEIGHTS_FILE}: {'no' if odd in wanted else 'an unknown'} tensor {shown(odd)}: {OTHER}")
    for name, (dtype, shape) in found.items():
        kinds, right = FLOATS if wanted[name].is_floating_point() else INTEGERS, tuple(wanted[name].shape)
        if dtype not in kinds or (shape != right and not (name in any_length and len(shape) == 1)):
            raise InputError(
                f"{WEIGHTS_FILE}: {name} is {dtype} of shape {shape}; its settings ask for shape {right}: {OTHER}"
            )


def _read_heads(path: Path, rename: Callable[[str], str]) -> dict[str, _Head]:
    """Read the dtype and shape of every tensor of a safetensors file, and no numbers."""
    from safetensors import safe_open

    with safe_open(str(path), "pt") as file:
        slices = {rename(name): file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {name: _Head(part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}


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
        reason = str(error).removeprefix(f"{folder}{os.sep}")
        raise CheckpointError(f"{folder}: not a readable {what} ({reason})") from error
    except SafetensorError as error:
        raise CheckpointError(f"{folder}: not a readable {what} ({WEIGHTS_FILE} is damaged or cut short)") from error
    except OSError as error:
        raise CheckpointError(f"{folder}: not a readable {what} ({error.strerror or WEIGHTS_FILE})") from error


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
