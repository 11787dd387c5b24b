"""Which kind of text it is, and the script that it makes."""

import re
from collections import Counter
from pathlib import Path

from phonolips.checks import check_text
from phonolips.errors import InputError, did_you_mean
from phonolips.speech.text.markup.html import decode_entities, is_html, read_html
from phonolips.speech.text.markup.script import MARK, Script
from phonolips.speech.text.markup.ssml import SSML_TAG, read_ssml
from phonolips.speech.text.markup.subtitles import SUBTITLE_LINE, read_subtitles

AUTO, PLAIN = "auto", "plain"
TEXT_FORMATS = (AUTO, PLAIN, "ssml", "html", "markdown", "srt", "vtt", "screenplay")
SUFFIXES = {
    ".ssml": "ssml", ".html": "html", ".htm": "html", ".xhtml": "html", ".md": "markdown", ".markdown": "markdown",
    ".srt": "srt", ".vtt": "vtt", ".fountain": "screenplay",
}  # fmt: skip
_VTT = re.compile(r"\ufeff?WEBVTT(?:[ \t\n]|$)")


def check_format(text_format: str) -> str:
    """Return the name of a format, one of TEXT_FORMATS; raise InputError for another."""
    name = check_text(text_format, "text_format", "'ssml'").lower()
    if name not in TEXT_FORMATS:
        raise InputError(
            f"text_format {text_format[:40]!r}; expected one of {', '.join(TEXT_FORMATS)}"
            f"{did_you_mean(text_format, TEXT_FORMATS)}"
        )
    return name


def format_of_file(path: Path | str) -> str:
    """Return the format that a file's suffix names; "auto" where it names none."""
    return SUFFIXES.get(Path(path).suffix.lower(), AUTO)


def recognise(text: str) -> str:
    """Return the format of a text that says itself which it is; "plain" where it does not."""
    from phonolips.speech.text.markup.markdown import UNMISTAKABLE
    from phonolips.speech.text.markup.screenplay import SCENE_HEADING

    if _VTT.match(text):
        return "vtt"
    if "-->" in text and SUBTITLE_LINE.search(text):
        return "srt"
    if "<" in text:
        if SSML_TAG.search(text):
            return "ssml"
        if is_html(text):
            return "html"
    if UNMISTAKABLE.search(text):
        return "markdown"
    return "screenplay" if SCENE_HEADING.search(text) else PLAIN


def read_script(text: str, text_format: str = AUTO, *, language: str = "en-us") -> Script:
    """Read a text as a script: what is to be said, and the instructions for it.

    Args:
        text: of any kind.
        text_format: one of TEXT_FORMATS; "auto" = as the text says itself, and otherwise plain.
        language: of the words, as espeak names it.

    Raises:
        InputError: no such format, or the text is not what the format expects.
    """
    name = check_format(text_format)
    if name == AUTO:
        name = recognise(text)
    text = text.removeprefix("\ufeff")
    if name == PLAIN:
        return Script(MARK.sub("", decode_entities(text)), (), Counter())
    if name == "ssml":
        return read_ssml(text, language=language)
    if name == "html":
        return read_html(text)
    if name in ("srt", "vtt"):
        return read_subtitles(text, vtt=name == "vtt")
    if name == "markdown":
        from phonolips.speech.text.markup.markdown import read_markdown

        return read_markdown(text)
    from phonolips.speech.text.markup.screenplay import read_screenplay

    return read_screenplay(text)
