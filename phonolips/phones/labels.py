"""The labels of a phone tier, in whatever set they are written, as phones of the inventory and other IPA sounds.

Three sets are known: ARPAbet (with or without stress, TIMIT's closures and variants), IPA (with Praat's backslash
codes), and SAMPA (with X-SAMPA). The labels decide which one it is, all together: the set that knows the most different
ones; of equals, ARPAbet before SAMPA before IPA. So `aw` next to `hh` is ARPAbet, and `eI` next to `S` is SAMPA. Where
IPA or SAMPA transcribes another language than English, what English lacks keeps its IPA, in brackets: `[y]`. ARPAbet
may have such labels, too.

Silences and speech without known phones are spelt the same way everywhere (`phones.inventory`). A label of several
phones shares its time evenly among them; a glottal stop without a phone of its own leaves its time to the next phone.
"""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from phonolips.errors import InputError
from phonolips.phones.intervals import EDGE_TOLERANCE_SECONDS, Interval
from phonolips.phones.inventory import (
    PHONE_IDS,
    SILENCE,
    UNKNOWN,
    is_silence,
    is_sound,
    is_unknown,
    normalise_phone,
    strip_stress,
)
from phonolips.phones.ipa import (
    ALIGNER_READINGS,
    ENGLISH_MARKS,
    ENGLISH_READINGS,
    ENGLISH_SYMBOLS,
    ENGLISH_VARIANTS,
    IPA_TO_ARPABET,
)
from phonolips.phones.segments import split_sounds
from phonolips.phones.sounds import mix_sound

ARPABET, SAMPA, IPA = "ARPAbet", "SAMPA", "IPA"

# Beyond the 39 phones: variants that TIMIT, Festival's voices and older dictionaries write, and BEEP's British vowels.
ARPABET_VARIANTS: dict[str, tuple[str, ...]] = {
    "AX": ("AH",), "AXR": ("ER",), "IX": ("IH",), "UX": ("UW",), "AX-H": ("AH",), "AXH": ("AH",), "DX": ("T",),
    "NX": ("N",), "EL": ("AH", "L"), "EM": ("AH", "M"), "EN": ("AH", "N"), "ENG": ("AH", "NG"), "HV": ("HH",),
    "WH": ("W",), "OH": ("AA",), "Q": (),
}  # fmt: skip
BRITISH_VARIANTS: dict[str, tuple[str, ...]] = {
    name: IPA_TO_ARPABET[ipa] for name, ipa in (("IA", "ɪə"), ("EA", "eə"), ("UA", "ʊə"))
}
# TIMIT's closures: one phone with the release that follows.
CLOSURES: dict[str, tuple[str, ...]] = {
    "BCL": ("B",), "DCL": ("D", "JH"), "GCL": ("G",), "PCL": ("P",), "TCL": ("T", "CH"), "KCL": ("K",)
}  # fmt: skip

