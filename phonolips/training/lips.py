"""Train bottleneck, gestures, speakers and lip decoder, on what the ears hear and on aligned text alike.

The ears are fixed by then, so what they hear is computed once (`stored_outputs`). A speaker who has a name has a row in the
table; of a clip whose speaker has none, the deviation is taken around the clip's own mean lip, and the embedding comes
from what can be seen and heard of the speaker (`SpeakerEncoder`). Nothing is held in memory but numbers per clip.

Exposure bias: the decoder hears its own last frame in training as in use, with gradients through time.
`own_output_until` above 0 starts with the true last frame instead and fades it out (scheduled sampling, Bengio
et al. 2015); on GRID that was worse, since the true frame tells the clip's own resting place, which nothing
tells in use.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.store.store import Store
from phonolips.errors import CorpusError, InputError
from phonolips.lips.measures import measure_lip_parameters, opening
from phonolips.lips.points import LIP_POINTS
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.network import Network, read_network
from phonolips.model.networks.lip_parameters import FINES_PER_FRAME
from phonolips.model.networks.speakers import MEAN_SPEAKER_ROW, describe_voice
from phonolips.phones.inventory import IGNORED_ID
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.timebase import frames_to_steps
from phonolips.training.encoder_outputs import StoredOutput, StoredOutputs, encode_stored_clips
from phonolips.training.loop import Stage, Trainer, fit_network, length_mask, mean_over_ranks, pad_stack, share_of
from phonolips.training.order import evenly, shuffle_in_blocks
from phonolips.training.settings import LipsFitSettings

LIP_SHAPE = (LIP_POINTS, 2)
log = logging.getLogger("phonolips.training")
UNNAMED = ""  # the speaker of a clip, where nobody knows who speaks
STORED_OUTPUTS = "encoder_outputs"
SPREAD_CLIPS = 2_000  # clips on which the spread of shapes and voices is measured
SHUT_SHARE = 0.4  # of the mean lip's opening; below it the mouth counts as shut


class LipsClip(NamedTuple):
    """One clip: labels (steps,), what the ears heard (clean, then noisy), what stands for the lips (frames, outputs).

    `lip_parameters` are the true ones, float32 (frames, gestures). `detected` and `shut` are bool (frames,): the face
    was found; the true mouth is shut. `speaker` is a row of the table, the mean speaker's unless `named`. `shape`
    float32 (40, 2) is the clip's own mean lip; `voice` float32 (2 * mels,), empty where the model does not use it.
    """

    name: str
    labels: np.ndarray
    encoded: tuple[StoredOutput, ...]
    coefficients: np.ndarray
    lip_parameters: np.ndarray
    detected: np.ndarray
    shut: np.ndarray
    speaker: int
    named: bool
    shape: np.ndarray
    voice: np.ndarray


class LipsBatch(NamedTuple):
    """A batch of clips, padded.

    posteriors (batch, steps, phones), zero in padding; hidden (batch, steps / 2, channels); guessed bool
    (batch,), True where gestures come from the posteriors; coefficients and gestures, the truth (batch,
    frames, ...); weight and shut float (batch, frames); mask bool (batch, frames); speaker int64 (batch,), rows of
    the table; encoded bool (batch,), True where the embedding comes from shape (batch, 40, 2) and voice (batch, ...).
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
    encoded: Tensor
    shape: Tensor
    voice: Tensor


def clip_shares(speakers: Sequence[object] | np.ndarray, balance: float) -> np.ndarray:
    """Say how often each clip comes up, given the speaker of each; float64 (clips,), summing to 1."""
    _, codes, counts = np.unique(np.asarray(speakers), return_inverse=True, return_counts=True)
    return _shares(counts[codes], balance)


def _shares(clips_of_speaker: np.ndarray, balance: float) -> np.ndarray:
    weights = np.asarray(clips_of_speaker, np.float64) ** -balance
    return weights / weights.sum()


