"""The loss of the lips, worked out by hand, and how often each speaker's clips come up."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch

from phonolips.training.lips import LipsTrainer, missed_correlation
from phonolips.training.lips_batches import LipsBatch, LipsTrainBatches
from phonolips.training.lips_clips import LipsClip, clip_shares
from phonolips.training.loop import Stage
from phonolips.training.settings import LipsFitSettings

# One clip of five frames and two outputs; in the first and last no face was found, in the third the mouth is shut.
TRUTH = [[7, 7], [0, 0], [1, 0], [3, 0], [3, 2]]
MADE = [[0, 0], [0, 0], [2, 0], [4, 0], [9, 9]]
WEIGHT = [0, 1, 1, 1, 0]
SHUT = [0, 0, 1, 0, 0]
OPENING = [2, 0]  # what each output adds to the opening
PARAMETERS = [[9, 9], [1, 3], [0, 0], [0, 0], [9, 9]]  # the true ones are nought

POSITION = (0 + 1 + 1) / 3  # squared distances over frames with a face
VELOCITY = (1 + 0) / 2  # true steps are 1, 2 long, made ones 2, 2
CLOSURE = (2 * 1) ** 2 / 3  # the opening is wrong by 2 in the one shut frame of three
LIP_PARAMETERS = (1 + 9) / 2 / 3  # mean of two parameters, over three frames


def make_batch() -> LipsBatch:
    nothing = LipsBatch(*[torch.zeros(0)] * len(LipsBatch._fields))
    return nothing._replace(
        coefficients=torch.tensor([TRUTH], dtype=torch.float32),
        lip_parameters=torch.zeros(1, 5, 2),
        weight=torch.tensor([WEIGHT], dtype=torch.float32),
        shut=torch.tensor([SHUT], dtype=torch.float32),
    )


def make_trainer(**weights: float) -> LipsTrainer:
    trainer = LipsTrainer(modules={"any": torch.nn.Linear(1, 1)}, run_opts={"device": "cpu"})
    trainer.settings = LipsFitSettings(**weights)
    trainer.opening_direction = torch.tensor(OPENING, dtype=torch.float32)
    trainer.width_direction = torch.tensor([0.0, 1.0])
    trainer.sums = {}
    return trainer


@pytest.mark.parametrize("stage", [Stage.TRAIN, Stage.VALID])
@pytest.mark.parametrize("velocity", [0.0, 0.5])
@pytest.mark.parametrize("closure", [0.0, 2.0])
@pytest.mark.parametrize("parameters", [0.0, 1.0])
def test_the_loss_is_the_one_worked_out_by_hand(stage, velocity, closure, parameters):
    trainer = make_trainer(velocity_weight=velocity, closure_weight=closure, lip_parameter_weight=parameters)
    predictions = torch.tensor([MADE], dtype=torch.float32), torch.tensor([PARAMETERS], dtype=torch.float32)
    loss = trainer.compute_objectives(predictions, make_batch(), stage)
    expected = POSITION + velocity * VELOCITY + closure * CLOSURE + parameters * LIP_PARAMETERS
    assert float(loss) == pytest.approx(expected, rel=1e-6)


def test_the_scores_are_those_worked_out_by_hand():
    trainer = make_trainer()
    predictions = torch.tensor([MADE], dtype=torch.float32), torch.tensor([PARAMETERS], dtype=torch.float32)
    trainer.compute_objectives(predictions, make_batch(), Stage.VALID)
    assert trainer.scores() == pytest.approx({"skill": 1 - 2 / (0 + 1 + 9), "velocity_ratio": (2 + 2) / (1 + 2)})


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        (0.0, [1 / 5, 1 / 5, 1 / 5, 1 / 5, 1 / 5]),  # every clip alike
        (1.0, [1 / 8, 1 / 8, 1 / 8, 1 / 8, 1 / 2]),  # every speaker alike
        (0.5, [1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 3]),  # a speaker as the root of the number of clips: 2 to 1
    ],
)
def test_clips_of_speakers_with_few_come_up_more_often(balance, expected):
    assert clip_shares(["ann", "ann", "ann", "ann", "bob"], balance) == pytest.approx(np.array(expected))


def test_an_epoch_draws_speakers_alike_under_full_balance():
    clips = [SimpleNamespace(speaker=1)] * 1_900 + [SimpleNamespace(speaker=2)] * 100
    order = LipsTrainBatches(clips, LipsFitSettings(balance=1.0)).order
    drawn = Counter(clips[int(place)].speaker for place in order)
    assert drawn.total() == 2_000
    assert drawn[2] == pytest.approx(1_000, abs=112)  # five standard deviations


def test_missed_correlation_is_numpys():
    rng = np.random.default_rng(0)
    made, truth = rng.normal(size=(2, 3, 40, 2))
    weight = np.ones((3, 40))
    weight[0, 30:], weight[1, :25] = 0, 0  # 30 frames, 15 frames, 40 frames
    found = missed_correlation(*(torch.tensor(part) for part in (made, truth, weight)))
    expected = [
        np.mean([1 - np.corrcoef(made[clip, kept, curve], truth[clip, kept, curve])[0, 1] for curve in (0, 1)])
        for clip, kept in ((0, slice(30)), (2, slice(40)))
    ]
    assert found.tolist() == pytest.approx([expected[0], 0, expected[1]], rel=1e-5)
    still = missed_correlation(torch.zeros(1, 40, 2), torch.tensor(truth[:1], dtype=torch.float32), torch.ones(1, 40))
    assert still.tolist() == [1.0]


def test_correlation_weight_adds_its_share():
    rng = np.random.default_rng(1)
    made, truth, parameters = (torch.tensor(rng.normal(size=(1, 30, 2)), dtype=torch.float32) for _ in range(3))
    batch = make_batch()._replace(
        coefficients=truth, lip_parameters=truth, weight=torch.ones(1, 30), shut=torch.zeros(1, 30)
    )
    without, with_it = (
        make_trainer(correlation_weight=weight).compute_objectives((made, parameters), batch, Stage.TRAIN)
        for weight in (0.0, 0.5)
    )
    curves = missed_correlation(made @ torch.eye(2) * 2, truth, torch.ones(1, 30))
    expected = 0.5 * (curves + missed_correlation(parameters, truth, torch.ones(1, 30)))
    assert float(with_it - without) == pytest.approx(float(expected), rel=1e-4)


def test_crops_are_as_long_as_asked():
    def zeros(*shape):
        return np.zeros(shape, np.float32)

    clip = LipsClip(
        "a", np.zeros(400, np.int64), (), zeros(100, 2), zeros(100, 0), np.ones(100, bool), np.zeros(100, bool), 0, False,
        zeros(40, 2), zeros(0),
    )  # fmt: skip
    for least, most, expected in ((20, 30, (20, 30)), (20, 0, (20, 100)), (150, 0, (100, 100)), (50, 40, (40, 40))):
        batches = LipsTrainBatches([clip] * 300, LipsFitSettings(least_frames=least, most_frames=most))
        lengths = [len(batches._vary(clip, np.random.default_rng(place)).coefficients) for place in range(300)]
        assert (min(lengths), max(lengths)) == expected
