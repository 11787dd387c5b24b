"""Lips of somebody who was not in the training: nothing known, one frame, or a few clips.

    from phonolips import adapt, synth
    me = adapt.lip_speaker_from_videos([Path("a.mp4"), Path("b.mp4")]).speaker
    synth.from_text("bin blue at f two now", speaker=me).save("demo")

1. The mean speaker: shape and manner are the average of the training's; `speaker=None`.
2. One frame: its lip shape, less what the mean speaker's lips do at that moment, becomes the mean lip. (FlexLip,
   Oneata et al. 2022, puts the shape of one frame in the mean's place too.)
3. A few clips: embedding, mean lip and gain are fitted to them, the decoder is frozen. The embedding moves in the
   directions in which the speakers of the training differ, each held by a ridge; so does the gain. Then the mixing:
   what else this person moves with what the decoder moves (one opens more by the jaw, another by the upper lip).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.corpus.placing import mean_centre
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones import NUM_PHONES, SILENCE_ID
from phonolips.timebase import (
    MODEL_FPS,
    STEPS_PER_FRAME,
    frames_to_samples,
    frames_to_steps,
    samples_to_frames,
    samples_to_seconds,
    seconds_to_steps,
)
from phonolips.video.lips import opening

if TYPE_CHECKING:
    from torch import Tensor

    from phonolips.model.network import Network
    from phonolips.model.speaker import LipSpeaker
    from phonolips.video.track import Track

SHORTEST_SECONDS = 1.0  # of a video to adapt to
PICTURES = (".png", ".jpg", ".jpeg")
STILL_REPEATS = 5  # times that a still picture is shown to the face tracker, which settles on it as on a video
REST_SECONDS = 2.0  # of silence, in whose middle the mean speaker's mouth is taken to be at rest
SURELY_SILENT = 0.9  # share of the surest silence of a clip from which a frame counts as silent
WARM_UP_FRAMES = 25  # frames that the decoder speaks before those of a piece that count
PIECE_FRAMES = 75  # frames of a piece: long clips are cut, so that the pieces run side by side
MOST_EVALUATIONS = 40  # of the decoder
LEAST_GAIN, MOST_GAIN = 0.5, 2.0


@dataclass(frozen=True)
class AdaptSettings:
    """How strongly a fit is held to what is known of speakers in general, in frames of material of that weight.

    Args:
        embedding_frames: what one standard deviation of the training's speakers costs: as much as this many frames
            whose lips are wrong by one `Network.lip_scale`.
        gain_frames: the same of a factor e of the gain.
        shape_frames: frames of material that the mean lip's shape, as the frames at rest tell it (one of each clip),
            weighs as much as.
        place_frames: the same of its place in the face.
        mixing_frames: frames of usual movement that the mixing's being zero weighs as much as.
    """

    embedding_frames: float = 20.0
    gain_frames: float = 100.0
    shape_frames: float = 10.0
    place_frames: float = 10.0
    mixing_frames: float = 25.0


class HeardClip(NamedTuple):
    """A clip of the person, as tracked and as heard by the network's ears, at 25 frames a second.

    lips float32 (frames, 40, 2), mouth space; detected bool (frames,); posteriors float32 (4 * frames, phones);
    gestures float32 (frames, gestures).
    """

    lips: np.ndarray
    detected: np.ndarray
    posteriors: np.ndarray
    gestures: np.ndarray


@dataclass(frozen=True)
class Adaptation:
    """What a fit gives.

    Args:
        speaker: fitted to the person.
        one_frame: the same person from one frame of the material at rest.
        mean: the mean speaker.
        frames: of the material, at 25 a second; 1 for a picture.
        detected: how many of them hold a face.
        errors: root mean square error of the lips on the material, in eye distances, by `mean speaker`,
            `one frame` and `adapted`; empty where there is no sound to judge by.
    """

    speaker: "LipSpeaker"
    one_frame: "LipSpeaker"
    mean: "LipSpeaker"
    frames: int
    detected: int
    errors: dict[str, float]

    @property
    def seconds(self) -> float:
        """Length of the material in seconds."""
        return self.frames / MODEL_FPS


def hear_clip(network: "Network", lips: np.ndarray, detected: np.ndarray, waveform: np.ndarray) -> HeardClip:
    """Listen to a clip and cut lips and sound to the same length.

    Args:
        network: for its ears.
        lips: float (frames, 40, 2), mouth space, 25 a second.
        detected: bool (frames,).
        waveform: float32 (samples,) at 16 kHz, from the first frame on.
    """
    from phonolips.model.stream import listen

    frames = min(len(lips), samples_to_frames(len(waveform)))
    sound = waveform[: frames_to_samples(frames)]
    heard = list(listen(network, iter([sound])))
    return HeardClip(
        np.asarray(lips[:frames], np.float32),
        np.asarray(detected[:frames], bool),
        np.concatenate([part.posteriors for part in heard]),
        np.concatenate([part.gestures for part in heard]),
    )


def predict_deviations(
    network: "Network", posteriors: np.ndarray, gestures: np.ndarray | None = None, *, speaker: "LipSpeaker"
) -> np.ndarray:
    """Say how a speaker's lips deviate from the mean lip: posteriors (steps, phones) -> float32 (frames, 40, 2).

    `gestures` (frames, gestures) are guessed from the posteriors where None.
    """
    from phonolips.model.stream import guess_gestures, speak

    moves = guess_gestures(network, posteriors) if gestures is None else gestures
    around_zero = replace(speaker, mean_lip=np.zeros((40, 2), np.float32))
    return np.concatenate(list(speak(network, posteriors, moves, around_zero)))


def rest_frame(clip: HeardClip) -> int:
    """Find the frame that shows the mouth at rest: the most usual one of the clip's silence.

    Where nothing is silent, the least open frame. Raises InputError where no frame was detected.
    """
    if not clip.detected.any():
        raise InputError("no frame of the clip shows a face; use another clip")
    silence = clip.posteriors[:, SILENCE_ID].reshape(-1, STEPS_PER_FRAME).mean(1)
    surest = silence[clip.detected].max()
    if surest < 0.5:
        return int(np.where(clip.detected, opening(clip.lips), np.inf).argmin())
    silent = clip.detected & (silence >= SURELY_SILENT * surest)
    distance = np.square(clip.lips - np.median(clip.lips[silent], axis=0)).sum((1, 2))
    return int(np.where(silent, distance, np.inf).argmin())


def rest_lips(clip: HeardClip) -> np.ndarray:
    """Take the frame at rest as if it were a picture: float32 (40, 2), the origin at its own centre."""
    lips = clip.lips[rest_frame(clip)]
    return lips - lips.mean(0)


def one_frame_speaker(
    network: "Network",
    lips: np.ndarray,
    *,
    posteriors: np.ndarray | None = None,
    gestures: np.ndarray | None = None,
    index: int | None = None,
    name: str = "one frame",
) -> "LipSpeaker":
    """Make a speaker of the lips of one frame: their shape, the mean speaker's manner.

    The mean lip is the frame's lips less the deviation from it that the mean speaker has at that moment: in the
    middle of a silence, or where `posteriors` are given, at frame `index` of them.

    Args:
        network: the model that will speak.
        lips: float (40, 2), mouth space; the mouth shut and at rest unless `posteriors` are given.
        posteriors: float32 (steps, phones), a multiple of 4 steps, of the sound around the frame.
        gestures: float32 (steps / 4, gestures) that were heard there; None = guessed from the posteriors.
        index: which frame of `posteriors`; 0 is the first.
        name: of the speaker.

    Raises:
        InputError: not 40 finite points, or no such frame.
    """
    from phonolips.model.speaker import LipSpeaker

    shape = np.asarray(lips, np.float32)
    if shape.shape != (40, 2) or not np.isfinite(shape).all():
        raise InputError(f"lips of shape {shape.shape}; expected 40 finite points (40, 2) in mouth space")
    if posteriors is None:
        posteriors = np.zeros((seconds_to_steps(REST_SECONDS), NUM_PHONES), np.float32)
        posteriors[:, SILENCE_ID] = 1.0
        index = len(posteriors) // STEPS_PER_FRAME // 2
    frames = len(posteriors) // STEPS_PER_FRAME
    if index is None or not 0 <= index < frames:
        raise InputError(f"index {index}; expected the frame's number in the posteriors, 0 to {frames - 1}")
    mean = network.lip_speaker(None)
    deviation = predict_deviations(network, posteriors, gestures, speaker=mean)[index]
    found = network.unnamed_speaker(shape - deviation)
    return LipSpeaker(name, found.embedding.copy(), found.mean_lip, 1.0, {"mode": "one frame"})


class _Pieces(NamedTuple):
    """Clips cut into pieces of like length: tensors (pieces, steps or frames, ...); weight 0 = does not count."""

    posteriors: "Tensor"
    gestures: "Tensor"
    truth: "Tensor"
    weight: "Tensor"


def _cut_pieces(network: "Network", clips: Sequence[HeardClip]) -> _Pieces:
    """Cut clips into pieces with what the decoder needs before and after them."""
    import torch

    back, ahead = network.decoder.back_frames + WARM_UP_FRAMES, network.decoder.ahead_frames
    spans = []
    for clip in clips:
        count = max(1, round(len(clip.lips) / PIECE_FRAMES))
        edges = np.linspace(0, len(clip.lips), count + 1).round().astype(int)
        for first, last in pairwise(edges.tolist()):
            start, stop = max(0, first - back), min(len(clip.lips), last + ahead)
            spans.append((clip, start, stop, first, last))
    longest = max(stop - start for _, start, stop, _, _ in spans)
    posteriors = np.zeros((len(spans), frames_to_steps(longest), NUM_PHONES), np.float32)
    gestures = np.zeros((len(spans), longest, clips[0].gestures.shape[1]), np.float32)
    truth, weight = np.zeros((len(spans), longest, 80), np.float32), np.zeros((len(spans), longest), np.float32)
    for index, (clip, start, stop, first, last) in enumerate(spans):
        own, heard = slice(first - start, last - start), slice(frames_to_steps(start), frames_to_steps(stop))
        posteriors[index, : heard.stop - heard.start] = clip.posteriors[heard]
        gestures[index, : stop - start] = clip.gestures[start:stop]
        truth[index, own] = np.where(clip.detected[:, None, None], clip.lips, 0)[first:last].reshape(-1, 80)
        weight[index, own] = clip.detected[first:last]
    return _Pieces(*map(torch.from_numpy, (posteriors, gestures, truth, weight)))


def lay_together(clips: Sequence[HeardClip]) -> list[HeardClip]:
    """Lay clips of one person onto one place in the face, the mean of theirs, as those of the training are.

    Every clip's origin is its own neutral mouth centre, which differs from clip to clip (`corpus.placing`). A clip
    without a detected frame stays as it is.
    """
    centres = [mean_centre(clip.lips, clip.detected) if clip.detected.any() else None for clip in clips]
    common = np.mean([centre for centre in centres if centre is not None], axis=0)
    return [
        clip if centre is None else clip._replace(lips=(clip.lips + (common - centre)).astype(np.float32))
        for clip, centre in zip(clips, centres, strict=True)
    ]


def speaker_directions(network: "Network") -> "Tensor":
    """Find how the training's speakers differ: (directions, dim), each as long as one standard deviation.

    They are the principal axes of the table's embeddings around the mean speaker's; none where it is alone.
    """
    import torch

    table = network.speakers.embedding.weight
    offsets = table[1:] - table[:1]
    if not len(offsets):
        return offsets
    _, lengths, axes = torch.linalg.svd(offsets / len(offsets) ** 0.5, full_matrices=False)
    return lengths[:, None] * axes


def adapt(
    network: "Network",
    clips: Sequence[HeardClip],
    *,
    name: str = "adapted",
    settings: AdaptSettings | None = None,
) -> Adaptation:
    """Fit embedding, mean lip, gain and mixing to clips of one person; nothing in the network changes.

    Minimised is the squared error of the lips, plus ridges: on the embedding's steps along `speaker_directions`, on
    the log of the gain, and on the mean lip's distance, in shape and in place, from what one frame of each clip tells.
    For every embedding and gain the best mean lip has a closed form; the rest is found by L-BFGS. The mixing is a ridge
    regression of what is left, and the mean lip is then found once more. Nothing is drawn at random.

    Args:
        network: the model that will speak.
        clips: what there is of the person, at least one detected frame in all.
        name: of the speaker.
        settings: strengths of the ridges.

    The fit is to the decoder's lips, before `video.lips.enliven`.

    Raises:
        InputError: no clip, or no detected frame.
    """
    import torch
    from tqdm import tqdm

    from phonolips.model.speaker import LipSpeaker

    settings = settings or AdaptSettings()
    detected = sum(int(clip.detected.sum()) for clip in clips)
    if not detected:
        raise InputError(f"no frame of {len(clips)} clips shows a face; expected one face, seen from the front")
    clips = lay_together(clips)
    frames = sum(len(clip.lips) for clip in clips)
    shapes = np.concatenate([clip.lips[clip.detected] for clip in clips])
    mean = network.unnamed_speaker(shapes.mean(0))  # the mean speaker, where the model makes nothing of a shape
    pieces = _cut_pieces(network, clips)
    start = torch.from_numpy(mean.embedding.copy())
    directions = speaker_directions(network)
    scale = float(network.lip_scale)
    weight = pieces.weight[..., None]

    def decode(steps: "Tensor") -> "Tensor":
        embedding = (start + steps @ directions).expand(len(pieces.truth), -1)
        return network.decode(pieces.posteriors, embedding, pieces.gestures)

    def deviations(outputs: "Tensor") -> "Tensor":
        return network.coefficients_to_lips(outputs, torch.zeros(40, 2)).flatten(-2)

    def error_of(deviation: "Tensor", shape: "Tensor") -> "Tensor":
        return ((pieces.truth - shape - deviation).square() * weight).sum()

    with torch.no_grad():
        at_mean = deviations(decode(torch.zeros(len(directions))))
    at_rest = [rest_speaker(network, clip, name) for clip in clips if clip.detected.any()]
    one_frame = at_rest[0]
    rest = torch.from_numpy(np.mean([speaker.mean_lip for speaker in at_rest], axis=0))
    shape_ridge, place_ridge = settings.shape_frames, settings.place_frames

    def best_lip(deviation: "Tensor") -> tuple["Tensor", "Tensor"]:
        """Find the mean lip (80,), and what its ridges cost: its shape and its place are held apart."""
        apart = ((pieces.truth - deviation) * weight).sum((0, 1)).unflatten(0, (40, 2)) / detected - rest
        place = apart.mean(0)
        shape_step = (apart - place) * detected / (detected + shape_ridge)
        place_step = place * detected / (detected + place_ridge)
        cost = shape_ridge * shape_step.square().sum() + place_ridge * 40 * place_step.square().sum()
        return (rest + shape_step + place_step).flatten(), cost

    steps = torch.zeros(len(directions), requires_grad=True)
    log_gain = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [steps, log_gain], max_iter=MOST_EVALUATIONS, max_eval=MOST_EVALUATIONS, line_search_fn="strong_wolfe",
        tolerance_change=1e-6, tolerance_grad=1e-5,
    )  # fmt: skip

    with tqdm(total=MOST_EVALUATIONS, desc="adapting", unit="look", dynamic_ncols=True, disable=None) as bar:

        def objective() -> "Tensor":
            optimiser.zero_grad()
            deviation = log_gain.exp() * deviations(decode(steps))
            lip, ridges = best_lip(deviation)
            misfit = error_of(deviation, lip) + ridges
            held = settings.embedding_frames * steps.square().sum() + settings.gain_frames * log_gain.square()
            value = (misfit / scale**2 + held) / detected
            value.backward()
            bar.update()
            return value

        optimiser.step(objective)  # type: ignore[arg-type]
        bar.total = bar.n
        bar.refresh()

    with torch.no_grad():
        gain = float(log_gain.exp().clamp(LEAST_GAIN, MOST_GAIN))
        outputs = decode(steps)
        truth = network.lips_to_coefficients(pieces.truth.unflatten(-1, (40, 2)), torch.zeros(40, 2))
        mixing = _fit_mixing(outputs, truth - gain * outputs, pieces.weight, settings.mixing_frames)
        fitted = deviations(gain * outputs + outputs @ mixing)
        mean_lip, _ = best_lip(fitted)
        errors = {
            label: float((error_of(deviation, lip) / (detected * 80)).sqrt())
            for label, deviation, lip in (
                ("mean speaker", at_mean, torch.from_numpy(mean.mean_lip).flatten()),
                ("one frame", at_mean, torch.from_numpy(one_frame.mean_lip).flatten()),
                ("adapted", fitted, mean_lip),
            )
        }
        embedding = (start + steps @ directions).numpy()
    notes = {
        "mode": "clips",
        "seconds": round(frames / MODEL_FPS, 2),
        "frames": frames,
        "detected": detected,
        "errors": {label: round(value, 5) for label, value in errors.items()},
    }
    speaker = LipSpeaker(name, embedding, mean_lip.reshape(40, 2).numpy(), gain, notes, mixing.numpy())
    return Adaptation(speaker, one_frame, mean, frames, detected, errors)


def _fit_mixing(outputs: "Tensor", missed: "Tensor", weight: "Tensor", ridge_frames: float) -> "Tensor":
    """Regress what is missed on what the decoder makes, around the means of both.

    Args:
        outputs: (pieces, frames, outputs).
        missed: the same shape.
        weight: (pieces, frames), 0 or 1: which frames count.
        ridge_frames: frames of `outputs` as large as they usually are, that the ridge weighs as much as.

    Returns:
        (outputs, outputs).
    """
    import torch

    counts = weight > 0
    made, left = outputs[counts].double(), missed[counts].double()
    made, left = made - made.mean(0), left - left.mean(0)
    gram = made.T @ made
    ridge = ridge_frames * gram.trace() / len(gram) / len(made) + 1e-6
    return torch.linalg.solve(gram + ridge * torch.eye(len(gram)), made.T @ left).float()


def rest_speaker(network: "Network", clip: HeardClip, name: str = "one frame") -> "LipSpeaker":
    """Make the one-frame speaker of a clip, as from a picture of its rest."""
    return one_frame_speaker(network, rest_lips(clip), name=name)


def read_picture(path: Path) -> np.ndarray:
    """Find the lips in a still picture of a face at rest.

    Returns:
        float32 (40, 2), mouth space, the origin at this mouth's own centre.

    Raises:
        InputError: not a readable picture, or no face in it. MissingToolError: mediapipe is not installed.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    from phonolips.video.facemesh import find_points
    from phonolips.video.lips import MEDIAPIPE_LIPS, fit_mouth_space, neutral_centre

    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a picture of a face")
    try:
        with Image.open(path) as file:
            picture = np.array(ImageOps.exif_transpose(file).convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a readable picture ({type(error).__name__}); expected .png or .jpg") from error
    points_px, detected = find_points([picture] * STILL_REPEATS, MODEL_FPS)
    if not detected[-1]:
        raise InputError(f"{path}: no face found; use a picture in which one face is seen from the front")
    count = len(MEDIAPIPE_LIPS)
    points_px = points_px[-1:]
    space = fit_mouth_space(points_px[:, count:], MODEL_FPS)
    lips = space.forward(points_px[:, :count])
    return (lips - neutral_centre(lips, np.ones(1, bool)))[0].astype(np.float32)


def _track(video: Path) -> "Track":
    """Track a video; what is wrong with it is said with its name."""
    from phonolips.video.track import track_video

    try:
        return track_video(video)
    except InputError as error:
        raise error if str(video) in str(error) else InputError(f"{video}: {error}") from error


def _has_speech(video: Path) -> bool:
    """Say whether a video has sound that is not silent throughout."""
    from phonolips.audio.io import SILENCE_LEVEL, read_blocks
    from phonolips.video.io import probe

    if not probe(video).has_audio:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhonolipsWarning)
        return any(np.abs(block).max() >= SILENCE_LEVEL for block in read_blocks(video))


