"""The ears: two clocks that no cut disturbs, a reach that holds, a temperature, and what follows their training."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from phonolips.audio.features import log_mel
from phonolips.config import AudioEncoderSettings, NetworkSettings
from phonolips.model.audio_encoder import AudioEncoder
from phonolips.model.network import Description, Network
from phonolips.model.stream import listen
from phonolips.phones import NUM_PHONES


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    settings = NetworkSettings(audio_encoder=AudioEncoderSettings(24, 3, [1, 2], 32, [1, 2, 4]))
    made = Network(Description(settings))
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
    cut = np.concatenate([part.posteriors for part in listen(network, blocks, chunk_frames)])
    assert cut.shape == whole.shape == (504, NUM_PHONES)
    assert np.abs(cut - whole).max() < 1e-4


@pytest.mark.parametrize(
    ("kernel", "dilations", "coarse_dilations"), [(3, [1, 2], [1, 2, 4]), (3, [1], [1]), (5, [1, 3], [2]), (3, [], [])]
)
def test_the_reach_bounds_what_a_step_depends_on(kernel, dilations, coarse_dilations):
    torch.manual_seed(0)
    small = AudioEncoder(AudioEncoderSettings(8, kernel, dilations, 8, coarse_dilations)).double().eval()
    reach, steps = small.reach_steps, 400
    assert reach % 4 == 0
    mel = torch.randn(1, steps, 80, dtype=torch.double)
    furthest = 0
    with torch.inference_mode():
        plain = small(mel)[0]
        for changed in range(196, 204):
            other = mel.clone()
            other[:, changed] += 5.0
            touched = torch.nonzero((small(other)[0] != plain).any(-1)[0])[:, 0]
            furthest = max(furthest, changed - int(touched.min()), int(touched.max()) - changed)
    assert reach - 12 < furthest <= reach  # it holds, and is less than three coarse positions too careful


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


def test_temperature_and_bigram_are_fitted_after_the_training_and_again_when_it_is_started_again(tmp_path, caplog):
    pytest.importorskip("speechbrain")
    from test_training import make_corpus

    from phonolips.config import EarsSettings
    from phonolips.corpus.store import Store
    from phonolips.training.ears import train_ears

    store = Store(make_corpus(tmp_path / "corpus") / "features")
    settings = EarsSettings(epochs=2, batch=2)
    found = []
    with caplog.at_level(logging.INFO, "phonolips.training"):
        for _ in range(2):
            torch.manual_seed(0)
            ears = AudioEncoder(AudioEncoderSettings(24, 3, [1], 24, [1]))
            train_ears(SimpleNamespace(audio_encoder=ears), store, settings, tmp_path / "ears", device="cpu")
            found.append({name: value.clone() for name, value in ears.state_dict().items()})
    for name, value in found[0].items():
        assert torch.equal(value, found[1][name]), name
    assert found[0]["temperature"] != 1
    bigram = found[0]["phone_bigram"]
    assert torch.allclose(bigram.exp().sum(1), torch.ones(NUM_PHONES), atol=1e-4)
    assert bigram[1, 1:6].exp().sum() > 2 * bigram[1, 6:11].exp().sum()  # the corpus says phones 1 to 5 only
    assert "temperature" in caplog.text
    assert "perplexity" in caplog.text
    assert len((tmp_path / "ears" / "history.jsonl").read_text().splitlines()) == 2
