"""What the system refuses is one line that names the user's file, and nothing half-written or hidden is left."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import phonolips
from phonolips import temporary
from phonolips.cli import messages
from phonolips.errors import InputError, PhonolipsError
from phonolips.export.formats import FORMATS
from phonolips.media.wav import new_wav
from phonolips.show.film import render
from phonolips.show.pictures import draw
from phonolips.storage import atomic_file, atomic_folder, write_arrays
from phonolips.temporary import sweep, temporary_folder, temporary_path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result():
    return phonolips.from_text("bin blue at f two now")


@pytest.fixture(scope="module")
def saved(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    result.save(folder, pictures=False)
    return phonolips.read(folder)


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


@pytest.fixture
def size_limit():
    """Limit the size of files, as `ulimit -f` does; Python gets EFBIG, where a full disk gives ENOSPC."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


WRITERS = {
    "film.mp4": lambda result, path: render(result, path),
    "film.mkv": lambda result, path: render(result, path),
    "film.webm": lambda result, path: render(result, path, size=(64, 64)),
    "film.gif": lambda result, path: render(result, path),
    "strip.png": lambda result, path: render(result, path),
    "plot.png": lambda result, path: draw(result, out=path),
    "plot.svg": lambda result, path: draw(result, out=path),
    "plot.pdf": lambda result, path: draw(result, out=path),
    "lips.npz": lambda result, path: write_arrays(path, "lips", 2, lips=np.random.default_rng(0).normal(size=9_999)),
}


@pytest.mark.parametrize("name", list(WRITERS))
def test_a_file_that_gets_no_room(name, saved, tmp_path, size_limit):
    WRITERS[name](saved, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for size in (0, len(whole) // 2, len(whole) - 400):
        size_limit(size)
        with pytest.raises(OSError, match="too large") as caught:
            WRITERS[name](saved, tmp_path / name)
        size_limit(resource.RLIM_INFINITY)
        assert caught.value.filename == str(tmp_path / name)
        assert (tmp_path / name).read_bytes() == whole  # the old one stays
        assert hidden(tmp_path) == []


@pytest.mark.parametrize("name", list(FORMATS))
def test_an_export_that_gets_no_room(name, saved, tmp_path, size_limit):
    size_limit(20)
    with pytest.raises(OSError, match="too large") as caught:
        saved.export(name, tmp_path)
    assert caught.value.filename == str(tmp_path / FORMATS[name].file)
    assert hidden(tmp_path) == []


@pytest.mark.parametrize("size", [0, 3_000, 20_000])
def test_a_result_that_gets_no_room(size, result, tmp_path, size_limit):
    size_limit(size)
    with pytest.raises(OSError, match="too large") as caught:
        result.save(tmp_path, pictures=size > 10_000)
    assert Path(str(caught.value.filename)).parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_speech_that_gets_no_room(tmp_path, size_limit):
    spoken = phonolips.from_audio(np.random.default_rng(0).normal(0, 0.1, 32_000))
    size_limit(60_000)
    with pytest.raises(OSError, match="too large") as caught:
        spoken.save(tmp_path, pictures=False, speech=True)
    assert caught.value.filename == str(tmp_path / "speech.wav")
    assert list(tmp_path.iterdir()) == []


def test_what_a_library_says_without_a_number_names_the_file_too(tmp_path, size_limit):
    def numpy_writes() -> None:
        with atomic_file(tmp_path / "a.npy") as path:
            size_limit(8_192)
            np.save(path, np.zeros(100_000))

    with pytest.raises(OSError, match="written") as caught:
        numpy_writes()
    assert messages.system_line(caught.value).startswith(f"{tmp_path / 'a.npy'}: ")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ESTALE])
