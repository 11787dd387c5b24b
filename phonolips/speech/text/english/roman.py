"""Roman numerals, where their context shows that they are numbers: World War II, Henry VIII, Chapter IV."""

import re

from phonolips.speech.text.english.numbers import number_words, ordinal_words, year_words
from phonolips.speech.text.english.rules import STARTERS, Rule, rule, text_after, text_before

_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_VALID = re.compile(r"(?=[mdclxvi])m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", re.IGNORECASE)
# Words before a numeral that counts: Part IV is part four
_COUNTED = frozenset(
    ("act", "appendix", "apollo", "article", "book", "bowl", "canto", "category", "chapter", "chapters", "class",
     "column", "division", "episode", "episodes", "exhibit", "fantasy", "figure", "fig", "games", "grade", "group",
     "lesson", "level", "mark", "model", "module", "no", "number", "page", "pages", "panel", "part", "parts",
     "phase", "plate", "protocol", "psalm", "quest", "question", "region", "round", "saturn", "scene", "schedule",
     "season", "section", "series", "stage", "step", "table", "auto", "theorem", "tier", "title", "topic", "type",
     "unit", "version", "vol", "volume", "volumes", "war", "rocky")
)  # fmt: skip
# ... and before one in small letters of which there is only one: page v, chapter x
_COUNTED_SMALL = frozenset(("act", "book", "chapter", "page", "scene", "section"))
# Kings, queens and popes: Henry VIII is Henry the eighth
_RULERS = frozenset(
    ("adrian", "albert", "alexander", "alfonso", "alfred", "amenhotep", "anne", "antiochus", "artaxerxes",
     "augustus", "baldwin", "basil", "baudouin", "benedict", "boniface", "carlos", "caroline", "casimir",
     "catherine", "celestine", "charles", "christian", "clement", "cleopatra", "conrad", "constantine", "cyrus",
     "darius", "david", "edgar", "edmund", "edward", "elizabeth", "emmanuel", "erik", "eric", "ethelred", "felipe",
     "ferdinand", "francis", "franz", "frederick", "friedrich", "george", "gregory", "gustav", "haakon", "hamid",
     "harald", "harold", "henri", "henry", "innocent", "isabella", "ivan", "james", "jean", "joan", "john",
     "joseph", "juan", "julius", "justinian", "leo", "leopold", "louis", "ludwig", "malcolm", "margaret",
     "margrethe", "maria", "mary", "mehmed", "mehmet", "michael", "mohammed", "murad", "napoleon",
     "nebuchadnezzar", "nicholas", "olaf", "olav", "otto", "paul", "pedro", "peter", "philip", "philippe", "pius",
     "ptolemy", "rama", "ramesses", "ramses", "reza", "richard", "robert", "rudolf", "selim", "seti", "sigismund",
     "sixtus", "stephen", "suleiman", "theodosius", "thutmose", "umberto", "urban", "victor", "victoria",
     "vittorio", "vlad", "wilhelm", "willem", "william", "xerxes", "zog")
)  # fmt: skip
# First names of people whose sons bear the name again; with the rulers' names
_FIRST_NAMES = frozenset(
    ("thomas", "thurston", "daniel", "samuel", "walter", "arthur", "howard", "martin", "frank", "fred", "donald",
     "kenneth", "patrick", "matthew", "mark", "luke", "anthony", "benjamin", "jack", "hugh", "edwin", "roy", "sammy",
     "tom", "bob", "bill", "joe", "ken", "steve", "steven", "alan", "allen", "ted", "theodore", "lee", "jeff")
)  # fmt: skip
_NUMERAL = r"[IVXLCDM]{1,9}"
# What follows a ruler's I, V or X: no verb of a speaker ("Elizabeth I saw")
_AFTER_RULER = re.compile(
    r"(?:'s)?(?:[.,;:!?)]|\s?$|\s(?:of|was|is|had|has|died|reigned|ruled|became|and|who|in|to|or|never|succeeded|married|"
    r"ascended|abdicated|defeated|conquered|invaded|executed|founded|granted|established|inherited|crowned|"
    r"took the throne|lost the throne|came to the throne|won the war|on|at|from|as|until|after|before|by|with|for)\b)"
)
# ... before whose name anything may follow it
_RULER_BEFORE = re.compile(
    r"\b(?:[Kk]ing|[Qq]ueen|[Pp]ope|[Ee]mperor|[Ee]mpress|[Tt]sar|[Cc]zar|[Kk]aiser|[Ss]ultan|[Pp]rince|[Dd]uke|"
    r"(?:reign|death|court|son|daughter|rule|heir) of|under)\s$"
)
# Numerals after a counted word that are rather letters, sizes or words: Plan C, Vitamin D, Type MIX
_NO_NUMERALS = frozenset(
    ("C", "D", "L", "M", "CD", "DC", "MIX", "DIM", "i", "v", "x", "l", "c", "d", "m", "mix", "dim", "mild")
)  # fmt: skip
# Two or three letters after a ruler's name that are none
_NO_RULERS = frozenset(
    ("CD", "CC", "CV", "DC", "DI", "DIM", "DM", "MC", "MD", "MI", "MIX", "MM", "XL", "CM", "DL", "ML")
)  # fmt: skip
# What counts without a word before it
_PLAIN = frozenset(
    ("II", "III", "VII", "VIII", "IX", "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX", "XXI", "XXII")
)  # fmt: skip
_NAME_BEFORE = re.compile(r"\b(?!(?:An?|The|No|Or|In|By|On)\s)[A-Z][\w']*\s$")
_SHORTEST_YEAR = 5  # letters; shorter numerals of a thousand and more are initials (MM, MDC)


