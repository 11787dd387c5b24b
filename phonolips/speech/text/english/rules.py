"""What a rule is: a pattern, and the function that rewrites what it finds.

Every pattern is linear in the length of the text: what repeats is bounded, possessive, or begins where nothing of its
own kind stands before it. Private characters (U+F0000 to U+FFFFD, the events of a marked-up text) are neither letters
nor white space to a pattern, so rules leave them where they are.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import NamedTuple

# Stands before a word that is said letter by letter. A cleaned text holds no control character of its own.
SPELLED = "\x01"
# White space, or private characters, between a number and what belongs to it
GAP = r"[\s\U000F0000-\U000FFFFD]{0,4}"
# Words that begin a sentence, and hardly ever a name that follows an abbreviation
STARTERS = (
    "A|After|All|Although|An|And|Are|As|At|Because|Before|But|By|Can|Do|Does|For|From|Go|He|Her|Here|His|How|However|I|"
    "If|In|Is|It|Its|Let|Many|My|No|Not|Now|Of|On|One|Or|Our|Please|She|Since|So|Some|That|The|Their|Then|There|These|"
    "They|This|Those|Though|To|We|Were|What|When|Where|Which|While|Who|Why|With|Yes|You|Your|Also|Another|Any|Both|Could|"
    "Did|During|Each|Every|Everyone|Everything|Finally|Had|Has|Have|Later|Maybe|Meanwhile|Most|Next|Nobody|Nothing|Once|"
    "Only|Perhaps|Several|Should|Someone|Something|Still|Suddenly|Today|Tomorrow|Tonight|Until|Was|Whoever|Would|Yesterday|Yet"
)
# ... in a text in capitals, where a sentence may as well go on with AT or TODAY
_GOES_ON = frozenset(
    ("And", "Are", "As", "At", "By", "Can", "For", "From", "Had", "Has", "Have", "In", "Is", "Of", "On", "Or", "To",
     "Today", "Tomorrow", "Tonight", "Until", "Was", "Were", "With", "Yesterday")
)  # fmt: skip
_CAPITAL_STARTERS = "|".join(word.upper() for word in STARTERS.split("|") if word not in _GOES_ON)
_AHEAD = 40  # characters that are looked at before and behind a match

Rewrite = Callable[[re.Match[str], bool], str]


class Rule(NamedTuple):
    """A pattern and the function that rewrites what it finds; compiled when a text first needs it."""

    pattern: str
    rewrite: Rewrite
    flags: int = 0


def rule(pattern: str, rewrite: Rewrite | str, flags: int = 0) -> Rule:
    """Make a rule of a pattern and its rewriting function, or the words that always stand in its place."""
    if isinstance(rewrite, str):
        words = f" {rewrite} "
        return Rule(pattern, lambda match, british: words, flags)
    return Rule(pattern, rewrite, flags)


@cache
def _compile(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)


def apply_rules(rules: Iterable[Rule], text: str, british: bool) -> str:
    """Rewrite a text by one rule after the other."""
    for pattern, rewrite, flags in rules:
        text = _compile(pattern, flags).sub(partial(_replace, rewrite, british), text)
    return text


def _replace(rewrite: Rewrite, british: bool, match: re.Match[str]) -> str:
    """Rewrite a match; of two spaces that meet at its edges one is left."""
    words = rewrite(match, british)
    if words.startswith(" ") and match.string[match.start() - 1 : match.start()] in ("", " ", "\n"):
        words = words[1:]
    if words.endswith(" ") and match.string[match.end() : match.end() + 1] in (" ", "\n"):
        words = words[:-1]
    return words


def one_of(words: Iterable[str]) -> str:
    """Make the pattern of any of these words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


def text_before(match: re.Match[str]) -> str:
    """Return the end of what stands before a match."""
    return match.string[max(0, match.start() - _AHEAD) : match.start()]


def text_after(match: re.Match[str]) -> str:
    """Return the beginning of what stands behind a match."""
    return match.string[match.end() : match.end() + _AHEAD]


