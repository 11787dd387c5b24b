"""Pictures of what the lips do in every phone: contours at its middle, and movement through it.

As in `phonolips.show.plots`, every function returns a Figure and saving is the caller's. All panels of a page share their
axes, so that phones can be compared by eye.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.corpus.occurrences import (
    CONTEXT_PLACES,
    CONTEXT_SECONDS,
    INSIDE,
    INSIDE_PLACES,
    MIDDLE_PLACE,
    Occurrences,
)
from phonolips.lips.measures import opening as lip_opening
from phonolips.lips.measures import width as lip_width
from phonolips.lips.points import INNER_RING, OUTER_RING
from phonolips.phones.inventory import PHONES, SILENCE, VISEMES, VOWELS
from phonolips.show.plots import FAINT, INK, METHOD_COLOURS, RULE, UNIT, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUANTITIES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray], str]] = {
    "opening": ("lip opening", lip_opening, METHOD_COLOURS[0]),
    "width": ("mouth width", lip_width, METHOD_COLOURS[1]),
}  # quantity -> name in pictures, measure of lips, colour
BAND_PERCENT = (10, 90)
SHOWN_PERCENT = (0.2, 99.8)  # of the values lie within the limits of a page of many phones
SEEDS_VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "EY", "IH", "IY", "OW", "UW")  # come first among contours
INSIDE_SPAN = 1.5  # how wide the phone is drawn, in units of the context on one side
PLACE_X = np.concatenate(
    [
        np.arange(-CONTEXT_PLACES, 0) / CONTEXT_PLACES,
        np.linspace(0, INSIDE_SPAN, INSIDE_PLACES),
        INSIDE_SPAN + np.arange(1, CONTEXT_PLACES + 1) / CONTEXT_PLACES,
    ]
)  # where the places of an occurrence are drawn
MOMENTS = {"start": 0.0, "25 %": 0.25, "middle": 0.5, "75 %": 0.75, "end": 1.0}  # of a phone's own page
OUTER_COLOUR, INNER_COLOUR = METHOD_COLOURS[5], METHOD_COLOURS[1]
PANEL_INCHES = 1.42
GAP_INCHES = 0.12
HEAD_INCHES = 0.24  # for the name over a panel
EDGE_INCHES = 0.75  # left and right, for the labels of the axes


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
    return np.divide(total, known.sum(0), out=np.full(values.shape[1], np.nan), where=known.any(0))


def contour_page(occurrences: Mapping[str, Occurrences], *, title: str = "") -> "Figure":
    """Draw the lips at the middle of every phone: each occurrence thin, their mean bold.

    Args:
        occurrences: phone -> its drawn occurrences; a phone without any gets a panel that says so.
        title: text above everything.
    """
    first = [phone for phone in SEEDS_VOWELS if phone in occurrences]
    vowels = [phone for phone in PHONES if phone in VOWELS and phone in occurrences and phone not in first]
    others = [phone for phones in VISEMES.values() for phone in phones if phone not in VOWELS and phone in occurrences]
    others.sort(key=lambda phone: phone == SILENCE)
    order = [*first, *vowels, *others]
    columns = 8
    rows = -(-len(order) // columns)
    limits = _contour_limits([occurrences[phone] for phone in order])
    (left, right), (low, high) = limits
    height = PANEL_INCHES * (high - low) / (right - left)
    figure, place = _page(columns, rows, height, HEAD_INCHES + 0.06, title, foot=0.42)
    for index, phone in enumerate(order):
        axes = place(index // columns, index % columns)
        _name_panel(axes, occurrences[phone])
        _draw_contours(axes, occurrences[phone], MIDDLE_PLACE, limits)
        if index == 0:
            _draw_scale(axes, limits)
    _legend_contours(figure)
    return figure


def trajectory_page(occurrences: Mapping[str, Occurrences], quantity: str, *, title: str = "") -> "Figure":
    """Draw opening or width through every phone, a panel a phone, grouped by viseme class.

    Occurrences are thin, the band holds 80 % of them, their mean is bold. The phone's own time is stretched to one
    width, the 100 ms before and after it are not; the phone is shaded.

    Args:
        occurrences: phone -> its drawn occurrences; a phone without any gets a panel that says so.
        quantity: `opening` or `width`.
        title: text above everything.
    """
    name, measure, colour = QUANTITIES[quantity]
    groups = [(viseme, [phone for phone in phones if phone in occurrences]) for viseme, phones in VISEMES.items()]
    columns = 9
    lines: list[list[tuple[str, list[str]]]] = [[]]
    for viseme, phones in groups:
        if lines[-1] and sum(len(members) for _, members in lines[-1]) + len(phones) > columns:
            lines.append([])
        if phones:
            lines[-1].append((viseme, phones))
    curves = {phone: measure(found.lips.astype(np.float64)) for phone, found in occurrences.items()}
    known = [values for values in curves.values() if len(values)]
    limits = _value_limits(known, quantity)
    figure, place = _page(columns, len(lines), 1.2, HEAD_INCHES + 0.24, title, foot=0.7)
    for row, line in enumerate(lines):
        column = 0
        for viseme, phones in line:
            for phone in phones:
                axes = place(row, column)
                _name_panel(axes, occurrences[phone])
                _draw_trajectories(axes, curves[phone], colour, limits)
                axes.tick_params(labelleft=column == 0, labelbottom=False)
                if column == 0:
                    axes.set_ylabel(f"{name}\n({UNIT})", fontsize=7, color=INK)
                if row == len(lines) - 1:
                    axes.set_xticks([0, INSIDE_SPAN], ["start", "end"], fontsize=6.5)
                    axes.tick_params(labelbottom=True)
                if phone == phones[0]:
                    _name_class(figure, axes, viseme, len(phones))
                column += 1
    _legend_trajectories(figure, colour, quantity)
    return figure


def phone_page(found: Occurrences, *, title: str = "") -> "Figure":
    """Draw one phone: the lips at five moments of it, and opening and width through it.

    Args:
        found: the phone's drawn occurrences, at least one.
        title: text above everything.

    Raises:
        ValueError: there is no occurrence.
    """
    if not len(found):
        raise ValueError(f"no sample of {found.phone} to draw")
    figure = new_figure(11, 6.6, title)
    parts: Any = figure.subfigures(2, 1, height_ratios=[1, 1.5])
    strip, below = parts
    panels = strip.subplots(1, len(MOMENTS))
    limits = _contour_limits([found], INSIDE)
    for axes, (name, share) in zip(panels, MOMENTS.items(), strict=True):
        _draw_contours(axes, found, CONTEXT_PLACES + round(share * (INSIDE_PLACES - 1)), limits)
        axes.set_title(name, fontsize=8.5, color=INK)
    _draw_scale(panels[0], limits)
    for axes, (quantity, (name, measure, colour)) in zip(below.subplots(1, 2), QUANTITIES.items(), strict=True):
        values = measure(found.lips.astype(np.float64))
        _draw_trajectories(axes, values, colour, _value_limits([values], quantity, (0, 100)))
        axes.set_ylabel(f"{name} ({UNIT})", fontsize=9, color=INK)
        _label_places(axes)
        axes.vlines(
            [share * INSIDE_SPAN for share in MOMENTS.values()],
            0,
            0.03,
            transform=axes.get_xaxis_transform(),
            color=INK,
            linewidth=0.8,
        )
    return figure


def describe_panel(found: Occurrences) -> str:
    """Say how many occurrences are drawn out of how many, and how long they last on average."""
    if not len(found):
        return "no sample"
    return f"{len(found)} of {found.total}, {1000 * found.seconds.mean():.0f} ms"


def _page(
    columns: int, rows: int, panel_height: float, head: float, title: str, *, foot: float
) -> "tuple[Figure, Callable[[int, int], Axes]]":
    """Make a page of equal panels, and a function that adds the one at (row, column); inches."""
    top = 0.5 if title else 0.15
    across = 2 * EDGE_INCHES + columns * PANEL_INCHES + (columns - 1) * GAP_INCHES
    tall = top + rows * (panel_height + head) + foot
    figure = new_figure(across, tall, "")
    figure.set_layout_engine("none")
    if title:
        figure.text(0.5, 1 - 0.22 / tall, title, fontsize=11, color=INK, ha="center", va="center")

    def place(row: int, column: int) -> "Axes":
        left = EDGE_INCHES + column * (PANEL_INCHES + GAP_INCHES)
        bottom = tall - top - (row + 1) * (panel_height + head)
        return figure.add_axes((left / across, bottom / tall, PANEL_INCHES / across, panel_height / tall))

    return figure, place


def _name_panel(axes: "Axes", found: Occurrences) -> None:
    """Write the phone over the left of its panel, and how many of it over the right."""
    note = "" if not len(found) else describe_panel(found)
    axes.set_title(found.phone, loc="left", fontsize=9.5, fontweight="bold", color=INK, pad=3)
    axes.set_title(note, loc="right", fontsize=6.5, color="#666666", pad=3)


def _say_empty(axes: "Axes") -> None:
    axes.text(0.5, 0.5, "no sample", transform=axes.transAxes, fontsize=8, color=FAINT, ha="center", va="center")


def _contour_limits(
    found: Sequence[Occurrences], places: slice = slice(MIDDLE_PLACE, MIDDLE_PLACE + 1)
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Choose x and y limits that hold nearly all points of all lips at `places`, with a margin."""
    points = [item.lips[:, places].reshape(-1, 2) for item in found if len(item)]
    if not points:
        return (-0.6, 0.6), (-0.35, 0.35)
    low, high = np.percentile(np.concatenate(points), (0.02, 99.98), axis=0)
    margin = 0.04 * float((high - low).max())
    return (low[0] - margin, high[0] + margin), (low[1] - margin, high[1] + margin)