# SAMPA and X-SAMPA to IPA (Wells 1995); what is the same letter in both stands below. MAUS writes SAMPA.
SAMPA_TO_IPA: dict[str, str] = {
    "@": "ə", "{": "æ", "}": "ʉ", "1": "ɨ", "2": "ø", "3": "ɜ", "4": "ɾ", "5": "ɫ", "6": "ɐ", "7": "ɤ", "8": "ɵ",
    "9": "œ", "&": "ɶ", "?": "ʔ", "A": "ɑ", "B": "β", "C": "ç", "D": "ð", "E": "ɛ", "F": "ɱ", "G": "ɣ", "H": "ɥ",
    "I": "ɪ", "J": "ɲ", "K": "ɬ", "L": "ʎ", "M": "ɯ", "N": "ŋ", "O": "ɔ", "P": "ʋ", "Q": "ɒ", "R": "ʁ", "S": "ʃ",
    "T": "θ", "U": "ʊ", "V": "ʌ", "W": "ʍ", "X": "χ", "Y": "ʏ", "Z": "ʒ", "@`": "ɚ", "3`": "ɝ", "@r": "ɚ",
    "r\\": "ɹ", "r\\`": "ɻ", "R\\": "ʀ", "s\\": "ɕ", "z\\": "ʑ", "j\\": "ʝ", "h\\": "ɦ", "H\\": "ʜ", "G\\": "ɢ",
    "N\\": "ɴ", "B\\": "ʙ", "M\\": "ɰ", "L\\": "ʟ", "l\\": "ɺ", "K\\": "ɮ", "p\\": "ɸ", "v\\": "ʋ", "x\\": "ɧ",
    "X\\": "ħ", "J\\": "ɟ", "I\\": "ᵻ", "3\\": "ɞ", "@\\": "ɘ", "?\\": "ʕ", "t`": "ʈ", "d`": "ɖ", "n`": "ɳ",
    "s`": "ʂ", "z`": "ʐ", "l`": "ɭ", "r`": "ɽ", "g_<": "ɠ", "b_<": "ɓ", "d_<": "ɗ",
    ":": "ː", "=": "\u0329", "~": "\u0303", "'": "ʲ", '"': "", "%": "", "-": "", "^": "", ":\\": "ˑ",
}  # fmt: skip
SAMPA_TO_IPA |= {letter: letter for letter in "abcdefghijklmnopqrstuvwxyz"}
_SAMPA = re.compile(
    "|".join(re.escape(key) for key in sorted(SAMPA_TO_IPA, key=len, reverse=True)) + r"|_[A-Za-z0-9?~=^+\-/\\\"}]"
)
# Two symbols that one SAMPA label may hold, besides the diphthongs and affricates of the IPA table; and any vowel with
# the vocalic r that MAUS writes behind it in German, as in E6.
SAMPA_PAIRS = frozenset(("ts", "dz", "pf", "kx", "ks", "ɔʏ", "ɔy", "oy", "ɛə", "aɐ", "əl", "ən", "əm"))

# Praat's codes for symbols in files of plain ASCII, as its command backslashTrigraphsToUnicode$ reads them (6.1).
PRAAT_CODES: dict[str, str] = {
    r"\ab": "ɒ", r"\ae": "æ", r"\as": "ɑ", r"\at": "ɐ", r"\ay": "ɒ", r"\bc": "ʙ", r"\be": "β", r"\bf": "β",
    r"\cc": "ɕ", r"\cf": "χ", r"\ci": "χ", r"\ct": "ɔ", r"\c,": "ç", r"\dh": "ð", r"\d.": "ɖ", r"\ef": "ɛ",
    r"\ep": "ɛ", r"\er": "ɜ", r"\e-": "ɘ", r"\ff": "ɸ", r"\fh": "ɾ", r"\f.": "ɽ", r"\gc": "ɢ", r"\gf": "ɣ",
    r"\ga": "ɣ", r"\gs": "ɡ", r"\hc": "ʜ", r"\hj": "ɧ", r"\hr": "˞", r"\hs": "ʊ", r"\ht": "ɥ", r"\h^": "ɦ",
    r"\ic": "ɪ", r"\i-": "ɨ", r"\jc": "ʝ", r"\j-": "ɟ", r"\kb": "ɞ", r"\lc": "ʟ", r"\li": "", r"\lz": "ɮ",
    r"\l-": "ɬ", r"\l.": "ɭ", r"\l~": "ɫ", r"\mj": "ɱ", r"\ml": "ɰ", r"\mt": "ɯ", r"\nc": "ɴ", r"\ng": "ŋ",
    r"\nj": "ɲ", r"\n.": "ɳ", r"\oe": "œ", r"\o-": "ɵ", r"\o/": "ø", r"\rc": "ʀ", r"\rh": "ɤ", r"\ri": "ʁ",
    r"\rl": "ɺ", r"\rt": "ɹ", r"\r.": "ɻ", r"\sh": "ʃ", r"\sr": "ɚ", r"\sw": "ə", r"\s.": "ʂ", r"\te": "θ",
    r"\tf": "θ", r"\ts": "ʦ", r"\tS": "ʧ", r"\t.": "ʈ", r"\u-": "ʉ", r"\vs": "ʋ", r"\vt": "ʌ", r"\wt": "ʍ",
    r"\yc": "ʏ", r"\yt": "ʎ", r"\zc": "ʑ", r"\zh": "ʒ", r"\z.": "ʐ", r"\Oe": "ɶ", r"\:f": "ː", r"\.f": "ˑ",
    r"\?g": "ʔ", r"\|v": "\u0329", r"\a~": "ã", r"\o~": "õ",
}  # fmt: skip
_CODE = re.compile(r"\\([A-Za-z:.?|^~'`+\-0-9][^\s\\])")

