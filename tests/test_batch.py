"""Many recordings: folders for each, a manifest, bad files, going on after a stop, several processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from phonolips.errors import InputError
from phonolips.synth.batch import find_items, synthesise_all
from phonolips.synth.options import Options


def write_sound(path: Path, seconds: float = 0.6, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * 16_000))
    soundfile.write(path, sound, 16_000)
    return path


def rows_of(out: Path) -> dict[str, dict]:
    return {row["folder"]: row for row in map(json.loads, (out / "manifest.jsonl").read_text().splitlines())}


def test_a_folder_keeps_its_shape_and_like_names_stay_apart(tmp_path):
    for name in ("a.wav", "b/a.wav", "b/a.flac", "b/.hidden.wav"):
        write_sound(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no sound")
    folders = [item.folder.relative_to(tmp_path / "out") for item in find_items(tmp_path / "in", tmp_path / "out")]
    assert [folder.as_posix() for folder in folders] == ["a", "b/a.flac", "b/a.wav"]


def test_results_inside_the_folder_are_no_recordings(tmp_path):
    write_sound(tmp_path / "a.wav")
    write_sound(tmp_path / "out" / "a" / "speech.wav")
    assert [item.audio.name for item in find_items(tmp_path, tmp_path / "out")] == ["a.wav"]


def test_a_list_may_leave_its_own_folder(tmp_path):
    write_sound(tmp_path / "x" / "a.wav")
    write_sound(tmp_path / "y" / "a.wav")
    listed = tmp_path / "x" / "list.txt"
    listed.write_text(f"# mine\na.wav\n\n{tmp_path / 'y' / 'a.wav'}\n")
    items = find_items(listed, tmp_path / "out")
    assert [item.folder.relative_to(tmp_path / "out").as_posix() for item in items] == ["x/a", "y/a"]
    listed.write_text("a.wav\na.wav\n")
    with pytest.raises(InputError, match="named twice"):
        find_items(listed, tmp_path / "out")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "text",
    [
        "a.wav|b/sp ace é.wav",
        "# mine||  a.wav  ||b/sp ace é.wav|",
        "\"a.wav\"|'b/sp ace é.wav'",
        "one a.wav|two b/sp ace é.wav",
    ],
)
def test_lists_as_every_system_writes_them(tmp_path, encoding, end, text):
    write_sound(tmp_path / "a.wav")
    write_sound(tmp_path / "b" / "sp ace é.wav")
    (tmp_path / "list.txt").write_bytes(text.replace("|", end).encode(encoding))
    found = [
        item.audio.relative_to(tmp_path).as_posix() for item in find_items(tmp_path / "list.txt", tmp_path / "out")
    ]
    assert found == ["a.wav", "b/sp ace é.wav"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", b"a.wav\nb\0.wav\n", "not a list of recordings .line 2 is no text"),
        ("x.txt", b"\xff\xd8\xff\xe0", "not a list of recordings .line 1"),
        ("x.lst", b"a" * 5000, "not a list of recordings .line 1: longer"),
        ("x.scp", b"utt1 sox a.flac -t wav - |\n", "line 1: a command, which is never run"),
        ("x.txt", b"a\x1b[31m.wav\n", "line 1: .* is no path"),
    ],
)
def test_what_is_no_list_is_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        find_items(tmp_path / name, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_in_a_kaldi_list_the_path_follows_the_name(tmp_path):
    (tmp_path / "wav.scp").write_text("utt1 a.wav\nutt2   /x/b c.wav\n")
    assert [str(item.audio) for item in find_items(tmp_path / "wav.scp", tmp_path / "out")] == [
        str(tmp_path / "a.wav"),
        "/x/b c.wav",
    ]


@pytest.mark.parametrize("make", [lambda path: path.mkdir(), lambda path: path.write_text("\n# nothing\n")])
def test_nothing_to_do_is_an_error(tmp_path, make):
    make(tmp_path / "in.txt")
    with pytest.raises(InputError, match="nothing to do"):
        synthesise_all(tmp_path / "in.txt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bad_file_does_not_stop_the_others(tmp_path, command):
    write_sound(tmp_path / "in" / "a.wav")
    write_sound(tmp_path / "in" / "c.wav", seed=1)
    (tmp_path / "in" / "b.wav").write_bytes(b"")
    (tmp_path / "in" / "d.wav").write_bytes(b"RIFF no sound at all")
    words = ("synth", "--audio", tmp_path / "in", "--out", tmp_path / "out", "--no-pictures", "--fps", 30)
    code, out, err = command(*words)
    assert code == 1
    assert "2 made, 0 were there, 2 failed" in out
    assert "b.wav: the file is empty" in err
    assert "error: 2 of 4 recordings failed" in err
    rows = rows_of(tmp_path / "out")
    assert {name: row["status"] for name, row in rows.items()} == {
        "a": "done",
        "b": "failed",
        "c": "done",
        "d": "failed",
    }
    assert rows["a"]["frames"] == 18
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == sorted(rows["a"]["files"]) == [
        "lips.npz", "phones.TextGrid", "posteriors.npz",
    ]  # fmt: skip
    assert not (tmp_path / "out" / "b").exists()

    write_sound(tmp_path / "in" / "b.wav", seed=2)  # mended; and one recording changed, one added
    (tmp_path / "in" / "d.wav").unlink()
    write_sound(tmp_path / "in" / "c.wav", seconds=1.0, seed=3)
    write_sound(tmp_path / "in" / "e.wav", seed=4)
    before = (tmp_path / "out" / "a" / "lips.npz").stat().st_mtime_ns
    code, out, err = command(*words)
    assert code == 0
    assert all("no speech was found" in line for line in err.splitlines())  # these are noise
    assert "3 made, 1 were there, 0 failed" in out
    assert (tmp_path / "out" / "a" / "lips.npz").stat().st_mtime_ns == before
    assert rows_of(tmp_path / "out")["c"]["frames"] == 30


def test_another_manner_makes_everything_anew(tmp_path):
    write_sound(tmp_path / "in" / "a.wav")
    options = Options(pictures=False)
    assert synthesise_all(tmp_path / "in", tmp_path / "out", options=options).done == 1
    assert synthesise_all(tmp_path / "in", tmp_path / "out", options=options).skipped == 1
    assert synthesise_all(tmp_path / "in", tmp_path / "out", options=options._replace(fps=50.0)).done == 1


def test_formats_have_the_rate_that_was_asked_for(tmp_path):
    write_sound(tmp_path / "in" / "a.wav")
    for fps, rows in ((None, 15), (30.0, 18)):
        options = Options(pictures=False, export=("csv",), fps=fps)
        assert synthesise_all(tmp_path / "in", tmp_path / "out", options=options).done == 1
        assert len((tmp_path / "out" / "a" / "lips.csv").read_text().splitlines()) == 1 + rows


def test_a_batch_hands_its_rate_to_the_formats(tmp_path, monkeypatch):
    from phonolips.export import formats as export

    rates: list[float | None] = []
    monkeypatch.setattr(export, "export", lambda result, names, out, fps: rates.append(fps) or [])
    write_sound(tmp_path / "in" / "a.wav")
    for fps in (None, 30.0):
        synthesise_all(tmp_path / "in", tmp_path / "out", options=Options(pictures=False, export=("csv",), fps=fps))
    assert rates == [None, 30.0]  # None: 24 for rhubarb-dat, as without --fps


def test_a_speaker_nobody_knows_stops_a_batch_at_once(tmp_path):
    write_sound(tmp_path / "in" / "a.wav")
    with pytest.raises(InputError, match="s99"):
        synthesise_all(tmp_path / "in", tmp_path / "out", jobs=2, options=Options(speaker="s99"))
    assert not (tmp_path / "out").exists()


def test_a_bug_in_one_recording_does_not_stop_the_others(tmp_path, monkeypatch):
    from phonolips.synth import verbs as synth

    def fails(blocks, **how):
        raise ZeroDivisionError("no step at all")

    write_sound(tmp_path / "in" / "a.wav")
    monkeypatch.setattr(synth, "from_audio", fails)
    summary = synthesise_all(tmp_path / "in", tmp_path / "out", options=Options(pictures=False))
    assert "ZeroDivisionError: no step at all (test_batch.py:" in summary.failed[0][1]


@pytest.mark.slow
def test_a_killed_batch_goes_on_where_it_stopped(tmp_path):
    for index in range(12):
        write_sound(tmp_path / "in" / f"{index:02d}.wav", seconds=4, seed=index)
    words = ["synth", "--audio", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--no-pictures"]
    running = subprocess.Popen([sys.executable, "-m", "phonolips", *words], start_new_session=True)
    manifest = tmp_path / "out" / "manifest.jsonl"
    for _ in range(600):
        if manifest.is_file() and len(manifest.read_text().splitlines()) >= 2:
            break
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    before = len(manifest.read_text().splitlines())
    assert 2 <= before < 12
    summary = synthesise_all(tmp_path / "in", tmp_path / "out", jobs=2, options=Options(pictures=False))
    assert (summary.done, summary.skipped, summary.failed) == (12 - before, before, [])
    one = synthesise_all(tmp_path / "in", tmp_path / "once", options=Options(pictures=False))
    assert one.done == 12
    for index in range(12):
        first, second = (np.load(tmp_path / name / f"{index:02d}" / "lips.npz")["lips"] for name in ("out", "once"))
        assert np.abs(first - second).max() < 1e-5  # torch adds in another order with another number of threads
