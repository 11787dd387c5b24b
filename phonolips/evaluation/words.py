"""Results by word: which words' lips come out well, and which do not.

The rows are those that `evaluate` scores, one a clip and method; in LRW a clip's id names word and split
(`ABOUT/test/ABOUT_00001`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import InputError
from phonolips.evaluation.report import write_csv
from phonolips.storage import write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURES = ("skill", "opening_r", "width_r", "top1")
MEASURE_NAMES = {
    "skill": "skill",
    "opening_r": "opening r",
    "width_r": "width r",
    "top1": "read right",
}
EXTREMES = 10  # words at either end of the Markdown table
NAMED_WORDS = 60  # more words have no room for all their names,
ENDS_NAMED = 6  # so that many are named at either end


def word_and_split(clip: str) -> tuple[str, str]:
    """Read word and split off an LRW clip's id; raise InputError where there are none in it."""
    parts = clip.split("/")
    if len(parts) != 3 or not all(parts):
        raise InputError(f"clip {clip!r} names no word and split; expected an id such as ABOUT/test/ABOUT_00001")
    return parts[0].lower(), parts[1]


def add_reader_scores(
    rows: Sequence[Mapping[str, Any]], reader_rows: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Put what `reading.score_reader` found beside the scores of the same method and clip; returns new rows.

    What the reader read and the scores do not have (such as the true lips) becomes a row of its own.
    """
    names = ("top1", "top5", "reciprocal_rank")
    read = {(row["method"], row["clip"]): {name: row[name] for name in names} for row in reader_rows}
    joined = [{**row, **read.pop((row["method"], row["clip"]), {})} for row in rows]
    return joined + [{"method": method, "clip": clip, **values} for (method, clip), values in read.items()]


def word_table(
    rows: Sequence[Mapping[str, Any]],
    measures: Sequence[str] = MEASURES,
    *,
    name_clip: Callable[[str], tuple[str, str]] = word_and_split,
) -> list[dict[str, Any]]:
    """Average scores by method, split and word, with 95 % intervals over clips.

    The intervals are Student's t, and Wilson's where values are only 0 or 1 (read right or not), instead of the
    bootstrap's of the other tables, which takes minutes for 500 words.

    Args:
        rows: one a clip and method: `method`, `clip`, and scores as numbers; NaN and what is missing do not count.
        measures: what is averaged; one that no row has is left out.
        name_clip: clip id -> (word, split).

    Returns:
        rows `method`, `split`, `word`, `clips`, and for each measure its mean, `_low` and `_high`; methods and
        splits in the order in which they first occur, words by name. NaN where no clip of a word has a value.

    Raises:
        InputError: no rows, none of the measures, or a clip's id names no word.
    """
    shown = [name for name in measures if any(name in row for row in rows)]
    if not rows or not shown:
        raise InputError(f"{len(rows)} rows of scores, none with any of {', '.join(measures)}; run evaluate first")
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        word, split = name_clip(str(row["clip"]))
        groups.setdefault((str(row["method"]), split, word), []).append(row)
    methods = list(dict.fromkeys(method for method, _, _ in groups))
    splits = list(dict.fromkeys(split for _, split, _ in groups))
    table = []
    for key in sorted(groups, key=lambda key: (methods.index(key[0]), splits.index(key[1]), key[2])):
        chosen = groups[key]
        line: dict[str, Any] = {"method": key[0], "split": key[1], "word": key[2], "clips": len(chosen)}
        for name in shown:
            values = np.array([float(row.get(name, math.nan)) for row in chosen])
            mean, low, high = _interval(values[~np.isnan(values)])
            line |= {name: mean, f"{name}_low": low, f"{name}_high": high}
        table.append(line)
    return table


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """Compute the mean of values (clips,) and its 95 % interval; NaN for what too few values do not tell."""
    from scipy.special import stdtrit
    from scipy.stats import binomtest

    if len(values) < 2:
        return (float(values[0]) if len(values) else math.nan), math.nan, math.nan
    mean = float(values.mean())
    if np.isin(values, (0, 1)).all():
        share = binomtest(int(values.sum()), len(values)).proportion_ci(method="wilson")
        return mean, share.low, share.high
    half = float(stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / math.sqrt(len(values)))
    return mean, mean - half, mean + half


def word_markdown(table: Sequence[Mapping[str, Any]], *, extremes: int = EXTREMES) -> str:
    """Write a Markdown table a method and split: the mean over the words, and the best and worst words.

    Args:
        table: from `word_table`. Words are ordered by its first measure; all are shown if they are few.
        extremes: words shown at either end.

    Raises:
        InputError: no rows.
    """
    shown = _measures(table)
    lines: list[str] = []
    for method, split in dict.fromkeys((row["method"], row["split"]) for row in table):
        chosen = [row for row in table if (row["method"], row["split"]) == (method, split)]
        rank = next((name for name in shown if not all(math.isnan(row[name]) for row in chosen)), shown[0])
        ordered = sorted(chosen, key=lambda row: -np.nan_to_num(row[rank], nan=-np.inf))
        clips = sum(row["clips"] for row in chosen)
        lines += [
            f"**{method}**, {split}: {len(chosen)} words, {clips} clips, best {MEASURE_NAMES.get(rank, rank)} first"
        ]
        lines += ["", f"| word | clips | {' | '.join(MEASURE_NAMES.get(name, name) for name in shown)} |"]
        lines += ["|---" * (len(shown) + 2) + "|"]
        means = [_cell(float(np.nanmean(v)) if not np.isnan(v).all() else math.nan) for v in _columns(chosen, shown)]
        lines.append(f"| *mean of the words* | {clips} | {' | '.join(means)} |")
        all_fit = len(ordered) <= 2 * extremes
        for row in ordered if all_fit else ordered[:extremes]:
            lines.append(_line(row, shown))
        if not all_fit:
            lines.append(f"| ... {len(ordered) - 2 * extremes} more | {'| ' * (len(shown) + 1)}")
            lines += [_line(row, shown) for row in ordered[-extremes:]]
        lines.append("")
    return "\n".join(lines)


def _measures(table: Sequence[Mapping[str, Any]]) -> list[str]:
    if not table:
        raise InputError("no words to show; score at least one clip first")
    return [name for name in table[0] if f"{name}_low" in table[0]]


def _columns(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[np.ndarray]:
    return [np.array([row[name] for row in rows], np.float64) for name in names]


def _cell(mean: float, low: float = math.nan, high: float = math.nan) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.3f}" if math.isnan(low) else f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _line(row: Mapping[str, Any], shown: Sequence[str]) -> str:
    cells = [_cell(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in shown]
    return f"| {row['word']} | {row['clips']} | {' | '.join(cells)} |"


def write_word_tables(
    rows: Sequence[Mapping[str, Any]], folder: Path, *, name_clip: Callable[[str], tuple[str, str]] = word_and_split
) -> list[dict[str, Any]]:
    """Write `words.csv` (all words) and `words.md` (the best and the worst) into `folder`; return the table.

    Arguments and what is raised are those of `word_table`.
    """
    table = word_table(rows, name_clip=name_clip)
    write_csv(table, folder / "words.csv")
    write_text(folder / "words.md", word_markdown(table))
    return table


def word_figure(
    table: Sequence[Mapping[str, Any]],
    measures: Sequence[str] = ("skill", "opening_r"),
    *,
    method: str | None = None,
    split: str | None = None,
    title: str = "",
) -> "Figure":
    """Draw every word's score with its interval, a panel a measure, each with its words sorted by it.

    Args:
        table: from `word_table`.
        measures: what is drawn.
        method, split: whose rows; None = the first of the table.
        title: text above everything.

    Raises:
        InputError: the table has no such rows or measures.
    """
    from phonolips.show.plots.style import new_figure

    if not table:
        raise InputError("no words to draw; score at least one clip first")
    method = method or str(table[0]["method"])
    split = split or next((str(row["split"]) for row in table if row["method"] == method), "")
    rows = [row for row in table if (row["method"], row["split"]) == (method, split)]
    shown = [name for name in measures if any(not math.isnan(row.get(name, math.nan)) for row in rows)]
    if not shown:
        raise InputError(f"no word of {method!r}, split {split!r}, has any of {', '.join(measures)}")
    named = len(rows) <= NAMED_WORDS
    width = float(np.clip(1.2 + 0.24 * len(rows), 6.5, 14)) if named else 11.0
    figure = new_figure(width, 0.4 + 2.8 * len(shown), title or f"{method}, {split}: {len(rows)} words")
    for axes, name in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown, strict=True):
        there = sorted((row for row in rows if not math.isnan(row[name])), key=lambda row: -row[name])
        _draw_words(axes, there, name, named)
    return figure


def _draw_words(axes: "Axes", rows: Sequence[Mapping[str, Any]], name: str, named: bool) -> None:
    """Draw one measure of words that are sorted already."""
    from phonolips.show.plots.style import FAINT, INK, METHOD_COLOURS, QUIET, RULE, name_panel, style_axes

    mean, low, high = _columns(rows, (name, f"{name}_low", f"{name}_high"))
    place = np.arange(len(rows))
    axes.axhline(0, color=RULE, linewidth=0.8, zorder=0)
    axes.axhline(mean.mean(), color=METHOD_COLOURS[1], linewidth=1.0, linestyle=(0, (4, 2)), zorder=1)
    axes.set_title(f"mean of the words {mean.mean():.2f}", fontsize=8, color=METHOD_COLOURS[1], loc="right")
    axes.vlines(
        place, low, high, color=FAINT if named else METHOD_COLOURS[5], linewidth=1.4 if named else 0.7, zorder=2
    )
    axes.plot(place, mean, "o", color=METHOD_COLOURS[0], markersize=4 if named else 1.8, zorder=3)
    axes.set_xlim(-0.7, len(rows) - 0.3)
    style_axes(axes)
    if named:
        axes.set_xticks(place, [row["word"] for row in rows], rotation=60, ha="right", rotation_mode="anchor")
    else:
        ticks = np.unique([1, *range(100, len(rows) + 1, 100), len(rows)])
        axes.set_xticks(ticks - 1, ticks)
        axes.set_xlabel("place of the word, best first", fontsize=9, color=INK)
        ends = [", ".join(row["word"] for row in part) for part in (rows[:ENDS_NAMED], rows[-ENDS_NAMED:])]
        axes.set_title(f"best: {ends[0]}     worst: {ends[1]}", fontsize=8, color=QUIET, loc="left")
    name_panel(axes, MEASURE_NAMES.get(name, name))
