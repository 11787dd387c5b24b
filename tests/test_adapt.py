"""Lips of an unseen speaker: what is known of a made-up one comes back, a file keeps it, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import soundfile
import torch

from phonolips.errors import InputError
from phonolips.media.video import write_video
from phonolips.model.adapt import (
    AdaptSettings,
    EncodedClip,
    adapt,
    best_frame_speaker,
    one_frame_speaker,
    predict_deviations,
    register_clips,
    rest_frame,
)
from phonolips.model.fit import Fit, cut_pieces, speaker_directions
from phonolips.model.network import Description, Network
from phonolips.model.settings import (
    AudioEncoderSettings,
    DecoderSettings,
    DurationSettings,
    LipParameterSettings,
    NetworkSettings,
)
from phonolips.model.speakers import LipSpeaker, read_speaker, save_speaker
from phonolips.model.stream import decode_batch
from phonolips.phones.inventory import NUM_PHONES
from phonolips.synth import verbs as synth
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.torch_graph import network_of

LOOSE = AdaptSettings(embedding_frames=0.01, gain_frames=0.01, shape_frames=0.01, place_frames=0.01)
HELD = AdaptSettings(*(1e9,) * 6)  # to the prior, in everything


@pytest.fixture(scope="module")
def network(trainable) -> Network:
    return network_of(trainable)


@pytest.fixture(scope="module")
def trainable() -> TrainableNetwork:
    """A small network of three speakers who differ much."""
    torch.manual_seed(0)
    settings = NetworkSettings(
        AudioEncoderSettings(channels=16, dilations=[1], coarse_channels=16, coarse_dilations=[1]),
        DurationSettings(channels=16, layers=2),
        LipParameterSettings(channels=8, layers=1),
        DecoderSettings(latent=8, speaker=4, channels=24, hidden=24, dilations=[1, 2], look_ahead=4),
    )
    made = TrainableNetwork(Description(settings, ["mean", "s1", "s2", "s3"]))
    basis, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(80, settings.lips.components)))
    made.lip_basis.copy_(torch.from_numpy(basis.T.reshape(-1, 40, 2)))
    angle = np.linspace(np.pi, 3 * np.pi, 20, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1)
    lips = np.concatenate([ring * [0.45, 0.2], ring * [0.35, 0.04]])
    made.lip_mean.copy_(torch.from_numpy(np.stack([lips * (1 + 0.05 * row) for row in range(4)])))
    made.lip_scale.fill_(0.5)
    with torch.no_grad():
        made.speakers.embedding.weight.mul_(15)
    return made.eval().requires_grad_(False)


def speech(network: Network, seed: int, frames: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors of made-up phones between silences, and lip parameters to go with them."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.integers(1, NUM_PHONES, frames // 2), 8)[: 4 * frames]
    labels = np.pad(labels, (0, 4 * frames - len(labels)))
    labels[:48], labels[-24:] = 0, 0
    posteriors = np.eye(NUM_PHONES, dtype=np.float32)[labels]
    return posteriors, rng.normal(size=(frames, 3)).astype(np.float32)


def clip_of(network: Network, person: LipSpeaker, seed: int, frames: int = 40) -> EncodedClip:
    posteriors, lip_parameters = speech(network, seed, frames)
    lips = person.mean_lip + predict_deviations(network, posteriors, lip_parameters, speaker=person)
    return EncodedClip(lips, np.ones(frames, bool), posteriors, lip_parameters)


def person_of(network: Network, mix: list[float], gain: float = 1.0) -> LipSpeaker:
    """Somebody between the speakers of the table, with a lip shape of their own."""
    table = network.embeddings
    shape = network.lip_mean[0] * [1.1, 0.9] + [0.02, -0.01]
    return LipSpeaker("me", (np.array([1 - sum(mix), *mix]) @ table).astype(np.float32), shape.astype(np.float32), gain)


def error(network: Network, clip: EncodedClip, speaker: LipSpeaker) -> float:
    made = speaker.mean_lip + predict_deviations(network, clip.posteriors, clip.lip_parameters, speaker=speaker)
    return float(np.sqrt(np.mean((made - clip.lips) ** 2)))


def test_a_known_speaker_comes_back(network):
    person = person_of(network, [0.7, 0.0, 0.3])
    found = adapt(network, [clip_of(network, person, seed) for seed in (1, 2)], name="me", settings=LOOSE)
    test = clip_of(network, person, 9)
    errors = [error(network, test, speaker) for speaker in (found.mean, found.one_frame, found.speaker)]
    assert errors[2] < 0.1 * min(errors[:2])
    assert np.abs(found.speaker.mean_lip - person.mean_lip).max() < 0.02
    assert np.abs(found.speaker.embedding - person.embedding).max() < 0.1 * np.abs(person.embedding).max()
    assert found.errors["adapted"] < found.errors["one frame"]
    assert (found.frames, found.detected, found.seconds) == (80, 80, 3.2)


def test_the_gain_comes_back(network):
    person = person_of(network, [0, 0, 0], gain=1.4)
    found = adapt(network, [clip_of(network, person, 1)], settings=replace(LOOSE, embedding_frames=1e6))
    assert found.speaker.gain == pytest.approx(1.4, abs=0.02)


def test_movements_that_go_together_in_another_way_come_back(network):
    mixing = np.zeros((12, 12), np.float32)
    mixing[0, 1], mixing[2, 2] = 0.6, -0.5
    person = replace(person_of(network, [0, 0, 0]), mixing=mixing)
    clips, test = [clip_of(network, person, seed, frames=75) for seed in range(4)], clip_of(network, person, 9)
    loose = replace(LOOSE, embedding_frames=1e6, gain_frames=1e6, mixing_frames=0.01)
    found = adapt(network, clips, settings=loose).speaker
    assert found.mixing is not None
    assert found.mixing[0, 1] == pytest.approx(0.6, abs=0.05)
    assert found.mixing[2, 2] == pytest.approx(-0.5, abs=0.05)
    held = adapt(network, clips, settings=replace(loose, mixing_frames=1e9)).speaker
    assert held.mixing is not None
    assert np.abs(held.mixing).max() < 1e-4
    assert error(network, test, found) < 0.2 * error(network, test, held)


def test_material_without_movement_mixes_nothing(network):
    clip = clip_of(network, person_of(network, [0, 1, 0]), 1)
    still = clip._replace(
        lips=np.repeat(clip.lips[:1], 40, 0), posteriors=np.eye(NUM_PHONES, dtype=np.float32)[np.zeros(160, int)],
        lip_parameters=np.zeros((40, 3), np.float32),
    )  # fmt: skip
    found = adapt(network, [still]).speaker
    assert found.mixing is not None
    assert np.abs(found.mixing).max() < 0.5
    assert np.isfinite(found.mean_lip).all()


def test_strong_ridges_leave_the_mean_speaker(network):
    found = adapt(network, [clip_of(network, person_of(network, [1, 0, 0]), 1)], settings=HELD)
    assert np.allclose(found.speaker.embedding, found.mean.embedding, atol=1e-3)
    assert found.speaker.gain == pytest.approx(1, abs=1e-3)
    assert np.allclose(found.speaker.mean_lip, found.one_frame.mean_lip, atol=1e-4)


def test_the_rest_is_that_of_all_clips(network):
    """With the mean lip held to one frame of each clip, it is the mean over the clips, not the first clip's."""
    person = person_of(network, [0, 0, 0])
    wide = replace(person, mean_lip=person.mean_lip * np.float32([1.2, 0.8]))
    clips = register_clips([clip_of(network, person, 1), clip_of(network, wide, 2), clip_of(network, wide, 3)])
    expected = np.mean([best_frame_speaker(network, clip).mean_lip for clip in clips], axis=0)
    found = adapt(network, clips, settings=HELD)
    assert np.allclose(found.speaker.mean_lip, expected, atol=1e-4)
    assert np.abs(found.one_frame.mean_lip - expected).max() > 0.02


