"""Lips while somebody speaks: any cuts give the whole, frames come when promised, and nothing grows."""

import wave
from dataclasses import replace

import numpy as np
import pytest

import phonolips
from phonolips.errors import InputError
from phonolips.export.blendshapes import arkit_weights
from phonolips.lips.articulation import Gains, articulate
from phonolips.lips.closures import close_heard, closing_beliefs
from phonolips.lips.curve import resample_lips
from phonolips.lips.liveliness import exaggerate
from phonolips.lips.rest import shut_in_silence
from phonolips.lips.shapes import close_lips, neutral_mouth
from phonolips.media.audio import Resampler, resample
from phonolips.model.activity import rest_where_silent, speech_weights
from phonolips.model.anticipation import anticipate
from phonolips.model.bundle import PACKAGED_MODEL, read_weights
from phonolips.model.motion import ExaggerateStage, ResampleStage, RestStage
from phonolips.model.network import TABLES, Description, Network, load_network
from phonolips.model.numpy_graph import numpy_graphs
from phonolips.model.settings import VoiceActivitySettings
from phonolips.model.stages import EncoderOutput, signatures
from phonolips.model.stream import _speech_logits, encode_mel, pieces_of, rest_lip_parameters
from phonolips.model.window import InStep, Window
from phonolips.phones.decode import best_path, path_to_alignment, read_phones
from phonolips.phones.live import LivePhones, PhoneTier
from phonolips.show.view import fit_view, speaker_view
from phonolips.speech.mel import log_mel
from phonolips.synth.stream import Frames
from phonolips.timebase import exact_fps

RATE = 16_000
ROUNDING = 3e-7  # of lips, in mouth-space units; float32 has steps of 3e-8 at the mouth's corners, once for each stage


