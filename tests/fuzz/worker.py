"""The process that has inputs read: it loads everything once, and a fork of it reads, with limits.

It takes a JSON line a case on standard input, `{"kind", "seed", "index", "folder"}`, and answers with one: `class`,
`said`, `seconds`.
"""

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from random import Random

MOST_BYTES = 2 << 30  # that a case may need beside what is loaded
MOST_SECONDS = 60.0
CASES_EACH = 40  # that one fork reads; a fork takes 0.05 s
GOOD = -1  # the index of the case that is not damaged
OUT_OF_MEMORY = ("allocate memory", "not enough memory", "bad_alloc", "Unable to allocate", "out of memory")
# What Python says to programmers, and nobody should read as an error message.
BARE_WORDING = (
    *("Traceback", "NoneType", "list index out of range", "index out of range", "could not convert", "too many values"),
    *("not enough values", "invalid literal", "object is not", "object has no attribute", "unhashable", "codec can't"),
    *("unexpected keyword", "positional argument", "must be str", "not subscriptable", "unsupported operand"),
    *("cannot unpack", "object of type", "Expecting value", "Errno", "setting an array element", "broadcast together"),
)


def classify(error: BaseException) -> tuple[str, str]:
    """Name the class of what a reader raised, and say what it was."""
    from fuzz.readers import Ended
    from phonolips.errors import PhonolipsError

    text = str(error)
    if isinstance(error, MemoryError) or any(words in text for words in OUT_OF_MEMORY):
        return "memory", text
    if isinstance(error, Ended):
        return _ended(*error.args)
    if isinstance(error, PhonolipsError):
        return _refusal(text)
    if isinstance(error, OSError) and error.filename is not None:
        return "refused", text
    return "traceback", "".join(traceback.format_exception(error))


def _refusal(text: str) -> tuple[str, str]:
    if len(text.splitlines()) != 1 or len(text) > 2000:
        return "bad message", text
    if any(words in text for words in BARE_WORDING):
        return "bad message", text
    return "refused", text


def _ended(code: int, said: str) -> tuple[str, str]:
    """Judge a command line by its exit code and what it said."""
    errors = [line for line in said.splitlines() if "error:" in line.lower()]
    if code == 2:  # usage
        return "refused", said
    if code == 1 and len(errors) == 1 and errors[0].startswith("phonolips: error: "):
        return _refusal(errors[0])
    return "bad message", f"exit {code}: {said}"


def run_case(case: dict[str, object], seeds: Path) -> dict[str, object]:
    """Make one input and read it; return what came of it."""
    from fuzz.readers import KINDS

    kind, folder = KINDS[str(case["kind"])], Path(str(case["folder"]))
    random = None if case["index"] == GOOD else Random(f"{case['seed']} {case['kind']} {case['index']}")
    try:
        given = kind.make(random, seeds, folder)
    except Exception:
        return {"class": "broken case", "said": traceback.format_exc()}
    shown = folder / "case.txt"
    shown.write_text(f"{case}\n{given!r}\n", "utf-8", "backslashreplace")
    started = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind.read(given)
        found, said = "read", ""
    except Exception as error:
        found, said = classify(error)
    return {"class": found, "said": said, "seconds": time.monotonic() - started}


def used_address_space() -> int:
    """Return the bytes of address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _serve(requests: int, answers: int, seeds: Path) -> None:
    """Read cases until there are no more, each within the limits, its output in a file of its own."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(requests) as lines, os.fdopen(answers, "w", buffering=1) as out:
        for line in lines:
            case = json.loads(line)
            log = os.open(Path(case["folder"]) / "said.txt", os.O_WRONLY | os.O_CREAT, 0o644)
            for stream in (1, 2):
                os.dup2(log, stream)
            os.close(log)
            resource.setrlimit(resource.RLIMIT_AS, (used_address_space() + MOST_BYTES, resource.RLIM_INFINITY))
            result = run_case(case, seeds)
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            out.write(json.dumps(result) + "\n")


class Child:
    """A fork of this process that reads cases; another one takes its place where it crashes or hangs, or has read many."""

    def __init__(self, seeds: Path) -> None:
        self.cases, self.ended = 0, False
        theirs, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            try:
                os.close(self._requests)
                os.close(self._answers)
                _serve(theirs, answers, seeds)
            finally:
                os._exit(0)
        os.close(theirs)
        os.close(answers)

    def ask(self, case: dict[str, object]) -> dict[str, object]:
        """Have one case read; `crash` or `late` where no answer comes."""
        self.cases += 1
        started, data = time.monotonic(), b""
        os.write(self._requests, json.dumps(case).encode() + b"\n")
        while not data.endswith(b"\n"):
            left = started + MOST_SECONDS - time.monotonic()
            if not select.select([self._answers], [], [], max(0.0, left))[0]:
                self.end()
                return {"class": "late", "said": self._said(case), "seconds": MOST_SECONDS}
            part = os.read(self._answers, 1 << 20)
            if not part:
                status = self.end()
                how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
                return {"class": "crash", "said": f"{how} {self._said(case)}", "seconds": time.monotonic() - started}
            data += part
        return json.loads(data)

    def _said(self, case: dict[str, object]) -> str:
        log = Path(str(case["folder"])) / "said.txt"
        return log.read_text("utf-8", "replace")[-2000:] if log.is_file() else ""

    def end(self) -> int:
        """End it, and whatever it started; return how it ended."""
        os.close(self._requests)
        os.close(self._answers)
        ended, status = os.waitpid(self.process, os.WNOHANG)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)
        if not ended:
            _, status = os.waitpid(self.process, 0)
        self.ended, self.cases = True, CASES_EACH
        return status


def warm_up() -> None:
    """Load what every case would load: modules, the model, the dictionary, a voice."""
    import importlib
    import pkgutil

    import phonolips

    for module in pkgutil.walk_packages(phonolips.__path__, "phonolips."):
        if not module.name.startswith(("phonolips.training.", "phonolips.evaluation.", "phonolips.__main__")):
            importlib.import_module(module.name)
    import av  # noqa: F401
    import soundfile  # noqa: F401
    import torch

    from phonolips.speech.text.g2p import text_to_phones
    from phonolips.training import reader_network, settings  # noqa: F401

    torch.set_num_threads(1)
    phonolips.from_text("bin zyxgrb")
    text_to_phones("zwölf", language="de")


def main() -> None:
    """Answer a line with a line until standard input ends."""
    from fuzz.seeds import make_seeds

    seeds = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warm_up()
        make_seeds(seeds)
    answers.write(json.dumps({"class": "ready"}) + "\n")
    child = None
    for line in sys.stdin:
        if child is None or child.cases >= CASES_EACH:
            if child is not None and not child.ended:
                child.end()
            child = Child(seeds)
        answers.write(json.dumps(child.ask(json.loads(line))) + "\n")
    if child is not None and not child.ended:
        child.end()


if __name__ == "__main__":
    main()
