"""The library espeak-ng through ctypes: load it, choose a voice, ask for phonemes, speak and collect its events.

The library comes with the package espeakng-loader. espeak-ng is GPL-3, like phonemizer, which uses it too.
"""

import ctypes
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.errors import InputError, did_you_mean
from phonolips.speech.text.espeak_data import load_package, voice_files

AUDIO_OUTPUT_SYNCHRONOUS = 2  # the sound goes to the callback, from the calling thread
INITIALISE_PHONEME_EVENTS_AS_IPA = 3
EVENT_END, EVENT_WORD, EVENT_PHONEME = 0, 1, 7
PARAMETER_RATE, PARAMETER_PITCH, PARAMETER_PITCH_RANGE = 1, 3, 4
CHARACTERS_ARE_UTF8, TEXT_HOLDS_PHONEMES = 1, 0x100
PHONEMES_AS_MNEMONICS, PHONEMES_AS_IPA = 0, 2
LANGUAGE_SWITCH = re.compile(r"\([^)]*\)")
RANDOM_SEED = 1  # espeak-ng varies pitch and timing slightly; a script that runs again gets the same sound again


class _EventName(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventName),
    )


_SYNTH_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_lock = threading.Lock()  # the library has one state for all


class Mark(NamedTuple):
    """One event: EVENT_WORD or EVENT_PHONEME, its sample, its place in the text (from 0), the phoneme's name."""

    kind: int
    sample: int
    place: int
    name: str


@cache
def _variants() -> frozenset[str]:
    """List the variants of every voice, such as f3."""
    folder = Path(load_package().get_data_path()) / "voices" / "!v"
    return frozenset(path.name for path in folder.iterdir())


def _read_events(events: Any) -> Iterator[Mark]:
    """Yield the words and phonemes of a C array of events, up to EVENT_END."""
    index = 0
    while events[index].type != EVENT_END:
        item = events[index]
        if item.type in (EVENT_WORD, EVENT_PHONEME):
            name = item.id.string.decode("utf-8", "replace") if item.type == EVENT_PHONEME else ""
            yield Mark(item.type, item.sample, item.text_position - 1, name)
        index += 1


class Library:
    """The library while it is open; `open_library` makes it.

    Args:
        library: as ctypes loads it.
        sample_rate: of what it speaks.
    """

    def __init__(self, library: Any, sample_rate: int) -> None:
        self._library = library
        self.sample_rate = sample_rate
        self.voice = ""  # the code of the voice that was chosen last

    def set_voice(self, voice: str, rate: int, pitch: int = 50, pitch_range: int = 50) -> None:
        """Choose a voice and how it speaks; raise InputError for one that is not there."""
        code, _, variant = voice.partition("+")
        file = voice_files().get(code.lower())
        known = file is not None and (not variant or variant in _variants())
        if not known or self._library.espeak_SetVoiceByName(f"{file}{'+' * bool(variant)}{variant}".encode()) != 0:
            near = did_you_mean(code, voice_files()) if file is None else did_you_mean(variant, _variants())
            raise InputError(
                f"espeak-ng has no voice {voice!r}; expected one such as en-us, en-gb-x-rp or en-us+f3{near}"
            )
        self.voice = code.lower()
        for parameter, value in (
            (PARAMETER_RATE, rate),
            (PARAMETER_PITCH, pitch),
            (PARAMETER_PITCH_RANGE, pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)

    def phonemes(self, text: str, form: int) -> str:
        """Ask how a text is said, as PHONEMES_AS_MNEMONICS or PHONEMES_AS_IPA, without language switches."""
        return LANGUAGE_SWITCH.sub("", self._ask(text, form)).strip()

    def switches_language(self, text: str) -> bool:
        """Return whether the voice hands a part of a text to another one, as a French one does with `parking`."""
        return LANGUAGE_SWITCH.search(self._ask(text, PHONEMES_AS_IPA)) is not None

    def _ask(self, text: str, form: int) -> str:
        """Ask how a text is said; a switch of languages is written as `(en)`."""
        ask = self._library.espeak_TextToPhonemes
        ask.restype = ctypes.c_char_p
        ask.argtypes = (ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int)
        buffer = ctypes.create_string_buffer(text.encode())
        rest = ctypes.c_void_p(ctypes.addressof(buffer))
        parts: list[str] = []
        while rest.value:  # one clause at a time
            parts.append((ask(ctypes.byref(rest), CHARACTERS_ARE_UTF8, form) or b"").decode("utf-8", "replace"))
        return " ".join(parts)

    def speak(self, text: str, flags: int = 0) -> tuple[np.ndarray, list[Mark]]:
        """Speak; return 16-bit samples and the words and phonemes among the events."""
        blocks: list[np.ndarray] = [np.zeros(0, np.int16)]
        marks: list[Mark] = []

        @_SYNTH_CALLBACK
        def collect(samples, count, event):  # type: ignore[no-untyped-def]
            if samples and count > 0:
                blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
            marks.extend(_read_events(event))
            return 0

        self._library.espeak_SetSynthCallback(collect)
        encoded = text.encode() + b"\0"
        length, flags = ctypes.c_size_t(len(encoded)), CHARACTERS_ARE_UTF8 | flags
        self._library.espeak_Synth(encoded, length, 0, 1, 0, flags, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(blocks), marks


@contextmanager
def open_library() -> Iterator[Library]:
    """Load and start the library, and stop it afterwards."""
    package = load_package()
    with _lock:
        library = ctypes.CDLL(package.get_library_path())
        data_path = package.get_data_path().encode()
        rate = library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, INITIALISE_PHONEME_EVENTS_AS_IPA)
        if rate <= 0:
            raise InputError(f"espeak-ng does not start (code {rate}); reinstall espeakng-loader")
        try:
            library.espeak_ng_SetRandSeed(ctypes.c_long(RANDOM_SEED))
            yield Library(library, rate)
        finally:
            library.espeak_Terminate()


def to_waveform(samples: np.ndarray, rate: int) -> np.ndarray:
    """Convert 16-bit samples at `rate` Hz to float32 (samples,) at 16 kHz in [-1, 1]."""
    from phonolips.media.audio import resample

    result: np.ndarray = np.clip(resample(samples.astype(np.float32) / 32768, rate), -1, 1)
    return result


def library_version() -> str:
    """Return the library's version, such as "1.52.0"; raise MissingToolError where it is not installed."""
    library = ctypes.CDLL(load_package().get_library_path())
    library.espeak_Info.restype = ctypes.c_char_p
    version: bytes = library.espeak_Info(None)
    return version.decode("utf-8", "replace").split()[0]
