"""The encoder: two clocks that no cut disturbs, a reach that holds, a temperature, and what follows its training."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch

from phonolips.model.network import Description
from phonolips.model.settings import AudioEncoderSettings, NetworkSettings
from phonolips.model.stages import encoder_reach
from phonolips.model.stream import encode
from phonolips.phones.inventory import NUM_PHONES
from phonolips.phones.ngram import fit_ngram
from phonolips.speech.mel import log_mel
from phonolips.training.networks.encoder import AudioEncoder
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.torch_graph import network_of


@pytest.fixture(scope="module")
def network() -> TrainableNetwork:
    torch.manual_seed(0)
    settings = NetworkSettings(audio_encoder=AudioEncoderSettings(24, 3, [1, 2], 32, [1, 2, 4]))
    made = TrainableNetwork(Description(settings))
    for module in made.audio_encoder.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    made.audio_encoder.mel_mean.fill_(-8.0)
    made.audio_encoder.mel_scale.fill_(3.0)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def encoder(network) -> AudioEncoder:
    return network.audio_encoder


@pytest.mark.parametrize("chunk_frames", [1, 3, 37, 250])
@pytest.mark.parametrize("block", [160, 30_001])
def test_cuts_change_nothing(network, chunk_frames, block):
    waveform = np.random.default_rng(1).uniform(-0.5, 0.5, 16_000 * 5 + 77).astype(np.float32)
    mel = torch.from_numpy(log_mel(np.pad(waveform, (0, -len(waveform) % 640))))[None]
    whole = network.audio_encoder.posteriors(mel)[0].numpy()
    blocks = (waveform[i : i + block] for i in range(0, len(waveform), block))
    cut = np.concatenate([part.posteriors for part in encode(network_of(network), blocks, chunk_frames)])
    assert cut.shape == whole.shape == (504, NUM_PHONES)
    assert np.abs(cut - whole).max() < 1e-4


@pytest.mark.parametrize(
    ("kernel", "dilations", "coarse_dilations"), [(3, [1, 2], [1, 2, 4]), (3, [1], [1]), (5, [1, 3], [2]), (3, [], [])]
)
@pytest.mark.parametrize("look_ahead", [-1, 0, 1, 2, 6, 10, 24])
def test_the_reach_bounds_what_a_frame_depends_on(kernel, dilations, coarse_dilations, look_ahead):
    torch.manual_seed(0)
    settings = AudioEncoderSettings(8, kernel, dilations, 8, coarse_dilations, look_ahead=look_ahead)
    small = AudioEncoder(settings).double().eval()
    reach, steps = encoder_reach(settings), 400
    mel = torch.randn(1, steps, 80, dtype=torch.double)
    back = ahead = 0
    with torch.inference_mode():
        plain = small(mel)[0]
        for changed in range(196, 204):
            other = mel.clone()
            other[:, changed] += 5.0
            touched = torch.nonzero((small(other)[0] != plain).any(-1)[0])[:, 0]
            ahead = max(ahead, changed - int(touched.min()) // 4 * 4 - 3)  # steps after the end of the first frame
            back = max(back, int(touched.max()) // 4 - changed // 4)
    assert reach.back_frames - 2 < back <= reach.back_frames  # it holds, and is hardly too careful
    if look_ahead < 0:
        assert reach.ahead_steps - 8 < ahead <= reach.ahead_steps == 4 * reach.back_frames
    else:
        assert ahead == reach.ahead_steps <= look_ahead


def test_padding_is_masked(encoder):
    mel = torch.randn(1, 80, 80) - 8
    longer = torch.cat([mel, torch.full((1, 40, 80), 5.0)], 1)
    mask = torch.arange(120)[None] < 80
    zeros = torch.cat([mel, torch.full((1, 40, 80), -8.0)], 1)  # what normalises to 0
    assert torch.allclose(encoder(longer, mask)[0][:, :80], encoder(zeros)[0][:, :80], atol=1e-5)


def test_the_temperature_divides_the_logits(encoder):
    mel = torch.randn(1, 40, 80)
    logits, blank = encoder(mel)
    assert blank.shape == (1, 40, 1)
    assert torch.allclose(encoder.posteriors(mel), logits.softmax(-1))
    encoder.temperature.fill_(2.0)
    softer = encoder.posteriors(mel)
    encoder.temperature.fill_(1.0)
    assert torch.allclose(softer, (logits / 2).softmax(-1))


def test_temperature_and_ngrams_are_fitted_after_the_training_and_again_when_it_is_started_again(tmp_path, caplog):
    skip_without("train")
    from test_training import make_corpus

    from phonolips.corpus.store.store import Store
    from phonolips.training.encoder import train_encoder
    from phonolips.training.settings import EncoderFitSettings

    store = Store(make_corpus(tmp_path / "corpus") / "features")
    settings = EncoderFitSettings(epochs=2, batch=2)
    found = []
    with caplog.at_level(logging.INFO, "phonolips.training"):
        for _ in range(2):
            torch.manual_seed(0)
            encoder = AudioEncoder(AudioEncoderSettings(24, 3, [1], 24, [1]))
            train_encoder(SimpleNamespace(audio_encoder=encoder), store, settings, tmp_path / "encoder", device="cpu")
            found.append({name: value.clone() for name, value in encoder.state_dict().items()})
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name
    assert found[0]["temperature"] != 1
    assert len(found[0]["phone_ngrams"]) == len(found[0]["phone_ngram_counts"]) > 10
    rows = np.exp(fit_ngram(*(found[0][f"phone_{name}"].numpy() for name in ("ngrams", "ngram_counts", "prior"))).rows)
    assert rows[:, 1:6].sum() > 2 * rows[:, 6:11].sum()  # the corpus says phones 1 to 5 only
    assert found[0]["phone_prior"].sum() == pytest.approx(1)
    assert "temperature" in caplog.text
    assert "n-grams of phones" in caplog.text
    assert len((tmp_path / "encoder" / "history.jsonl").read_text().splitlines()) == 2


@pytest.fixture(scope="module")
def partly_known(tmp_path_factory):
    """A store whose first clips are known in the middle only; before that there are an earlier encoder's posteriors."""
    skip_without("train")
    from test_training import make_corpus

    from phonolips.corpus.store.store import Store

    return Store(make_corpus(tmp_path_factory.mktemp("partly"), clips=8, incomplete=3) / "features")


