"""Train the duration predictor on the phone tiers of everything that is aligned.

GRID's speakers have rows of their own; the mean speaker's row is learnt from all other speech. Silences are not
learnt: how long a pause is follows from the punctuation. Phones are lengthened before a pause (Wightman et al. 1992),
and text has fewer of them than speech: none before its first word and after its last one, and few within. So utterances
begin and end with speech, and of the silences within them a share is left out, anew in each epoch; otherwise what is
predicted for text is short, as if nobody ever stopped to speak. A corpus of millions has far more than is needed, so
utterances are read evenly spread up to a limit, and held in memory.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.layout import PHONE_TIMES, alignment_path, phone_times
from phonolips.corpus.store.remote import is_address
from phonolips.corpus.store.store import Store
from phonolips.errors import InputError
from phonolips.model.speakers import MEAN_SPEAKER_ROW
from phonolips.model.stages import LONGEST_STEPS, flatten_words
from phonolips.phones.inventory import IGNORED_ID, SILENCE_ID
from phonolips.timebase import STEPS_PER_SECOND
from phonolips.training.lengths import match_totals
from phonolips.training.loop import Stage, Trainer, fit_network
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.order import batch_by_length, evenly
from phonolips.training.padding import length_mask, pad_stack
from phonolips.training.ranks import mean_over_ranks, share_of
from phonolips.training.settings import DurationsFitSettings

log = logging.getLogger("phonolips.training")
UNKNOWN_SPEAKER_SHARE = 0.1  # of the utterances that are conditioned on the mean speaker
UNWRITTEN_PAUSE_SHARE = 0.5  # of the utterances whose silences are left out, as text without punctuation has none
MOST_CLIPS = {"train": 100_000, "valid": 2_000}  # clips that are read
MOST_MATCHED = 400  # utterances of each speaker's row whose total is matched, evenly spread


class Utterance(NamedTuple):
    """Phone ids (phones,), position (phones, 2), steps (phones,) with 0 for silences, and the speaker's row."""

    phones: np.ndarray
    position: np.ndarray
    steps: np.ndarray
    speaker: int


class DurationBatch(NamedTuple):
    """Padded: phones (batch, phones), position (batch, phones, 2), steps and mask (batch, phones), speaker."""

    phones: Tensor
    position: Tensor
    steps: Tensor
    mask: Tensor
    speaker: Tensor


def to_utterance(times: np.ndarray, speaker: int, *, partly: bool = False) -> Utterance | None:
    """Turn the phone times of a clip into an utterance.

    Args:
        times: float64 (phones, 4), see `phonolips.corpus.layout.phone_times`.
        speaker: row of the speaker.
        partly: leave out what is unknown around a known word.

    Returns:
        what lies between the first and the last phone that is spoken; None where there is nothing but silence, or,
        unless `partly`, where a word's phones are unknown.
    """
    words: list[list[int]] = []
    steps: list[float] = []
    for phone, start, end, begins_word in times.tolist():
        if phone == IGNORED_ID:
            if not partly:
                return None
            continue
        if not words or begins_word:
            words.append([])
        words[-1].append(int(phone))
        steps.append(0.0 if phone == SILENCE_ID else min((end - start) * STEPS_PER_SECOND, LONGEST_STEPS))
    spoken = np.flatnonzero(steps)
    if not len(spoken):
        return None
    phones, position = flatten_words(words)
    kept = slice(spoken[0], spoken[-1] + 1)
    return Utterance(phones[kept], position[kept], np.array(steps, np.float32)[kept], speaker)


def without_pauses(utterance: Utterance) -> Utterance:
    """Leave the silences of an utterance out."""
    spoken = utterance.phones != SILENCE_ID
    return utterance._replace(
        phones=utterance.phones[spoken], position=utterance.position[spoken], steps=utterance.steps[spoken]
    )


def make_batch(utterances: list[Utterance], longest: int = 0) -> DurationBatch:
    """Pad utterances to one length, `longest` or more; silences have 0 steps."""
    lengths = [len(utterance.phones) for utterance in utterances]
    longest = max(longest, *lengths)
    return DurationBatch(
        pad_stack([utterance.phones for utterance in utterances], longest),
        pad_stack([utterance.position for utterance in utterances], longest),
        pad_stack([utterance.steps for utterance in utterances], longest),
        length_mask(lengths, longest),
        torch.tensor([utterance.speaker for utterance in utterances]),
    )


class DurationsTrain:
    """Training batches, utterances of like length together."""

    def __init__(self, utterances: list[Utterance], settings: DurationsFitSettings) -> None:
        self.utterances, self.settings = utterances, settings
        self.lengths = np.array([len(utterance.phones) for utterance in utterances])
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of an epoch, which of their speakers are hidden, and whose silences are left out."""
        rng = np.random.default_rng((self.settings.seed, epoch))
        self.batches = batch_by_length(self.lengths, self.settings.batch, rng)
        generator = torch.Generator().manual_seed(self.settings.seed * 10_000 + epoch)
        self.hidden, self.unwritten = (
            [(torch.rand(len(group), generator=generator) < share).numpy() for group in self.batches]
            for share in (UNKNOWN_SPEAKER_SHARE, UNWRITTEN_PAUSE_SHARE)
        )

    def __len__(self) -> int:
        return len(self.batches)

    def batch(self, index: int, rank: int = 0, world: int = 1) -> DurationBatch:
        """Make one batch, or this rank's share of it."""
        group, hidden, unwritten = (
            share_of(part[index], rank, world) for part in (self.batches, self.hidden, self.unwritten)
        )
        items = [self.utterances[i] for i in group]
        items = [
            item._replace(speaker=MEAN_SPEAKER_ROW) if hide else item for item, hide in zip(items, hidden, strict=True)
        ]
        items = [without_pauses(item) if drop else item for item, drop in zip(items, unwritten, strict=True)]
        return make_batch(items, int(self.lengths[self.batches[index]].max()))


