"""A speaker's own way of moving, and the rest of several clips, by other means."""

from dataclasses import replace

import numpy as np
import pytest
from test_adapt import HELD, clip_of, network, person_of, trainable

from phonolips.model.adapt import adapt
from phonolips.model.speakers import LipSpeaker
from phonolips.model.stream import decode_lips

__all__ = ["network", "trainable"]  # the fixtures


@pytest.mark.parametrize("gain", [1.0, 3.0])
@pytest.mark.parametrize("mixed", [False, True])
def test_gain_and_mixing_both_count(network, gain, mixed):
    """What a speaker moves, read off the lips in the decoder's outputs, against the sum that `LipSpeaker` describes."""
    clip = clip_of(network, person_of(network, [0, 1, 0]), 1)
    basis = network.lip_basis.reshape(-1, 80)  # orthonormal
    mixing = np.random.default_rng(0).normal(0, 0.5, (len(basis), len(basis))).astype(np.float32)
    plain = replace(person_of(network, [0, 1, 0]), mixing=None, gain=1.0)

    def moved(speaker: LipSpeaker) -> np.ndarray:
        lips = np.concatenate(list(decode_lips(network, clip.posteriors, clip.lip_parameters, speaker)))
        return (lips - speaker.mean_lip).reshape(len(lips), 80) @ basis.T

    outputs = moved(plain)
    expected = [
        [gain * row[to] + sum(row[of] * mixing[of, to] for of in range(len(row)) if mixed) for to in range(len(row))]
        for row in outputs
    ]
    found = moved(replace(plain, gain=gain, mixing=mixing if mixed else None))
    assert np.abs(outputs).max() > 0.01
    assert found == pytest.approx(np.array(expected), abs=1e-4 * float(np.abs(expected).max()))


def test_the_rest_is_the_mean_over_all_clips(network):
    """Under ridges that nothing moves, the mean lip is the rest: here of three clips, one of them much wider."""
    clips = [clip_of(network, person_of(network, mix), seed) for seed, mix in enumerate(np.eye(3).tolist())]
    clips[2] = clips[2]._replace(lips=clips[2].lips * np.float32([1.5, 1.0]))
    rests = [adapt(network, [clip], settings=HELD).one_frame.mean_lip for clip in clips]
    assert np.abs(rests[2] - rests[0]).max() > 0.1, "clips whose rests differ"
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        found = adapt(network, [clips[index] for index in order], settings=HELD).speaker
        assert found.mean_lip == pytest.approx(np.mean(rests, axis=0), abs=1e-4)
