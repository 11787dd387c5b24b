"""A Dask cluster: on this machine, of a running scheduler, or of jobs of a SLURM queue."""

import contextlib
import importlib.util
import os
import platform
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from phonolips import __version__
from phonolips.checks import check_text
from phonolips.errors import InputError, MissingToolError, PhonolipsError, PhonolipsWarning
from phonolips.reading import read_json
from phonolips.temporary import remove, sweep, temporary_path
from phonolips.workers.pieces import deadly
from phonolips.workers.processes import signals_held

Item = TypeVar("Item")
Output = TypeVar("Output")
LOOPBACK = "127.0.0.1"  # what listens here is for this machine alone: Dask's dashboard shows, and its workers run, code
CONNECT_SECONDS = 20  # that a scheduler is waited for
LOOK_SECONDS = 5.0  # how often a cluster is asked for its workers
LONELY_SECONDS = 30.0  # how long a cluster may be without workers before a warning


class _Work(NamedTuple):
    """A function as it is sent to the workers of a cluster, which must be like the client to do it.

    It goes with every piece, at 1 kB: were it a task that others depend on, Dask would queue those at the worker that
    holds it, and leave others idle.
    """

    function: Callable[[Any], Any]
    version: str
    marker: str

    def __call__(self, item: object) -> object:
        if self.version != __version__:
            raise InputError(_other_version(platform.node(), __version__, self.version))
        if self.marker and not os.path.isfile(self.marker):
            raise InputError(_other_files(platform.node(), self.marker))
        return self.function(item)


def _other_version(worker: str, found: object, expected: str) -> str:
    return (
        f"the worker on {worker} has phonolips {found}, but this command has {expected}; install the "
        "same version there and start the worker again"
    )


def _other_files(worker: str, marker: str) -> str:
    return (
        f"the worker on {worker} does not see {Path(marker).parent}; every worker needs that folder, and the corpus, "
        "under the same path: put them on a file system that all machines share"
    )


