"""Speak a text with espeak-ng and learn when each phone begins, exact to the sample.

espeak-ng reports its phones as events while it synthesises. This is speech with known phone times for
tests and toy corpora. The library is the one that the package espeakng-loader brings.
"""

import ctypes
from math import gcd
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.text.ipa import ipa_to_phones
from phonolips.timebase import SAMPLE_RATE

AUDIO_OUTPUT_SYNCHRONOUS = 2  # the sound goes to the callback, from the calling thread
INITIALISE_PHONEME_EVENTS_AS_IPA = 3
EVENT_END, EVENT_WORD, EVENT_PHONEME = 0, 1, 7
PARAMETER_RATE, PARAMETER_PITCH, PARAMETER_PITCH_RANGE = 1, 3, 4
CHARACTERS_ARE_UTF8 = 1
RANDOM_SEED = 1  # espeak-ng varies pitch and timing by a hair; a script that runs again shall hear the same again
MERGED_SECONDS = 0.02  # an l after a vowel is part of the vowel's sound in espeak-ng; its event has no length
MERGED_SHARE = 0.4  # share of such a vowel that counts as the l


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


_SYNTH_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def speak(
    text: str, voice: str = "en-us", rate: int = 160, pitch: int = 50, pitch_range: int = 50
) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Speak a text; return the sound and its phones with their times.

    A process that says the same things in the same order gets the same samples; saying one thing twice does
    not, as espeak-ng keeps some state (times then differ by less than a millisecond).

    Args:
        text: plain words.
        voice: a voice of espeak-ng such as `en-us`, `en-gb-x-rp`, `en-us+f3`.
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
    """Rename IPA to ARPAbet, cutting symbols of several phones into equal parts; raise InputError."""
    phones = []
    for phone in spoken:
        names = ipa_to_phones(phone.ipa)
        edges = np.linspace(phone.start, phone.end, len(names) + 1).tolist()
        phones += [
            SpokenPhone(name, start, end, phone.word)
            for name, start, end in zip(names, edges[:-1], edges[1:], strict=True)
        ]
    return phones


def speak_words(
    text: str, voice: str = "en-us", rate: int = 160, pitch: int = 50, pitch_range: int = 50
) -> tuple[np.ndarray, list[SpokenPhone]]:
    """Speak a text as `speak` does; return the phones in IPA without stress, with their words."""
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
    source_rate = library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, INITIALISE_PHONEME_EVENTS_AS_IPA)
    if source_rate <= 0:
        raise InputError(f"espeak-ng does not start (code {source_rate}); reinstall espeakng-loader")
    try:
        library.espeak_ng_SetRandSeed(ctypes.c_long(RANDOM_SEED))
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(f"espeak-ng has no voice {voice!r}; expected one such as en-us, en-gb-x-rp or en-us+f3")
        for parameter, value in (
            (PARAMETER_RATE, rate),
            (PARAMETER_PITCH, pitch),
            (PARAMETER_PITCH_RANGE, pitch_range),
        ):
            library.espeak_SetParameter(parameter, value, 0)
        library.espeak_SetSynthCallback(collect)
        encoded = text.encode() + b"\0"
        library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 1, 0, CHARACTERS_ARE_UTF8, None, None)
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
    """Turn espeak-ng's events into phones; each one ends where the next one, or a pause, begins."""
    phones: list[SpokenPhone] = []
    word = -1
    timed = [event for event in events if event[0] in (EVENT_WORD, EVENT_PHONEME)]
    for index, (kind, start, name) in enumerate(timed):
        if kind == EVENT_WORD:
            word += 1
            continue
        ipa = name.strip("ˈˌ_: ")
        end = next((sample for event, sample, _ in timed[index + 1 :] if event == EVENT_PHONEME), start)
        begin, stop = start / source_rate, end / source_rate
        if ipa in ("l", "ɫ") and stop - begin < MERGED_SECONDS and phones:
            vowel = phones.pop()
            begin = vowel.end - MERGED_SHARE * (vowel.end - vowel.start)
            phones.append(vowel._replace(end=begin))
        if ipa and stop > begin:
            phones.append(SpokenPhone(ipa, begin, stop, word))
    return phones
