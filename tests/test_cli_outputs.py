"""The commands that make films, formats, pictures and edits of a run: each with a real output that is opened."""

import json

import av
import numpy as np
import pytest
from conftest import needs
from PIL import Image


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A text that was spoken aloud."""
    from phonolips.synth import verbs as synth

    folder = tmp_path_factory.mktemp("run") / "run"
    synth.from_speech("bin blue at f two now").save(folder, speech=True)
    return folder


def lengths(path):
    """Seconds of the picture and of the sound."""
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        picture = sum(1 for _ in file.decode(video)) / video.average_rate
    with av.open(str(path)) as file:
        sound = sum(block.samples for block in file.decode(audio=0)) / file.streams.audio[0].rate
    return float(picture), float(sound)


def test_a_text_is_heard_in_step_and_exported(tmp_path, command):
    words = ("synth", "--text", "bin blue at f two now", "--speak", "--export", "rhubarb-tsv,arkit", "--out", tmp_path)
    code, out, err = command(*words, "--fps", 30)
    assert code == 0, err
    for name in ("speech.wav", "rhubarb.tsv", "arkit.json", "lips.mp4"):
        assert str(tmp_path / name) in out
        assert (tmp_path / name).stat().st_size
    picture, sound = lengths(tmp_path / "lips.mp4")
    assert picture == pytest.approx(sound, abs=1 / 30)
    assert json.loads((tmp_path / "arkit.json").read_text())["exportFps"] == 30
    code, _, err = command("synth", "--text", "bin", "--out", tmp_path)
    assert code == 0, err
    assert not (tmp_path / "speech.wav").exists()  # it was another run's sound


def test_films_gifs_and_strips(run, tmp_path, command):
    code, _, err = command(
        "render", run, "--out", tmp_path / "a.mp4", "--size", "200x160", "--fps", 29.97, "--caption", "posteriors"
    )
    assert code == 0, err
    picture, sound = lengths(tmp_path / "a.mp4")
    assert picture == pytest.approx(sound, abs=1 / 25)
    for name in ("a.gif", "a.png"):
        code, _, err = command("render", run, "--out", tmp_path / name, "--size", 120, "--seconds", "0.5-1.5")
        assert code == 0, err
        with Image.open(tmp_path / name) as image:
            assert getattr(image, "n_frames", 1) == (25 if name == "a.gif" else 1)


@pytest.mark.parametrize(
    "options",
    [["--size", "big"], ["--seconds", "later"], ["--face", "x.jpg", "--silent"], ["--blink"], ["--head-motion", "0.4"]],
)
def test_renderings_that_make_no_sense(run, tmp_path, command, options):
    code, _, err = command("render", run, "--out", tmp_path / "a.mp4", *options)
    assert code == 1
    assert err.startswith("phonolips: error: --")
    assert not (tmp_path / "a.mp4").exists()


def test_formats_are_listed_and_written(run, tmp_path, command):
    code, out, _ = command("export", run)
    assert code == 0
    assert out.splitlines()[0].startswith("rhubarb-tsv ")
    code, out, err = command("export", run, "--to", "all", "--out", tmp_path / "all")
    assert (code, err) == (0, "")
    assert len(out.splitlines()) == len(list((tmp_path / "all").iterdir())) == 14


def test_pictures_and_a_page(run, tmp_path, command):
    for kind in ("posteriorgram", "lips", "filmstrip"):
        code, _, err = command("plot", run, "--kind", kind, "--out", tmp_path / f"{kind}.png")
        assert code == 0, err
        with Image.open(tmp_path / f"{kind}.png") as image:
            assert np.ptp(np.asarray(image.convert("L"))) > 100
    code, _, err = command("plot", run, "--kind", "compare", "--with", run, "--out", tmp_path / "compare.svg")
    assert code == 0, err
    code, out, err = command("plot", run, "--html", "--out", tmp_path / "page.html")
    assert code == 0, err
    assert out.strip() == str(tmp_path / "page.html")
    code, _, err = command("plot", run, "--html", "--kind", "lips")
    assert (code, err.count("leave out --kind")) == (1, 1)


@needs("face")
def test_other_words_in_a_real_video(shared_data, tmp_path, command):
    video = shared_data / "grid" / "s1" / "bbaf2n.mp4"
    words = ("edit", "--video", video, "--transcript", "bin blue at f two now", "--to", "bin red at f two now")
    code, out, err = command(*words, "--no-face", "--speak", "--out", tmp_path / "new")
    assert code == 0, err
    assert out.startswith('"blue" becomes "red"\n')
    picture, sound = lengths(tmp_path / "new" / "lips.mp4")
    assert picture == pytest.approx(sound, abs=1 / 25)
