"""The files that a synthesis writes, and reading them back."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phonolips.atomic import whole_file
from phonolips.errors import InputError
from phonolips.phones import PHONES
from phonolips.timebase import SAMPLE_RATE, STEP_SECONDS

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from matplotlib.figure import Figure

    from phonolips.alignment.tiers import Alignment
    from phonolips.synth import Result

PICTURE_DPI = 110
LONGEST_SENT_SECONDS = 60.0  # a longer result is drawn here: copying an hour to the painter costs more than it saves
LIPS_FILE, POSTERIORS_FILE, TEXTGRID_FILE = "lips.npz", "posteriors.npz", "phones.TextGrid"
PICTURE_FILE, VIDEO_FILE = "posteriorgram.png", "lips.mp4"
FACE_FILE = "face.mp4"
SPEECH_FILE = "speech.wav"  # the sound of a text that was spoken aloud
DATA_FILES = (LIPS_FILE, POSTERIORS_FILE, TEXTGRID_FILE)
RESULT_FILES = (*DATA_FILES, PICTURE_FILE, VIDEO_FILE)


def check_out_folder(out: Path) -> Path:
    """Refuse an --out that is a file, before any work is done."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; --out needs a folder")
    return out


def start_painter() -> "Executor":
    """Start a process that loads matplotlib while this one loads torch, and draws while this one encodes.

    It takes a second off a cold `phonolips synth` where there are two cores. Shut it down after use.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    pool.submit(_load_matplotlib)
    return pool


def _load_matplotlib() -> None:
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401

    import phonolips.plot  # noqa: F401


def _draw_posteriorgram(path: Path, posteriors: np.ndarray, options: dict[str, Any]) -> None:
    from phonolips.plot import posteriorgram

    save_figure(posteriorgram(posteriors, **options), path)


def save_result(
    result: "Result",
    out: Path,
    *,
    painter: "Executor | None" = None,
    pictures: bool = True,
    speech: bool = False,
) -> list[Path]:
    """Write all files of a result into `out`; nothing is left half-written.

    `painter` (from `start_painter`) draws the picture in another process; None draws it here. Without `pictures`
    the posteriorgram and the video are left out, which takes most of the time. With `speech` the sound is written
    too, as speech.wav. What an earlier run left of these files goes.

    `lips.npz`: lips float32 (frames, points, 2), fps, layout, speaker, timing. `posteriors.npz`: posteriors
    float32 (steps, phones), phones (names), step_seconds, gestures float32 (frames at 25 a second, gestures),
    gesture_names. `phones.TextGrid`, `posteriorgram.png`, `lips.mp4`.
    """
    from phonolips.alignment.tiers import write_textgrid

    check_out_folder(out).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".phonolips-", dir=out) as temporary:
        new = Path(temporary)
        np.savez_compressed(
            new / LIPS_FILE,
            lips=result.lips,
            fps=result.fps,
            layout=result.layout,
            speaker=result.speaker,
            timing=result.timing,
        )
        np.savez_compressed(
            new / POSTERIORS_FILE,
            posteriors=result.posteriors,
            phones=np.array(PHONES),
            step_seconds=STEP_SECONDS,
            gestures=result.gestures,
            gesture_names=np.array(result.gesture_names, dtype=str),
        )
        write_textgrid(result.alignment, new / TEXTGRID_FILE)
        names = list(DATA_FILES)
        if pictures:
            _draw_result(result, new, painter)
            names += [PICTURE_FILE, VIDEO_FILE]
        if speech and result.waveform is not None:
            import soundfile

            soundfile.write(new / SPEECH_FILE, result.waveform, SAMPLE_RATE)
            names.append(SPEECH_FILE)
        for name in {*RESULT_FILES, SPEECH_FILE} - set(names):
            (out / name).unlink(missing_ok=True)
        for name in names:
            os.replace(new / name, out / name)
    return [out / name for name in names]


def _draw_result(result: "Result", folder: Path, painter: "Executor | None") -> None:
    """Draw the posteriorgram and the video of a result into `folder`."""
    from phonolips.video.io import exact_fps
    from phonolips.video.lips import opening
    from phonolips.video.render import render_lips_video

    picture = (
        folder / PICTURE_FILE,
        result.posteriors,
        {
            "phones": result.alignment.phones,
            "words": result.alignment.speech_words(),
            "waveform": result.waveform,
            "sample_rate": SAMPLE_RATE,
            "opening": opening(result.lips),
            "fps": result.fps,
            "gestures": dict(zip(result.gesture_names, result.gestures.T, strict=True)),
        },
    )
    drawn = None
    if painter is None or result.seconds > LONGEST_SENT_SECONDS:
        _draw_posteriorgram(*picture)
    else:
        drawn = painter.submit(_draw_posteriorgram, *picture)
    render_lips_video(
        folder / VIDEO_FILE,
        result.lips,
        exact_fps(result.fps),
        waveform=result.waveform,
        captions=captions_of(result),
    )
    if drawn is not None:
        drawn.result()


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as .png, .svg or .pdf, atomically; raise InputError for another ending."""
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"{path}: a picture's name ends in .png, .svg or .pdf")
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=PICTURE_DPI)


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
    gestures: np.ndarray | None = None
    gesture_names: tuple[str, ...] = ()


def read_posteriors(path: Path) -> Layer:
    """Read posteriors.npz; gestures may be missing. Raises InputError where it is none of ours."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a posteriors.npz made by 'phonolips synth'")
    try:
        with np.load(path, allow_pickle=False) as values:
            phones = tuple(str(phone) for phone in values["phones"])
            layer = Layer(values["posteriors"])
            if "gestures" in values:
                names = tuple(str(name) for name in values["gesture_names"])
                layer = layer._replace(gestures=values["gestures"], gesture_names=names)
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
    from phonolips.alignment.tiers import read_textgrid
    from phonolips.video.io import probe
    from phonolips.video.lips import layout_of

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
