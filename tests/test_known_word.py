"""One known word in the middle: known answers, windows that are wrong, refusals, soft labels, real clips, the picture."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import needs, tool
from test_alignment import fake_mfa, noise, posteriors_of  # noqa: F401

from phonolips.corpus import known_words
from phonolips.corpus.records import Record, count_by_reason
from phonolips.errors import InputError
from phonolips.media.audio import read
from phonolips.model import network as synth
from phonolips.model import stream
from phonolips.model.stages import EncoderOutput
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES, PHONE_IDS, SILENCE_ID, UNKNOWN
from phonolips.phones.textgrid import read_textgrid
from phonolips.show import plots as plot
from phonolips.speech.align import known_word
from phonolips.speech.words import SpokenWord
from phonolips.timebase import SAMPLE_RATE

RED = SpokenWord("red", ("R", "EH", "D"))
BEFORE, AFTER = [("L", 10), ("AE", 20), ("S", 12)], [("AE", 18), ("T", 9), ("B", 7), ("UW", 16)]
WORD = [("R", 8), ("EH", 12), ("D", 4)]
CLIP = [*BEFORE, *WORD, *AFTER]  # 116 steps; the word from 0.42 to 0.66 s
START, END, DURATION = 0.42, 0.66, 1.16


def known(alignment: Alignment) -> list[tuple[str, float, float]]:
    return [(p.label, p.start, p.end) for p in alignment.phones if p.label != UNKNOWN]


def random_clip(seed: int) -> np.ndarray:
    """Make posteriors of noise without silence, which alone may lie between a word and its window's edge."""
    logits = np.random.default_rng(seed).normal(0, 2, (116, NUM_PHONES))
    logits[:, SILENCE_ID] = -50
    return (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)


# ---------------------------------------------------------------- known answers


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.08, -0.08), (-0.08, 0.08), (-0.16, -0.12), (0.14, 0.16)])
def test_the_word_is_found_exactly_in_a_wrong_window(shift: tuple[float, float]) -> None:
    window = (START + shift[0], END + shift[1])
    alignment = known_word.align_word(posteriors_of(CLIP), RED, window, duration=DURATION)
    assert known(alignment) == [("R", 0.42, 0.5), ("EH", 0.5, 0.62), ("D", 0.62, 0.66)]
    assert [tuple(word) for word in alignment.words] == [("spn", 0.0, 0.42), ("red", 0.42, 0.66), ("spn", 0.66, 1.16)]
    assert [phone.label for phone in alignment.phones] == ["spn", "R", "EH", "D", "spn"]
    assert alignment.confidences == pytest.approx([0, 0.9, 0.9, 0.9, 0])


def test_neither_takes_the_other_where_the_encoder_is_unsure() -> None:
    posteriors = posteriors_of(CLIP, sure=0.35)
    posteriors[42:66] = 0.6 * posteriors[42:66] + 0.4 * posteriors_of([("IH", 24)])  # a likelier phone than the word's
    found = known(known_word.align_word(posteriors, RED, (0.4, 0.7), duration=DURATION))
    assert [round(100 * start) for _, start, _ in found] == [42, 50, 62]
    assert found[-1][2] == 0.66


def test_the_words_own_phones_outside_the_slack_are_not_taken() -> None:
    twice = [*WORD, ("S", 30), ("AE", 20), *WORD, ("T", 18)]  # at 0.00 and at 0.74
    posteriors = posteriors_of(twice)
    assert known(known_word.align_word(posteriors, RED, (0.7, 1.0), duration=DURATION))[0] == ("R", 0.74, 0.82)
    assert known(known_word.align_word(posteriors, RED, (0.0, 0.3), duration=DURATION))[0] == ("R", 0.0, 0.08)


def test_a_word_may_fill_the_clip_and_hold_silence() -> None:
    spans = [("R", 5), ("sil", 3), ("EH", 5), ("D", 4)]
    alignment = known_word.align_word(posteriors_of(spans), RED, (-0.1, 0.5), duration=0.165)
    assert known(alignment) == [("R", 0.0, 0.08), ("EH", 0.08, 0.13), ("D", 0.13, 0.165)]
    assert len(alignment.words) == 1
    assert alignment.duration == 0.165


