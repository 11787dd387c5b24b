"""Reading phones off posteriors: the cost of a change, what usually follows, and agreement with trying every path."""

from itertools import pairwise, product

import numpy as np
import pytest

from phonolips.alignment.decode import BIGRAM_SWITCH_COST, BIGRAM_WEIGHT, LEAST_POSTERIOR, SWITCH_COST, best_path


def test_without_a_cost_every_step_decides_for_itself():
    posteriors = np.random.default_rng(0).dirichlet(np.ones(40), 50)
    assert np.array_equal(best_path(posteriors, 0.0), posteriors.argmax(1))


@pytest.mark.parametrize("cost", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_it_is_the_best_of_all_paths(cost, weight):
    rng = np.random.default_rng(1)
    for _ in range(5):
        posteriors, bigram = rng.dirichlet(np.ones(3) * 0.5, 6), np.log(rng.dirichlet(np.ones(3), 3))
        scores = np.log(np.maximum(posteriors, LEAST_POSTERIOR))

        def score(path, scores=scores, bigram=bigram):
            changes = [(a, b) for a, b in pairwise(path) if a != b]
            return scores[np.arange(6), path].sum() + sum(weight * bigram[pair] - cost for pair in changes)

        best = max(score(np.array(path)) for path in product(range(3), repeat=6))
        found = best_path(posteriors, cost, phone_bigram=bigram if weight else None, bigram_weight=weight)
        assert np.isclose(score(found), best)


def test_a_planted_bigram_decides_what_the_sound_leaves_open():
    labels = np.repeat([0, 7, 8, 0], 10)
    posteriors = np.eye(40)[labels] * 0.6 + 0.01
    posteriors[20:30] = 0.02
    posteriors[20:30, [8, 9]] = 0.12  # steps that may be 8 or 9
    usual = np.full((40, 40), np.log(0.01))
    for follower in (8, 9):
        planted = usual.copy()
        planted[7, follower] = np.log(0.6)
        assert best_path(posteriors, phone_bigram=planted)[25] == follower
    assert np.array_equal(best_path(posteriors, phone_bigram=usual)[:20], labels[:20])


def test_a_bigram_that_knows_nothing_is_a_cost():
    posteriors = np.random.default_rng(2).dirichlet(np.ones(40) * 0.1, 300)
    nothing = np.full((40, 40), -np.log(40.0))
    as_cost = BIGRAM_SWITCH_COST + BIGRAM_WEIGHT * np.log(40.0)
    assert np.array_equal(best_path(posteriors, phone_bigram=nothing), best_path(posteriors, as_cost))
    assert abs(as_cost - SWITCH_COST) < 1.0


def test_a_flicker_is_not_a_phone():
    labels = [0] * 10 + [7] * 10 + [8] + [7] * 10
    posteriors = np.eye(40)[labels] * 0.6 + 0.01
    assert sorted(set(best_path(posteriors / posteriors.sum(1, keepdims=True)))) == [0, 7]


def test_one_step():
    assert best_path(np.eye(40)[[3]]).tolist() == [3]


def test_long_sound_is_read_as_its_parts_are():
    labels = np.repeat(np.random.default_rng(3).integers(0, 40, 2500), 8)
    posteriors = (np.eye(40) * 0.6 + 0.01)[labels].astype(np.float32)
    assert np.array_equal(best_path(posteriors), labels)
    assert np.array_equal(best_path(posteriors[:4097]), labels[:4097])
