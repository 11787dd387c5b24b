"""Where in a store every clip lies: memory-mapped columns, made from the shards.

The index of a store is a folder `index-HASH` beside the shards, with the hash of their names, so that it never refers
to other shards than those that are there. It is made under another name and then renamed; any number of processes may
make it at the same time, and read one that another process removes.

    ids             bytes, the clips' ids, in the order of the shards
    keys            uint64, sorted: CRC-32 of an id in the upper half, its position in the lower one
    shard           int32, number of the shard in the sorted list of them
    starts_NAME     int64, first row of array NAME in the shard; counts_NAME int32, how many
    meta_start      int64, the first byte of the free JSON; meta_count int32
    column_NAME     int32, code of a value from the free JSON; texts.json has what the codes mean
    failed          bytes, JSON: the clips that could not be made, with the reasons
"""

import contextlib
import json
import os
import shutil
import time
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from phonolips.corpus.records import Dropped
from phonolips.corpus.store.remote import LocalFolder, RemoteFolder
from phonolips.corpus.store.shards import (
    SHARDS,
    SMALLEST_ID_BYTES,
    ArraySpec,
    Shard,
    check_content,
    clip_name,
    current_shards,
    read_dropped_json,
)
from phonolips.errors import CorpusError, InputError
from phonolips.reading import read_json
from phonolips.storage import atomic_folder
from phonolips.temporary import temporary_folder

COLUMNS = ("split", "speaker")  # meta values that the index knows of every clip
INDEX_FORMAT = 2
KEY_BITS = 32  # of a position, below the hash
CHECKED_AT_ONCE = 65_536  # keys that are looked at for doubles
ATTEMPTS = 5  # to open an index that other processes make and remove
LEFT_BEHIND_SECONDS = 3_600.0  # after which a half-made file is taken for that of a killed run


class Index(NamedTuple):
    """The columns; see the module."""

    ids: np.ndarray
    keys: np.ndarray
    shard: np.ndarray
    starts: dict[str, np.ndarray]
    counts: dict[str, np.ndarray]
    meta_start: np.ndarray
    meta_count: np.ndarray
    columns: dict[str, np.ndarray]
    names: dict[str, list[str]]
    failures: np.ndarray
    holder: object  # keeps a temporary folder alive

    def find(self, clip: str) -> int | None:
        """Find the position of a clip; None where it is not there."""
        name = clip.encode()
        key = _hash(name)
        at = int(self.keys.searchsorted(np.uint64(key << KEY_BITS)))
        while at < len(self.keys):
            found = int(self.keys[at])
            if found >> KEY_BITS != key:
                return None
            position = found & (1 << KEY_BITS) - 1
            if position < len(self.ids) and self.ids[position] == name:
                return position
            at += 1
        return None

    def failed(self) -> list[Dropped]:
        """List the clips that could not be made, with the reasons."""
        return read_dropped_json(self.failures.tobytes())


def _hash(name: bytes) -> int:
    return zlib.crc32(name)


def open_index(files: LocalFolder | RemoteFolder, arrays: Mapping[str, ArraySpec], shards: list[str]) -> Index:
    """Open the index that belongs to these shards, making it where it is not there.

    Raises:
        FileNotFoundError: one of the shards is not there any more.
        CorpusError: a shard cannot be read, or a clip lies in two of them.
    """
    name = f"index-{zlib.crc32(json.dumps([INDEX_FORMAT, shards]).encode()):08x}"
    for _ in range(ATTEMPTS):
        new = not (files.folder / name).is_dir()
        folder = files.fetch_folder(name)
        if folder is None:
            if not os.access(files.folder, os.W_OK):
                break
            folder = _make_index(files, arrays, shards, files.folder, name)
        try:
            index = _load(folder, arrays, None)
        except (OSError, InputError):  # removed by a process that saw other shards, or damaged
            shutil.rmtree(folder, ignore_errors=True)
            continue
        if new and os.access(files.folder, os.W_OK):
            _tidy(files, shards, name)
        return index
    holder = contextlib.ExitStack()
    here = holder.enter_context(temporary_folder())
    return _load(_make_index(files, arrays, shards, here, name), arrays, holder)


