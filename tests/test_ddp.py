"""Several processes: the same losses and weights as one, even where one of them was killed and all started again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_without

skip_without("train")

import torch

from phonolips.training.ranks import mean_over_ranks, share_of

WORKER = Path(__file__).with_name("ddp_worker.py")


def launch(corpus: Path, out: Path, *more: str, processes: int = 2) -> subprocess.CompletedProcess:
    """Start the worker under torchrun."""
    words = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(WORKER.parents[1])}
    return subprocess.run(
        [sys.executable, *words, str(WORKER), str(corpus), str(out), *more],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )


def history(out: Path, part: str) -> list[dict]:
    return [json.loads(line) for line in (out / part / "history.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    from test_training import make_corpus

    return make_corpus(tmp_path_factory.mktemp("ddp"), clips=11, incomplete=3)


@pytest.fixture(scope="module")
def two(corpus, tmp_path_factory) -> Path:
    """What two processes make of it, one of which is killed in the second epoch; then the same command again."""
    out = tmp_path_factory.mktemp("two")
    killed = launch(corpus, out, "1")
    assert killed.returncode != 0
    assert "Signal 9 (SIGKILL) received" in killed.stderr
    assert not (out / "weights.pt").exists()
    assert [line["epoch"] for line in history(out, "encoder")] == [1]
    done = launch(corpus, out)
    assert done.returncode == 0, done.stderr[-2000:]
    return out


@pytest.fixture(scope="module")
def one(corpus, tmp_path_factory) -> Path:
    """What one process makes of it."""
    out = tmp_path_factory.mktemp("one")
    subprocess.run([sys.executable, WORKER, corpus, out], check=True, capture_output=True)
    return out


@pytest.mark.parametrize("part", ["encoder", "durations"])
@pytest.mark.slow
def test_two_processes_have_the_losses_and_scores_of_one(one, two, part):
    for line, other in zip(history(one, part), history(two, part), strict=True):
        for name in set(line) - {"train_seconds"}:
            assert other[name] == pytest.approx(line[name], abs=2e-5), name  # they are written with five digits


@pytest.mark.slow
def test_two_processes_of_which_one_was_killed_end_with_the_weights_of_one(one, two):
    assert [line["epoch"] for line in history(two, "encoder")] == [1, 2, 3]
    first, second = (torch.load(out / "weights.pt") for out in (one, two))
    assert set(first) == set(second)
    for name, value in first.items():
        exact = 1e-9 if name.startswith("audio_encoder") else 1e-5  # double precision, and single
        assert torch.allclose(value, second[name], atol=exact, rtol=exact), name


@pytest.mark.parametrize("items", range(1, 12))
@pytest.mark.parametrize("world", [1, 2, 3, 8])
def test_shares_hold_every_item_and_none_is_empty(items, world):
    shares = [share_of(np.arange(items), rank, world) for rank in range(world)]
    assert all(len(share) for share in shares)
    together = np.concatenate(shares)
    assert set(together.tolist()) == set(range(items))
    if items >= world:
        assert len(together) == items


def test_alone_the_mean_is_the_mean():
    assert mean_over_ranks(torch.tensor(6.0), 3) == 2.0
    assert mean_over_ranks(torch.tensor(0.0), torch.tensor(0)) == 0.0


def test_the_sync_expert_is_not_shared_out(tmp_path, monkeypatch):
    from phonolips.errors import InputError
    from phonolips.training.settings import SyncFitSettings
    from phonolips.training.sync import train_sync

    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="without torchrun"):
        train_sync(None, SyncFitSettings(), tmp_path)
