"""Arrays of several lengths as one tensor, and the mask that says what of it is real."""

from collections.abc import Sequence

import numpy as np
import torch


def pad_stack(arrays: Sequence[np.ndarray], length: int, value: float = 0.0) -> torch.Tensor:
    """Pad arrays (rows, ...) to `length` rows and stack them, (batch, length, ...)."""
    out = np.full((len(arrays), length, *arrays[0].shape[1:]), value, arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(out)


def length_mask(lengths: Sequence[int], length: int) -> torch.Tensor:
    """Make a mask, bool (batch, length), True below each length."""
    return torch.arange(length)[None] < torch.tensor(list(lengths))[:, None]
