"""Clips cut and joined: everything stays beside what it belongs to, and frames around a joint do not count."""

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

from phonolips.phones.inventory import SILENCE_ID
from phonolips.training.encoder_outputs import StoredOutput
from phonolips.training.lips_batches import LipsTrainBatches
from phonolips.training.lips_clips import LipsClip
from phonolips.training.recombine import (
    LEAST_PIECE,
    SILENCE_MARGIN,
    SPEECH_MARGIN,
    find_silence,
    join,
    phone_edges,
    recombine,
    repeat,
)
from phonolips.training.settings import LipsFitSettings

SILENT_FRAMES, FRAMES = 6, 60


def make_clip(first: int, kinds: int = 2) -> LipsClip:
    """Return a clip whose every array says which frame of which clip it is: `first` + frame."""
    frames = np.arange(first, first + FRAMES)
    labels = np.repeat(1 + frames // 5 % 7, 4)
    labels[: 4 * SILENT_FRAMES] = SILENCE_ID
    steps, fines = np.repeat(frames, 4)[:, None], np.repeat(frames, 2)[:, None]
    output = StoredOutput(steps.astype(np.float32), fines.astype(np.float32))
    return LipsClip(
        name=str(first),
        labels=labels,
        outputs=(output,) * kinds,
        coefficients=frames[:, None].astype(np.float32),
        lip_parameters=-frames[:, None].astype(np.float32),
        detected=np.ones(FRAMES, bool),
        shut=frames % 2 == 0,
        speaker=1,
        named=True,
        shape=np.zeros((40, 2), np.float32),
        voice=np.zeros(0, np.float32),
    )


ONE, OTHER = make_clip(1000), make_clip(2000)


@pytest.mark.parametrize("seed", range(20))
def test_what_belongs_together_stays_together(seed):
    made = recombine(ONE, OTHER, np.random.default_rng(seed))
    frames = made.coefficients[:, 0]
    assert len(made.labels) == 4 * len(frames)
    assert (made.lip_parameters[:, 0] == -frames).all()
    for output in made.outputs:
        assert (output.posteriors[::4, 0] == frames).all()
        assert (output.hidden[::2, 0] == frames).all()
    assert not (made.shut & ~made.detected).any()
    assert ((frames < 1000 + FRAMES) & (frames >= 1000)).sum() >= LEAST_PIECE
    assert (frames >= 2000).sum() >= LEAST_PIECE
    jumps = np.flatnonzero(np.abs(np.diff(frames)) > 1)
    assert len(jumps)
    for jump in jumps:
        assert not made.detected[jump : jump + 2].all()


def test_pieces_begin_and_end_at_phone_edges():
    edges = {1000 + int(edge) for edge in phone_edges(ONE.labels)} | {1000, 1000 + FRAMES}
    for seed in range(20):
        frames = recombine(ONE, OTHER, np.random.default_rng(seed)).coefficients[:, 0]
        mine = frames[(frames >= 1000 + SILENT_FRAMES) & (frames < 2000)]
        assert int(mine.min()) in edges | {1000 + SILENT_FRAMES}
        assert int(mine.max()) + 1 in edges


def test_margins_lie_in_the_silence_and_on_both_sides_of_a_joint_of_speech():
    silence = repeat(find_silence(ONE), 10)
    made = join([ONE, OTHER], [False, False])
    assert np.flatnonzero(~made.detected).tolist() == list(range(FRAMES - SPEECH_MARGIN, FRAMES + SPEECH_MARGIN))
    made = join([silence, ONE], [True, False])
    assert np.flatnonzero(~made.detected).tolist() == list(range(10 - SILENCE_MARGIN, 10))
    made = join([ONE, silence], [False, True])
    assert np.flatnonzero(~made.detected).tolist() == list(range(FRAMES, FRAMES + SILENCE_MARGIN))


def test_a_silence_is_played_back_and_forth():
    silence = find_silence(ONE)
    assert silence.coefficients[:, 0].tolist() == list(range(1000, 1000 + SILENT_FRAMES))
    assert (silence.labels == SILENCE_ID).all()
    played = repeat(silence, 9)
    assert played.coefficients[:, 0].tolist() == [1000, 1001, 1002, 1003, 1004, 1005, 1005, 1004, 1003]
    assert played.outputs[0].posteriors[::4, 0].tolist() == played.coefficients[:, 0].tolist()


def test_clips_that_cannot_be_cut_stay_as_they_are():
    flat = ONE._replace(labels=np.full(4 * FRAMES, 3))
    assert recombine(flat, OTHER, np.random.default_rng(1)) is flat
    assert find_silence(flat) is None


def test_an_epoch_joins_clips_of_one_speaker_and_mixes_taught_ones_in_as_often_as_the_settings_say():
    filmed = [make_clip(1000 * number)._replace(speaker=1 + number % 2) for number in range(1, 201)]
    taught = [make_clip(500_000)._replace(speaker=0)]
    settings = LipsFitSettings(
        batch=20, taught_share=0.25, joined_share=0.5, balance=0.0, most_frames=40, text_share=0.0
    )
    batches = LipsTrainBatches(filmed, settings, taught=taught)
    drawn = [batches.batch(index) for index in range(len(batches))]
    taught_rows, joined_rows = 0, 0
    for batch in drawn:
        assert batch.mask.sum(1).max() <= 40
        for frames, mask, speaker in zip(batch.coefficients[..., 0], batch.mask, batch.speaker, strict=True):
            numbers = {int(number) // 1000 for number in frames[mask]}
            if min(numbers) >= 500:
                taught_rows += 1
                continue
            joined_rows += len(numbers) > 1
            assert len({number % 2 for number in numbers}) == 1
            assert int(speaker) in (0, 1 + min(numbers) % 2)  # or hidden
    assert taught_rows == pytest.approx(50, abs=25)  # four standard deviations
    assert joined_rows > 20
    again = LipsTrainBatches(filmed, settings, taught=taught).batch(3)
    assert all(bool((one == other).all()) for one, other in zip(drawn[3], again, strict=True))
