"""Parts of speech of English words: an averaged perceptron (Collins, 2002), one word after the other.

The weights in tagger.npz are those of textblob-aptagger 0.2.0 (copyright 2013 Matthew Honnibal, MIT licence, see
tagger.LICENSE), packed by tools/release/pack_tagger.py; the features are those that they were trained with. The tags
are those of the Penn Treebank: NN noun, VB verb, VBD past, VBN participle, JJ adjective, and so on.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

_WEIGHTS = Path(__file__).with_name("tagger.npz")
_START, _END = ("-START-", "-START2-"), ("-END-", "-END2-")


class Tagger:
    """The tagger with its weights.

    Args:
        path: what tools/release/pack_tagger.py wrote.
    """

    def __init__(self, path: Path = _WEIGHTS) -> None:
        with np.load(path) as arrays:
            self._classes: list[str] = arrays["classes"].tolist()
            self._tag_of_word = dict(zip(arrays["words"].tolist(), arrays["word_tags"].tolist(), strict=True))
            self._hashes = arrays["hashes"]
            self._starts: list[int] = [0, *np.cumsum(arrays["counts"], dtype=np.int64).tolist()]
            self._class_of_weight = memoryview(arrays["class_of_weight"])
            self._weights = memoryview(arrays["weights"])

    @property
    def frequent_words(self) -> frozenset[str]:
        """The words that have one tag wherever they stand."""
        return frozenset(self._tag_of_word)

    def tag(self, words: Sequence[str]) -> list[str]:
        """Return the tag of each word of one sentence.

        Args:
            words: as written, punctuation as words of its own, contractions in two (`do`, `n't`).
        """
        context = [*_START, *(word.lower() for word in words), *_END]
        before, before_that = _START
        tags = []
        for place, word in enumerate(words):
            known = self._tag_of_word.get(word)
            if known is None:
                known = self._best_class(_features(word, context, place + len(_START), before, before_that))
            before, before_that = self._classes[known], before
            tags.append(before)
        return tags

    def _best_class(self, features: Sequence[str]) -> int:
        """Return the class with the largest sum of weights."""
        keys = np.array([zlib.crc32(feature.encode()) for feature in features], dtype=np.uint32)
        rows = np.minimum(np.searchsorted(self._hashes, keys), len(self._hashes) - 1)
        scores = [0] * len(self._classes)
        for row in rows[self._hashes[rows] == keys].tolist():
            for index in range(self._starts[row], self._starts[row + 1]):
                scores[self._class_of_weight[index]] += self._weights[index]
        return max(range(len(scores)), key=scores.__getitem__)


def _features(word: str, context: Sequence[str], place: int, before: str, before_that: str) -> tuple[str, ...]:
    """List the features of a word that the weights know by name."""
    here, last, next_word = context[place], context[place - 1], context[place + 1]
    return (
        "bias",
        f"i suffix {word[-3:]}",
        f"i pref1 {word[0]}",
        f"i-1 tag {before}",
        f"i-2 tag {before_that}",
        f"i tag+i-2 tag {before} {before_that}",
        f"i word {here}",
        f"i-1 tag+i word {before} {here}",
        f"i-1 word {last}",
        f"i-1 suffix {last[-3:]}",
        f"i-2 word {context[place - 2]}",
        f"i+1 word {next_word}",
        f"i+1 suffix {next_word[-3:]}",
        f"i+2 word {context[place + 2]}",
    )


@lru_cache(maxsize=1)
def load_tagger() -> Tagger:
    """Load the tagger once."""
    return Tagger()
