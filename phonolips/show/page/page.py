"""One self-contained HTML page for a result: lips that move, sound, posteriors and tiers under one play head.

The page is `page.html` with `page.css`, `lips.js`, `page.js` and the numbers put in; nothing is loaded from a network,
and its content policy forbids it. Arrays travel as base64 of whole numbers with a scale beside them.
"""

import base64
import html
import json
import warnings
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.lips.articulators import ARTICULATORS, articulate
from phonolips.lips.points import LAYOUTS
from phonolips.lips.shaping import Mouth, shaping_numbers
from phonolips.phones.inventory import PHONE_TO_VISEME, PHONES, SILENCE, UNKNOWN, VISEME_NAMES
from phonolips.phones.sounds import nearest_phone, shuts_lips
from phonolips.show.caption import BARS, LEAST_SHOWN
from phonolips.show.inside import RAISED_HALF_WIDTH, TIP_HALF_WIDTH, TIP_SHARE
from phonolips.show.plots.style import BILABIAL_NAME, LIP_EDGE, MOUTH_COLOUR, SHOWN_POSTERIOR, UNIT
from phonolips.show.plots.tiers import viseme_order
from phonolips.show.view import VIEW_PERCENTILES, teeth_height
from phonolips.storage import atomic_file
from phonolips.timebase import MODEL_FPS, SAMPLE_RATE, STEPS_PER_SECOND

if TYPE_CHECKING:
    from phonolips.phones.intervals import Interval
    from phonolips.synth.result import Result

WAVE_RATE = 400  # pairs of lowest and highest sample a second
POSTERIOR_LEVELS = 255
LIP_UNIT = 1e-4  # mouth-space units; lips beyond 3.2 get a coarser one
LARGE_PAGE_BYTES = 25_000_000
TITLE_WORDS = 16
# How the page paints the mouth: what `page.js` knows of colours and sizes. Colours as CSS has them, gradients from top
# to bottom; lengths in mouth-space units where nothing else is said.
MOUTH: dict[str, Any] = {
    "share": 0.74,  # of the canvas, at most
    "percentiles": VIEW_PERCENTILES,
    "skin": [[0, "#eccfbd"], [1, "#dcb7a1"]],
    "lips": [[0, "#a85452"], [0.5, "#b9605d"], [0.8, "#d07f79"], [1, "#b7625e"]],
    "edge": LIP_EDGE,
    "edgeWidth": 1,  # pixels
    "upperShade": "rgba(110, 40, 42, .28)",
    "inside": MOUTH_COLOUR,
    "seamWidth": 1.6,  # pixels
    "teeth": "#e8e0d4",
    "teethSag": 0.04,  # by which the upper teeth are shorter at the corners of the mouth, and longer in the middle
    "tongue": "#c9787c",
    "tipHalfWidth": TIP_HALF_WIDTH,
    "tipShare": TIP_SHARE,  # of the gap between the lips
    "raisedHalfWidth": RAISED_HALF_WIDTH,
    "raisedShare": 0.7,  # likewise, of a tip behind the upper teeth
}


