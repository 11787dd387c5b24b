"""Batches of log-mel for the audio encoder: crops of the stored clips, with their labels and their phones in order."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.store.store import Store
from phonolips.model.stages import STRIDE
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES
from phonolips.timebase import seconds_to_steps
from phonolips.training.augment import change_speed, steps_at_speed
from phonolips.training.order import batch_by_length
from phonolips.training.padding import length_mask, pad_stack
from phonolips.training.ranks import share_of
from phonolips.training.settings import EncoderFitSettings

LONGEST_VALID_STEPS = 1600


class EncoderBatch(NamedTuple):
    """A batch of crops, padded.

    Fields:
        mel: log-mel float32 (batch, steps, mels).
        labels: int64 (batch, steps), IGNORED_ID where the phone is unknown and in padding.
        soft: float32 (batch, steps, phones), an earlier encoder's posteriors of the steps that have no label; zero
            where they have one or nothing was encoded. It has no steps where no clip of the batch has any.
        heard: float32 (batch, steps, phones), what listeners heard; no steps where there are none.
        mask: bool (batch, steps).
        targets: int64 (batch, phones), for CTC; `target_counts` int64 (batch,) of each are real.
        complete: bool (batch,), False where some phone of the crop is unknown.
    """

    mel: Tensor
    labels: Tensor
    soft: Tensor
    heard: Tensor
    mask: Tensor
    targets: Tensor
    target_counts: Tensor
    complete: Tensor


class Crop(NamedTuple):
    """A stretch of a clip (its position in the store), in steps, and how much faster than that it is to be spoken."""

    clip: int
    first: int
    last: int
    speed: float = 1.0


def make_batch(
    store: Store, crops: Sequence[Crop], longest: int = 0, hearing: Mapping[int, np.ndarray] | None = None
) -> EncoderBatch:
    """Read crops from the store and pad them to one length, `longest` or more, a whole number of encoder strides.

    `hearing` has the listeners' posteriors (steps, phones) of the clips at these positions.
    """
    mels, labels, softs, heards, targets, complete = [], [], [], [], [], []
    for crop in crops:
        part = slice(crop.first, crop.last)
        mel = store.get(crop.clip, "mel")[part].astype(np.float32)
        label = store.get(crop.clip, "labels")[part].astype(np.int64)
        soft = store.get(crop.clip, "soft")[part].astype(np.float32)
        if len(soft):
            soft[label != IGNORED_ID] = 0.0
        heard = hearing[crop.clip][part].astype(np.float32) if hearing else np.zeros((0, NUM_PHONES), np.float32)
        if crop.speed != 1.0:
            mel, near = change_speed(mel, np.arange(len(mel)), crop.speed)
            label = label[near]
            soft = soft[near] if len(soft) else soft
            heard = heard[near] if len(heard) else heard
        mels.append(mel)
        labels.append(label)
        softs.append(soft)
        heards.append(heard)
        phones = store.get(crop.clip, "phones")
        inside = phones[(phones[:, 2] > crop.first) & (phones[:, 1] < crop.last), 0]
        complete.append(bool((inside != IGNORED_ID).all()))
        targets.append(inside[inside != IGNORED_ID].astype(np.int64))
    longest = max(longest, *(len(mel) for mel in mels))
    longest += -longest % STRIDE
    return EncoderBatch(
        pad_stack(mels, longest),
        pad_stack(labels, longest, IGNORED_ID),
        pad_stack(softs, longest if any(map(len, softs)) else 0),
        pad_stack(heards, longest if hearing else 0),
        length_mask([len(mel) for mel in mels], longest),
        pad_stack(targets, max(1, max(len(target) for target in targets))),
        torch.tensor([len(target) for target in targets]),
        torch.tensor(complete),
    )


class EncoderTrainBatches:
    """Training batches: every clip cut at random into crops, crops of like length together.

    Args:
        store: the prepared features.
        clips: positions in it, int64 (clips,).
        settings: of the training.
        hearing: the listeners' posteriors of each of them, by position; None = there are no listeners.
    """

    def __init__(
        self,
        store: Store,
        clips: np.ndarray,
        settings: EncoderFitSettings,
        hearing: Mapping[int, np.ndarray] | None = None,
    ) -> None:
        self.store, self.clips, self.settings, self.hearing = store, clips, settings, hearing
        self.longest = seconds_to_steps(settings.crop_seconds)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the crops of an epoch: arrays `clip`, `first`, `last`, `speed`, and `batches` of indices into them."""
        rng = np.random.default_rng((self.settings.seed, epoch))
        lengths = self.store.lengths("mel")[self.clips]
        most = int((lengths // self.longest + 2).sum())
        self.clip, self.first, self.last = np.empty(most, np.int64), np.empty(most, np.int32), np.empty(most, np.int32)
        self.speed = np.empty(most)
        crops = 0
        for clip, steps in zip(self.clips, lengths, strict=True):
            first = 0 if steps <= self.longest else -int(rng.integers(0, self.longest // 2))
            while first < steps:
                last = min(first + self.longest, int(steps))
                if last - max(first, 0) >= self.longest // 4:
                    speed = 1.0 + self.settings.speed_range * float(rng.uniform(-1, 1))
                    self.clip[crops], self.first[crops], self.last[crops] = clip, max(first, 0), last
                    self.speed[crops] = speed
                    crops += 1
                first += self.longest
        self.clip, self.speed = self.clip[:crops].copy(), self.speed[:crops].copy()
        self.first, self.last = self.first[:crops].copy(), self.last[:crops].copy()
        shards = self.store.shard_of[self.clip]
        self.batches = batch_by_length(self.last - self.first, self.settings.batch, rng, shards)

    def __len__(self) -> int:
        return len(self.batches)

    def crop(self, index: int) -> Crop:
        """Return one crop of the epoch."""
        return Crop(int(self.clip[index]), int(self.first[index]), int(self.last[index]), float(self.speed[index]))

    def batch(self, index: int, rank: int = 0, world: int = 1) -> EncoderBatch:
        """Make one batch, or this rank's share of it, as long as the whole one."""
        group = [self.crop(i) for i in self.batches[index]]
        longest = max(steps_at_speed(crop.last - crop.first, crop.speed) for crop in group)
        return make_batch(self.store, share_of(group, rank, world), longest, self.hearing)


class EncoderValidBatches(Sequence[EncoderBatch]):
    """Validation batches of whole clips (at most 16 s each), like lengths together; read when asked for."""

    def __init__(self, store: Store, clips: np.ndarray, batch: int) -> None:
        self.store, self.size = store, batch
        lengths = np.minimum(store.lengths("mel")[clips], LONGEST_VALID_STEPS)
        order = np.argsort(lengths, kind="stable")
        self.clips, self.lengths = clips[order], lengths[order]

    @property
    def padded_steps(self) -> int:
        """Count the steps of all batches, with their padding."""
        ends = [min(start + self.size, len(self.clips)) for start in range(0, len(self.clips), self.size)]
        longest = self.lengths[np.array(ends, np.int64) - 1]
        return int(((longest + -longest % STRIDE) * np.diff(ends, prepend=0)).sum())

    def __len__(self) -> int:
        return -(-len(self.clips) // self.size)

    def __getitem__(self, index: int) -> EncoderBatch:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = slice(index * self.size, (index + 1) * self.size)
        rows = zip(self.clips[part].tolist(), self.lengths[part].tolist(), strict=True)
        return make_batch(self.store, [Crop(clip, 0, steps) for clip, steps in rows])
