"""Reading phones off posteriors: the cost of a change, what usually follows, and agreement with trying every path."""

from itertools import pairwise, product

import numpy as np
import pytest

from phonolips.phones import decode
from phonolips.phones.decode import LEAST_POSTERIOR, NGRAM_SWITCH_COST, SWITCH_COST, best_path
from phonolips.phones.inventory import NUM_PHONES
from phonolips.phones.ngram import PhoneNgram, count_ngrams, fit_ngram

NO_PRIOR = np.zeros(40, np.float32)


def made_ngram(table):
    """Make an n-gram of log probabilities (40, 40, 40) after two phones."""
    rows = np.asarray(table, np.float32).reshape(1600, 40)
    return PhoneNgram(3, rows, np.zeros(40, np.int64), np.arange(1600), NO_PRIOR)


def dense_path(posteriors, ngram):
    """Find the best path with a table of the rows of all histories, and np.unique: what `best_path` does, plainly."""
    row_of = ngram.find(np.arange(NUM_PHONES ** (ngram.order - 1)))
    scores = np.log(np.maximum(posteriors, LEAST_POSTERIOR), dtype=np.float32)
    scores -= np.float32(decode.PRIOR_WEIGHT) * ngram.log_prior
    history, total, steps = np.zeros(1, np.int64), np.zeros(1, np.float32), []
    for score in scores:
        phone = history % NUM_PHONES
        moved = total[:, None] + ngram.rows[row_of[history]] - np.float32(NGRAM_SWITCH_COST) + score
        moved[np.arange(len(history)), phone] = -np.inf
        stayed = total + score[phone]
        best = max(float(stayed.max()), float(moved.max()))
        before, to = np.nonzero(moved > best - decode.BEAM)
        still = np.flatnonzero(stayed > best - decode.BEAM)
        parent = np.concatenate([still, before])
        total = np.concatenate([stayed[still], moved[before, to]]) - np.float32(best)
        kept = NUM_PHONES ** (ngram.order - 2)
        history = np.concatenate([history[still], history[before] % kept * NUM_PHONES + to])
        order = np.argsort(-total, kind="stable")[: decode.MOST_STATES]
        _, unique = np.unique(history[order], return_index=True)
        chosen = order[unique] if len(before) else np.arange(len(total))
        parent, total, history = parent[chosen], total[chosen], history[chosen]
        steps.append((parent, history % NUM_PHONES))
    path, state = [], int(total.argmax())
    for parent, phones in reversed(steps):
        path.append(int(phones[state]))
        state = int(parent[state])
    return path[::-1]


@pytest.mark.parametrize("order", [3, 5])
def test_the_search_is_that_with_a_table_of_all_histories(order):
    rng = np.random.default_rng(7)
    chain = rng.dirichlet(np.full(40, 0.1), 40).cumsum(1)
    said = [0]
    for _ in range(3000):
        said.append(int(np.searchsorted(chain[said[-1]], rng.random() * 0.999)))
    ngram = fit_ngram(*count_ngrams([said], order), np.full(40, 1 / 40), order)
    labels = np.repeat(said[:60], rng.integers(2, 12, 60))
    posteriors = (np.eye(40) * 0.3 + 0.0175)[labels] * rng.uniform(0.2, 1, (len(labels), 40))
    posteriors = (posteriors / posteriors.sum(1, keepdims=True)).astype(np.float32)
    assert best_path(posteriors, ngram=ngram).tolist() == dense_path(posteriors, ngram)


def test_without_a_cost_every_step_decides_for_itself():
    posteriors = np.random.default_rng(0).dirichlet(np.ones(40), 50)
    assert np.array_equal(best_path(posteriors, 0.0), posteriors.argmax(1))


