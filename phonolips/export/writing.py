"""Text files that are there whole or not at all."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from phonolips.storage import atomic_file


@contextlib.contextmanager
def new_text_file(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file under a temporary name; it takes its own when the block ends, and is gone if that fails."""
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file
