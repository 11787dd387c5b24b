"""From text, sound, phones or posteriors to lips: the public verbs, on arrays.

    from phonolips import synth
    result = synth.from_text("bin blue at f two now")
    result.lips            # float32 (frames, 40, 2), mouth space
    result.posteriors      # float32 (steps, 40): what stands between
    result.save("demo")    # the files that the command line writes

Change the posteriors and hand them to `from_posteriors` to see what the lips make of it.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.curve import check_fps, resample_lips
from phonolips.lips.motion import check_emphasis, emphasis_curve, enlarge, exaggerate, shut_in_silence, word_factor
from phonolips.lips.shapes import close_lips
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import NUM_PHONES, SILENCE, SILENCE_ID, UNKNOWN, phones_to_ids
from phonolips.speech.tts.spoken import EDGE_SECONDS
from phonolips.timebase import (
    MODEL_FPS,
    SAMPLE_RATE,
    STEP_SECONDS,
    STEPS_PER_FRAME,
    check_rate,
    exact_fps,
    samples_to_seconds,
    samples_to_steps,
    seconds_to_steps,
    steps_to_seconds,
)

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker
    from phonolips.speech.words import SpokenWord

    Speaker = str | LipSpeaker | None  # a name in the model, or somebody else; None = the mean speaker
from phonolips.model.network import load_network
from phonolips.phones.decode import read_phones
from phonolips.speech.words import phones_to_words
from phonolips.synth.result import Result

MOST_LIVELINESS = 2.0


def check_liveliness(liveliness: float) -> float:
    """Return `liveliness` if it is usable; raise InputError otherwise."""
    if not 0 <= liveliness <= MOST_LIVELINESS:
        raise InputError(f"liveliness {liveliness}; expected 0 (as the decoder says) to {MOST_LIVELINESS:.0f}")
    return float(liveliness)


def _with_shape(speaker: "LipSpeaker", mean_lip: np.ndarray | None) -> "LipSpeaker":
    """Give a speaker another lip shape; raise InputError where it is none."""
    if mean_lip is None:
        return speaker
    shape = np.asarray(mean_lip, np.float32)
    if shape.shape != (40, 2) or not np.isfinite(shape).all():
        raise InputError(f"mean_lip of shape {shape.shape}; expected 40 finite points (40, 2) in mouth space")
    return replace(speaker, mean_lip=shape)


def _check_lip_parameters(lip_parameters: np.ndarray, steps: int, names: tuple[str, ...]) -> np.ndarray:
    """Check a user's gestures against the steps of the padded posteriors."""
    array = np.asarray(lip_parameters, np.float32)
    expected = (steps // STEPS_PER_FRAME, len(names))
    if array.shape != expected or not np.isfinite(array).all():
        raise InputError(
            f"gestures of shape {array.shape}; expected {expected} finite numbers: {', '.join(names) or 'none'} at "
            "25 frames a second, or leave them out to have them guessed from the posteriors"
        )
    return array


def _pad_to_frames(posteriors: np.ndarray) -> np.ndarray:
    """Fill up with silence to a whole number of frames."""
    missing = -len(posteriors) % STEPS_PER_FRAME
    silence = np.zeros((missing, NUM_PHONES), np.float32)
    silence[:, SILENCE_ID] = 1.0
    return np.concatenate([posteriors, silence]) if missing else posteriors


class How(TypedDict, total=False):
    """Whose lips, and how they move: the keyword arguments that all verbs share.

    Args:
        speaker: a speaker of the model, or a LipSpeaker of your own; None = the mean speaker.
        fps: frame rate of the lips; 25 unless given.
        mean_lip: float (40, 2), a lip shape of your own instead of the speaker's mean lip.
        liveliness: how much quick movements are exaggerated, 0 to 2 (see `lips.motion.enliven`); None = as the
            model's settings say.
        emphasis: word -> factor: its lips go further, and last longer where the times are predicted.
        shut_in_silence: shut the mouth where nothing is said, instead of breathing and resting as people do.
        network: a loaded model; None = the one in the package.
    """

    speaker: "Speaker"
    fps: float
    mean_lip: np.ndarray | None
    liveliness: float | None
    emphasis: Mapping[str, float]
    shut_in_silence: bool
    network: "Network | None"


def _check(how: How) -> "Network":
    """Check what can be checked before any work is done; return the model."""
    check_fps(how.get("fps", MODEL_FPS))
    network = how.get("network") or load_network()
    network.lip_speaker(how.get("speaker"))
    return network


def from_posteriors(
    posteriors: np.ndarray,
    *,
    lip_parameters: np.ndarray | None = None,
    alignment: Alignment | None = None,
    timing: str = "posteriors",
    waveform: np.ndarray | None = None,
    **how: Unpack[How],
) -> Result:
    """Turn posteriors, edited as you like, into lips.

    Args:
        posteriors: float (steps, 40), rows sum to 1, 100 steps a second.
        gestures: float (ceil(steps / 4), gestures), how the mouth moves beside that; None = guessed from the
            posteriors.
        alignment: words and phones where known; otherwise read off the posteriors.
        timing: what the result says about its times.
        waveform: carried along for the files.
        how: see `How`.

    Raises:
        InputError: posteriors, gestures, speaker, fps, mean_lip or emphasis not as described.
    """
    from phonolips.model.stream import decode_lips, predict_lip_parameters
    from phonolips.phones.posteriors import check_posteriors

    network = _check(how)
    fps, liveliness, emphasis = how.get("fps", MODEL_FPS), how.get("liveliness"), how.get("emphasis") or {}
    who = _with_shape(network.lip_speaker(how.get("speaker")), how.get("mean_lip"))
    checked = check_posteriors(posteriors)
    padded = _pad_to_frames(checked)
    names = tuple(network.lip_parameters.settings.names)
    moves = (
        predict_lip_parameters(network, padded)
        if lip_parameters is None
        else _check_lip_parameters(lip_parameters, len(padded), names)
    )
    seconds = steps_to_seconds(len(checked))
    if waveform is not None:
        seconds = min(seconds, samples_to_seconds(len(waveform)))
    spoken = alignment or read_phones(checked, network.audio_encoder.phone_ngram())
    check_emphasis(emphasis, [word.label for word in spoken.words])
    lively = network.description.settings.lips.liveliness if liveliness is None else check_liveliness(liveliness)
    lips = exaggerate(np.concatenate(list(decode_lips(network, padded, moves, who))), lively)
    shut = close_lips(who.mean_lip)
    if emphasis:
        lips = enlarge(lips, emphasis_curve(spoken, emphasis, len(lips)), shut)
    if how.get("shut_in_silence"):
        lips = shut_in_silence(lips, spoken, shut)
    return Result(
        resample_lips(lips, fps, seconds),
        checked,
        moves,
        names,
        spoken,
        float(exact_fps(fps)),
        who.name,
        timing,
        waveform=waveform,
    )


def from_audio(
    waveform: np.ndarray | Iterable[np.ndarray],
    *,
    sample_rate: int = SAMPLE_RATE,
    phones_only: bool = False,
    **how: Unpack[How],
) -> Result:
    """Listen to speech and turn it into lips.

    Args:
        waveform: float (samples,) in [-1, 1]; or blocks of it at 16 kHz, as `media.audio.read_blocks` gives.
        sample_rate: of an array.
        phones_only: let nothing but phones through: gestures are guessed from them instead of heard.
        how: see `How`; emphasis needs words, which are not known here.

    Raises:
        InputError: not a waveform, or NaN in it; speaker, fps or mean_lip not as described.
    """
    from phonolips.media.audio import check_waveform
    from phonolips.model.stream import encode

    network = _check(how)
    blocks = [check_waveform(waveform, sample_rate)] if isinstance(waveform, np.ndarray) else waveform
    sound: list[np.ndarray] = []

    def remember(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for part in parts:
            sound.append(part)
            yield part

    encoded = list(encode(network, remember(blocks)))
    posteriors = np.concatenate([part.posteriors for part in encoded])
    lip_parameters = None if phones_only else np.concatenate([part.lip_parameters for part in encoded])
    encoded.clear()  # of a long recording each copy counts
    whole = np.concatenate(sound)
    sound.clear()
    return from_posteriors(posteriors, lip_parameters=lip_parameters, timing="audio", waveform=whole, **how)


def from_text(
    text: str, *, language: str = "en-us", rate: float = 1.0, durations: Alignment | None = None, **how: Unpack[How]
) -> Result:
    """Speak a text with lips only.

    Args:
        text: what to say.
        language: espeak's name of the language of words that the dictionary does not know.
        rate: 2.0 speaks twice as fast as the speaker would.
        durations: phones with given times; their phones must be those of the text.
        how: see `How`.

    Raises:
        InputError: nothing to say, no such language or speaker, times that do not fit.
    """
    from phonolips.speech.text.g2p import text_to_phones

    return _from_words(text_to_phones(text, language=language), rate, durations, how)


def from_phones(
    phones: str | Sequence[str], *, rate: float = 1.0, durations: Alignment | None = None, **how: Unpack[How]
) -> Result:
    """Speak ARPAbet phones, such as "B IH1 N B L UW1"; `sil` is a pause. Arguments as for `from_text`."""
    return _from_words(phones_to_words(phones), rate, durations, how)


def from_alignment(
    alignment: Alignment,
    *,
    rate: float = 1.0,
    waveform: np.ndarray | None = None,
    timing: str = "given durations",
    **how: Unpack[How],
) -> Result:
    """Speak phones at the times that a TextGrid gives them.

    Args:
        alignment: words and phones; a `spn` (nobody knows its phones) is shown at rest, with a warning.
        rate: 2.0 speaks twice as fast as the times say.
        waveform: float (samples,) at 16 kHz that these phones were taken from, carried along for the files.
        timing: what the result says about its times.
        how: see `How`; emphasis makes a word larger, not longer.

    Raises:
        InputError: no such speaker; a rate where a waveform sets the pace; emphasis of a word that is not there.
    """
    from phonolips.phones.posteriors import labels_to_posteriors

    if waveform is not None and rate != 1.0:
        raise InputError(f"rate {rate} with a sound of its own pace; leave out the rate or the sound")
    unknown = [phone for phone in alignment.phones if phone.label == UNKNOWN]
    if unknown:
        message = f"{len(unknown)} x {UNKNOWN} (no phone known), first at {unknown[0].start:.2f} s: shown at rest"
        warnings.warn(message, PhonolipsWarning, stacklevel=2)
    timed = alignment.scaled(1 / check_rate(rate))
    steps = max(1, int(np.ceil(timed.duration / STEP_SECONDS - 1e-6)))
    if waveform is not None:
        steps = max(steps, samples_to_steps(len(waveform)))
    labels = labels_to_posteriors(timed.labels(steps))
    return from_posteriors(labels, alignment=timed, timing=timing, waveform=waveform, **how)


def from_speech(
    words: "str | Sequence[SpokenWord]",
    *,
    backend: str = "espeak",
    voice: str | None = None,
    language: str = "en-us",
    rate: float = 1.0,
    durations: Alignment | None = None,
    **how: Unpack[How],
) -> Result:
    """Speak a text aloud: sound and lips in step.

    Args:
        words: a text, or words with their phones.
        backend: one of `speech.BACKENDS`; each says whether its own times drive the lips or ours the sound.
        voice: the backend's name of a voice, or its file; None = the backend's own choice.
        language: as for `from_text`.
        rate: 2.0 speaks twice as fast.
        durations: phones with given times, for a backend that keeps ours.
        how: see `How`; emphasis makes a word longer where the times are ours, and always larger.

    Raises:
        InputError: nothing to say, no such backend, voice, language or speaker, times that do not fit.
        MissingToolError: the synthesiser is not installed.
    """
    from phonolips.speech.text.g2p import text_to_phones
    from phonolips.speech.tts.speak import speak_words

    network, speaker, emphasis = _check(how), how.get("speaker"), how.get("emphasis") or {}
    said = text_to_phones(words, language=language) if isinstance(words, str) else words
    check_emphasis(emphasis, [word.word for word in said])
    if durations is not None:
        _check_durations(said, durations)
    row = network.speaker_row(speaker if isinstance(speaker, str) else None)
    spoken = speak_words(
        said,
        backend=backend,
        voice=voice,
        rate=rate,
        language=language,
        alignment=durations,
        predict=lambda some, pace: predict_alignment(network, some, row, pace, emphasis),
    )
    timing = f"{backend}, {'predicted durations' if spoken.timing == 'ours' else 'its own times'}"
    return from_alignment(spoken.alignment, waveform=spoken.waveform, timing=timing, **how)


def _from_words(words: "Sequence[SpokenWord]", rate: float, durations: Alignment | None, how: How) -> Result:
    network, speaker, emphasis = _check(how), how.get("speaker"), how.get("emphasis") or {}
    check_emphasis(emphasis, [word.word for word in words])
    if durations is None:
        named = speaker if isinstance(speaker, str) else None  # somebody else speaks at the mean speaker's pace
        alignment = predict_alignment(network, words, network.speaker_row(named), rate, emphasis)
        return from_alignment(alignment, timing="predicted durations", **how)
    _check_durations(words, durations)
    return from_alignment(durations, **how)


def _check_durations(words: "Sequence[SpokenWord]", durations: Alignment) -> None:
    """Refuse times of other phones than those of the words."""
    wanted = [phone for word in words for phone in word.phones if phone != SILENCE]
    found = durations.phone_sequence()
    if wanted != found:
        at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), -1)
        where = f"phone {at + 1} is {found[at]}, not {wanted[at]}" if at >= 0 else "one of them ends early"
        raise InputError(
            f"--durations holds {len(found)} phones and the text {len(wanted)}: {where}; "
            "give a TextGrid of this text, or speak the TextGrid's own phones with --textgrid"
        )


