"""Change what somebody says in a video by changing its transcript, after Fried et al. (2019).

    import phonolips
    done = phonolips.edit("in.mp4", "bin blue at f two now", "bin red at f nine now")
    done.lips, done.kept, done.source_frames
    done.save("out")

Lips of words that stay are the recorded ones, bit by bit. Words that change are spoken by the model as this speaker
would, at this speaker's pace, and joined without a jump in position or velocity. (O. Fried et al., "Text-based editing
of talking-head video", ACM Transactions on Graphics 38, 2019. They put together mouths found elsewhere in an hour of
video; here the model makes them, and the clip itself is enough.)
"""

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.editing.edited import Edited, check_inputs
from phonolips.editing.infill import InfillSettings, infill
from phonolips.editing.recording import align_words, check_fit, cut_to_pictures, fit_speaker, speaking_pace
from phonolips.editing.sound import SoundPlan, Voice, plan_sound
from phonolips.editing.takes import VoiceSource, find_voice, predict_takes, take_of, voice_start
from phonolips.editing.timeline import Take, Timeline, make_timeline
from phonolips.editing.words import Change, check_words, describe, find_changes
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.extras import need
from phonolips.face.photo import is_photo
from phonolips.lips.curve import between_frames
from phonolips.phones.intervals import Alignment
from phonolips.synth.files import existing_file
from phonolips.synth.folder import check_out_folder
from phonolips.synth.result import Result
from phonolips.timebase import MODEL_FPS, frames_in, frames_to_steps, samples_to_seconds, seconds_to_steps

if TYPE_CHECKING:
    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker
    from phonolips.phones.files.fit import AlignmentFile
    from phonolips.speech.text.own_words import LexiconArgument
    from phonolips.speech.words import SpokenWord


# One parameter for each option of `phonolips edit`.
def edit(
    video: Path | str | os.PathLike[str],
    transcript: str,
    to: str,
    out: Path | None = None,
    *,
    aligner: str = "auto",
    speaker: "str | LipSpeaker | None" = None,
    network: "Network | None" = None,
    alignment: "Alignment | AlignmentFile | None" = None,
    sound: Path | None = None,
    speak: str | None = None,
    voice: str | None = None,
    language: str = "en-us",
    settings: InfillSettings | None = None,
    audio_stream: int | None = None,
    lexicon: "LexiconArgument" = None,
) -> Edited:
    """Change what somebody says in a video.

    Args:
        video: of one face, with its sound; without sound where an `alignment` is given.
        transcript: what is said in it.
        to: what is to be said.
        out: a folder to write to (see `Edited.save`), or None.
        aligner: which one finds the words in the sound, see `speech.align.align`.
        speaker: whose shape and style the new lips have: a name in the model, or somebody from `adapt`; None = fitted
            to this video.
        network: a loaded model; None = the one in the package.
        alignment: when the words of `transcript` are said, instead of an aligner: known, or as
            `phones.files.read.read_alignment_file` reads it, which is fitted to the sound's length here.
        sound, speak, voice, language: where the sound of the new words comes from, see `VoiceSource`.
        settings: how the lips are joined.
        audio_stream: which of the video's sounds, counted from 0; None = its default one.
        lexicon: words of the user's own in both texts, see `speech.text.own_words.read_lexicon`.

    Raises:
        InputError: no readable video or face, a transcript that does not fit it, nothing that changes, nothing that
            stays, or options that do not go together.
        MissingToolError: mediapipe, or the aligner or synthesiser asked for, is not installed.
    """
    from phonolips.model.network import load_network
    from phonolips.speech.text.g2p import language_of_text
    from phonolips.speech.text.own_words import read_lexicon

    language = language_of_text(transcript, language)
    video = Path(video)
    _check_files(video, out, sound, speak)
    if out is not None:
        check_inputs(Path(out), video, sound)
    own_words = read_lexicon(lexicon)
    source = VoiceSource(Path(sound) if sound is not None else None, speak, voice, aligner, language, own_words)
    _read_change(transcript, to, language, own_words)
    need("face", "editing a video")
    network = network or load_network()
    network.lip_speaker(speaker)
    recording = _read_recording(video, transcript, alignment, source, network, audio_stream)
    done = edit_recording(recording, transcript, to, speaker=speaker, network=network, source=source, settings=settings)
    if out is not None:
        done.save(Path(out), keep=[path for path in (video, source.sound) if path is not None])
    return done