SYLLABIC, KEPT_MARKS = "\u0329", "\u0329\u031d\u030a"  # the combining marks that stand in keys of the table
_LONGEST = max(map(len, (*IPA_TO_ARPABET, *ALIGNER_READINGS)))
_POSITION = re.compile(r"(.+)_[BIES]")  # where in its word a phone stands, as Kaldi writes it
_SPACING_MARKS = ("Lm", "Mn", "Sk")  # Unicode's letters and marks that modify others: length, aspiration, tone


MOST_SYMBOLS = 2  # of the table that one IPA label may hold, as in `aɪə`; with more it is a word or a syllable


class Reading(NamedTuple):
    """One label: its phones (none for a glottal stop that is none), whether they are what it says, and its symbols."""

    phones: tuple[str, ...]
    exact: bool
    symbols: int = 1


class PhoneTier(NamedTuple):
    """A tier as phones: what it was written in, and how often which label was only approximated by which phones."""

    phones: list[Interval]
    label_set: str
    nearest: Counter[tuple[str, tuple[str, ...]]]


class UnknownLabelError(InputError):
    """A label that no set of phones knows; `known` of `labels` different ones are known."""

    def __init__(self, message: str, known: int, labels: int) -> None:
        super().__init__(message)
        self.known, self.labels = known, labels


# ---------------------------------------------------------------- one label


def read_arpabet(label: str) -> Reading | None:
    """Read an ARPAbet label in any case, with or without stress, or IPA in brackets; None where it is none."""
    if is_sound(label):
        return _read_brackets(label)
    name = strip_stress(label.upper())
    if name in PHONE_IDS and name != SILENCE:
        return Reading((name,), True)
    if name in ARPABET_VARIANTS:
        return Reading(ARPABET_VARIANTS[name], True)
    if name in CLOSURES:
        return Reading(CLOSURES[name][:1], True)
    return Reading(BRITISH_VARIANTS[name], False) if name in BRITISH_VARIANTS else None


def _read_brackets(label: str) -> Reading | None:
    try:
        return Reading((normalise_phone(label),), True)
    except InputError:
        return None


def _plain_ipa(label: str) -> str:
    """Write an IPA label with the symbols of the table: codes replaced, ties, stress and most marks dropped."""
    text = unicodedata.normalize("NFD", _without_codes(label)).replace("c\u0327", "ç").replace("ɾ\u0303", "n")
    text = text.replace("ə˞", "ɚ").replace("ɜ˞", "ɝ").replace(":", "ː").replace("\u030d", SYLLABIC)
    return "".join(mark for mark in text if mark in KEPT_MARKS or unicodedata.category(mark) != "Mn")


def read_ipa(label: str, *, english: bool = False) -> Reading | None:
    """Read an IPA label of one symbol or two; None where it is none.

    Args:
        label: with any marks; Praat's backslash codes are read too.
        english: read symbols as transcriptions of English mean them.
    """
    text = _plain_ipa(label)
    phones: list[str] = []
    exact, position, letters = True, 0, 0
    while position < len(text):
        for length in range(min(_LONGEST, len(text) - position), 0, -1):
            symbol = text[position : position + length]
            found = ENGLISH_READINGS.get(symbol) if english or symbol == "ʔ" else None
            found = ALIGNER_READINGS.get(symbol, IPA_TO_ARPABET.get(symbol)) if found is None else found
            if found is not None and symbol.isascii() and not symbol.islower():
                found = None  # espeak's capitals are no IPA
            if found is None:
                continue
            phones += () if found == tuple(phones[-len(found) :]) else found
            exact &= symbol in ENGLISH_SYMBOLS or not found or (english and symbol in ENGLISH_VARIANTS)
            letters += 1
            position += length
            break
        else:
            mark = text[position]
            if unicodedata.category(mark) not in (*_SPACING_MARKS, "No") and mark not in "ˈˌ.'‿|\u0361\u035c":
                return None
            position += 1
    return Reading(tuple(phones), exact, letters) if 0 < letters <= MOST_SYMBOLS else None


def _without_codes(label: str) -> str:
    """Write Praat's codes as the IPA that they stand for."""
    return _CODE.sub(lambda found: PRAAT_CODES.get(found[0], "" if found[0][-1] in "v^" else found[0]), label)


