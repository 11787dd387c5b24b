"""Sound that is not speech leaves the mouth at rest, and speech moves it as if nothing had been decided."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch
from safetensors.torch import load_file

import phonolips
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.measures import opening
from phonolips.model.activity import (
    NO_SPEECH_LOGIT,
    REACH_FRAMES,
    SPEECH_LOGIT,
    frames_to_step_weights,
    rest_where_silent,
    speech_weights,
)
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.network import load_network, read_network
from phonolips.model.settings import VoiceActivitySettings
from phonolips.model.stream import encode, rest_lip_parameters, sound_reach
from phonolips.phones.inventory import NUM_PHONES, SILENCE_ID
from phonolips.training.networks.activity import VoiceActivity
from phonolips.training.networks.network import read_trainable

RATE = 16_000
TIMES = np.arange(3 * RATE) / RATE


def band_noise(low, high, swell):
    """Noise of some frequencies, swelling: breath."""
    rng = np.random.default_rng(5)
    spectrum = np.fft.rfft(rng.normal(size=len(TIMES)))
    hertz = np.fft.rfftfreq(len(TIMES), 1 / RATE)
    return np.fft.irfft(spectrum * (hertz > low) * (hertz < high), len(TIMES)) * np.sin(np.pi * TIMES / swell) ** 2


def drums():
    rng = np.random.default_rng(6)
    sound = np.zeros(len(TIMES))
    for number, start in enumerate(range(0, len(TIMES) - 4000, 5000)):
        times = TIMES[:4000]
        thump = np.sin(2 * np.pi * 60 * times) * np.exp(-times / 0.1)
        sound[start : start + 4000] += thump if number % 2 else rng.normal(size=4000) * np.exp(-times / 0.05)
    return sound


SOUNDS = {
    "sine, 1 kHz": np.sin(2 * np.pi * 1000 * TIMES),
    "sine, 220 Hz": np.sin(2 * np.pi * 220 * TIMES),
    "square wave, 330 Hz": np.sign(np.sin(2 * np.pi * 330 * TIMES)),
    "chord": sum(np.sin(2 * np.pi * f * TIMES) for f in (262, 330, 392, 523)),
    "sweep": np.sin(2 * np.pi * np.cumsum(100 * 40 ** (TIMES / 3)) / RATE),
    "telephone": np.sin(2 * np.pi * 697 * TIMES) + np.sin(2 * np.pi * 1336 * TIMES),
    "breath": band_noise(400, 3000, 1.5),
    "wide breath": band_noise(200, 6000, 0.75),
    "drums": drums(),
    "white noise": np.random.default_rng(7).normal(size=len(TIMES)),
}
PLACES = {name: number for number, name in enumerate(SOUNDS)}


def at_level(sound, peak=0.3):
    return (peak * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture(scope="module")
def speech():
    """Speech of espeak-ng."""
    from phonolips.speech.text.g2p import text_to_phones
    from phonolips.speech.tts.speak import speak_words

    return speak_words(text_to_phones("she sells six fish by the sea shore, place blue at F two now")).waveform


def posteriors_of(waveform, network=None, **options):
    parts = list(encode(network or load_network(), iter([waveform]), **options))
    return np.concatenate([p.posteriors for p in parts]), np.concatenate([p.lip_parameters for p in parts])


def rest_opening():
    silence = np.eye(NUM_PHONES, dtype=np.float32)[np.full(300, SILENCE_ID)]
    return float(np.median(opening(phonolips.from_posteriors(silence).lips)))


@pytest.mark.parametrize("name", SOUNDS)
def test_the_mouth_rests_where_nobody_speaks(name):
    with pytest.warns(PhonolipsWarning, match=r"no speech was found in 3\.0 s"):
        result = phonolips.from_audio(at_level(SOUNDS[name]))
    assert [phone.label for phone in result.need_alignment().phones if phone.label != "sil"] == []
    assert opening(result.lips).max() < rest_opening() + 0.02  # a tenth of what speech opens
    np.testing.assert_allclose(result.posteriors.sum(1), 1, atol=1e-5)


def test_some_of_these_sounds_move_the_mouth_of_the_encoder_itself():
    moved = [
        opening(phonolips.from_audio(at_level(sound), voice_activity=False).lips).max() > rest_opening() + 0.05
        for sound in SOUNDS.values()
    ]
    assert sum(moved) >= 5


@pytest.mark.parametrize("peak", [0.5, 0.05, 0.005])
def test_speech_is_left_as_it_is_to_the_bit(speech, peak):
    sound = at_level(speech, peak)
    for made, raw in zip(posteriors_of(sound), posteriors_of(sound, voice_activity=False), strict=True):
        np.testing.assert_array_equal(made, raw)


def test_one_word_alone_is_speech():
    from phonolips.speech.text.g2p import text_to_phones
    from phonolips.speech.tts.speak import speak_words

    for word in ("yes", "stop", "fish", "papa"):
        said = speak_words(text_to_phones(word)).waveform
        sound = np.concatenate([np.zeros(RATE, np.float32), said, np.zeros(RATE, np.float32)])
        made, raw = posteriors_of(sound)[0], posteriors_of(sound, voice_activity=False)[0]
        spoken = raw.argmax(1) != SILENCE_ID
        assert (made.argmax(1)[spoken] != SILENCE_ID).mean() > 0.9, word


def test_a_tone_between_two_sentences_rests_and_they_do_not(speech):
    sound = np.concatenate([at_level(speech), at_level(SOUNDS["sine, 1 kHz"]), at_level(speech)])
    made, raw = posteriors_of(sound)[0], posteriors_of(sound, voice_activity=False)[0]
    steps = len(speech) // 160
    inside = slice(steps + 40, steps + 260)
    assert (raw[inside].argmax(1) != SILENCE_ID).mean() > 0.5
    assert (made[inside].argmax(1) == SILENCE_ID).all()
    spoken = steps - 50  # half a second of silence at either end
    np.testing.assert_array_equal(made[:spoken], raw[:spoken])
    np.testing.assert_array_equal(made[steps + 350 :], raw[steps + 350 :])


@pytest.mark.parametrize("chunk_frames", [9, 40, 101])
def test_where_a_recording_is_cut_changes_nothing(speech, chunk_frames):
    sound = np.concatenate([at_level(SOUNDS["chord"]), at_level(speech), at_level(SOUNDS["breath"]), at_level(speech)])
    whole, cut = posteriors_of(sound, chunk_frames=10_000), posteriors_of(sound, chunk_frames=chunk_frames)
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_voice_activity_needs_no_more_of_what_follows_than_the_encoder_and_its_lip_parameters():
    network = load_network()
    assert sound_reach(network) == sound_reach(network, voice_activity=False)


def weights_by_hand(logits, posteriors):
    """The same in plain loops."""
    frames = len(logits)

    def around(values, count, choose):
        return [
            choose([values[min(max(at, 0), frames - 1)] for at in range(f - count, f + count + 1)])
            for f in range(frames)
        ]

    kept = around(list(logits), 6, max)
    speech = [min(max((value - NO_SPEECH_LOGIT) / (SPEECH_LOGIT - NO_SPEECH_LOGIT), 0), 1) for value in kept]
    found = [max(1 - float(p) for p in posteriors[4 * f : 4 * f + 4, SILENCE_ID]) for f in range(frames)]
    phones = [min(max((value - 0.2) / 0.2, 0), 1) for value in around(found, 8, max)]
    certain = around([(1 - s) * p for s, p in zip(speech, phones, strict=True)], 2, min)
    return [1 - value for value in around(certain, 2, lambda part: sum(part) / len(part))]


@pytest.fixture
def drawn():
    rng = np.random.default_rng(1)
    logits = np.interp(np.arange(200), np.arange(0, 201, 20), rng.uniform(-8, 6, 11))
    silence = np.repeat(rng.random(40) < 0.5, 20)[:800]
    posteriors = np.zeros((800, NUM_PHONES), np.float32)
    posteriors[np.arange(800), np.where(silence, SILENCE_ID, 4)] = 1.0
    return logits, posteriors


def test_weights_are_what_loops_make_of_them(drawn):
    made = speech_weights(*drawn)
    np.testing.assert_allclose(made, weights_by_hand(*drawn), atol=1e-6)
    assert (made == 1.0).any()
    assert (made == 0.0).any()
    assert ((made > 0.0) & (made < 1.0)).any()


def test_weights_reach_no_further_than_they_say(drawn):
    logits, posteriors = drawn
    whole = frames_to_step_weights(speech_weights(logits, posteriors))
    other_logits, other_posteriors = logits.copy(), posteriors.copy()
    other_logits[:100], other_posteriors[:400] = -9.0, 1 / NUM_PHONES
    changed = frames_to_step_weights(speech_weights(other_logits, other_posteriors)) != whole
    assert changed.any()
    assert not changed[400 + 4 * REACH_FRAMES :].any()


def test_silence_of_the_encoder_is_never_touched(drawn):
    _, posteriors = drawn
    posteriors[:] = 0.0
    posteriors[:, SILENCE_ID], posteriors[:, 3] = 0.85, 0.15
    assert (speech_weights(np.full(200, -9.0), posteriors) == 1.0).all()


def test_what_has_weight_1_stays_as_it_is_and_rows_still_sum_to_1():
    rng = np.random.default_rng(2)
    posteriors = rng.dirichlet(np.ones(NUM_PHONES), 80).astype(np.float32)
    moves = rng.normal(size=(20, 3)).astype(np.float32)
    weights, rest = np.ones(20), np.array([1.0, 2.0, 3.0], np.float32)
    assert rest_where_silent(posteriors, moves, weights, rest)[0] is posteriors
    weights[10:] = 0.0
    made, lips = rest_where_silent(posteriors, moves, weights, rest)
    assert made.dtype == lips.dtype == np.float32
    np.testing.assert_array_equal(made[:38], posteriors[:38])
    np.testing.assert_array_equal(lips[:10], moves[:10])
    np.testing.assert_array_equal(lips[10:], np.tile(rest, (10, 1)))
    assert (made[42:, SILENCE_ID] == 1.0).all()
    np.testing.assert_allclose(made.sum(1), 1, atol=1e-6)
    assert (np.diff(made[36:44, SILENCE_ID] - posteriors[36:44, SILENCE_ID]) > -0.2).all()


def test_a_frame_sees_its_reach_and_no_more():
    torch.manual_seed(3)
    part = VoiceActivity(VoiceActivitySettings(channels=8, dilations=[1, 4])).eval()
    mel = torch.randn(1, 400, 80)
    other = mel.clone()
    other[:, :200] += 1.0
    with torch.inference_mode():
        changed = (part(mel) != part(other))[0]
    assert part(mel).shape == (1, 100)
    assert changed[50 : 50 + part.reach_frames - 1].any()
    assert not changed[50 + part.reach_frames :].any()


def test_a_model_without_it_decides_nothing(tmp_path):
    network = read_trainable(PACKAGED_MODEL)
    network.voice_activity = None
    network.description = replace(
        network.description,
        settings=replace(network.description.settings, voice_activity=VoiceActivitySettings()),
    )
    network.save(tmp_path / "old")
    assert not (tmp_path / "old" / "voice_activity.onnx").exists()
    again = read_network(tmp_path / "old")
    assert again.voice_activity is None
    tone = at_level(SOUNDS["sine, 1 kHz"])
    for made, raw in zip(posteriors_of(tone, again), posteriors_of(tone, voice_activity=False), strict=True):
        np.testing.assert_array_equal(made, raw)
    assert {phone.label for phone in phonolips.from_audio(tone, network=again).need_alignment().phones} - {"sil"}


def test_the_packaged_one_is_small(tmp_path):
    own = {n: v for n, v in load_file(PACKAGED_MODEL / "model.safetensors").items() if n.startswith("voice_activity.")}
    assert own
    assert sum(value.numel() * value.element_size() for value in own.values()) < 300_000


def test_lip_parameters_at_rest_are_those_of_silence():
    network = load_network()
    rest = rest_lip_parameters(network)
    assert rest.shape == (3,)
    silence = np.zeros(4 * RATE, np.float32)
    np.testing.assert_allclose(posteriors_of(silence)[1][50], rest, atol=0.5)  # in standard deviations


def test_the_command_line_turns_it_off(command, tmp_path):
    from scipy.io import wavfile

    wavfile.write(tmp_path / "tone.wav", RATE, at_level(SOUNDS["sine, 1 kHz"]))
    code, _, err = command("synth", "--audio", tmp_path / "tone.wav", "--no-pictures", "--out", tmp_path / "on")
    assert code == 0
    assert "no speech was found in 3.0 s of sound, so the mouth rests" in err
    code, _, err = command(
        "synth", "--audio", tmp_path / "tone.wav", "--no-pictures", "--no-voice-activity", "--out", tmp_path / "off"
    )
    assert code == 0
    assert "no speech" not in err
    on, off = (opening(phonolips.read(tmp_path / name).lips).max() for name in ("on", "off"))
    assert on < 0.04 < off


def test_a_batch_says_where_it_is_off_and_goes_on_where_it_is_not():
    from phonolips.synth.options import Options

    assert "voice_activity" not in Options().as_json()
    assert Options(voice_activity=False).as_json()["voice_activity"] is False


def test_every_family_of_sounds_is_drawn_anew_and_the_same_for_a_seed():
    from phonolips.training.nonspeech import FAMILIES

    for name, make in FAMILIES.items():
        one, same, other = (make(np.random.default_rng(seed), RATE) for seed in (4, 4, 5))
        assert one.shape == (RATE,), name
        assert np.isfinite(one).all(), name
        assert np.abs(one).max() > 1e-3, name
        np.testing.assert_array_equal(one, same)
        assert not np.allclose(one, other), name


def test_targets_leave_out_what_nobody_can_know():
    from phonolips.training.activity_batches import (
        NEAR_STEPS,
        NO_SPEECH,
        SHORT_GAP_STEPS,
        SPEECH,
        UNKNOWN,
        step_targets,
    )

    labels = np.concatenate(
        [
            np.zeros(50),
            np.full(20, 5),
            np.zeros(SHORT_GAP_STEPS - 1),
            np.full(20, 7),
            np.zeros(60),
            np.full(10, -1),
            np.zeros(40),
        ]
    ).astype(np.int64)
    targets = step_targets(labels)
    for step, label in enumerate(labels):
        near = (labels[max(0, step - NEAR_STEPS) : step + NEAR_STEPS + 1] != 0).any()
        if label > 0:
            assert targets[step] == SPEECH
        elif label < 0 or near or 70 <= step < 70 + SHORT_GAP_STEPS - 1:
            assert targets[step] == UNKNOWN, step
        else:
            assert targets[step] == NO_SPEECH, step


def make_corpus(folder: Path) -> Path:
    """Noise that trembles for speech, hardly anything for silence."""
    from phonolips.corpus.layout import FEATURE_ARRAYS
    from phonolips.corpus.store.store import StoreWriter

    rng = np.random.default_rng(8)
    with StoreWriter(folder / "features", FEATURE_ARRAYS) as store:
        for number in range(6):
            labels = np.repeat([0, 5, 0], [100, 200, 100])
            mel = np.where(labels[:, None] > 0, rng.normal(-2, 3, (400, 80)), -12.0)
            values = {
                "mel": mel, "labels": labels, "phones": np.zeros((0, 3)), "phone_times": np.zeros((0, 4)),
                "soft": np.zeros((0, NUM_PHONES)), "lips": np.zeros((0, 40, 2)), "detected": np.zeros(0, bool),
            }  # fmt: skip
            store.add(f"a/{number}", values, {"speaker": "a", "split": "valid" if number == 5 else "train"})
    return folder


TINY = ["activity.epochs=2", "activity.batch=2", "activity.sounds=1", "activity.synthetic=2", "activity.network.channels=8",
        "activity.network.dilations=[1,2]"]  # fmt: skip


def test_training_adds_it_to_a_model_and_leaves_the_rest_alone(tmp_path):
    skip_without("train")
    from phonolips.training.train import train

    before = read_trainable(PACKAGED_MODEL)
    before.save(tmp_path / "out" / "network")
    folder = train("activity", data=make_corpus(tmp_path / "data"), out=tmp_path / "out", overrides=TINY, device="cpu")
    after = read_trainable(folder)
    assert after.description.settings.voice_activity == VoiceActivitySettings(channels=8, dilations=[1, 2])
    assert after.description.notes["trained"] == ["encoder", "durations", "lips", "activity"]
    old, new = before.state_dict(), after.state_dict()
    assert all(torch.equal(value, new[name]) for name, value in old.items() if not name.startswith("voice_activity."))
    lines = [json.loads(line) for line in (tmp_path / "out" / "activity" / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert {"missed_speech", "false_speech"} <= set(lines[0])
    with pytest.raises(InputError, match=r"activity\.leave_out has 'kazoo'; expected some of tone"):
        train("activity", data=tmp_path / "data", out=tmp_path / "no", overrides=["activity.leave_out=[kazoo]"])
