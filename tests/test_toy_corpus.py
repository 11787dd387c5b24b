"""The toy corpus: a face whose lips follow the phones, speech with known phone times, GRID's own form."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_without, tool

from phonolips.corpus import grid
from phonolips.media.audio import read
from phonolips.media.video import read_frames
from phonolips.phones.inventory import SILENCE
from phonolips.phones.textgrid import read_textgrid

pytest.importorskip("skimage", reason="the portrait comes with scikit-image")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with grid/, toy_mfa/ and splits/: four clips of two speakers, one of them in .mpg."""
    folder = tmp_path_factory.mktemp("toy")
    options = ["--out", str(folder / "grid"), "--clips", "4", "--speakers", "2"]
    assert tool("tests/toy/make_toy_corpus").main([*options, "--splits-out", str(folder / "splits")]) == 0
    return folder


@pytest.fixture(scope="module")
def records(toy: Path) -> list:
    found, dropped = grid.find_records(toy / "grid", splits=toy / "splits")
    assert dropped == []
    return found


def test_reads_as_grid(records: list) -> None:
    assert Counter((r.speaker, r.split) for r in records) == {
        ("s101", "test_seen"): 1,
        ("s101", "valid"): 1,
        ("s102", "test_unseen"): 2,
    }
    assert {Path(record.video).suffix for record in records} == {".mp4", ".mpg"}
    for record in records:
        assert [word for word, _, _ in record.words] == grid.sentence_of(record.id.split("/")[1])


def test_ten_clips_of_three_speakers_fill_every_split(tmp_path: Path) -> None:
    make = tool("tests/toy/make_toy_corpus")
    clips: dict[str, list[str]] = {actor.name: [] for actor in make.ACTORS[:3]}
    for index, name in enumerate(make._choose_names(10, np.random.default_rng(0))):
        clips[make.ACTORS[index % 3].name].append(name)
    make._write_splits(clips, tmp_path)
    splits = grid.read_splits(tmp_path)
    counts = Counter(grid.split_of(f"{s}/{n}", splits) for s, names in clips.items() for n in names)
    assert counts == {"train": 5, "test_unseen": 3, "test_seen": 1, "valid": 1}


def test_three_seconds_of_pictures_and_of_sound(records: list) -> None:
    for record in records[::2]:
        frames = list(read_frames(Path(record.video)))
        assert len(frames) == 75
        assert {frame.shape for frame in frames} == {(288, 360, 3)}
        waveform = read(Path(record.audio))
        assert 2.9 < len(waveform) / 16_000 < 3.1
        first, last = record.words[0][1], record.words[-1][2]
        speech = np.abs(waveform[round(first * 16_000) : round(last * 16_000)]).mean()
        silence = np.abs(waveform[: round((first - 0.05) * 16_000)]).mean()
        assert speech > 20 * silence


def test_alignments_agree_with_the_word_times(toy: Path, records: list) -> None:
    for record in records:
        alignment = read_textgrid(toy / "toy_mfa" / f"{record.id}.TextGrid")
        assert alignment.duration == 3.0
        words = alignment.speech_words()
        assert [word.label for word in words] == record.text.split()
        for word, (_, start, end) in zip(words, record.words, strict=True):
            assert (word.start, word.end) == pytest.approx((start, end), abs=1e-4)
        edges = {phone.start for phone in alignment.phones} | {phone.end for phone in alignment.phones}
        assert {word.start for word in words} <= edges


def test_lips_follow_the_phones(toy: Path, records: list) -> None:
    skip_without("face")
    from phonolips.face.track import track_video
    from phonolips.lips.measures import opening

    for record in (records[0], records[-1]):
        track = track_video(Path(record.video))
        assert track.detected.all()
        alignment = read_textgrid(toy / "toy_mfa" / f"{record.id}.TextGrid")
        phones = [tuple(phone) for phone in alignment.phones if phone.label != SILENCE]
        intended = tool("tests/toy/make_toy_corpus").intended_lips(phones)[:, 0]
        measured = opening(track.lips)
        assert np.corrcoef(measured, intended)[0, 1] > 0.8
        assert np.ptp(measured) > 0.1
        assert abs(measured[:8].mean()) < 0.05


def test_intended_lips_close_for_bilabials() -> None:
    lips = tool("tests/toy/make_toy_corpus").intended_lips([("AA", 0.5, 0.9), ("B", 0.9, 1.1), ("AA", 1.1, 1.5)])
    assert lips.shape == (75, 2)
    assert lips[17, 0] == pytest.approx(1.0, abs=0.01)
    assert lips[25, 0] < 0.05
    assert lips[0, 0] == lips[-1, 0] == 0


def test_same_seed_gives_the_same_clips() -> None:
    make = tool("tests/toy/make_toy_corpus")
    names = [make._choose_names(6, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert names[0] == names[1] != names[2]
    assert len(set(names[0])) == 6
    assert all(grid.sentence_of(name) and name[3] != "a" for name in names[0])


@pytest.mark.parametrize(("clips", "speakers"), [(0, 1), (1, 2), (8, 0), (99, 9)])
def test_impossible_numbers_are_refused(
    tmp_path: Path, clips: int, speakers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "x"), "--clips", str(clips), "--speakers", str(speakers)]
    assert tool("tests/toy/make_toy_corpus").main(options) == 1
    assert "expected" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