def predict_alignment(
    network: "Network",
    words: "Sequence[SpokenWord]",
    speaker_row: int,
    rate: float = 1.0,
    emphasis: Mapping[str, float] | None = None,
) -> Alignment:
    """Give every phone of some words a predicted time, with a little silence before and after.

    Pauses last as the words say, and emphasised words longer; phone edges fall on whole steps.
    """
    predicted = network.durations.predict([phones_to_ids(word.phones) for word in words], speaker_row, rate)
    exact = EDGE_SECONDS  # the time so far, and the step edge that stands for it
    edge = seconds_to_steps(exact)
    word_tier: list[Interval] = []
    phone_tier: list[Interval] = []
    for word, lengths in zip(words, predicted, strict=True):
        if word.phones == (SILENCE,):
            exact += word.pause_seconds / rate
            edge = max(edge, seconds_to_steps(exact))
            continue
        start = edge
        longer = word_factor(word.word, emphasis or {})
        for phone, length in zip(word.phones, lengths, strict=True):
            exact += longer * length
            first, edge = edge, max(edge + 1, seconds_to_steps(exact))
            phone_tier.append(Interval(phone, steps_to_seconds(first), steps_to_seconds(edge)))
        word_tier.append(Interval(word.word, steps_to_seconds(start), steps_to_seconds(edge)))
    return Alignment.build(word_tier, phone_tier, steps_to_seconds(edge + seconds_to_steps(EDGE_SECONDS)))
