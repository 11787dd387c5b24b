"""A prepared corpus: ragged arrays of many clips, in shards, found through a memory-mapped index.

A store is a folder, or the address of one on another machine (see `remote`):

    store.json                  the arrays (dtype, shape of one row), and clips per shard
    shards/000017-HASH.safetensors    some clips: the rows of every array end to end, ids and meta; what failed, and why
    index-HASH/*.npy            made from the shards, and made anew where they changed

A shard is written whole or not at all, and its bytes depend on its clips alone: any number of processes on any
number of machines can make the shards of one store, and be killed at any time. Nothing of the index is held in
memory, so a store of a million clips opens as fast as one of a thousand.
"""

import json
import os
import shutil
import tempfile
import time
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from phonolips.atomic import whole_file
from phonolips.corpus.records import Dropped
from phonolips.corpus.remote import LocalFolder, RemoteFolder, open_folder
from phonolips.errors import CorpusError

FORMAT = "phonolips store 2"
HEADER, SHARDS, SHARD_SUFFIX = "store.json", "shards", ".safetensors"
COLUMNS = ("split", "speaker")  # meta values that the index knows of every clip
MOST_SHARD_CLIPS = 256
FEWEST_SHARDS = 64  # of a corpus whose size is known, so that there is work for many processes
MOST_SHARD_BYTES = 64 * 2**20  # a shard that is written clip by clip is closed at this size,
MOST_SHARD_SECONDS = 20.0  # and at this age, which is what a killed run loses
OPEN_SHARDS = 32  # shards that a reader keeps open
INDEX_FORMAT = 1
SMALLEST_WIDTH = 8  # bytes of the ids' field


class HasId(Protocol):
    """Whatever has the id of a clip."""

    @property
    def id(self) -> str: ...


Named = TypeVar("Named", bound=HasId)


class ArraySpec(NamedTuple):
    """One ragged array: its dtype, and the shape of one row; () for a row that is a number."""

    dtype: str
    row_shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """Size of one row in bytes."""
        return int(np.dtype(self.dtype).itemsize * np.prod(self.row_shape, dtype=np.int64))


class Clip(NamedTuple):
    """One clip to be stored: an array (rows, *row_shape) for every declared name, and free JSON."""

    id: str
    values: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]


