"""The ragged store and the records: round trips, kills, races, and wrong files."""

import errno
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from phonolips.corpus.records import Dropped, Record, read_dropped, read_records, write_dropped, write_records
from phonolips.corpus.store import index
from phonolips.corpus.store import store as store_module
from phonolips.corpus.store.store import (
    ArraySpec,
    Clip,
    Store,
    StoreWriter,
    declare_store,
    forget_failures,
    plan_shards,
    write_shard,
)
from phonolips.errors import CorpusError

ARRAYS = {"mel": ArraySpec("float16", (80,)), "labels": ArraySpec("int8", ())}
SMALL = {"labels": ArraySpec("int8", ())}


def values(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"mel": rng.normal(size=(rows, 80)).astype(np.float16), "labels": np.arange(rows, dtype=np.int8)}


def clips(*names: str, rows: int = 3, **meta: str) -> list[Clip]:
    return [Clip(name, {"labels": np.full(rows, len(name), np.int8)}, meta) for name in names]


def records(count: int) -> list[Record]:
    return [Record(f"s1/{number:03d}", "s1", "train", "bin blue", "a.wav") for number in range(count)]


def make(planned) -> dict[str, bytes]:
    """Make what was planned, and return every shard's bytes."""
    folder, plan = planned
    for number, group in plan:
        write_shard(folder, number, SMALL, clips(*(record.id for record in group)))
    return {path.name: path.read_bytes() for path in (folder / "shards").iterdir()}


def one_line(error: pytest.ExceptionInfo) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_round_trip_of_ragged_clips_by_id_and_by_position(tmp_path):
    with StoreWriter(tmp_path / "s", ARRAYS) as writer:
        for clip, rows in (("a", 3), ("ü", 0), ("c", 7)):
            writer.add(clip, values(rows, rows), {"speaker": clip})
    store = Store(tmp_path / "s")
    assert list(store) == ["a", "ü", "c"]
    for position, (clip, rows) in enumerate((("a", 3), ("ü", 0), ("c", 7))):
        for name in (clip, position, np.int64(position)):
            assert np.array_equal(store.get(name, "mel"), values(rows, rows)["mel"])
            assert store.get(name, "mel").dtype == np.float16
            assert store.rows(name, "labels") == rows
            assert store.meta(name) == {"speaker": clip}
        assert store.id_at(position) == clip
        assert store.position(clip) == position
    assert "d" not in store
    assert "a" * 99 not in store
    for wrong in ("d", 3, -1):
        with pytest.raises(CorpusError, match="no clip"):
            store.get(wrong, "mel")
    mine = store.get("a", "mel")
    mine[:] = 0  # a copy
    assert np.array_equal(store.get("a", "mel"), values(3, 3)["mel"])


def test_columns_lengths_and_where(tmp_path):
    declare_store(tmp_path, SMALL)
    write_shard(tmp_path, 0, SMALL, clips("a", "b", rows=2, split="train", speaker="s1"))
    write_shard(tmp_path, 1, SMALL, clips("c", rows=5, split="test", speaker="s1") + clips("d", split="train"))
    store = Store(tmp_path)
    assert store.where(split="train").tolist() == [0, 1, 3]
    assert store.where(split="train", speaker="s1").tolist() == [0, 1]
    assert store.where(split="none").tolist() == []
    assert store.where().tolist() == [0, 1, 2, 3]
    assert store.lengths("labels").tolist() == [2, 2, 5, 3]
    assert store.shard_of.tolist() == [0, 0, 1, 1]
    codes, names = store.column("speaker")
    assert [names[code] for code in codes] == ["s1", "s1", "s1", ""]
    for column in (store.lengths("labels"), store.shard_of, codes):
        assert isinstance(column.base, np.memmap)  # not in memory
        assert not column.flags.writeable


def test_two_ids_with_the_same_hash_are_told_apart(tmp_path):
    assert index._hash(b"plumless") == index._hash(b"buckeroo")
    with StoreWriter(tmp_path, SMALL) as writer:
        for name in ("x", "plumless", "buckeroo"):
            writer.add(name, clips(name)[0].values)
    store = Store(tmp_path)
    assert [store.position(name) for name in store] == [0, 1, 2]
    with pytest.raises(CorpusError, match="no clip"):
        store.position("ylumless")


