"""Clips of a prepared corpus that are read from disk when they are asked for."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from phonolips.corpus.store.store import Store

Clip = TypeVar("Clip")


class LazyClips(Sequence[Clip]):
    """A sequence of clips, each read by `read` when it is asked for.

    Args:
        store: the features.
        positions: int64 (clips,), in `store`.
    """

    def __init__(self, store: Store, positions: np.ndarray) -> None:
        self.store, self.positions = store, positions

    @abstractmethod
    def read(self, position: int) -> Clip:
        """Read the clip at a position in the store."""

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self.read(int(self.positions[index]))
