"""How fast the training is on the machine at hand, and what it waits for: a table in Markdown.

    python tools/bench/training.py --part encoder --steps 60 --precision fp32 bf16 [--data PREPARED] [--out FILE]
    python tools/bench/training.py --part lips --device cuda --precision fp32 bf16 fp16 --devices 1 4

Trains the GRID configuration (the defaults of phonolips/training/settings.py) for a fixed number of updates through
the same functions as `phonolips train`, each line of the table in processes of its own, which torchrun starts where
there are several. Without --data the clips are made up: 3 s of noise with the shapes of GRID's. The batch is that of
all devices together. After the measured updates some more run under torch's profiler, which says where the time goes.

The first updates are not measured. CPU s/update is what all processes together computed, which other work on the
machine does not slow down as it does the clock. Memory is the most that one process held: of the GPU, or the resident
set on a CPU, of which Python and the libraries alone hold 0.5 GB. fp16 needs a GPU.

It has not been run on a GPU yet: there was none at hand when it was written.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.storage import atomic_file
from phonolips.timebase import STEPS_PER_SECOND

PARTS = ("encoder", "lips")
WARM_UP = 5  # updates before the measured ones
PROFILED = 5  # updates under the profiler, after them
SYNTHETIC_CLIPS, SYNTHETIC_FRAMES = 192, 75
STAGES = ("data", "augmentation", "forward", "backward", "optimiser")
OPERATORS = 5  # named below the table
FPS = 25
STEPS_A_FRAME = STEPS_PER_SECOND // FPS


class Result(NamedTuple):
    """One line of the table: what each process measured, or why there is nothing."""

    precision: str
    devices: int
    found: Sequence[dict[str, Any]] = ()
    problem: str = ""


def make_corpus(folder: Path, clips: int = SYNTHETIC_CLIPS, frames: int = SYNTHETIC_FRAMES) -> Path:
    """Make up a prepared corpus of GRID's shapes: half a second of silence, 20 phones, half a second of silence."""
    from phonolips.corpus.layout import FEATURE_ARRAYS
    from phonolips.corpus.store.store import StoreWriter
    from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID

    rng = np.random.default_rng(0)
    steps = frames * STEPS_A_FRAME
    mouth = np.stack([np.cos(np.arange(40) / 40 * 2 * np.pi), np.sin(np.arange(40) / 40 * 2 * np.pi)], -1) * 0.3
    edges = np.concatenate([[0], np.linspace(50, steps - 50, 21).astype(int), [steps]])
    with StoreWriter(folder / "features", FEATURE_ARRAYS) as store:
        for index in range(clips):
            phones = np.array([SILENCE_ID, *rng.integers(1, NUM_PHONES, 20), SILENCE_ID])
            values = {
                "mel": rng.normal(-8, 3, (steps, 80)),
                "labels": np.repeat(phones, np.diff(edges)),
                "phones": np.stack([phones, edges[:-1], edges[1:]], 1),
                "phone_times": np.stack([phones, edges[:-1] / 100, edges[1:] / 100, np.ones(len(phones))], 1),
                "soft": np.zeros((0, NUM_PHONES)),
                "lips": mouth * (1 + 0.2 * rng.random((frames, 1, 1))) + 0.002 * rng.normal(size=(frames, 40, 2)),
                "detected": np.ones(frames, bool),
            }
            split = "valid" if index >= clips - 2 else "train"
            store.add(f"s{index % 4}/{index}", values, {"speaker": f"s{index % 4}", "split": split})
    return folder


def repeated(kind: type, updates: int) -> Any:
    """Make a training set whose epoch has `updates` batches, the same ones again where it has fewer."""

    class Repeated(kind):  # type: ignore[valid-type, misc]
        def __len__(self) -> int:
            return updates

        def batch(self, index: int, rank: int = 0, world: int = 1) -> Any:
            return super().batch(index % super().__len__(), rank, world)

    return Repeated


