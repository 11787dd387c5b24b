#!/usr/bin/env python3
"""Train the small variants that docs/findings.md compares, and print its tables.

    python tools/studies/findings.py run --data exp/default/data --model exp/default/model/network --out exp/findings
    python tools/studies/findings.py tables --out exp/findings

Every variant is a lip decoder trained from scratch on the GRID clips of the prepared corpus, on the encoder outputs
of --model, and scored on the test clips. Sizes are a quarter of the shipped decoder's, so that a hundred trainings
fit in an hour of one core: the tables compare choices with each other, not with the shipped model. A row of the
results file is one variant, one seed; a study that was stopped goes on where it was.
"""

import argparse
import json
import logging
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from phonolips.corpus.store.store import Store
from phonolips.evaluation import metrics
from phonolips.lips.measures import opening
from phonolips.model.network import Description
from phonolips.model.stages import encoder_reach
from phonolips.phones.posteriors import labels_to_posteriors
from phonolips.timebase import STEPS_PER_FRAME
from phonolips.training.encoder_outputs import StoredOutput
from phonolips.training.lips import fit_lips
from phonolips.training.lips_basis import fit_lip_basis
from phonolips.training.lips_batches import Feed, make_batch
from phonolips.training.lips_clips import LipsClip, lip_clips, read_clips
from phonolips.training.networks.network import TrainableNetwork, read_trainable
from phonolips.training.settings import LipsFitSettings, Recipe, load_settings

SMALL = (
    "network.decoder.channels=64", "network.decoder.hidden=64", "network.lip_parameters.channels=32",
    "network.decoder.kind=convolution", "network.decoder.autoregressive=false", "network.lip_parameters.names=[]",
    "lips.batch=16", "lips.learning_rate=3e-3", "lips.epochs=6", "lips.text_share=0", "lips.noisy_share=0",
    "lips.phones_only_share=0", "network.lip_parameters.layers=2", "network.lip_parameters.kernel=5",
)  # fmt: skip
LONGER = ("lips.epochs=12", "lips.closure_weight=0", "lips.least_frames=75")  # as the plain reference was trained
LIP_PARAMETERS = "network.lip_parameters.names=[opening,width,height]"
SEEDS = (1, 2, 3)
MEASURES = ("opening_r", "width_r", "skill", "shape_skill", "velocity_ratio", "closure_recall", "jitter")
FREE_LATENT = 32
WHOLE_FRAMES = 75  # of a GRID clip
MEL_CENTRE, MEL_SPREAD = -6.0, 3.0  # nats; brings log-mel near 0 and 1


class FreeEncoder(nn.Module):
    """A latent of its own instead of phones: log-mel (batch, steps, mels) to (batch, steps, FREE_LATENT)."""

    def __init__(self, mels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(mels, 96, 5, padding=2), nn.GELU(), nn.Dropout(0.2),
            nn.Conv1d(96, 96, 5, stride=2, padding=2), nn.GELU(), nn.Dropout(0.2),
            nn.Conv1d(96, FREE_LATENT, 5, padding=2),
        )  # fmt: skip

    def forward(self, mel: Tensor) -> Tensor:
        """Encode at 20 ms, repeated to steps; zero where the input is padding."""
        latent = self.layers(mel.transpose(1, 2)).transpose(1, 2).repeat_interleave(2, 1)
        return latent * (mel.abs().sum(-1, keepdim=True) > 0)


class PlainGru(nn.Module):
    """The plain reference: a two-layer bidirectional GRU over whole clips in place of the decoder.

    It has no fixed look-ahead and no bottleneck; its input are the four steps of each frame, side by side.
    """

    hidden = 128

    def __init__(self, inputs: int, speaker: int, outputs: int) -> None:
        super().__init__()
        self.to_frames = nn.Linear(STEPS_PER_FRAME * inputs, self.hidden)
        self.speaker = nn.Linear(speaker, self.hidden)
        self.dropout = nn.Dropout(0.2)
        self.cell = nn.GRU(self.hidden, self.hidden, 2, batch_first=True, bidirectional=True, dropout=0.2)
        self.head = nn.Linear(2 * self.hidden, outputs)

    def context(self, latent: Tensor, speaker: Tensor, lip_parameters: Tensor | None = None) -> Tensor:
        """Run over the clip: (batch, steps, inputs) -> (batch, frames, 2 hidden)."""
        rows = latent.reshape(len(latent), -1, STEPS_PER_FRAME * latent.shape[2])
        hidden = torch.relu(self.to_frames(rows) + self.speaker(speaker)[:, None])
        return self.dropout(self.cell(self.dropout(hidden))[0])

    def start(self, batch: int, device: torch.device | None = None) -> None:
        """Have no state."""

    def forward(self, context: Tensor, *_: object) -> tuple[Tensor, None]:
        """Read the outputs off."""
        return self.head(context), None


