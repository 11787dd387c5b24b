"""Phone posteriors as pictures: posteriorgrams and confusions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from phonolips.phones.inventory import PHONES
from phonolips.show.plots.style import (
    INK,
    METHOD_COLOURS,
    RULE,
    SHOWN_POSTERIOR,
    SHOWN_SECONDS,
    UNIT,
    figure_width,
    label_time,
    legend_right,
    name_colourbar,
    name_panel,
    new_figure,
    shown_part,
    style_axes,
)
from phonolips.show.plots.tiers import (
    IntervalLike,
    boundaries,
    draw_tiers,
    draw_waveform,
    label_visemes,
    lay_tiers,
    shade_bilabials,
    tier_of,
    viseme_order,
)
from phonolips.timebase import MODEL_FPS, STEPS_PER_SECOND, frame_centres

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


# Ten parameters: what is drawn in the panels (6), in what units (2), and how the figure is called and cut (2).
def posteriorgram(
    posteriors: np.ndarray,
    *,
    phones: Sequence[IntervalLike] | None = None,
    words: Sequence[IntervalLike] | None = None,
    waveform: np.ndarray | None = None,
    sample_rate: int = 16_000,
    opening: np.ndarray | None = None,
    fps: float = 25,
    lip_parameters: Mapping[str, np.ndarray] | None = None,
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
        lip_parameters: name -> float (frames,) at 25 a second, standard deviations: what goes beside the phones.
        title: text above everything.
        shown_seconds: longer input is cut to its first `shown_seconds`, and the title says so.

    Raises:
        ValueError: the posteriors have the wrong shape, or no steps.
    """
    if posteriors.ndim != 2 or posteriors.shape[1] != len(PHONES) or not len(posteriors):
        raise ValueError(f"posteriors have shape {posteriors.shape}; expected (steps, {len(PHONES)})")
    seconds, title = shown_part(len(posteriors) / STEPS_PER_SECOND, title, shown_seconds)
    image = np.asarray(posteriors[: round(seconds * STEPS_PER_SECOND)], dtype=np.float32).T
    width = figure_width(seconds)
    tiers = lay_tiers(words, phones, seconds, width)
    spoken = tier_of(tiers, "phones")
    groups = _shown_groups(image, {label for label, _, _ in spoken})
    rows = sum(len(names) for _, names in groups)
    wanted = {
        "waveform": 0.7 if waveform is not None else 0.0,
        "tiers": sum(tier.height for tier in tiers),
        "image": max(1.6, 0.165 * rows),
        "lip_parameters": 0.8 if lip_parameters else 0.0,
        "opening": 1.1 if opening is not None else 0.0,
    }
    figure, axes = _new_panels(width, {name: height for name, height in wanted.items() if height}, title)
    if waveform is not None:
        draw_waveform(axes["waveform"], waveform, sample_rate, seconds)
    if "tiers" in axes:
        draw_tiers(axes["tiers"], tiers)
    picture = _draw_posteriors(axes["image"], image, groups, boundaries(spoken))
    _explain_colours(figure, axes["image"], picture, wanted["image"])
    if lip_parameters:
        _draw_lip_parameters(axes["lip_parameters"], lip_parameters, seconds)
    if opening is not None:
        _draw_opening(axes["opening"], np.asarray(opening)[: int(np.ceil(seconds * fps))], fps, spoken)
    *upper, lowest = axes.values()
    label_time(lowest, seconds)
    for panel in upper:  # nothing of it is seen, but its ticks would be placed and measured
        panel.xaxis.set_visible(False)
    figure.align_ylabels(list(axes.values()))
    return figure


def _new_panels(width: float, heights: Mapping[str, float], title: str) -> tuple["Figure", dict[str, "Axes"]]:
    """Make a figure of panels that share their time axis, from top to bottom, name -> height; all in inches."""
    figure = new_figure(width, sum(heights.values()) + 0.6 + (0.35 if title else 0), title)
    panels = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": list(heights.values())}
    )
    return figure, dict(zip(heights, panels[:, 0], strict=True))


def _shown_groups(image: np.ndarray, said: set[str]) -> list[tuple[str, list[str]]]:
    """Choose the phones that have a row, by viseme class: likely at some step of image (phones, steps), or said."""
    return viseme_order(
        phone for phone, row in zip(PHONES, image, strict=True) if row.max() >= SHOWN_POSTERIOR or phone in said
    )


