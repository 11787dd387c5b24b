"""What several commands share: options, checks of files, and how files are reported."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonolips.errors import InputError, MissingToolError

if TYPE_CHECKING:
    from phonolips.model.speakers import LipSpeaker

Out = Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")]
Model = Annotated[
    Path | None,
    typer.Option(help="Model folder made by 'phonolips train'. [default: the one in the package]"),
]
Jobs = Annotated[int, typer.Option(min=1, help="Processes to work with.")]
Device = Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda.")]
Language = Annotated[
    str, typer.Option(help="Language of words that the English dictionary does not know, as espeak names it.")
]


def existing_file(path: Path, what: str) -> Path:
    """Return a file that is there; raise InputError for another."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected {what}")
    return path


def read_speaker_option(name: str | None) -> "str | LipSpeaker | None":
    """Read a speaker's file where the name is one."""
    if name is None or not name.endswith(".json"):
        return name
    from phonolips.model.speakers import read_speaker

    return read_speaker(Path(name))


def print_files(files: list[Path]) -> None:
    """Print a path a line."""
    for file in files:
        typer.echo(str(file))


def need(package: str, what: str) -> None:
    """Raise MissingToolError where a package of the training extra is not installed."""
    import importlib.util

    if importlib.util.find_spec(package) is None:
        raise MissingToolError(f"{what} needs {package}; install it with: pip install 'phonolips[train]'")
