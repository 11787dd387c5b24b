"""Train a small lip reader: which of N words do these lips say? Trained on true lips, it judges synthesised ones.

Reading with a network that has seen only real people, to score synthesised ones, follows Vougioukas et al. 2020
("Realistic speech-driven facial animation with GANs"). The reader is trained on the training split, its best epoch is
chosen on the validation split, and only then does it see the test split.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from phonolips.corpus.store.store import Store
from phonolips.errors import CheckpointError, CorpusError
from phonolips.lips.points import LIP_POINTS
from phonolips.model.bundle import DESCRIPTION_FILE
from phonolips.training.loop import Stage, Trainer, fit_network
from phonolips.training.order import evenly
from phonolips.training.ranks import gather, is_main, mean_over_ranks, share_of, wait_for_all
from phonolips.training.reader_clips import PackedClips, ReaderClip, StoreClips, word_of
from phonolips.training.reader_network import (
    READ_AT_ONCE,
    LipReader,
    ReaderBatch,
    ReaderSettings,
    check_lips,
    load_reader,
    mirror,
    pad_clips,
)

log = logging.getLogger("phonolips.evaluation")
BASIS_CLIPS = 2_000  # clips that the principal components are measured on, at most, evenly drawn


def fit_basis(reader: LipReader, clips: Sequence[ReaderClip]) -> None:
    """Set the principal components of `reader` from clips and their mirror images, less each clip's mean shape."""
    chosen = evenly(np.arange(len(clips)), BASIS_CLIPS)
    spread = np.zeros((2 * LIP_POINTS, 2 * LIP_POINTS))
    for index in chosen:
        lips = check_lips(clips[int(index)].lips, clips[int(index)].id)
        deviation = lips - lips.mean(0)
        for seen in (deviation, mirror(deviation)):
            flat = seen.reshape(len(seen), -1).astype(np.float64)
            spread += flat.T @ flat / (2 * len(flat) * len(chosen))
    components = reader.settings.components
    # What is alike on both sides and what is not are uncorrelated by now; apart, no component mixes the two.
    flip = mirror(np.eye(2 * LIP_POINTS).reshape(-1, LIP_POINTS, 2)).reshape(2 * LIP_POINTS, -1)
    found = []
    for sign in (1, -1):
        onto = (np.eye(2 * LIP_POINTS) + sign * flip) / 2
        values, vectors = np.linalg.eigh(onto @ spread @ onto)
        own = np.abs(onto @ vectors - vectors).max(0) < 1e-6
        found += [(value, sign, vector) for value, vector, kept in zip(values, vectors.T, own, strict=True) if kept]
    found = sorted(found, key=lambda item: -item[0])[:components]
    reader.lip_basis.copy_(torch.from_numpy(np.array([vector for _, _, vector in found]).reshape(-1, LIP_POINTS, 2)))
    scale = np.sqrt(np.maximum([value for value, _, _ in found], 0))
    reader.lip_scale.copy_(torch.from_numpy(scale).clamp_min(1e-4))
    reader.mirror_sign.copy_(torch.tensor([float(sign) for _, sign, _ in found]))


class ReaderTrainBatches:
    """Training batches: every clip once an epoch, varied."""

    def __init__(self, clips: PackedClips, reader: LipReader) -> None:
        self.clips, self.settings = clips, reader.settings
        self.scale, self.sign = reader.lip_scale.numpy().copy(), reader.mirror_sign.numpy().copy()
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch."""
        self.epoch = epoch
        self.order = np.random.default_rng((self.settings.seed, epoch)).permutation(len(self.clips))

    def __len__(self) -> int:
        return -(-len(self.clips) // self.settings.batch)

    def batch(self, index: int, rank: int = 0, world: int = 1) -> ReaderBatch:
        """Make one batch, or of its clips those that fall to this rank."""
        size = self.settings.batch
        chosen = share_of(self.order[index * size : (index + 1) * size], rank, world)
        parts = []
        for clip in chosen:
            rng = np.random.default_rng((self.settings.seed, self.epoch, int(clip)))
            parts.append(self.vary(self.clips.clip(int(clip)), rng))
        return pad_clips(parts, self.clips.words[chosen])

    def vary(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Vary time, size, smoothness, tracking noise and side of coefficients (frames, components)."""
        settings, frames = self.settings, len(values)
        middle = (frames - 1) / 2
        speed = np.exp(rng.uniform(-settings.speed_range, settings.speed_range))
        shift = rng.uniform(-settings.shift_frames, settings.shift_frames)
        at = np.clip(middle + (np.arange(frames) - middle) * speed + shift, 0, frames - 1)
        before = np.minimum(at.astype(np.int64), frames - 2)
        part = (at - before)[:, None]
        varied = (1 - part) * values[before] + part * values[before + 1]
        varied = varied * np.exp(rng.uniform(-settings.scale_range, settings.scale_range))
        if rng.random() < settings.smooth_share:
            side = rng.uniform(0, 1 / 3)
            padded = np.pad(varied, ((1, 1), (0, 0)), mode="edge")
            varied = side * (padded[:-2] + padded[2:]) + (1 - 2 * side) * varied
        varied = varied + rng.normal(0, rng.uniform(0, settings.jitter), varied.shape) / self.scale
        if rng.random() < settings.mirror_share:
            varied = varied * self.sign
        narrow: np.ndarray = varied.astype(np.float32)
        return narrow


