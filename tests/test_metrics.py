"""The measures: each against a case whose answer is known beforehand, and against unfit input."""

import numpy as np
import pytest
from conftest import needs

from phonolips.errors import InputError
from phonolips.evaluation import metrics
from phonolips.lips.curve import resample_by_phones
from phonolips.lips.measures import opening, width
from phonolips.lips.points import INNER_RING, MEDIAPIPE40
from phonolips.phones.compare import boundary_errors, boundary_summary, phone_errors, recognise_phones
from phonolips.phones.decode import label_runs
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES, PHONE_IDS
from phonolips.phones.ngram import PhoneNgram

FRAMES = 60
UPPER, LOWER = (34, 35, 36), (24, 25, 26)


def make_lips(openings: np.ndarray, widths: np.ndarray | float = 0.5) -> np.ndarray:
    """Lips with a given opening and width; the other points stay on a fixed ellipse."""
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False) + np.pi
    ring = np.stack([0.2 * np.cos(angles), 0.1 * np.sin(angles)], axis=1)
    lips = np.repeat(np.concatenate([ring, 0.7 * ring])[None], len(openings), axis=0)
    lips[:, UPPER, 1] = (openings / 2)[:, None]
    lips[:, LOWER, 1] = (-openings / 2)[:, None]
    left, right = MEDIAPIPE40.corners
    lips[:, left] = np.stack([-np.ones(len(openings)) * widths / 2, np.zeros(len(openings))], axis=1)
    lips[:, right] = np.stack([np.ones(len(openings)) * widths / 2, np.zeros(len(openings))], axis=1)
    return lips.astype(np.float32)


def make_labels(*parts: tuple[str, int]) -> np.ndarray:
    return np.repeat([PHONE_IDS[phone] for phone, _ in parts], [4 * frames for _, frames in parts])


@pytest.fixture
def curve() -> np.ndarray:
    generator = np.random.default_rng(1)
    rough = generator.normal(size=FRAMES + 8)
    return 0.1 + 0.03 * np.convolve(rough, np.ones(4) / 2, mode="same")[4:-4]


def scores(predicted: np.ndarray, truth: np.ndarray, labels: np.ndarray | None = None, **options) -> dict:
    labels = make_labels(("AA", len(truth))) if labels is None else labels
    options.setdefault("mean_lip", truth.mean(0))
    return metrics.lip_scores(predicted, truth, labels=labels, **options)


def test_make_lips_has_the_opening_and_width_that_were_asked_for(curve):
    lips = make_lips(curve, curve * 4)
    np.testing.assert_allclose(opening(lips), curve, atol=1e-6)
    np.testing.assert_allclose(width(lips), curve * 4, atol=1e-6)
    assert set(UPPER + LOWER) <= set(INNER_RING)


def test_truth_against_itself_is_perfect(curve):
    lips = make_lips(curve, 0.4 + curve)
    found = scores(lips, lips)
    for name in ("opening_r", "width_r", "skill", "velocity_ratio", "articulation_ratio", "opening_best_r"):
        assert found[name] == pytest.approx(1.0), name
    for name in ("opening_rmse", "error", "shape_error", "velocity_error", "opening_lag_ms"):
        assert found[name] == 0.0, name
    assert found["jitter"] == found["jitter_of_truth"] > 0


def test_mean_lip_has_no_skill_and_no_correlation(curve):
    lips = make_lips(curve)
    still = np.repeat(lips.mean(0)[None], FRAMES, axis=0)
    found = scores(still, lips)
    assert found["skill"] == pytest.approx(0.0, abs=1e-6)
    assert found["error"] == pytest.approx(found["error_of_mean_lip"])
    assert found["shape_error"] == pytest.approx(found["shape_error_of_mean_lip"])
    assert np.isnan(found["opening_r"])
    assert np.isnan(found["opening_lag_ms"])
    assert np.isnan(found["width_r"])
    assert found["velocity_ratio"] == found["articulation_ratio"] == found["jitter"] == 0.0


