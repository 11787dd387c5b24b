"""Temporary files and folders: named after the process that owns them, removed at its end, swept by the next run.

A name is `.phonolips-MACHINE-PROCESS.START-RANDOM.SUFFIX`. From it any process that writes into the same folder later
knows whether the owner still lives; what it left, if it was killed, is removed then. Light to import: it serves the
end of a command that is interrupted before anything else is there.
"""

import atexit
import contextlib
import functools
import os
import re
import secrets
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from phonolips.errors import PhonolipsError

PREFIX = ".phonolips-"
_NAME = re.compile(r"\..+-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)\.(?P<start>\d+)-[0-9a-f]{12}(\..*)?", re.S)
_EARLIER_NAME = re.compile(r"\.phonolips-[a-z0-9_]{8}")  # of version 0.1, which did not name the owner
LONGEST_SUFFIX = 32  # bytes of a suffix that is kept: what libraries choose a format by is shorter
# Of what another machine made that shares the folder: untouched for so long, whoever made it was killed. Nothing here
# leaves what it writes untouched for hours; a longer wait would cost disk space only.
LEFT_BEHIND_SECONDS = 24 * 3600.0

_owned: set[tuple[int, Path]] = set()  # (process, path) of what is there now; a forked child does not own its parent's
_swept: set[str] = set()  # folders that `sweep_once` went through


@functools.cache
def _machine() -> str:
    """Return eight digits for this machine, since it was started, and this container: where process numbers hold."""
    parts = [os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return f"{zlib.crc32('|'.join(parts).encode(errors='replace')):08x}"


def _start_of(process: int) -> int | None:
    """Return when a process was started, in ticks since the machine was; None where there is none that works.

    0 where the system has no /proc: there only the number of the process is known. Windows says nothing: None.
    """
    if os.path.exists("/proc/self/stat"):
        try:
            # after the name in parentheses, which may hold anything: state, ..., and as the 20th the start
            fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        return None if fields[0] in (b"Z", b"X") else int(fields[19])
    if os.name != "posix":
        return None
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except OSError:  # somebody else's
        pass
    return 0


def temporary_path(folder: Path, suffix: str = "", *, prefix: str = PREFIX) -> Path:
    """Return a path for a temporary file or folder of this process, and remember it until `remove`."""
    process = os.getpid()
    kept = suffix if len(os.fsencode(suffix)) <= LONGEST_SUFFIX else ""
    name = f"{prefix}{_machine()}-{process}.{_start_of(process) or 0}-{secrets.token_hex(6)}{kept}"
    path = Path(folder) / name
    _owned.add((process, path))
    return path


def remove(path: Path) -> None:
    """Remove a temporary file or folder, if it is there, and forget it; never raise OSError."""
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    _owned.discard((os.getpid(), path))


def remove_all() -> None:
    """Remove every temporary file and folder of this process: it is about to end."""
    for process, path in list(_owned):
        if process == os.getpid():
            remove(path)


atexit.register(remove_all)  # of what a caller still holds, such as the index of a store that cannot be written to


@contextlib.contextmanager
def temporary_folder(inside: Path | None = None) -> Iterator[Path]:
    """Make a folder that is removed when the block ends.

    Args:
        inside: the folder to make it in, which must be there; None = the system's folder for temporary files. What
            killed runs left in it is swept first.

    Raises:
        OSError: as `naming` does: of a file in the temporary folder, it names the one of that name in `inside`.
    """
    parent = Path(tempfile.gettempdir()) if inside is None else Path(inside)
    sweep(parent)
    path = temporary_path(parent)
    try:
        with naming(path, parent):
            path.mkdir(mode=0o777 if inside is not None else 0o700)
            yield path
    finally:
        remove(path)


@contextlib.contextmanager
def naming(temporary: Path, path: Path) -> Iterator[None]:
    """Let errors inside the block name the user's `path`, and never `temporary`, which stands for it meanwhile.

    Errors of the operating system that name no file at all, as when a disk is full, name it too.

    Raises:
        OSError: of the same number. PhonolipsError: of the same kind.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None and type(error) is not OSError:  # not the system's: a library says so of what it reads
            raise
        files = [_in_place(str(name), temporary, path) for name in (error.filename, error.filename2) if name]
        if files and files[0] == str(error.filename):
            raise
        reason = error.strerror or f"{error or type(error).__name__}: not written whole"
        raise OSError(error.errno or 0, reason, files[0] if files else str(path)) from error
    except PhonolipsError as error:
        if str(temporary) not in str(error):
            raise
        raise type(error)(str(error).replace(str(temporary), str(path))) from error


def _in_place(name: str, temporary: Path, path: Path) -> str:
    """Return a file's name with `path` in the place of `temporary`, also where FFmpeg has put "file:" before it."""
    _, found, rest = name.partition(str(temporary))
    return f"{path}{rest}" if found else name


def sweep(folder: Path) -> None:
    """Remove from a folder what runs that were killed left there.

    What belongs to a living process stays; so does what belongs to another user; and what belongs to another machine
    as long as it is younger than a day.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and _is_left_behind(entry):
                remove(Path(entry.path))


def sweep_once(folder: Path) -> None:
    """Sweep a folder unless this process has done so already: of many small files, only the first one costs."""
    name = os.path.abspath(folder)
    if name not in _swept:
        _swept.add(name)
        sweep(folder)


def _is_left_behind(entry: "os.DirEntry[str]") -> bool:
    """Return whether nobody will ever go on with a temporary file or folder."""
    found = _NAME.fullmatch(entry.name)
    if found is None and _EARLIER_NAME.fullmatch(entry.name) is None:
        return False
    try:
        if hasattr(os, "geteuid") and entry.stat(follow_symlinks=False).st_uid != os.geteuid():
            return False
        if found is not None and found["machine"] == _machine() and os.name == "posix":
            return _start_of(int(found["process"])) != int(found["start"])
        newest = max([entry.stat(follow_symlinks=False).st_mtime, *_times_inside(entry)])
    except OSError:  # gone
        return False
    return time.time() - newest > LEFT_BEHIND_SECONDS


def _times_inside(entry: "os.DirEntry[str]") -> list[float]:
    """List when what is in a temporary folder was last written to."""
    if not entry.is_dir(follow_symlinks=False):
        return []
    with os.scandir(entry.path) as inside:
        return [each.stat(follow_symlinks=False).st_mtime for each in inside]
