"""Prepare a corpus for training, step by step: records, lips, align, features.

A prepared corpus is one folder:

    records.jsonl, dropped.tsv      the clips, and those left out with the reason
    lips/                           Store: lips tracked in every video
    alignments/ID.TextGrid          words and phones with their times
    centres.json                    where in the face each speaker's mouth is laid
    features/                       Store: log-mel, phone labels and lips, on one clock

Every step cuts its clips into groups. A group is made whole or not at all, by one process here or on another machine
(`backend`); what it makes depends on its clips alone. So a step goes on where a killed run stopped, and its result is
the same whoever did the work.
"""

import json
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from phonolips.corpus.records import (
    Dropped,
    GroupDone,
    Record,
    count_records,
    iterate_records,
    write_dropped,
    write_records,
)
from phonolips.corpus.registration import bring_into_sync, speaker_centres
from phonolips.corpus.store.store import ArraySpec, Clip, Store, plan_shards, write_shard
from phonolips.errors import CorpusError, InputError, PhonolipsWarning
from phonolips.lips.space import mean_centre
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.speech.mel import NUM_MELS
from phonolips.storage import atomic_file, write_text
from phonolips.timebase import (
    MODEL_FPS,
    frames_to_samples,
    samples_to_frames,
    samples_to_seconds,
)
from phonolips.workers.backend import Backend
from phonolips.workers.clips import guarded, map_groups
from phonolips.workers.local import LocalBackend

if TYPE_CHECKING:
    from phonolips.model.network import Network
from phonolips.lips.curve import resample_frames

LIPS_ARRAYS = {
    "lips": ArraySpec("float32", (40, 2)),
    "detected": ArraySpec("bool", ()),
    "origin_px": ArraySpec("float64", (2,)),
    "axis_px": ArraySpec("float64", (2,)),
    "pose": ArraySpec("float32", (3,)),  # yaw, pitch, roll in degrees
}
FEATURE_ARRAYS = {
    "mel": ArraySpec("float16", (NUM_MELS,)),
    "labels": ArraySpec("int8", ()),
    "phones": ArraySpec("int32", (3,)),  # phone id, first step, step after the last; silences too
    "soft": ArraySpec("float16", (NUM_PHONES,)),  # what ears made of steps without a label; no rows if all have one
    "lips": ArraySpec("float32", (40, 2)),
    "detected": ArraySpec("bool", ()),
}
SEEN = ("fps", "yaw", "frontalised")  # what the lips' meta tells, and the features' too
LIBRISPEECH = "librispeech"  # first part of the ids of LibriSpeech's records
CORPORA = ("grid", "lrw")
ALIGN_GROUP, MFA_GROUP = 32, 5_000  # clips that a worker aligns at a time
HERE = LocalBackend(1)


def make_records(
    folder: Path,
    data: Path,
    *,
    corpus: str = "grid",
    splits: Path | None = None,
    grid: Path | None = None,
    librispeech: Path | None = None,
    words: Iterable[str] | None = None,
    most_clips: int = 0,
) -> tuple[int, list[Dropped]]:
    """List the clips of a corpus, and of others to learn from beside it, into `folder`; name those left out.

    Args:
        folder: gets records.jsonl and dropped.tsv.
        data: the corpus.
        corpus: which one it is, of CORPORA.
        splits: the lists that say which clips of GRID and LibriSpeech are for what.
        grid: GRID, to learn from beside LRW.
        librispeech: LibriSpeech, for the ears to learn from.
        words: of LRW, these words only.
        most_clips: of LRW, at most so many clips for each word and split; 0 = all.

    Returns:
        how many clips there are, and those left out.

    Raises:
        InputError: another corpus. CorpusError: no usable clip, or not the corpus' layout.
    """
    from phonolips.corpus import grid as grid_corpus
    from phonolips.corpus import librispeech as libri

    if corpus not in CORPORA:
        raise InputError(f"corpus {corpus!r}; expected one of {', '.join(CORPORA)}")
    if corpus == "grid":
        records, dropped = grid_corpus.find_records(data, splits=splits)
    else:
        from phonolips.corpus import lrw

        records, dropped = lrw.find_records(data, words=words, most_clips=most_clips)
        if grid is not None:
            more, also_dropped = grid_corpus.find_records(grid, splits=splits)
            records, dropped = records + more, dropped + also_dropped
    if librispeech is not None:
        more, also_dropped = libri.find_records(librispeech, splits=splits)
        records, dropped = records + more, dropped + also_dropped
    if not records:
        raise CorpusError(f"{data}: no usable clip; see {folder / 'dropped.tsv'} for what was left out")
    write_dropped(dropped, folder / "dropped.tsv")
    write_records(records, folder / "records.jsonl")
    return len(records), dropped


