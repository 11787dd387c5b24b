"""Lips as pictures: opening and width over time, one run beside another, shapes above their phones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.measures import opening as lip_opening
from phonolips.lips.measures import width as lip_width
from phonolips.lips.points import INNER_RING, LAYOUTS, OUTER_RING, layout_of
from phonolips.phones.inventory import BILABIALS, SILENCE
from phonolips.show.plots.style import (
    BILABIAL_NAME,
    BILABIAL_SHADE,
    FAINT,
    INCHES_PER_LETTER,
    INK,
    LIP_COLOUR,
    LIP_EDGE,
    METHOD_COLOURS,
    MOUTH_COLOUR,
    QUIET,
    RULE,
    SHOWN_SECONDS,
    TRUTH_COLOUR,
    UNIT,
    WORD_POINTS,
    figure_width,
    label_time,
    legend_right,
    name_panel,
    new_figure,
    shown_part,
    style_axes,
)
from phonolips.show.plots.tiers import AlignmentLike, IntervalLike, cut, draw_tiers, lay_tiers, shade_bilabials, tier_of
from phonolips.timebase import frame_centres

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LEAST_SPAN = 0.06  # mouth-space units on the y axis of a curve, at least
SHAPES_PER_ROW = 15  # of a filmstrip
STRIP_INCHES = 0.86  # width of a shape's cell in a filmstrip


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
        lines = []
        for index, (label, values) in enumerate(lips.items()):
            shown = measure(values[: int(np.ceil(seconds * fps))])
            colour = METHOD_COLOURS[(index - 1) % len(METHOD_COLOURS)] if index else TRUTH_COLOUR
            if len(lips) == 1:
                colour = METHOD_COLOURS[0]
            lines += axes.plot(
                frame_centres(len(shown), fps),
                shown,
                color=colour,
                linewidth=1.3 if index else 1.9,
                linestyle="-" if index <= len(METHOD_COLOURS) else "--",
                zorder=2 if index else 3,
                label=label,
            )
        shade_bilabials(axes, spoken)
        name_panel(axes, f"{name}\n({UNIT})")
        widen(axes)
        style_axes(axes)
    panels[-2].axhline(0, color=RULE, linewidth=0.6, zorder=1)
    panels[-2].tick_params(bottom=False, labelbottom=False)
    label_time(panels[-1], seconds)
    handles = list(lines)
    if any(text in BILABIALS for text, _, _ in spoken):
        from matplotlib.patches import Patch

        handles.append(Patch(color=BILABIAL_SHADE, label=BILABIAL_NAME))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), frameon=False, fontsize=8)
    figure.align_ylabels(list(panels))
    return figure


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


class RunLike(Protocol):
    """What is compared of a run, such as `phonolips.synth.result.Run`."""

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
    run_a: RunLike,
    run_b: RunLike,
    names: tuple[str, str] = ("first", "second"),
    *,
    title: str = "",
    shown_seconds: float = SHOWN_SECONDS,
) -> "Figure":
    """Draw two runs over one another from their starts: both tiers, opening and width, and their differences.

    Rates and layouts may differ. Where the lengths differ by more than a frame the title says so, and differences end
    with the shorter one. The correlation and the root mean square difference over what both have stand beside them.

    Args:
        run_a: the first run: black.
        run_b: the second run: colour.
        names: what to call them.
        title: text above everything.
        shown_seconds: longer input is cut to its first `shown_seconds`, and the title says so.
    """
    runs = (run_a, run_b)
    lengths = [len(run.lips) / run.fps for run in runs]
    if abs(lengths[0] - lengths[1]) > 1 / min(run.fps for run in runs):
        unlike = f"{names[0]} lasts {lengths[0]:.2f} s, {names[1]} {lengths[1]:.2f} s; aligned at their starts"
        title = f"{title}  ({unlike})" if title else unlike
    seconds, title = shown_part(max(lengths), title, shown_seconds)
    width = figure_width(seconds)
    tiers = [
        [] if run.alignment is None
        else lay_tiers([word for word in run.alignment.words if word.label], run.alignment.phones, seconds, width)
        for run in runs
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
        _draw_pair(pair, [(run, measure(run.lips)) for run in runs], names, spoken, what, seconds)
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
    """Draw one measure of two runs into the upper panel, and the second less the first into the lower one."""
    both, difference = panels
    times = [frame_centres(len(values), run.fps) for run, values in curves_of]
    for index, (_, values) in enumerate(curves_of):
        shown = times[index] <= seconds
        colour = METHOD_COLOURS[0] if index else TRUTH_COLOUR
        both.plot(times[index][shown], values[shown], color=colour, linewidth=1.4 if index else 1.9, label=names[index])
    end = min(len(values) / run.fps for run, values in curves_of)
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


def filmstrip(
    lips: np.ndarray,
    fps: float,
    phones: Sequence[IntervalLike],
    *,
    words: Sequence[IntervalLike] | None = None,
    title: str = "",
    shown_seconds: float = SHOWN_SECONDS,
) -> "Figure":
    """Draw the lip shape at the centre of every phone, all at one scale, the phone under it; rows wrap.

    Cells are equally wide whatever their phones last; the time of each shape and the phone's length stand under it.
    Words stand above; cells of b, m and p, where lips should be shut, are shaded and bold.

    Args:
        lips: float (frames, points, 2), mouth-space units, either layout.
        fps: frames per second.
        phones: the phone tier.
        words: the word tier.
        title: text above everything.
        shown_seconds: longer input is cut to its first `shown_seconds`, and the title says so.

    Raises:
        InputError: lips in neither layout, or no phone within them.
    """
    outer = len(LAYOUTS[layout_of(lips)].outer.points)
    seconds, title = shown_part(len(lips) / fps, title, shown_seconds)
    cells = cut(phones, seconds)
    if not cells:
        raise InputError("a filmstrip needs phones within the lips' time; found none")
    rows = -(-len(cells) // SHAPES_PER_ROW)
    columns = -(-len(cells) // rows)
    moments = [(start + end) / 2 for _, start, end in cells]
    frames = [min(int(moment * fps), len(lips) - 1) for moment in moments]
    shapes = lips[frames]
    low, high = shapes.min((0, 1)), shapes.max((0, 1))
    shape_inches = 0.06 + STRIP_INCHES * 0.9 * float(
        np.clip((high[1] - low[1]) / max(high[0] - low[0], 1e-6), 0.3, 1.2)
    )
    head, foot = (0.24 if words else 0.06), 0.38
    row_inches = head + shape_inches + foot
    top = 0.42 if title else 0.1
    size = (max(columns * STRIP_INCHES, 4.0) + 0.2, top + rows * row_inches + 0.3)
    figure = new_figure(*size, "")
    figure.set_layout_engine("none")
    if title:
        figure.text(0.1 / size[0], 1 - 0.2 / size[1], title, fontsize=11, color=INK, va="center")
    spoken = cut(words, seconds)
    for row in range(rows):
        bottom = size[1] - top - (row + 1) * row_inches
        axes = figure.add_axes(
            (0.1 / size[0], bottom / size[1], columns * STRIP_INCHES / size[0], row_inches / size[1])
        )
        axes.set_xlim(-0.01, columns * STRIP_INCHES + 0.01)
        axes.set_ylim(0, row_inches)
        axes.axis("off")
        inside = slice(row * columns, (row + 1) * columns)
        for column, (cell, moment, shape) in enumerate(
            zip(cells[inside], moments[inside], shapes[inside], strict=True)
        ):
            _draw_cell(axes, column * STRIP_INCHES, cell, moment, foot, foot + shape_inches)
            scale = STRIP_INCHES * 0.88 / max(float(high[0] - low[0]), 1e-6)
            middle = ((column + 0.5) * STRIP_INCHES, foot + shape_inches / 2)
            drawn = (shape - (low + high) / 2) * scale + middle
            axes.fill(*drawn[:outer].T, facecolor=LIP_COLOUR, edgecolor=LIP_EDGE, linewidth=0.6, zorder=2)
            axes.fill(*drawn[outer:].T, facecolor=MOUTH_COLOUR, edgecolor=MOUTH_COLOUR, linewidth=0.9, zorder=3)
        _draw_words(axes, spoken, moments[inside], foot + shape_inches)
    note = "each shape at its phone's centre; under the phone: time and length"
    if any(text in BILABIALS for text, _, _ in cells):
        note += f"; shaded: {BILABIAL_NAME}"
    figure.text(0.1 / size[0], 0.12 / size[1], note, fontsize=7.5, color=QUIET, va="center")
    return figure


def _draw_cell(
    axes: "Axes", left: float, cell: tuple[str, float, float], moment: float, bottom: float, top: float
) -> None:
    """Draw the frame of one shape and what stands under it; inches."""
    from matplotlib.patches import Rectangle

    text, start, end = cell
    is_bilabial = text in BILABIALS
    ground = BILABIAL_SHADE if is_bilabial else "white"
    frame = Rectangle((left, 0.02), STRIP_INCHES, top - 0.02, facecolor=ground, edgecolor=RULE, linewidth=0.6, zorder=0)
    axes.add_patch(frame)
    middle = left + STRIP_INCHES / 2
    ink = FAINT if text == SILENCE else INK
    axes.text(
        middle, 0.27, text, fontsize=10, fontweight="bold" if is_bilabial else "normal", color=ink, ha="center",
        va="center_baseline",
    )  # fmt: skip
    note = f"{moment:.2f} s · {1000 * (end - start):.0f} ms"
    axes.text(middle, 0.09, note, fontsize=5.5, color=QUIET, ha="center", va="center_baseline")


def _draw_words(
    axes: "Axes", words: Sequence[tuple[str, float, float]], moments: Sequence[float], bottom: float
) -> None:
    """Write every word over the cells whose moments lie in it, with a rule under it."""
    for text, start, end in words:
        inside = [column for column, moment in enumerate(moments) if start <= moment < end]
        if not text or not inside:
            continue
        left, right = inside[0] * STRIP_INCHES + 0.04, (inside[-1] + 1) * STRIP_INCHES - 0.04
        axes.plot([left, right], [bottom + 0.04] * 2, color=INK, linewidth=0.9)
        points = min(WORD_POINTS, (right - left) / (len(text) + 0.5) / INCHES_PER_LETTER)
        axes.text(
            (left + right) / 2, bottom + 0.14, text, fontsize=points, color=INK, ha="center", va="center_baseline"
        )
