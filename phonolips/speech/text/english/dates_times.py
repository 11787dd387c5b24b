"""Dates, times of day, durations, days and months, years BC and AD; scores and ratios, which look like times."""

import re

from phonolips.speech.text.english.numbers import (
    digit_words,
    number_words,
    ordinal_words,
    whole_words,
    year_words,
)
from phonolips.speech.text.english.rules import SPELLED, Rule, ends_sentence, rule, stop, text_after, text_before

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT_MONTH = r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_SHORT_DAY = r"Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun"
# "may" and "march" are verbs when small
_MONTH = (
    "((?i:"
    + "|".join(name for name in MONTHS if name not in ("May", "March"))
    + r")|May|MAY|March|MARCH|may(?=\s\d{4}))\b"
)


def _month_name(short: str) -> str:
    return next(name for name in MONTHS if name.lower().startswith(short[:3].lower()))


def _day_name(short: str) -> str:
    return next(name for name in _DAYS if name.lower().startswith(short[:3].lower()))


def _short_year(year: str) -> str:
    """Read the year of a numeric date, which may have two digits."""
    if len(year) == 4:
        return year_words(year)
    return f"oh {whole_words(year[1])}" if year[0] == "0" else whole_words(year)


def _date_words(day: int, month: int, year: str, written: str, *, british: bool) -> str:
    """Write a date in the order of the country; numbers that are no date are read one after the other."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(whole_words(part) for part in re.findall(r"\d+", written))
    ordinal, name = ordinal_words(day), MONTHS[month - 1]
    words = f"the {ordinal} of {name}" if british else f"{name} {ordinal}"
    return f"{words} {_short_year(year)}" if year else words


def _numeric_date(match: re.Match[str], british: bool) -> str:
    first, second = int(match[1]), int(match[3])
    day_first = (british and second <= 12) or first > 12
    day, month = (first, second) if day_first else (second, first)
    return _date_words(day, month, match[4], match[0], british=british)


def _iso_date(match: re.Match[str], british: bool) -> str:
    return _date_words(int(match[4]), int(match[3]), match[1], match[0], british=british) + " "


def _day_and_month_only(match: re.Match[str], british: bool) -> str:
    """Read `on 12/25`, which the word before it makes a date."""
    first, second = int(match[2]), int(match[3])
    if (match[2], match[3]) == ("9", "11"):
        return match[0]  # nine eleven
    day_first = (british and second <= 12) or first > 12
    day, month = (first, second) if day_first else (second, first)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match[0]
    return f"{match[1]} {_date_words(day, month, '', match[0], british=british)}".lstrip()


def _month_day(match: re.Match[str], british: bool) -> str:
    day, last, year = int(match[2]), match[3], match[4]
    if not 1 <= day <= 31 or (last and int(last) > 31):
        return match[0]
    words = f"{match[1]} {'the ' if british else ''}{ordinal_words(day)}"
    if last:
        words += f" to {ordinal_words(int(last))}"
    return f"{words} {year_words(year)}" if year else words


def _day_month(match: re.Match[str], british: bool) -> str:
    first, last = match[1], match[2]
    if not 1 <= int(last) <= 31:
        return match[0]
    days = f"{ordinal_words(int(first))} to {ordinal_words(int(last))}" if first else ordinal_words(int(last))
    return f"the {days} of {match[3]}"


def _year_month(match: re.Match[str], british: bool) -> str:
    return f"{MONTHS[int(match[2]) - 1]} {year_words(match[1])}"


def _era(match: re.Match[str], british: bool) -> str:
    letters = re.sub(r"[.\s]", "", match[3])
    first = f"{year_words(match[1])} to " if match[1] else ""
    return f"{first}{year_words(match[2])} {SPELLED}{letters.lower()}{stop(match)}"


def _era_before(match: re.Match[str], british: bool) -> str:
    return f" {SPELLED}ad {year_words(match[1])} "


def _quarter(match: re.Match[str], british: bool) -> str:
    year = match[3]
    if match[2]:
        return f" the {ordinal_words(int(match[2]))} quarter of {_short_year(year)} "
    return f" {SPELLED}q {number_words(int(match[1]))} {_short_year(year)} "


# ---------------------------------------------------------------- times


def _clock_words(hour: str, minute: str | None, *, half: bool) -> str:
    """Read the hour and minute of a clock."""
    words = [number_words(int(hour))]
    if minute and int(minute):
        words.append(("oh " if minute[0] == "0" else "") + number_words(int(minute)))
    elif minute and not half:
        words.append("o'clock" if 1 <= int(hour) <= 12 else "hundred")
    return " ".join(words)


def _half_words(half: str | None) -> str:
    return f" {SPELLED}{half.lower()}m" if half else ""


def _zone_words(zone: str | None) -> str:
    return f" {SPELLED}{re.sub('[^A-Za-z]', '', zone).lower()}" if zone else ""


def _time(match: re.Match[str], british: bool) -> str:
    words = _clock_words(match["hour"], match["minute"], half=bool(match["half"]))
    if match["second"] and int(match["second"]):
        words += f" and {number_words(int(match['second']))} seconds"
    words += _half_words(match["half"]) + _zone_words(match["zone"])
    return f" {words}{stop(match)}"


def _time_range(match: re.Match[str], british: bool) -> str:
    """Read `5-6 pm`, `9am-5pm`, `10:30-11:15`."""
    first = _clock_words(match[1], match[2], half=bool(match[3] or match[6]))
    second = _clock_words(match[4], match[5], half=bool(match[6]))
    return f" {first}{_half_words(match[3])} to {second}{_half_words(match[6])}{stop(match)}"


def _plain_time(match: re.Match[str], british: bool) -> str:
    if match[0] in ("00:00", "0:00"):
        return " midnight "
    words = _clock_words(match[1], match[2], half=False)
    clock = re.match(r"\s?(?:hrs?|hours)\b(?!\s\d)", text_after(match))
    return f" {words}{_zone_words(match[3])} " if not clock else f" {words} "


def _duration(match: re.Match[str], british: bool) -> str:
    """Read 1:23:45: hours, minutes and seconds."""
    parts = []
    for value, name in zip(match.groups()[:3], ("hour", "minute", "second"), strict=True):
        number = int(value)
        parts.append(f"{number_words(number)} {name}{'' if number == 1 else 's'}")
    return f" {parts[0]} {parts[1]} and {parts[2]} "


_FORMATS = frozenset(("16:9", "4:3", "21:9", "16:10", "9:16", "5:4", "18:9", "32:9"))
_SCREEN = r"\s(?:screen|aspect|ratio|display|format|video|image|monitor|picture|frame|film)"


def _ratio(match: re.Match[str], british: bool) -> str:
    """Read `3:2` as three to two, `16:9` as sixteen by nine."""
    by = match[0] in _FORMATS or re.match(_SCREEN, text_after(match)) is not None
    return (" by " if by else " to ").join(whole_words(part) for part in match[0].split(":"))


_GAME = (
    r"\b(?:w[io]ns?|lost|loses?|beat|beats|scored?|drew|draws?|led|leads?|leading|tied|victory|defeat|final|ahead|up)\b"
)


def _score(match: re.Match[str], british: bool) -> str:
    """Read `won 3-0`: three to zero, in Britain three nil."""
    game = re.search(_GAME + r"[^.!?\n]*$", text_before(match)) or re.match(
        r"\s(?:win|victory|loss|defeat|draw|lead|record|thrashing)\b", text_after(match)
    )
    if not game:
        return match[0]
    if not british:
        return f"{number_words(int(match[1]))} to {number_words(int(match[2]))}"
    return " ".join("nil" if int(part) == 0 else number_words(int(part)) for part in match.groups())


def _short_day(match: re.Match[str], british: bool) -> str:
    """Read `Sat.`; a sentence may end there."""
    return _day_name(match[0]) + (". " if match[0].endswith(".") and ends_sentence(match, before_names=True) else "")


def _short_month(match: re.Match[str], british: bool) -> str:
    return _month_name(match[1]) + (". " if "." in match[0] and ends_sentence(match, before_names=True) else "")


def _military(match: re.Match[str], british: bool) -> str:
    """Read `0800 hours`."""
    hour, minute = match[1], match[2]
    words = ("zero " if hour[0] == "0" else "") + number_words(int(hour))
    if minute == "00":
        return f"{words} hundred"
    return f"{words} {digit_words(minute) if minute[0] == '0' else number_words(int(minute))}"


_HALF = r"(?P<half>[aApP])(?:\.\s?[mM]\b\.?|[mM]\b)"
_ZONES = r"[ECMP][SD]?T|GMT|UTC|BST|CEST|CET|AEST|IST|JST"
_ZONE = rf"(?:\s?(?P<zone>(?:{_ZONES}|{_ZONES.lower()}|e\.s\.t|E\.S\.T)(?!\w)))?"
_ORDINAL_ENDING = r"(?:st|nd|rd|th|ST|ND|RD|TH)?"

MONTH_NAMES: tuple[Rule, ...] = (
    # months and days in short
    rule(rf"\b({_SHORT_DAY})\.?[-–]({_SHORT_DAY})\b\.?",
         lambda m, b: f"{_day_name(m[1])} to {_day_name(m[2])}{stop(m)}"),
    rule(rf"\b({_SHORT_MONTH})\.?[-–]({_SHORT_MONTH})\b\.?",
         lambda m, b: f"{_month_name(m[1])} to {_month_name(m[2])}{stop(m)}"),
    rule(rf"\b({_SHORT_MONTH})\b\.?(?=[\s-]\d)", lambda m, b: _month_name(m[1])),
    rule(rf"\b(jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|{_SHORT_MONTH.upper()})\b\.?(?=\s\d{{1,2}}(?:ST|ND|RD|TH)?\b(?!:))",
         lambda m, b: _month_name(m[1])),
    rule(rf"(?<=\d\s)({_SHORT_MONTH}|jan|feb|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?(?=,?\s\d|[\s,;)]|$)",
         _short_month),
    rule(rf"(?<=st\s|nd\s|rd\s|th\s)({_SHORT_MONTH}|jan|feb|apr|jul|aug|sept?|oct|nov|dec)\b\.?", _short_month),
    rule(r"\b(Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)\.", _short_month),
    rule(rf"\b({_SHORT_DAY})\b(?=,?\s(?:\d|{_SHORT_MONTH}))(?<!Sun)", lambda m, b: _day_name(m[1])),
    rule(r"\b(Mon|Tues?|Wed|Thurs?|Thu|Fri)\.|\b(?=Tues\b|Thurs\b)(\w+)", _short_day),
    rule(r"\b(?<!the\s)(Sat|Sun)\.(?=\s[a-z\d]|\s?$|\s(?:Jan|Feb|Mar|Apr|May|Ju|Aug|Sep|Oct|Nov|Dec))", _short_day),
    rule(r"(?<=\bon\s)(Sat|Sun)\.", _short_day),
)  # fmt: skip

DATES: tuple[Rule, ...] = (
    rule(r"(?<![\d/.-])(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?:T(?=\d)|(?![\w/-]))", _iso_date),
    rule(r"(?<![\d/.-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\d/-]|\.\d)", _numeric_date),
    rule(rf"\b(on|by|until|till|since|before|after|from|due|dated|starts|ends|{'|'.join(_DAYS)}),?\s(\d{{1,2}})/(\d{{1,2}})"
         r"(?![\w/]|\.\d)", _day_and_month_only),
    rule(r"(?<![\w/.,-])()(\d{1,2})/(\d{1,2})(?=\s(?:@|at)\s\d)", _day_and_month_only),
    rule(r"(?<![\w/.-])(1\d{3}|20\d\d)-(0[1-9]|1[0-2])(?![\w/-]|\.\d)(?<=-0\d)", _year_month),
    rule(_MONTH + rf"[\s-](\d{{1,2}}){_ORDINAL_ENDING}(?:[-–](\d{{1,2}}){_ORDINAL_ENDING})?(?:-(\d{{4}}))?"
         r"(?![\w:%]|[.,]\d)", _month_day),
    rule(rf"(?<![\w.,])(?:(?i:the)\s)?(?:(\d{{1,2}}){_ORDINAL_ENDING}[-–])?(\d{{1,2}}){_ORDINAL_ENDING}[\s-](?:of\s)?{_MONTH}",
         _day_month),
    rule(r"(?<=[BC]E|BC|AD)\s?[-–]\s?(?=\d{1,4}\s?(?:BC|CE|AD))", "to"),
    rule(r"(?<![\w.,])(?:(\d{1,4})[-–])?(\d{1,4})\s?(BCE|BC|CE|AD|B\.\s?C\.(?:\s?E\.)?|A\.\s?D\b\.?)(?!\w)", _era),
    rule(r"\b(?:AD|A\.D\.)\s(\d{1,4})\b", _era_before),
    rule(r"(?<!\w)(?:Q([1-4])[\s-]?(?='?\d\d)|([1-4])Q[\s-]?(?=\d\d))'?(20\d\d|\d\d)\b", _quarter),
)  # fmt: skip

TIMES: tuple[Rule, ...] = (
    rule(r"(?<=\d)-?ish\b", "ish"),
    rule(r"\b(noon|midnight)\s?[-–]\s?(?=\d)", lambda m, b: f"{m[1]} to "),
    rule(r"(?<=[ap]m)[-–](?=noon|midnight)", "to"),
    rule(r"(?<![\w:.,-])(\d{1,2})(?::([0-5]\d))?(?:\s?([aApP])(?:\.[mM]\.|[mM]\b))?\s?[-–]\s?(\d{1,2})(?::([0-5]\d))?\s?"
         r"([aApP])(?:\.[mM]\b\.?|[mM]\b)", _time_range),
    rule(r"(?<![\w:.,-])([01]?\d|2[0-3]):([0-5]\d)()\s?[-–]\s?([01]?\d|2[0-3]):([0-5]\d)()(?![\w:])", _time_range),
    rule(rf"(?<![\w:.,])(?P<hour>\d{{1,2}})[:.](?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?\s?{_HALF}{_ZONE}", _time),
    rule(rf"(?<![\w:.,])(?P<hour>1[0-2]|0?[1-9])(?P<minute>)(?P<second>)\s?{_HALF}{_ZONE}", _time),
    rule(r"(?<![\w:.,])(\d{1,3}):([0-5]\d):([0-5]\d)(?:[.,]\d{1,6})?(?![\w:])", _duration),
    rule(r"(?<![\w:.,])(?:16:10)(?![\w:])", _ratio),
    rule(rf"(?<![\w:.,])(?!\d\d?:\d\d\s(?:ratio|odds)\b)([01]?\d|2[0-3]):([0-5]\d)(?![\w:]|[.,]\d)"
         rf"(?:\s?((?:{_ZONES})(?!\w)))?", _plain_time),
    rule(r"(?<![\w:.,])\d{1,4}(?::\d{1,7}){1,2}(?![\w:]|[.,]\d)", _ratio),
    rule(r"(?<![\w.,-])(\d\d)(\d\d)(?=\s(?:hours|hrs)\b)(?<=[0-5]\d)", _military),
    rule(r"(?<![\w.,/-])(\d{1,3})[-–](\d{1,3})(?![\w/-]|[.,]\d)", _score),
)  # fmt: skip
