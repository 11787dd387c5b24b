"""Other processes: they end with this one, however it ends, and never print a traceback of an interruption.

Light to import: what ends a command asks here for whatever it started.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phonolips.temporary import remove_all

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

GRACE_SECONDS = 3.0  # from the request to end to the kill; a worker looks up between calls of libraries, all shorter

_programs: "set[subprocess.Popen[Any]]" = set()  # that run now


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Hold back Ctrl-C inside the block; processes and threads started in it never get it.

    A terminal sends Ctrl-C to all processes of a command. Only the first one is to say so, and to end the others; and
    a process that is just starting could not yet do otherwise than print a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows: see `begin_process`
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_pool(prepare: Callable[[], object], *, may_fork: bool = False) -> "ProcessPoolExecutor":
    """Start a process to work in, as a pool of one, which does `prepare` first; shut it down after use.

    Args:
        prepare: what it begins with.
        may_fork: let it begin as a copy of this process, where that is safe: that saves it a start of Python and its
            imports. No library with threads, or with a device, may have been used yet.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Of several threads only the one that forks goes on in the copy, with the locks that the others held; and macOS's
    # own libraries have such threads.
    is_safe = may_fork and sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if is_safe else "spawn")
    # It starts the tracker of semaphores, which lets go of held signals, so it stays outside of the block.
    pool = ProcessPoolExecutor(1, mp_context=context, initializer=begin_process)
    with signals_held():  # the process is started by the first piece of work
        pool.submit(prepare)
    return pool


def begin_process() -> None:
    """Let this process end with its parent, even where that is killed; leave Ctrl-C to the parent."""
    import logging
    import multiprocessing

    quiet_libraries()
    _programs.clear()  # a copy of this process does not end its parent's
    logging.getLogger().addHandler(logging.NullHandler())  # else Python prints warnings that nobody asked for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _end_quietly)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        assert parent is not None
        parent.join()
        _end_quietly()

    if parent is not None:
        threading.Thread(target=follow, daemon=True).start()


def quiet_libraries() -> None:
    """Let matplotlib not speak of its caches: where HOME cannot be written to it makes do without."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def _end_quietly(number: int = signal.SIGTERM, _: object = None) -> None:
    """End this process at once, with what it started, and without its temporary files."""
    end_all()
    remove_all()
    os._exit(128 + number)


def run_program(
    command: Sequence[str], *, cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run an outside program that ends when this process is told to; return its exit status and what it printed.

    Raises:
        OSError: it cannot be started. subprocess.TimeoutExpired: it took longer than `timeout` seconds, and was killed.
    """
    with signals_held():
        program = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        _programs.add(program)
    try:
        out, err = program.communicate(timeout=timeout)
    finally:
        if program.poll() is None:
            program.kill()
            program.communicate()
        _programs.discard(program)
    return subprocess.CompletedProcess(command, program.returncode, out, err)


def end_all() -> None:
    """End every process that this one started: ask each, wait GRACE_SECONDS for all, then kill."""
    running: list[Any] = list(_programs)
    if "multiprocessing.process" in sys.modules:
        import multiprocessing

        with contextlib.suppress(Exception):  # this may come in the middle of anything
            # Dask's end by themselves as soon as this one does, and start others in their place till then
            children = multiprocessing.active_children()
            running += [child for child in children if not child.name.startswith("Dask")]
            _kill_newborn({child.pid for child in children})
    for process in running:
        with contextlib.suppress(Exception):
            process.terminate()
    end = time.monotonic() + GRACE_SECONDS
    while running and time.monotonic() < end:
        running = [process for process in running if _is_running(process)]
        time.sleep(0.01)
    for process in running:
        with contextlib.suppress(Exception):
            process.kill()


def _kill_newborn(known: set[int | None]) -> None:
    """Kill workers that multiprocessing has started but not yet noted: they wait for what they are to do, and complain.

    Where there is no /proc (macOS, Windows) none is found.
    """
    for listed in Path("/proc/self/task").glob("*/children"):
        for pid in map(int, listed.read_text().split()):
            if pid not in known and b"multiprocessing.spawn" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


def _is_running(process: Any) -> bool:
    """Return whether a program or a process of multiprocessing runs still."""
    try:
        return process.poll() is None if isinstance(process, subprocess.Popen) else bool(process.is_alive())
    except Exception:
        return False
