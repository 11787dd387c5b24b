"""The languages that espeak-ng's voices speak: their codes, and every way in which people write them."""

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

from phonolips.checks import check_text, shown
from phonolips.errors import InputError, did_you_mean

AUTO = "auto"  # the language is told from the text
# espeak-ng 1.52 has files for these voices, but for three no dictionary, and one ends the process
# (tools/bench/languages.py tries them all)
BROKEN_VOICES = frozenset(("fo", "kaa", "kl", "xex"))
_WITHOUT_ESPEAK = {"en": "en-us", "en-us": "en-us", "en-gb": "en-gb"}  # the dictionary speaks them, too
# Voices of espeak-ng 1.52 that misread their own writing (tools/bench/languages.py voices), and how.
MISREAD = {
    "chr-US-Qaaa-x-west": "espeak-ng's voice spells Cherokee letters by their numbers; expect no Cherokee",
    "kok": "espeak-ng's voice names the vowel signs instead of saying them; expect wrong phones, or use mr (Marathi)",
    "my": "espeak-ng's voice loses most vowel signs; expect wrong phones",
    "shn": "espeak-ng's voice names the tone signs instead of saying them; expect wrong phones",
    "th": "espeak-ng's voice loses most vowel signs; expect wrong phones",
}
_NO_REGION = re.compile(r"aa|q[m-z]|x[a-z]|zz")  # codes that ISO 3166 gives to no country
_SHORTEST_NAME = 4  # letters; shorter ones are codes, of which every misspelling is near another one
_TABLE = Path(__file__).with_name("languages.tsv")


class Language(NamedTuple):
    """One language, or one accent of it, as a voice of espeak-ng speaks it.

    Args:
        code: the voice's code, such as `de` or `pt-br`.
        name: its English name.
        own_name: its own name, in its own script.
        others: other codes and names, in small letters.
    """

    code: str
    name: str
    own_name: str
    others: tuple[str, ...]


@cache
def all_languages() -> dict[str, Language]:
    """Map the code of every voice that is installed and works to its language, by code.

    Raises MissingToolError where espeak-ng's library is not installed.
    """
    from phonolips.speech.text.espeak_data import voice_names

    table: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    for line in _TABLE.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            code, name, own, others = line.split("\t")
            table[code] = (name, own, tuple(filter(None, (other.strip() for other in others.split(",")))))
    return {
        code: Language(code, *table.get(code, (name, name, ())))
        for code, name in sorted(voice_names().items())
        if code not in BROKEN_VOICES
    }


def _plain(name: str) -> str:
    """Write a name or code in the form in which names are compared: pt_BR.UTF-8 -> pt-br, Français -> francais."""
    return " ".join(without_marks(re.sub(r"[.@].*", "", name.strip()).casefold().replace("_", "-")).split())


def without_marks(word: str) -> str:
    """Strip the accents and other marks of a word: café -> cafe."""
    parts = unicodedata.normalize("NFD", word)
    return "".join(part for part in parts if unicodedata.category(part) != "Mn")


@cache
def _names() -> dict[str, str]:
    """Map every code and name, as `_plain` writes it, to the voice's code; a code wins over a name."""
    found: dict[str, str] = {}
    languages = all_languages()
    for code in languages:
        found.setdefault(_plain(code), code)
    for language in languages.values():
        for other in language.others:
            found.setdefault(_plain(other), language.code)
    for language in languages.values():
        found.setdefault(_plain(language.name), language.code)
    for language in languages.values():
        for name in (language.own_name, language.name.partition(" (")[0]):
            found.setdefault(_plain(name), language.code)
    return found


def canonical_language(language: str) -> str:
    """Convert a language's code or name to the code of espeak-ng's voice.

    Args:
        language: a voice's code, an ISO 639 code of two or three letters, a locale (`pt_BR`, `zh-HK`, `sr-Latn`), or
            a name, its own or in English (`German`, `Deutsch`).

    Raises:
        InputError: there is no such voice; the message names the nearest, or some.
    """
    plain = _plain(check_text(language, "language", "'en-us'"))
    if plain in _WITHOUT_ESPEAK:
        return _WITHOUT_ESPEAK[plain]
    if plain == AUTO:
        raise InputError(
            "language 'auto' is told from a text, and there is none here; expected a language's code or name"
        )
    names = _names()
    parts = plain.split("-")
    while parts:  # de-AT and sr-Latn-RS have no voice of their own
        if found := names.get("-".join(parts)):
            return found
        if _NO_REGION.fullmatch(parts.pop()):
            break
    english = [item.name.partition(" (")[0] for item in all_languages().values()]
    near = did_you_mean(plain, english) if len(plain) >= _SHORTEST_NAME else ""
    raise InputError(
        f"language {shown(language)} has no espeak voice; expected one of {len(all_languages())}, such as en-us, "
        f"en-gb, de, es, fr-fr, it, nl, pt-br (all of them: phonolips languages){near}"
    )


def is_auto(language: str) -> bool:
    """Return whether the language is to be told from the text."""
    return isinstance(language, str) and language.strip().lower() == AUTO


def find_languages(query: str) -> list[Language]:
    """List the languages whose codes or names hold what is searched for, such as `german` or `zh`."""
    wanted = _plain(query)
    found = []
    exact = _names().get(wanted)
    for language in all_languages().values():
        names = [_plain(name) for name in (language.code, language.name, language.own_name, *language.others)]
        if language.code == exact or any(
            wanted == name or wanted in re.split(r"[-\s()]+", name) or (len(wanted) > 3 and wanted in name)
            for name in names
        ):
            found.append(language)
    return found