def test_the_library_reads_a_shard_as_we_do(tmp_path):
    declare_store(tmp_path, ARRAYS)
    write_shard(tmp_path, 7, ARRAYS, [Clip("a", values(4, 1), {}), Clip("b", values(2, 2), {"x": 1})])
    (path,) = (tmp_path / "shards").iterdir()
    tensors = load_file(path)
    store = Store(tmp_path)
    assert np.array_equal(tensors["mel"], np.concatenate([store.get("a", "mel"), store.get("b", "mel")]))
    assert tensors["labels/starts"].tolist() == [0, 4, 6]
    assert bytes(tensors["clips/meta"]) == b'{}{"x": 1}'


def test_same_clips_same_bytes_and_other_clips_another_name(tmp_path):
    found = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_shard(
            tmp_path / folder, 0, ARRAYS, [Clip("x", values(5, seed), {"split": "train"})], [Dropped("y", "no")]
        )
        (path,) = (tmp_path / folder / "shards").iterdir()
        found.append((path.name, path.read_bytes()))
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]  # a cache of the one is not taken for the other


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from phonolips.corpus.store.shards import ArraySpec
from phonolips.corpus.store.store import StoreWriter
writer = StoreWriter(Path(sys.argv[1]), {"labels": ArraySpec("int8", ())})
replace, calls = os.replace, []
def die_at_second(*paths):
    calls.append(paths)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)  # the file is written, and has its name not yet
    replace(*paths)
os.replace = die_at_second
for number in range(600):
    writer.add(f"clip{number}", {"labels": np.full(number % 5, number % 100)})
