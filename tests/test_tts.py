"""Speaking a text: what is said, when, by which synthesiser; and what is refused."""

import json
import os
import stat
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import needs, tool

from phonolips.errors import InputError, MissingToolError, PhonolipsWarning
from phonolips.model.network import load_network
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONES, SILENCE, VOWELS
from phonolips.speech.align.align import align
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.tts import speak as speech
from phonolips.speech.tts.espeak.backend import Espeak
from phonolips.speech.tts.espeak.events import SpokenPhone, match_phones, split_phones
from phonolips.speech.tts.espeak.phonemes import stressed_phones
from phonolips.speech.tts.espeak.plain import speak_plain
from phonolips.speech.tts.festival import Festival
from phonolips.speech.tts.spoken import EDGE_SECONDS, sentences
from phonolips.speech.words import SpokenWord, phones_to_words
from phonolips.synth import verbs
from phonolips.timebase import FRAME_SAMPLES, SAMPLE_RATE

TEXT = "Dr. Smith bought 3 apples, milk and a camera. Put the big one by the fire!"

FOX = "the quick brown fox jumps over the lazy dog"


def predict(words, rate):
    network = load_network()
    return verbs.predict_alignment(network, words, network.speaker_row(None), rate)


def level(waveform: np.ndarray, start: float, end: float) -> float:
    """Root mean square between two times."""
    return float(np.sqrt(np.mean(waveform[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] ** 2)))


def phones_of(text: str, language: str = "en-us") -> list[str]:
    return [phone for word in text_to_phones(text, language=language) for phone in word.phones if phone != SILENCE]


def check_form(spoken: speech.Spoken) -> None:
    """Whole frames, silent edges, an alignment as long as the sound."""
    sound, alignment = spoken.waveform, spoken.alignment
    assert sound.dtype == np.float32
    assert np.abs(sound).max() <= 1
    assert len(sound) % FRAME_SAMPLES == 0
    assert alignment.duration == len(sound) / SAMPLE_RATE == spoken.seconds
    said = [phone for phone in alignment.phones if phone.label != SILENCE]
    assert said[0].start >= EDGE_SECONDS - 1e-6
    assert said[-1].end <= alignment.duration - EDGE_SECONDS + 1e-6
    assert level(sound, 0, EDGE_SECONDS - 0.01) < 1e-3
    assert level(sound, said[-1].end + 0.05, alignment.duration) < 1e-2
    for word in alignment.speech_words():
        assert any(abs(phone.start - word.start) < 1e-6 for phone in said)
        assert any(abs(phone.end - word.end) < 1e-6 for phone in said)


# ---------------------------------------------------------------- espeak


@pytest.fixture(scope="module")
def spoken() -> speech.Spoken:
    return speech.speak_text(TEXT)


def test_espeak_says_our_words_and_phones(spoken):
    check_form(spoken)
    assert (spoken.backend, spoken.timing) == ("espeak", "synthesiser")
    assert spoken.alignment.phone_sequence() == phones_of(TEXT)
    names = [word.word for word in text_to_phones(TEXT) if word.word]
    assert [word.label for word in spoken.alignment.speech_words()] == names
    assert names[:3] == ["doctor", "smith", "bought"]


def test_pauses_are_where_the_text_has_them_and_silent(spoken):
    pauses = [phone for phone in spoken.alignment.phones if phone.label == SILENCE][1:-1]
    ends = [word.end for word in spoken.alignment.speech_words() if word.label in ("apples", "camera")]
    assert [pause.start for pause in pauses] == pytest.approx(ends, abs=1e-6)
    for pause in pauses:
        assert pause.duration > 0.1
        assert level(spoken.waveform, pause.start + 0.01, pause.end - 0.01) < 1e-3


@needs("align")
@pytest.mark.parametrize("backend", ["espeak", "festival"])
def test_boundaries_are_where_pocketsphinx_finds_them(backend):
    if not speech.choose(backend).is_available():
        pytest.skip(f"{backend} is not installed")
    spoken = speech.speak_text(FOX, backend=backend, predict=predict)
    found = align(spoken.waveform, FOX, aligner="sphinx")
    own, theirs = (
        np.array([phone.start for phone in a.phones if phone.label != SILENCE]) for a in (spoken.alignment, found)
    )
    assert np.median(np.abs(own - theirs)) <= 0.02


