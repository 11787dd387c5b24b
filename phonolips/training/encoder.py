"""Train the audio encoder: frame cross-entropy on aligned labels, and CTC on the phone sequence.

CTC alone comes late and in peaks; the labels say when. CTC's blank is a logit of its own, so the
posteriors (a softmax over the phones) stay as broad as the phones are.

Where nobody transcribed what is said (LRW has one known word in a clip), the target of a step is the posteriors of an
encoder that was trained before, if the corpus has them (Hinton et al. 2015), else there is none; nor is there CTC,
since the sequence is not known.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.settings import AudioEncoderSettings
from phonolips.model.stages import encoder_padding
from phonolips.phones.compare import phone_errors, recognise_phones
from phonolips.phones.inventory import IGNORED_ID, NUM_PHONES, PHONES, SILENCE_ID
from phonolips.speech.mel import NUM_MELS
from phonolips.training.augment import augment_mel
from phonolips.training.calibration import calibrate
from phonolips.training.encoder_batches import EncoderBatch, EncoderTrainBatches, EncoderValidBatches
from phonolips.training.listeners import hear, read_listeners
from phonolips.training.loop import Stage, Trainer, ctc_loss, fit_network
from phonolips.training.networks.encoder import COUNTED, AudioEncoder
from phonolips.training.networks.listener import Listener
from phonolips.training.networks.network import TrainableNetwork, read_trainable
from phonolips.training.order import evenly
from phonolips.training.ranks import choose_device, mean_over_ranks
from phonolips.training.settings import EncoderFitSettings, ListenerFitSettings

log = logging.getLogger("phonolips.training")
BLANK = NUM_PHONES  # CTC's classes are the phones, then the blank
STATISTICS_CLIPS = 400  # clips from which the input normalisation is measured


class EncoderTrainer(Trainer):
    """Frame cross-entropy, on labels and on an earlier encoder's posteriors, and CTC."""

    uses_everything = True
    settings: EncoderFitSettings

    def compute_forward(self, batch: EncoderBatch, stage: Stage) -> tuple[Tensor, Tensor]:
        """Compute phone and blank logits, of augmented features in training."""
        mel, mask = batch.mel.to(self.device), batch.mask.to(self.device)
        if stage == Stage.TRAIN:
            mel = augment_mel(
                mel,
                mask,
                noise_share=self.settings.noise_share,
                masked_share=self.settings.masked_share,
                reverb_share=self.settings.reverb_share,
                tract_range=self.settings.tract_range,
                equaliser_db=self.settings.equaliser_db,
                band_share=self.settings.band_share,
                coding_share=self.settings.coding_share,
                generator=self.device_generator,
            )
        logits: tuple[Tensor, Tensor] = self.modules.audio_encoder(mel, mask)
        return logits

    def compute_objectives(self, predictions: tuple[Tensor, Tensor], batch: EncoderBatch, stage: Stage) -> Tensor:
        """Sum the two losses; count steps and edits in validation."""
        phones, blank = predictions
        labels = batch.labels.to(self.device)
        framed = self._frame_loss(phones, labels, batch.soft)
        if batch.heard.shape[1]:
            share = self.settings.listeners_weight
            framed = (1 - share) * framed + share * self._distance_from_heard(phones, batch)
        losses = self.settings.frame_weight * framed
        losses = losses + self.settings.ctc_weight * self._ctc_loss(phones, blank, batch)
        if stage != Stage.TRAIN:
            self._count(phones, labels, batch)
        return losses

    def _frame_loss(self, phones: Tensor, labels: Tensor, soft: Tensor) -> Tensor:
        """Average over steps with a label and, with their weight, over those with an earlier encoder's posteriors."""
        total = torch.nn.functional.cross_entropy(
            phones.float().transpose(1, 2), labels, ignore_index=IGNORED_ID, reduction="sum"
        )
        weight = (labels != IGNORED_ID).sum().to(total.dtype)
        if soft.shape[1]:
            soft = soft.to(self.device)
            total = total - self.settings.soft_weight * (soft * phones.float().log_softmax(-1)).sum()
            weight = weight + self.settings.soft_weight * (soft.sum(-1) > 0).sum()
        return mean_over_ranks(total, weight)

    def _distance_from_heard(self, phones: Tensor, batch: EncoderBatch) -> Tensor:
        """Average the cross-entropy between what the listeners heard and what is said now, over all real steps."""
        mask, heard = batch.mask.to(self.device), batch.heard.to(self.device)
        total = -((heard * phones.float().log_softmax(-1)).sum(-1) * mask).sum()
        return mean_over_ranks(total, mask.sum())

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
        """Compute the share of labelled steps that are right, and the phone error rate of completely known clips."""
        return {
            "frame_accuracy": self.sums.get("right", 0.0) / max(1.0, self.sums.get("steps", 0.0)),
            "phone_error_rate": self.sums.get("edits", 0.0) / max(1.0, self.sums.get("phones", 0.0)),
        }


def train_encoder(
    network: TrainableNetwork,
    store: Store,
    settings: EncoderFitSettings,
    folder: Path,
    *,
    device: str = "auto",
    train: np.ndarray | None = None,
    valid: np.ndarray | None = None,
) -> None:
    """Train the audio encoder of `network` in place, from nothing or from the encoder of the model `settings.start`.

    Then fit its temperature on the validation clips, and count its n-grams of phones on the training clips; a finished
    training that is started again fits the same ones.

    Args:
        network: whose encoder is trained.
        store: the prepared features.
        settings: of the training.
        folder: gets checkpoints and `history.jsonl`.
        device: `auto`, `cpu`, `cuda`.
        train: positions of the training clips in the store; None = all of its split `train`.
        valid: the same of the validation clips, of which no more than `settings.most_valid_clips` are taken.

    Raises:
        CorpusError: nothing to train on.
        InputError: the encoder of `settings.start` has other sizes.
    """
    clips = store.where(split="train") if train is None else train
    listeners = read_listeners(settings.listeners)
    if settings.start:
        start_from(network.audio_encoder, PACKAGED_MODEL if settings.start == "default" else Path(settings.start))
    else:
        measure_input(network.audio_encoder, store, clips, settings.seed)
    batches = _fit(network.audio_encoder, store, settings, folder, device, clips, valid, listeners)
    calibrate(network.audio_encoder, store, clips, batches)


