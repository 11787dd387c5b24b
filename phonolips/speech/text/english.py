"""Write out English: numbers, dates, times, money, abbreviations.

One ordered list of rules, each a pattern and the function that rewrites what it finds; an earlier rule
takes its part of the text away from the later ones.
"""

import re
from collections.abc import Callable

# Stands before a word that is said letter by letter. A cleaned text holds no control character of its own.
SPELLED = "\x01"

# ---------------------------------------------------------------- numbers

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "", ""),
}
_MAGNITUDES = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion"}
_LONGEST_NUMBER = 15  # digits; longer ones are read digit by digit


def _number_words(value: int | float, to: str = "cardinal") -> str:
    """Write a number in words, without hyphens and commas."""
    from num2words import num2words

    return str(num2words(value, lang="en", to=to)).replace("-", " ").replace(",", "")


def _digit_words(digits: str) -> str:
    """Read digits one by one."""
    return " ".join(_DIGITS[int(digit)] for digit in digits if digit.isdigit())


def _whole_words(digits: str) -> str:
    """Read `1,200` or `42` as a number; a code such as `007` or a very long one digit by digit."""
    plain = digits.replace(",", "")
    if len(plain) > _LONGEST_NUMBER or (len(plain) > 1 and int(plain[0]) == 0):
        return _digit_words(plain)
    return _number_words(int(plain))


def _decimal_words(number: str) -> str:
    """Read `1,200.50`: the whole part as a number, the rest digit by digit."""
    whole, _, rest = number.partition(".")
    words = _whole_words(whole) if whole else "zero"
    return f"{words} point {_digit_words(rest)}" if rest else words


def _year_words(year: str) -> str:
    """Read a year: 1999 is nineteen ninety nine."""
    return _number_words(int(year), to="year")


def _date_words(day: int, month: int, year: str, written: str, *, british: bool) -> str:
    """Write a date in the order of the country; numbers that are no date are read one after the other."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(_whole_words(part) for part in re.findall(r"\d+", written))
    ordinal, name = _number_words(day, to="ordinal"), MONTHS[month - 1]
    year_words = _year_words(year) if len(year) == 4 else _whole_words(year)
    return f"the {ordinal} of {name} {year_words}" if british else f"{name} {ordinal} {year_words}"


def _slash_date(match: re.Match[str], british: bool) -> str:
    first, second = int(match[1]), int(match[2])
    day_first = (british and second <= 12) or first > 12
    day, month = (first, second) if day_first else (second, first)
    return _date_words(day, month, match[3], match[0], british=british)


def _iso_date(match: re.Match[str], british: bool) -> str:
    return _date_words(int(match[3]), int(match[2]), match[1], match[0], british=british)


def _month_day(match: re.Match[str], british: bool) -> str:
    day = int(match[2])
    return f"{match[1]} {_number_words(day, to='ordinal')}" if 1 <= day <= 31 else match[0]


def _day_month(match: re.Match[str], british: bool) -> str:
    day = int(match[1])
    return f"the {_number_words(day, to='ordinal')} of {match[2]}" if 1 <= day <= 31 else match[0]


def _time(match: re.Match[str], british: bool) -> str:
    hour, minute, half = int(match[1]), match[2], match[3]
    words = [_number_words(hour)]
    if minute and int(minute):
        words.append(("oh " if minute[0] == "0" else "") + _number_words(int(minute)))
    elif minute and not half:
        words.append("o'clock" if 1 <= hour <= 12 else "hundred")
    if half:
        words.append(f"{SPELLED}{half.lower()}m")
    return " " + " ".join(words) + (". " if match[0].endswith(".") and _ends_sentence(match) else " ")


def _money(match: re.Match[str], british: bool) -> str:
    sign = match["before"] or match["after"]
    amount = (match["amount_after"] or match["amount_before"]).rstrip(",")
    one, many, small_one, small_many = CURRENCIES[sign]
    magnitude = match["magnitude"]
    if magnitude:
        return f" {_decimal_words(amount)} {_MAGNITUDES.get(magnitude.lower(), magnitude)} {many} "
    whole, _, rest = amount.partition(".")
    if len(rest) > 2 or (rest and not small_one):
        return f" {_decimal_words(amount)} {many} "
    small = int(rest.ljust(2, "0")) if rest else 0
    words = []
    if not small or whole.strip("0,"):
        words.append(f"{_whole_words(whole or '0')} {one if whole == '1' else many}")
    if small:
        words.append(f"{_number_words(small)} {small_one if small == 1 else small_many}")
    return " " + " and ".join(words) + " "


def _decade(match: re.Match[str], british: bool) -> str:
    """Read `1990s` and `'90s`."""
    digits = match[1]
    words = _year_words(digits) if len(digits) == 4 else _number_words(int(digits))
    return (words[:-1] + "ies" if words.endswith("y") else words + "s") + " "


def _ordinal(match: re.Match[str], british: bool) -> str:
    digits = match[1].replace(",", "")
    return _number_words(int(digits), to="ordinal") if len(digits) <= _LONGEST_NUMBER else match[1]


def _fraction(match: re.Match[str], british: bool) -> str:
    """Read `1/2` and `3 1/2`; `24/7`, which is no fraction, is two numbers."""
    whole, top, bottom = match[1], match[2], match[3]
    if len(bottom) > 2 or not int(top) < int(bottom):
        return " ".join(_whole_words(part) for part in (whole, top, bottom) if part)
    name = {2: "half", 4: "quarter"}.get(int(bottom)) or _number_words(int(bottom), to="ordinal")
    plural = ("halves" if name == "half" else name + "s") if int(top) != 1 else name
    words = f"{_whole_words(top)} {plural}"
    return f" {_whole_words(whole)} and {words} " if whole else f" {words} "


# ---------------------------------------------------------------- abbreviations

TITLES = {
    "Mr": "mister", "Mrs": "missus", "Ms": "miz", "Messrs": "messrs", "Prof": "professor", "Capt": "captain",
    "Col": "colonel", "Gen": "general", "Lt": "lieutenant", "Sgt": "sergeant", "Rev": "reverend",
    "Hon": "honorable", "Gov": "governor", "Sen": "senator", "Mt": "mount", "Ft": "fort",
}  # fmt: skip
SHORT_WORDS = {
    "etc": "et cetera", "vs": "versus", "approx": "approximately", "dept": "department", "est": "established",
    "jr": "junior", "sr": "senior", "inc": "incorporated", "ltd": "limited", "corp": "corporation",
    "co": "company", "ave": "avenue", "rd": "road", "blvd": "boulevard", "esq": "esquire",
    "jan": "january", "feb": "february", "aug": "august", "sept": "september", "oct": "october",
    "nov": "november", "dec": "december", "mon": "monday", "tue": "tuesday", "tues": "tuesday",
    "thur": "thursday", "thurs": "thursday", "fri": "friday",
}  # fmt: skip
_CAPITALISED_ONLY = frozenset(SHORT_WORDS) - {"etc", "vs", "approx", "dept", "jr", "sr", "ltd"}


def _ends_sentence(match: re.Match[str]) -> bool:
    """Return whether a capital or nothing follows, so that an abbreviation's full stop also ends the sentence."""
    return re.match(r"['\s]*$|['\s]+[^\W\d_a-z]", match.string[match.end() : match.end() + 40]) is not None


