"""Whether a text is what is said: fillers for speech beyond it, the fit, refusals and warnings, for every aligner."""

import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import combinations, pairwise, product
from multiprocessing import get_context

import numpy as np
import pytest
import soundfile
from conftest import needs, tool

from phonolips.editing.recording import align_words, cut_to_pictures
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.model.network import load_network
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import NUM_PHONES, PHONE_IDS, SILENCE, SILENCE_ID, UNKNOWN
from phonolips.phones.textgrid import read_textgrid
from phonolips.speech.align import search as search_module
from phonolips.speech.align.align import align_and_judge, find_crammed, judge
from phonolips.speech.align.ctc import align_posteriors
from phonolips.speech.align.fit import measure_fit
from phonolips.speech.align.search import NO_FILLER, search, search_with_fillers
from phonolips.speech.words import SpokenWord
from phonolips.synth.result import Result
from phonolips.timebase import SAMPLE_RATE

BIN = SpokenWord("bin", ("B", "IH", "N"))
NOW = SpokenWord("now", ("N", "AW"))
SAID = [("sil", 10), ("B", 8), ("IH", 9), ("N", 8), ("sil", 12), ("N", 8), ("AW", 14), ("sil", 10)]
MORE = [("S", 12), ("EH", 13), ("T", 9), ("W", 8), ("AY", 16), ("T", 10)]  # something else, 0.68 s
TEXT = "please call me before you leave for the airport"


def posteriors_of(spans: list[tuple[str, int]], sure: float = 0.9) -> np.ndarray:
    """Make posteriors that are `sure` of each phone for its number of steps."""
    labels = np.repeat([PHONE_IDS[phone] for phone, _ in spans], [steps for _, steps in spans])
    rows = np.full((len(labels), NUM_PHONES), (1 - sure) / (NUM_PHONES - 1), np.float32)
    rows[np.arange(len(labels)), labels] = sure
    return rows


def spans_of(alignment: Alignment) -> list[tuple[str, int, int]]:
    """List the phones with their times in steps."""
    return [(phone.label, round(100 * phone.start), round(100 * phone.end)) for phone in alignment.phones]


def expected_spans(spans: list[tuple[str, int]]) -> list[tuple[str, int, int]]:
    edges = np.cumsum([0, *(steps for _, steps in spans)]).tolist()
    return [(name, *edge) for (name, _), edge in zip(spans, pairwise(edges), strict=True)]


# ---------------------------------------------------------------- the search


def best_with_fillers(logs: np.ndarray, tokens: list[int], slots: dict[int, float], costs: np.ndarray) -> float:
    """Try every labelling: tokens in order, and in each gap silence, then a filler, or either, or nothing."""
    order: list[tuple[str, int]] = []
    for place in range(-1, len(tokens)):
        if place >= 0:
            order.append(("token", place))
        order.append(("silence", place))
        if place in slots:
            order.append(("filler", place))
    best = -np.inf
    optional = [index for index, (kind, _) in enumerate(order) if kind != "token"]
    for kept in product((False, True), repeat=len(optional)):
        left = [item for index, item in enumerate(order) if index not in optional or kept[optional.index(index)]]
        for first, second in pairwise(left):
            if first[0] == second[0] == "token" and tokens[first[1]] == tokens[second[1]]:
                break
        else:
            for cuts in combinations(range(1, len(logs)), len(left) - 1):
                score = 0.0
                for (kind, place), start, end in zip(left, (0, *cuts), (*cuts, len(logs)), strict=True):
                    column = {"token": tokens[place], "silence": SILENCE_ID, "filler": logs.shape[1] - 1}[kind]
                    score += float(logs[start:end, column].sum())
                    score -= slots[place] if kind == "filler" else 0.0
                    score -= float(costs[place]) * (end - start) if kind == "token" else 0.0
                best = max(best, score)
    return best


