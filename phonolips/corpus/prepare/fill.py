"""Fill a store, shard by shard."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from phonolips.corpus.records import Dropped, GroupDone, Record
from phonolips.corpus.store.store import ArraySpec, Clip, Store, plan_shards, write_shard
from phonolips.workers.backend import Backend
from phonolips.workers.clips import guarded, map_groups


class _ShardTask(NamedTuple):
    """One shard to be made."""

    number: int
    records: list[Record]

    def __str__(self) -> str:
        return f"shard {self.number} ({len(self.records)} clips from {self.records[0].id})"


def _make_shard(
    task: _ShardTask, *, folder: Path, arrays: Mapping[str, ArraySpec], work: Callable[[Record], Clip]
) -> GroupDone:
    """Make one shard of a store; clips that fail are kept in it by name."""
    clips, failed, warned = [], [], []
    for record in task.records:
        clip, reason, notes = guarded(work, record)
        warned += [f"{record.id}: {note}" for note in notes]
        if clip is None:
            failed.append(Dropped(record.id, reason))
        else:
            meta = {"split": record.split, "speaker": record.speaker, **clip.meta, "notes": notes}
            clips.append(clip._replace(meta=meta))
    write_shard(folder, task.number, arrays, clips, failed)
    return GroupDone(len(task.records), failed, warned)


def fill_store(
    folder: Path,
    arrays: Mapping[str, ArraySpec],
    records: Iterable[Record],
    work: Callable[[Record], Clip],
    *,
    clips: int,
    backend: Backend,
) -> list[Dropped]:
    """Make the shards that a store lacks; return the clips that failed, now or earlier.

    Args:
        folder: the store.
        arrays: what every clip has.
        records: all that the store is to hold, read once.
        work: a top-level function, or a partial of one: makes the clip of a record.
        clips: how many there are, about.
        backend: who works.
    """
    tasks = (_ShardTask(*planned) for planned in plan_shards(folder, arrays, records, clips=clips))
    make = partial(_make_shard, folder=folder.resolve(), arrays=dict(arrays), work=work)
    for _ in map_groups(make, tasks, backend=backend, clips=clips, description=folder.name):
        pass
    return Store(folder).failed()
