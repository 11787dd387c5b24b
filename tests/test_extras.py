"""The extras are those of the package's metadata, and a missing one is named with the command that installs it."""

import importlib.util
import re
import tomllib

import pytest
from conftest import PROJECT

from phonolips import extras
from phonolips.errors import MissingToolError

# The names by which pip knows what is imported under another one.
PIP_NAMES = {"cv2": "opencv-contrib-python", "sklearn": "scikit-learn", "pythonosc": "python-osc"}


@pytest.mark.parametrize("extra", extras.EXTRAS)
def test_an_extra_holds_what_is_looked_for(extra):
    listed = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    held = {re.match(r"[\w-]+", each)[0] for each in listed[extra]}
    assert {PIP_NAMES.get(name, name) for name in extras.EXTRAS[extra]} <= held


@pytest.mark.parametrize("extra", ["face", "align", "live"])
def test_the_train_and_test_extras_hold_the_others(extra):
    listed = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(listed[extra]) <= set(listed["test"])
    assert extra != "face" or set(listed[extra]) <= set(listed["train"])


@pytest.mark.parametrize(
    ("extra", "missing", "too_new", "line"),
    [
        ("face", "mediapipe", False, "this needs mediapipe; install it with: pip install 'phonolips[face]'"),
        ("face", "cv2", False, "this needs cv2; install it with: pip install 'phonolips[face]'"),
        (
            *("face", "mediapipe", True),
            "this needs mediapipe; install it in an environment of Python 3.11 or 3.12 with: pip install 'phonolips[face]'",
        ),
        ("align", "pocketsphinx", True, "this needs pocketsphinx; install it with: pip install 'phonolips[align]'"),
        ("train", "onnx", True, "this needs onnx; install it with: pip install 'phonolips[train]'"),
    ],
)
def test_a_missing_extra_is_one_line(monkeypatch, extra, missing, too_new, line):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else name)
    monkeypatch.setattr(extras, "TOO_NEW_FOR_FACES", too_new)
    with pytest.raises(MissingToolError) as caught:
        extras.need(extra, "this")
    assert str(caught.value) == line
    assert not extras.has_extra(extra)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    extras.need(extra, "this")
    assert extras.has_extra(extra)
