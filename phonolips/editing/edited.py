"""What an edit makes: a result, with what is recorded and what is new in it; its files and its picture."""

import warnings
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.editing.sound import SoundPlan, write_exact
from phonolips.editing.timeline import Cut
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.media.audio import read_original
from phonolips.phones.intervals import Alignment
from phonolips.storage import FORMATS, write_arrays
from phonolips.synth.folder import EDITED_SOUND_FILE, RESULT_FILES, check_out_folder, save_result
from phonolips.synth.result import Result
from phonolips.timebase import SAMPLE_RATE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from phonolips.model.speakers import LipSpeaker

EDIT_FILE, COMPARISON_FILE, FACE_FILE = "edit.npz", "comparison.png", "edited.mp4"
MOST_CHANNELS = 8  # of sound in a film that players know; more are mixed to one there, and all in edited.wav


def check_inputs(out: Path, *files: Path | None) -> None:
    """Raise InputError where an edit that is written to `out` would write over a file that it reads."""
    written = {*RESULT_FILES, EDIT_FILE, COMPARISON_FILE, FACE_FILE, EDITED_SOUND_FILE}
    for file in files:
        if file is not None and file.name in written and Path(file).resolve().parent == out.resolve():
            raise InputError(f"{file}: would be overwritten; choose another `out`")


@dataclass(frozen=True)
class Edited:
    """An edited clip.

    Args:
        result: lips float32 (frames, 40, 2) at the recording's fps, words and phones, sound; posteriors as encoded
            where the clip is kept, sure where it is new; lip parameters measured where kept, predicted where new.
        kept: bool (frames,), True where the lips are the recorded ones, bit by bit.
        source_frames: int64 (frames,), which recorded picture each frame is drawn on.
        seams: seconds at which recorded and new lips meet.
        changes: what was changed, in words.
        cuts: where the two clips differ, in seconds of either.
        speaker: whose shape and style the new lips have.
        voice: who says the new words: `synthesiser NAME`, a file's name, or None (they are silent).
        recording: what was edited; its `recording` is the video.
        sound: how the sound is put together; None where the recording has none.
    """

    result: Result
    kept: np.ndarray
    source_frames: np.ndarray
    seams: tuple[float, ...]
    changes: tuple[str, ...]
    cuts: tuple[Cut, ...]
    speaker: "LipSpeaker"
    voice: str | None
    recording: Result = field(repr=False)
    sound: SoundPlan | None = field(default=None, repr=False)

    @property
    def lips(self) -> np.ndarray:
        """Lips float32 (frames, 40, 2), mouth space."""
        return self.result.lips

    @property
    def fps(self) -> float:
        """Frames per second, the recording's."""
        return self.result.fps

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.result.seconds

    @property
    def alignment(self) -> Alignment:
        """Words and phones of the edited clip."""
        return self.result.need_alignment()

    def figure(self) -> "Figure":
        """Draw opening and width before and after, one above the other, seams marked."""
        from phonolips.editing.picture import comparison

        return comparison(self)

    def recorded_sound(self) -> tuple[np.ndarray, int] | None:
        """Return the recording's sound as it is, float32 (samples, channels), and its rate; None without any.

        Raises:
            InputError: the recording can no longer be read.
        """
        if self.sound is None or self.recording.waveform is None:
            return None
        if self.recording.recording is None:
            return self.recording.waveform[:, None], SAMPLE_RATE
        return read_original(self.recording.recording, stream=self.recording.audio_stream)

    def save(self, out: Path | str, *, face: bool = True, keep: Collection[Path] = ()) -> list[Path]:
        """Write lips.npz, posteriors.npz, phones.TextGrid, posteriorgram.png, lips.mp4, edit.npz and comparison.png.

        edit.npz holds kept, source_frames and seams. Where there is sound, edited.wav has it at the recording's rate
        and with its channels, sample by sample the recorded one outside the changes. Where `face` is wanted and the
        recording is a video, edited.mp4 is the person with the new lips, at the video's frame rate and with that sound.

        Args:
            out: a folder, made if it is not there.
            face: also draw the lips onto the person.
            keep: files of an earlier run in `out` that stay.

        Returns:
            the files.
        """
        out = check_out_folder(Path(out))
        recorded = self.recorded_sound()

        def write_more(folder: Path) -> list[str]:
            return self._write_more(folder, recorded)

        kept = [*keep, *([] if self.recording.recording is None else [self.recording.recording])]
        files = save_result(self.result, out, more=write_more, keep=kept)
        if face and self.recording.recording is not None:
            try:
                files.append(self._save_face(out / FACE_FILE, recorded))
            except InputError as error:
                warnings.warn(f"no {FACE_FILE}, the other files are there: {error}", PhonolipsWarning, stacklevel=2)
        return files

    def _write_more(self, folder: Path, recorded: tuple[np.ndarray, int] | None) -> list[str]:
        """Write what an edit has beside the files of a result; return the names."""
        from phonolips.show.plots.style import save_figure

        arrays = {"kept": self.kept, "source_frames": self.source_frames, "seams": np.array(self.seams)}
        write_arrays(folder / EDIT_FILE, "edit", FORMATS["edit"], **arrays)
        save_figure(self.figure(), folder / COMPARISON_FILE)
        if self.sound is None or recorded is None:
            return [EDIT_FILE, COMPARISON_FILE]
        sound, rate = recorded
        write_exact(folder / EDITED_SOUND_FILE, self.sound.join(sound, rate), rate, sound)
        return [EDIT_FILE, COMPARISON_FILE, EDITED_SOUND_FILE]

    def save_face(self, path: Path) -> Path:
        """Write the recorded video with the edited lips and sound; raise InputError where there is no video."""
        return self._save_face(path, self.recorded_sound())

    def _save_face(self, path: Path, recorded: tuple[np.ndarray, int] | None) -> Path:
        """Write the video with the sound made of `recorded`, see `recorded_sound`; errors as for `save_face`."""
        from phonolips.face.person import read_face
        from phonolips.face.render import draw_on_face
        from phonolips.media.video import write_video

        if self.recording.recording is None:
            raise InputError("these lips were not read from a video, so there is no face to draw them on")
        face = read_face(self.recording.recording)
        # Both trackers set their own origin at the closed mouth.
        offset = (face.lips - self.recording.lips)[face.detected].mean((0, 1))
        pictures = draw_on_face(face, self.lips + offset, self.fps, source_frames=self.source_frames)
        waveform, rate = self.result.waveform, SAMPLE_RATE
        if self.sound is not None and recorded is not None and recorded[0].shape[1] <= MOST_CHANNELS:
            waveform, rate = self.sound.join(*recorded), recorded[1]
        write_video(path, pictures, face.fps, waveform=waveform, sample_rate=rate)
        self.result.list_files([path])
        return path