def _new_column(path: Path, kind: np.dtype, clips: int) -> np.ndarray:
    """Make a column in a file; its room on the disk is taken at once: a full disk met later would kill the process."""
    from numpy.lib.format import open_memmap

    column: np.ndarray = open_memmap(path, "w+", kind, (clips,))
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return column


def _kinds(arrays: Mapping[str, ArraySpec]) -> dict[str, str]:
    """List the columns with their dtypes; that of the ids without its width."""
    kinds = {"ids": "S", "keys": "u8", "shard": "i4", "meta_start": "i8", "meta_count": "i4"}
    kinds |= {f"starts_{array}": "i8" for array in arrays} | {f"counts_{array}": "i4" for array in arrays}
    return kinds | {f"column_{column}": "i4" for column in COLUMNS}


def _load(folder: Path, arrays: Mapping[str, ArraySpec], holder: object) -> Index:
    from numpy.lib.format import open_memmap

    texts = read_json(folder / "texts.json")
    clips, names = texts.get("clips"), texts.get("names")
    if type(clips) is not int or clips < 0 or not isinstance(names, dict):
        raise InputError(f"{folder / 'texts.json'}: damaged")
    for listed in map(names.get, COLUMNS):
        if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
            raise InputError(f"{folder / 'texts.json'}: damaged")

    def load(part: str, kind: str = "") -> np.ndarray:
        path, wanted = folder / f"{part}.npy", kind or _kinds(arrays)[part]
        try:
            column: np.ndarray = open_memmap(path, mode="r") if clips or kind else np.load(path)
        # NumPy raises whatever it stumbles over in a head of damaged bytes
        except Exception as error:
            raise InputError(f"{path}: damaged") from error
        if not isinstance(column, np.ndarray):  # of a zip archive np.load makes something else
            raise InputError(f"{path}: damaged")
        if column.ndim != 1 or (not kind and len(column) != clips) or not column.dtype.str[1:].startswith(wanted):
            raise InputError(f"{path}: another column than expected")
        return column.view(np.ndarray)  # np.memmap itself is slow to take one number from

    return Index(
        load("ids"),
        load("keys"),
        load("shard"),
        {name: load(f"starts_{name}") for name in arrays},
        {name: load(f"counts_{name}") for name in arrays},
        load("meta_start"),
        load("meta_count"),
        {name: load(f"column_{name}") for name in COLUMNS},
        names,
        load("failed", "u1"),
        holder,
    )


def _make_index(
    files: LocalFolder | RemoteFolder, arrays: Mapping[str, ArraySpec], shards: list[str], parent: Path, name: str
) -> Path:
    """Read what every shard holds of its clips into memory-mapped files; return their folder."""
    with atomic_folder(parent / name) as temporary:
        _fill_index(temporary, files, arrays, shards)
        temporary.chmod(0o755)
    return parent / name