def _shares_of(store: Store, positions: np.ndarray, settings: LipsFitSettings) -> np.ndarray:
    """Say how often each clip of the training comes up; see `clip_shares`, and `unnamed_clips`."""
    codes, names = store.column("speaker")
    own = codes[positions]
    counts = np.bincount(own, minlength=len(names))
    if UNNAMED in names:
        counts[names.index(UNNAMED)] = settings.unnamed_clips
    return _shares(counts[own], settings.balance)


def fit_lip_basis(network: Network, store: Store, clips: Sequence[str] | np.ndarray, settings: LipsFitSettings) -> None:
    """Measure mean lips and PCA basis on the training clips and set them in the network.

    Every named speaker's mean lip is the mean over that speaker's detected frames. Row 0, the mean speaker's, is the
    mean over the clips' speakers, weighted as they come up in training: its embedding learns deviations in these
    shares, and only then does a deviation that shuts the mouth shut this one. The basis is that of the deviations,
    all speakers' frames together; of a clip whose speaker has no name, the deviations are those from its own mean.

    Args:
        network: gets lip_mean, lip_basis, lip_scale, and the scales of gestures and of the speaker encoder.
        store: the features.
        clips: ids or positions of the training clips.
        settings: of the training; how often each speaker comes up.
    """
    from tqdm import tqdm

    positions = np.array([store.position(clip if isinstance(clip, str) else int(clip)) for clip in clips], np.int64)
    codes, speakers = store.column("speaker")
    shares = _shares_of(store, positions, settings)
    names = network.description.speakers
    rows = [names.index(speaker) if speaker in names else -1 for speaker in speakers]
    sums, counts = np.zeros((len(names), *LIP_SHAPE)), np.zeros(len(names))
    everybody = np.zeros(LIP_SHAPE)
    row_shares = np.zeros(len(names))
    for share, position in tqdm(
        zip(shares, positions, strict=True), total=len(positions), desc="mean lips", disable=None
    ):
        lips = store.get(int(position), "lips")[store.get(int(position), "detected")]
        row = rows[codes[position]]
        if row < 0:
            everybody += share * lips.mean(0)
        else:
            sums[row] += lips.sum(0, dtype=np.float64)
            counts[row] += len(lips)
            row_shares[row] += share
    means = sums / np.maximum(counts, 1)[:, None, None]
    for row in np.flatnonzero(counts):
        network.lip_mean[row] = torch.from_numpy(means[row].astype(np.float32))
        everybody += row_shares[row] * means[row]
    network.lip_mean[MEAN_SPEAKER_ROW] = torch.from_numpy(everybody.astype(np.float32))

    numbers = int(np.prod(LIP_SHAPE))
    scatter, frames = np.zeros((numbers, numbers)), 0
    lip_parameters = network.lip_parameters.settings.names
    moved, moved_squared = np.zeros(len(lip_parameters)), np.zeros(len(lip_parameters))
    for position in tqdm(positions, desc="lip basis", disable=None):
        lips = store.get(int(position), "lips")[store.get(int(position), "detected")]
        row = rows[codes[position]]
        mean = lips.mean(0) if row < 0 else network.lip_mean[row].numpy()
        deviations = (lips - mean).reshape(len(lips), -1)
        scatter += deviations.T @ deviations
        frames += len(lips)
        moves = measure_lip_parameters(lips, lip_parameters) - measure_lip_parameters(mean, lip_parameters)
        moved += moves.sum(0, dtype=np.float64)
        moved_squared += np.square(moves, dtype=np.float64).sum(0)
    outputs = len(network.lip_basis)
    _, values, vectors = np.linalg.svd(scatter / frames)
    is_pca = network.description.settings.lips.representation != "heatmap"
    basis = vectors[:outputs] * np.sign(vectors[:outputs].sum(1, keepdims=True)) if is_pca else np.eye(outputs)
    network.lip_basis.copy_(torch.from_numpy(basis.reshape(outputs, -1, 2)))
    network.lip_scale.fill_(float(np.sqrt(values[0])))
    if is_pca:
        kept = values[:outputs].sum() / values.sum()
        log.info("lips: %d components keep %.3f %% of the variance", outputs, 100 * kept)
    spread = np.sqrt(np.maximum(moved_squared / frames - (moved / frames) ** 2, 0))
    network.lip_parameters.scale.copy_(torch.from_numpy(spread.astype(np.float32)))
    if network.speaker_encoder is not None:
        some = evenly(positions, SPREAD_CLIPS)
        shapes = [mean_lip(store, int(position)).ravel() for position in some]
        voices = [describe_voice(store.get(int(position), "mel")) for position in some]
        for source, described in (("shape", shapes), ("voice", voices)):
            if source in network.speaker_encoder.sources:
                network.speaker_encoder.set_spread(source, np.mean(described, 0), np.std(described, 0))


