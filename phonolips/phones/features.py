"""What can be seen of a sound of speech: numbers for lips, jaw and tongue, by the letters and marks of the IPA chart.

The chart of the International Phonetic Association (revised to 2020) places each letter: vowels by height, frontness
and rounding, consonants by place, manner and voice. From that place follow the features here, each from 0 to 1.
`phonolips.phones.sounds` makes mixtures of English phones that have the same features.
"""

import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple

from phonolips.errors import InputError

# How much each feature shows. Rounding and opening are what lips do, and hiding phones from the training showed that
# rounding matters more (docs/sounds.md); spreading shows in the corners; of the tongue little is seen; throat and nose
# are not seen, and only choose between equals (B before P for a voiced stop).
VISIBILITY: Mapping[str, float] = {
    "opening": 1.0,  # of the jaw: 0 as in `see`, 1 as in `father`
    "rounding": 1.5,  # lips drawn together and forward: 1 as in French `vous` and `vu`
    "spread": 0.6,  # corners of the mouth drawn apart: 1 as in `see`
    "biting": 0.5,  # lower lip at the upper teeth: 1 as in `five`
    "dental": 0.3,  # tip of the tongue between the teeth or at them: 1 as in `thin`
    "tongue": 0.4,  # where it narrows the mouth: 0 teeth, 0.5 palate, 1 glottis
    "syllabic": 0.5,  # 1 vowels, 0.5 glides, 0 consonants
    "stricture": 0.3,  # 1 stops, 0.7 fricatives, 0.3 approximants, 0 vowels
    "sibilant": 0.3,  # teeth together: 1 as in `see` and `she`
    "lateral": 0.1,
    "nasal": 0.05,
    "voice": 0.05,
}
FEATURES = tuple(VISIBILITY)

SHUT, BITE, APART = "shut", "bite", "apart"  # what lips do as a whole, as in p, f and everything else


class Sound(NamedTuple):
    """One sound: what its lips do as a whole (SHUT, BITE or APART), and the values of its other features than 0."""

    lips: str
    features: Mapping[str, float]

    def value(self, name: str) -> float:
        """Return one feature's value."""
        return self.features.get(name, 0.0)

    def changed(self, **values: float) -> "Sound":
        """Return the sound with other values of some features, cut to [0, 1]."""
        cut = {name: min(1.0, max(0.0, value)) for name, value in values.items()}
        return Sound(self.lips, {**self.features, **cut})


# ---------------------------------------------------------------- vowels

# Letters of the chart by height (0 close, 1 open) and frontness (1 front, 0 back), unrounded and rounded.
_VOWELS: tuple[tuple[float, float, str, str], ...] = (
    (0.0, 1.0, "i", "y"), (0.0, 0.5, "ɨ", "ʉ"), (0.0, 0.0, "ɯ", "u"),
    (0.17, 0.8, "ɪ", "ʏ"), (0.17, 0.5, "ᵻ", "ᵿ"), (0.17, 0.2, "", "ʊ"),
    (0.33, 1.0, "e", "ø"), (0.33, 0.5, "ɘ", "ɵ"), (0.33, 0.0, "ɤ", "o"),
    (0.5, 0.5, "ə", ""),
    (0.67, 1.0, "ɛ", "œ"), (0.67, 0.5, "ɜ", "ɞ"), (0.67, 0.0, "ʌ", "ɔ"),
    (0.83, 1.0, "æ", ""), (0.83, 0.5, "ɐ", ""),
    (1.0, 0.7, "a", "ɶ"), (1.0, 0.0, "ɑ", "ɒ"),
)  # fmt: skip
# Lips round less for open vowels, and the corners of an open mouth are not drawn apart (Ladefoged and Johnson, A
# Course in Phonetics, on rounding): an open vowel has this much less of either.
_LESS_WHERE_OPEN = 0.6
_FRONT_TONGUE, _BACK_TONGUE = 0.5, 0.75  # where a front and a back vowel narrow the mouth


def _vowel(height: float, front: float, rounded: bool) -> Sound:
    amount = 1 - _LESS_WHERE_OPEN * height
    return Sound(
        APART,
        {
            "opening": height,
            "rounding": amount if rounded else 0.0,
            "spread": 0.0 if rounded else front * amount,
            "tongue": _BACK_TONGUE + front * (_FRONT_TONGUE - _BACK_TONGUE),
            "syllabic": 1.0,
            "voice": 1.0,
        },
    )


