"""Change what somebody says in a video by changing its transcript, after Fried et al. (2019).

    from phonolips.editing.edit import edit
    done = edit(Path("in.mp4"), "bin blue at f two now", "bin red at f nine now")
    done.lips, done.kept, done.source_frames
    done.save(Path("out"))

Lips of words that stay are the recorded ones, bit by bit. Words that change are spoken by the model as this speaker
would, at this speaker's pace, and joined without a jump in position or velocity. (O. Fried et al., "Text-based editing
of talking-head video", ACM Transactions on Graphics 38, 2019. They put together mouths found elsewhere in an hour of
video; here the model makes them, and the clip itself is enough.)
"""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.editing.infill import InfillSettings, infill
from phonolips.editing.recording import Recording, align_words, check_fit, cut_to_pictures, fit_speaker, speaking_pace
from phonolips.editing.sound import join_sound
from phonolips.editing.takes import find_voice, predict_takes, take_of, voice_start
from phonolips.editing.timeline import Cut, Timeline, Zone, make_timeline
from phonolips.editing.words import Change, check_words, describe, find_changes
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.curve import between_frames
from phonolips.phones.intervals import Alignment
from phonolips.storage import atomic_file
from phonolips.timebase import MODEL_FPS, frames_in, frames_to_steps, seconds_to_steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from phonolips.model.network import Network
    from phonolips.model.speakers import LipSpeaker

__all__ = ["Change", "Cut", "Edited", "InfillSettings", "Recording", "Zone", "edit", "edit_recording", "find_changes"]

EDIT_FILE, COMPARISON_FILE, FACE_FILE = "edit.npz", "comparison.png", "edited.mp4"


@dataclass(frozen=True)
class Edited:
    """An edited clip.

    Args:
        lips: float32 (frames, 40, 2), mouth space, at `fps`.
        fps: frames per second, the recording's.
        alignment: words and phones.
        kept: bool (frames,), True where the lips are the recorded ones, bit by bit.
        source_frames: int64 (frames,), which recorded picture each frame is drawn on.
        seams: seconds at which recorded and new lips meet.
        changes: what was changed, in words.
        cuts: where the two clips differ, in seconds of either.
        posteriors: float32 (steps, 40), as heard where the clip is kept, sure where it is new.
        gestures: float32 (frames at 25 a second, gestures), measured where kept, guessed where new.
        lip_parameter_names: what they are called.
        speaker: whose shape and manner the new lips have.
        waveform: float32 (samples,) at 16 kHz, or None where the recording has no sound.
        voice: who says the new words in it: `synthesiser NAME`, a file's name, or None (they are silent).
        recording: what was edited.
    """

    lips: np.ndarray
    fps: float
    alignment: Alignment
    kept: np.ndarray
    source_frames: np.ndarray
    seams: tuple[float, ...]
    changes: tuple[str, ...]
    cuts: tuple[Cut, ...]
    posteriors: np.ndarray
    lip_parameters: np.ndarray
    lip_parameter_names: tuple[str, ...]
    speaker: "LipSpeaker"
    waveform: np.ndarray | None
    voice: str | None
    recording: Recording = field(repr=False)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.lips) / self.fps

    def figure(self) -> "Figure":
        """Draw opening and width before and after, one above the other, seams marked."""
        from phonolips.editing.picture import comparison

        return comparison(self)

    def save(self, out: Path, *, face: bool = True) -> list[Path]:
        """Write lips.npz, posteriors.npz, phones.TextGrid, posteriorgram.png, lips.mp4, edit.npz and comparison.png.

        edit.npz holds kept, source_frames and seams. Where `face` is wanted and the recording is a video, edited.mp4
        is the person with the new lips.

        Args:
            out: a folder, made if it is not there.
            face: also draw the lips onto the person.

        Returns:
            the files.
        """
        from phonolips.show.plots.style import save_figure
        from phonolips.synth.files import check_out_folder, save_result
        from phonolips.synth.result import Result

        out = check_out_folder(Path(out))
        result = Result(
            self.lips,
            self.posteriors,
            self.lip_parameters,
            self.lip_parameter_names,
            self.alignment,
            self.fps,
            self.speaker.name,
            "edited recording",
            waveform=self.waveform,
        )
        files = save_result(result, out)
        with atomic_file(out / EDIT_FILE) as temporary:
            np.savez_compressed(temporary, kept=self.kept, source_frames=self.source_frames, seams=np.array(self.seams))
        save_figure(self.figure(), out / COMPARISON_FILE)
        files += [out / EDIT_FILE, out / COMPARISON_FILE]
        if face and self.recording.path is not None:
            try:
                files.append(self.save_face(out / FACE_FILE))
            except InputError as error:
                warnings.warn(f"no {FACE_FILE}, the other files are there: {error}", PhonolipsWarning, stacklevel=2)
        return files

    def save_face(self, path: Path) -> Path:
        """Write the recorded video with the edited lips and sound; raise InputError where there is no video."""
        from phonolips.face.person import read_face
        from phonolips.face.render import draw_on_face
        from phonolips.media.video import write_video
        from phonolips.timebase import exact_fps

        if self.recording.path is None:
            raise InputError("these lips were not read from a video, so there is no face to draw them on")
        face = read_face(self.recording.path)
        # Both trackers set their own origin at the closed mouth.
        offset = (face.lips - self.recording.lips)[face.detected].mean((0, 1))
        pictures = draw_on_face(face, self.lips + offset, self.fps, source_frames=self.source_frames)
        write_video(path, pictures, exact_fps(self.fps), waveform=self.waveform)
        return path


