"""Train bottleneck, gestures, speakers and lip decoder, on what the ears hear and on aligned text alike.

The ears are fixed by then, so what they hear is computed once, clean and once more through noise. Exposure
bias: the decoder hears its own last frame in training as in use, with gradients through time.
`own_output_until` above 0 starts with the true last frame instead and fades it out (scheduled sampling, Bengio
et al. 2015); on GRID that was worse, since the true frame tells the clip's own resting place, which nothing
tells in use.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import speechbrain as sb
import torch
from torch import Tensor

from phonolips.config import LipsFit
from phonolips.corpus.store import Store
from phonolips.model.gestures import FINES_PER_FRAME, measure_gestures
from phonolips.model.network import Network
from phonolips.model.speaker import MEAN_SPEAKER_ROW, hide_speakers
from phonolips.model.text_encoder import labels_to_posteriors
from phonolips.timebase import frames_to_steps, steps_to_frames
from phonolips.training.augment import augment_mel
from phonolips.training.loop import Fit, length_mask, pad_stack, run_fit
from phonolips.video.lips import opening

log = logging.getLogger("phonolips.training")
NOISE = {"noise_share": 0.8, "masked_share": 0.0, "reverb_share": 0.25}  # of the second hearing
SHUT_SHARE = 0.4  # of the mean lip's opening; below it the mouth counts as shut


class Hearing(NamedTuple):
    """What the ears made of a clip: posteriors (steps, phones) and hidden (steps / 2, channels), float16."""

    posteriors: np.ndarray
    hidden: np.ndarray


class LipsClip(NamedTuple):
    """One clip: labels (steps,), what the ears heard (clean, then noisy), what stands for the lips (frames, outputs).

    `gestures` are the true ones, float32 (frames, gestures). `detected` and `shut` are bool (frames,): the face
    was found; the true mouth is shut.
    """

    name: str
    labels: np.ndarray
    heard: tuple[Hearing, ...]
    coefficients: np.ndarray
    gestures: np.ndarray
    detected: np.ndarray
    shut: np.ndarray
    speaker: int


class LipsBatch(NamedTuple):
    """A batch of clips, padded.

    posteriors (batch, steps, phones), zero in padding; hidden (batch, steps / 2, channels); guessed bool
    (batch,), True where gestures come from the posteriors; coefficients and gestures, the truth (batch,
    frames, ...); weight and shut float (batch, frames); mask bool (batch, frames); speaker int64 (batch,).
    """

    posteriors: Tensor
    hidden: Tensor
    guessed: Tensor
    coefficients: Tensor
    gestures: Tensor
    weight: Tensor
    shut: Tensor
    mask: Tensor
    speaker: Tensor


def clip_shares(speakers: Sequence[object], balance: float) -> np.ndarray:
    """Say how often each clip comes up, given the speaker of each; float64 (clips,), summing to 1."""
    counts = Counter(speakers)
    weights = np.array([counts[speaker] ** -balance for speaker in speakers])
    return weights / weights.sum()


def fit_lip_basis(network: Network, store: Store, clips: list[str], balance: float) -> None:
    """Measure mean lips and PCA basis on the training clips and set them in the network.

    Every speaker's mean lip is the mean over that speaker's detected frames. Row 0, the mean speaker's, is
    their mean weighted as the speakers come up in training: its embedding learns deviations in these shares,
    and only then does a deviation that shuts the mouth shut this one. The basis is that of the deviations,
    all speakers' frames together.
    """
    frames: dict[str, list[np.ndarray]] = defaultdict(list)
    for clip in clips:
        frames[store.meta(clip)["speaker"]].append(store.get(clip, "lips")[store.get(clip, "detected")])
    names = network.description.speakers
    means = {name: np.concatenate(parts).mean(0) for name, parts in frames.items()}
    for name, mean in means.items():
        network.lip_mean[names.index(name)] = torch.from_numpy(mean)
    speakers = [store.meta(clip)["speaker"] for clip in clips]
    shares = clip_shares(speakers, balance)
    mean = sum(share * means[speaker] for share, speaker in zip(shares, speakers, strict=True))
    network.lip_mean[MEAN_SPEAKER_ROW] = torch.from_numpy(np.asarray(mean, np.float32))
    deviations = np.concatenate(
        [(part - means[name]).reshape(len(part), -1) for name, parts in frames.items() for part in parts]
    )
    outputs = len(network.lip_basis)
    _, values, vectors = np.linalg.svd(deviations.T @ deviations / len(deviations))
    is_pca = network.description.settings.lips.representation != "heatmap"
    basis = vectors[:outputs] * np.sign(vectors[:outputs].sum(1, keepdims=True)) if is_pca else np.eye(outputs)
    network.lip_basis.copy_(torch.from_numpy(basis.reshape(outputs, -1, 2)))
    network.lip_scale.fill_(float(np.sqrt(values[0])))
    if is_pca:
        kept = values[:outputs].sum() / values.sum()
        log.info("lips: %d components keep %.3f %% of the variance", outputs, 100 * kept)
    names_of_gestures = network.gestures.settings.names
    moves = [
        measure_gestures(part, names_of_gestures) - measure_gestures(means[name], names_of_gestures)
        for name, parts in frames.items()
        for part in parts
    ]
    network.gestures.scale.copy_(torch.from_numpy(np.concatenate(moves).std(0)))


def read_clips(
    network: Network, store: Store, clips: list[str], device: str, *, noise_seed: int | None = None
) -> list[LipsClip]:
    """Read clips from the store and listen to each with the network's ears, through noise too where seeded."""
    from tqdm import tqdm

    names = network.description.speakers
    encoder = network.audio_encoder.to(device).eval()
    generator = torch.Generator().manual_seed(noise_seed or 0)

    def hear(mel: Tensor) -> Hearing:
        posteriors, hidden = (part[0].cpu().numpy().astype(np.float16) for part in encoder.listen(mel.to(device)))
        return Hearing(posteriors, hidden)

    result = []
    for clip in tqdm(clips, desc="listening", unit="clip", dynamic_ncols=True, disable=None):
        row = names.index(store.meta(clip)["speaker"])
        with torch.inference_mode():
            mel = torch.from_numpy(store.get(clip, "mel").astype(np.float32))[None]
            heard = [hear(mel)]
            if noise_seed is not None:
                everywhere = torch.ones(mel.shape[:2], dtype=torch.bool)
                noisy = augment_mel(mel, everywhere, **NOISE, generator=generator)
                heard.append(hear(noisy))
            lips = np.array(store.get(clip, "lips"))
            coefficients = network.lips_to_coefficients(torch.from_numpy(lips), network.lip_mean[row]).numpy()
        labels, detected = np.array(store.get(clip, "labels")), np.array(store.get(clip, "detected"))
        mean = network.lip_mean[row].numpy()
        shut = opening(lips) < SHUT_SHARE * float(opening(mean))
        gestures = true_gestures(network, lips, mean)
        result.append(LipsClip(clip, labels, tuple(heard), coefficients, gestures, detected, shut & detected, row))
    encoder.to("cpu")
    return result


