"""Recordings that come through a pipe: kept in a temporary file, since they are read more than once.

A pipe is read when it is first asked for, to its end, and its file stays until this process ends. Messages go on
calling it what the user wrote.
"""

import os
import shutil
import stat
import tempfile
from functools import cache
from pathlib import Path
from typing import BinaryIO

from phonolips.errors import InputError
from phonolips.temporary import naming, sweep, temporary_path

STANDARD_INPUT = "-"  # as a path: what comes in; a file of that name is ./-


def is_pipe(path: Path) -> bool:
    """Return whether this is a pipe, a socket or the standard input, which can be read once, and not a file."""
    try:
        mode = os.fstat(0).st_mode if str(path) == STANDARD_INPUT else path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or (str(path) == STANDARD_INPUT and stat.S_ISREG(mode))


def readable(path: Path) -> Path:
    """Return the file in which a recording can be read: the path itself, or the one that holds what a pipe brought.

    Raises:
        InputError: the standard input is a terminal or closed.
    """
    if is_pipe(path):
        return _spooled(str(path))
    if str(path) == STANDARD_INPUT:
        raise InputError(f"{path}: nothing comes through the standard input; pipe a recording into it, or name a file")
    return path


@cache  # a pipe can be read only once
def _spooled(path: str) -> Path:
    with os.fdopen(os.dup(0), "rb") if path == STANDARD_INPUT else open(path, "rb") as file:
        return copy_to_temporary(file)


def copy_to_temporary(file: BinaryIO) -> Path:
    """Copy what is left of an open file into a temporary one that is removed when this process ends."""
    folder = Path(tempfile.gettempdir())
    sweep(folder)
    path = temporary_path(folder)
    with naming(path, folder):
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # nobody else is to hear it
        with os.fdopen(number, "wb") as copy:
            shutil.copyfileobj(file, copy)
    return path
