"""Numbers, dates and signs in languages other than English, as far as espeak-ng's voices read them badly.

The voices read cardinals, decimals, times and most signs in the way of their language, and that is kept: what num2words
writes is said with the same phones, or with other joints between words (tools/bench/languages.py counts). Written
out here is what they leave out or say wrongly: ordinals with a dot, the year of a German date, a currency or minus sign
before its number, the dots of a date, thousands parted by spaces, and millions where a voice loses count.
"""

import re
from collections.abc import Callable
from functools import cache

_N2W = {"fr-fr": "fr", "fr-be": "fr_BE", "fr-ch": "fr_CH", "pt-br": "pt_BR", "nb": "no"}  # num2words' codes
# Languages that write ordinals with a dot: 3. Mai. Where num2words has none, the number is left, without the pause.
_DOTTED = frozenset(("bs", "cs", "da", "de", "et", "fi", "hr", "hu", "is", "lb", "lv", "nb", "sk", "sl", "sr", "tr"))
# What a German ordinal follows, and its ending there: am dritten Mai.
_GERMAN_ENDINGS = {
    **dict.fromkeys(("am", "vom", "zum", "den", "dem", "des", "im", "beim", "ab", "seit", "bis"), "n"),
    **dict.fromkeys(("der", "die", "das"), ""),
    "ein": "r",
}
_GERMAN_MONTHS = frozenset(
    ("januar", "jänner", "februar", "märz", "april", "mai", "juni",
     "juli", "august", "september", "oktober", "november", "dezember")
)  # fmt: skip
_WRITTEN_ORDINALS = {  # endings after a number that make it an ordinal
    "fr": r"(?:er|ère|re|e|è|ème|eme)", "nl": r"(?:e|de|ste)", "sv": r":[ea]",
    "es": "[ºª]", "pt": "[ºª]", "it": "[ºª]",
}  # fmt: skip
_FEMININE = {"ª": ("o", "a"), "ère": ("ier", "ière"), "re": ("ier", "ière")}
_MILLIONS = frozenset(("be", "uk", "vi"))  # voices of espeak-ng 1.52 that say other numbers for a million
_CARDINAL_DECIMALS = frozenset(("ru",))  # the voice says `three and one four tenths`
_WHOLE_FROM = 1_000_000

# Where the voice says nothing for a sign: after a number.
_UNITS: dict[str, dict[str, str]] = {
    "pl": {"€": "euro"}, "ru": {"€": "евро", "£": "фунтов"}, "uk": {"€": "євро", "$": "доларів"},
    "cs": {"€": "eur", "$": "dolarů"}, "hi": {"€": "यूरो"}, "sw": {"€": "yuro"}, "ar": {"%": "بالمئة"},
    "cmn": {"€": "欧元", "$": "美元", "£": "英镑", "¥": "元"}, "yue": {"€": "歐元", "$": "美元", "¥": "元"},
    "ja": {"€": "ユーロ", "$": "ドル", "£": "ポンド", "¥": "エン", "%": "パーセント"},
    "ko": {"€": "유로", "$": "달러", "%": "퍼센트"},
}  # fmt: skip
_BEFORE = {
    "cmn": {"%": "百分之"},
    "yue": {"%": "百分之"},
    "tr": {"%": "yüzde "},
}  # signs that are said before the number
_MINUS = {"it": "meno", "hi": "माइनस", "cmn": "负", "yue": "負", "el": "μείον", "sw": "hasi", "hr": "minus"}
_MINUS |= {"sk": "mínus", "bg": "минус", "ja": "マイナス", "ko": "마이너스", "ar": "سالب"}

