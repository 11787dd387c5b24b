"""How a mouth stands in a picture: one view for a whole clip, and where its teeth end."""

from dataclasses import dataclass

import numpy as np

from phonolips.lips.points import LAYOUTS, layout_of

MOUTH_SHARE = 0.72  # of the picture's width or height, at most
VIEW_PERCENTILES = (3, 97)  # of where the mouth's edges are: one odd frame does not shrink the rest
GUM_PERCENTILE = 40  # of the upper inner lip's height: where the upper teeth of a clip begin
TEETH_DEPTH = 0.05  # mouth-space units that the upper teeth hang below their gum line
# Mouth-space units that the lips of speech reach beyond the mean lip: left and down, right and up. `fit_view` of four
# LibriSpeech clips in each of the shipped model's five speakers found 0.02 and 0.10, 0.02 and 0.02, within 0.02.
SPEECH_BELOW, SPEECH_ABOVE = (0.02, 0.10), (0.02, 0.02)


@dataclass(frozen=True)
class View:
    """How mouth space is laid onto a picture: the same for all frames, and for clips to be compared.

    Args:
        centre: the point (x, y) of mouth space in the middle of the picture.
        scale: pixels per unit.
        teeth: height y under which the upper teeth end.
    """

    centre: tuple[float, float]
    scale: float
    teeth: float


def check_lips(lips: np.ndarray) -> str:
    """Name the layout of lips that can be drawn; raise InputError or ValueError for others."""
    layout = layout_of(lips)
    if lips.ndim != 3 or not len(lips):
        raise ValueError(f"lips have shape {lips.shape}; expected (frames, points, 2) with a frame at least")
    if not np.isfinite(lips).all():
        raise ValueError("lips hold values that are not finite; fill the missing frames first")
    return layout


def fit_view(lips: np.ndarray, size: tuple[int, int] = (360, 360)) -> View:
    """Choose one view for a whole clip, from percentiles, so that an odd frame does not shrink the rest.

    Needs the whole; `speaker_view` is for lips that are still coming.

    Args:
        lips: (frames, points, 2), mouth-space units.
        size: width and height of the picture in pixels.
    """
    check_lips(lips)
    least, most = VIEW_PERCENTILES
    low, high = np.percentile(lips.min(1), least, axis=0), np.percentile(lips.max(1), most, axis=0)
    return _view_of(low, high, size, teeth_height(lips))


def speaker_view(mean_lip: np.ndarray, size: tuple[int, int] = (360, 360)) -> View:
    """Choose one view for all that a speaker will say, from their mean lip alone.

    Args:
        mean_lip: float (points, 2), mouth-space units.
        size: width and height of the picture in pixels.
    """
    lips = mean_lip[None]
    check_lips(lips)
    return _view_of(mean_lip.min(0) - SPEECH_BELOW, mean_lip.max(0) + SPEECH_ABOVE, size, teeth_height(lips))


def _view_of(low: np.ndarray, high: np.ndarray, size: tuple[int, int], teeth: float) -> View:
    """Return the view in which a mouth between two corners fills its share of the picture."""
    extent = np.maximum(high - low, 1e-3)
    scale = float(min(size[0] / extent[0], size[1] / extent[1]) * MOUTH_SHARE)
    centre = (low + high) / 2
    return View((float(centre[0]), float(centre[1])), scale, teeth)


def teeth_height(lips: np.ndarray) -> float:
    """Find the height y at which the upper teeth of a clip end; lips (frames, points, 2), mouth-space units."""
    inner = LAYOUTS[layout_of(lips)].inner.points
    return float(np.percentile(lips[:, inner, 1].max(1), GUM_PERCENTILE)) - TEETH_DEPTH