def test_errors_have_the_stated_units(curve):
    lips = make_lips(curve)
    wider = make_lips(curve + 0.02)
    found = scores(wider, lips)
    assert found["opening_rmse"] == pytest.approx(0.02, rel=1e-4)
    assert found["opening_r"] == pytest.approx(1.0)
    # six of 80 coordinates are off by 0.01
    assert found["error"] == pytest.approx(6 * 0.01**2 / 80, rel=1e-3)
    # two of these points are among the 20, scaled by 5; the offsets cancel in the centroid
    assert found["shape_error"] == pytest.approx(2 * 0.05**2 / 40, rel=1e-3)


def test_shape_error_ignores_where_the_mouth_is(curve):
    lips = make_lips(curve)
    found = scores(lips + np.float32(0.3), lips)
    assert found["shape_error"] == pytest.approx(0.0, abs=1e-9)
    assert found["error"] == pytest.approx(0.09, rel=1e-4)
    assert found["velocity_error"] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("late", [-5, -2, 0, 1, 3, 5])
def test_lag_is_positive_where_the_prediction_is_late(late):
    generator = np.random.default_rng(2)
    long = 0.1 + 0.02 * generator.normal(size=FRAMES + 20)
    found = scores(make_lips(long[10 - late : 10 - late + FRAMES]), make_lips(long[10 : 10 + FRAMES]))
    assert found["opening_lag_ms"] == late * 40.0
    assert found["opening_best_r"] == pytest.approx(1.0, abs=1e-4)


def test_halved_movement_has_half_the_velocity_and_articulation(curve):
    lips = make_lips(curve)
    mean = lips.mean(0)
    found = scores(mean + (lips - mean) / 2, lips)
    assert found["velocity_ratio"] == pytest.approx(0.5, rel=1e-3)
    assert found["articulation_ratio"] == pytest.approx(0.5, rel=1e-3)
    assert found["skill"] == pytest.approx(0.75, rel=1e-3)
    difference = np.diff(lips.astype(float), axis=0) * 25 / 2
    assert found["velocity_error"] == pytest.approx(np.sqrt(np.mean(difference**2)), rel=1e-3)


def test_undetected_frames_do_not_count(curve):
    lips = make_lips(curve)
    detected = np.ones(FRAMES, bool)
    detected[20:24] = False
    spoilt, unknown = lips.copy(), lips.copy()
    spoilt[20:24] += 5
    unknown[20:24] = np.nan
    clean = scores(lips, lips, detected=detected)
    for found in (
        scores(spoilt, lips, detected=detected),
        scores(lips, spoilt, detected=detected, mean_lip=lips.mean(0)),
        scores(lips, unknown, detected=detected, mean_lip=lips.mean(0)),
    ):
        assert found["error"] == found["velocity_error"] == 0.0
        assert found["jitter"] == clean["jitter"]
        assert found["jitter_of_truth"] == clean["jitter_of_truth"]
        assert found["opening_r"] == pytest.approx(1.0)


THRESHOLDS = metrics.OpeningThresholds(closed=0.02, open=0.06)


def test_closures_are_counted_in_bilabials_that_the_truth_closes():
    labels = make_labels(("sil", 10), ("B", 2), ("AA", 10), ("M", 2), ("IY", 10), ("P", 2), ("EH", 14), ("sil", 10))
    truth = np.full(60, 0.15)
    truth[9] = 0.0  # B lies in frames 10 and 11: closed one frame early counts
    truth[24] = 0.01  # M lies in frames 22 and 23: closed one frame late still counts
    # P, frames 34 and 35, stays open in the truth: not counted
    predicted = truth.copy()
    predicted[24] = 0.05  # missed
    predicted[34] = 0.0  # closes a P that the truth leaves open: neither hit nor miss
    found = scores(make_lips(predicted), make_lips(truth), labels, thresholds=THRESHOLDS)
    assert (found["closure_hits"], found["closure_total"]) == (1, 2)
    assert found["closure_recall"] == 0.5
    assert found["bilabials"] == 3
    assert found["closure_rate_of_truth"] == pytest.approx(2 / 3)
    assert found["closure_gap"] == pytest.approx(0.02, abs=1e-6)