def _check_files(video: Path, out: Path | None, sound: Path | None, speak: str | None) -> None:
    """Refuse files that are missing and options that do not go together, before any work is done."""
    if out is not None:
        check_out_folder(Path(out))
    if sound is not None and speak is not None:
        raise InputError("the new words can come from `sound` or from `speak`; give one of them")
    for path, what in ((video, "a video of one person speaking"), (sound, "a sound or video file")):
        if path is not None:
            existing_file(Path(path), what)
    if is_photo(video):
        raise InputError(f"{video}: is a picture; expected a video of one person speaking")


def _read_change(
    transcript: str, to: str, language: str, lexicon: "LexiconArgument"
) -> "tuple[Sequence[SpokenWord], Sequence[SpokenWord], list[Change]]":
    """Return both sentences with their phones, and what changes; raise InputError where nothing does."""
    from phonolips.speech.text.g2p import text_to_phones

    old, new = (text_to_phones(text, language=language, lexicon=lexicon) for text in (transcript, to))
    changes = find_changes(old, new)
    if not changes:
        raise InputError("the transcript and the text to change it to have the same words; change at least one")
    return old, new, changes


def _read_recording(
    video: Path,
    transcript: str,
    alignment: "Alignment | AlignmentFile | None",
    source: VoiceSource,
    network: "Network",
    audio_stream: int | None,
) -> Result:
    """Read the sound of a video, find its words where nobody says when they are spoken, and track its lips."""
    from phonolips.face.track import track_video
    from phonolips.media.audio import read
    from phonolips.media.video import probe

    info = probe(video)
    waveform = read(video, stream=audio_stream) if info.has_audio else None
    if alignment is not None and not isinstance(alignment, Alignment):
        alignment = alignment.fit(info.video_seconds if waveform is None else samples_to_seconds(len(waveform)))
    if alignment is None:
        if waveform is None:
            raise InputError(f"{video}: has no sound to find the words in; give a TextGrid of them with `textgrid`")
        alignment = align_words(
            waveform, transcript, f"{video}", source.aligner, source.language, network, source.lexicon
        )
    elif waveform is not None:
        check_fit(network, waveform, alignment, video)
    found = Result.of_track(track_video(video), video)
    return replace(found, alignment=alignment, waveform=waveform, audio_stream=audio_stream)


def edit_recording(
    recording: Result,
    transcript: str,
    to: str,
    *,
    speaker: "str | LipSpeaker | None" = None,
    network: "Network | None" = None,
    source: VoiceSource | None = None,
    settings: InfillSettings | None = None,
) -> Edited:
    """Change what somebody says in a clip that is tracked and aligned already; arguments as for `edit`.

    Args:
        recording: lips, alignment and where there is one the waveform; `recording.recording` is the video.
        transcript, to, speaker, network, settings: as for `edit`.
        source: where the sound of the new words comes from.
    """
    from phonolips.model.network import load_network

    settings, source = settings or InfillSettings(), source or VoiceSource()
    network = network or load_network()
    old, new, changes = _read_change(transcript, to, source.language, source.lexicon)
    name = str(recording.recording) if recording.recording else "the recording"
    recording = cut_to_pictures(recording, name)
    alignment = recording.need_alignment()
    check_words(alignment.speech_words(), old, name)
    row = network.speaker_row(speaker if isinstance(speaker, str) else None)
    pace = speaking_pace(network, alignment, row)
    said, said_by = None, None
    if any(not change.is_removal for change in changes):
        said, said_by = find_voice(network, new, to, row, pace, source=source)
    takes = (
        predict_takes(network, new, changes, row, pace)
        if said is None
        else [take_of(said, change) for change in changes]
    )
    timeline = make_timeline(
        alignment, len(recording.lips), recording.fps, changes, takes, reach_seconds=settings.reach_seconds
    )
    who = fit_speaker(network, recording, timeline.cuts) if speaker is None else network.lip_speaker(speaker)
    edited = _speak_edited(network, recording, timeline, who, settings)
    seams = [frame / recording.fps for zone in timeline.zones for frame in zone if 0 < frame < len(edited.lips)]
    plan = _plan_sound(recording, timeline, changes, takes, said)
    sound = None if plan is None or recording.waveform is None else np.clip(plan.join(recording.waveform), -1, 1)
    return Edited(
        replace(edited, waveform=sound),
        timeline.kept,
        timeline.source_frames,
        tuple(seams),
        tuple(describe(change, old, new) for change in changes),
        timeline.cuts,
        who,
        said_by,
        recording,
        plan,
    )


