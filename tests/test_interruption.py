"""Ctrl-C and other signals at any moment: one line, a status that says so, and nobody and nothing left behind."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals and process groups of POSIX"),
]
# Of a call: the interpreter starts, which nobody can make quiet before the first line of ours runs (0.1 s here, more
# on a busy machine), torch is imported, a process draws beside this one, a film is encoded.
SECONDS = 4.0
NOISE = ("--no-voice-activity",)  # the recordings are noise; no word of that


def start(*words: object, where: Path) -> "subprocess.Popen[str]":
    """Start a command as a terminal does, as the leader of a group; its output tells when it is ours to end."""
    code = (
        "import sys\nfrom phonolips.cli import ending\nending.prepare()\nprint('ready', flush=True)\n"
        "from phonolips.cli import main\nif __name__ == '__main__':\n    main()\n"
    )
    script = where / "phonolips"  # a file, as the installed command is: workers import it
    script.write_text(code)
    temporary = where / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, str(script), *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


def others_of(session: int) -> list[str]:
    """List the processes of a session, but for zombies."""
    listed = subprocess.run(["ps", "-eo", "sess=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return [row[2] for row in rows if len(row) == 3 and row[0] == str(session) and row[1][0] != "Z"]


def left(where: Path) -> list[str]:
    return [str(path) for path in where.rglob("*") if path.name.startswith(".") or path.parent.name == "tmp"]


@pytest.fixture(autouse=True, scope="module")
def signals_arrive():
    """Let signals arrive in what is started here, where whoever started the tests ignores them, as nohup does."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.05, 60 * 16_000), 16_000)
    return path


def interrupt(process: "subprocess.Popen[str]", number: int, group: bool) -> tuple[int, str]:
    """Send a signal to a process, or to its group as a terminal does; return its status and what it says."""
    (os.killpg if group else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=60)
    return process.returncode, err


def wait_for(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def check_end(process, number, group, where):
    status, said = interrupt(process, number, group)
    assert status == 128 + number, said
    how = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    assert said == f"phonolips: {how}; run the same command again to go on\n"
    assert wait_for(lambda: others_of(process.pid) == [], 2.0)  # Python's own counter of semaphores sees it last
    assert left(where) == []


@pytest.mark.parametrize(
    ("number", "group", "seconds"),
    [(signal.SIGINT, True, 0.0), (signal.SIGINT, True, 2.5), (signal.SIGTERM, False, 1.5)],
)
def test_an_interrupted_synthesis(number, group, seconds, recording, tmp_path):
    process = start("synth", "--audio", recording, "--out", tmp_path / "o", *NOISE, where=tmp_path)
    time.sleep(seconds)
    check_end(process, number, group, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("group", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_at_any_moment(number, group, seed, recording, tmp_path):
    random_source = random.Random(seed * 100 + number * 10 + group)
    process = start("synth", "--audio", recording, "--out", tmp_path / "o", *NOISE, where=tmp_path)
    time.sleep(random_source.uniform(0, SECONDS))
    check_end(process, number, group, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_batch_at_any_moment(seed, recording, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(4):
        (tmp_path / "in" / f"{number}.wav").symlink_to(recording)
    process = start("synth", "--audio", tmp_path / "in", "--out", tmp_path / "o", "--jobs", 2, *NOISE, where=tmp_path)
    time.sleep(random.Random(seed).uniform(0, 3 * SECONDS))
    check_end(process, signal.SIGINT, True, tmp_path)


def test_after_a_kill_nobody_works_on_and_the_next_run_sweeps(recording, tmp_path):
    process = start("synth", "--audio", recording, "--out", tmp_path / "o", *NOISE, where=tmp_path)
    assert wait_for(lambda: left(tmp_path)), "it never began to write"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert wait_for(lambda: others_of(process.pid) == [])
    assert left(tmp_path)
    import phonolips

    phonolips.from_text("hi").save(tmp_path / "o", pictures=False)
    assert left(tmp_path) == []


def test_a_signal_that_is_ignored_stays_so(tmp_path):
    script = f'trap "" HUP; exec "{sys.executable}" -m phonolips info'
    process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.5)
    process.send_signal(signal.SIGHUP)
    assert process.communicate()[1] == b""
    assert process.returncode == 0
