"""Do the same work on many clips, with a progress bar; an error stays with its clip.

Small jobs go clip by clip (`map_clips`). Preparing a corpus goes by groups of clips (`map_groups`), each a piece of
work that writes its own result, on this machine or on many (`backend`).
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from phonolips.errors import PhonolipsError, PhonolipsWarning
from phonolips.workers.backend import Backend
from phonolips.workers.local import LocalBackend

Item = TypeVar("Item")
Output = TypeVar("Output")
Done = TypeVar("Done", bound="HasClips")


def guarded(function: Callable[[Item], Output], item: Item) -> tuple[Output | None, str, list[str]]:
    """Apply a function; return its result or None, "" or its PhonolipsError's line, and its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result, reason = function(item), ""
        except PhonolipsError as error:
            result, reason = None, str(error)
    return result, reason, [str(w.message) for w in caught if issubclass(w.category, PhonolipsWarning)]


class HasClips(Protocol):
    """What became of a group of clips."""

    @property
    def clips(self) -> int:
        """Return how many clips it had."""
        ...


class _Guarded(NamedTuple):
    """A function that can be sent to another process, with its errors caught there."""

    function: Callable[[Any], Any]

    def __call__(self, item: object) -> tuple[object, object, str, list[str]]:
        return (item, *guarded(self.function, item))


def map_clips(
    function: Callable[[Item], Output], items: Sequence[Item], *, jobs: int, description: str, unit: str = "clip"
) -> Iterator[tuple[Item, Output | None, str, list[str]]]:
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
        PhonolipsError: workers were killed from outside, again and again.
    """
    from tqdm import tqdm

    work: Callable[[Item], tuple[Item, Output | None, str, list[str]]] = _Guarded(function)  # type: ignore[assignment]
    with tqdm(total=len(items), desc=description, unit=unit, dynamic_ncols=True, disable=None) as bar:
        for done in LocalBackend(jobs).map(work, items):
            yield done
            bar.update()


def map_groups(
    function: Callable[[Item], Done], groups: Iterable[Item], *, backend: Backend, clips: int, description: str
) -> Iterator[Done]:
    """Apply `function` to every group, in the order in which they finish, with a progress bar that counts clips.

    Args:
        function: a top-level function, or a partial of one. It writes its result itself, atomically, since a group
            whose worker was killed is given to another.
        groups: made one by one, as the workers need them.
        backend: who works.
        clips: how many clips there are in all.
        description: what the progress bar says.
    """
    from tqdm import tqdm

    with tqdm(total=clips, desc=description, unit="clip", dynamic_ncols=True, disable=None) as bar:
        for done in backend.map(function, groups):
            bar.update(done.clips)
            yield done
