"""The registry, TextGrid, JSON, CSV and subtitles."""

import csv
import importlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import as_result

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.export.formats import FORMATS, check_names, check_out, export
from phonolips.export.subtitles import LINE_LETTERS, subtitles
from phonolips.export.tables import with_confidences
from phonolips.lips.curve import resample_lips
from phonolips.lips.measures import opening, width
from phonolips.phones.intervals import Interval
from phonolips.phones.inventory import PHONE_IDS, PHONES
from phonolips.phones.textgrid import read_textgrid
from phonolips.synth import result, verbs
from phonolips.synth.folder import LIPS_FILE, POSTERIORS_FILE, TEXTGRID_FILE, Layer, read_result
from phonolips.synth.result import Result
from phonolips.timebase import frame_centres, frames_in

RATES = (24, 25, 29.97, 30, 50, 60)


@pytest.fixture(scope="module")
def result() -> result.Result:
    return verbs.from_text("Set white with q seven again, please.")


@pytest.fixture
def run(result, tmp_path) -> Result:
    layer = Layer(result.posteriors, result.lip_parameters, result.lip_parameter_names)
    return as_result(tmp_path / LIPS_FILE, result.lips, result.fps, result.layout, result.alignment, layer, None)


# ------------------------------------------------------------------------------------- the registry


def test_names_are_a_list_or_a_text_with_commas():
    assert check_names("rhubarb-tsv, arkit,rhubarb-tsv") == ["rhubarb-tsv", "arkit"]
    assert check_names(["json,csv", "SRT"]) == ["json", "csv", "srt"]
    assert check_names("all") == check_names("csv,all") == list(FORMATS)


