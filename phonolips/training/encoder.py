"""Train the audio encoder: frame cross-entropy on aligned labels, and CTC on the phone sequence.

CTC alone comes late and in peaks; the labels say when. CTC's blank is a logit of its own, so the
posteriors (a softmax over the phones) stay as broad as the phones are.

Where nobody transcribed what is said (LRW has one known word in a clip), a step is taught by the posteriors of ears
that were trained before, if the corpus has them (Hinton et al. 2015), else by nothing; and there is no CTC, since
the sequence is not known.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.network import Network, read_network
from phonolips.model.networks.encoder import COUNTED, STRIDE, AudioEncoder
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES, PHONES, SILENCE_ID
from phonolips.phones.ngram import count_ngrams
from phonolips.speech.mel import NUM_MELS
from phonolips.timebase import seconds_to_steps
from phonolips.training.augment import augment_mel, change_speed, steps_at_speed
from phonolips.training.calibration import fit_temperature
from phonolips.training.loop import (
    Stage,
    Trainer,
    ctc_loss,
    fit_network,
    length_mask,
    mean_over_ranks,
    pad_stack,
    share_of,
)
from phonolips.training.order import batch_by_length, evenly
from phonolips.training.settings import EncoderFitSettings

log = logging.getLogger("phonolips.training")
BLANK = NUM_PHONES  # CTC's classes are the phones, then the blank
LONGEST_VALID_STEPS = 1600
STATISTICS_CLIPS = 400  # clips from which the input normalisation is measured
NGRAM_CLIPS = 20_000  # clips whose phones n-grams are counted on, at most, evenly spread
CALIBRATION_STEPS = 500_000  # steps of the validation clips that the temperature is fitted on, at most


class EncoderBatch(NamedTuple):
    """Padded: log-mel (batch, steps, mels); labels and mask (batch, steps); CTC targets with counts.

    soft: float (batch, steps, phones), what other ears made of the steps that have no label; zero where they have one
    or nobody listened. It has no steps where no clip of the batch has any. complete: bool (batch,), False where some
    phone of the crop is unknown.
    """

    mel: Tensor
    labels: Tensor
    soft: Tensor
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


def make_batch(store: Store, crops: Sequence[Crop], longest: int = 0) -> EncoderBatch:
    """Read crops from the store and pad them to one length, `longest` or more, a whole number of encoder strides."""
    mels, labels, softs, targets, complete = [], [], [], [], []
    for crop in crops:
        part = slice(crop.first, crop.last)
        mel = store.get(crop.clip, "mel")[part].astype(np.float32)
        label = store.get(crop.clip, "labels")[part].astype(np.int64)
        soft = store.get(crop.clip, "soft")[part].astype(np.float32)
        if len(soft):
            soft[label != IGNORED_ID] = 0.0
        if crop.speed != 1.0:
            mel, near = change_speed(mel, np.arange(len(mel)), crop.speed)
            label = label[near]
            soft = soft[near] if len(soft) else soft
        mels.append(mel)
        labels.append(label)
        softs.append(soft)
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
    """

    def __init__(self, store: Store, clips: np.ndarray, settings: EncoderFitSettings) -> None:
        self.store, self.clips, self.settings = store, clips, settings
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
        """Give one crop of the epoch."""
        return Crop(int(self.clip[index]), int(self.first[index]), int(self.last[index]), float(self.speed[index]))

    def batch(self, index: int, rank: int = 0, world: int = 1) -> EncoderBatch:
        """Make one batch, or this rank's share of it, as long as the whole one."""
        group = [self.crop(i) for i in self.batches[index]]
        longest = max(steps_at_speed(crop.last - crop.first, crop.speed) for crop in group)
        return make_batch(self.store, share_of(group, rank, world), longest)


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


