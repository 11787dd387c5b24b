"""The files that people's tools read ARKit weights from: Audio2Face's JSON and Live Link Face's CSV."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError
from phonolips.export.blendshapes import arkit_weights, check_lips, phone_shares
from phonolips.export.writing import new_text_file
from phonolips.lips.curve import check_fps, resample_lips
from phonolips.lips.shapes import neutral_mouth
from phonolips.phones.inventory import SILENCE_ID
from phonolips.timebase import exact_fps

if TYPE_CHECKING:
    from phonolips.synth.result import Result

# The columns of a Live Link Face recording after Timecode and BlendShapeCount, in the app's order (right before left
# for jaw and mouth): 52 shapes and 9 angles, of which those that lips know nothing of are written as 0.
LIVE_LINK_NAMES: tuple[str, ...] = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft", "MouthFrownRight",
    "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight", "MouthRollLower", "MouthRollUpper",
    "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight", "MouthLowerDownLeft",
    "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft", "BrowDownRight", "BrowInnerUp",
    "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft",
    "NoseSneerRight", "TongueOut", "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
    "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip
LIVE_LINK_FPS = 60.0  # frames per second that the app records at, and that its readers take for granted


def arkit_weights_of(
    result: "Result", fps: float | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, float]:
    """Turn a result's lips into ARKit weights at a frame rate; needs the whole, see `arkit_weights`.

    Args:
        result: lips with what stands beside them.
        fps: frames per second of the weights; None = those of the lips.

    Returns:
        the weights, as `arkit_weights`; the lips at that rate, float32 (frames, 40, 2); the closed mouth, float64
        (40, 2); and the rate.

    Raises:
        InputError: as `arkit_weights`, with the file's name.
    """
    try:
        check_lips(result.lips)
        rate = float(exact_fps(check_fps(result.fps if fps is None else fps)))
        lips = resample_lips(result.lips, rate, result.seconds, source_fps=result.fps)
        posteriors = None if result.posteriors is None else result.posteriors
        shares = phone_shares(len(result.lips), result.fps, result.alignment, posteriors)
        rest = neutral_mouth(result.lips, None if shares is None else shares[:, SILENCE_ID] > 0.5)
        return arkit_weights(lips, rate, result.alignment, posteriors, rest=rest), lips, rest, rate
    except InputError as error:
        raise InputError(f"{result.name}: {error}") from error


def write_arkit_json(result: "Result", path: Path, *, fps: float | None = None) -> None:
    """Write ARKit weights as JSON in the layout of NVIDIA Audio2Face's export, which several tools import.

    One object: `exportFps`, `trackPath` (the sound's file name, or ""), `numPoses`, `numFrames`, `facsNames` (the
    names of ARKIT_NAMES) and `weightMat`, a row of `numPoses` weights in [0, 1] for each frame. Frame i is shown from
    i / exportFps seconds to (i + 1) / exportFps.

    Args:
        result: lips with what stands beside them.
        path: the file; replaced as a whole.
        fps: frames per second written; None = those of the lips.

    Raises:
        InputError: lips that blendshapes cannot be made of, or fps out of range.
    """
    weights, _, _, rate = arkit_weights_of(result, fps)
    rows = np.stack(list(weights.values()), axis=1)
    head = {
        "exportFps": rate,
        "trackPath": "" if result.sound is None else result.sound.name,
        "numPoses": len(weights),
        "numFrames": len(rows),
        "facsNames": list(weights),
    }
    with new_text_file(path) as file:
        file.write(json.dumps(head, indent=1)[:-2] + ',\n "weightMat": [')
        for index, row in enumerate(rows):
            file.write(("," if index else "") + "\n  [" + ", ".join(f"{value:.4g}" for value in row) + "]")
        file.write("\n ]\n}\n")


def write_arkit_csv(result: "Result", path: Path, *, fps: float | None = None) -> None:
    """Write ARKit weights as the app Live Link Face records them.

    Columns: Timecode (HH:MM:SS:FF.sss from 0, FF counting whole frames), BlendShapeCount (61) and LIVE_LINK_NAMES
    with ten decimals; what lips know nothing of (eyes, brows, cheeks, head) is 0. At 29.97 and the like the timecode
    counts 30 frames a second without dropping any, as non-drop timecode does.

    Args:
        result: lips with what stands beside them.
        path: the file; replaced as a whole.
        fps: frames per second written; None = the app's 60, which readers take for granted.

    Raises:
        InputError: lips that blendshapes cannot be made of, or fps out of range.
    """
    weights, _, _, rate = arkit_weights_of(result, LIVE_LINK_FPS if fps is None else fps)
    columns = {name[0].upper() + name[1:]: values for name, values in weights.items()}
    counted = int(np.ceil(rate))
    with new_text_file(path) as file:
        file.write(",".join(("Timecode", "BlendShapeCount", *LIVE_LINK_NAMES)) + "\n")
        for index in range(len(next(iter(weights.values())))):
            values = [float(columns[name][index]) if name in columns else 0.0 for name in LIVE_LINK_NAMES]
            cells = [timecode(index, counted), str(len(LIVE_LINK_NAMES)), *(f"{value:.10f}" for value in values)]
            file.write(",".join(cells) + "\n")


def timecode(frame: int, frames_per_second: int) -> str:
    """Count a frame as Live Link Face does: HH:MM:SS:FF.sss, here without a part of a frame."""
    seconds, frames = divmod(frame, frames_per_second)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frames:02d}.000"
