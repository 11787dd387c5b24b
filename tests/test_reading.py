"""Files from anywhere are read within limits; nothing in them is resolved, and what is wrong is one line."""

import io
import json
import re
import shutil
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch
from safetensors.torch import load_file, save_file

import phonolips
from phonolips.corpus.records import Record, check_id, read_records
from phonolips.corpus.store.store import ArraySpec, Clip, Store, declare_store, write_shard
from phonolips.errors import CheckpointError, CorpusError, InputError, PhonolipsError
from phonolips.model.bundle import PACKAGED_MODEL, PACKAGED_SYNC_EXPERT, write_bundle
from phonolips.model.network import load_network, read_network
from phonolips.model.settings import NetworkSettings, settings_from_dict
from phonolips.model.sync import load_sync_expert
from phonolips.reading import MOST_ARRAY_BYTES, decode_text, parse_json, parse_yaml, read_lines, read_npz
from phonolips.training.networks.network import read_trainable
from phonolips.training.settings import Recipe, load_settings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_texts_of_every_system_are_the_same(encoding, end):
    data = f"naïve{end}ß λ 字{end}".encode(encoding)
    if encoding.endswith(("le", "be")):
        data = ("\ufeff".encode(encoding)) + data
    assert decode_text(data) == "naïve\nß λ 字\n"


@pytest.mark.parametrize("data", [b"a\nb\0c", b"a\n\xff\xd8\xff\xe0", "a\nb".encode("utf-16-le"), b"\xff\xfea"])
def test_what_is_no_text_is_refused_with_its_line(data):
    with pytest.raises(InputError, match=r"^line [12] is no text: .*UTF-8$"):
        decode_text(data)


def test_lines_have_their_numbers_and_a_line_without_end_is_none(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf# names\r\n\r\n  a b \r\nc")
    assert read_lines(path) == [(3, "a b"), (4, "c")]
    path.write_text("a" * 5_000)
    with pytest.raises(InputError, match="line 1: longer than"):
        read_lines(path)
    for name, message in (("none", "no such file"), (".", "is a folder")):
        with pytest.raises(InputError, match=message):
            read_lines(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6"),
        ("[" * 100_000, "brackets"),
        ('{"a": ' + "9" * 5_000 + "}", "thousands of digits"),
        ("[1, 2]", "expected a JSON object"),
        ("null", "expected a JSON object"),
    ],
)
def test_json_that_is_none(text, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_json(text)
    assert "\n" not in str(caught.value)


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{n}: &{n} [{', '.join(['*' + p] * 9)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "line 1: an alias or anchor"),
        ("a: !!python/object/apply:os.getcwd []", "a tag"),
        ("a: !x 1", "a tag"),
        ("a:\n  - '${oc.env:HOME}'", r"line 2: \$\{...\} is never resolved"),
        ("a: " + "[" * 100_000, "levels|nesting"),
        ("a: [1", "not YAML"),
        ("[a]: 1\n? {b: 1}\n: 2", "in the place of a name"),
        ("a: \x07", "not YAML"),
    ],
)
def test_yaml_is_plain_values_or_refused(text, message):
    started = time.monotonic()
    with pytest.raises(InputError, match=message) as caught:
        parse_yaml(text, "conf.yaml")
    assert time.monotonic() - started < 5
    assert "\n" not in str(caught.value)


