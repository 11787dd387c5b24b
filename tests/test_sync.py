"""The sync expert: windows and shifts, file, training on made-up data, evaluation, check-data, real clips."""

import json

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch

from phonolips.corpus.check import check_corpus, out_of_sync
from phonolips.corpus.layout import FEATURE_ARRAYS, alignment_path
from phonolips.corpus.records import Record, write_records
from phonolips.corpus.store.store import Store, StoreWriter
from phonolips.errors import CheckpointError, InputError
from phonolips.evaluation.clips import Clip
from phonolips.evaluation.sync import SHUFFLED, TRUTH, score_sync, sync_table
from phonolips.model import sync
from phonolips.model.settings import SyncExpertSettings
from phonolips.training.networks.sync import SyncExpert, read_trainable_expert
from phonolips.training.torch_graph import expert_of

SHIFTS = range(-7, 8)
TINY = [
    "sync.expert.channels=24", "sync.expert.layers=2", "sync.expert.components=4", "sync.expert.embedding=12",
    "sync.expert.dropout=0", "sync.epochs=36", "sync.batch=6", "sync.crop_frames=30", "sync.learning_rate=1e-2",
    "sync.average=0.9", "sync.noise_share=0", "sync.masked_share=0", "sync.tract_range=0",
]  # fmt: skip


@pytest.fixture
def random_expert():
    torch.manual_seed(0)
    expert = SyncExpert(SyncExpertSettings(channels=16, layers=3, components=5, embedding=8))
    expert.lip_basis.copy_(torch.randn(5, 40, 2))
    return expert.eval().requires_grad_(False)


@pytest.fixture
def used_expert(random_expert):
    return expert_of(random_expert)


def made_up_clips(clips, frames, seed=0):
    """Lips and log-mel that follow the same four smooth random curves; (lips, mel) a clip."""
    fixed = np.random.default_rng(9)
    shape, sound = fixed.normal(size=(4, 40, 2)) * 0.05, fixed.normal(size=(4, 80)) * 3
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(clips):
        curves = rng.normal(size=(4 * frames + 40, 4))
        for _ in range(2):
            curves = np.apply_along_axis(np.convolve, 0, curves, np.ones(9) / 4, mode="same")
        curves = curves[20:-20]
        lips = np.einsum("fc,cpd->fpd", curves.reshape(frames, 4, 4).mean(1), shape) + fixed.normal(size=(40, 2))
        made.append((lips.astype(np.float32), (curves @ sound - 4).astype(np.float32)))
    return made


def shifted(lips, mel, frames):
    """Cut a clip so that its lips are late by so many frames (early, where negative)."""
    length = len(lips) - abs(frames)
    first_lips, first_mel = max(0, -frames), max(0, frames)
    return lips[first_lips : first_lips + length], mel[4 * first_mel : 4 * (first_mel + length)]


def write_corpus(folder, clips):
    """Write a prepared corpus of (id, speaker, split, lips, mel)."""
    from phonolips.phones.intervals import Alignment, Interval
    from phonolips.phones.textgrid import write_textgrid

    records = []
    with StoreWriter(folder / "features", FEATURE_ARRAYS) as store:
        for name, speaker, split, lips, mel in clips:
            values = {
                "mel": mel, "lips": lips, "detected": np.ones(len(lips), bool), "soft": np.zeros((0, 40), np.float16),
                "labels": np.zeros(len(mel), np.int64), "phones": np.zeros((1, 3), np.int32),
                "phone_times": np.zeros((1, 4)),
            }  # fmt: skip
            seconds = len(lips) / 25
            store.add(name, values, {"speaker": speaker, "split": split, "fps": 25, "audio_seconds": seconds})
            records.append(Record(name, speaker, split, "ah", "a.wav", "a.mpg"))
            path = alignment_path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            alignment = Alignment.build([Interval("ah", 0, seconds)], [Interval("AA", 0, seconds)], seconds)
            write_textgrid(alignment, path)
    write_records(records, folder / "records.jsonl")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A sync expert's folder, after a few seconds of training on made-up clips."""
    skip_without("train")
    from phonolips.training.train import train

    folder = tmp_path_factory.mktemp("sync")
    clips = made_up_clips(14, 60)
    splits = ["train"] * 12 + ["valid"] * 2
    write_corpus(folder / "data", [(f"s1/c{i}", "s1", splits[i], *clip) for i, clip in enumerate(clips)])
    return train("sync", data=folder / "data", out=folder / "out", overrides=TINY, device="cpu")


def test_windows_are_embedded_as_unit_vectors(random_expert):
    lips, mel = random_expert(torch.randn(2, 30, 40, 2), torch.randn(2, 120, 80))
    assert random_expert.window_frames == 7
    assert lips.shape == mel.shape == (2, 30 - 7 + 1, 8)
    assert torch.allclose(lips.norm(dim=-1), torch.ones(2, 24), atol=1e-5)
    assert torch.allclose(mel.norm(dim=-1), torch.ones(2, 24), atol=1e-5)