def true_gestures(network: Network, lips: np.ndarray, mean_lip: np.ndarray) -> np.ndarray:
    """Measure the gestures of lips (frames, 40, 2) around mean_lip (40, 2): float32 (frames, gestures)."""
    names = network.gestures.settings.names
    deviation = measure_gestures(lips, names) - measure_gestures(mean_lip, names)
    return (deviation / network.gestures.scale.numpy()).astype(np.float32)


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
        heard=tuple(Hearing(one.posteriors[steps], one.hidden[fines]) for one in clip.heard),
        coefficients=clip.coefficients[part],
        gestures=clip.gestures[part],
        detected=clip.detected[part],
        shut=clip.shut[part],
    )


class Feed(NamedTuple):
    """How a clip reaches the decoder: from text or the ears, clean or noisy, gestures heard or guessed."""

    text: bool = False
    noisy: bool = False
    phones_only: bool = False


def make_batch(clips: list[LipsClip], feeds: list[Feed]) -> LipsBatch:
    """Pad clips to one length, each fed as `feeds` says."""
    hearings = [clip.heard[1 if feed.noisy else 0] for clip, feed in zip(clips, feeds, strict=True)]
    posteriors = [
        labels_to_posteriors(clip.labels) if feed.text else heard.posteriors.astype(np.float32)
        for clip, heard, feed in zip(clips, hearings, feeds, strict=True)
    ]
    steps = max(len(part) for part in posteriors)
    frames = steps_to_frames(steps)
    return LipsBatch(
        pad_stack(posteriors, steps),
        pad_stack([heard.hidden.astype(np.float32) for heard in hearings], FINES_PER_FRAME * frames),
        torch.tensor([feed.text or feed.phones_only for feed in feeds]),
        pad_stack([clip.coefficients for clip in clips], frames),
        pad_stack([clip.gestures for clip in clips], frames),
        pad_stack([clip.detected.astype(np.float32) for clip in clips], frames),
        pad_stack([clip.shut.astype(np.float32) for clip in clips], frames),
        length_mask([len(clip.coefficients) for clip in clips], frames),
        torch.tensor([clip.speaker for clip in clips]),
    )


