"""A text whose instructions stand in it as marks, and what the instructions are.

A mark is one character of Unicode's Supplementary Private Use Area-A, so that it goes through the rules that write
numbers and abbreviations out, and stays where it stood among the words.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from phonolips.errors import InputError
from phonolips.speech.text.lexicon import Phones

FIRST_MARK, LAST_MARK = 0xF0000, 0xFFFFD
MARKS = f"{chr(FIRST_MARK)}-{chr(LAST_MARK)}"  # the range, as a set of a pattern holds it
MARK = re.compile(f"[{MARKS}]")
MOST_MARKS = LAST_MARK - FIRST_MARK + 1  # different instructions of one text
LONGEST_BREAK_SECONDS = 3600.0
LONGEST_SCRIPT_SECONDS = 4 * 3600.0  # of breaks, and of subtitles: the longest films
MOST_NAMED = 12  # kinds of what is ignored, in a warning
SLOWEST, FASTEST = 0.2, 5.0  # rates that an instruction may ask for


@dataclass(frozen=True)
class Break:
    """Silence of so many seconds; 0 takes away the pause of the punctuation beside it."""

    seconds: float


@dataclass(frozen=True)
class Cue:
    """Nothing after it is said before this time, in seconds from the start of the whole."""

    at: float


@dataclass(frozen=True)
class Span:
    """How the words up to the End that belongs to it are said; what is None or "" stays as it was.

    Args:
        rate: 2.0 is twice as fast; as a multiple of the usual rate, or where `relative` of the rate around it.
        relative: see `rate`.
        emphasis: factor of the lips' movement.
        phones: what is said in the place of all the words.
        source: where these phones came from.
        language: of the words, as a tag writes it.
        spelled: letter by letter.
    """

    rate: float | None = None
    relative: bool = False
    emphasis: float | None = None
    phones: Phones = ()
    source: str = ""
    language: str = ""
    spelled: bool = False


@dataclass(frozen=True)
class End:
    """The end of the innermost Span that is open."""


Event = Break | Cue | Span | End


class Script(NamedTuple):
    """A text with marks, and the instruction that each mark stands for.

    Args:
        text: to be said, with marks.
        events: the instruction of the mark FIRST_MARK + n at place n.
        ignored: what is not understood, or not said, and how often.
    """

    text: str
    events: tuple[Event, ...]
    ignored: Counter[str]

    @property
    def plain(self) -> str:
        """The text without its marks."""
        return MARK.sub("", self.text)

    @property
    def spans(self) -> dict[str, bool]:
        """The marks of spans, False, and of their ends, True: they change how words are said, and not which words."""
        return {
            chr(FIRST_MARK + place): isinstance(event, End)
            for place, event in enumerate(self.events)
            if isinstance(event, Span | End)
        }

    def event(self, mark: str) -> Event:
        """Return the instruction of a mark."""
        return self.events[ord(mark) - FIRST_MARK]


class ScriptWriter:
    """Write a Script from its beginning to its end."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._marks: dict[Event, str] = {}
        self._break_seconds = 0.0
        self.ignored: Counter[str] = Counter()

    def say(self, text: str) -> None:
        """Append words; characters that could be taken for marks are dropped."""
        self._parts.append(MARK.sub("", text))

    def mark(self, event: Event) -> None:
        """Append an instruction; raise InputError where there are too many, or too much silence."""
        if isinstance(event, Break):
            self._break_seconds += event.seconds
            if self._break_seconds > LONGEST_SCRIPT_SECONDS:
                raise InputError(
                    f"the breaks of the text last {self._break_seconds / 3600:.1f} hours together; expected at most "
                    f"{LONGEST_SCRIPT_SECONDS / 3600:.0f}; give the text in parts"
                )
        if event not in self._marks:
            if len(self._marks) >= MOST_MARKS:
                raise InputError(f"the text has over {MOST_MARKS:,} different instructions; give it in parts")
            self._marks[event] = chr(FIRST_MARK + len(self._marks))
        self._parts.append(self._marks[event])

    def paragraph(self) -> None:
        """Append the end of a paragraph, a pause as long as that of a sentence."""
        self._parts.append("\n\n")

    def finish(self) -> Script:
        """Return what was written."""
        return Script("".join(self._parts), tuple(self._marks), self.ignored)


def spans_of(script: Script) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Cut a script at its marks.

    Yields:
        each mark, with the spans that were open before it, and each stretch of text between marks, with the spans that
        are open there, the innermost last.
    """
    open_spans: tuple[Span, ...] = ()
    for piece in re.split(f"([{MARKS}])", script.text):
        if not piece:
            continue
        yield piece, open_spans
        if MARK.fullmatch(piece):
            event = script.event(piece)
            if isinstance(event, Span):
                open_spans = (*open_spans, event)
            elif isinstance(event, End):
                open_spans = open_spans[:-1]


def describe_ignored(ignored: Counter[str]) -> str:
    """Write what was ignored, and how often, for one warning; of many kinds the most frequent ones."""
    named = [name if count == 1 else f"{name} {count} times" for name, count in ignored.most_common(MOST_NAMED)]
    more = sum(ignored.values()) - sum(count for _, count in ignored.most_common(MOST_NAMED))
    return ", ".join(named) + (f", and {more} more" if more else "")
