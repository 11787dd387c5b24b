"""The phonetic bottleneck: what crosses from the encoder or the text to the lips.

The latent of a step is the expectation of one shared table of phone embeddings under the posteriors.
Both encoders return the same posteriors, and the decoder cannot tell which of them fed it.
"""

from torch import Tensor, nn

from phonolips.phones.inventory import NUM_PHONES


class PhoneBottleneck(nn.Module):
    """One table of phone embeddings, (phones, latent)."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.phone_embedding = nn.Embedding(NUM_PHONES, latent)

    def forward(self, posteriors: Tensor) -> Tensor:
        """Map posteriors (batch, steps, phones), rows summing to 1, to the latent (batch, steps, latent)."""
        return posteriors @ self.phone_embedding.weight
