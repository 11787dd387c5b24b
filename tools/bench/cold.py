"""Measure what a command costs from a cold start: in fresh processes, one thread, with the files in the page cache.

    python tools/bench/cold.py [--times 5] [--phases] [-- SYNTH-LIKE COMMAND ...]

Without a command: `synth --text` with all files, and without pictures. Each row is the minimum of several runs, which
go round robin, so that a busy minute falls on all of them: CPU seconds and wall seconds of the command with all that it
starts, and the peak memory of the largest of its processes and of all of them together (resident, MiB; shared pages
count in each). `--phases` adds what the first command imports, by package, and the functions that take longest.

Byte code is compiled first, as an installation does: without it, every run compiles the package anew.
"""

import argparse
import compileall
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import phonolips

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
TEXT = "bin blue at f two now"
COMMANDS = (["synth", "--text", TEXT], ["synth", "--text", TEXT, "--no-pictures"])
LOOK_SECONDS = 0.02  # between two looks at the memory of the processes
LISTED = 25  # functions of a profile
PROFILE = (
    "import cProfile, pstats, sys\n"
    "from phonolips.cli import main\n"
    "profile = cProfile.Profile()\n"
    "try:\n"
    "    profile.runcall(main)\n"
    "except SystemExit:\n"
    "    pass\n"
    "pstats.Stats(profile, stream=sys.stderr).sort_stats('cumulative').print_stats('phonolips', {listed})\n"
)


class Cost(NamedTuple):
    """What one run took: CPU and wall seconds, and peak MiB of its largest process and of all at once."""

    cpu: float
    wall: float
    largest: float
    together: float


def resident(process: int) -> float:
    """Return the MiB that a process and all that it started hold, 0 where the system has no /proc."""
    total = 0.0
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0
    return total + sum(resident(int(child)) for child in children)


def run(words: Sequence[str]) -> Cost:
    """Run `phonolips` with these words."""
    started, peak = time.perf_counter(), [0.0]
    command = [sys.executable, "-m", "phonolips", *words]
    process = subprocess.Popen(command, env=os.environ | ONE_THREAD, stdout=subprocess.DEVNULL)
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            peak[0] = max(peak[0], resident(process.pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    ended.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"phonolips {' '.join(words)}: exit {process.returncode}")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    seconds = time.perf_counter() - started
    return Cost(usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss / unit, peak[0])


def with_folder(words: Sequence[str], folder: str) -> list[str]:
    """Return a command that writes into a new folder, where it is one that writes and does not say where."""
    needs = words[0] == "synth" and "--out" not in words
    return [*words, "--out", tempfile.mkdtemp(dir=folder)] if needs else list(words)


def print_imports(words: Sequence[str]) -> None:
    """Print the milliseconds of the imports of a command, by package, as `-X importtime` measures them."""
    command = [sys.executable, "-X", "importtime", "-m", "phonolips", *words]
    told = subprocess.run(command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=True).stderr
    spent: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for own, name in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", told):
        package = name.partition(".")[0].lstrip("_")
        where = package if package not in sys.stdlib_module_names else "Python's own"
        spent[where] += int(own)
        modules[where] += 1
    print("| package | modules | ms |\n|---|---|---|")
    for package, microseconds in spent.most_common(12):
        print(f"| {package} | {modules[package]} | {microseconds / 1000:.0f} |")


def print_profile(words: Sequence[str]) -> None:
    """Print the functions of phonolips that take longest, with all that they call; a profile makes all slower."""
    command = [sys.executable, "-c", PROFILE.format(listed=LISTED), *words]
    told = subprocess.run(command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=True).stderr
    print("| function | calls | ms, profiled |\n|---|---|---|")
    for calls, seconds, place in re.findall(r"^ *([\d/]+) +[\d.]+ +[\d.]+ +([\d.]+) +[\d.]+ (\S.*)$", told, re.M):
        module, _, function = place.rpartition(":")
        name = module.rpartition("phonolips" + os.sep)[2]
        print(f"| {name} {function.partition('(')[2].rstrip(')')} | {calls} | {1000 * float(seconds):.0f} |")


def main() -> None:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5, help="runs of each command")
    parser.add_argument("--phases", action="store_true", help="also list imports and functions")
    parser.add_argument("command", nargs="*", help="a command of phonolips, after --")
    arguments = parser.parse_args()
    compileall.compile_dir(Path(phonolips.__file__).parent, quiet=2)
    commands = [arguments.command] if arguments.command else [list(command) for command in COMMANDS]
    with tempfile.TemporaryDirectory() as folder:
        found: list[list[Cost]] = [[] for _ in commands]
        for _ in range(arguments.times):
            for command, costs in zip(commands, found, strict=True):
                costs.append(run(with_folder(command, folder)))
        print("| command | CPU s | wall s | largest MiB | all MiB |\n|---|---|---|---|---|")
        for command, costs in zip(commands, found, strict=True):
            cpu, wall, largest, together = map(min, zip(*costs, strict=True))
            print(f"| {' '.join(command)} | {cpu:.2f} | {wall:.2f} | {largest:.0f} | {together:.0f} |")
        if arguments.phases:
            print()
            print_imports(with_folder(commands[0], folder))
            print()
            print_profile(with_folder(commands[0], folder))


if __name__ == "__main__":
    main()
