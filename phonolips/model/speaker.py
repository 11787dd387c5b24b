"""Who speaks: a table of embeddings and lip shapes; row 0 is the mean speaker, for everybody unknown."""

import torch
from torch import Tensor, nn

MEAN_SPEAKER = "mean"
MEAN_SPEAKER_ROW = 0


class SpeakerTable(nn.Module):
    """Speaker rows to embeddings, (speakers, dim); row 0 is learnt from clips whose speaker is hidden."""

    def __init__(self, speakers: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(speakers, dim)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, speaker: Tensor) -> Tensor:
        """Look up int64 (batch,) -> (batch, dim)."""
        return self.embedding(speaker)


def hide_speakers(speaker: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Replace a random share of int64 (batch,) rows by the mean speaker's."""
    hidden = torch.rand(len(speaker), generator=generator) < share
    return torch.where(hidden.to(speaker.device), MEAN_SPEAKER_ROW, speaker)
