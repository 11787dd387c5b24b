"""From text, sound, phones or posteriors to lips: the public verbs.

    import phonolips
    result = phonolips.from_text("bin blue at f two now")
    result.lips            # float32 (frames, 40, 2), mouth space
    result.posteriors      # float32 (steps, 40): the layer in between
    result.save("demo")    # the files that the command line writes

Change the posteriors and hand them to `from_posteriors` to see what the lips make of it.
"""

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Unpack, cast

import numpy as np

from phonolips.checks import check_path, check_text
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.articulation import articulate
from phonolips.lips.closures import close_heard, close_phones, closing_beliefs
from phonolips.lips.curve import resample_lips
from phonolips.lips.emphasis import Emphasis, emphasis_curve, enlarge
from phonolips.lips.liveliness import exaggerate
from phonolips.lips.rest import SHUT, shut_in_silence
from phonolips.lips.shapes import close_lips
from phonolips.phones.decode import path_to_alignment, read_phones
from phonolips.phones.files.tiers import MOST_SECONDS
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import UNKNOWN
from phonolips.phones.posteriors import check_posteriors
from phonolips.speech.words import check_words, phones_to_words
from phonolips.synth.arguments import (
    LipOptions,
    check_lip_parameters,
    check_made,
    choose_movement,
    choose_rest,
    load_checked,
    pad_to_frames,
    warn_without_speech,
    with_shape,
)
from phonolips.synth.emphasis import asked_emphasis, find_emphasis
from phonolips.synth.result import Result
from phonolips.synth.sound import Sound, SoundKeeper, given_sound, join, lasting, read_sound
from phonolips.synth.timing import check_durations, predict_alignment
from phonolips.timebase import (
    MODEL_FPS,
    SAMPLE_RATE,
    STEP_SECONDS,
    check_rate,
    exact_fps,
    frames_to_samples,
    samples_to_seconds,
    samples_to_steps,
    steps_to_seconds,
)

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.speech.text.own_words import LexiconArgument
    from phonolips.speech.words import SpokenWord


def from_posteriors(
    posteriors: np.ndarray,
    *,
    lip_parameters: np.ndarray | None = None,
    alignment: Alignment | None = None,
    timing: str = "posteriors",
    waveform: np.ndarray | None = None,
    recording: Path | None = None,
    **options: Unpack[LipOptions],
) -> Result:
    """Turn posteriors, edited as you like, into lips.

    Args:
        posteriors: float (steps, 40), rows sum to 1, 100 steps a second.
        lip_parameters: float (ceil(steps / 4), lip parameters), how the mouth moves beside that; None = predicted from
            the posteriors.
        alignment: words and phones where known; otherwise read off the posteriors.
        timing: what the result says about its times.
        waveform: carried along for the files.
        recording: the file of that sound, carried along.
        options: see `LipOptions`.

    Raises:
        InputError: posteriors, lip_parameters, speaker, fps, mean_lip or emphasis not as described.
    """
    network = load_checked(options)
    checked = check_posteriors(posteriors)
    padded = pad_to_frames(checked)
    moves = lip_parameters
    if moves is not None:
        moves = check_lip_parameters(moves, len(padded), tuple(network.lip_parameters.settings.names))
    sound = given_sound(waveform, recording)
    return _decode(network, checked, moves, alignment, timing, sound, options)


