"""Lips as pictures: opening and width over time, and shapes over one another."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.measures import opening as lip_opening
from phonolips.lips.measures import width as lip_width
from phonolips.lips.points import INNER_RING, OUTER_RING
from phonolips.phones.sounds import shuts_lips
from phonolips.show.plots.style import (
    BILABIAL_NAME,
    BILABIAL_SHADE,
    FAINT,
    INK,
    METHOD_COLOURS,
    RULE,
    SHOWN_SECONDS,
    TRUTH_COLOUR,
    UNIT,
    figure_width,
    label_time,
    name_panel,
    new_figure,
    shown_part,
    style_axes,
)
from phonolips.show.plots.tiers import IntervalLike, draw_tiers, lay_tiers, shade_bilabials, tier_of
from phonolips.timebase import frame_centres

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LEAST_SPAN = 0.06  # mouth-space units on the y axis of a curve, at least


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
        lips: name -> lips (frames, points, 2), mouth-space units. The first one is the truth, black, unless it is
            alone.
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
    seconds, title = shown_part(max(len(values) for values in lips.values()) / fps, title, shown_seconds)
    width = figure_width(seconds)
    tiers = lay_tiers(words, phones, seconds, width)
    spoken = tier_of(tiers, "phones")
    heights = [sum(tier.height for tier in tiers)] * bool(tiers) + [1.7, 1.3]
    figure = new_figure(width, sum(heights) + 0.9 + (0.35 if title else 0), title)
    panels = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    if tiers:
        draw_tiers(panels[0], tiers)
    quantities = ((panels[-2], lip_opening, "lip opening"), (panels[-1], lip_width, "mouth width"))
    lines: list[Any] = []
    for axes, measure, name in quantities:
        shown = {label: measure(values[: int(np.ceil(seconds * fps))]) for label, values in lips.items()}
        lines = _draw_curves(axes, shown, fps)
        shade_bilabials(axes, spoken)
        name_panel(axes, f"{name}\n({UNIT})")
        widen(axes)
        style_axes(axes)
    panels[-2].axhline(0, color=RULE, linewidth=0.6, zorder=1)
    panels[-2].tick_params(bottom=False, labelbottom=False)
    label_time(panels[-1], seconds)
    handles = list(lines)
    if any(shuts_lips(text) for text, _, _ in spoken):
        from matplotlib.patches import Patch

        handles.append(Patch(color=BILABIAL_SHADE, label=BILABIAL_NAME))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), frameon=False, fontsize=8)
    figure.align_ylabels(list(panels))
    return figure


def _draw_curves(axes: "Axes", shown: Mapping[str, np.ndarray], fps: float) -> list[Any]:
    """Draw curves (frames,) by name, the first one as the truth unless it is alone; return their lines."""
    lines: list[Any] = []
    for index, (label, values) in enumerate(shown.items()):
        colour = METHOD_COLOURS[(index - 1) % len(METHOD_COLOURS)] if index else TRUTH_COLOUR
        if len(shown) == 1:
            colour = METHOD_COLOURS[0]
        lines += axes.plot(
            frame_centres(len(values), fps),
            values,
            color=colour,
            linewidth=1.3 if index else 1.9,
            linestyle="-" if index <= len(METHOD_COLOURS) else "--",
            zorder=2 if index else 3,
            label=label,
        )
    return lines


def widen(axes: "Axes") -> None:
    """Leave a margin above and below, and show at least LEAST_SPAN, so that a mouth at rest looks at rest."""
    axes.margins(y=0.08)
    low, high = axes.get_ylim()
    spare = max(0.0, LEAST_SPAN - (high - low)) / 2
    axes.set_ylim(low - spare, high + spare)


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
