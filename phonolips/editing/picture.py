"""A picture of an edit: opening and width before and after, each on its own clock, with the seams marked."""

from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.lips.measures import opening, width
from phonolips.phones.intervals import Alignment
from phonolips.phones.inventory import SILENCE
from phonolips.show.plots import style
from phonolips.timebase import frame_centres

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from phonolips.editing.edited import Edited

RECORDED, NEW = style.METHOD_COLOURS[:2]
NEW_SHADE, GONE_SHADE = "#f9e3d3", "#e4e4e4"
AROUND_SECONDS = 1.5  # shown before the first and after the last change
PHONES_UP_TO_SECONDS = 5.0  # in a longer picture only the words are written


def _window(first: float, last: float, seconds: float) -> tuple[float, float]:
    """Choose what is shown of a clip that changes between `first` and `last`."""
    start = max(0.0, first - AROUND_SECONDS)
    return start, min(seconds, last + AROUND_SECONDS, start + style.SHOWN_SECONDS)


def _write_words(axes: "Axes", alignment: Alignment, shown: tuple[float, float]) -> None:
    """Write words, and where there is room phones, above an axes, with thin rules at the words' edges."""
    across = axes.get_xaxis_transform()
    rows = [(1.16, alignment.speech_words(), style.WORD_POINTS)]
    if shown[1] - shown[0] <= PHONES_UP_TO_SECONDS:
        rows.append((1.04, [p for p in alignment.phones if p.label != SILENCE], style.LABEL_POINTS - 1.5))
    for height, items, points in rows:
        for item in items:
            centre = (item.start + item.end) / 2
            if shown[0] < centre < shown[1]:
                axes.text(centre, height, item.label, transform=across, fontsize=points, ha="center", color=style.INK)
    edges = [edge for word in alignment.speech_words() for edge in (word.start, word.end)]
    axes.vlines(edges, 1.0, 1.28, transform=across, color=style.RULE, linewidth=0.5, clip_on=False)


def comparison(edited: "Edited", *, title: str | None = None) -> "Figure":
    """Draw the recording above the edited clip: words, phones, opening, width.

    Words that go and words that come are shaded; new lips have a colour of their own and dashed seams. Of a long clip
    only what is around the changes is shown.

    Args:
        edited: from `edit`.
        title: above it; None = what was changed.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    recording, cuts = edited.recording, edited.cuts
    shown = (
        _window(cuts[0].old_start, cuts[-1].old_end, recording.seconds),
        _window(cuts[0].new_start, cuts[-1].new_end, edited.seconds),
    )
    longest = max(last - first for first, last in shown)
    size = style.figure_width(longest)
    figure = style.new_figure(size, 6.6, "; ".join(edited.changes) if title is None else title)
    halves: Any = figure.subfigures(2, 1, hspace=0.0)
    for part, (half, lips, alignment, name) in enumerate(
        zip(
            halves,
            (recording.lips, edited.lips),
            (recording.need_alignment(), edited.alignment),
            ("recorded", "edited"),
            strict=True,
        )
    ):
        times = frame_centres(len(lips), edited.fps)
        upper, lower = half.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [1.3, 1]})
        for axes, measure, label in ((upper, opening, "opening"), (lower, width, "width")):
            curves = [measure(values) for values in (recording.lips, edited.lips)]
            low, high = min(map(np.min, curves)), max(map(np.max, curves))
            axes.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))
            axes.plot(times, measure(lips), color=RECORDED, linewidth=1.5)
            for cut in cuts:
                span = (cut.new_start, cut.new_end) if part else (cut.old_start, cut.old_end)
                axes.axvspan(*span, color=NEW_SHADE if part else GONE_SHADE, linewidth=0, zorder=0)
            if part:
                axes.plot(times, np.where(edited.kept, np.nan, measure(lips)), color=NEW, linewidth=2.2)
                for seam in edited.seams:
                    axes.axvline(seam, color=style.INK, linestyle="--", linewidth=0.7, zorder=1)
            axes.set_ylabel(f"{name}:\n{label} (eye d.)", fontsize=8, color=style.INK)
            style.style_axes(axes)
        upper.tick_params(bottom=False, labelbottom=False)
        _write_words(upper, alignment, shown[part])
        lower.set_xlim(shown[part][0], shown[part][0] + longest)
        lower.set_xlabel("time (s)", fontsize=8, color=style.INK)
        half.align_ylabels()
    handles = [
        Line2D([], [], color=RECORDED, label="recorded lips"),
        Line2D([], [], color=NEW, linewidth=2.2, label="new lips"),
        Line2D([], [], color=style.INK, linestyle="--", linewidth=0.7, label="seam"),
        Patch(color=GONE_SHADE, label="words that go"),
        Patch(color=NEW_SHADE, label="new words"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure
