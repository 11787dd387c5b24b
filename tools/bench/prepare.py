"""Measure what each step of preparing LRW costs a core, on some clips, and say what all 538,766 would cost.

    python tools/bench/prepare.py --data LRW_OR_STAND_IN --clips 200

Every step runs in one process of its own. Counted is processor time, which does not depend on what else the machine is
doing; what a process needs to start is measured on a tenth of the clips and subtracted.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from phonolips.corpus.lrw import find_records
from phonolips.corpus.records import Record, write_records
from phonolips.corpus.store.store import Store
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.training.encoder_outputs import encode_stored_clips
from phonolips.training.networks.network import read_trainable

LRW_CLIPS = 538_766
STEPS = ("lips", "align", "features")


def prepare(folder: Path, step: str) -> tuple[float, float]:
    """Run a step in a process of its own; return its processor seconds and the most memory so far, MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "phonolips", "prepare", "--step", step, "--out", str(folder)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, after.ru_maxrss / 1024


def measure(records: list[Record]) -> dict[str, tuple[float, float, int]]:
    """Prepare some clips; return for each step processor seconds, memory in MiB, and bytes on disk."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_records(records, folder / "records.jsonl")
        found = {}
        for step in STEPS:
            seconds, memory = prepare(folder, step)
            made = folder / {"align": "alignments"}.get(step, step)
            size = sum(path.stat().st_blocks * 512 for path in made.rglob("*") if path.is_file())
            found[step] = (seconds, memory, size)
        found["encode"] = encode(folder)
        return found


def encode(folder: Path) -> tuple[float, float, int]:
    """Encode every clip twice, clean and through noise, as the training of the lips does."""
    store, network = Store(folder / "features"), read_trainable(PACKAGED_MODEL)
    started = time.process_time()
    encoded = encode_stored_clips(network.audio_encoder, store, list(store), "cpu", noise_seed=1)
    seconds = time.process_time() - started
    size = sum(part.nbytes for stored_outputs in encoded for stored_output in stored_outputs for part in stored_output)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, size


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="LRW, or what tests/toy/make_lrw_like.py made")
    parser.add_argument("--clips", type=int, default=200)
    given = parser.parse_args()
    records, _ = find_records(given.data)
    chosen = records[:: max(1, len(records) // given.clips)][: given.clips]
    few = chosen[:: max(1, len(chosen) // max(1, len(chosen) // 10))]
    start, whole = measure(few), measure(chosen)
    print("| step | processor ms a clip | peak MiB | KiB a clip | LRW: hours of one core | LRW: GiB |")
    print("|---|---|---|---|---|---|")
    for step in (*STEPS, "encode"):
        clips = len(chosen) - len(few)
        each = (whole[step][0] - start[step][0]) / clips
        size = (whole[step][2] - start[step][2]) / clips
        print(
            f"| {step} | {1000 * each:.0f} | {whole[step][1]:.0f} | {size / 1024:.1f} | {each * LRW_CLIPS / 3600:.1f} |"
            f" {size * LRW_CLIPS / 2**30:.1f} |"
        )


if __name__ == "__main__":
    main()
