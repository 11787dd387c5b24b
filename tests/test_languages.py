"""Languages: their codes and names, how a text tells its own, how others write numbers and marks, lips that close."""

import json
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest

from phonolips.errors import InputError, MissingToolError, PhonolipsWarning
from phonolips.lips.closures import CLOSED_OPENING, close_phones
from phonolips.lips.measures import opening
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import PHONES, is_sound
from phonolips.phones.sounds import shuts_lips
from phonolips.speech.text import detect, writing
from phonolips.speech.text.detect import find_other_language, guess_language, is_readable, resolve_language, script_of
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.text.languages import BROKEN_VOICES, all_languages, canonical_language, find_languages
from phonolips.speech.text.normalise import COMMA_SECONDS, STOP_SECONDS, normalise_text
from phonolips.speech.text.voice import EspeakVoice
from phonolips.speech.tts.speak import speak_words
from phonolips.synth import verbs

TEXTS = Path(__file__).parent / "text" / "languages"
TEN = ("de", "fr-fr", "es", "it", "pt-br", "nl", "pl", "ru", "tr", "cmn")


def read_lines(name: str) -> list[str]:
    """Read the lines of a file of texts, without its remarks."""
    lines = (TEXTS / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


ARTICLES = dict(line.split("\t") for line in read_lines("article1.tsv"))


def say(text: str, language: str) -> str:
    """Write a text's words in one line, `,` and `.` for its pauses."""
    marks = {COMMA_SECONDS: ",", STOP_SECONDS: "."}
    return " ".join(token.word or marks[token.pause_seconds] for token in normalise_text(text, language))


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("de_DE", "de"), ("pt_BR", "pt-br"), ("pt", "pt"), ("zh-CN", "cmn"), ("zh_TW", "cmn"), ("zh-HK", "yue"),
        ("sr-Latn", "sr"), ("sr_RS.UTF-8@latin", "sr"), ("German", "de"), ("Deutsch", "de"), ("FRANÇAIS", "fr-fr"),
        ("francais", "fr-fr"), ("en", "en-us"), ("en_GB", "en-gb"), ("English", "en-us"), ("deu", "de"), ("ger", "de"),
        ("jpn", "ja"), ("no", "nb"), ("chr", "chr-US-Qaaa-x-west"), ("русский", "ru"), ("中文", "cmn"), ("de-AT", "de"),
        ("es_MX", "es-419"), ("iw", "he"), (" it ", "it"), ("vi-vn-x-south", "vi-vn-x-south"),
    ],
)  # fmt: skip
def test_a_language_by_any_of_its_names(written: str, code: str) -> None:
    assert canonical_language(written) == code


@pytest.mark.parametrize("wrong", ["xx", "", "en-zz", *sorted(BROKEN_VOICES), "../de", "tlingit"])
def test_no_such_language(wrong: str) -> None:
    with pytest.raises(InputError, match=r"has no espeak voice; expected one of 1\d\d.*phonolips languages"):
        canonical_language(wrong)


def test_a_misspelt_name_is_recognised() -> None:
    with pytest.raises(InputError, match=r"did you mean German\?"):
        canonical_language("germn")


def test_every_code_and_name_leads_to_its_language() -> None:
    languages = all_languages()
    assert len(languages) > 100
    for code, language in languages.items():
        assert canonical_language(code) == code
        for other in language.others:
            assert canonical_language(other) == code, other
    assert {code for code, language in languages.items() if not script_of(language.own_name)} == set()
    assert set(EspeakVoice.supported_languages()) == set(languages)


def test_search() -> None:
    assert [language.code for language in find_languages("german")] == ["de"]
    assert {language.code for language in find_languages("zh")} == {"cmn", "cmn-latn-pinyin", "yue"}
    assert find_languages("nothing like it") == []


# ---------------------------------------------------------------- which language is it?