def mean_lip(store: Store, clip: str | int) -> np.ndarray:
    """Average the detected lips of a clip: float32 (40, 2)."""
    return store.get(clip, "lips")[store.get(clip, "detected")].mean(0)


class LipsClips(Sequence[LipsClip]):
    """The clips that the lips learn from, each read from disk when it is asked for.

    Args:
        network: with its lip basis.
        store: the features.
        positions: int64 (clips,), in `store`.
        hearings: what the ears made of each, by its id.
    """

    def __init__(self, network: Network, store: Store, positions: np.ndarray, stored_outputs: StoredOutputs) -> None:
        self.network, self.store, self.positions, self.stored_outputs = network, store, positions, stored_outputs

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        position = int(self.positions[index])
        return read_clip(self.network, self.store, position, self.stored_outputs[self.store.id_at(position)])


def read_clips(
    network: Network, store: Store, clips: Sequence[str], device: str, *, noise_seed: int | None = None
) -> list[LipsClip]:
    """Read clips from the store and listen to each with the network's ears, through noise too where seeded."""
    encoder = network.audio_encoder.to(device).eval()
    encoded = encode_stored_clips(encoder, store, clips, device, noise_seed=noise_seed)
    encoder.to("cpu")
    return [
        read_clip(network, store, clip, stored_outputs) for clip, stored_outputs in zip(clips, encoded, strict=True)
    ]


def read_clip(network: Network, store: Store, clip: str | int, encoded: tuple[StoredOutput, ...]) -> LipsClip:
    """Read one clip from the store, beside what the ears made of it."""
    names, speaker = network.description.speakers, store.meta(clip)["speaker"]
    named = speaker in names
    row = names.index(speaker) if named else MEAN_SPEAKER_ROW
    lips, detected = store.get(clip, "lips"), store.get(clip, "detected")
    shape = lips[detected].mean(0)
    mean = network.lip_mean[row].numpy() if named else shape
    with torch.inference_mode():
        coefficients = network.lips_to_coefficients(torch.from_numpy(lips), torch.from_numpy(mean)).numpy()
    listens = network.speaker_encoder is not None and "voice" in network.speaker_encoder.sources
    return LipsClip(
        store.id_at(store.position(clip)),
        store.get(clip, "labels"),
        encoded,
        coefficients,
        true_lip_parameters(network, lips, mean),
        detected,
        (opening(lips) < SHUT_SHARE * float(opening(mean))) & detected,
        row,
        named,
        shape,
        describe_voice(store.get(clip, "mel")) if listens else np.zeros(0, np.float32),
    )


def true_lip_parameters(network: Network, lips: np.ndarray, mean_lip: np.ndarray) -> np.ndarray:
    """Measure the gestures of lips (frames, 40, 2) around mean_lip (40, 2): float32 (frames, gestures)."""
    names = network.lip_parameters.settings.names
    deviation = measure_lip_parameters(lips, names) - measure_lip_parameters(mean_lip, names)
    return (deviation / network.lip_parameters.scale.numpy()).astype(np.float32)


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
        encoded=tuple(StoredOutput(one.posteriors[steps], one.hidden[fines]) for one in clip.encoded),
        coefficients=clip.coefficients[part],
        lip_parameters=clip.lip_parameters[part],
        detected=clip.detected[part],
        shut=clip.shut[part],
    )


class Feed(NamedTuple):
    """How a clip is shown: from text or the ears, clean or noisy, gestures heard or guessed; and whose lips.

    `hidden` shows it to the mean speaker, `encoded` with an embedding from its shape or voice.
    """

    text: bool = False
    noisy: bool = False
    phones_only: bool = False
    hidden: bool = False
    encoded: bool = False


def tell(clip: LipsClip) -> np.ndarray:
    """Spread a clip's known phones, and where nobody told them what the ears made of it; float32 (steps, phones)."""
    unknown = (clip.labels == IGNORED_ID)[:, None]
    return np.where(unknown, clip.encoded[0].posteriors.astype(np.float32), labels_to_posteriors(clip.labels))


def make_batch(clips: Sequence[LipsClip], feeds: Sequence[Feed], longest: int = 0) -> LipsBatch:
    """Pad clips to one length, at least `longest` frames, each fed as `feeds` says."""
    stored_outputs = [clip.encoded[1 if feed.noisy else 0] for clip, feed in zip(clips, feeds, strict=True)]
    posteriors = [
        tell(clip) if feed.text else encoded.posteriors.astype(np.float32)
        for clip, encoded, feed in zip(clips, stored_outputs, feeds, strict=True)
    ]
    frames = max(longest, *(len(clip.coefficients) for clip in clips))
    return LipsBatch(
        pad_stack(posteriors, frames_to_steps(frames)),
        pad_stack([encoded.hidden.astype(np.float32) for encoded in stored_outputs], FINES_PER_FRAME * frames),
        torch.tensor([feed.text or feed.phones_only for feed in feeds]),
        pad_stack([clip.coefficients for clip in clips], frames),
        pad_stack([clip.lip_parameters for clip in clips], frames),
        pad_stack([clip.detected.astype(np.float32) for clip in clips], frames),
        pad_stack([clip.shut.astype(np.float32) for clip in clips], frames),
        length_mask([len(clip.coefficients) for clip in clips], frames),
        torch.tensor(
            [MEAN_SPEAKER_ROW if feed.hidden else clip.speaker for clip, feed in zip(clips, feeds, strict=True)]
        ),
        torch.tensor(
            [(feed.encoded or not clip.named) and not feed.hidden for clip, feed in zip(clips, feeds, strict=True)]
        ),
        torch.from_numpy(np.stack([clip.shape for clip in clips])),
        torch.from_numpy(np.stack([clip.voice for clip in clips])),
    )


class LipsTrain:
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
        if any(len(clip.encoded) < 2 for clip in clips):
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
        frames = int(rng.integers(min(self.settings.least_frames, whole), whole + 1))
        piece = cut(clip, int(rng.integers(0, whole - frames + 1)), frames)
        shape = clip.shape + self.settings.shape_noise * rng.standard_normal(clip.shape.shape, np.float32)
        return piece._replace(labels=move_edges(piece.labels, self.settings.edge_jitter_steps, rng), shape=shape)


class LipsValid(Sequence[LipsBatch]):
    """Validation batches, from the ears and then from text, made when they are asked for."""

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


