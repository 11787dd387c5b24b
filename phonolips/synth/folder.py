"""The folder of a result: writing it whole, and reading it back."""

import os
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phonolips.checks import check_array
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.curve import check_fps
from phonolips.lips.points import layout_of
from phonolips.phones.inventory import PHONES
from phonolips.phones.posteriors import check_posteriors
from phonolips.phones.textgrid import read_textgrid, write_textgrid
from phonolips.storage import FORMATS, read_arrays, readable, write_arrays
from phonolips.synth.arguments import check_lip_parameters
from phonolips.synth.result import Result
from phonolips.timebase import SAMPLE_RATE, STEP_SECONDS, STEPS_PER_FRAME, exact_fps, frame_centres, frames_to_steps

if TYPE_CHECKING:
    from concurrent.futures import Executor

LIPS_FILE, POSTERIORS_FILE, TEXTGRID_FILE = "lips.npz", "posteriors.npz", "phones.TextGrid"
PICTURE_FILE, VIDEO_FILE = "posteriorgram.png", "lips.mp4"
FACE_FILE = "face.mp4"
SPEECH_FILE = "speech.wav"  # the sound of a text that was spoken aloud
DATA_FILES = (LIPS_FILE, POSTERIORS_FILE, TEXTGRID_FILE)
RESULT_FILES = (*DATA_FILES, PICTURE_FILE, VIDEO_FILE)
MOST_UNITS = 1_000.0  # mouth-space units (eye distances) of a point; tracked lips stay within 3
LONGEST_SENT_SECONDS = 60.0  # a longer result is drawn here: copying an hour to the painter costs more than it saves


class Layer(NamedTuple):
    """What a posteriors.npz holds: posteriors (steps, phones), and lip parameters (frames, names) or None."""

    posteriors: np.ndarray | None
    lip_parameters: np.ndarray | None = None
    lip_parameter_names: tuple[str, ...] = ()


def check_out_folder(out: Path) -> Path:
    """Refuse an `out` that is a file, before any work is done."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; expected a folder to write to, as `out`")
    return out


def start_painter() -> "Executor":
    """Start a process that loads matplotlib while this one loads the model, and draws while this one encodes.

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

    import phonolips.show.plots  # noqa: F401


def _draw_posteriorgram(path: Path, posteriors: np.ndarray, options: dict[str, Any]) -> None:
    from phonolips.show.plots.posteriors import posteriorgram
    from phonolips.show.plots.style import save_figure

    save_figure(posteriorgram(posteriors, **options), path)


def save_result(
    result: Result, out: Path, *, painter: "Executor | None" = None, pictures: bool = True, speech: bool = False
) -> list[Path]:
    """Write all files of a result into `out`; nothing is left half-written.

    `painter` (from `start_painter`) draws the picture in another process; None draws it here. Without `pictures`
    the posteriorgram and the video are left out, which takes most of the time. With `speech` the sound is written
    too, as speech.wav. What an earlier run left of these files goes, but for the result's own recording; and what its
    lips.npz holds beside the lips, as one that was tracked does, comes along. See docs/file-formats.md for the arrays.

    Returns:
        the files.
    """
    check_out_folder(out).mkdir(parents=True, exist_ok=True)
    sound = result.read_sound() if pictures or speech else None
    if speech and sound is None:
        warnings.warn(f"{result.name}: no sound is known, so no {SPEECH_FILE}", PhonolipsWarning, stacklevel=3)
    with tempfile.TemporaryDirectory(prefix=".phonolips-", dir=out) as temporary:
        new = Path(temporary)
        names = [LIPS_FILE]
        write_lips(result, new / LIPS_FILE)
        if result.posteriors is not None:
            write_posteriors(result, new / POSTERIORS_FILE)
            names.append(POSTERIORS_FILE)
        if result.alignment is not None:
            write_textgrid(result.alignment, new / TEXTGRID_FILE)
            names.append(TEXTGRID_FILE)
        if pictures:
            names += _draw_result(replace(result, waveform=sound), new, painter)
        if speech and sound is not None:
            import soundfile

            soundfile.write(new / SPEECH_FILE, sound, SAMPLE_RATE)
            names.append(SPEECH_FILE)
        kept = None if result.recording is None else result.recording.resolve()
        for name in {*RESULT_FILES, SPEECH_FILE} - set(names):
            if (out / name).resolve() != kept:
                (out / name).unlink(missing_ok=True)
        for name in names:
            os.replace(new / name, out / name)
    return [out / name for name in names]


def write_lips(result: Result, path: Path) -> None:
    """Write lips.npz: lips, fps, layout, speaker and timing, and what else is known of the very same lips."""
    own: dict[str, Any] = {
        "lips": result.lips,
        "fps": result.fps,
        "layout": result.layout,
        "speaker": result.speaker,
        "timing": result.timing,
    }
    read: dict[str, Any] = _read_arrays(result.path) if result.path is not None and result.path.is_file() else {}
    same = "lips" in read and np.array_equal(read["lips"], result.lips)
    write_arrays(path, "lips", FORMATS["lips"], **(read if same else {}) | own)


def write_posteriors(result: Result, path: Path) -> None:
    """Write posteriors.npz: posteriors, phones, step_seconds, lip parameters and their names."""
    assert result.posteriors is not None
    more = {}
    if result.lip_parameters is not None:
        names = np.array(result.lip_parameter_names, dtype=str)
        more = {"lip_parameters": result.lip_parameters, "lip_parameter_names": names}
    write_arrays(
        path,
        "posteriors",
        FORMATS["posteriors"],
        posteriors=result.posteriors,
        phones=np.array(PHONES),
        step_seconds=STEP_SECONDS,
        **more,
    )