def _short_word(match: re.Match[str], british: bool) -> str:
    written = match[1]
    if written.lower() in _CAPITALISED_ONLY and not written[0].isupper():
        return match[0]
    return SHORT_WORDS[written.lower()] + (". " if _ends_sentence(match) else "")


def _saint_or_street(match: re.Match[str], british: bool) -> str:
    saint, street = ("saint", "street") if match[1] == "St" else ("doctor", "drive")
    before = match.string[max(0, match.start() - 40) : match.start()].rstrip()
    named = re.match(r"\s+[^\W\d_a-z]", match.string[match.end() : match.end() + 10]) is not None
    if named or not before or (match[1] == "Dr" and not re.search(r"[A-Z][\w']*$", before)):
        return saint
    return street + (". " if "." in match[0] and _ends_sentence(match) else "")


def _latin(match: re.Match[str], british: bool) -> str:
    return "for example" if match[0][0] in "eE" else "that is"


def _person_initial(match: re.Match[str], british: bool) -> str:
    """Drop the full stop of a name's initial, which stands first or after a capitalised word or an initial."""
    before = match.string[max(0, match.start() - 40) : match.start()].rstrip()
    named = not before or re.search(r"(?:^|[^\w'])[A-Z][\w']*\.?$|[.!?,;:(]$", before)
    return f" {SPELLED}{match[0][0]} " if named else match[0]


def _initials(match: re.Match[str], british: bool) -> str:
    return f" {SPELLED}{match[0].replace('.', '')} "


# ---------------------------------------------------------------- the rules, in their order

