"""Speakers without a name: what tells of them, how they train beside named ones; and encoder outputs kept on disk."""

import json

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch
from test_training import TINY, make_corpus

from phonolips.corpus.layout import FEATURE_ARRAYS
from phonolips.corpus.store.store import Store, StoreWriter
from phonolips.errors import CorpusError, InputError
from phonolips.model.network import Description, Network, load_network
from phonolips.model.settings import NetworkSettings
from phonolips.model.stages import describe_voice
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.training.encoder_outputs import StoredOutputs, encode_stored_clips
from phonolips.training.lips import start_from, train_lips
from phonolips.training.lips_basis import fit_lip_basis
from phonolips.training.lips_batches import LipsTrainBatches, text_posteriors
from phonolips.training.lips_clips import lip_positions, read_clips
from phonolips.training.networks.network import TrainableNetwork, read_trainable
from phonolips.training.networks.speakers import SpeakerEncoder
from phonolips.training.settings import LipsFitSettings
from phonolips.training.torch_graph import network_of
from phonolips.training.train import train

SHAPE = np.random.default_rng(5).normal(size=(40, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Named clips, and as many of nobody, whose mouths are narrower and of whose words only a part is known."""
    named = make_corpus(tmp_path_factory.mktemp("named"), incomplete=2)
    folder = tmp_path_factory.mktemp("both")
    source = Store(named / "features")
    with StoreWriter(folder / "features", FEATURE_ARRAYS) as store:
        for speaker in (True, False):
            for clip in source:
                values = {name: source.get(clip, name) for name in FEATURE_ARRAYS}
                meta = source.meta(clip)
                if not speaker:
                    values["lips"] = values["lips"] + 0.3 * SHAPE
                    meta |= {"speaker": ""}
                store.add(clip if speaker else f"WORD/train/{clip[3:]}", values, meta)
    (folder / "alignments").symlink_to(named / "alignments")
    return folder


def used(*sources: str) -> Network:
    return network_of(network(*sources))


def network(*sources: str, speakers=("mean", "s1", "s2")) -> TrainableNetwork:
    torch.manual_seed(1)
    settings = NetworkSettings(speaker_from=list(sources))
    settings.audio_encoder.channels = settings.audio_encoder.coarse_channels = 16
    return TrainableNetwork(Description(settings, list(speakers))).eval()


def test_the_shipped_model_knows_nothing_of_it():
    shipped = load_network()
    assert shipped.speaker_encoder is None
    found, mean = shipped.unnamed_speaker(SHAPE), shipped.lip_speaker(None)
    assert np.array_equal(found.embedding, mean.embedding)
    assert np.array_equal(found.mean_lip, SHAPE)


def test_an_embedding_follows_what_it_is_made_from():
    rng = np.random.default_rng(0)
    mels = [rng.normal(size=(80, 80)).astype(np.float32) + shift for shift in (0, 3)]
    shape, voice, both = used("shape"), used("voice"), used("shape", "voice")
    assert not np.allclose(shape.unnamed_speaker(SHAPE).embedding, shape.unnamed_speaker(2 * SHAPE).embedding)
    assert np.allclose(shape.unnamed_speaker(SHAPE, mels[0]).embedding, shape.unnamed_speaker(SHAPE).embedding)
    one, two = (voice.unnamed_speaker(SHAPE, mel).embedding for mel in mels)
    assert not np.allclose(one, two)
    assert np.array_equal(voice.unnamed_speaker(SHAPE).embedding, voice.lip_speaker(None).embedding)  # no voice given
    assert not np.allclose(
        both.unnamed_speaker(SHAPE, mels[0]).embedding, both.unnamed_speaker(0 * SHAPE, mels[0]).embedding
    )
    assert describe_voice(mels[0]).shape == (160,)
    with pytest.raises(InputError, match="speaker_from has 'face'; expected some of shape, voice"):
        SpeakerEncoder(["face"], 4)


def test_a_model_with_an_encoder_is_saved_whole(tmp_path):
    made = network("shape", "voice")
    made.speaker_encoder.set_spread("shape", SHAPE.ravel(), np.abs(SHAPE.ravel()) + 0.1)
    made.save(tmp_path)
    again = read_trainable(tmp_path)
    for name, value in made.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


@pytest.mark.slow
def test_both_kinds_train_together(corpus, tmp_path):
    words = [*TINY, "encoder.epochs=1", "lips.epochs=40", "network.speaker_from=[shape]", "lips.learning_rate=5e-3",
             "lips.average=0.9", "network.decoder.dropout=0", "network.lip_parameters.dropout=0", "lips.shape_noise=0",
             "lips.unnamed_clips=2", "encoder.batch=2"]  # fmt: skip
    train("encoder", data=corpus, out=tmp_path, overrides=words, device="cpu")
    folder = train("lips", data=corpus, out=tmp_path, overrides=words, device="cpu")
    made = read_trainable(folder)
    assert made.description.speakers == ["mean", "s1", "s2"]  # nobody is not a speaker

    lines = [json.loads(line) for line in (tmp_path / "lips" / "history.jsonl").read_text().splitlines()]
    assert lines[-1]["skill"] > lines[0]["skill"] + 0.1
    kept = sorted(path.name for path in (tmp_path / "lips" / "encoder_outputs").iterdir())
    assert len(kept) == 2  # encoded clean for validation, clean and noisy for training
    shards = {path: path.stat().st_mtime_ns for path in (tmp_path / "lips" / "encoder_outputs").rglob("*.safetensors")}
    (tmp_path / "lips" / "history.jsonl").unlink()
    train("lips", data=corpus, out=tmp_path, overrides=[*words, "lips.epochs=41"], device="cpu")
    assert {path: path.stat().st_mtime_ns for path in shards} == shards  # not encoded again


def test_unnamed_clips_deviate_from_their_own_mean(corpus):
    store, made = Store(corpus / "features"), network("shape")
    positions = lip_positions(store, "train")
    fit_lip_basis(made, store, positions, LipsFitSettings(unnamed_clips=2))
    clips = {clip.name: clip for clip in read_clips(made, store, [store.id_at(p) for p in positions], "cpu")}
    named, nobody = clips["s1/clip0"], clips["WORD/train/clip0"]
    assert (named.named, nobody.named, nobody.speaker) == (True, False, 0)
    assert np.allclose(nobody.shape - named.shape, 0.3 * SHAPE, atol=1e-5)
    assert np.abs(nobody.coefficients.mean(0)).max() < 1e-4
    assert np.abs(named.coefficients.mean(0)).max() > 1e-3  # of the clip, not of the speaker
    lips = [store.get(clip, "lips") for clip in ("s1/clip0", "s1/clip2", "s2/clip1", "s2/clip3")]
    assert np.allclose(made.lip_mean[1].numpy(), np.concatenate(lips[:2]).mean(0), atol=1e-6)


def test_text_takes_the_encoders_posteriors_where_no_phone_is_known(corpus):
    store, made = Store(corpus / "features"), network()
    (clip,) = read_clips(made, store, ["s1/clip0"], "cpu")
    unknown = clip.labels == IGNORED_ID
    assert unknown.any()
    assert not unknown.all()
    posteriors = text_posteriors(clip)
    assert np.array_equal(posteriors[unknown], clip.outputs[0].posteriors[unknown].astype(np.float32))
    assert np.array_equal(posteriors[~unknown].argmax(1), clip.labels[~unknown])
    assert np.allclose(posteriors.sum(1), 1, atol=2e-3)


def test_encoding_together_is_encoding_alone(corpus, tmp_path):
    store, made = Store(corpus / "features"), network()
    names = list(store)[:5]
    together = encode_stored_clips(made.audio_encoder, store, names, "cpu", noise_seed=3)
    for name, encoded in zip(names, together, strict=True):
        (alone,) = encode_stored_clips(made.audio_encoder, store, [name], "cpu", noise_seed=3)
        for one, two in zip(encoded, alone, strict=True):
            assert np.allclose(one.posteriors, two.posteriors, atol=2e-3)
            assert np.allclose(one.hidden, two.hidden, atol=1e-2)
    assert not np.allclose(together[0][0].posteriors, together[0][1].posteriors, atol=1e-2)  # noise is noise
    kept = StoredOutputs(made.audio_encoder, store, np.arange(5), tmp_path, "cpu", noise_seed=3)
    for name, encoded in zip(names, together, strict=True):
        assert kept[name][1].posteriors.shape == (store.rows(name, "mel"), NUM_PHONES)
        assert np.allclose(kept[name][1].posteriors, encoded[1].posteriors, atol=2e-3)
    other = network()
    with torch.no_grad():
        next(other.audio_encoder.parameters()).add_(0.1)
    assert StoredOutputs(other.audio_encoder, store, np.arange(5), tmp_path, "cpu", noise_seed=3).folder != kept.folder


def test_encoder_outputs_of_another_corpus_are_refused(corpus, tmp_path):
    store, made = Store(corpus / "features"), network()
    StoredOutputs(made.audio_encoder, store, np.arange(2), tmp_path / "kept", "cpu")
    with StoreWriter(tmp_path / "features", FEATURE_ARRAYS) as writer:
        for position in range(2):
            values = {name: store.get(position, name) for name in FEATURE_ARRAYS}
            values["mel"] = values["mel"][:-4]
            writer.add(store.id_at(position), values, store.meta(position))
    other = Store(tmp_path / "features")
    with pytest.raises(CorpusError, match=r"when it was encoded, expected .* as now; remove this folder"):
        StoredOutputs(made.audio_encoder, other, np.arange(2), tmp_path / "kept", "cpu")


def test_lips_go_on_from_those_of_another_model(corpus, tmp_path):
    store, settings = (
        Store(corpus / "features"),
        LipsFitSettings(epochs=1, learning_rate=0.0, weight_decay=0.0, average=0.0, tied_phones=False),
    )
    earlier = network("shape", speakers=("mean", "s2"))
    fit_lip_basis(earlier, store, lip_positions(store, "train")[:2], settings)
    earlier.save(tmp_path / "earlier")
    made = network("shape")
    with torch.no_grad():
        for part in (made.bottleneck, made.lip_parameters, made.speakers, made.decoder, made.speaker_encoder):
            for value in part.parameters():
                value.add_(0.5)
    settings.start = str(tmp_path / "earlier")
    train_lips(made, store, settings, tmp_path / "out", device="cpu")
    for part in ("bottleneck", "lip_parameters", "speaker_encoder"):
        values = getattr(earlier, part).state_dict()
        for name, value in getattr(made, part).state_dict().items():
            assert torch.equal(value, values[name]), (part, name)
    for name, value in made.decoder.named_parameters():
        assert torch.equal(value, earlier.decoder.get_parameter(name)), name
    assert torch.equal(made.lip_basis, earlier.lip_basis)
    assert torch.equal(made.lip_scale, earlier.lip_scale)
    table, known = made.speakers.embedding.weight, earlier.speakers.embedding.weight
    assert torch.equal(table, known[[0, 0, 1]])  # s1 is new and starts as the mean speaker; s2 is not
    assert not torch.equal(made.lip_mean[1], earlier.lip_mean[1])  # shapes are this corpus's

    wider = NetworkSettings(speaker_from=["shape"])
    wider.decoder.hidden += 8
    wider.audio_encoder.channels = wider.audio_encoder.coarse_channels = 16
    with pytest.raises(InputError, match=r"lips\.start=.*its decoder.* is .*, expected"):
        start_from(TrainableNetwork(Description(wider, ["mean"])), tmp_path / "earlier")


def test_two_ranks_share_the_batch_that_one_would_have(corpus):
    store, made = Store(corpus / "features"), network("shape")
    positions = lip_positions(store, "train")
    fit_lip_basis(made, store, positions, LipsFitSettings())
    clips = read_clips(made, store, [store.id_at(p) for p in positions], "cpu", noise_seed=1)
    sets = [LipsTrainBatches(clips, LipsFitSettings(batch=4, least_frames=10)) for _ in range(2)]
    for one in sets:
        one.set_epoch(3)
    whole, parts = sets[0].batch(0), [sets[1].batch(0, rank, 2) for rank in range(2)]
    for rank, part in enumerate(parts):
        frames = part.coefficients.shape[1]
        assert torch.equal(whole.coefficients[rank::2, :frames], part.coefficients)
        assert torch.equal(whole.posteriors[rank::2, : 4 * frames], part.posteriors)
        assert torch.equal(whole.speaker_encoded[rank::2], part.speaker_encoded)


def test_lips_without_an_encoder_take_over_the_model_that_they_start_from(corpus, tmp_path):
    earlier = network(speakers=("mean", "s2", "gone"))
    with torch.no_grad():
        earlier.durations.speaker.weight.copy_(torch.arange(3.0)[:, None].expand_as(earlier.durations.speaker.weight))
    fit_lip_basis(
        earlier, Store(corpus / "features"), lip_positions(Store(corpus / "features"), "train")[:2], LipsFitSettings()
    )
    earlier.description.notes["trained"] = ["encoder", "durations", "lips"]
    earlier.save(tmp_path / "earlier")
    words = [f"lips.start={tmp_path / 'earlier'}", "lips.speakers=start", "lips.epochs=1", "lips.noisy_share=0"]
    made = read_trainable(train("lips", data=corpus, out=tmp_path / "out", overrides=words, device="cpu"))
    assert made.description.speakers == ["mean", *sorted({"s2"} & transcribed_speakers(corpus))]
    assert made.description.notes["trained"] == ["encoder", "durations", "lips"]
    assert made.description.settings == earlier.description.settings
    for name, value in made.audio_encoder.state_dict().items():
        assert torch.equal(value, earlier.audio_encoder.state_dict()[name]), name
    assert made.durations.speaker.weight[:, 0].tolist() == [0.0, 1.0][: len(made.description.speakers)]
    with pytest.raises(InputError, match=r"lips\.speakers=few; expected all or start"):
        train("lips", data=corpus, out=tmp_path / "other", overrides=[*words, "lips.speakers=few"], device="cpu")


def transcribed_speakers(corpus):
    store = Store(corpus / "features")
    codes, names = store.column("speaker")
    return {names[codes[place]] for place in lip_positions(store, "train") if not store.rows(int(place), "soft")}
