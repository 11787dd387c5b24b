"""A computation with named arrays in and out, whatever computes it.

A trained part of a model is a graph: audio encoder, lip parameters, durations, decoder, voice activity, speaker
encoder, sync expert. Its signature is the contract: names, dtypes and axes of what goes in and comes out. Three kinds
keep it: `model.onnx_graph` (ONNX Runtime, the usual one), `model.numpy_graph` (NumPy alone, where ONNX Runtime cannot
be installed, and as a second witness in the tests) and `training.torch_graph` (while a model is being trained).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

Axis = int | str  # a size that the settings fix, or the name of one that may be anything


@dataclass(frozen=True)
class Port:
    """One array that goes in or comes out.

    Args:
        name: of the array.
        axes: sizes and names of its axes, in order.
        dtype: `float32` or `int64`.
    """

    name: str
    axes: tuple[Axis, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Signature:
    """What goes into a graph and what comes out, in order.

    Args:
        name: of the graph; its file is `NAME.onnx`.
        inputs: at least one.
        outputs: at least one.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class Graph(ABC):
    """One computation; it keeps nothing from call to call."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature

    @abstractmethod
    def run(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Compute.

        Args:
            inputs: as the signature lists them; axes of one name have one size.

        Returns:
            arrays as the signature lists them.

        Raises:
            CheckpointError: the weights are damaged, or not those of the model's description.
        """
