"""The result of a synthesis, and reading it back from its folder."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import PHONES
from phonolips.timebase import steps_to_seconds

if TYPE_CHECKING:
    from concurrent.futures import Executor


LIPS_FILE, POSTERIORS_FILE, TEXTGRID_FILE = "lips.npz", "posteriors.npz", "phones.TextGrid"
PICTURE_FILE, VIDEO_FILE = "posteriorgram.png", "lips.mp4"
FACE_FILE = "face.mp4"
SPEECH_FILE = "speech.wav"  # the sound of a text that was spoken aloud
DATA_FILES = (LIPS_FILE, POSTERIORS_FILE, TEXTGRID_FILE)
RESULT_FILES = (*DATA_FILES, PICTURE_FILE, VIDEO_FILE)


def captions_of(result: "Result") -> list[str]:
    """Name the phone at every frame's centre."""
    from phonolips.timebase import frame_centres

    ends = np.array([phone.end for phone in result.alignment.phones])
    labels = [phone.label for phone in result.alignment.phones]
    at = np.searchsorted(ends, frame_centres(len(result.lips), result.fps), side="right")
    return [labels[min(int(i), len(labels) - 1)] for i in at]


class Layer(NamedTuple):
    """What a posteriors.npz holds: posteriors (steps, phones), and gestures (frames, gestures) or None, with names."""

    posteriors: np.ndarray
    lip_parameters: np.ndarray | None = None
    lip_parameter_names: tuple[str, ...] = ()


def read_posteriors(path: Path) -> Layer:
    """Read posteriors.npz; gestures may be missing. Raises InputError where it is none of ours."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a posteriors.npz made by 'phonolips synth'")
    try:
        with np.load(path, allow_pickle=False) as values:
            phones = tuple(str(phone) for phone in values["phones"])
            layer = Layer(values["posteriors"])
            old = "gestures" in values  # their name in version 0.1
            key, names_key = ("gestures", "gesture_names") if old else ("lip_parameters", "lip_parameter_names")
            if key in values:
                names = tuple(str(name) for name in values[names_key])
                layer = layer._replace(lip_parameters=values[key], lip_parameter_names=names)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a posteriors.npz ({error}); make one with 'phonolips synth'") from error
    if phones != PHONES:
        raise InputError(f"{path}: its phones are not this version's; expected {' '.join(PHONES)}")
    return layer


@dataclass(frozen=True)
class Run:
    """Lips read back from disk, with what stands beside them.

    Args:
        path: the lips.npz.
        lips: float32 (frames, points, 2), mouth space.
        fps: frames per second of `lips`.
        layout: which points, `mediapipe40` or `ibug20`.
        alignment: words and phones with times; None where nobody said what is spoken (as after `track`).
        layer: posteriors and gestures, or None.
        sound: a file with the sound, in step with the lips, or None.
    """

    path: Path
    lips: np.ndarray
    fps: float
    layout: str
    alignment: "Alignment | None"
    layer: Layer | None
    sound: Path | None

    @property
    def seconds(self) -> float:
        """Length of the lips in seconds."""
        return len(self.lips) / self.fps

    def phones(self) -> "Alignment":
        """Give the alignment; raise InputError where there is none."""
        if self.alignment is None:
            raise InputError(
                f"{self.path}: no {TEXTGRID_FILE} beside it, so its phones are not known; make one with "
                "'phonolips align', or the lips with 'phonolips synth'"
            )
        return self.alignment


def read_run(path: Path) -> Run:
    """Read lips.npz, or the folder that holds it, and the posteriors, TextGrid and sound beside it.

    The sound is `speech.wav` where there is one, else that of `lips.mp4` where it has any.

    Raises:
        InputError: no lips.npz there, or one of the files is not what its name says.
    """
    from phonolips.lips.points import layout_of
    from phonolips.media.video import probe
    from phonolips.phones.textgrid import read_textgrid

    file = path / LIPS_FILE if path.is_dir() else path
    lips, fps = read_lips(file)
    grid, layer, speech, film = (
        file.with_name(name) for name in (TEXTGRID_FILE, POSTERIORS_FILE, SPEECH_FILE, VIDEO_FILE)
    )
    sound = speech if speech.is_file() else None
    if sound is None and film.is_file() and probe(film).has_audio:
        sound = film
    return Run(
        file,
        lips,
        fps,
        layout_of(lips),
        read_textgrid(grid) if grid.is_file() else None,
        read_posteriors(layer) if layer.is_file() else None,
        sound,
    )


def read_lips(path: Path) -> tuple[np.ndarray, float]:
    """Read lips.npz: lips float32 (frames, points, 2) and their fps; raise InputError where it is none of ours."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a lips.npz made by 'phonolips synth' or 'phonolips track'")
    try:
        with np.load(path, allow_pickle=False) as values:
            return values["lips"], float(values["fps"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a lips.npz ({error})") from error


@dataclass(frozen=True)
class Result:
    """What a synthesis gives.

    Args:
        lips: float32 (frames, points, 2), mouth space, at `fps`.
        posteriors: float32 (steps, phones), rows sum to 1, 100 steps a second.
        gestures: float32 (model frames, gestures), at 25 a second: how the mouth moves beside what is said.
        lip_parameter_names: what they are called, such as `opening`.
        alignment: words and phones with times.
        fps: frames per second of `lips`.
        speaker: whose lips and manner.
        timing: where the times come from: `audio`, `predicted durations`, `given durations`, `posteriors`.
        layout: which points.
        waveform: float32 (samples,) at 16 kHz, or None.
    """

    lips: np.ndarray
    posteriors: np.ndarray
    lip_parameters: np.ndarray
    lip_parameter_names: tuple[str, ...]
    alignment: Alignment
    fps: float
    speaker: str
    timing: str
    layout: str = "mediapipe40"
    waveform: np.ndarray | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """Length of the posteriors in seconds."""
        return steps_to_seconds(len(self.posteriors))

    def save(
        self, out: Path, *, painter: "Executor | None" = None, pictures: bool = True, speech: bool = False
    ) -> list[Path]:
        """Write lips.npz, posteriors.npz, phones.TextGrid, posteriorgram.png and lips.mp4 into `out`.

        All are written under a temporary name first, so a failure leaves nothing half-written.

        Args:
            out: a folder, made if it is not there.
            painter: from `synth.files.start_painter`, to draw the picture in another process.
            pictures: False leaves out the picture and the video.
            speech: also write the sound, as speech.wav.

        Returns:
            the files.
        """
        from phonolips.synth.files import save_result

        return save_result(self, Path(out), painter=painter, pictures=pictures, speech=speech)
