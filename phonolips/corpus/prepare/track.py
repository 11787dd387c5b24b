"""The second step: track the lips in every video."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.corpus.layout import LIPS_ARRAYS, RECORDS
from phonolips.corpus.prepare.fill import fill_store
from phonolips.corpus.records import Dropped, Record, count_records, iterate_records, write_dropped
from phonolips.corpus.store.store import Clip
from phonolips.errors import InputError
from phonolips.lips.measures import opening
from phonolips.workers.backend import Backend
from phonolips.workers.local import LocalBackend

if TYPE_CHECKING:
    from phonolips.face.track import Part
    from phonolips.media.video import FrameReader

# Eye distances, standard deviation of the opening in a clip that nobody transcribed. In 85 clips of eight people who
# speak (GRID's and three presidents) it is 0.034 to 0.12; what the tracker finds in a still picture has 0.002.
LEAST_MOVEMENT = 0.008


@lru_cache(maxsize=1)
def _frame_reader() -> "FrameReader":
    """Return the reader of this worker, which goes on in a video where the clip before ended."""
    from phonolips.media.video import FrameReader

    return FrameReader()


def _part_of(record: Record) -> "Part | None":
    """Return the frames of the video that are the clip; None = all."""
    from phonolips.face.track import Part
    from phonolips.media.video import probe

    if not record.end:
        return None
    fps = float(probe(Path(record.video)).fps)
    first, last = (round(time * fps) for time in (record.start, record.end))
    return Part(first, last - first, _frame_reader())


def _track_record(record: Record) -> Clip:
    from phonolips.face.limits import FaceLimits
    from phonolips.face.track import track_video

    limits = FaceLimits(centred=not record.is_read) if record.limits else None
    track = track_video(Path(record.video), limits=limits, part=_part_of(record))
    moved = float(opening(track.lips[track.detected]).std())
    if record.is_read and moved < LEAST_MOVEMENT:
        raise InputError(
            f"still mouth: its opening moves by {moved:.4f} eye distances (standard deviation); expected "
            f"{LEAST_MOVEMENT:g} or more of somebody who speaks"
        )
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
