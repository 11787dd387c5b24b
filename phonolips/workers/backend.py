"""The contract of those who do the work: processes on this machine, or a Dask cluster of many.

A piece of work is a function and one argument; it writes its own result atomically, and the same one whoever does it.
So a piece whose worker was killed is simply given out again.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from phonolips.errors import InputError
from phonolips.workers.cluster import open_cluster
from phonolips.workers.local import LocalBackend

Item = TypeVar("Item")
Output = TypeVar("Output")


class Backend(Protocol):
    """Whoever works; `LocalBackend` and `DaskBackend` obey this."""

    def map(self, function: Callable[[Item], Output], items: Iterable[Item]) -> Iterator[Output]:
        """Apply a function to every item, in the order in which they finish; items are asked for as needed.

        Raises:
            PhonolipsError: an item's workers die one after another, or the cluster is gone. What `function` raises
                is raised here, with its traceback.
        """
        ...


@contextlib.contextmanager
def open_backend(backend: str = "local", jobs: int = 1, *, folder: Path | None = None) -> Iterator[Backend]:
    """Start whoever works, and end it afterwards.

    Args:
        backend: `local`; `dask`, a cluster on this machine; `dask:tcp://HOST:PORT` or `dask:PATH/scheduler.json`, a
            running scheduler; or `dask:slurm`, jobs of a SLURM queue as dask-jobqueue's configuration describes them.
        jobs: how many workers are started; a running scheduler has its own.
        folder: one that every worker of a cluster must see, under the same path.

    Raises:
        InputError: no such backend, or nobody answers at the address. MissingToolError: Dask is not installed.
    """
    if backend == "local":
        yield LocalBackend(jobs)
        return
    kind, _, where = backend.partition(":")
    if kind != "dask" or (not where and ":" in backend):
        raise InputError(
            f"backend {backend!r}; expected local, dask, dask:tcp://HOST:PORT, dask:PATH/scheduler.json or dask:slurm"
        )
    with open_cluster(where, jobs, folder=folder) as cluster:
        yield cluster
