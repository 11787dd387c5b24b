"""The order of an epoch: everything once, a few shards at a time, and a small store shuffled as a whole."""

import tracemalloc

import numpy as np
import pytest

from phonolips.training.order import batch_by_length, cut_into_blocks, evenly, shuffle_in_blocks

CLIPS, PER_SHARD = 20_000, 50  # 400 shards


@pytest.fixture
def shard_of():
    return (np.arange(CLIPS) // PER_SHARD).astype(np.int32)


def windows(shards, limit):
    """Cut a sequence of shards into the longest runs that need no more than `limit` of them."""
    seen, runs = set(), 1
    for shard in shards.tolist():
        seen.add(shard)
        if len(seen) > limit:
            seen, runs = {shard}, runs + 1
    return runs


@pytest.mark.parametrize("limit", [1, 7, 64])
def test_everything_comes_once_and_a_few_shards_at_a_time(shard_of, limit):
    positions = np.flatnonzero(np.random.default_rng(1).random(CLIPS) < 0.7)
    order = shuffle_in_blocks(positions, shard_of, np.random.default_rng(0), limit)
    assert np.array_equal(np.sort(order), positions)
    blocks = -(-400 // limit)
    assert windows(shard_of[order], limit) == blocks  # each shard is opened once in an epoch
    assert not np.array_equal(order, shuffle_in_blocks(positions, shard_of, np.random.default_rng(2), limit))
    if limit > 1:  # inside a block all is mixed: neighbours rarely lie in one shard
        assert (np.diff(shard_of[order]) == 0).mean() < 2 / limit


def test_few_shards_are_shuffled_as_a_whole(shard_of):
    positions = np.arange(64 * PER_SHARD)
    order = shuffle_in_blocks(positions, shard_of, np.random.default_rng(3), 64)
    assert np.array_equal(order, np.random.default_rng(3).permutation(len(positions)))
    assert len(cut_into_blocks(positions, shard_of, np.random.default_rng(3), 64)) == 1


def test_batches_hold_every_item_once_in_blocks_and_like_lengths_together(shard_of):
    rng = np.random.default_rng(4)
    lengths = rng.integers(50, 400, CLIPS)
    batches = batch_by_length(lengths, 32, rng, shard_of, 64)
    together = np.concatenate(batches)
    assert np.array_equal(np.sort(together), np.arange(CLIPS))
    assert max(map(len, batches)) == 32
    assert sum(len(batch) < 32 for batch in batches) <= 7  # one for each block
    assert windows(shard_of[together], 64) == 7
    padding = sum(int(lengths[batch].max()) * len(batch) for batch in batches) / lengths.sum()
    assert padding < 1.15
    tops = np.array([lengths[batch].max() for batch in batches])
    assert abs(np.corrcoef(tops, np.arange(len(tops)))[0, 1]) < 0.1  # short and long batches in any order


def test_a_small_store_is_batched_as_it_ever_was(shard_of):
    lengths = np.random.default_rng(5).integers(50, 400, 3_000)

    def earlier(rng):
        order = rng.permutation(len(lengths))
        batches = []
        for start in range(0, len(order), 16 * 24):
            group = sorted(order[start : start + 16 * 24].tolist(), key=lambda index: lengths[index])
            batches += [group[i : i + 24] for i in range(0, len(group), 24)]
        return [batches[i] for i in rng.permutation(len(batches))]

    for shards in (None, shard_of[:3_000]):
        found = batch_by_length(lengths, 24, np.random.default_rng(6), shards)
        assert [batch.tolist() for batch in found] == earlier(np.random.default_rng(6))


def test_a_million_items_take_some_arrays_and_no_more():
    clips = 1_000_000
    shard_of = (np.arange(clips) // 256).astype(np.int32)
    positions = np.arange(clips)
    tracemalloc.start()
    try:
        shuffle_in_blocks(positions, shard_of, np.random.default_rng(7))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 8 * clips
    assert held < clips


def test_evenly_spread():
    positions = np.arange(100, 200)
    assert evenly(positions, 100) is positions
    some = evenly(positions, 7)
    assert len(some) == len(set(some.tolist())) == 7
    assert set(np.diff(some).tolist()) <= {14, 15}
    assert len(evenly(np.arange(0), 5)) == 0
