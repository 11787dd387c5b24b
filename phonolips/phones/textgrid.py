"""TextGrid files. On disk silence is the empty label in both tiers, as Praat and MFA have it."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.phones.intervals import EDGE_TOLERANCE_SECONDS, PHONE_TIER, WORD_TIER, Alignment, Interval
from phonolips.phones.inventory import SILENCE
from phonolips.storage import atomic_file

CONFIDENCE_TIER = "confidence"
TEXTGRID_DECIMALS = 6  # of a second, as MFA writes


def read_textgrid(path: Path) -> Alignment:
    """Read the tiers "words" and "phones" of a TextGrid, long or short, UTF-8 or UTF-16.

    MFA's names for one speaker ("ann - words", "ann - phones") are taken too. A file without words gets a
    word tier of silence. A tier "confidence" (one number an interval of the phones) is read where there is
    one; when the phones were edited since and the counts differ, it is dropped with a warning.

    Raises:
        InputError: no file, not a TextGrid, cut short, no phones tier or several, a label outside the
            inventory, or intervals that overlap.
    """
    from praatio import textgrid
    from praatio.utilities.errors import PraatioException

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such TextGrid file")
    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True, reportingMode="silence")
    except (PraatioException, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:120]
        reason = reason or type(error).__name__
        raise InputError(f"{path}: not a TextGrid that can be read ({reason})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    tiers = {tier.name: tier.entries for tier in grid.tiers if tier.tierType == "IntervalTier"}
    phone_tier = _find_tier(tiers, PHONE_TIER)
    if phone_tier is None:
        raise InputError(
            f'{path}: no single interval tier "phones" (or "NAME - phones"); '
            f"found tiers: {', '.join(map(repr, grid.tierNames)) or 'none'}"
        )
    word_tier = _find_tier(tiers, WORD_TIER)
    words = [] if word_tier is None else [Interval(e.label, e.start, e.end) for e in tiers[word_tier]]
    phones = [Interval(e.label, e.start, e.end) for e in tiers[phone_tier]]
    duration = max([float(grid.maxTimestamp), *(item.end for item in (*words, *phones))])
    end = max((item.end for item in phones), default=0.0)
    if path.suffix.lower() != ".json" and end < duration - EDGE_TOLERANCE_SECONDS:
        raise InputError(f"{path}: the phones stop at {end} s of {duration} s; the file is cut short; write it again")
    try:
        alignment = Alignment.build(words, phones, duration)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    confidence_tier = _find_tier(tiers, CONFIDENCE_TIER)
    if confidence_tier is None:
        return alignment
    try:
        confidences = tuple(float(entry.label) for entry in tiers[confidence_tier])
        return Alignment(alignment.words, alignment.phones, duration, confidences)
    except (ValueError, InputError):
        warnings.warn(
            f'{path}: tier "{CONFIDENCE_TIER}" does not fit the phones (edited since?); read without it',
            PhonolipsWarning,
            stacklevel=2,
        )
        return alignment


def write_textgrid(alignment: Alignment, path: Path, *, more: "Mapping[str, Sequence[Interval]] | None" = None) -> None:
    """Write a long TextGrid, UTF-8, silence as the empty label, atomically; makes the folder.

    Confidences, where there are any, go to a third tier "confidence" with three decimals.

    Args:
        alignment: words and phones.
        path: the file.
        more: further tiers, name -> intervals without gaps; what lies beyond the alignment's end is cut off.
    """
    from praatio import textgrid

    def rounded(seconds: float) -> float:
        return round(float(seconds), TEXTGRID_DECIMALS)

    def entries(intervals: Sequence[Interval], labels: Sequence[str]) -> list[tuple[float, float, str]]:
        return [(rounded(i.start), rounded(i.end), text) for i, text in zip(intervals, labels, strict=True)]

    phone_labels = ["" if phone.label == SILENCE else phone.label for phone in alignment.phones]
    tiers = {
        WORD_TIER: entries(alignment.words, [word.label for word in alignment.words]),
        PHONE_TIER: entries(alignment.phones, phone_labels),
    }
    if alignment.confidences is not None:
        tiers[CONFIDENCE_TIER] = entries(alignment.phones, [f"{value:.3f}" for value in alignment.confidences])
    end = rounded(alignment.duration)
    grid = textgrid.Textgrid(0.0, end)
    for name, intervals in (more or {}).items():
        cut = [interval._replace(end=min(interval.end, end)) for interval in intervals]
        kept = [interval for interval in cut if interval.end > interval.start]
        tiers[name] = [(interval.start, interval.end, interval.label) for interval in kept]
    for name, rows in tiers.items():
        grid.addTier(textgrid.IntervalTier(name, rows, 0.0, end), reportingMode="silence")
    with atomic_file(path) as temporary:
        grid.save(str(temporary), format="long_textgrid", includeBlankSpaces=True, reportingMode="silence")


def _find_tier(tiers: dict[str, Any], wanted: str) -> str | None:
    """Find the tier `wanted`, or the only tier "NAME - wanted"; None where there is none or several."""
    plain = [name for name in tiers if name.strip().lower() == wanted]
    named = [name for name in tiers if name.strip().lower().endswith(f" - {wanted}")]
    found = plain or named
    return found[0] if len(found) == 1 else None
