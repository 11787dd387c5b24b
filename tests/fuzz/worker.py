"""The process in which inputs are read: it loads everything once, then forks for every case, with limits.

It takes a JSON line a case on standard input, `{"kind", "seed", "index", "folder"}`, and answers with one: `class`,
`said`, `seconds`, `bytes`.
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
    random = Random(f"{case['seed']} {case['kind']} {case['index']}")
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
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"class": found, "said": said, "seconds": time.monotonic() - started, "bytes": grown}


def _limit(base: int) -> None:
    most = base + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def used_address_space() -> int:
    """Return the bytes of address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _child(case: dict[str, object], seeds: Path, answer: int) -> None:
    os.setsid()
    log = os.open(Path(str(case["folder"])) / "said.txt", os.O_WRONLY | os.O_CREAT, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    _limit(used_address_space())
    result = run_case(case, seeds)
    data = json.dumps(result).encode()
    while data:
        data = data[os.write(answer, data) :]


def _fork(case: dict[str, object], seeds: Path) -> dict[str, object]:
    ours, theirs = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            os.close(ours)
            _child(case, seeds, theirs)
        finally:
            os._exit(0)
    os.close(theirs)
    parts, late = [], False
    while not late:
        left = started + MOST_SECONDS - time.monotonic()
        ready, _, _ = select.select([ours], [], [], max(0.0, left))
        late = not ready
        part = os.read(ours, 1 << 20) if ready else b""
        if not part:
            break
        parts.append(part)
    os.close(ours)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL) if late else None
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it started
    said = (Path(str(case["folder"])) / "said.txt").read_text("utf-8", "replace")[-2000:]
    if late:
        return {"class": "late", "said": said, "seconds": MOST_SECONDS}
    if not parts:
        how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
        return {"class": "crash", "said": f"{how} {said}", "seconds": time.monotonic() - started}
    return json.loads(b"".join(parts))


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
    for line in sys.stdin:
        answers.write(json.dumps(_fork(json.loads(line), seeds)) + "\n")


if __name__ == "__main__":
    main()
