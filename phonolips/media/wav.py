"""Write WAV files block by block."""

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from phonolips.storage import atomic_file

if TYPE_CHECKING:
    import soundfile

Value = TypeVar("Value")


class _Watched:
    """A file for a library that calls it from C, where an exception is printed and lost: the first one is kept here."""

    def __init__(self, file: io.BufferedRandom) -> None:
        self._file = file
        self.error: OSError | None = None

    def _try(self, action: Callable[[], Value], otherwise: Value) -> Value:
        try:
            return action()
        except OSError as error:
            self.error = self.error or error
            return otherwise

    def write(self, content: bytes) -> int:
        """Write; return how many bytes were, 0 where the system refuses."""
        return self._try(lambda: self._file.write(content), 0)

    def read(self, size: int = -1) -> bytes:
        """Read what was written, as a header that is to be mended."""
        return self._try(lambda: self._file.read(size), b"")

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._try(lambda: self._file.seek(place, whence), 0)

    def tell(self) -> int:
        """Return the place."""
        return self._try(self._file.tell, 0)


@contextlib.contextmanager
def new_wav(path: Path, rate: int, channels: int = 1, subtype: str = "PCM_16") -> "Iterator[soundfile.SoundFile]":
    """Open a WAV to write blocks to; it takes its name when the block ends, and is gone if that fails.

    Args:
        path: the file.
        rate: samples per second.
        channels: of every block.
        subtype: as libsndfile names it.

    Raises:
        OSError: it cannot be written, as when the disk is full, of which libsndfile by itself says nothing clear.
    """
    import soundfile

    with atomic_file(path) as temporary, temporary.open("w+b") as file:
        watched: Any = _Watched(file)
        try:
            with soundfile.SoundFile(watched, "w", rate, channels, subtype, format="WAV") as sound:
                yield sound
        except (soundfile.SoundFileError, AssertionError):  # it asserts that all was written
            if watched.error is None:
                raise
        if watched.error is not None:
            raise watched.error
