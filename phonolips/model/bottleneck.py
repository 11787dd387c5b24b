"""The phonetic bottleneck: what crosses from ears or text to the lips.

The latent of a step is the expectation of one shared table of phone embeddings under the posteriors.
Both encoders return the same posteriors, and the decoder cannot tell which of them fed it.
"""

import numpy as np
from torch import Tensor, nn

from phonolips.errors import InputError
from phonolips.phones import NUM_PHONES


class PhoneBottleneck(nn.Module):
    """One table of phone embeddings, (phones, latent)."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.phone_embedding = nn.Embedding(NUM_PHONES, latent)

    def forward(self, posteriors: Tensor) -> Tensor:
        """Map posteriors (batch, steps, phones), rows summing to 1, to the latent (batch, steps, latent)."""
        return posteriors @ self.phone_embedding.weight


def check_posteriors(posteriors: np.ndarray) -> np.ndarray:
    """Check a user's posteriors and return them as float32 (steps, phones), rows summing to exactly 1.

    Raises:
        InputError: another shape, not finite, negative, or rows that do not sum to 1 within 1 %.
    """
    array = np.asarray(posteriors, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != NUM_PHONES or len(array) == 0:
        raise InputError(f"posteriors of shape {array.shape}; expected (steps, {NUM_PHONES}), steps of 10 ms")
    if not np.isfinite(array).all() or array.min() < 0:
        raise InputError("posteriors hold NaN, infinity or negative numbers; expected probabilities")
    sums = array.sum(1, keepdims=True)
    worst = int(np.argmax(np.abs(sums - 1)))
    if abs(sums[worst, 0] - 1) > 0.01:
        raise InputError(f"posteriors of step {worst} sum to {sums[worst, 0]:.3f}; expected 1 in every row")
    return array / sums
