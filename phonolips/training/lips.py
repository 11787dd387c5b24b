"""Train bottleneck, lip parameters, speakers and lip decoder, on encoder outputs and on aligned text alike.

The audio encoder is fixed by then, so its outputs are computed once (`StoredOutputs`).

Exposure bias: in training as in use, the decoder is fed its own last frame, with gradients through time.
`own_output_until` above 0 starts with the true last frame instead and fades it out (scheduled sampling, Bengio
et al. 2015); on GRID that was worse, since the true frame tells where the clip's own lips rest, which nothing
tells in use.
"""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phonolips.corpus.store.store import Store
from phonolips.errors import CorpusError, InputError
from phonolips.lips.measures import opening
from phonolips.lips.points import LAYOUTS, LIP_LAYOUT
from phonolips.model.bundle import PACKAGED_MODEL
from phonolips.model.speakers import MEAN_SPEAKER_ROW
from phonolips.phones.inventory import PHONES
from phonolips.training.encoder_outputs import StoredOutputs
from phonolips.training.lips_basis import fit_lip_basis
from phonolips.training.lips_batches import LipsBatch, LipsTrainBatches, LipsValidBatches
from phonolips.training.lips_clips import LipsClip, LipsClips, clip_shares_of, has_unnamed, lip_positions
from phonolips.training.loop import Stage, Trainer, fit_network
from phonolips.training.networks.network import TrainableNetwork, read_trainable
from phonolips.training.networks.tied_phones import tie_phones, untie_phones
from phonolips.training.order import evenly
from phonolips.training.phone_offsets import fit_phone_offsets
from phonolips.training.ranks import is_main, mean_over_ranks, wait_for_all
from phonolips.training.settings import LipsFitSettings
from phonolips.training.teacher import TaughtClips, taught_positions
from phonolips.training.unseen_phones import SEEN_NOTE, fill_unseen_phones, find_seen, note_seen, phones_of

log = logging.getLogger("phonolips.training")
STORED_OUTPUTS = "encoder_outputs"
TEACHER, TAUGHT = "teacher", "taught"  # inside a training's folder: lips trained first, and what learns from them


LEAST_CORRELATED_FRAMES = 20.0  # 0.8 s; of fewer, a correlation says little


