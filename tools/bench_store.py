"""Measure the store from a thousand to a million clips of LRW's shape, and say what LRW's 538,766 would cost.

    python tools/bench_store.py --folder /scratch/bench --sizes 1000 10000 100000 1000000

Every clip has what the recipe stores of 29 frames: log-mel, labels, soft labels, phones, lips. Each measurement runs in
a process of its own, so that its memory is its own: anonymous memory (what the process asked for) and the peak of all
(with the pages of files that it looked at, which the system may take back). A million clips are 38 GB on disk; each
size is removed after it was measured.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.corpus.prepare import FEATURE_ARRAYS
from phonolips.corpus.store import MOST_SHARD_CLIPS, Clip, Store, declare_store, plan_shards, write_shard
from phonolips.phones import IGNORED_ID, NUM_PHONES
from phonolips.training.order import shuffle_in_blocks

LRW_CLIPS = 538_766
FRAMES, STEPS, WORD_PHONES = 29, 116, 7
GETS = 2_000  # random reads that are timed
EPOCH_CLIPS = 100_000  # of an epoch, as many are read; its order is drawn over all
WORDS = 500
MEBIBYTE = 2**20


class Wanted(NamedTuple):
    """A clip to be stored."""

    id: str


def clip_ids(clips: int) -> Iterator[Wanted]:
    """Name clips as LRW does, in the order of its folders."""
    each = -(-clips // WORDS)
    for number in range(clips):
        word = f"WORD{chr(65 + number // each // 26 % 26)}{chr(65 + number // each % 26)}"
        yield Wanted(f"{word}/train/{word}_{number % each:05d}")


def make_values(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw what is stored of one clip."""
    labels = np.full(STEPS, IGNORED_ID, np.int8)
    labels[40:76] = rng.integers(1, NUM_PHONES, 36)
    return {
        "mel": rng.standard_normal((STEPS, 80), np.float32).astype(np.float16),
        "labels": labels,
        "phones": rng.integers(0, STEPS, (WORD_PHONES, 3)).astype(np.int32),
        "soft": rng.random((STEPS, NUM_PHONES), np.float32).astype(np.float16),
        "lips": rng.standard_normal((FRAMES, 40, 2), np.float32),
        "detected": np.ones(FRAMES, bool),
    }


def memory() -> dict[str, float]:
    """Read this process's memory in MiB: anonymous now, and the peak of everything."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("RssAnon", "VmHWM"))}
    return {"anonymous_mib": round(found["RssAnon"], 1), "peak_mib": round(found["VmHWM"], 1)}


def write(folder: Path, clips: int) -> dict[str, Any]:
    """Write a store shard by shard, as workers do, and then its index."""
    rng = np.random.default_rng(0)
    values = [make_values(rng) for _ in range(MOST_SHARD_CLIPS)]
    meta = {"split": "train", "speaker": "", "fps": 25.0, "audio_seconds": 1.16, "complete": False, "notes": []}
    declare_store(folder, FEATURE_ARRAYS)
    started = time.perf_counter()
    for number, group in plan_shards(folder, FEATURE_ARRAYS, clip_ids(clips), clips=clips):
        rows = [Clip(clip.id, one, meta) for clip, one in zip(group, np.roll(values, number), strict=False)]
        write_shard(folder, number, FEATURE_ARRAYS, rows)
    written = time.perf_counter() - started
    shutil.rmtree(next(folder.glob("index-*")))  # that of the empty store
    started = time.perf_counter()
    Store(folder)
    index = time.perf_counter() - started
    shards = sum(path.stat().st_size for path in (folder / "shards").iterdir())
    indexed = sum(path.stat().st_size for path in folder.glob("index-*/*"))
    return {
        "write_s": round(written, 2),
        "index_s": round(index, 2),
        "shards_mib": round(shards / MEBIBYTE, 1),
        "index_mib": round(indexed / MEBIBYTE, 2),
    }


def opened(folder: Path, clips: int) -> dict[str, Any]:
    """Open a store and say what that took."""
    started = time.perf_counter()
    store = Store(folder)
    seconds = time.perf_counter() - started
    assert len(store) == clips
    return {"open_ms": round(1000 * seconds, 1)}


def read(folder: Path, clips: int) -> dict[str, Any]:
    """Read clips at random: one array by position, and all of a training batch by name."""
    store, rng = Store(folder), np.random.default_rng(1)
    places = rng.integers(0, clips, GETS).tolist()
    started = time.perf_counter()
    for place in places:
        store.get(place, "mel")
    by_position = GETS / (time.perf_counter() - started)
    names = [store.id_at(place) for place in rng.integers(0, clips, GETS).tolist()]
    started = time.perf_counter()
    for name in names:
        store.get(name, "mel")
    return {"gets_per_s": round(by_position), "gets_by_id_per_s": round(GETS / (time.perf_counter() - started))}


def epoch(folder: Path, clips: int) -> dict[str, Any]:
    """Draw the order of an epoch over all clips, and read mel, labels and lips of the first ones in it."""
    store = Store(folder)
    before = memory()
    started = time.perf_counter()
    order = shuffle_in_blocks(store.where(split="train"), store.shard_of, np.random.default_rng(1))
    drawn = time.perf_counter() - started
    assert len(order) == clips
    started = time.perf_counter()
    some = order[:EPOCH_CLIPS].tolist()
    for position in some:
        for name in ("mel", "labels", "lips"):
            store.get(position, name)
    rate = len(some) / (time.perf_counter() - started)
    return {
        "shuffle_s": round(drawn, 2),
        "epoch_clips_per_s": round(rate),
        "opened_mib": before["anonymous_mib"],
    }


PHASES = {"write": write, "open": opened, "read": read, "epoch": epoch}


def run_phase(phase: str, folder: Path, clips: int) -> dict[str, Any]:
    """Run one phase in a process of its own."""
    command = [sys.executable, __file__, "--phase", phase, "--folder", str(folder), "--sizes", str(clips)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def report(rows: list[dict[str, Any]]) -> str:
    """Set the measurements as a table, fit a power of the size to each, and read LRW off the fit."""
    sizes = np.array([row["clips"] for row in rows], float)
    names = [name for name in rows[0] if name != "clips"]
    lines = ["| measured | " + " | ".join(f"{int(size):,}" for size in sizes) + " | grows as | LRW, 538,766 |"]
    lines.append("|---" * (len(sizes) + 3) + "|")
    for name in names:
        values = np.array([row[name] for row in rows], float)
        cells = [f"{value:,.5g}" for value in values]
        if len(sizes) > 1 and (values > 0).all():
            kept = slice(-3, None)  # below, what every process needs hides what grows
            power, constant = np.polyfit(np.log(sizes[kept]), np.log(values[kept]), 1)
            cells += [f"size^{power:.2f}", f"{np.exp(constant) * LRW_CLIPS**power:,.4g}"]
        else:
            cells += ["-", "-"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="scratch space; emptied of what is made here")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        print(json.dumps(PHASES[given.phase](given.folder, given.sizes[0]) | memory()))
        return
    rows = []
    for clips in given.sizes:
        folder = given.folder / f"store-{clips}"
        shutil.rmtree(folder, ignore_errors=True)
        row: dict[str, Any] = {"clips": clips}
        try:
            for phase in PHASES:
                found = run_phase(phase, folder, clips)
                row |= {name if name in ("clips",) else f"{phase} {name}": value for name, value in found.items()}
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(row, file=sys.stderr)
        rows.append(row)
    print(report(rows))


if __name__ == "__main__":
    main()