# ---------------------------------------------------------------- consonants

# Places: what the lips do, and what lips, jaw and tongue show there while the vowels around are neutral. A tongue
# that works far back leaves the jaw to the vowels, so it opens as they do.
_PLACES: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "bilabial": (SHUT, {"tongue": 0.6}),
    "labiodental": (BITE, {"tongue": 0.6, "opening": 0.1, "biting": 1.0}),
    # No stop, but air between lips that nearly touch: a narrow slit with no teeth, as f has; half a bite.
    "lips": (BITE, {"tongue": 0.6, "opening": 0.05, "biting": 0.5}),
    "dental": (APART, {"tongue": 0.0, "opening": 0.2, "dental": 1.0}),
    "alveolar": (APART, {"tongue": 0.15, "opening": 0.2}),
    "postalveolar": (APART, {"tongue": 0.35, "opening": 0.15, "rounding": 0.4}),
    "retroflex": (APART, {"tongue": 0.35, "opening": 0.2, "rounding": 0.2}),
    "alveolopalatal": (APART, {"tongue": 0.4, "opening": 0.1, "spread": 0.3}),
    "palatal": (APART, {"tongue": 0.5, "opening": 0.15, "spread": 0.3}),
    "labiopalatal": (APART, {"tongue": 0.5, "opening": 0.05, "rounding": 1.0}),
    "labiovelar": (APART, {"tongue": 0.7, "opening": 0.05, "rounding": 1.0}),
    "velar": (APART, {"tongue": 0.7, "opening": 0.35}),
    "uvular": (APART, {"tongue": 0.8, "opening": 0.45}),
    "pharyngeal": (APART, {"tongue": 0.9, "opening": 0.6}),
    "glottal": (APART, {"tongue": 1.0, "opening": 0.45}),
}
GLIDE = 0.5  # how syllabic one is
# Manners: stricture and what else they show. Sibilants bring the teeth together (the place's opening shrinks).
_MANNERS: Mapping[str, Mapping[str, float]] = {
    "stop": {"stricture": 1.0}, "nasal": {"stricture": 1.0, "nasal": 1.0}, "affricate": {"stricture": 0.9},
    "sibilant affricate": {"stricture": 0.9, "sibilant": 1.0}, "fricative": {"stricture": 0.7},
    "sibilant": {"stricture": 0.7, "sibilant": 1.0}, "trill": {"stricture": 0.6}, "tap": {"stricture": 0.6},
    "lateral": {"stricture": 0.5, "lateral": 1.0}, "lateral fricative": {"stricture": 0.7, "lateral": 1.0},
    "approximant": {"stricture": 0.3}, "glide": {"stricture": 0.2, "syllabic": GLIDE},
    "click": {"stricture": 1.0}, "lateral click": {"stricture": 1.0, "lateral": 1.0},
}  # fmt: skip
_SIBILANT_OPENING = 0.08  # of the jaw: the teeth nearly meet, at whatever place
# Letters by place and manner, voiceless and voiced; two letters that are written without a tie are no sound here.
_CONSONANTS: tuple[tuple[str, str, str, str], ...] = (
    ("bilabial", "stop", "p", "b ɓ"), ("bilabial", "nasal", "", "m"), ("bilabial", "trill", "", "ʙ"),
    ("bilabial", "click", "ʘ", ""), ("lips", "fricative", "ɸ", "β"),
    ("labiodental", "fricative", "f", "v"), ("labiodental", "nasal", "", "ɱ"), ("labiodental", "approximant", "", "ʋ"),
    ("labiodental", "tap", "", "ⱱ"),
    ("dental", "fricative", "θ", "ð"), ("dental", "click", "ǀ ʇ", ""),
    ("alveolar", "stop", "t", "d ɗ"), ("alveolar", "nasal", "", "n"), ("alveolar", "trill", "", "r"),
    ("alveolar", "tap", "", "ɾ"), ("alveolar", "sibilant", "s", "z"), ("alveolar", "lateral fricative", "ɬ", "ɮ"),
    ("alveolar", "lateral", "", "l ɺ"), ("alveolar", "approximant", "", "ɹ"), ("alveolar", "lateral click", "ǁ ʖ", ""),
    ("alveolar", "sibilant affricate", "ʦ", "ʣ"),
    ("postalveolar", "sibilant", "ʃ", "ʒ"), ("postalveolar", "sibilant affricate", "ʧ", "ʤ"),
    ("alveolar", "click", "ǃ ʗ", ""), ("velar", "sibilant", "ɧ", ""),
    ("retroflex", "stop", "ʈ", "ɖ ᶑ"), ("retroflex", "nasal", "", "ɳ"), ("retroflex", "tap", "", "ɽ"),
    ("retroflex", "sibilant", "ʂ", "ʐ"), ("retroflex", "approximant", "", "ɻ"), ("retroflex", "lateral", "", "ɭ"),
    ("alveolopalatal", "sibilant", "ɕ", "ʑ"), ("alveolopalatal", "sibilant affricate", "ʨ", "ʥ"),
    ("palatal", "stop", "c", "ɟ ʄ"), ("palatal", "nasal", "", "ɲ"), ("palatal", "fricative", "ç", "ʝ"),
    ("palatal", "glide", "", "j"), ("palatal", "lateral", "", "ʎ"), ("palatal", "click", "ǂ", ""),
    ("labiopalatal", "glide", "", "ɥ"), ("labiovelar", "glide", "ʍ", "w"),
    ("velar", "stop", "k", "ɡ ɠ"), ("velar", "nasal", "", "ŋ"), ("velar", "fricative", "x", "ɣ"),
    ("velar", "glide", "", "ɰ"), ("velar", "lateral", "", "ʟ ɫ"),
    ("uvular", "stop", "q", "ɢ ʛ"), ("uvular", "nasal", "", "ɴ"), ("uvular", "trill", "", "ʀ"),
    ("uvular", "fricative", "χ", "ʁ"), ("pharyngeal", "fricative", "ħ ʜ", "ʕ ʢ"), ("pharyngeal", "stop", "ʡ", ""),
    ("glottal", "stop", "ʔ", ""), ("glottal", "fricative", "h", "ɦ"),
)  # fmt: skip


