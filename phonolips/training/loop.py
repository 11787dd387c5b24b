"""The training loop that all three fits share: SpeechBrain's Brain, with a resume that is exact.

A checkpoint is kept after every epoch, and everything random in an epoch (order, crops, noise, dropout)
depends on the seed and the epoch's number alone. So a killed run, started again, ends with the weights
that it would have had. `epoch_batches` keeps epochs short on a large corpus.
"""

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import speechbrain as sb
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from phonolips.config import FitSettings
from phonolips.errors import CorpusError

log = logging.getLogger("phonolips.training")
SORTED_BATCHES = 16  # so many batches are drawn together and sorted by length
LEAST_RATE = 0.01  # of the learning rate, at the end of the cosine


class Batches(Protocol):
    """What a training set gives: whole batches, another set of them every epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of an epoch; the same epoch always draws the same."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Any: ...


class EpochBatches(Dataset):
    """Cut a training set's batches to `limit` (0 = all) and to this process's share under DDP."""

    def __init__(self, batches: Batches, limit: int = 0) -> None:
        self.batches = batches
        self.rank, self.world = 0, 1
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            self.rank, self.world = torch.distributed.get_rank(), torch.distributed.get_world_size()
        whole = min(len(batches), limit) if limit else len(batches)
        self.length = max(1, whole // self.world)

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self.length:
            raise IndexError(index)
        return self.batches[(index * self.world + self.rank) % len(self.batches)]


def learning_rate_at(update: int, updates: int, settings: FitSettings) -> float:
    """Give the rate of one update: a linear warm-up, then half a cosine (Loshchilov and Hutter 2017)."""
    warmup = max(1, round(updates * settings.warmup_share))
    if update < warmup:
        return settings.learning_rate * (update + 1) / warmup
    done = (update - warmup) / max(1, updates - warmup)
    return settings.learning_rate * (LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


class Fit(sb.Brain):
    """One training run; subclasses give `compute_forward`, `compute_objectives` and `scores`."""

    settings: FitSettings
    train_batches: EpochBatches
    history: Path

    def prepare(
        self, settings: FitSettings, train_batches: EpochBatches, history: Path, saved: torch.nn.Module
    ) -> None:
        """Hand over what SpeechBrain's constructor has no place for."""
        self.settings, self.train_batches, self.history = settings, train_batches, history
        self.saved, self.average = saved, None
        if settings.average:
            self.average = AveragedModel(saved, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
            self.checkpointer.add_recoverable("average", self.average)
        self.epoch = 0
        self.sums: dict[str, float] = {}
        self.train_loss = float("nan")

    def count(self, **values: float) -> None:
        """Add to the sums of this stage."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)

    def scores(self) -> dict[str, float]:
        """Turn the sums of a validation into figures for the log."""
        return {}

    @property
    def progress(self) -> float:
        """Share of the training that is done, in [0, 1)."""
        return (self.epoch - 1 + self.step / max(1, len(self.train_batches))) / self.settings.epochs

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        """Seed the epoch, so that a resumed run draws what the uninterrupted one would have drawn."""
        self.sums = {}
        self.started = time.perf_counter()
        if stage == sb.Stage.VALID:
            self.swap_average()
        if stage == sb.Stage.TRAIN:
            self.epoch = epoch or 1
            seed = self.settings.seed * 10_000 + self.epoch
            torch.manual_seed(seed)
            self.generator = torch.Generator().manual_seed(seed)
            self.train_batches.set_epoch(self.epoch)

    def on_fit_batch_start(self, batch: Any, should_step: bool) -> None:
        """Set the learning rate of this update."""
        updates = self.settings.epochs * len(self.train_batches)
        update = (self.epoch - 1) * len(self.train_batches) + self.step - 1
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(update, updates, self.settings)

    def on_fit_batch_end(self, batch: Any, outputs: Any, loss: torch.Tensor, should_step: bool) -> None:
        """Let the average of the weights follow (Polyak and Juditsky 1992; here with exponential forgetting)."""
        if self.average is not None and should_step:
            self.average.update_parameters(self.saved)

    def swap_average(self) -> None:
        """Exchange the weights with their average; twice is back again."""
        if self.average is not None:
            with torch.no_grad():
                pairs = zip(self.saved.parameters(), self.average.module.parameters(), strict=True)
                for current, averaged in pairs:
                    held = current.clone()
                    current.copy_(averaged)
                    averaged.copy_(held)

    def on_stage_end(self, stage: sb.Stage, stage_loss: float, epoch: int | None = None) -> None:
        """Log the epoch and keep a checkpoint."""
        if stage == sb.Stage.TRAIN:
            self.train_loss = stage_loss
            self.train_seconds = time.perf_counter() - self.started
            return
        self.swap_average()
        line = {
            "epoch": epoch,
            "train_loss": round(float(self.train_loss), 5),
            "valid_loss": round(float(stage_loss), 5),
            **{name: round(value, 5) for name, value in self.scores().items()},
            "train_seconds": round(self.train_seconds, 1),
        }
        log.info("%s", " ".join(f"{name}={value}" for name, value in line.items()))
        if sb.utils.distributed.if_main_process():
            with self.history.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        if self.checkpointer is not None:
            self.checkpointer.save_and_keep_only(num_to_keep=1, verbosity=logging.DEBUG)


def run_fit(
    kind: type[Fit],
    *,
    modules: dict[str, torch.nn.Module],
    saved: torch.nn.Module,
    settings: FitSettings,
    train: Batches,
    valid: Sequence[Any],
    folder: Path,
    device: str = "auto",
    attributes: Mapping[str, Any] | None = None,
) -> Fit:
    """Run a fit to its end, going on from the last checkpoint where there is one.

    Args:
        kind: the Fit subclass.
        modules: what is trained.
        saved: the module that a checkpoint stores whole (it holds `modules`).
        settings: of this run.
        train: training batches.
        valid: validation batches.
        folder: where checkpoints and `history.jsonl` go.
        device: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`.
        attributes: what else the subclass needs.

    Returns:
        the Fit, with `saved` trained, in evaluation mode, on the CPU.
    """
    if not len(train):
        raise CorpusError("no clip to train on; see dropped*.tsv in the prepared corpus for what was left out")
    folder.mkdir(parents=True, exist_ok=True)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    run_options = {"device": device, "precision": settings.precision, "max_grad_norm": settings.max_grad_norm}
    sb.utils.distributed.ddp_init_group(run_options)
    torch.manual_seed(settings.seed)
    counter = sb.utils.epoch_loop.EpochCounter(limit=settings.epochs)
    checkpointer = sb.utils.checkpoints.Checkpointer(
        folder / "checkpoints", recoverables={"network": saved, "counter": counter}
    )
    fit = kind(
        modules=modules,
        opt_class=lambda parameters: torch.optim.AdamW(
            parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay
        ),
        run_opts=run_options,
        checkpointer=checkpointer,
    )
    for name, value in (attributes or {}).items():
        setattr(fit, name, value)
    saved.to(fit.device)
    batches = EpochBatches(train, settings.epoch_batches)
    fit.prepare(settings, batches, folder / "history.jsonl", saved)
    fit.fit(counter, DataLoader(batches, batch_size=None), DataLoader(list(valid), batch_size=None))  # type: ignore[arg-type]
    fit.swap_average()
    saved.to("cpu").eval()
    return fit


def batch_by_length(lengths: Sequence[int], batch: int, rng: np.random.Generator) -> list[list[int]]:
    """Draw batches of indices at random, items of like length together, so that little is padding."""
    order = rng.permutation(len(lengths))
    pool = SORTED_BATCHES * batch
    batches = []
    for start in range(0, len(order), pool):
        group = sorted(order[start : start + pool].tolist(), key=lambda index: lengths[index])
        batches += [group[i : i + batch] for i in range(0, len(group), batch)]
    return [batches[i] for i in rng.permutation(len(batches))]


def pad_stack(arrays: Sequence[np.ndarray], length: int, value: float = 0.0) -> torch.Tensor:
    """Pad arrays (rows, ...) to `length` rows and stack them, (batch, length, ...)."""
    out = np.full((len(arrays), length, *arrays[0].shape[1:]), value, arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(out)


def length_mask(lengths: Sequence[int], length: int) -> torch.Tensor:
    """Make a mask, bool (batch, length), True below each length."""
    return torch.arange(length)[None] < torch.tensor(list(lengths))[:, None]
