"""The benchmark tools: noise has the ratio that the table says, bands and rooms are what they are called."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from conftest import needs, tool

from phonolips.corpus.records import Record
from phonolips.phones.inventory import NUM_PHONES, PHONE_IDS, SILENCE_ID

TOOLS = Path(__file__).resolve().parents[1] / "tools"


@pytest.fixture
def sound():
    labels = np.repeat([SILENCE_ID, PHONE_IDS["AA"], SILENCE_ID], 100)
    speech = np.repeat(labels > SILENCE_ID, 160)
    waveform = np.where(speech, 0.2 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 16_000), 0).astype(np.float32)
    return tool("tools/bench/encoder").Sound(Record("c", "1", "test_unseen", "a", "a.wav"), waveform, speech, labels)


@pytest.mark.parametrize("ratio_db", [20, 5, -5])
def test_noise_has_the_ratio_that_it_says(sound, ratio_db):
    encoder = tool("tools/bench/encoder")
    noise = np.random.default_rng(0).normal(size=48_000)
    mixed = encoder.add_noise(sound, noise, ratio_db).astype(np.float64)
    assert np.abs(mixed).max() <= 1
    scale = mixed[sound.speech] @ sound.waveform[sound.speech] / np.sum(sound.waveform[sound.speech] ** 2.0)
    left = mixed / scale - sound.waveform
    ratio = encoder.power_of(sound.waveform, sound.speech) / encoder.power_of(left)
    assert 10 * np.log10(ratio) == pytest.approx(ratio_db, abs=0.5)


@needs("train")
def test_the_telephone_keeps_its_band_only():
    encoder = tool("tools/bench/encoder")
    times = np.arange(16_000) / 16_000

    def kept(hertz):
        tone = (0.3 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)
        return encoder.power_of(encoder.telephone(tone)[2000:-2000]) / encoder.power_of(tone)

    assert kept(1000) == pytest.approx(1, abs=0.05)
    assert max(kept(60), kept(5000), kept(7000)) < 0.01
    assert len(encoder.telephone(np.zeros(16_001, np.float32))) == 16_001


@needs("train")
def test_the_room_rings_after_the_sound_and_not_before():
    encoder = tool("tools/bench/encoder")
    click = np.zeros(32_000, np.float32)
    click[8_000] = 0.5
    wet = encoder.reverberate(click, np.random.default_rng(0))
    direct, late = np.sum(wet[8_000:8_020] ** 2.0), np.sum(wet[8_020:] ** 2.0)
    assert np.abs(wet[:7_990]).max() < 1e-6
    assert 10 * np.log10(late / direct) == pytest.approx(encoder.ROOM_DB, abs=0.5)
    later = np.sum(wet[8_000 + 4_800 : 8_000 + 5_800] ** 2.0) / np.sum(wet[8_100:9_100] ** 2.0)
    assert 10 * np.log10(later) == pytest.approx(-60 * 0.3 / encoder.ROOM_SECONDS, abs=4)


def test_quiet_is_quiet(sound):
    encoder = tool("tools/bench/encoder")
    assert 10 * np.log10(encoder.power_of(encoder.quiet(sound), sound.speech)) == pytest.approx(
        encoder.QUIET_DB, abs=0.01
    )


def test_lateness_of_an_alignment_is_signed():
    from phonolips.phones.intervals import Alignment, Interval

    boundaries = tool("tools/bench/boundaries")
    found = Alignment.build([], [Interval("B", 0.12, 0.2), Interval("AA", 0.2, 0.5)], 0.6)
    late = boundaries.lateness(found, [("B", 0.1, 0.21), ("AA", 0.21, 0.5)])
    assert late.tolist() == pytest.approx([20, -10])


def test_espeak_speech_has_a_margin_and_words():
    pytest.importorskip("espeakng_loader")
    boundaries = tool("tools/bench/boundaries")
    sound, phones = boundaries.say("bin blue", "en-us", 150, 0)
    assert phones[0].start >= boundaries.MARGIN_SECONDS
    assert phones[-1].end <= len(sound) / 16_000 - boundaries.MARGIN_SECONDS + 1e-4  # resampling drops a sample
    assert [word.phones for word in boundaries.to_words(phones)] == [("B", "IH", "N"), ("B", "L", "UW")]


@needs("train")
def test_peakiness_counts_steps_of_speech():
    picture = tool("tools/studies/ctc_peaks")
    labels = np.array([SILENCE_ID, 3, 3, 4, -1])
    encoded = np.full((5, NUM_PHONES + 1), 1e-9)
    encoded[[0, 1, 4], NUM_PHONES] = 1.0  # blank in silence, on one step of speech, and where nobody knows
    encoded[2, 3] = encoded[3, 4] = 1.0
    found = picture.peakiness([encoded], [labels])
    assert found["blank"] == pytest.approx(1 / 3)
    assert found["right"] == pytest.approx(2 / 3)
    assert found["entropy"] == pytest.approx(0, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bench/encoder", "bench/boundaries", "bench/text_fit", "studies/ctc_peaks"])
def test_every_tool_has_help(name):
    done = subprocess.run([sys.executable, TOOLS / f"{name}.py", "--help"], capture_output=True, text=True, check=True)
    assert "--model" in done.stdout
    assert "python tools/" in done.stdout


@needs("train")
def test_shipped_weights_are_half_as_large_and_say_the_same(tmp_path):
    from phonolips.model.bundle import PACKAGED_MODEL
    from phonolips.model.network import load_network
    from phonolips.synth import verbs as synth
    from phonolips.training.networks.network import read_trainable

    line = tool("tools/release/ship_weights").ship(PACKAGED_MODEL, tmp_path / "shipped")
    assert "largest change of the lips" in line
    original, shipped = load_network(), load_network(tmp_path / "shipped")
    read_trainable(PACKAGED_MODEL).save(tmp_path / "full")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("shipped", "full")]
    assert sizes[0] < 0.52 * sizes[1]
    lips = [synth.from_text("bin blue", network=network).lips for network in (original, shipped)]
    assert np.abs(lips[0] - lips[1]).max() < 2e-3


@needs("train")
def test_weights_shipped_as_int8_take_little_more_than_half_of_that(tmp_path):
    from phonolips.model.bundle import PACKAGED_MODEL

    ship = tool("tools/release/ship_weights").ship
    assert "7.6 MB" in ship(PACKAGED_MODEL, tmp_path / "int8", "int8")
    assert "14.1 MB" in ship(PACKAGED_MODEL, tmp_path / "half")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("int8", "half")]
    assert sizes[0] < 0.55 * sizes[1]


def test_differences_of_stored_weights_are_counted():
    bench = tool("tools/bench/stored_weights")
    posteriors, lips = np.zeros((8, 40), np.float32), np.zeros((2, 40, 2), np.float32)
    posteriors[3, 4], lips[1, 5, 0] = 0.4, -0.02
    line = bench.report([bench.Difference(posteriors, lips, np.arange(8) == 3)] * 2)
    rms = np.sqrt(0.4**2 / 320), np.sqrt(0.02**2 / 160)
    assert f"2 recordings, 4 frames: posteriors differ by 4.0e-01 at most, {rms[0]:.1e} rms" in line
    assert f"12.50% of the steps; lips by 2.0e-02 at most, {rms[1]:.1e} rms, by more than 1e-03 in 2 frames" in line
    tracked = np.random.default_rng(0).normal(size=(30, 40, 2))
    assert bench.follows(tracked[:20], tracked) == pytest.approx([1, 1])


@needs("train")
def test_what_is_explained_is_explained_on_what_was_left_out():
    share = tool("tools/studies/findings_model").explained_share
    rng = np.random.default_rng(0)
    causes = rng.standard_normal((200, 3))
    effects = causes @ rng.standard_normal((3, 8)) + 4
    assert share(causes, effects) == pytest.approx(1)
    noise = rng.standard_normal((200, 8)) * effects.std(0)
    assert share(causes, effects + noise) == pytest.approx(0.5, abs=0.06)
    assert share(causes, noise) < 0.02


def test_every_dependency_has_a_purpose():
    project = tomllib.loads((TOOLS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    listed = [*project["dependencies"], *extras["face"], *extras["align"], *extras["train"]]
    assert {re.match(r"[\w-]+", each)[0] for each in listed} == set(tool("tools/bench/install").PURPOSES)


def test_what_an_install_brings(tmp_path):
    """Packages are read off their metadata, and named with those of our dependencies that need them."""
    install = tool("tools/bench/install")

    def add(name, requires, files):
        metadata = tmp_path / f"{name}-1.0.dist-info"
        metadata.mkdir()
        lines = "".join(f"Requires-Dist: {each}\n" for each in requires)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{lines}")
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_bytes(b"x" * 10_000)
        (metadata / "RECORD").write_text("".join(f"{file},,\n" for file in files))

    add("phonolips", ["Pillow", "av; extra == 'film'", "old; python_version < '3'"], ["phonolips/__init__.py"])
    add("Pillow", ["shared_part>=1"], ["PIL/__init__.py", "PIL/Image.py", "_pillow_extra.py"])
    add("av", ["shared-part", "deep"], ["av/__init__.py", "av.libs/libav.so"])
    add("shared_part", [], ["shared.py"])
    add("deep", ["pillow"], ["lib/python/deep.so"])
    packages = install.read_packages(tmp_path)
    assert packages["pillow"].module == "PIL.Image"
    assert packages["shared-part"].module == "shared"
    assert packages["av"].module == "av"
    assert packages["deep"].module == ""
    assert 20_000 <= packages["av"].size <= 3 * 12_288
    assert install.bringers(packages, []) == {"pillow": ["pillow"], "shared-part": ["pillow"]}
    with_film = install.bringers(packages, ["film"])
    assert with_film == {"pillow": ["pillow"], "av": ["av"], "shared-part": ["pillow", "av"], "deep": ["av"]}
    lines = install.table(packages, ["film"], None)
    assert "| shared-part | 1.0 | 0.0 |  | of pillow, av |" in lines
    assert "| **all 5** | | **0** | | |" in lines


def test_the_time_of_an_import_is_measured():
    install = tool("tools/bench/install")
    python = Path(sys.executable)
    assert install.import_milliseconds(python, "a_module_that_is_not_there", 0.0) == ""
    assert float(install.import_milliseconds(python, "numpy", 0.0)) > 20
