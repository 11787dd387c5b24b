"""All commands, and what is said where one cannot do its work."""

import logging
import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated

import typer

from phonolips import __version__
from phonolips.cli.ending import flush_output
from phonolips.cli.languages import languages
from phonolips.cli.lips import export, plot, render
from phonolips.cli.live import live
from phonolips.cli.messages import USAGE_ERROR, report, report_system, report_usage, with_flags
from phonolips.cli.options import Model, Provider
from phonolips.cli.say import say
from phonolips.cli.studio import studio
from phonolips.cli.synth import synth
from phonolips.cli.training import check_data, evaluate, gallery, prepare, train, upgrade_model
from phonolips.cli.video import adapt, align, edit, track
from phonolips.errors import PhonolipsError, PhonolipsWarning
from phonolips.workers.processes import quiet_libraries

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


def info(model: Model = None, provider: Provider = "auto") -> None:
    """Print versions, what is installed, and what the model knows."""
    from phonolips.cli.info import describe

    typer.echo(describe(model, provider))


COMMANDS: dict[str, Callable[..., None]] = {
    "synth": synth,
    "say": say,
    "live": live,
    "render": render,
    "export": export,
    "plot": plot,
    "studio": studio,
    "edit": edit,
    "track": track,
    "adapt": adapt,
    "align": align,
    "prepare": prepare,
    "train": train,
    "evaluate": evaluate,
    "check-data": check_data,
    "gallery": gallery,
    "languages": languages,
    "info": info,
    "upgrade-model": upgrade_model,
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
        report(with_flags(str(message), typer.main.get_command(app), sys.argv[1:]), kind="warning: ")


# What had another name before, for one more release: command -> old word -> new words, None = without effect.
RENAMED: dict[str, dict[str, str | None]] = {
    "track": {"--wild": "--limits"},
    "prepare": {"--ears": "--encoder"},
    "synth": {"--seed": None, "--shut-in-silence": "--rest=shut"},
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


def _check_current_folder() -> None:
    """Raise PhonolipsError where the current folder was removed: libraries end the process over that."""
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise PhonolipsError("the current folder is not there any more; go to another one, with cd") from error


def run(words: list[str]) -> int:
    """Run a command line; return its exit status. Expected errors are one line, bugs keep their traceback."""
    warnings.showwarning = _show_warning
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
    logging.getLogger("phonolips").setLevel(logging.INFO)
    quiet_libraries()
    command = typer.main.get_command(app)
    try:
        _check_current_folder()
        with command.make_context("phonolips", use_new_names(words)) as context:
            command.invoke(context)
        flush_output()
    except typer.Exit as end:
        return end.exit_code
    except USAGE_ERROR as error:
        return report_usage(error, command, words)
    except PhonolipsError as error:
        return report(with_flags(str(error), command, words))
    except OSError as error:
        return report_system(error)
    except KeyboardInterrupt:
        return report("interrupted; run the same command again to go on", status=130, kind="")
    return 0
