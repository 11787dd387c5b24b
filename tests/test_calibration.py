"""What is fitted after the ears' training: a wrong temperature comes back, and phones follow as they were said."""

import numpy as np
import pytest

from phonolips.phones import IGNORED_ID, NUM_PHONES
from phonolips.training.calibration import fit_phone_trigram, fit_temperature


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


def test_rows_of_the_trigram_sum_to_one_and_hold_what_was_said():
    rng = np.random.default_rng(2)
    said = [0]
    for _ in range(700):  # after 3 5 comes 7, after 7 5 comes 3, and anything between
        said += [3, 5, 7] if rng.random() < 0.5 else [7, 5, 3]
        said += rng.integers(8, 19, 3).tolist()
    trigram = fit_phone_trigram([[*said, 0]])
    assert trigram.shape == (NUM_PHONES, NUM_PHONES, NUM_PHONES)
    assert trigram.dtype == np.float32
    assert np.allclose(np.exp(trigram.astype(float)).sum(-1), 1, atol=1e-5)
    assert trigram[3, 5].argmax() == 7
    assert trigram[7, 5].argmax() == 3
    assert trigram[20, 5, 3] == trigram[21, 5, 3] > np.log(0.3)  # never heard: what follows the one
    assert trigram[3, 5, 20] < np.log(0.01)
    assert np.isfinite(trigram).all()


def test_runs_count_as_one_phone_and_unknown_phones_break_what_is_counted():
    plain = fit_phone_trigram([[1, 2, 3, 4]])
    assert np.array_equal(plain, fit_phone_trigram([[1, 1, 2, 2, 2, 3, 4]]))
    broken = fit_phone_trigram([[1, IGNORED_ID, 2, 3, 4]])
    assert broken[0, 1, 2] < broken[2, 3, 4]
    assert np.isfinite(fit_phone_trigram([])).all()


def test_a_clip_begins_after_silence():
    begun = fit_phone_trigram([[0, 5, 6]])
    assert begun[0, 0].argmax() == 5
    assert begun[0, 5].argmax() == 6


def test_saying_the_same_again_and_again_does_not_count():
    rng = np.random.default_rng(3)
    speech = [rng.integers(1, NUM_PHONES, 2000).tolist() for _ in range(3)]
    grammar = [[0, 1, 2, 3, 4, 5, 6, 0]]
    once, often = fit_phone_trigram(speech + grammar), fit_phone_trigram(speech + grammar * 500)
    assert np.array_equal(once, often)
