"""The last step: log-mel, phones, labels and lips of every clip on one clock."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from phonolips.corpus.layout import RECORDS, alignment_path, feature_arrays, phone_times
from phonolips.corpus.prepare.fill import fill_store
from phonolips.corpus.prepare.loaded import lips_of, network_of
from phonolips.corpus.records import Dropped, Record, count_records, iterate_records, write_dropped
from phonolips.corpus.registration import Lag, bring_into_sync, find_lags, speaker_centres
from phonolips.corpus.store.store import Clip, Store, declared_arrays
from phonolips.lips.curve import resample_frames
from phonolips.lips.points import LIP_POINTS
from phonolips.lips.space import mean_centre
from phonolips.model.lag import move_in_time
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.storage import write_text
from phonolips.timebase import MODEL_FPS, frames_to_samples, samples_to_frames, samples_to_seconds
from phonolips.workers.backend import Backend
from phonolips.workers.clips import map_groups
from phonolips.workers.local import LocalBackend

KEPT_META = ("fps", "yaw", "frontalised")  # of the tracked lips


class _Featuring(NamedTuple):
    """How clips get their features; the paths are absolute."""

    folder: Path
    clips: int  # tracked
    encoder: Path | None
    centres: dict[str, list[float]]  # speaker -> where the mouth is on average, mouth-space units
    lags: dict[str, Lag]  # clip -> by how much its lips are late, of videos that nobody transcribed
    sync: bool
    arrays: tuple[str, ...]


class _Seen(NamedTuple):
    """Lips float32 (frames, 40, 2), mouth space, 25 a second; detected bool (frames,); what is known of them."""

    lips: np.ndarray
    detected: np.ndarray
    meta: dict[str, Any]


def make_features(
    folder: Path, *, encoder: Path | None = None, sync: bool = False, backend: Backend | None = None
) -> list[Dropped]:
    """Put log-mel, phones, labels and lips of every clip on one clock into `folder`/features.

    Sound is cut or padded with silence to the length of the picture, so steps = 4 * frames exactly. All clips of a
    named speaker are laid onto one place in the face (see `phonolips.corpus.registration`), which `folder`/centres.json
    keeps; it is measured once, so that a run that goes on lays its clips onto the same.

    Args:
        folder: a prepared corpus with its lips and alignments.
        encoder: the model that labels what no transcript covers; None = the one in the package.
        sync: move lips in time to where the sync expert in the package finds them, where it is sure; each clip's
            meta `late_ms` tells by how much they were late. Videos that nobody transcribed may be late by 400 ms;
            by how much each of their clips is, is kept in `folder`/lags.json.
        backend: who works; None = this process.

    Returns:
        The clips left out, with the reason; they are listed in `dropped_features.tsv` too.
    """
    source = folder / RECORDS
    lips = Store(folder / "lips") if any(record.video for record in iterate_records(source)) else None
    unready: list[Dropped] = []

    def ready() -> Iterator[Record]:
        for record in iterate_records(source):
            if not alignment_path(folder, record.id).is_file():
                unready.append(Dropped(record.id, "no alignment"))
            elif record.video and (lips is None or record.id not in lips):
                unready.append(Dropped(record.id, "no lips were tracked"))
            else:
                yield record

    centres = {} if lips is None else _mouth_centres(folder, lips)
    lags = _clip_lags(folder, lips, backend or LocalBackend(1)) if lips is not None and sync else {}
    arrays = feature_arrays(declared_arrays(folder / "features"))
    how = _Featuring(
        folder.resolve(), len(lips) if lips else 0, encoder and encoder.resolve(), centres, lags, sync, tuple(arrays)
    )
    failed = fill_store(
        folder / "features",
        arrays,
        ready(),
        partial(_features_of, how=how),
        clips=count_records(source),
        backend=backend or LocalBackend(1),
    )
    failed += unready
    write_dropped(failed, folder / "dropped_features.tsv")
    return failed


def _mouth_centres(folder: Path, lips: Store) -> dict[str, list[float]]:
    """Read where each speaker's mouth is on average, or measure and keep it."""
    kept = folder / "centres.json"
    if not kept.is_file():
        records = iterate_records(folder / RECORDS)
        seen = ((record.id, record.speaker) for record in records if record.video and record.id in lips)
        write_text(kept, json.dumps(speaker_centres(lips, seen), indent=1) + "\n")
    centres: dict[str, list[float]] = json.loads(kept.read_text(encoding="utf-8"))
    return centres


