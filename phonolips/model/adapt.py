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

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.measures import opening
from phonolips.lips.space import mean_centre
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID
from phonolips.timebase import (
    MODEL_FPS,
    STEPS_PER_FRAME,
    frames_to_samples,
    frames_to_steps,
    samples_to_frames,
    seconds_to_steps,
)

if TYPE_CHECKING:
    from torch import Tensor

    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker


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


class EncodedClip(NamedTuple):
    """A clip of the person, as tracked and as heard by the network's ears, at 25 frames a second.

    lips float32 (frames, 40, 2), mouth space; detected bool (frames,); posteriors float32 (4 * frames, phones);
    gestures float32 (frames, gestures).
    """

    lips: np.ndarray
    detected: np.ndarray
    posteriors: np.ndarray
    lip_parameters: np.ndarray


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


def encode_clip(network: "Network", lips: np.ndarray, detected: np.ndarray, waveform: np.ndarray) -> EncodedClip:
    """Listen to a clip and cut lips and sound to the same length.

    Args:
        network: for its ears.
        lips: float (frames, 40, 2), mouth space, 25 a second.
        detected: bool (frames,).
        waveform: float32 (samples,) at 16 kHz, from the first frame on.
    """
    from phonolips.model.stream import encode

    frames = min(len(lips), samples_to_frames(len(waveform)))
    sound = waveform[: frames_to_samples(frames)]
    encoded = list(encode(network, iter([sound])))
    return EncodedClip(
        np.asarray(lips[:frames], np.float32),
        np.asarray(detected[:frames], bool),
        np.concatenate([part.posteriors for part in encoded]),
        np.concatenate([part.lip_parameters for part in encoded]),
    )


def predict_deviations(
    network: "Network", posteriors: np.ndarray, lip_parameters: np.ndarray | None = None, *, speaker: "LipSpeaker"
) -> np.ndarray:
    """Say how a speaker's lips deviate from the mean lip: posteriors (steps, phones) -> float32 (frames, 40, 2).

    `lip_parameters` (frames, gestures) are guessed from the posteriors where None.
    """
    from phonolips.model.stream import decode_lips, predict_lip_parameters

    moves = predict_lip_parameters(network, posteriors) if lip_parameters is None else lip_parameters
    around_zero = replace(speaker, mean_lip=np.zeros((40, 2), np.float32))
    return np.concatenate(list(decode_lips(network, posteriors, moves, around_zero)))


def rest_frame(clip: EncodedClip) -> int:
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


def rest_lips(clip: EncodedClip) -> np.ndarray:
    """Take the frame at rest as if it were a picture: float32 (40, 2), the origin at its own centre."""
    lips = clip.lips[rest_frame(clip)]
    return lips - lips.mean(0)


def one_frame_speaker(
    network: "Network",
    lips: np.ndarray,
    *,
    posteriors: np.ndarray | None = None,
    lip_parameters: np.ndarray | None = None,
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
    from phonolips.model.speakers import LipSpeaker

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
    deviation = predict_deviations(network, posteriors, lip_parameters, speaker=mean)[index]
    found = network.unnamed_speaker(shape - deviation)
    return LipSpeaker(name, found.embedding.copy(), found.mean_lip, 1.0, {"mode": "one frame"})


class _Pieces(NamedTuple):
    """Clips cut into pieces of like length: tensors (pieces, steps or frames, ...); weight 0 = does not count."""

    posteriors: "Tensor"
    lip_parameters: "Tensor"
    truth: "Tensor"
    weight: "Tensor"


def _cut_pieces(network: "Network", clips: Sequence[EncodedClip]) -> _Pieces:
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
    lip_parameters = np.zeros((len(spans), longest, clips[0].lip_parameters.shape[1]), np.float32)
    truth, weight = np.zeros((len(spans), longest, 80), np.float32), np.zeros((len(spans), longest), np.float32)
    for index, (clip, start, stop, first, last) in enumerate(spans):
        own, encoded = slice(first - start, last - start), slice(frames_to_steps(start), frames_to_steps(stop))
        posteriors[index, : encoded.stop - encoded.start] = clip.posteriors[encoded]
        lip_parameters[index, : stop - start] = clip.lip_parameters[start:stop]
        truth[index, own] = np.where(clip.detected[:, None, None], clip.lips, 0)[first:last].reshape(-1, 80)
        weight[index, own] = clip.detected[first:last]
    return _Pieces(*map(torch.from_numpy, (posteriors, lip_parameters, truth, weight)))


def lay_together(clips: Sequence[EncodedClip]) -> list[EncodedClip]:
    """Lay clips of one person onto one place in the face, the mean of theirs, as those of the training are.

    Every clip's origin is its own neutral mouth centre, which differs from clip to clip (`corpus.registration`). A clip
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
    clips: Sequence[EncodedClip],
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

    The fit is to the decoder's lips, before `lips.motion.enliven`.

    Raises:
        InputError: no clip, or no detected frame.
    """
    import torch
    from tqdm import tqdm

    from phonolips.model.speakers import LipSpeaker

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
        return network.decode(pieces.posteriors, embedding, pieces.lip_parameters)

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


def rest_speaker(network: "Network", clip: EncodedClip, name: str = "one frame") -> "LipSpeaker":
    """Make the one-frame speaker of a clip, as from a picture of its rest."""
    return one_frame_speaker(network, rest_lips(clip), name=name)
