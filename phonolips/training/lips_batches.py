"""Batches of clips for the lip decoder: cut and varied at random, each fed from the encoder or from aligned text."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from phonolips.model.speakers import MEAN_SPEAKER_ROW
from phonolips.model.stages import FINES_PER_FRAME
from phonolips.phones.inventory import IGNORED_ID
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.timebase import frames_to_steps
from phonolips.training.encoder_outputs import StoredOutput
from phonolips.training.lips_clips import LipsClip, clip_shares
from phonolips.training.order import shuffle_in_blocks
from phonolips.training.padding import length_mask, pad_stack
from phonolips.training.ranks import share_of
from phonolips.training.settings import LipsFitSettings


class LipsBatch(NamedTuple):
    """A batch of clips, padded.

    Fields:
        posteriors: (batch, steps, phones), zero in padding.
        hidden: (batch, steps / 2, channels), the encoder's.
        predicted: bool (batch,), True where the lip parameters are predicted from the posteriors.
        coefficients, lip_parameters: the truth, (batch, frames, ...).
        weight, shut: float (batch, frames).
        mask: bool (batch, frames).
        speaker: int64 (batch,), rows of the table.
        speaker_encoded: bool (batch,), True where the embedding comes from `shape` and `voice`.
        shape: (batch, 40, 2).
        voice: (batch, ...).
    """

    posteriors: Tensor
    hidden: Tensor
    predicted: Tensor
    coefficients: Tensor
    lip_parameters: Tensor
    weight: Tensor
    shut: Tensor
    mask: Tensor
    speaker: Tensor
    speaker_encoded: Tensor
    shape: Tensor
    voice: Tensor


class Feed(NamedTuple):
    """How a clip is fed to the decoder.

    Fields:
        text: from its labels, else from the encoder.
        noisy: with the encoder's output of the noisy sound.
        phones_only: with lip parameters that are predicted from the phones alone.
        speaker_hidden: conditioned on the mean speaker.
        speaker_encoded: conditioned on an embedding from the clip's shape or voice.
    """

    text: bool = False
    noisy: bool = False
    phones_only: bool = False
    speaker_hidden: bool = False
    speaker_encoded: bool = False


def move_edges(labels: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Move the edges of labels (steps,) at random, each by a normal number of steps; aligners err as much."""
    moved = labels.copy()
    for edge in np.flatnonzero(np.diff(labels)) + 1:
        shift = round(float(rng.normal(0, deviation)))
        if shift > 0:
            moved[edge : edge + shift] = labels[edge - 1]
        else:
            moved[max(0, edge + shift) : edge] = labels[edge]
    return moved


def cut(clip: LipsClip, first: int, frames: int) -> LipsClip:
    """Cut a clip to some of its frames."""
    steps, part = slice(frames_to_steps(first), frames_to_steps(first + frames)), slice(first, first + frames)
    fines = slice(FINES_PER_FRAME * first, FINES_PER_FRAME * (first + frames))
    return clip._replace(
        labels=clip.labels[steps],
        outputs=tuple(StoredOutput(one.posteriors[steps], one.hidden[fines]) for one in clip.outputs),
        coefficients=clip.coefficients[part],
        lip_parameters=clip.lip_parameters[part],
        detected=clip.detected[part],
        shut=clip.shut[part],
    )


def text_posteriors(clip: LipsClip) -> np.ndarray:
    """Spread a clip's known phones, and where none is known the encoder's posteriors; float32 (steps, phones)."""
    unknown = (clip.labels == IGNORED_ID)[:, None]
    return np.where(unknown, clip.outputs[0].posteriors.astype(np.float32), labels_to_posteriors(clip.labels))


def make_batch(clips: Sequence[LipsClip], feeds: Sequence[Feed], longest: int = 0) -> LipsBatch:
    """Pad clips to one length, at least `longest` frames, each fed as `feeds` says."""
    outputs = [clip.outputs[1 if feed.noisy else 0] for clip, feed in zip(clips, feeds, strict=True)]
    posteriors = [
        text_posteriors(clip) if feed.text else output.posteriors.astype(np.float32)
        for clip, output, feed in zip(clips, outputs, feeds, strict=True)
    ]
    speakers = [
        MEAN_SPEAKER_ROW if feed.speaker_hidden else clip.speaker for clip, feed in zip(clips, feeds, strict=True)
    ]
    encoded = [
        (feed.speaker_encoded or not clip.named) and not feed.speaker_hidden
        for clip, feed in zip(clips, feeds, strict=True)
    ]
    frames = max(longest, *(len(clip.coefficients) for clip in clips))
    return LipsBatch(
        posteriors=pad_stack(posteriors, frames_to_steps(frames)),
        hidden=pad_stack([output.hidden.astype(np.float32) for output in outputs], FINES_PER_FRAME * frames),
        predicted=torch.tensor([feed.text or feed.phones_only for feed in feeds]),
        coefficients=pad_stack([clip.coefficients for clip in clips], frames),
        lip_parameters=pad_stack([clip.lip_parameters for clip in clips], frames),
        weight=pad_stack([clip.detected.astype(np.float32) for clip in clips], frames),
        shut=pad_stack([clip.shut.astype(np.float32) for clip in clips], frames),
        mask=length_mask([len(clip.coefficients) for clip in clips], frames),
        speaker=torch.tensor(speakers),
        speaker_encoded=torch.tensor(encoded),
        shape=torch.from_numpy(np.stack([clip.shape for clip in clips])),
        voice=torch.from_numpy(np.stack([clip.voice for clip in clips])),
    )


