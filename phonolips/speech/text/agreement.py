"""Two readings of one text, word by word: where they agree, and what stands for what where they do not."""

from collections.abc import Iterator, Sequence

# How far the readings may be apart before they agree again: "1,234,567.89" is 15 words.
MOST_FIRST, MOST_SECOND = 8, 60


def agreements(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[int, int, bool]]:
    """Walk through two lists of words that differ in few places.

    Yields:
        for each step how many words it takes of the first, and of the second list, and whether they are the same: then
        one of each. The time grows with the number of words alone.
    """
    at, place = 0, 0
    while at < len(first) or place < len(second):
        more, others = _next_agreement(first, second, at, place)
        if more or others:
            yield more, others, False
        else:
            more, others = 1, 1
            yield 1, 1, True
        at, place = at + more, place + others


def _next_agreement(first: Sequence[str], second: Sequence[str], at: int, place: int) -> tuple[int, int]:
    """Count the words of each up to the nearest place where they agree; all that are looked at where there is none."""
    most_first = min(MOST_FIRST, len(first) - at)
    most_second = min(MOST_SECOND, len(second) - place)
    for total in range(most_first + most_second):
        for more in range(max(0, total - most_second + 1), min(total, most_first - 1) + 1):
            if first[at + more] == second[place + total - more]:
                return more, total - more
    return most_first, most_second
