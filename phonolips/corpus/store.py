"""A prepared corpus: ragged arrays in a few memory-mapped files with an index.

A store is a folder. `store.json` declares the arrays (dtype and the shape of one row), `NAME.bin` holds
the rows of array NAME of all clips end to end, and `index.jsonl` has one line a clip: its id, for every
array the first row and the number of rows, and free JSON `meta`. A clip exists once its index line is
complete; the rows are flushed before that line is written, so a killed run loses at most the clip in
hand, and `StoreWriter` cuts off what it left behind. Half a million clips are half a million index lines.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.errors import CorpusError


class ArraySpec(NamedTuple):
    """One ragged array: its dtype, and the shape of one row; () for a row that is a number."""

    dtype: str
    row_shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """Size of one row in bytes."""
        return int(np.dtype(self.dtype).itemsize * np.prod(self.row_shape, dtype=np.int64))


def _read_index(folder: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """Read the complete index lines; return them by id, and the index's length in bytes up to there."""
    entries: dict[str, dict[str, Any]] = {}
    good_bytes = 0
    path = folder / "index.jsonl"
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    entry = json.loads(line)
                except ValueError:
                    break
                entries[entry["id"]] = entry
                good_bytes += len(line)
    return entries, good_bytes


class StoreWriter:
    """Append clips to a store, creating it or going on where a killed run stopped.

    Args:
        folder: the store.
        arrays: name -> ArraySpec. An existing store must declare the same ones.

    Raises:
        CorpusError: the folder holds a store with other arrays.
    """

    def __init__(self, folder: Path, arrays: Mapping[str, ArraySpec]) -> None:
        self.folder = folder
        self.arrays = dict(arrays)
        folder.mkdir(parents=True, exist_ok=True)
        declared = {name: {"dtype": s.dtype, "row_shape": list(s.row_shape)} for name, s in arrays.items()}
        header = folder / "store.json"
        if header.exists():
            found = json.loads(header.read_text())["arrays"]
            if found != declared:
                raise CorpusError(
                    f"{folder}: holds arrays {sorted(found)} of another kind than {sorted(declared)}; "
                    "prepare into a new folder, or remove this one"
                )
        else:
            temporary = header.with_suffix(".tmp")
            temporary.write_text(json.dumps({"arrays": declared}, indent=1) + "\n")
            os.replace(temporary, header)
        self._entries, index_bytes = _read_index(folder)
        self._rows = dict.fromkeys(self.arrays, 0)
        for entry in self._entries.values():
            for name, (start, count) in entry["rows"].items():
                self._rows[name] = max(self._rows[name], start + count)
        self._index = (folder / "index.jsonl").open("ab")
        self._index.truncate(index_bytes)
        self._files = {}
        for name, spec in self.arrays.items():
            file = (folder / f"{name}.bin").open("ab")
            file.truncate(self._rows[name] * spec.row_bytes)
            file.seek(0, os.SEEK_END)
            self._files[name] = file

    def __contains__(self, clip: str) -> bool:
        return clip in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, clip: str, values: Mapping[str, np.ndarray], meta: Mapping[str, Any] | None = None) -> None:
        """Append one clip. `values` holds an array (rows, *row_shape) for every declared name."""
        if clip in self._entries:
            raise CorpusError(f"{self.folder}: clip {clip!r} is there already")
        if set(values) != set(self.arrays):
            raise CorpusError(f"{self.folder}: clip {clip!r} has {sorted(values)}, not {sorted(self.arrays)}")
        rows = {}
        for name, spec in self.arrays.items():
            array = np.ascontiguousarray(values[name], dtype=spec.dtype)
            if array.shape[1:] != spec.row_shape:
                raise CorpusError(
                    f"{self.folder}: clip {clip!r}: {name} has rows of shape {array.shape[1:]}, "
                    f"expected {spec.row_shape}"
                )
            self._files[name].write(array.tobytes())
            self._files[name].flush()
            rows[name] = (self._rows[name], len(array))
        entry = {"id": clip, "rows": rows, "meta": dict(meta or {})}
        self._index.write(json.dumps(entry).encode() + b"\n")
        self._index.flush()
        for name, (start, count) in rows.items():
            self._rows[name] = start + count
        self._entries[clip] = entry

    def close(self) -> None:
        """Close the files; the store is complete up to the last clip added at any time."""
        for file in (*self._files.values(), self._index):
            file.close()

    def __enter__(self) -> "StoreWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Store:
    """Read a store; arrays are memory-mapped and read only when asked for.

    Raises:
        CorpusError: there is no store, or it is shorter than its index says.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        header = folder / "store.json"
        if not header.is_file():
            raise CorpusError(f"{folder}: no prepared store here (store.json is missing); run the stage before")
        self.arrays = {
            name: ArraySpec(spec["dtype"], tuple(spec["row_shape"]))
            for name, spec in json.loads(header.read_text())["arrays"].items()
        }
        self._entries, _ = _read_index(folder)
        self._maps: dict[str, np.ndarray] = {}
        for name, spec in self.arrays.items():
            path = folder / f"{name}.bin"
            size = path.stat().st_size if path.exists() else 0
            needed = max((sum(e["rows"][name]) for e in self._entries.values()), default=0)
            if size < needed * spec.row_bytes:
                raise CorpusError(f"{path}: {size} bytes, but the index needs {needed * spec.row_bytes}")
            shape = (size // spec.row_bytes, *spec.row_shape)
            self._maps[name] = (
                np.memmap(path, dtype=spec.dtype, mode="r", shape=shape)
                if size
                else np.zeros((0, *spec.row_shape), spec.dtype)
            )

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, clip: str) -> bool:
        return clip in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def get(self, clip: str, name: str) -> np.ndarray:
        """Read one array of one clip, shape (rows, *row_shape); a view on the file, not to be written to."""
        if clip not in self._entries:
            raise CorpusError(f"{self.folder}: no clip {clip!r} in this store")
        start, count = self._entries[clip]["rows"][name]
        return self._maps[name][start : start + count]

    def meta(self, clip: str) -> dict[str, Any]:
        """Read the free JSON of one clip."""
        return self._entries[clip]["meta"]

    def rows(self, clip: str, name: str) -> int:
        """Count the rows of one array of one clip without reading it."""
        return int(self._entries[clip]["rows"][name][1])
