"""The commands that work on videos and recordings: track, adapt, align, edit."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phonolips.cli.options import (
    AudioStream,
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
    check_no_file,
    format_of,
    print_files,
    text_of,
)
from phonolips.errors import InputError, did_you_mean
from phonolips.extras import need

if TYPE_CHECKING:
    from phonolips.speech.align.fit import WordFit

MOST_DOUBTS = 20  # lines about single words


def track(
    video: Annotated[Path, typer.Argument(help="A video with one face seen from the front.")],
    out: Annotated[Path, typer.Option(help="The lips.npz to write.")],
    overlay: Annotated[
        Path | None,
        typer.Option(help="Video to draw the found lips on. [default: beside --out, .overlay.mp4]"),
    ] = None,
    layout: Annotated[str, typer.Option(help="mediapipe40 or ibug20.")] = "mediapipe40",
    limits: Annotated[
        bool,
        typer.Option(
            "--limits", help="Refuse cuts, several, small and turned faces; turn a face that looks aside to the front."
        ),
    ] = False,
    audio_stream: AudioStream = None,
) -> None:
    """Track the lips in a video: lips.npz in mouth space, and an overlay video to look at.

    lips.npz holds lips (frames, points, 2), detected (frames,), fps, layout, pose (yaw, pitch, roll in degrees), and
    origin_px and axis_px, which lead back to pixels: pixel = origin + axis * conj(x + iy).
    """
    from phonolips.face.limits import FaceLimits
    from phonolips.face.track import draw_track, save_track, track_video
    from phonolips.lips.points import LAYOUTS
    from phonolips.synth.files import existing_file

    if layout not in LAYOUTS:
        raise InputError(f"--layout {layout}; expected one of {', '.join(LAYOUTS)}{did_you_mean(layout, LAYOUTS)}")
    if out.suffix != ".npz":
        raise InputError(f"--out {out}: expected a file name ending in .npz")
    existing_file(video, "a video")
    need("face", "tracking lips")
    found = track_video(video, layout=layout, limits=FaceLimits() if limits else None)
    save_track(found, out, video)
    picture = overlay or out.with_suffix(".overlay.mp4")
    draw_track(video, found, picture, audio_stream=audio_stream)
    typer.echo(
        f"{len(found.lips)} frames, {int(found.detected.sum())} with a face, "
        f"{found.frames_per_second:.0f} frames per second"
    )
    print_files([out, picture])


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
    audio_stream: AudioStream = None,
    model: Model = None,
    provider: Provider = "auto",
    threads: Threads = 1,
) -> None:
    """Fit the lips to a new person, from a few videos or from one frame; the network stays as it is.

    Draws the lip shapes beside --out (.png).
    """
    from phonolips.model.speakers import save_speaker
    from phonolips.show.plots import lip_shapes
    from phonolips.show.plots.style import save_figure
    from phonolips.synth.files import existing_file

    files = [*(video or ()), *(more or ())]
    if not files:
        raise InputError("adapt needs --video, a video of the person speaking or one picture")
    if out.suffix != ".json" or out.is_dir():
        raise InputError(f"--out {out}: expected a file name ending in .json")
    picture = out.with_suffix(".png")
    for file in files:
        existing_file(file, "a video or a picture")
        if file.resolve() == picture.resolve():
            raise InputError(f"--out {out}: its picture {picture} would overwrite the one given; choose another name")
    need("face", "adapting to a person")
    from phonolips.model.network import load_network
    from phonolips.synth.adapt import adapt as adapt_to

    network = load_network(model, provider=provider, threads=threads)
    found = adapt_to(files, name=name, one_frame=one_frame, audio_stream=audio_stream, network=network)
    save_speaker(found.speaker, out)
    shapes = {"mean speaker": found.mean.mean_lip, "one frame": found.one_frame.mean_lip}
    if found.errors:
        shapes["adapted"] = found.speaker.mean_lip
        typer.echo(f"{found.seconds:.1f} s of material, a face in {found.detected} of {found.frames} frames")
        errors = ", ".join(f"{label} {value:.4f}" for label, value in found.errors.items())
        typer.echo(f"error on this material (root mean square, eye distances): {errors}")
        late = found.speaker.notes["late_ms"]
        if any(late):
            moved = ", ".join(
                f"{file.name} {abs(ms):.0f} ms {'late' if ms > 0 else 'early'}"
                for file, ms in zip(files, late, strict=True)
                if ms
            )
            typer.echo(f"lips that were apart from their sound, moved to it: {moved}")
        typer.echo(f"embedding, mean lip, gain {found.speaker.gain:.2f}, mixing and phone offsets fitted")
    else:
        typer.echo("lip shape of one frame taken; movements are the mean speaker's")
    save_figure(lip_shapes(shapes, title=f"Mean lips of {found.speaker.name}"), picture)
    print_files([out, picture])


def align(
    audio: Annotated[Path, typer.Argument(help="A recording; - is the standard input.")],
    text: Annotated[str | None, typer.Option(help="What is said in it; - reads it from standard input.")] = None,
    text_file: TextFile = None,
    text_format: TextFormat = "auto",
    lexicon: LexiconFiles = None,
    out: Annotated[Path | None, typer.Option(help="The TextGrid to write. [default: beside the recording]")] = None,
    aligner: Annotated[
        str, typer.Option(help="auto, mfa, sphinx, ctc; auto = the first of these that is installed.")
    ] = "auto",
    language: Language = "en-us",
    plot: Annotated[bool, typer.Option("--plot", help="Draw the alignment beside the TextGrid (.png).")] = False,
    audio_stream: AudioStream = None,
    model: Model = None,
    provider: Provider = "auto",
    threads: Threads = 1,
) -> None:
    """Find when each word and phone of a known text is said; writes a TextGrid.

    Every phone gets a confidence: how likely the model's audio encoder thinks it, whichever aligner found it. Speech
    that is not in the text is marked spn; a text that is not what is said is warned of, or refused (docs/alignment.md).
    """
    from phonolips.media.audio import read
    from phonolips.media.pipes import is_pipe
    from phonolips.model.network import load_network
    from phonolips.phones.textgrid import write_textgrid
    from phonolips.speech.align.align import align_and_judge, choose_aligner
    from phonolips.synth.files import existing_file

    words = text_of(text, text_file)
    if words is None:
        raise InputError("expected one of --text and --text-file, with what is said in the recording; found neither")
    chosen = format_of(text_format, text_file)
    existing_file(audio, "a sound or video file")
    if out is None and is_pipe(audio):
        raise InputError(f"{audio}: a pipe has no place beside it; name the TextGrid to write with --out")
    aligner = choose_aligner(aligner)
    waveform = read(audio, stream=audio_stream)
    target = out or audio.with_suffix(".TextGrid")
    if plot and target.suffix.lower() == ".png":
        raise InputError(f"--out {target}: names the TextGrid; with --plot the picture goes beside it, as .png")
    judged = align_and_judge(
        waveform,
        words,
        aligner=aligner,
        language=language,
        network=load_network(model, provider=provider, threads=threads),
        lexicon=lexicon,
        text_format=chosen,
    )
    found = judged.alignment
    write_textgrid(found, target)
    for line in describe_doubts(judged.doubtful_words()):
        typer.echo(line)
    files = [target]
    if plot:
        from phonolips.show.plots import alignment_figure
        from phonolips.show.plots.style import save_figure

        picture = target.with_suffix(".png")
        save_figure(alignment_figure(waveform, found), picture)
        files.append(picture)
    print_files(files)


def describe_doubts(words: "Sequence[WordFit]") -> list[str]:
    """Write a line for each word that the encoder doubts, not too many."""
    lines = [
        f"uncertain: {word.word.label} at {word.word.start:.2f} to {word.word.end:.2f} s, "
        f"confidence {word.confidence:.2f}"
        for word in words[:MOST_DOUBTS]
    ]
    more = len(words) - MOST_DOUBTS
    return [*lines, f"uncertain: {more} more words"] if more > 0 else lines


def edit(
    out: Out,
    video: Annotated[Path, typer.Option(help="A video of one person speaking.")],
    transcript: Annotated[str, typer.Option(help="What is said in it.")],
    to: Annotated[str, typer.Option(help="What is to be said.")],
    textgrid: Annotated[
        Path | None, typer.Option(help="When the words of --transcript are said. [default: an aligner finds it]")
    ] = None,
    tier: Tier = None,
    tier_speaker: TierSpeaker = None,
    sound: Annotated[
        Path | None, typer.Option(help="A recording of the new sentence; it gives the new words sound and times.")
    ] = None,
    speak: Annotated[bool, typer.Option("--speak", help="Let a synthesiser say the new words.")] = False,
    synthesiser: Annotated[str, typer.Option(help="espeak, festival or piper.")] = "espeak",
    voice: Annotated[str | None, typer.Option(help="Of the synthesiser.")] = None,
    face: Annotated[bool, typer.Option(help="Also draw the new lips onto the person: edited.mp4.")] = True,
    speaker: Annotated[
        str | None, typer.Option(help="Whose lips, as for 'phonolips synth'. [default: fitted to the video]")
    ] = None,
    aligner: Annotated[str, typer.Option(help="auto, mfa, sphinx, ctc.")] = "auto",
    audio_stream: AudioStream = None,
    language: Language = "en-us",
    lexicon: LexiconFiles = None,
    model: Model = None,
    provider: Provider = "auto",
    threads: Threads = 1,
) -> None:
    """Change what somebody says in a video by changing its transcript (docs/editing.md).

    Recorded lips stay where the words stay. Writes what 'phonolips synth' writes, and edited.mp4, the person with the
    new lips; edited.wav, the sound, outside the changes sample by sample the recorded one; comparison.png, before and
    after; edit.npz, which frames are kept and where the seams are.
    """
    from phonolips.editing.edit import edit as edit_video
    from phonolips.editing.edited import check_inputs
    from phonolips.model.network import load_network
    from phonolips.phones.files.read import read_alignment_file
    from phonolips.synth.files import existing_file, read_speaker_name
    from phonolips.synth.folder import check_out_folder

    check_out_folder(out)
    for flag, words in (("--transcript", transcript), ("--to", to)):
        check_no_file(words, flag, "give the words themselves, not")
    named = ((video, "a video"), (textgrid, "a TextGrid"), (sound, "a sound file"))
    inputs = [existing_file(path, what) for path, what in named if path is not None]
    check_inputs(out, *inputs)
    if textgrid is None and (tier or tier_speaker):
        raise InputError("`tier` and `tier_speaker` choose tiers of `textgrid`; give one")
    found = None if textgrid is None else read_alignment_file(textgrid, tier=tier, tier_speaker=tier_speaker)
    need("face", "editing a video")
    done = edit_video(
        video,
        transcript,
        to,
        aligner=aligner,
        speaker=read_speaker_name(speaker),
        alignment=found,
        network=load_network(model, provider=provider, threads=threads),
        sound=sound,
        speak=synthesiser if speak else None,
        voice=voice,
        language=language,
        audio_stream=audio_stream,
        lexicon=lexicon,
    )
    for change in done.changes:
        typer.echo(change)
    print_files(done.save(out, face=face, keep=inputs))