_NUMBER = r"\d++(?:[.,]\d++)*+"  # possessive, and begun at its first digit only: a text of figures takes no longer
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3})+(?![\d])")
_SIGN_FIRST = re.compile(rf"([€$£¥₹])\s?({_NUMBER})")
_SIGN_LAST = re.compile(rf"(?<![\d.,])({_NUMBER})\s?([%€$£¥₹])")
_MINUS_SIGN = re.compile(r"(?<![\w.,)])-(?=\d)")
_DATE = re.compile(r"(?<![\d.,/-])(\d{1,2})([./])\s?(\d{1,2})\2\s?(\d{4}|\d{2})(?![\d/])")
_ISO_DATE = re.compile(r"(?<![\d.,/-])(\d{4})-(\d{2})-(\d{2})(?![\d-])")
_DOT_ORDINAL = re.compile(r"(?<![\d.,:/])(\d{1,3})\.(?=\s+(\w+))")
_YEAR_DOT = re.compile(r"(?<![\d.,:/])(\d{4})\.(?=\s+(\w))")
_CENTURY_YEAR = re.compile(r"(?<![\d.,:/-])1[1-9]\d\d(?!\d|[.,:/]\d|\s?[%°€$£¥₹])")
_WHOLE = re.compile(r"(?<![\d.,:/])(?:\d{1,3}(?:\.\d{3})+|\d{7,12})(?!\d|[.,:/]\d)")
_DECIMAL = re.compile(r"(?<![\d.,:/])\d+,\d{1,3}(?!\d|[.,:/]\d)")
_DEGREES = re.compile(r"°\s?[CF]\b")
_ROMAN = re.compile(r"\b([IVX]{1,6})(er|re|ème|eme|e)\b")  # French: le XXe siècle
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10}


@cache
def _num2words(language: str) -> Callable[..., str] | None:
    """Return what writes a number out in a language; None where num2words does not know it."""
    from num2words import CONVERTER_CLASSES, num2words

    code = _N2W.get(language, language.split("-")[0])
    if code not in CONVERTER_CLASSES:
        return None
    return lambda value, form="cardinal": str(num2words(value, lang=code, to=form))


def figures_note(language: str) -> str:
    """Say who reads the figures of a language, in a few words."""
    base = language.split("-")[0]
    if base == "en":
        return "written out by phonolips: numbers, dates, times, money, units"
    own = ["ordinals"] * (_num2words(language) is not None and base in {*_DOTTED, *_WRITTEN_ORDINALS})
    own += ["signs"] * (base in _UNITS or base in _BEFORE)
    own += ["years"] * (base == "de") + ["millions"] * (base in _MILLIONS) + ["decimals"] * (base in _CARDINAL_DECIMALS)
    return "read by espeak-ng's voice" + (f"; written out by phonolips: {', '.join(own)}" if own else "")


def _ordinal(number: str, language: str) -> str:
    """Write an ordinal out; the number as it is where nobody knows how."""
    write = _num2words(language)
    try:
        return write(int(number), "ordinal") if write else number
    except NotImplementedError:
        return number


def _minus(language: str) -> str:
    """Return the word for a minus before a number; "-" where it is left to the voice."""
    from num2words import CONVERTER_CLASSES

    base = language.split("-")[0]
    if base in _MINUS:
        return _MINUS[base] + ("" if base in ("cmn", "yue") else " ")
    known = CONVERTER_CLASSES.get(_N2W.get(language, base))
    word = getattr(known, "negword", None)
    return f"{word.strip()} " if word else "-"


