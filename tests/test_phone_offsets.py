"""What lips do while a phone sounds: by the chart, as a table of a model, and for whom the training did not see."""

from itertools import pairwise

import numpy as np
import pytest
from conftest import needs

from phonolips.lips.measures import opening, width
from phonolips.model.bundle import PACKAGED_MODEL, read_weights
from phonolips.model.network import PHONE_OFFSETS, TABLES, Network, load_network
from phonolips.model.numpy_graph import numpy_graphs
from phonolips.model.personal import sounding_phones
from phonolips.model.stages import EncoderOutput, signatures
from phonolips.model.stream import DecodeStage, decode_lips, predict_lip_parameters
from phonolips.phones.chart import chart_shapes
from phonolips.phones.inventory import NUM_PHONES, PHONE_IDS, PHONES
from phonolips.timebase import STEPS_PER_FRAME


def packaged(shapes: np.ndarray | None) -> Network:
    """Build the packaged model, in NumPy, with other phone offsets; None = without."""
    known = load_network()
    weights = read_weights(PACKAGED_MODEL)
    tables = {name: weights[name] for name in TABLES} | ({} if shapes is None else {PHONE_OFFSETS: shapes})
    settings = known.description.settings
    return Network(known.description, numpy_graphs(settings, weights, signatures(settings)), tables)