class ReaderTrainer(Trainer):
    """Cross-entropy with smoothed labels; the weights of the epoch that validates best are kept in `folder`."""

    uses_everything = True
    settings: ReaderSettings
    folder: Path

    def compute_forward(self, batch: ReaderBatch, stage: Stage) -> Tensor:
        """Compute logits (batch, words)."""
        logits: Tensor = self.modules.reader(batch.coefficients.to(self.device), batch.counts.to(self.device))
        return logits

    def compute_objectives(self, predictions: Tensor, batch: ReaderBatch, stage: Stage) -> Tensor:
        """Average the cross-entropy over the clips; on validation clips also count what is read right."""
        words = batch.words.to(self.device)
        if stage != Stage.TRAIN:
            self.count(clips=len(words), right=float((predictions.argmax(-1) == words).sum()))
            return nn.functional.cross_entropy(predictions, words)
        loss = nn.functional.cross_entropy(
            predictions, words, reduction="sum", label_smoothing=self.settings.label_smoothing
        )
        return mean_over_ranks(loss, len(words))

    def scores(self) -> dict[str, float]:
        """Compute the share of validation clips that are read right."""
        return {"top1": self.sums.get("right", 0.0) / max(1.0, self.sums.get("clips", 0.0))}

    def on_stage_end(self, stage: Stage, stage_loss: float, epoch: int | None = None) -> None:
        """Keep the weights if none before validated better, before the epoch counts as done."""
        if stage == Stage.VALID:
            shares = gather((self.sums.get("right", 0.0), self.sums.get("clips", 0.0)))
            top1 = sum(right for right, _ in shares) / max(1.0, sum(clips for _, clips in shares))
            best = load_reader(self.folder).notes["valid_top1"] if (self.folder / DESCRIPTION_FILE).is_file() else -1.0
            if is_main() and top1 >= best:
                reader = cast(LipReader, self.saved)
                reader.notes = {**reader.notes, "epoch": epoch, "valid_top1": top1}
                reader.save(self.folder)
        super().on_stage_end(stage, stage_loss, epoch)


def train_reader(
    clips: Sequence[ReaderClip],
    words: Sequence[str],
    *,
    folder: Path,
    valid: Sequence[ReaderClip] = (),
    settings: ReaderSettings | None = None,
    seed: int = 1,
    device: str = "auto",
) -> LipReader:
    """Train a lip reader on true lips, or take the one that `folder` holds already.

    Args:
        clips: training clips; only their coefficients are held in memory (`StoreClips` reads the lips from a store).
        words: what can be read; every clip's word is one of them.
        folder: gets the reader, checkpoints and `history.jsonl`; a killed training goes on from its last epoch.
        valid: clips on which the best epoch is chosen; without any, the last one is.
        settings: of shape and training.
        seed: of everything random, instead of the settings'.
        device: `auto`, `cpu`, `cuda`.

    Raises:
        CorpusError: no clip, or fewer than two words.
        InputError: a clip's lips are not as expected, or its word is not among `words`.
        CheckpointError: the reader in `folder` cannot be read, or was trained on other words, settings or clips.
    """
    settings = replace(settings or ReaderSettings(), seed=seed)
    if len(words) < 2 or not len(clips):
        raise CorpusError(
            f"{len(clips)} training clips and {len(words)} words for the lip reader; expected at least two words"
        )
    made_from = {"clips": len(clips), "valid_clips": len(valid)}
    if (folder / DESCRIPTION_FILE).is_file():
        return _load_trained(folder, words, settings, made_from)
    torch.manual_seed(settings.seed)
    reader = LipReader(words, settings)
    fit_basis(reader, clips)
    train, checked = PackedClips(reader, clips), PackedClips(reader, valid)
    majority = Counter(train.words.tolist()).most_common(1)[0][0]
    reader.notes = {**made_from, "majority": reader.words[majority]}
    fit_network(
        ReaderTrainer,
        modules={"reader": reader},
        settings=settings,
        train=ReaderTrainBatches(train, reader),
        valid=checked.batches(READ_AT_ONCE),
        folder=folder / "training",
        device=device,
        attributes={"folder": folder / "training" / "best"},
    )
    wait_for_all()
    best = load_reader(folder / "training" / "best")
    if is_main():
        best.save(folder)
    wait_for_all()
    return best


def _load_trained(folder: Path, words: Sequence[str], settings: ReaderSettings, made_from: dict[str, int]) -> LipReader:
    """Load the reader in `folder`; raise CheckpointError where it was trained on anything else."""
    reader = load_reader(folder)
    same = {name: reader.notes.get(name) for name in made_from} == made_from
    if reader.words != tuple(words) or reader.settings != settings or not same:
        raise CheckpointError(
            f"{folder}: a lip reader of other words, settings or clips than these {len(words)} words and "
            f"{made_from['clips']} clips; remove the folder to train it anew"
        )
    log.info("lip reader: %s is there already", folder)
    return reader


def train_reader_on_store(
    store: Store,
    folder: Path,
    *,
    settings: ReaderSettings | None = None,
    speaker: str | None = None,
    name_word: Callable[[str], str] = word_of,
    seed: int = 1,
    device: str = "auto",
) -> LipReader:
    """Train a lip reader on the `train` clips of a prepared corpus, chosen on its `valid` ones.

    Arguments are those of `StoreClips` and `train_reader`.
    """
    settings = settings or ReaderSettings()
    train = StoreClips(store, "train", speaker=speaker, most=settings.most_clips, name_word=name_word)
    words = train.words()
    valid = StoreClips(store, "valid", speaker=speaker, most=settings.most_valid_clips, name_word=name_word)
    return train_reader(train, words, folder=folder, valid=valid, settings=settings, seed=seed, device=device)
