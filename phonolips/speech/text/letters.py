"""What is said letter by letter: the letter A, and initialisms such as BBC, AI and IDs.

Capitals alone do not tell: NASA is a word, and so is NOW in `do it NOW`. Two or three capitals are letters unless they
are a common word or one of SAID_AS_WORDS; four and more are a word where the dictionary has it or where it can be
pronounced.
"""

import re
from collections.abc import Sequence

from phonolips.speech.text.lexicon import ALPHABET, letter_name, pronunciations
from phonolips.speech.text.normalise import Token

# ---------------------------------------------------------------- the letter A

# GRID's six words (Cooke, Barker, Cunningham and Shao, 2006)
_GRID_WORDS: tuple[frozenset[str], ...] = (
    frozenset(("bin", "lay", "place", "set")),
    frozenset(("blue", "green", "red", "white")),
    frozenset(("at", "by", "in", "with")),
    frozenset(ALPHABET) - {"w"},
    frozenset(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")),
    frozenset(("again", "now", "please", "soon")),
)
# Nouns that a letter is the name of: plan A, vitamin A
_LETTERED = frozenset(
    ("vitamin", "vitamins", "plan", "section", "grade", "type", "group", "hepatitis", "class", "level", "levels",
     "appendix", "figure", "part", "point", "option", "exhibit", "team", "letter", "letters", "block", "unit",
     "schedule", "series", "category", "side", "column", "row", "answer", "choice", "building", "terminal", "gate",
     "influenza", "flu", "protein", "factor", "omicron", "case", "scenario", "theorem", "variant", "version", "phase",
     "step", "sample", "lane", "zone", "hall", "room", "wing", "platform", "list", "blood", "straight", "double",
     "triple", "an", "capital", "note", "serie", "line", "item", "layer", "route", "drive", "model", "set", "matrix",
     "variable", "node", "user", "player", "company", "product", "paper", "formula", "annex", "table", "chart", "box",
     "square", "subsection", "paragraph", "clause", "article", "chapter", "volume", "tier", "league",
     "string", "chromosome")
)  # fmt: skip
# ... of which these stand before an article just as well in small letters: set a table, list a house
_LETTERED_IN_CAPITALS = frozenset(
    ("point", "side", "answer", "gate", "factor", "case", "step", "sample", "list", "note", "line", "route", "drive",
     "model", "set", "box", "table", "paper", "chart", "part", "figure", "row", "type", "level", "grade", "room",
     "version", "phase", "layer", "item", "block", "double", "triple", "straight", "team", "group", "class", "plan",
     "building", "product", "string", "letter", "letters", "levels", "series", "square", "user", "player", "company")
)  # fmt: skip
_AFTER_LETTER = frozenset(
    ("is", "was", "has", "and", "or", "to", "comes", "means", "stands", "equals", "minus", "plus", "minor", "major",
     "flat", "sharp", "through", "student", "students", "grade", "grades", "team", "levels", "level", "list")
)  # fmt: skip
_BETWEEN_LETTERS = frozenset(("and", "or", "to", "through", "plus", "minus", "versus", "by"))


def _is_letter_a(words: Sequence[str], place: int, *, capital: bool) -> bool:
    """Return whether the `a` at `place` in a sentence is the letter; `capital`: written as one, and not first in it."""
    last = words[place - 1] if place else ""
    following = [*words[place + 1 : place + 3], "", ""]
    if list(words[max(0, place - 2) : place]) == ["the", "letter"]:
        return True
    if last in _LETTERED and (capital or last not in _LETTERED_IN_CAPITALS):
        return True
    if following[0] == "b" or (following[0] in _BETWEEN_LETTERS and following[1] in ("b", "z")):
        return True  # a b c; from a to z
    if place == 0:
        return following[0] in ("is", "was", "and", "or", "comes", "equals", "stands", "minus")
    return capital


def _title_case(tokens: Sequence[Token], index: int) -> bool:
    """Return whether both neighbours have capitals, as in the title `Once Upon A Time`."""
    beside = [tokens[place] for place in (index - 1, index + 1) if 0 <= place < len(tokens)]
    return len(beside) == 2 and all(token.word and token.capitalised for token in beside)


def find_letter_a(tokens: Sequence[Token], spell_letters: bool) -> set[int]:
    """Find every `a` that is the letter and not the article.

    Args:
        tokens: of a whole text.
        spell_letters: every `a` is.
    """
    words = [token.word for token in tokens if token.word]
    grid = len(words) == len(_GRID_WORDS) and all(
        word in allowed for word, allowed in zip(words, _GRID_WORDS, strict=True)
    )
    found = set()
    sentence: list[str] = []
    for index, token in enumerate(tokens):
        if not token.word:
            sentence = [] if token.pause_seconds else sentence
            continue
        sentence.append(token.word)
        if token.word != "a":
            continue
        last = index + 1 == len(tokens) or bool(not tokens[index + 1].word and tokens[index + 1].pause_seconds)
        following = [item.word for item in tokens[index + 1 : index + 4] if item.word]
        capital = token.capitalised and len(sentence) > 1 and not _title_case(tokens, index)
        letter = _is_letter_a([*sentence, *following], len(sentence) - 1, capital=capital)
        if grid or spell_letters or last or letter:
            found.add(index)
    return found


# ---------------------------------------------------------------- initialisms


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Common words of two and three letters: in capitals they are still these words
_COMMON_WORDS = _listed("""
    am an as at be by do go he hi if in is it me my no of oh ok on or ox so to up us we mr dr st mt ye ha ah act add
    ads age ago aid aim air all and ann any are arm art ask ass ate bad bag ban bar bat bay bed ben bet bid big bin
    bit bob bow box boy bro bus but buy bye can cap car cat cop cow cry cup cut dad dan day did die dig dim dog don
    dot dry dub due ear eat egg ego end era eve eye fan far fat fed fee few fig fit fix fly fog for fox fun fur gap
    gas gay get god got gun guy gym had ham has hat hay hen her hey him hip his hit hop hot how hug hut ian ice ill
    ink inn its jam jan jar jaw jay jet jim job joe jog jon joy jug key kid kim kit lab lap law lay leg leo let lid
    lie lip log lot low mad man map mat max may men met mix mom mop mrs mud mug mum nah net new nod nor not now nut
    odd off oil old one our out owe owl own pan pat paw pay pen per pet pie pig pin pit pop pot pro pub put ran rat
    raw ray red rib rid rip rob rod ron row rub rug run sad sam san saw say sea see set sex she shy sin sir sit six
    ski sky son sow spy sub sue sum sun tag tan tap tax tea ten the tie tim tin tip toe tom ton too top toy try tub
    two ugh use van via war was wax way web wet who why win wow yay yea yep yes yet you zip zoo yum duh aww boo huh
    hmm shh cab cam rim vet dye hum
""")
# Initialisms that are said as words, though they are short, or not in the dictionary
SAID_AS_WORDS = _listed("""
    sim lan wan ram rom gif cad vin pac sap cern nasa nato opec aids unesco unicef fifa uefa nafta scuba radar sonar
    laser taser swat covid sars mers fema osha ikea nimby yolo fomo potus scotus captcha ascii basic cobol jpeg mpeg
    vram dram sram eprom bios nascar hamas isis asean aipac darpa noaa mensa asbo bafta oxfam pisa wifi hipaa gaap
    lidar toefl gmat
""")
# Letters, though the dictionary has such a word, or they could be pronounced, or people write them small
SAID_AS_LETTERS = _listed("""
    ai id ev eta aka asap lol omg diy faq imo idk iou ipo iso gui api url usb ui ux vr eu uk iq ufo usa uae ceo cio
    coo cfo cto cmo led oled ira nra aclu nypd nyu ucla espn ussr ieee iaea efta adhd lgbtq hdmi eula ngo ppe aoc
    aol ufc ioc aba ama apa esa raf eeoc aaa epa suv atv ota
""")
# In capitals each of these is a word where its neighbours show it: WHO said it; that is IT
_US, _IT, _WHO, _AM = "us", "it", "who", "am"
_BEFORE_IT_WORD = frozenset(
    ("is", "was", "that's", "this", "do", "did", "does", "want", "get", "got", "take", "make", "stop", "said", "not",
     "be", "see", "like", "love", "hate", "of", "to", "and", "but", "because", "if", "when", "about")
)  # fmt: skip
_AFTER_IT_LETTERS = frozenset(
    ("department", "support", "team", "guy", "staff", "manager", "industry", "sector", "systems", "system", "services",
     "service", "security", "infrastructure", "professional", "professionals", "company", "companies", "specialist",
     "consultant", "job", "jobs", "budget", "skills", "people", "helpdesk", "desk", "equipment", "project", "projects",
     "director", "expert", "engineer", "crowd", "firm", "world", "course", "degree", "problems", "issues", "admin")
)  # fmt: skip
_LONGEST_SHORT = 3  # letters
# Groups of consonants at the start and end of a word that can be said, and how many vowels may meet
_ONSETS = frozenset(
    ("bl", "br", "ch", "cl", "cr", "dr", "dw", "fl", "fr", "gl", "gr", "kl", "kn", "kr", "ph", "pl", "pr", "qu", "sc",
     "sch", "scr", "sh", "sk", "sl", "sm", "sn", "sp", "spl", "spr", "sq", "squ", "st", "str", "sw", "th", "thr", "tr",
     "tw", "vl", "wh", "wr")
)  # fmt: skip
_CODAS = frozenset(
    ("ch", "ck", "ct", "ff", "ft", "gh", "ght", "ks", "ld", "lf", "lk", "ll", "lm", "lp", "ls", "lt", "mp", "ms", "nc",
     "nch", "nd", "ng", "nk", "ns", "nt", "ph", "ps", "pt", "rb", "rc", "rch", "rd", "rf", "rg", "rk", "rl", "rm", "rn",
     "rp", "rs", "rt", "rth", "sh", "sk", "sp", "ss", "st", "tch", "th", "ts", "tz", "xt", "zz")
)  # fmt: skip


def spell(letters: str, language: str) -> tuple[str, ...]:
    """Return the phones of the letters' names; () where a letter is not of the English alphabet."""
    if not letters or any(letter not in ALPHABET for letter in letters):
        return ()
    return tuple(phone for letter in letters for phone in letter_name(letter, language))


def _can_be_pronounced(letters: str) -> bool:
    """Return whether a word of these letters has vowels where English needs them."""
    groups = re.findall(r"[aeiouy]+|[^aeiouy]+", letters)
    if not re.search("[aeiou]", letters) or len(groups) < 2:
        return False
    first, last = groups[0], groups[-1]
    if first[0] not in "aeiouy" and len(first) > 1 and first not in _ONSETS:
        return False
    if last[0] not in "aeiouy" and len(last) > 1 and last not in _CODAS:
        return False
    return not any(len(group) > 2 for group in groups[1:-1]) and len(max(groups, key=len)) <= 3


def is_initialism(letters: str) -> bool:
    """Return whether capitals are said letter by letter, whatever stands around them.

    Args:
        letters: of two and more, in small letters, without a plural's -s.
    """
    if letters in SAID_AS_WORDS:
        return False
    if letters in SAID_AS_LETTERS:
        return True
    known = pronunciations(letters)
    if len(letters) <= _LONGEST_SHORT:
        return letters not in _COMMON_WORDS
    return spell(letters, "en-us") in known or (not known and not _can_be_pronounced(letters))


def _in_shout(tokens: Sequence[Token], index: int) -> bool:
    """Return whether a word in capitals stands among others that are plain words, as in `DO IT NOW`."""
    run = [index]
    for step in (-1, 1):
        place = index + step
        while 0 <= place < len(tokens) and (tokens[place].capitals or tokens[place].word in ("i", "a")):
            run.append(place)
            place += step
    capitals = [tokens[place].word[: tokens[place].capitals] for place in run if tokens[place].capitals]
    return any(
        letters not in (_US, _IT, _WHO, _AM) and letters not in SAID_AS_WORDS and not is_initialism(letters)
        for letters in capitals
    )


def find_initialisms(tokens: Sequence[Token]) -> set[int]:
    """Find the words in capitals that are said letter by letter; IT, US and WHO by what stands beside them."""
    found = set()
    for index, token in enumerate(tokens):
        if not token.capitals:
            continue
        letters = token.word[: token.capitals]
        last = tokens[index - 1].word if index else ""
        following = tokens[index + 1].word if index + 1 < len(tokens) else ""
        if _in_shout(tokens, index) and letters in (_US, _IT, _WHO, _AM):
            continue
        spelled = is_initialism(letters)
        if letters == _US:
            spelled = True
        elif letters == _IT:
            spelled = following in _AFTER_IT_LETTERS or (last not in _BEFORE_IT_WORD and token.word == letters)
        elif letters == _WHO:
            spelled = last == "the" or token.word != letters
        elif letters == _AM:
            spelled = following in ("radio", "station", "band")
        if spelled:
            found.add(index)
    return found
