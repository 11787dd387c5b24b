"""LRW's layout, read and misread; and the stand-in that has it."""

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_without, tool

from phonolips.corpus.lrw import find_records, read_duration, word_window
from phonolips.corpus.records import Dropped, Record, count_by_reason, read_records, write_records
from phonolips.errors import CorpusError, PhonolipsWarning

TEXT = "Disk reference: 1\nChannel: BBC One HD\nProgram start: 2010-09-22 01:30:01 +0100\nClip start: 2.02 seconds\n"


def add(
    root: Path, name: str, *, duration: str = "Duration: 0.47 seconds", video: bytes = b"x", text: bool = True
) -> Path:
    """Put a clip there, named such as ABOUT/train/ABOUT_00001."""
    path = root / "lipread_mp4" / f"{name}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(video)
    if text:
        path.with_suffix(".txt").write_text(TEXT + duration)
    return path


@pytest.fixture
def lrw(tmp_path):
    for word in ("ABOUT", "BEING", "CHANGE"):
        for split, number in (("train", 6), ("val", 2), ("test", 2)):
            for index in range(1, number + 1):
                add(tmp_path, f"{word}/{split}/{word}_{index:05d}")
    return tmp_path


def test_every_clip_is_a_record(lrw, tmp_path):
    records, dropped = find_records(lrw)
    assert (len(records), dropped) == (30, [])
    assert records == find_records(lrw / "lipread_mp4")[0]
    one = next(record for record in records if record.id == "BEING/val/BEING_00002")
    assert (one.speaker, one.split, one.text, one.audio) == ("", "valid", "being", one.video)
    assert one.words == (("being", 0.345, 0.815),)
    assert (one.complete, one.limits) == (False, True)
    assert {record.split for record in records} == {"train", "valid", "test_unseen"}
    write_records(records, tmp_path / "r.jsonl")
    assert read_records(tmp_path / "r.jsonl") == records


def test_a_part_of_it(lrw):
    records, _ = find_records(lrw, words=["about", "CHANGE"], most_clips=2)
    assert {record.text for record in records} == {"about", "change"}
    assert len(records) == 2 * (2 + 2 + 2)
    assert records == find_records(lrw, words=["CHANGE", "about"], most_clips=2)[0]
    numbers = {record.id[-5:] for record in find_records(lrw, most_clips=2)[0] if "/train/" in record.id}
    assert numbers != {"00001", "00002"}  # not simply the first ones
    with pytest.raises(CorpusError, match="no folder for NOSUCH; 3 words are there, such as ABOUT"):
        find_records(lrw, words=["nosuch", "about"])


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("ABOUT/train/ABOUT_00099", {"text": False}, r"ABOUT_00099\.txt: no such file; expected the \.txt beside"),
        ("ABOUT/train/ABOUT_00099", {"duration": "Clip end: 3"}, "the last line is 'Clip end: 3'; expected 'Duration"),
        ("ABOUT/train/ABOUT_00099", {"duration": "Duration: 0 seconds"}, "duration 0 s; expected more than 0"),
        ("ABOUT/train/ABOUT_00099", {"duration": "Duration: 2.5 seconds"}, r"at most 1\.16 s"),
        ("ABOUT/train/ABOUT_00099", {"duration": "Duration: 1.2.3 seconds"}, r"duration 1\.2\.3 s"),
        ("ABOUT/train/ABOUT_00099", {"video": b""}, "the file is empty"),
        ("ABOUT/train/about_1", {}, r"not a name of LRW; expected such as ABOUT_00001\.mp4"),
        ("ABOUT/train/BEING_00099", {}, "a clip of BEING in the folder of ABOUT"),
    ],
)
def test_a_broken_clip_is_named_and_the_others_stay(lrw, name, options, reason):
    add(lrw, name, **options)
    records, dropped = find_records(lrw)
    assert len(records) == 30
    assert [item.id for item in dropped] == [name]
    assert re.search(reason, dropped[0].reason), dropped[0].reason


def test_another_layout_is_said(tmp_path):
    with pytest.raises(CorpusError, match="no such folder; expected LRW with its folder lipread_mp4"):
        find_records(tmp_path / "none")
    (tmp_path / "videos").mkdir()
    with pytest.raises(CorpusError, match=r"holds videos; expected .*lipread_mp4, or WORD"):
        find_records(tmp_path)
    (tmp_path / "lipread_mp4" / "ABOUT").mkdir(parents=True)
    with pytest.raises(CorpusError, match="no word's folder with train, val or test inside"):
        find_records(tmp_path)
    for split in ("train", "val", "test"):
        (tmp_path / "lipread_mp4" / "ABOUT" / split).mkdir()
    (tmp_path / "lipread_mp4" / "ABOUT" / "train" / "ABOUT_00001.wav").write_bytes(b"x")
    with pytest.raises(CorpusError, match=r"no clip here; expected .*ABOUT_00001\.mp4; these are not the videos"):
        find_records(tmp_path)
    add(tmp_path, "ABOUT/train/ABOUT_00001", video=b"")
    with pytest.raises(CorpusError, match="the first of 1 dropped"):
        find_records(tmp_path)


def test_the_word_lies_in_the_middle(tmp_path):
    assert word_window(0.5) == (0.33, 0.83)
    path = tmp_path / "a.txt"
    path.write_text(TEXT + "Duration: 0.33 seconds\n\n")
    assert read_duration(path) == 0.33


def test_what_was_left_out_is_counted_by_kind():
    reasons = [
        "several faces: 2 in 29 of 29 frames", "several faces: 2 in 20 of 29 frames",
        "/data/a.mp4: the file is empty", "/data/b.mp4: the file is empty", "/data/c.mp4: 12 of 29 frames", "no alignment",
    ]  # fmt: skip
    counted = dict(count_by_reason([Dropped(str(number), reason) for number, reason in enumerate(reasons)]))
    assert counted == {"several faces": 2, "the file is empty": 2, "N of N frames": 1, "no alignment": 1}


