"""Light and shadow as soft functions of place, and tones looked up in tables of colours."""

from typing import TYPE_CHECKING

import numpy as np

from phonolips.show.palette import Colour

if TYPE_CHECKING:
    from PIL import Image


def tone_table(*stops: tuple[float, Colour]) -> bytes:
    """Make a table of 256 colours, as Pillow takes it, between stops (position 0 to 1, colour)."""
    places, colours = [stop[0] for stop in stops], np.array([stop[1] for stop in stops], dtype=float)
    steps = np.linspace(0, 1, 256)
    channels = [np.rint(np.interp(steps, places, channel)) for channel in colours.T]
    return np.stack(channels, axis=1).astype(np.uint8).tobytes()


def colour_tones(tones: bytes, tone: np.ndarray, step: int = 1, size: tuple[int, int] | None = None) -> "Image.Image":
    """Look tones (height, width) in [0, 1] up in a table, `step` times enlarged and cut to `size`; an RGB picture."""
    from PIL import Image

    index = Image.fromarray(np.minimum(np.maximum(tone * np.float32(255), 0), 255).astype(np.uint8))
    if step > 1:
        index = index.resize((index.width * step, index.height * step), Image.Resampling.BILINEAR)
    if size is not None and size != index.size:
        index = index.crop((0, 0, *size))
    index.putpalette(tones)
    return index.convert("RGB")


def cover_mask(cover: np.ndarray) -> "Image.Image":
    """Make a mask of shares (height, width) in [0, 1]."""
    from PIL import Image

    return Image.fromarray((cover * 255).astype(np.uint8))


def bump(distance: np.ndarray) -> np.ndarray:
    """Compute a smooth bump, 1 at distance 0 and 0 from distance 1 on."""
    height = np.maximum(1 - distance * distance, 0)
    rounded: np.ndarray = height * height
    return rounded


def curve_heights(x: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Read the height y of a curve (n, 2), from left to right, at every x; float32."""
    heights: np.ndarray = np.interp(x, np.maximum.accumulate(curve[:, 0]), curve[:, 1])
    return heights.astype(np.float32)


def pixel_centres(first: int, last: int, step: int) -> np.ndarray:
    """List where the middles of `step` pixels lie, from `first` until `last` is covered; float32."""
    return first + (np.arange(-(-(last - first) // step), dtype=np.float32) + np.float32(0.5)) * step