@pytest.fixture(scope="module")
def speech():
    """Speech of espeak-ng, a tone after it, which voice activity tells from speech, and silence: 4.3 s."""
    from phonolips.speech.text.g2p import text_to_phones
    from phonolips.speech.tts.speak import speak_words

    said = speak_words(text_to_phones("she sells six fish")).waveform
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(3 * RATE // 2) / RATE)
    return np.concatenate([said, tone, np.zeros(RATE)])[: int(4.3 * RATE)].astype(np.float32)


def joined(parts: list[Frames]) -> Frames:
    arrays = [np.concatenate(kind) for kind in list(zip(*parts, strict=True))[:4]]
    return Frames(*arrays, tuple(phone for part in parts for phone in part.phones))


def streamed(sound, cuts, **options) -> Frames:
    """Push a sound through a stream, cut at the places `cuts`."""
    stream = phonolips.Stream(**options)
    parts = [stream.push(piece) for piece in np.split(sound, cuts)]
    return joined([*parts, stream.close()])


def same(made: Frames, whole, phones=True) -> None:
    assert made.lips.dtype == np.float32
    assert made.lips.shape == whole.lips.shape
    np.testing.assert_allclose(made.lips, whole.lips, atol=ROUNDING, rtol=0)
    np.testing.assert_allclose(made.posteriors, whole.posteriors, atol=1e-5)
    np.testing.assert_allclose(made.lip_parameters, whole.lip_parameters, atol=1e-5)
    np.testing.assert_array_equal(made.times, (np.arange(len(whole.lips)) + 0.5) / whole.fps)
    if phones:
        assert made.phones == whole.alignment.phones


WHOLE = {"exaggeration_ahead_frames": 8, "phone_lag_seconds": 60}  # as `from_audio` has it


# ---------------------------------------------------------------- any cuts give the whole


def test_the_whole_is_what_the_functions_make_of_it_at_once(speech):
    """`from_audio` is the stages; here are the graphs and functions without them."""
    network = load_network()
    mel = log_mel(np.pad(speech, (0, -len(speech) % 640)))
    posteriors, lip_parameters = encode_mel(network, mel)
    weights = speech_weights(_speech_logits(network.voice_activity, mel), posteriors)
    assert (weights < 1).any()
    rest = rest_lip_parameters(network)
    posteriors, lip_parameters = rest_where_silent(posteriors, lip_parameters, weights, rest)
    who, decoder = network.lip_speaker("s1"), network.decoder
    spoken, shut = read_phones(posteriors, network.phone_ngram()), close_lips(who.mean_lip)
    labels = best_path(posteriors, ngram=network.phone_ngram())
    for fps, rest in ((25, "natural"), (29.97, "natural"), (60, "shut")):
        heard = EncoderOutput(posteriors, lip_parameters)
        if rest == "shut":
            heard = anticipate(heard)
        outputs, _ = decoder.decode(
            heard.posteriors[None], heard.lip_parameters[None], who.embedding[None], decoder.start()
        )
        lips = network.outputs_to_lips(outputs[0], who.mean_lip)
        lips = articulate(exaggerate(lips, network.description.settings.lips.liveliness), Gains(width=1.3), shut)
        lips = shut_in_silence(lips, spoken, shut) if rest == "shut" else lips
        whole = close_heard(
            resample_lips(lips, fps, len(speech) / RATE), labels, closing_beliefs(posteriors), float(exact_fps(fps))
        )
        made = phonolips.from_audio(speech, speaker="s1", fps=fps, rest=rest, articulation={"width": 1.3})
        np.testing.assert_allclose(made.lips, whole, atol=ROUNDING, rtol=0)
        np.testing.assert_allclose(made.posteriors, posteriors, atol=1e-5)
        np.testing.assert_allclose(made.lip_parameters, lip_parameters, atol=1e-5)
        assert made.phones == spoken.phones
        np.testing.assert_allclose(made.alignment.confidences, spoken.confidences, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fps": 29.97, "speaker": "s1"},
        {"fps": 60, "phones_only": True},
        {"fps": 24, "rest": "natural", "voice_activity": False},
        {"fps": 1, "liveliness": 0.3},
        {"fps": 240, "liveliness": 0.5, "articulation": 1.2},
    ],
    ids=str,
)
def test_random_cuts_give_the_whole(speech, options):
    rng = np.random.default_rng(len(str(options)))
    for length in (len(speech), 31_999):
        sound = speech[:length]
        cuts = np.sort(rng.choice(length + 1, int(rng.integers(1, 25)), replace=True))  # with empty pieces, too
        whole = phonolips.from_audio(sound, **options)
        same(streamed(sound, cuts, **WHOLE, **options), whole)


def test_one_sample_at_a_time_gives_the_whole(speech):
    sound = speech[: 2 * RATE + 1]
    same(streamed(sound, np.arange(1, len(sound)), fps=30, **WHOLE), phonolips.from_audio(sound, fps=30))


@pytest.mark.parametrize("size", [163, 640, 1601, 40_961])
def test_pieces_of_one_size_give_the_whole(speech, size):
    sound = speech[: 3 * RATE]
    same(streamed(sound, np.arange(size, len(sound), size), **WHOLE), phonolips.from_audio(sound))


