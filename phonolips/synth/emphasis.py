"""Which of the words spoken are to be emphasised: as people write them, "U.S." or "2024", or as they are spoken."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from phonolips.lips.emphasis import LEAST_EMPHASIS, MOST_EMPHASIS, Emphasis, check_emphasis
from phonolips.speech.text.normalise import clean_text, normalise_text

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

STAND_IN = "qzx"  # a word like any other, that no text holds


def asked_emphasis(words: "Sequence[SpokenWord]", emphasis: Emphasis) -> dict[str | int, float]:
    """Add the emphasis that a text's own mark-up asks for to a caller's, which wins where both have a word.

    Args:
        words: those of the text, pauses among them.
        emphasis: as `find_emphasis` returns it.
    """
    spoken = [word for word in words if word.word]
    own: dict[str | int, float] = {
        place: min(max(word.emphasis, LEAST_EMPHASIS), MOST_EMPHASIS)
        for place, word in enumerate(spoken)
        if word.emphasis != 1.0 and word.word.lower() not in emphasis
    }
    return own | dict(emphasis)


def find_emphasis(
    emphasis: Emphasis, words: Sequence[str], text: str | None = None, language: str = "en-us"
) -> dict[str | int, float]:
    """Find the words spoken that somebody wrote otherwise.

    A written word may be several spoken ones, "twenty twenty four": then all of them are emphasised, there and not
    where one of them comes up by itself. A word in capitals, as US, is not the same word in small letters.

    Args:
        emphasis: word as written or spoken, or its place -> factor.
        words: those spoken, in their order; pauses are empty.
        text: as written, without mark-up, where it is known.
        language: as espeak names it.

    Returns:
        word as spoken, or its place among those that are no pauses -> factor.

    Raises:
        InputError: a word is not among them, or a factor is none.
    """
    if not isinstance(emphasis, Mapping):
        check_emphasis(emphasis, words)
    said = [word.lower() for word in words if word]
    found: dict[str | int, float] = {}
    for key, factor in emphasis.items():
        if isinstance(key, int):
            found[key] = factor
            continue
        plain = clean_text(key).strip().lower()
        in_capitals = key.isupper() and len(key) > 1
        if plain in said and not (in_capitals and text is not None):
            found[plain] = factor
            continue
        places = _places_of(key, said, text, language) if plain else ()
        found |= dict.fromkeys(places, factor) if places else {(plain if plain in said else key): factor}
    check_emphasis(found, words)
    return found


def _places_of(written: str, said: Sequence[str], text: str | None, language: str) -> list[int]:
    """List the places of the spoken words that a written one stands for."""
    if text is not None:
        places = _places_in_text(written, said, text, language)
        if places:
            return places
    alone = _spoken(written, language)
    starts = range(len(said) - len(alone) + 1) if alone else ()
    return [start + i for start in starts if said[start : start + len(alone)] == alone for i in range(len(alone))]


def _places_in_text(written: str, said: Sequence[str], text: str, language: str) -> list[int]:
    """Find what a written word becomes where it stands: put another in its place, and see which words are gone."""
    everything = _spoken(text, language)
    if everything != list(said):
        return []  # some words could not be said: places in the text are not those of the words spoken
    capitals = written.isupper() and len(written) > 1
    pattern = re.compile(rf"(?<!\w){re.escape(written)}(?!\w)", 0 if capitals else re.IGNORECASE)
    places: list[int] = []
    for match in pattern.finditer(text):
        stand_in = STAND_IN if any(letter.islower() for letter in text) else STAND_IN.upper()
        others = _spoken(f"{text[: match.start()]}{stand_in}{text[match.end() :]}", language)
        if STAND_IN not in others:
            continue
        first = others.index(STAND_IN)
        after = len(others) - first - 1
        end = len(everything) - after
        if everything[:first] == others[:first] and everything[end:] == others[first + 1 :]:
            places += range(first, end)
    return places


def _spoken(text: str, language: str) -> list[str]:
    """List the words that a text is spoken as, without pauses."""
    from phonolips.speech.text.detect import resolve_language

    return [token.word.lower() for token in normalise_text(text, resolve_language(text, language)) if token.word]