@dataclass
class Variant:
    """One choice in one table.

    Args:
        name: the table's row.
        overrides: settings beyond SMALL.
        source: what crosses to the decoder: `posteriors`, `hard`, `temperature 2`, `free`, `mel`, `hidden`.
        plain_gru: put the plain reference in the decoder's place.
        speakers: False shows every clip to one and the same embedding, in training and in the test.
        share: of the training clips of s1 that are used.
        online: score as if the sound arrived frame by frame, too.
    """

    name: str
    overrides: tuple[str, ...] = ()
    source: str = "posteriors"
    speakers: bool = True
    share: float = 1.0
    online: bool = False
    plain_gru: bool = False


def ar(kind: str, autoregressive: bool) -> tuple[str, ...]:
    """Spell out a kind of decoder."""
    return (f"network.decoder.kind={kind}", f"network.decoder.autoregressive={str(autoregressive).lower()}")


BASE = Variant("posteriors")
QUESTIONS: dict[str, list[Variant]] = {
    "bottleneck": [
        Variant("hard phones", source="hard"),
        BASE,
        Variant("posteriors, temperature 2", source="temperature 2"),
        Variant("posteriors and lip parameters", (LIP_PARAMETERS,)),
        Variant("free latent, 32 numbers", (f"network.decoder.latent={FREE_LATENT}",), source="free"),
        Variant("log-mel, 80 numbers", ("network.decoder.latent=80",), source="mel"),
        Variant("the encoder's hidden layer", ("network.decoder.latent=256",), source="hidden"),
        Variant("plain GRU from log-mel", LONGER, source="mel", plain_gru=True),
        Variant("plain GRU from the encoder's hidden layer", LONGER, source="hidden", plain_gru=True),
    ],
    "speaker": [
        BASE,
        Variant("posteriors, no embedding", speakers=False),
        Variant("free latent, 32 numbers", (f"network.decoder.latent={FREE_LATENT}",), source="free"),
        Variant("free latent, no embedding", (f"network.decoder.latent={FREE_LATENT}",), "free", False),
        Variant("posteriors and lip parameters", (LIP_PARAMETERS,)),
        Variant("posteriors and lip parameters, no embedding", (LIP_PARAMETERS,), speakers=False),
    ],
    "decoder": [
        Variant(f"{kind}, {'' if own else 'not '}autoregressive", ar(kind, own))
        for kind in ("recurrent", "convolution", "attention")
        for own in (True, False)
        if kind != "convolution" or own
    ]
    + [Variant("convolution, not autoregressive")],
    "representation": [
        *(Variant(f"PCA, {count}", (f"network.lips.components={count}",)) for count in (4, 8)),
        Variant("PCA, 12"),
        Variant("PCA, 20", ("network.lips.components=20",)),
        Variant("displacement, PCA 12", ("network.lips.representation=displacement",)),
        Variant("heatmaps", ("network.lips.representation=heatmap",)),
    ],
    "look_ahead": [
        *(Variant(f"{40 * n} ms", (f"network.decoder.look_ahead={n}",), online=True) for n in (0, 1, 2, 4, 8)),
        Variant("480 ms"),
    ],
    "data": [Variant(f"1/{2**n} of s1", share=2.0**-n) for n in (0, 1, 2, 3, 4, 6)],
}  # fmt: skip


