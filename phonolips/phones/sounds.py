"""Sounds of all languages as mixtures of the inventory's phones that show the same on the lips.

The inventory is that of English. A sound that English has is its phone; any other becomes a mixture of at most two
phones whose features (`phonolips.phones.features`), weighted by how much they show, come nearest to its own: [y] is
mostly UW, as its lips are round, with something of IY, where its tongue is.

What the lips do as a whole is never mixed: a sound with shut lips is made of B, M and P alone, one with the lip at the
teeth of F and V, a vowel of vowels, and any other of the rest.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np

from phonolips.errors import InputError
from phonolips.phones.features import BITE, FEATURES, GLIDE, LETTERS, SHUT, VISIBILITY, Sound, canonical, read_sound
from phonolips.phones.inventory import (
    BILABIALS,
    IGNORED_ID,
    NUM_PHONES,
    PHONE_IDS,
    SILENCE,
    UNKNOWN,
    is_sound,
    normalise_phone,
)

# Each phone and the IPA letters of its sound; the first one's features are the phone's.
PHONE_LETTERS: Mapping[str, str] = {
    "AA": "ɑ", "AE": "æ", "AH": "əʌɐɜ", "AO": "ɔ", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "EH": "ɛ", "ER": "ɝɚ",
    "F": "f", "G": "ɡg", "HH": "hɦ", "IH": "ɪᵻ", "IY": "i", "JH": "ʤ", "K": "k", "L": "lɫ", "M": "m", "N": "n",
    "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ", "UW": "uʉ", "V": "v",
    "W": "wʍ", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
# Phones between two letters: they glide a little, and most of each is between its ends.
_BETWEEN: Mapping[str, tuple[str, str]] = {"EY": ("e", "ɪ"), "OW": ("o", "ʊ")}
# Lips of English: r and er are rounded; uw, uh and ao less than on the chart, and uw is further front.
_ENGLISH_LIPS: Mapping[str, Mapping[str, float]] = {
    "R": {"rounding": 0.6, "syllabic": 0.3},
    "ER": {"rounding": 0.4, "opening": 0.4},
    "UW": {"rounding": 0.85, "tongue": 0.68},
    "UH": {"rounding": 0.6},
    "AO": {"rounding": 0.5},
}
# Letters that mean another sound outside English: [ʊ] is as rounded as [o] there, and in English hardly. Lips that were
# trained on GRID shut in UH.
_ELSEWHERE = "ʊ"
# What is a phone's very sound; of two joined letters English has these.
_EXACT: Mapping[str, str] = {
    **{letter: phone for phone, letters in PHONE_LETTERS.items() for letter in letters if letter not in _ELSEWHERE},
    "t\u0361ʃ": "CH", "d\u0361ʒ": "JH",
}  # fmt: skip

# Phones that stand for their own sounds only. AW, AY and OY move. The others are not said in GRID, or in one word alone
# (HH in "white"): lips that were trained on it, as the default weights' are, never saw them, and show others in their
# place (`phonolips.training.unseen_phones`), which a mixture had better name itself. Without them no sound of the chart
# is farther from its mixture by more than 0.17.
ONLY_THEMSELVES = frozenset(("AW", "AY", "OY", "ER", "HH", "NG", "SH", "UH", "ZH"))
MOST_PHONES = 2  # in a mixture: a third one made no hidden phone better (docs/sounds.md)
# How much a mixture pays for each of its phones being far from the sound itself, against the mixture being far: of two
# mixtures with the same mean, the one of nearer phones moves the lips less astray.
_LOCALITY = 0.2
ROUND = 0.82  # rounding above which W is near: [y], [u], and UW
_LEAST_WEIGHT = 0.05  # of a phone in a mixture; less does not show


class Mixture(NamedTuple):
    """The phones of one sound with their weights, largest first, summing to 1; and how far the sound is from it.

    `distance` is that of the features, weighted by how much they show: 0 is the sound itself; 1 is the whole way from
    a closed to an open jaw, and 1.2 that from lips at rest to lips fully rounded.
    """

    phones: tuple[tuple[str, float], ...]
    distance: float

    @property
    def nearest(self) -> str:
        """The phone with the largest weight."""
        return self.phones[0][0]

    def row(self) -> np.ndarray:
        """Return the mixture as posteriors of one step, float32 (phones,)."""
        row = np.zeros(NUM_PHONES, np.float32)
        for phone, weight in self.phones:
            row[PHONE_IDS[phone]] = weight
        row /= row.sum()
        return row


def sound_row(ipa: str, exclude: Collection[str] = ()) -> np.ndarray:
    """Return the posteriors of a sound, float32 (phones,), summing to 1; arguments and errors as for `mix_sound`."""
    return mix_sound(ipa, exclude).row()


def sound_distance(ipa: str, exclude: Collection[str] = ()) -> float:
    """Return how far a sound is from its mixture; arguments and errors as for `mix_sound`."""
    return mix_sound(ipa, exclude).distance


def mix_sound(ipa: str, exclude: Collection[str] = ()) -> Mixture:
    """Find the phones that together show what a sound shows.

    Args:
        ipa: one sound: an IPA letter, or two joined by a tie, with any marks.
        exclude: phones to do without.

    Raises:
        InputError: no IPA sound, or no phone is left.
    """
    return _mix(ipa, frozenset(exclude))


def exact_phone(ipa: str) -> str | None:
    """Return the phone that is this very sound, as far as can be seen; None where there is none."""
    return _EXACT.get(canonical(ipa))


# ---------------------------------------------------------------- labels


def nearest_phone(label: str) -> str:
    """Return the inventory's phone for a label: the largest part of a sound's mixture; others as they are."""
    return mix_sound(label[1:-1]).nearest if is_sound(label) else label


def shuts_lips(label: str) -> bool:
    """Return whether a label is a sound with shut lips, as b, m and p are."""
    return nearest_phone(label) in BILABIALS


def phones_to_ids(phones: Iterable[str]) -> list[int]:
    """Look up inventory ids; a sound has its nearest phone's, `spn` IGNORED_ID; anything unknown raises InputError."""
    names = [nearest_phone(normalise_phone(phone)) for phone in phones]
    return [IGNORED_ID if name == UNKNOWN else PHONE_IDS[name] for name in names]


