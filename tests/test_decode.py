"""Reading phones off posteriors: the cost of a change, what usually follows, and agreement with trying every path."""

from itertools import pairwise, product

import numpy as np
import pytest

from phonolips.alignment.decode import LEAST_POSTERIOR, SWITCH_COST, TRIGRAM_SWITCH_COST, TRIGRAM_WEIGHT, best_path


def test_without_a_cost_every_step_decides_for_itself():
    posteriors = np.random.default_rng(0).dirichlet(np.ones(40), 50)
    assert np.array_equal(best_path(posteriors, 0.0), posteriors.argmax(1))


@pytest.mark.parametrize("cost", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_it_is_the_best_of_all_paths(cost, weight):
    rng = np.random.default_rng(1)
    for _ in range(5):
        posteriors, trigram = rng.dirichlet(np.ones(3) * 0.5, 7), np.log(rng.dirichlet(np.ones(3), (3, 3)))
        scores = np.log(np.maximum(posteriors, LEAST_POSTERIOR))

        def score(path, scores=scores, trigram=trigram):
            said = [0, path[0], *(b for a, b in pairwise(path) if a != b)]
            changes = [tuple(said[index : index + 3]) for index in range(len(said) - 2)]
            return scores[np.arange(7), path].sum() + sum(weight * trigram[three] - cost for three in changes)

        best = max(score(np.array(path)) for path in product(range(3), repeat=7))
        found = best_path(posteriors, cost, phone_trigram=trigram if weight else None, trigram_weight=weight)
        assert np.isclose(score(found), best, atol=1e-4)


def test_a_planted_trigram_decides_what_the_sound_leaves_open():
    labels = np.repeat([0, 6, 7, 8, 0], 10)
    posteriors = np.eye(40)[labels] * 0.6 + 0.01
    posteriors[30:40] = 0.02
    posteriors[30:40, [8, 9]] = 0.12  # steps that may be 8 or 9
    usual = np.full((40, 40, 40), np.log(0.01))
    for follower in (8, 9):
        planted = usual.copy()
        planted[6, 7, follower] = np.log(0.6)
        planted[5, 7, 17 - follower] = np.log(0.6)  # after others it would be the other
        assert best_path(posteriors, phone_trigram=planted)[35] == follower
    assert np.array_equal(best_path(posteriors, phone_trigram=usual)[:30], labels[:30])


def test_a_trigram_that_knows_nothing_is_a_cost():
    posteriors = np.random.default_rng(2).dirichlet(np.ones(40) * 0.1, 300)
    nothing = np.full((40, 40, 40), -np.log(40.0))
    as_cost = TRIGRAM_SWITCH_COST + TRIGRAM_WEIGHT * np.log(40.0)
    assert np.array_equal(best_path(posteriors, phone_trigram=nothing), best_path(posteriors, as_cost))
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


def test_long_sound_is_read_as_its_parts_are_beside_a_trigram():
    rng = np.random.default_rng(4)
    trigram = np.log(rng.dirichlet(np.ones(40), (40, 40))).astype(np.float32)
    labels = np.repeat(rng.integers(0, 40, 900), 10)
    posteriors = (np.eye(40) * 0.5 + 0.0125)[labels] * rng.uniform(0.5, 1, (9000, 40))
    whole = best_path(posteriors / posteriors.sum(1, keepdims=True), phone_trigram=trigram)
    part = best_path((posteriors / posteriors.sum(1, keepdims=True))[:4096], phone_trigram=trigram)
    assert np.array_equal(whole[:3900], part[:3900])
    assert (whole == labels).mean() > 0.9


@pytest.mark.parametrize("trigram", [None, np.zeros((40, 40, 40), np.float32)])
def test_no_steps_at_all(trigram):
    assert best_path(np.zeros((0, 40)), phone_trigram=trigram).shape == (0,)
