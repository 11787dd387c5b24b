"""Training: it learns, its random choices belong to the epoch, and a killed run ends as if never killed."""

import json
import logging

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch
from safetensors.torch import load_file

from phonolips.corpus.layout import FEATURE_ARRAYS, PHONE_TIMES, alignment_path, phone_times
from phonolips.corpus.store.store import Store, StoreWriter
from phonolips.errors import CorpusError, InputError, PhonolipsError, PhonolipsWarning
from phonolips.phones.inventory import NUM_PHONES, PHONES, SILENCE_ID
from phonolips.training.settings import Recipe, load_settings

TINY = [
    "network.audio_encoder.channels=24",
    "network.audio_encoder.dilations=[1,2]",
    "network.audio_encoder.coarse_channels=24",
    "network.audio_encoder.coarse_dilations=[1]",
    "network.durations.channels=16",
    "network.decoder.latent=8",
    "network.decoder.speaker=4",
    "network.decoder.channels=16",
    "network.decoder.hidden=24",
    "network.lips.components=4",
    "network.lip_parameters.channels=8",
    "network.decoder.dilations=[1]",
    "encoder.batch=4",
    "activity.epochs=1",
    "activity.batch=4",
    "activity.sounds=1",
    "activity.synthetic=2",
    "activity.network.channels=8",
    "activity.network.dilations=[1]",
    "durations.batch=4",
    "lips.batch=4",
]


def make_corpus(folder, clips=6, frames=30, incomplete=0):
    """A corpus whose mel says the phone plainly and whose lips follow it.

    Of the first `incomplete` clips only the two phones in the middle are known; an earlier encoder has posteriors of the ones before.
    """
    from phonolips.phones.intervals import Alignment, Interval
    from phonolips.phones.textgrid import write_textgrid

    rng = np.random.default_rng(0)
    sound = rng.normal(size=(NUM_PHONES, 80))
    shape = rng.normal(size=(NUM_PHONES, 40, 2)) * 0.05
    with StoreWriter(folder / "features", FEATURE_ARRAYS) as store:
        for index in range(clips):
            ids = rng.choice(np.arange(1, 6), size=6)
            edges = np.linspace(0, frames * 4, 7).astype(int)
            intervals = [
                Interval(PHONES[phone], a / 100, b / 100)
                for phone, a, b in zip(ids, edges[:-1], edges[1:], strict=True)
            ]
            encoded = np.zeros((0, NUM_PHONES))
            true = Alignment.build([Interval("word", 0, frames / 25)], intervals, frames / 25).labels(frames * 4)
            if index < incomplete:
                outside = [*range(2), *range(4, 6)]
                intervals = [p._replace(label="spn") if i in outside else p for i, p in enumerate(intervals)]
                encoded = np.eye(NUM_PHONES)[true] * (np.arange(frames * 4) < edges[2])[:, None]
            alignment = Alignment.build([Interval("word", 0, frames / 25)], intervals, frames / 25)
            clip = f"s{1 + index % 2}/clip{index}"
            write = alignment_path(folder, clip)
            write.parent.mkdir(parents=True, exist_ok=True)
            write_textgrid(alignment, write)
            labels = alignment.labels(frames * 4)
            store.add(
                clip,
                {
                    "mel": sound[true] + 0.1 * rng.normal(size=(frames * 4, 80)),
                    "labels": labels,
                    "phones": alignment.phone_rows(frames * 4),
                    "phone_times": phone_times(alignment),
                    "soft": encoded,
                    "lips": shape[true[2::4]],
                    "detected": np.ones(frames, bool),
                },
                {"speaker": f"s{1 + index % 2}", "split": "valid" if index >= clips - 2 else "train"},
            )
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


