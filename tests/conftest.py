"""Fixtures that several test files share."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real GRID and LibriSpeech clips; the test skips where it is absent."""
    folder = Path(os.environ.get("PHONOLIPS_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / "grid").is_dir():
        pytest.skip(f"real data not found at {folder} (set PHONOLIPS_DATA)")
    return folder
