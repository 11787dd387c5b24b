"""The clips of an evaluation: what scores and reference rows need of each, read from a prepared corpus."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phonolips.corpus.records import Record, read_records
from phonolips.corpus.store.store import Store
from phonolips.errors import CorpusError, InputError
from phonolips.phones.inventory import IGNORED_ID
from phonolips.timebase import STEPS_PER_FRAME, frames_to_samples
from phonolips.training.lips_clips import lip_clips

if TYPE_CHECKING:
    from phonolips.model.network import Network

log = logging.getLogger("phonolips.evaluation")
TESTS = ("test_seen", "test_unseen")  # splits
REFERENCE_CLIPS = 2_000  # training clips that the reference rows learn from, at most, evenly drawn
UNNAMED = "unnamed"  # in the tables, all speakers whom nobody knows


@dataclass(frozen=True)
class Clip:
    """One clip with everything that a reference row or a score needs.

    Args:
        id: such as `s1/bbaf2n`.
        speaker: such as `s1`.
        lips: float32 (frames, 40, 2), mouth space, the truth.
        detected: bool (frames,).
        labels: int64 (4 * frames,), the true phones.
        mel: float32 (4 * frames, mels), log-mel.
        mean_lip: float32 (40, 2), the speaker's mean shape, from training clips.
        posteriors: float32 (4 * frames, phones) or None.

    Raises:
        InputError: the lengths do not fit one another.
    """

    id: str
    speaker: str
    lips: np.ndarray
    detected: np.ndarray
    labels: np.ndarray
    mel: np.ndarray
    mean_lip: np.ndarray
    posteriors: np.ndarray | None = None

    def __post_init__(self) -> None:
        steps = STEPS_PER_FRAME * len(self.lips)
        rows = {"labels": self.labels, "mel": self.mel, "posteriors": self.posteriors}
        for name, array in rows.items():
            if array is not None and len(array) != steps:
                raise InputError(
                    f"clip {self.id}: {name} has {len(array)} steps; expected {steps} for {len(self.lips)} frames"
                )
        if len(self.detected) != len(self.lips):
            raise InputError(
                f"clip {self.id}: detected has {len(self.detected)} frames; expected {len(self.lips)} as the lips"
            )
        if self.mean_lip.shape != self.lips.shape[1:]:
            raise InputError(
                f"clip {self.id}: mean_lip has shape {self.mean_lip.shape}, expected {self.lips.shape[1:]} as the lips"
            )

    @property
    def deviation(self) -> np.ndarray:
        """The true lips minus the mean shape, flat: float32 (frames, 80)."""
        flat: np.ndarray = (self.lips - self.mean_lip).reshape(len(self.lips), -1)
        return flat

    def lips_from(self, deviation: np.ndarray) -> np.ndarray:
        """Add the mean shape to a deviation (frames, 80); float32 (frames, 40, 2)."""
        lips: np.ndarray = (self.mean_lip + deviation.reshape(self.lips.shape)).astype(np.float32)
        return lips


def mean_shapes(clips: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """Average every speaker's detected lips.

    Args:
        clips: (speaker, lips (frames, 40, 2), detected (frames,)).

    Returns:
        speaker -> float32 (40, 2).

    Raises:
        InputError: a speaker without any detected frame.
    """
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = defaultdict(int)
    for speaker, lips, detected in clips:
        sums[speaker] = sums.get(speaker, 0.0) + lips[detected].sum(0, dtype=np.float64)
        counts[speaker] += int(detected.sum())
    for speaker, count in counts.items():
        if count == 0:
            raise InputError(f"speaker {speaker}: no detected frame, so no mean shape; leave the speaker out")
    return {speaker: (total / counts[speaker]).astype(np.float32) for speaker, total in sums.items()}


def read_test_records(data: Path, features: Store) -> list[Record]:
    """Read the records of the test clips that are prepared; raise CorpusError where there are none."""
    records = [record for record in read_records(data / "records.jsonl", TESTS) if record.id in features]
    if not records:
        raise CorpusError(f"{data}: no test clip is prepared; see dropped*.tsv there for what was left out")
    return records


def padded_waveform(record: Record, frames: int) -> np.ndarray:
    """Read the sound of a clip, cut or padded with zeros to `frames` frames: float32 (samples,), 16 kHz."""
    from phonolips.media.audio import read

    waveform = read(Path(record.audio))[: frames_to_samples(frames)]
    return np.pad(waveform, (0, frames_to_samples(frames) - len(waveform)))


def complete_labels(labels: np.ndarray, posteriors: np.ndarray) -> np.ndarray:
    """Fill steps whose phone is unknown with the encoder's best phone; int64 (steps,).

    Args:
        labels: int (steps,), IGNORED_ID where the phone is unknown.
        posteriors: float (steps, phones), or no rows at all; nothing is filled from a row of zeros.
    """
    known = labels.astype(np.int64)
    if not len(posteriors):
        return known
    return np.where((known == IGNORED_ID) & (posteriors.max(1) > 0), posteriors.argmax(1), known)


def shapes_of(features: Store, records: Iterable[Record], network: "Network") -> dict[str, np.ndarray]:
    """Take the model's mean shape of speakers it knows, and measure the others' on their own clips.

    Returns:
        speaker -> float32 (40, 2), and of clips whose speaker has no name, clip -> float32 (40, 2).
    """
    names = network.description.speakers
    shapes = {name: network.lip_mean[row] for row, name in enumerate(names)}
    others = [
        (record.speaker or record.id, features.get(record.id, "lips"), features.get(record.id, "detected"))
        for record in records
        if record.speaker not in names
    ]
    return shapes | (mean_shapes(others) if others else {})


def read_clip(features: Store, clip: str, mean_shape: np.ndarray, posteriors: np.ndarray | None = None) -> Clip:
    """Read one clip; phones that are unknown are filled from posteriors, the stored ones where None."""
    encoded = features.get(clip, "soft").astype(np.float32) if posteriors is None else posteriors
    is_whole = bool(len(encoded)) and bool((encoded.max(1) > 0).all())
    return Clip(
        clip,
        features.meta(clip)["speaker"] or UNNAMED,
        features.get(clip, "lips"),
        features.get(clip, "detected"),
        complete_labels(features.get(clip, "labels"), encoded),
        features.get(clip, "mel").astype(np.float32),
        mean_shape,
        encoded if is_whole else None,
    )


def reference_clips(features: Store, network: "Network") -> list[Clip]:
    """Read the training clips that the reference rows learn from."""
    names = lip_clips(features, "train")
    if len(names) > REFERENCE_CLIPS:
        chosen = np.random.default_rng(1).choice(len(names), REFERENCE_CLIPS, replace=False)
        names = [names[index] for index in sorted(chosen)]
        log.info("reference rows learn from %d training clips", len(names))
    speakers = network.description.speakers
    clips = []
    for clip in names:
        speaker = features.meta(clip)["speaker"]
        if speaker in speakers:
            shape = network.lip_mean[speakers.index(speaker)]
        else:
            shape = features.get(clip, "lips")[features.get(clip, "detected")].mean(0)
        clips.append(read_clip(features, clip, shape))
    return clips
