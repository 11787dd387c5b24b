"""Augmentation on log-mel: what is asked for happens, in the right direction, and nothing else."""

import math

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch

from phonolips.speech.mel import NUM_MELS, hertz_to_mel, log_mel
from phonolips.training.augment import (
    CODING_DB,
    EQUALISER_POINTS,
    HIGH_CUT_HZ,
    LOW_CUT_HZ,
    NATS_PER_DB,
    TELEPHONE_HZ,
    _coding_noise,
    _equalise,
    _outside_band,
    _reverberate,
    augment_mel,
    change_speed,
    change_tract,
    mel_centres,
)


def tone(hertz: float) -> np.ndarray:
    """Log-mel of a second of a sine."""
    return log_mel((0.3 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000)).astype(np.float32))


def augment(mel, **options):
    chosen = {"noise_share": 0.0, "masked_share": 0.0} | options
    mask = torch.ones(mel.shape[:2], dtype=torch.bool)
    return augment_mel(mel, mask, generator=torch.Generator().manual_seed(0), **chosen)


def test_speed_one_changes_nothing():
    mel, labels = np.random.default_rng(0).normal(size=(57, 80)).astype(np.float32), np.arange(57) % 40
    same, as_before = change_speed(mel, labels, 1.0)
    assert np.allclose(same, mel, atol=1e-6)
    assert np.array_equal(as_before, labels)


@pytest.mark.parametrize("speed", [0.85, 1.1, 1.15, 2.0])
def test_faster_speech_is_shorter_and_its_labels_go_along(speed):
    labels = np.repeat(np.arange(10), 20)
    mel = np.repeat(labels[:, None].astype(np.float32), 80, axis=1)
    fast, moved = change_speed(mel, labels, speed)
    assert len(fast) == len(moved) == round(200 / speed)
    assert np.abs(fast[:, 0] - moved).max() <= 0.5 + 1e-6
    lengths = np.bincount(moved)
    assert np.abs(lengths - 20 / speed).max() <= 1.01


def test_a_tract_of_its_own_length_changes_nothing():
    mel = torch.randn(3, 20, NUM_MELS)
    assert torch.allclose(change_tract(mel, torch.ones(3)), mel, atol=1e-4)


@pytest.mark.parametrize("factor", [0.88, 1.12])
def test_a_tone_moves_to_where_the_factor_says(factor):
    mel = torch.from_numpy(tone(1500.0))[None]
    moved = change_tract(mel, torch.tensor([factor]))[0, 50].numpy()
    wanted = np.abs(mel_centres() - hertz_to_mel(np.array(1500.0 * factor))).argmin()
    assert abs(int(moved.argmax()) - int(wanted)) <= 1
    truly = tone(1500.0 * factor)[50]
    assert abs(int(moved.argmax()) - int(truly.argmax())) <= 1


def test_every_clip_of_a_batch_has_its_own_tract():
    mel = torch.from_numpy(tone(1500.0))[None].repeat(3, 1, 1)
    peaks = change_tract(mel, torch.tensor([0.88, 1.0, 1.12]))[:, 50].argmax(-1).tolist()
    assert peaks[0] < peaks[1] < peaks[2]


def test_a_room_rings_on_for_as_long_as_it_should_and_adds_what_it_should():
    power = torch.zeros(2, 200, 4)
    power[0, 20] = 1.0
    ring, nothing = _reverberate(power, seconds=torch.tensor([0.5, 0.3]), ratio_db=torch.tensor([-3.0, 0.0]))
    assert not nothing.any()
    power = power[0]
    assert torch.equal(ring[:20], power[:20])  # nothing before the sound
    assert torch.allclose(ring[20], power[20])
    assert ring[21:81].sum(0).tolist() == pytest.approx([math.exp(-3.0 * NATS_PER_DB)] * 4, rel=1e-3)
    fall = torch.log(ring[21] / ring[71]) / NATS_PER_DB  # 0.5 s later
    assert fall.tolist() == pytest.approx([60.0] * 4, abs=0.5)


