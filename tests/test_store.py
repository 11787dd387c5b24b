"""The ragged store and the records: round trips, kills, and wrong files."""

import json

import numpy as np
import pytest

from phonolips.corpus.records import Dropped, Record, read_dropped, read_records, write_dropped, write_records
from phonolips.corpus.store import ArraySpec, Store, StoreWriter
from phonolips.errors import CorpusError

ARRAYS = {"mel": ArraySpec("float16", (80,)), "labels": ArraySpec("int8", ())}


def values(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"mel": rng.normal(size=(rows, 80)).astype(np.float16), "labels": np.arange(rows, dtype=np.int8)}


def test_round_trip_of_ragged_clips(tmp_path):
    with StoreWriter(tmp_path / "s", ARRAYS) as writer:
        for clip, rows in (("a", 3), ("b", 0), ("c", 7)):
            writer.add(clip, values(rows, rows), {"speaker": clip})
    store = Store(tmp_path / "s")
    assert list(store) == ["a", "b", "c"]
    for clip, rows in (("a", 3), ("b", 0), ("c", 7)):
        assert np.array_equal(store.get(clip, "mel"), values(rows, rows)["mel"])
        assert store.rows(clip, "labels") == rows
        assert store.meta(clip) == {"speaker": clip}


def test_a_killed_writer_loses_only_the_clip_in_hand(tmp_path):
    folder = tmp_path / "s"
    with StoreWriter(folder, ARRAYS) as writer:
        writer.add("a", values(3), {})
        writer.add("b", values(4), {})
    # What a kill leaves: rows without an index line, and half an index line.
    with (folder / "mel.bin").open("ab") as file:
        file.write(b"\0" * 333)
    with (folder / "index.jsonl").open("ab") as file:
        file.write(b'{"id": "half", "rows"')
    assert list(Store(folder)) == ["a", "b"]
    with StoreWriter(folder, ARRAYS) as writer:
        assert "a" in writer
        assert "half" not in writer
        writer.add("c", values(5, 5), {})
    store = Store(folder)
    assert np.array_equal(store.get("c", "mel"), values(5, 5)["mel"])
    assert np.array_equal(store.get("b", "labels"), np.arange(4))
    assert (folder / "mel.bin").stat().st_size == 12 * 160


def test_refuses_other_arrays_other_shapes_and_doubles(tmp_path):
    with StoreWriter(tmp_path / "s", ARRAYS) as writer:
        writer.add("a", values(3), {})
        with pytest.raises(CorpusError, match="there already"):
            writer.add("a", values(3), {})
        with pytest.raises(CorpusError, match="shape"):
            writer.add("b", {"mel": np.zeros((3, 79)), "labels": np.zeros(3)}, {})
    with pytest.raises(CorpusError, match="another kind"):
        StoreWriter(tmp_path / "s", {"mel": ArraySpec("float32", (80,))})


def test_a_store_shorter_than_its_index_is_said(tmp_path):
    with StoreWriter(tmp_path / "s", ARRAYS) as writer:
        writer.add("a", values(3), {})
    (tmp_path / "s" / "mel.bin").write_bytes(b"")
    with pytest.raises(CorpusError, match="index needs"):
        Store(tmp_path / "s")
    with pytest.raises(CorpusError, match=r"store\.json is missing"):
        Store(tmp_path)


def test_records_round_trip_and_errors(tmp_path):
    path = tmp_path / "records.jsonl"
    records = [
        Record("s1/a", "s1", "train", "bin blue", "a.mp4", "a.mp4", (("bin", 0.1, 0.2),)),
        Record("s2/b", "s2", "test_seen", "lay red", "b.mp4"),
    ]
    write_records(records, path)
    assert read_records(path) == records
    assert read_records(path, ["test_seen"]) == records[1:]
    with pytest.raises(CorpusError, match="occurs twice"):
        write_records([records[0], records[0]], path)
    path.write_text(json.dumps({"id": "x"}) + "\n")
    with pytest.raises(CorpusError, match=":1: not a record"):
        read_records(path)
    with pytest.raises(CorpusError, match="no such records file"):
        read_records(tmp_path / "none.jsonl")


def test_dropped_clips_are_listed(tmp_path):
    write_dropped([Dropped("s1/a", "no face")], tmp_path / "d.tsv")
    assert read_dropped(tmp_path / "d.tsv") == [Dropped("s1/a", "no face")]
    assert read_dropped(tmp_path / "none.tsv") == []
