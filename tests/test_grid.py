"""GRID and LibriSpeech: names, word times, layouts, splits, and what is done with faulty copies."""

import shutil
import warnings
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from phonolips.corpus import grid, librispeech
from phonolips.corpus.records import Dropped
from phonolips.errors import CorpusError, InputError, PhonolipsWarning
from phonolips.media.video import write_video

SPLITS = Path(__file__).resolve().parents[1] / "recipes" / "grid" / "splits"
GOOD_ALIGN = (
    "0 13750 sil\n13750 19750 bin\n19750 26000 blue\n26000 29000 at\n29000 33250 f\n33250 41000 two\n"
    "41000 41500 sp\n41500 51000 now\n51000 74500 sil\n"
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A three-second video with sound that shows and says nothing."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_video(path, np.zeros((75, 16, 16, 3), np.uint8), 25, waveform=np.zeros(48_000, np.float32))
    return path


def put(clip: Path, target: Path, align: Path | None = None, text: str = GOOD_ALIGN) -> None:
    """Copy the silent clip to `target`, and write an .align file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(clip, target)
    if align is not None:
        align.parent.mkdir(parents=True, exist_ok=True)
        align.write_text(text)


def find(data: Path, **options: Path) -> tuple[list, list[Dropped]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", PhonolipsWarning)
        return grid.find_records(data, **options)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("bbaf2n", "bin blue at f two now"),
        ("swwzzs", "set white with z zero soon"),
        ("lgia9p", "lay green in a nine please"),
        ("prbx1a", "place red by x one again"),
    ],
)
def test_name_spells_sentence(name: str, sentence: str) -> None:
    assert grid.sentence_of(name) == sentence.split()


@pytest.mark.parametrize("name", ["", "bbaf2", "bbaf2nn", "bbaw2n", "bbaf0n", "xbaf2n", "BBAF2N", "bbaf2é", "../../"])
def test_bad_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="not the name of a GRID clip"):
        grid.sentence_of(name)


def test_align_times_are_in_25000ths_of_a_second(tmp_path: Path) -> None:
    path = tmp_path / "bbaf2n.align"
    path.write_text(GOOD_ALIGN)
    words = grid.read_align(path, clip_seconds=2.94)
    assert [word.label for word in words] == ["bin", "blue", "at", "f", "two", "now"]
    assert (words[0].start, words[0].end) == (0.55, 0.79)
    assert (words[-1].start, words[-1].end) == (1.66, 2.04)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no word"),
        ("0 74500 sil\n", "holds no word"),
        ("0 100 bin\n50 200 blue\n", ":2: .*out of order"),
        ("100 50 bin\n", "out of order"),
        ("100 100 bin\n", "out of order"),
        ("0 bin 100\n", "expected 'start end word'"),
        ("0 -5 bin\n", "expected 'start end word'"),
        ("0.5 1.5 bin\n", "expected 'start end word'"),
        ("0 ² bin\n", "expected .start end word."),
        ("0 100\n", "expected 'start end word'"),
        ("0 100 bin\n100 76000 sil\n", r"ends at 3\.040 s, but the clip lasts 2\.990 s"),
    ],
)
def test_faulty_align_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.align"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        grid.read_align(path, clip_seconds=2.99)


def test_align_may_end_one_frame_after_the_clip(tmp_path: Path) -> None:
    path = tmp_path / "a.align"
    path.write_text(GOOD_ALIGN)
    assert grid.read_align(path, clip_seconds=2.95)
    with pytest.raises(CorpusError, match="but the clip lasts"):
        grid.read_align(path, clip_seconds=2.93)


@pytest.mark.parametrize(
    ("video", "align"),
    [
        ("s1/bbaf2n.mpg", "s1/bbaf2n.align"),
        ("s1/bbaf2n.mp4", "s1/align/bbaf2n.align"),
        ("s1/bbaf2n.mpg", "alignments/s1/bbaf2n.align"),
        ("s1/video/mpg_6000/bbaf2n.mpg", "s1/align/bbaf2n.align"),
        ("s1_processed/bbaf2n.mpg", "s1_processed/align/bbaf2n.align"),
        ("video/s1/bbaf2n.MPG", "align/s1/bbaf2n.align"),
    ],
)
def test_layouts_of_grid(tmp_path: Path, clip: Path, video: str, align: str) -> None:
    put(clip, tmp_path / video, tmp_path / align)
    records, dropped = find(tmp_path)
    assert dropped == []
    assert [(r.id, r.speaker, r.text) for r in records] == [("s1/bbaf2n", "s1", "bin blue at f two now")]
    assert records[0].audio == records[0].video == str(tmp_path / video)
    assert records[0].words[5] == ("now", 1.66, 2.04)


def test_align_from_another_speakers_folder_is_told_by_its_words(tmp_path: Path, clip: Path) -> None:
    wrong = GOOD_ALIGN.replace(" now", " soon")
    put(clip, tmp_path / "s5" / "bbaf2n.mpg", tmp_path / "alignments" / "s5" / "bbaf2n.align", wrong)
    put(clip, tmp_path / "s6" / "lgia9p.mpg", tmp_path / "alignments" / "s6" / "bbaf2n.align")
    with pytest.warns(PhonolipsWarning, match=r"1 \.align files lay in other speakers' folders \(1 in s6\)"):
        records, dropped = grid.find_records(tmp_path)
    assert records[0].words[5][0] == "now"
    assert dropped == [Dropped("s6/lgia9p.align", "no .align file of this name; the clip is used without word times")]


def test_clip_without_usable_align_stays_and_is_noted(tmp_path: Path, clip: Path) -> None:
    put(clip, tmp_path / "s1" / "bbaf2n.mpg", tmp_path / "s1" / "bbaf2n.align", "0 99 nonsense\n")
    records, dropped = find(tmp_path)
    assert records[0].words == ()
    assert records[0].text == "bin blue at f two now"
    assert [item.id for item in dropped] == ["s1/bbaf2n.align"]
    assert "says 'nonsense'; expected 'bin blue at f two now'" in dropped[0].reason


def test_every_clip_left_out_has_a_reason(tmp_path: Path, clip: Path) -> None:
    put(clip, tmp_path / "s1" / "bbaf2n.mpg", tmp_path / "s1" / "bbaf2n.align")
    put(clip, tmp_path / "s1" / "mp4" / "bbaf2n.mp4")
    put(clip, tmp_path / "s1" / "holiday.mpg")
    put(clip, tmp_path / "misc" / "bbaf3n.mpg")
    put(clip, tmp_path / "s1" / "._bbaf4n.mpg")
    put(clip, tmp_path / "__MACOSX" / "s1" / "bbaf4n.mpg")
    (tmp_path / "s1" / "bbaf5n.mpg").write_bytes(b"")
    (tmp_path / "s1" / "bbaf6n.mpg").write_bytes(b"no video at all" * 99)
    write_video(tmp_path / "s1" / "bbaf7n.mp4", np.zeros((5, 16, 16, 3), np.uint8), 25)
    records, dropped = find(tmp_path)
    reasons = {item.id: item.reason for item in dropped}
    assert [record.id for record in records] == ["s1/bbaf2n"]
    assert records[0].video.endswith(".mpg")
    assert set(reasons) == {"s1/bbaf2n", "s1/holiday", "misc/bbaf3n", "s1/bbaf5n", "s1/bbaf6n", "s1/bbaf7n"}
    assert "a second video of this clip" in reasons["s1/bbaf2n"]
    assert "not the name of a GRID clip" in reasons["s1/holiday"]
    assert "not in a speaker's folder" in reasons["misc/bbaf3n"]
    assert "has no sound" in reasons["s1/bbaf7n"]
    assert all("\n" not in reason for reason in reasons.values())


def test_linked_folders_are_followed_once(tmp_path: Path, clip: Path) -> None:
    put(clip, tmp_path / "disk" / "speaker" / "bbaf2n.mpg")
    data = tmp_path / "data"
    data.mkdir()
    (data / "s1").symlink_to(tmp_path / "disk" / "speaker")
    (tmp_path / "disk" / "speaker" / "loop").symlink_to(data)
    assert grid.find_files(data, [".mpg"]) == [data / "s1" / "bbaf2n.mpg"]


def test_no_corpus_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such folder"):
        grid.find_records(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match=r"no GRID clip here; expected videos such as .*bbaf2n\.mpg"):
        grid.find_records(tmp_path)


def test_splits_follow_the_lists_and_then_the_hash() -> None:
    splits = grid.Splits(frozenset({"s30"}), frozenset({"s1/bbaf2n"}), frozenset({"s1/bbaf3s"}))
    assert grid.split_of("s30/bbaf2n", splits) == "test_unseen"
    assert grid.split_of("s1/bbaf2n", splits) == "test_seen"
    assert grid.split_of("s1/bbaf3s", splits) == "valid"
    names = [f"{a}{b}a{c}{d}n" for a in "blps" for b in "bgrw" for c in grid.LETTERS for d in grid.DIGITS]
    assert {grid.split_of(f"s1/{name}", splits) for name in names if name not in ("bbaf2n", "bbaf3s")} == {"train"}
    counts = Counter(grid.split_of(f"s7/{name}", splits) for name in names)
    assert counts["test_seen"] / len(names) == pytest.approx(0.05, abs=0.01)
    assert counts["valid"] / len(names) == pytest.approx(0.05, abs=0.01)
    assert zlib.crc32(b"s7/bbaf2n") % 20 == 13  # the rule is fixed for good, on every machine
    assert grid.split_of("s7/bbaf2n", splits) == "train"


def test_contradicting_split_lists_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such split list"):
        grid.read_splits(tmp_path)
    (tmp_path / "unseen_speakers.txt").write_text("s30\n")
    (tmp_path / "seen_test.txt").write_text("# a comment\n\ns1/bbaf2n  # and another\n")
    (tmp_path / "seen_valid.txt").write_text("s1/bbaf2n\n")
    with pytest.raises(CorpusError, match=r"'s1/bbaf2n' is in seen_test\.txt and in seen_valid\.txt"):
        grid.read_splits(tmp_path)
    (tmp_path / "seen_valid.txt").write_text("s30/bbaf2n\n")
    with pytest.raises(CorpusError, match="listed as seen, but its speaker as unseen"):
        grid.read_splits(tmp_path)


def test_committed_splits() -> None:
    splits = grid.read_splits(SPLITS)
    assert splits.unseen_speakers == {"s2", "s20", "s22", "s30", "s31"}
    assert Counter(clip.split("/")[0] for clip in splits.test_seen) == {"s1": 60, "s4": 8, "s26": 2, "s33": 1}
    assert Counter(clip.split("/")[0] for clip in splits.valid) == {"s1": 30, "s4": 3, "s26": 1}
    for clip in splits.test_seen | splits.valid:
        grid.sentence_of(clip.split("/")[1])


def test_real_grid(shared_data: Path, tmp_path: Path) -> None:
    for speaker in ("s4", "s26", "s30", "s33"):
        (tmp_path / speaker).symlink_to(shared_data / "grid" / speaker)
    names = {path.stem for path in (shared_data / "grid").glob("*/*.mp*")}
    assert all(grid.sentence_of(name) for name in names)
    (tmp_path / "s4").unlink()
    (tmp_path / "s4").mkdir()
    for name in ("bbaf2a.mp4", "bbaf2a.align"):
        (tmp_path / "s4" / name).symlink_to(shared_data / "grid" / "s4" / name)
    records, dropped = find(tmp_path, splits=SPLITS)
    assert dropped == []
    assert Counter((record.speaker, record.split) for record in records) == {
        ("s4", "train"): 1,
        ("s26", "train"): 4,
        ("s26", "test_seen"): 2,
        ("s26", "valid"): 1,
        ("s30", "test_unseen"): 4,
        ("s33", "train"): 2,
        ("s33", "test_seen"): 1,
    }
    assert [record.speaker for record in records] == sorted(
        (record.speaker for record in records), key=lambda speaker: int(speaker[1:])
    )
    for record in records:
        assert [word for word, _, _ in record.words] == record.text.split()
        assert 0.1 < record.words[0][1] < record.words[-1][2] < 2.98


def librispeech_official(root: Path) -> None:
    folder = root / "LibriSpeech" / "train-clean-5" / "19" / "198"
    folder.mkdir(parents=True)
    (folder / "19-198.trans.txt").write_text("19-198-0000 NORTHANGER ABBEY\n19-198-0001\n19-198-0002 GONE\n")
    for name in ("19-198-0000", "19-198-0001"):
        (folder / f"{name}.flac").write_bytes(b"fLaC")


def librispeech_table(root: Path) -> None:
    folder = root / "train_clean_5"
    (folder / "audio").mkdir(parents=True)
    (folder / "audio" / "19-198-0000.opus").write_bytes(b"OggS")
    (folder / "audio" / "19-198-0001.opus").write_bytes(b"OggS")
    (folder / "transcripts.tsv").write_text(
        "utt_id\tspeaker\tsex\taudio\tseconds\ttranscript\n"
        '19-198-0000\t19\tF\taudio/19-198-0000.opus\t1.0\tNORTHANGER "ABBEY\n'.replace('"', "")
        + "19-198-0001\t19\tF\taudio/19-198-0001.opus\t1.0\t\n19-198-0002\t19\tF\taudio/none.opus\t1.0\tGONE\n"
    )


@pytest.mark.parametrize("make", [librispeech_official, librispeech_table])
def test_both_layouts_of_librispeech_give_the_same(tmp_path: Path, make) -> None:
    make(tmp_path)
    records, dropped = librispeech.find_records(tmp_path, subsets=["train-clean-5"])
    assert [(r.id, r.speaker, r.split, r.text, r.video) for r in records] == [
        ("librispeech/train_clean_5/19/19-198-0000", "19", "train", "northanger abbey", "")
    ]
    assert Path(records[0].audio).is_file()
    assert [item.id[-4:] for item in dropped] == ["0001", "0002"]
    assert "no transcript" in dropped[0].reason
    assert "no such sound file" in dropped[1].reason


def test_faulty_librispeech_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no LibriSpeech subset here"):
        librispeech.find_records(tmp_path)
    librispeech_table(tmp_path)
    with pytest.raises(CorpusError, match="no subset 'dev_clean'; found train_clean_5"):
        librispeech.find_records(tmp_path, subsets=["dev-clean"])
    table = tmp_path / "train_clean_5" / "transcripts.tsv"
    table.write_text(table.read_text() + "19-198-0003\t19\n")
    with pytest.raises(CorpusError, match=r"transcripts\.tsv:5: too few columns"):
        librispeech.find_records(tmp_path)
    table.write_text("utt_id\tspeaker\n")
    with pytest.raises(CorpusError, match="no column 'audio'"):
        librispeech.find_records(tmp_path)


def test_real_librispeech_splits_by_speaker(shared_data: Path) -> None:
    records, dropped = librispeech.find_records(shared_data / "librispeech", splits=SPLITS)
    assert dropped == []
    assert len(records) == 3185
    speakers: dict[str, set[str]] = {}
    for record in records:
        speakers.setdefault(record.split, set()).add(record.speaker)
    assert (len(speakers["test_unseen"]), len(speakers["valid"]), len(speakers["train"])) == (10, 2, 60)
    assert not speakers["train"] & (speakers["test_unseen"] | speakers["valid"])
    assert {record.id.split("/")[1] for record in records if record.split == "test_unseen"} == {"test_clean"}