def test_silence_around_the_word_is_not_the_words() -> None:
    clip = posteriors_of([("sil", 30), *WORD, ("sil", 40), ("S", 22)])
    assert known(known_word.align_word(clip, RED, (0.2, 0.6), duration=DURATION))[0] == ("R", 0.3, 0.38)
    labels = known_word.align_word(clip, RED, (0.2, 0.6), duration=DURATION).labels(116)
    assert (labels[:30] == IGNORED_ID).all()  # soft labels say that it is silence


def test_the_likeliest_pronunciation_is_taken() -> None:
    clip = posteriors_of([("S", 30), ("AY", 14), ("DH", 8), ("ER", 16), ("T", 48)])
    choices = [SpokenWord("either", ("IY", "DH", "ER")), SpokenWord("either", ("AY", "DH", "ER"))]
    for order in (choices, choices[::-1]):
        found = known(known_word.align_word(clip, order, (0.3, 0.7), duration=DURATION))
        assert [label for label, _, _ in found] == ["AY", "DH", "ER"]


# ---------------------------------------------------------------- what always holds


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_said_the_word_stays_near_its_window(seed: int) -> None:
    generator = np.random.default_rng(seed)
    phones = tuple(generator.choice(list(PHONE_IDS)[1:], generator.integers(1, 12)).tolist())
    start = float(generator.uniform(0, 0.8))
    end = start + float(generator.uniform(0.1, 0.5))
    slack = float(generator.uniform(0.02, 0.2))
    duration = float(generator.uniform(1.151, 1.16))
    alignment = known_word.align_word(
        random_clip(seed), SpokenWord("w", phones), (start, end), duration=duration, slack=slack, least_confidence=0
    )
    found = known(alignment)
    assert tuple(label for label, _, _ in found) == phones
    assert alignment.duration == duration == alignment.phones[-1].end == alignment.words[-1].end
    half = 0.005 + 1e-9  # edges lie on whole steps, whose centres decide
    assert max(0.0, start - slack) - half <= found[0][1] < found[-1][2] <= min(end + slack, duration) + half
    assert found[0][1] <= start + slack + half
    assert found[-1][2] >= min(end, duration) - slack - half
    for one, two in pairwise(found):
        assert one[2] == two[1] > one[1]
    assert alignment.confidences is not None
    encoded = zip(alignment.phones, alignment.confidences, strict=True)
    assert all((confidence == 0) == (phone.label == UNKNOWN) for phone, confidence in encoded)


# ---------------------------------------------------------------- refusals


def test_what_cannot_be_there_is_a_misfit() -> None:
    clip = posteriors_of(CLIP)
    with pytest.raises(InputError, match=r"^misfit: 'shook' is not found from 0\.42 to 0\.66 s: .* at least 0\.2"):
        known_word.align_word(clip, SpokenWord("shook", ("SH", "UH", "K")), (START, END), duration=DURATION)
    long = SpokenWord("long", ("R", "EH") * 20)
    with pytest.raises(InputError, match=r"^misfit: 'long' has 40 phones, but .* has 20 steps"):
        known_word.align_word(clip, long, (0.42, 0.52), duration=DURATION, slack=0.05)
    for window in ((0.5, 0.5), (0.7, 0.5), (1.2, 1.5), (-1.0, -0.1), (0.1, float("nan"))):
        with pytest.raises(InputError, match=r"^misfit: 'red' from .*expected a start before the end"):
            known_word.align_word(clip, RED, window, duration=DURATION)
    assert known(
        known_word.align_word(clip, SpokenWord("x", ("SH",)), (START, END), duration=DURATION, least_confidence=0)
    )


def test_bad_arrays_are_no_misfits() -> None:
    with pytest.raises(InputError, match=r"^posteriors of shape"):
        known_word.align_word(np.zeros((5, 3)), RED, (0, 1), duration=0.05)
    with pytest.raises(InputError, match=r"^a clip of 2 s; .*116 steps"):
        known_word.align_word(posteriors_of(CLIP), RED, (0, 1), duration=2)
    with pytest.raises(InputError, match="no words"):
        known_word.align_word(posteriors_of(CLIP), [], (0, 1), duration=1)


# ---------------------------------------------------------------- records


