"""A model on disk: a folder with its weights, its graphs, and a description in plain JSON.

Networks, sync experts and lip readers are all kept like this. What they have in common is here: the names of the files,
writing them so that they belong together, reading them with one set of errors, and where the package keeps its own.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError

from phonolips.checks import shown
from phonolips.errors import CheckpointError, InputError, PhonolipsError
from phonolips.reading import read_json
from phonolips.storage import atomic_file

WEIGHTS_FILE, DESCRIPTION_FILE = "model.safetensors", "model.json"
# In the description: the SHA-256, as hexadecimal digits, of every other file of the model, and of its settings.
CHECKSUMS, SETTINGS = "checksums", "settings"
MOST_NAMES = 100_000  # of speakers or words; LRW has 1,000 and 500
# How the names of weights end that are measured or counted, not trained.
MEASURED = (
    "_mean",
    "_var",
    "_scale",
    ".scale",
    "lip_basis",
    "_tracked",
    "_ngrams",
    "_counts",
    "_prior",
    "temperature",
)
# Of a weight that is stored as int8: its dtype and that of its scales by safetensors' names, and how their name ends.
INT8, SCALE_DTYPE, SCALE = "I8", "F32", ".scale"
OTHER = "the files are not those of one model; copy all of them again, or train it again"
NOT_FINITE = "holds NaN or infinity; train it again, or take another copy"
PACKAGED = Path(__file__).resolve().parents[1] / "weights"
PACKAGED_MODEL, PACKAGED_SYNC_EXPERT = PACKAGED / "default", PACKAGED / "sync"


def packaged_models() -> list[str]:
    """Return the names of the models in the package."""
    return sorted(path.parent.name for path in PACKAGED.glob(f"*/{DESCRIPTION_FILE}") if path.parent.name != "sync")


def find_model(model: Path | str | None) -> Path | None:
    """Return the folder of a model in the package where its name is given and nothing else is called so.

    Args:
        model: a folder, or a name such as "default"; None stays None.
    """
    if model is None:
        return None
    path, packaged = Path(model), PACKAGED / str(model)
    is_name = path.name == str(model) and not path.exists() and (packaged / DESCRIPTION_FILE).is_file()
    return packaged if is_name else path


def write_bundle(folder: Path, files: Mapping[str, bytes], description: Mapping[str, Any]) -> None:
    """Write a model's files and its description into `folder`.

    All of them are complete on disk before the first one gets its name, and the description, with their checksums, gets
    it last: a reader finds the old model, the new one, or is told that the files do not belong together.

    Args:
        folder: made if it is not there.
        files: contents by name.
        description: for the JSON file.
    """
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    sums[SETTINGS] = settings_checksum(description)
    text = json.dumps({**description, CHECKSUMS: sums}, indent=1) + "\n"
    with ExitStack() as written:  # leaves in reverse order, so the description goes in first
        for name, content in reversed([*files.items(), (DESCRIPTION_FILE, text.encode())]):
            written.enter_context(atomic_file(folder / name)).write_bytes(content)


def settings_checksum(description: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the settings in a description."""
    return hashlib.sha256(json.dumps(description[SETTINGS], sort_keys=True).encode()).hexdigest()


def check_files(folder: Path, description: Mapping[str, Any], needed: Iterable[str]) -> None:
    """Raise InputError unless the files of a folder are there, and they and its settings are those that were written.

    Args:
        folder: of the model.
        description: from `read_bundle`.
        needed: names that it must list; others that it lists are checked, too.
    """
    found = description.get(CHECKSUMS)
    if not isinstance(found, dict):
        raise InputError(f"{CHECKSUMS} is {shown(found)}; expected names of files and their SHA-256")
    sums = dict(found)
    missing = [name for name in needed if name not in sums]
    if missing:
        raise InputError(f"{CHECKSUMS} has no {missing[0]}: {OTHER}")
    if settings_checksum(description) != sums.pop(SETTINGS, None):
        raise InputError(f"its settings were changed in {DESCRIPTION_FILE}, or are another model's: {OTHER}")
    for name, wanted in sums.items():
        if Path(name).name != name:
            raise InputError(f"{CHECKSUMS} lists {shown(name)}; expected names of files in the folder")
        path = folder / name
        if not path.is_file():
            raise InputError(f"no {name} here: {OTHER}")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != wanted:
            raise InputError(f"{name} is damaged, or another model's: {OTHER}")


