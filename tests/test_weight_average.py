"""The running average of the weights: validation and the finished network have it, training goes on without it."""

import pytest
from conftest import skip_without

skip_without("train")

import torch

from phonolips.training.loop import Stage, Trainer, fit_network
from phonolips.training.settings import FitSettings

DECAY = 0.8
UPDATES = 3  # in an epoch
EPOCHS = 2


class OneNumber(Trainer):
    """A trainer of one weight that writes down what it is at every update and in every validation."""

    def compute_forward(self, batch, stage):
        weight = self.modules.part.weight
        if stage == Stage.VALID:
            self.validated.append(weight.item())
        return weight * batch

    def compute_objectives(self, predictions, batch, stage):
        return (predictions - 1.0).square().mean()

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        super().on_fit_batch_end(batch, outputs, loss, should_step)
        self.updated.append(self.modules.part.weight.item())

    def on_fit_batch_start(self, batch, should_step):
        super().on_fit_batch_start(batch, should_step)
        self.begun.append(self.modules.part.weight.item())


class Ones:
    """Batches that are all alike."""

    def set_epoch(self, epoch):
        pass

    def __len__(self):
        return UPDATES

    def batch(self, index, rank=0, world=1):
        return torch.ones(1, 1)


@pytest.mark.parametrize("decay", [0.0, DECAY])
def test_validation_uses_the_average_and_training_does_not(tmp_path, decay):
    part = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        part.weight.fill_(5.0)
    notes = {"updated": [], "validated": [], "begun": []}
    fit_network(
        OneNumber,
        modules={"part": part},
        settings=FitSettings(epochs=EPOCHS, learning_rate=0.3, average=decay),
        train=Ones(),
        valid=[torch.ones(1, 1)],
        folder=tmp_path,
        device="cpu",
        attributes=notes,
    )
    updated, average, averages = notes["updated"], None, []
    assert len(updated) == EPOCHS * UPDATES
    for weight in updated:  # the average begins as the first weight, and forgets at the rate of the decay
        average = weight if average is None else decay * average + (1 - decay) * weight
        averages.append(average)
    assert notes["begun"][1:] == updated[:-1], "an update starts from the weight of the update before"
    assert notes["validated"] == pytest.approx([averages[UPDATES - 1], averages[-1]], rel=1e-5)
    assert part.weight.item() == pytest.approx(averages[-1], rel=1e-5)
    if decay:
        assert abs(updated[-1] - averages[-1]) > 0.01, "a test that tells the two apart"
