"""The commands that work on lips that are there: plot, render, export."""

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from phonolips.cli.options import print_files
from phonolips.errors import InputError

Folder = Annotated[Path, typer.Argument(help="A folder written by 'phonolips synth', or a lips.npz.")]


def plot(
    folder: Folder,
    kind: Annotated[str, typer.Option(help="posteriorgram, lips, filmstrip or compare.")] = "posteriorgram",
    other: Annotated[
        Path | None, typer.Option("--with", help="Another result: the reference of lips, the other one of compare.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Picture (.png, .svg, .pdf) or page (.html) to write. [default: beside the lips]"),
    ] = None,
    html: Annotated[
        bool, typer.Option("--html", help="A page that plays lips, sound and posteriors; needs no network.")
    ] = False,
) -> None:
    """Draw a result: its posteriorgram (again, after an edit), lips over time, a filmstrip, or two results compared."""
    from phonolips.show.page.page import write_page
    from phonolips.show.pictures import check_kind, draw
    from phonolips.synth.folder import read_result

    if html:
        if other is not None or kind != "posteriorgram":
            raise InputError("--html shows one run with everything; leave out --kind and --with")
        source = read_result(folder)
        print_files([write_page(source, out or source.beside("page.html"))])
        return
    check_kind(kind, has_other=other is not None)
    print_files([draw(read_result(folder), kind, read_result(other) if other is not None else None, out)])


def render(
    folder: Folder,
    out: Annotated[Path, typer.Option(help="Film (.mp4, .mov, .mkv, .webm), .gif, or .png: a strip of pictures.")],
    size: Annotated[str, typer.Option(help="Pixels: 720, or 640x480.")] = "360",
    fps: Annotated[
        str | None,
        typer.Option(
            metavar="RATE", help="Frames per second: 25, 29.97, 30000/1001. [default: the lips'; --face: a video's own]"
        ),
    ] = None,
    palette: Annotated[
        str, typer.Option(help="warm, dark, line or flat; or with colours of your own: dark,skin=#203040.")
    ] = "warm",
    caption: Annotated[str, typer.Option(help="none, phone (and word), or posteriors (the likeliest three).")] = "none",
    sound: Annotated[Path | None, typer.Option(help="Sound in step with the lips. [default: the result's own]")] = None,
    silent: Annotated[bool, typer.Option("--silent", help="Leave out the sound.")] = False,
    seconds: Annotated[str | None, typer.Option(help="Only this part: 1.5-3. [default: all]")] = None,
    pictures: Annotated[int, typer.Option(min=1, help="How many a strip has.")] = 8,
    face: Annotated[
        Path | None, typer.Option(help="A photo or a video of a person to give the lips to; video and fps only.")
    ] = None,
    blink: Annotated[
        bool | None, typer.Option("--blink/--no-blink", help="With --face: the eyes blink. [default: those of a photo]")
    ] = None,
    head_motion: Annotated[
        float, typer.Option(help="With --face: how far a photo's head sways and nods, 0 to 1; 0.4 is natural.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of blinks and head motion.")] = 0,
) -> None:
    """Draw lips as a film, a GIF or a strip; or put them onto a person."""
    from phonolips.synth.files import existing_file
    from phonolips.synth.folder import read_result

    source = read_result(folder)
    if sound is not None:
        existing_file(sound, "a sound or video file")
    if face is not None:
        from phonolips.extras import need
        from phonolips.face.render import render_face

        if silent or seconds is not None or (size, palette, caption) != ("360", "warm", "none"):
            raise InputError(
                "--face takes --fps and --sound; --size, --palette, --caption and the like are for drawings"
            )
        existing_file(face, "a photo or a video of a person")
        need("face", "--face")
        made = render_face(source, face, out, fps=fps, sound=sound, blink=blink, head_motion=head_motion, seed=seed)
        print_files([made])
        return
    if blink is not None or head_motion:
        raise InputError("--blink and --head-motion move a face; name one with --face")
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
    folder: Folder,
    to: Annotated[
        str | None, typer.Option(help="Formats, with commas between them, or all. Without it: list the formats.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder, or for one format the file. [default: beside lips.npz]")
    ] = None,
    fps: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            help="Rate of what is written: 25, 29.97, 30000/1001. [default: the lips'; rhubarb-dat 24, arkit-csv 60]",
        ),
    ] = None,
    viseme_set: Annotated[Path | None, typer.Option(help="YAML with visemes of your own, for visemes.")] = None,
    targets: Annotated[
        str | None, typer.Option(help="Names of an avatar's morph targets, with commas between them, for gltf.")
    ] = None,
) -> None:
    """Write lips, phones and words in the formats that other programs read (docs/formats.md)."""
    from phonolips.export.formats import FORMATS, check_names, check_out
    from phonolips.export.formats import export as write_formats
    from phonolips.synth.folder import read_result

    if to is None:
        for name, known in FORMATS.items():
            typer.echo(f"{name:<15} {known.file:<20} {known.summary}")
        return
    check_out(check_names(to), out)
    names = [name.strip() for name in targets.split(",") if name.strip()] if targets is not None else None
    print_files(write_formats(read_result(folder), to, out, fps=fps, viseme_set=viseme_set, targets=names))
