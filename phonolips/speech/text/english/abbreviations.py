"""Abbreviations, titles, initials, states after a comma, streets. Their full stops are no pauses."""

import re

from phonolips.speech.text.english.numbers import grouped_digits
from phonolips.speech.text.english.rules import (
    SPELLED,
    Rule,
    begins_sentence,
    ends_sentence,
    one_of,
    rule,
    stop,
    text_after,
    text_before,
)

TITLES = {
    "Mr": "mister", "Mrs": "missus", "Ms": "miz", "Messrs": "messrs", "Prof": "professor", "Capt": "captain",
    "Col": "colonel", "Gen": "general", "Lt": "lieutenant", "Sgt": "sergeant", "Rev": "reverend",
    "Hon": "honorable", "Gov": "governor", "Sen": "senator", "Mt": "mount", "Ft": "fort", "Rep": "representative",
    "Cpl": "corporal", "Maj": "major", "Cmdr": "commander", "Adm": "admiral", "Pres": "president", "Fr": "father",
    "Sr": "sister", "Br": "brother", "Pvt": "private", "Supt": "superintendent", "Insp": "inspector",
    "Det": "detective", "Amb": "ambassador", "Drs": "doctors", "Profs": "professors",
}  # fmt: skip
_TITLES_BEFORE_NAMES = frozenset(("Fr", "Sr", "Br", "Rep", "Det", "Pres", "Amb", "Adm"))
SHORT_WORDS = {
    "etc": "et cetera", "vs": "versus", "approx": "approximately", "dept": "department", "est": "established",
    "jr": "junior", "sr": "senior", "inc": "incorporated", "ltd": "limited", "corp": "corporation",
    "co": "company", "ave": "avenue", "rd": "road", "blvd": "boulevard", "esq": "esquire", "bros": "brothers",
    "ln": "lane", "hwy": "highway", "pkwy": "parkway", "expy": "expressway", "sq": "square", "pl": "place",
    "ct": "court", "apt": "apartment", "tel": "telephone", "avg": "average", "max": "maximum", "min": "minimum",
    "mins": "minutes", "hrs": "hours", "secs": "seconds", "yrs": "years", "misc": "miscellaneous",
    "incl": "including", "excl": "excluding", "govt": "government", "univ": "university", "assn": "association",
    "assoc": "associates", "intl": "international", "natl": "national", "mfg": "manufacturing", "mgr": "manager",
    "mgmt": "management", "asst": "assistant", "attn": "attention", "cont": "continued", "orig": "originally",
    "temp": "temperature", "anon": "anonymous", "fig": "figure", "figs": "figures", "vol": "volume", "vols": "volumes",
    "ed": "editor", "eds": "editors", "trans": "translator", "ch": "chapter", "chs": "chapters", "chap": "chapter",
    "illus": "illustrated", "ref": "reference", "refs": "references", "appt": "appointment",
    "bldg": "building", "fwd": "forward", "lb": "pound", "lbs": "pounds", "oz": "ounces", "qty": "quantity",
    "wt": "weight", "ht": "height", "hr": "hour", "wks": "weeks", "mos": "months", "rm": "room", "pg": "page",
    "ste": "suite", "sect": "section", "para": "paragraph", "paras": "paragraphs",
}  # fmt: skip
# Words of their own when small, or at the end of a sentence
_CAPITALISED_ONLY = frozenset(
    ("est", "inc", "co", "ave", "rd", "blvd", "corp", "sq", "pl", "ct", "ln", "hwy", "pkwy", "expy", "bros")
)
_NEVER_AT_AN_END = frozenset(
    ("ed", "trans", "ch", "min", "max", "temp", "cont", "fig", "ref", "co", "anon", "ht", "wt", "qty", "orig",
     "vol")
)  # fmt: skip
# Units too, behind a number
_UNITS_TOO = frozenset(("min", "mins", "hr", "hrs", "secs", "yrs", "lb", "lbs", "oz", "wks", "mos"))
_BEFORE_NAMES = frozenset(
    ("jr", "sr", "inc", "ltd", "corp", "co", "ave", "rd", "blvd", "esq", "bros", "dept", "ln", "hwy", "pkwy",
     "expy", "sq", "pl", "ct", "apt", "vs", "attn", "univ", "bldg", "asst", "govt", "natl", "intl", "assn",
     "assoc", "fig", "figs", "vol", "vols", "ch", "chap", "ed", "eds")
)  # fmt: skip
_STREETS = {
    "St": "street", "Ave": "avenue", "Rd": "road", "Blvd": "boulevard", "Ln": "lane", "Dr": "drive", "Ct": "court",
    "Pl": "place", "Hwy": "highway", "Pkwy": "parkway", "Expy": "expressway", "Sq": "square", "Ter": "terrace",
}  # fmt: skip
STREET = one_of([*_STREETS, *(word.capitalize() for word in _STREETS.values()), "Way", "Highway"])
_DIRECTIONS = {"N": "north", "S": "south", "E": "east", "W": "west", "NE": "northeast", "NW": "northwest",
               "SE": "southeast", "SW": "southwest"}  # fmt: skip