def edit(
    video: Path,
    transcript: str,
    to: str,
    out: Path | None = None,
    *,
    aligner: str = "auto",
    speaker: "str | LipSpeaker | None" = None,
    network: "Network | None" = None,
    alignment: Alignment | None = None,
    sound: Path | None = None,
    speak: str | None = None,
    voice: str | None = None,
    language: str = "en-us",
    settings: InfillSettings | None = None,
) -> Edited:
    """Change what somebody says in a video.

    Args:
        video: of one face, with its sound; without sound where an `alignment` is given.
        transcript: what is said in it.
        to: what is to be said.
        out: a folder to write to (see `Edited.save`), or None.
        aligner: which one finds the words in the sound, see `speech.align.align`.
        speaker: whose shape and manner the new lips have: a name in the model, or somebody from `adapt`; None = fitted
            to this video.
        network: a loaded model; None = the one in the package.
        alignment: when the words of `transcript` are said, as from a TextGrid, instead of an aligner.
        sound: a recording of the whole new sentence, by the same speaker at best: it gives the new words their sound
            and their times.
        speak: a synthesiser of `phonolips.speech.tts.speak` to say the new words; without it and `sound` they are silent.
        voice: of that synthesiser, as it names it; None = its own choice.
        language: of both texts.
        settings: how the lips are joined.

    Raises:
        InputError: no readable video or face, a transcript that does not fit it, nothing that changes, nothing that
            stays, or options that do not go together.
        MissingToolError: mediapipe, or the aligner or synthesiser asked for, is not installed.
    """
    from phonolips.face.track import track_video
    from phonolips.media.audio import read
    from phonolips.media.video import probe
    from phonolips.model.network import load_network
    from phonolips.speech.text.g2p import text_to_phones
    from phonolips.synth.files import check_out_folder

    if out is not None:
        check_out_folder(Path(out))
    if sound is not None and speak is not None:
        raise InputError("the new words can be heard from --sound or from --speak; give one of them")
    for path in (video, sound):
        if path is not None and not Path(path).is_file():
            raise InputError(f"{path}: no such file")
    old, new = (text_to_phones(text, language=language) for text in (transcript, to))
    if not find_changes(old, new):
        raise InputError("the transcript and the text to change it to have the same words; change at least one")
    network = network or load_network()
    network.lip_speaker(speaker)
    waveform = read(Path(video)) if probe(video).has_audio else None
    if alignment is None:
        if waveform is None:
            raise InputError(f"{video}: has no sound to find the words in; give a TextGrid of them with --textgrid")
        alignment = align_words(waveform, transcript, f"{video}", aligner, language, network)
    if waveform is not None:
        check_fit(network, waveform, alignment, video)
    found = track_video(video)
    recording = Recording(found.lips, found.fps, alignment, waveform, Path(video))
    done = edit_recording(
        recording, transcript, to, speaker=speaker, network=network, sound=sound, speak=speak, voice=voice,
        aligner=aligner, language=language, settings=settings,
    )  # fmt: skip
    if out is not None:
        done.save(Path(out))
    return done


