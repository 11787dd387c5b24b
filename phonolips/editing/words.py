"""What changes from one sentence to another: stretches of words that are replaced, inserted or left out."""

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from phonolips.errors import InputError
from phonolips.speech.words import without_pauses

if TYPE_CHECKING:
    from phonolips.phones.intervals import Interval
    from phonolips.speech.words import SpokenWord


class Change(NamedTuple):
    """Words `old_first` up to but not including `old_last` give way to words `new_first` up to `new_last`.

    Both count the words of their sentence without pauses. An empty range on the old side is an insertion, on the new
    side a removal.
    """

    old_first: int
    old_last: int
    new_first: int
    new_last: int

    @property
    def is_removal(self) -> bool:
        """Return whether nothing comes in the place of the old words."""
        return self.new_first == self.new_last

    @property
    def is_insertion(self) -> bool:
        """Return whether no word goes."""
        return self.old_first == self.old_last


def find_changes(old: "Sequence[SpokenWord]", new: "Sequence[SpokenWord]") -> list[Change]:
    """Compare two sentences word by word.

    Words count as the same where they are written and pronounced alike, so the letter "a" is not the article. Repeated
    words are matched in order, by the longest common stretches (difflib's Ratcliff and Obershelp).

    Args:
        old: the recorded sentence, from `text_to_phones`; pauses do not count.
        new: the wanted one.

    Returns:
        The changes in order, none next to another; empty where the sentences are the same.
    """
    old_words, new_words = ([word[:2] for word in without_pauses(words)] for words in (old, new))
    matcher = difflib.SequenceMatcher(None, old_words, new_words, autojunk=False)
    return [Change(*rest) for tag, *rest in matcher.get_opcodes() if tag != "equal"]


def describe(change: Change, old: "Sequence[SpokenWord]", new: "Sequence[SpokenWord]") -> str:
    """Describe a change in words: `"blue" becomes "red"`; the sentences as for `find_changes`."""
    gone = " ".join(word.word for word in without_pauses(old)[change.old_first : change.old_last])
    come = " ".join(word.word for word in without_pauses(new)[change.new_first : change.new_last])
    if change.is_insertion:
        return f'"{come}" comes in'
    return f'"{gone}" goes' if change.is_removal else f'"{gone}" becomes "{come}"'


def check_words(found: "Sequence[Interval]", sentence: "Sequence[SpokenWord]", what: str) -> None:
    """Raise InputError unless the words of an alignment are those of a sentence.

    Args:
        found: the alignment's words, without silence.
        sentence: as for `find_changes`.
        what: how the message names the alignment, such as `talk.TextGrid`.
    """
    there, wanted = [word.label.lower() for word in found], [word.word.lower() for word in without_pauses(sentence)]
    if there == wanted:
        return
    place = next((i for i, pair in enumerate(zip(there, wanted, strict=False)) if pair[0] != pair[1]), None)
    if place is None:
        place = min(len(there), len(wanted))
    is_there, is_wanted = (repr(words[place]) if place < len(words) else "nothing" for words in (there, wanted))
    raise InputError(
        f"{what}: word {place + 1} of {len(there)} is {is_there}, in the transcript {is_wanted}; "
        "give the words that are said, and their own TextGrid"
    )