def test_a_stop_begins_with_its_closure(spoken):
    stops = [
        phone
        for before, phone in pairwise(spoken.alignment.phones)
        if phone.label in ("P", "T", "K") and before.label != SILENCE
    ]
    quiet = [level(spoken.waveform, stop.start + 0.005, stop.start + 0.015) < 0.01 for stop in stops]
    assert len(stops) >= 5
    assert sum(quiet) >= len(stops) - 2  # a flap and a released cluster have no closure of their own


def test_every_phone_of_the_inventory_is_said_by_name():
    words = [SpokenWord(f"w{i}", ("B", "AH", phone, "AA", "T")) for i, phone in enumerate(PHONES[1:])]
    spoken_tiers = speech.speak_words(words).alignment
    assert spoken_tiers.phone_sequence() == [phone for word in words for phone in word.phones]


def test_dictionary_words_are_said_as_requested():
    from phonolips.speech.text.lexicon import pronunciations

    text = (
        "the rural world feel film milk bottle people camera water button thistle judge vision strengths sixths "
        "idea area fire power flower owl girl early sure poor beer hair car door usual onion million twelfth "
        "gnome psychology hour yes woman when where thing singer finger ago sofa being doing hiatus queue"
    )
    spoken_words = [SpokenWord(word, pronunciations(word)[0]) for word in text.split()]
    alignment = speech.speak_words(spoken_words).alignment
    assert alignment.phone_sequence() == [phone for word in spoken_words for phone in word.phones]


def test_stress_is_that_of_the_written_word():
    words = text_to_phones("banana about record the hello a q")
    stresses = [[stress for phone, stress in word if phone in VOWELS] for word in stressed_phones(words)]
    assert stresses[0] == [0, 1, 0]
    assert stresses[1] == [0, 1]
    assert stresses[3] == [0]
    assert stresses[4] == [0, 1]
    assert stresses[5:] == [[0], [1]]
    assert stressed_phones([SpokenWord("B AH N IY", ("B", "AH", "N", "IY"))])[0][-1] == ("IY", 1)


def test_phones_alone_are_spoken():
    word = SpokenWord("B IH N", ("B", "IH", "N"))
    alignment = speech.speak_words([word, SpokenWord("", (SILENCE,), 0.2), word]).alignment
    assert alignment.phone_sequence() == ["B", "IH", "N"] * 2
    assert len(alignment.speech_words()) == 2


def test_rate_and_voice_change_the_sound():
    text = "bin blue at f two now"
    usual, fast, slow = (speech.speak_text(text, rate=rate) for rate in (1.0, 1.6, 0.6))
    speaking = [s.seconds - 2 * EDGE_SECONDS for s in (fast, usual, slow)]
    assert speaking[1] / speaking[0] > 1.3
    assert speaking[2] / speaking[1] > 1.4
    for voice in ("en-gb", "en-gb-x-rp", "en-us+f3"):
        other = speech.speak_text(text, voice=voice)
        check_form(other)
        size = min(len(other.waveform), len(usual.waveform))
        assert np.abs(other.waveform[:size] - usual.waveform[:size]).max() > 0.05


def test_another_language_is_spoken_by_its_own_voice():
    german = speech.speak_text("Guten Morgen, die Straße ist schön.", language="de")
    check_form(german)
    assert [word.label for word in german.alignment.speech_words()] == [
        "guten",
        "morgen",
        "die",
        "straße",
        "ist",
        "schön",
    ]
    assert german.alignment.phone_sequence() == phones_of("Guten Morgen, die Straße ist schön.", "de")


def test_long_text_without_a_pause_is_said_whole():
    text = "never mind the weather " * 60
    alignment = speech.speak_text(text).alignment
    assert alignment.phone_sequence() == phones_of(text)
    assert len(alignment.speech_words()) == 240


def test_lips_of_a_spoken_text_last_as_long_as_the_sound(spoken, tmp_path):
    from phonolips.media.audio import read
    from phonolips.media.video import read_frames
    from phonolips.synth.folder import VIDEO_FILE

    result = verbs.from_speech(TEXT)
    assert result.alignment.phone_sequence() == spoken.alignment.phone_sequence()
    assert result.timing.startswith("espeak")
    result.save(tmp_path)
    frames = sum(1 for _ in read_frames(tmp_path / VIDEO_FILE))
    assert frames == len(result.lips) == len(result.waveform) // FRAME_SAMPLES
    assert abs(len(read(tmp_path / VIDEO_FILE)) - len(result.waveform)) <= FRAME_SAMPLES