def edit_recording(
    recording: Recording,
    transcript: str,
    to: str,
    *,
    speaker: "str | LipSpeaker | None" = None,
    network: "Network | None" = None,
    sound: Path | None = None,
    speak: str | None = None,
    voice: str | None = None,
    aligner: str = "auto",
    language: str = "en-us",
    settings: InfillSettings | None = None,
) -> Edited:
    """Change what somebody says in a clip that is tracked and aligned already; arguments as for `edit`."""
    from phonolips.model.network import load_network
    from phonolips.phones.posteriors import labels_to_posteriors
    from phonolips.speech.text.g2p import text_to_phones

    settings = settings or InfillSettings()
    network = network or load_network()
    old, new = (text_to_phones(text, language=language) for text in (transcript, to))
    changes = find_changes(old, new)
    if not changes:
        raise InputError("the transcript and the text to change it to have the same words; change at least one")
    name = str(recording.path) if recording.path else "the recording"
    recording = cut_to_pictures(recording, name)
    check_words(recording.alignment.speech_words(), old, name)
    row = network.speaker_row(speaker if isinstance(speaker, str) else None)
    pace = speaking_pace(network, recording.alignment, row)
    said, said_by = None, None
    if any(not change.is_removal for change in changes):
        said, said_by = find_voice(
            network,
            new,
            to,
            row,
            pace,
            sound=sound,
            speak=speak,
            voice=voice,
            aligner=aligner,
            language=language,
        )
    takes = (
        predict_takes(network, new, changes, row, pace)
        if said is None
        else [take_of(said, change) for change in changes]
    )
    timeline = make_timeline(
        recording.alignment, len(recording.lips), recording.fps, changes, takes, reach_seconds=settings.reach_seconds
    )
    who = fit_speaker(network, recording, timeline.cuts) if speaker is None else network.lip_speaker(speaker)
    frames = frames_in(timeline.alignment.duration, MODEL_FPS)
    posteriors = labels_to_posteriors(timeline.alignment.labels(frames_to_steps(frames)))
    lips, lip_parameters = infill(
        network,
        who,
        posteriors,
        recorded_lips(recording.lips, timeline),
        timeline.kept,
        timeline.zones,
        timeline.alignment.phones,
        recording.fps,
        settings,
    )
    waveform = None
    if recording.waveform is not None:
        starts = [0.0 if said is None else voice_start(said, change) for change in changes]
        waveform = join_sound(
            recording.waveform, recording.alignment, timeline.cuts, said, starts, timeline.alignment.duration
        )
        if said is None and any(take.phones for take in takes):
            warnings.warn(
                "the new words are silent; give a recording of the new sentence, or have them spoken with --speak",
                PhonolipsWarning,
                stacklevel=2,
            )
    seams = [frame / recording.fps for zone in timeline.zones for frame in zone if 0 < frame < len(lips)]
    return Edited(
        lips,
        recording.fps,
        timeline.alignment,
        timeline.kept,
        timeline.source_frames,
        tuple(seams),
        tuple(describe(change, old, new) for change in changes),
        timeline.cuts,
        _encoded_where_kept(network, recording, timeline, posteriors)[: seconds_to_steps(timeline.alignment.duration)],
        lip_parameters,
        tuple(network.lip_parameters.settings.names),
        who,
        waveform,
        said_by,
        recording,
    )


def recorded_lips(lips: np.ndarray, timeline: Timeline) -> np.ndarray:
    """Lay recorded lips (frames, points, 2) on an edited clip's clock; in the zones they are stretched evenly."""
    stretched = between_frames(lips, timeline.source)
    stretched[timeline.kept] = lips[timeline.source_frames[timeline.kept]]
    return stretched


def _encoded_where_kept(
    network: "Network", recording: Recording, timeline: Timeline, posteriors: np.ndarray
) -> np.ndarray:
    """Put what the ears hear in the recording in the place of the text's posteriors, outside the cuts."""
    if recording.waveform is None:
        return posteriors
    encoded = network.posteriors(recording.waveform)
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
