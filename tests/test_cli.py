"""The command line as a user meets it: files, exit codes, and one line for whatever is wrong."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import needs, skip_without

from phonolips import cli

FILES = ["lips.mp4", "lips.npz", "phones.TextGrid", "posteriorgram.png", "posteriors.npz"]


def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "phonolips", *map(str, words)], capture_output=True, text=True, cwd=cwd, check=False
    )


def wave(path: Path, seconds: float = 1.0, rate: int = 44_100, channels: int = 2) -> Path:
    rng = np.random.default_rng(0)
    soundfile.write(path, rng.normal(0, 0.05, (round(seconds * rate), channels)), rate)
    return path


def test_text_from_another_folder(tmp_path):
    done = run("synth", "--text", "bin blue at f two now", "--out", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == FILES
    with np.load(tmp_path / "demo" / "lips.npz", allow_pickle=False) as lips:
        assert lips["lips"].shape[1:] == (40, 2)
        assert lips["fps"] == 25
        assert str(lips["timing"]) == "predicted durations"
    with np.load(tmp_path / "demo" / "posteriors.npz", allow_pickle=False) as encoded:
        assert encoded["posteriors"].shape[1] == len(encoded["phones"]) == 40
        assert encoded["step_seconds"] == 0.01


@pytest.mark.slow
def test_stereo_recording_phones_and_edited_posteriors(tmp_path, command):
    code, out, err = command("synth", "--audio", wave(tmp_path / "a.wav"), "--out", tmp_path / "a", "--fps", 30)
    assert code == 0, err
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == FILES
    assert len(np.load(tmp_path / "a" / "lips.npz")["lips"]) == 30
    from phonolips.media.video import probe

    assert probe(tmp_path / "a" / "lips.mp4").has_audio
    code, out, err = command("synth", "--phones", "B IH1 N B L UW1", "--out", tmp_path / "p")
    assert code == 0, err
    grid = tmp_path / "p" / "phones.TextGrid"
    code, out, err = command("synth", "--phones", "B IH N B L UW", "--durations", grid, "--out", tmp_path / "q")
    assert code == 0, err
    assert np.allclose(np.load(tmp_path / "p" / "lips.npz")["lips"], np.load(tmp_path / "q" / "lips.npz")["lips"])
    encoded = tmp_path / "a" / "posteriors.npz"
    code, out, err = command("synth", "--posteriors", encoded, "--out", tmp_path / "e")
    assert code == 0, err
    code, out, err = command("plot", tmp_path / "p", "--out", tmp_path / "again.svg")
    assert code == 0, err
    assert (tmp_path / "again.svg").read_text().startswith("<?xml")


def bad_inputs(folder: Path) -> dict[str, tuple[list[object], str]]:
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is no sound " * 100)
    (folder / "file").write_text("x")
    (folder / "bad.npz").write_bytes(b"PK nothing")
    nan = np.zeros(16_000, np.float32)
    nan[5] = np.nan
    soundfile.write(folder / "nan.wav", nan, 16_000, subtype="FLOAT")
    out = ["--out", folder / "out"]
    return {
        "no input": (["synth", *out], "expected one of --text"),
        "two inputs": (["synth", "--text", "a", "--phones", "B", *out], "--text and --phones"),
        "empty text": (["synth", "--text", "", *out], "text"),
        "emoji": (["synth", "--text", "😀😀", *out], "text"),
        "no such language": (["synth", "--text", "hallo", "--language", "xx-no", *out], "xx-no"),
        "no such file": (["synth", "--audio", folder / "none.wav", *out], "no such file"),
        "empty file": (["synth", "--audio", folder / "empty.wav", *out], "0 bytes"),
        "not a sound": (["synth", "--audio", folder / "text.wav", *out], "not a sound"),
        "NaN": (["synth", "--audio", folder / "nan.wav", *out], "NaN"),
        "bad phone": (["synth", "--phones", "B QQ", *out], "'QQ'"),
        "bad fps": (["synth", "--text", "a", "--fps", "0", *out], "fps"),
        "bad rate": (["synth", "--text", "bin", "--rate", "0", *out], "rate"),
        "bad speaker": (["synth", "--text", "a", "--speaker", "s99", *out], "s99"),
        "bad model": (["synth", "--text", "a", "--model", folder / "nothing", *out], "model"),
        "bad durations": (["synth", "--text", "a", "--durations", folder / "file", *out], "file"),
        "durations with audio": (["synth", "--audio", folder / "nan.wav", "--durations", "x", *out], "--durations"),
        "bad posteriors": (["synth", "--posteriors", folder / "bad.npz", *out], "not a posteriors"),
        "out is a file": (["synth", "--text", "a", "--out", folder / "file"], "is a file"),
        "no video": (["track", folder / "none.mp4", "--out", folder / "x.npz"], "no such file"),
        "not a video": (["track", folder / "text.wav", "--out", folder / "x.npz"], "text.wav"),
        "bad layout": (["track", folder / "file", "--out", folder / "x.npz", "--layout", "dlib"], "ibug20"),
        "bad track name": (["track", folder / "file", "--out", folder / "x.txt"], ".npz"),
        "nothing to align": (["align", folder / "none.wav", "--text", "a"], "no such file"),
        "no corpus": (["check-data", folder / "none"], "records"),
        "no data": (["prepare", "--step", "records", "--out", folder / "p"], "--data"),
        "bad step": (["prepare", "--step", "all-of-it", "--out", folder / "p"], "--step"),
        "nothing prepared": (["train", "ears", "--data", folder, "--out", folder / "m"], "no prepared store"),
        "bad part": (["train", "nose", "--data", folder, "--out", folder / "m"], "nose"),
        "nothing to evaluate": (["evaluate", "--data", folder, "--out", folder / "r"], "no prepared store"),
        "nothing to plot": (["plot", folder], "no such file"),
        "speak a recording": (["synth", "--audio", folder / "nan.wav", "--speak", *out], "--speak goes with --text"),
        "voice alone": (["synth", "--text", "a", "--voice", "en-us", *out], "only with --speak"),
        "bad voice": (["synth", "--text", "a", "--speak", "--voice", "no-one", *out], "no-one"),
        "bad synthesiser": (["synth", "--text", "a", "--speak", "--synthesiser", "hal", *out], "'hal'"),
        "rate of a recording": (["synth", "--posteriors", folder / "bad.npz", "--rate", "2", *out], "own pace"),
        "bad format": (["synth", "--text", "a", "--export", "fbx", *out], "'fbx'"),
        "bad emphasis": (["synth", "--text", "a", "--emphasis", "b", *out], "not one of the words"),
        "bad textgrid": (["synth", "--textgrid", folder / "file", *out], "file"),
        "no face": (["synth", "--text", "a", "--face", folder / "text.wav", *out], "text.wav"),
        "face of many": (["synth", "--audio", folder, "--face", folder / "file", *out], "many recordings"),
        "nothing to render": (["render", folder, "--out", folder / "x.mp4"], "no such file"),
        "nothing to export": (["export", folder, "--to", "csv"], "no such file"),
        "nothing to edit": (["edit", "--video", folder / "no.mp4", "--transcript", "a", "--to", "b", *out], "no.mp4"),
    }


# Which of them are looked at by what an extra brings.
NEED = {"not a video": "face", "no face": "face", "nothing prepared": "train", "bad part": "train"}
NEED["nothing to evaluate"] = "train"


@pytest.mark.parametrize("name", [
    "no input", "two inputs", "empty text", "emoji", "no such language", "no such file", "empty file", "not a sound",
    "NaN", "bad phone", "bad fps", "bad rate", "bad speaker", "bad model", "bad durations", "durations with audio",
    "bad posteriors", "out is a file", "no video", "not a video", "bad layout", "bad track name", "nothing to align",
    "no corpus", "no data", "bad step", "nothing prepared", "bad part", "nothing to evaluate", "nothing to plot",
    "speak a recording", "voice alone", "bad voice", "bad synthesiser", "bad format", "rate of a recording", "bad emphasis", "bad textgrid", "no face",
    "face of many", "nothing to render", "nothing to export", "nothing to edit",
])  # fmt: skip
def test_bad_input_is_one_line_exit_1_and_nothing_written(tmp_path, command, name):
    if name in NEED:
        skip_without(NEED[name])
    words, message = bad_inputs(tmp_path)[name]
    code, out, err = command(*words)
    errors = [line for line in err.splitlines() if line.startswith("phonolips: error:")]
    assert code == 1, err
    assert len(errors) == 1
    assert "Traceback" not in err
    assert message in errors[0]
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "x.npz").exists()


def test_every_bad_input_is_tried(tmp_path):
    marks = test_bad_input_is_one_line_exit_1_and_nothing_written.pytestmark  # type: ignore[attr-defined]
    assert set(marks[0].args[1]) == set(bad_inputs(tmp_path))


def test_a_silent_recording_warns_and_keeps_the_mouth_shut(tmp_path, command):
    from phonolips.lips.measures import opening

    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    code, _, err = command("synth", "--audio", tmp_path / "silent.wav", "--out", tmp_path / "o")
    assert code == 0
    assert "silent throughout" in err
    assert opening(np.load(tmp_path / "o" / "lips.npz")["lips"]).max() < 0.05


def test_help_names_every_command():
    done = run("--help")
    for name in (
        "synth",
        "render",
        "export",
        "plot",
        "edit",
        "track",
        "adapt",
        "align",
        "prepare",
        "train",
        "evaluate",
        "check-data",
        "info",
    ):
        assert name in done.stdout


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_flag_has_a_help_text(name):
    import typer

    found = typer.main.get_command(cli.app).commands[name]  # type: ignore[attr-defined]
    assert found.help
    assert all(getattr(parameter, "help", None) for parameter in found.params if parameter.name != "help")


def test_usage_errors_exit_2():
    assert run("synth", "--nonsense").returncode == 2


def test_info_and_version(command):
    code, out, _ = command("info")
    assert code == 0
    assert "speakers" in out
    assert "mfa" in out
    code, out, _ = command("--version")
    assert code == 0
    assert out.startswith("phonolips ")


def test_a_bug_keeps_its_traceback(monkeypatch):
    from phonolips.synth import verbs as synth

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(synth, "from_text", broken)
    monkeypatch.setattr(sys, "argv", ["phonolips", "synth", "--text", "bin", "--out", "x"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


@needs("face")
def test_track_a_real_clip(shared_data, tmp_path, command):
    clip = shared_data / "grid" / "s30" / "bwwy5n.mpg"
    code, out, err = command("track", clip, "--out", tmp_path / "lips.npz")
    assert code == 0, err
    assert "75 frames, 75 with a face" in out
    with np.load(tmp_path / "lips.npz", allow_pickle=False) as found:
        assert found["lips"].shape == (75, 40, 2)
        axis, origin = found["axis_px"], found["origin_px"]
        pixel = origin[0] + axis[0] * np.conj(found["lips"][0, 0] @ [1, 1j])
    assert 0 < pixel.real < 360
    assert 0 < pixel.imag < 288
    from phonolips.media.video import probe, read_frames

    assert len(list(read_frames(tmp_path / "lips.overlay.mp4"))) == 75
    assert probe(tmp_path / "lips.overlay.mp4").has_audio


def test_align_a_real_clip(shared_data, tmp_path, command):
    from phonolips.phones.textgrid import read_textgrid

    clip = shared_data / "grid" / "s1" / "bbaf2n.mp4"
    out = tmp_path / "a.TextGrid"
    code, _, err = command("align", clip, "--text", "bin blue at f two now", "--aligner", "ctc", "--out", out, "--plot")
    assert code == 0, err
    found = {word.label: word.start for word in read_textgrid(out).speech_words()}
    true = {w.label: w.start for w in read_textgrid(shared_data / "grid_mfa" / "s1" / "bbaf2n.TextGrid").speech_words()}
    assert list(found) == list(true)
    assert max(abs(found[word] - true[word]) for word in true) < 0.1
    assert out.with_suffix(".png").stat().st_size > 10_000
