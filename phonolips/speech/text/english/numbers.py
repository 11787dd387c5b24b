"""Numbers: whole, decimal, ordinal, fractions, magnitudes, ranges, years."""

import re
import unicodedata
from functools import lru_cache

from phonolips.speech.text.english.rules import Rule, rule, text_after, text_before

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SHORTEST_CODE = 7  # digits; from here on a number without commas that is not round is a code
_LONGEST_NUMBER = 15  # digits; longer ones are read digit by digit
_LONGEST_GROUPED = 33  # digits in groups of three, which are meant to be read as a number
MAGNITUDE_WORDS = "hundred|thousand|million|billion|trillion|quadrillion"
MAGNITUDES = {
    "k": "thousand", "m": "million", "mn": "million", "mm": "million", "mio": "million", "b": "billion",
    "bn": "billion", "t": "trillion", "tn": "trillion", "trn": "trillion",
}  # fmt: skip

# 1,200, the Indian 1,00,000, or 42, and then a decimal part; what stands before must be neither digit, point nor comma
NUMBER = r"(?>\d{1,3}(?:,\d{3}(?!\d))+|\d{1,2}(?:,\d\d){1,5},\d{3}(?!\d)|\d+)(?:\.\d++)?"
AMOUNT = rf"(?:{NUMBER}|\.\d++)"
VULGAR = "¼-¾⅐-⅞"  # ½ and its like, for a character class
FRACTION = rf"(?:(?:\d{{1,4}}\s)?\d{{1,4}}[/⁄]\d{{1,4}}|(?:\d{{1,4}}\s?)?[{VULGAR}])"
# the beginning of a number that is not the rest of another, or of a word
BEGIN = r"(?<![\w.,])"
BEGIN_SIGNED = r"(?<![\w.,^])(?<![A-Z]-)(?:(?<![\w)-])-)?"


@lru_cache(maxsize=4096)
def number_words(value: int, to: str = "cardinal") -> str:
    """Write a number in words, without hyphens and commas."""
    from num2words import num2words

    return str(num2words(value, lang="en", to=to)).replace("-", " ").replace(",", "")


def digit_words(digits: str) -> str:
    """Read digits one by one."""
    return " ".join(_DIGITS[int(digit)] for digit in digits if digit.isdigit())


def grouped_digits(written: str) -> str:
    """Read groups of digits one by one, with a short pause between the groups."""
    return ", ".join(digit_words(group) for group in re.findall(r"\d+", written))


def whole_words(digits: str) -> str:
    """Read `1,200` or `42` as a number; a code such as `007` or a very long one digit by digit."""
    plain = digits.replace(",", "")
    if len(plain) >= _SHORTEST_CODE and plain == digits and not plain.endswith("00"):
        return digit_words(plain)
    if len(plain) > (_LONGEST_GROUPED if "," in digits else _LONGEST_NUMBER) or (len(plain) > 1 and int(plain[0]) == 0):
        return digit_words(plain)
    return number_words(int(plain))


def decimal_words(number: str) -> str:
    """Read `1,200.50`: the whole part as a number, the rest digit by digit."""
    whole, _, rest = number.partition(".")
    words = whole_words(whole) if whole else "zero"
    return f"{words} point {digit_words(rest)}" if rest else words


def year_words(year: str) -> str:
    """Read a year: 1999 is nineteen ninety nine."""
    return number_words(int(year), to="year")


def ordinal_words(value: int) -> str:
    """Write an ordinal number in words."""
    return number_words(value, to="ordinal")


def pair_words(digits: str) -> str:
    """Read a number as house and room numbers are: 101 is one oh one, 815 eight fifteen, 1428 fourteen twenty eight."""
    digits = digits.lstrip("0") or "0"
    if not 3 <= len(digits) <= 4 or int(digits) % 1000 == 0:
        return whole_words(digits)
    first, second = whole_words(digits[:-2]), digits[-2:]
    if second == "00":
        return f"{first} hundred"
    return f"{first} oh {_DIGITS[int(second[1])]}" if second[0] == "0" else f"{first} {number_words(int(second))}"