class EncoderTrainer(Trainer):
    """Frame cross-entropy, on labels and on what other ears heard, and CTC."""

    uses_everything = True
    settings: EncoderFitSettings

    def compute_forward(self, batch: EncoderBatch, stage: Stage) -> tuple[Tensor, Tensor]:
        """Compute phone and blank logits, of augmented features in training."""
        mel = batch.mel
        if stage == Stage.TRAIN:
            mel = augment_mel(
                mel,
                batch.mask,
                noise_share=self.settings.noise_share,
                masked_share=self.settings.masked_share,
                reverb_share=self.settings.reverb_share,
                tract_range=self.settings.tract_range,
                generator=self.generator,
            )
        return self.modules.audio_encoder(mel.to(self.device), batch.mask.to(self.device))

    def compute_objectives(self, predictions: tuple[Tensor, Tensor], batch: EncoderBatch, stage: Stage) -> Tensor:
        """Sum the two losses; count steps and edits in validation."""
        phones, blank = predictions
        labels = batch.labels.to(self.device)
        losses = self.settings.frame_weight * self._frame_loss(phones, labels, batch.soft)
        losses = losses + self.settings.ctc_weight * self._ctc_loss(phones, blank, batch)
        if stage != Stage.TRAIN:
            self._count(phones, labels, batch)
        return losses

    def _frame_loss(self, phones: Tensor, labels: Tensor, soft: Tensor) -> Tensor:
        """Average over the steps that have a label, and with their weight over those that other ears heard."""
        total = torch.nn.functional.cross_entropy(
            phones.float().transpose(1, 2), labels, ignore_index=IGNORED_ID, reduction="sum"
        )
        weight = (labels != IGNORED_ID).sum().to(total.dtype)
        if soft.shape[1]:
            soft = soft.to(self.device)
            total = total - self.settings.soft_weight * (soft * phones.float().log_softmax(-1)).sum()
            weight = weight + self.settings.soft_weight * (soft.sum(-1) > 0).sum()
        return mean_over_ranks(total, weight)

    def _ctc_loss(self, phones: Tensor, blank: Tensor, batch: EncoderBatch) -> Tensor:
        """Average over the crops of which every phone is known."""
        known = batch.complete & (batch.target_counts > 0)
        counts = batch.target_counts[known].to(self.device)
        if not len(counts):
            return mean_over_ranks(0.0 * blank.float().sum(), 0)
        here = known.to(self.device)
        if not known.all():
            phones, blank = phones[here], blank[here]
        steps = batch.mask.shape[1]
        losses = ctc_loss(
            torch.cat([phones, blank], -1).float().log_softmax(-1),
            batch.targets[known].to(self.device),
            batch.mask[known].sum(1).to(self.device) / steps,
            counts / batch.targets.shape[1],
            BLANK,
            reduction="batch",
        )
        # By the number of phones once more than SpeechBrain does it: `ctc_weight` was chosen so.
        return mean_over_ranks((losses / counts).sum(), len(counts))

    def _count(self, phones: Tensor, labels: Tensor, batch: EncoderBatch) -> None:
        from phonolips.phones.compare import phone_errors, recognise_phones

        real = labels != IGNORED_ID
        self.count(right=float(((phones.argmax(-1) == labels) & real).sum()), steps=float(real.sum()))
        posteriors = phones.softmax(-1).cpu().numpy()
        for row, steps, targets, number, complete in zip(
            posteriors,
            batch.mask.sum(1).tolist(),
            batch.targets,
            batch.target_counts.tolist(),
            batch.complete.tolist(),
            strict=True,
        ):
            if not complete:
                continue
            reference = [PHONES[phone] for phone in targets[:number].tolist() if phone != SILENCE_ID]
            edits = phone_errors(reference, recognise_phones(row[:steps]))
            self.count(edits=edits, phones=len(reference))

    def scores(self) -> dict[str, float]:
        """Give the share of labelled steps that are right, and the phone error rate of clips that are known whole."""
        return {
            "frame_accuracy": self.sums.get("right", 0.0) / max(1.0, self.sums.get("steps", 0.0)),
            "phone_error_rate": self.sums.get("edits", 0.0) / max(1.0, self.sums.get("phones", 0.0)),
        }