def test_yaml_keeps_comments_and_words_as_they_are():
    assert parse_yaml("a: no # ${not.a.value}\nb: [1e-3, Y]\n", "x") == {"a": "no", "b": ["1e-3", "Y"]}


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "words", [["encoder.start=${oc.env:SECRET}"], ["encoder.start=\\${oc.env:SECRET}"], ["${a}=1"]]
)
def test_the_environment_is_never_read_by_words(words, monkeypatch):
    monkeypatch.setenv("SECRET", "swordfish")
    with pytest.raises(InputError) as caught:
        load_settings(Recipe, overrides=words)
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize("value", ["${oc.env:SECRET}", "${oc.decode:'1'}", "${lips.epochs}", "x${oc.env:SECRET}"])
def test_the_environment_is_never_read_by_a_file(value, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "swordfish")
    (tmp_path / "conf.yaml").write_text(f"encoder:\n  start: {value}\n")
    with pytest.raises(InputError, match=r"conf.yaml: line 2: \$\{...\} is never resolved"):
        load_settings(Recipe, config=tmp_path / "conf.yaml")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"durations": {"layers": 10**9}}, "durations.layers is 1000000000; expected 0 to 100"),
        ({"decoder": {"dilations": [1] * 101}}, "at most 100"),
        ({"decoder": {"kind": "${oc.env:HOME}"}}, "never resolved"),
        ({"decoder": {"autoregressive": 1}}, "true or false"),
        ({"decoder": {"hidden": True}}, "a whole number"),
        ({"decoder": {"hidden": "128"}}, "a whole number"),
        ({"decoder": 3}, "names and values"),
        ({"lips": {"liveliness": float("nan")}}, "expected 0 to 2"),
        ({"nonsense": 1}, "no setting 'nonsense'"),
    ],
)
def test_settings_of_other_types_or_beyond_what_there_is(values, message):
    with pytest.raises(InputError, match=message):
        settings_from_dict(NetworkSettings, values)


def test_a_whole_number_may_stand_for_a_float():
    assert settings_from_dict(NetworkSettings, {"lips": {"liveliness": 1}}).lips.liveliness == 1.0


# ---------------------------------------------------------------- NPZ


def npz_of(path, head, data=b"\0" * 100, told=None):
    """Pack an array whose head is given, with the size that the zip file tells of it."""
    text = f"{{{head}}}".ljust(117) + "\n"
    body = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("lips.npy", body)
    written = file.getvalue()
    if told is not None:
        written = written.replace(struct.pack("<I", len(body)), struct.pack("<I", told))
    path.write_bytes(written)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            "'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 40, 2)",
            "its head promises 320000000000 bytes",
        ),
        ("'descr': '|S999999999', 'fortran_order': False, 'shape': (9,)", "its head promises"),
        ("'descr': '<f4', 'fortran_order': False, 'shape': (-1, 40, 2)", "head promises|damaged"),
        ("'descr': '|O', 'fortran_order': False, 'shape': (1,)", "Python objects"),
        ("'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (25,)", "expected numbers or texts"),
        ("'descr': __import__('os'), 'shape': (1,)", "damaged"),
    ],
)
def test_heads_are_believed_only_where_the_bytes_are_there(tmp_path, head, message):
    npz_of(tmp_path / "x.npz", head)
    tracemalloc.start()
    with pytest.raises(InputError, match=message):
        read_npz(tmp_path / "x.npz")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    head = f"'descr': '<f4', 'fortran_order': False, 'shape': ({(MOST_ARRAY_BYTES + 320) // 320}, 40, 2)"
    npz_of(tmp_path / "x.npz", head, told=MOST_ARRAY_BYTES + 1000)
    with pytest.raises(InputError, match="more than 1 GiB"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name(tmp_path):
    np.savez(tmp_path / "x.npz", lips=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as packed:
        packed.writestr("lips.npy", packed.read("lips.npy"))
    with pytest.raises(InputError, match="two arrays 'lips'"):
        read_npz(tmp_path / "x.npz")


def test_every_cut_and_every_flipped_byte_is_one_line_or_the_same_arrays(tmp_path):
    path = tmp_path / "x.npz"
    arrays = {"lips": np.asfortranarray(np.random.default_rng(0).normal(size=(5, 4))), "fps": np.array(25.0)}
    np.savez_compressed(path, **arrays)
    good, rng = path.read_bytes(), np.random.default_rng(1)
    refused = 0
    for number in range(200):
        data = bytearray(good)
        if number % 2:
            data = data[: int(rng.integers(len(data)))]
        else:
            data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            found = read_npz(path)
        except InputError:
            refused += 1
            continue
        for name in set(found) & set(arrays):
            assert np.array_equal(found[name], arrays[name])
            assert found[name].flags.c_contiguous
    assert refused > 150


# ---------------------------------------------------------------- models


def copied(folder, tmp_path):
    """Copy a packaged model; return its folder, description and tensors."""
    out = Path(shutil.copytree(folder, tmp_path / "model"))
    return out, json.loads((out / "model.json").read_text()), load_file(out / "model.safetensors")


def sign(folder, description):
    """Write a description with the checksums of the files as they are: what somebody would who means harm."""
    del description["checksums"]
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".onnx", ".safetensors")}
    write_bundle(folder, files, description)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["durations"].update(layers=10**9), "layers is 1000000000; expected 0 to 100"),
        (lambda s: s["durations"].update(layers=90), "no tensor|tensor"),
        (lambda s: s["decoder"].update(hidden=8192), "its settings ask for shape"),
        (
            lambda s: s["audio_encoder"].update(coarse_channels=8192, coarse_dilations=[1] * 100),
            "no tensor|settings ask",
        ),
        (lambda s: s["audio_encoder"].update(kernel=4), "odd number"),
        (lambda s: s["lip_parameters"].update(names=["opening", "width", "${oc.env:SECRET}"]), "never resolved"),
        (lambda s: s["lip_parameters"].update(names=["opening", "width", "depth"]), "expected some of opening"),
        (lambda s: s.update(decoder=None), "names and values"),
    ],
)
def test_a_model_that_asks_for_more_than_it_has_costs_nothing(tmp_path, change, message, monkeypatch):
    monkeypatch.setenv("SECRET", "swordfish")
    folder, description, _ = copied(PACKAGED_MODEL, tmp_path)
    change(description["settings"])
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(CheckpointError, match=f"settings were changed in model.json|{message}"):
        read_network(folder)
    sign(folder, description)
    started = time.monotonic()
    with pytest.raises(CheckpointError, match=message) as caught:
        read_trainable(folder)
    assert time.monotonic() - started < 10
    assert "swordfish" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("provider", ["cpu", "numpy"])
