"""N-grams of phones: what is counted, and what is made of it."""

import numpy as np
import pytest

from phonolips.phones import ngram as ngram_module
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.phones.ngram import ORDER, STRETCH, _discounts, count_ngrams, fit_ngram

ALIKE = np.full(NUM_PHONES, 1 / NUM_PHONES)


def number(*phones):
    return int(np.array(phones) @ NUM_PHONES ** np.arange(len(phones) - 1, -1, -1))


def counted(*sequences, order=3):
    kinds, counts = count_ngrams(sequences, order)
    return dict(zip(kinds.tolist(), counts.tolist(), strict=True))


def probabilities(ngram, *history):
    return np.exp(ngram.rows[ngram.find(np.array([number(*history)]))[0]].astype(float))


def dense_ngram(kinds, counts, order):
    """Make the table of all histories: float32 (phones ** (order - 1), phones), as simply as can be."""
    levels = [(kinds, counts)]
    for shorter in range(order - 1, 0, -1):
        levels.append(np.unique(levels[-1][0] % NUM_PHONES**shorter, return_counts=True))
    table = np.full((1, NUM_PHONES), 1.0 / NUM_PHONES)
    for size, (codes, seen) in enumerate(reversed(levels)):
        table = np.tile(table, (NUM_PHONES, 1)) if size else table.copy()
        discounts = _discounts(seen)
        for history in np.unique(codes // NUM_PHONES):
            known = np.zeros((1, NUM_PHONES))
            for code, times in zip(codes, seen, strict=True):
                if code // NUM_PHONES == history:
                    known[0, code % NUM_PHONES] = times
            discount = discounts[np.minimum(known, 3).astype(int)]
            mixed = known - discount + discount.sum(1, keepdims=True) * table[history]
            table[history] = (mixed / known.sum(1, keepdims=True))[0]
    return np.log(table).astype(np.float32)


@pytest.mark.parametrize("block", [1, 7, 2048])
def test_rows_are_those_of_the_table_of_all_histories(monkeypatch, block):
    monkeypatch.setattr(ngram_module, "BLOCK_HISTORIES", block)
    said = np.random.default_rng(5).integers(0, 12, 400)
    for order in (2, 3, 4):
        kinds, counts = count_ngrams([said], order)
        found = fit_ngram(kinds, counts, ALIKE, order)
        every = np.arange(NUM_PHONES ** (order - 1))
        assert np.array_equal(found.rows[found.find(every)], dense_ngram(kinds, counts, order)), order
        assert found.rows.nbytes < dense_ngram(kinds, counts, order).nbytes or order == 2


def test_what_is_counted():
    assert counted([0, 5, 6]) == {number(0, 0, 5): 1, number(0, 5, 6): 1}
    assert counted([5, 6]) == counted([0, 5, 5, 5, 6, 6])  # silence comes before a clip; runs are one phone
    assert counted([]) == counted([0]) == {}
    assert counted([1, 2, IGNORED_ID, 3, 4, 5]) == {
        number(0, 0, 1): 1, number(0, 1, 2): 1, number(3, 4, 5): 1,
    }  # fmt: skip


def test_the_same_again_and_again_counts_once():
    rng = np.random.default_rng(3)
    speech = [rng.integers(1, NUM_PHONES, 500).tolist() for _ in range(3)]
    grammar = [[0, 1, 2, 3, 4, 5, 6, 0]]
    assert counted(*speech, *grammar, order=ORDER) == counted(*speech, *grammar * 100, order=ORDER)
    assert STRETCH == 3


def test_rows_sum_to_one_and_hold_what_was_said():
    rng = np.random.default_rng(2)
    said = [0]
    for _ in range(900):  # after 3 5 comes 7, after 7 5 comes 3, and anything between
        said += [3, 5, 7] if rng.random() < 0.5 else [7, 5, 3]
        said += rng.integers(8, 19, 3).tolist()
    ngram = fit_ngram(*count_ngrams([said], 4), ALIKE, 4)
    assert ngram.rows.dtype == np.float32
    assert ngram.row_of.shape == (NUM_PHONES**2,)
    assert np.isfinite(ngram.rows).all()
    assert np.allclose(np.exp(ngram.rows.astype(float)).sum(1), 1, atol=1e-4)
    assert probabilities(ngram, 12, 3, 5)[7] > 0.9
    assert probabilities(ngram, 12, 7, 5)[3] > 0.9
    assert probabilities(ngram, 30, 3, 5)[7] > 0.8  # a history never heard: what its later part says
    unheard = probabilities(ngram, 30, 31, 5)
    assert unheard[3] > 0.2
    assert unheard[7] > 0.2


@pytest.mark.parametrize("sequences", [[], [[0, 5, 6]]])
def test_next_to_nothing_gives_probabilities_all_the_same(sequences):
    ngram = fit_ngram(*count_ngrams(sequences), ALIKE)
    assert ngram.row_of.shape == (NUM_PHONES ** (ORDER - 2),)
    assert np.allclose(np.exp(ngram.rows.astype(float)).sum(1), 1, atol=1e-4)
    assert np.allclose(np.exp(ngram.log_prior), ALIKE)