def test_a_shift_of_the_input_is_a_shift_of_the_output(random_expert):
    deviation, sound = torch.randn(1, 40, 40, 2), torch.randn(1, 160, 80)
    lips, mel = random_expert(deviation, sound)
    for shift in (1, 6):
        assert torch.allclose(random_expert.embed_lips(deviation[:, shift:]), lips[:, shift:], atol=1e-5)
        assert torch.allclose(random_expert.embed_mel(sound[:, 4 * shift :]), mel[:, shift:], atol=1e-5)


@pytest.mark.parametrize("late", [-15, -4, 0, 1, 15])
def test_positive_means_late_lips(late):
    vectors = torch.nn.functional.normalize(torch.randn(80, 16, generator=torch.Generator().manual_seed(1)), dim=-1)
    lips, mel = (vectors[max(0, first) :][:60].numpy() for first in (-late, late))
    result = sync.summarise_distances(*sync.mean_distances(lips, mel))
    assert result.offset_frames == late
    assert result.distance == pytest.approx(0, abs=2e-3)
    assert result.confidence == pytest.approx(np.sqrt(2), abs=0.1)  # unrelated unit vectors are sqrt(2) apart
    assert result.offsets.tolist() == list(range(-15, 16))


def test_distance_confidence_and_milliseconds_of_known_distances():
    offsets = np.arange(-2, 3)
    result = sync.summarise_distances(offsets, (offsets - 0.25) ** 2 + 0.5)
    assert result.offset_frames == 0
    assert result.offset_ms == pytest.approx(0.25 * 40)
    assert result.distance == pytest.approx(0.5625)
    assert result.confidence == pytest.approx(0.5 + 1.25**2 - 0.5625)
    assert sync.summarise_distances(offsets, -offsets.astype(float)).offset_ms == 80  # at the end nothing is refined


def test_short_clips_search_as_far_as_enough_windows_remain(used_expert):
    rng = np.random.default_rng(0)
    result = sync.offset(rng.normal(size=(20, 40, 2)), rng.normal(size=(83, 80)), expert=used_expert)
    assert result.offsets.tolist() == list(range(-4, 5))


@pytest.mark.parametrize(
    ("lips", "mel", "message"),
    [
        (np.zeros((50, 20, 2)), np.zeros((200, 80)), "expected"),
        (np.zeros((50, 40, 2)), np.zeros((200, 40)), "log-mel of shape"),
        (np.zeros((50, 40, 2)), np.zeros((60, 80)), "15 frames"),
        (np.full((50, 40, 2), np.nan), np.zeros((200, 80)), "NaN"),
    ],
)
def test_what_does_not_fit_is_named(used_expert, lips, mel, message):
    with pytest.raises(InputError, match=message):
        sync.offset(lips, mel, expert=used_expert)


