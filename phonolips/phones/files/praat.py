"""Praat's TextGrids: long and short text, one line or many, binary, alone or in a collection.

Praat's text files are a row of numbers, "strings" and <flags>; whatever else stands between them (`xmin =`,
`intervals [1]:`, comments after `!`) is for people. So one reader serves the long form, the short one and any layout of
either. (praatio, which writes our TextGrids, reads by lines: it drops minus signs, takes no comments and no
exponents, and returns what it has where a short file is cut.)
"""

import re
import struct
from typing import NamedTuple

from phonolips.errors import InputError
from phonolips.phones.files.tiers import MOST_INTERVALS, MOST_TIERS, Tier, Tiers, to_seconds
from phonolips.phones.intervals import EDGE_TOLERANCE_SECONDS, Interval

BINARY_MAGIC = b"ooBinaryFile"
KIND = "TextGrid"
BROKEN = "not a TextGrid that can be read"
TOO_MANY = f"holds more than {MOST_INTERVALS:,} intervals; is it an alignment?"
INTERVALS, POINTS = "IntervalTier", "TextTier"

_TOKEN = re.compile(
    r"""\s+ | ![^\r\n]*                           # white space, comments
    | "(?P<string>(?:[^"]++|"")*+)"
    | <(?P<flag>[A-Za-z]+)>
    | \[[^]"\r\n]*\]:?                            # the number of an item, of an interval
    | (?P<word>[^\s="<![]+) | [=!<[] | (?P<open>")
    """,
    re.VERBOSE,
)
# An interval as Praat writes it, in the long form or the short one: read at once, which halves the time.
_INTERVAL = re.compile(
    r"\s*(?:intervals ?\[[0-9]+\]:?\s+xmin = )?([0-9]+(?:\.[0-9]+)?)\s+(?:xmax = )?([0-9]+(?:\.[0-9]+)?)\s+"
    r'(?:text = )?"([^"]*)"(?!")'
)
_LIKE_NUMBER = re.compile(r"[-+]?\.?[0-9]|[-+]?(?:nan|inf)|--undefined--", re.IGNORECASE)


class _Token(NamedTuple):
    """A string, a number or a flag; `value` is the text."""

    kind: str
    value: str


_END = _Token("end", "")


def is_praat_text(text: str) -> bool:
    """Return whether a text begins as Praat's text files do."""
    return "ooTextFile" in text[:200] or re.match(r'\s*(?:Object class = )?"TextGrid"', text) is not None


def read_text(text: str) -> Tiers:
    """Read a TextGrid from Praat's text format.

    Raises:
        InputError: another kind of Praat object, a damaged or cut file, or several TextGrids in a collection.
    """
    tokens = _Tokens(text)
    head = [tokens.next() for _ in range(2)]
    if head[0].value == KIND:  # without the line that says that it is a text file
        tokens.push(head[1])
    elif head[1].kind != "string":
        raise InputError(f"{BROKEN}: the second line does not name the kind of object")
    elif head[1].value.split(" ")[0] == "Collection":
        return _read_collection(tokens)
    elif head[1].value.split(" ")[0] != KIND:
        raise InputError(
            f'holds a Praat {head[1].value[:40]!r}, not a TextGrid; in Praat, save the TextGrid: "Save as text file"'
        )
    found = _read_grid(tokens)
    left = tokens.next()
    if left is not _END:
        raise InputError(f"{BROKEN}: {left.value[:40]!r} stands where a tier or the end should")
    return found


