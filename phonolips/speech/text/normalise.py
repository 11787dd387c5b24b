"""From written text to spoken words, with the punctuation kept as pauses.

English is written out here: numbers, dates, times, money, abbreviations. In any other language digits and
signs stay in the words as written where the espeak voice of that language reads them well by its own
rules ("3,14" is "drei Komma eins vier" in German); see `figures` for the rest.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Mapping
from typing import NamedTuple

from phonolips.speech.text.agreement import agreements
from phonolips.speech.text.english import SPELLED, expand_english
from phonolips.speech.text.figures import write_out_figures
from phonolips.speech.text.markup.script import FIRST_MARK, LAST_MARK, MARKS
from phonolips.speech.text.writing import cut_run, plain_writing

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
    """

    word: str
    pause_seconds: float = 0.0
    spelled: bool = False
    capitals: int = 0


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
    surrogates, emoji, superscripts and every sign that has no spoken form here. The marks of a
    script (`markup.script`) stay.
    """
    text = re.sub(r"[¼-¾⅐-⅞]", lambda match: " " + match[0], text.translate(_MARKS))
    kept = []
    for character in text:
        category = unicodedata.category(character)
        superscript = category == "No" and unicodedata.decomposition(character).startswith("<super>")
        if superscript or (category == "So" and character != "°"):
            kept.append(" ")
        elif character.isspace() or category[0] != "C" or FIRST_MARK <= ord(character) <= LAST_MARK:
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
        if category[0] == "L" or category == "Nd" or character in _KEPT or character == "\n" or category == "Co":
            cleaned.append(character)
        else:
            cleaned.append(" ")
    return "".join(cleaned)


# ---------------------------------------------------------------- tokens

_LETTER = rf"[^\s\d.,;:!?'()%$£€¥₹&#@+=×°/⁄–—\x01{MARKS}-]"
_PAUSES = rf"(?P<mark>[{MARKS}])|(?P<stop>[.!?]|\n\s*\n)|(?P<comma>[,;:()–—]|--|(?<=\s)-(?=\s))"
_ENGLISH_TOKEN = re.compile(rf"(?P<word>\x01?'?{_LETTER}+(?:['-]{_LETTER}+)*'?)|{_PAUSES}")
_OTHER_TOKEN = re.compile(
    r"(?P<word>[-+]?\d+(?:[.,:/]\d+)*(?:\s?[%°€$£¥₹])?"
    rf"|(?:{_LETTER}\.){{2,}}|'?{_LETTER}+(?:['&-]{_LETTER}+)*'?|[%$£€¥₹&#@+=×°])|{_PAUSES}"
)
_LEADING_APOSTROPHE = frozenset(("'bout", "'cause", "'em", "'n", "'round", "'til", "'tis", "'twas"))
_CAPITALS = re.compile(r"([A-Z]{2,})(?:'?s)?")
_ALWAYS_SPELLED = frozenset(("US",))  # as a word in capitals among others that are not


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
    return Token(written.lower(), 0.0, spelled or (capitals > 0 and written in _ALWAYS_SPELLED), capitals)


class PlacedMark(NamedTuple):
    """A mark of a script: the character, and the place of the token that it stands before."""

    mark: str
    place: int


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
    tokens, _ = normalise_marked(text, language)
    first = next((place for place, token in enumerate(tokens) if token.word), len(tokens))
    tokens = tokens[first:]
    while tokens and not tokens[-1].word:
        tokens.pop()
    return tokens


def normalise_marked(
    text: str, language: str = "en-us", transparent: Mapping[str, bool] | None = None
) -> tuple[list[Token], list[PlacedMark]]:
    """Convert text with the marks of a script to tokens, as `normalise_text` does, and the marks among them.

    Pauses at the start and end stay.

    Args:
        text: with marks.
        language: as for `normalise_text`.
        transparent: marks that change nothing in how the words around them are read, such as the beginning and the end
            of an emphasis: the text is read without them, and they are put where they belong. -> whether it is an end.
    """
    transparent = transparent or {}
    tokens, marks = _tokens(text, language)
    if not any(mark.mark in transparent for mark in marks):
        return tokens, marks
    plain, others = _tokens("".join(character for character in text if character not in transparent), language)
    return plain, _place_marks(tokens, marks, plain, others, transparent)


def _place_marks(
    seen: list[Token],
    marks: list[PlacedMark],
    plain: list[Token],
    others: list[PlacedMark],
    transparent: Mapping[str, bool],
) -> list[PlacedMark]:
    """Find where marks belong among tokens that were read without some of them.

    Args:
        seen: tokens as they are read with all marks, which may part what belongs together, such as "$5".
        marks: among these.
        plain: tokens as they are read without the transparent marks.
        others: the marks among these.
        transparent: the marks that are not there -> whether it is an end: inside of a word, that comes after it, and a
            beginning before it.
    """
    first, second = ([place for place, token in enumerate(tokens) if token.word] for tokens in (seen, plain))
    before: list[int] = [0]  # for each count of words that were seen, how many of the plain ones they are, whole ones
    after: list[int] = [0]  # and with the one that they end in
    for more, plain_more, _ in agreements([seen[i].word for i in first], [plain[i].word for i in second]):
        start, end = before[-1], before[-1] + plain_more
        if not more:
            before[-1] = after[-1] = end  # words that only the plain reading has belong to what is before them
        else:
            before += [*(min(start + count, max(start, end - 1)) for count in range(1, more)), end]
            after += [*(min(start + count, end) for count in range(1, more)), end]
    rest = iter(others)
    placed: list[PlacedMark] = []
    earliest = 0
    for mark in marks:
        if mark.mark in transparent:
            words = (after if transparent[mark.mark] else before)[bisect_left(first, mark.place)]
            place = second[words - 1] + 1 if words else 0
        else:
            place = next(rest, mark._replace(place=earliest)).place
        earliest = max(earliest, place)
        placed.append(mark._replace(place=earliest))
    return placed


def _tokens(text: str, language: str) -> tuple[list[Token], list[PlacedMark]]:
    """Convert text to tokens, and the marks among them."""
    english = language.startswith("en")
    if not english:
        text = write_out_figures(plain_writing(text, language), language)
    cleaned = clean_text(text)
    shouted = not any(character.islower() for character in cleaned) and len(cleaned.split()) > 1
    pattern = _OTHER_TOKEN
    if english:
        cleaned = expand_english(cleaned, british=language.startswith("en-gb"))
        pattern = _ENGLISH_TOKEN
    tokens: list[Token] = []
    marks: list[PlacedMark] = []
    for match in pattern.finditer(cleaned):
        if match["word"]:
            token = _word_token(match["word"], capitals_mean_something=english and not shouted)
            if token is not None:
                tokens += [token._replace(word=piece) for piece in cut_run(token.word)]
        elif match["mark"]:
            marks.append(PlacedMark(match["mark"], len(tokens)))
        else:
            seconds = STOP_SECONDS if match["stop"] else COMMA_SECONDS
            if tokens and not tokens[-1].word:
                tokens[-1] = Token("", max(seconds, tokens[-1].pause_seconds))
            else:
                tokens.append(Token("", seconds))
    return tokens, marks
