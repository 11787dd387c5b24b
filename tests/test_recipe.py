"""The GRID recipe from end to end on a toy corpus: every stage, every file, shapes, and going on after a kill."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import RECIPE_ENVIRONMENT, skip_without

skip_without("train")
skip_without("face")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from phonolips.corpus.layout import alignment_path
from phonolips.corpus.records import read_records
from phonolips.corpus.store.store import Store
from phonolips.lips.space import mean_centre
from phonolips.phones.inventory import PHONE_IDS
from phonolips.phones.textgrid import read_textgrid

pytestmark = pytest.mark.slow  # one training from end to end, whose files all of the tests read

ROOT = Path(__file__).resolve().parents[1]


def run_recipe(toy: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [
        "bash", ROOT / "recipes/grid/run.sh", "--data", toy / "grid", "--exp", "toy", "--exp-root", toy / "exp",
        "--config", ROOT / "recipes/grid/conf/tiny.yaml", "--alignments", toy / "mfa", "--splits", toy / "splits",
        "--jobs", 2, "--device", "cpu", *words,
    ]  # fmt: skip
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, env=RECIPE_ENVIRONMENT, check=False)


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    subprocess.run(
        [
            sys.executable, ROOT / "tests/toy/make_toy_corpus.py", "--out", folder / "grid", "--clips", "10", "--speakers", "3",
            "--alignments-out", folder / "mfa", "--splits-out", folder / "splits",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def finished(toy) -> Path:
    done = run_recipe(toy)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return toy / "exp" / "toy"


def test_every_stage_leaves_its_files(finished):
    assert sorted(path.name for path in (finished / ".done").iterdir()) == list("0123456789")
    for name in (
        "data/records.jsonl", "data/dropped.tsv", "data/lips/store.json", "data/features/store.json",
        "model/encoder/history.jsonl", "model/durations/history.jsonl", "model/lips/history.jsonl",
        "model/network/model.safetensors", "model/network/model.json",
        "results/synthesis/store.json", "results/lips.csv", "results/encoder.csv", "results/results.md", "results/confusion.png",
    ):  # fmt: skip
        assert (finished / name).stat().st_size > 0 or name.endswith("dropped.tsv"), name


def test_shapes_and_clocks_of_the_prepared_corpus(finished):
    features, lips = Store(finished / "data/features"), Store(finished / "data/lips")
    records = read_records(finished / "data/records.jsonl")
    assert len(records) == len(features) == len(lips) == 10
    assert {record.split for record in records} == {"train", "valid", "test_seen", "test_unseen"}
    for clip in features:
        assert features.get(clip, "mel").shape == (300, 80)
        assert features.get(clip, "labels").shape == (300,)
        assert features.get(clip, "lips").shape == (75, 40, 2)
        assert features.get(clip, "detected").mean() > 0.9
        phones = features.get(clip, "phones")
        assert phones[0, 1] == 0
        assert phones[-1, 2] == 300
        assert np.array_equal(phones[1:, 1], phones[:-1, 2])
        times, alignment = features.get(clip, "phone_times"), read_textgrid(alignment_path(finished / "data", clip))
        assert times[:, 1:3].tolist() == [[phone.start, phone.end] for phone in alignment.phones]  # to the last bit
        assert times[:, 0].tolist() == [PHONE_IDS[phone.label] for phone in alignment.phones]
        assert times[times[:, 3] == 1, 1].tolist() == [word.start for word in alignment.words]


def test_all_clips_of_a_speaker_lie_in_one_place(finished):
    features = Store(finished / "data/features")
    by_speaker: dict[str, list[np.ndarray]] = {}
    for clip in features:
        assert "late_ms" in features.meta(clip)
        by_speaker.setdefault(features.meta(clip)["speaker"], []).append(
            mean_centre(features.get(clip, "lips"), features.get(clip, "detected"))
        )
    centres = json.loads((finished / "data/centres.json").read_text())
    assert sorted(centres) == sorted(by_speaker)
    for speaker, found in by_speaker.items():
        assert np.abs(np.array(found) - centres[speaker]).max() < 2e-3  # what moving in time leaves


def test_the_tables_hold_every_method_for_every_test_clip(finished):
    text = (finished / "results/results.md").read_text()
    for method in ("audio", "text, true durations", "text, predicted durations", "mean lip", "ridge", "PCA"):
        assert method in text
    rows = (finished / "results/lips.csv").read_text().splitlines()
    tests = read_records(finished / "data/records.jsonl", ["test_seen", "test_unseen"])
    assert sum(",audio," in f",{row.split(',')[0]}," for row in rows[1:]) == len(tests)


def test_the_model_speaks(finished, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "phonolips", "synth", "--text", "bin blue", "--model", finished / "model/network", "--out", "o"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env=RECIPE_ENVIRONMENT | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "o" / "lips.mp4").is_file()


def test_running_it_again_does_nothing(toy, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    done = run_recipe(toy)
    assert done.returncode == 0
    assert done.stdout.count("done already") == 10
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()} == before


def test_a_killed_prepare_goes_on_and_ends_the_same(toy, finished, tmp_path):
    records = finished / "data/records.jsonl"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "records.jsonl").write_bytes(records.read_bytes())
    command = [sys.executable, "-m", "phonolips", "prepare", "--step", "lips", "--out", tmp_path / "data"]
    environment = RECIPE_ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    started = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shards = tmp_path / "data" / "lips" / "shards"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(list(shards.glob("0*"))) < 2:
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    started.wait()
    done_before = {path.name: path.stat().st_mtime_ns for path in shards.glob("0*")}
    assert 2 <= len(done_before) < 10
    subprocess.run(command, env=environment, check=True, capture_output=True)
    ours, theirs = (folder / "lips" / "shards" for folder in (tmp_path / "data", finished / "data"))
    assert {path.name: path.read_bytes() for path in ours.glob("0*")} == {
        path.name: path.read_bytes() for path in theirs.glob("0*")
    }
    assert done_before.items() <= {path.name: path.stat().st_mtime_ns for path in ours.glob("0*")}.items()
    assert len(Store(tmp_path / "data" / "lips")) == 10


def test_the_report_on_the_data(finished, capsys):
    from phonolips.corpus.check import check_corpus

    text = check_corpus(finished / "data")
    assert "speaker" in text
    assert "s101" in text
    assert "sound-picture" in text