_NUMBER = r"\d+(?:,\d{3})*(?!\d)(?:\.\d+)?"
_MONTH = "(" + "|".join(MONTHS) + r")\b"
_Rewrite = Callable[[re.Match[str], bool], str]
_RULES: tuple[tuple[re.Pattern[str], _Rewrite], ...] = tuple(
    (re.compile(pattern), rewrite)
    for pattern, rewrite in (
        # a point inside an address is spoken
        (r"(?<=[^\W\d_]{2})\.(?=[a-z]{2})", lambda match, british: " dot "),
        (r"(?<=\w)@(?=\w)", lambda match, british: " at "),
        # abbreviations
        (r"(?<!\w)(?:[eE]\.\s?g\.|[iI]\.\s?e\.)", _latin),
        (r"\b(" + "|".join(TITLES) + r")\b\.(?=\s*\w)|\b(Mr|Mrs|Ms)\b(?=\s[A-Z])",
         lambda match, british: TITLES[match[1] or match[2]]),
        (r"\bNo\.(?=\s?\d)", lambda match, british: "number"),
        (r"#(?=\d)", lambda match, british: " number "),
        (r"\b(St|Dr)\b(?:\.|(?=\s[A-Z]))", _saint_or_street),
        (r"\b(Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec)\b\.?(?=\s\d)",
         lambda match, british: next(name for name in MONTHS if name.startswith(match[1]))),
        (r"\b(" + "|".join(f"[{word[0].upper()}{word[0]}]{word[1:]}" for word in SHORT_WORDS) + r")\b\.",
         _short_word),
        # dates
        (r"(?<![\d/.-])(\d{4})-(\d{1,2})-(\d{1,2})(?![\d/-])", _iso_date),
        (r"(?<![\d/.-])(\d{1,2})[/.](\d{1,2})[/.](\d{4}|\d{2})(?![\d/])", _slash_date),
        (_MONTH + r"\s(\d{1,2})(?:st|nd|rd|th)?(?![\w:%]|[.,]\d)", _month_day),
        (r"(?<![\w.,])(?:the\s)?(\d{1,2})(?:st|nd|rd|th)?\s(?:of\s)?" + _MONTH, _day_month),
        # times
        (r"(?<![\d:.,])(\d{1,2})[:.]([0-5]\d)(?::[0-5]\d)?\s?([aApP])(?:\.[mM]\.?|[mM]\b)", _time),
        (r"(?<![\d:.,])(1[0-2]|0?[1-9])()\s?([aApP])(?:\.[mM]\.?|[mM]\b)", _time),
        (r"(?<![\d:.,])([01]?\d|2[0-3]):([0-5]\d)(?![\d:])()", _time),
        # initials: U.S.A., J. R. Hartley
        (r"(?<!\w)(?:[^\W\d_]\.){2,}(?:[^\W\d_](?!\w))?", _initials),
        (r"(?<![\w'.])[A-HJ-Z]\.(?=\s[A-Z])", _person_initial),
        # version numbers, telephone numbers, money
        (r"(?<![\w.])\d+(?:\.\d+){2,}", lambda match, british: match[0].replace(".", " point ")),
        (r"(?<![\w-])(?:\d{3}-)?\d{3}-\d{4}(?![\w-])",
         lambda match, british: ", ".join(_digit_words(part) for part in match[0].split("-"))),
        (rf"(?P<before>[$£€¥₹])\s?(?P<amount_after>{_NUMBER}|\.\d+)"
         r"(?:\s?(?P<magnitude>(?:hundred|thousand|million|billion|trillion|bn|mn|[kKmMbB])\b))?"
         rf"|(?<![\d.,])(?P<amount_before>{_NUMBER})\s?(?P<after>[$£€¥₹])(?!\s?\d)", _money),
        # what stands before and between numbers
        (r"(?<![\w.)-])-(?=\.?\d)", lambda match, british: " minus "),
        (r"(?<=\d)\s?[-–]\s?(?=\d)", lambda match, british: " to "),
        (r"(?:(?<!\S)(\d+)\s)?(?<![\w.,/])(\d+)[/⁄](\d+)(?![\w/])", _fraction),
        (r"(?<![\w.,])(1[1-9]\d0|20\d0)'?s\b", _decade),
        (r"(?<![\w.,])'?([2-9]0)'?s\b", _decade),
        (r"(?<![\d,])(\d+(?:,\d{3})*)(?:st|nd|rd|th|ST|ND|RD|TH)\b", _ordinal),
        (r"(?<![\w.,])(1[1-9]\d\d|20\d\d)(?![\w%]|[.,]\d)", lambda match, british: _year_words(match[0])),
        (r"\b([A-Za-z])-?(?=\d)", lambda match, british: f"{SPELLED}{match[1]} "),
        (rf"{_NUMBER}|(?<![\w.])\.\d+", lambda match, british: f" {_decimal_words(match[0])} "),
        # signs
        (r"%", lambda match, british: " percent "),
        (r"&", lambda match, british: " and "),
        (r"\+", lambda match, british: " plus "),
        (r"=", lambda match, british: " equals "),
        (r"×", lambda match, british: " times "),
        (r"°", lambda match, british: " degrees "),
        (r"[$£€¥₹#@/⁄]", lambda match, british: " "),
    )
)  # fmt: skip


def expand_english(text: str, *, british: bool = False) -> str:
    """Write out numbers, dates, times, money and abbreviations of a cleaned English text.

    Args:
        text: what `clean_text` returned.
        british: read 12/05/2024 as the twelfth of May, and say the day before the month.
    """
    for pattern, rewrite in _RULES:
        text = pattern.sub(lambda match, rewrite=rewrite: rewrite(match, british), text)  # type: ignore[misc]
    return text
