#!/usr/bin/env python3
"""Kill those who prepare a corpus in the middle of their work, and compare what comes out, byte by byte.

    python tools/bench/kill_workers.py --data GRID --alignments TEXTGRIDS --out DIR --workers 4

Prepares the same clips of GRID four times: with `--jobs 2` on this machine (the reference); with a Dask scheduler and
workers as separate processes, one of which is killed in each step, and another one started; with `--jobs 2` again, one
of whose processes is killed in each step; and on the cluster with the client killed and started again. All with
SIGKILL. Adds to DIR/kill_prepare.log, and ends with 1 where a file differs from the reference. Needs
`pip install 'phonolips[cluster]'`.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from phonolips.corpus.records import count_records
from phonolips.corpus.store.store import Store

STEPS = ("lips", "align", "features")
RUNS = ("worker_killed", "local_killed", "client_killed")
POLL_SECONDS = 0.05
MOST_SECONDS = 1_200.0  # that a step may take


class Log:
    """Lines with the time, printed and kept in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, line: str) -> None:
        """Add a line."""
        line = f"{time.strftime('%H:%M:%S')}.{int(time.time() * 10) % 10} {line}"
        print(line, flush=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def link_clips(data: Path, alignments: Path, out: Path, clips: int, without: int) -> None:
    """Link some clips of every speaker, and the TextGrids of all but some of them."""
    speakers = sorted(path for path in data.iterdir() if path.is_dir())
    names = [sorted(path.stem for path in speaker.glob("*.align")) for speaker in speakers]
    turns = [(place, speaker) for place in range(max(map(len, names))) for speaker in range(len(speakers))]
    chosen = [(speakers[s], names[s][place]) for place, s in turns if place < len(names[s])][:clips]
    for number, (speaker, name) in enumerate(chosen):
        for source in (*speaker.glob(f"{name}.*"), alignments / speaker.name / f"{name}.TextGrid"):
            ready = source.suffix == ".TextGrid"
            if ready and (number * without) % clips < without:
                continue
            link = out / ("alignments" if ready else "grid") / speaker.name / source.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source.resolve())


def made(folder: Path, step: str) -> int:
    """Count what a step has made so far."""
    if step == "align":
        return sum(1 for _ in (folder / "alignments").rglob("[!.]*.TextGrid"))
    return sum(1 for _ in (folder / step / "shards").glob("[!.]*.safetensors"))


def hashes(folder: Path) -> dict[str, str]:
    """Hash every shard, TextGrid and list of what was left out."""
    paths = [*folder.glob("*/shards/*"), *folder.rglob("*.TextGrid"), *folder.glob("dropped_*.tsv")]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(paths)}


def start(arguments: list[str], log: Path) -> subprocess.Popen:
    """Start a Python program whose output goes to a file."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with log.open("a", encoding="utf-8") as file:
        return subprocess.Popen([sys.executable, *arguments], stdout=file, stderr=file, env=environment)


def start_step(folder: Path, step: str, alignments: Path, backend: list[str]) -> subprocess.Popen:
    """Start `phonolips prepare` with one step."""
    command = ["-m", "phonolips", "prepare", "--step", step, "--out", str(folder), *backend]
    if step == "align":
        command += ["--alignments", str(alignments), "--aligner", "sphinx"]
    return start(command, folder / "prepare.txt")


def finish(client: subprocess.Popen, folder: Path) -> None:
    """Wait for a command; end with its output where it failed."""
    if client.wait(MOST_SECONDS) != 0:
        sys.exit(f"phonolips prepare ended with {client.returncode}: {(folder / 'prepare.txt').read_text()[-2000:]}")


def wait_until_made(client: subprocess.Popen, folder: Path, step: str, count: int) -> int:
    """Wait until a step has made so much, and is still at work."""
    while (there := made(folder, step)) < count:
        if client.poll() is not None:
            sys.exit(f"{step}: ended with {client.returncode} before anything was killed; see {folder}/prepare.txt")
        time.sleep(POLL_SECONDS)
    return there


@contextlib.contextmanager
def cluster(out: Path, workers: int, log: Log) -> Iterator[tuple[str, Callable[[], subprocess.Popen], list]]:
    """Start a scheduler and workers as processes of their own; end them afterwards.

    Yields:
        the address, a function that starts one more worker, and the workers.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    scheduler = start(["-m", "dask", "scheduler", *options], out / "scheduler.txt")
    log(f"scheduler: pid {scheduler.pid}, {address}")
    processes: list[subprocess.Popen] = []

    def more() -> subprocess.Popen:
        name = f"worker{len(processes)}"
        options = ["--nthreads", "1", "--nworkers", "1", "--no-nanny", "--no-dashboard", "--name", name]
        processes.append(start(["-m", "dask", "worker", address, *options], out / f"{name}.txt"))
        log(f"{name}: pid {processes[-1].pid}")
        return processes[-1]

    try:
        for _ in range(workers):
            more()
        yield address, more, processes
    finally:
        for process in (*processes, scheduler):
            process.kill()
        for process in (*processes, scheduler):
            process.wait()


