"""What stands beside the time axis of every picture: words, phones, the waveform, shades where lips are shut."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from phonolips.phones.inventory import SILENCE, VISEMES
from phonolips.phones.sounds import shuts_lips
from phonolips.show.plots.style import (
    BILABIAL_NAME,
    BILABIAL_SHADE,
    FAINT,
    INCHES_PER_LETTER,
    INK,
    LABEL_POINTS,
    MARGIN_INCHES,
    QUIET,
    RULE,
    WAVE,
    WORD_POINTS,
    style_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class IntervalLike(Protocol):
    """Anything with a label, a start and an end in seconds, such as an alignment's Interval."""

    @property
    def label(self) -> str:
        """What is said."""

    @property
    def start(self) -> float:
        """Start in seconds."""

    @property
    def end(self) -> float:
        """End in seconds."""


class AlignmentLike(Protocol):
    """Anything with a word tier and a phone tier, such as `phonolips.phones.intervals.Alignment`."""

    @property
    def words(self) -> Sequence[IntervalLike]:
        """Words; "" is silence."""

    @property
    def phones(self) -> Sequence[IntervalLike]:
        """Phones."""

    @property
    def confidences(self) -> Sequence[float] | None:
        """One number in [0, 1] for each phone, or None."""


class _Label(NamedTuple):
    """A text in a tier, and the line of it that it stands on (0 is the upper one)."""

    text: str
    centre: float
    level: int


def cut(intervals: Sequence[IntervalLike] | None, seconds: float) -> list[tuple[str, float, float]]:
    """Keep what lies in [0, seconds) as (label, start, end), cut at its end."""
    return [(i.label, i.start, min(i.end, seconds)) for i in intervals or () if i.start < seconds - 1e-6]


def _place_labels(
    intervals: Iterable[tuple[str, float, float]], seconds_per_inch: float, points: float, levels: int
) -> list[_Label]:
    """Put labels at interval centres on as few lines as avoid overlaps; leave out what fits on none."""
    free_from = [-np.inf] * levels
    placed = []
    for text, start, end in intervals:
        half = (len(text) + 0.6) * INCHES_PER_LETTER * points * seconds_per_inch / 2
        centre = (start + end) / 2
        level = next((line for line in range(levels) if centre - half >= free_from[line]), None)
        if text and level is not None:
            placed.append(_Label(text, centre, level))
            free_from[level] = centre + half
    return placed


class Tier(NamedTuple):
    """One row of intervals laid out for drawing."""

    name: str
    intervals: list[tuple[str, float, float]]
    labels: list[_Label]
    points: float

    @property
    def lines(self) -> int:
        """Lines that the labels take."""
        return 1 + max((label.level for label in self.labels), default=0)

    @property
    def height(self) -> float:
        """Inches that the tier takes."""
        return self.lines * self.points * 0.02 + 0.07

    @property
    def edges(self) -> list[float]:
        """All boundaries, in order, seconds."""
        return boundaries(self.intervals)


def boundaries(intervals: Iterable[tuple[str, float, float]]) -> list[float]:
    """List where intervals begin and end, each time once, in order."""
    return sorted({edge for _, start, end in intervals for edge in (start, end)})


def lay_tiers(
    words: Sequence[IntervalLike] | None,
    phones: Sequence[IntervalLike] | None,
    seconds: float,
    figure_width: float,
) -> list[Tier]:
    """Cut the tiers that there are to what is shown and find a place for every label, words first."""
    seconds_per_inch = seconds / (figure_width - MARGIN_INCHES)
    tiers = []
    for name, given, points, lines in (("words", words, WORD_POINTS, 4), ("phones", phones, LABEL_POINTS, 4)):
        if given:
            shown = cut(given, seconds)
            tiers.append(Tier(name, shown, _place_labels(shown, seconds_per_inch, points, lines), points))
    return tiers


def tier_of(tiers: Sequence[Tier], name: str) -> list[tuple[str, float, float]]:
    """Find the intervals of the tier `name`; empty where there is none."""
    return next((tier.intervals for tier in tiers if tier.name == name), [])