def _decode(
    network: "Network",
    posteriors: np.ndarray,
    lip_parameters: np.ndarray | None,
    alignment: Alignment | None,
    timing: str,
    sound: Sound,
    options: LipOptions,
) -> Result:
    """Turn checked posteriors and lip parameters into lips; other arguments as for `from_posteriors`, checked, too.

    An hour of sound is a usual input: the result's arrays are the only ones that grow with it.
    """
    from phonolips.model.stream import decode_lips, predict_lip_parameters

    fps, emphasis = options.get("fps", MODEL_FPS), options.get("emphasis") or {}
    who = with_shape(network.lip_speaker(options.get("speaker")), options.get("mean_lip"))
    liveliness, gains = choose_movement(network, who, options)
    is_shut = choose_rest(options) == SHUT
    padded = pad_to_frames(posteriors)
    moves = predict_lip_parameters(network, padded) if lip_parameters is None else lip_parameters
    seconds = steps_to_seconds(len(posteriors))
    if sound.samples is not None:
        seconds = min(seconds, samples_to_seconds(sound.samples))
    spoken = alignment or read_phones(posteriors, network.phone_ngram())
    emphasis = find_emphasis(emphasis, [word.label for word in spoken.words])
    decoded = check_made(join(list(decode_lips(network, padded, moves, who, anticipates=is_shut))), "decoder")
    shut = close_lips(who.mean_lip)
    lips = articulate(exaggerate(decoded, liveliness), gains, shut)
    if emphasis:
        lips = enlarge(lips, emphasis_curve(spoken, emphasis, len(lips)), shut)
    if is_shut:
        lips = shut_in_silence(lips, spoken, shut)
    lips = resample_lips(lips, fps, seconds)
    if alignment is not None:
        lips = close_phones(lips, spoken.phones, float(exact_fps(fps)))
    else:
        beliefs = closing_beliefs(posteriors)
        lips = close_heard(lips, spoken.labels(len(posteriors)), beliefs, float(exact_fps(fps)))
    return Result(
        lips,
        float(exact_fps(fps)),
        posteriors=posteriors,
        lip_parameters=moves,
        lip_parameter_names=tuple(network.lip_parameters.settings.names),
        alignment=spoken,
        speaker=who.name,
        timing=timing,
        waveform=sound.waveform,
        recording=sound.recording,
        audio_stream=sound.stream,
    )


def from_audio(
    audio: str | os.PathLike[str] | BinaryIO | np.ndarray | Iterable[np.ndarray],
    *,
    sample_rate: int = SAMPLE_RATE,
    phones_only: bool = False,
    voice_activity: bool = True,
    audio_stream: int | None = None,
    **options: Unpack[LipOptions],
) -> Result:
    """Encode speech and turn it into lips.

    Args:
        audio: a sound or video file, by its path or open for reading bytes; an array float (samples,) in [-1, 1]; or
            blocks of such at 16 kHz, as `media.audio.read_blocks` yields them.
        sample_rate: of an array.
        phones_only: let nothing but phones through: lip parameters are predicted from them instead of from the sound.
        voice_activity: rest where the sound is not speech (breath, music, tones, noise); False = move with all of it.
        audio_stream: which of a file's sounds, counted from 0; None = its default one.
        options: see `LipOptions`; emphasis needs words, which are not known here.

    Raises:
        InputError: no such file, not a waveform, or NaN in it; speaker, fps or mean_lip not as described.
    """
    from phonolips.media.audio import SILENCE_LEVEL, check_sound_file, check_waveform, read_blocks
    from phonolips.model.stream import CHUNK_FRAMES, pieces_of
    from phonolips.synth.stream import SoundToLips

    recording = lasting(Path(audio)) if isinstance(audio, str | os.PathLike) else None
    blocks: Iterable[np.ndarray]
    if isinstance(audio, str | os.PathLike):
        check_sound_file(Path(audio))
        blocks = read_blocks(Path(audio), stream=audio_stream)
    elif hasattr(audio, "read"):
        blocks = read_blocks(cast(BinaryIO, audio), stream=audio_stream)
    elif isinstance(audio, np.ndarray):
        blocks = [check_waveform(audio, sample_rate)]
    elif isinstance(audio, Iterable) and not isinstance(audio, str | bytes | list | tuple):
        blocks = audio
    else:
        raise InputError(f"audio is {type(audio).__name__}; expected a file, its path, or an array of samples")
    network = load_checked(options)
    find_emphasis(options.get("emphasis") or {}, [])
    sound = SoundKeeper(recording, audio_stream)
    stages = SoundToLips(network, options, phones_only=phones_only, voice_activity=voice_activity)
    pieces = pieces_of(sound.keep(blocks), frames_to_samples(CHUNK_FRAMES))
    parts = [list(kind) for kind in zip(*(stages.push(piece, last=last) for piece, last in pieces), strict=True)]
    if not parts:
        raise InputError("audio: holds no samples")
    lips, posteriors, lip_parameters, labels = map(join, parts)
    if voice_activity and network.voice_activity is not None and sound.peak >= SILENCE_LEVEL:
        warn_without_speech(posteriors)
    kept = sound.kept()
    return Result(
        lips,
        stages.fps,
        posteriors=posteriors,
        lip_parameters=lip_parameters,
        lip_parameter_names=tuple(network.lip_parameters.settings.names),
        alignment=path_to_alignment(labels, posteriors),
        speaker=stages.speaker.name,
        timing="audio",
        waveform=kept.waveform,
        recording=kept.recording,
        audio_stream=kept.stream,
    )


