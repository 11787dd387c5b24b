"""Frames as the Virtual Motion Capture protocol: the mouth of a VRM avatar, over OSC.

Specification: https://protocol.vmc.info, "Marionette". Each frame sends the state (`/VMC/Ext/OK`), the time
(`/VMC/Ext/T`), a `/VMC/Ext/Blend/Val` for each blendshape, and last `/VMC/Ext/Blend/Apply`, upon which the avatar
takes them all on. No bones are sent: a program that has another source for the head and the body keeps that.
"""

from phonolips.export.blendshapes import ARKIT_NAMES
from phonolips.extras import need
from phonolips.live.frame import LiveFrame
from phonolips.live.osc import Message, OscSink
from phonolips.live.sinks import LOOPBACK
from phonolips.live.udp import LARGEST, Datagrams
from phonolips.live.weights import VOWELS, Weights
from phonolips.model.speakers import LipSpeaker

PORT = 39539  # the specification's, of who draws the avatar ("Marionette"); "Performers" listen at 39540
LOADED = 1  # of /VMC/Ext/OK: 0 while no model is loaded, 1 since

# How VRM 0 calls the five vowels (BlendShapePreset), and VRM 1 (expressions); both distinguish small letters.
VRM0_VOWELS = tuple(VOWELS)
VRM1_VOWELS = ("aa", "ih", "ou", "ee", "oh")
# "Perfect sync": ARKit's names as VRM 0 avatars have them, which begin with a capital; in VRM 1 as Apple has them.
VRM0_ARKIT = tuple(name[0].upper() + name[1:] for name in ARKIT_NAMES)


def blendshape_names(vrm: int) -> tuple[str, ...]:
    """Return the names that are sent to avatars of VRM 0 or 1: five vowels, and 28 shapes of ARKit."""
    return VRM0_VOWELS + VRM0_ARKIT if vrm == 0 else VRM1_VOWELS + ARKIT_NAMES


def frame_messages(frame: LiveFrame, weights: Weights, names: tuple[str, ...]) -> list[Message]:
    """Return what one frame says, as messages in the order of the specification."""
    values = map(float, (*weights.vowels, *weights.arkit))
    return [
        ("/VMC/Ext/OK", (LOADED,)),
        ("/VMC/Ext/T", (float(frame.time),)),
        *(("/VMC/Ext/Blend/Val", (name, value)) for name, value in zip(names, values, strict=True)),
        ("/VMC/Ext/Blend/Apply", ()),
    ]


class VmcSink(OscSink):
    """Sends each frame as bundles that no network cuts into pieces; the last one ends with Apply.

    Args:
        datagrams: where to.
        speaker: whose lips come.
        fps: frames per second.
        vrm: 0 or 1, whose names are sent.
    """

    def __init__(self, datagrams: Datagrams, speaker: LipSpeaker, fps: float, vrm: int) -> None:
        super().__init__(datagrams, speaker, fps, LARGEST)
        self._names = blendshape_names(vrm)

    def messages(self, frame: LiveFrame) -> list[Message]:
        """Return what the next frame says."""
        return frame_messages(frame, self._weights.weigh(frame), self._names)


def open_vmc(address: str, *, speaker: LipSpeaker, fps: float, host: str = LOOPBACK, **_: object) -> VmcSink:
    """Open VMC with the names of VRM 0 to HOST:PORT; nobody need be there.

    Raises:
        InputError: the address is not one, or no such host.
        MissingToolError: python-osc is missing.
        OSError: the system refuses.
    """
    need("live", "VMC")
    return VmcSink(Datagrams(address, PORT, host), speaker, fps, 0)


def open_vmc1(address: str, *, speaker: LipSpeaker, fps: float, host: str = LOOPBACK, **_: object) -> VmcSink:
    """Open VMC with the names of VRM 1; as `open_vmc` otherwise."""
    need("live", "VMC")
    return VmcSink(Datagrams(address, PORT, host), speaker, fps, 1)
