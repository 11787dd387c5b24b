"""An alignment as a picture: waveform, spectrogram, and the tiers under them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from phonolips.show.plots.style import (
    METHOD_COLOURS,
    SHOWN_SECONDS,
    figure_width,
    label_time,
    name_colourbar,
    name_panel,
    new_figure,
    shown_part,
    style_axes,
)
from phonolips.show.plots.tiers import AlignmentLike, boundaries, draw_tiers, draw_waveform, lay_tiers, tier_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _spectrogram(waveform: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute a spectrogram in dB below its maximum; (bands, columns) and the band edges (Hz)."""
    window = round(0.025 * sample_rate)
    hop = round(0.005 * sample_rate)
    padded = np.pad(np.asarray(waveform, dtype=np.float64), window // 2)
    padded = np.append(padded[:1], np.diff(padded) + 0.03 * padded[1:])
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window)
    power = np.abs(np.fft.rfft(pieces, n=1024)) ** 2
    decibels = 10 * np.log10(np.maximum(power, power.max() * 1e-7 + 1e-20))
    return (decibels - decibels.max()).T, np.fft.rfftfreq(1024, 1 / sample_rate)


def alignment_figure(
    waveform: np.ndarray,
    alignment: AlignmentLike,
    *,
    sample_rate: int = 16_000,
    title: str = "",
    shown_seconds: float = SHOWN_SECONDS,
) -> "Figure":
    """Draw waveform, spectrogram, and the word and phone tiers under them; confidences as colour.

    Args:
        waveform: float (samples,) in [-1, 1].
        alignment: has `words`, `phones`, and `confidences` (one number in [0, 1] a phone) or None.
        sample_rate: samples per second.
        title: text above everything.
        shown_seconds: longer input is cut to its first `shown_seconds`, and the title says so.

    Raises:
        ValueError: the waveform is empty or not one-dimensional.
    """
    if waveform.ndim != 1 or not len(waveform):
        raise ValueError(f"the waveform has shape {waveform.shape}; expected (samples,)")
    seconds, title = shown_part(len(waveform) / sample_rate, title, shown_seconds)
    sound = waveform[: round(seconds * sample_rate)]
    width = figure_width(seconds)
    tiers = lay_tiers(alignment.words, alignment.phones, seconds, width)
    confidences = alignment.confidences
    tier_height = max(sum(tier.height for tier in tiers), 0.2)
    figure = new_figure(width, 3.3 + tier_height + (0.35 if title else 0), title)
    panels = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": [0.7, 2.0, tier_height]})
    draw_waveform(panels[0], sound, sample_rate, seconds)
    spoken = tier_of(tiers, "phones")
    _draw_spectrogram(panels[1], sound, sample_rate, seconds, spoken)
    colours = None if confidences is None else _colour_confidences(figure, panels[1], confidences[: len(spoken)])
    draw_tiers(panels[2], tiers, colours)
    panels[2].spines["bottom"].set_visible(True)
    label_time(panels[2], seconds)
    figure.align_ylabels(list(panels))
    return figure


def _draw_spectrogram(
    axes: "Axes", sound: np.ndarray, sample_rate: int, seconds: float, spoken: Sequence[tuple[str, float, float]]
) -> None:
    """Draw a spectrogram, and the boundaries of phones as thin rules over it."""
    decibels, bands = _spectrogram(sound, sample_rate)
    axes.imshow(
        decibels,
        aspect="auto",
        origin="lower",
        extent=(0.0, seconds, 0.0, float(bands[-1]) / 1000),
        cmap="Greys",
        vmin=-65,
        vmax=-5,
        interpolation="bilinear",
    )
    axes.set_ylim(0, min(8.0, float(bands[-1]) / 1000))
    name_panel(axes, "frequency (kHz)")
    rules = axes.get_xaxis_transform()
    axes.vlines(boundaries(spoken), 0, 1, transform=rules, color=METHOD_COLOURS[0], linewidth=0.6, alpha=0.7)
    style_axes(axes, keep=("left", "right", "top", "bottom"))
    axes.tick_params(bottom=False, labelbottom=False)


def _colour_confidences(figure: "Figure", axes: "Axes", confidences: Sequence[float]) -> np.ndarray:
    """Turn confidences (phones,) in [0, 1] into colours (phones, 4), RGBA, explained by a bar beside `axes`."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable

    scale = ScalarMappable(cmap=colormaps["RdYlBu"])
    scale.set_clim(0, 1)
    bar = figure.colorbar(scale, ax=axes, fraction=0.02, pad=0.01, aspect=20, alpha=0.55)
    name_colourbar(bar, "confidence")
    colours: np.ndarray = scale.to_rgba(np.asarray(confidences), alpha=0.55)
    return colours
