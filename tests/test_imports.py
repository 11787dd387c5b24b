"""The map of the package: data flows down it, imports go up; and importing is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import phonolips

PACKAGE = Path(phonolips.__file__).parent
# A module imports only from its own layer's package and from layers above it in this list.
LAYERS = (
    ("errors", "atomic", "__init__"),
    ("timebase", "phones"),
    ("config",),
    ("text",),
    ("audio",),
    ("video",),
    ("alignment",),
    ("speech",),
    ("corpus",),
    ("model",),
    ("training",),
    ("plot",),
    ("plot_gallery",),
    ("files",),
    ("plot_page", "export", "film"),
    ("emphasis", "silence"),
    ("synth",),
    ("batch",),
    ("adapt",),
    ("edit",),
    ("evaluation",),
    ("environment",),
    ("cli",),
    ("__main__",),
)
LAYER_OF = {name: index for index, names in enumerate(LAYERS) for name in names}
MODULES = sorted(PACKAGE.rglob("*.py"))


def layer_of(module: str) -> int:
    part = module.split(".")[1]
    return LAYER_OF["__init__"] if part == "__version__" else LAYER_OF[part]


def top_level_imports(tree: ast.Module) -> list[str]:
    """List what is imported when the module is, without what only type checkers see."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_up_the_map(path):
    own = ".".join(("phonolips", *path.relative_to(PACKAGE).with_suffix("").parts))
    for name in top_level_imports(ast.parse(path.read_text())):
        if name.startswith("phonolips."):
            assert layer_of(name) <= layer_of(own), f"{own} imports {name}"


def test_the_command_line_is_not_slowed_by_what_it_does_not_use():
    code = "import sys, phonolips.cli; print(' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "torchaudio", "speechbrain", "mediapipe", "matplotlib", "av", "scipy", "phonemizer", "numpy"}
    assert not heavy & set(loaded)


def test_synthesis_needs_neither_speechbrain_nor_torchaudio_nor_mediapipe(tmp_path):
    blocked = (
        "import sys; [sys.modules.__setitem__(m, None) for m in ('speechbrain', 'torchaudio', 'mediapipe', 'sklearn')];"
    )
    code = f"{blocked} from phonolips import synth; synth.from_text('bin blue').save({str(tmp_path / 'o')!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "o" / "lips.npz").is_file()
