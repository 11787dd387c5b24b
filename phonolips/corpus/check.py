"""Summarise what a prepared corpus holds and what is odd about it: the text of `phonolips check-data`."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from phonolips.corpus.layout import RECORDS, alignment_path
from phonolips.corpus.records import Record, count_by_reason, iterate_records, read_dropped
from phonolips.corpus.store.store import Store
from phonolips.errors import CheckpointError, InputError
from phonolips.phones.inventory import IGNORED_ID
from phonolips.timebase import MODEL_FPS, STEPS_PER_SECOND

FAR_SECONDS = 0.1  # sound and picture that differ by more than this are listed
SHOWN = 10  # clips named for each kind of oddity
CHECKED_CLIPS = 2_000  # clips whose sync and transcript are looked at, at most
UNNAMED = "unnamed"
STEPS_PER_HOUR = 3600 * STEPS_PER_SECOND
OUT_OF_SYNC_FRAMES = 2  # a clip whose lips are this early or late is listed, if the sync expert is
SURE_CONFIDENCE = 0.15  # of 83 GRID test clips none is listed, and all are once shifted by 2 to 10 frames


@dataclass
class _Speaker:
    """What one speaker's clips add up to."""

    listed: int = 0
    clips: int = 0
    frames: int = 0
    steps: int = 0
    misses: int = 0
    apart: float = 0.0
    splits: Counter[str] = field(default_factory=Counter)
    rates: set[float] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def row(self) -> tuple[object, ...]:
        """Return the table's cells after the name."""
        return (
            self.clips,
            f"{self.frames / MODEL_FPS / 3600:.3f}",
            ",".join(f"{rate:g}" for rate in sorted(self.rates)),
            *(self.splits.get(name, 0) for name in ("train", "valid", "test_seen", "test_unseen")),
            self.misses,
            f"{self.apart / max(1, self.clips):+.3f} s",
        )


def _evenly(clips: list[str]) -> list[str]:
    """Draw CHECKED_CLIPS clips from all places of a list, or take all."""
    step = max(1.0, len(clips) / CHECKED_CLIPS)
    return [clips[int(index * step)] for index in range(min(len(clips), CHECKED_CLIPS))]


def _count_kinds(kinds: dict[str, int], labels: np.ndarray, soft: np.ndarray) -> None:
    hard = int((labels != IGNORED_ID).sum())
    softly = int(((labels == IGNORED_ID) & (soft.max(1) > 0)).sum()) if len(soft) else 0
    kinds["hard"] += hard
    kinds["soft"] += softly
    kinds["unlabelled"] += len(labels) - hard - softly


