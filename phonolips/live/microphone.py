"""Microphones and other inputs of this machine, through PortAudio (the package sounddevice)."""

import contextlib
import queue
import time
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from phonolips.errors import InputError, MissingToolError, PhonolipsError, PhonolipsWarning
from phonolips.extras import need
from phonolips.live.sources import BLOCK_SECONDS, Block, SourceGoneError
from phonolips.quiet import silent

# Without sound for so long a device has gone: drivers say so in many ways, most of them by silence of the callback.
GONE_SECONDS = 1.0
START_SECONDS = 5.0  # that a device may take for its first sound; Bluetooth needs two or three
MUTED_SECONDS = 5.0  # of zeros; the quietest room makes the last bit of any converter flicker


def load_sounddevice() -> ModuleType:
    """Return the package sounddevice; raise MissingToolError where it, or its library, is not installed."""
    need("live", "a microphone")
    try:
        with silent():  # PortAudio and ALSA write there in C
            import sounddevice
    except OSError as error:  # PortAudio is not there: on Linux the package does not bring it
        raise MissingToolError(
            "a microphone needs the library PortAudio; install it with: apt-get install libportaudio2"
        ) from error
    return sounddevice  # type: ignore[no-any-return]


def list_devices() -> list[str]:
    """Return a line for each input: number, name, host API, channels, samples per second; `*` marks the default.

    Raises:
        MissingToolError: sounddevice or PortAudio is missing.
    """
    sounddevice = load_sounddevice()
    apis = sounddevice.query_hostapis()
    default = sounddevice.default.device[0]
    return [
        f"{'*' if index == default else ' '} {index:3}  {device['name']}  ({apis[device['hostapi']]['name']}, "
        f"{device['max_input_channels']} in, {device['default_samplerate']:.0f} Hz)"
        for index, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]


class Microphone:
    """An input of this machine.

    Args:
        device: a number or a part of a name, as `list_devices` has them; None = the default one.
        sample_rate: None = the device's own.
        clock: seconds, of arrivals.

    Raises:
        MissingToolError: sounddevice or PortAudio is missing.
        InputError: there is no such input.
    """

    can_wait = False

    def __init__(
        self,
        device: int | str | None = None,
        *,
        sample_rate: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sounddevice = load_sounddevice()
        self._device, self._rate, self._clock = device, sample_rate, clock
        self._overflows = 0
        self._was_open = self._has_warned = False
        self._zeros = 0.0  # seconds since anything but zeros came
        described, self._unique_name = self._described(), device
        if isinstance(device, int):  # numbers change when devices come and go
            api = self._sounddevice.query_hostapis(described["hostapi"])["name"]
            self._unique_name = f"{described['name']}, {api}"

    def overflows(self) -> int:
        """Return how often the system lost sound before we got it."""
        return self._overflows

    def blocks(self) -> Iterator[Block]:
        """Yield what is heard, at the rate that the device has now, until it goes away."""
        if self._was_open:
            self._look_again()
        heard: queue.SimpleQueue[Block | None] = queue.SimpleQueue()
        rate = self._rate_now()
        held: list[np.ndarray] = []

        def hear(samples: np.ndarray, _frames: int, _times: Any, status: Any) -> None:
            self._overflows += bool(status.input_overflow)
            held.append(samples.mean(axis=1, dtype=np.float32))
            if sum(map(len, held)) >= BLOCK_SECONDS * rate:
                heard.put(Block(np.concatenate(held), rate, self._clock()))
                held.clear()

        with self._opened(rate, hear, lambda: heard.put(None)):
            wait = START_SECONDS
            while True:
                try:
                    block = heard.get(timeout=wait)
                except queue.Empty:
                    break
                if block is None:
                    break
                self._was_open, wait = True, GONE_SECONDS
                self._warn_if_muted(block)
                yield block
        if not self._was_open:
            raise InputError(f"{self._name()} gives no sound; choose another input: `devices` lists them")
        raise SourceGoneError(
            f"{self._name()} gives no sound any more; is it plugged in? With `wait` its return is awaited"
        )

    def _look_again(self) -> None:
        """Let PortAudio list the devices of now: it knows those that there were when it began."""
        try:
            with silent():
                self._sounddevice._terminate()
                self._sounddevice._initialize()
        except self._sounddevice.PortAudioError as error:
            raise self._refused(error) from error
        self._device = self._unique_name

    @contextlib.contextmanager
    def _opened(
        self, rate: int, hear: Callable[[np.ndarray, int, Any, Any], None], end: Callable[[], None]
    ) -> Iterator[None]:
        """Record; of one channel, or of all where a device gives nothing else.

        Blocks are as long as the device likes them: PortAudio regroups them to others through a buffer that can stall
        (seen with ALSA's pulse plugin, PortAudio 19.6: two blocks of 10 ms, and then none).
        """
        stream = None
        for channels in (1, self._channels()):
            try:
                with silent():
                    stream = self._sounddevice.InputStream(
                        device=self._device,
                        samplerate=rate,
                        channels=channels,
                        dtype="float32",
                        latency="low",
                        blocksize=0,
                        callback=hear,
                        finished_callback=end,
                    )
                    stream.start()
                break
            except (self._sounddevice.PortAudioError, ValueError) as error:
                if stream is not None:
                    stream.close(ignore_errors=True)
                refused = self._refused(error)
        else:
            raise refused
        try:
            yield
        finally:
            with silent():
                stream.abort(ignore_errors=True)
                stream.close(ignore_errors=True)

    def _warn_if_muted(self, block: Block) -> None:
        """Warn once where nothing at all is heard, not even noise: what is muted sounds like this."""
        self._zeros = 0.0 if block.samples.any() else self._zeros + len(block.samples) / block.sample_rate
        if self._zeros >= MUTED_SECONDS and not self._has_warned:
            self._has_warned = True
            message = f"{self._name()} has given pure zeros for {MUTED_SECONDS:.0f} s; is it muted, or not permitted?"
            warnings.warn(message, PhonolipsWarning, stacklevel=2)

    def _channels(self) -> int:
        """Return how many channels the device has."""
        return int(self._described()["max_input_channels"])

    def _rate_now(self) -> int:
        """Return the samples per second to ask for."""
        return int(self._described()["default_samplerate"]) if self._rate is None else self._rate

    def _described(self) -> dict[str, Any]:
        """Return what PortAudio knows of the device."""
        try:
            found: dict[str, Any] = self._sounddevice.query_devices(self._device, "input")
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise self._refused(error) from error
        return found

    def _refused(self, error: Exception) -> PhonolipsError:
        """Return what is to be said where the device cannot be opened; after it was open once, it has gone."""
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if self._was_open:
            return SourceGoneError(f"{self._name()}: {reason}")
        return InputError(f"{self._name()}: {reason}; expected an input: `devices` lists them")

    def _name(self) -> str:
        return "the default microphone" if self._device is None else f"device {self._device}"
