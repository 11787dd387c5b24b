"""The command that opens the studio."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from phonolips.cli.options import Model


def studio(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On this computer; 0: any that is free.")] = 8177,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
    out: Annotated[
        Path | None, typer.Option(help="Write the studio into this folder instead, for any web host.")
    ] = None,
    model: Model = None,
) -> None:
    """Open the studio: make, see and edit lips in the browser. It needs no network, and sends nothing anywhere.

    It runs until Ctrl+C. With --out it is a folder of files that any web host can serve.
    """
    from phonolips.show.studio.site import serve, write_site

    if out is not None:
        written = write_site(out, model)
        print(f"{out}: {len(written)} files, {sum(file.stat().st_size for file in written) / 1e6:.1f} MB", flush=True)
        return
    opened: list[Callable[[str], object]] = [_tell]
    if browser:
        import webbrowser

        opened.append(webbrowser.open)
    serve(port, model=model, opened=opened)


def _tell(address: str) -> None:
    print(f"the studio is at {address} until Ctrl+C", flush=True)
