#!/usr/bin/env python3
"""Measure the store from a thousand to a million clips of LRW's shape, and say what LRW's 538,766 cost.

    python tools/bench/store.py --folder /scratch/bench --sizes 1000 10000 100000 1000000 --s3 10000

Every clip has what the recipe stores of 29 frames: log-mel, labels, soft labels, phones, lips. Each measurement runs in
a process of its own, so that its memory is its own: *anonymous* is what the process asked for, at its highest; *file*
is what it maps of files, which the system may take back. A million clips are 38 GB on disk; each size is removed after
it was measured. Seconds are those on the clock; `cpu` those of the processor, which other work on the machine does not
stretch as much. `--s3` reads a store of that size from a local S3 server as well (pip install s3fs 'moto[server]').
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.corpus.layout import FEATURE_ARRAYS
from phonolips.corpus.store.store import MOST_SHARD_CLIPS, Clip, Store, declare_store, plan_shards, write_shard
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.training.order import shuffle_in_blocks

LRW_CLIPS = 538_766
FRAMES, STEPS, PHONES = 29, 116, 12
GETS = 5_000  # random reads that are timed
REPEATS = 5  # of what takes milliseconds; the median counts
LOOK_EVERY = 2_000  # clips between two looks at the memory
WORDS = 500
MEBIBYTE = 2**20
BUCKET = "s3://phonolips/bench"
SERVER_SECONDS = 60.0  # that the S3 server has to start


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
        "phones": rng.integers(0, STEPS, (PHONES, 3)).astype(np.int32),
        "phone_times": rng.random((PHONES, 4)),
        "soft": rng.random((STEPS, NUM_PHONES), np.float32).astype(np.float16),
        "lips": rng.standard_normal((FRAMES, 40, 2), np.float32),
        "detected": np.ones(FRAMES, bool),
    }


def memory_mib() -> tuple[float, float]:
    """Read this process's memory now: anonymous, and mapped from files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith("Rss")}
    return found["RssAnon"], found["RssFile"]


class Meter:
    """Time parts of a phase, and watch the memory."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.begun = memory_mib()
        self.highest = self.begun

    def look(self) -> None:
        """Note the memory, if it is higher than ever."""
        self.highest = tuple(map(max, zip(self.highest, memory_mib(), strict=True)))

    @contextlib.contextmanager
    def time(self, name: str, *, cpu: bool = True) -> Iterator[None]:
        """Time a block."""
        clock, processor = time.perf_counter(), time.process_time()
        yield
        self.values[f"{name} s"] = time.perf_counter() - clock
        if cpu:
            self.values[f"{name} cpu s"] = time.process_time() - processor
        self.look()

    def rate(self, name: str, do: Callable[[Any], object], items: list) -> None:
        """Do something with every item, and note how many can be done in a second."""
        clock, processor = time.perf_counter(), time.process_time()
        for number, item in enumerate(items):
            do(item)
            if number % LOOK_EVERY == 0:
                self.look()
        self.values[f"{name} per s"] = len(items) / (time.perf_counter() - clock)
        self.values[f"{name} per cpu s"] = len(items) / (time.process_time() - processor)
        self.look()

    def done(self) -> dict[str, float]:
        """Return all measurements; memory is what was added to that of the imports."""
        self.look()
        anonymous, mapped = (high - begun for high, begun in zip(self.highest, self.begun, strict=True))
        return self.values | {"anonymous MiB added": anonymous, "file MiB added": mapped}


def measure_write(meter: Meter, folder: Path, clips: int) -> None:
    """Write a store shard by shard, as workers do."""
    rng = np.random.default_rng(0)
    values = np.array([make_values(rng) for _ in range(MOST_SHARD_CLIPS)])
    meta = {"split": "train", "speaker": "", "fps": 25.0, "audio_seconds": 1.16, "complete": False, "notes": []}
    declare_store(folder, FEATURE_ARRAYS)
    with meter.time("all"):
        for number, group in plan_shards(folder, FEATURE_ARRAYS, clip_ids(clips), clips=clips):
            rows = [Clip(clip.id, one, meta) for clip, one in zip(group, np.roll(values, number), strict=False)]
            write_shard(folder, number, FEATURE_ARRAYS, rows)
            meter.look()
    shards = [path.stat().st_size for path in (folder / "shards").iterdir()]
    meter.values |= {"shards": len(shards), "MiB": sum(shards) / MEBIBYTE}
    shutil.rmtree(next(folder.glob("index-*")))  # that of the empty store


def measure_index(meter: Meter, folder: Path, clips: int) -> None:
    """Make the index."""
    with meter.time("all"):
        assert len(Store(folder)) == clips
    meter.values["MiB"] = sum(path.stat().st_size for path in folder.glob("index-*/*")) / MEBIBYTE


def measure_open(meter: Meter, folder: Path, clips: int) -> None:
    """Open a store whose index is there."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        store = Store(folder)
        seconds.append(time.perf_counter() - started)
        assert len(store) == clips
    meter.values["ms"] = 1000 * float(np.median(seconds))


def measure_get(meter: Meter, folder: Path, clips: int) -> None:
    """Read the mel of clips at random over the whole store, and again of the same few."""
    store, rng = Store(folder), np.random.default_rng(1)
    names = list(map(store.id_at, rng.integers(0, clips, GETS).tolist()))
    meter.rate("anywhere", lambda place: store.get(place, "mel"), rng.integers(0, clips, GETS).tolist())
    meter.rate("anywhere, by id", lambda name: store.get(name, "mel"), names)
    near = rng.integers(0, min(clips, 64 * MOST_SHARD_CLIPS), GETS).tolist()
    for place in near:
        store.get(place, "mel")
    meter.rate("in 64 shards", lambda place: store.get(place, "mel"), near)
    meter.rate("in 64 shards, by id", lambda name: store.get(name, "mel"), list(map(store.id_at, near)))
    meter.rate("find", store.position, names)
    meter.rate("meta", store.meta, near)