def read_clip(network: "Network", video: Path) -> HeardClip:
    """Track the lips of a video and listen to it.

    Raises:
        InputError: not a readable video, no face in most of it, no sound, or less than a second.
        MissingToolError: mediapipe is not installed.
    """
    from phonolips.audio.io import read
    from phonolips.corpus.prepare import resample_frames

    if not _has_speech(video):
        raise InputError(f"{video}: no sound, or only silence, in this video; expected speech, or use --one-frame")
    waveform = read(video)
    found = _track(video)
    seconds = min(len(found.lips) / found.fps, samples_to_seconds(len(waveform)))
    if seconds < SHORTEST_SECONDS:
        raise InputError(
            f"{video}: {seconds:.2f} s of pictures with sound; expected at least {SHORTEST_SECONDS:.0f} s, or use "
            "--one-frame"
        )
    lips = resample_frames(found.lips, found.fps, MODEL_FPS)
    detected = resample_frames(found.detected.astype(np.float32), found.fps, MODEL_FPS) > 0.5
    return hear_clip(network, lips, detected, waveform)


def _frame_of_video(network: "Network", video: Path, name: str) -> "LipSpeaker":
    """Make the one-frame speaker of a video: of a frame in its silence, or without sound of its least open one."""
    if _has_speech(video):
        return rest_speaker(network, read_clip(network, video), name)
    found = _track(video)
    openness = np.where(found.detected, opening(found.lips), np.inf)
    lips = found.lips[int(openness.argmin())]
    return one_frame_speaker(network, lips - lips.mean(0), name=name)


