"""`phonolips say`, and `synth --dry-run`: what a text is said as, without saying it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from phonolips.speech.text.explain import explain_text

SSML = (
    'Dr. Smith has <emphasis level="strong">2 cats</emphasis><break time="500ms"/> <prosody rate="slow">now</prosody>.'
)


def test_table(command) -> None:
    code, out, err = command("say", SSML)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["WRITTEN", "SPOKEN", "PHONES", "SOURCE", "HOW"]
    assert lines[1].split() == ["Dr.", "doctor", *["D", "AA", "K", "T", "ER"], "dictionary"]
    assert any(line.split()[:2] == ["2", "two"] and line.endswith("emphasis 1.5") for line in lines)
    assert any("(pause 0.50 s)" in line and "break" in line for line in lines)
    assert lines[-1].endswith("rate 0.64")


def test_text_as_synth_takes_it(command) -> None:
    assert command("say", "--text", "bin blue") == command("say", "bin blue")
    assert "given twice" in command("say", "bin", "--text", "blue")[2]


def test_json(command) -> None:
    code, out, err = command("say", SSML, "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["warnings"] == []
    assert said["words"][0] == {
        "written": "Dr.", "word": "doctor", "phones": ["D", "AA", "K", "T", "ER"], "source": "dictionary", "rate": 1.0,
        "emphasis": 1.0, "language": "",
    }  # fmt: skip
    assert {"pause_seconds": 0.5, "source": "break"} in said["words"]
    assert command("say", SSML, "--format", "json")[1] == out


def test_tsv_and_subtitles(command, tmp_path: Path) -> None:
    path = tmp_path / "film.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\n[music] Hi\n")
    code, out, err = command("say", "--text-file", path, "--format", "tsv")
    assert code == 0, err
    assert out.splitlines()[1:] == [
        "\t(until 1.000 s)\tsil\tcue\t", "Hi\thi\tHH AY\tdictionary\t", "\t(until 2.000 s)\tsil\tcue\t",
    ]  # fmt: skip
    assert err == "phonolips: warning: ignored in the text: [music]\n"


def test_dict_is_a_lexicon_to_give_back(command, tmp_path: Path) -> None:
    code, out, err = command("say", "my gif, my gif!", "--format", "dict")
    assert code == 0, err
    assert [line.split("\t")[0] for line in out.splitlines()] == ["my", "gif"]
    path = tmp_path / "my.dict"
    path.write_text(out.replace("G IH F", "JH IH F"))
    code, out, err = command("say", "my gif", "--lexicon", path)
    assert out.splitlines()[-1].split() == ["gif", "gif", "JH", "IH", "F", "my.dict"]


def test_dry_run(command, tmp_path: Path) -> None:
    code, out, err = command("synth", "--text", "bin blue", "--out", tmp_path / "o", "--dry-run")
    assert code == 0, err
    assert out == command("say", "bin blue")[1]
    assert not (tmp_path / "o").exists()
    code, _, err = command("synth", "--phones", "B IH", "--out", tmp_path / "o", "--dry-run")
    assert code == 1
    assert "--dry-run goes with --text" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected a text or --text-file"),
        (("x", "--format", "xml"), "format 'xml'; expected one of table, json, tsv, dict"),
        (("x", "--text-format", "marckdown"), "--text-format 'marckdown'; expected one of auto, plain, .*; did you mean markdown"),
        (("<speak>x",), "SSML, line 1"),
        (("...",), "no words"),
    ],
)  # fmt: skip
def test_errors(command, words: tuple[str, ...], message: str) -> None:
    import re

    code, out, err = command("say", *words)
    assert code == 1
    assert out == ""
    assert re.search(message, err)
    assert len(err.splitlines()) == 1


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from phonolips.cli.commands import run; run(['say', 'hello there, 2 cats']); "
        "print(*{'torch', 'scipy', 'matplotlib', 'av', 'phonemizer', 'markdown_it'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("in 2024 we", ["in", "2024", "", "", "we"]),
        ("pay $3.50 now", ["pay", "$3.50", "", "", "", "", "now"]),
        ("well — no", ["well", "", "no"]),
        ("A b c", ["A", "b", "c"]),
        ("Don't stop", ["Don't", "stop"]),
    ],
)
def test_what_was_written_for_each_word(text: str, written: list[str]) -> None:
    found = [word.written for word in explain_text(text).words]
    assert [" ".join(part.strip("—").split()) for part in found] == written
