"""The GRID corpus: sentences spelt by file names, word times checked by their content, and the splits.

Cooke, Barker, Cunningham and Shao (2006), "An audio-visual corpus for speech perception and automatic
speech recognition". A clip's name spells its sentence: `bbaf2n` is "bin blue at f two now". Every name
belongs to one speaker, but the alignment archive at Zenodo (record 3625687) hands the folders of several
speakers to others; hence a `.align` file counts only where its words are those of the clip's name.
"""

import os
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from phonolips.checks import shown
from phonolips.corpus.records import Dropped, Record
from phonolips.errors import CorpusError, InputError, PhonolipsWarning
from phonolips.phones.intervals import Interval
from phonolips.reading import read_lines, read_text
from phonolips.timebase import MODEL_FPS, align_units_to_seconds

COMMANDS = {"b": "bin", "l": "lay", "p": "place", "s": "set"}
COLOURS = {"b": "blue", "g": "green", "r": "red", "w": "white"}
PREPOSITIONS = {"a": "at", "b": "by", "i": "in", "w": "with"}
LETTERS = {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"}  # no w: its name has three syllables
DIGITS = dict(
    zip("z123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
)
ADVERBS = {"a": "again", "n": "now", "p": "please", "s": "soon"}
SLOTS = (
    ("command", COMMANDS),
    ("colour", COLOURS),
    ("preposition", PREPOSITIONS),
    ("letter", LETTERS),
    ("digit", DIGITS),
    ("adverb", ADVERBS),
)
SILENCES = frozenset(("sil", "sp"))
VIDEO_SUFFIXES = (".mpg", ".mp4")  # the corpus' own files come before re-encoded ones
SPEAKER_FOLDER = re.compile(r"(s\d+)(?:[._].*)?")  # s1, and s1_processed or s1.mpg_6000.part1 of some copies
SPLIT_MODULUS = 20


class Splits(NamedTuple):
    """The committed lists: who is never seen in training, and which clips of seen speakers are held out."""

    unseen_speakers: frozenset[str]
    test_seen: frozenset[str]
    valid: frozenset[str]


def sentence_of(name: str) -> list[str]:
    """Spell out the six words of a GRID clip name: `bbaf2n` -> bin blue at f two now.

    Raises InputError naming the first character that does not fit.
    """
    if len(name) != len(SLOTS):
        raise InputError(f"{name!r} is not the name of a GRID clip; expected 6 characters such as bbaf2n")
    words = []
    for position, (letter, (slot, choices)) in enumerate(zip(name, SLOTS, strict=True), start=1):
        if letter not in choices:
            raise InputError(
                f"{name!r} is not the name of a GRID clip: character {position} ({slot}) is {letter!r}; "
                f"expected one of {''.join(choices)}"
            )
        words.append(choices[letter])
    return words


def read_align(path: Path, *, clip_seconds: float | None = None) -> list[Interval]:
    """Read the spoken words of an `.align` file; silence (`sil`, `sp`) is what lies between them.

    Args:
        path: lines of `start end word`, in 1/25000 s.
        clip_seconds: length of the clip; the last end may lie one video frame beyond it.

    Returns:
        Words with start and end in seconds.

    Raises:
        CorpusError: the file cannot be read, a line is not `start end word`, times run backwards, a word
            has no length, there is no word, or the last end lies beyond the clip.
    """
    try:
        lines = read_text(path).split("\n")
    except InputError as error:
        raise CorpusError(
            f"{path}: cannot be read as an .align file ({str(error).removeprefix(f'{path}: ')})"
        ) from error
    words = []
    edge = 0
    for number, line in enumerate(lines, start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 3 or not all(re.fullmatch(r"\d{1,9}", time, re.ASCII) for time in fields[:2]):
            raise CorpusError(f"{path}:{number}: found {shown(line)}; expected 'start end word' in 1/25000 s")
        start, end, word = int(fields[0]), int(fields[1]), fields[2].lower()
        silent = word in SILENCES
        if start < edge or end < start or (end == start and not silent):
            raise CorpusError(f"{path}:{number}: {shown(word)} runs from {start} to {end} after {edge}; out of order")
        edge = end
        if not silent:
            words.append(Interval(word, align_units_to_seconds(start), align_units_to_seconds(end)))
    if not words:
        raise CorpusError(f"{path}: holds no word; expected six")
    last = align_units_to_seconds(edge)
    if clip_seconds is not None and last > clip_seconds + 1 / MODEL_FPS:
        raise CorpusError(f"{path}: ends at {last:.3f} s, but the clip lasts {clip_seconds:.3f} s")
    return words


def read_splits(folder: Path) -> Splits:
    """Read `unseen_speakers.txt`, `seen_test.txt` and `seen_valid.txt`; `#` starts a comment.

    Raises CorpusError where a list is missing, a clip is in both lists, or its speaker is an unseen one.
    """
    speakers, test, valid = (
        read_list(folder / name) for name in ("unseen_speakers.txt", "seen_test.txt", "seen_valid.txt")
    )
    both = sorted(test & valid)
    if both:
        raise CorpusError(f"{folder}: {both[0]!r} is in seen_test.txt and in seen_valid.txt; keep it in one")
    unseen = sorted(clip for clip in test | valid if clip.partition("/")[0] in speakers)
    if unseen:
        raise CorpusError(f"{folder}: {unseen[0]!r} is listed as seen, but its speaker as unseen")
    return Splits(speakers, test, valid)


def read_list(path: Path) -> frozenset[str]:
    """Read a split list: one name a line, `#` starts a comment; raise CorpusError where it is missing."""
    if not path.is_file():
        raise CorpusError(f"{path}: no such split list; `splits` is the folder that holds it")
    try:
        lines = (line.partition("#")[0].strip() for _, line in read_lines(path))
        return frozenset(line for line in lines if line)
    except InputError as error:
        raise CorpusError(str(error)) from error


def split_of(clip: str, splits: Splits) -> str:
    """Decide the split of a clip id such as `s1/bbaf2n`.

    Unseen speakers are test_unseen. Where a speaker has clips in the lists, these are test_seen or valid
    and all his others train. Clips of all other speakers go by crc32 of the id, modulo 20: 0 is test_seen,
    1 is valid, the rest train.
    """
    speaker = clip.partition("/")[0]
    if speaker in splits.unseen_speakers:
        return "test_unseen"
    if clip in splits.test_seen:
        return "test_seen"
    if clip in splits.valid:
        return "valid"
    if any(listed.partition("/")[0] == speaker for listed in splits.test_seen | splits.valid):
        return "train"
    return {0: "test_seen", 1: "valid"}.get(zlib.crc32(clip.encode()) % SPLIT_MODULUS, "train")


def find_files(data: Path, suffixes: Iterable[str]) -> list[Path]:
    """List the files under `data` with one of these suffixes, sorted; hidden ones and macOS litter not.

    Linked folders are followed, each real folder once.
    """
    wanted = tuple(suffixes)
    found: list[Path] = []
    visited: set[str] = set()
    for folder, subfolders, names in os.walk(data, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and name != "__MACOSX")
        found += [Path(folder, name) for name in names if name.lower().endswith(wanted) and not name.startswith(".")]
    return sorted(found)


def speaker_of(path: Path, data: Path) -> str | None:
    """Name the speaker whose folder (s1, s1/video/mpg_6000, ...) a file lies in; None where there is none."""
    for part in reversed((data.name, *path.relative_to(data).parts[:-1])):
        match = SPEAKER_FOLDER.fullmatch(part.lower())
        if match:
            return match[1]
    return None


def find_records(data: Path, *, splits: Path | None = None) -> tuple[list[Record], list[Dropped]]:
    """Find the clips of a GRID copy in any of its usual layouts.

    Videos lie in a folder of the speaker's name or below it. A clip takes the `.align` file of its name
    that holds the words of its name: first one beside the video or in the speaker's other folders, else
    one in any speaker's. A clip without one stays, as its name gives the sentence; its record has no
    words, and the second list tells why under the id with `.align` added.

    Args:
        data: the folder with the corpus.
        splits: the folder with the split lists; without it every speaker counts as seen and unlisted.

    Returns:
        The records, sorted by speaker and name; and everything left out, with reasons.

    Raises:
        CorpusError: there is no such folder, no clip in it, or the split lists are not as expected.

    Warns:
        PhonolipsWarning: `.align` files lay in other speakers' folders.
    """
    if not data.is_dir():
        raise CorpusError(f"{data}: no such folder; expected GRID with its speakers' folders s1, s2, ...")
    search = _Search(data, Splits(frozenset(), frozenset(), frozenset()) if splits is None else read_splits(splits))
    videos = find_files(data, VIDEO_SUFFIXES)
    videos.sort(key=lambda path: VIDEO_SUFFIXES.index(path.suffix.lower()))
    for video in tqdm(videos, desc="GRID clips", unit="clip", disable=None):
        search.add(video)
    records, dropped, moved = search.records, search.dropped, search.moved
    if not records:
        because = f"; the first of {len(dropped)} dropped: {dropped[0].reason}" if dropped else ""
        raise CorpusError(f"{data}: no GRID clip here; expected videos such as {data / 's1' / 'bbaf2n.mpg'}{because}")
    if moved:
        folders = ", ".join(f"{count} in {folder}" for folder, count in sorted(moved.items()))
        warnings.warn(
            f"{data}: {sum(moved.values())} .align files lay in other speakers' folders ({folders}); "
            "they were told by their words and used",
            PhonolipsWarning,
            stacklevel=2,
        )
    return sorted(records.values(), key=_sort_key), dropped


class _Search:
    """The clips of a GRID copy that were found so far, and those left out."""

    def __init__(self, data: Path, splits: Splits) -> None:
        self.data, self.splits = data, splits
        self.records: dict[str, Record] = {}
        self.dropped: list[Dropped] = []
        self.moved: Counter[str] = Counter()  # other speakers' folders that .align files were taken from
        self.alignments: dict[str, list[Path]] = {}
        for path in find_files(data, [".align"]):
            self.alignments.setdefault(path.stem.lower(), []).append(path)

    def add(self, video: Path) -> None:
        """Make the record of a video, or note why it is left out."""
        speaker, name = speaker_of(video, self.data), video.stem.lower()
        clip = f"{speaker}/{name}" if speaker else video.relative_to(self.data).with_suffix("").as_posix()
        if clip in self.records:
            used = self.records[clip].video
            self.dropped.append(Dropped(clip, f"{video}: a second video of this clip; {used} is used"))
            return
        try:
            if speaker is None:
                raise CorpusError(f"{video}: not in a speaker's folder; expected one such as s1")
            sentence = sentence_of(name)
            seconds = _clip_seconds(video)
        except (InputError, CorpusError) as error:
            self.dropped.append(Dropped(clip, str(error)))
            return
        words, reason = self._words_of(video, speaker, sentence, seconds)
        if not words:
            self.dropped.append(Dropped(f"{clip}.align", f"{reason}; the clip is used without word times"))
        self.records[clip] = Record(
            clip, speaker, split_of(clip, self.splits), " ".join(sentence), str(video), str(video), words
        )

    def _words_of(
        self, video: Path, speaker: str, sentence: list[str], seconds: float | None
    ) -> tuple[tuple[tuple[str, float, float], ...], str]:
        """Return the words of a clip with their times, or why there are none."""
        near: list[Path] = []
        far: list[Path] = []
        for path in self.alignments.get(video.stem.lower(), []):
            (near if speaker_of(path, self.data) == speaker else far).append(path)
        near.sort(key=lambda path: path.parent != video.parent)
        words, source, reason = _matching_words([*near, *far], sentence, seconds)
        if source is not None and source in far:
            self.moved[str(speaker_of(source, self.data))] += 1
        return words, reason


def _sort_key(record: Record) -> tuple[int, str]:
    return int(record.speaker[1:]), record.id


def _clip_seconds(video: Path) -> float | None:
    """Read a clip's length; raise InputError where it cannot be read or is silent."""
    from phonolips.media.video import probe

    info = probe(video)
    if not info.has_audio:
        raise InputError(f"{video}: has no sound; expected a GRID clip with its sound inside")
    lengths = [length for length in (info.video_seconds, info.audio_seconds) if length]
    return max(lengths, default=None)


def _matching_words(
    paths: Iterable[Path], sentence: list[str], clip_seconds: float | None
) -> tuple[tuple[tuple[str, float, float], ...], Path | None, str]:
    """Take the first alignment that is sound and says `sentence`; else return why the first one is not."""
    reasons = []
    for path in paths:
        try:
            words = read_align(path, clip_seconds=clip_seconds)
        except CorpusError as error:
            reasons.append(str(error))
            continue
        said = [word.label for word in words]
        if said == sentence:
            return tuple((word.label, word.start, word.end) for word in words), path, ""
        reasons.append(f"{path}: says {' '.join(said)!r}; expected {' '.join(sentence)!r}")
    return (), None, reasons[0] if reasons else "no .align file of this name"
