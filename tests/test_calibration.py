"""What is fitted after the ears' training: a wrong temperature comes back, and phones follow as they were said."""

import numpy as np
import pytest

from phonolips.phones import IGNORED_ID, NUM_PHONES
from phonolips.training.calibration import fit_phone_bigram, fit_temperature


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_wrong_temperature_is_found(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, NUM_PHONES))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(1)  # drawn from softmax(logits)
    labels[::10] = IGNORED_ID
    assert fit_temperature(temperature * logits, labels) == pytest.approx(temperature, rel=0.03)


def test_calibration_improves_with_the_temperature():
    from phonolips.evaluation.metrics import calibration_error

    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (30_000, NUM_PHONES))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(1)

    def error(temperature):
        powers = np.exp(3 * logits / temperature)
        return calibration_error(powers / powers.sum(1, keepdims=True), labels)

    assert error(1.0) > 0.2
    assert error(fit_temperature(3 * logits, labels)) < 0.02


def test_without_labels_the_temperature_stays_one():
    assert fit_temperature(np.zeros((3, NUM_PHONES)), np.full(3, IGNORED_ID)) == 1.0
    assert fit_temperature(np.zeros((0, NUM_PHONES)), np.zeros(0, int)) == 1.0


def test_rows_of_the_bigram_sum_to_one_and_hold_what_was_said():
    rng = np.random.default_rng(2)
    bigram = fit_phone_bigram([[0, *rng.choice([3, 5, 7], 400).tolist(), 0] for _ in range(5)])
    assert bigram.shape == (NUM_PHONES, NUM_PHONES)
    assert bigram.dtype == np.float32
    assert np.allclose(np.exp(bigram.astype(float)).sum(1), 1, atol=1e-5)
    assert sorted(bigram[3].argsort()[-2:].tolist()) == [5, 7]
    assert bigram[3, 5] > np.log(0.4)
    assert bigram[3, 20] < np.log(0.01)
    assert np.isfinite(bigram).all()


def test_runs_count_as_one_phone_and_unknown_phones_break_pairs():
    plain = fit_phone_bigram([[1, 2, 3, 4]])
    assert np.array_equal(plain, fit_phone_bigram([[1, 1, 2, 2, 2, 3, 4]]))
    broken = fit_phone_bigram([[1, IGNORED_ID, 2, 3]])
    assert broken[1, 2] < broken[2, 3]
    assert np.isfinite(fit_phone_bigram([])).all()


def test_saying_the_same_again_and_again_does_not_count():
    rng = np.random.default_rng(3)
    speech = [rng.integers(1, NUM_PHONES, 2000).tolist() for _ in range(3)]
    grammar = [[0, 1, 2, 3, 4, 5, 6, 0]]
    once, often = fit_phone_bigram(speech + grammar), fit_phone_bigram(speech + grammar * 500)
    assert np.array_equal(once, often)
