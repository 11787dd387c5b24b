"""Train bottleneck, speakers and lip decoder, on what the ears hear and on aligned text alike.

The ears are fixed by then, so their posteriors are computed once. Exposure bias: the decoder hears its own
last frame in training as in use, with gradients through time. `own_output_until` above 0 starts with the
true last frame instead and fades it out (scheduled sampling, Bengio et al. 2015); on GRID that was worse,
since the true frame tells the clip's own resting place, which nothing tells in use.
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
from phonolips.model.network import Network
from phonolips.model.speaker import MEAN_SPEAKER_ROW, hide_speakers
from phonolips.model.text_encoder import labels_to_posteriors
from phonolips.timebase import frames_to_steps, steps_to_frames
from phonolips.training.loop import Fit, length_mask, pad_stack, run_fit
from phonolips.video.lips import opening

log = logging.getLogger("phonolips.training")
SHUT_SHARE = 0.4  # of the mean lip's opening; below it the mouth counts as shut


class LipsClip(NamedTuple):
    """One clip: labels (steps,), what the ears heard float16 (steps, phones), coefficients (frames, c).

    `detected` and `shut` are bool (frames,): the face was found; the true mouth is shut.
    """

    name: str
    labels: np.ndarray
    heard: np.ndarray
    coefficients: np.ndarray
    detected: np.ndarray
    shut: np.ndarray
    speaker: int


class LipsBatch(NamedTuple):
    """Posteriors (batch, steps, phones), true coefficients (batch, frames, c), weights (batch, frames), speaker."""

    posteriors: Tensor
    coefficients: Tensor
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
    components = network.description.settings.decoder.components
    _, values, vectors = np.linalg.svd(deviations.T @ deviations / len(deviations))
    basis = vectors[:components] * np.sign(vectors[:components].sum(1, keepdims=True))
    network.lip_basis.copy_(torch.from_numpy(basis.reshape(components, -1, 2)))
    network.lip_scale.fill_(float(np.sqrt(values[0])))
    kept = values[:components].sum() / values.sum()
    log.info("lips: %d components keep %.3f %% of the variance", components, 100 * kept)


def read_clips(network: Network, store: Store, clips: list[str], device: str) -> list[LipsClip]:
    """Read clips from the store and listen to each with the network's ears."""
    from tqdm import tqdm

    names = network.description.speakers
    encoder = network.audio_encoder.to(device).eval()
    result = []
    for clip in tqdm(clips, desc="listening", unit="clip", dynamic_ncols=True, disable=None):
        row = names.index(store.meta(clip)["speaker"])
        with torch.inference_mode():
            mel = torch.from_numpy(store.get(clip, "mel").astype(np.float32))[None].to(device)
            heard = encoder(mel)[0][0].softmax(-1).cpu().numpy().astype(np.float16)
            lips = np.array(store.get(clip, "lips"))
            mean = network.lip_mean[row]
            coefficients = network.lips_to_coefficients(torch.from_numpy(lips), mean).numpy()
        labels, detected = np.array(store.get(clip, "labels")), np.array(store.get(clip, "detected"))
        shut = opening(lips) < SHUT_SHARE * float(opening(mean.numpy()))
        result.append(LipsClip(clip, labels, heard, coefficients, detected, shut & detected, row))
    encoder.to("cpu")
    return result


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
    return clip._replace(
        labels=clip.labels[steps],
        heard=clip.heard[steps],
        coefficients=clip.coefficients[part],
        detected=clip.detected[part],
        shut=clip.shut[part],
    )