def _draw_result(result: Result, folder: Path, painter: "Executor | None") -> list[str]:
    """Draw the posteriorgram and the video of a result into `folder`; return their names."""
    from phonolips.lips.measures import opening
    from phonolips.show.drawing import render_lips_video

    drawn = None
    names = []
    if result.posteriors is not None:
        moves = result.lip_parameters.T if result.lip_parameters is not None else ()
        options = {
            "phones": result.phones or None,
            "words": result.words or None,
            "waveform": result.waveform,
            "sample_rate": SAMPLE_RATE,
            "opening": opening(result.lips),
            "fps": result.fps,
            "lip_parameters": dict(zip(result.lip_parameter_names, moves, strict=True)),
        }
        picture = (folder / PICTURE_FILE, result.posteriors, options)
        if painter is None or result.seconds > LONGEST_SENT_SECONDS:
            _draw_posteriorgram(*picture)
        else:
            drawn = painter.submit(_draw_posteriorgram, *picture)
        names.append(PICTURE_FILE)
    captions = phones_at_frames(result) if result.phones else None
    render_lips_video(
        folder / VIDEO_FILE, result.lips, exact_fps(result.fps), waveform=result.waveform, captions=captions
    )
    if drawn is not None:
        drawn.result()
    return [*names, VIDEO_FILE]


def phones_at_frames(result: Result) -> list[str]:
    """Name the phone at every frame's centre."""
    ends = np.array([phone.end for phone in result.phones])
    labels = [phone.label for phone in result.phones]
    at = np.searchsorted(ends, frame_centres(len(result.lips), result.fps), side="right")
    return [labels[min(int(i), len(labels) - 1)] for i in at]


def read_lips(path: Path) -> tuple[np.ndarray, float]:
    """Read lips.npz: lips float32 (frames, points, 2) and their fps; raise InputError where it is none of ours."""
    result = _read_lips(path)
    return result.lips, result.fps


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    values, _ = read_arrays(path, "lips", readable("lips"), required=("lips", "fps"), made_by="phonolips synth")
    return values


def check_lips(lips: Any) -> np.ndarray:
    """Return lips of a file, as they are; raise InputError unless they are frames of points that a mouth can have."""
    expected = f"finite numbers up to {MOST_UNITS:.0f}, (frames, 40, 2) or (frames, 20, 2), at least one frame"
    checked = check_array(lips, "lips", expected, shape=(None, None, 2))
    layout_of(checked)
    if not len(checked) or np.abs(checked).max() > MOST_UNITS:
        raise InputError(f"lips of shape {checked.shape}; expected {expected}")
    given = np.asarray(lips)
    return given if given.dtype.kind == "f" else checked


def _read_lips(path: Path) -> Result:
    values = _read_arrays(path)
    try:
        who, when = (str(values[name]) if name in values else "" for name in ("speaker", "timing"))
        fps = check_fps(values["fps"])  # type: ignore[arg-type]
        lips = check_lips(values["lips"])
        return Result(lips, fps, speaker=who, timing=when, path=path)
    except InputError as error:
        raise InputError(f"{path}: not a lips.npz ({error})") from error


def read_posteriors(path: Path) -> Layer:
    """Read posteriors.npz; lip parameters may be missing. Raises InputError where it is none of ours."""
    values, version = read_arrays(
        path, "posteriors", readable("posteriors"), required=("posteriors", "phones"), made_by="phonolips synth"
    )
    key, names_key = ("gestures", "gesture_names") if version == 1 else ("lip_parameters", "lip_parameter_names")
    try:
        phones = tuple(map(str, values["phones"].ravel()))
        if phones != PHONES:
            raise InputError(f"its phones are not this version's; expected {' '.join(PHONES)}")
        layer = Layer(values["posteriors"])
        frames = -(-len(check_posteriors(values["posteriors"])) // STEPS_PER_FRAME)
        if key in values:
            if names_key not in values:
                raise InputError(f"no array {names_key!r}")
            names = tuple(map(str, values[names_key].ravel()))
            moves = check_lip_parameters(values[key], frames_to_steps(frames), names)
            layer = layer._replace(lip_parameters=moves, lip_parameter_names=names)
    except InputError as error:
        raise InputError(f"{path}: not a posteriors.npz ({error}); make one with 'phonolips synth'") from error
    return layer


def read_result(folder: Path | str) -> Result:
    """Read a folder that `Result.save` wrote, or its lips.npz: lips, and the posteriors, TextGrid and sound beside it.

    The sound is `speech.wav` where there is one, else that of `lips.mp4` where it has any.

    Raises:
        InputError: no lips.npz there, or one of the files is not what its name says.
    """
    from phonolips.media.video import probe

    path = Path(folder)
    file = path / LIPS_FILE if path.is_dir() else path
    lips = _read_lips(file)
    grid, layer, speech, film = (
        file.with_name(name) for name in (TEXTGRID_FILE, POSTERIORS_FILE, SPEECH_FILE, VIDEO_FILE)
    )
    recording = speech if speech.is_file() else None
    if recording is None and film.is_file() and probe(film).has_audio:
        recording = film
    between = read_posteriors(layer) if layer.is_file() else Layer(None)
    return replace(
        lips,
        posteriors=between.posteriors,
        lip_parameters=between.lip_parameters,
        lip_parameter_names=between.lip_parameter_names,
        alignment=read_textgrid(grid) if grid.is_file() else None,
        recording=recording,
    )
