"""The arguments that the verbs share, and their checks: before any work is done, and naming the argument."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from phonolips.checks import check_array, check_number, shown
from phonolips.errors import CheckpointError, InputError, PhonolipsWarning
from phonolips.lips.articulation import AS_DECODED, Articulation, Gains, check_articulation
from phonolips.lips.curve import check_fps
from phonolips.lips.emphasis import Emphasis
from phonolips.lips.points import LIP_POINTS
from phonolips.lips.rest import NATURAL, RESTS, SHUT
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
        liveliness: how much quick movements are exaggerated, 0 to 2 (see `lips.liveliness.exaggerate`); None = as the
            model's settings say.
        emphasis: word as written or spoken ("U.S.", "2024"), or its place among those spoken -> factor: its lips go
            further, and last longer where the times are predicted.
        rest: where nothing is said, "shut" the mouth, or leave it ajar as people do, "natural".
        articulation: how far the movements go: a factor for all, or for some of opening, width and height, 0 to 3; 1 =
            as the model says.
        shut_in_silence: old for `rest`, True being "shut".
        network: a loaded model; None = the one in the package.
    """

    speaker: "Speaker"
    fps: FrameRate
    mean_lip: np.ndarray | None
    liveliness: float | None
    emphasis: Emphasis
    rest: str
    articulation: Articulation
    shut_in_silence: bool | None
    network: "Network | None"


def check_liveliness(liveliness: float) -> float:
    """Return `liveliness` if it is usable; raise InputError otherwise."""
    expected = f"0 (as the decoder says) to {MOST_LIVELINESS:.0f}"
    return check_number(liveliness, "liveliness", expected, 0, MOST_LIVELINESS)


def check_rest(rest: object) -> str:
    """Return how the mouth rests, one of `lips.rest.RESTS`; raise InputError otherwise."""
    if not isinstance(rest, str) or rest not in RESTS:
        raise InputError(f"rest is {shown(rest)}; expected {' or '.join(RESTS)}")
    return rest


def rest_of(shut_in_silence: bool | None, rest: str) -> str:
    """Return how the mouth rests, given the old name of `rest` too, None = not asked for."""
    if shut_in_silence is None:
        return rest
    return SHUT if shut_in_silence else NATURAL


def warn_of_shut_in_silence(shut: bool) -> None:
    """Warn of the old name of `rest`."""
    message = f"shut_in_silence={shut} is now rest={rest_of(shut, SHUT)!r}; the old name goes in the next release"
    warnings.warn(message, DeprecationWarning, stacklevel=4)


def choose_rest(options: LipOptions) -> str:
    """Return how the mouth rests with checked options."""
    return rest_of(options.get("shut_in_silence"), options.get("rest", SHUT))


def choose_movement(network: "Network", who: "LipSpeaker", options: LipOptions) -> tuple[float, Gains]:
    """Return how lively somebody moves, and how far, with checked options.

    The model knows the size and speed of its own speakers, and an adapted one's were fitted. The mean speaker's style
    is for everybody else, and what other people need beside it is in the model's settings.
    """
    lips = network.description.settings.lips
    is_known = who.mixing is not None or who.gain != 1 or not np.array_equal(who.embedding, network.embeddings[0])
    usual = lips.liveliness if is_known else lips.liveliness_of_others
    gains = AS_DECODED if is_known else Gains(width=lips.width_of_others)
    liveliness = options.get("liveliness")
    asked = check_articulation(options.get("articulation", 1.0))
    return usual if liveliness is None else liveliness, gains.times(asked)


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
    check_rest(options.get("rest", SHUT))
    check_articulation(options.get("articulation", 1.0))
    shut = options.get("shut_in_silence")
    if shut is not None:
        if not isinstance(shut, bool | np.bool_):
            raise InputError(f"shut_in_silence is {shown(shut)}; expected True or False")
        warn_of_shut_in_silence(bool(shut))
    network = options.get("network")
    network = load_network() if network is None else network
    who = network.lip_speaker(options.get("speaker"))
    with_shape(who, options.get("mean_lip"))
    return network
