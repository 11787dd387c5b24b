"""Speak a text with espeak-ng and learn from it when each phone begins, exact to the sample.

espeak-ng reports its phones as events while it synthesises. This is speech with known phone times for
tests and toy corpora. The library is the one that the package espeakng-loader brings.
"""

import ctypes
from math import gcd
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.timebase import SAMPLE_RATE

AUDIO_OUTPUT_RETRIEVAL = 1
INITIALISE_PHONEME_EVENTS_AS_IPA = 3
EVENT_END, EVENT_WORD, EVENT_PHONEME = 0, 1, 7
PARAMETER_RATE, PARAMETER_PITCH, PARAMETER_PITCH_RANGE = 1, 3, 4
CHARACTERS_ARE_UTF8 = 1
PROSODY_MARKS = "ˈˌːˑ‿|.̩ʲ"  # stress, length, links; they do not change the lips

# espeak-ng's IPA for English to ARPAbet; r-coloured and centring vowels are two phones.
IPA_TO_ARPABET: dict[str, tuple[str, ...]] = {
    **{"ɑ": ("AA",), "ɑɹ": ("AA", "R"), "ɒ": ("AA",), "a": ("AE",), "æ": ("AE",), "ʌ": ("AH",), "ə": ("AH",)},
    **{"ɐ": ("AH",), "ɔ": ("AO",), "ɔɹ": ("AO", "R"), "oɹ": ("AO", "R"), "o": ("OW",), "oʊ": ("OW",)},
    **{"əʊ": ("OW",), "aʊ": ("AW",), "aɪ": ("AY",), "aɪə": ("AY", "AH"), "aɪɚ": ("AY", "ER")},
    **{"aɪʊɹ": ("AW", "ER"), "aʊə": ("AW", "AH"), "ɛ": ("EH",), "e": ("EH",), "ɛɹ": ("EH", "R")},
    **{"eə": ("EH", "R"), "eɪ": ("EY",), "ɜ": ("ER",), "ɚ": ("ER",), "ɝ": ("ER",), "ɪ": ("IH",)},
    **{"ᵻ": ("IH",), "ɪɹ": ("IH", "R"), "iə": ("IY", "AH"), "ɪə": ("IH", "AH"), "i": ("IY",), "ɔɪ": ("OY",)},
    **{"ʊ": ("UH",), "ʊɹ": ("UH", "R"), "ʊə": ("UH", "AH"), "u": ("UW",), "əl": ("AH", "L"), "n": ("N",)},
    **{"b": ("B",), "tʃ": ("CH",), "d": ("D",), "ð": ("DH",), "f": ("F",), "ɡ": ("G",), "g": ("G",)},
    **{"h": ("HH",), "dʒ": ("JH",), "k": ("K",), "x": ("K",), "l": ("L",), "ɫ": ("L",), "m": ("M",)},
    **{"ŋ": ("NG",), "p": ("P",), "ɹ": ("R",), "r": ("R",), "s": ("S",), "ʃ": ("SH",), "t": ("T",)},
    **{"ɾ": ("T",), "ʔ": ("T",), "θ": ("TH",), "v": ("V",), "w": ("W",), "j": ("Y",), "z": ("Z",), "ʒ": ("ZH",)},
}


class SpokenPhone(NamedTuple):
    """One phone as espeak-ng named it: IPA, start and end in seconds, and the word it belongs to (0, 1, ...)."""

    ipa: str
    start: float
    end: float
    word: int


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


_SYNTH_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


