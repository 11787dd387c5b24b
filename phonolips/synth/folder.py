"""The folder of a result: writing it whole, and reading it back."""

import os
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phonolips.checks import check_array
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.curve import check_fps
from phonolips.lips.points import layout_of
from phonolips.media.recording import KEYS, Found, describe_recording, find_recording, lasting_place
from phonolips.media.wav import new_wav
from phonolips.phones.inventory import PHONES
from phonolips.phones.posteriors import check_posteriors
from phonolips.phones.textgrid import read_textgrid, write_textgrid
from phonolips.storage import (
    FILES_KEY,
    FORMATS,
    LIPS_FILE,
    SUMS_KEY,
    as_list,
    checksum,
    listed_files,
    read_arrays,
    readable,
    remove_listed,
    write_arrays,
)
from phonolips.synth.arguments import check_lip_parameters
from phonolips.synth.result import Result
from phonolips.temporary import temporary_folder
from phonolips.timebase import SAMPLE_RATE, STEP_SECONDS, STEPS_PER_FRAME, exact_fps, frame_centres, frames_to_steps

if TYPE_CHECKING:
    from concurrent.futures import Executor

POSTERIORS_FILE, TEXTGRID_FILE = "posteriors.npz", "phones.TextGrid"
PICTURE_FILE, VIDEO_FILE = "posteriorgram.png", "lips.mp4"
FACE_FILE = "face.mp4"
SPEECH_FILE = "speech.wav"  # the sound of a text that was spoken aloud, or of a recording that cannot be read again
EDITED_SOUND_FILE = "edited.wav"  # the sound of an edited recording, as the recording has it
SOUND_FILES = (SPEECH_FILE, EDITED_SOUND_FILE, VIDEO_FILE)  # where a run's own sound is looked for, in this order
DATA_FILES = (LIPS_FILE, POSTERIORS_FILE, TEXTGRID_FILE)
RESULT_FILES = (*DATA_FILES, PICTURE_FILE, VIDEO_FILE)
MOST_UNITS = 1_000.0  # mouth-space units (eye distances) of a point; tracked lips stay within 3
OWN_FILES = (POSTERIORS_FILE, TEXTGRID_FILE, PICTURE_FILE, VIDEO_FILE, SPEECH_FILE)  # that belong to a lips.npz
MOST_SHOWN_SECONDS = 21.0  # of sound that the posteriorgram can show, see `show.plots.style.shown_part`
LONGEST_SENT_SECONDS = 60.0  # a longer result is drawn here: copying an hour to the painter costs more than it saves


class Layer(NamedTuple):
    """What a posteriors.npz holds: posteriors (steps, phones), and lip parameters (frames, names) or None."""

    posteriors: np.ndarray | None
    lip_parameters: np.ndarray | None = None
    lip_parameter_names: tuple[str, ...] = ()


def check_out_folder(out: Path) -> Path:
    """Refuse an `out` that is a file, or a link that leads nowhere, before any work is done."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; expected a folder to write to, as `out`")
    if out.is_symlink() and not out.exists():
        raise InputError(f"{out}: is a link to {out.readlink()}, which is not there; make that folder first")
    return out


def start_painter() -> "Executor":
    """Start a process that loads matplotlib while this one loads the model, and draws while this one encodes.

    It takes half a second off a cold `phonolips synth` where there are two cores, and nothing where there is one. Start
    it before the model is loaded, and shut it down after use.
    """
    from phonolips.workers.processes import start_pool

    return start_pool(_load_matplotlib, may_fork=True)


def _load_matplotlib() -> None:
    """Import what draws, in a process that does nothing else."""
    import matplotlib.artist

    # Making the descriptions of all arguments takes a third of the import, and nobody reads them here.
    matplotlib.artist.kwdoc = lambda artist: ""
    import matplotlib.backends.backend_agg
    import matplotlib.figure

    import phonolips.show.plots  # noqa: F401


def _draw_posteriorgram(path: Path, posteriors: np.ndarray, options: dict[str, Any]) -> None:
    from phonolips.show.plots.posteriors import posteriorgram
    from phonolips.show.plots.style import save_figure

    save_figure(posteriorgram(posteriors, **options), path)


def _draw_in_painter(path: Path, posteriors: np.ndarray, options: dict[str, Any]) -> list[str]:
    """Draw in a process of its own; return what it warns of, as only the first process can say so properly."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PhonolipsWarning)
        _draw_posteriorgram(path, posteriors, options)
    return [str(warning.message) for warning in caught if issubclass(warning.category, PhonolipsWarning)]


# Seven parameters: a result, its place, and one for each option that `Result.save` has.
def save_result(
    result: Result,
    out: Path,
    *,
    painter: "Executor | None" = None,
    pictures: bool = True,
    speech: bool = False,
    more: Callable[[Path], Iterable[str]] | None = None,
    keep: Collection[Path] = (),
) -> list[Path]:
    """Write all files of a result into `out`; nothing is left half-written.

    `painter` (from `start_painter`) draws the picture in another process; None draws it here. Without `pictures`
    the posteriorgram and the video are left out, which takes most of the time. With `speech` the sound is written
    too, as speech.wav; `more` writes further files into a folder and returns their names. When all are complete, what
    an earlier run wrote into `out` goes, but for the result's own recording and what is to `keep`; and what its
    lips.npz holds beside the lips, as one that was tracked does, comes along. See docs/file-formats.md for the arrays.

    Returns:
        the files.
    """
    check_out_folder(out).mkdir(parents=True, exist_ok=True)
    if speech and result.playable is None:
        warnings.warn(f"{result.name}: no sound is known, so no {SPEECH_FILE}", PhonolipsWarning, stacklevel=3)
    with temporary_folder(out) as new:
        names = []
        if result.posteriors is not None:
            write_posteriors(result, new / POSTERIORS_FILE)
            names.append(POSTERIORS_FILE)
        if result.alignment is not None:
            write_textgrid(result.alignment, new / TEXTGRID_FILE)
            names.append(TEXTGRID_FILE)
        if pictures:
            names += _draw_result(result, new, painter)
        if speech and (blocks := result.sound_blocks()) is not None:
            _write_speech(blocks, new / SPEECH_FILE)
            names.append(SPEECH_FILE)
        if more is not None:
            names += more(new)
        earlier = {name: value for name, value in _earlier_files(out).items() if name not in names}
        staying = _staying_files(out, earlier, [*keep, *([result.recording] if result.recording else [])])
        written = {name: checksum(new / name) for name in names}
        write_lips(result, new / LIPS_FILE, {name: checksum(out / name) for name in staying} | written, out)
        remove_listed(out, {name: value for name, value in earlier.items() if name not in staying})
        for name in (*names, LIPS_FILE):
            os.replace(new / name, out / name)
    object.__setattr__(result, "path", out / LIPS_FILE)  # what is exported and drawn from now on goes beside it
    return [out / name for name in (LIPS_FILE, *names)]


def is_of_run(file: Path) -> bool:
    """Return whether a run wrote this file, as far as the lips.npz beside it says."""
    lips = file.with_name(LIPS_FILE)
    listed = listed_files(lips)
    return lips.is_file() if listed is None else file.name in listed


def _earlier_files(out: Path) -> dict[str, int | None]:
    """List what the run that stands in `out` wrote: name -> CRC-32, None where it goes even if somebody changed it."""
    lips = out / LIPS_FILE
    listed = listed_files(lips)
    if listed is None:  # made by version 0.1, or no run at all
        return dict.fromkeys(OWN_FILES) if lips.is_file() else {}
    # Whoever reads the folder takes its own files for parts of the new run.
    return {name: None if name in OWN_FILES else value for name, value in listed.items()}