def _consonant(place: str, manner: str, voiced: bool) -> Sound:
    lips, shown = _PLACES[place]
    features = {**shown, **_MANNERS[manner], "voice": float(voiced)}
    if "sibilant" in features:
        features["opening"] = min(features["opening"], _SIBILANT_OPENING)
    return Sound(lips, features)


def _letters() -> dict[str, Sound]:
    """Make the table of letters, from the two tables of the chart."""
    table: dict[str, Sound] = {}
    for height, front, plain, rounded in _VOWELS:
        table |= {letter: _vowel(height, front, letter == rounded) for letter in (plain, rounded) if letter}
    for place, manner, voiceless, voiced in _CONSONANTS:
        table |= {letter: _consonant(place, manner, False) for letter in voiceless.split()}
        table |= {letter: _consonant(place, manner, True) for letter in voiced.split()}
    # Not on the chart: vowels with r (its tongue and lips besides), and a second letter for g. Swedish sj rounds.
    table |= {"ɚ": _rhotic(table["ə"]), "ɝ": _rhotic(table["ɜ"]), "g": table["ɡ"]}
    table["ɧ"] = table["ɧ"].changed(rounding=0.6)
    return table


# ---------------------------------------------------------------- marks

_ROUNDED_MORE, _RHOTIC_ROUNDING, _SLIGHTLY = 0.8, 0.3, 0.1


def _rhotic(sound: Sound) -> Sound:
    return sound.changed(rounding=sound.value("rounding") + _RHOTIC_ROUNDING, spread=0.0)


def _labialised(sound: Sound) -> Sound:
    return sound.changed(rounding=max(sound.value("rounding"), _ROUNDED_MORE), spread=0.0)


def _palatalised(sound: Sound) -> Sound:
    tongue = (sound.value("tongue") + _FRONT_TONGUE) / 2
    return sound.changed(spread=max(sound.value("spread"), 0.4), rounding=sound.value("rounding") / 2, tongue=tongue)


def _velarised(sound: Sound) -> Sound:
    return sound.changed(spread=0.0, tongue=(sound.value("tongue") + _BACK_TONGUE) / 2)