def test_lips_close_for_a_p_before_its_release():
    from phonolips.lips.measures import opening

    result = verbs.from_speech("a pea, a pea, a pea")
    curve = opening(result.lips)
    for phone in result.alignment.phones:
        if phone.label == "P":
            assert level(result.waveform, phone.start + 0.005, phone.start + 0.025) < 0.01
            during = curve[round(phone.start * 25) : round(phone.end * 25) + 1]
            assert during.min() < 0.25 * curve.max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"voice": "nobody"}, "does not speak 'en-us'"),
        ({"voice": "en-xx"}, "no voice 'en-xx'; expected one such as"),
        ({"voice": "en-us+nobody"}, r"no voice 'en-us\+nobody'"),
        ({"voice": "de"}, "voice 'de' does not speak 'en-us'"),
        ({"rate": 9.0}, "rate 9.0; espeak speaks at 0.5 to 2.8"),
        ({"rate": float("nan")}, "rate nan"),
        ({"backend": "siri"}, "synthesiser 'siri'; expected one of espeak, festival, piper"),
        ({"alignment": Alignment.build([], [Interval("AA", 0.1, 0.2)], 1.0)}, "own phone times"),
    ],
)
def test_what_espeak_cannot_do_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        speech.speak_text("hello", **options)


@pytest.mark.parametrize("text", ["", "🙂🙂", "...", "\x01"])
def test_nothing_to_say_is_refused(text):
    with pytest.raises(InputError, match="has no words"):
        speech.speak_text(text)
    with pytest.raises(InputError, match="said nothing"):
        speech.speak_words([SpokenWord("", (SILENCE,), 0.2)])


def test_a_missing_library_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert not Espeak().is_available()
    with pytest.raises(MissingToolError, match="pip install espeakng-loader"):
        speech.speak_text("hello")


def test_version_and_voices():
    backend = speech.choose("espeak")
    assert backend.is_available()
    assert backend.version()[0].isdigit()
    assert {"en-us", "en-gb", "en-gb-x-rp", "de"} <= set(backend.voices())


def test_matching_names_events_and_keeps_what_is_put_in():
    events = [SpokenPhone(ipa, i / 10, (i + 1) / 10, 0) for i, ipa in enumerate(("ɜː", "ɹ", "ɾ", "ʌʉ"))]
    named = match_phones(("ER", "T", "AW"), events)
    assert [phone.ipa for phone in named] == ["ER", "T", "AW"]
    assert named[0].end == named[1].start == pytest.approx(0.2)
    left_out = match_phones(("HH", "IH", "T"), [events[3]._replace(ipa="ɪ"), events[3]._replace(ipa="t")])
    assert [phone.ipa for phone in left_out] == ["IH", "T"]
    put_in = match_phones(("S", "IH", "NG"), [events[0]._replace(ipa=ipa) for ipa in ("s", "ɪ", "ŋ", "ɡ")])
    assert [phone.ipa for phone in put_in] == ["S", "IH", "NG", "G"]


def test_sentences_end_at_long_pauses():
    word, short, long = SpokenWord("a", ("AH",)), SpokenWord("", (SILENCE,), 0.2), SpokenWord("", (SILENCE,), 0.4)
    assert sentences([short, word, short, short, word, long, long, word]) == [[word, short, word, long], [word]]


def test_speech_with_phone_times() -> None:
    waveform, spoken = speak_plain("set red at l seven soon")
    phones = [phone[:3] for phone in split_phones(spoken)]
    assert waveform.dtype == np.float32
    assert np.abs(waveform).max() <= 1
    names = [name for name, _, _ in phones]
    assert names == ["S", "EH", "T", "R", "EH", "D", "AE", "T", "EH", "L", "S", "EH", "V", "AH", "N", "S", "UW", "N"]
    assert set(names) <= set(PHONES)
    for (_, start, end), (_, after, _) in zip(phones, [*phones[1:], ("", len(waveform) / 16_000, 0)], strict=True):
        assert 0 <= start < end <= after + 1e-9
    # A sibilant is noise: its zero crossings tell it from the vowel after it, at the stated times.
    hiss, vowel = (
        np.diff(np.signbit(waveform[round(s * 16_000) : round(e * 16_000)])).mean() for _, s, e in phones[:2]
    )
    assert hiss > 3 * vowel
    again = split_phones(speak_plain("set red at l seven soon")[1])
    assert [phone.ipa for phone in again] == names
    assert [phone.start for phone in again] == pytest.approx([start for _, start, _ in phones], abs=1e-3)


