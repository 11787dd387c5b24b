"""Anybody's videos of talking faces, without transcripts: which files there are, who speaks, and who is held out.

A folder of FOLDER is a person, with all videos under it, however deep (VoxCeleb and LRS lie so); a video directly in
FOLDER is a person of its own. People are told apart for two things only: nobody whom the model is tested on may be in
its training, and somebody with many clips shall not drown the others. What is said is what the encoder reads.
"""

import os
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from phonolips.checks import shown
from phonolips.corpus.cutting import Cut, cut_video
from phonolips.corpus.records import Dropped, GroupDone, Record, check_id
from phonolips.errors import CorpusError, InputError
from phonolips.workers.backend import Backend
from phonolips.workers.clips import map_groups
from phonolips.workers.local import LocalBackend

SUFFIXES = frozenset(
    (
        ".3gp",
        ".avi",
        ".flv",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ogv",
        ".ts",
        ".vob",
        ".webm",
        ".wmv",
    )
)  # of files that are looked at
TEST_SHARE = 0.1  # of the people, where nobody says how many are held out
FILES_AT_ONCE = 8  # videos that a worker cuts at a time


class Source(NamedTuple):
    """A video of a person: the id that its clips begin with, who speaks, and the file."""

    id: str
    person: str
    path: Path


def find_sources(data: Path) -> tuple[list[Source], list[Dropped]]:
    """Find the videos of a folder, sorted by id, and those whose name cannot be an id.

    Raises:
        CorpusError: no such folder, or no video in it.
    """
    if not data.is_dir():
        raise CorpusError(
            f"{data}: no such folder; expected one with videos, or with a folder of videos for each person"
        )
    found = sorted(_videos_under(data))
    stems = Counter(path.with_suffix("").as_posix() for path in found)
    folders = {path.parts[0] for path in found if len(path.parts) > 1}
    sources: list[Source] = []
    dropped: list[Dropped] = []
    for path in found:
        stem = path.with_suffix("").as_posix()
        is_taken = stems[stem] > 1 or (len(path.parts) == 1 and stem in folders)
        name = path.as_posix() if is_taken else stem
        try:
            person = path.parts[0] if len(path.parts) > 1 else name
            sources.append(Source(check_id(name), check_id(person), data / path))
        except CorpusError as error:
            dropped.append(Dropped(ascii(path.as_posix())[1:-1], str(error)))
    if not sources:
        because = f"; the first of {len(dropped)} left out: {dropped[0].reason}" if dropped else ""
        raise CorpusError(f"{data}: no video here ({' '.join(sorted(SUFFIXES))}){because}")
    return sources, dropped


def _videos_under(data: Path) -> Iterable[Path]:
    """Yield the videos in and under a folder, relative to it; what is hidden is left alone."""
    for folder, folders, files in os.walk(data, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield (Path(folder) / name).relative_to(data)


def in_drawn_order(people: Collection[str]) -> list[str]:
    """Order people as if drawn by lot, and each time the same: by the checksums of their names."""
    return sorted(people, key=lambda name: (zlib.crc32(name.encode("utf-8", "surrogateescape")), name))


def choose_test_people(people: Collection[str], wanted: int | Collection[str] | None) -> frozenset[str]:
    """Choose who is held out.

    Args:
        people: everybody.
        wanted: how many, or who; None = a tenth of them and at least one, nobody of a single person.

    Raises:
        InputError: more people than leave one to train on, or somebody who is not there.
    """
    if wanted is None:
        wanted = max(1, round(TEST_SHARE * len(people))) if len(people) > 1 else 0
    if isinstance(wanted, int):
        if wanted >= len(people):
            raise InputError(f"{wanted} test people of {len(people)}; expected at most {len(people) - 1}")
        return frozenset(in_drawn_order(people)[:wanted])
    missing = sorted(set(wanted) - set(people))
    if missing:
        raise InputError(
            f"test people: {shown(missing[0])} has no video here; the {len(people)} people are "
            f"{', '.join(sorted(people)[:5])}{', ...' if len(people) > 5 else ''}"
        )
    if not set(people) - set(wanted):
        raise InputError(f"all {len(people)} people are test people; expected somebody left to train on")
    return frozenset(wanted)


def fold_of_people(people: Collection[str], folds: int) -> dict[str, int]:
    """Deal people out to folds, 0 to `folds` - 1, each with as many as the others or one less.

    Raises:
        InputError: fewer than two folds, or more than people.
    """
    if not 2 <= folds <= len(people):
        raise InputError(f"{folds} folds of {len(people)} people; expected 2 to {len(people)}")
    return {name: index % folds for index, name in enumerate(in_drawn_order(people))}


def find_records(
    data: Path,
    folder: Path,
    *,
    test_people: int | Collection[str] | None = None,
    encoder: Path | None = None,
    backend: Backend | None = None,
) -> tuple[list[Record], list[Dropped]]:
    """List the clips of a folder of videos; long ones are cut at pauses. Goes on where a killed run stopped.

    Args:
        data: a folder with a folder for each person, or videos of a person each.
        folder: gets the sound of every clip, `sound/ID.wav`.
        test_people: see `choose_test_people`.
        encoder: the model whose encoder and voice activity find speech and pauses; None = the one in the package.
        backend: who works; None = this process.

    Returns:
        Records with id `PERSON/NAME`, or `PERSON/NAME/0001` of a video that was cut, without text; and everything left
        out, with reasons.

    Raises:
        CorpusError: no video there. InputError: test people that cannot be.
    """
    sources, dropped = find_sources(Path(os.path.abspath(data)))
    sounds = folder.resolve() / "sound"
    people = {source.person for source in sources}
    held_out = choose_test_people(people, test_people)
    groups = [sources[first : first + FILES_AT_ONCE] for first in range(0, len(sources), FILES_AT_ONCE)]
    if len(sources) < 4 * FILES_AT_ONCE:
        groups = [[source] for source in sources]
    work = partial(_cut_group, sound=sounds, encoder=encoder and encoder.resolve())
    for _ in map_groups(
        work, groups, backend=backend or LocalBackend(1), clips=len(sources), description="find speech"
    ):
        pass
    records: list[Record] = []
    for source in sources:
        cut = Cut.read(_cut_file(sounds, source))
        dropped += [Dropped(_piece_id(source, number, cut), reason) for number, reason in cut.dropped]
        split = "test_unseen" if source.person in held_out else "train"
        for number, start, end in cut.pieces:
            clip = _piece_id(source, number, cut)
            records.append(
                Record(
                    clip, source.person, split, "", str(sounds / f"{clip}.wav"), str(source.path),
                    complete=False, limits=True, start=start, end=end,
                )
            )  # fmt: skip
    return records, dropped


def _cut_file(sound: Path, source: Source) -> Path:
    return sound / f"{source.id}.cut.json"


def _piece_id(source: Source, number: int, cut: Cut) -> str:
    return source.id if cut.is_whole else f"{source.id}/{number:04d}"


def _cut_group(sources: Sequence[Source], *, sound: Path, encoder: Path | None) -> GroupDone:
    """Cut some videos, those that are not cut yet."""
    for source in sources:
        kept = _cut_file(sound, source)
        if not (kept.is_file() and Cut.read(kept).is_of(source.path)):
            cut_video(source.path, sound, source.id, encoder=encoder).write(kept)
    return GroupDone(len(sources), [], [])
