"""Readers that we did not write take the files of an export: python cue_files.py FOLDER [--fps 24]

    pip install openfacefx==0.24.0 srt==3.5.3 pysubs2 praatio

FOLDER is one that `phonolips export RUN --to all` wrote; --fps is that of its rhubarb.dat.
"""

import argparse
import csv
import json
from pathlib import Path

import pysubs2
import srt
from openfacefx import importers
from praatio import textgrid


def main() -> None:
    """Print a line for every file and reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fps", type=float, default=24)
    options = parser.parse_args()
    folder = options.folder

    parsers = {
        "tsv": importers.parse_rhubarb_tsv,
        "xml": importers.parse_rhubarb_xml,
        "json": importers.parse_rhubarb_json,
        "dat": lambda text: importers.parse_moho_dat(text, options.fps),
    }
    for ending, parse in parsers.items():
        cues, seconds = parse((folder / f"rhubarb.{ending}").read_text())
        print(f"rhubarb.{ending}: openfacefx reads {len(cues)} cues, {seconds:.2f} s")
    for name in ("subtitles.srt", "words.srt"):
        if (folder / name).is_file():
            ours = list(srt.parse((folder / name).read_text(), ignore_errors=False))
            theirs = pysubs2.load(str(folder / name))
            assert [item.start.total_seconds() for item in ours] == [event.start / 1000 for event in theirs]
            print(f"{name}: srt and pysubs2 read {len(ours)} subtitles, the last ends at {ours[-1].end}")
    grid = textgrid.openTextgrid(str(folder / "tiers.TextGrid"), includeEmptyIntervals=True)
    tiers = ", ".join(f"{tier.name} ({len(tier.entries)})" for tier in grid.tiers)
    print(f"tiers.TextGrid: praatio reads {tiers}")
    for name in ("phones.json", "visemes.json", "visemes-oculus.json"):
        print(f"{name}: json reads {', '.join(json.loads((folder / name).read_text()))}")
    with (folder / "lips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    print(f"lips.csv: csv reads {len(rows)} rows of {len(rows[0])} columns, the last at {rows[-1]['time']} s")


if __name__ == "__main__":
    main()
