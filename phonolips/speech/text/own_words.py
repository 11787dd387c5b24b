"""A user's own words and their phones: dictionaries in the format of the Montreal Forced Aligner, or a mapping.

A line is a word and its phones, with a tab or spaces between, and between word and phones up to four probabilities. The
phones are ARPAbet, with or without stress, or where one of them is not, IPA.

    phonolips     F OW1 N OW0 L IH2 P S
    gif   0.7     JH IH1 F
    New York      N UW1 Y AO1 R K
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from phonolips.checks import check_path, shown
from phonolips.errors import InputError
from phonolips.phones.inventory import PHONE_IDS, is_silence, strip_stress
from phonolips.phones.labels import read_ipa
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.text.lexicon import Phones, pronunciations
from phonolips.speech.text.markup.pronunciation import read_arpabet_phones
from phonolips.speech.text.markup.script import FIRST_MARK, MARK, MARKS, MOST_MARKS, End, Script, Span, spans_of
from phonolips.speech.text.word_parts import with_s

Lexicon = str | os.PathLike[str] | Mapping[str, str | Sequence[str]]

MOST_PROBABILITIES = 4  # of a pronunciation, and of the silence around it
LONGEST_ENTRY = 60  # characters of a word, or of several
_COMMENTS = (";;;", "##", "# ", "#\t")
_PROBABILITY = re.compile(r"\d*\.?\d+(?:[eE][-+]?\d+)?", re.ASCII)
_ARPABET = re.compile(r"[A-Za-z]{1,3}[0-2]?")
_VARIANT = re.compile(r"(?<=.)\(\d+\)$")  # as CMUdict writes it: word(2)
_WORD = rf"[^\W_{MARKS}]+(?:['’][^\W_{MARKS}]+)*"
_PLAIN_WORD = re.compile(_WORD)
_HYPHENATED = re.compile(rf"{_WORD}(?:-{_WORD})*")
_START = re.compile(r"(?<!\w)\S")  # where a word, or a sign of one, may begin


class Entry(NamedTuple):
    """A word as it is written, its phones, where they are from, and how probable they are (0 to 1)."""

    written: str
    phones: Phones
    source: str
    probability: float = 1.0


class OwnWords:
    """Entries by what they are written as; capitals count only where two words differ in nothing else."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        self._lengths: list[int] = []  # of the entries that are no single plain word, the longest first

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return (entry for same in self._entries.values() for entry in same.values())

    def add(self, entry: Entry) -> None:
        """Add an entry; of several for one word the most probable stays, and of equal ones the first."""
        key = _fold(entry.written)
        same = self._entries.setdefault(key, {})
        known = same.get(entry.written)
        if known is None or entry.probability > known.probability:
            same[entry.written] = entry
        if not _PLAIN_WORD.fullmatch(key) and len(key) not in self._lengths:
            self._lengths = sorted((*self._lengths, len(key)), reverse=True)

    def update(self, other: "OwnWords") -> None:
        """Add the entries of words that are not here."""
        for key in other._entries.keys() - self._entries.keys():
            for entry in other._entries[key].values():
                self.add(entry)

    def find(self, written: str) -> Entry | None:
        """Return the entry of a word as it stands in a text; also of its possessive or plural."""
        exact = self._find_exact(written)
        if exact is not None:
            return exact
        folded = _fold(written)
        for ending in ("'s", "s", "'"):
            entry = self._find_exact(written[: -len(ending)]) if folded.endswith(ending) else None
            if entry is not None and not (
                ending == "s" and pronunciations(folded)
            ):  # bus is no plural of a user's "bu"
                return entry if ending == "'" else entry._replace(phones=with_s(entry.phones))
        return None

    def _find_exact(self, written: str) -> Entry | None:
        same = self._entries.get(_fold(written))
        if not same:
            return None
        return same.get(written) or next(iter(same.values()))

    def mark(self, script: Script) -> Script:
        """Give the words of a script that are the user's their phones, except where the script itself gives them."""
        if not self._entries:
            return script
        marker = _Marker(script)
        written: list[str] = []
        for piece, spans in spans_of(script):
            otherwise = MARK.fullmatch(piece) or any(span.phones or span.spelled for span in spans)
            written.append(piece if otherwise else self._mark_piece(piece, marker))
        return script._replace(text="".join(written), events=tuple(marker.events))

    def _mark_piece(self, piece: str, marker: "_Marker") -> str:
        """Mark the words of a stretch of text; of several entries that begin at one place the longest counts."""
        folded = _fold(piece)
        if len(folded) != len(piece):  # a letter whose small form is two characters
            folded = piece
        written: list[str] = []
        done = 0
        for found in _START.finditer(piece):
            start = found.start()
            if start < done:
                continue
            end = self._end_of_odd(folded, start)
            if not end:
                word = _HYPHENATED.match(piece, start)
                end = word.end() if word else start
            written += (piece[done:start], self._mark_word(piece[start:end], marker))
            done = end
        written.append(piece[done:])
        return "".join(written)

    def _mark_word(self, word: str, marker: "_Marker") -> str:
        """Mark a word that has an entry; one of several parts, of which some have, becomes several words."""
        entry = self.find(word) if word and marker.has_room else None
        if entry is not None:
            return marker.mark(Span(phones=entry.phones, source=entry.source)) + word + marker.mark(End())
        parts = word.split("-")
        if len(parts) == 1 or not _HYPHENATED.fullmatch(word) or not any(self.find(part) for part in parts):
            return word
        return " ".join(self._mark_word(part, marker) for part in parts)

    def _end_of_odd(self, folded: str, start: int) -> int:
        """Return where an entry of several words, or with other signs, ends that begins at a place; 0 = none does."""
        for length in self._lengths:
            end = start + length
            if folded[start:end] not in self._entries or _goes_on(folded, end):
                continue
            possessive = folded.startswith("'s", end) and not _goes_on(folded, end + 2)
            return end + 2 if possessive else end
        return 0


