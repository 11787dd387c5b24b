"""Microphones, with a module in the place of `sounddevice`: what is heard, what is lost, and devices that go away."""

import builtins
import os
import sys
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from phonolips.errors import InputError, MissingToolError, PhonolipsWarning
from phonolips.live import microphone
from phonolips.live.microphone import Microphone, list_devices
from phonolips.live.sources import SourceGoneError


class PortAudioError(Exception):
    """As sounddevice's."""


class FakeSounddevice:
    """Devices that play what they are given, piece by piece, from a thread of their own.

    devices: name -> (channels, rate). plays: of each opening of a stream, the pieces, float32 (samples, channels); a
    piece may be a pair with its overflow flag. A stream ends after its pieces where `ends`, else it falls silent.
    """

    PortAudioError = PortAudioError

    def __init__(self, devices=None, plays=(), ends=True, least_channels=1):
        self.devices = devices if devices is not None else {"Built-in": (1, 16_000.0), "Speaker": (0, 48_000.0)}
        self.plays, self.ends, self.least_channels = list(plays), ends, least_channels
        self.default = SimpleNamespace(device=(0, 1))
        self.opened, self.closed, self.initialised = [], 0, 0

    def query_hostapis(self, index=None):
        apis = ({"name": "ALSA"},)
        return apis if index is None else apis[index]

    def query_devices(self, device=None, kind=None):
        described = [
            {"name": name, "hostapi": 0, "max_input_channels": channels, "default_samplerate": rate}
            for name, (channels, rate) in self.devices.items()
        ]
        if kind is None:
            return described
        found = [
            each for number, each in enumerate(described)
            if device in (None, number) or (isinstance(device, str) and device in f"{each['name']}, ALSA")
        ]  # fmt: skip
        if not found:
            raise ValueError(f"No input device matching {device!r}\nand more")
        return found[0]

    def _terminate(self):
        self.initialised -= 1

    def _initialize(self):
        self.initialised += 1

    def InputStream(self, **options):  # sounddevice's name
        if options["channels"] < self.least_channels:
            raise PortAudioError("Invalid number of channels [PaErrorCode -9998]")
        if not self.plays:
            raise PortAudioError("Error opening InputStream: Device unavailable")
        self.opened.append(options)
        pieces = self.plays.pop(0)

        def play():
            for piece in pieces:
                samples, lost = piece if isinstance(piece, tuple) else (piece, False)
                options["callback"](samples, len(samples), None, SimpleNamespace(input_overflow=lost))
            if self.ends:
                options["finished_callback"]()

        thread = threading.Thread(target=play)
        return SimpleNamespace(start=thread.start, abort=lambda **_: thread.join(), close=self._close)

    def _close(self, **_):
        self.closed += 1


@pytest.fixture
def use(monkeypatch):
    """Put a fake in the place of sounddevice, as if the extra were installed."""

    def put(**options):
        fake = FakeSounddevice(**options)
        monkeypatch.setitem(sys.modules, "sounddevice", fake)
        monkeypatch.setattr(microphone, "need", lambda *_: None)
        return fake

    return put


def pieces(sound, size, channels=1):
    rows = np.repeat(np.asarray(sound, np.float32)[:, None], channels, axis=1)
    return np.split(rows, range(size, len(rows), size))


def heard(source):
    """Return the blocks until the device goes away, and what is said then."""
    blocks = []
    try:
        for block in source.blocks():
            blocks.append(block)
    except SourceGoneError as gone:
        return blocks, str(gone)
    pytest.fail("the source ended as if its sound had")


NOISE = np.random.default_rng(3).uniform(-0.5, 0.5, 1_600).astype(np.float32)


@pytest.mark.parametrize("size", [37, 160, 500])
def test_what_is_heard_comes_in_blocks_of_10_ms_or_as_long_as_the_device_has_them(use, size):
    fake = use(plays=[pieces(NOISE, size)])
    ticks = iter(range(10_000))
    blocks, message = heard(Microphone(clock=lambda: float(next(ticks))))
    count = sum(len(block.samples) for block in blocks)
    np.testing.assert_array_equal(np.concatenate([block.samples for block in blocks]), NOISE[:count])
    assert len(NOISE) - count < 160
    assert all(160 <= len(block.samples) < 160 + size for block in blocks)
    assert [block.arrived for block in blocks] == list(range(len(blocks)))
    assert {block.sample_rate for block in blocks} == {16_000}
    assert message.startswith("the default microphone gives no sound any more")
    # PortAudio's own regrouping stalls with some devices
    assert fake.opened[0]["blocksize"] == 0
    assert fake.closed == 1


