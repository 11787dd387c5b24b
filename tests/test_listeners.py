"""Listeners: recurrent encoders that teach the encoder what they heard."""

from types import SimpleNamespace

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import speechbrain as sb
import torch
from test_training import make_corpus

from phonolips.corpus.store.store import Store
from phonolips.errors import CheckpointError, InputError
from phonolips.model.settings import AudioEncoderSettings
from phonolips.phones.inventory import NUM_PHONES
from phonolips.training.encoder import EncoderTrainer, start_from, train_encoder, train_listener
from phonolips.training.encoder_batches import Crop, EncoderTrainBatches, make_batch
from phonolips.training.listeners import hear, read_listener, read_listeners, write_listener
from phonolips.training.networks.encoder import AudioEncoder
from phonolips.training.networks.listener import Listener
from phonolips.training.settings import EncoderFitSettings, ListenerFitSettings, ListenerSettings

TINY = ListenerSettings(channels=12, hidden=10, layers=1, dropout=0.0)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(make_corpus(tmp_path_factory.mktemp("heard")) / "features")


@pytest.fixture(scope="module")
def listeners():
    torch.manual_seed(0)
    made = [Listener(TINY).eval() for _ in range(2)]
    for listener in made:
        listener.mel_scale.fill_(3.0)
    return made


def test_a_listener_gives_a_row_to_every_step_and_padding_does_not_matter(listeners):
    mel, mask = torch.randn(1, 80, 80), torch.ones(1, 80, dtype=torch.bool)
    phones, blank = listeners[0](mel, mask)
    assert phones.shape == (1, 80, NUM_PHONES)
    assert blank.shape == (1, 80, 1)
    longer = torch.cat([mel, torch.full((1, 20, 80), 9.0)], 1)
    padded, _ = listeners[0](longer, torch.arange(100)[None] < 80)
    zeros, _ = listeners[0](torch.cat([mel, torch.zeros(1, 20, 80)], 1), torch.ones(1, 100, dtype=torch.bool))
    torch.testing.assert_close(padded, zeros)


def test_a_listener_is_read_as_it_was_written(listeners, tmp_path):
    write_listener(listeners[0], tmp_path)
    mel = torch.randn(2, 60, 80)
    torch.testing.assert_close(read_listener(tmp_path)(mel)[0], listeners[0](mel)[0], atol=2e-3, rtol=1e-2)
    with pytest.raises(CheckpointError, match=r"no model\.json"):
        read_listener(tmp_path / "none")
    with pytest.raises(InputError, match=r"encoder\.listeners: no listener in .*train listener"):
        read_listeners([str(tmp_path / "none")])
    assert read_listeners([]) == []


def test_what_was_heard_is_the_mean_of_all_and_as_long_as_the_clip(store, listeners):
    heard = hear(listeners, store, np.arange(3), "cpu")
    assert sorted(heard) == [0, 1, 2]
    for clip, rows in heard.items():
        mel = torch.from_numpy(store.get(clip, "mel").astype(np.float32))[None]
        wanted = torch.stack([listener(mel)[0].softmax(-1) for listener in listeners]).mean(0)[0].numpy(force=True)
        assert rows.shape == wanted.shape
        np.testing.assert_allclose(rows, wanted, atol=1e-3)


def test_crops_and_other_speeds_take_what_was_heard_along(store):
    steps = store.rows(0, "mel")
    heard = {0: np.eye(steps, NUM_PHONES, dtype=np.float16)[np.arange(steps) % NUM_PHONES]}
    plain = make_batch(store, [Crop(0, 8, steps)], hearing=heard)
    assert plain.heard.shape == (1, plain.mel.shape[1], NUM_PHONES)
    np.testing.assert_array_equal(plain.heard[0, : steps - 8].argmax(-1), np.arange(8, steps) % NUM_PHONES)
    fast = make_batch(store, [Crop(0, 0, steps, 1.25)], hearing=heard)
    assert (fast.heard.sum(-1) > 0).sum() == fast.mask.sum() == round(steps / 1.25)
    assert make_batch(store, [Crop(0, 0, steps)]).heard.shape == (1, 0, NUM_PHONES)


def test_the_loss_is_between_labels_and_what_was_heard(store):
    steps = store.rows(0, "mel")
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(NUM_PHONES), steps).astype(np.float16)
    batch = make_batch(store, [Crop(0, 0, steps)], hearing={0: rows})
    fit = EncoderTrainer(modules={"encoder": torch.nn.Linear(1, 1)}, run_opts={"device": "cpu"})
    torch.manual_seed(0)
    phones, blank = torch.randn(1, batch.mel.shape[1], NUM_PHONES), torch.randn(1, batch.mel.shape[1], 1)
    logs = phones.log_softmax(-1)[0, :steps].numpy()
    labels = store.get(0, "labels").astype(int)
    said = -logs[np.arange(steps), labels].mean()
    heard = -(rows.astype(np.float32) * logs).sum(1).mean()
    for share in (0.0, 0.7, 1.0):
        fit.settings = EncoderFitSettings(ctc_weight=0.0, listeners_weight=share)
        loss = float(fit.compute_objectives((phones, blank), batch, sb.Stage.TRAIN))
        assert loss == pytest.approx((1 - share) * said + share * heard, rel=1e-4)


def test_a_listener_is_trained_and_teaches_an_encoder(store, tmp_path):
    settings = ListenerFitSettings(epochs=2, batch=4, network=TINY, masked_share=0.0)
    listener = train_listener(store, settings, tmp_path / "listener", device="cpu")
    assert not listener.training
    write_listener(listener, tmp_path / "listener")
    fit = EncoderFitSettings(epochs=1, batch=4, listeners=[str(tmp_path / "listener")])
    encoder = AudioEncoder(AudioEncoderSettings(16, 3, [1], 16, [1]))
    train_encoder(SimpleNamespace(audio_encoder=encoder), store, fit, tmp_path / "encoder", device="cpu")
    batches = EncoderTrainBatches(
        store, store.where(split="train"), fit, hear([listener], store, store.where(split="train"), "cpu")
    )
    assert batches.batch(0).heard.shape[1] == batches.batch(0).mel.shape[1]


def test_an_encoder_that_looks_less_far_ahead_starts_near_the_one_that_it_starts_from(store, tmp_path):
    """Of slow speech, what a tap beyond the look-ahead would see is about what the last one sees."""
    from phonolips.model.network import Description
    from phonolips.model.settings import NetworkSettings
    from phonolips.training.networks.network import TrainableNetwork

    torch.manual_seed(0)
    sizes = AudioEncoderSettings(16, 3, [1, 2], 16, [1, 2, 1])
    other = TrainableNetwork(Description(NetworkSettings(audio_encoder=sizes), ["mean"])).eval()
    other.save(tmp_path)
    for look_ahead, dilations in ((0, [1, 2, 1]), (6, [1, 2, 1]), (6, [1, 2])):
        less = AudioEncoderSettings(16, 3, [1, 2], 16, dilations, look_ahead=look_ahead)
        encoder = AudioEncoder(less).eval()
        start_from(encoder, tmp_path)
        still = torch.randn(1, 1, 80).expand(1, 400, 80)
        if dilations == sizes.coarse_dilations:  # what stands still looks the same from everywhere
            torch.testing.assert_close(encoder(still)[0][:, 200], other.audio_encoder(still)[0][:, 200])
        else:
            assert torch.isfinite(encoder(still)[0]).all()
