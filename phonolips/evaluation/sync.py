"""Score lips against the sound with the sync expert: LSE-D, LSE-C and offset of the truth and of every method.

Rows `truth` and `truth, of another clip` are the ends of the scale: what real lips reach, and what lips reach
that move like a mouth but say something else. The expert knows training clips of the same speakers as the
model, and its numbers do not compare with those of SyncNet on pixels (see `phonolips.model.sync`).
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phonolips.errors import CheckpointError
from phonolips.evaluation import report
from phonolips.evaluation.clips import Clip

if TYPE_CHECKING:
    from phonolips.model.sync import SyncExpert

log = logging.getLogger("phonolips.evaluation")
SYNC_MEASURES = ("lse_d", "lse_c", "sync_offset_ms", "sync_within_1")
TRUTH, SHUFFLED = "truth", "truth, of another clip"


def sync_scores(
    lips: np.ndarray, mel: np.ndarray, *, mean_lip: np.ndarray | None = None, expert: "SyncExpert | None" = None
) -> dict[str, float]:
    """Score the lips of one clip against its sound.

    Args:
        lips: (frames, 40, 2), mouth space, 25 fps.
        mel: log-mel (4 * frames, 80).
        mean_lip: (40, 2), the mean shape of these lips' speaker; None = the clip's own.
        expert: None = the one in the package.

    Returns:
        `lse_d` (0 to 2, smaller is better), `lse_c` (larger is better), `sync_offset_ms` (positive = the lips are
        late), `sync_within_1` (1 where the offset is at most a frame, else 0).

    Raises:
        InputError: arrays that do not fit. CheckpointError: no expert.
    """
    from phonolips.model.sync import offset

    found = offset(lips, mel, mean_lip=mean_lip, expert=expert)
    return {
        "lse_d": found.distance,
        "lse_c": found.confidence,
        "sync_offset_ms": found.offset_ms,
        "sync_within_1": float(abs(found.offset_frames) <= 1),
    }


def shuffled_truth(clips: Sequence[Clip]) -> dict[str, np.ndarray]:
    """Pair every clip with the true lips of its speaker's next one; speakers of a single clip have none."""
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        by_speaker.setdefault(clip.speaker, []).append(clip)
    return {
        clip.id: other.lips
        for own in by_speaker.values()
        if len(own) > 1
        for clip, other in zip(own, (*own[1:], own[0]), strict=True)
    }


def score_sync(
    clips: Sequence[Clip],
    methods: Sequence[tuple[str, Mapping[str, np.ndarray]]],
    seen: Sequence[str],
    *,
    expert: "SyncExpert | None" = None,
) -> list[dict[str, Any]]:
    """Score the truth, the truth of other clips, and every method on clips.

    Lips are taken relative to their own mean in the clip, so that a method is not charged here for another
    lip shape, only for movement that does not go with the sound.

    Args:
        clips: the test clips.
        methods: title and lips (frames, 40, 2) by clip id; clips that are missing or not finite are left out.
        seen: the speakers that were in training.
        expert: None = the one in the package.

    Returns:
        rows for `report.summarise`.

    Raises:
        CheckpointError: no expert.
    """
    from tqdm import tqdm

    everything = [(TRUTH, {clip.id: clip.lips for clip in clips}), (SHUFFLED, shuffled_truth(clips)), *methods]
    rows = []
    for title, predictions in tqdm(everything, desc="sync", unit="method", dynamic_ncols=True, disable=None):
        for clip in clips:
            lips = predictions.get(clip.id)
            if lips is None or not np.isfinite(lips).all():
                continue
            head = {"method": title, "seen": clip.speaker in seen, "speaker": clip.speaker, "clip": clip.id}
            rows.append(head | sync_scores(lips, clip.mel, expert=expert))
    return rows


def sync_table(
    clips: Sequence[Clip],
    methods: Sequence[tuple[str, Mapping[str, np.ndarray]]],
    seen: Sequence[str],
    file: Path,
) -> str:
    """Score like `score_sync`, write `file` (CSV, a row a clip and method), and return the section `# Sync`.

    Without an expert in the package the section is one line that says so.
    """
    try:
        rows = score_sync(clips, methods, seen)
    except CheckpointError as error:
        log.warning("sync: not scored: %s", error)
        return f"# Sync\n\nNot scored: {error}\n\n"
    report.write_csv(rows, file)
    return f"# Sync\n\n{report.markdown_table(report.summarise(rows), SYNC_MEASURES)}\n\n"
