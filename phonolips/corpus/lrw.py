"""LRW: half a million clips of 29 frames, each around one of 500 words, of some 1,000 unnamed speakers.

Chung and Zisserman (2016), "Lip Reading in the Wild". The clips are cut from BBC programmes: they are for research,
not for commerce, and may not be passed on; one signs an agreement and applies for them at
https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrw1.html

Layout: `lipread_mp4/WORD/{train,val,test}/WORD_00001.mp4`, and a `.txt` beside each whose last line is the word's
duration. The word lies in the middle of the clip; what is said around it, nobody transcribed.
"""

import os
import re
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from phonolips.corpus.records import Dropped, Record
from phonolips.errors import CorpusError, PhonolipsWarning
from phonolips.timebase import MODEL_FPS

FRAMES = 29
CLIP_SECONDS = FRAMES / MODEL_FPS
SPLITS = {"train": "train", "val": "valid", "test": "test_unseen"}  # LRW's name -> ours
ROOT = "lipread_mp4"
NAME = re.compile(r"([A-Z]+)_(\d{5})")
DURATION = re.compile(r"Duration:\s*([0-9.]+)\s*seconds?")
APPLY = "LRW is available at https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrw1.html after signing its agreement"


def read_duration(path: Path) -> float:
    """Read the word's duration in seconds off the last line of a clip's `.txt`.

    Raises:
        CorpusError: no such file, another last line, or a duration that is not within the clip.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise CorpusError(
            f"{path}: no such file; expected the .txt beside the clip, with the word's duration"
        ) from error
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    match = DURATION.fullmatch(last)
    if not match:
        raise CorpusError(f"{path}: the last line is {last[:60]!r}; expected 'Duration: 0.53 seconds'")
    try:
        seconds = float(match[1])
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= CLIP_SECONDS:
        raise CorpusError(f"{path}: duration {match[1]} s; expected more than 0 and at most {CLIP_SECONDS:.2f} s")
    return seconds


def word_window(seconds: float) -> tuple[float, float]:
    """Return where a word of that duration lies in a clip: start and end in seconds, rounded to 0.1 ms."""
    return round((CLIP_SECONDS - seconds) / 2, 4), round((CLIP_SECONDS + seconds) / 2, 4)


def _find_root(data: Path) -> Path:
    """Find the folder of the words' folders; raise CorpusError where it is not there."""
    if not data.is_dir():
        raise CorpusError(f"{data}: no such folder; expected LRW with its folder {ROOT}. {APPLY}")
    root = data / ROOT if (data / ROOT).is_dir() else data
    if root.name != ROOT and not any(_words(root)):
        found = ", ".join(sorted(entry.name for entry in os.scandir(data))[:3]) or "nothing"
        raise CorpusError(f"{data}: holds {found}; expected {data / ROOT}, or WORD/{{train,val,test}} inside. {APPLY}")
    return root


def _words(root: Path) -> Iterator[str]:
    """Name the words' folders: capitals only, with one of the splits inside."""
    for name in sorted(os.listdir(root)):
        if re.fullmatch("[A-Z]+", name) and any((root / name / split).is_dir() for split in SPLITS):
            yield name


