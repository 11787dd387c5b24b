"""Train the sync expert: true pairs of lips and sound against shifted ones and those of other clips.

InfoNCE (van den Oord et al. 2018) in both directions: among all windows of sound, which goes with these lips,
and the reverse; once among the shifts of the own clip, which only timing tells apart, and once among all clips
of the batch. A window one frame beside the true one is neither right nor wrong (its sound overlaps and a frame
is 40 ms), so it gets a share of the target instead of counting as a negative.

So that the expert serves for other speakers, trackers and synthesised lips, the sound is varied in vocal
tract, level, noise and masks, and the lips in size of movement, place, tracking noise and smoothness.
"""

import logging
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.store.store import Store
from phonolips.errors import CorpusError, InputError
from phonolips.model.sync import LEAST_WINDOWS, mean_distances, summarise_distances
from phonolips.timebase import frames_to_steps
from phonolips.training.augment import augment_mel
from phonolips.training.lips_clips import clip_shares, lip_clips
from phonolips.training.loop import Stage, Trainer, fit_network
from phonolips.training.networks.sync import SyncExpert
from phonolips.training.settings import SyncFitSettings

log = logging.getLogger("phonolips.training")
LARGEST_SHARPNESS = 40.0
PLACE = 0.02  # standard deviation of the error of the mean shape, mouth-space units
UNEVEN = 0.15  # lips move up to exp(this) times more in one direction than in the other


class SyncClip(NamedTuple):
    """One clip: lips less the clip's mean shape (frames, 40, 2), log-mel (4 * frames, 80), detected (frames,)."""

    deviation: np.ndarray
    mel: np.ndarray
    detected: np.ndarray
    speaker: str


class SyncBatch(NamedTuple):
    """Deviations (batch, frames, 40, 2), log-mel (batch, 4 * frames, 80), detected bool (batch, frames)."""

    deviation: Tensor
    mel: Tensor
    detected: Tensor


def read_sync_clips(store: Store, names: list[str], least_frames: int) -> list[SyncClip]:
    """Read clips into memory; those of fewer than `least_frames` frames are left out and counted."""
    clips = []
    for name in names:
        lips, detected = np.array(store.get(name, "lips")), np.array(store.get(name, "detected"))
        if len(lips) < least_frames or not detected.any():
            continue
        mel = store.get(name, "mel").astype(np.float32)[: frames_to_steps(len(lips))]
        clips.append(SyncClip(lips - lips[detected].mean(0), mel, detected, str(store.meta(name)["speaker"])))
    if len(clips) < len(names):
        log.info("sync: %d of %d clips are shorter than %d frames", len(names) - len(clips), len(names), least_frames)
    return clips


def fit_inputs(expert: SyncExpert, clips: list[SyncClip], balance: float) -> None:
    """Set PCA basis, scales and log-mel statistics of `expert` from training clips, each speaker's share balanced."""
    shares = clip_shares([clip.speaker for clip in clips], balance)
    deviations = [clip.deviation[clip.detected].reshape(-1, expert.lip_basis[0].numel()) for clip in clips]
    spread = sum(share * part.T @ part / len(part) for share, part in zip(shares, deviations, strict=True))
    _, values, vectors = np.linalg.svd(np.asarray(spread))
    components = len(expert.lip_basis)
    expert.lip_basis.copy_(torch.from_numpy(vectors[:components].reshape(expert.lip_basis.shape)))
    expert.lip_scale.copy_(torch.from_numpy(np.sqrt(values[:components])).clamp_min(1e-4))
    sound = np.concatenate([clip.mel for clip in clips]).astype(np.float64)
    expert.mel_mean.copy_(torch.from_numpy(sound.mean(0)))
    expert.mel_scale.copy_(torch.from_numpy(sound.std(0)).clamp_min(1e-3))


