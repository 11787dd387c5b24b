"""Live frames in the protocols of other programs, decoded by python-osc and by decoders written from the specifications.

tests/vectors/live_link_face.bin is a packet of pylivelinkface 0.1; docs/live-protocols.md says how it was made. What
other people's receivers made of all this is recorded there, too.
"""

import json
import socket
import struct
import threading
import time
from contextlib import closing, contextmanager

import numpy as np
import pytest
from conftest import PROJECT, needs

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.export.arkit import LIVE_LINK_NAMES
from phonolips.export.blendshapes import ARKIT_NAMES, WeightFit, _bounded_least_squares, arkit_weights
from phonolips.export.visemes import OCULUS
from phonolips.lips.measures import opening
from phonolips.lips.shapes import neutral_mouth
from phonolips.live import live_link_face, osc, vmc, vtube_studio
from phonolips.live.frame import LiveFrame
from phonolips.live.sinks import open_sink
from phonolips.live.udp import LARGEST, Datagrams
from phonolips.live.weights import WIDE_OPENING, LiveWeights, bounded_weights, vowel_weights
from phonolips.model.network import load_network
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import PHONE_IDS

FPS = 60.0


@pytest.fixture(scope="module")
def said():
    """A text's lips at 60 frames a second, as live frames, and the result they are of."""
    import phonolips

    result = phonolips.from_text("she found the big moon", fps=FPS)
    edges = np.ceil(np.arange(len(result.lips) + 1) / FPS * 100 - 0.5).astype(int)
    frames = [
        LiveFrame(i, (i + 0.5) / FPS, result.lips[i], FPS, (), result.posteriors[edges[i] : edges[i + 1]], np.ones(3))
        for i in range(len(result.lips))
    ]
    return result, frames


@pytest.fixture(scope="module")
def speaker():
    return load_network().lip_speaker(None)


@pytest.fixture(scope="module")
def weighed(said, speaker):
    """The weights of those frames."""
    maker = LiveWeights(speaker.mean_lip, FPS)
    return [maker.weigh(frame) for frame in said[1]]


def as_floats(values) -> tuple[float, ...]:
    """Round to float32, as the wire does."""
    return tuple(np.asarray(values, np.float32).astype(float).tolist())


def send_slowly(sink, frames) -> None:
    """Send frames with so much time between that what comes of one is known when the next is sent."""
    for frame in frames:
        sink.send(frame)
        time.sleep(0.02)


# --- weights ------------------------------------------------------------------------------------------------------


def test_one_frame_is_fitted_as_well_as_many_at_once(said, speaker):
    fit = WeightFit(neutral_mouth(np.asarray(speaker.mean_lip, np.float64)[None]))
    shares = np.random.default_rng(0).dirichlet(np.full(40, 0.05), len(said[1]))
    targets, expected = fit.targets(said[0].lips, shares)
    together = _bounded_least_squares(targets, expected, fit)
    pull = targets @ fit.basis.T + expected * fit.spreads**-2.0
    last = np.zeros(len(fit.spreads))
    for row, reference in zip(pull, together, strict=True):
        last = bounded_weights(fit.square, row, last)
        cost, known = (w @ fit.square @ w / 2 - row @ w for w in (last, reference))
        assert cost <= known + 1e-6 * abs(known)
        assert np.abs(last - reference).max() < 2e-3
        slope = row - fit.square @ last  # what every minimum has: no slope but into a bound
        scale = 1e-5 * np.abs(row).max()
        assert (np.abs(slope[(last > 0) & (last < 1)]) < scale).all()
        assert (slope[last <= 0] < scale).all()
        assert (slope[last >= 1] > -scale).all()