def test_the_gradient_is_that_of_the_cost(trainable, network):
    """Against automatic differentiation of the same cost, written once more in torch."""
    person = person_of(network, [0.3, 0.2, 0])
    clips, settings = register_clips([clip_of(network, person, seed) for seed in (1, 2)]), AdaptSettings()
    mean = network.lip_speaker(None)
    fit = Fit(network, clips, mean.embedding, mean.mean_lip, settings)
    unknowns = torch.tensor([0.4, -0.3, 0.2, 0.1], requires_grad=True)
    embedding = torch.from_numpy(mean.embedding) + unknowns[:-1] @ torch.from_numpy(fit.directions)
    posteriors, lip_parameters, truth, counts = map(torch.from_numpy, fit.pieces)
    outputs = trainable.decode(posteriors, embedding.expand(len(truth), -1), lip_parameters)[counts]
    deviation = unknowns[-1].exp() * trainable.lip_scale * outputs @ trainable.lip_basis.flatten(1)
    truth, rest = truth[counts], torch.from_numpy(mean.mean_lip)
    lip = torch.from_numpy(fit.best_mean_lip(deviation.detach().numpy())[0]).float()
    step = lip - rest
    place = step.mean(0)
    cost = (
        (truth - lip.flatten() - deviation).square().sum()
        + settings.shape_frames * (step - place).square().sum()
        + settings.place_frames * 40 * place.square().sum()
    ) / trainable.lip_scale**2
    cost = cost + settings.embedding_frames * unknowns[:-1].square().sum() + settings.gain_frames * unknowns[-1] ** 2
    cost = cost / len(truth)
    cost.backward()
    value, gradient = fit.cost_and_gradient(unknowns.detach().double().numpy())
    assert value == pytest.approx(cost.item(), rel=1e-4)
    assert np.allclose(gradient, unknowns.grad.numpy(), rtol=2e-3, atol=1e-3)


