"""LRW's layout, read and misread."""

import re
from pathlib import Path

import pytest

from phonolips.corpus.lrw import find_records, read_duration, word_window
from phonolips.corpus.records import Dropped, count_by_reason, read_records, write_records
from phonolips.errors import CorpusError

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
    assert (one.complete, one.wild) == (False, True)
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
    (tmp_path / "lipread_mp4" / "ABOUT" / "train").mkdir()
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