@lru_cache(maxsize=4096)
def label_row(label: str) -> np.ndarray:
    """Return the posteriors of one step of a normalised label, float32 (phones,), read-only; `spn` is at rest."""
    if is_sound(label):
        row = sound_row(label[1:-1])
    else:
        row = np.zeros(NUM_PHONES, np.float32)
        row[PHONE_IDS[SILENCE if label == UNKNOWN else label]] = 1.0
    row.flags.writeable = False
    return row


# ---------------------------------------------------------------- the search


@lru_cache(maxsize=4096)
def _mix(ipa: str, exclude: frozenset[str]) -> Mixture:
    sound = read_sound(ipa)
    phone = exact_phone(ipa)
    if phone is not None and phone not in exclude:
        return Mixture(((phone, 1.0),), 0.0)
    if phone is not None:
        sound = _PHONE_SOUNDS[phone]
    left = {name: made for name, made in _PHONE_SOUNDS.items() if name not in exclude | ONLY_THEMSELVES}
    alike = {name: made for name, made in left.items() if _may_mix(sound, made)}
    # Where all phones of a kind are excluded, others stand in, but shut lips never for others.
    choice = alike or {name: made for name, made in left.items() if made.lips != SHUT}
    if not choice:
        raise InputError(f"no phone is left for the sound {ipa!r}; exclude fewer")
    return _nearest_mixture(_vector(sound), list(choice), np.array([_vector(made) for made in choice.values()]))


def _may_mix(sound: Sound, phone: Sound) -> bool:
    """Return whether a phone may be in the sound's mixture: the lips do the same, and only glides are between kinds.

    Glides may have vowels in them, and round vowels the round glide, W: without it nothing is as round as [y].
    """
    if sound.lips != phone.lips:
        return False
    is_vowel, wanted = phone.value("syllabic") == 1, sound.value("syllabic")
    both_round = min(phone.value("rounding"), sound.value("rounding")) > ROUND
    return wanted == GLIDE or is_vowel == (wanted == 1) or (both_round and phone.value("syllabic") == GLIDE)


def _vector(sound: Sound) -> np.ndarray:
    """Return the features of a sound as numbers whose squares sum to how much they show."""
    return np.array([VISIBILITY[name] ** 0.5 * sound.value(name) for name in FEATURES])


