"""Frames as parameters of VTube Studio, through its WebSocket API (version 1.0).

Specification: https://github.com/DenchiSoft/VTubeStudio. The user allows a plugin once, in a window of VTube Studio,
and the plugin gets a token, which it shows at the beginning of every session; where a file for it is named, the token
is kept there. Values hold for a second, so that a stream that ends lets go of the mouth by itself.
"""

import contextlib
import itertools
import json
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phonolips.checks import shortened
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.export.blendshapes import ARKIT_NAMES
from phonolips.extras import need
from phonolips.live.frame import LiveFrame
from phonolips.live.sinks import LOOPBACK, parse_address
from phonolips.live.weights import VOWELS, LiveWeights, Weights
from phonolips.model.speakers import LipSpeaker
from phonolips.phones.inventory import SILENCE_ID
from phonolips.storage import atomic_file

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PORT = 8001  # VTube Studio's, unless the user chose another one
API = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0"}
PLUGIN = {"pluginName": "phonolips", "pluginDeveloper": "phonolips"}  # the token holds for this pair only
LONGEST_TOKEN = 64  # characters, ASCII, as the specification says
ANSWER_SECONDS = 5.0  # that a request may take; VTube Studio answers between two pictures
ALLOW_SECONDS = 120.0  # for the user to find the window and allow the plugin
CONNECT_SECONDS = 2.0
RETRY_SECONDS = 1.0  # between two attempts to connect again
DENIED, ONGOING, NOT_AUTHENTICATED, CONTROLLED = 50, 51, 8, 454  # errorID, as in ErrorID.cs

# How far ARKit's weights push the mouth's form from neutral, 0.5, towards a smile, 1, or a rounded mouth, 0.
FORMS = {
    "mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "mouthStretchLeft": 0.5, "mouthStretchRight": 0.5,
    "mouthPucker": -1.0, "mouthFunnel": -1.0, "mouthFrownLeft": -0.5, "mouthFrownRight": -0.5,
}  # fmt: skip


def parameters(frame: LiveFrame, weights: Weights) -> dict[str, float]:
    """Return the input parameters of VTube Studio that lips know of, by name.

    MouthOpen and its sum with the voice's volume in [0, 1]; MouthSmile and its sum with the voice's frequency in
    [0, 1], 0.5 neutral; MouthX in [-1, 1], positive towards the person's left; VoiceA, I, U, E, O and VoiceSilence in
    [0, 1]; and the shapes of ARKit that VTube Studio has.
    """
    arkit = dict(zip(ARKIT_NAMES, map(float, weights.arkit), strict=True))
    form = min(max(0.5 + 0.5 * sum(share * arkit[name] for name, share in FORMS.items()), 0.0), 1.0)
    silence = float(frame.posteriors[:, SILENCE_ID].mean()) if len(frame.posteriors) else 1.0 - weights.open
    return {
        "MouthOpen": weights.open,
        "VoiceVolumePlusMouthOpen": weights.open,
        "MouthSmile": form,
        "VoiceFrequencyPlusMouthSmile": form,
        "MouthX": arkit["mouthLeft"] - arkit["mouthRight"],
        **{f"Voice{name}": float(value) for name, value in zip(VOWELS, weights.vowels, strict=True)},
        "VoiceSilence": silence,
        "JawOpen": arkit["jawOpen"],
        "MouthFunnel": arkit["mouthFunnel"],
        "MouthPucker": arkit["mouthPucker"],
        "TongueOut": arkit["tongueOut"],
    }


def request(kind: str, number: int | str, data: Mapping[str, object] | None = None) -> str:
    """Write a request: its kind, such as InjectParameterDataRequest, an id that its answer bears, and its data."""
    whole = {**API, "requestID": str(number), "messageType": kind, "data": dict(data or {})}
    return json.dumps(whole, separators=(",", ":"), allow_nan=False)


