"""The lip reader and the tables by word."""

import csv
import json

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import scipy.stats

from phonolips.corpus.store.store import ArraySpec, Store, StoreWriter
from phonolips.errors import CheckpointError, CorpusError, InputError
from phonolips.evaluation import reading, words
from phonolips.lips.measures import opening, width
from phonolips.lips.points import MEDIAPIPE40
from phonolips.training.reader import train_reader, train_reader_on_store
from phonolips.training.reader_clips import ReaderClip, StoreClips
from phonolips.training.reader_network import ReaderSettings, load_reader, mirror

SMALL = ReaderSettings(epochs=4, batch=16, channels=24, components=6, average=0.0, learning_rate=6e-3, dropout=0.0)
WORDS = ("high", "low", "twice")


def neutral() -> np.ndarray:
    """Draw a mouth that is the same on both sides: two rings from the left corner along the lower lip."""
    angle = np.pi + np.arange(20) * 2 * np.pi / 20
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.concatenate([ring * (0.35, 0.15), ring * (0.3, 0.05)]).astype(np.float32)


def say(word: str, rng: np.random.Generator, frames: int = 29) -> np.ndarray:
    """Open or narrow the mouth around the clip's middle, as the word wants it; a mouth of random size and place."""
    time = np.arange(frames) - (frames - 1) / 2 + rng.uniform(-1, 1)
    bumps = {"high": (0.0,), "low": (), "twice": (-4.0, 4.0)}[word]
    move = sum((np.exp(-0.5 * ((time - at) / 2) ** 2) for at in bumps), np.zeros(frames))
    narrow = np.exp(-0.5 * (time / 3) ** 2) if word == "low" else np.zeros(frames)
    factor = np.stack([1 - 0.3 * narrow, 1 + 1.5 * move], 1)
    lips = neutral() * rng.uniform(0.9, 1.1) * factor[:, None] + rng.normal(0, 0.05, 2)
    return (lips + rng.normal(0, 0.003, lips.shape)).astype(np.float32)


def clips(each: int, seed: int, split: str = "train") -> list[ReaderClip]:
    rng = np.random.default_rng(seed)
    return [
        ReaderClip(f"{word.upper()}/{split}/{word.upper()}_{i:05d}", word, say(word, rng, 29 - i % 3))
        for i in range(each)
        for word in WORDS
    ]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    return train_reader(clips(32, 0), WORDS, folder=folder, valid=clips(6, 1), settings=SMALL), folder


def test_a_mirror_exchanges_left_and_right_and_nothing_else():
    lips = say("high", np.random.default_rng(3))
    seen = mirror(lips)
    np.testing.assert_allclose(mirror(seen), lips)
    np.testing.assert_allclose(opening(seen), opening(lips))
    np.testing.assert_allclose(width(seen), width(lips), rtol=1e-6)
    left, right = MEDIAPIPE40.corners
    upper, _ = MEDIAPIPE40.inner_middle
    np.testing.assert_array_equal(seen[:, left] * (-1, 1), lips[:, right])
    np.testing.assert_array_equal(seen[:, upper] * (-1, 1), lips[:, upper])
    np.testing.assert_allclose(mirror(neutral()), neutral(), atol=1e-6)


def test_the_sign_of_a_component_is_what_a_mirror_does_to_it(reader):
    read, _ = reader
    lips = say("low", np.random.default_rng(4))
    own, seen = read.coefficients(lips), read.coefficients(mirror(lips))
    np.testing.assert_allclose(seen, own * read.mirror_sign.numpy(), atol=1e-3)
    basis = read.lip_basis.flatten(1).numpy()
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-5)
    assert set(read.mirror_sign.tolist()) == {1.0, -1.0}


def test_it_reads_words_of_new_clips_and_nothing_off_lips_that_stand_still(reader):
    read, _ = reader
    test = clips(20, 2, "test")
    other = {one.id: test[(i + 1) % len(test)].lips for i, one in enumerate(test)}
    methods = {
        "true lips": {clip.id: clip.lips for clip in test},
        "another word": other,
        "mean lip": reading.mean_lip_clips(test),
    }
    rows = reading.score_reader(read, test, methods)
    table = {row["method"]: row for row in reading.reader_table(read, rows)}
    assert table["true lips"]["top1"] > 0.9
    assert table["another word"]["top1"] < 0.1
    assert table["mean lip"]["top1"] == pytest.approx(1 / 3)  # one word, whatever was said
    assert len({row["found"] for row in rows if row["method"] == "mean lip"}) == 1
    assert table["true lips"]["top1_low"] <= table["true lips"]["top1"] <= table["true lips"]["top1_high"]
    assert table["true lips"]["top5"] == 1.0
    assert table["chance"]["reciprocal_rank"] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    assert table["most frequent word"]["top1"] == pytest.approx(1 / 3)
    assert "| true lips | 60 |" in reading.reader_markdown(list(table.values()))