@pytest.mark.parametrize("tokens", [[3], [3, 5], [3, 3], [3, 3, 5]])
@pytest.mark.parametrize("seed", range(4))
def test_the_search_with_fillers_finds_the_best_of_all_paths(tokens, seed, monkeypatch):
    rng = np.random.default_rng(seed)
    logs = np.log(rng.dirichlet(np.full(8, 0.4), 8) + 1e-3).astype(np.float32)
    slots = {-1: 0.5, len(tokens) - 1: float(rng.uniform(0, 2)), 0: 1.0}
    costs = rng.uniform(0, 1, len(tokens)).astype(np.float32)
    found = search_with_fillers(logs, np.array(tokens), slots, costs=costs)
    assert found.score == pytest.approx(best_with_fillers(logs, tokens, slots, costs), abs=1e-4)
    monkeypatch.setattr(search_module, "MOST_MOVES", 20)  # two or three steps at a time
    again = search_with_fillers(logs, np.array(tokens), slots, costs=costs)
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_long_search_in_blocks_is_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    logs = np.log(rng.dirichlet(np.full(NUM_PHONES, 0.2), 700) + 1e-8).astype(np.float32)
    tokens = rng.integers(1, NUM_PHONES, 60)
    whole = search(logs, tokens)
    monkeypatch.setattr(search_module, "MOST_MOVES", 5_000)
    for one, other in zip(whole, search(logs, tokens), strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_slots_there_is_no_filler():
    logs = np.log(posteriors_of(SAID))
    assert (search_with_fillers(logs, np.array([PHONE_IDS["AW"]]), {}).fillers == NO_FILLER).all()


# ---------------------------------------------------------------- speech beyond the text

BEYOND = {
    "after": (SAID, [*MORE, ("sil", 5)], [*SAID, (UNKNOWN, 68), ("sil", 5)]),
    "before": ([("sil", 5), *MORE], SAID, [("sil", 5), (UNKNOWN, 68), *SAID]),
    "between": (
        [*SAID[:5], *MORE],
        SAID[5:],
        [*SAID[:5], (UNKNOWN, 68), *SAID[5:]],
    ),
    "at once after": (SAID[:-1], [*MORE, ("sil", 5)], [*SAID[:-1], (UNKNOWN, 68), ("sil", 5)]),
    "in two parts": (
        SAID,
        [*MORE, ("sil", 40), *MORE, ("sil", 5)],
        [*SAID, (UNKNOWN, 68), ("sil", 40), (UNKNOWN, 68), ("sil", 5)],
    ),
}


@pytest.mark.parametrize("case", BEYOND)
def test_speech_beyond_the_text_is_marked_and_swallowed_by_no_word(case):
    first, second, expected = BEYOND[case]
    alignment = align_posteriors(posteriors_of([*first, *second]), [BIN, NOW])
    assert spans_of(alignment) == expected_spans(expected)
    assert [word.label for word in alignment.speech_words()] == ["bin", "now"]
    assert alignment.confidences is not None
    assert [c for p, c in zip(alignment.phones, alignment.confidences, strict=True) if p.label == UNKNOWN] == [0] * (
        2 if case == "in two parts" else 1
    )


def test_silence_beyond_the_text_stays_silence_and_words_may_fill_everything():
    spans = [*SAID, ("sil", 300)]
    assert UNKNOWN not in [phone.label for phone in align_posteriors(posteriors_of(spans), [BIN, NOW]).phones]
    longer = posteriors_of([*SAID, *MORE])
    assert UNKNOWN not in [phone.label for phone in align_posteriors(longer, [BIN, NOW], only_words=True).phones]


def test_a_word_said_otherwise_is_not_taken_for_speech_beyond_the_text():
    alignment = align_posteriors(posteriors_of([*SAID, ("T", 9), ("UW", 15), ("sil", 9)]), [BIN, NOW, BIN])
    assert UNKNOWN not in [phone.label for phone in alignment.phones]
    assert [word.label for word in alignment.speech_words()] == ["bin", "now", "bin"]


def test_no_phone_lasts_for_seconds_because_a_sound_is_a_little_like_it():
    music = np.full((300, NUM_PHONES), 0.4 / (NUM_PHONES - 2), np.float32)
    music[:, [PHONE_IDS["IY"], PHONE_IDS["AW"]]] = 0.42, 0.18
    alignment = align_posteriors(np.concatenate([posteriors_of(SAID[:-1]), music]), [BIN, NOW])
    assert spans_of(alignment)[:-1] == expected_spans(SAID[:-1])
    assert spans_of(alignment)[-1] == (UNKNOWN, 69, 369)


def test_a_phone_that_is_held_stays():
    alignment = align_posteriors(posteriors_of([*SAID[:-2], ("AW", 300), ("sil", 9)]), [BIN, NOW])
    assert spans_of(alignment)[-2] == ("AW", 55, 355)


def test_posteriors_beyond_the_end_of_the_sound_are_left_out():
    spans = [("sil", 5), ("B", 8), ("IH", 9), ("N", 4), ("AW", 2)]
    alignment = align_posteriors(posteriors_of(spans), [SpokenWord("bin", ("B", "IH", "N", "AW"))], duration=0.264)
    assert alignment.duration == 0.264
    assert [phone.label for phone in alignment.phones] == ["sil", "B", "IH", "N", "AW"]


# ---------------------------------------------------------------- the fit


def test_the_fit_is_the_geometric_mean_over_phones_of_the_share_of_the_likeliest_posterior():
    rows = posteriors_of([("B", 4), ("IH", 4), ("N", 4)])
    rows[4:8, PHONE_IDS["IH"]], rows[4:8, PHONE_IDS["EH"]] = 0.2, 0.8  # the encoder hears EH: a quarter of it
    words = [Interval("bin", 0, 0.12)]
    phones = [Interval("B", 0, 0.04), Interval("IH", 0.04, 0.08), Interval("N", 0.08, 0.12)]
    found = measure_fit(rows, Alignment.build(words, phones, 0.12))
    assert found.fit == pytest.approx(0.25 ** (1 / 3))
    (word,) = found.words
    assert (word.word.label, word.phones) == ("bin", 3)
    assert word.fit == pytest.approx(found.fit)
    assert word.confidence == pytest.approx((0.9 + 0.2 + 0.9) / 3)
    assert word.phone_seconds == pytest.approx(0.04)


def test_silence_inside_a_phone_does_not_count_but_a_phone_of_silence_does():
    rows = posteriors_of([("B", 2), ("sil", 6), ("IH", 4)])
    words = [Interval("b", 0, 0.08), Interval("i", 0.08, 0.12)]
    closed = measure_fit(rows, Alignment.build(words, [Interval("B", 0, 0.08), Interval("IH", 0.08, 0.12)], 0.12))
    assert closed.fit == pytest.approx(1)
    assert closed.words[0].phone_seconds == pytest.approx(0.02)
    silent = [Interval("B", 0, 0.02), Interval("IH", 0.02, 0.08)]
    assert measure_fit(rows, Alignment.build([Interval("i", 0, 0.08)], silent, 0.12)).fit < 0.1


def test_a_fit_of_nothing_is_nought():
    nothing = Alignment.build([], [], 0.1)
    assert measure_fit(posteriors_of([("sil", 10)]), nothing) == (0.0, ())


def test_unsaid_speech_does_not_count():
    whole = align_posteriors(posteriors_of([*SAID, *MORE]), [BIN, NOW])
    assert UNKNOWN in [phone.label for phone in whole.phones]
    assert measure_fit(posteriors_of([*SAID, *MORE]), whole).fit == pytest.approx(1)


def test_words_without_time_are_refused_by_name():
    extra = [SpokenWord("set", ("S", "EH", "T")), SpokenWord("white", ("W", "AY", "T"))]
    rows = posteriors_of(SAID, sure=0.999999)
    assert not find_crammed(measure_fit(rows, align_posteriors(rows, [BIN, NOW])))
    for words in ([BIN, NOW, *extra], [*extra, BIN, NOW], [BIN, *extra, NOW]):
        with pytest.raises(InputError, match=r'could not be found in the sound: .*"set white"') as caught:
            judge(rows, words, duration=len(rows) / 100)
        assert "\n" not in str(caught.value)


def test_many_refused_words_are_not_all_named():
    rows = posteriors_of([*SAID, ("sil", 200)], sure=0.999999)
    many = [SpokenWord(f"w{number}", ("S", "EH", "T", "W")) for number in range(12)]
    with pytest.raises(InputError, match=r"and [45] more"):
        judge(rows, [BIN, NOW, *many], duration=len(rows) / 100)


# ---------------------------------------------------------------- real sounds


@pytest.fixture(scope="module")
def network():
    return load_network()


def _say():
    return tool("tools/bench/boundaries").say(TEXT, "en-us", 165, 0)


@pytest.fixture(scope="module")
def sound():
    """Speak in a new process: what espeak-ng said before changes its next sound a little, and some edges are close."""
    pytest.importorskip("espeakng_loader")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_say).result()


