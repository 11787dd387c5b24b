"""Train the audio encoder: frame cross-entropy on aligned labels, and CTC on the phone sequence.

CTC alone comes late and in peaks; the labels say when. CTC's blank is a logit of its own, so the
posteriors (a softmax over the phones) stay as broad as the phones are.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import speechbrain as sb
import torch
from torch import Tensor

from phonolips.audio.features import NUM_MELS
from phonolips.config import EarsSettings
from phonolips.corpus.store import Store
from phonolips.model.audio_encoder import STRIDE, AudioEncoder
from phonolips.model.network import Network
from phonolips.phones import IGNORED_ID, NUM_PHONES, PHONES, SILENCE_ID
from phonolips.timebase import seconds_to_steps
from phonolips.training.augment import augment_mel, change_speed
from phonolips.training.calibration import fit_phone_bigram, fit_temperature
from phonolips.training.loop import Fit, batch_by_length, length_mask, pad_stack, run_fit

log = logging.getLogger("phonolips.training")
BLANK = NUM_PHONES  # CTC's classes are the phones, then the blank
LONGEST_VALID_STEPS = 1600
STATISTICS_CLIPS = 400  # clips from which the input normalisation is measured
BIGRAM_CLIPS = 20_000  # clips whose phones the bigram is counted on, at most, evenly spread
CALIBRATION_STEPS = 500_000  # steps of the validation clips that the temperature is fitted on, at most


class EarsBatch(NamedTuple):
    """Log-mel (batch, steps, mels), labels and mask (batch, steps), and CTC targets, padded, with counts."""

    mel: Tensor
    labels: Tensor
    mask: Tensor
    targets: Tensor
    target_counts: Tensor


class Crop(NamedTuple):
    """A stretch of a clip, in steps, and how much faster than that it is to be spoken."""

    clip: str
    first: int
    last: int
    speed: float = 1.0


def make_batch(store: Store, crops: list[Crop]) -> EarsBatch:
    """Read crops from the store and pad them to one length, a whole number of the encoder's strides."""
    mels, labels, targets = [], [], []
    for crop in crops:
        part = slice(crop.first, crop.last)
        mel = store.get(crop.clip, "mel")[part].astype(np.float32)
        label = store.get(crop.clip, "labels")[part].astype(np.int64)
        if crop.speed != 1.0:
            mel, label = change_speed(mel, label, crop.speed)
        mels.append(mel)
        labels.append(label)
        phones = store.get(crop.clip, "phones")
        inside = phones[(phones[:, 2] > crop.first) & (phones[:, 1] < crop.last), 0]
        targets.append(inside[inside != IGNORED_ID].astype(np.int64))
    longest = max(len(mel) for mel in mels)
    longest += -longest % STRIDE
    return EarsBatch(
        pad_stack(mels, longest),
        pad_stack(labels, longest, IGNORED_ID),
        length_mask([len(mel) for mel in mels], longest),
        pad_stack(targets, max(1, max(len(target) for target in targets))),
        torch.tensor([len(target) for target in targets]),
    )


