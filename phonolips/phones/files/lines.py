"""Files with an interval a line: HTK's .lab and .mlf, TIMIT's .phn, xlabel's .lab, Kaldi's CTM, Audacity's labels."""

import re
from collections.abc import Sequence

from phonolips.errors import InputError
from phonolips.phones.files.tiers import MOST_INTERVALS, MOST_TIERS, NUMBER, Tier, Tiers, to_seconds
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import is_silence

HTK_UNITS_PER_SECOND = 10_000_000
TIMIT_SAMPLE_RATE = 16_000
# Whole numbers are HTK's units of 100 ns or TIMIT's samples; the mean label tells: 80 ms are 800,000 units or 1,280
# samples. The limit lies midway (geometrically): labels of 3.2 ms on average, or of 2 s.
LEAST_HTK_UNITS = 32_000
MLF_HEADER = "#!MLF!#"
HEADER_LINES = 30  # within which xlabel's line "#" stands
_CENTRE = re.compile(r"(?:.*?-)?([^-+]+)\+.*|.*-([^-+]+)")  # of HTK's triphones, l-c+r


class _Row:
    """The columns of a line, and its number in the file."""

    def __init__(self, number: int, line: str) -> None:
        self.number = number
        tabs = [part.strip() for part in line.split("\t")]
        self.columns = tabs if len(tabs) > 2 and " " not in tabs[0] else line.split()

    def is_number(self, place: int) -> bool:
        """Return whether a column is there and holds a number."""
        return place < len(self.columns) and NUMBER.fullmatch(self.columns[place]) is not None


def read_lines(text: str) -> Tiers | None:
    """Read a file with an interval a line; None where it is none of the kinds.

    Raises:
        InputError: it is one of them, and a line of it cannot be read, or it holds several recordings' worth of lines
            beyond the bounds.
    """
    if text.lstrip().startswith(MLF_HEADER):
        return _read_mlf(text)
    rows = [_Row(number, line) for number, line in _numbered(text)]
    if not rows:
        return None
    header = next((row for row in rows[:HEADER_LINES] if row.columns == ["#"]), None)
    if header is not None:
        return _read_xlabel([row for row in rows if row.number > header.number])
    first = rows[0]
    if first.is_number(2) and first.is_number(3) and len(first.columns) >= 5:
        return _read_ctm(rows)
    if not (first.is_number(0) and first.is_number(1)):
        return None
    if all(re.fullmatch(r"[0-9]+", column) for row in rows for column in row.columns[:2]):
        return Tiers("an HTK or TIMIT label file", _whole_numbers(rows, ""))
    phones = [_interval(row, 1.0, row.columns[2] if len(row.columns) > 2 else None) for row in rows]
    return Tiers("a label file", [Tier("phones", phones)])


def _numbered(text: str) -> list[tuple[int, str]]:
    """List the lines that hold something, without comments of CTM and Audacity's lines of frequencies."""
    check_lines(text)
    return [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith((";;", "\\"))
    ]


def check_lines(text: str) -> None:
    """Raise InputError for more lines than any alignment has intervals; nothing is split for that."""
    if text.count("\n") + text.count("\r") > 2 * MOST_INTERVALS:
        raise InputError(f"holds more than {MOST_INTERVALS:,} lines; is it an alignment?")


def _interval(row: _Row, units: float, label: str | None) -> Interval:
    """Read start, end and label of a line."""
    if label is None or not (row.is_number(0) and row.is_number(1)):
        raise InputError(f"line {row.number}: {' '.join(row.columns)[:60]!r}; expected start, end and label")
    return Interval(label, to_seconds(row.columns[0]) / units, to_seconds(row.columns[1]) / units)


