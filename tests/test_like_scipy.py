"""What the package computes with NumPy, so that nobody has to install SciPy, compared with SciPy."""

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

from scipy import interpolate, ndimage, signal

from phonolips.corpus import registration
from phonolips.evaluation.metrics.lips import _silent_frames
from phonolips.export.lip_mesh import _natural_spline
from phonolips.lips import curve
from phonolips.lips.smoothing import BLOCK_ROWS, smooth_gaussian
from phonolips.phones.inventory import SILENCE_ID
from phonolips.speech.tts.espeak.library import to_waveform

rng = np.random.default_rng(0)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0, 7.7])
@pytest.mark.parametrize("rows", [1, 2, 5, 40, BLOCK_ROWS, 2 * BLOCK_ROWS + 1])
def test_a_gaussian(rows, sigma):
    values = rng.normal(size=(rows, 3, 2))
    assert np.abs(smooth_gaussian(values, sigma) - ndimage.gaussian_filter1d(values, sigma, axis=0, mode="nearest")).max() < 1e-12  # fmt: skip
    single = values.astype(np.float32)
    assert smooth_gaussian(single, sigma).dtype == np.float32
    assert np.array_equal(smooth_gaussian(single, sigma), ndimage.gaussian_filter1d(single, sigma, axis=0, mode="nearest"))  # fmt: skip


@pytest.mark.parametrize("frames", [2, 3, 4, 8, 75, 500])
def test_the_lip_curve(frames):
    lips = np.cumsum(rng.normal(size=(frames, 40, 2)), axis=0).astype(np.float32)
    lips[rng.random(lips.shape) < 0.2] = 0  # stands still, turns, and jumps
    lips[:, 0] = lips[:1, 0]
    centres = (np.arange(frames) + 0.5) / 25
    times = np.concatenate([rng.uniform(-0.1, frames / 25 + 0.1, 300), centres])
    within = np.clip(times, centres[0], centres[-1])
    expected = interpolate.PchipInterpolator(centres, lips, axis=0)(within)
    assert np.abs(curve._read_pchip(centres, lips, within) - expected).max() < 1e-12
    assert np.array_equal(curve.LipCurve(lips, 25).at(times), expected.astype(np.float32))


@pytest.mark.parametrize("by", [-20.0, -12.3, -3.0, -1.7, -0.25, 0.0, 0.5, 2.0, 13.1, 40.0])
@pytest.mark.parametrize("frames", [1, 2, 5, 75])
def test_lips_that_are_moved_in_time(frames, by):
    lips = rng.normal(size=(frames, 40, 2)).astype(np.float32)
    expected = ndimage.shift(lips.astype(np.float64), (by, 0, 0), order=3, mode="nearest")
    assert np.abs(curve.shift_frames(lips, by) - expected).max() < 5e-7  # of float32, about 4


@pytest.mark.parametrize("late", [-4.4, -2.0, -0.6, 0.7, 3.0, 4.5])
def test_frames_that_count_as_detected_after_a_move(late, monkeypatch):
    class Found:
        offset_ms, confidence = late * 40, 1e9

    monkeypatch.setattr("phonolips.model.sync.offset", lambda lips, mel: Found)
    detected = rng.random(60) < 0.8
    moved = registration.bring_into_sync(np.zeros((60, 40, 2), np.float32), detected, np.zeros((240, 80)))
    expected = ndimage.shift(detected.astype(np.float32), -late, order=1, mode="nearest") > 0.99
    inside = slice(6, -6)
    assert moved.late_ms == round(late * 40, 1)
    assert np.array_equal(moved.detected[inside], expected[inside])


def test_a_natural_spline():
    for knots in (np.arange(3.0), np.concatenate([[0], np.cumsum(rng.uniform(0.01, 0.1, 10))])):
        places = np.concatenate([np.linspace(knots[0], knots[-1], 50), knots])
        expected = interpolate.CubicSpline(knots, np.eye(len(knots)), bc_type="natural")(places)
        assert np.abs(_natural_spline(knots, places) - expected).max() < 1e-12


@pytest.mark.parametrize("margin", [0, 1, 4, 500])
def test_silent_frames(margin):
    labels = np.where(rng.random((50, 4)) < 0.1, 3, SILENCE_ID)
    speech = labels.ravel() != SILENCE_ID
    near = ndimage.binary_dilation(speech, iterations=margin) if margin else speech
    assert np.array_equal(_silent_frames(labels, margin), ~near.reshape(labels.shape).any(1))


@pytest.mark.parametrize("samples", [100, 1234, 22_050, 100_001])
def test_sound_of_a_synthesiser_at_another_rate(samples):
    times = np.arange(samples) / 22_050
    sound = np.round(16_000 * np.sin(2 * np.pi * 300 * times) + 3_000 * np.sin(2 * np.pi * 3_000 * times)).astype(
        np.int16
    )
    ours, theirs = to_waveform(sound, 22_050), signal.resample_poly(sound.astype(np.float32) / 32768, 320, 441)
    assert ours.dtype == np.float32
    assert len(ours) == len(theirs)
    inside = slice(100, -100)  # the filters differ in what they take to be beyond the ends
    assert np.abs(ours[inside] - theirs[inside]).max(initial=0) < 1e-3


def test_loud_sound_of_a_synthesiser_stays_within_bounds():
    square = np.where(np.arange(22_050) // 50 % 2, 32_767, -32_768).astype(np.int16)
    assert np.abs(to_waveform(square, 22_050)).max() == 1
