"""Fixtures that several test files share."""

import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import ModuleType

import pytest

from phonolips.extras import has_extra

PROJECT = Path(__file__).resolve().parents[1]

# One thread for each test process, and for the processes that it starts: pytest-xdist runs several at once, and threads
# that wait for each other on busy cores cost far more than they bring. Read when NumPy and torch are imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Of a recipe that a test runs: it finds the commands of this environment first.
RECIPE_ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
}


def pytest_addoption(parser):
    parser.addoption("--fuzz-cases", type=int, default=300, help="damaged inputs that tests/fuzz reads")
    parser.addoption("--fuzz-seed", type=int, default=1, help="of what is drawn there")


def pytest_terminal_summary(terminalreporter):
    """Print the table of the damaged inputs."""
    for report in terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", []):
        for name, text in report.user_properties:
            if name == "fuzz" and report.when == "call":
                terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real GRID and LibriSpeech clips; the test skips where it is absent."""
    folder = Path(os.environ.get("PHONOLIPS_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / "grid").is_dir():
        pytest.skip(f"real data not found at {folder} (set PHONOLIPS_DATA)")
    return folder


def has(extra: str) -> bool:
    """Return whether an extra is installed; an error where it has to be, as PHONOLIPS_EXTRAS=all says."""
    found = has_extra(extra)
    if not found and os.environ.get("PHONOLIPS_EXTRAS") == "all":
        pytest.fail(f"PHONOLIPS_EXTRAS=all, but 'phonolips[{extra}]' is not installed", pytrace=False)
    return found


def needs(extra: str) -> pytest.MarkDecorator:
    """Mark a test that needs an extra: it skips in an environment without it."""
    return pytest.mark.skipif(not has(extra), reason=f"needs pip install 'phonolips[{extra}]'")


def skip_without(extra: str) -> None:
    """Skip the test module from which this is called, where an extra is not installed that all of it needs."""
    if not has(extra):
        pytest.skip(f"needs pip install 'phonolips[{extra}]'", allow_module_level=True)


def tool(name: str) -> ModuleType:
    """Import a script by its path without the ending, such as `tools/bench/speech`."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), PROJECT / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


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


def as_result(path, lips, fps, layout="", alignment=None, layer=None, sound=None):
    """Make a Result of its parts, as if it had been read back from `path`."""
    from phonolips.synth.folder import Layer
    from phonolips.synth.result import Result

    between = layer or Layer(None)
    return Result(
        lips, fps, alignment=alignment, recording=sound, path=path, posteriors=between.posteriors,
        lip_parameters=between.lip_parameters, lip_parameter_names=between.lip_parameter_names,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _signals_as_before():
    """Put back what the command line, run in this process, has signals do."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, action in before.items():
        signal.signal(number, action)
