"""Clips laid onto one place in the face, and moved in time to where their sound is."""

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

from scipy.ndimage import shift

from phonolips.corpus.layout import LIPS_ARRAYS
from phonolips.corpus.registration import bring_into_sync, find_lags, speaker_centres
from phonolips.corpus.store.store import Store, StoreWriter
from phonolips.errors import InputError
from phonolips.lips.space import mean_centre
from phonolips.model import sync


def smooth_lips(frames=75, seed=0):
    rng = np.random.default_rng(seed)
    curve = np.convolve(rng.normal(size=frames + 20), np.hanning(11), mode="same")[10:-10]
    return (curve[:, None, None] * rng.normal(size=(40, 2)) * 0.01 + rng.normal(size=(40, 2))).astype(np.float32)


def test_the_centre_is_that_of_the_detected_frames():
    lips = np.zeros((4, 40, 2), np.float32)
    lips[1:, :, 1] = 2
    lips[3] = 99
    assert mean_centre(lips, np.array([True, True, True, False])).tolist() == pytest.approx([0, 4 / 3])


def test_a_speakers_centre_is_the_mean_over_clips_not_frames(tmp_path):
    def clip(frames, y, found=True):
        lips = np.full((frames, 40, 2), y, np.float32)
        zeros = np.zeros((frames, 2))
        detected = np.full(frames, found)
        return {"lips": lips, "detected": detected, "origin_px": zeros, "axis_px": zeros, "pose": np.zeros((frames, 3))}

    clips = {"a/1": (5, 0.1), "a/2": (50, 0.3), "b/1": (5, -1.0), "a/3": (5, 9.0, False), "who/1": (5, 7.0)}
    with StoreWriter(tmp_path, LIPS_ARRAYS) as store:
        for name, values in clips.items():
            store.add(name, clip(*values), {})
    speakers = [(name, "" if name.startswith("who") else name[0]) for name in clips]
    centres = speaker_centres(Store(tmp_path), speakers)
    assert sorted(centres) == ["a", "b"]
    assert centres["a"] == pytest.approx([0.2, 0.2])
    assert centres["b"] == [-1, -1]


def found(late_frames, confidence=1.0):
    return sync.SyncResult(round(late_frames), 40.0 * late_frames, confidence, 0.5, np.zeros(1), np.zeros(1))


@pytest.mark.parametrize("late", [-1.5, -0.25, 0.5, 2.0])
def test_lips_are_moved_by_what_the_expert_found(monkeypatch, late):
    monkeypatch.setattr(sync, "offset", lambda lips, mel: found(late))
    true = smooth_lips()
    filmed = shift(true, (late, 0, 0), order=3, mode="nearest").astype(np.float32)
    detected = np.ones(75, bool)
    detected[30] = False
    timed = bring_into_sync(filmed, detected, np.zeros((300, 80), np.float16))
    assert timed.late_ms == 40 * late
    inside = slice(6, -6)
    assert np.abs(timed.lips - true)[inside].max() < 0.1 * np.abs(filmed - true)[inside].max()
    beyond = int(np.ceil(abs(late)))
    assert not timed.detected[-beyond:].any() if late > 0 else not timed.detected[:beyond].any()
    missing = np.flatnonzero(~timed.detected[beyond:-beyond]) + beyond
    assert set(missing) == {int(np.floor(30 - late)), int(np.ceil(30 - late))}


@pytest.mark.parametrize("result", [found(2, confidence=0.2), found(0.01), found(8), InputError("too short")])
def test_lips_stay_where_the_expert_is_not_sure(monkeypatch, result):
    def offset(lips, mel):
        if isinstance(result, InputError):
            raise result
        return result

    monkeypatch.setattr(sync, "offset", offset)
    lips = smooth_lips()
    timed = bring_into_sync(lips, np.ones(75, bool), np.zeros((300, 80), np.float16))
    assert timed.lips is lips
    assert timed.detected.all()
    assert timed.late_ms == 0


def test_real_lips_come_back_from_a_shift_of_two_and_a_half_frames(shared_data):
    skip_without("face")
    from phonolips.face.track import track_video
    from phonolips.media.audio import read
    from phonolips.speech.mel import log_mel

    video = shared_data / "grid/s1/bbaf2n.mp4"
    lips = track_video(video).lips
    waveform = read(video)[: len(lips) * 640]
    mel = log_mel(np.pad(waveform, (0, len(lips) * 640 - len(waveform))))
    straight = bring_into_sync(lips, np.ones(len(lips), bool), mel)
    late = bring_into_sync(
        shift(lips, (2.5, 0, 0), order=3, mode="nearest").astype(np.float32), np.ones(len(lips), bool), mel
    )
    assert abs(straight.late_ms) < 60
    assert late.late_ms - straight.late_ms == pytest.approx(100, abs=15)
    assert late.detected[-3:].sum() == 0
    assert np.abs(late.lips - straight.lips)[6:-6].max() < 0.03


def distances(best, depth, reach=10, seed=0):
    """What the expert finds in a clip: noise, and a dip of some depth at one offset (frames)."""
    offsets = np.arange(-reach, reach + 1)
    values = 1 + 0.01 * np.random.default_rng(seed).standard_normal(len(offsets))
    values[offsets == best] -= depth
    return sync.summarise_distances(offsets, values)


@pytest.mark.parametrize(
    ("clips", "expected"),
    [
        ([(2, 0.4), (3, 0.4)], [("clip", 80), ("clip", 120)]),  # both sure, and drifting
        ([(2, 0.4), (8, 0.25), (2, 0.4)], [("clip", 80), ("video", 80), ("clip", 80)]),  # one far from all others
        ([(2, 0.09), (2, 0.09), (2, 0.09)], [("video", 80)] * 3),  # none by itself, but all together
        ([(2, 0.02)], [("nothing", 0)]),
    ],
)
def test_a_clips_own_lag_counts_where_it_is_sure_and_near(monkeypatch, clips, expected):
    found = iter([distances(*clip, seed=seed) for seed, clip in enumerate(clips)])
    monkeypatch.setattr(sync, "offset", lambda lips, mel, furthest: next(found))
    lips, mel = smooth_lips(100), np.zeros((400, 80), np.float32)
    lags = find_lags((str(number), lips, mel) for number in range(len(clips)))
    assert [lag.source for lag in lags.values()] == [source for source, _ in expected]
    assert [lag.late_ms for lag in lags.values()] == pytest.approx([late for _, late in expected], abs=15)


def test_a_clip_too_short_for_the_expert_gets_its_videos_lag():
    lips = smooth_lips(12)
    assert find_lags([("a", lips, np.zeros((48, 80), np.float32))])["a"] == (0.0, 0.0, "nothing")
