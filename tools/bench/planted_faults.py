"""Plant faults in a copy of the package, one at a time, and report which tests notice.

    python tools/bench/planted_faults.py                        # all of them, against the tests named below
    python tools/bench/planted_faults.py --only velocity        # those with this word in their name
    python tools/bench/planted_faults.py --only closure --against tests/test_training.py

A fault is a textual change. Its old text must stand in the package exactly once, wherever that is; where it no longer
does, the fault is reported as stale and must be written anew. Exits with 1 where a fault survives or is stale.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
THREADS = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


class Fault(NamedTuple):
    """What is wrong, the text that makes it so, and the tests that should notice."""

    name: str
    old: str
    new: str
    tests: str


LOSS, AVERAGE, REACH = "tests/test_lips_loss.py", "tests/test_weight_average.py", "tests/test_edit_reach.py"
CONTRACTS = "tests/test_small_contracts.py"
NGRAM, SPEAKER, LENGTH = "tests/test_ngram_lmplz.py", "tests/test_speaker_fit.py", "tests/test_pause_and_length.py"
LOWER_ORDER = "levels.append(np.unique(levels[-1][0] % NUM_PHONES**shorter, return_counts=True))"
RAW_UNIGRAMS = (
    "kept, at = np.unique(levels[-1][0] % NUM_PHONES**shorter, return_inverse=True); "
    "levels.append((kept, np.bincount(at, levels[-1][1] if shorter == 1 else None).astype(int)))"
)
FAULTS = [
    # The eleven (three of them in more than one form) that the suite did not notice before.
    Fault("closure term removed", " + self.settings.closure_weight * closing", "", LOSS),
    Fault("velocity term's sign", "+ self.settings.velocity_weight *", "- self.settings.velocity_weight *", LOSS),
    Fault("speaker balance inverted", "** -balance", "** balance", LOSS),
    Fault("average not used in validation", "if stage == sb.Stage.VALID:", "if False:", AVERAGE),
    Fault("gain dropped beside a mixing", "outputs * speaker.gain + outputs @", "outputs + outputs @", SPEAKER),
    Fault(
        "rest of the first clip alone",
        "np.mean([speaker.mean_lip for speaker in at_rest], axis=0)",
        "at_rest[0].mean_lip",
        SPEAKER,
    ),
    Fault("pause not scaled by rate", "word.pause_seconds / rate", "word.pause_seconds", LENGTH),
    Fault("lips as long as the longer", "min(seconds, samples_to_seconds", "max(seconds, samples_to_seconds", LENGTH),
    Fault("no closure before the cut", "if back and item.start < at - 1e-6:", "if back and item.start > at:", REACH),
    Fault("closure before the cut, its start", "max(0.0, at - item.end)", "max(0.0, at - item.start)", REACH),
    Fault("no closure after the cut", "if not back and item.end > at + 1e-6:", "if not back and item.end < at:", REACH),
    Fault("discount of what was seen once", "1 - 2 * share * twos", "1 - share * twos", NGRAM),
    Fault("discount of three and more", "np.minimum(known, 3)", "np.minimum(known, 2)", NGRAM),
    Fault("unigrams as often as said", LOWER_ORDER, RAW_UNIGRAMS, NGRAM),
    # Others.
    Fault("training goes on from the average", "self.swap_average()\n        shares", "shares", AVERAGE),
    Fault("velocity from frames without a face", "weight[:, 1:] * weight[:, :-1]", "weight[:, 1:]", LOSS),
    Fault("mouth space upside down", "_from_complex(relative.conj())", "_from_complex(relative)", "tests/test_lips.py"),
    Fault("frame centres at their start", "(np.arange(frames) + 0.5) / fps", "np.arange(frames) / fps",
          "tests/test_timebase.py"),
    Fault("labels a step late", "step_centres(steps), side=", "step_centres(steps) - 0.01, side=",
          "tests/test_intervals.py"),
    Fault("a closed mouth that gapes", "(1 - lower_lip_share) * by", "(0.9 - lower_lip_share) * by",
          CONTRACTS),
    Fault("times stretched by the rate", ".scaled(1 / check_rate(rate))", ".scaled(check_rate(rate))",
          "tests/test_pause_and_length.py tests/test_synth.py"),
    Fault("history of one phone less", "% kept * NUM_PHONES + to", "% (kept // NUM_PHONES) * NUM_PHONES + to",
          "tests/test_decode.py"),
    Fault("posteriors not normalised", ": np.ndarray = array / sums", ": np.ndarray = array", CONTRACTS),
    Fault("lips cross when exaggerated", "more = uncross(part + np.float32(liveliness)",
          "more = (part + np.float32(liveliness)", CONTRACTS),
]  # fmt: skip


def run_tests(folder: Path, tests: list[str]) -> tuple[list[str], int, str]:
    """Run tests in a folder that holds a copy of the package: names of the failed ones, exit code, output."""
    environment = {**os.environ, **THREADS, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    words = ["-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--tb=no", "-rfE", "-o", "addopts=", *tests]
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)
    failed = re.findall(r"^(?:FAILED|ERROR) (?:tests/)?(.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    return failed, done.returncode, done.stdout + done.stderr


def find_source(package: Path, old: str) -> Path | None:
    """Find the one source file that holds a text exactly once; None where none or more than one does."""
    hits = [path for path in sorted(package.rglob("*.py")) for _ in range(path.read_text("utf-8").count(old))]
    return hits[0] if len(hits) == 1 else None


def main() -> int:
    """Plant each fault, run its tests, print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a word in the names of the faults to plant")
    parser.add_argument("--against", nargs="+", help="tests to run instead of those named for each fault")
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if options.only in fault.name]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("phonolips", "tests"):
            shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("tools", "pyproject.toml"):
            (folder / part).symlink_to(PROJECT / part)
        tests = options.against or sorted({test for fault in chosen for test in fault.tests.split()})
        failed, code, output = run_tests(folder, tests)
        if code:
            print(output[-2000:], f"without a fault, tests fail: {failed}", sep="\n")
            return 1
        bad = 0
        for fault in chosen:
            path = find_source(folder / "phonolips", fault.old)
            if path is None:
                bad += 1
                print(f"{fault.name:36} STALE: its old text does not stand in the package exactly once", flush=True)
                continue
            text = path.read_text("utf-8")
            path.write_text(text.replace(fault.old, fault.new), "utf-8")
            failed, code, _ = run_tests(folder, options.against or fault.tests.split())
            path.write_text(text, "utf-8")
            bad += code == 0
            verdict = f"caught by {len(failed)}: {failed[0] if failed else f'exit {code}'}" if code else "SURVIVED"
            print(f"{fault.name:36} {path.relative_to(folder)}: {verdict}", flush=True)
    print(f"{len(chosen) - bad} of {len(chosen)} faults caught")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
