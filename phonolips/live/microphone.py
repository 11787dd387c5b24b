"""Microphones and other inputs of this machine, through PortAudio (the package sounddevice)."""

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

# Without a block for so long a device has gone: drivers say so in many ways, most of them by silence of the callback.
GONE_SECONDS = 1.0
MUTED_SECONDS = 5.0  # of zeros; the quietest room makes the last bit of any converter flicker


def load_sounddevice() -> ModuleType:
    """Return the package sounddevice; raise MissingToolError where it, or its library, is not installed."""
    need("live", "a microphone")
    try:
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
        self._rate_now()  # there is such a device

    def overflows(self) -> int:
        """Return how often the system lost sound before we got it."""
        return self._overflows

    def blocks(self) -> Iterator[Block]:
        """Yield what is heard, at the rate that the device has now, until it goes away."""
        if self._was_open:  # PortAudio knows the devices that there were when it began
            self._sounddevice._terminate()
            self._sounddevice._initialize()
        heard: queue.SimpleQueue[Block | None] = queue.SimpleQueue()
        rate = self._rate_now()

        def hear(samples: np.ndarray, _frames: int, _times: Any, status: Any) -> None:
            self._overflows += bool(status.input_overflow)
            heard.put(Block(samples[:, 0].copy(), rate, self._clock()))

        options = {"device": self._device, "samplerate": rate, "channels": 1, "dtype": "float32", "latency": "low"}
        try:
            stream = self._sounddevice.InputStream(
                **options,
                blocksize=round(BLOCK_SECONDS * rate),
                callback=hear,
                finished_callback=lambda: heard.put(None),
            )
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise self._refused(error) from error
        with stream:
            self._was_open = True
            while True:
                try:
                    block = heard.get(timeout=GONE_SECONDS)
                except queue.Empty:
                    break
                if block is None:
                    break
                self._warn_if_muted(block)
                yield block
        raise SourceGoneError(
            f"{self._name()} gives no sound any more; is it plugged in? With `wait` its return is awaited"
        )

    def _warn_if_muted(self, block: Block) -> None:
        """Warn once where nothing at all is heard, not even noise: what is muted sounds like this."""
        self._zeros = 0.0 if block.samples.any() else self._zeros + BLOCK_SECONDS
        if self._zeros >= MUTED_SECONDS and not self._has_warned:
            self._has_warned = True
            message = f"{self._name()} has given pure zeros for {MUTED_SECONDS:.0f} s; is it muted, or not permitted?"
            warnings.warn(message, PhonolipsWarning, stacklevel=2)

    def _rate_now(self) -> int:
        """Return the samples per second to ask for."""
        if self._rate is not None:
            return self._rate
        try:
            return int(self._sounddevice.query_devices(self._device, "input")["default_samplerate"])
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> PhonolipsError:
        """Return what is to be said where the device cannot be opened; after it was open once, it has gone."""
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if self._was_open:
            return SourceGoneError(f"{self._name()}: {reason}")
        return InputError(f"{self._name()}: {reason}; expected an input: `devices` lists them")

    def _name(self) -> str:
        return "the default microphone" if self._device is None else f"device {self._device}"