def injection(values: Mapping[str, float], number: int | str) -> str:
    """Write the request that sets parameters for the next second, as if a tracker had found a face."""
    listed = [{"id": name, "value": value} for name, value in values.items()]
    return request("InjectParameterDataRequest", number, {"faceFound": True, "mode": "set", "parameterValues": listed})


class Refused(InputError):
    """VTube Studio answered with an error; `number` is its errorID."""

    def __init__(self, number: int, line: str) -> None:
        super().__init__(line)
        self.number = number


def read_token(path: Path | None) -> str | None:
    """Return the token that a file keeps; None where there is no file yet.

    Raises:
        InputError: the file holds anything but a token.
        OSError: it cannot be read.
    """
    if path is None or not path.exists():
        return None
    with path.open("rb") as file:
        text = file.read(LONGEST_TOKEN + 3).strip()
    if not 0 < len(text) <= LONGEST_TOKEN or not text.isascii() or not text.decode("ascii").isprintable():
        raise InputError(f"{path} holds no token of VTube Studio; expected 1 to {LONGEST_TOKEN} characters on one line")
    return text.decode("ascii")


class VTubeStudioSink:
    """Sends each frame's parameters; connects again where the connection broke.

    Args:
        where: host and port.
        speaker: whose lips come.
        fps: frames per second.
        token_file: keeps the token; None = the user is asked in every session.

    Raises:
        InputError: VTube Studio is not there, or does not let us in.
    """

    def __init__(self, where: tuple[str, int], speaker: LipSpeaker, fps: float, token_file: Path | None = None) -> None:
        self._where, self._token_file = where, token_file
        self._weights = LiveWeights(speaker.mean_lip, fps)
        self._numbers = itertools.count(1)
        self._token = read_token(token_file)
        self._names: frozenset[str] = frozenset()
        self._connection: ClientConnection | None = None
        self._tried = -RETRY_SECONDS
        try:
            self._connect()
        except OSError as error:
            host, port = where
            raise InputError(
                f"VTube Studio does not answer at {host}:{port} ({error.strerror or error}); "
                "start it, and turn on 'Start API' in its settings, with this port"
            ) from error

    def send(self, frame: LiveFrame) -> None:
        """Send a frame's parameters.

        Raises:
            OSError: there is no connection now; another one is tried once a second.
            InputError: VTube Studio refuses: access was taken back, or another plugin controls the mouth.
        """
        from websockets.exceptions import WebSocketException

        values = parameters(frame, self._weights.weigh(frame))
        if self._connection is None:
            if time.monotonic() - self._tried < RETRY_SECONDS:
                raise ConnectionError("no connection to VTube Studio")
            self._connect()
        connection = self._connection
        assert connection is not None
        try:
            self._read_answers(connection)
            known = {name: value for name, value in values.items() if name in self._names}
            connection.send(injection(known, next(self._numbers)))
        except (WebSocketException, OSError) as error:
            self._drop()
            raise ConnectionError("the connection to VTube Studio broke") from error

    def close(self) -> None:
        """Close the connection, once what came back has been read."""
        if self._connection is not None:
            from websockets.exceptions import WebSocketException

            with contextlib.suppress(WebSocketException, OSError, InputError):
                self._read_answers(self._connection)
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        """Connect, show the token or ask for one, and learn which parameters there are; raise OSError if it fails."""
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        self._tried = time.monotonic()
        host, port = self._where
        url = f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"
        try:
            self._connection = connect(url, open_timeout=CONNECT_SECONDS, close_timeout=1, compression=None, proxy=None)
            self._authenticate()
            listed = self._ask("InputParameterListRequest")
            found = (*listed.get("defaultParameters", ()), *listed.get("customParameters", ()))
            self._names = frozenset(each["name"] for each in found)
        except (WebSocketException, TimeoutError) as error:
            self._drop()
            raise ConnectionError(f"no answer of VTube Studio's kind: {shortened(str(error), 80)}") from error
        except (TypeError, KeyError, ValueError) as error:
            self._drop()
            if isinstance(error, InputError):
                raise
            raise ConnectionError("an answer that is not VTube Studio's") from error
        except OSError:
            self._drop()
            raise

    def _authenticate(self) -> None:
        """Show the token; where there is none, or it does not hold any more, ask the user for one."""
        if self._token is not None and self._shown(self._token):
            return
        warnings.warn("VTube Studio asks whether phonolips may control it: choose Allow there", PhonolipsWarning, 2)
        try:
            answer = self._ask("AuthenticationTokenRequest", PLUGIN, seconds=ALLOW_SECONDS)
        except Refused as error:
            if error.number == DENIED:
                raise InputError(
                    "VTube Studio refused access: the user chose Deny; start again and choose Allow, or allow "
                    "phonolips in VTube Studio's list of plugins"
                ) from error
            if error.number == ONGOING:
                raise InputError(
                    "VTube Studio still asks about another plugin; answer there, then start again"
                ) from error
            raise
        token = str(answer["authenticationToken"])
        if not 0 < len(token) <= LONGEST_TOKEN or not (token.isascii() and token.isprintable()):
            raise InputError("VTube Studio sent a token that is none; expected 1 to 64 ASCII characters")
        if not self._shown(token):
            raise InputError("VTube Studio does not accept the token that it gave; restart it, then start again")
        self._token = token
        if self._token_file is not None:
            with atomic_file(self._token_file) as path:
                path.touch(0o600)  # nobody else's to read: with it, anybody on this machine controls the avatar
                os.chmod(path, 0o600)
                path.write_text(token + "\n", encoding="ascii")

    def _shown(self, token: str) -> bool:
        """Return whether VTube Studio accepts a token."""
        answer = self._ask("AuthenticationRequest", {**PLUGIN, "authenticationToken": token})
        return answer["authenticated"] is True

    def _ask(
        self, kind: str, data: Mapping[str, object] | None = None, *, seconds: float = ANSWER_SECONDS
    ) -> dict[str, Any]:
        """Send a request and return the data of its answer; what else comes meanwhile is passed over."""
        assert self._connection is not None
        number = str(next(self._numbers))
        self._connection.send(request(kind, number, data))
        until = time.monotonic() + seconds
        while True:
            answer = _read(self._connection.recv(max(until - time.monotonic(), 0.0)))
            if answer.get("requestID") == number:
                return _checked(answer)

    def _read_answers(self, connection: "ClientConnection") -> None:
        """Read what has come back by now, without waiting; raise InputError where it is a refusal."""
        while True:
            try:
                text = connection.recv(0)
            except TimeoutError:
                return
            with contextlib.suppress(json.JSONDecodeError, TypeError):
                _checked(_read(text))


