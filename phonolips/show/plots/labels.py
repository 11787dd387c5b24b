"""What is known of each step of a clip: its phone, what an encoder made of it, or nothing."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.show.plots.posteriors import posteriorgram
from phonolips.show.plots.style import FAINT, INK, METHOD_COLOURS, SHOWN_SECONDS
from phonolips.show.plots.tiers import IntervalLike
from phonolips.timebase import STEPS_PER_SECOND

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("hard", "soft", "unlabelled")
KIND_NAMES = ("hard: the phone is known", "soft: the encoder's posteriors", "unlabelled")
KIND_COLOURS = (METHOD_COLOURS[2], METHOD_COLOURS[4], "#d9d9d9")
TINT = 0.10  # opacity of a kind's colour over the posteriors
UNLABELLED_TINT = 0.3
BAND_ROWS = 0.9  # height of the band of kinds, in rows of phones
BAND_GAP_ROWS = 0.5


def step_kinds(labels: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """Find for every step whether its label is hard, soft or missing.

    Args:
        labels: int (steps,), phone ids; IGNORED_ID where the phone is unknown.
        soft: float (steps, 40), rows of posteriors, a row of zeros where there is none; or (0, 40).

    Returns:
        int64 (steps,), places in KINDS.

    Raises:
        ValueError: the shapes do not fit.
    """
    labels, soft = np.asarray(labels), np.asarray(soft)
    if labels.ndim != 1 or soft.shape not in ((len(labels), NUM_PHONES), (0, NUM_PHONES)):
        raise ValueError(
            f"labels of shape {labels.shape} with soft labels of shape {soft.shape}; "
            f"expected (steps,) with (steps, {NUM_PHONES}) or (0, {NUM_PHONES})"
        )
    known = soft.any(1) if len(soft) else np.zeros(len(labels), bool)
    return np.where(labels != IGNORED_ID, 0, np.where(known, 1, 2))


# Ten parameters: those of `posteriorgram` that matter here, and what the labels are (3).
def label_kinds(
    labels: np.ndarray,
    soft: np.ndarray,
    *,
    posteriors: np.ndarray | None = None,
    phones: Sequence[IntervalLike] | None = None,
    words: Sequence[IntervalLike] | None = None,
    window: tuple[float, float] | None = None,
    waveform: np.ndarray | None = None,
    sample_rate: int = 16_000,
    title: str = "",
    shown_seconds: float = SHOWN_SECONDS,
) -> "Figure":
    """Draw what a clip's steps are labelled with, and which of the labels are hard, soft or missing.

    Args:
        labels: int (steps,), phone ids; IGNORED_ID where the phone is unknown.
        soft: float (steps, 40), rows of posteriors for steps without a label, zeros elsewhere; or (0, 40).
        posteriors: float (steps, 40), drawn instead of the labels themselves, such as an encoder's output.
        phones: the phone tier.
        words: the word tier.
        window: start and end in seconds of the known word, as the corpus has it.
        waveform: float (samples,) in [-1, 1].
        sample_rate: samples per second of `waveform`.
        title: text above everything.
        shown_seconds: longer input is cut to its first `shown_seconds`, and the title says so.

    Raises:
        ValueError: the shapes do not fit, or there are no steps.
    """
    labels = np.asarray(labels)
    kinds = step_kinds(labels, soft)
    if posteriors is None:
        posteriors = np.zeros((len(labels), NUM_PHONES), np.float32)
        posteriors[kinds == 1] = np.asarray(soft)[kinds == 1] if len(soft) else 0.0
        posteriors[kinds == 0, labels[kinds == 0]] = 1.0
    elif len(posteriors) != len(labels):
        raise ValueError(f"{len(posteriors)} steps of posteriors with {len(labels)} labels; expected as many")
    figure = posteriorgram(
        posteriors,
        phones=phones,
        words=words,
        waveform=waveform,
        sample_rate=sample_rate,
        title=title,
        shown_seconds=shown_seconds,
    )
    main = next(axes for axes in figure.axes if axes.images)
    _draw_kinds(main, kinds[: main.images[0].get_array().shape[1]])  # type: ignore[union-attr]
    if window is not None:
        for axes in main.get_shared_x_axes().get_siblings(main):
            for place, time in enumerate(window):
                name = "the word's window, from the corpus" if axes is main and not place else None
                axes.axvline(time, color=METHOD_COLOURS[1], linewidth=1.3, linestyle=(0, (4, 2)), label=name)
    figure.legend(loc="outside lower center", ncols=4, fontsize=7.5, frameon=False, labelcolor=INK, handlelength=1.8)
    return figure


def _draw_kinds(axes: "Axes", kinds: np.ndarray) -> None:
    """Draw a band of kinds under the rows of an image, and a tint of the same colours over them."""
    rows = axes.images[0].get_array().shape[0]  # type: ignore[union-attr]
    top, bottom = -0.5, rows - 0.5
    band = bottom + BAND_GAP_ROWS
    edges = np.flatnonzero(np.diff(kinds, prepend=-1, append=-1))
    for kind, (name, colour) in enumerate(zip(KIND_NAMES, KIND_COLOURS, strict=True)):
        spans = [
            (first / STEPS_PER_SECOND, (last - first) / STEPS_PER_SECOND)
            for first, last in pairwise(edges)
            if kinds[first] == kind
        ]
        if not spans:
            continue
        bars = axes.broken_barh(spans, (band, BAND_ROWS), facecolor=colour, linewidth=0, label=name)
        tint = axes.broken_barh(spans, (top, bottom - top), facecolor=colour, linewidth=0, alpha=TINT)
        if kind == KINDS.index("unlabelled"):
            for drawn in (bars, tint):
                drawn.set_edgecolor(FAINT)
                drawn.set_hatch("////")
            tint.set_alpha(UNLABELLED_TINT)
    axes.set_ylim(band + BAND_ROWS + 0.1, top)
    names = [text.get_text() for text in axes.get_yticklabels()]
    axes.set_yticks([*axes.get_yticks(), band + BAND_ROWS / 2], [*names, "label"])
