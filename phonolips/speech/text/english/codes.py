"""Numbers that are names: telephones, versions, part codes, plates, postcodes, rooms and flights, ISBNs, colours."""

import re

from phonolips.speech.text.english.abbreviations import STREET
from phonolips.speech.text.english.numbers import (
    decimal_words,
    digit_words,
    grouped_digits,
    pair_words,
    whole_words,
    year_words,
)
from phonolips.speech.text.english.rules import SPELLED, Rule, rule

_VOWEL = re.compile(r"[aeiouyAEIOUY]")


def _phone(match: re.Match[str], british: bool) -> str:
    """Read a telephone number digit by digit, a short pause between its groups."""
    plus = "plus " if "+" in match[0] else ""
    extension = match["extension"]
    number = match[0][: match.start("extension") - match.start()] if extension else match[0]
    words = plus + grouped_digits(number)
    return f" {words}, extension {digit_words(extension)} " if extension else f" {words} "


def _lettered_phone(match: re.Match[str], british: bool) -> str:
    """Read `1-800-FLOWERS`: the digits one by one, the word as a word."""
    parts = [digit_words(part) if part.isdigit() else part for part in match[0].split("-")]
    return f" {', '.join(parts)} "


def _digits(match: re.Match[str], british: bool) -> str:
    return f" {grouped_digits(match[0])} "


def _after_word(match: re.Match[str], british: bool) -> str:
    return f"{match[1]} {digit_words(match[2])} "


def _place(match: re.Match[str], british: bool) -> str:
    """Read `room 101` and `flight 815`."""
    return f"{match[1]} {pair_words(match[2])}"


def _version(match: re.Match[str], british: bool) -> str:
    version = "version " if match[0][0] in "vV" else ""
    parts = match[0].lstrip("vV").split(".")
    if len(parts) == 4 and all(len(part) <= 3 and int(part) < 256 for part in parts):
        return " dot ".join(digit_words(part) for part in parts)
    return version + " point ".join(whole_words(part) for part in parts)


def _spell_code(written: str) -> str:
    """Read letters by their names, digits one by one."""
    return " ".join(
        digit_words(part) if part.isdigit() else SPELLED + part.lower() for part in written if part.isalnum()
    )


def run_words(run: str, *, spelled: bool) -> str:
    """Read the letters or the digits of a code."""
    if not run[0].isdigit():
        return SPELLED + run.lower() if spelled else run
    if re.fullmatch(r"(?:19|20)\d\d", run):
        return year_words(run)
    if len(run) > 4 or run[0] == "0" or (len(run) == 4 and not run.endswith("00")):
        return digit_words(run)
    return pair_words(run) if len(run) == 3 else whole_words(run)


def _is_letters(run: str) -> bool:
    """Return whether the letters of a code are said one by one: short, or without a vowel, and no small word."""
    if len(run) == 1 or not _VOWEL.search(run):
        return True
    if re.fullmatch("[A-Z]{2,3}[a-z]", run):
        return True  # IPv6
    return len(run) <= 3 and run.isupper() and run not in ("COVID",)


def _code(match: re.Match[str], british: bool) -> str:
    """Read `MP3`, `H2O`, `F-16`, `B2B`, `4K`, `COVID-19`."""
    runs = re.findall(r"\d+|[^\W\d_]+", match[0])
    if len(runs) > 12:
        return match[0]
    words = [run_words(run, spelled=not run[0].isdigit() and _is_letters(run)) for run in runs]
    if runs[-1] == "s" and len(runs) > 1:  # MP3s
        words[-2:] = [words[-2] + ("es" if words[-2].endswith("x") else "s")]
    elif re.fullmatch("[A-Z]s", runs[-1]):  # 3Ds
        words[-1] = f"{runs[-1][0]}'s"
    return f" {' '.join(words)} "


def _decimal_code(match: re.Match[str], british: bool) -> str:
    letters = match[1]
    return f" {run_words(letters, spelled=_is_letters(letters))} {decimal_words(match[2])} "


def _picture_lines(match: re.Match[str], british: bool) -> str:
    return f" {pair_words(match[1])} {SPELLED}{match[2].lower()} "


def _hex(match: re.Match[str], british: bool) -> str:
    return f" {_spell_code(match[0])} "