class Head(NamedTuple):
    """What the head of a safetensors file says of a tensor: its dtype by safetensors' name, and its shape."""

    dtype: str
    shape: tuple[int, ...]


def read_heads(folder: Path) -> dict[str, Head]:
    """Read the dtype and shape of every tensor of a folder's weights, and no numbers.

    Raises:
        SafetensorError: the file cannot be read.
    """
    from safetensors import safe_open

    with safe_open(os.fspath(folder / WEIGHTS_FILE), "np") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return {name: Head(part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}


def int8_tensors(heads: Mapping[str, Head]) -> list[str]:
    """Return the names of the weights that are stored as int8.

    A weight is NAME times NAME.scale, float32, which has one number for each output: its shape is (outputs, 1, ...),
    with as many axes as the weight, whose first is that of the outputs.

    Raises:
        InputError: one has no scale, or a scale of another kind or shape.
    """
    names = [name for name, head in heads.items() if head.dtype == INT8]
    for name in names:
        shape, scale = heads[name].shape, heads.get(name + SCALE)
        wanted = (*shape[:1], *(1 for _ in shape[1:]))
        if len(shape) < 2 or scale is None:
            what = "no scales beside it" if scale is None else "no axis of outputs"
            raise InputError(f"{WEIGHTS_FILE}: {shown(name)} is {INT8} of shape {shape}, with {what}: {OTHER}")
        if scale != (SCALE_DTYPE, wanted):
            raise InputError(
                f"{WEIGHTS_FILE}: {shown(name + SCALE)} is {scale.dtype} of shape {scale.shape}; expected "
                f"{SCALE_DTYPE} of shape {wanted}: {OTHER}"
            )
    return names


def read_weights(folder: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read tensors of a folder's weights, floats as float32; those stored as int8 are multiplied by their scales.

    Args:
        folder: of the model.
        names: of those to read; None = all. One that is not there is left out.

    Raises:
        SafetensorError: the file cannot be read.
        InputError: the scales of one that is stored as int8 are missing, of another shape, or not finite.
    """
    from safetensors import safe_open

    heads = read_heads(folder)
    int8 = int8_tensors(heads)
    hidden = {name + SCALE for name in int8}
    wanted = [name for name in (heads if names is None else names) if name in heads and name not in hidden]
    with safe_open(os.fspath(folder / WEIGHTS_FILE), "np") as file:
        found = {name: file.get_tensor(name) for name in wanted}
        scales = {name: _finite(name + SCALE, file.get_tensor(name + SCALE)) for name in int8 if name in found}
    for name, scale in scales.items():
        found[name] = found[name].astype(np.float32) * scale
    return {name: value.astype(np.float32) if value.dtype.kind == "f" else value for name, value in found.items()}


def check_scales(folder: Path) -> None:
    """Raise InputError unless every weight stored as int8 has its scales, all of them finite."""
    from safetensors import safe_open

    names = int8_tensors(read_heads(folder))
    with safe_open(os.fspath(folder / WEIGHTS_FILE), "np") as file:
        for name in names:
            _finite(name + SCALE, file.get_tensor(name + SCALE))


def _finite(name: str, values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise InputError(f"{WEIGHTS_FILE}: {shown(name)} {NOT_FINITE}")
    return values


def count_parameters(folder: Path) -> int:
    """Count the numbers in a folder's weights that were trained."""
    return sum(int(np.prod(head.shape)) for name, head in read_heads(folder).items() if not name.endswith(MEASURED))


def read_bundle(
    folder: Path, *, what: str, made_by: str, expected: Mapping[str, object], upgradable: Collection[object] = ()
) -> dict[str, Any]:
    """Read the description of a folder; its other files are read by whoever needs them.

    Args:
        folder: as written by `write_bundle`.
        what: the kind of thing that should be there, such as "model"; for the message.
        made_by: what writes such folders; for the message.
        expected: entries that the description must hold, exactly so; of a tuple, such as of formats, one of them.
        upgradable: earlier formats, which `phonolips upgrade-model` makes one of today's of.

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
                is_old = name == "format" and description.get(name) in upgradable
                old = f"; upgrade it with 'phonolips upgrade-model {folder}'" if is_old else ""
                raise CheckpointError(f"{folder}: {name} is {found}; this version reads {reads}{old}")
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
