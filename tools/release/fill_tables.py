#!/usr/bin/env python3
"""Write the tables of an evaluation into README.md, the model card and the recipe's README.

    python tools/release/fill_tables.py exp/default/results

A table stands between `<!-- table NAME -->` and `<!-- end -->`; NAME is one of s1, others, encoder, durations. So
every figure in these files is the one that `phonolips evaluate` wrote.
"""

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FILES = ("README.md", "recipes/grid/README.md", "phonolips/weights/default/CARD.md")
OTHERS = (
    "audio",
    "audio, phones only",
    "audio, mean speaker",
    "audio, one frame",
    "audio, adapted on the other clips",
    "text, true durations",
    "mean curve",
    "phone in context",
    "ridge from log-mel",
)
Row = dict[str, str]


def read(path: Path) -> list[Row]:
    """Read a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def number(row: Row, name: str, digits: int = 3) -> str:
    """Write one figure; a dash where there is none."""
    return f"{float(row[name]):.{digits}f}" if row.get(name) else "–"


def with_interval(row: Row, name: str) -> str:
    """Write one figure with its 95 % interval."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return number(row, name) + (f" [{float(low):.3f}, {float(high):.3f}]" if low and high else "")


def lips_of_s1(results: Path) -> str:
    """Make the table of the speaker with many clips."""
    rows = [row for row in read(results / "lips_summary.csv") if row["speaker"] == "s1"]
    lines = [
        f"| s1, {rows[0]['clips']} held-out clips | opening r | width r | skill | shape skill | velocity ratio | "
        "closure recall | false closure |",
        "|---" * 8 + "|",
    ]
    for row in rows:
        lines.append(
            f"| {row['method']} | {with_interval(row, 'opening_r')} | {number(row, 'width_r')} | "
            f"{with_interval(row, 'skill')} | {with_interval(row, 'shape_skill')} | "
            f"{number(row, 'velocity_ratio', 2)} | {number(row, 'closure_recall', 2)} | "
            f"{number(row, 'false_closure_rate', 3)} |"
        )
    return "\n".join(lines)


def lips_of_others(results: Path) -> str:
    """Make the table of the other speakers."""
    lines = [
        "| speaker | clips | method | opening r | width r | skill | shape skill | velocity ratio | "
        "closure recall (of those the truth closes) |",
        "|---" * 9 + "|",
    ]
    for row in read(results / "lips_summary.csv"):
        if row["speaker"] == "s1" or row["method"] not in OTHERS:
            continue
        seen = "seen" if row["seen"] == "True" else "unseen"
        lines.append(
            f"| {row['speaker']} ({seen}) | {row['clips']} | {row['method']} | {number(row, 'opening_r')} | "
            f"{number(row, 'width_r')} | {number(row, 'skill')} | {number(row, 'shape_skill')} | "
            f"{number(row, 'velocity_ratio', 2)} | "
            f"{number(row, 'closure_recall', 2)} of {row.get('closure_total', '?')} |"
        )
    return "\n".join(lines)


def encoder(results: Path) -> str:
    """Make the table of the encoder."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in read(results / "encoder.csv"):
        groups[row["seen"], row["speaker"]].append(row)

    def total(rows: list[Row], name: str) -> float:
        return sum(float(row[name]) for row in rows)

    lines = [
        "| speech | clips | phone error rate | step accuracy | ECE of a clip | "
        "boundary error, median of clips' medians | within 20 ms |",
        "|---" * 7 + "|",
    ]
    for (seen, speaker), rows in sorted(groups.items(), reverse=True):
        medians = [float(row["boundary_median_ms"]) for row in rows if row["boundary_median_ms"]]
        within = [float(row["boundary_within_20_ms"]) for row in rows if row["boundary_within_20_ms"]]
        lines.append(
            f"| {speaker} ({'seen' if seen == 'True' else 'unseen'}) | {len(rows)} | "
            f"{total(rows, 'phone_errors') / total(rows, 'phone_total'):.3f} | "
            f"{total(rows, 'right_steps') / total(rows, 'known_steps'):.3f} | "
            f"{np.mean([float(row['calibration_error']) for row in rows]):.3f} | {np.median(medians):.0f} ms | "
            f"{np.mean(within):.2f} |"
        )
    return "\n".join(lines)


def durations(results: Path) -> str:
    """Find the line on predicted durations."""
    found = re.search(r"Predicted over true length.*", (results / "results.md").read_text(encoding="utf-8"))
    return found.group(0) if found else "No clip with predicted durations."


TABLES: dict[str, Callable[[Path], str]] = {
    "s1": lips_of_s1,
    "others": lips_of_others,
    "encoder": encoder,
    "durations": durations,
}


def fill(text: str, results: Path) -> str:
    """Replace every marked table of a Markdown text."""

    def table(match: re.Match[str]) -> str:
        return f"<!-- table {match[1]} -->\n{TABLES[match[1]](results)}\n<!-- end -->"

    return re.sub(r"<!-- table (\w+) -->.*?<!-- end -->", table, text, flags=re.DOTALL)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder written by 'phonolips evaluate'")
    results = parser.parse_args().results
    for name in FILES:
        path = ROOT / name
        path.write_text(fill(path.read_text(encoding="utf-8"), results), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