def _name_some(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return [f"{title} ({len(items)}): " + "; ".join(items[:SHOWN]) + more]


def out_of_sync(features: Store, clips: list[str]) -> list[str]:
    """Look for clips whose lips are early or late against their sound, with the sync expert in the package.

    Args:
        features: a prepared corpus's features.
        clips: the clips with lips.

    Returns:
        A text a clip: by how many frames and milliseconds its lips are late (+) or early (-), how sure that is.

    Raises:
        CheckpointError: no expert in the package, or an unreadable one.
    """
    from tqdm import tqdm

    from phonolips.model.sync import load_sync_expert, offset

    expert = load_sync_expert()
    found = []
    for clip in tqdm(clips, desc="sync", unit="clip", dynamic_ncols=True, disable=None):
        try:
            result = offset(
                np.array(features.get(clip, "lips")), features.get(clip, "mel").astype(np.float32), expert=expert
            )
        except InputError:  # too short to tell
            continue
        if abs(result.offset_frames) >= OUT_OF_SYNC_FRAMES and result.confidence >= SURE_CONFIDENCE:
            found.append(
                f"{clip} lips {result.offset_frames:+d} frames ({result.offset_ms:+.0f} ms), "
                f"confidence {result.confidence:.2f}"
            )
    return found


@dataclass
class _Survey:
    """What the clips of a prepared corpus add up to; texts name the odd ones."""

    folder: Path
    features: Store
    looked_at: set[str]  # clips whose sync and transcript are checked
    by_speaker: dict[str, _Speaker] = field(default_factory=lambda: defaultdict(_Speaker))
    encoder_only: _Speaker = field(default_factory=_Speaker)
    apart: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)
    turned: int = 0
    late_ms: list[float] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("hard", "soft", "unlabelled"), 0))

    def add(self, record: Record) -> None:
        """Count a clip; what has no features counts as listed only."""
        speaker = self.by_speaker[record.speaker or UNNAMED] if record.video else self.encoder_only
        speaker.listed += 1
        if record.id not in self.features:
            return
        position = self.features.position(record.id)
        speaker.clips += 1
        speaker.splits[record.split] += 1
        speaker.steps += self.features.rows(position, "mel")
        speaker.names.add(record.speaker)
        if record.video:
            self._add_lips(record, position, speaker)
            self._add_labels(record, position)

    def _add_lips(self, record: Record, position: int, speaker: _Speaker) -> None:
        meta, frames = self.features.meta(position), self.features.rows(position, "lips")
        self.turned += bool(meta.get("frontalised"))
        if "late_ms" in meta:
            self.late_ms.append(float(meta["late_ms"]))
        speaker.frames += frames
        speaker.misses += int((~self.features.get(position, "detected")).sum())
        speaker.rates.add(round(float(meta["fps"]), 3))
        difference = float(meta["audio_seconds"]) - frames / MODEL_FPS
        speaker.apart += difference
        if abs(difference) > FAR_SECONDS:
            self.apart.append(f"{record.id} {difference:+.3f} s")
        self.noted += [f"{record.id}: {note}" for note in meta.get("notes", [])]

    def _add_labels(self, record: Record, position: int) -> None:
        from phonolips.phones.textgrid import read_textgrid

        if record.is_read:  # nothing to compare with
            return
        if not record.complete:
            _count_kinds(self.kinds, self.features.get(position, "labels"), self.features.get(position, "soft"))
        elif record.id in self.looked_at:
            said = [w.label.lower() for w in read_textgrid(alignment_path(self.folder, record.id)).speech_words()]
            if said and said != record.text.lower().split():
                self.mismatched.append(f"{record.id} is {record.text!r} but aligned as {' '.join(said)!r}")

    def summary(self) -> list[str]:
        """List the lines of the table, and those of what is summed up over all speakers."""
        head = ("speaker", "clips", "hours", "fps", "train", "valid", "seen", "unseen", "misses", "sound-picture")
        lines = ["  ".join(f"{name:>8}" for name in head)]
        for name in sorted(self.by_speaker):
            lines.append("  ".join(f"{value!s:>8}" for value in (name, *self.by_speaker[name].row())))
        only = self.encoder_only
        if only.listed:
            counts = ", ".join(f"{count} {name}" for name, count in only.splits.items())
            lines.append(
                f"for the encoder only: {only.clips} of {only.listed} clips, {only.steps / STEPS_PER_HOUR:.2f} h, "
                f"{len(only.names)} speakers ({counts})"
            )
        if self.turned:
            lines.append(f"faces that looked aside, turned to the front: {self.turned} clips")
        if self.late_ms:
            moved = np.array([value for value in self.late_ms if value] or [0.0])
            lines.append(
                f"lips moved in time to their sound: {np.count_nonzero(moved)} of {len(self.late_ms)} clips, by "
                f"{np.sqrt(np.mean(moved**2)):.0f} ms (root mean square), at most {np.abs(moved).max():.0f} ms"
            )
        steps = sum(self.kinds.values())
        if steps:
            shares = ", ".join(f"{count / steps:.0%} {kind}" for kind, count in self.kinds.items())
            lines.append(f"labels of clips in which only a part is transcribed: {shares} of {steps} steps")
        return lines


def check_corpus(folder: Path) -> str:
    """Summarise a prepared corpus, speaker by speaker, and list what was left out or looks wrong.

    Raises:
        CorpusError: there is no prepared corpus.
    """
    source = folder / RECORDS
    next(iterate_records(source), None)  # the first thing to be missing is the first to be named
    features = Store(folder / "features")
    seen = [record.id for record in iterate_records(source) if record.video and record.id in features]
    survey = _Survey(folder, features, set(_evenly(seen)))
    for record in iterate_records(source):
        survey.add(record)
    lines = survey.summary()
    lines += _name_some("sound and picture differ", survey.apart)
    try:
        lines += _name_some("out of sync", out_of_sync(features, sorted(survey.looked_at)))
    except CheckpointError as error:
        lines.append(f"sync not checked: {error}")
    lines += _name_some("label does not fit the transcript", survey.mismatched)
    if len(survey.looked_at) < len(seen):
        lines.append(f"(sync and transcripts: of {len(survey.looked_at)} clips, evenly drawn)")
    lines += _name_some("notes", survey.noted)
    dropped = [
        item
        for name in ("dropped", "dropped_lips", "dropped_alignments", "dropped_features")
        for item in read_dropped(folder / f"{name}.tsv")
    ]
    lines += _name_some("left out", [f"{item.id}: {item.reason}" for item in dropped])
    lines += [f"  {number} x {reason}" for reason, number in count_by_reason(dropped)]
    return "\n".join(lines)