class _Marker:
    """Marks that are added to those of a script."""

    def __init__(self, script: Script) -> None:
        self.events = list(script.events)
        self._places = {event: place for place, event in enumerate(self.events)}

    @property
    def has_room(self) -> bool:
        """Whether two more events can have marks."""
        return len(self.events) < MOST_MARKS - 1

    def mark(self, event: Span | End) -> str:
        """Return the mark of an event."""
        if event not in self._places:
            self._places[event] = len(self.events)
            self.events.append(event)
        return chr(FIRST_MARK + self._places[event])


def _fold(written: str) -> str:
    """Write a word as entries are compared: small letters, plain apostrophes and spaces."""
    return re.sub(r"\s", " ", written.lower().replace("’", "'"))


def _goes_on(text: str, place: int) -> bool:
    """Return whether the word before a place goes on there."""
    return place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


LexiconArgument = Lexicon | Sequence[str | os.PathLike[str]] | OwnWords | None


def read_lexicon(lexicon: LexiconArgument) -> OwnWords:
    """Read a user's words.

    Args:
        lexicon: a file or several, of which an earlier one wins; or words with their phones,
            `{"gif": "JH IH1 F"}`; None = no words.

    Raises:
        InputError: a file that cannot be read, or the line of one that is no word with its phones.
    """
    if isinstance(lexicon, OwnWords):
        return lexicon
    words = OwnWords()
    if lexicon is None:
        return words
    if isinstance(lexicon, Mapping):
        for word, phones in lexicon.items():
            if not isinstance(word, str) or not word.strip():
                raise InputError(f"`lexicon` has the word {shown(word)}; expected a text such as 'gif'")
            written = phones.split() if isinstance(phones, str) else list(phones)
            words.add(_entry(word, [str(phone) for phone in written], 1.0, "lexicon", "`lexicon`"))
        return words
    paths = [lexicon] if isinstance(lexicon, str | os.PathLike) else lexicon
    if not isinstance(paths, Sequence):
        raise InputError(f"`lexicon` is {shown(lexicon)}; expected a file, or a mapping from words to phones")
    for path in paths:
        file = OwnWords()
        _read_file(check_path(path, "lexicon", "a file with a word and its phones a line"), file)
        words.update(file)
    return words


