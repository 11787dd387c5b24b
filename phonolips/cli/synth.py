"""The command that makes lips from a text, a recording, phones, or posteriors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonolips.cli.options import (
    AudioStream,
    Jobs,
    Language,
    LexiconFiles,
    Model,
    Out,
    Provider,
    TextFile,
    TextFormat,
    Threads,
    Tier,
    TierSpeaker,
    format_of,
    parse_articulation,
    parse_emphasis,
    print_files,
    text_of,
)
from phonolips.cli.say import show_said
from phonolips.errors import InputError, PhonolipsError
from phonolips.export.formats import FORMATS

if TYPE_CHECKING:
    from phonolips.synth.batch import Summary

Speaker = Annotated[
    str | None,
    typer.Option(
        help="A speaker of the model ('phonolips info' lists them), or a .json made by 'phonolips adapt'. "
        "[default: the mean speaker]"
    ),
]


# One parameter for each option: that is how typer reads them. What they mean together is in `synth.files.Request`.
def synth(
    out: Out,
    text: Annotated[str | None, typer.Option(help="A text to speak; - reads it from standard input.")] = None,
    text_file: TextFile = None,
    text_format: TextFormat = "auto",
    lexicon: LexiconFiles = None,
    audio: Annotated[
        Path | None,
        typer.Option(
            help="A recording: wav, flac, mp3, ogg, m4a, or a video; - is the standard input. Or many: a folder, or a "
            ".txt with a path a line."
        ),
    ] = None,
    phones: Annotated[str | None, typer.Option(help='ARPAbet phones, such as "B IH1 N  B L UW1"; sil pauses.')] = None,
    posteriors: Annotated[Path | None, typer.Option(help="An (edited) posteriors.npz from an earlier synth.")] = None,
    textgrid: Annotated[
        Path | None,
        typer.Option(
            help="An (edited) TextGrid or another aligner's file: its phones at its times. With --audio: that sound, "
            "these phones."
        ),
    ] = None,
    speaker: Speaker = None,
    fps: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Frames per second of the lips: 24, 29.97, 30000/1001, ... [default: 25]"),
    ] = None,
    rate: Annotated[
        float, typer.Option(help="Speaking rate for --text, --phones and --textgrid; 2 is twice as fast.")
    ] = 1.0,
    durations: Annotated[
        Path | None, typer.Option(help="TextGrid with the times of the phones of --text or --phones.")
    ] = None,
    tier: Tier = None,
    tier_speaker: TierSpeaker = None,
    emphasis: Annotated[
        list[str] | None,
        typer.Option(help="A word to stress, as written (U.S., 2024), or WORD=1.5 for how much. May be repeated."),
    ] = None,
    phones_only: Annotated[
        bool,
        typer.Option("--phones-only", help="Predict the lip parameters from the phones instead of from the sound."),
    ] = False,
    voice_activity: Annotated[
        bool,
        typer.Option(
            help="Rest the mouth where --audio is not speech: breath, music, tones, noise; without, it moves with all."
        ),
    ] = True,
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
    articulation: Annotated[
        str,
        typer.Option(
            metavar="GAINS",
            help="How far the movements go, 0 to 3: 1.2 for all of them, or some of opening=1,width=1.6,height=1.",
        ),
    ] = "1",
    rest: Annotated[
        str,
        typer.Option(
            help="The mouth where nothing is said: shut, within 0.12 s, or natural, ajar and breathing as people do."
        ),
    ] = "shut",
    pictures: Annotated[
        bool, typer.Option(help="Draw posteriorgram.png and lips.mp4; without, many recordings go much faster.")
    ] = True,
    audio_stream: AudioStream = None,
    jobs: Jobs = 1,
    language: Language = "en-us",
    model: Model = None,
    provider: Provider = "auto",
    threads: Threads = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show how --text is said, as 'phonolips say' does, and write nothing.")
    ] = False,
) -> None:
    """Make lips from a text, a recording, phones, posteriors or a TextGrid.

    Writes into --out: lips.npz (float32 frames x points x 2, mouth space), posteriors.npz (steps x phones, 10 ms
    a step), phones.TextGrid, posteriorgram.png and lips.mp4. Of many recordings, each gets a folder of its own, and
    manifest.jsonl a row; the same command goes on where a killed one stopped.
    """
    from phonolips.synth.files import Request, check_request, synthesise

    request = Request(
        out=out,
        text=text_of(text, text_file),
        audio=audio,
        phones=phones,
        posteriors=posteriors,
        textgrid=textgrid,
        speaker=speaker,
        fps=fps,
        rate=rate,
        durations=durations,
        tier=tier,
        tier_speaker=tier_speaker,
        emphasis=parse_emphasis(emphasis or ()),
        phones_only=phones_only,
        voice_activity=voice_activity,
        liveliness=liveliness,
        speak=speak,
        synthesiser=synthesiser,
        voice=voice,
        face=face,
        export=export,
        rest=rest,
        articulation=parse_articulation(articulation),
        pictures=pictures,
        language=language,
        model=model,
        audio_stream=audio_stream,
        lexicon=lexicon,
        text_format=format_of(text_format, text_file),
        provider=provider,
        threads=threads,
    )
    if dry_run:
        check_request(request)
        if request.text is None:
            raise InputError("`dry_run` goes with `text`: what else is given has its phones already, or is sound")
        show_said(request.text, text_format=request.text_format, language=language, lexicon=lexicon)
    elif request.is_batch:
        from phonolips.synth.batch import synthesise_all

        check_request(request)
        assert audio is not None
        _report(synthesise_all(audio, out, jobs=jobs, options=request.options()))
    else:
        print_files(synthesise(request))


def _report(summary: "Summary") -> None:
    """Print what became of many recordings; raise PhonolipsError where some failed."""
    typer.echo(str(summary.manifest))
    typer.echo(f"{summary.done} made, {summary.skipped} were there, {len(summary.failed)} failed")
    for _, reason in summary.failed:
        typer.echo(f"failed: {reason}", err=True)
    if summary.failed:
        total = summary.done + summary.skipped + len(summary.failed)
        raise PhonolipsError(f"{len(summary.failed)} of {total} recordings failed; the others are done")