def fraction_words(written: str) -> str:
    """Read `1/2` and `3 1/2`; `24/7`, which is no fraction, is two numbers."""
    if re.search(f"[{VULGAR}]", written):
        written = f"{written[:-1]} {unicodedata.normalize('NFKC', written[-1])}"
    *whole, top, bottom = re.findall(r"\d+", written)
    if len(bottom) > (4 if top == "1" else 3) or not 0 < int(top) < int(bottom):
        return " ".join(whole_words(part) for part in (*whole, top, bottom))
    name = {2: "half", 4: "quarter"}.get(int(bottom)) or ordinal_words(int(bottom))
    plural = ("halves" if name == "half" else name + "s") if int(top) != 1 else name
    words = f"{whole_words(top)} {plural}"
    return f"{whole_words(whole[0])} and {words}" if whole else words


def quantity_words(written: str) -> str:
    """Read what may stand before a unit: `5`, `-1.5`, `3 1/2`, `5-6`, `2 x 4`, `100 million`."""
    parts = re.split(r"(?<=[\d)])\s?([-–x×])\s?(?=[\d.])|(?<=\d)\s(to|by)\s(?=\d)", written)
    if len(parts) > 1:
        joined = []
        for part in parts:
            if part:
                joined.append({"-": "to", "–": "to", "x": "by", "×": "by"}.get(part) or
                              (part if part in ("to", "by") else quantity_words(part)))  # fmt: skip
        return " ".join(joined)
    sign = "minus " if written.startswith("-") else ""
    number = written.lstrip("-").strip()
    if re.search(f"[/⁄{VULGAR}]", number):
        return sign + fraction_words(number)
    digits = re.match(AMOUNT, number)
    if digits is None:
        return written
    return f"{sign}{decimal_words(digits[0])} {number[digits.end() :].strip()}".strip()


def is_one(written: str) -> bool:
    """Return whether the unit of this quantity stands in the singular: one, or a part of one."""
    number = written.strip().lstrip("-")
    if found := re.fullmatch(r"(\d{1,4})[/⁄](\d{1,4})", number):
        return int(found[1]) < int(found[2])
    return number in ("1", "1.0") or re.fullmatch(f"[{VULGAR}]", number) is not None


# A quantity before a unit
QUANTITY = rf"{FRACTION}(?![/⁄\d])|{AMOUNT}(?:\s?(?:[-–×x]|\sto|\sby)\s?{AMOUNT}){{0,2}}(?:\s(?:{MAGNITUDE_WORDS})\b)?"


def _fraction(match: re.Match[str], british: bool) -> str:
    return f" {fraction_words(match[0])} "


def _out_of(match: re.Match[str], british: bool) -> str:
    before = f"{match[1]} " if match[1] else ""
    return f"{before}{decimal_words(match[2])} out of {decimal_words(match[3])} "


def _pressure(match: re.Match[str], british: bool) -> str:
    """Read a blood pressure, 120/80, which is more than one: one hundred and twenty over eighty."""
    top, bottom = int(match[1]), int(match[2])
    if not bottom < top < 260:
        return match[0]
    return f"{number_words(top)} over {number_words(bottom)}"


def _ordinal(match: re.Match[str], british: bool) -> str:
    digits = match[1].replace(",", "")
    return ordinal_words(int(digits)) if len(digits) <= _LONGEST_NUMBER else match[1]


def _decade(match: re.Match[str], british: bool) -> str:
    """Read `1990s` and `'90s`."""
    digits = match[1]
    words = year_words(digits) if len(digits) == 4 else number_words(int(digits))
    return (words[:-1] + "ies" if words.endswith("y") else words + "s") + " "


def _magnitude_plural(match: re.Match[str], british: bool) -> str:
    return {"10": "tens", "100": "hundreds", "1000": "thousands", "1,000": "thousands"}[match[1]]


