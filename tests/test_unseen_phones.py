"""Phones that no lips were seen saying: which those are, what stands in for them, and what the shipped model does."""

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch

from phonolips.lips.measures import opening, width
from phonolips.model.network import Description, load_network
from phonolips.model.settings import NetworkSettings
from phonolips.phones.inventory import NUM_PHONES, PHONE_IDS, PHONES, SILENCE
from phonolips.synth.verbs import from_posteriors
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.unseen_phones import (
    LEAST_NEXT,
    LEAST_TIMES,
    SEEN_NOTE,
    SHAPELESS,
    STAND_INS,
    fill_unseen_phones,
    find_seen,
    stand_in_for,
)

MISSING_IN_GRID = ("DH", "ER", "HH", "NG", "OY", "SH", "UH", "ZH")
SEEN_IN_GRID = frozenset(PHONES) - set(MISSING_IN_GRID)


def row(**weights: float) -> torch.Tensor:
    made = torch.zeros(NUM_PHONES)
    for phone, weight in weights.items():
        made[PHONE_IDS[phone]] = weight
    return made


def tiny_network() -> TrainableNetwork:
    torch.manual_seed(3)
    settings = NetworkSettings()
    settings.audio_encoder.channels = settings.audio_encoder.coarse_channels = 16
    return TrainableNetwork(Description(settings)).eval()


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (LEAST_TIMES, True),
        (LEAST_TIMES - 1, False),
        (0, False),
    ],
)
def test_a_rare_phone_of_a_large_corpus_is_unseen(said, seen):
    clips = [["T", "IY"]] * 20_000 + [["DH", "IY"]] * said
    assert find_seen(clips) == {"T", "IY", SILENCE} | ({"DH"} if seen else set())


def test_every_phone_of_a_small_corpus_is_seen():
    assert find_seen([["DH", "AH"], ["B", "AE", "D"]]) == {"DH", "AH", "B", "AE", "D", SILENCE}


def test_a_phone_without_a_shape_is_seen_before_several_others():
    after = ("W", "IY", "AA", "UW")
    assert len(after) == LEAST_NEXT
    assert SHAPELESS in find_seen([[SHAPELESS, phone] for phone in after])
    assert SHAPELESS not in find_seen([[SHAPELESS, phone] for phone in after[1:]] * 50)


@pytest.mark.parametrize("phone", [phone for phone in PHONES if phone != SILENCE])
def test_every_phone_has_stand_ins_that_were_seen(phone):
    for others in (SEEN_IN_GRID, frozenset(PHONES)):
        mixture = stand_in_for(phone, others - {phone})
        assert mixture
        assert set(mixture) <= others - {phone}
        assert sum(mixture.values()) == pytest.approx(1)


def test_what_is_chosen_by_hand_gives_way_where_a_part_is_unseen():
    assert stand_in_for("SH", SEEN_IN_GRID) == STAND_INS["SH"]
    assert "R" not in stand_in_for("SH", SEEN_IN_GRID - {"R"})
    assert "CH" in stand_in_for("SH", SEEN_IN_GRID - {"R"})
    assert stand_in_for("SH", {SILENCE}) == {}


def test_an_unseen_phone_does_what_its_stand_ins_do_and_nothing_else_changes():
    network = tiny_network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    inputs = torch.stack([row(T=1.0), row(SH=1.0), row(CH=0.7, R=0.3), row(AA=1.0)])[None]
    inputs = inputs.repeat_interleave(4, dim=1)
    filled = fill_unseen_phones(network, SEEN_IN_GRID)
    assert tuple(filled) == MISSING_IN_GRID
    assert network.description.notes[SEEN_NOTE] == [phone for phone in PHONES if phone in SEEN_IN_GRID]
    changed = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == ["bottleneck.phone_embedding.weight", "lip_parameters.posterior_head.to_frames.weight"]
    kept = [PHONE_IDS[phone] for phone in PHONES if phone in SEEN_IN_GRID]
    for name, axis in zip(changed, (0, 1), strict=True):
        assert torch.equal(network.state_dict()[name].index_select(axis, torch.tensor(kept)),
                           before[name].index_select(axis, torch.tensor(kept)))  # fmt: skip
    with torch.inference_mode():
        latent = network.bottleneck(inputs)[0]
        assert torch.allclose(latent[4:8], latent[8:12], atol=1e-6)
        swapped = inputs.clone()
        swapped[:, 4:8] = inputs[:, 8:12]
        for inner in (network.lip_parameters.from_posteriors, lambda rows: network.decode(rows, torch.zeros(1, 16))):
            assert torch.allclose(inner(inputs), inner(swapped), atol=1e-5)


def test_other_parts_and_later_lips_know_what_was_seen(tmp_path):
    skip_without("train")
    from phonolips.training.lips import start_from
    from phonolips.training.train import _carry_over

    earlier = tiny_network()
    earlier.description.notes["trained"] = ["lips"]
    earlier.save(tmp_path / "silent")
    assert start_from(tiny_network(), tmp_path / "silent") == frozenset(PHONES)
    fill_unseen_phones(earlier, SEEN_IN_GRID)
    earlier.save(tmp_path / "filled")
    assert start_from(tiny_network(), tmp_path / "filled") == SEEN_IN_GRID
    made = tiny_network()
    assert _carry_over(made, tmp_path / "filled", ["lips"]) == ["lips"]
    assert frozenset(made.description.notes[SEEN_NOTE]) == SEEN_IN_GRID
    assert _carry_over(made := tiny_network(), tmp_path / "filled", ["encoder"]) == []
    assert SEEN_NOTE not in made.description.notes


# ---------------------------------------------------------------- the shipped model


def shipped_lips(phone: str, context: str) -> np.ndarray:
    """Return the lips in the middle of a phone of 0.1 s between two others."""
    rest, beside, middle = (np.eye(NUM_PHONES, dtype=np.float32)[PHONE_IDS[name]] for name in ("sil", context, phone))
    rows = [rest] * 30 + [beside] * 8
    return from_posteriors(np.array([*rows, *[middle] * 10, *rows[::-1]]), fps=100).lips[41:46]


def mean_of(measure, phone: str, contexts: str) -> float:
    return float(np.mean([measure(shipped_lips(phone, context)).mean() for context in contexts.split()]))


def test_the_shipped_model_says_which_phones_it_saw():
    assert load_network().description.notes[SEEN_NOTE] == [phone for phone in PHONES if phone in SEEN_IN_GRID]


def test_shipped_lips_of_phones_that_grid_lacks():
    consonants, vowels = "T S K L F P", "AA IY AH EH UW"
    least = min(float(opening(shipped_lips("UH", context)).min()) for context in consonants.split())
    assert least > 0.025  # it was shut, -0.000, in four of six contexts
    assert mean_of(width, "UH", consonants) < mean_of(width, "IY", consonants) - 0.03
    assert mean_of(width, "SH", vowels) < mean_of(width, "S", vowels) - 0.002
    assert mean_of(opening, "SH", vowels) > 0.09  # was 0.079, and 0.031 at the least
    assert min(float(opening(shipped_lips("HH", vowel)).min()) for vowel in vowels.split()) > 0.04  # was 0.015
