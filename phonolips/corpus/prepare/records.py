"""The first step: list the clips of a corpus."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from phonolips.corpus import grid as grid_corpus
from phonolips.corpus import librispeech as librispeech_corpus
from phonolips.corpus import lrw as lrw_corpus
from phonolips.corpus import videos as videos_corpus
from phonolips.corpus.layout import RECORDS
from phonolips.corpus.records import Dropped, Record, write_dropped, write_records
from phonolips.errors import CorpusError, InputError, did_you_mean
from phonolips.workers.backend import Backend

CORPORA = ("grid", "lrw", "videos")


def make_records(
    folder: Path,
    data: Path,
    *,
    corpus: str = "grid",
    splits: Path | None = None,
    grid: Path | None = None,
    librispeech: Path | None = None,
    words: Iterable[str] | None = None,
    most_clips: int = 0,
    test_people: int | Collection[str] | None = None,
    encoder: Path | None = None,
    backend: Backend | None = None,
) -> tuple[int, list[Dropped]]:
    """List the clips of a corpus, and of others to learn from beside it, into `folder`; name those left out.

    Args:
        folder: gets records.jsonl and dropped.tsv.
        data: the corpus.
        corpus: which one it is, of CORPORA.
        splits: the lists that assign clips of GRID and LibriSpeech to the splits.
        grid: GRID, to learn from beside LRW or videos.
        librispeech: LibriSpeech, for the encoder to learn from.
        words: of LRW, these words only.
        most_clips: of LRW, at most so many clips for each word and split; 0 = all.
        test_people: of videos, how many people are held out, or who; None = a tenth.
        encoder: of videos, the model that finds speech in them; None = the one in the package.
        backend: of videos, who works; None = this process.

    Returns:
        How many clips there are, and those left out.

    Raises:
        InputError: another corpus. CorpusError: no usable clip, or not the corpus' layout.
    """
    if corpus not in CORPORA:
        raise InputError(f"corpus {corpus!r}; expected one of {', '.join(CORPORA)}{did_you_mean(corpus, CORPORA)}")
    if corpus == "grid":
        found = [grid_corpus.find_records(data, splits=splits)]
    else:
        found = [
            lrw_corpus.find_records(data, words=words, most_clips=most_clips)
            if corpus == "lrw"
            else videos_corpus.find_records(data, folder, test_people=test_people, encoder=encoder, backend=backend)
        ]
        if grid is not None:
            found.append(grid_corpus.find_records(grid, splits=splits))
    if librispeech is not None:
        found.append(librispeech_corpus.find_records(librispeech, splits=splits))
    if corpus == "videos" and len(found) > 1:  # a person of videos may be called s1, as one of GRID's is
        found[0] = _in_folder(corpus, *found[0])
    records = [record for part, _ in found for record in part]
    dropped = [item for _, part in found for item in part]
    if not records:
        first = f"; the first of {len(dropped)}: {dropped[0].id}: {dropped[0].reason}" if dropped else ""
        write_dropped(dropped, folder / "dropped.tsv")
        raise CorpusError(f"{data}: no usable clip; see {folder / 'dropped.tsv'} for what was left out{first}")
    write_dropped(dropped, folder / "dropped.tsv")
    write_records(records, folder / RECORDS)
    return len(records), dropped


def _in_folder(folder: str, records: list[Record], dropped: list[Dropped]) -> tuple[list[Record], list[Dropped]]:
    """Put the ids and speakers of a corpus into a folder of their own, beside those of another corpus."""
    return (
        [replace(record, id=f"{folder}/{record.id}", speaker=f"{folder}/{record.speaker}") for record in records],
        [Dropped(f"{folder}/{item.id}", item.reason) for item in dropped],
    )
