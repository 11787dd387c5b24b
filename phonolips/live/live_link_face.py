"""Frames as the iPhone app Live Link Face sends them to Unreal Engine, one datagram each.

The layout is that of Unreal Engine's receiver (AppleARKitLiveLinkSource.cpp, `FAppleARKitLiveLinkRemotePublisher`,
which writes the fields in this order in network byte order, big-endian), in its version 6, in which one frame time
took the place of time code and frame rate:

    version uint8 | device id string | subject name string | frame int32 | sub-frame float32 |
    rate's numerator int32 | denominator int32 | count uint8, 61 | 61 values float32

A string is its length in bytes, int32, and its bytes, without a zero at the end.
"""

import struct
import time
import uuid
from collections.abc import Sequence

from phonolips.errors import InputError
from phonolips.export.arkit import LIVE_LINK_NAMES
from phonolips.export.blendshapes import ARKIT_NAMES
from phonolips.live.frame import LiveFrame
from phonolips.live.sinks import LOOPBACK
from phonolips.live.udp import Datagrams
from phonolips.live.weights import LiveWeights
from phonolips.model.speakers import LipSpeaker
from phonolips.timebase import exact_fps

PORT = 11111  # the app's, and Unreal's
VERSION = 6
SUBJECT = "phonolips"
LONGEST_SUBJECT = 255  # the receiver reserves 256 characters for each of the two strings
DAY_SECONDS = 86_400

# The 61 values of a packet are in the order of Unreal's EARFaceBlendShape, which has left before right everywhere;
# the app's recordings (LIVE_LINK_NAMES) have JawRight and MouthRight first.
_SWAPPED = {"JawLeft": "JawRight", "JawRight": "JawLeft", "MouthLeft": "MouthRight", "MouthRight": "MouthLeft"}
PACKET_NAMES = tuple(_SWAPPED.get(name, name) for name in LIVE_LINK_NAMES)
# Where each weight of ARKit stands among them; these names begin with a capital.
PLACES = tuple(PACKET_NAMES.index(name[0].upper() + name[1:]) for name in ARKIT_NAMES)


def device_id(subject: str) -> str:
    """Return the id of a device, 36 characters, the same whenever the subject is: by it Unreal tells devices apart."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"phonolips:{subject}")).upper()


def encode_packet(
    device: str, subject: str, frame_number: int, rate: tuple[int, int], values: Sequence[float], sub_frame: float = 0.0
) -> bytes:
    """Encode one packet.

    Args:
        device: id of what sends.
        subject: name under which Unreal lists it.
        frame_number: of the time code, frames since midnight.
        rate: frames per second as numerator and denominator.
        values: 61, in the order of PACKET_NAMES.
        sub_frame: part of a frame, from 0 to 1.
    """
    strings = (text.encode() for text in (device, subject))
    named = b"".join(struct.pack("!i", len(text)) + text for text in strings)
    times = struct.pack("!ifii", frame_number, sub_frame, *rate)
    return struct.pack("!B", VERSION) + named + times + struct.pack(f"!B{len(PACKET_NAMES)}f", len(values), *values)


class LiveLinkFaceSink:
    """Sends each frame as a packet; eyes, brows, cheeks and head, of which lips know nothing, are 0.

    Args:
        datagrams: where to.
        speaker: whose lips come.
        fps: frames per second.
        subject: name under which Unreal lists it.
        began: seconds since midnight at which the sound began, for the time code.
    """

    def __init__(
        self, datagrams: Datagrams, speaker: LipSpeaker, fps: float, subject: str = SUBJECT, began: float = 0.0
    ) -> None:
        rate = exact_fps(fps)
        self._datagrams, self._subject, self._device = datagrams, subject, device_id(subject)
        self._rate = (rate.numerator, rate.denominator)
        self._first = int(began * rate)
        self._day = int(DAY_SECONDS * rate)
        self._weights = LiveWeights(speaker.mean_lip, fps)

    def packet(self, frame: LiveFrame) -> bytes:
        """Encode the next frame."""
        values = [0.0] * len(PACKET_NAMES)
        for place, value in zip(PLACES, self._weights.weigh(frame).arkit, strict=True):
            values[place] = float(value)
        number = (self._first + frame.index) % self._day
        return encode_packet(self._device, self._subject, number, self._rate, values)

    def send(self, frame: LiveFrame) -> None:
        """Send a frame; raise OSError where nobody listens on this machine, or the network is down."""
        self._datagrams.send(self.packet(frame))

    def close(self) -> None:
        """Close the socket."""
        self._datagrams.close()


def open_live_link_face(
    address: str, *, speaker: LipSpeaker, fps: float, host: str = LOOPBACK, subject: str = SUBJECT, **_: object
) -> LiveLinkFaceSink:
    """Open Live Link Face to HOST:PORT; nobody need be there.

    Raises:
        InputError: the address is not one, no such host, or a subject of no or too many characters.
        OSError: the system refuses.
    """
    if not (subject.isascii() and subject.isprintable() and 0 < len(subject) <= LONGEST_SUBJECT):
        raise InputError(f"subject {subject!r}; expected 1 to {LONGEST_SUBJECT} ASCII characters, such as {SUBJECT}")
    now = time.localtime()
    began = 3600 * now.tm_hour + 60 * now.tm_min + now.tm_sec
    return LiveLinkFaceSink(Datagrams(address, PORT, host), speaker, fps, subject, began)