class DurationsTrainer(Trainer):
    """Poisson likelihood of the steps of every spoken phone."""

    uses_everything = True

    def compute_forward(self, batch: DurationBatch, stage: Stage) -> Tensor:
        """Predict log steps (batch, phones)."""
        log_steps: Tensor = self.modules.durations(
            batch.phones.to(self.device),
            batch.position.to(self.device),
            batch.speaker.to(self.device),
            batch.mask.to(self.device),
        )
        return log_steps

    def compute_objectives(self, predictions: Tensor, batch: DurationBatch, stage: Stage) -> Tensor:
        """Average over the spoken phones."""
        steps = batch.steps.to(self.device)
        spoken = steps > 0
        total = torch.nn.functional.poisson_nll_loss(predictions[spoken].float(), steps[spoken], reduction="sum")
        if stage != Stage.TRAIN:
            predicted = predictions[spoken].exp()
            self.count(
                error=float((predicted - steps[spoken]).abs().sum()),
                predicted=float(predicted.sum()),
                true=float(steps[spoken].sum()),
                phones=float(spoken.sum()),
            )
        return mean_over_ranks(total, spoken.sum())

    def scores(self) -> dict[str, float]:
        """Compute the mean absolute error in ms, and predicted over true total."""
        return {
            "error_ms": 1000 / STEPS_PER_SECOND * self.sums["error"] / max(1.0, self.sums["phones"]),
            "total_ratio": self.sums["predicted"] / max(1.0, self.sums["true"]),
        }


def read_utterances(network: TrainableNetwork, store: Store, data: Path | str, split: str) -> list[Utterance]:
    """Read the utterances of a split whose transcript is complete, MOST_CLIPS of it at most, evenly spread.

    Where no transcript is (LRW alone), the one known word of each clip is an utterance. Stores that version 0.1 made
    have no phone times; they are read off the TextGrids of the prepared corpus `data` then.

    Raises:
        InputError: such a store behind an address, where no TextGrids can be read.
    """
    times = _stored_times(store) if PHONE_TIMES in store.arrays else _times_beside(store, data)
    names = network.description.speakers
    positions = store.where(split=split)
    complete = store.lengths("soft")[positions] == 0
    partly = not complete.any()
    positions = positions if partly else positions[complete]
    codes, speakers = store.column("speaker")
    rows = [names.index(speaker) if speaker in names else MEAN_SPEAKER_ROW for speaker in speakers]
    if len(positions) > MOST_CLIPS[split]:
        log.info("durations: %d of %d clips of %s are read", MOST_CLIPS[split], len(positions), split)
    found = (
        to_utterance(times(position), rows[codes[position]], partly=partly)
        for position in evenly(positions, MOST_CLIPS[split])
    )
    return [utterance for utterance in found if utterance is not None]


def _stored_times(store: Store) -> Callable[[int], np.ndarray]:
    return lambda position: store.get(position, PHONE_TIMES)


def _times_beside(store: Store, data: Path | str) -> Callable[[int], np.ndarray]:
    from phonolips.phones.textgrid import read_textgrid

    if is_address(data):
        raise InputError(
            f"{data}: its features hold no {PHONE_TIMES} (version 0.1 prepared them), and TextGrids are read from a "
            "folder only; train the durations where the corpus lies, or prepare its features anew"
        )
    return lambda position: phone_times(read_textgrid(alignment_path(Path(data), store.id_at(position))))


def train_durations(
    network: TrainableNetwork,
    store: Store,
    data: Path | str,
    settings: DurationsFitSettings,
    folder: Path,
    *,
    device: str = "auto",
) -> None:
    """Train the duration predictor of `network` in place on the phone times of the prepared corpus `data`."""
    found = {split: read_utterances(network, store, data, split) for split in MOST_CLIPS}
    log.info("durations: %d utterances for training, %d for validation", *map(len, found.values()))
    valid = sorted(found["valid"], key=lambda utterance: len(utterance.phones))
    fit_network(
        DurationsTrainer,
        modules={"durations": network.durations},
        settings=settings,
        train=DurationsTrain(found["train"], settings),
        valid=[
            make_batch([without_pauses(utterance) for utterance in valid[i : i + settings.batch]])
            for i in range(0, len(valid), settings.batch)
        ],
        folder=folder,
        device=device,
    )
    match_totals(network.durations, batches_by_row(found["train"], settings.batch))


def batches_by_row(utterances: list[Utterance], size: int) -> dict[int, list[DurationBatch]]:
    """Put some utterances of each speaker's row into batches: as they are, and without their silences."""
    rows: dict[int, list[Utterance]] = {}
    for utterance in utterances:
        rows.setdefault(utterance.speaker, []).append(utterance)
    batches: dict[int, list[DurationBatch]] = {}
    for row, own in rows.items():
        some = [own[index] for index in evenly(np.arange(len(own)), MOST_MATCHED)]
        some += [without_pauses(utterance) for utterance in some]
        batches[row] = [make_batch(some[i : i + size]) for i in range(0, len(some), size)]
    return batches