def measured(kind: type, steps: int) -> Any:
    """Make a trainer that measures itself: some updates by the clock, and some more under the profiler."""
    # One long function because torch is imported late, for --help, and the base class is known only here.
    import torch
    from torch.profiler import ProfilerActivity, profile, record_function

    class Measured(kind):  # type: ignore[valid-type, misc]
        result: dict[str, Any]

        def settle(self, *, always: bool = False) -> None:
            """Wait for the GPU, where it would be counted to the wrong stage otherwise."""
            if self.device_type == "cuda" and (always or self.profiling is not None):
                torch.cuda.synchronize(self.device)

        def on_stage_start(self, stage: Any, epoch: int | None = None) -> None:
            super().on_stage_start(stage, epoch)
            self.profiling: profile | None = None
            self.updates, self.clips, self.speech_seconds = 0, 0, 0.0
            self.ended, self.waited = 0.0, 0.0

        def fit_batch(self, batch: Any) -> Any:
            if self.profiling is not None:
                self.waited += time.perf_counter() - self.ended
            if self.updates == WARM_UP:
                self.settle(always=True)
                self.begun, self.cpu_begun = time.perf_counter(), time.process_time()
            if self.updates == WARM_UP + steps:
                self.settle(always=True)
                self.seconds = time.perf_counter() - self.begun
                self.cpu_seconds = time.process_time() - self.cpu_begun
                on_gpu = [ProfilerActivity.CUDA] if self.device_type == "cuda" else []
                self.profiling = profile(activities=[ProfilerActivity.CPU, *on_gpu])
                self.profiling.start()
                self.profile_begun = time.perf_counter()
            if WARM_UP <= self.updates < WARM_UP + steps:
                self.clips += len(batch.mask)
                self.speech_seconds += float(batch.mask.sum()) / (STEPS_PER_SECOND if hasattr(batch, "mel") else FPS)
            loss = super().fit_batch(batch)
            self.updates += 1
            self.settle()
            self.ended = time.perf_counter()
            return loss

        def on_stage_end(self, stage: Any, stage_loss: float, epoch: int | None = None) -> None:
            if self.profiling is not None:
                self.profile_seconds = time.perf_counter() - self.profile_begun
                self.profiling.stop()
                Measured.result = self.report()
                self.profiling = None
            super().on_stage_end(stage, stage_loss, epoch)

        def compute_forward(self, batch: Any, stage: Any) -> Any:
            with record_function("our forward"):
                made = super().compute_forward(batch, stage)
                self.settle()
                return made

        def compute_objectives(self, predictions: Any, batch: Any, stage: Any) -> Any:
            with record_function("our forward"):
                loss = super().compute_objectives(predictions, batch, stage)
                self.settle()
                return loss

        def optimizers_step(self) -> None:
            self.settle()
            with record_function("our optimiser"):
                super().optimizers_step()
                self.settle()

        def report(self) -> dict[str, Any]:
            """Sum up what was measured in this process."""
            assert self.profiling is not None
            events = self.profiling.key_averages()
            spent = {event.key: event.cpu_time_total / 1e6 for event in events if event.key.startswith("our ")}
            took = {"data": self.waited, "augmentation": spent.get("our augmentation", 0.0)}
            took["forward"] = spent["our forward"] - took["augmentation"]
            took["optimiser"] = spent["our optimiser"]
            took["backward"] = self.profile_seconds - sum(took.values())
            on_gpu = self.device_type == "cuda"
            name = f"CPU, {torch.get_num_threads()} threads"
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            if on_gpu:
                name, memory = torch.cuda.get_device_name(self.device), torch.cuda.max_memory_allocated(self.device)

            def own(event: Any) -> float:
                return event.self_device_time_total if on_gpu else event.self_cpu_time_total

            operators = [event for event in events if not event.key.startswith("our ")]
            whole = sum(map(own, operators)) or 1.0
            return {
                "device": name,
                "seconds": self.seconds,
                "cpu_seconds": self.cpu_seconds,
                "clips": self.clips,
                "speech_seconds": self.speech_seconds,
                "memory": memory,
                "shares": {stage: took[stage] / self.profile_seconds for stage in STAGES},
                "operators": {e.key: own(e) / whole for e in sorted(operators, key=own, reverse=True)[:OPERATORS]},
            }

    return Measured


