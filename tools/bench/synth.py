"""How fast synthesis is: real-time factor, cold start, first result, peak memory; every figure from a fresh process.

    python tools/bench/synth.py [--model DIR] [--seconds 60] [--repeats 3]

Prints a Markdown table. The sound is speech-like noise; the cost does not depend on what is said. Real-time factor is
seconds of work for a second of sound, without start-up; the median over the repeats.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WORKER = """
import json, resource, sys, time
started = time.perf_counter()
import numpy as np
threads, seconds, path, model = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4] or None
from pathlib import Path
import phonolips
from phonolips.model.network import load_network
network = load_network(Path(model) if model else None, threads=threads)
loaded = time.perf_counter()
rng = np.random.default_rng(0)
if path == 'audio':
    samples = round(seconds * 16000)
    sound = (rng.normal(0, 0.1, samples) * (1 + np.sin(np.arange(samples) / 4000))).clip(-1, 1)
    work = lambda: phonolips.from_audio(sound.astype(np.float32), network=network)
else:
    sentence = 'the quick brown fox jumps over the lazy dog and runs away again. '
    text = sentence * max(1, round(seconds / 4))
    work = lambda: phonolips.from_text(text, network=network)
begin = time.perf_counter()
result = work()
first = time.perf_counter() - begin
begin = time.perf_counter()
result = work()
again = time.perf_counter() - begin
print(json.dumps({
    'factor': again / result.seconds, 'first_s': first, 'load_s': loaded - started,
    'peak_mib': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 'seconds': result.seconds,
}))
"""


def measure(threads: int, seconds: float, path: str, model: str) -> dict[str, float]:
    """Run one worker process and return its figures."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(threads), str(seconds), path, model],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def cold_command(model: str) -> tuple[float, float]:
    """Time the whole command on a short text, files and all; return seconds and peak MiB."""
    import resource
    import time

    with tempfile.TemporaryDirectory() as folder:
        words = ["synth", "--text", "bin blue at f two now", "--out", str(Path(folder) / "demo")]
        words += ["--model", model] if model else []
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "phonolips", *words], check=True, capture_output=True)
        seconds = time.perf_counter() - started
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="model folder; default: the one in the package")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the sound")
    parser.add_argument("--repeats", type=int, default=3, help="fresh processes for each row")
    arguments = parser.parse_args()
    cold = [cold_command(arguments.model) for _ in range(arguments.repeats)]
    print("| path | threads | real-time factor | load s | first result s | peak memory MiB |")
    print("|---|---|---|---|---|---|")
    for path in ("audio", "text"):
        for threads in (1, 2):
            runs = [measure(threads, arguments.seconds, path, arguments.model) for _ in range(arguments.repeats)]
            middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
            print(
                f"| {path}, {middle['seconds']:.0f} s | {threads} | {middle['factor']:.4f} | {middle['load_s']:.1f} "
                f"| {middle['first_s']:.2f} | {middle['peak_mib']:.0f} |"
            )
    seconds = statistics.median(run[0] for run in cold)
    print(
        f"| `phonolips synth --text`, all files, cold | - | - | - | {seconds:.1f} | {max(run[1] for run in cold):.0f} |"
    )


if __name__ == "__main__":
    main()
