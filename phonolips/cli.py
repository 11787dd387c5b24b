"""The command line: every command is one function call, and every flag one of its arguments."""

import logging
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonolips import __version__
from phonolips.errors import InputError, PhonolipsError, PhonolipsWarning

if TYPE_CHECKING:
    from phonolips.model.speaker import LipSpeaker

app = typer.Typer(
    name="phonolips",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    help=(
        "Speech or text to lip movement, through phones that you can see and edit.\n\n"
        'Start here:  phonolips synth --text "bin blue at f two now" --out demo'
    ),
)

Out = Annotated[Path, typer.Option(help="Folder to write to; made if it is not there.")]
Speaker = Annotated[
    str | None,
    typer.Option(
        help="A speaker of the model ('phonolips info' lists them), or a .json made by 'phonolips adapt'. "
        "[default: the mean speaker]"
    ),
]
Fps = Annotated[float, typer.Option(help="Frames per second of the lips: 24, 25, 29.97, 30, 50, 60, ...")]
Model = Annotated[
    Path | None,
    typer.Option(help="Model folder made by 'phonolips train'. [default: the one in the package]"),
]
Jobs = Annotated[int, typer.Option(min=1, help="Processes to work with.")]
Device = Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda.")]
Language = Annotated[
    str, typer.Option(help="Language of words that the English dictionary does not know, as espeak names it.")
]


def _existing_file(path: Path, what: str) -> Path:
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected {what}")
    return path


def _speaker(name: str | None) -> "str | LipSpeaker | None":
    """Read a speaker's file where the name is one."""
    if name is None or not name.endswith(".json"):
        return name
    from phonolips.model.speaker import read_speaker

    return read_speaker(Path(name))


def _print_files(files: list[Path]) -> None:
    for file in files:
        typer.echo(str(file))


@app.command()
def synth(
    out: Out,
    text: Annotated[str | None, typer.Option(help="A text to speak.")] = None,
    audio: Annotated[Path | None, typer.Option(help="A recording: wav, flac, mp3, ogg, m4a, or a video.")] = None,
    phones: Annotated[str | None, typer.Option(help='ARPAbet phones, such as "B IH1 N  B L UW1"; sil pauses.')] = None,
    posteriors: Annotated[Path | None, typer.Option(help="An (edited) posteriors.npz from an earlier synth.")] = None,
    speaker: Speaker = None,
    fps: Fps = 25.0,
    rate: Annotated[float, typer.Option(help="Speaking rate for --text and --phones; 2 is twice as fast.")] = 1.0,
    durations: Annotated[
        Path | None, typer.Option(help="TextGrid with the times of the phones of --text or --phones.")
    ] = None,
    phones_only: Annotated[
        bool, typer.Option("--phones-only", help="Guess the gestures from the phones instead of hearing them.")
    ] = False,
    liveliness: Annotated[
        float | None,
        typer.Option(help="How much quick movements are exaggerated, 0 to 2. [default: as the model says]"),
    ] = None,
    language: Language = "en-us",
    seed: Annotated[int, typer.Option(help="Random seed; today's model draws nothing at random.")] = 0,
    model: Model = None,
) -> None:
    """Make lips from a text, a recording, phones, or posteriors.

    Writes into --out: lips.npz (float32 frames x points x 2, mouth space), posteriors.npz (steps x phones, 10 ms
    a step), phones.TextGrid, posteriorgram.png and lips.mp4.
    """
    from phonolips.files import check_out_folder, read_posteriors, start_painter

    given = [name for name, value in
             (("--text", text), ("--audio", audio), ("--phones", phones), ("--posteriors", posteriors))
             if value is not None]  # fmt: skip
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise InputError(f"synth takes one of --text, --audio, --phones, --posteriors; found {found}")
    if durations is not None and given[0] not in ("--text", "--phones"):
        raise InputError(f"--durations goes with --text or --phones, not with {given[0]}")
    check_out_folder(out)
    if audio is not None:
        _existing_file(audio, "a sound or video file")
    layer = read_posteriors(posteriors) if posteriors is not None else None
    who = _speaker(speaker)
    times = None
    if durations is not None:
        from phonolips.alignment.tiers import read_textgrid

        times = read_textgrid(durations)
    with start_painter() as painter:
        from phonolips import synth as verbs
        from phonolips.video.lips import check_fps

        check_fps(fps)
        if liveliness is not None:
            verbs.check_liveliness(liveliness)
        if text is not None:
            from phonolips.text import text_to_phones

            text_to_phones(text, language=language)
        network = verbs.load_network(model)
        network.lip_speaker(who)
        _seed(seed)
        how: dict[str, Any] = {"speaker": who, "fps": fps, "liveliness": liveliness, "network": network}
        if text is not None:
            result = verbs.from_text(text, language=language, rate=rate, durations=times, **how)
        elif phones is not None:
            result = verbs.from_phones(phones, rate=rate, durations=times, **how)
        elif audio is not None:
            from phonolips.audio import read_blocks

            result = verbs.from_audio(read_blocks(audio), phones_only=phones_only, **how)
        else:
            assert layer is not None
            gestures = None if phones_only else layer.gestures
            result = verbs.from_posteriors(layer.posteriors, gestures=gestures, **how)
        _print_files(result.save(out, painter=painter))


