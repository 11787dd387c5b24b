"""Write out English: numbers, dates, times, money, units, abbreviations, codes, addresses, signs.

One ordered list of rules, each a pattern and the function that rewrites what it finds; an earlier rule takes its part
of the text away from the later ones. Each kind has its module; `_RULES` below is the order.
"""

import re

from phonolips.speech.text.english import (
    abbreviations,
    addresses,
    codes,
    dates_times,
    lengthened,
    money,
    numbers,
    roman,
    signs,
    units,
)
from phonolips.speech.text.english.abbreviations import SHORT_WORDS, TITLES
from phonolips.speech.text.english.dates_times import MONTHS
from phonolips.speech.text.english.money import CURRENCIES
from phonolips.speech.text.english.rules import SPELLED, Rule, apply_rules

__all__ = ["CURRENCIES", "MONTHS", "SHORT_WORDS", "SPELLED", "TITLES", "expand_english"]

# What a text must hold for a group of rules to find anything; the others are passed over.
_ANY, _LETTER, _DIGIT = re.compile(r"\S"), re.compile(r"[^\W\d_]"), re.compile(rf"[\d{numbers.VULGAR}]")
_RULES: tuple[tuple[re.Pattern[str], tuple[Rule, ...]], ...] = (
    (_ANY, signs.FIRST),
    (_ANY, addresses.RULES),
    (_LETTER, lengthened.RULES),
    (_LETTER, abbreviations.CAPITALS),
    (_LETTER, dates_times.MONTH_NAMES),
    (_DIGIT, dates_times.DATES),
    (_DIGIT, dates_times.TIMES),
    (_LETTER, abbreviations.RULES),
    (_LETTER, roman.RULES),
    (_LETTER, abbreviations.INITIALS),
    (_DIGIT, codes.RULES),
    (_DIGIT, units.PER),
    (_DIGIT, money.RULES),
    (_DIGIT, numbers.YEARS),
    (_DIGIT, numbers.MILLIONS),
    (_DIGIT, units.RULES),
    (units.STANDS_ALONE, units.ALONE),
    (_DIGIT, numbers.MAGNITUDE_LETTERS),
    (_ANY, signs.BETWEEN),
    (_DIGIT, numbers.FRACTIONS),
    (_DIGIT, codes.CODES),
    (_DIGIT, numbers.NUMBERS),
    (_LETTER, addresses.JOINED),
    (_ANY, signs.LAST),
)


def expand_english(text: str, *, british: bool = False) -> str:
    """Write out numbers, dates, times, money, units, abbreviations, codes and signs of a cleaned English text.

    Args:
        text: what `clean_text` returned.
        british: read 12/05/2024 as the twelfth of May, and say the day before the month.
    """
    for needed, rules in _RULES:
        if needed.search(text):
            text = apply_rules(rules, text, british)
    return text
