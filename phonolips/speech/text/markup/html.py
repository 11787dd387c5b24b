"""HTML: the words without the tags. What is open, misspelt or half a tag is taken as browsers take it."""

import re
from html import unescape

from phonolips.speech.text.markup.script import Break, End, Script, ScriptWriter, Span

LINE_BREAK_SECONDS = 0.2  # as a comma
EMPHASIS = {"em": 1.3, "strong": 1.5}  # as the levels moderate and strong of SSML; <b> and <i> are how letters look

_BLOCKS = frozenset(
    ("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
     "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
     "html", "legend", "li", "main", "nav", "ol", "option", "p", "pre", "section", "summary", "table", "tbody",
     "tfoot", "thead", "tr", "ul")
)  # fmt: skip
_CELLS = frozenset(("td", "th"))
_INLINE = frozenset(
    ("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "col", "colgroup", "data", "del", "dfn", "em",
     "font", "i", "ins", "kbd", "label", "link", "mark", "meta", "q", "s", "samp", "small", "span", "strike",
     "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "ruby", "rb", "base", "input", "button", "source")
)  # fmt: skip
# What is in them is not said. A <title> is, where it does not stand in a <head>: it may be all that there is.
_SILENT = frozenset(("head", "iframe", "noscript", "object", "rp", "rt", "script", "style", "svg", "template"))
_NAMED = frozenset(("iframe", "object", "svg"))  # of these, what may have had words: named in the warning
KNOWN_TAGS = _BLOCKS | _CELLS | _INLINE | _SILENT | {"br", "img", "title"}

TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:_-]*)((?:[\s/][^<>]*)?)>")
_QUOTED_TAG = re.compile(  # whose values may hold a >
    r"""<(/?)([A-Za-z][A-Za-z0-9:_-]*)((?:[\s/](?:[^<>"']|"[^"<]*"|'[^'<]*')*)?)>"""
)
# A document, or tags of HTML that a plain text does not hold by chance: a pair, or a tag that has no partner.
_LONE_TAG = re.compile(r"<(?:!doctype\s+html\b|html\b|body\b|br\s*/?>|hr\s*/?>|img\s[^<>]*src\s*=)", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)'|([^\s"'<>]+))""", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def decode_entities(text: str) -> str:
    """Decode `&lt;`, `&nbsp;`, `&#39;` and the like; what has no semicolon stays as it is."""
    return _ENTITY.sub(lambda found: unescape(found[0]), text)


def is_html(text: str) -> bool:
    """Return whether a text plainly holds HTML: a document, <br>, or a known tag with its closing one."""
    if _LONE_TAG.search(text):
        return True
    found: tuple[set[str], set[str]] = (set(), set())
    for match in TAG.finditer(text):
        found[bool(match[1])].add(match[2].lower())
    return bool(found[0] & found[1] & KNOWN_TAGS)


def read_html(text: str) -> Script:
    """Read the words of HTML, whole or a piece of it."""
    reader = HtmlReader(ScriptWriter())
    reader.read(text)
    return reader.writer.finish()


class HtmlReader:
    """Write what HTML says to a script; a piece goes on where the one before ended.

    Args:
        writer: to write to.
    """

    def __init__(self, writer: ScriptWriter) -> None:
        self.writer = writer
        self._silent: list[str] = []  # tags around that are not said
        self._emphasised: list[str] = []

    def read(self, text: str) -> None:
        """Read a piece; every character is looked at once or twice."""
        self._ends: dict[str, bool] = {}  # what is looked for, and is not there any more
        position = 0
        while position < len(text):
            start = text.find("<", position)
            start = len(text) if start < 0 else start
            self._say(text[position:start])
            position = self._read_tag(text, start) if start < len(text) else start

    def _say(self, words: str) -> None:
        if words and not self._silent:
            self.writer.say(re.sub(r"\s+", " ", decode_entities(words)))

    def _read_tag(self, text: str, start: int) -> int:
        """Read what begins with "<" at `start`; return the place after it."""
        for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<!", ">"), ("<?", ">")):
            if text.startswith(opening, start):
                end = self._find(text, closing, start)
                return len(text) if end < 0 else end + len(closing)
        found = _QUOTED_TAG.match(text, start) or TAG.match(text, start)
        if found is None:
            self._say("<")
            return start + 1
        self._take(bool(found[1]), found[2].lower(), found[3])
        if found[2].lower() in ("script", "style") and not found[1]:
            end = self._find(text, f"</{found[2]}", found.end())
            return len(text) if end < 0 else end
        return found.end()

    def _find(self, text: str, wanted: str, start: int) -> int:
        """Find a text from `start` on; -1 where it is not there, which is looked for only once."""
        if self._ends.get(wanted):
            return -1
        place = text.find(wanted, start)
        self._ends[wanted] = place < 0
        return place

    def _take(self, closing: bool, name: str, attributes: str) -> None:
        """Obey a tag."""
        if name in _SILENT:
            if closing and name in self._silent:
                while self._silent.pop() != name:
                    pass
            elif not closing and not attributes.rstrip().endswith("/"):
                self._silent.append(name)
                if name in _NAMED:
                    self.writer.ignored[f"<{name}>"] += 1
            return
        if self._silent:
            return
        if name in EMPHASIS:
            self._emphasise(closing, name)
        elif name in _BLOCKS:
            self.writer.paragraph()
        elif name in _CELLS:
            self.writer.say(", ")
        elif name == "br":
            self.writer.mark(Break(LINE_BREAK_SECONDS))
        elif name == "img" and not closing and (alt := _ALT.search(attributes)):
            self._say(f" {alt[1] or alt[2] or alt[3] or ''} ")
        elif name not in KNOWN_TAGS and not closing:
            self.writer.ignored[f"<{name[:40]}>"] += 1

    def _emphasise(self, closing: bool, name: str) -> None:
        """Open or close an emphasis; one inside another is one."""
        if not closing:
            self._emphasised.append(name)
            if len(self._emphasised) == 1:
                self.writer.mark(Span(emphasis=EMPHASIS[name]))
        elif self._emphasised:
            self._emphasised.pop()
            if not self._emphasised:
                self.writer.mark(End())
