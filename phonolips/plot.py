"""Pictures: posteriorgrams, alignments, confusions, and lip curves. Every function returns a Figure.

Figures are built without pyplot and carry an Agg canvas, so that they work without a display and leave
no state behind. Saving is the caller's: `figure.savefig("picture.png", dpi=200)`, or .pdf, .svg.
Wherever there is time, all panels share one axis in seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from phonolips.errors import InputError
from phonolips.phones import BILABIALS, PHONES, SILENCE, VISEMES
from phonolips.timebase import MODEL_FPS, STEPS_PER_SECOND, frame_centres
from phonolips.video.lips import INNER_RING, OUTER_RING
from phonolips.video.lips import opening as lip_opening
from phonolips.video.lips import width as lip_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN_SECONDS = 20.0  # longer input is cut to its beginning, and the title says so
SHOWN_POSTERIOR = 0.1  # a phone that never gets this far has no row in a posteriorgram
UNIT = "eye distances"  # the unit of mouth space

INK = "#222222"
FAINT = "#8a8a8a"
RULE = "#b9b9b9"
WAVE = "#5b6b7b"
BILABIAL_SHADE = "#f2c9a1"
TRUTH_COLOUR = "#000000"
METHOD_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito (2008)

LABEL_POINTS = 7.5  # font size of phones
WORD_POINTS = 8.5
INCHES_PER_LETTER = 0.66 / 72  # of font size 1, a little more than the mean letter takes
MARGIN_INCHES = 2.1  # what the axes leave at the left and right for labels and the colourbar


class IntervalLike(Protocol):
    """Anything with a label, a start and an end in seconds, such as an alignment's Interval."""

    @property
    def label(self) -> str:
        """What is said."""

    @property
    def start(self) -> float:
        """Start in seconds."""

    @property
    def end(self) -> float:
        """End in seconds."""


class AlignmentLike(Protocol):
    """Anything with a word tier and a phone tier, such as `phonolips.alignment.tiers.Alignment`."""

    @property
    def words(self) -> Sequence[IntervalLike]:
        """Words; "" is silence."""

    @property
    def phones(self) -> Sequence[IntervalLike]:
        """Phones."""

    @property
    def confidences(self) -> Sequence[float] | None:
        """One number in [0, 1] for each phone, or None."""


class _Label(NamedTuple):
    """A text in a tier, and the line of it that it stands on (0 is the upper one)."""

    text: str
    centre: float
    level: int


def _cut(intervals: Sequence[IntervalLike] | None, seconds: float) -> list[tuple[str, float, float]]:
    """Keep what lies in [0, seconds) as (label, start, end), cut at its end."""
    return [(i.label, i.start, min(i.end, seconds)) for i in intervals or () if i.start < seconds - 1e-6]


def _shown(total: float, title: str, shown_seconds: float) -> tuple[float, str]:
    """Decide how many seconds are shown, and say in the title where that is not all."""
    if total <= shown_seconds * 1.01:
        return total, title
    return shown_seconds, f"{title}  (first {shown_seconds:g} s of {total:.4g} s)".strip()


def _figure_width(seconds: float) -> float:
    """Choose a figure width in inches for a time axis of `seconds`."""
    return float(np.clip(MARGIN_INCHES + 2.9 * seconds, 7.5, 16))


def _place_labels(
    intervals: Iterable[tuple[str, float, float]], seconds_per_inch: float, points: float, levels: int
) -> list[_Label]:
    """Put labels at interval centres on as few lines as avoid overlaps; leave out what fits on none."""
    free_from = [-np.inf] * levels
    placed = []
    for text, start, end in intervals:
        half = (len(text) + 0.6) * INCHES_PER_LETTER * points * seconds_per_inch / 2
        centre = (start + end) / 2
        level = next((line for line in range(levels) if centre - half >= free_from[line]), None)
        if text and level is not None:
            placed.append(_Label(text, centre, level))
            free_from[level] = centre + half
    return placed


