"""SSML 1.1 (W3C, 2010), and what cloud voices take for it.

The parser is expat, told of no document type: a text that declares entities is refused, so none can grow. Bare `&` and
`<` that cannot begin a tag are taken as people mean them; anything else that is not well-formed is an error.
"""

import re
from collections.abc import Mapping
from html.entities import html5
from xml.parsers import expat

from phonolips.errors import InputError, did_you_mean
from phonolips.speech.text.markup.pronunciation import ALPHABETS, read_pronunciation
from phonolips.speech.text.markup.say_as import write_as
from phonolips.speech.text.markup.script import (
    FASTEST,
    LONGEST_BREAK_SECONDS,
    SLOWEST,
    Break,
    End,
    Script,
    ScriptWriter,
    Span,
)

# The standard leaves these to the voice. Rates are those of Azure's voices, the only ones that state them.
BREAK_SECONDS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.0}
RATES = {"x-slow": 0.5, "slow": 0.64, "medium": 1.0, "default": 1.0, "fast": 1.55, "x-fast": 2.0}
EMPHASIS = {"strong": 1.5, "moderate": 1.3, "none": 1.0, "reduced": 0.7}
DEEPEST = 100  # tags inside each other; people nest five

# Elements whose words are said as they are.
_PLAIN = frozenset(("speak", "token", "w", "mark", "audio", "voice", "lang", "p", "s", "paragraph", "sentence"))
_SILENT = frozenset(("desc", "metadata", "meta", "lexicon", "lookup"))  # what is in them is not to be said
_WITHOUT_EFFECT = frozenset(("audio", "voice", "lexicon", "lookup"))  # on lips; named in the warning
_TAGS = _PLAIN | _SILENT | {"break", "emphasis", "prosody", "phoneme", "say-as", "sub"}
_OUTER = "phonolips"  # what is wrapped around the text, so that it may have words outside <speak>

# Tags that HTML does not have, by which SSML without <speak> is told.
SSML_TAG = re.compile(
    r"<(?:speak|emphasis|prosody|phoneme|say-as|voice|break|amazon:[\w-]+|mstts:[\w-]+|google:[\w-]+)(?=[\s/>])"
    r"|<sub\s+alias\s*=|<lang\s+xml:lang\s*="
)
_PROLOG = re.compile(r"\s*<\?xml[^<>]*\?>")
_DOCTYPE = re.compile(r"<!DOCTYPE[^<>\[]*>")
_DECLARATION = re.compile(r"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST)")
_ENTITY = re.compile(r"&(?:#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|([A-Za-z][A-Za-z0-9]{1,31};))?")
_NO_TAG = re.compile(r"<(?![A-Za-z_/!?])")
_CDATA = re.compile(r"(<!\[CDATA\[(?:[^\]]|\](?!\]>))*\]\]>)")
_XML_ENTITIES = frozenset(("lt;", "gt;", "amp;", "quot;", "apos;"))
_TIME = re.compile(r"\+?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s?(ms|s)", re.ASCII)
_NUMBER = re.compile(r"([+-]?)(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})(%?)", re.ASCII)


