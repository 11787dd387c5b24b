"""espeak-ng: speech whose own phone times drive the lips. The library comes with the package espeakng-loader.

espeak-ng (GPL-3, like phonemizer, which uses it too) reports its phones as events while it synthesises. What it says
is what our text front end says: English words are given to it as phonemes, made from the dictionary's phones and
stressed as espeak-ng stresses the written word; words of other languages are given as that voice's own phonemes.
The TextGrid holds the phones that it reports, so a sound that it leaves out or puts in is not in or out of the lips
by mistake.

Where its events are not the edges of sounds:

* The event of a voiceless stop, and of a voiced one that begins a word, comes after its closure, 35 to 53 ms of exact
  silence. Closed lips are part of a p, so it begins where the silence does. (tools/bench/speech.py: aligners hear
  p, t and k begin 27 to 35 ms before the event, and 5 to 8 ms after the start of the silence.)
* An l, or sometimes an r, after a vowel has no sound of its own; its event has no length. It gets the vowel's end.
* A vowel after a vowel may be parted from it by a pause event, in which the first one fades; it is no silence.
"""

import ctypes
import re
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phonolips.errors import InputError, MissingToolError
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONES, SILENCE, VOWELS
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.tts.spoken import SYNTHESISER, Assembly, Spoken, check_rate, sentences
from phonolips.timebase import SAMPLE_RATE

if TYPE_CHECKING:
    from phonolips.speech.words import SpokenWord

AUDIO_OUTPUT_SYNCHRONOUS = 2  # the sound goes to the callback, from the calling thread
INITIALISE_PHONEME_EVENTS_AS_IPA = 3
EVENT_END, EVENT_WORD, EVENT_PHONEME = 0, 1, 7
PARAMETER_RATE, PARAMETER_PITCH, PARAMETER_PITCH_RANGE = 1, 3, 4
CHARACTERS_ARE_UTF8, TEXT_HOLDS_PHONEMES = 1, 0x100
PHONEMES_AS_MNEMONICS, PHONEMES_AS_IPA = 0, 2
RANDOM_SEED = 1  # espeak-ng varies pitch and timing by a hair; a script that runs again shall hear the same again
USUAL_RATE = 160  # words per minute
SLOWEST, FASTEST = 0.5, 2.8  # times that; espeak-ng speaks 80 to 450 words per minute
LONGEST_CLAUSE = 600  # characters of phonemes; espeak-ng breaks a clause of 800 wherever it is
MERGED_SECONDS = (
    0.02  # an l after a vowel is part of the vowel's sound in espeak-ng; its event has no length, an r's little
)
MERGED_SHARE = 0.4  # share of such a vowel that counts as the l or r
LONGEST_CLOSURE_SECONDS = 0.12  # at the slowest
SHORTEST_PAUSE_SECONDS = 0.05  # less silence only parts two vowels
SILENT_SAMPLE = 60  # of 32768: below it there is no sound; espeak-ng's voiced sounds are above 700
STOPS = ("p", "b", "t", "d", "k", "ɡ", "g")  # and affricates, which begin with one

# The inventory as espeak-ng's English voices write it: unstressed, stressed.
MNEMONICS: dict[str, tuple[str, str]] = {
    "AA": ("A:", "A:"), "AE": ("a", "a"), "AH": ("@", "V"), "AO": ("O:", "O:"), "AW": ("aU", "aU"),
    "AY": ("aI", "aI"), "EH": ("E", "E"), "ER": ("3", "3:"), "EY": ("eI", "eI"), "IH": ("I", "I"),
    "IY": ("i", "i:"), "OW": ("oU", "oU"), "OY": ("OI", "OI"), "UH": ("U", "U"), "UW": ("u:", "u:"),
    **{phone: (phone.lower(),) * 2 for phone in "BDFGKLMNPRSTVWZ"},
    "CH": ("tS", "tS"), "DH": ("D", "D"), "HH": ("h", "h"), "JH": ("dZ", "dZ"), "NG": ("N", "N"), "SH": ("S", "S"),
    "TH": ("T", "T"), "Y": ("j", "j"), "ZH": ("Z", "Z"),
}  # fmt: skip
FINAL_R = "r-"  # after a vowel and before none; the voices say no plain r there
STRESS_MARKS = {0: "", 1: "'", 2: ","}