def vary_lips(deviation: np.ndarray, settings: SyncFitSettings, rng: np.random.Generator) -> np.ndarray:
    """Vary size, place, smoothness and tracking noise of deviations (frames, 40, 2)."""
    frames, points, _ = deviation.shape
    scale = np.exp(rng.uniform(-settings.scale_range, settings.scale_range) + rng.uniform(-UNEVEN, UNEVEN, 2))
    varied = deviation * scale + rng.normal(0, PLACE, 2) + rng.normal(0, PLACE / 4, (points, 2))
    if rng.random() < settings.smooth_share:
        side = rng.uniform(0, 1 / 3)
        padded = np.pad(varied, ((1, 1), (0, 0), (0, 0)), mode="edge")
        varied = side * (padded[:-2] + padded[2:]) + (1 - 2 * side) * varied
    noise = rng.uniform(0, settings.jitter)
    varied = varied + rng.normal(0, noise, (frames, 1, 2)) + rng.normal(0, noise, (frames, points, 2))
    return varied.astype(np.float32)


def cut_batch(clips: list[SyncClip], firsts: list[int], frames: int) -> SyncBatch:
    """Cut clips to `frames` frames from `firsts` on and stack them."""
    pieces = []
    for clip, first in zip(clips, firsts, strict=True):
        part, steps = slice(first, first + frames), slice(frames_to_steps(first), frames_to_steps(first + frames))
        pieces.append((clip.deviation[part], clip.mel[steps], clip.detected[part]))
    return SyncBatch(*(torch.from_numpy(np.stack(column)) for column in zip(*pieces, strict=True)))


class SyncTrainBatches:
    """Training batches: crops of clips, varied; speakers with few clips come up more often, as `balance` says."""

    def __init__(self, clips: list[SyncClip], settings: SyncFitSettings) -> None:
        self.clips, self.settings = clips, settings
        self.shares = clip_shares([clip.speaker for clip in clips], settings.balance)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw which clips an epoch shows."""
        rng = np.random.default_rng((self.settings.seed, epoch))
        self.order = rng.choice(len(self.clips), len(self.clips), p=self.shares)
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.clips) // self.settings.batch)

    def batch(self, index: int, rank: int = 0, world: int = 1) -> SyncBatch:
        """Make one batch; it is never shared out, since every clip is compared with all others of it."""
        settings = self.settings
        rng = np.random.default_rng((settings.seed, self.epoch, index))
        clips = [self.clips[i] for i in self.order[index * settings.batch : (index + 1) * settings.batch]]
        frames = min(settings.crop_frames, *(len(clip.deviation) for clip in clips))
        firsts = [int(rng.integers(0, len(clip.deviation) - frames + 1)) for clip in clips]
        batch = cut_batch(clips, firsts, frames)
        deviation = np.stack([vary_lips(one, settings, rng) for one in batch.deviation.numpy()])
        mel = augment_mel(
            batch.mel,
            torch.ones(batch.mel.shape[:2], dtype=torch.bool),
            noise_share=settings.noise_share,
            masked_share=settings.masked_share,
            tract_range=settings.tract_range,
            generator=torch.Generator().manual_seed(int(rng.integers(2**31))),
        )
        return SyncBatch(torch.from_numpy(deviation), mel.float(), batch.detected)


def near_targets(windows: int, neighbour_share: float) -> Tensor:
    """Make the target distributions of a clip's windows, (windows, windows), rows summing to 1."""
    beside = torch.ones(windows - 1) * neighbour_share
    target = torch.eye(windows) * (1 - 2 * neighbour_share) + torch.diag(beside, 1) + torch.diag(beside, -1)
    return target / target.sum(1, keepdim=True)


