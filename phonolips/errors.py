"""What can go wrong, and how it is reported.

Every expected failure is a `PhonolipsError` with a one-line message: which thing, what was found, what was
expected, and what to do next. The command line prints that line and exits with 1; any
other exception is a bug and keeps its traceback.
"""

import errno
import os
from collections.abc import Iterable


class PhonolipsError(Exception):
    """The base of every expected failure; its text is one line for the user."""


class InputError(PhonolipsError, ValueError):
    """Something that the user gave cannot be used: a file, a text, a phone, an option."""


class MissingToolError(PhonolipsError):
    """An outside program or an optional package is not installed; the text names the command that installs it."""


class CorpusError(PhonolipsError):
    """A corpus or a prepared store is not as expected."""


class CheckpointError(PhonolipsError):
    """A model file cannot be read or does not fit."""


class PhonolipsWarning(UserWarning):
    """Something was usable but odd (clipped sound, repaired frames); reported once, on one line."""


# What to do about what the system refuses.
ADVICE = {
    errno.ENOSPC: "free some space there, or write elsewhere",
    errno.EFBIG: "raise the limit (ulimit -f), or write elsewhere",
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.EROFS: "write elsewhere",
    errno.EMFILE: "raise the limit (ulimit -n)",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOMEM: "close other programs, or use a machine with more memory",
    errno.EDQUOT: "free some space there, or write elsewhere",
}


def system_line(error: OSError) -> str:
    """Return what the system refused, in one line: the file, why, and what to do about it."""
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    advice = ADVICE.get(error.errno or 0)
    return f"{where}{error.strerror or error}{f'; {advice}' if advice else ''}"


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?" with the known name that is nearest to a misspelt one; "" where none is near."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in map(str, known)}
    # 0.6, difflib's own: two letters in five may be wrong
    near = get_close_matches(found.lower(), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""