def history(folder, part):
    return [json.loads(line) for line in (folder / part / "history.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_every_part_learns_a_small_corpus_by_heart(corpus, tmp_path):
    from phonolips.training.train import train

    words = [*TINY, "encoder.epochs=60", "encoder.batch=2", "durations.epochs=25", "lips.epochs=60", "encoder.noise_share=0",
             "encoder.masked_share=0", "lips.learning_rate=5e-3", "lips.average=0.9",
             "network.decoder.dropout=0", "network.lip_parameters.dropout=0", "lips.noisy_share=0",
             "encoder.speed_range=0", "encoder.tract_range=0", "encoder.reverb_share=0"]  # fmt: skip
    train("all", data=corpus, out=tmp_path, overrides=words, device="cpu")
    encoder, durations, lips = (history(tmp_path, part) for part in ("encoder", "durations", "lips"))
    assert encoder[-1]["valid_loss"] < 0.35 * encoder[0]["valid_loss"]
    assert encoder[-1]["frame_accuracy"] > 0.8
    assert durations[-1]["train_loss"] < durations[0]["train_loss"]
    assert lips[-1]["train_loss"] < 0.35 * lips[0]["train_loss"]
    assert lips[-1]["skill"] > 0.5


def stop_after(epoch, monkeypatch):
    """Kill the run while it is in the epoch after `epoch`."""
    from phonolips.training.loop import Trainer

    original = Trainer.on_fit_batch_start

    def killing(self, batch, should_step):
        if self.epoch > epoch:
            raise KeyboardInterrupt
        original(self, batch, should_step)

    monkeypatch.setattr(Trainer, "on_fit_batch_start", killing)


@pytest.mark.parametrize("part", ["encoder", "durations", "lips"])
def test_a_killed_training_ends_with_the_same_weights(corpus, tmp_path, part, monkeypatch):
    from phonolips.training.networks.network import read_trainable
    from phonolips.training.train import train

    words = [*TINY, "encoder.epochs=3", "durations.epochs=3", "lips.epochs=3"]
    plain, killed = tmp_path / "plain", tmp_path / "killed"
    for out in (plain, killed):
        if part == "lips":
            train("encoder", data=corpus, out=out, overrides=words, device="cpu")
    train(part, data=corpus, out=plain, overrides=words, device="cpu")
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        with pytest.raises(KeyboardInterrupt):
            train(part, data=corpus, out=killed, overrides=words, device="cpu")
    train(part, data=corpus, out=killed, overrides=words, device="cpu")
    assert [line["epoch"] for line in history(killed, part)] == [1, 2, 3]
    first, second = (read_trainable(out / "network").state_dict() for out in (plain, killed))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_a_loss_that_is_no_number_ends_the_training_and_keeps_the_last_checkpoint(corpus, tmp_path, monkeypatch):
    from phonolips.training.encoder import EncoderTrainer
    from phonolips.training.train import train

    words = [*TINY, "encoder.epochs=3"]
    objectives = EncoderTrainer.compute_objectives

    def broken(self, *parts, **named):
        loss = objectives(self, *parts, **named)
        return loss * float("nan") if self.epoch == 2 else loss

    with monkeypatch.context() as patch:
        patch.setattr(EncoderTrainer, "compute_objectives", broken)
        with pytest.raises(PhonolipsError, match="loss is nan in epoch 2, batch 1; the checkpoint before it is kept"):
            train("encoder", data=corpus, out=tmp_path / "a", overrides=words, device="cpu")
    assert [line["epoch"] for line in history(tmp_path / "a", "encoder")] == [1]
    train("encoder", data=corpus, out=tmp_path / "a", overrides=words, device="cpu")  # goes on from there
    train("encoder", data=corpus, out=tmp_path / "b", overrides=words, device="cpu")
    one, other = (load_file(tmp_path / name / "network" / "model.safetensors") for name in "ab")
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_epochs_draw_the_same_again_and_differ_from_each_other(corpus):
    from phonolips.training.encoder_batches import EncoderTrainBatches

    settings = load_settings(Recipe, overrides=["encoder.batch=2", "encoder.crop_seconds=0.4"]).encoder
    store = Store(corpus / "features")
    one, two = (EncoderTrainBatches(store, np.arange(len(store)), settings) for _ in range(2))

    def crops(part):
        return [[part.crop(i) for i in group] for group in part.batches]

    one.set_epoch(3)
    two.set_epoch(1)
    before = crops(two)
    two.set_epoch(3)
    assert crops(one) == crops(two) != before


def test_batches_that_are_read_ahead_are_the_same(corpus):
    from torch.utils.data import DataLoader

    from phonolips.training.encoder_batches import EncoderTrainBatches
    from phonolips.training.loop import EpochBatches

    settings = load_settings(Recipe, overrides=["encoder.batch=2", "encoder.crop_seconds=0.6"]).encoder
    store = Store(corpus / "features")
    batches = EpochBatches(EncoderTrainBatches(store, np.arange(len(store)), settings), 3)
    batches.set_epoch(2)
    here, ahead = (list(DataLoader(batches, batch_size=None, num_workers=workers)) for workers in (0, 1))
    assert len(here) == len(ahead) == 3
    for one, other in zip(here, ahead, strict=True):
        assert all(torch.equal(part, same) for part, same in zip(one, other, strict=True))


def test_mel_noise_has_the_level_that_it_says():
    from phonolips.training.augment import augment_mel

    mel = torch.zeros(8, 100, 80)
    mask = torch.ones(8, 100, dtype=torch.bool)
    generator = torch.Generator().manual_seed(0)
    loud = augment_mel(mel, mask, noise_share=1.0, masked_share=0.0, generator=generator)
    assert loud.shape == mel.shape
    assert torch.isfinite(loud).all()
    quiet = augment_mel(mel - 30, mask, noise_share=0.0, masked_share=0.0, generator=generator)
    assert quiet.max() < -10  # stays at the floor, never NaN


def test_lips_need_a_trained_encoder_and_parts_have_names(corpus, tmp_path):
    from phonolips.training.train import train

    with pytest.raises(InputError, match="no trained encoder"):
        train("lips", data=corpus, out=tmp_path, overrides=TINY, device="cpu")
    with pytest.raises(InputError, match="expected one of encoder"):
        train("nose", data=corpus, out=tmp_path, device="cpu")


def test_an_empty_corpus_is_refused(tmp_path):
    from phonolips.training.train import train

    StoreWriter(tmp_path / "features", FEATURE_ARRAYS).close()
    with pytest.raises(CorpusError, match="no clip to train on"):
        train("encoder", data=tmp_path, out=tmp_path / "out", overrides=TINY, device="cpu")


def test_other_sizes_than_the_trained_ones_are_refused(corpus, tmp_path):
    from phonolips.training.train import train

    logging.getLogger("phonolips").setLevel(logging.WARNING)
    train("encoder", data=corpus, out=tmp_path, overrides=[*TINY, "encoder.epochs=1"], device="cpu")
    other = [*TINY, "network.audio_encoder.channels=32"]
    with pytest.raises(InputError, match="other sizes"):
        train("lips", data=corpus, out=tmp_path, overrides=other, device="cpu")


def test_training_from_an_address_is_training_from_the_folder(corpus, tmp_path, monkeypatch):
    import fsspec

    from phonolips.training.networks.network import read_trainable
    from phonolips.training.train import train

    monkeypatch.setenv("PHONOLIPS_CACHE", str(tmp_path / "cache"))
    memory, address = fsspec.filesystem("memory"), f"memory://{tmp_path.name}"
    for path in (corpus / "features").rglob("*"):
        if path.is_file():
            memory.pipe_file(
                f"{address}/features/{path.relative_to(corpus / 'features').as_posix()}", path.read_bytes()
            )
    words = [*TINY, "encoder.epochs=1", "durations.epochs=1"]
    for part in ("encoder", "durations"):
        here = train(part, data=corpus, out=tmp_path / "here", overrides=words, device="cpu")
        there = train(part, data=address, out=tmp_path / "there", overrides=words, device="cpu")
    first, second = (read_trainable(folder) for folder in (here, there))
    assert first.description.notes["trained"] == ["encoder", "durations"]
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


def make_durations_corpus(folder, clips=12):
    """A corpus with and one without phone times in its store, and TextGrids whose times lie between the steps."""
    from phonolips.phones.intervals import Alignment, Interval
    from phonolips.phones.textgrid import read_textgrid, write_textgrid

    rng = np.random.default_rng(3)
    old_arrays = {name: spec for name, spec in FEATURE_ARRAYS.items() if name != PHONE_TIMES}
    empty = {name: np.zeros((0, *spec.row_shape), spec.dtype) for name, spec in old_arrays.items()}
    with StoreWriter(folder / "new", FEATURE_ARRAYS) as new, StoreWriter(folder / "old", old_arrays) as old:
        for index in range(clips):
            edges = np.cumsum(rng.uniform(0.003, 0.4, 12))
            labels = rng.choice(["sil", "spn", "AH", "B", "S"], 11, p=[0.2, 0.02, 0.26, 0.26, 0.26])
            labels[5], long = "T", np.arange(12) > 6
            phones = [
                Interval(label, *times) for label, *times in zip(labels, edges + long, (edges + long)[1:], strict=False)
            ]
            words = [
                Interval(text, edges[a] + (a > 6), edges[b] + (b > 6))
                for text, a, b in (("x", 0, 3), ("y", 3, 9), ("", 9, 11))
            ]
            clip, path = f"s{index % 2}/{index}", alignment_path(folder, f"s{index % 2}/{index}")
            write_textgrid(Alignment.build(words, phones, edges[-1] + 1.5), path)
            meta = {"speaker": clip[:2], "split": "train"}
            old.add(clip, empty, meta)
            new.add(clip, {**empty, PHONE_TIMES: phone_times(read_textgrid(path))}, meta)
    return Store(folder / "new"), Store(folder / "old")


def utterance_of_textgrid(path, partly):
    """Phones, their words' first and last, and steps, as version 0.1 read them; None where there are none."""
    from phonolips.phones.textgrid import read_textgrid

    alignment, words, steps = read_textgrid(path), [], []
    starts = {round(word.start / 1e-4) for word in alignment.words}
    for phone in alignment.phones:
        if phone.label == "spn":
            if not partly:
                return None
            continue
        if not words or round(phone.start / 1e-4) in starts:
            words.append([])
        words[-1].append(PHONES.index(phone.label))
        steps.append(0.0 if phone.label == "sil" else min(phone.duration * 100, 100.0))
    position = [(i == 0, i == len(word) - 1) for word in words for i in range(len(word))]
    phones = [phone for word in words for phone in word]
    while phones[0] == SILENCE_ID:
        phones, position, steps = phones[1:], position[1:], steps[1:]
    while phones[-1] == SILENCE_ID:
        phones, position, steps = phones[:-1], position[:-1], steps[:-1]
    return phones, position, np.array(steps, np.float32)


def test_durations_of_the_store_are_those_of_the_textgrids(tmp_path):
    from phonolips.model.network import Description
    from phonolips.training.durations import read_utterances, to_utterance
    from phonolips.training.networks.network import TrainableNetwork

    new, old = make_durations_corpus(tmp_path)
    network = TrainableNetwork(Description(Recipe().network, ["mean", "s1"]))
    found = read_utterances(network, new, "memory://nowhere", "train")
    beside = read_utterances(network, old, tmp_path, "train")
    expected = [u for clip in new if (u := utterance_of_textgrid(alignment_path(tmp_path, clip), False)) is not None]
    assert 4 < len(expected) < 12
    assert len(found) == len(beside) == len(expected)
    assert max(u[2].max() for u in expected) == 100
    for ours, other, (phones, position, steps) in zip(found, beside, expected, strict=True):
        for u in (ours, other):
            assert u.phones.tolist() == phones
            assert np.array_equal(u.position, position)
            assert u.steps.dtype == np.float32
            assert np.array_equal(u.steps, steps)
        assert ours.speaker == other.speaker
    assert {u.speaker for u in found} == {0, 1}
    for clip in new:
        phones, position, steps = utterance_of_textgrid(alignment_path(tmp_path, clip), True)
        ours = to_utterance(new.get(clip, PHONE_TIMES), 0, partly=True)
        assert (ours.phones.tolist(), ours.steps.tolist()) == (phones, steps.tolist())
        assert np.array_equal(ours.position, position)
    with pytest.raises(InputError, match=r"hold no phone_times .*TextGrids are read from a folder only") as caught:
        read_utterances(network, old, "s3://bucket/corpus", "train")
    assert "\n" not in str(caught.value)


def spoken_rows(*labels):
    """Phone times of words of one phone each, 0.1 s a phone; `sil` is a word of its own."""
    ids = [PHONES.index(label) for label in labels]
    return np.array([(phone, 0.1 * at, 0.1 * (at + 1), 1.0) for at, phone in enumerate(ids)])


def test_durations_are_learnt_of_what_lies_between_the_first_and_the_last_phone():
    from phonolips.training.durations import to_utterance, without_pauses

    found = to_utterance(spoken_rows("sil", "sil", "B", "sil", "AY", "sil"), 3)
    assert [PHONES[phone] for phone in found.phones] == ["B", "sil", "AY"]
    assert found.steps.tolist() == pytest.approx([10.0, 0.0, 10.0])
    assert len(found.position) == 3
    bare = without_pauses(found)
    assert [PHONES[phone] for phone in bare.phones] == ["B", "AY"]
    assert (bare.steps.tolist(), bare.speaker) == (pytest.approx([10.0, 10.0]), 3)
    assert to_utterance(spoken_rows("sil", "sil"), 0) is None


def test_every_second_utterance_is_learnt_without_its_silences():
    from phonolips.training.durations import UNWRITTEN_PAUSE_SHARE, DurationsTrain, to_utterance
    from phonolips.training.settings import DurationsFitSettings

    utterances = [to_utterance(spoken_rows("B", "sil", "AY"), 0)] * 400
    batches = DurationsTrain(utterances, DurationsFitSettings(batch=40))
    shares = []
    for epoch in (1, 2):
        batches.set_epoch(epoch)
        drawn = [batches.batch(index) for index in range(len(batches))]
        silent = torch.cat([(batch.phones == SILENCE_ID).any(1) & batch.mask.all(1) for batch in drawn])
        shares.append(float(silent.float().mean()))
        assert all((batch.steps[batch.mask] > 0).sum() == 2 * len(batch.phones) for batch in drawn)
    assert shares == pytest.approx([1 - UNWRITTEN_PAUSE_SHARE] * 2, abs=0.1)


def test_totals_of_each_row_are_made_the_true_ones():
    from phonolips.model.settings import DurationSettings
    from phonolips.training.durations import batches_by_row, to_utterance
    from phonolips.training.lengths import match_totals, total_ratio
    from phonolips.training.networks.durations import DurationPredictor

    torch.manual_seed(0)
    predictor = DurationPredictor(DurationSettings(channels=16, layers=2), 4).eval().requires_grad_(False)
    said = ["sil", "B", "AY", "sil", "N", "AW", "D", "sil"]
    utterances = [to_utterance(spoken_rows(*said) * [1, pace, pace, 1], row) for row, pace in ((0, 1), (2, 1.5))] * 20
    utterances.append(to_utterance(spoken_rows(*said), 3))  # few phones: not trusted
    batches = batches_by_row(utterances, 8)
    rows = predictor.speaker.weight.clone()
    before = match_totals(predictor, batches)
    assert sorted(before) == [0, 2]
    assert before[0] == pytest.approx(1.5 * before[2], rel=1e-3)
    assert max(abs(before[row] - 1) for row in before) > 0.1
    for row in before:
        assert total_ratio(predictor, batches[row]) == pytest.approx(1.0, abs=0.003)
    assert torch.equal(predictor.speaker.weight[[1, 3]], rows[[1, 3]])


def test_a_deeper_encoder_starts_out_with_the_output_of_the_other(tmp_path):
    from dataclasses import replace

    from phonolips.model.network import Description
    from phonolips.model.settings import AudioEncoderSettings, NetworkSettings
    from phonolips.training.encoder import start_from
    from phonolips.training.networks.network import TrainableNetwork

    def encoder(fine, coarse):
        sizes = AudioEncoderSettings(channels=8, coarse_channels=8, dilations=fine, coarse_dilations=coarse)
        return TrainableNetwork(Description(replace(NetworkSettings(), audio_encoder=sizes), ["mean"]))

    torch.manual_seed(1)
    shallow, deep = encoder([1], [1, 2]), encoder([1, 2], [1, 2, 1, 4])
    shallow.save(tmp_path)
    shallow.eval()
    deep.eval()
    mel = torch.randn(1, 200, 80)
    with torch.inference_mode():
        assert not torch.allclose(deep.audio_encoder.posteriors(mel), shallow.audio_encoder.posteriors(mel), atol=1e-3)
        start_from(deep.audio_encoder, tmp_path)
        assert torch.equal(deep.audio_encoder.posteriors(mel), shallow.audio_encoder.posteriors(mel))
    learnt = [value for name, value in deep.audio_encoder.named_parameters() if name.startswith("coarse.3")]
    assert (
        sum(float(value.detach().abs().sum()) for value in learnt) > 0
    )  # all but the last convolution can learn at once
    deep.save(tmp_path / "deep")
    start_from(shallow.audio_encoder, tmp_path / "deep")  # the blocks that it has not are left out
    own, other = shallow.audio_encoder.state_dict(), deep.audio_encoder.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in own.items())


def as_version_0_1(folder):
    """Rename a training's folders, and the tensors of its lip checkpoints, as version 0.1 called them."""
    from old_formats import old_name

    (folder / "encoder").rename(folder / "ears")
    (folder / "lips" / "encoder_outputs").rename(folder / "lips" / "hearings")
    for path in [*folder.glob("lips/checkpoints/*/network.ckpt"), *folder.glob("lips/checkpoints/*/average.ckpt")]:
        state = torch.load(path)
        prefix = "module." if path.name == "average.ckpt" else ""
        renamed = {
            prefix + old_name(name.removeprefix(prefix)) if name.startswith(prefix) else name: value
            for name, value in state.items()
        }
        assert renamed.keys() != state.keys()
        torch.save(renamed, path)


def test_a_training_that_version_0_1_began_goes_on(corpus, tmp_path, monkeypatch):
    from phonolips.training.networks.network import read_trainable
    from phonolips.training.train import train

    words = [*TINY, "encoder.epochs=2", "lips.epochs=3", "lips.average=0.9"]
    plain, killed = tmp_path / "plain", tmp_path / "killed"
    train("encoder", data=corpus, out=plain, overrides=words, device="cpu")
    train("lips", data=corpus, out=plain, overrides=words, device="cpu")
    train("encoder", data=corpus, out=killed, overrides=words, device="cpu")
    with monkeypatch.context() as patch:
        stop_after(2, patch)
        with pytest.raises(KeyboardInterrupt):
            train("lips", data=corpus, out=killed, overrides=words, device="cpu")
    as_version_0_1(killed)
    outputs = {path.name for path in (killed / "lips" / "hearings").iterdir()}
    with monkeypatch.context() as patch:
        stop_after(0, patch)  # a single batch would be one too many: this training was finished
        with pytest.warns(PhonolipsWarning, match="part 'ears' is now called 'encoder'"):
            train("ears", data=corpus, out=killed, overrides=words, device="cpu")
    train("lips", data=corpus, out=killed, overrides=words, device="cpu")
    assert [line["epoch"] for line in history(killed, "lips")] == [1, 2, 3]
    assert {path.name for path in (killed / "lips" / "encoder_outputs").iterdir()} == outputs
    first, second = (read_trainable(out / "network").state_dict() for out in (plain, killed))
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_lips_go_on_from_a_network_whose_encoder_version_0_1_trained(corpus, tmp_path):
    from phonolips.training.networks.network import read_trainable
    from phonolips.training.train import train

    words = [*TINY, "encoder.epochs=1", "lips.epochs=1"]
    folder = train("encoder", data=corpus, out=tmp_path, overrides=words, device="cpu")
    earlier = read_trainable(folder)
    assert earlier.description.notes["trained"] == ["encoder"]
    earlier.description.notes["trained"] = ["ears"]
    earlier.save(folder)
    train("lips", data=corpus, out=tmp_path, overrides=words, device="cpu")
    assert read_trainable(folder).description.notes["trained"] == ["encoder", "lips"]