def write_out_figures(text: str, language: str) -> str:
    """Write out the numbers and signs that the voice of a language other than English would read badly.

    Args:
        text: with ASCII digits and the usual marks.
        language: the code of an espeak voice.
    """
    base = language if language == "cmn-latn-pinyin" else language.split("-")[0]
    if base == "fr":
        text = _ROMAN.sub(lambda found: f"{_roman_to_number(found[1])}{found[2]}", text)
    if not any(character.isdigit() for character in text):
        return text
    write = _num2words(language)
    if base == "de" and write is not None:
        text = _CENTURY_YEAR.sub(lambda found: write(int(found[0]), "year"), text)
    text = _DEGREES.sub("°", text)
    text = _THOUSANDS.sub(lambda found: found[0].replace(" ", ""), text)
    text = _SIGN_FIRST.sub(r"\2 \1", text)
    text = _SIGN_LAST.sub(lambda found: _write_sign(found, base), text)
    text = _ISO_DATE.sub(lambda found: _write_date(found[3], found[2], found[1], False, language), text)
    text = _DATE.sub(lambda found: _write_date(found[1], found[3], found[4], found[2] == ".", language), text)
    if base in _WRITTEN_ORDINALS:
        text = re.sub(
            rf"(?<![\w.,])(\d{{1,3}})({_WRITTEN_ORDINALS[base]})(?!\w)",
            lambda found: _with_gender(_ordinal(found[1], language), found[2]),
            text,
        )
    if base in _DOTTED:
        text = _YEAR_DOT.sub(lambda found: found[1] if found[2].islower() else found[0], text)
        text = _DOT_ORDINAL.sub(lambda found: _write_dotted(found, base, language), text)
    text = _MINUS_SIGN.sub(_minus(language), text)
    return _write_numbers(text, base, language)


def _write_numbers(text: str, base: str, language: str) -> str:
    """Write out millions and decimals where the voice of the language does not say them well."""
    write = _num2words(language)
    if write is None:
        return text
    if base in _MILLIONS:
        text = _WHOLE.sub(
            lambda found: write(value) if (value := int(re.sub(r"\D", "", found[0]))) >= _WHOLE_FROM else found[0], text
        )
    if base in _CARDINAL_DECIMALS:
        text = _DECIMAL.sub(lambda found: write(float(found[0].replace(",", "."))), text)
    return text


def _write_sign(found: re.Match[str], base: str) -> str:
    """Write a number and its sign in words, in the order in which they are said; as they are where the voice can."""
    number, sign = found[1], found[2]
    if sign in _BEFORE.get(base, {}):
        return f"{_BEFORE[base][sign]}{number}"
    unit = _UNITS.get(base, {}).get(sign)
    return f"{number} {unit}" if unit else found[0]


def _write_date(day: str, month: str, year: str, dotted: bool, language: str) -> str:
    """Write a date as day, month and year; as it is where it is none."""
    base = language.split("-")[0]
    if not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
        return f"{day} {month} {year}"
    if base in ("cmn", "yue", "ja"):
        return f"{year}年{int(month)}月{int(day)}日" if base != "ja" else f"{year} {int(month)}ガツ {int(day)}ニチ"
    if dotted and base in _DOTTED:
        ending = "r" if base == "de" else ""
        return f"{_ordinal(day, language)}{ending} {_ordinal(month, language)}{ending} {year}"
    return f"{int(day)} {int(month)} {year}"


def _with_gender(ordinal: str, ending: str) -> str:
    """Give an ordinal the gender of its written ending: 1ª, 1re."""
    old, new = _FEMININE.get(ending, ("", ""))
    return ordinal.removesuffix(old) + new if old and ordinal.endswith(old) else ordinal


def _write_dotted(found: re.Match[str], base: str, language: str) -> str:
    """Write `3.` as an ordinal where the sentence goes on: before a small letter or a month, after an article."""
    before = found.string[: found.start()].rstrip().rpartition(" ")[2].lower()
    ending = _GERMAN_ENDINGS.get(before) if base == "de" else None
    follows = found[2]
    month = base == "de" and follows.lower() in _GERMAN_MONTHS
    if not (follows[0].islower() or month or ending is not None):
        return found[0]
    ordinal = _ordinal(found[1], language)
    return ordinal + (ending or "") if ordinal != found[1] else ordinal


def _roman_to_number(roman: str) -> int:
    """Convert a Roman numeral of I, V and X to a number."""
    values = [_ROMAN_DIGITS[letter] for letter in roman]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )
