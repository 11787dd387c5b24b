"""The files that a synthesis writes, and reading them back."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.inventory import PHONES
from phonolips.timebase import SAMPLE_RATE, STEP_SECONDS

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from phonolips.synth.result import Result
from phonolips.show.plots.style import save_figure
from phonolips.synth.result import (
    DATA_FILES,
    LIPS_FILE,
    PICTURE_FILE,
    POSTERIORS_FILE,
    RESULT_FILES,
    SPEECH_FILE,
    TEXTGRID_FILE,
    VIDEO_FILE,
    captions_of,
)

LONGEST_SENT_SECONDS = 60.0  # a longer result is drawn here: copying an hour to the painter costs more than it saves


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


def _draw_posteriorgram(path: Path, posteriors: np.ndarray, options: dict[str, Any]) -> None:
    from phonolips.show.plots import posteriorgram

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
    lip_parameter_names. `phones.TextGrid`, `posteriorgram.png`, `lips.mp4`.
    """
    from phonolips.phones.textgrid import write_textgrid

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
            lip_parameters=result.lip_parameters,
            lip_parameter_names=np.array(result.lip_parameter_names, dtype=str),
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
    from phonolips.lips.measures import opening
    from phonolips.show.drawing import render_lips_video
    from phonolips.timebase import exact_fps

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
            "lip_parameters": dict(zip(result.lip_parameter_names, result.lip_parameters.T, strict=True)),
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