class LipsTrain:
    """Training batches; speakers with few clips come up more often, as `balance` says."""

    def __init__(self, clips: list[LipsClip], settings: LipsFit) -> None:
        self.clips, self.settings = clips, settings
        self.shares = clip_shares([clip.speaker for clip in clips], settings.balance)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw which clips an epoch shows, and which of them from text."""
        rng = np.random.default_rng((self.settings.seed, epoch))
        number = len(self.clips)
        self.order = rng.choice(number, number, p=self.shares) if self.settings.balance else rng.permutation(number)
        text, noisy, phones_only = (
            rng.random(number) < share
            for share in (self.settings.text_share, self.settings.noisy_share, self.settings.phones_only_share)
        )
        self.feeds = [Feed(*map(bool, feed)) for feed in zip(text, noisy, phones_only, strict=True)]
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.clips) // self.settings.batch)

    def __getitem__(self, index: int) -> LipsBatch:
        part = slice(index * self.settings.batch, (index + 1) * self.settings.batch)
        rng = np.random.default_rng((self.settings.seed, self.epoch, index))
        clips = [self._vary(self.clips[i], rng) for i in self.order[part]]
        feeds = self.feeds[part]
        if any(len(clip.heard) < 2 for clip in clips):
            feeds = [feed._replace(noisy=False) for feed in feeds]
        return make_batch(clips, feeds)

    def _vary(self, clip: LipsClip, rng: np.random.Generator) -> LipsClip:
        """Cut a clip at random and move its phone edges."""
        whole = len(clip.coefficients)
        frames = int(rng.integers(min(self.settings.least_frames, whole), whole + 1))
        piece = cut(clip, int(rng.integers(0, whole - frames + 1)), frames)
        return piece._replace(labels=move_edges(piece.labels, self.settings.edge_jitter_steps, rng))


class LipsRun(Fit):
    """Squared error of position, of velocity, of the opening where the mouth is shut, and of the gestures.

    All but the last in units of the first component's spread. `opening_direction` (components,) turns coefficients into
    the opening's deviation.
    """

    settings: LipsFit
    opening_direction: Tensor

    def compute_forward(self, batch: LipsBatch, stage: sb.Stage) -> tuple[Tensor, Tensor]:
        """Make outputs (batch, frames, outputs) and gestures, hearing the truth as often as the schedule says."""
        modules, speaker = self.modules, batch.speaker
        truth = batch.coefficients.to(self.device)
        use_truth = None
        if stage == sb.Stage.TRAIN:
            speaker = hide_speakers(speaker, self.settings.unknown_speaker_share, self.generator)
            until = self.settings.own_output_until
            if self.progress < until:
                share = 1.0 - self.progress / until
                use_truth = (torch.rand(truth.shape[:2], generator=self.generator) < share).to(self.device)
        mask, posteriors = batch.mask.to(self.device), batch.posteriors.to(self.device)
        gestures = self._gestures(posteriors, batch) * mask[..., None]
        embedding = modules.speakers(speaker.to(self.device))
        context = modules.decoder.context(modules.bottleneck(posteriors), embedding, gestures)
        state = modules.decoder.start(len(truth), truth.device)
        coefficients, _ = modules.decoder(context, state, truth, use_truth)
        return coefficients, gestures

    def _gestures(self, posteriors: Tensor, batch: LipsBatch) -> Tensor:
        """Hear the gestures, or guess them, as the batch says; (batch, frames, gestures)."""
        if not batch.gestures.shape[-1]:
            return torch.zeros_like(batch.gestures, device=self.device)
        guessed = self.modules.gestures.guess(posteriors)
        heard = self.modules.gestures.hear(batch.hidden.to(self.device))
        return torch.where(batch.guessed.to(self.device)[:, None, None], guessed, heard)

    def compute_objectives(self, predictions: tuple[Tensor, Tensor], batch: LipsBatch, stage: sb.Stage) -> Tensor:
        """Average over the frames in which the face was really found."""
        made, gestures = predictions
        truth, weight = batch.coefficients.to(self.device), batch.weight.to(self.device)
        squared = (made - truth).square().sum(-1)
        position = (squared * weight).sum() / weight.sum().clamp_min(1)
        both = weight[:, 1:] * weight[:, :-1]
        velocity = (made.diff(dim=1) - truth.diff(dim=1)).square().sum(-1)
        moving = (velocity * both).sum() / both.sum().clamp_min(1)
        if stage != sb.Stage.TRAIN:
            self.count(
                squared=float((squared * weight).sum()),
                mean_squared=float((truth.square().sum(-1) * weight).sum()),
                speed=float((made.diff(dim=1).norm(dim=-1) * both).sum()),
                true_speed=float((truth.diff(dim=1).norm(dim=-1) * both).sum()),
            )
        shut = batch.shut.to(self.device)
        parted = ((made - truth) @ self.opening_direction.to(self.device)).square()
        closing = (parted * shut).sum() / weight.sum().clamp_min(1)
        loss = position + self.settings.velocity_weight * moving + self.settings.closure_weight * closing
        if gestures.shape[-1]:
            missed = (gestures - batch.gestures.to(self.device)).square().mean(-1)
            loss = loss + self.settings.gesture_weight * (missed * weight).sum() / weight.sum().clamp_min(1)
        return loss

    def scores(self) -> dict[str, float]:
        """Give skill over the mean lip and the ratio of velocity magnitudes (text and ears together)."""
        return {
            "skill": 1 - self.sums["squared"] / max(1e-9, self.sums["mean_squared"]),
            "velocity_ratio": self.sums["speed"] / max(1e-9, self.sums["true_speed"]),
        }


def lip_clips(store: Store, split: str) -> list[str]:
    """List the clips of a split that have lips."""
    return [clip for clip in store if store.meta(clip)["split"] == split and store.rows(clip, "lips")]


def train_lips(network: Network, store: Store, settings: LipsFit, folder: Path, *, device: str = "auto") -> None:
    """Train bottleneck, gestures, speaker table and decoder of `network` in place."""
    names = lip_clips(store, "train")
    fit_lip_basis(network, store, names, settings.balance)
    listening = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    noise_seed = settings.seed if settings.noisy_share else None
    train = read_clips(network, store, names, listening, noise_seed=noise_seed)
    valid = read_clips(network, store, lip_clips(store, "valid"), listening)
    fit_lips(network, train, valid, settings, folder, device=device)


def fit_lips(
    network: Network,
    train: list[LipsClip],
    valid: list[LipsClip],
    settings: LipsFit,
    folder: Path,
    *,
    device: str = "auto",
) -> None:
    """Train on clips that are read already."""
    size = settings.batch
    valid_batches = [
        make_batch(part, [Feed(text=text)] * len(part))
        for text in ((False, True) if settings.text_share else (False,))
        for part in (valid[i : i + size] for i in range(0, len(valid), size))
    ]
    parts = ("bottleneck", "gestures", "speakers", "decoder")
    modules = {name: getattr(network, name) for name in parts}
    run_fit(
        LipsRun,
        modules=modules,
        saved=torch.nn.ModuleDict(modules),
        settings=settings,
        train=LipsTrain(train, settings),
        valid=valid_batches,
        folder=folder,
        device=device,
        attributes={"opening_direction": torch.from_numpy(opening(network.lip_basis.numpy()))},
    )
