"""The networks: contracts, chunks that change nothing, files that rebuild everything."""

import json

import numpy as np
import pytest
import torch

from phonolips.config import AudioEncoderSettings, DecoderSettings, DurationSettings, NetworkSettings
from phonolips.errors import CheckpointError, InputError
from phonolips.model.bottleneck import check_posteriors
from phonolips.model.network import Description, Network, load_network
from phonolips.model.stream import listen, speak
from phonolips.model.text_encoder import flatten_words, labels_to_posteriors
from phonolips.phones import IGNORED_ID, NUM_PHONES


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    settings = NetworkSettings(
        AudioEncoderSettings(channels=24, dilations=[1, 2, 4]),
        DurationSettings(channels=16, layers=2),
        DecoderSettings(latent=8, speaker=4, channels=16, hidden=24, components=6),
    )
    made = Network(Description(settings, ["mean", "s1", "s2"], {"about": "a test"}))
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    basis, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(80, 6)))
    made.lip_basis.copy_(torch.from_numpy(basis.T.reshape(6, 40, 2)))
    made.lip_mean.copy_(torch.randn(3, 40, 2))
    made.lip_scale.fill_(0.05)
    return made.eval().requires_grad_(False)


def whole(network: Network, waveform: np.ndarray, chunk_frames: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    blocks = (waveform[i : i + block] for i in range(0, len(waveform), block))
    posteriors = np.concatenate(list(listen(network, blocks, chunk_frames)))
    parts = (posteriors[i : i + 52] for i in range(0, len(posteriors), 52))
    return posteriors, np.concatenate(list(speak(network, parts, 1, np.zeros((40, 2), np.float32), chunk_frames)))


@pytest.mark.parametrize("chunk_frames", [3, 10, 37, 250])
def test_cutting_into_chunks_changes_nothing(network, chunk_frames):
    waveform = np.random.default_rng(1).uniform(-0.5, 0.5, 16_000 * 7 + 123).astype(np.float32)
    posteriors, lips = whole(network, waveform, 10_000, len(waveform))
    cut_posteriors, cut_lips = whole(network, waveform, chunk_frames, 1_777)
    assert len(posteriors) == 704  # 7.0077 s, filled up to whole 40 ms frames
    assert np.abs(posteriors - cut_posteriors).max() < 1e-4
    assert np.abs(lips - cut_lips).max() < 1e-4


def test_posteriors_sum_to_one_and_lips_follow_their_clock(network):
    posteriors, lips = whole(network, np.zeros(16_000, np.float32), 250, 16_000)
    assert posteriors.shape == (100, NUM_PHONES)
    assert np.allclose(posteriors.sum(1), 1, atol=1e-5)
    assert lips.shape == (25, 40, 2)


def test_what_lies_beyond_the_reach_does_not_matter(network):
    reach = network.audio_encoder.reach_steps
    mel = torch.randn(1, 400, 80)
    changed = mel.clone()
    changed[:, 200 + reach + 1 :] += 5.0
    first, second = network.audio_encoder(mel)[0], network.audio_encoder(changed)[0]
    assert torch.allclose(first[:, :200], second[:, :200], atol=1e-5)
    assert not torch.allclose(first[:, 210 + reach :], second[:, 210 + reach :], atol=1e-2)


def test_basis_is_a_projection(network):
    lips = torch.randn(7, 40, 2)
    mean = network.lip_mean[1]
    coefficients = network.lips_to_coefficients(lips, mean)
    again = network.lips_to_coefficients(network.coefficients_to_lips(coefficients, mean), mean)
    assert torch.allclose(coefficients, again, atol=1e-3)


def test_teacher_forcing_feeds_the_truth(network):
    decoder = network.decoder
    context = torch.randn(1, 5, decoder.settings.channels)
    truth = torch.full((1, 5, 6), 3.0)
    free, _ = decoder(context, decoder.start(1))
    forced, state = decoder(context, decoder.start(1), truth, torch.ones(1, 5, dtype=torch.bool))
    assert torch.allclose(free[:, 0], forced[:, 0])
    assert not torch.allclose(free[:, 1], forced[:, 1], atol=1e-4)
    assert torch.equal(state.last, truth[:, 0])


def test_durations_follow_the_rate(network):
    words = [[5, 6], [7], [8, 9, 10]]
    normal = network.durations.predict(words, 0)
    fast = network.durations.predict(words, 0, rate=2.0)
    assert [len(part) for part in normal] == [2, 1, 3]
    assert np.allclose(np.concatenate(normal), 2 * np.concatenate(fast))
    assert (np.concatenate(normal) >= 0.01).all()
    with pytest.raises(InputError, match="rate"):
        network.durations.predict(words, 0, rate=0.0)


def test_flatten_words_marks_first_and_last():
    phones, position = flatten_words([[3, 4, 5], [6]])
    assert phones.tolist() == [3, 4, 5, 6]
    assert position.tolist() == [[1, 0], [0, 0], [0, 1], [1, 1]]


def test_unknown_phones_are_silence_in_text_posteriors():
    posteriors = labels_to_posteriors(np.array([3, IGNORED_ID]))
    assert posteriors[0, 3] == 1
    assert posteriors[1, 0] == 1
    assert posteriors.sum() == 2


def test_file_round_trip(network, tmp_path):
    network.save(tmp_path / "m")
    again = load_network(tmp_path / "m")
    assert again.description == network.description
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["model.json", "model.safetensors"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d | {"phones": d["phones"][::-1]}, "phones"),
        (lambda d: d | {"format": 99}, "format"),
        (lambda d: d | {"lip_layout": "dlib"}, "lip_layout"),
        (lambda d: d | {"settings": {"nonsense": 1}}, "nonsense"),
        (lambda d: d | {"speakers": ["mean"]}, "not a readable model"),
        (lambda d: {}, "not a readable model"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(network, tmp_path, change, message):
    network.save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_network(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_broken_weights_file_is_refused(network, tmp_path):
    network.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(CheckpointError, match="not a readable model"):
        load_network(tmp_path)
    with pytest.raises(CheckpointError, match=r"no model\.json"):
        load_network(tmp_path / "none")


def test_speakers_by_name(network):
    assert network.speaker_row(None) == network.speaker_row("mean") == 0
    assert network.speaker_row("s2") == 2
    with pytest.raises(InputError, match="mean, s1, s2"):
        network.speaker_row("s99")


@pytest.mark.parametrize(
    ("posteriors", "message"),
    [
        (np.zeros((4, 39)), "expected"),
        (np.zeros((0, 40)), "expected"),
        (np.zeros((4, 40)), "sum to 0"),
        (np.full((4, 40), np.nan), "NaN"),
        (np.full((4, 40), -1 / 40), "negative"),
    ],
)
def test_posteriors_are_checked(posteriors, message):
    with pytest.raises(InputError, match=message):
        check_posteriors(posteriors)