@pytest.fixture(scope="module")
def shapes() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.3, (NUM_PHONES, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def posteriors() -> np.ndarray:
    rng = np.random.default_rng(4)
    return rng.dirichlet(np.full(NUM_PHONES, 0.05), 4 * 60).astype(np.float32)


# ---------------------------------------------------------------- the chart


def test_the_chart_orders_phones_as_phoneticians_do():
    shapes = dict(zip(PHONES, chart_shapes(), strict=True))
    opened = [shapes[phone][0] for phone in ("AA", "EH", "IH", "IY", "UW", "B")]
    assert opened == sorted(opened, reverse=True)
    narrow = max(shapes[phone][1] for phone in ("UW", "W", "OW", "R", "SH", "CH", "ZH", "ER", "AO", "UH"))
    assert narrow < min(shapes[phone][1] for phone in ("IY", "AE", "S", "EH", "AA", "K", "P"))
    assert shapes["P"][0] == shapes["B"][0] == shapes["M"][0] < shapes["F"][0] == shapes["V"][0] < shapes["S"][0]


def test_shapes_are_in_standard_deviations_around_the_mean_and_what_has_none_is_there():
    shapes = chart_shapes()
    without = [PHONE_IDS["sil"], PHONE_IDS["HH"]]
    assert not shapes[without].any()
    own = np.delete(shapes, without, 0)
    np.testing.assert_allclose(own.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(own.std(0), 1, atol=1e-6)
    assert np.abs(own).min() > 0


# ---------------------------------------------------------------- who gets them


def lips_of(network: Network, speaker, posteriors: np.ndarray) -> np.ndarray:
    moves = predict_lip_parameters(network, posteriors)
    return np.concatenate(list(decode_lips(network, posteriors, moves, network.lip_speaker(speaker))))


def test_the_mean_speaker_gets_them_and_named_speakers_do_not(posteriors, shapes):
    plain, shaped = packaged(None), packaged(shapes)
    np.testing.assert_array_equal(lips_of(plain, "s1", posteriors), lips_of(shaped, "s1", posteriors))
    added = lips_of(shaped, None, posteriors) - lips_of(plain, None, posteriors)
    expected = shaped.outputs_to_lips(sounding_phones(posteriors) @ shapes, np.zeros((40, 2), np.float32))
    np.testing.assert_allclose(added, expected, atol=1e-5)
    assert np.abs(added).max() > 0.01


def test_a_model_without_the_table_moves_as_its_decoder_says():
    network = packaged(None)
    assert not network.phone_offsets.any()
    assert network.lip_speaker(None).phone_offsets is None


def test_who_brings_a_shape_gets_them_too(shapes):
    network = packaged(shapes)
    np.testing.assert_array_equal(network.unnamed_speaker(network.lip_mean[1]).phone_offsets, shapes)
    assert network.lip_speaker("s1").phone_offsets is None


@pytest.mark.parametrize("cuts", [[1], [3, 4, 5], [20, 21, 40], list(range(1, 60))])
def test_where_a_stream_is_cut_changes_nothing(posteriors, shapes, cuts):
    network = packaged(shapes)
    moves = predict_lip_parameters(network, posteriors)
    whole = lips_of(network, None, posteriors)
    stage, made = DecodeStage(network, network.lip_speaker(None)), []
    edges = [0, *cuts, 60]
    for first, last in pairwise(edges):
        part = EncoderOutput(posteriors[4 * first : 4 * last], moves[first:last])
        made.append(stage.push(part, last=last == 60))
    np.testing.assert_allclose(np.concatenate(made), whole, atol=2e-7)


# ---------------------------------------------------------------- in training


@needs("train")
@pytest.mark.parametrize("ahead", [0, 2, 3])
def test_torch_offsets_phones_as_the_model_does(posteriors, shapes, ahead):
    import torch

    from phonolips.training.networks.phone_offsets import PhoneOffsets

    module = PhoneOffsets(shapes.shape[1], ahead)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(shapes))
        made = module(torch.from_numpy(posteriors[None]))[0].numpy()
    np.testing.assert_allclose(made, sounding_phones(posteriors, ahead) @ shapes, atol=1e-5)


@needs("train")
def test_offsets_are_trained_with_people_without_a_row_and_left_alone_with_others(tmp_path):
    """From tables of zeros: two epochs leave them so, or do not."""
    import torch

    from phonolips.training.encoder_outputs import StoredOutput
    from phonolips.training.lips import fit_lips
    from phonolips.training.lips_clips import LipsClip
    from phonolips.training.networks.network import TrainableNetwork
    from phonolips.training.settings import LipsFitSettings

    known = load_network()
    settings = LipsFitSettings(
        epochs=2, batch=4, epoch_batches=2, noisy_share=0, text_share=0.0, tied_phones=False, joined_share=0.0
    )
    frames = 40
    rng = np.random.default_rng(5)

    def clip(named: bool) -> LipsClip:
        labels = np.repeat(rng.integers(0, NUM_PHONES, frames), STEPS_PER_FRAME)
        rows = np.eye(NUM_PHONES, dtype=np.float32)[labels]
        hidden = np.zeros((2 * frames, known.description.settings.audio_encoder.channels), np.float32)
        everywhere = np.ones(frames, bool)
        return LipsClip(
            "a", labels, (StoredOutput(rows, hidden),), rng.normal(0, 1, (frames, 12)).astype(np.float32),
            np.zeros((frames, 3), np.float32), everywhere, ~everywhere, int(named), named,
            known.lip_mean[0], np.zeros(0, np.float32),
        )  # fmt: skip

    for named, trained in ((True, False), (False, True)):
        torch.manual_seed(0)
        network = TrainableNetwork(known.description)
        clips = [clip(named) for _ in range(4)]
        fit_lips(network, clips, clips, settings, tmp_path / str(named), device="cpu", offsets_trained=trained)
        assert bool(network.phone_offsets.weight.any()) is trained


# ---------------------------------------------------------------- what the packaged model has


def test_the_packaged_model_moves_anybody_by_the_chart():
    """Its table moves opening and width as the chart says, and opening by half a standard deviation of the lips'."""
    network = load_network()
    assert network.phone_offsets.any()
    lips = network.outputs_to_lips(network.phone_offsets, network.lip_mean[0])
    rest = network.lip_mean[0]
    chart, spread = chart_shapes(), network.lip_parameters.scale
    for column, (measure, size) in enumerate(((opening, 0.5), (width, 0.8))):
        moved = measure(lips) - measure(rest[None])
        assert np.corrcoef(moved, chart[:, column])[0, 1] > 0.999
        np.testing.assert_allclose(moved.std(), size * spread[column] * chart[:, column].std(), rtol=0.25)