def test_lips_come_up_in_labiodentals_and_narrow_in_rounded_phones():
    labels = make_labels(("AA", 5), ("F", 5), ("UW", 5), ("V", 5))
    truth_opening = np.full(20, 0.2)
    truth_opening[6:8], truth_opening[17] = 0.05, 0.07
    widths = np.full(20, 0.6)
    widths[10:15] = 0.45
    truth = make_lips(truth_opening, widths)
    half = make_lips(0.2 - (0.2 - truth_opening) / 2, 0.6 - (0.6 - widths) / 2)
    found = scores(half, truth, labels, mean_lip=make_lips(np.array([0.2]), 0.6)[0])
    assert found["labiodental_opening_of_truth"] == pytest.approx(0.06, abs=1e-6)
    assert found["labiodental_opening"] == pytest.approx(0.13, abs=1e-6)
    assert found["rounding_of_truth"] == pytest.approx(0.15, abs=1e-6)
    assert found["rounding"] == pytest.approx(0.075, abs=1e-6)
    none = scores(half, truth, make_labels(("AA", 20)))
    assert np.isnan(none["labiodental_opening"])
    assert np.isnan(none["rounding"])


def test_false_closures_are_counted_in_open_vowels_only():
    labels = make_labels(("sil", 10), ("AA", 10), ("S", 10), ("IY", 10), ("sil", 20))
    truth = np.full(60, 0.15)
    truth[30:35] = 0.04  # vowel, but not clearly open
    predicted = np.full(60, 0.15)
    predicted[:12] = 0.0  # silence, and two frames of AA
    predicted[20:35] = 0.0  # S, and vowel frames that are not clearly open
    found = scores(make_lips(predicted), make_lips(truth), labels, thresholds=THRESHOLDS)
    assert (found["false_closures"], found["false_closure_total"]) == (2, 15)
    assert found["false_closure_rate"] == pytest.approx(2 / 15)
    assert np.isnan(found["closure_recall"])
    assert np.isnan(found["closure_gap"])
    assert found["closure_total"] == 0


def test_a_bilabial_at_the_very_start_and_end_is_found():
    labels = make_labels(("B", 1), ("AA", 58), ("M", 1))
    truth = np.full(60, 0.15)
    truth[[0, -1]] = 0.0
    found = scores(make_lips(truth), make_lips(truth), labels, thresholds=THRESHOLDS)
    assert (found["closure_hits"], found["closure_total"]) == (2, 2)


def test_silence_keeps_100_ms_from_speech():
    labels = make_labels(("sil", 20), ("AA", 20), ("sil", 20))
    truth = np.zeros(60)
    predicted = np.where(np.arange(60) % 2, 0.01, 0.03)
    predicted[17:43] = 0.2  # 3 frames, 120 ms, on either side of the speech touch the margin of 100 ms
    found = scores(make_lips(predicted), make_lips(truth), labels, thresholds=THRESHOLDS)
    assert found["silence_frames"] == 34
    assert found["silence_speed"] == pytest.approx(0.02 * 25, rel=1e-4)
    assert found["silence_speed_of_truth"] == 0.0
    assert found["silence_opening_bias"] == pytest.approx(0.02, rel=1e-2)


def test_unknown_phones_are_not_silence(curve):
    labels = np.full(4 * FRAMES, IGNORED_ID)
    found = scores(make_lips(curve), make_lips(curve), labels)
    assert found["silence_frames"] == 0
    assert np.isnan(found["silence_speed"])


