"""JSON and CSV of the Montreal Forced Aligner, praatio's JSON, and tables that Praat makes of a TextGrid."""

import csv
import math
from collections.abc import Mapping
from typing import Any

from phonolips.errors import InputError
from phonolips.phones.files.tiers import MOST_TIERS, Tier, Tiers, to_seconds
from phonolips.phones.intervals import Interval

# What the columns are called: MFA's Begin, End, Label, Type, Speaker; Praat's tmin, tier, text, tmax.
COLUMNS = {
    "start": ("begin", "start", "tmin", "xmin", "start_time", "onset"),
    "end": ("end", "tmax", "xmax", "end_time", "offset"),
    "label": ("label", "text", "phone", "phoneme", "mark"),
    "kind": ("type", "tier", "level"),
    "speaker": ("speaker",),
}
DELIMITERS = ",;\t"


def number_of(value: Any) -> float:
    """Return a number of a JSON file in seconds; NaN for anything else, which is refused where times are checked."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    if isinstance(value, str):
        return to_seconds(value)
    try:
        return float(value)
    except OverflowError:
        return math.inf


def is_mfa_json(data: Any) -> bool:
    """Return whether JSON holds tiers, as MFA or as praatio writes them."""
    return isinstance(data, dict) and isinstance(data.get("tiers"), dict | list)


def read_mfa_json(data: Mapping[str, Any]) -> Tiers:
    """Read tiers from JSON: {"start", "end", "tiers": {NAME: {"type", "entries": [[start, end, label], ...]}}}.

    Raises:
        InputError: a tier or an entry of another form.
    """
    kind = "MFA's JSON"
    tiers = data["tiers"]
    named = list(tiers.items()) if isinstance(tiers, dict) else [(_get(each, "name"), each) for each in tiers]
    if len(named) > MOST_TIERS:
        raise InputError(f"{kind}: holds more than {MOST_TIERS} tiers; is it an alignment?")
    found: list[Tier] = []
    for name, tier in named:
        entries = _get(tier, "entries")
        if not isinstance(name, str) or not isinstance(entries, list):
            raise InputError(f"{kind}: tier {str(name)[:40]!r} has no list of entries")
        is_points = str(_get(tier, "type") or _get(tier, "class")).lower() in ("point", "texttier")
        intervals = []
        for entry in () if is_points else entries:
            if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[2], str):
                raise InputError(f"{kind}: tier {name!r} holds {str(entry)[:60]}; expected [start, end, label]")
            intervals.append(Interval(entry[2].strip(), number_of(entry[0]), number_of(entry[1])))
        found.append(Tier(name, sorted(intervals, key=lambda each: each.start), is_points))
    start, end = (data.get(short, data.get(long)) for short, long in (("start", "xmin"), ("end", "xmax")))
    return Tiers(kind, found, None if start is None else number_of(start), None if end is None else number_of(end))


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def find_columns(line: str) -> tuple[str, dict[str, int]] | None:
    """Read the first line of a table: its delimiter, and where start, end, label, kind and speaker stand; or None."""
    for delimiter in DELIMITERS:
        names = [name.strip().strip('"').lower() for name in line.split(delimiter)]
        places: dict[str, int] = {}
        for what, known in COLUMNS.items():
            place = next((names.index(name) for name in known if name in names), None)
            if place is not None:
                places[what] = place
        if {"start", "end", "label"} <= set(places):
            return delimiter, places
    return None


def read_table(text: str, delimiter: str, places: Mapping[str, int]) -> Tiers:
    """Read a table with one interval a row: MFA's CSV, or Praat's table of a TextGrid.

    Raises:
        InputError: a row without its start, end and label, or without a number where a time should be.
    """
    kind = "MFA's CSV" if {"kind", "speaker"} <= set(places) else "a table of intervals"
    rows: dict[str, list[Interval]] = {}
    try:
        for number, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter, strict=True), start=1):
            if number == 1 or not any(row):
                continue
            if len(row) <= max(places.values()):
                expected = max(places.values()) + 1
                raise InputError(f"{kind}: line {number} has {len(row)} columns; expected {expected}; cut short?")
            start, end = to_seconds(row[places["start"]].strip()), to_seconds(row[places["end"]].strip())
            name = row[places["kind"]].strip() if "kind" in places else "phones"
            if row[places["speaker"]].strip() if "speaker" in places else "":
                name = f"{row[places['speaker']].strip()} - {name}"
            rows.setdefault(name, []).append(Interval(row[places["label"]].strip(), start, end))
            if len(rows) > MOST_TIERS:
                raise InputError(f"{kind}: holds more than {MOST_TIERS} tiers; is it an alignment?")
    except csv.Error as error:
        raise InputError(f"{kind}: cannot be read as a table ({error})") from error
    tiers = [Tier(name, sorted(intervals, key=lambda each: each.start)) for name, intervals in rows.items()]
    return Tiers(kind, [_points_or_tier(tier) for tier in tiers])


def _points_or_tier(tier: Tier) -> Tier:
    """Return a tier whose rows all have no length, Praat's points, as one of points."""
    return Tier(tier.name, (), True) if all(each.start == each.end for each in tier.intervals) else tier
