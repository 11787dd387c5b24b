"""Speakers inside the network: a table of embeddings, and an encoder of embeddings for speakers without a name."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from phonolips.model.stages import SOURCES, check_sources

HIDDEN = 32  # units of the speaker encoder
LEAST_SPREAD = 1e-3  # standard deviation of an input; less would blow up what hardly varies


class SpeakerTable(nn.Module):
    """A table of embeddings, (speakers, dim); row 0 is learnt from clips whose speaker is hidden."""

    def __init__(self, speakers: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(speakers, dim)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, speaker: Tensor) -> Tensor:
        """Look up int64 (batch,) -> (batch, dim)."""
        return cast(Tensor, self.embedding(speaker))


class SpeakerEncoder(nn.Module):
    """Embeddings of speakers without a name, from their lip shape, their voice, or both.

    Args:
        sources: of SOURCES: `shape`, the mean lip; `voice`, the sound's long-term average and spread.
        dim: of the embedding.

    Raises:
        InputError: another source.
    """

    def __init__(self, sources: Sequence[str], dim: int) -> None:
        super().__init__()
        check_sources(sources)
        self.sources = tuple(sources)
        self.heads = nn.ModuleDict()
        for source in self.sources:
            size = SOURCES[source]
            self.heads[source] = nn.Sequential(
                nn.Linear(size, HIDDEN), nn.Tanh(), nn.Dropout(0.2), nn.Linear(HIDDEN, dim)
            )
            self.register_buffer(f"{source}_mean", torch.zeros(size))
            self.register_buffer(f"{source}_scale", torch.ones(size))

    def forward(self, shape: Tensor, voice: Tensor) -> Tensor:
        """Map mean lips (batch, 40, 2) and voices (batch, 2 * mels) to embeddings (batch, dim)."""
        given = {"shape": shape.flatten(1), "voice": voice}
        parts = []
        for source in self.sources:
            mean, scale = self.get_buffer(f"{source}_mean"), self.get_buffer(f"{source}_scale")
            parts.append(self.heads[source]((given[source] - mean) / scale))
        return torch.stack(parts).sum(0)

    def set_spread(self, source: str, mean: np.ndarray, scale: np.ndarray) -> None:
        """Set the mean and standard deviation (size,) over the training clips by which a source is normalised."""
        self.get_buffer(f"{source}_mean").copy_(torch.from_numpy(np.asarray(mean, np.float32)))
        self.get_buffer(f"{source}_scale").copy_(torch.from_numpy(np.maximum(scale, LEAST_SPREAD).astype(np.float32)))