def test_thresholds_lie_in_the_speakers_own_range():
    low, high = metrics.opening_thresholds(np.linspace(0.05, 0.25, 1001))
    assert 0.05 < low < high < 0.25
    assert low == pytest.approx(0.06 + 0.1 * 0.18)
    with pytest.raises(InputError, match="no frames"):
        metrics.opening_thresholds(np.zeros(0))


def test_lengths_are_never_trimmed(curve):
    lips = make_lips(curve)
    labels = make_labels(("AA", FRAMES))
    with pytest.raises(InputError, match="never trim"):
        scores(lips[:-1], lips)
    with pytest.raises(InputError, match="labels of shape"):
        scores(lips, lips, labels[:-1])
    with pytest.raises(InputError, match="detected"):
        scores(lips, lips, detected=np.ones(FRAMES - 1, bool))
    with pytest.raises(InputError, match="no frame"):
        scores(lips, lips, detected=np.zeros(FRAMES, bool))
    with pytest.raises(InputError, match="mean_lip"):
        scores(lips, lips, mean_lip=lips[:, :20].mean(0))
    with pytest.raises(InputError, match="divisor"):
        scores(lips, lips, fps=29.97)
    with pytest.raises(ValueError, match="whole multiple"):
        scores(lips, lips, fps=30)


def test_values_that_are_not_finite_raise(curve):
    lips = make_lips(curve)
    broken = lips.copy()
    broken[3, 3, 1] = np.nan
    with pytest.raises(InputError, match="predicted"):
        scores(broken, lips)
    with pytest.raises(InputError, match="true"):
        scores(lips, broken, mean_lip=lips.mean(0))


def test_inputs_are_left_as_they_were(curve):
    lips, predicted = make_lips(curve), make_lips(curve * 0.9)
    before = lips.copy(), predicted.copy()
    scores(predicted, lips)
    np.testing.assert_array_equal(lips, before[0])
    np.testing.assert_array_equal(predicted, before[1])


# ears


def one_hot(labels: np.ndarray, confidence: float = 1.0) -> np.ndarray:
    posteriors = np.full((len(labels), NUM_PHONES), (1 - confidence) / (NUM_PHONES - 1), np.float32)
    posteriors[np.arange(len(labels)), labels] = confidence
    return posteriors


def test_runs_cover_the_labels():
    assert label_runs(np.array([3, 3, 0, 5, 5, 5])) == [(3, 0, 2), (0, 2, 3), (5, 3, 6)]
    assert label_runs(np.array([], int)) == []
    assert label_runs(np.array([7])) == [(7, 0, 1)]


def test_phone_errors_count_all_three_kinds_of_error():
    reference = ["B", "IH", "N", "B", "L", "UW"]
    assert phone_errors(reference, reference) == 0
    assert phone_errors(reference, ["B", "IH", "N", "L", "UW"]) == 1
    assert phone_errors(reference, ["B", "IY", "N", "B", "L", "UW", "T"]) == 2
    assert phone_errors(reference, []) == 6
    assert phone_errors(["B"], ["T", "T", "T"]) == 3
    assert phone_errors([], ["B"]) == 1


def test_recognised_phones_merge_drop_silence_and_noise():
    names = ["sil"] * 3 + ["B"] * 5 + ["P"] + ["B"] * 4 + ["AA"] * 2 + ["sil"] * 2 + ["AA"] * 3
    posteriors = one_hot(np.array([PHONE_IDS[name] for name in names]), 0.6)
    assert recognise_phones(posteriors) == ["B", "AA", "AA"]
    assert recognise_phones(one_hot(np.zeros(9, int))) == []


