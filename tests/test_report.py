"""Tables of results: pooled rates, groups, CSV and Markdown that can be read back, the confusion figure."""

import csv

import numpy as np
import pytest
from conftest import needs

from phonolips.errors import InputError
from phonolips.evaluation import report


def make_rows() -> list[dict]:
    rows = []
    for speaker, seen, clips in (("s4", False, 3), ("s1", True, 10)):
        for method, r in (("ours", 0.9), ("mean curve", 0.6)):
            for clip in range(clips):
                hits, total = (clip % 2, 1 + clip % 3)
                rows.append(
                    {
                        "clip": f"{speaker}/{clip}",
                        "method": method,
                        "seen": seen,
                        "speaker": speaker,
                        "opening_r": r + 0.01 * (clip % 2) if clip else float("nan"),
                        "closure_recall": hits / total,
                        "closure_hits": float(hits),
                        "closure_total": float(total),
                    }
                )
    return rows


@needs("train")
def test_groups_keep_speakers_and_seen_apart():
    found = report.summarise(make_rows())
    assert [(item.seen, item.speaker, item.method, item.clips) for item in found] == [
        (True, "s1", "ours", 10),
        (True, "s1", "mean curve", 10),
        (False, "s4", "ours", 3),
        (False, "s4", "mean curve", 3),
    ]


@needs("train")
def test_means_leave_missing_values_out_and_rates_are_pooled():
    first = report.summarise(make_rows())[0]
    r = first.estimates["opening_r"]
    assert r.mean == pytest.approx(0.9 + 0.01 * 5 / 9)
    assert r.clips == 9
    assert 0.9 <= r.low < r.mean < r.high <= 0.91
    totals = [1 + clip % 3 for clip in range(10)]
    recall = first.estimates["closure_recall"]
    assert recall.mean == pytest.approx(5 / sum(totals))
    assert recall.mean != pytest.approx(np.mean([(clip % 2) / (1 + clip % 3) for clip in range(10)]), abs=0.01)
    assert recall.low < recall.mean < recall.high
    assert first.totals == {"closure_hits": 5, "closure_total": sum(totals)}
    assert "closure_hits" not in first.estimates
    assert "clip" not in first.estimates


@needs("train")
def test_one_clip_has_a_mean_and_no_interval():
    row = {"method": "ours", "seen": True, "speaker": "s1", "opening_r": 0.5, "width_r": float("nan")}
    (only,) = report.summarise([row])
    assert only.estimates["opening_r"].mean == 0.5
    assert np.isnan(only.estimates["opening_r"].low)
    assert np.isnan(only.estimates["width_r"].mean)
    assert only.estimates["width_r"].clips == 0
    table = report.markdown_table([only], ["opening_r", "width_r"])
    assert "| ours | 0.5 | - |" in table
    assert "1 clip)" in table


def test_a_row_without_a_speaker_is_refused():
    with pytest.raises(InputError, match="lacks speaker"):
        report.summarise([{"method": "ours", "seen": True, "opening_r": 1.0}])
    assert report.summarise([]) == []


def test_csv_can_be_read_back(tmp_path):
    path = tmp_path / "deep" / "clips.csv"
    rows = [
        {"method": 'a, "b"', "r": 0.123456789, "n": 3},
        {"method": "c", "r": float("nan"), "late": np.float32(2)},
    ]
    report.write_csv(rows, path)
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert found[0] == {"method": 'a, "b"', "r": "0.123457", "n": "3", "late": ""}
    assert found[1] == {"method": "c", "r": "", "n": "", "late": "2"}
    assert [item.name for item in path.parent.iterdir()] == ["clips.csv"]
    with pytest.raises(InputError, match="no rows"):
        report.write_csv([], path)


@needs("train")
def test_summary_rows_hold_interval_and_counts(tmp_path):
    rows = report.summary_rows(report.summarise(make_rows()))
    assert rows[0]["method"] == "ours"
    assert rows[0]["opening_r_low"] < rows[0]["opening_r"] < rows[0]["opening_r_high"]
    assert rows[0]["opening_r_clips"] == 9
    assert rows[0]["closure_total"] == 19
    report.write_csv(rows, tmp_path / "summary.csv")


@needs("train")
def test_markdown_has_one_table_a_speaker_with_even_columns():
    text = report.markdown_table(report.summarise(make_rows()))
    assert text.index("Speaker s1** (seen in training, 10 clips)") < text.index("Speaker s4** (not seen in training")
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) == 2 * (2 + 2)
    assert len({line.count("|") for line in tables}) == 1
    assert "| method | opening_r | closure_recall |" in text
    assert "[" in tables[2]
    with pytest.raises(InputError, match="nothing to show"):
        report.markdown_table(report.summarise(make_rows()), ["no_such_measure"])
