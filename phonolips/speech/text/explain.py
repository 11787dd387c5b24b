"""What a text is said as: every word with its phones and where they came from, for people and for programs."""

import json
import unicodedata
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from phonolips.errors import InputError, PhonolipsWarning, did_you_mean
from phonolips.speech.text.agreement import agreements
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.text.markup.read import AUTO, read_script
from phonolips.speech.text.own_words import LexiconArgument
from phonolips.speech.words import CUE, SpokenWord

FORMATS = ("table", "json", "tsv", "dict")
_WIDEST = 24  # characters of a word in the table; a longer one makes its own line wider


class ExplainedWord(NamedTuple):
    """A spoken word or pause, and what was written for it; "" where the word before it was written for both."""

    written: str
    spoken: SpokenWord


class Explanation(NamedTuple):
    """How a text is said, and what was warned of."""

    words: list[ExplainedWord]
    warnings: list[str]

    def write(self, form: str) -> str:
        """Write it in one of FORMATS; raise InputError for another."""
        if form not in FORMATS:
            raise InputError(f"format {form!r}; expected one of {', '.join(FORMATS)}{did_you_mean(form, FORMATS)}")
        if form == "json":
            return json.dumps({"words": [_as_json(word) for word in self.words], "warnings": self.warnings}, indent=1)
        if form == "dict":
            said = (word.spoken for word in self.words if word.spoken.word)
            return "\n".join(dict.fromkeys(f"{word.word}\t{' '.join(word.phones)}" for word in said))
        rows = [_row(word) for word in self.words]
        if form == "tsv":
            return "\n".join("\t".join(row) for row in [("written", "spoken", "phones", "source", "how"), *rows])
        return _table([("WRITTEN", "SPOKEN", "PHONES", "SOURCE", "HOW"), *rows])


def explain_text(
    text: str, *, language: str = "en-us", lexicon: LexiconArgument = None, text_format: str = AUTO
) -> Explanation:
    """Find what a text is said as; arguments and errors of `text_to_phones`, whose warnings are kept, too."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PhonolipsWarning)
        words = text_to_phones(text, language=language, lexicon=lexicon, text_format=text_format)
    plain = read_script(text, text_format, language=language).plain
    kept = [str(item.message) for item in caught if issubclass(item.category, PhonolipsWarning)]
    return Explanation(_with_written(plain.split(), words), list(dict.fromkeys(kept)))


def _with_written(written: Sequence[str], words: Sequence[SpokenWord]) -> list[ExplainedWord]:
    """Put each written word beside the spoken ones that it became; where they differ, up to where they agree again."""
    keys = [_key(word) for word in written]
    parts = [(place, part) for place, word in enumerate(words) for part in word.word.split()]
    places = [place for place, _ in parts]
    said = [_key(part) for _, part in parts]
    beside: dict[int, str] = {}
    at, spoken = 0, 0
    for more_written, more_spoken, _ in agreements(keys, said):
        if more_spoken:
            _join(beside, places[spoken], " ".join(written[at : at + more_written]))
        at, spoken = at + more_written, spoken + more_spoken
    return [ExplainedWord(beside.get(place, ""), word) for place, word in enumerate(words)]


def _join(beside: dict[int, str], place: int, written: str) -> None:
    """Put a written word beside a spoken one, after those that are there."""
    beside[place] = f"{beside.get(place, '')} {written}".strip()


def _key(word: str) -> str:
    """Reduce a word to its letters, to compare how it is written with how it is spoken."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKC", word.lower()) if letter.isalnum())
    return plain or word


def _row(word: ExplainedWord) -> tuple[str, str, str, str, str]:
    """Write the cells of a word."""
    spoken = word.spoken
    if not spoken.word:
        name = f"(until {spoken.at:.3f} s)" if spoken.at is not None else f"(pause {spoken.pause_seconds:.2f} s)"
        return word.written, name, "sil", spoken.source, ""
    how = []
    if spoken.rate != 1.0:
        how.append(f"rate {spoken.rate:.2g}")
    if spoken.emphasis != 1.0:
        how.append(f"emphasis {spoken.emphasis:.2g}")
    if spoken.language:
        how.append(f"language {spoken.language}")
    return word.written, spoken.word, " ".join(spoken.phones), spoken.source, ", ".join(how)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Write rows of cells in columns."""
    widths = [max(min(len(row[column]), _WIDEST) for row in rows) for column in range(len(rows[0]))]
    widths[2] = max(min(len(row[2]), 2 * _WIDEST) for row in rows)
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _as_json(word: ExplainedWord) -> dict[str, Any]:
    """Return a word as a program reads it."""
    spoken = word.spoken
    if not spoken.word:
        pause: dict[str, Any] = {"pause_seconds": spoken.pause_seconds, "source": spoken.source or "punctuation"}
        return pause | ({"until_seconds": spoken.at} if spoken.source == CUE else {})
    return {
        "written": word.written,
        "word": spoken.word,
        "phones": list(spoken.phones),
        "source": spoken.source,
        "rate": spoken.rate,
        "emphasis": spoken.emphasis,
        "language": spoken.language,
    }
