"""Anybody's videos: who is who, who is held out, where long ones are cut, and what is refused with which reason."""

import csv
import json
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from conftest import skip_without

from phonolips.corpus.cutting import Cut, _Blocks, cut_video, find_cuts
from phonolips.corpus.records import Dropped, Record, read_records, write_records
from phonolips.corpus.videos import choose_test_people, find_records, find_sources, fold_of_people
from phonolips.errors import CorpusError, InputError
from phonolips.media.video import FrameReader, read_frames, write_video
from phonolips.timebase import SAMPLE_RATE

PEOPLE = [f"p{number}" for number in range(9)]


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def grey(frames, side=32):
    return [np.full((side, side, 3), 10 + 5 * number % 200, np.uint8) for number in range(frames)]


def noise(seconds):
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


def test_a_folder_is_a_person_and_so_is_a_file_beside_folders(tmp_path):
    touch(tmp_path, "anna/1.mp4", "anna/deep/er/1.MOV", "ben.webm", "anna.mkv", "carl/x.mp4", "carl/x.avi")
    touch(tmp_path, "anna/notes.txt", ".hidden/1.mp4", "carl/.y.mp4")
    sources, dropped = find_sources(tmp_path)
    assert dropped == []
    assert {source.id: source.person for source in sources} == {
        "anna/1": "anna", "anna/deep/er/1": "anna", "ben": "ben", "anna.mkv": "anna.mkv", "carl/x.mp4": "carl", "carl/x.avi": "carl",
    }  # fmt: skip


def test_a_name_that_can_be_no_id_is_left_out_by_name(tmp_path):
    touch(tmp_path, "anna/1.mp4", "anna/bad\nname.mp4")
    sources, dropped = find_sources(tmp_path)
    assert [source.id for source in sources] == ["anna/1"]
    assert [item.id for item in dropped] == [r"anna/bad\nname.mp4"]


def test_a_folder_without_videos_is_one_line(tmp_path):
    with pytest.raises(CorpusError, match="no such folder; expected one with videos"):
        find_sources(tmp_path / "none")
    touch(tmp_path, "a.wav")
    with pytest.raises(CorpusError, match=r"no video here \(\.3gp \.avi"):
        find_sources(tmp_path)


def test_who_is_held_out():
    held_out = choose_test_people(PEOPLE, 3)
    assert len(held_out) == 3
    assert held_out == choose_test_people(PEOPLE[::-1], 3)
    assert len(choose_test_people(PEOPLE, None)) == 1
    assert choose_test_people(["anna"], None) == frozenset()
    assert choose_test_people(PEOPLE, ["p3"]) == {"p3"}
    for wanted, text in ((9, "9 test people of 9"), (["eve"], "'eve' has no video here"), (PEOPLE, "all 9 people")):
        with pytest.raises(InputError, match=text):
            choose_test_people(PEOPLE, wanted)


def test_every_person_is_held_out_once():
    fold_of = fold_of_people(PEOPLE, 4)
    assert sorted(fold_of) == PEOPLE
    assert sorted(np.bincount(list(fold_of.values()))) == [2, 2, 2, 3]
    for folds in (1, 10):
        with pytest.raises(InputError, match="expected 2 to 9"):
            fold_of_people(PEOPLE, folds)


def test_long_recordings_are_cut_in_their_pauses():
    speech = np.ones(3600)
    for pause in (300, 910, 1500, 1580, 2200, 3150):
        speech[pause - 10 : pause + 10] = 0
    spans = find_cuts(speech)
    assert spans[0][0] == 0
    assert spans[-1][1] == 36
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert all(4 <= end - start <= 10 for start, end in spans)
    cuts = [end for _, end in spans[:-1]]
    assert sum(min(abs(100 * cut - pause) for pause in (910, 1500, 1580, 2200, 3150)) <= 10 for cut in cuts) >= 3
    assert find_cuts(np.ones(999)) == [(0, 9.99)]
    assert find_cuts(np.zeros(1001), most=10, least=4)[-1][1] == 10.01


def test_frames_of_pieces_are_those_of_the_whole(tmp_path):
    write_video(tmp_path / "a.mp4", grey(30), Fraction(25))
    whole, reader = list(read_frames(tmp_path / "a.mp4")), FrameReader()
    for first, count in ((0, 5), (5, 5), (12, 4), (3, 4), (28, 9)):  # on and on, skipping, back again, beyond the end
        found = list(reader.read(tmp_path / "a.mp4", first, count))
        assert len(found) == min(count, 30 - first)
        assert all(np.array_equal(a, b) for a, b in zip(found, whole[first:], strict=False))


def test_sound_of_pieces_is_that_of_the_whole(tmp_path, monkeypatch):
    sound = np.arange(1000, dtype=np.float32)
    monkeypatch.setattr("phonolips.corpus.cutting.read_blocks", lambda path: iter(np.split(sound, [10, 333, 334, 900])))
    blocks = _Blocks(tmp_path)
    for first, last in ((5, 9), (9, 400), (500, 501), (880, None)):
        assert np.array_equal(np.concatenate(list(blocks.between(first, last))), sound[first:last])


