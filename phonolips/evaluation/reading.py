"""What a lip reader reads off every method's lips: scores, tables, and which words it confuses."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import InputError
from phonolips.evaluation.metrics.statistics import bootstrap_interval
from phonolips.phones.inventory import PHONE_TO_VISEME, VISEME_NAMES
from phonolips.training.reader_clips import ReaderClip
from phonolips.training.reader_network import READ_AT_ONCE, LipReader

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

log = logging.getLogger("phonolips.evaluation")
CHANCE, MAJORITY = "chance", "most frequent word"  # rows of the table that need no lips
TOP = 5
NAMED_WORDS = 60  # a confusion matrix of more words has no room for their names


# Scores


def score_reader(
    reader: LipReader, clips: Sequence[ReaderClip], methods: Mapping[str, Mapping[str, np.ndarray]]
) -> list[dict[str, Any]]:
    """Let the reader read every method's lips of test clips.

    Args:
        reader: trained on other clips.
        clips: the test clips; what matters is id and word, `methods` holds the lips to be read.
        methods: name -> clip id -> lips (frames, 40, 2); clips that a method lacks, or that are not finite, are
            left out of its rows.

    Returns:
        rows `method`, `clip`, `word`, `found` (the most likely word), and as numbers `top1`, `top5` and
        `reciprocal_rank` (1 / the right word's place).

    Raises:
        InputError: a word that the reader does not know; lips of another shape.
    """
    index = {word: row for row, word in enumerate(reader.words)}
    unknown = sorted({clip.word for clip in clips} - set(index))
    if unknown:
        raise InputError(f"the lip reader does not know {', '.join(unknown[:5])}; it was trained on {len(index)} words")
    rows: list[dict[str, Any]] = []
    for method, made in methods.items():
        there = [clip for clip in clips if clip.id in made and np.isfinite(made[clip.id]).all()]
        for start in range(0, len(there), READ_AT_ONCE):
            part = there[start : start + READ_AT_ONCE]
            for clip, found in zip(part, reader.read_all([made[clip.id] for clip in part]), strict=True):
                own = found[index[clip.word]]
                rank = 1 + int((found > own).sum())
                rows.append(
                    {
                        "method": method,
                        "clip": clip.id,
                        "word": clip.word,
                        "found": reader.words[int(found.argmax())],
                        "top1": float(rank == 1),
                        "top5": float(rank <= TOP),
                        "reciprocal_rank": 1 / rank,
                    }
                )
    return rows


def mean_lip_clips(clips: Sequence[ReaderClip]) -> dict[str, np.ndarray]:
    """Hold every clip's own mean shape still: clip id -> lips (frames, 40, 2), the row that nobody can read."""
    return {clip.id: np.repeat(clip.lips.mean(0, keepdims=True), len(clip.lips), 0) for clip in clips}


def reader_table(
    reader: LipReader, rows: Sequence[Mapping[str, Any]], *, homophenes: Mapping[str, str] | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """Average scores by method, with 95 % intervals over clips, and add two rows that need no lips.

    Args:
        reader: that read.
        rows: from `score_reader`.
        homophenes: word -> what its lips look like (`viseme_words`); adds `top1_homophene`, where a word with the
            same lips counts as right.
        seed: of the bootstrap.

    Returns:
        rows `method`, `clips`, and for each measure its mean, `_low` and `_high`; last the rows `chance` and
        `most frequent word` (of the training clips).

    Raises:
        InputError: no rows.
    """
    if not rows:
        raise InputError("no clip was read; score at least one clip first")
    table = []
    for method in dict.fromkeys(row["method"] for row in rows):
        chosen = [row for row in rows if row["method"] == method]
        columns = {name: [row[name] for row in chosen] for name in ("top1", "top5", "reciprocal_rank")}
        if homophenes is not None:
            columns["top1_homophene"] = [float(homophenes[r["word"]] == homophenes[r["found"]]) for r in chosen]
        line: dict[str, Any] = {"method": method, "clips": len(chosen)}
        for name, values in columns.items():
            low, high = bootstrap_interval(values, seed=seed)
            line |= {name: float(np.mean(values)), f"{name}_low": low, f"{name}_high": high}
        table.append(line)
    number = len(reader.words)
    table.append(
        {
            "method": CHANCE,
            "clips": 0,
            "top1": 1 / number,
            "top5": min(1.0, TOP / number),
            "reciprocal_rank": float((1 / np.arange(1, number + 1)).mean()),
        }
    )
    spoken = {row["clip"]: row["word"] for row in rows}
    most = reader.notes.get("majority")
    table.append(
        {"method": MAJORITY, "clips": len(spoken), "top1": float(np.mean([w == most for w in spoken.values()]))}
    )
    return table


def reader_markdown(table: Sequence[Mapping[str, Any]]) -> str:
    """Write the rows of `reader_table` as a Markdown table, `mean [low, high]`."""
    names = {
        "top1": "top-1",
        "top5": "top-5",
        "reciprocal_rank": "mean reciprocal rank",
        "top1_homophene": "top-1, same lips count",
    }
    shown = [name for name in names if any(name in row for row in table)]
    lines = [f"| lips | clips | {' | '.join(names[name] for name in shown)} |", "|---" * (len(shown) + 2) + "|"]
    for row in table:
        cells = []
        for name in shown:
            if name not in row:
                cells.append("-")
            elif np.isfinite(row.get(f"{name}_low", np.nan)):
                cells.append(f"{row[name]:.3f} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]")
            else:
                cells.append(f"{row[name]:.3f}")
        lines.append(f"| {row['method']} | {row['clips'] or '-'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def viseme_words(words: Iterable[str]) -> dict[str, str]:
    """Spell words by what is seen of them: word -> its visemes; words with equal values are homophenes."""
    from phonolips.speech.text.g2p import text_to_phones

    spelt = {}
    for word in words:
        phones = [phone for part in text_to_phones(word) for phone in part.phones]
        seen = [VISEME_NAMES[PHONE_TO_VISEME[phone]] for phone in phones if phone in PHONE_TO_VISEME]
        spelt[word] = " ".join(seen)
    return spelt


def word_confusion(rows: Sequence[Mapping[str, Any]], words: Sequence[str], method: str) -> np.ndarray:
    """Count what was read for what: int64 (words, words), rows are the true words."""
    index = {word: row for row, word in enumerate(words)}
    matrix = np.zeros((len(words), len(words)), np.int64)
    for row in rows:
        if row["method"] == method:
            matrix[index[row["word"]], index[row["found"]]] += 1
    return matrix


def confusion_figure(
    rows: Sequence[Mapping[str, Any]],
    words: Sequence[str],
    methods: Sequence[str],
    *,
    homophenes: Mapping[str, str] | None = None,
    title: str = "",
) -> "Figure":
    """Draw which words were read for which, a panel a method; words that look alike are neighbours.

    Args:
        rows: from `score_reader`.
        words: the reader's.
        methods: whose rows, such as the true lips and synthesised ones.
        homophenes: from `viseme_words`; words are sorted by it, and equal ones are framed. None = by name.
        title: text above everything.

    Raises:
        InputError: a method without rows.
    """
    from phonolips.show.plots.style import FAINT, INK, new_figure

    spelt = homophenes or {word: word for word in words}
    order = sorted(words, key=lambda word: (spelt[word], word))
    named = len(words) <= NAMED_WORDS
    side = max(3.6, 0.2 * len(words)) if named else 5.2
    figure = new_figure(len(methods) * (side + 0.9) + 0.9, side + 1.2, title)
    panels = figure.subplots(1, len(methods), squeeze=False)[0]
    for axes, method in zip(panels, methods, strict=True):
        counts = word_confusion(rows, order, method).astype(float)
        if not counts.sum():
            raise InputError(f"no clip of {method!r} was read; there are {sorted({row['method'] for row in rows})}")
        picture = _draw_confusion(axes, counts, order, spelt, method)
    panels[0].set_ylabel("word said", fontsize=9, color=INK)
    bar = figure.colorbar(picture, ax=list(panels), fraction=0.02, pad=0.01, aspect=40)
    bar.set_label("share of the clips of a word (grey: no clip)", fontsize=8)
    if not named:
        shares_shown = [0, 0.05, 0.2, 0.5, 1]
        bar.set_ticks(list(np.sqrt(shares_shown)), labels=[f"{share:.0%}" for share in shares_shown])
    bar.ax.tick_params(labelsize=7.5, length=2, color=FAINT)
    bar.outline.set_visible(False)
    return figure


def _draw_confusion(
    axes: "Axes", counts: np.ndarray, words: Sequence[str], spelt: Mapping[str, str], method: str
) -> "AxesImage":
    """Draw one method's counts (words, words); the words are named where there is room."""
    from phonolips.show.plots.style import INK, METHOD_COLOURS, style_axes

    named = len(words) <= NAMED_WORDS
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    axes.set_facecolor("#eeeeee")
    # With many words a cell is smaller than a pixel: the square root makes a few per cent visible.
    shown = shares if named else np.sqrt(shares)
    picture = axes.imshow(shown, cmap="Blues", vmin=0, vmax=1, aspect="equal", interpolation="nearest")
    if named:
        for row, column in np.argwhere(np.nan_to_num(shares) >= 0.1):
            text = f"{100 * shares[row, column]:.0f}"
            ink = "white" if shares[row, column] > 0.55 else INK
            axes.text(column, row, text, fontsize=6, ha="center", va="center", color=ink)
        axes.set_xticks(range(len(words)), words, rotation=90)
        axes.set_yticks(range(len(words)), words)
        _frame_alike(axes, [spelt[word] for word in words], METHOD_COLOURS[1])
    style_axes(axes, keep=("left", "right", "top", "bottom"))
    axes.tick_params(length=0 if named else 3, labelsize=7.5)
    right = np.trace(counts) / counts.sum()
    axes.set_title(f"{method}: {right:.0%} of {counts.sum():.0f} right", fontsize=9, color=INK, loc="left")
    axes.set_xlabel("word read" if named else "word read (sorted by what is seen of it)", fontsize=9, color=INK)
    return picture


def _frame_alike(axes: Any, spelt: Sequence[str], colour: str) -> None:
    """Frame stretches of words whose lips are the same."""
    from matplotlib.patches import Rectangle

    first = 0
    for place in range(1, len(spelt) + 1):
        if place == len(spelt) or spelt[place] != spelt[first]:
            size = place - first
            if size > 1:
                frame = Rectangle((first - 0.5, first - 0.5), size, size, fill=False, edgecolor=colour, linewidth=1.2)
                axes.add_patch(frame)
            first = place
