"""TextGrid files. On disk silence is the empty label in both tiers, as Praat and MFA have it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from phonolips.phones.intervals import CONFIDENCE_TIER, PHONE_TIER, WORD_TIER, Alignment, Interval
from phonolips.phones.inventory import SILENCE
from phonolips.storage import atomic_file

TEXTGRID_DECIMALS = 6  # of a second, as MFA writes


def read_textgrid(path: Path) -> Alignment:
    """Read an alignment, a TextGrid or another kind of file; as `phones.files.read.read_alignment`, without choices."""
    from phonolips.phones.files.read import read_alignment_file  # the readers of all formats; writing needs none

    return read_alignment_file(path).fit()


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
