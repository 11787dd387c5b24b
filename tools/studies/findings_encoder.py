#!/usr/bin/env python3
"""Train small encoders on more and less speech, for the learning curves of docs/findings.md.

    python tools/studies/findings_encoder.py --data exp/default/data --out exp/findings_encoder

Every variant has the same number of updates but where it says otherwise, and is scored on speakers of LibriSpeech that
it was not trained on and on GRID's held-out s1 clips. A study that was stopped goes on with the next variant.
"""

import argparse
import json
import logging
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from phonolips.corpus.store.store import Store
from phonolips.evaluation.metrics import encoder as metrics
from phonolips.model.network import Description
from phonolips.training.encoder import train_encoder
from phonolips.training.networks.network import TrainableNetwork
from phonolips.training.settings import Recipe, load_settings

SCORED_UTTERANCES = 100  # of the unseen speakers of LibriSpeech, drawn by a hash of their names
UPDATES = 500
BATCH = 32


@dataclass(frozen=True)
class Variant:
    """One training: share of LibriSpeech, with or without GRID, width against the small one's, updates."""

    name: str
    share: float
    grid: bool = True
    width: float = 1.0
    updates: int = UPDATES


VARIANTS = (
    Variant("GRID only", 0.0),
    Variant("GRID and 1/16 of LibriSpeech", 1 / 16),
    Variant("GRID and 1/4 of LibriSpeech", 1 / 4),
    Variant("GRID and LibriSpeech", 1.0),
    Variant("GRID and LibriSpeech, a quarter of the updates", 1.0, updates=UPDATES // 4),
    Variant("GRID and LibriSpeech, half the width", 1.0, width=0.5),
)


def training_clips(store: Store, variant: Variant) -> np.ndarray:
    """Choose a variant's training clips, as positions in the store; a share keeps whole speakers together."""

    def kept(position: int) -> bool:
        if store.rows(position, "lips"):
            return variant.grid
        return zlib.crc32(store.id_at(position).encode()) / 2**32 < variant.share

    positions = store.where(split="train")
    return positions[[kept(int(position)) for position in positions]]


def run(store: Store, variant: Variant, folder: Path, seed: int) -> dict[str, Any]:
    """Train a variant and score it."""
    fine, coarse = round(96 * variant.width), round(128 * variant.width)
    overrides = [
        f"network.audio_encoder.channels={fine}", f"network.audio_encoder.coarse_channels={coarse}",
        "encoder.epochs=1", f"encoder.epoch_batches={variant.updates}", f"encoder.seed={seed}",
        f"encoder.batch={BATCH}",
    ]  # fmt: skip
    recipe: Recipe = load_settings(Recipe, overrides=overrides)
    torch.manual_seed(seed)
    network = TrainableNetwork(Description(recipe.network))
    positions = training_clips(store, variant)
    again = -(-2 * BATCH * UPDATES // len(positions))  # an epoch is to have batches enough
    valid = store.where(split="valid")[::4]
    train_encoder(network, store, recipe.encoder, folder, device="cpu", train=np.tile(positions, again), valid=valid)
    hours = float(store.lengths("mel")[positions].sum(dtype=np.int64)) / 360_000
    result: dict[str, Any] = {"variant": variant.name, "seed": seed, "hours": hours}
    result["updates"] = variant.updates
    result["parameters"] = sum(p.numel() for p in network.audio_encoder.parameters())
    for title, clips in scored(store).items():
        rows = []
        for clip in tqdm(clips, desc=title, leave=False, dynamic_ncols=True, disable=None):
            mel = torch.from_numpy(store.get(clip, "mel").astype(np.float32))[None]
            with torch.inference_mode():
                posteriors = network.audio_encoder.posteriors(mel)[0].numpy()
            labels = store.get(clip, "labels").astype(np.int64)
            ngram = network.phone_ngram()
            rows.append(metrics.encoder_scores(posteriors, labels, ngram=ngram))
        for name, top, bottom in (("PER", "phone_errors", "phone_total"), ("accuracy", "right_steps", "known_steps")):
            result[f"{title} {name}"] = sum(r[top] for r in rows) / sum(r[bottom] for r in rows)
    return result


def scored(store: Store) -> dict[str, list[str]]:
    """Choose the clips to score."""
    unseen = [c for c in store if store.meta(c)["split"] == "test_unseen" and not store.rows(c, "lips")]
    unseen.sort(key=lambda clip: zlib.crc32(clip.encode()))
    s1 = [c for c in store if store.meta(c)["split"] == "test_seen" and store.meta(c)["speaker"] == "s1"]
    return {"LibriSpeech unseen": unseen[:SCORED_UTTERANCES], "GRID s1": s1}


def table(results: list[dict[str, Any]]) -> str:
    """Write the results as Markdown."""
    measures = ("LibriSpeech unseen PER", "LibriSpeech unseen accuracy", "GRID s1 PER", "GRID s1 accuracy")
    lines = ["| encoder | hours | updates | parameters | " + " | ".join(measures) + " |", "|---" * 8 + "|"]
    for row in results:
        figures = " | ".join(f"{row[name]:.3f}" for name in measures)
        size = f"{row['parameters'] / 1e6:.2f} M"
        lines.append(f"| {row['variant']} | {row['hours']:.2f} | {row['updates']} | {size} | {figures} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a prepared corpus with LibriSpeech in it")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    torch.set_num_threads(1)
    store = Store(given.data / "features")
    results = []
    for number, variant in enumerate(tqdm(VARIANTS, desc="variants", dynamic_ncols=True, disable=None)):
        file = given.out / f"{number}_{given.seed}.json"
        if not file.exists():
            result = run(store, variant, given.out / f"{number}_{given.seed}", given.seed)
            file.write_text(json.dumps(result))
        results.append(json.loads(file.read_text()))
    print(table(results))


if __name__ == "__main__":
    main()
