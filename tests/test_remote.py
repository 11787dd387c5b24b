"""Stores behind an address: read as if they were here, fetched once, and every mishap in one line."""

import json
import multiprocessing
import os
import pickle
import shutil
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest

fsspec = pytest.importorskip("fsspec", reason="needs pip install 'phonolips[s3]'")

from phonolips.corpus.store.remote import RemoteFolder, default_cache
from phonolips.corpus.store.store import ArraySpec, Clip, Store, declare_store, write_shard
from phonolips.errors import CorpusError, InputError, MissingToolError, PhonolipsError

ARRAYS = {"mel": ArraySpec("float16", (4,)), "labels": ArraySpec("int8", ())}
SHARDS, EACH = 5, 3


def clip_of(number: int) -> Clip:
    values = {"mel": np.full((number, 4), number, np.float16), "labels": np.arange(number, dtype=np.int8)}
    return Clip(f"WORD/train/WORD_{number:05d}", values, {"split": "train" if number % 2 else "test"})


def add_shard(folder: Path, shard: int) -> None:
    write_shard(folder, shard, ARRAYS, [clip_of(number) for number in range(shard * EACH, (shard + 1) * EACH)])


@pytest.fixture
def local(tmp_path):
    """Make a store in a folder."""
    folder = tmp_path / "local" / "features"
    declare_store(folder, ARRAYS)
    for shard in range(SHARDS):
        add_shard(folder, shard)
    Store(folder)
    return folder


def upload(folder: Path, address: str) -> None:
    """Make what lies at an address what lies in a folder."""
    files, root = fsspec.core.url_to_fs(address)
    if files.exists(root):
        files.rm(root, recursive=True)
    for path in folder.rglob("*"):
        if path.is_file():
            name = f"{root}/{path.relative_to(folder).as_posix()}"
            files.makedirs(name.rpartition("/")[0], exist_ok=True)
            files.pipe_file(name, path.read_bytes())


@pytest.fixture
def address(local, tmp_path):
    """Put the store behind an address."""
    address = f"memory://{tmp_path.name}/features"
    upload(local, address)
    return address


@pytest.fixture
def calls(monkeypatch):
    """Note what is asked of the other side."""
    noted: list[tuple[str, str]] = []
    call = RemoteFolder._call

    def note(self, name, verb, *words, **options):
        if verb != "invalidate_cache":  # asks nobody
            noted.append((verb, name))
        return call(self, name, verb, *words, **options)

    monkeypatch.setattr(RemoteFolder, "_call", note)
    return noted


def same(store: Store) -> None:
    assert list(store) == [clip_of(number).id for number in range(SHARDS * EACH)]
    for number in range(SHARDS * EACH):
        assert np.array_equal(store.get(number, "mel"), clip_of(number).values["mel"])
        assert store.meta(clip_of(number).id) == clip_of(number).meta
    assert store.where(split="train").tolist() == list(range(1, SHARDS * EACH, 2))


