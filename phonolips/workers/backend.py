"""Who does the work of preparing a corpus: processes on this machine, or a Dask cluster of many.

A piece of work is a function and one argument; it writes its own result, whole or not at all, and the same one
whoever does it. So a piece whose worker was killed is simply given out again.
"""

import contextlib
import importlib.util
import json
import multiprocessing
import os
import platform
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from phonolips import __version__
from phonolips.errors import InputError, MissingToolError, PhonolipsError, PhonolipsWarning

Item = TypeVar("Item")
Result = TypeVar("Result")
WAITING_PER_JOB = 2  # pieces that a local worker has in hand or waiting; bounds what is in memory
MOST_DEATHS = 3  # workers that may die over one piece before it is given up
CONNECT_SECONDS = 20  # that a scheduler is waited for
LOOK_SECONDS = 5.0  # how often a cluster is asked for its workers
LONELY_SECONDS = 30.0  # how long a cluster may be without workers before that is said
LONGEST_NAME = 120  # characters of a piece's name in messages


class Backend(Protocol):
    """Whoever works."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply a function to every item, in the order in which they finish; items are asked for as needed.

        Raises:
            PhonolipsError: an item's workers die one after another, or the cluster is gone. What `function` raises
                is raised here, with its traceback.
        """
        ...


def _name_of(item: object) -> str:
    name = str(item)
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."


def _begin_worker() -> None:
    """Keep a worker to one core, and let it end with its parent, even where that is killed."""
    os.environ["OMP_NUM_THREADS"] = "1"  # parallelism comes from the number of workers
    parent = multiprocessing.parent_process()

    def follow() -> None:
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


class _Piece:
    """An item in somebody's hands, and how many workers died over it."""

    def __init__(self, item: Any) -> None:
        self.item = item
        self.deaths = 0


class _LocalWorker:
    """A pool of one process, and the pieces given to it; it works on the first of them."""

    def __init__(self) -> None:
        self.given: dict[Future, _Piece] = {}
        self.start()

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin_worker)

    def replace(self) -> list[_Piece]:
        """Start anew after the process died; return the pieces that it had, first the one that it worked on."""
        wait(self.given)
        lost = {f: p for f, p in self.given.items() if isinstance(f.exception(), BrokenProcessPool)}
        self.given = {f: p for f, p in self.given.items() if f not in lost}
        self.pool.shutdown()
        self.start()
        return list(lost.values())


