"""Folders that are there whole or not at all."""

import errno
from pathlib import Path

import pytest

from phonolips.storage import atomic_folder


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
