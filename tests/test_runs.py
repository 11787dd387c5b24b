"""What a run writes: it knows its recording, and takes the place of the run before it, file by file."""

import base64
import json
import os
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest
import soundfile

import phonolips
from phonolips.errors import InputError, PhonolipsWarning
from phonolips.export.formats import FORMATS
from phonolips.lips import articulation, curve, liveliness, rest
from phonolips.media.audio import read
from phonolips.media.recording import describe_recording, find_recording, lasting_place
from phonolips.phones import decode
from phonolips.phones.intervals import Alignment, Interval
from phonolips.storage import LIPS_FILE, list_files, listed_files, remove_listed
from phonolips.synth import verbs
from phonolips.synth.folder import read_result
from phonolips.synth.result import Result

TEXT = "bin blue at f two now"
ALL_FILES = {known.file for known in FORMATS.values()}


@pytest.fixture(scope="module")
def spoken() -> np.ndarray:
    """A sentence, float32 at 16 kHz."""
    waveform = verbs.from_speech(TEXT).waveform
    assert waveform is not None
    return waveform


@pytest.fixture
def recording(spoken: np.ndarray, tmp_path: Path) -> Path:
    """The sentence in a file of a folder of its own."""
    path = tmp_path / "recordings" / "take.wav"
    path.parent.mkdir()
    soundfile.write(path, spoken, 16_000)
    return path


def sound_seconds(path: Path) -> float | None:
    """Decode a film's sound; None where it has none."""
    with av.open(str(path)) as file:
        if not file.streams.audio:
            return None
        return sum(block.samples for block in file.decode(audio=0)) / file.streams.audio[0].rate


def told(caught: pytest.WarningsRecorder) -> list[str]:
    return [str(each.message) for each in caught if issubclass(each.category, PhonolipsWarning)]


# ---------------------------------------------------------------- the recording


@pytest.mark.parametrize("pictures", ["--pictures", "--no-pictures"])
def test_everything_made_of_a_run_has_the_sound_of_its_recording(recording, tmp_path, command, pictures):
    code, _, err = command("synth", "--audio", recording, pictures, "--out", tmp_path / "run")
    assert code == 0, err
    run = tmp_path / "run"
    code, _, err = command("export", run, "--to", "rhubarb-json,rhubarb-xml,arkit,json")
    assert (code, err) == (0, "")
    assert json.loads((run / "rhubarb.json").read_text())["metadata"]["soundFile"] == str(recording)
    assert f"<soundFile>{recording}</soundFile>" in (run / "rhubarb.xml").read_text()
    assert json.loads((run / "arkit.json").read_text())["trackPath"] == "take.wav"
    assert json.loads((run / "phones.json").read_text())["sound"] == str(recording)
    code, _, err = command("render", run, "--out", run / "film.mp4")
    assert (code, err) == (0, "")
    assert sound_seconds(run / "film.mp4") == pytest.approx(len(read(recording)) / 16_000, abs=0.05)
    code, _, err = command("plot", run, "--html")
    assert (code, err) == (0, "")
    page = (run / "page.html").read_text()
    assert json.loads(page.split('id="data">')[1].split("</script>")[0])["sound"]["type"] == "audio/mp4"
    code, _, err = command("plot", run)
    assert (code, err) == (0, "")


def test_a_textgrid_of_a_recording_keeps_its_sound(recording, tmp_path, command):
    code, _, err = command("synth", "--audio", recording, "--no-pictures", "--out", tmp_path / "first")
    assert code == 0, err
    words = ("synth", "--audio", recording, "--textgrid", tmp_path / "first" / "phones.TextGrid")
    code, _, err = command(*words, "--no-pictures", "--export", "rhubarb-json", "--out", tmp_path / "run")
    assert (code, err) == (0, "")
    assert json.loads((tmp_path / "run" / "rhubarb.json").read_text())["metadata"]["soundFile"] == str(recording)
    assert np.array_equal(read_result(tmp_path / "run").read_sound(), read(recording))


def test_recordings_of_a_batch_are_known(recording, tmp_path, command):
    words = ("--no-pictures", "--export", "rhubarb-json", "--out", tmp_path / "out")
    code, _, err = command("synth", "--audio", recording.parent, *words)
    assert code == 0, err
    found = json.loads((tmp_path / "out" / "take" / "rhubarb.json").read_text())
    assert found["metadata"]["soundFile"] == str(recording)


