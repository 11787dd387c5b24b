"""Draw cases, have them read in another process, and count what came of them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

TESTS = Path(__file__).resolve().parents[1]
GOOD = ("read", "refused")
CLASSES = (*GOOD, "bad message", "traceback", "crash", "memory", "late", "broken case")
KEPT = TESTS / "fuzz" / "failed"


@dataclass
class Report:
    """What came of all cases."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    failed: list[str] = field(default_factory=list)
    seconds: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")

    def table(self) -> str:
        """Return the counts by reader and class."""
        width = max(map(len, self.counts), default=0)
        classes = [name for name in CLASSES if any(counts[name] for counts in self.counts.values()) or name in GOOD]
        lines = [" " * width + "".join(f"{name:>13}" for name in (*classes, "seconds"))]
        for name, counts in sorted(self.counts.items()):
            lines.append(
                f"{name:<{width}}" + "".join(f"{counts[one]:>13}" for one in classes) + f"{self.seconds[name]:>13.1f}"
            )
        total = sum(self.counts.values(), Counter())
        lines.append(
            f"{'all':<{width}}" + "".join(f"{total[one]:>13}" for one in classes) + f"{self.seconds.total():>13.1f}"
        )
        return "\n".join([*lines, f"slowest: {self.slowest[0]:.1f} s, {self.slowest[1]}"])


class Reader:
    """The process that reads; started again where it died."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        paths = [str(TESTS), str(TESTS.parent), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fuzz.worker", str(self.folder / "seeds")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment,
        )
        self._answer()

    def _answer(self) -> dict[str, object]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the reading process ended with {self.process.wait()}")
        return json.loads(line)

    def read(self, kind: str, seed: int, index: int) -> tuple[dict[str, object], Path]:
        """Make and read one case; return what came of it, and its folder."""
        folder = self.folder / f"{kind.replace(' ', '-')}-{seed}-{index}"
        folder.mkdir()
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"kind": kind, "seed": seed, "index": index, "folder": str(folder)}) + "\n")
        return self._answer(), folder

    def close(self) -> None:
        """End it, and remove its files."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)


def draw(cases: int, seed: int, kinds: dict[str, float]) -> list[tuple[str, int]]:
    """Draw which readers get how many cases: each at least one, and then by their shares; (kind, index)."""
    names = list(kinds)
    random = Random(seed)
    drawn = names[:cases] + random.choices(names, [kinds[name] for name in names], k=max(0, cases - len(names)))
    counts = Counter(drawn)
    return [(name, index) for name in names for index in range(counts[name])]


def fuzz(cases: int, seed: int, *, only: str | None = None, say: bool = False) -> Report:
    """Read many damaged inputs.

    Args:
        cases: how many, beside one good input of every kind of file, which must be read.
        seed: of all that is random.
        only: one reader, or one case of it such as `model:17`.
        say: print what fails, as it fails.
    """
    from fuzz.readers import KINDS

    name, _, index = (only or "").partition(":")
    shares = {one: kind.share for one, kind in KINDS.items() if not only or one == name}
    good = [(one, -1) for one in shares if getattr(KINDS[one].make, "makes_files", False)]
    chosen = [(name, int(index))] if index else good + draw(cases, seed, shares)
    report = Report()
    reader = Reader()
    try:
        for one, number in chosen:
            answer, folder = reader.read(one, seed, number)
            found, seconds = str(answer["class"]), float(str(answer.get("seconds", 0.0)))
            report.counts[one][found] += 1
            report.seconds[one] += seconds
            report.slowest = max(report.slowest, (seconds, f"{one}:{number}"))
            if found not in GOOD or (number == -1 and found != "read"):
                kept = KEPT / folder.name
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(folder, kept, symlinks=True)
                line = f"--seed {seed} --only '{one}:{number}' ({kept}): {found}: {str(answer['said']).strip()[-1500:]}"
                report.failed.append(line)
                if say:
                    print(line, flush=True)
            elif index:
                print(found, answer["said"])
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        reader.close()
    return report
