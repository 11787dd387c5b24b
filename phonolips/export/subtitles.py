"""Subtitles (SubRip, .srt): words grouped into what people read at one glance, or one word at a time."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from phonolips.errors import InputError
from phonolips.export.writing import new_text_file
from phonolips.phones.intervals import Interval

if TYPE_CHECKING:
    from phonolips.synth.result import Result

# What broadcasters ask for: two lines of 42 letters, from one to six seconds
LINE_LETTERS = 42
MOST_SECONDS = 6.0
LEAST_SECONDS = 1.0
PAUSE_SECONDS = 0.5  # a pause this long ends a subtitle
LINGER_SECONDS = 0.3  # how long a subtitle stays after its last word, where nothing follows
PAUSE_WORTH = 2.0  # shares of the text that a break may be off the middle, for each second of pause at it


class Subtitle(NamedTuple):
    """One or two lines of text, shown over [start, end), in seconds."""

    text: str
    start: float
    end: float


def write_srt(result: "Result", path: Path) -> None:
    """Write the words as subtitles of one or two lines.

    Raises:
        InputError: the words are not known.
    """
    _write(subtitles(words_of(result)), path)


def write_srt_words(result: "Result", path: Path) -> None:
    """Write a subtitle a word, with the word's own times.

    Raises:
        InputError: the words are not known.
    """
    _write([Subtitle(word.label, word.start, word.end) for word in words_of(result)], path)


def subtitles(words: Sequence[Interval]) -> list[Subtitle]:
    """Group words into subtitles.

    A pause of half a second ends one. What is then longer than two lines of 42 letters or six seconds is halved,
    and its halves if need be, at the word edge that is nearest to the middle and has the longest pause. Each
    stays on for a second at least and a little after its last word, but not into the next one.
    """
    groups: list[list[Interval]] = []
    for word in words:
        if groups and word.start - groups[-1][-1].end < PAUSE_SECONDS:
            groups[-1].append(word)
        else:
            groups.append([word])
    parts = [part for group in groups for part in _halve(group)]
    starts = [part[0].start for part in parts[1:]] + [float("inf")]
    return [
        Subtitle(
            _lines([word.label for word in part]),
            part[0].start,
            min(following, max(part[-1].end + LINGER_SECONDS, part[0].start + LEAST_SECONDS)),
        )
        for part, following in zip(parts, starts, strict=True)
    ]


def words_of(result: "Result") -> list[Interval]:
    """Return the words of a result; raise InputError where they are not known."""
    words = result.need_alignment().speech_words()
    if not words:
        raise InputError(
            f"{result.name}: its words are not known; find their times with 'phonolips align' and "
            "keep that TextGrid beside it as phones.TextGrid"
        )
    return words


def _halve(words: list[Interval]) -> list[list[Interval]]:
    """Split until every part fits."""
    if len(words) == 1 or (_fits([w.label for w in words]) and words[-1].end - words[0].start <= MOST_SECONDS):
        return [words]
    whole = sum(len(word.label) + 1 for word in words)

    def badness(split: int) -> float:
        left = sum(len(word.label) + 1 for word in words[:split])
        return abs(2 * left - whole) / whole - PAUSE_WORTH * (words[split].start - words[split - 1].end)

    split = min(range(1, len(words)), key=badness)
    return _halve(words[:split]) + _halve(words[split:])


def _fits(words: Sequence[str]) -> bool:
    return max(map(len, _lines(words).split("\n"))) <= LINE_LETTERS


def _lines(words: Sequence[str]) -> str:
    """Join words into one line, or two of nearly the same length."""
    text = " ".join(words)
    if len(text) <= LINE_LETTERS or len(words) == 1:
        return text
    pairs = [(" ".join(words[:split]), " ".join(words[split:])) for split in range(1, len(words))]
    return "\n".join(min(pairs, key=lambda pair: max(map(len, pair))))


def _write(shown: Sequence[Subtitle], path: Path) -> None:
    with new_text_file(path) as file:
        for number, item in enumerate(shown, start=1):
            file.write(f"{number}\n{_clock(item.start)} --> {_clock(item.end)}\n{item.text}\n\n")


def _clock(seconds: float) -> str:
    """Write seconds as SubRip does: 00:01:02,345."""
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d},{milliseconds % 1000:03d}"