def begins_sentence(after: str) -> bool:
    """Return whether a word that begins sentences stands first in what follows, in a text in capitals, too."""
    return re.match(rf"[')]*\s+'?(?:{STARTERS}|{_CAPITAL_STARTERS})\b", after) is not None


def ends_sentence(match: re.Match[str], *, before_names: bool = False) -> bool:
    """Return whether the full stop of an abbreviation ends a sentence, too: a capital or nothing follows.

    Args:
        match: the abbreviation with its full stop.
        before_names: names often follow it (`Inc.`, `U.S.`); only a word that begins sentences ends one.
    """
    after = text_after(match)
    if re.match(r"[')\s]*$|[')]*\s*\n\s*\n", after):
        return True
    shouted = re.match(r"[')]*\s+'?[A-Z]{2}", after) is not None and match[0].isupper()
    shouted = shouted and not any(character.islower() for character in text_before(match))
    return begins_sentence(after) if before_names or shouted else re.match(r"[')]*\s+'?[A-Z]", after) is not None


# What stands before a measure that belongs to a noun, as in `a 5 km run`: a word of these, and perhaps an adjective
_DETERMINERS = (
    r"\b(?:an?|another|each|every|this|that|my|your|his|her|its|our|their|one|no|any|some|many|several|two|three|four|"
    r"five|six|(?!(?:it|that|he|she|what|there|here|who|where|let|one)'s)[a-z]{1,20}'s|(?P<the>the|these|those))(?:\s(?:new|old|big|small|little|huge|tiny|mere|full|single|whole|standard|typical|"
    r"cheap|good|nice|long|short|quick|fast|slow|daily|typical|average|first|second|third|last|next|other|external|"
    r"internal|extra|heavy|steep|sharp|maximum|minimum))?\s(?:\d[\d.]{0,5}\s?[a-z]{1,3}\s(?:x|by)\s)?$"
)
# Words behind a measure that are no noun that it could belong to
_NO_NOUNS = (
    "about|above|across|after|against|ago|ahead|along|also|and|apart|are|around|away|because|before|behind|below|between|"
    "but|came|can|could|deep|did|does|down|during|each|for|from|goes|had|has|have|heavier|here|high|higher|how|into|just|"
    "later|less|lighter|long|longer|lower|may|more|must|near|not|now|off|old|only|onto|out|over|past|per|plus|she|should|"
    "since|tall|taller|than|that|the|then|there|they|thick|this|though|through|today|too|toward|towards|under|until|upon|"
    "was|went|were|what|when|where|which|while|who|why|wide|wider|will|with|within|without|would|yesterday|yet|you|your"
)
# Nouns that a measure stands before as an adjective, whatever stands before it: the 1500 m race
_HEADS = (
    r"\s(?:race|sprint|run|dash|relay|freestyle|hurdles|walk|hike|ride|swim|battery|bulb|lamp|fuse|charger|motor|engine|"
    r"drive|disk|card|screen|monitor|display|vinyl|laptop|radius|limit|zone|bottle|bag|pipe|cable|processor|lens)s?\b"
)


def stands_before_noun(match: re.Match[str]) -> bool:
    """Return whether a measure belongs to a noun, as in `a 5 km run`: its unit stands in the singular."""
    if re.match(_HEADS, text_after(match)):
        return True
    found = re.search(_DETERMINERS, text_before(match), re.IGNORECASE)
    if not found:
        return False
    if re.search(r"\ban?\s$", found[0], re.IGNORECASE) and re.match(r",\s[\da-z]", text_after(match)):
        return True  # a 1.8L, four-cylinder engine
    after = re.match(
        rf"(?:\s(?:x|by)\s\d[\d.]{{0,5}}\s?[a-z]{{1,3}})?\s(?!(?:{_NO_NOUNS})\b)([a-z]{{3,}}|[A-Z]{{2,}})",
        text_after(match),
    )
    return after is not None and not (found["the"] and after[1].endswith("ed"))


def stop(match: re.Match[str], *, before_names: bool = False) -> str:
    """Return the full stop that stays behind an abbreviation, or a space."""
    return ". " if match[0].endswith(".") and ends_sentence(match, before_names=before_names) else " "
