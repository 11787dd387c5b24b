"""Phones, words and lips as tables: TextGrid, JSON and CSV."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.export.cues import mouth_cues
from phonolips.export.writing import new_text_file
from phonolips.lips.curve import check_fps, resample_lips
from phonolips.lips.measures import opening, width
from phonolips.lips.points import layout_of
from phonolips.phones.intervals import Alignment, Interval
from phonolips.phones.inventory import PHONE_TO_VISEME, SILENCE, UNKNOWN, VISEME_NAMES
from phonolips.phones.sounds import label_row, nearest_phone
from phonolips.phones.textgrid import write_textgrid
from phonolips.timebase import exact_fps, frame_centres, seconds_to_steps

if TYPE_CHECKING:
    from phonolips.synth.result import Result

MOUTH_TIER = "mouth"
SECOND_DECIMALS, LIP_DECIMALS, CONFIDENCE_DECIMALS = 6, 5, 3
UNIT = "distance between the eye centres"


def write_tiers(result: "Result", path: Path) -> None:
    """Write a TextGrid with tiers words, phones, confidence (where it is known) and mouth (A to H, X).

    Raises:
        InputError: the result has no alignment.
    """
    alignment = with_confidences(result)
    cues = [Interval(cue.value, cue.start, cue.end) for cue in mouth_cues(result.lips, result.fps, alignment)]
    write_textgrid(alignment, path, more={MOUTH_TIER: cues})


def write_json(result: "Result", path: Path, *, fps: float | None = None) -> None:
    """Write words, phones and lips as JSON; the schema is in docs/formats.md.

    Args:
        fps: of the lips that are written; None = as they are.
    """
    lips, rate = _lips_at(result, fps)
    head = {
        "format": "phonolips 1",
        "duration": round(result.seconds, SECOND_DECIMALS),
        "sound": str(result.sound.resolve()) if result.sound else None,
        "words": [],
        "phones": [],
    }
    blocks = {name: json.dumps(value, ensure_ascii=False) for name, value in head.items()}
    if result.alignment is not None:
        alignment = with_confidences(result)
        confidences = alignment.confidences or [None] * len(alignment.phones)
        words = [_timed("word", word) for word in alignment.speech_words()]
        phones = [
            _timed("phone", phone)
            | {
                "confidence": None if value is None else round(value, CONFIDENCE_DECIMALS),
                "viseme": None if phone.label == UNKNOWN else VISEME_NAMES[PHONE_TO_VISEME[nearest_phone(phone.label)]],
            }
            for phone, value in zip(alignment.phones, confidences, strict=True)
        ]
        blocks |= {"words": _rows(words), "phones": _rows(phones)}
    times, apart, wide = frame_centres(len(lips), rate), opening(lips), width(lips)
    with new_text_file(path) as file:
        file.write("{\n" + "".join(f"  {json.dumps(name)}: {text},\n" for name, text in blocks.items()))
        about = {"fps": rate, "layout": layout_of(lips), "unit": UNIT}
        file.write('  "lips": {\n' + "".join(f'    "{name}": {json.dumps(value)},\n' for name, value in about.items()))
        file.write('    "frames": [\n')
        for frame, points in enumerate(lips):
            row = {
                "time": round(float(times[frame]), SECOND_DECIMALS),
                "opening": round(float(apart[frame]), LIP_DECIMALS),
                "width": round(float(wide[frame]), LIP_DECIMALS),
                "points": [[round(float(x), LIP_DECIMALS), round(float(y), LIP_DECIMALS)] for x, y in points],
            }
            file.write(f"      {json.dumps(row)}{',' if frame < len(lips) - 1 else ''}\n")
        file.write("    ]\n  }\n}\n")


def write_csv(result: "Result", path: Path, *, fps: float | None = None) -> None:
    """Write a row a frame: frame, time of its middle, opening, width, phone, and x and y of every lip point.

    Args:
        fps: of the lips that are written; None = as they are.
    """
    lips, rate = _lips_at(result, fps)
    times, apart, wide = frame_centres(len(lips), rate), opening(lips), width(lips)
    phones = [""] * len(lips) if result.alignment is None else phones_at(result.alignment, times)
    with new_text_file(path) as file:
        table = csv.writer(file, lineterminator="\n")
        points = [f"{axis}{point}" for point in range(lips.shape[1]) for axis in "xy"]
        table.writerow(["frame", "time", "opening", "width", "phone", *points])
        for frame, values in enumerate(lips.reshape(len(lips), -1)):
            numbers = [f"{value:.{LIP_DECIMALS}f}" for value in (apart[frame], wide[frame], *values)]
            table.writerow([frame, f"{times[frame]:.{SECOND_DECIMALS}f}", *numbers[:2], phones[frame], *numbers[2:]])


def phones_at(alignment: Alignment, times: np.ndarray) -> list[str]:
    """Name the phone at each of these times (seconds); silence after the end."""
    ends = np.array([phone.end for phone in alignment.phones])
    labels = [*(phone.label for phone in alignment.phones), SILENCE]
    return [labels[i] for i in np.searchsorted(ends, times, side="right")]


def with_confidences(result: "Result") -> Alignment:
    """Return the result's alignment, its confidences read off the posteriors where it has none and they are there.

    A phone's confidence is its mean posterior over its time, that of an IPA sound the mean share of its mixture that
    is there, and that of `spn` is 0.

    Raises:
        InputError: the result has no alignment.
    """
    alignment = result.need_alignment()
    if alignment.confidences is not None or result.posteriors is None:
        return alignment
    posteriors = result.posteriors

    def confidence(phone: Interval) -> float:
        first = min(seconds_to_steps(phone.start), len(posteriors) - 1)
        last = max(seconds_to_steps(phone.end), first + 1)
        if phone.label == UNKNOWN:
            return 0.0
        row = label_row(phone.label)
        shares = np.minimum(posteriors[first:last, row > 0], row[row > 0])
        return float(np.clip(shares.sum(1).mean(), 0, 1))

    return replace(alignment, confidences=tuple(confidence(phone) for phone in alignment.phones))


def _lips_at(result: "Result", fps: float | None) -> tuple[np.ndarray, float]:
    rate = float(exact_fps(check_fps(result.fps if fps is None else fps)))
    return resample_lips(result.lips, rate, result.seconds, source_fps=result.fps), rate


def _timed(name: str, item: Interval) -> dict[str, Any]:
    return {
        name: item.label,
        "start": round(item.start, SECOND_DECIMALS),
        "end": round(item.end, SECOND_DECIMALS),
    }


def _rows(rows: list[dict[str, Any]]) -> str:
    """Write a list of objects as JSON, one a line."""
    if not rows:
        return "[]"
    return "[\n" + ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in rows) + "\n  ]"