def _read_file(path: Path, words: OwnWords) -> None:
    """Read one dictionary."""
    from phonolips.speech.text.files import read_text_file

    for number, line in enumerate(read_text_file(path, "a lexicon, a word and its phones a line").split("\n"), start=1):
        if not line.strip() or line.startswith(_COMMENTS):
            continue
        where = f"{path}, line {number}"
        word, columns = _split_line(line, where)
        probability = 1.0
        for place in range(min(MOST_PROBABILITIES, len(columns))):
            if not _PROBABILITY.fullmatch(columns[0]):
                break
            value = float(columns.pop(0))
            if place == 0 and value > 1:
                raise InputError(f"{where}: probability {value:g}; expected 0 to 1, or phones")
            probability = value if place == 0 else probability
        words.add(_entry(word, columns, probability, path.name, where))


def _split_line(line: str, where: str) -> tuple[str, list[str]]:
    """Cut a line into the word and the columns after it; several words end at a tab or two spaces."""
    line = line.rstrip()
    word, mark, rest = line.partition("\t")
    if not mark:
        found = re.split(r"\s{2,}", line, maxsplit=1)
        several = len(found) == 2 and " " in found[0] and not _has_phones(found[0])
        word, rest = found if several else [*line.split(maxsplit=1), ""][:2]
    word = _VARIANT.sub("", word.strip())
    if not any(character.isalnum() for character in word):
        raise InputError(f"{where}: {word[:40]!r} is no word; expected a word, a tab and its phones: gif\tJH IH1 F")
    return word, rest.partition("#")[0].split() if "#" in rest else rest.split()


def _has_phones(text: str) -> bool:
    """Return whether what stands before two spaces is a word with its first phones."""
    return any(strip_stress(part) in PHONE_IDS for part in text.split()[1:])


def _entry(word: str, phones: list[str], probability: float, source: str, where: str) -> Entry:
    """Make an entry of the phones of a word as they are written; raise InputError."""
    if len(word) > LONGEST_ENTRY:
        raise InputError(f"{where}: the word has {len(word)} characters; expected at most {LONGEST_ENTRY}")
    if not phones:
        raise InputError(f"{where}: {word!r} has no phones; expected a word, a tab and its phones: gif\tJH IH1 F")
    silent = next((phone for phone in phones if is_silence(phone)), None)
    if silent is not None:
        raise InputError(f"{where}: {word!r} has {silent!r} among its phones; expected phones that are said")
    marked = any(phone[-1] in "012" for phone in phones) or all(phone.isupper() for phone in phones)
    if marked and all(_ARPABET.fullmatch(phone) for phone in phones):
        try:
            return Entry(word, read_arpabet_phones(phones), source, probability)
        except InputError as error:
            raise InputError(f"{where}: {word!r}: {error}") from error
    try:
        found = tuple(each for phone in phones for each in _ipa_phones(phone))
    except InputError as error:
        raise InputError(f"{where}: {word!r}: {error}") from error
    if not found:
        raise InputError(f"{where}: {word!r} has no phones that are said; expected such as JH IH1 F")
    return Entry(word, found, source, probability)


def _ipa_phones(written: str) -> Phones:
    """Read one IPA phone as aligners write it, or a whole word of them; raise InputError."""
    if len(written) > LONGEST_ENTRY:
        raise InputError(f"{written[:20]!r}... is no phone; expected ARPAbet or IPA, with spaces between the phones")
    reading = read_ipa(written, english=True)
    return ipa_to_phones(written) if reading is None else reading.phones
