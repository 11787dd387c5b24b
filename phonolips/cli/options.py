"""What several commands share: options, checks of files, and how files are reported."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from phonolips.errors import InputError, PhonolipsWarning

Out = Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")]
Model = Annotated[
    Path | None,
    typer.Option(
        help="Model folder made by 'phonolips train', or the name of one in the package: default, low-delay, "
        "low-delay-80."
    ),
]
Provider = Annotated[
    str,
    typer.Option(help="What computes the model: cpu, numpy, or another provider of your ONNX Runtime, such as cuda."),
]
Threads = Annotated[int, typer.Option(min=1, help="Threads of one computation; more help long recordings only.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes to work with.")]
Device = Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda.")]
Language = Annotated[
    str,
    typer.Option(help="The text's language: a code or a name, see 'phonolips languages'; auto: told from the text."),
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


def parse_emphasis(words: Sequence[str]) -> dict[str | int, float]:
    """Read what a user writes, `blue` or `blue=1.5`; raise InputError.

    Returns:
        word in small letters, but for one in capitals -> factor; 1.3 where none is given.
    """
    from phonolips.lips.emphasis import DEFAULT_EMPHASIS, LEAST_EMPHASIS, MOST_EMPHASIS, is_factor

    found: dict[str | int, float] = {}
    for text in words:
        word, mark, factor = text.rpartition("=")
        word, factor = (word, factor) if mark else (text, "")
        try:
            value = float(factor) if factor else DEFAULT_EMPHASIS
        except ValueError:
            value = float("nan")
        if not word.strip() or not is_factor(value):
            raise InputError(
                f"--emphasis {text!r}; expected a word, or WORD=FACTOR with a factor from {LEAST_EMPHASIS} to "
                f"{MOST_EMPHASIS:.0f}, such as blue=1.5"
            )
        word = word.strip()
        found[word if word.isupper() and len(word) > 1 else word.lower()] = value  # US is not us
    return found


def parse_articulation(text: str) -> dict[str, float] | float:
    """Read what a user writes, `1.2` or `opening=1,width=1.6`; raise InputError."""
    from phonolips.lips.measures import LIP_PARAMETERS

    expected = f"a factor, or some of {', '.join(LIP_PARAMETERS)} with theirs, such as opening=1,width=1.6"
    gains: dict[str, float] = {}
    try:
        if "=" not in text:
            return float(text)
        for part in text.split(","):
            name, _, factor = part.partition("=")
            name = name.strip().lower()
            if name not in LIP_PARAMETERS or name in gains:
                raise ValueError(name)
            gains[name] = float(factor)
    except ValueError:
        raise InputError(f"--articulation {text!r}; expected {expected}") from None
    return gains


TextFile = Annotated[
    Path | None,
    typer.Option(help="A file with the text (UTF-8, UTF-16; - is standard input).", metavar="FILE", show_default=False),
]


TextFormat = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="What the text is: plain, ssml, html, markdown, srt, vtt, screenplay; auto = as it plainly is, or as its "
        "file's name ends.",
    ),
]
LexiconFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--lexicon",
        metavar="FILE",
        help="Words of your own, a word and its phones a line (docs/scripts.md). May be repeated: the first wins.",
        show_default=False,
    ),
]


def format_of(text_format: str, text_file: Path | None) -> str:
    """Return the format that is asked for; where none is, the one that the name of the text's file says."""
    from phonolips.speech.text.markup.read import AUTO, check_format, format_of_file

    chosen = check_format(text_format)
    return format_of_file(text_file) if chosen == AUTO and text_file is not None else chosen


def text_of(text: str | None, text_file: Path | None) -> str | None:
    """Return the text that is given, or read it from its file or standard input; None where neither is given.

    Raises:
        InputError: both are given; the file cannot be read; or `text` is the name of a file, which would be spoken.
    """
    from phonolips.media.pipes import STANDARD_INPUT
    from phonolips.speech.text.files import read_text_file

    if text is not None and text_file is not None:
        raise InputError("--text and --text-file: expected one of them")
    if text_file is not None or text == STANDARD_INPUT:
        return read_text_file(text_file or STANDARD_INPUT)
    if text is not None:
        check_no_file(text, "--text", "to speak what is in it: --text-file")
    return text


def check_no_file(text: str, flag: str, instead: str) -> None:
    """Raise InputError for a text that is the name of a file, as script.txt; warn of a plain word that is one too."""
    try:
        if not text.strip() or not Path(text).is_file():
            return
    except (OSError, ValueError):  # longer than names may be, or with a NUL
        return
    if Path(text).suffix or os.sep in text:
        raise InputError(f"{flag} {text}: is a file, and its name would be taken for the words; {instead} {text}")
    message = f"{flag} {text}: there is a file of this name, too; {instead} {text}"
    warnings.warn(message, PhonolipsWarning, stacklevel=3)


def print_files(files: list[Path]) -> None:
    """Print a path a line."""
    for file in files:
        print(file, flush=True)  # typer's own output puts ? where a file's name does not fit the encoding