def declare_store(folder: Path, arrays: Mapping[str, ArraySpec], *, clips: int | None = None) -> int:
    """Write `store.json`, or check that it says the same; return how many clips go into a shard.

    Args:
        folder: the store; made if it is not there.
        arrays: what every clip has.
        clips: how many there will be, about; the first who says so settles the size of the shards.

    Raises:
        CorpusError: the folder holds a store with other arrays, or one of an earlier version.
    """
    declared = {name: {"dtype": s.dtype, "row_shape": list(s.row_shape)} for name, s in arrays.items()}
    header = folder / HEADER
    if header.is_file():
        found = _read_header(header.read_text(encoding="utf-8"), str(folder))
        if found["arrays"] != declared:
            raise CorpusError(
                f"{folder}: holds arrays {sorted(found['arrays'])} of another kind than {sorted(declared)}; "
                "prepare into a new folder, or remove this one"
            )
        return int(found["clips_per_shard"])
    size = MOST_SHARD_CLIPS if clips is None else int(np.clip(clips // FEWEST_SHARDS, 1, MOST_SHARD_CLIPS))
    with whole_file(header) as temporary:
        values = {"format": FORMAT, "arrays": declared, "clips_per_shard": size}
        temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return size


def _read_header(text: str, store: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise CorpusError(f"{store}/{HEADER}: not JSON ({error}); prepare the corpus anew") from error
    found = values.get("format") if isinstance(values, dict) else None
    if found != FORMAT:
        raise CorpusError(
            f"{store}: a store of format {found!r}; this version reads {FORMAT!r}: prepare the corpus into a new folder"
        )
    return values


def _shard_paths(folder: Path) -> list[Path]:
    """List the shards that are there, in order; not what a killed run left half-written."""
    return sorted(path for path in (folder / SHARDS).glob(f"[0-9]*{SHARD_SUFFIX}"))


def write_shard(
    folder: Path, number: int, arrays: Mapping[str, ArraySpec], clips: Sequence[Clip], failed: Sequence[Dropped] = ()
) -> None:
    """Write one shard, whole or not at all; the same clips give the same bytes.

    Args:
        folder: the store, declared with the same arrays.
        number: of the shard.
        arrays: what every clip has.
        clips: in their order.
        failed: clips that belong here but could not be made, with the reason.

    Raises:
        CorpusError: a clip's arrays are not the declared ones.
    """
    from safetensors.numpy import save_file

    tensors: dict[str, np.ndarray] = {}
    checked = [_check(clip, arrays, folder) for clip in clips]
    for name, spec in arrays.items():
        parts = [values[name] for values in checked]
        tensors[name] = np.concatenate(parts) if parts else np.zeros((0, *spec.row_shape), spec.dtype)
        tensors[f"{name}/starts"] = _starts([len(part) for part in parts])
    ids = [clip.id.encode() for clip in clips]
    width = max(SMALLEST_WIDTH, max(map(len, ids), default=0))
    tensors["clips/ids"] = np.array(ids, f"S{width}").view(np.uint8).reshape(len(ids), width)
    metas = [json.dumps(dict(clip.meta)).encode() for clip in clips]
    tensors["clips/meta"] = np.frombuffer(b"".join(metas), np.uint8)
    tensors["clips/meta/starts"] = _starts([len(meta) for meta in metas])
    tensors["failed"] = np.frombuffer(json.dumps([[item.id, item.reason] for item in failed]).encode(), np.uint8)
    known = zlib.crc32(b"".join(tensors[name].tobytes() for name in sorted(tensors) if name not in arrays))
    path = folder / SHARDS / f"{number:06d}-{known:08x}{SHARD_SUFFIX}"
    with whole_file(path) as temporary:
        save_file(tensors, str(temporary))
        temporary.chmod(0o644)
    for other in (folder / SHARDS).glob(f"{number:06d}-*{SHARD_SUFFIX}"):
        if other != path:
            other.unlink(missing_ok=True)


def _starts(counts: list[int]) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def _check(clip: Clip, arrays: Mapping[str, ArraySpec], folder: Path) -> dict[str, np.ndarray]:
    if set(clip.values) != set(arrays):
        raise CorpusError(f"{folder}: clip {clip.id!r} has {sorted(clip.values)}, not {sorted(arrays)}")
    checked = {}
    for name, spec in arrays.items():
        array = np.ascontiguousarray(clip.values[name], dtype=spec.dtype)
        if array.shape[1:] != spec.row_shape:
            raise CorpusError(
                f"{folder}: clip {clip.id!r}: {name} has rows of shape {array.shape[1:]}, expected {spec.row_shape}"
            )
        checked[name] = array
    return checked


def free_numbers(folder: Path) -> Iterator[int]:
    """Count upwards through the numbers that no shard has."""
    taken = {int(path.stem.partition("-")[0]) for path in _shard_paths(folder)}
    number = 0
    while True:
        if number not in taken:
            yield number
        number += 1


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
    store = Store(folder)
    failed = {item.id for item in store.failed()}
    numbers = free_numbers(folder)
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
    removed = 0
    for path in _shard_paths(folder):
        with _open_shard(path) as shard:
            failed = json.loads(bytes(shard.get_tensor("failed")))
        if failed:
            path.unlink()
            removed += 1
    return removed


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
        self._there = Store(folder)
        self._numbers = free_numbers(folder)
        self._waiting: list[Clip] = []
        self._added: set[str] = set()
        self._bytes, self._since = 0, time.monotonic()

    def __contains__(self, clip: str) -> bool:
        return clip in self._added or clip in self._there

    def __len__(self) -> int:
        return len(self._added) + len(self._there)

    def add(self, clip: str, values: Mapping[str, np.ndarray], meta: Mapping[str, Any] | None = None) -> None:
        """Append one clip. `values` holds an array (rows, *row_shape) for every declared name."""
        if clip in self:
            raise CorpusError(f"{self.folder}: clip {clip!r} is there already")
        entry = Clip(clip, values, dict(meta or {}))
        entry = entry._replace(values={name: array.copy() for name, array in self._checked(entry).items()})
        if not self._waiting:
            self._bytes, self._since = 0, time.monotonic()
        self._waiting.append(entry)
        self._added.add(clip)
        self._bytes += sum(array.nbytes for array in entry.values.values())
        if (
            len(self._waiting) >= self._size
            or self._bytes >= MOST_SHARD_BYTES
            or time.monotonic() - self._since >= MOST_SHARD_SECONDS
        ):
            self.flush()

    def _checked(self, clip: Clip) -> dict[str, np.ndarray]:
        return _check(clip, self.arrays, self.folder)

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


def _open_shard(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(str(path), "numpy")
    except (SafetensorError, OSError) as error:
        raise CorpusError(
            f"{path}: not a readable shard ({str(error).splitlines()[0]}); remove it and prepare again"
        ) from error


class Store:
    """Read a store; rows are read from the shards only when asked for.

    Clips are named by their id, or by their position, 0 to len - 1, in the order of the shards.

    Args:
        folder: the store, or its address, such as `s3://bucket/corpus/features`.
        cache: where shards of an address are kept; None = the user's cache folder.

    Raises:
        CorpusError: there is no store, one of an earlier version, a broken shard, or a clip in two shards.
    """

    def __init__(self, folder: Path | str, *, cache: Path | None = None) -> None:
        self.files: LocalFolder | RemoteFolder = open_folder(folder, cache)
        header = self.files.read(HEADER)
        if header is None:
            raise CorpusError(f"{folder}: no prepared store here ({HEADER} is missing); run the stage before")
        self.folder = folder
        self.arrays = {
            name: ArraySpec(spec["dtype"], tuple(spec["row_shape"]))
            for name, spec in _read_header(header.decode(), str(folder))["arrays"].items()
        }
        self._shards = sorted(n for n in self.files.list(SHARDS) if n.endswith(SHARD_SUFFIX) and n[0] != ".")
        self._index = _open_index(self.files, self.arrays, self._shards)
        self._open: OrderedDict[int, Any] = OrderedDict()
        self._codes: dict[str, tuple[np.ndarray, list[str]]] = {}

    def __len__(self) -> int:
        return len(self._index.ids)

    def __contains__(self, clip: object) -> bool:
        return isinstance(clip, str) and self._find(clip) is not None

    def __iter__(self) -> Iterator[str]:
        return (self.id_at(position) for position in range(len(self)))

    def id_at(self, position: int) -> str:
        """Name the clip at a position."""
        return bytes(self._index.ids[position]).decode()

    def _find(self, clip: str) -> int | None:
        ids, order = self._index.ids, self._index.order
        name = clip.encode()
        if len(name) > ids.dtype.itemsize or not len(ids):
            return None
        low, high = 0, len(order)
        while low < high:
            middle = (low + high) // 2
            if bytes(ids[order[middle]]) < name:
                low = middle + 1
            else:
                high = middle
        if low < len(order) and bytes(ids[order[low]]) == name:
            return int(order[low])
        return None

    def position(self, clip: str | int) -> int:
        """Find a clip's position; raise CorpusError where it is not in this store."""
        if not isinstance(clip, str):
            if not 0 <= clip < len(self):
                raise CorpusError(f"{self.folder}: no clip {clip} in this store of {len(self)}")
            return int(clip)
        position = self._find(clip)
        if position is None:
            raise CorpusError(f"{self.folder}: no clip {clip!r} in this store")
        return position

    def _shard(self, number: int) -> Any:
        if number in self._open:
            self._open.move_to_end(number)
        else:
            self._open[number] = _open_shard(self.files.path(f"{SHARDS}/{self._shards[number]}"))
            if len(self._open) > OPEN_SHARDS:
                self._open.popitem(last=False)
        return self._open[number]

    def get(self, clip: str | int, name: str) -> np.ndarray:
        """Read one array of one clip, shape (rows, *row_shape)."""
        position = self.position(clip)
        start, count = int(self._index.starts[name][position]), int(self._index.counts[name][position])
        if not count:
            return np.zeros((0, *self.arrays[name].row_shape), self.arrays[name].dtype)
        return self._shard(int(self._index.shard[position])).get_slice(name)[start : start + count]

    def meta(self, clip: str | int) -> dict[str, Any]:
        """Read the free JSON of one clip."""
        position = self.position(clip)
        shard, place = self._shard(int(self._index.shard[position])), int(self._index.place[position])
        start, end = shard.get_slice("clips/meta/starts")[place : place + 2].tolist()
        return json.loads(bytes(shard.get_slice("clips/meta")[start:end]))

    def rows(self, clip: str | int, name: str) -> int:
        """Count the rows of one array of one clip without reading it."""
        return int(self._index.counts[name][self.position(clip)])

    def lengths(self, name: str) -> np.ndarray:
        """Count the rows of one array of every clip: int32 (clips,), memory-mapped."""
        return self._index.counts[name]

    @property
    def shard_of(self) -> np.ndarray:
        """Say in which shard every clip lies: int32 (clips,), memory-mapped."""
        return self._index.shard

    def column(self, name: str) -> tuple[np.ndarray, list[str]]:
        """Read one of COLUMNS of every clip: codes int32 (clips,), memory-mapped, and what they stand for."""
        return self._index.columns[name], self._index.names[name]

    def where(self, **values: str) -> np.ndarray:
        """Find the clips whose columns have these values: positions, int64, ascending."""
        found = np.ones(len(self), bool)
        for name, value in values.items():
            codes, names = self.column(name)
            found &= codes == (names.index(value) if value in names else -1)
        return np.flatnonzero(found)

    def failed(self) -> list[Dropped]:
        """List the clips that could not be made, with the reasons."""
        return [Dropped(*item) for item in self._index.failed]


class _Index(NamedTuple):
    ids: np.ndarray
    order: np.ndarray
    shard: np.ndarray
    place: np.ndarray
    starts: dict[str, np.ndarray]
    counts: dict[str, np.ndarray]
    columns: dict[str, np.ndarray]
    names: dict[str, list[str]]
    failed: list[list[str]]
    holder: object  # keeps a temporary folder alive


def _open_index(files: "LocalFolder | RemoteFolder", arrays: Mapping[str, ArraySpec], shards: list[str]) -> _Index:
    """Open the index that belongs to these shards, making it where it is not there."""
    name = f"index-{zlib.crc32(json.dumps([INDEX_FORMAT, shards]).encode()):08x}"
    made: Path | None = files.fetch_folder(name)
    holder: object = None
    if made is None:
        parent = files.folder
        if not os.access(parent, os.W_OK):
            holder = tempfile.TemporaryDirectory()
            parent = Path(holder.name)
        made = _make_index(files, arrays, shards, parent, name)

    texts = json.loads((made / "texts.json").read_text(encoding="utf-8"))

    def load(part: str) -> np.ndarray:
        return np.load(made / f"{part}.npy", mmap_mode="r" if texts["clips"] else None)

    return _Index(
        load("ids"),
        load("order"),
        load("shard"),
        load("place"),
        {name: load(f"starts_{name}") for name in arrays},
        {name: load(f"counts_{name}") for name in arrays},
        {name: load(f"column_{name}") for name in COLUMNS},
        texts["names"],
        texts["failed"],
        holder,
    )


def _make_index(
    files: "LocalFolder | RemoteFolder",
    arrays: Mapping[str, ArraySpec],
    shards: list[str],
    parent: Path,
    name: str,
) -> Path:
    """Read every shard's ids, counts and columns into memory-mapped files; return their folder."""
    from numpy.lib.format import open_memmap

    sizes, width = [], SMALLEST_WIDTH
    for shard in shards:
        with _open_shard(files.path(f"{SHARDS}/{shard}")) as file:
            clips, needed = file.get_slice("clips/ids").get_shape()
        sizes.append(clips)
        width = max(width, needed)
    total = sum(sizes)
    temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
    kinds: dict[str, np.dtype] = {"ids": np.dtype(f"S{width}"), "shard": np.dtype("i4"), "place": np.dtype("i4")}
    kinds |= {f"starts_{array}": np.dtype("i8") for array in arrays} | {f"counts_{a}": np.dtype("i4") for a in arrays}
    kinds |= {f"column_{column}": np.dtype("i4") for column in COLUMNS}
    parts: dict[str, np.ndarray] = {}
    for part, kind in kinds.items():
        if total:
            parts[part] = open_memmap(temporary / f"{part}.npy", "w+", kind, (total,))
        else:
            parts[part] = np.zeros(0, kind)
            np.save(temporary / f"{part}.npy", parts[part])
    names: dict[str, dict[str, int]] = {column: {} for column in COLUMNS}
    failed: list[list[str]] = []
    first = 0
    for number, (shard, size) in enumerate(zip(shards, sizes, strict=True)):
        with _open_shard(files.path(f"{SHARDS}/{shard}")) as file:
            failed += json.loads(bytes(file.get_tensor("failed")))
            if not size:
                continue
            here = slice(first, first + size)
            ids = file.get_tensor("clips/ids")
            parts["ids"][here] = ids.view(f"S{ids.shape[1]}")[:, 0]
            parts["shard"][here], parts["place"][here] = number, np.arange(size)
            for array in arrays:
                starts = file.get_tensor(f"{array}/starts")
                parts[f"starts_{array}"][here], parts[f"counts_{array}"][here] = starts[:-1], np.diff(starts)
            text, starts = bytes(file.get_tensor("clips/meta")), file.get_tensor("clips/meta/starts").tolist()
            metas = [json.loads(text[start:end]) for start, end in pairwise(starts)]
            for column in COLUMNS:
                known = names[column]
                codes = [known.setdefault(str(meta.get(column, "")), len(known)) for meta in metas]
                parts[f"column_{column}"][here] = codes
            first += size
    order = np.argsort(parts["ids"], kind="stable")
    np.save(temporary / "order.npy", order.astype(np.int32))
    for start in range(1, total, MOST_SHARD_CLIPS**2):
        ids = parts["ids"][order[start - 1 : start + MOST_SHARD_CLIPS**2]]
        twice = np.flatnonzero(ids[1:] == ids[:-1])
        if len(twice):
            shutil.rmtree(temporary)
            raise CorpusError(
                f"{files.label}: the clip {bytes(ids[twice[0]]).decode()!r} lies in two shards; remove one"
            )
    texts = {"clips": total, "names": {column: list(known) for column, known in names.items()}, "failed": failed}
    (temporary / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    temporary.chmod(0o755)
    for old in parent.glob("index-*"):
        shutil.rmtree(old, ignore_errors=True)
    made = parent / name
    try:
        temporary.rename(made)
    except OSError:  # another process was faster
        shutil.rmtree(temporary, ignore_errors=True)
    return made