def _seed(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


@app.command()
def track(
    video: Annotated[Path, typer.Argument(help="A video with one face seen from the front.")],
    out: Annotated[Path, typer.Option(help="The lips.npz to write.")],
    overlay: Annotated[
        Path | None,
        typer.Option(help="Video to draw the found lips on. [default: beside --out, .overlay.mp4]"),
    ] = None,
    layout: Annotated[str, typer.Option(help="mediapipe40 or ibug20.")] = "mediapipe40",
) -> None:
    """Track the lips in a video: lips.npz in mouth space, and an overlay video to look at.

    lips.npz holds lips (frames, points, 2), detected (frames,), fps, layout, and origin_px and axis_px, which
    lead back to pixels: pixel = origin + axis * conj(x + iy).
    """
    from phonolips.video.lips import LAYOUTS
    from phonolips.video.track import draw_track, save_track, track_video

    if layout not in LAYOUTS:
        raise InputError(f"--layout {layout}; expected one of {', '.join(LAYOUTS)}")
    if out.suffix != ".npz":
        raise InputError(f"--out {out}: expected a file name ending in .npz")
    _existing_file(video, "a video")
    found = track_video(video, layout=layout)
    save_track(found, out)
    picture = overlay or out.with_suffix(".overlay.mp4")
    draw_track(video, found, picture)
    typer.echo(
        f"{len(found.lips)} frames, {int(found.detected.sum())} with a face, "
        f"{found.frames_per_second:.0f} frames per second"
    )
    _print_files([out, picture])


@app.command()
def adapt(
    out: Annotated[Path, typer.Option(help="The speaker's .json to write, for 'phonolips synth --speaker'.")],
    video: Annotated[
        list[Path] | None,
        typer.Option(help="A video of the person speaking; more may follow it. Or one picture, the mouth shut."),
    ] = None,
    more: Annotated[list[Path] | None, typer.Argument(help="More videos.", metavar="[VIDEO]...")] = None,
    name: Annotated[str | None, typer.Option(help="Of the speaker. [default: the first file's name]")] = None,
    one_frame: Annotated[
        bool, typer.Option("--one-frame", help="Take only the lip shape, from one frame of the video.")
    ] = False,
    model: Model = None,
) -> None:
    """Fit the lips to a new person, from a few videos or from one frame; the network stays as it is.

    Draws the lip shapes beside --out (.png).
    """
    from phonolips.files import save_figure
    from phonolips.model.speaker import save_speaker
    from phonolips.plot import lip_shapes

    files = [*(video or ()), *(more or ())]
    if not files:
        raise InputError("adapt needs --video, a video of the person speaking or one picture")
    if out.suffix != ".json" or out.is_dir():
        raise InputError(f"--out {out}: expected a file name ending in .json")
    picture = out.with_suffix(".png")
    for file in files:
        _existing_file(file, "a video or a picture")
        if file.resolve() == picture.resolve():
            raise InputError(f"--out {out}: its picture {picture} would overwrite the one given; choose another name")
    from phonolips.adapt import lip_speaker_from_videos
    from phonolips.synth import load_network

    found = lip_speaker_from_videos(files, name=name, one_frame=one_frame, network=load_network(model))
    save_speaker(found.speaker, out)
    shapes = {"mean speaker": found.mean.mean_lip, "one frame": found.one_frame.mean_lip}
    if found.errors:
        shapes["adapted"] = found.speaker.mean_lip
        typer.echo(f"{found.seconds:.1f} s of material, a face in {found.detected} of {found.frames} frames")
        errors = ", ".join(f"{label} {value:.4f}" for label, value in found.errors.items())
        typer.echo(f"error on this material (root mean square, eye distances): {errors}")
        typer.echo(f"embedding, mean lip and gain {found.speaker.gain:.2f} fitted")
    else:
        typer.echo("lip shape of one frame taken; the manner is the mean speaker's")
    save_figure(lip_shapes(shapes, title=f"Mean lips of {found.speaker.name}"), picture)
    _print_files([out, picture])


@app.command()
def align(
    audio: Annotated[Path, typer.Argument(help="A recording.")],
    text: Annotated[str, typer.Option(help="What is said in it.")],
    out: Annotated[Path | None, typer.Option(help="The TextGrid to write. [default: beside the recording]")] = None,
    aligner: Annotated[
        str, typer.Option(help="auto, mfa, sphinx, ctc; auto = mfa where installed, else sphinx.")
    ] = "auto",
    language: Language = "en-us",
    plot: Annotated[bool, typer.Option("--plot", help="Draw the alignment beside the TextGrid (.png).")] = False,
    model: Model = None,
) -> None:
    """Find when each word and phone of a known text is said; writes a TextGrid."""
    from phonolips.alignment import align as align_waveform
    from phonolips.alignment.tiers import write_textgrid
    from phonolips.audio import read

    waveform = read(_existing_file(audio, "a sound or video file"))
    network = None
    if aligner == "ctc":
        from phonolips.synth import load_network

        network = load_network(model)
    found = align_waveform(waveform, text, aligner=aligner, language=language, network=network)
    target = out or audio.with_suffix(".TextGrid")
    write_textgrid(found, target)
    files = [target]
    if plot:
        from phonolips.files import save_figure
        from phonolips.plot import alignment_figure

        picture = target.with_suffix(".png")
        save_figure(alignment_figure(waveform, found), picture)
        files.append(picture)
    _print_files(files)


@app.command("plot")
def plot_command(
    folder: Annotated[Path, typer.Argument(help="A folder written by 'phonolips synth', or a posteriors.npz.")],
    out: Annotated[
        Path | None, typer.Option(help="Picture to write: .png, .svg or .pdf. [default: in the folder]")
    ] = None,
) -> None:
    """Draw the posteriorgram again, for example after editing posteriors.npz or phones.TextGrid."""
    from phonolips.alignment.tiers import read_textgrid
    from phonolips.files import read_lips, read_posteriors, save_figure
    from phonolips.plot import posteriorgram
    from phonolips.video.lips import opening

    source = folder / "posteriors.npz" if folder.is_dir() else folder
    layer = read_posteriors(source)
    grid, lips_file = source.with_name("phones.TextGrid"), source.with_name("lips.npz")
    alignment = read_textgrid(grid) if grid.is_file() else None
    curve, fps = None, 25.0
    if lips_file.is_file():
        lips, fps = read_lips(lips_file)
        curve = opening(lips)
    moves = layer.gestures.T if layer.gestures is not None else ()
    figure = posteriorgram(
        layer.posteriors,
        phones=alignment.phones if alignment else None,
        words=alignment.speech_words() if alignment else None,
        opening=curve,
        fps=fps,
        gestures=dict(zip(layer.gesture_names, moves, strict=True)),
    )
    target = out or source.with_name("posteriorgram.png")
    save_figure(figure, target)
    _print_files([target])


@app.command()
def prepare(
    out: Annotated[Path, typer.Option(help="The prepared corpus: records, lips, alignments, features.")],
    step: Annotated[str, typer.Option(help="records, lips, align, features, or all of them in this order.")] = "all",
    data: Annotated[Path | None, typer.Option(help="GRID: <speaker>/<name>.mpg or .mp4 with <name>.align.")] = None,
    corpus: Annotated[str, typer.Option(help="Which corpus --data is: grid.")] = "grid",
    splits: Annotated[
        Path | None, typer.Option(help="Folder with the lists of test clips (recipes/grid/splits).")
    ] = None,
    librispeech: Annotated[Path | None, typer.Option(help="LibriSpeech, as more speech for the ears.")] = None,
    alignments: Annotated[Path | None, typer.Option(help="Ready TextGrids: <speaker>/<name>.TextGrid.")] = None,
    librispeech_alignments: Annotated[
        Path | None, typer.Option(help="Ready TextGrids: <subset>/<speaker>/<utterance>.TextGrid.")
    ] = None,
    aligner: Annotated[str, typer.Option(help="For clips without a ready TextGrid: auto, mfa, sphinx.")] = "auto",
    jobs: Jobs = 1,
) -> None:
    """Prepare a corpus for training. Goes on where a killed run stopped."""
    from phonolips.corpus import prepare as steps
    from phonolips.corpus.records import Dropped

    known = ("records", "lips", "align", "features")
    if step not in (*known, "all"):
        raise InputError(f"--step {step}; expected one of {', '.join((*known, 'all'))}")
    if corpus != "grid":
        raise InputError(f"--corpus {corpus}; expected grid")
    chosen = known if step == "all" else (step,)
    dropped: list[Dropped] = []
    if "records" in chosen:
        if data is None:
            raise InputError("--step records needs --data, the folder with the corpus")
        records, dropped = steps.make_records(out, data, splits=splits, librispeech=librispeech)
        typer.echo(f"{len(records)} clips")
    if "lips" in chosen:
        dropped += steps.track_lips(out, jobs=jobs)
    if "align" in chosen:
        dropped += steps.align_clips(
            out,
            alignments=alignments,
            librispeech_alignments=librispeech_alignments,
            aligner=aligner,
            jobs=jobs,
        )
    if "features" in chosen:
        dropped += steps.make_features(out, jobs=jobs)
    for item in dropped:
        typer.echo(f"left out {item.id}: {item.reason}", err=True)


@app.command()
def train(
    part: Annotated[str, typer.Argument(help="ears, durations, lips, all of these three, or sync.")],
    data: Annotated[Path, typer.Option(help="A prepared corpus.")],
    out: Annotated[Path, typer.Option(help="Gets network/ (the model) or sync_expert/, checkpoints and histories.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings such as lips.epochs=3, stronger than --config.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file with settings (see recipes/grid/conf).")] = None,
    device: Device = "auto",
) -> None:
    """Train the ears, the durations, the lips or the sync expert. Goes on where a killed run stopped."""
    _need("speechbrain", "training")
    from phonolips.training.run import train as run_training

    folder = run_training(part, data=data, out=out, config=config, overrides=overrides or (), device=device)
    _print_files([folder])


def _need(package: str, what: str) -> None:
    import importlib.util

    from phonolips.errors import MissingToolError

    if importlib.util.find_spec(package) is None:
        raise MissingToolError(f"{what} needs {package}; install it with: pip install 'phonolips[train]'")


@app.command()
def evaluate(
    data: Annotated[Path, typer.Option(help="A prepared corpus.")],
    out: Annotated[Path, typer.Option(help="Folder for tables and pictures.")],
    model: Model = None,
    step: Annotated[str, typer.Option(help="synthesise, score, plots, or all of them in this order.")] = "all",
    references: Annotated[bool, typer.Option(help="Also score the simple reference methods.")] = True,
) -> None:
    """Synthesise the test clips from sound, from text with true and with predicted durations, and score them.

    Writes lips.csv and ears.csv (a row a clip), results.md (tables with 95 % intervals) and pictures.
    """
    _need("sklearn", "evaluation")
    from phonolips.evaluation.run import evaluate as run_evaluation

    typer.echo(run_evaluation(data=data, out=out, model=model, step=step, references=references))


@app.command("check-data")
def check_data(
    data: Annotated[Path, typer.Argument(help="A prepared corpus.")],
) -> None:
    """Print counts, hours, fps, face misses, sound/picture differences, mismatches and clips out of sync."""
    from phonolips.corpus.check import check_corpus

    typer.echo(check_corpus(data))


@app.command()
def gallery(
    data: Annotated[Path, typer.Option(help="A prepared corpus.")],
    out: Out,
    speaker: Annotated[str | None, typer.Option(help="A speaker of the corpus. [default: all together]")] = None,
    samples: Annotated[int, typer.Option(min=1, help="How many samples of each phone, at most.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the draw.")] = 1,
    phone: Annotated[list[str] | None, typer.Option(help="Draw a page of this phone too; may be repeated.")] = None,
) -> None:
    """Draw what the lips do in every phone: contours, opening and width of many samples, and their means.

    Writes gallery_contours.png, gallery_opening.png, gallery_width.png, gallery.csv (a row a phone), and
    gallery_PHONE.png for every --phone, from the training clips.
    """
    from phonolips.evaluation.gallery import draw_gallery

    _print_files(draw_gallery(data=data, out=out, speaker=speaker, samples=samples, seed=seed, phones=phone or ()))


@app.command()
def info(model: Model = None) -> None:
    """Print versions, what is installed, and what the model knows."""
    from phonolips.environment import describe

    typer.echo(describe(model))


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Speech or text to lip movement."""
    if version:
        typer.echo(f"phonolips {__version__}")
        raise typer.Exit


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    if issubclass(category, PhonolipsWarning):
        print(f"phonolips: warning: {message}", file=sys.stderr)


def main() -> None:
    """Run the command line; expected errors are one line and exit code 1, bugs keep their traceback."""
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
    logging.getLogger("phonolips").setLevel(logging.INFO)
    try:
        app()
    except PhonolipsError as error:
        print(f"phonolips: error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        print(f"phonolips: error: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("phonolips: interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
