"""Public names and import paths of version 0.1 still lead somewhere, with a warning; `tests/vectors` lists them."""

import importlib
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

NAMES = json.loads((Path(__file__).parent / "vectors" / "names_0_1.json").read_text())
# Gone without a successor, or merged into another class: see CHANGELOG.md.
GONE = {
    # Names inside modules that stayed where they were, which nobody but the package itself used.
    "edit.lips": {"measured_gestures"},
    "evaluation.adaptation": {"hear_stored"},
    "evaluation.metrics": {"ear_scores"},
    "model.stream": {"Heard", "guess_gestures", "listen", "speak"},
    "model.sync": {"WindowBlock", "WindowEncoder"},
    "training.durations": {"DurationsRun"},
    "training.lips": {"LipsRun", "true_gestures"},
    "training.loop": {"Fit", "run_fit"},
    "training.sync": {"SyncFit"},
}


@pytest.mark.parametrize("module", NAMES)
def test_old_paths_lead_somewhere(module):
    if module.startswith(("training", "evaluation")):
        pytest.importorskip("speechbrain")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        there = importlib.import_module(f"phonolips.{module}")
        missing = [name for name in NAMES[module] if not hasattr(there, name)]
    assert set(missing) <= GONE.get(module, set())


def test_an_old_path_warns_and_names_the_new_one():
    code = "import warnings; warnings.simplefilter('always'); from phonolips.video.lips import opening"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "phonolips.lips.measures" in done.stderr
    code = "import warnings; warnings.simplefilter('error'); from phonolips.phones import PHONES"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "next release" in done.stderr


def test_public_names_survive_an_old_import():
    code = "import phonolips, phonolips.edit, phonolips.adapt; assert callable(phonolips.edit); print(dir(phonolips))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "from_text" in done.stdout