class SpokenPhone(NamedTuple):
    """One phone as espeak-ng named it: IPA, start and end in seconds, and the word it belongs to (0, 1, ...)."""

    ipa: str
    start: float
    end: float
    word: int


# ---------------------------------------------------------------- the library


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


class _Mark(NamedTuple):
    """One event: EVENT_WORD or EVENT_PHONEME, its sample, its place in the text (from 0), the phoneme's name."""

    kind: int
    sample: int
    place: int
    name: str


def _loader() -> Any:
    """Import the package that carries the library; raise MissingToolError where it is not installed."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise MissingToolError(
            "espeak-ng's library is not installed; install it with: pip install espeakng-loader"
        ) from error
    return espeakng_loader


@cache
def _voice_files() -> dict[str, str]:
    """Map the code of each language to the file of its voice, as the library names it."""
    folder = Path(_loader().get_data_path()) / "lang"
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            codes = re.findall(r"^language\s+(\S+)", path.read_text("utf-8", "replace"), re.MULTILINE)
            for code in codes[:1]:
                found.setdefault(code.lower(), path.relative_to(folder).as_posix())
    return found


@cache
def _variants() -> frozenset[str]:
    """List the variants of every voice, such as f3."""
    folder = Path(_loader().get_data_path()) / "voices" / "!v"
    return frozenset(path.name for path in folder.iterdir())


class _Library:
    """The library while it is open; `_open` makes it.

    Args:
        library: as ctypes loads it.
        sample_rate: of what it speaks.
    """

    def __init__(self, library: Any, sample_rate: int) -> None:
        self._library = library
        self.sample_rate = sample_rate

    def set_voice(self, voice: str, rate: int, pitch: int = 50, pitch_range: int = 50) -> None:
        """Choose a voice and how it speaks; raise InputError for one that is not there."""
        code, _, variant = voice.partition("+")
        file = _voice_files().get(code.lower())
        known = file is not None and (not variant or variant in _variants())
        if not known or self._library.espeak_SetVoiceByName(f"{file}{'+' * bool(variant)}{variant}".encode()) != 0:
            raise InputError(f"espeak-ng has no voice {voice!r}; expected one such as en-us, en-gb-x-rp or en-us+f3")
        for parameter, value in (
            (PARAMETER_RATE, rate),
            (PARAMETER_PITCH, pitch),
            (PARAMETER_PITCH_RANGE, pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)

    def phonemes(self, text: str, form: int) -> str:
        """Ask how a text is said, as PHONEMES_AS_MNEMONICS or PHONEMES_AS_IPA, without language switches."""
        ask = self._library.espeak_TextToPhonemes
        ask.restype = ctypes.c_char_p
        ask.argtypes = (ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int)
        buffer = ctypes.create_string_buffer(text.encode())
        rest = ctypes.c_void_p(ctypes.addressof(buffer))
        parts: list[str] = []
        while rest.value:  # one clause at a time
            parts.append((ask(ctypes.byref(rest), CHARACTERS_ARE_UTF8, form) or b"").decode("utf-8", "replace"))
        return re.sub(r"\([^)]*\)", "", " ".join(parts)).strip()

    def speak(self, text: str, flags: int = 0) -> tuple[np.ndarray, list[_Mark]]:
        """Speak; return 16-bit samples and the words and phonemes among the events."""
        blocks: list[np.ndarray] = [np.zeros(0, np.int16)]
        marks: list[_Mark] = []

        @_SYNTH_CALLBACK
        def collect(samples, count, event):  # type: ignore[no-untyped-def]
            if samples and count > 0:
                blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
            index = 0
            while event[index].type != EVENT_END:
                item = event[index]
                if item.type in (EVENT_WORD, EVENT_PHONEME):
                    name = item.id.string.decode("utf-8", "replace") if item.type == EVENT_PHONEME else ""
                    marks.append(_Mark(item.type, item.sample, item.text_position - 1, name))
                index += 1
            return 0

        self._library.espeak_SetSynthCallback(collect)
        encoded = text.encode() + b"\0"
        length, flags = ctypes.c_size_t(len(encoded)), CHARACTERS_ARE_UTF8 | flags
        self._library.espeak_Synth(encoded, length, 0, 1, 0, flags, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(blocks), marks


@contextmanager
def _open() -> Iterator[_Library]:
    """Load and start the library, and stop it afterwards."""
    loader = _loader()
    with _lock:
        library = ctypes.CDLL(loader.get_library_path())
        data_path = loader.get_data_path().encode()
        rate = library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, INITIALISE_PHONEME_EVENTS_AS_IPA)
        if rate <= 0:
            raise InputError(f"espeak-ng does not start (code {rate}); reinstall espeakng-loader")
        try:
            library.espeak_ng_SetRandSeed(ctypes.c_long(RANDOM_SEED))
            yield _Library(library, rate)
        finally:
            library.espeak_Terminate()


def _resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Bring 16-bit samples to float32 at 16 kHz in [-1, 1]."""
    from scipy.signal import resample_poly

    shared = gcd(rate, SAMPLE_RATE)
    waveform = resample_poly(samples.astype(np.float32) / 32768, SAMPLE_RATE // shared, rate // shared)
    return np.clip(waveform, -1, 1).astype(np.float32)


# ---------------------------------------------------------------- events


def _silence_before(sound: np.ndarray, sample: int, earliest: int) -> int:
    """Find where the silence that ends at `sample` begins, not before `earliest`."""
    loud = np.flatnonzero(np.abs(sound[earliest:sample].astype(np.int32)) >= SILENT_SAMPLE)
    return earliest + (int(loud[-1]) + 1 if len(loud) else 0)


def _read_marks(marks: Sequence[_Mark], sound: np.ndarray, rate: int) -> tuple[list[SpokenPhone], list[int]]:
    """Turn events into phones, edge on edge but for pauses, and list the place in the text of each word.

    A phone ends where the next one, or a pause, begins; see the top of this module for stops, l and short pauses.
    """
    places = [mark.place for mark in marks if mark.kind == EVENT_WORD]
    items: list[tuple[str, int, int]] = []  # IPA ("" = pause), first sample, word
    word, earliest = -1, 0
    for kind, sample, _, name in marks:
        if kind == EVENT_WORD:
            word += 1
            paused = not items or not items[-1][0]
            earliest = sample if paused else earliest
            continue
        ipa = name.strip("ˈˌ_: ")
        start = sample
        if ipa.startswith(STOPS):
            start = _silence_before(sound, sample, max(earliest, sample - round(LONGEST_CLOSURE_SECONDS * rate)))
        items.append((ipa, start, word))
        earliest = sample
    phones: list[SpokenPhone] = []
    for index, (ipa, start, word) in enumerate(items):
        end = items[index + 1][1] if index + 1 < len(items) else start
        begin, stop = start / rate, end / rate
        if not ipa:
            following = next((item[1] for item in items[index:] if item[0]), len(sound))
            silent = np.count_nonzero(np.abs(sound[start:following].astype(np.int32)) < SILENT_SAMPLE)
            if phones and phones[-1].end == begin and silent < SHORTEST_PAUSE_SECONDS * rate:
                phones[-1] = phones[-1]._replace(end=stop)
            continue
        if ipa in ("l", "ɫ", "ɹ") and stop - begin < MERGED_SECONDS and phones and phones[-1].end >= begin:
            vowel = phones.pop()
            begin = vowel.end - MERGED_SHARE * (vowel.end - vowel.start)
            phones.append(vowel._replace(end=begin))
        if stop > begin:
            phones.append(SpokenPhone(ipa, begin, stop, word))
    return phones, places


def split_phones(spoken: Sequence[SpokenPhone], *, english: bool = True) -> list[SpokenPhone]:
    """Rename IPA to ARPAbet, cutting symbols of several phones into equal parts; raise InputError."""
    phones = []
    for phone in spoken:
        names = ipa_to_phones(phone.ipa, english=english)
        edges = np.linspace(phone.start, phone.end, len(names) + 1).tolist()
        phones += [
            SpokenPhone(name, start, end, phone.word)
            for name, start, end in zip(names, edges[:-1], edges[1:], strict=True)
        ]
    return phones


# ---------------------------------------------------------------- plain text, as espeak-ng reads it


def speak(
    text: str, voice: str = "en-us", rate: int = 160, pitch: int = 50, pitch_range: int = 50
) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Speak a text as espeak-ng itself reads it; return the sound and its phones with their times.

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
        MissingToolError: espeakng-loader is not installed.
    """
    waveform, spoken = speak_words(text, voice, rate, pitch, pitch_range)
    return waveform, [phone[:3] for phone in split_phones(spoken)]


def speak_words(
    text: str, voice: str = "en-us", rate: int = 160, pitch: int = 50, pitch_range: int = 50
) -> tuple[np.ndarray, list[SpokenPhone]]:
    """Speak a text as `speak` does; return the phones in IPA without stress, with their words."""
    with _open() as library:
        library.set_voice(voice, rate, pitch, pitch_range)
        sound, marks = library.speak(text)
        phones, _ = _read_marks(marks, sound, library.sample_rate)
        if not phones:
            raise InputError(f"espeak-ng found nothing to say in {text!r}")
        return _resample(sound, library.sample_rate), phones


# ---------------------------------------------------------------- our phones


def _is_phones(word: "SpokenWord") -> bool:
    """Tell whether a word is named by its phones, as those of `--phones` are."""
    return word.word == " ".join(word.phones)


def _stresses(phones: Sequence[str], ipa: str) -> list[int]:
    """Give each vowel of a word its stress: 0 none, 1 primary, 2 secondary.

    Args:
        phones: inventory phones of the word.
        ipa: how espeak-ng says the written word, with stress marks; "" where it is not known.
    """
    vowels = [phone for phone in phones if phone in VOWELS]
    levels: list[int] = []
    for mark, part in re.findall(r"([ˈˌ]?)([^ˈˌ]*)", ipa):
        count = sum(phone in VOWELS for phone in ipa_to_phones(part))
        levels += [{"": 0, "ˈ": 1, "ˌ": 2}[mark], *[0] * (count - 1)][:count]
    if len(levels) == len(vowels):
        return levels
    if not vowels:
        return []
    if 1 in levels:  # other vowels than the dictionary's: at about the same place
        first = min(len(vowels) - 1, round(levels.index(1) * len(vowels) / len(levels)))
    else:
        first = next((place for place, vowel in enumerate(vowels) if vowel not in ("AH", "IH", "ER")), 0)
    return [int(place == first) for place in range(len(vowels))]


def stressed_phones(words: "Sequence[SpokenWord]") -> list[list[tuple[str, int]]]:
    """Find the stress of each phone of English words, as espeak-ng stresses the written word.

    Returns:
        For each word (inventory phone, stress): 0 none, 1 primary, 2 secondary; consonants have none.
    """
    with _open() as library:
        library.set_voice("en-us", USUAL_RATE)
        return [_stress_word(word, library) for word in words]


def _stress_word(word: "SpokenWord", library: _Library) -> list[tuple[str, int]]:
    plain = not _is_phones(word) and SILENCE not in word.phones
    try:
        levels = _stresses(word.phones, library.phonemes(word.word, PHONEMES_AS_IPA) if plain else "")
    except InputError:  # a foreign letter's name, say
        levels = _stresses(word.phones, "")
    if len(word.word) == 1:  # the article is not stressed, a letter's name is
        levels = [0] if word.phones == ("AH",) else _stresses(word.phones, "")
    left = iter(levels)
    return [(phone, next(left) if phone in VOWELS else 0) for phone in word.phones]


def _write_word(word: "SpokenWord", library: _Library, english: bool) -> str:
    """Write a word as espeak-ng's phonemes."""
    if not english:
        return library.phonemes(word.word, PHONEMES_AS_MNEMONICS)
    stressed = _stress_word(word, library)
    written = []
    for index, (phone, stress) in enumerate(stressed):
        mnemonic = MNEMONICS[phone][stress > 0]
        before, after = (word.phones[i] if 0 <= i < len(stressed) else "" for i in (index - 1, index + 1))
        if phone == "R" and before in VOWELS and after not in VOWELS:
            mnemonic = FINAL_R
        written.append(STRESS_MARKS[stress] + mnemonic)
    return "|".join(written)


def _match_phones(asked: Sequence[str], spoken: Sequence[SpokenPhone]) -> list[SpokenPhone]:
    """Name the events of one English word by the phones that were asked for.

    An event is renamed where it stands for a phone that was asked for (an accent's vowel, a flapped t); what the voice
    puts in keeps its own name, but for an r that links ER to a vowel, which is part of ER; what it leaves out is not
    heard. The cheapest pairing is chosen, by the distances of `_difference`.
    """
    names = [ipa_to_phones(phone.ipa) for phone in spoken]
    rows, columns = len(asked) + 1, len(spoken) + 1
    cost = np.zeros((rows, columns))
    cost[:, 0], cost[0, :] = np.arange(rows), np.arange(columns)
    for row in range(1, rows):
        for column in range(1, columns):
            paired = cost[row - 1, column - 1] + _difference(asked[row - 1], names[column - 1])
            cost[row, column] = min(paired, cost[row - 1, column] + 1, cost[row, column - 1] + 1)
    found: list[SpokenPhone] = []
    row, column = rows - 1, columns - 1
    while column:
        phone = spoken[column - 1]
        if row and cost[row, column] == cost[row - 1, column - 1] + _difference(asked[row - 1], names[column - 1]):
            found.append(phone._replace(ipa=asked[row - 1]))
            row, column = row - 1, column - 1
        elif row and cost[row, column] == cost[row - 1, column] + 1:
            row -= 1
        else:
            found += reversed(split_phones([phone]))
            column -= 1
    found.reverse()
    for index in range(len(found) - 1, 0, -1):
        if found[index].ipa == "R" and found[index - 1].ipa == "ER" and len(found) > len(asked):
            found[index - 1 : index + 1] = [found[index - 1]._replace(end=found[index].end)]
    return found


def _difference(asked: str, found: Sequence[str]) -> float:
    """Tell how far a heard phone is from the one that was asked for; 2 keeps a vowel and a consonant apart."""
    if tuple(found) == (asked,):
        return 0.0
    if asked in found:
        return 0.25
    return 0.75 if (asked in VOWELS) == any(name in VOWELS for name in found) else 2.0


def _clauses(sentence: "Sequence[SpokenWord]", written: Sequence[str]) -> tuple[str, list[int]]:
    """Write a sentence for espeak-ng; return it and the place of each word in it."""
    text, places, clause = "", [], 0
    for index, (word, phonemes) in enumerate(zip(sentence, written, strict=True)):
        last = index + 1 == len(sentence) or not any(item.word for item in sentence[index + 1 :])
        if not word.word:
            text, clause = text + ("" if last else ","), 0
            continue
        if clause + len(phonemes) > LONGEST_CLAUSE:
            text, clause = text + ",", 0
        text += " " * bool(text)
        places.append(len(text))
        text += f"[[{phonemes}]]"
        clause += len(phonemes) + 5
        if last:
            text += "."
    return text, places


class Espeak:
    """The backend `espeak`: always there, needs nothing but pip."""

    name = "espeak"
    timing = SYNTHESISER

    def is_available(self) -> bool:
        """Tell whether the library is installed."""
        try:
            _loader()
        except MissingToolError:
            return False
        return True

    def version(self) -> str:
        """Name the library's version, such as "1.52.0"; raise MissingToolError where it is not installed."""
        library = ctypes.CDLL(_loader().get_library_path())
        library.espeak_Info.restype = ctypes.c_char_p
        return library.espeak_Info(None).decode("utf-8", "replace").split()[0]

    def voices(self) -> list[str]:
        """List the voices, by language; `+VARIANT` may follow, such as `+f3`."""
        return sorted(_voice_files())

    def speak(
        self,
        words: "Sequence[SpokenWord]",
        *,
        alignment: Alignment | None = None,
        language: str = "en-us",
        voice: str | None = None,
        rate: float = 1.0,
    ) -> Spoken:
        """Speak words; commas and sentences pause as espeak-ng and the text say. See `Backend.speak`.

        Args:
            words: what to say.
            alignment: None; espeak-ng makes its own times.
            language: the words' language; a voice of another one is refused.
            voice: such as `en-us`, `en-gb-x-rp`, `en-us+f3`; None = the language's own.
            rate: 0.5 to 2.8; 1 is 160 words a minute.
        """
        if alignment is not None:
            raise InputError("espeak makes its own phone times; to speak at given times use the backend festival")
        pace = round(USUAL_RATE * check_rate(rate, SLOWEST, FASTEST, self.name))
        chosen = voice or language
        english = language.startswith("en")
        if chosen.split("-")[0].split("+")[0].lower() != language.split("-")[0]:
            raise InputError(f"voice {chosen!r} does not speak {language!r}; expected one such as {language}")
        assembly = Assembly()
        with _open() as library:
            library.set_voice(chosen, pace)
            spoken = sentences(words)
            for number, sentence in enumerate(spoken):
                pause = sentence[-1].pause_seconds / rate if number + 1 < len(spoken) else 0.0
                assembly.add(*_speak_sentence(sentence, library, english), pause_seconds=pause)
        return assembly.finish(self.name, self.timing)


def _speak_sentence(
    sentence: "Sequence[SpokenWord]", library: _Library, english: bool
) -> tuple[np.ndarray, list[Interval], list[Interval]]:
    """Speak one sentence; return the sound from first to last phone, the phones and the words."""
    own = [word for word in sentence if word.word]
    written = [_write_word(word, library, english) if word.word else "" for word in sentence]
    text, places = _clauses(sentence, written)
    sound, marks = library.speak(text, TEXT_HOLDS_PHONEMES)
    found, word_places = _read_marks(marks, sound, library.sample_rate)
    phones: list[Interval] = []
    words: list[Interval] = []
    found = [
        phone._replace(word=bisect_right(places, word_places[phone.word]) - 1) for phone in found if phone.word >= 0
    ]
    for index, group in groupby(found, key=lambda phone: phone.word):
        events = list(group)
        named = _match_phones(own[index].phones, events) if english else split_phones(events, english=False)
        phones += [Interval(phone.ipa, phone.start, phone.end) for phone in named]
        if named:
            words.append(Interval(own[index].word, named[0].start, named[-1].end))
    if not phones:
        return np.zeros(0, np.float32), [], []
    start, end = phones[0].start, phones[-1].end
    first, last = round(start * library.sample_rate), round(end * library.sample_rate)
    moved = [
        [item._replace(start=item.start - start, end=item.end - start) for item in tier] for tier in (phones, words)
    ]
    return _resample(sound[first:last], library.sample_rate), moved[0], moved[1]


assert set(MNEMONICS) == set(PHONES) - {SILENCE}