class StubEncoder:
    """A network whose encoder finds CLIP in anything; counts how often it is asked."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.audio_encoder = SimpleNamespace(encode=self.encode)

    def encode(self, mel: np.ndarray) -> EncoderOutput:
        self.batches.append(len(mel))
        rows = np.resize(posteriors_of(CLIP), (mel.shape[1], NUM_PHONES))
        return EncoderOutput(np.tile(rows, (len(mel), 1, 1)), np.zeros((len(mel), mel.shape[1] // 4, 3), np.float32))


def write_records(folder: Path) -> list[Record]:
    import soundfile

    for name, seconds in (("a", 1.16), ("b", 1.16), ("c", 1.2)):
        soundfile.write(folder / f"{name}.wav", noise(seconds), SAMPLE_RATE, subtype="PCM_16")
    window = (("red", START + 0.04, END - 0.04),)

    def record(name: str, sound: str, words: tuple[tuple[str, float, float], ...] = window) -> Record:
        return Record(f"RED/train/{name}", "", "train", "red", str(folder / f"{sound}.wav"), words=words)

    wrong, none = (("shook", START, END),), ()
    return [record("a", "a"), record("b", "b"), record("c", "c"), record("gone", "gone"), record("wrong", "a", wrong),
            record("none", "a", none)]  # fmt: skip


@pytest.mark.parametrize("aligner", ["ctc", pytest.param("sphinx", marks=needs("align")), "auto"])
def test_records_by_the_encoder(tmp_path: Path, aligner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    records, out, encoder = write_records(tmp_path), tmp_path / "out", StubEncoder()
    dropped = known_words.align_records(records, out, aligner=aligner, network=encoder)  # type: ignore[arg-type]
    assert {item.id for item in dropped} == {"RED/train/gone", "RED/train/wrong", "RED/train/none"}
    assert count_by_reason(dropped)[0] == ("misfit", 2)
    assert sorted(encoder.batches) == [1, 3]  # of one length together
    assert sorted(path.name for path in (out / "RED" / "train").iterdir()) == [f"{n}.TextGrid" for n in "abc"]
    found = read_textgrid(out / "RED" / "train" / "a.TextGrid")
    assert known(found) == [("R", 0.42, 0.5), ("EH", 0.5, 0.62), ("D", 0.62, 0.66)]
    assert found.duration == 1.16
    assert read_textgrid(out / "RED" / "train" / "c.TextGrid").duration == 1.2
    (out / "RED" / "train" / "a.TextGrid").write_text("kept")
    known_words.align_records(records[:3], out, aligner=aligner, network=encoder)  # type: ignore[arg-type]
    assert (out / "RED" / "train" / "a.TextGrid").read_text() == "kept"


def test_records_by_mfa_on_the_cut_out_word(fake_mfa: Path, tmp_path: Path) -> None:  # noqa: F811
    records, out = write_records(tmp_path), tmp_path / "out"
    dropped = {item.id.split("/")[-1]: item.reason for item in known_words.align_records(records, out)}
    assert sorted(dropped) == ["gone", "none"]
    asked = json.loads(fake_mfa.read_text())
    assert asked["labs"] == ["red\n", "red\n", "red\n", "shook\n"]
    found = read_textgrid(out / "RED" / "train" / "c.TextGrid")
    assert found.duration == 1.2
    # the stand-in spreads the phones evenly from 0.1 s after the start of what it gets to 0.1 s before its end
    margin, cut = known_words.MARGIN_SECONDS, END - START - 0.08
    edges = np.clip(np.linspace(0.1, cut + 2 * margin - 0.1, 4) - margin + START + 0.04, 0, 1.2)
    assert [label for label, _, _ in known(found)] == ["R", "EH", "D"]
    assert [start for _, start, _ in known(found)] == pytest.approx(edges[:3], abs=1e-4)
    assert known(found)[-1][2] == pytest.approx(edges[3], abs=1e-4)
    assert found.words[1].label == "red"


def test_a_word_that_mfa_cannot_find_is_a_misfit(
    fake_mfa: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(known_words, "MARGIN_SECONDS", 0.01)  # too short for the stand-in
    (item,) = known_words.align_records(write_records(tmp_path)[:1], tmp_path / "out", aligner="mfa")
    assert item.reason.startswith("misfit: MFA found no alignment")
    assert not (tmp_path / "out").exists()


def test_pronunciations_come_from_the_lexicon() -> None:
    def ways(*words: str) -> list[SpokenWord]:
        return known_words.pronounce(Record("x", "", "train", "", "", words=tuple((word, 0.4, 0.8) for word in words)))

    assert [way.phones for way in ways("either")] == [("IY", "DH", "ER"), ("AY", "DH", "ER")]
    assert ways("zorbal")[0].word == "zorbal"
    (ninety,) = ways("ninety-nine")
    assert ninety.phones == ("N", "AY", "N", "T", "IY", "N", "AY", "N")
    with pytest.raises(InputError, match=r"^misfit: 2 words"):
        ways("one", "two")


# ---------------------------------------------------------------- soft labels


def test_soft_labels_fill_what_is_unknown_where_the_encoder_is_sure() -> None:
    sure, unsure = posteriors_of([("S", 2)], 0.9), posteriors_of([("S", 2)], 0.49)
    posteriors = np.concatenate([sure, unsure, sure])
    labels = np.array([IGNORED_ID] * 4 + [PHONE_IDS["T"]] * 2)
    soft = known_word.soft_labels(posteriors, labels)
    assert soft.dtype == np.float16
    np.testing.assert_allclose(soft[:2], posteriors[:2], atol=1e-3)
    assert soft[:2].sum(1) == pytest.approx(1, abs=5e-3)
    assert not soft[2:].any()
    assert known_word.soft_labels(posteriors, labels, least_confidence=0)[:4].any(1).all()
    assert known_word.soft_labels(posteriors[:0], labels[:0]).shape == (0, NUM_PHONES)
    with pytest.raises(InputError, match=r"shape \(5,\) for 6 steps"):
        known_word.soft_labels(posteriors, labels[:5])


# ---------------------------------------------------------------- real speech


@pytest.fixture(scope="module")
def red(shared_data: Path) -> tuple[np.ndarray, Alignment, float]:
    """Cut 1.16 s around `red` in a held-out clip of GRID; its sound, MFA's alignment, and where the cut begins."""
    textgrids = sorted((shared_data / "grid_mfa" / "s31").glob("*.TextGrid"))
    name = next(f"s31/{path.stem}" for path in textgrids if path.stem[1] == "r")
    alignment = read_textgrid(shared_data / "grid_mfa" / f"{name}.TextGrid")
    word = next(word for word in alignment.speech_words() if word.label == "red")
    first = round((word.start + word.end) / 2 * 25) - 14
    video = next((shared_data / "grid" / "s31").glob(f"{name.split('/')[1]}.m*"))
    return read(video)[first * 640 : (first + 29) * 640], alignment, first / 25


