"""Pictures: what is in them, that labels do not overlap, and that nothing global changes."""

import itertools
import subprocess
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from phonolips.errors import InputError
from phonolips.phones.inventory import PHONES
from phonolips.show import plots as plot
from phonolips.show.plots import alignments


class Piece(NamedTuple):
    label: str
    start: float
    end: float


def random_speech(seconds: float, seed: int = 0) -> tuple[list[Piece], list[Piece], np.ndarray]:
    """Make words, phones and posteriors of some length, with phones from 30 ms on."""
    generator = np.random.default_rng(seed)
    phones, words, posteriors = [], [], np.full((round(seconds * 100), 40), 0.002)
    now = 0.0
    while now < seconds:
        word_start = now
        for _ in range(generator.integers(1, 5)):
            end = min(seconds, round(now + generator.uniform(0.03, 0.15), 2))
            if end > now:
                index = int(generator.integers(40))
                phones.append(Piece(PHONES[index], now, end))
                posteriors[round(now * 100) : round(end * 100), index] = 1
            now = end
        if now > word_start:
            words.append(Piece("words"[: generator.integers(1, 6)], word_start, now))
    return words, phones, posteriors / posteriors.sum(1, keepdims=True)


def texts(figure: Any) -> list[str]:
    """List every text in the axes of a figure."""
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def overlapping(figure: Any) -> list[tuple[str, str]]:
    """List pairs of texts in one axes that lie over one another when the figure is drawn."""
    figure.canvas.draw()
    found = []
    for axes in figure.axes:
        boxes = [(text.get_text(), text.get_window_extent().padded(-0.5)) for text in axes.texts if text.get_text()]
        found += [(a, b) for (a, first), (b, other) in itertools.combinations(boxes, 2) if first.overlaps(other)]
    return found


@pytest.mark.parametrize("seconds", [0.5, 3.0, 19.0])
def test_posteriorgram_has_every_panel_and_no_label_over_another(seconds: float) -> None:
    words, phones, posteriors = random_speech(seconds)
    figure = plot.posteriorgram(
        posteriors,
        phones=phones,
        words=words,
        waveform=np.sin(np.arange(round(seconds * 16000)) / 20),
        opening=np.linspace(0, 0.2, round(seconds * 25)),
        title="a title",
    )
    assert overlapping(figure) == []
    assert figure.get_suptitle() == "a title"
    labels = texts(figure)
    assert len([label for label in labels if label in {word.label for word in words}]) >= 0.9 * len(words)
    assert len([label for label in labels if label in PHONES]) >= 0.9 * len(phones)
    assert [axes.get_xlim() for axes in figure.axes[:4]] == [(0.0, seconds)] * 4
    assert any("time (s)" in axes.get_xlabel() for axes in figure.axes)
    assert any("eye distances" in axes.get_ylabel() for axes in figure.axes)


def test_posteriorgram_shows_only_phones_that_occur_in_viseme_order() -> None:
    posteriors = np.full((100, 40), 1e-4)
    for start, phone in ((0, "sil"), (30, "UW"), (50, "B"), (70, "S")):
        posteriors[start:, :] = 1e-4
        posteriors[start:, PHONES.index(phone)] = 0.99
    figure = plot.posteriorgram(posteriors)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["sil", "B", "S", "UW"]
    image = figure.axes[0].images[0].get_array()
    assert np.allclose(image[:, 99], [1e-4, 1e-4, 0.99, 1e-4])
    assert figure.axes[0].images[0].get_extent() == [0.0, 1.0, 3.5, -0.5]


def test_long_input_is_cut_and_says_so() -> None:
    words, phones, posteriors = random_speech(60)
    figure = plot.posteriorgram(posteriors, phones=phones, words=words, title="An hour")
    assert figure.get_suptitle() == "An hour  (first 20 s of 60 s)"
    assert figure.axes[0].get_xlim() == (0.0, 20.0)
    assert overlapping(figure) == []
    hour = plot.posteriorgram(np.tile(posteriors, (60, 1)))
    assert hour.get_suptitle() == "(first 20 s of 3600 s)"
    assert hour.axes[0].images[0].get_array().shape[1] == 2000


@pytest.mark.parametrize("shape", [(0, 40), (10, 39), (10,), (1, 10, 40)])
def test_posteriorgram_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(steps, 40\)"):
        plot.posteriorgram(np.zeros(shape))