@pytest.mark.parametrize("length", [1, 639, 640, 641, 12_345])
@pytest.mark.parametrize("fps", [25, 50])
def test_short_sounds_give_the_whole(speech, length, fps):
    sound = speech[7_000 : 7_000 + length]
    whole = phonolips.from_audio(iter([sound]), fps=fps)
    assert len(whole.lips) == -(-length * fps // RATE)
    for cuts in ([], [0, length], [length // 2]):
        same(streamed(sound, cuts, fps=fps, **WHOLE), whole)


def test_no_sound_gives_no_frames():
    for fps in (25, 50):
        stream = phonolips.Stream(fps=fps)
        assert len(stream.push(np.zeros(0, np.float32)).lips) == 0
        rest = stream.close()
        assert [part.shape for part in rest[:4]] == [(0,), (0, 40, 2), (0, 40), (0, 3)]
        assert rest.phones == ()


def test_more_than_a_chunk_at_once_gives_the_whole(speech):
    sound = np.tile(speech, 6)[: int(23.4 * RATE) + 11]
    whole = phonolips.from_audio(sound, fps=30)
    same(streamed(sound, [], fps=30, **WHOLE), whole)
    same(streamed(sound, [1, 200_000], fps=30, **WHOLE), whole)


def test_exaggeration_looks_two_frames_ahead(speech):
    amount, cuts = 0.3, np.arange(997, len(speech), 9_973)
    whole = phonolips.from_audio(speech, liveliness=amount)
    same(streamed(speech, cuts, liveliness=amount, **WHOLE), whole)
    spread = (whole.lips - whole.lips.mean(0)).std()
    near = streamed(speech, cuts, liveliness=amount, **WHOLE | {"exaggeration_ahead_frames": 2}).lips - whole.lips
    nearer = streamed(speech, cuts, liveliness=amount, **WHOLE | {"exaggeration_ahead_frames": 0}).lips - whole.lips
    assert 0 < np.sqrt(np.square(near).mean()) < 0.04 * spread  # 0.02 of real speech
    assert np.square(near).mean() < np.square(nearer).mean()


def test_sound_at_another_rate_is_read_as_its_file(speech, tmp_path):
    loud = resample(speech, RATE, 48_000)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((loud * 32_768).round().astype("<i2").tobytes())
    sound = (loud * 32_768).round().astype(np.float32) / 32_768
    cuts = np.arange(1_000, len(sound), 7_919)
    same(streamed(sound, cuts, sample_rate=48_000, **WHOLE), phonolips.from_audio(tmp_path / "a.wav"))


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_resampling_is_the_same_wherever_it_is_cut(rate):
    rng = np.random.default_rng(rate)
    sound = rng.uniform(-0.5, 0.5, rate // 3).astype(np.float32)
    for cuts in (np.arange(1, 400), np.sort(rng.choice(len(sound), 40)), []):
        resampler, made, came = Resampler(rate), [], 0
        for piece in np.split(sound, cuts):
            made.append(resampler.push(piece))
            came += len(piece)
            assert came / rate - sum(map(len, made)) / RATE <= resampler.behind_seconds
        made.append(resampler.push(sound[:0], last=True))
        np.testing.assert_array_equal(np.concatenate(made), resample(sound, rate))


# ---------------------------------------------------------------- frames come when promised


@pytest.mark.parametrize(
    ("options", "delay"),
    [
        ({}, 2.3275),
        ({"rest": "natural"}, 2.2075),
        ({"liveliness": 0.3}, 2.4075),
        ({"rest": "natural", "liveliness": 0.3, "exaggeration_ahead_frames": 8}, 2.5275),
        ({"rest": "natural", "phones_only": True}, 2.8075),
        ({"phone_lag_seconds": 0.5}, 2.3675),
        ({"phone_lag_seconds": 0.2}, 2.3275),
        ({"rest": "natural", "phone_lag_seconds": 0.5}, 2.2475),
        ({"rest": "natural", "fps": 50}, 2.2975),
        ({"rest": "natural", "fps": 1}, 2.1275),
        ({"rest": "natural", "sample_rate": 48_000}, 2.2095),
    ],
    ids=str,
)
def test_every_frame_is_there_when_its_delay_has_passed(speech, options, delay):
    stream = phonolips.Stream(**options)
    assert stream.delay_seconds == pytest.approx(delay, abs=2e-4)
    rate, frames = options.get("sample_rate", RATE), 0
    sound = resample(speech, RATE, rate)[: int(3.3 * rate)]
    sizes = [int(2.03 * rate) - 1, *[rate // 250] * 1_000]  # to the first frame, then by 4 ms
    came, waits = 0, []
    for size in sizes:
        piece = sound[came : came + size]
        if not len(piece):
            break
        came += len(piece)
        frames += len(stream.push(piece).lips)
        waits.append(came / rate - (frames + 1) / stream.fps)  # how long the next frame has ended
    assert max(waits) < stream.delay_seconds
    if stream.fps == 25:
        assert max(waits) > stream.delay_seconds - 0.01


def test_a_network_that_looks_less_far_ahead_has_a_shorter_delay(speech):
    """The weights of the shipped model, whose decoder is told to look two frames ahead: nonsense, but soon."""
    shipped = load_network().description
    settings = replace(shipped.settings, decoder=replace(shipped.settings.decoder, look_ahead=2))
    graphs = numpy_graphs(settings, read_weights(PACKAGED_MODEL), signatures(settings))
    quick = Network(Description(settings, shipped.speakers), graphs, read_weights(PACKAGED_MODEL, TABLES))
    sound = speech[: int(2.6 * RATE)]
    options = {"network": quick, "rest": "natural", "phone_lag_seconds": 0}
    stream = phonolips.Stream(**options)
    assert stream.delay_seconds == pytest.approx(2.2075 - 0.4)
    made = joined([stream.push(sound[: int(1.9 * RATE)]), stream.push(sound[int(1.9 * RATE) :]), stream.close()])
    assert made.lips.shape == phonolips.from_audio(sound, network=quick).lips.shape
    assert len(phonolips.Stream(**options).push(sound[: int(1.88 * RATE)]).lips) == 1


def test_low_delay_waits_for_nothing_but_the_networks(speech):
    """The shipped weights, told to look 60 ms and two frames ahead: nonsense, but on time, wherever it is cut."""
    shipped = load_network().description
    settings = replace(
        shipped.settings,
        audio_encoder=replace(shipped.settings.audio_encoder, look_ahead=6),
        lip_parameters=replace(shipped.settings.lip_parameters, look_ahead=0),
        decoder=replace(shipped.settings.decoder, look_ahead=2),
        voice_activity=VoiceActivitySettings(),
    )
    graphs = numpy_graphs(settings, read_weights(PACKAGED_MODEL), signatures(settings))
    quick = Network(Description(settings, shipped.speakers), graphs, read_weights(PACKAGED_MODEL, TABLES))
    for options, delay in (
        ({}, 0.1475),
        ({"rest": "natural"}, 0.1475),
        ({"low_delay": False}, 0.4275),
        ({"fps": 50}, 0.2375),
        ({"liveliness": 0.3, "exaggeration_ahead_frames": 1}, 0.1875),
    ):
        stream = phonolips.Stream(network=quick, **options)
        assert stream.delay_seconds == pytest.approx(delay, abs=1e-6)
        made, came = [], 0
        for size in [1600, 7, 3, *[64] * 300]:
            made.append(stream.push(speech[came : came + size]))
            came += size
            ready = int((came / RATE - delay) * stream.fps + 1e-6)
            assert sum(len(part.lips) for part in made) >= ready
        made += [stream.push(speech[came:]), stream.close()]
        whole = phonolips.Stream(network=quick, **options)
        if options.get("low_delay", True):  # else phones are decided as they come
            wanted = joined([whole.push(speech), whole.close()]).lips
            np.testing.assert_allclose(joined(made).lips, wanted, atol=3e-6, rtol=0)


def test_what_comes_with_the_lips_is_of_the_same_frames(speech):
    stream = phonolips.Stream()
    for piece in np.array_split(speech, 9):
        made = stream.push(piece)
        assert len(made.posteriors) == 4 * len(made.lips)
        assert len(made.lip_parameters) == len(made.lips) == len(made.times)


# ---------------------------------------------------------------- nothing grows


def held_bytes(thing, seen):
    """Count the bytes of all arrays that an object holds, with those of which they are a part."""
    if id(thing) in seen or isinstance(thing, Network):
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return held_bytes(thing.base, seen) if thing.base is not None else thing.nbytes
    if isinstance(thing, list | tuple | dict):
        return sum(held_bytes(part, seen) for part in (thing.values() if isinstance(thing, dict) else thing))
    return sum(held_bytes(part, seen) for part in getattr(thing, "__dict__", {}).values())


def test_memory_does_not_grow():
    rng = np.random.default_rng(3)
    options = {"fps": 30, "liveliness": 0.3, "voice_activity": False}
    stream = phonolips.Stream(**options)
    shared = held_bytes(phonolips.Stream(**options), set())
    sizes, kept = [], []
    for _ in range(8):  # 80 s
        made = stream.push(rng.normal(0, 0.1, 10 * RATE).astype(np.float32))
        sizes.append(held_bytes(stream, set()) - shared)
        kept.append(stream.push(rng.normal(0, 0.1, 640).astype(np.float32)))
        assert len(made.phones) < 400
    assert max(sizes[3:]) < 1.5 * sizes[2] < 5e6
    # whoever keeps what a short piece gave holds no more than that
    assert all(held_bytes(part, set()) < 3_000 for part in kept)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 640), np.float32), r"samples: float32 of shape \(2, 640\); expected floats"),
        (np.zeros(640, np.int16), r"samples: int16 of shape \(640,\); expected floats"),
        (np.array([0.0, np.nan]), "samples: holds NaN or infinity; expected finite samples"),
        ("sound", "samples: .*; expected floats"),
    ],
    ids=["2-D", "integers", "NaN", "text"],
)
def test_what_is_no_sound_is_refused_and_the_stream_goes_on(speech, samples, message):
    stream, sound = phonolips.Stream(**WHOLE), speech[:RATE]
    parts = [stream.push(sound[:5_000])]
    with pytest.raises(InputError, match=message):
        stream.push(samples)
    same(joined([*parts, stream.push(sound[5_000:]), stream.close()]), phonolips.from_audio(sound))


def test_a_closed_stream_is_closed(speech):
    stream = phonolips.Stream()
    stream.close()
    for call in (stream.close, lambda: stream.push(speech)):
        with pytest.raises(InputError, match="the stream is closed; expected an open one: make another Stream"):
            call()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"emphasis": {"fish": 1.5}}, "emphasis in a stream, where no words are known"),
        ({"sample_rate": 10}, "sample_rate 10; expected"),
        ({"fps": 0}, "fps 0"),
        ({"speaker": "nobody"}, "speaker 'nobody' is not in this model"),
        ({"exaggeration_ahead_frames": 9}, "exaggeration_ahead_frames 9; expected a whole number from 0 to 8"),
        ({"exaggeration_ahead_frames": 1.5}, "exaggeration_ahead_frames 1.5"),
        ({"phone_lag_seconds": -1}, "phone_lag_seconds -1; expected seconds"),
        ({"phone_lag_seconds": "0.5"}, "phone_lag_seconds is '0.5'; expected seconds"),
    ],
    ids=str,
)
def test_what_no_stream_can_do_is_refused(options, message):
    with pytest.raises(InputError, match=message) as caught:
        phonolips.Stream(**options)
    assert "\n" not in str(caught.value)


