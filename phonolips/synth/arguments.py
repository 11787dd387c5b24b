"""The arguments that the verbs share, and their checks: before any work is done, and naming the argument."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from phonolips.checks import check_array, check_number, shown
from phonolips.errors import CheckpointError, InputError, PhonolipsWarning
from phonolips.lips.curve import check_fps
from phonolips.lips.motion import Emphasis
from phonolips.lips.points import LIP_POINTS
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID
from phonolips.timebase import MODEL_FPS, STEPS_PER_FRAME, FrameRate, steps_to_seconds

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
    expected = f"0 (as the decoder says) to {MOST_LIVELINESS:.0f}"
    return check_number(liveliness, "liveliness", expected, 0, MOST_LIVELINESS)


def with_shape(speaker: "LipSpeaker", mean_lip: np.ndarray | None) -> "LipSpeaker":
    """Return a speaker with another lip shape; raise InputError where it is none."""
    if mean_lip is None:
        return speaker
    shape = check_array(mean_lip, "mean_lip", "40 finite points (40, 2) in mouth space", shape=(LIP_POINTS, 2))
    return replace(speaker, mean_lip=shape)


def check_lip_parameters(lip_parameters: np.ndarray, steps: int, names: tuple[str, ...]) -> np.ndarray:
    """Check a user's lip parameters against the steps of the padded posteriors."""
    shape = (steps // STEPS_PER_FRAME, len(names))
    expected = (
        f"{shape} finite numbers: {', '.join(names) or 'none'} at 25 frames a second, or leave them out to have them "
        "predicted from the posteriors"
    )
    return check_array(lip_parameters, "lip_parameters", expected, shape=shape)


def check_made(made: np.ndarray, part: str) -> np.ndarray:
    """Return what a part of a network made; raise CheckpointError where its weights blow up."""
    if not np.isfinite(made).all():
        raise CheckpointError(f"the model's {part} makes NaN or infinity; its weights are damaged: take another copy")
    return made


def check_sound(waveform: np.ndarray) -> np.ndarray:
    """Check a sound that is carried along; float32 (samples,), at least one."""
    from phonolips.media.audio import check_block

    sound = check_block(waveform, "waveform")
    if not len(sound):
        raise InputError("waveform of no samples; expected at least one, or None")
    return sound


def warn_without_speech(posteriors: np.ndarray) -> None:
    """Warn of a sound that is not silent and has no phone in it anywhere."""
    if (posteriors.argmax(1) == SILENCE_ID).all():
        warnings.warn(
            f"no speech was found in {steps_to_seconds(len(posteriors)):.1f} s of sound, so the mouth rests; turn "
            "`voice_activity` off to let every sound move it",
            PhonolipsWarning,
            stacklevel=3,
        )


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
    liveliness, emphasis = options.get("liveliness"), options.get("emphasis")
    if liveliness is not None:
        check_liveliness(liveliness)
    if emphasis is not None and not isinstance(emphasis, Mapping):
        raise InputError(f"emphasis is {shown(emphasis)}; expected words and their factors, {{'blue': 1.5}}")
    shut = options.get("shut_in_silence", False)
    if not isinstance(shut, bool | np.bool_):
        raise InputError(f"shut_in_silence is {shown(shut)}; expected True or False")
    network = options.get("network")
    network = load_network() if network is None else network
    who = network.lip_speaker(options.get("speaker"))
    with_shape(who, options.get("mean_lip"))
    return network
