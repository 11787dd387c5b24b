"""JSON of Gentle: words with their times, and phones with lengths alone."""

import warnings
from typing import Any

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.files.tables import number_of
from phonolips.phones.files.tiers import Tier, Tiers
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import UNKNOWN

KIND = "Gentle's JSON"
FOUND = "success"


def is_gentle(data: Any) -> bool:
    """Return whether JSON is Gentle's: a list of words with a case each."""
    words = data.get("words") if isinstance(data, dict) else None
    return (
        isinstance(words, list)
        and all(isinstance(word, dict) and "word" in word for word in words)
        and ("transcript" in data or any("case" in word for word in words))
    )


def read_gentle(data: dict[str, Any], name: str) -> Tiers:
    """Read words and phones; a phone begins where the one before it in its word ends.

    Words that Gentle did not find in the sound have no times: they are left out, with a warning.

    Args:
        data: the file.
        name: of the file, for the warning.

    Raises:
        InputError: a word that was found has no times or phones.
    """
    words: list[Interval] = []
    phones: list[Interval] = []
    missing: list[str] = []
    for word in data["words"]:
        text = str(word["word"])
        if word.get("case", FOUND) != FOUND:
            missing.append(text)
            continue
        start, end = number_of(word.get("start")), number_of(word.get("end"))
        words.append(Interval(text, start, end))
        parts = word.get("phones")
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            raise InputError(f"{KIND}: word {text[:40]!r} at {start} s has no phones")
        edge = start
        for part in parts:
            last = edge + number_of(part.get("duration"))
            phones.append(Interval(str(part.get("phone")), edge, last))
            edge = last
        if not parts:
            phones.append(Interval(UNKNOWN, start, end))
    if missing:
        first = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")
        warnings.warn(
            f"{name}: Gentle did not find {len(missing)} of {len(data['words'])} words in the sound ({first}): nothing "
            "is said in their places",
            PhonolipsWarning,
            stacklevel=3,
        )
    return Tiers(KIND, [Tier("words", words), Tier("phones", phones)])
