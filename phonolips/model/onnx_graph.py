"""The graphs in ONNX Runtime: one session for each, opened when it is first used.

The files come from `training.to_onnx`; their weights lie in the model's `model.safetensors`, which every graph points
into. One thread unless another number is asked for: these networks are small, and threads that wait for a busy core
cost more than they bring.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.checks import shortened, shown
from phonolips.errors import CheckpointError, InputError, MissingToolError, did_you_mean
from phonolips.model.graph import Graph, Signature

if TYPE_CHECKING:
    import onnxruntime

GRAPH_SUFFIX = ".onnx"
CPU = "cpu"
# Names that people know -> ONNX Runtime's. Which of them are there depends on the package that is installed.
PROVIDERS = {
    CPU: "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
MOST_SAID = 200  # letters of an error of ONNX Runtime
QUIET = 3  # ONNX Runtime's severity of errors; warnings about the machine are nothing that a user can act on


class OnnxGraph(Graph):
    """A graph that ONNX Runtime computes.

    Args:
        signature: of the graph; that of the file is compared with it.
        path: the ONNX file.
        provider: of PROVIDERS, checked.
        threads: of one computation.
    """

    def __init__(self, signature: Signature, path: Path, provider: str = CPU, threads: int = 1) -> None:
        super().__init__(signature)
        self.path, self.provider, self.threads = path, provider, threads
        self._session: onnxruntime.InferenceSession | None = None

    def run(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """Compute; see `Graph.run`."""
        session = self.session()
        named = {
            port.name: np.ascontiguousarray(values, port.dtype)
            for port, values in zip(self.signature.inputs, inputs, strict=True)
        }
        try:
            return [np.asarray(output) for output in session.run(None, named)]
        except Exception as error:
            raise CheckpointError(f"{self.path}: cannot be computed ({_first_line(error)})") from error

    def session(self) -> "onnxruntime.InferenceSession":
        """Return the session; opened once.

        Raises:
            CheckpointError: the file is missing or damaged, or another graph.
        """
        if self._session is None:
            self._session = _open(self.path, self.provider, self.threads)
            _compare(self.path, self.signature, self._session)
        return self._session


def is_available() -> bool:
    """Return whether ONNX Runtime is installed."""
    try:
        _onnxruntime()
    except ImportError:
        return False
    return True


def _onnxruntime() -> Any:
    """Import ONNX Runtime, which from 1.32 on reports to its makers about the machine unless it is told not to."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def check_provider(provider: str) -> None:
    """Raise InputError for a provider that nobody knows, MissingToolError for one that this installation lacks."""
    if not isinstance(provider, str) or provider not in PROVIDERS:
        near = did_you_mean(provider, PROVIDERS) if isinstance(provider, str) else ""
        raise InputError(f"provider is {shown(provider)}; expected one of numpy, {', '.join(PROVIDERS)}{near}")
    if not is_available():
        raise MissingToolError(f"provider {provider!r} needs onnxruntime; pip install onnxruntime, or choose numpy")
    there = _onnxruntime().get_available_providers()
    if PROVIDERS[provider] not in there:
        known = [name for name, real in PROVIDERS.items() if real in there]
        raise MissingToolError(
            f"provider {provider!r} is not in the onnxruntime that is installed, which has {', '.join(known)}; "
            "install the onnxruntime package of that provider, such as onnxruntime-gpu"
        )


def _open(path: Path, provider: str, threads: int) -> "onnxruntime.InferenceSession":
    runtime = _onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = QUIET
    # The arena keeps the largest amount that was ever asked for; chunks of one size gain nothing from it.
    options.enable_cpu_mem_arena = False
    chosen = [PROVIDERS[provider]] + ([PROVIDERS[CPU]] if provider != CPU else [])
    # What ONNX Runtime raises has no base class of its own, and may be Python's: all of it means an unusable file.
    try:
        return runtime.InferenceSession(os.fspath(path), options, providers=chosen)
    except Exception as error:
        raise CheckpointError(f"{path}: not a readable graph ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    """Return what an error of ONNX Runtime says, in short."""
    if isinstance(error, UnicodeDecodeError):  # it meant to say something about names that are not text
        return "damaged names"
    return shortened((str(error).strip() or type(error).__name__).partition("\n")[0], MOST_SAID)


def _compare(path: Path, signature: Signature, session: "onnxruntime.InferenceSession") -> None:
    """Raise CheckpointError where a file's inputs and outputs are not those of the signature."""
    for wanted, found in ((signature.inputs, session.get_inputs()), (signature.outputs, session.get_outputs())):
        if [port.name for port in wanted] != [one.name for one in found]:
            names, expected = (", ".join(part.name for part in parts) for parts in (found, wanted))
            raise CheckpointError(f"{path}: takes or returns {names}; this version expects {expected}")
        for port, one in zip(wanted, found, strict=True):
            if not _fits(port.axes, one.shape):
                axes = list(port.axes)
                raise CheckpointError(f"{path}: {port.name} has the axes {one.shape}; its settings ask for {axes}")


def _fits(wanted: tuple[int | str, ...], found: list[Any]) -> bool:
    return len(wanted) == len(found) and all(
        one == other for one, other in zip(wanted, found, strict=True) if isinstance(one, int)
    )