class _ShardTask(NamedTuple):
    """One shard to be made: every record through `work`."""

    number: int
    records: list[Record]

    def __str__(self) -> str:
        return f"shard {self.number} ({len(self.records)} clips from {self.records[0].id})"


def _make_shard(
    task: _ShardTask, *, folder: Path, arrays: Mapping[str, ArraySpec], work: Callable[[Record], Clip]
) -> GroupDone:
    """Make one shard of a store; clips that fail are kept in it by name."""
    clips, failed, said = [], [], []
    for record in task.records:
        clip, reason, notes = guarded(work, record)
        said += [f"{record.id}: {note}" for note in notes]
        if clip is None:
            failed.append(Dropped(record.id, reason))
        else:
            meta = {"split": record.split, "speaker": record.speaker, **clip.meta, "notes": notes}
            clips.append(clip._replace(meta=meta))
    write_shard(folder, task.number, arrays, clips, failed)
    return GroupDone(len(task.records), failed, said)


def _fill_store(
    folder: Path,
    arrays: Mapping[str, ArraySpec],
    records: Iterable[Record],
    clips: int,
    work: Callable[[Record], Clip],
    backend: Backend,
) -> list[Dropped]:
    """Make the shards that a store lacks; return the clips that failed, now or earlier."""
    tasks = (_ShardTask(*planned) for planned in plan_shards(folder, arrays, records, clips=clips))
    make = partial(_make_shard, folder=folder.resolve(), arrays=dict(arrays), work=work)
    for _ in map_groups(make, tasks, backend=backend, clips=clips, description=folder.name):
        pass
    return Store(folder).failed()


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


def track_lips(folder: Path, *, backend: Backend = HERE) -> list[Dropped]:
    """Track the lips of every clip with a video into `folder`/lips; return the clips that failed."""
    source = folder / "records.jsonl"
    records = (record for record in iterate_records(source) if record.video)
    failed = _fill_store(folder / "lips", LIPS_ARRAYS, records, count_records(source), _track_record, backend)
    write_dropped(failed, folder / "dropped_lips.tsv")
    return failed


def alignment_path(folder: Path, clip: str) -> Path:
    """Say where a clip's TextGrid lies in a prepared corpus."""
    return folder / "alignments" / f"{clip}.TextGrid"


def _take_alignment(record: Record, folder: Path, ready: Path) -> bool:
    """Take a ready TextGrid whose words are those of the record; say whether there was one."""
    from phonolips.phones.textgrid import read_textgrid

    name = record.id.removeprefix(f"{LIBRISPEECH}/")
    source = ready / f"{name}.TextGrid"
    if not source.is_file():
        return False
    found = [word.label.lower() for word in read_textgrid(source).speech_words()]
    if found != record.text.lower().split():
        raise InputError(f"{source}: says {' '.join(found)!r}, but the transcript is {record.text.lower()!r}")
    with atomic_file(alignment_path(folder, record.id)) as temporary:
        shutil.copyfile(source, temporary)
    return True


class _Aligning(NamedTuple):
    """How clips get their TextGrids; the paths are absolute."""

    folder: Path
    alignments: Path | None
    librispeech_alignments: Path | None
    aligner: str
    encoder: Path | None
    jobs: int