class LipsTrainBatches:
    """Training batches; speakers with few clips come up more often, as `balance` says.

    Args:
        clips: to train on.
        settings: of the training.
        shares: how often each comes up, summing to 1; None = as the clips' speakers say.
        shard_of: int (clips,), where each lies on disk: an epoch then goes from some shards to the next ones.
    """

    def __init__(
        self,
        clips: Sequence[LipsClip],
        settings: LipsFitSettings,
        *,
        shares: np.ndarray | None = None,
        shard_of: np.ndarray | None = None,
    ) -> None:
        self.clips, self.settings = clips, settings
        self.shares = clip_shares([clip.speaker for clip in clips], settings.balance) if shares is None else shares
        self.shard_of = np.zeros(len(clips), np.int32) if shard_of is None else shard_of
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw which clips an epoch shows, and how each is fed."""
        settings = self.settings
        rng = np.random.default_rng((settings.seed, epoch))
        number = len(self.clips)
        drawn = rng.choice(number, number, p=self.shares) if settings.balance else np.arange(number)
        self.order = shuffle_in_blocks(drawn, self.shard_of, rng)
        self.draws = rng.random((number, len(Feed._fields)), dtype=np.float32)
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.clips) // self.settings.batch)

    def batch(self, index: int, rank: int = 0, world: int = 1) -> LipsBatch:
        """Make one batch, or of its clips those that fall to this rank."""
        size = self.settings.batch
        places = np.arange(index * size, min((index + 1) * size, len(self.order)))
        mine = share_of(places, rank, world)
        clips = [self._vary(self.clips[int(self.order[place])], int(place)) for place in mine]
        feeds = [self._feed(int(place)) for place in mine]
        if any(len(clip.outputs) < 2 for clip in clips):
            feeds = [feed._replace(noisy=False) for feed in feeds]
        return make_batch(clips, feeds)

    def __getitem__(self, index: int) -> LipsBatch:
        return self.batch(index)

    def _feed(self, place: int) -> Feed:
        settings = self.settings
        shares = (
            settings.text_share,
            settings.noisy_share,
            settings.phones_only_share,
            settings.unknown_speaker_share,
            settings.encoded_share,
        )
        return Feed(*(bool(draw < share) for draw, share in zip(self.draws[place], shares, strict=True)))

    def _vary(self, clip: LipsClip, place: int) -> LipsClip:
        """Cut a clip at random, move its phone edges and its shape; the same at the same place of the same epoch."""
        rng = np.random.default_rng((self.settings.seed, self.epoch, place))
        whole = len(clip.coefficients)
        most = min(whole, self.settings.most_frames or whole)
        frames = int(rng.integers(min(self.settings.least_frames, most), most + 1))
        piece = cut(clip, int(rng.integers(0, whole - frames + 1)), frames)
        shape = clip.shape + self.settings.shape_noise * rng.standard_normal(clip.shape.shape, np.float32)
        return piece._replace(labels=move_edges(piece.labels, self.settings.edge_jitter_steps, rng), shape=shape)


class LipsValidBatches(Sequence[LipsBatch]):
    """Validation batches, fed from the encoder and then from text, made when they are asked for."""

    def __init__(self, clips: Sequence[LipsClip], settings: LipsFitSettings) -> None:
        self.clips, self.size = clips, settings.batch
        self.feeds = [Feed(), Feed(text=True)] if settings.text_share else [Feed()]
        self.parts = -(-len(clips) // self.size)

    def __len__(self) -> int:
        return self.parts * len(self.feeds)

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        first = index % self.parts * self.size
        part = self.clips[first : first + self.size]
        return make_batch(part, [self.feeds[index // self.parts]] * len(part))