def read_sounds(ipa: str) -> tuple[str, ...]:
    """Read an IPA label of another language than English: phones, and sounds in brackets; raise InputError for none."""
    text = _without_codes(ipa).replace("ɾ\u0303", "n").replace(":", "ː")
    return tuple(label for labels in split_sounds(text) for label in labels)


def _sampa_to_ipa(label: str) -> list[str] | None:
    """Convert a SAMPA label to the IPA of its parts; None where it is none."""
    parts: list[str] = []
    position = 0
    while position < len(label):
        found = _SAMPA.match(label, position)
        if found is None:
            return None
        parts.append(SAMPA_TO_IPA.get(found[0], ""))
        position = found.end()
    return parts


def read_sampa(label: str, *, english: bool = False) -> Reading | None:
    """Read a SAMPA or X-SAMPA label of one symbol, a diphthong or an affricate; None where it is none."""
    parts = _sampa_to_ipa(label)
    if parts is None:
        return None
    ipa = "".join(parts)
    symbols = [part for part in parts if part and part not in ("ː", "ˑ", SYLLABIC, "\u0303", "ʲ")]
    pair = "".join(symbols)
    known = pair in IPA_TO_ARPABET or pair in ALIGNER_READINGS or pair in SAMPA_PAIRS or pair[-1:] == "ɐ"
    if not symbols or len(symbols) > 2 or (len(symbols) == 2 and not known):
        return None
    reading = read_ipa(ipa, english=english)
    return reading if reading is None or ipa != "ʔ" else Reading((), True)


# ---------------------------------------------------------------- a tier


def read_phones(tier: Sequence[Interval], words: Sequence[Interval] = ()) -> PhoneTier:
    """Turn the labels of a tier into phones, `sil` and `spn`.

    Args:
        tier: in order.
        words: that are said, for what stands at the beginning of one; may be empty.

    Raises:
        UnknownLabelError: a label that none of the sets knows, or labels of words or syllables.
    """
    bare = [Interval(strip_position(label), start, end) for label, start, end in tier]
    label_set, readings = _choose_set(_spoken(bare))
    _check_known(bare, label_set, readings)
    starts = [word.start for word in words if not is_silence(word.label)]
    phones: list[Interval] = []
    nearest: Counter[tuple[str, tuple[str, ...]]] = Counter()
    waiting: Interval | None = None  # time without a phone of its own
    closure: tuple[str, ...] = ()  # the releases that the last label is the closure of
    for label, start, end in bare:
        reading = readings.get(label)
        if reading is None:
            reading = Reading((UNKNOWN if is_unknown(label) else SILENCE,), True)
        elif label == "ʔ" and _begins_word(start, starts, phones):
            reading = Reading((), True)
        if not reading.exact:
            nearest[label, reading.phones] += 1
        if not reading.phones:
            waiting = Interval(label, waiting.start if waiting and _touch(waiting.end, start) else start, end)
            continue
        if waiting is not None:
            if reading.phones[0] != SILENCE and _touch(waiting.end, start):
                start = waiting.start
            else:
                _lengthen_last(phones, waiting)
            waiting = None
        if reading.phones[0] in closure and phones and _touch(phones[-1].end, start):
            phones[-1] = Interval(reading.phones[0], phones[-1].start, end)
        else:
            phones += split_evenly(reading.phones, start, end)
        closure = CLOSURES.get(label.upper(), ()) if label_set == ARPABET else ()
    if waiting is not None:
        _lengthen_last(phones, waiting)
    return PhoneTier(phones, label_set, nearest)


def _spoken(tier: Sequence[Interval]) -> list[str]:
    """List the different labels that are phones, in the order in which they first occur."""
    labels = dict.fromkeys(each.label for each in tier)
    return [label for label in labels if not (is_silence(label) or is_unknown(label))]


def _check_known(tier: Sequence[Interval], label_set: str, readings: Mapping[str, Reading | None]) -> None:
    """Raise UnknownLabelError for a label without a reading, or where most labels hold several symbols."""
    missing = next((each for each in tier if each.label in readings and readings[each.label] is None), None)
    if missing is not None:
        known = sum(reading is not None for reading in readings.values())
        raise UnknownLabelError(
            f"{missing.label[:40]!r} at {missing.start:.2f} s is no phone that is known "
            f"({known} of {len(readings)} labels are {label_set})",
            known,
            len(readings),
        )
    several = sum(reading is not None and reading.symbols > 1 for reading in readings.values())
    if 2 * several > len(readings):
        raise UnknownLabelError(f"{several} of {len(readings)} labels are more than one phone", 0, len(readings))


