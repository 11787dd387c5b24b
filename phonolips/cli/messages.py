"""What the command line says where something is wrong: one line on standard error, in one style.

Exit statuses: 1 where something given cannot be used or the system fails, 2 where the command line itself is wrong,
128 and the number of a signal that ended it.
"""

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import typer

from phonolips.cli.ending import BROKEN_PIPE_STATUS, flush_output
from phonolips.errors import did_you_mean, system_line

# typer brings the parser click along, and hides it; this class is the parent of all its complaints of a command line.
USAGE_ERROR: type[Any] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")

# What an option that is missing looks like, by its name, or by command and name where that is not enough.
EXAMPLES = {
    "out": "--out demo",
    "folder": "demo",
    "video": "--video talk.mp4",
    "audio": "talk.wav",
    "transcript": '--transcript "what is said in it"',
    "to": '--to "what is to be said"',
    "part": "all",
    "data": "--data prepared",
    "render out": "--out film.mp4",
    "track video": "talk.mp4",
    "track out": "--out lips.npz",
    "adapt out": "--out me.json",
    "prepare out": "--out prepared",
    "train out": "--out trained",
    "check-data data": "prepared",
}
# A call of the system with arguments that make no sense is a bug, unless it is about a file that the user named.
OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # without a file: of what is printed; files are named
BUGS = (errno.EBADF, errno.EINVAL, errno.EFAULT, errno.ENOTSOCK)


def one_line(text: str) -> str:
    """Return a text with its line breaks and other control characters as escapes: file names may hold any."""

    def shown(character: str) -> str:
        plain = character.isprintable() or "\ud800" <= character <= "\udfff"
        return character if plain else character.encode("unicode_escape").decode()

    return "".join(map(shown, text))


def report(message: str, *, kind: str = "error: ", status: int = 1) -> int:
    """Print one line on standard error; return the exit status."""
    print(f"phonolips: {kind}{one_line(message)}", file=sys.stderr)
    return status


def with_flags(message: str, command: Any, words: list[str]) -> str:
    """Return a message with the flags of a command in the place of the arguments that the library names.

    The library begins with the name of an argument, or writes it between backticks; where the command has an option
    for it, people know it by that.

    Args:
        message: of an error or a warning.
        command: the whole command line, as typer makes it.
        words: those of the user; the first one is the command.
    """
    chosen = getattr(command, "commands", {}).get(words[0]) if words else None
    parameters = chosen.params if chosen is not None else ()
    flags = {each.name: each.opts[0] for each in parameters if each.opts[0].startswith("-")}
    if message.partition(": ")[0] not in words:  # else it begins with a path that the user gave
        message = re.sub(r"^(\w+)(?= )", lambda found: flags.get(found[1], found[0]), message)
    return re.sub(r"`(\w+)`", lambda found: flags.get(found[1], found[0]), message)


def report_system(error: OSError) -> int:
    """Report what the system refused, with the file that it is about; raise the error where it is a bug of ours."""
    with contextlib.suppress(OSError):
        flush_output()
    if error.errno == errno.EPIPE and error.filename is None:
        return BROKEN_PIPE_STATUS
    if error.filename is None and (error.errno is None or error.errno in BUGS):
        raise error
    if error.filename is None and error.errno in OUTPUT:
        error = OSError(error.errno, error.strerror, "standard output")
    return report(system_line(error))


def report_usage(error: Any, command: Any, words: list[str]) -> int:
    """Report a command line that cannot be read, with the nearest that can; return the exit status 2.

    Args:
        error: a USAGE_ERROR.
        command: the whole command line, as typer makes it.
        words: those of the user; the first one is the command.
    """
    kind, context = type(error).__name__, error.ctx
    if kind == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return int(error.exit_code)
    name = words[0] if words and words[0] in command.commands else ""
    path = f"phonolips {name}".strip()
    if kind == "NoSuchOption":
        message = _no_such_option(error, path)
    elif kind == "MissingParameter":
        message = _missing(error, name)
    elif kind == "BadParameter" and error.param is not None:
        message = f"{_shown(error.param)}: {error.message}"
    elif context is not None and error.message.startswith("No such command"):
        found = error.message.split("'")[1] if "'" in error.message else ""
        message = f"no command {found!r}{did_you_mean(found, context.command.commands)}"
    elif context is not None and "unexpected extra argument" in error.message:
        message = _extra(error, name)
    else:
        message = error.format_message()
    message = message.rstrip(".")
    return report(f"{message}{' See' if message.endswith('?') else '; see'} '{path} --help'", status=2)


def _shown(parameter: Any) -> str:
    """Return how a user writes an option, or an argument."""
    return str(parameter.opts[0] if parameter.opts[0].startswith("-") else parameter.name.upper())


def _flags(command: Any) -> Iterator[str]:
    for parameter in command.params:
        yield from (name for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("-"))


def _no_such_option(error: Any, path: str) -> str:
    """Say that there is no such option, and which one is near; or which commands have it."""
    name, context = error.option_name, error.ctx
    if context is None:
        return str(error.format_message())
    near = did_you_mean(name, [*_flags(context.command), "--help"])
    others = getattr(context.parent.command, "commands", {}) if context.parent is not None else {}
    having = [other for other, command in others.items() if name in _flags(command)]
    if having and context.parent is not None:
        near = f"; {' and '.join(having)} {'has' if len(having) == 1 else 'have'} it"
    return f"'{path}' has no option {name}{near}"


def _missing(error: Any, command: str) -> str:
    """Say which option is missing, what it is, and how it looks."""
    parameter = error.param
    example = EXAMPLES.get(f"{command} {parameter.name}") or EXAMPLES.get(parameter.name)
    what = (parameter.help or "").split(";")[0].split(". ")[0].rstrip(".")
    what = what[:1].lower() + what[1:] if what[1:2].islower() or what[1:2] == " " else what
    return f"{command} needs {_shown(parameter)}, {what}{f', such as: {example}' if example else ''}"


def _extra(error: Any, command: str) -> str:
    """Say that there is a word too many, and what it may have been meant for."""
    extra = re.sub(r".*\((.*)\)\.?$", r"\1", error.message, flags=re.S)
    hint = f"; did you mean --audio {extra}?" if os.path.exists(extra) else f'; did you mean --text "{extra}"?'
    return f"unexpected {extra!r}{hint if command == 'synth' else ''}"