def test_live_weights_are_near_those_of_the_whole_and_look_at_nothing_ahead(said, speaker, weighed):
    result, frames = said
    rest = neutral_mouth(np.asarray(speaker.mean_lip, np.float64)[None])
    whole = arkit_weights(result.lips, FPS, posteriors=result.posteriors, rest=rest)
    live = np.array([each.arkit for each in weighed])
    assert np.abs(live - np.stack(list(whole.values()), axis=1)).mean() < 0.01
    assert np.corrcoef(live[:, ARKIT_NAMES.index("jawOpen")], whole["jawOpen"])[0, 1] > 0.99
    half = LiveWeights(speaker.mean_lip, FPS)
    for frame, known in zip(frames[: len(frames) // 2], weighed, strict=False):
        assert np.array_equal(half.weigh(frame).arkit, known.arkit)


def test_vowels_are_chosen_by_phones_and_sized_by_lips(said, weighed):
    aa = np.zeros(15)
    aa[OCULUS.names.index("aa")] = 1.0
    assert vowel_weights(aa, 0.0) == pytest.approx(np.zeros(5))
    # by hand: the share of A is (1 + 0.02) / (1 + 5 * 0.02), and 0.075 is half of how far A is usually open
    assert vowel_weights(aa, 0.075)[0] == pytest.approx(0.5 * 1.02 / 1.1)
    for frame, weights in zip(said[1], weighed, strict=True):
        assert weights.open == pytest.approx(min(max(opening(frame.lips) / WIDE_OPENING, 0), 1))
        assert weights.visemes.sum() == pytest.approx(1)
        assert weights.vowels.min() >= 0
        assert weights.vowels.sum() <= 1


def test_phones_of_a_frame_without_steps_are_those_of_the_last(said, speaker):
    maker = LiveWeights(speaker.mean_lip, FPS)
    first = maker.weigh(said[1][30])
    again = maker.weigh(said[1][30]._replace(posteriors=np.zeros((0, 40), np.float32)))
    assert np.allclose(again.visemes, first.visemes)


# --- OSC and VMC --------------------------------------------------------------------------------------------------


def read_osc(datagram: bytes) -> list[tuple[str, tuple]]:
    """Decode a bundle as OSC 1.0 has it; anything else is an AssertionError."""
    assert len(datagram) % 4 == 0
    assert datagram[:16] == b"#bundle\0\0\0\0\0\0\0\0\x01"  # to be carried out at once
    at, found = 16, []
    while at < len(datagram):
        (size,) = struct.unpack_from(">i", datagram, at)
        message, at = datagram[at + 4 : at + 4 + size], at + 4 + size
        assert len(message) == size
        assert size % 4 == 0
        address, tags_at = read_string(message, 0)
        tags, values_at = read_string(message, tags_at)
        assert tags[0] == ","
        values = []
        for tag in tags[1:]:
            if tag == "s":
                value, values_at = read_string(message, values_at)
            else:
                (value,) = struct.unpack_from({"i": ">i", "f": ">f"}[tag], message, values_at)
                values_at += 4
            values.append(value)
        assert values_at == size
        found.append((address, tuple(values)))
    return found


def read_string(message: bytes, at: int) -> tuple[str, int]:
    end = message.index(b"\0", at)
    after = at + (end - at) // 4 * 4 + 4
    assert set(message[end:after]) == {0}
    return message[at:end].decode("ascii"), after


def read_by_python_osc(datagram: bytes) -> list[tuple[str, tuple]]:
    from pythonosc.osc_bundle import OscBundle

    return [(each.address, tuple(each.params)) for each in OscBundle(datagram)]


@needs("live")
def test_osc_holds_the_frame(said, weighed):
    frame = said[1][40]._replace(phones=(Interval("M", 0.25, 0.5),))
    (bundle,) = osc.encode_bundles(osc.frame_messages(frame, weighed[40]), osc.WHOLE)
    found = read_osc(bundle)
    assert found == read_by_python_osc(bundle)
    assert [address.removeprefix("/phonolips/") for address, _ in found] == [
        "frame", "phone", "ended", "opening", "width", "open", "parameters", "vowels", "visemes", "arkit", "lips",
    ]  # fmt: skip
    values = {address.removeprefix("/phonolips/"): values for address, values in found}
    assert values["frame"] == (40, *as_floats([frame.time]))
    assert values["ended"] == ("M", 0.25, 0.5)
    assert values["opening"] == as_floats([opening(frame.lips)])
    assert values["lips"] == as_floats(frame.lips.ravel())  # x, y of the first point, x, y of the second ...
    assert values["arkit"] == as_floats(weighed[40].arkit)
    assert values["vowels"] == as_floats(weighed[40].vowels)
    likeliest = frame.posteriors.mean(axis=0).argmax()
    assert PHONE_IDS[values["phone"][0]] == likeliest


@needs("live")
@pytest.mark.parametrize(("kind", "vowels", "jaw"), [(0, "A I U E O", "JawOpen"), (1, "aa ih ou ee oh", "jawOpen")])
def test_vmc_says_state_time_blendshapes_and_last_apply(said, weighed, kind, vowels, jaw):
    names = vmc.blendshape_names(kind)
    bundles = osc.encode_bundles(vmc.frame_messages(said[1][40], weighed[40], names), LARGEST)
    assert all(len(bundle) <= LARGEST for bundle in bundles)
    found = [message for bundle in bundles for message in read_osc(bundle)]
    assert found == [message for bundle in bundles for message in read_by_python_osc(bundle)]
    assert found[0] == ("/VMC/Ext/OK", (1,))
    assert found[1] == ("/VMC/Ext/T", as_floats([said[1][40].time]))
    assert found[-1] == ("/VMC/Ext/Blend/Apply", ())
    assert {address for address, _ in found[2:-1]} == {"/VMC/Ext/Blend/Val"}
    sent = dict(values for _, values in found[2:-1])
    assert len(sent) == len(found[2:-1]) == 5 + 28
    assert list(sent)[:5] == vowels.split()
    assert list(sent.values()) == list(as_floats([*weighed[40].vowels, *weighed[40].arkit]))
    assert sent[jaw] == as_floats(weighed[40].arkit[[ARKIT_NAMES.index("jawOpen")]])[0]


@needs("live")
def test_a_message_longer_than_a_datagram_should_be_goes_alone():
    messages = [("/a", (1,)), ("/long", tuple(range(50))), ("/b", (2,))]
    bundles = osc.encode_bundles(messages, 60)
    assert [read_osc(bundle) for bundle in bundles] == [[each] for each in messages]


# --- Live Link Face -----------------------------------------------------------------------------------------------


# The order of Unreal's EARFaceBlendShape, as pylivelinkface has it too: of LIVE_LINK_NAMES, with left before right.
UNREAL_NAMES = [name for name in LIVE_LINK_NAMES if name not in ("JawLeft", "MouthLeft")]
UNREAL_NAMES.insert(UNREAL_NAMES.index("JawRight"), "JawLeft")
UNREAL_NAMES.insert(UNREAL_NAMES.index("MouthRight"), "MouthLeft")


def read_packet(packet: bytes) -> dict:
    """Decode a packet as Unreal Engine's receiver does."""
    assert packet[0] == 6
    at, texts = 1, []
    for _ in range(2):
        (size,) = struct.unpack_from("!i", packet, at)
        texts.append(packet[at + 4 : at + 4 + size].decode())
        at += 4 + size
    frame, sub_frame, numerator, denominator, count = struct.unpack_from("!ifiiB", packet, at)
    values = struct.unpack(f"!{count}f", packet[at + 17 :])
    return {
        "device": texts[0], "subject": texts[1], "frame": frame, "sub_frame": sub_frame,
        "rate": (numerator, denominator), "values": dict(zip(UNREAL_NAMES, values, strict=True)),
    }  # fmt: skip


def test_live_link_face_is_byte_by_byte_what_pylivelinkface_sends():
    theirs = (PROJECT / "tests" / "vectors" / "live_link_face.bin").read_bytes()
    known = read_packet(theirs)
    values = [(place + 1) / 64 if place in live_link_face.PLACES else 0.0 for place in range(61)]
    device = live_link_face.device_id("phonolips")
    ours = live_link_face.encode_packet(device, "phonolips", known["frame"], (60, 1), values, known["sub_frame"])
    assert ours == theirs
    assert len(ours) == 1 + 4 + 36 + 4 + len("phonolips") + 16 + 1 + 4 * 61


def test_live_link_face_holds_the_frame(said, speaker, weighed):
    began = 86_399.0  # a second before midnight, where the count begins again
    sink = live_link_face.LiveLinkFaceSink(None, speaker, FPS, "my mouth", began)
    for frame, weights in zip(said[1], weighed, strict=True):
        found = read_packet(sink.packet(frame))
        assert found["frame"] == (86_399 * 60 + frame.index) % (86_400 * 60)
        assert (found["subject"], found["rate"], found["sub_frame"]) == ("my mouth", (60, 1), 0.0)
        expected = dict.fromkeys(UNREAL_NAMES, 0.0)
        expected |= zip((name[0].upper() + name[1:] for name in ARKIT_NAMES), as_floats(weights.arkit), strict=True)
        assert found["values"] == expected


def test_live_link_face_states_the_exact_rate(said, speaker):
    sink = live_link_face.LiveLinkFaceSink(None, speaker, 29.97, began=10.0)
    found = read_packet(sink.packet(said[1][0]))
    assert found["rate"] == (30_000, 1001)
    assert found["frame"] == 299  # 10 s * 30000 / 1001 = 299.7
    with pytest.raises(InputError, match="subject"):
        open_sink("livelink", speaker=speaker, fps=FPS, subject="Müller")


# --- sockets ------------------------------------------------------------------------------------------------------


@contextmanager
def receiver(port: int = 0):
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as listener:
        listener.bind(("127.0.0.1", port))
        listener.settimeout(5)
        yield listener, listener.getsockname()[1]


@needs("live")
@pytest.mark.parametrize("kind", ["osc", "vmc", "vmc1", "livelink"])
def test_frames_arrive_whole_and_in_order(said, speaker, kind):
    with receiver() as (listener, port):
        sink = open_sink(f"{kind}:{port}", speaker=speaker, fps=FPS)
        twin = open_sink(f"{kind}:{port}", speaker=speaker, fps=FPS)
        for frame in said[1][:20]:
            sink.send(frame)
            sent = (
                [twin.packet(frame)]
                if kind == "livelink"
                else osc.encode_bundles(twin.messages(frame), osc.WHOLE if kind == "osc" else LARGEST)
            )
            assert [listener.recv(65_536) for _ in sent] == sent
        sink.close()
        twin.close()


def test_a_receiver_that_is_gone_is_an_os_error_and_may_come_back(said, speaker):
    with receiver() as (_, port):
        sink = open_sink(f"livelink:{port}", speaker=speaker, fps=FPS)
        sink.send(said[1][0])
    with pytest.raises(ConnectionRefusedError):
        send_slowly(sink, said[1][1:10])
    with receiver(port) as (listener, _):
        for frame in said[1][10:13]:  # the first of them may still hear of the refusal
            try:
                sink.send(frame)
            except ConnectionRefusedError:
                continue
        assert read_packet(listener.recv(65_536))["subject"] == "phonolips"
    sink.close()


@needs("live")
@pytest.mark.parametrize("kind", ["osc", "vmc", "livelink", "vtube-studio"])
@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.0.0.1:99999", "nowhere.invalid:9000", "127.0.0.1:port"])
def test_a_wrong_address_is_one_line(speaker, kind, address):
    with pytest.raises(InputError) as caught:
        open_sink(f"{kind}:{address}", speaker=speaker, fps=FPS)
    assert "\n" not in str(caught.value)
    assert address.rpartition(":")[0] in str(caught.value)


# --- VTube Studio -------------------------------------------------------------------------------------------------

OLD_PARAMETERS = ("MouthOpen", "MouthSmile", "MouthX", "VoiceVolumePlusMouthOpen", "FaceAngleX")
VOICES = ("VoiceA", "VoiceI", "VoiceU", "VoiceE", "VoiceO", "VoiceSilence")


class Studio:
    """VTube Studio's side of the API as its specification has it; refuses what that does not allow."""

    def __init__(self, names=(*OLD_PARAMETERS, *VOICES), *, denies=False):
        from websockets.sync.server import serve

        self.names, self.denies, self.token, self.asked, self.injected = set(names), denies, "token-1", 0, []
        self.error_next = None
        self._server, self._open = serve(self._session, "127.0.0.1", 0, compression=None), []
        self.port = self._server.socket.getsockname()[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def drop(self):
        for connection in self._open:
            connection.close()
        self._open.clear()

    def close(self):
        self.drop()
        self._server.shutdown()

    def _session(self, connection):
        self._open.append(connection)
        is_in = False
        for text in connection:
            asked = json.loads(text)
            assert set(asked) == {"apiName", "apiVersion", "requestID", "messageType", "data"}
            assert (asked["apiName"], asked["apiVersion"]) == ("VTubeStudioPublicAPI", "1.0")
            assert asked["requestID"].isascii()
            assert 1 <= len(asked["requestID"]) <= 64
            kind, data = asked["messageType"], asked["data"]
            answer, error = {}, self.error_next
            self.error_next = None
            if kind.startswith("Authentication"):
                assert all(3 <= len(data[key]) <= 32 for key in ("pluginName", "pluginDeveloper"))
            if error is not None:
                pass
            elif kind == "AuthenticationTokenRequest":
                self.asked += 1
                answer, error = {"authenticationToken": self.token}, 50 if self.denies else None
            elif kind == "AuthenticationRequest":
                is_in = data["authenticationToken"] == self.token
                answer = {"authenticated": is_in, "reason": "..."}
            elif not is_in:
                error = 8
            elif kind == "InputParameterListRequest":
                listed = [{"name": name, "min": 0, "max": 1} for name in sorted(self.names)]
                answer = {"modelLoaded": False, "customParameters": [], "defaultParameters": listed}
            elif kind == "InjectParameterDataRequest":
                assert data["mode"] == "set"
                assert data["faceFound"] is True
                values = {each["id"]: each["value"] for each in data["parameterValues"]}
                if set(values) <= self.names:
                    self.injected.append(values)
                else:
                    error = 453
            else:
                error = 7
            if error is not None:
                kind, answer = "APIError", {"errorID": error, "message": "what it says"}
            head = {"apiName": "VTubeStudioPublicAPI", "apiVersion": "1.0", "timestamp": 1}
            kind = kind.replace("Request", "Response")
            connection.send(json.dumps({**head, "requestID": asked["requestID"], "messageType": kind, "data": answer}))

    def until(self, count: int) -> None:
        """Wait until so many injections have arrived."""
        limit = time.monotonic() + 5
        while len(self.injected) < count and time.monotonic() < limit:
            time.sleep(0.01)
        assert len(self.injected) == count


@pytest.fixture
def studio():
    with closing(Studio()) as found:
        yield found


def open_studio(studio, speaker, **options):
    return open_sink(f"vtube-studio:{studio.port}", speaker=speaker, fps=FPS, **options)


@needs("live")
def test_vtube_studio_is_asked_once_and_told_each_frame(tmp_path, said, speaker, weighed, studio):
    token_file = tmp_path / "vts" / "token"
    with pytest.warns(PhonolipsWarning, match="choose Allow"):
        sink = open_studio(studio, speaker, token_file=token_file)
    assert token_file.read_text() == "token-1\n"
    assert token_file.stat().st_mode & 0o077 == 0  # nobody else's to read
    for frame in said[1][:30]:
        sink.send(frame)
    studio.until(30)
    sink.close()
    for frame, weights, values in zip(said[1], weighed, studio.injected, strict=False):
        assert set(values) == studio.names - {"FaceAngleX"}
        assert values == {name: v for name, v in vtube_studio.parameters(frame, weights).items() if name in values}
        assert values["MouthOpen"] == weights.open
        assert [values[name] for name in VOICES[:5]] == list(weights.vowels)
        assert -1 <= values["MouthX"] <= 1
        assert 0 <= values["MouthSmile"] <= 1
    open_studio(studio, speaker, token_file=token_file).close()  # no window this time, or the warning were an error
    assert studio.asked == 1


@needs("live")
def test_a_vtube_studio_without_vowels_gets_what_it_has(said, speaker):
    with closing(Studio(OLD_PARAMETERS)) as studio:
        with pytest.warns(PhonolipsWarning):
            sink = open_studio(studio, speaker)
        sink.send(said[1][0])
        studio.until(1)
        assert set(studio.injected[0]) == set(OLD_PARAMETERS) - {"FaceAngleX"}
        sink.close()


@needs("live")
def test_a_broken_connection_is_made_again_with_the_same_token(monkeypatch, said, speaker, studio):
    monkeypatch.setattr(vtube_studio, "RETRY_SECONDS", 0.2)
    with pytest.warns(PhonolipsWarning):
        sink = open_studio(studio, speaker)
    sink.send(said[1][0])
    studio.until(1)
    studio.drop()
    with pytest.raises(ConnectionError):
        send_slowly(sink, said[1][1:20])
    time.sleep(0.25)
    sent = len(studio.injected)
    sink.send(said[1][20])
    studio.until(sent + 1)
    assert studio.asked == 1
    sink.close()


@needs("live")
def test_what_vtube_studio_refuses_is_one_line(tmp_path, said, speaker, studio):
    denying = Studio(denies=True)
    with closing(denying), pytest.warns(PhonolipsWarning), pytest.raises(InputError, match="the user chose Deny"):
        open_studio(denying, speaker)
    with pytest.warns(PhonolipsWarning):
        sink = open_studio(studio, speaker)
    studio.error_next = 454
    with pytest.raises(InputError, match=r"error 454\): what it says; stop the other plugin"):
        send_slowly(sink, said[1][:20])
    sink.close()
    studio.token = "token-2"  # access was taken back: the kept token is shown, refused, and another one asked for
    (tmp_path / "token").write_text("token-1\n")
    with pytest.warns(PhonolipsWarning, match="Allow"):
        open_studio(studio, speaker, token_file=tmp_path / "token").close()
    assert (tmp_path / "token").read_text() == "token-2\n"


@needs("live")
def test_no_vtube_studio_or_something_else_is_one_line(tmp_path, speaker):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(InputError, match=r"does not answer at 127.0.0.1:\d+ \(Connection refused\); start it"):
            open_sink(f"vtube-studio:{port}", speaker=speaker, fps=FPS)
        free.listen()

        def answer():
            connection, _ = free.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(InputError, match="does not answer") as caught:
            open_sink(f"vtube-studio:{port}", speaker=speaker, fps=FPS)
        assert "\n" not in str(caught.value)
    for content in ("", "x" * 65, "two\nlines", "ä"):
        (tmp_path / "token").write_text(content)
        with pytest.raises(InputError, match="holds no token"):
            open_sink(f"vtube-studio:{port}", speaker=speaker, fps=FPS, token_file=tmp_path / "token")


def test_every_datagram_that_nobody_gets_is_told_of_and_a_receiver_that_comes_misses_none():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sender, refused = Datagrams("", port, "127.0.0.1"), 0
    for _ in range(8):
        try:
            sender.send(b"nobody")
        except ConnectionRefusedError:
            refused += 1
        time.sleep(0.01)
    assert refused == 7  # the last one is not yet known of
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        receiver.settimeout(2)
        with pytest.raises(ConnectionRefusedError):
            sender.send(b"first")
        sender.send(b"second")
        assert [receiver.recv(64), receiver.recv(64)] == [b"first", b"second"]
    sender.close()
