"""The training loop that all fits share: SpeechBrain's Brain, with a resume that is exact.

A checkpoint is kept after every epoch, and everything random in an epoch (order, crops, noise, dropout)
depends on the seed and the epoch's number alone. So a killed training, started again, ends with the weights
that it would have had. `epoch_batches` keeps epochs short on a large corpus.

Under torchrun a batch is shared out among the processes. What is drawn for an item (crop, speed) is the same
for any number of them; noise and dropout, which are drawn where they are used, belong to the process.
"""

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

import speechbrain as sb
import torch
from speechbrain import Stage
from speechbrain.nnet.losses import ctc_loss
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset, Subset

from phonolips.errors import CorpusError, InputError, PhonolipsError
from phonolips.storage import atomic_file
from phonolips.training.old_versions import accept_old_names
from phonolips.training.ranks import (
    SyncedBatchNorm,
    choose_device,
    gather,
    is_main,
    join_ranks,
    mean_of_ranks,
    rank_and_world,
    set_batch_norms,
    wait_for_all,
)
from phonolips.training.settings import FitSettings

__all__ = ["Batches", "Stage", "Trainer", "ctc_loss", "fit_network"]
log = logging.getLogger("phonolips.training")
SEED_STEP = 1_000_003  # between the seeds of the ranks
LEAST_RATE = 0.01  # of the learning rate, at the end of the cosine


class Batches(Protocol):
    """A training set: whole batches, another set of them every epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of an epoch; the same epoch always draws the same."""

    def __len__(self) -> int: ...

    def batch(self, index: int, rank: int = 0, world: int = 1) -> Any:
        """Make one batch, or of its items those that fall to this rank (`share_of`), padded as the whole batch is."""


class EpochBatches(Dataset[Any]):
    """Cut a training set's batches to `limit` (0 = all), and each to this process's share under DDP."""

    def __init__(self, batches: Batches, limit: int = 0) -> None:
        self.batches = batches
        self.rank, self.world = rank_and_world()
        self.length = min(len(batches), limit) if limit else len(batches)

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self.length:
            raise IndexError(index)
        return self.batches.batch(index % len(self.batches), self.rank, self.world)


class _TrainingLoss(torch.nn.Module):
    """The loss of one batch as a module, which is what DistributedDataParallel wraps."""

    def __init__(self, trainer: "Trainer") -> None:
        super().__init__()
        self.parts = trainer.modules
        self.compute = trainer.compute_training_loss

    def forward(self, batch: Any) -> torch.Tensor:
        return self.compute(batch)


