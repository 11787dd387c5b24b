"""The lip shape at the centre of every phone, above its phone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError
from phonolips.lips.points import LAYOUTS, layout_of
from phonolips.phones.inventory import SILENCE
from phonolips.phones.sounds import shuts_lips
from phonolips.show.plots.style import (
    BILABIAL_NAME,
    BILABIAL_SHADE,
    FAINT,
    INCHES_PER_LETTER,
    INK,
    LIP_COLOUR,
    LIP_EDGE,
    MOUTH_COLOUR,
    QUIET,
    RULE,
    SHOWN_SECONDS,
    WORD_POINTS,
    new_figure,
    shown_part,
)
from phonolips.show.plots.tiers import IntervalLike, cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SHAPES_PER_ROW = 15
STRIP_INCHES = 0.86  # width of a shape's cell


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
    scale = STRIP_INCHES * 0.88 / max(float(high[0] - low[0]), 1e-6)
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
        axes = _add_row(figure, size, size[1] - top - (row + 1) * row_inches, (columns * STRIP_INCHES, row_inches))
        inside = slice(row * columns, (row + 1) * columns)
        for column, (cell, moment) in enumerate(zip(cells[inside], moments[inside], strict=True)):
            _draw_cell(axes, column * STRIP_INCHES, cell, moment, foot, foot + shape_inches)
        _draw_shapes(axes, (shapes[inside] - (low + high) / 2) * scale, foot + shape_inches / 2)
        _draw_words(axes, spoken, moments[inside], foot + shape_inches)
    note = "each shape at its phone's centre; under the phone: time and length"
    if any(shuts_lips(text) for text, _, _ in cells):
        note += f"; shaded: {BILABIAL_NAME}"
    figure.text(0.1 / size[0], 0.12 / size[1], note, fontsize=7.5, color=QUIET, va="center")
    return figure


def _add_row(figure: "Figure", size: tuple[float, float], bottom: float, row_size: tuple[float, float]) -> "Axes":
    """Add the axes of one row of cells, in inches like the figure's and the row's size (width, height)."""
    width, height = row_size
    axes = figure.add_axes((0.1 / size[0], bottom / size[1], width / size[0], height / size[1]))
    axes.set_xlim(-0.01, width + 0.01)
    axes.set_ylim(0, height)
    axes.axis("off")
    return axes


def _draw_shapes(axes: "Axes", shapes: np.ndarray, middle: float) -> None:
    """Draw shapes (shapes, points, 2), inches around their centre, into a row of cells at height `middle`."""
    layout = LAYOUTS[layout_of(shapes)]
    for column, shape in enumerate(shapes):
        drawn = np.array(((column + 0.5) * STRIP_INCHES, middle)) + shape
        outer, inner = drawn[list(layout.outer.points)], drawn[list(layout.inner.points)]
        axes.fill(*outer.T, facecolor=LIP_COLOUR, edgecolor=LIP_EDGE, linewidth=0.6, zorder=2)
        axes.fill(*inner.T, facecolor=MOUTH_COLOUR, edgecolor=MOUTH_COLOUR, linewidth=0.9, zorder=3)


def _draw_cell(
    axes: "Axes", left: float, cell: tuple[str, float, float], moment: float, bottom: float, top: float
) -> None:
    """Draw the frame of one shape and what stands under it; inches."""
    from matplotlib.patches import Rectangle

    text, start, end = cell
    is_bilabial = shuts_lips(text)
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