class LipsTrainer(Trainer):
    """Squared error of position, of velocity, of the opening where the mouth is shut, and of the gestures.

    All but the last in units of the first component's spread. `opening_direction` (components,) turns coefficients into
    the opening's deviation.
    """

    settings: LipsFitSettings
    opening_direction: Tensor

    def compute_forward(self, batch: LipsBatch, stage: Stage) -> tuple[Tensor, Tensor]:
        """Make outputs (batch, frames, outputs) and gestures, hearing the truth as often as the schedule says."""
        modules = self.modules
        truth = batch.coefficients.to(self.device)
        use_truth = None
        if stage == Stage.TRAIN:
            until = self.settings.own_output_until
            if self.progress < until:
                share = 1.0 - self.progress / until
                use_truth = (torch.rand(truth.shape[:2], generator=self.generator) < share).to(self.device)
        mask, posteriors = batch.mask.to(self.device), batch.posteriors.to(self.device)
        lip_parameters = self._lip_parameters(posteriors, batch) * mask[..., None]
        embedding = modules.speakers(batch.speaker.to(self.device))
        if "speaker_encoder" in modules:
            encoded = modules.speaker_encoder(batch.shape.to(self.device), batch.voice.to(self.device))
            embedding = torch.where(batch.encoded.to(self.device)[:, None], encoded, embedding)
        context = modules.decoder.context(modules.bottleneck(posteriors), embedding, lip_parameters)
        state = modules.decoder.start(len(truth), truth.device)
        coefficients, _ = modules.decoder(context, state, truth, use_truth)
        return coefficients, lip_parameters

    def _lip_parameters(self, posteriors: Tensor, batch: LipsBatch) -> Tensor:
        """Hear the gestures, or guess them, as the batch says; (batch, frames, gestures)."""
        if not batch.lip_parameters.shape[-1]:
            return torch.zeros_like(batch.lip_parameters, device=self.device)
        predicted = self.modules.lip_parameters.from_posteriors(posteriors)
        encoded = self.modules.lip_parameters.from_sound(batch.hidden.to(self.device))
        return torch.where(batch.predicted.to(self.device)[:, None, None], predicted, encoded)

    def compute_objectives(self, predictions: tuple[Tensor, Tensor], batch: LipsBatch, stage: Stage) -> Tensor:
        """Average over the frames in which the face was really found."""
        made, lip_parameters = predictions
        truth, weight = batch.coefficients.to(self.device), batch.weight.to(self.device)
        squared = (made - truth).square().sum(-1)
        frames = weight.sum()
        position = mean_over_ranks((squared * weight).sum(), frames)
        both = weight[:, 1:] * weight[:, :-1]
        velocity = (made.diff(dim=1) - truth.diff(dim=1)).square().sum(-1)
        moving = mean_over_ranks((velocity * both).sum(), both.sum())
        if stage != Stage.TRAIN:
            self.count(
                squared=float((squared * weight).sum()),
                mean_squared=float((truth.square().sum(-1) * weight).sum()),
                speed=float((made.diff(dim=1).norm(dim=-1) * both).sum()),
                true_speed=float((truth.diff(dim=1).norm(dim=-1) * both).sum()),
            )
        shut = batch.shut.to(self.device)
        parted = ((made - truth) @ self.opening_direction.to(self.device)).square()
        closing = mean_over_ranks((parted * shut).sum(), frames)
        loss = position + self.settings.velocity_weight * moving + self.settings.closure_weight * closing
        if lip_parameters.shape[-1]:
            missed = (lip_parameters - batch.lip_parameters.to(self.device)).square().mean(-1)
            loss = loss + self.settings.lip_parameter_weight * mean_over_ranks((missed * weight).sum(), frames)
        return loss

    def scores(self) -> dict[str, float]:
        """Give skill over the mean lip and the ratio of velocity magnitudes (text and ears together)."""
        return {
            "skill": 1 - self.sums["squared"] / max(1e-9, self.sums["mean_squared"]),
            "velocity_ratio": self.sums["speed"] / max(1e-9, self.sums["true_speed"]),
        }


def lip_positions(store: Store, split: str) -> np.ndarray:
    """Find the clips of a split that have lips: positions, int64."""
    positions = store.where(split=split)
    return positions[store.lengths("lips")[positions] > 0]


def lip_clips(store: Store, split: str) -> list[str]:
    """Name the clips of a split that have lips."""
    return [store.id_at(position) for position in lip_positions(store, split).tolist()]


