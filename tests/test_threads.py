"""Threads are bounded: in the tests themselves, and what torch makes of the workers' variables."""

import os
import subprocess
import sys

import pytest
from conftest import skip_without

skip_without("train")

import torch

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
COUNT_IN_WORKERS = """
from phonolips.workers.local import LocalBackend

if __name__ == "__main__":
    from test_threads import count_threads

    print(*LocalBackend(2).map(count_threads, range(2)))
"""


def count_threads(_item: int) -> int:
    """Count the threads that torch would use here."""
    return torch.get_num_threads()


def test_tests_keep_to_one_core():
    assert all(variable in os.environ for variable in VARIABLES)
    assert torch.get_num_threads() <= int(os.environ["OMP_NUM_THREADS"])


@pytest.mark.slow
def test_torch_uses_one_thread_in_a_worker_of_a_process_that_is_not_bounded(tmp_path):
    (tmp_path / "main.py").write_text(COUNT_IN_WORKERS)
    unbounded = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    paths = os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, tmp_path / "main.py"], env=unbounded | {"PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "1"]