@pytest.mark.parametrize("confident", [True, False])
def test_alignment_figure(confident: bool) -> None:
    words, phones, _ = random_speech(2.5)
    confidences: Sequence[float] | None = list(np.linspace(0, 1, len(phones))) if confident else None
    alignment = SimpleNamespace(words=words, phones=phones, confidences=confidences)
    waveform = np.random.default_rng(1).normal(size=40000).astype(np.float32) * 0.1
    figure = plot.alignment_figure(waveform, alignment, title="one clip")
    assert overlapping(figure) == []
    assert [axes.get_ylabel() for axes in figure.axes][1] == "frequency (kHz)"
    assert ("confidence" in [axes.get_ylabel() for axes in figure.axes]) == confident
    if confident:
        cells = figure.axes[2].patches
        assert len(cells) == len(phones)
        assert cells[0].get_facecolor() != cells[-1].get_facecolor()


def test_alignment_figure_of_silence_and_of_a_very_short_sound() -> None:
    alignment = SimpleNamespace(words=[], phones=[Piece("sil", 0, 0.01)], confidences=None)
    for waveform in (np.zeros(160), np.zeros(5)):
        plot.alignment_figure(waveform, alignment).canvas.draw()
    with pytest.raises(ValueError, match="expected"):
        plot.alignment_figure(np.zeros(0), alignment)


def test_spectrogram_finds_a_tone() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    decibels, bands = alignments._spectrogram(tone, 16000)
    assert abs(bands[decibels[:, 100].argmax()] - 1000) < 20
    assert decibels.max() == 0


def test_confusion_divides_rows_and_groups_visemes() -> None:
    matrix = np.zeros((40, 40))
    first, other = PHONES.index("B"), PHONES.index("P")
    matrix[first, first], matrix[first, other] = 3, 1
    figure = plot.confusion(matrix)
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert sorted(names) == sorted(PHONES)
    assert names[:4] == ["sil", "B", "M", "P"]
    shares = np.ma.filled(axes.images[0].get_array(), np.nan)
    assert shares[1, 1] == 0.75
    assert shares[1, 3] == 0.25
    assert np.isnan(shares[0]).all()
    assert texts(figure) == ["75", "25"]
    with pytest.raises(ValueError, match="expected counts"):
        plot.confusion(np.zeros((40, 39)))
    with pytest.raises(ValueError, match="expected counts"):
        plot.confusion(-np.ones((2, 2)), ["A", "B"])


def test_confusion_takes_names_outside_the_inventory() -> None:
    figure = plot.confusion(np.eye(3), ["blue", "B", "red"])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["B", "blue", "red"]


def test_curves_draws_truth_in_black_and_measures_lips() -> None:
    truth = np.zeros((50, 40, 2))
    truth[:, 10, 0] = 0.8
    truth[:, [36, 35, 34], 1] = 0.3
    words, phones, _ = random_speech(2.0)
    phones[1] = phones[1]._replace(label="B")
    figure = plot.curves({"truth": truth, "model": truth * 0.5}, 25, phones=phones, words=words)
    assert overlapping(figure) == []
    opening, width = figure.axes[1].lines, figure.axes[2].lines
    assert np.allclose(opening[0].get_ydata(), 0.3)
    assert np.allclose(width[1].get_ydata(), 0.4)
    assert np.allclose(opening[0].get_xdata()[:2], [0.02, 0.06])
    assert opening[0].get_color() == plot.TRUTH_COLOUR
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["truth", "model", "B, M, P"]
    with pytest.raises(ValueError, match="no lips"):
        plot.curves({}, 25)


class Lips(NamedTuple):
    lips: np.ndarray
    fps: float
    alignment: Any


def opening_lips(openings: np.ndarray) -> np.ndarray:
    """Make lips (frames, 40, 2) of given opening, 0.8 wide."""
    lips = np.zeros((len(openings), 40, 2))
    lips[:, 10, 0] = 0.8
    lips[:, 35, 1] = openings
    return lips


def test_one_curve_alone_is_no_truth() -> None:
    figure = plot.curves({"this run": opening_lips(np.zeros(50))}, 25)
    assert figure.axes[0].lines[0].get_color() == plot.METHOD_COLOURS[0]
    low, high = figure.axes[1].get_ylim()
    assert high - low >= 0.06


