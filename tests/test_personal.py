"""What one person moves besides: phone offsets, by brute force, piece by piece, found again, and kept in a file."""

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import skip_without, tool

skip_without("train")

from scipy.ndimage import shift
from test_adapt import LOOSE, clip_of, error, network, person_of, speech, trainable

from phonolips.errors import InputError
from phonolips.model import sync
from phonolips.model.adapt import adapt, best_frame_speaker, predict_deviations
from phonolips.model.lag import take_lag_out
from phonolips.model.network import Description
from phonolips.model.personal import PHONE_REACH_FRAMES, PHONE_SPREAD_FRAMES, sounding_phones
from phonolips.model.speakers import LipSpeaker, read_speaker, save_speaker
from phonolips.model.stages import EncoderOutput
from phonolips.model.stream import DecodeStage, decode_lips
from phonolips.phones.inventory import NUM_PHONES, PHONE_IDS
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.torch_graph import network_of

__all__ = ["network", "trainable"]  # the fixtures


def with_offsets(person: LipSpeaker, seed: int = 0) -> LipSpeaker:
    offsets = np.random.default_rng(seed).normal(0, 0.3, (NUM_PHONES, 12)).astype(np.float32)
    return replace(person, phone_offsets=offsets)


@pytest.mark.parametrize("frames", [1, 2, 5, 30])
def test_how_much_a_phone_sounds_is_a_gaussian_over_the_frames_that_there_are(frames):
    posteriors = np.random.default_rng(frames).dirichlet(np.ones(NUM_PHONES), 4 * frames).astype(np.float32)
    expected = np.zeros((frames, NUM_PHONES))
    for frame in range(frames):
        near = range(max(0, frame - PHONE_REACH_FRAMES), min(frames, frame + PHONE_REACH_FRAMES + 1))
        weights = [np.exp(-(((other - frame) / PHONE_SPREAD_FRAMES) ** 2) / 2) for other in near]
        for other, weight in zip(near, weights, strict=True):
            expected[frame] += weight / sum(weights) * posteriors[4 * other : 4 * other + 4].mean(0)
    found = sounding_phones(posteriors)
    assert np.abs(found - expected).max() < 1e-6
    assert found.sum(1) == pytest.approx(1)


def test_offsets_are_added_to_the_outputs(network):
    posteriors, lip_parameters = speech(network, 1)
    person = with_offsets(person_of(network, [0, 1, 0], gain=1.5))
    lips, plain = (
        np.concatenate(list(decode_lips(network, posteriors, lip_parameters, who)))
        for who in (person, replace(person, phone_offsets=None))
    )
    added = sounding_phones(posteriors) @ person.phone_offsets * network.lip_scale
    expected = plain + np.einsum("fo,opd->fpd", added, network.lip_basis)
    assert np.abs(lips - plain).max() > 0.05
    assert np.abs(lips - expected).max() < 1e-4


@pytest.mark.parametrize("look_ahead", [0, 4])
def test_piece_by_piece_is_the_whole(trainable, network, look_ahead):
    """Where the decoder looks ahead less far than the offsets would, they do not either."""
    settings = network.description.settings
    settings = replace(settings, decoder=replace(settings.decoder, look_ahead=look_ahead))
    made = TrainableNetwork(Description(settings)).eval().requires_grad_(False)
    made.lip_basis.copy_(trainable.lip_basis)
    made.lip_scale.fill_(0.5)
    this = network_of(made)
    posteriors, lip_parameters = speech(this, 2)
    person = with_offsets(this.lip_speaker(None))
    assert DecodeStage(this, person).ahead_frames == look_ahead
    assert DecodeStage(this, replace(person, phone_offsets=None)).ahead_frames == look_ahead
    whole, *cut = (
        np.concatenate(list(decode_lips(this, posteriors, lip_parameters, person, chunk_frames=size)))
        for size in (40, 1, 3, 7)
    )
    for lips in cut:
        assert len(lips) == 40
        assert np.abs(lips - whole).max() < 1e-5


def test_lips_come_no_later_than_they_must(network):
    posteriors, lip_parameters = speech(network, 2)
    stage = DecodeStage(network, with_offsets(person_of(network, [1, 0, 0])))
    early = stage.push(EncoderOutput(posteriors[:80], lip_parameters[:20]))
    assert len(early) == 20 - stage.ahead_frames


