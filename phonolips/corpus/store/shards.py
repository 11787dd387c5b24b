"""One shard of a store: some clips in a safetensors file, written atomically.

The rows of every array lie end to end, and beside them where each clip's rows start, the ids, free JSON of each clip
(`meta`), and what could not be made, and why. A shard's bytes depend on its clips alone. Its name tells its number and
its content: NUMBER-HASH.safetensors.

https://github.com/huggingface/safetensors has the format: eight bytes with the size of a JSON header, the header, and
then the numbers, whose places it names. The library writes;
reading goes past it: a store is read in small parts at random, of many shards in turn, and what the library maps into
memory counts as this process's and grows with the epoch. It also takes three times as long for the mel of a clip.
"""

import json
import math
import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.corpus.records import Dropped, check_id
from phonolips.errors import CorpusError, InputError
from phonolips.reading import parse_json
from phonolips.storage import atomic_file, checksum

SHARDS, SHARD_SUFFIX = "shards", ".safetensors"
SHARD_NAME = re.compile(r"(\d{6,})-([0-9a-f]{8})" + re.escape(SHARD_SUFFIX), re.ASCII)  # number, CRC-32 of the file
SMALLEST_ID_BYTES = 8  # of the ids' field


class ArraySpec(NamedTuple):
    """One ragged array: its dtype, and the shape of one row; () for a row that is a number."""

    dtype: str
    row_shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """Size of one row in bytes."""
        return np.dtype(self.dtype).itemsize * math.prod(self.row_shape)


class Clip(NamedTuple):
    """One clip to be stored: an array (rows, *row_shape) for every declared name, and free JSON."""

    id: str
    values: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]


_STARTS, _BYTES = ArraySpec("int64", ()), ArraySpec("uint8", ())


def current_shards(names: Iterable[str]) -> list[str]:
    """Pick the shards out of the names of files, in order; not what a killed run left half-written.

    Where two workers made one shard at the same time, and not to the bit the same, one of the two counts, the same
    one for everybody.
    """
    newest = {name.partition("-")[0]: name for name in sorted(names) if SHARD_NAME.fullmatch(name)}
    return list(newest.values())


def check_clip(clip: Clip, arrays: Mapping[str, ArraySpec], folder: Path) -> dict[str, np.ndarray]:
    """Return a clip's arrays in the declared dtypes; raise CorpusError where they are not the declared ones."""
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


def write_shard(
    folder: Path, number: int, arrays: Mapping[str, ArraySpec], clips: Sequence[Clip], failed: Sequence[Dropped] = ()
) -> None:
    """Write one shard atomically; the same clips give the same bytes.

    Args:
        folder: the store, declared with the same arrays.
        number: of the shard.
        arrays: what every clip has.
        clips: in their order.
        failed: clips that belong here but could not be made, with the reason.

    Raises:
        CorpusError: a clip's arrays are not the declared ones, a clip comes twice, or somebody else wrote other clips
            as the shard of this number.
    """
    from safetensors.numpy import save

    ids = [clip.id.encode() for clip in clips]
    if len(set(ids)) < len(ids):
        twice = next(clip.id for clip in clips if ids.count(clip.id.encode()) > 1)
        raise CorpusError(f"{folder}: clip {twice!r} comes twice in shard {number}; every clip needs an id of its own")
    tensors: dict[str, np.ndarray] = {}
    checked = [check_clip(clip, arrays, folder) for clip in clips]
    for name, spec in arrays.items():
        parts = [values[name] for values in checked]
        tensors[name] = np.concatenate(parts) if parts else np.zeros((0, *spec.row_shape), spec.dtype)
        tensors[f"{name}/starts"] = _starts([len(part) for part in parts])
    width = max(SMALLEST_ID_BYTES, max(map(len, ids), default=0))
    tensors["clips/ids"] = np.array(ids, f"S{width}").view(np.uint8).reshape(len(ids), width)
    metas = [json.dumps(dict(clip.meta)).encode() for clip in clips]
    tensors["clips/meta"] = np.frombuffer(b"".join(metas), np.uint8)
    tensors["clips/meta/starts"] = _starts([len(meta) for meta in metas])
    tensors["failed"] = np.frombuffer(json.dumps([[item.id, item.reason] for item in failed]).encode(), np.uint8)
    content = save(tensors)
    path = folder / SHARDS / f"{number:06d}-{zlib.crc32(content):08x}{SHARD_SUFFIX}"
    with atomic_file(path, sweeping=False) as temporary:  # `plan_shards` sweeps, once for all who write
        temporary.write_bytes(content)
    _settle(path, arrays, sorted(clip.id for clip in clips) + sorted(item.id for item in failed))