class LocalBackend:
    """Processes on this machine; 1 works in this process.

    Every worker is a pool of its own: where its process is killed, it is known what it worked on, and the others go on.
    """

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply a function to every item; see `Backend`. What a killed worker had in hand is done again."""
        if self.jobs <= 1:
            yield from map(function, items)
            return
        pieces = map(_Piece, items)
        again: list[_Piece] = []
        workers = [_LocalWorker() for _ in range(self.jobs)]
        try:
            while True:
                for most in range(1, WAITING_PER_JOB + 1):
                    for worker in workers:
                        if len(worker.given) < most:
                            piece = again.pop() if again else next(pieces, None)
                            if piece is None:
                                break
                            try:
                                worker.given[worker.pool.submit(function, piece.item)] = piece
                            except BrokenProcessPool:  # killed; if it had pieces, these tell so below
                                again.append(piece)
                                if not worker.given:
                                    worker.replace()
                owners = {future: worker for worker in workers for future in worker.given}
                if not owners and not again:
                    return
                for future in wait(owners, return_when=FIRST_COMPLETED).done:
                    worker = owners[future]
                    if future not in worker.given:
                        continue  # lost, and to be given again already
                    if isinstance(future.exception(), BrokenProcessPool):
                        lost = worker.replace()
                        lost[0].deaths += 1
                        if lost[0].deaths >= MOST_DEATHS:
                            raise _deadly(lost[0].item, lost[0].deaths) from future.exception()
                        again += reversed(lost)
                    else:
                        del worker.given[future]
                        yield future.result()
        finally:
            for worker in workers:
                worker.pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.pool.shutdown(wait=True)


def _deadly(item: object, deaths: int) -> PhonolipsError:
    return PhonolipsError(
        f"{_name_of(item)}: {deaths} workers were killed over it, one after another (out of memory?); "
        "run the same command again to go on, with fewer workers or more memory for each"
    )


class _Work(NamedTuple):
    """A function as it is sent to the workers of a cluster, who must be like the client to do it.

    It goes with every piece, at 1 kB: were it a task that others depend on, Dask would queue those at the worker that
    holds it, and leave others idle.
    """

    function: Callable
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
    and it is known which one kills. Results travel over the network and must be small; what is made
    is written to files, which all machines must share.

    Args:
        client: a `distributed.Client`.
        folder: one that every worker must see, where the work is done; None = is not checked.
    """

    def __init__(self, client: Any, *, folder: Path | None = None) -> None:
        self.client = client
        self.folder = folder
        self.address = str(client.scheduler.address)

    @contextlib.contextmanager
    def _marker(self) -> Iterator[str]:
        """Put a file into the folder, by which workers tell that theirs is the same one."""
        if self.folder is None:
            yield ""
            return
        path = self.folder.resolve() / f".seen-{uuid.uuid4().hex[:12]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        try:
            yield str(path)
        finally:
            path.unlink(missing_ok=True)

    def _lost(self) -> PhonolipsError:
        return PhonolipsError(
            f"the Dask scheduler at {self.address} is gone; what was done is kept: start it and its workers again, "
            "then run the same command to go on"
        )

    def _threads(self) -> int:
        """Ask how many pieces the workers can work on at a time."""
        try:
            return sum(self.client.nthreads().values())
        except (OSError, RuntimeError, AttributeError, CancelledError) as error:
            raise self._lost() from error

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Apply a function to every item; see `Backend`. Raise InputError for workers that are unlike this process."""
        running: dict[Any, Item] = {}
        with self._marker() as marker:
            try:
                yield from self._map(_Work(function, __version__, marker), iter(items), running)
            finally:
                with contextlib.suppress(Exception):  # the scheduler may be gone
                    self.client.cancel(list(running), force=True)

    def _map(self, work: _Work, items: Iterator[Item], running: dict[Any, Item]) -> Iterator[Any]:
        from distributed import wait as wait_for
        from distributed.scheduler import KilledWorker

        threads, ended = 0, False
        looked, seen = -LOOK_SECONDS, time.monotonic()
        while True:
            now = time.monotonic()
            if now - looked >= LOOK_SECONDS:
                threads, looked = self._threads(), now
                if threads:
                    seen = now
                elif now - seen >= LONELY_SECONDS:
                    warnings.warn(self._lonely(), PhonolipsWarning, stacklevel=3)
                    seen = now
            while not ended and len(running) < max(1, threads):
                try:
                    item = next(items)
                except StopIteration:
                    ended = True
                    break
                running[self.client.submit(work, item, key=f"piece-{uuid.uuid4().hex[:12]}")] = item
            if not running:
                return
            try:
                done = wait_for(list(running), timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                continue
            except CancelledError as error:
                raise self._lost() from error
            for future in done:
                item = running.pop(future)
                try:
                    result = future.result()
                except KilledWorker as error:
                    raise _deadly(item, error.allowed_failures + 1) from error
                except CancelledError as error:
                    raise self._lost() from error
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
                    raise InputError(
                        _other_version("a machine of the cluster", "not installed", __version__)
                    ) from error
                future.release()
                yield result

    def _lonely(self) -> str:
        return (
            f"no worker has been connected to the Dask scheduler at {self.address} for {LONELY_SECONDS:.0f} s; "
            f"waiting. Start one: dask worker --nthreads 1 --nworkers 1 {self.address}"
        )


@contextlib.contextmanager
def open_backend(backend: str = "local", jobs: int = 1, *, folder: Path | None = None) -> Iterator[Backend]:
    """Start whoever works, and end it afterwards.

    Args:
        backend: `local`; `dask`, a cluster on this machine; `dask:tcp://HOST:PORT` or `dask:PATH/scheduler.json`, a
            running scheduler; or `dask:slurm`, jobs of a SLURM queue as dask-jobqueue's configuration describes them.
        jobs: how many workers are started; a running scheduler has its own.
        folder: one that every worker must see, under the same path.

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
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise MissingToolError(
            f"--backend {backend} needs Dask, which is not installed: pip install 'phonolips[cluster]'"
        ) from error
    with contextlib.ExitStack() as stack:
        if not where:
            cluster = distributed.LocalCluster(
                n_workers=jobs, threads_per_worker=1, memory_limit=None, dashboard_address=":0"
            )
            client = stack.enter_context(distributed.Client(stack.enter_context(cluster)))
        elif where == "slurm":
            cluster = stack.enter_context(slurm_cluster())
            cluster.scale(jobs)
            client = stack.enter_context(distributed.Client(cluster))
        else:
            client = stack.enter_context(_connect(where))
        _tell_dashboard(client)
        yield DaskBackend(client, folder=folder)


def _connect(where: str) -> Any:
    """Connect to a running scheduler, given its address or the file that it wrote."""
    from distributed import Client

    address = where
    if where.endswith(".json"):
        try:
            address = str(json.loads(Path(where).read_text(encoding="utf-8"))["address"])
        except FileNotFoundError as error:
            raise InputError(
                f"{where}: no such file; expected the one that a scheduler wrote: "
                f"dask scheduler --scheduler-file {where}"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
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
    """Make a cluster whose workers are jobs of a SLURM queue.

    Cores, memory, time and queue of a job come from dask-jobqueue's configuration, `~/.config/dask/jobqueue.yaml`.

    Raises:
        MissingToolError: dask-jobqueue is not installed. InputError: its configuration lacks something.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ModuleNotFoundError as error:
        raise MissingToolError(
            "--backend dask:slurm needs dask-jobqueue, which is not installed: pip install dask-jobqueue"
        ) from error
    try:
        return SLURMCluster()
    except ValueError as error:
        raise InputError(
            f"dask-jobqueue's configuration: {' '.join(str(error).split())}; expected jobqueue: slurm: with cores, "
            "memory and walltime in ~/.config/dask/jobqueue.yaml"
        ) from error


def _tell_dashboard(client: Any) -> None:
    """Print where the cluster can be watched; Dask draws its dashboard with bokeh, where that is installed."""
    if importlib.util.find_spec("bokeh") is not None and client.dashboard_link:
        print(f"Dask dashboard: {client.dashboard_link}", file=sys.stderr)