def test_the_same_material_gives_the_same_speaker_and_changes_no_network(trainable, network):
    before = {name: value.clone() for name, value in trainable.state_dict().items()}
    clips = [clip_of(network, person_of(network, [0, 1, 0]), 1)]
    first, second = adapt(network, clips).speaker, adapt(network, clips).speaker
    assert np.array_equal(first.embedding, second.embedding)
    assert np.array_equal(first.mean_lip, second.mean_lip)
    assert all(torch.equal(before[name], value) for name, value in trainable.state_dict().items())


def test_frames_without_a_face_do_not_count(network):
    clip = clip_of(network, person_of(network, [0, 1, 0]), 1)
    hidden = np.arange(40) % 4 != 0
    spoilt = np.where(hidden[:, None, None], clip.lips, np.nan).astype(np.float32)
    found = adapt(network, [clip._replace(lips=spoilt, detected=hidden)])
    assert np.isfinite(found.speaker.mean_lip).all()
    assert found.detected == hidden.sum()
    with pytest.raises(InputError, match="no frame of 1 clips shows a face"):
        adapt(network, [clip._replace(detected=np.zeros(40, bool))])


def test_a_long_clip_is_cut_and_nothing_is_lost(network):
    person = person_of(network, [0, 1, 0])
    pieces = cut_pieces(network, [clip_of(network, person, 1, frames=250), clip_of(network, person, 2, 30)])
    assert pieces.counts.sum() == 280
    embeddings = np.tile(person.embedding, (len(pieces.truth), 1))
    outputs = decode_batch(network, pieces.posteriors, embeddings, pieces.lip_parameters)
    deviation = np.einsum("pfc,cid->pfid", outputs * network.lip_scale, network.lip_basis)
    made = (person.mean_lip + deviation).reshape(pieces.truth.shape)
    missed = np.abs(made - pieces.truth)[pieces.counts].max()
    assert missed < 1e-3  # what the cut leaves of the decoder's memory


def test_the_mean_speaker_alone_gives_no_directions(trainable, network):
    made = TrainableNetwork(Description(network.description.settings)).eval().requires_grad_(False)
    made.lip_scale.fill_(0.5)
    made.lip_basis.copy_(trainable.lip_basis)
    alone = network_of(made)
    assert speaker_directions(alone).shape == (0, 4)
    clip = clip_of(network, person_of(network, [0, 1, 0]), 1)
    found = adapt(alone, [clip])
    assert np.array_equal(found.speaker.embedding, found.mean.embedding)


def test_one_frame_at_rest(network):
    person = person_of(network, [0, 0, 0])
    clip = clip_of(network, person, 1)
    index = rest_frame(clip)
    assert clip.posteriors[4 * index : 4 * index + 4, 0].min() == 1
    told = one_frame_speaker(
        network,
        clip.lips[index],
        posteriors=clip.posteriors,
        lip_parameters=clip.lip_parameters,
        index=index,
        name="me",
    )
    assert np.allclose(told.mean_lip, person.mean_lip, atol=1e-5)
    silent = np.eye(NUM_PHONES, dtype=np.float32)[np.zeros(200, int)]
    still = person.mean_lip + predict_deviations(network, silent, speaker=person)[25]
    assert np.allclose(one_frame_speaker(network, still).mean_lip, person.mean_lip, atol=1e-5)
    assert told.gain == 1
    assert np.array_equal(told.embedding, network.lip_speaker(None).embedding)


