"""The lips of somebody who was not in the training: with nothing known, from one frame, or from a few clips.

    import phonolips
    me = phonolips.adapt(["a.mp4", "b.mp4"]).speaker
    phonolips.from_text("bin blue at f two now", speaker=me).save("demo")

1. The mean speaker: shape and style are the average of the training's; `speaker=None`.
2. One frame: its lip shape, less what the mean speaker's lips do at that moment, becomes the mean lip. (FlexLip,
   Oneata et al. 2022, puts the shape of one frame in the mean's place too.) Of a video, the frame that shows most of
   its mean shape; of a picture, the mouth shut and at rest.
3. A few clips: embedding, mean lip and gain are fitted to them, the decoder is frozen. The embedding moves in the
   directions in which the speakers of the training differ, each held by a ridge; so does the gain. Then the habits:
   what else this person moves with what the decoder moves (one opens more by the jaw, another by the upper lip), and
   at every phone (`model.personal`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError
from phonolips.lips import shapes
from phonolips.lips.points import LIP_POINTS
from phonolips.lips.space import mean_centre
from phonolips.model.fit import AdaptSettings, EncodedClip, Fit
from phonolips.model.lag import take_lag_out
from phonolips.model.speakers import LipSpeaker
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID
from phonolips.speech.mel import log_mel
from phonolips.timebase import MODEL_FPS, STEPS_PER_FRAME, frames_to_samples, samples_to_frames, seconds_to_steps

if TYPE_CHECKING:
    from phonolips.model.network import Network

__all__ = [
    "AdaptSettings",
    "Adaptation",
    "EncodedClip",
    "adapt",
    "best_frame_speaker",
    "encode_clip",
    "one_frame_speaker",
    "predict_deviations",
    "register_clips",
    "rest_frame",
    "rest_lips",
    "rest_speaker",
]

REST_SECONDS = 2.0  # of silence, in whose middle the mean speaker's mouth is taken to be at rest


@dataclass(frozen=True)
class Adaptation:
    """The result of a fit.

    Args:
        speaker: fitted to the person.
        one_frame: the same person from one frame of the material.
        mean: the mean speaker.
        frames: of the material, at 25 a second; 1 for a picture.
        detected: how many of them hold a face.
        errors: root mean square error of the lips on the material, in eye distances, of the `mean speaker`,
            `one frame` and `adapted`; empty where there is no sound to judge by.
    """

    speaker: LipSpeaker
    one_frame: LipSpeaker
    mean: LipSpeaker
    frames: int
    detected: int
    errors: dict[str, float]

    @property
    def seconds(self) -> float:
        """Return the length of the material in seconds."""
        return self.frames / MODEL_FPS


def encode_clip(network: "Network", lips: np.ndarray, detected: np.ndarray, waveform: np.ndarray) -> EncodedClip:
    """Encode a clip's sound, cut lips and sound to one length, and take out a lag that the sync expert is sure of.

    Args:
        network: for its encoder.
        lips: float (frames, 40, 2), mouth space, 25 a second.
        detected: bool (frames,).
        waveform: float32 (samples,) at 16 kHz, from the first frame on.
    """
    from phonolips.model.stream import encode

    frames = min(len(lips), samples_to_frames(len(waveform)))
    sound = waveform[: frames_to_samples(frames)]
    encoded = list(encode(network, iter([sound])))
    timed = take_lag_out(np.asarray(lips[:frames], np.float32), np.asarray(detected[:frames], bool), log_mel(sound))
    return EncodedClip(
        timed.lips,
        timed.detected,
        np.concatenate([part.posteriors for part in encoded]),
        np.concatenate([part.lip_parameters for part in encoded]),
        timed.late_ms,
    )


def predict_deviations(
    network: "Network", posteriors: np.ndarray, lip_parameters: np.ndarray | None = None, *, speaker: LipSpeaker
) -> np.ndarray:
    """Predict how a speaker's lips deviate from their mean lip.

    Args:
        network: for its decoder.
        posteriors: float32 (steps, phones), a multiple of 4 steps.
        lip_parameters: float32 (steps / 4, parameters); None = predicted from the posteriors.
        speaker: whose style.

    Returns:
        float32 (steps / 4, 40, 2), mouth space.
    """
    from phonolips.model.stream import decode_lips, predict_lip_parameters

    if lip_parameters is None:
        lip_parameters = predict_lip_parameters(network, posteriors)
    around_zero = replace(speaker, mean_lip=np.zeros((LIP_POINTS, 2), np.float32))
    return np.concatenate(list(decode_lips(network, posteriors, lip_parameters, around_zero)))


def rest_frame(clip: EncodedClip) -> int:
    """Find the frame that shows the mouth at rest: the most typical one of the clip's silence.

    Where nothing is silent, it is the least open frame.

    Raises:
        InputError: no frame was detected.
    """
    silence = clip.posteriors[:, SILENCE_ID].reshape(-1, STEPS_PER_FRAME).mean(1)
    return shapes.rest_frame(clip.lips, clip.detected, silence)


def rest_lips(clip: EncodedClip) -> np.ndarray:
    """Return the lips of the frame at rest, as if it were a picture: float32 (40, 2), the origin at its own centre."""
    lips = clip.lips[rest_frame(clip)]
    return np.asarray(lips - lips.mean(0))


def one_frame_speaker(
    network: "Network",
    lips: np.ndarray,
    *,
    posteriors: np.ndarray | None = None,
    lip_parameters: np.ndarray | None = None,
    index: int | None = None,
    name: str = "one frame",
) -> LipSpeaker:
    """Make a speaker of the lips of one frame: their shape, the mean speaker's style.

    The mean lip is the frame's lips less the deviation from it that the mean speaker has at that moment: in the
    middle of a silence, or where `posteriors` are given, at frame `index` of them.

    Args:
        network: the model that will speak.
        lips: float (40, 2), mouth space; the mouth shut and at rest unless `posteriors` are given.
        posteriors: float32 (steps, phones), a multiple of 4 steps, of the sound around the frame.
        lip_parameters: float32 (steps / 4, parameters), encoded from the same sound; None = predicted from the
            posteriors.
        index: which frame of `posteriors`; 0 is the first.
        name: of the speaker.

    Raises:
        InputError: not 40 finite points, or no such frame.
    """
    shape = np.asarray(lips, np.float32)
    if shape.shape != (LIP_POINTS, 2) or not np.isfinite(shape).all():
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
    return _speaker_of_shape(network, shape - deviation, name)


def _speaker_of_shape(network: "Network", mean_lip: np.ndarray, name: str) -> LipSpeaker:
    """Make a speaker of the mean lip (40, 2) that one frame says.

    It is believed as it is: mouths differ far more than frames err, and to draw it a tenth or two towards the mean
    speaker's gained less than 0.005 of skill on average over GRID's six speakers here.
    """
    found = network.unnamed_speaker(mean_lip.astype(np.float32))
    notes = {"mode": "one frame"}
    return LipSpeaker(name, found.embedding.copy(), found.mean_lip, 1.0, notes, phone_offsets=found.phone_offsets)


def best_frame_speaker(network: "Network", clip: EncodedClip, name: str = "one frame") -> LipSpeaker:
    """Make a speaker of one frame of a clip: the one that shows most of the mean shape.

    What the mean speaker's lips do in the clip is taken from each of its frames; the frame is taken whose rest lies
    nearest the mean of these rests. Its place in the face is that in the clip's mouth space.

    Raises:
        InputError: no frame was detected.
    """
    if not clip.detected.any():
        raise InputError("no frame of the clip shows a face; use another clip")
    mean = network.lip_speaker(None)
    deviations = predict_deviations(network, clip.posteriors, clip.lip_parameters, speaker=mean)
    said = (clip.lips - deviations)[clip.detected]
    nearest = int(np.square(said - said.mean(0)).sum((1, 2)).argmin())
    return _speaker_of_shape(network, said[nearest], name)


def register_clips(clips: Sequence[EncodedClip]) -> list[EncodedClip]:
    """Move clips of one person to one place in the face, the mean of theirs, as those of the training are.

    Every clip's origin is its own neutral mouth centre, which differs from clip to clip (`corpus.registration`). A clip
    without a detected frame stays as it is.
    """
    centres = [mean_centre(clip.lips, clip.detected) if clip.detected.any() else None for clip in clips]
    common = np.mean([centre for centre in centres if centre is not None], axis=0)
    return [
        clip if centre is None else clip._replace(lips=(clip.lips + (common - centre)).astype(np.float32))
        for clip, centre in zip(clips, centres, strict=True)
    ]


def adapt(
    network: "Network",
    clips: Sequence[EncodedClip],
    *,
    name: str = "adapted",
    settings: AdaptSettings | None = None,
) -> Adaptation:
    """Fit embedding, mean lip, gain and habits to clips of one person; nothing in the network changes.

    Minimised is the squared error of the lips, plus ridges: on the embedding's steps along `speaker_directions`, on
    the log of the gain, and on the mean lip's distance, in shape and in place, from what one frame of each clip
    suggests. For every embedding and gain the best mean lip has a closed form; the rest is found by L-BFGS-B. Mixing
    and phone offsets are a ridge regression of what is left, and the mean lip is then found once more. Nothing is drawn
    at random.
    The fit is to the decoder's lips, before `lips.liveliness.exaggerate`.

    Args:
        network: the model that will speak.
        clips: of the person, with at least one detected frame in all.
        name: of the speaker.
        settings: strengths of the ridges; None = the defaults.

    Raises:
        InputError: no clip, or no detected frame.
    """
    settings = settings or AdaptSettings()
    detected = sum(int(clip.detected.sum()) for clip in clips)
    if not detected:
        raise InputError(f"no frame of {len(clips)} clips shows a face; expected one face, seen from the front")
    clips = register_clips(clips)
    shapes = np.concatenate([clip.lips[clip.detected] for clip in clips])
    mean = network.unnamed_speaker(shapes.mean(0))  # the mean speaker's embedding where the model ignores shapes
    one_frame = [best_frame_speaker(network, clip, name) for clip in clips if clip.detected.any()]
    rest = np.mean([speaker.mean_lip for speaker in one_frame], axis=0)
    fit = Fit(network, clips, mean.embedding, rest, settings)
    of_mean = fit.deviation(fit.outputs(np.zeros((1, len(fit.directions))))[0] + fit.general)
    steps, gain = fit.solve()
    outputs = fit.outputs(steps[None])[0]
    mixing, phone_offsets = fit.habits(outputs, gain)
    deviation = fit.deviation(gain * outputs + outputs @ mixing + fit.sounding @ phone_offsets)
    mean_lip, _ = fit.best_mean_lip(deviation)
    errors = {
        label: float(np.sqrt(fit.squared_error(moved, shape) / fit.truth.size))
        for label, moved, shape in (
            ("mean speaker", of_mean, mean.mean_lip),
            ("one frame", of_mean, one_frame[0].mean_lip),
            ("adapted", deviation, mean_lip),
        )
    }
    frames = sum(len(clip.lips) for clip in clips)
    notes = {
        "mode": "clips",
        "seconds": round(frames / MODEL_FPS, 2),
        "frames": frames,
        "detected": detected,
        "late_ms": [clip.late_ms for clip in clips],
        "errors": {label: round(value, 5) for label, value in errors.items()},
    }
    speaker = LipSpeaker(name, fit.embedding(steps), mean_lip.astype(np.float32), gain, notes, mixing, phone_offsets)
    return Adaptation(speaker, one_frame[0], mean, frames, detected, errors)


def rest_speaker(network: "Network", clip: EncodedClip, name: str = "one frame") -> LipSpeaker:
    """Make the one-frame speaker of a clip, as from a picture of its rest."""
    return one_frame_speaker(network, rest_lips(clip), name=name)