def contrastive_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Average the cross-entropy of both directions.

    Args:
        logits: (..., windows of lips, windows of sound).
        target: of the same shape, rows summing to 1, symmetric.
        weight: (..., windows), what each pair counts.
    """
    total = torch.zeros(())
    for scores in (logits, logits.transpose(-1, -2)):
        entropy = -(target * scores.log_softmax(-1)).sum(-1)
        total = total + 0.5 * (entropy * weight).sum() / weight.sum().clamp_min(1)
    return total


class SyncTrainer(Trainer):
    """InfoNCE over the shifts of a clip and over all clips; a window with a face that was not found does not count."""

    settings: SyncFitSettings

    def compute_forward(self, batch: SyncBatch, stage: Stage) -> tuple[Tensor, Tensor]:
        """Embed both sides, (batch, windows, embedding) each."""
        embedded: tuple[Tensor, Tensor] = self.modules.expert(
            batch.deviation.to(self.device), batch.mel.to(self.device)
        )
        return embedded

    def compute_objectives(self, predictions: tuple[Tensor, Tensor], batch: SyncBatch, stage: Stage) -> Tensor:
        """Sum the two losses; on validation clips also look for the offset, which is 0."""
        lips, mel = predictions
        clips, windows, _ = lips.shape
        sharpness = self.modules.expert.log_sharpness.exp().clamp_max(LARGEST_SHARPNESS)
        width = batch.detected.shape[1] - windows + 1
        weight = batch.detected.unfold(1, width, 1).all(-1).float().to(self.device)
        target = near_targets(windows, self.settings.neighbour_share).to(self.device)
        own = contrastive_loss(sharpness * lips @ mel.transpose(1, 2), target.expand(clips, -1, -1), weight)
        everything = torch.block_diag(*[target] * clips)  # type: ignore[no-untyped-call]
        among_all = contrastive_loss(sharpness * lips.flatten(0, 1) @ mel.flatten(0, 1).T, everything, weight.flatten())
        if stage != Stage.TRAIN:
            for one, other in zip(lips.float().cpu(), mel.float().cpu(), strict=True):
                found = summarise_distances(*mean_distances(one.numpy(), other.numpy()))
                right = abs(found.offset_frames) <= 1
                self.count(clips=1, within=right, distance=found.distance, confidence=found.confidence)
        return own + self.settings.other_clips_weight * among_all

    def scores(self) -> dict[str, float]:
        """Compute the share of clips whose offset is found within a frame, and mean distance and confidence."""
        clips = max(1.0, self.sums.get("clips", 0.0))
        return {
            "within_1_frame": self.sums.get("within", 0.0) / clips,
            "lse_d": self.sums.get("distance", 0.0) / clips,
            "lse_c": self.sums.get("confidence", 0.0) / clips,
            "sharpness": float(self.modules.expert.log_sharpness.exp()),
        }


def train_sync(store: Store, settings: SyncFitSettings, folder: Path, *, device: str = "auto") -> SyncExpert:
    """Train a sync expert on the clips with lips of a prepared corpus.

    Args:
        store: the prepared features.
        settings: of the training; `settings.expert` shapes the expert.
        folder: gets checkpoints and `history.jsonl`; a killed training goes on from its last epoch.
        device: `auto`, `cpu`, `cuda`.

    Raises:
        CorpusError: no training clip is long enough.
        InputError: there is more than one process.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(
            "the sync expert's loss compares all clips of a batch, so it is trained in one process; "
            "start it without torchrun"
        )
    torch.manual_seed(settings.seed)
    expert = SyncExpert(settings.expert)
    least = expert.window_frames + LEAST_WINDOWS
    train = read_sync_clips(store, lip_clips(store, "train"), least)
    if not train:
        raise CorpusError(f"no training clip has {least} frames of lips or more; see dropped*.tsv for what is left out")
    valid = read_sync_clips(store, lip_clips(store, "valid"), least)
    fit_inputs(expert, train, settings.balance)
    expert.notes = {"clips": len(train), "speakers": dict(Counter(clip.speaker for clip in train))}
    valid_batches = []
    for start in range(0, len(valid), settings.batch):
        part = valid[start : start + settings.batch]
        valid_batches.append(cut_batch(part, [0] * len(part), min(len(clip.deviation) for clip in part)))
    fit_network(
        SyncTrainer,
        modules={"expert": expert},
        settings=settings,
        train=SyncTrainBatches(train, settings),
        valid=valid_batches,
        folder=folder,
        device=device,
    )
    return expert
