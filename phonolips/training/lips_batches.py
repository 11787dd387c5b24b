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
from phonolips.training.lips_clips import LipsClip, clip_shares, cut
from phonolips.training.order import shuffle_in_blocks
from phonolips.training.padding import length_mask, pad_stack
from phonolips.training.ranks import share_of
from phonolips.training.recombine import recombine
from phonolips.training.settings import LipsFitSettings

TRIED_CLIPS = 12  # to find another one of the same speaker, among those that come up before and after


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
        unnamed: float (batch,), 1 where the speaker has no row, so that the general phone offsets are added.
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
    unnamed: Tensor
    shape: Tensor
    voice: Tensor


class Feed(NamedTuple):
    """How a clip is fed to the decoder.

    Fields:
        text: from its labels, else from the encoder.
        noisy: with which of the encoder's outputs: 0 that of the clean sound, the others of noisy ones.
        phones_only: with lip parameters that are predicted from the phones alone.
        speaker_hidden: conditioned on the mean speaker.
        speaker_encoded: conditioned on an embedding from the clip's shape or voice.
    """

    text: bool = False
    noisy: int = 0
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


def text_posteriors(clip: LipsClip) -> np.ndarray:
    """Spread a clip's known phones, and where none is known the encoder's posteriors; float32 (steps, phones)."""
    unknown = (clip.labels == IGNORED_ID)[:, None]
    return np.where(unknown, clip.outputs[0].posteriors.astype(np.float32), labels_to_posteriors(clip.labels))


def make_batch(clips: Sequence[LipsClip], feeds: Sequence[Feed], longest: int = 0) -> LipsBatch:
    """Pad clips to one length, at least `longest` frames, each fed as `feeds` says."""
    outputs = [clip.outputs[feed.noisy] for clip, feed in zip(clips, feeds, strict=True)]
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
        unnamed=torch.tensor([float(not clip.named) for clip in clips]),
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
        taught: clips whose lips a teacher made, which come up instead of others as often as `taught_share` says.
    """

    def __init__(
        self,
        clips: Sequence[LipsClip],
        settings: LipsFitSettings,
        *,
        shares: np.ndarray | None = None,
        shard_of: np.ndarray | None = None,
        taught: Sequence[LipsClip] = (),
    ) -> None:
        self.clips, self.settings, self.taught = clips, settings, taught
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
        drawn = [self._draw(int(place)) for place in mine]
        clips = [self._vary(clip, rng) for clip, rng in drawn]
        feeds = [self._feed(int(place), clip, rng) for place, (clip, rng) in zip(mine, drawn, strict=True)]
        return make_batch(clips, feeds)

    def __getitem__(self, index: int) -> LipsBatch:
        return self.batch(index)

    def _draw(self, place: int) -> tuple[LipsClip, np.random.Generator]:
        """Draw a clip and what varies it; the same at the same place of the same epoch."""
        settings, rng = self.settings, np.random.default_rng((self.settings.seed, self.epoch, place))
        if len(self.taught) and rng.random() < settings.taught_share:
            return self.taught[int(rng.integers(len(self.taught)))], rng
        clip = self.clips[int(self.order[place])]
        if rng.random() < settings.joined_share:
            clip = recombine(clip, self._other(clip, place, rng), rng)
        return clip, rng

    def _other(self, clip: LipsClip, place: int, rng: np.random.Generator) -> LipsClip:
        """Draw another clip of the same speaker; the clip itself where the speaker is not known or is not met soon."""
        if clip.named:
            near = np.arange(place - TRIED_CLIPS, place + TRIED_CLIPS) % len(self.order)  # in shards that are open
            for at in rng.choice(near, TRIED_CLIPS, replace=False):
                other = self.clips[int(self.order[at])]
                if other.speaker == clip.speaker:
                    return other
        return clip

    def _feed(self, place: int, clip: LipsClip, rng: np.random.Generator) -> Feed:
        settings, draws = self.settings, self.draws[place]
        feed = Feed(
            text=bool(draws[0] < settings.text_share),
            noisy=int(draws[1] < settings.noisy_share),
            phones_only=bool(draws[2] < settings.phones_only_share),
            speaker_hidden=bool(draws[3] < settings.unknown_speaker_share),
            speaker_encoded=bool(draws[4] < settings.encoded_share),
        )
        noisy = len(clip.outputs) - 1
        return feed._replace(noisy=int(rng.integers(1, noisy + 1)) if feed.noisy and noisy else 0)

    def _vary(self, clip: LipsClip, rng: np.random.Generator) -> LipsClip:
        """Cut a clip at random, move its phone edges and its shape."""
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