def learning_rate_at(update: int, updates: int, settings: FitSettings) -> float:
    """Compute the rate of one update: a linear warm-up, then half a cosine (Loshchilov and Hutter 2017)."""
    warmup = max(1, round(updates * settings.warmup_share))
    if update < warmup:
        return settings.learning_rate * (update + 1) / warmup
    done = (update - warmup) / max(1, updates - warmup)
    return settings.learning_rate * (LEAST_RATE + (1 - LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


class Trainer(sb.Brain):  # type: ignore[misc]  # SpeechBrain has no types
    """One training; subclasses implement `compute_forward`, `compute_objectives` and `scores`.

    A loss is a mean over the batch of all ranks: `mean_over_ranks`. `uses_everything` promises that every loss
    depends on every parameter, which spares DDP a search.
    """

    uses_everything = False
    settings: FitSettings
    train_batches: EpochBatches
    history: Path

    def prepare(
        self, settings: FitSettings, train_batches: EpochBatches, history: Path, saved: torch.nn.Module
    ) -> None:
        """Set what SpeechBrain's constructor has no place for."""
        self.settings, self.train_batches, self.history = settings, train_batches, history
        self.saved, self.average = saved, None
        if settings.average:
            self.average = AveragedModel(saved, multi_avg_fn=get_ema_multi_avg_fn(settings.average))  # type: ignore[no-untyped-call]
            self.checkpointer.add_recoverable("average", self.average)
        self.parallel: DistributedDataParallel | None = None
        self.epoch, self.valid_share = 0, 0
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
        """The share of the training that is done, in [0, 1)."""
        done: float = (self.epoch - 1 + self.step / max(1, len(self.train_batches))) / self.settings.epochs
        return done

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        """Seed the epoch, so that a resumed training draws what the uninterrupted one would have drawn."""
        self.sums = {}
        self.started = time.perf_counter()
        if stage == sb.Stage.VALID:
            self.swap_average()
        if stage == sb.Stage.TRAIN:
            self.epoch = epoch or 1
            seed = self.settings.seed * 10_000 + self.epoch + SEED_STEP * rank_and_world()[0]
            torch.manual_seed(seed)
            self.generator = torch.Generator().manual_seed(seed)
            self.device_generator = torch.Generator(self.device).manual_seed(seed)
            self.train_batches.set_epoch(self.epoch)

    def _wrap_distributed(self) -> None:
        """Wrap the whole loss, not each module by itself as SpeechBrain does: modules have more methods than one.

        `modules`, `saved` and the average keep their parameters and names.
        """
        if not self.distributed_launch:
            return
        set_batch_norms(self.modules, torch.nn.SyncBatchNorm if self.device_type == "cuda" else SyncedBatchNorm)
        self.parallel = DistributedDataParallel(
            _TrainingLoss(self), find_unused_parameters=not self.uses_everything, broadcast_buffers=False
        )

    def compute_training_loss(self, batch: Any) -> torch.Tensor:
        """Compute the loss of a training batch."""
        loss: torch.Tensor = self.compute_objectives(self.compute_forward(batch, sb.Stage.TRAIN), batch, sb.Stage.TRAIN)
        return loss

    def fit_batch(self, batch: Any) -> torch.Tensor:
        """Do one update; under DDP the backward pass averages the gradients of the ranks."""
        loss: torch.Tensor
        if self.parallel is None:
            loss = super().fit_batch(batch)
            return loss
        self.on_fit_batch_start(batch, True)
        with self.training_ctx:
            loss = self.parallel(batch)
        self.check_loss_isfinite(loss)
        self.scaler.scale(loss).backward()
        self.optimizers_step()
        self.on_fit_batch_end(batch, None, loss, True)
        detached: torch.Tensor = loss.detach().cpu()
        return detached

    def check_loss_isfinite(self, loss: torch.Tensor) -> None:
        """Raise PhonolipsError where a loss is NaN or infinite, before it reaches the weights.

        With fp16 the scaler leaves out such updates and lowers its factor, so SpeechBrain's patience holds there.
        """
        if bool(torch.isfinite(loss)):
            return
        self.nonfinite_count += 1
        if not self.scaler.is_enabled() or self.nonfinite_count > self.nonfinite_patience:
            self._end_without_number(f"loss is {float(loss)} in epoch {self.epoch}, batch {self.step}")

    def _end_without_number(self, found: str) -> NoReturn:
        raise PhonolipsError(
            f"{self.history.parent}: the {found}; the checkpoint before it is kept: run the same command again with a "
            "lower learning_rate or max_grad_norm, or look at the data with 'phonolips check-data'"
        )

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
            self.train_loss = mean_of_ranks(float(stage_loss))
            self.train_seconds = time.perf_counter() - self.started
            return
        self.swap_average()
        shares = gather((self.valid_share, float(stage_loss), self.sums))
        batches = sum(number for number, _, _ in shares)
        self.sums = {}
        for _, _, sums in shares:
            self.count(**sums)
        if not math.isfinite(sum(loss for _, loss, _ in shares)):
            self._end_without_number(f"validation loss is not finite after epoch {epoch}")
        line = {
            "epoch": epoch,
            "train_loss": round(self.train_loss, 5),
            "valid_loss": round(sum(number * loss for number, loss, _ in shares) / max(1, batches), 5),
            **{name: round(value, 5) for name, value in self.scores().items()},
            "train_seconds": round(self.train_seconds, 1),
        }
        log.info("%s", " ".join(f"{name}={value}" for name, value in line.items()))
        if is_main():
            self._write_history(line)
        if self.checkpointer is not None:
            self._save_checkpoint()
        wait_for_all()

    def _save_checkpoint(self) -> None:
        """Keep a checkpoint; raise PhonolipsError where there is no room for it, which torch does not say clearly."""
        try:
            self.checkpointer.save_and_keep_only(num_to_keep=1, verbosity=logging.DEBUG)
        except RuntimeError as error:
            if "PytorchStreamWriter" not in str(error):
                raise
            folder = self.history.parent / "checkpoints"
            raise PhonolipsError(
                f"{folder}: the checkpoint could not be written whole (is the disk full?); free some space there, then "
                "run the same command again: it goes on from the last one"
            ) from error

    def _write_history(self, line: dict[str, Any]) -> None:
        """Add an epoch's line, in place of one left by a training killed before its checkpoint was whole."""
        text = self.history.read_text(encoding="utf-8") if self.history.is_file() else ""
        earlier = [json.loads(one) for one in text.splitlines()]
        kept = [one for one in earlier if one["epoch"] < line["epoch"]]
        with atomic_file(self.history) as temporary:
            temporary.write_text("".join(json.dumps(one) + "\n" for one in [*kept, line]), encoding="utf-8")


def fit_network(
    kind: type[Trainer],
    *,
    modules: dict[str, torch.nn.Module],
    settings: FitSettings,
    train: Batches,
    valid: Sequence[Any],
    folder: Path,
    device: str = "auto",
    attributes: Mapping[str, Any] | None = None,
) -> Trainer:
    """Train to the end, going on from the last checkpoint where there is one.

    Args:
        kind: the subclass of Trainer.
        modules: what is trained. A checkpoint stores a single module by its own names, several under theirs.
        settings: of this training.
        train: training batches.
        valid: validation batches; each rank takes its share of them.
        folder: where checkpoints and `history.jsonl` go.
        device: `auto` (a GPU where there is one; under torchrun each rank its own), `cpu`, `cuda`, `cuda:1`.
        attributes: what else the subclass needs.

    Returns:
        the trainer, with `modules` trained, in evaluation mode, on the CPU; the same in every rank.

    Raises:
        CorpusError: there is nothing to train on.
        InputError: torchrun started more processes than there are GPUs, or fp16 on a CPU.
    """
    if not len(train):
        raise CorpusError("no clip to train on; see dropped*.tsv in the prepared corpus for what was left out")
    folder.mkdir(parents=True, exist_ok=True)
    join_ranks(device)
    device = choose_device(device)
    if settings.precision == "fp16" and device == "cpu":
        raise InputError("precision=fp16: works on a GPU only; on a CPU use bf16 or fp32")
    torch.manual_seed(settings.seed)
    saved = next(iter(modules.values())) if len(modules) == 1 else torch.nn.ModuleDict(modules)
    if isinstance(saved, torch.nn.ModuleDict):
        accept_old_names(saved)
    counter = sb.utils.epoch_loop.EpochCounter(limit=settings.epochs)
    checkpointer = sb.utils.checkpoints.Checkpointer(
        folder / "checkpoints", recoverables={"network": saved, "counter": counter}
    )
    trainer = _make_trainer(kind, modules, settings, checkpointer, device)
    for name, value in (attributes or {}).items():
        setattr(trainer, name, value)
    saved.to(trainer.device)
    batches = EpochBatches(train, settings.epoch_batches)
    trainer.prepare(settings, batches, folder / "history.jsonl", saved)
    rank, world = rank_and_world()
    checked: Subset[Any] = Subset(valid, range(rank, len(valid), world))  # type: ignore[arg-type]
    trainer.valid_share = len(checked)
    loaders = [DataLoader(part, batch_size=None, num_workers=settings.workers) for part in (batches, checked)]
    trainer.fit(counter, *loaders)
    if trainer.parallel is not None:
        set_batch_norms(trainer.modules, torch.nn.BatchNorm1d)
    trainer.swap_average()
    saved.to("cpu").eval()
    return trainer


def _make_trainer(
    kind: type[Trainer], modules: dict[str, torch.nn.Module], settings: FitSettings, checkpointer: Any, device: str
) -> Trainer:
    """Make a SpeechBrain Brain with AdamW (Loshchilov and Hutter 2019)."""

    def optimizer(parameters: Any) -> torch.optim.Optimizer:
        return torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)

    return kind(
        modules=modules,
        opt_class=optimizer,
        run_opts={"device": device, "precision": settings.precision, "max_grad_norm": settings.max_grad_norm},
        checkpointer=checkpointer,
    )
