"""The command that makes lips from a text, a recording, phones, or posteriors."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from phonolips.cli.options import Jobs, Language, Model, Out, existing_file, print_files, read_speaker_option
from phonolips.errors import InputError, PhonolipsError
from phonolips.export.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from phonolips.synth.batch import Summary
    from phonolips.synth.result import Result

Speaker = Annotated[
    str | None,
    typer.Option(
        help="A speaker of the model ('phonolips info' lists them), or a .json made by 'phonolips adapt'. "
        "[default: the mean speaker]"
    ),
]
SOURCES = ("--text", "--audio", "--phones", "--posteriors", "--textgrid")


def synth(
    out: Out,
    text: Annotated[str | None, typer.Option(help="A text to speak.")] = None,
    audio: Annotated[
        Path | None,
        typer.Option(
            help="A recording: wav, flac, mp3, ogg, m4a, or a video. Or many: a folder, or a .txt with a path a line."
        ),
    ] = None,
    phones: Annotated[str | None, typer.Option(help='ARPAbet phones, such as "B IH1 N  B L UW1"; sil pauses.')] = None,
    posteriors: Annotated[Path | None, typer.Option(help="An (edited) posteriors.npz from an earlier synth.")] = None,
    textgrid: Annotated[
        Path | None,
        typer.Option(help="An (edited) TextGrid: its phones at its times. With --audio: that sound, these phones."),
    ] = None,
    speaker: Speaker = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames per second of the lips: 24, 25, 29.97, 30, 50, 60, ... [default: 25]")
    ] = None,
    rate: Annotated[
        float, typer.Option(help="Speaking rate for --text, --phones and --textgrid; 2 is twice as fast.")
    ] = 1.0,
    durations: Annotated[
        Path | None, typer.Option(help="TextGrid with the times of the phones of --text or --phones.")
    ] = None,
    emphasis: Annotated[
        list[str] | None,
        typer.Option(help="A word to stress, or WORD=1.5 for how much: longer and larger. May be repeated."),
    ] = None,
    phones_only: Annotated[
        bool, typer.Option("--phones-only", help="Guess the gestures from the phones instead of hearing them.")
    ] = False,
    liveliness: Annotated[
        float | None,
        typer.Option(help="How much quick movements are exaggerated, 0 to 2. [default: as the model says]"),
    ] = None,
    speak: Annotated[
        bool, typer.Option("--speak", help="Also say --text or --phones aloud, in step with the lips: speech.wav.")
    ] = False,
    synthesiser: Annotated[
        str, typer.Option(help="Who speaks: espeak (its times), festival (our times), piper (its times).")
    ] = "espeak",
    voice: Annotated[
        str | None, typer.Option(help="Of the synthesiser: en-us, en-gb-x-rp, en-us+f3, ...; for piper a .onnx file.")
    ] = None,
    face: Annotated[
        Path | None, typer.Option(help="A photo or a video of a person to give the lips to: face.mp4.")
    ] = None,
    export: Annotated[
        str | None,
        typer.Option(help=f"Also write these, with commas between them: {', '.join(FORMATS)}, all."),
    ] = None,
    shut_in_silence: Annotated[
        bool,
        typer.Option(
            "--shut-in-silence", help="Shut the mouth where nothing is said, instead of breathing as people do."
        ),
    ] = False,
    pictures: Annotated[
        bool, typer.Option(help="Draw posteriorgram.png and lips.mp4; without, many recordings go much faster.")
    ] = True,
    jobs: Jobs = 1,
    language: Language = "en-us",
    model: Model = None,
) -> None:
    """Make lips from a text, a recording, phones, posteriors or a TextGrid.

    Writes into --out: lips.npz (float32 frames x points x 2, mouth space), posteriors.npz (steps x phones, 10 ms
    a step), phones.TextGrid, posteriorgram.png and lips.mp4. Of many recordings, each gets a folder of its own, and
    manifest.jsonl a row; the same command goes on where a killed one stopped.
    """
    from phonolips.export.formats import check_names
    from phonolips.export.formats import export as write_formats
    from phonolips.lips.curve import check_fps
    from phonolips.lips.motion import parse_emphasis
    from phonolips.synth.batch import LIST_SUFFIXES, Manner, synthesise_all
    from phonolips.synth.files import check_out_folder, start_painter
    from phonolips.synth.result import FACE_FILE, read_run
    from phonolips.timebase import MODEL_FPS

    given = {
        name: value
        for name, value in zip(SOURCES, (text, audio, phones, posteriors, textgrid), strict=True)
        if value is not None
    }
    if len(given) != 1 and set(given) != {"--audio", "--textgrid"}:
        found = " and ".join(given) or "none of them"
        raise InputError(f"synth takes one of {', '.join(SOURCES)}, or --audio with --textgrid; found {found}")
    if durations is not None and not {"--text", "--phones"} & set(given):
        raise InputError(f"--durations goes with --text or --phones, not with {' and '.join(given)}")
    if rate != 1.0 and {"--audio", "--posteriors"} & set(given):
        raise InputError(
            f"--rate {rate}: {' and '.join(given)} has its own pace; it goes with --text, --phones, --textgrid"
        )
    if (speak or voice is not None) and not {"--text", "--phones"} & set(given):
        raise InputError(f"--speak goes with --text or --phones, not with {' and '.join(given)}")
    if voice is not None and not speak:
        raise InputError(f"--voice {voice}: only with --speak")
    check_out_folder(out)
    lips_fps = check_fps(MODEL_FPS if fps is None else fps)
    formats = check_names(export) if export is not None else []
    who, stressed = read_speaker_option(speaker), parse_emphasis(emphasis or ())
    if audio is not None and (audio.is_dir() or audio.suffix.lower() in LIST_SUFFIXES):
        if textgrid is not None or stressed or face is not None:
            raise InputError(
                f"{audio}: many recordings; --textgrid, --emphasis and --face go with a single sound or video file"
            )
        manner = Manner(who, fps, liveliness, phones_only, shut_in_silence, model, tuple(formats), pictures)
        _report(synthesise_all(audio, out, jobs=jobs, manner=manner))
        return
    for path, what in (
        (audio, "a sound or video file"),
        (textgrid, "a TextGrid"),
        (durations, "a TextGrid"),
        (face, "a photo or a video of a person"),
    ):
        if path is not None:
            existing_file(path, what)
    person = None
    if face is not None:
        from phonolips.face.person import read_face
        from phonolips.face.render import render_face

        person = read_face(face)
    with start_painter() if pictures else nullcontext() as painter:
        from phonolips.model.network import load_network
        from phonolips.synth import verbs

        aloud = {"backend": synthesiser, "voice": voice} if speak else None
        make = _maker(given, durations, rate, language, phones_only=phones_only, aloud=aloud)
        if liveliness is not None:
            verbs.check_liveliness(liveliness)
        network = load_network(model)
        network.lip_speaker(who)
        how: dict[str, Any] = {"speaker": who, "fps": lips_fps, "liveliness": liveliness, "network": network}
        result = make(emphasis=stressed, shut_in_silence=shut_in_silence, **how)
        files = result.save(out, painter=painter, pictures=pictures, speech=speak)
    if formats or person is not None:
        run = read_run(out)
        files += write_formats(run, formats, fps=fps) if formats else []
        if person is not None:
            files.append(render_face(run, person, out / FACE_FILE))
    print_files(files)


def _maker(
    given: dict[str, Any],
    durations: Path | None,
    rate: float,
    language: str,
    *,
    phones_only: bool,
    aloud: dict[str, Any] | None,
) -> "Callable[..., Result]":
    """Choose the verb for what is given, and read the files that it needs; all before the model loads."""
    from phonolips.media.audio import read, read_blocks
    from phonolips.phones.textgrid import read_textgrid
    from phonolips.speech import words
    from phonolips.speech.text.g2p import text_to_phones
    from phonolips.synth import verbs
    from phonolips.synth.result import read_posteriors

    times = read_textgrid(durations) if durations is not None else None
    if "--text" in given:
        words = text_to_phones(given["--text"], language=language)
        if aloud is not None:
            return partial(verbs.from_speech, words, **aloud, language=language, rate=rate, durations=times)
        return partial(verbs.from_text, given["--text"], language=language, rate=rate, durations=times)
    if "--phones" in given:
        if aloud is not None:
            words = words.phones_to_words(given["--phones"])
            return partial(verbs.from_speech, words, **aloud, language=language, rate=rate, durations=times)
        return partial(verbs.from_phones, given["--phones"], rate=rate, durations=times)
    if "--textgrid" in given:
        sound = read(given["--audio"]) if "--audio" in given else None
        return partial(verbs.from_alignment, read_textgrid(given["--textgrid"]), rate=rate, waveform=sound)
    if "--audio" in given:
        return partial(verbs.from_audio, read_blocks(given["--audio"]), phones_only=phones_only)
    layer = read_posteriors(given["--posteriors"])
    return partial(
        verbs.from_posteriors, layer.posteriors, lip_parameters=None if phones_only else layer.lip_parameters
    )


def _report(summary: "Summary") -> None:
    """Print what became of many recordings; raise PhonolipsError where some failed."""
    typer.echo(str(summary.manifest))
    typer.echo(f"{summary.done} made, {summary.skipped} were there, {len(summary.failed)} failed")
    for _, reason in summary.failed:
        typer.echo(f"failed: {reason}", err=True)
    if summary.failed:
        total = summary.done + summary.skipped + len(summary.failed)
        raise PhonolipsError(f"{len(summary.failed)} of {total} recordings failed; the others are done")
