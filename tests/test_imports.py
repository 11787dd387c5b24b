"""The map of the package: imports go one way, deferred ones too, and importing is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import phonolips

PACKAGE = Path(phonolips.__file__).parent
# A module imports only from its own room and from rooms in lines above; rooms of one line do not know each other.
LAYERS = (
    ("errors",),
    ("extras", "quiet", "temporary"),
    ("checks",),
    ("reading",),
    ("timebase", "storage"),
    ("workers",),
    ("media",),
    ("phones",),
    ("lips",),
    ("speech",),
    ("model",),
    ("export", "show"),
    ("face",),
    ("synth",),
    ("editing", "live"),
    ("corpus",),
    ("training",),
    ("evaluation",),
    ("cli",),
    ("__main__",),
)
LAYER_OF = {name: index for index, names in enumerate(LAYERS) for name in names}
# `phonolips/__init__.py` and what it holds: the version, the public names, and where old names went.
FACE = ("__init__", "moved")
# The one name that may be named upwards, for type checkers alone: what a synthesis makes is what exporters, films and
# plots are given.
GIVEN = "phonolips.synth.result"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ("__init__.py",))


def room_of(module: str) -> str:
    return module.split(".")[1]


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(tree: ast.Module) -> list[tuple[str, bool]]:
    """List every import anywhere in a module, and whether only type checkers see it."""
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, typed: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend((alias.name, typed) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.extend((f"{node.module}.{alias.name}", typed) for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child, typed or is_type_checking(node))

    visit(tree, False)
    return found


def own_name(path: Path) -> str:
    return ".".join(("phonolips", *path.relative_to(PACKAGE).with_suffix("").parts))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path):
    own = own_name(path)
    for name, typed in imports(ast.parse(path.read_text())):
        if not name.startswith("phonolips.") or name == "phonolips.__version__":
            continue
        if room_of(name) in FACE or (typed and name.startswith(GIVEN)):
            continue
        there, here = room_of(name), room_of(own)
        assert there == here or LAYER_OF[there] < LAYER_OF[here], f"{own} imports {name}"


def test_every_room_is_on_the_map():
    rooms = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert rooms - set(FACE) == set(LAYER_OF)


# Who may import what: heavy packages and file formats have one home each.
HOMES = {
    "av": {"media"},
    "mediapipe": {"face"},
    "cv2": {"face"},
    "torch": {"training"},
    "onnx": {"training", "speech"},  # of speech, the voices of piper
    "onnxruntime": {"model", "speech"},
    "torchaudio": set(),
    "scipy": {"model", "face", "training", "evaluation"},  # only where an extra brings it; of model, the fit to a video
    "omegaconf": {"training"},
    "speechbrain": {"training"},
    "sklearn": {"evaluation"},
    "praatio": {"phones"},
    "typer": {"cli"},
    "sounddevice": {"live"},
    "websockets": {"live"},
    "pythonosc": {"live"},
    "tkinter": {"live"},
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_heavy_packages_have_their_homes(path):
    room = room_of(own_name(path))
    for name, typed in imports(ast.parse(path.read_text())):
        package = name.split(".")[0]
        if typed:
            continue
        assert room in HOMES.get(package, {room}), f"{own_name(path)} imports {name}"


def test_speechbrain_is_imported_by_two_files_at_most():
    importers = [
        p for p in MODULES if any(n.split(".")[0] == "speechbrain" for n, _ in imports(ast.parse(p.read_text())))
    ]
    assert len(importers) <= 2, importers


def test_the_command_line_is_not_slowed_by_what_it_does_not_use():
    code = "import sys, phonolips.cli; print(' '.join(sorted(m for m in sys.modules if '.' not in m)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "torchaudio", "speechbrain", "mediapipe", "matplotlib", "av", "scipy", "phonemizer", "numpy"}
    assert not heavy & set(loaded)


def test_synthesis_needs_neither_speechbrain_nor_torchaudio_nor_mediapipe(tmp_path):
    blocked = (
        "import sys; [sys.modules.__setitem__(m, None) for m in ('speechbrain', 'torchaudio', 'mediapipe', 'sklearn')];"
    )
    code = f"{blocked} import phonolips; phonolips.from_text('bin blue').save({str(tmp_path / 'o')!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "o" / "lips.npz").is_file()
