"""From written text to spoken words, with the punctuation kept as pauses.

English is written out here: numbers, dates, times, money, abbreviations. In any other language digits and
signs stay in the words as written where the espeak voice of that language reads them well by its own
rules ("3,14" is "drei Komma eins vier" in German); see `figures` for the rest.
"""

import re
import unicodedata
import warnings
from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from phonolips.errors import PhonolipsWarning
from phonolips.speech.text.agreement import agreements
from phonolips.speech.text.english import SPELLED, expand_english
from phonolips.speech.text.english.numbers import VULGAR
from phonolips.speech.text.english.signs import DECORATION
from phonolips.speech.text.english.signs import KEPT as SIGNS
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
        **dict.fromkeys("“”„‟«»‹›¿¡", " "),
        **dict.fromkeys("‐‑−﹣", "-"),
        **dict.fromkeys("‒―", "–"),
        **dict.fromkeys("،、", ","),
        **dict.fromkeys("。।॥۔", "."),
        "؛": ";",
        "؟": "?",
    }
)
_FRACTIONS = frozenset(map(chr, (*range(0xBC, 0xBF), *range(0x2150, 0x215F))))  # ½ and its like
_KEPT = frozenset(".,;:!?'-–—()%$£€¥₹&#@+=×°/⁄") | SIGNS | _FRACTIONS
LONGEST_MARK_RUN = 3  # combining marks on one letter; more is decoration
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUPERSCRIPT_RUN = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]{1,40}")
# Signs that NFKC would take apart, though they are read as one
_WHOLE_SIGNS = re.compile(f"([™℠№″º℗{VULGAR}])")
_DECORATION = re.compile("[\u2500-\u25ff\u2800-\u28ff]")  # frames, blocks, geometric shapes, Braille pictures


def _mark_inches(text: str) -> str:
    """Write the straight quote behind a number as the sign of inches, unless it closes a quotation of its line."""
    if '"' not in text:
        return text
    parts = text.split('"')
    written = [parts[0]]
    is_open = False
    for before, after in pairwise(parts):
        if "\n" in before:
            is_open = False
        inches = not is_open and before[-1:].isdigit()
        is_open ^= not inches
        written += ["″" if inches else " ", after]
    return "".join(written)


def clean_text(text: str) -> str:
    """Reduce a text to plain characters: letters and their marks, digits, white space, punctuation and known signs.

    Applies Unicode NFKC; makes quotes and dashes uniform; writes superscripts as `^2`; drops control and format
    characters, lone surrogates, emoji, and every sign that has no spoken form here (`unread_signs` lists those).
    Runs of spaces become one, of empty lines one empty line. The marks of a script (`markup.script`) stay.
    """
    text = _mark_inches(text.translate(_MARKS))
    text = _SUPERSCRIPT_RUN.sub(lambda match: "^" + match[0].translate(_SUPERSCRIPTS), text)
    kept = []
    for character in text:
        category = unicodedata.category(character)
        if category == "So" and character not in _KEPT:
            kept.append(" ")
        elif character.isspace() or category[0] != "C" or FIRST_MARK <= ord(character) <= LAST_MARK:
            kept.append(character)
    pieces = _WHOLE_SIGNS.split("".join(kept))
    normal = "".join(piece if index % 2 else unicodedata.normalize("NFKC", piece) for index, piece in enumerate(pieces))
    cleaned: list[str] = []
    marks = 0
    for character in normal:
        category = unicodedata.category(character)
        if category[0] == "M":
            marks += 1
            on_letter = bool(cleaned) and cleaned[-1] not in _KEPT and not cleaned[-1].isspace()
            wanted = category != "Me" and not "\ufe00" <= character <= "\ufe0f"
            if wanted and on_letter and marks <= LONGEST_MARK_RUN:
                cleaned.append(character)
            continue
        marks = 0
        if category[0] == "L" or category in ("Nd", "Co") or character in _KEPT or character == "\n":
            cleaned.append(character)
        else:
            cleaned.append(" ")
    plain = re.sub(" ?\n ?", "\n", re.sub(" {2,}", " ", "".join(cleaned)))
    return re.sub("\n{3,}", "\n\n", plain)


def unread_signs(text: str, language: str) -> list[str]:
    """List the signs of a text that are dropped, each once: emoji, and signs that nothing here reads.

    Decoration (bullets, frames, underlines) is not listed.
    """
    read = _KEPT if language.startswith("en") else _OTHER_SIGNS
    found = []
    for character in dict.fromkeys(text):
        if character in read or character in DECORATION or _DECORATION.match(character) or character < "\x80":
            continue
        if unicodedata.category(character) in ("So", "Sm", "Sc") and clean_text(character).strip() in ("", character):
            found.append(character)
    return found


# ---------------------------------------------------------------- tokens

_OTHER_SIGNS = frozenset("%$£€¥₹&#@+=×°")  # read by the voices of other languages
_LETTER = rf"[^\s\d\x01{MARKS}{re.escape(''.join(sorted(_KEPT)))}]"
_PAUSES = rf"(?P<mark>[{MARKS}])|(?P<stop>[.!?]|\n\s*\n)|(?P<comma>[,;:()–—]|--|(?<=\s)-(?=\s))"
_ENGLISH_TOKEN = re.compile(rf"(?P<word>\x01?'?{_LETTER}+(?:['-]{_LETTER}+)*'?)|{_PAUSES}")
_OTHER_TOKEN = re.compile(
    r"(?P<word>[-+]?\d+(?:[.,:/]\d+)*(?:\s?[%°€$£¥₹])?"
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
    if unread := unread_signs(text, language):
        some = " ".join(unread[:5])
        warnings.warn(
            f"left out {len(unread)} sign{'s' * (len(unread) > 1)} that nothing here can read: {some}",
            PhonolipsWarning,
            stacklevel=2,
        )
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
    if not english:
        cleaned = re.sub(f"[{VULGAR}]", lambda match: " " + unicodedata.normalize("NFKC", match[0]), cleaned)
    else:
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