def test_a_device_that_has_two_channels_only_is_averaged(use):
    stereo = np.stack([NOISE, np.zeros_like(NOISE)], axis=1)
    fake = use(devices={"Studio": (2, 48_000.0)}, plays=[[stereo]], least_channels=2)
    blocks, _ = heard(Microphone("Studio"))
    np.testing.assert_allclose(blocks[0].samples, NOISE / 2)
    assert [options["channels"] for options in fake.opened] == [2]
    assert blocks[0].sample_rate == 48_000


def test_the_rate_is_the_one_that_is_asked_for(use):
    fake = use(plays=[pieces(NOISE, 400)])
    blocks, _ = heard(Microphone(sample_rate=44_100))
    assert fake.opened[0]["samplerate"] == blocks[0].sample_rate == 44_100


def test_sound_that_the_system_lost_is_counted(use):
    use(plays=[[(piece, number in (2, 5)) for number, piece in enumerate(pieces(NOISE, 160))]])
    source = Microphone()
    heard(source)
    assert source.overflows() == 2


def test_a_device_that_comes_back_has_its_rate_of_then_and_may_have_another_number(use):
    fake = use(devices={"Built-in": (1, 16_000.0), "USB": (1, 16_000.0)}, plays=[pieces(NOISE, 160)])
    source = Microphone(1)
    assert len(heard(source)[0]) == 10
    assert fake.initialised == 0
    del fake.devices["USB"]
    blocks, message = heard(source)
    assert blocks == []
    assert message == "device USB, ALSA: No input device matching 'USB, ALSA'"
    fake.devices = {"USB": (1, 48_000.0), "Built-in": (1, 16_000.0)}
    fake.plays.append(pieces(NOISE, 800))
    blocks, _ = heard(source)
    assert [block.sample_rate for block in blocks] == [48_000, 48_000]
    assert fake.opened[-1]["device"] == "USB, ALSA"
    assert fake.initialised == 0  # ended as often as begun, beside the first time


def test_a_device_that_falls_silent_has_gone(use, monkeypatch):
    monkeypatch.setattr(microphone, "GONE_SECONDS", 0.1)
    fake = use(plays=[pieces(NOISE, 160)], ends=False)
    before = time.monotonic()
    blocks, message = heard(Microphone())
    assert len(blocks) == 10
    assert "is it plugged in?" in message
    assert 0.1 <= time.monotonic() - before < 2
    assert fake.closed == 1


def test_a_device_that_never_gives_anything_is_refused_and_not_waited_for(use, monkeypatch):
    monkeypatch.setattr(microphone, "START_SECONDS", 0.05)
    use(plays=[[]], ends=False)
    with pytest.raises(InputError, match="the default microphone gives no sound; choose another input"):
        list(Microphone().blocks())


def test_pure_zeros_are_warned_of_once_and_noise_is_not(use, monkeypatch):
    monkeypatch.setattr(microphone, "MUTED_SECONDS", 0.05)
    use(plays=[pieces(np.zeros(3_200), 160), pieces(NOISE, 160)])
    source = Microphone()
    with pytest.warns(PhonolipsWarning, match=r"has given pure zeros for .*; is it muted, or not permitted\?") as found:
        heard(source)
    assert len(found) == 1
    use(plays=[pieces(NOISE, 160)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heard(Microphone())


def test_a_device_that_is_not_there_or_not_to_be_opened_is_one_line(use):
    use()
    with pytest.raises(InputError, match=r"^device USB: No input device matching 'USB'; expected an input") as caught:
        Microphone("USB")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="the default microphone: Error opening InputStream: Device unavailable"):
        list(Microphone().blocks())


def test_inputs_are_listed_and_the_default_one_is_marked(use):
    use(devices={"Built-in": (1, 16_000.0), "Speaker": (0, 48_000.0), "USB": (2, 44_100.0)})
    assert list_devices() == [
        "*   0  Built-in  (ALSA, 1 in, 16000 Hz)",
        "    2  USB  (ALSA, 2 in, 44100 Hz)",
    ]


def test_a_missing_library_is_named_with_what_installs_it(use, monkeypatch):
    use()
    monkeypatch.delitem(sys.modules, "sounddevice")
    real = builtins.__import__

    def refuse(name, *rest):
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingToolError, match="needs the library PortAudio; install it with: apt-get install"):
        list_devices()


def test_nothing_is_written_to_the_terminal_by_what_opens_a_device(use, capfd):
    fake = use(plays=[pieces(NOISE, 160)])
    open_stream = fake.InputStream

    def noisy(**options):
        os.write(2, b"ALSA lib pcm.c: nonsense\n")
        return open_stream(**options)

    fake.InputStream = noisy
    heard(Microphone())
    assert capfd.readouterr().err == ""