@dataclass
class Corpus:
    """Clips with their encoder outputs and their log-mel."""

    network: TrainableNetwork
    train: list[LipsClip]
    valid: list[LipsClip]
    test: list[LipsClip]
    mel: dict[str, np.ndarray]
    lips: dict[str, np.ndarray]
    speaker: dict[str, str]
    store: Store = field(repr=False)
    bases: dict[tuple[str, int], dict[str, Tensor]] = field(default_factory=dict)
    thresholds: dict[str, metrics.OpeningThresholds] = field(default_factory=dict)

    def set_basis(self, network: TrainableNetwork, balance: float) -> None:
        """Set mean shapes and basis in a network, measured once for each representation."""
        lips = network.description.settings.lips
        key = (lips.representation, lips.components)
        if key not in self.bases:
            fit_lip_basis(network, self.store, [clip.name for clip in self.train], LipsFitSettings(balance=balance))
            state = network.state_dict()
            self.bases[key] = {name: state[name].clone() for name in ("lip_mean", "lip_basis", "lip_scale")}
        network.load_state_dict(self.bases[key], strict=False)
        if network.lip_parameters.settings.names:
            network.lip_parameters.scale.copy_(self.network.lip_parameters.scale)


def read_corpus(data: Path, model: Path) -> Corpus:
    """Encode all clips of GRID; unseen speakers get the mean speaker's row and their own mean shape later."""
    store, network = Store(data / "features"), read_trainable(model)
    names = {split: lip_clips(store, split) for split in ("train", "valid", "test_seen", "test_unseen")}
    fit_lip_basis(network, store, names["train"], LipsFitSettings(balance=0.4))
    train, valid, test = (read_clips(network, store, names[split], "cpu") for split in ("train", "valid", "test_seen"))
    every = [clip for part in names.values() for clip in part]
    mel = {clip: (store.get(clip, "mel").astype(np.float32) - MEL_CENTRE) / MEL_SPREAD for clip in every}
    lips = {clip: np.array(store.get(clip, "lips")) for clip in every}
    speakers = {clip: store.meta(clip)["speaker"] for clip in every}
    thresholds = speaker_thresholds(lips, speakers)
    return Corpus(network, train, valid, test, mel, lips, speakers, store, thresholds=thresholds)


def feed_of(clip: LipsClip, source: str, mel: np.ndarray) -> np.ndarray:
    """Make what crosses to the decoder at every step: (steps, numbers), float16."""
    encoded = clip.outputs[0]
    if source == "mel" or source == "free":
        return mel.astype(np.float16)
    if source == "hidden":
        return encoded.hidden.repeat(2, 0)
    posteriors = encoded.posteriors.astype(np.float32)
    if source == "hard":
        return labels_to_posteriors(posteriors.argmax(1)).astype(np.float16)
    if source.startswith("temperature"):
        powered = np.maximum(posteriors, 1e-7) ** (1 / float(source.split()[1]))
        return (powered / powered.sum(1, keepdims=True)).astype(np.float16)
    return encoded.posteriors


def prepare(corpus: Corpus, clips: Iterable[LipsClip], variant: Variant, network: TrainableNetwork) -> list[LipsClip]:
    """Replace in clips the variant's input and the representation's numbers."""
    result = []
    for clip in clips:
        rows = feed_of(clip, variant.source, corpus.mel[clip.name])
        lips = torch.from_numpy(corpus.lips[clip.name])
        result.append(
            clip._replace(
                outputs=(StoredOutput(rows, clip.outputs[0].hidden),),
                coefficients=network.lips_to_coefficients(lips, network.lip_mean[clip.speaker]).numpy(),
                lip_parameters=clip.lip_parameters
                if network.lip_parameters.settings.names
                else clip.lip_parameters[:, :0],
                speaker=clip.speaker if variant.speakers else 0,
            )
        )
    return result


def run_variant(corpus: Corpus, variant: Variant, seed: int) -> list[dict[str, Any]]:
    """Train a variant with one seed and score the test clips."""
    overrides = [*SMALL, *variant.overrides, f"lips.seed={seed}", f"encoder.seed={seed}"]
    recipe: Recipe = load_settings(Recipe, overrides=overrides)
    recipe.network.audio_encoder = corpus.network.description.settings.audio_encoder
    torch.manual_seed(seed)
    network = TrainableNetwork(Description(recipe.network, corpus.network.description.speakers))
    corpus.set_basis(network, recipe.lips.balance)
    if variant.source in ("mel", "hidden"):
        network.bottleneck = nn.Identity()  # type: ignore[assignment]
    elif variant.source == "free":
        network.bottleneck = FreeEncoder(80)  # type: ignore[assignment]
    if variant.plain_gru:
        inputs = {"mel": 80, "hidden": 256}.get(variant.source, 0) or recipe.network.decoder.latent
        gru = PlainGru(inputs, recipe.network.decoder.speaker, network.decoder.outputs)
        network.decoder = gru  # type: ignore[assignment]
    chosen = corpus.train
    if variant.share < 1:
        rng = np.random.default_rng(seed)
        mine = [clip for clip in corpus.train if corpus.speaker[clip.name] == "s1"]
        kept = {mine[i].name for i in rng.permutation(len(mine))[: max(1, round(variant.share * len(mine)))]}
        chosen = [clip for clip in corpus.train if clip.name in kept]
        chosen = chosen * max(1, round(len(corpus.train) / len(chosen)))  # as many updates for all
    train, valid, test = (prepare(corpus, clips, variant, network) for clips in (chosen, corpus.valid[:4], corpus.test))
    with tempfile.TemporaryDirectory() as folder:
        fit_lips(network, train, valid, recipe.lips, Path(folder), device="cpu")
    network.eval()
    rows = [score(corpus, network, clip, variant, seed) for clip in test]
    if variant.online:
        rows += [row | {"online": True} for row in run_online(corpus, network, variant, seed)]
    return rows


def score(corpus: Corpus, network: TrainableNetwork, clip: LipsClip, variant: Variant, seed: int) -> dict[str, Any]:
    """Make and score one test clip."""
    batch = make_batch([clip], [Feed()])
    row = network.description.speakers.index(corpus.speaker[clip.name])
    with torch.inference_mode():
        lip_parameters = (
            network.lip_parameters.from_sound(batch.hidden) if network.lip_parameters.settings.names else None
        )
        outputs = network.decode(batch.posteriors, network.speakers(batch.speaker), lip_parameters)[0]
        lips = network.coefficients_to_lips(outputs, network.lip_mean[row]).numpy()
    return score_lips(corpus, network, clip, lips, variant.name, seed)


def score_lips(
    corpus: Corpus, network: TrainableNetwork, clip: LipsClip, lips: np.ndarray, name: str, seed: int
) -> dict[str, Any]:
    """Score lips (frames, 40, 2) made for a test clip."""
    speaker = corpus.speaker[clip.name]
    row = network.description.speakers.index(speaker)
    scores = metrics.lip_scores(
        lips, corpus.lips[clip.name], mean_lip=network.lip_mean[row].numpy(), labels=clip.labels.astype(np.int64),
        detected=clip.detected, thresholds=corpus.thresholds[speaker],
    )  # fmt: skip
    kept = {name: scores[name] for name in (*MEASURES, "error", "closure_hits", "closure_total", "jitter_of_truth")}
    return {"variant": name, "seed": seed, "clip": clip.name, "speaker": speaker} | kept


def speaker_thresholds(lips: dict[str, np.ndarray], speakers: dict[str, str]) -> dict[str, metrics.OpeningThresholds]:
    """Set every speaker's closed and open mouth from all clips."""
    openings: dict[str, list[np.ndarray]] = defaultdict(list)
    for clip, speaker in speakers.items():
        openings[speaker].append(opening(lips[clip]))
    return {speaker: metrics.opening_thresholds(np.concatenate(parts)) for speaker, parts in openings.items()}


def run_online(corpus: Corpus, network: TrainableNetwork, variant: Variant, seed: int) -> list[dict[str, Any]]:
    """Score s1's test clips as if the sound came frame by frame: the encoder, too, gets nothing beyond the look-ahead.

    Every frame is made from the encoder output of the sound up to `look_ahead` frames after it.
    """
    decoder, encoder = network.decoder, corpus.network.audio_encoder
    test = prepare(corpus, corpus.test, variant, network)
    clips = [clip for clip in test if corpus.speaker[clip.name] == "s1" and len(clip.coefficients) == WHOLE_FRAMES]
    mel = torch.from_numpy(np.stack([corpus.mel[clip.name] for clip in clips])) * MEL_SPREAD + MEL_CENTRE
    embedding = network.speakers(torch.tensor([clip.speaker for clip in clips]))
    frames = []
    with torch.inference_mode():
        for frame in range(WHOLE_FRAMES):
            stop = min(WHOLE_FRAMES, frame + 1 + decoder.ahead_frames)
            first = max(0, frame - decoder.back_frames)
            start = max(0, first - encoder_reach(encoder.settings).back_frames)
            posteriors = encoder.posteriors(mel[:, start * STEPS_PER_FRAME : stop * STEPS_PER_FRAME])
            outputs = network.decode(posteriors[:, (first - start) * STEPS_PER_FRAME :], embedding)
            frames.append(outputs[:, frame - first])
        made = torch.stack(frames, 1)
    row = network.description.speakers.index("s1")
    lips = network.coefficients_to_lips(made, network.lip_mean[row]).numpy()
    return [score_lips(corpus, network, clip, own, variant.name, seed) for clip, own in zip(clips, lips, strict=True)]