def from_text(
    text: str,
    *,
    language: str = "en-us",
    rate: float = 1.0,
    durations: Alignment | str | os.PathLike[str] | None = None,
    lexicon: "LexiconArgument" = None,
    text_format: str = "auto",
    **options: Unpack[LipOptions],
) -> Result:
    """Speak a text with lips only.

    Args:
        text: what to say; SSML, subtitles and the like are obeyed (docs/scripts.md).
        language: the text's, as `phonolips languages` lists them; `auto` tells it from the text.
        rate: 2.0 speaks twice as fast as the speaker would.
        durations: phones with given times, or a TextGrid with them; its phones must be those of the text.
        lexicon: words of your own, see `speech.text.own_words.read_lexicon`.
        text_format: what the text is, one of `speech.text.markup.read.TEXT_FORMATS`.
        options: see `LipOptions`.

    Raises:
        InputError: nothing to say, no such language or speaker, times that do not fit, broken mark-up or lexicon.
    """
    from phonolips.speech.text.g2p import language_of_text, text_to_phones

    check_text(text, "text", "'bin blue'")
    language = language_of_text(text, language, text_format)
    words = text_to_phones(text, language=language, lexicon=lexicon, text_format=text_format)
    options["emphasis"] = _emphasis_in_text(words, options.get("emphasis") or {}, text, language, text_format)
    return _from_words(words, rate, durations, options)


def _emphasis_in_text(
    words: "Sequence[SpokenWord]", emphasis: Emphasis, text: str, language: str, text_format: str
) -> dict[str | int, float]:
    """Find the words to emphasise: a caller's, as written in the text, and those that its mark-up names."""
    from phonolips.speech.text.markup.read import read_script

    plain = read_script(text, text_format, language=language).plain if emphasis else None
    return asked_emphasis(words, find_emphasis(emphasis, [word.word for word in words], plain, language))


def from_phones(
    phones: str | Sequence[str],
    *,
    rate: float = 1.0,
    durations: Alignment | str | os.PathLike[str] | None = None,
    **options: Unpack[LipOptions],
) -> Result:
    """Speak ARPAbet phones, such as "B IH1 N B L UW1"; `sil` is a pause. Arguments as for `from_text`."""
    return _from_words(phones_to_words(phones), rate, durations, options)


def from_alignment(
    alignment: Alignment | str | os.PathLike[str],
    *,
    rate: float = 1.0,
    waveform: np.ndarray | None = None,
    recording: Path | None = None,
    audio_stream: int | None = None,
    timing: str = "given durations",
    tier: str | None = None,
    tier_speaker: str | None = None,
    **options: Unpack[LipOptions],
) -> Result:
    """Speak phones at the times that an alignment gives them.

    Args:
        alignment: words and phones, or the path of a TextGrid or another file that `phones.files.read.read_alignment`
            reads; a `spn` (nobody knows its phones) is shown at rest, with a warning.
        rate: 2.0 speaks twice as fast as the times say.
        waveform: float (samples,) at 16 kHz that these phones were taken from, carried along for the files.
        recording: the file of that sound; it is read where no `waveform` is given.
        audio_stream: which of that file's sounds, counted from 0; None = its default one.
        timing: what the result says about its times.
        tier, tier_speaker: which tiers of a file, see `read_alignment`.
        options: see `LipOptions`; emphasis makes a word larger, not longer.

    Raises:
        InputError: a file that cannot be read, or whose phones lie beyond the waveform; more than a day of it;
            no such speaker; a rate where a waveform sets the pace; emphasis of a word that is not there.
    """
    check_rate(rate)
    if (waveform is not None or recording is not None) and rate != 1.0:
        raise InputError(f"rate {rate} with a sound of its own pace; leave out the rate or the sound")
    is_unread = waveform is None and recording is not None
    sound = read_sound(cast(Path, recording), audio_stream) if is_unread else given_sound(waveform, recording)
    if not isinstance(alignment, Alignment):
        from phonolips.phones.files.read import read_alignment

        path = check_path(alignment, "alignment", "an Alignment, or its file")
        alignment = read_alignment(path, tier=tier, tier_speaker=tier_speaker, seconds=sound.seconds)
    return speak_alignment(alignment, sound, rate=rate, timing=timing, **options)


