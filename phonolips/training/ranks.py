"""Training in several processes, started by `torchrun`: which one this is, its share, and what all of them sum up.

Every process (rank) computes its share of every batch; the gradients are averaged by torch's
DistributedDataParallel. A batch is that of all ranks together, and what is normalised over a batch (losses, batch
norm) is normalised over all of it, so the number of processes changes the time a training takes and not its result.
"""

import logging
import os
from collections.abc import Sequence
from typing import Any, TypeVar

import speechbrain as sb
import torch
from torch import Tensor, nn

from phonolips.errors import InputError

Items = TypeVar("Items", Sequence[Any], Any)


def choose_device(device: str) -> str:
    """Return which device this process computes on: `auto` is a GPU where there is one, and every rank has its own."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    local_rank = os.environ.get("LOCAL_RANK")
    if device == "cuda" and local_rank is not None:
        if int(local_rank) >= torch.cuda.device_count():
            raise InputError(
                f"process {local_rank} of this machine has no GPU of its own, there are {torch.cuda.device_count()}; "
                "start torchrun with as many --nproc-per-node, or train with device=cpu"
            )
        device = f"cuda:{local_rank}"
    return device


def join_ranks(device: str) -> None:
    """Join the processes that torchrun started, through SpeechBrain; do nothing where it did not, or when called again.

    Only the main process logs below warnings from then on.
    """
    if sb.utils.distributed.is_distributed_initialized():
        return
    backend = "nccl" if choose_device(device).startswith("cuda") else "gloo"
    sb.utils.distributed.ddp_init_group({"distributed_backend": backend})
    if not is_main():
        logging.getLogger("phonolips").setLevel(logging.WARNING)


def rank_and_world() -> tuple[int, int]:
    """Return which process this is, and of how many; (0, 1) for one that is alone."""
    if sb.utils.distributed.is_distributed_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def is_main() -> bool:
    """Return whether this process is the one that writes and logs."""
    return rank_and_world()[0] == 0


def wait_for_all() -> None:
    """Wait until all ranks have come here."""
    sb.utils.distributed.ddp_barrier()


def share_of(items: Items, rank: int, world: int) -> Items:
    """Take every `world`-th of a batch's items, from `rank` on; of a list or an array.

    Where there are fewer items than ranks (only ever in the smallest batches), the ranks beyond them get an item that
    another has too, so that none of them stands still; it then counts more than once in that batch.
    """
    return items[rank % len(items) :: world] if len(items) < world else items[rank::world]


def mean_over_ranks(total: Tensor, weight: Tensor | float) -> Tensor:
    """Divide the sum of a loss over this rank's share by the weight that it has on average over the ranks.

    The mean over the ranks of what is returned, which is what DistributedDataParallel's gradient belongs to, is the
    sum over the whole batch by the weight of the whole batch.

    Args:
        total: (), with its gradient.
        weight: () or a number: what was summed, in the same units; counted as at least 1 over the whole batch.

    Returns:
        (): for one process, and without gradients (in validation), total / max(weight, 1).
    """
    whole = torch.as_tensor(weight, dtype=total.dtype, device=total.device).detach()
    _, world = rank_and_world()
    if world == 1 or not torch.is_grad_enabled():
        return total / whole.clamp_min(1)
    whole = whole.clone()
    torch.distributed.all_reduce(whole)
    return total / (whole.clamp_min(1) / world)


def mean_of_ranks(value: float) -> float:
    """Average a number over the ranks."""
    _, world = rank_and_world()
    mean: float = sum(gather(value)) / world
    return mean


def gather(value: Any) -> list[Any]:
    """Collect one picklable value of every rank, in their order."""
    _, world = rank_and_world()
    if world == 1:
        return [value]
    found: list[Any] = [None] * world
    torch.distributed.all_gather_object(found, value)
    return found


class _SumOverRanks(torch.autograd.Function):
    """Sum over the ranks, forth and back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        torch.distributed.all_reduce(total)
        return total


class SyncedBatchNorm(nn.BatchNorm1d):
    """Batch norm over the batch of all ranks, on a CPU, where torch's SyncBatchNorm does not work."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (batch, channels, positions)."""
        if not self.training or rank_and_world()[1] == 1:
            return super().forward(input)
        count = torch.full((1,), float(input.numel() // input.shape[1]))
        sums: Tensor = _SumOverRanks.apply(torch.cat([input.sum((0, 2)).float(), count]))  # type: ignore[no-untyped-call]
        number = sums[-1]
        mean = sums[:-1] / number
        centred = input - mean[:, None]
        squares: Tensor = _SumOverRanks.apply(centred.square().sum((0, 2)).float())  # type: ignore[no-untyped-call]
        variance = squares / number
        with torch.no_grad():
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
            self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr, arg-type]
            self.running_var.lerp_(variance * number / (number - 1), self.momentum)  # type: ignore[union-attr, arg-type]
        scale = self.weight * (variance + self.eps).rsqrt()
        normalised: Tensor = (centred * scale[:, None] + self.bias[:, None]).to(input.dtype)
        return normalised


def set_batch_norms(module: nn.Module, kind: type[nn.Module]) -> None:
    """Make every batch norm inside a module one of another kind, on the same parameters and buffers."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.SyncBatchNorm):
            other: Any = kind(child.num_features, child.eps, child.momentum)
            other._parameters, other._buffers, other.training = child._parameters, child._buffers, child.training
            setattr(module, name, other)
        else:
            set_batch_norms(child, kind)