def test_what_a_person_does_at_a_phone_comes_back_and_its_viseme_inherits(network):
    person = person_of(network, [0, 0, 0])
    offsets = np.zeros((NUM_PHONES, 12), np.float32)
    offsets[PHONE_IDS["AA"], 0] = offsets[PHONE_IDS["AE"], 0] = 0.8
    person = replace(person, phone_offsets=offsets)
    clips = [clip_of(network, person, seed, frames=200) for seed in range(4)]
    lacking = PHONE_IDS["AY"]
    for clip in clips:
        clip.posteriors[:, PHONE_IDS["AH"]] += clip.posteriors[:, lacking]
        clip.posteriors[:, lacking] = 0
    clips = [
        clip._replace(
            lips=person.mean_lip + predict_deviations(network, clip.posteriors, clip.lip_parameters, speaker=person)
        )
        for clip in clips
    ]
    loose = replace(LOOSE, embedding_frames=1e6, gain_frames=1e6, mixing_frames=1e6, phone_frames=0.1)
    found = adapt(network, clips, settings=loose).speaker.phone_offsets
    assert found is not None
    level = np.median(found[:, 0])
    assert found[PHONE_IDS["AA"], 0] - level == pytest.approx(0.8, abs=0.1)
    assert abs(found[PHONE_IDS["T"], 0] - level) < 0.1
    assert 0.1 < found[lacking, 0] - level < 0.8, "of the viseme of AA, AE, AH, AW and AY, it has the viseme's part"
    held = adapt(network, clips, settings=replace(loose, phone_frames=1e9)).speaker.phone_offsets
    assert held is not None
    assert np.abs(held).max() < 1e-4


def test_offsets_make_a_clip_better_that_was_no_material(network):
    person = with_offsets(person_of(network, [0, 0, 0]))
    test = clip_of(network, person, 99)
    held = replace(LOOSE, mixing_frames=1e9, phone_frames=1e9)
    clips = [clip_of(network, person, seed, frames=200) for seed in range(4)]
    errors = [error(network, test, adapt(network, clips, settings=how).speaker) for how in (held, LOOSE)]
    assert errors[1] < 0.5 * errors[0]


# --------------------------------------------------------------------------------------------------- one frame


def test_the_frame_is_taken_that_says_the_mean_shape(network):
    person = person_of(network, [0, 0, 0])
    clip = clip_of(network, person, 1)
    noise = np.random.default_rng(0).normal(0, 0.05, clip.lips.shape).astype(np.float32)
    noise -= noise.mean(0)
    noise[17] = 0.0001
    noise[3] = 50.0  # not detected
    detected = np.arange(40) != 3
    found = best_frame_speaker(network, clip._replace(lips=clip.lips + noise, detected=detected), "me")
    assert found.mean_lip == pytest.approx(person.mean_lip, abs=1e-3)
    assert (found.name, found.gain, found.mixing, found.notes["mode"]) == ("me", 1.0, None, "one frame")
    with pytest.raises(InputError, match="no frame of the clip shows a face"):
        best_frame_speaker(network, clip._replace(detected=np.zeros(40, bool)))


# ---------------------------------------------------------------------------------------------------- the file


def test_a_file_keeps_the_offsets(network, tmp_path):
    speaker = with_offsets(person_of(network, [0, 1, 0]))
    save_speaker(speaker, tmp_path / "me.json")
    assert json.loads((tmp_path / "me.json").read_text())["format"] == "phonolips speaker 3"
    again = read_speaker(tmp_path / "me.json")
    assert again.phone_offsets == pytest.approx(speaker.phone_offsets, abs=1e-6)
    assert again.phone_offsets.dtype == np.float32


def test_files_of_before_the_offsets_are_read(network, tmp_path):
    path = tmp_path / "me.json"
    mixing = 0.1 * np.eye(12, dtype=np.float32)
    save_speaker(replace(person_of(network, [0, 1, 0]), mixing=mixing), path)
    values = json.loads(path.read_text())
    assert values.pop("phone_offsets") is None
    path.write_text(json.dumps(values | {"format": "phonolips speaker 2"}))
    again = read_speaker(path)
    assert np.array_equal(again.mixing, mixing)
    assert again.phone_offsets is None


