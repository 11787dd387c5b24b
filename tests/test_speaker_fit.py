"""A speaker's own way of moving, and the rest of several clips, by other means."""

import numpy as np
import pytest
import torch
from test_adapt import clip_of, network, person_of

from phonolips.model.adapt import AdaptSettings, adapt
from phonolips.model.speakers import LipSpeaker

__all__ = ["network"]  # the fixture

OUTPUTS = [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("gain", "mixing", "expected"),
    [
        (1.0, None, [1.0, 2.0]),
        (3.0, None, [3.0, 6.0]),
        (1.0, [[0.0, 10.0], [0.0, 0.0]], [1.0, 2.0 + 10 * 1.0]),  # ten times the first comes with the second
        (3.0, [[0.0, 10.0], [0.0, 0.0]], [3.0, 6.0 + 10 * 1.0]),
        (3.0, [[0.5, 0.0], [-1.0, 0.0]], [3.0 + 0.5 * 1.0 - 1.0 * 2.0, 6.0]),
    ],
)
def test_gain_and_mixing_both_count(gain, mixing, expected):
    mixed = None if mixing is None else np.array(mixing, np.float32)
    person = LipSpeaker("me", np.zeros(4, np.float32), np.zeros((40, 2), np.float32), gain, {}, mixed)
    assert person.move(torch.tensor(OUTPUTS)).tolist() == [pytest.approx(expected)]


def test_the_rest_is_the_mean_over_all_clips(network):
    """Under ridges that nothing moves, the mean lip is the rest: here of three clips, one of them much wider."""
    held = AdaptSettings(embedding_frames=1e9, gain_frames=1e9, shape_frames=1e9, place_frames=1e9, mixing_frames=1e9)
    clips = [clip_of(network, person_of(network, mix), seed) for seed, mix in enumerate(np.eye(3).tolist())]
    clips[2] = clips[2]._replace(lips=clips[2].lips * np.float32([1.5, 1.0]))
    rests = [adapt(network, [clip], settings=held).one_frame.mean_lip for clip in clips]
    assert np.abs(rests[2] - rests[0]).max() > 0.1, "clips whose rests differ"
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        found = adapt(network, [clips[index] for index in order], settings=held).speaker
        assert found.mean_lip == pytest.approx(np.mean(rests, axis=0), abs=1e-4)