def missed_correlation(made: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Compute 1 - r of curves, over the clips that are long enough.

    Args:
        made, truth: (batch, frames, curves).
        weight: (batch, frames), 0 where a frame does not count.

    Returns:
        (batch,): the mean over the curves; 0 for a clip of fewer than LEAST_CORRELATED_FRAMES.
    """
    frames = weight.sum(1, keepdim=True)
    share = (weight / frames.clamp(min=1.0))[..., None]
    made, truth = (curve - (curve * share).sum(1, keepdim=True) for curve in (made, truth))
    spread = ((made.square() * share).sum(1) * (truth.square() * share).sum(1)).clamp(min=1e-8).sqrt()
    missed = 1 - ((made * truth * share).sum(1) / spread).mean(-1)
    return missed * (frames[:, 0] >= LEAST_CORRELATED_FRAMES)


class LipsTrainer(Trainer):
    """Squared error of position, of velocity, of the opening where the mouth is shut, and of the lip parameters.

    All but the last in units of the first component's spread. With `correlation_weight` also 1 - r of opening and
    width, which counts every mouth alike, however far it moves. `opening_direction` and `width_direction` float32
    (components,) turn coefficients into the deviation of opening and width.
    """

    settings: LipsFitSettings
    opening_direction: Tensor
    width_direction: Tensor

    def compute_forward(self, batch: LipsBatch, stage: Stage) -> tuple[Tensor, Tensor]:
        """Compute outputs (batch, frames, outputs) and lip parameters, fed the truth as often as the schedule says."""
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
            embedding = torch.where(batch.speaker_encoded.to(self.device)[:, None], encoded, embedding)
        context = modules.decoder.context(modules.bottleneck(posteriors), embedding, lip_parameters)
        state = modules.decoder.start(len(truth), truth.device)
        coefficients, _ = modules.decoder(context, state, truth, use_truth)
        coefficients = coefficients + modules.phone_offsets(posteriors) * batch.unnamed.to(self.device)[:, None, None]
        return coefficients, lip_parameters

    def _lip_parameters(self, posteriors: Tensor, batch: LipsBatch) -> Tensor:
        """Compute lip parameters (batch, frames, names) from the sound or from the phones, as the batch says."""
        if not batch.lip_parameters.shape[-1]:
            return torch.zeros_like(batch.lip_parameters, device=self.device)
        heads, hidden = self.modules.lip_parameters, batch.hidden.to(self.device)
        values = torch.zeros_like(batch.lip_parameters, device=self.device)
        for rows, source, head in (
            (batch.predicted, posteriors, heads.from_posteriors),
            (~batch.predicted, hidden, heads.from_sound),
        ):
            chosen = torch.nonzero(rows.to(self.device))[:, 0]
            if len(chosen):
                values = values.index_copy(0, chosen, head(source[chosen]).to(values.dtype))
        return values

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
        if self.settings.width_weight:
            spread = ((made - truth) @ self.width_direction.to(self.device)).square()
            loss = loss + self.settings.width_weight * mean_over_ranks((spread * weight).sum(), frames)
        if lip_parameters.shape[-1]:
            missed = (lip_parameters - batch.lip_parameters.to(self.device)).square().mean(-1)
            loss = loss + self.settings.lip_parameter_weight * mean_over_ranks((missed * weight).sum(), frames)
        if self.settings.correlation_weight:
            directions = torch.stack([self.opening_direction, self.width_direction], -1).to(self.device)
            uncorrelated = missed_correlation(made @ directions, truth @ directions, weight)
            if lip_parameters.shape[-1]:
                true_parameters = batch.lip_parameters.to(self.device)
                uncorrelated = uncorrelated + missed_correlation(lip_parameters, true_parameters, weight)
            loss = loss + self.settings.correlation_weight * mean_over_ranks(uncorrelated.sum(), len(uncorrelated))
        return loss

    def scores(self) -> dict[str, float]:
        """Compute skill (R² against the mean shape) and the ratio of speeds, from text and sound together.

        Nothing where there are no validation clips.
        """
        if not self.sums:
            return {}
        return {
            "skill": 1 - self.sums["squared"] / max(1e-9, self.sums["mean_squared"]),
            "velocity_ratio": self.sums["speed"] / max(1e-9, self.sums["true_speed"]),
        }


def start_folder(settings: LipsFitSettings) -> Path:
    """Return the folder of the model that `lips.start` names."""
    return PACKAGED_MODEL if settings.start == "default" else Path(settings.start)


def start_from(network: TrainableNetwork, folder: Path) -> frozenset[str]:
    """Take over the lips of a model: basis, lip parameters, decoder, and the embeddings of the speakers that it knows.

    Speakers whom it does not know start as its mean speaker; its speaker encoder is taken where it is of the same kind.

    Returns:
        the phones that its lips saw; all, where it does not say.

    Raises:
        InputError: a part has other sizes than the settings ask for.
    """
    other = read_trainable(folder)
    same_encoder = other.description.settings.speaker_from == network.description.settings.speaker_from
    parts = ["bottleneck.", "lip_parameters.", "decoder.", "lip_basis", "lip_scale", "phone_offsets."]
    if same_encoder:
        parts.append("speaker_encoder.")
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
            f"lips.start={folder}: its speaker embeddings have {table.shape[1]} numbers, expected "
            f"{network.speakers.embedding.weight.shape[1]}; set network.decoder.speaker to {table.shape[1]}"
        )
    rows = [known.index(name) if name in known else MEAN_SPEAKER_ROW for name in network.description.speakers]
    own["speakers.embedding.weight"].copy_(table[rows])
    log.info("lips: started from %s", folder)
    return frozenset(other.description.notes.get(SEEN_NOTE, PHONES))


def train_lips(
    network: TrainableNetwork,
    store: Store,
    settings: LipsFitSettings,
    folder: Path,
    *,
    device: str = "auto",
    stored_outputs: Path | None = None,
) -> None:
    """Train bottleneck, lip parameters, speakers and decoder of `network` in place.

    They start from nothing or from the model `settings.start`. Where the corpus has aligned speech without lips, they
    are trained once more, in `folder/taught`, with lips that they make for it themselves; `settings.teachers` make them
    at once. Phones that were not seen have what their features say, or get stand-ins where phones are not tied.

    Args:
        network: with a trained encoder.
        store: the prepared features.
        settings: of the training.
        folder: gets checkpoints and `history.jsonl`.
        device: `auto`, `cpu`, `cuda`.
        stored_outputs: where the encoder's outputs are kept, for this training and others; None = inside `folder`.

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
    seen = find_seen(phones_of(store, train))
    if settings.start:
        seen |= start_from(network, start_folder(settings))
    if not network.phone_offsets.weight.any():  # in the basis of the start, which may have none
        fit_phone_offsets(network, store, train, opening=settings.phone_opening, width=settings.phone_width)
    kept = stored_outputs or folder / STORED_OUTPUTS
    encoder_device = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    noise_seed = settings.seed if settings.noisy_share else None
    encoder, passes = network.audio_encoder, settings.noisy_passes
    train_outputs = StoredOutputs(
        encoder, store, train, kept, encoder_device, noise_seed=noise_seed, noisy_passes=passes
    )
    checked_outputs = StoredOutputs(encoder, store, checked, kept, encoder_device)
    clips, checked_clips = (
        LipsClips(network, store, positions, outputs)
        for positions, outputs in ((train, train_outputs), (checked, checked_outputs))
    )

    def fit(folder: Path, taught: Sequence[LipsClip], trained: frozenset[str]) -> None:
        fit_lips(
            network,
            clips,
            checked_clips,
            settings,
            folder,
            device=device,
            shares=clip_shares_of(store, train, settings),
            shard_of=store.shard_of[train],
            taught=taught,
            trained=trained,
            offsets_trained=has_unnamed(network, store, train),
        )
        note_seen(network, seen)
        if not settings.tied_phones:
            fill_unseen_phones(network, trained)

    heard = evenly(taught_positions(store, "train"), settings.taught_clips)
    teachers = [PACKAGED_MODEL if name == "default" else Path(name) for name in settings.teachers]
    if not len(heard) or not teachers:
        fit(folder, (), seen)
    if len(heard):
        if not teachers:
            teachers, folder = [folder / TEACHER], folder / TAUGHT
            if is_main():
                network.save(teachers[0])
            wait_for_all()
        taught = teach(network, store, heard, [read_trainable(one) for one in teachers], settings, kept, encoder_device)
        fit(folder, taught, seen | find_seen(phones_of(store, heard)))


def teach(
    network: TrainableNetwork,
    store: Store,
    positions: np.ndarray,
    teachers: Sequence[TrainableNetwork],
    settings: LipsFitSettings,
    kept: Path,
    encoder_device: str,
) -> TaughtClips:
    """Let teachers make lips for the clips of aligned speech at some positions of the store."""
    encoder = network.audio_encoder
    outputs = StoredOutputs(
        encoder,
        store,
        positions,
        kept / TAUGHT,
        encoder_device,
        noise_seed=settings.seed if settings.noisy_share else None,
        noisy_passes=settings.noisy_passes,
    )
    heard = [
        outputs
        if same_weights(teacher.audio_encoder, encoder)
        else StoredOutputs(teacher.audio_encoder, store, positions, kept / TAUGHT, encoder_device)
        for teacher in teachers
    ]
    return TaughtClips(network, store, positions, outputs, list(zip(teachers, heard, strict=True)))


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Return whether two modules of one kind have the same weights."""
    values, others = one.state_dict(), other.state_dict()
    return values.keys() == others.keys() and all(torch.equal(value, others[name]) for name, value in values.items())


def fit_lips(
    network: TrainableNetwork,
    train: Sequence[LipsClip],
    valid: Sequence[LipsClip],
    settings: LipsFitSettings,
    folder: Path,
    *,
    device: str = "auto",
    shares: np.ndarray | None = None,
    shard_of: np.ndarray | None = None,
    taught: Sequence[LipsClip] = (),
    trained: Collection[str] = PHONES,
    offsets_trained: bool = False,
) -> None:
    """Train on clips that can be read; see `LipsTrainBatches` for `shares` and those after it.

    `trained` are the phones that the clips hold; where phones are tied, others have what their features say. The
    phone offsets are trained, too, where `offsets_trained`: of use where clips have speakers without a row.
    """
    network.phone_offsets.requires_grad_(offsets_trained)
    if settings.tied_phones:
        known = torch.tensor([phone in trained for phone in PHONES])
        tie_phones(network.bottleneck, network.lip_parameters.posterior_head, known, settings.residual_dropout)
    parts = ["bottleneck", "lip_parameters", "speakers", "decoder", "phone_offsets"]
    if network.speaker_encoder is not None:
        parts.append("speaker_encoder")
    modules = {name: getattr(network, name) for name in parts}
    fit_network(
        LipsTrainer,
        modules=modules,
        settings=settings,
        train=LipsTrainBatches(train, settings, shares=shares, shard_of=shard_of, taught=taught),
        valid=LipsValidBatches(valid, settings),
        folder=folder,
        device=device,
        attributes={
            "opening_direction": torch.from_numpy(opening(network.lip_basis.numpy())),
            "width_direction": _width_direction(network.lip_basis),
        },
    )
    untie_phones(network.bottleneck, network.lip_parameters.posterior_head)


def _width_direction(basis: Tensor) -> Tensor:
    """Return by how much each direction of a basis (components, 40, 2) moves the corners apart, (components,)."""
    left, right = LAYOUTS[LIP_LAYOUT].corners
    return basis[:, right, 0] - basis[:, left, 0]
