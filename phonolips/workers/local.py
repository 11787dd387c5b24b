"""Processes on this machine."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, TypeVar

from phonolips.workers.pieces import deadly
from phonolips.workers.processes import start_pool

Item = TypeVar("Item")
Output = TypeVar("Output")
WAITING_PER_JOB = 2  # pieces that a worker has in hand or waiting; bounds what is in memory
# Parallelism comes from the number of workers, so each keeps to one core; the variables that Dask sets for its own.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
MOST_DEATHS = 3  # workers that may die over one piece before it is given up


def _keep_to_one_core() -> None:
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))


class _Piece:
    """An item in somebody's hands, and how many workers died over it."""

    def __init__(self, item: Any) -> None:
        self.item = item
        self.deaths = 0


class _Worker:
    """A pool of one process, and the pieces given to it; it works on the first of them."""

    def __init__(self) -> None:
        self.given: dict[Future[Any], _Piece] = {}
        self.start()

    def start(self) -> None:
        self.pool = start_pool(_keep_to_one_core)

    def give(self, function: Callable[[Any], Any], piece: _Piece) -> None:
        """Hand it a piece; raise BrokenProcessPool if its process was killed."""
        self.given[self.pool.submit(function, piece.item)] = piece

    def replace(self) -> list[_Piece]:
        """Start anew after the process died; return the pieces that it had, first the one that it worked on."""
        wait(self.given)
        lost = {f: p for f, p in self.given.items() if isinstance(f.exception(), BrokenProcessPool)}
        self.given = {f: p for f, p in self.given.items() if f not in lost}
        self.pool.shutdown()
        self.start()
        return list(lost.values())


class _Team:
    """The workers of one `map`, and the pieces that they have not been given yet, or are to be given again."""

    def __init__(self, function: Callable[[Any], Any], items: Iterable[Any], jobs: int) -> None:
        self.function = function
        self.pieces = map(_Piece, items)
        self.again: list[_Piece] = []
        self.workers = [_Worker() for _ in range(jobs)]

    def __enter__(self) -> "_Team":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.pool.shutdown(wait=False, cancel_futures=True)
        for worker in self.workers:
            worker.pool.shutdown(wait=True)

    def hand_out(self) -> bool:
        """Hand every worker a piece, and then a second one to wait; return whether there is anything to wait for."""
        for most in range(1, WAITING_PER_JOB + 1):
            for worker in self.workers:
                if len(worker.given) < most and not self._give(worker):
                    break
        return bool(self.again) or any(worker.given for worker in self.workers)

    def _give(self, worker: _Worker) -> bool:
        """Hand a worker the next piece; return whether there was one."""
        piece = self.again.pop() if self.again else next(self.pieces, None)
        if piece is None:
            return False
        try:
            worker.give(self.function, piece)
        except BrokenProcessPool:  # killed; if it had pieces, `collect` finds these out
            self.again.append(piece)
            if not worker.given:
                worker.replace()
        return True

    def collect(self) -> Iterator[Any]:
        """Wait until a piece is done; yield the results of all that are."""
        owners = {future: worker for worker in self.workers for future in worker.given}
        for future in wait(owners, return_when=FIRST_COMPLETED).done:
            worker = owners[future]
            if future not in worker.given:
                continue  # lost, and to be given again already
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                self._take_back(worker, error)
            else:
                del worker.given[future]
                yield future.result()

    def _take_back(self, worker: _Worker, error: BrokenProcessPool) -> None:
        """Replace a worker that was killed, and have its pieces given out again, first the one that it worked on.

        Raises:
            PhonolipsError: MOST_DEATHS workers died over that one.
        """
        lost = worker.replace()
        lost[0].deaths += 1
        if lost[0].deaths >= MOST_DEATHS:
            raise deadly(lost[0].item, lost[0].deaths) from error
        self.again += reversed(lost)


class LocalBackend:
    """Processes on this machine; 1 works in this process.

    Every worker is a pool of its own: where its process is killed, it is known what it worked on, and the others go on.
    """

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs

    def map(self, function: Callable[[Item], Output], items: Iterable[Item]) -> Iterator[Output]:
        """Apply a function to every item; see `Backend`. What a killed worker had in hand is done again."""
        if self.jobs <= 1:
            yield from map(function, items)
            return
        with _Team(function, items, self.jobs) as team:
            while team.hand_out():
                yield from team.collect()
