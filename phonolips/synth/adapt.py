"""A speaker from files: videos of one person speaking, or one picture."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.measures import opening
from phonolips.model.adapt import Adaptation, EncodedClip, best_frame_speaker, encode_clip, one_frame_speaker
from phonolips.model.adapt import adapt as fit
from phonolips.synth.files import existing_file
from phonolips.timebase import MODEL_FPS, samples_to_seconds

if TYPE_CHECKING:
    from phonolips.face.track import Track
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker

SHORTEST_SECONDS = 1.0  # of a video to adapt to


def read_picture(path: Path) -> np.ndarray:
    """Find the lips in a still picture of a face at rest.

    Returns:
        float32 (40, 2), mouth space, the origin at this mouth's own centre.

    Raises:
        InputError: not a readable picture, or no face in it. MissingToolError: mediapipe is not installed.
    """
    from phonolips.face.mesh import find_points
    from phonolips.face.photo import PHOTO_REPEATS, read_photo
    from phonolips.lips.points import MEDIAPIPE_LIPS
    from phonolips.lips.shapes import neutral_centre
    from phonolips.lips.space import fit_mouth_space

    existing_file(path, "a picture of a face")
    picture = read_photo(path, longest_side=None)
    points_px, detected = find_points([picture] * PHOTO_REPEATS, MODEL_FPS)
    if not detected[-1]:
        raise InputError(f"{path}: no face found; use a picture in which one face is seen from the front")
    count = len(MEDIAPIPE_LIPS)
    points_px = points_px[-1:]
    space = fit_mouth_space(points_px[:, count:], MODEL_FPS)
    lips = space.forward(points_px[:, :count])
    centred: np.ndarray = (lips - neutral_centre(lips, np.ones(1, bool)))[0].astype(np.float32)
    return centred


def _track(video: Path) -> "Track":
    """Track a video; what is wrong with it is said with its name."""
    from phonolips.face.track import track_video

    try:
        return track_video(video)
    except InputError as error:
        raise error if str(video) in str(error) else InputError(f"{video}: {error}") from error


def _has_speech(video: Path, audio_stream: int | None) -> bool:
    """Return whether a video has sound that is not silent throughout."""
    from phonolips.media.audio import SILENCE_LEVEL, read_blocks
    from phonolips.media.video import probe

    if not probe(video).has_audio:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhonolipsWarning)
        return any(np.abs(block).max() >= SILENCE_LEVEL for block in read_blocks(video, stream=audio_stream))


def read_clip(network: "Network", video: Path, *, audio_stream: int | None = None) -> EncodedClip:
    """Track the lips of a video and encode its sound, the default one or that of a number, counted from 0.

    Where the sync expert is sure that lips and sound are apart, the lips are moved to the sound.

    Raises:
        InputError: not a readable video, no face in most of it, no sound, or less than a second.
        MissingToolError: mediapipe is not installed.
    """
    from phonolips.lips.curve import resample_frames
    from phonolips.media.audio import read

    if not _has_speech(video, audio_stream):
        raise InputError(f"{video}: no sound, or only silence, in this video; expected speech, or use `one_frame`")
    waveform = read(video, stream=audio_stream)
    found = _track(video)
    seconds = min(len(found.lips) / found.fps, samples_to_seconds(len(waveform)))
    if seconds < SHORTEST_SECONDS:
        raise InputError(
            f"{video}: {seconds:.2f} s of pictures with sound; expected at least {SHORTEST_SECONDS:.0f} s, or use "
            "`one_frame`"
        )
    lips = resample_frames(found.lips, found.fps, MODEL_FPS)
    detected = resample_frames(found.detected.astype(np.float32), found.fps, MODEL_FPS) > 0.5
    return encode_clip(network, lips, detected, waveform)


def _frame_of_video(network: "Network", video: Path, name: str, audio_stream: int | None) -> "LipSpeaker":
    """Make the one-frame speaker of a video: of the frame that says most, or without sound of the least open one."""
    if _has_speech(video, audio_stream):
        return best_frame_speaker(network, read_clip(network, video, audio_stream=audio_stream), name)
    found = _track(video)
    openness = np.where(found.detected, opening(found.lips), np.inf)
    lips = found.lips[int(openness.argmin())]
    return one_frame_speaker(network, lips - lips.mean(0), name=name)


def adapt(
    paths: Sequence[Path] | Path | str,
    *,
    name: str | None = None,
    one_frame: bool = False,
    audio_stream: int | None = None,
    network: "Network | None" = None,
) -> Adaptation:
    """Make a speaker of video files of one person speaking, or of one picture.

    Args:
        paths: a video with sound, or several; or one picture of the face with the mouth shut, at rest.
        name: of the speaker; None = the first file's name.
        one_frame: take only one frame of the (only) video, and its lip shape.
        audio_stream: which of the videos' sounds, counted from 0; None = the default one.
        network: a loaded model; None = the one in the package.

    Raises:
        InputError: no file, or one that is missing, unreadable, too short, without a face or without sound.
        MissingToolError: mediapipe is not installed.
    """
    from tqdm import tqdm

    from phonolips.face.photo import is_photo
    from phonolips.model.network import load_network

    files = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    if not files:
        raise InputError("no video to adapt to; expected at least one, or one picture")
    for path in files:
        existing_file(path, "a video or a picture")
    pictures = [path for path in files if is_photo(path)]
    if len(files) > 1 and (pictures or one_frame):
        found = f"{pictures[0]} and {len(files) - 1} more" if pictures else f"{len(files)} videos"
        raise InputError(
            f"{found}: one frame comes from one file; give one picture, or only videos, without `one_frame`"
        )
    network = network or load_network()
    title = name or files[0].stem
    if pictures or one_frame:
        if pictures:
            lips = read_picture(files[0])
            if opening(lips) > opening(network.lip_mean[0]):
                warnings.warn(
                    f"{files[0]}: the mouth is open in this picture; it is taken to be shut and at rest",
                    PhonolipsWarning,
                    stacklevel=2,
                )
            speaker = one_frame_speaker(network, lips, name=title)
        else:
            speaker = _frame_of_video(network, files[0], title, audio_stream)
        return Adaptation(speaker, speaker, network.lip_speaker(None), 1, 1, {})
    bar = tqdm(files, desc="tracking", unit="video", dynamic_ncols=True, disable=None)
    return fit(network, [read_clip(network, path, audio_stream=audio_stream) for path in bar], name=title)