def test_english_is_not_taken_for_another_language() -> None:
    grid = [
        f"{verb} {colour} {preposition} {letter} {digit} {adverb}"
        for verb in ("bin", "lay", "place", "set")
        for colour in ("blue", "green", "red", "white")
        for preposition, letter in zip(("at", "by", "in", "with"), "aeio", strict=True)
        for digit, adverb in zip(("zero", "two", "six", "nine"), ("again", "now", "please", "soon"), strict=True)
    ]
    assert [text for text in grid if find_other_language(text, "en-us") or guess_language(text) != "en-us"] == []
    foreign = read_lines("english_that_looks_foreign.txt")
    warned = {text for text in foreign if find_other_language(text, "en-us")}
    assert warned <= {"Bon appétit!", "Hakuna matata", "Renée Zellweger", "Ceci n'est pas une pipe is a painting."}


def test_a_sentence_in_another_language_is_told() -> None:
    pairs = [line.split("\t") for line in read_lines("short_sentences.tsv")]
    told = [guess_language(text).split("-")[0] == code for code, text in pairs]
    assert np.mean(told) >= 0.89  # of one to five words, in 20 languages
    warned = [find_other_language(text, "en-us") is not None for _, text in pairs]
    assert np.mean(warned) >= 0.87
    asked = {"fr": "fr-fr"}
    assert [text for code, text in pairs if find_other_language(text, asked.get(code, code))] == []


def test_no_paragraph_is_doubted_under_its_own_language() -> None:
    doubted = [
        code
        for code, text in ARTICLES.items()
        if code not in BROKEN_VOICES and find_other_language(text, canonical_language(code))
    ]
    assert doubted == ["hak"]  # its voice reads Latin letters, the paragraph is in Chinese ones


def test_auto_goes_by_script_and_words() -> None:
    for code in (*TEN, "ja", "ar", "fa", "hi", "ko", "he", "el", "uk", "th", "ka", "hy", "ta", "vi", "sw", "fi"):
        expected = "pt" if code == "pt-br" else code
        assert resolve_language(ARTICLES[code], "auto") == expected
    assert resolve_language("bin blue at f two now", "auto") == "en-us"
    assert resolve_language("42", "auto") == "en-us"
    assert resolve_language("hola", "Spanish") == "es"


def test_the_warning_says_what_to_set() -> None:
    with pytest.warns(PhonolipsWarning, match=r"does not look like English.* like German: set `language` to 'de'"):
        text_to_phones("Guten Tag")
    with pytest.warns(PhonolipsWarning, match="like French"):
        text_to_phones("Bonjour, comment allez-vous aujourd'hui ?", language="de")
    with pytest.raises(InputError, match=r"looks like Russian: set `language` to 'ru'"):
        text_to_phones("привет мир")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text_to_phones("Guten Tag, wie geht es Ihnen?", language="auto")
        text_to_phones("Zwei Bier im Pub, please.", language="de")


def test_without_the_statistics_texts_are_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingToolError("to tell a language needs py3langid; install it with: pip install py3langid")

    monkeypatch.setattr(detect, "_identifier", missing)
    assert text_to_phones("Guten Tag")
    assert resolve_language("你好", "auto") == "cmn"
    with pytest.raises(MissingToolError, match="pip install py3langid"):
        text_to_phones("Guten Tag", language="auto")


def test_a_voice_that_misreads_its_own_writing_is_named() -> None:
    with pytest.warns(PhonolipsWarning, match=r"language 'th': .*vowel signs"):
        text_to_phones("สวัสดีครับ", language="th")


def test_scripts_that_a_voice_reads() -> None:
    assert is_readable("λ", "en-us")
    assert is_readable("Łódź", "ru")
    assert not is_readable("שלום", "ru")
    assert not is_readable("привет", "de")
    assert is_readable("ひらがな", "ja")
    assert not is_readable("漢字", "ja")


