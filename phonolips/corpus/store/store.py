"""A prepared corpus: ragged arrays of many clips, in shards, found through a memory-mapped index.

A store is a folder, or the address of one on another machine (see `remote`):

    store.json                          the arrays (dtype, shape of one row), and clips per shard
    shards/000017-HASH.safetensors      some clips (see `shards`)
    index-HASH/                         where they are (see `index`); made anew where the shards changed

`FORMAT.md` has the details. A shard is written atomically, and its bytes depend on its clips alone: any
number of processes on any number of machines can make the shards of one store, and be killed at any time. Nothing of
the index is held in memory, so a store of a million clips opens as fast as one of a thousand.
"""

import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from phonolips.checks import shown
from phonolips.corpus.records import Dropped
from phonolips.corpus.store.index import Index, is_left_behind, open_index
from phonolips.corpus.store.remote import LocalFolder, RemoteFolder, open_folder
from phonolips.corpus.store.shards import (
    SHARDS,
    ArraySpec,
    Clip,
    Shard,
    check_clip,
    check_content,
    clip_name,
    current_shards,
    write_shard,
)
from phonolips.errors import CorpusError, InputError
from phonolips.reading import decode_text, parse_json
from phonolips.storage import atomic_file
from phonolips.temporary import sweep

__all__ = [
    "ArraySpec",
    "Clip",
    "Store",
    "StoreWriter",
    "declare_store",
    "declared_arrays",
    "forget_failures",
    "plan_shards",
    "write_shard",
]

