"""One result beside another: opening and width of both over time, and their differences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from phonolips.lips.measures import opening as lip_opening
from phonolips.lips.measures import width as lip_width
from phonolips.show.plots.lips import widen
from phonolips.show.plots.style import (
    INK,
    METHOD_COLOURS,
    RULE,
    SHOWN_SECONDS,
    TRUTH_COLOUR,
    UNIT,
    figure_width,
    label_time,
    legend_right,
    name_panel,
    new_figure,
    shown_part,
    style_axes,
)
from phonolips.show.plots.tiers import AlignmentLike, draw_tiers, lay_tiers, shade_bilabials, tier_of
from phonolips.timebase import frame_centres

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class RunLike(Protocol):
    """What is compared of a result, such as `phonolips.synth.result.Result`."""

    @property
    def lips(self) -> np.ndarray:
        """Lips (frames, points, 2), mouth-space units."""

    @property
    def fps(self) -> float:
        """Frames per second."""

    @property
    def alignment(self) -> AlignmentLike | None:
        """Words and phones, or None."""


def comparison(
    first: RunLike,
    second: RunLike,
    names: tuple[str, str] = ("first", "second"),
    *,
    title: str = "",
    shown_seconds: float = SHOWN_SECONDS,
) -> "Figure":
    """Draw two results over one another from their starts: both tiers, opening and width, and their differences.

    Rates and layouts may differ. Where the lengths differ by more than a frame the title says so, and differences end
    with the shorter one. The correlation and the root mean square difference over what both have stand beside them.

    Args:
        first: drawn in black.
        second: drawn in colour.
        names: what to call them.
        title: text above everything.
        shown_seconds: longer input is cut to its first `shown_seconds`, and the title says so.
    """
    runs = (first, second)
    lengths = [len(result.lips) / result.fps for result in runs]
    if abs(lengths[0] - lengths[1]) > 1 / min(result.fps for result in runs):
        unlike = f"{names[0]} lasts {lengths[0]:.2f} s, {names[1]} {lengths[1]:.2f} s; aligned at their starts"
        title = f"{title}  ({unlike})" if title else unlike
    seconds, title = shown_part(max(lengths), title, shown_seconds)
    width = figure_width(seconds)
    tiers = [
        [] if result.alignment is None
        else lay_tiers([word for word in result.alignment.words if word.label], result.alignment.phones, seconds, width)
        for result in runs
    ]  # fmt: skip
    tier_heights = [sum(tier.height for tier in rows) + 0.08 for rows in tiers if rows]
    heights = [*tier_heights, 1.6, 0.75, 1.2, 0.75]
    figure = new_figure(width, sum(heights) + 0.9 + (0.35 if title else 0), title)
    panels = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    named = [(name, rows) for name, rows in zip(names, tiers, strict=True) if rows]
    for axes, (name, rows) in zip(panels, named, strict=False):
        draw_tiers(axes, rows)
        axes.text(
            1.005, 0.5, name, transform=axes.transAxes, fontsize=8.5, color=_run_colour(name, names), va="center",
            fontweight="bold",
        )  # fmt: skip
    spoken = tier_of(tiers[0], "phones")
    for pair, (measure, what) in zip(
        (panels[-4:-2], panels[-2:]), ((lip_opening, "lip opening"), (lip_width, "mouth width")), strict=True
    ):
        _draw_pair(pair, [(result, measure(result.lips)) for result in runs], names, spoken, what, seconds)
    for axes in panels[len(named) : -1]:
        axes.tick_params(bottom=False, labelbottom=False)
    label_time(panels[-1], seconds)
    figure.align_ylabels(list(panels))
    return figure


def _run_colour(name: str, names: tuple[str, str]) -> str:
    return TRUTH_COLOUR if name == names[0] else METHOD_COLOURS[0]


def _draw_pair(
    panels: "Sequence[Axes]",
    curves_of: Sequence[tuple[RunLike, np.ndarray]],
    names: tuple[str, str],
    spoken: Sequence[tuple[str, float, float]],
    what: str,
    seconds: float,
) -> None:
    """Draw one measure of two results into the upper panel, and the second less the first into the lower one."""
    both, difference = panels
    times = [frame_centres(len(values), result.fps) for result, values in curves_of]
    for index, (_, values) in enumerate(curves_of):
        shown = times[index] <= seconds
        colour = METHOD_COLOURS[0] if index else TRUTH_COLOUR
        both.plot(times[index][shown], values[shown], color=colour, linewidth=1.4 if index else 1.9, label=names[index])
    end = min(len(values) / result.fps for result, values in curves_of)
    shared = times[0][times[0] < end]
    first = curves_of[0][1][: len(shared)].astype(np.float64)
    apart = np.interp(shared, times[1], curves_of[1][1]) - first
    shown = shared <= seconds
    difference.fill_between(shared[shown], 0, apart[shown], color=METHOD_COLOURS[1], alpha=0.35, linewidth=0)
    difference.plot(shared[shown], apart[shown], color=METHOD_COLOURS[1], linewidth=0.9)
    difference.axhline(0, color=RULE, linewidth=0.6)
    figures = f"rms {np.sqrt(np.mean(apart**2)):.3f}"
    if min(np.std(first), np.std(first + apart)) > 1e-6:
        figures += f"\nr {np.corrcoef(first, first + apart)[0, 1]:.2f}".replace("-", "−")
    difference.text(1.01, 0.5, figures, transform=difference.transAxes, fontsize=8, color=INK, va="center")
    for axes in panels:
        shade_bilabials(axes, spoken)
        widen(axes)
        style_axes(axes)
    legend_right(both)
    name_panel(both, f"{what}\n({UNIT})")
    name_panel(difference, f"{names[1]} −{' ' if len(''.join(names)) < 12 else chr(10)}{names[0]}")