_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho",
    "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine",
    "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
    "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio",
    "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina",
    "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia",
    "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "DC": "D C",
}  # fmt: skip
_STATE_IS_A_WORD = frozenset(("HI", "ID", "IN", "LA", "ME", "OH", "OK", "OR", "MS", "MD", "DC", "AL", "PA", "MA", "CO"))
# ... or letters of something else: CT and AR are scans and glasses, too
_STATE_IS_LETTERS = frozenset(("CT", "AR", "MT", "SC", "VA", "NE", "DE", "CA", "AL", "KS"))
_PLAIN_STATES = one_of(_STATES.keys() - _STATE_IS_A_WORD - _STATE_IS_LETTERS)
# abbreviations with points inside that are words, not letters
_LATIN = {"e.g.": "for example", "i.e.": "that is", "eg.": "for example", "ie.": "that is"}
_SMALL_WORDS = {
    "w/o": "without", "w/": "with", "b/c": "because", "b/w": "between", "c/o": "care of",
    "w/e": "whatever", "&c.": "et cetera",
}  # fmt: skip
_KITCHEN = {"lg": "large", "sm": "small", "med": "medium", "pkg": "package", "pkgs": "packages"}
_OLD_STATES = {
    "Ala": "Alabama", "Ariz": "Arizona", "Calif": "California", "Colo": "Colorado", "Conn": "Connecticut",
    "Fla": "Florida", "Kan": "Kansas", "Mich": "Michigan", "Minn": "Minnesota", "Mont": "Montana", "Nev": "Nevada",
    "Okla": "Oklahoma", "Tenn": "Tennessee", "Tex": "Texas", "Wis": "Wisconsin", "Wyo": "Wyoming",
}  # fmt: skip
_PERIODS = {"y": "year", "q": "quarter", "m": "month"}
# What people type: letters and figures that sound like a word, or a word without its vowels
_TYPED = {
    "pls": "please", "plz": "please", "thx": "thanks", "thnx": "thanks", "ppl": "people", "tmrw": "tomorrow",
    "tmr": "tomorrow", "bday": "birthday", "b4": "before",
    "btwn": "between", "ur": "your", "gr8": "great", "l8r": "later", "m8": "mate", "w8": "wait",
    "h8": "hate", "2nite": "tonight", "2day": "today", "2moro": "tomorrow", "2morrow": "tomorrow", "4ever": "forever",
    "some1": "someone", "any1": "anyone", "every1": "everyone", "no1": "no one", "abt": "about", "wknd": "weekend",
    "srsly": "seriously", "msgs": "messages",
}  # fmt: skip
_DEGREES = {"ph.d": "phd", "phd": "phd", "ll.b": "llb", "ll.m": "llm"}


def _ampersand(match: re.Match[str], british: bool) -> str:
    """Read `R&D`, `AT&T`, `M&Ms`."""
    last = match[2].lower()
    last = f"{last}'s" if match[3] else SPELLED + last
    return f" {SPELLED}{match[1].lower()} and {last} "


def _short_word(match: re.Match[str], british: bool) -> str:
    written = match[1]
    key = written.lower()
    if key in _UNITS_TOO and re.search(r"(?:[\d/]|\d-|\bfl\.?)\s?$", text_before(match)):
        return match[0]
    if key in _CAPITALISED_ONLY and not written[0].isupper():
        return match[0]
    ends = ends_sentence(match, before_names=key in _BEFORE_NAMES)
    if ends and key in _NEVER_AT_AN_END and not written[0].isupper():
        return match[0]
    return SHORT_WORDS[key] + (". " if ends else "")


def _title(match: re.Match[str], british: bool) -> str:
    return TITLES[match[1] or match[2] or match[3]].capitalize()


def _edition(match: re.Match[str], british: bool) -> str:
    return f"{match[1]} edition{stop(match)}"


