"""Clips with a known word: read from a prepared corpus one by one, or packed as the lip reader's coefficients."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.training.lazy_clips import LazyClips
from phonolips.training.order import evenly
from phonolips.training.reader_network import FEWEST_FRAMES, LipReader, ReaderBatch, check_lips, pad_clips


class ReaderClip(NamedTuple):
    """One clip with a known word: lips float32 (frames, 40, 2), mouth space, 25 frames a second."""

    id: str
    word: str
    lips: np.ndarray


def word_of(clip: str) -> str:
    """Name the word of an LRW clip, such as `about` of `ABOUT/test/ABOUT_00001`."""
    return clip.partition("/")[0].lower()


class StoreClips(LazyClips[ReaderClip]):
    """Clips of a prepared corpus, read from the store one by one when asked for.

    Args:
        store: prepared features with `lips`.
        split: whose clips; those without lips are left out.
        speaker: whose alone; "" = of speakers without a name, as all of LRW's; None = everybody's.
        most: no more than these, evenly drawn.
        name_word: clip id -> word.
    """

    def __init__(
        self,
        store: Store,
        split: str,
        *,
        speaker: str | None = None,
        most: int = 0,
        name_word: Callable[[str], str] = word_of,
    ) -> None:
        positions = store.where(split=split) if speaker is None else store.where(split=split, speaker=speaker)
        positions = positions[np.asarray(store.lengths("lips"))[positions] >= FEWEST_FRAMES]
        super().__init__(store, evenly(positions, most) if most else positions)
        self.name_word = name_word

    def read(self, position: int) -> ReaderClip:
        """Read the lips of one clip."""
        name = self.store.id_at(position)
        return ReaderClip(name, self.name_word(name), self.store.get(position, "lips"))

    def words(self) -> list[str]:
        """Return the words there are, sorted; the lips are not read."""
        return sorted({self.name_word(self.store.id_at(int(position))) for position in self.positions})


class PackedClips:
    """Coefficients of many clips, float16, end to end, with starts (clips + 1,) and words int64 (clips,)."""

    def __init__(self, reader: LipReader, clips: Iterable[ReaderClip]) -> None:
        index = {word: row for row, word in enumerate(reader.words)}
        parts, words = [], []
        for clip in clips:
            if clip.word not in index:
                raise InputError(f"{clip.id}: the word {clip.word!r} is not among the {len(index)} words to be read")
            parts.append(reader.coefficients(check_lips(clip.lips, clip.id)).astype(np.float16))
            words.append(index[clip.word])
        self.starts = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])
        self.values = np.concatenate(parts) if parts else np.zeros((0, reader.settings.components), np.float16)
        self.words = np.array(words, np.int64)

    def __len__(self) -> int:
        return len(self.words)

    def clip(self, index: int) -> np.ndarray:
        """Return one clip's coefficients, float32 (frames, components)."""
        return self.values[self.starts[index] : self.starts[index + 1]].astype(np.float32)

    def batches(self, size: int) -> list[ReaderBatch]:
        """Cut the clips into batches in their order, as they are."""
        return [
            pad_clips(
                [self.clip(i) for i in range(start, min(start + size, len(self)))], self.words[start : start + size]
            )
            for start in range(0, len(self), size)
        ]