"""


def test_a_killed_writer_loses_only_the_shard_in_hand(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    files = sorted(path.name for path in (tmp_path / "shards").iterdir())
    assert [name[0] for name in files] == [".", "0"]
    assert list(Store(tmp_path)) == [f"clip{number}" for number in range(256)]
    with StoreWriter(tmp_path, SMALL) as writer:
        for number in range(600):
            if f"clip{number}" not in writer:
                writer.add(f"clip{number}", {"labels": np.full(number % 5, number % 100)})
        assert len(writer) == 600
    store = Store(tmp_path)
    assert list(store) == [f"clip{number}" for number in range(600)]
    assert all(store.get(number, "labels").tolist() == [number % 100] * (number % 5) for number in range(600))
    half = tmp_path / "shards" / files[0]
    assert half.is_file()  # it could be somebody's who is at work
    os.utime(half, (time.time() - 7_200,) * 2)
    StoreWriter(tmp_path, SMALL)
    assert not half.exists()


def test_what_is_left_after_a_kill_is_planned_as_before(tmp_path):
    whole = list(plan_shards(tmp_path / "whole", SMALL, records(300), clips=300))
    assert [number for number, _ in whole] == list(range(75))
    assert all(len(group) == 4 for _, group in whole)
    expected = make((tmp_path / "whole", whole))
    make((tmp_path / "s", [planned for planned in whole if planned[0] in (0, 3, 4, 50)]))
    again = list(plan_shards(tmp_path / "s", SMALL, records(300), clips=300))
    assert again == [planned for planned in whole if planned[0] not in (0, 3, 4, 50)]
    assert make((tmp_path / "s", again)) == expected
    assert list(plan_shards(tmp_path / "s", SMALL, records(300), clips=300)) == []
    more = list(plan_shards(tmp_path / "s", SMALL, records(302), clips=302))
    assert [(number, [record.id for record in group]) for number, group in more] == [(75, ["s1/300", "s1/301"])]


def test_failures_are_kept_and_can_be_forgotten(tmp_path):
    assert forget_failures(tmp_path / "none") == 0
    plan = list(plan_shards(tmp_path, SMALL, records(128), clips=128))
    make((tmp_path, plan[1:]))
    write_shard(tmp_path, 0, SMALL, clips("s1/000"), [Dropped("s1/001", "no face")])
    assert Store(tmp_path).failed() == [Dropped("s1/001", "no face")]
    assert list(plan_shards(tmp_path, SMALL, records(128), clips=128)) == []
    assert forget_failures(tmp_path) == 1
    assert list(plan_shards(tmp_path, SMALL, records(128), clips=128)) == plan[:1]
    assert Store(tmp_path).failed() == []


def test_a_shard_of_failures_only(tmp_path):
    declare_store(tmp_path, SMALL)
    write_shard(tmp_path, 0, SMALL, [], [Dropped("a", "no face")])
    write_shard(tmp_path, 1, SMALL, clips("b"))
    store = Store(tmp_path)
    assert list(store) == ["b"]
    assert store.get("b", "labels").tolist() == [1, 1, 1]
    assert store.failed() == [Dropped("a", "no face")]


def test_two_workers_with_the_same_shard_leave_one(tmp_path):
    declare_store(tmp_path, SMALL)
    write_shard(tmp_path, 0, SMALL, clips("a", "b"))
    (first,) = (tmp_path / "shards").iterdir()
    write_shard(tmp_path, 0, SMALL, clips("a", "b"))
    assert list((tmp_path / "shards").iterdir()) == [first]
    content = first.read_bytes()
    write_shard(tmp_path, 0, SMALL, clips("a", "b", notes="another machine's"))
    (kept,) = (tmp_path / "shards").iterdir()
    first.write_bytes(content)  # as if the one were killed before it could tidy up
    assert len(Store(tmp_path)) == 2
    (tmp_path / "shards" / f"000001{kept.name[6:]}").write_bytes(kept.read_bytes())
    with pytest.raises(
        CorpusError, match=r"'[ab]' lies in 000000-\w+.safetensors and 000001-\w+.safetensors; remove one"
    ):
        Store(tmp_path)


def test_a_shard_of_other_clips_is_not_lost(tmp_path):
    declare_store(tmp_path, SMALL)
    one, two = StoreWriter(tmp_path, SMALL), StoreWriter(tmp_path, SMALL)
    one.add("a", clips("a")[0].values)
    two.add("b", clips("b")[0].values)
    one.close()
    with pytest.raises(CorpusError, match="another process wrote other clips as shard 0") as error:
        two.close()
    one_line(error)
    assert list(Store(tmp_path)) == ["a"]


def test_refuses_other_arrays_other_shapes_and_doubles(tmp_path):
    with StoreWriter(tmp_path / "s", ARRAYS) as writer:
        writer.add("a", values(3), {})
        with pytest.raises(CorpusError, match="there already"):
            writer.add("a", values(3), {})
        with pytest.raises(CorpusError, match="shape"):
            writer.add("b", {"mel": np.zeros((3, 79)), "labels": np.zeros(3)}, {})
        with pytest.raises(CorpusError, match="has \\['mel'\\]"):
            writer.add("b", {"mel": np.zeros((3, 80))}, {})
    assert list(Store(tmp_path / "s")) == ["a"]
    with pytest.raises(CorpusError, match="another kind"):
        StoreWriter(tmp_path / "s", {"mel": ArraySpec("float32", (80,))})
    with pytest.raises(CorpusError, match="'a' comes twice in shard 3"):
        write_shard(tmp_path / "s", 3, SMALL, clips("a", "b", "a"))
    with pytest.raises(CorpusError, match=r"store\.json is missing"):
        Store(tmp_path)


def test_what_earlier_versions_wrote_is_named(tmp_path):
    header = tmp_path / "store.json"
    for text, said in (
        ('{"arrays": {}}', "an earlier version"),
        ('{"format": "phonolips store 9"}', "'phonolips store 9'"),
        ("nonsense", "not JSON"),
    ):
        header.write_text(text)
        for opening in (lambda: Store(tmp_path), lambda: StoreWriter(tmp_path, SMALL)):
            with pytest.raises(CorpusError, match=said) as error:
                opening()
            one_line(error)


def damage(content: bytes, how: str) -> bytes:
    if how == "cut":
        return content[:-1]
    return {"empty": b"", "noise": os.urandom(2_000), "header": content[:20], "longer": content + b"x"}[how]


@pytest.mark.parametrize("how", ["cut", "empty", "noise", "header", "longer"])
def test_a_broken_shard_is_named(tmp_path, how):
    with StoreWriter(tmp_path, SMALL) as writer:
        writer.add("a", clips("a")[0].values)
    (path,) = (tmp_path / "shards").iterdir()
    opened = Store(tmp_path)
    path.write_bytes(damage(path.read_bytes(), how))
    (indexed,) = tmp_path.glob("index-*")
    for part in indexed.iterdir():
        part.unlink()
    indexed.rmdir()
    for broken in (lambda: Store(tmp_path), lambda: opened.get("a", "labels")):
        with pytest.raises(CorpusError, match=f"{path.name}: not a whole shard") as error:
            broken()
        one_line(error)
    assert not list(tmp_path.glob(".index*"))


def test_a_shard_of_another_store_is_named(tmp_path):
    declare_store(tmp_path, SMALL)
    write_shard(tmp_path, 0, {"labels": ArraySpec("int16", ())}, clips("a"))
    with pytest.raises(CorpusError, match="labels is not int8"):
        Store(tmp_path)
    write_shard(tmp_path / "b", 0, ARRAYS, [])
    declare_store(tmp_path / "b", ARRAYS | {"lips": ArraySpec("float32", (40, 2))})
    with pytest.raises(CorpusError, match="it has no 'lips"):
        Store(tmp_path / "b")


@pytest.mark.parametrize("part", ["keys.npy", "texts.json", "ids.npy", "starts_labels.npy"])
@pytest.mark.parametrize("how", ["empty", "cut", "gone"])
def test_a_broken_index_is_made_anew(tmp_path, part, how):
    with StoreWriter(tmp_path, SMALL) as writer:
        writer.add("a", clips("a")[0].values)
    (path,) = tmp_path.glob(f"index-*/{part}")
    whole = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(damage(whole, how))
    assert list(Store(tmp_path)) == ["a"]
    assert path.read_bytes() == whole


def test_the_index_follows_the_shards(tmp_path):
    declare_store(tmp_path, SMALL)
    write_shard(tmp_path, 0, SMALL, clips("a"))
    early = Store(tmp_path)
    write_shard(tmp_path, 1, SMALL, clips("b"))
    assert list(Store(tmp_path)) == ["a", "b"]
    assert len(list(tmp_path.glob("index-*"))) == 1
    assert list(early) == ["a"]  # whose index was removed
    assert early.get("a", "labels").tolist() == [1, 1, 1]
    next((tmp_path / "shards").glob("000000*")).unlink()
    late = Store(tmp_path)
    assert list(late) == ["b"]
    next((tmp_path / "shards").glob("000001*")).unlink()
    with pytest.raises(CorpusError, match="not there any more"):
        late.get("b", "labels")


def test_an_empty_store(tmp_path):
    StoreWriter(tmp_path, ARRAYS).close()
    store = Store(tmp_path)
    assert list(store) == []
    assert "a" not in store
    assert len(store.lengths("mel")) == len(store.shard_of) == len(store.where(split="train")) == 0


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    declare_store(tmp_path, SMALL)
    write_shard(tmp_path, 0, SMALL, clips("a"))
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(index.os, "access", lambda *_: False)  # permissions do not stop root
    store = Store(tmp_path)
    assert store.get("a", "labels").tolist() == [1, 1, 1]
    assert sorted(tmp_path.rglob("*")) == before
    aside = Path(store.shard_of.base.filename).parent
    assert aside.is_dir()
    del store
    assert not aside.exists()


def test_a_store_can_be_pickled_and_forked_and_read_by_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "OPEN_SHARDS", 2)  # closed and opened all the time
    declare_store(tmp_path, SMALL)
    for number in range(8):
        write_shard(tmp_path, number, SMALL, clips(*(f"{number}" + "x" * length for length in range(4))))
    store = Store(tmp_path)
    assert list(pickle.loads(pickle.dumps(store))) == list(store)
    wrong: list[str] = []

    def read(seed: int) -> None:
        for position in np.random.default_rng(seed).integers(0, len(store), 300).tolist():
            if store.get(position, "labels").tolist() != [len(store.id_at(position))] * 3:
                wrong.append(store.id_at(position))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    child = os.fork()
    if not child:
        code = 1  # whatever is raised must not go on as a second run of the tests
        try:
            read(9)
            code = len(wrong)
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def _write_many(folder: Path, part: int) -> None:
    for number in range(part, 30, 2):
        write_shard(folder, number, SMALL, clips(f"{number}a", f"{number}b"))
        Store(folder)


def _read_many(folder: Path, start) -> None:
    start.wait()
    while len(store := Store(folder)) < 60:
        for position, clip in enumerate(store):
            assert store.get(position, "labels").tolist() == [len(clip)] * 3


def test_reading_while_others_write(tmp_path):
    declare_store(tmp_path, SMALL)
    context = multiprocessing.get_context("fork")
    start = context.Event()
    readers = [context.Process(target=_read_many, args=(tmp_path, start)) for _ in range(2)]
    writers = [context.Process(target=_write_many, args=(tmp_path, part)) for part in range(2)]
    for process in (*readers, *writers):
        process.start()
    start.set()
    for process in (*writers, *readers):
        process.join(60)
    assert [process.exitcode for process in (*readers, *writers)] == [0] * 4
    Store(tmp_path)
    assert len(list(tmp_path.glob("index-*"))) == 1
    assert not list(tmp_path.glob(".index-*"))


def test_an_index_that_another_process_makes_and_a_third_removes(tmp_path, monkeypatch):
    declare_store(tmp_path, SMALL)
    write_shard(tmp_path, 0, SMALL, clips("a/1", "a/2"))
    rename, met = Path.rename, []

    def meet(self, target):
        if self.name.startswith(".index-") and not met:  # it is there when this process wants to put its own there
            met.append(target)
            raise OSError(errno.ENOTEMPTY, "Directory not empty")  # and gone when it looks
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", meet)
    assert len(Store(tmp_path)) == 2
    assert met
    assert not list(tmp_path.glob(".index-*"))


def test_an_open_store_is_not_in_memory(tmp_path):
    declare_store(tmp_path, SMALL)
    for number in range(20):
        write_shard(tmp_path, number, SMALL, clips(*(f"{number:03d}/{clip:06d}" for clip in range(1_000)), rows=1))
    Store(tmp_path)
    tracemalloc.start()
    store = Store(tmp_path)
    for position in range(0, len(store), 50):
        store.get(store.id_at(position), "labels")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(store) == 20_000
    assert sum(path.stat().st_size for path in tmp_path.glob("index-*/*")) > 1_000_000
    assert peak < 200_000


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


def test_records_of_version_0_1_are_read(tmp_path):
    path = tmp_path / "records.jsonl"
    values = {"id": "a", "speaker": "", "split": "train", "text": "bin", "audio": "a.wav", "complete": False}
    path.write_text("".join(json.dumps(values | {"id": name, "wild": name == "a"}) + "\n" for name in "ab"))
    assert [(record.id, record.limits) for record in read_records(path)] == [("a", True), ("b", False)]
    write_records(read_records(path), path)
    assert [json.loads(line)["limits"] for line in path.read_text().splitlines()] == [True, False]
    assert "wild" not in path.read_text()


def test_a_store_that_version_0_1_began_is_finished_as_it_was_begun(tmp_path):
    from phonolips.corpus.layout import FEATURE_ARRAYS, PHONE_TIMES, feature_arrays
    from phonolips.corpus.store.store import declared_arrays

    assert declared_arrays(tmp_path) is None
    assert feature_arrays(None) == FEATURE_ARRAYS
    declare_store(tmp_path, FEATURE_ARRAYS)
    assert feature_arrays(declared_arrays(tmp_path)) == FEATURE_ARRAYS
    old = {name: spec for name, spec in FEATURE_ARRAYS.items() if name != PHONE_TIMES}
    declare_store(tmp_path / "old", old)
    assert feature_arrays(declared_arrays(tmp_path / "old")) == old