def test_unknown_voice_and_empty_text_are_refused() -> None:
    with pytest.raises(InputError, match="no voice 'xx'"):
        speak_plain("hello", voice="xx")
    with pytest.raises(InputError, match="nothing to say"):
        speak_plain("...")


# ---------------------------------------------------------------- the contract


@pytest.mark.parametrize("name", speech.BACKENDS)
def test_every_backend_keeps_the_contract(name):
    backend = speech.choose(name)
    assert backend.name == name
    assert backend.timing in (speech.OURS, speech.SYNTHESISER)
    assert "en" in backend.languages()
    assert type(backend).speak is speech.Backend.speak  # what is refused is stated once
    words = (SpokenWord("bin", ("B", "IH", "N")),)
    times = Alignment.build([], [Interval("B", 0.1, 0.2)], 1.0)
    given = times if backend.timing == speech.OURS else None
    with pytest.raises(InputError, match=f"{name} (speaks at given times|makes its own phone times)"):
        backend.speak(words, alignment=None if given else times)
    with pytest.raises(InputError, match=f"rate 9; {name} speaks at"):
        backend.speak(words, alignment=given, rate=9)
    with pytest.raises(InputError, match=f"{name} does not speak 'xx'; expected one of its languages"):
        backend.speak(words, alignment=given, language="xx")


# ---------------------------------------------------------------- festival


def test_festival_needs_times_of_these_words():
    words = (SpokenWord("bin", ("B", "IH", "N")),)
    times = Alignment.build(
        [Interval("bin", 0.5, 0.8)],
        [Interval(p, 0.5 + i / 10, 0.6 + i / 10) for i, p in enumerate(("B", "IH", "N"))],
        1.3,
    )
    festival = Festival()
    with pytest.raises(InputError, match="speaks at given times"):
        festival.speak(words)
    with pytest.raises(InputError, match="not those of the words"):
        festival.speak((SpokenWord("bit", ("B", "IH", "T")),), alignment=times)
    with pytest.raises(InputError, match="voice 'x' is not known here"):
        festival.speak(words, alignment=times, voice="x")
    with pytest.raises(InputError, match="does not speak 'de'"):
        festival.speak(words, alignment=times, language="de")
    with pytest.raises(InputError, match="holds no speech"):
        festival.speak((), alignment=Alignment.build([], [], 1.0))
    with pytest.raises(InputError, match="spn"):
        festival.speak((), alignment=Alignment.build([], [Interval("spn", 0.1, 0.2)], 1.0))


def test_a_missing_festival_says_how_to_get_it():
    absent = Festival("no-such-festival")
    assert not absent.is_available()
    with pytest.raises(MissingToolError, match="apt-get install festival festvox-kallpc16k"):
        absent.version()


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        ("exit 7", MissingToolError, "no voice kal_diphone; apt-get install"),
        ("echo SIOD ERROR: oh >&2", InputError, "festival could not speak .* oh"),
    ],
)
def test_a_festival_that_fails_is_an_error(tmp_path, lines, error, message):
    program = tmp_path / "festival"
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    times = Alignment.build([], [Interval("AA", 0.5, 0.8)], 1.3)
    with pytest.raises(error, match=message):
        Festival(os.fspath(program)).speak((), alignment=times)


needs_festival = pytest.mark.skipif(not Festival().is_available(), reason="festival is not installed")


@needs_festival
def test_festival_keeps_our_times():
    words = text_to_phones(TEXT)
    times = predict(words, 1.0)
    spoken = speech.speak_words(words, backend="festival", predict=predict)
    check_form(spoken)
    assert spoken.timing == "ours"
    assert [p for p in spoken.alignment.phones if p.label != SILENCE] == [p for p in times.phones if p.label != SILENCE]
    assert spoken.alignment.speech_words() == times.speech_words()
    said = [phone for phone in spoken.alignment.phones if phone.label != SILENCE]
    for before, pause in pairwise(spoken.alignment.phones[1:-1]):
        if pause.label == SILENCE:
            assert level(spoken.waveform, pause.start + 0.02, pause.end) < 1e-3 < level(spoken.waveform, *before[1:])
    assert level(spoken.waveform, said[0].start, said[-1].end) > 0.03


