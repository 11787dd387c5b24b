"""From written text to spoken words, with the punctuation kept as pauses.

English is written out here: numbers, dates, times, money, abbreviations. In any other language the
digits and signs stay in the words as written, because the espeak voice of that language reads them by
its own rules ("3,14" is "drei Komma eins vier" in German).
"""

import re
import unicodedata
from typing import NamedTuple

from phonolips.speech.text.english import SPELLED, expand_english

COMMA_SECONDS = 0.2  # pause at a comma, semicolon, colon, dash, parenthesis
STOP_SECONDS = 0.4  # pause at the end of a sentence or paragraph


class Token(NamedTuple):
    """A spoken word, or a pause where `word` is empty.

    Args:
        word: the word in lower case, with its apostrophes and hyphens.
        pause_seconds: the length of the pause; 0 for a word.
        spelled: it is said letter by letter, as `U.S.A.` is.
        capitals: how many capitals it begins with, where it stands in capitals among words that do not, as
            `BBC`, `CDs` and `NASA` do; the dictionary decides whether it is a word.
        capitalised: it is written with a capital, in a text that has small letters, too.
    """

    word: str
    pause_seconds: float = 0.0
    spelled: bool = False
    capitals: int = 0
    capitalised: bool = False


# ---------------------------------------------------------------- characters

_MARKS = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛ʻʼ`´", "'"),
        **dict.fromkeys("“”„‟«»‹›¿¡′″", " "),
        **dict.fromkeys("‐‑−﹣", "-"),
        **dict.fromkeys("‒―", "–"),
        **dict.fromkeys("،、", ","),
        **dict.fromkeys("。।॥۔", "."),
        "؛": ";",
        "؟": "?",
    }
)
_KEPT = frozenset(".,;:!?'-–—()%$£€¥₹&#@+=×°/⁄")
LONGEST_MARK_RUN = 3  # combining marks on one letter; more is decoration


def clean_text(text: str) -> str:
    """Reduce a text to plain characters: letters and their marks, digits, white space, known punctuation.

    Applies Unicode NFKC; makes quotes and dashes uniform; drops control and format characters, lone
    surrogates, emoji, superscripts and every sign that has no spoken form here.
    """
    text = re.sub(r"[¼-¾⅐-⅞]", lambda match: " " + match[0], text.translate(_MARKS))
    kept = []
    for character in text:
        category = unicodedata.category(character)
        superscript = category == "No" and unicodedata.decomposition(character).startswith("<super>")
        if superscript or (category == "So" and character != "°"):
            kept.append(" ")
        elif character.isspace() or category[0] != "C":
            kept.append(character)
    cleaned: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFKC", "".join(kept)):
        category = unicodedata.category(character)
        if category[0] == "M":
            marks += 1
            on_letter = bool(cleaned) and cleaned[-1] not in _KEPT and not cleaned[-1].isspace()
            wanted = category != "Me" and not "\ufe00" <= character <= "\ufe0f"
            if wanted and on_letter and marks <= LONGEST_MARK_RUN:
                cleaned.append(character)
            continue
        marks = 0
        if category[0] == "L" or category == "Nd" or character in _KEPT or character == "\n":
            cleaned.append(character)
        else:
            cleaned.append(" ")
    return "".join(cleaned)


# ---------------------------------------------------------------- tokens

_LETTER = r"[^\s\d.,;:!?'()%$£€¥₹&#@+=×°/⁄–—\x01-]"
_PAUSES = r"(?P<stop>[.!?]|\n\s*\n)|(?P<comma>[,;:()–—]|--|(?<=\s)-(?=\s))"
_ENGLISH_TOKEN = re.compile(rf"(?P<word>\x01?'?{_LETTER}+(?:['-]{_LETTER}+)*'?)|{_PAUSES}")
_OTHER_TOKEN = re.compile(
    r"(?P<word>[-+]?\d+(?:[.,:/]\d+)*\s?[%°€$£¥₹]?"
    rf"|(?:{_LETTER}\.){{2,}}|'?{_LETTER}+(?:['&-]{_LETTER}+)*'?|[%$£€¥₹&#@+=×°])|{_PAUSES}"
)
_LEADING_APOSTROPHE = frozenset(("'bout", "'cause", "'em", "'n", "'round", "'til", "'tis", "'twas"))
_CAPITALS = re.compile(r"([A-Z]{2,})(?:'?s)?")


def _word_token(written: str, *, capitals_mean_something: bool) -> Token | None:
    """Make the token of a written word; None for an apostrophe without letters."""
    spelled = written.startswith(SPELLED)
    written = written.lstrip(SPELLED)
    if written.startswith("'") and written.lower().rstrip("'") not in _LEADING_APOSTROPHE:
        written = written[1:]
    if written.endswith("'") and not written.lower().endswith("in'"):
        written = written[:-1]
    if not written:
        return None
    found = _CAPITALS.fullmatch(written) if capitals_mean_something else None
    capitals = len(found[1]) if found else 0
    capitalised = capitals_mean_something and written[0].isupper()
    return Token(written.lower(), 0.0, spelled, capitals, capitalised)


def normalise_text(text: str, language: str = "en-us") -> list[Token]:
    """Convert written text to spoken words and pauses.

    Args:
        text: anything; what cannot be spoken (emoji, control characters) is dropped.
        language: an espeak voice's code. Codes that begin with `en` get English rules; `en-gb` dates are
            day first.

    Returns:
        Tokens in their order. Pauses are 0.2 s at a comma, semicolon, colon, dash or parenthesis and 0.4 s
        at the end of a sentence or paragraph; of several in a row the longest stays; none is at the start or
        end. Empty for a text with nothing to say.
    """
    english = language.startswith("en")
    cleaned = clean_text(text)
    shouted = not any(character.islower() for character in cleaned) and len(cleaned.split()) > 1
    pattern = _OTHER_TOKEN
    if english:
        cleaned = expand_english(cleaned, british=language.startswith("en-gb"))
        pattern = _ENGLISH_TOKEN
    tokens: list[Token] = []
    for match in pattern.finditer(cleaned):
        if match["word"]:
            token = _word_token(match["word"], capitals_mean_something=english and not shouted)
            if token is not None:
                tokens.append(token)
            continue
        seconds = STOP_SECONDS if match["stop"] else COMMA_SECONDS
        if tokens and not tokens[-1].word:
            tokens[-1] = Token("", max(seconds, tokens[-1].pause_seconds))
        elif tokens:
            tokens.append(Token("", seconds))
    if tokens and not tokens[-1].word:
        tokens.pop()
    return tokens