def _speak_edited(
    network: "Network", recording: Result, timeline: Timeline, who: "LipSpeaker", settings: InfillSettings
) -> Result:
    """Make the lips of an edited clip, and the layer in between; the sound is still missing."""
    frames = frames_in(timeline.alignment.duration, MODEL_FPS)
    posteriors = timeline.alignment.posteriors(frames_to_steps(frames))
    recorded = recorded_lips(recording.lips, timeline)
    lips, lip_parameters = infill(network, who, posteriors, recorded, timeline, recording.fps, settings)
    steps = seconds_to_steps(timeline.alignment.duration)
    return Result(
        lips,
        recording.fps,
        posteriors=_encoded_where_kept(network, recording, timeline, posteriors)[:steps],
        lip_parameters=lip_parameters,
        lip_parameter_names=tuple(network.lip_parameters.settings.names),
        alignment=timeline.alignment,
        speaker=who.name,
        timing="edited recording",
    )


def _plan_sound(
    recording: Result, timeline: Timeline, changes: Sequence[Change], takes: Sequence[Take], said: Voice | None
) -> SoundPlan | None:
    """Plan how the recorded sound and that of the new words are joined; None where the recording has none.

    Warns of silent words.
    """
    if recording.waveform is None:
        return None
    if said is None and any(take.phones for take in takes):
        warnings.warn(
            "the new words are silent; give a recording of the new sentence, or have them spoken with `speak`",
            PhonolipsWarning,
            stacklevel=3,
        )
    starts = [0.0 if said is None else voice_start(said, change) for change in changes]
    return plan_sound(
        recording.waveform, recording.need_alignment(), timeline.cuts, said, starts, timeline.alignment.duration
    )


def recorded_lips(lips: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Lay recorded lips (frames, points, 2) on an edited clip's clock; in the zones they are stretched evenly."""
    stretched = between_frames(lips, timeline.source)
    stretched[timeline.kept] = lips[timeline.source_frames[timeline.kept]]
    return stretched


def _encoded_where_kept(
    network: "Network", recording: Result, timeline: Timeline, posteriors: np.ndarray
) -> np.ndarray:
    """Put the encoder's posteriors of the recording in the place of the text's, outside the cuts."""
    if recording.waveform is None:
        return posteriors
    encoded = network.posteriors(recording.waveform, voice_activity=True)
    result = posteriors.copy()
    kept_from, source = 0, 0
    ends = [*(seconds_to_steps(cut.new_start) for cut in timeline.cuts), len(result)]
    for index, kept_to in enumerate(ends):
        length = max(0, min(kept_to - kept_from, len(encoded) - source))
        result[kept_from : kept_from + length] = encoded[source : source + length]
        if index < len(timeline.cuts):
            cut = timeline.cuts[index]
            kept_from, source = seconds_to_steps(cut.new_end), seconds_to_steps(cut.old_end)
    return result
