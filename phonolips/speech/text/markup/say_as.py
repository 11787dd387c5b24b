"""What <say-as> asks for, written so that the rules for plain text read it in that way."""

import re
from collections.abc import Callable

from phonolips.speech.text.english import MONTHS
from phonolips.speech.text.markup.script import Break, End, ScriptWriter, Span

BLEEP_SECONDS = 0.5  # of silence in the place of an expletive
# Signs that are spelled out; others have no name here and are left out.
_SIGNS = {
    "-": "dash", "_": "underscore", ".": "dot", ",": "comma", "/": "slash", "\\": "backslash", "@": "at", "#": "hash",
    "+": "plus", "=": "equals", "*": "star", "&": "and", "%": "percent", "!": "exclamation mark", "?": "question mark",
    ":": "colon", ";": "semicolon", "'": "apostrophe", "$": "dollar", "(": "open parenthesis",
    ")": "close parenthesis", "~": "tilde", "|": "pipe", "<": "less than", ">": "greater than", '"': "quote",
}  # fmt: skip
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MOST_DIGITS = 15  # of a number in words; a longer one is read digit by digit
# Which parts of a date come in which order, as SSML's examples name the formats.
_DATE_FORMATS = ("mdy", "dmy", "ymd", "md", "dm", "ym", "my", "d", "m", "y", "ydm")


def write_as(writer: ScriptWriter, kind: str, words: str, form: str, language: str) -> bool:
    """Write words as <say-as> wants them; return False where it wants something that is not known: plain, then.

    Args:
        writer: to write to.
        kind: the value of `interpret-as`.
        words: inside the tag.
        form: the value of `format`.
        language: of the words.
    """
    words = words.strip()
    if kind in ("expletive", "bleep"):
        writer.mark(Break(BLEEP_SECONDS))
        return True
    if kind in ("characters", "spell-out", "verbatim", "letters"):
        _spell(writer, words, language)
        return True
    if kind in _READERS and language.startswith("en"):
        writer.say(f" {_READERS[kind](words, form)} ")
        return True
    if kind in ("digits", "telephone"):
        writer.say(" " + " ".join(re.findall(r"\d|[^\W\d_]+", words)) + " ")
        return True
    writer.say(words)
    return kind in _READ_AS_WRITTEN or kind in ("cardinal", "number")


def _spell(writer: ScriptWriter, words: str, language: str) -> None:
    """Write every letter, digit and sign by its name."""
    english = language.startswith("en")
    writer.mark(Span(spelled=True))
    for character in words:
        if character.isalpha():
            writer.say(f" {character} ")
        elif character.isdecimal():
            writer.say(f" {_DIGITS[int(character)] if english else character} ")
        elif english and character in _SIGNS:
            writer.say(f" {_SIGNS[character]} ")
    writer.mark(End())


def _number_words(value: int, to: str = "cardinal") -> str:
    from num2words import num2words

    return str(num2words(value, lang="en", to=to)).replace("-", " ").replace(",", "")


def _digits(words: str, form: str = "") -> str:
    """Read every digit by itself."""
    return re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", words)


def _whole(words: str, to: str) -> str:
    """Read a whole number in words; anything else stays as it is."""
    plain = re.sub(r"(?<=\d)[,\s](?=\d{3})", "", words)
    found = re.fullmatch(r"(-?)(\d+)(?:st|nd|rd|th)?", plain, re.ASCII)
    if found is None:
        return words
    if len(found[2]) > _MOST_DIGITS:
        return _digits(words)
    return ("minus " if found[1] else "") + _number_words(int(found[2]), to)


def _cardinal(words: str, form: str) -> str:
    return _whole(words, "cardinal")


def _ordinal(words: str, form: str) -> str:
    return _whole(words, "ordinal")


def _telephone(words: str, form: str) -> str:
    """Read digit by digit, with a short pause between groups."""
    groups = re.findall(r"\+?\d+|[^\W\d_]+", words)
    return ", ".join(_digits(group.replace("+", "plus ")).strip() for group in groups)


def _year(year: str) -> str:
    return _number_words(int(year), "year" if len(year) == 4 else "cardinal")


def _date(words: str, form: str) -> str:
    """Read a date whose parts are numbers in the order that the format states; otherwise as it is written."""
    numbers = re.findall(r"\d+", words) if form else []
    if form == "ymd" and len(numbers) == 1 and len(numbers[0]) == 8:
        numbers = [numbers[0][:4], numbers[0][4:6], numbers[0][6:]]
    if form not in _DATE_FORMATS or len(numbers) != len(form) or re.search(r"[^\W\d_]", words):
        return words
    parts = dict(zip(form, numbers, strict=True))
    day, month, year = (parts.get(part, "") for part in "dmy")
    if (month and not 1 <= int(month) <= 12) or (day and not 1 <= int(day) <= 31) or len(year) > 4:
        return words
    ordinal = _number_words(int(day), "ordinal") if day else ""
    name = MONTHS[int(month) - 1] if month else ""
    day_first = bool(day and month) and form.index("d") < form.index("m")
    said = f"the {ordinal} of {name}" if day_first else f"{name} {ordinal}"
    return f"{said} {_year(year) if year else ''}".strip()


_READERS: dict[str, Callable[[str, str], str]] = {
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "digits": _digits,
    "number_digit": _digits,
    "telephone": _telephone,
    "date": _date,
}
# What the rules for plain text read: 2:30pm, 5 km, 1/2, $5.
_READ_AS_WRITTEN = frozenset(
    ("time", "unit", "fraction", "currency", "address", "name", "interjection", "text", "net", "math", "duration")
)