@needs_festival
def test_festival_speaks_one_phone_fast_phones_and_edited_times():
    from phonolips.speech.tts.festival import LEAD_SECONDS

    one = Festival().speak((), alignment=Alignment.build([], [Interval("AA", 0.5, 0.8)], 1.3))
    assert level(one.waveform, 0.55, 0.75) > 0.05 > 1e-3 > level(one.waveform, 0.85, 1.3)
    assert LEAD_SECONDS < EDGE_SECONDS
    quick = [Interval(phone, 0.1 + i / 100, 0.11 + i / 100) for i, phone in enumerate(PHONES[1:])]
    with pytest.warns(PhonolipsWarning, match="no sound for"):
        fast = Festival().speak((), alignment=Alignment.build([], quick, 0.5))
    assert fast.alignment.phone_sequence() == list(PHONES[1:])
    version = Festival().version()
    assert version[0].isdigit()
    assert "kal_diphone" in Festival().voices()


# ---------------------------------------------------------------- piper


HOP, PIPER_RATE = 256, 22_050


@pytest.fixture(scope="module")
def piper_voice(tmp_path_factory) -> Path:
    """A voice in piper's own format whose sound tells when it says what.

    Each phoneme id lasts a number of hops of its own; vowels are loud tones, consonants soft ones, the rest is silence.
    """
    pytest.importorskip("piper", reason="piper-tts is not installed")
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    from onnx import TensorProto, helper, numpy_helper
    from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP as ids

    hops = np.ones(256, np.float32)
    loud = np.zeros(256, np.float32)
    for signs, length, amplitude in (
        ("æɑɔaɛɚɜeɪioʊuəʌ", 6.4, 0.8),
        ("bdfklmnpstvwzðɡhʒŋɹʃθj", 4.2, 0.2),
        (",.", 20, 0),
    ):
        for sign in signs:
            hops[ids[sign]], loud[ids[sign]] = length, amplitude
    weights = {
        "hops": hops, "loud": loud, "hop": np.array(HOP, np.float32), "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64), "last": np.array(-1, np.int64), "axis": np.array([1], np.int64),
        "pitch": np.array(2 * np.pi * 200 / PIPER_RATE, np.float32), "all": np.array([-1], np.int64),
        "form": np.array([1, 1, -1], np.int64), "column": np.array([-1, 1], np.int64),
    }  # fmt: skip
    nodes = [
        ("Reshape", ["input", "all"], "ids"), ("Gather", ["scales", "one"], "scale"),
        ("Gather", ["hops", "ids"], "usual"), ("Mul", ["usual", "scale"], "exact"), ("Ceil", ["exact"], "lengths"),
        ("Mul", ["lengths", "hop"], "samples"), ("CumSum", ["samples", "zero"], "ends"),
        ("Gather", ["ends", "last"], "total"), ("Cast", ["total"], "count"), ("Range", ["zero", "count", "one"], "index"),
        ("Cast", ["index"], "times"), ("Reshape", ["times", "column"], "rows"), ("LessOrEqual", ["ends", "rows"], "past"),
        ("Cast", ["past"], "passed"), ("ReduceSum", ["passed", "axis"], "owner"), ("Gather", ["ids", "owner"], "said"),
        ("Gather", ["loud", "said"], "level"), ("Mul", ["times", "pitch"], "phase"), ("Sin", ["phase"], "wave"),
        ("Mul", ["wave", "level"], "sound"), ("Reshape", ["sound", "form"], "output"),
    ]  # fmt: skip
    casts = {"count": TensorProto.INT64, "times": TensorProto.FLOAT, "passed": TensorProto.INT64}
    settings = {"owner": {"keepdims": 0}, **{name: {"to": kind} for name, kind in casts.items()}}
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [name], **settings.get(name, {})) for kind, inputs, name in nodes],
        "voice",
        [
            helper.make_tensor_value_info("input", TensorProto.INT64, [1, None]),
            helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
            helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, None])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path = tmp_path_factory.mktemp("voice") / "voice.onnx"
    onnx.save(model, os.fspath(path))
    (path.parent / "voice.onnx.json").write_text(
        json.dumps(
            {
                "num_symbols": 256, "num_speakers": 1, "audio": {"sample_rate": PIPER_RATE}, "phoneme_type": "espeak",
                "espeak": {"voice": "en-us"}, "phoneme_id_map": ids,
                "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
            }
        )
    )  # fmt: skip
    return path