class _Tokens:
    """The tokens of a text in order, one of which can be given back."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._kept: list[_Token] = []

    def next(self) -> _Token:
        """Return the next token, `_END` at the end."""
        if self._kept:
            return self._kept.pop()
        while self._position < len(self._text):
            found = _TOKEN.match(self._text, self._position)
            assert found is not None  # every character begins one of the alternatives
            self._position = found.end()
            kind, part = found.lastgroup, found[0]
            if kind == "string":
                return _Token("string", found["string"].replace('""', '"'))
            if kind == "word" and _LIKE_NUMBER.match(part):
                return _Token("number", part)
            if kind == "flag":
                return _Token("flag", found["flag"])
            if kind == "open":
                line = self._text.count("\n", 0, found.start()) + 1
                raise InputError(f"{BROKEN}: the quote in line {line} is never closed; cut short?")
        return _END

    def interval(self) -> Interval | None:
        """Return the next interval where its three tokens stand as Praat writes them, else None."""
        found = None if self._kept else _INTERVAL.match(self._text, self._position)
        if found is None:
            return None
        self._position = found.end()
        return Interval(found[3].strip(), float(found[1]), float(found[2]))

    def push(self, token: _Token) -> None:
        """Give a token back; it comes next."""
        self._kept.append(token)

    def take(self, kind: str, what: str) -> str:
        """Return the next token's value; raise InputError where it is of another kind."""
        token = self.next()
        if token.kind != kind:
            found = "the end of the file" if token is _END else f"{token.value[:40]!r}"
            cut = "; the file is cut short" if token is _END else ""
            raise InputError(f"{BROKEN}: expected {what}, found {found}{cut}")
        return token.value

    def seconds(self, what: str) -> float:
        """Return the next token, a time; NaN where it is written as one."""
        return to_seconds(self.take("number", what))

    def count(self, what: str) -> int:
        """Return the next token, a count."""
        text = self.take("number", what)
        if not (text.isascii() and text.isdigit()):
            raise InputError(f"{BROKEN}: {what} is {text[:40]!r}; expected a whole number")
        return int(text[:18])  # more digits than any count has


def _read_grid(tokens: _Tokens) -> Tiers:
    """Read what stands after the kind of object: times, flag, tiers."""
    start, end = tokens.seconds("the beginning (xmin)"), tokens.seconds("the end (xmax)")
    flag = tokens.take("flag", "<exists> (are there tiers?)")
    if flag.lower() != "exists":
        return Tiers(KIND, (), start, end)
    size = tokens.count("the number of tiers")
    tiers: list[Tier] = []
    room = MOST_INTERVALS
    while (token := tokens.next()).kind == "string" and token.value in (INTERVALS, POINTS):
        tier = _read_tier(tokens, token.value, room)
        tiers.append(tier)
        room -= len(tier.intervals)
        if len(tiers) > MOST_TIERS:
            raise InputError(f"holds more than {MOST_TIERS} tiers; is it an alignment?")
    if token is not _END:
        tokens.push(token)
    if len(tiers) < size:
        raise InputError(f"{BROKEN}: says {size} tiers, and holds {len(tiers)}; cut short?")
    return Tiers(KIND, tiers, start, end)


def _read_tier(tokens: _Tokens, kind: str, room: int) -> Tier:
    """Read a tier's intervals or points: all that are there; where it says more, they must reach its end."""
    name = tokens.take("string", "a tier's name").strip()
    tokens.seconds(f"the beginning of tier {name!r}")
    end = tokens.seconds(f"the end of tier {name!r}")
    size = tokens.count(f"the number of intervals of tier {name!r}")
    intervals: list[Interval] = []
    last = end
    while True:
        while kind == INTERVALS and (interval := tokens.interval()) is not None:
            intervals.append(interval)
            last = interval.end
            if len(intervals) > room:
                raise InputError(TOO_MANY)
        if (token := tokens.next()).kind != "number":
            break
        first = last = to_seconds(token.value)
        if kind == INTERVALS:
            last = tokens.seconds(f"the end of interval {len(intervals) + 1} of tier {name!r}")
        label = tokens.take("string", f"the label of interval {len(intervals) + 1} of tier {name!r}")
        intervals.append(Interval(label.strip(), first, last))
        if len(intervals) > room:
            raise InputError(TOO_MANY)
    if token is not _END:
        tokens.push(token)
    cut = token is _END and (kind == POINTS or not last >= end - EDGE_TOLERANCE_SECONDS or not intervals)
    if len(intervals) < size and cut:
        raise InputError(
            f"{BROKEN}: tier {name!r} says {size} intervals, and holds {len(intervals)}; is the file cut short?"
        )
    return Tier(name, intervals if kind == INTERVALS else (), kind == POINTS)


