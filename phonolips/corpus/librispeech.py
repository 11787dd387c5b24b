"""LibriSpeech, from which the encoder learns: sound and words, no video.

Panayotov, Chen, Povey and Khudanpur (2015), "LibriSpeech: an ASR corpus based on public domain audio
books". Two layouts are read, and give the same ids: the official one (`train-clean-5/SPEAKER/CHAPTER/` with
`.flac` files and one `.trans.txt`), and a re-encoded one (`train_clean_5/transcripts.tsv`).
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from phonolips.checks import shortened
from phonolips.corpus.grid import read_list
from phonolips.corpus.records import Dropped, Record
from phonolips.errors import CorpusError
from phonolips.reading import read_lines, read_text

LIBRISPEECH = "librispeech"  # first part of the ids
TABLE = "transcripts.tsv"
TABLE_COLUMNS = ("utt_id", "speaker", "audio", "transcript")
TEST_LIST = "librispeech_test_speakers.txt"
VALID_LIST = "librispeech_valid_speakers.txt"


class _Utterance(NamedTuple):
    name: str
    speaker: str
    audio: Path
    text: str


def find_records(
    data: Path,
    *,
    subsets: Iterable[str] | None = None,
    splits: Path | None = None,
) -> tuple[list[Record], list[Dropped]]:
    """Find the utterances of some subsets; whole speakers are held out.

    Args:
        data: the folder with the subsets' folders (or with `LibriSpeech/`, as the archives unpack).
        subsets: names such as `train_clean_5` (or `train-clean-5`); None takes all that are there.
        splits: the folder with `librispeech_test_speakers.txt` (their utterances are test_unseen) and
            `librispeech_valid_speakers.txt`; everybody else is train. Without it all are train.

    Returns:
        Records with id `librispeech/SUBSET/SPEAKER/UTTERANCE` (the subset with underscores), text in lower
        case and no video, sorted by id; and everything left out, with reasons.

    Raises:
        CorpusError: no such folder, no subset in it, a subset that is not there, or a broken table.
    """
    test = read_list(splits / TEST_LIST) if splits else frozenset()
    valid = read_list(splits / VALID_LIST) if splits else frozenset()
    both = sorted(test & valid)
    if both:
        raise CorpusError(f"{splits}: speaker {both[0]} is in {TEST_LIST} and in {VALID_LIST}; keep one")
    folders = _find_subsets(data)
    wanted = sorted(folders) if subsets is None else [name.replace("-", "_") for name in subsets]
    records: dict[str, Record] = {}
    dropped = []
    for subset in wanted:
        if subset not in folders:
            raise CorpusError(f"{data}: no subset {subset!r}; found {', '.join(sorted(folders))}")
        folder = folders[subset]
        read = _read_table if (folder / TABLE).is_file() else _read_official
        for utterance in read(folder):
            clip = f"{LIBRISPEECH}/{subset}/{utterance.speaker}/{utterance.name}"
            reason = _reason_to_drop(utterance)
            if clip in records:
                reason = f"{folder}: the utterance is listed twice"
            if reason:
                dropped.append(Dropped(clip, reason))
                continue
            split = "train"
            if utterance.speaker in test:
                split = "test_unseen"
            elif utterance.speaker in valid:
                split = "valid"
            text = " ".join(utterance.text.lower().split())
            records[clip] = Record(clip, utterance.speaker, split, text, str(utterance.audio))
    if not records:
        raise CorpusError(f"{data}: not one utterance with sound and text in {', '.join(wanted)}")
    return [records[clip] for clip in sorted(records)], dropped


def _reason_to_drop(utterance: _Utterance) -> str:
    if not utterance.text.strip():
        return f"{utterance.audio}: no transcript"
    if not utterance.audio.is_file() or not utterance.audio.stat().st_size:
        return f"{utterance.audio}: no such sound file, or an empty one"
    return ""


def _find_subsets(data: Path) -> dict[str, Path]:
    """Find the subsets' folders by name (with underscores), in `data` or in `data`/LibriSpeech."""
    if not data.is_dir():
        raise CorpusError(f"{data}: no such folder; expected LibriSpeech subsets such as train-clean-5")
    found: dict[str, Path] = {}
    for parent in (data / "LibriSpeech", data):
        for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
            if (folder / TABLE).is_file() or any(folder.glob("*/*/*.trans.txt")):
                found[folder.name.replace("-", "_")] = folder
    if not found:
        raise CorpusError(
            f"{data}: no LibriSpeech subset here; expected {data / 'train-clean-5'} with SPEAKER/CHAPTER/*.trans.txt"
        )
    return found


def _read_table(folder: Path) -> Iterator[_Utterance]:
    path = folder / TABLE
    reader = csv.DictReader(read_text(path).split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        missing = [name for name in TABLE_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise CorpusError(
                f"{path}: no column {missing[0]!r}; found {shortened(', '.join(reader.fieldnames or ()))}"
            )
        for row in reader:
            if any(row[name] is None for name in TABLE_COLUMNS):
                raise CorpusError(f"{path}:{reader.line_num}: too few columns; the file is cut short")
            yield _Utterance(row["utt_id"], row["speaker"], folder / row["audio"], row["transcript"])
    except csv.Error as error:  # a field of more than 128 kB
        raise CorpusError(
            f"{path}:{reader.line_num}: not a table ({error}); expected tabs between its columns"
        ) from error


def _read_official(folder: Path) -> Iterator[_Utterance]:
    for path in sorted(folder.glob("*/*/*.trans.txt")):
        speaker = path.parts[-3]
        for _, line in read_lines(path):
            name, _, text = line.strip().partition(" ")
            if name:
                yield _Utterance(name, speaker, path.parent / f"{name}.flac", text)