def test_settings_of_another_model_are_one_line_when_it_is_used(tmp_path, provider):
    folder, description, _ = copied(PACKAGED_MODEL, tmp_path)
    description["settings"]["decoder"]["hidden"] = 64
    sign(folder, description)
    network = read_network(folder, provider=provider)
    with pytest.raises(CheckpointError, match="its settings") as caught:
        phonolips.from_phones("B IH N", network=network)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["model.safetensors", "decoder.onnx", "encoder.onnx"])
@pytest.mark.parametrize("fault", ["flipped", "cut", "gone"])
def test_a_damaged_file_of_a_model(tmp_path, name, fault):
    folder, _, _ = copied(PACKAGED_MODEL, tmp_path)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data if fault == "flipped" else data[:-9])
    if fault == "gone":
        (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        read_network(folder)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/hostname"])
def test_a_model_lists_files_of_its_folder_only(tmp_path, name):
    folder, description, _ = copied(PACKAGED_MODEL, tmp_path)
    description["checksums"][name] = "0" * 64
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(CheckpointError, match="names of files in the folder"):
        read_network(folder)


def test_a_graph_that_is_none_is_one_line(tmp_path):
    folder, description, _ = copied(PACKAGED_MODEL, tmp_path)
    (folder / "decoder.onnx").write_bytes(b"no graph")
    sign(folder, description)
    with pytest.raises(CheckpointError, match=r"decoder\.onnx: not a readable graph") as caught:
        phonolips.from_phones("B IH N", network=read_network(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True, None, 10**9])
def test_threads_are_counted(threads):
    with pytest.raises(InputError, match="threads is"):
        load_network(threads=threads)


@pytest.mark.parametrize(
    ("provider", "message"),
    [("abacus", "expected one of numpy, cpu"), (["cpu"], "provider is"), ("cuda", "is not in the")],
)
def test_what_cannot_compute_here(provider, message):
    with pytest.raises(PhonolipsError, match=message):
        read_network(PACKAGED_MODEL, provider=provider)


@pytest.mark.parametrize(
    "speakers", [[], ["mean"], ["mean"] * 5, ["mean", "s1", "s26", "s33", 4], "mean", [["mean"]] * 5, None]
)
def test_a_table_of_speakers_that_is_none(tmp_path, speakers):
    folder, description, _ = copied(PACKAGED_MODEL, tmp_path)
    (folder / "model.json").write_text(json.dumps(description | {"speakers": speakers}))
    with pytest.raises(CheckpointError, match="not a readable model"):
        read_network(folder)


def with_one(value):
    def change(tensors):
        tensors["decoder.speaker.bias"][0] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_one(float("nan")), "holds NaN or infinity"),
        (with_one(float("inf")), "holds NaN or infinity"),
        (lambda t: t.update(more=torch.zeros(3)), "an unknown tensor 'more'"),
        (lambda t: t.pop("lip_mean"), "no tensor 'lip_mean'"),
        (lambda t: t.update(lip_mean=t["lip_mean"].double().long()), "lip_mean is I64"),
        (lambda t: t.update(lip_mean=t["lip_mean"][:2].clone()), "its settings ask for shape"),
    ],
)
def test_weights_that_are_none(tmp_path, change, message):
    folder, description, tensors = copied(PACKAGED_MODEL, tmp_path)
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="is damaged, or another model's"):
        read_network(folder)
    sign(folder, description)
    with pytest.raises(CheckpointError, match=message):
        read_trainable(folder)