def _align_group(records: list[Record], how: _Aligning) -> GroupDone:
    """Give every record of a group a TextGrid: a ready one, else from an aligner."""
    from phonolips.corpus.align import align_corpus, align_record

    failed: list[Dropped] = []
    said: list[str] = []
    missing: list[Record] = []
    out = how.folder / "alignments"
    for record in records:
        ready = how.librispeech_alignments if record.id.startswith(f"{LIBRISPEECH}/") else how.alignments
        taken, reason = False, ""
        if ready is not None:
            taken, reason, _ = guarded(partial(_take_alignment, folder=how.folder, ready=ready), record)  # type: ignore[assignment]
        if reason:
            failed.append(Dropped(record.id, reason))
        elif not taken:
            missing.append(record)
    parts = [record for record in missing if not record.complete]
    missing = [record for record in missing if record.complete]
    if parts:
        from phonolips.corpus import known_words as star

        failed += star.align_records(parts, out, aligner=how.aligner, network=_encoder(how.encoder), jobs=how.jobs)
    if how.aligner == "mfa":
        failed += align_corpus(missing, out, aligner="mfa", jobs=how.jobs)
        missing = []
    network = _encoder(how.encoder) if how.aligner == "ctc" and missing else None
    for record in missing:
        _, reason, notes = guarded(partial(align_record, out=out, aligner=how.aligner, network=network), record)
        failed += [Dropped(record.id, reason)] if reason else []
        said += [f"{record.id}: {note}" for note in notes]
    return GroupDone(len(records), failed, said)