def test_an_ngram_helps_to_recognise_what_the_sound_leaves_open():
    labels = make_labels(("sil", 2), ("B", 2), ("AA", 3), ("sil", 2))
    posteriors = one_hot(labels, 0.9)
    vowel = labels == PHONE_IDS["AA"]
    posteriors[vowel] = 0.2 / NUM_PHONES
    posteriors[vowel, PHONE_IDS["AA"]], posteriors[vowel, PHONE_IDS["AO"]] = 0.39, 0.41
    rows = np.full((2, NUM_PHONES), np.log(1 / NUM_PHONES), np.float32)
    rows[1, PHONE_IDS["AO"]] = np.log(1e-4)
    ngram = PhoneNgram(2, rows, np.zeros(1, np.int64), np.array([PHONE_IDS["B"]]), np.zeros(NUM_PHONES, np.float32))
    assert recognise_phones(posteriors) == ["B", "AO"]
    assert recognise_phones(posteriors, ngram) == ["B", "AA"]
    assert metrics.encoder_scores(posteriors, labels)["phone_errors"] == 1
    assert metrics.encoder_scores(posteriors, labels, ngram=ngram)["phone_errors"] == 0


def test_ear_scores_leave_unknown_steps_out():
    labels = make_labels(("sil", 2), ("B", 2), ("AA", 3), ("sil", 2))
    posteriors = one_hot(labels, 0.9)
    unknown = labels.copy()
    unknown[16:20] = IGNORED_ID
    posteriors[16:20] = one_hot(np.full(4, PHONE_IDS["ZH"]))
    found = metrics.encoder_scores(posteriors, unknown)
    assert found["step_accuracy"] == 1
    assert found["phone_error_rate"] == 0
    assert (found["phone_total"], found["known_steps"]) == (2, 32)
    assert metrics.step_accuracy(posteriors, labels) == pytest.approx(32 / 36)
    assert np.isnan(metrics.step_accuracy(posteriors, np.full(36, IGNORED_ID)))
    with pytest.raises(InputError, match="steps"):
        metrics.encoder_scores(posteriors, labels[:-1])


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    labels = np.arange(1000) % NUM_PHONES
    assert metrics.calibration_error(one_hot(labels, 1.0), labels) == pytest.approx(0, abs=1e-6)
    assert metrics.calibration_error(one_hot(labels, 0.7), labels) == pytest.approx(0.3, abs=1e-5)
    guesses = labels.copy()
    guesses[:300] = (guesses[:300] + 1) % NUM_PHONES
    assert metrics.calibration_error(one_hot(guesses, 0.7), labels) == pytest.approx(0, abs=1e-5)
    assert metrics.calibration_error(one_hot(guesses, 1.0), labels) == pytest.approx(0.3, abs=1e-5)


def test_confusions_are_counted_by_true_row():
    labels = np.array([0, 1, 1, 2, IGNORED_ID], np.int8)
    predicted = np.array([0, 1, 39, 2, 5], np.int8)
    matrix = metrics.confusion_matrix(labels, predicted)
    assert matrix.shape == (NUM_PHONES, NUM_PHONES)
    assert matrix.dtype == np.int64
    assert matrix.sum() == 4
    assert matrix[1, 39] == matrix[1, 1] == 1
    last = np.full(3, 39, np.int8)
    assert metrics.confusion_matrix(last, last)[39, 39] == 3
    with pytest.raises(InputError, match="ids"):
        metrics.confusion_matrix(np.array([40]), np.array([0]))


# boundaries

TRUE = [("sil", 0.0, 0.4), ("B", 0.4, 0.6), ("AA", 0.6, 1.0), ("T", 1.0, 1.2), ("sil", 1.2, 2.0)]


def test_boundary_errors_skip_silences_and_stress():
    found = [
        Interval("B", 0.41, 0.63),
        Interval("AA1", 0.63, 0.9),
        Interval("", 0.9, 1.0),
        Interval("T", 1.0, 2.0),
    ]
    errors = boundary_errors(found, TRUE)
    np.testing.assert_allclose(errors, [10, 30, 0], atol=1e-9)
    summary = boundary_summary(errors)
    assert summary["boundary_median_ms"] == pytest.approx(10)
    assert summary["boundary_within_20_ms"] == pytest.approx(2 / 3)
    assert np.isnan(boundary_summary(np.zeros(0))["boundary_median_ms"])
    assert boundary_summary(np.array([20.0]))["boundary_within_20_ms"] == 1


