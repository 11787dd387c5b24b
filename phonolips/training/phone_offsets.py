"""What lips do while a phone sounds, whoever says it: added for people whom the training did not see.

The IPA chart says how far a phone opens and widens a mouth (`phones.chart`); the training's lips say what else moves
when a mouth opens or widens. The product is a table (phones, outputs) inside the model, `Network.phone_offsets`.
"""

import logging

import numpy as np
import torch

from phonolips.corpus.store.store import Store
from phonolips.lips.measures import measure_lip_parameters
from phonolips.phones.chart import chart_shapes
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.order import evenly

log = logging.getLogger("phonolips.training")
MEASURES = ("opening", "width")  # of the chart's shapes, in their order
SHAPE_CLIPS = 1_000  # clips on which it is measured what goes with opening and width


def fit_phone_offsets(
    network: TrainableNetwork, store: Store, positions: np.ndarray, *, opening: float, width: float
) -> None:
    """Set the phone offsets of a network that has its lip basis.

    Args:
        network: gets its `phone_offsets`.
        store: the features.
        positions: int64 (clips,), of the training clips with lips.
        opening: how far the chart's opening moves the lips, in standard deviations of the training's.
        width: the same of its width.
    """
    moves, outputs = [], []
    for position in evenly(positions, SHAPE_CLIPS).tolist():
        lips = store.get(position, "lips")[store.get(position, "detected")]
        shape = lips.mean(0)
        moves.append(measure_lip_parameters(lips, MEASURES) - measure_lip_parameters(shape, MEASURES))
        with torch.inference_mode():
            coefficients = network.lips_to_coefficients(torch.from_numpy(lips), torch.from_numpy(shape))
        outputs.append(coefficients.numpy())
    moved = np.concatenate(moves).astype(np.float64)
    directions = np.linalg.lstsq(moved, np.concatenate(outputs).astype(np.float64), rcond=None)[0]  # (2, outputs)
    sizes = moved.std(0) * np.array([opening, width])
    shapes = torch.from_numpy((chart_shapes() @ (sizes[:, None] * directions)).astype(np.float32))
    with torch.no_grad():
        network.phone_offsets.weight.copy_(shapes)
    log.info("lips: phone offsets by the chart, %.2f of the opening and %.2f of the width", opening, width)
