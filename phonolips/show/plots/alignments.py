"""An alignment as a picture: waveform, spectrogram, and the tiers under them."""

from typing import TYPE_CHECKING

import numpy as np

from phonolips.show.plots.style import (
    INK,
    METHOD_COLOURS,
    SHOWN_SECONDS,
    figure_width,
    label_time,
    name_panel,
    new_figure,
    shown_part,
    style_axes,
)
from phonolips.show.plots.tiers import AlignmentLike, draw_tiers, draw_waveform, lay_tiers, tier_of

if TYPE_CHECKING:
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
    decibels, bands = _spectrogram(sound, sample_rate)
    panels[1].imshow(
        decibels,
        aspect="auto",
        origin="lower",
        extent=(0.0, seconds, 0.0, float(bands[-1]) / 1000),
        cmap="Greys",
        vmin=-65,
        vmax=-5,
        interpolation="bilinear",
    )
    panels[1].set_ylim(0, min(8.0, float(bands[-1]) / 1000))
    name_panel(panels[1], "frequency (kHz)")
    spoken = tier_of(tiers, "phones")
    edges = sorted({edge for _, start, end in spoken for edge in (start, end)})
    rules = panels[1].get_xaxis_transform()
    panels[1].vlines(edges, 0, 1, transform=rules, color=METHOD_COLOURS[0], linewidth=0.6, alpha=0.7)
    style_axes(panels[1], keep=("left", "right", "top", "bottom"))
    panels[1].tick_params(bottom=False, labelbottom=False)
    colours: np.ndarray | None = None
    if confidences is not None:
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable

        scale = ScalarMappable(cmap=colormaps["RdYlBu"])
        scale.set_clim(0, 1)
        colours = scale.to_rgba(np.asarray(confidences[: len(spoken)]), alpha=0.55)
        bar = figure.colorbar(scale, ax=panels[1], fraction=0.02, pad=0.01, aspect=20, alpha=0.55)
        bar.set_label("confidence", fontsize=8, color=INK)
        bar.ax.tick_params(labelsize=7.5, length=2)
        bar.outline.set_visible(False)  # type: ignore[operator]
    draw_tiers(panels[2], tiers, colours)
    panels[2].spines["bottom"].set_visible(True)
    label_time(panels[2], seconds)
    figure.align_ylabels(list(panels))
    return figure
