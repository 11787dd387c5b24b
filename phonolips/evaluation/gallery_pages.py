"""Pictures of what the lips do in every phone: contours at its middle, and movement through it.

As in `phonolips.show.plots`, every function returns a Figure and saving is the caller's. All panels of a page share
their axes, so that phones can be compared by eye.
"""

from collections.abc import Callable, Mapping
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
from phonolips.errors import InputError
from phonolips.evaluation.gallery_panels import (
    BAND_PERCENT,
    INNER_COLOUR,
    INSIDE_SPAN,
    OUTER_COLOUR,
    contour_limits,
    draw_contours,
    draw_scale,
    draw_trajectories,
    label_places,
    name_panel,
    value_limits,
)
from phonolips.lips.measures import opening as lip_opening
from phonolips.lips.measures import width as lip_width
from phonolips.phones.inventory import PHONES, SILENCE, VISEMES, VOWELS
from phonolips.show.plots import FAINT, INK, METHOD_COLOURS, RULE, UNIT, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUANTITIES: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray], str]] = {
    "opening": ("lip opening", lip_opening, METHOD_COLOURS[0]),
    "width": ("mouth width", lip_width, METHOD_COLOURS[1]),
}  # quantity -> name in pictures, measure of lips, colour
SEEDS_VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "EY", "IH", "IY", "OW", "UW")  # come first among contours
COLUMNS_OF_CONTOURS, COLUMNS_OF_CURVES = 8, 9  # panels side by side
MOMENTS = {"start": 0.0, "25 %": 0.25, "middle": 0.5, "75 %": 0.75, "end": 1.0}  # of a phone's own page
PANEL_INCHES = 1.42
GAP_INCHES = 0.12
HEAD_INCHES = 0.24  # for the name over a panel
EDGE_INCHES = 0.75  # left and right, for the labels of the axes


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
    columns = COLUMNS_OF_CONTOURS
    rows = -(-len(order) // columns)
    limits = contour_limits([occurrences[phone] for phone in order])
    (left, right), (low, high) = limits
    height = PANEL_INCHES * (high - low) / (right - left)
    figure, place = _page(columns, rows, height, HEAD_INCHES + 0.06, title, foot=0.42)
    for index, phone in enumerate(order):
        axes = place(index // columns, index % columns)
        name_panel(axes, occurrences[phone])
        draw_contours(axes, occurrences[phone], MIDDLE_PLACE, limits)
        if index == 0:
            draw_scale(axes, limits)
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
    lines = _viseme_lines(occurrences)
    curves = {phone: measure(found.lips.astype(np.float64)) for phone, found in occurrences.items()}
    known = [values for values in curves.values() if len(values)]
    limits = value_limits(known, quantity)
    figure, place = _page(COLUMNS_OF_CURVES, len(lines), 1.2, HEAD_INCHES + 0.24, title, foot=0.7)
    for row, line in enumerate(lines):
        column = 0
        for viseme, phones in line:
            for phone in phones:
                axes = place(row, column)
                name_panel(axes, occurrences[phone])
                draw_trajectories(axes, curves[phone], colour, limits)
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


def _viseme_lines(occurrences: Mapping[str, Occurrences]) -> list[list[tuple[str, list[str]]]]:
    """Arrange the viseme classes in lines of panels: (class, its phones); no class is broken over two lines."""
    lines: list[list[tuple[str, list[str]]]] = [[]]
    for viseme, members in VISEMES.items():
        phones = [phone for phone in members if phone in occurrences]
        if lines[-1] and sum(len(others) for _, others in lines[-1]) + len(phones) > COLUMNS_OF_CURVES:
            lines.append([])
        if phones:
            lines[-1].append((viseme, phones))
    return lines


def phone_page(found: Occurrences, *, title: str = "") -> "Figure":
    """Draw one phone: the lips at five moments of it, and opening and width through it.

    Args:
        found: the phone's drawn occurrences, at least one.
        title: text above everything.

    Raises:
        InputError: there is no occurrence.
    """
    if not len(found):
        raise InputError(f"no sample of {found.phone} to draw")
    figure = new_figure(11, 6.6, title)
    parts: Any = figure.subfigures(2, 1, height_ratios=[1, 1.5])
    strip, below = parts
    panels = strip.subplots(1, len(MOMENTS))
    limits = contour_limits([found], INSIDE)
    for axes, (name, share) in zip(panels, MOMENTS.items(), strict=True):
        draw_contours(axes, found, CONTEXT_PLACES + round(share * (INSIDE_PLACES - 1)), limits)
        axes.set_title(name, fontsize=8.5, color=INK)
    draw_scale(panels[0], limits)
    for axes, (quantity, (name, measure, colour)) in zip(below.subplots(1, 2), QUANTITIES.items(), strict=True):
        values = measure(found.lips.astype(np.float64))
        draw_trajectories(axes, values, colour, value_limits([values], quantity, (0, 100)))
        axes.set_ylabel(f"{name} ({UNIT})", fontsize=9, color=INK)
        label_places(axes)
        axes.vlines(
            [share * INSIDE_SPAN for share in MOMENTS.values()],
            0,
            0.03,
            transform=axes.get_xaxis_transform(),
            color=INK,
            linewidth=0.8,
        )
    return figure


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
