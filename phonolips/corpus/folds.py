"""Leave people out in turn: a prepared corpus once more for each fold, with other people held out.

Nothing is computed again: the features are copied with another split, and so are the lists of clips.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from phonolips.corpus.layout import RECORDS, alignment_path
from phonolips.corpus.records import Record, iterate_records, write_records
from phonolips.corpus.store.shards import SHARDS
from phonolips.corpus.store.store import Store, StoreWriter, declared_arrays
from phonolips.corpus.videos import fold_of_people
from phonolips.errors import CorpusError
from phonolips.temporary import sweep

HELD_OUT, LEARNT = "test_unseen", "train"


def make_fold(data: Path, out: Path, fold: int, folds: int) -> int:
    """Write a prepared corpus whose people of one fold are held out; go on where a killed run stopped.

    People are those whose clips nobody transcribed. Other corpora beside them (GRID) stay in training as they are, and
    are tested in no fold.

    Args:
        data: a prepared corpus with features.
        out: gets records.jsonl, alignments/ and features/.
        fold: which one, 0 to `folds` - 1.
        folds: how many there are.

    Returns:
        how many clips are held out.

    Raises:
        CorpusError: no features. InputError: more folds than people.
    """
    arrays = declared_arrays(data / "features")
    if arrays is None:
        raise CorpusError(f"{data}: no features; make them with 'phonolips prepare --step features'")
    features = Store(data / "features")
    people = {record.speaker for record in iterate_records(data / RECORDS) if record.is_read and record.id in features}
    fold_of = fold_of_people(people, folds)
    records = list(_with_splits(data, features, fold_of, fold))
    sweep(out / "features" / SHARDS)
    with StoreWriter(out / "features", arrays) as store:
        for record in records:
            if record.id not in store:
                values = {name: features.get(record.id, name) for name in arrays}
                store.add(record.id, values, {**features.meta(record.id), "split": record.split})
    for record in records:
        linked = alignment_path(out, record.id)
        if not linked.exists():
            linked.parent.mkdir(parents=True, exist_ok=True)
            linked.symlink_to(os.path.relpath(alignment_path(data, record.id), linked.parent))
    write_records(records, out / RECORDS)
    return sum(record.split == HELD_OUT for record in records)


def _with_splits(data: Path, features: Store, fold_of: dict[str, int], fold: int) -> Iterator[Record]:
    """Yield the clips with features, as a fold has them; clips of other corpora that are for testing are left out."""
    for record in iterate_records(data / RECORDS):
        if record.id not in features:
            continue
        if record.is_read:
            yield replace(record, split=HELD_OUT if fold_of[record.speaker] == fold else LEARNT)
        elif not record.split.startswith("test"):
            yield record