def test_a_relative_recording_is_found_from_any_folder(recording, tmp_path, command, monkeypatch):
    monkeypatch.chdir(recording.parent)
    code, _, err = command("synth", "--audio", "take.wav", "--no-pictures", "--out", "../run")
    assert code == 0, err
    monkeypatch.chdir("/")
    result = read_result(tmp_path / "run")
    assert result.sound == recording
    assert np.array_equal(result.read_sound(), read(recording))


def save_run(recording: Path, run: Path, *, pictures: bool = False) -> Path:
    verbs.from_audio(recording).save(run, pictures=pictures)
    return run


def test_a_folder_and_its_recording_move_together(recording, tmp_path):
    save_run(recording, recording.parent / "run")
    shutil.copytree(recording.parent, tmp_path / "copy")
    moved = recording.parent.rename(tmp_path / "moved")
    assert read_result(moved / "run").sound == moved / "take.wav"
    assert read_result(tmp_path / "copy" / "run").sound == tmp_path / "copy" / "take.wav"
    shutil.move(moved / "run", tmp_path / "alone")
    shutil.move(moved / "take.wav", tmp_path / "alone")
    assert read_result(tmp_path / "alone").sound == tmp_path / "alone" / "take.wav"


def test_a_folder_that_moves_alone_still_knows_where_its_recording_is(recording, tmp_path):
    run = save_run(recording, tmp_path / "a" / "b" / "run")
    assert read_result(run.rename(tmp_path / "run")).sound == recording


@pytest.mark.parametrize("pictures", [True, False])
def test_a_recording_that_has_gone_is_told_of_once_where_its_sound_is_wanted(recording, tmp_path, pictures, command):
    run = save_run(recording, tmp_path / "run", pictures=pictures)
    recording.unlink()
    code, _, err = command("export", run, "--to", "arkit-csv,rhubarb-tsv")
    assert (code, err) == (0, ""), "nobody asked for the sound"
    code, _, err = command("export", run, "--to", "rhubarb-json,rhubarb-xml,arkit,json")
    assert code == 0
    assert err.count("\n") == 1, err
    assert f"its recording {recording} is not there any more" in err
    assert ("the sound of lips.mp4 is used" if pictures else "so there is no sound") in err
    found = json.loads((run / "rhubarb.json").read_text())["metadata"]["soundFile"]
    assert found == (str(run / "lips.mp4") if pictures else "")
    code, _, err = command("render", run, "--out", tmp_path / "film.mp4")
    assert code == 0
    assert (sound_seconds(tmp_path / "film.mp4") is not None) == pictures


