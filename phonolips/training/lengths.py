"""Bring the total of predicted durations to that of the true ones, for each row of the speaker table by itself.

At the maximum of the Poisson likelihood they agree, but a row of few utterances is far from it when the training ends.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from phonolips.training.durations import DurationBatch
    from phonolips.training.networks.durations import DurationPredictor

log = logging.getLogger("phonolips.training")
ROUNDS = 6  # each takes most of what is left: layers between a row and the output bend what is added to the row
LEAST_PHONES = 100  # of a row whose total is trusted


@torch.inference_mode()
def match_totals(predictor: "DurationPredictor", batches: "Mapping[int, Sequence[DurationBatch]]") -> dict[int, float]:
    """Move each row of the speaker table along the head's weights until its predicted total is the true one.

    Args:
        predictor: in evaluation mode, on the CPU; changed in place.
        batches: row -> what its speakers said; their `speaker` is that row.

    Returns:
        row -> predicted over true total before; without rows of less than LEAST_PHONES phones, which stay.
    """
    direction = predictor.head.weight[0] / predictor.head.weight[0].square().sum()
    before: dict[int, float] = {}
    for row, own in batches.items():
        if sum(int((batch.steps > 0).sum()) for batch in own) < LEAST_PHONES:
            continue
        for _ in range(ROUNDS):
            ratio = total_ratio(predictor, own)
            before.setdefault(row, ratio)
            predictor.speaker.weight[row] -= torch.log(torch.tensor(ratio)) * direction
        log.info("durations: row %d, predicted over true total %.3f, now %.3f", row, before[row], ratio)
    return before


def total_ratio(predictor: "DurationPredictor", batches: "Sequence[DurationBatch]") -> float:
    """Compute predicted over true total of the spoken phones."""
    predicted = true = 0.0
    for batch in batches:
        spoken = batch.steps > 0
        steps = predictor(batch.phones, batch.position, batch.speaker, batch.mask).exp()
        predicted += float(steps[spoken].double().sum())
        true += float(batch.steps[spoken].double().sum())
    return predicted / true