def _read(text: str | bytes) -> dict[str, Any]:
    """Read an answer; raise ValueError or TypeError where it is no JSON object."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer's data; raise Refused where it is an error, with what VTube Studio says."""
    data: dict[str, Any] = answer.get("data") or {}
    if answer.get("messageType") != "APIError":
        return data
    number, text = int(data.get("errorID", -1)), shortened(str(data.get("message", "no reason")), 160)
    advice = {
        DENIED: "; access was taken back: start again and choose Allow",
        NOT_AUTHENTICATED: "; access was taken back: start again and choose Allow",
        CONTROLLED: "; stop the other plugin",
    }.get(number, "")
    raise Refused(number, f"VTube Studio refuses (error {number}): {text}{advice}")


def open_vtube_studio(
    address: str,
    *,
    speaker: LipSpeaker,
    fps: float,
    host: str = LOOPBACK,
    token_file: str | Path | None = None,
    **_: object,
) -> VTubeStudioSink:
    """Connect to VTube Studio at HOST:PORT.

    Raises:
        InputError: the address is not one, VTube Studio is not there, or does not let us in; or `token_file` holds
            anything but a token.
        MissingToolError: websockets is missing.
        OSError: `token_file` cannot be read or written.
    """
    need("live", "VTube Studio")
    path = None if token_file is None else Path(token_file)
    return VTubeStudioSink(parse_address(address, PORT, host), speaker, fps, path)
