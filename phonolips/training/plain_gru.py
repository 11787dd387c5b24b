"""A plain recurrent network over whole clips: what a researcher would train first, to compare with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence


@dataclass
class GruSettings:
    """How the plain GRU is built and trained: squared error, AdamW, and a cosine down to nought."""

    hidden: int = 128  # units of each of two layers and directions
    dropout: float = 0.3
    epochs: int = 40
    batch: int = 8  # clips
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    seed: int = 1  # of weights, order and dropout


class Gru(nn.Module):
    """Linear, two layers of a bidirectional GRU, linear."""

    def __init__(self, inputs: int, outputs: int, settings: GruSettings) -> None:
        super().__init__()
        hidden, dropout = settings.hidden, settings.dropout
        self.first = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.cell = nn.GRU(hidden, hidden, 2, batch_first=True, bidirectional=True, dropout=dropout)
        self.last = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * hidden, outputs))

    def forward(self, rows: Tensor) -> Tensor:
        """Map (batch, frames, inputs) to (batch, frames, outputs)."""
        made: Tensor = self.last(self.cell(self.first(rows))[0])
        return made

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Map one clip, float32 (frames, inputs), to float32 (frames, outputs)."""
        with torch.inference_mode():
            made: np.ndarray = self(torch.from_numpy(rows)[None])[0].numpy()
        return made


def fit_gru(
    inputs: Sequence[np.ndarray],
    targets: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    settings: GruSettings | None = None,
) -> Gru:
    """Train on whole clips.

    Args:
        inputs: float32 (frames, inputs) of each clip, at least one.
        targets: float32 (frames, outputs).
        weights: float32 (frames,), of each frame's squared error.
        settings: None = the defaults.

    Returns:
        the network, in evaluation mode.
    """
    settings = settings or GruSettings()
    torch.manual_seed(settings.seed)
    network = Gru(inputs[0].shape[1], targets[0].shape[1], settings)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    batches = -(-len(inputs) // settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * batches)
    generator = torch.Generator().manual_seed(settings.seed)
    for _ in range(settings.epochs):
        order = torch.randperm(len(inputs), generator=generator).tolist()
        for first in range(0, len(order), settings.batch):
            chosen = order[first : first + settings.batch]
            rows, truth, weight = (
                pad_sequence([torch.from_numpy(part[index]) for index in chosen], batch_first=True)
                for part in (inputs, targets, weights)
            )
            loss = ((network(rows) - truth).square().sum(-1) * weight).sum() / weight.sum()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return network.eval()
