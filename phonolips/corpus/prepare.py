"""Prepare a corpus for training, step by step: records, lips, align, features.

A prepared corpus is one folder:

    records.jsonl, dropped.tsv      the clips, and those left out with the reason
    lips/                           Store: lips tracked in every video
    alignments/ID.TextGrid          words and phones with their times
    features/                       Store: log-mel, phone labels and lips, on one clock

Every step goes on where a killed run stopped and never does a clip twice.
"""

import shutil
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from phonolips.atomic import whole_file
from phonolips.audio.features import NUM_MELS
from phonolips.corpus.parallel import map_clips
from phonolips.corpus.records import Dropped, Record, read_records, write_dropped, write_records
from phonolips.corpus.store import ArraySpec, Store, StoreWriter
from phonolips.errors import CorpusError, InputError
from phonolips.timebase import (
    MODEL_FPS,
    frame_centres,
    frames_in,
    frames_to_samples,
    samples_to_frames,
    samples_to_seconds,
)

LIPS_ARRAYS = {
    "lips": ArraySpec("float32", (40, 2)),
    "detected": ArraySpec("bool", ()),
    "origin_px": ArraySpec("complex128", ()),
    "axis_px": ArraySpec("complex128", ()),
}
FEATURE_ARRAYS = {
    "mel": ArraySpec("float16", (NUM_MELS,)),
    "labels": ArraySpec("int8", ()),
    "phones": ArraySpec("int32", (3,)),  # phone id, first step, step after the last; silences too
    "lips": ArraySpec("float32", (40, 2)),
    "detected": ArraySpec("bool", ()),
}
LIBRISPEECH = "librispeech"  # first part of the ids of LibriSpeech's records


def make_records(
    folder: Path, data: Path, *, splits: Path | None = None, librispeech: Path | None = None
) -> tuple[list[Record], list[Dropped]]:
    """List the clips of GRID, and of LibriSpeech for the ears, into `folder`; name those left out."""
    from phonolips.corpus import grid
    from phonolips.corpus import librispeech as libri

    records, dropped = grid.find_records(data, splits=splits)
    if librispeech is not None:
        more, also_dropped = libri.find_records(librispeech, splits=splits)
        records, dropped = records + more, dropped + also_dropped
    if not records:
        raise CorpusError(f"{data}: no usable clip; expected <speaker>/<name>.mpg or .mp4 with their .align")
    write_dropped(dropped, folder / "dropped.tsv")
    write_records(records, folder / "records.jsonl")
    return records, dropped


def _track_record(record: Record) -> tuple[dict[str, np.ndarray], dict]:
    from phonolips.video.track import track_video

    track = track_video(Path(record.video))
    values = {
        "lips": track.lips,
        "detected": track.detected,
        "origin_px": track.space.origin,
        "axis_px": track.space.axis,
    }
    return values, {"fps": track.fps, "seconds": track.seconds}


def track_lips(folder: Path, *, jobs: int = 1) -> list[Dropped]:
    """Track the lips of every clip with a video into `folder`/lips; return the clips that failed."""
    records = [record for record in read_records(folder / "records.jsonl") if record.video]
    failed = []
    with StoreWriter(folder / "lips", LIPS_ARRAYS) as store:
        todo = [record for record in records if record.id not in store]
        for record, result, reason, notes in map_clips(_track_record, todo, jobs=jobs, description="lips"):
            if result is None:
                failed.append(Dropped(record.id, reason))
            else:
                values, meta = result
                store.add(record.id, values, {**meta, "notes": notes})
    write_dropped(failed, folder / "dropped_lips.tsv")
    return failed


def alignment_path(folder: Path, clip: str) -> Path:
    """Say where a clip's TextGrid lies in a prepared corpus."""
    return folder / "alignments" / f"{clip}.TextGrid"


def _take_alignment(record: Record, folder: Path, ready: Path) -> bool:
    """Take a ready TextGrid whose words are those of the record; say whether there was one."""
    from phonolips.alignment.tiers import read_textgrid

    name = record.id.removeprefix(f"{LIBRISPEECH}/")
    source = ready / f"{name}.TextGrid"
    if not source.is_file():
        return False
    found = [word.label.lower() for word in read_textgrid(source).speech_words()]
    if found != record.text.lower().split():
        raise InputError(f"{source}: says {' '.join(found)!r}, but the transcript is {record.text.lower()!r}")
    with whole_file(alignment_path(folder, record.id)) as temporary:
        shutil.copyfile(source, temporary)
    return True