@pytest.mark.parametrize("offsets", [np.zeros((39, 12)), np.full((40, 12), np.nan), np.zeros(40)])
def test_offsets_that_are_none(network, tmp_path, offsets):
    save_speaker(person_of(network, [0, 1, 0]), tmp_path / "me.json")
    values = json.loads((tmp_path / "me.json").read_text())
    (tmp_path / "me.json").write_text(json.dumps(values | {"phone_offsets": offsets.tolist()}))
    with pytest.raises(InputError, match=r"phone_offsets .*40") as caught:
        read_speaker(tmp_path / "me.json")
    assert "\n" not in str(caught.value)


def test_offsets_of_another_model_are_refused(network):
    other = replace(person_of(network, [0, 1, 0]), phone_offsets=np.zeros((NUM_PHONES, 5), np.float32))
    with pytest.raises(InputError, match="phone_offsets for 5 outputs, this model's decoder has 12"):
        network.lip_speaker(other)


# ----------------------------------------------------------------------------------------------------- the lag


def found(late_frames: float, confidence: float) -> sync.SyncResult:
    return sync.SyncResult(round(late_frames), 40.0 * late_frames, confidence, 0.5, np.zeros(1), np.zeros(1))


def moving_lips(frames: int) -> np.ndarray:
    curve = np.convolve(np.random.default_rng(0).normal(size=frames + 20), np.hanning(11), mode="same")[10:-10]
    return np.tile(0.05 * curve[:, None, None], (1, 40, 2)).astype(np.float32)


@pytest.mark.parametrize("late", [-6.0, -2.5, 0.5, 4.0])
def test_a_lag_is_taken_out(monkeypatch, late):
    monkeypatch.setattr(sync, "offset", lambda lips, mel, furthest: found(late, 0.2))
    true = moving_lips(100)
    filmed = shift(true, (late, 0, 0), order=3, mode="nearest").astype(np.float32)
    timed = take_lag_out(filmed, np.ones(100, bool), np.zeros((400, 80), np.float32))
    assert timed.late_ms == 40 * late
    assert np.abs(timed.lips - true)[10:-10].max() < 0.1 * np.abs(filmed - true)[10:-10].max()
    beyond = int(np.ceil(abs(late)))
    assert timed.detected.sum() == 100 - beyond
    assert not (timed.detected[-beyond:] if late > 0 else timed.detected[:beyond]).any()


@pytest.mark.parametrize(
    ("late", "confidence", "frames"), [(2, 0.11, 100), (2, 0.06, 1000), (0.01, 1, 100), (10, 1, 100), (None, 0, 20)]
)
def test_what_is_not_sure_stays(monkeypatch, late, confidence, frames):
    def offset(lips, mel, furthest):
        if late is None:
            raise InputError("too short")
        return found(late, confidence)

    monkeypatch.setattr(sync, "offset", offset)
    lips = moving_lips(frames)
    timed = take_lag_out(lips, np.ones(frames, bool), np.zeros((4 * frames, 80), np.float32))
    assert timed.lips is lips
    assert timed.detected.all()
    assert timed.late_ms == 0


# --------------------------------------------------------------------------------------------- the benchmark tool


@pytest.mark.parametrize(("lengths", "seconds", "draws"), [([500, 60, 751], 10, 3), ([500, 60, 751], 30, 6)])
def test_material_and_scored_pieces_are_all_of_a_person_and_share_nothing(lengths, seconds, draws):
    bench = tool("tools/bench/adapt_videos")
    videos = [bench.Video(f"ann_{index}", None, np.zeros((frames, 40, 2)), 0.0) for index, frames in enumerate(lengths)]
    everything = {(video.name, frame) for video in videos for frame in range(len(video.truth))}
    drawn = list(bench.draw(bench.cut(videos), seconds, draws))
    assert len(drawn) == draws
    for parts in drawn:
        material, rest = ([(p.video, frame) for p in part for frame in range(p.first, p.last)] for part in parts)
        assert len(material) / 25 == pytest.approx(seconds, abs=3)
        assert not set(material) & set(rest)
        assert set(material) | set(rest) == everything
        assert len(material) + len(rest) == len(everything)
    assert len({parts[0][0] for parts in drawn}) == draws, "other material in every draw"


def test_of_a_short_person_every_piece_is_scored_once():
    bench = tool("tools/bench/adapt_videos")
    pieces = bench.cut([bench.Video("ann_1", None, np.zeros((250, 40, 2)), 0.0)])
    drawn = list(bench.draw(pieces, 10, 6))
    assert [rest for _, rest in drawn] == [[piece] for piece in pieces]
    assert not list(bench.draw(pieces, 30, 6))