def find_records(
    data: Path, *, words: Iterable[str] | None = None, most_clips: int = 0
) -> tuple[list[Record], list[Dropped]]:
    """Find the clips of LRW, or of a part of it.

    Args:
        data: `lipread_mp4`, or the folder that holds it.
        words: only these, in any case; None = all that are there.
        most_clips: at most so many clips for each word and split, drawn evenly by the checksum of their names; 0 = all.

    Returns:
        Records sorted by word, split and number, with id `WORD/split/WORD_00001`, the word as text and as the one
        word with times, no speaker, and `complete` False; and everything left out, with reasons.

    Raises:
        CorpusError: no such folder or layout, no word chosen, or a word that is not there.

    Warns:
        PhonolipsWarning: a word's folder lacks train, val or test, as in a copy that is not complete.
    """
    from tqdm import tqdm

    root = _find_root(data)
    there = list(_words(root))
    if not there:
        raise CorpusError(
            f"{root}: no word's folder with train, val or test inside; expected {root}/ABOUT/train. {APPLY}"
        )
    chosen = there if words is None else sorted({word.upper() for word in words})
    if not chosen:
        raise CorpusError(f"{root}: no word was chosen; name some of the {len(there)} that are there, or leave it out")
    missing = [word for word in chosen if word not in set(there)]
    if missing:
        raise CorpusError(
            f"{root}: no folder for {', '.join(missing[:5])}; {len(there)} words are there, such as {there[0]}"
        )
    _warn_of_missing_splits(root, chosen if words is not None else None)
    records: list[Record] = []
    dropped: list[Dropped] = []
    for word in tqdm(chosen, desc="LRW words", unit="word", dynamic_ncols=True, disable=None):
        for split, ours in SPLITS.items():
            found: list[Record] = []
            for video, size in _videos(root / word / split):
                clip = f"{word}/{split}/{video.stem}"
                try:
                    found.append(_record(video, size, word, ours, clip))
                except CorpusError as error:
                    dropped.append(Dropped(clip, str(error)))
            if most_clips and len(found) > most_clips:
                found = sorted(found, key=lambda record: zlib.crc32(record.id.encode()))[:most_clips]
                found.sort(key=lambda record: record.id)
            records += found
    if not records:
        because = f"; the first of {len(dropped)} dropped: {dropped[0].reason}" if dropped else ""
        sound = any(root.glob("*/*/*.wav")) or any(root.glob("*/*/*.mpg"))
        hint = "; these are not the videos (.mp4) of lipread_mp4" if sound else ""
        raise CorpusError(
            f"{root}: no clip here; expected {root / chosen[0] / 'train' / f'{chosen[0]}_00001.mp4'}{hint}{because}"
        )
    return records, dropped


def _warn_of_missing_splits(root: Path, words: Iterable[str] | None) -> None:
    """Warn of words' folders (None = of all in capitals) without some of the splits; LRW itself has all three."""
    names = words if words is not None else (name for name in sorted(os.listdir(root)) if re.fullmatch("[A-Z]+", name))
    lacking = []
    for name in names:
        absent = [split for split in SPLITS if (root / name).is_dir() and not (root / name / split).is_dir()]
        if absent:
            lacking.append(f"{name} has no {', '.join(absent)}")
    if lacking:
        more = f"; and {len(lacking) - 3} more words" if len(lacking) > 3 else ""
        warnings.warn(
            f"{root}: {'; '.join(lacking[:3])}{more}; expected WORD/{{train,val,test}}: is the copy complete?",
            PhonolipsWarning,
            stacklevel=3,
        )


def _videos(folder: Path) -> list[tuple[Path, int]]:
    """List the videos of a folder with their sizes, sorted; of an absent folder none; a link to nothing has 0 bytes."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        videos = [entry for entry in entries if entry.name.endswith(".mp4")]
        found = [(folder / entry.name, entry.stat().st_size if entry.is_file() else 0) for entry in videos]
    return sorted(found)


def _record(video: Path, size: int, word: str, split: str, clip: str) -> Record:
    match = NAME.fullmatch(video.stem)
    if not match:
        raise CorpusError(f"{video}: not a name of LRW; expected such as {word}_00001.mp4")
    if match[1] != word:
        raise CorpusError(f"{video}: a clip of {match[1]} in the folder of {word}")
    if not size:
        raise CorpusError(f"{video}: the file is empty, or a link to nothing")
    start, end = word_window(read_duration(video.with_suffix(".txt")))
    text = word.lower()
    return Record(clip, "", split, text, str(video), str(video), ((text, start, end),), complete=False, limits=True)
