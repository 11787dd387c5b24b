"""How a command ends: on Ctrl-C, on a signal, with its output closed; always in one line, and with nothing left.

Imported before everything else, and light, so that an interruption of the imports is in good hands too.
"""

import codecs
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # SIGHUP: the terminal was closed
EXIT_SECONDS = 2.0  # that the exit functions of libraries may take, such as removing their own temporary files
# What multiprocessing's tracker says of a process that ended at once; it removes what it counts all the same.
TRACKER_WARNINGS = "ignore:resource_tracker:UserWarning"
BROKEN_PIPE_STATUS = 141  # 128 + SIGPIPE, as of any program whose reader, such as `head`, has seen enough

_error_output: list[int] = []  # a copy of standard error, which libraries redirect for a while


def prepare() -> None:
    """Make ready for an end at any moment, and for output of any kind."""
    _open_standard_files()
    if not _error_output:
        _error_output.append(os.dup(2))
    if TRACKER_WARNINGS not in sys.warnoptions:
        sys.warnoptions.append(TRACKER_WARNINGS)  # the tracker is started with these
    for name in SIGNALS:
        number = getattr(signal, name, None)
        # one that is ignored, as SIGHUP under nohup, stays so; outside the main thread nobody can choose
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            with contextlib.suppress(ValueError):
                signal.signal(number, _handler())
    codecs.register_error("phonolips", _encode_anyway)
    for stream, how in ((sys.stdout, "phonolips"), (sys.stderr, "backslashreplace")):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=how)


def _open_standard_files() -> None:
    """Open standard input, output and error if they are closed: else the next files opened would be taken for them."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _encode_anyway(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what an encoding has not got: bytes of a file name as they are, other characters as \\u escapes."""
    assert isinstance(error, UnicodeEncodeError)
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return character.encode("ascii", "backslashreplace"), error.start + 1


def _handler() -> "signal._HANDLER":
    """Make the function that ends this process on a signal.

    It does so at once instead of raising KeyboardInterrupt: an exception can come out of a library's callback, an
    import or the end of the interpreter, where it is printed, swallowed or turned into another one.
    """
    multiprocessing = sys.modules.get("multiprocessing")
    is_worker = multiprocessing is not None and multiprocessing.current_process().name != "MainProcess"
    # kept here: at the end of the interpreter modules lose their names
    owner, leave = None if is_worker else os.getpid(), os._exit

    def end(number: int, _: object) -> None:
        if os.getpid() != owner:  # a forked process, or a worker that imports the command: its parent speaks
            leave(128 + number)
        with contextlib.suppress(Exception):
            for name in SIGNALS:  # `timeout` sends it twice; what follows takes seconds at most
                if hasattr(signal, name):
                    signal.signal(getattr(signal, name), signal.SIG_IGN)
        with contextlib.suppress(Exception):
            _say_interrupted(number)
            _clean_up()
        leave(128 + number)

    return end


@contextlib.contextmanager
def ending_with(stop: "Callable[[], object]") -> "Iterator[None]":
    """Let the first signal call `stop`, for a command that ends by being told to; the next one ends it at once."""
    before: dict[int, signal._HANDLER] = {}

    def end_softly(_number: int, _frame: object) -> None:
        restore()
        stop()

    def restore() -> None:
        while before:
            signal.signal(*before.popitem())

    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            with contextlib.suppress(ValueError):  # not the main thread
                before[number] = signal.signal(number, end_softly)
    try:
        yield
    finally:
        restore()


def _say_interrupted(number: int) -> None:
    how = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    output = _error_output[0]
    bar = "\n" if os.isatty(output) and "tqdm" in sys.modules else ""  # a progress bar leaves its line open
    os.write(output, f"{bar}phonolips: {how}; run the same command again to go on\n".encode())


def _clean_up() -> None:
    """End what this process started, remove its temporary files, and let libraries remove theirs; print nothing."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(quiet, number)
    for module, name in (("phonolips.workers.processes", "end_all"), ("phonolips.temporary", "remove_all")):
        action = getattr(sys.modules.get(module), name, None)
        if action is not None:
            with contextlib.suppress(Exception):
                action()
    import threading

    thread = threading.Thread(target=_run_exit_functions, daemon=True)
    thread.start()
    thread.join(EXIT_SECONDS)


def _run_exit_functions() -> None:
    """Do what the end of the interpreter would: first the semaphores, of which somebody keeps count, and complains."""
    import atexit

    finalizers = getattr(sys.modules.get("multiprocessing.util"), "_run_finalizers", None)
    if finalizers is not None:
        with contextlib.suppress(Exception):
            finalizers(0)
    atexit._run_exitfuncs()


def flush_output() -> None:
    """Write out what was printed; raise OSError where that fails, and then let the interpreter not try again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            raise
