"""Fixtures that several test files share."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real GRID and LibriSpeech clips; the test skips where it is absent."""
    folder = Path(os.environ.get("PHONOLIPS_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / "grid").is_dir():
        pytest.skip(f"real data not found at {folder} (set PHONOLIPS_DATA)")
    return folder


def tool(name: str) -> ModuleType:
    """Import a script of tools/."""
    sys.path.insert(0, str(PROJECT / "tools"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(PROJECT / "tools"))


@pytest.fixture
def command(capsys, monkeypatch):
    """Run the command in this process, which saves the time of importing torch anew; (exit code, out, err)."""
    from phonolips import cli

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["phonolips", *map(str, words)])
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call