def speak_alignment(
    given: Alignment,
    sound: Sound,
    *,
    rate: float = 1.0,
    timing: str = "given durations",
    **options: Unpack[LipOptions],
) -> Result:
    """Speak phones at the times that an alignment gives them; arguments and errors as for `from_alignment`."""
    unknown = [phone for phone in given.phones if phone.label == UNKNOWN]
    if unknown:
        message = f"{len(unknown)} x {UNKNOWN} (no phone known), first at {unknown[0].start:.2f} s: shown at rest"
        warnings.warn(message, PhonolipsWarning, stacklevel=2)
    timed = given.scaled(1 / check_rate(rate))
    if timed.duration > MOST_SECONDS:
        most = MOST_SECONDS / 3600
        raise InputError(
            f"alignment of {timed.duration:.4g} s; expected at most {most:.0f} hours; are its times seconds?"
        )
    network = load_checked(options)
    steps = max(1, int(np.ceil(timed.duration / STEP_SECONDS - 1e-6)))
    if sound.samples is not None:
        steps = max(steps, samples_to_steps(sound.samples))
    return _decode(network, timed.posteriors(steps), None, timed, timing, sound, options)


def from_speech(
    words: "str | Sequence[SpokenWord]",
    *,
    backend: str = "espeak",
    voice: str | None = None,
    language: str = "en-us",
    rate: float = 1.0,
    durations: Alignment | str | os.PathLike[str] | None = None,
    lexicon: "LexiconArgument" = None,
    text_format: str = "auto",
    **options: Unpack[LipOptions],
) -> Result:
    """Speak a text aloud: sound and lips in step.

    Args:
        words: a text, or words with their phones.
        backend: one of `speech.tts.speak.BACKENDS`; each says whether its own times drive the lips or ours the sound.
        voice: the backend's name of a voice, or its file; None = the backend's own choice.
        language: as for `from_text`.
        rate: 2.0 speaks twice as fast.
        durations: phones with given times, for a backend that keeps ours.
        lexicon, text_format: of a text, as for `from_text`.
        options: see `LipOptions`; emphasis makes a word longer where the times are ours, and always larger.

    Raises:
        InputError: nothing to say, no such backend, voice, language or speaker, times that do not fit.
        MissingToolError: the synthesiser is not installed.
    """
    from phonolips.speech.text.g2p import language_of_text, text_to_phones
    from phonolips.speech.tts.speak import speak_words

    if isinstance(words, str):
        language = language_of_text(words, language, text_format)
    network, speaker, emphasis = load_checked(options), options.get("speaker"), options.get("emphasis") or {}
    if isinstance(words, str):
        said: Sequence[SpokenWord] = text_to_phones(words, language=language, lexicon=lexicon, text_format=text_format)
        emphasis = _emphasis_in_text(said, emphasis, words, language, text_format)
    else:
        said = check_words(words)
        emphasis = asked_emphasis(said, find_emphasis(emphasis, [word.word for word in said]))
    times = None if durations is None else _read_alignment(durations)
    if times is not None:
        check_durations(said, times)
    row = network.speaker_row(speaker if isinstance(speaker, str) else None)
    spoken = speak_words(
        said,
        backend=backend,
        voice=voice,
        rate=rate,
        language=language,
        alignment=times,
        predict=lambda some, pace: predict_alignment(network, some, row, pace, emphasis),
    )
    timing = f"{backend}, {'predicted durations' if spoken.timing == 'ours' else 'its own times'}"
    options["emphasis"] = emphasis
    return from_alignment(spoken.alignment, waveform=spoken.waveform, timing=timing, **options)


def _read_alignment(alignment: Alignment | str | os.PathLike[str]) -> Alignment:
    """Return an alignment as it is, or read it from its file."""
    if isinstance(alignment, Alignment):
        return alignment
    from phonolips.phones.files.read import read_alignment

    return read_alignment(check_path(alignment, "alignment", "an Alignment, or its file"))


def _from_words(
    words: "Sequence[SpokenWord]",
    rate: float,
    durations: Alignment | str | os.PathLike[str] | None,
    options: LipOptions,
) -> Result:
    network, speaker, emphasis = load_checked(options), options.get("speaker"), options.get("emphasis") or {}
    emphasis = options["emphasis"] = find_emphasis(emphasis, [word.word for word in words])
    if durations is None:
        named = speaker if isinstance(speaker, str) else None  # somebody else speaks at the mean speaker's pace
        alignment = predict_alignment(network, words, network.speaker_row(named), rate, emphasis)
        return from_alignment(alignment, timing="predicted durations", **options)
    times = _read_alignment(durations)
    check_durations(words, times)
    return from_alignment(times, **options)