def write_page(result: "Result", out: Path, *, title: str = "") -> Path:
    """Write one HTML file that shows and plays a result without a network.

    Lips move on a canvas; waveform, words, phones, posteriors, lip parameters, opening and width lie under one play
    head that clicks, drags and keys move. Sound is embedded as AAC, cut or filled with silence to the length of the
    lips; without sound the page plays by the clock. What a result does not have is left out.

    Args:
        result: lips, and what stands beside them.
        out: the .html to write.
        title: heading of the page; the words that are said, or the folder's name, unless given.

    Returns:
        `out`.

    Raises:
        InputError: `out` does not end in .html or .htm, the lips are empty or not finite, or the sound cannot be read.
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{out}: a page's name ends in .html")
    if not len(result.lips) or not np.isfinite(result.lips).all():
        raise InputError(f"{result.name}: no frames, or lips that are not numbers; make or track them again")
    written = page_html(result, title=title).encode()
    if len(written) > LARGE_PAGE_BYTES:
        warnings.warn(
            f"{out}: the page of {result.seconds / 60:.0f} minutes holds {len(written) / 1e6:.0f} MB; "
            "browsers open it slowly",
            PhonolipsWarning,
            stacklevel=2,
        )
    with atomic_file(out) as temporary:
        temporary.write_bytes(written)
    result.list_files([out])
    return out


def page_html(result: "Result", *, title: str = "") -> str:
    """Return the page of a result as one HTML text; arguments as for `write_page`."""
    title = title or _title_of(result)
    numbers = json.dumps(page_data(result, title), separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    parts = {
        "title": html.escape(title),
        "style": _template("page.css"),
        "data": numbers,
        "script": _template("lips.js") + _template("page.js"),
    }
    page = _template("page.html")
    for name, text in parts.items():
        page = page.replace(f"<!-- {name} -->", text)
    return page


def page_data(result: "Result", title: str) -> dict[str, Any]:
    """Gather what the page shows, as plain values for JSON; `None` where the result has no such thing."""
    words, spoken = [], []
    if result.alignment is not None:
        confidences = result.alignment.confidences or [None] * len(result.alignment.phones)
        words = _tier(result.alignment.speech_words(), result.seconds)
        spoken = [
            [*row, None if confidence is None else round(confidence, 3)]
            for row, confidence in zip(_tier(result.alignment.phones, result.seconds), confidences, strict=False)
        ]
    labels = dict.fromkeys((*PHONE_TO_VISEME, *(row[0] for row in spoken if row[0] != UNKNOWN)))
    layout = LAYOUTS[result.layout]
    blocks = result.sound_blocks()
    wave, sound = (None, None) if blocks is None else _sound(blocks, result.seconds)
    lip_parameters = None
    if result.lip_parameters is not None and len(result.lip_parameters):
        lip_parameters = {
            "names": list(result.lip_parameter_names),
            "fps": MODEL_FPS,
            **_pack(result.lip_parameters, 1e-3),
        }
    articulators = articulate(len(result.lips), result.fps, result.alignment, result.posteriors)
    mean = result.lips.mean(0)
    return {
        "title": title,
        "seconds": result.seconds,
        "fps": result.fps,
        "layout": result.layout,
        "outerPoints": len(layout.outer.points),
        "upperLipFirst": layout.upper_first,
        "innerMiddle": layout.inner_middle,
        "corners": layout.corners,
        "teeth": teeth_height(result.lips),
        "mouth": MOUTH,
        "unit": UNIT,
        "lips": _pack(result.lips, LIP_UNIT),
        "shaping": shaping_numbers(result.layout, Mouth.of(mean)),
        "articulatorNames": ARTICULATORS,
        "articulators": None if articulators is None else _pack_shares(articulators),
        "phoneNames": PHONES,
        "visemes": {label: VISEME_NAMES[PHONE_TO_VISEME[nearest_phone(label)]] for label in labels},
        "bilabials": sorted(label for label in labels if shuts_lips(label)),
        "bilabialName": BILABIAL_NAME,
        "silence": SILENCE,
        "bars": BARS,
        "leastShown": LEAST_SHOWN,
        "words": words,
        "phones": spoken,
        "posteriors": None if result.posteriors is None else _posteriors(result.posteriors, {row[0] for row in spoken}),
        "lip_parameters": lip_parameters,
        "wave": wave,
        "sound": sound,
    }


def _template(name: str) -> str:
    return (files("phonolips.show.page") / name).read_text(encoding="utf-8")


def _title_of(result: "Result") -> str:
    """Name a result by its first words, or by its folder."""
    words = [] if result.alignment is None else [word.label for word in result.alignment.speech_words()]
    if not words:
        return result.path.resolve().parent.name if result.path is not None else "phonolips"
    return " ".join(words[:TITLE_WORDS]) + (" …" if len(words) > TITLE_WORDS else "")


def _tier(intervals: "list[Interval] | tuple[Interval, ...]", seconds: float) -> list[list[Any]]:
    """List intervals as [label, start, end], cut at `seconds`."""
    return [[i.label, round(i.start, 4), round(min(i.end, seconds), 4)] for i in intervals if i.start < seconds]


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _pack(values: np.ndarray, unit: float) -> dict[str, Any]:
    """Round to whole multiples of `unit` in little-endian int16; a coarser unit where they would not fit."""
    unit = max(unit, float(np.abs(values).max(initial=0.0)) / 32767)
    return {"shape": list(values.shape), "unit": unit, "int16": _base64(np.round(values / unit).astype("<i2"))}


def _pack_shares(values: np.ndarray) -> dict[str, Any]:
    """Round shares from 0 to 1 to bytes."""
    rounded = np.round(np.clip(values, 0, 1) * POSTERIOR_LEVELS).astype(np.uint8)
    return {"shape": list(values.shape), "levels": POSTERIOR_LEVELS, "uint8": _base64(rounded)}


def _posteriors(posteriors: np.ndarray, said: set[str]) -> dict[str, Any]:
    """Pack posteriors as bytes (steps, phones), and choose the rows that are shown, by viseme class."""
    peaks = posteriors.max(0)
    shown = (phone for phone, peak in zip(PHONES, peaks, strict=True) if peak >= SHOWN_POSTERIOR or phone in said)
    return {
        **_pack_shares(posteriors),
        "stepsPerSecond": STEPS_PER_SECOND,
        "groups": [[viseme, phones] for viseme, phones in viseme_order(shown)],
    }


def _sound(blocks: Iterable[np.ndarray], seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Encode a sound for the page, exactly `seconds` of it, and draw its envelope."""
    from phonolips.media.audio import encode_aac

    samples = round(seconds * SAMPLE_RATE)
    waveform = np.zeros(samples, np.float32)
    at = 0
    for block in blocks:
        kept = block[: samples - at]
        waveform[at : at + len(kept)] = kept
        at += len(kept)
    piece = SAMPLE_RATE // WAVE_RATE
    padded = np.pad(waveform, (0, -len(waveform) % piece)).reshape(-1, piece)
    peak = max(float(np.abs(waveform).max(initial=0.0)), 1e-3)
    envelope = np.stack([padded.min(1), padded.max(1)], axis=1) / peak
    wave = {"rate": WAVE_RATE, "int8": _base64(np.round(envelope * 127).astype(np.int8))}
    return wave, {"type": "audio/mp4", "base64": base64.b64encode(encode_aac(waveform)).decode()}