@pytest.mark.parametrize(
    ("lips", "options", "message"),
    [
        (np.zeros((20, 2)), {}, "40 finite points"),
        (np.full((40, 2), np.nan), {}, "40 finite points"),
        (np.zeros((40, 2)), {"posteriors": np.full((8, 40), 1 / 40, np.float32)}, "index None"),
        (np.zeros((40, 2)), {"posteriors": np.full((8, 40), 1 / 40, np.float32), "index": 2}, "0 to 1"),
    ],
)
def test_one_frame_that_cannot_be_used(network, lips, options, message):
    with pytest.raises(InputError, match=message):
        one_frame_speaker(network, lips, **options)


def test_rest_frame_without_silence_is_the_least_open_one(network):
    clip = clip_of(network, person_of(network, [0, 0, 0]), 1)
    loud = np.eye(NUM_PHONES, dtype=np.float32)[np.full(160, 5)]
    detected = np.ones(40, bool)
    detected[:20] = False
    from phonolips.lips.measures import opening

    index = rest_frame(clip._replace(posteriors=loud, detected=detected))
    assert index == 20 + int(opening(clip.lips[20:]).argmin())
    with pytest.raises(InputError, match="face"):
        rest_frame(clip._replace(detected=np.zeros(40, bool)))


def test_a_file_keeps_the_speaker(network, tmp_path):
    speaker = adapt(network, [clip_of(network, person_of(network, [0, 1, 0]), 1)], name="Mé").speaker
    save_speaker(speaker, tmp_path / "deep" / "me.json")
    again = read_speaker(tmp_path / "deep" / "me.json")
    assert (again.name, again.notes) == ("Mé", speaker.notes)
    assert np.allclose(again.embedding, speaker.embedding, atol=1e-6)
    assert np.allclose(again.mean_lip, speaker.mean_lip, atol=1e-6)
    assert again.gain == pytest.approx(speaker.gain, abs=1e-6)
    assert speaker.mixing is not None
    assert np.allclose(again.mixing, speaker.mixing, atol=1e-6)
    posteriors, _ = speech(network, 3)
    ours, theirs = (synth.from_posteriors(posteriors, speaker=who, network=network).lips for who in (speaker, again))
    assert np.abs(ours - theirs).max() < 1e-4
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["me.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v | {"format": "phonolips speaker 99"}, "phonolips speaker 99"),
        (lambda v: v | {"mean_lip": v["mean_lip"][:20]}, r"mean_lip of shape \(20, 2\)"),
        (lambda v: v | {"mean_lip": [[float("nan"), 0]] * 40}, "40 finite points"),
        (lambda v: v | {"embedding": [[1, 2]]}, "embedding of shape"),
        (lambda v: v | {"embedding": ["a"]}, "not a speaker"),
        (lambda v: v | {"gain": float("inf")}, "finite"),
        (lambda v: v | {"gain": "much"}, "not a speaker"),
        (lambda v: v | {"mixing": [[1.0, 2.0]]}, r"mixing of shape \(1, 2\)"),
        (lambda v: v | {"mixing": [[float("nan")]]}, "square of finite numbers"),
        (lambda v: v | {"notes": 3}, "not a speaker"),
        (lambda v: {name: value for name, value in v.items() if name != "mean_lip"}, "mean_lip"),
        (lambda v: [v], "not a speaker"),
        (lambda v: "text", "not a speaker"),
    ],
)
def test_a_file_that_is_no_speaker(network, tmp_path, change, message):
    path = tmp_path / "me.json"
    save_speaker(network.lip_speaker("s1"), path)
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(InputError, match=message) as caught:
        read_speaker(path)
    assert "\n" not in str(caught.value)
    assert "me.json" in str(caught.value)


def test_files_that_are_no_json(tmp_path):
    for content in (b"", b"this is no speaker", b"\xff\xfe\x00", b"{"):
        (tmp_path / "me.json").write_bytes(content)
        with pytest.raises(InputError, match="not a speaker"):
            read_speaker(tmp_path / "me.json")
    with pytest.raises(InputError, match="no such file"):
        read_speaker(tmp_path / "none.json")


def test_a_file_of_before_the_mixing_is_read(network, tmp_path):
    path = tmp_path / "me.json"
    save_speaker(person_of(network, [0, 1, 0], gain=1.2), path)
    values = json.loads(path.read_text())
    assert values.pop("mixing") is None
    path.write_text(json.dumps(values | {"format": "phonolips speaker 1"}))
    again = read_speaker(path)
    assert (again.gain, again.mixing) == (1.2, None)