@pytest.mark.parametrize(
    ("names", "said"), [("tsv", "format 'tsv' is not known"), ("", "no format named"), ("csv,x", "'x'")]
)
def test_an_unknown_name_lists_the_known_ones_and_nothing_is_written(run, tmp_path, names, said):
    with pytest.raises(InputError, match=said) as caught:
        export(run, names)
    assert all(name in str(caught.value) for name in (*FORMATS, "all"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_writer(name):
    module, function = FORMATS[name].writer.split(":")
    assert callable(getattr(importlib.import_module(f"phonolips.export.{module}"), function))


def test_no_two_formats_share_a_file():
    assert len({known.file for known in FORMATS.values()}) == len(FORMATS)
    assert not {known.file for known in FORMATS.values()} & {LIPS_FILE, POSTERIORS_FILE, TEXTGRID_FILE}


def test_files_lie_beside_the_lips_or_where_they_are_wanted(run, tmp_path):
    assert export(run, "csv,rhubarb-tsv") == [tmp_path / "lips.csv", tmp_path / "rhubarb.tsv"]
    assert export(run, "csv", tmp_path / "new" / "folder") == [tmp_path / "new" / "folder" / "lips.csv"]
    assert export(run, "csv", tmp_path / "deep" / "shot7.csv") == [tmp_path / "deep" / "shot7.csv"]
    assert {path.name for path in tmp_path.iterdir()} == {"lips.csv", "rhubarb.tsv", "new", "deep"}


def test_what_cannot_be_written_to_is_refused_first(run, tmp_path):
    file = tmp_path / "old.csv"
    file.write_text("x")
    assert check_out("csv", file) == file
    assert check_out("gltf", tmp_path / "lips.glb") == tmp_path / "lips.glb"
    with pytest.raises(InputError, match=r"old\.csv: is a file; expected a folder for csv, json"):
        export(run, "csv,json", file)
    with pytest.raises(InputError, match=r"x\.tsv: expected a folder, or for csv a file name ending in \.csv"):
        export(run, "csv", tmp_path / "x.tsv")
    with pytest.raises(InputError, match=r"fps 0(\.0)?; expected"):
        export(run, "csv", fps=0)
    with pytest.raises(InputError, match="targets is for gltf"):
        export(run, "csv", targets=["jawOpen"])
    with pytest.raises(InputError, match="viseme_set is for visemes"):
        export(run, "csv", viseme_set=file)
    assert [path.name for path in tmp_path.iterdir()] == ["old.csv"]


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(run, tmp_path, monkeypatch):
    export(run, "csv")
    before = (tmp_path / "lips.csv").read_bytes()
    monkeypatch.setattr(csv, "writer", lambda file, **_: file.write("half a row") and None)
    with pytest.raises(AttributeError):
        export(run, "csv")
    assert (tmp_path / "lips.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["lips.csv"]


def test_all_writes_what_there_is_material_for(run, tmp_path):
    files = export(run, "all", fps=30)
    assert [path.name for path in files] == [known.file for known in FORMATS.values()]
    assert all(path.stat().st_size > 50 for path in files)
    tracked = replace(run, alignment=None, posteriors=None)
    with pytest.warns(PhonolipsWarning) as said:
        found = export(tracked, "all", tmp_path / "tracked")
    assert {"rhubarb.tsv", "rhubarb.dat", "phones.json", "lips.csv", "arkit.json"} <= {path.name for path in found}
    assert {"srt", "textgrid", "visemes-oculus"} <= {str(warning.message).split(" left out: ")[0] for warning in said}


def test_a_saved_run_goes_from_disk_to_disk(result, tmp_path):
    np.savez(tmp_path / LIPS_FILE, lips=result.lips, fps=result.fps)
    np.savez(tmp_path / POSTERIORS_FILE, posteriors=result.posteriors, phones=np.array(PHONES))
    from phonolips.phones.textgrid import write_textgrid

    write_textgrid(result.alignment, tmp_path / TEXTGRID_FILE)
    (made,) = export(read_result(tmp_path), "json")
    assert [word["word"] for word in json.loads(made.read_text())["words"]][:3] == ["set", "white", "with"]


# ----------------------------------------------------------------------------------------- textgrid


def test_the_textgrid_has_four_tiers_that_praat_reads(run):
    from praatio import textgrid

    (path,) = export(run, "textgrid")
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    assert grid.tierNames == ("words", "phones", "confidence", "mouth")
    again = read_textgrid(path)
    assert again.phone_sequence() == run.alignment.phone_sequence()
    assert again.confidences == pytest.approx(with_confidences(run).confidences, abs=0.0006)
    mouths = grid.getTier("mouth").entries
    assert {entry.label for entry in mouths} >= {"A", "G", "X"}
    assert mouths[0].start == 0
    assert mouths[-1].end == grid.maxTimestamp


def test_confidences_are_mean_posteriors(run):
    posteriors = np.full_like(run.posteriors, 0.5 / 39)
    posteriors[np.arange(len(posteriors)), run.alignment.labels(len(posteriors))] = 0.5
    doubtful = with_confidences(replace(run, posteriors=posteriors))
    assert doubtful.confidences == pytest.approx([0.5] * len(doubtful.phones), abs=1e-6)
    assert with_confidences(replace(run, posteriors=None)).confidences is None


# --------------------------------------------------------------------------------------- json, csv


@pytest.mark.parametrize("fps", [*RATES, None])
def test_json_and_csv_hold_the_lips_at_every_rate(run, fps):
    made, table = export(run, "json,csv", fps=fps)
    data = json.loads(made.read_text())
    rate = {None: 25.0, 29.97: 30_000 / 1001}.get(fps, fps)
    assert data["lips"]["fps"] == pytest.approx(rate, abs=1e-9)
    truth = resample_lips(run.lips, rate, run.seconds)
    frames = data["lips"]["frames"]
    assert len(frames) == frames_in(run.seconds, rate)
    assert np.allclose([frame["points"] for frame in frames], truth, atol=6e-6)
    assert np.allclose([frame["time"] for frame in frames], frame_centres(len(truth), rate), atol=1e-6)
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["opening"]) for row in rows] == pytest.approx(opening(truth), abs=6e-6)
    assert [float(row["width"]) for row in rows] == pytest.approx(width(truth), abs=6e-6)
    assert np.allclose([[float(row[f"x{i}"]), float(row[f"y{i}"])] for row in rows for i in (0, 39)], truth[:, [0, 39]].reshape(-1, 2), atol=6e-6)  # fmt: skip


def test_phones_of_rows_are_those_of_the_labels(run):
    (table,) = export(run, "csv", fps=100)
    with table.open(newline="") as file:
        found = [PHONE_IDS[row["phone"]] for row in csv.DictReader(file)]
    assert np.array_equal(found, run.alignment.labels(len(found)))


def test_the_json_says_what_the_docs_say(run):
    (made,) = export(run, "json")
    data = json.loads(made.read_text())
    assert list(data) == ["format", "duration", "sound", "words", "phones", "lips"]
    assert data["phones"][0] == {"phone": "sil", "start": 0, "end": 0.5, "confidence": 1.0, "viseme": "silence"}
    assert set(data["words"][0]) == {"word", "start", "end"}
    assert set(data["lips"]) == {"fps", "layout", "unit", "frames"}
    assert data["duration"] == run.seconds
    assert all(a["end"] == b["start"] for a, b in zip(data["phones"], data["phones"][1:], strict=False))


def test_lips_without_phones_have_empty_lists(run):
    made, table = export(replace(run, alignment=None), "json,csv")
    data = json.loads(made.read_text())
    assert (data["words"], data["phones"]) == ([], [])
    assert len(data["lips"]["frames"]) == len(run.lips)
    with table.open(newline="") as file:
        assert {row["phone"] for row in csv.DictReader(file)} == {""}


# ---------------------------------------------------------------------------------------- subtitles


def parse(text: str) -> list[tuple[float, float, str]]:
    """Read SubRip by its own rule: number, times, lines, an empty line."""
    found = []
    for number, block in enumerate(text.strip().split("\n\n"), start=1):
        first, times, *lines = block.split("\n")
        assert first == str(number)
        start, end = (
            sum(float(part.replace(",", ".")) * unit for part, unit in zip(side.split(":"), (3600, 60, 1), strict=True))
            for side in times.split(" --> ")
        )
        found.append((start, end, "\n".join(lines)))
    return found


def spoken_words(text: str, start: float = 0.0, each: float = 0.3) -> list[Interval]:
    return [Interval(w, start + i * each, start + (i + 1) * each) for i, w in enumerate(text.split())]


def test_srt_holds_the_words_in_their_time(run):
    made, words = export(run, "srt,srt-words")
    (start, end, text), *rest = parse(made.read_text())
    spoken = run.alignment.speech_words()
    shown = " ".join([text, *(later for _, _, later in rest)]).replace("\n", " ")
    assert shown == " ".join(word.label for word in spoken)
    assert start == pytest.approx(spoken[0].start, abs=0.001)
    assert end >= spoken[-1].end or rest
    each = parse(words.read_text())
    assert [text for _, _, text in each] == [word.label for word in spoken]
    assert [a for a, _, _ in each] == pytest.approx([word.start for word in spoken], abs=0.001)


def test_ffmpeg_reads_the_subtitles(run):
    import av

    (made,) = export(run, "srt-words")
    with av.open(str(made)) as container:
        packets = [packet for packet in container.demux() if packet.pts is not None]
    found = [(bytes(p).decode(), p.pts / 1000, (p.pts + p.duration) / 1000) for p in packets]
    assert found == [(w.label, pytest.approx(w.start), pytest.approx(w.end)) for w in run.alignment.speech_words()]


def test_long_speech_becomes_short_lines():
    text = "it was the best of times it was the worst of times it was the age of wisdom " * 4
    shown = subtitles(spoken_words(text))
    assert " ".join(item.text.replace("\n", " ") for item in shown) == text.strip()
    for item, following in zip(shown, [*shown[1:], None], strict=True):
        lines = item.text.split("\n")
        assert len(lines) <= 2
        assert max(map(len, lines)) <= LINE_LETTERS
        assert 1.0 <= item.end - item.start <= 6.4
        assert following is None or item.end <= following.start


def test_pauses_end_subtitles_and_choose_the_breaks():
    two = subtitles([*spoken_words("good morning"), *spoken_words("how are you", 1.2)])
    assert [item.text for item in two] == ["good morning", "how are you"]
    assert two[0].end == 1.0  # for a second at least
    first = spoken_words("when all of this was over we went home and slept")
    then = spoken_words("but nobody could tell us where the old dog had gone", first[-1].end + 0.4)
    assert [item.text.replace("\n", " ").split()[0] for item in subtitles([*first, *then])] == ["when", "but"]


def test_one_word_longer_than_a_line_stands_alone():
    assert [item.text for item in subtitles(spoken_words("x" * 60 + " yes"))] == ["x" * 60, "yes"]


def test_hours_are_written():
    from phonolips.export.subtitles import _clock

    assert _clock(3725.0426) == "01:02:05,043"
    assert _clock(59.9996) == "00:01:00,000"


def test_no_words_no_subtitles(run, tmp_path):
    silent = replace(run.alignment, words=(Interval("", 0.0, run.alignment.duration),))
    with pytest.raises(InputError, match="its words are not known; find their times with 'phonolips align"):
        export(replace(run, alignment=silent), "csv,srt")
    with pytest.raises(InputError, match=r"no phones\.TextGrid"):
        export(replace(run, alignment=None), "srt")
    assert list(Path(tmp_path).iterdir()) == []
