"""A user's own words: dictionaries in MFA's format, and mappings; they win over every rule."""

import time
from pathlib import Path

import pytest

import phonolips
from phonolips.errors import InputError
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.text.own_words import read_lexicon


def write(folder: Path, text: str, name: str = "my.dict") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def phones(text: str, lexicon: object, **options: str) -> list[str]:
    return [
        f"{word.word}: {' '.join(word.phones)}"
        for word in text_to_phones(text, lexicon=lexicon, **options)
        if word.word
    ]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "gif\tJH IH1 F", "gif JH IH1 F", "gif  JH IH F", "GIF\tjh ih1 f", "gif\t0.9\tJH IH1 F", "gif 0.9 0.1 1.2 0.3 JH IH1 F",
        "gif(2)\tJH IH1 F", "gif\tdʒ ɪ f", "gif\tdʒɪf", "\ufeffgif\tJH IH1 F", "gif\tJH IH1 F\r", "gif\tJH IH1 F  # note",
        ";;; a comment\n# another\n\ngif\tJH IH1 F", "gif 0.2 G IH1 F\ngif 0.8 JH IH1 F",
    ],
)  # fmt: skip
def test_lines(tmp_path: Path, line: str) -> None:
    assert phones("a gif now", write(tmp_path, line))[1] == "gif: JH IH F"


def test_the_first_pronunciation_wins_unless_another_is_more_probable(tmp_path: Path) -> None:
    assert phones("gif", write(tmp_path, "gif\tG IH1 F\ngif\tJH IH1 F")) == ["gif: G IH F"]
    assert phones("gif", write(tmp_path, "gif 0.5 G IH1 F\ngif 0.5 JH IH1 F")) == ["gif: G IH F"]
    assert phones("gif", write(tmp_path, "gif 0.4 G IH1 F\ngif 0.5 JH IH1 F")) == ["gif: JH IH F"]


def test_the_first_of_several_files_wins(tmp_path: Path) -> None:
    first = write(tmp_path, "gif\tJH IH1 F", "first.dict")
    second = write(tmp_path, "gif 1.0 G IH1 F\nnew\tN UW1", "second.dict")
    assert phones("new gif", [first, second]) == ["new: N UW", "gif: JH IH F"]
    assert text_to_phones("gif new", lexicon=[first, second])[1].source == "second.dict"


@pytest.mark.parametrize(
    ("text", "entry", "expected"),
    [
        ("I read it", "read\tR IY1 D", "read: R IY D"),  # a heteronym
        ("the NASA men", "NASA\tN AE1", "nasa: N AE"),  # an initialism
        ("Dr. Smith", "Dr.\tD R AY1 V", "doctor: D R AY V"),  # an abbreviation
        ("in New York now", "New York\tN UW1 Y AO1 K", "new york: N UW Y AO K"),  # two words
        ("in New York now", "New York  N UW1 Y AO1 K", "new york: N UW Y AO K"),
        ("C++ is", "C++\tS IY1", "c plus plus: S IY"),  # signs
        ("my gif's end", "gif\tJH IH1 F", "gif's: JH IH F S"),
        ("my gif’s end", "gif\tJH IH1 F", "gif's: JH IH F S"),
        ("two gifs end", "gif\tJH IH1 F", "gifs: JH IH F S"),
        ("two boozles end", "boozle\tB UW1 Z L", "boozles: B UW Z L Z"),
        ("New York's end", "New York\tN UW1 Y AO1 K", "new york's: N UW Y AO K S"),
        ("a gif-like end", "gif\tJH IH1 F", "gif: JH IH F"),
        ("The GIF end", "gif\tJH IH1 F", "gif: JH IH F"),
        ("in 1984 it", "1984\tB IH1 G", "nineteen eighty four: B IH G"),  # a number
    ],
)  # fmt: skip
def test_users_words_win(tmp_path: Path, text: str, entry: str, expected: str) -> None:
    found = phones(text, write(tmp_path, entry))
    assert expected in found
    assert len(found) == len({*found})


def test_capitals_count_only_where_two_words_differ_in_nothing_else(tmp_path: Path) -> None:
    path = write(tmp_path, "US\tY UW1 EH1 S\nus\tAH1 S")
    assert phones("the US and us", path)[1::2] == ["us: Y UW EH S", "us: AH S"]


def test_a_word_of_the_dictionary_is_no_plural(tmp_path: Path) -> None:
    assert phones("this", write(tmp_path, "thi\tT AY1")) == ["this: DH IH S"]


