"""The LRW recipe from end to end on a stand-in made of the toy corpus, broken clips and all."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import RECIPE_ENVIRONMENT, skip_without

skip_without("train")
skip_without("face")
pytest.importorskip("skimage", reason="the portrait comes with scikit-image")

from phonolips.corpus.records import read_dropped, read_records
from phonolips.corpus.store.store import Store
from phonolips.phones.inventory import IGNORED_ID
from phonolips.training.networks.network import read_trainable

pytestmark = pytest.mark.slow  # one training from end to end, whose files all of the tests read

ROOT = Path(__file__).resolve().parents[1]
WORDS = ["bin", "lay", "place", "set"]


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, env=RECIPE_ENVIRONMENT, check=False)


def run_recipe(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return run(
        "bash", ROOT / "recipes/lrw/run.sh", "--data", folder / "lrw", "--grid", folder / "grid", "--alignments", folder / "mfa",
        "--splits", folder / "splits", "--exp", "toy", "--exp-root", folder / "exp", "--jobs", 2, "--device", "cpu",
        "--config", ROOT / "recipes/lrw/conf/tiny.yaml", *words,
    )  # fmt: skip


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stand_in")
    toy = run(
        sys.executable, ROOT / "tests/toy/make_toy_corpus.py", "--out", folder / "grid", "--clips", 10, "--speakers", 3,
        "--alignments-out", folder / "mfa", "--splits-out", folder / "splits",
    )  # fmt: skip
    assert toy.returncode == 0, toy.stderr
    made = run(
        sys.executable, ROOT / "tests/toy/make_lrw_like.py", "--grid", folder / "grid", "--alignments", folder / "mfa", "--out",
        folder / "lrw", "--splits", folder / "splits", "--per-word", 4, "--broken", 1, "--jobs", 2, "--words", *WORDS,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def finished(stand_in) -> Path:
    done = run_recipe(stand_in)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return stand_in / "exp" / "toy"


def test_the_stand_in_has_the_shape_of_lrw(stand_in):
    from phonolips.media.video import read_frames

    root = stand_in / "lrw" / "lipread_mp4"
    broken = dict(line.split("\t") for line in (stand_in / "lrw" / "broken.tsv").read_text().splitlines())
    assert sorted(broken.values()) == sorted(
        ["no face", "two faces", "cut", "small face", "truncated", "silent", "no sound", "short"]
    )
    assert {path.name for path in root.iterdir()} <= {word.upper() for word in WORDS}
    whole = [p for p in root.rglob("*.mp4") if p.relative_to(root).with_suffix("").as_posix() not in broken]
    for path in whole[:3]:
        frames = list(read_frames(path))
        assert (len(frames), frames[0].shape) == (29, (256, 256, 3))
        assert path.with_suffix(".txt").read_text().splitlines()[-1].startswith("Duration: 0.")


def test_every_stage_leaves_its_files(finished):
    assert sorted(path.name for path in (finished / ".done").iterdir()) == list("0123456789")
    for name in (
        "model/network/model.safetensors", "results/results.md", "results/words.csv", "results/reader.csv",
        "results/words_audio.png", "results/reader.png", "results/lip_reader/model.json",
    ):  # fmt: skip
        assert (finished / name).stat().st_size > 0, name


def test_the_broken_clips_are_left_out_and_counted(stand_in, finished):
    broken = dict(line.split("\t") for line in (stand_in / "lrw" / "broken.tsv").read_text().splitlines())
    lost = {
        item.id: item.reason
        for name in ("dropped", "dropped_lips", "dropped_alignments", "dropped_features")
        for item in read_dropped(finished / "data" / f"{name}.tsv")
    }
    assert {clip for clip, kind in broken.items()} <= set(lost), sorted(set(broken) - set(lost))
    records = {record.id for record in read_records(finished / "data" / "records.jsonl")}
    features = Store(finished / "data" / "features")
    assert records == set(features) | (set(lost) & records)  # nothing vanishes
    assert not set(features) & set(broken)


def test_what_is_known_of_a_clip_is_told_apart(finished):
    features = Store(finished / "data" / "features")
    nobody = [clip for clip in features if features.meta(clip)["speaker"] == ""]
    assert nobody
    for clip in nobody:
        labels, soft = features.get(clip, "labels"), features.get(clip, "soft")
        assert features.get(clip, "lips").shape == (29, 40, 2)
        assert soft.shape == (116, 40)
        hard = np.flatnonzero(labels != IGNORED_ID)
        assert 5 < len(hard) < 90
        assert np.array_equal(hard, np.arange(hard[0], hard[-1] + 1))  # one word, in one piece
        assert 30 < hard.mean() < 86  # in the middle
        sums = soft.astype(np.float32).sum(1)
        assert np.all((sums == 0) | (np.abs(sums - 1) < 0.02))
        assert not sums[hard].any()


def test_one_kind_of_checkpoint(finished):
    network = read_trainable(finished / "model" / "network")
    assert network.description.speakers[0] == "mean"
    assert all(name.startswith("s10") for name in network.description.speakers[1:])  # GRID's, by name
    assert network.speaker_encoder is not None
    with (finished / "results" / "words.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["split"] for row in rows} == {"test"}
    assert {"truth", "audio", "mean lip"} <= {row["method"] for row in rows}


def test_another_folder_is_refused_before_anything_is_done(stand_in):
    done = run_recipe(stand_in, "--exp", "other", "--data", stand_in / "mfa", "--stop-stage", "0")
    assert done.returncode == 1
    assert "lipread_mp4" in done.stderr
    assert "robots.ox.ac.uk" in done.stderr