def new_figure(width: float, height: float, title: str) -> "Figure":
    """Make an empty figure with a constrained layout and an Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.05, hspace=0.0, wspace=0.0)  # type: ignore[union-attr,call-arg]
    if title:
        figure.suptitle(title, fontsize=11, color=INK)
    return figure


def style_axes(axes: "Axes", *, keep: tuple[str, ...] = ("left", "bottom")) -> None:
    """Quieten an axes: thin grey frame on the sides kept, small ticks."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)
        spine.set_color(FAINT)
        spine.set_linewidth(0.7)
    axes.tick_params(labelsize=8, colors=INK, length=3, width=0.6, color=FAINT)


def _draw_waveform(axes: "Axes", waveform: np.ndarray, sample_rate: int, seconds: float) -> None:
    """Draw a waveform as its envelope, at most 3000 columns."""
    samples = np.asarray(waveform, dtype=np.float64)[: round(seconds * sample_rate)]
    width = max(1, len(samples) // 3000)
    pieces = samples[: len(samples) // width * width].reshape(-1, width)
    times = (np.arange(len(pieces)) + 0.5) * width / sample_rate
    if len(pieces):
        axes.fill_between(times, pieces.min(1), pieces.max(1), color=WAVE, linewidth=0.4)
    peak = float(max(np.abs(samples).max(initial=0.0), 1e-3)) * 1.05
    axes.set_ylim(-peak, peak)
    axes.set_yticks([])
    axes.set_ylabel("waveform", fontsize=8, color=INK, rotation=0, ha="right", va="center")
    style_axes(axes, keep=())
    axes.tick_params(bottom=False, labelbottom=False)


class _Tier(NamedTuple):
    """One row of intervals laid out for drawing."""

    name: str
    intervals: list[tuple[str, float, float]]
    labels: list[_Label]
    points: float

    @property
    def lines(self) -> int:
        """Lines that the labels take."""
        return 1 + max((label.level for label in self.labels), default=0)

    @property
    def height(self) -> float:
        """Inches that the tier takes."""
        return self.lines * self.points * 0.02 + 0.07

    @property
    def edges(self) -> list[float]:
        """All boundaries, in order, seconds."""
        return sorted({edge for _, start, end in self.intervals for edge in (start, end)})


def _lay_tiers(
    words: Sequence[IntervalLike] | None,
    phones: Sequence[IntervalLike] | None,
    seconds: float,
    figure_width: float,
) -> list[_Tier]:
    """Cut the tiers that there are to what is shown and find a place for every label, words first."""
    seconds_per_inch = seconds / (figure_width - MARGIN_INCHES)
    tiers = []
    for name, given, points, lines in (("words", words, WORD_POINTS, 4), ("phones", phones, LABEL_POINTS, 4)):
        if given:
            shown = _cut(given, seconds)
            tiers.append(_Tier(name, shown, _place_labels(shown, seconds_per_inch, points, lines), points))
    return tiers


def _tier(tiers: Sequence[_Tier], name: str) -> list[tuple[str, float, float]]:
    """Find the intervals of the tier `name`; empty where there is none."""
    return next((tier.intervals for tier in tiers if tier.name == name), [])


def _draw_tiers(axes: "Axes", tiers: Sequence[_Tier], colours: np.ndarray | None = None) -> None:
    """Draw the words above the phones, boundaries as thin rules; y counts inches from the bottom.

    `colours`, shape (phones, 4), RGBA, fills the phone cells.
    """
    top = sum(tier.height for tier in tiers)
    axes.set_ylim(0, top)
    ticks = []
    for tier in tiers:
        bottom = top - tier.height
        ticks.append(((top + bottom) / 2, tier.name))
        axes.hlines(bottom, 0, 1, transform=axes.get_yaxis_transform(), color=RULE, linewidth=0.6)
        axes.vlines(tier.edges, bottom, top, color=RULE, linewidth=0.5)
        ground: dict[str, Any] | None = {"facecolor": "white", "linewidth": 0, "pad": 0.7}
        if tier.name == "phones" and colours is not None:
            starts = [start for _, start, _ in tier.intervals]
            lengths = [end - start for _, start, end in tier.intervals]
            axes.bar(
                starts,
                tier.height,
                lengths,
                bottom,
                align="edge",
                color=colours,
                edgecolor=RULE,
                linewidth=0.5,
            )
            ground = None
        for label in tier.labels:
            y = bottom + tier.height * (tier.lines - label.level - 0.5) / tier.lines
            ink = FAINT if label.text == SILENCE and ground else INK
            axes.text(
                label.centre, y, label.text, fontsize=tier.points, color=ink, bbox=ground,
                ha="center", va="center_baseline", in_layout=False,
            )  # fmt: skip
        top = bottom
    axes.set_yticks([y for y, _ in ticks], [name for _, name in ticks])
    style_axes(axes, keep=("top",))
    axes.tick_params(left=False, bottom=False, labelbottom=False)


def _label_time(axes: "Axes", seconds: float) -> None:
    """Label the shared time axis under the lowest panel."""
    axes.set_xlim(0, seconds)
    axes.set_xlabel("time (s)", fontsize=9, color=INK)
    axes.tick_params(bottom=True, labelbottom=True)


def _viseme_order(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Group phone names by viseme class in the order of VISEMES; names of no class come last."""
    left = list(names)
    groups = [(viseme, [phone for phone in phones if phone in left]) for viseme, phones in VISEMES.items()]
    known = {phone for _, phones in groups for phone in phones}
    groups.append(("other", [name for name in left if name not in known]))
    return [(viseme, phones) for viseme, phones in groups if phones]


def _label_visemes(axes: "Axes", groups: Sequence[tuple[str, list[str]]]) -> None:
    """Name the phones on the left and the viseme classes on the right of an image's rows, ruled apart."""
    rows = [phone for _, phones in groups for phone in phones]
    edges = np.cumsum([0, *(len(phones) for _, phones in groups)]) - 0.5
    axes.hlines(edges[1:-1], 0, 1, transform=axes.get_yaxis_transform(), color=RULE, linewidth=0.6)
    axes.set_yticks(range(len(rows)), rows)
    right = axes.secondary_yaxis("right")
    right.set_yticks((edges[:-1] + edges[1:]) / 2, [viseme for viseme, _ in groups])
    right.tick_params(labelsize=7.5, labelcolor=FAINT, length=0)
    right.spines["right"].set_visible(False)


def posteriorgram(
    posteriors: np.ndarray,
    *,
    phones: Sequence[IntervalLike] | None = None,
    words: Sequence[IntervalLike] | None = None,
    waveform: np.ndarray | None = None,
    sample_rate: int = 16_000,
    opening: np.ndarray | None = None,
    fps: float = 25,
    gestures: Mapping[str, np.ndarray] | None = None,
    title: str = "",
    shown_seconds: float = SHOWN_SECONDS,
) -> "Figure":
    """Draw phone posteriors over time, with what was said above and what the lips do below.

    Args:
        posteriors: float (steps, 40), 100 steps per second, rows sum to 1.
        phones: the phone tier: its boundaries become thin rules, its labels stand above them.
        words: the word tier.
        waveform: float (samples,) in [-1, 1].
        sample_rate: samples per second of `waveform`.
        opening: float (frames,), inner-lip height in mouth-space units.
        fps: frames per second of `opening`.
        gestures: name -> float (frames,) at 25 a second, standard deviations: the side channel of the phones.
        title: text above everything.
        shown_seconds: longer input is cut to its first `shown_seconds`, and the title says so.

    Raises:
        ValueError: the posteriors have the wrong shape, or no steps.
    """
    if posteriors.ndim != 2 or posteriors.shape[1] != len(PHONES) or not len(posteriors):
        raise ValueError(f"posteriors have shape {posteriors.shape}; expected (steps, {len(PHONES)})")
    seconds, title = _shown(len(posteriors) / STEPS_PER_SECOND, title, shown_seconds)
    image = np.asarray(posteriors[: round(seconds * STEPS_PER_SECOND)], dtype=np.float32).T
    width = _figure_width(seconds)
    tiers = _lay_tiers(words, phones, seconds, width)
    spoken = _tier(tiers, "phones")
    said = {label for label, _, _ in spoken}
    groups = _viseme_order(
        phone for phone, row in zip(PHONES, image, strict=True) if row.max() >= SHOWN_POSTERIOR or phone in said
    )
    rows = [PHONES.index(phone) for _, names in groups for phone in names]

    heights = {"image": max(1.6, 0.165 * len(rows))}
    if waveform is not None:
        heights["waveform"] = 0.7
    if tiers:
        heights["tiers"] = sum(tier.height for tier in tiers)
    if gestures:
        heights["gestures"] = 0.8
    if opening is not None:
        heights["opening"] = 1.1
    order = [name for name in ("waveform", "tiers", "image", "gestures", "opening") if name in heights]
    total = sum(heights.values()) + 0.6 + (0.35 if title else 0)
    figure = new_figure(width, total, title)
    panels = figure.subplots(
        len(order), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": [heights[n] for n in order]}
    )
    axes = dict(zip(order, panels[:, 0], strict=True))

    if waveform is not None:
        _draw_waveform(axes["waveform"], waveform, sample_rate, seconds)
    if "tiers" in axes:
        _draw_tiers(axes["tiers"], tiers)
    main = axes["image"]
    extent = (0.0, image.shape[1] / STEPS_PER_SECOND, len(rows) - 0.5, -0.5)
    picture = main.imshow(
        image[rows], aspect="auto", interpolation="nearest", extent=extent, cmap="Blues", vmin=0, vmax=1
    )
    edges = sorted({edge for _, start, end in spoken for edge in (start, end)})
    thin = 0.35 if len(edges) < 80 else 0.2
    main.vlines(edges, 0, 1, transform=main.get_xaxis_transform(), color=INK, linewidth=thin, alpha=0.45)
    _label_visemes(main, groups)
    style_axes(main, keep=("left", "right", "top", "bottom"))
    main.tick_params(axis="y", length=0)
    main.tick_params(bottom=False, labelbottom=False)
    main.set_ylabel("phone", fontsize=9, color=INK)
    bar = figure.colorbar(picture, ax=main, fraction=0.02, pad=0.01, aspect=30)
    bar.set_label("posterior", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=7.5, length=2)
    bar.outline.set_visible(False)  # type: ignore[operator]

    if gestures:
        _draw_gestures(axes["gestures"], gestures, seconds)
    if opening is not None:
        below = axes["opening"]
        shown = np.asarray(opening)[: int(np.ceil(seconds * fps))]
        below.plot(frame_centres(len(shown), fps), shown, color=METHOD_COLOURS[0], linewidth=1.4)
        below.axhline(0, color=RULE, linewidth=0.6, zorder=0)
        _shade_bilabials(below, spoken)
        below.set_ylabel(f"lip opening\n({UNIT})", fontsize=8, color=INK)
        style_axes(below)
        below.set_ylim(min(0.0, float(np.min(shown, initial=0.0))) - 0.01, None)
    _label_time(panels[-1, 0], seconds)
    figure.align_ylabels(list(panels[:, 0]))
    return figure


def _draw_gestures(axes: "Axes", gestures: Mapping[str, np.ndarray], seconds: float) -> None:
    """Draw the gestures as curves around 0, the mean lip, named on the right."""
    for (name, curve), colour in zip(gestures.items(), METHOD_COLOURS[1:], strict=False):
        shown = np.asarray(curve)[: int(np.ceil(seconds * MODEL_FPS))]
        axes.plot(frame_centres(len(shown)), shown, color=colour, linewidth=1.1, label=name)
    axes.axhline(0, color=RULE, linewidth=0.6, zorder=0)
    axes.set_ylabel("gestures\n(s.d.)", fontsize=8, color=INK)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7.5, frameon=False, handlelength=1.2)
    style_axes(axes)
    axes.tick_params(bottom=False, labelbottom=False)


def _shade_bilabials(axes: "Axes", phones: Sequence[tuple[str, float, float]]) -> None:
    """Shade the intervals of b, m and p, where the lips should be shut, with one entry in the legend."""
    first = True
    for text, start, end in phones:
        if text in BILABIALS:
            name = "B, M, P" if first else None
            axes.axvspan(start, end, color=BILABIAL_SHADE, linewidth=0, zorder=0, label=name)
            first = False
    if not first:
        axes.legend(fontsize=7.5, loc="upper right", framealpha=0.8, edgecolor="white", handlelength=1.2)


def _spectrogram(waveform: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute a spectrogram in dB below its maximum; (bands, columns) and the band edges (Hz)."""
    window = round(0.025 * sample_rate)
    hop = round(0.005 * sample_rate)
    padded = np.pad(np.asarray(waveform, dtype=np.float64), window // 2)
    padded = np.append(padded[:1], np.diff(padded) + 0.03 * padded[1:])
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window)
    power = np.abs(np.fft.rfft(pieces, n=1024)) ** 2
    decibels = 10 * np.log10(np.maximum(power, power.max() * 1e-7 + 1e-20))
    return (decibels - decibels.max()).T, np.fft.rfftfreq(1024, 1 / sample_rate)


def alignment_figure(
    waveform: np.ndarray,
    alignment: AlignmentLike,
    *,
    sample_rate: int = 16_000,
    title: str = "",
    shown_seconds: float = SHOWN_SECONDS,
) -> "Figure":
    """Draw waveform, spectrogram, and the word and phone tiers under them; confidences as colour.

    Args:
        waveform: float (samples,) in [-1, 1].
        alignment: has `words`, `phones`, and `confidences` (one number in [0, 1] a phone) or None.
        sample_rate: samples per second.
        title: text above everything.
        shown_seconds: longer input is cut to its first `shown_seconds`, and the title says so.

    Raises:
        ValueError: the waveform is empty or not one-dimensional.
    """
    if waveform.ndim != 1 or not len(waveform):
        raise ValueError(f"the waveform has shape {waveform.shape}; expected (samples,)")
    seconds, title = _shown(len(waveform) / sample_rate, title, shown_seconds)
    sound = waveform[: round(seconds * sample_rate)]
    width = _figure_width(seconds)
    tiers = _lay_tiers(alignment.words, alignment.phones, seconds, width)
    confidences = alignment.confidences
    tier_height = max(sum(tier.height for tier in tiers), 0.2)
    figure = new_figure(width, 3.3 + tier_height + (0.35 if title else 0), title)
    panels = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [0.7, 2.0, tier_height]})
    _draw_waveform(panels[0], sound, sample_rate, seconds)
    decibels, bands = _spectrogram(sound, sample_rate)
    panels[1].imshow(
        decibels,
        aspect="auto",
        origin="lower",
        extent=(0.0, seconds, 0.0, float(bands[-1]) / 1000),
        cmap="Greys",
        vmin=-65,
        vmax=-5,
        interpolation="bilinear",
    )
    panels[1].set_ylim(0, min(8.0, float(bands[-1]) / 1000))
    panels[1].set_ylabel("frequency (kHz)", fontsize=8, color=INK)
    spoken = _tier(tiers, "phones")
    edges = sorted({edge for _, start, end in spoken for edge in (start, end)})
    rules = panels[1].get_xaxis_transform()
    panels[1].vlines(edges, 0, 1, transform=rules, color=METHOD_COLOURS[1], linewidth=0.5, alpha=0.7)
    style_axes(panels[1], keep=("left", "right", "top", "bottom"))
    panels[1].tick_params(bottom=False, labelbottom=False)
    colours: np.ndarray | None = None
    if confidences is not None:
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable

        scale = ScalarMappable(cmap=colormaps["RdYlBu"])
        scale.set_clim(0, 1)
        colours = scale.to_rgba(np.asarray(confidences[: len(spoken)]), alpha=0.55)
        bar = figure.colorbar(scale, ax=panels[1], fraction=0.02, pad=0.01, aspect=20, alpha=0.55)
        bar.set_label("confidence", fontsize=8, color=INK)
        bar.ax.tick_params(labelsize=7.5, length=2)
        bar.outline.set_visible(False)  # type: ignore[operator]
    _draw_tiers(panels[2], tiers, colours)
    panels[2].spines["bottom"].set_visible(True)
    _label_time(panels[2], seconds)
    return figure


def confusion(matrix: np.ndarray, names: Sequence[str] = PHONES, *, title: str = "") -> "Figure":
    """Draw a confusion matrix, every row divided by its sum, grouped by viseme class.

    Args:
        matrix: counts (names, names); rows are the true phones, columns what was found.
        names: the phones in the order of `matrix`.
        title: text above everything.

    Raises:
        ValueError: the matrix is not square, does not fit the names, or holds negative counts.
    """
    counts = np.asarray(matrix, dtype=np.float64)
    if counts.shape != (len(names), len(names)) or not len(names) or (counts < 0).any():
        raise ValueError(f"matrix of shape {counts.shape} for {len(names)} names; expected counts, names x names")
    groups = _viseme_order(names)
    order = [list(names).index(phone) for _, phones in groups for phone in phones]
    counts = counts[np.ix_(order, order)]
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)

    side = max(4.0, 0.21 * len(names))
    figure = new_figure(side + 2.4, side + 0.75 + (0.3 if title else 0), title)
    axes = figure.subplots()
    axes.set_facecolor("#eeeeee")
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for row, column in np.argwhere(np.nan_to_num(shares) >= 0.045):
        share = shares[row, column]
        ink = "white" if share > 0.55 else INK
        axes.text(
            column,
            row,
            f"{100 * share:.0f}",
            fontsize=5.5,
            ha="center",
            va="center",
            color=ink,
            in_layout=False,
        )
    _label_visemes(axes, groups)
    edges = np.cumsum([len(phones) for _, phones in groups])[:-1] - 0.5
    axes.vlines(edges, 0, 1, transform=axes.get_xaxis_transform(), color=RULE, linewidth=0.6)
    axes.set_xticks(range(len(order)), [names[index] for index in order], rotation=90)
    style_axes(axes, keep=("left", "right", "top", "bottom"))
    axes.tick_params(length=0, labelsize=7.5)
    axes.set_xlabel("phone found", fontsize=9, color=INK)
    axes.set_ylabel("true phone", fontsize=9, color=INK)
    bar = figure.colorbar(picture, ax=axes, fraction=0.025, pad=0.01, aspect=40)
    bar.set_label("share of the true phone's steps (numbers: %, from 5 % on; grey: never occurs)", fontsize=8)
    bar.ax.tick_params(labelsize=7.5, length=2)
    bar.outline.set_visible(False)  # type: ignore[operator]
    return figure


def curves(
    lips: Mapping[str, np.ndarray],
    fps: float,
    *,
    phones: Sequence[IntervalLike] | None = None,
    words: Sequence[IntervalLike] | None = None,
    title: str = "",
    shown_seconds: float = SHOWN_SECONDS,
) -> "Figure":
    """Draw lip opening and mouth width over time, the truth against one or several methods.

    Args:
        lips: name -> lips (frames, points, 2), mouth-space units. The first one is the truth: black.
        fps: frames per second of all of them.
        phones: the phone tier, labelled above; b, m and p are shaded.
        words: the word tier.
        title: text above everything.
        shown_seconds: longer input is cut to its first `shown_seconds`, and the title says so.

    Raises:
        InputError: lips in neither layout.
        ValueError: there are no lips.
    """
    if not lips:
        raise ValueError("no lips to draw; expected at least the truth")
    seconds, title = _shown(max(len(values) for values in lips.values()) / fps, title, shown_seconds)
    width = _figure_width(seconds)
    tiers = _lay_tiers(words, phones, seconds, width)
    spoken = _tier(tiers, "phones")
    heights = [sum(tier.height for tier in tiers)] * bool(tiers) + [1.7, 1.3]
    figure = new_figure(width, sum(heights) + 0.9 + (0.35 if title else 0), title)
    panels = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    if tiers:
        _draw_tiers(panels[0], tiers)
    quantities = ((panels[-2], lip_opening, "lip opening"), (panels[-1], lip_width, "mouth width"))
    lines: list[Any] = []
    for axes, measure, name in quantities:
        lines = []
        for index, (label, values) in enumerate(lips.items()):
            shown = measure(values[: int(np.ceil(seconds * fps))])
            colour = METHOD_COLOURS[(index - 1) % len(METHOD_COLOURS)] if index else TRUTH_COLOUR
            lines += axes.plot(
                frame_centres(len(shown), fps),
                shown,
                color=colour,
                linewidth=1.3 if index else 1.9,
                linestyle="-" if index <= len(METHOD_COLOURS) else "--",
                zorder=2 if index else 3,
                label=label,
            )
        for text, start, end in spoken:
            if text in BILABIALS:
                axes.axvspan(start, end, color=BILABIAL_SHADE, alpha=0.7, linewidth=0, zorder=0)
        axes.set_ylabel(f"{name}\n({UNIT})", fontsize=8, color=INK)
        axes.margins(y=0.08)
        style_axes(axes)
    panels[-2].axhline(0, color=RULE, linewidth=0.6, zorder=1)
    panels[-2].tick_params(bottom=False, labelbottom=False)
    _label_time(panels[-1], seconds)
    handles = list(lines)
    if any(text in BILABIALS for text, _, _ in spoken):
        from matplotlib.patches import Patch

        handles.append(Patch(color=BILABIAL_SHADE, alpha=0.7, label="B, M, P"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), frameon=False, fontsize=8)
    figure.align_ylabels(list(panels))
    return figure


def lip_shapes(shapes: Mapping[str, np.ndarray], *, title: str = "") -> "Figure":
    """Draw lip shapes over one another, at the same scale.

    Args:
        shapes: name -> float (40, 2), mouth space; the first in grey, below the others.
        title: above it.

    Raises:
        InputError: not the 40 points of mediapipe40.
    """
    figure = new_figure(6.4, 4.0, title)
    axes = figure.subplots()
    for index, (name, points) in enumerate(shapes.items()):
        if np.shape(points) != (40, 2):
            raise InputError(f"{name}: lips of shape {np.shape(points)}; expected 40 points (40, 2)")
        colour = METHOD_COLOURS[(index - 1) % len(METHOD_COLOURS)] if index else FAINT
        for label, ring in ((name, OUTER_RING), (None, INNER_RING)):
            closed = np.asarray(points)[[*ring, ring[0]]]
            axes.plot(*closed.T, color=colour, linewidth=1.8 if index else 2.6, label=label, marker="o", markersize=2.2)
    axes.set_aspect("equal")
    axes.set_xlabel(f"right ({UNIT})", fontsize=8, color=INK)
    axes.set_ylabel(f"up ({UNIT})", fontsize=8, color=INK)
    style_axes(axes)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure
