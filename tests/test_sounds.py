"""Sounds of all languages: their features, their mixtures of phones, and the labels that carry them to the lips."""

import numpy as np
import pytest

import phonolips
from phonolips.errors import InputError
from phonolips.lips.measures import opening, width
from phonolips.phones.features import APART, BITE, FEATURES, LETTERS, SHUT, VOWEL_LETTERS, canonical, read_sound
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import (
    BILABIALS,
    LABIODENTALS,
    PHONE_IDS,
    PHONES,
    VOWELS,
    is_sound,
    normalise_phone,
    parse_phones,
)
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.phones.segments import split_sounds
from phonolips.phones.sounds import (
    MOST_PHONES,
    ONLY_THEMSELVES,
    PHONE_LETTERS,
    exact_phone,
    label_row,
    mix_sound,
    nearest_phone,
    phones_to_ids,
    shuts_lips,
    sound_distance,
    sound_row,
)
from phonolips.phones.textgrid import read_textgrid, write_textgrid
from phonolips.speech.words import SpokenWord
from phonolips.synth.verbs import from_alignment, from_text


def parts(sound: str, *exclude: str) -> dict[str, float]:
    return dict(mix_sound(sound, exclude).phones)


def test_features_are_shares() -> None:
    for letter, sound in LETTERS.items():
        assert set(sound.features) <= set(FEATURES), letter
        assert all(0 <= value <= 1 for value in sound.features.values()), letter


@pytest.mark.parametrize("letter", LETTERS)
def test_a_mixture_is_a_few_phones_that_do_the_same_with_their_lips(letter: str) -> None:
    phones = parts(letter)
    assert 1 <= len(phones) <= MOST_PHONES
    assert sum(phones.values()) == pytest.approx(1)
    assert sound_row(letter).sum() == pytest.approx(1)
    assert sound_row(letter).dtype == np.float32
    lips = read_sound(letter).lips
    assert (set(phones) <= BILABIALS) == (lips == SHUT)
    assert (set(phones) <= LABIODENTALS) == (lips == BITE)
    assert lips in (SHUT, BITE, APART)
    if letter in VOWEL_LETTERS:
        assert set(phones) <= VOWELS | {"W"}
    assert len(phones) == 1 or not ONLY_THEMSELVES & set(phones)
    assert 0 <= sound_distance(letter) < 0.6


def test_what_english_has_is_its_phone() -> None:
    for phone, letters in PHONE_LETTERS.items():
        for letter in letters.replace("ʊ", ""):
            assert mix_sound(letter) == (((phone, 1.0),), 0.0)
            assert exact_phone(letter) == phone
    assert exact_phone("ʊ") is None  # rounder than UH, in which lips that were trained on GRID shut
    assert "UH" not in parts("ʊ")
    assert exact_phone("t͡ʃ") == "CH"
    assert exact_phone("iː") == "IY"
    assert exact_phone("ã") is None
    assert exact_phone("tʷ") is None


def test_rounded_vowels_round() -> None:
    rounded = {"UW", "OW", "AO"}
    for vowel in "yʏøœɶʉuʊoɔɒɞɵ":
        assert rounded & set(parts(vowel)), vowel
    for vowel in "ieɛæaɨə":
        assert not rounded & set(parts(vowel)), vowel


def test_bilabial_fricatives_look_like_f_and_v() -> None:
    assert mix_sound("ɸ").nearest == "F"
    assert mix_sound("β").nearest == "V"
    assert sound_distance("β") > sound_distance("v") == 0


def test_excluded_phones_are_replaced_within_their_kind() -> None:
    assert set(parts("u", "UW")) == {"OW", "W"}
    assert parts("ʃ", "SH") == {"CH": 1.0}
    assert parts("v", "V") == {"F": 1.0}
    assert set(parts("w", "W")) == {"UW", "R"}
    assert not BILABIALS & set(parts("v", "V", "F"))
    with pytest.raises(InputError, match="no phone is left"):
        mix_sound("p", PHONES)


def test_marks() -> None:
    assert canonical("ỹː") == "y"
    assert canonical("kʷʰ") == "kʷ"
    assert canonical("uʲ") == "u"
    assert canonical("ə˞") == "ɚ"
    assert read_sound("tʷ").value("rounding") > read_sound("t").value("rounding")
    assert read_sound("tʲ").value("spread") > read_sound("t").value("spread")
    assert read_sound("k͡p").lips == read_sound("ᵐb").lips == SHUT
    assert read_sound("e̞").value("opening") > read_sound("e").value("opening")


