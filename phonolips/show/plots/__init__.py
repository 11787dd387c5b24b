"""Pictures: posteriorgrams, alignments, confusions, lip curves, comparisons, filmstrips.

Every function returns a Figure, built without pyplot and with an Agg canvas, so that it works without a
display and leaves no state behind. Saving is the caller's: `figure.savefig("picture.png", dpi=200)`, or .pdf, .svg.
Wherever there is time, all panels share one axis in seconds.
"""

from phonolips.show.plots.alignments import alignment_figure
from phonolips.show.plots.comparison import comparison
from phonolips.show.plots.filmstrip import filmstrip
from phonolips.show.plots.labels import label_kinds, step_kinds
from phonolips.show.plots.lips import curves, lip_shapes
from phonolips.show.plots.posteriors import confusion, posteriorgram
from phonolips.show.plots.style import (
    FAINT,
    INK,
    METHOD_COLOURS,
    RULE,
    SHOWN_POSTERIOR,
    SHOWN_SECONDS,
    TRUTH_COLOUR,
    UNIT,
    new_figure,
    style_axes,
)
from phonolips.show.plots.tiers import AlignmentLike, IntervalLike, viseme_order

__all__ = [
    "FAINT",
    "INK",
    "METHOD_COLOURS",
    "RULE",
    "SHOWN_POSTERIOR",
    "SHOWN_SECONDS",
    "TRUTH_COLOUR",
    "UNIT",
    "AlignmentLike",
    "IntervalLike",
    "alignment_figure",
    "comparison",
    "confusion",
    "curves",
    "filmstrip",
    "label_kinds",
    "lip_shapes",
    "new_figure",
    "posteriorgram",
    "step_kinds",
    "style_axes",
    "viseme_order",
]