def make_fit(**settings):
    """A fit to compute losses with, without a training."""
    from phonolips.training.encoder import EncoderTrainer
    from phonolips.training.settings import EncoderFitSettings

    fit = EncoderTrainer(modules={"encoder": torch.nn.Linear(1, 1)}, run_opts={"device": "cpu"})
    fit.settings = EncoderFitSettings(**settings)
    return fit


def batch_of(store, clips, speed=1.0):
    from phonolips.training.encoder_batches import Crop, make_batch

    return make_batch(store, [Crop(clip, 0, store.rows(clip, "mel"), speed) for clip in clips])


def test_targets_are_labels_or_an_earlier_encoders_posteriors_or_none(partly_known):
    import speechbrain as sb

    batch = batch_of(partly_known, [0, 1, 6])
    hard, soft = batch.labels >= 0, batch.soft.sum(-1) > 0
    assert not (hard & soft).any()
    assert (hard[:2].sum(1), soft[:2].sum(1)) == (pytest.approx(40), pytest.approx(40))
    assert hard[2].all()
    assert batch.complete.tolist() == [False, False, True]
    torch.manual_seed(0)
    phones, blank = torch.randn(*batch.labels.shape, NUM_PHONES), torch.randn(*batch.labels.shape, 1)
    logs = phones.log_softmax(-1)
    known = -logs[hard].gather(1, batch.labels[hard][:, None])
    encoded = -(batch.soft * logs).sum(-1)[soft]
    expected = (known.sum() + 0.3 * encoded.sum()) / (len(known) + 0.3 * len(encoded))
    fit = make_fit(soft_weight=0.3, ctc_weight=0.0)
    assert fit.compute_objectives((phones, blank), batch, sb.Stage.TRAIN) == pytest.approx(float(expected), rel=1e-5)
    untaught = ~hard & ~soft
    assert untaught.any()
    other = torch.where(untaught[..., None], 5.0 * torch.randn_like(phones), phones)
    assert fit.compute_objectives((other, blank), batch, sb.Stage.TRAIN) == pytest.approx(float(expected), rel=1e-5)


