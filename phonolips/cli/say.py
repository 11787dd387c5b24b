"""The command that shows how a text is said, without saying it."""

import warnings
from typing import Annotated

import typer

from phonolips.cli.options import Language, LexiconFiles, TextFile, TextFormat, format_of, text_of
from phonolips.errors import InputError, PhonolipsWarning


def say(
    words: Annotated[
        str | None, typer.Argument(help="The text; - reads it from standard input.", metavar="TEXT")
    ] = None,
    text: Annotated[str | None, typer.Option(help="The same, as for 'phonolips synth'.")] = None,
    text_file: TextFile = None,
    text_format: TextFormat = "auto",
    language: Language = "en-us",
    lexicon: LexiconFiles = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="table; json; tsv; dict, a lexicon to correct and give back with --lexicon.",
            metavar="NAME",
        ),
    ] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show the words and phones that a text is said as, and where each came from; nothing is spoken or written.

    SOURCE is the dictionary, letters, a file of --lexicon, espeak and the like; HOW is what mark-up asks for.
    To correct a word: phonolips say "my gif" --format dict > my.dict, edit it, and give it to synth with --lexicon.
    """
    if words is not None and text is not None:
        raise InputError("the text is given twice; expected it once, with or without --text")
    found = text_of(text if words is None else words, text_file)
    if found is None:
        raise InputError('expected a text or --text-file, such as: phonolips say "Dr. Smith has 3 cats."')
    show_said(found, text_format=format_of(text_format, text_file), language=language, lexicon=lexicon, form=form,
              as_json=as_json)  # fmt: skip


def show_said(
    text: str, *, text_format: str, language: str, lexicon: LexiconFiles, form: str = "table", as_json: bool = False
) -> None:
    """Print how a text is said; what is wrong with it is warned of on standard error."""
    from phonolips.speech.text.explain import explain_text

    found = explain_text(text, language=language, lexicon=lexicon, text_format=text_format)
    print(found.write("json" if as_json else form), flush=True)
    for line in found.warnings:
        warnings.warn(line, PhonolipsWarning, stacklevel=2)