def fetched(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def one_line(error: pytest.ExceptionInfo) -> str:
    assert isinstance(error.value, PhonolipsError)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_reads_as_if_it_were_here_and_fetches_once(address, tmp_path, calls):
    store = Store(address, cache=tmp_path / "cache")
    assert not [name for verb, name in calls if verb == "get_file" and name.startswith("shards/")]
    assert store.get(0, "labels").tolist() == []
    assert store.get(4, "labels").tolist() == [0, 1, 2, 3]
    assert len([name for verb, name in calls if name.startswith("shards/")]) == 2  # two of five
    same(store)
    del calls[:]
    same(Store(address, cache=tmp_path / "cache"))
    assert calls == [("cat_file", "store.json"), ("ls", "shards")]


def test_without_an_index_it_is_made_here(local, address, tmp_path, calls):
    shutil.rmtree(next(local.glob("index-*")))
    upload(local, address)
    same(Store(address, cache=tmp_path / "cache"))
    del calls[:]
    same(Store(address, cache=tmp_path / "cache"))
    assert {verb for verb, _ in calls} == {"cat_file", "ls"}
    assert not list(local.glob("index-*"))


def test_a_store_that_changed_is_seen(local, address, tmp_path):
    cache = tmp_path / "cache"
    early = Store(address, cache=cache)
    same(early)
    removed = sorted((local / "shards").iterdir())[1]
    removed.unlink()
    write_shard(local, 1, ARRAYS, [Clip("other", clip_of(2).values, {})])
    Store(local)
    upload(local, address)
    late = Store(address, cache=cache)
    assert list(late)[3:5] == ["other", clip_of(6).id]
    assert late.get("other", "mel").tolist() == clip_of(2).values["mel"].tolist()
    assert len(list(cache.glob("*/index-*"))) == 1
    assert not list(cache.glob(f"*/shards/{removed.name}"))
    assert early.get(6, "mel").tolist() == late.get(4, "mel").tolist()  # the shard is the same
    early = Store(f"{address}/", cache=cache)
    fresh = sorted((local / "shards").iterdir())[1]
    files, root = fsspec.core.url_to_fs(address)
    shutil.rmtree(next(cache.glob("*/shards")))
    files.rm(f"{root}/shards/{fresh.name}")
    with pytest.raises(CorpusError, match=f"{fresh.name}: not there any more") as error:
        early.get(3, "mel")
    one_line(error)


@pytest.mark.parametrize("error", [OSError("connection lost"), KeyboardInterrupt(), TimeoutError()])
@pytest.mark.parametrize("at", ["shards", "index-"])
def test_an_interrupted_fetch_leaves_nothing(address, tmp_path, monkeypatch, error, at):
    files = type(fsspec.filesystem("memory"))
    get_file = files.get_file

    def broken(self, name, path, **options):
        if f"/{at}" not in name:
            return get_file(self, name, path, **options)
        Path(path).write_bytes(self.cat_file(name)[:100])
        raise error

    monkeypatch.setattr(files, "get_file", broken)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else CorpusError) as said:
        Store(address, cache=tmp_path / "cache").get(1, "mel")
    if not isinstance(error, KeyboardInterrupt):
        assert (str(error) or "TimeoutError") in one_line(said)
    assert not [path for path in fetched(tmp_path / "cache") if at in str(path)]
    monkeypatch.setattr(files, "get_file", get_file)
    same(Store(address, cache=tmp_path / "cache"))


def _read_all(address: str, cache: Path, start) -> None:
    start.wait()
    same(Store(address, cache=cache))


def test_processes_share_a_cache(local, tmp_path):
    context = multiprocessing.get_context("fork")
    start, address = context.Event(), local.as_uri()
    readers = [context.Process(target=_read_all, args=(address, tmp_path / "cache", start)) for _ in range(3)]
    for reader in readers:
        reader.start()
    start.set()
    for reader in readers:
        reader.join(60)
    assert [reader.exitcode for reader in readers] == [0, 0, 0]
    names = sorted(path.relative_to(local) for path in local.rglob("*") if path.is_file() and path.name != "store.json")
    (folder,) = (tmp_path / "cache").iterdir()
    assert sorted(path.relative_to(folder) for path in fetched(folder)) == names
    assert not list(folder.glob(".*"))