def test_only_what_is_known_whole_counts_for_ctc_and_the_phone_error_rate(partly_known):
    import speechbrain as sb

    torch.manual_seed(0)
    fit = make_fit(frame_weight=0.0, ctc_weight=1.0)

    def loss(clips, stage=sb.Stage.TRAIN):
        fit.sums = {}
        batch = batch_of(partly_known, clips)
        logits = torch.cat([drawn[clip][None] for clip in clips]).requires_grad_(stage == sb.Stage.TRAIN)
        value = fit.compute_objectives((logits[..., :NUM_PHONES], logits[..., NUM_PHONES:]), batch, stage)
        if stage == sb.Stage.TRAIN:
            value.backward()
            assert torch.isfinite(logits.grad).all()
        return value.detach(), fit.sums

    drawn = torch.randn(8, 120, NUM_PHONES + 1)
    whole, _ = loss([5, 6])
    assert whole > 0
    assert torch.allclose(loss([0, 5, 1, 6])[0], whole)
    assert loss([0, 1])[0] == 0
    _, both = loss([0, 6], sb.Stage.VALID)
    _, alone = loss([6], sb.Stage.VALID)
    assert both["phones"] == alone["phones"] > 0
    assert both["edits"] == alone["edits"]
    assert both["steps"] == alone["steps"] + 40


@pytest.mark.parametrize("speed", [0.87, 1.13])
def test_other_speeds_take_an_earlier_encoders_posteriors_along(partly_known, speed):
    from phonolips.training.augment import steps_at_speed

    batch = batch_of(partly_known, [0, 7], speed)
    steps = steps_at_speed(120, speed)
    assert batch.mask.sum(1).tolist() == [steps, steps]
    phones = torch.where(batch.labels >= 0, batch.labels, batch.soft.argmax(-1))
    taught = (batch.labels >= 0) | (batch.soft.sum(-1) > 0)
    true = batch_of(partly_known, [0, 7])
    expected = torch.where(true.labels >= 0, true.labels, true.soft.argmax(-1))
    at = ((torch.arange(steps) + 0.5) * 120 / steps - 0.5).round().long().clamp(0, 119)
    same = phones[:, :steps] == expected[:, at]
    assert same[taught[:, :steps]].float().mean() > 0.98


def test_a_batch_without_such_clips_carries_no_soft_steps(partly_known):
    assert batch_of(partly_known, [5, 6]).soft.shape == (2, 0, NUM_PHONES)


def test_training_goes_on_from_another_encoder_and_keeps_its_input(partly_known, network, tmp_path):
    from phonolips.errors import InputError
    from phonolips.training.encoder import train_encoder
    from phonolips.training.settings import EncoderFitSettings

    network.save(tmp_path / "model")
    settings = EncoderFitSettings(epochs=1, batch=4, learning_rate=0.0, weight_decay=0.0, start=str(tmp_path / "model"))
    torch.manual_seed(1)
    encoder = AudioEncoder(network.audio_encoder.settings)
    train_encoder(SimpleNamespace(audio_encoder=encoder), partly_known, settings, tmp_path / "more", device="cpu")
    for (name, value), other in zip(network.audio_encoder.named_parameters(), encoder.parameters(), strict=True):
        assert torch.equal(value, other), name
    assert torch.equal(encoder.mel_mean, network.audio_encoder.mel_mean)
    assert torch.equal(encoder.mel_scale, network.audio_encoder.mel_scale)
    small = AudioEncoder(AudioEncoderSettings(16, 3, [1], 16, [1]))
    with pytest.raises(InputError, match=r"encoder\.start=.*expected \(16"):
        train_encoder(SimpleNamespace(audio_encoder=small), partly_known, settings, tmp_path / "small", device="cpu")


def test_validation_is_bounded_and_read_when_asked_for(partly_known):
    from phonolips.training.encoder_batches import EncoderValidBatches

    valid = EncoderValidBatches(partly_known, np.arange(8), 3)
    assert [len(batch.mel) for batch in valid] == [3, 3, 2]
    assert valid.padded_steps == sum(batch.labels.numel() for batch in valid)
    with pytest.raises(IndexError):
        valid[3]
