"""Lips with what stands beside them: made by a verb, tracked in a video, or read back from a folder."""

import warnings
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.points import layout_of
from phonolips.lips.shapes import rest_lips
from phonolips.media.recording import quiet_blocks
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import SILENCE
from phonolips.storage import list_files, listed_files
from phonolips.synth.sound import UNREAD, Unread
from phonolips.timebase import steps_to_seconds

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from matplotlib.figure import Figure

    from phonolips.face.track import Track


class _Waveform:
    """The field `Result.waveform`: samples, or None, or those of a long recording, read when they are asked for.

    So an hour of sound, which takes 230 MB, is in memory only where somebody wants it there.
    """

    @overload
    def __get__(self, result: None, owner: type) -> None: ...

    @overload
    def __get__(self, result: "Result", owner: type) -> np.ndarray | None: ...

    def __get__(self, result: "Result | None", owner: type) -> np.ndarray | None:
        """Return the samples; of the class itself None, the field's default."""
        if result is None:
            return None
        if result.__dict__["waveform"] is UNREAD:
            result.__dict__["waveform"] = result.read_sound()
        return result.held_waveform

    def __set__(self, result: "Result", value: np.ndarray | Unread | None) -> None:
        """Hold what is given."""
        result.__dict__["waveform"] = value


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """Lips, and as much as is known of what they say.

    Args:
        lips: float32 (frames, points, 2), mouth space, at `fps`.
        fps: frames per second of `lips`.
        posteriors: float32 (steps, phones), rows sum to 1, 100 steps a second; None where nobody knows them.
        lip_parameters: float32 (model frames, lip parameters), 25 a second, standard deviations around the mean lip;
            None where nobody knows them.
        lip_parameter_names: what they are called, such as `opening`.
        alignment: words and phones with times, or None.
        speaker: whose lips and style; "" where nobody says.
        timing: where the times come from, such as `audio` or `predicted durations`.
        waveform: float32 (samples,) at 16 kHz in step with the lips, or None; UNREAD is that of `recording`, read when
            it is asked for.
        recording: a sound or video file in step with the lips: what they were made from or tracked in, or the sound
            that was saved beside them.
        path: the lips.npz that they were read from or saved to, or None.
        audio_stream: which of the recording's sounds, counted from 0; None = its default one.
        note: what is to be said of the recording before its sound is used: that another file takes its place, say.
    """

    lips: np.ndarray
    fps: float
    posteriors: np.ndarray | None = None
    lip_parameters: np.ndarray | None = None
    lip_parameter_names: tuple[str, ...] = ()
    alignment: Alignment | None = None
    speaker: str = ""
    timing: str = ""
    waveform: _Waveform = _Waveform()
    recording: Path | None = None
    path: Path | None = field(default=None, compare=False)
    audio_stream: int | None = None
    note: str = ""

    @classmethod
    def of_track(cls, track: "Track", video: Path | None = None) -> "Result":
        """Return the lips that were tracked in a video; nobody knows yet what they say."""
        return cls(track.lips, track.fps, timing="tracked", recording=video)

    @property
    def layout(self) -> str:
        """Name of the lip layout, `mediapipe40` or `ibug20`."""
        return layout_of(self.lips)

    @property
    def seconds(self) -> float:
        """Length of the lips in seconds."""
        return len(self.lips) / self.fps

    @property
    def spoken_seconds(self) -> float:
        """Length of the posteriors in seconds, which may be a part of a frame less than that of the lips."""
        return self.seconds if self.posteriors is None else steps_to_seconds(len(self.posteriors))

    @property
    def phones(self) -> tuple[Interval, ...]:
        """Phones with times, silence included; none where nobody knows them."""
        return self.alignment.phones if self.alignment is not None else ()

    @property
    def words(self) -> tuple[Interval, ...]:
        """Words with times, silence left out; none where nobody knows them."""
        return tuple(self.alignment.speech_words()) if self.alignment is not None else ()

    @property
    def name(self) -> str:
        """What messages call it: the file it lies in, or what it is."""
        return str(self.path) if self.path is not None else "the lips"

    @cached_property
    def closed_mouth(self) -> np.ndarray:
        """This mouth closed, float64 (40, 2), mouth space (`lips.shapes.rest_lips`); raise InputError for ibug20."""
        return rest_lips(self.lips)

    @cached_property
    def sound(self) -> Path | None:
        """The recording, where it holds sound; warns, the first time, where it is not the one that it should be."""
        if self.note:
            warnings.warn(self.note, PhonolipsWarning, stacklevel=2)
        if self.recording is None:
            return None
        from phonolips.media.video import probe

        try:
            return self.recording if probe(self.recording).has_audio else None
        except InputError:  # no video
            return self.recording

    @property
    def held_waveform(self) -> np.ndarray | None:
        """The sound where it is in memory: `waveform` without reading the recording."""
        held = self.__dict__["waveform"]
        return None if held is UNREAD else held

    @property
    def playable(self) -> Path | np.ndarray | None:
        """The sound in step with the lips, in memory (float32 at 16 kHz) or else the recording; None without any."""
        return self.held_waveform if self.held_waveform is not None else self.sound

    def list_files(self, files: Iterable[Path]) -> None:
        """Add files that were made of this result to its list, see `storage.list_files`."""
        if self.path is not None:
            list_files(self.path, files)

    def check_out(self, out: Path, *inputs: Path | None) -> None:
        """Raise InputError where `out` is one of `inputs`, or the recording and no file of the run itself."""
        for path in (*inputs, None if self._is_own(self.recording) else self.recording):
            if path is not None and path.exists() and out.exists() and out.samefile(path):
                raise InputError(f"{out}: would be overwritten, but it is read; choose another `out`")

    def _is_own(self, file: Path | None) -> bool:
        """Return whether a file was written with this result, or made of it."""
        if file is None or self.path is None or file.parent.resolve() != self.path.parent.resolve():
            return False
        listed = listed_files(self.path)
        return listed is None or file.name in listed

    def beside(self, name: str) -> Path:
        """Return the place of a file beside the saved lips; raise InputError where they are not saved."""
        if self.path is None:
            raise InputError("these lips are not saved; save them first, or name a file with `out`")
        return self.path.with_name(name)

    def need_alignment(self) -> Alignment:
        """Return the alignment; raise InputError where nobody knows the phones."""
        if self.alignment is None:
            raise InputError(
                f"{self.name}: no phones.TextGrid beside it, so its phones are not known; make one with "
                "'phonolips align', or the lips with 'phonolips synth'"
            )
        return self.alignment

    def need_posteriors(self) -> np.ndarray:
        """Return the posteriors; raise InputError where nobody knows them."""
        if self.posteriors is None:
            raise InputError(f"{self.name}: no posteriors.npz beside it; make lips with 'phonolips synth'")
        return self.posteriors

    def read_sound(self) -> np.ndarray | None:
        """Return the sound, float32 (samples,) at 16 kHz, from memory or from the recording; None without any."""
        playable = self.playable
        if not isinstance(playable, Path):
            return playable
        return np.concatenate(list(quiet_blocks(playable, self.audio_stream)))

    def sound_blocks(self) -> Iterator[np.ndarray] | None:
        """Return the sound block by block, float32 (samples,) at 16 kHz, without holding it; None without any."""
        playable = self.playable
        if playable is None:
            return None
        return quiet_blocks(playable, self.audio_stream) if isinstance(playable, Path) else iter([playable])

    def save(
        self,
        out: Path | str,
        *,
        painter: "Executor | None" = None,
        pictures: bool = True,
        speech: bool = False,
        keep: Collection[Path] = (),
    ) -> list[Path]:
        """Write lips.npz, posteriors.npz, phones.TextGrid, posteriorgram.png and lips.mp4 into `out`.

        All are written under a temporary name first, so a failure leaves nothing half-written. Then what an earlier
        run wrote there goes, its exports, films and pages too; nobody else's files do.

        Args:
            out: a folder, made if it is not there.
            painter: from `synth.folder.start_painter`, to draw the picture in another process.
            pictures: False leaves out the picture and the video.
            speech: also write the sound, as speech.wav.
            keep: files of an earlier run that stay, such as those that this result was made from.

        Returns:
            the files.
        """
        from phonolips.synth.folder import save_result

        return save_result(self, Path(out), painter=painter, pictures=pictures, speech=speech, keep=keep)

    def export(self, formats: str, out: Path | str | None = None, **options: Any) -> list[Path]:
        """Write lips, phones and words in the formats of other programs.

        Args:
            formats: names with commas between them, such as "arkit" or "rhubarb-json,srt", or "all"; see
                `phonolips.export.formats.FORMATS`.
            out: a folder, or for one format the file; None = beside the saved lips.
            options: `fps`, `viseme_set`, `targets`, as for `phonolips.export.formats.export`.

        Returns:
            the files.

        Raises:
            InputError: no such format, or one for which the phones are not known.
        """
        from phonolips.export.formats import export

        return export(self, formats, None if out is None else Path(out), **options)

    def plot(self, kind: str = "posteriorgram", other: "Result | None" = None) -> "Figure":
        """Draw a figure: `posteriorgram`, `lips`, `filmstrip` or `compare` (the lips set against `other`).

        Raises:
            InputError: no such kind, or one for which something is not known.
        """
        from phonolips.show.pictures import figure

        return figure(self, kind, other)

    def render(self, out: Path | str, *, face: Path | str | None = None, **options: Any) -> Path:
        """Draw the lips as a film, a GIF or a strip of pictures; or put them onto a person.

        Args:
            out: the file: .mp4, .mov, .mkv, .webm; .gif; .png.
            face: a photo or a video of a person who gets the lips.
            options: as for `phonolips.show.film.render`, or with a face for `phonolips.face.render.render_face`.

        Returns:
            the file.
        """
        if face is not None:
            from phonolips.face.render import render_face

            return render_face(self, Path(face), Path(out), **options)
        from phonolips.show.film import render

        return render(self, Path(out), **options)

    def __repr__(self) -> str:
        """Return one line: how long, how many frames, whose, and what is said."""
        said = " ".join(word.label for word in self.words)
        phones = sum(phone.label != SILENCE for phone in self.phones)
        spoken = f", {said!r}" if said else f", phones: {phones}" if self.phones else ""
        who = f", speaker {self.speaker}" if self.speaker else ""
        return f"Result({self.seconds:.2f} s, {len(self.lips)} frames at {self.fps:g} fps{who}{spoken})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the lips moving with their sound, in a page of its own."""
        from html import escape

        from phonolips.show.page.page import page_html

        return f'<iframe srcdoc="{escape(page_html(self))}" width="100%" height="640" frameborder="0"></iframe>'