ALIGNERS = ("ctc", pytest.param("sphinx", marks=needs("align")))


@pytest.mark.parametrize("aligner", ALIGNERS)
@pytest.mark.filterwarnings("error::phonolips.errors.PhonolipsWarning")
def test_the_right_text_is_taken_without_a_word_and_with_confidences(aligner, sound, network):
    judged = align_and_judge(sound[0], TEXT, aligner=aligner, network=network)
    assert judged.fit is not None
    assert judged.fit.fit > 0.35
    assert judged.alignment.confidences is not None
    spoken = [
        c for p, c in zip(judged.alignment.phones, judged.alignment.confidences, strict=True) if p.label != SILENCE
    ]
    assert np.mean(spoken) > 0.4


WRONG = {
    "another": "completely different words about boats and trains in the summer",
    "another language": "Sie zogen sich ein wenig vom Eingang zurück",
    "twice": f"{TEXT} {TEXT}",
    "more at the end": f"{TEXT} on 5/6/2020 at 3pm",
    "more at the start": f"ladies and gentlemen {TEXT}",
}


def verdict(waveform: np.ndarray, text: str, aligner: str, network: object) -> str:
    """Return what is said about a text: the error, or else the warnings, on lines of their own."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            align_and_judge(waveform, text, aligner=aligner, network=network)
        except InputError as error:
            return f"refused: {error}"
    return "\n".join(str(item.message) for item in caught)


@pytest.mark.parametrize("aligner", ALIGNERS)
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_text_is_refused_or_doubted(aligner, kind, sound, network):
    said = verdict(sound[0], WRONG[kind], aligner, network)
    assert "refused: could not be found in the sound" in said or "fits the sound badly" in said
    if kind in ("twice", "more at the end", "more at the start"):
        assert said.startswith("refused: could not be found in the sound")


@pytest.mark.parametrize("aligner", ALIGNERS)
@pytest.mark.parametrize("kind", ["tone", "noise"])
def test_a_text_for_a_sound_that_is_no_speech_is_refused_or_doubted(aligner, kind, network):
    times = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * pitch * times) for pitch in (220, 277, 330)) * np.exp(-3 * (times % 0.5)) / 8
    sounds = {"tone": tones, "noise": np.random.default_rng(0).normal(0, 0.1, len(times))}
    said = verdict(sounds[kind].astype(np.float32), TEXT, aligner, network)
    assert said.startswith("refused") or "fits the sound badly" in said


@pytest.mark.parametrize("aligner", ALIGNERS)
@pytest.mark.parametrize(("first", "last"), [(0, 4), (4, 9), (2, 5)])
def test_a_part_of_what_is_said_keeps_its_times(aligner, first, last, sound, network):
    waveform, spoken = sound
    numbers = [0, 1, 2, 3, 4, 5, 6, 6, 7]  # espeak says "for the" as one word
    start = min(phone.start for phone in spoken if phone.word == numbers[first])
    end = max(phone.end for phone in spoken if phone.word == numbers[last - 1])
    text = " ".join(TEXT.split()[first:last])
    with pytest.warns(PhonolipsWarning, match=r"\d s of speech beyond the transcript, at"):
        judged = align_and_judge(waveform, text, aligner=aligner, network=network)
    words = judged.alignment.speech_words()
    assert [words[0].start, words[-1].end] == pytest.approx([start, end], abs=0.06)
    places = [phone for phone in judged.alignment.phones if phone.label == UNKNOWN]
    assert any(place.start < words[0].start for place in places) == (first > 0)
    assert any(place.end > words[-1].end for place in places) == (last < 9)


@pytest.mark.parametrize("aligner", ALIGNERS)
def test_a_sound_that_goes_on_with_something_else_ends_the_last_word(aligner, sound, network):
    waveform, spoken = sound
    twice = np.concatenate([waveform, waveform])
    with pytest.warns(PhonolipsWarning, match="beyond the transcript"):
        judged = align_and_judge(twice, TEXT, aligner=aligner, network=network)
    words = judged.alignment.speech_words()
    assert words[-1].end - words[0].start == pytest.approx(spoken[-1].end - spoken[0].start, abs=0.1)  # in one piece


# ---------------------------------------------------------------- what users see


def test_the_command_names_uncertain_words_and_writes_confidences(sound, command, tmp_path):
    soundfile.write(tmp_path / "a.wav", sound[0], SAMPLE_RATE)
    text = TEXT.replace("leave", "shout")
    code, out, err = command("align", tmp_path / "a.wav", "--text", text, "--aligner", "ctc", "--plot")
    assert code == 0, err
    assert "uncertain: shout at " in out
    assert "confidence 0." in out
    alignment = read_textgrid(tmp_path / "a.TextGrid")
    assert alignment.confidences is not None
    assert len(alignment.confidences) == len(alignment.phones)
    assert (tmp_path / "a.png").stat().st_size > 10_000
    more = ("--text", f"{TEXT} {TEXT}", "--aligner", "ctc", "--out", tmp_path / "b.TextGrid")
    code, out, err = command("align", tmp_path / "a.wav", *more)
    assert code == 1
    assert "could not be found in the sound" in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "b.TextGrid").exists()


def test_editing_refuses_what_is_not_said(sound, network):
    waveform = sound[0]
    assert align_words(waveform, TEXT, "x.mp4", "ctc", "en-us", network).confidences is not None
    for text in (*WRONG.values(), "please call me"):
        with pytest.raises(InputError, match=r"x\.mp4: the words .* are not what is said in it"):
            align_words(waveform, text, "x.mp4", "ctc", "en-us", network)


def test_speech_in_no_word_is_silence_to_an_edit():
    words = [Interval("bin", 0.2, 0.4)]
    phones = [Interval("B", 0.2, 0.3), Interval("N", 0.3, 0.4), Interval(UNKNOWN, 0.5, 0.7)]
    recording = Result(np.zeros((25, 40, 2), np.float32), 25.0, alignment=Alignment.build(words, phones, 1.0))
    cut = cut_to_pictures(recording, "x").need_alignment()
    assert [phone.label for phone in cut.phones] == [SILENCE, "B", "N", SILENCE]
    named = Alignment.build([*words, Interval("hm", 0.5, 0.7)], phones, 1.0)
    with pytest.raises(InputError, match="write its phones in ARPAbet"):
        cut_to_pictures(replace(recording, alignment=named), "x")


@needs("train")
def test_the_benchmark_makes_wrong_texts_of_right_ones():
    bench = tool("tools/bench/text_fit")
    right, other = ["bin", "blue", "at", "f", "two", "now"], ["set", "white", "with", "g", "nine", "please"]
    texts = {kind: (words, first) for kind, words, first in bench.texts_of(right, other, np.random.default_rng(0))}
    assert set(texts) == {*bench.WRONG, *bench.PARTS, *bench.NEARLY}
    for kind in bench.PARTS[:3]:
        words, first = texts[kind]
        assert words == right[first : first + len(words)]
    assert sorted(texts["two words swapped"][0]) == sorted(right) != texts["two words swapped"][0]
    assert sum(a != b for a, b in zip(texts["one word wrong"][0], right, strict=True)) == 1


@needs("train")
@pytest.mark.parametrize("ratio", [10, 0])
def test_the_benchmarks_noise_has_its_ratio(ratio):
    bench = tool("tools/bench/text_fit")
    sound = np.where(np.arange(16_000) % 8_000 < 4_000, 0.3, 0.0).astype(np.float32)
    noise = np.random.default_rng(0).normal(size=16_000)
    added = bench.add_noise(sound, noise, ratio).astype(np.float64)
    scale = added @ noise / (noise @ noise)
    left = (added - scale * noise) / 0.3
    gain = np.median(left[sound > 0])
    assert 10 * np.log10(gain**2 * 0.09 / (scale**2 * np.mean(noise**2))) == pytest.approx(ratio, abs=0.6)
