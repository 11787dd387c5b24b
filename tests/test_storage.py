"""Atomic files and folders, and NPZ files with a format number."""

import errno
from pathlib import Path

import numpy as np
import pytest

from phonolips.errors import InputError
from phonolips.storage import atomic_file, atomic_folder, read_arrays, write_arrays, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_there_when_the_block_ends(tmp_path):
    with atomic_folder(tmp_path / "made") as temporary:
        (temporary / "a").write_text("1")
        assert not (tmp_path / "made").exists()
    assert names(tmp_path) == ["made"]
    assert (tmp_path / "made" / "a").read_text() == "1"


def test_the_faster_one_stays(tmp_path):
    with atomic_folder(tmp_path / "made") as temporary:
        (temporary / "a").write_text("late")
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "a").write_text("first")
    assert names(tmp_path) == ["made"]
    assert (tmp_path / "made" / "a").read_text() == "first"


def test_nothing_is_left_of_a_block_that_fails(tmp_path):
    def fail():
        with atomic_folder(tmp_path / "made") as temporary:
            (temporary / "a").write_text("1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(tmp_path) == []


def test_other_errors_are_raised(tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"), atomic_folder(tmp_path / "made"):
        pass
    assert names(tmp_path) == []


def test_a_file_is_replaced_when_the_block_ends_and_kept_if_it_fails(tmp_path):
    path = tmp_path / "new" / "a.txt"
    write_text(path, "ä")
    assert path.read_bytes() == "ä".encode()

    def fail():
        with atomic_file(path) as temporary:
            assert temporary.suffix == ".txt"
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text(encoding="utf-8") == "ä"
    assert names(path.parent) == ["a.txt"]


ARRAYS = {"lips": np.arange(12, dtype=np.float32).reshape(2, 3, 2), "fps": 29.97, "layout": "ibug20", "none": []}


@pytest.mark.parametrize("name", ["lips.npz", "lips"])
def test_arrays_come_back_with_their_version(tmp_path, name):
    write_arrays(tmp_path / name, "lips", 2, **ARRAYS)
    assert names(tmp_path) == [name]
    found, version = read_arrays(tmp_path / name, "lips", (1, 2), required=("lips", "fps"))
    assert version == 2
    assert list(found) == list(ARRAYS)
    for key, value in ARRAYS.items():
        assert found[key].dtype == np.asarray(value).dtype
        assert np.array_equal(found[key], value)


def test_a_file_without_a_number_is_version_1(tmp_path):
    np.savez(tmp_path / "lips.npz", lips=ARRAYS["lips"])
    found, version = read_arrays(tmp_path / "lips.npz", "lips", (1, 2))
    assert version == 1
    assert list(found) == ["lips"]


def pickled(path):
    np.savez(path, lips=np.array([{}], dtype=object))


def cut_off(path):
    write_arrays(path, "lips", 2, **ARRAYS)
    path.write_bytes(path.read_bytes()[:-30])


def flipped(path):
    write_arrays(path, "lips", 2, lips=np.random.default_rng(0).normal(size=1000))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def plain_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


WRONG = [
    (lambda path: None, "no such file; expected a lips.npz made by 'phonolips synth'"),
    (lambda path: path.mkdir(), "no such file"),
    (lambda path: path.write_bytes(b""), "not a lips.npz"),
    (lambda path: path.write_text("hello"), "not a lips.npz"),
    (plain_array, "not a lips.npz"),
    (pickled, r"not a lips.npz \(the array 'lips' holds Python objects"),
    (cut_off, "not a lips.npz"),
    (flipped, "not a lips.npz"),
    (lambda path: write_arrays(path, "edit", 2, lips=0), "holds 'edit'; expected a lips.npz"),
    (lambda path: write_arrays(path, "lips", 3, lips=0), "format version 3 of lips.npz; .* reads 1, 2: update"),
    (lambda path: np.savez(path, lips=0, format_version="two"), "not a lips.npz"),
    (lambda path: np.savez(path, lips=0, format_version=[1, 2]), "not a lips.npz"),
    (lambda path: write_arrays(path, "lips", 2, fps=25), "no array 'lips'.*make one with 'phonolips synth'"),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=range(len(WRONG)))
def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path, make, message):
    path = tmp_path / "lips.npz"
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        read_arrays(path, "lips", (1, 2), required=("lips",), made_by="phonolips synth")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("arrays", [{"lips": np.array([{}], dtype=object)}, {"format": 1}])
def test_arrays_of_objects_or_with_our_names_are_not_written(tmp_path, arrays):
    with pytest.raises(ValueError, match="cannot be written"):
        write_arrays(tmp_path / "lips.npz", "lips", 2, **arrays)
    assert names(tmp_path) == []