def test_rooms_add_energy_and_only_where_asked():
    mel = torch.full((4, 100, NUM_MELS), -10.0)
    mel[:, 30:40] = 0.0
    dry, wet = augment(mel), augment(mel, reverb_share=1.0)
    tail = slice(42, 60)
    assert (
        wet[:, tail].mean((1, 2)) - wet[:, 30:40].mean((1, 2))
        > dry[:, tail].mean((1, 2)) - dry[:, 30:40].mean((1, 2)) + 1
    ).all()


def test_padding_stays_silent_and_nothing_is_infinite():
    mel = torch.randn(6, 120, NUM_MELS)
    mask = torch.arange(120)[None] < torch.tensor([120, 90, 60, 40, 20, 4])[:, None]
    out = augment_mel(mel, mask, noise_share=1.0, masked_share=1.0, reverb_share=1.0, tract_range=0.12,
                      generator=torch.Generator().manual_seed(1))  # fmt: skip
    assert out.shape == mel.shape
    assert torch.isfinite(out).all()


def test_the_same_generator_gives_the_same():
    mel = torch.randn(4, 60, NUM_MELS)
    options = {"noise_share": 0.5, "masked_share": 0.5, "reverb_share": 0.5, "tract_range": 0.12}
    assert torch.equal(augment(mel, **options), augment(mel, **options))


def test_the_telephone_band_lies_within_the_mels():
    low, high = (float(hertz_to_mel(np.array(hertz))) for hertz in TELEPHONE_HZ)
    assert mel_centres()[0] < low < high < mel_centres()[-1]


def test_a_channel_is_a_smooth_response_of_the_stated_deviation():
    responses = _equalise(4000, 6.0, torch.Generator().manual_seed(0))[:, 0]
    assert responses.shape == (4000, NUM_MELS)
    ends = responses[:, [0, -1]]  # where a point lies; between points a mean of two varies less
    assert ends.std(0).tolist() == pytest.approx([6.0, 6.0], rel=0.05)
    joints = (responses.diff(dim=1).diff(dim=1).abs() > 1e-4).sum(1)
    assert joints.max() <= 2 * EQUALISER_POINTS  # straight lines elsewhere


def test_bands_leave_what_every_band_has_and_are_as_many_as_asked_for():
    outside = _outside_band(0.3, 4000, torch.Generator().manual_seed(0))[:, 0].numpy()
    centres = mel_centres()
    kept = (centres > hertz_to_mel(LOW_CUT_HZ[1])) & (centres < hertz_to_mel(HIGH_CUT_HZ[0]))
    assert kept.sum() > 30
    assert not outside[:, kept].any()
    assert outside.any(1).mean() == pytest.approx(0.3, abs=0.03)


def test_noise_of_coding_follows_the_speech():
    power = torch.full((200, 100, NUM_MELS), 1e-6)
    power[:, 40:60, 20] = 8.0  # a tone
    noise = _coding_noise(power, 1.0, torch.Generator().manual_seed(0)).mean(2)
    below_db = torch.log(power.mean(2) / noise) / NATS_PER_DB
    assert (CODING_DB[0] - 1 < below_db).all()
    assert (below_db < CODING_DB[1] + 1).all()
    assert below_db.mean(1).std() > 5  # clips differ, steps of a clip do not
    assert below_db.std(1).max() < 1
    assert not _coding_noise(power, 0.0, torch.Generator().manual_seed(0)).any()


def test_channels_are_drawn_only_where_asked_for():
    mel = torch.randn(4, 60, NUM_MELS)
    assert torch.equal(augment(mel), augment(mel, equaliser_db=0.0, band_share=0.0, coding_share=0.0))
    for option in ("equaliser_db", "band_share", "coding_share"):
        assert not torch.equal(augment(mel), augment(mel, **{option: 1.0}))
