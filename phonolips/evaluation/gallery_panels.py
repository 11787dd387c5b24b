"""The panels of the gallery: contours and curves of one phone on one pair of axes, and their limits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from phonolips.corpus.occurrences import (
    CONTEXT_PLACES,
    CONTEXT_SECONDS,
    INSIDE_PLACES,
    MIDDLE_PLACE,
    Occurrences,
)
from phonolips.lips.points import INNER_RING, OUTER_RING
from phonolips.show.plots import FAINT, INK, METHOD_COLOURS, RULE, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAND_PERCENT = (10, 90)
SHOWN_PERCENT = (0.2, 99.8)  # of the values lie within the limits of a page of many phones
INSIDE_SPAN = 1.5  # how wide the phone is drawn, in units of the context on one side
PLACE_X = np.concatenate(
    [
        np.arange(-CONTEXT_PLACES, 0) / CONTEXT_PLACES,
        np.linspace(0, INSIDE_SPAN, INSIDE_PLACES),
        INSIDE_SPAN + np.arange(1, CONTEXT_PLACES + 1) / CONTEXT_PLACES,
    ]
)  # where the places of an occurrence are drawn
OUTER_COLOUR, INNER_COLOUR = METHOD_COLOURS[5], METHOD_COLOURS[1]


def percentiles(values: np.ndarray, percent: float | Sequence[float]) -> np.ndarray:
    """Compute percentiles over the rows of (rows, places), NaN left out; NaN where a place has nothing else."""
    known = ~np.isnan(values).all(0)
    found = np.full((*np.shape(percent), values.shape[1]), np.nan)
    found[..., known] = np.nanpercentile(values[:, known], percent, axis=0)
    return found


def mean_curve(values: np.ndarray) -> np.ndarray:
    """Average (rows, places) over the rows, NaN left out; NaN where a place has nothing else."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(0)
    mean: np.ndarray = np.divide(total, known.sum(0), out=np.full(values.shape[1], np.nan), where=known.any(0))
    return mean


def describe_panel(found: Occurrences) -> str:
    """Describe how many occurrences are drawn out of how many, and how long they last on average."""
    if not len(found):
        return "no sample"
    return f"{len(found)} of {found.total}, {1000 * found.seconds.mean():.0f} ms"


def name_panel(axes: "Axes", found: Occurrences) -> None:
    """Write the phone over the left of its panel, and how many of it over the right."""
    note = "" if not len(found) else describe_panel(found)
    axes.set_title(found.phone, loc="left", fontsize=9.5, fontweight="bold", color=INK, pad=3)
    axes.set_title(note, loc="right", fontsize=6.5, color="#666666", pad=3)


def mark_empty(axes: "Axes") -> None:
    axes.text(0.5, 0.5, "no sample", transform=axes.transAxes, fontsize=8, color=FAINT, ha="center", va="center")


def contour_limits(
    found: Sequence[Occurrences], places: slice = slice(MIDDLE_PLACE, MIDDLE_PLACE + 1)
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Choose x and y limits that hold nearly all points of all lips at `places`, with a margin."""
    points = [item.lips[:, places].reshape(-1, 2) for item in found if len(item)]
    if not points:
        return (-0.6, 0.6), (-0.35, 0.35)
    low, high = np.percentile(np.concatenate(points), (0.02, 99.98), axis=0)
    margin = 0.04 * float((high - low).max())
    return (low[0] - margin, high[0] + margin), (low[1] - margin, high[1] + margin)


def draw_contours(
    axes: "Axes", found: Occurrences, place: int, limits: tuple[tuple[float, float], tuple[float, float]]
) -> None:
    """Draw the lips of all occurrences at one place as thin rings, and their mean as bold ones."""
    from matplotlib.collections import LineCollection

    axes.set_xlim(limits[0])
    axes.set_ylim(limits[1])
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    style_axes(axes, keep=("left", "right", "top", "bottom"))
    for spine in axes.spines.values():
        spine.set_color("#dddddd")
    if not len(found):
        mark_empty(axes)
        return
    lips = found.lips[:, place]
    strength = float(np.clip(14 / len(lips), 0.13, 0.6))
    for ring, colour in ((OUTER_RING, OUTER_COLOUR), (INNER_RING, INNER_COLOUR)):
        closed = [*ring, ring[0]]
        axes.add_collection(LineCollection(list(lips[:, closed]), colors=colour, linewidths=0.5, alpha=strength))
    mean = lips.mean(0)
    for ring in (OUTER_RING, INNER_RING):
        closed = [*ring, ring[0]]
        axes.plot(mean[closed, 0], mean[closed, 1], color=INK, linewidth=1.0, solid_joinstyle="round")


def draw_scale(axes: "Axes", limits: tuple[tuple[float, float], tuple[float, float]]) -> None:
    """Draw a bar of a tenth of an eye distance into the lower left corner."""
    (left, right), (low, high) = limits
    x, y = left + 0.04 * (right - left), low + 0.06 * (high - low)
    axes.plot([x, x + 0.1], [y, y], color=INK, linewidth=1.5, solid_capstyle="butt")
    axes.text(x + 0.12, y, "0.1 eye distance", fontsize=6, color=INK, va="center_baseline")


def value_limits(
    values: Sequence[np.ndarray], quantity: str, shown_percent: tuple[float, float] = SHOWN_PERCENT
) -> tuple[float, float]:
    """Choose limits that hold nearly all values, so that a slip of the tracker does not flatten the rest.

    Opening starts at zero or below.
    """
    known = [rows[~np.isnan(rows)] for rows in values if len(rows)]
    if not known:
        return 0.0, 1.0
    low, high = np.percentile(np.concatenate(known), shown_percent)
    if quantity == "opening":
        low = min(0.0, float(low))
    margin = 0.04 * (high - low) + 1e-6
    return float(low - margin), float(high + margin)


def draw_trajectories(axes: "Axes", values: np.ndarray, colour: str, limits: tuple[float, float]) -> None:
    """Draw curves (occurrences, places) thin, the band and the mean over them."""
    from matplotlib.collections import LineCollection

    axes.set_xlim(PLACE_X[0], PLACE_X[-1])
    axes.set_ylim(limits)
    axes.set_xticks([0, INSIDE_SPAN], [])
    style_axes(axes)
    axes.tick_params(labelsize=7)
    if not len(values):
        mark_empty(axes)
        return
    axes.axvspan(0, INSIDE_SPAN, color="#ececec", linewidth=0, zorder=0)
    if limits[0] < 0 < limits[1]:
        axes.axhline(0, color=RULE, linewidth=0.6, zorder=1)
    strength = float(np.clip(14 / len(values), 0.12, 0.6))
    lines = [np.column_stack([PLACE_X, row]) for row in values]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.4, alpha=strength, zorder=2))
    low, high = percentiles(values, BAND_PERCENT)
    axes.fill_between(PLACE_X, low, high, color=colour, alpha=0.22, linewidth=0, zorder=3)
    axes.plot(PLACE_X, mean_curve(values), color=INK, linewidth=1.7, zorder=4)


def label_places(axes: "Axes") -> None:
    """Name the start and the end of the phone, and how far the context reaches."""
    reach = f"{1000 * CONTEXT_SECONDS:.0f} ms"
    ends = [PLACE_X[0], 0, INSIDE_SPAN, PLACE_X[-1]]
    axes.set_xticks(ends, [f"−{reach}", "start", "end", f"+{reach}"], fontsize=8)
