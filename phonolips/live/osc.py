"""Frames as Open Sound Control 1.0: our own addresses, for music, light and game programs.

One bundle a frame, in one datagram; docs/live-protocols.md lists the addresses and what they hold.
"""

from collections.abc import Iterable

from phonolips.extras import need
from phonolips.lips.measures import opening, width
from phonolips.live.frame import LiveFrame
from phonolips.live.sinks import LOOPBACK
from phonolips.live.udp import Datagrams
from phonolips.live.weights import LiveWeights, Weights
from phonolips.model.speakers import LipSpeaker
from phonolips.phones.inventory import PHONES

PORT = 9000  # what many programs that receive OSC listen at unless told otherwise; there is no assigned one
MOST_INDEX = 2**31 - 1  # OSC's integers have 32 bits: 414 days at 60 frames a second
WHOLE = 65_507  # bytes of the largest datagram there is: a frame of ours, about 900, is never cut in two
BUNDLE_HEAD = 16  # bytes: "#bundle", a zero, and the time tag; every message in it has 4 of its length before it

Message = tuple[str, tuple[int | float | str, ...]]  # address and arguments: int32, float32 or string each


def frame_messages(frame: LiveFrame, weights: Weights) -> list[Message]:
    """Return what one frame says, as messages; floats that are not float32 become it when they are encoded."""
    messages: list[Message] = [("/phonolips/frame", (frame.index & MOST_INDEX, float(frame.time)))]
    if len(frame.posteriors):
        mean = frame.posteriors.mean(axis=0)
        phone = int(mean.argmax())
        messages.append(("/phonolips/phone", (PHONES[phone], float(mean[phone]))))
    messages += [("/phonolips/ended", (each.label, float(each.start), float(each.end))) for each in frame.phones]
    return [
        *messages,
        ("/phonolips/opening", (float(opening(frame.lips)),)),
        ("/phonolips/width", (float(width(frame.lips)),)),
        ("/phonolips/open", (weights.open,)),
        ("/phonolips/parameters", tuple(map(float, frame.lip_parameters))),
        ("/phonolips/vowels", tuple(map(float, weights.vowels))),
        ("/phonolips/visemes", tuple(map(float, weights.visemes))),
        ("/phonolips/arkit", tuple(map(float, weights.arkit))),
        ("/phonolips/lips", tuple(map(float, frame.lips.ravel()))),
    ]


def encode_message(message: Message) -> bytes:
    """Encode one message: address, type tags (i, f, s), arguments; big-endian, all parts filled up to four bytes."""
    from pythonosc.osc_message_builder import OscMessageBuilder

    address, arguments = message
    builder = OscMessageBuilder(address)
    for argument in arguments:
        kind = "s" if isinstance(argument, str) else "i" if isinstance(argument, int) else "f"
        builder.add_arg(argument, kind)
    encoded: bytes = builder.build().dgram
    return encoded


def encode_bundles(messages: Iterable[Message], largest: int) -> list[bytes]:
    """Encode messages as bundles to be carried out at once (time tag 1), in order, of at most so many bytes each.

    A message that is longer than that alone has a bundle of its own.
    """
    head = b"#bundle\0" + (1).to_bytes(8, "big")
    bundles, size = [[head]], BUNDLE_HEAD
    for encoded in map(encode_message, messages):
        if size + 4 + len(encoded) > largest and len(bundles[-1]) > 1:
            bundles.append([head])
            size = BUNDLE_HEAD
        bundles[-1] += [len(encoded).to_bytes(4, "big"), encoded]
        size += 4 + len(encoded)
    return [b"".join(parts) for parts in bundles]


class OscSink:
    """Sends each frame as bundles of messages.

    Args:
        datagrams: where to.
        speaker: whose lips come.
        fps: frames per second.
        largest: bytes of a datagram.
    """

    def __init__(self, datagrams: Datagrams, speaker: LipSpeaker, fps: float, largest: int) -> None:
        self._datagrams, self._largest = datagrams, largest
        self._weights = LiveWeights(speaker.mean_lip, fps)

    def messages(self, frame: LiveFrame) -> list[Message]:
        """Return what the next frame says."""
        return frame_messages(frame, self._weights.weigh(frame))

    def send(self, frame: LiveFrame) -> None:
        """Send a frame; raise OSError where nobody listens on this machine, or the network is down."""
        for bundle in encode_bundles(self.messages(frame), self._largest):
            self._datagrams.send(bundle)

    def close(self) -> None:
        """Close the socket."""
        self._datagrams.close()


def open_osc(address: str, *, speaker: LipSpeaker, fps: float, host: str = LOOPBACK, **_: object) -> OscSink:
    """Open OSC to HOST:PORT; nobody need be there.

    Raises:
        InputError: the address is not one, or no such host.
        MissingToolError: python-osc is missing.
        OSError: the system refuses.
    """
    need("live", "OSC")
    return OscSink(Datagrams(address, PORT, host), speaker, fps, WHOLE)
