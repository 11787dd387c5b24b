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
from phonolips.phones.inventory import SILENCE, UNKNOWN
from phonolips.phones.sounds import phones_to_ids
from phonolips.speech.words import words_with_phones
from phonolips.synth.result import Result
from phonolips.timebase import MODEL_FPS, frames_to_steps

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker
    from phonolips.speech.text.own_words import LexiconArgument

# A transcript is refused below the fit, or beside more speech than this: none of 969 GRID clips (least fit 0.29), none
# of 3,185 LibriSpeech utterances (0.09), nor of five talks (0.18); but every text of another utterance.
LEAST_EDIT_FIT = 0.05
MOST_UNSAID_SECONDS = 1.0  # 0.41 s at most beside right transcripts
# Of a TextGrid: 0.20 at least on 222 right ones (0.07 in babble of 10 dB), at most 0.04 with another clip's, under 0.12
# where it is 50 ms late.
LEAST_GIVEN_FIT = 0.1
OVERRUN_SECONDS = 0.1  # a TextGrid may last longer than the pictures by so much
MOST_FIT_SECONDS = 60.0  # of a clip that its speaker is fitted to
FIT = AdaptSettings(embedding_frames=5.0, gain_frames=25.0, shape_frames=5.0, place_frames=5.0)  # see `fit_speaker`


def align_words(
    waveform: np.ndarray,
    text: str,
    name: str,
    aligner: str,
    language: str,
    network: "Network",
    lexicon: "LexiconArgument" = None,
) -> Alignment:
    """Align a transcript with its sound, and refuse one that is not what is said; the error names both.

    Raises:
        InputError: the words could not be found, fit the sound too badly, or leave too much speech out.
    """
    from phonolips.speech.align.align import align_and_judge, unsaid_seconds

    try:
        found = align_and_judge(waveform, text, aligner=aligner, language=language, network=network, lexicon=lexicon)
        unsaid = unsaid_seconds(found.alignment)
        if found.fit is not None and found.fit.fit < LEAST_EDIT_FIT:
            raise InputError(f"something else is said: fit {found.fit.fit:.3f}, expected {LEAST_EDIT_FIT} to 1")
        if unsaid > MOST_UNSAID_SECONDS:
            raise InputError(f"they leave out {unsaid:.1f} s of what is said")
    except InputError as error:
        raise InputError(
            f'{name}: the words "{text}" are not what is said in it ({error}); give exactly what is said, '
            "or a TextGrid with `textgrid`"
        ) from error
    return found.alignment


def check_fit(network: "Network", waveform: np.ndarray, alignment: Alignment, video: Path) -> None:
    """Warn where the encoder finds other phones than a given TextGrid has.

    Args:
        network: for its audio encoder.
        waveform: float32 (samples,) at 16 kHz.
        alignment: of the transcript with it.
        video: named in the warning.
    """
    from phonolips.speech.align.fit import measure_fit

    found = measure_fit(network.posteriors(waveform), alignment)
    if found.fit < LEAST_GIVEN_FIT:
        worst = min(found.words, key=lambda word: word.fit, default=None)
        least = f", least of all {worst.word.label!r} at {worst.word.start:.2f} s" if worst else ""
        warnings.warn(
            f"{video}: the TextGrid fits the sound badly: {found.fit:.3f}, expected {LEAST_GIVEN_FIT} to 1{least}; "
            "check its words and times",
            PhonolipsWarning,
            stacklevel=3,
        )


def cut_to_pictures(recording: Result, name: str) -> Result:
    """Cut the alignment to the length of the pictures, or fill it up with silence, which speech in no word becomes too.

    Raises:
        InputError: a word without known phones (`spn`), or one that ends beyond the pictures.
    """
    alignment, seconds = recording.need_alignment(), recording.seconds
    if any(phone.label == UNKNOWN for _, inside in words_with_phones(alignment) for phone in inside):
        raise InputError(f"{name}: its alignment has a word without known phones (spn); write its phones in ARPAbet")
    words = alignment.speech_words()
    phones = [phone for phone in alignment.phones if phone.label not in (SILENCE, UNKNOWN)]
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

    lips = resample_lips(recording.lips, MODEL_FPS, recording.seconds, source_fps=recording.fps)
    posteriors = recording.need_alignment().posteriors(frames_to_steps(len(lips)))
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
