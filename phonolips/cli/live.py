"""The command that makes lips while somebody speaks."""

from pathlib import Path
from typing import Annotated

import typer

from phonolips.cli.ending import ending_with
from phonolips.cli.messages import report
from phonolips.cli.options import Provider, Threads, parse_articulation
from phonolips.live.sinks import KINDS


# One parameter for each option, as for `synth`.
def live(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="mic|FILE|-",
            help="The microphone; a sound or video file, at its own pace; or -, raw samples through standard input.",
        ),
    ] = "mic",
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[:ADDRESS]",
            help=f"Who gets the frames: {', '.join(KINDS)} (docs/live.md has their addresses). May be repeated. "
            "[default: meter on a terminal, else json]",
            show_default=False,
        ),
    ] = None,
    devices: Annotated[bool, typer.Option("--devices", help="List the inputs of this machine, and end.")] = False,
    device: Annotated[
        str | None, typer.Option(help="Which microphone: a number or a part of a name, as --devices lists them.")
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(help="Samples per second. [default: of --from - 16000, of a microphone its own]"),
    ] = None,
    sample_format: Annotated[
        str | None, typer.Option(metavar="s16le|f32le", help="Samples of --from -. [default: s16le]")
    ] = None,
    channels: Annotated[int | None, typer.Option(help="Channels of --from -, interleaved. [default: 1]")] = None,
    paced: Annotated[bool, typer.Option(help="Play a file at its pace; without, as fast as it is computed.")] = True,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a microphone that goes away to come back.")] = False,
    seconds: Annotated[float | None, typer.Option(help="End after so much sound.")] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Where sinks listen, or send to, whose address names no host; 0.0.0.0 listens to other machines, too. "
            "[default: 127.0.0.1]"
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="A web page that may connect, such as https://example.org. May be repeated.",
            show_default=False,
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep the token of VTube Studio there, which then asks only once."),
    ] = None,
    stats: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write delays and counts there, as JSON, at the end.")
    ] = None,
    speaker: Annotated[
        str | None,
        typer.Option(help="A speaker of the model, or a .json made by 'phonolips adapt'. [default: the mean speaker]"),
    ] = None,
    fps: Annotated[str | None, typer.Option(metavar="RATE", help="Frames per second. [default: 25]")] = None,
    rest: Annotated[
        str,
        typer.Option(
            help="The mouth where nothing is said: shut, or natural, which with the model default is 0.12 s sooner."
        ),
    ] = "shut",
    liveliness: Annotated[
        float | None,
        typer.Option(help="How much quick movements are exaggerated, 0 to 2. [default: as the model says]"),
    ] = None,
    articulation: Annotated[str, typer.Option(metavar="GAINS", help="How far the movements go, as for synth.")] = "1",
    voice_activity: Annotated[bool, typer.Option(help="Rest the mouth where the sound is not speech.")] = True,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A model folder, or the name of one in the package."),
    ] = None,
    provider: Provider = "auto",
    threads: Threads = 1,
) -> None:
    """Make lips while somebody speaks, and send them to screens, files and programs.

    Ctrl-C ends it. A frame leaves once the sound after it is known that the model looks ahead for.
    """
    if devices:
        from phonolips.live.microphone import list_devices

        for line in list_devices():
            typer.echo(line)
        return
    from phonolips.live.run import Live, LiveRequest

    request = LiveRequest(
        source=source,
        to=tuple(to or ()),
        device=int(device) if device is not None and device.isdecimal() else device,
        rate=rate,
        sample_format=sample_format,
        channels=channels,
        paced=paced,
        wait=wait,
        seconds=seconds,
        host=host,
        origins=tuple(origin or ()),
        token_file=token_file,
        stats=stats,
        model=model,
        provider=provider,
        threads=threads,
        speaker=speaker,
        fps=fps,
        rest=rest,
        liveliness=liveliness,
        articulation=parse_articulation(articulation),
        voice_activity=voice_activity,
    )
    running = Live(request)
    with ending_with(running.stop):
        statistics = running.run(interrupted=lambda line: report(line, kind="warning: "))
    typer.echo(statistics.line(), err=True)
