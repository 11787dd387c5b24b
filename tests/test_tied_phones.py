"""Weights tied through articulatory features: what they begin with, what an unseen phone inherits, what is folded."""

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch
from test_unseen_phones import tiny_network

from phonolips.phones.inventory import PHONE_IDS, PHONES
from phonolips.phones.sounds import PHONE_FEATURES, phone_features
from phonolips.training.networks.tied_phones import tie_phones, untie_phones

UNSEEN = ("SH", "NG")
TRAINED = torch.tensor([phone not in UNSEEN for phone in PHONES])


def column(name: str, *phones: str) -> list[float]:
    table = phone_features()
    return [float(table[PHONE_IDS[phone], PHONE_FEATURES.index(name)]) for phone in phones]


def test_the_features_are_those_of_the_chart():
    assert column("shut", "P", "B", "M", "F", "AA", "sil") == [1, 1, 1, 0, 0, 0]
    assert column("bite", "F", "V", "P") == [1, 1, 0]
    assert column("sil", "sil", "AA", "P") == [1, 0, 0]
    aa, iy = column("opening", "AA", "IY")
    assert (aa, iy) == (1, 0)
    uw, ao, s = column("rounding", "UW", "AO", "S")
    assert uw > ao > s == 0
    closing, opening_ = column("opening changes", "AY", "AA")
    assert closing == pytest.approx(0.17 - 1.0)  # from [a], height 1, to [ɪ], height .17
    assert opening_ == 0
    assert column("rounding changes", "AW")[0] > 0 > column("rounding changes", "OY")[0]


def test_no_two_phones_have_the_same_features():
    table = phone_features()
    assert len(np.unique(table, axis=0)) == len(PHONES)


def tied_network(dropout: float):
    network = tiny_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    tie_phones(network.bottleneck, network.lip_parameters.posterior_head, TRAINED, dropout)
    return network, before


def test_tying_and_folding_keep_seen_phones_and_every_name():
    network, before = tied_network(0.5)
    untie_phones(network.bottleneck, network.lip_parameters.posterior_head)
    after = network.state_dict()
    assert set(after) == set(before)
    for name, axis in (
        ("bottleneck.phone_embedding.weight", 0),
        ("lip_parameters.posterior_head.to_frames.weight", 1),
    ):
        old, new = before[name].movedim(axis, 0), after[name].movedim(axis, 0)
        assert torch.allclose(old[TRAINED], new[TRAINED], atol=1e-5)
        assert not torch.allclose(old[~TRAINED], new[~TRAINED], atol=1e-2)


def test_an_unseen_phone_is_where_its_features_say():
    """The embedding is made a linear function of the features; the hidden row comes back, whatever it was."""
    network = tiny_network()
    weights = torch.randn(len(PHONE_FEATURES), network.bottleneck.phone_embedding.embedding_dim)
    table = torch.from_numpy(phone_features()) @ weights
    with torch.no_grad():
        network.bottleneck.phone_embedding.weight.copy_(torch.where(TRAINED[:, None], table, 99.0))
    tie_phones(network.bottleneck, network.lip_parameters.posterior_head, TRAINED, 0.0)
    untie_phones(network.bottleneck, network.lip_parameters.posterior_head)
    found = network.bottleneck.phone_embedding.weight[PHONE_IDS["SH"]]
    assert torch.linalg.norm(found - table[PHONE_IDS["SH"]]) < 0.3 * torch.linalg.norm(table[PHONE_IDS["SH"]])


def test_residuals_are_left_out_in_training_alone_and_never_trained_where_unseen():
    network, _ = tied_network(0.999999)
    module = network.bottleneck.phone_embedding
    network.train()
    shared = module.weight
    network.eval()
    whole = module.weight
    assert not torch.allclose(shared[TRAINED], whole[TRAINED], atol=1e-2)
    assert torch.allclose(shared[~TRAINED], whole[~TRAINED])
    module.weight.square().sum().backward()
    gradient = module.parametrizations.weight.original.grad
    assert gradient[TRAINED].abs().sum() > 0
    assert gradient[~TRAINED].abs().sum() == 0