def test_other_phones_raise_and_say_where():
    with pytest.raises(InputError, match="from phone 2 on"):
        boundary_errors([("B", 0, 1), ("T", 1, 2)], TRUE)
    with pytest.raises(InputError, match="from phone 3 on"):
        boundary_errors(TRUE[:3], TRUE)


def test_resampling_to_the_same_times_changes_nothing(curve):
    lips = make_lips(curve[:50])
    np.testing.assert_allclose(resample_by_phones(lips, TRUE, TRUE, 50), lips, atol=1e-6)


def test_resampling_moves_each_phone_to_its_place():
    slow = [(label, 2 * start, 2 * end) for label, start, end in TRUE]
    ramp = np.arange(50) / 100  # frame i is centred at (i + 0.5) / 25 s
    warped = opening(resample_by_phones(make_lips(ramp), TRUE, slow, 100))
    expected = (np.arange(100) + 0.5) / 200 - 0.005
    np.testing.assert_allclose(warped[1:-1], expected[1:-1], atol=1e-5)
    shifted = [("B", 1.4, 1.6), ("AA", 1.6, 2.0), ("T", 2.0, 2.2)]
    late = opening(resample_by_phones(make_lips(ramp), TRUE, shifted, 75))
    np.testing.assert_allclose(late[35:55], ramp[10:30], atol=1e-5)


def test_resampling_skips_a_pause_that_the_target_lacks():
    pausing = [("B", 0.0, 0.4), ("sil", 0.4, 1.2), ("AA", 1.2, 2.0)]
    fluent = [("B", 0.0, 0.4), ("AA", 0.4, 1.2)]
    curve = np.where((np.arange(50) >= 10) & (np.arange(50) < 30), 0.3, 0.1)
    warped = opening(resample_by_phones(make_lips(curve), pausing, fluent, 30))
    np.testing.assert_allclose(warped[:9], 0.1, atol=1e-6)
    np.testing.assert_allclose(warped[11:], 0.1, atol=1e-6)


def test_resampling_refuses_other_phones_and_empty_clips(curve):
    lips = make_lips(curve)
    with pytest.raises(InputError, match="differ"):
        resample_by_phones(lips, TRUE, TRUE[:2], 50)
    with pytest.raises(InputError, match="at least one"):
        resample_by_phones(lips[:0], TRUE, TRUE, 50)
    with pytest.raises(InputError, match="at least one"):
        resample_by_phones(lips, TRUE, TRUE, 0)


# statistics


@needs("train")
def test_interval_matches_the_normal_one_on_many_values():
    values = np.random.default_rng(3).normal(5, 2, size=400)
    low, high = metrics.bootstrap_interval(values)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.05)
    assert high == pytest.approx(values.mean() + half, abs=0.05)
    assert metrics.bootstrap_interval(values) == (low, high)
    assert metrics.bootstrap_interval(values, seed=1) != (low, high)


@needs("train")
def test_interval_of_few_constant_or_missing_values():
    assert np.isnan(metrics.bootstrap_interval([])).all()
    assert np.isnan(metrics.bootstrap_interval([1.0, np.nan])).all()
    assert metrics.bootstrap_interval([2.0, 2.0, np.nan]) == (2.0, 2.0)
    low, high = metrics.bootstrap_interval([0, 1, 2, 0], weights=[0, 1, 4, 3])
    assert 0 <= low < 3 / 8 < high <= 1
    with pytest.raises(InputError, match="weights"):
        metrics.bootstrap_interval([1.0, 2.0], weights=[1.0])