def test_an_embedding_of_another_model_is_refused(network):
    other = replace(network.lip_speaker(None), embedding=np.zeros(7, np.float32))
    with pytest.raises(InputError, match="adapt the speaker to this model again"):
        network.lip_speaker(other)
    mixed = replace(network.lip_speaker(None), mixing=np.zeros((5, 5), np.float32))
    with pytest.raises(InputError, match="mixes 5 outputs, this model's decoder has 12"):
        network.lip_speaker(mixed)


def test_rows_for_unseen_speakers_leave_the_scored_clip_out(network, tmp_path):
    from phonolips.corpus.store.store import ArraySpec, Store, StoreWriter
    from phonolips.evaluation.adaptation import ADAPTED_ROW, FRAME_ROW, MEAN_ROW, unseen_speaker_rows

    specs = {
        "mel": ArraySpec("float16", (80,)),
        "lips": ArraySpec("float32", (40, 2)),
        "detected": ArraySpec("bool", ()),
    }
    rng = np.random.default_rng(0)
    with StoreWriter(tmp_path / "features", specs) as store:
        for clip, speaker in (("x/a", "x"), ("x/b", "x"), ("x/c", "x"), ("y/a", "y"), ("s1/a", "s1")):
            lips = network.lip_mean[0] + rng.normal(0, 0.01, (40, 40, 2)).astype(np.float32)
            lips += 5.0 if clip == "x/c" else 0.0
            values = {"mel": rng.normal(size=(160, 80)).astype(np.float16), "lips": lips, "detected": np.ones(40, bool)}
            store.add(clip, values, {"speaker": speaker})
    features = Store(tmp_path / "features")
    rows = dict(unseen_speaker_rows(network, features, list(features)))
    assert list(rows) == [MEAN_ROW, FRAME_ROW, ADAPTED_ROW]
    assert set(rows[MEAN_ROW]) == {"x/a", "x/b", "x/c", "y/a"}
    assert set(rows[FRAME_ROW]) == set(rows[ADAPTED_ROW]) == {"x/a", "x/b", "x/c"}
    centres = {clip: float(lips.mean()) for clip, lips in rows[ADAPTED_ROW].items()}
    assert abs(centres["x/c"]) < 0.1  # knows nothing of its own place, five units away
    assert min(centres["x/a"], centres["x/b"]) > 0.4  # the ridge holds the place
    assert all(lips.shape == (40, 40, 2) for row in rows.values() for lips in row.values())


# ------------------------------------------------------------------------------------- files and the command line


@pytest.fixture(scope="module")
def model(trainable, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("adapt") / "model"
    trainable.save(folder)
    return folder


def noise_video(path: Path, seconds: float, *, sound: np.ndarray | None) -> Path:
    rng = np.random.default_rng(0)
    frames = (rng.integers(0, 255, (96, 128, 3)).astype(np.uint8) for _ in range(round(25 * seconds)))
    write_video(path, frames, 25, waveform=sound)
    return path


def hostile(folder: Path) -> dict[str, tuple[list[object], str]]:
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).clip(-1, 1).astype(np.float32)
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no video " * 100)
    (folder / "text.png").write_text("no picture")
    (folder / "me.json").write_text("{}")
    soundfile.write(folder / "sound.wav", noise, 16_000)
    from PIL import Image

    Image.fromarray(np.full((120, 160, 3), 90, np.uint8)).save(folder / "grey.png")
    mute = noise_video(folder / "mute.mp4", 1.5, sound=None)
    silent = noise_video(folder / "silent.mp4", 1.5, sound=np.zeros(24_000, np.float32))
    faceless = noise_video(folder / "faceless.mp4", 1.5, sound=noise[:24_000])
    out = ["--out", folder / "out.json"]
    return {
        "nothing": (out, "adapt needs --video"),
        "no such file": (["--video", folder / "none.mp4", *out], "none.mp4: no such file"),
        "second is missing": (["--video", faceless, folder / "none.mp4", *out], "none.mp4: no such file"),
        "bad name": (["--video", faceless, "--out", folder / "out.txt"], "ending in .json"),
        "empty": (["--video", folder / "empty.mp4", *out], "empty.mp4"),
        "no video": (["--video", folder / "text.mp4", *out], "text.mp4"),
        "only sound": (["--video", folder / "sound.wav", *out], "sound.wav"),
        "no sound": (["--video", mute, *out], "mute.mp4: no sound"),
        "silence": (["--video", silent, *out], "silent.mp4: no sound"),
        "no face": (["--video", faceless, *out], "faceless.mp4: a face was found in 0"),
        "no picture": (["--video", folder / "text.png", *out], "text.png: not a readable picture"),
        "no face in a picture": (["--video", folder / "grey.png", *out], "grey.png: no face"),
        "picture overwritten": (["--video", folder / "grey.png", "--out", folder / "grey.json"], "grey.png"),
        "picture and video": (["--video", folder / "grey.png", faceless, *out], "one frame comes from one file"),
        "one frame of two": (["--one-frame", "--video", faceless, mute, *out], "one frame comes from one file"),
        "no model": (["--video", faceless, *out, "--model", folder / "nowhere"], "no such model folder"),
    }


