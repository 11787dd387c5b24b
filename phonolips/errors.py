"""What can go wrong, and how it is reported.

Every expected failure is a `PhonolipsError` with a one-line message: which thing, what was found, what was
expected, and what to do next. The command line prints that line and exits with 1; any
other exception is a bug and keeps its traceback.
"""

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


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?" with the known name that is nearest to a misspelt one; "" where none is near."""
    from difflib import get_close_matches

    names = {name.lower(): name for name in map(str, known)}
    # 0.6, difflib's own: two letters in five may be wrong
    near = get_close_matches(found.lower(), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""