def test_a_copy_that_is_not_complete_is_said(lrw):
    add(lrw, "DURING/train/DURING_00001")
    (lrw / "lipread_mp4" / "EVERY").mkdir()
    (lrw / "lipread_mp4" / "EVERY" / "EVERY_00001.mp4").write_bytes(b"x")
    with pytest.warns(PhonolipsWarning, match="DURING has no val, test; EVERY has no train, val, test; expected WORD"):
        records, dropped = find_records(lrw)
    assert (len(records), dropped) == (31, [])


def test_no_word_at_all_is_refused(lrw):
    with pytest.raises(CorpusError, match="no word was chosen; name some of the 3"):
        find_records(lrw, words=[])


def test_a_link_to_nothing_is_one_broken_clip(lrw):
    link = add(lrw, "ABOUT/train/ABOUT_00099")
    link.unlink()
    link.symlink_to(lrw / "gone.mp4")
    records, dropped = find_records(lrw)
    assert len(records) == 30
    assert [item.id for item in dropped] == ["ABOUT/train/ABOUT_00099"]


SENTENCE = ("bin", "blue", "at", "f", "two", "now")


def grid_records(clips: int) -> list[Record]:
    """Records of GRID with a word every 0.4 s from 0.3 s on: the first word's window begins before the video."""
    words = tuple((word, 0.3 + 0.4 * index, 0.7 + 0.4 * index) for index, word in enumerate(SENTENCE))
    splits = ("train", "train", "valid", "test_seen", "test_unseen")
    return [
        Record(f"s{index % 3}/clip{index:02d}", f"s{index % 3}", splits[index % 5], "", f"{index}.mpg", f"{index}.mpg", words)
        for index in range(clips)
    ]  # fmt: skip


def test_the_plan_of_the_stand_in(tmp_path):
    make = tool("tests/toy/make_lrw_like")
    records = grid_records(30)
    options = {"alignments": None, "words": ["bin", "blue", "two", "now"], "per_word": 5, "broken": 2}
    sources, early = make.plan(records, tmp_path, **options)
    assert early == 30  # every "bin"
    assert (sources, early) == make.plan(records, tmp_path, **options)
    assert sources != make.plan(records, tmp_path, **options, seed=1)[0]
    windows = [(source.record, window) for source in sources for window in source.windows]
    assert len({window.out for _, window in windows}) == len(windows)
    for record, window in windows:
        assert window.out.parent.name == make.SPLITS[record.split]
        assert abs((window.start + window.end) / 2 - window.first / 25 - 0.58) <= 0.0201
    whole = [window.out.parts[-3:-1] for _, window in windows if not window.broken]
    assert {pair: whole.count(pair) for pair in whole if pair[0] == "TWO"} == {
        ("TWO", "train"): 5, ("TWO", "val"): 6, ("TWO", "test"): 12,
    }  # fmt: skip
    spoilt = [window.broken for _, window in windows if window.broken]
    assert sorted(spoilt) == sorted(make.KINDS * 2)


@pytest.mark.slow
def test_pictures_and_sound_of_the_stand_in_are_cut_from_one_place(tmp_path):
    skip_without("face")
    pytest.importorskip("skimage", reason="the portrait comes with scikit-image")
    from phonolips.media.audio import read
    from phonolips.media.video import read_frames
    from phonolips.phones.textgrid import read_textgrid

    toy = ["--out", tmp_path / "grid", "--clips", 2, "--speakers", 2, "--alignments-out", tmp_path / "mfa"]
    assert tool("tests/toy/make_toy_corpus").main(list(map(str, toy))) == 0
    splits = tmp_path / "splits"
    splits.mkdir()
    (splits / "unseen_speakers.txt").write_text("s102\n")
    for name in ("seen_test.txt", "seen_valid.txt"):
        (splits / name).write_text("")
    make = tool("tests/toy/make_lrw_like")
    options = {"alignments": tmp_path / "mfa", "splits": splits, "words": make.WORDS, "per_word": 9, "broken": 0}
    for out in ("first", "again"):
        made = make.make_lrw_like(tmp_path / "grid", tmp_path / out, **options)
        assert made >= 4
    clips = sorted((tmp_path / "first").rglob("*.mp4"))
    assert len(clips) == made
    assert {path.parent.name for path in clips} == {"train", "test"}
    for path in clips:
        twin = tmp_path / "again" / path.relative_to(tmp_path / "first")
        assert path.read_bytes() == twin.read_bytes()
        text = path.with_suffix(".txt").read_text()
        source = re.search(r"GRID, (\S+)", text)[1]
        start = float(re.search(r"Clip start: (\S+)", text)[1])
        label = path.parts[-3].lower()
        word = next(
            w for w in read_textgrid(tmp_path / "mfa" / f"{source}.TextGrid").speech_words() if w.label == label
        )
        assert abs((word.start + word.end) / 2 - start - 0.58) <= 0.0201
        assert read_duration(path.with_suffix(".txt")) == pytest.approx(word.end - word.start, abs=0.0051)
        assert len(list(read_frames(path))) == 29
        sound = read(path)[:18560]
        whole = read(next((tmp_path / "grid").rglob(f"{Path(source).name}.mp*")))
        scores = []
        for late in range(-480, 481, 80):  # samples; AAC may move sound by less than 5 ms
            first = round(start * 16000) + late
            part = whole[max(first, 0) : first + len(sound)]
            scores.append(float(np.dot(part, sound[: len(part)])))
        assert abs(np.argmax(scores) - 6) <= 1