def key_of(variant: Variant, seed: int) -> str:
    """Name a training by what goes into it, so that tables share it."""
    return json.dumps([variant.overrides, variant.source, variant.speakers, variant.share, variant.plain_gru, seed])


def run(data: Path, model: Path, out: Path, questions: list[str], seeds: list[int]) -> None:
    """Train what is missing, one after the other."""
    out.mkdir(parents=True, exist_ok=True)
    todo, planned = [], set()
    for question in questions:
        for seed in seeds:
            for variant in QUESTIONS[question]:
                key = key_of(variant, seed)
                if key not in planned and not (out / file_name(key)).exists():
                    planned.add(key)
                    todo.append((variant, seed))
    corpus = read_corpus(data, model) if todo else None
    for variant, seed in tqdm(todo, desc="variants", unit="training", dynamic_ncols=True, disable=None):
        assert corpus is not None
        rows = run_variant(corpus, variant, seed)
        file = out / file_name(key_of(variant, seed))
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(rows))
        temporary.replace(file)


def file_name(key: str) -> str:
    """Return a short name of its own for a training's results file."""
    import hashlib

    return f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def table(out: Path, variants: list[Variant], speakers: set[str], seeds: list[int], *, online: bool = False) -> str:
    """Make one table: means over clips of the mean over seeds, bootstrap intervals over clips, spread of seeds."""
    lines = ["| | " + " | ".join(name.replace("_", " ") for name in MEASURES) + " | seeds |"]
    lines.append("|---|" + "---|" * (len(MEASURES) + 1))
    for variant in variants:
        found = []
        for seed in seeds:
            file = out / file_name(key_of(variant, seed))
            if file.exists():
                rows = json.loads(file.read_text())
                found.append([row for row in rows if row["speaker"] in speakers and bool(row.get("online")) == online])
        if not found or not found[0]:
            continue
        cells = [cell(found, measure) for measure in MEASURES]
        lines.append(f"| {variant.name} | " + " | ".join(cells) + f" | {len(found)} |")
    return "\n".join(lines)


def cell(found: list[list[dict[str, Any]]], measure: str) -> str:
    """Compute mean, 95 % bootstrap interval over clips, and the standard deviation between seeds."""
    digits = 4 if measure == "jitter" else 3
    if measure == "closure_recall":
        hits, total = (sum(row[f"closure_{n}"] for rows in found for row in rows) for n in ("hits", "total"))
        return f"{hits / total:.2f}" if total else "–"
    values = np.array([[row[measure] for row in rows] for rows in found])
    per_clip = np.nanmean(values, 0)
    low, high = metrics.bootstrap_interval(per_clip)
    spread = f" ± {np.nanmean(values, 1).std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{np.nanmean(per_clip):.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]{spread}"


def tables(out: Path, questions: list[str], seeds: list[int]) -> str:
    """Make every table: s1, and the speakers with few clips."""
    parts = []
    for question in questions:
        for title, speakers in (("s1", {"s1"}), ("s4, s26, s33", {"s4", "s26", "s33"})):
            parts.append(f"### {question}: {title}\n\n{table(out, QUESTIONS[question], speakers, seeds)}\n")
    if "look_ahead" in questions:
        body = table(out, QUESTIONS["look_ahead"], {"s1"}, seeds, online=True)
        parts.append(f"### look_ahead: s1, the encoder gets no more either\n\n{body}\n")
    return "\n".join(parts)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "tables"))
    parser.add_argument("--data", type=Path, help="a prepared corpus")
    parser.add_argument("--model", type=Path, help="model folder whose encoder is used")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results, a file a training")
    parser.add_argument("--questions", nargs="+", choices=tuple(QUESTIONS), default=list(QUESTIONS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("speechbrain").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="torch")
    torch.set_num_threads(1)
    if given.what == "run":
        if given.data is None or given.model is None:
            parser.error("run needs --data and --model")
        run(given.data, given.model, given.out, given.questions, given.seeds)
    print(tables(given.out, given.questions, given.seeds))


if __name__ == "__main__":
    main()
