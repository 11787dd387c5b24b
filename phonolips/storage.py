"""Atomic writes, NPZ files with a format number, and which files of a folder belong to a run."""

import contextlib
import errno
import os
import warnings
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from phonolips.checks import shown
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.reading import read_npz
from phonolips.temporary import naming, remove, sweep_once, temporary_path

FORMAT_KEY, VERSION_KEY = "format", "format_version"  # what an NPZ file holds beside its arrays
FIRST_VERSION = 1  # of files that hold no format number
# The number that each kind of NPZ file is written with; docs/file-formats.md has the layouts, and how to add one.
FORMATS = {
    "lips": 2,  # 1 had no number
    "posteriors": 2,  # 1 had no number, and called lip parameters gestures
    "edit": 2,  # 1 had no number
}


@contextlib.contextmanager
def atomic_file(path: Path, *, sweeping: bool = True) -> Iterator[Path]:
    """Yield a temporary path to write to, in the folder of `path` and with its suffix; the folder is created.

    The temporary file replaces `path` when the block ends, and is removed if the block fails: an interrupted process
    leaves the old file or the new one, never half of one.

    Args:
        path: the file.
        sweeping: remove what killed runs left in the folder, when this process writes there for the first time.

    Raises:
        OSError: it cannot be written; names `path`, not the temporary file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if sweeping:
        sweep_once(path.parent)
    temporary = temporary_path(path.parent, path.suffix)
    try:
        with naming(temporary, path):
            yield temporary
            os.replace(temporary, path)
    finally:
        remove(temporary)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill, beside `path`; for content that every process would make the same.

    It is renamed to `path` when the block ends, or removed where another process was faster. A third process may
    remove `path` again at once: whoever reads it must be ready for that.
    """
    sweep_once(path.parent)
    temporary = temporary_path(path.parent, prefix=f".{path.name}-")
    try:
        with naming(temporary, path):
            temporary.mkdir()
            yield temporary
            try:
                temporary.rename(path)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
    finally:
        remove(temporary)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically; for libraries that lose what the system says when they write themselves."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def readable(format_name: str) -> tuple[int, int]:
    """Return the format numbers of an NPZ file that this version reads: the one before, and its own."""
    return FORMATS[format_name] - 1, FORMATS[format_name]


def write_arrays(path: Path, format_name: str, version: int, **arrays: npt.ArrayLike) -> None:
    """Write arrays as a compressed NPZ file with a format name and number, atomically.

    Args:
        path: the file.
        format_name: what the file is, such as `lips`; by convention the stem of its name.
        version: number of the format.
        **arrays: what the file holds; no objects, and no `format` or `format_version`.

    Raises:
        ValueError: an array of objects, or of one of those names.
    """
    for name, array in arrays.items():
        if name in (FORMAT_KEY, VERSION_KEY) or np.asarray(array).dtype.hasobject:
            raise ValueError(f"{path}: {name!r} cannot be written; expected arrays without objects, of other names")
    # an open file, since NumPy adds .npz to a path that does not end so
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        stamp: dict[str, Any] = {FORMAT_KEY: format_name, VERSION_KEY: version}
        np.savez_compressed(file, **stamp, **dict[str, Any](arrays))


def read_arrays(
    path: Path,
    format_name: str,
    readable_versions: Collection[int],
    *,
    required: Collection[str] = (),
    made_by: str = "phonolips",
) -> tuple[dict[str, np.ndarray], int]:
    """Read the arrays of an NPZ file, and its format number.

    Args:
        path: the file.
        format_name: what it must be; files without a format name may be anything.
        readable_versions: format numbers that the caller can read.
        required: arrays that it must hold.
        made_by: the command that makes such files, for messages.

    Returns:
        The arrays, without the format's name and number; and the number, 1 where the file holds none.

    Raises:
        InputError: no such file; damaged, no NPZ file, or with pickled objects; of another format or version;
            or without one of the required arrays.
    """
    path = Path(path)
    expected = f"{format_name}.npz"
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected {article(expected)} made by '{made_by}'")
    try:
        arrays = read_npz(path)
        found = _scalar(arrays.pop(FORMAT_KEY, format_name), "US")
        version = _scalar(arrays.pop(VERSION_KEY, FIRST_VERSION), "iu")
    except InputError as error:
        raise InputError(f"{path}: not {article(expected)} ({error}); make one with '{made_by}'") from error
    if found != format_name:
        raise InputError(f"{path}: holds {shown(found)}; expected {article(expected)} made by '{made_by}'")
    if version not in readable_versions:
        readable = ", ".join(map(str, sorted(readable_versions)))
        raise InputError(
            f"{path}: format version {shown(version)} of {expected}; this version of phonolips reads {readable}: "
            f"update phonolips, or make the file again with '{made_by}'"
        )
    missing = [name for name in required if name not in arrays]
    if missing:
        raise InputError(f"{path}: not {article(expected)} (no array {missing[0]!r}); make one with '{made_by}'")
    return arrays, version