def roman_value(numeral: str) -> int:
    """Return the value of a Roman numeral; 0 where it is none."""
    if not _VALID.fullmatch(numeral):
        return 0
    values = [_VALUES[letter] for letter in numeral.lower()]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


def _after_word(match: re.Match[str], british: bool) -> str:
    """Read the numeral behind a word: Part IV, Chapters II-V, Henry VIII."""
    word, point, numeral, last = match[1], match[2], match[3], match[4]
    value, key = roman_value(numeral), word.lower()
    if not value:
        return match[0]
    if key in _RULERS and not point and not last:
        if re.match(rf"\.\s(?!(?:{STARTERS})\b)[A-Z]", text_after(match)) and len(numeral) == 1:
            return match[0]  # Henry V. Smith
        alone = len(numeral) == 1 and not _AFTER_RULER.match(text_after(match))
        alone = alone and not _RULER_BEFORE.search(text_before(match))
        if alone or not word[0].isupper() or not numeral.isupper() or numeral in _NO_RULERS or match[0] == "Malcolm X":
            return match[0]
        return f"{word} the {ordinal_words(value)}"
    if key not in _COUNTED:
        return match[0]
    if numeral in _NO_NUMERALS and not (numeral in ("i", "v", "x") and key in _COUNTED_SMALL):
        return match[0]
    if len(numeral) == 1 and numeral.isupper() and (not word[0].isupper() or key == "no"):
        return match[0]  # "in this part I like"
    words = f"{word} {number_words(value)}"
    return f"{words} to {number_words(roman_value(last))}" if last and roman_value(last) else words


def _century(match: re.Match[str], british: bool) -> str:
    value = roman_value(match[1])
    return ordinal_words(value) if value else match[0]


def _free(match: re.Match[str], british: bool) -> str:
    """Read a numeral of two letters or more that nothing announces."""
    numeral = match[0]
    value = roman_value(numeral)
    if not value:
        return numeral
    if len(numeral) >= _SHORTEST_YEAR:
        return year_words(str(value)) if 1000 <= value <= 2100 else number_words(value)
    if value < 8 and re.search(r"\b(?:[A-Z]\.\s?){1,3}[A-Z][a-z]+,?\s$", text_before(match)):
        return f"the {ordinal_words(value)}"  # J. P. Morgan III
    full_name = re.search(r"\b([A-Z][a-z]+)\s(?:[A-Z][\w.']*\s){1,2}$", text_before(match))
    if full_name and value < 8 and full_name[1].lower() in _RULERS | _FIRST_NAMES:
        return f"the {ordinal_words(value)}"  # John Smith III
    named = numeral in ("IV", "VI", "XI", "XX") and _NAME_BEFORE.search(text_before(match))
    return number_words(value) if named or numeral in _PLAIN else numeral


def _list_mark(match: re.Match[str], british: bool) -> str:
    value = roman_value(match[1])
    return f". {number_words(value)}, " if value else match[0]


def _in_parentheses(match: re.Match[str], british: bool) -> str:
    value = roman_value(match[1])
    return f"({number_words(value)})" if value else match[0]


_SMALL_OR_CAPITAL = rf"{_NUMERAL}|[ivxlcdm]{{1,7}}"
RULES: tuple[Rule, ...] = (
    rule(r"\bWW(II?|[12])\b", lambda m, b: "world war " + ("one" if m[1] in ("I", "1") else "two")),
    rule(r"(?m)^\s?\(?([ivx]{1,5})[.)](?=\s)", _list_mark),
    rule(r"(?<!\w)\(([ivx]{2,5})\)", _in_parentheses),
    rule(rf"(?<![A-Za-z])([A-Za-z]{{2,14}})(\.?)\s({_SMALL_OR_CAPITAL})(?:[-–]({_SMALL_OR_CAPITAL}))?(?!\w|\.\w)",
         _after_word),
    rule(r"\b([IVXivx]{1,6})(?:th)?(?=\s(?i:century|centuries|olympiad|dynasty|legion|corps)\b)", _century),
    rule(rf"(?<![\w.&-])(?!I\b){_NUMERAL}(?![\w&]|\.\w)", _free),
)  # fmt: skip