# ---------------------------------------------------------------- numbers and signs


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "Am 3. Mai, die 2. Chance. Er ist 30. Dann kam er.",
         "am dritten mai , die zweite chance . er ist 30 . dann kam er"),
        ("de", "Am 24.12.2024 um 14:30 Uhr", "am vierundzwanzigster zwölfter 2024 um 14:30 uhr"),
        ("de", "1999 kostete es €5, bei -5 °C, d. h. 1.200 oder 1 200, Dr. J. Bach",
         "neunzehnhundertneunundneunzig kostete es 5 € , bei minus 5 ° , d.h. 1.200 oder 1200 , dr j bach"),
        ("fr-fr", "le 1er, la 1re, le XXe siècle, -5", "le premier , la première , le vingtième siècle , moins 5"),
        ("es", "el 3º, la 3ª, -5", "el tercero , la tercera , menos 5"),
        ("cs", "3. května, 5 €", "3 května , 5 eur"),
        ("tr", "3. gün, 50%", "üçüncü gün , yüzde 50"),
        ("nl", "de 3e keer", "de derde keer"),
        ("uk", "1 000 000", "один мільйон"),
        ("cmn", "2024-12-24，50%，-5度。", "2024 年 12 月 24 日 , 百分之 50 , 负 5 度"),
        ("ar", "١٢٣، ٥٠٪", "123 , 50 بالمئة"),
        ("ur", "۱۲۳", "123"),
    ],
)  # fmt: skip
def test_figures(language: str, text: str, expected: str) -> None:
    assert say(text, language) == expected


# ---------------------------------------------------------------- scripts


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("cmn", "我去银行！你好吗？是的、不是", "我去银行 . 你好吗 . 是的 , 不是"),
        ("hi", "नमस्ते दुनिया। क्या है?", "नमस्ते दुनिया . क्या है"),
        ("el", "Τι κάνεις; Καλά· ναι.", "τι κάνεις . καλά , ναι"),
        ("hy", "Ի՞նչ է սա։ Լավ է։", "ինչ է սա . լավ է"),
        ("am", "ሰላም፡ልጅ፣ነው።", "ሰላም ልጅ , ነው"),
        ("my", "လူတိုင်း၊ တူညီ။", "လူတိုင်း , တူညီ"),
        ("ar", "مرحبا، كـــيف حالك؟ نعم", "مرحبا , كيف حالك . نعم"),
        ("he", "\u202bשָׁלוֹם עולם, ארה״ב\u202c", "שלום עולם , ארהב"),
    ],
)
def test_marks_of_other_scripts(language: str, text: str, expected: str) -> None:
    assert say(text, language) == expected


def test_composed_and_decomposed_letters_are_the_same() -> None:
    for language, text in (("vi", "Việt Nam"), ("fr-fr", "été à Noël"), ("ko", "안녕하세요"), ("hi", "क़लम")):
        forms = [text_to_phones(unicodedata.normalize(form, text), language=language) for form in ("NFC", "NFD")]
        assert [word.phones for word in forms[0]] == [word.phones for word in forms[1]]


def test_long_runs_without_spaces_are_cut() -> None:
    tokens = normalise_text("人" * 250, "cmn")
    assert [len(token.word) for token in tokens] == [40] * 6 + [10]
    assert "".join(token.word for token in tokens) == "人" * 250
    pieces = normalise_text("มี้" * 60, "th")
    assert all(unicodedata.category(token.word[0])[0] == "L" for token in pieces)


def test_chinese_words_are_those_of_the_voice() -> None:
    words = text_to_phones("我去银行吃饭，重庆很大。", language="cmn")
    assert [word.word for word in words] == ["我", "去", "银行", "吃", "饭", "", "重庆", "很", "大"]
    said = text_to_phones("我喜欢 YouTube 和 42", language="cmn")
    assert "".join(word.word for word in said) == "我喜欢youtube和42"


def test_japanese_without_and_with_the_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_tokenizer", lambda: None)
    with pytest.raises(InputError, match=r"reads kana only; .*pip install 'phonolips\[japanese\]'"):
        text_to_phones("東京へ行きます。", language="ja")
    assert say("こんにちは、げんき？", "ja") == "こんにちは , げんき"
    monkeypatch.undo()
    pytest.importorskip("janome", reason="janome is not installed")
    assert say("2024年12月24日は、東京へ行きます。", "ja") == "2024 ネン 12 ガツ 24 ニチワ , トーキョーエ イキマス"


def test_the_third_tone_is_no_vowel() -> None:
    said = text_to_phones("你好", language="cmn")[0].phones
    assert said.count("AH") == 0
    assert text_to_phones("lý", language="vi")[0].phones == ("L", "IY")