def test_comparison_differs_where_the_runs_do() -> None:
    words, phones, _ = random_speech(2.0)
    alignment = SimpleNamespace(words=words, phones=phones, confidences=None)
    times = (np.arange(100) + 0.5) / 50
    first = Lips(opening_lips(0.1 * times[:50]), 25.0, alignment)
    first.lips[:, 35, 1] = 0.1 * (np.arange(50) + 0.5) / 25
    second = Lips(opening_lips(0.1 * times + 0.05), 50.0, alignment)
    figure = plot.comparison(first, second, ("one", "two"))
    assert figure.get_suptitle() == ""
    openings, difference, widths, width_difference = figure.axes[2:6]
    assert [line.get_label() for line in openings.lines] == ["one", "two"]
    assert np.allclose(difference.lines[0].get_ydata(), 0.05)
    assert np.allclose(width_difference.lines[0].get_ydata(), 0)
    assert "rms 0.050\nr 1.00" in texts(figure)
    assert "rms 0.000" in texts(figure)
    assert overlapping(figure) == []


def test_comparison_of_unlike_lengths_says_so_and_needs_no_phones() -> None:
    long, short = (Lips(opening_lips(np.linspace(0, 0.2, frames)), 25.0, None) for frames in (50, 30))
    figure = plot.comparison(long, short, ("long", "short"), title="x")
    assert figure.get_suptitle() == "x  (long lasts 2.00 s, short 1.20 s; aligned at their starts)"
    assert len(figure.axes) == 4
    assert figure.axes[1].lines[0].get_xdata().max() < 1.2
    assert figure.axes[0].get_xlim() == (0, 2.0)
    figure.canvas.draw()


@pytest.mark.parametrize("layout", ["mediapipe40", "ibug20"])
def test_filmstrip_draws_a_shape_a_phone_and_wraps(layout: str) -> None:
    from phonolips.lips.points import to_ibug20

    words, phones, _ = random_speech(6.0)
    phones[3] = phones[3]._replace(label="B")
    lips = opening_lips(np.linspace(0, 0.2, 150)) + 0.001 * np.arange(40)[:, None]  # no two points alike
    if layout == "ibug20":
        lips = to_ibug20(lips)
    figure = plot.filmstrip(lips, 25, phones, words=words, title="strip")
    rows = len(figure.axes)
    assert rows == -(-len(phones) // 15)
    outer = 20 if layout == "mediapipe40" else 12
    shapes = [patch for axes in figure.axes for patch in axes.patches if len(patch.get_path().vertices) > 6]
    assert [len(patch.get_path().vertices) - 1 for patch in shapes[:2]] == [outer, lips.shape[1] - outer]
    assert len(shapes) == 2 * len(phones)
    drawn = [label for label in texts(figure) if label in PHONES]
    assert drawn == [phone.label for phone in phones]
    bold = {text.get_text() for axes in figure.axes for text in axes.texts if text.get_fontweight() == "bold"}
    assert "B" in bold
    assert bold <= {"B", "M", "P"}
    assert overlapping(figure) == []


def test_filmstrip_needs_phones() -> None:
    with pytest.raises(InputError, match="found none"):
        plot.filmstrip(opening_lips(np.zeros(10)), 25, [])


def test_importing_is_cheap_and_drawing_touches_no_pyplot() -> None:
    code = (
        "import sys, numpy as np\n"
        "from phonolips.show import plots\n"
        "assert 'matplotlib' not in sys.modules\n"
        "plots.posteriorgram(np.full((50, 40), 0.025)).canvas.draw()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_pictures_of_real_speech(shared_data: Any, tmp_path: Any) -> None:
    from phonolips.phones.textgrid import read_textgrid

    alignment = read_textgrid(sorted((shared_data / "grid_mfa" / "s1").glob("*.TextGrid"))[0])
    posteriors = np.eye(40)[np.maximum(alignment.labels(300), 0)]
    figure = plot.posteriorgram(posteriors, phones=alignment.phones, words=alignment.words)
    assert overlapping(figure) == []
    spoken = [word.label for word in alignment.words if word.label]
    assert [text for text in texts(figure) if text in spoken] == spoken
    figure.savefig(tmp_path / "a.png")
    figure.savefig(tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").stat().st_size > 5000