def measure_order(meter: Meter, folder: Path, clips: int) -> None:
    """Draw the order of an epoch."""
    store = Store(folder)
    with meter.time("all"):
        order = shuffle_in_blocks(store.where(split="train"), store.shard_of, np.random.default_rng(1))
    assert len(order) == clips


def measure_epoch(meter: Meter, folder: Path, clips: int) -> None:
    """Read everything of every clip in the order of an epoch; the order's own memory is in `order`."""
    store = Store(folder)
    order = folder.parent / f"order-{clips}.npy"
    np.save(order, shuffle_in_blocks(store.where(split="train"), store.shard_of, np.random.default_rng(1)))
    meter.begun = meter.highest = memory_mib()
    places, read = np.load(order, mmap_mode="r"), 0
    clock, processor = time.perf_counter(), time.process_time()
    for start in range(0, clips, LOOK_EVERY):
        for place in places[start : start + LOOK_EVERY].tolist():
            read += sum(store.get(place, name).nbytes for name in store.arrays)
        meter.look()
    seconds = time.perf_counter() - clock
    meter.values |= {
        "clips per s": clips / seconds,
        "clips per cpu s": clips / (time.process_time() - processor),
        "MiB per s": read / MEBIBYTE / seconds,
    }
    order.unlink()


def measure_plan(meter: Meter, folder: Path, clips: int) -> None:
    """Find that nothing is left to be made."""
    with meter.time("all"):
        assert not list(plan_shards(folder, FEATURE_ARRAYS, clip_ids(clips), clips=clips))


def measure_s3(meter: Meter, folder: Path, clips: int) -> None:
    """Read every mel of a store in object storage, in an epoch's order: fetched, from the cache, and opened anew."""
    cache = folder.parent / "cache"
    for name in ("cold", "cached"):
        with meter.time(f"open {name}", cpu=False):
            store = Store(BUCKET, cache=cache)
        order = shuffle_in_blocks(store.where(split="train"), store.shard_of, np.random.default_rng(1)).tolist()
        assert len(order) == clips
        meter.rate(f"{name} clips", lambda place, store=store: store.get(place, "mel"), order)  # type: ignore[misc]
    shutil.rmtree(cache)


PHASES = {
    name: globals()[f"measure_{name}"] for name in ("write", "index", "open", "get", "order", "epoch", "plan", "s3")
}


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[None]:
    """Start an S3 server with the store in it."""
    import fsspec

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + SERVER_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > end:
                    sys.exit("the S3 server does not start; pip install s3fs 'moto[server]'")
                time.sleep(0.1)
        files = fsspec.filesystem("s3")
        files.mkdir(BUCKET.split("/")[2])
        files.put(f"{folder}/", f"{BUCKET}/", recursive=True)
        yield
    finally:
        server.terminate()
        server.wait()


def run_phase(phase: str, folder: Path, clips: int) -> dict[str, float]:
    """Run one phase in a process of its own."""
    command = [sys.executable, __file__, "--phase", phase, "--folder", str(folder), "--sizes", str(clips)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {f"{phase}: {name}": value for name, value in json.loads(done.stdout).items()}


def report(rows: list[dict[str, float]]) -> str:
    """Set the measurements as a table, fit a power of the size to each, and read LRW off the fit."""
    sizes = np.array([row["clips"] for row in rows])
    lines = ["| measured | " + " | ".join(f"{int(size):,}" for size in sizes) + f" | grows as | LRW, {LRW_CLIPS:,} |"]
    lines.append("|---" * (len(sizes) + 3) + "|")
    for name in dict.fromkeys(name for row in rows for name in row if name != "clips"):
        values = np.array([row.get(name, np.nan) for row in rows])
        cells = [f"{value:,.4g}" if np.isfinite(value) else "" for value in values]
        kept = np.flatnonzero(np.isfinite(values))[-3:]  # below, what every process needs hides what grows
        if len(kept) > 1 and "added" in name and np.ptp(values[kept]) < 4:
            cells += ["flat", f"{values[kept].max():,.4g}"]
        elif len(kept) > 1 and (values[kept] > 0).all():
            power, constant = np.polyfit(np.log(sizes[kept]), np.log(values[kept]), 1)
            cells += [f"size^{power:.2f}", f"{np.exp(constant) * LRW_CLIPS**power:,.4g}"]
        else:
            cells += ["", ""]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="scratch space; emptied of what is made here")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--s3", type=int, help="size that is read from an S3 server as well")
    parser.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        meter = Meter()
        PHASES[given.phase](meter, given.folder, given.sizes[0])
        print(json.dumps(meter.done()))
        return
    rows = []
    for clips in given.sizes:
        folder = given.folder / f"store-{clips}"
        shutil.rmtree(folder, ignore_errors=True)
        row: dict[str, float] = {"clips": clips}
        try:
            for phase in PHASES:
                if phase == "s3":
                    if clips == given.s3:
                        with s3_server(folder):
                            row |= run_phase(phase, folder, clips)
                    continue
                row |= run_phase(phase, folder, clips)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(json.dumps(row), file=sys.stderr, flush=True)
        rows.append(row)
    print(report(rows))


if __name__ == "__main__":
    main()