def _saint_or_street(match: re.Match[str], british: bool) -> str:
    saint, street = ("Saint", "street") if match[1] == "St" else ("Doctor", "drive")
    before = text_before(match).rstrip()
    after = text_after(match)
    if re.search(r"[A-Z]{2,}$", before) and re.match(_AFTER_STREET, after):
        return street  # MAIN ST. IS CLOSED
    named = re.match(r"\s+[^\W\d_a-z]", after) is not None
    # "He lives on Elm St. They left"
    if re.search(r"[A-Z][\w']*$", before) and begins_sentence(after):
        return f"{street}. " if "." in match[0] else street
    # "1428 Elm St. It was": a street of a house number, and a new sentence
    if re.search(
        r"\d\w*\s(?:[NSEW]\.?\s)?(?:[A-Z]\w*\s?){1,3}$|\d(?:st|nd|rd|th)$|\s(?:first|second|third|\w+th)$", before
    ):
        return street + (". " if "." in match[0] and ends_sentence(match, before_names=True) else "")
    if named or not before or (match[1] == "Dr" and not re.search(r"[A-Z][\w']*$", before)):
        return saint
    return street + (". " if "." in match[0] and ends_sentence(match) else "")


def _capitals(match: re.Match[str], british: bool) -> str:
    """Write an abbreviation in capitals, `DR.`, `FIG.`, `JAN.`, as the rules know it."""
    return _FORMS_OF_CAPITALS.get(match[1], match[1]) + "."


def _street(match: re.Match[str], british: bool) -> str:
    return _STREETS[match[1].capitalize()] + (
        ". " if "." in match[0] and ends_sentence(match, before_names=True) else ""
    )


def _state(match: re.Match[str], british: bool) -> str:
    name, zip_code = match[1], match[2]
    if name in _STATE_IS_A_WORD and not zip_code:
        return match[0]
    spoken = f"{SPELLED}dc" if name == "DC" else _STATES[name]
    return f", {spoken}, {grouped_digits(zip_code)} " if zip_code else f", {spoken}"


_NAMED_BY_LETTERS = (
    "vitamin|plan|grade|type|class|hepatitis|section|letter|option|team|part|group|point|model|appendix|exhibit|figure|"
    "table|schedule|terminal|block|row|gate|level|series"
)
_LETTERED = rf"{_NAMED_BY_LETTERS}|an?|the|and|or"


def _person_initial(match: re.Match[str], british: bool) -> str:
    """Drop the full stop of a name's initial, which stands first or after a capitalised word or an initial."""
    before = text_before(match).rstrip()
    if re.search(rf"\b(?:{_NAMED_BY_LETTERS})s?$", before, re.IGNORECASE):
        return match[0]  # Appendix B. Then
    named = not before or re.search(r"(?:^|[^\w'])[A-Z][\w']*\.?$|[.!?,;:(]$", before) is not None
    named = named or re.match(r"\s[A-Z]\.\s[A-Z]", text_after(match)) is not None  # and J. K. Rowling
    # "to M. Jones", but "vitamin C. Then"
    named = named or not (ends_sentence(match, before_names=True) or re.search(rf"\b(?:{_LETTERED})$", before))
    return f" {SPELLED}{match[0][0].lower()} " if named else match[0]


def _initials(match: re.Match[str], british: bool) -> str:
    letters = match[0].replace(".", "").lower()
    if text_after(match).startswith("'s"):
        return f" {letters.upper()}"
    return f" {SPELLED}{letters}{stop(match, before_names=True)}"


def _degree(match: re.Match[str], british: bool) -> str:
    key = match[1].lower().replace(" ", "")
    spoken = _DEGREES[key]
    return f" {SPELLED}{spoken}{stop(match, before_names=True)}"


# Abbreviations in capitals, in the form that the rules below look for
_FORMS_OF_CAPITALS = {
    **{word.upper(): word.capitalize() if word in _CAPITALISED_ONLY else word for word in SHORT_WORDS
       if word != "est"},
    **{word.upper(): word for word in (*TITLES, *_STREETS, "St", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug",
                                       "Sept", "Oct", "Nov", "Dec", "Mon", "Tues", "Wed", "Thurs", "Fri")},
}  # fmt: skip
_AFTER_STREET = r"[,;]|\s(?:IS|WAS|AND|IN|AT|ON|TO|FOR|OR|NEAR|BY|FROM|HAS|WILL|WITH)\b"
CAPITALS: tuple[Rule, ...] = (
    rule(rf"\b({one_of(_FORMS_OF_CAPITALS)})\.(?!\w)", _capitals),
    rule(r"\b(P{1,2})\.(?=\s?\d)", lambda m, b: f"{m[1].lower()}."),
    rule(r"\bNO\.(?=\s?\d)", lambda m, b: "No."),
)  # fmt: skip

RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w&])([A-Z]{1,2})(?:&|\s&\s(?=[A-Z]\b))([A-Z]{1,2})('?s)?(?![\w&])", _ampersand),
    rule(r"(?<!\w)(?:[eE]\.\s?g\.|[iI]\.\s?e\.)", lambda m, b: "for example" if m[0][0] in "eE" else "that is"),
    rule(rf"(?<![\w/])({one_of(_SMALL_WORDS)})(?!/)", lambda m, b: f" {_SMALL_WORDS[m[1].lower()]} ", re.IGNORECASE),
    rule(r"\b(?:Ph\.\s?D\.?|PhD)('?s)(?!\w)", lambda m, b: f"PHD{m[1]}"),
    rule(r"\b(Ph\.\s?D|PhD|LL\.B|LL\.M)(?!\w)\.?", _degree),
    rule(r"\bet\sal\.", lambda m, b: "et al" + stop(m)),
    rule(r"\b[Cc]f\.(?=\s)", "compare"),
    rule(r"\best\.(?=\s\d)", "established"),
    rule(r"\bviz\.(?=\s)", "namely"),
    rule(r"(?<!\w)ca?\.(?=\s?\d{3,4}\b)", "circa"),
    rule(r"(?<=[a-z]\s)v\.(?=\s[A-Z])", "versus"),
    rule(r"(\b\d{1,3}(?:st|nd|rd|th)|\b[Rr]evised|\b[Ss]econd|\b[Tt]hird|\b[Ff]irst)\sed\.", _edition),
    rule(r"\bpp\.(?=\s?[\divxlc])|\bPP\.(?=\s?\d)", "pages"),
    rule(r"(?<!\w)p\.(?=\s?(?:\d|[ivxlc]{1,7}\b))|(?<![\w.])(?<![A-Z]\.\s)P\.(?=\s?\d)", "page"),
    rule(r"\b[Nn]os\.(?=\s?\d)|\bNOS\.(?=\s?\d)", "numbers"),
    rule(r"\bN[oO]\.(?=\s?\d)|\bno\.(?=\s\d)", "number"),
    rule(r"\b[Rr]m\.?(?=\s?\d)", "room"),
    rule(r"\bSte\.?(?=\s\d)", "suite"),
    rule(r"\b[Ff]l\.(?=\s\d)|(?<=\dst\s|\dnd\s|\drd\s|\dth\s)[Ff]l\b\.?", "floor"),
    rule(r"\b[Aa]pt\.?(?=\s\d)", "apartment"),
    rule(r"(?<=\d\s)(lg|sm|med|pkg|pkgs)\.(?=\s[a-z(])", lambda m, b: _KITCHEN[m[1]]),
    # newspapers' states, and politicians': Calif., (R-TX)
    rule(rf"(?<!\w)([DRI])-({one_of(_STATES)})\b", lambda m, b: f"{SPELLED}{m[1].lower()}, {_STATES[m[2]]}"),
    rule(rf"\b({one_of(_OLD_STATES)})\.", lambda m, b: _OLD_STATES[m[1]] + stop(m, before_names=True)),
    rule(r"\b[Ss]ec\.(?=\s\d)", "section"),
    rule(r"\b[Ee]qs?\.\s\((\d{1,3}[a-z]?)\)", lambda m, b: f"equation {m[1]}"),
    rule(r"\b[Ee]qs?\.(?=\s\(?\d)", "equation"),
    rule(r"\b[Ee]xt\.?(?=\s?\d)", "extension"),
    rule(r"#(?=\d)", "number"),
    rule(rf"\b({'|'.join(title for title in TITLES if title not in _TITLES_BEFORE_NAMES)})\b\.(?=\s*+[\w&])"
         rf"|\b({'|'.join(_TITLES_BEFORE_NAMES)})\.(?=\s[A-Z])|\b(Mr|Mrs|Ms|Prof)\b(?=\s[A-Z])", _title),
    rule(r"\b(St|Dr)\b(?:\.|(?=\s[A-Z])|(?=,))", _saint_or_street),
    rule(r"(?<=\dst\s|\dnd\s|\drd\s|\dth\s)st\b\.?", "street"),
    rule(r"(?<=[a-z\d]\s)(Ave|Rd|Blvd|Ln|Ct|Pl|Hwy|hwy|Pkwy|Expy|Ter)\b(?:\.|(?=,|\s?$|\s(?:in|and|is|at|to)\b))",
         _street),
    rule(r"(?<=\d\s)(N|S|E|W|NE|NW|SE|SW)\b\.?(?=\s(?:[A-Z][a-z]+|\d{1,3}(?:st|nd|rd|th))\b)",
         lambda m, b: _DIRECTIONS[m[1]]),
    rule(rf",\s?({'|'.join(_STATES)})\b(?:(,?\s\d{{5}}(?:-\d{{4}})?)\b|(?=[.,;)]|\s?$|\n))", _state),
    # in running text behind a city: "in Austin, TX we sing"
    rule(rf"(?<=[a-z]),\s({_PLAIN_STATES})()(?=\s[a-z(]|[?!:'])", _state),
    rule(r"\b(" + "|".join(f"[{word[0].upper()}{word[0]}]{word[1:]}" for word in SHORT_WORDS) + r")\b\.", _short_word),
    rule(r"\bdir\.(?=\sby\b)", "directed"),
    rule(r"\bCat\.(?=\s\d)", "category"),
    rule(r"(?<=\d\s)doz\.", "dozen"),
    rule(r"(?<=\d\s)ea\.", lambda m, b: "each" + stop(m)),
    rule(r"(?<=\dth\s)c\.(?=[,\s])|(?<=\dst\s)c\.(?=[,\s])", "century"),
    rule(r"(?<![\w.])([bd])\.(?=\s(?:c\.\s|circa\s)?\d{4}\b)", lambda m, b: "born" if m[1] == "b" else "died"),
    rule(r"\by-o-y\b", "year over year"),
    rule(r"(?<![\w.])\.NET\b", "dot net"),
    rule(r"\b[Tt]bl\.(?=\s\d)", "table"),
    rule(r"(?<=\d[-\s])cyl\b\.?", lambda m, b: "cylinder"),
    rule(r"\best\.(?=\s?\)|\s[$£€~]|\s(?:value|cost|price|time|arrival|delivery|revenue|age|total)\b)", "estimated"),
    rule(r"\bUtd\b", "United"),
    rule(r"(?<![\w/])([yqm])/\1(?![\w/])", lambda m, b: "{0} over {0}".format(_PERIODS[m[1]])),
    # what is typed into a telephone
    rule(rf"(?<![\w'@#/.-])(?:{one_of(_TYPED)}|{one_of(word.capitalize() for word in _TYPED if word.isalpha())})"
         r"(?![\w'@/-]|\.\w)",
         lambda m, b: _TYPED[m[0].lower()]),
    rule(r"(?<![\w.])(an?|grade|got|of)\s([A-DF])(-|\+)(?=\s(?:in|on|for|from|grade|student|average|and|or)\b|[.,;!?)]|\s?$)",
         lambda m, b: f"{m[1]} {SPELLED}{m[2].lower()} {'minus' if m[3] == '-' else 'plus'} "),
    # E. 50th St., Fifth Ave. NW, I-95 N, winds NW
    rule(r"\b([NSEW])\.(?=\s\d{1,3}(?:st|nd|rd|th)\b)", lambda m, b: _DIRECTIONS[m[1]]),
    rule(r"\b(avenue|street|road|boulevard|drive|lane|place|court|highway|I-\d{1,3}|US-\d{1,3}|(?:Route|[Hh]ighway)\s\d{1,3}|[Ww]inds?)"
         r"(?:\.\s|\s)([NS][EW]|[NSEW])\b(?!['.]\w)", lambda m, b: f"{m[1]} {_DIRECTIONS[m[2]]}"),
    rule(r"\b([NS][EW]|[NSEW])(?=\swinds?\b)", lambda m, b: _DIRECTIONS[m[1]]),
    rule(r"\b(vs|approx|w/out)\b(?!\.)|(?:(?<=,\s)|(?<=and\s))(etc)\b(?!\.)",
         lambda m, b: {"vs": "versus", "approx": "approximately", "etc": "et cetera", "w/out": "without"}[m[0]]),
)  # fmt: skip

# after dates and times, whose a.m., p.m. and B.C. they would take
INITIALS: tuple[Rule, ...] = (
    rule(r"(?<![\w.])(?:[^\W\d_]\.){2,12}(?:[^\W\d_](?!\w))?", _initials),
    rule(r"(?<![\w.])[A-Z]\.\s(?:[A-Z]\.\s){0,3}(?=[A-Z]\.\s[A-Z])", lambda m, b: m[0]),
    rule(r"(?<![\w'.])[A-HJ-Z]\.(?=\s[A-Z])", _person_initial),
    rule(
        r"\b((?i:mister|missus|miz|doctor|professor)\s)([A-Z])\.(?=\s?[a-z,;:])",
        lambda match, british: f"{match[1]}{SPELLED}{match[2].lower()} ",
    ),
)