def _settle(path: Path, arrays: Mapping[str, ArraySpec], ids: list[str]) -> None:
    """Keep one of two shards that were made of the same clips at the same time; refuse one of other clips."""
    number = path.name.partition("-")[0]
    others = [other for other in path.parent.glob(f"{number}-*{SHARD_SUFFIX}") if other != path]
    for other in others:
        try:
            shard = Shard(other, arrays)
        except FileNotFoundError:
            continue  # whoever wrote it has settled already
        if sorted(shard.ids()) + sorted(item.id for item in shard.failed()) != ids:
            path.unlink(missing_ok=True)
            raise CorpusError(
                f"{path.parent.parent}: another process wrote other clips as shard {int(number)}; "
                "let it end, then run this again"
            )
    for loser in sorted([path, *others])[:-1]:
        loser.unlink(missing_ok=True)


def _starts(counts: list[int]) -> np.ndarray:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def check_content(path: Path, name: str | None = None) -> None:
    """Raise CorpusError where a shard's bytes are not those that its name tells the CRC-32 of.

    Takes some 70 ms for a shard of 64 MB in the page cache; a `Store` does it once for each shard that it reads from.

    Args:
        path: the file.
        name: of the shard; None = the file's own.
    """
    told = SHARD_NAME.fullmatch(name or path.name)
    found = checksum(path)
    if told is not None and int(told[2], 16) != found:
        raise CorpusError(
            f"{path}: damaged: its bytes have the CRC-32 {found:08x}, and its name says {told[2]}; remove it, and make "
            "or fetch it again"
        )


def clip_name(raw: bytes) -> str:
    """Return a clip's id of a shard or an index as text; raise CorpusError where it is none (`check_id`)."""
    return check_id(raw.decode("utf-8", "replace"))


def read_dropped_json(text: bytes) -> list[Dropped]:
    """Read the JSON [[id, reason], ...] of a shard or an index; raise CorpusError where it is none."""
    try:
        pairs = json.loads(text)
        right = all(isinstance(id_, str) and isinstance(reason, str) for id_, reason in pairs)
    except (ValueError, TypeError, RecursionError):
        right = False
    if not right:
        raise CorpusError("its list of failed clips is damaged")
    return [Dropped(*pair) for pair in pairs]