def _draw_contours(
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
        _say_empty(axes)
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


def _draw_scale(axes: "Axes", limits: tuple[tuple[float, float], tuple[float, float]]) -> None:
    """Draw a bar of a tenth of an eye distance into the lower left corner."""
    (left, right), (low, high) = limits
    x, y = left + 0.04 * (right - left), low + 0.06 * (high - low)
    axes.plot([x, x + 0.1], [y, y], color=INK, linewidth=1.5, solid_capstyle="butt")
    axes.text(x + 0.12, y, "0.1 eye distance", fontsize=6, color=INK, va="center_baseline")


def _value_limits(
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


def _draw_trajectories(axes: "Axes", values: np.ndarray, colour: str, limits: tuple[float, float]) -> None:
    """Draw curves (occurrences, places) thin, the band and the mean over them."""
    from matplotlib.collections import LineCollection

    axes.set_xlim(PLACE_X[0], PLACE_X[-1])
    axes.set_ylim(limits)
    axes.set_xticks([0, INSIDE_SPAN], [])
    style_axes(axes)
    axes.tick_params(labelsize=7)
    if not len(values):
        _say_empty(axes)
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


def _label_places(axes: "Axes") -> None:
    """Name the start and the end of the phone, and how far the context reaches."""
    reach = f"{1000 * CONTEXT_SECONDS:.0f} ms"
    ends = [PLACE_X[0], 0, INSIDE_SPAN, PLACE_X[-1]]
    axes.set_xticks(ends, [f"−{reach}", "start", "end", f"+{reach}"], fontsize=8)


def _name_class(figure: "Figure", axes: "Axes", viseme: str, panels: int) -> None:
    """Write a viseme class over its first panel, with a rule over all of its panels."""
    from matplotlib.lines import Line2D

    box = axes.get_position()
    across, tall = figure.get_size_inches()
    right = box.x0 + (panels * PANEL_INCHES + (panels - 1) * GAP_INCHES) / across
    y = box.y1 + (HEAD_INCHES - 0.02) / tall
    figure.add_artist(Line2D([box.x0, right], [y, y], color=RULE, linewidth=0.8))
    figure.text(box.x0, y + 0.03 / tall, viseme, fontsize=8, color=FAINT, va="bottom")


def _legend_contours(figure: "Figure") -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=OUTER_COLOUR, linewidth=1, label="outer lip contour, one line a sample"),
        Line2D([], [], color=INNER_COLOUR, linewidth=1, label="inner lip contour"),
        Line2D([], [], color=INK, linewidth=1.6, label="mean"),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=3, frameon=False, fontsize=8)


def _legend_trajectories(figure: "Figure", colour: str, quantity: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    low, high = BAND_PERCENT
    handles = [
        Line2D([], [], color=colour, linewidth=0.6, label=f"{quantity}, one line a sample"),
        Patch(color=colour, alpha=0.3, label=f"{low}-{high} % of the samples"),
        Line2D([], [], color=INK, linewidth=1.7, label="mean"),
        Patch(
            color="#e4e4e4",
            label=f"the phone, stretched to one width, with {1000 * CONTEXT_SECONDS:.0f} ms on either side",
        ),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=4, frameon=False, fontsize=8)