def draw_tiers(axes: "Axes", tiers: Sequence[Tier], colours: np.ndarray | None = None) -> None:
    """Draw the words above the phones, boundaries as thin rules; y counts inches from the bottom.

    `colours`, shape (phones, 4), RGBA, fills the phone cells.
    """
    top = sum(tier.height for tier in tiers)
    axes.set_ylim(0, top)
    ticks = []
    for tier in tiers:
        bottom = top - tier.height
        ticks.append(((top + bottom) / 2, tier.name))
        axes.hlines(bottom, 0, 1, transform=axes.get_yaxis_transform(), color=RULE, linewidth=0.6)
        is_phones = tier.name == "phones"
        axes.vlines(tier.edges, bottom if is_phones else 0, top, color=RULE if is_phones else FAINT, linewidth=0.5)
        shut = [(start, end - start) for label, start, end in tier.intervals if is_phones and shuts_lips(label)]
        axes.broken_barh(shut, (bottom, tier.height), color=BILABIAL_SHADE, linewidth=0, zorder=0)
        ground: dict[str, Any] | None = {"facecolor": "white", "linewidth": 0, "pad": 0.7}
        if is_phones and colours is not None:
            starts = [start for _, start, _ in tier.intervals]
            lengths = [end - start for _, start, end in tier.intervals]
            axes.bar(
                starts,
                tier.height,
                lengths,
                bottom,
                align="edge",
                color=colours,
                edgecolor=RULE,
                linewidth=0.5,
            )
            ground = None
        for label in tier.labels:
            y = bottom + tier.height * (tier.lines - label.level - 0.5) / tier.lines
            ink = FAINT if label.text == SILENCE and ground else INK
            box = ground and (
                ground | {"facecolor": BILABIAL_SHADE} if is_phones and shuts_lips(label.text) else ground
            )
            axes.text(
                label.centre, y, label.text, fontsize=tier.points, color=ink, bbox=box,
                ha="center", va="center_baseline", in_layout=False,
            )  # fmt: skip
        top = bottom
    axes.set_yticks([y for y, _ in ticks], [name for _, name in ticks])
    style_axes(axes, keep=("top",))
    axes.tick_params(left=False, bottom=False, labelbottom=False)


def draw_waveform(axes: "Axes", waveform: np.ndarray, sample_rate: int, seconds: float) -> None:
    """Draw a waveform as its envelope, at most 3000 columns."""
    samples = np.asarray(waveform, dtype=np.float64)[: round(seconds * sample_rate)]
    width = max(1, len(samples) // 3000)
    pieces = samples[: len(samples) // width * width].reshape(-1, width)
    times = (np.arange(len(pieces)) + 0.5) * width / sample_rate
    if len(pieces):
        axes.fill_between(times, pieces.min(1), pieces.max(1), color=WAVE, linewidth=0.4)
    peak = float(max(np.abs(samples).max(initial=0.0), 1e-3)) * 1.05
    axes.set_ylim(-peak, peak)
    axes.set_yticks([])
    axes.set_ylabel("waveform", fontsize=8, color=INK, rotation=0, ha="right", va="center")
    style_axes(axes, keep=())
    axes.tick_params(bottom=False, labelbottom=False)


def shade_bilabials(axes: "Axes", phones: Sequence[tuple[str, float, float]]) -> bool:
    """Shade the intervals of b, m and p, where the lips should be shut; return whether there are any.

    The first one is named for a legend.
    """
    shut = [(start, end) for text, start, end in phones if shuts_lips(text)]
    for index, (start, end) in enumerate(shut):
        axes.axvspan(start, end, color=BILABIAL_SHADE, linewidth=0, zorder=0, label=None if index else BILABIAL_NAME)
    return bool(shut)


def viseme_order(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Group phone names by viseme class in the order of VISEMES; names of no class come last."""
    left = list(names)
    groups = [(viseme, [phone for phone in phones if phone in left]) for viseme, phones in VISEMES.items()]
    known = {phone for _, phones in groups for phone in phones}
    groups.append(("other", [name for name in left if name not in known]))
    return [(viseme, phones) for viseme, phones in groups if phones]


def label_visemes(axes: "Axes", groups: Sequence[tuple[str, list[str]]]) -> None:
    """Name the phones on the left and the viseme classes on the right of an image's rows, ruled apart."""
    rows = [phone for _, phones in groups for phone in phones]
    edges = np.cumsum([0, *(len(phones) for _, phones in groups)]) - 0.5
    axes.hlines(edges[1:-1], 0, 1, transform=axes.get_yaxis_transform(), color=RULE, linewidth=0.6)
    axes.set_yticks(range(len(rows)), rows)
    right = axes.secondary_yaxis("right")
    right.set_yticks((edges[:-1] + edges[1:]) / 2, [viseme for viseme, _ in groups])
    right.tick_params(labelsize=7.5, labelcolor=QUIET, length=0)
    right.spines["right"].set_visible(False)
