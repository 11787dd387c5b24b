"""The networks: contracts, chunks that change nothing, files that rebuild everything."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch

from phonolips.errors import CheckpointError, InputError
from phonolips.lips.measures import measure_lip_parameters
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.network import Description, Network, read_network
from phonolips.model.settings import (
    AudioEncoderSettings,
    DecoderSettings,
    DurationSettings,
    LipParameterSettings,
    LipsSettings,
    NetworkSettings,
)
from phonolips.model.speakers import LipSpeaker
from phonolips.model.stages import flatten_words
from phonolips.model.stream import decode_lips, encode, predict_lip_parameters
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.phones.posteriors import check_posteriors, labels_to_posteriors
from phonolips.training.networks.network import TrainableNetwork, read_trainable
from phonolips.training.torch_graph import network_of


def make_network(**decoder: object) -> TrainableNetwork:
    torch.manual_seed(0)
    lips = LipsSettings(representation=str(decoder.pop("representation", "pca")), components=6)
    settings = NetworkSettings(
        AudioEncoderSettings(channels=24, dilations=[1, 2], coarse_channels=32, coarse_dilations=[1, 2, 4]),
        DurationSettings(channels=16, layers=2),
        LipParameterSettings(channels=8),
        DecoderSettings(latent=8, speaker=4, channels=16, hidden=24, **decoder),
        lips,
    )
    made = TrainableNetwork(Description(settings, ["mean", "s1", "s2"], {"about": "a test"}))
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    outputs = made.decoder.outputs
    basis, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(80, outputs)))
    made.lip_basis.copy_(torch.from_numpy(basis.T.reshape(outputs, 40, 2)))
    made.lip_mean.copy_(torch.randn(3, 40, 2))
    made.lip_scale.fill_(0.05)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def trainable() -> TrainableNetwork:
    return make_network()


@pytest.fixture(scope="module")
def network(trainable) -> Network:
    return network_of(trainable)


def whole(network: Network, waveform: np.ndarray, chunk_frames: int, block: int) -> tuple[np.ndarray, ...]:
    blocks = (waveform[i : i + block] for i in range(0, len(waveform), block))
    encoded = list(encode(network, blocks, chunk_frames))
    posteriors = np.concatenate([part.posteriors for part in encoded])
    lip_parameters = np.concatenate([part.lip_parameters for part in encoded])
    predicted = predict_lip_parameters(network, posteriors, chunk_frames)
    speaker = network.lip_speaker("s1")
    lips = np.concatenate(list(decode_lips(network, posteriors, lip_parameters, speaker, chunk_frames)))
    return posteriors, lip_parameters, predicted, lips


@pytest.mark.parametrize("chunk_frames", [3, 10, 37, 250])
def test_cutting_into_chunks_changes_nothing(network, chunk_frames):
    waveform = np.random.default_rng(1).uniform(-0.5, 0.5, 16_000 * 7 + 123).astype(np.float32)
    uncut = whole(network, waveform, 10_000, len(waveform))
    assert len(uncut[0]) == 704  # 7.0077 s, filled up to whole 40 ms frames
    for one, other in zip(uncut, whole(network, waveform, chunk_frames, 1_777), strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() < 1e-4


KINDS = [
    {"kind": kind, "autoregressive": own, "look_ahead": ahead, "representation": representation}
    for kind in ("recurrent", "convolution", "attention")
    for own, ahead, representation in ((True, -1, "pca"), (False, 0, "heatmap"), (True, 3, "displacement"))
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(str(value) for value in kind.values()))
def test_every_decoder_keeps_its_look_ahead_and_its_chunks(kind):
    trainable = make_network(**kind)
    network = network_of(trainable)
    rng = np.random.default_rng(2)
    posteriors = rng.dirichlet(np.ones(NUM_PHONES) * 0.1, 4 * 60).astype(np.float32)
    lip_parameters = rng.normal(size=(60, 3)).astype(np.float32)
    speaker = network.lip_speaker(None)

    def lips(rows: np.ndarray, moves: np.ndarray, chunk: int = 1000) -> np.ndarray:
        return np.concatenate(list(decode_lips(network, rows, moves, speaker, chunk)))

    made = lips(posteriors, lip_parameters)
    assert made.shape == (60, 40, 2)
    assert np.abs(made - lips(posteriors, lip_parameters, 7)).max() < 1e-5
    late = 30 + network.decoder.ahead_frames + 1  # what comes then cannot matter to frame 30, but to the next
    changed, moved = posteriors.copy(), lip_parameters.copy()
    changed[4 * late :] = changed[4 * late :, ::-1]
    moved[late:] += 1.0
    other = lips(changed, moved)
    assert np.abs(made - other)[:31].max() < 1e-6
    assert np.abs(made - other)[31].max() > 1e-6
    with torch.inference_mode():
        embedding = torch.from_numpy(speaker.embedding)[None]
        given = (torch.from_numpy(posteriors)[None], embedding, torch.from_numpy(lip_parameters)[None])
        at_once = trainable.coefficients_to_lips(trainable.decode(*given)[0], trainable.lip_mean[0]).numpy()
    assert np.abs(made - at_once).max() < 1e-5


def test_unknown_kinds_are_refused():
    for wrong, message in (
        ({"kind": "magic"}, "decoder.kind 'magic'"),
        ({"representation": "mesh"}, "lips.representation 'mesh'"),
        ({"look_ahead": 99}, "look_ahead 99"),
    ):
        with pytest.raises(InputError, match=message):
            make_network(**wrong)


def test_heatmaps_give_the_mean_of_their_bins():
    head = make_network(representation="heatmap").decoder.head
    with torch.no_grad():
        head.layers[-1].weight.zero_()
        head.layers[-1].bias.zero_()
        head.layers[-1].bias.view(80, -1)[5, 20] = 50.0
    out = head(torch.zeros(1, head.layers[0].in_features))[0]
    assert out[5] == pytest.approx(float(head.bins[20]), abs=1e-4)
    assert out[6] == pytest.approx(0.0, abs=1e-5)


def test_lip_parameters_are_measured_from_lips():
    lips = np.zeros((2, 40, 2))
    lips[1, 35, 1], lips[1, 25, 1] = 0.1, -0.2  # inner middle, upper and lower
    lips[1, 10, 0] = 0.5  # a corner
    found = measure_lip_parameters(lips, ["opening", "width", "height"])
    assert np.allclose(found, [[0, 0, 0], [0.3, 0.5, -0.1 / 40]])
    assert measure_lip_parameters(lips, []).shape == (2, 0)
    with pytest.raises(InputError, match="'smile'"):
        measure_lip_parameters(lips, ["smile"])


def test_speakers_from_elsewhere_must_fit(network):
    speaker = network.lip_speaker("s2")
    assert speaker.name == "s2"
    assert network.lip_speaker(speaker) is speaker
    with pytest.raises(InputError, match="adapt the speaker to this model"):
        network.lip_speaker(LipSpeaker("x", np.zeros(5, np.float32), speaker.mean_lip))


def test_posteriors_sum_to_one_and_lips_follow_their_clock(network):
    posteriors, lip_parameters, predicted, lips = whole(network, np.zeros(16_000, np.float32), 250, 16_000)
    assert posteriors.shape == (100, NUM_PHONES)
    assert np.allclose(posteriors.sum(1), 1, atol=1e-5)
    assert lip_parameters.shape == predicted.shape == (25, 3)
    assert lips.shape == (25, 40, 2)


def test_what_lies_beyond_the_reach_does_not_matter(trainable, network):
    reach = network.audio_encoder.reach.ahead_steps
    mel = torch.randn(1, 400, 80)
    changed = mel.clone()
    changed[:, 200 + reach + 1 :] += 5.0
    first, second = trainable.audio_encoder(mel)[0], trainable.audio_encoder(changed)[0]
    assert torch.allclose(first[:, :200], second[:, :200], atol=1e-5)
    assert not torch.allclose(first[:, 210 + reach :], second[:, 210 + reach :], atol=1e-2)


def test_basis_is_a_projection(trainable, network):
    lips = torch.randn(7, 40, 2)
    mean = trainable.lip_mean[1]
    coefficients = trainable.lips_to_coefficients(lips, mean)
    made = trainable.coefficients_to_lips(coefficients, mean)
    assert np.allclose(network.outputs_to_lips(coefficients.numpy(), mean.numpy()), made.numpy(), atol=1e-5)
    again = trainable.lips_to_coefficients(made, mean)
    assert torch.allclose(coefficients, again, atol=1e-3)


def test_teacher_forcing_feeds_the_truth(trainable):
    decoder = trainable.decoder
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


FILES = ["decoder.onnx", "durations.onnx", "encoder.onnx", "lip_parameters.onnx", "model.json", "model.safetensors"]


def test_file_round_trip(trainable, network, tmp_path):
    trainable.save(tmp_path / "m")
    again = read_trainable(tmp_path / "m")
    assert again.description == read_network(tmp_path / "m").description == network.description
    for name, value in trainable.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == FILES


def test_the_packaged_model_is_written_as_it_was_read(tmp_path):
    read_trainable(PACKAGED_MODEL).save(tmp_path, half=True)
    for name in [*FILES, "voice_activity.onnx"]:
        assert (PACKAGED_MODEL / name).read_bytes() == (tmp_path / name).read_bytes(), name
    assert json.loads((tmp_path / "model.json").read_text())["format"] == 4
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 20e6


def test_gain_and_mixing_both_move_the_lips(network):
    """A gain of 2 and a mixing of half the identity move the lips 2.5 times as far."""
    rng = np.random.default_rng(3)
    posteriors = rng.dirichlet(np.ones(NUM_PHONES) * 0.1, 40).astype(np.float32)
    lip_parameters = rng.normal(size=(10, 3)).astype(np.float32)
    speaker = network.lip_speaker("s1")
    lips = [
        np.concatenate(list(decode_lips(network, posteriors, lip_parameters, who))) - speaker.mean_lip
        for who in (speaker, replace(speaker, gain=2.0, mixing=0.5 * np.eye(6, dtype=np.float32)))
    ]
    assert np.abs(lips[0]).max() > 1e-3
    assert np.allclose(lips[1], 2.5 * lips[0], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d | {"phones": d["phones"][::-1]}, "phones"),
        (lambda d: d | {"format": 99}, "format"),
        (lambda d: d | {"lip_layout": "dlib"}, "lip_layout"),
        (lambda d: d | {"settings": {"nonsense": 1}}, "nonsense"),
        (lambda d: d | {"speakers": ["mean"]}, "not a readable model"),
        (lambda d: {}, "format is None"),
        (lambda d: {name: value for name, value in d.items() if name != "settings"}, "not a readable model"),
        (lambda d: [d], "not a readable model"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(trainable, tmp_path, change, message):
    trainable.save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    for read in (read_network, read_trainable):
        with pytest.raises(CheckpointError, match=message) as caught:
            read(tmp_path)
        assert "\n" not in str(caught.value)


def test_a_broken_weights_file_is_refused(trainable, tmp_path):
    trainable.save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    for read in (read_network, read_trainable):
        with pytest.raises(CheckpointError, match="not a readable model"):
            read(tmp_path)
        with pytest.raises(CheckpointError, match=r"no model\.json"):
            read(tmp_path / "none")


def test_counted_ngrams_are_kept(network, tmp_path):
    made = make_network()
    prior = np.full(NUM_PHONES, 1 / NUM_PHONES)
    made.audio_encoder.set_phone_ngrams(np.array([5, 46]), np.array([2, 70_000]), prior)
    assert made.audio_encoder.phone_ngram_counts.tolist() == [2, 32_767]  # no more than two bytes hold
    used = network_of(made)
    assert used.phone_ngram() is used.phone_ngram()
    assert network.phone_ngram() is None
    made.save(tmp_path)
    assert np.array_equal(read_network(tmp_path).phone_ngram().rows, used.phone_ngram().rows)
    other = make_network()
    other.load_state_dict(made.state_dict())
    assert other.audio_encoder.phone_ngrams.tolist() == [5, 46]


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