def _staying_files(out: Path, names: Iterable[str], keep: Iterable[Path]) -> list[str]:
    """Choose those of a run's files that are to be kept."""
    kept = {place for file in keep for place in (file.resolve(), lasting_place(file))}
    return [
        name for name in names if {(out / name).resolve(), lasting_place(out / name)} & kept and (out / name).is_file()
    ]


def _beginning(blocks: Iterator[np.ndarray] | None) -> np.ndarray | None:
    """Return as much of a sound as a picture shows, float32 (samples,); None without any."""
    if blocks is None:
        return None
    samples = round(MOST_SHOWN_SECONDS * SAMPLE_RATE)
    held: list[np.ndarray] = []
    while sum(map(len, held)) < samples and (block := next(blocks, None)) is not None:
        held.append(block)
    return np.concatenate(held)[:samples]


def _write_speech(blocks: Iterable[np.ndarray], path: Path) -> None:
    with new_wav(path, SAMPLE_RATE) as file:
        for block in blocks:
            file.write(block)


def write_lips(result: Result, path: Path, files: Mapping[str, int], folder: Path) -> None:
    """Write lips.npz: lips, fps, layout, speaker and timing, and what else is known of the very same lips.

    Args:
        result: the lips.
        path: the file.
        files: that are written with it, name -> CRC-32.
        folder: where it will stand, from which its recording is named.
    """
    own: dict[str, Any] = {
        "lips": result.lips,
        "fps": result.fps,
        "layout": result.layout,
        "speaker": result.speaker,
        "timing": result.timing,
    }
    read: dict[str, Any] = _read_arrays(result.path) if result.path is not None and result.path.is_file() else {}
    same = "lips" in read and np.array_equal(read["lips"], result.lips)
    recording = _describe_recording(result, folder, read if same else {})
    more = {name: value for name, value in read.items() if same and name not in (*KEYS, FILES_KEY, SUMS_KEY)}
    write_arrays(path, "lips", FORMATS["lips"], **more | own | recording | as_list(files))


def _describe_recording(result: Result, folder: Path, read: dict[str, Any]) -> dict[str, Any]:
    """Describe the recording for lips.npz in `folder`.

    Where another sound stands in for it, a file of the run itself or none, what was written down before stays.
    """
    place = result.recording
    is_own = place is not None and place.name in SOUND_FILES and place.parent.resolve() == folder.resolve()
    if place is not None and not is_own:  # of one that has several sounds, the chosen one is kept as speech.wav
        return describe_recording(place, folder) if result.audio_stream is None else {}
    is_there = result.path is not None and result.path.parent.resolve() == folder.resolve()
    return {name: read[name] for name in KEYS if name in read and is_there and (is_own or result.note)}


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
    from phonolips.lips.articulators import articulate
    from phonolips.lips.measures import opening
    from phonolips.show.drawing import render_lips_video

    beside: AbstractContextManager[None] = nullcontext()
    names = []
    if result.posteriors is not None:
        moves = result.lip_parameters.T if result.lip_parameters is not None else ()
        options = {
            "phones": result.phones or None,
            "words": result.words or None,
            "waveform": _beginning(result.sound_blocks()),
            "sample_rate": SAMPLE_RATE,
            "opening": opening(result.lips),
            "fps": result.fps,
            "lip_parameters": dict(zip(result.lip_parameter_names, moves, strict=True)),
        }
        picture = (folder / PICTURE_FILE, result.posteriors, options)
        if painter is None or result.seconds > LONGEST_SENT_SECONDS:
            _draw_posteriorgram(*picture)
        else:
            beside = _drawn_beside(painter, picture)
        names.append(PICTURE_FILE)
    captions = phones_at_frames(result) if result.phones else None
    articulators = articulate(len(result.lips), result.fps, result.alignment, result.posteriors)
    with beside:
        render_lips_video(
            folder / VIDEO_FILE,
            result.lips,
            exact_fps(result.fps),
            waveform=result.sound_blocks(),
            captions=captions,
            articulators=articulators,
        )
    return [*names, VIDEO_FILE]