def test_a_real_word_is_found_where_mfa_has_it(red: tuple[np.ndarray, Alignment, float]) -> None:
    sound, mfa, begin = red
    network = synth.load_network()
    ((_, posteriors),) = stream.encode_clips([sound], network)
    np.testing.assert_allclose(posteriors, network.posteriors(sound), atol=1e-5)
    true = [phone for phone in mfa.phones if any(
        w.label == "red" and w.start - 1e-6 <= phone.start and phone.end <= w.end + 1e-6 for w in mfa.words
    )]  # fmt: skip
    window = (true[0].start - begin + 0.08, true[-1].end - begin + 0.08)
    alignment = known_word.align_word(posteriors, RED, window, duration=len(sound) / SAMPLE_RATE)
    errors = [abs(start + begin - phone.start) for (_, start, _), phone in zip(known(alignment), true, strict=True)]
    assert max(errors) <= 0.03
    with pytest.raises(InputError, match="misfit"):
        known_word.align_word(posteriors, SpokenWord("shook", ("SH", "UH", "K")), window, duration=1.16)
    labels = alignment.labels(len(posteriors))
    soft = known_word.soft_labels(posteriors, labels)
    rest = labels == IGNORED_ID
    encoded = soft.any(1)
    truth = mfa.labels(10_000)[round(100 * begin) :][: len(labels)]
    assert not encoded[~rest].any()
    assert encoded[rest].mean() > 0.6
    assert (soft.argmax(1) == truth)[encoded].mean() > 0.75