def _scalar(value: Any, kinds: str) -> Any:
    """Return a single text or integer of an NPZ file; raise InputError for another array."""
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in kinds:
        raise InputError(f"its format is {shown(array)}; expected a name and a number")
    return array.item()


def article(name: str) -> str:
    """Put the article before a file's name: a lips.npz, an edit.npz."""
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


# ---------------------------------------------------------------- which files belong to a run

LIPS_FILE = "lips.npz"  # of a run: holds the list of all other files that were written into its folder
FILES_KEY, SUMS_KEY = "files", "files_crc32"
SUM_BYTES = 1 << 16  # read at a time: shards are summed, too, beside a store that is to take no memory


def checksum(path: Path) -> int:
    """Return the CRC-32 of a file."""
    result = 0
    with open(path, "rb") as file:
        while block := file.read(SUM_BYTES):
            result = zlib.crc32(block, result)
    return result


def as_list(files: Mapping[str, int]) -> dict[str, Any]:
    """Return a list of files with their checksums as the arrays that lips.npz holds."""
    return {FILES_KEY: np.array(list(files), dtype=str), SUMS_KEY: np.array(list(files.values()), np.uint32)}


def listed_files(lips: Path) -> dict[str, int] | None:
    """Read which files were written with a run, name in its folder -> CRC-32; None where its lips.npz has no list."""
    try:
        arrays = read_npz(lips)
    except InputError:
        return None
    if FILES_KEY not in arrays or SUMS_KEY not in arrays:
        return None
    names, sums = arrays[FILES_KEY], arrays[SUMS_KEY]
    if names.ndim != 1 or names.dtype.kind != "U" or names.shape != sums.shape or sums.dtype != np.uint32:
        return None
    return {str(name): int(value) for name, value in zip(names, sums, strict=True) if _is_inside(str(name))}


def _is_inside(name: str) -> bool:
    """Return whether a name leads to a place in the folder that it is read in."""
    path = Path(name)
    return bool(path.parts) and ".." not in path.parts and not path.anchor and "\0" not in name


def list_files(lips: Path, files: Iterable[Path]) -> None:
    """Add files to the list of a run, where they lie in its folder: they go with it when the next run takes its place.

    Lips of another name than lips.npz, which stand among a user's files, have no list. Warns where the list cannot be
    written.

    Args:
        lips: the lips.npz of the run.
        files: that were made of it.
    """
    lips = Path(lips)
    if lips.name != LIPS_FILE or not lips.is_file():
        return
    folder = lips.parent.resolve()
    places = (file.parent.resolve() / file.name for file in files)
    names = {
        place.relative_to(folder).as_posix(): place
        for place in places
        if place.is_relative_to(folder) and place != folder / LIPS_FILE
    }
    names = {name: place for name, place in names.items() if _is_inside(name)}
    if not names:
        return
    try:
        listed = (listed_files(lips) or {}) | {name: checksum(place) for name, place in names.items()}
        arrays, _ = read_arrays(lips, "lips", readable("lips"))
        write_arrays(lips, "lips", FORMATS["lips"], **arrays | as_list(listed))
    except OSError as error:
        warnings.warn(
            f"{lips}: {error.strerror}; the next run will leave {', '.join(names)} in place", PhonolipsWarning, 2
        )


def remove_listed(folder: Path, files: Mapping[str, int | None]) -> None:
    """Remove the files of an earlier run; those that somebody has changed since stay, with a warning.

    Args:
        folder: of the run.
        files: name -> CRC-32 that the file had when it was written; None = it goes whatever it holds.
    """
    inside = folder.resolve()
    changed = []
    for name, expected in files.items():
        path = folder / name
        if not path.parent.resolve().is_relative_to(inside) or not path.is_file():
            continue
        if expected is None or checksum(path) == expected:
            path.unlink()
        else:
            changed.append(name)
    if changed:
        warnings.warn(
            f"{folder}: {', '.join(changed)}: of an earlier run, but changed since; left there beside the new lips",
            PhonolipsWarning,
            stacklevel=4,
        )