def _touch(end: float, start: float) -> bool:
    return abs(end - start) <= EDGE_TOLERANCE_SECONDS


def _begins_word(start: float, starts: Sequence[float], phones: Sequence[Interval]) -> bool:
    """Return whether a word begins here; where no words are known, whether silence is before."""
    if not starts:
        return not phones or phones[-1].label == SILENCE
    place = bisect_left(starts, start - EDGE_TOLERANCE_SECONDS)
    return place < len(starts) and _touch(starts[place], start)


def _lengthen_last(phones: list[Interval], waiting: Interval) -> None:
    """Give time without a phone to the phone before it, where there is one."""
    if phones and phones[-1].label != SILENCE and _touch(phones[-1].end, waiting.start):
        phones[-1] = phones[-1]._replace(end=waiting.end)


def split_evenly(labels: Sequence[str], start: float, end: float) -> list[Interval]:
    """Share an interval evenly among phones."""
    if len(labels) == 1:
        return [Interval(labels[0], start, end)]
    edges = [start + (end - start) * index / len(labels) for index in range(len(labels))]
    return [Interval(*each) for each in zip(labels, edges, [*edges[1:], end], strict=True)]


def strip_position(label: str) -> str:
    """Drop Kaldi's mark of the position in the word: `DH_B` -> `DH`."""
    found = _POSITION.fullmatch(label) if "_" in label else None
    return found[1] if found else label


def _is_english(labels: Sequence[str]) -> bool:
    """Return whether IPA labels transcribe English."""
    return any(mark in label for label in labels for mark in ENGLISH_MARKS)


def _choose_set(labels: Sequence[str]) -> tuple[str, Mapping[str, Reading | None]]:
    """Choose the set that knows the most of some different labels; return it and what it makes of them."""
    every: dict[str, Callable[[str], Reading | None]] = {ARPABET: read_arpabet}
    readings = {label: read_arpabet(label) for label in labels}
    if all(reading is not None for reading in readings.values()):
        return ARPABET, readings
    as_ipa = ["".join(_sampa_to_ipa(label) or ()) for label in labels]
    every[SAMPA] = partial(read_sampa, english=_is_english(as_ipa))
    every[IPA] = partial(read_ipa, english=_is_english(labels))
    tables = {name: {label: read(label) for label in labels} for name, read in every.items()}
    best = max(tables, key=lambda name: sum(reading is not None for reading in tables[name].values()))
    ipa = dict(zip(labels, as_ipa if best == SAMPA else labels, strict=True))
    found = tables[best]
    if best == ARPABET or _is_english(list(ipa.values())):
        return best, found
    sounds = {label: reading and _as_sounds(reading, ipa[label]) for label, reading in found.items()}
    pairs = zip(found.values(), sounds.values(), strict=True)
    is_foreign = any(new is not None and old is not None and not (old.exact or new.exact) for old, new in pairs)
    return best, sounds if is_foreign else found


def _as_sounds(reading: Reading, ipa: str) -> Reading:
    """Read a label that English may lack by its sounds; a diphthong or affricate that English has stays its phone."""
    if reading.exact and len(_plain_ipa(ipa).rstrip("ː")) > 1:
        return reading
    try:
        labels = read_sounds(ipa)
    except InputError:
        return reading
    return reading._replace(phones=labels, exact=not any(is_sound(label) for label in labels))


def describe_nearest(nearest: Counter[tuple[str, tuple[str, ...]]], most: int = 8) -> str:
    """List what was approximated: `øː (OW+AO) 3 times, x (K+Y)`; the most frequent first.

    Phones of one mixture are joined by a plus; what follows each other has a space between.
    """
    shown = [
        f"{label} ({' '.join(map(_mixture_of, phones)) or 'nothing'})" + (f" {times} times" if times > 1 else "")
        for (label, phones), times in nearest.most_common(most)
    ]
    more = len(nearest) - len(shown)
    return ", ".join(shown) + (f" and {more} more symbols" if more else "")


def _mixture_of(label: str) -> str:
    """Write a label's phones, those of a sound's mixture joined by a plus."""
    return "+".join(phone for phone, _ in mix_sound(label[1:-1]).phones) if is_sound(label) else label
