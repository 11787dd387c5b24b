"""The commands that work on lips and recordings that are there: track, adapt, align, plot and the like."""

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from phonolips.cli.options import Language, Model, Out, existing_file, print_files, read_speaker_option
from phonolips.errors import InputError


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
) -> None:
    """Track the lips in a video: lips.npz in mouth space, and an overlay video to look at.

    lips.npz holds lips (frames, points, 2), detected (frames,), fps, layout, pose (yaw, pitch, roll in degrees), and
    origin_px and axis_px, which lead back to pixels: pixel = origin + axis * conj(x + iy).
    """
    from phonolips.face.limits import FaceLimits
    from phonolips.face.track import draw_track, save_track, track_video
    from phonolips.lips.points import LAYOUTS

    if layout not in LAYOUTS:
        raise InputError(f"--layout {layout}; expected one of {', '.join(LAYOUTS)}")
    if out.suffix != ".npz":
        raise InputError(f"--out {out}: expected a file name ending in .npz")
    existing_file(video, "a video")
    found = track_video(video, layout=layout, limits=FaceLimits() if limits else None)
    save_track(found, out)
    picture = overlay or out.with_suffix(".overlay.mp4")
    draw_track(video, found, picture)
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
    model: Model = None,
) -> None:
    """Fit the lips to a new person, from a few videos or from one frame; the network stays as it is.

    Draws the lip shapes beside --out (.png).
    """
    from phonolips.model.speakers import save_speaker
    from phonolips.show.plots import lip_shapes
    from phonolips.show.plots.style import save_figure

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
    from phonolips.model.network import load_network
    from phonolips.synth.adapt import lip_speaker_from_videos

    found = lip_speaker_from_videos(files, name=name, one_frame=one_frame, network=load_network(model))
    save_speaker(found.speaker, out)
    shapes = {"mean speaker": found.mean.mean_lip, "one frame": found.one_frame.mean_lip}
    if found.errors:
        shapes["adapted"] = found.speaker.mean_lip
        typer.echo(f"{found.seconds:.1f} s of material, a face in {found.detected} of {found.frames} frames")
        errors = ", ".join(f"{label} {value:.4f}" for label, value in found.errors.items())
        typer.echo(f"error on this material (root mean square, eye distances): {errors}")
        typer.echo(f"embedding, mean lip, gain {found.speaker.gain:.2f} and mixing fitted")
    else:
        typer.echo("lip shape of one frame taken; the manner is the mean speaker's")
    save_figure(lip_shapes(shapes, title=f"Mean lips of {found.speaker.name}"), picture)
    print_files([out, picture])


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
    from phonolips.media.audio import read
    from phonolips.phones.textgrid import write_textgrid
    from phonolips.speech.align.align import align as align_waveform

    waveform = read(existing_file(audio, "a sound or video file"))
    network = None
    if aligner == "ctc":
        from phonolips.model.network import load_network

        network = load_network(model)
    found = align_waveform(waveform, text, aligner=aligner, language=language, network=network)
    target = out or audio.with_suffix(".TextGrid")
    write_textgrid(found, target)
    files = [target]
    if plot:
        from phonolips.show.plots import alignment_figure
        from phonolips.show.plots.style import save_figure

        picture = target.with_suffix(".png")
        save_figure(alignment_figure(waveform, found), picture)
        files.append(picture)
    print_files(files)


Run = Annotated[Path, typer.Argument(help="A folder written by 'phonolips synth', or a lips.npz.")]


def plot(
    run: Run,
    kind: Annotated[str, typer.Option(help="posteriorgram, lips, filmstrip or compare.")] = "posteriorgram",
    other: Annotated[
        Path | None, typer.Option("--with", help="Another run: the reference of lips, the other one of compare.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Picture (.png, .svg, .pdf) or page (.html) to write. [default: beside the lips]"),
    ] = None,
    html: Annotated[
        bool, typer.Option("--html", help="A page that plays lips, sound and posteriors; needs no network.")
    ] = False,
) -> None:
    """Draw a run: its posteriorgram (again, after an edit), its lips over time, a filmstrip, or two runs compared."""
    from phonolips.show.page.page import write_page
    from phonolips.show.pictures import check_kind, draw
    from phonolips.synth.result import read_run

    if html:
        if other is not None or kind != "posteriorgram":
            raise InputError("--html shows one run with everything; leave out --kind and --with")
        source = read_run(run)
        print_files([write_page(source, out or source.path.with_name("page.html"))])
        return
    check_kind(kind, has_other=other is not None)
    print_files([draw(read_run(run), kind, read_run(other) if other is not None else None, out)])