def work(arguments: argparse.Namespace) -> None:
    """Train in this process; write what was measured to RANK.json in the working folder."""
    import torch
    from torch.profiler import record_function

    from phonolips.corpus.store.store import Store
    from phonolips.model.network import Description
    from phonolips.model.speakers import MEAN_SPEAKER
    from phonolips.training import encoder, lips
    from phonolips.training.networks.network import TrainableNetwork
    from phonolips.training.ranks import rank_and_world
    from phonolips.training.settings import Recipe, load_settings

    updates = WARM_UP + arguments.steps + PROFILED
    part, precision = arguments.part, arguments.precision[0]
    given = [f"{part}.epochs=1", f"{part}.epoch_batches={updates}", f"{part}.precision={precision}"]
    recipe: Recipe = load_settings(Recipe, overrides=[*given, *arguments.settings])
    store = Store(arguments.data / "features")
    torch.manual_seed(0)
    network = TrainableNetwork(
        Description(recipe.network, [MEAN_SPEAKER, *sorted(filter(None, store.column("speaker")[1]))])
    )
    module, fit, items = (
        (encoder, "EncoderTrainer", "EncoderTrainBatches")
        if part == "encoder"
        else (lips, "LipsTrainer", "LipsTrainBatches")
    )
    kind = measured(getattr(module, fit), arguments.steps)
    setattr(module, fit, kind)
    setattr(module, items, repeated(getattr(module, items), updates))
    folder = arguments.work / "training"
    if part == "encoder":
        augment = encoder.augment_mel

        def timed(*values: Any, **options: Any) -> Any:
            with record_function("our augmentation"):
                return augment(*values, **options)

        encoder.augment_mel = timed
        encoder.train_encoder(network, store, recipe.encoder, folder, device=arguments.device)
    else:
        lips.train_lips(network, store, recipe.lips, folder, device=arguments.device)
    (arguments.work / f"{rank_and_world()[0]}.json").write_text(json.dumps(kind.result), encoding="utf-8")


def run_one(arguments: argparse.Namespace, data: Path, precision: str, devices: int, work_folder: Path) -> Result:
    """Train in new processes with one precision on a number of devices."""
    work_folder.mkdir(parents=True)
    command = [sys.executable]
    if devices > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={devices}"]
    command += [__file__, "--part", arguments.part, "--steps", str(arguments.steps), "--device", arguments.device]
    command += ["--precision", precision, "--data", str(data), "--work", str(work_folder), *arguments.settings]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(work_folder.glob("[0-9]*.json"))]
    if done.returncode or len(found) != devices:
        lines = re.findall(r"^[\w.]*Error: .*", done.stderr, re.MULTILINE)
        return Result(precision, devices, problem=(lines or ["no result"])[0].strip())
    return Result(precision, devices, found)


def to_markdown(part: str, steps: int, results: list[Result]) -> str:
    """Make the table, and a sentence about each line's bottleneck."""
    head = ["device", "processes", "precision", "updates/s", "clips/s", "s of speech/s"]
    head += ["CPU s/update", "memory", *STAGES]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    notes = []
    for result in results:
        if not result.found:
            lines.append(f"| – | {result.devices} | {result.precision} |{' – |' * (len(head) - 3)}")
            notes.append(f"- {result.precision} with {result.devices} processes did not run: {result.problem}")
            continue
        first = result.found[0]
        seconds = max(one["seconds"] for one in result.found)
        row = [
            first["device"],
            str(result.devices),
            result.precision,
            f"{steps / seconds:.2f}",
            f"{sum(one['clips'] for one in result.found) / seconds:.0f}",
            f"{sum(one['speech_seconds'] for one in result.found) / seconds:.0f}",
            f"{sum(one['cpu_seconds'] for one in result.found) / steps:.2f}",
            f"{max(one['memory'] for one in result.found) / 2**30:.2f} GiB",
            *(f"{first['shares'][stage]:.0%}" for stage in STAGES),
        ]
        lines.append(f"| {' | '.join(row)} |")
        slowest = max(STAGES, key=lambda stage: first["shares"][stage])
        named = ", ".join(f"{name.removeprefix('aten::')} {share:.0%}" for name, share in first["operators"].items())
        notes.append(
            f"- {result.precision} with {result.devices} processes: waits most for {slowest}; operators: {named}"
        )
    return "\n".join([f"Training of the {part}, {steps} updates:", "", *lines, "", *notes]) + "\n"


def main() -> None:
    """Measure every combination that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default="lips")
    parser.add_argument("--steps", type=int, default=60, help="measured updates")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16", "fp16"])
    parser.add_argument("--devices", type=int, nargs="+", default=[1], help="processes, each with a GPU of its own")
    parser.add_argument("--data", type=Path, help="a prepared corpus; default: clips that are made up")
    parser.add_argument("--out", type=Path, help="write the table here too")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)  # given to the processes that are started
    parser.add_argument("settings", nargs="*", help="other settings, such as encoder.batch=128 encoder.workers=4")
    arguments = parser.parse_intermixed_args()
    if arguments.work is not None:
        work(arguments)
        return
    with tempfile.TemporaryDirectory() as temporary:
        data = arguments.data or make_corpus(Path(temporary) / "data")
        results = [
            run_one(arguments, data, precision, devices, Path(temporary) / f"{precision}-{devices}")
            for devices in arguments.devices
            for precision in arguments.precision
        ]
    text = to_markdown(arguments.part, arguments.steps, results)
    print(text)
    if arguments.out is not None:
        with atomic_file(arguments.out) as path:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