# ---------------------------------------------------------------- every language speaks


@pytest.mark.parametrize("language", [*TEN, "ar", "hi", "sw", "ko", "he", "fi"])
def test_text_and_speech_have_the_same_lips_closed(language: str) -> None:
    words = text_to_phones(ARTICLES[language].split("。")[0].split(".")[0], language=language)
    spoken = speak_words(words, language=language)
    said = [phone for word in words if word.word for phone in word.phones]
    heard = [phone.label for phone in spoken.alignment.phones if phone.label != "sil"]
    assert abs(len(said) - len(heard)) <= 0.03 * len(said) + 1
    assert list(filter(shuts_lips, said)) == list(filter(shuts_lips, heard))
    assert {label for label in heard if not is_sound(label)} <= set(PHONES)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("fr-fr", "le week-end au parking avec mon smartphone"),
        ("de", "Das Team ist cool, ein Weekend mit dem Computer"),
        ("ru", "Привет hello World YouTube смартфон"),
        ("cmn", "我喜欢 YouTube 和 Facebook"),
        ("hi", "मेरा computer अच्छा है"),
        ("ar", "مرحبا hello"),
    ],
)
def test_words_that_a_voice_hands_to_another_one_are_spoken(language: str, text: str) -> None:
    words = [word for word in text_to_phones(text, language=language) if word.word]
    spoken = speak_words(words, language=language).alignment
    heard = [phone.label for phone in spoken.phones if phone.label != "sil"]
    assert heard == [phone for word in words for phone in word.phones]
    assert [word.label for word in spoken.speech_words()] == [word.word for word in words]


@pytest.mark.parametrize("fps", [25, 30])
@pytest.mark.parametrize("speak", [False, True])
def test_every_b_m_and_p_is_closed(speak: bool, fps: int) -> None:
    text = "Der Papst gab Opa spät abends sieben Wespen, Lampe und Kapsel."
    make = verbs.from_speech if speak else verbs.from_text
    result = make(text, language="de", fps=fps)
    heights = opening(result.lips)
    closed = 0
    for phone in result.phones:
        if phone.label in ("P", "B", "M"):
            first, last = int(phone.start * fps), int(np.ceil(phone.end * fps))
            assert heights[max(0, first - 1) : last + 1].min() < 0.019, phone
            closed += 1
    assert closed >= 11


@pytest.mark.parametrize("sound", ["[ɓ]", "[ʘ]", "[pʼ]", "[mʲ]", "P"])
def test_sounds_made_of_b_m_and_p_close_too(sound: str) -> None:
    lips = verbs.from_phones(["AA", sound, "AA"], fps=50).lips
    assert opening(lips[25:-25]).min() < 0.019


def test_closing_changes_the_height_around_open_bilabials_only() -> None:
    made = verbs.from_text("ah").lips
    lips = np.repeat(made[opening(made).argmax()][None], 40, axis=0)
    phones = [Interval("AA", 0, 0.7), Interval("P", 0.7, 0.72), Interval("AA", 0.72, 1.6)]
    closed = close_phones(lips, phones, 25.0)
    changed = np.flatnonzero(np.any(closed != lips, axis=(1, 2)))
    assert np.allclose(closed[..., 0], lips[..., 0])
    assert changed.min() >= 15
    assert changed.max() <= 20
    assert opening(closed).min() == pytest.approx(CLOSED_OPENING, abs=1e-3)
    assert close_phones(lips, phones[:1], 25.0) is lips


# ---------------------------------------------------------------- the command


def test_the_list_of_languages(capsys: pytest.CaptureFixture[str]) -> None:
    from phonolips.cli.commands import run

    assert run(["languages"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 130
    assert any(line.startswith("de ") and "Deutsch" in line for line in lines)
    assert run(["languages", "german", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["code"] for row in rows] == ["de"]
    assert rows[0]["figures"].startswith("read by espeak-ng")
    assert run(["languages", "germn"]) == 1
    assert "did you mean German?" in capsys.readouterr().err