def train_encoder(
    network: Network,
    store: Store,
    settings: EncoderFitSettings,
    folder: Path,
    *,
    device: str = "auto",
    train: np.ndarray | None = None,
    valid: np.ndarray | None = None,
) -> None:
    """Train the audio encoder of `network` in place, from nothing or from the ears of `settings.start`.

    Then fit its temperature on the validation clips, and count its n-grams of phones on the training clips; a finished
    training that is started again fits the same ones.

    Args:
        network: whose ears are trained.
        store: the prepared features.
        settings: of the training.
        folder: gets checkpoints and `history.jsonl`.
        device: `auto`, `cpu`, `cuda`.
        train: positions of the training clips in the store; None = all of its split `train`.
        valid: the same of the validation clips, of which no more than `settings.most_valid_clips` are taken.

    Raises:
        CorpusError: nothing to train on.
        InputError: `settings.start` has ears of other sizes.
    """
    clips = store.where(split="train") if train is None else train
    checked = store.where(split="valid") if valid is None else valid
    hours = store.lengths("mel")[clips].sum(dtype=np.int64) / 360_000
    log.info("ears: %d clips, %.2f h for training", len(clips), hours)
    log.info("ears: %d of %d clips for validation", min(len(checked), settings.most_valid_clips), len(checked))
    batches = EncoderValidBatches(store, evenly(checked, settings.most_valid_clips), settings.batch)
    if settings.start:
        start_from(network.audio_encoder, PACKAGED_MODEL if settings.start == "default" else Path(settings.start))
    else:
        measure_input(network.audio_encoder, store, clips, settings.seed)
    fit_network(
        EncoderTrainer,
        modules={"audio_encoder": network.audio_encoder},
        saved=network.audio_encoder,
        settings=settings,
        train=EncoderTrainBatches(store, clips, settings),
        valid=batches,
        folder=folder,
        device=device,
    )
    calibrate(network.audio_encoder, store, clips, batches)


def measure_input(encoder: AudioEncoder, store: Store, clips: np.ndarray, seed: int) -> None:
    """Set the encoder's normalisation of the input from some of the clips."""
    some = clips[np.random.default_rng(seed).permutation(len(clips))[:STATISTICS_CLIPS]]
    mel = np.concatenate(
        [store.get(clip, "mel").astype(np.float32) for clip in some] or [np.zeros((1, NUM_MELS), np.float32)]
    )
    encoder.mel_mean.copy_(torch.from_numpy(mel.mean(0)))
    encoder.mel_scale.fill_(float(mel.std()))


def start_from(encoder: AudioEncoder, folder: Path) -> None:
    """Take over the ears of a model, with their normalisation of the input.

    Blocks that the encoder has beyond that model's start out as doing nothing (their last convolution is zero), so
    the deeper ears hear at first just what the others do, and grow from there.

    Raises:
        InputError: the model's ears have other sizes, or more blocks.
    """
    values, own = read_network(folder).audio_encoder.state_dict(), encoder.state_dict()
    grown = {name for name in own if name not in values and name.split(".")[0] in ("fine", "coarse")}
    for name, value in own.items():
        if name not in grown and name not in COUNTED and (name not in values or values[name].shape != value.shape):
            found = tuple(values[name].shape) if name in values else "missing"
            raise InputError(
                f"ears.start={folder}: its {name} is {found}, expected {tuple(value.shape)}; "
                "give network.audio_encoder the sizes of that model (its model.json)"
            )
    if set(values) - set(own):
        raise InputError(f"ears.start={folder}: its ears have more layers than network.audio_encoder asks for")
    encoder.load_state_dict(values, strict=False)
    blocks = sorted({".".join(name.split(".")[:2]) for name in grown})
    for block in blocks:
        encoder.get_submodule(block).start_as_nothing()  # type: ignore[operator]
    log.info("ears: started from %s%s", folder, f", {len(blocks)} blocks deeper" if blocks else "")


@torch.inference_mode()
def calibrate(encoder: AudioEncoder, store: Store, clips: np.ndarray, valid: EncoderValidBatches) -> None:
    """Count the encoder's n-grams in the phones of `clips`, and fit its `temperature` to labels of `valid`."""
    some = clips[:: 1 + len(clips) // NGRAM_CLIPS]
    kinds, counts = count_ngrams(store.get(clip, "phones")[:, 0] for clip in some)
    steps = np.ones(NUM_PHONES)
    for clip in some:
        labels = store.get(clip, "labels")
        steps += np.bincount(labels[labels != IGNORED_ID], minlength=NUM_PHONES)
    encoder.set_phone_ngrams(kinds, counts, steps / steps.sum())
    log.info("ears: %d different n-grams of phones", len(kinds))
    stride = 1 + valid.padded_steps // CALIBRATION_STEPS
    encoded = [
        (encoder(batch.mel, batch.mask)[0].flatten(0, 1)[::stride], batch.labels.flatten()[::stride]) for batch in valid
    ]
    if not encoded:
        log.info("ears: no validation clip, so the temperature stays 1")
        encoder.temperature.fill_(1.0)
        return
    logits, labels = (torch.cat(parts).numpy() for parts in zip(*encoded, strict=True))
    encoder.temperature.fill_(fit_temperature(logits, labels))
