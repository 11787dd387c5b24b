"""What an aligner is given to find: the words that are said, with their phones, pauses left out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from phonolips.errors import InputError
from phonolips.phones import PHONE_IDS, SILENCE

if TYPE_CHECKING:
    from phonolips.text import SpokenWord


def speech_only(words: "Sequence[SpokenWord]") -> "list[SpokenWord]":
    """Leave out the pauses: an aligner finds silence by listening.

    Raises:
        InputError: nothing is left, or a word has a phone that is not in the inventory.
    """
    spoken = [item for item in words if any(phone != SILENCE for phone in item.phones)]
    if not spoken:
        raise InputError("the text holds no words to say; alignment needs what is said in the sound")
    for item in spoken:
        for phone in item.phones:
            if phone not in PHONE_IDS or phone == SILENCE:
                raise InputError(f"word {item.word!r} has phone {phone!r}; expected inventory phones without stress")
    return spoken
