"""Markdown, parsed by markdown-it-py (CommonMark and tables): the words, with pauses between blocks."""

import re
from typing import TYPE_CHECKING

from phonolips.errors import InputError
from phonolips.speech.text.markup.html import EMPHASIS, HtmlReader
from phonolips.speech.text.markup.script import End, Script, ScriptWriter, Span

if TYPE_CHECKING:
    from markdown_it.token import Token

# What plain text does not hold by chance, so that a text with it is Markdown: links and pictures, fences, headings,
# rules of tables, and **words** in pairs.
UNMISTAKABLE = re.compile(
    r"!?\[[^\[\]\n]+\]\((?:https?:|mailto:|[./#])[^\s()]*(?:\s\"[^\"\n]*\")?\)"
    r"|^[^\S\n]{0,3}(?:```|~~~)|^#{1,6}[^\S\n]+[^\W\d_]|^[^\S\n]*\|?[^\S\n]*:?-{3,}:?[^\S\n]*\|"
    r"|(?<![\w*])\*\*(?![\s*])[^*\n]+(?<!\s)\*\*(?![\w*])",
    re.MULTILINE,
)
DEEPEST = 100  # quotes and lists inside each other; the library's own limit is 20
_FRONT_MATTER = re.compile(r"\A\ufeff?(---|\+\+\+)[^\S\n]*\n(?:.*\n)*?\1[^\S\n]*(?:\n|\Z)")
_FOOTNOTE_TEXT = re.compile(r"^\[\^[^\[\]\n]+\]:.*(?:\n[^\S\n]+\S.*)*", re.MULTILINE)
_FOOTNOTE_SIGN = re.compile(r"\[\^[^\[\]\n]+\]")
MOST_BRACKETS = 10_000  # the time grows with their square where nothing closes them: 0.8 s for these
_TASK = re.compile(r"^\[[ xX]\]\s+")

_BLOCK_ENDS = frozenset(
    ("paragraph_close", "heading_close", "list_item_close", "tr_close", "blockquote_close", "hr", "table_close")
)
_EMPHASIS = {"em": EMPHASIS["em"], "strong": EMPHASIS["strong"]}


def read_markdown(text: str) -> Script:
    """Read the words of Markdown.

    Marks of headings, lists, links, quotes and tables are not said; blocks of code, footnotes and front matter are left
    out, and counted. `*word*` and `**word**` are emphasised. Raises InputError for over MOST_BRACKETS.
    """
    from markdown_it import MarkdownIt

    if text.count("[") > MOST_BRACKETS:
        raise InputError(
            f"the Markdown has over {MOST_BRACKETS:,} brackets; give it in parts, or with `text_format` plain"
        )

    writer = ScriptWriter()

    def leave_out(pattern: re.Pattern[str], name: str, written: str) -> str:
        kept, count = pattern.subn("", written)
        if count:
            writer.ignored[name] += count
        return kept

    text = leave_out(_FRONT_MATTER, "front matter", text)
    text = _FOOTNOTE_SIGN.sub("", leave_out(_FOOTNOTE_TEXT, "footnotes", text))
    parser = MarkdownIt("commonmark", {"maxNesting": DEEPEST}).enable(["table", "strikethrough"])
    html = HtmlReader(writer)
    for token in parser.parse(text):
        _take_block(token, writer, html)
    return writer.finish()


def _take_block(token: "Token", writer: ScriptWriter, html: HtmlReader) -> None:
    """Write one token of the document."""
    if token.type == "inline":
        children = token.children or []
        if children and children[0].type == "text":
            children[0].content = _TASK.sub("", children[0].content)
        for child in children:
            _take_inline(child, writer, html)
    elif token.type in ("fence", "code_block"):
        writer.ignored["blocks of code"] += 1
    elif token.type == "html_block":
        html.read(token.content)
    elif token.type in ("td_close", "th_close"):
        writer.say(", ")
    elif token.type in _BLOCK_ENDS:
        writer.paragraph()


def _take_inline(token: "Token", writer: ScriptWriter, html: HtmlReader) -> None:
    """Write one token of a line."""
    name, _, side = token.type.rpartition("_")
    if token.type == "softbreak":
        writer.say(" ")
    elif token.type == "hardbreak":
        html.read("<br>")
    elif token.type == "html_inline":
        html.read(token.content)
    elif token.type == "image":
        writer.say(f" {token.content} ")
    elif name in _EMPHASIS and side == "open":
        writer.mark(Span(emphasis=_EMPHASIS[name]))
    elif name in _EMPHASIS:
        writer.mark(End())
    else:  # text, code_inline, and what has no content, as link_open
        writer.say(token.content)
