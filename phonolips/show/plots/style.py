"""One look for all pictures: colours, sizes, an empty figure, quiet axes."""

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.storage import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure


SHOWN_SECONDS = 20.0  # longer input is cut to its beginning, and the title says so
SHOWN_POSTERIOR = 0.1  # a phone that never gets this far has no row in a posteriorgram
UNIT = "eye distances"  # the unit of mouth space

INK = "#222222"
FAINT = "#8a8a8a"
QUIET = "#666666"  # text beside the point, still easy to read
RULE = "#b9b9b9"
WAVE = "#5b6b7b"
BILABIAL_SHADE = "#f6dcc2"
BILABIAL_NAME = "B, M, P"
LIP_COLOUR, LIP_EDGE, MOUTH_COLOUR = "#c77f79", "#8a4a48", "#3a1418"
TRUTH_COLOUR = "#000000"
METHOD_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito (2008)

LABEL_POINTS = 7.5  # font size of phones
WORD_POINTS = 8.5
INCHES_PER_LETTER = 0.66 / 72  # of font size 1, a little more than the mean letter takes
MARGIN_INCHES = 2.1  # what the axes leave at the left and right for labels and the colourbar


def shown_part(total: float, title: str, shown_seconds: float) -> tuple[float, str]:
    """Choose how many seconds are shown, and note it in the title where that is not all."""
    if total <= shown_seconds * 1.01:
        return total, title
    return shown_seconds, f"{title}  (first {shown_seconds:g} s of {total:.4g} s)".strip()


def figure_width(seconds: float) -> float:
    """Choose a figure width in inches for a time axis of `seconds`."""
    return float(np.clip(MARGIN_INCHES + 2.9 * seconds, 7.5, 16))


def new_figure(width: float, height: float, title: str) -> "Figure":
    """Make an empty figure with a constrained layout and an Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.05, hspace=0.0, wspace=0.0)  # type: ignore[union-attr,call-arg]
    if title:
        figure.suptitle(title, fontsize=11, color=INK, x=0.01, ha="left")
    return figure


def style_axes(axes: "Axes", *, keep: tuple[str, ...] = ("left", "bottom")) -> None:
    """Quieten an axes: thin grey frame on the sides kept, small ticks."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)
        spine.set_color(FAINT)
        spine.set_linewidth(0.7)
    axes.tick_params(labelsize=8, colors=INK, length=3, width=0.6, color=FAINT)


def label_time(axes: "Axes", seconds: float) -> None:
    """Label the shared time axis under the lowest panel."""
    from matplotlib.ticker import AutoMinorLocator

    axes.set_xlim(0, seconds)
    axes.set_xlabel("time (s)", fontsize=9, color=INK)
    axes.xaxis.set_minor_locator(AutoMinorLocator())
    axes.tick_params(bottom=True, labelbottom=True)
    axes.tick_params(axis="x", which="minor", length=1.5, width=0.5, color=FAINT)
    for other in axes.get_shared_x_axes().get_siblings(axes):
        if other is not axes:
            other.tick_params(which="minor", bottom=False)


def legend_right(axes: "Axes") -> None:
    """Explain what is in a panel beside it, where it hides nothing."""
    axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7.5, frameon=False, handlelength=1.5, labelcolor=INK
    )


def name_panel(axes: "Axes", text: str) -> None:
    """Name a panel, and its unit, at its left."""
    axes.set_ylabel(text, fontsize=8, color=INK)


def name_colourbar(bar: "Colorbar", text: str, colour: str = INK) -> None:
    """Name what a colourbar's colours stand for, and quieten it."""
    bar.set_label(text, fontsize=8, color=colour)
    bar.ax.tick_params(labelsize=7.5, length=2)
    bar.outline.set_visible(False)


PICTURE_DPI = 110
PLAIN_LETTERS_END = "\u0530"  # matplotlib's own font has the Latin, Greek and Cyrillic letters before it, and few after
# How the fonts are called that systems have for other scripts.
WIDE_FONTS = (
    *("Noto Sans", "Noto Serif", "Arial Unicode MS", "Microsoft", "Nirmala UI", "Malgun Gothic", "Yu Gothic", "Meiryo"),
    *("Hiragino", "PingFang", "Apple SD", "Kohinoor", "Geeza Pro", "Thonburi", "WenQuanYi", "Droid Sans", "Lohit"),
    *("FreeSans", "FreeSerif", "Unifont"),
)


def _use_wide_fonts(figure: "Figure") -> bool:
    """Let texts in other scripts than Latin, Greek and Cyrillic fall back on this computer's fonts for them.

    Returns whether there are such texts, and fonts.
    """
    from matplotlib.font_manager import fontManager
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if any(letter >= PLAIN_LETTERS_END for letter in text.get_text())]
    wide = sorted({font.name for font in fontManager.ttflist if font.name.startswith(WIDE_FONTS)})
    for text in texts:
        text.set_fontfamily(["DejaVu Sans", *wide])
    return bool(texts and wide)


def _drawn(figure: "Figure", file_format: str) -> tuple[bytes, bool]:
    """Return a figure as the content of a file, and whether letters of it are boxes, as no font has them."""
    picture = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if file_format == "png":  # `savefig` would draw it once more, for sizes that it does not need
            own_dpi = figure.get_dpi()
            figure.set_dpi(PICTURE_DPI)
            figure.canvas.print_png(picture)  # type: ignore[attr-defined]
            figure.set_dpi(own_dpi)
        else:
            figure.savefig(picture, format=file_format, dpi=PICTURE_DPI)
    boxes = [str(warning.message).startswith("Glyph ") for warning in caught]
    for warning, is_box in zip(caught, boxes, strict=True):
        if not is_box:
            warnings.warn(warning.message, stacklevel=3)
    return picture.getvalue(), any(boxes)


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as .png, .svg or .pdf, atomically; raise InputError for another ending.

    Warns once where this computer has no font for letters of it; they are boxes then.
    """
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise InputError(f"{path}: a picture's name ends in .png, .svg or .pdf")
    content, has_boxes = _drawn(figure, path.suffix[1:])
    if has_boxes and _use_wide_fonts(figure):  # looking through all texts and fonts takes as long as drawing
        content, has_boxes = _drawn(figure, path.suffix[1:])
    if has_boxes:
        message = "no font of this computer has some letters of the text: they are boxes in pictures; install Noto Sans"
        warnings.warn(message, PhonolipsWarning, stacklevel=2)
    write_bytes(path, content)