class EarsTrain:
    """Training batches: every clip cut at random into crops, crops of like length together."""

    def __init__(self, store: Store, clips: list[str], settings: EarsSettings) -> None:
        self.store, self.clips, self.settings = store, clips, settings
        self.longest = seconds_to_steps(settings.crop_seconds)
        self.batches: list[list[Crop]] = []
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the crops of an epoch."""
        rng = np.random.default_rng((self.settings.seed, epoch))
        crops = []
        for clip in self.clips:
            steps = self.store.rows(clip, "mel")
            first = 0 if steps <= self.longest else -int(rng.integers(0, self.longest // 2))
            while first < steps:
                last = min(first + self.longest, steps)
                if last - max(first, 0) >= self.longest // 4:
                    speed = 1.0 + self.settings.speed_range * float(rng.uniform(-1, 1))
                    crops.append(Crop(clip, max(first, 0), last, speed))
                first += self.longest
        groups = batch_by_length([crop.last - crop.first for crop in crops], self.settings.batch, rng)
        self.batches = [[crops[i] for i in group] for group in groups]

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> EarsBatch:
        return make_batch(self.store, self.batches[index])


def valid_batches(store: Store, clips: list[str], batch: int) -> list[EarsBatch]:
    """Make validation batches of whole clips (at most 16 s each), like lengths together."""
    crops = [Crop(clip, 0, min(store.rows(clip, "mel"), LONGEST_VALID_STEPS)) for clip in clips]
    crops.sort(key=lambda crop: crop.last)
    return [make_batch(store, crops[i : i + batch]) for i in range(0, len(crops), batch)]


class EarsFit(Fit):
    """Frame cross-entropy and CTC."""

    settings: EarsSettings

    def compute_forward(self, batch: EarsBatch, stage: sb.Stage) -> tuple[Tensor, Tensor]:
        """Compute phone and blank logits, of augmented features in training."""
        mel = batch.mel
        if stage == sb.Stage.TRAIN:
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

    def compute_objectives(self, predictions: tuple[Tensor, Tensor], batch: EarsBatch, stage: sb.Stage) -> Tensor:
        """Sum the two losses; count frames and edits in validation."""
        phones, blank = predictions
        labels = batch.labels.to(self.device)
        frame_loss = torch.nn.functional.cross_entropy(phones.transpose(1, 2), labels, ignore_index=IGNORED_ID)
        log_probabilities = torch.cat([phones, blank], -1).float().log_softmax(-1)
        steps = batch.mel.shape[1]
        ctc_loss = sb.nnet.losses.ctc_loss(
            log_probabilities,
            batch.targets.to(self.device),
            batch.mask.sum(1).to(self.device) / steps,
            batch.target_counts.to(self.device) / batch.targets.shape[1],
            BLANK,
            reduction="batch",
        )
        ctc_loss = (ctc_loss / batch.target_counts.clamp_min(1).to(self.device)).mean()
        if stage != sb.Stage.TRAIN:
            self._count(phones, labels, batch)
        return self.settings.frame_weight * frame_loss + self.settings.ctc_weight * ctc_loss

    def _count(self, phones: Tensor, labels: Tensor, batch: EarsBatch) -> None:
        from phonolips.evaluation.metrics import phone_errors, recognise_phones

        real = labels != IGNORED_ID
        self.count(right=float(((phones.argmax(-1) == labels) & real).sum()), steps=float(real.sum()))
        posteriors = phones.softmax(-1).cpu().numpy()
        for row, steps, targets, number in zip(
            posteriors, batch.mask.sum(1).tolist(), batch.targets, batch.target_counts.tolist(), strict=True
        ):
            reference = [PHONES[phone] for phone in targets[:number].tolist() if phone != SILENCE_ID]
            edits = phone_errors(reference, recognise_phones(row[:steps]))
            self.count(edits=edits, phones=len(reference))

    def scores(self) -> dict[str, float]:
        """Give frame accuracy and phone error rate."""
        return {
            "frame_accuracy": self.sums["right"] / max(1.0, self.sums["steps"]),
            "phone_error_rate": self.sums["edits"] / max(1.0, self.sums["phones"]),
        }


def train_ears(network: Network, store: Store, settings: EarsSettings, folder: Path, *, device: str = "auto") -> None:
    """Train the audio encoder of `network` in place on the store's `train` clips.

    Then fit its temperature on the `valid` clips, and its bigram of phones on the `train` clips; a finished
    training that is started again fits the same ones.
    """
    clips = [clip for clip in store if store.meta(clip)["split"] == "train"]
    valid = [clip for clip in store if store.meta(clip)["split"] == "valid"]
    rng = np.random.default_rng(settings.seed)
    some = [clips[i] for i in rng.permutation(len(clips))[:STATISTICS_CLIPS]]
    mel = np.concatenate(
        [store.get(clip, "mel").astype(np.float32) for clip in some] or [np.zeros((1, NUM_MELS), np.float32)]
    )
    network.audio_encoder.mel_mean.copy_(torch.from_numpy(mel.mean(0)))
    network.audio_encoder.mel_scale.fill_(float(mel.std()))
    hours = sum(store.rows(clip, "mel") for clip in clips) / 360_000
    log.info("ears: %d clips, %.2f h for training; %d for validation", len(clips), hours, len(valid))
    checked = valid_batches(store, valid, settings.batch)
    run_fit(
        EarsFit,
        modules={"audio_encoder": network.audio_encoder},
        saved=network.audio_encoder,
        settings=settings,
        train=EarsTrain(store, clips, settings),
        valid=checked,
        folder=folder,
        device=device,
    )
    calibrate(network.audio_encoder, store, clips, checked)


@torch.inference_mode()
def calibrate(encoder: AudioEncoder, store: Store, clips: list[str], valid: list[EarsBatch]) -> None:
    """Set the trained encoder's `phone_bigram` from the phones of `clips`, and `temperature` from `valid`."""
    some = clips[:: 1 + len(clips) // BIGRAM_CLIPS]
    bigram = fit_phone_bigram(store.get(clip, "phones")[:, 0] for clip in some)
    encoder.phone_bigram.copy_(torch.from_numpy(bigram))
    stride = 1 + sum(batch.labels.numel() for batch in valid) // CALIBRATION_STEPS
    heard = [
        (encoder(batch.mel, batch.mask)[0].flatten(0, 1)[::stride], batch.labels.flatten()[::stride]) for batch in valid
    ]
    if not heard:
        log.info("ears: no validation clip, so the temperature stays 1")
        encoder.temperature.fill_(1.0)
        return
    logits, labels = (torch.cat(parts).numpy() for parts in zip(*heard, strict=True))
    encoder.temperature.fill_(fit_temperature(logits, labels))