def render(
    run: Run,
    out: Annotated[Path, typer.Option(help="Film (.mp4, .mov, .mkv, .webm), .gif, or .png: a strip of pictures.")],
    size: Annotated[str, typer.Option(help="Pixels: 720, or 640x480.")] = "360",
    fps: Annotated[
        float | None, typer.Option(help="Frames per second. [default: the lips'; with --face a video's own]")
    ] = None,
    palette: Annotated[
        str, typer.Option(help="warm, dark, line or flat; or with colours of your own: dark,skin=#203040.")
    ] = "warm",
    caption: Annotated[str, typer.Option(help="none, phone (and word), or posteriors (the likeliest three).")] = "none",
    sound: Annotated[Path | None, typer.Option(help="Sound in step with the lips. [default: the run's own]")] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Leave the sound away.")] = False,
    seconds: Annotated[str | None, typer.Option(help="Only this part: 1.5-3. [default: all]")] = None,
    pictures: Annotated[int, typer.Option(min=1, help="How many a strip has.")] = 8,
    face: Annotated[
        Path | None, typer.Option(help="A photo or a video of a person to give the lips to; video and fps only.")
    ] = None,
) -> None:
    """Draw lips as a film, a GIF or a strip; or put them onto a person."""
    from phonolips.synth.result import read_run

    source = read_run(run)
    if sound is not None:
        existing_file(sound, "a sound or video file")
    if face is not None:
        from phonolips.face.render import render_face

        if silent or seconds is not None or (size, palette, caption) != ("360", "warm", "none"):
            raise InputError(
                "--face takes --fps and --sound; --size, --palette, --caption and the like are for drawings"
            )
        print_files(
            [render_face(source, existing_file(face, "a photo or a video of a person"), out, fps=fps, sound=sound)]
        )
        return
    from phonolips.show.film import render as draw

    made = draw(
        source,
        out,
        size=_pair(size, "x", int, "--size", "pixels such as 720, or 640x480"),
        fps=fps,
        palette=palette,
        caption=caption,
        sound=sound,
        silent=silent,
        seconds=_pair(seconds, "-", float, "--seconds", "a start and an end such as 1.5-3") if seconds else None,
        pictures=pictures,
    )
    print_files([made])


Number = TypeVar("Number", int, float)


def _pair(text: str, mark: str, kind: type[Number], option: str, expected: str) -> tuple[Number, Number]:
    """Read two numbers with a mark between them; one alone stands for both. Raises InputError for others."""
    first, found, second = text.partition(mark)
    try:
        return kind(first), kind(second if found else first)
    except ValueError as error:
        raise InputError(f"{option} {text!r}; expected {expected}") from error


def export(
    run: Run,
    to: Annotated[
        str | None, typer.Option(help="Formats, with commas between them, or all. Without it: list the formats.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder, or for one format the file. [default: beside lips.npz]")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Rate of the frames written. [default: the lips'; rhubarb-dat 24, arkit-csv 60]"),
    ] = None,
    viseme_set: Annotated[Path | None, typer.Option(help="YAML with visemes of your own, for visemes.")] = None,
    targets: Annotated[
        str | None, typer.Option(help="Names of an avatar's morph targets, with commas between them, for gltf.")
    ] = None,
) -> None:
    """Write lips, phones and words in the formats that other programs read (docs/formats.md)."""
    from phonolips.export.formats import FORMATS, check_names, check_out
    from phonolips.export.formats import export as write_formats
    from phonolips.synth.result import read_run

    if to is None:
        for name, known in FORMATS.items():
            typer.echo(f"{name:<15} {known.file:<20} {known.summary}")
        return
    check_out(check_names(to), out)
    names = [name.strip() for name in targets.split(",") if name.strip()] if targets is not None else None
    print_files(write_formats(read_run(run), to, out, fps=fps, viseme_set=viseme_set, targets=names))


def edit(
    out: Out,
    video: Annotated[Path, typer.Option(help="A video of one person speaking.")],
    transcript: Annotated[str, typer.Option(help="What is said in it.")],
    to: Annotated[str, typer.Option(help="What is to be said.")],
    textgrid: Annotated[
        Path | None, typer.Option(help="When the words of --transcript are said. [default: an aligner finds it]")
    ] = None,
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
    language: Language = "en-us",
    model: Model = None,
) -> None:
    """Change what somebody says in a video by changing its transcript (docs/editing.md).

    Recorded lips stay where the words stay. Writes what 'phonolips synth' writes, and edited.mp4, the person with the
    new lips; comparison.png, before and after; edit.npz, which frames are kept and where the seams are.
    """
    from phonolips.editing.edit import edit as edit_video
    from phonolips.model.network import load_network
    from phonolips.phones.textgrid import read_textgrid
    from phonolips.synth.files import check_out_folder

    check_out_folder(out)
    for path, what in ((video, "a video"), (textgrid, "a TextGrid"), (sound, "a sound file")):
        if path is not None:
            existing_file(path, what)
    done = edit_video(
        video,
        transcript,
        to,
        aligner=aligner,
        speaker=read_speaker_option(speaker),
        network=load_network(model),
        alignment=read_textgrid(textgrid) if textgrid is not None else None,
        sound=sound,
        speak=synthesiser if speak else None,
        voice=voice,
        language=language,
    )
    for change in done.changes:
        typer.echo(change)
    print_files(done.save(out, face=face))
