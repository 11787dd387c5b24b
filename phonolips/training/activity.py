"""Train voice activity: speech of a prepared corpus against sounds that are made here (`nonspeech`)."""

import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.store.store import Store
from phonolips.errors import CorpusError, InputError
from phonolips.training.activity_batches import (
    NO_SPEECH,
    SPEECH,
    UNKNOWN,
    ActivityBatch,
    ActivityTrainBatches,
    valid_batches,
)
from phonolips.training.loop import Stage, Trainer, fit_network
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.nonspeech import FAMILIES
from phonolips.training.order import evenly
from phonolips.training.ranks import mean_over_ranks
from phonolips.training.settings import ActivityFitSettings

log = logging.getLogger("phonolips.training")
STATISTICS_CLIPS = 200  # clips from which the input normalisation is measured


class ActivityTrainer(Trainer):
    """Cross-entropy of speech or not, on the frames whose answer is known."""

    uses_everything = True
    settings: ActivityFitSettings

    def compute_forward(self, batch: ActivityBatch, stage: Stage) -> Tensor:
        """Compute the log odds of speech, (batch, frames)."""
        logits: Tensor = self.modules.voice_activity(batch.mel.to(self.device))
        return logits

    def compute_objectives(self, predictions: Tensor, batch: ActivityBatch, stage: Stage) -> Tensor:
        """Average over the known frames; count errors in validation."""
        targets = batch.targets.to(self.device)
        known = targets != UNKNOWN
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            predictions.float(), (targets == SPEECH).float(), reduction="none"
        )
        if stage != Stage.TRAIN:
            said, silent = targets == SPEECH, targets == NO_SPEECH
            self.count(said=float(said.sum()), missed=float((said & (predictions < 0)).sum()))
            self.count(silent=float(silent.sum()), false=float((silent & (predictions >= 0)).sum()))
        return mean_over_ranks((losses * known).sum(), known.sum())

    def scores(self) -> dict[str, float]:
        """Compute the share of speech that is missed, and that of anything else that is taken for speech."""
        return {
            "missed_speech": self.sums.get("missed", 0.0) / max(1.0, self.sums.get("said", 0.0)),
            "false_speech": self.sums.get("false", 0.0) / max(1.0, self.sums.get("silent", 0.0)),
        }


def train_activity(
    network: TrainableNetwork, store: Store, settings: ActivityFitSettings, folder: Path, *, device: str = "auto"
) -> None:
    """Give `network` a voice activity and train it; nothing else of the network is used or changed.

    Args:
        network: gets the part.
        store: the prepared features; clips with phones that nobody knows are speech there, too.
        settings: of the training.
        folder: gets checkpoints and `history.jsonl`.
        device: `auto`, `cpu`, `cuda`.

    Raises:
        CorpusError: nothing to train on.
        InputError: `settings.leave_out` names no family of sounds.
    """
    for name in settings.leave_out:
        if name not in FAMILIES:
            raise InputError(f"activity.leave_out has {name!r}; expected some of {', '.join(FAMILIES)}")
    clips, checked = store.where(split="train"), store.where(split="valid")
    if not len(clips):
        raise CorpusError("no clip to train on; see dropped*.tsv in the prepared corpus for what was left out")
    hours = store.lengths("mel")[clips].sum(dtype=np.int64) / 360_000
    log.info("activity: %d clips, %.2f h of speech", len(clips), hours)
    torch.manual_seed(settings.seed)
    voice_activity = network.add_voice_activity(settings.network)
    some = evenly(clips, STATISTICS_CLIPS)
    mel = np.concatenate([store.get(clip, "mel").astype(np.float32) for clip in some])
    voice_activity.mel_mean.copy_(torch.from_numpy(mel.mean(0)))
    voice_activity.mel_scale.fill_(float(mel.std()))
    fit_network(
        ActivityTrainer,
        modules={"voice_activity": voice_activity},
        settings=settings,
        train=ActivityTrainBatches(store, clips, settings),
        valid=valid_batches(store, evenly(checked, settings.most_valid_clips), settings),
        folder=folder,
        device=device,
    )