# Nouns after which a four-digit number counts, though they do not end in s
_COUNTED = "people|men|women|children|feet|teeth|sheep|fish|persons|dollars|percent"
_YEAR_BEFORE = (
    r"\b(?:in|since|by|until|till|of|from|to|after|before|around|during|between|circa|year|early|late|mid|"
    r"January|February|March|April|May|June|July|August|September|October|November|December),?\s$"
)


def _year(match: re.Match[str], british: bool) -> str:
    """Read four digits as a year, or as a number where they count something."""
    counts = re.match(rf"\s(?:(?:more|other|new|different)\s)?(?:(?!was\b|is\b|has\b|does\b|its\b|as\b)[a-z]{{3,}}"
                      rf"(?<!s)(?<!u)s|{_COUNTED})\b", text_after(match))  # fmt: skip
    if counts and not re.search(_YEAR_BEFORE, text_before(match), re.IGNORECASE):
        return number_words(int(match[0]))
    return year_words(match[0])


def _year_range(match: re.Match[str], british: bool) -> str:
    """Read `1914-18` and `2024/25`; anything else stays."""
    first, sign, second = match[1], match[2], match[3]
    if int(second) <= int(first[2:]) and not (first[2:] == "99" and second == "00"):
        return match[0]
    joint = " " if sign == "/" else " to "
    return year_words(first) + joint + (number_words(int(second)) if second[0] != "0" else f"oh {_DIGITS[int(second)]}")


def _magnitude(match: re.Match[str], british: bool) -> str:
    return f" {quantity_words(match[1])} {MAGNITUDES[match[2].lower()]} "


YEARS: tuple[Rule, ...] = (
    rule(r"(?<!\w)'0([1-9])(?![\w'])", lambda match, british: f" oh {digit_words(match[1])} "),
    rule(r"(?<=\d0s)\s?[-–]\s?(?='?\d)", "to"),
    rule(r"(?<![\w.,-])((?:1\d|20)\d\d)([-–/])(\d\d)(?![\w/-]|[.,]\d)", _year_range),
    rule(r"(?<![\w.,])(1[1-9]\d0|20\d0)\s?'?s(?![\w'])", _decade),
    # a timeout set to 30s counts seconds
    rule(
        r"(?<!0s\s)(?<!ties\s)\b((?i:to|for|after|every|takes?|took|within|about|around|waits?|waited|lasts?|lasted)\s|=\s?)([1-9]0)s\b"
        r"(?!\s(?:music|hits|songs?|pop|rock|style|fashion|nights?|kids|movies|films|tv|party|nostalgia|and|or|to)\b)",
        lambda m, b: f"{m[1]}{number_words(int(m[2]))} seconds",
    ),
    rule(r"(?<![\w.,])'?([1-9]0)'?s(?=[-–\s]|$)(?<!10s)", _decade),
    rule(r"(?<![\w.,])'?([2-9]0)'?s\b", _decade),
    rule(
        r"(?<![\w.,])'00'?s\b|(?<=\bthe\s)00'?s\b|(?<=early\s)00'?s\b|(?<=late\s)00'?s\b",
        lambda match, british: "two thousands",
    ),
)

# 2m is two meters, and two million of what is counted so
_MANY = (
    "people|users|views|viewers|followers|subscribers|downloads|copies|customers|jobs|homes|votes|voters|listeners|streams|"
    "likes|members|visitors|residents|children|barrels|tonnes|tons|years|plays|shares|cases|deaths|doses|workers|players|"
    "records|accounts|households|students|passengers|units|tickets|fans|pounds|dollars|euros"
)
MILLIONS: tuple[Rule, ...] = (
    rule(rf"{BEGIN}({AMOUNT})(m)(?=\s(?:(?:[a-z]{{2,12}}\s)?(?:{_MANY})|were|are|have|had)\b)", _magnitude),
    # 4.5B yrs, 150M km
    rule(
        rf"{BEGIN}({AMOUNT})([kKMB]|bn|mn|tn)(?=\s(?:km|kg|mi|lbs?|yrs?|hrs|tons?|tonnes|sq|ha|acres|gal|kWh|MWh|MW|GW)\b)",
        lambda m, b: f"{m[1]} {MAGNITUDES[m[2].lower()]}",
    ),
)

