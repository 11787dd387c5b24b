"""The public verbs on the model in the package: shapes, clocks, a shut mouth, and what is refused."""

import numpy as np
import pytest

from phonolips.cli.options import parse_emphasis
from phonolips.errors import CheckpointError, InputError, PhonolipsWarning
from phonolips.lips.measures import height, opening, width
from phonolips.lips.rest import rest_weights
from phonolips.lips.shapes import close_lips
from phonolips.model.network import load_network
from phonolips.phones import decode
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONES
from phonolips.speech.tts.spoken import EDGE_SECONDS
from phonolips.synth import result, verbs


def noise(seconds: float, level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(0).normal(0, level, round(seconds * 16_000)).astype(np.float32).clip(-1, 1)


@pytest.fixture(scope="module")
def spoken() -> result.Result:
    return verbs.from_text("bin blue at f two now")


def test_text_gives_lips_posteriors_and_phones_on_one_clock(spoken):
    assert spoken.lips.dtype == spoken.posteriors.dtype == np.float32
    assert spoken.lips.shape[1:] == (40, 2)
    assert len(spoken.lips) == np.ceil(spoken.spoken_seconds * 25 - 1e-6)
    assert np.allclose(spoken.posteriors.sum(1), 1)
    assert spoken.alignment.phone_sequence() == [
        "B",
        "IH",
        "N",
        "B",
        "L",
        "UW",
        "AE",
        "T",
        "EH",
        "F",
        "T",
        "UW",
        "N",
        "AW",
    ]
    assert [word.label for word in spoken.alignment.speech_words()] == ["bin", "blue", "at", "f", "two", "now"]
    assert spoken.timing == "predicted durations"
    assert 0.8 < spoken.seconds < 4


def phone_openings(result: result.Result, wanted: set[str]) -> list[float]:
    """The least opening during each of these phones, a frame more on each side."""
    curve = opening(result.lips)
    spans = [p for p in result.alignment.phones if p.label in wanted]
    return [float(curve[max(0, int(p.start * 25) - 1) : int(p.end * 25) + 2].min()) for p in spans]


@pytest.mark.parametrize(
    "text",
    ["bin blue at f two now", "The quick brown fox jumps over the lazy dog, didn't it, Mr. Nguyen?", "mama, papa, bob"],
)
def test_the_mouth_is_shut_in_silence_and_on_b_p_m(text):
    result = verbs.from_text(text)
    curve = opening(result.lips)
    wide = float(np.quantile(curve, 0.95))
    assert curve[0] < 0.2 * wide
    assert curve[-3:].max() < 0.2 * wide
    shut = np.array(phone_openings(result, {"B", "P", "M"}))
    assert np.median(shut) < 0.25 * wide
    assert shut.max() < 0.45 * wide


def test_the_same_call_gives_the_same_lips(spoken):
    again = verbs.from_text("bin blue at f two now")
    assert np.array_equal(again.lips, spoken.lips)


@pytest.mark.parametrize("fps", [24, 29.97, 30, 50, 60])
def test_any_frame_rate_reads_the_same_curve(spoken, fps):
    other = verbs.from_text("bin blue at f two now", fps=fps)
    exact = 30000 / 1001 if fps == 29.97 else fps
    assert other.fps == pytest.approx(exact)
    assert len(other.lips) == np.ceil(spoken.spoken_seconds * exact - 1e-6)
    times = (np.arange(len(other.lips)) + 0.5) / exact
    expected = np.interp(times, (np.arange(len(spoken.lips)) + 0.5) / 25, opening(spoken.lips))
    assert np.abs(opening(other.lips) - expected).max() < 0.02


def test_rate_speaks_faster(spoken):
    fast = verbs.from_text("bin blue at f two now", rate=2.0)
    edges = 2 * EDGE_SECONDS
    assert fast.spoken_seconds - edges == pytest.approx((spoken.spoken_seconds - edges) / 2, abs=0.05)


def test_phones_bypass_the_dictionary():
    result = verbs.from_phones("B IH1 N sil B L UW1")
    assert result.alignment.phone_sequence() == ["B", "IH", "N", "B", "L", "UW"]
    assert verbs.from_phones(["B", "IH", "N"]).alignment.phone_sequence() == ["B", "IH", "N"]


def test_given_durations_are_kept_and_checked(spoken):
    times = spoken.alignment
    later = Alignment.build(
        [Interval(w.label, w.start + 1, w.end + 1) for w in times.speech_words()],
        [Interval(p.label, p.start + 1, p.end + 1) for p in times.phones if p.label != "sil"],
        times.duration + 1,
    )
    result = verbs.from_text("bin blue at f two now", durations=later)
    assert result.timing == "given durations"
    assert np.abs(opening(result.lips)[37:-5] - opening(spoken.lips)[12:-5]).max() < 0.02
    with pytest.raises(InputError, match="`durations` holds 14 phones"):
        verbs.from_text("bin red at f two now", durations=later)


def test_audio_gives_frames_for_all_of_it():
    result = verbs.from_audio(noise(2.01))
    assert len(result.posteriors) == 204
    assert len(result.lips) == 51
    assert result.timing == "audio"
    assert len(result.waveform) == 32_160


def test_audio_at_another_rate_is_resampled():
    result = verbs.from_audio(np.sin(np.arange(44_100) / 20).astype(np.float64) * 0.1, sample_rate=44_100)
    assert len(result.lips) == 25


def test_silence_keeps_the_mouth_shut_and_still():
    curve = opening(verbs.from_audio(np.zeros(48_000, np.float32)).lips)
    assert curve.max() < 0.05
    assert np.abs(np.diff(curve[10:])).max() < 0.005


def test_blocks_and_the_whole_are_the_same():
    waveform = noise(25)
    whole = verbs.from_audio(waveform)
    blocks = verbs.from_audio(waveform[i : i + 7_001] for i in range(0, len(waveform), 7_001))
    assert np.abs(whole.lips - blocks.lips).max() < 1e-4


def test_edited_posteriors_change_the_lips(spoken):
    edited = spoken.posteriors.copy()
    middle = slice(len(edited) // 2 - 15, len(edited) // 2 + 15)
    edited[middle] = 0
    edited[middle, PHONES.index("AA")] = 1
    before, after = opening(spoken.lips), opening(verbs.from_posteriors(edited).lips)
    at = len(before) // 2
    assert np.allclose(before[: at - 20], after[: at - 20], atol=0.02)
    assert np.abs(before - after).max() > 0.03
    other = edited.copy()
    other[middle] = 0
    other[middle, PHONES.index("M")] = 1
    assert opening(verbs.from_posteriors(other).lips)[at] < 0.4 * after[at]


def test_gestures_stand_beside_the_phones_and_can_be_edited():
    encoded = verbs.from_audio(noise(2.0))
    assert encoded.lip_parameter_names == ("opening", "width", "height")
    assert encoded.lip_parameters.shape == (50, 3)
    again = verbs.from_posteriors(encoded.posteriors, lip_parameters=encoded.lip_parameters)
    assert np.abs(again.lips - encoded.lips).max() < 1e-5
    narrow = verbs.from_audio(noise(2.0), phones_only=True)
    predicted = verbs.from_posteriors(encoded.posteriors)
    assert np.abs(narrow.lips - predicted.lips).max() < 1e-5
    assert np.abs(narrow.lip_parameters - encoded.lip_parameters).max() > 0.01
    wider = encoded.lip_parameters.copy()
    wider[20:30, 0] += 2.0
    ajar = {"posteriors": encoded.posteriors, "rest": "natural"}
    made = (
        verbs.from_posteriors(lip_parameters=wider, **ajar),
        verbs.from_posteriors(lip_parameters=encoded.lip_parameters, **ajar),
    )
    opened = opening(made[0].lips) - opening(made[1].lips)
    assert opened[22:28].mean() > 0.01
    with pytest.raises(InputError, match=r"expected \(50, 3\)"):
        verbs.from_posteriors(encoded.posteriors, lip_parameters=wider[:-1])


def test_liveliness_moves_more_and_never_crosses_the_lips(spoken):
    calm, lively = (verbs.from_text("bin blue at f two now", liveliness=amount) for amount in (0, 1))
    speeds = [np.linalg.norm(np.diff(result.lips, axis=0), axis=-1).mean() for result in (calm, lively)]
    assert speeds[1] > 1.2 * speeds[0]
    assert opening(lively.lips).min() >= -1e-6
    assert np.isclose(opening(calm.lips).mean(), opening(lively.lips).mean(), atol=0.01)
    with pytest.raises(InputError, match="liveliness 3"):
        verbs.from_text("bin", liveliness=3)


def test_a_lip_shape_of_your_own(spoken):
    shape = load_network().lip_mean[0] * 1.5
    # no b, m, p, f or v, and ajar in silence: these are closed by rule, in any shape
    gain = (
        1 / load_network().description.settings.lips.width_of_others
    )  # as decoded: a stretched mouth depends on its shape
    options = {"liveliness": 0, "rest": "natural", "articulation": {"width": gain}}
    calm = verbs.from_text("lay green at two now", **options)
    result = verbs.from_text("lay green at two now", mean_lip=shape, **options)
    expected = calm.lips - load_network().lip_mean[0] + shape
    assert np.allclose(result.lips, expected, atol=1e-5)
    with pytest.raises(InputError, match="mean_lip"):
        verbs.from_text("bin", mean_lip=np.zeros((20, 2)))


def test_every_speaker_of_the_model_speaks():
    for speaker in load_network().description.speakers:
        assert np.isfinite(verbs.from_text("lay red", speaker=speaker).lips).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: verbs.from_text(""), "text"),
        (lambda: verbs.from_text("😀🎉"), "text"),
        (lambda: verbs.from_text("hallo", language="xx-nowhere"), "xx-nowhere"),
        (lambda: verbs.from_text("bin", fps=0), "fps 0"),
        (lambda: verbs.from_text("bin", rate=-1), "rate -1"),
        (lambda: verbs.from_text("bin", speaker="s99"), "s99"),
        (lambda: verbs.from_phones("B QQ"), "QQ"),
        (lambda: verbs.from_audio(np.full(16_000, np.nan, np.float32)), "NaN"),
        (lambda: verbs.from_audio(np.zeros((2, 16_000), np.float32)), "waveform"),
        (lambda: verbs.from_posteriors(np.ones((10, 40))), "sum to"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_missing_model_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="no such model folder"):
        load_network(tmp_path / "none")


def test_phones_are_read_off_posteriors():
    labels = [0] * 20 + [7] * 10 + [1] + [7] * 4 + [1] * 15 + [0] * 10
    posteriors = np.eye(40, dtype=np.float32)[labels] * 0.6 + 0.01
    found = decode.read_phones(posteriors / posteriors.sum(1, keepdims=True))
    assert [(p.label, round(p.start, 2), round(p.end, 2)) for p in found.phones] == [
        ("sil", 0.0, 0.2), ("B", 0.2, 0.35), ("AA", 0.35, 0.5), ("sil", 0.5, 0.6)
    ]  # fmt: skip
    assert found.confidences is not None
    assert found.confidences[0] == pytest.approx(0.61, abs=0.01)


def test_a_run_is_read_back_with_what_stands_beside_it(tmp_path):
    from phonolips.synth.folder import read_result

    result = verbs.from_text("bin blue", fps=30)
    result.save(tmp_path)
    run = read_result(tmp_path)
    assert np.array_equal(run.lips, result.lips)
    assert (run.fps, run.layout, run.sound) == (30.0, "mediapipe40", None)
    assert run.need_alignment().phone_sequence() == result.alignment.phone_sequence()
    assert run.posteriors is not None
    assert np.array_equal(run.posteriors, result.posteriors)
    (tmp_path / "phones.TextGrid").unlink()
    with pytest.raises(InputError, match="phones are not known"):
        read_result(tmp_path / "lips.npz").need_alignment()


def test_a_textgrid_is_spoken_at_its_times_with_replaced_phones():
    told = verbs.from_text("bin blue")
    grid = told.alignment
    again = verbs.from_alignment(grid)
    assert np.array_equal(again.lips, told.lips)
    swapped = [phone._replace(label={"IH": "AA"}.get(phone.label, phone.label)) for phone in grid.phones]
    other = verbs.from_alignment(Alignment.build(grid.words, swapped, grid.duration))
    vowel = next(phone for phone in grid.phones if phone.label == "IH")
    frames = slice(round(vowel.start * 25), round(vowel.end * 25) + 2)
    assert opening(other.lips)[frames].max() > opening(told.lips)[frames].max() + 0.02
    fast = verbs.from_alignment(grid, rate=2.0)
    assert fast.spoken_seconds == pytest.approx(grid.duration / 2, abs=0.011)
    with pytest.raises(InputError, match="sound of its own pace"):
        verbs.from_alignment(grid, rate=2.0, waveform=np.zeros(16_000, np.float32))


def test_unknown_phones_of_a_textgrid_rest_with_a_warning():
    grid = Alignment.build((), [Interval("B", 0.1, 0.2), Interval("spn", 0.2, 0.5)], 1.0)
    with pytest.warns(PhonolipsWarning, match=r"1 x spn .* first at 0.20 s"):
        verbs.from_alignment(grid)


def word_of(result, label):
    return next(word for word in result.alignment.speech_words() if word.label == label)


def test_an_emphasised_word_is_longer_and_larger():
    plain = verbs.from_text("place red at a now")
    loud = verbs.from_text("place red at a now", emphasis={"red": 1.5})
    word, longer = (word_of(result, "red") for result in (plain, loud))
    assert longer.duration == pytest.approx(1.5 * word.duration, abs=0.04)
    other, same = (word_of(result, "now") for result in (plain, loud))
    assert same.duration == pytest.approx(other.duration, abs=0.011)

    def height(result, interval):
        return np.ptp(opening(result.lips)[round(interval.start * 25) : round(interval.end * 25) + 1])

    fixed = verbs.from_text("place red at a now", emphasis={"red": 1.5}, durations=plain.alignment)
    assert height(fixed, word) > 1.2 * height(plain, word)
    assert height(fixed, other) == pytest.approx(height(plain, other), rel=1e-4)
    assert opening(fixed.lips).min() > -1e-6
    assert (opening(fixed.lips) > opening(plain.lips) - 1e-6).all()  # a rounded vowel is not shut by emphasis
    with pytest.raises(InputError, match=r"emphasis blue: not one of the words spoken \(place, red, at, a, now\)"):
        verbs.from_text("place red at a now", emphasis={"blue": 1.5})
    with pytest.raises(InputError, match="no words are known"):
        verbs.from_audio(np.zeros(16_000, np.float32), emphasis={"blue": 1.5})


@pytest.mark.parametrize("text", ["", "=2", "blue=x", "blue=9", "blue=nan", "blue=-1"])
def test_emphasis_that_makes_no_sense(text):
    with pytest.raises(InputError, match="expected a word, or WORD=FACTOR"):
        parse_emphasis([text])


def test_emphasis_as_people_write_it():
    assert parse_emphasis(["Blue", "now=0.8"]) == {"blue": 1.3, "now": 0.8}


def silences(alignment: Alignment, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How long each time is into a silence, and how long before its end; -1 in speech, infinity at the ends."""
    into, before = np.full(len(times), -1.0), np.full(len(times), -1.0)
    for phone in alignment.phones:
        inside = (times >= phone.start) & (times < phone.end)
        if phone.label == "sil":
            into[inside] = times[inside] - phone.start if phone.start else np.inf
            before[inside] = phone.end - times[inside] if phone.end < alignment.duration else np.inf
    return into, before


@pytest.mark.parametrize("fps", [12, 24, 25, 29.97, 60, 240])
def test_the_mouth_is_shut_from_120_ms_of_silence_on(fps):
    """Frames at any rate, pauses of any length; the mouth opens within the last 120 ms of a pause."""
    phones = []
    for pause, first, last in (
        (0.5, "AA", "T"),
        (0.25, "S", "OW"),
        (0.3, "K", "AE"),
        (0.7, "AE", "IY"),
        (0.24, "T", "AO"),
    ):
        start = phones[-1].end + pause if phones else pause
        phones += [Interval(first, start, start + 0.1), Interval(last, start + 0.1, start + 0.23)]
    spoken = Alignment.build((), phones, phones[-1].end + 0.4)
    result = verbs.from_alignment(spoken, fps=fps, speaker="s1")
    times = (np.arange(len(result.lips)) + 0.5) / result.fps
    into, before = silences(result.alignment, times)
    shut = (into > 0.12) & (before > 0.12)
    assert shut.sum() > 0.9 * fps
    heights = opening(result.lips)
    assert np.abs(heights[shut]).max() < 0.02
    if fps >= 24:
        for phone, other in zip(phones[::2], phones[1::2], strict=True):  # open again when the phone begins
            spoken_height = heights[(times >= phone.start) & (times < other.end)].max()
            assert np.interp(phone.start, times, heights) > 0.15 * spoken_height


def test_a_pause_that_is_too_short_is_left_to_the_decoder():
    pauses = [Interval("AA", 0.3, 0.5), Interval("AA", 0.56, 0.8)]
    spoken = Alignment.build((), pauses, 1.2)
    shut, natural = (verbs.from_alignment(spoken, rest=rest) for rest in ("shut", "natural"))
    assert opening(shut.lips)[13] > 0.6 * opening(natural.lips)[13] > 0.03
    assert (rest_weights(pauses, 30)[8:20] < 0.05).all()


def test_the_mouth_is_shut_through_a_p_that_begins_a_sentence_and_an_m_that_ends_it():
    phones = [Interval("P", 0.5, 0.6), Interval("AA", 0.6, 0.8), Interval("M", 0.8, 0.9)]
    heights = opening(verbs.from_alignment(Alignment.build((), phones, 1.4)).lips)
    assert heights[:13].max() < 0.02
    assert heights[15:19].max() > 0.05
    assert heights[23:].max() < 0.02


def test_nothing_said_is_a_shut_mouth():
    quiet = verbs.from_alignment(Alignment.build((), [], 1.0))
    assert np.abs(opening(quiet.lips)).max() < 1e-6


def test_the_old_name_of_rest_warns(spoken):
    for old, rest in ((True, "shut"), (False, "natural")):
        with pytest.warns(DeprecationWarning, match=rf"shut_in_silence={old} is now rest='{rest}'") as caught:
            made = verbs.from_posteriors(spoken.posteriors, shut_in_silence=old)
        assert caught[0].filename == __file__
        assert np.array_equal(made.lips, verbs.from_posteriors(spoken.posteriors, rest=rest).lips)


def test_articulation_moves_what_it_names():
    text = "you see, wide open mouths"
    plain = verbs.from_text(text)
    wide = verbs.from_text(text, articulation={"width": 1.5})
    middle = close_lips(load_network().lip_speaker(None).mean_lip)
    np.testing.assert_allclose(wide.lips[..., 1], plain.lips[..., 1], atol=1e-6)
    np.testing.assert_allclose(width(wide.lips) - width(middle), 1.5 * (width(plain.lips) - width(middle)), atol=2e-5)
    np.testing.assert_allclose(wide.lips[..., 0].mean(1), plain.lips[..., 0].mean(1), atol=1e-6)
    tall = verbs.from_text(text, articulation={"opening": 1.5})
    np.testing.assert_allclose(tall.lips[..., 0], plain.lips[..., 0], atol=1e-6)
    assert opening(tall.lips).max() == pytest.approx(1.5 * opening(plain.lips).max(), rel=0.05)
    assert opening(tall.lips).min() > -1e-6
    low = verbs.from_text(text, articulation={"height": 0.0})
    np.testing.assert_allclose(opening(low.lips), opening(plain.lips), atol=1e-6)
    assert height(low.lips).std() < 0.2 * height(plain.lips).std()
    assert np.array_equal(verbs.from_text(text, articulation=1.0).lips, plain.lips)


@pytest.mark.parametrize(
    "wrong", [-0.1, 3.1, "1.2", None, float("nan"), {"depth": 1.0}, {"width": "x"}, {"width": 4}, {1: 1.0}]
)
def test_articulation_that_makes_no_sense(wrong):
    with pytest.raises(InputError, match=r"articulation.*; expected"):
        verbs.from_text("bin", articulation=wrong)


def test_speakers_of_the_model_keep_their_size_and_speed(spoken):
    network = load_network()
    settings = network.description.settings.lips
    given = {"posteriors": spoken.posteriors, "rest": "natural"}
    known = verbs.from_posteriors(speaker="s1", **given)
    same = verbs.from_posteriors(speaker="s1", liveliness=settings.liveliness, articulation=1, **given)
    assert np.array_equal(known.lips, same.lips)
    other = verbs.from_posteriors(**given)
    same = verbs.from_posteriors(liveliness=settings.liveliness_of_others, **given)
    assert np.array_equal(other.lips, same.lips)
    less = verbs.from_posteriors(articulation={"width": 1 / settings.width_of_others}, **given)
    assert width(other.lips).std() > 1.5 * width(less.lips).std()