HOSTILE = (
    "nothing", "no such file", "second is missing", "bad name", "empty", "no video", "only sound", "no sound", "silence",
    "no face", "no picture", "no face in a picture", "picture overwritten", "picture and video", "one frame of two",
    "no model",
)  # fmt: skip


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory) -> tuple[Path, dict[str, tuple[list[object], str]]]:
    folder = tmp_path_factory.mktemp("hostile")
    return folder, hostile(folder)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_one_line_and_nothing_written(hostile_folder, model, command, name):
    folder, cases = hostile_folder
    before = sorted(folder.iterdir())
    words, message = cases[name]
    given = words if "--model" in words else [*words, "--model", model]
    code, _, err = command("adapt", *given)
    errors = [line for line in err.splitlines() if line.startswith("phonolips: error:")]
    assert code == 1, err
    assert len(errors) == 1
    assert "Traceback" not in err
    assert message in errors[0]
    assert sorted(folder.iterdir()) == before


def test_every_hostile_input_is_tried(hostile_folder):
    assert set(HOSTILE) == set(hostile_folder[1])


def test_a_text_file_as_speaker(tmp_path, model, command):
    (tmp_path / "me.json").write_text("no json")
    words = ["synth", "--text", "bin", "--speaker", tmp_path / "me.json", "--model", model, "--out", tmp_path / "o"]
    code, _, err = command(*words)
    assert code == 1
    assert "me.json: not a speaker made by 'phonolips adapt'" in err
    assert not (tmp_path / "o").exists()


def test_real_videos_from_files_to_lips(shared_data, tmp_path, model, command):
    videos = sorted((shared_data / "grid" / "s30").glob("*.mpg"))[:2]
    code, out, err = command(
        "adapt", "--video", *videos, "--out", tmp_path / "me.json", "--model", model, "--name", "Ann"
    )
    assert code == 0, err
    assert "6.0 s of material, a face in 149 of 150 frames" in out  # one was not filmed beside its sound
    assert "lips that were apart from their sound, moved to it: " in out
    assert "mean speaker" in out
    assert "adapted" in out
    assert (tmp_path / "me.png").stat().st_size > 10_000
    speaker = read_speaker(tmp_path / "me.json")
    assert speaker.name == "Ann"
    assert speaker.notes["errors"]["adapted"] <= speaker.notes["errors"]["mean speaker"]
    words = [
        "synth",
        "--text",
        "bin blue",
        "--speaker",
        tmp_path / "me.json",
        "--model",
        model,
        "--out",
        tmp_path / "o",
    ]
    code, _, err = command(*words)
    assert code == 0, err
    assert str(np.load(tmp_path / "o" / "lips.npz")["speaker"]) == "Ann"


def test_one_frame_of_a_video_and_the_same_as_a_picture(shared_data, tmp_path, model, command):
    from PIL import Image

    from phonolips.media.video import read_frames

    video = sorted((shared_data / "grid" / "s30").glob("*.mpg"))[0]
    code, out, err = command("adapt", "--one-frame", video, "--out", tmp_path / "video.json", "--model", model)
    assert code == 0, err
    assert "one frame" in out
    Image.fromarray(next(read_frames(video))).save(tmp_path / "face.jpg", quality=95)
    code, out, err = command("adapt", "--video", tmp_path / "face.jpg", "--out", tmp_path / "me.json", "--model", model)
    assert code == 0, err
    assert (tmp_path / "me.png").is_file()
    shapes = [read_speaker(tmp_path / name).mean_lip for name in ("video.json", "me.json")]
    centred = [shape - shape.mean(0) for shape in shapes]
    from phonolips.lips.measures import width

    assert width(shapes[0]) == pytest.approx(width(shapes[1]), rel=0.25)
    assert np.abs(centred[0] - centred[1]).mean() < 0.1