def test_can_be_pickled_and_forked(address, tmp_path):
    store = Store(address, cache=tmp_path / "cache")
    same(pickle.loads(pickle.dumps(store)))
    child = os.fork()
    if not child:
        connected = store.files._files
        shutil.rmtree(tmp_path / "cache")
        store.get(1, "mel")
        os._exit(0 if store.files._process == os.getpid() and connected is not None else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_addresses_that_cannot_be_read(tmp_path, monkeypatch, address):
    for wrong, kind, said in (
        ("memory://nothing/here", CorpusError, r"memory://nothing/here: no prepared store here"),
        ("nonsense://bucket/x", InputError, "nonsense://bucket/x: Protocol not known"),
    ):
        with pytest.raises(kind, match=said) as error:
            Store(wrong, cache=tmp_path / "cache")
        one_line(error)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="set PHONOLIPS_CACHE to a folder") as error:
        Store(address, cache=tmp_path / "file")
    one_line(error)
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(MissingToolError, match=r"pip install 'fsspec\[s3\]'") as error:
        Store("s3://bucket/x", cache=tmp_path / "cache")
    one_line(error)


def test_where_things_are_kept(monkeypatch, address, tmp_path):
    monkeypatch.setenv("PHONOLIPS_CACHE", str(tmp_path / "mine"))
    same(Store(address))
    assert fetched(tmp_path / "mine")
    monkeypatch.delenv("PHONOLIPS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "phonolips"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start an S3 server."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_RECORDER_FILEPATH", str(tmp_path_factory.mktemp("moto") / "recording"))
        yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def s3(server, monkeypatch, local, tmp_path):
    """Put the store onto the S3 server; yield the server's own address and the store's."""
    import s3fs

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    s3fs.S3FileSystem.clear_instance_cache()
    files = fsspec.filesystem("s3")
    if not files.exists("bucket"):
        files.mkdir("bucket")
    address = f"s3://bucket/{tmp_path.name}/features"
    upload(local, address)
    yield server, address
    s3fs.S3FileSystem.clear_instance_cache()


def requests_for(server: str, do) -> list[str]:
    """Count what the server is asked while something is done."""
    for verb in ("reset", "start"):
        urllib.request.urlopen(f"{server}/moto-api/recorder/{verb}-recording", data=b"").close()
    do()
    with urllib.request.urlopen(f"{server}/moto-api/recorder/download-recording") as answer:
        lines = answer.read().decode().splitlines()
    urllib.request.urlopen(f"{server}/moto-api/recorder/stop-recording", data=b"").close()
    return [f"{entry['method']} {entry['url']}" for entry in map(json.loads, lines) if "moto-api" not in entry["url"]]


def test_s3(s3, tmp_path, monkeypatch):
    server, address = s3
    cold = requests_for(server, lambda: same(Store(address, cache=tmp_path / "cache")))
    assert len([line for line in cold if ".safetensors" in line and line.startswith("GET")]) == SHARDS
    again = requests_for(server, lambda: same(Store(address, cache=tmp_path / "cache")))
    assert len(again) <= 3, again  # the header, and the list of shards
    assert not [line for line in again if ".safetensors" in line or "index-" in line]
    child = os.fork()
    if not child:
        try:
            shutil.rmtree(tmp_path / "cache")
            same(Store(address, cache=tmp_path / "cache"))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    conf: dict = {}
    fsspec.config.set_conf_env(conf, {"FSSPEC_S3_ENDPOINT_URL": server})
    monkeypatch.setitem(fsspec.config.conf, "s3", conf["s3"])
    type(fsspec.filesystem("s3")).clear_instance_cache()
    same(Store(address, cache=tmp_path / "other"))


def test_s3_that_cannot_be_read(s3, tmp_path, monkeypatch):
    import s3fs

    server, address = s3
    with pytest.raises(CorpusError, match=r"s3://nobody/x: no prepared store here") as error:
        Store("s3://nobody/x", cache=tmp_path / "cache")
    one_line(error)
    store = Store(address, cache=tmp_path / "cache")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(CorpusError, match=r"cannot be read \(.*credentials") as error:
        Store(address, cache=tmp_path / "other")
    one_line(error)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(CorpusError, match=r"cannot be read \(.*127.0.0.1:9") as error:
        Store(address, cache=tmp_path / "other")
    one_line(error)
    assert store.get(1, "labels").tolist() == [0]  # a server that is there goes on