def test_mapping_and_python() -> None:
    assert phones("gif", {"gif": "JH IH1 F"}) == ["gif: JH IH F"]
    assert phones("gif", {"gif": ["JH", "IH1", "F"]}) == ["gif: JH IH F"]
    words = phonolips.from_text("a gif", lexicon={"gif": "JH IH1 F"}).alignment.phone_sequence()
    assert words == ["AH", "JH", "IH", "F"]


def test_mark_up_wins_over_the_lexicon() -> None:
    text = '<speak>gif <phoneme alphabet="cmu-arpabet" ph="G IH1 F">gif</phoneme></speak>'
    assert phones(text, {"gif": "JH IH1 F"}) == ["gif: JH IH F", "gif: G IH F"]


def test_other_languages() -> None:
    (word,) = text_to_phones("Straße", language="de", lexicon={"Straße": "S T R AA1 S AH0"})
    assert word.phones == ("S", "T", "R", "AA", "S", "AH")
    assert word.language == "en-us"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a AH\ngif", r"my.dict, line 2: 'gif' has no phones; expected a word, a tab and its phones"),
        ("gif\t0.5", "line 1: 'gif' has no phones"),
        ("gif 1.5 JH IH F", "line 1: probability 1.5; expected 0 to 1"),
        ("gif JH QQ F", "line 1: 'gif': phone 'QQ' is not in the inventory"),
        ("gif sil JH", "'gif' has 'sil' among its phones"),
        ("gif жу", "line 1: 'gif': the IPA symbol 'ж'"),
        ("\tJH IH F", "line 1: '' is no word"),
        ("! JH", "line 1: '!' is no word"),
        ("x" * 61 + "\tJH", "the word has 61 characters; expected at most 60"),
        ("", "holds no text"),
        ("PK\x03\x04\x00\x01", "not a text"),
    ],
)
def test_lines_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_lexicon(write(tmp_path, text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("lexicon", "message"),
    [("none.dict", "no such file"), (5, "expected a file, or a mapping"), ({"": "B"}, "has the word ''"),
     ({"a": ""}, "'a' has no phones"), ({"a": "QQ"}, "`lexicon`: 'a': phone 'QQ'"), ([5], "lexicon is 5")],
)  # fmt: skip
def test_what_is_no_lexicon(lexicon: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        text_to_phones("a", lexicon=lexicon)  # type: ignore[arg-type]


def test_a_large_lexicon_and_a_long_text_are_quick(tmp_path: Path) -> None:
    path = write(tmp_path, "".join(f"wo{n}rd\tW ER1 D\ntwo wo{n}s\tT UW1\n" for n in range(20_000)))
    start = time.process_time()
    words = read_lexicon(path)
    found = text_to_phones("wo7rd and two wo9s then " * 2_000, lexicon=words)
    assert time.process_time() - start < 6
    assert [word.word for word in found[:4]] == ["w o seven rd", "and", "two w o nine s", "then"] or len(found) == 8_000


@pytest.mark.parametrize("command_line", [("synth", "--text", "a gif"), ("say", "a gif")])
def test_command_line(command, tmp_path: Path, command_line: tuple[str, ...]) -> None:
    path = write(tmp_path, "gif\tJH QQ1")
    out = ("--out", tmp_path / "o") if command_line[0] == "synth" else ()
    code, _, err = command(*command_line, *out, "--lexicon", path)
    assert code == 1
    assert f"{path}, line 1: 'gif': phone 'QQ1'" in err
    code, _, err = command(*command_line, *out, "--lexicon", tmp_path / "none")
    assert code == 1
    assert "no such file" in err
    assert not (tmp_path / "o").exists()


def test_align_and_edit_take_a_lexicon(command, tmp_path: Path) -> None:
    for words in (
        ("align", "none.wav", "--text", "a"),
        ("edit", "--video", "none.mp4", "--transcript", "a", "--to", "b", "--out", "o"),
    ):
        code, _, err = command(*words, "--lexicon", tmp_path / "none.dict")
        assert code == 1
        assert "option" not in err


def test_synth_refuses_a_lexicon_without_a_text(command, tmp_path: Path) -> None:
    code, _, err = command("synth", "--phones", "B IH", "--out", tmp_path / "o", "--lexicon", tmp_path / "x")
    assert code == 1
    assert "--lexicon goes with --text, not with --phones" in err