QUANTISED = "decoder.head.layers.0.weight"  # (128, 256)


@pytest.fixture(scope="module")
def int8_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("int8")
    read_trainable(PACKAGED_MODEL).save(folder, half=True, int8=True)
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scale: None, "weight' is I8 of shape (128, 256), with no scales beside it"),
        (lambda scale: scale[:5].clone(), "scale' is F32 of shape (5, 1); expected F32 of shape (128, 1)"),
        (lambda scale: scale[:, 0].clone(), "scale' is F32 of shape (128,); expected"),
        (lambda scale: scale.half(), "scale' is F16 of shape (128, 1); expected"),
        (lambda scale: scale * float("nan"), "holds NaN or infinity"),
        (lambda scale: scale / 0, "holds NaN or infinity"),
    ],
)
def test_scales_that_are_none(tmp_path, int8_folder, change, message):
    folder, description, tensors = copied(int8_folder, tmp_path)
    scale = change(tensors.pop(f"{QUANTISED}.scale"))
    save_file(tensors if scale is None else tensors | {f"{QUANTISED}.scale": scale}, folder / "model.safetensors")
    sign(folder, description)
    for read in (read_network, lambda model: read_network(model, provider="numpy"), read_trainable):
        with pytest.raises(CheckpointError, match=re.escape(message)) as caught:
            read(folder)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["lip_mean", "lip_scale", "audio_encoder.phone_ngrams"])
def test_a_table_that_is_int8_without_scales(tmp_path, int8_folder, name):
    folder, description, tensors = copied(int8_folder, tmp_path)
    save_file(tensors | {name: tensors[name].to(torch.int8)}, folder / "model.safetensors")
    sign(folder, description)
    for read in (read_network, read_trainable):
        with pytest.raises(CheckpointError, match=f"'{name}' is I8 of shape"):
            read(folder)


@pytest.mark.parametrize("change", [lambda ngrams: ngrams.flip(0), lambda ngrams: ngrams[:5].clone()])
def test_counted_ngrams_that_are_none(tmp_path, change):
    folder, description, tensors = copied(PACKAGED_MODEL, tmp_path)
    name = "audio_encoder.phone_ngrams"
    save_file(tensors | {name: change(tensors[name])}, folder / "model.safetensors")
    sign(folder, description)
    with pytest.raises(CheckpointError, match="n-grams"):
        read_network(folder)


def test_a_sync_expert_is_checked_in_the_same_way(tmp_path):
    folder, description, _ = copied(PACKAGED_SYNC_EXPERT, tmp_path)
    description["settings"]["layers"] = 90
    (folder / "model.json").write_text(json.dumps(description))
    with pytest.raises(CheckpointError, match="not a readable sync expert"):
        load_sync_expert(folder)


# ---------------------------------------------------------------- ids and stores

BAD_IDS = [
    "../x",
    "a/../../x",
    "/etc/x",
    "C:x",
    "c:/x",
    "a\\..\\x",
    "",
    ".",
    "a//b",
    "a/",
    "a\0b",
    "a\nb",
    "x" * 300,
    "a/" * 600 + "a",
    3,
    None,
]