class Shard:
    """Read parts of one shard. A read moves nothing that threads or forked processes share.

    Args:
        path: the file.
        arrays: what every clip has.

    Raises:
        FileNotFoundError: there is no such file.
        CorpusError: it is no shard with these arrays, or not a whole one.
    """

    def __init__(self, path: Path, arrays: Mapping[str, ArraySpec]) -> None:
        self._file = -1
        self.path = path
        specs = {**arrays, "clips/meta": _BYTES, "clips/meta/starts": _STARTS, "failed": _BYTES}
        specs |= {f"{name}/starts": _STARTS for name in arrays}
        self._file = os.open(path, os.O_RDONLY)
        if not path.is_file():
            raise self._error("it is a folder")
        size = os.fstat(self._file).st_size
        header_bytes = int.from_bytes(os.pread(self._file, 8, 0), "little")
        if header_bytes > size:
            raise self._error("its header is cut off")
        first = 8 + header_bytes
        places = self._places(os.pread(self._file, header_bytes, 8))
        needed = first + max((end for _, end, _ in places.values()), default=0)
        if needed != size:
            raise self._error(f"{size} bytes, should be {needed}")
        missing = next((name for name in (*specs, "clips/ids") if name not in places), None)
        if missing is not None:
            raise self._error(f"it has no {missing!r}")
        self.clips, self.id_bytes = (*places["clips/ids"][2], 0, 0)[:2]
        specs["clips/ids"] = ArraySpec(f"S{self.id_bytes}", ())
        self._tensors: dict[str, tuple[np.dtype, tuple[int, ...], int, int]] = {}
        self._rows: dict[str, int] = {}
        for name, spec in specs.items():
            start, end, shape = places[name]
            if not shape or end - start != shape[0] * spec.row_bytes:
                raise self._error(f"{name} is not {spec.dtype} with rows of shape {spec.row_shape}")
            self._tensors[name] = np.dtype(spec.dtype), spec.row_shape, spec.row_bytes, first + start
            self._rows[name] = shape[0]

    def _places(self, header: bytes) -> dict[str, tuple[int, int, tuple[int, ...]]]:
        """Read the header: name -> first byte, the one after the last, and shape; whole numbers, 0 or more."""
        places: dict[str, tuple[int, int, tuple[int, ...]]] = {}
        try:
            for name, entry in json.loads(header).items():
                if name == "__metadata__":
                    continue
                (start, end), shape = entry["data_offsets"], entry["shape"]
                if any(type(number) is not int or number < 0 for number in (start, end, *shape)) or start > end:
                    raise ValueError(name)
                places[name] = start, end, tuple(shape)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise self._error("its header is damaged") from error
        return places

    def _error(self, what: str) -> CorpusError:
        return CorpusError(f"{self.path}: not a whole shard of this store ({what}); remove it and run the stage again")

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)

    def read(self, name: str, start: int, count: int) -> np.ndarray:
        """Read rows of an array, shape (count, *row_shape), into memory of their own."""
        dtype, row_shape, row_bytes, first = self._tensors[name]
        if not (start >= 0 and count >= 0 and start + count <= self._rows[name]):
            raise CorpusError(
                f"{self.path}: no rows {start} to {start + count} of {name}: the index is damaged; remove index-* there"
            )
        rows = np.empty((count, *row_shape), dtype)
        if count and os.preadv(self._file, [rows.data], first + start * row_bytes) != rows.nbytes:
            raise self._error("it was cut off while it was open")
        return rows

    def all(self, name: str) -> np.ndarray:
        """Read all rows of an array."""
        return self.read(name, 0, self._rows[name])

    def starts(self, name: str) -> np.ndarray:
        """Return where each clip's rows of an array start, and where the last one's end: int64 (clips + 1,)."""
        starts = self.all(f"{name}/starts")
        right = len(starts) == self.clips + 1 and starts[0] == 0 and starts[-1] == self._rows[name]
        if not right or (np.diff(starts) < 0).any():
            raise self._error(f"the places of {name} are not in order")
        return starts

    def raw_ids(self) -> np.ndarray:
        """Read the ids: bytes (clips,)."""
        return self.all("clips/ids")

    def ids(self) -> list[str]:
        """Read the ids."""
        return [clip_name(name) for name in self.raw_ids().tolist()]

    def metas(self) -> list[dict[str, Any]]:
        """Read the free JSON of every clip."""
        text = self.all("clips/meta").tobytes()
        return [self._parse(text[start:end]) for start, end in pairwise(self.starts("clips/meta").tolist())]

    def meta(self, start: int, count: int) -> dict[str, Any]:
        """Read the free JSON of one clip, whose place the index knows."""
        return self._parse(self.read("clips/meta", start, count).tobytes())

    def _parse(self, text: bytes) -> dict[str, Any]:
        try:
            return parse_json(text.decode("utf-8", "replace"))
        except InputError as error:
            raise self._error(f"the free JSON of a clip: {error}") from error

    def failed(self) -> list[Dropped]:
        """List the clips that could not be made, with the reasons."""
        try:
            return read_dropped_json(self.all("failed").tobytes())
        except CorpusError as error:
            raise self._error(str(error)) from error
