"""The strip under a drawing that says what is spoken: the phone, its word, and how sure the posteriors are."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from phonolips.errors import InputError, did_you_mean
from phonolips.phones.inventory import PHONES, SILENCE
from phonolips.show.drawing import text_font
from phonolips.show.palette import Palette, mix
from phonolips.timebase import STEPS_PER_SECOND

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from phonolips.phones.intervals import Interval
    from phonolips.synth.result import Result

CAPTIONS = ("none", "phone", "posteriors")
STRIP_SHARE = 0.21  # of the picture's height
LEAST_STRIP, MOST_STRIP = 30, 240  # pixels
BARS = 3  # phones whose posteriors are shown
NUMBER_LEAVES = 0.25  # of the room, for the bar, or the number is left away
LEAST_SHOWN = 0.005  # a posterior that would read 0.00 has no bar


class Caption(NamedTuple):
    """What stands under one frame.

    Args:
        phone: the phone spoken.
        word: the word that it belongs to, or "".
        posteriors: phones with their posterior, the most likely first; empty for none.
    """

    phone: str
    word: str = ""
    posteriors: tuple[tuple[str, float], ...] = ()


def _label_at(tier: "tuple[Interval, ...]") -> Callable[[float], str]:
    """Make a function from seconds to the label there."""
    ends = np.array([interval.end for interval in tier])

    def label(seconds: float) -> str:
        return tier[min(int(np.searchsorted(ends, seconds, side="right")), len(tier) - 1)].label if tier else ""

    return label


def captions_at(result: "Result", kind: str) -> Callable[[float], Caption] | None:
    """Make a function from seconds to what is spoken there; None where `kind` is "none".

    The phone is the alignment's; where a result has none, the most likely one.

    Raises InputError for another kind, or one for which the result lacks the phones or the posteriors.
    """
    if kind not in CAPTIONS:
        raise InputError(f"caption {kind!r}; expected one of {', '.join(CAPTIONS)}{did_you_mean(kind, CAPTIONS)}")
    if kind == "none":
        return None
    if kind == "posteriors" and result.posteriors is None:
        raise InputError(f"{result.name}: no posteriors.npz beside it; use caption 'phone', or make the lips anew")
    alignment = result.need_alignment() if result.posteriors is None else result.alignment
    phone = _label_at(alignment.phones) if alignment else None
    word = _label_at(alignment.words) if alignment else None

    def caption(seconds: float) -> Caption:
        likely: tuple[tuple[str, float], ...] = ()
        if result.posteriors is not None:
            row = result.posteriors[min(int(seconds * STEPS_PER_SECOND), len(result.posteriors) - 1)]
            best = np.argsort(row)[: -BARS - 1 : -1]
            likely = tuple((PHONES[int(index)], float(row[index])) for index in best)
        spoken = phone(seconds) if phone else likely[0][0]
        return Caption(
            "" if spoken == SILENCE and kind == "phone" else spoken,
            word(seconds) if word else "",
            likely if kind == "posteriors" else (),
        )

    return caption


def strip_height(size: tuple[int, int]) -> int:
    """Choose the height in pixels of the strip in a picture of `size`, width and height."""
    return min(max(LEAST_STRIP, min(MOST_STRIP, round(STRIP_SHARE * size[1]))), size[1] // 2)


def _fit(draw: "ImageDraw.ImageDraw", text: str, height: int, width: float) -> int:
    """Find the largest letter height, up to `height`, at which `text` is not wider than `width`."""
    while height > 6 and draw.textlength(text, font=text_font(height, text)) > width:
        height -= 1
    return height


def draw_caption(picture: "Image.Image", caption: Caption, palette: Palette) -> None:
    """Draw a caption over the lowest part of an RGB picture, `strip_height` pixels of it."""
    from PIL import ImageDraw

    width, height = picture.size
    strip = strip_height(picture.size)
    top, pad = height - strip, max(2, strip // 12)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, top, width, height), fill=palette.skin)
    draw.line((0, top, width, top), fill=mix(palette.skin, palette.ink, 0.35), width=max(1, strip // 70))
    span = min(width, round(strip * 5.5))  # a wide picture keeps it together in the middle
    left, right = (width - span) / 2 + 2 * pad, (width + span) / 2 - 2 * pad
    names = (left + (right - left) * 0.40) if caption.posteriors else right
    centre = (left + names) / 2
    large = _fit(draw, caption.phone, round(strip * 0.46), names - left)
    draw.text(
        (centre, top + strip * 0.36), caption.phone, fill=palette.ink, font=text_font(large, caption.phone), anchor="mm"
    )
    if caption.word:
        small = _fit(draw, caption.word, max(8, round(strip * 0.25)), names - left)
        draw.text(
            (centre, top + strip * 0.80),
            caption.word,
            fill=palette.ink,
            font=text_font(small, caption.word),
            anchor="mm",
        )
    if caption.posteriors:
        _draw_bars(draw, caption, palette, (names + pad, top + pad, right, height - pad))


def _draw_bars(
    draw: "ImageDraw.ImageDraw", caption: Caption, palette: Palette, box: tuple[float, float, float, float]
) -> None:
    """Draw a bar for every posterior into a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    row = (bottom - top) / BARS
    font = text_font(max(7, round(min(row * 0.72, (right - left) / 7))))
    label = draw.textlength("MM", font=font) + row * 0.3
    number = draw.textlength("0.00", font=font) + row * 0.3
    if right - left - label - number < NUMBER_LEAVES * (right - left):
        number = 0
    shown = [bar for bar in caption.posteriors[:BARS] if bar[1] >= LEAST_SHOWN]
    for index, (phone, posterior) in enumerate(shown):
        middle = top + (index + 0.5) * row
        start, full = left + label, max(right - left - label - number, 1)
        half = row * 0.30
        draw.text((left + label - row * 0.3, middle), phone, fill=palette.ink, font=font, anchor="rm")
        ground = mix(palette.skin, palette.ink, 0.12)
        draw.rectangle((start, middle - half, start + full, middle + half), fill=ground)
        colour = palette.ink if palette.lower_lip == palette.skin else palette.lower_lip
        if index:
            colour = mix(palette.skin, colour, 0.55)
        if posterior * full >= 1:
            draw.rectangle((start, middle - half, start + posterior * full, middle + half), fill=colour)
        if number:
            draw.text((right, middle), f"{posterior:.2f}", fill=palette.ink, font=font, anchor="rm")
