"""Time what computes a model: ONNX Runtime, NumPy and torch, in one run, so that the ratios can be trusted.

    python tools/bench/runtime.py --clips data/librispeech [--seconds 3 60] [--rounds 5] [--threads 1 2]

Warm: the encoder (with voice activity) and the decoder on so many seconds of sound, the three in turn, round after
round; the least of each counts. Cold: a fresh process that imports the package, loads the shipped model and makes lips
of three seconds. Needs the extra [train] for torch. Prints Markdown tables; CPU seconds say more than wall seconds on a
busy machine.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from phonolips.media.audio import read
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.network import Network, read_network
from phonolips.model.stream import decode_lips, encode
from phonolips.synth.batch import SOUND_SUFFIXES
from phonolips.timebase import SAMPLE_RATE

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
COLD_SECONDS = 3.0
COLD = """
import resource, sys
import numpy, soundfile
import phonolips
{prepare}
samples = soundfile.read({path!r}, dtype="float32")[0]
phonolips.from_audio(samples, network=network)
usage = resource.getrusage(resource.RUSAGE_SELF)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""
PREPARE = {
    "onnx": "from phonolips.model.network import load_network; network = load_network(provider='cpu')",
    "numpy": "from phonolips.model.network import load_network; network = load_network(provider='numpy')",
    "torch": (
        "from phonolips.model.bundle import PACKAGED_MODEL\n"
        "from phonolips.training.networks.network import read_trainable\n"
        "from phonolips.training.torch_graph import network_of\n"
        "network = network_of(read_trainable(PACKAGED_MODEL))"
    ),
}


def gather(folder: Path, seconds: float) -> np.ndarray:
    """Join clips until they have so many seconds, 16 kHz."""
    clips = sorted(path for path in folder.rglob("*") if path.suffix in SOUND_SUFFIXES)
    found: list[np.ndarray] = []
    for clip in clips:
        found.append(read(clip))
        if sum(map(len, found)) >= seconds * SAMPLE_RATE:
            return np.concatenate(found)[: round(seconds * SAMPLE_RATE)]
    raise SystemExit(f"{folder}: fewer than {seconds:g} s of sound")


def networks(threads: int) -> dict[str, Network]:
    """Load the shipped model three times."""
    import torch

    from phonolips.training.networks.network import read_trainable
    from phonolips.training.torch_graph import network_of

    torch.set_num_threads(threads)
    return {
        "torch": network_of(read_trainable(PACKAGED_MODEL)),
        "onnx": read_network(PACKAGED_MODEL, provider="cpu", threads=threads),
        "numpy": read_network(PACKAGED_MODEL, provider="numpy"),
    }


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds of some work."""
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def warm(waveform: np.ndarray, threads: int, rounds: int) -> list[str]:
    """Time encoder and decoder; return rows of a table."""
    made, seconds = networks(threads), len(waveform) / SAMPLE_RATE
    times: dict[str, list[tuple[float, ...]]] = {name: [] for name in made}
    for _ in range(rounds + 1):  # the first one opens sessions
        for name, network in made.items():
            parts: list[np.ndarray] = []
            encoder = timed(lambda: parts.extend(encode(network, iter([waveform]))))  # noqa: B023
            posteriors, moves = (np.concatenate([part[i] for part in parts]) for i in range(2))
            speaker = network.lip_speaker(None)
            lips = timed(lambda: list(decode_lips(network, posteriors, moves, speaker)))  # noqa: B023
            times[name].append((*encoder, *lips))
    best = {name: np.min(rows[1:], axis=0) for name, rows in times.items()}
    cpu = {name: row[1] + row[3] for name, row in best.items()}
    return [
        f"| {seconds:g} s, {threads} thread{'s'[: threads - 1]} | {name} | {row[0]:.3f} | {row[2]:.3f} "
        f"| {(row[0] + row[2]) / seconds:.4f} | {cpu[name] / seconds:.4f} | {cpu['torch'] / cpu[name]:.2f} |"
        for name, row in best.items()
    ]


def cold(path: Path, rounds: int) -> list[str]:
    """Time fresh processes; return rows of a table."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in PREPARE}
    for _ in range(rounds):
        for name, prepare in PREPARE.items():
            started = time.perf_counter()
            code = COLD.format(prepare=prepare, path=str(path))
            printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
            cpu, peak = map(float, printed.split())
            found[name].append((time.perf_counter() - started, cpu, peak))
    best = {name: np.min(rows, axis=0) for name, rows in found.items()}
    return [
        f"| {name} | {wall:.2f} | {cpu:.2f} | {best['torch'][1] / cpu:.1f} | {peak:.0f} |"
        for name, (wall, cpu, peak) in best.items()
    ]


def main() -> None:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder of clips")
    parser.add_argument("--seconds", type=float, nargs="+", default=[3.0, 60.0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    if any(os.environ.get(name) != "1" for name in THREAD_VARIABLES):
        os.environ |= dict.fromkeys(THREAD_VARIABLES, "1")
        os.execv(sys.executable, [sys.executable, *sys.argv])  # libraries read them when they load
    # First, while this process is small: a new one counts what it was copied from as memory of its own.
    print("| import, load, 3 s of sound | wall s | CPU s | torch / this, CPU | peak MiB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        soundfile.write(path, gather(options.clips, COLD_SECONDS), SAMPLE_RATE)
        print("\n".join(cold(path, options.rounds)))
    print("\n| sound | computed by | encoder s | decoder s | real-time factor | CPU | torch / this, CPU |")
    print("|---|---|---|---|---|---|---|")
    for threads in options.threads:
        for seconds in options.seconds:
            print("\n".join(warm(gather(options.clips, seconds), threads, options.rounds)), flush=True)


if __name__ == "__main__":
    main()
