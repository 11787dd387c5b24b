"""Say what a prepared corpus holds and what is odd about it: the text of `phonolips check-data`."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from phonolips.corpus.prepare import alignment_path
from phonolips.corpus.records import Record, read_dropped, read_records
from phonolips.corpus.store import Store
from phonolips.errors import CheckpointError, InputError
from phonolips.timebase import MODEL_FPS

FAR_SECONDS = 0.1  # sound and picture that differ by more than this are listed
SHOWN = 10  # clips named for each kind of oddity
OUT_OF_SYNC_FRAMES = 2  # a clip whose lips are this early or late is listed, if the sync expert is
SURE_CONFIDENCE = 0.15  # of 83 GRID test clips none is listed, and all are once shifted by 2 to 10 frames


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
        a text a clip: by how many frames and milliseconds its lips are late (+) or early (-), how sure that is.

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


def check_corpus(folder: Path) -> str:
    """Summarise a prepared corpus, speaker by speaker, and list what was left out or looks wrong.

    Raises:
        CorpusError: there is no prepared corpus.
    """
    from phonolips.alignment.tiers import read_textgrid

    records = read_records(folder / "records.jsonl")
    features = Store(folder / "features")
    by_speaker: dict[str, list[Record]] = defaultdict(list)
    ears_only: list[Record] = []
    for record in records:
        if record.video:
            by_speaker[record.speaker].append(record)
        else:
            ears_only.append(record)
    head = ("speaker", "clips", "hours", "fps", "train", "valid", "seen", "unseen", "misses", "sound-picture")
    lines = ["  ".join(f"{name:>8}" for name in head)]
    apart: list[str] = []
    mismatched: list[str] = []
    repaired: list[str] = []
    for speaker in sorted(by_speaker):
        mine = [record for record in by_speaker[speaker] if record.id in features]
        splits = Counter(record.split for record in mine)
        frames = sum(features.rows(record.id, "lips") for record in mine)
        misses = sum(int((~features.get(record.id, "detected")).sum()) for record in mine)
        differences = []
        rates: set[float] = set()
        for record in mine:
            meta = features.meta(record.id)
            rates.add(round(float(meta["fps"]), 3))
            picture = features.rows(record.id, "lips") / MODEL_FPS
            difference = float(meta["audio_seconds"]) - picture
            differences.append(difference)
            if abs(difference) > FAR_SECONDS:
                apart.append(f"{record.id} {difference:+.3f} s")
            repaired += [f"{record.id}: {note}" for note in meta.get("notes", [])]
            said = [w.label.lower() for w in read_textgrid(alignment_path(folder, record.id)).speech_words()]
            if said and said != record.text.lower().split():
                mismatched.append(f"{record.id} is {record.text!r} but aligned as {' '.join(said)!r}")
        mean = sum(differences) / len(differences) if differences else 0.0
        row = (
            speaker,
            len(mine),
            f"{frames / MODEL_FPS / 3600:.3f}",
            ",".join(f"{rate:g}" for rate in sorted(rates)),
            *(splits.get(name, 0) for name in ("train", "valid", "test_seen", "test_unseen")),
            misses,
            f"{mean:+.3f} s",
        )
        lines.append("  ".join(f"{value!s:>8}" for value in row))
    ready = [record for record in ears_only if record.id in features]
    if ears_only:
        hours = sum(features.rows(record.id, "mel") for record in ready) / 360_000
        splits = Counter(record.split for record in ready)
        counts = ", ".join(f"{count} {name}" for name, count in splits.items())
        speakers = len({record.speaker for record in ready})
        lines.append(
            f"for the ears only: {len(ready)} of {len(ears_only)} clips, {hours:.2f} h, {speakers} speakers ({counts})"
        )
    dropped = [
        f"{item.id}: {item.reason}"
        for name in ("dropped", "dropped_lips", "dropped_alignments", "dropped_features")
        for item in read_dropped(folder / f"{name}.tsv")
    ]
    lines += _name_some("sound and picture differ", apart)
    seen = [record.id for speaker in sorted(by_speaker) for record in by_speaker[speaker] if record.id in features]
    try:
        lines += _name_some("out of sync", out_of_sync(features, seen))
    except CheckpointError as error:
        lines.append(f"sync not checked: {error}")
    lines += _name_some("label does not fit the transcript", mismatched)
    lines += _name_some("notes", repaired)
    lines += _name_some("left out", dropped)
    return "\n".join(lines)