@contextmanager
def _drawn_beside(painter: "Executor", picture: tuple[Path, np.ndarray, dict[str, Any]]) -> Iterator[None]:
    """Draw a posteriorgram in the painter's process while the block works; here, where that process was killed."""
    from concurrent.futures import wait
    from concurrent.futures.process import BrokenProcessPool

    drawn = None
    with suppress(BrokenProcessPool):
        drawn = painter.submit(_draw_in_painter, *picture)
    try:
        yield
    finally:
        if drawn is not None:
            wait([drawn])  # it writes into a folder that is removed where the block fails
    if drawn is None or isinstance(drawn.exception(), BrokenProcessPool):
        _draw_posteriorgram(*picture)
    else:
        for message in drawn.result():
            warnings.warn(message, PhonolipsWarning, stacklevel=4)


def phones_at_frames(result: Result) -> list[str]:
    """Name the phone at every frame's centre."""
    ends = np.array([phone.end for phone in result.phones])
    labels = [phone.label for phone in result.phones]
    at = np.searchsorted(ends, frame_centres(len(result.lips), result.fps), side="right")
    return [labels[min(int(i), len(labels) - 1)] for i in at]


def read_lips(path: Path) -> tuple[np.ndarray, float]:
    """Read lips.npz: lips float32 (frames, points, 2) and their fps; raise InputError where it is none of ours."""
    result = _read_lips(path, with_sound=False)
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


def _read_lips(path: Path, *, with_sound: bool) -> Result:
    values = _read_arrays(path)
    try:
        who, when = (str(values[name]) if name in values else "" for name in ("speaker", "timing"))
        fps = check_fps(values["fps"])  # type: ignore[arg-type]
        lips = check_lips(values["lips"])
        sound = _find_sound(path, values, len(lips) / fps) if with_sound else Found(None)
        return Result(lips, fps, speaker=who, timing=when, path=path, recording=sound.path, note=sound.note)
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

    The sound is `speech.wav` or `edited.wav` where the run wrote one, else that of the recording that the lips were
    made from, else that of `lips.mp4` where it has any. A recording that has gone or changed is told of when its sound
    is asked for.

    Raises:
        InputError: no lips.npz there, or one of the files is not what its name says.
    """
    path = Path(folder)
    file = path / LIPS_FILE if path.is_dir() else path
    lips = _read_lips(file, with_sound=True)
    grid, layer = file.with_name(TEXTGRID_FILE), file.with_name(POSTERIORS_FILE)
    between = read_posteriors(layer) if layer.is_file() else Layer(None)
    return replace(
        lips,
        posteriors=between.posteriors,
        lip_parameters=between.lip_parameters,
        lip_parameter_names=between.lip_parameter_names,
        alignment=read_textgrid(grid) if grid.is_file() else None,
    )


def _find_sound(lips: Path, values: Mapping[str, np.ndarray], seconds: float) -> Found:
    """Find the sound of a run: what it wrote or was made from; and what is to be said where that has gone."""
    from phonolips.media.video import probe

    own = [lips.with_name(name) for name in SOUND_FILES]
    *sounds, film = (file if file.is_file() and is_of_run(file) else None for file in own)
    for sound in sounds:
        if sound is not None:
            return Found(sound)
    found = find_recording(values, lips.parent, seconds)
    if found.path is not None:
        return found._replace(note=found.note and f"{lips}: {found.note}")
    instead = film if film is not None and probe(film).has_audio else None
    if not found.note:
        return Found(instead)
    told = f"the sound of {instead.name} is used" if instead else "so there is no sound"
    return Found(instead, f"{lips}: {found.note}; {told}: put it back, or into this folder, or make the lips again")
