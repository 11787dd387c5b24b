"""What a user mistypes is answered in one line and one style: exit 2, the nearest that there is, and where to read."""

import os
import subprocess
import sys

import pytest
import typer

from phonolips import cli
from phonolips.cli.messages import EXAMPLES
from phonolips.errors import did_you_mean

GROUP = typer.main.get_command(cli.app)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sinth"], "no command 'sinth'; did you mean synth? See 'phonolips --help'"),
        (["xyzzy"], "no command 'xyzzy'; see 'phonolips --help'"),
        (["synth", "--audoi", "a"], "has no option --audoi; did you mean --audio? See 'phonolips synth --help'"),
        (["synth", "--zzz"], "'phonolips synth' has no option --zzz; see"),
        (["export", "--palette", "x"], "'phonolips export' has no option --palette; render has it; see"),
        (["synth", "--text", "hi"], "synth needs --out, folder to write to, such as: --out demo; see"),
        (["render"], "render needs FOLDER, a folder written by 'phonolips synth', or a lips.npz, such as: demo; see"),
        (["synth", "--out"], "'--out' requires an argument; see 'phonolips synth --help'"),
        (["synth", "--jobs", "many", "--out", "o"], "--jobs: "),
        (["synth", "--jobs", "0", "--out", "o"], "--jobs: "),
        (["synth", "hello", "--out", "o"], "unexpected 'hello'; did you mean --text \"hello\"? See"),
        (["--nonsense"], "has no option --nonsense; see 'phonolips --help'"),
    ],
)
def test_a_command_line_that_cannot_be_read(words, message, command):
    code, out, err = command(*words)
    assert code == 2
    assert out == ""
    assert err.startswith("phonolips: error: ")
    assert len(err.splitlines()) == 1
    assert message in err


def test_no_command_prints_the_help(command):
    code, out, err = command()
    assert code == 2
    assert "Start here:" in out + err


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_option_that_is_needed_has_an_example(name):
    for parameter in GROUP.commands[name].params:
        if parameter.required:
            example = EXAMPLES.get(f"{name} {parameter.name}") or EXAMPLES[parameter.name]
            flag = parameter.opts[0]
            assert example.startswith(f"{flag} ") == flag.startswith("-"), (name, parameter.name)


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["synth", "--text", "a", "--speaker", "s2"], "s26"),
        (["synth", "--text", "a", "--export", "arkitt"], "arkit"),
        (["synth", "--text", "a", "--language", "germn"], "German"),
        (["synth", "--text", "a", "--speak", "--synthesiser", "espaek"], "espeak"),
        (["synth", "--text", "a", "--speak", "--voice", "en-uss"], "en-us"),
    ],
)
def test_a_name_that_is_nearly_right(words, near, command, tmp_path):
    code, _, err = command(*words, "--out", tmp_path / "o")
    assert code == 1
    assert err.rstrip().endswith(f"; did you mean {near}?")


def test_the_nearest_name_or_none():
    assert did_you_mean("Wram", ("warm", "dark")) == "; did you mean warm?"
    assert did_you_mean("quite another", ("warm", "dark")) == ""


@pytest.mark.parametrize("setting", ["COLUMNS=1", "COLUMNS=10000", "TERM=dumb", "HOME="])
def test_the_help_in_any_surroundings(setting):
    name, _, value = setting.partition("=")
    done = subprocess.run(
        [sys.executable, "-m", "phonolips", "synth", "--help"],
        capture_output=True, text=True, check=False, env={**os.environ, name: value},
    )  # fmt: skip
    assert done.returncode == 0
    assert "--text-file" in done.stdout
    assert done.stderr == ""


def test_pictures_without_a_home(tmp_path):
    """Matplotlib would like to keep its fonts there, and says so."""
    environment = {**os.environ, "HOME": "/proc/none", "XDG_CONFIG_HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none"}
    environment.pop("MPLCONFIGDIR", None)
    done = subprocess.run(
        [sys.executable, "-m", "phonolips", "synth", "--text", "hi", "--out", str(tmp_path / "o")],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == ""
    assert (tmp_path / "o" / "posteriorgram.png").is_file()