def test_padding_changes_nothing(reader):
    read, _ = reader
    rng = np.random.default_rng(5)
    mixed = [say("high", rng, 29), say("twice", rng, 17), say("low", rng, 40)]
    together = read.read_all(mixed)
    np.testing.assert_allclose(together, [read.read(lips) for lips in mixed], atol=1e-5)
    np.testing.assert_allclose(together.sum(1), 1, atol=1e-6)


def test_where_the_mouth_is_does_not_matter(reader):
    read, _ = reader
    lips = say("twice", np.random.default_rng(6))
    np.testing.assert_allclose(read.read(lips + np.float32(0.3)), read.read(lips), atol=1e-3)


def test_a_trained_reader_is_taken_from_its_folder_and_another_one_refused(reader):
    read, folder = reader
    lips = say("high", np.random.default_rng(7))
    np.testing.assert_array_equal(load_reader(folder).read(lips), read.read(lips))
    before = (folder / "model.safetensors").stat().st_mtime_ns
    train_reader(clips(32, 0), WORDS, folder=folder, valid=clips(6, 1), settings=SMALL)
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(CheckpointError, match="remove the folder"):
        train_reader(clips(8, 0), WORDS, folder=folder, valid=clips(6, 1), settings=SMALL)


def test_the_epoch_kept_is_the_one_that_validated_best(reader):
    read, folder = reader
    history = [json.loads(line) for line in (folder / "training" / "history.jsonl").read_text().splitlines()]
    best = max(line["top1"] for line in history)
    assert read.notes["valid_top1"] == pytest.approx(best, abs=1e-4)
    assert read.notes["epoch"] == max(line["epoch"] for line in history if line["top1"] == best)


def test_broken_folders_and_wrong_input_are_named(reader, tmp_path):
    read, _ = reader
    with pytest.raises(CheckpointError, match=r"no model\.json"):
        load_reader(tmp_path)
    read.save(tmp_path)
    values = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(values | {"kind": "something else"}))
    with pytest.raises(CheckpointError, match="something else"):
        load_reader(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(values | {"words": ["a", "b"]}))
    with pytest.raises(CheckpointError, match="not a readable lip reader"):
        load_reader(tmp_path)
    with pytest.raises(InputError, match=r"\(29, 20, 2\)"):
        read.read(np.zeros((29, 20, 2)))
    with pytest.raises(InputError, match="NaN"):
        read.read(np.full((29, 40, 2), np.nan))
    with pytest.raises(InputError, match="does not know never"):
        reading.score_reader(read, [ReaderClip("a", "never", neutral()[None])], {})
    with pytest.raises(CorpusError, match="two words"):
        train_reader([], [], folder=tmp_path / "none")


def test_clips_come_from_a_store_and_the_cap_keeps_every_word(tmp_path):
    arrays = {"lips": ArraySpec("float32", (40, 2))}
    with StoreWriter(tmp_path / "features", arrays) as writer:
        for clip in sorted(clips(12, 0), key=lambda clip: clip.id):
            writer.add(clip.id, {"lips": clip.lips}, {"split": "train", "speaker": ""})
        writer.add("HIGH/val/HIGH_00001", {"lips": clips(1, 1)[0].lips}, {"split": "valid", "speaker": ""})
        writer.add("HIGH/train/HIGH_99999", {"lips": np.zeros((0, 40, 2))}, {"split": "train", "speaker": ""})
    store = Store(tmp_path / "features")
    whole = StoreClips(store, "train")
    assert len(whole) == 36
    assert whole.words() == sorted(WORDS)
    some = StoreClips(store, "train", most=9)
    assert len(some) == 9
    assert some.words() == sorted(WORDS)
    np.testing.assert_array_equal(some[0].lips, store.get(some[0].id, "lips"))
    settings = ReaderSettings(epochs=1, channels=8, components=4, average=0.0)
    read = train_reader_on_store(store, tmp_path / "reader", settings=settings)
    assert read.words == tuple(sorted(WORDS))
    assert read.notes["clips"] == 36
    assert read.notes["valid_clips"] == 1


def test_homophenes_are_words_with_the_same_lips():
    seen = reading.viseme_words(["pat", "bat", "mat", "soon"])
    assert seen["pat"] == seen["bat"] == seen["mat"] != seen["soon"]