def _fill_index(
    folder: Path, files: LocalFolder | RemoteFolder, arrays: Mapping[str, ArraySpec], shards: list[str]
) -> None:
    sizes, width = [], SMALLEST_ID_BYTES
    for name in shards:
        shard = Shard(files.path(f"{SHARDS}/{name}", partial(check_content, name=name)), arrays)
        sizes.append(shard.clips)
        width = max(width, shard.id_bytes)
    clips = sum(sizes)
    kinds = _kinds(arrays) | {"ids": f"S{width}"}
    parts: dict[str, np.ndarray] = {}
    for part, kind in kinds.items():
        if clips:
            parts[part] = _new_column(folder / f"{part}.npy", np.dtype(kind), clips)
        else:
            np.save(folder / f"{part}.npy", np.zeros(0, kind))
    codes: dict[str, dict[str, int]] = {column: {} for column in COLUMNS}
    failed: list[Dropped] = []
    first = 0
    for number, (name, size) in enumerate(zip(shards, sizes, strict=True)):
        shard = Shard(files.path(f"{SHARDS}/{name}", partial(check_content, name=name)), arrays)
        failed += shard.failed()
        if not size:
            continue
        here = slice(first, first + size)
        ids = shard.raw_ids()
        for clip in ids.tolist():
            clip_name(clip)  # which names files: refused here once, before anything is read
        hashes = np.array([_hash(clip) for clip in ids.tolist()], np.uint64)
        parts["ids"][here] = ids
        parts["keys"][here] = hashes << np.uint64(KEY_BITS) | np.arange(first, first + size, dtype=np.uint64)
        parts["shard"][here] = number
        for array, start, count in [(a, f"starts_{a}", f"counts_{a}") for a in arrays] + [
            ("clips/meta", "meta_start", "meta_count")
        ]:
            starts = shard.starts(array)
            parts[start][here], parts[count][here] = starts[:-1], np.diff(starts)
        metas = shard.metas()
        for column, known in codes.items():
            parts[f"column_{column}"][here] = [
                known.setdefault(str(meta.get(column, "")), len(known)) for meta in metas
            ]
        first += size
    if clips:
        parts["keys"].sort()  # in place, in the file
        twice = _find_double(parts["ids"], parts["keys"])
        if twice is not None:
            inside = " and ".join(shards[parts["shard"][position]] for position in twice)
            raise CorpusError(
                f"{files.label}: the clip {clip_name(bytes(parts['ids'][twice[0]]))!r} lies in {inside}; remove one"
            )
    texts = {"clips": clips, "names": {column: list(known) for column, known in codes.items()}}
    listed = json.dumps([[item.id, item.reason] for item in failed])
    np.save(folder / "failed.npy", np.frombuffer(listed.encode(), np.uint8))
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")


def _find_double(ids: np.ndarray, keys: np.ndarray) -> tuple[int, int] | None:
    """Find two positions that have the same id."""

    def position(at: int) -> int:
        return int(keys[at]) & (1 << KEY_BITS) - 1

    for start in range(0, len(keys), CHECKED_AT_ONCE):
        hashes = keys[start : start + CHECKED_AT_ONCE + 1] >> np.uint64(KEY_BITS)
        for at in (np.flatnonzero(hashes[1:] == hashes[:-1]) + start + 1).tolist():
            before = at - 1
            while before >= 0 and int(keys[before]) >> KEY_BITS == int(keys[at]) >> KEY_BITS:
                if ids[position(before)] == ids[position(at)]:
                    return position(before), position(at)
                before -= 1
    return None


def is_left_behind(path: Path) -> bool:
    """Return whether something half-made is so old that whoever made it must have been killed."""
    try:
        return time.time() - path.stat().st_mtime > LEFT_BEHIND_SECONDS
    except OSError:  # gone
        return False


def _tidy(files: LocalFolder | RemoteFolder, shards: list[str], name: str) -> None:
    """Remove the indices of other shards, or this one where it is that by now; and what killed runs left.

    Of what was fetched, shards that are not there any more are removed as well.
    """
    there = set(shards)
    stale = current_shards(files.list(SHARDS)) != shards
    for path in files.folder.glob("index-*"):
        if (path.name == name) == stale:
            shutil.rmtree(path, ignore_errors=True)
    for path in files.folder.glob(".index-*"):
        if is_left_behind(path):
            shutil.rmtree(path, ignore_errors=True)
    if isinstance(files, RemoteFolder) and not stale:
        for path in (files.folder / SHARDS).glob("*"):
            if path.name not in there and (path.name[0] != "." or is_left_behind(path)):
                path.unlink(missing_ok=True)