def _shifted(sound: Sound, **by: float) -> Sound:
    return sound.changed(**{name: sound.value(name) + amount for name, amount in by.items()})


# Marks that show, each by what it does to a sound. All others on the chart (length, aspiration, voice, nasality, tone,
# stress, ejection, release, syllabicity, which part of the tongue) change nothing that can be seen.
_MARKS: Mapping[str, Callable[[Sound], Sound]] = {
    "ʷ": _labialised, "ᵝ": _labialised, "ᶣ": _labialised, "ʲ": _palatalised, "˞": _rhotic,
    "ˠ": _velarised, "ˤ": _velarised, "\u0334": _velarised,
    "\u031d": lambda sound: _shifted(sound, opening=-_SLIGHTLY, stricture=_SLIGHTLY),  # raised
    "\u031e": lambda sound: _shifted(sound, opening=_SLIGHTLY, stricture=-_SLIGHTLY),  # lowered
    "\u0308": lambda sound: _shifted(sound, tongue=_SLIGHTLY, spread=-4 * _SLIGHTLY),  # centralised
    "\u033d": lambda sound: _shifted(sound, opening=(0.5 - sound.value("opening")) / 2, spread=-2 * _SLIGHTLY),
    "\u0339": lambda sound: _shifted(sound, rounding=2 * _SLIGHTLY),  # more rounded
    "\u031c": lambda sound: _shifted(sound, rounding=-2 * _SLIGHTLY),  # less rounded
}  # fmt: skip
LETTERS: Mapping[str, Sound] = _letters()
VOWEL_LETTERS = frozenset(letter for letter, sound in LETTERS.items() if sound.value("syllabic") == 1)
SHOWING_MARKS = frozenset(_MARKS)
_CONSONANT_MARKS = frozenset("ʲˠˤ\u0334")  # behind a vowel they are the next consonant's
TIE = "\u0361"  # above two letters: one sound of both
TIES = TIE + "\u035c"  # or below them


def decompose(ipa: str) -> str:
    """Write IPA with every mark behind its letter; ç is a letter."""
    return unicodedata.normalize("NFD", ipa).replace("c\u0327", "ç")


def canonical(ipa: str) -> str:
    """Keep of one IPA sound what shows: its letters, ties, and marks that change the lips, in their order."""
    kept = ""
    for each in decompose(ipa):
        is_vowel_mark = kept[-1:] in VOWEL_LETTERS and each in _CONSONANT_MARKS
        if each in LETTERS or each in TIES or (each in SHOWING_MARKS and not is_vowel_mark):
            kept += each
    return kept.replace("\u035c", TIE).replace("ə˞", "ɚ").replace("ɜ˞", "ɝ")


def read_sound(ipa: str) -> Sound:
    """Return the features of one IPA sound: a letter, or two joined by a tie, and any marks.

    Two joined letters are one sound of both: the lips are the first's where they are shut or bite, and the rest is the
    second's, with the first's stricture.

    Raises:
        InputError: no letter of the chart, or more than one sound.
    """
    sound: Sound | None = None
    tied = False
    for character in decompose(ipa):
        if character in LETTERS:
            letter = LETTERS[character]
            if sound is not None and not tied:
                raise InputError(f"{ipa!r} is more than one IPA sound; expected a letter with marks, or two with a tie")
            sound = letter if sound is None else _joined(sound, letter)
            tied = False
        elif character in TIES:
            tied = True
        elif sound is not None and character in _MARKS:
            sound = _MARKS[character](sound)
        elif unicodedata.category(character) in ("Ll", "Lu", "Lo"):
            raise InputError(f"{ipa!r} has {character!r} (U+{ord(character):04X}), which is no IPA letter")
    if sound is None:
        raise InputError(f"{ipa!r} has no IPA letter; expected a sound such as 'y', 'ɸ' or 'tɕ' with a tie")
    return sound


def _joined(first: Sound, second: Sound) -> Sound:
    """Return one sound of two that are made together, as the stop and the release of an affricate are."""
    lips = second if first.lips == APART else first
    return (
        lips.changed(stricture=1.0)
        if lips.lips != APART
        else second.changed(stricture=_MANNERS["affricate"]["stricture"])
    )
