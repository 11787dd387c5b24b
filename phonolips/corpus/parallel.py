"""Do the same work on many clips with several processes, a progress bar, and errors that stay with their clip."""

import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from phonolips.errors import PhonolipsError

Item = TypeVar("Item")
Result = TypeVar("Result")
WAITING_PER_JOB = 4  # clips handed out ahead of the workers; bounds what is in memory


def _single_thread() -> None:
    """Keep every worker to one core; parallelism comes from the number of workers."""
    os.environ["OMP_NUM_THREADS"] = "1"


def _guarded(function: Callable[[Item], Result], item: Item) -> tuple[Result | None, str, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result, reason = function(item), ""
        except PhonolipsError as error:
            result, reason = None, str(error)
    from phonolips.errors import PhonolipsWarning

    return result, reason, [str(w.message) for w in caught if issubclass(w.category, PhonolipsWarning)]


def map_clips(
    function: Callable[[Item], Result], items: Sequence[Item], *, jobs: int, description: str, unit: str = "clip"
) -> Iterator[tuple[Item, Result | None, str, list[str]]]:
    """Apply `function` to every item, `jobs` at a time, in the order in which they finish.

    Args:
        function: a top-level function (workers import it). A PhonolipsError that it raises belongs to
            its item; any other exception is a bug and is raised here.
        items: what to work on.
        jobs: number of processes; 1 works in this process.
        description: what the progress bar says.
        unit: what it counts.

    Yields:
        (item, result or None, "" or the error's line, warnings) for every item.

    Raises:
        PhonolipsError: a worker was killed from outside.
    """
    from tqdm import tqdm

    bar = tqdm(total=len(items), desc=description, unit=unit, dynamic_ncols=True, disable=None)
    with bar:
        if jobs <= 1:
            for item in items:
                yield (item, *_guarded(function, item))
                bar.update()
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_single_thread) as pool:
            running: dict[Future, Item] = {}
            waiting = iter(items)
            try:
                while True:
                    for item in waiting:
                        running[pool.submit(_guarded, function, item)] = item
                        if len(running) >= jobs * WAITING_PER_JOB:
                            break
                    if not running:
                        return
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield (running.pop(future), *future.result())
                        bar.update()
            except BrokenProcessPool as error:
                raise PhonolipsError(
                    f"{description}: a worker was killed (out of memory?); run the same command again to go on, "
                    "with fewer --jobs"
                ) from error
            finally:
                for future in running:
                    future.cancel()
