"""Weights with a part for each phone, tied through what phones have in common: their articulatory features.

A phone's part is a linear map of its features (`phones.sounds.phone_features`) and a residual of its own. Residuals are
left out at random in training, a phone at a time, so that the features alone have to serve; a phone that no lips were
seen saying has no residual and inherits. For inference both are folded into the plain weight (`untie`).
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from phonolips.phones.sounds import phone_features
from phonolips.training.networks.bottleneck import PhoneBottleneck
from phonolips.training.networks.lip_parameters import LipParameterHead

RIDGE = 0.1  # of the fit of the shared map to given weights, in squared features


class TiedPhones(nn.Module):
    """The parametrization of one weight: features times a shared map, and residuals.

    Args:
        weight: what to begin with; its axis `axis` has the phones.
        axis: of the phones.
        trained: bool (phones,), those that have a residual.
        dropout: share of the phones whose residual is left out of a training update.
    """

    features: Tensor
    trained: Tensor

    def __init__(self, weight: Tensor, axis: int, trained: Tensor, dropout: float) -> None:
        super().__init__()
        self.axis, self.dropout = axis, dropout
        features = torch.from_numpy(phone_features())
        self.register_buffer("features", torch.cat([features, torch.ones(len(features), 1)], 1), persistent=False)
        self.register_buffer("trained", trained.to(weight.dtype), persistent=False)
        rows = weight.detach().movedim(axis, 0)
        known = self.features[trained]
        square = known.T @ known + RIDGE * torch.eye(known.shape[1])
        fitted = torch.linalg.solve(square, known.T @ rows[trained].flatten(1))
        self.shared = nn.Parameter(fitted.reshape(-1, *rows.shape[1:]))

    def forward(self, residual: Tensor) -> Tensor:
        """Return the weight."""
        kept = self.trained
        if self.training and self.dropout:
            kept = kept * (torch.rand(len(kept), device=kept.device) >= self.dropout)
        own = residual.movedim(self.axis, 0) * kept.reshape(-1, *[1] * (residual.ndim - 1))
        weight: Tensor = (torch.tensordot(self.features, self.shared, 1) + own).movedim(0, self.axis)
        return weight

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return the residuals that make a weight, nought where a phone has none."""
        rest = weight.movedim(self.axis, 0) - torch.tensordot(self.features, self.shared, 1)
        residual: Tensor = (rest * self.trained.reshape(-1, *[1] * (rest.ndim - 1))).movedim(0, self.axis)
        return residual.contiguous()


def tie_phones(bottleneck: PhoneBottleneck, posterior_head: LipParameterHead, trained: Tensor, dropout: float) -> None:
    """Tie the phone embedding (phones, latent) and the first layer of the lip parameters from phones, until `untie`."""
    for module, axis in _tied(bottleneck, posterior_head):
        parametrize.register_parametrization(module, "weight", TiedPhones(module.weight, axis, trained, dropout))


def untie_phones(bottleneck: PhoneBottleneck, posterior_head: LipParameterHead) -> None:
    """Fold shared maps and residuals into plain weights."""
    for module, _ in _tied(bottleneck, posterior_head):
        if parametrize.is_parametrized(module, "weight"):
            module.eval()
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)


def _tied(
    bottleneck: PhoneBottleneck, posterior_head: LipParameterHead
) -> tuple[tuple[nn.Embedding, int], tuple[nn.Conv1d, int]]:
    """Return the modules whose weights have a part for each phone, and the axis of the phones."""
    return (bottleneck.phone_embedding, 0), (posterior_head.to_frames, 1)