# 5k, 1.2B users; 4K and 8K are pictures, 5B may be a room
MAGNITUDE_LETTERS: tuple[Rule, ...] = (
    rule(rf"{BEGIN}(10|100|1000|1,000)s(?=\sof\b)", _magnitude_plural),
    rule(rf"{BEGIN}(?<![A-Za-z]\d-)(?![248]K)({AMOUNT}(?:[-–]{AMOUNT})?)([kKM]|bn|mn|tn|trn|mio|B(?=\s[a-z]{{3,}}s\b|\speople\b))(?![\w/])",
         _magnitude),
    rule(rf"{BEGIN}({AMOUNT})(?<=\.\d)([BbTt])(?![\w/])", _magnitude),
    rule(rf"{BEGIN}({AMOUNT})(?<=\.\d\d)([BbTt])(?![\w/])", _magnitude),
    rule(rf"{BEGIN}({AMOUNT})\s(bn|mn|tn)(?!\w)", _magnitude),
)  # fmt: skip

FRACTIONS: tuple[Rule, ...] = (
    rule(r"(?<![\w.,/-])(\d{1,3})/(\1)(?<=/5|10|00)(?![\w/])",
         lambda m, b: f"{number_words(int(m[1]))} out of {number_words(int(m[2]))}"),
    rule(r"(?<![\w.,/-])(?:9/11|24[/-]7|7/7|(50|20)[/-]\1)(?![\w/-])",
         lambda match, british: " ".join(number_words(int(part)) for part in re.split("[/-]", match[0]))),
    rule(r"(?<![\w.,/])(\d{2,3})/([4-9]\d|1[0-3]\d)(?![\w/])", _pressure),
    rule(r"\b(scored|score|scores|rated|rating|rating of|rate|got|gets?|gave|gives?|marks?|mark of|score of|it|a)"
         rf"\s({AMOUNT})/(5|10|20|100)(?![\w/]|\.\d)", _out_of),
    rule(rf"{BEGIN}()(\d{{1,2}}\.\d)/(5|10|20|100)(?![\w/]|\.\d)", _out_of),
    rule(r"(?<![\w.,/-])0(\d)/(\d\d)(?![\w/]|\.\d)",
         lambda m, b: f"oh {_DIGITS[int(m[1])]} {whole_words(m[2])}"),
    rule(rf"(?<![\w.,/⁄]){FRACTION}(?![\w/⁄])", _fraction),
)  # fmt: skip

NUMBERS: tuple[Rule, ...] = (
    rule(r"(?<![\d,])(\d{1,15}(?:,\d{3}){0,4})(?:st|nd|rd|th|ST|ND|RD|TH)\b", _ordinal),
    rule(r"(?<=[%°\d])\s?[-–]\s?(?=\d[\d.,]{0,9}[%°])|(?<=\d%)\s?[-–]\s?(?=\d)", "to"),
    rule(r"(?<![\w.)^%-])-(?=\.?\d)", "minus"),
    rule(r"(?<=\d)-to-(?=\d)|(?<=\d)\s?[-–]\s?(?=\d)", "to"),
    rule(
        r"\b((?i:in|of|by|since|until|before|after|around|year|circa)\s)(10\d\d)(?![\w%-]|[.,]\d|\s[a-z]{1,20}s\b)",
        lambda m, b: m[1] + year_words(m[2]),
    ),
    rule(r"(?<![\w.,])(1[1-9]\d\d|20\d\d)(?![\w%]|[.,]\d)", _year),
    rule(rf"{NUMBER}|(?<![\w.])\.\d++", lambda match, british: f" {decimal_words(match[0])} "),
)