# Words before a ZIP code, before a number that is read in pairs, and before one that is read digit by digit
_STATES = (
    "Alaska|Arizona|California|Carolina|Colorado|Florida|Georgia|Hawaii|Illinois|Jersey|Massachusetts|Michigan|Nevada|"
    "Ohio|Oregon|Pennsylvania|Texas|Virginia|Washington|York"
)
_PLACES = (
    "[Rr]oom|[Ff]light|[Rr]oute|[Hh]ighway|[Ss]uite|[Aa]partment|[Aa]pt|[Bb]us|[Cc]hannel|Boeing|[Ii]nterstate|[Gg]ate|"
    "[Bb]uilding|[Cc]abin|[Ll]ocker|Airbus|[Aa]rea|[Pp]ort|HTTP|[Ee]rror|[Ss]tatus|[Ss]tudio|[Pp]latform"
)
_DIALLED = (
    "[Cc]all|[Dd]ial|[Dd]ialed|[Dd]ialled|[Pp]hone|[Rr]ing|[Tt]ext|[Cc]alled|[Ee]xtension|[Aa]rea code|[Pp]in|PIN|"
    "[Cc]ode|[Pp]asscode|[Pp]assword|ending in"
)
_EXTENSION = r"(?:[,\s]{0,3}(?:extension|ext\.?|x)\s?(?P<extension>\d{1,6})\b)?"
RULES: tuple[Rule, ...] = (
    # telephones: North America, international, Britain, seven digits
    rule(rf"(?<![\w.+-])(?:\+?1[\s.-]?)?(?:\(\d{{3}}\)\s?[-.]?|\d{{3}}[-.]|(?<=1[\s.-])\d{{3}}\s|\d{{3}}\s(?=\d{{3}}[\s-]\d{{4}}))"
         rf"\d{{3}}[\s.-]\d{{4}}(?![\w-]|\.\d){_EXTENSION}", _phone),
    rule(rf"(?<![\w.+])\+(?=(?:[\s().-]{{0,2}}\d){{7}})"
         rf"\d{{1,3}}(?:[\s.-]?\(?\d{{1,5}}\)?){{1,6}}(?![\w-]){_EXTENSION}", _phone),
    rule(rf"(?<![\w.,+-])\(?0\d{{2,4}}\)?[\s-]\d{{3,4}}[\s-]?\d{{3,4}}(?![\w-]){_EXTENSION}", _phone),
    rule(rf"(?<![\w.,+-])0\d{{4}}[\s-]\d{{5,6}}(?![\w-]){_EXTENSION}", _phone),
    # letters on the keys: 1-800-FLOWERS
    rule(r"(?<![\w-])(?:1-)?8(?:00|33|44|55|66|77|88)-(?=[\d-]{0,4}[A-Z])(?=[A-Z\d-]{4,15}(?![\w-]))[A-Z\d]{1,15}(?:-[A-Z\d]{1,15}){0,3}+",
         _lettered_phone),
    # films, wireless networks
    rule(r"(?<![\w.])([HhXx])\.(26[3-6])(?!\w)", lambda m, b: f" {SPELLED}{m[1].lower()} {pair_words(m[2])} "),
    rule(r"(?<![\w.,])802\.(\d{1,2})([a-z]{1,2})?(?![\w.])",
         lambda m, b: f" eight oh two dot {whole_words(m[1])} {SPELLED + m[2] if m[2] else ''} "),
    rule(rf"(?<![\w-])\d{{3}}-\d{{4}}(?![\w-]){_EXTENSION}", _phone),
    # cards, social security, ISBN, colours, postcodes
    rule(r"(?<![\w-])\d{4}([\s-])\d{4}\1\d{4}\1\d{4}(?![\w-])", _digits),
    rule(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", _digits),
    rule(r"\b(ISBN)(?:-1[03])?:?\s(\d[\dXx\s-]{8,16}[\dXx])\b",
         lambda m, b: f" {SPELLED}isbn {grouped_digits(m[2])}{f' {SPELLED}x' if m[2][-1] in 'xX' else ''} "),
    rule(r"#(?=[0-9A-Fa-f]{0,5}\d)(?:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})\b(?<![#\d]\d\d)",
         lambda m, b: " hash" + _hex(m, b)),
    rule(r"\b0x([0-9A-Fa-f]{1,16})\b", lambda m, b: f" zero {SPELLED}x {_spell_code(m[1])} "),
    rule(r"(?<![\w-])[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}(?![\w-])|(?<![\w-])[A-Z]{2}\d{2}\s[A-Z]{3}(?![\w-])", _hex),
    # ZIP codes behind a state; houses, rooms, roads and flights
    rule(r"(?<=[a-z],\s)(\d{5})(?:-(\d{4}))?(?=\s?$|[.,;]?\n)(?<=\d)",
         lambda m, b: f" {grouped_digits(m[0])} "),
    rule(rf"\b({_STATES}|ZIP|zip|zip code|ZIP code),?\s(\d{{5}}(?:-\d{{4}})?)\b",
         lambda m, b: f"{m[1]}, {grouped_digits(m[2])} "),
    rule(rf"(?<![\w.,-])(\d{{3,4}})(?=\s(?:(?:[NSEW]|north|south|east|west)\.?\s)?(?:(?:[A-Z][a-z']\w{{0,20}}|\d{{1,3}}(?:st|nd|rd|th)|of|the)\s){{1,3}}"
         rf"(?:{STREET}|street|drive|avenue|road|boulevard|lane|court|place|highway|parkway|expressway)\b)",
         lambda m, b: pair_words(m[1])),
    rule(rf"\b((?i:{_PLACES})|[Ff]light\s[A-Z]{{2}})\s(\d{{3,4}})\b(?![-.,:]\d)", _place),
    rule(r"\b([Tt]ext\s'?\w{1,20}'?\sto|end(?:s|ed|ing)\sin)\s(\d{4,6})\b(?![-.,:]\d)", _after_word),
    rule(r"(?<=[a-z]\s)(101)(?=[.,;:!?]|\s?$)", lambda m, b: pair_words(m[1])),
    rule(r"\ba\s([45]0\d)(?=\s(?:error|page|response|status|if|when|from|for|on)\b|[.,;!?])",
         lambda m, b: f"a {pair_words(m[1])}"),
    rule(rf"\b((?:{_DIALLED})(?:\sis)?)\s(\d{{3,8}})\b(?![-.,:]\d)", _after_word),
    rule(r"(?<!\w)7[0-8]7(?=s?\s(?:jet|plane|aircraft|airliner|pilot|crash|landed|took)\w*)",
         lambda m, b: pair_words(m[0])),
    rule(r"\b(40[13])\(?([kb])\)?(?!\w)", lambda m, b: f"{pair_words(m[1])} {SPELLED}{m[2]} "),
    rule(r"(?<![\w.,])(144|240|360|480|576|720|1080|1440|2160)([pi])\b", _picture_lines),
    rule(r"(?<![\w.,])(\d{3,4})\s?[xX×]\s?(\d{3,4})(?!\w|[.,]\d)",
         lambda m, b: f"{pair_words(m[1])} by {pair_words(m[2])}"),
    # versions, addresses of machines
    rule(r"(?<=[Vv]ersion\s)[vV](?=\d)", lambda m, b: ""),
    rule(r"(?<![\w.])[vV]?\d{1,9}(?:\.\d{1,9}){2,9}(?!\w|\.\d)", _version),
)  # fmt: skip

# after units and money, which have letters behind their digits, too
CODES: tuple[Rule, ...] = (
    rule(r"(?<![\w.])(?![vV]\d)([A-Za-z]{1,5})-?(\d{1,9}\.\d{1,9})(?![\w.])", _decimal_code),
    rule(r"\b(?i:v)(?=\d+\.\d)", "version"),
    rule(
        r"(?<![\w./-])(?=[A-Za-z\d-]{0,24}\d)(?=[A-Za-z\d-]{0,24}[A-Za-z])(?!(?:[A-Za-z]{2,12}-)?\d+(?:st|nd|rd|th|ST|ND|RD|TH)\b)"
        r"(?:[A-Za-z]{1,12}-?\d{1,12}|\d{1,12}[A-Za-z]{1,12})(?:-?[A-Za-z]{1,12}(?=-?\d|[^\w-]|$)|-?\d{1,12}(?!\d))*+(?!\w)",
        _code,
    ),
    rule(r"\b([A-Za-z])-?(?=\d)", lambda m, b: f"{SPELLED}{m[1].lower()} "),
)