def read_ssml(text: str, *, language: str = "en-us") -> Script:
    """Read SSML; words outside <speak> are said, too.

    Args:
        text: a document or a piece of one.
        language: of the words, as espeak names it.

    Raises:
        InputError: not well-formed, nested over DEEPEST deep, a document type with declarations, a value that a tag
            cannot have, a break beyond LONGEST_BREAK_SECONDS.
    """
    prolog = _PROLOG.match(text)
    if prolog:
        text = "\n" * prolog[0].count("\n") + text[prolog.end() :]
    text = _DOCTYPE.sub(lambda found: "\n" * found[0].count("\n"), text)
    declared = _DECLARATION.search(text)
    if declared:
        line = text.count("\n", 0, declared.start()) + 1
        raise InputError(f"SSML, line {line}: {declared[0]} declares entities, which are refused; leave it out")
    text = _as_people_mean_it(text)
    reader = _SsmlReader(language)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    reader.parser = parser
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.say
    try:
        parser.Parse(f"<{_OUTER}>{text}</{_OUTER}>".encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise InputError(_broken(error, reader)) from error
    return reader.writer.finish()


def _as_people_mean_it(text: str) -> str:
    """Write entities, bare & and < as expat reads them, outside of CDATA sections."""
    end = text.rfind("]]>") + 3 if "]]>" in text else 0  # no section ends behind it: nothing is searched to the end
    parts = _CDATA.split(text[:end])
    parts[-1] += text[end:]
    parts[::2] = [_NO_TAG.sub("&lt;", _ENTITY.sub(_plain_entity, part)) for part in parts[::2]]
    return "".join(parts)


def _plain_entity(found: re.Match[str]) -> str:
    """Write an entity as expat knows it: HTML's named ones by number, and a bare & as one."""
    name = found[1]
    if found[0] == "&":
        return "&amp;"
    if name is None:
        digits = found[0][2:-1]
        code = int(digits[1:], 16) if digits[0] in "xX" else int(digits)
        allowed = code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0x110000
        return f"&#{code};" if allowed and code not in (0xFFFE, 0xFFFF) else " "
    if name in _XML_ENTITIES:
        return found[0]
    return "".join(f"&#{ord(character)};" for character in html5[name]) if name in html5 else f"&amp;{found[0][1:]}"


def _broken(error: expat.ExpatError, reader: "_SsmlReader") -> str:
    """Say what is not well-formed, where, and what to do."""
    what = expat.errors.messages.get(error.code, "not well-formed")
    advice = "close every tag (<break/>), and put values in quotes"
    open_tag = next(reversed(reader.open_tags), "")
    if error.code == expat.errors.codes[expat.errors.XML_ERROR_TAG_MISMATCH] and open_tag not in ("", _OUTER):
        advice = f"<{open_tag}> is not closed: expected </{open_tag}>, or <{open_tag} .../>"
    return f"SSML, line {error.lineno}: {what}; {advice}; or have it said as it stands, with `text_format` plain"


class _SsmlReader:
    """What expat tells of a document, written as a script."""

    def __init__(self, language: str) -> None:
        self.writer = ScriptWriter()
        self.open_tags: list[str] = []
        self.parser: expat.XMLParserType
        self._language = language
        self._ends: list[bool] = []  # whether each open tag opened a span
        self._silent = 0  # tags around that are not said
        self._say_as: tuple[str, str, list[str]] | None = None  # what to say as, its format, the words so far

    def say(self, words: str) -> None:
        """Take words; white space and line ends are one space."""
        if self._silent:
            return
        words = re.sub(r"\s+", " ", words)
        if self._say_as is not None:
            self._say_as[2].append(words)
        else:
            self.writer.say(words)

    def start(self, tag: str, values: Mapping[str, str]) -> None:
        """Take the beginning of a tag."""
        name = tag.lower()
        if len(self.open_tags) > DEEPEST:
            raise self._error(f"tags inside each other, over {DEEPEST} deep; expected fewer")
        self.open_tags.append(tag)
        span = None
        if not self._silent:
            given = {key.lower(): value.strip() for key, value in values.items()}
            if self._say_as is None:
                span = self._begin(tag, name, given)
            elif name != "break":
                self.writer.ignored[f"<{tag}> inside <say-as>"] += 1
        self._ends.append(span is not None)
        if span is not None:
            self.writer.mark(span)
        self._silent += name in _SILENT or name == "sub"

    def end(self, tag: str) -> None:
        """Take the end of a tag."""
        name = tag.lower()
        self.open_tags.pop()
        self._silent -= name in _SILENT or name == "sub"
        if name == "say-as" and self._say_as is not None and "say-as" not in map(str.lower, self.open_tags):
            kind, form, words = self._say_as
            self._say_as = None
            if not write_as(self.writer, kind, "".join(words), form, self._language):
                self.writer.ignored[f"say-as {kind or 'without interpret-as'}"] += 1
        if self._ends.pop():
            self.writer.mark(End())
        if name in ("p", "s", "paragraph", "sentence") and not self._silent and self._say_as is None:
            self.writer.paragraph()

    def _error(self, message: str) -> InputError:
        return InputError(f"SSML, line {self.parser.CurrentLineNumber}: {message}")

    def _begin(self, tag: str, name: str, given: dict[str, str]) -> Span | None:
        """Obey the beginning of a tag; return the span that it opens, if any."""
        ignored = self.writer.ignored
        if name == "break":
            self.writer.mark(Break(self._break_seconds(given)))
        elif name == "emphasis":
            return Span(emphasis=self._choose(given.get("level", "moderate"), EMPHASIS, "emphasis level"))
        elif name == "prosody":
            for key in given.keys() - {"rate"}:
                ignored[f"prosody {key}"] += 1
            return self._rate(given["rate"]) if "rate" in given else None
        elif name == "phoneme":
            return self._phoneme(given)
        elif name == "sub":
            self.writer.say(given.get("alias", ""))
            if "alias" not in given:
                raise self._error('<sub> has no alias; expected <sub alias="what is said">')
        elif name == "say-as":
            self._say_as = (given.get("interpret-as", "").lower(), given.get("format", "").lower(), [])
        elif name in ("p", "s", "paragraph", "sentence"):
            self.writer.paragraph()
            return self._language_span(given)
        elif name in ("speak", "lang", "voice"):
            if name in _WITHOUT_EFFECT:
                ignored[f"<{tag}>"] += 1
            return self._language_span(given)
        elif name in _WITHOUT_EFFECT or (name not in _TAGS and tag != _OUTER):
            ignored[f"<{tag}>"] += 1
        return None

    def _language_span(self, given: Mapping[str, str]) -> Span | None:
        code = given.get("xml:lang", given.get("language", ""))
        return Span(language=code) if code else None

    def _choose(self, value: str, known: Mapping[str, float], what: str) -> float:
        if value.lower() not in known:
            near = did_you_mean(value, known)
            raise self._error(f"{what} {value[:40]!r}; expected one of {', '.join(known)}{near}")
        return known[value.lower()]

    def _break_seconds(self, given: Mapping[str, str]) -> float:
        """Read how long a break is."""
        if "time" not in given:
            return self._choose(given.get("strength", "medium"), BREAK_SECONDS, "break strength")
        found = _TIME.fullmatch(given["time"])
        if found is None:
            raise self._error(f"break time {given['time'][:40]!r}; expected such as 500ms or 1.5s")
        seconds = float(found[1]) / (1000 if found[2] == "ms" else 1)
        if seconds > LONGEST_BREAK_SECONDS:
            raise self._error(f"break time {given['time'][:40]!r}; expected at most {LONGEST_BREAK_SECONDS:.0f}s")
        return seconds

    def _rate(self, value: str) -> Span:
        """Read a rate: a word, a share of the usual rate (80%, 0.8), or a change of the rate around it (+10%)."""
        if value.lower() in RATES:
            return Span(rate=RATES[value.lower()])
        found = _NUMBER.fullmatch(value)
        number = float(found[2]) / (100 if found[3] else 1) if found else 0.0
        relative = bool(found and found[1])
        if found and relative:
            number = 1 + number if found[1] == "+" else 1 - number
        if not SLOWEST <= number <= FASTEST:
            raise self._error(
                f"prosody rate {value[:40]!r}; expected one of {', '.join(RATES)}, a share such as 80% or 0.8, or a "
                f"change such as +10%, from {SLOWEST} to {FASTEST:.0f} times the usual rate"
            )
        return Span(rate=number, relative=relative)

    def _phoneme(self, given: Mapping[str, str]) -> Span | None:
        """Read the phones of a word; None where their alphabet is not known."""
        alphabet = given.get("alphabet", "ipa").lower()
        if alphabet not in ALPHABETS:
            self.writer.ignored[f"phoneme alphabet {alphabet[:20]}"] += 1
            return None
        if "ph" not in given:
            raise self._error('<phoneme> has no ph; expected <phoneme alphabet="ipa" ph="həˈloʊ">')
        try:
            phones = read_pronunciation(given["ph"], alphabet, english=self._language.startswith("en"))
        except InputError as error:
            raise self._error(f"phoneme: {error}") from error
        return Span(phones=phones, source=f"phoneme {alphabet}")
