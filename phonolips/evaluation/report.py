"""From scores by clip to tables: means with intervals, by method and speaker, seen speakers apart."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import InputError
from phonolips.evaluation.metrics.statistics import bootstrap_interval
from phonolips.storage import write_text

if TYPE_CHECKING:
    pass

# Pooled measures: name -> (numerator, denominator), both added up over the clips.
POOLED = {
    "closure_recall": ("closure_hits", "closure_total"),
    "closure_rate_of_truth": ("closure_total", "bilabials"),
    "false_closure_rate": ("false_closures", "false_closure_total"),
    "step_accuracy": ("right_steps", "known_steps"),
    "phone_error_rate": ("phone_errors", "phone_total"),
}
COUNTS = frozenset(name for pair in POOLED.values() for name in pair) | {"silence_frames"}
GROUP_KEYS = ("method", "seen", "speaker")  # what a row of scores must hold besides numbers
LIP_MEASURES = (
    "opening_r",
    "width_r",
    "opening_lag_ms",
    "skill",
    "shape_skill",
    "shape_error",
    "velocity_ratio",
    "articulation_ratio",
    "closure_recall",
    "closure_rate_of_truth",
    "false_closure_rate",
    "labiodental_opening",
    "labiodental_opening_of_truth",
    "rounding",
    "rounding_of_truth",
    "silence_speed",
    "silence_speed_of_truth",
    "silence_opening_bias",
    "jitter",
    "jitter_of_truth",
)


@dataclass(frozen=True)
class Estimate:
    """A mean over clips with its 95 % bootstrap interval.

    Args:
        mean: over the clips that have a value; a pooled rate for the measures in POOLED. NaN if none has.
        low, high: the interval; NaN where fewer than two clips have a value.
        clips: how many clips have a value.
    """

    mean: float
    low: float
    high: float
    clips: int


@dataclass(frozen=True)
class Summary:
    """What one method reached on the clips of one speaker.

    Args:
        method: its name, such as `phone in context`.
        seen: True where the speaker was in training.
        speaker: such as `s1`.
        clips: how many clips were scored.
        estimates: measure -> Estimate.
        totals: the counts behind the pooled rates, added up.
    """

    method: str
    seen: bool
    speaker: str
    clips: int
    estimates: dict[str, Estimate]
    totals: dict[str, float] = field(default_factory=dict)


def summarise(per_clip: Sequence[Mapping[str, Any]], *, seed: int = 0) -> list[Summary]:
    """Average the scores of clips by method and speaker.

    Args:
        per_clip: one row a clip and method: `method`, `seen`, `speaker`, and scores as numbers (as
            `lip_scores` and `encoder_scores` return them); other text, such as `clip`, is left out.
        seed: of the bootstrap.

    Returns:
        Seen speakers before unseen ones, then by speaker; methods in the order in which they first occur.

    Raises:
        InputError: a row lacks method, seen or speaker.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in per_clip:
        missing = [key for key in GROUP_KEYS if key not in row]
        if missing:
            raise InputError(f"a row of scores lacks {', '.join(missing)}; it holds {', '.join(row) or '-'}")
        groups.setdefault(tuple(row[key] for key in GROUP_KEYS), []).append(row)
    methods = list(dict.fromkeys(key[0] for key in groups))
    order = sorted(groups, key=lambda key: (not key[1], str(key[2]), methods.index(key[0])))
    return [_summarise_group(key, groups[key], seed) for key in order]


def _summarise_group(key: tuple[Any, ...], rows: Sequence[Mapping[str, Any]], seed: int) -> Summary:
    names = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if name not in GROUP_KEYS and any(_is_number(row.get(name)) for row in rows)
    ]
    columns = {name: np.array([_number(row.get(name)) for row in rows]) for name in names}
    estimates = {}
    for name in names:
        if name in COUNTS:
            continue
        top, bottom = POOLED.get(name, ("", ""))
        if top in columns and bottom in columns:
            values, weights = columns[top], columns[bottom]
        else:
            values, weights = columns[name], np.ones(len(rows))
        kept = ~np.isnan(values) & (weights > 0)
        mean = float(values[kept].sum() / weights[kept].sum()) if kept.any() else float("nan")
        low, high = bootstrap_interval(values, weights=weights, seed=seed)
        estimates[name] = Estimate(mean, low, high, int(kept.sum()))
    totals = {name: float(np.nansum(columns[name])) for name in names if name in COUNTS}
    method, seen, speaker = key
    return Summary(str(method), bool(seen), str(speaker), len(rows), estimates, totals)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _number(value: Any) -> float:
    return float(value) if _is_number(value) else float("nan")


def summary_rows(summaries: Sequence[Summary]) -> list[dict[str, Any]]:
    """Flatten summaries to rows for `write_csv`: every measure with `_low`, `_high` and `_clips`."""
    rows = []
    for item in summaries:
        row: dict[str, Any] = {key: getattr(item, key) for key in (*GROUP_KEYS, "clips")}
        for name, value in item.estimates.items():
            row |= {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
            row[f"{name}_clips"] = value.clips
        rows.append(row | item.totals)
    return rows


def write_csv(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows as CSV, atomically; columns in the order in which they first occur.

    What a row lacks, and NaN, becomes an empty cell; numbers keep six significant digits.

    Raises:
        InputError: no rows.
    """
    if not rows:
        raise InputError(f"{path}: no rows to write; score at least one clip first")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    write_text(path, text.getvalue())


def _cell(value: Any) -> str:
    if value is None or (_is_number(value) and math.isnan(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)


def markdown_table(summaries: Sequence[Summary], measures: Sequence[str] = LIP_MEASURES, *, digits: int = 3) -> str:
    """Write one Markdown table a speaker: a row a method, a column a measure, `mean [low, high]`.

    Args:
        summaries: from `summarise`.
        measures: the columns; one that no summary has is left out.
        digits: significant digits.

    Raises:
        InputError: no summary, or none of the measures is there.
    """
    shown = [name for name in measures if any(name in item.estimates for item in summaries)]
    if not shown:
        raise InputError(f"nothing to show: no summary holds any of {', '.join(measures) or 'no measures'}")
    lines: list[str] = []
    for seen, speaker in dict.fromkeys((item.seen, item.speaker) for item in summaries):
        chosen = [item for item in summaries if (item.seen, item.speaker) == (seen, speaker)]
        clips = sorted({item.clips for item in chosen})
        count = "-".join(map(str, [clips[0], clips[-1]][: len(clips)]))
        noun = "clip" if clips == [1] else "clips"
        kind = "seen in training" if seen else "not seen in training"
        lines += [f"**Speaker {speaker}** ({kind}, {count} {noun})", ""]
        lines += [f"| method | {' | '.join(shown)} |", "|---" * (len(shown) + 1) + "|"]
        for item in chosen:
            cells = [_estimate_text(item.estimates.get(name), digits) for name in shown]
            lines.append(f"| {item.method.replace('|', '/')} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _estimate_text(value: Estimate | None, digits: int) -> str:
    if value is None or math.isnan(value.mean):
        return "-"
    mean = f"{value.mean:.{digits}g}"
    if math.isnan(value.low):
        return mean
    return f"{mean} [{value.low:.{digits}g}, {value.high:.{digits}g}]"
