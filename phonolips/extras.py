"""What the extras of the package bring, and how it is said that one of them is missing."""

import importlib.util
import sys

from phonolips.errors import MissingToolError

# The packages of each extra by the names under which they are imported, those first whose absence says most.
EXTRAS = {
    "face": ("mediapipe", "cv2", "scipy"),
    "align": ("pocketsphinx",),
    "live": ("sounddevice", "websockets", "pythonosc"),
    "train": ("torch", "torchaudio", "speechbrain", "sklearn", "scipy", "omegaconf", "onnx"),
}
TOO_NEW_FOR_FACES = sys.version_info >= (3, 13)  # for which mediapipe 0.10.14 has no wheel


def has_extra(extra: str) -> bool:
    """Return whether all packages of an extra are installed."""
    return not _missing(extra)


def need(extra: str, what: str) -> None:
    """Raise MissingToolError where a package of an extra is not installed.

    Args:
        extra: one of EXTRAS.
        what: needs it, as the beginning of a sentence: "training".
    """
    missing = _missing(extra)
    if missing:
        where = "in an environment of Python 3.11 or 3.12 " if extra == "face" and TOO_NEW_FOR_FACES else ""
        raise MissingToolError(f"{what} needs {missing[0]}; install it {where}with: pip install 'phonolips[{extra}]'")


def _missing(extra: str) -> list[str]:
    """List the packages of an extra that are not installed."""
    return [package for package in EXTRAS[extra] if importlib.util.find_spec(package) is None]