def _whole_numbers(rows: Sequence[_Row], whose: str) -> list[Tier]:
    """Read HTK's lines (start, end, label, perhaps score and word) or TIMIT's (start, end, label)."""
    for row in rows:
        _interval(row, 1.0, row.columns[2] if len(row.columns) > 2 else None)
    span = float(rows[-1].columns[1]) - float(rows[0].columns[0])
    is_htk = span / len(rows) >= LEAST_HTK_UNITS
    units = HTK_UNITS_PER_SECOND if is_htk else TIMIT_SAMPLE_RATE
    phones: list[Interval] = []
    words: list[Interval] = []
    for row in rows:
        label = row.columns[2]
        if is_htk and re.fullmatch(r"s[0-9]+|.+\[[0-9]+\]", label):
            raise InputError(f"line {row.number}: {label!r} is a state of a model; write phones (HVite without -f)")
        found = _CENTRE.fullmatch(label)
        phones.append(_interval(row, units, (found[1] or found[2]) if found and is_htk else label))
        word = next((column for column in row.columns[3:5] if not NUMBER.fullmatch(column)), None)
        if word is not None:
            words.append(Interval("" if is_silence(word) else word, phones[-1].start, phones[-1].end))
        elif words:
            words[-1] = words[-1]._replace(end=phones[-1].end)
    before = f"{whose} - " if whose else ""
    tiers = [Tier(f"{before}phones", phones)]
    return [Tier(f"{before}words", words), *tiers] if words else tiers


def _read_mlf(text: str) -> Tiers:
    """Read HTK's master label file: recordings by name, each up to a line with a full stop."""
    tiers: list[Tier] = []
    name: str | None = None
    rows: list[_Row] = []
    for number, line in _numbered(text)[1:]:
        stripped = line.strip()
        if name is None:
            if not re.fullmatch(r'".*"', stripped):
                raise InputError(f"HTK's MLF: line {number}: {stripped[:60]!r}; expected a name in quotes")
            name = re.sub(r"\.(lab|rec)$", "", stripped.strip('"').replace("\\", "/").rpartition("/")[2])
        elif stripped == ".":
            tiers += _whole_numbers(rows, name) if rows else []
            name, rows = None, []
            if len(tiers) > MOST_TIERS:
                raise InputError(f"HTK's MLF: holds more than {MOST_TIERS // 2} recordings; cut out the one you want")
        else:
            rows.append(_Row(number, stripped))
    if name is not None:
        raise InputError(f"HTK's MLF: {name!r} does not end with a full stop; the file is cut short")
    return Tiers("HTK's MLF", tiers, several="recordings")


def _read_ctm(rows: Sequence[_Row]) -> Tiers:
    """Read Kaldi's and NIST's time-marked labels: recording, channel, start, length, label."""
    spoken: dict[str, list[Interval]] = {}
    for row in rows:
        if len(row.columns) < 5 or not (row.is_number(2) and row.is_number(3)):
            shown = " ".join(row.columns)[:60]
            raise InputError(f"CTM: line {row.number}: {shown!r}; expected recording, channel, start, length and label")
        start = to_seconds(row.columns[2])
        whose = row.columns[0] if row.columns[1] in ("1", "A", "0", "-") else f"{row.columns[0]} {row.columns[1]}"
        end = start + to_seconds(row.columns[3])
        spoken.setdefault(whose, []).append(Interval(row.columns[4], start, end))
        if len(spoken) > MOST_TIERS:
            raise InputError(f"CTM: holds more than {MOST_TIERS} recordings; cut out the lines of the one you want")
    if all(interval.label.isdigit() for tier in spoken.values() for interval in tier):
        raise InputError("CTM: its labels are Kaldi's numbers; write names instead (int2sym.pl -f 5 phones.txt)")
    tiers = [Tier(f"{whose} - phones", sorted(tier, key=lambda each: each.start)) for whose, tier in spoken.items()]
    return Tiers("CTM", tiers, several="recordings")


def _read_xlabel(rows: Sequence[_Row]) -> Tiers:
    """Read xlabel's lines (ESPS, Festival) behind the header: end, colour, label. Each begins where the last ends."""
    phones: list[Interval] = []
    for row in rows:
        if len(row.columns) < 2 or not row.is_number(0):
            raise InputError(f"xlabel: line {row.number}: {' '.join(row.columns)[:60]!r}; expected end, colour, label")
        start = phones[-1].end if phones else 0.0
        phones.append(Interval(" ".join(row.columns[2:]), start, to_seconds(row.columns[0])))
    return Tiers("an xlabel file", [Tier("phones", phones)])