@needs("train")
def test_the_bench_counts_what_it_says() -> None:
    bench = tool("tools/bench/known_word")
    assert bench.row([np.array([0.0, 10.0, 40.0]), None]).startswith("1 | 1 | 10 | 66.7%")
    cut = bench.Cut("GRID, s1", RED, np.array([0.42, 0.5, 0.62, 0.66]), np.zeros(18_560, np.float32), None)
    posteriors = posteriors_of(CLIP)
    for method in ("known word", "word alone"):
        assert bench.find(method, cut, posteriors, (0.42, 0.66)) == pytest.approx(cut.edges)
    assert bench.find("known word", cut, posteriors, (0.5, 0.7)) == pytest.approx(cut.edges)
    assert bench.find("word alone", cut, posteriors, (0.5, 0.7))[0] == 0.5
    assert bench.find("whole transcript", cut, posteriors, (0.5, 0.7)) is None
    assert not bench.is_refused(posteriors, RED, (0.42, 0.66))
    assert bench.is_refused(posteriors, SpokenWord("shook", ("SH", "UH", "K")), (0.42, 0.66))
    moved = [bench.jitter(cut.edges, 2, np.random.default_rng(seed)) for seed in range(40)]
    steps = np.round((np.array(moved) - [0.42, 0.66]) * 25, 6)
    assert set(steps.ravel()) == {-2, -1, 0, 1, 2}


# ---------------------------------------------------------------- the picture


def test_the_picture_shows_the_three_kinds_where_they_are() -> None:
    posteriors = posteriors_of(CLIP)
    posteriors[90:] = posteriors_of([("UW", 26)], 0.4)
    alignment = known_word.align_word(posteriors, RED, (START, END), duration=DURATION)
    labels = alignment.labels(116)
    soft = known_word.soft_labels(posteriors, labels)
    kinds = plot.step_kinds(labels, soft)
    assert (kinds[42:66] == 0).all()
    assert (kinds[:42] == 1).all()
    assert (kinds[90:] == 2).all()
    figure = plot.label_kinds(
        labels, soft, phones=alignment.phones, words=alignment.words, window=(0.4, 0.7), title="one word"
    )
    figure.canvas.draw()
    main = next(axes for axes in figure.axes if axes.images)
    image = np.asarray(main.images[0].get_array())
    assert image.shape[1] == 116
    assert (image[:, 42:66].max(0) == 1).all()  # hard
    assert image[:, :42].max(0) == pytest.approx(0.9, abs=1e-3)
    assert not image[:, 90:].any()
    rows = [text.get_text() for text in main.get_yticklabels()]
    assert rows[-1] == "label"
    assert len(rows) == len(image) + 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "hard: the phone is known", "soft: the encoder's posteriors", "unlabelled", "the word's window, from the corpus",
    ]  # fmt: skip
    spans = {
        bars.get_label(): [
            (round(path.vertices[:, 0].min(), 2), round(path.vertices[:, 0].max(), 2)) for path in bars.get_paths()
        ]
        for bars in main.collections
        if not str(bars.get_label()).startswith("_")
    }
    assert spans["hard: the phone is known"] == [(0.42, 0.66)]
    assert spans["soft: the encoder's posteriors"] == [(0.0, 0.42), (0.66, 0.9)]
    assert spans["unlabelled"] == [(0.9, 1.16)]
    dashed = [line.get_xdata()[0] for line in main.lines if line.get_linestyle() == "--"]
    assert dashed == [0.4, 0.7]
    assert {text.get_text() for axes in figure.axes for text in axes.texts} >= {"spn", "red", "R", "EH", "D"}


def test_the_picture_of_a_fully_labelled_clip() -> None:
    labels = posteriors_of(CLIP).argmax(1)
    figure = plot.label_kinds(labels, np.zeros((0, NUM_PHONES), np.float16), posteriors=posteriors_of(CLIP))
    figure.canvas.draw()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["hard: the phone is known"]
    with pytest.raises(ValueError, match=r"expected \(steps,\) with"):
        plot.label_kinds(labels, np.zeros((3, NUM_PHONES)))
    with pytest.raises(ValueError, match="5 steps of posteriors with 116 labels"):
        plot.label_kinds(labels, np.zeros((0, NUM_PHONES)), posteriors=posteriors_of(CLIP)[:5])