def _clip_lags(folder: Path, lips: Store, backend: Backend) -> dict[str, Lag]:
    """Read by how much untranscribed clips' lips are late, or find it video by video, and keep it in lags.json."""
    kept = folder / "lags.json"
    if not kept.is_file():
        videos: dict[str, list[Record]] = {}
        for record in iterate_records(folder / RECORDS):
            if record.is_read and record.id in lips:
                videos.setdefault(record.video, []).append(record)
        found = map_groups(
            partial(_lags_of, folder=folder.resolve(), clips=len(lips)),
            list(videos.values()),
            backend=backend,
            clips=sum(map(len, videos.values())),
            description="lags",
        )
        lags = {clip: lag._asdict() for one in found for clip, lag in one.lags.items()}
        write_text(kept, json.dumps(dict(sorted(lags.items())), indent=1) + "\n")
    values: dict[str, dict[str, Any]] = json.loads(kept.read_text(encoding="utf-8"))
    return {clip: Lag(**lag) for clip, lag in values.items()}


class _LagsFound(NamedTuple):
    """What `_lags_of` finds: the lag of each clip, and of how many clips."""

    lags: dict[str, Lag]
    clips: int


def _lags_of(records: list[Record], *, folder: Path, clips: int) -> _LagsFound:
    """Find the lags of the clips of one video."""
    from phonolips.media.audio import read
    from phonolips.speech.mel import log_mel

    how = _Featuring(folder, clips, None, {}, {}, False, ())
    triples = ((record.id, _lips_of(record, how).lips, log_mel(read(Path(record.audio)))) for record in records)
    return _LagsFound(find_lags(triples), len(records))


def _features_of(record: Record, *, how: _Featuring) -> Clip:
    from phonolips.media.audio import read
    from phonolips.phones.files.read import read_alignment
    from phonolips.speech.mel import log_mel

    waveform = read(Path(record.audio))
    seconds = samples_to_seconds(len(waveform))
    alignment = read_alignment(alignment_path(how.folder, record.id), seconds=seconds)
    if record.video:
        seen = _lips_of(record, how)
        frames = len(seen.lips)
    else:
        seen = _Seen(np.zeros((0, LIP_POINTS, 2), np.float32), np.zeros(0, bool), {})
        frames = samples_to_frames(len(waveform))
    samples = frames_to_samples(frames)
    mel = log_mel(np.pad(waveform[:samples], (0, max(0, samples - len(waveform)))))
    if how.sync and record.video:
        lips, detected, late_ms = (
            move_in_time(seen.lips, seen.detected, how.lags[record.id].late_ms)
            if record.is_read
            else bring_into_sync(seen.lips, seen.detected, mel)
        )
        seen = _Seen(lips, detected, {**seen.meta, "late_ms": late_ms})
    labels = alignment.labels(len(mel))
    soft = np.zeros((0, NUM_PHONES), np.float16)
    if record.is_read:
        soft = _encode(mel, how.encoder).astype(np.float16)
    elif not record.complete and (labels == IGNORED_ID).any():
        from phonolips.speech.align.known_word import soft_labels

        soft = soft_labels(_encode(mel, how.encoder), labels)
    values = {
        "mel": mel,
        "labels": labels,
        "phones": alignment.phone_rows(len(mel)),
        "phone_times": phone_times(alignment),
        "soft": soft,
        "lips": seen.lips,
        "detected": seen.detected,
    }
    meta = {**seen.meta, "audio_seconds": samples_to_seconds(len(waveform)), "complete": record.complete}
    return Clip(record.id, {name: values[name] for name in how.arrays}, meta)


def _lips_of(record: Record, how: _Featuring) -> _Seen:
    """Bring the tracked lips of a clip to 25 frames a second, and onto their speaker's place in the face."""
    tracked = lips_of(how.folder, how.clips)
    meta = {name: value for name, value in tracked.meta(record.id).items() if name in KEPT_META}
    fps = float(meta["fps"])
    lips = resample_frames(tracked.get(record.id, "lips"), fps, MODEL_FPS)
    detected = resample_frames(tracked.get(record.id, "detected").astype(np.float32), fps, MODEL_FPS) > 0.5
    if record.speaker in how.centres and detected.any():
        place = np.array(how.centres[record.speaker]) - mean_centre(lips, detected)
        lips = (lips + place).astype(np.float32)
    return _Seen(lips, detected, meta)


def _encode(mel: np.ndarray, encoder: Path | None) -> np.ndarray:
    """Return the posteriors of a mel, float32 (steps, NUM_PHONES)."""
    from phonolips.model.stream import encode_mel

    return encode_mel(network_of(encoder), mel).posteriors