def make_batch(clips: list[LipsClip], from_text: list[bool]) -> LipsBatch:
    """Pad clips to one length, each fed by its text or by the ears."""
    posteriors = [
        labels_to_posteriors(clip.labels) if text else clip.heard.astype(np.float32)
        for clip, text in zip(clips, from_text, strict=True)
    ]
    steps = max(len(part) for part in posteriors)
    frames = steps_to_frames(steps)
    return LipsBatch(
        pad_stack(posteriors, steps),
        pad_stack([clip.coefficients for clip in clips], frames),
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
        self.from_text = rng.random(number) < self.settings.text_share
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.clips) // self.settings.batch)

    def __getitem__(self, index: int) -> LipsBatch:
        part = slice(index * self.settings.batch, (index + 1) * self.settings.batch)
        rng = np.random.default_rng((self.settings.seed, self.epoch, index))
        clips = [self._vary(self.clips[i], rng) for i in self.order[part]]
        return make_batch(clips, self.from_text[part].tolist())

    def _vary(self, clip: LipsClip, rng: np.random.Generator) -> LipsClip:
        """Cut a clip at random and move its phone edges."""
        whole = len(clip.coefficients)
        frames = int(rng.integers(min(self.settings.least_frames, whole), whole + 1))
        piece = cut(clip, int(rng.integers(0, whole - frames + 1)), frames)
        return piece._replace(labels=move_edges(piece.labels, self.settings.edge_jitter_steps, rng))


class LipsRun(Fit):
    """Squared error of position, of velocity, and of the opening where the mouth is shut.

    All in units of the first component's spread. `opening_direction` (components,) turns coefficients into
    the opening's deviation.
    """

    settings: LipsFit
    opening_direction: Tensor

    def compute_forward(self, batch: LipsBatch, stage: sb.Stage) -> Tensor:
        """Make coefficients (batch, frames, components), hearing the truth as often as the schedule says."""
        modules, speaker = self.modules, batch.speaker
        truth = batch.coefficients.to(self.device)
        use_truth = None
        if stage == sb.Stage.TRAIN:
            speaker = hide_speakers(speaker, self.settings.unknown_speaker_share, self.generator)
            until = self.settings.own_output_until
            if self.progress < until:
                share = 1.0 - self.progress / until
                use_truth = (torch.rand(truth.shape[:2], generator=self.generator) < share).to(self.device)
        mask = batch.mask.to(self.device)
        latent = modules.bottleneck(batch.posteriors.to(self.device))
        context = modules.decoder.context(latent, modules.speakers(speaker.to(self.device)), mask)
        state = modules.decoder.start(len(truth), truth.device)
        coefficients, _ = modules.decoder(context, state, truth, use_truth)
        return coefficients

    def compute_objectives(self, predictions: Tensor, batch: LipsBatch, stage: sb.Stage) -> Tensor:
        """Average over the frames in which the face was really found."""
        truth, weight = batch.coefficients.to(self.device), batch.weight.to(self.device)
        squared = (predictions - truth).square().sum(-1)
        position = (squared * weight).sum() / weight.sum().clamp_min(1)
        both = weight[:, 1:] * weight[:, :-1]
        velocity = (predictions.diff(dim=1) - truth.diff(dim=1)).square().sum(-1)
        moving = (velocity * both).sum() / both.sum().clamp_min(1)
        if stage != sb.Stage.TRAIN:
            self.count(
                squared=float((squared * weight).sum()),
                mean_squared=float((truth.square().sum(-1) * weight).sum()),
                speed=float((predictions.diff(dim=1).norm(dim=-1) * both).sum()),
                true_speed=float((truth.diff(dim=1).norm(dim=-1) * both).sum()),
            )
        shut = batch.shut.to(self.device)
        parted = ((predictions - truth) @ self.opening_direction.to(self.device)).square()
        closing = (parted * shut).sum() / weight.sum().clamp_min(1)
        return position + self.settings.velocity_weight * moving + self.settings.closure_weight * closing

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
    """Train bottleneck, speaker table and decoder of `network` in place."""
    names = lip_clips(store, "train")
    fit_lip_basis(network, store, names, settings.balance)
    listening = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    train = read_clips(network, store, names, listening)
    valid = read_clips(network, store, lip_clips(store, "valid"), listening)
    size = settings.batch
    valid_batches = [
        make_batch(valid[i : i + size], [text] * len(valid[i : i + size]))
        for text in (False, True)
        for i in range(0, len(valid), size)
    ]
    modules = {"bottleneck": network.bottleneck, "speakers": network.speakers, "decoder": network.decoder}
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
