"""What an edit makes: a result, with what is recorded and what is new in it; its files and its picture."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.editing.timeline import Cut
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.intervals import Alignment
from phonolips.storage import FORMATS, write_arrays
from phonolips.synth.folder import check_out_folder
from phonolips.synth.result import Result
from phonolips.timebase import exact_fps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from phonolips.model.speakers import LipSpeaker

EDIT_FILE, COMPARISON_FILE, FACE_FILE = "edit.npz", "comparison.png", "edited.mp4"


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

    def save(self, out: Path | str, *, face: bool = True) -> list[Path]:
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

        out = check_out_folder(Path(out))
        files = self.result.save(out)
        seams = np.array(self.seams)
        write_arrays(
            out / EDIT_FILE, "edit", FORMATS["edit"], kept=self.kept, source_frames=self.source_frames, seams=seams
        )
        save_figure(self.figure(), out / COMPARISON_FILE)
        files += [out / EDIT_FILE, out / COMPARISON_FILE]
        if face and self.recording.recording is not None:
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

        if self.recording.recording is None:
            raise InputError("these lips were not read from a video, so there is no face to draw them on")
        face = read_face(self.recording.recording)
        # Both trackers set their own origin at the closed mouth.
        offset = (face.lips - self.recording.lips)[face.detected].mean((0, 1))
        pictures = draw_on_face(face, self.lips + offset, self.fps, source_frames=self.source_frames)
        write_video(path, pictures, exact_fps(self.fps), waveform=self.result.waveform)
        return path
