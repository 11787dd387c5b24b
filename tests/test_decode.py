"""Reading phones off posteriors: the cost of a change, and agreement with trying every path."""

from itertools import product

import numpy as np

from phonolips.alignment.decode import best_path


def test_without_a_cost_every_step_decides_for_itself():
    posteriors = np.random.default_rng(0).dirichlet(np.ones(40), 50)
    assert np.array_equal(best_path(posteriors, 0.0), posteriors.argmax(1))


def test_it_is_the_best_of_all_paths():
    rng = np.random.default_rng(1)
    for cost in (0.5, 2.0, 5.0):
        posteriors = rng.dirichlet(np.ones(3) * 0.5, 6)
        scores = np.log(np.maximum(posteriors, 1e-6))

        def score(path, scores=scores, cost=cost):
            return scores[np.arange(6), path].sum() - cost * np.count_nonzero(np.diff(path))

        best = max(product(range(3), repeat=6), key=lambda path: score(np.array(path)))
        assert np.isclose(score(best_path(posteriors, cost)), score(np.array(best)))


def test_a_flicker_is_not_a_phone():
    labels = [0] * 10 + [7] * 10 + [8] + [7] * 10
    posteriors = np.eye(40)[labels] * 0.6 + 0.01
    assert sorted(set(best_path(posteriors / posteriors.sum(1, keepdims=True)))) == [0, 7]


def test_one_step():
    assert best_path(np.eye(40)[[3]]).tolist() == [3]