def _in_groups(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """Cut records into lists of a size."""
    rest = iter(records)
    while group := list(islice(rest, size)):
        yield group


def align_clips(
    folder: Path,
    *,
    alignments: Path | None = None,
    librispeech_alignments: Path | None = None,
    aligner: str = "auto",
    encoder: Path | None = None,
    jobs: int = 1,
    backend: Backend = HERE,
) -> list[Dropped]:
    """Give every clip a TextGrid: a ready one where there is one, else from an aligner.

    Of a clip in which more is said than its record tells, the words that are told are found; the rest is `spn`.

    Args:
        folder: a prepared corpus with its records.
        alignments: ready TextGrids.
        librispeech_alignments: LibriSpeech's.
        aligner: for all others; one of `phonolips.speech.align.align.ALIGNERS`.
        ears: the model that listens to clips with words unknown; None = the one in the package.
        jobs: processes that MFA works with, where it aligns.
        backend: who works otherwise.

    Returns:
        The clips left without one, with the reason; they are listed in `dropped_alignments.tsv` too.
    """
    from phonolips.speech.align.align import choose_aligner

    for ready in (alignments, librispeech_alignments):
        if ready is not None and not ready.is_dir():
            raise InputError(f"{ready}: no such folder of TextGrids")
    chosen = choose_aligner(aligner)
    how = _Aligning(
        folder.resolve(),
        alignments and alignments.resolve(),
        librispeech_alignments and librispeech_alignments.resolve(),
        chosen,
        encoder and encoder.resolve(),
        jobs,
    )
    size = ALIGN_GROUP
    if chosen == "mfa":  # a program that shares its own work out
        size, backend = MFA_GROUP, HERE
    source = folder / "records.jsonl"
    todo = (r for r in iterate_records(source) if not alignment_path(folder, r.id).is_file())
    failed: list[Dropped] = []
    work = partial(_align_group, how=how)
    for done in map_groups(
        work, _in_groups(todo, size), backend=backend, clips=count_records(source), description="align"
    ):
        failed += done.failed
        for line in done.notes:
            warnings.warn(line, PhonolipsWarning, stacklevel=2)
    failed.sort(key=lambda item: item.id)
    write_dropped(failed, folder / "dropped_alignments.tsv")
    return failed


@lru_cache(maxsize=1)
def _encoder(model: Path | None) -> "Network":
    """Load the ears once in each worker."""
    from phonolips.model.network import load_network

    return load_network(model)


@lru_cache(maxsize=1)
def _lips_store(folder: Path, shards: int) -> Store:
    """Open the tracked lips once in each worker; anew where there are more of them than there were."""
    return Store(folder / "lips")


class _Featuring(NamedTuple):
    """How clips get their features; the paths are absolute."""

    folder: Path
    clips: int  # tracked
    encoder: Path | None
    centres: dict[str, list[float]]  # speaker -> where the mouth is on average, mouth-space units
    sync: bool


def _features_of(record: Record, *, how: _Featuring) -> Clip:
    from phonolips.media.audio import read
    from phonolips.phones.textgrid import read_textgrid
    from phonolips.speech.mel import log_mel

    folder = how.folder

    alignment = read_textgrid(alignment_path(folder, record.id))
    waveform = read(Path(record.audio))
    audio_seconds = samples_to_seconds(len(waveform))
    seen: dict[str, Any] = {}
    if record.video:
        tracked = _lips_store(folder, how.clips)
        seen = {name: value for name, value in tracked.meta(record.id).items() if name in SEEN}
        fps = float(seen["fps"])
        lips = resample_frames(tracked.get(record.id, "lips"), fps, MODEL_FPS)
        detected = resample_frames(tracked.get(record.id, "detected").astype(np.float32), fps, MODEL_FPS) > 0.5
        frames = len(lips)
        if record.speaker in how.centres and detected.any():
            place = np.array(how.centres[record.speaker]) - mean_centre(lips, detected)
            lips = (lips + place).astype(np.float32)
    else:
        lips, detected = np.zeros((0, 40, 2), np.float32), np.zeros(0, bool)
        frames = samples_to_frames(len(waveform))
    samples = frames_to_samples(frames)
    mel = log_mel(np.pad(waveform[:samples], (0, max(0, samples - len(waveform)))))
    if how.sync and record.video:
        lips, detected, late_ms = bring_into_sync(lips, detected, mel)
        seen["late_ms"] = late_ms
    labels = alignment.labels(len(mel))
    soft = np.zeros((0, NUM_PHONES), np.float16)
    if not record.complete and (labels == IGNORED_ID).any():
        from phonolips.speech.align.known_word import soft_labels

        soft = soft_labels(_encode(mel, how.encoder), labels)
    values = {
        "mel": mel,
        "labels": labels,
        "phones": alignment.phone_rows(len(mel)),
        "soft": soft,
        "lips": lips,
        "detected": detected,
    }
    return Clip(record.id, values, {**seen, "audio_seconds": audio_seconds, "complete": record.complete})


def _encode(mel: np.ndarray, encoder: Path | None) -> np.ndarray:
    import torch

    with torch.inference_mode():
        return _encoder(encoder).audio_encoder.posteriors(torch.from_numpy(mel)[None])[0].numpy()


def _mouth_centres(folder: Path, lips: Store) -> dict[str, list[float]]:
    """Read where each speaker's mouth is on average, or measure and keep it."""
    kept = folder / "centres.json"
    if not kept.is_file():
        records = iterate_records(folder / "records.jsonl")
        seen = ((record.id, record.speaker) for record in records if record.video and record.id in lips)
        write_text(kept, json.dumps(speaker_centres(lips, seen), indent=1) + "\n")
    centres: dict[str, list[float]] = json.loads(kept.read_text(encoding="utf-8"))
    return centres


def make_features(
    folder: Path, *, encoder: Path | None = None, sync: bool = False, backend: Backend = HERE
) -> list[Dropped]:
    """Put log-mel, labels and lips of every clip on one clock into `folder`/features.

    Sound is cut or padded with silence to the length of the picture, so steps = 4 * frames exactly. All clips of a
    named speaker are laid onto one place in the face (see `phonolips.corpus.registration`), which `folder`/centres.json
    keeps; it is measured once, so that a run that goes on lays its clips onto the same.

    Args:
        folder: a prepared corpus with its lips and alignments.
        ears: the model that labels what no transcript tells; None = the one in the package.
        sync: move lips in time to where the sync expert in the package hears them, where it is sure; each clip's
            meta `late_ms` says by how much they were late.
        backend: who works.

    Returns:
        The clips left out, with the reason; they are listed in `dropped_features.tsv` too.
    """
    source = folder / "records.jsonl"
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

    clips = count_records(source)
    centres = {} if lips is None else _mouth_centres(folder, lips)
    how = _Featuring(folder.resolve(), len(lips) if lips else 0, encoder and encoder.resolve(), centres, sync)
    work = partial(_features_of, how=how)
    failed = _fill_store(folder / "features", FEATURE_ARRAYS, ready(), clips, work, backend) + unready
    write_dropped(failed, folder / "dropped_features.tsv")
    return failed
