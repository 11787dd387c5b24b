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
from typing import Any

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
OTHER = "the files are not those of one model; copy all of them again, or train it again"
PACKAGED = Path(__file__).resolve().parents[1] / "weights"
PACKAGED_MODEL, PACKAGED_SYNC_EXPERT = PACKAGED / "default", PACKAGED / "sync"


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


def read_weights(folder: Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read tensors of a folder's weights, floats as float32.

    Args:
        folder: of the model.
        names: of those to read; None = all. One that is not there is left out.

    Raises:
        SafetensorError: the file cannot be read.
    """
    from safetensors import safe_open

    with safe_open(os.fspath(folder / WEIGHTS_FILE), "np") as file:
        there = file.keys()
        wanted = there if names is None else [name for name in names if name in there]
        found = {name: file.get_tensor(name) for name in wanted}
    return {name: value.astype(np.float32) if value.dtype.kind == "f" else value for name, value in found.items()}


def count_parameters(folder: Path) -> int:
    """Count the numbers in a folder's weights that were trained."""
    from safetensors import safe_open

    with safe_open(os.fspath(folder / WEIGHTS_FILE), "np") as file:
        trained = [name for name in file.keys() if not name.endswith(MEASURED)]  # noqa: SIM118
        return sum(int(np.prod(file.get_slice(name).get_shape())) for name in trained)


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