def test_the_confusion_picture_counts_every_clip():
    rows = [{"method": "audio", "word": w, "found": f} for w, f in (("pat", "bat"), ("pat", "pat"), ("soon", "soon"))]
    order = ["bat", "pat", "soon"]
    matrix = reading.word_confusion(rows, order, "audio")
    np.testing.assert_array_equal(matrix, [[0, 0, 0], [1, 1, 0], [0, 0, 1]])
    figure = reading.confusion_figure(rows, order, ["audio"], homophenes=reading.viseme_words(order))
    assert "67% of 3 right" in figure.axes[0].get_title(loc="left")
    assert len(figure.axes[0].patches) == 1  # pat and bat are framed
    with pytest.raises(InputError, match="'text'"):
        reading.confusion_figure(rows, order, ["text"])


# Tables by word


def scores(names: list[str], each: int = 4) -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    return [
        {
            "method": method,
            "seen": False,
            "speaker": "unnamed",
            "clip": f"{name.upper()}/test/{name.upper()}_{i:05d}",
            "skill": place / len(names) + rng.normal(0, 0.002),
            "opening_r": float("nan") if method == "mean lip" else rng.uniform(),
        }
        for method in ("audio", "mean lip")
        for place, name in enumerate(names)
        for i in range(each)
    ]


def test_a_word_gets_the_mean_of_its_clips_by_method_and_split():
    rows = scores(["about", "young"])
    table = words.word_table(rows)
    assert [(row["method"], row["split"], row["word"], row["clips"]) for row in table] == [
        ("audio", "test", "about", 4),
        ("audio", "test", "young", 4),
        ("mean lip", "test", "about", 4),
        ("mean lip", "test", "young", 4),
    ]
    assert table[1]["skill"] == pytest.approx(np.mean([row["skill"] for row in rows[4:8]]))
    own = [row["skill"] for row in rows[4:8]]
    expected = scipy.stats.t.interval(0.95, 3, np.mean(own), scipy.stats.sem(own))
    assert (table[1]["skill_low"], table[1]["skill_high"]) == pytest.approx(expected)
    assert np.isnan(table[2]["opening_r"])
    with pytest.raises(InputError, match="names no word"):
        words.word_table([{"method": "audio", "clip": "s1/bbaf2n", "skill": 1.0}])
    with pytest.raises(InputError, match="run evaluate first"):
        words.word_table([])


def test_the_interval_of_a_share_stays_within_0_and_1():
    rows = [{"method": "audio", "clip": f"ABOUT/test/{i}", "top1": float(i > 0)} for i in range(10)]
    (row,) = words.word_table(rows)
    assert row["top1"] == 0.9
    assert (row["top1_low"], row["top1_high"]) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Wilson, by hand


def test_all_words_go_into_the_csv_and_best_and_worst_into_markdown(tmp_path):
    names = [f"word{i:02d}" for i in range(30)]
    words.write_word_tables(scores(names), tmp_path)
    with (tmp_path / "words.csv").open() as file:
        assert [row["word"] for row in csv.DictReader(file) if row["method"] == "audio"] == names
    audio = (tmp_path / "words.md").read_text().split("**mean lip**")[0]
    shown = [line.split("|")[1].strip() for line in audio.splitlines() if line.startswith("| word")][1:]
    assert shown == names[:19:-1] + names[9::-1]
    assert "... 10 more" in audio


def test_reader_scores_stand_beside_the_others():
    rows = scores(["about"], each=2)[:2]
    read = [
        {"method": method, "clip": rows[0]["clip"], "top1": 1.0, "top5": 1.0, "reciprocal_rank": 1.0}
        for method in ("audio", "true lips")
    ]
    table = words.word_table(words.add_reader_scores(rows, read))
    assert [(row["method"], row["clips"], row["top1"]) for row in table] == [("audio", 2, 1.0), ("true lips", 1, 1.0)]
    assert np.isnan(table[1]["skill"])


@pytest.mark.parametrize(("number", "ticks"), [(24, 24), (500, 6)])
def test_words_are_drawn_sorted(number, ticks):
    table = words.word_table(scores([f"w{i}" for i in range(number)], each=2))
    figure = words.word_figure(table)
    axes = figure.axes[0]
    assert len(figure.axes) == 2
    assert len(axes.get_xticks()) == ticks
    drawn = next(line.get_ydata() for line in axes.lines if line.get_marker() == "o")
    assert len(drawn) == number
    assert (np.diff(drawn) <= 0).all()
    with pytest.raises(InputError, match="'nothing'"):
        words.word_figure(table, method="nothing")
