"""What several commands share: options, checks of files, and how files are reported."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from phonolips.errors import InputError, MissingToolError

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
AudioStream = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Which sound of a file that has several; the first is 0, as in FFmpeg's 0:a:0. [default: the file's own "
        "default]",
    ),
]
Tier = Annotated[
    str | None,
    typer.Option(
        help="Phone tier of the TextGrid, by name or number; or phones=NAME,words=NAME. [default: found by its name]"
    ),
]
TierSpeaker = Annotated[
    str | None, typer.Option(help="Whose tiers of the TextGrid, where it holds those of several speakers.")
]


def parse_emphasis(words: Sequence[str]) -> dict[str, float]:
    """Read what a user writes, `blue` or `blue=1.5`; raise InputError.

    Returns:
        word in lower case -> factor; 1.3 where none is given.
    """
    from phonolips.lips.motion import DEFAULT_EMPHASIS, LEAST_EMPHASIS, MOST_EMPHASIS, is_factor

    found: dict[str, float] = {}
    for text in words:
        word, _, factor = text.partition("=")
        try:
            value = float(factor) if factor else DEFAULT_EMPHASIS
        except ValueError:
            value = float("nan")
        if not word.strip() or not is_factor(value):
            raise InputError(
                f"--emphasis {text!r}; expected a word, or WORD=FACTOR with a factor from {LEAST_EMPHASIS} to "
                f"{MOST_EMPHASIS:.0f}, such as blue=1.5"
            )
        found[word.strip().lower()] = value
    return found


def print_files(files: list[Path]) -> None:
    """Print a path a line."""
    for file in files:
        typer.echo(str(file))


def need(package: str, what: str) -> None:
    """Raise MissingToolError where a package of the training extra is not installed."""
    import importlib.util

    if importlib.util.find_spec(package) is None:
        raise MissingToolError(f"{what} needs {package}; install it with: pip install 'phonolips[train]'")