# ---------------------------------------------------------------- stages


def test_a_window_gives_every_row_its_margins():
    rng = np.random.default_rng(0)
    for back, ahead, unit in ((3, 5, 1), (0, 4, 4), (8, 0, 1), (4, 8, 4)):
        rows = np.arange(40)
        window, got = Window(back, ahead, unit), []
        cuts = np.sort(rng.choice(41, 12))
        pieces = np.split(rows, cuts)
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            chunk = window.push(piece, last=last)
            own = chunk.rows[chunk.back : chunk.back + chunk.own].tolist()
            if own:
                assert chunk.rows[0] <= max(0, own[0] - back)
                assert chunk.rows[-1] >= min(39, own[-1] + ahead)
                assert chunk.rows.tolist() == list(range(chunk.rows[0], chunk.rows[-1] + 1))
            assert last or chunk.own % unit == 0
            got += own
        assert got == rows.tolist()


def test_rows_in_step_wait_for_each_other():
    both = InStep(1, 4)
    assert [part.tolist() for part in both.push(np.arange(3), np.arange(7))] == [[0], [0, 1, 2, 3]]
    assert [part.tolist() for part in both.push(np.arange(0), np.arange(7, 8))] == [[1], [4, 5, 6, 7]]
    assert [part.tolist() for part in both.push(np.arange(3, 4), np.arange(8, 17))] == [[2, 3], list(range(8, 16))]