def lip_speaker_from_videos(
    paths: Sequence[Path],
    *,
    name: str | None = None,
    one_frame: bool = False,
    network: "Network | None" = None,
) -> Adaptation:
    """Make a speaker of video files of one person speaking, or of one picture.

    Args:
        paths: videos with sound; or one picture (.png, .jpg) of the face with the mouth shut, at rest.
        name: of the speaker; None = the first file's name.
        one_frame: take only one frame of the (only) video, and its lip shape.
        network: a loaded model; None = the one in the package.

    Raises:
        InputError: no file, or one that is missing, unreadable, too short, without a face or without sound.
        MissingToolError: mediapipe is not installed.
    """
    from tqdm import tqdm

    from phonolips.synth import load_network

    files = [Path(path) for path in paths]
    pictures = [path for path in files if path.suffix.lower() in PICTURES]
    if not files:
        raise InputError("no video to adapt to; expected at least one, or one picture")
    for path in files:
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected a video or a picture")
    if len(files) > 1 and (pictures or one_frame):
        found = f"{pictures[0]} and {len(files) - 1} more" if pictures else f"{len(files)} videos"
        raise InputError(
            f"{found}: one frame comes from one file; give one picture, or only videos, without --one-frame"
        )
    network = network or load_network()
    title = name or files[0].stem
    if pictures or one_frame:
        if pictures:
            lips = read_picture(files[0])
            if opening(lips) > opening(network.lip_mean[0].numpy()):
                warnings.warn(
                    f"{files[0]}: the mouth is open in this picture; it is taken to be shut and at rest",
                    PhonolipsWarning,
                    stacklevel=2,
                )
            speaker = one_frame_speaker(network, lips, name=title)
        else:
            speaker = _frame_of_video(network, files[0], title)
        return Adaptation(speaker, speaker, network.lip_speaker(None), 1, 1, {})
    bar = tqdm(files, desc="tracking", unit="video", dynamic_ncols=True, disable=None)
    return adapt(network, [read_clip(network, path) for path in bar], name=title)