FORMAT = "phonolips store 2"
FLOATS = ("float16", "float32", "float64")
HEADER = "store.json"
MOST_SHARD_CLIPS = 256
FEWEST_SHARDS = 64  # of a corpus whose size is known, so that there is work for many processes
MOST_SHARD_BYTES = 64 * 2**20  # a shard that is written clip by clip is closed at this size,
MOST_SHARD_SECONDS = 20.0  # and at this age, which is what a killed run loses
ARRAY_NAME = re.compile(r"\w{1,100}", re.ASCII)  # names of files are made of it
DTYPES = frozenset(("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)), *FLOATS))
MOST_ROW_NUMBERS = 1_000_000  # of a row; ours have up to 80
OPEN_SHARDS = 160  # files that a reader keeps open; more than an epoch needs at a time (`training.order`)
IDS_AT_ONCE = 4_096
ATTEMPTS = 5  # to open a store whose shards others are replacing


class HasId(Protocol):
    """Whatever has the id of a clip."""

    @property
    def id(self) -> str: ...


Named = TypeVar("Named", bound=HasId)


def declare_store(folder: Path, arrays: Mapping[str, ArraySpec], *, clips: int | None = None) -> int:
    """Write `store.json`, or check that it declares the same; return how many clips go into a shard.

    Args:
        folder: the store; created if it is missing.
        arrays: what every clip has.
        clips: how many there will be, about; the first caller that passes it settles the size of the shards.

    Raises:
        CorpusError: the folder holds a store with other arrays, or one of an earlier version.
    """
    declared = {name: {"dtype": s.dtype, "row_shape": list(s.row_shape)} for name, s in arrays.items()}
    header = folder / HEADER
    if not header.is_file():
        size = MOST_SHARD_CLIPS if clips is None else int(np.clip(clips // FEWEST_SHARDS, 1, MOST_SHARD_CLIPS))
        with atomic_file(header) as temporary:
            values = {"format": FORMAT, "arrays": declared, "clips_per_shard": size}
            temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    found = _read_header(header.read_bytes(), str(folder))
    if found["arrays"] != declared:
        raise CorpusError(
            f"{folder}: holds arrays {sorted(found['arrays'])} of another kind than {sorted(declared)}; "
            "prepare into a new folder, or remove this one"
        )
    return int(found["clips_per_shard"])


def _read_header(data: bytes, store: str) -> dict[str, Any]:
    try:
        values = parse_json(decode_text(data))
    except InputError as error:
        raise CorpusError(f"{store}/{HEADER}: {error}; prepare the corpus anew") from error
    found = values.get("format")
    if found != FORMAT:
        raise CorpusError(
            f"{store}: a store of {'an earlier version' if found is None else f'format {shown(found)}'}; "
            f"this version reads {FORMAT!r}: prepare the corpus into a new folder"
        )
    size, arrays = values.get("clips_per_shard", MOST_SHARD_CLIPS), values.get("arrays")
    if type(size) is not int or size < 1 or not isinstance(arrays, dict) or not all(map(_is_spec, arrays.items())):
        raise CorpusError(f"{store}/{HEADER}: declares no arrays that a store can have; prepare the corpus anew")
    return values


def _is_spec(item: tuple[str, Any]) -> bool:
    """Return whether an entry of the header declares an array: a plain name, a dtype of numbers, a row's shape."""
    name, spec = item
    if not ARRAY_NAME.fullmatch(name) or not isinstance(spec, dict) or str(spec.get("dtype")) not in DTYPES:
        return False
    shape = spec.get("row_shape")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        return False
    return math.prod(shape) <= MOST_ROW_NUMBERS


def _read_arrays(data: bytes, store: str) -> dict[str, ArraySpec]:
    arrays = _read_header(data, store)["arrays"]
    return {name: ArraySpec(spec["dtype"], tuple(spec["row_shape"])) for name, spec in arrays.items()}


def declared_arrays(folder: Path) -> dict[str, ArraySpec] | None:
    """Return the arrays that a store on this machine declares; None where there is no store yet.

    Raises:
        CorpusError: a store of an earlier version, or a damaged header.
    """
    header = folder / HEADER
    return _read_arrays(header.read_bytes(), str(folder)) if header.is_file() else None


def _free_numbers(taken: Iterable[str]) -> Iterator[int]:
    """Count upwards through the numbers that no shard has."""
    numbers = {int(name.partition("-")[0]) for name in taken}
    number = 0
    while True:
        if number not in numbers:
            yield number
        number += 1


def _sweep(folder: Path) -> None:
    """Remove what runs that were killed left half-written, on whatever machine: what is an hour old."""
    for path in (folder / SHARDS).glob(".*"):
        if is_left_behind(path):
            path.unlink(missing_ok=True)


def plan_shards(
    folder: Path, arrays: Mapping[str, ArraySpec], records: Iterable[Named], *, clips: int
) -> Iterator[tuple[int, list[Named]]]:
    """Cut what a store has not yet into shards to be made: (number, records).

    Shards that are there stay, with the clips that failed in them. The others' records are cut into groups in their
    order, which get the free numbers in turn; so a run that was killed plans what it had planned before.

    Args:
        folder: the store; declared if it is not there.
        arrays: what every clip has.
        records: all that the store is to hold, read once; anything with an `id`.
        clips: how many there are, about.
    """
    size = declare_store(folder, arrays, clips=clips)
    sweep(folder / SHARDS)
    _sweep(folder)
    store = Store(folder)
    failed = {item.id for item in store.failed()}
    numbers = _free_numbers(store.shards)
    group: list[Named] = []
    for record in records:
        if record.id in failed or record.id in store:
            continue
        group.append(record)
        if len(group) == size:
            yield next(numbers), group
            group = []
    if group:
        yield next(numbers), group


def forget_failures(folder: Path) -> int:
    """Remove every shard in which a clip failed, so that it is made again; return how many."""
    arrays = declared_arrays(folder)
    if arrays is None:
        return 0
    files = LocalFolder(folder)
    failed = [name for name in current_shards(files.list(SHARDS)) if _open_here(files, name, arrays).failed()]
    for name in failed:
        for path in (folder / SHARDS).glob(f"{name.partition('-')[0]}-*"):
            path.unlink(missing_ok=True)
    return len(failed)


def _open_here(files: LocalFolder | RemoteFolder, name: str, arrays: Mapping[str, ArraySpec]) -> Shard:
    try:
        return Shard(files.path(f"{SHARDS}/{name}", partial(check_content, name=name)), arrays)
    except FileNotFoundError as error:
        raise CorpusError(
            f"{files.label}/{SHARDS}/{name}: not there any more; the store was changed while it was open, open it again"
        ) from error


class StoreWriter:
    """Append clips one by one, creating a store or going on where a killed run stopped.

    Clips are held until their shard is full, large or some seconds old; a killed run loses those. For work that is
    shared out, write shards instead (`plan_shards`, `write_shard`).

    Args:
        folder: the store.
        arrays: name -> ArraySpec. An existing store must declare the same ones.

    Raises:
        CorpusError: the folder holds a store with other arrays.
    """

    def __init__(self, folder: Path, arrays: Mapping[str, ArraySpec]) -> None:
        self.folder, self.arrays = folder, dict(arrays)
        self._size = declare_store(folder, arrays)
        _sweep(folder)
        self._there = Store(folder)
        self._numbers = _free_numbers(self._there.shards)
        self._waiting: list[Clip] = []
        self._added: set[str] = set()
        self._bytes, self._since = 0, time.monotonic()

    def __contains__(self, clip: str) -> bool:
        return clip in self._added or clip in self._there

    def __len__(self) -> int:
        return len(self._added) + len(self._there)

    def add(self, clip: str, values: Mapping[str, np.ndarray], meta: Mapping[str, Any] | None = None) -> None:
        """Append one clip. `values` holds an array (rows, *row_shape) for every declared name.

        Raises:
            CorpusError: the clip is there already, or the arrays are not the declared ones.
        """
        if clip in self:
            raise CorpusError(f"{self.folder}: clip {clip!r} is there already")
        entry = Clip(clip, values, dict(meta or {}))
        checked = check_clip(entry, self.arrays, self.folder)
        if not self._waiting:
            self._bytes, self._since = 0, time.monotonic()
        self._waiting.append(entry._replace(values={name: array.copy() for name, array in checked.items()}))
        self._added.add(clip)
        self._bytes += sum(array.nbytes for array in checked.values())
        if (
            len(self._waiting) >= self._size
            or self._bytes >= MOST_SHARD_BYTES
            or time.monotonic() - self._since >= MOST_SHARD_SECONDS
        ):
            self.flush()

    def flush(self) -> None:
        """Write what is waiting as a shard."""
        if self._waiting:
            write_shard(self.folder, next(self._numbers), self.arrays, self._waiting)
            self._waiting = []

    def close(self) -> None:
        """Write what is waiting, and the index."""
        self.flush()
        Store(self.folder)

    def __enter__(self) -> "StoreWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Store:
    """Read a store; rows are read from the shards only when asked for.

    Clips are named by their id, or by their position, 0 to len - 1, in the order of the shards. A store is what it was
    when it was opened; it can be used after a fork, and pickled (it is then opened anew).

    Args:
        folder: the store, or its address, such as `s3://bucket/corpus/features`.
        cache: where the files of an address are kept; None = the user's cache folder.

    Raises:
        CorpusError: there is no store, one of an earlier version, a broken shard, or a clip in two shards.
    """

    def __init__(self, folder: Path | str, *, cache: Path | None = None) -> None:
        self.folder, self._cache = folder, cache
        self.files: LocalFolder | RemoteFolder = open_folder(folder, cache)
        header = self.files.read(HEADER)
        if header is None:
            raise CorpusError(f"{folder}: no prepared store here ({HEADER} is missing); run the stage before")
        self.arrays = _read_arrays(header, str(folder))
        self.shards, self._index = self._look()
        self._open: dict[int, Shard] = {}  # a plain one: threads that share an OrderedDict can break it
        self._checked: set[int] = set()

    def _look(self) -> tuple[list[str], Index]:
        """List the shards, and open their index."""
        for _ in range(ATTEMPTS):
            shards = current_shards(self.files.list(SHARDS))
            try:
                return shards, open_index(self.files, self.arrays, shards)
            except FileNotFoundError as error:  # replaced since they were listed
                missing = error
        raise CorpusError(
            f"{self.folder}: the shards change while they are read; wait until whoever makes them is done"
        ) from missing

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Store, cache=self._cache), (self.folder,)

    def __len__(self) -> int:
        return len(self._index.ids)

    def __contains__(self, clip: object) -> bool:
        return isinstance(clip, str) and self._index.find(clip) is not None

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), IDS_AT_ONCE):
            yield from map(clip_name, self._index.ids[start : start + IDS_AT_ONCE].tolist())

    def id_at(self, position: int) -> str:
        """Return the id of the clip at a position."""
        return clip_name(bytes(self._index.ids[self.position(position)]))

    def position(self, clip: str | int) -> int:
        """Find a clip's position; raise CorpusError where it is not in this store."""
        if not isinstance(clip, str):
            if not 0 <= clip < len(self):
                raise CorpusError(f"{self.folder}: no clip {clip} in this store of {len(self)}")
            return int(clip)
        position = self._index.find(clip)
        if position is None:
            raise CorpusError(f"{self.folder}: no clip {clip!r} in this store")
        return position

    def _shard(self, position: int) -> Shard:
        number = int(self._index.shard[position])
        if not 0 <= number < len(self.shards):
            raise CorpusError(f"{self.folder}: its index is damaged; remove index-* there")
        shard = self._open.pop(number, None) or _open_here(self.files, self.shards[number], self.arrays)
        if number not in self._checked:
            check_content(shard.path)
            self._checked.add(number)
        self._open[number] = shard  # the last one used is the last one closed
        spare = max(0, len(self._open) - OPEN_SHARDS)
        for oldest in list(self._open)[:spare]:
            self._open.pop(oldest, None)
        return shard

    def get(self, clip: str | int, name: str) -> np.ndarray:
        """Read one array of one clip, shape (rows, *row_shape)."""
        position, index = self.position(clip), self._index
        return self._shard(position).read(name, int(index.starts[name][position]), int(index.counts[name][position]))

    def meta(self, clip: str | int) -> dict[str, Any]:
        """Read the free JSON of one clip."""
        position, index = self.position(clip), self._index
        return self._shard(position).meta(int(index.meta_start[position]), int(index.meta_count[position]))

    def rows(self, clip: str | int, name: str) -> int:
        """Count the rows of one array of one clip without reading it."""
        return int(self._index.counts[name][self.position(clip)])

    def lengths(self, name: str) -> np.ndarray:
        """Count the rows of one array of every clip: int32 (clips,), memory-mapped."""
        return self._index.counts[name]

    @property
    def shard_of(self) -> np.ndarray:
        """The shard of every clip: int32 (clips,), memory-mapped; `shards` has their names."""
        return self._index.shard

    def column(self, name: str) -> tuple[np.ndarray, list[str]]:
        """Read `split` or `speaker` of every clip: codes int32 (clips,), memory-mapped, and what they stand for."""
        codes, names = self._index.columns[name], self._index.names[name]
        if len(codes) and not 0 <= codes.min() <= codes.max() < len(names):
            raise CorpusError(f"{self.folder}: its index is damaged; remove index-* there")
        return codes, names

    def where(self, **values: str) -> np.ndarray:
        """Find the clips whose columns have these values: positions, int64, ascending."""
        found = np.ones(len(self), bool)
        for name, value in values.items():
            codes, names = self.column(name)
            found &= codes == (names.index(value) if value in names else -1)
        return np.flatnonzero(found)

    def failed(self) -> list[Dropped]:
        """List the clips that could not be made, with the reasons."""
        return self._index.failed()
