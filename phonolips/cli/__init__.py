"""The command line: every command is one function call, and every flag one of its arguments."""

import logging
import re
import sys
import warnings
from collections.abc import Callable
from typing import Annotated

import typer

from phonolips import __version__
from phonolips.cli.lips import export, plot, render
from phonolips.cli.options import Model
from phonolips.cli.synth import synth
from phonolips.cli.training import check_data, evaluate, gallery, prepare, train
from phonolips.cli.video import adapt, align, edit, track
from phonolips.errors import PhonolipsError, PhonolipsWarning

app = typer.Typer(
    name="phonolips",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    help=(
        "Speech or text to lip movement, through phones that you can see and edit.\n\n"
        'Start here:  phonolips synth --text "bin blue at f two now" --out demo'
    ),
)


def info(model: Model = None) -> None:
    """Print versions, what is installed, and what the model knows."""
    from phonolips.cli.info import describe

    typer.echo(describe(model))


COMMANDS: dict[str, Callable[..., None]] = {
    "synth": synth,
    "render": render,
    "export": export,
    "plot": plot,
    "edit": edit,
    "track": track,
    "adapt": adapt,
    "align": align,
    "prepare": prepare,
    "train": train,
    "evaluate": evaluate,
    "check-data": check_data,
    "gallery": gallery,
    "info": info,
}
for name, command in COMMANDS.items():
    app.command(name)(command)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Speech or text to lip movement."""
    if version:
        typer.echo(f"phonolips {__version__}")
        raise typer.Exit


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    if issubclass(category, PhonolipsWarning):
        print(f"phonolips: warning: {with_flags(str(message), sys.argv[1:])}", file=sys.stderr)


# What had another name in version 0.1, for one more release: command -> old word -> new word, None = without effect.
RENAMED: dict[str, dict[str, str | None]] = {
    "track": {"--wild": "--limits"},
    "prepare": {"--ears": "--encoder"},
    "synth": {"--seed": None},
}


def use_new_names(words: list[str]) -> list[str]:
    """Return a command line with today's names; warn of old ones, which go in the next release."""
    renamed = RENAMED.get(words[0], {}) if words else {}
    result: list[str] = words[:1]
    rest = iter(words[1:])
    for word in rest:
        name, mark, value = word.partition("=")
        if name not in renamed:
            result.append(word)
            continue
        new = renamed[name]
        said = f"is now called {new}" if new else "has no effect: nothing is drawn at random"
        warnings.warn(
            f"{words[0]} {name} {said}; the old name goes in the next release", PhonolipsWarning, stacklevel=2
        )
        if new is not None:
            result.append(new + mark + value)
        elif not mark:
            next(rest, None)
    return result


def with_flags(message: str, words: list[str]) -> str:
    """Return a message with the flags of a command in the place of the arguments that the library names.

    The library begins with the name of an argument, or writes it between backticks; where the command has an option
    for it, people know it by that.
    """
    commands = getattr(typer.main.get_command(app), "commands", {})
    command = commands.get(words[0]) if words else None
    parameters = command.params if command is not None else ()
    flags = {each.name: each.opts[0] for each in parameters if each.opts[0].startswith("-")}
    if message.partition(": ")[0] not in words:  # else it begins with a path that the user gave
        message = re.sub(r"^(\w+)(?= )", lambda found: flags.get(found[1], found[0]), message)
    return re.sub(r"`(\w+)`", lambda found: flags.get(found[1], found[0]), message)


def main() -> None:
    """Run the command line; expected errors are one line and exit code 1, bugs keep their traceback."""
    warnings.showwarning = _show_warning
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
    logging.getLogger("phonolips").setLevel(logging.INFO)
    try:
        app(use_new_names(sys.argv[1:]))
    except PhonolipsError as error:
        print(f"phonolips: error: {with_flags(str(error), sys.argv[1:])}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        print(f"phonolips: error: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("phonolips: interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