def speak(
    text: str, voice: str = "en-us", rate: int = 160, pitch: int = 50, pitch_range: int = 50
) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Speak a text; return the sound and its phones with their times.

    Args:
        text: plain words.
        voice: a voice of espeak-ng such as `en-us`, `en-gb`, `en-us+f3`.
        rate: words per minute, 80 to 450.
        pitch: 0 to 100.
        pitch_range: 0 (monotone) to 100.

    Returns:
        The waveform, float32 (samples,) at 16 kHz in [-1, 1], and (ARPAbet phone, start, end) in seconds,
        in order and edge on edge; pauses are gaps. An IPA symbol of two phones is cut into equal parts.

    Raises:
        InputError: nothing was said, the voice is unknown, or a phone has no ARPAbet.
    """
    waveform, spoken = speak_words(text, voice, rate, pitch, pitch_range)
    return waveform, [phone[:3] for phone in split_phones(spoken)]


def split_phones(spoken: list[SpokenPhone]) -> list[SpokenPhone]:
    """Rename IPA to ARPAbet, cutting symbols of two phones into equal parts; raise InputError."""
    phones = []
    for phone in spoken:
        if phone.ipa not in IPA_TO_ARPABET:
            raise InputError(f"espeak-ng said {phone.ipa!r}, which has no ARPAbet here; choose another word")
        names = IPA_TO_ARPABET[phone.ipa]
        edges = np.linspace(phone.start, phone.end, len(names) + 1).tolist()
        phones += [
            SpokenPhone(name, start, end, phone.word)
            for name, start, end in zip(names, edges[:-1], edges[1:], strict=True)
        ]
    return phones


def speak_words(
    text: str, voice: str = "en-us", rate: int = 160, pitch: int = 50, pitch_range: int = 50
) -> tuple[np.ndarray, list[SpokenPhone]]:
    """Speak a text as `speak` does; return the phones in IPA without stress and length, with their words."""
    import espeakng_loader
    from scipy.signal import resample_poly

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    blocks: list[np.ndarray] = []
    events: list[tuple[int, int, str]] = []

    @_SYNTH_CALLBACK
    def collect(samples, count, event):  # type: ignore[no-untyped-def]
        if samples and count > 0:
            blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while event[index].type != EVENT_END:
            item = event[index]
            name = item.id.string.decode("utf-8", "replace") if item.type == EVENT_PHONEME else ""
            events.append((item.type, item.sample, name))
            index += 1
        return 0

    data_path = espeakng_loader.get_data_path().encode()
    source_rate = library.espeak_Initialize(
        AUDIO_OUTPUT_RETRIEVAL, 0, data_path, INITIALISE_PHONEME_EVENTS_AS_IPA
    )
    if source_rate <= 0:
        raise InputError(f"espeak-ng does not start (code {source_rate}); reinstall espeakng-loader")
    try:
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(f"espeak-ng has no voice {voice!r}; expected one such as en-us, en-gb or en-us+f3")
        for parameter, value in (
            (PARAMETER_RATE, rate),
            (PARAMETER_PITCH, pitch),
            (PARAMETER_PITCH_RANGE, pitch_range),
        ):
            library.espeak_SetParameter(parameter, value, 0)
        library.espeak_SetSynthCallback(collect)
        encoded = text.encode() + b"\0"
        library.espeak_Synth(
            encoded, ctypes.c_size_t(len(encoded)), 0, 1, 0, CHARACTERS_ARE_UTF8, None, None
        )
        library.espeak_Synchronize()
    finally:
        library.espeak_Terminate()
    phones = _read_events(events, source_rate)
    if not phones or not blocks:
        raise InputError(f"espeak-ng found nothing to say in {text!r}")
    shared = gcd(source_rate, SAMPLE_RATE)
    waveform = resample_poly(
        np.concatenate(blocks).astype(np.float64) / 32768, SAMPLE_RATE // shared, source_rate // shared
    )
    return np.clip(waveform, -1, 1).astype(np.float32), phones


def _read_events(events: list[tuple[int, int, str]], source_rate: int) -> list[SpokenPhone]:
    """Turn espeak-ng's events into phones; each one ends where the next event begins."""
    phones = []
    word = -1
    timed = [event for event in events if event[0] in (EVENT_WORD, EVENT_PHONEME)]
    for index, (kind, start, name) in enumerate(timed):
        if kind == EVENT_WORD:
            word += 1
            continue
        ipa = name.translate({ord(mark): None for mark in PROSODY_MARKS}).strip("_: ")
        end = next((sample for event, sample, _ in timed[index + 1 :] if event == EVENT_PHONEME), start)
        if ipa and end > start:
            phones.append(SpokenPhone(ipa, start / source_rate, end / source_rate, word))
    return phones