@pytest.mark.parametrize(("ipa", "message"), [("ж", r"U\+0436"), ("pf", "more than one"), ("ː", "no IPA letter")])
def test_no_sounds(ipa: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_sound(ipa)


def test_tones_are_no_vowels() -> None:
    assert split_sounds("iɜ") == [("IY",)]
    assert split_sounds("anɡ2") == [("[a]",), ("NG",)]
    assert split_sounds("ɜː") == [("AH",)]


# ---------------------------------------------------------------- labels


def test_labels() -> None:
    assert normalise_phone(" [yː] ") == "[y]"
    assert normalise_phone("y") == "Y"
    assert normalise_phone("[sil]") == normalise_phone("[noise]") == "sil"
    assert is_sound("[y]")
    assert not is_sound("[sil]")
    assert nearest_phone("[y]") == "UW"
    assert nearest_phone("spn") == "spn"
    assert shuts_lips("[mʲ]")
    assert not shuts_lips("[β]")
    assert phones_to_ids(["[y]", "AH0", "spn"]) == [PHONE_IDS["UW"], PHONE_IDS["AH"], -1]
    assert parse_phones("T [y] N") == ["T", "[y]", "N"]
    with pytest.raises(InputError, match="more than one"):
        normalise_phone("[abc]")
    with pytest.raises(ValueError, match="read-only"):
        label_row("[y]")[0] = 1


def alignment_of(*labels: str) -> Alignment:
    phones = [Interval(label, 0.1 * place, 0.1 * (place + 1)) for place, label in enumerate(labels)]
    return Alignment.build([Interval("word", 0.0, 0.1 * len(labels))], phones, 0.1 * len(labels))


def test_posteriors_of_an_alignment() -> None:
    english = alignment_of("sil", "B", "AH", "spn")
    assert np.array_equal(english.posteriors(45), labels_to_posteriors(english.labels(45)))
    french = alignment_of("T", "[ø]")
    rows = french.posteriors(20)
    assert rows.dtype == np.float32
    assert np.array_equal(rows[15], sound_row("ø"))
    assert list(french.labels(20)[[5, 15]]) == [PHONE_IDS["T"], PHONE_IDS["OW"]]
    with pytest.raises(InputError, match="not in the inventory"):
        Alignment((Interval("", 0, 1),), (Interval("[yː]", 0, 1),), 1)


def test_a_text_grid_of_sounds_gives_the_same_lips(tmp_path) -> None:
    said = from_text("Tu as vu la lune bleue?", language="fr-fr")
    labels = [phone.label for phone in said.alignment.phones]
    assert "[y]" in labels
    assert "[ø]" in labels
    path = tmp_path / "phones.TextGrid"
    write_textgrid(said.alignment, path)
    read = read_textgrid(path)
    assert [phone.label for phone in read.phones] == labels
    assert np.array_equal(from_alignment(read).lips, said.lips)
    said.save(tmp_path / "out", pictures=False)
    result = phonolips.read(tmp_path / "out")
    assert [phone.label for phone in result.alignment.phones] == labels


def test_words_of_sounds_can_be_aligned() -> None:
    from phonolips.speech.align.ctc import align_posteriors

    word = SpokenWord("tune", ("T", "[y]", "N"))
    posteriors = np.repeat(labels_to_posteriors(np.array(phones_to_ids(["sil", *word.phones, "sil"]))), 20, axis=0)
    found = align_posteriors(posteriors, [word])
    assert found.phone_sequence() == ["T", "[y]", "N"]


# ---------------------------------------------------------------- lips


def lips_of(sound: str, context: str) -> np.ndarray:
    phones = ["sil"] * 3 + [context] * 1 + [f"[{sound}]"] + [context] + ["sil"] * 3
    result = from_alignment(alignment_of(*phones), fps=100)
    return result.lips[36:54]


def test_lips_of_sounds() -> None:
    y, i, u = (lips_of(sound, "T")[5:13] for sound in "yiu")
    assert abs(width(y).mean() - width(u).mean()) < 0.2 * abs(width(i).mean() - width(u).mean())
    assert opening(y).mean() < opening(i).mean()
    for shut in ("ɓ", "mʲ", "ʙ"):
        assert opening(lips_of(shut, "AE")).min() < 0.01, shut
    for vowel in ("y", "ø", "œ", "ɯ", "ɨ", "a"):
        assert opening(lips_of(vowel, "T")[5:13]).min() > 0.03, vowel
