"""The clocks: every conversion against a second way of getting there."""

import numpy as np
import pytest

from phonolips import timebase as tb


def test_ratios_come_out_exactly():
    assert tb.STEPS_PER_SECOND == 100
    assert tb.STEPS_PER_FRAME == 4
    assert tb.FRAME_SAMPLES == tb.SAMPLE_RATE / tb.MODEL_FPS == 640


def test_a_ratio_that_does_not_come_out_raises():
    with pytest.raises(ValueError, match="not a whole multiple"):
        tb.exact_div(16_000, 300)


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 161, 639, 640, 641, 47_648, 48_000])
def test_counts_cover_the_samples_and_no_more(samples):
    steps, frames = tb.samples_to_steps(samples), tb.samples_to_frames(samples)
    assert steps == int(np.ceil(samples / 160))
    assert frames == int(np.ceil(samples / 640))
    assert tb.frames_to_steps(frames) * tb.STEP_SAMPLES == tb.frames_to_samples(frames)


def test_round_trips():
    for steps in (0, 1, 298, 360_000):
        assert tb.seconds_to_steps(tb.steps_to_seconds(steps)) == steps
    for samples in (0, 1, 47_648):
        assert tb.seconds_to_samples(tb.samples_to_seconds(samples)) == samples


def test_grid_align_unit_is_a_25000th_of_a_second():
    assert tb.align_units_to_seconds(74_500) == pytest.approx(2.98)
    assert tb.align_units_to_seconds(1000) == pytest.approx(1 / tb.MODEL_FPS)


def test_a_frame_centre_lies_in_the_middle_of_its_steps():
    steps, frames = tb.step_centres(12), tb.frame_centres(3)
    assert np.allclose(steps.reshape(3, 4).mean(1), frames)


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"), [(3.0, 25, 75), (3.0, 29.97002997, 90), (0.001, 25, 1), (2.978, 25, 75)]
)
def test_frames_in(seconds, fps, frames):
    assert tb.frames_in(seconds, fps) == frames
