"""Where frames go: what a sink is, which kinds there are, and how `KIND[:ADDRESS]` opens one."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from phonolips.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from phonolips.live.frame import LiveFrame
    from phonolips.model.speakers import LipSpeaker

LOOPBACK = "127.0.0.1"  # other machines only where they are asked for
MOST_PORT = 65_535


class Sink(Protocol):
    """Takes frames one after the other, from a thread of its own, and may take its time.

    Frames that come faster than `send` returns are dropped, the oldest first, and counted: a receiver that is slow or
    away holds up nobody else, and sees the newest.
    """

    def send(self, frame: "LiveFrame") -> None:
        """Send one frame; once this returns, the frame counts as having left.

        Raises:
            OSError: this frame could not be sent; it counts as dropped, and the next one is tried.
            PhonolipsError: nothing can be sent any more; the command ends with that line.
        """

    def close(self) -> None:
        """Let go of what was opened; called once, after the last frame."""


# Makes a sink: opener(address, speaker=..., fps=..., host=..., and other options); raises InputError for an address it
# cannot use, MissingToolError where a package is missing, and OSError where the system refuses.
Opener = Callable[..., Sink]


def _home(module: str, name: str) -> Opener:
    """Return an opener that imports its module when it is first used."""

    def open_there(address: str, **options: Any) -> Sink:
        sink: Sink = getattr(import_module(module), name)(address, **options)
        return sink

    return open_there


KINDS: dict[str, Opener] = {
    "json": _home("phonolips.live.lines", "open_lines"),
    "osc": _home("phonolips.live.osc", "open_osc"),
    "vmc": _home("phonolips.live.vmc", "open_vmc"),
    "vmc1": _home("phonolips.live.vmc", "open_vmc1"),
    "livelink": _home("phonolips.live.live_link_face", "open_live_link_face"),
    "vtube-studio": _home("phonolips.live.vtube_studio", "open_vtube_studio"),
    "meter": _home("phonolips.live.meter", "open_meter"),
    "websocket": _home("phonolips.live.websocket", "open_websocket"),
}


def open_sink(text: str, *, speaker: "LipSpeaker", fps: float, **options: Any) -> Sink:
    """Open the sink that `KIND[:ADDRESS]` names.

    Args:
        text: a name in KINDS, and perhaps an address after a colon; what it may be, the kind says.
        speaker: whose lips come; its mean_lip is the mouth that the lips move around.
        fps: frames per second.
        options: for all openers, which ignore what they do not know. `host`: str, the address to listen at or send to
            where `text` names none (LOOPBACK where it is missing); `delay_seconds`: float, how late frames are;
            `statistics`: a `live.statistics.Statistics`, of all sinks; `origins`: web pages that may connect.

    Raises:
        InputError: no such kind, or an address that it cannot use.
        MissingToolError: a package is missing.
        OSError: the system refuses.
    """
    kind, _, address = text.partition(":")
    if kind not in KINDS:
        raise InputError(f"`to` {text!r}; expected one of {', '.join(KINDS)}{did_you_mean(kind, KINDS)}")
    return KINDS[kind](address, speaker=speaker, fps=fps, **options)


def parse_address(address: str, port: int, host: str = LOOPBACK) -> tuple[str, int]:
    """Read `HOST:PORT`, `HOST`, `PORT`, `[IPv6]:PORT` or nothing; return host and port.

    Args:
        address: what stands after the kind.
        port: the usual one, where none is named.
        host: where none is named.

    Raises:
        InputError: something else, or no port from 1 to 65535.
    """
    found, mark, number = address.rpartition(":")
    if address.startswith("[") and address.endswith("]"):
        found, number = address, ""
    elif not mark:
        found, number = ("", address) if address.isdigit() else (address, "")
    found = found.removeprefix("[").removesuffix("]")
    if number and not (number.isascii() and number.isdigit() and 0 < int(number) <= MOST_PORT):
        raise InputError(f"address {address!r}; expected HOST:PORT, such as {LOOPBACK}:{port}, or a part of it")
    return found or host, int(number) if number else port