def test_a_recording_that_has_changed_is_told_from_the_one_that_was_used(recording, tmp_path, spoken):
    run = save_run(recording, tmp_path / "run")
    soundfile.write(recording, 0.5 * spoken, 16_000)  # as long as before
    with pytest.warns(PhonolipsWarning, match="has changed since; it is used, since it is as long") as caught:
        assert read_result(run).sound == recording
    assert len(told(caught)) == 1
    soundfile.write(recording, spoken[: len(spoken) // 2], 16_000)
    with pytest.warns(PhonolipsWarning, match=r"has changed: it lasts 1\.\d\d s, the lips 2\.\d\d s; so there is no"):
        assert read_result(run).sound is None
    recording.write_text("no sound")
    with pytest.warns(PhonolipsWarning, match="has changed, and cannot be read; so there is no sound"):
        assert read_result(run).sound is None
    recording.unlink()
    recording.mkdir()
    with pytest.warns(PhonolipsWarning, match="is not there any more"):
        assert read_result(run).sound is None


def test_another_take_of_the_same_size_is_not_taken_for_the_recording(recording, tmp_path, spoken):
    """GRID's recordings are all of one length."""
    place = describe_recording(recording, tmp_path)
    arrays = {name: np.asarray(value) for name, value in place.items()}
    assert find_recording(arrays, tmp_path, 1.0) == (recording, "")
    shutil.copy(recording, tmp_path / "take.wav")
    soundfile.write(recording, spoken[::-1], 16_000)
    assert find_recording(arrays, tmp_path, 1.0) == (tmp_path / "take.wav", ""), "the same file elsewhere"


@pytest.mark.parametrize(
    "damage",
    [
        {"recording": np.array(["a", "b"])},
        {"recording": np.array("")},
        {"recording": np.array("relative.wav")},
        {"recording": np.array("/dev/zero")},
        {"recording": np.array("/a\0b")},
        {"recording_bytes": np.array("many")},
        {"recording_crc32": np.zeros(3)},
        {"recording_relative": np.array("../" * 50 + "etc/hostname")},
    ],
)
def test_a_place_that_is_none_is_one_line(recording, tmp_path, damage):
    place = {name: np.asarray(value) for name, value in describe_recording(recording, tmp_path).items()}
    recording.unlink()
    if np.ndim(damage.get("recording_crc32", 0)) or "recording_bytes" in damage:
        with pytest.raises(InputError, match="the place of its recording cannot be read"):
            find_recording(place | damage, tmp_path, 1.0)
        return
    found = find_recording(place | damage, tmp_path, 1.0)
    assert found.path is None
    assert "\n" not in found.note
    assert "recording" in found.note


@pytest.mark.parametrize("with_textgrid", [False, True])
def test_the_sound_of_a_pipe_is_kept(recording, tmp_path, command, with_textgrid):
    """A pipe cannot be read again; the file behind an open descriptor can."""
    os.mkfifo(tmp_path / "pipe")
    assert describe_recording(tmp_path / "pipe", tmp_path) == {}
    with recording.open("rb") as file:
        assert lasting_place(Path(f"/dev/fd/{file.fileno()}")) == recording.resolve()
    more = []
    if with_textgrid:
        verbs.from_audio(recording).save(tmp_path / "first", pictures=False)
        more = ["--textgrid", tmp_path / "first" / "phones.TextGrid"]
    writer = Thread(target=lambda: (tmp_path / "pipe").write_bytes(recording.read_bytes()))
    writer.start()
    words = ("synth", "--audio", tmp_path / "pipe", "--no-pictures", "--export", "rhubarb-json", *more)
    code, _, err = command(*words, "--out", tmp_path / "run")
    writer.join()
    assert code == 0, err
    run = read_result(tmp_path / "run")
    assert run.sound == tmp_path / "run" / "speech.wav"
    assert np.abs(run.read_sound() - read(recording)).max() < 1e-4
    found = json.loads((tmp_path / "run" / "rhubarb.json").read_text())["metadata"]["soundFile"]
    assert found == str(tmp_path / "run" / "speech.wav")


def test_the_sound_that_was_chosen_of_several_is_kept(tmp_path, spoken, command, monkeypatch):
    """A file alone does not tell which of its sounds the lips were made from."""
    monkeypatch.setattr("phonolips.synth.sound.MOST_HELD_SECONDS", 0.5)
    path = tmp_path / "two.mka"
    with av.open(str(path), "w") as file:
        streams = [file.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(2)]
        for stream, sound in zip(streams, (0 * spoken, spoken), strict=True):
            whole = np.round(sound * 32767).astype(np.int16)[None]
            block = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
            block.sample_rate, block.pts = 16_000, 0
            file.mux(stream.encode(block))
            file.mux(stream.encode(None))
    result = verbs.from_audio(path, audio_stream=1)
    assert result.held_waveform is None
    assert np.abs(result.waveform - spoken).max() < 1e-4
    code, _, err = command("synth", "--audio", path, "--audio-stream", 1, "--no-pictures", "--out", tmp_path / "run")
    assert code == 0, err
    assert np.abs(read_result(tmp_path / "run").read_sound() - spoken).max() < 2e-4
    with np.load(tmp_path / "run" / LIPS_FILE) as file:
        assert not [name for name in file.files if name.startswith("recording")]


def test_lips_without_a_recording_have_no_place_of_one(spoken, tmp_path):
    verbs.from_audio(spoken).save(tmp_path / "run")
    with np.load(tmp_path / "run" / LIPS_FILE) as file:
        assert not [name for name in file.files if name.startswith("recording")]
    assert read_result(tmp_path / "run").sound == tmp_path / "run" / "lips.mp4"
    again = read_result(tmp_path / "run")
    again.save(tmp_path / "run", pictures=False)
    assert read_result(tmp_path / "run").sound == tmp_path / "run" / "lips.mp4", "its only sound stays"


def test_a_run_that_is_saved_again_keeps_its_recording(recording, tmp_path):
    run = save_run(recording, tmp_path / "run")
    read_result(run).save(tmp_path / "elsewhere" / "copy", pictures=False)
    assert read_result(tmp_path / "elsewhere" / "copy").sound == recording
    read_result(run).save(run, pictures=True)
    assert read_result(run).sound == recording


def test_long_sound_is_read_again_where_it_is_wanted(recording, tmp_path, monkeypatch, spoken):
    short = verbs.from_audio(recording)
    assert short.held_waveform is not None
    monkeypatch.setattr("phonolips.synth.sound.MOST_HELD_SECONDS", 0.5)
    long = verbs.from_audio(recording)
    assert long.held_waveform is None
    for name in ("lips", "posteriors", "lip_parameters"):
        assert np.array_equal(getattr(long, name), getattr(short, name)), name
    assert long.alignment == short.alignment
    short.save(tmp_path / "short")
    long.save(tmp_path / "long", speech=True)
    assert long.held_waveform is None, "an hour of it is never in memory at once"
    assert soundfile.info(tmp_path / "long" / "speech.wav").frames == len(spoken)
    for name in ("lips.mp4", "posteriorgram.png", "phones.TextGrid"):
        assert (tmp_path / "short" / name).read_bytes() == (tmp_path / "long" / name).read_bytes(), name
    assert np.array_equal(long.waveform, short.waveform)
    assert long.waveform is long.waveform, "read once"
    assert np.array_equal(replace(long, speaker="s1").waveform, short.waveform)
    assert verbs.from_audio(spoken).held_waveform is not None, "nobody could read it again"
    grid = verbs.from_alignment(short.alignment, recording=recording)
    assert grid.held_waveform is None
    assert np.array_equal(grid.lips, verbs.from_alignment(short.alignment, waveform=short.waveform).lips)


def test_nobody_need_know_where_a_recording_was(recording, tmp_path):
    run = read_result(save_run(recording, tmp_path / "run"))
    replace(run, recording=None, waveform=run.read_sound()).save(tmp_path / "public")
    with np.load(tmp_path / "public" / LIPS_FILE) as file:
        assert not [name for name in file.files if name.startswith("recording")]
    assert read_result(tmp_path / "public").sound == tmp_path / "public" / "lips.mp4"


def test_a_recording_is_not_drawn_over(recording, tmp_path, command):
    film = recording.with_name("me.mp4")
    verbs.from_audio(recording).render(film, size=(64, 64))
    run = save_run(film, tmp_path / "run", pictures=True)
    before = film.read_bytes()
    for more in ((), ("--silent",), ("--sound", recording)):
        code, _, err = command("render", run, "--out", film, *more)
        assert (code, err.count("would be overwritten, but it is read; choose another --out")) == (1, 1)
    code, _, err = command("render", run, "--sound", film, "--out", film)
    assert code == 1
    assert film.read_bytes() == before
    film.unlink()
    code, _, err = command("render", run, "--out", run / "lips.mp4", "--size", "64")
    assert code == 0, err
    assert sound_seconds(run / "lips.mp4") is not None, "that is its own"


def test_tracked_lips_know_their_video(tmp_path):
    from phonolips.face.track import Track, save_track
    from phonolips.lips.space import MouthSpace
    from phonolips.media.video import write_video

    pictures = np.zeros((5, 16, 16, 3), np.uint8)
    write_video(tmp_path / "me.mp4", pictures, 25, waveform=np.ones(3200, np.float32) / 2)
    lips = np.random.default_rng(0).normal(size=(5, 40, 2)).astype(np.float32)
    space = MouthSpace(np.zeros(5, complex), np.ones(5, complex))
    track = Track(lips, np.ones(5, bool), space, 25.0, 0.0, np.zeros((5, 3), np.float32), False)
    save_track(track, tmp_path / "lips.npz", tmp_path / "me.mp4")
    assert read_result(tmp_path / "lips.npz").sound == tmp_path / "me.mp4"
    save_track(track, tmp_path / "lips.npz")
    assert read_result(tmp_path / "lips.npz").sound is None


def test_long_lips_are_moved_in_blocks_without_a_trace(monkeypatch):
    rng = np.random.default_rng(5)
    lips = np.cumsum(rng.normal(0, 0.02, (700, 40, 2)), axis=0).astype(np.float32)
    words = [Interval("a", at, at + 0.4) for at in np.arange(1.0, 26.0, 2.0).tolist()]
    spoken = Alignment.build(words, [word._replace(label="AA") for word in words], 28.0)

    def moved() -> list[np.ndarray]:
        shut = rest.shut_in_silence(lips, spoken, lips[0])
        wide = articulation.articulate(lips, articulation.Gains(width=1.5), lips[0])
        return [liveliness.exaggerate(lips, 0.7), shut, wide, curve.resample_lips(lips, 59.94, 28.0)]

    whole = moved()
    assert curve.resample_lips(lips, 59.94, 28.0).shape == (1679, 40, 2)
    for frames in (1, 7, 64, 699, 700):
        for module in (articulation, liveliness, rest):
            monkeypatch.setattr(module, "BLOCK_ROWS", frames)
        monkeypatch.setattr(curve, "BLOCK_FRAMES", frames)
        for one, other in zip(moved(), whole, strict=True):
            assert one.dtype == other.dtype == np.float32
            assert np.array_equal(one, other), frames


def test_paths_that_are_settled_on_the_way_are_the_best_ones(monkeypatch):
    from phonolips.model.network import load_network

    ngram = load_network().phone_ngram()
    posteriors = np.random.default_rng(6).dirichlet(np.full(40, 0.05), 3000).astype(np.float32)
    whole = decode.best_path(posteriors, ngram=ngram)
    settled = []
    settle = decode.PathSearch.settle

    def watched(search: decode.PathSearch) -> np.ndarray:
        path = settle(search)
        settled.append(len(path))
        return path

    monkeypatch.setattr(decode.PathSearch, "settle", watched)
    for steps in (1, 50, 999):
        monkeypatch.setattr(decode, "BLOCK_STEPS", steps)
        assert np.array_equal(decode.best_path(posteriors, ngram=ngram), whole), steps
        assert sum(settled) > 2900, "most of it is forgotten before the end"
        settled.clear()


# ---------------------------------------------------------------- the run before


def synth(command, text: str, out: Path, *more: object) -> str:
    code, _, err = command("synth", "--text", text, "--no-pictures", "--out", out, *more)
    assert code == 0, err
    return str(err)


def test_all_that_an_earlier_run_wrote_goes_with_it(tmp_path, command):
    run = tmp_path / "run"
    synth(command, "first sentence about boats", run, "--speak", "--export", "rhubarb-json,srt")
    assert command("export", run, "--to", "all")[0] == 0
    assert command("export", run, "--to", "csv", "--out", run / "deep" / "table.csv")[0] == 0
    assert command("plot", run, "--html")[0] == 0
    assert command("plot", run, "--kind", "filmstrip")[0] == 0
    for name in ("strip.png", "film.mp4", "film.gif"):
        assert command("render", run, "--out", run / name, "--size", "64", "--seconds", "0-0.2")[0] == 0
    (run / "notes.srt").write_text("a user's own")
    (run / "edit.npz").write_text("a user's own")
    made = {path.name for path in run.rglob("*") if path.is_file()}
    assert {*ALL_FILES, "speech.wav", "page.html", "filmstrip.png", "strip.png", "film.mp4", "table.csv"} <= made
    assert synth(command, "second sentence", run) == ""
    left = {path.name for path in run.rglob("*") if path.is_file()}
    assert left == {"lips.npz", "posteriors.npz", "phones.TextGrid", "notes.srt", "edit.npz"}


def test_a_users_own_files_stay_under_any_name(tmp_path, command):
    mine = [*ALL_FILES, "face.mp4", "page.html", "speech.wav", "lips.mp4", "posteriorgram.png", "edited.mp4"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    synth(command, "one", tmp_path)
    synth(command, "two", tmp_path)
    assert all((tmp_path / name).read_text() == "mine" for name in mine)
    assert read_result(tmp_path).sound is None, "the speech.wav there is not of this run"


def test_an_export_that_somebody_changed_stays_with_a_warning(tmp_path, command):
    synth(command, "one", tmp_path, "--export", "srt,rhubarb-json")
    (tmp_path / "subtitles.srt").write_text("corrected by hand")
    err = synth(command, "two", tmp_path)
    assert "subtitles.srt: of an earlier run, but changed since" in err
    assert (tmp_path / "subtitles.srt").read_text() == "corrected by hand"
    assert not (tmp_path / "rhubarb.json").exists()
    assert synth(command, "three", tmp_path) == "", "it is the user's own from now on"
    assert (tmp_path / "subtitles.srt").exists()


def test_inputs_of_the_new_run_stay(tmp_path, command, spoken):
    run = tmp_path / "run"
    synth(command, TEXT, run, "--speak", "--export", "textgrid,srt")
    code, _, err = command(
        "synth", "--audio", run / "speech.wav", "--textgrid", run / "tiers.TextGrid", "--no-pictures", "--out", run
    )
    assert code == 0, err
    assert not (run / "subtitles.srt").exists()
    assert (run / "tiers.TextGrid").exists()
    assert read_result(run).sound == run / "speech.wav"
    code, _, err = command("synth", "--textgrid", run / "phones.TextGrid", "--no-pictures", "--out", run)
    assert code == 0, err
    assert not (run / "speech.wav").exists(), "now it belongs to nothing"


def test_inputs_that_would_be_written_over_are_refused(tmp_path, command):
    verbs.from_text("one").save(tmp_path / "run", pictures=False)
    (tmp_path / "mine").mkdir()
    shutil.copy(tmp_path / "run" / "phones.TextGrid", tmp_path / "mine")
    before = (tmp_path / "mine" / "phones.TextGrid").read_bytes()
    words = ("--textgrid", tmp_path / "mine" / "phones.TextGrid", "--out", tmp_path / "mine")
    code, _, err = command("synth", *words)
    assert (code, err.count("would be overwritten; choose another --out")) == (1, 1)
    assert (tmp_path / "mine" / "phones.TextGrid").read_bytes() == before
    shutil.copy(tmp_path / "run" / "phones.TextGrid", tmp_path / "run" / "tiers.TextGrid")
    words = ("--textgrid", tmp_path / "run" / "tiers.TextGrid", "--export", "textgrid", "--out", tmp_path / "run")
    code, _, err = command("synth", *words)
    assert (code, err.count("would be overwritten")) == (1, 1)


def test_a_folder_of_version_1_gives_up_what_it_always_gave_up(tmp_path, command):
    verbs.from_speech("one").save(tmp_path, speech=True)
    from phonolips.storage import FORMATS as NUMBERS
    from phonolips.storage import read_arrays, write_arrays

    arrays, _ = read_arrays(tmp_path / LIPS_FILE, "lips", (1, 2))
    old = {name: value for name, value in arrays.items() if not name.startswith(("files", "recording"))}
    write_arrays(tmp_path / LIPS_FILE, "lips", NUMBERS["lips"], **old)
    (tmp_path / "rhubarb.json").write_text("whose?")
    assert read_result(tmp_path).sound == tmp_path / "speech.wav"
    synth(command, "two", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "lips.npz",
        "posteriors.npz",
        "phones.TextGrid",
        "rhubarb.json",
    }


def test_nothing_goes_before_the_new_run_is_complete(tmp_path, monkeypatch, command):
    synth(command, "one", tmp_path, "--speak", "--export", "all")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise InputError("no more")

    monkeypatch.setattr("phonolips.synth.folder.write_textgrid", fail)
    code, _, _ = command("synth", "--text", "two", "--no-pictures", "--out", tmp_path)
    assert code == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("step", range(6))
def test_a_run_that_is_killed_while_files_change_places_leaves_nothing_for_ever(tmp_path, monkeypatch, command, step):
    """Killed after any number of removals and renames: the next run finds what is left, and no file of a user's goes."""
    synth(command, "one", tmp_path, "--speak", "--export", "srt,arkit")
    (tmp_path / "notes.srt").write_text("mine")
    left = step

    def counted(action):
        def call(*words: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return action(*words, **options)

        return call

    with monkeypatch.context() as patched:
        patched.setattr("phonolips.synth.folder.os.replace", counted(os.replace))
        patched.setattr(Path, "unlink", counted(Path.unlink))
        with pytest.raises(KeyboardInterrupt):
            verbs.from_text("two").save(tmp_path, pictures=False)
    synth(command, "three", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"lips.npz", "posteriors.npz", "phones.TextGrid", "notes.srt"}
    assert [word.label for word in read_result(tmp_path).words] == ["three"]


def test_batches_clear_their_folders_too(recording, tmp_path, command):
    words = ("synth", "--audio", recording.parent, "--no-pictures", "--out", tmp_path / "out")
    assert command(*words, "--export", "rhubarb-json,arkit")[0] == 0
    (tmp_path / "out" / "take" / "notes.srt").write_text("mine")
    assert command(*words, "--export", "arkit")[0] == 0
    left = {path.name for path in (tmp_path / "out" / "take").iterdir()}
    assert left == {"lips.npz", "posteriors.npz", "phones.TextGrid", "arkit.json", "notes.srt"}


def test_a_list_leads_nowhere_else(tmp_path):
    """A folder from an enemy names files outside: they are neither read into the list nor removed."""
    (tmp_path / "run").mkdir()
    (tmp_path / "outside").mkdir()
    victim = tmp_path / "outside" / "victim.txt"
    victim.write_text("mine")
    (tmp_path / "run" / "link").symlink_to(tmp_path / "outside")
    names = ["../outside/victim.txt", str(victim), "link/victim.txt", "", ".", "a\0b", "deep/../../outside/victim.txt"]
    from phonolips.storage import write_arrays

    write_arrays(
        tmp_path / "run" / LIPS_FILE, "lips", 2, lips=np.zeros((1, 40, 2)), fps=25.0, files=np.array(names),
        files_crc32=np.zeros(len(names), np.uint32),
    )  # fmt: skip
    listed = listed_files(tmp_path / "run" / LIPS_FILE)
    assert listed == {"link/victim.txt": 0}
    remove_listed(tmp_path / "run", dict.fromkeys(listed))
    assert victim.read_text() == "mine"


@pytest.mark.parametrize(
    "damage",
    [
        {"files": np.array("one")},
        {"files": np.zeros(2), "files_crc32": np.zeros(2, np.uint32)},
        {"files": np.array(["a", "b"]), "files_crc32": np.zeros(3, np.uint32)},
        {"files": np.array(["a"]), "files_crc32": np.array(["x"])},
        {"files": np.array([["a"]]), "files_crc32": np.zeros((1, 1), np.uint32)},
    ],
)
def test_a_list_that_is_none_is_no_list(tmp_path, damage):
    from phonolips.storage import write_arrays

    write_arrays(tmp_path / LIPS_FILE, "lips", 2, lips=np.zeros((1, 40, 2), np.float32), fps=25.0, **damage)
    assert listed_files(tmp_path / LIPS_FILE) is None
    assert listed_files(tmp_path / "none.npz") is None
    (tmp_path / LIPS_FILE).write_bytes(b"PK no zip")
    assert listed_files(tmp_path / LIPS_FILE) is None


def test_lips_of_another_name_are_not_written_to(tmp_path):
    """What `track` wrote among a user's files stays as it is, whatever is drawn of it."""
    verbs.from_text("one").save(tmp_path / "run", pictures=False)
    place = Path(shutil.copy(tmp_path / "run" / LIPS_FILE, tmp_path / "mine.npz"))
    before = place.read_bytes()
    result = replace(read_result(place), path=place)
    assert result.export("rhubarb-tsv") == [tmp_path / "rhubarb.tsv"]
    list_files(place, [tmp_path / "rhubarb.tsv"])
    assert place.read_bytes() == before


def test_a_list_that_cannot_be_written_costs_a_warning(tmp_path, monkeypatch):
    result = verbs.from_text("one")
    result.save(tmp_path / "run", pictures=False)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "lips.npz")

    monkeypatch.setattr("phonolips.storage.write_arrays", refuse)
    with pytest.warns(PhonolipsWarning, match=r"Permission denied; the next run will leave rhubarb.tsv in place"):
        result.export("rhubarb-tsv")
    assert (tmp_path / "run" / "rhubarb.tsv").exists()


def test_public_results_still_compare_and_copy(spoken):
    result = Result(np.zeros((3, 40, 2), np.float32), 25.0, waveform=spoken)
    assert result.waveform is spoken
    assert replace(result, waveform=None).waveform is None
    assert Result(result.lips, 25.0).waveform is None
    with pytest.raises(AttributeError):
        result.fps = 3.0  # type: ignore[misc]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert phonolips.Result is Result
    assert base64.b64encode(spoken[:2].tobytes())