class DaskBackend:
    """Workers of a Dask cluster, which may come and go at any time.

    Dask gives what a dead worker had to another one, and suspects all of it; so each thread has one piece at a time,
    and it is known which one kills. Results travel over the network and must be small; what is made is written to
    files, which all machines must share.

    Args:
        client: a `distributed.Client`.
        folder: one that every worker must see, where the work is done; None = it is not checked.
    """

    def __init__(self, client: Any, *, folder: Path | None = None) -> None:
        self.client = client
        self.folder = folder
        self.address = str(client.scheduler.address)

    def map(self, function: Callable[[Item], Output], items: Iterable[Item]) -> Iterator[Output]:
        """Apply a function to every item; see `Backend`. Raise InputError for workers that are unlike this process."""
        running: dict[Any, Item] = {}
        with self._marker() as marker:
            try:
                yield from self._map(_Work(function, __version__, marker), iter(items), running)
            finally:
                with contextlib.suppress(Exception):  # the scheduler may be gone
                    self.client.cancel(list(running), force=True)

    @contextlib.contextmanager
    def _marker(self) -> Iterator[str]:
        """Put a file into the folder, by which workers recognise that theirs is the same one."""
        if self.folder is None:
            yield ""
            return
        folder = self.folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        path = temporary_path(folder)
        try:
            path.touch()
            yield str(path)
        finally:
            remove(path)

    def _map(self, work: _Work, items: Iterator[Item], running: dict[Any, Item]) -> Iterator[Any]:
        workers = _Workers(self)
        while True:
            free = max(1, workers.threads()) - len(running)
            for item in islice(items, max(0, free)):
                running[self.client.submit(work, item, key=f"piece-{uuid.uuid4().hex[:12]}")] = item
            if not running:
                return
            for future in self._finished(running):
                yield self._result(future, running.pop(future))

    def _finished(self, running: dict[Any, Item]) -> list[Any]:
        """Wait until a piece is done, for LOOK_SECONDS at most; list the futures of all that are."""
        from distributed import wait as wait_for

        try:
            return list(wait_for(list(running), timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            return []
        except CancelledError as error:
            raise self.gone() from error

    def _result(self, future: Any, item: object) -> Any:
        """Return a piece's result, or raise what became of it in words for the user."""
        from distributed.scheduler import KilledWorker

        try:
            result = future.result()
        except KilledWorker as error:
            raise deadly(item, error.allowed_failures + 1) from error
        except CancelledError as error:
            raise self.gone() from error
        except RuntimeError as error:
            if "deserialization of the task graph" not in str(error):
                raise
            raise InputError(
                f"the Dask scheduler at {self.address} cannot read the work; it needs the same versions of "
                "Python, Dask and phonolips as this command: start it from the same environment"
            ) from error
        except ModuleNotFoundError as error:
            if not str(error.name).startswith("phonolips"):
                raise
            raise InputError(_other_version("a machine of the cluster", "not installed", __version__)) from error
        future.release()
        return result

    def gone(self) -> PhonolipsError:
        """Return the error for a scheduler that does not answer any more."""
        return PhonolipsError(
            f"the Dask scheduler at {self.address} is gone; what was done is kept: start it and its workers again, "
            "then run the same command to go on"
        )


class _Workers:
    """How many workers a cluster has, asked from time to time; a warning where there has been none for long."""

    def __init__(self, backend: DaskBackend) -> None:
        self.backend = backend
        self.known = 0
        self.looked, self.seen = -LOOK_SECONDS, time.monotonic()

    def threads(self) -> int:
        """Count the pieces that the workers can work on at a time; the count is up to LOOK_SECONDS old."""
        now = time.monotonic()
        if now - self.looked >= LOOK_SECONDS:
            self.known, self.looked = self._ask(), now
            if self.known:
                self.seen = now
            elif now - self.seen >= LONELY_SECONDS:
                warnings.warn(self._lonely(), PhonolipsWarning, stacklevel=4)
                self.seen = now
        return self.known

    def _ask(self) -> int:
        try:
            return sum(self.backend.client.nthreads().values())
        except (OSError, RuntimeError, AttributeError, CancelledError) as error:
            raise self.backend.gone() from error

    def _lonely(self) -> str:
        address = self.backend.address
        return (
            f"no worker has been connected to the Dask scheduler at {address} for {LONELY_SECONDS:.0f} s; "
            f"waiting. Start one: dask worker --nthreads 1 --nworkers 1 {address}"
        )


@contextlib.contextmanager
def open_cluster(where: str, jobs: int, *, folder: Path | None) -> Iterator[DaskBackend]:
    """Start a cluster, or connect to one, and close it afterwards.

    Args:
        where: "" for a cluster on this machine, `slurm`, the address of a running scheduler, or the file that it wrote.
        jobs: how many workers are started; a running scheduler has its own.
        folder: one that every worker must see, under the same path; None = it is not checked.

    Raises:
        InputError: nobody answers at the address. MissingToolError: Dask is not installed.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        name = f"dask:{where}" if where else "dask"
        raise MissingToolError(
            f"backend {name!r} needs Dask, which is not installed: pip install 'phonolips[cluster]'"
        ) from error
    with contextlib.ExitStack() as stack:
        if not where:
            resource_tracker.ensure_running()  # which would let go of the signals, were it started inside
            with signals_held():  # the threads that are made here start the workers, now and later
                cluster = distributed.LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    memory_limit=None,
                    host=LOOPBACK,
                    dashboard_address=f"{LOOPBACK}:0",
                )
            client = stack.enter_context(distributed.Client(stack.enter_context(cluster)))
        elif where == "slurm":
            cluster = stack.enter_context(slurm_cluster())
            cluster.scale(jobs)
            client = stack.enter_context(distributed.Client(cluster))
        else:
            client = stack.enter_context(connect(where))
        _print_dashboard(client)
        yield DaskBackend(client, folder=folder)


def connect(where: str) -> Any:
    """Connect to a running scheduler, given its address or the file that it wrote; return a `distributed.Client`.

    Raises:
        InputError: no such file, no scheduler's file, or nobody answers.
    """
    from distributed import Client

    address = where
    if where.endswith(".json"):
        try:
            address = check_text(read_json(Path(where)).get("address"), "address", "'tcp://10.0.0.1:8786'")
        except InputError as error:
            if not Path(where).exists():
                raise InputError(
                    f"{where}: no such file; expected the one that a scheduler wrote: "
                    f"dask scheduler --scheduler-file {where}"
                ) from error
            raise InputError(
                f"{where}: not a scheduler's file; expected JSON with its `address`: start the scheduler again"
            ) from error
    try:
        return Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address}; expected a running one, such as: dask scheduler --port 8786"
        ) from error


def slurm_cluster() -> Any:
    """Make a cluster whose workers are jobs of a SLURM queue; return a `dask_jobqueue.SLURMCluster`.

    Cores, memory, time and queue of a job come from dask-jobqueue's configuration, `~/.config/dask/jobqueue.yaml`.

    Raises:
        MissingToolError: dask-jobqueue is not installed. InputError: its configuration lacks something.
    """
    try:
        import dask
        from dask_jobqueue.slurm import SLURMCluster
    except ModuleNotFoundError as error:
        raise MissingToolError(
            "backend 'dask:slurm' needs dask-jobqueue, which is not installed: pip install dask-jobqueue"
        ) from error
    try:
        # the scheduler is reached by the jobs of the queue, its dashboard by nobody but this machine, unless asked for
        own = dask.config.get("jobqueue.slurm.scheduler-options", None) or {}
        return SLURMCluster(scheduler_options={"dashboard_address": f"{LOOPBACK}:0", **own})
    except ValueError as error:
        raise InputError(
            f"dask-jobqueue's configuration: {' '.join(str(error).split())}; expected jobqueue: slurm: with cores, "
            "memory and walltime in ~/.config/dask/jobqueue.yaml"
        ) from error


def _print_dashboard(client: Any) -> None:
    """Print where the cluster can be watched; Dask draws its dashboard with bokeh, where that is installed."""
    if importlib.util.find_spec("bokeh") is not None and client.dashboard_link:
        print(f"Dask dashboard: {client.dashboard_link}", file=sys.stderr)