def busy(client: Any) -> dict[str, set[str]]:
    """Ask a scheduler which pieces every worker has: name -> their keys."""
    names = {address: str(worker["name"]) for address, worker in client.scheduler_info(n_workers=-1)["workers"].items()}
    return {names[address]: set(map(str, keys)) for address, keys in client.processing().items() if address in names}


def kill_workers_run(folder: Path, alignments: Path, targets: dict[str, int], workers: int, log: Log) -> None:
    """Prepare on a cluster; in each step kill a worker that is at work in the middle, and let another one join."""
    from distributed import Client

    with cluster(folder, workers, log) as (address, more, processes), Client(address, set_as_default=False) as watching:
        for step in STEPS:
            client = start_step(folder, step, alignments, ["--backend", f"dask:{address}"])
            log(f"{step}: client pid {client.pid}")
            at_work: dict[str, set[str]] = {}
            while not at_work:
                wait_until_made(client, folder, step, targets[step] // 3)
                at_work = {name: keys for name, keys in busy(watching).items() if keys}
            name = max(at_work, key=lambda name: len(at_work[name]))
            victim = processes[int(name.removeprefix("worker"))]
            victim.send_signal(signal.SIGKILL)
            log(f"{step}: SIGKILL to {name}, pid {victim.pid}, with {made(folder, step)} of {targets[step]} files made")
            lost = at_work[name]
            log(f"{step}: it had {len(lost)} pieces: {' '.join(sorted(lost))}")
            more()
            seen: set[str] = set()
            while client.poll() is None:
                for other, keys in sorted(busy(watching).items()):
                    if other != name and (taken := (lost & keys) - seen):
                        log(f"{step}: given again to {other}: {' '.join(sorted(taken))}")
                        seen |= taken
                time.sleep(POLL_SECONDS)
            finish(client, folder)
            log(f"{step}: done, {made(folder, step)} files")


def kill_client_run(folder: Path, alignments: Path, targets: dict[str, int], workers: int, log: Log) -> None:
    """Prepare on a cluster; in each step kill the client in the middle, and start it again at once."""
    with cluster(folder, workers, log) as (address, _, _):
        for step in STEPS:
            client = start_step(folder, step, alignments, ["--backend", f"dask:{address}"])
            wait_until_made(client, folder, step, targets[step] // 3)
            client.send_signal(signal.SIGKILL)
            client.wait()
            log(f"{step}: SIGKILL to the client, pid {client.pid}, with {made(folder, step)} files made")
            client = start_step(folder, step, alignments, ["--backend", f"dask:{address}"])
            log(f"{step}: client started again, pid {client.pid}")
            finish(client, folder)
            log(f"{step}: done, {made(folder, step)} files")


def local_workers(parent: int) -> list[int]:
    """List the worker processes of a client on this machine."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                own_parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if own_parent == parent and b"spawn_main" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return sorted(found)


def kill_local_run(folder: Path, alignments: Path, targets: dict[str, int], log: Log) -> None:
    """Prepare with processes of this machine; in each step kill one of them in the middle."""
    for step in STEPS:
        client = start_step(folder, step, alignments, ["--jobs", "2"])
        there = wait_until_made(client, folder, step, targets[step] // 3)
        before = local_workers(client.pid)
        os.kill(before[0], signal.SIGKILL)
        log(f"{step}: client pid {client.pid}, workers {before}: SIGKILL to {before[0]} with {there} files made")
        finish(client, folder)
        log(f"{step}: done, {made(folder, step)} files")


def compare(reference: Path, folder: Path, clips: int, log: Log) -> bool:
    """Compare two prepared corpora file by file, and count the clips of the second."""
    expected, found = hashes(reference), hashes(folder)
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    other = sorted(name for name in expected.keys() & found.keys() if expected[name] != found[name])
    same = not (missing or extra or other)
    alike = len(expected) - len(missing) - len(other)
    log(
        f"{folder.name}: {alike} of {len(expected)} files have the same sha256, "
        f"{len(missing)} missing, {len(extra)} more, {len(other)} differ"
    )
    for kind, names in (("missing", missing), ("more", extra), ("differs", other)):
        for name in names:
            log(f"{folder.name}: {kind}: {name}")
    for name in ("lips", "features"):
        store = Store(folder / name)
        ids = list(store)
        failed = {item.id for item in store.failed()}
        log(f"{folder.name}/{name}: {clips} records, {len(ids)} clips, {len(set(ids))} different, {len(failed)} failed")
        same &= len(ids) == len(set(ids)) and not failed & set(ids)
        same &= name != "lips" or len(ids) + len(failed) == clips
    left = [path for path in folder.rglob(".*") if path.is_file()]
    log(f"{folder.name}: half-written files left by the killed: {len(left)} (hidden, never read)")
    return same


def main() -> None:
    """Prepare again and again, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="GRID: SPEAKER/NAME.mp4 with NAME.align")
    parser.add_argument("--alignments", type=Path, required=True, help="TextGrids: SPEAKER/NAME.TextGrid")
    parser.add_argument("--out", type=Path, required=True, help="folder for the prepared corpora and the log")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--clips", type=int, default=150)
    parser.add_argument("--without", type=int, default=10, help="clips without a ready TextGrid")
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=RUNS, help="those that are killed")
    options = parser.parse_args()
    first, alignments = options.out / "reference", options.out / "alignments"
    options.out.mkdir(parents=True, exist_ok=True)
    log = Log(options.out / "kill_prepare.log")
    if not first.is_dir():
        link_clips(options.data, options.alignments, options.out, options.clips, options.without)
        first.mkdir()
        finish(start_step(first, "records", first, ["--data", str(options.out / "grid")]), first)
    clips = count_records(first / "records.jsonl")
    log(f"{clips} clips, {sum(1 for _ in alignments.rglob('*.TextGrid'))} with a ready TextGrid")
    log("== reference: --jobs 2 (what is there already stays)")
    targets = {}
    for step in STEPS:
        begun = time.monotonic()
        finish(start_step(first, step, alignments, ["--jobs", "2"]), first)
        targets[step] = made(first, step)
        log(f"{step}: {targets[step]} files after {time.monotonic() - begun:.1f} s")
    same = True
    for name in options.runs:
        folder = options.out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(first / "records.jsonl", folder)
        if name == "worker_killed":
            log(f"== {name}: a scheduler and {options.workers} workers, one killed in each step")
            kill_workers_run(folder, alignments, targets, options.workers, log)
        elif name == "client_killed":
            log(f"== {name}: a scheduler and {options.workers} workers, the client killed in each step")
            kill_client_run(folder, alignments, targets, options.workers, log)
        else:
            log(f"== {name}: --jobs 2, one process killed in each step")
            kill_local_run(folder, alignments, targets, log)
        same &= compare(first, folder, clips, log)
    log("all the same" if same else "NOT the same")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