def _draw_posteriors(
    axes: "Axes", image: np.ndarray, groups: Sequence[tuple[str, list[str]]], edges: Sequence[float]
) -> "AxesImage":
    """Draw the rows of image (phones, steps) that `groups` name, and phone boundaries over them.

    Args:
        axes: where.
        image: float32 (phones, steps).
        groups: viseme class and its phones.
        edges: boundaries of the phones that are said, seconds.
    """
    rows = [PHONES.index(phone) for _, names in groups for phone in names]
    extent = (0.0, image.shape[1] / STEPS_PER_SECOND, len(rows) - 0.5, -0.5)
    picture = axes.imshow(
        image[rows], aspect="auto", interpolation="nearest", extent=extent, cmap="Blues", vmin=0, vmax=1
    )
    thin = 0.35 if len(edges) < 80 else 0.2
    axes.vlines(edges, 0, 1, transform=axes.get_xaxis_transform(), color=INK, linewidth=thin, alpha=0.45)
    label_visemes(axes, groups)
    style_axes(axes, keep=("left", "right", "top", "bottom"))
    axes.tick_params(axis="y", length=0)
    axes.tick_params(bottom=False, labelbottom=False)
    axes.set_ylabel("phone", fontsize=9, color=INK)
    return picture


def _explain_colours(figure: "Figure", axes: "Axes", picture: "AxesImage", height: float) -> None:
    """Put a colourbar beside posteriors in a panel that is `height` inches high."""
    shrink = min(1.0, 1.6 / height)
    bar = figure.colorbar(picture, ax=axes, fraction=0.012, pad=0.01, aspect=22, shrink=shrink, anchor=(0, 0))
    name_colourbar(bar, "posterior")


def _draw_opening(axes: "Axes", opening: np.ndarray, fps: float, spoken: Sequence[tuple[str, float, float]]) -> None:
    """Draw opening (frames,) over time, b, m and p shaded."""
    axes.plot(frame_centres(len(opening), fps), opening, color=METHOD_COLOURS[0], linewidth=1.4)
    axes.axhline(0, color=RULE, linewidth=0.6, zorder=0)
    if shade_bilabials(axes, spoken):
        legend_right(axes)
    name_panel(axes, f"lip opening\n({UNIT})")
    style_axes(axes)
    axes.set_ylim(min(0.0, float(np.min(opening, initial=0.0))) - 0.01, None)


def _draw_lip_parameters(axes: "Axes", lip_parameters: Mapping[str, np.ndarray], seconds: float) -> None:
    """Draw lip parameters as curves around 0, the mean shape, named on the right."""
    for (name, curve), colour, line in zip(
        lip_parameters.items(), METHOD_COLOURS[1:], ("-", "--", ":", "-."), strict=False
    ):
        shown = np.asarray(curve)[: int(np.ceil(seconds * MODEL_FPS))]
        axes.plot(frame_centres(len(shown)), shown, color=colour, linestyle=line, linewidth=1.3, label=name)
    axes.axhline(0, color=RULE, linewidth=0.6, zorder=0)
    name_panel(axes, "lip par.\n(s.d.)")
    legend_right(axes)
    style_axes(axes)
    axes.tick_params(bottom=False, labelbottom=False)


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
    groups = viseme_order(names)
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
    label_visemes(axes, groups)
    edges = np.cumsum([len(phones) for _, phones in groups])[:-1] - 0.5
    axes.vlines(edges, 0, 1, transform=axes.get_xaxis_transform(), color=RULE, linewidth=0.6)
    axes.set_xticks(range(len(order)), [names[index] for index in order], rotation=90)
    style_axes(axes, keep=("left", "right", "top", "bottom"))
    axes.tick_params(length=0, labelsize=7.5)
    axes.set_xlabel("phone found", fontsize=9, color=INK)
    axes.set_ylabel("true phone", fontsize=9, color=INK)
    bar = figure.colorbar(picture, ax=axes, fraction=0.025, pad=0.01, aspect=40)
    name_colourbar(bar, "share of the true phone's steps (numbers: %, from 5 % on; grey: never occurs)", "black")
    return figure
