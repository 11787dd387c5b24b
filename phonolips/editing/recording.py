"""A recording to be edited: its lips, words and sound, what must hold of them, and who is seen in it."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.editing.timeline import Cut
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.model.adapt import AdaptSettings
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import SILENCE, UNKNOWN, phones_to_ids
from phonolips.speech.words import words_with_phones
from phonolips.synth.result import Result
from phonolips.timebase import MODEL_FPS, frames_to_steps, seconds_to_steps

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker

# Mean posterior that the encoder gives a transcript's phones: 0.54 to 0.84 on 28 GRID clips, 0.12 to 0.58 with another
# clip's words.
LEAST_FIT = 0.4
OVERRUN_SECONDS = 0.1  # a TextGrid may last longer than the pictures by so much
MOST_FIT_SECONDS = 60.0  # of a clip that its speaker is fitted to
FIT = AdaptSettings(embedding_frames=5.0, gain_frames=25.0, shape_frames=5.0, place_frames=5.0)  # see `fit_speaker`


def align_words(
    waveform: np.ndarray, text: str, name: str, aligner: str, language: str, network: "Network"
) -> Alignment:
    """Align; where that fails, the error names the text and the sound that do not fit."""
    from phonolips.speech.align.align import align

    try:
        return align(waveform, text, aligner=aligner, language=language, network=network)
    except InputError as error:
        raise InputError(
            f'{name}: the words "{text}" could not be found in its sound ({error}); give exactly what is said, '
            "another `aligner`, or a TextGrid with `textgrid`"
        ) from error


def check_fit(network: "Network", waveform: np.ndarray, alignment: Alignment, video: Path) -> None:
    """Warn where the encoder finds other phones than the transcript has: an aligner finds any words in any sound.

    Args:
        network: for its audio encoder.
        waveform: float32 (samples,) at 16 kHz.
        alignment: of the transcript with it.
        video: named in the warning.
    """
    encoded = network.posteriors(waveform)
    labels = alignment.labels(len(encoded))
    given = np.where(labels > 0, encoded[np.arange(len(encoded)), np.maximum(labels, 0)], np.nan)
    fits = [
        (float(np.nanmean(part)), word.label)
        for word in alignment.speech_words()
        if np.isfinite(part := given[seconds_to_steps(word.start) : seconds_to_steps(word.end)]).any()
    ]
    fit = float(np.nanmean(given)) if fits else 0.0
    if fit < LEAST_FIT:
        worst = f", least of all to {min(fits)[1]!r}" if fits else ""
        warnings.warn(
            f"{video}: the transcript fits the sound badly: the encoder gives its phones {fit:.2f} on average{worst}; "
            f"expected {LEAST_FIT} or more; check the words, or give a TextGrid of them",
            PhonolipsWarning,
            stacklevel=3,
        )


def cut_to_pictures(recording: Result, name: str) -> Result:
    """Cut the alignment to the length of the pictures, or fill it up with silence.

    Raises:
        InputError: a word without known phones (`spn`), or one that ends beyond the pictures.
    """
    alignment, seconds = recording.need_alignment(), recording.seconds
    if any(phone.label == UNKNOWN for phone in alignment.phones):
        raise InputError(f"{name}: its alignment has a word without known phones (spn); write its phones in ARPAbet")
    words, phones = alignment.speech_words(), [phone for phone in alignment.phones if phone.label != SILENCE]
    if words and words[-1].end > seconds + OVERRUN_SECONDS:
        raise InputError(
            f"{name}: word {words[-1].label!r} ends at {words[-1].end:.2f} s, but the pictures last {seconds:.2f} s; "
            "give the TextGrid of this video"
        )
    tiers = ([item._replace(end=min(item.end, seconds)) for item in tier] for tier in (words, phones))
    cut_words, cut_phones = ([item for item in tier if item.duration > 0] for tier in tiers)
    return replace(recording, alignment=Alignment.build(cut_words, cut_phones, seconds))


def speaking_pace(network: "Network", alignment: Alignment, row: int) -> float:
    """Return how many times as long as predicted this speaker takes for the words of a clip."""
    words = words_with_phones(alignment)
    predicted = network.durations.predict([phones_to_ids([p.label for p in phones]) for _, phones in words], row)
    taken = sum(phone.duration for _, phones in words for phone in phones)
    return float(taken / sum(part.sum() for part in predicted))


def fit_speaker(network: "Network", recording: Result, cuts: Sequence[Cut]) -> "LipSpeaker":
    """Fit a speaker to the clip that is to be edited: at most a minute of it, around the first cut.

    The fit is to what the text encoder would say, and held to what is known of other speakers less than `adapt`
    does for lips of other clips: this clip is where the lips must fit.
    """
    from phonolips.lips.curve import resample_lips
    from phonolips.model.adapt import EncodedClip, adapt
    from phonolips.model.stream import predict_lip_parameters
    from phonolips.phones.posteriors import labels_to_posteriors

    lips = resample_lips(recording.lips, MODEL_FPS, recording.seconds, source_fps=recording.fps)
    posteriors = labels_to_posteriors(recording.need_alignment().labels(frames_to_steps(len(lips))))
    lip_parameters = predict_lip_parameters(network, posteriors)
    most = round(MOST_FIT_SECONDS * MODEL_FPS)
    first = min(max(0, round(cuts[0].old_start * MODEL_FPS) - most // 2), max(0, len(lips) - most))
    part = slice(first, first + most)
    clip = EncodedClip(
        lips[part],
        np.ones(len(lips[part]), bool),
        posteriors[frames_to_steps(first) : frames_to_steps(first + most)],
        lip_parameters[part],
    )
    name = recording.recording.stem if recording.recording else "speaker of the clip"
    return adapt(network, [clip], name=name, settings=FIT).speaker
