"""Figures of many people together: one table over all who were held out, and folds of a cross-validation joined."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phonolips.errors import CorpusError
from phonolips.evaluation import report
from phonolips.storage import write_text

TOGETHER = "all people"  # in the place of a speaker's name
LEAST_PEOPLE = 2  # fewer need no table of their own
SCORED = "lips.csv"
PERSON_MEASURES = ("opening_r", "width_r", "skill", "shape_skill", "velocity_ratio", "articulation_ratio")


def people_table(rows: Sequence[Mapping[str, Any]], seen: Sequence[str]) -> str:
    """Write one table over all people who were not in training, each clip counting once; "" for fewer than two.

    Args:
        rows: scores, one a clip and method.
        seen: the speakers that were in training.
    """
    others = [row for row in rows if row["speaker"] not in seen]
    people = {row["speaker"] for row in others}
    if len(people) < LEAST_PEOPLE:
        return ""
    pooled = report.summarise([{**row, "speaker": TOGETHER, "seen": False} for row in others])
    return f"{len(people)} people.\n\n{report.markdown_table(pooled)}\n\n"


def join_folds(folders: Sequence[Path], out: Path) -> str:
    """Join the scores of folds in each of which other people were held out.

    Args:
        folders: results of `evaluate`, one a fold.
        out: gets lips.csv, people.csv (a row a person and method) and results.md.

    Returns:
        the tables as Markdown.

    Raises:
        CorpusError: a folder without scores.
    """
    rows: list[dict[str, Any]] = []
    for folder in folders:
        if not (folder / SCORED).is_file():
            raise CorpusError(f"{folder / SCORED}: no scores; run 'phonolips evaluate --step score' on this fold first")
        with (folder / SCORED).open(encoding="utf-8", newline="") as file:
            rows += [_numbers(row) for row in csv.DictReader(file)]
    report.write_csv(rows, out / SCORED)
    by_person = report.summarise(rows)
    report.write_csv(report.summary_rows(by_person), out / "people.csv")
    text = (
        f"# Lips of people left out in {len(folders)} folds\n\n{people_table(rows, ())}"
        f"# Person by person\n\n{report.markdown_table(by_person, PERSON_MEASURES)}\n"
    )
    write_text(out / "results.md", text)
    return text


def _numbers(row: Mapping[str, str]) -> dict[str, Any]:
    """Turn the cells of a table back into numbers; an empty one is NaN."""
    texts = ("method", "speaker", "clip")
    kept: dict[str, Any] = {name: row[name] for name in texts} | {"seen": row["seen"] == "True"}
    return kept | {name: float(value or "nan") for name, value in row.items() if name not in kept}