@pytest.mark.parametrize("clip", BAD_IDS)
def test_ids_are_relative_paths_inside(clip, tmp_path):
    with pytest.raises(CorpusError, match="id"):
        check_id(clip)
    if isinstance(clip, str):
        with pytest.raises(CorpusError):
            Record(clip, "s1", "train", "bin", "a.wav")
    row = {"id": clip, "speaker": "s1", "split": "train", "text": "bin", "audio": "a.wav"}
    (tmp_path / "records.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(CorpusError, match=r"records\.jsonl:1: not a record"):
        read_records(tmp_path / "records.jsonl")


@pytest.mark.parametrize("clip", ["s1/bbaf2n", "a", "WORD/train/WORD_00001", "…/x..y", "naïve ß", "-x", "a.b"])
def test_ids_that_are_used(clip):
    assert check_id(clip) == clip


ARRAYS = {"mel": ArraySpec("float16", (4,))}


def store_with(folder, *ids):
    declare_store(folder, ARRAYS)
    write_shard(folder, 0, ARRAYS, [Clip(one, {"mel": np.ones((3, 4))}, {"split": "train"}) for one in ids])
    return folder


def test_an_id_that_leaves_the_folder_is_refused_where_a_store_is_opened(tmp_path):
    store_with(tmp_path / "s", "s1/a", "../../outside")
    with pytest.raises(CorpusError, match=r"'\.\./\.\./outside'"):
        Store(tmp_path / "s")


def flip_last_byte(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_a_shard_whose_bytes_changed_is_named_when_it_is_read(tmp_path):
    store = Store(store_with(tmp_path / "s", "s1/a"))
    assert store.get("s1/a", "mel").shape == (3, 4)
    (shard,) = (tmp_path / "s" / "shards").glob("*.safetensors")
    flip_last_byte(shard)
    with pytest.raises(CorpusError, match="damaged: its bytes have the CRC-32"):
        Store(tmp_path / "s").get("s1/a", "mel")


def test_a_shard_that_is_damaged_on_its_way_is_not_kept(tmp_path):
    store_with(tmp_path / "s", "s1/a")
    Store(tmp_path / "s")
    (shard,) = (tmp_path / "s" / "shards").glob("*.safetensors")
    good = shard.read_bytes()
    flip_last_byte(shard)
    store = Store(f"file://{tmp_path / 's'}", cache=tmp_path / "cache")
    with pytest.raises(CorpusError, match="damaged: its bytes have the CRC-32"):
        store.get("s1/a", "mel")
    assert not [path for path in (tmp_path / "cache").rglob("*") if "shards" in path.parts and path.is_file()]
    shard.write_bytes(good)
    assert np.array_equal(store.get("s1/a", "mel"), np.ones((3, 4)))


def test_a_damaged_index_is_made_again(tmp_path):
    store_with(tmp_path / "s", "s1/a")
    Store(tmp_path / "s")
    (index,) = (tmp_path / "s").glob("index-*")
    for name, content in (
        ("texts.json", b"{"),
        ("ids.npy", b"PK"),
        ("starts_mel.npy", (index / "ids.npy").read_bytes()),
    ):
        (index / name).write_bytes(content)
        assert Store(tmp_path / "s").get("s1/a", "mel").shape == (3, 4)


@pytest.mark.parametrize(
    "arrays",
    [
        {"../x": {"dtype": "float16", "row_shape": [4]}},
        {"mel": {"dtype": "object", "row_shape": [4]}},
        {"mel": {"dtype": "float16", "row_shape": [10**12]}},
        {"mel": {"dtype": "float16", "row_shape": "4"}},
        {"mel": None},
        [],
    ],
)
def test_a_store_that_declares_what_none_has(tmp_path, arrays):
    store_with(tmp_path / "s", "s1/a")
    header = tmp_path / "s" / "store.json"
    header.write_text(json.dumps(json.loads(header.read_text()) | {"arrays": arrays}))
    with pytest.raises(CorpusError, match="declares no arrays"):
        Store(tmp_path / "s")
