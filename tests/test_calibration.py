"""What is fitted after the encoder's training: a wrong temperature comes back, and phones follow as they were said."""

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")


from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.training.calibration import fit_temperature


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_wrong_temperature_is_found(temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, NUM_PHONES))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(1)  # drawn from softmax(logits)
    labels[::10] = IGNORED_ID
    assert fit_temperature(temperature * logits, labels) == pytest.approx(temperature, rel=0.03)


def test_calibration_improves_with_the_temperature():
    from phonolips.evaluation.metrics.encoder import calibration_error

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