def test_what_cannot_be_used_is_refused_by_kind(tmp_path):
    skip_without("train")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "broken.mp4").write_bytes(b"no video at all" * 50)
    write_video(tmp_path / "mute.mp4", grey(30), Fraction(25))
    write_video(tmp_path / "silent.mp4", grey(30), Fraction(25), waveform=np.zeros(20_000, np.float32))
    write_video(tmp_path / "noise.mp4", grey(50), Fraction(25), waveform=noise(2))
    write_video(tmp_path / "slow.mp4", grey(20), Fraction(10), waveform=noise(2))
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    expected = {
        "empty": "unreadable: ", "broken": "unreadable: ", "mute": "no sound: the file has no sound track", "silent": "no sound: its peak",
        "noise": "no speech: in 0%", "slow": "frame rate: 10 pictures a second", "gone": "unreadable: ",
    }  # fmt: skip
    for name, reason in expected.items():
        cut = cut_video(tmp_path / f"{name}.mp4", tmp_path / "sound", name)
        assert cut.pieces == ()
        assert [number for number, _ in cut.dropped] == [0]
        assert cut.dropped[0][1].startswith(reason), cut.dropped
    records, dropped = find_records(tmp_path, tmp_path / "out", test_people=0)
    assert (records, {item.id for item in dropped}) == ([], set(expected))


def test_a_cut_is_kept_until_the_file_changes(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x" * 10)
    stat = (tmp_path / "a.mp4").stat()
    cut = Cut(((1, 0.0, 8.0), (3, 16.0, 20.5)), ((2, "no speech: ..."),), stat.st_size, stat.st_mtime_ns)
    cut.write(tmp_path / "a.json")
    assert Cut.read(tmp_path / "a.json") == cut
    assert cut.is_of(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").write_bytes(b"x" * 11)
    assert not cut.is_of(tmp_path / "a.mp4")
    (tmp_path / "a.json").write_text(json.dumps({"format": 99}))
    assert not Cut.read(tmp_path / "a.json").is_of(tmp_path / "a.mp4")


def test_records_know_their_part_of_a_video(tmp_path):
    record = Record("a/1", "a", "train", "", "a.wav", "a.mp4", complete=False, limits=True, start=4.0, end=9.5)
    write_records([record], tmp_path / "r.jsonl")
    assert read_records(tmp_path / "r.jsonl") == [record]
    assert record.is_read
    assert not Record("a/1", "a", "train", "bin", "a.wav", complete=False).is_read
    (tmp_path / "r.jsonl").write_text((tmp_path / "r.jsonl").read_text().replace("4.0", "-1"))
    with pytest.raises(CorpusError, match="start -1"):
        read_records(tmp_path / "r.jsonl")


def test_uneven_pictures_of_a_piece_are_counted_from_its_first(monkeypatch, tmp_path):
    skip_without("face")
    from phonolips.face import track

    monkeypatch.setattr(track.io, "new_frames", lambda video: np.array([0, 3, 5, 9, 12]))
    part = track.Part(4, 6, FrameReader())
    assert track._new_frames(tmp_path, part).tolist() == [0, 1, 5]
    monkeypatch.setattr(track.io, "new_frames", lambda video: None)
    assert track._new_frames(tmp_path, part) is None


def test_folds_are_joined_person_by_person(tmp_path):
    skip_without("train")
    from phonolips.evaluation.people import join_folds
    from phonolips.evaluation.report import write_csv

    def row(speaker, clip, r):
        return {
            "method": "audio",
            "seen": False,
            "speaker": speaker,
            "clip": clip,
            "opening_r": r,
            "width_r": float("nan"),
        }

    write_csv([row("anna", "anna/1", 0.5), row("anna", "anna/2", 0.7)], tmp_path / "01/results/lips.csv")
    write_csv([row("ben", "ben/1", 0.9)], tmp_path / "02/results/lips.csv")
    text = join_folds([tmp_path / "01/results", tmp_path / "02/results"], tmp_path)
    assert "2 people." in text
    assert "| audio | 0.7 [" in text.split("# Person by person")[0]  # the mean over the three clips
    with (tmp_path / "people.csv").open(newline="") as file:
        means = {line["speaker"]: float(line["opening_r"]) for line in csv.DictReader(file)}
    assert means == {"anna": 0.6, "ben": 0.9}
    with pytest.raises(CorpusError, match="no scores; run 'phonolips evaluate --step score'"):
        join_folds([tmp_path / "03"], tmp_path)


def test_people_beside_grid_are_told_from_its_speakers(monkeypatch, tmp_path):
    from phonolips.corpus.prepare import records as step

    own = Record("s1/a", "s1", "train", "", "a.wav", "a.mp4", complete=False)
    grids = Record("s1/a", "s1", "train", "bin", "g.mpg", "g.mpg")
    monkeypatch.setattr(step.videos_corpus, "find_records", lambda *_, **__: ([own], [Dropped("s1/b", "no face")]))
    monkeypatch.setattr(step.grid_corpus, "find_records", lambda *_, **__: ([grids], []))
    _, dropped = step.make_records(tmp_path / "both", tmp_path, corpus="videos", grid=tmp_path)
    written = read_records(tmp_path / "both" / "records.jsonl")
    assert [(record.id, record.speaker) for record in written] == [("videos/s1/a", "videos/s1"), ("s1/a", "s1")]
    assert dropped == [Dropped("videos/s1/b", "no face")]
    step.make_records(tmp_path / "alone", tmp_path, corpus="videos")
    assert read_records(tmp_path / "alone" / "records.jsonl") == [own]
