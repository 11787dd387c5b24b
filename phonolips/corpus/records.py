"""What a corpus is before it is prepared: one record a clip, in a JSON-lines file.

A corpus module (`grid`, `lrw`) finds the clips, reads what was said, decides the split, and names every
clip that it drops together with the reason. Everything after that reads records and never file names.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from phonolips.errors import CorpusError
from phonolips.moved import old_names
from phonolips.storage import atomic_file, write_text

SPLITS = ("train", "valid", "test_seen", "test_unseen")


@dataclass(frozen=True)
class Record:
    """One clip of a corpus.

    Args:
        id: unique in the corpus and usable as a relative path, such as `s1/bbaf2n`.
        speaker: the speaker's id, such as `s1`; "" where nobody knows who speaks.
        split: one of SPLITS.
        text: what is said, plain words.
        audio: path of the file with the sound (the video itself where the sound is in it).
        video: path of the video, or "" for a clip that only the encoder can learn from.
        words: (word, start, end) in seconds where the corpus gives word times, else empty.
        complete: False where more is said in the clip than `text`.
        limits: True for video that was not filmed for this, in which faces are turned, small, several, or cut; its
            lips are tracked within `phonolips.face.limits.FaceLimits`.
    """

    id: str
    speaker: str
    split: str
    text: str
    audio: str
    video: str = ""
    words: tuple[tuple[str, float, float], ...] = ()
    complete: bool = True
    limits: bool = False


@dataclass(frozen=True)
class Dropped:
    """A clip that was left out, and why. Nothing is dropped in silence."""

    id: str
    reason: str


def write_records(records: Iterable[Record], path: Path) -> None:
    """Write records as JSON lines, atomically; raise CorpusError for a repeated id."""
    seen: set[int] = set()
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for record in records:
            if hash(record.id) in seen:
                raise CorpusError(f"{path}: the id {record.id!r} occurs twice; ids must be unique")
            seen.add(hash(record.id))
            file.write(json.dumps(asdict(record)) + "\n")


def iterate_records(path: Path, splits: Iterable[str] | None = None) -> Iterator[Record]:
    """Read records one by one, optionally of some splits only; raise CorpusError with the line that is wrong."""
    wanted = None if splits is None else set(splits)
    if not path.is_file():
        raise CorpusError(f"{path}: no such records file; make it with 'phonolips prepare --step records'")
    names = {field.name for field in fields(Record)}
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
                if "wild" in values:  # the name of `limits` in version 0.1
                    values["limits"] = values.pop("wild")
                values["words"] = tuple((str(w), float(s), float(e)) for w, s, e in values.get("words", ()))
                record = Record(**{key: value for key, value in values.items() if key in names})
            except (ValueError, TypeError, KeyError) as error:
                raise CorpusError(f"{path}:{number}: not a record ({error})") from error
            if record.split not in SPLITS:
                raise CorpusError(f"{path}:{number}: split {record.split!r}; expected one of {', '.join(SPLITS)}")
            if wanted is None or record.split in wanted:
                yield record


def read_records(path: Path, splits: Iterable[str] | None = None) -> list[Record]:
    """Read all records, or those of some splits, into a list; see `iterate_records`."""
    return list(iterate_records(path, splits))


def count_records(path: Path) -> int:
    """Count the lines of a records file, as fast as it can be read; 0 where it is not there."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def write_dropped(dropped: Sequence[Dropped], path: Path) -> None:
    """Write the list of clips left out: `id<TAB>reason` a line, atomically."""
    write_text(path, "".join(f"{item.id}\t{item.reason}\n" for item in dropped))


def read_dropped(path: Path) -> list[Dropped]:
    """Read a list of dropped clips; an absent file is an empty list."""
    if not path.is_file():
        return []
    pairs = (line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines() if "\t" in line)
    return [Dropped(name, reason) for name, reason in pairs]


def count_by_reason(dropped: Iterable[Dropped]) -> list[tuple[str, int]]:
    """Count dropped clips by the kind of reason, the most frequent first.

    The kind is what stands before the first colon, as in `several faces: 2 in 29 of 29 frames`; where that is the
    clip's file, what stands after it, without its numbers.
    """
    kinds = Counter(_kind(item.reason) for item in dropped)
    return kinds.most_common()


def _kind(reason: str) -> str:
    first, _, rest = reason.partition(": ")
    text = rest if "/" in first and rest else first
    return re.sub(r"\d+(\.\d+)?", "N", text.partition(": ")[0])


class GroupDone(NamedTuple):
    """What became of a group: how many clips it had, those that failed, and warnings."""

    clips: int
    failed: list[Dropped]
    notes: list[str]


if not TYPE_CHECKING:
    __getattr__ = old_names("corpus.records", "storage")