def test_any_refusal_to_put_a_file_in_its_place(number, result, tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        result.save(tmp_path, pictures=False)
    assert caught.value.errno == number
    assert Path(caught.value.filename).parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_vanishes_meanwhile(tmp_path):
    def work() -> None:
        with temporary_folder(tmp_path) as new:
            new.rmdir()
            (new / "lips.npz").write_bytes(b"")

    with pytest.raises(FileNotFoundError) as caught:
        work()
    assert caught.value.filename == str(tmp_path / "lips.npz")


def test_our_own_errors_name_the_users_folder(tmp_path):
    def work() -> None:
        with temporary_folder(tmp_path) as new:
            raise InputError(f"{new}/film.mp4: there is not one frame to write")

    with pytest.raises(InputError, match=rf"^{tmp_path}/film.mp4: "):
        work()


def test_errors_about_other_files_stay_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, atomic_file(tmp_path / "a"):
        (tmp_path / "source").read_bytes()
    assert caught.value.filename == str(tmp_path / "source")
    with pytest.raises(FileNotFoundError, match="s3://bucket/x"), atomic_file(tmp_path / "a"):
        raise FileNotFoundError("s3://bucket/x")  # as fsspec does, without a number


def test_names_of_any_length(tmp_path):
    for name in ("x" * 255, "é" * 127, "x" * 200 + "." + "y" * 54, "a.tar.gz", ".", "a%d.png", " b "):
        if name != ".":
            with atomic_file(tmp_path / name) as path:
                path.write_text("1")
            assert (tmp_path / name).read_text() == "1"
    assert hidden(tmp_path) == []


# ---------------------------------------------------------------- what killed runs left

KILLED = """
import os, signal, sys
from pathlib import Path
from phonolips.storage import atomic_file, atomic_folder
from phonolips.temporary import temporary_folder
folder = Path(sys.argv[1])
with atomic_file(folder / "a.mp4") as one, temporary_folder(folder) as two, atomic_folder(folder / "index") as three:
    one.write_text("half")
    (two / "b").write_text("half")
    (three / "c").write_text("half")
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    print("ready", flush=True)
    sys.stdin.read()
"""


def start(folder: Path, how: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_the_next_run_removes_what_a_killed_one_left_and_nothing_else(tmp_path):
    working = start(tmp_path, "work")
    assert working.stdout.readline() == "ready\n"
    theirs = sorted(hidden(tmp_path))
    assert len(theirs) == 3
    start(tmp_path, "die").wait()
    assert len(hidden(tmp_path)) == 6
    for name in (".phonolips", ".phonolips-notes.txt", ".a.mp4", ".index-935d5747"):
        (tmp_path / name).write_text("the user's own")
    with atomic_file(tmp_path / "b.txt") as path:
        path.write_text("1")
    assert sorted(hidden(tmp_path)) == sorted(
        [*theirs, ".phonolips", ".phonolips-notes.txt", ".a.mp4", ".index-935d5747"]
    )
    working.communicate("")
    assert not set(theirs) & set(hidden(tmp_path))


def test_a_process_that_took_the_number_of_a_dead_one_is_another(tmp_path):
    mine = temporary_path(tmp_path)
    start_of_me = mine.name.split("-")[2].split(".")[1]
    if start_of_me == "0":
        pytest.skip("this system does not say when a process was started")
    other = tmp_path / mine.name.replace(f".{start_of_me}-", f".{int(start_of_me) - 1}-")
    for path in (mine, other):
        path.write_text("")
    sweep(tmp_path)
    assert mine.exists()
    assert not other.exists()
    temporary.remove(mine)


def test_what_another_machine_makes_is_left_for_a_day(tmp_path):
    name = temporary_path(tmp_path).name.split("-")
    name[1] = "0123abcd"
    folder = tmp_path / "-".join(name)
    folder.mkdir()
    (folder / "film.mp4").write_text("")
    yesterday = time.time() - 25 * 3600
    os.utime(folder, (yesterday, yesterday))
    sweep(tmp_path)
    assert folder.exists()  # its film is being written
    os.utime(folder / "film.mp4", (yesterday, yesterday))
    os.utime(folder, (yesterday, yesterday))
    sweep(tmp_path)
    assert not folder.exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file to another user")
def test_what_another_user_left_stays(tmp_path):
    start(tmp_path, "die").wait()
    for path in tmp_path.iterdir():
        os.chown(path, 12345, 12345)
    sweep(tmp_path)
    assert len(hidden(tmp_path)) == 3


def test_the_systems_temporary_folder_is_swept_too(tmp_path, monkeypatch):
    monkeypatch.setattr(temporary.tempfile, "gettempdir", lambda: str(tmp_path))
    start(tmp_path, "die").wait()
    with temporary_folder() as folder:
        assert folder.parent == tmp_path
        assert os.stat(folder).st_mode & 0o077 == 0
        assert hidden(tmp_path) == [folder.name]
    assert hidden(tmp_path) == []


def test_a_forked_process_leaves_its_parents_files(tmp_path):
    with atomic_file(tmp_path / "a") as path:
        path.write_text("1")
        child = os.fork()
        if not child:
            temporary.remove_all()
            os._exit(0)
        os.waitpid(child, 0)
        assert path.exists()


# ---------------------------------------------------------------- many recordings


def recordings(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        soundfile.write(folder / f"{number}.wav", np.random.default_rng(number).normal(0, 0.05, 8_000), 16_000)
    return folder


def test_a_recording_whose_files_are_refused_is_reported_without_a_bug(tmp_path, command):
    source = recordings(tmp_path / "in", 2)
    out = tmp_path / "out"
    out.mkdir()
    (out / "1").write_text("a file where a folder is needed")
    code, _, err = command("synth", "--audio", source, "--out", out, "--no-pictures")
    assert code == 1
    assert "bug" not in err
    assert f"{out / '1'}: " in err
    assert (out / "0" / "lips.npz").is_file()


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_full_disk_ends_a_batch_in_one_line(jobs, tmp_path):
    """In a process of its own: workers are given what they import."""
    source = recordings(tmp_path / "in", 4)
    full = tmp_path / "sitecustomize.py"
    full.write_text(
        "import errno, os\nreplace = os.replace\n"
        "def refuse(source, target):\n"
        "    if str(target).endswith('lips.npz') and '/2/' in str(target):\n"
        "        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(target))\n"
        "    replace(source, target)\n"
        "os.replace = refuse\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path[:1], *sys.path])}
    words = ["synth", "--audio", str(source), "--out", str(tmp_path / "out"), "--no-pictures", "--jobs", str(jobs)]
    words.append("--no-voice-activity")  # the recordings are noise; no word of that
    done = subprocess.run(
        [sys.executable, "-m", "phonolips", *words], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith("phonolips: ") or "Traceback" in line]
    assert lines == [
        f"phonolips: error: {tmp_path}/out/2/lips.npz: No space left on device; free some space there, or write elsewhere"
    ]
    assert hidden(tmp_path / "out") == []


# ---------------------------------------------------------------- output that nobody takes


def run(*words: object, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "phonolips", *map(str, words)]
    return subprocess.run(command, check=False, text=True, **{"stderr": subprocess.PIPE, **options})  # type: ignore[call-overload]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_standard_output_that_is_full():
    with open("/dev/full", "w") as full:
        done = run("info", stdout=full)
    assert done.returncode == 1
    assert done.stderr == (
        "phonolips: error: standard output: No space left on device; free some space there, or write elsewhere\n"
    )


def test_a_reader_that_has_seen_enough():
    reading, writing = os.pipe()
    os.close(reading)
    done = run("info", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_closed_standard_files_do_not_swallow_the_results(tmp_path):
    script = f'exec "{sys.executable}" -m phonolips synth --text hi --out "{tmp_path}/o" >&- 2>&- <&-'
    done = subprocess.run(["sh", "-c", script], check=False)
    assert done.returncode == 0
    assert len(np.load(tmp_path / "o" / "lips.npz")["lips"]) > 0
    assert phonolips.read(tmp_path / "o").alignment is not None


def test_output_that_cannot_show_a_name(tmp_path):
    out = tmp_path / "emöji 😀"
    done = run(
        "synth", "--text", "hi", "--out", out, "--no-pictures",
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list(out.iterdir())) == 3


def test_names_that_are_no_text(tmp_path, result):
    out = tmp_path / os.fsdecode(b"bad\xff")
    try:
        out.mkdir()
    except OSError:
        pytest.skip("this file system wants names in UTF-8")
    result.save(out)
    assert len(phonolips.read(out).export("all")) > 10
    draw(phonolips.read(out), "lips", out=out / "a.png")


def test_a_message_is_one_line_whatever_a_name_holds(tmp_path, command):
    code, _, err = command("synth", "--audio", tmp_path / "none\n\x1b[2J.wav", "--out", tmp_path / "o")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert r"none\n\x1b[2J.wav: no such file" in err


def test_a_link_that_leads_nowhere(tmp_path, command):
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    code, _, err = command("synth", "--text", "hi", "--out", tmp_path / "out")
    assert code == 1
    assert f"is a link to {tmp_path / 'disk'}, which is not there" in err
    (tmp_path / "disk").mkdir()
    code, _, err = command("synth", "--text", "hi", "--out", tmp_path / "out", "--no-pictures")
    assert code == 0
    assert (tmp_path / "disk" / "lips.npz").is_file()


def test_a_bug_of_the_system_calls_keeps_its_traceback():
    with pytest.raises(OSError, match="Bad file"):
        messages.report_system(OSError(errno.EBADF, "Bad file descriptor"))


def test_errors_of_ours_are_of_their_kind(tmp_path):
    with pytest.raises(PhonolipsError), atomic_folder(tmp_path / "x"):
        raise PhonolipsError("no")
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is not None


@pytest.mark.parametrize(("subtype", "channels"), [("PCM_16", 1), ("PCM_24", 2), ("FLOAT", 2)])
def test_a_wav_is_what_the_library_writes_or_nothing(subtype, channels, tmp_path, size_limit):
    sound = np.random.default_rng(0).uniform(-1, 1, (50_000, channels)).astype(np.float32)

    def write() -> None:
        with new_wav(tmp_path / "a.wav", 16_000, channels, subtype) as file:
            for first in range(0, len(sound), 10_000):
                file.write(sound[first : first + 10_000])

    write()
    whole = (tmp_path / "a.wav").read_bytes()
    soundfile.write(tmp_path / "b.wav", sound, 16_000, subtype=subtype)
    found, expected = (soundfile.read(tmp_path / name, dtype="float32")[0] for name in ("a.wav", "b.wav"))
    assert np.array_equal(found, expected)
    (tmp_path / "b.wav").unlink()
    for size in (0, 30, 4_096, len(whole) // 2, len(whole) - 1):
        size_limit(size)
        with pytest.raises(OSError, match="too large") as caught:
            write()
        size_limit(resource.RLIM_INFINITY)
        assert caught.value.filename == str(tmp_path / "a.wav")
        assert (tmp_path / "a.wav").read_bytes() == whole
    assert hidden(tmp_path) == []
