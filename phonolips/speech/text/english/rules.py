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
    "They|This|Those|Though|To|We|Were|What|When|Where|Which|While|Who|Why|With|Yes|You|Your"
)
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


def ends_sentence(match: re.Match[str], *, before_names: bool = False) -> bool:
    """Return whether the full stop of an abbreviation ends a sentence, too: a capital or nothing follows.

    Args:
        match: the abbreviation with its full stop.
        before_names: names often follow it (`Inc.`, `U.S.`); only a word that begins sentences ends one.
    """
    after = text_after(match)
    if re.match(r"[')\s]*$|[')]*\s*\n\s*\n", after):
        return True
    return re.match(rf"[')]*\s+'?(?:{STARTERS})\b" if before_names else r"[')]*\s+'?[A-Z]", after) is not None


def stop(match: re.Match[str], *, before_names: bool = False) -> str:
    """Return the full stop that stays behind an abbreviation, or a space."""
    return ". " if match[0].endswith(".") and ends_sentence(match, before_names=before_names) else " "