def _nearest_mixture(wanted: np.ndarray, names: list[str], table: np.ndarray) -> Mixture:
    """Find the best mixture of up to MOST_PHONES by trying all of them: minimal distance, and locality, see above."""
    best: tuple[float, tuple[int, ...], np.ndarray] | None = None
    away = ((table - wanted) ** 2).sum(1)
    for size in range(1, min(MOST_PHONES, len(names)) + 1):
        sets = np.array(list(combinations(range(len(names)), size)))
        weights = _simplex_weights(table[sets] - wanted, away[sets])
        cost = (((weights[..., None] * (table[sets] - wanted)).sum(1)) ** 2).sum(-1)
        cost = cost + _LOCALITY * (weights * away[sets]).sum(-1)
        cost[(weights < _LEAST_WEIGHT).any(1)] = np.inf
        place = int(np.argmin(cost))
        if best is None or cost[place] < best[0] - 1e-9:
            best = float(cost[place]), tuple(int(index) for index in sets[place]), weights[place]
    assert best is not None  # single phones have weight 1
    _, chosen, weight = best
    order = np.argsort(-weight, kind="stable")
    mean = weight @ table[list(chosen)]
    phones = tuple((names[chosen[index]], float(weight[index])) for index in order)
    return Mixture(phones, float(np.linalg.norm(mean - wanted)))


def _simplex_weights(apart: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Solve for weights that sum to 1 and minimise |weights @ apart|² + locality · weights @ away; may be negative.

    Args:
        apart: float (sets, phones, features), phones less the wanted sound.
        away: float (sets, phones), its squared lengths.
    """
    sets, size = away.shape
    system = np.zeros((sets, size + 1, size + 1))
    system[:, :size, :size] = 2 * apart @ apart.transpose(0, 2, 1) + 1e-9 * np.eye(size)
    system[:, :size, size] = system[:, size, :size] = 1
    right = np.concatenate([-_LOCALITY * away, np.ones((sets, 1))], 1)
    solved: np.ndarray = np.linalg.solve(system, right[..., None])[:, :size, 0]
    return solved


def _phone_sounds() -> dict[str, Sound]:
    """Make the features of each phone that may be mixed."""
    sounds = {phone: LETTERS[letters[0]] for phone, letters in PHONE_LETTERS.items()}
    for phone, (one, other) in _BETWEEN.items():
        ends = LETTERS[one], LETTERS[other]
        sounds[phone] = ends[0].changed(**{name: (ends[0].value(name) + ends[1].value(name)) / 2 for name in FEATURES})
    for phone, lips in _ENGLISH_LIPS.items():
        sounds[phone] = sounds[phone].changed(**lips)
    return sounds


_PHONE_SOUNDS = _phone_sounds()


# ---------------------------------------------------------------- the phones themselves

# Diphthongs by the letters between which they move.
DIPHTHONGS: Mapping[str, tuple[str, str]] = {"AW": ("a", "ʊ"), "AY": ("a", "ɪ"), "OY": ("ɔ", "ɪ"), **_BETWEEN}
_MOVED = ("opening", "rounding", "spread")  # features whose change shows in a diphthong
PHONE_FEATURES = (*FEATURES, SHUT, BITE, SILENCE, *(f"{name} changes" for name in _MOVED))


def phone_features() -> np.ndarray:
    """Tabulate what shows of each phone: float32 (phones, features), the columns being PHONE_FEATURES.

    The features of the IPA chart, each times the root of how much it shows, as in `mix_sound`; whether lips are shut
    or bite; whether nothing is said. A diphthong has the mean of its two vowels, and by how much it moves between them.
    """
    table = np.zeros((NUM_PHONES, len(PHONE_FEATURES)), np.float32)
    table[PHONE_IDS[SILENCE], PHONE_FEATURES.index(SILENCE)] = 1.0
    for phone in PHONE_IDS:
        if phone == SILENCE:
            continue
        row, ends = table[PHONE_IDS[phone]], [LETTERS[letter] for letter in DIPHTHONGS.get(phone, ())]
        if ends:
            row[: len(FEATURES)] = (_vector(ends[0]) + _vector(ends[1])) / 2
            row[-len(_MOVED) :] = [ends[1].value(name) - ends[0].value(name) for name in _MOVED]
        else:
            sound = _PHONE_SOUNDS[phone]
            row[: len(FEATURES)] = _vector(sound)
            row[PHONE_FEATURES.index(SHUT)] = sound.lips == SHUT
            row[PHONE_FEATURES.index(BITE)] = sound.lips == BITE
    return table
