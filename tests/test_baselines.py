"""The reference rows: each learns what it is meant to, from detected frames only, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")


from phonolips.errors import InputError
from phonolips.evaluation import baselines
from phonolips.evaluation.clips import Clip, mean_shapes
from phonolips.phones.inventory import IGNORED_ID, PHONE_IDS

PHONES = ("sil", "B", "AA", "T", "UW")
SHAPES = np.random.default_rng(0).normal(scale=0.05, size=(len(PHONES), 40, 2)).astype(np.float32)
MELS = 8
MEAN = np.random.default_rng(1).normal(size=(40, 2)).astype(np.float32)


def make_clip(
    seed: int, frames: int = 30, mean_lip: np.ndarray = MEAN, speaker: str = "one", noise: float = 0.0
) -> Clip:
    """A clip whose lips are the shape of the phone, and whose mel tells the phone."""
    generator = np.random.default_rng(seed)
    choice = np.repeat(generator.integers(0, len(PHONES), frames), 3)[:frames]
    steps = np.repeat(choice, 4)
    labels = np.array([PHONE_IDS[PHONES[index]] for index in steps])
    mel = np.eye(len(PHONES), MELS, dtype=np.float32)[steps] + 0.01 * generator.normal(size=(len(steps), MELS))
    lips = mean_lip + SHAPES[choice] + noise * generator.normal(size=(frames, 40, 2))
    detected = np.ones(frames, bool)
    return Clip(f"{speaker}/{seed}", speaker, lips.astype(np.float32), detected, labels, mel, mean_lip)


@pytest.fixture(scope="module")
def train() -> list[Clip]:
    return [make_clip(seed) for seed in range(40)]


def error(predicted: np.ndarray, clip: Clip) -> float:
    return float(np.mean((predicted - clip.lips) ** 2))


def skill(predicted: np.ndarray, clip: Clip) -> float:
    return 1 - error(predicted, clip) / float(np.mean((clip.lips - clip.mean_lip) ** 2))


@pytest.mark.parametrize("baseline", baselines.standard_baselines(), ids=lambda row: row.name)
def test_every_row_keeps_the_contract(baseline, train):
    baseline.fit(train)
    other = make_clip(100, frames=47, mean_lip=MEAN + 1, speaker="two")
    predicted = baseline.predict(other)
    assert predicted.shape == (47, 40, 2)
    assert predicted.dtype == np.float32
    assert np.isfinite(predicted).all()
    assert abs(float((predicted - other.mean_lip).mean())) < 0.05  # follows the other speaker's mean lip
    unknown = replace(other, labels=np.full(188, IGNORED_ID))
    assert np.isfinite(baseline.predict(unknown)).all()


@pytest.mark.parametrize("baseline", baselines.standard_baselines(), ids=lambda row: row.name)
def test_no_row_but_the_floor_looks_at_the_truth(baseline, train):
    baseline.fit(train)
    clip = make_clip(101)
    blind = replace(clip, lips=np.full_like(clip.lips, 9))
    same = np.array_equal(baseline.predict(clip), baseline.predict(blind))
    assert same != isinstance(baseline, baselines.PcaFloor)


@pytest.mark.parametrize("baseline", baselines.standard_baselines(), ids=lambda row: row.name)
def test_undetected_frames_teach_nothing(baseline, train):
    spoilt = []
    for clip in train:
        lips, detected = clip.lips.copy(), clip.detected.copy()
        lips[3:9] = 100
        detected[3:9] = False
        spoilt.append(replace(clip, lips=lips, detected=detected))
    baseline.fit(spoilt)
    assert np.abs(baseline.predict(make_clip(102)) - MEAN).max() < 1


@pytest.mark.parametrize(
    ("baseline", "least"),
    [
        (baselines.PhoneMean(), 0.999),
        (baselines.PhoneInContext(smoothing_frames=0), 0.999),
        (baselines.PhoneTrajectories(), 0.75),
        (baselines.MelRidge(), 0.9),
        (baselines.PcaFloor(len(PHONES) - 1), 0.999),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_rows_learn_lips_that_follow_the_phones(baseline, least, train):
    baseline.fit(train)
    clip = make_clip(103)
    assert least <= skill(baseline.predict(clip), clip) <= 1


def test_mean_lip_and_mean_curve_know_no_phones(train):
    clip = make_clip(104)
    still = baselines.MeanShape()
    still.fit(train)
    assert skill(still.predict(clip), clip) == pytest.approx(0, abs=1e-6)
    curve = baselines.MeanCurve()
    curve.fit(train)
    np.testing.assert_allclose(curve.predict(clip), np.mean([c.lips for c in train], axis=0), atol=1e-5)


def test_mean_curve_takes_the_own_speaker_and_ends_in_the_mean_lip(train):
    others = [make_clip(seed, speaker="two", mean_lip=MEAN - 1) for seed in range(60, 70)]
    curve = baselines.MeanCurve()
    curve.fit(train + others)
    long = make_clip(105, frames=40, speaker="two", mean_lip=MEAN - 1)
    predicted = curve.predict(long)
    np.testing.assert_allclose(predicted[:30], np.mean([c.lips for c in others], axis=0), atol=1e-5)
    np.testing.assert_allclose(predicted[30:], np.repeat(long.mean_lip[None], 10, axis=0), atol=1e-6)
    stranger = replace(make_clip(106), speaker="three")
    both = np.mean([c.lips - c.mean_lip for c in train + others], axis=0)
    np.testing.assert_allclose(curve.predict(stranger) - MEAN, both, atol=1e-5)


def test_context_decides_where_the_phone_alone_does_not():
    """The same vowel has two shapes, by the phone before it; the phone mean is wrong about both."""

    def clip(before: str, shape: float) -> Clip:
        labels = np.repeat([PHONE_IDS[before], PHONE_IDS["AA"]], 24)
        lips = np.repeat(MEAN[None], 12, axis=0).copy()
        lips[6:] += np.float32(shape)
        return Clip("x", "one", lips, np.ones(12, bool), labels, np.zeros((48, MELS), np.float32), MEAN)

    clips = [clip("B", 0.1), clip("T", -0.1)] * 5
    context, alone = baselines.PhoneInContext(smoothing_frames=0), baselines.PhoneMean()
    context.fit(clips)
    alone.fit(clips)
    for example in clips[:2]:
        assert error(context.predict(example), example) < 1e-9
        assert error(alone.predict(example), example) > 1e-3


def test_unseen_context_falls_back_and_an_unseen_phone_gives_the_mean_lip(train):
    context = baselines.PhoneInContext(smoothing_frames=0)
    context.fit(train)
    labels = np.repeat([PHONE_IDS["ZH"], PHONE_IDS["AA"], PHONE_IDS["ZH"]], 40)
    clip = replace(make_clip(107), labels=labels)
    predicted = context.predict(clip)
    np.testing.assert_allclose(predicted[10:20] - MEAN, np.repeat(SHAPES[2][None], 10, axis=0), atol=1e-5)
    np.testing.assert_allclose(predicted[:10], np.repeat(MEAN[None], 10, axis=0), atol=1e-6)


def test_trajectories_stretch_with_the_phone():
    def clip(frames: int) -> Clip:
        rise = (np.arange(frames) + 0.5) / frames
        lips = (MEAN + rise[:, None, None]).astype(np.float32)
        labels = np.full(4 * frames, PHONE_IDS["AA"])
        return Clip("x", "one", lips, np.ones(frames, bool), labels, np.zeros((4 * frames, MELS)), MEAN)

    row = baselines.PhoneTrajectories(smoothing_seconds=0)
    row.fit([clip(10), clip(20)])
    long = clip(40)
    np.testing.assert_allclose(row.predict(long)[4:-4], long.lips[4:-4], atol=0.03)


def test_ridge_takes_a_strong_penalty_where_the_sound_tells_nothing(train):
    generator = np.random.default_rng(5)
    deaf = [replace(c, mel=generator.normal(size=c.mel.shape).astype(np.float32)) for c in train]
    ridge = baselines.MelRidge()
    ridge.fit(deaf)
    assert ridge.penalty >= 1e4
    ridge.fit(train)
    assert ridge.penalty == min(ridge.penalties)


def test_mean_shapes_by_speaker_skip_undetected_frames():
    lips = np.ones((4, 40, 2), np.float32)
    lips[3] = 99
    detected = np.array([True, True, True, False])
    found = mean_shapes([("a", lips, detected), ("b", 2 * lips, detected), ("a", 3 * lips, detected)])
    np.testing.assert_allclose(found["a"], 2)
    np.testing.assert_allclose(found["b"], 2)
    assert found["a"].shape == (40, 2)
    with pytest.raises(InputError, match="speaker c"):
        mean_shapes([("c", lips, np.zeros(4, bool))])


def test_clips_that_do_not_fit_are_refused():
    clip = make_clip(0)
    with pytest.raises(InputError, match="labels"):
        replace(clip, labels=clip.labels[:-1])
    with pytest.raises(InputError, match="mel"):
        replace(clip, mel=clip.mel[:-4])
    with pytest.raises(InputError, match="posteriors"):
        replace(clip, posteriors=np.zeros((7, 40)))
    with pytest.raises(InputError, match="detected"):
        replace(clip, detected=clip.detected[1:])
    with pytest.raises(InputError, match="mean_lip"):
        replace(clip, mean_lip=MEAN[:20])


@pytest.mark.parametrize("baseline", baselines.standard_baselines()[1:], ids=lambda row: row.name)
def test_fitting_on_nothing_is_refused(baseline):
    with pytest.raises(InputError, match="no training clips"):
        baseline.fit([])
