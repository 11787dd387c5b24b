"""Those who prepare a corpus: pieces in hand, errors, and workers that are killed."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from functools import partial
from pathlib import Path

import pytest

from phonolips import __version__
from phonolips.errors import InputError, MissingToolError, PhonolipsError, PhonolipsWarning
from phonolips.workers import cluster as module
from phonolips.workers.backend import open_backend
from phonolips.workers.cluster import DaskBackend, _Work
from phonolips.workers.local import MOST_DEATHS, THREAD_VARIABLES, WAITING_PER_JOB, LocalBackend

ROOT = Path(__file__).parents[1]
LONG = 60.0  # seconds that a busy machine may take


def square(number):
    return number * number


def fail_at_three(number):
    if number == 3:
        raise ValueError("three is a bug")
    return number


def record(number, folder, deaths=0, at=3):
    """Write what was done, once for each time; be killed at one number, so many times."""
    tries = len(list(folder.glob(f"try-{number}-*")))
    (folder / f"try-{number}-{tries}").touch()
    if number == at and tries < deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def sleep_with_pid(number, folder):
    (folder / f"pid-{os.getpid()}").touch()
    time.sleep(LONG)


class Counted:
    """Numbers, and how many of them were asked for."""

    def __init__(self, count):
        self.count, self.asked = count, 0

    def __iter__(self):
        for number in range(self.count):
            self.asked += 1
            yield number


def until(condition, seconds=LONG):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def check_bound(backend, workers):
    items = Counted(12 * workers)
    results = []
    for result in backend.map(square, items):
        results.append(result)
        assert items.asked - len(results) < WAITING_PER_JOB * workers
    assert sorted(results) == [n * n for n in range(12 * workers)]


def test_one_job_works_here_and_asks_for_one_piece_at_a_time():
    items = Counted(3)
    results = LocalBackend(1).map(square, items)
    assert next(results) == 0
    assert items.asked == 1
    assert list(results) == [1, 4]


def test_pieces_in_hand_are_bounded():
    check_bound(LocalBackend(2), 2)


def test_none_is_an_item_like_any_other():
    assert sorted(LocalBackend(2).map(str, [None, 1])) == ["1", "None"]


def thread_limits(_):
    return [os.environ.get(name) for name in THREAD_VARIABLES]


def test_every_worker_keeps_to_one_core(monkeypatch):
    assert "OPENBLAS_NUM_THREADS" in THREAD_VARIABLES
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, "7")
    assert list(LocalBackend(2).map(thread_limits, range(2))) == [["1"] * len(THREAD_VARIABLES)] * 2
    assert thread_limits(None) == ["7"] * len(THREAD_VARIABLES)  # this process is left as it is


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ValueError, match="three is a bug") as caught:
        list(LocalBackend(2).map(fail_at_three, range(6)))
    assert "in fail_at_three" in str(caught.value.__cause__)


def test_the_piece_of_a_killed_worker_is_done_again_and_the_others_once(tmp_path):
    results = list(LocalBackend(2).map(partial(record, folder=tmp_path, deaths=2), range(10)))
    assert sorted(results) == list(range(10))
    assert len(list(tmp_path.glob("try-3-*"))) == 3
    assert len(list(tmp_path.iterdir())) == 12


def test_workers_killed_while_they_wait_lose_nothing():
    results = LocalBackend(2).map(square, range(20))
    found = [next(results)]
    time.sleep(1.0)  # the others that were given are done now
    for worker in multiprocessing.active_children():
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    found += results
    assert sorted(found) == [n * n for n in range(20)]


def test_a_piece_that_kills_worker_after_worker_is_named(tmp_path):
    with pytest.raises(PhonolipsError, match=rf"^3: {MOST_DEATHS} workers were killed over it.*run the same command"):
        list(LocalBackend(2).map(partial(record, folder=tmp_path, deaths=99), range(10)))
    assert len(list(tmp_path.glob("try-3-*"))) == MOST_DEATHS


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    code = (
        "from functools import partial; from pathlib import Path\n"
        "from phonolips.workers.local import LocalBackend; from tests.test_backend import sleep_with_pid\n"
        "if __name__ == '__main__':\n"
        f"    list(LocalBackend(2).map(partial(sleep_with_pid, folder=Path({str(tmp_path)!r})), range(4)))\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    parent = subprocess.Popen([sys.executable, str(script)], env=environment)
    until(lambda: len(list(tmp_path.glob("pid-*"))) == 2)
    parent.kill()
    parent.wait()

    def alive(pid):
        stat = Path(f"/proc/{pid}/stat")
        try:
            return stat.read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    until(lambda: not any(alive(path.name[4:]) for path in tmp_path.glob("pid-*")), 20.0)


@pytest.mark.parametrize("backend", ["slurm", "dask:", "local:3", ""])
def test_an_unknown_backend_is_refused(backend):
    with pytest.raises(InputError, match="expected local, dask, dask:tcp"), open_backend(backend):
        pass


def test_missing_dask_names_the_install_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingToolError, match=r"pip install 'phonolips\[cluster\]'"), open_backend("dask"):
        pass


def test_a_worker_unlike_the_client_says_so(tmp_path):
    marker = tmp_path / "marker"
    with pytest.raises(InputError, match=r"does not see .* share"):
        _Work(square, __version__, str(marker))(3)
    marker.touch()
    assert _Work(square, __version__, str(marker))(3) == 9
    with pytest.raises(InputError, match=rf"has phonolips {__version__}, but this command has 0\.0\.1"):
        _Work(square, "0.0.1", "")(3)


def test_the_slurm_script_is_bash():
    subprocess.run(["bash", "-n", str(ROOT / "recipes/lrw/slurm_prepare.sh")], check=True)


@pytest.fixture(scope="module")
def dask_backend(tmp_path_factory):
    pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        open_backend("dask", 2, folder=tmp_path_factory.mktemp("shared")) as opened,
    ):
        yield opened


def test_dask_pieces_in_hand_are_bounded(dask_backend):
    assert isinstance(dask_backend, DaskBackend)
    check_bound(dask_backend, 2)
    assert not list(dask_backend.folder.iterdir())  # the marker is gone


def test_dask_listens_on_this_machine_alone(dask_backend):
    from urllib.parse import urlsplit

    client = dask_backend.client
    addresses = [client.scheduler.address, client.dashboard_link, *client.scheduler_info()["workers"]]
    assert {urlsplit(address).hostname for address in addresses if address} == {"127.0.0.1"}
    listening = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        if state == "0A":
            listening.add(local)
    port = urlsplit(client.dashboard_link).port
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening


def test_dask_a_bug_keeps_its_traceback(dask_backend):
    with pytest.raises(ValueError, match="three is a bug") as caught:
        list(dask_backend.map(fail_at_three, range(6)))
    assert any(entry.name == "fail_at_three" for entry in caught.traceback)


def test_dask_gives_a_dead_workers_piece_to_another(dask_backend, tmp_path):
    results = list(dask_backend.map(partial(record, folder=tmp_path, deaths=1), range(10)))
    assert sorted(results) == list(range(10))
    assert len(list(tmp_path.glob("try-3-*"))) == 2


def test_dask_a_piece_that_kills_worker_after_worker_is_named(dask_backend, tmp_path):
    with pytest.raises(PhonolipsError, match=r"^3: 2 workers were killed over it"):
        list(dask_backend.map(partial(record, folder=tmp_path, deaths=99), range(10)))


def test_dask_says_that_there_is_no_worker_and_that_the_scheduler_is_gone(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    for name in [name for name in sys.modules if name.startswith("speechbrain")]:
        monkeypatch.delitem(sys.modules, name)  # dask's log looks into every module, and some of these then import k2
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(module, "LONELY_SECONDS", 0.5)
    file = tmp_path / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "dask", "scheduler", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )
    try:
        until(file.is_file)
        with open_backend(f"dask:{file}") as opened, warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")

            def kill_when_said():
                until(lambda: caught)
                scheduler.kill()

            threading.Thread(target=kill_when_said).start()
            with pytest.raises(
                PhonolipsError, match=r"scheduler at tcp://127\.0\.0\.1:.* is gone; what was done is kept"
            ):
                list(opened.map(abs, range(3)))
        said = [str(w.message) for w in caught if issubclass(w.category, PhonolipsWarning)]
        assert said
        assert "no worker has been connected" in said[0]
        assert "dask worker --nthreads 1" in said[0]
    finally:
        scheduler.kill()
        scheduler.wait()


def test_dask_says_what_is_wrong_with_an_address(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(module, "CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match="no such file; expected the one that a scheduler wrote"):
        module.connect(str(tmp_path / "none.json"))
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(["no address"]))
    with pytest.raises(InputError, match="not a scheduler's file"):
        module.connect(str(broken))
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        module.connect("tcp://127.0.0.1:9")
    with pytest.raises(InputError, match=r"no Dask scheduler answers at nonsense"):
        module.connect("nonsense://x")


def test_slurm_jobs_are_described_by_configuration():
    pytest.importorskip("dask_jobqueue")
    import dask

    with dask.config.set({"jobqueue.slurm.cores": None}), pytest.raises(InputError, match="cores"):
        module.slurm_cluster()
    settings = {"cores": 4, "processes": 4, "memory": "16GB", "walltime": "10:00:00", "queue": "long"}
    with (
        dask.config.set({f"jobqueue.slurm.{name}": value for name, value in settings.items()}),
        module.slurm_cluster() as cluster,
    ):
        script = cluster.job_script()
    assert "#SBATCH -p long" in script
    assert "#SBATCH --cpus-per-task=4" in script
    assert "--nworkers 4" in script
