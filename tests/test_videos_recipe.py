"""The videos recipe from end to end on toy films: odd ones, broken ones, a long one, and everybody left out in turn."""

import csv
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import RECIPE_ENVIRONMENT, skip_without, tool

skip_without("train")
skip_without("face")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from phonolips.corpus.records import read_dropped, read_records
from phonolips.corpus.store.store import Store
from phonolips.media.audio import read, resample
from phonolips.media.video import read_frames, write_video
from phonolips.training.networks.network import read_trainable

pytestmark = pytest.mark.slow  # one training from end to end, whose files all of the tests read

ROOT = Path(__file__).resolve().parents[1]
REFUSED = {
    "odd/two": "several faces: ", "odd/none": "no face: ", "odd/still": "still mouth: ", "odd/mute": "no sound: ",
    "odd/broken": "unreadable: ", "odd/short": "short: ",
}  # fmt: skip
LATE_FRAMES = 4  # by which the sound of s101's second film comes early


def run_recipe(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [
        "bash", ROOT / "recipes/videos/run.sh", "--data", folder / "films", "--exp", "toy", "--exp-root", folder / "exp",
        "--jobs", 2, "--device", "cpu", "--config", ROOT / "recipes/videos/conf/tiny.yaml", "--folds", 3, *words,
    ]  # fmt: skip
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=RECIPE_ENVIRONMENT, check=False)


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    """Six clips of three people, made into films: one late, one long, one of 50 pictures a second, one of 8 kHz."""
    folder = tmp_path_factory.mktemp("films")
    toy = tool("tests/toy/make_toy_corpus")
    toy.make_corpus(folder / "grid", clips=6, speakers=3, alignments_out=folder / "mfa")
    clips = {name: sorted((folder / "grid" / name).glob("*.mp*")) for name in ("s101", "s102", "s103")}
    clips = {name: [path for path in paths if path.suffix != ".align"] for name, paths in clips.items()}
    pictures = {path: list(read_frames(path)) for paths in clips.values() for path in paths}
    sounds = {path: read(path)[:48_000] for path in pictures}

    def write(name, frames, sound, fps=25, rate=16_000):
        path = folder / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, frames, Fraction(fps), waveform=sound, sample_rate=rate)

    first, second = clips["s101"]
    write("s101/plain.mp4", pictures[first], sounds[first])
    write("s101/late.mp4", pictures[second], np.roll(sounds[second], -640 * LATE_FRAMES))
    first, second = clips["s102"]
    turns = [first, second] * 2
    write(
        "s102/long.mp4", [p for path in turns for p in pictures[path]], np.concatenate([sounds[path] for path in turns])
    )
    first, second = clips["s103"]
    write("s103/fast.mp4", [p for p in pictures[first] for _ in range(2)], sounds[first], fps=50)
    write("s103.mp4", pictures[second], resample(sounds[second], 16_000, 8_000), rate=8_000)
    face, sound = pictures[first], sounds[first]
    write("odd/two.mp4", [np.concatenate([p, p], 1) for p in face], sound)
    write("odd/none.mp4", [np.full_like(p, 90) for p in face], sound)
    write("odd/still.mp4", [face[0]] * 75, sound)
    write("odd/mute.mp4", face, None)
    write("odd/short.mp4", face[:12], sound[15_000:22_680])
    (folder / "films" / "odd" / "broken.mp4").write_bytes((folder / "films/s101/plain.mp4").read_bytes()[:900])
    (folder / "films" / "notes.txt").write_text("nothing to see")
    return folder


@pytest.fixture(scope="module")
def finished(films) -> Path:
    done = run_recipe(films)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return films / "exp" / "toy"


def test_what_cannot_be_used_is_listed_with_its_reason(finished):
    lost = {
        item.id: item.reason
        for name in ("dropped", "dropped_lips", "dropped_alignments", "dropped_features")
        for item in read_dropped(finished / "data" / f"{name}.tsv")
        if item.reason not in ("no lips were tracked", "no alignment")
    }
    assert {name: reason for name, reason in lost.items() if name.startswith("odd")}.keys() == REFUSED.keys()
    assert all(lost[name].startswith(reason) for name, reason in REFUSED.items()), lost
    features = Store(finished / "data" / "features")
    assert {clip.split("/")[0] for clip in features} == {"s101", "s102", "s103", "s103.mp4"}


def test_a_long_film_is_cut_and_its_clips_have_their_own_sound(finished):
    records = {record.id: record for record in read_records(finished / "data" / "records.jsonl")}
    pieces = [record for name, record in sorted(records.items()) if name.startswith("s102/long/")]
    assert len(pieces) == 2
    assert pieces[0].start == 0
    assert pieces[0].end == pieces[1].start
    features = Store(finished / "data" / "features")
    for piece in pieces:
        frames = round((piece.end - piece.start) * 25)
        assert features.get(piece.id, "lips").shape == (frames, 40, 2)
        assert features.get(piece.id, "mel").shape == (4 * frames, 80)
        assert features.get(piece.id, "soft").shape == (4 * frames, 40)
        assert len(read(Path(piece.audio))) == pytest.approx(640 * frames, abs=1)


def test_the_lag_of_a_film_is_found(finished):
    lags = json.loads((finished / "data" / "lags.json").read_text())
    assert set(lags) == set(Store(finished / "data" / "features"))
    assert lags["s101/late"]["late_ms"] == pytest.approx(40 * LATE_FRAMES, abs=25)
    assert all(abs(lag["late_ms"]) < 25 for clip, lag in lags.items() if clip != "s101/late")
    assert {lag["source"] for lag in lags.values()} <= {"clip", "video"}


def test_everybody_is_left_out_once(finished):
    with (finished / "folds" / "lips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for method in ("audio", "audio, model beside", "mean lip"):
        clips = [row["clip"] for row in rows if row["method"] == method]
        assert sorted(clips) == sorted(Store(finished / "data" / "features"))
    text = (finished / "folds" / "results.md").read_text()
    assert "4 people." in text
    assert "all people" in text
    for fold in ("01", "02", "03"):
        folder = finished / "folds" / fold
        split = {record.id: record.split for record in read_records(folder / "data" / "records.jsonl")}
        held_out = {name.split("/")[0] for name, what in split.items() if what == "test_unseen"}
        assert held_out
        assert not held_out & {name.split("/")[0] for name, what in split.items() if what == "train"}


def test_the_model_knows_nobody_by_name_and_has_a_whole_models_parts(finished, tmp_path):
    network = read_trainable(finished / "model" / "network")
    assert network.description.speakers == ["mean"]
    assert {"encoder", "durations", "activity", "lips"} == set(network.description.notes["trained"])
    done = subprocess.run(
        [sys.executable, "-m", "phonolips", "synth", "--text", "bin blue", "--model", finished / "model/network", "--out", "o"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env=RECIPE_ENVIRONMENT | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_running_it_again_does_nothing(films, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    done = run_recipe(films)
    assert done.returncode == 0
    assert done.stdout.count("done already") == 7
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()} == before
