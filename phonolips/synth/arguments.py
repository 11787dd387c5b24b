"""The arguments that the verbs share, and their checks: before any work is done, and naming the argument."""

from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.curve import check_fps
from phonolips.lips.motion import Emphasis
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID
from phonolips.timebase import MODEL_FPS, STEPS_PER_FRAME, FrameRate

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker

    Speaker = str | LipSpeaker | None  # a name in the model, or somebody else; None = the mean speaker

MOST_LIVELINESS = 2.0


class LipOptions(TypedDict, total=False):
    """Whose lips, and how they move: the keyword arguments that all verbs share.

    Args:
        speaker: a speaker of the model, or a LipSpeaker of your own; None = the mean speaker.
        fps: frame rate of the lips, such as 29.97 or "30000/1001"; 25 unless given.
        mean_lip: float (40, 2), a lip shape of your own instead of the speaker's mean shape.
        liveliness: how much quick movements are exaggerated, 0 to 2 (see `lips.motion.exaggerate`); None = as the
            model's settings say.
        emphasis: word as written or spoken ("U.S.", "2024"), or its place among those spoken -> factor: its lips go
            further, and last longer where the times are predicted.
        shut_in_silence: shut the mouth where nothing is said, instead of breathing and resting as people do.
        network: a loaded model; None = the one in the package.
    """

    speaker: "Speaker"
    fps: FrameRate
    mean_lip: np.ndarray | None
    liveliness: float | None
    emphasis: Emphasis
    shut_in_silence: bool
    network: "Network | None"


def check_liveliness(liveliness: float) -> float:
    """Return `liveliness` if it is usable; raise InputError otherwise."""
    if not 0 <= liveliness <= MOST_LIVELINESS:
        raise InputError(f"liveliness {liveliness}; expected 0 (as the decoder says) to {MOST_LIVELINESS:.0f}")
    return float(liveliness)


def with_shape(speaker: "LipSpeaker", mean_lip: np.ndarray | None) -> "LipSpeaker":
    """Return a speaker with another lip shape; raise InputError where it is none."""
    if mean_lip is None:
        return speaker
    shape = np.asarray(mean_lip, np.float32)
    if shape.shape != (40, 2) or not np.isfinite(shape).all():
        raise InputError(f"mean_lip of shape {shape.shape}; expected 40 finite points (40, 2) in mouth space")
    return replace(speaker, mean_lip=shape)


def check_lip_parameters(lip_parameters: np.ndarray, steps: int, names: tuple[str, ...]) -> np.ndarray:
    """Check a user's lip parameters against the steps of the padded posteriors."""
    array = np.asarray(lip_parameters, np.float32)
    expected = (steps // STEPS_PER_FRAME, len(names))
    if array.shape != expected or not np.isfinite(array).all():
        raise InputError(
            f"lip_parameters of shape {array.shape}; expected {expected} finite numbers: {', '.join(names) or 'none'} "
            "at 25 frames a second, or leave them out to have them predicted from the posteriors"
        )
    return array


def check_sound(waveform: np.ndarray) -> np.ndarray:
    """Check a sound that is carried along; float32 (samples,), at least one."""
    from phonolips.media.audio import check_block

    sound = check_block(waveform, "waveform")
    if not len(sound):
        raise InputError("waveform of no samples; expected at least one, or None")
    return sound


def pad_to_frames(posteriors: np.ndarray) -> np.ndarray:
    """Fill up with silence to a whole number of frames."""
    missing = -len(posteriors) % STEPS_PER_FRAME
    silence = np.zeros((missing, NUM_PHONES), np.float32)
    silence[:, SILENCE_ID] = 1.0
    return np.concatenate([posteriors, silence]) if missing else posteriors


def load_checked(options: LipOptions) -> "Network":
    """Check what can be checked before any work is done; return the model."""
    from phonolips.model.network import load_network

    unknown = set(options) - set(LipOptions.__annotations__)
    if unknown:
        raise TypeError(
            f"unexpected keyword argument {min(unknown)!r}; expected {', '.join(LipOptions.__annotations__)}"
        )
    check_fps(options.get("fps", MODEL_FPS))
    if options.get("liveliness") is not None:
        check_liveliness(options["liveliness"] or 0.0)
    network = options.get("network") or load_network()
    network.lip_speaker(options.get("speaker"))
    return network