def test_saved_and_loaded_is_the_same(random_expert, tmp_path):
    random_expert.notes = {"data": "none"}
    random_expert.save(tmp_path)
    loaded = sync.load_sync_expert(tmp_path)
    assert loaded.settings == random_expert.settings
    assert read_trainable_expert(tmp_path).notes == {"data": "none"}
    rng = np.random.default_rng(0)
    lips, mel = rng.normal(size=(40, 40, 2)), rng.normal(size=(160, 80))
    one, other = (sync.offset(lips, mel, expert=expert) for expert in (expert_of(random_expert), loaded))
    assert np.allclose(one.distances, other.distances, atol=1e-5)
    in_numpy = sync.offset(lips, mel, expert=sync.load_sync_expert(tmp_path, provider="numpy"))
    assert np.allclose(one.distances, in_numpy.distances, atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors", "sync.onnx"]


@pytest.mark.parametrize("fault", ["no weights", "no json", "half", "kind", "settings", "list"])
def test_a_broken_folder_is_named(random_expert, tmp_path, fault):
    random_expert.save(tmp_path)
    weights, description = tmp_path / "model.safetensors", tmp_path / "model.json"
    values = json.loads(description.read_text())
    if fault == "no weights":
        weights.unlink()
    elif fault == "no json":
        description.unlink()
    elif fault == "half":
        weights.write_bytes(weights.read_bytes()[:500])
    elif fault == "kind":
        description.write_text(json.dumps(values | {"kind": "a network"}))
    elif fault == "settings":
        description.write_text(json.dumps(values | {"settings": {"channels": 17}}))
    else:
        description.write_text("[]")
    with pytest.raises(CheckpointError, match=tmp_path.name):
        sync.load_sync_expert(tmp_path)


def test_targets_spare_the_neighbours():
    from phonolips.training.sync import near_targets

    target = near_targets(5, 0.2)
    assert target[2].tolist() == pytest.approx([0, 0.2, 0.6, 0.2, 0])
    assert target[0].tolist() == pytest.approx([0.75, 0.25, 0, 0, 0])
    assert near_targets(4, 0.0).equal(torch.eye(4))


@pytest.mark.slow
def test_known_shifts_are_found_after_some_seconds_of_training(trained):
    history = [json.loads(line) for line in (trained.parent / "sync" / "history.jsonl").read_text().splitlines()]
    assert history[-1]["valid_loss"] < 0.7 * history[0]["valid_loss"]
    expert = sync.load_sync_expert(trained)
    errors = [
        abs(sync.offset(*shifted(lips, mel, late), expert=expert).offset_frames - late)
        for lips, mel in made_up_clips(3, 60, seed=1)
        for late in SHIFTS
    ]
    assert np.mean(np.array(errors) <= 1) > 0.95
    assert np.mean(np.array(errors) == 0) > 0.8


def test_truth_beats_shuffled_truth_and_tables_say_so(trained, tmp_path, monkeypatch):
    clips = [
        Clip(f"s1/c{i}", "s1", lips, np.ones(len(lips), bool), np.zeros(len(mel), np.int64), mel, lips.mean(0))
        for i, (lips, mel) in enumerate(made_up_clips(4, 60, seed=2))
    ]
    late = {clip.id: np.concatenate([clip.lips[:3], clip.lips[:-3]]) for clip in clips}
    missing = {clip.id: np.full_like(clip.lips, np.nan) for clip in clips}
    monkeypatch.setattr(sync, "PACKAGED_SYNC_EXPERT", trained)
    rows = score_sync(clips, [("late", late), ("missing", missing)], ["s1"])
    means = {
        name: {key: np.mean([row[key] for row in rows if row["method"] == name]) for key in ("lse_d", "lse_c", "sync_offset_ms")}
        for name in (TRUTH, SHUFFLED, "late")
    }  # fmt: skip
    assert {row["method"] for row in rows} == set(means)
    assert means[TRUTH]["lse_d"] < means[SHUFFLED]["lse_d"]
    assert means[TRUTH]["lse_c"] > means[SHUFFLED]["lse_c"]
    assert abs(means[TRUTH]["sync_offset_ms"]) < 20
    assert means["late"]["sync_offset_ms"] == pytest.approx(120, abs=25)
    text = sync_table(clips, [("late", late)], ["s1"], tmp_path / "sync.csv")
    assert text.startswith("# Sync\n\n**Speaker s1**")
    assert "| truth, of another clip |" in text
    assert len((tmp_path / "sync.csv").read_text().splitlines()) == 1 + 12
    monkeypatch.setattr(sync, "PACKAGED_SYNC_EXPERT", tmp_path / "none")
    assert "Not scored" in sync_table(clips, [], ["s1"], tmp_path / "other.csv")


def test_check_data_lists_clips_out_of_sync(trained, tmp_path, monkeypatch):
    whole = made_up_clips(3, 60, seed=3)
    late = shifted(*whole[1], 5)
    clips = [("s1/good", "s1", "train", *whole[0]), ("s1/late", "s1", "train", *late),
             ("s1/short", "s1", "train", whole[2][0][:12], whole[2][1][:48])]  # fmt: skip
    folder = write_corpus(tmp_path / "data", clips)
    monkeypatch.setattr(sync, "PACKAGED_SYNC_EXPERT", trained)
    found = out_of_sync(Store(folder / "features"), [clip[0] for clip in clips])
    assert len(found) == 1
    assert found[0].startswith("s1/late lips +5 frames (+")
    assert f"out of sync (1): {found[0]}" in check_corpus(folder)
    monkeypatch.setattr(sync, "PACKAGED_SYNC_EXPERT", tmp_path / "none")
    text = check_corpus(folder)
    assert "sync not checked: " in text
    assert "out of sync" not in text


def test_shipped_weights_find_known_shifts_of_real_clips(shared_data):
    skip_without("face")
    from phonolips.face.track import track_video
    from phonolips.media.audio import read
    from phonolips.speech.mel import log_mel

    assert sum(path.stat().st_size for path in sync.PACKAGED_SYNC_EXPERT.iterdir()) < 1_000_000
    errors = []
    for name in ("s1/bbbs5s", "s1/bbie9s", "s30/pbbm3n", "s31/lbig7s"):  # none of them in training
        video = next((shared_data / "grid").glob(f"{name}.mp*"))
        lips, mel = track_video(video).lips, log_mel(read(video))
        frames = min(len(lips), len(mel) // 4)
        for late in SHIFTS:
            found = sync.offset(*shifted(lips[:frames], mel[: 4 * frames], late))
            errors.append(abs(found.offset_frames - late))
    assert np.mean(np.array(errors) <= 1) > 0.9