def _read_collection(tokens: _Tokens) -> Tiers:
    """Read the only TextGrid among the objects of a collection."""
    found: Tiers | None = None
    names: list[str] = []
    before = _END
    while (token := tokens.next()) is not _END:
        if before == ("string", KIND) and token.kind == "string":
            names.append(token.value)
            grid = _read_grid(tokens)
            found = found or grid
            token = _END
        before = token
    if found is None:
        raise InputError("a Praat collection without a TextGrid; in Praat, save the TextGrid alone")
    if len(names) > 1:
        raise InputError(
            f"a Praat collection of {len(names)} TextGrids: {', '.join(names[:12])}; save one of them alone"
        )
    return found


# ---------------------------------------------------------------- binary


def read_binary(data: bytes) -> Tiers:
    """Read a TextGrid from Praat's binary format ("Save as binary file").

    Raises:
        InputError: another kind of object, or a damaged or cut file.
    """
    cursor = _Cursor(data, len(BINARY_MAGIC))
    kind = cursor.text(cursor.number(">B", 1)).split(" ")[0]
    if kind == "Collection":
        raise InputError("a Praat collection in binary; in Praat, save the TextGrid alone")
    if kind != KIND:
        raise InputError(f"holds a Praat {kind[:40]!r}, not a TextGrid")
    start, end = cursor.number(">d", 8), cursor.number(">d", 8)
    if not cursor.number(">B", 1):
        return Tiers(KIND, (), start, end)
    tiers: list[Tier] = []
    room = MOST_INTERVALS
    for _ in range(cursor.count(MOST_TIERS, "tiers")):
        kind = cursor.text(cursor.number(">B", 1)).split(" ")[0]
        if kind not in (INTERVALS, POINTS):
            raise InputError(f"{BROKEN}: a tier of kind {kind[:40]!r}")
        name = cursor.label()
        cursor.skip(16)  # the tier's own times
        intervals: list[Interval] = []
        for _ in range(cursor.count(room, "intervals")):
            first = cursor.number(">d", 8)
            last = cursor.number(">d", 8) if kind == INTERVALS else first
            intervals.append(Interval(cursor.label(), first, last))
        room -= len(intervals)
        tiers.append(Tier(name, intervals if kind == INTERVALS else (), kind == POINTS))
    return Tiers(KIND, tiers, start, end)


class _Cursor:
    """Numbers and texts of a binary file in order; InputError where it ends."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position

    def skip(self, size: int) -> bytes:
        """Return the next bytes."""
        part = self._data[self._position : self._position + size]
        if len(part) < size:
            raise InputError(f"{BROKEN}: the binary file is cut short")
        self._position += size
        return part

    def number(self, form: str, size: int) -> int | float:
        """Return the next number of a form of `struct`."""
        value: int | float = struct.unpack(form, self.skip(size))[0]
        return value

    def count(self, most: int, what: str) -> int:
        """Return the next count; raise InputError beyond `most`."""
        value = int(self.number(">i", 4))
        if not 0 <= value <= most:
            raise InputError(f"{BROKEN}: says {value} {what}; damaged")
        return value

    def text(self, size: int | float) -> str:
        """Return so many characters of one byte."""
        return self.skip(int(size)).decode("latin-1")

    def label(self) -> str:
        """Return a text with its length before it; a length of -1 says that UTF-16 follows."""
        size = int(self.number(">H", 2))
        if size != 0xFFFF:
            return self.text(size).strip()
        return self.skip(2 * int(self.number(">H", 2))).decode("utf-16-be", "replace").strip()