@pytest.mark.parametrize("cost", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_it_is_the_best_of_all_paths(cost, weight):
    rng = np.random.default_rng(1)
    for _ in range(5):
        posteriors = np.full((7, 40), 1e-9)
        posteriors[:, :3] = rng.dirichlet(np.ones(3) * 0.5, 7)
        table = np.full((40, 40, 40), -50.0)
        table[:3, :3, :3] = np.log(rng.dirichlet(np.ones(3), (3, 3)))
        scores = np.log(np.maximum(posteriors, LEAST_POSTERIOR))

        def score(path, scores=scores, table=table):
            said = [0, 0, *(b for a, b in pairwise([0, *path]) if a != b)]
            changes = [tuple(said[index : index + 3]) for index in range(len(said) - 2)]
            return scores[np.arange(7), path].sum() + sum(weight * table[three] - cost for three in changes)

        every = [np.array(path) for path in product(range(3), repeat=7)]
        if weight:
            found = best_path(posteriors, cost, ngram=made_ngram(table), ngram_weight=weight)
            assert np.isclose(score(found), max(map(score, every)), atol=1e-4)
        else:  # without an n-gram the first phone costs nothing
            found = best_path(posteriors, cost)
            free = [score(path) + cost * (path[0] != 0) for path in every]
            assert np.isclose(score(found) + cost * (found[0] != 0), max(free), atol=1e-4)


def test_a_planted_ngram_decides_what_the_sound_leaves_open():
    labels = np.repeat([0, 6, 7, 8, 0], 10)
    posteriors = np.eye(40)[labels] * 0.6 + 0.01
    posteriors[30:40] = 0.02
    posteriors[30:40, [8, 9]] = 0.12  # steps that may be 8 or 9
    usual = np.full((40, 40, 40), np.log(0.01))
    for follower in (8, 9):
        planted = usual.copy()
        planted[6, 7, follower] = np.log(0.6)
        planted[5, 7, 17 - follower] = np.log(0.6)  # after others it would be the other
        assert best_path(posteriors, ngram=made_ngram(planted))[35] == follower
    assert np.array_equal(best_path(posteriors, ngram=made_ngram(usual))[:30], labels[:30])


def test_an_ngram_that_knows_nothing_is_a_cost():
    rng = np.random.default_rng(2)
    posteriors = np.concatenate([np.eye(40)[[0]], rng.dirichlet(np.ones(40) * 0.1, 300)])  # both begin in silence
    nothing = made_ngram(np.full((40, 40, 40), -np.log(40.0)))
    as_cost = NGRAM_SWITCH_COST + 0.6 * np.log(40.0)
    assert np.array_equal(best_path(posteriors, ngram=nothing, ngram_weight=0.6), best_path(posteriors, as_cost))
    assert abs(as_cost - SWITCH_COST) < 1.0


def test_what_is_said_often_needs_better_evidence():
    ngram = made_ngram(np.full((40, 40, 40), -np.log(40.0)))
    posteriors = np.full((10, 40), 0.1 / 38)
    posteriors[:, [3, 4]] = 0.46, 0.44
    assert best_path(posteriors, ngram=ngram)[5] == 3
    often = NO_PRIOR.copy()
    often[3] = np.log(4.0)
    assert best_path(posteriors, ngram=ngram._replace(log_prior=often))[5] == 4
    assert best_path(posteriors, ngram=ngram._replace(log_prior=often), prior_weight=0)[5] == 3


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


def test_long_sound_is_read_as_its_parts_are_beside_an_ngram():
    rng = np.random.default_rng(4)
    said = rng.integers(0, 40, 900)
    ngram = fit_ngram(*count_ngrams([said]), np.full(40, 1 / 40))
    labels = np.repeat(said, 10)
    posteriors = (np.eye(40) * 0.5 + 0.0125)[labels] * rng.uniform(0.5, 1, (9000, 40))
    posteriors /= posteriors.sum(1, keepdims=True)
    whole, part = best_path(posteriors, ngram=ngram), best_path(posteriors[:4096], ngram=ngram)
    assert np.array_equal(whole[:3900], part[:3900])
    assert (whole == labels).mean() > 0.95


@pytest.mark.parametrize("ngram", [None, made_ngram(np.zeros((40, 40, 40)))])
def test_no_steps_at_all(ngram):
    assert best_path(np.zeros((0, 40)), ngram=ngram).shape == (0,)
