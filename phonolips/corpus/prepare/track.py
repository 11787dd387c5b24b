"""The second step: track the lips in every video."""

from pathlib import Path

import numpy as np

from phonolips.corpus.layout import LIPS_ARRAYS, RECORDS
from phonolips.corpus.prepare.fill import fill_store
from phonolips.corpus.records import Dropped, Record, count_records, iterate_records, write_dropped
from phonolips.corpus.store.store import Clip
from phonolips.workers.backend import Backend
from phonolips.workers.local import LocalBackend


def _track_record(record: Record) -> Clip:
    from phonolips.face.limits import FaceLimits
    from phonolips.face.track import track_video

    track = track_video(Path(record.video), limits=FaceLimits() if record.limits else None)
    values = {
        "lips": track.lips,
        "detected": track.detected,
        "origin_px": np.stack([track.space.origin.real, track.space.origin.imag], 1),
        "axis_px": np.stack([track.space.axis.real, track.space.axis.imag], 1),
        "pose": track.pose,
    }
    yaw = round(float(np.median(track.pose[track.detected, 0])), 1)
    return Clip(record.id, values, {"fps": track.fps, "yaw": yaw, "frontalised": track.frontalised})


def track_lips(folder: Path, *, backend: Backend | None = None) -> list[Dropped]:
    """Track the lips of every clip with a video into `folder`/lips.

    Args:
        folder: a prepared corpus with its records.
        backend: who works; None = this process.

    Returns:
        The clips that failed, with the reason; they are listed in `dropped_lips.tsv` too.
    """
    source = folder / RECORDS
    records = (record for record in iterate_records(source) if record.video)
    workers = backend or LocalBackend(1)
    clips = count_records(source)
    failed = fill_store(folder / "lips", LIPS_ARRAYS, records, _track_record, clips=clips, backend=workers)
    write_dropped(failed, folder / "dropped_lips.tsv")
    return failed
