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
from typing import TYPE_CHECKING, Any, NamedTuple

from phonolips.checks import check_number, check_text, shown
from phonolips.errors import CorpusError, InputError, PhonolipsError
from phonolips.moved import old_names
from phonolips.reading import decode_text, parse_json, read_text
from phonolips.storage import atomic_file, write_text

SPLITS = ("train", "valid", "test_seen", "test_unseen")
LONGEST_ID, LONGEST_NAME = 1_000, 240  # characters of an id; bytes of one name in it: Linux has 255, with our endings
TEXTS = ("id", "speaker", "split", "text", "audio")  # what every record has
FLAGS = tuple((name, bool, "true or false") for name in ("complete", "limits"))


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
        start, end: the part of the video that is the clip, seconds on the video's clock; both 0 = all of it. The sound
            is the clip's own.
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
    start: float = 0.0
    end: float = 0.0

    def __post_init__(self) -> None:
        """Raise CorpusError where the id is no relative path inside a folder."""
        check_id(self.id)

    @property
    def is_read(self) -> bool:
        """Whether nobody transcribed the clip, so that what is said in it is what the encoder reads."""
        return not (self.text or self.complete)


def check_id(clip: object) -> str:
    """Return a clip's id; raise CorpusError unless it is usable as a relative path inside a folder, on any system.

    Files are named by ids, so `../x`, `/x`, `C:x`, backslashes, control characters and over-long names are refused
    wherever ids are read.
    """
    if not isinstance(clip, str) or not clip or len(clip) > LONGEST_ID:
        raise CorpusError(f"the id {shown(clip)}; expected a relative path of 1 to {LONGEST_ID} characters")
    parts = clip.split("/")
    bad = "\\" in clip or not clip.isprintable() or (len(clip) > 1 and clip[1] == ":")
    if bad or any(part in ("", ".", "..") or len(part.encode("utf-8", "replace")) > LONGEST_NAME for part in parts):
        raise CorpusError(f"the id {shown(clip)} is no relative path inside a folder; expected one such as s1/bbaf2n")
    return clip


RECORD_FIELDS = tuple(field.name for field in fields(Record))


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
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                record = _record_of(parse_json(decode_text(line)))
            except PhonolipsError as error:
                raise CorpusError(f"{path}:{number}: not a record ({error})") from error
            if record.split not in SPLITS:
                raise CorpusError(f"{path}:{number}: split {shown(record.split)}; expected one of {', '.join(SPLITS)}")
            if wanted is None or record.split in wanted:
                yield record


def _record_of(values: dict[str, Any]) -> Record:
    """Make a record of its JSON object; raise InputError or CorpusError for values of other types."""
    if "wild" in values:  # the name of `limits` in version 0.1
        values["limits"] = values.pop("wild")
    missing = next((name for name in TEXTS if name not in values), None)
    if missing is not None:
        raise InputError(f"no {missing!r} in it")
    for name, kind, expected in (*((name, str, "a text") for name in (*TEXTS, "video")), *FLAGS):
        if not isinstance(values.get(name, kind()), kind) or (kind is str and "\0" in values.get(name, "")):
            raise InputError(f"{name} is {shown(values[name])}; expected {expected}")
    values["words"] = _words_of(values.get("words", []))
    for name in ("start", "end"):
        values[name] = check_number(values.get(name, 0.0), name, "seconds from 0 on", 0)
    return Record(**{name: values[name] for name in RECORD_FIELDS if name in values})


def _words_of(words: object) -> tuple[tuple[str, float, float], ...]:
    """Return the words of a record with their times; raise InputError for anything else."""
    expected = "[word, start, end] with times in seconds"
    if not isinstance(words, list) or not all(isinstance(one, list) and len(one) == 3 for one in words):
        raise InputError(f"words is {shown(words)}; expected lists of {expected}")
    found = []
    for word, start, end in words:
        times = (check_number(time, f"a time of {shown(word)}", expected, 0) for time in (start, end))
        found.append((check_text(word, "a word", "'bin'"), *times))
    return tuple(found)  # type: ignore[arg-type]


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
    pairs = (line.split("\t", 1) for line in read_text(path).split("\n") if "\t" in line)
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