def test_pieces_say_which_is_the_last():
    for lengths in ((), (0,), (3,), (2, 2), (5, 0, 7, 4), (1, 1, 1, 1, 0)):
        blocks = np.split(np.arange(sum(lengths)), np.cumsum(lengths)[:-1]) if lengths else []
        pieces = list(pieces_of(blocks, 4))
        assert [last for _, last in pieces] == [False] * (len(pieces) - 1) + [True] * bool(pieces)
        assert [number for piece, _ in pieces for number in piece.tolist()] == list(range(sum(lengths)))
        assert all(len(piece) == 4 for piece, last in pieces if not last)


def moving_lips(rng, frames):
    return np.cumsum(rng.normal(0, 0.02, (frames, 40, 2)), axis=0).astype(np.float32)


@pytest.mark.parametrize("fps", [1, 2, 7, 12.5, 24, 25, 29.97, 30, 50, 60, 119.88, 240])
def test_resampling_piece_by_piece_is_that_of_the_whole(fps):
    rng = np.random.default_rng(int(fps))
    for _ in range(12):
        frames = int(rng.integers(1, 70))
        lips, seconds = moving_lips(rng, frames), (frames - 1) / 25 + float(rng.uniform(1e-4, 0.04))
        stage, made, came = ResampleStage(fps), [], 0
        for piece in np.split(lips, np.sort(rng.choice(frames + 1, int(rng.integers(1, 9))))):
            came += len(piece)
            made.append(stage.push(piece))
            count = sum(map(len, made))  # of the frames that come next, none was due
            assert (count + 1) / float(stage.fps) + stage.ahead_seconds > came / 25 - 1e-9
        made.append(stage.push(lips[:0], seconds=seconds))
        np.testing.assert_allclose(
            np.concatenate(made), resample_lips(lips, fps, seconds), atol=ROUNDING, rtol=0, err_msg=str(frames)
        )


