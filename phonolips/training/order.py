"""In which order an epoch shows its items: at random, and yet a few shards of the store at a time.

A store of a million clips does not fit into memory. So the shards are shuffled, taken some at a time, and only what
lies in those is shuffled together; the system's page cache, or the copies of a store in object storage, then hold
what is read next. A store with few shards is shuffled as a whole.
"""

import numpy as np

SHARDS_AT_ONCE = 128  # a prepared corpus of less than 32,768 clips has no more
SORTED_BATCHES = 16  # so many batches are drawn together and sorted by length


def cut_into_blocks(
    positions: np.ndarray, shard_of: np.ndarray, rng: np.random.Generator, shards_at_once: int = SHARDS_AT_ONCE
) -> list[np.ndarray]:
    """Shuffle the shards, take them some at a time, and return which positions lie in each of these blocks.

    Args:
        positions: int64 (items,), into `shard_of`.
        shard_of: the shard of every position, as `Store.shard_of`.
        rng: where the randomness comes from; not used where one block holds everything.
        shards_at_once: in a block.

    Returns:
        the positions of each block, in the order in which they came.
    """
    shard = np.asarray(shard_of[positions])
    there = np.unique(shard)
    if len(there) <= shards_at_once:
        return [positions]
    place = np.empty(there[-1] + 1, np.int32)
    place[there] = rng.permutation(len(there))
    block = place[shard] // shards_at_once
    order = np.argsort(block, kind="stable")
    edges = np.searchsorted(block[order], np.arange(1, block.max() + 1))
    return np.split(positions[order], edges)


def shuffle_in_blocks(
    positions: np.ndarray, shard_of: np.ndarray, rng: np.random.Generator, shards_at_once: int = SHARDS_AT_ONCE
) -> np.ndarray:
    """Shuffle positions so that no more than `shards_at_once` shards are needed at a time.

    Arguments are those of `cut_into_blocks`. Returns every position once, int64 (items,).
    """
    blocks = cut_into_blocks(positions, shard_of, rng, shards_at_once)
    return np.concatenate([block[rng.permutation(len(block))] for block in blocks])


def batch_by_length(
    lengths: np.ndarray,
    batch: int,
    rng: np.random.Generator,
    shard_of: np.ndarray | None = None,
    shards_at_once: int = SHARDS_AT_ONCE,
) -> list[np.ndarray]:
    """Draw batches of indices at random, items of like length together, so that little is padding.

    Args:
        lengths: (items,).
        batch: items in a batch; the last one of a block may have fewer.
        rng: where the randomness comes from.
        shard_of: the shard of every item; None = all lie together.
        shards_at_once: batches one after the other need no more shards than these.

    Returns:
        batches, int64 (items of the batch,) each; every index once.
    """
    everything = np.arange(len(lengths))
    together = np.zeros(len(lengths), np.int32) if shard_of is None else shard_of
    drawn: list[np.ndarray] = []
    for block in cut_into_blocks(everything, together, rng, shards_at_once):
        order = block[rng.permutation(len(block))]
        batches = []
        for start in range(0, len(order), SORTED_BATCHES * batch):
            pool = order[start : start + SORTED_BATCHES * batch]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            batches += [pool[i : i + batch] for i in range(0, len(pool), batch)]
        drawn += [batches[i] for i in rng.permutation(len(batches))]
    return drawn


def evenly(positions: np.ndarray, most: int) -> np.ndarray:
    """Take at most `most` of the positions, evenly spread over them, in their order."""
    if len(positions) <= most:
        return positions
    return positions[np.arange(most) * len(positions) // most]