def align_clips(
    folder: Path,
    *,
    alignments: Path | None = None,
    librispeech_alignments: Path | None = None,
    aligner: str = "auto",
    jobs: int = 1,
) -> list[Dropped]:
    """Give every clip a TextGrid: a ready one where there is one, else from an aligner.

    Returns the clips left without one, with the reason; they are listed in `dropped_alignments.tsv` too.
    """
    from phonolips.alignment import align_corpus

    failed: list[Dropped] = []
    todo = [r for r in read_records(folder / "records.jsonl") if not alignment_path(folder, r.id).is_file()]
    missing: list[Record] = []
    for is_libri, ready in ((False, alignments), (True, librispeech_alignments)):
        mine = [record for record in todo if record.id.startswith(f"{LIBRISPEECH}/") == is_libri]
        if ready is None:
            missing += mine
            continue
        if not ready.is_dir():
            raise InputError(f"{ready}: no such folder of TextGrids")
        take = partial(_take_alignment, folder=folder, ready=ready)
        for record, taken, reason, _ in map_clips(take, mine, jobs=jobs, description="ready TextGrids"):
            if reason:
                failed.append(Dropped(record.id, reason))
            elif not taken:
                missing.append(record)
    if missing:
        failed += align_corpus(missing, folder / "alignments", aligner=aligner, jobs=jobs)
    write_dropped(failed, folder / "dropped_alignments.tsv")
    return failed


def resample_frames(values: np.ndarray, fps: float, to_fps: float) -> np.ndarray:
    """Resample a curve of frames to another rate, linearly between frame centres; (frames, ...) -> same."""
    if fps == to_fps:
        return values
    frames = frames_in(len(values) / fps, to_fps)
    flat = values.reshape(len(values), -1)
    old, new = frame_centres(len(values), fps), frame_centres(frames, to_fps)
    columns = [np.interp(new, old, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(frames, *values.shape[1:]).astype(values.dtype)


@lru_cache(maxsize=1)
def _lips_store(folder: Path) -> Store:
    """Open the tracked lips once in each worker."""
    return Store(folder / "lips")


def _features_of(record: Record, folder: Path) -> tuple[dict[str, np.ndarray], dict]:
    from phonolips.alignment.tiers import read_textgrid
    from phonolips.audio.features import log_mel
    from phonolips.audio.io import read

    alignment = read_textgrid(alignment_path(folder, record.id))
    waveform = read(Path(record.audio))
    audio_seconds = samples_to_seconds(len(waveform))
    fps = float(MODEL_FPS)
    if record.video:
        tracked = _lips_store(folder)
        fps = float(tracked.meta(record.id)["fps"])
        lips = resample_frames(np.array(tracked.get(record.id, "lips")), fps, MODEL_FPS)
        detected = resample_frames(tracked.get(record.id, "detected").astype(np.float32), fps, MODEL_FPS) > 0.5
        frames = len(lips)
    else:
        lips, detected = np.zeros((0, 40, 2), np.float32), np.zeros(0, bool)
        frames = samples_to_frames(len(waveform))
    samples = frames_to_samples(frames)
    mel = log_mel(np.pad(waveform[:samples], (0, max(0, samples - len(waveform)))))
    values = {
        "mel": mel,
        "labels": alignment.labels(len(mel)),
        "phones": alignment.phone_rows(len(mel)),
        "lips": lips,
        "detected": detected,
    }
    meta = {"speaker": record.speaker, "split": record.split, "fps": fps, "audio_seconds": audio_seconds}
    return values, meta


def make_features(folder: Path, *, jobs: int = 1) -> list[Dropped]:
    """Put log-mel, labels and lips of every clip on one clock into `folder`/features.

    Sound is cut or padded with silence to the length of the picture, so steps = 4 * frames exactly.
    """
    records = read_records(folder / "records.jsonl")
    lips = Store(folder / "lips") if any(record.video for record in records) else None
    _lips_store.cache_clear()  # an earlier call of this process may have seen fewer clips
    failed: list[Dropped] = []
    todo: list[Record] = []
    with StoreWriter(folder / "features", FEATURE_ARRAYS) as store:
        for record in records:
            if record.id in store:
                continue
            if not alignment_path(folder, record.id).is_file():
                failed.append(Dropped(record.id, "no alignment"))
            elif record.video and (lips is None or record.id not in lips):
                failed.append(Dropped(record.id, "no lips were tracked"))
            else:
                todo.append(record)
        work = partial(_features_of, folder=folder)
        for record, result, reason, notes in map_clips(work, todo, jobs=jobs, description="features"):
            if result is None:
                failed.append(Dropped(record.id, reason))
            else:
                values, meta = result
                store.add(record.id, values, {**meta, "notes": notes})
    write_dropped(failed, folder / "dropped_features.tsv")
    return failed