@pytest.mark.parametrize("ahead", [0, 2, 5, 8])
def test_exaggeration_piece_by_piece_is_that_of_the_whole_and_looks_no_further(ahead):
    rng = np.random.default_rng(ahead)
    lips = moving_lips(rng, 60)
    whole = exaggerate(lips, 0.7, ahead)
    stage = ExaggerateStage(0.7, ahead)
    pieces = np.split(lips, np.sort(rng.choice(61, 9)))
    made = [stage.push(piece, last=number == 9) for number, piece in enumerate(pieces)]
    np.testing.assert_allclose(np.concatenate(made), whole, atol=ROUNDING, rtol=0)
    other = lips.copy()
    other[30 + ahead + 1 :] += 1.0
    moved = exaggerate(other, 0.7, ahead)
    np.testing.assert_array_equal(moved[:31], whole[:31])
    assert np.abs(moved[31] - whole[31]).max() > 1e-5
    if ahead == 8:
        np.testing.assert_array_equal(whole, exaggerate(lips, 0.7))


def test_silence_piece_by_piece_is_that_of_the_whole():
    rng = np.random.default_rng(5)
    labels = np.repeat(rng.integers(0, 2, 60) * rng.integers(1, 40, 60), rng.integers(1, 40, 60))
    labels = labels[: len(labels) - len(labels) % 4]
    lips, frames = np.zeros((len(labels) // 4, 40, 2), np.float32), len(labels) // 4
    spoken = path_to_alignment(labels, np.full((len(labels), 40), 1 / 40))
    whole = shut_in_silence(lips, spoken, np.ones((40, 2)))[:, 0, 0]
    assert (whole == 0).any()
    assert (whole == 1).any()
    stage = RestStage()
    pieces = np.split(labels, np.sort(rng.choice(len(labels) + 1, 30)))
    made = np.concatenate([stage.push(piece, last=number == 30) for number, piece in enumerate(pieces)])
    assert made.shape == (frames,)
    np.testing.assert_allclose(made, whole, atol=1e-6)


# ---------------------------------------------------------------- phones


@pytest.fixture(scope="module")
def posteriors(speech):
    return load_network().posteriors(speech)


def live_path(posteriors, ngram, lag, cuts):
    live = LivePhones(ngram, lag)
    pieces = np.split(posteriors, cuts)
    parts = [live.push(piece, last=number == len(pieces) - 1) for number, piece in enumerate(pieces)]
    return np.concatenate(parts)


@pytest.mark.parametrize("with_ngram", [True, False])
def test_phones_that_wait_long_enough_are_those_of_the_whole(posteriors, with_ngram):
    ngram = load_network().phone_ngram() if with_ngram else None
    whole = best_path(posteriors, ngram=ngram)
    for lag in (None, 400, 1_000):
        for cuts in ([], np.arange(4, len(posteriors), 4), [0, 1, 57, 57, 300]):
            np.testing.assert_array_equal(live_path(posteriors, ngram, lag, cuts), whole)
    hasty = live_path(posteriors, ngram, 48, np.arange(4, len(posteriors), 4))
    assert (hasty != whole).mean() < 0.02


def test_a_phone_is_decided_a_lag_after_it_and_no_later(posteriors):
    ngram = load_network().phone_ngram()
    live, path = LivePhones(ngram, 20), []
    for step in range(200):
        path += live.push(posteriors[step : step + 1]).tolist()
        assert len(path) == max(0, step + 1 - 20)
    other = posteriors.copy()
    other[150:] = np.roll(other[150:], 7, axis=1)
    changed = live_path(other[:200], ngram, 20, np.arange(1, 200))
    np.testing.assert_array_equal(changed[:130], path[:130])


def test_phones_of_steps_become_intervals_wherever_they_are_cut():
    rng = np.random.default_rng(8)
    labels = np.repeat(rng.integers(0, 40, 50), rng.integers(1, 9, 50))
    whole = path_to_alignment(labels, np.full((len(labels), 40), 1 / 40)).phones
    for count in (1, 7, 60):
        tier, found = PhoneTier(), []
        pieces = np.split(labels, np.sort(rng.choice(len(labels) + 1, count)))
        for number, piece in enumerate(pieces):
            found += tier.push(piece, last=number == count)
        assert tuple(found) == whole
    assert PhoneTier().push(labels[:0], last=True) == ()


# ---------------------------------------------------------------- painting and weights without the whole


def test_a_view_of_the_speaker_holds_all_that_they_say(speech):
    for name in ("mean", "s4"):
        lips = phonolips.from_audio(speech, speaker=name).lips
        view, whole = speaker_view(phonolips.Stream(speaker=name).speaker.mean_lip), fit_view(lips)
        assert view.scale == pytest.approx(whole.scale, rel=0.05)
        np.testing.assert_allclose(view.centre, whole.centre, atol=0.05)
        assert view.teeth == pytest.approx(whole.teeth, abs=0.02)
        reach = np.abs(lips - view.centre).max((0, 1)) * view.scale
        assert (reach < 180).all()


def test_arkit_weights_from_the_speakers_mouth_are_the_same_wherever_they_are_cut(speech):
    stream, whole = phonolips.Stream(), phonolips.from_audio(speech).lips
    rest = neutral_mouth(stream.speaker.mean_lip[None])
    at_once = arkit_weights(whole, 25, rest=rest)
    for first in range(0, len(whole), 9):
        for name, weights in arkit_weights(whole[first : first + 9], 25, rest=rest).items():
            np.testing.assert_allclose(weights, at_once[name][first : first + 9], atol=1e-6)