def start_from(network: Network, folder: Path) -> None:
    """Take over the lips of a model: basis, gestures, decoder, and the embeddings of the speakers that it knows.

    Speakers whom it does not know start as its mean speaker; its encoder of speakers is taken where it is of the same
    kind.

    Raises:
        InputError: a part has other sizes than the settings ask for.
    """
    other = read_network(folder)
    same_encoder = other.description.settings.speaker_from == network.description.settings.speaker_from
    parts = [
        "bottleneck.",
        "lip_parameters.",
        "decoder.",
        "lip_basis",
        "lip_scale",
        *["speaker_encoder."] * same_encoder,
    ]
    own, values = network.state_dict(), other.state_dict()
    for name in [name for name in own if name.startswith(tuple(parts))]:
        if name not in values or values[name].shape != own[name].shape:
            found = tuple(values[name].shape) if name in values else "missing"
            raise InputError(
                f"lips.start={folder}: its {name} is {found}, expected {tuple(own[name].shape)}; "
                "give network the sizes of that model (its model.json)"
            )
        own[name].copy_(values[name])
    known, table = other.description.speakers, other.speakers.embedding.weight
    if table.shape[1] != network.speakers.embedding.weight.shape[1]:
        raise InputError(
            f"lips.start={folder}: its speakers have {table.shape[1]} numbers; set network.decoder.speaker"
        )
    rows = [known.index(name) if name in known else MEAN_SPEAKER_ROW for name in network.description.speakers]
    own["speakers.embedding.weight"].copy_(table[rows])
    log.info("lips: started from %s", folder)


def train_lips(
    network: Network,
    store: Store,
    settings: LipsFitSettings,
    folder: Path,
    *,
    device: str = "auto",
    stored_outputs: Path | None = None,
) -> None:
    """Train bottleneck, gestures, speakers and decoder of `network` in place, from nothing or from `settings.start`.

    Args:
        network: with trained ears.
        store: the prepared features.
        settings: of the training.
        folder: gets checkpoints and `history.jsonl`.
        device: `auto`, `cpu`, `cuda`.
        hearings: where what the ears hear is kept, for this training and others; None = inside `folder`.

    Raises:
        CorpusError: nothing to train on.
        InputError: `settings.start` has lips of other sizes.
    """
    train, valid = lip_positions(store, "train"), lip_positions(store, "valid")
    checked = evenly(valid, settings.most_valid_clips)
    log.info("lips: %d clips for training; %d of %d for validation", len(train), len(checked), len(valid))
    if not len(train):
        raise CorpusError(
            "no clip with lips to train on; see dropped*.tsv in the prepared corpus for what was left out"
        )
    fit_lip_basis(network, store, train, settings)
    if settings.start:
        start_from(network, PACKAGED_MODEL if settings.start == "default" else Path(settings.start))
    listening = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    noise_seed = settings.seed if settings.noisy_share else None
    encoded, checked_encoded = (
        StoredOutputs(
            network.audio_encoder,
            store,
            positions,
            stored_outputs or folder / STORED_OUTPUTS,
            listening,
            noise_seed=seed,
        )
        for positions, seed in ((train, noise_seed), (checked, None))
    )
    fit_lips(
        network,
        LipsClips(network, store, train, encoded),
        LipsClips(network, store, checked, checked_encoded),
        settings,
        folder,
        device=device,
        shares=_shares_of(store, train, settings),
        shard_of=store.shard_of[train],
    )


def fit_lips(
    network: Network,
    train: Sequence[LipsClip],
    valid: Sequence[LipsClip],
    settings: LipsFitSettings,
    folder: Path,
    *,
    device: str = "auto",
    shares: np.ndarray | None = None,
    shard_of: np.ndarray | None = None,
) -> None:
    """Train on clips that can be read; see `LipsTrain` for the last two arguments."""
    parts = ["bottleneck", "lip_parameters", "speakers", "decoder"]
    if network.speaker_encoder is not None:
        parts.append("speaker_encoder")
    modules = {name: getattr(network, name) for name in parts}
    fit_network(
        LipsTrainer,
        modules=modules,
        saved=torch.nn.ModuleDict(modules),
        settings=settings,
        train=LipsTrain(train, settings, shares=shares, shard_of=shard_of),
        valid=LipsValid(valid, settings),
        folder=folder,
        device=device,
        attributes={"opening_direction": torch.from_numpy(opening(network.lip_basis.numpy()))},
    )
