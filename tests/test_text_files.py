"""Texts from files, pipes and standard input; frame rates and emphasised words as people write them."""

import io
import os
import sys
from fractions import Fraction

import numpy as np
import pytest

import phonolips
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.emphasis import emphasis_curve
from phonolips.phones.textgrid import read_textgrid
from phonolips.speech.text import files
from phonolips.speech.text.files import decode_text, read_text_file
from phonolips.speech.text.g2p import text_to_phones
from phonolips.synth.emphasis import find_emphasis
from phonolips.timebase import exact_fps, read_fps

SENTENCE = "Größe — naïve “café”\nsecond line"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_text_of_any_encoding(encoding, ends):
    assert decode_text(SENTENCE.replace("\n", ends).encode(encoding), "a.txt") == SENTENCE


def test_utf_16_with_the_mark_of_either_order():
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert decode_text(mark + SENTENCE.encode(encoding), "a.txt") == SENTENCE


def test_latin_1_is_read_with_a_word_about_it():
    with pytest.warns(PhonolipsWarning, match=r"a\.txt: not UTF-8; read as Windows-1252"):
        assert decode_text("Größe: 5 €".encode("cp1252"), "a.txt") == "Größe: 5 €"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no text"),
        (b" \n\t\xef\xbb\xbf"[:3], "holds no text"),
        (b"\xef\xbb\xbf", "holds no text"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not a text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a text"),
        (b"\xff\xfea\0b", "damaged UTF-16"),
        (b"abc\0def", "not a text"),
    ],
)
def test_what_is_no_text(content, message, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_text_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_files_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no such file"):
        read_text_file(tmp_path / "none")
    with pytest.raises(InputError, match="directory"):
        read_text_file(tmp_path)
    monkeypatch.setattr(files, "MOST_BYTES", 1 << 20)
    with pytest.raises(InputError, match="more than 1 MB"):
        read_text_file("/dev/zero")


class Standard:
    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def spoken(folder) -> list[str]:
    return [word.label for word in read_textgrid(folder / "phones.TextGrid").speech_words()]


@pytest.mark.parametrize("words", [("--text", "-"), ("--text-file", "-")])
def test_standard_input(words, command, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", Standard("bin blue\n".encode("utf-16")))
    code, _, err = command("synth", *words, "--out", tmp_path / "o", "--no-pictures")
    assert code == 0, err
    assert spoken(tmp_path / "o") == ["bin", "blue"]


@pytest.mark.skipif(not hasattr(os, "mkfifo") or not os.path.exists("/dev/fd"), reason="no /dev/fd here")
def test_a_pipe(command, tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"bin blue")
    os.close(writing)
    code, _, err = command("synth", "--text-file", f"/dev/fd/{reading}", "--out", tmp_path / "o", "--no-pictures")
    os.close(reading)
    assert code == 0, err
    assert spoken(tmp_path / "o") == ["bin", "blue"]


def test_a_text_that_is_the_name_of_a_file(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("script.txt", "script"):
        (tmp_path / name).write_text("bin blue")
    code, _, err = command("synth", "--text", "script.txt", "--out", "o", "--no-pictures")
    assert code == 1
    assert "--text script.txt: is a file" in err
    assert "--text-file script.txt" in err
    assert not (tmp_path / "o").exists()
    code, _, err = command("synth", "--text", "script", "--out", "o", "--no-pictures")
    assert code == 0
    assert "phonolips: warning: --text script: there is a file of this name, too" in err
    code, _, err = command("synth", "--text", "x" * 5000 + "/", "--out", "o", "--no-pictures")
    assert "is a file" not in err
    code, _, err = command("align", "none.wav", "--text", "script.txt")
    assert "--text script.txt: is a file" in err
    code, _, err = command("edit", "--video", "v.mp4", "--transcript", "script.txt", "--to", "b", "--out", "o")
    assert "--transcript script.txt: is a file" in err


def test_both_or_neither(command, tmp_path):
    (tmp_path / "a.txt").write_text("bin")
    code, _, err = command("synth", "--text", "bin", "--text-file", tmp_path / "a.txt", "--out", tmp_path / "o")
    assert code == 1
    assert "--text and --text-file" in err
    code, _, err = command("align", tmp_path / "a.wav")
    assert code == 1
    assert "expected one of --text and --text-file" in err


def test_a_text_where_a_list_of_recordings_is_expected(command, tmp_path):
    (tmp_path / "a.txt").write_text("The quick brown fox.\nAnd more.\n")
    code, _, err = command("synth", "--audio", tmp_path / "a.txt", "--out", tmp_path / "o")
    assert code == 1
    assert "to speak a text, use --text-file" in err
    assert len(err.splitlines()) == 1


# ---------------------------------------------------------------- frame rates


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("30000/1001", Fraction(30000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        (" 60000 / 1001 ", Fraction(60000, 1001)),
        ("30000:1001", Fraction(30000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("25/1", Fraction(25)),
        ("25.", Fraction(25)),
        ("12.5", Fraction(25, 2)),
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        (np.float32(25), Fraction(25)),
        (50, Fraction(50)),
    ],
)
def test_a_frame_rate_as_people_write_it(written, exact):
    assert exact_fps(written) == exact


@pytest.mark.parametrize(
    "written",
    ["", "abc", "1/0", "0/0", "nan", "inf", "-1", "-30000/1001", "1e9", "29,97", "1/2/3", "1e999999999", "0", "25 fps",
     float("nan"), float("inf"), -1, 0, 1e9, None, True, [25], 1j],
)  # fmt: skip
def test_a_frame_rate_that_is_none(written):
    with pytest.raises(InputError, match="fps") as caught:
        exact_fps(written)
    assert len(str(caught.value)) < 200
    with pytest.raises(InputError, match="fps"):
        phonolips.from_text("bin", fps=written)


def test_a_rational_rate_from_the_command_line_to_the_files(command, tmp_path):
    words = ["--text", "bin blue", "--out", tmp_path / "o", "--no-pictures", "--fps", "30000/1001"]
    code, _, err = command("synth", *words)
    assert code == 0, err
    assert phonolips.read(tmp_path / "o").fps == 30000 / 1001
    code, _, err = command("export", tmp_path / "o", "--to", "arkit-csv", "--fps", "24000/1001", "--out", tmp_path)
    assert code == 0, err
    assert phonolips.from_text("bin", fps=Fraction(30000, 1001)).fps == 30000 / 1001
    for wrong in ("1/0", "nan", "-1", "1e9", "abc"):
        for first in (["synth", "--text", "a", "--out", tmp_path / "x"], ["export", tmp_path / "o", "--to", "csv"],
                      ["render", tmp_path / "o", "--out", tmp_path / "x.mp4"]):  # fmt: skip
            code, _, err = command(*first, "--fps", wrong)
            assert code == 1
            assert f"phonolips: error: --fps '{wrong}'; expected frames per second such as" in err
    assert read_fps("30000/1001") == Fraction(30000, 1001)


# ---------------------------------------------------------------- emphasis

LONG = "The four of us went to the US in 2024, and in 2024 Mr. O’Neil’s well-known U.S. team paid $5.50. Don’t ask US!"


def places(key, text=LONG):
    words = [word.word for word in text_to_phones(text)]
    said = [word for word in words if word]
    found = find_emphasis({key: 1.5}, words, text)
    labels = {label for label in found if isinstance(label, str)}
    return [(place, said[place]) for place in range(len(said)) if place in found or said[place] in labels]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("2024", ["twenty", "twenty", "four"] * 2),  # and not the first four
        ("four", ["four"] * 3),  # as spoken: wherever it is said
        ("U.S.", ["us"]),
        ("us", ["us"] * 4),
        ("US", ["us"] * 2),
        ("Mr.", ["mister"]),
        ("Mr", ["mister"]),
        ("$5.50", ["five", "dollars", "and", "fifty", "cents"]),
        ("Don't", ["don't"]),
        ("don’t", ["don't"]),
        ("well-known", ["well-known"]),
        ("WENT", ["went"]),
        ("Team", ["team"]),
    ],
)
def test_a_word_as_it_is_written(key, said):
    assert [word for _, word in places(key)] == said


def test_a_year_alone_is_not_its_last_word_elsewhere():
    assert places("2024", "four in 2024") == [(2, "twenty"), (3, "twenty"), (4, "four")]
    assert places("2024", "2024") == [(0, "twenty"), (1, "twenty"), (2, "four")]


def test_a_text_all_in_capitals():
    assert places("U.S.", "THE U.S. TEAM") == [(1, "us")]
    assert places("TEAM", "THE U.S. TEAM") == [(2, "team")]


def test_words_are_found_in_an_alignment_too():
    alignment = phonolips.from_text("in 2024 four").alignment
    words = [word.label for word in alignment.words]
    assert find_emphasis({"2024": 2.0}, words) == {1: 2.0, 2: 2.0, 3: 2.0}
    curve = emphasis_curve(alignment, {1: 2.0, 2: 2.0, 3: 2.0}, 80)
    last = alignment.speech_words()[-1]
    assert curve.max() == pytest.approx(2.0, abs=1e-3)
    assert curve[round((last.end - 0.02) * 25)] < 1.1


def test_an_emphasised_year_lasts_longer_and_the_rest_does_not():
    plain, loud = (phonolips.from_text("four in 2024 four", emphasis=e).alignment for e in ({}, {"2024": 2.0}))
    longer = [b.duration / a.duration for a, b in zip(plain.speech_words(), loud.speech_words(), strict=True)]
    assert longer == pytest.approx([1, 1, 2, 2, 2, 1], abs=0.25)


def test_capitals_of_a_key_do_not_matter():
    one, two = (phonolips.from_text("bin blue", emphasis={key: 1.5}) for key in ("blue", "Blue"))
    assert np.array_equal(one.lips, two.lips)
    assert not np.array_equal(one.lips[:10], phonolips.from_text("bin blue").lips[:10]) or len(one.lips) > 0


@pytest.mark.parametrize(
    ("emphasis", "message"),
    [
        ({"2025": 1.5}, r"emphasis 2025: not one of the words spoken \(bin, blue\)"),
        ({"": 1.5}, "emphasis : not one"),
        ({7: 1.5}, "there are 2, counted from 0"),
        ({"bin": 9}, "expected a factor from"),
        ({"U.S.": "x"}, "emphasis"),
    ],
)
def test_emphasis_of_what_is_not_said(emphasis, message):
    with pytest.raises(InputError, match=message):
        phonolips.from_text("bin blue", emphasis=emphasis)


def test_of_a_long_text_the_nearest_words_are_named():
    with pytest.raises(InputError) as caught:
        phonolips.from_text(
            "one two three four five six seven eight nine ten eleven twelve thirteen", emphasis={"sevn": 1.5}
        )
    assert "seven" in str(caught.value)
    assert "thirteen" not in str(caught.value)


def test_emphasis_on_the_command_line(command, tmp_path):
    words = ["--text", "The U.S. team in 2024", "--no-pictures"]
    for extra in (["--emphasis", "U.S."], ["--emphasis", "2024=1.8"], ["--emphasis", "u.s.=0.5", "--emphasis", "Team"]):
        code, _, err = command("synth", *words, *extra, "--out", tmp_path / "o")
        assert code == 0, err
    code, _, err = command("synth", *words, "--emphasis", "U.K.", "--out", tmp_path / "x")
    assert code == 1
    assert "not one of the words spoken (the, us, team, in, twenty, four)" in err
    assert not (tmp_path / "x").exists()