def train_listener(store: Store, settings: ListenerFitSettings, folder: Path, *, device: str = "auto") -> Listener:
    """Train a listener, which `encoder.listeners` can name; arguments as for `train_encoder`.

    Raises:
        CorpusError: nothing to train on.
    """
    torch.manual_seed(settings.seed)
    listener, clips = Listener(settings.network), store.where(split="train")
    measure_input(listener, store, clips, settings.seed)
    _fit(listener, store, settings, folder, device, clips, None, read_listeners(settings.listeners))
    return listener


def _fit(
    encoder: AudioEncoder | Listener,
    store: Store,
    settings: EncoderFitSettings,
    folder: Path,
    device: str,
    clips: np.ndarray,
    valid: np.ndarray | None,
    listeners: Sequence[Listener],
) -> EncoderValidBatches:
    """Train; return the validation batches."""
    checked = store.where(split="valid") if valid is None else valid
    hours = store.lengths("mel")[clips].sum(dtype=np.int64) / 360_000
    log.info("%d clips, %.2f h for training", len(clips), hours)
    log.info("%d of %d clips for validation", min(len(checked), settings.most_valid_clips), len(checked))
    batches = EncoderValidBatches(store, evenly(checked, settings.most_valid_clips), settings.batch)
    hearing = hear(listeners, store, clips, choose_device(device)) if listeners else None
    fit_network(
        EncoderTrainer,
        modules={"audio_encoder": encoder},
        settings=settings,
        train=EncoderTrainBatches(store, clips, settings, hearing),
        valid=batches,
        folder=folder,
        device=device,
    )
    return batches


def measure_input(encoder: AudioEncoder | Listener, store: Store, clips: np.ndarray, seed: int) -> None:
    """Set the encoder's normalisation of the input from some of the clips."""
    some = clips[np.random.default_rng(seed).permutation(len(clips))[:STATISTICS_CLIPS]]
    mel = np.concatenate(
        [store.get(clip, "mel").astype(np.float32) for clip in some] or [np.zeros((1, NUM_MELS), np.float32)]
    )
    encoder.mel_mean.copy_(torch.from_numpy(mel.mean(0)))
    encoder.mel_scale.fill_(float(mel.std()))


def start_from(encoder: AudioEncoder, folder: Path) -> None:
    """Take over the encoder of a model, with its normalisation of the input.

    Blocks that `encoder` has beyond that model's start out as doing nothing (their last convolution is zero), so
    the deeper encoder's output is at first just what the other's is, and grows from there. Last blocks that only that
    model has are left out. Where `encoder` looks less
    far ahead, the taps of a convolution that lie beyond are added to the last one that does not.

    Raises:
        InputError: the model's encoder has other sizes.
    """
    other = read_trainable(folder)
    values, own = other.audio_encoder.state_dict(), encoder.state_dict()
    grown = {name for name in own if name not in values and name.split(".")[0] in ("fine", "coarse")}
    for name, value in own.items():
        if name not in grown and name not in COUNTED and (name not in values or values[name].shape != value.shape):
            found = tuple(values[name].shape) if name in values else "missing"
            raise InputError(
                f"encoder.start={folder}: its {name} is {found}, expected {tuple(value.shape)}; "
                "give network.audio_encoder the sizes of that model (its model.json)"
            )
    left_out = {name for name in values if name not in own and name.split(".")[0] in ("fine", "coarse")}
    if left_out:
        log.info("encoder: the last blocks of %s are left out", folder)
        values = {name: value for name, value in values.items() if name not in left_out}
    _move_taps(encoder, values, other.description.settings.audio_encoder)
    encoder.load_state_dict(values, strict=False)
    blocks = sorted({".".join(name.split(".")[:2]) for name in grown})
    for block in blocks:
        encoder.get_submodule(block).start_as_nothing()  # type: ignore[operator]
    log.info("encoder: started from %s%s", folder, f", {len(blocks)} blocks deeper" if blocks else "")


def _move_taps(encoder: AudioEncoder, values: dict[str, Tensor], other: AudioEncoderSettings) -> None:
    """Move the weights of convolutions, in place, to the taps that lie at the same time in an encoder's own ones."""
    own, theirs = encoder_padding(encoder.settings), encoder_padding(other)
    moved = {"stem": theirs.stem - own.stem}
    for part, dilations in (("fine", encoder.settings.dilations), ("coarse", encoder.settings.coarse_dilations)):
        sizes = zip(dilations, getattr(theirs, part), getattr(own, part), strict=False)  # a deeper encoder has more
        moved |= {f"{part}.{index}.layers.0": (b - a) // d for index, (d, b, a) in enumerate(sizes)}
    for name, taps in moved.items():
        if taps > 0 and f"{name}.weight" in values:
            weight = values[f"{name}.weight"]
            kept = weight[..., : weight.shape[2] - taps].clone()
            kept[..., -1] += weight[..., weight.shape[2] - taps :].sum(2)
            values[f"{name}.weight"] = torch.cat([torch.zeros_like(weight[..., :taps]), kept], 2)