def test_piper_says_our_phones_at_its_own_times(piper_voice):
    spoken = speech.speak_text(TEXT, backend="piper", voice=os.fspath(piper_voice))
    check_form(spoken)
    assert (spoken.backend, spoken.timing) == ("piper", "synthesiser")
    assert spoken.alignment.phone_sequence() == phones_of(TEXT)
    for phone in spoken.alignment.phones:
        # in the middle, where the lengths of stress marks and pads do not reach
        middle = (phone.start + phone.end) / 2
        spoken_tiers = level(spoken.waveform, middle - 0.01, middle + 0.01)
        if phone.label == SILENCE:
            assert spoken_tiers < 0.01
        elif phone.label in VOWELS:
            assert spoken_tiers > 0.4
    fast = speech.speak_text(TEXT, backend="piper", voice=os.fspath(piper_voice), rate=2.0)
    assert 1.3 < (spoken.seconds - 1) / (fast.seconds - 1) < 2


def test_a_piper_voice_that_is_none_is_refused(piper_voice, tmp_path):
    with pytest.raises(InputError, match=r"needs a voice file NAME\.onnx"):
        speech.speak_text("hello", backend="piper")
    with pytest.raises(InputError, match="no such file; a piper voice is two files"):
        speech.speak_text("hello", backend="piper", voice=os.fspath(tmp_path / "absent.onnx"))
    settings = json.loads(piper_voice.with_name("voice.onnx.json").read_text())
    (tmp_path / "junk.onnx").write_bytes(b"no model")
    (tmp_path / "junk.onnx.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="not a piper voice"):
        speech.speak_text("hello", backend="piper", voice=os.fspath(tmp_path / "junk.onnx"))
    german = tmp_path / "german.onnx"
    german.write_bytes(piper_voice.read_bytes())
    german.with_name("german.onnx.json").write_text(json.dumps(settings | {"espeak": {"voice": "de"}}))
    with pytest.raises(InputError, match="a voice for 'de'; expected an English one"):
        speech.speak_text("hello", backend="piper", voice=os.fspath(german))


def test_a_missing_or_old_piper_says_how_to_get_it(monkeypatch):
    from phonolips.speech.tts import piper

    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(piper, "version", absent)
    assert not piper.Piper().is_available()
    with pytest.raises(MissingToolError, match=r"needs piper-tts, .*; pip install 'piper-tts>=1\.8' onnx"):
        speech.speak_text("hello", backend="piper", voice="voice.onnx")
    monkeypatch.setattr(piper, "version", {"piper-tts": "1.2.0", "onnx": "1.20"}.__getitem__)
    with pytest.raises(MissingToolError, match=r"piper-tts 1\.2\.0 does not give durations; expected 1\.8 or later"):
        piper.Piper().version()


# ---------------------------------------------------------------- the bench


def test_the_bench_compares_phones_with_what_was_spoken(spoken):
    bench = tool("tools/bench/speech")
    words = bench.words_of(spoken.alignment)
    assert [word.word for word in words] == [word.word for word in text_to_phones(TEXT) if word.word]
    assert [phone for word in words for phone in word.phones] == phones_of(TEXT)
    later = [phone._replace(start=phone.start + 0.01, end=phone.end + 0.01) for phone in spoken.alignment.phones[1:-1]]
    late = bench.lateness(Alignment.build([], later, spoken.seconds), spoken.alignment)
    assert [name for name, _ in late] == [*phones_of(TEXT), "end"]
    assert [error for _, error in late] == pytest.approx([10.0] * len(late))
    assert bench.row("x", [5.0, -15.0, 30.0]) == "| x | 3 | +5.0 | 15.0 | 66.7% |"


@pytest.mark.parametrize("phones", [90, 220, 700])
def test_a_stretch_of_phones_longer_than_espeak_holds_is_said_whole(phones):
    asked = ("B", "AY", "N", "UW", "S") * (phones // 5)
    spoken = speech.speak_words(phones_to_words(asked))
    assert spoken.alignment.phone_sequence()[: phones // 2] == list(asked)[: phones // 2]
    assert len(spoken.alignment.phone_sequence()) == pytest.approx(phones, rel=0.03)


@pytest.mark.parametrize(("letter", "language"), [("ü", "ru"), ("1", "fi"), ("あ", "ja"), ("w", "de")])
def test_the_longest_words_of_other_languages_do_not_end_the_process(letter, language):
    code = f"from phonolips.speech.tts.speak import speak_text; speak_text({letter * 100!r}, language={language!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
